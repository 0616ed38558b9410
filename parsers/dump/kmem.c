/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A dump's memory by address, over pages (kimage.h) and page tables (ktranslate.h), with the last pages and translations kept.
 *
 * How many pages are unpacked in all is limited by the file's size: lists and tables in a hostile dump may lead through a small file
 * for ever, each step a page to inflate. Behind the limit nothing is there any more.
 */
#include <stdio.h>
#include <stdlib.h>

#include "parsers/dump/ktranslate.h"
#include "parsers/dump/vmcoreinfo.h"

#define LOADS (1u << 20)         /* 20 us each where they are packed */
#define PROBES_PLAIN (1u << 18)  /* pages looked at for VMCOREINFO, each a read of its own: some seconds */
#define PROBES_PACKED (1u << 17)

/* ---- pages -------------------------------------------------------------------------------------------------- */

static const struct cul_kmem_slot *load(struct cul_kmem *m, uint64_t pfn)
{
	struct cul_kmem_slot *s = &m->slots[(pfn ^ pfn >> 10 ^ pfn >> 20) % CUL_KMEM_SLOTS];
	if (s->used && s->pfn == pfn)
		return s;
	if (m->loads >= m->loads_most || (!s->bytes && !(s->bytes = malloc(m->image.page_size))))
		return NULL;
	m->loads++;
	s->state = cul_kimage_page(&m->image, pfn, s->bytes);
	s->pfn = pfn;
	s->used = true;
	return s;
}

enum cul_kmem_page cul_kmem_page(struct cul_kmem *m, uint64_t phys)
{
	const struct cul_kmem_slot *s = load(m, phys / m->image.page_size);
	return s ? s->state : CUL_PAGE_DAMAGED;
}

bool cul_kmem_next(struct cul_kmem *m, uint64_t *phys)
{
	uint64_t pfn = *phys / m->image.page_size + (*phys % m->image.page_size != 0);
	if (!cul_kimage_next(&m->image, &pfn) || pfn > UINT64_MAX / m->image.page_size)
		return false;
	*phys = pfn * m->image.page_size;
	return true;
}

uint64_t cul_kmem_page_size(const struct cul_kmem *m)
{
	return m->page_size;
}

bool cul_kmem_phys(struct cul_kmem *m, uint64_t phys, void *buf, size_t size)
{
	for (char *to = buf; size;) {
		const struct cul_kmem_slot *s = load(m, phys / m->image.page_size);
		size_t in = phys % m->image.page_size, n = m->image.page_size - in < size ? m->image.page_size - in : size;
		if (!s || s->state != CUL_PAGE_PRESENT)
			return false;
		memcpy(to, s->bytes + in, n);
		to += n;
		phys += n;
		size -= n;
	}
	return true;
}

/* ---- virtual addresses ------------------------------------------------------------------------------------------ */

static bool translate(struct cul_kmem *m, uint64_t root, uint64_t vaddr, uint64_t *phys)
{
	uint64_t page = vaddr / m->page_size, in = vaddr % m->page_size;
	size_t slot = (page ^ page >> 10 ^ page >> 22 ^ root >> 12) % CUL_KMEM_WALKS;
	if (m->walks[slot].root == root + 1 && m->walks[slot].page == page) {
		*phys = m->walks[slot].phys + in;
		return true;
	}
	if (!cul_ktranslate_walk(m, root, vaddr, phys))
		return false;
	m->walks[slot].root = root + 1;
	m->walks[slot].page = page;
	m->walks[slot].phys = *phys - in;
	return true;
}

bool cul_kmem_translate(struct cul_kmem *m, uint64_t vaddr, uint64_t *phys)
{
	if (!m->levels)
		return false;
	if (m->machine == CUL_KMEM_ARM64 && !(vaddr >> 55 & 1))
		return false; /* the other table's half */
	if (translate(m, m->root, vaddr, phys))
		return true;
	if (vaddr < m->linear_start || vaddr - m->linear_start >= m->linear_size)
		return false;
	/* the tables are filtered or cut off: the kernel's image lies in one piece */
	if (m->tables)
		return false;
	*phys = vaddr - m->linear_start + m->linear_phys;
	return true;
}

static bool read_virtual(struct cul_kmem *m, uint64_t root, bool kernel, uint64_t vaddr, void *buf, size_t size)
{
	for (char *to = buf; size;) {
		size_t in = vaddr % m->page_size, n = m->page_size - in < size ? m->page_size - in : size;
		uint64_t phys;
		if (!(kernel ? cul_kmem_translate(m, vaddr, &phys) : translate(m, root, vaddr, &phys)) || !cul_kmem_phys(m, phys, to, n))
			return false;
		to += n;
		vaddr += n;
		size -= n;
	}
	return true;
}

bool cul_kmem_virt(struct cul_kmem *m, uint64_t vaddr, void *buf, size_t size)
{
	return read_virtual(m, m->root, true, vaddr, buf, size);
}

bool cul_kmem_user(struct cul_kmem *m, uint64_t pgd, uint64_t vaddr, void *buf, size_t size)
{
	uint64_t root;
	return cul_kmem_translate(m, pgd, &root) && read_virtual(m, root, false, vaddr, buf, size);
}

bool cul_kmem_u64(struct cul_kmem *m, uint64_t vaddr, uint64_t *ret)
{
	uint64_t v;
	if (!cul_kmem_virt(m, vaddr, &v, sizeof(v)))
		return false;
	*ret = le64toh(v);
	return true;
}

bool cul_kmem_u32(struct cul_kmem *m, uint64_t vaddr, uint32_t *ret)
{
	uint32_t v;
	if (!cul_kmem_virt(m, vaddr, &v, sizeof(v)))
		return false;
	*ret = le32toh(v);
	return true;
}

bool cul_kmem_text(struct cul_kmem *m, uint64_t vaddr, char *buf, size_t size)
{
	size_t done = 0;
	if (!size)
		return false;
	while (done + 1 < size) {
		size_t room = m->page_size - (vaddr + done) % m->page_size, n = size - 1 - done < room ? size - 1 - done : room;
		if (!cul_kmem_virt(m, vaddr + done, buf + done, n))
			break;
		size_t length = strnlen(buf + done, n);
		done += length;
		if (length < n) {
			buf[done] = 0;
			return true;
		}
	}
	buf[done] = 0;
	return done > 0;
}

/* ---- VMCOREINFO --------------------------------------------------------------------------------------------------- */

bool cul_kmem_symbol(const struct cul_kmem *m, const char *name, uint64_t *ret)
{
	return cul_info_symbol(m->info, name, ret);
}

bool cul_kmem_number(const struct cul_kmem *m, const char *name, int64_t *ret)
{
	return cul_info_number(m->info, name, ret);
}

bool cul_kmem_offset(const struct cul_kmem *m, const char *name, uint64_t *ret)
{
	return cul_info_count(m->info, "OFFSET", name, ret);
}

bool cul_kmem_size(const struct cul_kmem *m, const char *name, uint64_t *ret)
{
	return cul_info_count(m->info, "SIZE", name, ret);
}

bool cul_kmem_length(const struct cul_kmem *m, const char *name, uint64_t *ret)
{
	return cul_info_count(m->info, "LENGTH", name, ret);
}

struct cul_slice cul_kmem_string(const struct cul_kmem *m, const char *key)
{
	return cul_info_get(m->info, key);
}

/* ---- the machine --------------------------------------------------------------------------------------------------- */

enum cul_kmem_machine cul_kmem_machine(const struct cul_kmem *m)
{
	return m->machine;
}

int cul_kmem_levels(const struct cul_kmem *m)
{
	return m->levels;
}

const char *cul_kmem_untranslated(const struct cul_kmem *m)
{
	return m->why;
}

struct cul_slice cul_kmem_release(const struct cul_kmem *m)
{
	struct cul_slice told = cul_info_get(m->info, "OSRELEASE");
	return told.size ? told : cul_str(m->image.release);
}

struct cul_slice cul_kmem_build_id(const struct cul_kmem *m)
{
	return cul_info_get(m->info, "BUILD-ID");
}

bool cul_kmem_kaslr(const struct cul_kmem *m, uint64_t *ret)
{
	return cul_to_hex(cul_info_get(m->info, "KERNELOFFSET"), ret);
}

struct cul_time cul_kmem_crash_time(const struct cul_kmem *m)
{
	int64_t s;
	if (!cul_to_int(cul_info_get(m->info, "CRASHTIME"), &s) || s < 0 || s > INT64_MAX / CUL_SECOND)
		return (struct cul_time){ .ns = CUL_NO_TIME };
	return (struct cul_time){ .ns = s * CUL_SECOND, .clock = CUL_CLOCK_UTC };
}

const struct cul_kmem_cpu *cul_kmem_cpus(const struct cul_kmem *m, size_t *count)
{
	*count = m->image.cpu_count;
	return m->image.cpus;
}

/* ---- opening ---------------------------------------------------------------------------------------------------------- */

/*
 * QEMU writes no VMCOREINFO unless the guest has its vmcoreinfo device: then the page that the kernel keeps it in is looked for,
 * or the note made of it (struct elf_note and its name before the text).
 */
static void search_info(struct cul_kmem *m)
{
	static const size_t offsets[] = { 0, 24 };
	size_t most = m->image.form == CUL_KIMAGE_ELF ? PROBES_PLAIN : PROBES_PACKED;
	size_t size = m->image.page_size;
	char head[40], *page = malloc(size);
	uint64_t pfn = 0;
	for (size_t i = 0; page && i < most && cul_kimage_next(&m->image, &pfn) && !m->image.info; i++, pfn++) {
		/* the kernel's page may be one of several in the dump's */
		if (size > 4096 ? cul_kimage_page(&m->image, pfn, page) != CUL_PAGE_PRESENT : !cul_kimage_peek(&m->image, pfn, head, sizeof(head)))
			continue;
		for (size_t at = 0; at < size && !m->image.info; at += 4096)
			for (size_t k = 0; k < 2; k++) {
				size_t start = at + offsets[k];
				if (memcmp(size > 4096 ? page + start : head + start, "OSRELEASE=", 10) ||
				    (size == 4096 && cul_kimage_page(&m->image, pfn, page) != CUL_PAGE_PRESENT))
					continue;
				size_t n = cul_info_claim(page + start, size - start);
				if (n)
					cul_kimage_take_info(&m->image, page + start, n);
			}
	}
	free(page);
	m->info_found = m->image.info != NULL;
}

static enum cul_kmem_machine machine_of(const struct cul_kimage *k, struct cul_slice info)
{
	if (k->elf_machine)
		return k->elf_machine == 62 ? CUL_KMEM_X86_64 : k->elf_machine == 183 ? CUL_KMEM_ARM64 : CUL_KMEM_OTHER;
	if (!strcmp(k->machine, "x86_64"))
		return CUL_KMEM_X86_64;
	if (!strcmp(k->machine, "aarch64"))
		return CUL_KMEM_ARM64;
	int64_t number;
	if (k->machine[0] && strcmp(k->machine, "Unknown")) /* QEMU's word for arm64 */
		return CUL_KMEM_OTHER;
	return cul_info_number(info, "kimage_voffset", &number) ? CUL_KMEM_ARM64 :
	       cul_info_number(info, "phys_base", &number) ? CUL_KMEM_X86_64 : CUL_KMEM_OTHER;
}

bool cul_kmem_open(const struct cul_image *image, struct cul_kmem **ret, char *why, size_t size)
{
	return cul_kmem_open_parts(&image, 1, ret, why, size);
}

bool cul_kmem_open_parts(const struct cul_image *const *images, size_t count, struct cul_kmem **ret, char *why, size_t size)
{
	struct cul_kmem *m = calloc(1, sizeof(*m));
	if (!m)
		return snprintf(why, size, "out of memory"), false;
	if (!cul_kimage_open_parts(&m->image, images, count, why, size)) {
		cul_kmem_close(m);
		return false;
	}
	if (!m->image.info)
		search_info(m);
	m->info = cul_slice(m->image.info, m->image.info ? m->image.info_size : 0);
	int64_t page_size;
	/* an ELF file does not say it; its tables are of no other size either */
	if (m->image.form == CUL_KIMAGE_ELF && cul_to_int(cul_info_get(m->info, "PAGESIZE"), &page_size) &&
	    (page_size == 16384 || page_size == 65536))
		m->image.page_size = (uint32_t)page_size;
	m->machine = machine_of(&m->image, m->info);
	/* QEMU writes an arm64's memory in pages of 64 KiB, whatever the kernel's are */
	m->page_size = m->machine == CUL_KMEM_X86_64 ? 4096 : m->image.page_size;
	if (m->machine == CUL_KMEM_ARM64 && cul_to_int(cul_info_get(m->info, "PAGESIZE"), &page_size) &&
	    (page_size == 4096 || page_size == 16384 || page_size == 65536))
		m->page_size = (uint32_t)page_size;
	uint64_t by_size = 4096;
	for (size_t i = 0; i < count; i++)
		by_size += (uint64_t)images[i]->size / 16;
	m->loads_most = by_size < LOADS ? by_size : LOADS;
	cul_ktranslate_setup(m);
	*ret = m;
	return true;
}

void cul_kmem_close(struct cul_kmem *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < CUL_KMEM_SLOTS; i++)
		free(m->slots[i].bytes);
	cul_kimage_close(&m->image);
	free(m);
}
