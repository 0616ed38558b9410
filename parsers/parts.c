/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Records of pstore, joined: EFI's variables hold 1 KiB each, ERST's records some KiB, so the kernel cuts its last log into parts, and
 * a trace may begin in one and end in the next.
 *
 *   dmesg-efi-179522645902001, dmesg-efi_pstore-179522645901001     name and first line: drivers/firmware/efi/efi-pstore.c,
 *   dmesg-efi_pstore-179522645903001.enc.z                          drivers/acpi/apei/erst.c, fs/pstore/inode.c,
 *   dmesg-erst-7501234567890123777                                  fs/pstore/platform.c (pstore_dump()); the longer prefix since 6.3
 *   Panic#1 Part2
 *
 * EFI's number is (seconds * 100 + part) * 1000 + count, where count tells one oops from the next of the same second; ERST's are drawn
 * one after the other, so number less part is the same in all. ".enc.z" is what the kernel that read it could not inflate: it is tried
 * here, and what can't be either is told by itself. Part 1 is the log's end: the highest part comes first. Parts of one folder are kept until all members were seen, so their order doesn't matter, and read as one
 * text, "pstore!dmesg-efi-…" beside them; a part that is alone is read under its own name. systemd-pstore does the same into dmesg.txt.
 */
#include "parsers/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "parsers/image.h"

#define PARTS 2048 /* of 64 KiB at most: 128 MiB */
#define PART_BYTES (64u << 10)

struct cul_part {
	char *name;
	size_t folder; /* how much of the name that is, and the prefix of the file's */
	uint64_t second;
	uint64_t id;
	bool erst; /* part, count and second come from the first line and @id */
	unsigned part, count;
	int member;
	char *bytes;
	size_t size;
};

static bool read_name(struct cul_slice name, struct cul_part *ret, bool *packed)
{
	struct cul_slice base = name, digits;
	uint64_t id = 0;
	cul_cut_last(name, CUL_LIT("/"), NULL, &base);
	digits = base;
	bool erst = cul_skip(&digits, CUL_LIT("dmesg-erst-"));
	if (!erst && !cul_skip(&digits, CUL_LIT("dmesg-efi-")) && !cul_skip(&digits, CUL_LIT("dmesg-efi_pstore-")))
		return false;
	*packed = cul_ends(digits, CUL_LIT(".enc.z"));
	if (*packed)
		digits.size -= 6;
	if (digits.size < 11 || digits.size > (erst ? 19 : 18)) /* fits 64 bits */
		return false;
	for (size_t i = 0; i < digits.size; i++) {
		if (digits.data[i] < '0' || digits.data[i] > '9')
			return false;
		id = id * 10 + (uint64_t)(digits.data[i] - '0');
	}
	ret->folder = name.size - base.size;
	ret->erst = erst;
	ret->id = id;
	ret->count = (unsigned)(id % 1000);
	ret->part = (unsigned)(id / 1000 % 100);
	ret->second = id / 100000;
	return true;
}

/* "Panic#1 Part2" alone on the first line: how long that is with its end; 0: it isn't there. @count, @part: its numbers; may be NULL. */
static size_t heading(struct cul_slice text, unsigned *count, unsigned *part)
{
	struct cul_slice line, rest, word, number;
	int64_t value;
	if (!cul_cut(text, CUL_LIT("\n"), &line, NULL) || line.size > 40)
		return 0;
	rest = line;
	word = cul_word(&rest);
	if (!cul_cut(word, CUL_LIT("#"), NULL, &word))
		return 0;
	number = cul_digits(&word);
	if (!cul_to_int(number, &value) || value > INT32_MAX || word.size)
		return 0;
	if (count)
		*count = (unsigned)value;
	rest = cul_trim(rest);
	if (!cul_skip(&rest, CUL_LIT("Part")))
		return 0;
	number = cul_digits(&rest);
	if (!cul_to_int(number, &value) || value > INT32_MAX || cul_trim(rest).size)
		return 0;
	if (part)
		*part = (unsigned)value;
	return line.size + 1;
}

/* Raw deflate; what was cut off behind stays away. False: it is packed otherwise. */
static bool unpack(struct cul_part *part)
{
	char *text = malloc(PART_BYTES);
	z_stream z = { 0 };
	if (!text || inflateInit2(&z, -15) != Z_OK) {
		free(text);
		return false;
	}
	z.next_in = (unsigned char *)part->bytes;
	z.avail_in = (unsigned)part->size;
	z.next_out = (unsigned char *)text;
	z.avail_out = PART_BYTES;
	bool good = inflate(&z, Z_FINISH) == Z_STREAM_END;
	inflateEnd(&z);
	good = good && heading(cul_slice(text, z.total_out), NULL, NULL) && !memchr(text, 0, z.total_out);
	if (good) {
		free(part->bytes);
		part->bytes = text;
		part->size = z.total_out;
	} else {
		free(text);
	}
	return good;
}

bool cul_parts_take(struct cul_parse *p, const struct cul_member *member)
{
	struct cul_part part = { .member = p->member };
	struct cul_image image;
	bool packed;
	if (!read_name(cul_str(member->name), &part, &packed) || p->part_count == PARTS || member->size > (int64_t)PART_BYTES ||
	    (!packed && !heading(cul_bundle_head(p->bundle), NULL, NULL)) || (packed && (!cul_bundle_image(p->bundle, &image) || image.size > (int64_t)PART_BYTES)))
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
	p->tally.bytes += part.size;
	if (packed && !unpack(&part)) { /* pstore_packed.c says why */
		p->tally.bytes -= part.size;
		free(part.name);
		free(part.bytes);
		cul_bundle_rewind(p->bundle);
		return false;
	}
	if (part.erst) {
		heading(cul_slice(part.bytes, part.size), &part.count, &part.part);
		part.second = part.id - part.part;
	}
	char *less = realloc(part.bytes, part.size + 1);
	if (less)
		part.bytes = less;
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
		size_t skip = i ? heading(cul_slice(parts[i].bytes, parts[i].size), NULL, NULL) : 0;
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
