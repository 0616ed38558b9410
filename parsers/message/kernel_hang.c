/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Tasks and CPUs that stand still: hung tasks, lockups, RCU stalls, SysRq task dumps.
 *
 *   INFO: task kworker/3:2:312 blocked for more than 122 seconds.
 *   INFO: task a:1 is blocked on a mutex likely owned by task b:2.
 *   watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [python3:812]
 *   watchdog: Watchdog detected hard LOCKUP on cpu 3
 *   rcu: INFO: rcu_sched self-detected stall on CPU
 *   BUG: workqueue lockup - pool cpus=3 node=0 flags=0x0 nice=0 stuck for 45s!
 *   task:kworker/3:2     state:D stack:0     pid:312   tgid:312   ppid:2      flags:0x00004000
 *
 * Printed by kernel/hung_task.c, kernel/watchdog.c, kernel/rcu/tree_stall.h, kernel/workqueue.c and sched_show_task(). The
 * seconds of a hung task grow in steps of the check interval, so they are a lower bound. After ten reports (sysctl
 * hung_task_warnings) the kernel falls silent; 6.12 and later say so.
 */
#include "parsers/dump.h"

struct hang {
	struct cul_record rec, dumped; /* the report; the task's header */
	struct cul_slice comm, pid;
	int64_t blocked_s;
	bool told;
	struct cul_dump dump;
};

static enum cul_status tell_hung(struct cul_parse *parse, struct hang *hang)
{
	if (hang->told)
		return CUL_OK;
	hang->told = true;
	return cul_emit(parse, &hang->rec, "kernel.hung-task", cul_number("pid", hang->pid), cul_text("comm", hang->comm),
			cul_since(cul_int("blocked_s", hang->blocked_s)), cul_string("kernel", hang->dump.kernel),
			cul_string("taint", hang->dump.taint));
}

/* the lines behind a report: kernel and taint; the stack only where its header has no "task:" to be found by */
static bool hung_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct hang *hang = state;
	enum cul_dump_step step = CUL_DUMP_END;

	if (rec && !cul_starts(rec->message, CUL_LIT("task:"))) {
		bool before = hang->dump.task;

		step = cul_dump_line(&hang->dump, rec->message);
		if (hang->dump.task && !before)
			hang->dumped = cul_keep_record(parse, rec);
	}
	if (hang->dump.kernel[0] || hang->dump.lines > 3 || step == CUL_DUMP_END)
		*status = tell_hung(parse, hang);
	if (step != CUL_DUMP_END)
		return true;
	if (*status == CUL_OK && hang->dump.task)
		*status = cul_dump_emit_stack(parse, &hang->dumped, &hang->dump);
	return false;
}

static enum cul_status hung_task(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice text)
{
	struct cul_slice who, comm, pid, rest, digits;
	struct hang *hang;
	int64_t blocked;

	if (cul_cut(text, CUL_LIT(" is blocked on a"), &who, &rest) || cul_cut(text, CUL_LIT(" blocked on a"), &who, &rest)) {
		struct cul_slice owner, owner_comm = CUL_NONE, owner_pid = CUL_NONE, what;

		if (!cul_cut_last(who, CUL_LIT(":"), &comm, &pid))
			return CUL_OK;
		what = rest;
		if (cul_skip(&what, CUL_LIT("n ")) || cul_skip(&what, CUL_LIT(" ")))
			rest = what;
		what = cul_word(&what);
		if (what.size && what.data[what.size - 1] == ',')
			what.size--;
		if (cul_cut(rest, CUL_LIT("by task "), NULL, &owner) && cul_cut_last(owner, CUL_LIT(":"), &owner_comm, &owner_pid))
			owner_pid = cul_digits(&owner_pid);
		return cul_emit(parse, rec, "kernel.hung-task-owner", cul_number("pid", pid), cul_text("comm", comm),
				cul_number("owner_pid", owner_pid), cul_text("owner_comm", owner_comm), cul_text("what", what));
	}
	/* "blocked for more than 122 seconds.", newer: "blocked in I/O wait for more than 122 seconds." */
	if (!cul_cut(text, CUL_LIT(" blocked "), &who, &rest) || !cul_cut(rest, CUL_LIT("for more than "), NULL, &rest))
		return CUL_OK;
	digits = cul_digits(&rest);
	if (!cul_starts(rest, CUL_LIT(" seconds")) || !cul_cut_last(who, CUL_LIT(":"), &comm, &pid) || !cul_to_int(digits, &blocked))
		return CUL_OK;
	hang = cul_keep_bytes(parse, sizeof(*hang));
	if (!hang)
		return CUL_ENOMEM;
	hang->rec = cul_keep_record(parse, rec);
	hang->comm = cul_keep(parse, comm);
	hang->pid = cul_keep(parse, pid);
	hang->blocked_s = blocked;
	return cul_follow(parse, rec, hung_next, hang);
}

/* ---- a task's dump ---------------------------------------------------------------------------- */

struct shown {
	struct cul_record rec;
	struct cul_dump dump;
};

static bool shown_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct shown *shown = state;

	if (rec && cul_dump_line(&shown->dump, rec->message) != CUL_DUMP_END)
		return true;
	*status = cul_dump_emit_stack(parse, &shown->rec, &shown->dump);
	return false;
}

static enum cul_status task_header(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_task task;
	struct shown *shown;

	if (!cul_task_header(rec->message, &task))
		return CUL_OK;
	shown = cul_keep_bytes(parse, sizeof(*shown));
	if (!shown)
		return CUL_ENOMEM;
	shown->rec = cul_keep_record(parse, rec);
	cul_dump_line(&shown->dump, rec->message);
	return cul_follow(parse, rec, shown_next, shown);
}

/* SysRq-t and -w of kernels without "task:": headers are found by following */
static bool sysrq_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct hang *hang = state;
	enum cul_dump_step step;
	struct cul_task task;

	if (!rec || cul_starts(rec->message, CUL_LIT("task:")) || cul_starts(rec->message, CUL_LIT("Sched Debug Version"))) {
		*status = hang->dump.task ? cul_dump_emit_stack(parse, &hang->dumped, &hang->dump) : CUL_OK;
		return false;
	}
	if (cul_task_header(rec->message, &task)) {
		if (hang->dump.task)
			*status = cul_dump_emit_stack(parse, &hang->dumped, &hang->dump);
		memset(&hang->dump, 0, sizeof(hang->dump));
		hang->dumped = cul_keep_record(parse, rec);
	}
	step = cul_dump_line(&hang->dump, rec->message);
	if (step == CUL_DUMP_END && hang->dump.task) {
		*status = cul_dump_emit_stack(parse, &hang->dumped, &hang->dump);
		memset(&hang->dump, 0, sizeof(hang->dump));
	}
	if (*status == CUL_OK && ++hang->blocked_s >= 480) { /* a follower sees 512 records; a dump has more */
		*status = cul_follow(parse, rec, sysrq_next, hang);
		hang->blocked_s = 0;
		return false;
	}
	return *status == CUL_OK && (step != CUL_DUMP_END || hang->dump.lines == 0);
}

static enum cul_status sysrq(struct cul_parse *parse, const struct cul_record *rec)
{
	struct hang *hang;

	if (!cul_has(rec->message, CUL_LIT("tate")))
		return CUL_OK;
	hang = cul_keep_bytes(parse, sizeof(*hang));
	if (!hang)
		return CUL_ENOMEM;
	return cul_follow(parse, rec, sysrq_next, hang);
}

/* ---- lockups ----------------------------------------------------------------------------------- */

struct lockup {
	struct cul_record rec;
	const char *kind;
	struct cul_slice cpu, stuck, comm, pid, what, cpus;
	int64_t jiffies;
	struct cul_dump dump;
};

static enum cul_status tell_lockup(struct cul_parse *parse, struct lockup *l)
{
	struct cul_slice cpu = l->cpu.size ? l->cpu : cul_str(l->dump.cpu);
	struct cul_slice comm = l->comm.size ? l->comm : cul_str(l->dump.comm), pid = l->pid.size ? l->pid : cul_str(l->dump.pid);
	struct cul_slice function = l->dump.function[0] ? cul_str(l->dump.function) : cul_stack_wait(&l->dump.stack);
	/* a spinlock or a copy loop is the kernel's own: the module that called it is meant */
	struct cul_slice module = l->dump.module[0] ? cul_str(l->dump.module) : cul_stack_module(&l->dump.stack);

	if (l->kind[7] == 'r') /* kernel.rcu-stall */
		return cul_emit(parse, &l->rec, "kernel.rcu-stall", cul_text("what", l->what), cul_number("cpu", l->cpu),
				cul_text("cpus", l->cpus), l->jiffies ? cul_int("stall_jiffies", l->jiffies) : cul_int(NULL, 0),
				cul_text("comm", comm), cul_number("pid", pid), cul_text("function", function),
				cul_text("module", module), cul_text("frames", cul_stack_frames(&l->dump.stack)));
	return cul_emit(parse, &l->rec, l->kind, cul_number("cpu", cpu), cul_since(cul_number("stuck_s", l->stuck)),
			cul_text("comm", comm), cul_number("pid", pid), cul_text("function", function),
			cul_text("module", module), cul_string("kernel", l->dump.kernel),
			cul_string("taint", l->dump.taint), cul_text("frames", cul_stack_frames(&l->dump.stack)));
}

static bool has_cpu(struct cul_slice list, struct cul_slice cpu)
{
	struct cul_slice one;

	while (list.size) {
		if (!cul_cut(list, CUL_LIT(","), &one, &list)) {
			one = list;
			list = CUL_NONE;
		}
		if (cul_is(one, cpu))
			return true;
	}
	return false;
}

/* an RCU stall's own lines: "\t3-....: (5250 ticks this GP) …", "\t(detected by 7, t=5252 jiffies, …)" */
static void stall_line(struct cul_parse *parse, struct lockup *l, struct cul_slice line)
{
	struct cul_slice text = cul_trim(line), digits, rest;

	cul_skip(&text, CUL_LIT("rcu: "));
	text = cul_trim(text);
	rest = text;
	digits = cul_digits(&rest);
	if (digits.size && rest.size && (rest.data[0] == '-' || rest.data[0] == ':') && cul_has(rest, CUL_LIT("idle="))) {
		char list[128];
		size_t n = l->cpus.size;

		if (!l->cpu.size)
			l->cpu = cul_keep(parse, digits);
		if (n + digits.size + 2 < sizeof(list) && !has_cpu(l->cpus, digits)) {
			if (n) {
				memcpy(list, l->cpus.data, n);
				list[n++] = ',';
			}
			memcpy(list + n, digits.data, digits.size);
			l->cpus = cul_keep(parse, cul_slice(list, n + digits.size));
		}
	}
	if (!l->jiffies && cul_cut(text, CUL_LIT("t="), NULL, &rest)) {
		digits = cul_digits(&rest);
		if (cul_starts(rest, CUL_LIT(" jiffies")))
			cul_to_int(digits, &l->jiffies);
	}
}

static bool lockup_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct lockup *l = state;

	if (rec) {
		if (l->kind[7] == 'r')
			stall_line(parse, l, rec->message);
		/* the lockup of another CPU and the dump of another task are blocks of their own */
		if (!cul_has(rec->message, CUL_LIT("soft lockup - CPU#")) && !cul_starts(rec->message, CUL_LIT("task:")) && cul_dump_line(&l->dump, rec->message) != CUL_DUMP_END)
			return true;
	}
	*status = tell_lockup(parse, l);
	return false;
}

static enum cul_status follow_lockup(struct cul_parse *parse, const struct cul_record *rec, const char *kind, struct lockup found)
{
	struct lockup *l = cul_keep_bytes(parse, sizeof(*l));

	if (!l)
		return CUL_ENOMEM;
	*l = found;
	l->kind = kind;
	l->rec = cul_keep_record(parse, rec);
	l->cpu = cul_keep(parse, found.cpu);
	l->stuck = cul_keep(parse, found.stuck);
	l->comm = cul_keep(parse, found.comm);
	l->pid = cul_keep(parse, found.pid);
	l->what = cul_keep(parse, found.what);
	l->cpus = CUL_NONE;
	if (found.kind) /* an RCU stall of old kernels: all of it in one line */
		stall_line(parse, l, l->rec.message);
	return cul_follow(parse, rec, lockup_next, l);
}

static enum cul_status soft_lockup(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice rest)
{
	struct lockup l = { 0 };

	l.cpu = cul_digits(&rest);
	if (!l.cpu.size || !cul_skip(&rest, CUL_LIT(" stuck for ")))
		return CUL_OK;
	l.stuck = cul_digits(&rest);
	if (cul_cut(rest, CUL_LIT("["), NULL, &rest) && cul_cut_last(rest, CUL_LIT("]"), &rest, NULL) &&
	    !cul_cut_last(rest, CUL_LIT(":"), &l.comm, &l.pid))
		l.comm = CUL_NONE;
	return follow_lockup(parse, rec, "kernel.soft-lockup", l);
}

/* ---- workqueues -------------------------------------------------------------------------------- */

struct pool {
	struct cul_record rec;
	struct cul_slice cpu, stuck, cpus, pid, function;
	unsigned lines;
};

static bool pool_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct pool *pool = state;
	struct cul_slice rest;

	if (rec && ++pool->lines < 40 && !pool->pid.size && !cul_has(rec->message, CUL_LIT("workqueue lockup - pool"))) {
		if (cul_cut(rec->message, CUL_LIT("in-flight: "), NULL, &rest)) {
			pool->pid = cul_keep(parse, cul_digits(&rest));
			if (cul_cut(rest, CUL_LIT(":"), NULL, &rest)) {
				size_t n = 0;

				while (n < rest.size && rest.data[n] != ' ' && rest.data[n] != ',')
					n++;
				pool->function = cul_keep(parse, cul_slice(rest.data, n));
			}
		}
		return true;
	}
	*status = cul_emit(parse, &pool->rec, "kernel.workqueue-lockup", cul_number("cpu", pool->cpu), cul_text("cpus", pool->cpus),
			   cul_since(cul_number("stuck_s", pool->stuck)), cul_number("pid", pool->pid),
			   cul_text("work_function", pool->function));
	return false;
}

static enum cul_status workqueue_lockup(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice rest)
{
	struct cul_slice cpus = CUL_NONE, stuck, cpu;
	struct pool *pool;

	if (cul_cut(rest, CUL_LIT("cpus="), NULL, &cpus))
		cpus = cul_word(&cpus);
	if (!cul_cut(rest, CUL_LIT(" stuck for "), NULL, &stuck))
		return CUL_OK;
	pool = cul_keep_bytes(parse, sizeof(*pool));
	if (!pool)
		return CUL_ENOMEM;
	cpu = cpus;
	pool->rec = cul_keep_record(parse, rec);
	pool->cpus = cul_keep(parse, cpus);
	pool->cpu = cul_keep(parse, cul_digits(&cpu));
	if (cpu.size) /* a list, not one CPU */
		pool->cpu = CUL_NONE;
	pool->stuck = cul_keep(parse, cul_digits(&stuck));
	return cul_follow(parse, rec, pool_next, pool);
}

static enum cul_status hang_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice text = rec->message, rest;
	struct lockup l = { 0 };

	if (!cul_kernel_says(rec))
		return CUL_OK;
	rest = text;
	if (cul_skip(&rest, CUL_LIT("INFO: task ")))
		return hung_task(parse, rec, rest);
	if (cul_starts(text, CUL_LIT("task:")))
		return task_header(parse, rec);
	if (cul_starts(text, CUL_LIT("Future hung task reports are suppressed")))
		return cul_emit(parse, rec, "kernel.hung-task-capped", cul_text("what", text));
	if (cul_starts(text, CUL_LIT("sysrq: Show ")) || cul_starts(text, CUL_LIT("SysRq : Show ")))
		return sysrq(parse, rec);
	if (cul_cut(text, CUL_LIT("BUG: soft lockup - CPU#"), NULL, &rest))
		return soft_lockup(parse, rec, rest);
	if (cul_cut(text, CUL_LIT("Watchdog detected hard LOCKUP on cpu "), NULL, &rest)) {
		l.cpu = cul_digits(&rest);
		return follow_lockup(parse, rec, "kernel.hard-lockup", l);
	}
	if (cul_cut(text, CUL_LIT("BUG: workqueue lockup - pool "), NULL, &rest))
		return workqueue_lockup(parse, rec, rest);
	if (cul_cut(text, CUL_LIT("INFO: "), NULL, &rest) &&
	    (cul_has(rest, CUL_LIT(" self-detected stall on CPU")) || cul_has(rest, CUL_LIT(" detected stalls on CPUs/tasks")) ||
	     cul_has(rest, CUL_LIT(" detected expedited stalls on CPUs/tasks")))) {
		l.what = cul_word(&rest);
		l.kind = "";
		return follow_lockup(parse, rec, "kernel.rcu-stall", l);
	}
	return CUL_OK;
}

const struct cul_parser cul_parser_kernel_hang = {
	.name = "kernel_hang",
	.about = "hung tasks, soft and hard lockups, RCU stalls, workqueue lockups, SysRq task dumps",
	.kinds = CUL_KINDS(
		CUL_KIND("kernel.hung-task", 1, "kernel", F_PID, F_COMM, F_BLOCKED_S, F_KERNEL, F_TAINT),
		CUL_KIND("kernel.hung-task-owner", 1, "kernel", F_PID, F_COMM, F_OWNER_PID, F_OWNER_COMM, F_WHAT),
		CUL_KIND("kernel.hung-task-capped", 1, "kernel", F_WHAT), CUL_KIND_TASK_STACK,
		CUL_KIND("kernel.soft-lockup", 1, "kernel", F_CPU, F_STUCK_S, F_COMM, F_PID, F_FUNCTION, F_MODULE, F_KERNEL, F_TAINT,
			 F_FRAMES),
		CUL_KIND("kernel.hard-lockup", 1, "kernel", F_CPU, F_STUCK_S, F_COMM, F_PID, F_FUNCTION, F_MODULE, F_KERNEL, F_TAINT,
			 F_FRAMES),
		CUL_KIND("kernel.rcu-stall", 1, "kernel", F_WHAT, F_CPU, F_CPUS, F_STALL_JIFFIES, F_COMM, F_PID, F_FUNCTION, F_MODULE,
			 F_FRAMES),
		CUL_KIND("kernel.workqueue-lockup", 1, "kernel", F_CPU, F_CPUS, F_STUCK_S, F_PID, F_WORK_FUNCTION)),
	.needles = CUL_LIST("INFO: task ", "task:", "Future hung task reports", "sysrq: Show ", "SysRq : Show ", "BUG: soft lockup - CPU#",
			    "detected hard LOCKUP on cpu ", "BUG: workqueue lockup - pool ", " self-detected stall on CPU",
			    " detected stalls on CPUs/tasks", " detected expedited stalls on"),
	.record = hang_record,
};
