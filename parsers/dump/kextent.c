/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Sorted ranges, the later record over the earlier. makedumpfile -F goes back to the header and the bitmaps at its end; /proc/vmcore
 * has the kernel's text in two segments. Overlaps are cut once, by a sweep with a heap, so that each look-up is one search.
 */
#include "parsers/dump/kextent.h"

#include <stdlib.h>
#include <string.h>

bool cul_extents_add(struct cul_extents *x, struct cul_extent item, size_t most)
{
	if (!item.size)
		return true;
	if (x->count == x->room) {
		size_t room = x->room ? x->room * 2 : 64;
		struct cul_extent *items = x->count < most ? realloc(x->items, room * sizeof(*items)) : NULL;
		if (!items)
			return false;
		x->items = items;
		x->room = room;
	}
	x->items[x->count++] = item;
	return true;
}

static int by_start(const void *a, const void *b)
{
	const struct cul_extent *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

/* ---- a heap of indices, the highest rank on top ---- */

struct heap {
	const struct cul_extent *items;
	size_t *at, count;
};

static void heap_push(struct heap *h, size_t item)
{
	size_t i = h->count++;
	for (; i && h->items[h->at[(i - 1) / 2]].rank < h->items[item].rank; i = (i - 1) / 2)
		h->at[i] = h->at[(i - 1) / 2];
	h->at[i] = item;
}

static void heap_pop(struct heap *h)
{
	size_t item = h->at[--h->count], i = 0;
	for (size_t child; (child = 2 * i + 1) < h->count; i = child) {
		if (child + 1 < h->count && h->items[h->at[child + 1]].rank > h->items[h->at[child]].rank)
			child++;
		if (h->items[item].rank >= h->items[h->at[child]].rank)
			break;
		h->at[i] = h->at[child];
	}
	h->at[i] = item;
}

static uint64_t end_of(const struct cul_extent *e)
{
	return e->start + e->size;
}

static bool put(struct cul_extents *to, const struct cul_extent *e, uint64_t from, uint64_t until)
{
	struct cul_extent *last = to->count ? &to->items[to->count - 1] : NULL;
	uint64_t at = e->at == CUL_EXTENT_HOLE ? CUL_EXTENT_HOLE : e->at + (from - e->start);
	if (last && end_of(last) == from && (at == CUL_EXTENT_HOLE ? last->at == at : last->at != CUL_EXTENT_HOLE && last->at + last->size == at)) {
		last->size += until - from;
		return true;
	}
	return cul_extents_add(to, (struct cul_extent){ from, until - from, at, e->rank }, SIZE_MAX);
}

bool cul_extents_settle(struct cul_extents *x)
{
	bool apart = true;
	if (x->count > 1)
		qsort(x->items, x->count, sizeof(*x->items), by_start);
	for (size_t i = 1; i < x->count && apart; i++)
		apart = end_of(&x->items[i - 1]) <= x->items[i].start;
	if (apart)
		return true;
	struct heap h = { .items = x->items, .at = malloc(x->count * sizeof(*h.at)) };
	struct cul_extents cut = { 0 };
	bool good = h.at != NULL;
	uint64_t where = 0;
	for (size_t next = 0; good && (next < x->count || h.count);) {
		while (h.count && end_of(&x->items[h.at[0]]) <= where)
			heap_pop(&h);
		if (!h.count) {
			if (next == x->count)
				break;
			where = x->items[next].start > where ? x->items[next].start : where;
		}
		while (next < x->count && x->items[next].start <= where)
			heap_push(&h, next++);
		if (!h.count || end_of(&x->items[h.at[0]]) <= where)
			continue;
		const struct cul_extent *top = &x->items[h.at[0]];
		uint64_t until = end_of(top);
		if (next < x->count && x->items[next].start < until)
			until = x->items[next].start;
		good = put(&cut, top, where, until);
		where = until;
	}
	free(h.at);
	if (!good) {
		free(cut.items);
		return false;
	}
	free(x->items);
	*x = cut;
	return true;
}

const struct cul_extent *cul_extents_find(const struct cul_extents *x, uint64_t where)
{
	size_t low = 0, high = x->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (end_of(&x->items[middle]) <= where)
			low = middle + 1;
		else
			high = middle;
	}
	return low < x->count ? &x->items[low] : NULL;
}

void cul_extents_free(struct cul_extents *x)
{
	free(x->items);
	*x = (struct cul_extents){ 0 };
}
