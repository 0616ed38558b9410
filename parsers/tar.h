/* SPDX-License-Identifier: Apache-2.0 */
/** Plain tar headers, read without libarchive. Inner to the room: containers.c asks, and goes on with libarchive where one is unusual. */
#ifndef CUL_PARSERS_TAR_H
#define CUL_PARSERS_TAR_H

#include "parsers/unpack.h"

#define CUL_TAR_BLOCK 512

/** What is left of the member at hand. */
struct cul_tar {
	uint64_t left, padding;
	bool cut; /* the archive ended within a member */
};

struct cul_tar_head {
	char name[260]; /* as it stands there */
	uint64_t size;
	int64_t mtime; /* seconds since 1970 */
};

enum cul_tar_step {
	CUL_TAR_FILE,    /* a file: @head is filled */
	CUL_TAR_OTHER,   /* a folder, a link, a device */
	CUL_TAR_UNUSUAL, /* libarchive has to read from this header on: nothing of it was taken */
	CUL_TAR_GARBLED, /* no header: its 512 bytes were taken */
	CUL_TAR_CUT,     /* the archive ends in the midst of something */
	CUL_TAR_END,
};

/** A folder's header, into CUL_TAR_BLOCK bytes. */
void cul_tar_folder(char *block);
/** Does @chain begin with a plain header? Nothing is taken. */
bool cul_tar_begins(struct cul_stream *chain);
/** Leave the member at hand and read the header of the next one from @chain. */
enum cul_tar_step cul_tar_next(struct cul_tar *tar, struct cul_stream *chain, struct cul_tar_head *head);
/** Up to @size bytes of the member at hand; 0 at its end, or where the archive was cut. */
size_t cul_tar_read(struct cul_tar *tar, struct cul_stream *chain, void *buffer, size_t size);
/** At least @least bytes of the member at hand where they lie in @chain, fewer at its end, none where the archive was cut. */
struct cul_slice cul_tar_peek(struct cul_tar *tar, struct cul_stream *chain, size_t least);
/** @n bytes of the member at hand were taken from @chain. */
void cul_tar_took(struct cul_tar *tar, struct cul_stream *chain, size_t n);

#endif
