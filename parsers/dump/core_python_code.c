/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Frames and code objects of CPython in a core: function, file and line.
 *
 * Frames are PyFrameObject up to 3.10, _PyInterpreterFrame from 3.11 on (Include/internal/pycore_frame.h), code objects
 * Include/cpython/code.h, strings Include/cpython/unicodeobject.h. Lines by Objects/lnotab_notes.txt (up to 3.9, and 3.10 by PEP 626) and
 * InternalDocs/code_objects.md (3.11 on). A type's name lies in pages that a core leaves out, so an object is one by its parts: a code object's
 * file and name are strings of one and the same type, and every further code object has the type of the first.
 */
#include "parsers/dump/core_python.h"

#include <string.h>

#define TABLE 65536    /* bytes of a line table */
#define TEXT 4096      /* characters of a string that are looked at */
#define LINES 10000000

bool cul_python_word(struct cul_python *py, uint64_t at, uint64_t *ret)
{
	if (!py->reads)
		return false;
	py->reads--;
	return cul_core_word(py->core, at, ret);
}

/* as many bytes as @n count as reads, too */
static bool afford(struct cul_python *py, size_t n)
{
	size_t reads = n / 64 + 1;
	if (py->reads < reads)
		return false;
	py->reads -= reads;
	return true;
}

/* ---- strings ------------------------------------------------------------------------------------- */

static uint32_t character(const unsigned char *p, unsigned kind)
{
	return kind == 1 ? *p : kind == 2 ? cul_core_u16(p) : cul_core_u32(p);
}

/* as UTF-8, without blanks; what is no character is '?' */
static size_t put(char *to, uint32_t c)
{
	if (c <= ' ' || c == 0x7f)
		c = '_';
	else if ((c >= 0x80 && c < 0xa0) || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		c = '?';
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char heads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	for (size_t i = n; --i; c >>= 6)
		to[i] = (char)(0x80 | (c & 0x3f));
	to[0] = (char)(heads[n] | c);
	return n;
}

/* The string object @at into @to, its end where it is too long. @type: its type. */
static bool text_at(struct cul_python *py, uint64_t at, char *to, size_t size, uint64_t *type)
{
	const struct cul_python_layout *l = &py->at;
	unsigned char head[128], data[TEXT * 4];
	size_t n = l->compact <= sizeof(head) ? cul_core_read(py->core, at, head, l->compact) : 0;
	if (!at || at & 7 || n < l->ascii || l->text_state + 4 > l->ascii || l->text_length + 8 > l->ascii || l->type + 8 > l->ascii)
		return false;
	uint32_t state = cul_core_u32(head + l->text_state) >> (l->free_threaded && l->minor >= 14 ? 8 : 2);
	uint64_t length = cul_core_u64(head + l->text_length);
	unsigned kind = state & 7;
	bool compact = state & 8, ascii = state & 16;
	*type = cul_core_u64(head + l->type);
	if (!compact || (kind != 1 && kind != 2 && kind != 4) || (ascii && kind != 1) || !length || length > 1u << 20 || *type & 7 || *type < 4096)
		return false;
	/* the end tells more than the beginning */
	uint64_t from = length > TEXT ? length - TEXT : 0, keep = size / 4 < size - 4 ? size - 4 : 0;
	size_t count = (size_t)(length - from), used = 0;
	if (!afford(py, count * kind) || cul_core_read(py->core, at + (ascii ? l->ascii : l->compact) + from * kind, data, count * kind) != count * kind)
		return false;
	/* how many characters fit, from the end */
	size_t first = count;
	for (; first; first--) {
		char c[4];
		size_t bytes = put(c, character(data + (first - 1) * kind, kind));
		if (used + bytes > keep)
			break;
		used += bytes;
	}
	used = 0;
	for (size_t i = first; i < count; i++)
		used += put(to + used, character(data + i * kind, kind));
	to[used] = 0;
	return used > 0;
}

/* "…/site-packages/torch/nn/modules/module.py" -> torch/nn/modules/module.py; else the last part of it */
static void shorten(char *path)
{
	static const char *const roots[] = { "/site-packages/", "/dist-packages/" };
	const char *found = NULL, *from = NULL;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]) && !from; i++)
		for (found = path; (found = strstr(found, roots[i])); found += 1)
			from = found + strlen(roots[i]);
	if (!from && (found = strstr(path, "/lib/python3.")) && (found = strchr(found + 13, '/')))
		from = found + 1;
	if (!from && (found = strrchr(path, '/')))
		from = found + 1;
	if (from && *from)
		memmove(path, from, strlen(from) + 1);
}

/* ---- lines --------------------------------------------------------------------------------------- */

/* to 3.9: co_lnotab; 3.10: co_linetable, where -128 is no line */
static int64_t line_by_pairs(const unsigned char *p, size_t n, int64_t line, uint64_t offset, bool ranges)
{
	uint64_t at = 0;
	for (size_t i = 0; i + 2 <= n; i += 2) {
		int64_t step = (signed char)p[i + 1];
		at += p[i];
		if (ranges && step != -128)
			line += step;
		if (at > offset)
			return ranges && step == -128 ? 0 : line;
		if (!ranges)
			line += step;
	}
	return ranges ? 0 : line;
}

static bool number(const unsigned char *p, size_t n, size_t *at, int64_t *ret)
{
	uint64_t value = 0;
	for (unsigned shift = 0; *at < n && shift < 36; shift += 6) {
		unsigned char b = p[(*at)++];
		value |= (uint64_t)(b & 63) << shift;
		if (!(b & 64)) {
			*ret = value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
			return true;
		}
	}
	return false;
}

/* from 3.11 on: entries that begin with a byte of bit 7, { kind, code units }, each with its own way to say the line's step */
static int64_t line_by_entries(const unsigned char *p, size_t n, int64_t line, uint64_t offset)
{
	uint64_t end = 0;
	for (size_t at = 0; at < n;) {
		unsigned char head = p[at++], kind = head >> 3 & 15;
		int64_t step = 0;
		if (!(head & 128))
			return 0;
		end += ((head & 7u) + 1) * 2;
		if (kind >= 13 && kind <= 14 && !number(p, n, &at, &step))
			return 0;
		if (kind >= 10 && kind <= 12)
			step = kind - 10;
		line += step;
		if (offset < end)
			return kind == 15 ? 0 : line;
		while (at < n && !(p[at] & 128)) /* columns */
			at++;
	}
	return 0;
}

static int64_t line_of(struct cul_python *py, const unsigned char *code, uint64_t at, uint64_t frame)
{
	const struct cul_python_layout *l = &py->at;
	unsigned char table[TABLE];
	uint64_t size, bytes, offset, instruction, lines = cul_core_u64(code + l->lines);
	int64_t first = (int32_t)cul_core_u32(code + l->first), line;
	uint32_t half, copy;
	if (l->minor <= 10) {
		if (!cul_core_half(py->core, frame + l->instruction, &half))
			return 0;
		if ((int32_t)half < 0)
			return first;
		offset = l->minor == 10 ? (uint64_t)half * 2 : half;
	} else {
		bytes = at + l->bytes;
		if (!cul_python_word(py, frame + l->instruction, &instruction))
			return 0;
		/* free-threaded builds run copies of the code, one a thread */
		if (l->copies && l->copy && cul_core_half(py->core, frame + l->copy, &copy) && copy && copy < 65536 && cul_python_word(py, at + l->copies, &size))
			if (!cul_python_word(py, size + 8 + 8 * (uint64_t)copy, &bytes))
				return 0;
		if (instruction < bytes)
			return bytes - instruction <= 2 ? first : 0;
		offset = instruction - bytes;
	}
	if (!cul_python_word(py, lines + l->bytes_size, &size) || offset > 1u << 24)
		return 0;
	size_t n = size < TABLE ? (size_t)size : TABLE;
	n = afford(py, n) ? cul_core_read(py->core, lines + l->bytes_data, table, n) : 0;
	line = l->minor >= 11 ? line_by_entries(table, n, first, offset) : line_by_pairs(table, n, first, offset, l->minor == 10);
	return line > 0 && line < LINES ? line : 0;
}

/* ---- frames -------------------------------------------------------------------------------------- */

static bool code_at(struct cul_python *py, uint64_t at, uint64_t frame, struct cul_python_frame *ret)
{
	const struct cul_python_layout *l = &py->at;
	unsigned char code[512];
	uint64_t type, filename, name;
	const uint32_t ends[] = { l->type, l->filename, l->name, l->qualname, l->lines, l->first };
	size_t need = 0;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends[i] + 8 > need)
			need = ends[i] + 8;
	if (!at || at & 7 || need > sizeof(code) || !py->reads || cul_core_read(py->core, at, code, need) != need)
		return false;
	py->reads--;
	type = cul_core_u64(code + l->type);
	uint32_t first = cul_core_u32(code + l->first);
	if ((py->code_type && type != py->code_type) || type & 7 || type < 4096 || first > LINES ||
	    !text_at(py, cul_core_u64(code + l->filename), ret->file, sizeof(ret->file), &filename) ||
	    !text_at(py, cul_core_u64(code + (l->qualname ? l->qualname : l->name)), ret->function, sizeof(ret->function), &name) ||
	    filename != name || filename == type || (py->text_type && name != py->text_type))
		return false;
	py->code_type = type;
	py->text_type = name;
	shorten(ret->file);
	ret->line = line_of(py, code, at, frame);
	return true;
}

bool cul_python_frame(struct cul_python *py, uint64_t frame, struct cul_python_frame *ret, uint64_t *back)
{
	const struct cul_python_layout *l = &py->at;
	uint64_t code;
	unsigned char owner = 0;
	if (ret)
		*ret = (struct cul_python_frame){ .line = 0 };
	if (frame & 7 || !cul_python_word(py, frame + l->back, back) || !cul_python_word(py, frame + l->code, &code))
		return false;
	if (l->owner && l->minor >= 12 && (cul_core_read(py->core, frame + l->owner, &owner, 1) != 1 || owner >= 3))
		return true; /* C's, for the interpreter's own use */
	if (!ret)
		return true;
	/* from 3.14 on the lowest bits of a reference say how it is counted */
	if (!code_at(py, code & ~UINT64_C(7), frame, ret))
		ret->function[0] = 0;
	return true;
}
