/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A crash report of Ubuntu's apport, /var/crash/_usr_bin_server.1000.crash (problem_report.py, apport/report.py).
 *
 *   ProblemType: Crash
 *   Date: Sat Nov 21 02:00:59 2026
 *   ExecutablePath: /usr/bin/server
 *   ProcCmdline: server --port 8080
 *   ProcStatus:
 *    Name:	server
 *    Pid:	4242
 *   Signal: 11
 *   SegvReason: reading NULL VMA
 *   Stacktrace:
 *    #0  0x000055d2f3a422e8 in load_model () from /usr/bin/server
 *   CoreDump: base64
 *    H4sICAAAAAAC/0NvcmVEdW1wAA==
 *
 * Keys with values on the line, or on lines that begin with a blank. Stacktrace, SegvReason and Title are there once apport-retrace or
 * the reporting has looked at it. The core inside (base64 of gzip) is not read; `apport-unpack` takes it out. ProcEnviron is passed over.
 */
#include <string.h>

#include "parsers/coredump.h"
#include "parsers/tables.h"

enum { DATE, PATH, COMMAND, SIGNAL, SIGNAL_NAME, PACKAGE, SEGV, ASSERTION, TITLE, PID, UID, KEYS };
static const char *const keys[KEYS] = { "Date", "ExecutablePath", "ProcCmdline", "Signal", "SignalName", "Package", "SegvReason", "AssertionMessage", "Title", NULL, NULL };

static int apport_bid(const struct cul_head *head)
{
	if (!head->begins || !head->count)
		return 0;
	return cul_starts(head->lines[0].text, CUL_LIT("ProblemType: Crash")) ? 48 : 0;
}

static enum cul_status apport_section(struct cul_parse *parse)
{
	struct cul_slice value[KEYS] = { 0 }, key, rest, current = CUL_NONE;
	struct cul_trace *t = cul_keep_bytes(parse, sizeof(*t));
	struct cul_time time = { .ns = CUL_NO_TIME };
	struct cul_line line;
	enum cul_status status = CUL_OK;
	char word[24], name[32];
	bool stack = false;
	if (!t)
		return CUL_ENOMEM;
	struct cul_line first = cul_section_line(parse);
	first.text = cul_keep(parse, first.text);
	/* keys come in the order of the alphabet but for the first: Date before Stacktrace, ProcStatus too */
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		if (line.text.size && (line.text.data[0] == ' ' || line.text.data[0] == '\t')) {
			rest = cul_trim(line.text);
			if (stack)
				cul_trace_line(parse, t, rest, &status);
			else if (cul_is(current, CUL_LIT("ProcStatus")) && cul_skip(&rest, CUL_LIT("Pid:")))
				value[PID] = cul_keep(parse, cul_trim(rest));
			else if (cul_is(current, CUL_LIT("ProcStatus")) && cul_skip(&rest, CUL_LIT("Uid:")))
				value[UID] = cul_keep(parse, cul_word(&rest));
			continue;
		}
		if (!cul_cut(line.text, CUL_LIT(":"), &key, &rest) || key.size > 60)
			continue;
		rest = cul_trim(rest);
		if (stack)
			status = cul_trace_end(parse, t);
		stack = cul_is(key, CUL_LIT("Stacktrace"));
		current = cul_slice(name, key.size < sizeof(name) ? key.size : sizeof(name));
		memcpy(name, key.data, current.size);
		for (int i = 0; i < KEYS; i++)
			if (keys[i] && cul_is(key, cul_str(keys[i])))
				value[i] = cul_keep(parse, rest);
		if (cul_is(key, CUL_LIT("Date"))) {
			struct cul_slice text = value[DATE];
			if (!cul_clock_ctime(&text, &time))
				time.ns = CUL_NO_TIME;
		}
		t->rec = cul_line_record(&first, time);
		t->pid = value[PID];
		t->comm = cul_base_name(value[PATH]);
	}
	if (status == CUL_OK)
		status = cul_trace_end(parse, t);
	struct cul_record rec = cul_line_record(&first, time);
	struct cul_slice comm = cul_base_name(value[PATH]);
	if (comm.size > 15)
		comm.size = 15;
	if (status == CUL_OK)
		status = cul_emit(parse, &rec, "core.dumped", cul_number("pid", value[PID]), cul_text("comm", comm), cul_text("user", value[UID]),
				  cul_text("signal", cul_signal_word(value[SIGNAL_NAME].size ? value[SIGNAL_NAME] : value[SIGNAL], word)), cul_text("path", value[PATH]),
				  cul_text("command", value[COMMAND]), cul_text("package", value[PACKAGE]), cul_text("why", value[SEGV].size ? value[SEGV] : value[TITLE]));
	if (status == CUL_OK && value[ASSERTION].size)
		status = cul_emit(parse, &rec, "core.abort-message", cul_number("pid", value[PID]), cul_text("comm", comm), cul_string("event", "assertion"),
				  cul_text("what", value[ASSERTION]), cul_string("source", "apport"));
	return status;
}

const struct cul_parser cul_parser_apport = {
	.name = "apport",
	.about = "crash reports of Ubuntu's apport, .crash",
	.kinds = CUL_KINDS(&cul_kind_core_dumped, &cul_kind_thread_stack, CUL_SAMPLES("core.abort-message", 1, "apport", F_PID, F_COMM, F_EVENT, F_WHAT, F_SOURCE)),
	.needles = CUL_LIST("ProblemType: Crash"),
	.bid = apport_bid,
	.section = apport_section,
};
