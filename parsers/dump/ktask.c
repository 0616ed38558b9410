/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The tasks of a dump: who they are, what they do, where they stand.
 *
 * struct task_struct: the circle `tasks` from init_task holds the leaders, each signal_struct's thread_head its threads
 * (include/linux/sched.h, sched/signal.h). The idle tasks of other CPUs are in neither; their run queues name them. State
 * letters as task_state_to_char() gives them; __state was `state` before 5.14.
 */
#include <stdio.h>

#include "parsers/dump/kernel.h"

#define MOST_COMMAND 512

struct offsets {
	int64_t tasks, pid, tgid, comm, state, exit_state, stack, sp, mm, flags, cpu, on_cpu, signal, head, node, parent, arrival,
		exec_start, start, worker, vfork, bits, arg_start, arg_end, pgd;
	struct cul_btf_member iowait;
	bool has_iowait;
};

static bool load_offsets(const struct cul_kernel *k, struct offsets *o)
{
	uint32_t task = cul_btf_find(&k->btf, "task_struct", CUL_BTF_STRUCT);

#define AT(path) cul_koffset(k, "task_struct", path)
	*o = (struct offsets){
		.tasks = AT("tasks"), .pid = AT("pid"), .tgid = AT("tgid"), .comm = AT("comm"), .state = AT("__state"),
		.exit_state = AT("exit_state"), .stack = AT("stack"), .sp = AT("thread.sp"), .mm = AT("mm"),
		.flags = AT("flags"), .cpu = AT("thread_info.cpu"), .on_cpu = AT("on_cpu"), .signal = AT("signal"),
		.head = cul_koffset(k, "signal_struct", "thread_head"), .node = AT("thread_node"), .parent = AT("real_parent"),
		.arrival = AT("sched_info.last_arrival"), .exec_start = AT("se.exec_start"), .start = AT("start_time"),
		.worker = AT("worker_private"), .vfork = AT("vfork_done"), .arg_start = cul_koffset(k, "mm_struct", "arg_start"),
		.arg_end = cul_koffset(k, "mm_struct", "arg_end"), .pgd = cul_koffset(k, "mm_struct", "pgd"),
	};
	if (o->state < 0)
		o->state = AT("state");
	if (o->cpu < 0)
		o->cpu = AT("cpu");
	if (o->worker < 0)
		o->worker = AT("set_child_tid"); /* up to 5.16 a kthread's own data hangs there */
	if (o->sp < 0) { /* arm64 */
		o->sp = AT("thread.cpu_context.sp");
	}
#undef AT
	o->has_iowait = cul_btf_member(&k->btf, task, "in_iowait", &o->iowait) && o->iowait.bits == 1;
	return o->tasks >= 0 && o->pid >= 0 && o->tgid >= 0 && o->comm >= 0 && o->state >= 0;
}

/* ---- reading one ------------------------------------------------------------------------------------------------- */

static char state_letter(uint32_t state, uint32_t exit_state)
{
	static const char letters[] = "RSDTtXZP";
	uint32_t bits = (state | exit_state) & 0x7f;
	int index = 0;

	if ((state & 0x402) == 0x402)
		return 'I';
	if (state & 0x9000 && !(bits & 0x7f)) /* waits for an rt lock; frozen */
		return 'D';
	for (; bits; bits >>= 1)
		index++;
	return letters[index];
}

/* the whole struct in one read: its fields lie on few pages, and most pages are asked for once only */
static uint64_t word(const struct cul_kernel *k, uint64_t task, int64_t offset)
{
	return offset < 0 ? 0 : cul_kread_u64(k, task + (uint64_t)offset);
}

static uint32_t half(const struct cul_kernel *k, uint64_t task, int64_t offset)
{
	return offset < 0 ? 0 : cul_kread_u32(k, task + (uint64_t)offset);
}

static bool read_task(const struct cul_kernel *k, const struct offsets *o, uint64_t at, struct cul_ktask *t)
{
	uint64_t ran, started;

	*t = (struct cul_ktask){ .address = at, .idle_ns = -1, .age_ns = -1 };
	if (!cul_kread(k, at + (uint64_t)o->pid, &t->pid, 4) || !cul_kread(k, at + (uint64_t)o->state, &t->state, 4) ||
	    t->pid > (1u << 22) || !cul_kread_text(k, at + (uint64_t)o->comm, t->comm, sizeof(t->comm)))
		return false;
	t->tgid = half(k, at, o->tgid);
	t->exit_state = half(k, at, o->exit_state);
	t->stack = word(k, at, o->stack);
	t->sp = word(k, at, o->sp);
	t->mm = word(k, at, o->mm);
	t->flags = half(k, at, o->flags);
	t->cpu = half(k, at, o->cpu);
	t->on_cpu = half(k, at, o->on_cpu) != 0;
	t->signal = word(k, at, o->signal);
	t->parent = word(k, at, o->parent);
	t->worker = word(k, at, o->worker);
	t->vfork_done = word(k, at, o->vfork);
	t->ppid = cul_kaddress(t->parent) ? half(k, t->parent, o->tgid) : 0;
	t->letter = state_letter(t->state, t->exit_state);
	if (o->has_iowait)
		t->iowait = word(k, at, (int64_t)(o->iowait.bit_offset / 64 * 8)) >> o->iowait.bit_offset % 64 & 1;
	ran = word(k, at, o->arrival);
	if (!ran)
		ran = word(k, at, o->exec_start);
	if (ran && k->clock_ns)
		t->idle_ns = ran < k->clock_ns ? (int64_t)(k->clock_ns - ran) : 0;
	started = word(k, at, o->start);
	if (started && started < k->clock_ns)
		t->age_ns = (int64_t)(k->clock_ns - started);
	return true;
}

/* ---- the list ------------------------------------------------------------------------------------------------------ */

static uint32_t bucket_of(const struct cul_kernel *k, uint64_t address)
{
	return (uint32_t)(address >> 6 ^ address >> 20) * 2654435761u >> 8 & k->task_mask;
}

struct cul_ktask *cul_ktask_at(const struct cul_kernel *k, uint64_t address)
{
	if (!k->task_buckets)
		return NULL;
	for (uint32_t at = bucket_of(k, address), n = 0; k->task_buckets[at] && n <= k->task_mask; at = (at + 1) & k->task_mask, n++)
		if (k->tasks[k->task_buckets[at] - 1].address == address)
			return &k->tasks[k->task_buckets[at] - 1];
	return NULL;
}

static bool grow(struct cul_kernel *k)
{
	uint32_t room = k->task_room ? 2 * k->task_room : 256;
	struct cul_ktask *tasks = cul_arena_get(k->arena, room * sizeof(*tasks));
	uint32_t *buckets = cul_arena_get(k->arena, 2 * (size_t)room * sizeof(*buckets));

	if (!tasks || !buckets)
		return false;
	if (k->task_count)
		memcpy(tasks, k->tasks, k->task_count * sizeof(*tasks));
	k->tasks = tasks;
	k->task_room = room;
	k->task_buckets = buckets;
	k->task_mask = 2 * room - 1;
	for (uint32_t i = 0; i < k->task_count; i++) {
		uint32_t at = bucket_of(k, k->tasks[i].address);

		while (buckets[at])
			at = (at + 1) & k->task_mask;
		buckets[at] = i + 1;
	}
	return true;
}

/* false: it was there before, is none, or there are too many */
static bool add_task(struct cul_kernel *k, const struct offsets *o, uint64_t at)
{
	uint32_t bucket;

	if (!cul_kaddress(at) || cul_ktask_at(k, at))
		return false;
	if (k->task_count == CUL_K_TASKS || (k->task_count == k->task_room && !grow(k))) {
		k->tasks_cut = true;
		return false;
	}
	if (!read_task(k, o, at, &k->tasks[k->task_count]))
		return false;
	bucket = bucket_of(k, at);
	while (k->task_buckets[bucket])
		bucket = (bucket + 1) & k->task_mask;
	k->task_buckets[bucket] = ++k->task_count;
	return true;
}

static void add_threads(struct cul_kernel *k, const struct offsets *o, uint64_t signal)
{
	uint64_t head = signal + (uint64_t)o->head, at;

	if (o->head < 0 || o->node < 0 || !cul_kaddress(signal))
		return;
	at = cul_kread_u64(k, head);
	for (bool first = true; at != head && cul_kaddress(at) && k->thread_steps < 2 * CUL_K_TASKS; first = false, k->thread_steps++) {
		uint64_t task = at - (uint64_t)o->node;

		/* a thread met twice, but for the leader, is a circle that misses the head */
		if (cul_ktask_at(k, task) && !first)
			return;
		add_task(k, o, task);
		at = cul_kread_u64(k, at);
	}
}

/* along the leaders, forward (@link 0) or backward (8), as far as it leads: true if that is around */
static bool walk_leaders(struct cul_kernel *k, const struct offsets *o, uint64_t head, uint64_t link)
{
	uint64_t at = cul_kread_u64(k, head + link);

	for (uint32_t steps = 0; at != head; steps++) {
		uint64_t task = at - (uint64_t)o->tasks;
		const struct cul_ktask *t;

		if (!cul_kaddress(at) || steps == CUL_K_TASKS)
			return false;
		if (!add_task(k, o, task) && cul_ktask_at(k, task) && link)
			return false; /* met what came from the other side */
		t = cul_ktask_at(k, task);
		if (t)
			add_threads(k, o, t->signal);
		else
			k->tasks_cut = true; /* its page is not there, but the next link may be */
		at = cul_kread_u64(k, at + link);
	}
	return true;
}

/* what each CPU runs: also its idle task */
static void add_current(struct cul_kernel *k, const struct offsets *o)
{
	int64_t current = cul_koffset(k, "rq", "curr");
	uint64_t queues, offsets, at, cpus = CUL_K_CPUS;
	struct cul_ktask *task;

	if (current < 0 || !cul_ksymbol(k, "runqueues", &queues) || !cul_ksymbol(k, "__per_cpu_offset", &offsets))
		return;
	if (cul_ksymbol(k, "nr_cpu_ids", &at) && cul_kread_u32(k, at) && cul_kread_u32(k, at) < cpus)
		cpus = cul_kread_u32(k, at);
	for (uint64_t cpu = 0; cpu < cpus; cpu++) {
		uint64_t base = cul_kread_u64(k, offsets + 8 * cpu);

		if (!cul_kaddress(base + queues))
			continue;
		at = cul_kread_u64(k, base + queues + (uint64_t)current);
		add_task(k, o, at);
		task = cul_ktask_at(k, at);
		if (task)
			task->active = true;
	}
}

static void find_panicked(struct cul_kernel *k)
{
	static const char *const names[] = { "panic_cpu", "crashing_cpu" };
	uint64_t at;
	uint32_t cpu;

	for (int i = 0; i < 2; i++) {
		if (!cul_ksymbol(k, names[i], &at) || !cul_kread(k, at, &cpu, 4) || cpu >= CUL_K_CPUS)
			continue;
		for (uint32_t t = 0; t < k->task_count; t++)
			if (k->tasks[t].cpu == cpu && (k->tasks[t].on_cpu || k->tasks[t].active)) {
				k->tasks[t].panicked = true;
				return;
			}
	}
}

static void read_command(struct cul_kernel *k, const struct offsets *o, struct cul_ktask *t)
{
	uint64_t start, end, pgd;
	char text[MOST_COMMAND];
	size_t size;

	if (!cul_kaddress(t->mm) || o->arg_start < 0 || o->arg_end < 0 || o->pgd < 0)
		return;
	start = word(k, t->mm, o->arg_start);
	end = word(k, t->mm, o->arg_end);
	pgd = word(k, t->mm, o->pgd);
	if (end <= start || !cul_kaddress(pgd) || cul_kaddress(start))
		return;
	size = end - start < sizeof(text) - 1 ? end - start : sizeof(text) - 1;
	while (size && !cul_kmem_user(k->mem, pgd, start, text, size))
		size /= 2; /* the second page of a long one may be missing */
	while (size && !text[size - 1])
		size--;
	for (size_t i = 0; i < size; i++)
		if (!text[i])
			text[i] = ' ';
		else if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
	if (size)
		t->command = cul_arena_copy(k->arena, cul_slice(text, size));
}

bool cul_ktasks_load(struct cul_kernel *k, const char **why)
{
	struct offsets o;
	uint64_t init;
	int64_t size;

	if (!cul_ksymbol(k, "init_task", &init) || !load_offsets(k, &o)) {
		*why = "no task list, or in a form that is not known";
		return false;
	}
	k->thread_fp = cul_koffset(k, "task_struct", "thread.cpu_context.fp");
	k->thread_pc = cul_koffset(k, "task_struct", "thread.cpu_context.pc");
	size = cul_btf_size(&k->btf, "thread_union");
	k->stack_size = size >= 4096 && size <= (1 << 17) ? (uint64_t)size : 16384;
	if (!add_task(k, &o, init)) {
		*why = "init_task is not in the dump";
		return false;
	}
	add_threads(k, &o, k->tasks[0].signal);
	if (!walk_leaders(k, &o, init + (uint64_t)o.tasks, 0)) {
		k->tasks_cut = true;
		walk_leaders(k, &o, init + (uint64_t)o.tasks, 8);
	}
	add_current(k, &o);
	find_panicked(k);
	for (uint32_t i = 0; i < k->task_count; i++)
		if (k->tasks[i].pid == k->tasks[i].tgid || k->tasks[i].letter == 'D')
			read_command(k, &o, &k->tasks[i]);
	return true;
}
