/* SPDX-License-Identifier: Apache-2.0 */
/** A member's bytes -> clean lines, with a view ahead. Inner to the room: parsers use parser.h. */
#ifndef CUL_PARSERS_LINES_H
#define CUL_PARSERS_LINES_H

#include "culprit/bundle.h"
#include "parsers/parser.h"
#include "parsers/survey.h"

#define CUL_LINES_AHEAD 40  /* lines that can be looked at before they are taken */
#define CUL_LINES_RING 640  /* lines whose text is alive: 512 behind, the view ahead, some room */
#define CUL_LINES_ABOVE 512 /* lines, */
#define CUL_LINES_ABOVE_BYTES (64 << 10) /* and bytes, that can be walked back */

struct cul_lines;

/** How a member is read. All are borrowed. */
struct cul_lines_how {
	const struct cul_needles *needles; /* NULL: no literals are looked for */
	const uint8_t *classes;            /* by needle: CUL_LINE_HIT, …_KERNEL, …_ODD */
	unsigned threads;
	size_t block_bytes; /* 0: 256 KiB */
	/* may be NULL: text that was read, whole lines from @line on, in order; it comes at least 64 KiB after the lines were taken */
	void (*leave)(void *ctx, struct cul_slice text, int64_t offset, int64_t line);
	void *ctx;
};

struct cul_lines *cul_lines_new(const struct cul_lines_how *how); /* NULL: out of memory */
void cul_lines_free(struct cul_lines *lines);
/** Begin with the current member of @bundle. @line_bytes: longer lines come in pieces. */
void cul_lines_start(struct cul_lines *lines, struct cul_bundle *bundle, uint32_t line_bytes);
/** Look @ahead lines ahead (0: the next one); false: the member ends before. */
bool cul_lines_peek(struct cul_lines *lines, size_t ahead, struct cul_line *line);
/** Take one. */
bool cul_lines_next(struct cul_lines *lines, struct cul_line *line);
/**
 * The needles of the next line, by end, one more than once if it stands there so; false: they are not known (the line was
 * cleaned, or is a piece) and it has to be searched. They live until another line is looked at.
 */
bool cul_lines_hits(struct cul_lines *lines, const struct cul_hit **hits, size_t *count);
/**
 * Pass over lines that need no look: that have none of @flags, and those that have needles alone of which @idle says so, as they stand in
 * the block (may be NULL). Returns how many.
 */
int64_t cul_lines_skip(struct cul_lines *lines, uint8_t flags,
		       bool (*idle)(void *ctx, struct cul_slice text, const struct cul_hit *hits, size_t count), void *ctx);
/** The line above: first of the one taken last, then of that. Bounded; false: no more. Lives until the next call. Zero it to begin. */
struct cul_above {
	bool itself; /* begin with the line that was taken or passed over last */
	bool begun;
	size_t lines;
	int64_t number, from, limit; /* offsets in the member */
};
bool cul_lines_above(struct cul_lines *lines, struct cul_above *above, struct cul_line *line);
/** Give back the last one; at most once after each take. */
void cul_lines_back(struct cul_lines *lines);
/** Copy @text to where it lives as long as the line taken last; { NULL, 0 }: out of memory. */
struct cul_slice cul_lines_keep(struct cul_lines *lines, struct cul_slice text);
/** Hand out the text that has not left yet: the member ends. */
void cul_lines_end(struct cul_lines *lines);
/** Why the member is no text ("binary", "systemd journal file", …), or NULL. Looks at its head. */
const char *cul_lines_binary(struct cul_lines *lines);
/** Bytes read of the member so far. */
int64_t cul_lines_bytes(const struct cul_lines *lines);
/** Out of memory on the way: what follows is missing. */
bool cul_lines_failed(const struct cul_lines *lines);

#endif
