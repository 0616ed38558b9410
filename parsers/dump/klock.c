/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What sleeping tasks wait for, and who holds it.
 *
 * A task that waits has its waiter on its own stack: struct mutex_waiter, rwsem_waiter, swait_queue (completions), wait_queue_entry
 * (percpu_rw_semaphore, pages). Each points to the task and hangs in the list of what is waited for; the first node of that list
 * that is no other task's waiter is the list's head, and the head lies in the lock. mutex and rw_semaphore keep their owner, with
 * flags in the low bits (kernel/locking/mutex.h, rwsem.c). A waiter is looked for only where the stack has the function that
 * makes it: mutex and rw_semaphore look alike from there.
 *
 * A frozen file system is a percpu_rw_semaphore of a super block (s_writers.rw_sem) that the freezing call took and left.
 */
#include <stdio.h>

#include "parsers/dump/klock.h"

#define STACK_WORDS 4096	/* 32 KiB of a stack */
#define MOST_WAITS 4096
#define MOST_WAITERS 20000	/* steps along one lock's waiters; all together: MOST_STEPS */
#define MOST_STEPS 1000000
#define MOST_CYCLES 64
#define MOST_IN_CYCLE 16

/* the part of @t's stack in use */
static bool copy_stack(struct cul_klocks *l, const struct cul_ktask *t)
{
	uint64_t low = t->sp & ~(uint64_t)7, high = t->stack + l->k->stack_size;

	l->size = 0;
	l->base = low;
	if (!cul_kaddress(low) || low < t->stack || low >= high)
		return false;
	while (low < high && l->size < STACK_WORDS) {
		uint64_t n = 4096 - low % 4096;

		if (n > high - low)
			n = high - low;
		if (n > 8 * (uint64_t)(STACK_WORDS - l->size))
			n = 8 * (uint64_t)(STACK_WORDS - l->size);
		if (!cul_kread(l->k, low, l->words + l->size, n))
			break;
		l->size += (uint32_t)(n / 8);
		low += n;
	}
	return l->size > 0;
}

/* the word at byte @offset behind the @i-th of the stack */
static bool stack_word(const struct cul_klocks *l, uint32_t i, int64_t offset, uint64_t *ret)
{
	uint64_t at = i + (uint64_t)offset / 8;

	if (offset < 0 || offset % 8 || at >= l->size)
		return false;
	*ret = l->words[at];
	return true;
}

/* from list node @node, whose struct has its task so far from it: the list's head, the first that is nobody's waiter */
static uint64_t list_head(struct cul_klocks *l, uint64_t node, int64_t node_to_task)
{
	uint64_t at = cul_kread_u64(l->k, node);

	for (int steps = 0; steps < MOST_WAITERS && l->steps < MOST_STEPS && at != node; steps++, l->steps++) {
		const struct cul_ktask *t;

		if (!cul_kaddress(at))
			return 0;
		t = cul_ktask_at(l->k, cul_kread_u64(l->k, at + (uint64_t)node_to_task));
		if (!t || !cul_kon_stack(l, t, at))
			return at;
		at = cul_kread_u64(l->k, at);
	}
	return 0;
}

bool cul_kfind_waiter(struct cul_klocks *l, const struct cul_ktask *t, const struct cul_knode *node, uint64_t *waiter, uint64_t *head)
{
	int64_t task = cul_koffset(l->k, node->type, node->task), list = cul_koffset(l->k, node->type, node->list);
	int64_t func = node->function ? cul_koffset(l->k, node->type, node->function) : -1;
	uint64_t function = 0;

	if (task < 0 || list < 0 || (node->function && (func < 0 || !cul_ksymbol(l->k, node->is, &function))))
		return false;
	for (uint32_t i = 0; i < l->size; i++) {
		uint64_t word, next, previous, at = l->base + 8 * (uint64_t)i, back, forth;

		if (!stack_word(l, i, task, &word) || word != t->address || !stack_word(l, i, list, &next) ||
		    !stack_word(l, i, list + 8, &previous) || !cul_kaddress(next) || !cul_kaddress(previous))
			continue;
		if (node->function && (!stack_word(l, i, func, &word) || word != function))
			continue;
		/* the neighbours must know it; where their pages are filtered, the wake function is proof enough */
		if (!cul_kread(l->k, next + 8, &back, 8) || !cul_kread(l->k, previous, &forth, 8)) {
			if (!node->function)
				continue;
		} else if (back != at + (uint64_t)list || forth != at + (uint64_t)list) {
			continue;
		}
		*head = list_head(l, at + (uint64_t)list, task - list);
		if (!cul_kaddress(*head))
			continue;
		*waiter = at;
		return true;
	}
	return false;
}

/* ---- names ------------------------------------------------------------------------------------------------------------ */

bool cul_ksuper(struct cul_kernel *k, uint64_t address, char type[32], char id[40], int *frozen)
{
	int64_t s_type = cul_koffset(k, "super_block", "s_type"), name = cul_koffset(k, "file_system_type", "name");
	int64_t s_id = cul_koffset(k, "super_block", "s_id"), at = cul_koffset(k, "super_block", "s_writers.frozen");
	uint64_t p;

	if (s_type < 0 || name < 0 || s_id < 0)
		return false;
	p = cul_kread_u64(k, address + (uint64_t)s_type);
	if (!cul_kaddress(p))
		return false;
	p = cul_kread_u64(k, p + (uint64_t)name);
	if (!cul_kaddress(p) || !cul_kread_text(k, p, type, 32) || strlen(type) > 24 || strchr(type, '?'))
		return false;
	id[0] = 0;
	cul_kread_text(k, address + (uint64_t)s_id, id, 33);
	if (strchr(id, '?'))
		return false;
	*frozen = at < 0 ? 0 : (int)(uint16_t)cul_kread_u32(k, address + (uint64_t)at);
	if (*frozen > 4)
		return false;
	return true;
}

bool cul_kfrozen_super(struct cul_kernel *k, uint64_t sem, char type[32], char id[40], int *frozen)
{
	int64_t at = cul_koffset(k, "super_block", "s_writers.rw_sem"), size = cul_btf_size(&k->btf, "percpu_rw_semaphore");

	if (at < 0 || size <= 0)
		return false;
	for (int level = 0; level < 3; level++)
		if (cul_ksuper(k, sem - (uint64_t)at - (uint64_t)(level * size), type, id, frozen))
			return true;
	return false;
}

void cul_kname_variable(struct cul_kernel *k, uint64_t address, char *out, size_t size)
{
	char *plus;

	cul_kname_print(k, address, out, size);
	plus = strstr(out, "+0x0");
	if (plus && (!plus[4] || plus[4] == ' '))
		memmove(plus, plus + 4, strlen(plus + 4) + 1);
}

/* a lock inside something that can be named */
static void name_lock(struct cul_klocks *l, struct cul_kwait *w)
{
	static const char *const of_inode[] = { "i_rwsem", "i_mapping_sem", "i_data.invalidate_lock", "i_data.i_mmap_rwsem" };
	struct cul_kernel *k = l->k;
	int64_t at = cul_koffset(k, "mm_struct", "mmap_lock"), sb = cul_koffset(k, "inode", "i_sb"), ino = cul_koffset(k, "inode", "i_ino");
	char type[32], id[40];
	int frozen;

	cul_kname_variable(k, w->lock, w->name, sizeof(w->name));
	if (w->name[0])
		return;
	if (w->type == CUL_K_PERCPU_RWSEM && cul_kfrozen_super(k, w->lock, type, id, &frozen)) {
		snprintf(w->name, sizeof(w->name), "%s %s%s", type, id, frozen ? " (frozen)" : "");
		return;
	}
	if (w->type == CUL_K_RWSEM && at >= 0)
		for (uint32_t i = 0; i < k->task_count; i++)
			if (k->tasks[i].mm && k->tasks[i].mm + (uint64_t)at == w->lock) {
				snprintf(w->name, sizeof(w->name), "mmap_lock of %s", k->tasks[i].comm);
				return;
			}
	at = cul_koffset(k, "super_block", "s_umount");
	if (w->type == CUL_K_RWSEM && at >= 0 && cul_ksuper(k, w->lock - (uint64_t)at, type, id, &frozen)) {
		snprintf(w->name, sizeof(w->name), "s_umount of %s %s", type, id);
		return;
	}
	for (size_t i = 0; i < sizeof(of_inode) / sizeof(*of_inode) && w->type == CUL_K_RWSEM && sb >= 0 && ino >= 0; i++) {
		uint64_t inode = w->lock, super;

		at = cul_koffset(k, "inode", of_inode[i]);
		if (at < 0)
			continue;
		inode -= (uint64_t)at;
		super = cul_kread_u64(k, inode + (uint64_t)sb);
		if (cul_kaddress(super) && cul_ksuper(k, super, type, id, &frozen)) {
			snprintf(w->name, sizeof(w->name), "%s of inode %llu on %s %s", of_inode[i],
				 (unsigned long long)cul_kread_u64(k, inode + (uint64_t)ino), type, id);
			return;
		}
	}
}

/* ---- locks -------------------------------------------------------------------------------------------------------------- */

static const char *const type_names[] = { "mutex", "rw_semaphore", "percpu_rw_semaphore" };

static bool find_lock(struct cul_klocks *l, struct cul_ktask *t, enum cul_klock_type type, struct cul_kwait *w)
{
	int64_t list, owner;
	const struct cul_knode node = { type == CUL_K_MUTEX ? "mutex_waiter" : "rwsem_waiter", "task", "list", NULL, NULL };
	uint64_t waiter, head, word;
	struct cul_kernel *k = l->k;

	*w = (struct cul_kwait){ .task = t, .type = type };
	if (type == CUL_K_PERCPU_RWSEM) {
		static const struct cul_knode reader = { "wait_queue_entry", "private", "entry", "func", "percpu_rwsem_wake_function" };

		if (!cul_kfind_waiter(l, t, &reader, &waiter, &head))
			return false;
		list = cul_koffset(k, "percpu_rw_semaphore", "waiters.head");
		if (list < 0)
			return false;
		w->lock = head - (uint64_t)list;
		w->reader = !cul_ktask_in(k, t, "percpu_down_write");
		/* who froze a file system is gone; a writer that still waits for readers is told */
		owner = cul_koffset(k, "percpu_rw_semaphore", "writer.task");
		if (owner >= 0)
			w->owner = cul_ktask_at(k, cul_kread_u64(k, w->lock + (uint64_t)owner));
		return true;
	}
	if (!cul_kfind_waiter(l, t, &node, &waiter, &head))
		return false;
	list = cul_koffset(k, type_names[type], "wait_list");
	owner = cul_koffset(k, type_names[type], "owner");
	if (list < 0)
		return false;
	w->lock = head - (uint64_t)list;
	word = owner < 0 ? 0 : cul_kread_u64(k, w->lock + (uint64_t)owner);
	w->owner = cul_ktask_at(k, word & ~(uint64_t)7);
	if (type == CUL_K_RWSEM) {
		int64_t wants = cul_koffset(k, "rwsem_waiter", "type");
		int64_t reads = 1;

		cul_btf_enumerator(&k->btf, "rwsem_waiter_type", "RWSEM_WAITING_FOR_READ", &reads);
		w->owner_reads = word & 1;
		w->reader = wants >= 0 && cul_kread_u32(k, waiter + (uint64_t)wants) == (uint32_t)reads;
	}
	return true;
}

static enum cul_status tell_lock(struct cul_kernel *k, const struct cul_kwait *w)
{
	char text[320], address[20];

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)w->lock);
	snprintf(text, sizeof(text), "%s (pid %u) waits for %s %s%s%s", w->task->comm, w->task->pid, type_names[w->type],
		 w->name[0] ? w->name : address, w->owner ? (w->owner_reads ? ", last reader " : ", held by ") : "",
		 w->owner ? w->owner->comm : "");
	if (w->owner)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " (pid %u)", w->owner->pid);
	struct cul_record rec = cul_krecord(k, text);

	return cul_emit(k->parse, &rec, "dump.lock-wait", cul_int("pid", w->task->pid), cul_string("comm", w->task->comm),
			cul_string("lock", w->name), cul_string("lock_type", type_names[w->type]), cul_string("address", address),
			cul_flag("reader", w->reader), w->owner ? cul_int("owner_pid", w->owner->pid) : cul_int(NULL, 0),
			cul_string("owner_comm", w->owner ? w->owner->comm : NULL),
			w->task->idle_ns >= 0 ? cul_since(cul_int("blocked_s", w->task->idle_ns / CUL_SECOND)) : cul_int(NULL, 0));
}

/* @first is where a circle closes */
static enum cul_status tell_cycle(struct cul_klocks *l, uint32_t *wait_of, struct cul_kwait *first)
{
	char pids[160] = "", comms[320] = "", names[640] = "", text[480];
	struct cul_kernel *k = l->k;
	struct cul_kwait *w = first;
	int tasks = 0;

	do {
		size_t p = strlen(pids), c = strlen(comms), n = strlen(names);

		if (tasks < MOST_IN_CYCLE) {
			snprintf(pids + p, sizeof(pids) - p, "%s%u", p ? " " : "", w->task->pid);
			snprintf(comms + c, sizeof(comms) - c, "%s%s", c ? ", " : "", w->task->comm);
			snprintf(names + n, sizeof(names) - n, "%s%s%s0x%llx", n ? ", " : "", w->name, w->name[0] ? " " : "",
				 (unsigned long long)w->lock);
		}
		tasks++;
		w = &l->waits[wait_of[w->owner - k->tasks] - 1];
	} while (w != first && tasks < (int)l->count);
	snprintf(text, sizeof(text), "deadlock: tasks %s (%s) each hold the lock that the one before waits for: %s", pids, comms, names);
	struct cul_record rec = cul_krecord(k, text);

	return cul_emit(k->parse, &rec, "dump.lock-cycle", cul_int("pid", first->task->pid), cul_string("comm", first->task->comm),
			cul_string("pids", pids), cul_string("comms", comms), cul_string("locks", names), cul_int("tasks", tasks));
}

/* each task waits for one lock at most: follow owners from each; who is met again on the same walk closes a circle */
static enum cul_status tell_cycles(struct cul_klocks *l)
{
	uint32_t *wait_of = cul_arena_get(l->k->arena, (l->k->task_count + 1) * sizeof(*wait_of));
	enum cul_status status = CUL_OK;
	int cycles = 0;

	if (!wait_of)
		return CUL_ENOMEM;
	for (uint32_t i = 0; i < l->count; i++)
		wait_of[l->waits[i].task - l->k->tasks] = i + 1;
	for (uint32_t i = 0; i < l->count && status == CUL_OK; i++) {
		struct cul_kwait *w = &l->waits[i];

		while (!w->mark) {
			w->mark = (int)i + 1;
			/* what a reader holds others may hold too: no proof */
			if (!w->owner || w->owner_reads || !wait_of[w->owner - l->k->tasks])
				break;
			w = &l->waits[wait_of[w->owner - l->k->tasks] - 1];
			if (w->mark == (int)i + 1) {
				if (cycles++ < MOST_CYCLES)
					status = tell_cycle(l, wait_of, w);
				break;
			}
		}
	}
	return status;
}

static bool find_any_lock(struct cul_klocks *l, struct cul_ktask *t, struct cul_kwait *w)
{
	struct cul_kernel *k = l->k;

	if (cul_ktask_in(k, t, "percpu_rwsem_wait") || cul_ktask_in(k, t, "__percpu_down_read") || cul_ktask_in(k, t, "percpu_down_write"))
		return find_lock(l, t, CUL_K_PERCPU_RWSEM, w);
	if (cul_ktask_in(k, t, "rwsem_down_*") || cul_ktask_in(k, t, "__rwsem_down_*"))
		return find_lock(l, t, CUL_K_RWSEM, w);
	if (cul_ktask_in(k, t, "__mutex_lock*") || cul_ktask_in(k, t, "mutex_lock*") || cul_ktask_in(k, t, "__ww_mutex_lock*"))
		return find_lock(l, t, CUL_K_MUTEX, w);
	return false;
}

enum cul_status cul_klocks_tell(struct cul_kernel *k)
{
	struct cul_klocks l = { .k = k, .words = cul_arena_get(k->arena, STACK_WORDS * sizeof(uint64_t)),
			   .waits = cul_arena_get(k->arena, MOST_WAITS * sizeof(struct cul_kwait)) };
	enum cul_status status = CUL_OK;
	uint32_t told = 0;

	if (!l.words || !l.waits)
		return CUL_ENOMEM;
	for (uint32_t i = 0; i < k->task_count && l.count < MOST_WAITS && status == CUL_OK; i++) {
		struct cul_ktask *t = &k->tasks[i];
		struct cul_kwait *w = &l.waits[l.count];
		bool waits;

		/* a lock may be waited for interruptibly, too: the owner of another may hang on it */
		if ((t->letter != 'D' && t->letter != 'S') || !t->stack_frames || t->on_cpu || !copy_stack(&l, t))
			continue;
		waits = find_any_lock(&l, t, w);
		if (waits) {
			name_lock(&l, w);
			l.count++;
			status = tell_lock(k, w);
		}
		if (status == CUL_OK && t->letter == 'D' && told++ < MOST_WAITS)
			status = cul_kblocked_tell(&l, t, waits ? w : NULL);
	}
	return status == CUL_OK ? tell_cycles(&l) : status;
}
