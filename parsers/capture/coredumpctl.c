/* SPDX-License-Identifier: Apache-2.0 */
/**
 * coredumpctl info and coredumpctl list, src/coredump/coredumpctl.c of systemd.
 *
 *              PID: 4242 (python3)
 *              UID: 1000 (alice)
 *           Signal: 6 (ABRT)
 *        Timestamp: Sat 2026-11-21 02:00:59 UTC (3h 2min ago)
 *     Command Line: python3 train.py
 *          Storage: /var/lib/systemd/coredump/core.python3.1000.….zst (present)
 *          Message: Process 4242 (python3) of user 1000 dumped core.
 *
 *   TIME                          PID  UID  GID SIG     COREFILE EXE                 SIZE
 *   Sat 2026-11-21 02:00:59 UTC  4242 1000 1000 SIGABRT present  /usr/bin/python3.11 1.2M
 *
 * In old versions' list the column reads "*" for present; SIZE is there since 249.
 */
#include <string.h>

#include "parsers/coredump.h"
#include "parsers/tables.h"

struct info {
	struct cul_record rec;
	struct cul_slice pid, comm, user, signal, path, command, storage, name, package;
	struct cul_trace trace;
	bool open;
};

static bool info_head(struct cul_slice line, struct cul_slice *pid, struct cul_slice *comm)
{
	struct cul_slice rest = cul_trim(line);
	if (!cul_skip(&rest, CUL_LIT("PID: ")))
		return false;
	*pid = cul_digits(&rest);
	return pid->size && cul_between(rest, CUL_LIT(" ("), CUL_LIT(")"), comm);
}

static bool list_head(struct cul_slice line)
{
	return cul_starts(cul_trim(line), CUL_LIT("TIME ")) && cul_has(line, CUL_LIT(" PID ")) && cul_has(line, CUL_LIT(" SIG ")) && cul_has(line, CUL_LIT(" COREFILE"));
}

static int ctl_bid(const struct cul_head *head)
{
	struct cul_slice pid, comm;
	for (size_t i = 0; i < head->count && i < 3; i++) {
		struct cul_slice line = head->lines[i].text;
		if (list_head(line))
			return 40;
		if (info_head(line, &pid, &comm))
			return i + 1 < head->count && cul_starts(cul_trim(head->lines[i + 1].text), CUL_LIT("UID: ")) ? 40 : 0;
		if (!cul_blank(line))
			return 0;
	}
	return 0;
}

static enum cul_status tell(struct cul_parse *parse, struct info *n)
{
	char word[24];
	if (!n->open)
		return CUL_OK;
	n->open = false;
	enum cul_status status = cul_emit(parse, &n->rec, "core.dumped", cul_number("pid", n->pid), cul_text("comm", n->comm), cul_text("user", n->user),
					  cul_text("signal", cul_signal_word(n->signal, word)), cul_text("path", n->path), cul_text("command", n->command),
					  cul_text("storage", n->storage), cul_text("name", n->name), cul_text("package", n->package));
	return status == CUL_OK ? cul_trace_end(parse, &n->trace) : status;
}

/* "Sat 2026-11-21 02:00:59 UTC (3h ago)" */
static struct cul_time when(struct cul_slice text)
{
	struct cul_time time = { .ns = CUL_NO_TIME };
	struct cul_slice rest = cul_trim(text);
	if (rest.size && !(rest.data[0] >= '0' && rest.data[0] <= '9'))
		cul_word(&rest);
	rest = cul_trim(rest);
	if (!cul_clock_iso(&rest, &time))
		time.ns = CUL_NO_TIME;
	return time;
}

static void take_key(struct cul_parse *parse, struct info *n, struct cul_slice line)
{
	static const struct {
		const char *key;
		size_t at;
	} keys[] = { { "Signal", offsetof(struct info, signal) }, { "Command Line", offsetof(struct info, command) }, { "Executable", offsetof(struct info, path) },
		     { "UID", offsetof(struct info, user) }, { "Package", offsetof(struct info, package) } };
	struct cul_slice key, value, state;
	if (!cul_cut(line, CUL_LIT(": "), &key, &value))
		return;
	key = cul_trim(key);
	value = cul_trim(value);
	if (cul_is(key, CUL_LIT("Timestamp"))) {
		struct cul_time time = when(value);
		if (time.ns != CUL_NO_TIME)
			n->rec.time = n->trace.rec.time = time;
	} else if (cul_is(key, CUL_LIT("Hostname"))) {
		n->rec.host = n->trace.rec.host = cul_keep(parse, value);
	} else if (cul_is(key, CUL_LIT("Storage"))) {
		if (cul_cut_last(value, CUL_LIT(" ("), &value, &state)) {
			cul_cut(state, CUL_LIT(")"), &state, NULL);
			n->storage = cul_keep(parse, state);
			n->name = cul_keep(parse, value);
		} else if (value.size && value.data[0] != '/') { /* none, journal */
			n->storage = cul_keep(parse, value);
		} else {
			n->name = cul_keep(parse, value);
		}
	}
	if (cul_is(key, CUL_LIT("UID")))
		value = cul_word(&value);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (cul_is(key, cul_str(keys[i].key)))
			*(struct cul_slice *)((char *)n + keys[i].at) = cul_keep(parse, value);
}

static enum cul_status read_list(struct cul_parse *parse)
{
	struct cul_line line;
	enum cul_status status = CUL_OK;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice rest = line.text, word = CUL_NONE, cells[6];
		char name[24];
		if (cul_blank(line.text) || list_head(line.text))
			continue;
		struct cul_time time = when(line.text);
		for (int i = 0; i < 6 && !cul_all_digits(word = cul_word(&rest)); i++)
			;
		if (time.ns == CUL_NO_TIME || !cul_all_digits(word)) {
			cul_line_back(parse);
			break;
		}
		for (int i = 0; i < 6; i++)
			cells[i] = cul_word(&rest); /* uid, gid, signal, corefile, exe, size */
		struct cul_record rec = cul_line_record(&line, time);
		struct cul_slice storage = cul_is(cells[3], CUL_LIT("*")) ? CUL_LIT("present") : cells[3];
		status = cul_emit(parse, &rec, "core.dumped", cul_number("pid", word), cul_text("comm", cul_base_name(cells[4])), cul_text("user", cells[0]),
				  cul_text("signal", cul_signal_word(cells[2], name)), cul_text("path", cells[4]), cul_text("storage", storage));
	}
	return status;
}

static enum cul_status ctl_section(struct cul_parse *parse)
{
	struct info *n = cul_keep_bytes(parse, sizeof(*n));
	struct cul_slice pid, comm;
	struct cul_line line;
	enum cul_status status = CUL_OK;
	bool message = false;
	int strange = 0;
	if (!n)
		return CUL_ENOMEM;
	for (size_t i = 0; i < 3 && cul_line_peek(parse, i, &line); i++)
		if (list_head(line.text))
			return read_list(parse);
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		if (info_head(line.text, &pid, &comm)) {
			status = tell(parse, n);
			struct cul_time none = { .ns = CUL_NO_TIME };
			*n = (struct info){ .rec = cul_line_record(&line, none), .pid = cul_keep(parse, pid), .comm = cul_keep(parse, comm), .open = true };
			n->rec.line.text = cul_keep(parse, line.text);
			n->trace.rec = n->rec;
			n->trace.pid = n->pid;
			n->trace.comm = n->comm;
			message = false;
			strange = 0;
		} else if (message && cul_trace_line(parse, &n->trace, line.text, &status)) {
			strange = 0;
		} else if (!message && cul_starts(cul_trim(line.text), CUL_LIT("Message: "))) {
			message = true;
		} else if (!message) {
			take_key(parse, n, line.text);
		} else if (!cul_blank(line.text) && line.text.data[0] != ' ' && ++strange) {
			cul_line_back(parse); /* all of it is indented */
			break;
		}
	}
	return status == CUL_OK ? tell(parse, n) : status;
}

const struct cul_parser cul_parser_coredumpctl = {
	.name = "coredumpctl",
	.about = "coredumpctl info, coredumpctl list",
	.kinds = CUL_KINDS(&cul_kind_core_dumped, &cul_kind_thread_stack),
	.needles = CUL_LIST("           PID: ", " COREFILE"),
	.first = CUL_LIST("DPI"),
	.bid = ctl_bid,
	.section = ctl_section,
};
