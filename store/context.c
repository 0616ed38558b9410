/* SPDX-License-Identifier: Apache-2.0 */
/** Lines around a place: those of the rows there and those in the evidence blocks. */
#include "store/case.h"

#include <zstd.h>

#define LINES 2000 /* of one answer */

struct kept {
	int64_t line;
	struct cul_slice text;
};

struct kept_list {
	struct cul_arena *arena;
	struct kept *items;
	size_t count;
	int64_t from, to;
};

static void add(struct kept_list *l, int64_t line, struct cul_slice text)
{
	if (line < l->from || line > l->to || l->count >= LINES || !text.size)
		return;
	char *copy = cul_arena_copy(l->arena, text);
	if (copy)
		l->items[l->count++] = (struct kept){ line, cul_slice(copy, text.size) };
}

static int by_line(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->text.size < y->text.size ? 1 : x->text.size > y->text.size ? -1 : cul_compare(x->text, y->text);
}

static int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void read_text(struct kept_list *l, int64_t line, struct cul_slice text)
{
	while (text.size && line <= l->to) {
		const char *end = memchr(text.data, '\n', text.size);
		size_t size = end ? (size_t)(end - text.data) : text.size;
		add(l, line++, cul_slice(text.data, size && text.data[size - 1] == '\r' ? size - 1 : size));
		text = cul_from(text, end ? size + 1 : size);
	}
}

static void read_block(struct kept_list *l, int codec, int64_t first, int64_t bytes, const uint8_t *data, size_t size)
{
	bool lines = codec < CASE_CODEC_TEXT;
	if (bytes <= 0 || bytes > (lines ? CASE_BLOCK : 1 << 20) || !data)
		return;
	CUL_AUTO(cul_freep) uint8_t *plain = malloc((size_t)bytes);
	if (!plain)
		return;
	if (codec == CASE_CODEC_LINES + 1 || codec == CASE_CODEC_TEXT + 1) {
		size_t got = ZSTD_decompress(plain, (size_t)bytes, data, size);
		if (ZSTD_isError(got) || got != (size_t)bytes)
			return;
	} else if ((codec == CASE_CODEC_LINES || codec == CASE_CODEC_TEXT) && size == (size_t)bytes) {
		memcpy(plain, data, size);
	} else {
		return;
	}
	if (!lines) {
		read_text(l, first, cul_slice((const char *)plain, (size_t)bytes));
		return;
	}
	const uint8_t *p = plain, *end = plain + bytes;
	uint64_t line = 0, step, length;
	while (p < end && case_read_varint(&p, end, &step) && case_read_varint(&p, end, &length) && length <= (size_t)(end - p)) {
		line += (uint64_t)unzigzag(step);
		add(l, (int64_t)line, cul_slice((const char *)p, length));
		p += length;
	}
}

bool cul_case_context(struct cul_case *c, int member, int64_t line, int before, int after,
		      void (*each)(void *ctx, int64_t line, struct cul_slice text), void *ctx)
{
	struct kept_list l = { .from = line - (before > 0 ? before : 0), .to = line + (after > 0 ? after : 0) };
	CUL_AUTO(case_finalizep) sqlite3_stmt *rows = NULL;
	CUL_AUTO(case_finalizep) sqlite3_stmt *blocks = NULL;
	CUL_AUTO(cul_freep) struct kept *items = calloc(LINES, sizeof(*items));
	l.items = items;
	l.arena = cul_arena_new();
	if (!items || !l.arena) {
		cul_arena_free(l.arena);
		return false;
	}
	if (sqlite3_prepare_v2(c->db, "SELECT line, text FROM observation WHERE member = ? AND line BETWEEN ? AND ?", -1, &rows, NULL) == SQLITE_OK) {
		sqlite3_bind_int64(rows, 1, (int64_t)member + 1);
		sqlite3_bind_int64(rows, 2, l.from);
		sqlite3_bind_int64(rows, 3, l.to);
		while (sqlite3_step(rows) == SQLITE_ROW) {
			const char *text = (const char *)sqlite3_column_text(rows, 1);
			int size = sqlite3_column_bytes(rows, 1);
			add(&l, sqlite3_column_int64(rows, 0), cul_slice(text, text && size > 0 ? (size_t)size : 0));
		}
	}
	if (sqlite3_prepare_v2(c->db, "SELECT codec, first_line, bytes, data FROM block WHERE member = ? AND last_line >= ? AND first_line <= ? ORDER BY id", -1,
			       &blocks, NULL) == SQLITE_OK) {
		sqlite3_bind_int64(blocks, 1, (int64_t)member + 1);
		sqlite3_bind_int64(blocks, 2, l.from);
		sqlite3_bind_int64(blocks, 3, l.to);
		while (sqlite3_step(blocks) == SQLITE_ROW) {
			const uint8_t *data = sqlite3_column_blob(blocks, 3);
			int size = sqlite3_column_bytes(blocks, 3);
			read_block(&l, sqlite3_column_int(blocks, 0), sqlite3_column_int64(blocks, 1), sqlite3_column_int64(blocks, 2), data, size > 0 ? (size_t)size : 0);
		}
	}
	qsort(l.items, l.count, sizeof(*l.items), by_line);
	bool met = false;
	for (size_t i = 0; i < l.count; i++) {
		if (i && l.items[i].line == l.items[i - 1].line)
			continue;
		met |= l.items[i].line == line;
		each(ctx, l.items[i].line, l.items[i].text);
	}
	cul_arena_free(l.arena);
	return met;
}
