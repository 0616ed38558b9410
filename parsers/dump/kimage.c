/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The containers of kernel dumps: ELF64 (kimage_elf.c), kdump-compressed (kimage_kdump.c), and the flattened stream of either
 * ("makedumpfile", written by makedumpfile -F and by QEMU's kdump-zlib: struct makedumpfile_data_header, big-endian).
 *
 * Every offset is checked, and nothing is allocated because the input says so: only for what was found in it.
 */
#include "parsers/dump/kimage.h"

#include <elf.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS (4u << 20)       /* of a flattened stream: a record each 16 KiB of a dump of 64 GiB; 128 MiB of extents */
#define NOTE_BYTES (16u << 20)   /* 8192 CPUs take 3 MiB */
#define INFO_BYTES (1u << 20)    /* VMCOREINFO is a page or four */

/* ---- the file that is meant ---------------------------------------------------------------------------- */

bool cul_kimage_read(const struct cul_kimage *k, uint64_t offset, void *buffer, size_t size)
{
	if (!k->flat)
		return cul_image_read(k->image, offset, buffer, size);
	for (char *to = buffer; size;) {
		const struct cul_extent *e = offset < k->end && size <= k->end - offset ? cul_extents_find(&k->file, offset) : NULL;
		size_t n = size;
		if (!e)
			return false;
		if (e->start > offset) { /* never written */
			n = e->start - offset < n ? (size_t)(e->start - offset) : n;
			memset(to, 0, n);
		} else {
			uint64_t in = offset - e->start;
			n = e->size - in < n ? (size_t)(e->size - in) : n;
			if (!cul_image_read(k->image, e->at + in, to, n))
				return false;
		}
		to += n;
		offset += n;
		size -= n;
	}
	return true;
}

/* struct makedumpfile_header fills 4 KiB; then big-endian offset and size, that many bytes, and so on until both are -1. */
static bool open_flat(struct cul_kimage *k)
{
	uint64_t at = 4096, size = (uint64_t)k->image->size;
	for (size_t i = 0; i < RECORDS; i++) {
		uint64_t head[2];
		if (!cul_image_read(k->image, at, head, sizeof(head))) {
			k->cut = true;
			break;
		}
		uint64_t start = be64toh(head[0]), bytes = be64toh(head[1]);
		at += sizeof(head);
		if ((int64_t)start < 0 || (int64_t)bytes < 0)
			break;
		if (bytes > size - at) {
			bytes = size - at;
			k->cut = true;
		}
		if (!cul_extents_add(&k->file, (struct cul_extent){ start, bytes, at, i }, RECORDS))
			return false;
		if (bytes && start + bytes > k->end)
			k->end = start + bytes;
		at += bytes;
	}
	return k->file.count && cul_extents_settle(&k->file);
}

/* ---- notes ---------------------------------------------------------------------------------------------- */

void cul_kimage_take_info(struct cul_kimage *k, const void *text, size_t size)
{
	if (k->info || !size || size > INFO_BYTES || !(k->info = malloc(size + 1)))
		return;
	memcpy(k->info, text, size);
	k->info[size] = 0;
	k->info_size = strlen(k->info);
}

/* struct elf_prstatus: pid at 32, registers at 112 */
static void take_registers(struct cul_kimage *k, const uint8_t *note, size_t size)
{
	size_t count = size >= 112 + 34 * 8 + 8 ? 34 : size >= 112 + 27 * 8 ? 27 : 0;
	if (!count || k->cpu_count == CUL_KIMAGE_CPUS)
		return;
	if (!(k->cpu_count & (k->cpu_count - 1))) {
		struct cul_kmem_cpu *more = realloc(k->cpus, (k->cpu_count ? k->cpu_count * 2 : 1) * sizeof(*more));
		if (!more)
			return;
		k->cpus = more;
	}
	struct cul_kmem_cpu *cpu = &k->cpus[k->cpu_count];
	*cpu = (struct cul_kmem_cpu){ .cpu = (unsigned)k->cpu_count, .pid = (int)cul_get32(note + 32), .count = (unsigned)count };
	for (size_t i = 0; i < count; i++)
		cpu->regs[i] = cul_get64(note + 112 + 8 * i);
	k->cpu_count++;
}

void cul_kimage_notes(struct cul_kimage *k, uint64_t at, uint64_t size)
{
	if (at >= k->end)
		return;
	if (size > k->end - at)
		size = k->end - at;
	if (size > NOTE_BYTES)
		size = NOTE_BYTES;
	uint8_t *notes = malloc(size ? size : 1);
	bool qemu = false;
	if (!notes || !cul_kimage_read(k, at, notes, size)) {
		free(notes);
		return;
	}
	for (uint64_t p = 0; p + 12 <= size;) {
		uint64_t name = cul_get32(notes + p), desc = cul_get32(notes + p + 4);
		uint32_t type = cul_get32(notes + p + 8);
		uint64_t name_room = (name + 3) & ~3ull, desc_room = (desc + 3) & ~3ull;
		p += 12;
		if ((!name && !desc) || name_room > size - p || desc > size - p - name_room)
			break;
		const uint8_t *body = notes + p + name_room;
		if (type == NT_PRSTATUS && name == 5 && !memcmp(notes + p, "CORE", 5))
			take_registers(k, body, desc);
		else if (name == 11 && !memcmp(notes + p, "VMCOREINFO", 11))
			cul_kimage_take_info(k, body, desc);
		else if (name == 5 && !memcmp(notes + p, "QEMU", 5))
			qemu = true;
		p += name_room + desc_room;
	}
	/* it writes the CPU's number + 1; of an arm64 it has no note of its own that would tell */
	size_t numbered = 0;
	while (numbered < k->cpu_count && k->cpus[numbered].pid == (int)numbered + 1)
		numbered++;
	for (size_t i = 0; (qemu || numbered == k->cpu_count) && i < k->cpu_count; i++)
		k->cpus[i].pid = -1;
	free(notes);
}

/* ---- either ------------------------------------------------------------------------------------------------------ */

enum cul_kmem_page cul_kimage_page(struct cul_kimage *k, uint64_t pfn, void *out)
{
	enum cul_kmem_page page = CUL_PAGE_MISSING;
	if (k->form == CUL_KIMAGE_KDUMP)
		page = cul_kimage_kdump_page(k, pfn, out);
	else if (pfn < UINT64_MAX / k->page_size)
		page = cul_kimage_elf_page(k, pfn * k->page_size, out, k->page_size);
	if (out) {
		k->damaged += page == CUL_PAGE_DAMAGED;
		k->filtered += page == CUL_PAGE_FILTERED;
	}
	return page;
}

bool cul_kimage_peek(struct cul_kimage *k, uint64_t pfn, void *out, size_t size)
{
	if (k->form == CUL_KIMAGE_ELF)
		return pfn < UINT64_MAX / k->page_size && cul_kimage_elf_page(k, pfn * k->page_size, out, size) == CUL_PAGE_PRESENT;
	uint8_t *page = k->packed + 2 * k->page_size;
	if (cul_kimage_kdump_page(k, pfn, page) != CUL_PAGE_PRESENT)
		return false;
	memcpy(out, page, size < k->page_size ? size : k->page_size);
	return size <= k->page_size;
}

bool cul_kimage_next(struct cul_kimage *k, uint64_t *pfn)
{
	return k->form == CUL_KIMAGE_ELF ? cul_kimage_elf_next(k, pfn) : cul_kimage_kdump_next(k, pfn);
}

/* The file that is meant, and how it begins. */
static bool open_file(struct cul_kimage *k, const struct cul_image *image, char magic[16], char *why, size_t room)
{
	*k = (struct cul_kimage){ .image = image, .end = (uint64_t)image->size };
	if (image->size < 0 || !cul_image_read(image, 0, magic, 16))
		return snprintf(why, room, "too short for a dump"), false;
	if (!memcmp(magic, "makedumpfile\0\0\0", 16)) {
		k->flat = true;
		k->end = 0;
		if (!open_flat(k) || !cul_kimage_read(k, 0, magic, 16))
			return snprintf(why, room, "the flattened dump is cut off or garbled"), false;
	}
	return true;
}

bool cul_kimage_open(struct cul_kimage *k, const struct cul_image *image, char *why, size_t room)
{
	char magic[16];
	if (!open_file(k, image, magic, why, room))
		return false;
	if (!memcmp(magic, ELFMAG, SELFMAG)) {
		if (!cul_kimage_open_elf(k, why, room))
			return false;
	} else if (!memcmp(magic, "KDUMP   ", 8) || !memcmp(magic, "DISKDUMP", 8)) {
		k->form = CUL_KIMAGE_KDUMP;
		if (!cul_kimage_open_kdump(k, why, room))
			return false;
	} else {
		return snprintf(why, room, "no kernel dump of a form that is read (ELF64, kdump-compressed, flattened)"), false;
	}
	if (k->split && !cul_kimage_kdump_parts(k))
		return snprintf(why, room, "the dump's header is garbled: a part from page %llu to %llu", (unsigned long long)k->part_start,
				(unsigned long long)k->part_end), false;
	k->incomplete = k->incomplete || k->cut;
	return true;
}

bool cul_kimage_open_parts(struct cul_kimage *k, const struct cul_image *const *images, size_t count, char *why, size_t room)
{
	size_t first = 0;
	bool lost = false;
	while (first < count && !cul_kimage_open(k, images[first], why, room)) {
		lost = true;
		if (++first < count)
			cul_kimage_close(k);
	}
	if (first == count)
		return false;
	for (size_t i = first + 1; i < count && k->split && k->other_count < CUL_KIMAGE_PARTS - 1; i++) {
		struct cul_kimage *other = malloc(sizeof(*other));
		char magic[16], ignored[256];
		if (!other)
			return snprintf(why, room, "out of memory"), false;
		if (!open_file(other, images[i], magic, ignored, sizeof(ignored)) || !cul_kimage_kdump_head(other, ignored, sizeof(ignored)) ||
		    !other->split || other->page_size != k->page_size || other->descriptors != k->descriptors) {
			lost = true;
			cul_kimage_close(other);
			free(other);
			continue;
		}
		k->others[k->other_count++] = other;
		k->incomplete |= other->incomplete;
	}
	if (k->split)
		cul_kimage_kdump_parts(k);
	k->cut |= lost;
	k->incomplete |= k->cut;
	return true;
}

void cul_kimage_close(struct cul_kimage *k)
{
	cul_extents_free(&k->file);
	cul_extents_free(&k->loads);
	cul_kimage_kdump_close(k);
	for (unsigned i = 0; i < k->other_count; i++) {
		cul_kimage_close(k->others[i]);
		free(k->others[i]);
	}
	free(k->info);
	free(k->cpus);
	*k = (struct cul_kimage){ 0 };
}

void cul_kimage_form_text(const struct cul_kimage *k, char text[48])
{
	if (k->form == CUL_KIMAGE_ELF)
		snprintf(text, 48, "%sELF64", k->flat ? "flattened " : "");
	else
		snprintf(text, 48, "%skdump-compressed v%d", k->flat ? "flattened " : "", k->version);
}

void cul_kimage_packing_text(const struct cul_kimage *k, char text[48])
{
	snprintf(text, 48, "%s%s%s%s", k->packings & CUL_KDUMP_ZLIB ? "zlib " : "", k->packings & CUL_KDUMP_LZO ? "lzo " : "",
		 k->packings & CUL_KDUMP_SNAPPY ? "snappy " : "", k->packings & CUL_KDUMP_ZSTD ? "zstd " : "");
	size_t n = strlen(text);
	if (n)
		text[n - 1] = 0;
	else
		snprintf(text, 48, "none");
}
