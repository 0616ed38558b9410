/* SPDX-License-Identifier: Apache-2.0 */
/** How deep a character of JSON stands: brackets count, unless they are quoted. */
#ifndef CUL_PARSERS_JSON_BRACKETS_H
#define CUL_PARSERS_JSON_BRACKETS_H

#include <stdbool.h>
#include <stdint.h>

/** Zero it to begin at the top. */
struct cul_json_brackets {
	int64_t depth; /* of open ones; never below 0, whatever the text closes */
	bool quoted, escaped;
};

/** The next character. Returns it if it opened or closed a bracket, else 0. */
static inline char cul_json_bracket(struct cul_json_brackets *b, char c)
{
	if (b->quoted) {
		b->quoted = b->escaped || c != '"';
		b->escaped = !b->escaped && c == '\\';
		return 0;
	}
	b->quoted = c == '"';
	if (c == '{' || c == '[')
		b->depth++;
	else if (c == '}' || c == ']')
		b->depth -= b->depth > 0;
	else
		return 0;
	return c;
}

#endif
