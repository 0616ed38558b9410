/* SPDX-License-Identifier: Apache-2.0 */
/** Texts that come again and again, each kept once. */
#include "store/case.h"

#include <limits.h>

static uint32_t *slot_of(const struct case_strings *s, struct cul_slice text)
{
	size_t at = case_hash(0, text.size ? text.data : "", text.size) & (s->room - 1);
	while (s->slots[at] && !cul_is(s->items[s->slots[at] - 1], text))
		at = (at + 1) & (s->room - 1);
	return &s->slots[at];
}

int case_strings_find(const struct case_strings *s, struct cul_slice text)
{
	return s->room ? (int)*slot_of(s, text) - 1 : -1;
}

int case_strings_add(struct case_strings *s, struct cul_slice text)
{
	if (2 * s->count >= s->room) {
		size_t room = s->room ? 2 * s->room : 64, former = s->room;
		uint32_t *slots = room < INT_MAX ? calloc(room, sizeof(*slots)) : NULL;
		struct cul_slice *items = slots ? realloc(s->items, room / 2 * sizeof(*items)) : NULL;
		if (items)
			s->items = items;
		if (!items) {
			free(slots);
			return -1;
		}
		free(s->slots);
		s->slots = slots;
		s->room = room;
		for (size_t i = 0; former && i < s->count; i++)
			*slot_of(s, s->items[i]) = (uint32_t)i + 1;
	}
	uint32_t *slot = slot_of(s, text);
	if (*slot)
		return (int)*slot - 1;
	const char *copy = cul_arena_copy(s->arena, text);
	if (!copy)
		return -1;
	s->items[s->count++] = cul_slice(copy, text.size);
	*slot = (uint32_t)s->count;
	return (int)s->count - 1;
}

void case_strings_free(struct case_strings *s)
{
	free(s->items);
	free(s->slots);
	s->items = NULL;
	s->slots = NULL;
	s->count = s->room = 0;
}
