/* SPDX-License-Identifier: Apache-2.0 */
/** How often a literal stands in ordinary log text, as the model of it (needle_model.c) tells. */
#include <math.h>

#include "base/needle_inside.h"

#define SIXES_LEVEL (8 * (8 + 2)) /* CUL_SIXES_LEAST in a MiB */

static int triple(const struct cul_model *m, const unsigned char *p)
{
	int level = m->triple[cul_triple_slot(p[0], p[1], p[2])];
	return level ? level : m->once - 8;
}

/* 8 * log2 of how often the text stands in 256 MiB: of three bytes the next depends on two. */
static int commonness(const struct cul_model *m, const unsigned char *p, size_t size)
{
	int sum = triple(m, p);
	for (size_t i = 1; i + 3 <= size; i++) {
		int pair = m->pair[cul_pair_slot(p[i], p[i + 1])];
		int step = triple(m, p + i) - (pair ? pair : m->once);
		sum += step < 0 ? step : 0;
	}
	return sum;
}

/* The same of a literal: not more than the rarest six bytes of it. Three bytes alone think too little of words and phrases. */
static int literal_commonness(const unsigned char *p, size_t size)
{
	int chain = commonness(&cul_model, p, size), least = 255;

	for (size_t i = 0; i + CUL_SIX_BYTES <= size; i++) {
		uint32_t h = cul_six_hash(p + i) & ((1u << 23) - 1);
		const struct cul_six *six = &cul_model_sixes[h % CUL_SIXES];
		int level = six->level && six->check == (uint8_t)(h / CUL_SIXES) ? six->level : 0;
		least = level < least ? level : least;
	}
	if (size < CUL_SIX_BYTES)
		return chain;
	return least ? least : chain < SIXES_LEVEL ? chain : SIXES_LEVEL;
}

double cul_literal_per_mib(struct cul_slice literal, bool caseless)
{
	unsigned char spelt[256];
	size_t size = literal.size < sizeof(spelt) ? literal.size : sizeof(spelt);
	double sum = 0;

	if (size < 3) /* no model of these: as common as can be */
		return 1 << 20 >> 6 * size;
	for (int shape = 0; shape < (caseless ? 3 : 1); shape++) { /* as given, Capital, ALL CAPITALS */
		for (size_t i = 0; i < size; i++) {
			unsigned char c = (unsigned char)literal.data[i];
			bool large = c >= 'a' && c <= 'z' && (shape == 2 || (shape == 1 && (!i || literal.data[i - 1] == ' ')));
			spelt[i] = large ? (unsigned char)(c - 32) : c;
		}
		sum += exp2(literal_commonness(spelt, size) / 8.0) / 256;
	}
	return sum;
}
