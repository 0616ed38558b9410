/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Many literals in one pass: a filter over windows of five bytes, then an exact look.
 *
 * Of each literal two neighbouring windows of five bytes are sought, so that one of them lies at an even place of the text wherever the
 * literal stands, and only every second place is looked at: its hash in a map of bits (needle_scan.c). The windows are those that stand
 * most seldom in ordinary log text. What passes is held against a second map by what stands beside the window, then against the windows
 * themselves, then against the literals, so the result is exact. A literal of four or five bytes has no two windows: it is sought beside
 * any byte as well.
 *
 * Vectorscan's matcher of literals, which tests/vectorscan.c holds this against, takes three times as long over 2,447 literals (0.71 GB/s
 * for 2.26, and 1.40 in plain C). An Aho-Corasick automaton over 2000 literals takes megabytes and milliseconds to build, and reads a byte
 * at a time. Sixteen buckets of windows looked up in vector registers (AVX2 by halves of bytes, AVX-512 VBMI by whole ones) let 11 and 5 of
 * 100 places through with as many literals, and took three and two times as long.
 */
#include "base/needle.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/needle_inside.h"

#define NEAR 64          /* hits that wait for their turn without memory of their own */
#define BESIDE_BEFORE 4  /* bytes */
#define LITERAL 40       /* windows beyond this offset are not considered */

struct entry {
	uint32_t needle;
	uint32_t at;            /* offset of the window in the literal */
	uint32_t size;
	int32_t beside;         /* eight bytes from here on, counted from the window, … */
	uint64_t bits, value;   /* … of which these bits are so wherever the literal stands; looked at before the needle is */
};

/* What is sought at one window; those of a window follow one another. */
struct group {
	uint32_t window; /* folded */
	uint32_t first, count; /* of entries; count 0: nothing here */
};

struct cul_needles {
	struct cul_filter filter;
	enum cul_isa isa;
	cul_filter_run *run;
	struct group *groups;   /* by hash, the next free one if it is taken */
	uint32_t group_mask;
	bool smalls; /* there are literals of four or five bytes */
	struct entry *entries;
	uint64_t short_first[256 / 64]; /* first bytes of needles of fewer than four */
	uint32_t *shorts;       /* those needles */
	size_t short_count;
	struct cul_needle *needles;
	size_t count;
};

/* A window of a needle, before they are put in order. */
struct wanted {
	uint32_t window, needle, at;
};

static uint32_t load(const char *p)
{
	uint32_t w;
	memcpy(&w, p, sizeof(w));
	return w;
}

static uint64_t load_eight(const char *p)
{
	uint64_t w;
	memcpy(&w, p, sizeof(w));
	return w;
}

static unsigned char upper(unsigned char c)
{
	return c >= 'a' && c <= 'z' ? (unsigned char)(c - 32) : c;
}

void cul_needles_free(struct cul_needles *set)
{
	if (!set)
		return;
	free(set->groups);
	free(set->entries);
	free(set->shorts);
	free(set->needles);
	free(set);
}

static void set_bit(uint64_t *bits, uint32_t at)
{
	bits[at / 64] |= UINT64_C(1) << at % 64;
}

static bool has_bit(const uint64_t *bits, uint32_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

static uint32_t hash_at(const char *p)
{
	return cul_window_hash(cul_fold(load(p)), cul_fold(load(p + 1)));
}

/* Where the window begins of which, and of the one behind it, ordinary text has least; the literal has six bytes or more. */
static size_t choose(struct cul_slice literal, const float *often)
{
	size_t last = literal.size - CUL_WINDOW_BYTES, best = 0;
	float least = HUGE_VALF, before = often[cul_model.window[hash_at(literal.data) >> 16]];
	if (last > LITERAL)
		last = LITERAL;
	for (size_t i = 1; i <= last; i++) {
		float own = often[cul_model.window[hash_at(literal.data + i) >> 16]];
		if (before + own < least) {
			least = before + own;
			best = i - 1;
		}
		before = own;
	}
	return best;
}

static void add_near(struct cul_filter *f, uint32_t h)
{
	set_bit(f->near, h);
}

/* 1 or 0, which are joined without a branch */
static unsigned is_near(const struct cul_filter *f, uint32_t h)
{
	return (unsigned)(f->near[h / 64] >> h % 64) & 1;
}

static void add_hash(struct cul_filter *f, uint32_t hash)
{
	uint32_t h = hash >> (32 - CUL_MAP_BITS);
	f->map[h / 32] |= 1u << h % 32;
}

static void add_window(struct cul_filter *f, struct cul_slice literal, size_t at)
{
	const char *p = literal.data + at;
	add_hash(f, hash_at(p));
	if (at + 8 <= literal.size)
		add_near(f, cul_near_hash(load_eight(p), CUL_NEAR_BEHIND));
	else if (at >= 3)
		add_near(f, cul_near_hash(load_eight(p - 3), CUL_NEAR_BEFORE));
	else
		add_near(f, cul_near_hash(load(p), CUL_NEAR_FOUR));
}

/*
 * A literal of five bytes at an odd place: any byte, then its first four. One of four bytes: likewise, and at an even place any byte
 * behind it. What tells is the literal itself.
 */
static void add_small(struct cul_filter *f, struct cul_slice literal)
{
	char bytes[6];
	memcpy(bytes + 1, literal.data, 4);
	for (unsigned c = 0; c < 256; c++) {
		bytes[0] = bytes[5] = (char)c;
		add_hash(f, hash_at(bytes));
		if (literal.size == 4)
			add_hash(f, hash_at(bytes + 1));
	}
	if (literal.size > 4)
		add_hash(f, hash_at(literal.data));
	add_near(f, cul_near_hash(load(literal.data), CUL_NEAR_FOUR));
}

static struct group *home_of(const struct cul_needles *set, uint32_t window)
{
	return &set->groups[window * 0x9e3779b1u >> 8 & set->group_mask];
}

static struct group *group_of(const struct cul_needles *set, uint32_t window)
{
	struct group *g = home_of(set, window);
	while (g->count && g->window != window)
		g = g == set->groups + set->group_mask ? set->groups : g + 1;
	return g;
}

/* Eight bytes of the literal from @at on, which may be outside of it; @bits: those that must be so in the text. */
static uint64_t view(const struct cul_needle *n, int64_t at, uint64_t *bits)
{
	char bytes[sizeof(uint64_t)] = { 0 }, known[sizeof(bytes)] = { 0 };
	if (!n->caseless && at >= 0 && at + (int64_t)sizeof(bytes) <= (int64_t)n->literal.size) {
		*bits = UINT64_MAX;
		return load_eight(n->literal.data + at);
	}
	for (int64_t i = 0; i < (int64_t)sizeof(bytes); i++) {
		if (at + i < 0 || at + i >= (int64_t)n->literal.size)
			continue;
		char c = n->literal.data[at + i];
		known[i] = (char)(n->caseless && c >= 'a' && c <= 'z' ? 0xdf : 0xff);
		bytes[i] = c & known[i];
	}
	*bits = load_eight(known);
	return load_eight(bytes);
}

static struct entry entry_of(const struct cul_needles *set, const struct wanted *w)
{
	static const int32_t places[] = { -BESIDE_BEFORE, 0, -BESIDE_BEFORE / 2 };
	const struct cul_needle *n = &set->needles[w->needle];
	struct entry e = { .needle = w->needle, .at = w->at, .size = (uint32_t)n->literal.size };
	int64_t most = -1;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int64_t from = (int64_t)w->at + places[i], to = from + (int64_t)sizeof(uint64_t);
		int64_t known = (to < e.size ? to : (int64_t)e.size) - (from > 0 ? from : 0);
		if (known <= most)
			continue;
		most = known;
		e.beside = places[i];
	}
	e.value = view(n, (int64_t)w->at + e.beside, &e.bits);
	return e;
}

/* Groups and their entries, out of all windows: counted, then put there. */
static bool put_in_order(struct cul_needles *set, const struct wanted *wanted, size_t count)
{
	uint32_t room = 64, used = 0;
	while (room < 2 * count)
		room *= 2;
	set->groups = calloc(room, sizeof(*set->groups));
	set->entries = malloc((count + 1) * sizeof(*set->entries));
	if (!set->groups || !set->entries)
		return false;
	set->group_mask = room - 1;
	for (size_t i = 0; i < count; i++) {
		struct group *g = group_of(set, wanted[i].window);
		g->window = wanted[i].window;
		g->count++;
	}
	for (uint32_t i = 0; i < room; i++) {
		set->groups[i].first = used;
		used += set->groups[i].count;
	}
	for (size_t i = 0; i < count; i++) {
		struct group *g = group_of(set, wanted[i].window);
		set->entries[g->first++] = entry_of(set, &wanted[i]);
	}
	for (uint32_t i = 0; i < room; i++)
		set->groups[i].first -= set->groups[i].count;
	return true;
}

static bool fill(struct cul_needles *set)
{
	struct wanted *wanted = malloc((2 * set->count + 1) * sizeof(*wanted));
	size_t count = 0;
	float often[256];

	if (!wanted)
		return false;
	for (int i = 0; i < 256; i++)
		often[i] = i < 8 ? 1.0f + (float)i / 8 : 2 * often[i - 8]; /* near enough to 2 to the power of i/8 */
	for (size_t i = 0; i < set->count; i++) {
		const struct cul_needle *n = &set->needles[i];
		if (!n->literal.size)
			continue;
		if (n->literal.size < sizeof(uint32_t)) {
			unsigned char c = (unsigned char)n->literal.data[0];
			set->shorts[set->short_count++] = (uint32_t)i;
			set_bit(set->short_first, c);
			set_bit(set->short_first, n->caseless ? upper(c) : c);
			continue;
		}
		size_t at = 0;
		if (n->literal.size > CUL_WINDOW_BYTES) {
			at = choose(n->literal, often);
			add_window(&set->filter, n->literal, at);
			add_window(&set->filter, n->literal, at + 1);
			wanted[count++] = (struct wanted){ cul_fold(load(n->literal.data + at + 1)), (uint32_t)i, (uint32_t)at + 1 };
		} else {
			add_small(&set->filter, n->literal);
			set->smalls = true;
		}
		wanted[count++] = (struct wanted){ cul_fold(load(n->literal.data + at)), (uint32_t)i, (uint32_t)at };
	}
	bool good = put_in_order(set, wanted, count);
	free(wanted);
	return good;
}

enum cul_status cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret)
{
	struct cul_needles *set = calloc(1, sizeof(*set));

	if (!set)
		return CUL_ENOMEM;
	set->isa = cul_isa_here();
	set->run = cul_filter_for(set->isa);
	set->needles = malloc((count + 1) * sizeof(*set->needles));
	set->shorts = malloc((count + 1) * sizeof(*set->shorts));
	if (set->needles && count)
		memcpy(set->needles, needles, count * sizeof(*needles));
	set->count = count;
	if (!set->needles || !set->shorts || !fill(set)) {
		cul_needles_free(set);
		return CUL_ENOMEM;
	}
	*ret = set;
	return CUL_OK;
}

const char *cul_needles_isa(const struct cul_needles *set)
{
	static const char *const names[] = { "scalar", "avx2" };
	return names[set->isa];
}

/* ---- hits, in order of their ends ----------------------------------------------------------- */

struct wait {
	size_t end;
	uint32_t index;
};

/* A literal's end may lie far behind its window, so hits wait in a heap until none before them can come. */
struct queue {
	struct wait near[NEAR], *waits;
	size_t count, room;
	bool (*hit)(void *ctx, uint32_t index, size_t end);
	void *ctx;
	bool stopped;
};

static bool sooner(struct wait a, struct wait b)
{
	return a.end != b.end ? a.end < b.end : a.index < b.index;
}

/* Tell what ends at @end or before. */
static void tell(struct queue *q, size_t end)
{
	while (q->count && q->waits[0].end <= end && !q->stopped) {
		struct wait first = q->waits[0], last = q->waits[--q->count];
		size_t i = 0;
		for (size_t child; (child = 2 * i + 1) < q->count; i = child) {
			if (child + 1 < q->count && sooner(q->waits[child + 1], q->waits[child]))
				child++;
			if (!sooner(q->waits[child], last))
				break;
			q->waits[i] = q->waits[child];
		}
		q->waits[i] = last;
		q->stopped = !q->hit(q->ctx, first.index, first.end);
	}
}

static void queue_hit(struct queue *q, uint32_t index, size_t end)
{
	if (q->count == q->room) {
		struct wait *larger = realloc(q->waits == q->near ? NULL : q->waits, 2 * q->room * sizeof(*larger));
		if (!larger) { /* rather out of order than not at all */
			tell(q, SIZE_MAX);
		} else {
			if (q->waits == q->near)
				memcpy(larger, q->near, sizeof(q->near));
			q->waits = larger;
			q->room *= 2;
		}
	}
	struct wait own = { end, index };
	size_t i = q->count++;
	for (; i && sooner(own, q->waits[(i - 1) / 2]); i = (i - 1) / 2)
		q->waits[i] = q->waits[(i - 1) / 2];
	q->waits[i] = own;
}

static bool stands(const struct cul_needle *n, struct cul_slice text, size_t start)
{
	if (text.size - start < n->literal.size)
		return false;
	const char *p = text.data + start;
	if (!n->caseless)
		return !memcmp(p, n->literal.data, n->literal.size);
	for (size_t i = 0; i < n->literal.size; i++) {
		unsigned char c = (unsigned char)p[i];
		if ((char)(c >= 'A' && c <= 'Z' ? c + 32 : c) != n->literal.data[i])
			return false;
	}
	return true;
}

/* What is sought at the window at @i; @small: literals of four and five bytes alone. */
static void look_group(const struct cul_needles *set, struct cul_slice text, size_t i, bool small, struct queue *q)
{
	const struct group *g = group_of(set, cul_fold(load(text.data + i)));
	bool inside = i >= BESIDE_BEFORE && text.size - i >= sizeof(uint64_t);
	for (uint32_t e = g->first; e < g->first + g->count; e++) {
		const struct entry *entry = &set->entries[e];
		size_t start = i - entry->at;
		if (inside && ((load_eight(text.data + (int64_t)i + entry->beside) ^ entry->value) & entry->bits))
			continue;
		if (entry->at > i || text.size - start < entry->size || (small && entry->size > CUL_WINDOW_BYTES) ||
		    !stands(&set->needles[entry->needle], text, start))
			continue;
		if (q->count)
			tell(q, i);
		queue_hit(q, entry->needle, start + entry->size);
	}
}

/* Place @i of the text, which is even, has passed the filter. */
static void look(const struct cul_needles *set, struct cul_slice text, size_t i, struct queue *q)
{
	const char *p = text.data + i;
	size_t left = text.size - i;
	if (left < sizeof(uint32_t))
		return;
	look_group(set, text, i, false, q);
	if (set->smalls && left > sizeof(uint32_t) && is_near(&set->filter, cul_near_hash(load(p + 1), CUL_NEAR_FOUR)))
		look_group(set, text, i + 1, true, q);
}

/* Needles of fewer than four bytes: there are hardly any, and each of their first bytes is looked at. */
static void look_short(const struct cul_needles *set, struct cul_slice text, size_t i, struct queue *q)
{
	if (!has_bit(set->short_first, (unsigned char)text.data[i]))
		return;
	tell(q, i);
	for (size_t s = 0; s < set->short_count; s++) {
		const struct cul_needle *n = &set->needles[set->shorts[s]];
		if (stands(n, text, i))
			queue_hit(q, set->shorts[s], i + n->literal.size);
	}
}

/*
 * Those of @count @places whose surroundings are such a window's in some literal. Most windows fail here; a branch on each would be
 * guessed wrong too often. @bytes: three can be read before the first place.
 */
static size_t beside(const struct cul_filter *f, const char *bytes, uint16_t *places, size_t count)
{
	size_t left = 0;
	for (size_t i = 0; i < count; i++) {
		const char *p = bytes + places[i];
		places[left] = places[i];
		left += is_near(f, cul_near_hash(load_eight(p), CUL_NEAR_BEHIND)) | is_near(f, cul_near_hash(load_eight(p - 3), CUL_NEAR_BEFORE)) |
			is_near(f, cul_near_hash(load(p), CUL_NEAR_FOUR)) | is_near(f, cul_near_hash(load(p + 1), CUL_NEAR_FOUR));
	}
	return left;
}

/* Places from @from on, whose filter was run over @bytes (the text itself, or a copy of its end). */
static size_t run_piece(const struct cul_needles *set, const char *bytes, size_t size, struct cul_slice text, size_t from, struct queue *q)
{
	uint16_t places[CUL_PIECE + 8];
	size_t count = set->run(&set->filter, bytes, size, places), passed = count, end = from + size < text.size ? from + size : text.size;

	while (passed && from + places[passed - 1] >= text.size) /* in the padding */
		passed--;
	count = passed;
	if (!q)
		return passed;
	if (from && text.size - from >= size + CUL_BESIDE)
		count = beside(&set->filter, bytes, places, count);
	if (!set->short_count) {
		/* groups and entries lie apart and don't stay in the nearest cache: they are fetched for many places at a time */
		for (size_t i = 0; i < count; i++)
			__builtin_prefetch(home_of(set, cul_fold(load(bytes + places[i]))));
		for (size_t i = 0; i < count; i++)
			__builtin_prefetch(&set->entries[home_of(set, cul_fold(load(bytes + places[i])))->first]);
		for (size_t i = 0; i < count && !q->stopped; i++)
			look(set, text, from + places[i], q);
		return passed;
	}
	for (size_t at = from, i = 0; at < end && !q->stopped; at++) {
		look_short(set, text, at, q);
		if (i < count && from + places[i] == at && !q->stopped) {
			look(set, text, at, q);
			i++;
		}
	}
	return passed;
}

static size_t run(const struct cul_needles *set, struct cul_slice text, struct queue *q)
{
	size_t i = 0, seen = 0;

	while (text.size - i >= 64 + CUL_BESIDE) {
		size_t size = (text.size - i - CUL_BESIDE) & ~(size_t)63;
		if (size > CUL_PIECE)
			size = CUL_PIECE;
		seen += run_piece(set, text.data + i, size, text, i, q);
		if (q && q->stopped)
			return seen;
		i += size;
	}
	if (i < text.size) {
		char end[128 + CUL_BESIDE] = { 0 };
		memcpy(end, text.data + i, text.size - i);
		seen += run_piece(set, end, text.size - i > 64 ? 128 : 64, text, i, q);
	}
	return seen;
}

void cul_needles_scan(const struct cul_needles *set, struct cul_slice text, bool (*hit)(void *ctx, uint32_t index, size_t end), void *ctx)
{
	struct queue q;
	q.waits = q.near;
	q.count = 0;
	q.room = NEAR;
	q.hit = hit;
	q.ctx = ctx;
	q.stopped = false;
	if (!set->count)
		return;
	run(set, text, &q);
	tell(&q, SIZE_MAX);
	if (q.waits != q.near)
		free(q.waits);
}

double cul_needles_rate(const struct cul_needles *set, struct cul_slice text)
{
	return text.size && set->count ? (double)run(set, text, NULL) / (double)text.size : 0;
}
