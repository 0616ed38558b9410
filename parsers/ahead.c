/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A stream whose bytes are made ahead by a thread of its own: unpacking goes on while what was unpacked is read.
 *
 * The thread owns all below; a handful of buffers go round. What comes out, and what damage it leaves, is the same as without.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/unpack.h"

#define BUFFERS 6
#define BYTES (256u << 10)

struct ahead {
	struct cul_stream s;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned char *bytes[BUFFERS];
	size_t size[BUFFERS];
	size_t first, count; /* filled ones, a ring */
	size_t at;           /* read of the first one */
	bool ended, stop;
};

static void *make(void *ctx)
{
	struct ahead *a = ctx;
	for (;;) {
		pthread_mutex_lock(&a->lock);
		while (a->count == BUFFERS && !a->stop)
			pthread_cond_wait(&a->changed, &a->lock);
		bool stop = a->stop;
		size_t which = (a->first + a->count) % BUFFERS;
		pthread_mutex_unlock(&a->lock);
		size_t size = 0, n;
		while (!stop && size < BYTES && (n = cul_stream_read(a->s.below, a->bytes[which] + size, BYTES - size)))
			size += n;
		pthread_mutex_lock(&a->lock);
		a->size[which] = size;
		a->count += size > 0;
		a->ended = size < BYTES;
		bool ended = a->ended;
		pthread_cond_broadcast(&a->changed);
		pthread_mutex_unlock(&a->lock);
		if (ended)
			return NULL;
	}
}

static size_t ahead_fill(struct cul_stream *s, void *buffer, size_t size)
{
	struct ahead *a = (struct ahead *)s;
	pthread_mutex_lock(&a->lock);
	while (!a->count && !a->ended)
		pthread_cond_wait(&a->changed, &a->lock);
	size_t which = a->first, held = a->count ? a->size[which] : 0;
	pthread_mutex_unlock(&a->lock);
	size_t n = held - a->at < size ? held - a->at : size;
	if (!n) {
		/* the thread has ended: what it left is ours to read */
		const char *why = cul_stream_damage(s->below);
		if (why)
			cul_stream_spoil(s, "%s", why);
		return 0;
	}
	memcpy(buffer, a->bytes[which] + a->at, n);
	a->at += n;
	if (a->at == held) {
		a->at = 0;
		pthread_mutex_lock(&a->lock);
		a->first = (a->first + 1) % BUFFERS;
		a->count--;
		pthread_cond_broadcast(&a->changed);
		pthread_mutex_unlock(&a->lock);
	}
	return n;
}

static void ahead_drop(struct cul_stream *s)
{
	struct ahead *a = (struct ahead *)s;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->changed);
	for (size_t i = 0; i < BUFFERS; i++)
		free(a->bytes[i]);
}

struct cul_stream *cul_stream_ahead(struct cul_stream *below)
{
	struct ahead *a = calloc(1, sizeof(*a));
	bool made = a != NULL;
	for (size_t i = 0; made && i < BUFFERS; i++)
		made = (a->bytes[i] = malloc(BYTES)) != NULL;
	if (made) {
		pthread_mutex_init(&a->lock, NULL);
		pthread_cond_init(&a->changed, NULL);
		a->s = (struct cul_stream){ .fill = ahead_fill, .drop = ahead_drop, .below = below, .budget = below->budget, .size = below->size, .aside = true };
		if (!pthread_create(&a->thread, NULL, make, a))
			return &a->s;
		pthread_mutex_destroy(&a->lock);
		pthread_cond_destroy(&a->changed);
	}
	for (size_t i = 0; a && i < BUFFERS; i++)
		free(a->bytes[i]);
	free(a);
	return NULL;
}
