/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The sandbox: a process that reads a stranger's bytes gives up what reading them doesn't need.
 *
 * Never active unless asked for: it is the process that is locked in, not the library. The culprit tool enters it before it
 * reads its first byte of input.
 */
#ifndef CULPRIT_SANDBOX_H
#define CULPRIT_SANDBOX_H

#include "culprit/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What stays allowed. A path that isn't there is passed over: opening it later says so. Links are followed now, not later. */
struct cul_sandbox {
	const char *const *read;  /* files and folders: what is beneath may be read */
	size_t read_count;
	const char *const *write; /* folders: files beneath may be made, written, renamed, removed; a file: may be written */
	size_t write_count;
	const char *spool;        /* NULL, or an empty folder for temporary files; it may be removed at the end */
};

/**
 * Lock the calling process in, for good. Call it before there is a second thread.
 *
 * Landlock grants the files of @how and what the C library opens by itself (shared libraries, character sets, time zones);
 * descriptors that are open stay as they are. A seccomp filter lets through what reading, computing, threads and writing to
 * open files need: no network, no new program or process, no tracing, no mounts. What the kernel (or the container around
 * it) refuses to set up is left out; cul_sandbox_about() tells. With an input beneath /proc there is no Landlock: it would
 * take away other processes' files there.
 *
 * Returns CUL_OK, also when the kernel offers nothing; CUL_EIO when what it does offer failed halfway: then the
 * process is not to go on.
 */
CUL_API CUL_MUST_CHECK enum cul_status cul_sandbox_enter(const struct cul_sandbox *how, struct cul_error *err);

/** "Landlock 7, seccomp": what cul_sandbox_enter() would find here; "none" when nothing. Returns @text. */
CUL_API const char *cul_sandbox_about(char text[64]);

#ifdef __cplusplus
}
#endif
#endif
