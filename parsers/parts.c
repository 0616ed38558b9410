/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Records of EFI's pstore, joined: the firmware's variables hold 1 KiB each, so the kernel cuts its last log into parts, and a trace
 * may begin in one and end in the next.
 *
 *   dmesg-efi-179522645902001, dmesg-efi_pstore-179522645901001     name and first line: drivers/firmware/efi/efi-pstore.c,
 *   Panic#1 Part2                                                   fs/pstore/platform.c (pstore_dump()); the longer prefix since 6.3
 *
 * The number is (seconds * 100 + part) * 1000 + count, where count tells one oops from the next of the same second. Part 1 is the log's end: the
 * highest part comes first. Parts of one folder are kept until all members were seen, so their order doesn't matter, and read as one
 * text, "pstore!dmesg-efi-…" beside them; a part that is alone is read under its own name. systemd-pstore does the same into dmesg.txt.
 */
#include "parsers/parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "parsers/image.h"

#define PARTS 4096
#define PART_BYTES (64u << 10)

struct cul_part {
	char *name;
	size_t folder; /* how much of the name that is, and the prefix of the file's */
	uint64_t second;
	unsigned part, count;
	int member;
	char *bytes;
	size_t size;
};

static bool read_name(struct cul_slice name, struct cul_part *ret)
{
	struct cul_slice base = name, digits;
	uint64_t id = 0;
	cul_cut_last(name, CUL_LIT("/"), NULL, &base);
	digits = base;
	if (!cul_skip(&digits, CUL_LIT("dmesg-efi-")) && !cul_skip(&digits, CUL_LIT("dmesg-efi_pstore-")))
		return false;
	if (digits.size < 11 || digits.size > 18)
		return false;
	for (size_t i = 0; i < digits.size; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
		id = id * 10 + (uint64_t)(digits.data[i] - '0');
	}
	ret->folder = name.size - base.size;
	ret->count = (unsigned)(id % 1000);
	ret->part = (unsigned)(id / 1000 % 100);
	ret->second = id / 100000;
	return true;
}

/* "Panic#1 Part2" alone on the first line: how long that is with its end; 0: it isn't there. */
static size_t heading(struct cul_slice text)
{
	struct cul_slice line, rest, word;
	if (!cul_cut(text, CUL_LIT("\n"), &line, NULL) || line.size > 40)
		return 0;
	rest = line;
	word = cul_word(&rest);
	if (!cul_cut(word, CUL_LIT("#"), NULL, &word) || !cul_digits(&word).size || word.size)
		return 0;
	rest = cul_trim(rest);
	return cul_skip(&rest, CUL_LIT("Part")) && cul_digits(&rest).size && !cul_trim(rest).size ? line.size + 1 : 0;
}

bool cul_parts_take(struct cul_parse *p, const struct cul_member *member)
{
	struct cul_part part = { .member = p->member };
	if (!read_name(cul_str(member->name), &part) || p->part_count == PARTS || member->size > (int64_t)PART_BYTES || !heading(cul_bundle_head(p->bundle)))
		return false;
	if (!p->parts && !(p->parts = calloc(PARTS, sizeof(*p->parts)))) {
		cul_parse_no_memory(p);
		return true;
	}
	part.name = strdup(member->name);
	part.bytes = malloc(PART_BYTES);
	if (!part.name || !part.bytes) {
		free(part.name);
		free(part.bytes);
		cul_parse_no_memory(p);
		return true;
	}
	for (size_t n; (n = cul_bundle_read(p->bundle, part.bytes + part.size, PART_BYTES - part.size));)
		part.size += n;
	char *less = realloc(part.bytes, part.size + 1);
	if (less)
		part.bytes = less;
	p->tally.bytes += part.size;
	p->parts[p->part_count++] = part;
	return true;
}

static int by_record(const void *a, const void *b)
{
	const struct cul_part *x = a, *y = b;
	size_t least = x->folder < y->folder ? x->folder : y->folder;
	int folder = memcmp(x->name, y->name, least);
	if (folder || x->folder != y->folder)
		return folder ? folder : x->folder < y->folder ? -1 : 1;
	if (x->second != y->second)
		return x->second < y->second ? -1 : 1;
	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	return x->part != y->part ? (x->part > y->part ? -1 : 1) : strcmp(x->name, y->name);
}

static bool same_record(const struct cul_part *a, const struct cul_part *b)
{
	return a->folder == b->folder && !memcmp(a->name, b->name, a->folder) && a->second == b->second && a->count == b->count;
}

/* @count parts, the highest first. Behind a gap the lines go on with the part that is there; the damage tells of it. */
static void join(struct cul_parse *p, const struct cul_part *parts, size_t count)
{
	const struct cul_part *last = &parts[count - 1];
	size_t size = 0, n = 0;
	char *name = NULL, *text, why[200];
	unsigned gaps = last->part > 1 ? last->part - 1 : 0;
	for (size_t i = 0; i < count; i++) {
		size += parts[i].size + 1;
		if (i && parts[i - 1].part > parts[i].part + 1)
			gaps += parts[i - 1].part - parts[i].part - 1;
	}
	text = malloc(size);
	if (!text || asprintf(&name, "%.*spstore!%s", (int)last->folder, last->name, last->name + last->folder) < 0) {
		free(text);
		cul_parse_no_memory(p);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		size_t skip = i ? heading(cul_slice(parts[i].bytes, parts[i].size)) : 0;
		memcpy(text + n, parts[i].bytes + skip, parts[i].size - skip);
		n += parts[i].size - skip;
		if (n && text[n - 1] != '\n')
			text[n++] = '\n';
	}
	snprintf(why, sizeof(why), "%u of the parts of this pstore record are not there%s", gaps, last->part > 1 ? ", the log's end among them" : "");
	cul_parse_text(p, name, -1, cul_slice(text, n), gaps ? why : NULL);
	free(name);
	free(text);
}

void cul_parts_read(struct cul_parse *p)
{
	if (p->part_count)
		qsort(p->parts, p->part_count, sizeof(*p->parts), by_record);
	for (size_t i = 0, n; i < p->part_count && !p->failed; i += n) {
		const struct cul_part *part = &p->parts[i];
		for (n = 1; i + n < p->part_count && same_record(part, &p->parts[i + n]); n++)
			;
		if (n == 1)
			cul_parse_text(p, part->name, part->member, cul_slice(part->bytes, part->size), NULL);
		else
			join(p, part, n);
	}
}

void cul_parts_free(struct cul_parse *p)
{
	for (size_t i = 0; i < p->part_count; i++) {
		free(p->parts[i].name);
		free(p->parts[i].bytes);
	}
	free(p->parts);
}
