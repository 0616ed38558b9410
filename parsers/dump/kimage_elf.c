/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ELF64 dumps as /proc/vmcore, makedumpfile -E, kexec-tools and QEMU's dump-guest-memory write them.
 *
 * QEMU up to 8 writes e_ehsize 8 and its program headers at 192: only e_phoff counts. Where p_memsz is more than p_filesz the rest
 * was left out (pages of zeros by makedumpfile -d 1, filtered ones above): not known.
 */
#include "parsers/dump/kimage.h"

#include <elf.h>
#include <stdio.h>
#include <string.h>

#define SEGMENTS (1u << 20)
#define NOTE_BYTES (16u << 20)           /* of all segments */
#define KERNEL_MAP 0xffffffff80000000ull /* x86-64's __START_KERNEL_map */

bool cul_kimage_open_elf(struct cul_kimage *k, char *why, size_t room)
{
	uint8_t h[64], p[56];
	if (!cul_kimage_read(k, 0, h, sizeof(h)))
		return snprintf(why, room, "the ELF header is cut off"), false;
	if (h[EI_CLASS] != ELFCLASS64 || h[EI_DATA] != ELFDATA2LSB)
		return snprintf(why, room, "a 32-bit or big-endian ELF dump: these are not read"), false;
	uint64_t table = cul_get64(h + 32), count = cul_get16(h + 56), notes = 0;
	k->elf_machine = cul_get16(h + 18);
	if (count == PN_XNUM) { /* then section 0 has it */
		uint8_t section[64];
		count = cul_kimage_read(k, cul_get64(h + 40), section, sizeof(section)) ? cul_get32(section + 44) : 0;
	}
	if (cul_get16(h + 54) != sizeof(p) || !count || count > SEGMENTS || table > k->end)
		return snprintf(why, room, "the ELF header is garbled: no program headers"), false;
	for (uint64_t i = 0; i < count; i++) {
		if (!cul_kimage_read(k, table + i * sizeof(p), p, sizeof(p))) {
			k->cut = true;
			break;
		}
		uint32_t type = cul_get32(p);
		uint64_t at = cul_get64(p + 8), vaddr = cul_get64(p + 16), phys = cul_get64(p + 24), bytes = cul_get64(p + 32), size = cul_get64(p + 40);
		if (type == PT_NOTE && notes < NOTE_BYTES) {
			cul_kimage_notes(k, at, bytes);
			notes += bytes < NOTE_BYTES ? bytes : NOTE_BYTES;
		}
		if (type != PT_LOAD || phys == UINT64_MAX || bytes > UINT64_MAX - phys || size > UINT64_MAX - phys || at > INT64_MAX)
			continue;
		if (vaddr >= KERNEL_MAP && !k->has_phys_base && k->elf_machine == EM_X86_64) {
			k->phys_base = (int64_t)(phys - (vaddr - KERNEL_MAP));
			k->has_phys_base = true;
		}
		k->cut = k->cut || (bytes && (at > k->end || bytes > k->end - at));
		if (!cul_extents_add(&k->loads, (struct cul_extent){ phys, bytes, at, 1 }, SEGMENTS) ||
		    (size > bytes && !cul_extents_add(&k->loads, (struct cul_extent){ phys + bytes, size - bytes, CUL_EXTENT_HOLE, 0 }, SEGMENTS)))
			return snprintf(why, room, "no memory for %llu program headers", (unsigned long long)count), false;
	}
	if (!cul_extents_settle(&k->loads))
		return snprintf(why, room, "no memory for %llu program headers", (unsigned long long)count), false;
	for (size_t i = 0; i < k->loads.count; i++)
		if (__builtin_add_overflow(k->memory, k->loads.items[i].size, &k->memory))
			k->memory = 0;
	if (!k->loads.count)
		return snprintf(why, room, "an ELF file without memory in it"), false;
	k->page_size = 4096;
	return true;
}

enum cul_kmem_page cul_kimage_elf_page(struct cul_kimage *k, uint64_t phys, uint8_t *out, uint64_t size)
{
	bool present = false, known = false;
	uint64_t done = 0;
	while (done < size) {
		const struct cul_extent *e = cul_extents_find(&k->loads, phys + done);
		uint64_t n = size - done;
		if (!e || e->start >= phys + size) {
			if (out)
				memset(out + done, 0, n);
			break;
		}
		if (e->start > phys + done) {
			n = e->start - phys - done;
			if (out)
				memset(out + done, 0, n);
			done += n;
			continue;
		}
		uint64_t in = phys + done - e->start;
		n = e->size - in < n ? e->size - in : n;
		known = true;
		if (e->at != CUL_EXTENT_HOLE)
			present = true;
		if (out && e->at == CUL_EXTENT_HOLE)
			memset(out + done, 0, n);
		else if (out && (e->at > INT64_MAX - in || !cul_kimage_read(k, e->at + in, out + done, n)))
			return CUL_PAGE_DAMAGED;
		done += n;
	}
	return present ? CUL_PAGE_PRESENT : known ? CUL_PAGE_FILTERED : CUL_PAGE_MISSING;
}

bool cul_kimage_elf_next(struct cul_kimage *k, uint64_t *pfn)
{
	uint64_t phys = *pfn < UINT64_MAX / k->page_size ? *pfn * k->page_size : UINT64_MAX;
	const struct cul_extent *e = cul_extents_find(&k->loads, phys), *end = k->loads.items + k->loads.count;
	while (e && e < end && e->at == CUL_EXTENT_HOLE)
		e++;
	if (!e || e == end)
		return false;
	if (e->start > phys)
		*pfn = e->start / k->page_size;
	return true;
}
