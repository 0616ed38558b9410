/* SPDX-License-Identifier: Apache-2.0 */
/** The tasks of a dump, told: as ps would list them, as the kernel prints stacks, and as a table of their own. */
#include <stdio.h>
#include <stdlib.h>

#include "parsers/dump/kernel.h"
#include "parsers/frames.h"
#include "parsers/tables.h"

#define PS_ROWS 4096
#define TRACE_SIZE 6144

static const char *const ends[] = { "cut", "complete", "user", "guess", "none" };

/* frames as the kernel prints them, one a line; and the stack as the other parsers of stacks see it */
static void print_stack(struct cul_kernel *k, const struct cul_ktask *t, char trace[TRACE_SIZE], struct cul_stack *stack)
{
	size_t n = 0;

	trace[0] = 0;
	for (unsigned i = 0; t->stack_frames && i < t->stack_frames->count; i++) {
		const struct cul_kframe *f = &t->stack_frames->frames[i];
		struct cul_kname name = { 0 };
		struct cul_frame frame;
		int written;

		if (cul_kname_at(k, f->ip, f->exact, &name)) {
			written = snprintf(trace + n, TRACE_SIZE - n, "%s%s%s+0x%llx/0x%llx%s%s%s", n ? "\n" : "", f->guessed ? "? " : "", name.name,
					   (unsigned long long)name.offset, (unsigned long long)name.size, name.module ? " [" : "",
					   name.module ? name.module : "", name.module ? "]" : "");
			frame = (struct cul_frame){ .function = cul_slice(name.name, strcspn(name.name, ".")),
						    .module = cul_str(name.module), .reliable = !f->guessed };
			if (!frame.function.size)
				frame.function = cul_str(name.name);
			cul_stack_add(stack, &frame);
		} else {
			written = snprintf(trace + n, TRACE_SIZE - n, "%s%s0x%llx", n ? "\n" : "", f->guessed ? "? " : "",
					   (unsigned long long)f->ip);
		}
		if (written < 0 || n + (size_t)written >= TRACE_SIZE) {
			trace[n] = 0;
			return;
		}
		n += (size_t)written;
	}
}

/* all of them, "?" in front of guesses: the way into panic() has some as a rule */
static void name_frames(struct cul_kernel *k, const struct cul_ktask *t, char *out, size_t size)
{
	size_t n = 0;

	out[0] = 0;
	for (unsigned i = 0; i < t->stack_frames->count; i++) {
		const struct cul_kframe *f = &t->stack_frames->frames[i];
		struct cul_kname name;
		int length;

		if (!cul_kname_at(k, f->ip, f->exact, &name))
			continue;
		length = snprintf(out + n, size - n, "%s%s%.*s", n ? " " : "", f->guessed ? "?" : "", (int)strcspn(name.name, "."), name.name);
		if (length < 0 || n + (size_t)length >= size) {
			out[n] = 0;
			return;
		}
		n += (size_t)length;
	}
}

static struct cul_arg maybe(const char *name, bool there, int64_t value)
{
	return there ? cul_int(name, value) : cul_int(NULL, 0);
}

static enum cul_status tell_task(struct cul_kernel *k, const struct cul_ktask *t)
{
	bool killable = t->letter == 'D' && t->state & 0x100; /* TASK_WAKEKILL */
	char text[256];

	snprintf(text, sizeof(text), "%c%s pid %u %s%s%s", t->letter, killable ? " (killable)" : "", t->pid, t->comm,
		 t->wait_function[0] ? " in " : "", t->wait_function);
	struct cul_record rec = cul_krecord(k, text);

	return cul_emit(k->parse, &rec, "dump.task", cul_int("pid", t->pid), cul_int("tgid", t->tgid), cul_int("ppid", t->ppid),
			cul_text("state", cul_slice(&t->letter, 1)), cul_flag("killable", killable), cul_flag("io_wait", t->iowait),
			cul_int("cpu", t->cpu), cul_string("comm", t->comm),
			t->idle_ns >= 0 && !t->on_cpu ? cul_real("idle_s", (double)t->idle_ns / 1e9) : cul_int(NULL, 0),
			t->age_ns >= 0 ? cul_real("elapsed_s", (double)t->age_ns / 1e9) : cul_int(NULL, 0), cul_string("command", t->command),
			cul_string("wait_function", t->on_cpu ? NULL : t->wait_function), cul_flag("on_cpu", t->on_cpu || t->active),
			cul_flag("panicked", t->panicked), cul_string("workqueue", t->workqueue), cul_string("work_function", t->work_function));
}

static enum cul_status tell_process(struct cul_kernel *k, const struct cul_ktask *t)
{
	bool kernel = t->flags & 0x00200000; /* PF_KTHREAD */
	char text[192];

	if (!t->pid) /* idle tasks: ps shows none */
		return CUL_OK;
	snprintf(text, sizeof(text), "%u %c %s %s", t->pid, t->letter, t->wait_function[0] ? t->wait_function : "-", t->comm);
	struct cul_record rec = cul_krecord(k, text);

	return cul_emit(k->parse, &rec, "ps.process", cul_int("pid", t->tgid), cul_int("ppid", t->ppid),
			maybe("tid", t->pid != t->tgid, t->pid), cul_text("state", cul_slice(&t->letter, 1)), cul_string("comm", t->comm),
			cul_string("command", t->command), cul_string("wchan", t->on_cpu ? NULL : t->wait_function), cul_int("cpu", t->cpu),
			cul_string("workqueue", t->workqueue), kernel ? cul_flag("kernel_thread", true) : cul_int(NULL, 0),
			t->age_ns >= 0 ? cul_real("elapsed_s", (double)t->age_ns / 1e9) : cul_int(NULL, 0));
}

static enum cul_status tell_stack(struct cul_kernel *k, const struct cul_ktask *t)
{
	struct cul_stack *stack = cul_arena_get(k->arena, sizeof(*stack));
	char trace[TRACE_SIZE], text[256], state[2] = { t->letter };
	enum cul_status status = CUL_OK;
	struct cul_slice frames;
	bool guessed = false;

	if (!stack)
		return CUL_ENOMEM;
	print_stack(k, t, trace, stack);
	for (unsigned i = 0; i < t->stack_frames->count; i++)
		guessed |= t->stack_frames->frames[i].guessed;
	frames = cul_stack_frames(stack);
	snprintf(text, sizeof(text), "task:%s state:%c pid:%u in %.*s", t->comm, t->letter, t->pid, (int)(frames.size < 150 ? frames.size : 150),
		 frames.size ? frames.data : "");
	struct cul_record rec = cul_krecord(k, text);

	status = cul_emit(k->parse, &rec, "dump.stack", cul_int("pid", t->pid), cul_string("comm", t->comm), cul_string("state", state),
			  cul_int("cpu", t->cpu), cul_string("trace", trace), cul_string("unwound", guessed ? "guess" : ends[t->stack_frames->end]));
	/* a running task's stack is where it happened to be; whoever panicked stands in panic() */
	if (status == CUL_OK && frames.size && t->letter == 'D')
		status = cul_emit(k->parse, &rec, "task.stack", cul_int("pid", t->pid), cul_string("comm", t->comm), cul_string("state", state),
				  cul_string("workqueue", t->workqueue), cul_string("work_function", t->work_function), cul_text("frames", frames),
				  cul_text("wait_function", cul_stack_wait(stack)), cul_text("stuck_function", cul_stack_stuck(stack)),
				  cul_text("module", cul_stack_module(stack)));
	if (status == CUL_OK && t->panicked) {
		char names[512];

		name_frames(k, t, names, sizeof(names));
		frames = cul_str(names);
		snprintf(text, sizeof(text), "panicked on CPU %u: %s (pid %u) in %.150s", t->cpu, t->comm, t->pid, names);
		rec = cul_krecord(k, text);
		status = cul_emit(k->parse, &rec, "dump.panic-task", cul_int("pid", t->pid), cul_string("comm", t->comm),
				  cul_int("cpu", t->cpu), cul_text("frames", frames));
	}
	return status;
}

static int by_pid(const void *a, const void *b)
{
	const struct cul_ktask *x = *(struct cul_ktask *const *)a, *y = *(struct cul_ktask *const *)b;

	return x->pid != y->pid ? (x->pid < y->pid ? -1 : 1) : x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

enum cul_status cul_ktasks_tell(struct cul_kernel *k)
{
	struct cul_ktask **order = cul_arena_get(k->arena, (k->task_count + 1) * sizeof(*order));
	struct cul_process_tally tally = { 0 };
	enum cul_status status = CUL_OK;

	if (!order)
		return CUL_ENOMEM;
	for (uint32_t i = 0; i < k->task_count; i++)
		order[i] = &k->tasks[i];
	qsort(order, k->task_count, sizeof(struct cul_ktask *), by_pid);
	for (uint32_t i = 0; i < k->task_count && status == CUL_OK; i++) {
		const struct cul_ktask *t = order[i];

		status = tell_task(k, t);
		if (t->pid)
			cul_process_count(&tally, t->letter, cul_str(t->comm));
	}
	for (uint32_t i = 0, rows = 0; i < k->task_count && rows < PS_ROWS && status == CUL_OK; i++, rows++)
		status = tell_process(k, order[i]);
	for (uint32_t i = 0; i < k->task_count && status == CUL_OK; i++) {
		const struct cul_ktask *t = order[i];

		if (t->stack_frames && (t->letter == 'D' || t->on_cpu || t->panicked))
			status = tell_stack(k, t);
	}
	if (status == CUL_OK) {
		struct cul_record rec = cul_krecord(k, "tasks");

		status = cul_process_summary(k->parse, &rec, &tally);
	}
	if (status == CUL_OK && k->tasks_cut)
		status = cul_kmissing(k, "tasks", "the task list breaks off or has no end: these are the tasks up to there");
	return status;
}
