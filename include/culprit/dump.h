/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What died, opened by itself: the kernel's log out of a kernel dump.
 *
 * All else that a dump holds (what it was, tasks, stacks, locks, threads of a core) are observations as any other: parse.h tells them,
 * kinds dump.* and core.*.
 */
#ifndef CULPRIT_DUMP_H
#define CULPRIT_DUMP_H

#include "culprit/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cul_bundle;

struct cul_dump_log {
	char *text; /* lines, byte for byte what `makedumpfile --dump-dmesg` 1.7.2 writes */
	size_t size;
	uint64_t records, lost; /* lost: their memory is not in the dump */
	bool incomplete;        /* its end or a file of its set is missing, or whoever wrote it ran out of room */
};

/**
 * The kernel's log in the first kernel dump at @path (NUL-terminated, borrowed): a dump, or anything that cul_bundle_open() opens
 * and that holds one. The files that makedumpfile --split wrote are joined, and are the last that is tried.
 *
 * @limits  NULL: the defaults
 * @ret     out, written on success only; give it to cul_dump_log_free()
 * @err     out, may be NULL: one sentence
 *
 * Returns CUL_OK; CUL_EIO (it can't be read, there is no kernel dump in it, or no log in that), CUL_ENOMEM.
 */
CUL_API CUL_MUST_CHECK enum cul_status cul_dump_log(const char *path, const struct cul_limits *limits, struct cul_dump_log *ret,
						    struct cul_error *err);
/** The same over a bundle that is open and of which nothing was read; it is read up to that dump, or to its end. */
CUL_API CUL_MUST_CHECK enum cul_status cul_dump_log_in(struct cul_bundle *bundle, struct cul_dump_log *ret, struct cul_error *err);
CUL_API void cul_dump_log_free(struct cul_dump_log *log);

#ifdef __cplusplus
}
#endif
#endif
