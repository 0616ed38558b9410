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
 *   Dependencies:
 *    libc6 2.35-0ubuntu3.1
 *   Package: server 1.2-3
 *   Stacktrace:
 *    #0  0x000055d2f3a422e8 in load_model () from /usr/bin/server
 *   CoreDump: base64
 *    H4sICAAAAAAC/0NvcmVEdW1wAA==
 *
 * Keys with values on the line, or on lines that begin with a blank. Stacktrace, SegvReason and Title are there once apport-retrace or
 * the reporting has looked at it. Package and Dependencies (a line each) say what was installed. The core inside (each line is base64 by itself, of a piece of one gzip or zstd stream) is opened as a
 * member of its own up to 64 MiB of packed bytes; `apport-unpack` takes larger ones out. ProcEnviron is passed over.
 */
#include <stdlib.h>
#include <string.h>

#include "parsers/coredump.h"
#include "parsers/tables.h"

enum { DATE, PATH, COMMAND, SIGNAL, SIGNAL_NAME, PACKAGE, SEGV, ASSERTION, TITLE, PID, UID, KEYS };
static const char *const keys[KEYS] = { "Date", "ExecutablePath", "ProcCmdline", "Signal", "SignalName", "Package", "SegvReason", "AssertionMessage", "Title", NULL, NULL };

#define PACKED (64u << 20)
#define DEPENDENCIES 2000

/** The core's bytes so far. A line longer than the parse's limit comes in pieces: bits are carried on from one to the next. */
struct core_bytes {
	unsigned char *bytes;
	size_t size, room;
	uint32_t bits;
	int count; /* of bits */
	bool there, wrong, large;
};

static enum cul_status add_base64(struct core_bytes *c, struct cul_slice text, bool begins)
{
	if (begins)
		c->count = 0;
	for (size_t i = 0; i < text.size && !c->wrong && !c->large; i++) {
		char b = text.data[i];
		int value = b >= 'A' && b <= 'Z' ? b - 'A' : b >= 'a' && b <= 'z' ? b - 'a' + 26 : b >= '0' && b <= '9' ? b - '0' + 52 : b == '+' ? 62 : b == '/' ? 63 : -1;
		if (b == '=') {
			c->count = 0;
			continue;
		}
		if (value < 0) {
			c->wrong = true;
			break;
		}
		c->bits = c->bits << 6 | (uint32_t)value;
		c->count += 6;
		if (c->count < 8)
			continue;
		if (c->size == c->room) {
			c->large = c->room >= PACKED;
			if (c->large)
				break;
			c->room = c->room ? c->room * 2 : 64u << 10;
			unsigned char *more = realloc(c->bytes, c->room);
			if (!more)
				return CUL_ENOMEM;
			c->bytes = more;
		}
		c->count -= 8;
		c->bytes[c->size++] = (unsigned char)(c->bits >> c->count);
	}
	return CUL_OK;
}

/* Takes @c's bytes. */
static enum cul_status end_core(struct cul_parse *parse, struct core_bytes *c, const struct cul_record *rec)
{
	enum cul_status status = CUL_OK;
	if (c->large)
		status = cul_damaged(parse, rec, "the core in this report is larger than 64 MiB packed: not read; apport-unpack takes it out");
	else if (c->wrong)
		status = cul_damaged(parse, rec, "the core in this report is garbled");
	if (status == CUL_OK && c->size && !c->large)
		return cul_section_member(parse, "CoreDump", c->bytes, c->size);
	free(c->bytes);
	return status;
}

/* "libc6 2.35-0ubuntu3.1 [modified: …]" -> libc6, 2.35-0ubuntu3.1 */
static bool split_package(struct cul_slice text, struct cul_slice *package, struct cul_slice *version)
{
	*package = cul_word(&text);
	*version = cul_word(&text);
	return package->size && version->size && version->data[0] >= '0' && version->data[0] <= '9';
}

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
	struct core_bytes core = { 0 };
	char word[24], name[32];
	bool stack = false, needed = false;
	size_t dependencies = 0;
	if (!t)
		return CUL_ENOMEM;
	struct cul_line first = cul_section_line(parse);
	first.text = cul_keep(parse, first.text);
	/* keys come in the order of the alphabet but for the first: Date before Stacktrace, ProcStatus too */
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		bool begins = line.text.size && (line.text.data[0] == ' ' || line.text.data[0] == '\t');
		if (core.there && (begins || !cul_has(line.text, CUL_LIT(":")))) {
			status = add_base64(&core, cul_trim(line.text), begins);
			continue;
		}
		if (begins) {
			rest = cul_trim(line.text);
			struct cul_slice package, version;
			if (needed && dependencies++ < DEPENDENCIES && split_package(rest, &package, &version)) {
				struct cul_record at = cul_line_record(&line, time);
				status = cul_emit(parse, &at, "package.installed", cul_text("package", package), cul_text("version", version));
			} else if (stack)
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
		needed = cul_is(key, CUL_LIT("Dependencies"));
		current = cul_slice(name, key.size < sizeof(name) ? key.size : sizeof(name));
		memcpy(name, key.data, current.size);
		core.there = cul_is(key, CUL_LIT("CoreDump")) && cul_is(rest, CUL_LIT("base64")) && !core.size;
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
	struct cul_slice package = value[PACKAGE], version = CUL_NONE;
	if (!split_package(value[PACKAGE], &package, &version)) {
		package = value[PACKAGE];
		version = CUL_NONE;
	}
	if (status == CUL_OK)
		status = cul_emit(parse, &rec, "core.dumped", cul_number("pid", value[PID]), cul_text("comm", comm), cul_text("user", value[UID]),
				  cul_text("signal", cul_signal_word(value[SIGNAL_NAME].size ? value[SIGNAL_NAME] : value[SIGNAL], word)), cul_text("path", value[PATH]),
				  cul_text("command", value[COMMAND]), cul_text("package", package), cul_text("version", version), cul_text("why", value[SEGV].size ? value[SEGV] : value[TITLE]));
	if (status == CUL_OK && value[ASSERTION].size)
		status = cul_emit(parse, &rec, "core.abort-message", cul_number("pid", value[PID]), cul_text("comm", comm), cul_string("event", "assertion"),
				  cul_text("what", value[ASSERTION]), cul_string("source", "apport"));
	if (status != CUL_OK) {
		free(core.bytes);
		return status;
	}
	return end_core(parse, &core, &rec);
}

const struct cul_parser cul_parser_apport = {
	.name = "apport",
	.about = "crash reports of Ubuntu's apport, .crash",
	.kinds = CUL_KINDS(&cul_kind_core_dumped, &cul_kind_thread_stack, CUL_SAMPLES("package.installed", 1, "apport", F_PACKAGE, F_VERSION),
			   CUL_SAMPLES("core.abort-message", 1, "apport", F_PID, F_COMM, F_EVENT, F_WHAT, F_SOURCE)),
	.needles = CUL_LIST("ProblemType: Crash"),
	.first = CUL_LIST("T:C"),
	.bid = apport_bid,
	.section = apport_section,
};
