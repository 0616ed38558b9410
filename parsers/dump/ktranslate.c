/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Kernel virtual -> physical, by the page tables that are in the dump themselves.
 *
 * x86-64 (Intel SDM 3, 4.5): four or five levels of 512 entries, leaves of 4 KiB, 2 MiB and 1 GiB, address in bits 51:12 less the bit
 * that AMD's SME encrypts by. The top table is SYMBOL(init_top_pgt), swapper_pg_dir before 4.13 too; NUMBER(phys_base) (signed
 * decimal) tells where the kernel's image lies. Kernels before 4.10 don't print that: then the ELF segment or the sub-header may
 * tell, and the one is taken by which the tables lead from _stext to where it says.
 *
 * arm64 (ARM DDI 0487, D8.3; kernel/vmcore_info.c of arch/arm64): pages of 4, 16, 64 KiB, NUMBER(VA_BITS), NUMBER(kimage_voffset),
 * NUMBER(TCR_EL1_T1SZ). A table's last level has both low bits set, a block on the way only the first. Tried on dumps of guests with
 * pages of 4 and 16 KiB, 48 and 52 bits (LPA2), and kernels for 52 on CPUs of 48 (levels 3 to 5); pages of 64 KiB by the manual only.
 */
#include "parsers/dump/ktranslate.h"

#include <stdio.h>

#include "parsers/dump/vmcoreinfo.h"

#define X86_MAP 0xffffffff80000000ull /* __START_KERNEL_map */

/* ---- one walk ------------------------------------------------------------------------------------------ */

static bool is_canonical(const struct cul_kmem *m, uint64_t vaddr)
{
	if (m->machine == CUL_KMEM_ARM64)
		return true; /* which half, the root says */
	int64_t high = (int64_t)vaddr >> (m->va_bits - 1);
	return high == 0 || high == -1;
}

static uint64_t entry_address(const struct cul_kmem *m, uint64_t entry)
{
	uint64_t phys = entry & m->address_mask;
	if (m->wide) /* bits 48 or 50 and up */
		phys |= (entry >> m->wide_low & ((1u << m->wide_count) - 1)) << (52 - m->wide_count);
	return phys;
}

bool cul_ktranslate_walk(struct cul_kmem *m, uint64_t root, uint64_t vaddr, uint64_t *phys)
{
	uint64_t table = root, entry;
	if (!m->levels || !is_canonical(m, vaddr))
		return false;
	for (int level = m->levels; level >= 1; level--) {
		unsigned shift = m->page_bits + m->index_bits * (unsigned)(level - 1);
		uint64_t index = vaddr >> shift & ((UINT64_C(1) << (level == m->levels ? m->top_bits : m->index_bits)) - 1);
		if (!cul_kmem_phys(m, table + 8 * index, &entry, sizeof(entry)))
			return false;
		entry = le64toh(entry);
		if (!(entry & 1))
			return false;
		bool leaf = level == 1, block = m->machine == CUL_KMEM_ARM64 ? !(entry & 2) : entry & 0x80;
		if (m->machine == CUL_KMEM_ARM64 && leaf && block)
			return false; /* reserved */
		if (!leaf && block && (level == m->levels || level > 3))
			return false;
		uint64_t at = entry_address(m, entry);
		if (leaf || block) {
			uint64_t inside = (UINT64_C(1) << shift) - 1;
			*phys = (at & ~inside) | (vaddr & inside);
			return true;
		}
		table = at;
	}
	return false;
}

/* ---- setup ------------------------------------------------------------------------------------------------ */

/* The tables lead from where the kernel begins to where @base says it lies. */
static bool leads(struct cul_kmem *m, uint64_t root, uint64_t base)
{
	static const char *const known[] = { "_stext", "init_uts_ns", "node_online_map" };
	uint64_t vaddr, phys;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (cul_info_symbol(m->info, known[i], &vaddr) && vaddr >= X86_MAP && cul_ktranslate_walk(m, root, vaddr, &phys))
			return phys == vaddr - X86_MAP + base;
	return false;
}

static void setup_x86(struct cul_kmem *m)
{
	int64_t number, five = 0, mask = 0;
	uint64_t top, bases[4], size = 1u << 30;
	size_t count = 0;
	if (!cul_info_symbol(m->info, "init_top_pgt", &top) && !cul_info_symbol(m->info, "swapper_pg_dir", &top)) {
		snprintf(m->why, sizeof(m->why), "VMCOREINFO does not say where the page tables are (init_top_pgt, swapper_pg_dir)");
		return;
	}
	if (cul_info_number(m->info, "phys_base", &number))
		bases[count++] = (uint64_t)number;
	if (m->image.has_phys_base)
		bases[count++] = (uint64_t)m->image.phys_base;
	if (!count || bases[count - 1])
		bases[count++] = 0;
	cul_info_number(m->info, "pgtable_l5_enabled", &five);
	cul_info_number(m->info, "sme_mask", &mask);
	m->levels = five == 1 ? 5 : 4;
	m->va_bits = five == 1 ? 57 : 48;
	m->page_bits = 12;
	m->index_bits = m->top_bits = 9;
	m->address_mask = 0x000ffffffffff000ull & ~(uint64_t)mask;
	size_t chosen = count;
	for (size_t i = 0; i < count && chosen == count; i++)
		if (leads(m, top - X86_MAP + bases[i], bases[i]))
			chosen = i;
	m->tables = chosen < count;
	if (chosen == count)
		chosen = 0;
	m->root = top - X86_MAP + bases[chosen];
	if (cul_info_number(m->info, "KERNEL_IMAGE_SIZE", &number) && number > 0 && number <= 1 << 30)
		size = (uint64_t)number;
	m->linear_start = X86_MAP;
	m->linear_size = size;
	m->linear_phys = bases[chosen];
}

static void setup_arm64(struct cul_kmem *m)
{
	int64_t va_bits, offset, t1sz;
	uint64_t top, start;
	unsigned page_bits = (unsigned)__builtin_ctz(m->page_size);
	if (!cul_info_symbol(m->info, "swapper_pg_dir", &top) || !cul_info_number(m->info, "VA_BITS", &va_bits) ||
	    !cul_info_number(m->info, "kimage_voffset", &offset) || va_bits < 36 || va_bits > 52) {
		snprintf(m->why, sizeof(m->why), "VMCOREINFO does not say where the page tables are (swapper_pg_dir, VA_BITS, kimage_voffset)");
		return;
	}
	int64_t actual = cul_info_number(m->info, "TCR_EL1_T1SZ", &t1sz) && t1sz >= 12 && t1sz <= 28 ? 64 - t1sz : va_bits;
	m->page_bits = page_bits;
	m->index_bits = page_bits - 3;
	int levels = (int)((unsigned)actual - page_bits + m->index_bits - 1) / (int)m->index_bits;
	int built = (int)((unsigned)va_bits - page_bits + m->index_bits - 1) / (int)m->index_bits;
	/* a kernel for 52 bits on a machine of 48 indexes its top table as if it had 52, unless a level was folded */
	unsigned bits = levels == built ? (unsigned)va_bits : (unsigned)actual;
	m->levels = levels;
	m->va_bits = bits;
	m->top_bits = bits - page_bits - m->index_bits * (unsigned)(levels - 1);
	m->address_mask = 0x0000ffffffffffffull & ~((UINT64_C(1) << page_bits) - 1);
	if (page_bits == 16) { /* LPA: bits 51:48 in 15:12 */
		m->wide = true;
		m->wide_low = 12;
		m->wide_count = 4;
	} else if (actual == 52) { /* LPA2: bits 51:50 in 9:8 */
		m->wide = true;
		m->wide_low = 8;
		m->wide_count = 2;
		m->address_mask = 0x0003ffffffffffffull & ~((UINT64_C(1) << page_bits) - 1);
	}
	m->root = top - (uint64_t)offset;
	/* what of the image is sure: from its start to a bit behind what VMCOREINFO names */
	if (cul_info_symbol(m->info, "_stext", &start) || cul_info_symbol(m->info, "_text", &start)) {
		m->linear_start = start;
		m->linear_size = 256u << 20;
		m->linear_phys = start - (uint64_t)offset;
	}
	uint64_t phys;
	m->tables = m->linear_size && cul_ktranslate_walk(m, m->root, m->linear_start, &phys) && phys == m->linear_phys;
}

void cul_ktranslate_setup(struct cul_kmem *m)
{
	m->levels = 0;
	if (!m->info.size)
		snprintf(m->why, sizeof(m->why), "there is no VMCOREINFO in the dump");
	else if (m->machine == CUL_KMEM_X86_64)
		setup_x86(m);
	else if (m->machine == CUL_KMEM_ARM64)
		setup_arm64(m);
	else
		snprintf(m->why, sizeof(m->why), "neither x86-64 nor arm64: page tables of other machines are not read");
}
