/* SPDX-License-Identifier: Apache-2.0 */
/** Python's pickle as plain data: numbers, texts, lists, dicts. Nothing is ever run or imported. Inner to the room. */
#ifndef CUL_PARSERS_PICKLE_H
#define CUL_PARSERS_PICKLE_H

#include "base/slice.h"

enum cul_plain_type { CUL_PLAIN_NONE, CUL_PLAIN_FLAG, CUL_PLAIN_INT, CUL_PLAIN_REAL, CUL_PLAIN_TEXT, CUL_PLAIN_LIST, CUL_PLAIN_DICT, CUL_PLAIN_IDENTITY };

struct cul_plain_items;

/** A value; texts point into the bytes that were read. Lists and dicts may hold each other: walk to a fixed depth only. */
struct cul_plain {
	enum cul_plain_type type;
	uint32_t size; /* of a text */
	union {
		int64_t i;
		double r;
		const char *text;
		struct cul_plain_items *items; /* a dict: key, value, key, value */
	};
};

struct cul_plain_items {
	struct cul_plain *at;
	uint32_t count, room;
	struct cul_plain_items *next; /* of all that were made */
};

/** Owns all that hangs from @root. */
struct cul_plain_tree {
	struct cul_plain root;
	struct cul_plain_items *all;
	uint32_t containers;
	uint64_t items;
};

/**
 * Read @bytes. NULL, or a sentence (in @room, or static) that says why it was refused or where it ends too early; what was read until a torn
 * end is in @tree all the same. Free it in both cases.
 */
const char *cul_pickle_read(struct cul_slice bytes, struct cul_plain_tree *tree, char room[160]);
void cul_plain_free(struct cul_plain_tree *tree);

/** A new, empty list or dict in @tree; false: too many, or no memory. */
bool cul_plain_make(struct cul_plain_tree *tree, enum cul_plain_type type, struct cul_plain *ret);
/** Put @value behind the others in @list (a dict takes key and value in turn). */
bool cul_plain_add(struct cul_plain_tree *tree, struct cul_plain *list, struct cul_plain value);

/** The value of @key in @dict, or one of type NONE. */
struct cul_plain cul_plain_get(struct cul_plain dict, const char *key);
/** How many a list (a dict: keys and values) has, and one of them. */
static inline uint32_t cul_plain_count(struct cul_plain v)
{
	return v.type == CUL_PLAIN_LIST || v.type == CUL_PLAIN_DICT ? v.items->count : 0;
}
static inline struct cul_plain cul_plain_at(struct cul_plain v, uint32_t index)
{
	return index < cul_plain_count(v) ? v.items->at[index] : (struct cul_plain){ .type = CUL_PLAIN_NONE };
}
static inline struct cul_slice cul_plain_text(struct cul_plain v)
{
	return v.type == CUL_PLAIN_TEXT ? cul_slice(v.text, v.size) : (struct cul_slice){ 0 };
}
/** A whole number, also of a real or of digits in a text. */
bool cul_plain_int(struct cul_plain v, int64_t *ret);

#endif
