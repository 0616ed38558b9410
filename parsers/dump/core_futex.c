/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Who waits for whose lock, without a symbol or a binary: a thread inside futex() names the word it sleeps on, and the word's
 * surroundings name the owner.
 *
 *   glibc mutex    futex at +0 (2: locked, with waiters), owner's tid at +8, kind at +16      sysdeps/nptl/bits/struct_mutex.h
 *   PI and robust  the futex word itself holds the tid, by the kernel's rule                  include/uapi/linux/futex.h
 *   musl           the same: _m_lock is the tid with the top bit for waiters                  src/thread/pthread_mutex_timedlock.c
 *   glibc rwlock   futexes at +8 and +12, the writer's tid at +24                             sysdeps/nptl/bits/struct_rwlock.h
 *
 * An owner counts only if it is a thread of the same core. Condition variables, semaphores, and locks of other makers (Rust, Go,
 * absl) have no owner to read. On AArch64 the number of the system call is what x8 happens to hold, so more is asked of the word.
 */
#include "parsers/dump/core_notes.h"

#include <stdlib.h>
#include <string.h>

enum { WAIT = 0, LOCK_PI = 6, WAIT_BITSET = 9, LOCK_PI2 = 13, OPERATION = 127 };
#define TID 0x3fffffffu
#define WAITERS 0x80000000u

struct tid_index {
	int64_t tid;
	size_t thread;
};

static int by_tid(const void *a, const void *b)
{
	const struct tid_index *x = a, *y = b;
	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static size_t find_tid(const struct tid_index *index, size_t count, uint32_t tid)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (index[middle].tid < (int64_t)tid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && tid && index[low].tid == (int64_t)tid ? index[low].thread : SIZE_MAX;
}

/* The owner of what thread @t sleeps on. */
static bool owner_of(const struct cul_core *core, const struct cul_core_thread *t, const struct tid_index *index, struct cul_core_wait *w)
{
	uint64_t at = t->arg[0];
	uint32_t operation = (uint32_t)t->arg[1] & OPERATION, lock, owner, kind, readers;
	bool futex = t->registers && t->number == (core->machine == CUL_CORE_X86_64 ? 202 : core->machine == CUL_CORE_AARCH64 ? 98 : -2);
	if (!futex || at & 3 || !cul_core_half(core, at, &lock))
		return false;
	bool wait = operation == WAIT || operation == WAIT_BITSET, pi = operation == LOCK_PI || operation == LOCK_PI2;
	w->lock = at;
	w->what = "mutex";
	/* the word holds the tid */
	w->owner = pi || (wait && lock & WAITERS) ? find_tid(index, core->thread_count, lock & TID) : SIZE_MAX;
	if (w->owner != SIZE_MAX) {
		w->owner_tid = lock & TID;
		return true;
	}
	if (!wait)
		return false;
	/* a mutex of glibc */
	if (lock == 2 && (uint32_t)t->arg[2] == 2 && cul_core_half(core, at + 8, &owner) && cul_core_half(core, at + 16, &kind) && kind < 1024) {
		w->owner = find_tid(index, core->thread_count, owner);
		w->owner_tid = owner;
		if (w->owner != SIZE_MAX)
			return true;
	}
	/* a rwlock of glibc that a writer holds: readers wait at +8, writers at +12 */
	for (uint64_t back = 8; back <= 12; back += 4) {
		if (at < back || !cul_core_half(core, at - back + 24, &owner) || !cul_core_half(core, at - back + 28, &kind) || kind > 1 ||
		    !cul_core_half(core, at - back, &readers) || !(readers & 3))
			continue;
		w->owner = find_tid(index, core->thread_count, owner);
		if (w->owner == SIZE_MAX)
			continue;
		w->owner_tid = owner;
		w->lock = at - back;
		w->what = "rwlock";
		return true;
	}
	return false;
}

size_t cul_core_waits(const struct cul_core *core, struct cul_core_wait *waits, size_t room)
{
	struct tid_index *index = calloc(core->thread_count + 1, sizeof(*index));
	size_t n = 0;
	if (!index)
		return 0;
	for (size_t i = 0; i < core->thread_count; i++)
		index[i] = (struct tid_index){ core->threads[i].tid, i };
	qsort(index, core->thread_count, sizeof(*index), by_tid);
	for (size_t i = 0; i < core->thread_count && n < room; i++) {
		struct cul_core_wait w = { .thread = i, .owner = SIZE_MAX };
		if (owner_of(core, &core->threads[i], index, &w))
			waits[n++] = w;
	}
	free(index);
	return n;
}

size_t cul_core_cycles(const struct cul_core *core, const struct cul_core_wait *waits, size_t count, size_t *ret)
{
	/* a thread waits for one lock at most: follow each once, marked by the walk that met it first */
	size_t *wait_of = calloc(core->thread_count + 1, sizeof(*wait_of)), *walk = calloc(count + 1, sizeof(*walk)), cycles = 0;
	memset(ret, 0, count * sizeof(*ret));
	for (size_t i = 0; wait_of && i < count; i++)
		wait_of[waits[i].thread] = i + 1;
	for (size_t i = 0; wait_of && walk && i < count; i++) {
		size_t at = i + 1;
		while (at && !walk[at - 1]) {
			walk[at - 1] = i + 1;
			at = wait_of[waits[at - 1].owner];
		}
		if (!at || walk[at - 1] != i + 1)
			continue;
		cycles++;
		for (size_t w = at; !ret[w - 1]; w = wait_of[waits[w - 1].owner])
			ret[w - 1] = cycles;
	}
	free(wait_of);
	free(walk);
	return cycles;
}
