/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kallsyms of kernels before 6.0, whose VMCOREINFO does not say where the tables are.
 *
 * The image behind _stext is searched for the token table: the digits stand for themselves in it ("0\0" to "9\0"), and the index
 * of 256 u16 behind it must fit. From there the order that scripts/kallsyms.c writes up to 6.3 leads back: markers, names, number,
 * base, offsets, each on eight bytes.
 */
#include "parsers/dump/kallsyms_tables.h"

#define MOST_IMAGE (96u << 20)  /* where the tables are searched */
#define MOST_BETWEEN (12u << 20) /* three bytes for each symbol */

/* is the text at @hit the token "0"? Then the tables */
static bool confirm_tokens(const struct cul_ksource *source, uint64_t hit, uint64_t *table, uint64_t *index)
{
	uint16_t at[256];
	char text[CUL_KALLSYMS_PAGE];
	size_t n = 0, size = sizeof(text);
	int count = '0';

	while (size && !source->read(source->ctx, hit, text, size))
		size /= 2;
	while (count < 256 && n < size) {
		size_t length = strnlen(text + n, size - n);

		if (!length || length > 64 || n + length == size)
			return false;
		n += length + 1;
		count++;
	}
	if (count < 256)
		return false;
	for (int align = 4; align <= 8; align += 4) {
		*index = (hit + n + (uint64_t)align - 1) / (uint64_t)align * (uint64_t)align;
		if (!source->read(source->ctx, *index, at, sizeof(at)) || at[0] || at['0'] < '0' || at['1'] != at['0'] + 2)
			continue;
		for (count = 1; count < 256 && at[count] >= at[count - 1] + 2; count++)
			;
		*table = hit - at['0'];
		if (count == 256 && at[255] < at['0'] + n)
			return true;
	}
	return false;
}

static bool find_tokens(const struct cul_ksource *source, uint64_t start, uint64_t *table, uint64_t *index)
{
	static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
	uint64_t end = MOST_IMAGE < source->most ? MOST_IMAGE : source->most;
	char window[2 * CUL_KALLSYMS_PAGE];
	size_t held = 0; /* the end of the page before */

	start &= ~(uint64_t)(CUL_KALLSYMS_PAGE - 1);
	for (uint64_t at = 0; at < end; at += CUL_KALLSYMS_PAGE) {
		struct cul_slice rest;
		size_t hit;

		if (!source->read(source->ctx, start + at, window + held, CUL_KALLSYMS_PAGE)) {
			held = 0;
			continue;
		}
		rest = cul_slice(window, held + CUL_KALLSYMS_PAGE);
		while ((hit = cul_find(rest, cul_slice(digits, sizeof(digits)))) != SIZE_MAX) {
			uint64_t address = start + at - held + (size_t)(rest.data - window) + hit;

			if (confirm_tokens(source, address, table, index))
				return true;
			rest = cul_from(rest, hit + 1);
		}
		memmove(window, window + held + CUL_KALLSYMS_PAGE - sizeof(digits), sizeof(digits));
		held = sizeof(digits);
	}
	return false;
}

/* markers end in front of @table: where they begin, and how many there are */
static bool find_markers(const struct cul_ksource *source, uint64_t table, uint64_t *markers, uint32_t *count, uint32_t first[2])
{
	uint64_t at = table;
	uint32_t value = 0, next = UINT32_MAX;

	*count = 0;
	/* up to seven bytes of padding */
	for (int i = 0; i < 3 && !value; i++) {
		at -= 4;
		if (!source->read(source->ctx, at, &value, 4))
			return false;
	}
	while (value < next && *count < CUL_KALLSYMS_MOST / 256) {
		++*count;
		first[1] = first[0];
		first[0] = value;
		if (!value) {
			*markers = at;
			return *count >= 4;
		}
		next = value;
		at -= 4;
		if (!source->read(source->ctx, at, &value, 4))
			return false;
	}
	return false;
}

/* do 256 names that begin at @names end where the second marker says? */
static bool confirm_names(const struct cul_ksource *source, uint64_t names, uint32_t second)
{
	struct cul_kallsyms_stream stream = { .source = source, .next = names };
	uint8_t packed[CUL_KALLSYMS_NAME];
	uint64_t used = 0;

	for (int i = 0; i < 256; i++) {
		int n = cul_kallsyms_name(&stream, packed);

		if (n < 0)
			return false;
		used += (uint64_t)n + (n > 0x7f ? 2 : 1);
	}
	return used == second;
}

/* names lie before the markers, at most 256 of them behind the last marker; the number eight bytes before them */
static bool find_names(const struct cul_ksource *source, uint64_t markers, uint32_t count, uint32_t second, struct cul_kallsyms_tables *t)
{
	uint32_t last, value;

	if (!source->read(source->ctx, markers + 4 * (uint64_t)(count - 1), &last, 4) || last > markers)
		return false;
	for (uint64_t at = (markers - last) & ~(uint64_t)7, end = at - 256 * 128; at > end; at -= 8) {
		if (!source->read(source->ctx, at - 8, &value, 4))
			return false;
		if (value <= 256 * (count - 1) || value > 256 * count || !confirm_names(source, at, second))
			continue;
		t->names = at;
		t->count = value;
		t->base = at - 16;
		t->offsets = at - 16 - ((uint64_t)value * 4 + 7) / 8 * 8;
		return true;
	}
	return false;
}

/* do three markers end in front of @at? 256 names take at least two bytes each, and fewer than 128 */
static bool may_be_markers(const struct cul_ksource *source, uint64_t at)
{
	uint32_t v[4];

	if (!source->read(source->ctx, at - sizeof(v), v, sizeof(v)))
		return false;
	if (!v[3]) /* padding */
		memmove(v + 1, v, 3 * sizeof(*v));
	return v[3] - v[2] >= 512 && v[3] - v[2] <= 256 * 128 && v[2] - v[1] >= 512 && v[2] - v[1] <= 256 * 128;
}

bool cul_kallsyms_search(const struct cul_ksource *source, struct cul_kallsyms_tables *t)
{
	uint64_t start, markers;
	uint32_t count, first[2] = { 0 };
	int tries = 0;

	if (!source->symbol(source->ctx, "_stext", &start) || !find_tokens(source, start, &t->tokens, &t->index))
		return false;
	/* right in front of the tokens; where the names' order was backported (kallsyms_seqs_of_names), that lies between */
	for (uint64_t end = t->tokens; end > t->tokens - MOST_BETWEEN && end > start && tries < 64; end -= 8) {
		if (!may_be_markers(source, end))
			continue;
		tries++;
		if (find_markers(source, end, &markers, &count, first) && find_names(source, markers, count, first[1], t))
			return true;
	}
	return false;
}
