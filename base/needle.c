/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Many literals in one pass: Aho-Corasick as a dense automaton over byte classes.
 *
 * Needles with and without case live in one automaton that reads folded bytes; a hit of a needle with
 * case is confirmed with memcmp at its place, so the result is exact. Bytes that stand in no needle share one
 * class, which keeps the rows short.
 */
#include "base/needle.h"

#include <stdlib.h>
#include <string.h>

struct cul_needles {
	uint8_t class_of[256];
	size_t classes, states;
	uint32_t *next;      /* [state * classes + class] -> state, bit 31: something ends there */
	uint32_t *out_first; /* by state: first index into outs; states + 1 */
	uint32_t *outs;      /* needle indexes, own and those of the suffixes */
	struct cul_needle *needles;
	size_t count;
};

#define ENDS 0x80000000u

static unsigned char fold(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

void cul_needles_free(struct cul_needles *set)
{
	if (!set)
		return;
	free(set->next);
	free(set->out_first);
	free(set->outs);
	free(set->needles);
	free(set);
}

static void make_classes(struct cul_needles *set)
{
	bool used[256] = { false };
	for (size_t i = 0; i < set->count; i++)
		for (size_t k = 0; k < set->needles[i].literal.size; k++)
			used[fold((unsigned char)set->needles[i].literal.data[k])] = true;
	set->classes = 1;
	for (int c = 0; c < 256; c++)
		if (used[c] && fold((unsigned char)c) == c)
			set->class_of[c] = (uint8_t)set->classes++;
	for (int c = 'A'; c <= 'Z'; c++)
		set->class_of[c] = set->class_of[fold((unsigned char)c)];
}

/* Fill the transitions of failing states; @fail in breadth-first order; outputs are counted, then written. */
static bool finish(struct cul_needles *set, uint32_t *end_of, uint32_t *chain)
{
	size_t n = set->states, k = set->classes;
	uint32_t *fail = calloc(n, sizeof(*fail)), *queue = malloc(n * sizeof(*queue)), *own = calloc(n, sizeof(*own));
	size_t head = 0, tail = 0;
	bool good = fail && queue && own;
	if (good) {
		for (size_t c = 0; c < k; c++)
			if (set->next[c])
				queue[tail++] = set->next[c];
		while (head < tail) {
			uint32_t s = queue[head++];
			for (size_t c = 0; c < k; c++) {
				uint32_t t = set->next[s * k + c], f = set->next[fail[s] * k + c];
				if (t) {
					fail[t] = f;
					queue[tail++] = t;
				} else {
					set->next[s * k + c] = f;
				}
			}
		}
		/* outputs: own ones and those of the suffix state, which is nearer to the root and so done before */
		set->out_first = calloc(n + 1, sizeof(*set->out_first));
		good = set->out_first != NULL;
	}
	if (good) {
		for (size_t i = 0; i < tail; i++) {
			uint32_t s = queue[i];
			for (uint32_t e = end_of[s]; e; e = chain[e - 1])
				own[s]++;
			own[s] += own[fail[s]];
		}
		size_t total = 0;
		for (size_t s = 0; s < n; s++) {
			set->out_first[s] = (uint32_t)total;
			total += own[s];
		}
		set->out_first[n] = (uint32_t)total;
		set->outs = malloc((total + 1) * sizeof(*set->outs));
		good = set->outs != NULL;
		for (size_t i = 0; good && i < tail; i++) {
			uint32_t s = queue[i], at = set->out_first[s];
			for (uint32_t e = end_of[s]; e; e = chain[e - 1])
				set->outs[at++] = e - 1;
			for (uint32_t o = set->out_first[fail[s]]; o < set->out_first[fail[s] + 1]; o++)
				set->outs[at++] = set->outs[o];
		}
		for (size_t i = 0; good && i < n * k; i++)
			if (set->out_first[set->next[i] + 1] > set->out_first[set->next[i]])
				set->next[i] |= ENDS;
	}
	free(fail);
	free(queue);
	free(own);
	return good;
}

enum cul_status cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret)
{
	struct cul_needles *set = calloc(1, sizeof(*set));
	if (!set)
		return CUL_ENOMEM;
	set->needles = malloc((count + 1) * sizeof(*set->needles));
	if (!set->needles) {
		cul_needles_free(set);
		return CUL_ENOMEM;
	}
	if (count)
		memcpy(set->needles, needles, count * sizeof(*needles));
	set->count = count;
	make_classes(set);
	size_t room = 1;
	for (size_t i = 0; i < count; i++)
		room += needles[i].literal.size;
	set->next = calloc(room * set->classes, sizeof(*set->next));
	uint32_t *end_of = calloc(room, sizeof(*end_of)), *chain = calloc(count + 1, sizeof(*chain));
	bool good = set->next && end_of && chain;
	set->states = 1;
	for (size_t i = 0; good && i < count; i++) {
		uint32_t s = 0;
		for (size_t j = 0; j < needles[i].literal.size; j++) {
			uint32_t *to = &set->next[s * set->classes + set->class_of[fold((unsigned char)needles[i].literal.data[j])]];
			if (!*to)
				*to = (uint32_t)set->states++;
			s = *to;
		}
		if (s) {
			chain[i] = end_of[s];
			end_of[s] = (uint32_t)i + 1;
		}
	}
	good = good && finish(set, end_of, chain);
	free(end_of);
	free(chain);
	if (!good) {
		cul_needles_free(set);
		return CUL_ENOMEM;
	}
	*ret = set;
	return CUL_OK;
}

void cul_needles_scan(const struct cul_needles *set, struct cul_slice text, bool (*hit)(void *ctx, uint32_t index, size_t end), void *ctx)
{
	uint32_t s = 0;
	size_t k = set->classes;
	for (size_t i = 0; i < text.size; i++) {
		uint32_t t = set->next[s * k + set->class_of[(unsigned char)text.data[i]]];
		s = t & ~ENDS;
		if (!(t & ENDS))
			continue;
		for (uint32_t o = set->out_first[s]; o < set->out_first[s + 1]; o++) {
			const struct cul_needle *n = &set->needles[set->outs[o]];
			if (!n->caseless && memcmp(text.data + i + 1 - n->literal.size, n->literal.data, n->literal.size))
				continue;
			if (!hit(ctx, set->outs[o], i + 1))
				return;
		}
	}
}
