/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What each thread of a CPython program was doing, from its core alone: no binary, no symbols, no debug information.
 *
 * From 3.13 on the interpreter says itself where everything is: _PyRuntime begins with "xdebugpy" and a table of offsets (struct
 * _Py_DebugOffsets, Include/internal/pycore_debug_offsets.h; its own order is fixed within a minor version). 3.9 to 3.12 have no such
 * thing: there a _PyRuntime is what looks like one (its flags, a chain of interpreters, whose threads name it and are threads of
 * this core by their pthread_t or tid), at offsets measured with the headers of 3.9.18, 3.10.13, 3.11.2, 3.11.7, 3.12.1 and 3.12.10.
 * It lies in the data of the program or of libpython, which cores hold. All is bounded: what a core says is believed of nothing but text.
 */
#include "parsers/dump/core_python.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parsers/tables.h"

#define SEARCH (64u << 20) /* of data looked through */
#define OVERLAP 8192       /* a table of offsets, whole */
#define READS 400000       /* of words, for one core */
#define INTERPRETERS 64
#define THREADS 1024
#define OFFSET (1u << 20)    /* in a structure */
#define DEEP 20000         /* frames of a thread that are counted */
#define TOLD 128           /* of which are told */
#define NAMES 96

static const struct cul_python_layout layouts[] = {
	{ .minor = 12, .head = 40, .threads = 72, .next_thread = 8, .interpreter = 16, .thread_id = 136, .native_id = 144, .cframe = 56, .back = 8, .instruction = 56,
	  .owner = 70, .filename = 112, .name = 120, .qualname = 128, .lines = 136, .first = 68, .bytes = 192, .type = 8, .text_state = 32, .text_length = 16,
	  .ascii = 40, .compact = 56, .bytes_size = 16, .bytes_data = 32, .gil = 384, .gil_holder = 8, .gil_locked = 16 },
	{ .minor = 11, .head = 40, .threads = 16, .next_thread = 8, .interpreter = 16, .thread_id = 152, .native_id = 160, .cframe = 56, .frame = 8, .code = 32, .back = 48,
	  .instruction = 56, .filename = 112, .name = 120, .qualname = 128, .lines = 136, .first = 72, .bytes = 184, .type = 8, .text_state = 32,
	  .text_length = 16, .ascii = 48, .compact = 72, .bytes_size = 16, .bytes_data = 32, .gil_holder = 368, .gil_locked = 376 },
	{ .minor = 10, .head = 32, .threads = 8, .next_thread = 8, .interpreter = 16, .thread_id = 176, .frame = 24, .code = 32, .back = 24, .instruction = 96,
	  .filename = 104, .name = 112, .lines = 120, .first = 40, .type = 8, .text_state = 32, .text_length = 16, .ascii = 48, .compact = 72, .bytes_size = 16,
	  .bytes_data = 32, .gil_holder = 360, .gil_locked = 368 },
	{ .minor = 9, .head = 32, .threads = 8, .next_thread = 8, .interpreter = 16, .thread_id = 176, .frame = 24, .code = 32, .back = 24, .instruction = 104,
	  .filename = 104, .name = 112, .lines = 120, .first = 40, .type = 8, .text_state = 32, .text_length = 16, .ascii = 48, .compact = 72, .bytes_size = 16,
	  .bytes_data = 32, .gil_holder = 360, .gil_locked = 368 },
};

const struct cul_kind cul_kind_core_python = {
	.name = "core.python",
	.version = 1,
	.stream = "elf_core",
	.samples = true,
	.fields = (const struct cul_field *const[]){ F_PID, F_TID, F_COMM, F_VERSION, F_FUNCTION, F_PLACE, F_FRAMES, F_COUNT, F_GIL, NULL },
};

/* ---- the interpreter's own table --------------------------------------------------------------------- */

/* What of the table is used, and at which of its 8-byte words each stands: the order of struct _Py_DebugOffsets in that version. */
#define USED(X) X(head) X(next_interpreter) X(threads) X(gil) X(next_thread) X(interpreter) X(frame) X(thread_id) X(native_id) X(back) X(code) \
	X(instruction) X(owner) X(copy) X(filename) X(name) X(qualname) X(lines) X(first) X(bytes) X(copies) X(type) X(bytes_size) X(bytes_data) \
	X(text_state) X(text_length) X(ascii)
#define WORD(name) unsigned char name;
struct order {
	int minor;
	unsigned char gil_struct, gil_locked, gil_holder;
	USED(WORD)
};
static const struct order orders[] = {
	{ .minor = 14, .head = 5, .next_interpreter = 8, .threads = 9, .gil = 15, .gil_struct = 16, .gil_locked = 18, .gil_holder = 19, .next_thread = 24,
	  .interpreter = 25, .frame = 26, .thread_id = 27, .native_id = 28, .back = 32, .code = 33, .instruction = 34, .owner = 36, .copy = 38,
	  .filename = 40, .name = 41, .qualname = 42, .lines = 43, .first = 44, .bytes = 48, .copies = 49, .type = 51, .bytes_size = 75, .bytes_data = 76,
	  .text_state = 78, .text_length = 79, .ascii = 80 },
	{ .minor = 13, .head = 5, .next_interpreter = 8, .threads = 9, .gil = 14, .gil_struct = 15, .gil_locked = 17, .gil_holder = 18, .next_thread = 21,
	  .interpreter = 22, .frame = 23, .thread_id = 24, .native_id = 25, .back = 29, .code = 30, .instruction = 31, .owner = 33, .filename = 35,
	  .name = 36, .qualname = 37, .lines = 38, .first = 39, .bytes = 43, .type = 45, .bytes_size = 65, .bytes_data = 66, .text_state = 68,
	  .text_length = 69, .ascii = 70 },
};
#define TABLE_WORDS 81

static uint64_t offset_at(const unsigned char *table, size_t index)
{
	return cul_core_u64(table + index * 8);
}

/* @table: TABLE_WORDS of it. False: none that is known; @why is told then if it is one. */
static bool read_table(const unsigned char *table, struct cul_python_layout *l, char why[200])
{
	uint64_t version = offset_at(table, 1), gil, locked, holder;
	int minor = (int)(version >> 16 & 0xff);
	const struct order *o = NULL;
	if (version >> 24 != 3 || offset_at(table, 2) > 1)
		return false;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (orders[i].minor == minor)
			o = &orders[i];
	if (!o) {
		snprintf(why, 200, "Python's frames are not read: this is 3.%d, whose layout is not known here", minor);
		return false;
	}
	*l = (struct cul_python_layout){ .minor = minor, .hex = (uint32_t)version, .free_threaded = offset_at(table, 2) == 1 };
#define TAKE(name)                                               \
	if (o->name && offset_at(table, o->name) > OFFSET)       \
		return false;                                    \
	l->name = o->name ? (uint32_t)offset_at(table, o->name) : 0;
	USED(TAKE)
	l->compact = l->ascii + 16;
	gil = offset_at(table, o->gil_struct);
	locked = offset_at(table, o->gil_locked);
	holder = offset_at(table, o->gil_holder);
	if (locked < gil || holder < gil || locked - gil > OFFSET || holder - gil > OFFSET)
		return false;
	l->gil_locked = (uint32_t)(locked - gil);
	l->gil_holder = (uint32_t)(holder - gil);
	return true;
}

/* ---- threads ----------------------------------------------------------------------------------------- */

/* The core's thread that a PyThreadState is of, SIZE_MAX: none. The tid may be another name space's, pthread_self() is the TLS base on x86-64. */
static size_t native(struct cul_python *py, uint64_t state)
{
	const struct cul_python_layout *l = &py->at;
	uint64_t self = 0, tid = 0;
	cul_python_word(py, state + l->thread_id, &self);
	if (l->native_id)
		cul_python_word(py, state + l->native_id, &tid);
	for (size_t i = 0; i < py->core->thread_count && i < 4096; i++) {
		const struct cul_core_thread *t = &py->core->threads[i];
		if (t->tls ? t->tls == self : tid && (uint64_t)t->tid == tid)
			return i;
	}
	return SIZE_MAX;
}

/* The thread that holds the interpreter's lock, 0: none. */
static uint64_t holder(struct cul_python *py, uint64_t interpreter)
{
	const struct cul_python_layout *l = &py->at;
	uint64_t gil = py->runtime, ret;
	uint32_t locked;
	if (!l->gil_locked || l->free_threaded || (l->gil && !cul_python_word(py, interpreter + l->gil, &gil)) || !cul_core_half(py->core, gil + l->gil_locked, &locked) ||
	    locked != 1 || !cul_python_word(py, gil + l->gil_holder, &ret))
		return 0;
	return ret;
}

/* Does @state belong to @interpreter, and to a thread of this core? */
static bool fits(struct cul_python *py, uint64_t state, uint64_t interpreter)
{
	uint64_t of;
	return state && !(state & 7) && cul_python_word(py, state + py->at.interpreter, &of) && of == interpreter && native(py, state) != SIZE_MAX;
}

/* Is it an interpreter's list of threads, one of which at least is ours? */
static bool is_runtime(struct cul_python *py)
{
	uint64_t interpreter, state;
	if (!cul_python_word(py, py->runtime + py->at.head, &interpreter))
		return false;
	for (int i = 0; i < INTERPRETERS && interpreter && !(interpreter & 7); i++) {
		if (!cul_python_word(py, interpreter + py->at.threads, &state))
			return false;
		for (int k = 0; k < THREADS && state; k++) {
			if (fits(py, state, interpreter))
				return true;
			if (state & 7 || !cul_python_word(py, state + py->at.next_thread, &state))
				return false;
		}
		if (!cul_python_word(py, interpreter + py->at.next_interpreter, &interpreter))
			return false;
	}
	return false;
}

/* ---- the search --------------------------------------------------------------------------------------- */

/* Flags as they stand in a runtime without a table: initialized, and so (or just no more) its core and itself. */
static bool looks_like(const unsigned char *p, int minor)
{
	uint64_t first = cul_core_u64(p), second = cul_core_u64(p + 8);
	if (minor <= 10)
		return first == UINT64_C(1) << 32 && (!second || second == UINT64_C(0x100000001) || second == UINT64_C(1) << 32 || second == 1);
	return first == 1 && (second == 1 || second == UINT64_C(0x100000001)) && cul_core_u32(p + 16) <= 1;
}

struct search {
	struct cul_python *py;
	char *why; /* 200 bytes */
};

static bool in_block(void *ctx, const unsigned char *block, size_t size, uint64_t at)
{
	const struct search *search = ctx;
	struct cul_python *py = search->py;
	const unsigned char *p = block;
	for (; (size_t)(block + size - p) >= TABLE_WORDS * 8 && (p = memmem(p, (size_t)(block + size - p), "xdebugpy", 8)); p += 8) {
		if ((p - block) & 7 || (size_t)(block + size - p) < TABLE_WORDS * 8 || !read_table(p, &py->at, search->why))
			continue;
		py->runtime = at + (uint64_t)(p - block);
		if (is_runtime(py))
			return true;
	}
	for (size_t i = 0; i + 64 <= size; i += 8) {
		if (block[i] > 1 || block[i + 4] > 1) /* nearly all */
			continue;
		for (size_t k = 0; k < sizeof(layouts) / sizeof(layouts[0]); k++) {
			const unsigned char *r = block + i;
			uint64_t head = cul_core_u64(r + layouts[k].head), first = cul_core_u64(r + layouts[k].head + 8);
			if (!looks_like(r, layouts[k].minor) || !head || !first || (head | first) & 7)
				continue;
			py->at = layouts[k];
			py->runtime = at + i;
			if (is_runtime(py))
				return true;
		}
	}
	return false;
}

static bool is_python(struct cul_slice path)
{
	struct cul_slice base = cul_base_name(path);
	return cul_starts(base, CUL_LIT("libpython")) || (cul_starts(base, CUL_LIT("python")) && !cul_has(base, CUL_LIT(".so")));
}

static bool is_other(struct cul_slice path)
{
	return !is_python(path);
}

/* libpython's data and python's first, for Python may be built into anything. */
static bool find_runtime(struct cul_python *py, char why[200])
{
	struct search search = { py, why };
	size_t left = SEARCH;
	return cul_core_search(py->core, is_python, OVERLAP, &left, in_block, &search) ||
	       cul_core_search(py->core, is_other, OVERLAP, &left, in_block, &search);
}

/* ---- what is told --------------------------------------------------------------------------------------- */

struct stack {
	char frames[8192], names[3072], text[400];
	size_t frames_size, names_size, count;
	struct cul_python_frame first;
};

static void add(struct stack *s, const struct cul_python_frame *f)
{
	char line[32] = "";
	if (!f->function[0])
		return;
	if (!s->count)
		s->first = *f;
	if (f->line)
		snprintf(line, sizeof(line), ":%lld", (long long)f->line);
	if (s->frames_size + 400 < sizeof(s->frames))
		s->frames_size += (size_t)snprintf(s->frames + s->frames_size, sizeof(s->frames) - s->frames_size, "%s%s(%s%s)", s->count ? " " : "", f->function, f->file,
						   line);
	if (s->count < NAMES && s->names_size + 200 < sizeof(s->names))
		s->names_size += (size_t)snprintf(s->names + s->names_size, sizeof(s->names) - s->names_size, "%s%s", s->count ? " " : "", f->function);
	s->count++;
}

static enum cul_status tell_thread(struct cul_parse *parse, struct cul_python *py, uint64_t state, bool gil, struct stack *s, struct cul_time time)
{
	const struct cul_core *core = py->core;
	uint64_t frame = state, back, tid = 0;
	size_t which = native(py, state);
	char version[24], place[200];
	unsigned char byte;
	struct cul_python_frame f;
	*s = (struct stack){ 0 };
	if ((py->at.cframe && !cul_python_word(py, state + py->at.cframe, &frame)) || !cul_python_word(py, frame + py->at.frame, &frame))
		return CUL_OK;
	/* 3.9's frames and 3.10's differ in what stands where f_trace_lines does in 3.9: 1, elsewhere a pointer's lowest byte */
	if (py->at.minor <= 10 && frame && cul_core_read(core, frame + 88, &byte, 1) == 1)
		py->at = layouts[byte == 1 ? 3 : 2];
	for (int i = 0; i < DEEP && frame && cul_python_frame(py, frame, s->count < TOLD ? &f : NULL, &back); i++, frame = back)
		if (s->count < TOLD)
			add(s, &f);
		else
			s->count++;
	if (!s->count)
		return CUL_OK;
	if (which != SIZE_MAX)
		tid = (uint64_t)core->threads[which].tid;
	else if (py->at.native_id)
		cul_python_word(py, state + py->at.native_id, &tid);
	if (py->at.hex)
		snprintf(version, sizeof(version), "3.%d.%u%s", py->at.minor, py->at.hex >> 8 & 0xff, py->at.free_threaded ? "t" : "");
	else
		snprintf(version, sizeof(version), "3.%d", py->at.minor);
	snprintf(place, sizeof(place), s->first.line ? "%s:%lld" : "%s", s->first.file, (long long)s->first.line);
	snprintf(s->text, sizeof(s->text), "Python %s, thread %lld%s: %.300s", version, (long long)tid, gil ? ", holds the interpreter's lock" : "", s->frames);
	struct cul_record rec = cul_dump_record(parse, time, cul_str(s->text));
	struct cul_arg comm = cul_string("comm", core->comm[0] ? core->comm : NULL), number = tid && tid < INT32_MAX ? cul_int("tid", (int64_t)tid) : cul_string("tid", NULL);
	enum cul_status status = cul_emit(parse, &rec, "core.python", cul_int("pid", core->pid), number, comm, cul_string("version", version),
					  cul_string("function", s->first.function), cul_string("place", place), cul_text("frames", cul_slice(s->frames, s->frames_size)),
					  cul_int("count", (int64_t)s->count), gil ? cul_flag("gil", true) : cul_string("gil", NULL));
	/* the same as py-spy would have printed it */
	if (status == CUL_OK)
		status = cul_emit(parse, &rec, "thread.stack", cul_int("pid", core->pid), number, comm, cul_text("frames", cul_slice(s->names, s->names_size)),
				  cul_string("function", s->first.function));
	return status;
}

static enum cul_status tell_all(struct cul_parse *parse, struct cul_python *py, struct stack *s, struct cul_time time)
{
	uint64_t interpreter, state;
	enum cul_status status = CUL_OK;
	size_t left = THREADS;
	if (!cul_python_word(py, py->runtime + py->at.head, &interpreter))
		return CUL_OK;
	for (int i = 0; i < INTERPRETERS && interpreter && !(interpreter & 7); i++) {
		uint64_t gil = holder(py, interpreter), of;
		if (!cul_python_word(py, interpreter + py->at.threads, &state))
			break;
		for (; left && state && !(state & 7) && status == CUL_OK; left--) {
			if (cul_python_word(py, state + py->at.interpreter, &of) && of == interpreter)
				status = tell_thread(parse, py, state, state == gil, s, time);
			if (!cul_python_word(py, state + py->at.next_thread, &state))
				break;
		}
		if (status != CUL_OK || !cul_python_word(py, interpreter + py->at.next_interpreter, &interpreter))
			break;
	}
	return status;
}

enum cul_status cul_core_python(struct cul_parse *parse, const struct cul_core *core, struct cul_time time, char why[200])
{
	struct cul_python py = { .core = core, .reads = READS };
	struct stack *s = calloc(1, sizeof(*s));
	enum cul_status status = s ? CUL_OK : CUL_ENOMEM;
	why[0] = 0;
	if (s && find_runtime(&py, why)) {
		py.reads = READS;
		status = tell_all(parse, &py, s, time);
		if (!py.reads)
			snprintf(why, 200, "not all of Python's frames are read: there are too many");
		else
			why[0] = 0;
	} else if (s && !why[0]) {
		for (size_t i = 0; i < core->module_count; i++) {
			struct cul_slice base = cul_base_name(core->modules[i].path);
			if (is_python(base))
				snprintf(why, 200, "Python's frames are not read: no interpreter of 3.9 to 3.14 is found in the data of %.*s", (int)(base.size < 60 ? base.size : 60),
					 base.data);
		}
	}
	free(s);
	return status;
}
