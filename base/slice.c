/* SPDX-License-Identifier: Apache-2.0 */
/** Slices: cut, skip, trim, compare; numbers, sizes, durations and PCI addresses in text. */
#include "base/slice.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

int cul_compare(struct cul_slice a, struct cul_slice b)
{
	size_t n = a.size < b.size ? a.size : b.size;
	int order = n ? memcmp(a.data, b.data, n) : 0;
	return order ? order : a.size < b.size ? -1 : a.size > b.size;
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool same_nocase(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool cul_is_nocase(struct cul_slice a, struct cul_slice b)
{
	return a.size == b.size && same_nocase(a.data, b.data, a.size);
}

/* From @at on, by hand. @fold: without regard to case. Bit 5 as in find(). */
static size_t find_from(struct cul_slice a, struct cul_slice needle, size_t at, bool fold)
{
	const char bit = fold ? 0x20 : 0, first = needle.data[0] | bit, last = needle.data[needle.size - 1] | bit, *behind = a.data + needle.size - 1;
	for (; at + needle.size <= a.size; at++)
		if ((a.data[at] | bit) == first && (behind[at] | bit) == last &&
		    (fold ? same_nocase(a.data + at, needle.data, needle.size) : !memcmp(a.data + at, needle.data, needle.size)))
			return at;
	return SIZE_MAX;
}

/*
 * Places where both the first and the last byte may stand, sixteen at a time: lines are short, and glibc's memmem() goes by
 * single bytes there. Bit 5 is set on both sides if case does not count; what that lets through is compared.
 */
static size_t find(struct cul_slice a, struct cul_slice needle, bool fold)
{
	size_t i = 0;
	if (!needle.size)
		return 0;
	if (a.size < needle.size)
		return SIZE_MAX;
	if (needle.size == 1 && !fold) {
		const char *at = memchr(a.data, needle.data[0], a.size);
		return at ? (size_t)(at - a.data) : SIZE_MAX;
	}
#ifdef __SSE2__
	const char bit = fold ? 0x20 : 0;
	const __m128i mask = _mm_set1_epi8(bit), first = _mm_set1_epi8(needle.data[0] | bit), last = _mm_set1_epi8(needle.data[needle.size - 1] | bit);
	size_t behind = needle.size - 1;
	while (i + behind + 16 <= a.size) {
		__m128i x = _mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)(a.data + i)), mask);
		__m128i y = _mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)(a.data + i + behind)), mask);
		unsigned both = (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(x, first), _mm_cmpeq_epi8(y, last)));
		for (; both; both &= both - 1) {
			size_t at = i + (size_t)__builtin_ctz(both);
			if (fold ? same_nocase(a.data + at, needle.data, needle.size) : !memcmp(a.data + at, needle.data, needle.size))
				return at;
		}
		size_t left = a.size - behind - (i + 16);
		i += left && left < 16 ? left : 16; /* the last ones once more, rather than one by one */
	}
#endif
	return find_from(a, needle, i, fold);
}

size_t cul_find(struct cul_slice a, struct cul_slice needle)
{
	return find(a, needle, false);
}

size_t cul_find_nocase(struct cul_slice a, struct cul_slice needle)
{
	return find(a, needle, true);
}

static void split(struct cul_slice a, size_t at, size_t width, struct cul_slice *before, struct cul_slice *after)
{
	if (before)
		*before = cul_slice(a.data, at);
	if (after)
		*after = cul_from(a, at + width);
}

bool cul_cut(struct cul_slice a, struct cul_slice mark, struct cul_slice *before, struct cul_slice *after)
{
	size_t at = cul_find(a, mark);
	if (at == SIZE_MAX)
		return false;
	split(a, at, mark.size, before, after);
	return true;
}

bool cul_cut_last(struct cul_slice a, struct cul_slice mark, struct cul_slice *before, struct cul_slice *after)
{
	if (!mark.size || a.size < mark.size)
		return false;
	for (size_t at = a.size - mark.size + 1; at-- > 0;)
		if (a.data[at] == mark.data[0] && !memcmp(a.data + at, mark.data, mark.size)) {
			split(a, at, mark.size, before, after);
			return true;
		}
	return false;
}

bool cul_between(struct cul_slice a, struct cul_slice open, struct cul_slice close, struct cul_slice *ret)
{
	struct cul_slice inner;
	if (!cul_cut(a, open, NULL, &inner) || !cul_cut(inner, close, &inner, NULL))
		return false;
	*ret = inner;
	return true;
}

bool cul_skip(struct cul_slice *a, struct cul_slice prefix)
{
	if (prefix.size && (a->size < prefix.size || a->data[0] != prefix.data[0] || memcmp(a->data, prefix.data, prefix.size) != 0))
		return false;
	*a = cul_from(*a, prefix.size);
	return true;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct cul_slice cul_trim(struct cul_slice a)
{
	while (a.size && blank(a.data[a.size - 1]))
		a.size--;
	while (a.size && blank(a.data[0])) {
		a.data++;
		a.size--;
	}
	return a;
}

struct cul_slice cul_word(struct cul_slice *a)
{
	if (!a->size)
		return cul_slice(a->data, 0);
	const char *start = a->data, *end = a->data + a->size, *stop;
	while (start < end && blank(*start))
		start++;
	for (stop = start; stop < end && ((unsigned char)*stop > ' ' || !blank(*stop)); stop++)
		;
	*a = cul_slice(stop, (size_t)(end - stop));
	return cul_slice(start, (size_t)(stop - start));
}

struct cul_slice cul_digits(struct cul_slice *a)
{
	size_t n = 0;
	while (n < a->size && isdigit((unsigned char)a->data[n]))
		n++;
	struct cul_slice digits = cul_slice(a->data, n);
	*a = cul_from(*a, n);
	return digits;
}

/* {a=1,b=2}: at @at a comma, a name and '=' ? A list (0,1,2) goes on. */
static bool next_key(struct cul_slice a, size_t at)
{
	if (a.data[at] != ',')
		return false;
	size_t n = at + 1;
	while (n < a.size && n - at < 64 && (isalnum((unsigned char)a.data[n]) || a.data[n] == '_' || a.data[n] == '.' || a.data[n] == '-'))
		n++;
	return n > at + 1 && n < a.size && a.data[n] == '=';
}

bool cul_logfmt(struct cul_slice a, struct cul_slice key, struct cul_slice *ret)
{
	for (size_t at = 0; at < a.size;) {
		size_t found = cul_find(cul_from(a, at), key);
		if (found == SIZE_MAX)
			return false;
		at += found;
		size_t end = at + key.size;
		bool starts = !at || strchr(" \t,{[(", a.data[at - 1]);
		if (!starts || end >= a.size || a.data[end] != '=') {
			at++;
			continue;
		}
		struct cul_slice value = cul_from(a, end + 1);
		if (value.size && (value.data[0] == '"' || value.data[0] == '\'')) {
			char quote = value.data[0];
			value = cul_from(value, 1);
			size_t n = 0;
			while (n < value.size && value.data[n] != quote)
				n += value.data[n] == '\\' && n + 1 < value.size ? 2 : 1;
			*ret = cul_slice(value.data, n < value.size ? n : value.size);
			return true;
		}
		size_t n = 0;
		while (n < value.size && !blank(value.data[n]) && !next_key(value, n))
			n++;
		while (n && (value.data[n - 1] == ',' || value.data[n - 1] == '}'))
			n--;
		*ret = cul_slice(value.data, n);
		return true;
	}
	return false;
}

bool cul_to_hex(struct cul_slice a, uint64_t *ret)
{
	uint64_t value = 0;
	if (cul_starts(a, CUL_LIT("0x")) || cul_starts(a, CUL_LIT("0X")))
		a = cul_from(a, 2);
	if (!a.size || a.size > 16)
		return false;
	for (size_t i = 0; i < a.size; i++) {
		if (!isxdigit((unsigned char)a.data[i]))
			return false;
		int c = tolower((unsigned char)a.data[i]);
		value = value << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret = value;
	return true;
}

bool cul_to_int(struct cul_slice a, int64_t *ret)
{
	bool negative = false;
	uint64_t value = 0;
	if (a.size && (a.data[0] == '-' || a.data[0] == '+')) {
		negative = a.data[0] == '-';
		a = cul_from(a, 1);
	}
	if (cul_starts(a, CUL_LIT("0x"))) {
		if (!cul_to_hex(a, &value) || value > INT64_MAX)
			return false;
	} else {
		bool digit = false;
		for (size_t i = 0; i < a.size; i++) {
			if (a.data[i] == ',') {
				/* thousands: three digits have to follow */
				if (!digit || a.size - i < 4 || (a.size - i) % 4)
					return false;
				continue;
			}
			if (!isdigit((unsigned char)a.data[i]) || __builtin_mul_overflow(value, 10u, &value) ||
			    __builtin_add_overflow(value, (uint64_t)(a.data[i] - '0'), &value))
				return false;
			digit = true;
		}
		if (!digit || value > INT64_MAX)
			return false;
	}
	*ret = negative ? -(int64_t)value : (int64_t)value;
	return true;
}

bool cul_to_real(struct cul_slice a, double *ret)
{
	char text[64];
	size_t dots = 0;
	if (!a.size || a.size >= sizeof(text))
		return false;
	for (size_t i = 0; i < a.size; i++) {
		char c = a.data[i];
		if (c == ',')
			c = '.';
		if (c == '.')
			dots++;
		else if (!isdigit((unsigned char)c) && c != '-' && c != '+' && c != 'e' && c != 'E')
			return false;
		text[i] = c;
	}
	text[a.size] = 0;
	if (dots > 1)
		return false;
	char *end;
	/* the C locale's point: nobody calls setlocale() in this program's numeric category */
	double value = strtod(text, &end);
	if (*end || end == text || !isfinite(value))
		return false;
	*ret = value;
	return true;
}

/* The leading number of @a; @rest what follows, trimmed. */
static bool leading_real(struct cul_slice a, double *value, struct cul_slice *rest)
{
	a = cul_trim(a);
	size_t n = 0, commas = 0, points = 0;
	while (n < a.size && (isdigit((unsigned char)a.data[n]) || a.data[n] == '.' || a.data[n] == ',')) {
		commas += a.data[n] == ',';
		points += a.data[n] == '.';
		n++;
	}
	while (n && (a.data[n - 1] == '.' || a.data[n - 1] == ','))
		n--;
	struct cul_slice number = cul_slice(a.data, n);
	int64_t whole;
	char plain[64];
	if (commas && !points && cul_to_int(number, &whole)) {
		*value = (double)whole;
	} else if (commas && points == 1 && n < sizeof(plain)) { /* 1,234.5 */
		size_t kept = 0;
		for (size_t i = 0; i < n; i++)
			if (number.data[i] != ',')
				plain[kept++] = number.data[i];
		if (!cul_to_real(cul_slice(plain, kept), value))
			return false;
	} else if (!cul_to_real(number, value)) {
		return false;
	}
	*rest = cul_trim(cul_from(a, n));
	return true;
}

bool cul_to_mib(struct cul_slice a, double *ret)
{
	static const struct {
		const char *unit;
		double mib;
	} units[] = {
		{ "", 1 },		{ "B", 1 / 1048576.0 },	      { "bytes", 1 / 1048576.0 }, { "K", 1 / 1024.0 },	{ "k", 1 / 1024.0 },
		{ "KiB", 1 / 1024.0 },	{ "Ki", 1 / 1024.0 },	      { "kB", 1 / 1024.0 },	  { "KB", 1 / 1024.0 }, { "M", 1 },
		{ "m", 1 },		{ "MiB", 1 },		      { "Mi", 1 },		  { "MB", 1e6 / 1048576.0 }, { "G", 1024 },
		{ "g", 1024 },		{ "GiB", 1024 },	      { "Gi", 1024 },		  { "GB", 1e9 / 1048576.0 }, { "T", 1048576 },
		{ "t", 1048576 },	{ "TiB", 1048576 },	      { "Ti", 1048576 },	  { "TB", 1e12 / 1048576.0 },
	};
	double value;
	struct cul_slice unit;
	if (!leading_real(a, &value, &unit))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (cul_is(unit, cul_str(units[i].unit))) {
			*ret = value * units[i].mib;
			return true;
		}
	return false;
}

/* 7:15:24, 1-02:03:04, 12:34.56 */
static bool colon_seconds(struct cul_slice a, double *ret)
{
	struct cul_slice days, part;
	double total = 0, value;
	int64_t whole;
	if (cul_cut(a, CUL_LIT("-"), &days, &a)) {
		if (!cul_to_int(days, &whole))
			return false;
		total = (double)whole;
		total *= 24;
	}
	int parts = 0;
	double sum = 0;
	while (a.size) {
		struct cul_slice rest = CUL_NONE;
		if (!cul_cut(a, CUL_LIT(":"), &part, &rest))
			part = a;
		if (!cul_to_real(part, &value) || value < 0)
			return false;
		sum = sum * 60 + value;
		parts++;
		a = rest;
	}
	if (parts < 2 || parts > 3)
		return false;
	*ret = total * 3600 + sum;
	return true;
}

bool cul_to_seconds(struct cul_slice a, double *ret)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {
		{ "ns", 1e-9 }, { "µs", 1e-6 }, { "us", 1e-6 }, { "ms", 1e-3 }, { "seconds", 1 }, { "second", 1 }, { "secs", 1 }, { "sec", 1 }, { "s", 1 },
		{ "minutes", 60 }, { "minute", 60 }, { "mins", 60 }, { "min", 60 }, { "m", 60 }, { "hours", 3600 }, { "hour", 3600 }, { "h", 3600 },
		{ "days", 86400 }, { "day", 86400 }, { "d", 86400 },
	};
	a = cul_trim(a);
	if (cul_has(a, CUL_LIT(":")))
		return colon_seconds(a, ret);
	double total = 0, value;
	if (!a.size)
		return false;
	if (cul_to_real(a, ret))
		return true;
	while (a.size) {
		struct cul_slice rest;
		if (!leading_real(a, &value, &rest))
			return false;
		size_t i = 0, count = sizeof(units) / sizeof(units[0]);
		while (i < count && !(cul_starts(rest, cul_str(units[i].unit)) &&
				      (rest.size == strlen(units[i].unit) || !isalpha((unsigned char)rest.data[strlen(units[i].unit)]))))
			i++;
		if (i == count)
			return false;
		total += value * units[i].seconds;
		a = cul_trim(cul_from(rest, strlen(units[i].unit)));
	}
	*ret = total;
	return true;
}

bool cul_to_bdf(struct cul_slice a, char ret[16])
{
	uint64_t domain = 0, bus, device, function = 0;
	struct cul_slice head, rest, dev;
	cul_skip(&a, CUL_LIT("PCI:"));
	if (!cul_cut(a, CUL_LIT(":"), &head, &rest))
		return false;
	struct cul_slice second;
	if (cul_cut(rest, CUL_LIT(":"), &second, &dev)) {
		if (head.size > 8 || !cul_to_hex(head, &domain) || second.size > 2 || !cul_to_hex(second, &bus))
			return false;
	} else {
		dev = rest;
		if (head.size > 2 || !cul_to_hex(head, &bus))
			return false;
	}
	struct cul_slice fn;
	if (cul_cut(dev, CUL_LIT("."), &dev, &fn) && (fn.size != 1 || !cul_to_hex(fn, &function)))
		return false;
	if (dev.size > 2 || !cul_to_hex(dev, &device) || device > 31 || function > 7 || domain > 0xffffff || bus > 255)
		return false;
	snprintf(ret, 16, "%04x:%02x:%02x.%x", (unsigned)domain, (unsigned)bus, (unsigned)device, (unsigned)function);
	return true;
}

size_t cul_put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}
