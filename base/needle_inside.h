/* SPDX-License-Identifier: Apache-2.0 */
/** The inside of a set of needles, for needle*.c alone. */
#ifndef CUL_BASE_NEEDLE_INSIDE_H
#define CUL_BASE_NEEDLE_INSIDE_H

#include "base/needle.h"

#define CUL_WINDOW_BYTES 4
#define CUL_PIECE 4096 /* places that a filter is given at once */

enum cul_isa { CUL_ISA_SCALAR, CUL_ISA_SSSE3, CUL_ISA_NEON, CUL_ISA_AVX2, CUL_ISA_VBMI };

/* Where a literal's window lies, and in which of the sixteen buckets. */
struct cul_choice {
	uint8_t at;
	uint8_t bucket;
};

struct cul_filter {
	/* bit b of [g][k][c]: a window of bucket 8 g + b may have byte c (of its low seven bits) at place k */
	_Alignas(64) uint8_t bytes[2][CUL_WINDOW_BYTES][128];
	/* the same of the two halves of a byte */
	_Alignas(64) uint8_t low[2][CUL_WINDOW_BYTES][16], high[2][CUL_WINDOW_BYTES][16];
	/* bit h of a window's hash: windows of the set, and what collides with them */
	uint64_t map[(1u << 16) / 64];
	uint64_t short_first[256 / 64]; /* first bytes of needles of fewer than four */
};

/* Windows are told apart with bit 5 set in each byte, so that one table serves needles with and without case. */
static inline uint32_t cul_fold_window(uint32_t window)
{
	return window | 0x20202020u;
}
static inline uint32_t cul_window_hash(uint32_t folded)
{
	return folded * 0x9e3779b1u;
}

/**
 * Write the offsets of those of @size places (a multiple of 64, at most CUL_PIECE) that may be a window into @out and
 * return their number. @size + 3 bytes can be read.
 */
typedef size_t cul_filter_run(const struct cul_filter *filter, const char *text, size_t size, uint16_t *out);

/* ---- needle_scan.c ---- */
enum cul_isa cul_isa_here(void);
cul_filter_run *cul_filter_for(enum cul_isa isa);

/* ---- needle_plan.c ---- */
struct cul_effort {
	size_t places;  /* of the text that a choice is measured on; a multiple of 64 */
	size_t windows; /* the rarest so many of a literal are tried */
	size_t rounds;  /* each is chosen anew so many times, knowing all others */
};
/**
 * Choose a window and a bucket for each needle. @halves: for a filter that looks bytes up in halves. @sample: text to choose on, or
 * CUL_NONE: ordinary logs, where literals that the checked-in plan knows are not thought about again. False: no memory.
 */
bool cul_needles_plan(const struct cul_needle *needles, size_t count, bool halves, struct cul_slice sample,
		      const struct cul_effort *effort, struct cul_choice *ret);
/** What names a literal in the plan. */
uint32_t cul_literal_name(struct cul_slice literal, bool caseless);

/* The plan: choices for the literals of the product itself, made by `make plan`; a hint, so it may be out of date. */
struct cul_planned {
	uint32_t name; /* ascending */
	struct cul_choice bytes, halves;
};
extern const struct cul_planned cul_needle_plan[];
extern const size_t cul_needle_planned;
/* What that one does not know of them, planned quickly when the product is built (rules/mkpack_plan.c), so that it is not done at each start. */
extern const struct cul_planned cul_needle_late[];
extern const size_t cul_needle_late_planned;
/* How much thought a set is given that nobody planned. */
#define CUL_EFFORT_QUICK { CUL_MODEL_PLACES, 3, 0 }

/* ---- needle_model.c: the model of ordinary log text, written into the build by mkmodel.c ---- */
#define CUL_MODEL_PLACES 1024
#define CUL_MODEL_TRIPLES 65536
struct cul_model {
	uint8_t once;                      /* the value of what stands once in the text that it was made from */
	uint8_t pair[128 * 128];           /* 8 * log2 of how often two bytes stand in 256 MiB; 0: never seen */
	uint8_t triple[CUL_MODEL_TRIPLES]; /* three bytes, hashed */
	uint8_t places[CUL_WINDOW_BYTES][CUL_MODEL_PLACES]; /* four bytes each at random places */
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
/** False: no memory. @text of 64 bytes or more. */
bool cul_model_make(struct cul_slice text, struct cul_model *ret);
/** Four bytes each of @count places of @text, drawn the same way each time. */
void cul_model_draw(struct cul_slice text, size_t count, uint8_t *const places[CUL_WINDOW_BYTES]);

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
