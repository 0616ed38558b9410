/* SPDX-License-Identifier: Apache-2.0 */
/** A member -> chunks of whole lines (UTF-16 becomes UTF-8), each surveyed; ahead in other threads where that pays. Inner to the room. */
#ifndef CUL_PARSERS_BLOCKS_H
#define CUL_PARSERS_BLOCKS_H

#include "culprit/bundle.h"
#include "parsers/survey.h"

#define CUL_BLOCK_BYTES (256u << 10)

/** Decoded bytes up to the last line end (a line longer than a block goes on in the next one). */
struct cul_block {
	char *text; /* of @size bytes: @own, or where they lie on loan */
	size_t size, room; /* @room: of @own */
	char *own;
	void *loan;
	int64_t offset;     /* of text, in the decoded member */
	int64_t first_line; /* number of its first line, 1-based */
	bool open;          /* the last line goes on in the next block */
	bool inside;        /* it begins inside of a line */
	struct cul_survey survey;
	int state;          /* surveyed or not yet: see blocks.c */
	struct cul_block *next;
};

enum cul_encoding { CUL_ENCODING_BYTES, CUL_ENCODING_UTF16LE, CUL_ENCODING_UTF16BE };

struct cul_blocks;

/**
 * @needles, @classes as in survey.h; borrowed. @threads: how many may read and survey, never two reading at a time (1: none but the caller's).
 * NULL: out of memory.
 */
struct cul_blocks *cul_blocks_new(const struct cul_needles *needles, const uint8_t *classes, unsigned threads, size_t block_bytes);
void cul_blocks_free(struct cul_blocks *blocks);
/** Begin with the current member. False: out of memory. */
bool cul_blocks_start(struct cul_blocks *blocks, struct cul_bundle *bundle, uint32_t line_bytes);
/** The next block, NULL at the end. Give each back when it is done with. */
struct cul_block *cul_blocks_next(struct cul_blocks *blocks);
void cul_blocks_give_back(struct cul_blocks *blocks, struct cul_block *block);
/** Nobody reads on: the bundle is the caller's again. What was read ahead is dropped. */
void cul_blocks_stop(struct cul_blocks *blocks);
/** Out of memory on the way. */
bool cul_blocks_failed(const struct cul_blocks *blocks);
/** Bytes read of the member so far, as they came. */
int64_t cul_blocks_read(const struct cul_blocks *blocks);
enum cul_encoding cul_blocks_encoding(const struct cul_blocks *blocks);
/** Why these first bytes are no text, or NULL. */
const char *cul_blocks_binary(struct cul_slice head);

#endif
