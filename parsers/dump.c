/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The block behind an oops, a warning, a lockup or a hung task.
 *
 *   CPU: 3 UID: 0 PID: 812 Comm: python3 Kdump: loaded Tainted: G           OE      6.12.9 #1
 *         Not tainted 6.1.0-28-amd64 #1 Debian 6.1.119-1
 *   Workqueue: events amdgpu_tlb_fence_work [amdgpu]
 *   RIP: 0010:dma_fence_default_wait+0x1a2/0x260
 *   Call Trace:
 *    <TASK>
 *    __schedule+0x37f/0x1380
 *
 * Printed by show_regs() and dump_stack_print_info(); `UID:` since 6.12, old kernels print "RIP: 0010:[<ffff…>]  [<ffff…>] sym".
 * Kernels without caller ids mix the lines of several CPUs: a few foreign ones in between don't end a block.
 */
#include "parsers/dump.h"

#include "parsers/state.h"

#define OTHERS_IN_A_ROW 6

struct cul_record cul_keep_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_record copy = *rec;

	copy.line.text = cul_keep(parse, rec->line.text);
	copy.message = cul_keep(parse, rec->message);
	copy.host = cul_keep(parse, rec->host);
	copy.unit = cul_keep(parse, rec->unit);
	copy.caller = cul_keep(parse, rec->caller);
	copy.scratch = NULL;
	copy.scratch_size = 0;
	return copy;
}

bool cul_following(const struct cul_parse *parse, cul_follower next)
{
	for (size_t i = 0; i < (size_t)parse->follower_count; i++)
		if (parse->followers[i].next == next)
			return true;
	return false;
}

void cul_dump_copy(char *to, size_t size, struct cul_slice text)
{
	size_t n = text.size < size ? text.size : size - 1;

	if (n)
		memcpy(to, text.data, n);
	to[n] = 0;
}

bool cul_dump_taint(struct cul_dump *dump, struct cul_slice line)
{
	struct cul_slice rest, word;
	size_t n = 0;

	if (cul_cut(line, CUL_LIT("Not tainted "), NULL, &rest)) {
		dump->taint[0] = 0;
	} else if (cul_cut(line, CUL_LIT("Tainted: "), NULL, &rest)) {
		if (rest.size && rest.data[0] == '[') /* 6.12 and later: the names once more, on a line of their own */
			return true;
		while (rest.size && n + 1 < sizeof(dump->taint)) {
			struct cul_slice next = rest;

			word = cul_word(&next);
			if (!word.size || word.size > 16 || word.data[0] < 'A' || word.data[0] > 'Z')
				break;
			for (size_t i = 0; i < word.size && n + 1 < sizeof(dump->taint); i++)
				if (word.data[i] >= 'A' && word.data[i] <= 'Z')
					dump->taint[n++] = word.data[i];
			rest = next;
		}
		dump->taint[n] = 0;
	} else {
		return false;
	}
	word = cul_word(&rest);
	if (word.size && word.data[0] >= '0' && word.data[0] <= '9')
		cul_dump_copy(dump->kernel, sizeof(dump->kernel), word);
	return true;
}

/* "CPU: 3 UID: 0 PID: 812 Comm: python3 Not tainted …" */
static bool take_cpu(struct cul_dump *dump, struct cul_slice line)
{
	struct cul_slice rest, cpu, pid, comm;

	if (!cul_cut(line, CUL_LIT("CPU: "), NULL, &rest))
		return false;
	cpu = cul_digits(&rest);
	if (!cpu.size || !cul_cut(rest, CUL_LIT("PID: "), NULL, &rest))
		return false;
	pid = cul_digits(&rest);
	if (!pid.size || !cul_cut(rest, CUL_LIT("Comm: "), NULL, &rest))
		return false;
	comm = rest;
	if (!cul_cut(comm, CUL_LIT(" Kdump:"), &comm, NULL) && !cul_cut(comm, CUL_LIT(" Not tainted"), &comm, NULL))
		cul_cut(comm, CUL_LIT(" Tainted:"), &comm, NULL);
	cul_dump_copy(dump->cpu, sizeof(dump->cpu), cpu);
	cul_dump_copy(dump->pid, sizeof(dump->pid), pid);
	cul_dump_copy(dump->comm, sizeof(dump->comm), cul_trim(comm));
	cul_dump_taint(dump, rest);
	return true;
}

/* "RIP: 0010:sym+0x1/0x2 [mod]", "RIP: 0010:[<ff>]  [<ff>] sym+…", "IP: [<ff>] sym+…" (to 4.9), "pc : sym+…", "PC is at sym+…" */
static bool take_ip(struct cul_dump *dump, struct cul_slice line)
{
	struct cul_slice rest = cul_trim(line), before;
	struct cul_frame frame;

	if (cul_skip(&rest, CUL_LIT("RIP: ")) || cul_skip(&rest, CUL_LIT("EIP: ")) || cul_skip(&rest, CUL_LIT("IP: "))) {
		if (cul_cut(cul_slice(rest.data, rest.size < 6 ? rest.size : 6), CUL_LIT(":"), &before, NULL))
			rest = cul_from(rest, before.size + 1);
	} else if (!cul_skip(&rest, CUL_LIT("pc : ")) && !cul_skip(&rest, CUL_LIT("PC is at ")) && !cul_skip(&rest, CUL_LIT("epc : "))) {
		return false;
	}
	for (int i = 0; i < 2 && cul_starts(rest, CUL_LIT("[<")); i++) {
		if (!cul_cut(rest, CUL_LIT(">]"), NULL, &rest))
			return true;
		rest = cul_trim(rest);
	}
	/* the first one counts: a user's RIP may follow at the end of the block */
	if (!dump->function[0] && cul_frame_symbol(rest, &frame)) {
		cul_dump_copy(dump->function, sizeof(dump->function), frame.function);
		cul_dump_copy(dump->module, sizeof(dump->module), frame.module);
	}
	return true;
}

/* registers, code bytes, module lists: lines of the block that tell nothing here */
static bool is_filler(struct cul_slice line)
{
	static const char *const heads[] = { "Modules linked in", "Hardware name:", "Code:", "RSP:", "RAX:", "RDX:", "RBP:", "R10:", "R13:",
					     "FS:", "CS:", "CR2:", "DR0:", "DR3:", "PKRU:", "EFLAGS:", "\"echo 0 >", "#PF:", "PGD ",
					     "Oops:", "lr :", "sp :", "x29:", "x28:", "x2", "x1", "pstate:", "Mem abort info",
					     "Data abort info", "Internal error:", "invalid opcode:", "Sched Debug", "Sending NMI",
					     "NMI backtrace", "Exception stack", "irq event stamp", "hardirqs last", "softirqs last",
					     "Call Trace", "Call trace", "Stack:", "ORIG_RAX", "R0", "R1", "unwind", "addr", "ESR",
					     "Tainted:", "note:", "Kernel Offset", "RIP ", "RSP ", "SMP ", "user pgtable", "swapper pgtable",
					     "CPU#", "rcu:", "task:", "\t", NULL };

	for (const char *const *h = heads; *h; h++)
		if (cul_starts(line, cul_str(*h)))
			return true;
	return false;
}

enum cul_dump_step cul_dump_line(struct cul_dump *dump, struct cul_slice line)
{
	struct cul_slice text = cul_trim(line), workqueue, function;
	struct cul_frame frame;
	struct cul_task task;

	if (++dump->lines > CUL_DUMP_LINES)
		return CUL_DUMP_END;
	if (cul_frame_read(text, &frame)) {
		cul_stack_add(&dump->stack, &frame);
		dump->others = 0;
		return CUL_DUMP_TAKEN;
	}
	if (cul_is(text, CUL_LIT("</TASK>")) || cul_starts(text, CUL_LIT("---[ end trace")))
		return CUL_DUMP_END;
	if (cul_starts(text, CUL_LIT("INFO: task ")) || cul_starts(text, CUL_LIT("------------[ cut here")) ||
	    cul_starts(text, CUL_LIT("WARNING: ")) || (cul_starts(text, CUL_LIT("BUG: ")) && dump->traced) ||
	    cul_starts(text, CUL_LIT("Kernel panic")) || cul_starts(text, CUL_LIT("watchdog: BUG")) ||
	    cul_starts(text, CUL_LIT("Showing all locks held")))
		return CUL_DUMP_END;
	/* "task: ffff880035a8c600 ti: …", 3.x to 4.8, is one of the register lines */
	if ((cul_starts(text, CUL_LIT("task:")) && !cul_starts(text, CUL_LIT("task: "))) || (!dump->task && cul_task_header(text, &task))) {
		if (dump->task || dump->stack.count || !cul_task_header(text, &task))
			return CUL_DUMP_END;
		dump->task = true;
		cul_dump_copy(dump->comm, sizeof(dump->comm), task.comm);
		cul_dump_copy(dump->pid, sizeof(dump->pid), task.pid);
		cul_dump_copy(dump->state, sizeof(dump->state), task.state);
		dump->others = 0;
		return CUL_DUMP_TAKEN;
	}
	if (dump->task && dump->stack.count && cul_task_header(text, &task))
		return CUL_DUMP_END;
	if (cul_frame_mark(text)) {
		dump->traced = true;
		dump->others = 0;
		return CUL_DUMP_TAKEN;
	}
	if (cul_task_workqueue(text, &workqueue, &function)) {
		cul_dump_copy(dump->workqueue, sizeof(dump->workqueue), workqueue);
		cul_dump_copy(dump->work_function, sizeof(dump->work_function), function);
		dump->others = 0;
		return CUL_DUMP_TAKEN;
	}
	if (take_cpu(dump, text) || take_ip(dump, text) || cul_dump_taint(dump, text) || is_filler(text)) {
		dump->others = 0;
		return CUL_DUMP_TAKEN;
	}
	return ++dump->others > OTHERS_IN_A_ROW ? CUL_DUMP_END : CUL_DUMP_OTHER;
}

enum cul_status cul_dump_emit_stack(struct cul_parse *parse, const struct cul_record *rec, const struct cul_dump *dump)
{
	if (!cul_stack_frames(&dump->stack).size)
		return CUL_OK;
	return cul_emit(parse, rec, "task.stack", cul_number("pid", cul_str(dump->pid)), cul_string("comm", dump->comm),
			cul_string("state", dump->state), cul_string("workqueue", dump->workqueue),
			cul_string("work_function", dump->work_function), cul_text("frames", cul_stack_frames(&dump->stack)),
			cul_text("wait_function", cul_stack_wait(&dump->stack)),
			cul_text("stuck_function", cul_stack_stuck(&dump->stack)),
			cul_text("module", cul_stack_module(&dump->stack)));
}
