/* SPDX-License-Identifier: Apache-2.0 */
/** The files of one dump that `makedumpfile --split` wrote apart: which belong together, and opened as one. */
#ifndef CUL_PARSERS_DUMP_KSPLIT_H
#define CUL_PARSERS_DUMP_KSPLIT_H

#include "parsers/image.h"
#include "parsers/parser.h"

struct cul_ksplit {
	uint64_t start, end; /* pages, of physical memory */
	uint32_t page_size;
	uint64_t kernel;     /* what is said of the dump as a whole; the same in all its files */
};

/** Is @image a file of a set? Reads its two headers and VMCOREINFO. */
bool cul_ksplit_read(const struct cul_image *image, struct cul_ksplit *ret);

struct cul_ksplit_file {
	struct cul_image image;
	struct cul_ksplit split;
	struct cul_stream *kept; /* cul_bundle_keep() */
	char *name;
	int member;
};

/** Those that are kept until all members were seen. Zero it to begin. */
struct cul_ksplit_files {
	struct cul_ksplit_file *items;
	size_t count;
};

/**
 * The current member is a file of a set: it is kept, and nothing of it is left to be read. False: it is none, it could not be had (the
 * damage says why), or there are too many; its bytes are as they were.
 */
bool cul_ksplit_take(struct cul_ksplit_files *files, struct cul_bundle *bundle, const char *name, int member);
/** By set, in each by page. */
void cul_ksplit_sort(struct cul_ksplit_files *files);
/** How many from @first on are of one set; after cul_ksplit_sort(). */
size_t cul_ksplit_count(const struct cul_ksplit_files *files, size_t first);
void cul_ksplit_free(struct cul_ksplit_files *files);

/** vmcore.c: one dump out of @count files, at most CUL_KSPLIT_FILES; and what is said of the @at'th file by itself. */
enum cul_status cul_vmcore_open(struct cul_parse *parse, const struct cul_image *const *images, size_t count);
enum cul_status cul_vmcore_part(struct cul_parse *parse, const struct cul_ksplit_file *file, size_t at, size_t count);

#define CUL_KSPLIT_FILES 64

#endif
