/* SPDX-License-Identifier: Apache-2.0 */
/** What texts about dead programs share: the kind, stack traces as systemd-coredump and gdb print them. Inner to the room. */
#ifndef CUL_PARSERS_COREDUMP_H
#define CUL_PARSERS_COREDUMP_H

#include "parsers/parser.h"

/** A program died and somebody noted it. */
extern const struct cul_kind cul_kind_core_dumped;

/** Stacks of one dead process in the making: keep it with cul_keep_bytes(), zeroed but for rec and pid. */
struct cul_trace {
	struct cul_record rec;
	struct cul_slice pid, comm;
	char tid[24];
	char frames[3072];
	size_t size;
	int count, lines;
	bool open;
};

/**
 * A line of it: "Stack trace of thread 4242:", "Thread 2 (Thread 0x7f… (LWP 4243)):", "#0  0x7f… raise (libc.so.6 + 0x3e1b)",
 * "#1  0x7f… in abort () from /lib/libc.so.6". False: none of these. Whole stacks are emitted as thread.stack.
 */
bool cul_trace_line(struct cul_parse *parse, struct cul_trace *trace, struct cul_slice line, enum cul_status *status);
/** The last stack. */
enum cul_status cul_trace_end(struct cul_parse *parse, struct cul_trace *trace);

/** "6 (ABRT)", "11/SEGV", "SIGSEGV", "11" -> "SIGABRT" in @to; empty if it is none. */
struct cul_slice cul_signal_word(struct cul_slice text, char to[24]);

#endif
