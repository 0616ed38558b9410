/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A problem directory of ABRT (Fedora, RHEL): a file for each element, in /var/spool/abrt/ccpp-2026-11-21-02:00:59.123456-4242/.
 *
 *   reason           server killed by SIGSEGV
 *   cmdline          server --port 8080
 *   executable       /usr/bin/server
 *   package          server-1.2-3.fc41
 *   core_backtrace   JSON of satyr (lib/core/stacktrace.c): "stacktrace", "crash_thread", "frames", "function_name", "file_name"
 *
 * The folder's name tells time and pid, so that each file is a row of the same program. Element `environ` is not read.
 */
#include <stdio.h>
#include <string.h>

#include "parsers/coredump.h"
#include "parsers/tables.h"

static const char *const elements[] = { "reason", "cmdline", "executable", "package", "core_backtrace" };

/* ".../ccpp-2026-11-21-02:00:59.123456-4242/reason" */
static bool read_name(struct cul_slice name, struct cul_slice *element, struct cul_slice *pid, struct cul_time *time)
{
	struct cul_slice folder, rest, clock;
	char text[32];
	time->ns = CUL_NO_TIME;
	if (!cul_has(name, CUL_LIT("ccpp-")) || !cul_cut_last(name, CUL_LIT("/"), &folder, element))
		return false;
	if (cul_cut_last(folder, CUL_LIT("/"), NULL, &rest))
		folder = rest;
	if (!cul_skip(&folder, CUL_LIT("ccpp-")) || !cul_cut_last(folder, CUL_LIT("-"), &folder, pid) || !cul_all_digits(*pid) || folder.size < 19)
		return false;
	/* the date's last '-' is a 'T' elsewhere; some unpackers turn ':' to '_' */
	snprintf(text, sizeof(text), "%.10s %.8s", folder.data, folder.data + 11);
	for (char *c = text + 11; *c; c++)
		if (*c == '_' || *c == '-')
			*c = ':';
	clock = cul_str(text);
	if (!cul_clock_iso(&clock, time))
		time->ns = CUL_NO_TIME;
	return true;
}

static int abrt_bid(const struct cul_head *head)
{
	struct cul_slice element, pid;
	struct cul_time time;
	if (!head->begins || !read_name(head->name, &element, &pid, &time))
		return 0;
	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		if (cul_is(element, cul_str(elements[i])))
			return 50;
	return 0;
}

/* The pretty-printed JSON, a key a line. */
static enum cul_status read_backtrace(struct cul_parse *parse, struct cul_trace *t)
{
	struct cul_slice value, function = CUL_NONE, file = CUL_NONE, offset = CUL_NONE;
	struct cul_line line;
	enum cul_status status = CUL_OK;
	char frame[300];
	bool more = true, frames = false;
	while (status == CUL_OK && more) {
		more = cul_line_next(parse, &line);
		struct cul_slice text = more ? line.text : CUL_NONE;
		bool next = !more || cul_has(text, CUL_LIT("\"address\":")) || cul_has(text, CUL_LIT("\"frames\":"));
		if (next && frames && (function.size || file.size)) {
			/* as one of systemd's, so that one reader knows them */
			if (function.size)
				snprintf(frame, sizeof(frame), "#0 %.*s (", (int)(function.size < 250 ? function.size : 250), function.data);
			else
				snprintf(frame, sizeof(frame), "#0 0x0 n/a (%.*s + %.*s)", (int)(file.size < 200 ? file.size : 200), file.data,
					 (int)(offset.size < 20 ? offset.size : 20), offset.data ? offset.data : "0");
			cul_trace_line(parse, t, cul_str(frame), &status);
			function = file = offset = CUL_NONE;
		}
		if (cul_has(text, CUL_LIT("\"frames\":"))) {
			if (status == CUL_OK)
				status = cul_trace_end(parse, t);
			frames = true;
		}
		if (cul_between(text, CUL_LIT("\"function_name\": \""), CUL_LIT("\""), &value))
			function = cul_keep(parse, value);
		else if (cul_between(text, CUL_LIT("\"file_name\": \""), CUL_LIT("\""), &value))
			file = cul_keep(parse, value);
		else if (cul_cut(text, CUL_LIT("\"build_id_offset\": "), NULL, &value))
			offset = cul_keep(parse, cul_digits(&value));
	}
	return status == CUL_OK ? cul_trace_end(parse, t) : status;
}

static enum cul_status abrt_section(struct cul_parse *parse)
{
	struct cul_slice element, pid, comm = CUL_NONE, signal = CUL_NONE, text;
	struct cul_time time;
	struct cul_line line, rest;
	char word[24];
	if (!read_name(cul_section_name(parse), &element, &pid, &time) || !cul_line_next(parse, &line))
		return CUL_OK;
	struct cul_record rec = cul_line_record(&line, time);
	if (cul_is(element, CUL_LIT("core_backtrace"))) {
		struct cul_trace *t = cul_keep_bytes(parse, sizeof(*t));
		if (!t)
			return CUL_ENOMEM;
		t->rec = rec;
		t->rec.line.text = cul_keep(parse, line.text);
		t->pid = cul_keep(parse, pid);
		return read_backtrace(parse, t);
	}
	text = cul_trim(line.text);
	bool reason = cul_is(element, CUL_LIT("reason")), command = cul_is(element, CUL_LIT("cmdline")), path = cul_is(element, CUL_LIT("executable"));
	if (reason && cul_cut(text, CUL_LIT(" killed by "), &comm, &signal))
		comm = cul_base_name(comm);
	if (path)
		comm = cul_base_name(text);
	if (comm.size > 15)
		comm.size = 15;
	enum cul_status status = cul_emit(parse, &rec, "core.dumped", cul_number("pid", pid), cul_text("comm", comm), cul_text("signal", cul_signal_word(signal, word)),
					  cul_text("path", path ? text : CUL_NONE), cul_text("command", command ? text : CUL_NONE),
					  cul_text("package", !reason && !command && !path ? text : CUL_NONE), cul_text("why", reason ? text : CUL_NONE));
	while (status == CUL_OK && cul_line_next(parse, &rest))
		;
	return status;
}

const struct cul_parser cul_parser_abrt = {
	.name = "abrt",
	.about = "problem directories of ABRT: reason, cmdline, core_backtrace",
	.kinds = CUL_KINDS(&cul_kind_core_dumped, &cul_kind_thread_stack),
	.needles = CUL_LIST("\"crash_thread\": true"),
	.bid = abrt_bid,
	.section = abrt_section,
};
