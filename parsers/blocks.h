/* SPDX-License-Identifier: Apache-2.0 */
/** A member -> blocks of decoded bytes (UTF-16 becomes UTF-8). Inner to the room. */
#ifndef CUL_PARSERS_BLOCKS_H
#define CUL_PARSERS_BLOCKS_H

#include "culprit/bundle.h"

#define CUL_BLOCK_BYTES (256u << 10)

struct cul_blocks {
	struct cul_bundle *bundle;
	char *raw;        /* as read; CUL_BLOCK_BYTES */
	size_t raw_size;
	int64_t offset;   /* of raw in the member */
	int64_t read;     /* bytes of the member read so far */
	enum { CUL_ENCODING_BYTES, CUL_ENCODING_UTF16LE, CUL_ENCODING_UTF16BE } encoding;
	char *decoded;    /* 1.5 x raw, for UTF-16 only */
	uint32_t high;    /* a surrogate that waits for its other half */
	int odd;          /* a byte that waits for its other half, or -1 */
	bool ended;
};

/** Begin with the current member: reads its first block. False: out of memory. */
bool cul_blocks_start(struct cul_blocks *blocks, struct cul_bundle *bundle);
/** The next decoded bytes; empty at the end. They live until the next call. */
struct cul_slice cul_blocks_next(struct cul_blocks *blocks);
void cul_blocks_free(struct cul_blocks *blocks);
/** Why these first bytes are no text, or NULL. */
const char *cul_blocks_binary(struct cul_slice head);

#endif
