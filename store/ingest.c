/* SPDX-License-Identifier: Apache-2.0 */
/** The sink: members, sections and suspect records, as they are parsed, into a case; what is observed becomes rows in rows.c. */
#include "store/writer.h"

#include <limits.h>
#include <stdio.h>

#define SAME_SECTIONS 4096 /* kinds of sections without rows that are told apart */

/* ---- the sink --------------------------------------------------------------------------------- */

#define ROW "(?,?,?,?,?,?,0)"
#define ROWS ROW "," ROW "," ROW "," ROW
#define INSERT "INSERT INTO member(id, name, mtime, bytes, lines, read_as, host) VALUES"

/* Many files have one statement: to begin and to end it costs as much as a row. */
static enum cul_status write_members(struct case_writer *w)
{
	bool all = w->waiting_count == CASE_WAITING;
	sqlite3_stmt **s = all ? &w->members : &w->member;
	enum cul_status status = case_writer_need(w, s, all ? INSERT ROWS "," ROWS "," ROWS "," ROWS : INSERT ROW);
	for (size_t i = 0; i < w->waiting_count && status == CUL_OK; i++) {
		const struct waiting *m = &w->waiting[i];
		int at = all ? (int)i * 6 : 0;
		sqlite3_bind_int(*s, at + 1, m->id);
		sqlite3_bind_text(*s, at + 2, w->names + m->name, -1, SQLITE_STATIC);
		case_bind_time(*s, at + 3, m->mtime);
		sqlite3_bind_int64(*s, at + 4, m->source.bytes);
		sqlite3_bind_int64(*s, at + 5, m->source.lines);
		if (m->source.read_as)
			sqlite3_bind_text(*s, at + 6, m->source.read_as, -1, SQLITE_STATIC);
		else
			sqlite3_bind_null(*s, at + 6);
		if (!all || i + 1 == CASE_WAITING)
			status = case_writer_step(w, *s, w->names + m->name);
	}
	w->waiting_count = w->names_size = 0;
	return status;
}

static enum cul_status write_member(struct case_writer *w)
{
	struct cul_source source = { w->bytes > w->member_size ? w->bytes : w->member_size, w->lines, NULL, CUL_NO_TIME, CUL_NO_TIME, 0 };
	if (!case_sources_add(&w->c->sources, w->member_name, &source, w->read_as[0] ? cul_str(w->read_as) : (struct cul_slice){ 0 }))
		return cul_fail(&w->err, CUL_ENOMEM, "%s: out of memory", w->member_name);
	struct waiting *m = &w->waiting[w->waiting_count++];
	cul_case_source(w->c, w->c->sources.count - 1, &source);
	*m = (struct waiting){ w->member_id, w->names_size, w->member_mtime, source };
	memcpy(w->names + w->names_size, w->member_name, strlen(w->member_name) + 1);
	w->names_size += strlen(w->member_name) + 1;
	return w->waiting_count == CASE_WAITING || w->names_size > sizeof(w->names) - sizeof(w->member_name) ? write_members(w) : CUL_OK;
}

static void bind_clock(sqlite3_stmt *s, int column, const struct cul_time *t)
{
	case_bind_time(s, column, t->clock == CUL_CLOCK_NONE ? CUL_NO_TIME : t->ns);
	sqlite3_bind_int(s, column + 1, t->ns == CUL_NO_TIME ? CUL_CLOCK_NONE : (int)t->clock);
	sqlite3_bind_int(s, column + 2, (t->no_year ? 1 : 0) | (t->no_date ? 2 : 0));
}

/* On host 0, as is the member: most are, and placing changes what is elsewhere. */
static enum cul_status write_section(struct case_writer *w)
{
	const struct section *at = &w->section;
	enum cul_status status = case_writer_need(w, &w->section_end,
				      "INSERT INTO section(lines, records, bytes, streams, raw_first, first_clock, first_flags, raw_last, last_clock, "
				      "last_flags, id, member, parser, command, path, line, host) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)");
	w->section_waits = false;
	if (status != CUL_OK)
		return status;
	sqlite3_bind_int64(w->section_end, 1, at->lines);
	sqlite3_bind_int64(w->section_end, 2, at->records);
	sqlite3_bind_int64(w->section_end, 3, at->bytes);
	sqlite3_bind_text(w->section_end, 4, at->streams, (int)at->streams_size, SQLITE_STATIC);
	bind_clock(w->section_end, 5, &at->first);
	bind_clock(w->section_end, 8, &at->last);
	sqlite3_bind_int(w->section_end, 11, w->section_id);
	sqlite3_bind_int(w->section_end, 12, at->member);
	sqlite3_bind_text(w->section_end, 13, at->parser, -1, SQLITE_STATIC);
	case_bind_slice(w->section_end, 14, at->command);
	case_bind_slice(w->section_end, 15, at->path);
	sqlite3_bind_int64(w->section_end, 16, at->line);
	return case_writer_step(w, w->section_end, "section");
}

/* Is the key of these three parts the one that was met last? Mostly it is. */
static bool is_last(const struct case_writer *w, const char *const *parts, const size_t *sizes)
{
	if (!w->same.count)
		return false;
	struct cul_slice rest = w->same.items[w->same_last];
	for (size_t i = 0; i < 3; i++) {
		if (rest.size <= sizes[i] || rest.data[sizes[i]] || memcmp(rest.data, parts[i], sizes[i]) != 0)
			return false;
		rest = cul_from(rest, sizes[i] + 1);
	}
	return !rest.size;
}

/*
 * Of files that are one section without a row, a time or anything suspect, and that lie in one root and were read alike, the first
 * has a row for its section; the others have their own for the file. Their hosts are the same, so they show the same to have been there.
 */
static enum cul_status end_only_section(struct case_writer *w)
{
	if (!w->section_waits)
		return CUL_OK;
	const char *parts[] = { w->member_name, w->section.parser, w->section.streams };
	size_t sizes[] = { place_root_size(w->member_name), strlen(w->section.parser), w->section.streams_size };
	char key[6000];
	size_t n = 0;
	if (is_last(w, parts, sizes)) {
		w->section_waits = false;
		w->section_id--;
		return CUL_OK;
	}
	for (size_t i = 0; i < 3; i++) {
		if (n + sizes[i] + 1 > sizeof(key))
			return write_section(w);
		memcpy(key + n, parts[i], sizes[i]);
		n += sizes[i];
		key[n++] = 0;
	}
	size_t before = w->same.count;
	int at = before < SAME_SECTIONS ? case_strings_add(&w->same, cul_slice(key, n)) : case_strings_find(&w->same, cul_slice(key, n));
	if (at >= 0)
		w->same_last = at;
	if (at < 0 || (size_t)at == before)
		return write_section(w);
	w->section_waits = false;
	w->section_id--;
	return CUL_OK;
}

static enum cul_status end_member(struct case_writer *w)
{
	if (!w->member_name[0])
		return CUL_OK; /* none yet, or of the case that is added to */
	enum cul_status status = end_only_section(w);
	if (status == CUL_OK)
		status = case_writer_close_runs(w);
	if (status == CUL_OK)
		status = case_writer_end_thinned(w);
	if (status == CUL_OK)
		status = case_writer_end_folded(w);
	return status == CUL_OK ? write_member(w) : status;
}

static void hold(struct cul_slice *to, char *room, size_t size, struct cul_slice text)
{
	*to = cul_slice(text.data ? room : NULL, text.size < size ? text.size : size);
	if (to->size)
		memcpy(room, text.data, to->size);
}

static enum cul_status on_member(void *ctx, const struct cul_member *member, int *id)
{
	struct case_writer *w = ctx;
	enum cul_status status = end_member(w);
	if (status != CUL_OK)
		return status;
	if (w->member_id == INT_MAX)
		return cul_fail(&w->err, CUL_ELIMIT, "%s: too many members", member->name);
	w->member_id++;
	if (w->each_all)
		memset(w->each_rows, 0, w->interest_count * sizeof(*w->each_rows));
	w->each_all = 0;
	w->lines = w->bytes = 0;
	w->member_sections = 0;
	w->damage = 0;
	w->read_as[0] = 0;
	size_t size = strlen(member->name);
	size = size < sizeof(w->member_name) ? size : sizeof(w->member_name) - 1;
	memcpy(w->member_name, size ? member->name : "?", size ? size : 1);
	w->member_name[size ? size : 1] = 0;
	w->member_mtime = member->mtime_ns;
	w->member_size = member->size > 0 ? member->size : 0;
	*id = w->member_id;
	return case_evidence_member(w->evidence, w->member_id, &w->err);
}

/* The row is written when the section ends, whole. */
static enum cul_status on_section(void *ctx, const struct cul_section_info *info, int *id)
{
	struct case_writer *w = ctx;
	enum cul_status status = case_writer_close_runs(w);
	if (status == CUL_OK && w->section_waits)
		status = write_section(w);
	if (status != CUL_OK)
		return status;
	if (w->section_id == INT_MAX)
		return cul_fail(&w->err, CUL_ELIMIT, "too many sections");
	w->section_id++;
	w->section_said = false;
	w->member_sections++;
	w->section.member = info->member;
	w->section.line = info->line;
	w->section.parser = info->parser ? info->parser : "";
	hold(&w->section.command, w->section.command_text, sizeof(w->section.command_text), info->command);
	/* mostly the member's own name */
	hold(&w->section.path, w->section.path_text, sizeof(w->section.path_text), cul_is(info->path, cul_str(w->member_name)) ? CUL_NONE : info->path);
	*id = w->section_id;
	return CUL_OK;
}

static enum cul_status on_observe(void *ctx, const struct cul_observation *o)
{
	struct case_writer *w = ctx;
	w->section_said = true;
	if (!strcmp(o->kind->name, "input.damaged") && w->damage++ >= CASE_DAMAGE)
		return CUL_OK;
	return case_writer_row(w, o);
}

static void read_by(struct case_writer *w, const char *name)
{
	size_t n = strlen(name), held = strlen(w->read_as);
	for (const char *p = w->read_as; (p = strstr(p, name)); p += n)
		if ((p == w->read_as || p[-1] == ' ') && (!p[n] || p[n] == ','))
			return;
	if (held + n + 3 < sizeof(w->read_as))
		snprintf(w->read_as + held, sizeof(w->read_as) - held, "%s%s", held ? ", " : "", name);
}

static enum cul_status on_section_end(void *ctx, int section, const struct cul_section_span *span)
{
	struct case_writer *w = ctx;
	struct section *at = &w->section;
	enum cul_status status = case_writer_close_runs(w);
	if (status != CUL_OK)
		return status;
	size_t n = 0;
	for (const char *const *s = span->streams; s && *s; s++) {
		size_t size = strlen(*s);
		if (n + size + 2 > sizeof(at->streams))
			break;
		if (n)
			at->streams[n++] = ',';
		memcpy(at->streams + n, *s, size);
		n += size;
		if (strcmp(*s, "kernel"))
			read_by(w, *s);
	}
	at->streams_size = n;
	at->lines = span->lines;
	at->records = span->records;
	at->bytes = span->bytes;
	at->first = span->first;
	at->last = span->last;
	w->lines += span->lines;
	w->bytes += span->bytes;
	if (at->member == w->member_id && w->member_sections == 1 && !w->section_said && at->first.ns == CUL_NO_TIME && at->last.ns == CUL_NO_TIME) {
		w->section_waits = true;
		return CUL_OK;
	}
	return write_section(w);
}

static enum cul_status on_suspect(void *ctx, const struct cul_observation *o)
{
	struct case_writer *w = ctx;
	w->section_said = true;
	enum cul_status status = case_templates_add(w->templates, o);
	if (status != CUL_OK)
		return cul_fail(&w->err, status, "templates: out of memory");
	return case_evidence_suspect(w->evidence, o->line, o->text, &w->err);
}

static enum cul_status on_text(void *ctx, int member, struct cul_slice text, int64_t offset, int64_t line)
{
	struct case_writer *w = ctx;
	(void)offset;
	return member == w->member_id ? case_evidence_text(w->evidence, text, line, &w->err) : CUL_OK;
}

void case_writer_sink(struct case_writer *w, struct cul_sink *sink)
{
	*sink = (struct cul_sink){ .ctx = w, .member = on_member, .section = on_section, .observe = on_observe,
				   .section_end = on_section_end, .suspect = on_suspect,
				   .text = w->raw || w->keep == CUL_KEEP_NONE ? NULL : on_text };
}

static int64_t highest(sqlite3 *db, const char *sql)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
		return 0;
	return sqlite3_column_int64(s, 0);
}

struct case_writer *case_writer_new(struct cul_case *c, const struct cul_scan_options *options, bool raw)
{
	struct case_writer *w = calloc(1, sizeof(*w));
	if (!w || !(w->templates = case_templates_new())) {
		free(w);
		return NULL;
	}
	w->c = c;
	w->raw = raw;
	w->same.arena = c->arena;
	w->interest_count = c->interests ? c->interests->count : 0;
	w->interest_ids = calloc(w->interest_count + 1, sizeof(*w->interest_ids));
	w->each_rows = calloc(w->interest_count + 1, sizeof(*w->each_rows));
	if (!w->interest_ids || !w->each_rows) {
		case_writer_free(w);
		return NULL;
	}
	for (size_t i = 0; i < c->interest_count; i++)
		if (c->interest_of[i] >= 0)
			w->interest_ids[c->interest_of[i]] = (int)i + 1;
	w->interest_last = (int)c->interest_count;
	w->keep = options ? options->keep : CUL_KEEP_EVIDENCE;
	w->rows = options && options->limits.rows ? options->limits.rows : CASE_ROWS;
	w->adds = options && options->add_to;
	w->evidence = case_evidence_new(c->db, w->keep, raw);
	if (!w->evidence) {
		case_writer_free(w);
		return NULL;
	}
	if (w->adds) {
		w->row_id = highest(c->db, "SELECT max(id) FROM observation");
		int64_t member = highest(c->db, "SELECT max(id) FROM member"), section = highest(c->db, "SELECT max(id) FROM section");
		w->member_id = member > 0 && member < INT_MAX ? (int)member : 0;
		w->section_id = section > 0 && section < INT_MAX ? (int)section : 0;
		if (case_templates_load(w->templates, c->db, &w->err) != CUL_OK)
			return w;
	}
	return w;
}

/*
 * The case keeps what the scan looked for: a rule whose pattern isn't among it was never asked. What is added later by newer rules:
 * what was there before has not been searched for what they ask. In memory the case dies with the rules that asked.
 */
static enum cul_status write_searched(struct case_writer *w)
{
	if (w->raw || w->adds || !w->interest_count)
		return CUL_OK;
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	CUL_AUTO(cul_freep) uint8_t *hashes = malloc(w->interest_count * CASE_HASH);
	if (!hashes)
		return cul_fail(&w->err, CUL_ENOMEM, "interests: out of memory");
	for (size_t i = 0; i < w->interest_count; i++)
		case_searched_hash(&w->c->interests->items[i], hashes + i * CASE_HASH);
	qsort(hashes, w->interest_count, CASE_HASH, case_searched_order);
	enum cul_status status = case_prepare(w->c->db, "INSERT INTO searched VALUES(?)", &s, &w->err);
	if (status != CUL_OK)
		return status;
	sqlite3_bind_blob64(s, 1, hashes, w->interest_count * CASE_HASH, SQLITE_STATIC);
	return case_writer_step(w, s, "interests");
}

enum cul_status case_writer_finish(struct case_writer *w)
{
	enum cul_status status = end_member(w);
	if (status == CUL_OK)
		status = write_members(w);
	if (status == CUL_OK)
		status = write_searched(w);
	if (status == CUL_OK)
		status = case_evidence_finish(w->evidence, &w->err);
	if (status == CUL_OK)
		status = case_templates_write(w->templates, w->c->db, &w->err);
	return status;
}

const struct cul_error *case_writer_error(const struct case_writer *w)
{
	return &w->err;
}

void case_writer_free(struct case_writer *w)
{
	if (!w)
		return;
	sqlite3_stmt *all[] = { w->member, w->members, w->section_end, w->observe, w->run, w->count, w->record, w->capture, w->interest };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sqlite3_finalize(all[i]);
	for (size_t i = 0; i < w->c->kind_count; i++) {
		sqlite3_finalize(w->c->kinds[i]->insert);
		w->c->kinds[i]->insert = NULL;
		case_thin_free(w->c->kinds[i]->thin);
		w->c->kinds[i]->thin = NULL;
	}
	case_strings_free(&w->same);
	case_storm_free(w->storm);
	case_templates_free(w->templates);
	free(w->interest_ids);
	free(w->each_rows);
	case_evidence_free(w->evidence);
	free(w);
}
