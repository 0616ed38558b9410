/* SPDX-License-Identifier: Apache-2.0 */
/** Slices: cut, skip, trim, compare; numbers and PCI addresses in text. Nothing allocates. */
#ifndef CUL_BASE_SLICE_H
#define CUL_BASE_SLICE_H

#include <string.h>

#include "culprit/types.h"

static inline struct cul_slice cul_slice(const char *data, size_t size)
{
	return (struct cul_slice){ data, size };
}
static inline struct cul_slice cul_str(const char *text)
{
	return (struct cul_slice){ text, text ? strlen(text) : 0 };
}
static inline bool cul_is(struct cul_slice a, struct cul_slice b)
{
	return a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size));
}
static inline bool cul_starts(struct cul_slice a, struct cul_slice prefix)
{
	return !prefix.size || (a.size >= prefix.size && !memcmp(a.data, prefix.data, prefix.size));
}
static inline bool cul_ends(struct cul_slice a, struct cul_slice suffix)
{
	return !suffix.size || (a.size >= suffix.size && !memcmp(a.data + a.size - suffix.size, suffix.data, suffix.size));
}
/** Without the first @n bytes (or fewer). */
static inline struct cul_slice cul_from(struct cul_slice a, size_t n)
{
	if (!a.size)
		return a; /* of NULL, too */
	return n >= a.size ? (struct cul_slice){ a.data + a.size, 0 } : (struct cul_slice){ a.data + n, a.size - n };
}

/** Order as memcmp, then length. */
int cul_compare(struct cul_slice a, struct cul_slice b);
bool cul_is_nocase(struct cul_slice a, struct cul_slice b); /* ASCII */
/** Offset of the first @needle in @a, or SIZE_MAX. */
size_t cul_find(struct cul_slice a, struct cul_slice needle);
size_t cul_find_nocase(struct cul_slice a, struct cul_slice needle);
static inline bool cul_has(struct cul_slice a, struct cul_slice needle)
{
	return cul_find(a, needle) != SIZE_MAX;
}
/** Split at the first @mark: @before and @after (each may be NULL, each may be &@a itself). False, nothing written, if it isn't there. */
bool cul_cut(struct cul_slice a, struct cul_slice mark, struct cul_slice *before, struct cul_slice *after);
/** The same at the last @mark. */
bool cul_cut_last(struct cul_slice a, struct cul_slice mark, struct cul_slice *before, struct cul_slice *after);
/** The text between the first @open and the next @close behind it. */
bool cul_between(struct cul_slice a, struct cul_slice open, struct cul_slice close, struct cul_slice *ret);
/** Drop @prefix from @a. False, nothing changed, if it isn't there. */
bool cul_skip(struct cul_slice *a, struct cul_slice prefix);
/** Without blanks, tabs, CR at both ends. */
struct cul_slice cul_trim(struct cul_slice a);
/** Take the next word (run of non-blanks) off @a; empty at the end. */
struct cul_slice cul_word(struct cul_slice *a);
/** Take leading decimal digits off @a; empty if none. */
struct cul_slice cul_digits(struct cul_slice *a);
/** key=value, key="quoted \" value", key='v' in @a: the value of @key (logfmt; the key stands at the start or behind a blank, comma or brace). Quotes off, escapes left. */
bool cul_logfmt(struct cul_slice a, struct cul_slice key, struct cul_slice *ret);

/** Whole-slice numbers. False, nothing written, on junk or overflow. */
bool cul_to_int(struct cul_slice a, int64_t *ret);   /* [-+]digits, thousands' commas, 0x… */
bool cul_to_hex(struct cul_slice a, uint64_t *ret);  /* with or without 0x */
bool cul_to_real(struct cul_slice a, double *ret);   /* decimal point or comma */
/** "23.5 GiB", "512 MB", "1.2g" (top), "118,332 K" -> MiB; a bare number is taken as MiB. Binary and decimal prefixes are told apart. */
bool cul_to_mib(struct cul_slice a, double *ret);
/** "1h2m3.5s", "46.84ms", "62.521µs", "7:15:24", "1-02:03:04", "12:34.56" -> seconds. */
bool cul_to_seconds(struct cul_slice a, double *ret);
/** "00000000:3B:00.0", "0000:3b:00", "PCI:0000:3b:00", "3b:00.0" -> "0000:3b:00.0" in @ret (16 bytes). */
bool cul_to_bdf(struct cul_slice a, char ret[16]);

/** Write code point @c (below 0x110000) as UTF-8: 1 to 4 bytes at @out. Returns how many. */
size_t cul_put_utf8(char *out, uint32_t c);

#endif
