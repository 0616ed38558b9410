/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What bundle.c, containers.c and folders.c share: a bundle that is open. Inner to the room.
 */
#ifndef CUL_PARSERS_OPENED_H
#define CUL_PARSERS_OPENED_H

#include <locale.h>

#include "culprit/bundle.h"
#include "parsers/unpack.h"

#define CUL_NAME 4096
#define CUL_FOLDERS 100  /* folders in folders; each holds a descriptor */
#define CUL_DAMAGES 1000 /* told between two calls of cul_bundle_damage() */

struct damage {
	char *name, *why;
};

struct folder; /* folders.c */
struct frame;  /* containers.c */

struct cul_bundle {
	struct cul_budget budget;
	locale_t locale;
	/* where outermost files come from: one of these */
	struct folder *folder;
	const struct cul_blob *blobs;
	size_t blob_count, blob_next;
	struct cul_stream *only;
	bool single; /* one file or stream: no prefix, no suffix */
	int64_t total;
	char *only_name;

	struct frame *frames; /* innermost first */
	uint32_t depth;
	struct cul_stream *current;
	char name[CUL_NAME];
	char beside[4096]; /* see cul_bundle_beside() */
	size_t beside_size;
	uint32_t members;
	bool stopped;
	void (*watch)(void *ctx, int64_t done, int64_t total);
	void *watch_ctx;

	struct damage damages[CUL_DAMAGES];
	size_t first, count; /* a ring */
	struct damage told;
};

/* ---- bundle.c ---- */
void cul_bundle_damaged(struct cul_bundle *b, const char *name, const char *format, ...) CUL_PRINTF(3, 4);
/** The whole bundle's limits; false: stop. */
bool cul_bundle_within(struct cul_bundle *b, const char *name);
/** @raw made harmless, behind @prefix: no leading '/', no "..", no "." and no control bytes. */
void cul_clean_name(char out[CUL_NAME], const char *prefix, const char *raw, bool backslashes);
/** Is the name one of those that macOS adds? */
bool cul_of_macos(const char *name);
/** What stands in the attributes of the file @fd, for cul_bundle_beside(). */
void cul_read_beside(struct cul_bundle *b, int fd, const char *name);
/**
 * Look what @stream (taken over) is: unpack it as long as it is packed; a container goes on the stack (false: go on
 * with its members); anything else is the current member (true).
 */
bool cul_settle(struct cul_bundle *b, struct cul_stream *stream, const char *name, bool outermost, struct cul_member *member);

/** As cul_stream_lend(), of the member at hand. */
bool cul_bundle_lend(struct cul_bundle *b, size_t most, struct cul_loan *loan);

/** One that cul_bundle_memory() made has @bytes, borrowed, as its member at hand. */
void cul_bundle_refill(struct cul_bundle *b, struct cul_slice bytes);

/* ---- containers.c ---- */
/** Open the container whose bytes @chain (taken over) has; what is wrong with it is damage. */
void cul_container_push(struct cul_bundle *b, struct cul_stream *chain, enum cul_form form, const char *name, bool outermost);
/** One header of the container on top, which leaves at its end. True: a member is open. */
bool cul_container_next(struct cul_bundle *b, struct cul_member *member);
void cul_container_pop(struct cul_bundle *b);

/* ---- folders.c ---- */
/** @fd is taken over. What can't be listed to its end is damage. False: it can't be listed at all. */
bool cul_folder_enter(struct cul_bundle *b, int fd, const char *prefix);
/** As if @count @paths (any, of files and folders) were the entries of one; links are followed. False: out of memory. */
bool cul_folder_given(struct cul_bundle *b, const char *const *paths, size_t count);
/** One entry of the folder at hand, which leaves at its end. True: a member is open. */
bool cul_folder_next(struct cul_bundle *b, struct cul_member *member);
void cul_folder_leave(struct cul_bundle *b);
/** Bytes of the regular files below the folder at hand, -1: too many to look. */
int64_t cul_folder_bytes(struct cul_bundle *b);

#endif
