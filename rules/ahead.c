/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/ahead.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define FEWEST 48 /* files that are worth a thread */
#define AHEAD 64  /* files that wait to be taken, at most */

enum state { UNTOUCHED, BEGUN, DONE, LEFT };

struct file {
	enum state state;
	struct cul_nodes nodes; /* DONE */
	size_t root;
};

struct cul_ahead {
	char *const *paths;
	size_t count, at; /* the file that was asked for last */
	bool stop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct file files[];
};

static void *read_ahead(void *ctx)
{
	struct cul_ahead *a = ctx;
	size_t i = 0;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		while (i < a->count && a->files[i].state != UNTOUCHED)
			i++;
		while (!a->stop && i < a->count && i >= a->at + AHEAD)
			pthread_cond_wait(&a->changed, &a->lock);
		if (a->stop || i >= a->count)
			break;
		struct file *f = &a->files[i];
		if (f->state != UNTOUCHED)
			continue;
		f->state = BEGUN;
		pthread_mutex_unlock(&a->lock);
		struct cul_nodes nodes = { .many = true };
		struct cul_error err;
		size_t root = 0;
		bool good = cul_yaml_file(a->paths[i], &nodes, &root, &err) == CUL_OK;
		if (!good)
			cul_nodes_free(&nodes);
		pthread_mutex_lock(&a->lock);
		f->nodes = nodes;
		f->root = root;
		f->state = good ? DONE : LEFT;
		if (a->at == i)
			pthread_cond_signal(&a->changed);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct cul_ahead *cul_ahead_begin(char *const *paths, size_t count)
{
	if (count < FEWEST || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return NULL;
	struct cul_ahead *a = calloc(1, sizeof(*a) + count * sizeof(*a->files));
	if (!a)
		return NULL;
	a->paths = paths;
	a->count = count;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	if (pthread_create(&a->thread, NULL, read_ahead, a)) {
		pthread_mutex_destroy(&a->lock);
		pthread_cond_destroy(&a->changed);
		free(a);
		return NULL;
	}
	return a;
}

enum cul_status cul_ahead_take(struct cul_ahead *a, char *const *paths, size_t i, struct cul_nodes *nodes, size_t *root, struct cul_error *err)
{
	bool done = false;

	if (a) {
		struct file *f = &a->files[i];
		pthread_mutex_lock(&a->lock);
		a->at = i;
		pthread_cond_signal(&a->changed);
		while (f->state == BEGUN)
			pthread_cond_wait(&a->changed, &a->lock);
		done = f->state == DONE;
		if (done) {
			*nodes = f->nodes;
			*root = f->root;
			f->nodes = (struct cul_nodes){ 0 };
		}
		f->state = LEFT;
		pthread_mutex_unlock(&a->lock);
	}
	if (done)
		return CUL_OK;
	*nodes = (struct cul_nodes){ .many = true };
	return cul_yaml_file(paths[i], nodes, root, err);
}

void cul_ahead_end(struct cul_ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stop = true;
	pthread_cond_signal(&a->changed);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	for (size_t i = 0; i < a->count; i++)
		cul_nodes_free(&a->files[i].nodes);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->changed);
	free(a);
}
