/* SPDX-License-Identifier: Apache-2.0 */
/** The inside of a set of needles, for needle*.c alone. */
#ifndef CUL_BASE_NEEDLE_INSIDE_H
#define CUL_BASE_NEEDLE_INSIDE_H

#include "base/needle.h"

#define CUL_WINDOW_BYTES 5
#define CUL_STRIDE 2      /* a window is looked at at every second place; each literal has one for even and one for odd ones */
#define CUL_PIECE 4096    /* places that a filter is given at once */
#define CUL_MAP_BITS 20
#define CUL_NEAR_BITS 18
#define CUL_BESIDE 8      /* bytes behind a place that a look at it may read */

enum cul_isa { CUL_ISA_SCALAR, CUL_ISA_AVX2 };

struct cul_filter {
	/* bit h of a window's hash: windows of the set, and what collides with them */
	uint32_t map[(1u << CUL_MAP_BITS) / 32];
	/* hashes of a window with what stands beside it in its literal, see enum cul_near */
	uint64_t near[(1u << CUL_NEAR_BITS) / 64];
};

/* Bytes are told apart with bit 5 set in each, so that one table serves needles with and without case. */
static inline uint32_t cul_fold(uint32_t four)
{
	return four | 0x20202020u;
}
/* Of a window's first four bytes and its last four, folded. */
static inline uint32_t cul_window_hash(uint32_t first, uint32_t last)
{
	return first * 0x9e3779b1u + last * 0x85ebca6bu;
}
/* What is looked at of a window's surroundings: three bytes behind it, three before it; its first four bytes where there are no such. */
enum cul_near { CUL_NEAR_BEHIND, CUL_NEAR_BEFORE, CUL_NEAR_FOUR };
static inline uint32_t cul_near_hash(uint64_t bytes, enum cul_near what)
{
	return (uint32_t)(((bytes | UINT64_C(0x2020202020202020)) + what) * UINT64_C(0x9e3779b97f4a7c15) >> (64 - CUL_NEAR_BITS));
}

/**
 * Write the offsets of those of every second of @size places (a multiple of 64, at most CUL_PIECE) that may be a window into @out, which
 * has room for CUL_PIECE + 8, and return their number. @size + CUL_BESIDE bytes can be read.
 */
typedef size_t cul_filter_run(const struct cul_filter *filter, const char *text, size_t size, uint16_t *out);

/* ---- needle_scan.c ---- */
enum cul_isa cul_isa_here(void);
cul_filter_run *cul_filter_for(enum cul_isa isa);

/* ---- needle_model.c: the model of ordinary log text, written into the build by mkmodel.c ---- */
#define CUL_MODEL_TRIPLES 65536
#define CUL_MODEL_WINDOWS 65536
struct cul_model {
	uint8_t once;                      /* the value of what stands once in the text that it was made from */
	uint8_t pair[128 * 128];           /* 8 * log2 of how often two bytes stand in 256 MiB; 0: never seen */
	uint8_t triple[CUL_MODEL_TRIPLES]; /* three bytes, hashed */
	uint8_t window[CUL_MODEL_WINDOWS]; /* five, folded: by the upper half of cul_window_hash() */
};
extern const struct cul_model cul_model;
/* Six bytes that stand often: half of a hash's bits and 8 * log2 as above; what is not here stands less often than SIXES_LEAST times. */
#define CUL_SIX_BYTES 6
#define CUL_SIXES 32768
#define CUL_SIXES_LEAST 4 /* times in a MiB */
struct cul_six {
	uint8_t check, level;
};
extern const struct cul_six cul_model_sixes[CUL_SIXES];
static inline uint32_t cul_six_hash(const unsigned char *p)
{
	uint32_t h = 2166136261u;
	for (int i = 0; i < CUL_SIX_BYTES; i++)
		h = (h ^ p[i]) * 16777619u;
	return h ^ h >> 15;
}
bool cul_model_make_sixes(struct cul_slice text, struct cul_six *ret);
/** False: no memory. */
bool cul_model_make(struct cul_slice text, struct cul_model *ret);

static inline size_t cul_pair_slot(unsigned char a, unsigned char b)
{
	return (size_t)(a & 127) << 7 | (b & 127);
}
static inline uint32_t cul_triple_slot(unsigned char a, unsigned char b, unsigned char c)
{
	uint32_t key = (uint32_t)(a & 127) << 14 | (uint32_t)(b & 127) << 7 | (c & 127u);
	return key * 0x9e3779b1u >> 16;
}

#endif
