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

#include "parsers/dump/kernel.h"

#define STACK_WORDS 4096	/* 32 KiB of a stack */
#define MOST_WAITS 4096
#define MOST_WAITERS 20000	/* steps along one lock's waiters; all together: MOST_STEPS */
#define MOST_STEPS 1000000
#define MOST_CYCLES 64
#define MOST_IN_CYCLE 16

enum lock_type { MUTEX, RWSEM, PERCPU_RWSEM };

struct wait {
	struct cul_ktask *task, *owner;
	enum lock_type type;
	bool reader, owner_reads;
	uint64_t lock;
	char name[128];
	int mark; /* of the walk along owners */
};

struct locks {
	struct cul_kernel *k;
	struct wait *waits;
	uint32_t count, steps;
	uint64_t *words; /* the stack at hand */
	uint64_t base;
	uint32_t size;
};

/* the part of @t's stack in use */
static bool copy_stack(struct locks *l, const struct cul_ktask *t)
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

static bool on_stack(const struct locks *l, const struct cul_ktask *t, uint64_t address)
{
	return address >= t->stack && address < t->stack + l->k->stack_size;
}

/* the word at byte @offset behind the @i-th of the stack */
static bool stack_word(const struct locks *l, uint32_t i, int64_t offset, uint64_t *ret)
{
	uint64_t at = i + (uint64_t)offset / 8;

	if (offset < 0 || offset % 8 || at >= l->size)
		return false;
	*ret = l->words[at];
	return true;
}

/* from list node @node, whose struct has its task so far from it: the list's head, the first that is nobody's waiter */
static uint64_t list_head(struct locks *l, uint64_t node, int64_t node_to_task, uint64_t *waiters)
{
	uint64_t at = cul_kread_u64(l->k, node);

	*waiters = 1;
	for (int steps = 0; steps < MOST_WAITERS && l->steps < MOST_STEPS && at != node; steps++, l->steps++) {
		const struct cul_ktask *t;

		if (!cul_kaddress(at))
			return 0;
		t = cul_ktask_at(l->k, cul_kread_u64(l->k, at + (uint64_t)node_to_task));
		if (!t || !on_stack(l, t, at))
			return at;
		++*waiters;
		at = cul_kread_u64(l->k, at);
	}
	return 0;
}

/**
 * The waiter of type @type on the stack at hand: where its list's head is, and where the waiter is. @task_path, @list_path:
 * its members. @function: value that @function_path must have, 0 for any.
 */
static bool find_waiter(struct locks *l, const struct cul_ktask *t, const char *type, const char *task_path, const char *list_path,
			const char *function_path, uint64_t function, uint64_t *waiter, uint64_t *head)
{
	int64_t task = cul_koffset(l->k, type, task_path), list = cul_koffset(l->k, type, list_path);
	int64_t func = function_path ? cul_koffset(l->k, type, function_path) : -1;

	if (task < 0 || list < 0 || (function_path && func < 0))
		return false;
	for (uint32_t i = 0; i < l->size; i++) {
		uint64_t word, next, previous, at = l->base + 8 * (uint64_t)i, waiters, back, forth;

		if (!stack_word(l, i, task, &word) || word != t->address || !stack_word(l, i, list, &next) ||
		    !stack_word(l, i, list + 8, &previous) || !cul_kaddress(next) || !cul_kaddress(previous))
			continue;
		if (function && (!stack_word(l, i, func, &word) || word != function))
			continue;
		/* the neighbours must know it; where their pages are filtered, the wake function is proof enough */
		if (!cul_kread(l->k, next + 8, &back, 8) || !cul_kread(l->k, previous, &forth, 8)) {
			if (!function)
				continue;
		} else if (back != at + (uint64_t)list || forth != at + (uint64_t)list) {
			continue;
		}
		*head = list_head(l, at + (uint64_t)list, task - list, &waiters);
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

/* the super block whose write lock @sem is */
static bool frozen_super(struct cul_kernel *k, uint64_t sem, char type[32], char id[40], int *frozen)
{
	int64_t at = cul_koffset(k, "super_block", "s_writers.rw_sem"), size = cul_btf_size(&k->btf, "percpu_rw_semaphore");

	if (at < 0 || size <= 0)
		return false;
	for (int level = 0; level < 3; level++)
		if (cul_ksuper(k, sem - (uint64_t)at - (uint64_t)(level * size), type, id, frozen))
			return true;
	return false;
}

/* a lock inside something that can be named */
static void name_lock(struct locks *l, struct wait *w)
{
	static const char *const of_inode[] = { "i_rwsem", "i_mapping_sem", "i_data.invalidate_lock", "i_data.i_mmap_rwsem" };
	struct cul_kernel *k = l->k;
	int64_t at = cul_koffset(k, "mm_struct", "mmap_lock"), sb = cul_koffset(k, "inode", "i_sb"), ino = cul_koffset(k, "inode", "i_ino");
	char type[32], id[40], *plus;
	int frozen;

	cul_kname_print(k, w->lock, w->name, sizeof(w->name));
	plus = strstr(w->name, "+0x0");
	if (plus && (!plus[4] || plus[4] == ' '))
		memmove(plus, plus + 4, strlen(plus + 4) + 1);
	if (w->name[0])
		return;
	if (w->type == PERCPU_RWSEM && frozen_super(k, w->lock, type, id, &frozen)) {
		snprintf(w->name, sizeof(w->name), "%s %s%s", type, id, frozen ? " (frozen)" : "");
		return;
	}
	if (w->type == RWSEM && at >= 0)
		for (uint32_t i = 0; i < k->task_count; i++)
			if (k->tasks[i].mm && k->tasks[i].mm + (uint64_t)at == w->lock) {
				snprintf(w->name, sizeof(w->name), "mmap_lock of %s", k->tasks[i].comm);
				return;
			}
	at = cul_koffset(k, "super_block", "s_umount");
	if (w->type == RWSEM && at >= 0 && cul_ksuper(k, w->lock - (uint64_t)at, type, id, &frozen)) {
		snprintf(w->name, sizeof(w->name), "s_umount of %s %s", type, id);
		return;
	}
	for (size_t i = 0; i < sizeof(of_inode) / sizeof(*of_inode) && w->type == RWSEM && sb >= 0 && ino >= 0; i++) {
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

static bool find_lock(struct locks *l, struct cul_ktask *t, enum lock_type type, struct wait *w)
{
	int64_t list, owner;
	uint64_t waiter, head, word, function;
	struct cul_kernel *k = l->k;

	*w = (struct wait){ .task = t, .type = type };
	if (type == PERCPU_RWSEM) {
		if (!cul_ksymbol(k, "percpu_rwsem_wake_function", &function) ||
		    !find_waiter(l, t, "wait_queue_entry", "private", "entry", "func", function, &waiter, &head))
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
	if (!find_waiter(l, t, type == MUTEX ? "mutex_waiter" : "rwsem_waiter", "task", "list", NULL, 0, &waiter, &head))
		return false;
	list = cul_koffset(k, type_names[type], "wait_list");
	owner = cul_koffset(k, type_names[type], "owner");
	if (list < 0)
		return false;
	w->lock = head - (uint64_t)list;
	word = owner < 0 ? 0 : cul_kread_u64(k, w->lock + (uint64_t)owner);
	w->owner = cul_ktask_at(k, word & ~(uint64_t)7);
	if (type == RWSEM) {
		int64_t wants = cul_koffset(k, "rwsem_waiter", "type");
		int64_t reads = 1;

		cul_btf_enumerator(&k->btf, "rwsem_waiter_type", "RWSEM_WAITING_FOR_READ", &reads);
		w->owner_reads = word & 1;
		w->reader = wants >= 0 && cul_kread_u32(k, waiter + (uint64_t)wants) == (uint32_t)reads;
	}
	return true;
}

static enum cul_status tell_lock(struct cul_kernel *k, const struct wait *w)
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
static enum cul_status tell_cycle(struct locks *l, uint32_t *wait_of, struct wait *first)
{
	char pids[160] = "", comms[320] = "", names[640] = "", text[480];
	struct cul_kernel *k = l->k;
	struct wait *w = first;
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
static enum cul_status tell_cycles(struct locks *l)
{
	uint32_t *wait_of = cul_arena_get(l->k->arena, (l->k->task_count + 1) * sizeof(*wait_of));
	enum cul_status status = CUL_OK;
	int cycles = 0;

	if (!wait_of)
		return CUL_ENOMEM;
	for (uint32_t i = 0; i < l->count; i++)
		wait_of[l->waits[i].task - l->k->tasks] = i + 1;
	for (uint32_t i = 0; i < l->count && status == CUL_OK; i++) {
		struct wait *w = &l->waits[i];

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

/* ---- other waits -------------------------------------------------------------------------------------------------------- */

struct blocked {
	const char *event;
	char what[160], name[96], device[48];
	struct cul_ktask *owner;
};

/* the device of a bio that somebody on this stack sent and waits for */
static bool bio_device(struct locks *l, uint64_t completion, char device[48])
{
	struct cul_kernel *k = l->k;
	int64_t data = cul_koffset(k, "bio", "bi_private"), bdev = cul_koffset(k, "bio", "bi_bdev");
	int64_t disk = cul_koffset(k, "block_device", "bd_disk"), name = cul_koffset(k, "gendisk", "disk_name");
	int64_t end = cul_koffset(k, "bio", "bi_end_io");
	uint64_t at, done;

	if (data < 0 || bdev < 0 || disk < 0 || name < 0 || end < 0 || !cul_ksymbol(k, "submit_bio_wait_endio", &done))
		return false;
	/* the bio lies on the stack, or a pointer to it does */
	for (uint32_t i = 0; i < l->size; i++) {
		uint64_t bio = l->words[i] == completion ? l->base + 8 * (uint64_t)i - (uint64_t)data : l->words[i];

		if (!cul_kaddress(bio) || bio % 8 || cul_kread_u64(k, bio + (uint64_t)end) != done ||
		    cul_kread_u64(k, bio + (uint64_t)data) != completion)
			continue;
		at = cul_kread_u64(k, bio + (uint64_t)bdev);
		at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)disk) : 0;
		return cul_kaddress(at) && cul_kread_text(k, at + (uint64_t)name, device, 33);
	}
	return false;
}

/* the file system of a page that is waited for */
static bool page_file_system(struct locks *l, const struct cul_ktask *t, char name[96])
{
	struct cul_kernel *k = l->k;
	int64_t page = cul_koffset(k, "wait_page_queue", "folio"), wait = cul_koffset(k, "wait_page_queue", "wait");
	int64_t mapping = cul_koffset(k, "page", "mapping"), host = cul_koffset(k, "address_space", "host"), sb = cul_koffset(k, "inode", "i_sb");
	uint64_t function, waiter, head, at;
	char type[32], id[40];
	int frozen;

	if (page < 0)
		page = cul_koffset(k, "wait_page_queue", "page");
	if (page < 0 || wait < 0 || mapping < 0 || host < 0 || sb < 0 || !cul_ksymbol(k, "wake_page_function", &function) ||
	    !find_waiter(l, t, "wait_queue_entry", "private", "entry", "func", function, &waiter, &head))
		return false;
	at = cul_kread_u64(k, waiter - (uint64_t)wait + (uint64_t)page);
	at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)mapping) & ~(uint64_t)3 : 0;
	at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)host) : 0;
	at = cul_kaddress(at) ? cul_kread_u64(k, at + (uint64_t)sb) : 0;
	if (!cul_kaddress(at) || !cul_ksuper(k, at, type, id, &frozen))
		return false;
	snprintf(name, 96, "%s %s", type, id);
	return true;
}

static struct cul_ktask *vfork_child(struct locks *l, const struct cul_ktask *t)
{
	for (uint32_t i = 0; i < l->k->task_count; i++)
		if (l->k->tasks[i].vfork_done && on_stack(l, t, l->k->tasks[i].vfork_done))
			return &l->k->tasks[i];
	return NULL;
}

/* the one process that reads requests of FUSE file systems, if it is one */
static struct cul_ktask *fuse_daemon(struct locks *l)
{
	struct cul_ktask *found = NULL;

	for (uint32_t i = 0; i < l->k->task_count; i++) {
		struct cul_ktask *t = &l->k->tasks[i];

		if (strncmp(t->wait_function, "fuse_dev_do_read", 16))
			continue;
		if (found && found->tgid != t->tgid)
			return NULL;
		found = t;
	}
	return found;
}

/* functions that say by their name what is waited for; the first that stands in the stack counts */
static const struct { const char *function, *event, *what; } known[] = {
	{ "__wait_rcu_gp", "rcu", "an RCU grace period, which a CPU or task holds up" },
	{ "synchronize_rcu*", "rcu", "an RCU grace period, which a CPU or task holds up" },
	{ "request_wait_answer", "fuse", "a FUSE daemon's answer" },
	{ "fuse_get_req", "fuse", "a FUSE daemon, which has taken no request for long" },
	{ "rpc_wait_bit_killable", "nfs", "an NFS or other RPC server" },
	{ "__rpc_execute", "nfs", "an NFS or other RPC server" },
	{ "dma_fence_default_wait", "gpu", "a GPU's fence" },
	{ "dma_fence_wait*", "gpu", "a GPU's fence" },
	{ "dma_resv_wait_timeout", "gpu", "a GPU's fences on a buffer" },
	{ "amdgpu_*", "gpu", "something in amdgpu" },
	{ "__flush_work*", "work", "another work item to end" },
	{ "flush_workqueue*", "work", "all work of a workqueue to end" },
	{ "__bio_queue_enter", "queue", "a block device's queue that is frozen" },
	{ "blk_queue_enter", "queue", "a block device's queue that is frozen" },
	{ "blk_mq_get_tag", "queue", "a free request of a block device" },
	{ "jbd2_log_wait_commit", "journal", "a journal's commit" },
	{ "wait_transaction_locked", "journal", "a journal's transaction" },
	{ "balance_dirty_pages*", "writeback", "dirty pages to be written" },
};

static bool find_blocked(struct locks *l, struct cul_ktask *t, const struct wait *lock, struct blocked *b)
{
	struct cul_kernel *k = l->k;
	uint64_t waiter, head;
	int64_t list;

	*b = (struct blocked){ 0 };
	if (lock && lock->type == PERCPU_RWSEM) {
		char type[32], id[40];
		int frozen;

		if (!frozen_super(k, lock->lock, type, id, &frozen) || !frozen)
			return false;
		b->event = "frozen-filesystem";
		snprintf(b->name, sizeof(b->name), "%s %s", type, id);
		snprintf(b->what, sizeof(b->what), "file system %s %s, which is frozen", type, id);
		return true;
	}
	if (lock)
		return false;
	if (cul_ktask_in(k, t, "wait_for_vfork_done") || (cul_ktask_in(k, t, "wait_for_completion*") && cul_ktask_in(k, t, "__do_sys_vfork"))) {
		b->event = "vfork";
		b->owner = vfork_child(l, t);
		snprintf(b->what, sizeof(b->what), "its vfork child to exec or exit");
		return true;
	}
	if (cul_ktask_in(k, t, "folio_wait_bit*") || cul_ktask_in(k, t, "wait_on_page_bit*") || cul_ktask_in(k, t, "__folio_lock*") ||
	    cul_ktask_in(k, t, "__lock_page*")) {
		b->event = "page";
		if (page_file_system(l, t, b->name))
			snprintf(b->what, sizeof(b->what), "a page of %s", b->name);
		else
			snprintf(b->what, sizeof(b->what), "a page to be read or written");
		return true;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (!cul_ktask_in(k, t, known[i].function))
			continue;
		b->event = known[i].event;
		snprintf(b->what, sizeof(b->what), "%s", known[i].what);
		if (!strcmp(b->event, "fuse"))
			b->owner = fuse_daemon(l);
		return true;
	}
	list = cul_koffset(k, "completion", "wait.task_list");
	if (!cul_ktask_in(k, t, "__wait_for_common") && !cul_ktask_in(k, t, "wait_for_completion*") && !cul_ktask_in(k, t, "do_wait_for_common"))
		return false;
	b->event = "completion";
	snprintf(b->what, sizeof(b->what), "something to be completed");
	if (list < 0 || !find_waiter(l, t, "swait_queue", "task", "task_list", NULL, 0, &waiter, &head))
		return true;
	if (cul_ktask_in(k, t, "submit_bio_wait")) {
		b->event = "bio";
		if (bio_device(l, head - (uint64_t)list, b->device))
			snprintf(b->what, sizeof(b->what), "block device %s to read or write", b->device);
		else
			snprintf(b->what, sizeof(b->what), "a block device to read or write");
		return true;
	}
	cul_kname_print(k, head - (uint64_t)list, b->name, sizeof(b->name));
	if (b->name[0]) {
		char *plus = strstr(b->name, "+0x0");

		if (plus && (!plus[4] || plus[4] == ' '))
			memmove(plus, plus + 4, strlen(plus + 4) + 1);
		snprintf(b->what, sizeof(b->what), "%s to be completed", b->name);
	}
	return true;
}

static enum cul_status tell_blocked(struct cul_kernel *k, const struct cul_ktask *t, const struct blocked *b)
{
	char text[320];

	snprintf(text, sizeof(text), "%s (pid %u) waits for %s%s%s", t->comm, t->pid, b->what[0] ? b->what : "something",
		 t->work_function[0] ? ", in work item " : "", t->work_function);
	struct cul_record rec = cul_krecord(k, text);

	return cul_emit(k->parse, &rec, "dump.blocked-on", cul_int("pid", t->pid), cul_string("comm", t->comm), cul_string("event", b->event),
			cul_string("what", b->what), cul_string("name", b->name), cul_string("device", b->device),
			b->owner ? cul_int("owner_pid", b->owner->pid) : cul_int(NULL, 0),
			cul_string("owner_comm", b->owner ? b->owner->comm : NULL), cul_string("workqueue", t->workqueue),
			cul_string("work_function", t->work_function),
			t->idle_ns >= 0 ? cul_since(cul_int("blocked_s", t->idle_ns / CUL_SECOND)) : cul_int(NULL, 0));
}

static bool find_any_lock(struct locks *l, struct cul_ktask *t, struct wait *w)
{
	struct cul_kernel *k = l->k;

	if (cul_ktask_in(k, t, "percpu_rwsem_wait") || cul_ktask_in(k, t, "__percpu_down_read") || cul_ktask_in(k, t, "percpu_down_write"))
		return find_lock(l, t, PERCPU_RWSEM, w);
	if (cul_ktask_in(k, t, "rwsem_down_*") || cul_ktask_in(k, t, "__rwsem_down_*"))
		return find_lock(l, t, RWSEM, w);
	if (cul_ktask_in(k, t, "__mutex_lock*") || cul_ktask_in(k, t, "mutex_lock*") || cul_ktask_in(k, t, "__ww_mutex_lock*"))
		return find_lock(l, t, MUTEX, w);
	return false;
}

enum cul_status cul_klocks_tell(struct cul_kernel *k)
{
	struct locks l = { .k = k, .words = cul_arena_get(k->arena, STACK_WORDS * sizeof(uint64_t)),
			   .waits = cul_arena_get(k->arena, MOST_WAITS * sizeof(struct wait)) };
	enum cul_status status = CUL_OK;
	uint32_t told = 0;

	if (!l.words || !l.waits)
		return CUL_ENOMEM;
	for (uint32_t i = 0; i < k->task_count && l.count < MOST_WAITS && status == CUL_OK; i++) {
		struct cul_ktask *t = &k->tasks[i];
		struct wait *w = &l.waits[l.count];
		struct blocked blocked;
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
		if (status == CUL_OK && t->letter == 'D' && told < MOST_WAITS && find_blocked(&l, t, waits ? w : NULL, &blocked)) {
			told++;
			status = tell_blocked(k, t, &blocked);
		}
	}
	return status == CUL_OK ? tell_cycles(&l) : status;
}
