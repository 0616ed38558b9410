/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Raw text that the case keeps: lines around what became rows, or everything, in zstd blocks.
 *
 * A block holds lines with their numbers (codec 0 plain, 1 zstd: for each line the difference of its number, its length, its
 * bytes), or text as it stood (codec 2 plain, 3 zstd). Of each kind and pattern the first rows of a member get their
 * surroundings, then each that is a power of two; in a storm (storm.c) fewer.
 */
#include "store/case.h"

#include <zstd.h>

#define FIRST 24        /* rows of one kind or pattern in a member that get their surroundings */
#define FIRST_FEW 3     /* the same, in a storm */
#define AROUND_FEW 4
#define WANTED 512      /* stretches of lines that wait for their text */
#define FRAME (1u << 20) /* text as it stood: of one frame */
#define LINE_TABLES 16  /* log2 of zstd's tables for a block of lines: 1 MiB instead of 4, faster, and as small but for 1 % */

struct stretch {
	int64_t from, to; /* lines */
};

struct case_evidence {
	sqlite3 *db;
	enum cul_keep keep;
	bool plain;       /* not compressed: the case dies with the process */
	sqlite3_stmt *insert;
	ZSTD_CCtx *packer;
	uint8_t *packed;
	size_t packed_room;

	uint8_t *lines;   /* the block of lines being filled */
	size_t size, kept;
	int64_t first, last, line;
	int member;

	struct stretch wanted[WANTED]; /* by line, apart from each other */
	size_t wanted_count;
	int64_t done;     /* the text up to this line has passed */

	char *all;        /* the frame being filled */
	size_t all_size;
	int64_t all_line;
};

struct case_evidence *case_evidence_new(sqlite3 *db, enum cul_keep keep, bool plain)
{
	struct case_evidence *e = calloc(1, sizeof(*e));
	if (e) {
		e->db = db;
		e->keep = keep;
		e->plain = plain;
	}
	return e;
}

void case_evidence_free(struct case_evidence *e)
{
	if (!e)
		return;
	sqlite3_finalize(e->insert);
	ZSTD_freeCCtx(e->packer);
	free(e->packed);
	free(e->lines);
	free(e->all);
	free(e);
}

static enum cul_status write_block(struct case_evidence *e, int64_t first, int64_t last, int codec, const void *data, size_t size, struct cul_error *err)
{
	enum cul_status status = CUL_OK;
	if (!e->insert)
		status = case_prepare(e->db, "INSERT INTO block(member,first_line,last_line,codec,bytes,data) VALUES(?,?,?,?,?,?)", &e->insert, err);
	if (status != CUL_OK)
		return status;
	size_t packed = 0;
	if (!e->plain && size > 256) {
		size_t bound = ZSTD_compressBound(size);
		if (!e->packer)
			e->packer = ZSTD_createCCtx();
		if (bound > e->packed_room) {
			free(e->packed);
			e->packed = malloc(bound);
			e->packed_room = e->packed ? bound : 0;
		}
		if (!e->packer || !e->packed)
			return cul_fail(err, CUL_ENOMEM, "evidence: out of memory");
		int tables = codec == CASE_CODEC_LINES ? LINE_TABLES : 0;
		ZSTD_CCtx_setParameter(e->packer, ZSTD_c_compressionLevel, 6);
		ZSTD_CCtx_setParameter(e->packer, ZSTD_c_hashLog, tables);
		ZSTD_CCtx_setParameter(e->packer, ZSTD_c_chainLog, tables);
		packed = ZSTD_compress2(e->packer, e->packed, bound, data, size);
		if (ZSTD_isError(packed) || packed >= size)
			packed = 0;
	}
	sqlite3_bind_int(e->insert, 1, e->member);
	sqlite3_bind_int64(e->insert, 2, first);
	sqlite3_bind_int64(e->insert, 3, last);
	sqlite3_bind_int(e->insert, 4, codec + (packed ? 1 : 0));
	sqlite3_bind_int64(e->insert, 5, (int64_t)size);
	sqlite3_bind_blob64(e->insert, 6, packed ? e->packed : data, packed ? packed : size, SQLITE_STATIC);
	int rc = sqlite3_step(e->insert);
	sqlite3_reset(e->insert);
	sqlite3_bind_null(e->insert, 6);
	return rc == SQLITE_DONE ? CUL_OK : case_fail(e->db, err, "evidence");
}

static enum cul_status flush_lines(struct case_evidence *e, struct cul_error *err)
{
	if (!e->size)
		return CUL_OK;
	size_t size = e->size;
	e->size = 0;
	return write_block(e, e->first, e->last, CASE_CODEC_LINES, e->lines, size, err);
}

/* @whole: all of it; else up to its last line end, and the rest begins the next frame. */
static enum cul_status flush_all(struct case_evidence *e, bool whole, struct cul_error *err)
{
	if (!e->all_size)
		return CUL_OK;
	const char *end = whole ? NULL : memrchr(e->all, '\n', e->all_size);
	size_t size = end ? (size_t)(end - e->all) + 1 : e->all_size;
	int64_t next = e->all_line;
	for (const char *p = e->all; (p = memchr(p, '\n', (size_t)(e->all + size - p))); p++)
		next++;
	enum cul_status status = write_block(e, e->all_line, next, CASE_CODEC_TEXT, e->all, size, err);
	e->all_size -= size;
	memmove(e->all, e->all + size, e->all_size);
	e->all_line = next;
	return status;
}

enum cul_status case_evidence_line(struct case_evidence *e, int64_t line, struct cul_slice text, struct cul_error *err)
{
	if (e->keep == CUL_KEEP_NONE || !text.size)
		return CUL_OK;
	if (text.size > CASE_TEXT)
		text.size = CASE_TEXT;
	if (!e->lines && !(e->lines = malloc(CASE_BLOCK)))
		return cul_fail(err, CUL_ENOMEM, "evidence: out of memory");
	if (e->size && e->size + text.size + 20 > CASE_BLOCK) {
		enum cul_status status = flush_lines(e, err);
		if (status != CUL_OK)
			return status;
	}
	if (!e->size) {
		e->first = e->last = line;
		e->line = 0;
	}
	uint8_t *p = e->lines + e->size;
	int64_t step = (int64_t)((uint64_t)line - (uint64_t)e->line);
	case_write_varint(&p, ((uint64_t)step << 1) ^ (uint64_t)(step >> 63));
	case_write_varint(&p, text.size);
	memcpy(p, text.data, text.size);
	e->size = (size_t)(p - e->lines) + text.size;
	e->line = line;
	e->first = line < e->first ? line : e->first;
	e->last = line > e->last ? line : e->last;
	e->kept++;
	return CUL_OK;
}

enum cul_status case_evidence_suspect(struct case_evidence *e, int64_t line, struct cul_slice text, struct cul_error *err)
{
	return e->kept < CASE_BLOCK_LINES && e->keep != CUL_KEEP_ALL ? case_evidence_line(e, line, text, err) : CUL_OK;
}

enum cul_status case_evidence_member(struct case_evidence *e, int member, struct cul_error *err)
{
	enum cul_status status = flush_lines(e, err);
	if (status == CUL_OK)
		status = flush_all(e, true, err);
	e->member = member;
	e->kept = e->wanted_count = 0;
	e->done = 0;
	return status;
}

void case_evidence_want(struct case_evidence *e, int64_t line, int64_t row, bool few)
{
	int around = few ? AROUND_FEW : CASE_AROUND;
	if (e->plain || e->keep != CUL_KEEP_EVIDENCE || line <= 0 || (row > (few ? FIRST_FEW : FIRST) && (row & (row - 1))))
		return;
	struct stretch want = { line - around, line + around };
	if (want.from <= e->done)
		want.from = e->done + 1;
	if (want.from > want.to)
		return;
	size_t i = e->wanted_count;
	while (i && e->wanted[i - 1].from > want.from)
		i--;
	/* it may touch the one before and some behind */
	if (i && e->wanted[i - 1].to + 1 >= want.from) {
		i--;
		want.from = e->wanted[i].from;
		want.to = want.to > e->wanted[i].to ? want.to : e->wanted[i].to;
	}
	size_t j = i;
	while (j < e->wanted_count && e->wanted[j].from <= want.to + 1) {
		want.to = want.to > e->wanted[j].to ? want.to : e->wanted[j].to;
		j++;
	}
	if (i == j && e->wanted_count == WANTED)
		return;
	memmove(e->wanted + i + 1, e->wanted + j, (e->wanted_count - j) * sizeof(want));
	e->wanted_count = e->wanted_count - (j - i) + 1;
	e->wanted[i] = want;
}

static enum cul_status keep_all(struct case_evidence *e, struct cul_slice text, int64_t line, struct cul_error *err)
{
	if (!e->all && !(e->all = malloc(FRAME)))
		return cul_fail(err, CUL_ENOMEM, "evidence: out of memory");
	if (!e->all_size)
		e->all_line = line;
	while (text.size) {
		size_t n = text.size < FRAME - e->all_size ? text.size : FRAME - e->all_size;
		memcpy(e->all + e->all_size, text.data, n);
		e->all_size += n;
		text = cul_from(text, n);
		if (e->all_size == FRAME) {
			enum cul_status status = flush_all(e, false, err);
			if (status != CUL_OK)
				return status;
		}
	}
	return CUL_OK;
}

enum cul_status case_evidence_text(struct case_evidence *e, struct cul_slice text, int64_t line, struct cul_error *err)
{
	if (e->keep == CUL_KEEP_ALL)
		return keep_all(e, text, line, err);
	size_t i = 0;
	enum cul_status status = CUL_OK;
	while (text.size && i < e->wanted_count && status == CUL_OK) {
		const char *end = memchr(text.data, '\n', text.size);
		size_t size = end ? (size_t)(end - text.data) : text.size;
		if (line >= e->wanted[i].from) {
			size_t trimmed = size && text.data[size - 1] == '\r' ? size - 1 : size;
			status = case_evidence_line(e, line, cul_slice(text.data, trimmed), err);
		}
		if (!end)
			break;
		if (line++ >= e->wanted[i].to)
			i++;
		text = cul_from(text, size + 1);
	}
	for (const char *p = text.data; text.size && (p = memchr(p, '\n', (size_t)(text.data + text.size - p))); p++)
		line++;
	e->done = line - 1;
	memmove(e->wanted, e->wanted + i, (e->wanted_count - i) * sizeof(e->wanted[0]));
	e->wanted_count -= i;
	return status;
}

enum cul_status case_evidence_finish(struct case_evidence *e, struct cul_error *err)
{
	return case_evidence_member(e, e->member, err);
}
