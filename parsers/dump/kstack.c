/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Where each task stands: registers to begin with, then orc.c; the function it waits in; what a kworker works at.
 *
 * A sleeping task's stack begins with a struct inactive_task_frame at thread.sp (arm64: thread.cpu_context); a running one's with
 * the registers of its CPU's NT_PRSTATUS.
 */
#include <stdio.h>

#include "parsers/dump/kernel.h"

#define SEARCHED_ON_CPU (1u << 16) /* IRQ and exception stacks are no larger */

/* registers of the CPU that @t runs on */
static bool cpu_regs(const struct cul_kernel *k, const struct cul_ktask *t, struct cul_kregs *ret)
{
	const struct cul_kmem_cpu *best = NULL, *cpus;
	bool x86 = cul_kmem_machine(k->mem) == CUL_KMEM_X86_64;
	size_t count;

	cpus = cul_kmem_cpus(k->mem, &count);
	/* notes count only the CPUs that were online: where they tell a pid, it decides */
	for (size_t i = 0; i < count; i++)
		if (cpus[i].pid >= 0 && (uint32_t)cpus[i].pid == t->pid && (t->pid || cpus[i].cpu == t->cpu))
			best = &cpus[i];
	for (size_t i = 0; i < count && !best; i++)
		if (cpus[i].cpu == t->cpu && (cpus[i].pid < 0 || (uint32_t)cpus[i].pid == t->pid))
			best = &cpus[i];
	if (!best || best->count < (x86 ? 20u : 33u))
		return false;
	if (x86)
		*ret = (struct cul_kregs){ .ip = best->regs[CUL_X86_IP], .sp = best->regs[CUL_X86_SP], .bp = best->regs[CUL_X86_BP],
					   .r10 = best->regs[7], .r13 = best->regs[2], .dx = best->regs[12], .di = best->regs[CUL_X86_DI],
					   .user = (best->regs[17] & 3) == 3 };
	else
		*ret = (struct cul_kregs){ .ip = best->regs[CUL_ARM_PC], .sp = best->regs[CUL_ARM_SP], .bp = best->regs[CUL_ARM_FP], .lr = best->regs[30],
					   .user = !(best->regs[CUL_ARM_PC] >> 55 & 1) };
	return ret->ip != 0;
}

static bool sleeping_regs(const struct cul_kernel *k, const struct cul_ktask *t, struct cul_kregs *ret)
{
	uint64_t size = k->inactive_size > 0 ? (uint64_t)k->inactive_size : 56;
	uint64_t bp = k->inactive_bp >= 0 ? (uint64_t)k->inactive_bp : 40, ip = k->inactive_ip >= 0 ? (uint64_t)k->inactive_ip : 48;

	if (!cul_kaddress(t->sp))
		return false;
	if (k->thread_pc >= 0) {
		*ret = (struct cul_kregs){ .ip = cul_kread_u64(k, t->address + (uint64_t)k->thread_pc), .sp = t->sp, .bp = cul_kread_u64(k, t->address + (uint64_t)k->thread_fp) };
		return ret->ip != 0;
	}
	*ret = (struct cul_kregs){ .sp = t->sp + size };
	return cul_kread(k, t->sp + bp, &ret->bp, 8) && cul_kread(k, t->sp + ip, &ret->ip, 8);
}

static bool is_scheduler(const char *name)
{
	/* __sched functions of kernel/sched and the timers, as in_sched_functions() leaves them out of wchan */
	static const char *const heads[] = { "__schedule", "schedule", "io_schedule", "preempt_schedule", "__switch_to", "rt_mutex_schedule",
					     "__cond_resched", "do_nanosleep", "context_switch", "__sched_text", NULL };

	for (const char *const *h = heads; *h; h++)
		if (!strncmp(name, *h, strlen(*h)))
			return true;
	return false;
}

static void plain_name(const char *name, char *out, size_t size)
{
	size_t n = strcspn(name, ".");

	snprintf(out, size, "%.*s", (int)(n ? n : strlen(name)), name);
}

static void name_waits(struct cul_kernel *k, struct cul_ktask *t)
{
	struct cul_kname name, before = { 0 };

	for (unsigned i = 0; i < t->stack_frames->count; i++) {
		const struct cul_kframe *f = &t->stack_frames->frames[i];

		if (f->guessed || !cul_kname_at(k, f->ip, f->exact, &name))
			continue;
		if (t->letter != 'R' && !t->wait_function[0] && !is_scheduler(name.name))
			plain_name(name.name, t->wait_function, sizeof(t->wait_function));
		if (!strcmp(name.name, "process_one_work") && before.name[0])
			plain_name(before.name, t->work_function, sizeof(t->work_function));
		before = name;
	}
}

/* struct worker of a kworker: what it works at, and of which workqueue */
static void name_work(struct cul_kernel *k, struct cul_ktask *t)
{
	int64_t data = cul_koffset(k, "kthread", "data"), function = cul_koffset(k, "worker", "current_func");
	int64_t pwq = cul_koffset(k, "worker", "current_pwq"), wq = cul_koffset(k, "pool_workqueue", "wq");
	int64_t name = cul_koffset(k, "workqueue_struct", "name"), owner = cul_koffset(k, "worker", "task");
	uint64_t worker, at;
	struct cul_kname symbol;

	if (!(t->flags & 0x20) || data < 0 || owner < 0 || !cul_kaddress(t->worker)) /* PF_WQ_WORKER */
		return;
	worker = cul_kread_u64(k, t->worker + (uint64_t)data);
	if (!cul_kaddress(worker) || cul_kread_u64(k, worker + (uint64_t)owner) != t->address)
		return;
	at = function < 0 ? 0 : cul_kread_u64(k, worker + (uint64_t)function);
	if (cul_kaddress(at) && cul_kname_at(k, at, true, &symbol) && !symbol.offset)
		plain_name(symbol.name, t->work_function, sizeof(t->work_function));
	at = pwq < 0 ? 0 : cul_kread_u64(k, worker + (uint64_t)pwq);
	if (!cul_kaddress(at) || wq < 0 || name < 0)
		return;
	at = cul_kread_u64(k, at + (uint64_t)wq);
	if (cul_kaddress(at))
		cul_kread_text(k, at + (uint64_t)name, t->workqueue, sizeof(t->workqueue));
}

static void unwind_task(struct cul_kernel *k, struct cul_ktask *t)
{
	struct cul_kregs regs;
	struct cul_kspan span = { t->stack, t->stack + k->stack_size, 0, 0 };
	bool running = t->on_cpu && (t->active || !t->exit_state);

	t->stack_frames = cul_arena_get(k->arena, sizeof(*t->stack_frames));
	if (!t->stack_frames)
		return;
	t->stack_frames->end = CUL_K_NONE;
	if (!cul_kaddress(t->stack))
		return;
	if (running ? !cpu_regs(k, t, &regs) : !sleeping_regs(k, t, &regs))
		return;
	if (running && !regs.user && (regs.sp < span.low || regs.sp >= span.high)) /* an interrupt's stack */
		span = (struct cul_kspan){ regs.sp, (regs.sp | (SEARCHED_ON_CPU / 4 - 1)) + 1, span.low, span.high };
	cul_kunwind(k, &regs, running, span, t->stack_frames);
	name_waits(k, t);
	if (t->letter == 'D' || running)
		name_work(k, t);
}

/* where panic_cpu is not in the dump: who runs panic() */
static void find_panicked_by_stack(struct cul_kernel *k)
{
	for (uint32_t i = 0; i < k->task_count; i++)
		if (k->tasks[i].panicked)
			return;
	for (uint32_t i = 0; i < k->task_count; i++) {
		struct cul_ktask *t = &k->tasks[i];

		if (t->on_cpu && (cul_ktask_in(k, t, "panic") || cul_ktask_in(k, t, "vpanic") || cul_ktask_in(k, t, "__crash_kexec") ||
				  cul_ktask_in(k, t, "crash_kexec"))) {
			t->panicked = true;
			return;
		}
	}
}

void cul_ktasks_unwind(struct cul_kernel *k)
{
	unsigned count = 0;

	/* those that matter first: there may be more tasks than are unwound */
	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < k->task_count && count < CUL_K_STACKS; i++) {
			struct cul_ktask *t = &k->tasks[i];
			bool matters = t->letter == 'D' || t->on_cpu || t->panicked;

			if (matters != !pass || t->stack_frames || t->exit_state)
				continue;
			unwind_task(k, t);
			count++;
		}
	find_panicked_by_stack(k);
}

bool cul_ktask_in(struct cul_kernel *k, const struct cul_ktask *t, const char *name)
{
	size_t n = strlen(name);
	struct cul_kname has;

	for (unsigned i = 0; t->stack_frames && i < t->stack_frames->count; i++) {
		const struct cul_kframe *f = &t->stack_frames->frames[i];

		if (f->guessed || !cul_kname_at(k, f->ip, f->exact, &has))
			continue;
		if (name[n - 1] == '*' ? !strncmp(has.name, name, n - 1) :
					 !strncmp(has.name, name, n) && (!has.name[n] || has.name[n] == '.'))
			return true;
	}
	return false;
}
