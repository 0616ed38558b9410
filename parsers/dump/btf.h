/* SPDX-License-Identifier: Apache-2.0 */
/** BTF: the types of a kernel or module as it carries them itself. Inner to the dumps' parsers. */
#ifndef CUL_PARSERS_DUMP_BTF_H
#define CUL_PARSERS_DUMP_BTF_H

#include "base/arena.h"
#include "base/slice.h"

enum cul_btf_kind { CUL_BTF_STRUCT = 4, CUL_BTF_UNION = 5, CUL_BTF_ENUM = 6, CUL_BTF_ENUM64 = 19 };

struct cul_btf {
	const struct cul_btf *base; /* of a module's: the kernel's own, whose ids and strings come first */
	const uint8_t *types;
	const char *strings;
	uint32_t types_size, strings_size;
	uint32_t first, count;      /* ids are first .. first + count - 1 */
	uint32_t strings_first;     /* offset that the first string has */
	uint32_t *places;           /* of each id in @types */
	uint32_t *buckets;          /* ids of named structs, unions, enums by name; 0 is free */
	uint32_t bucket_mask;
};

struct cul_btf_member {
	uint64_t bit_offset;
	uint32_t type, bits; /* bits: of a bit field, else 0 */
};

/**
 * Take @size bytes of BTF apart. The bytes are borrowed for as long as @btf is used, the tables lie in @arena.
 * @base: NULL, or the kernel's own types when these are a module's. False: @why says what is wrong.
 */
bool cul_btf_load(struct cul_btf *btf, const uint8_t *data, size_t size, const struct cul_btf *base, struct cul_arena *arena,
		  const char **why);

/** The id of "struct @name" (or union, enum), or 0. */
uint32_t cul_btf_find(const struct cul_btf *btf, const char *name, enum cul_btf_kind kind);
/** The member at @path ("thread.sp", through anonymous structs and unions) of type @id. */
bool cul_btf_member(const struct cul_btf *btf, uint32_t id, const char *path, struct cul_btf_member *ret);
/** Byte offset of @path in struct @type, or -1. A bit field is none. */
int64_t cul_btf_offset(const struct cul_btf *btf, const char *type, const char *path);
/** Size of struct (or union) @type, or -1. */
int64_t cul_btf_size(const struct cul_btf *btf, const char *type);
/** Size in bytes that a value of type @id takes, through typedefs and arrays; 0 if unknown. */
uint64_t cul_btf_type_size(const struct cul_btf *btf, uint32_t id);
/** The value of enumerator @name of enum @in. */
bool cul_btf_enumerator(const struct cul_btf *btf, const char *in, const char *name, int64_t *ret);

#endif
