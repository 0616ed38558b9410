/* SPDX-License-Identifier: Apache-2.0 */
/** A member's bytes -> clean lines, with a view ahead. Inner to the room: parsers use parser.h. */
#ifndef CUL_PARSERS_LINES_H
#define CUL_PARSERS_LINES_H

#include "culprit/bundle.h"
#include "parsers/parser.h"

#define CUL_LINES_AHEAD 40  /* lines that can be looked at before they are taken */
#define CUL_LINES_RING 640  /* lines whose text is alive: 512 behind, the view ahead, some room */

struct cul_lines;

struct cul_lines *cul_lines_new(void); /* NULL: out of memory */
void cul_lines_free(struct cul_lines *lines);
/** Begin with the current member of @bundle. @line_bytes: longer lines come in pieces. */
void cul_lines_start(struct cul_lines *lines, struct cul_bundle *bundle, uint32_t line_bytes);
/** Look @ahead lines ahead (0: the next one); false: the member ends before. */
bool cul_lines_peek(struct cul_lines *lines, size_t ahead, struct cul_line *line);
/** Take one. */
bool cul_lines_next(struct cul_lines *lines, struct cul_line *line);
/** A line that was taken before: 0 the one taken last, at most 560 back. */
bool cul_lines_behind(struct cul_lines *lines, size_t back, struct cul_line *line);
/** Give back the last one; at most once after each take. */
void cul_lines_back(struct cul_lines *lines);
/** Copy @text to where it lives as long as the line taken last; { NULL, 0 }: out of memory. */
struct cul_slice cul_lines_keep(struct cul_lines *lines, struct cul_slice text);
/** Why the member is no text ("binary", "systemd journal file", …), or NULL. Looks at its head. */
const char *cul_lines_binary(struct cul_lines *lines);
/** Bytes read of the member so far; read the rest away. */
int64_t cul_lines_bytes(const struct cul_lines *lines);
/** Out of memory on the way: what follows is missing. */
bool cul_lines_failed(const struct cul_lines *lines);

#endif
