/* SPDX-License-Identifier: Apache-2.0 */
/** Many allocations, one free: blocks that double up to 256 KiB; what is larger gets a block of its own. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST 4096
#define LARGEST (256u << 10)

struct block {
	struct block *next;
	size_t room, used;
	max_align_t bytes[];
};

struct cul_arena {
	struct block *blocks; /* the one in use first */
	size_t next_room, bytes;
};

struct cul_arena *cul_arena_new(void)
{
	struct cul_arena *arena = calloc(1, sizeof(*arena));
	if (arena)
		arena->next_room = FIRST;
	return arena;
}

static void free_blocks(struct block *block)
{
	while (block) {
		struct block *next = block->next;
		free(block);
		block = next;
	}
}

void cul_arena_free(struct cul_arena *arena)
{
	if (!arena)
		return;
	free_blocks(arena->blocks);
	free(arena);
}

void cul_arena_reset(struct cul_arena *arena)
{
	struct block *first = arena->blocks;
	arena->bytes = 0;
	if (!first)
		return;
	free_blocks(first->next);
	if (first->room > LARGEST) { /* one of a single large thing is not kept for small ones */
		free(first);
		arena->blocks = NULL;
		return;
	}
	first->next = NULL;
	first->used = 0;
}

void *cul_arena_get(struct cul_arena *arena, size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	struct block *block = arena->blocks;
	if (!block || block->room - block->used < size) {
		size_t room = size > arena->next_room ? size : arena->next_room;
		struct block *fresh = malloc(sizeof(*fresh) + room);
		if (!fresh)
			return NULL;
		fresh->room = room;
		fresh->used = 0;
		fresh->next = block;
		arena->blocks = block = fresh;
		if (arena->next_room < LARGEST)
			arena->next_room *= 2;
	}
	void *at = (char *)block->bytes + block->used;
	block->used += size;
	arena->bytes += size;
	return memset(at, 0, size);
}

char *cul_arena_copy(struct cul_arena *arena, struct cul_slice text)
{
	char *copy = cul_arena_get(arena, text.size + 1);
	if (copy && text.size)
		memcpy(copy, text.data, text.size);
	return copy;
}

char *cul_arena_printf(struct cul_arena *arena, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *text = n < 0 ? NULL : cul_arena_get(arena, (size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	return text;
}

size_t cul_arena_bytes(const struct cul_arena *arena)
{
	return arena->bytes;
}
