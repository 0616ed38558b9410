/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Many literals in one pass over bytes. Behind this header stands what is fastest and exact; callers see ids.
 *
 * A set is made for the processor it runs on: AVX2, or plain C. CULPRIT_ISA=scalar in the environment forces plain C when a set is
 * made; any other value says nothing. Both tell the same hits in the same order.
 */
#ifndef CUL_BASE_NEEDLE_H
#define CUL_BASE_NEEDLE_H

#include "culprit/types.h"

struct cul_needles;

struct cul_needle {
	struct cul_slice literal; /* borrowed for the life of the set; at least one byte. Below four it is found, but costs: a look at each byte of the text */
	bool caseless;            /* ASCII; the literal is given in lower case */
	uint32_t id;              /* yours; several needles may share one, or a literal several ids */
};

/** Build a set. Returns CUL_OK or CUL_ENOMEM. */
CUL_MUST_CHECK enum cul_status cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret);
void cul_needles_free(struct cul_needles *set);
/**
 * Tell each occurrence: its end offset and the needle's index in the array, in ascending order of end, at one end of index.
 * Return false from @hit to stop. Overlapping ones are all told. Safe from several threads. Nothing is set up per call: a
 * line of 100 bytes costs about what 200 bytes of a block cost. No byte outside of @text is read.
 */
void cul_needles_scan(const struct cul_needles *set, struct cul_slice text,
		      bool (*hit)(void *ctx, uint32_t index, size_t end), void *ctx);

/** The part of @text's bytes at which the filter lets a window through to a closer look, 0 to 1: what a pass costs beside reading. */
double cul_needles_rate(const struct cul_needles *set, struct cul_slice text);

/** "avx2", "scalar". */
const char *cul_needles_isa(const struct cul_needles *set);

/** How often @literal stands in a MiB of ordinary log text, as estimated from the frequencies of its three-byte parts. */
double cul_literal_per_mib(struct cul_slice literal, bool caseless);

#endif
