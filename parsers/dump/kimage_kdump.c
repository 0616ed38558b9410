/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The compressed format of kdump: "KDUMP   ", header versions 1 to 6, and "DISKDUMP" from which it comes. Written by makedumpfile and
 * by QEMU (dump-guest-memory -z, -l, -s); struct disk_dump_header, kdump_sub_header, page_desc of makedumpfile's diskdump_mod.h.
 *
 * A page has two bits: is memory, is in the dump; where only the first is set it was filtered. Its descriptor is the one by the number
 * of second bits before it. What is kept of a bitmap is that number for each 4 KiB. QEMU writes the sub-header's phys_base wrong.
 */
#include "parsers/dump/kimage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define INFO_BYTES (1u << 20)
#define BITMAP_BYTES (1ull << 30) /* 32 TiB of memory in pages of 4 KiB */
#define BITS sizeof(((struct cul_kimage_bits *)0)->bytes)

enum { ZLIB = CUL_KDUMP_ZLIB, LZO = CUL_KDUMP_LZO, SNAPPY = CUL_KDUMP_SNAPPY, INCOMPLETE = 8, ZSTD = CUL_KDUMP_ZSTD, PACKINGS = ZLIB | LZO | SNAPPY | ZSTD };

static const uint8_t *bits_at(struct cul_kimage *k, int which, uint64_t block)
{
	struct cul_kimage_bits *b = &k->bits[which];
	uint64_t start = which ? k->bitmap_dumped : k->bitmap, in = block * BITS;
	size_t n = k->bitmap_bytes - in < BITS ? (size_t)(k->bitmap_bytes - in) : BITS;
	if (b->place == block + 1)
		return b->bytes;
	b->place = 0;
	memset(b->bytes, 0, BITS);
	if (!cul_kimage_read(k, start + in, b->bytes, n))
		return NULL;
	b->place = block + 1;
	return b->bytes;
}

/* bits before @end: a multiple of 64, or the last byte's are masked */
static uint64_t ones(const uint8_t *bits, uint64_t end)
{
	uint64_t n = 0;
	for (uint64_t i = 0; i < end / 64; i++)
		n += (uint64_t)__builtin_popcountll(cul_get64(bits + i * 8));
	if (end % 64)
		n += (uint64_t)__builtin_popcountll(cul_get64(bits + end / 64 * 8) & ((UINT64_C(1) << end % 64) - 1));
	return n;
}

/* Each bitmap once, in large pieces: reads cost more than bits. */
static bool count_bits(struct cul_kimage *k)
{
	const size_t blocks = 64;
	uint8_t *piece = malloc(blocks * BITS);
	k->rank_count = (k->bitmap_bytes + BITS - 1) / BITS;
	k->ranks = malloc((k->rank_count + 1) * sizeof(*k->ranks));
	bool good = piece && k->ranks;
	for (int which = 0; good && which < 2; which++) {
		uint64_t sum = 0, start = which ? k->bitmap_dumped : k->bitmap;
		for (size_t i = 0; good && i < k->rank_count; i += blocks) {
			uint64_t in = i * BITS, n = k->bitmap_bytes - in < blocks * BITS ? k->bitmap_bytes - in : blocks * BITS;
			memset(piece + n, 0, blocks * BITS - n);
			good = cul_kimage_read(k, start + in, piece, n);
			for (size_t j = 0; good && j < blocks && i + j < k->rank_count; j++) {
				if (which)
					k->ranks[i + j] = sum;
				sum += ones(piece + j * BITS, BITS * 8);
			}
		}
		if (which && good)
			k->ranks[k->rank_count] = sum;
		else if (good)
			k->memory = sum * k->page_size;
	}
	free(piece);
	return good;
}

static bool kdump_descriptor(const struct cul_kimage *k, uint64_t index, uint64_t *at, uint32_t *size, uint32_t *flags)
{
	uint8_t d[24]; /* struct page_desc */
	if (index > (UINT64_MAX - k->descriptors) / sizeof(d) || !cul_kimage_read(k, k->descriptors + index * sizeof(d), d, sizeof(d)))
		return false;
	*at = cul_get64(d);
	*size = cul_get32(d + 8);
	*flags = cul_get32(d + 12);
	return true;
}

static void copy_name(char to[66], const uint8_t *from)
{
	size_t n = 0;
	for (; n < 64 && from[n] > 0x20 && from[n] < 0x7f; n++)
		to[n] = (char)from[n];
	to[n] = 0;
}

/* What bits_at() says for a page, and how many pages before it are in the dump. */
static bool is_dumped(struct cul_kimage *k, uint64_t pfn, uint64_t *before)
{
	uint64_t block = pfn / (BITS * 8), bit = pfn % (BITS * 8);
	if (block >= k->rank_count) {
		*before = k->ranks[k->rank_count];
		return false;
	}
	const uint8_t *is = bits_at(k, 1, block);
	*before = k->ranks[block] + (is ? ones(is, bit) : 0);
	return is && (is[bit / 8] >> bit % 8 & 1);
}

/* ---- the files of a set ---------------------------------------------------------------------------------------------- */

static int by_part(const void *a, const void *b)
{
	const struct cul_kimage_part *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* Is the file's end there? The data of the last page that is not the shared zero page stands there. */
static bool is_whole(const struct cul_kimage *file, uint64_t pages)
{
	uint64_t at;
	uint32_t packed, flags;
	for (uint64_t i = pages; i && pages - i < 64; i--) {
		if (!kdump_descriptor(file, i - 1, &at, &packed, &flags) || at > file->end || packed > file->end - at)
			return false;
	}
	return true;
}

static const struct cul_kimage_part *part_of(const struct cul_kimage *k, uint64_t pfn)
{
	for (unsigned i = 0; i < k->part_count && k->parts[i].start <= pfn; i++)
		if (pfn < k->parts[i].end)
			return &k->parts[i];
	return NULL;
}

bool cul_kimage_kdump_parts(struct cul_kimage *k)
{
	k->part_count = 0;
	for (unsigned i = 0; i <= k->other_count; i++) {
		const struct cul_kimage *file = i ? k->others[i - 1] : k;
		uint64_t end = file->part_end < k->max_pfn ? file->part_end : k->max_pfn, behind;
		struct cul_kimage_part part = { .file = file, .start = file->part_start, .end = end };
		if (file->part_start > file->part_end || file->part_start > k->max_pfn)
			continue;
		is_dumped(k, part.start, &part.before);
		is_dumped(k, part.end, &behind);
		k->cut |= !is_whole(file, behind - part.before);
		k->parts[k->part_count++] = part;
	}
	qsort(k->parts, k->part_count, sizeof(k->parts[0]), by_part);
	uint64_t pfn = 0, end, pages;
	k->lacking = cul_kimage_gap(k, &pfn, &end, &pages);
	return k->part_count;
}

bool cul_kimage_gap(struct cul_kimage *k, uint64_t *pfn, uint64_t *end, uint64_t *pages)
{
	const struct cul_kimage_part *part;
	uint64_t before, behind;
	for (; *pfn < k->max_pfn && k->split; *pfn = *end) {
		while ((part = part_of(k, *pfn)))
			*pfn = part->end;
		*end = k->max_pfn;
		for (unsigned i = 0; i < k->part_count; i++)
			if (k->parts[i].start > *pfn && k->parts[i].start < *end && k->parts[i].end > k->parts[i].start)
				*end = k->parts[i].start;
		if (*pfn >= *end)
			break;
		is_dumped(k, *pfn, &before);
		is_dumped(k, *end, &behind);
		*pages = behind - before;
		if (*pages)
			return true;
	}
	return false;
}

/* ---- opening --------------------------------------------------------------------------------------------------------- */

bool cul_kimage_kdump_head(struct cul_kimage *k, char *why, size_t room)
{
	uint8_t h[464], sub[104];
	k->form = CUL_KIMAGE_KDUMP;
	if (!cul_kimage_read(k, 0, h, sizeof(h)))
		return snprintf(why, room, "the dump's header is cut off"), false;
	uint32_t sub_blocks = cul_get32(h + 432), bitmap_blocks = cul_get32(h + 436), cpus = cul_get32(h + 460);
	bool old = !memcmp(h, "DISKDUMP", 8);
	k->version = (int)cul_get32(h + 8);
	k->status = cul_get32(h + 424);
	k->page_size = cul_get32(h + 428);
	k->max_pfn = cul_get32(h + 440);
	k->declared_cpus = cpus && cpus <= CUL_KIMAGE_CPUS ? cpus : 0;
	k->written_s = (int64_t)cul_get64(h + 408);
	copy_name(k->node, h + 12 + 65);
	copy_name(k->release, h + 12 + 2 * 65);
	copy_name(k->machine, h + 12 + 4 * 65);
	if (k->page_size < 4096 || k->page_size > CUL_KIMAGE_PAGE_MOST || (k->page_size & (k->page_size - 1)))
		return snprintf(why, room, "the dump's header is garbled: pages of %u bytes", k->page_size), false;
	if (k->version < 0 || k->version > 32 || !sub_blocks || sub_blocks > 4096 || !bitmap_blocks)
		return snprintf(why, room, "the dump's header is garbled: version %d, %u blocks of sub-header, %u of bitmap", k->version, sub_blocks, bitmap_blocks), false;
	if (!cul_kimage_read(k, k->page_size, sub, sizeof(sub)))
		return snprintf(why, room, "the dump is cut off in its sub-header"), false;
	k->incomplete = k->status & INCOMPLETE;
	if (!old && k->version >= 1) {
		k->level = (int)cul_get32(sub + 8);
		k->has_level = k->level >= 0 && k->level < 64;
	}
	k->phys_base = (int64_t)cul_get64(sub);
	k->has_phys_base = !old;
	k->split = !old && k->version >= 2 && cul_get32(sub + 12);
	k->part_start = cul_get64(sub + (k->version >= 6 ? 80 : 16));
	k->part_end = cul_get64(sub + (k->version >= 6 ? 88 : 24));
	if (!old && k->version >= 6 && cul_get64(sub + 96))
		k->max_pfn = cul_get64(sub + 96);
	k->bitmap = (uint64_t)(1 + sub_blocks) * k->page_size;
	uint64_t bytes = (uint64_t)bitmap_blocks * k->page_size;
	k->descriptors = k->bitmap + bytes;
	if (k->bitmap > k->end || bytes > k->end - k->bitmap)
		return snprintf(why, room, "the dump is cut off in its bitmaps, or its header is garbled: %llu bytes of bitmap in a file of %llu",
				(unsigned long long)bytes, (unsigned long long)k->end), false;
	bool two = k->max_pfn <= bytes / 2 * 8; /* the first diskdumps had one */
	k->bitmap_bytes = two ? bytes / 2 : bytes;
	k->bitmap_dumped = k->bitmap + (two ? bytes / 2 : 0);
	if (k->bitmap_bytes > BITMAP_BYTES)
		return snprintf(why, room, "a bitmap of %llu bytes: more than 32 TiB of memory is not read", (unsigned long long)k->bitmap_bytes), false;
	if (k->max_pfn > k->bitmap_bytes * 8)
		k->max_pfn = k->bitmap_bytes * 8;
	if (!old && k->version >= 3) {
		k->info_at = cul_get64(sub + 32);
		k->info_bytes = cul_get64(sub + 40);
	}
	if (!old && k->version >= 4) {
		k->notes_at = cul_get64(sub + 48);
		k->notes_bytes = cul_get64(sub + 56);
	}
	return true;
}

bool cul_kimage_open_kdump(struct cul_kimage *k, char *why, size_t room)
{
	if (!cul_kimage_kdump_head(k, why, room))
		return false;
	if (!(k->packed = malloc(3 * (size_t)k->page_size)) || !count_bits(k))
		return snprintf(why, room, "the dump's bitmaps can't be read"), false;
	char *text = k->info_at && k->info_bytes && k->info_bytes <= INFO_BYTES ? malloc(k->info_bytes) : NULL;
	if (text && cul_kimage_read(k, k->info_at, text, k->info_bytes))
		cul_kimage_take_info(k, text, k->info_bytes);
	free(text);
	if (k->notes_at)
		cul_kimage_notes(k, k->notes_at, k->notes_bytes);
	k->cut |= !k->split && !is_whole(k, k->ranks[k->rank_count]);
	return true;
}

static bool unzip(struct cul_kimage *k, const uint8_t *in, size_t size, uint8_t *out)
{
	z_stream *z = k->unzip;
	if (!z) {
		z = calloc(1, sizeof(*z));
		if (!z || inflateInit(z) != Z_OK) {
			free(z);
			return false;
		}
		k->unzip = z;
	} else if (inflateReset(z) != Z_OK) {
		return false;
	}
	z->next_in = (Bytef *)(uintptr_t)in;
	z->avail_in = (uInt)size;
	z->next_out = out;
	z->avail_out = k->page_size;
	return inflate(z, Z_FINISH) == Z_STREAM_END && !z->avail_out;
}

static bool unzstd(struct cul_kimage *k, const uint8_t *in, size_t size, uint8_t *out)
{
	if (!k->unzstd)
		k->unzstd = ZSTD_createDCtx();
	return k->unzstd && ZSTD_decompressDCtx(k->unzstd, out, k->page_size, in, size) == k->page_size;
}

enum cul_kmem_page cul_kimage_kdump_page(struct cul_kimage *k, uint64_t pfn, uint8_t *out)
{
	uint64_t block = pfn / (BITS * 8), bit = pfn % (BITS * 8), at;
	uint32_t size, flags;
	const struct cul_kimage *file = k;
	const uint8_t *is = pfn < k->max_pfn ? bits_at(k, 1, block) : NULL;
	if (!is)
		return pfn < k->max_pfn ? CUL_PAGE_DAMAGED : CUL_PAGE_MISSING;
	if (!(is[bit / 8] >> bit % 8 & 1)) {
		is = bits_at(k, 0, block);
		return !is ? CUL_PAGE_DAMAGED : is[bit / 8] >> bit % 8 & 1 ? CUL_PAGE_FILTERED : CUL_PAGE_MISSING;
	}
	uint64_t index = k->ranks[block] + ones(is, bit);
	if (k->split) {
		const struct cul_kimage_part *part = part_of(k, pfn);
		if (!part) {
			k->elsewhere += out != NULL;
			return CUL_PAGE_FILTERED;
		}
		file = part->file;
		index -= part->before;
	}
	if (!out)
		return CUL_PAGE_PRESENT;
	if (!kdump_descriptor(file, index, &at, &size, &flags) || !size || size > 2 * k->page_size || !cul_kimage_read(file, at, k->packed, size))
		return CUL_PAGE_DAMAGED;
	bool good = false;
	switch (flags & PACKINGS) {
	case 0:
		good = size == k->page_size;
		if (good)
			memcpy(out, k->packed, size);
		break;
	case ZLIB: good = unzip(k, k->packed, size, out); break;
	case LZO: good = cul_unlzo(k->packed, size, out, k->page_size); break;
	case SNAPPY: good = cul_unsnappy(k->packed, size, out, k->page_size); break;
	case ZSTD: good = unzstd(k, k->packed, size, out); break;
	}
	if (good)
		k->packings |= flags & PACKINGS;
	return good ? CUL_PAGE_PRESENT : CUL_PAGE_DAMAGED;
}

bool cul_kimage_kdump_next(struct cul_kimage *k, uint64_t *pfn)
{
	for (uint64_t block = *pfn / (BITS * 8), bit = *pfn % (BITS * 8); block < k->rank_count; block++, bit = 0) {
		const uint8_t *is = k->ranks[block + 1] > k->ranks[block] ? bits_at(k, 1, block) : NULL;
		for (; is && bit < BITS * 8; bit = (bit | 63) + 1) {
			uint64_t word = cul_get64(is + bit / 64 * 8) >> bit % 64;
			if (!word)
				continue;
			uint64_t found = block * BITS * 8 + bit + (uint64_t)__builtin_ctzll(word);
			if (k->split && found < k->max_pfn && !part_of(k, found)) {
				uint64_t next = k->max_pfn;
				for (unsigned i = 0; i < k->part_count; i++)
					if (k->parts[i].start > found && k->parts[i].start < next && k->parts[i].end > k->parts[i].start)
						next = k->parts[i].start;
				*pfn = next;
				return next < k->max_pfn && cul_kimage_kdump_next(k, pfn);
			}
			*pfn = found;
			return found < k->max_pfn;
		}
	}
	return false;
}

void cul_kimage_kdump_close(struct cul_kimage *k)
{
	free(k->ranks);
	free(k->packed);
	if (k->unzip)
		inflateEnd(k->unzip);
	free(k->unzip);
	ZSTD_freeDCtx(k->unzstd);
}
