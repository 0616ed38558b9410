/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Many literals in one pass: a filter over four-byte windows, then an exact look.
 *
 * Of each literal the rarest window of four bytes (by how often bytes stand in logs) is put into a bit map of
 * 64 Ki bits, which stays in the first cache. Each place of the text costs one load, one multiplication and one bit; what
 * passes is compared in full, so the result is exact. Bytes are read with bit 5 set, so that one pass serves needles
 * with and without case. Literals of fewer than four bytes have a map of their own over pairs.
 *
 * An Aho-Corasick automaton over 1500 literals takes megabytes and milliseconds to build; this takes
 * microseconds and is faster on ordinary text.
 */
#include "base/needle.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WINDOW 4
#define MAP_BITS 16
#define BUCKETS 4096

struct entry {
	uint32_t window; /* folded */
	uint32_t needle;
	uint32_t at;     /* offset of the window in the literal */
};

struct cul_needles {
	uint64_t map[(1u << MAP_BITS) / 64];
	uint32_t first[BUCKETS + 1];
	struct entry *entries;
	uint64_t pair_map[1024]; /* 65536 pairs of bytes, for short needles */
	uint32_t *shorts;
	size_t short_count;
	struct cul_needle *needles;
	size_t count;
};

/* How common a byte is in logs: 0 rare .. 9 very common. */
static int common(unsigned char c)
{
	static const char often[] = "etaoinsrl";
	static const char seldom[] = "jqxzkvwybg";
	if (c == ' ' || c == '0')
		return 9;
	if (c >= '1' && c <= '9')
		return 7;
	if (c == ':' || c == '.' || c == '-' || c == '/' || c == '=')
		return 7;
	if (strchr(often, c) && c)
		return 8;
	if (strchr(seldom, c) && c)
		return 4;
	if (c >= 'a' && c <= 'z')
		return 6;
	if (c >= 'A' && c <= 'Z')
		return 4;
	if (c == '"' || c == '[' || c == ']' || c == ',' || c == '_')
		return 6;
	return 3;
}

static uint32_t load(const char *p)
{
	uint32_t w;
	memcpy(&w, p, sizeof(w));
	return w | 0x20202020u;
}

static uint32_t hash(uint32_t w)
{
	return w * 0x9e3779b1u;
}

/* The rarest window of the literal; a later one wins a tie, since prefixes are shared more often than ends. */
static size_t rarest(struct cul_slice literal)
{
	size_t best = 0;
	int least = 1000;
	for (size_t i = 0; i + WINDOW <= literal.size; i++) {
		int sum = 0;
		for (size_t k = 0; k < WINDOW; k++)
			sum += common((unsigned char)literal.data[i + k]);
		if (sum <= least) {
			least = sum;
			best = i;
		}
	}
	return best;
}

void cul_needles_free(struct cul_needles *set)
{
	if (!set)
		return;
	free(set->entries);
	free(set->shorts);
	free(set->needles);
	free(set);
}

static int by_bucket(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	uint32_t hx = hash(x->window) >> 20, hy = hash(y->window) >> 20;
	if (hx != hy)
		return hx < hy ? -1 : 1;
	return x->needle < y->needle ? -1 : x->needle > y->needle;
}

/* Each spelling of the first two bytes (the first of a one-byte needle) that may begin it. */
static void mark_pair(struct cul_needles *set, const struct cul_needle *n)
{
	for (unsigned second = 0; second < 256; second++) {
		if (n->literal.size > 1 && ((second | 0x20) != ((unsigned char)n->literal.data[1] | 0x20u)))
			continue;
		for (int upper = 0; upper < 2; upper++) {
			unsigned first = ((unsigned char)n->literal.data[0] | 0x20u) & (upper ? ~0x20u : ~0u);
			unsigned bit = first << 8 | second;
			set->pair_map[bit / 64] |= UINT64_C(1) << bit % 64;
		}
	}
}

enum cul_status cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret)
{
	struct cul_needles *set = calloc(1, sizeof(*set));
	if (!set)
		return CUL_ENOMEM;
	set->needles = malloc((count + 1) * sizeof(*set->needles));
	set->entries = malloc((count + 1) * sizeof(*set->entries));
	set->shorts = malloc((count + 1) * sizeof(*set->shorts));
	if (!set->needles || !set->entries || !set->shorts) {
		cul_needles_free(set);
		return CUL_ENOMEM;
	}
	if (count)
		memcpy(set->needles, needles, count * sizeof(*needles));
	set->count = count;
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		if (needles[i].literal.size < WINDOW) {
			set->shorts[set->short_count++] = (uint32_t)i;
			mark_pair(set, &needles[i]);
			continue;
		}
		size_t at = rarest(needles[i].literal);
		set->entries[n++] = (struct entry){ load(needles[i].literal.data + at), (uint32_t)i, (uint32_t)at };
	}
	if (n)
		qsort(set->entries, n, sizeof(*set->entries), by_bucket);
	size_t e = 0;
	for (uint32_t b = 0; b <= BUCKETS; b++) {
		while (e < n && hash(set->entries[e].window) >> 20 < b)
			e++;
		set->first[b] = (uint32_t)e;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t bit = hash(set->entries[i].window) >> (32 - MAP_BITS);
		set->map[bit / 64] |= UINT64_C(1) << bit % 64;
	}
	*ret = set;
	return CUL_OK;
}

static bool stands(const struct cul_needle *n, struct cul_slice text, size_t start)
{
	if (start > text.size || text.size - start < n->literal.size)
		return false;
	return n->caseless ? !strncasecmp(text.data + start, n->literal.data, n->literal.size) :
			     !memcmp(text.data + start, n->literal.data, n->literal.size);
}

static bool look(const struct cul_needles *set, struct cul_slice text, size_t i, uint32_t window, uint32_t h,
		 bool (*hit)(void *ctx, uint32_t index, size_t end), void *ctx)
{
	for (uint32_t e = set->first[h >> 20]; e < set->first[(h >> 20) + 1]; e++) {
		const struct entry *entry = &set->entries[e];
		if (entry->window != window || entry->at > i)
			continue;
		const struct cul_needle *n = &set->needles[entry->needle];
		if (stands(n, text, i - entry->at) && !hit(ctx, entry->needle, i - entry->at + n->literal.size))
			return false;
	}
	return true;
}

static bool scan_short(const struct cul_needles *set, struct cul_slice text, bool (*hit)(void *ctx, uint32_t index, size_t end), void *ctx)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned second = i + 1 < text.size ? (unsigned char)text.data[i + 1] : 0;
		unsigned bit = (unsigned)(unsigned char)text.data[i] << 8 | second;
		if (!(set->pair_map[bit / 64] >> bit % 64 & 1) && i + 1 < text.size)
			continue;
		for (size_t s = 0; s < set->short_count; s++) {
			const struct cul_needle *n = &set->needles[set->shorts[s]];
			if (stands(n, text, i) && !hit(ctx, set->shorts[s], i + n->literal.size))
				return false;
		}
	}
	return true;
}

void cul_needles_scan(const struct cul_needles *set, struct cul_slice text, bool (*hit)(void *ctx, uint32_t index, size_t end), void *ctx)
{
	if (set->short_count && !scan_short(set, text, hit, ctx))
		return;
	if (text.size < WINDOW)
		return;
	for (size_t i = 0; i <= text.size - WINDOW; i++) {
		uint32_t window = load(text.data + i), h = hash(window);
		uint32_t bit = h >> (32 - MAP_BITS);
		if (__builtin_expect(!(set->map[bit / 64] >> bit % 64 & 1), 1))
			continue;
		if (!look(set, text, i, window, h, hit, ctx))
			return;
	}
}
