/* SPDX-License-Identifier: Apache-2.0 */
/**
 * /proc/PID/stack and /proc/PID/wchan.
 *
 *   [<0>] dma_fence_default_wait+0x1e1/0x220
 *   [<0>] amdgpu_tlb_fence_work+0x29/0x140 [amdgpu]
 *   /proc/21804/stack:[<0>] request_wait_answer+0x11d/0x210 [fuse]
 *
 * proc_pid_stack() in fs/proc/base.c: "[<0>] %pB" since 4.11, addresses in the brackets before, and up to 4.x a last line
 * of all ones. The pid is that of the prompt, the file's name, or the path that grep puts before each line. For a
 * kworker the work function is the frame that process_one_work() called. An empty answer is a task that runs in user space
 * (or a reader without rights) and says nothing.
 */
#include "parsers/frames.h"
#include "parsers/tables.h"

/** The number behind "/proc/" (or "proc/" at the start) and before @leaf. */
static struct cul_slice
pid_of(struct cul_slice text, struct cul_slice leaf)
{
	struct cul_slice rest = text, digits;

	if (!cul_has(text, leaf))
		return CUL_NONE;
	for (int i = 0; i < 8 && cul_cut(rest, CUL_LIT("proc/"), NULL, &rest); i++) {
		struct cul_slice behind = rest, task;

		digits = cul_digits(&behind);
		if (!digits.size)
			continue;
		if (cul_skip(&behind, CUL_LIT("/task/"))) {
			task = cul_digits(&behind);
			if (task.size)
				digits = task;
		}
		if (cul_starts(behind, leaf))
			return digits;
	}
	return CUL_NONE;
}

/** A line of a stack, its "path:" taken off into @pid. */
static bool
stack_line(struct cul_slice text, struct cul_frame *frame, struct cul_slice *pid, bool *mark)
{
	struct cul_slice path, rest;

	*pid = CUL_NONE;
	if (cul_starts(text, CUL_LIT("/proc/")) && cul_cut(text, CUL_LIT("/stack:"), &path, &rest)) {
		*pid = pid_of(text, CUL_LIT("/stack"));
		text = rest;
	}
	text = cul_trim(text);
	if (!cul_starts(text, CUL_LIT("[<")))
		return false;
	*mark = !cul_frame_read(text, frame);
	return !*mark || cul_frame_mark(text) || cul_starts(text, CUL_LIT("[<0>]"));
}

static bool
is_symbol(struct cul_slice text)
{
	text = cul_trim(text);
	for (size_t i = 0; i < text.size; i++)
		if (!((text.data[i] >= 'a' && text.data[i] <= 'z') || (text.data[i] >= 'A' && text.data[i] <= 'Z') ||
		      (text.data[i] >= '0' && text.data[i] <= '9') || strchr("_.", text.data[i])))
			return false;
	return text.size > 0 && text.size < 128;
}

static int
stack_bid(const struct cul_head *head)
{
	struct cul_frame frame;
	struct cul_slice pid;
	bool mark;

	if (!head->count)
		return 0;
	if (stack_line(head->lines[0].text, &frame, &pid, &mark)) {
		bool named = pid.size || pid_of(head->command, CUL_LIT("/stack")).size || pid_of(head->name, CUL_LIT("/stack")).size;

		/* without a name only the form that no log has */
		if (named || cul_starts(cul_trim(head->lines[0].text), CUL_LIT("[<0>]")))
			return named ? 40 : 20;
	}
	if (head->begins && (pid_of(head->command, CUL_LIT("/wchan")).size || pid_of(head->name, CUL_LIT("/wchan")).size) &&
	    is_symbol(head->lines[0].text))
		return 24;
	return 0;
}

static enum cul_status
emit_stack(struct cul_parse *parse, const struct cul_line *line, struct cul_slice pid, const struct cul_stack *stack)
{
	struct cul_record rec = cul_table_record(parse, line);
	struct cul_slice frames = cul_stack_frames(stack);

	if (!frames.size)
		return CUL_OK;
	return cul_emit(parse, &rec, "task.stack", cul_number("pid", pid), cul_text("work_function", cul_stack_work(frames)),
			cul_text("frames", frames), cul_text("wait_function", cul_stack_wait(stack)),
			cul_text("stuck_function", cul_stack_stuck(stack)), cul_text("module", cul_stack_module(stack)));
}

static enum cul_status
stack_section(struct cul_parse *parse)
{
	struct cul_stack *stack = cul_keep_bytes(parse, sizeof(*stack));
	struct cul_slice command_pid, at = CUL_NONE, pid;
	struct cul_line line, first = { 0 };
	struct cul_frame frame;
	enum cul_status status = CUL_OK;
	bool mark, any = false;

	if (!stack)
		return CUL_ENOMEM;
	command_pid = pid_of(cul_section_command(parse), CUL_LIT("/stack"));
	if (!command_pid.size)
		command_pid = pid_of(cul_section_name(parse), CUL_LIT("/stack"));
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		if (!stack_line(line.text, &frame, &pid, &mark)) {
			struct cul_slice wchan_pid = pid_of(cul_section_command(parse), CUL_LIT("/wchan"));

			if (!wchan_pid.size)
				wchan_pid = pid_of(cul_section_name(parse), CUL_LIT("/wchan"));
			if (!any && wchan_pid.size && is_symbol(line.text)) {
				struct cul_record rec = cul_table_record(parse, &line);

				return cul_is(cul_trim(line.text), CUL_LIT("0")) ? CUL_OK :
				       cul_emit(parse, &rec, "ps.process", cul_number("pid", wchan_pid),
						cul_text("wchan", cul_trim(line.text)));
			}
			cul_line_back(parse);
			break;
		}
		if (!any || (pid.size && !cul_is(pid, at))) {
			if (any)
				status = emit_stack(parse, &first, at, stack);
			memset(stack, 0, sizeof(*stack));
			first = line;
			first.text = cul_keep(parse, line.text);
			at = pid.size ? cul_keep(parse, pid) : command_pid;
			any = true;
		}
		if (!mark)
			cul_stack_add(stack, &frame);
	}
	return status == CUL_OK && any ? emit_stack(parse, &first, at, stack) : status;
}

const struct cul_parser cul_parser_stack = {
	.name = "stack",
	.about = "/proc/PID/stack and wchan: where tasks stand in the kernel",
	.kinds = CUL_KINDS(CUL_KIND_TASK_STACK, &cul_kind_ps_process),
	.needles = CUL_LIST("[<0>] ", "/stack:[<"),
	.bid = stack_bid,
	.section = stack_section,
};
