/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Blocks -> lines: LF, CRLF, a progress bar's CRs (the text behind the last one counts),
 * terminal colours and titles taken out (also rsyslog's #033[…), NULs dropped, a torn last line kept.
 *
 * Lines that somebody looks at live in a ring of buffers, so that a parser that follows a record may keep its slices; the
 * others are passed over where they stand. The last blocks are kept, so that one can walk back.
 */
#include "parsers/lines.h"

#include <stdlib.h>
#include <string.h>

#include "parsers/blocks.h"

#define BEHIND 8 /* blocks that are kept at most */

struct slot {
	char *text;
	size_t room, size;
	char *extra; /* cul_lines_keep() */
	size_t extra_room, extra_used;
	char **more; /* overflow of extra: rare */
	size_t more_count;
	int64_t number, offset;
	int64_t raw_end;  /* offset of its line end */
	bool searched;    /* its hits are known */
};

struct cul_lines {
	struct cul_lines_how how;
	struct cul_blocks *blocks;
	struct cul_block *kept[BEHIND + 1]; /* oldest first; the last is the one at hand */
	size_t kept_count, left; /* @left of them have been handed out */
	size_t line;               /* index of the next line of the block at hand */
	size_t within;             /* bytes of that line that were read as pieces */
	size_t hit;                /* of the block that slots were filled from last */
	uint32_t line_bytes;
	struct slot ring[CUL_LINES_RING];
	uint64_t taken, read;      /* lines handed out, lines in the ring: read - taken <= AHEAD */
	int64_t passed;            /* number of the last line that was passed over */
	int64_t at, behind;        /* offsets of the line that was taken or passed over last, and behind it */
	char *above;
	size_t above_room;
	bool ended, failed;
};

struct cul_lines *cul_lines_new(const struct cul_lines_how *how)
{
	struct cul_lines *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->how = *how;
	l->blocks = cul_blocks_new(how->needles, how->classes, how->threads, how->block_bytes);
	if (!l->blocks) {
		free(l);
		return NULL;
	}
	return l;
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

static void give_back_all(struct cul_lines *l)
{
	for (size_t i = 0; i < l->kept_count; i++)
		cul_blocks_give_back(l->blocks, l->kept[i]);
	l->kept_count = l->left = 0;
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
	give_back_all(l);
	cul_blocks_free(l->blocks);
	free(l->above);
	free(l);
}

/* ---- blocks --------------------------------------------------------------------------------- */

static struct cul_block *current(const struct cul_lines *l)
{
	return l->kept_count ? l->kept[l->kept_count - 1] : NULL;
}

static void leave(struct cul_lines *l, size_t upto)
{
	for (; l->left < upto; l->left++) {
		struct cul_block *b = l->kept[l->left];
		if (l->how.leave)
			l->how.leave(l->how.ctx, cul_slice(b->text, b->size), b->offset, b->first_line);
	}
}

/* The next block; false at the end. */
static bool advance(struct cul_lines *l)
{
	struct cul_block *next = l->ended ? NULL : cul_blocks_next(l->blocks);
	if (!next) {
		l->ended = true;
		l->failed |= cul_blocks_failed(l->blocks);
		return false;
	}
	/* what is further away than anybody walks goes */
	size_t bytes = 0, keep = 0;
	while (keep < l->kept_count && keep + 1 < BEHIND && bytes < CUL_LINES_ABOVE_BYTES + 16)
		bytes += l->kept[l->kept_count - 1 - keep++]->size;
	size_t drop = l->kept_count - keep;
	leave(l, drop);
	for (size_t i = 0; i < drop; i++)
		cul_blocks_give_back(l->blocks, l->kept[i]);
	memmove(l->kept, l->kept + drop, keep * sizeof(l->kept[0]));
	l->left -= drop;
	l->kept[keep] = next;
	l->kept_count = keep + 1;
	l->line = l->within = l->hit = 0;
	return true;
}

void cul_lines_end(struct cul_lines *l)
{
	leave(l, l->kept_count);
	if (!l->ended)
		cul_blocks_stop(l->blocks);
	l->ended = true;
}

void cul_lines_start(struct cul_lines *l, struct cul_bundle *bundle, uint32_t line_bytes)
{
	give_back_all(l);
	l->line_bytes = line_bytes;
	l->taken = l->read = 0;
	l->passed = l->at = l->behind = 0;
	l->line = l->within = l->hit = 0;
	l->ended = l->failed = false;
	if (!cul_blocks_start(l->blocks, bundle, line_bytes))
		l->failed = l->ended = true;
	advance(l);
	struct cul_block *b = current(l);
	if (b && cul_starts(cul_slice(b->text, b->size), CUL_LIT("\xef\xbb\xbf")))
		l->within = 3;
}

const char *cul_lines_binary(struct cul_lines *l)
{
	struct cul_block *b = current(l);
	return b && cul_blocks_encoding(l->blocks) == CUL_ENCODING_BYTES ? cul_blocks_binary(cul_slice(b->text, b->size)) : NULL;
}

int64_t cul_lines_bytes(const struct cul_lines *l)
{
	return cul_blocks_read(l->blocks);
}

bool cul_lines_failed(const struct cul_lines *l)
{
	return l->failed;
}

/* ---- one line ------------------------------------------------------------------------------- */

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

/* Whole lines that the survey found nothing odd in: clean() would but drop their CR. */
static size_t without_cr(const char *text, size_t size)
{
	return size && text[size - 1] == '\r' ? size - 1 : size;
}

/* Is line @i of @b, as it stands there, as good as clean? Needles show what no control byte does. */
static bool is_plain(const struct cul_lines *l, const struct cul_block *b, size_t i)
{
	return l->how.needles && !(b->survey.flags[i] & (CUL_LINE_ODD | CUL_LINE_LONG)) && !(b->inside && !i);
}

static size_t line_start(const struct cul_block *b, size_t line)
{
	return line ? (size_t)b->survey.ends[line - 1] + 1 : 0;
}

/* Read one more line, or a piece of a long one, into the ring. */
static bool fill(struct cul_lines *l)
{
	if (l->failed)
		return false;
	struct cul_block *b = current(l);
	while (b && l->line >= b->survey.lines)
		b = advance(l) ? current(l) : NULL;
	if (!b)
		return false;
	struct slot *s = &l->ring[l->read % CUL_LINES_RING];
	slot_forget(s);
	s->size = 0;
	s->number = b->first_line + (int64_t)l->line;
	s->offset = b->offset + (int64_t)(line_start(b, l->line) + l->within);
	s->searched = !l->within && is_plain(l, b, l->line);
	for (bool whole = false; !whole;) {
		size_t start = line_start(b, l->line) + l->within, end = b->survey.ends[l->line];
		size_t n = end - start;
		bool last = l->line + 1 == b->survey.lines;
		whole = true;
		if (s->size + n > l->line_bytes) {
			n = l->line_bytes - s->size;
			l->within += n;
		} else if (last && b->open) {
			whole = false; /* it goes on in the next block */
		}
		if (!slot_room(l, s, s->size + n + 1))
			return false;
		memcpy(s->text + s->size, b->text + start, n);
		s->size += n;
		s->raw_end = b->offset + (int64_t)(start + n);
		if (start + n == end && (whole || (last && b->open))) {
			l->line++;
			l->within = 0;
		}
		if (!whole) {
			if (!advance(l))
				break;
			b = current(l);
		}
	}
	s->size = s->searched && !(s->size && (unsigned char)s->text[0] == 0xff) ? without_cr(s->text, s->size) : clean(s->text, s->size);
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
	l->at = line->offset;
	l->behind = l->ring[l->taken % CUL_LINES_RING].raw_end + 1;
	l->passed = line->number;
	l->taken++;
	return true;
}

bool cul_lines_hits(struct cul_lines *l, const struct cul_hit **hits, size_t *count)
{
	struct cul_line line;
	if (!cul_lines_peek(l, 0, &line))
		return false;
	const struct slot *s = &l->ring[l->taken % CUL_LINES_RING];
	if (!s->searched)
		return false;
	/* the view ahead may have moved on to the next block */
	const struct cul_block *b = NULL;
	size_t which = l->kept_count;
	while (which && !(b && b->offset <= s->offset))
		b = l->kept[--which];
	if (!b || b->offset > s->offset)
		return false;
	int64_t from = s->offset - b->offset, to = s->raw_end - b->offset;
	const struct cul_survey *v = &b->survey;
	size_t low = 0, high = v->hit_count;
	if (b == current(l)) {
		/* mostly the next one */
		low = l->hit;
		while (low && (int64_t)v->hits[low - 1].end > from)
			low--;
		if (low == high || (int64_t)v->hits[low].end > from)
			high = low;
	}
	while (low < high) {
		size_t middle = (low + high) / 2;
		if ((int64_t)v->hits[middle].end > from)
			high = middle;
		else
			low = middle + 1;
	}
	size_t end = low;
	while (end < v->hit_count && (int64_t)v->hits[end].end <= to)
		end++;
	if (b == current(l))
		l->hit = end;
	*count = end - low;
	*hits = *count ? v->hits + low : NULL;
	return true;
}

/* Line @i of @b is whole, and nothing but needles stands in it: is it idle? */
static bool is_idle(struct cul_lines *l, const struct cul_block *b, size_t i, bool (*idle)(void *ctx, struct cul_slice text, const struct cul_hit *hits, size_t count),
		    void *ctx)
{
	const struct cul_survey *v = &b->survey;
	if (!idle || (v->flags[i] & ~CUL_LINE_KERNEL) != CUL_LINE_HIT || (i + 1 == v->lines && b->open))
		return false;
	size_t start = line_start(b, i), end = v->ends[i], from = l->hit;
	while (from && v->hits[from - 1].end > start)
		from--;
	while (from < v->hit_count && v->hits[from].end <= start)
		from++;
	size_t to = from;
	while (to < v->hit_count && v->hits[to].end <= end)
		to++;
	l->hit = to;
	return idle(ctx, cul_slice(b->text + start, end - start), v->hits + from, to - from);
}

int64_t cul_lines_skip(struct cul_lines *l, uint8_t flags, bool (*idle)(void *ctx, struct cul_slice text, const struct cul_hit *hits, size_t count),
		       void *ctx)
{
	const uint64_t all = flags * UINT64_C(0x0101010101010101);
	int64_t passed = 0;
	if (l->read != l->taken || l->failed)
		return 0;
	for (;;) {
		struct cul_block *b = current(l);
		if (!b || l->within || (b->inside && !l->line))
			break;
		const uint8_t *f = b->survey.flags;
		size_t i = l->line;
		for (; i < b->survey.lines && (!(f[i] & flags) || is_idle(l, b, i, idle, ctx)); i++)
			for (uint64_t eight; i + 8 < b->survey.lines && (memcpy(&eight, f + i + 1, sizeof(eight)), !(eight & all)); i += 8)
				;
		passed += (int64_t)(i - l->line);
		if (i > l->line) {
			l->passed = b->first_line + (int64_t)i - 1;
			l->at = b->offset + (int64_t)line_start(b, i - 1);
			l->behind = b->offset + (int64_t)line_start(b, i);
		}
		l->line = i;
		if (i < b->survey.lines || !advance(l))
			break;
	}
	return passed;
}

/* The block that holds the byte at @offset. */
static const struct cul_block *block_at(const struct cul_lines *l, int64_t offset)
{
	for (size_t i = l->kept_count; i--;)
		if (l->kept[i]->offset <= offset)
			return offset < l->kept[i]->offset + (int64_t)l->kept[i]->size ? l->kept[i] : NULL;
	return NULL;
}

/* The line that was taken last, if nothing ends it: the file was cut there. */
static bool is_torn(const struct cul_lines *l)
{
	const struct slot *s = l->taken ? &l->ring[(l->taken - 1) % CUL_LINES_RING] : NULL;
	if (!s || s->raw_end + 1 != l->behind)
		return false;
	const struct cul_block *b = block_at(l, s->raw_end);
	return !b || b->text[s->raw_end - b->offset] != '\n';
}

bool cul_lines_above(struct cul_lines *l, struct cul_above *a, struct cul_line *line)
{
	if (!a->begun) {
		a->begun = true;
		a->from = a->itself ? l->behind : l->at;
		a->limit = a->from > CUL_LINES_ABOVE_BYTES ? a->from - CUL_LINES_ABOVE_BYTES : 0;
		a->number = l->passed + (a->itself ? 1 : 0);
		a->lines = 0;
		if (a->itself && is_torn(l)) {
			fetch(l, l->taken - 1, line);
			a->from = line->offset;
			a->number = line->number;
			a->lines = 1;
			return true;
		}
	}
	const struct cul_block *b = a->from > 0 ? block_at(l, a->from - 1) : NULL;
	if (!b || a->lines >= CUL_LINES_ABOVE)
		return false;
	size_t end = (size_t)(a->from - 1 - b->offset); /* of its line end */
	if (b->text[end] != '\n')
		return false; /* a piece of a line */
	int64_t i = a->number - 1 - b->first_line;
	if (i < 0 || i >= (int64_t)b->survey.lines || b->survey.ends[i] != end)
		return false;
	size_t start = line_start(b, (size_t)i), size = end - start;
	if (b->offset + (int64_t)start < a->limit || size > l->line_bytes || (!start && b->inside))
		return false;
	char *text = b->text + start;
	if (is_plain(l, b, (size_t)i) && (unsigned char)text[0] != 0xff) {
		size = without_cr(text, size);
	} else {
		if (size + 1 > l->above_room) {
			char *room = realloc(l->above, size * 2 + 256);
			if (!room)
				return false;
			l->above = room;
			l->above_room = size * 2 + 256;
		}
		text = memcpy(l->above, text, size);
		size = clean(text, size);
	}
	a->from = b->offset + (int64_t)start;
	a->number--;
	a->lines++;
	*line = (struct cul_line){ cul_slice(text, size), a->number, a->from };
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
