/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Stack frames and task headers as the kernel prints them, wherever they stand: hung-task dumps, SysRq, oopses,
 * /proc/PID/stack. For parsers that read such text.
 */
#ifndef CUL_PARSERS_FRAMES_H
#define CUL_PARSERS_FRAMES_H

#include "parsers/parser.h"

/**
 * A task and where it stands: emitted by whoever reads a stack. Fields: pid, comm, state, workqueue, work_function,
 * frames, wait_function, stuck_function, module (of the stuck function). Its stream is "stack".
 */
extern const struct cul_kind cul_kind_task_stack;
#define CUL_KIND_TASK_STACK (&cul_kind_task_stack)

struct cul_frame {
	struct cul_slice function; /* without offset and without .isra.0, .constprop.0, .cold */
	struct cul_slice module;   /* without build id; may be empty */
	bool reliable;             /* no '?' before it */
};

/**
 * Read one line of a stack: " ? sym+0x1/0x2 [mod 0123…]", "[<0>] sym+0x1/0x2", "[<ffffffff81234567>] ? sym+0x1/0x2",
 * arm64's flags behind it. @line has no envelope. False if it is none (an address that has no name is none).
 */
bool cul_frame_read(struct cul_slice line, struct cul_frame *ret);
/** The same without leading address: "sym+0x1/0x2 [mod]", as behind RIP:, pc : or "at file:line". */
bool cul_frame_symbol(struct cul_slice text, struct cul_frame *ret);
/** "<TASK>", "</IRQ>", "Call Trace:", "[<ffffffffffffffff>] 0xffffffffffffffff": belongs to a stack, is no frame. */
bool cul_frame_mark(struct cul_slice line);

/** A stack as it is read. Zero it to begin; holds copies, so it may outlive the lines. */
struct cul_stack {
	unsigned count, doubted;   /* reliable frames; others */
	size_t size, doubt_size;
	unsigned wait_at, wait_size, stuck_at, stuck_size; /* in names */
	char module[48];
	char names[1600], doubts[800];
};

void cul_stack_add(struct cul_stack *stack, const struct cul_frame *frame);
/** Names, innermost first, joined by blanks; the doubtful ones when there is nothing else. They point into @stack. */
struct cul_slice cul_stack_frames(const struct cul_stack *stack);
/** The work item that a kworker runs, out of its @frames: the function that process_one_work() called. Empty: none. */
struct cul_slice cul_stack_work(struct cul_slice frames);
struct cul_slice cul_stack_wait(const struct cul_stack *stack);  /* first frame that is not the scheduler's */
struct cul_slice cul_stack_stuck(const struct cul_stack *stack); /* innermost of a module, file system or driver */
struct cul_slice cul_stack_module(const struct cul_stack *stack);

struct cul_task {
	struct cul_slice comm, state, pid;
};

/** "task:x state:D stack:0 pid:1 …" and the older "x   D ffff… 0 1 2 0x00000080". */
bool cul_task_header(struct cul_slice line, struct cul_task *ret);
/** "Workqueue: events amdgpu_tlb_fence_work [amdgpu]": name and function. */
bool cul_task_workqueue(struct cul_slice line, struct cul_slice *workqueue, struct cul_slice *function);

#endif
