/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Decoded bytes -> lines: LF, CRLF, a progress bar's CRs (the text behind the last one counts),
 * terminal colours and titles taken out (also rsyslog's #033[…), NULs dropped, a torn last line kept.
 *
 * Lines live in a ring of buffers, so that a parser that follows a record may keep its slices.
 */
#include "parsers/lines.h"

#include <stdlib.h>
#include <string.h>

#include "parsers/blocks.h"

struct slot {
	char *text;
	size_t room, size;
	char *extra; /* cul_lines_keep() */
	size_t extra_room, extra_used;
	char **more; /* overflow of extra: rare */
	size_t more_count;
	int64_t number, offset;
};

struct cul_lines {
	struct cul_blocks blocks;
	struct cul_slice block;    /* what is left of it */
	int64_t block_offset;      /* of the block's first left byte */
	uint32_t line_bytes;
	struct slot ring[CUL_LINES_RING];
	uint64_t taken, read;      /* lines handed out, lines in the ring: read - taken <= AHEAD */
	int64_t number;
	bool first_block, ended, failed, piece;
};

struct cul_lines *cul_lines_new(void)
{
	return calloc(1, sizeof(struct cul_lines));
}

static void slot_forget(struct slot *s)
{
	for (size_t i = 0; i < s->more_count; i++)
		free(s->more[i]);
	free(s->more);
	s->more = NULL;
	s->more_count = 0;
	s->extra_used = 0;
}

void cul_lines_free(struct cul_lines *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < CUL_LINES_RING; i++) {
		slot_forget(&l->ring[i]);
		free(l->ring[i].text);
		free(l->ring[i].extra);
	}
	cul_blocks_free(&l->blocks);
	free(l);
}

void cul_lines_start(struct cul_lines *l, struct cul_bundle *bundle, uint32_t line_bytes)
{
	l->line_bytes = line_bytes;
	l->taken = l->read = 0;
	l->number = 0;
	l->ended = l->piece = false;
	l->failed = !cul_blocks_start(&l->blocks, bundle);
	l->block = l->failed ? CUL_NONE : cul_blocks_next(&l->blocks);
	l->block_offset = 0;
	l->ended = l->failed || !l->block.size;
	if (cul_starts(l->block, CUL_LIT("\xef\xbb\xbf"))) {
		l->block = cul_from(l->block, 3);
		l->block_offset = 3;
	}
}

const char *cul_lines_binary(struct cul_lines *l)
{
	return l->block.size && l->blocks.encoding == CUL_ENCODING_BYTES ? cul_blocks_binary(l->block) : NULL;
}

int64_t cul_lines_bytes(const struct cul_lines *l)
{
	return l->blocks.read;
}

bool cul_lines_failed(const struct cul_lines *l)
{
	return l->failed;
}

static bool slot_room(struct cul_lines *l, struct slot *s, size_t size)
{
	if (size <= s->room && !(s->room > 8192 && size < 2048))
		return true;
	size_t room = size < 256 ? 256 : size + size / 4;
	char *text = malloc(room);
	if (!text) {
		l->failed = true;
		return false;
	}
	if (s->size)
		memcpy(text, s->text, s->size < size ? s->size : size);
	free(s->text);
	s->text = text;
	s->room = room;
	return true;
}

/* Length of a terminal escape at p, 0 if there is none. */
static size_t escape_length(const char *p, size_t n)
{
	size_t lead;
	if (p[0] == 0x1b)
		lead = 1;
	else if (n >= 5 && p[0] == '#' && !memcmp(p, "#033[", 5))
		lead = 4;
	else
		return 0;
	if (n == lead)
		return lead;
	if (p[lead] == '[') {
		size_t i = lead + 1;
		while (i < n && i < 64 && (unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x40)
			i++;
		return i < n && (unsigned char)p[i] >= 0x40 && (unsigned char)p[i] < 0x7f ? i + 1 : i;
	}
	if (p[lead] == ']') {
		size_t i = lead + 1;
		while (i < n && i < 1024 && p[i] != 0x07 && p[i] != 0x1b)
			i++;
		if (i < n && p[i] == 0x1b && i + 1 < n && p[i + 1] == '\\')
			return i + 2;
		return i < n ? i + 1 : i;
	}
	if (p[lead] == '(' || p[lead] == ')')
		return lead + 2 <= n ? lead + 2 : n;
	return lead + 1;
}

/* In place: escapes, NULs and what a CR overwrites go. */
static size_t clean(char *text, size_t size)
{
	while (size && text[size - 1] == '\r')
		size--;
	size_t from = size >= 2 && !memcmp(text, "\xff\xfe", 2) ? 2 : 0; /* the mark of UTF-16 in mid-file */
	while (size && !text[size - 1])
		size--;
	while (size && text[size - 1] == '\r')
		size--;
	char *cr = memrchr(text, '\r', size);
	if (cr)
		from = (size_t)(cr - text) + 1;
	if (!from && !memchr(text, 0x1b, size) && !memchr(text, 0, size) && !memchr(text, '#', size))
		return size;
	size_t out = 0;
	for (size_t i = from; i < size;) {
		size_t n = text[i] == 0x1b || text[i] == '#' ? escape_length(text + i, size - i) : 0;
		if (n) {
			i += n;
			continue;
		}
		if (text[i])
			text[out++] = text[i];
		i++;
	}
	return out;
}

/* Read one more line into the ring. */
static bool fill(struct cul_lines *l)
{
	if (l->ended || l->failed)
		return false;
	struct slot *s = &l->ring[l->read % CUL_LINES_RING];
	slot_forget(s);
	s->size = 0;
	if (!l->piece)
		l->number++;
	s->number = l->number;
	s->offset = l->block_offset;
	l->piece = false;
	bool any = false, whole = false;
	while (!whole) {
		if (!l->block.size) {
			l->block = cul_blocks_next(&l->blocks);
			if (!l->block.size) {
				l->ended = true;
				break;
			}
		}
		any = true;
		const char *end = memchr(l->block.data, '\n', l->block.size);
		size_t n = end ? (size_t)(end - l->block.data) : l->block.size;
		size_t eaten = end ? n + 1 : n;
		whole = end != NULL;
		if (s->size + n > l->line_bytes) {
			n = eaten = l->line_bytes - s->size;
			whole = l->piece = true;
		}
		if (!slot_room(l, s, s->size + n + 1))
			return false;
		memcpy(s->text + s->size, l->block.data, n);
		s->size += n;
		l->block = cul_from(l->block, eaten);
		l->block_offset += (int64_t)eaten;
	}
	if (!any)
		return false;
	s->size = clean(s->text, s->size);
	l->read++;
	return true;
}

static void fetch(const struct cul_lines *l, uint64_t i, struct cul_line *line)
{
	const struct slot *s = &l->ring[i % CUL_LINES_RING];
	line->text = cul_slice(s->text ? s->text : "", s->size);
	line->number = s->number;
	line->offset = s->offset;
}

bool cul_lines_peek(struct cul_lines *l, size_t ahead, struct cul_line *line)
{
	if (ahead >= CUL_LINES_AHEAD)
		return false;
	while (l->read <= l->taken + ahead)
		if (!fill(l))
			return false;
	fetch(l, l->taken + ahead, line);
	return true;
}

bool cul_lines_next(struct cul_lines *l, struct cul_line *line)
{
	if (!cul_lines_peek(l, 0, line))
		return false;
	l->taken++;
	return true;
}

bool cul_lines_behind(struct cul_lines *l, size_t back, struct cul_line *line)
{
	if (back >= l->taken || back > CUL_LINES_RING - CUL_LINES_AHEAD - 40)
		return false;
	fetch(l, l->taken - 1 - back, line);
	return true;
}

void cul_lines_back(struct cul_lines *l)
{
	if (l->taken)
		l->taken--;
}

struct cul_slice cul_lines_keep(struct cul_lines *l, struct cul_slice text)
{
	if (!l->taken || !text.size)
		return CUL_NONE;
	struct slot *s = &l->ring[(l->taken - 1) % CUL_LINES_RING];
	if (s->extra_used + text.size > s->extra_room) {
		if (!s->extra_used && text.size <= 65536) {
			free(s->extra);
			s->extra_room = text.size + 256;
			s->extra = malloc(s->extra_room);
			if (!s->extra) {
				s->extra_room = 0;
				l->failed = true;
				return CUL_NONE;
			}
		} else {
			char **more = realloc(s->more, (s->more_count + 1) * sizeof(*more));
			char *copy = more ? malloc(text.size) : NULL;
			if (more)
				s->more = more;
			if (!copy) {
				l->failed = true;
				return CUL_NONE;
			}
			memcpy(copy, text.data, text.size);
			s->more[s->more_count++] = copy;
			return cul_slice(copy, text.size);
		}
	}
	char *at = s->extra + s->extra_used;
	memcpy(at, text.data, text.size);
	s->extra_used += text.size;
	return cul_slice(at, text.size);
}
