/* SPDX-License-Identifier: Apache-2.0 */
/** Patterns of CRE rules: RE2's syntax, made into what PCRE2 reads the same way. */
#include <stdio.h>
#include <stdlib.h>

#include "rules/cre.h"

/*
 * Letters and numbers of Unicode where patterns see bytes: "L", "{Lu}", "N", "{Nd}" at @i of @re. Characters beyond ASCII count as
 * letters, none as numbers. Returns how many bytes were read; 0: another property, left to PCRE2.
 */
static size_t property(FILE *f, struct cul_slice re, size_t i, bool in_class)
{
	size_t braces = i < re.size && re.data[i] == '{' ? 1 : 0, end = i + 1;

	if (i + braces >= re.size || (re.data[i + braces] != 'L' && re.data[i + braces] != 'N'))
		return 0;
	while (braces && end < re.size && re.data[end] != '}')
		end++;
	if (end - i - braces > 2)
		return 0; /* {Latin} */
	if (re.data[i + braces] == 'N')
		fputs(in_class ? "0-9" : "[0-9]", f);
	else
		fputs(in_class ? "A-Za-z\\x80-\\xff" : "(?:[A-Za-z]|[\\xc3-\\xf4][\\x80-\\xbf]{1,3})", f);
	return end + braces - i;
}

/* RE2 -> PCRE2: \s without VT, \v is VT alone, \x{…} beyond a byte is its UTF-8. */
char *cul_re2_to_pcre2(struct cul_slice re)
{
	char *out = NULL;
	size_t size = 0, in_class = 0, used;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < re.size; i++) {
		char c = re.data[i], next = i + 1 < re.size ? re.data[i + 1] : 0;
		if (c != '\\') {
			if (in_class)
				in_class = c != ']' || in_class == i;
			else if (c == '[')
				in_class = next == '^' ? i + 2 : i + 1;
			if (in_class && c == '[' && (next == ':') && in_class <= i) { /* [:alpha:] */
				size_t end = cul_find(cul_from(re, i), CUL_LIT(":]"));
				if (end != SIZE_MAX) {
					fwrite(re.data + i, 1, end + 2, f);
					i += end + 1;
					continue;
				}
			}
			if (c)
				fputc(c, f);
			continue;
		}
		i++;
		if (next == 's') {
			fputs(in_class ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]", f);
		} else if (next == 'S' && !in_class) {
			fputs("[^\\t\\n\\f\\r ]", f);
		} else if (next == 'p' && (used = property(f, re, i + 1, in_class))) {
			i += used;
		} else if (next == 'v') {
			fputs("\\x0b", f);
		} else if (next == 'Q') {
			size_t end = cul_find(cul_from(re, i), CUL_LIT("\\E"));
			size_t n = end == SIZE_MAX ? re.size - i : end + 2;
			fputc('\\', f);
			fwrite(re.data + i, 1, n, f);
			i += n - 1;
		} else if (next == 'x' && i + 1 < re.size && re.data[i + 1] == '{') {
			struct cul_slice hex;
			uint64_t v;
			size_t end = cul_find(cul_from(re, i), CUL_LIT("}"));
			hex = end != SIZE_MAX ? cul_slice(re.data + i + 2, end - 2) : CUL_NONE;
			if (end != SIZE_MAX && end > 2 && cul_to_hex(hex, &v) && v > 0x7f && v < 0x110000) {
				if (!in_class)
					fputs("(?:", f);
				if (v < 0x800)
					fprintf(f, "\\x%02x", (unsigned)(0xc0 | v >> 6));
				else if (v < 0x10000)
					fprintf(f, "\\x%02x\\x%02x", (unsigned)(0xe0 | v >> 12), (unsigned)(0x80 | (v >> 6 & 0x3f)));
				else
					fprintf(f, "\\x%02x\\x%02x\\x%02x", (unsigned)(0xf0 | v >> 18), (unsigned)(0x80 | (v >> 12 & 0x3f)),
						(unsigned)(0x80 | (v >> 6 & 0x3f)));
				fprintf(f, "\\x%02x%s", (unsigned)(0x80 | (v & 0x3f)), in_class ? "" : ")");
				i += end;
			} else {
				fputs("\\x", f);
			}
		} else {
			fputc('\\', f);
			if (next)
				fputc(next, f);
		}
	}
	if (fclose(f)) {
		free(out);
		return NULL;
	}
	return out;
}

/* May a match hold the end of a line? Then it is searched in records with their continuation lines. */
bool cul_re2_crosses_lines(const char *pattern)
{
	static const char *const signs[] = { "\\n", "\n", "\\s\\S", "\\S\\s", "\\w\\W", "\\W\\w", "\\d\\D", "\\D\\d" };

	if (!pattern)
		return false;
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (strstr(pattern, signs[i]))
			return true;
	/* (?s), (?is:...), but not (?-s) */
	for (const char *at = strstr(pattern, "(?"); at; at = strstr(at + 2, "(?")) {
		const char *flags = at + 2 + strspn(at + 2, "imU");
		if (*flags == 's' && flags[1 + strspn(flags + 1, "imsU-")] != 0 && strchr(":)", flags[1 + strspn(flags + 1, "imsU-")]))
			return true;
	}
	return false;
}
