/* SPDX-License-Identifier: Apache-2.0 */
/**
 * gz, xz, zst, bz2, lz4, lzip and .Z streams -> bytes; what the first bytes of a stream say.
 *
 * gzip (RFC 1952) goes through ISA-L where it is there, three times as fast as zlib; xz through liblzma, zst through
 * libzstd, bz2 through libbz2; the rarer ones through libarchive's filters. Concatenated streams are one, as all of
 * these tools write them (`cat a.gz b.gz`, pigz, pzstd, xz -T); zeros behind the last are padding of a tape or a block
 * device, anything else there is damage. What came before damage has been handed up.
 */
#include "parsers/unpack.h"

#include <ctype.h>
#include <errno.h>
#include <lzma.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#ifdef HAVE_ISAL
#include <isa-l.h>
#else
#include <zlib.h>
#endif
#ifdef HAVE_BZ2
#include <bzlib.h>
#endif

#include "base/archive.h"
#include "base/slice.h"
#include "base/spool.h"

#define BUFFER (64u << 10)
#define RATIO_FROM (64u << 20)   /* a megabyte of zeros is no bomb */
#define MANY (1 << 20)            /* packed bytes */
#define XZ_MEMORY (256u << 20)   /* xz -9 needs 65 MiB */
#define KEPT_IN_MEMORY (1 << 20)
#define ZST_BLOCK_HEAD 3         /* bytes in front of each block */
#define ZST_WINDOW_LOG 28        /* zstd -22 writes 27; --long=31 would take 2 GiB */

/* ---- what the first bytes say ------------------------------------------------------------------ */

const char *cul_form_name(enum cul_form form)
{
	static const char *const names[] = { "plain", "gzip", "xz", "zstd", "bzip2", "lz4", "lzip", "compress", "tar", "zip", "7z", "cpio", "rpm", "ar" };
	return names[form];
}

/* The header's sum with its own field as blanks; old tars summed signed bytes. */
static bool tar_sum(const unsigned char *block)
{
	long sum = 0, old = 0, told = 0;
	size_t i = 148, digits = 0;
	for (size_t k = 0; k < 512; k++) {
		sum += k >= 148 && k < 156 ? ' ' : block[k];
		old += k >= 148 && k < 156 ? ' ' : (signed char)block[k];
	}
	while (i < 156 && block[i] == ' ')
		i++;
	for (; i < 156 && block[i] >= '0' && block[i] <= '7'; i++, digits++)
		told = told * 8 + (block[i] - '0');
	return digits && (told == sum || told == old);
}

static bool all_hex(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isxdigit(p[i]))
			return false;
	return true;
}

enum cul_form cul_form_of(struct cul_slice head)
{
	static const struct {
		const char *magic;
		size_t size;
		enum cul_form form;
	} magics[] = {
		{ "\x1f\x8b\x08", 3, CUL_FORM_GZ },
		{ "\xfd" "7zXZ\0", 6, CUL_FORM_XZ },
		{ "\x28\xb5\x2f\xfd", 4, CUL_FORM_ZST },
		{ "\x04\x22\x4d\x18", 4, CUL_FORM_LZ4 },
		{ "\x02\x21\x4c\x18", 4, CUL_FORM_LZ4 }, /* lz4 -l, old kernels' images */
		{ "LZIP\1", 5, CUL_FORM_LZIP },
		{ "PK\3\4", 4, CUL_FORM_ZIP },
		{ "PK\5\6", 4, CUL_FORM_ZIP }, /* no member at all */
		{ "PK00PK\3\4", 8, CUL_FORM_ZIP },
		{ "7z\xbc\xaf\x27\x1c", 6, CUL_FORM_7Z },
		{ "\xed\xab\xee\xdb", 4, CUL_FORM_RPM },
		{ "!<arch>\n", 8, CUL_FORM_AR },
	};
	const unsigned char *p = (const unsigned char *)head.data;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (head.size && head.data[0] == magics[i].magic[0] && cul_starts(head, cul_slice(magics[i].magic, magics[i].size)))
			return magics[i].form;
	if (head.size >= 3 && p[0] == 0x1f && p[1] == 0x9d && (p[2] & 0x1f) >= 9 && (p[2] & 0x1f) <= 16)
		return CUL_FORM_COMPRESS;
	if (head.size >= 10 && !memcmp(p, "BZh", 3) && p[3] >= '1' && p[3] <= '9' &&
	    (!memcmp(p + 4, "\x31\x41\x59\x26\x53\x59", 6) || !memcmp(p + 4, "\x17\x72\x45\x38\x50\x90", 6)))
		return CUL_FORM_BZ2;
	/* pzstd and seekable zstd begin with a frame to skip; lz4 would too, and says so in the next frame */
	if (head.size >= 12 && (p[0] & 0xf0) == 0x50 && !memcmp(p + 1, "\x2a\x4d\x18", 3)) {
		uint32_t skip = p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 24;
		if (skip <= head.size - 12 && !memcmp(p + 8 + skip, "\x28\xb5\x2f\xfd", 4))
			return CUL_FORM_ZST;
	}
	if (head.size >= 76 && !memcmp(p, "07070", 5) &&
	    (((p[5] == '1' || p[5] == '2') && head.size >= 110 && all_hex(p + 6, 104)) || (p[5] == '7' && all_hex(p + 6, 70))))
		return CUL_FORM_CPIO;
	if (head.size >= 512 && tar_sum(p))
		return CUL_FORM_TAR;
	/* cut off in its first header, or that header garbled */
	if (head.size >= 265 && (!memcmp(p + 257, "ustar\0" "00", 8) || !memcmp(p + 257, "ustar  \0", 8)))
		return CUL_FORM_TAR;
	return CUL_FORM_PLAIN;
}

/* ---- what all streams share --------------------------------------------------------------------- */

void cul_stream_spoil(struct cul_stream *s, const char *format, ...)
{
	if (!s->damage[0]) {
		va_list args;
		va_start(args, format);
		vsnprintf(s->damage, sizeof(s->damage), format, args);
		va_end(args);
	}
	s->ended = true;
}

static size_t produce(struct cul_stream *s, void *buffer, size_t size)
{
	struct cul_budget *budget = s->budget;
	if (s->ended || !size)
		return 0;
	if (budget->spent) {
		s->ended = true;
		return 0;
	}
	size_t n = s->fill(s, buffer, size);
	if (!n)
		s->ended = true;
	s->made += n;
	if (s->counts)
		budget->made += n;
	if (budget->made > budget->limits.unpacked_bytes)
		budget->spent = true;
	if (s->expands && s->made > RATIO_FROM && s->made / budget->limits.ratio > s->in)
		cul_stream_spoil(s, "unpacks to more than %u times its size: a bomb is not read to its end", (unsigned)budget->limits.ratio);
	return n;
}

struct cul_slice cul_stream_peek(struct cul_stream *s, size_t least)
{
	if (s->end - s->start < least && !s->ended && s->show) {
		s->show(s, least);
	} else if (s->end - s->start < least && !s->ended) {
		if (!s->bytes && !(s->bytes = malloc(BUFFER))) {
			cul_stream_spoil(s, "out of memory");
			return CUL_NONE;
		}
		if (s->start)
			memmove(s->bytes, s->bytes + s->start, s->end - s->start);
		s->end -= s->start;
		s->start = 0;
		while (s->end < least) {
			size_t room = !s->made && s->sip >= least && s->sip < BUFFER ? s->sip : BUFFER;
			size_t n = produce(s, s->bytes + s->end, room - s->end);
			if (!n)
				break;
			s->end += n;
		}
	}
	return s->bytes ? cul_slice((const char *)s->bytes + s->start, s->end - s->start) : CUL_NONE;
}

void cul_stream_take(struct cul_stream *s, size_t n)
{
	if (n > s->end - s->start)
		n = s->end - s->start;
	s->start += n;
	if (s->took && n)
		s->took(s, n);
}

size_t cul_stream_read(struct cul_stream *s, void *buffer, size_t size)
{
	if (s->end == s->start && size >= BUFFER && s->fill)
		return produce(s, buffer, size);
	struct cul_slice have = cul_stream_peek(s, 1);
	if (have.size > size)
		have.size = size;
	if (have.size)
		memcpy(buffer, have.data, have.size);
	cul_stream_take(s, have.size);
	return have.size;
}

bool cul_stream_lend(struct cul_stream *s, size_t most, struct cul_loan *loan)
{
	if (!s->lend || (!s->show && s->end > s->start))
		return false;
	*loan = (struct cul_loan){ 0 };
	if (!s->ended || s->end > s->start)
		s->lend(s, most, loan);
	return true;
}

uint64_t cul_stream_at(const struct cul_stream *s)
{
	return s->made - (s->end - s->start);
}

bool cul_stream_seek(struct cul_stream *s, uint64_t offset)
{
	if (!s->seek || s->size < 0 || offset > (uint64_t)s->size || !s->seek(s, offset))
		return false;
	s->start = s->end = 0;
	s->made = offset;
	s->ended = false;
	return true;
}

size_t cul_stream_read_at(struct cul_stream *s, uint64_t offset, void *buffer, size_t size)
{
	if (!cul_stream_seek(s, offset))
		return 0;
	size_t n = s->fill(s, buffer, size);
	s->made += n;
	return n;
}

const char *cul_stream_damage(const struct cul_stream *s)
{
	const char *why = NULL;
	for (; s; s = s->aside ? NULL : s->below)
		if (s->damage[0])
			why = s->damage;
	return why;
}

void cul_stream_free(struct cul_stream *s)
{
	while (s) {
		struct cul_stream *below = s->below;
		if (s->drop)
			s->drop(s);
		if (!s->show)
			free(s->bytes);
		free(s);
		s = below;
	}
}

/* ---- bottoms -------------------------------------------------------------------------------------- */

struct file_stream {
	struct cul_stream s;
	int fd;
};

static size_t file_fill(struct cul_stream *s, void *buffer, size_t size)
{
	struct file_stream *f = (struct file_stream *)s;
	ssize_t n;
	do
		n = read(f->fd, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		cul_stream_spoil(s, "can't be read on: %s", strerror(errno));
		return 0;
	}
	s->budget->read += (uint64_t)n;
	return (size_t)n;
}

static bool file_seek(struct cul_stream *s, uint64_t offset)
{
	return lseek(((struct file_stream *)s)->fd, (off_t)offset, SEEK_SET) == (off_t)offset;
}

static void file_drop(struct cul_stream *s)
{
	close(((struct file_stream *)s)->fd);
}

struct cul_stream *cul_stream_file(int fd, struct cul_budget *budget)
{
	struct stat st;
	struct file_stream *f = calloc(1, sizeof(*f));
	if (!f) {
		close(fd);
		return NULL;
	}
	f->fd = fd;
	f->s = (struct cul_stream){ .fill = file_fill, .drop = file_drop, .budget = budget, .size = -1, .counts = true };
	/* what says 0 may be a file of /proc */
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 && lseek(fd, 0, SEEK_CUR) == 0) {
		f->s.size = st.st_size;
		f->s.seek = file_seek;
	}
	return &f->s;
}

struct memory_stream {
	struct cul_stream s;
	struct cul_slice all;
	size_t at;
};

static size_t memory_fill(struct cul_stream *s, void *buffer, size_t size)
{
	struct memory_stream *m = (struct memory_stream *)s;
	if (size > m->all.size - m->at)
		size = m->all.size - m->at;
	if (size)
		memcpy(buffer, m->all.data + m->at, size);
	m->at += size;
	s->budget->read += size;
	return size;
}

static bool memory_seek(struct cul_stream *s, uint64_t offset)
{
	((struct memory_stream *)s)->at = (size_t)offset;
	return true;
}

struct cul_stream *cul_stream_memory(struct cul_slice bytes, struct cul_budget *budget)
{
	struct memory_stream *m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->all = bytes;
	m->s = (struct cul_stream){ .fill = memory_fill, .seek = memory_seek, .budget = budget, .size = (int64_t)bytes.size, .counts = true };
	return &m->s;
}

struct spool_stream {
	struct cul_stream s;
	struct cul_spool *spool;
	uint64_t at;
};

static size_t spool_fill(struct cul_stream *s, void *buffer, size_t size)
{
	struct spool_stream *sp = (struct spool_stream *)s;
	size_t n = cul_spool_read(sp->spool, sp->at, buffer, size);
	sp->at += n;
	return n;
}

static bool spool_seek(struct cul_stream *s, uint64_t offset)
{
	((struct spool_stream *)s)->at = offset;
	return true;
}

static void spool_drop(struct cul_stream *s)
{
	cul_spool_free(((struct spool_stream *)s)->spool);
}

struct cul_stream *cul_stream_spool(struct cul_stream *below)
{
	struct spool_stream *sp = calloc(1, sizeof(*sp));
	struct cul_spool *spool = cul_spool_new(below->budget->limits.spool_bytes);
	enum cul_status status = sp && spool ? CUL_OK : CUL_ENOMEM;
	struct cul_slice piece;
	while (status == CUL_OK && (piece = cul_stream_peek(below, 1)).size) {
		status = cul_spool_add(spool, piece.data, piece.size);
		cul_stream_take(below, piece.size);
	}
	if (status != CUL_OK) {
		cul_stream_spoil(below, "%s", status == CUL_ELIMIT ? "needs seeking and is larger than the limit of the temporary file" :
					      status == CUL_EIO	   ? "needs seeking, and no temporary file could be written" :
								     "out of memory");
		cul_spool_free(spool);
		free(sp);
		return NULL;
	}
	/* what is wrong below stays visible: the emptied stream is kept underneath */
	sp->spool = spool;
	sp->s = (struct cul_stream){ .fill = spool_fill, .drop = spool_drop, .seek = spool_seek, .below = below, .budget = below->budget,
				     .size = (int64_t)cul_spool_size(spool) };
	return &sp->s;
}

void cul_stream_settle(struct cul_stream *stream)
{
	cul_stream_free(stream->below);
	stream->below = NULL;
	if (stream->fill == spool_fill && stream->size > KEPT_IN_MEMORY)
		cul_spool_settle(((struct spool_stream *)stream)->spool);
}

/* ---- unpackers -------------------------------------------------------------------------------------- */

struct packed {
	struct cul_stream s;
	enum cul_form form;
	bool inside; /* a stream has begun and not ended */
	bool any;    /* one has ended */
	bool many;   /* threads are worth their start */
	size_t held; /* peeked bytes that libarchive looks at */
	union {
#ifdef HAVE_ISAL
		struct inflate_state *gz;
#else
		z_stream gz;
#endif
		lzma_stream xz;
		struct {
			ZSTD_DStream *zst;
			size_t zst_left; /* of input, as it told last; 0: a frame begins */
			bool zst_full;   /* it may have more than there was room for */
		};
#ifdef HAVE_BZ2
		bz_stream bz2;
#endif
		struct archive *other;
	};
};

/* Begin a stream anew. False: out of memory. */
static bool begin(struct packed *p)
{
	switch (p->form) {
	case CUL_FORM_GZ:
#ifdef HAVE_ISAL
		isal_inflate_init(p->gz);
		p->gz->crc_flag = ISAL_GZIP;
		return true;
#else
		return inflateReset(&p->gz) == Z_OK;
#endif
	case CUL_FORM_XZ:
#if LZMA_VERSION >= 50040002
		/* blocks side by side, where the file has several (xz -T, pixz); 256 MiB for all of them */
		if (p->many) {
			lzma_mt mt = { .threads = p->s.budget->limits.threads > 8 ? 8 : p->s.budget->limits.threads,
				       .memlimit_threading = XZ_MEMORY < (256u << 20) ? XZ_MEMORY : (256u << 20), .memlimit_stop = XZ_MEMORY };
			return lzma_stream_decoder_mt(&p->xz, &mt) == LZMA_OK;
		}
#endif
		return lzma_stream_decoder(&p->xz, XZ_MEMORY, 0) == LZMA_OK;
	case CUL_FORM_BZ2:
#ifdef HAVE_BZ2
		BZ2_bzDecompressEnd(&p->bz2);
		p->bz2 = (bz_stream){ 0 };
		return BZ2_bzDecompressInit(&p->bz2, 0, 0) == BZ_OK;
#endif
	default:
		return true;
	}
}

/*
 * A block at a time: what a call has made when it meets a garbled block is lost. What comes out is the same then, whatever @room is.
 */
static size_t step_zst(struct packed *p, struct cul_slice in, size_t *took, unsigned char *out, size_t room)
{
	for (;;) {
		size_t wanted = p->zst_left > ZST_BLOCK_HEAD ? p->zst_left - ZST_BLOCK_HEAD : p->zst_left; /* the head of the block behind it waits */
		ZSTD_inBuffer from = { in.data, p->zst_full ? 0 : wanted && wanted < in.size ? wanted : in.size, 0 };
		ZSTD_outBuffer to = { out, room, 0 };
		bool rest = p->zst_full;
		size_t left = ZSTD_decompressStream(p->zst, &to, &from);
		*took = from.pos;
		if (ZSTD_isError(left)) {
			cul_stream_spoil(&p->s, "the zstd stream is garbled: %s", ZSTD_getErrorName(left));
			return 0;
		}
		p->zst_left = left;
		p->zst_full = to.pos == room;
		if (!left)
			p->inside = false;
		if (!rest || to.pos || !left)
			return to.pos;
	}
}

/*
 * Unpack from @in (empty: the end is there) to @out. Returns bytes made, *took bytes taken; clears p->inside at the
 * stream's end; spoils on damage.
 */
static size_t step(struct packed *p, struct cul_slice in, size_t *took, void *out, size_t room)
{
	switch (p->form) {
	case CUL_FORM_GZ: {
#ifdef HAVE_ISAL
		p->gz->next_in = (uint8_t *)(uintptr_t)in.data;
		p->gz->avail_in = (uint32_t)in.size;
		p->gz->next_out = out;
		p->gz->avail_out = (uint32_t)room;
		int code = isal_inflate(p->gz);
		*took = in.size - p->gz->avail_in;
		room -= p->gz->avail_out;
		if (code == ISAL_INCORRECT_CHECKSUM)
			cul_stream_spoil(&p->s, "the gzip stream is garbled: its checksum is wrong");
		else if (code < 0 || code == ISAL_NEED_DICT)
			cul_stream_spoil(&p->s, "the gzip stream is garbled at byte %llu", (unsigned long long)cul_stream_at(p->s.below));
		else
			p->inside = p->gz->block_state != ISAL_BLOCK_FINISH;
#else
		p->gz.next_in = (Bytef *)(uintptr_t)in.data;
		p->gz.avail_in = (uInt)in.size;
		p->gz.next_out = out;
		p->gz.avail_out = (uInt)room;
		int code = inflate(&p->gz, Z_NO_FLUSH);
		*took = in.size - p->gz.avail_in;
		room -= p->gz.avail_out;
		if (code == Z_STREAM_END)
			p->inside = false;
		else if (code != Z_OK && code != Z_BUF_ERROR)
			cul_stream_spoil(&p->s, "the gzip stream is garbled at byte %llu", (unsigned long long)cul_stream_at(p->s.below));
#endif
		return room;
	}
	case CUL_FORM_XZ: {
		p->xz.next_in = (const uint8_t *)in.data;
		p->xz.avail_in = in.size;
		p->xz.next_out = out;
		p->xz.avail_out = room;
		lzma_ret code = lzma_code(&p->xz, in.size ? LZMA_RUN : LZMA_FINISH);
		*took = in.size - p->xz.avail_in;
		if (code == LZMA_STREAM_END)
			p->inside = false;
		else if (code == LZMA_MEMLIMIT_ERROR)
			cul_stream_spoil(&p->s, "the xz stream needs more than %u MiB of memory to unpack", XZ_MEMORY >> 20);
		else if (code != LZMA_OK && code != LZMA_BUF_ERROR)
			/* how far it has read on by then depends on its threads */
			cul_stream_spoil(&p->s, "the xz stream is garbled behind %llu unpacked bytes", (unsigned long long)(p->s.made + room - p->xz.avail_out));
		return room - p->xz.avail_out;
	}
	case CUL_FORM_ZST:
		return step_zst(p, in, took, out, room);
#ifdef HAVE_BZ2
	case CUL_FORM_BZ2: {
		p->bz2.next_in = (char *)(uintptr_t)in.data;
		p->bz2.avail_in = (unsigned)in.size;
		p->bz2.next_out = out;
		p->bz2.avail_out = (unsigned)room;
		int code = BZ2_bzDecompress(&p->bz2);
		*took = in.size - p->bz2.avail_in;
		if (code == BZ_STREAM_END)
			p->inside = false;
		else if (code != BZ_OK)
			cul_stream_spoil(&p->s, "the bzip2 stream is garbled at byte %llu", (unsigned long long)cul_stream_at(p->s.below));
		return room - p->bz2.avail_out;
	}
#endif
	default:
		return 0;
	}
}

static size_t packed_fill(struct cul_stream *s, void *buffer, size_t size)
{
	struct packed *p = (struct packed *)s;
	struct cul_stream *below = s->below;
	if (size > 1u << 30)
		size = 1u << 30;
	for (;;) {
		if (!p->inside) {
			struct cul_slice head = cul_stream_peek(below, 512);
			if (!head.size)
				return 0;
			if (p->any) { /* another one, padding or garbage? */
				if (!head.data[0]) {
					size_t n = 0;
					while (n < head.size && !head.data[n])
						n++;
					cul_stream_take(below, n);
					continue;
				}
				bool more = cul_form_of(head) == p->form ||
					    (p->form == CUL_FORM_ZST && head.size >= 4 && ((unsigned char)head.data[0] & 0xf0) == 0x50 &&
					     !memcmp(head.data + 1, "\x2a\x4d\x18", 3));
				if (!more) {
					cul_stream_spoil(s, "bytes that are none of it follow the %s stream", cul_form_name(p->form));
					return 0;
				}
				if (!begin(p)) {
					cul_stream_spoil(s, "out of memory");
					return 0;
				}
			}
			p->inside = true;
		}
		struct cul_slice in = cul_stream_peek(below, 1);
		size_t took = 0, made = step(p, in, &took, buffer, size);
		cul_stream_take(below, took);
		s->in += took;
		p->any |= !p->inside;
		if (made || s->ended)
			return made;
		if (p->inside && !took) {
			if (in.size)
				cul_stream_spoil(s, "the %s stream is garbled", cul_form_name(p->form));
			else
				cul_stream_spoil(s, "the %s stream is cut off", cul_form_name(p->form));
			return 0;
		}
	}
}

static la_ssize_t other_bytes(struct archive *a, void *ctx, const void **out)
{
	struct packed *p = ctx;
	(void)a;
	cul_stream_take(p->s.below, p->held);
	struct cul_slice in = cul_stream_peek(p->s.below, 1);
	p->held = in.size;
	p->s.in += in.size;
	*out = in.data;
	return (la_ssize_t)in.size;
}

static size_t other_fill(struct cul_stream *s, void *buffer, size_t size)
{
	struct packed *p = (struct packed *)s;
	struct archive_entry *entry;
	if (!p->inside) {
		p->inside = true;
		if (archive_read_open(p->other, p, NULL, other_bytes, NULL) != ARCHIVE_OK || archive_read_next_header(p->other, &entry) != ARCHIVE_OK) {
			cul_stream_spoil(s, "the %s stream is garbled or cut off", cul_form_name(p->form));
			return 0;
		}
	}
	la_ssize_t n = archive_read_data(p->other, buffer, size);
	if (n < 0)
		cul_stream_spoil(s, "the %s stream is garbled or cut off", cul_form_name(p->form));
	return n < 0 ? 0 : (size_t)n;
}

static void packed_drop(struct cul_stream *s)
{
	struct packed *p = (struct packed *)s;
	switch (p->form) {
	case CUL_FORM_GZ:
#ifdef HAVE_ISAL
		free(p->gz);
#else
		inflateEnd(&p->gz);
#endif
		break;
	case CUL_FORM_XZ:
		lzma_end(&p->xz);
		break;
	case CUL_FORM_ZST:
		ZSTD_freeDStream(p->zst);
		break;
	case CUL_FORM_BZ2:
#ifdef HAVE_BZ2
		BZ2_bzDecompressEnd(&p->bz2);
#endif
		break;
	default:
		if (p->other)
			archive_read_free(p->other);
	}
}

struct cul_stream *cul_stream_unpack(struct cul_stream *below, enum cul_form form)
{
	struct packed *p = calloc(1, sizeof(*p));
	bool good = p != NULL;
	if (!p)
		return NULL;
	p->form = form;
	p->s = (struct cul_stream){ .fill = packed_fill, .drop = packed_drop, .budget = below->budget, .size = -1, .counts = true, .expands = true };
	p->many = below->budget->limits.threads > 1 && below->size > MANY;
	switch (form) {
	case CUL_FORM_GZ:
#ifdef HAVE_ISAL
		good = (p->gz = malloc(sizeof(*p->gz))) && begin(p);
#else
		good = inflateInit2(&p->gz, 15 + 16) == Z_OK;
#endif
		break;
	case CUL_FORM_XZ:
		p->xz = (lzma_stream)LZMA_STREAM_INIT;
		good = begin(p);
		break;
	case CUL_FORM_ZST:
		p->zst = ZSTD_createDStream();
		good = p->zst && !ZSTD_isError(ZSTD_DCtx_setParameter(p->zst, ZSTD_d_windowLogMax, ZST_WINDOW_LOG));
		break;
	case CUL_FORM_BZ2:
#ifdef HAVE_BZ2
		good = begin(p);
#else
		good = false;
#endif
		break;
	default:
		p->s.fill = other_fill;
		p->other = archive_read_new();
		good = p->other && archive_read_support_format_raw(p->other) == ARCHIVE_OK &&
		       (form == CUL_FORM_LZ4  ? archive_read_support_filter_lz4(p->other) :
			form == CUL_FORM_LZIP ? archive_read_support_filter_lzip(p->other) :
						archive_read_support_filter_compress(p->other)) == ARCHIVE_OK;
	}
	if (!good) {
		cul_stream_free(&p->s); /* below is not set: it stays the caller's */
		return NULL;
	}
	p->s.below = below;
	return &p->s;
}
