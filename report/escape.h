/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Text from outside, made harmless for where it goes: a terminal, JSON, Markdown, HTML. Everything a report prints goes through one
 * of these, titles and commands too, since a rule fills them with words of the input.
 */
#ifndef CUL_REPORT_ESCAPE_H
#define CUL_REPORT_ESCAPE_H

#include "base/arena.h"
#include "culprit/types.h"

/**
 * The code point at @text's start and in *@size how many bytes it takes; *@size is 0 for bytes that are no UTF-8 (overlong
 * forms, surrogates and torn ends among them).
 */
uint32_t cul_utf8_read(struct cul_slice text, size_t *size);
/** Columns of a terminal that the code point takes: 0, 1 or 2. */
int cul_utf8_columns(uint32_t c);
/** Columns of a text that cul_harmless() made. */
size_t cul_columns(const char *text);

/**
 * For a terminal: control characters and bytes that are no UTF-8 become \x1b, C1 controls, marks that turn the direction
 * of writing and invisible ones \u202e; tabs and line ends become a blank. Never NULL: "" when there is no memory.
 */
const char *cul_harmless(struct cul_arena *arena, struct cul_slice text);
/** For JSON: valid UTF-8 without NUL, DEL and C1, by U+FFFD; cJSON does the quoting. */
const char *cul_clean_json(struct cul_arena *arena, struct cul_slice text);
/** For Markdown outside of code: what is markup or HTML is escaped; "@" and "#" too, which trackers link. */
const char *cul_clean_markdown(struct cul_arena *arena, struct cul_slice text);

/** For HTML, text and values in quotes: what is markup stands as references. */
const char *cul_clean_html(struct cul_arena *arena, struct cul_slice text);

/** cut @text (of cul_harmless()) to @columns, with an ellipsis when something is lost. */
const char *cul_shorten(struct cul_arena *arena, const char *text, size_t columns);
/** The same at its beginning, for paths. */
const char *cul_shorten_left(struct cul_arena *arena, const char *text, size_t columns);

/** The shortest decimal text that reads back as @r; whole numbers without point or exponent. "" for NAN and infinities. */
const char *cul_print_real(double r, char buf[40]);

#endif
