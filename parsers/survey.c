/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Two passes over a chunk that stays in the cache: line ends and control bytes, then the literals. Ordinary lines cost nothing more.
 */
#include "parsers/survey.h"

#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "parsers/sections.h"

#ifdef __x86_64__
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

static bool more_lines(struct cul_survey *s)
{
	size_t room = s->room ? s->room * 2 : 4096;
	uint32_t *ends = realloc(s->ends, room * sizeof(*ends));
	if (ends)
		s->ends = ends;
	uint8_t *flags = realloc(s->flags, room + 16);
	if (flags)
		s->flags = flags;
	if (!ends || !flags)
		return false;
	s->room = room;
	return true;
}

/* Bits of 64 bytes each: line ends; control bytes that are neither end nor tab, backslashes, and what stands between a user and a host. */
struct masks {
	uint64_t ends, odd;
};

#ifdef __x86_64__
__attribute__((target("avx2"))) static void masks_avx2(const char *p, size_t count, struct masks *ret)
{
	/* each byte is looked up by its low four bits: is it the one of ours that has them? */
	const __m256i ours = _mm256_broadcastsi128_si256(_mm_setr_epi8('@', -1, -1, -1, -1, -1, -1, -1, -1, '\t', '\n', -1, '\\', -1, -1, -1));
	const __m256i newline = _mm256_set1_epi8('\n'), low = _mm256_set1_epi8(0x1f);
	for (size_t k = 0; k < count; k++, p += 64) {
		uint64_t e = 0, o = 0;
		for (int i = 0; i < 2; i++) {
			__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + i * 32));
			__m256i sign = _mm256_cmpeq_epi8(v, _mm256_shuffle_epi8(ours, v)), control = _mm256_cmpeq_epi8(v, _mm256_min_epu8(v, low));
			e |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, newline)) << (i * 32);
			/* line ends and tabs are both */
			o |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_xor_si256(sign, control)) << (i * 32);
		}
		ret[k] = (struct masks){ e, o };
	}
}
#endif

static void masks_plain(const char *p, size_t count, struct masks *ret)
{
	for (size_t k = 0; k < count; k++, p += 64) {
		uint64_t e = 0, o = 0;
#ifdef __SSE2__
		const __m128i newline = _mm_set1_epi8('\n'), tab = _mm_set1_epi8('\t'), slash = _mm_set1_epi8('\\'), user = _mm_set1_epi8('@'), low = _mm_set1_epi8(0x1f);
		for (int i = 0; i < 4; i++) {
			__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i * 16));
			__m128i n = _mm_cmpeq_epi8(v, newline), plain = _mm_or_si128(n, _mm_cmpeq_epi8(v, tab));
			__m128i other = _mm_andnot_si128(plain, _mm_cmpeq_epi8(_mm_min_epu8(v, low), v));
			__m128i sign = _mm_or_si128(_mm_cmpeq_epi8(v, slash), _mm_cmpeq_epi8(v, user));
			e |= (uint64_t)(uint32_t)_mm_movemask_epi8(n) << (i * 16);
			o |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_or_si128(other, sign)) << (i * 16);
		}
#else
		for (int i = 0; i < 64; i++) {
			unsigned char c = (unsigned char)p[i];
			if (c == '\n')
				e |= UINT64_C(1) << i;
			else if ((c < 0x20 && c != '\t') || c == '\\' || c == '@')
				o |= UINT64_C(1) << i;
		}
#endif
		ret[k] = (struct masks){ e, o };
	}
}

#define MASKS 16 /* times 64 bytes at once */

static void masks(bool wide, const char *p, size_t count, struct masks *ret)
{
#ifdef __x86_64__
	if (wide) {
		masks_avx2(p, count, ret);
		return;
	}
#endif
	(void)wide;
	masks_plain(p, count, ret);
}

/* Bytes that a line begins with which may be a mark by its beginning alone, or say a severity that no word says: those of beginning(). */
static const bool begins[256] = { ['`'] = true, ['~'] = true, ['$'] = true, ['#'] = true, ['='] = true, ['*'] = true, ['_'] = true, ['^'] = true,
				  ['+'] = true, ['E'] = true, ['F'] = true, ['P'] = true, ['c'] = true, ['<'] = true };

static uint8_t beginning(struct cul_slice line)
{
	return cul_says_severity(line) || cul_mark_begins(line) ? CUL_LINE_BEGIN : 0;
}

/* A line that is being read. */
struct line {
	size_t start;
	uint8_t flags;
	bool user;    /* an '@' stood in it */
	size_t plain; /* up to there no '"' does */
};

/* Can what stands behind @i be escaped text, so that it means something else than it says? Only in quotes. */
static bool in_quotes(struct cul_slice text, size_t i, struct line *line)
{
	size_t from = line->plain > line->start ? line->plain : line->start;
	line->plain = i;
	return memchr(text.data + from, '"', i - from) != NULL;
}

/* One of the odd bytes, at @i. */
static void odd_byte(struct cul_slice text, size_t i, struct line *line)
{
	const char *p = text.data;
	bool last = i + 1 >= text.size;
	switch (p[i]) {
	case '@':
		if (!line->user && cul_mark_user(cul_slice(p + line->start, i - line->start)))
			line->flags |= CUL_LINE_BEGIN;
		line->user = true;
		break;
	case '\\': /* Docker ends each string with \n; a drive's is C:\ */
		if ((last || i + 2 >= text.size || p[i + 1] != 'n' || p[i + 2] != '"') && !(line->flags & CUL_LINE_ESCAPED) && in_quotes(text, i, line))
			line->flags |= CUL_LINE_ESCAPED;
		if (i == line->start + 2 && p[i - 1] == ':')
			line->flags |= CUL_LINE_BEGIN;
		break;
	case '\r': /* CRLF is a line end like any other */
		if (!last && p[i + 1] == '\n')
			break;
		line->flags |= CUL_LINE_ODD;
		break;
	default:
		line->flags |= CUL_LINE_ODD;
	}
}

/* Where lines are written to, and how long one may be. */
struct lines {
	uint32_t *ends;
	uint8_t *flags;
	uint32_t line_bytes, usual; /* up to the latter there is nothing to say */
};

/* The line at hand ends at @end. One that is empty begins with its line end. */
static inline void end_line(struct lines *to, struct cul_slice text, size_t end, struct line *line)
{
	const char *begin = text.data + line->start;
	size_t size = end - line->start;
	if (begins[(unsigned char)*begin])
		line->flags |= beginning(cul_slice(begin, size));
	if (__builtin_expect(size > to->usual, false))
		line->flags |= (size > CUL_LINE_BYTES_BIG ? CUL_LINE_BIG : 0) | (size > to->line_bytes ? CUL_LINE_LONG : 0);
	*to->ends++ = (uint32_t)end;
	*to->flags++ = line->flags;
	*line = (struct line){ .start = end + 1 };
}

/* @count masks of the text from @at on; there is room for all lines that may end there. */
static void take_lines(struct lines *to, struct cul_slice text, size_t at, const struct masks *found, size_t count, struct line *last)
{
	struct lines ret = *to;
	struct line line = *last;
	for (size_t k = 0; k < count; k++, at += 64) {
		uint64_t ends = found[k].ends, odd = found[k].odd;
		if (__builtin_expect(!odd, true)) {
			for (; ends; ends &= ends - 1)
				end_line(&ret, text, at + (size_t)__builtin_ctzll(ends), &line);
			continue;
		}
		for (uint64_t both = ends | odd; both; both &= both - 1) {
			size_t i = at + (size_t)__builtin_ctzll(both);
			if (odd & both & -both)
				odd_byte(text, i, &line);
			else
				end_line(&ret, text, i, &line);
		}
	}
	*to = ret;
	*last = line;
}

static bool find_lines(struct cul_survey *s, struct cul_slice text, uint32_t line_bytes, bool wide)
{
	struct line line = { 0 };
	struct lines to = { .line_bytes = line_bytes, .usual = line_bytes < CUL_LINE_BYTES_BIG ? line_bytes : CUL_LINE_BYTES_BIG };
	struct masks found[MASKS];
	char tail[64];
	for (size_t at = 0, count; at < text.size; at += count * 64) {
		size_t left = text.size - at;
		if (s->room - s->lines < MASKS * 64 + 2 && !more_lines(s))
			return false;
		if (left < 64) {
			memset(tail, ' ', sizeof(tail));
			memcpy(tail, text.data + at, left);
		}
		count = left < 64 ? 1 : left < MASKS * 64 ? left / 64 : MASKS;
		masks(wide, left < 64 ? tail : text.data + at, count, found);
		to.ends = s->ends + s->lines;
		to.flags = s->flags + s->lines;
		take_lines(&to, text, at, found, count, &line);
		s->lines = (size_t)(to.ends - s->ends);
	}
	if (s->room - s->lines < 2 && !more_lines(s))
		return false;
	if (line.start < text.size) {
		/* an end without a line end: the last line of a file, or one that goes on in the next chunk */
		to.ends = s->ends + s->lines;
		to.flags = s->flags + s->lines++;
		line.flags |= CUL_LINE_LONG;
		end_line(&to, text, text.size, &line);
	}
	s->flags[s->lines] = 0xff;
	return true;
}

static bool on_hit(void *ctx, uint32_t needle, size_t end)
{
	struct cul_survey *s = ctx;
	if (s->hit_count == s->hit_room) {
		size_t room = s->hit_room ? s->hit_room * 2 : 1024;
		struct cul_hit *hits = realloc(s->hits, room * sizeof(*hits));
		if (!hits) {
			s->failed = true;
			return false;
		}
		s->hits = hits;
		s->hit_room = room;
	}
	if (s->hit_count && s->hits[s->hit_count - 1].end > end)
		s->sorted = false;
	s->hits[s->hit_count++] = (struct cul_hit){ (uint32_t)end, needle };
	return true;
}

static int by_end(const void *a, const void *b)
{
	const struct cul_hit *x = a, *y = b;
	return x->end != y->end ? (x->end < y->end ? -1 : 1) : x->needle < y->needle ? -1 : x->needle > y->needle;
}

bool cul_survey_make(struct cul_survey *s, const struct cul_needles *needles, const uint8_t *classes, struct cul_slice text, uint32_t line_bytes)
{
	s->lines = s->hit_count = 0;
	s->failed = false;
	s->sorted = true;
	if ((!s->room && !more_lines(s)) || !find_lines(s, text, line_bytes, needles && !strcmp(cul_needles_isa(needles), "avx2")))
		return false;
	if (!needles)
		return true;
	cul_needles_scan(needles, text, on_hit, s);
	if (s->failed)
		return false;
	if (!s->sorted)
		qsort(s->hits, s->hit_count, sizeof(*s->hits), by_end);
	for (size_t i = 0, line = 0; i < s->hit_count; i++) {
		/* a literal has no line end, so it ends in its line */
		while (line < s->lines && s->ends[line] < s->hits[i].end)
			line++;
		if (line < s->lines)
			s->flags[line] |= classes[s->hits[i].needle];
	}
	return true;
}

void cul_survey_free(struct cul_survey *s)
{
	free(s->ends);
	free(s->flags);
	free(s->hits);
	*s = (struct cul_survey){ 0 };
}
