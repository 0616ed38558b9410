/* SPDX-License-Identifier: Apache-2.0 */
/** Ranges of one address space that stand at places in another: a flattened stream's records, an ELF file's segments. Inner to kimage. */
#ifndef CUL_PARSERS_DUMP_KEXTENT_H
#define CUL_PARSERS_DUMP_KEXTENT_H

#include "culprit/types.h"

#define CUL_EXTENT_HOLE UINT64_MAX /* as @at: a range that is known of and has no bytes */

struct cul_extent {
	uint64_t start, size; /* start + size does not overflow */
	uint64_t at;          /* where its first byte is, or CUL_EXTENT_HOLE */
	uint64_t rank;        /* where two overlap, the higher one is meant */
};

struct cul_extents {
	struct cul_extent *items; /* after cul_extents_settle(): ascending and disjoint */
	size_t count, room;
};

/** False: out of memory, or more than @most. */
bool cul_extents_add(struct cul_extents *x, struct cul_extent item, size_t most);
/** Sort, and cut what overlaps. False: out of memory. */
bool cul_extents_settle(struct cul_extents *x);
/** The extent that holds @where, or the first one behind it; NULL: none. */
const struct cul_extent *cul_extents_find(const struct cul_extents *x, uint64_t where);
void cul_extents_free(struct cul_extents *x);

#endif
