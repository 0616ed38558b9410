/* SPDX-License-Identifier: Apache-2.0 */
/**
 * gz, xz, zst, bz2 and lz4 streams -> bytes, concatenated ones continued, with a limit on memory and ratio.
 *
 * gzip goes through ISA-L where it is there (three times as fast as zlib), else through zlib; xz through
 * liblzma; zst through libzstd (windows above 256 MiB are refused); lz4 through libarchive's filter.
 */
#include "parsers/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <lzma.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_BZ2
#include <bzlib.h>
#endif
#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "base/slice.h"

#define BUFFER (128u << 10)
#define PEEK 600
#define XZ_MEMORY (1024ull << 20)
#define RATIO_FROM (64ull << 20)

struct cul_layer {
	struct cul_layer *below;
	enum { FROM_FILE, FROM_MEMORY, FROM_CALLS, FROM_PACKED } source;
	enum cul_packing packing;
	int fd;
	struct cul_slice memory;
	size_t (*call)(void *ctx, void *buffer, size_t size, const char **why);
	void *ctx;

	/* bytes that were made but not taken */
	char *buffer;
	size_t start, fill;
	bool ended, touched;
	const char *why;
	int64_t taken;

	/* unpacking */
	char *packed;
	struct cul_slice input;
	uint64_t in_bytes, out_bytes;
	uint32_t ratio;
	bool between; /* at a stream's border: an end there is a good end */
	z_stream z;
	lzma_stream xz;
	ZSTD_DStream *zst;
#ifdef HAVE_BZ2
	bz_stream bz;
#endif
#ifdef HAVE_ISAL
	struct inflate_state *igz;
	struct isal_gzip_header gz_header;
	bool igz_header_done;
#endif
	struct archive *lz4;
};

enum cul_packing cul_packing_of(struct cul_slice h)
{
	const unsigned char *p = (const unsigned char *)h.data;
	if (h.size >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8)
		return CUL_PACKING_GZ;
	if (h.size >= 6 && !memcmp(p, "\xfd" "7zXZ\0", 6))
		return CUL_PACKING_XZ;
	if (h.size >= 4 && !memcmp(p, "\x28\xb5\x2f\xfd", 4))
		return CUL_PACKING_ZST;
	if (h.size >= 10 && !memcmp(p, "BZh", 3) && p[3] >= '1' && p[3] <= '9' && !memcmp(p + 4, "\x31\x41\x59\x26\x53\x59", 6))
		return CUL_PACKING_BZ2;
	if (h.size >= 4 && !memcmp(p, "\x04\x22\x4d\x18", 4))
		return CUL_PACKING_LZ4;
	return CUL_PACKING_NONE;
}

static struct cul_layer *fresh(void)
{
	struct cul_layer *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->fd = -1;
	l->buffer = malloc(BUFFER);
	if (!l->buffer) {
		free(l);
		return NULL;
	}
	return l;
}

struct cul_layer *cul_layer_file(int fd)
{
	struct cul_layer *l = fresh();
	if (l) {
		l->source = FROM_FILE;
		l->fd = fd;
	}
	return l;
}

struct cul_layer *cul_layer_memory(struct cul_slice bytes)
{
	struct cul_layer *l = fresh();
	if (l) {
		l->source = FROM_MEMORY;
		l->memory = bytes;
	}
	return l;
}

struct cul_layer *cul_layer_calls(size_t (*read)(void *ctx, void *buffer, size_t size, const char **why), void *ctx)
{
	struct cul_layer *l = fresh();
	if (l) {
		l->source = FROM_CALLS;
		l->call = read;
		l->ctx = ctx;
	}
	return l;
}

static la_ssize_t lz4_read(struct archive *a, void *ctx, const void **out)
{
	struct cul_layer *l = ctx;
	size_t n = cul_layer_read(l->below, l->packed, BUFFER);
	(void)a;
	l->in_bytes += n;
	*out = l->packed;
	return (la_ssize_t)n;
}

static bool start(struct cul_layer *l)
{
	switch (l->packing) {
	case CUL_PACKING_GZ:
#ifdef HAVE_ISAL
		l->igz = malloc(sizeof(*l->igz));
		if (!l->igz)
			return false;
		isal_inflate_init(l->igz);
		l->igz->crc_flag = ISAL_GZIP;
		return true;
#else
		return inflateInit2(&l->z, 15 + 16) == Z_OK;
#endif
	case CUL_PACKING_XZ:
		l->xz = (lzma_stream)LZMA_STREAM_INIT;
		return lzma_stream_decoder(&l->xz, XZ_MEMORY, LZMA_CONCATENATED) == LZMA_OK;
	case CUL_PACKING_ZST:
		l->zst = ZSTD_createDStream();
		return l->zst && !ZSTD_isError(ZSTD_DCtx_setParameter(l->zst, ZSTD_d_windowLogMax, 28));
	case CUL_PACKING_BZ2:
#ifdef HAVE_BZ2
		return BZ2_bzDecompressInit(&l->bz, 0, 0) == BZ_OK;
#else
		return false;
#endif
	case CUL_PACKING_LZ4: {
		struct archive_entry *entry;
		l->lz4 = archive_read_new();
		if (!l->lz4)
			return false;
		archive_read_support_filter_lz4(l->lz4);
		archive_read_support_format_raw(l->lz4);
		return archive_read_open(l->lz4, l, NULL, lz4_read, NULL) == ARCHIVE_OK && archive_read_next_header(l->lz4, &entry) == ARCHIVE_OK;
	}
	default:
		return false;
	}
}

struct cul_layer *cul_layer_unpack(struct cul_layer *below, enum cul_packing packing, const struct cul_limits *limits)
{
	struct cul_layer *l = fresh();
	if (!l)
		return NULL;
	l->source = FROM_PACKED;
	l->packing = packing;
	l->ratio = limits && limits->ratio ? limits->ratio : 2000;
	l->below = below;
	l->packed = malloc(BUFFER);
	if (!l->packed || !start(l)) {
		l->below = NULL;
		cul_layer_free(l);
		return NULL;
	}
	return l;
}

void cul_layer_free(struct cul_layer *l)
{
	while (l) {
		struct cul_layer *below = l->below;
		if (l->source == FROM_FILE && l->fd >= 0)
			close(l->fd);
		if (l->packing == CUL_PACKING_XZ)
			lzma_end(&l->xz);
		ZSTD_freeDStream(l->zst);
#ifdef HAVE_BZ2
		if (l->packing == CUL_PACKING_BZ2)
			BZ2_bzDecompressEnd(&l->bz);
#endif
#ifdef HAVE_ISAL
		free(l->igz);
#else
		if (l->packing == CUL_PACKING_GZ)
			inflateEnd(&l->z);
#endif
		if (l->lz4)
			archive_read_free(l->lz4);
		free(l->packed);
		free(l->buffer);
		free(l);
		l = below;
	}
}

/* More packed bytes into l->input. False at the end. */
static bool refill(struct cul_layer *l)
{
	if (l->input.size)
		return true;
	size_t n = cul_layer_read(l->below, l->packed, BUFFER);
	l->in_bytes += n;
	l->input = cul_slice(l->packed, n);
	return n > 0;
}

static size_t spoilt(struct cul_layer *l, size_t made, const char *why)
{
	l->why = why;
	l->ended = true;
	return made;
}

#ifdef HAVE_ISAL
static size_t unpack_gz(struct cul_layer *l, char *out, size_t room)
{
	for (;;) {
		if (!refill(l))
			return l->between ? spoilt(l, 0, NULL) : spoilt(l, 0, "the gzip stream is cut off");
		if (l->between) { /* another stream behind the first? zero padding is no damage */
			if (l->input.data[0] == 0 && l->out_bytes) {
				l->input = cul_from(l->input, 1);
				continue;
			}
			if ((unsigned char)l->input.data[0] != 0x1f)
				return spoilt(l, 0, "garbage behind the gzip stream");
			isal_inflate_reset(l->igz);
			l->igz->crc_flag = ISAL_GZIP;
			l->between = false;
		}
		l->igz->next_in = (uint8_t *)(uintptr_t)l->input.data;
		l->igz->avail_in = (uint32_t)l->input.size;
		l->igz->next_out = (uint8_t *)out;
		l->igz->avail_out = (uint32_t)room;
		int code = isal_inflate(l->igz);
		l->input = cul_slice((const char *)l->igz->next_in, l->igz->avail_in);
		size_t made = room - l->igz->avail_out;
		if (code != ISAL_DECOMP_OK && code != ISAL_END_INPUT)
			return spoilt(l, made, "the gzip stream is garbled");
		if (l->igz->block_state == ISAL_BLOCK_FINISH)
			l->between = true;
		if (made)
			return made;
	}
}
#else
static size_t unpack_gz(struct cul_layer *l, char *out, size_t room)
{
	for (;;) {
		if (!refill(l))
			return l->between ? spoilt(l, 0, NULL) : spoilt(l, 0, "the gzip stream is cut off");
		if (l->between) {
			if (l->input.data[0] == 0) {
				l->input = cul_from(l->input, 1);
				continue;
			}
			if ((unsigned char)l->input.data[0] != 0x1f)
				return spoilt(l, 0, "garbage behind the gzip stream");
			inflateReset(&l->z);
			l->between = false;
		}
		l->z.next_in = (Bytef *)(uintptr_t)l->input.data;
		l->z.avail_in = (uInt)l->input.size;
		l->z.next_out = (Bytef *)out;
		l->z.avail_out = (uInt)room;
		int code = inflate(&l->z, Z_NO_FLUSH);
		l->input = cul_slice((const char *)l->z.next_in, l->z.avail_in);
		size_t made = room - l->z.avail_out;
		if (code == Z_STREAM_END)
			l->between = true;
		else if (code != Z_OK && code != Z_BUF_ERROR)
			return spoilt(l, made, "the gzip stream is garbled");
		if (made)
			return made;
	}
}
#endif

static size_t unpack_xz(struct cul_layer *l, char *out, size_t room)
{
	for (;;) {
		bool more = refill(l);
		l->xz.next_in = (const uint8_t *)l->input.data;
		l->xz.avail_in = l->input.size;
		l->xz.next_out = (uint8_t *)out;
		l->xz.avail_out = room;
		lzma_ret code = lzma_code(&l->xz, more ? LZMA_RUN : LZMA_FINISH);
		l->input = cul_slice((const char *)l->xz.next_in, l->xz.avail_in);
		size_t made = room - l->xz.avail_out;
		if (code == LZMA_STREAM_END)
			return spoilt(l, made, NULL);
		if (code == LZMA_MEMLIMIT_ERROR)
			return spoilt(l, made, "the xz stream needs more than 1 GiB of memory");
		if (code == LZMA_BUF_ERROR && !more)
			return spoilt(l, made, "the xz stream is cut off");
		if (code != LZMA_OK && code != LZMA_BUF_ERROR)
			return spoilt(l, made, l->out_bytes + made && code == LZMA_FORMAT_ERROR ? "garbage behind the xz stream" : "the xz stream is garbled");
		if (made)
			return made;
	}
}

static size_t unpack_zst(struct cul_layer *l, char *out, size_t room)
{
	for (;;) {
		bool more = refill(l);
		if (!more && l->between)
			return spoilt(l, 0, NULL);
		ZSTD_inBuffer in = { l->input.data, l->input.size, 0 };
		ZSTD_outBuffer to = { out, room, 0 };
		size_t code = ZSTD_decompressStream(l->zst, &to, &in);
		l->input = cul_from(l->input, in.pos);
		if (ZSTD_isError(code))
			return spoilt(l, to.pos, l->between && l->out_bytes ? "garbage behind the zst stream" : "the zst stream is garbled or its window is above 256 MiB");
		l->between = code == 0;
		if (to.pos)
			return to.pos;
		if (!more && !l->between)
			return spoilt(l, 0, "the zst stream is cut off");
	}
}

static size_t unpack_bz2(struct cul_layer *l, char *out, size_t room)
{
#ifdef HAVE_BZ2
	for (;;) {
		if (!refill(l))
			return l->between ? spoilt(l, 0, NULL) : spoilt(l, 0, "the bzip2 stream is cut off");
		if (l->between) {
			BZ2_bzDecompressEnd(&l->bz);
			memset(&l->bz, 0, sizeof(l->bz));
			if (l->input.data[0] != 'B' || BZ2_bzDecompressInit(&l->bz, 0, 0) != BZ_OK)
				return spoilt(l, 0, "garbage behind the bzip2 stream");
			l->between = false;
		}
		l->bz.next_in = (char *)(uintptr_t)l->input.data;
		l->bz.avail_in = (unsigned)l->input.size;
		l->bz.next_out = out;
		l->bz.avail_out = (unsigned)room;
		int code = BZ2_bzDecompress(&l->bz);
		l->input = cul_slice(l->bz.next_in, l->bz.avail_in);
		size_t made = room - l->bz.avail_out;
		if (code == BZ_STREAM_END)
			l->between = true;
		else if (code != BZ_OK)
			return spoilt(l, made, "the bzip2 stream is garbled");
		if (made)
			return made;
	}
#else
	(void)out;
	(void)room;
	return spoilt(l, 0, "bzip2 is not built in");
#endif
}

static size_t unpack_lz4(struct cul_layer *l, char *out, size_t room)
{
	la_ssize_t n = archive_read_data(l->lz4, out, room);
	if (n < 0)
		return spoilt(l, 0, "the lz4 stream is garbled");
	if (n == 0)
		return spoilt(l, 0, NULL);
	return (size_t)n;
}

static size_t make(struct cul_layer *l, char *out, size_t room)
{
	ssize_t got;
	size_t n;
	if (l->ended)
		return 0;
	switch (l->source) {
	case FROM_FILE:
		do
			got = read(l->fd, out, room);
		while (got < 0 && errno == EINTR);
		if (got < 0)
			return spoilt(l, 0, strerror(errno));
		l->ended = got == 0;
		l->taken += got;
		return (size_t)got;
	case FROM_MEMORY:
		n = l->memory.size < room ? l->memory.size : room;
		if (n)
			memcpy(out, l->memory.data, n);
		l->memory = cul_from(l->memory, n);
		l->ended = n == 0;
		l->taken += (int64_t)n;
		return n;
	case FROM_CALLS:
		n = l->call(l->ctx, out, room, &l->why);
		l->ended = n == 0;
		l->taken += (int64_t)n;
		return n;
	default:
		break;
	}
	n = l->packing == CUL_PACKING_GZ  ? unpack_gz(l, out, room) :
	    l->packing == CUL_PACKING_XZ  ? unpack_xz(l, out, room) :
	    l->packing == CUL_PACKING_ZST ? unpack_zst(l, out, room) :
	    l->packing == CUL_PACKING_BZ2 ? unpack_bz2(l, out, room) :
					    unpack_lz4(l, out, room);
	l->out_bytes += n;
	if (l->out_bytes > RATIO_FROM && l->out_bytes / l->ratio > l->in_bytes)
		return spoilt(l, n, "it unpacks to more than the ratio limit allows: a bomb?");
	return n;
}

struct cul_slice cul_layer_peek(struct cul_layer *l)
{
	if (l->fill - l->start < PEEK && l->start) {
		memmove(l->buffer, l->buffer + l->start, l->fill - l->start);
		l->fill -= l->start;
		l->start = 0;
	}
	while (l->fill - l->start < PEEK) {
		size_t n = make(l, l->buffer + l->fill, BUFFER - l->fill);
		if (!n && l->ended)
			break;
		l->fill += n;
	}
	return cul_slice(l->buffer + l->start, l->fill - l->start);
}

size_t cul_layer_read(struct cul_layer *l, void *buffer, size_t size)
{
	l->touched = true;
	size_t n = l->fill - l->start;
	if (n) {
		n = n < size ? n : size;
		memcpy(buffer, l->buffer + l->start, n);
		l->start += n;
		return n;
	}
	l->start = l->fill = 0;
	while (!(n = make(l, buffer, size)) && !l->ended)
		;
	return n;
}

const char *cul_layer_damage(const struct cul_layer *l)
{
	for (; l; l = l->below)
		if (l->why)
			return l->why;
	return NULL;
}

int cul_layer_seekable(const struct cul_layer *l)
{
	struct stat st;
	return l->source == FROM_FILE && !l->touched && !fstat(l->fd, &st) && S_ISREG(st.st_mode) ? l->fd : -1;
}

int64_t cul_layer_taken(const struct cul_layer *l)
{
	while (l && l->below)
		l = l->below;
	return l ? l->taken : 0;
}
