/* SPDX-License-Identifier: Apache-2.0 */
/**
 * systemd-coredump tells of a program that died.
 *
 *   Process 4242 (python3) of user 1000 dumped core.                                 src/coredump/coredump.c, submit_coredump()
 *
 *   Stack trace of thread 4242:
 *   #0  0x00007f1c8c2a6a7c __pthread_kill_implementation (libc.so.6 + 0x8ba7c)
 *   Process 4242 (python3) of user 1000 terminated abnormally with signal 11/SEGV, processing...    since 254
 *   Resource limits disable core dumping for process 4242 (python3).
 *   Core file was truncated to 2147483648 bytes.
 *
 * One record of many lines (MESSAGE_ID fc2e22bc6ee647b6b90729ab34a250b1): joined in the journal's JSON, where the fields
 * COREDUMP_* stand beside it; indented below in -o short; with "#012" for each line end in rsyslog's files. COREDUMP_ENVIRON is not read.
 */
#include <string.h>

#include "parsers/coredump.h"
#include "parsers/peel.h"
#include "parsers/tables.h"

#define SCRATCH (32u << 10)

struct fields {
	struct cul_slice signal, path, command, name, package, version, truncated;
	char word[24];
};

/* The journal's own fields, where the record came as JSON. */
static void read_fields(struct cul_parse *parse, const struct cul_record *rec, struct fields *f)
{
	struct cul_slice rest = rec->line.text, key, value;
	struct cul_record room = { .scratch = NULL };
	struct cul_slice *to;
	if (!rest.size || rest.data[0] != '{' || !cul_has(rest, CUL_LIT("\"COREDUMP_")))
		return;
	for (int i = 0; i < 512 && cul_json_next(&rest, &key, &value); i++) {
		to = cul_is(key, CUL_LIT("COREDUMP_SIGNAL_NAME"))  ? &f->signal
		     : cul_is(key, CUL_LIT("COREDUMP_EXE"))        ? &f->path
		     : cul_is(key, CUL_LIT("COREDUMP_CMDLINE"))    ? &f->command
		     : cul_is(key, CUL_LIT("COREDUMP_FILENAME"))   ? &f->name
		     : cul_is(key, CUL_LIT("COREDUMP_PACKAGE_NAME")) ? &f->package
		     : cul_is(key, CUL_LIT("COREDUMP_PACKAGE_VERSION")) ? &f->version
		     : cul_is(key, CUL_LIT("COREDUMP_TRUNCATED"))  ? &f->truncated
								     : NULL;
		if (!to || value.size > SCRATCH / 2)
			continue;
		room.scratch = cul_keep_bytes(parse, value.size + 16);
		room.scratch_size = room.scratch ? value.size + 16 : 0;
		if (room.scratch)
			*to = cul_json_text(value, &room);
	}
	f->signal = cul_signal_word(f->signal, f->word);
}

static bool trace_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct cul_trace *t = state;
	if (rec && rec->bare) {
		if (cul_trace_line(parse, t, rec->message, status) || t->lines < 512)
			return *status == CUL_OK;
	}
	*status = cul_trace_end(parse, t);
	return false;
}

/* The next of the lines that one message holds. */
static bool next_line(struct cul_slice *rest, struct cul_slice *line)
{
	struct cul_slice a = *rest, after;
	if (!rest->size)
		return false;
	if (!cul_cut(*rest, CUL_LIT("\n"), &a, rest))
		*rest = CUL_NONE;
	if (cul_cut(a, CUL_LIT("#012"), &a, &after)) /* its tail is looked at next */
		*rest = cul_slice(after.data, rest->size ? (size_t)(rest->data + rest->size - after.data) : after.size);
	*line = a;
	return true;
}

static enum cul_status traces(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice rest, struct cul_slice pid, struct cul_slice comm)
{
	struct cul_trace *t = cul_keep_bytes(parse, sizeof(*t));
	struct cul_slice line;
	enum cul_status status = CUL_OK;
	if (!t)
		return CUL_ENOMEM;
	t->rec = *rec;
	t->pid = cul_keep(parse, pid);
	t->comm = cul_keep(parse, comm);
	if (!cul_trim(rest).size) /* the lines follow */
		return cul_follow(parse, rec, trace_next, t);
	while (status == CUL_OK && next_line(&rest, &line))
		cul_trace_line(parse, t, line, &status);
	return status == CUL_OK ? cul_trace_end(parse, t) : status;
}

static enum cul_status coredump_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, rest, pid, comm, user, word, why = CUL_NONE, storage = CUL_NONE;
	struct fields f = { 0 };
	bool dumped;
	if (rec->kernel)
		return CUL_OK;
	if (cul_cut(m, CUL_LIT("Resource limits disable core dumping for process "), NULL, &rest)) {
		pid = cul_digits(&rest);
		if (!pid.size || !cul_between(rest, CUL_LIT(" ("), CUL_LIT(")"), &comm))
			return CUL_OK;
		return cul_emit(parse, rec, "core.dumped", cul_number("pid", pid), cul_text("comm", comm), cul_string("storage", "none"),
				cul_string("why", "the process's limit on core files is zero"));
	}
	if (!cul_cut(m, CUL_LIT("Process "), NULL, &rest))
		return CUL_OK;
	pid = cul_digits(&rest);
	/* the name may hold brackets of its own */
	if (!pid.size || !cul_skip(&rest, CUL_LIT(" (")) || !cul_cut(rest, CUL_LIT(") of user "), &comm, &rest) || comm.size > 64)
		return CUL_OK;
	user = cul_word(&rest);
	rest = cul_trim(rest);
	dumped = cul_skip(&rest, CUL_LIT("dumped core."));
	if (!dumped && !cul_skip(&rest, CUL_LIT("terminated abnormally with signal ")))
		return CUL_OK;
	if (!dumped) {
		word = cul_word(&rest);
		return cul_emit(parse, rec, "core.dumped", cul_number("pid", pid), cul_text("comm", comm), cul_text("user", user),
				cul_text("signal", cul_signal_word(word, f.word)));
	}
	read_fields(parse, rec, &f);
	if (cul_is(f.truncated, CUL_LIT("1")) || cul_has(m, CUL_LIT("Core file was truncated")))
		storage = CUL_LIT("truncated");
	if (cul_cut(m, CUL_LIT("Failed to generate stack trace: "), NULL, &why))
		cul_cut(why, CUL_LIT("\n"), &why, NULL);
	enum cul_status status = cul_emit(parse, rec, "core.dumped", cul_number("pid", pid), cul_text("comm", comm), cul_text("user", user),
					  cul_text("signal", f.signal), cul_text("path", f.path), cul_text("command", f.command), cul_text("storage", storage),
					  cul_text("name", f.name), cul_text("package", f.package), cul_text("version", f.version), cul_text("why", why));
	return status == CUL_OK ? traces(parse, rec, rest, pid, comm) : status;
}

const struct cul_parser cul_parser_systemd_coredump = {
	.name = "systemd_coredump",
	.about = "systemd-coredump's messages: who died, of what, the stacks",
	.kinds = CUL_KINDS(&cul_kind_core_dumped, &cul_kind_thread_stack),
	.needles = CUL_LIST(" dumped core.", "terminated abnormally with signal ", "Resource limits disable core dumping for process "),
	.record = coredump_record,
};
