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

/* Bits of 64 bytes each: line ends; control bytes that are neither end nor tab, and backslashes. */
struct masks {
	uint64_t ends, odd;
};

#ifdef __x86_64__
__attribute__((target("avx2"))) static void masks_avx2(const char *p, size_t count, struct masks *ret)
{
	const __m256i newline = _mm256_set1_epi8('\n'), tab = _mm256_set1_epi8('\t'), slash = _mm256_set1_epi8('\\'), low = _mm256_set1_epi8(0x1f);
	for (size_t k = 0; k < count; k++, p += 64) {
		uint64_t e = 0, o = 0;
		for (int i = 0; i < 2; i++) {
			__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + i * 32));
			__m256i n = _mm256_cmpeq_epi8(v, newline), plain = _mm256_or_si256(n, _mm256_cmpeq_epi8(v, tab));
			__m256i other = _mm256_andnot_si256(plain, _mm256_cmpeq_epi8(_mm256_min_epu8(v, low), v));
			e |= (uint64_t)(uint32_t)_mm256_movemask_epi8(n) << (i * 32);
			o |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_or_si256(other, _mm256_cmpeq_epi8(v, slash))) << (i * 32);
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
		const __m128i newline = _mm_set1_epi8('\n'), tab = _mm_set1_epi8('\t'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x1f);
		for (int i = 0; i < 4; i++) {
			__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i * 16));
			__m128i n = _mm_cmpeq_epi8(v, newline), plain = _mm_or_si128(n, _mm_cmpeq_epi8(v, tab));
			__m128i other = _mm_andnot_si128(plain, _mm_cmpeq_epi8(_mm_min_epu8(v, low), v));
			e |= (uint64_t)(uint32_t)_mm_movemask_epi8(n) << (i * 16);
			o |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_or_si128(other, _mm_cmpeq_epi8(v, slash))) << (i * 16);
		}
#else
		for (int i = 0; i < 64; i++) {
			unsigned char c = (unsigned char)p[i];
			if (c == '\n')
				e |= UINT64_C(1) << i;
			else if ((c < 0x20 && c != '\t') || c == '\\')
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

/* The first bytes of a line: may they be a mark, or say a severity that no word says? */
static uint8_t beginning(const char *line, size_t size)
{
	if (!size)
		return 0;
	struct cul_slice text = cul_slice(line, size);
	return cul_says_severity(text) || cul_mark_may(text) ? CUL_LINE_BEGIN : 0;
}

static bool find_lines(struct cul_survey *s, struct cul_slice text, uint32_t line_bytes, bool wide)
{
	size_t start = 0;
	uint8_t flag = 0;
	char tail[64];
	struct masks found[MASKS];
	for (size_t at = 0, k = MASKS; at < text.size; at += 64, k++) {
		if (text.size - at < 64) {
			memset(tail, ' ', sizeof(tail));
			memcpy(tail, text.data + at, text.size - at);
			masks(wide, tail, 1, &found[k = 0]);
		} else if (k == MASKS) {
			masks(wide, text.data + at, text.size - at < sizeof(tail) * MASKS ? (text.size - at) / 64 : MASKS, &found[k = 0]);
		}
		uint64_t ends = found[k].ends, odd = found[k].odd, both = ends | odd;
		while (both) {
			size_t i = at + (size_t)__builtin_ctzll(both);
			uint64_t bit = both & -both;
			both ^= bit;
			if (odd & bit) {
				/* CRLF is a line end like any other; Docker ends each string with \n */
				if (text.data[i] == '\\') {
					if (i + 2 >= text.size || text.data[i + 1] != 'n' || text.data[i + 2] != '"')
						flag |= CUL_LINE_ESCAPED;
				} else if (text.data[i] != '\r' || i + 1 >= text.size || text.data[i + 1] != '\n')
					flag |= CUL_LINE_ODD;
				continue;
			}
			if (s->lines == s->room && !more_lines(s))
				return false;
			size_t size = i - start;
			s->ends[s->lines] = (uint32_t)i;
			s->flags[s->lines++] = flag | beginning(text.data + start, size) | (size > CUL_LINE_BYTES_BIG ? CUL_LINE_BIG : 0) | (size > line_bytes ? CUL_LINE_LONG : 0);
			start = i + 1;
			flag = 0;
		}
	}
	if (s->lines == s->room && !more_lines(s))
		return false;
	if (start < text.size) {
		/* an end without a line end: the last line of a file, or one that goes on in the next chunk */
		s->ends[s->lines] = (uint32_t)text.size;
		s->flags[s->lines++] = flag | beginning(text.data + start, text.size - start) | CUL_LINE_LONG;
	}
	if (s->lines == s->room && !more_lines(s))
		return false;
	memset(s->flags + s->lines, 0xff, 1);
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
