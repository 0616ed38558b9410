/* SPDX-License-Identifier: Apache-2.0 */
/**
 * makedumpfile --split writes a dump as several files, one by each of its processes, for speed or for several disks.
 *
 * Each is a kdump-compressed file with both headers, both bitmaps, notes and VMCOREINFO of the whole dump; its sub-header says split = 1,
 * and from which page (start_pfn) to which (end_pfn, not with it) it holds page descriptors and pages: struct kdump_sub_header, header
 * version 2 and later, 64 bits wide since version 6 (start_pfn_64). A range may be empty. Nothing says how many files there are; the ranges
 * of all of them make up all of the memory. ELF and flattened dumps are never split by it. Its --reassemble joins the files as is
 * done here.
 */
#include "parsers/dump/ksplit.h"

#include <stdlib.h>

#include "parsers/dump/kimage.h"

#define INFO_BYTES (64u << 10)
#define HEAD_RECORDS 64 /* of a flattened stream, among which the headers must be */

/* FNV-1a: whoever makes up two dumps that collide has joined his own nonsense */
static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ p[i]) * 0x100000001b3;
	return hash;
}

/* A flattened stream is mapped only as far as its first records. */
static bool head_read(const struct cul_image *image, bool flat, uint64_t offset, void *buffer, size_t size)
{
	uint64_t at = 4096, head[2];
	if (!flat)
		return cul_image_read(image, offset, buffer, size);
	for (int i = 0; i < HEAD_RECORDS && cul_image_read(image, at, head, sizeof(head)); i++) {
		uint64_t start = be64toh(head[0]), bytes = be64toh(head[1]);
		at += sizeof(head);
		if ((int64_t)start < 0 || (int64_t)bytes < 0 || bytes > (uint64_t)image->size - at)
			return false;
		if (offset >= start && offset - start < bytes && size <= bytes - (offset - start))
			return cul_image_read(image, at + (offset - start), buffer, size);
		at += bytes;
	}
	return false;
}

bool cul_ksplit_read(const struct cul_image *image, struct cul_ksplit *ret)
{
	uint8_t h[464], sub[104], *info;
	char magic[16];
	if (image->size < 0 || !cul_image_read(image, 0, magic, sizeof(magic)))
		return false;
	bool flat = !memcmp(magic, "makedumpfile\0\0\0", sizeof(magic));
	if (!head_read(image, flat, 0, h, sizeof(h)) || memcmp(h, "KDUMP   ", 8))
		return false;
	uint32_t version = cul_get32(h + 8), page_size = cul_get32(h + 428);
	if (version < 2 || version > 32 || page_size < 4096 || page_size > CUL_KIMAGE_PAGE_MOST || (page_size & (page_size - 1)) ||
	    !head_read(image, flat, page_size, sub, sizeof(sub)) || !cul_get32(sub + 12))
		return false;
	uint64_t at = cul_get64(sub + 32), size = version >= 3 ? cul_get64(sub + 40) : 0;
	*ret = (struct cul_ksplit){ .start = cul_get64(sub + (version >= 6 ? 80 : 16)), .end = cul_get64(sub + (version >= 6 ? 88 : 24)), .page_size = page_size };
	/* names of the machine, sizes, level; not the status and what was counted by whoever wrote it */
	uint64_t hash = mix(mix(mix(0xcbf29ce484222325, h, 402), h + 428, 16), sub, 12);
	if (size && size <= INFO_BYTES && (info = malloc(size))) {
		if (head_read(image, flat, at, info, size)) /* has the build-id, the place of the kernel, the time of the crash */
			hash = mix(hash, info, size);
		free(info);
	} else {
		hash = mix(hash, h + 408, 16);
	}
	ret->kernel = hash;
	return true;
}

bool cul_ksplit_take(struct cul_ksplit_files *files, struct cul_bundle *bundle, const char *name, int member)
{
	struct cul_slice head = cul_bundle_head(bundle);
	struct cul_ksplit_file file = { .member = member };
	if ((!cul_starts(head, CUL_LIT("KDUMP   ")) && !cul_starts(head, CUL_LIT("makedumpfile\0\0\0\0"))) || files->count == CUL_KSPLIT_FILES ||
	    !cul_bundle_image(bundle, &file.image))
		return false;
	if (!cul_ksplit_read(&file.image, &file.split) || (!files->items && !(files->items = calloc(CUL_KSPLIT_FILES, sizeof(*files->items)))) ||
	    !(file.name = strdup(name)) || !(file.kept = cul_bundle_keep(bundle, &file.image))) {
		free(file.name);
		cul_bundle_rewind(bundle);
		return false;
	}
	files->items[files->count++] = file;
	return true;
}

static int by_set(const void *a, const void *b)
{
	const struct cul_ksplit_file *x = a, *y = b;
	if (x->split.kernel != y->split.kernel)
		return x->split.kernel < y->split.kernel ? -1 : 1;
	if (x->split.start != y->split.start)
		return x->split.start < y->split.start ? -1 : 1;
	if (x->split.end != y->split.end)
		return x->split.end < y->split.end ? -1 : 1;
	return strcmp(x->name, y->name);
}

void cul_ksplit_sort(struct cul_ksplit_files *files)
{
	if (files->count)
		qsort(files->items, files->count, sizeof(*files->items), by_set);
}

size_t cul_ksplit_count(const struct cul_ksplit_files *files, size_t first)
{
	size_t n = first;
	while (n < files->count && files->items[n].split.kernel == files->items[first].split.kernel)
		n++;
	return n - first;
}

void cul_ksplit_free(struct cul_ksplit_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		cul_bundle_release(files->items[i].kept);
		free(files->items[i].name);
	}
	free(files->items);
	*files = (struct cul_ksplit_files){ 0 };
}
