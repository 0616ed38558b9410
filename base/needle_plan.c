/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which four bytes of each literal to look for, and which literals share a bucket, so that ordinary text passes the filter
 * seldom.
 *
 * A bucket lets through every mixture of its windows, so what a window costs depends on its company. It is measured: some
 * places of log text, for each the buckets that allow its byte at each of the four places of a window; one more window in a
 * bucket lets through what it alone was missing for. Greedy, short literals first, since they have the least choice.
 * Ties go to where the bytes' own frequencies make the fewest passes likely.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/needle_inside.h"

#define BUCKETS 16
#define WIDTH 64
#define LITERAL 250 /* windows beyond this offset are not considered; an offset is a byte */
#define TRIES 256
#define SIXES_LEVEL (8 * (8 + 2)) /* CUL_SIXES_LEAST in a MiB */
#define OWN_COST 3.0 /* where the window really stands the literal is compared, whatever else let the place through */

typedef uint8_t lanes __attribute__((vector_size(WIDTH), may_alias));

/* Eight buckets' bits for each place; [0], and with halves also [1], for each of a window's bytes. */
struct plan {
	size_t blocks; /* of WIDTH places */
	bool halves;
	lanes *text[CUL_WINDOW_BYTES];
	lanes *may[2][2][CUL_WINDOW_BYTES]; /* [half][group][k]; whole bytes are "half" 0 */
	lanes *open;                        /* all bits where no bucket lets the place through yet */
	lanes *fresh[2];                    /* what the window at hand adds */
	lanes *own;                         /* where it stands itself */
	double seen[CUL_WINDOW_BYTES][256]; /* how often a byte stands there, as a part of 1 */
	bool has[BUCKETS][CUL_WINDOW_BYTES][256];
	double mass[BUCKETS][CUL_WINDOW_BYTES];
	uint8_t table[2][2][CUL_WINDOW_BYTES][256]; /* what p->may is looked up in */
	void *room;
};

struct window {
	unsigned char bytes[CUL_WINDOW_BYTES], other[CUL_WINDOW_BYTES]; /* other: in upper case */
	size_t size; /* bytes that count; fewer than four in a short literal */
};

uint32_t cul_literal_name(struct cul_slice literal, bool caseless)
{
	uint32_t h = 2166136261u ^ caseless;
	for (size_t i = 0; i < literal.size; i++)
		h = (h ^ (unsigned char)literal.data[i]) * 16777619u;
	return h;
}

static struct window window_at(const struct cul_needle *n, size_t at)
{
	struct window w = { .size = n->literal.size - at < CUL_WINDOW_BYTES ? n->literal.size - at : CUL_WINDOW_BYTES };
	for (size_t k = 0; k < CUL_WINDOW_BYTES && k < w.size; k++) {
		unsigned char c = (unsigned char)n->literal.data[at + k];
		w.bytes[k] = c;
		w.other[k] = n->caseless && c >= 'a' && c <= 'z' ? (unsigned char)(c - 32) : c;
	}
	return w;
}

/* ---- how rare is it --------------------------------------------------------------------------- */

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

/* ---- the places ------------------------------------------------------------------------------- */

static void plan_done(struct plan *p)
{
	free(p->room);
	free(p);
}

static struct plan *plan_new(struct cul_slice sample, size_t places, bool halves)
{
	struct plan *p = calloc(1, sizeof(*p));
	size_t arrays = CUL_WINDOW_BYTES + (halves ? 4 : 2) * CUL_WINDOW_BYTES + 4, used = 0;

	if (!p || posix_memalign(&p->room, WIDTH, arrays * places)) {
		free(p);
		return NULL;
	}
	memset(p->room, 0, arrays * places);
	p->blocks = places / WIDTH;
	p->halves = halves;
	lanes *room = p->room;
	for (size_t k = 0; k < CUL_WINDOW_BYTES; k++, used += p->blocks)
		p->text[k] = room + used;
	for (size_t h = 0; h < (halves ? 2 : 1); h++)
		for (size_t g = 0; g < 2; g++)
			for (size_t k = 0; k < CUL_WINDOW_BYTES; k++, used += p->blocks)
				p->may[h][g][k] = room + used;
	for (size_t g = 0; g < 2; g++, used += p->blocks)
		p->fresh[g] = room + used;
	p->own = room + used;
	p->open = room + used + p->blocks;
	memset(p->open, 255, places);
	uint8_t *text[CUL_WINDOW_BYTES];
	for (size_t k = 0; k < CUL_WINDOW_BYTES; k++)
		text[k] = (uint8_t *)p->text[k];
	if (sample.size)
		cul_model_draw(sample, places, text);
	for (size_t k = 0; k < CUL_WINDOW_BYTES; k++) {
		if (!sample.size)
			memcpy(text[k], cul_model.places[k], places);
		for (size_t c = 0; c < 256; c++)
			p->seen[k][c] = 0.3 / (double)places;
		for (size_t i = 0; i < places; i++)
			p->seen[k][text[k][i]] += 1 / (double)places;
	}
	return p;
}

/* Does byte (or half byte) @h of lanes @x equal the window's? In halves bit 5 of a letter is in the upper half. */
#define SPLAT(c) ((lanes){ 0 } + (uint8_t)(c))
#define SAME_LOW(x, w, k)                                                                           \
	((lanes)(((x) & low_mask) == (SPLAT((w)->bytes[k]) & low_mask)) | (lanes)(((x) & low_mask) == (SPLAT((w)->other[k]) & low_mask)))
#define SAME_HIGH(x, w, k)                                                                          \
	((lanes)(((x) >> 4) == SPLAT((w)->bytes[k] >> 4)) | (lanes)(((x) >> 4) == SPLAT((w)->other[k] >> 4)))

/* What passes with @w in each bucket and did not pass anywhere before, into p->fresh. */
static inline __attribute__((always_inline)) void try_body(struct plan *p, const struct window *w)
{
	const uint8_t low = p->halves ? 15 : 255;
	const lanes low_mask = SPLAT(low);

	for (size_t i = 0; i < p->blocks; i++) {
		lanes a = p->open[i], b = a, own = SPLAT(1);
		for (size_t k = 0; k < w->size; k++) {
			lanes x = p->text[k][i], same = SAME_LOW(x, w, k);
			own &= same;
			a &= p->may[0][0][k][i] | same;
			b &= p->may[0][1][k][i] | same;
			if (p->halves) {
				same = SAME_HIGH(x, w, k);
				own &= same;
				a &= p->may[1][0][k][i] | same;
				b &= p->may[1][1][k][i] | same;
			}
		}
		p->own[i] = own;
		p->fresh[0][i] = a;
		p->fresh[1][i] = b;
	}
}

static void try_plain(struct plan *p, const struct window *w)
{
	try_body(p, w);
}
#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2"))) static void try_avx2(struct plan *p, const struct window *w)
{
	try_body(p, w);
}
__attribute__((target("avx512f,avx512bw"))) static void try_avx512(struct plan *p, const struct window *w)
{
	try_body(p, w);
}
#endif

static void try_window(struct plan *p, const struct window *w)
{
#if defined(__x86_64__) && defined(__GNUC__)
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")) {
		try_avx512(p, w);
		return;
	}
	if (__builtin_cpu_supports("avx2")) {
		try_avx2(p, w);
		return;
	}
#endif
	try_plain(p, w);
}

/* Probability that a place passes @bucket were its bytes independent; with @w in it. */
static double likely(const struct plan *p, unsigned bucket, const struct window *w)
{
	double product = 1;
	for (size_t k = 0; k < CUL_WINDOW_BYTES; k++) {
		double mass = p->mass[bucket][k];
		if (w && k < w->size) {
			mass += p->has[bucket][k][w->bytes[k]] ? 0 : p->seen[k][w->bytes[k]];
			if (w->other[k] != w->bytes[k] && !p->has[bucket][k][w->other[k]])
				mass += p->seen[k][w->other[k]];
		} else if (w) {
			mass = 1;
		}
		product *= mass;
	}
	return product;
}

/* The least costly bucket for @w; its cost. */
static double best_bucket(struct plan *p, const struct window *w, unsigned *ret)
{
	uint32_t counts[BUCKETS] = { 0 }, own = 0;
	double least = INFINITY;

	try_window(p, w);
	for (size_t g = 0; g < 2; g++) {
		const uint64_t *words = (const uint64_t *)(const void *)p->fresh[g];
		for (size_t i = 0; i < p->blocks * (WIDTH / 8); i++) {
			for (uint64_t word = words[i]; word; word &= word - 1)
				counts[8 * g + (unsigned)__builtin_ctzll(word) % 8]++;
		}
	}
	const uint64_t *words = (const uint64_t *)(const void *)p->own;
	for (size_t i = 0; i < p->blocks * (WIDTH / 8); i++)
		own += (uint32_t)__builtin_popcountll(words[i]);
	for (unsigned b = 0; b < BUCKETS; b++) {
		double cost = (counts[b] + OWN_COST * own) / (double)(p->blocks * WIDTH) + 0.25 * (likely(p, b, w) - likely(p, b, NULL));
		if (cost < least) {
			least = cost;
			*ret = b;
		}
	}
	return least;
}

/* From now on @w is in @bucket. */
static void note_window(struct plan *p, const struct window *w, unsigned bucket)
{
	const uint8_t bit = (uint8_t)(1u << bucket % 8);
	const size_t g = bucket / 8;

	for (size_t k = 0; k < CUL_WINDOW_BYTES; k++)
		for (unsigned c = k < w->size ? w->bytes[k] : 0, step = 0;; step++) {
			if (!p->has[bucket][k][c]) {
				p->has[bucket][k][c] = true;
				p->mass[bucket][k] += p->seen[k][c];
				p->table[0][g][k][p->halves ? c & 15 : c] |= bit;
				p->table[1][g][k][c >> 4] |= bit;
			}
			if (k < w->size ? step == 1 : c == 255)
				break;
			c = k < w->size ? w->other[k] : c + 1;
		}
}

/* The places' masks for all windows noted so far. */
static void spread(struct plan *p)
{
	const size_t places = p->blocks * WIDTH;
	uint8_t *open = (uint8_t *)p->open;

	for (size_t g = 0; g < 2; g++)
		for (size_t k = 0; k < CUL_WINDOW_BYTES; k++) {
			const uint8_t *text = (const uint8_t *)p->text[k];
			uint8_t *first = (uint8_t *)p->may[0][g][k], *second = p->halves ? (uint8_t *)p->may[1][g][k] : NULL;
			for (size_t i = 0; i < places; i++) {
				first[i] = p->table[0][g][k][p->halves ? text[i] & 15 : text[i]];
				if (second)
					second[i] = p->table[1][g][k][text[i] >> 4];
			}
		}
	for (size_t i = 0; i < places; i++) {
		uint8_t pass[2] = { 255, 255 };
		for (size_t g = 0; g < 2; g++)
			for (size_t k = 0; k < CUL_WINDOW_BYTES; k++)
				pass[g] &= ((uint8_t *)p->may[0][g][k])[i] & (p->halves ? ((uint8_t *)p->may[1][g][k])[i] : 255);
		open[i] = pass[0] | pass[1] ? 0 : 255;
	}
}

/* The same for one more window. */
static void put(struct plan *p, const struct window *w, unsigned bucket)
{
	const uint8_t bit = (uint8_t)(1u << bucket % 8), low = p->halves ? 15 : 255;
	const lanes bits = SPLAT(bit), low_mask = SPLAT(low);
	const size_t g = bucket / 8;

	note_window(p, w, bucket);
	if (w->size < CUL_WINDOW_BYTES) {
		spread(p);
		return;
	}
	for (size_t i = 0; i < p->blocks; i++) {
		lanes all = bits;
		for (size_t k = 0; k < CUL_WINDOW_BYTES; k++) {
			lanes x = p->text[k][i];
			all &= p->may[0][g][k][i] |= bits & SAME_LOW(x, w, k);
			if (p->halves)
				all &= p->may[1][g][k][i] |= bits & SAME_HIGH(x, w, k);
		}
		p->open[i] &= (lanes)(all == SPLAT(0));
	}
}

/* ---- choices ---------------------------------------------------------------------------------- */

/* Offsets of the @most rarest windows; their number. */
static size_t rarest(const struct cul_model *m, const struct cul_needle *n, size_t most, uint8_t *ret)
{
	int levels[TRIES];
	size_t count = 0;

	for (size_t at = 0; at + CUL_WINDOW_BYTES <= n->literal.size && at <= LITERAL; at++) {
		struct window w = window_at(n, at);
		int level = commonness(m, w.bytes, CUL_WINDOW_BYTES);
		if (n->caseless) {
			int other = commonness(m, w.other, CUL_WINDOW_BYTES);
			level = other > level ? other : level;
		}
		size_t i = count < most ? count++ : most - 1;
		if (i == most - 1 && count == most && at >= most && level >= levels[i])
			continue;
		for (; i && levels[i - 1] > level; i--) {
			levels[i] = levels[i - 1];
			ret[i] = ret[i - 1];
		}
		levels[i] = level;
		ret[i] = (uint8_t)at;
	}
	if (!count) /* a short one */
		ret[count++] = 0;
	return count;
}

static void choose(struct plan *p, const struct cul_model *m, const struct cul_needle *n, size_t windows, struct cul_choice *ret)
{
	uint8_t offsets[TRIES];
	size_t count = rarest(m, n, windows < TRIES ? windows : TRIES, offsets);
	double least = INFINITY;

	for (size_t i = 0; i < count; i++) {
		struct window w = window_at(n, offsets[i]);
		unsigned bucket = 0;
		double cost = best_bucket(p, &w, &bucket);
		if (cost < least) {
			least = cost;
			*ret = (struct cul_choice){ offsets[i], (uint8_t)bucket };
		}
	}
	struct window w = window_at(n, ret->at);
	put(p, &w, ret->bucket);
}

static const struct cul_planned *named(const struct cul_planned *plan, size_t count, uint32_t name)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (plan[middle].name < name)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && plan[low].name == name ? &plan[low] : NULL;
}

static bool planned(const struct cul_needle *n, bool halves, struct cul_choice *ret)
{
	uint32_t name = cul_literal_name(n->literal, n->caseless);
	const struct cul_planned *known = named(cul_needle_plan, cul_needle_planned, name);

	if (!known)
		known = named(cul_needle_late, cul_needle_late_planned, name);
	if (!known)
		return false;
	*ret = halves ? known->halves : known->bytes;
	return ret->bucket < BUCKETS && (size_t)ret->at + CUL_WINDOW_BYTES <= n->literal.size;
}

/* Needles in order of length, up to LITERAL. */
static bool shortest_first(const struct cul_needle *needles, size_t count, uint32_t **ret)
{
	size_t at[LITERAL + 2] = { 0 };
	uint32_t *order = malloc((count + 1) * sizeof(*order));

	if (!order)
		return false;
	for (size_t i = 0; i < count; i++)
		at[(needles[i].literal.size < LITERAL ? needles[i].literal.size : LITERAL) + 1]++;
	for (size_t i = 0; i <= LITERAL; i++)
		at[i + 1] += at[i];
	for (size_t i = 0; i < count; i++)
		order[at[needles[i].literal.size < LITERAL ? needles[i].literal.size : LITERAL]++] = (uint32_t)i;
	*ret = order;
	return true;
}

bool cul_needles_plan(const struct cul_needle *needles, size_t count, bool halves, struct cul_slice sample,
		      const struct cul_effort *effort, struct cul_choice *ret)
{
	uint32_t *order = NULL, *open = NULL;
	struct plan *plan = NULL;
	struct cul_model *own = NULL;
	size_t open_count = 0;
	bool good = false;

	if (!shortest_first(needles, count, &order) || !(open = malloc((count + 1) * sizeof(*open))))
		goto out;
	if (sample.size && (!(own = malloc(sizeof(*own))) || !cul_model_make(sample, own)))
		goto out;
	for (size_t i = 0; i < count; i++)
		if (needles[order[i]].literal.size && (sample.size || !planned(&needles[order[i]], halves, &ret[order[i]])))
			open[open_count++] = order[i];
	good = true;
	if (!open_count)
		goto out;
	const struct cul_model *model = own ? own : &cul_model;
	for (size_t round = 0; good && round <= effort->rounds; round++) {
		plan = plan_new(sample, effort->places, halves);
		good = plan != NULL;
		/* those that the plan knows stand first */
		for (size_t i = 0, k = 0; good && i < count; i++) {
			bool is_open = k < open_count && open[k] == order[i];
			k += is_open;
			if (is_open || !needles[order[i]].literal.size)
				continue;
			struct window w = window_at(&needles[order[i]], ret[order[i]].at);
			note_window(plan, &w, ret[order[i]].bucket);
		}
		if (good)
			spread(plan);
		for (size_t i = 0; good && i < open_count; i++)
			choose(plan, model, &needles[open[i]], effort->windows, &ret[open[i]]);
		if (plan)
			plan_done(plan);
	}
out:
	free(own);
	free(order);
	free(open);
	return good;
}
