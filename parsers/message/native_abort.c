/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A native program ends itself, or the shell says that a signal did.
 *
 *   terminate called after throwing an instance of 'c10::DistBackendError'
 *     what():  [Rank 2] …                                                     libstdc++, libsupc++/vterminate.cc
 *   double free or corruption (!prev)                                         glibc, malloc/malloc.c (malloc_printerr)
 *   *** stack smashing detected ***: terminated                               glibc, debug/stack_chk_fail.c
 *   thread 'main' panicked at src/main.rs:4:5:                                Rust; before 1.73 the text stands in quotes behind "at"
 *   run.sh: line 12:  4242 Killed                  python3 train.py           bash, jobs.c
 *   Segmentation fault (core dumped)                                          bash at a terminal
 *
 * The kernel's lines about the same (segfault at …, oom-kill) are read elsewhere.
 */
#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("terminate called after throwing an instance of '", "terminate")                           \
	X("terminate called without an active exception", "terminate")                               \
	X("terminate called recursively", "terminate")                                               \
	X("*** stack smashing detected ***", "stack-smashing")                                       \
	X("*** buffer overflow detected ***", "buffer-overflow")                                     \
	X("double free or corruption", "heap-corruption")                                            \
	X("corrupted size vs. prev_size", "heap-corruption")                                         \
	X("corrupted double-linked list", "heap-corruption")                                         \
	X("free(): invalid ", "heap-corruption")                                                     \
	X("free(): double free detected", "heap-corruption")                                         \
	X("munmap_chunk(): invalid pointer", "heap-corruption")                                      \
	X("realloc(): invalid ", "heap-corruption")                                                  \
	X("malloc(): ", "heap-corruption")                                                           \
	X("' panicked at ", "rust-panic")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

static const struct event_text signals[] = { { "Killed", "SIGKILL" }, { "Segmentation fault", "SIGSEGV" }, { "Aborted", "SIGABRT" },
					     { "Bus error", "SIGBUS" }, { "Illegal instruction", "SIGILL" }, { "Floating point exception", "SIGFPE" } };

struct terminate {
	struct cul_record *rec;
	struct cul_slice exception;
	int seen;
};

static bool what_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct terminate *t = state;
	struct cul_slice what = CUL_NONE;

	if (rec && !cul_cut(rec->message, CUL_LIT("what():  "), NULL, &what) && ++t->seen < 4)
		return true;
	*status = cul_emit(parse, t->rec, "native.abort", cul_string("event", "terminate"), cul_text("exception", t->exception), cul_text("what", cul_trim(what)),
			   rank_arg(t->rec));
	return false;
}

/** "Killed" alone, "Aborted (core dumped)", "run.sh: line 12:  4242 Killed                  python3 train.py". */
static enum cul_status shell(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice rest = cul_trim(m), pid = CUL_NONE, command = CUL_NONE;
	bool line = false;

	if (cul_cut(rest, CUL_LIT(": line "), NULL, &rest)) {
		if (!cul_digits(&rest).size || !cul_skip(&rest, CUL_LIT(":")))
			return CUL_OK;
		rest = unblank(rest);
		pid = cul_digits(&rest);
		if (!pid.size)
			return CUL_OK;
		rest = unblank(rest);
		line = true;
	}
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct cul_slice tail = rest;

		if (!cul_skip(&tail, cul_str(signals[i].text)))
			continue;
		if (tail.size && tail.data[0] != ' ')
			return CUL_OK;
		tail = unblank(tail); /* a script's line is padded to a column here */
		cul_skip(&tail, CUL_LIT("(core dumped)"));
		if (tail.size && !line)
			return CUL_OK;
		command = cul_trim(tail);
		return cul_emit(parse, rec, "native.abort", cul_string("event", "signal"), cul_string("signal", signals[i].event), cul_number("pid", pid),
				cul_text("command", command));
	}
	return CUL_OK;
}

static enum cul_status native_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, rest;
	const struct event_text *found;
	struct terminate *t;

	if (rec->kernel)
		return CUL_OK;
	found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	if (!found)
		return shell(parse, rec, m);
	if (cul_cut(m, CUL_LIT("throwing an instance of '"), NULL, &rest)) {
		t = cul_keep_bytes(parse, sizeof(*t));
		if (!t || !(t->rec = keep_record(parse, rec)))
			return CUL_ENOMEM;
		cul_cut_last(rest, CUL_LIT("'"), &rest, NULL);
		t->exception = cul_keep(parse, rest);
		return cul_follow(parse, rec, what_next, t);
	}
	if (!strcmp(found->event, "rust-panic") && !cul_has(m, CUL_LIT("thread '")))
		return CUL_OK;
	return cul_emit(parse, rec, "native.abort", cul_string("event", found->event), cul_text("what", cul_trim(m)), rank_arg(rec));
}

const struct cul_parser cul_parser_native_abort = {
	.name = "native_abort",
	.about = "native programs that abort: C++ terminate, heap corruption, Rust panics, the shell's word on signals",
	.kinds = CUL_KINDS(CUL_KIND("native.abort", 1, "native_abort", F_EVENT, F_WHAT, F_EXCEPTION, F_SIGNAL, F_PID, F_COMMAND, F_RANK)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) "Killed", "Segmentation fault", "Aborted", "Bus error", "Illegal instruction", "Floating point exception"),
	.record = native_record,
};
