/* SPDX-License-Identifier: Apache-2.0 */
/**
 * BTF, the compact type information in .BTF of the kernel (CONFIG_DEBUG_INFO_BTF, since 5.2) and, since 5.11, of its modules.
 *
 * A header {magic 0xeb9f, version 1, flags, hdr_len, type_off, type_len, str_off, str_len}, then types one behind the other
 * (name, info, size or type, and what the kind asks for), then strings. Ids count from 1. Layout: include/uapi/linux/btf.h.
 * With kind_flag (bit 31 of info) a member's offset holds the width of a bit field in its top byte. A module's BTF goes on
 * where the kernel's ends, in ids and in strings. Little-endian only. A kind that isn't known ends it: its length isn't known.
 */
#include "parsers/dump/btf.h"

#define MAGIC 0xeb9f
#define HEADER 24
#define MOST_TYPES (1u << 22)
#define MOST_DEPTH 16 /* of typedefs, of anonymous members */
#define MOST_NAME 128 /* no name asked for is longer */
#define MOST_STEPS 256 /* through a bucket's neighbours; half of the buckets are free, so more means a made-up table */

struct type {
	uint32_t name, info, size; /* size: of structs and enums; the type meant, of typedefs, pointers, qualifiers */
};

static uint32_t u32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static unsigned kind_of(const struct type *t)
{
	return t->info >> 24 & 0x1f;
}

static uint32_t count_of(const struct type *t)
{
	return t->info & 0xffff;
}

/* bytes behind the head of a type; SIZE_MAX: a kind that isn't known */
static size_t tail_size(const struct type *t)
{
	uint32_t n = count_of(t);

	switch (kind_of(t)) {
	case 1:	 /* int */
	case 14: /* var */
	case 17: /* decl_tag */
		return 4;
	case 3: /* array */
		return 12;
	case CUL_BTF_STRUCT:
	case CUL_BTF_UNION:
	case 15: /* datasec */
	case CUL_BTF_ENUM64:
		return (size_t)12 * n;
	case CUL_BTF_ENUM:
	case 13: /* func_proto */
		return (size_t)8 * n;
	case 2:	 /* pointer */
	case 7:	 /* forward */
	case 8:	 /* typedef */
	case 9:	 /* volatile */
	case 10: /* const */
	case 11: /* restrict */
	case 12: /* function */
	case 16: /* float */
	case 18: /* type_tag */
		return 0;
	default:
		return SIZE_MAX;
	}
}

static const char *string_at(const struct cul_btf *btf, uint32_t offset)
{
	while (btf->base && offset < btf->strings_first)
		btf = btf->base;
	offset -= btf->strings_first;
	return offset < btf->strings_size ? btf->strings + offset : "";
}

/* the type of that id, and where its members begin */
static bool type_at(const struct cul_btf *btf, uint32_t id, struct type *ret, const uint8_t **tail)
{
	const uint8_t *p;

	while (btf->base && id < btf->first)
		btf = btf->base;
	if (id < btf->first || id - btf->first >= btf->count)
		return false;
	p = btf->types + btf->places[id - btf->first];
	*ret = (struct type){ u32_at(p), u32_at(p + 4), u32_at(p + 8) };
	if (tail)
		*tail = p + 12;
	return true;
}

static uint32_t hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (int i = 0; name[i] && i < MOST_NAME; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619u;
	return h ^ h >> 15;
}

static bool is_named(const struct type *t)
{
	unsigned kind = kind_of(t);

	return t->name && (kind == CUL_BTF_STRUCT || kind == CUL_BTF_UNION || kind == CUL_BTF_ENUM || kind == CUL_BTF_ENUM64);
}

/* walk all types once; with @places NULL only count them */
static bool walk_types(const struct cul_btf *btf, uint32_t *places, uint32_t *count, uint32_t *named, const char **why)
{
	uint32_t at = 0;

	*count = *named = 0;
	while (at < btf->types_size) {
		struct type t;
		size_t tail;

		if (btf->types_size - at < 12 || *count == MOST_TYPES) {
			*why = "BTF: the types end in the middle of one";
			return false;
		}
		t = (struct type){ u32_at(btf->types + at), u32_at(btf->types + at + 4), u32_at(btf->types + at + 8) };
		tail = tail_size(&t);
		if (tail == SIZE_MAX) {
			*why = "BTF: a kind of type that is not known";
			return false;
		}
		if (tail > btf->types_size - at - 12) {
			*why = "BTF: a type is longer than what is there";
			return false;
		}
		if (places)
			places[*count] = at;
		*named += is_named(&t);
		++*count;
		at += 12 + (uint32_t)tail;
	}
	return true;
}

static void index_name(struct cul_btf *btf, uint32_t id, const struct type *t)
{
	uint32_t at = hash(string_at(btf, t->name)) & btf->bucket_mask;

	for (int i = 0; i < MOST_STEPS; i++, at = (at + 1) & btf->bucket_mask) {
		struct type other;

		if (!btf->buckets[at]) {
			btf->buckets[at] = id;
			return;
		}
		/* of several with one name the first counts */
		if (type_at(btf, btf->buckets[at], &other, NULL) && other.name == t->name && kind_of(&other) == kind_of(t))
			return;
	}
}

bool cul_btf_load(struct cul_btf *btf, const uint8_t *data, size_t size, const struct cul_btf *base, struct cul_arena *arena,
		  const char **why)
{
	uint32_t header, type_off, type_size, string_off, string_size, named, buckets = 16;

	*btf = (struct cul_btf){ .base = base, .first = 1 };
	*why = "BTF: no header";
	if (size < HEADER || (u32_at(data) & 0xffff) != MAGIC)
		return false;
	if (data[2] != 1) {
		*why = "BTF: a version that is not known";
		return false;
	}
	header = u32_at(data + 4);
	type_off = u32_at(data + 8);
	type_size = u32_at(data + 12);
	string_off = u32_at(data + 16);
	string_size = u32_at(data + 20);
	if (header < HEADER || header > size || type_off > size - header || type_size > size - header - type_off ||
	    string_off > size - header || string_size > size - header - string_off || !string_size ||
	    data[header + string_off + string_size - 1]) {
		*why = "BTF: the header promises more than is there";
		return false;
	}
	btf->types = data + header + type_off;
	btf->types_size = type_size;
	btf->strings = (const char *)data + header + string_off;
	btf->strings_size = string_size;
	if (base) {
		btf->first = base->first + base->count;
		btf->strings_first = base->strings_first + base->strings_size;
	}
	if (!walk_types(btf, NULL, &btf->count, &named, why))
		return false;
	*why = "BTF: out of memory";
	btf->places = cul_arena_get(arena, (btf->count + 1) * sizeof(*btf->places));
	while (buckets < 2 * named)
		buckets *= 2;
	btf->bucket_mask = buckets - 1;
	btf->buckets = cul_arena_get(arena, buckets * sizeof(*btf->buckets));
	if (!btf->places || !btf->buckets || !walk_types(btf, btf->places, &btf->count, &named, why))
		return false;
	for (uint32_t i = 0; i < btf->count; i++) {
		struct type t;

		if (type_at(btf, btf->first + i, &t, NULL) && is_named(&t))
			index_name(btf, btf->first + i, &t);
	}
	*why = NULL;
	return true;
}

uint32_t cul_btf_find(const struct cul_btf *btf, const char *name, enum cul_btf_kind kind)
{
	uint32_t h = hash(name);

	for (; btf; btf = btf->base) {
		struct type t;

		if (!btf->buckets)
			continue;
		for (uint32_t i = 0, at = h & btf->bucket_mask; i < MOST_STEPS && btf->buckets[at]; i++, at = (at + 1) & btf->bucket_mask)
			if (type_at(btf, btf->buckets[at], &t, NULL) && kind_of(&t) == (unsigned)kind &&
			    !strcmp(string_at(btf, t.name), name))
				return btf->buckets[at];
	}
	return 0;
}

/* through typedefs and qualifiers */
static uint32_t plain(const struct cul_btf *btf, uint32_t id)
{
	struct type t;

	for (int i = 0; i < MOST_DEPTH && type_at(btf, id, &t, NULL); i++) {
		unsigned kind = kind_of(&t);

		if (kind != 8 && kind != 9 && kind != 10 && kind != 11 && kind != 18)
			break;
		id = t.size;
	}
	return id;
}

/* @budget bounds the members looked at: anonymous structs may hold one another in a broken BTF */
static bool find_member(const struct cul_btf *btf, uint32_t id, struct cul_slice name, int depth, unsigned *budget,
			struct cul_btf_member *ret)
{
	const uint8_t *tail;
	struct type t;

	if (depth > MOST_DEPTH || !type_at(btf, plain(btf, id), &t, &tail) ||
	    (kind_of(&t) != CUL_BTF_STRUCT && kind_of(&t) != CUL_BTF_UNION))
		return false;
	for (uint32_t i = 0; i < count_of(&t) && *budget; i++, tail += 12) {
		const char *has = string_at(btf, u32_at(tail));
		uint32_t type = u32_at(tail + 4), offset = u32_at(tail + 8), bits = 0;

		--*budget;
		if (t.info >> 31) {
			bits = offset >> 24;
			offset &= 0xffffff;
		}
		if (cul_is(cul_str(has), name)) {
			*ret = (struct cul_btf_member){ .bit_offset = offset, .type = type, .bits = bits };
			return true;
		}
		if (!*has && find_member(btf, type, name, depth + 1, budget, ret)) {
			ret->bit_offset += offset;
			return true;
		}
	}
	return false;
}

bool cul_btf_member(const struct cul_btf *btf, uint32_t id, const char *path, struct cul_btf_member *ret)
{
	struct cul_slice rest = cul_str(path), name;
	struct cul_btf_member found = { .type = id }, step;
	unsigned budget = 100000;

	while (rest.size) {
		if (!cul_cut(rest, CUL_LIT("."), &name, &rest)) {
			name = rest;
			rest = CUL_NONE;
		}
		if (!find_member(btf, found.type, name, 0, &budget, &step))
			return false;
		found = (struct cul_btf_member){ found.bit_offset + step.bit_offset, step.type, step.bits };
	}
	*ret = found;
	return true;
}

int64_t cul_btf_offset(const struct cul_btf *btf, const char *type, const char *path)
{
	uint32_t id = cul_btf_find(btf, type, CUL_BTF_STRUCT);
	struct cul_btf_member m;

	if (!id)
		id = cul_btf_find(btf, type, CUL_BTF_UNION);
	if (!id || !cul_btf_member(btf, id, path, &m) || m.bits || m.bit_offset % 8 || m.bit_offset > (1u << 28))
		return -1;
	return (int64_t)(m.bit_offset / 8);
}

int64_t cul_btf_size(const struct cul_btf *btf, const char *type)
{
	uint32_t id = cul_btf_find(btf, type, CUL_BTF_STRUCT);
	struct type t;

	if (!id)
		id = cul_btf_find(btf, type, CUL_BTF_UNION);
	return id && type_at(btf, id, &t, NULL) ? (int64_t)t.size : -1;
}

uint64_t cul_btf_type_size(const struct cul_btf *btf, uint32_t id)
{
	uint64_t times = 1;
	const uint8_t *tail;
	struct type t;

	for (int i = 0; i < MOST_DEPTH && type_at(btf, plain(btf, id), &t, &tail); i++) {
		switch (kind_of(&t)) {
		case 2:
			return times * 8;
		case 3:
			times *= u32_at(tail + 8);
			if (times > (1u << 28))
				return 0;
			id = u32_at(tail);
			break;
		case 1:
		case CUL_BTF_STRUCT:
		case CUL_BTF_UNION:
		case CUL_BTF_ENUM:
		case CUL_BTF_ENUM64:
		case 16:
			return times * t.size;
		default:
			return 0;
		}
	}
	return 0;
}

static bool enumerator_of(const struct cul_btf *btf, uint32_t id, const char *name, int64_t *ret)
{
	const uint8_t *tail;
	struct type t;
	bool wide;

	if (!type_at(btf, id, &t, &tail) || (kind_of(&t) != CUL_BTF_ENUM && kind_of(&t) != CUL_BTF_ENUM64))
		return false;
	wide = kind_of(&t) == CUL_BTF_ENUM64;
	for (uint32_t i = 0; i < count_of(&t); i++, tail += wide ? 12 : 8) {
		if (strcmp(string_at(btf, u32_at(tail)), name))
			continue;
		*ret = (int32_t)u32_at(tail + 4);
		if (wide)
			*ret = (int64_t)((uint64_t)u32_at(tail + 8) << 32 | u32_at(tail + 4));
		return true;
	}
	return false;
}

bool cul_btf_enumerator(const struct cul_btf *btf, const char *in, const char *name, int64_t *ret)
{
	uint32_t id = cul_btf_find(btf, in, CUL_BTF_ENUM);

	return enumerator_of(btf, id ? id : cul_btf_find(btf, in, CUL_BTF_ENUM64), name, ret);
}
