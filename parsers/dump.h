/* SPDX-License-Identifier: Apache-2.0 */
/** The block of lines that the kernel prints behind an oops, a warning, a lockup or a hung task; and who the kernel is. */
#ifndef CUL_PARSERS_DUMP_H
#define CUL_PARSERS_DUMP_H

#include "parsers/frames.h"

/** The kernel printed this, or nobody knows who did (a pasted excerpt without any envelope). */
static inline bool cul_kernel_says(const struct cul_record *rec)
{
	return rec->kernel || (rec->bare && !rec->unit.size);
}

/** @rec so that it may outlive the call. */
struct cul_record cul_keep_record(struct cul_parse *parse, const struct cul_record *rec);

/** Is a follower with this function at work? In record(): also one that has just been handed this very record and stays. */
bool cul_following(const struct cul_parse *parse, cul_follower next);

enum cul_dump_step {
	CUL_DUMP_TAKEN, /* the line belongs to the block */
	CUL_DUMP_OTHER, /* it does not; others print in between */
	CUL_DUMP_END,   /* it was the last one, or the first of another block: the state tells nothing more */
};

#define CUL_DUMP_LINES 200

/** What a block says. Zero it to begin. Text is copied, cut where it is too long. */
struct cul_dump {
	unsigned lines, others;     /* seen; not ours, in a row */
	char comm[48], pid[12], cpu[8], state[4], kernel[80], taint[24];
	char function[128], module[48]; /* of RIP or pc */
	char workqueue[64], work_function[96];
	bool task;                  /* a task header was among the lines */
	bool traced;                /* "Call Trace:" was */
	struct cul_stack stack;
};

/** Read one more line of the block. */
enum cul_dump_step cul_dump_line(struct cul_dump *dump, struct cul_slice line);
/** "Tainted: G OE 6.8.0 #1", "Not tainted 6.1.0 #1" anywhere in @line: taint letters and release. */
bool cul_dump_taint(struct cul_dump *dump, struct cul_slice line);
/** Copy @text into @to, cut to what fits, NUL behind it. */
void cul_dump_copy(char *to, size_t size, struct cul_slice text);
/** Emit a task.stack of what was read; nothing if there is no frame. */
enum cul_status cul_dump_emit_stack(struct cul_parse *parse, const struct cul_record *rec, const struct cul_dump *dump);

#endif
