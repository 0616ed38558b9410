/* SPDX-License-Identifier: Apache-2.0 */
/* What samples/dumps/server.core.zst is the core of: gcc -O2 -static server.c -o server -pthread; env -i TOKEN=not-to-be-told ./server --port 8080 --model tiny */
#define _GNU_SOURCE
#include <pthread.h>
#include <unistd.h>
static pthread_mutex_t queue = PTHREAD_MUTEX_INITIALIZER, cache = PTHREAD_MUTEX_INITIALIZER;
struct model { char name[32]; int layers; };
static void *fill(void *x) { pthread_mutex_lock(&queue); usleep(50000); pthread_mutex_lock(&cache); return x; }
static void *drain(void *x) { pthread_mutex_lock(&cache); usleep(50000); pthread_mutex_lock(&queue); return x; }
static int __attribute__((noinline)) layers(volatile struct model *m) { return m->layers; }
int main(void)
{
	pthread_t a, b;
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 32768);
	pthread_create(&a, &small, fill, 0);
	pthread_create(&b, &small, drain, 0);
	usleep(200000);
	return layers(0);
}
