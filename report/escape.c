/* SPDX-License-Identifier: Apache-2.0 */
/** See escape.h. Widths follow Unicode's East Asian Width as of 15.1, in ranges coarse enough to read. */
#include "report/escape.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

uint32_t cul_utf8_read(struct cul_slice text, size_t *size)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *at = (const unsigned char *)text.data;

	*size = 0;
	if (!text.size)
		return 0xfffd;
	size_t n = at[0] < 0x80 ? 1 : (at[0] & 0xe0) == 0xc0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : (at[0] & 0xf8) == 0xf0 ? 4 : 0;
	if (!n || n > text.size)
		return 0xfffd;
	uint32_t c = n == 1 ? at[0] : at[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (at[i] & 0x3fu);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0xfffd;
	*size = n;
	return c;
}

struct range {
	uint32_t first, last;
};

static bool in_ranges(uint32_t c, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}
#define IN(c, ranges) in_ranges(c, ranges, sizeof(ranges) / sizeof((ranges)[0]))

int cul_utf8_columns(uint32_t c)
{
	static const struct range wide[] = {
		{ 0x1100, 0x115f }, { 0x231a, 0x231b }, { 0x23e9, 0x23ec }, { 0x25fd, 0x25fe }, { 0x2614, 0x2615 },
		{ 0x26a1, 0x26a1 }, { 0x2705, 0x2705 }, { 0x274c, 0x274c }, { 0x2753, 0x2757 }, { 0x2795, 0x2797 },
		{ 0x2b50, 0x2b55 }, { 0x2e80, 0x303e }, { 0x3041, 0x4dbf }, { 0x4e00, 0xa4cf }, { 0xa960, 0xa97f },
		{ 0xac00, 0xd7a3 }, { 0xf900, 0xfaff }, { 0xfe30, 0xfe6f }, { 0xff01, 0xff60 }, { 0xffe0, 0xffe6 },
		{ 0x1f004, 0x1f004 }, { 0x1f18e, 0x1f19a }, { 0x1f200, 0x1f320 }, { 0x1f32d, 0x1f64f },
		{ 0x1f680, 0x1f6ff }, { 0x1f7e0, 0x1f7eb }, { 0x1f90c, 0x1faff }, { 0x20000, 0x3fffd },
	};
	static const struct range marks[] = {
		{ 0x300, 0x36f }, { 0x483, 0x489 }, { 0x591, 0x5bd }, { 0x610, 0x61a }, { 0x64b, 0x65f }, { 0x93c, 0x93c },
		{ 0x94d, 0x94d }, { 0xe31, 0xe31 }, { 0xe34, 0xe3a }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff },
		{ 0x20d0, 0x20ff }, { 0x302a, 0x302d }, { 0x3099, 0x309a }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
	};

	if (c < 0x300)
		return 1;
	return IN(c, marks) ? 0 : IN(c, wide) ? 2 : 1;
}

size_t cul_columns(const char *text)
{
	struct cul_slice rest = cul_str(text);
	size_t columns = 0, n;

	while (rest.size) {
		uint32_t c = cul_utf8_read(rest, &n);

		columns += n ? (size_t)cul_utf8_columns(c) : 1;
		rest = cul_from(rest, n ? n : 1);
	}
	return columns;
}

/* zero-width and direction marks, tags, and the like: what a reader can't see but a terminal or an eye is fooled by */
static bool invisible(uint32_t c)
{
	static const struct range ranges[] = {
		{ 0x80, 0x9f }, { 0xad, 0xad }, { 0x61c, 0x61c }, { 0x180e, 0x180e }, { 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe0fff },
	};

	return IN(c, ranges);
}

const char *cul_harmless(struct cul_arena *arena, struct cul_slice text)
{
	/* "\U000e0001" for four bytes, "\x1b" for one */
	char *ret = text.size < SIZE_MAX / 8 ? cul_arena_get(arena, text.size * 4 + 8) : NULL, *at = ret;
	size_t n;

	if (!ret)
		return "";
	while (text.size) {
		uint32_t c = cul_utf8_read(text, &n);

		if (c == '\t' || c == '\n' || c == '\r')
			*at++ = ' ';
		else if (!n || c < 0x20 || c == 0x7f)
			at += sprintf(at, "\\x%02x", (unsigned char)text.data[0]);
		else if (invisible(c))
			at += sprintf(at, c > 0xffff ? "\\U%08" PRIx32 : "\\u%04" PRIx32, c);
		else {
			memcpy(at, text.data, n);
			at += n;
		}
		text = cul_from(text, n ? n : 1);
	}
	*at = '\0';
	return ret;
}

const char *cul_clean_json(struct cul_arena *arena, struct cul_slice text)
{
	char *ret = text.size < SIZE_MAX / 8 ? cul_arena_get(arena, text.size * 3 + 4) : NULL, *at = ret;
	size_t n;

	if (!ret)
		return "";
	while (text.size) {
		uint32_t c = cul_utf8_read(text, &n);

		if (!n || !c || (c >= 0x7f && c < 0xa0)) {
			memcpy(at, "\xef\xbf\xbd", 3);
			at += 3;
		} else {
			memcpy(at, text.data, n);
			at += n;
		}
		text = cul_from(text, n ? n : 1);
	}
	*at = '\0';
	return ret;
}

const char *cul_clean_markdown(struct cul_arena *arena, struct cul_slice text)
{
	const char *plain = cul_harmless(arena, text);
	char *ret = cul_arena_get(arena, strlen(plain) * 5 + 8), *at = ret;

	if (!ret)
		return "";
	for (; *plain; plain++) {
		const char *as = *plain == '<' ? "&lt;" : *plain == '>' ? "&gt;" : *plain == '&' ? "&amp;" : *plain == '@' ? "&#64;" :
				 *plain == '#' ? "&#35;" : *plain == '|' ? "\\|" : NULL;

		if (as) {
			size_t n = strlen(as);
			memcpy(at, as, n);
			at += n;
			continue;
		}
		if (strchr("\\`*_[]!~", *plain))
			*at++ = '\\';
		*at++ = *plain;
	}
	*at = '\0';
	return ret;
}

const char *cul_clean_html(struct cul_arena *arena, struct cul_slice text)
{
	const char *plain = cul_harmless(arena, text);
	char *ret = cul_arena_get(arena, strlen(plain) * 6 + 8), *at = ret;

	if (!ret)
		return "";
	for (; *plain; plain++) {
		const char *as = *plain == '<' ? "&lt;" : *plain == '>' ? "&gt;" : *plain == '&' ? "&amp;" : *plain == '"' ? "&quot;" :
				 *plain == '\'' ? "&#39;" : *plain == '`' ? "&#96;" : NULL;

		if (!as) {
			*at++ = *plain;
			continue;
		}
		size_t n = strlen(as);
		memcpy(at, as, n);
		at += n;
	}
	*at = '\0';
	return ret;
}

const char *cul_shorten(struct cul_arena *arena, const char *text, size_t columns)
{
	struct cul_slice rest = cul_str(text);
	size_t used = 0, n, fits = 0;

	if (cul_columns(text) <= columns)
		return text;
	while (rest.size) {
		uint32_t c = cul_utf8_read(rest, &n);
		size_t more = n ? (size_t)cul_utf8_columns(c) : 1;

		if (used + more + 1 > columns)
			break;
		used += more;
		rest = cul_from(rest, n ? n : 1);
		fits = (size_t)(rest.data - text);
	}
	while (fits && text[fits - 1] == ' ')
		fits--;
	const char *ret = cul_arena_printf(arena, "%.*s…", (int)fits, text);
	return ret ? ret : "";
}

const char *cul_shorten_left(struct cul_arena *arena, const char *text, size_t columns)
{
	struct cul_slice rest = cul_str(text);
	size_t left = cul_columns(text), n;

	if (left <= columns)
		return text;
	while (rest.size && left + 1 > columns) {
		uint32_t c = cul_utf8_read(rest, &n);

		left -= n ? (size_t)cul_utf8_columns(c) : 1;
		rest = cul_from(rest, n ? n : 1);
	}
	/* rather whole names than a few more letters of one */
	for (size_t i = 0; i + 4 < rest.size; i++)
		if ((rest.data[i] == '/' || rest.data[i] == '!') && i + 1 < rest.size) {
			rest = cul_from(rest, i);
			break;
		}
	const char *ret = cul_arena_printf(arena, "…%s", rest.data);
	return ret ? ret : "";
}

const char *cul_print_real(double r, char buf[40])
{
	buf[0] = '\0';
	if (isnan(r) || isinf(r))
		return buf;
	if (r == floor(r) && fabs(r) < 1e15) {
		snprintf(buf, 40, "%.0f", r == 0 ? 0.0 : r);
		return buf;
	}
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(buf, 40, "%.*g", digits, r);
		if (strtod(buf, NULL) == r)
			break;
	}
	return buf;
}
