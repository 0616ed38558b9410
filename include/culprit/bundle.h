/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Bytes -> members: whatever a person hands in becomes a sequence of named byte streams.
 *
 * A file, a folder (walked in byte order of names, links not followed), "-" for standard input, tar, zip, 7z,
 * cpio, rpm, deb, and gz, xz, zst, bz2, lz4 in any nesting. No path of the input is ever opened by the name an archive gives it,
 * and nothing is written but unlinked temporary files: what must seek and is larger than 64 MiB waits there (struct cul_limits).
 */
#ifndef CULPRIT_BUNDLE_H
#define CULPRIT_BUNDLE_H

#include "culprit/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cul_bundle;

/** One member, open for reading until the next cul_bundle_next(). */
struct cul_member {
	const char *name;    /* "var/log/messages", nested: "upload/files.zip!ps.txt"; '/' separates */
	int64_t mtime_ns;    /* from an archive header, UTC; CUL_NO_TIME otherwise */
	int64_t size;        /* bytes if known beforehand, else -1 */
};

/** A file handed over in memory (tests, rule examples). Both are borrowed for the bundle's life. */
struct cul_blob {
	const char *name;
	struct cul_slice bytes;
};

/**
 * Open @path (NUL-terminated, borrowed for the call). "-" reads standard input.
 * Returns CUL_OK; CUL_EIO with a sentence when it can't be read at all; CUL_ENOMEM.
 */
CUL_API CUL_MUST_CHECK enum cul_status cul_bundle_open(const char *path, const struct cul_limits *limits,
						       struct cul_bundle **ret, struct cul_error *err);

/**
 * The same over @count paths (one at least, none of them "-"; borrowed) as one input, in this order: the parts of a dump that lie in
 * several places. Members are named by their path, without what leads out of a folder ("/", "..").
 * Returns CUL_OK; CUL_EIO with a sentence when one of them can't be read; CUL_ENOMEM.
 */
CUL_API CUL_MUST_CHECK enum cul_status cul_bundle_paths(const char *const *paths, size_t count, const struct cul_limits *limits,
							struct cul_bundle **ret, struct cul_error *err);

/** The same over @count files in memory. */
CUL_API CUL_MUST_CHECK enum cul_status cul_bundle_memory(const struct cul_blob *blobs, size_t count,
							 const struct cul_limits *limits,
							 struct cul_bundle **ret, struct cul_error *err);

/**
 * Go to the next regular member; containers and compressed streams are opened on the way and are no
 * members themselves. Returns true and fills @member; false at the end.
 * What could not be read on the way is told by cul_bundle_damage().
 */
CUL_API bool cul_bundle_next(struct cul_bundle *bundle, struct cul_member *member);

/**
 * Read up to @size bytes of the current member. Returns the count, 0 at its end. A torn or garbled
 * stream ends early and leaves damage.
 */
CUL_API size_t cul_bundle_read(struct cul_bundle *bundle, void *buffer, size_t size);

/**
 * Take the next unread damage: @name of the member (lives until the next call), @why one sentence. Returns false when there
 * is none (left).
 */
CUL_API bool cul_bundle_damage(struct cul_bundle *bundle, const char **name, const char **why);

/** Bytes of the outermost input read so far, and in all (-1 if unknown): for a progress bar. */
CUL_API void cul_bundle_progress(const struct cul_bundle *bundle, int64_t *done, int64_t *total);

/**
 * From now on call @progress with these two from within cul_bundle_next() and cul_bundle_read(), at each of them: it must be cheap.
 * A parse with several threads reads in any of them, one at a time.
 * The sizes of a folder's files are added up first, so that it has an end as well. NULL: no more.
 */
CUL_API void cul_bundle_watch(struct cul_bundle *bundle, void (*progress)(void *ctx, int64_t done, int64_t total), void *ctx);

CUL_API void cul_bundle_close(struct cul_bundle *bundle);

#ifdef __cplusplus
}
#endif
#endif
