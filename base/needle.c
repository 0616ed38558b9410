/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Many literals in one pass: a filter over windows of four bytes, then an exact look.
 *
 * Of each literal one window of four bytes is sought, in one of sixteen buckets. A place of the text passes a bucket when
 * each of its four bytes may stand there in some window of that bucket: four table look-ups and three ANDs, for 16, 32 or 64
 * places at a time (needle_scan.c). Windows and buckets are chosen so that ordinary log text passes seldom
 * (needle_plan.c). What passes is held against a map of hashes, then against the windows themselves, then against the literals,
 * so the result is exact.
 *
 * An Aho-Corasick automaton over 1500 literals takes megabytes and milliseconds to build, and reads a byte at a time.
 */
#include "base/needle.h"

#include <stdlib.h>
#include <string.h>

#include "base/needle_inside.h"

#define BUCKETS 4096 /* of the exact look */
#define SAMPLE (1 << 20)
#define NEAR 64      /* hits that wait for their turn without memory of their own */

struct entry {
	uint32_t window; /* folded */
	uint32_t needle;
	uint32_t at;     /* offset of the window in the literal */
	uint32_t size;
	uint32_t more, more_at; /* the literal's first or last four bytes, folded: whichever tells more; looked at before the needle is */
};

struct cul_needles {
	struct cul_filter filter;
	enum cul_isa isa;
	cul_filter_run *run;
	uint32_t first[BUCKETS + 1];
	struct entry *entries;
	uint32_t *shorts; /* needles of fewer than four bytes */
	size_t short_count;
	struct cul_needle *needles;
	size_t count;
};

static uint32_t load(const char *p)
{
	uint32_t w;
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
	free(set->entries);
	free(set->shorts);
	free(set->needles);
	free(set);
}

/* Byte @c may stand at place @k of a window of @bucket. */
static void allow(struct cul_filter *f, unsigned bucket, size_t k, unsigned char c)
{
	uint8_t bit = (uint8_t)(1u << bucket % 8);
	f->bytes[bucket / 8][k][c & 127] |= bit;
	f->low[bucket / 8][k][c & 15] |= bit;
	f->high[bucket / 8][k][c >> 4] |= bit;
}

static void add_window(struct cul_filter *f, const struct cul_needle *n, struct cul_choice choice)
{
	for (size_t k = 0; k < CUL_WINDOW_BYTES; k++) {
		if (choice.at + k < n->literal.size) {
			unsigned char c = (unsigned char)n->literal.data[choice.at + k];
			allow(f, choice.bucket, k, c);
			if (n->caseless)
				allow(f, choice.bucket, k, upper(c));
			continue;
		}
		for (unsigned c = 0; c < 256; c++)
			allow(f, choice.bucket, k, (unsigned char)c);
	}
}

/* Entries in order of their place in the tables: counted, then put there. */
static void fill_entries(struct cul_needles *set, const struct cul_choice *choices)
{
	uint32_t at[BUCKETS + 1] = { 0 };

	for (size_t i = 0; i < set->count; i++) {
		const struct cul_slice literal = set->needles[i].literal;
		if (literal.size < CUL_WINDOW_BYTES)
			continue;
		uint32_t h = cul_window_hash(cul_fold_window(load(literal.data + choices[i].at)));
		set->filter.map[h >> 22] |= UINT64_C(1) << (h >> 16) % 64;
		at[(h >> 20) + 1]++;
	}
	for (size_t b = 0; b < BUCKETS; b++)
		at[b + 1] += at[b];
	memcpy(set->first, at, sizeof(at));
	for (size_t i = 0; i < set->count; i++) {
		const struct cul_slice literal = set->needles[i].literal;
		if (literal.size < CUL_WINDOW_BYTES)
			continue;
		uint32_t window = cul_fold_window(load(literal.data + choices[i].at));
		size_t last = literal.size - CUL_WINDOW_BYTES, more = choices[i].at > last - choices[i].at ? 0 : last;
		set->entries[at[cul_window_hash(window) >> 20]++] =
			(struct entry){ window, (uint32_t)i, choices[i].at, (uint32_t)literal.size, cul_fold_window(load(literal.data + more)), (uint32_t)more };
	}
}

static enum cul_status make(const struct cul_needle *needles, size_t count, struct cul_slice sample, struct cul_needles **ret)
{
	static const struct cul_effort quick = CUL_EFFORT_QUICK, again = { 8192, 4, 0 };
	void *room = NULL;
	if (posix_memalign(&room, 64, sizeof(struct cul_needles)))
		return CUL_ENOMEM;
	struct cul_needles *set = room;
	memset(set, 0, sizeof(*set));
	set->isa = cul_isa_here();
	set->run = cul_filter_for(set->isa);
	set->needles = malloc((count + 1) * sizeof(*set->needles));
	set->entries = malloc((count + 1) * sizeof(*set->entries));
	set->shorts = malloc((count + 1) * sizeof(*set->shorts));
	struct cul_choice *choices = calloc(count + 1, sizeof(*choices));
	bool halves = set->isa != CUL_ISA_VBMI && set->isa != CUL_ISA_SCALAR;
	if (!set->needles || !set->entries || !set->shorts || !choices || 
	    !cul_needles_plan(needles, count, halves, sample, sample.size ? &again : &quick, choices)) {
		free(choices);
		cul_needles_free(set);
		return CUL_ENOMEM;
	}
	if (count)
		memcpy(set->needles, needles, count * sizeof(*needles));
	set->count = count;
	for (size_t i = 0; i < count; i++) {
		const struct cul_needle *n = &needles[i];
		if (!n->literal.size)
			continue;
		add_window(&set->filter, n, choices[i]);
		if (n->literal.size >= CUL_WINDOW_BYTES)
			continue;
		unsigned char c = (unsigned char)n->literal.data[0], large = n->caseless ? upper(c) : c;
		set->shorts[set->short_count++] = (uint32_t)i;
		set->filter.short_first[c / 64] |= UINT64_C(1) << c % 64;
		set->filter.short_first[large / 64] |= UINT64_C(1) << large % 64;
	}
	fill_entries(set, choices);
	free(choices);
	*ret = set;
	return CUL_OK;
}

enum cul_status cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret)
{
	return make(needles, count, CUL_NONE, ret);
}

enum cul_status cul_needles_replan(const struct cul_needles *set, struct cul_slice sample, struct cul_needles **ret)
{
	if (sample.size > SAMPLE)
		sample.size = SAMPLE;
	return make(set->needles, set->count, sample.size < 4096 ? CUL_NONE : sample, ret);
}

const char *cul_needles_isa(const struct cul_needles *set)
{
	static const char *const names[] = { "scalar", "ssse3", "neon", "avx2", "vbmi" };
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

/* Place @i of the text has passed the filter. */
static void look(const struct cul_needles *set, struct cul_slice text, size_t i, struct queue *q)
{
	unsigned char c = (unsigned char)text.data[i];
	if (set->short_count && set->filter.short_first[c / 64] >> c % 64 & 1) {
		tell(q, i);
		for (size_t s = 0; s < set->short_count; s++) {
			const struct cul_needle *n = &set->needles[set->shorts[s]];
			if (stands(n, text, i))
				queue_hit(q, set->shorts[s], i + n->literal.size);
		}
	}
	if (text.size - i < CUL_WINDOW_BYTES)
		return;
	uint32_t window = cul_fold_window(load(text.data + i)), h = cul_window_hash(window);
	if (__builtin_expect(!(set->filter.map[h >> 22] >> (h >> 16) % 64 & 1), 1))
		return;
	for (uint32_t e = set->first[h >> 20]; e < set->first[(h >> 20) + 1]; e++) {
		const struct entry *entry = &set->entries[e];
		if (entry->window != window || entry->at > i || text.size - (i - entry->at) < entry->size ||
		    cul_fold_window(load(text.data + (i - entry->at) + entry->more_at)) != entry->more)
			continue;
		const struct cul_needle *n = &set->needles[entry->needle];
		if (!stands(n, text, i - entry->at))
			continue;
		tell(q, i);
		queue_hit(q, entry->needle, i - entry->at + n->literal.size);
	}
}

/* Places from @from on, whose filter was run over @bytes (the text itself, or a copy of its end). */
static size_t run_piece(const struct cul_needles *set, const char *bytes, size_t size, struct cul_slice text, size_t from, struct queue *q)
{
	uint16_t places[CUL_PIECE + 64];
	size_t count = set->run(&set->filter, bytes, size, places);

	while (count && from + places[count - 1] >= text.size) /* in the padding */
		count--;
	if (!q)
		return count;
	if (set->short_count || text.size - from < size + CUL_WINDOW_BYTES) {
		for (size_t i = 0; i < count && !q->stopped; i++)
			look(set, text, from + places[i], q);
		return count;
	}
	/* most places fail here; a branch on each would be guessed wrong too often */
	size_t left = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t h = cul_window_hash(cul_fold_window(load(bytes + places[i])));
		places[left] = places[i];
		left += set->filter.map[h >> 22] >> (h >> 16) % 64 & 1;
	}
	for (size_t i = 0; i < left && !q->stopped; i++)
		look(set, text, from + places[i], q);
	return count;
}

static size_t run(const struct cul_needles *set, struct cul_slice text, struct queue *q)
{
	size_t i = 0, seen = 0;

	while (text.size - i >= 64 + CUL_WINDOW_BYTES - 1) {
		size_t size = (text.size - i - (CUL_WINDOW_BYTES - 1)) & ~(size_t)63;
		if (size > CUL_PIECE)
			size = CUL_PIECE;
		seen += run_piece(set, text.data + i, size, text, i, q);
		if (q && q->stopped)
			return seen;
		i += size;
	}
	if (i < text.size) {
		char end[128 + CUL_WINDOW_BYTES] = { 0 };
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
