/* SPDX-License-Identifier: Apache-2.0 */
/** A kernel dump's container -> physical pages, notes, VMCOREINFO. Inner to parsers/dump; others read kmem.h. */
#ifndef CUL_PARSERS_DUMP_KIMAGE_H
#define CUL_PARSERS_DUMP_KIMAGE_H

#include <endian.h>

#include "parsers/dump/kextent.h"
#include "parsers/dump/kmem.h"
#include "parsers/dump/little.h"
#include "parsers/image.h"

#define CUL_KIMAGE_PAGE_MOST 65536u /* arm64's largest */
#define CUL_KIMAGE_CPUS 8192        /* the kernel's own limit */

#define CUL_KIMAGE_PARTS 64u        /* makedumpfile writes one by each process; a few */

enum { CUL_KDUMP_ZLIB = 1, CUL_KDUMP_LZO = 2, CUL_KDUMP_SNAPPY = 4, CUL_KDUMP_ZSTD = 0x20 }; /* flags of a page */
enum cul_kimage_form { CUL_KIMAGE_ELF, CUL_KIMAGE_KDUMP };

struct cul_kimage {
	const struct cul_image *image;
	enum cul_kimage_form form;
	bool flat;
	struct cul_extents file;  /* of a flattened stream: place in the file that is meant -> place in this one */
	uint64_t end;             /* of the file that is meant */
	struct cul_extents loads; /* ELF: physical -> place in the file */

	/* kdump-compressed */
	int version;
	uint64_t max_pfn;            /* pages behind are none */
	uint64_t bitmap, bitmap_dumped; /* places of "is memory" and "is in the dump"; the same one in old files */
	uint64_t bitmap_bytes;       /* of each */
	uint64_t *ranks;             /* pages in the dump before each block of bits */
	size_t rank_count;
	uint64_t descriptors;        /* place of the page descriptors */
	uint64_t info_at, info_bytes, notes_at, notes_bytes;
	struct cul_kimage_bits {
		uint64_t place;      /* + 1; 0: empty */
		uint8_t bytes[4096];
	} bits[2];
	uint32_t packings;           /* flags of pages seen */
	uint8_t *packed;             /* 2 pages */
	void *unzip, *unzstd;        /* z_stream, ZSTD_DCtx */

	uint32_t page_size;
	uint32_t status;             /* of the header */
	int64_t phys_base;           /* of the sub-header (QEMU's is wrong), or of the ELF segment of the kernel's text */
	bool has_phys_base;
	bool incomplete;             /* the writer said so, or the end is missing */
	bool cut;                    /* the end is missing */
	bool has_level;
	bool split;                  /* makedumpfile --split: each file has all bitmaps, and the pages of one range */
	struct cul_kimage_part {
		const struct cul_kimage *file; /* this one, or one of @others */
		uint64_t start, end;           /* pfn of its first page, of the first one behind */
		uint64_t before;               /* pages in the dump before @start: its descriptors begin there */
	} parts[CUL_KIMAGE_PARTS];   /* of @split only, by @start */
	unsigned part_count;
	struct cul_kimage *others[CUL_KIMAGE_PARTS]; /* the further files of the set, for their bytes */
	unsigned other_count;
	uint64_t part_start, part_end; /* what the sub-header says */
	bool lacking;                /* pages of the set are in none of its files that are here */
	uint64_t elsewhere;          /* page reads that asked for a file that is not there */
	int level;                   /* what was filtered: makedumpfile -d */
	char machine[66], release[66], node[66]; /* of the header's utsname */
	int64_t written_s;           /* of the header; 0 */
	uint16_t elf_machine;        /* 0: not told */
	unsigned declared_cpus;      /* by the header; 0 */
	uint64_t memory;             /* bytes of RAM it knows of */
	uint64_t damaged, filtered;  /* page reads that failed so */

	char *info;                  /* VMCOREINFO, NUL behind it */
	size_t info_size;
	struct cul_kmem_cpu *cpus;
	size_t cpu_count;
};

/** False: no dump that can be read; @why in a sentence. cul_kimage_close() in either case. */
bool cul_kimage_open(struct cul_kimage *k, const struct cul_image *image, char *why, size_t size);
void cul_kimage_close(struct cul_kimage *k);
/**
 * The same over the files of a set (ksplit.h says which belong together), up to CUL_KIMAGE_PARTS, in any order. What has no
 * readable head is left out and counts as cut off; false only if none has one.
 */
bool cul_kimage_open_parts(struct cul_kimage *k, const struct cul_image *const *images, size_t count, char *why, size_t size);
/** The next range of pages that the dump has, and no file that is here; from *@pfn on. @end: behind it; @pages in it. */
bool cul_kimage_gap(struct cul_kimage *k, uint64_t *pfn, uint64_t *end, uint64_t *pages);
/** One page to @out (page_size bytes), or only what it is (@out NULL; garbled ones pass for present). */
enum cul_kmem_page cul_kimage_page(struct cul_kimage *k, uint64_t pfn, void *out);
/** The next page at or behind *@pfn that is in the dump. */
bool cul_kimage_next(struct cul_kimage *k, uint64_t *pfn);
/** The first @size bytes of a page, cheaper than all of it where it is not packed. */
bool cul_kimage_peek(struct cul_kimage *k, uint64_t pfn, void *out, size_t size);
/** "kdump-compressed v6", "flattened ELF64" into @text. */
void cul_kimage_form_text(const struct cul_kimage *k, char text[48]);
/** "zlib", "lzo zlib" of what was seen; "none". */
void cul_kimage_packing_text(const struct cul_kimage *k, char text[48]);

/* kimage_elf.c, kimage_kdump.c: the two forms, for kimage.c */
bool cul_kimage_read(const struct cul_kimage *k, uint64_t offset, void *buffer, size_t size); /* of the file that is meant */
void cul_kimage_take_info(struct cul_kimage *k, const void *text, size_t size);
void cul_kimage_notes(struct cul_kimage *k, uint64_t at, uint64_t size);
bool cul_kimage_open_elf(struct cul_kimage *k, char *why, size_t room);
enum cul_kmem_page cul_kimage_elf_page(struct cul_kimage *k, uint64_t phys, uint8_t *out, uint64_t size);
bool cul_kimage_elf_next(struct cul_kimage *k, uint64_t *pfn);
bool cul_kimage_open_kdump(struct cul_kimage *k, char *why, size_t room);
bool cul_kimage_kdump_head(struct cul_kimage *k, char *why, size_t room); /* of it: what the two headers say */
bool cul_kimage_kdump_parts(struct cul_kimage *k);
enum cul_kmem_page cul_kimage_kdump_page(struct cul_kimage *k, uint64_t pfn, uint8_t *out);
bool cul_kimage_kdump_next(struct cul_kimage *k, uint64_t *pfn);
void cul_kimage_kdump_close(struct cul_kimage *k);

/* lzo.c, snappy.c: exactly @size bytes of @out come of @in, or false */
bool cul_unlzo(const uint8_t *in, size_t in_size, uint8_t *out, size_t size);
bool cul_unsnappy(const uint8_t *in, size_t in_size, uint8_t *out, size_t size);

#endif
