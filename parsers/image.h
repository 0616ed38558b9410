/* SPDX-License-Identifier: Apache-2.0 */
/** A member that is read here and there instead of front to back: kernel dumps, cores, minidumps. Inner to the room. */
#ifndef CUL_PARSERS_IMAGE_H
#define CUL_PARSERS_IMAGE_H

#include "culprit/bundle.h"

struct cul_image {
	int64_t size; /* bytes that are there: what a header promises may be more */
	/* up to @size bytes from @offset; fewer at the end, 0 behind it and when the file can't be read */
	size_t (*read)(void *ctx, uint64_t offset, void *buffer, size_t size);
	void *ctx;
};

/** Exactly @size bytes, or false: everything that reads a dump goes through here. */
static inline bool cul_image_read(const struct cul_image *image, uint64_t offset, void *buffer, size_t size)
{
	size_t done = 0;
	if (image->size < 0 || offset > (uint64_t)image->size || size > (uint64_t)image->size - offset)
		return false;
	while (done < size) {
		size_t n = image->read(image->ctx, offset + done, (char *)buffer + done, size - done);
		if (!n)
			return false;
		done += n;
	}
	return true;
}

/** The first bytes of the current member (up to 4 KiB) before anything of it is read. They live until the next call. */
struct cul_slice cul_bundle_head(struct cul_bundle *bundle);

/**
 * The current member as an image; before anything of it is read. What can't seek is spooled first. It lives until the
 * next cul_bundle_next(). False: it could not be had; the damage says why.
 */
bool cul_bundle_image(struct cul_bundle *bundle, struct cul_image *image);

/** The image was looked at: the member is at its first byte again, to be read or peeked. */
void cul_bundle_rewind(struct cul_bundle *bundle);

/**
 * The same, and it stays when the bundle goes on; until cul_bundle_release(), before cul_bundle_close(). Nothing of the member
 * is left to be read. NULL: it could not be had.
 */
struct cul_stream *cul_bundle_keep(struct cul_bundle *bundle, struct cul_image *image);
void cul_bundle_release(struct cul_stream *kept);

/** Of a core file on disk (core…): "signal=11\nexe=/usr/bin/x\n", its user.coredump.* attributes. Lives as the member does. */
struct cul_slice cul_bundle_beside(const struct cul_bundle *bundle);

#endif
