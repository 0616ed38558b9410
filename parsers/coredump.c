/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What texts about dead programs share.
 *
 *   Stack trace of thread 4242:                                                   systemd, src/shared/elf-util.c
 *   #0  0x00007f1c8c2a6a7c __pthread_kill_implementation (libc.so.6 + 0x8ba7c)
 *   #1  0x000055d2f3a42325 n/a (server + 0x1325)
 *   #2  0x00007f1c8c2a6a7c in abort () from /lib/x86_64-linux-gnu/libc.so.6       gdb, as apport keeps it
 *
 * A frame without a name keeps its object and offset.
 */
#include "parsers/coredump.h"

#include <stdio.h>
#include <string.h>

#include "parsers/tables.h"

#define TRACE_LINES 2048 /* of one process */

const struct cul_kind cul_kind_core_dumped = {
	.name = "core.dumped",
	.version = 2,
	.stream = "log",
	.samples = true,
	.fields = (const struct cul_field *const[]){ F_PID, F_COMM, F_USER, F_SIGNAL, F_PATH, F_COMMAND, F_STORAGE, F_NAME, F_PACKAGE, F_VERSION, F_WHY, NULL },
};

struct cul_slice cul_signal_word(struct cul_slice text, char to[24])
{
	static const char *const names[] = { "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM" };
	struct cul_slice number, word;
	int64_t value;
	text = cul_trim(text);
	number = cul_digits(&text);
	text = cul_trim(text);
	if (!cul_skip(&text, CUL_LIT("(")))
		cul_skip(&text, CUL_LIT("/"));
	cul_skip(&text, CUL_LIT("SIG"));
	word = cul_word(&text);
	while (word.size && !(word.data[word.size - 1] >= 'A' && word.data[word.size - 1] <= 'Z') && !(word.data[word.size - 1] >= '0' && word.data[word.size - 1] <= '9'))
		word.size--;
	to[0] = 0;
	if (word.size >= 2 && word.size <= 10 && word.data[0] >= 'A' && word.data[0] <= 'Z')
		snprintf(to, 24, "SIG%.*s", (int)word.size, word.data);
	else if (number.size && cul_to_int(number, &value) && value >= 1 && (size_t)value <= sizeof(names) / sizeof(names[0]))
		snprintf(to, 24, "SIG%s", names[value - 1]);
	return cul_str(to);
}

enum cul_status cul_trace_end(struct cul_parse *parse, struct cul_trace *t)
{
	enum cul_status status = CUL_OK;
	struct cul_slice frames = cul_slice(t->frames, t->size), first = frames;
	cul_cut(frames, CUL_LIT(" "), &first, NULL);
	if (t->open && t->size)
		status = cul_emit(parse, &t->rec, "thread.stack", cul_number("pid", t->pid), cul_number("tid", cul_str(t->tid)), cul_text("comm", t->comm),
				  cul_text("frames", frames), cul_text("function", first));
	t->open = false;
	t->size = 0;
	t->count = 0;
	return status;
}

static void add(struct cul_trace *t, struct cul_slice name)
{
	if (!name.size || t->count >= 96 || t->size + name.size + 1 >= sizeof(t->frames))
		return;
	if (t->size)
		t->frames[t->size++] = ' ';
	for (size_t i = 0; i < name.size; i++)
		t->frames[t->size++] = (unsigned char)name.data[i] <= ' ' ? '_' : name.data[i];
	t->count++;
}

/* "raise (libc.so.6 + 0x3e1b)", "n/a (server + 0x1325)", "in abort () from /lib/libc.so.6" */
static void add_frame(struct cul_trace *t, struct cul_slice text)
{
	struct cul_slice name, object = CUL_NONE, at;
	char place[200];
	if (cul_skip(&text, CUL_LIT("in "))) {
		if (!cul_cut(text, CUL_LIT(" ("), &name, &object))
			name = text;
		if (!cul_is(name, CUL_LIT("??")))
			add(t, name);
		else if (cul_cut(object, CUL_LIT(" from "), NULL, &at))
			add(t, cul_base_name(cul_trim(at)));
		else
			add(t, name);
		return;
	}
	if (!cul_cut_last(text, CUL_LIT(" ("), &name, &object)) {
		add(t, cul_trim(text));
		return;
	}
	if (!cul_is(name, CUL_LIT("n/a"))) {
		cul_cut(name, CUL_LIT("("), &name, NULL);
		add(t, cul_trim(name));
		return;
	}
	if (!cul_cut(object, CUL_LIT(" + "), &object, &at))
		at = CUL_NONE;
	cul_cut(at, CUL_LIT(")"), &at, NULL);
	object = cul_base_name(object);
	snprintf(place, sizeof(place), "%.*s%s%.*s", (int)(object.size < 120 ? object.size : 120), object.data, at.size ? "+" : "", (int)(at.size < 20 ? at.size : 20),
		 at.data ? at.data : "");
	add(t, cul_str(place));
}

bool cul_trace_line(struct cul_parse *parse, struct cul_trace *t, struct cul_slice line, enum cul_status *status)
{
	struct cul_slice text = cul_trim(line), word, tid = CUL_NONE;
	if (++t->lines > TRACE_LINES)
		return false;
	if (cul_skip(&text, CUL_LIT("Stack trace of thread ")))
		tid = cul_digits(&text);
	else if (cul_starts(text, CUL_LIT("Thread ")) && cul_ends(text, CUL_LIT("):")) && cul_cut(text, CUL_LIT("LWP "), NULL, &text))
		tid = cul_digits(&text);
	if (tid.size) {
		*status = cul_trace_end(parse, t);
		snprintf(t->tid, sizeof(t->tid), "%.*s", (int)(tid.size < 20 ? tid.size : 20), tid.data);
		t->open = true;
		return true;
	}
	if (!cul_skip(&text, CUL_LIT("#")) || !(word = cul_digits(&text)).size || !text.size || text.data[0] != ' ')
		return false;
	if (!t->open) { /* apport's Stacktrace: one thread, unnamed */
		t->open = true;
		t->tid[0] = 0;
	}
	text = cul_trim(text);
	if (cul_starts(text, CUL_LIT("0x"))) {
		cul_word(&text);
		text = cul_trim(text);
		add_frame(t, text);
	} else { /* gdb: the frame's line is told, the address isn't */
		if (!cul_cut(text, CUL_LIT(" ("), &word, NULL))
			word = text;
		add(t, word);
	}
	return true;
}
