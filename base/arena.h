/* SPDX-License-Identifier: Apache-2.0 */
/** Many allocations, one free. Not for threads. */
#ifndef CUL_BASE_ARENA_H
#define CUL_BASE_ARENA_H

#include "culprit/types.h"

struct cul_arena;

struct cul_arena *cul_arena_new(void); /* NULL: out of memory */
void cul_arena_free(struct cul_arena *arena);
/** Forget all that was allocated, keep the first block. */
void cul_arena_reset(struct cul_arena *arena);
/** Zeroed, aligned for anything; NULL: out of memory. */
void *cul_arena_get(struct cul_arena *arena, size_t size);
/** A copy with a NUL behind it; NULL: out of memory. */
char *cul_arena_copy(struct cul_arena *arena, struct cul_slice text);
char *cul_arena_printf(struct cul_arena *arena, const char *format, ...) CUL_PRINTF(2, 3);
size_t cul_arena_bytes(const struct cul_arena *arena);

#endif
