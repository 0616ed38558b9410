/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Stacks of user programs: gdb and cuda-gdb `thread apply all bt`, gstack, py-spy dump.
 *
 *   Thread 47 (Thread 0x7f0a5dfff640 (LWP 42011) "lmdeploy"):
 *   #7  0x00007f10a0c7a2b8 in cudaStreamSynchronize () from /opt/…/libcudart.so.12
 *
 *   Process 4411: python3 train.py
 *   Python v3.11.9 (/usr/bin/python3.11)
 *   Thread 4411 (active+gil): "MainThread"
 *       forward (model.py:120)
 *
 * gdb/stack.c print_frame(), gdb/thread.c (the name in quotes since 7.3); py-spy's src/dump.rs. Frames without a symbol
 * ("??") keep the library's name in their place. Arguments and template arguments stay out of the names.
 */
#include "parsers/tables.h"

#define FRAMES 96

struct thread {
	struct cul_record rec;
	struct cul_slice number, tid, comm, state;
	char frames[3072];
	size_t size;
	int count;
	bool open;
};

static bool
gdb_head(struct cul_slice line, struct cul_slice *number, struct cul_slice *tid, struct cul_slice *comm)
{
	struct cul_slice rest = line, lwp, quoted;

	if (!cul_skip(&rest, CUL_LIT("Thread ")))
		return false;
	*number = cul_digits(&rest);
	*tid = *comm = CUL_NONE;
	if (!number->size || !cul_starts(rest, CUL_LIT(" (")) || !cul_ends(cul_trim(rest), CUL_LIT(":")))
		return false;
	if (!cul_has(rest, CUL_LIT("Thread 0x")) && !cul_has(rest, CUL_LIT("LWP ")) && !cul_has(rest, CUL_LIT("process ")))
		return false;
	if (cul_cut(rest, CUL_LIT("LWP "), NULL, &lwp) || cul_cut(rest, CUL_LIT("process "), NULL, &lwp))
		*tid = cul_digits(&lwp);
	if (cul_between(rest, CUL_LIT("\""), CUL_LIT("\""), &quoted))
		*comm = quoted;
	return true;
}

/** `Thread 4411 (active+gil): "MainThread"`, `Thread 0x7F…  (idle): "x"` */
static bool
pyspy_head(struct cul_slice line, struct cul_slice *tid, struct cul_slice *state, struct cul_slice *comm)
{
	struct cul_slice rest = line, word;

	if (!cul_skip(&rest, CUL_LIT("Thread ")))
		return false;
	word = cul_word(&rest);
	*tid = cul_all_digits(word) ? word : CUL_NONE;
	*comm = CUL_NONE;
	if (!cul_between(rest, CUL_LIT("("), CUL_LIT(")"), state))
		return false;
	if (!cul_starts(*state, CUL_LIT("active")) && !cul_starts(*state, CUL_LIT("idle")))
		return false;
	cul_between(rest, CUL_LIT("\""), CUL_LIT("\""), comm);
	return true;
}

/** "#7  0x… in f<T>(int) () from /lib/x.so" -> f; "??" -> the library. */
static bool
gdb_frame(struct cul_slice line, struct cul_slice *name)
{
	struct cul_slice rest = line, number, from;
	size_t depth = 0, n = 0;

	if (!cul_skip(&rest, CUL_LIT("#")))
		return false;
	number = cul_digits(&rest);
	if (!number.size || !rest.size || rest.data[0] != ' ')
		return false;
	rest = cul_trim(rest);
	if (cul_starts(rest, CUL_LIT("0x"))) {
		if (!cul_cut(rest, CUL_LIT(" in "), NULL, &rest)) {
			*name = CUL_LIT("??");
			return true;
		}
	} else if (cul_starts(rest, CUL_LIT("<signal handler called>"))) {
		*name = CUL_LIT("<signal>");
		return true;
	}
	if (cul_starts(rest, CUL_LIT("?? "))) {
		*name = cul_cut(rest, CUL_LIT(" from "), NULL, &from) ? cul_base_name(cul_trim(from)) : CUL_LIT("??");
		return true;
	}
	while (n < rest.size) {
		char c = rest.data[n];

		if (c == '<' && !(n >= 8 && !memcmp(rest.data + n - 8, "operator", 8)))
			break;
		if (c == '(') {
			if (n + 20 < rest.size && !memcmp(rest.data + n, "(anonymous namespace)", 21)) {
				n += 21;
				continue;
			}
			break;
		}
		if (c == ' ' && depth == 0)
			break;
		n++;
	}
	/* a template: f<T>::g keeps f and what follows the arguments */
	if (n < rest.size && rest.data[n] == '<') {
		size_t end = n;

		for (; end < rest.size; end++) {
			if (rest.data[end] == '<')
				depth++;
			else if (rest.data[end] == '>' && --depth == 0)
				break;
		}
		if (end + 2 < rest.size && rest.data[end + 1] == ':') {
			struct cul_slice tail = cul_from(rest, end + 3);
			size_t k = 0;

			while (k < tail.size && tail.data[k] != '(' && tail.data[k] != ' ' && tail.data[k] != '<')
				k++;
			*name = k ? cul_slice(tail.data, k) : cul_slice(rest.data, n);
			return true;
		}
	}
	*name = cul_slice(rest.data, n);
	return n > 0;
}

/** "    forward (model.py:120)" -> forward */
static bool
pyspy_frame(struct cul_slice line, struct cul_slice *name)
{
	struct cul_slice text = cul_trim(line), where;

	if (line.size < 5 || line.data[0] != ' ' || !cul_cut_last(text, CUL_LIT(" ("), name, &where))
		return false;
	return cul_ends(where, CUL_LIT(")")) && !cul_has(*name, CUL_LIT(" ="));
}

static void
add_name(struct thread *t, struct cul_slice name)
{
	if (!name.size || t->count >= FRAMES || t->size + name.size + 1 >= sizeof(t->frames))
		return;
	if (t->size)
		t->frames[t->size++] = ' ';
	for (size_t i = 0; i < name.size; i++)
		t->frames[t->size++] = name.data[i] == ' ' ? '_' : name.data[i];
	t->count++;
}

static enum cul_status
emit_thread(struct cul_parse *parse, struct thread *t, struct cul_slice pid)
{
	enum cul_status status = CUL_OK;
	struct cul_slice frames = cul_slice(t->frames, t->size), first = frames;

	cul_cut(frames, CUL_LIT(" "), &first, NULL);
	if (t->open)
		status = cul_emit(parse, &t->rec, "thread.stack", cul_number("pid", pid), cul_number("tid", t->tid),
				  cul_text("comm", t->comm), cul_text("thread", t->number), cul_text("state", t->state),
				  cul_text("frames", frames), cul_text("function", first));
	t->open = false;
	t->size = 0;
	t->count = 0;
	return status;
}

static int
gdb_bid(const struct cul_head *head)
{
	struct cul_slice a, b, c;

	for (size_t i = 0; i < head->count && i < 12; i++) {
		struct cul_slice line = head->lines[i].text;

		if (gdb_head(line, &a, &b, &c) || pyspy_head(line, &a, &b, &c))
			return i < 3 ? 32 : head->begins ? 24 : 0;
		if (i > 2 && !head->begins)
			return 0;
		if (i == 0 && !head->begins && !cul_blank(line) && !cul_starts(line, CUL_LIT("Process ")) &&
		    !cul_starts(line, CUL_LIT("(gdb)")))
			return 0;
	}
	return 0;
}

static enum cul_status
gdb_section(struct cul_parse *parse)
{
	struct thread *t = cul_keep_bytes(parse, sizeof(*t));
	struct cul_slice pid = CUL_NONE, rest, name, a, b, c;
	struct cul_line line;
	enum cul_status status = CUL_OK;
	int strange = 0;

	if (!t)
		return CUL_ENOMEM;
	if (cul_cut(cul_section_command(parse), CUL_LIT("-p "), NULL, &rest) ||
	    cul_cut(cul_section_command(parse), CUL_LIT("--pid "), NULL, &rest))
		pid = cul_digits(&rest);
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice text = line.text;
		bool gdb;

		while (cul_skip(&text, CUL_LIT("(gdb) ")) || cul_skip(&text, CUL_LIT("(cuda-gdb) ")))
			;
		if ((gdb = gdb_head(text, &a, &b, &c)) || pyspy_head(text, &a, &b, &c)) {
			status = emit_thread(parse, t, pid);
			t->rec = cul_table_record(parse, &line);
			t->rec.line.text = cul_keep(parse, line.text);
			t->number = gdb ? cul_keep(parse, a) : CUL_NONE;
			t->tid = cul_keep(parse, gdb ? b : a);
			t->state = gdb ? CUL_NONE : cul_keep(parse, b);
			t->comm = cul_keep(parse, c);
			t->open = true;
			strange = 0;
		} else if (t->open && (gdb_frame(text, &name) || pyspy_frame(text, &name))) {
			add_name(t, name);
			strange = 0;
		} else if (cul_starts(text, CUL_LIT("Process ")) || cul_starts(text, CUL_LIT("attach ")) ||
			   cul_starts(text, CUL_LIT("Attaching to process "))) {
			status = emit_thread(parse, t, pid);
			for (rest = text; rest.size && !(rest.data[0] >= '0' && rest.data[0] <= '9'); rest = cul_from(rest, 1))
				;
			pid = cul_keep(parse, cul_digits(&rest));
		} else if (!cul_blank(text) && ++strange > 12) {
			cul_line_back(parse); /* a debugger talks between threads, but not so long */
			break;
		}
	}
	return status == CUL_OK ? emit_thread(parse, t, pid) : status;
}

const struct cul_parser cul_parser_gdb = {
	.name = "gdb",
	.about = "gdb, cuda-gdb, gstack, py-spy: stacks of a program's threads",
	.kinds = CUL_KINDS(&cul_kind_thread_stack),
	.needles = CUL_LIST(" (Thread 0x", " (LWP ", "(active+gil): ", "(active): \"", "(idle): \""),
	.bid = gdb_bid,
	.section = gdb_section,
};
