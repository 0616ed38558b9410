/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A pattern without what depends on its surroundings: what matches a part of a line, matches the line.
 *
 * ^, $, \A, \z, \Z, \G, \b and \B become nothing. What may refuse because of what follows or precedes (negative looks, atomic
 * groups, possessive quantifiers, verbs, \K, \X, conditions, callouts, (?x) with its comments) can't be loosened: then there is none.
 * Without its anchor a pattern like "^\S+ .*foo" would be tried at each place of the line, to its end: then what stands behind
 * the last ".*" is asked for alone, or there is none.
 */
#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"

/* The end of the class that begins at p; NULL: it has none. */
static const char *class_end(const char *p)
{
	p++;
	if (*p == '^')
		p++;
	if (*p == ']')
		p++;
	for (; *p && *p != ']'; p++) {
		if (*p == '\\') {
			if (!*++p || *p == 'Q')
				return NULL;
		} else if (*p == '[' && (p[1] == ':' || p[1] == '.' || p[1] == '=')) {
			const char *close = strstr(p + 2, ":]");
			if (p[1] != ':' || !close)
				return NULL;
			p = close + 1;
		}
	}
	return *p ? p : NULL;
}

/* (?: (?<name> (?'name' (?P<name> (?i) (?i: (?=: may stay. Returns what is behind the opening, NULL if the group may refuse. */
static const char *group_open(const char *p)
{
	if (p[1] == '*')
		return NULL;
	if (p[1] != '?')
		return p + 1;
	p += 2;
	if (*p == ':' || *p == '=' || *p == '|')
		return p + 1;
	if (*p == '<' && (p[1] == '=' || p[1] == '!'))
		return p[1] == '=' ? p + 2 : NULL;
	if (*p == '<' || *p == '\'' || (*p == 'P' && p[1] == '<')) {
		p = strpbrk(p + 1 + (*p == 'P'), ">'");
		return p ? p + 1 : NULL;
	}
	p += strspn(p, "-imsU");
	return *p == ')' || *p == ':' ? p + 1 : NULL;
}

char *cul_pattern_loosen(const char *pattern)
{
	size_t size = strlen(pattern), n = 0, tail = 0, depth = 0;
	char *loose = malloc(size + 1);
	const char *p = pattern, *end = NULL;
	bool refused = false, anchored = false, open_ended = false;
	bool whole = false; /* its parts belong together: alternatives, flags for the rest, references back */

	while (loose && *p && !refused) {
		const char *from = p;
		if (*p == '^' || *p == '$') {
			anchored |= *p == '^';
			from = ++p;
			refused = *p && strchr("*+?{", *p);
		} else if (*p == '\\') {
			if (!p[1] || strchr("QEKXCGgk", p[1]))
				break;
			p += 2;
			whole |= p[-1] >= '1' && p[-1] <= '9';
			anchored |= p[-1] == 'A';
			if (strchr("AzZbB", p[-1])) {
				from = p;
				refused = *p && strchr("*+?{", *p);
			}
		} else if (*p == '[') {
			if (!(end = class_end(p)))
				break;
			p = end + 1;
		} else if (*p == '(') {
			if (!(end = group_open(p)))
				break;
			p = end;
			if (p[-1] == ')')
				whole = true;
			else
				depth++;
		} else if (strchr("*+?}", *p) && p[1] == '+') {
			break;
		} else {
			/* of what stands in any text: . \S \D \W, a class, a group */
			bool often = *p == '*' || *p == '+';
			open_ended |= often && p > pattern && strchr(".SDW])", p[-1]);
			depth -= *p == ')' && depth;
			whole |= *p == '|' && !depth;
			p++;
			if (often && !depth && p - pattern >= 2 && p[-2] == '.' && (p - pattern == 2 || p[-3] != '\\')) {
				p += *p == '?';
				tail = n + (size_t)(p - from);
			}
		}
		memcpy(loose + n, from, (size_t)(p - from));
		n += (size_t)(p - from);
	}
	bool costly = anchored && open_ended;
	if (!loose || *p || refused || (costly && (!tail || tail >= n || whole))) {
		free(loose);
		return NULL;
	}
	loose[n] = '\0';
	if (costly)
		memmove(loose, loose + tail, n - tail + 1);
	return loose;
}
