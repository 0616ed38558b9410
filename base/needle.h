/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Many literals in one pass over bytes. Behind this header stands what is fastest and exact; callers see ids.
 */
#ifndef CUL_BASE_NEEDLE_H
#define CUL_BASE_NEEDLE_H

#include "culprit/types.h"

struct cul_needles;

struct cul_needle {
	struct cul_slice literal; /* borrowed for the life of the set; at least one byte */
	bool caseless;            /* ASCII; the literal is given in lower case */
	uint32_t id;              /* yours; several needles may share one, or a literal several ids */
};

/** Build a set. Returns CUL_OK or CUL_ENOMEM. */
CUL_MUST_CHECK enum cul_status cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret);
void cul_needles_free(struct cul_needles *set);
/**
 * Tell each occurrence (its end offset, the needle's index in the array), in no particular order. Return false from @hit to stop.
 * Overlapping ones are all told. Safe from several threads.
 */
void cul_needles_scan(const struct cul_needles *set, struct cul_slice text,
		      bool (*hit)(void *ctx, uint32_t index, size_t end), void *ctx);

#endif
