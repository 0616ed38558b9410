/* SPDX-License-Identifier: Apache-2.0 */
/** struct cul_kmem from inside, and its page walks. Inner to kmem.c, ktranslate.c, vmcore.c. */
#ifndef CUL_PARSERS_DUMP_KTRANSLATE_H
#define CUL_PARSERS_DUMP_KTRANSLATE_H

#include "parsers/dump/kimage.h"

#define CUL_KMEM_SLOTS 1024 /* pages held */
#define CUL_KMEM_WALKS 1024 /* translations held */

struct cul_kmem_slot {
	uint64_t pfn;
	enum cul_kmem_page state;
	bool used;
	uint8_t *bytes;
};

struct cul_kmem {
	struct cul_kimage image;
	struct cul_slice info;
	enum cul_kmem_machine machine;
	uint32_t page_size; /* the kernel's; the dump's may be larger */
	uint64_t loads, loads_most; /* pages unpacked: a hostile dump asks for no end of them */
	struct cul_kmem_slot slots[CUL_KMEM_SLOTS];
	struct {
		uint64_t root, page, phys; /* of the page, by number; root + 1, 0: empty */
	} walks[CUL_KMEM_WALKS];
	bool info_found; /* VMCOREINFO was searched for in memory */

	/* translation */
	uint64_t root;          /* physical address of the kernel's top table */
	int levels;             /* 0: there is no translation */
	unsigned page_bits;     /* of a page, of what a table holds */
	unsigned index_bits, top_bits, va_bits;
	uint64_t address_mask;  /* of an entry */
	bool wide;              /* arm64: high address bits stand low in an entry */
	unsigned wide_low, wide_count;
	uint64_t linear_start, linear_size, linear_phys; /* the kernel's own image, where the tables are not in the dump */
	bool tables;            /* the kernel's top table is there and leads to the kernel */
	char why[160];          /* why there is no translation */
};

/** Set up by VMCOREINFO. */
void cul_ktranslate_setup(struct cul_kmem *m);
/** By the table at physical @root. */
bool cul_ktranslate_walk(struct cul_kmem *m, uint64_t root, uint64_t vaddr, uint64_t *phys);

#endif
