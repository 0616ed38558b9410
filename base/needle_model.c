/* SPDX-License-Identifier: Apache-2.0 */
/** Log text -> how often its pairs, triples, windows and sixes of bytes stand in it. Used at build time (mkmodel.c). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/needle_inside.h"

static uint8_t level(uint32_t count, size_t size)
{
	double value = count ? 8 * log2((double)count * (double)(1 << 28) / (double)size) : 0;
	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static bool count_windows(struct cul_slice text, uint8_t ret[CUL_MODEL_WINDOWS])
{
	uint32_t *counts = calloc(CUL_MODEL_WINDOWS, sizeof(*counts));

	if (!counts)
		return false;
	for (size_t i = 0; i + CUL_WINDOW_BYTES <= text.size; i++) {
		uint32_t first, last;
		memcpy(&first, text.data + i, sizeof(first));
		memcpy(&last, text.data + i + 1, sizeof(last));
		counts[cul_window_hash(cul_fold(first), cul_fold(last)) >> 16]++;
	}
	for (size_t i = 0; i < CUL_MODEL_WINDOWS; i++)
		ret[i] = level(counts[i], text.size);
	free(counts);
	return true;
}

bool cul_model_make(struct cul_slice text, struct cul_model *ret)
{
	uint32_t *pairs = calloc(128 * 128 + CUL_MODEL_TRIPLES, sizeof(*pairs)), *triples = pairs + 128 * 128;
	const unsigned char *p = (const unsigned char *)text.data;

	if (!pairs)
		return false;
	for (size_t i = 0; i + 3 <= text.size; i++) {
		pairs[cul_pair_slot(p[i], p[i + 1])]++;
		triples[cul_triple_slot(p[i], p[i + 1], p[i + 2])]++;
	}
	for (size_t i = 0; i < 128 * 128; i++)
		ret->pair[i] = level(pairs[i], text.size);
	for (size_t i = 0; i < CUL_MODEL_TRIPLES; i++)
		ret->triple[i] = level(triples[i], text.size);
	ret->once = level(1, text.size);
	free(pairs);
	return count_windows(text, ret->window);
}

bool cul_model_make_sixes(struct cul_slice text, struct cul_six *ret)
{
	const uint32_t slots = 1u << 23; /* many more than there are different ones, so that few share one */
	uint32_t *counts = calloc(slots, sizeof(*counts)), *best = calloc(CUL_SIXES, sizeof(*best));
	const unsigned char *p = (const unsigned char *)text.data;

	if (!counts || !best) {
		free(counts);
		free(best);
		return false;
	}
	for (size_t i = 0; i + CUL_SIX_BYTES <= text.size; i++)
		counts[cul_six_hash(p + i) % slots]++;
	for (uint32_t h = 0; h < slots; h++) {
		struct cul_six *six = ret + h % CUL_SIXES;
		if ((double)counts[h] * (1 << 20) < (double)CUL_SIXES_LEAST * (double)text.size || counts[h] <= best[h % CUL_SIXES])
			continue;
		best[h % CUL_SIXES] = counts[h];
		*six = (struct cul_six){ (uint8_t)(h / CUL_SIXES), level(counts[h], text.size) };
	}
	free(counts);
	free(best);
	return true;
}
