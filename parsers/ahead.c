/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A stream whose bytes are made ahead by a thread of its own: unpacking goes on while what was unpacked is read.
 *
 * The thread owns all below and fills one slot after the other; the reader looks at the bytes there, and may keep a slot on loan until
 * it is done with it. The thread is not woken for each slot. What comes out, and what damage it leaves, is the same as without.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/unpack.h"

#define FILLED 12           /* slots that wait for the reader at most */
#define BYTES (256u << 10)  /* of a slot */
#define FRONT (64u << 10)   /* in front of them: for what the reader has left of the slot before */

struct slot {
	struct slot *next;
	struct pool *pool;
	unsigned held; /* by the stream, by loans */
	size_t size;
	char bytes[FRONT + BYTES];
};

/* Outlives the stream, while a slot is on loan. */
struct pool {
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	struct slot *free;
	size_t slots; /* in all */
	bool closed;
};

struct ahead {
	struct cul_stream s;
	struct pool *pool;
	pthread_t thread;
	struct slot *filled[FILLED]; /* a ring */
	size_t first, count;
	struct slot *at; /* the reader's */
	bool ended, stop, sleeps, waits, no_memory;
};

static void free_pool(struct pool *pool)
{
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->filled);
	pthread_cond_destroy(&pool->emptied);
	free(pool);
}

static struct slot *slot_new(struct pool *pool)
{
	struct slot *slot = pool->free;
	if (slot) {
		pool->free = slot->next;
	} else if ((slot = malloc(sizeof(*slot)))) {
		slot->pool = pool;
		pool->slots++;
	}
	if (slot) {
		slot->held = 1;
		slot->size = 0;
	}
	return slot;
}

/* Under the pool's lock. True: nobody needs the pool any more. */
static bool slot_drop(struct slot *slot)
{
	struct pool *pool = slot->pool;
	if (--slot->held)
		return false;
	if (!pool->closed) {
		slot->next = pool->free;
		pool->free = slot;
		return false;
	}
	free(slot);
	return !--pool->slots;
}

void cul_loan_end(void *of)
{
	struct slot *slot = of;
	if (!slot)
		return;
	struct pool *pool = slot->pool;
	pthread_mutex_lock(&pool->lock);
	bool last = slot_drop(slot);
	pthread_mutex_unlock(&pool->lock);
	if (last)
		free_pool(pool);
}

static void *make(void *ctx)
{
	struct ahead *a = ctx;
	struct pool *pool = a->pool;
	pthread_mutex_lock(&pool->lock);
	while (!a->stop && !a->ended) {
		if (a->count == FILLED) {
			a->sleeps = true;
			pthread_cond_wait(&pool->emptied, &pool->lock);
			a->sleeps = false;
			continue;
		}
		struct slot *slot = slot_new(pool);
		pthread_mutex_unlock(&pool->lock);
		size_t size = 0, n;
		while (slot && size < BYTES && (n = cul_stream_read(a->s.below, slot->bytes + FRONT + size, BYTES - size)))
			size += n;
		pthread_mutex_lock(&pool->lock);
		if (size) {
			slot->size = size;
			a->filled[(a->first + a->count++) % FILLED] = slot;
		} else if (slot) {
			slot_drop(slot);
		}
		a->no_memory = !slot;
		a->ended = size < BYTES;
		if (a->waits && (a->count || a->ended))
			pthread_cond_signal(&pool->filled);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void ahead_show(struct cul_stream *s, size_t least)
{
	struct ahead *a = (struct ahead *)s;
	struct pool *pool = a->pool;
	for (size_t left; (left = s->end - s->start) < least && !s->ended;) {
		struct slot *former = a->at, *next = NULL;
		pthread_mutex_lock(&pool->lock);
		while (!a->count && !a->ended) {
			a->waits = true;
			pthread_cond_wait(&pool->filled, &pool->lock);
			a->waits = false;
		}
		if (a->count) {
			next = a->filled[a->first];
			a->first = (a->first + 1) % FILLED;
			a->count--;
			if (a->sleeps && a->count <= FILLED / 2)
				pthread_cond_signal(&pool->emptied);
			if (left)
				memcpy(next->bytes + FRONT - left, s->bytes + s->start, left);
			if (former)
				slot_drop(former);
		}
		pthread_mutex_unlock(&pool->lock);
		if (!next) {
			/* the thread has ended: what it left is ours to read */
			const char *why = a->no_memory ? "out of memory" : cul_stream_damage(s->below);
			if (why)
				cul_stream_spoil(s, "%s", why);
			s->ended = true;
			return;
		}
		a->at = next;
		s->bytes = (unsigned char *)next->bytes;
		s->start = FRONT - left;
		s->end = FRONT + next->size;
		s->made += next->size;
	}
}

static void ahead_lend(struct cul_stream *s, size_t most, struct cul_loan *loan)
{
	struct ahead *a = (struct ahead *)s;
	ahead_show(s, 1);
	size_t n = s->end - s->start;
	if (!n)
		return;
	if (n > most)
		n = most;
	*loan = (struct cul_loan){ .data = (char *)s->bytes + s->start, .size = n, .of = a->at };
	pthread_mutex_lock(&a->pool->lock);
	if (a->at->held++ == 1)
		loan->before = s->start;
	pthread_mutex_unlock(&a->pool->lock);
	s->start += n;
}

static void ahead_drop(struct cul_stream *s)
{
	struct ahead *a = (struct ahead *)s;
	struct pool *pool = a->pool;
	pthread_mutex_lock(&pool->lock);
	a->stop = true;
	pthread_cond_signal(&pool->emptied);
	pthread_mutex_unlock(&pool->lock);
	pthread_join(a->thread, NULL);
	pthread_mutex_lock(&pool->lock);
	for (size_t i = 0; i < a->count; i++)
		slot_drop(a->filled[(a->first + i) % FILLED]);
	if (a->at)
		slot_drop(a->at);
	pool->closed = true;
	for (struct slot *next; pool->free; pool->free = next, pool->slots--) {
		next = pool->free->next;
		free(pool->free);
	}
	bool last = !pool->slots;
	pthread_mutex_unlock(&pool->lock);
	if (last)
		free_pool(pool);
}

struct cul_stream *cul_stream_ahead(struct cul_stream *below)
{
	struct ahead *a = calloc(1, sizeof(*a));
	struct pool *pool = calloc(1, sizeof(*pool));
	if (a && pool) {
		pthread_mutex_init(&pool->lock, NULL);
		pthread_cond_init(&pool->filled, NULL);
		pthread_cond_init(&pool->emptied, NULL);
		a->pool = pool;
		a->s = (struct cul_stream){ .show = ahead_show, .lend = ahead_lend, .drop = ahead_drop, .below = below, .budget = below->budget, .size = below->size, .aside = true };
		if (!pthread_create(&a->thread, NULL, make, a))
			return &a->s;
		free_pool(pool);
		pool = NULL;
	}
	free(pool);
	free(a);
	return NULL;
}
