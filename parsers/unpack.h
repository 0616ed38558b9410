/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Streams upon streams: a file, memory or an archive's entry at the bottom, unpackers upon it. Inner to the room;
 * bundle.c holds the top one, each owns the one below.
 */
#ifndef CUL_PARSERS_UNPACK_H
#define CUL_PARSERS_UNPACK_H

#include "culprit/types.h"

/** What the first bytes say. */
enum cul_form {
	CUL_FORM_PLAIN = 0,
	/* one packed stream */
	CUL_FORM_GZ,
	CUL_FORM_XZ,
	CUL_FORM_ZST,
	CUL_FORM_BZ2,
	CUL_FORM_LZ4,
	CUL_FORM_LZIP,
	CUL_FORM_COMPRESS, /* .Z */
	/* containers */
	CUL_FORM_TAR,
	CUL_FORM_ZIP,
	CUL_FORM_7Z,
	CUL_FORM_CPIO,
	CUL_FORM_RPM,
	CUL_FORM_AR, /* deb */
};

/** Bytes that tell a form: tar's magic stands at 257, its checksum covers 512. */
#define CUL_FORM_HEAD 512

enum cul_form cul_form_of(struct cul_slice head);
const char *cul_form_name(enum cul_form form); /* "gzip", "tar", … */
static inline bool cul_form_packed(enum cul_form form)
{
	return form >= CUL_FORM_GZ && form <= CUL_FORM_COMPRESS;
}
static inline bool cul_form_container(enum cul_form form)
{
	return form >= CUL_FORM_TAR;
}

/** Shared by all streams of a bundle: what was read and made, against the limits (all set). */
struct cul_budget {
	struct cul_limits limits;
	_Atomic uint64_t read; /* from the outermost files */
	_Atomic uint64_t made; /* the same, and what unpacking made of it */
	_Atomic bool spent;    /* unpacked_bytes is used up: every stream has ended */
};

/** Bytes of a stream where they lie: cul_stream_lend(). */
struct cul_loan {
	char *data;
	size_t size;
	size_t before; /* bytes in front of @data which nobody needs any more: the borrower may write there */
	bool last;     /* the stream is known to end behind it */
	void *of;      /* for cul_loan_end() */
};

/**
 * A stream. Its maker sets fill() and what that needs; the rest is kept by the functions below.
 * fill() returns 0 at the end only, having called cul_stream_spoil() if the end came too early.
 *
 * One that has its bytes somewhere anyway sets show() instead, or as well: it makes @bytes, @start and @end (and @made) tell of @least
 * bytes, or of all there are, and @ended; took() hears what was taken of them.
 */
struct cul_stream {
	size_t (*fill)(struct cul_stream *stream, void *buffer, size_t size);
	void (*show)(struct cul_stream *stream, size_t least);
	void (*took)(struct cul_stream *stream, size_t n);
	void (*lend)(struct cul_stream *stream, size_t most, struct cul_loan *loan); /* NULL: it can't */
	void (*drop)(struct cul_stream *stream);                  /* what the maker holds; may be NULL */
	bool (*seek)(struct cul_stream *stream, uint64_t offset); /* NULL: it can't */
	struct cul_stream *below;
	struct cul_budget *budget;
	int64_t size; /* in bytes if known, else -1 */
	bool counts;  /* what it makes goes against the budget */
	bool expands; /* it makes more than it takes: the ratio holds, over @in */
	uint64_t in;
	uint32_t sip; /* bytes of its beginning that are peeked at, where the rest had better be read without a stop; 0: as many as there are */
	bool ended;
	bool aside; /* a thread works below: nobody looks there; what was wrong is told by this one at its end */
	char damage[240];

	uint64_t made; /* offset behind the last byte in @bytes */
	unsigned char *bytes;
	size_t start, end;
};

/** @fd is taken over, also on failure. NULL: out of memory. */
struct cul_stream *cul_stream_file(int fd, struct cul_budget *budget);
/** @bytes are borrowed for the stream's life. */
struct cul_stream *cul_stream_memory(struct cul_slice bytes, struct cul_budget *budget);
/** Unpack @below, which is taken over on success only. NULL: out of memory, or no library for it. */
struct cul_stream *cul_stream_unpack(struct cul_stream *below, enum cul_form form);
/** A thread reads @below (taken over on success) ahead. NULL: no thread, no memory; @below is as it was. */
struct cul_stream *cul_stream_ahead(struct cul_stream *below);
/** All of @below (taken over on success) in a spool that can seek. NULL: its damage says why. */
struct cul_stream *cul_stream_spool(struct cul_stream *below);
/** For one that is kept beside others: what is below goes, after its damage was told; what was spooled does not stay in memory. */
void cul_stream_settle(struct cul_stream *stream);
/** With all below; NULL is fine. */
void cul_stream_free(struct cul_stream *stream);

/** At least @least bytes from here (<= 4096; fewer only at the end) without taking them: all that is there. */
struct cul_slice cul_stream_peek(struct cul_stream *stream, size_t least);
/** Take @n of the peeked bytes. */
void cul_stream_take(struct cul_stream *stream, size_t n);
/** Up to @size bytes, 0 at the end. */
size_t cul_stream_read(struct cul_stream *stream, void *buffer, size_t size);
/**
 * At most @most bytes from here (1 at least, 0 at the end) where they lie, taken: they stay there until cul_loan_end(), which may come after
 * the stream was freed, and from any thread. False: this stream's have to be read.
 */
bool cul_stream_lend(struct cul_stream *stream, size_t most, struct cul_loan *loan);
/** @of as in the loan; NULL is fine. */
void cul_loan_end(void *of);
/** Offset of the next byte. */
uint64_t cul_stream_at(const struct cul_stream *stream);
bool cul_stream_seek(struct cul_stream *stream, uint64_t offset);
/** Up to @size bytes from @offset of a stream that can seek; goes against no budget. */
size_t cul_stream_read_at(struct cul_stream *stream, uint64_t offset, void *buffer, size_t size);
/** The damage lowest down (the others follow from it), or NULL. */
const char *cul_stream_damage(const struct cul_stream *stream);
void cul_stream_spoil(struct cul_stream *stream, const char *format, ...) CUL_PRINTF(2, 3);

#endif
