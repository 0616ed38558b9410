/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a program said before it aborted, out of its memory.
 *
 * 1. glibc keeps the text of a failed assertion, a heap check or a smashed stack for whoever reads the core: __abort_msg points to
 *    { unsigned size; char msg[]; } on pages of its own (sysdeps/posix/libc_fatal.c, assert/assert.c). The symbol's address is not in a
 *    core; a page-aligned pointer in libc's data, to such a thing whose size is whole pages, is it.
 * 2. A C++ exception that nobody caught lies on the heap behind "GNUCC++\0" (libsupc++/unwind-cxx.h), with a count of references
 *    and of handlers; those of the standard library hold their text at +8, as a string of the old or the new kind.
 * 3. Texts that runtimes print, at the start of a line, on the dead thread's stack or on the heap: a guess, told as such.
 *
 * Arguments and environment are never searched. At most SEARCH bytes are read.
 */
#include <stdlib.h>
#include <string.h>

#include "parsers/dump/core_notes.h"

#define SEARCH (64u << 20)
#define BLOCK (64u << 10)
#define OVERLAP 256
#define DATA (512u << 10) /* of libc's data and what follows it */
#define POINTERS 4096
#define EXCEPTIONS 4096 /* looked at */
#define MESSAGE_PAGES (1u << 20)

struct said {
	const char *text, *event;
};
static const struct said saids[] = {
	{ "double free or corruption", "heap-corruption" },   { "corrupted size vs. prev_size", "heap-corruption" },
	{ "corrupted double-linked list", "heap-corruption" }, { "free(): ", "heap-corruption" },
	{ "malloc(): ", "heap-corruption" },                   { "realloc(): ", "heap-corruption" },
	{ "munmap_chunk(): ", "heap-corruption" },             { "malloc_consolidate(): ", "heap-corruption" },
	{ "*** stack smashing detected ***", "stack-smashing" }, { "*** buffer overflow detected ***", "buffer-overflow" },
	{ "terminate called ", "terminate" },                  { "pure virtual method called", "terminate" },
	{ "' panicked at ", "rust-panic" },                    { "fatal error: ", "go-fatal" },
	{ "panic: ", "go-panic" },                             { "Fatal Python error: ", "python-fatal" },
	{ "FATAL: ", "fatal" },
};

static const char *event_of(const char *text)
{
	for (size_t i = 0; i < sizeof(saids) / sizeof(saids[0]); i++)
		if (strstr(text, saids[i].text))
			return saids[i].event;
	return strstr(text, "Assertion `") || strstr(text, "Assertion '") ? "assertion" : "message";
}

/* Printable text up to its end or its first line's; how much of it there is. */
static size_t take(char *to, size_t room, const unsigned char *from, size_t size)
{
	size_t n = 0;
	while (n < size && n + 1 < room && (from[n] >= 0x20 || from[n] == '\t') && from[n] != 0x7f)
		n++;
	memcpy(to, from, n);
	to[n] = 0;
	return n;
}

/* ---- glibc's message ---------------------------------------------------------------------------- */

static bool message_at(const struct cul_core *core, uint64_t at, struct cul_core_words *w)
{
	unsigned char head[4 + 512];
	size_t n = cul_core_read(core, at, head, sizeof(head));
	if (n < 16)
		return false;
	uint32_t size = cul_core_u32(head);
	if (!size || size & 0xfff || size > MESSAGE_PAGES || take(w->text, sizeof(w->text), head + 4, n - 4) < 4)
		return false;
	/* the text ends in a newline or a zero: nothing else follows it on its page */
	size_t end = strlen(w->text);
	if (end + 4 < n && end + 1 < sizeof(w->text) && head[4 + end] && head[4 + end] != '\n')
		return false;
	w->event = event_of(w->text);
	w->source = "glibc's abort message";
	return true;
}

static bool scan_data(const struct cul_core *core, uint64_t from, uint64_t to, struct cul_core_words *w)
{
	unsigned char block[4096];
	int pointers = 0;
	for (uint64_t at = from; at < to && pointers < POINTERS; at += sizeof(block)) {
		size_t n = cul_core_read(core, at, block, sizeof(block));
		for (size_t i = 0; i + 8 <= n; i += 8) {
			uint64_t word = cul_core_u64(block + i);
			const struct cul_core_segment *s;
			if (word < 0x10000 || word & 0xfff || !(s = cul_core_segment(core, word, false)) || !(s->flags & 2))
				continue;
			if (message_at(core, word, w))
				return true;
			if (++pointers == POINTERS)
				break;
		}
		if (n < sizeof(block))
			break;
	}
	return false;
}

static bool is_libc(struct cul_slice path)
{
	struct cul_slice base;
	if (!cul_cut_last(path, CUL_LIT("/"), NULL, &base))
		base = path;
	return cul_starts(base, CUL_LIT("libc.so")) || cul_starts(base, CUL_LIT("libc-2."));
}

/* The writable part of @module and the anonymous mapping right behind it (.bss). */
static bool module_message(const struct cul_core *core, const struct cul_core_module *m, struct cul_core_words *w)
{
	uint64_t at = m->base, end = m->end;
	int tail = 0;
	for (int i = 0; i < 64; i++) {
		const struct cul_core_segment *s = cul_core_segment(core, at, false);
		if (!s || (at >= end && tail++))
			return false;
		if (s->flags & 2 && scan_data(core, at, s->end - at > DATA ? at + DATA : s->end, w))
			return true;
		at = s->end;
	}
	return false;
}

static bool abort_message(const struct cul_core *core, struct cul_core_words *w)
{
	uint64_t phdr = cul_core_aux(core, 3);
	const struct cul_core_module *self = phdr ? cul_core_module(core, phdr) : NULL;
	for (size_t i = 0; i < core->module_count; i++)
		if (is_libc(core->modules[i].path))
			return module_message(core, &core->modules[i], w);
	return self && module_message(core, self, w); /* linked statically */
}

/* ---- C++ ---------------------------------------------------------------------------------------- */

static bool string_at(const struct cul_core *core, uint64_t at, uint64_t size, char *to, size_t room)
{
	unsigned char text[512];
	if (!size || size > 1u << 20)
		return false;
	size_t n = size < sizeof(text) ? (size_t)size : sizeof(text);
	if (cul_core_read(core, at, text, n) != n || (!take(to, room, text, n) && text[0] != '\n'))
		return false;
	/* the whole of it is text: a zero inside means that it was none */
	return !memchr(text, 0, n);
}

/* @at: the class in the exception's header; the object is right behind the header. */
static bool exception_at(const struct cul_core *core, uint64_t at, struct cul_core_words *w)
{
	uint32_t references, handlers;
	uint64_t object = at + 32, table, pointer, size, capacity;
	if (at < 256 || !cul_core_half(core, object - 128, &references) || !cul_core_half(core, object - 72, &handlers) || !references || references > 64 ||
	    handlers + 64 > 128 || !cul_core_word(core, object - 112, &table) || !cul_core_module(core, table))
		return false;
	w->event = "terminate";
	w->source = "C++ exception on the heap";
	w->text[0] = 0;
	if (!cul_core_word(core, object, &table) || !cul_core_module(core, table) || !cul_core_word(core, object + 8, &pointer))
		return true; /* not a class with virtual functions: no text to be had */
	if (cul_core_word(core, pointer - 24, &size) && cul_core_word(core, pointer - 16, &capacity) && size <= capacity && capacity < 1u << 24 &&
	    string_at(core, pointer, size, w->text, sizeof(w->text)))
		return true;
	if (!cul_core_word(core, object + 16, &size) || !string_at(core, pointer, size, w->text, sizeof(w->text)))
		w->text[0] = 0;
	return true;
}

/* ---- the search ---------------------------------------------------------------------------------- */

struct search {
	const struct cul_core *core;
	struct cul_core_words *words;
	unsigned char block[BLOCK + OVERLAP];
	size_t left, tries;
	bool texts, found;
};

static void search_block(struct search *s, uint64_t at, size_t n)
{
	static const unsigned char class[8] = { 0, '+', '+', 'C', 'C', 'U', 'N', 'G' };
	const unsigned char *p = s->block, *end = s->block + n;
	if (!s->texts) {
		for (; s->tries && (p = memmem(p, (size_t)(end - p), class, sizeof(class))); p += 8, s->tries--)
			if (!((at + (uint64_t)(p - s->block)) & 7) && exception_at(s->core, at + (uint64_t)(p - s->block), s->words))
				s->found = true; /* the last one that lives: the newest is not known */
		return;
	}
	for (size_t i = 0; i < sizeof(saids) / sizeof(saids[0]) && !s->found; i++) {
		size_t size = strlen(saids[i].text);
		for (p = s->block; (p = memmem(p, (size_t)(end - p), saids[i].text, size)); p += size) {
			const unsigned char *begin = p;
			if (saids[i].text[0] == '\'') /* thread 'main' panicked at */
				while (begin > s->block && p - begin < 80 && begin[-1] >= 0x20 && begin[-1] < 0x7f)
					begin--;
			if (begin > s->block && begin[-1] && begin[-1] != '\n')
				continue;
			if (take(s->words->text, sizeof(s->words->text), begin, (size_t)(end - begin)) <= size + 1)
				continue;
			s->words->event = saids[i].event;
			s->words->source = "text in memory";
			s->found = true;
			break;
		}
	}
}

static void search_range(struct search *s, uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at < to && s->left && !(s->found && s->texts); at += BLOCK) {
		size_t want = to - at < BLOCK + OVERLAP ? (size_t)(to - at) : BLOCK + OVERLAP;
		size_t n = cul_core_read(s->core, at, s->block, want);
		if (!n)
			break;
		search_block(s, at, n);
		s->left -= s->left < n ? s->left : n;
	}
}

/* The dead thread's stack, then writable memory without a file. */
static void search_all(struct search *s)
{
	const struct cul_core *core = s->core;
	const struct cul_core_segment *stack = core->thread_count ? cul_core_segment(core, core->threads[0].sp, false) : NULL;
	s->left = SEARCH;
	s->tries = EXCEPTIONS;
	if (s->texts && stack) {
		uint64_t end = stack->end, from = core->threads[0].sp;
		if (core->argv > from && core->argv < end)
			end = core->argv;
		search_range(s, from, end - from > 1u << 20 ? from + (1u << 20) : end);
	}
	/* the main arguments' stack is left out: environment lies there */
	for (size_t i = 0; i < core->segment_count && s->left && !(s->found && s->texts); i++) {
		const struct cul_core_segment *g = &core->segments[i];
		uint64_t name = cul_core_aux(core, 31);
		if ((g->flags & 3) != 2 || !g->there || g == stack || (name >= g->start && name < g->end) || cul_core_map(core, g->start))
			continue;
		search_range(s, g->start, g->start + g->there);
	}
}

bool cul_core_last_words(const struct cul_core *core, struct cul_core_words *words)
{
	int signal = core->signal.number;
	*words = (struct cul_core_words){ 0 };
	if (signal != 6 && signal != 4 && signal != 5)
		return false;
	if (signal == 6 && abort_message(core, words))
		return true;
	struct search *s = calloc(1, sizeof(*s));
	if (!s)
		return false;
	s->core = core;
	s->words = words;
	if (signal == 6)
		search_all(s);
	if (!s->found) {
		s->texts = true;
		search_all(s);
	}
	bool found = s->found;
	free(s);
	return found;
}
