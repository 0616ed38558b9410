/* SPDX-License-Identifier: Apache-2.0 */
/** The reading half: rows in their one order, values, coverage. */
#include "store/case.h"

#include <limits.h>
#include <stdio.h>

#define FEW 24             /* rows of a kind */
#define COVER_SLACK (600 * CUL_SECOND) /* a quiet log still covers so long behind its last line */

struct cul_value cul_row_value(const struct cul_row *row, struct cul_slice field)
{
	for (size_t i = 0; row && i < row->count; i++)
		if (row->values[i].type != CUL_ABSENT && row->values[i].field && cul_is(cul_str(row->values[i].field->name), field))
			return row->values[i];
	return (struct cul_value){ .type = CUL_ABSENT };
}

const struct cul_host *cul_case_hosts(const struct cul_case *c, size_t *count)
{
	*count = c->host_count;
	return c->hosts;
}

const struct cul_gpu *cul_case_gpus(const struct cul_case *c, size_t *count)
{
	*count = c->gpu_count;
	return c->gpus;
}

const struct cul_damage *cul_case_damage(const struct cul_case *c, size_t *count)
{
	*count = c->damage_count;
	return c->damage;
}

const struct cul_template *cul_case_templates(const struct cul_case *c, size_t *count)
{
	*count = c->template_count;
	return c->templates;
}

/* ---- order ------------------------------------------------------------------------------------ */

struct ordered {
	const struct cul_row *row;
	size_t member; /* order of its name */
};

#define ORDER(a, b)                                                                                  \
	do {                                                                                         \
		if ((a) != (b))                                                                      \
			return (a) < (b) ? -1 : 1;                                                   \
	} while (0)

static int by_time(const void *a, const void *b)
{
	const struct ordered *oa = a, *ob = b;
	const struct cul_row *x = oa->row, *y = ob->row;
	ORDER(x->time_ns == CUL_NO_TIME, y->time_ns == CUL_NO_TIME);
	ORDER(x->time_ns, y->time_ns);
	ORDER(x->host, y->host);
	ORDER(oa->member, ob->member);
	ORDER(x->line, y->line);
	ORDER(x->offset, y->offset);
	ORDER(x->id, y->id);
	return 0;
}

struct member {
	const char *name;
	int id;
	size_t order;
};

static int by_name(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order ? order : x->id < y->id ? -1 : x->id > y->id;
}

static int by_id(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* The members of these rows, in byte order of their names; a row that names none stands last. False: out of memory. */
static bool order_members(struct cul_case *c, struct ordered *rows, size_t count)
{
	size_t n = 0, kept = 0, at = 0;
	for (size_t i = 0; i < count; i++)
		n += rows[i].row->member >= 0 && (!i || rows[i].row->member != rows[i - 1].row->member);
	CUL_AUTO(cul_freep) struct member *members = calloc(n + 1, sizeof(*members));
	if (!members)
		return false;
	n = 0;
	for (size_t i = 0; i < count; i++)
		if (rows[i].row->member >= 0 && (!i || rows[i].row->member != rows[i - 1].row->member))
			members[n++].id = rows[i].row->member;
	qsort(members, n, sizeof(*members), by_id);
	for (size_t i = 0; i < n; i++)
		if (!i || members[i].id != members[kept - 1].id)
			members[kept++].id = members[i].id;
	for (size_t i = 0; i < kept; i++)
		members[i].name = cul_case_source_name(c, members[i].id);
	qsort(members, kept, sizeof(*members), by_name);
	for (size_t i = 0; i < kept; i++)
		members[i].order = i;
	qsort(members, kept, sizeof(*members), by_id);
	for (size_t i = 0; i < count; i++) {
		struct member key = { .id = rows[i].row->member };
		if (key.id >= 0 && members[at].id != key.id)
			at = (size_t)((struct member *)bsearch(&key, members, kept, sizeof(*members), by_id) - members);
		rows[i].member = key.id >= 0 ? members[at].order : SIZE_MAX;
	}
	return true;
}

static const struct cul_row *const *in_order(struct cul_case *c, struct ordered *rows, size_t count)
{
	const struct cul_row **list = cul_arena_get(c->arena, (count + 1) * sizeof(*list));
	if (!list || !order_members(c, rows, count))
		return NULL;
	if (count)
		qsort(rows, count, sizeof(*rows), by_time);
	for (size_t i = 0; i < count; i++)
		list[i] = rows[i].row;
	return list;
}

/* ---- rows ------------------------------------------------------------------------------------- */

#define SPINE                                                                                        \
	"o.id, o.member, o.section, o.line, o.offset, o.time, coalesce(o.last, o.time), coalesce(o.onset, o.time), o.raw_boot, "    \
	"o.uncertainty, o.n, o.host, o.boot, o.gpu, o.unit, o.severity, coalesce(o.text, (SELECT t.text FROM observation t WHERE t.id = o.text_of))"
#define SPINE_COLUMNS 17

static struct cul_row *read_spine(struct cul_case *c, sqlite3_stmt *s, const struct cul_kind *kind)
{
	struct cul_row *row = cul_arena_get(c->arena, sizeof(*row));
	if (!row)
		return NULL;
	int64_t member = sqlite3_column_int64(s, 1), section = sqlite3_column_int64(s, 2), host = sqlite3_column_int64(s, 11);
	row->id = sqlite3_column_int64(s, 0);
	row->kind = kind;
	row->interest = -1;
	row->member = member > 0 && (uint64_t)member <= c->sources.count ? (int)member - 1 : -1;
	row->section = section > 0 && (uint64_t)section <= c->section_last ? (int)section - 1 : -1;
	row->line = sqlite3_column_int64(s, 3);
	row->offset = sqlite3_column_int64(s, 4);
	row->time_ns = case_time(s, 5);
	row->last_ns = case_time(s, 6);
	row->onset_ns = case_time(s, 7);
	row->boot_ns = case_time(s, 8);
	row->uncertainty_ns = sqlite3_column_int64(s, 9);
	row->n = sqlite3_column_int64(s, 10);
	row->host = sqlite3_column_type(s, 11) != SQLITE_NULL && host >= 0 && (uint64_t)host < c->host_count ? (int)host : -1;
	row->boot = sqlite3_column_type(s, 12) == SQLITE_NULL ? -1 : sqlite3_column_int(s, 12);
	row->gpu = case_string(c->arena, s, 13);
	row->unit = case_string(c->arena, s, 14);
	row->severity = sqlite3_column_int(s, 15);
	row->text = case_text(c->arena, s, 16);
	if (row->n < 1)
		row->n = 1;
	return row;
}

static void read_value(struct cul_case *c, sqlite3_stmt *s, int column, enum cul_type type, struct cul_value *v)
{
	v->type = type;
	switch (type) {
	case CUL_INT:
	case CUL_FLAG:
		v->i = sqlite3_column_int64(s, column);
		break;
	case CUL_REAL:
		v->r = sqlite3_column_double(s, column);
		break;
	case CUL_TEXT:
		v->s = case_text(c->arena, s, column);
		break;
	default:
		break;
	}
}

struct rows {
	struct ordered *items;
	size_t count, room;
};

static bool push(struct rows *rows, const struct cul_row *row)
{
	if (rows->count == rows->room) {
		size_t room = rows->room ? rows->room * 2 : 64;
		struct ordered *grown = realloc(rows->items, room * sizeof(*grown));
		if (!grown)
			return false;
		rows->items = grown;
		rows->room = room;
	}
	rows->items[rows->count++] = (struct ordered){ row, 0 };
	return true;
}

/* @columns: a row that has the kind's columns from @column on. False: no memory. */
static bool add_row(struct cul_case *c, struct case_kind *k, sqlite3_stmt *spine, sqlite3_stmt *columns, int column, struct rows *rows)
{
	struct cul_row *row = read_spine(c, spine, k->kind);
	struct cul_value *values = cul_arena_get(c->arena, (k->columns + 1) * sizeof(*values));
	if (!row || !values || !push(rows, row))
		return false;
	for (size_t i = 0; i < k->columns; i++, column++) {
		values[i].field = k->kind->fields[i];
		if (sqlite3_column_type(columns, column) != SQLITE_NULL)
			read_value(c, columns, column, k->kind->fields[i]->type, &values[i]);
	}
	row->values = values;
	row->count = k->columns;
	return true;
}

/* What SELECTs the kind's columns, behind the spine's or its id alone. */
static enum cul_status prepare_kind(struct cul_case *c, const struct case_kind *k, bool spine, sqlite3_stmt **ret, struct cul_error *err)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);
	sqlite3_str_appendall(sql, spine ? "SELECT " SPINE : "SELECT k.id");
	for (size_t i = 0; i < k->columns; i++)
		sqlite3_str_appendf(sql, ", k.\"%w\"", k->kind->fields[i]->name);
	sqlite3_str_appendf(sql, " FROM \"%w_\" k%s", k->table, spine ? " CROSS JOIN observation o ON o.id = k.id WHERE o.copy IS NULL" : "");
	char *text = sqlite3_str_finish(sql);
	if (!text)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", k->kind->name);
	enum cul_status status = case_prepare(c->db, text, ret, err);
	sqlite3_free(text);
	return status;
}

/* Most kinds have a few rows, and SQLite takes longer to understand the join than to look these up one by one. *many: it has more. */
static enum cul_status load_few(struct cul_case *c, struct case_kind *k, struct rows *rows, bool *many, struct cul_error *err)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = prepare_kind(c, k, false, &s, err);
	if (status == CUL_OK && !c->spine)
		status = case_prepare(c->db, "SELECT " SPINE " FROM observation o WHERE o.id = ? AND o.copy IS NULL", &c->spine, err);
	int rc = SQLITE_DONE;
	for (size_t i = 0; status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW; i++) {
		if (i == FEW) {
			*many = true;
			return CUL_OK;
		}
		sqlite3_bind_int64(c->spine, 1, sqlite3_column_int64(s, 0));
		int found = sqlite3_step(c->spine);
		if (found == SQLITE_ROW && !add_row(c, k, c->spine, s, 1, rows))
			status = cul_fail(err, CUL_ENOMEM, "%s: out of memory", k->kind->name);
		else if (found != SQLITE_ROW && found != SQLITE_DONE)
			status = case_fail(c->db, err, k->kind->name);
		sqlite3_reset(c->spine);
	}
	return status == CUL_OK && rc != SQLITE_DONE ? case_fail(c->db, err, k->kind->name) : status;
}

static enum cul_status load_many(struct cul_case *c, struct case_kind *k, struct rows *rows, struct cul_error *err)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = prepare_kind(c, k, true, &s, err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW)
		if (!add_row(c, k, s, s, SPINE_COLUMNS, rows))
			status = cul_fail(err, CUL_ENOMEM, "%s: out of memory", k->kind->name);
	return status == CUL_OK && rc != SQLITE_DONE ? case_fail(c->db, err, k->kind->name) : status;
}

static enum cul_status load_kind(struct cul_case *c, struct case_kind *k, struct cul_error *err)
{
	struct rows rows = { 0 };
	bool many = false;
	enum cul_status status = load_few(c, k, &rows, &many, err);
	if (status == CUL_OK && many) {
		rows.count = 0;
		status = load_many(c, k, &rows, err);
	}
	if (status == CUL_OK) {
		k->list = in_order(c, rows.items, rows.count);
		k->count = rows.count;
		k->loaded = k->list;
		if (!k->list)
			status = cul_fail(err, CUL_ENOMEM, "%s: out of memory", k->kind->name);
	}
	free(rows.items);
	return status;
}

/* The values of a record, by its interest's captures; what the interest doesn't name comes behind. */
static enum cul_status load_captures(struct cul_case *c, sqlite3_stmt *s, struct cul_row *row, struct cul_error *err)
{
	const struct cul_interest *in = row->interest >= 0 ? &c->interests->items[row->interest] : NULL;
	size_t named = in ? in->capture_count : 0, count = named;
	struct cul_value *values = cul_arena_get(c->arena, (named + CASE_CAPTURES + 1) * sizeof(*values));
	if (!values)
		return cul_fail(err, CUL_ENOMEM, "record: out of memory");
	for (size_t i = 0; i < named; i++)
		values[i].field = in->captures[i];
	sqlite3_bind_int64(s, 1, row->id);
	int rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && count < named + CASE_CAPTURES) {
		static const enum cul_type types[] = { [SQLITE_INTEGER] = CUL_INT, [SQLITE_FLOAT] = CUL_REAL, [SQLITE_TEXT] = CUL_TEXT };
		int storage = sqlite3_column_type(s, 1);
		enum cul_type type = storage >= SQLITE_INTEGER && storage <= SQLITE_TEXT ? types[storage] : CUL_ABSENT;
		const char *name = (const char *)sqlite3_column_text(s, 0);
		size_t at = named;
		if (type == CUL_ABSENT || !name)
			continue;
		for (size_t i = 0; i < named && at == named; i++)
			if (values[i].field && !strcmp(values[i].field->name, name))
				at = i;
		if (at == named) {
			at = count++;
			values[at].field = case_field(c, cul_str(name), type);
			if (!values[at].field)
				return cul_fail(err, CUL_ENOMEM, "record: out of memory");
		} else if (values[at].field->type == CUL_FLAG || values[at].field->type == CUL_REAL) {
			type = type == CUL_TEXT ? type : values[at].field->type;
		}
		read_value(c, s, 1, type, &values[at]);
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		return case_fail(c->db, err, "record");
	sqlite3_reset(s);
	row->values = values;
	row->count = count;
	return CUL_OK;
}

/* All records at once: four hundred interests shall not mean four hundred passes. */
static enum cul_status load_records(struct cul_case *c, struct cul_error *err)
{
	size_t ours = c->interests ? c->interests->count : 0;
	const struct cul_kind *kind = cul_kind_find(CUL_LIT("record"));
	c->records = cul_arena_get(c->arena, (ours + 1) * sizeof(*c->records));
	c->record_counts = cul_arena_get(c->arena, (ours + 1) * sizeof(*c->record_counts));
	if (!c->records || !c->record_counts)
		return cul_fail(err, CUL_ENOMEM, "record: out of memory");
	if (!c->interest_count || !kind) {
		c->records_loaded = true;
		return CUL_OK;
	}
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	CUL_AUTO(case_finalizep) sqlite3_stmt *captures = NULL;
	enum cul_status status = case_prepare(c->db, "SELECT " SPINE ", k.interest FROM record_ k CROSS JOIN observation o ON o.id = k.id "
						     "WHERE o.copy IS NULL", &s, err);
	if (status == CUL_OK)
		status = case_prepare(c->db, "SELECT name, value FROM capture WHERE id = ?", &captures, err);
	struct rows rows = { 0 };
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(s, SPINE_COLUMNS);
		int interest = id > 0 && (uint64_t)id <= c->interest_count ? c->interest_of[id - 1] : -1;
		if (interest < 0)
			continue;
		struct cul_row *row = read_spine(c, s, kind);
		if (!row || !push(&rows, row)) {
			status = cul_fail(err, CUL_ENOMEM, "record: out of memory");
			break;
		}
		row->interest = interest;
		status = load_captures(c, captures, row, err);
	}
	if (status == CUL_OK && rc != SQLITE_DONE)
		status = case_fail(c->db, err, "record");
	const struct cul_row *const *all = status == CUL_OK ? in_order(c, rows.items, rows.count) : NULL;
	if (status == CUL_OK && !all)
		status = cul_fail(err, CUL_ENOMEM, "record: out of memory");
	const struct cul_row **lists = status == CUL_OK ? cul_arena_get(c->arena, (rows.count + 1) * sizeof(*lists)) : NULL;
	if (status == CUL_OK && !lists)
		status = cul_fail(err, CUL_ENOMEM, "record: out of memory");
	if (status == CUL_OK) {
		for (size_t i = 0; i < rows.count; i++)
			c->record_counts[all[i]->interest]++;
		size_t at = 0;
		for (size_t i = 0; i < ours; i++) {
			c->records[i] = lists + at;
			at += c->record_counts[i];
			c->record_counts[i] = 0;
		}
		for (size_t i = 0; i < rows.count; i++) {
			int interest = all[i]->interest;
			((const struct cul_row **)(uintptr_t)c->records[interest])[c->record_counts[interest]++] = all[i];
		}
		c->records_loaded = true;
	}
	free(rows.items);
	return status;
}

bool cul_case_looked_for(const struct cul_case *c, int interest)
{
	if (interest < 0 || !c->interests || (size_t)interest >= c->interests->count)
		return false;
	return !c->looked_for || c->looked_for[interest];
}

enum cul_status cul_case_rows(struct cul_case *c, const struct cul_kind *kind, int interest, const struct cul_row *const **rows,
			      size_t *count, struct cul_error *err)
{
	static const struct cul_row *const none[1] = { NULL };
	enum cul_status status = CUL_OK;
	if (!strcmp(kind->name, "record")) {
		if (!c->records_loaded)
			status = load_records(c, err);
		if (status != CUL_OK)
			return status;
		bool ours = interest >= 0 && c->interests && (size_t)interest < c->interests->count && c->record_counts[interest];
		*rows = ours ? c->records[interest] : none;
		*count = ours ? c->record_counts[interest] : 0;
		return CUL_OK;
	}
	struct case_kind *k = NULL;
	for (size_t i = 0; i < c->kind_count && !k; i++)
		if (c->kinds[i]->kind == kind || !strcmp(c->kinds[i]->kind->name, kind->name))
			k = c->kinds[i];
	if (k && k->stored && !k->loaded)
		status = load_kind(c, k, err);
	if (status != CUL_OK)
		return status;
	*rows = k && k->loaded ? k->list : none;
	*count = k && k->loaded ? k->count : 0;
	return CUL_OK;
}

/* ---- coverage --------------------------------------------------------------------------------- */

static bool has_word(const char *list, struct cul_slice word)
{
	struct cul_slice rest = cul_str(list), one;
	while (rest.size) {
		if (!cul_cut(rest, CUL_LIT(","), &one, &rest)) {
			one = rest;
			rest.size = 0;
		}
		if (cul_is(one, word))
			return true;
	}
	return false;
}

static bool shows(const struct case_show *s, const char *streams)
{
	struct cul_slice rest = cul_str(streams), one;
	while (rest.size) {
		if (!cul_cut(rest, CUL_LIT(","), &one, &rest)) {
			one = rest;
			rest.size = 0;
		}
		if (cul_is(one, cul_str(s->parser)) || has_word(s->streams, one))
			return true;
	}
	return false;
}

static int by_show(const void *a, const void *b)
{
	const struct case_section *const *x = a, *const *y = b;
	int order = strcmp((*x)->parser, (*y)->parser);
	return order ? order : strcmp((*x)->streams, (*y)->streams);
}

/* Sections that show the same, together: a bundle of 4,000 files has a few dozen sorts of them, and 300 rules ask. */
static bool sort_shows(struct cul_case *c)
{
	if (c->shows || !c->section_count)
		return c->shows != NULL;
	const struct case_section **list = cul_arena_get(c->arena, c->section_count * sizeof(*list));
	struct case_show *shows = cul_arena_get(c->arena, c->section_count * sizeof(*shows));
	if (!list || !shows)
		return false;
	for (size_t i = 0; i < c->section_count; i++)
		list[i] = &c->sections[i];
	qsort(list, c->section_count, sizeof(*list), by_show);
	for (size_t i = 0; i < c->section_count; i++) {
		if (!i || by_show(&list[i], &list[i - 1]))
			shows[c->show_count++] = (struct case_show){ list[i]->parser, list[i]->streams, list + i, 0 };
		shows[c->show_count - 1].count++;
	}
	c->shows = shows;
	return true;
}

/* 300 rules ask about some fifty streams, and those that were over long ago once for each fortnight. NULL: too many, or no memory. */
static const bool *find_cover(struct cul_case *c, const char *stream)
{
	size_t slot = 5381;
	for (const char *p = stream; *p; p++)
		slot = slot * 33 + (unsigned char)*p;
	if (!c->covers && !(c->covers = cul_arena_get(c->arena, CASE_COVERS * sizeof(*c->covers))))
		return NULL;
	for (slot %= CASE_COVERS; c->covers[slot].stream; slot = (slot + 1) % CASE_COVERS)
		if (!strcmp(c->covers[slot].stream, stream))
			return c->covers[slot].by_show;
	bool *by_show = c->cover_count < CASE_COVERS / 2 ? cul_arena_get(c->arena, c->show_count * sizeof(*by_show)) : NULL;
	const char *copy = by_show ? cul_arena_copy(c->arena, cul_str(stream)) : NULL;
	if (!copy)
		return NULL;
	for (size_t i = 0; i < c->show_count; i++)
		by_show[i] = shows(&c->shows[i], stream);
	c->covers[slot] = (struct case_cover){ copy, by_show };
	c->cover_count++;
	return by_show;
}

enum cul_truth cul_case_covers(struct cul_case *c, const char *stream, int host, int64_t from_ns, int64_t to_ns)
{
	bool met = false;
	if (!stream || !stream[0])
		return CUL_UNKNOWN;
	if (!sort_shows(c))
		return c->section_count ? CUL_UNKNOWN : CUL_FALSE;
	const struct case_show *show = c->shows, *end_show = show + c->show_count;
	const bool *cover = find_cover(c, stream);
	for (size_t k = 0;; k++) {
		while (show < end_show && (k == show->count || (!k && !(cover ? cover[show - c->shows] : shows(show, stream))))) {
			show++;
			k = 0;
		}
		if (show == end_show)
			break;
		const struct case_section *s = show->sections[k];
		if (host >= 0 && s->host >= 0 && s->host != host)
			continue;
		met = true;
		/* no times: it was handed in for this incident as a whole */
		if (s->first == CUL_NO_TIME || s->last == CUL_NO_TIME)
			return CUL_TRUE;
		/* the kernel's buffer holds all since the boot where its first line is of the boot's first seconds */
		bool from = from_ns == CUL_NO_TIME || from_ns >= s->first - COVER_SLACK || (s->first_boot != CUL_NO_TIME && s->first_boot < 5 * CUL_SECOND);
		int64_t end = s->last;
		if (host >= 0 && (size_t)host < c->host_count && s->first_boot != CUL_NO_TIME && c->hosts[host].capture_ns != CUL_NO_TIME &&
		    c->hosts[host].capture_ns > end)
			end = c->hosts[host].capture_ns; /* a dump of the buffer covers up to its taking, however quiet it was */
		bool to = to_ns == CUL_NO_TIME || to_ns <= end + COVER_SLACK;
		if (from && to)
			return CUL_TRUE;
	}
	return met ? CUL_UNKNOWN : CUL_FALSE;
}
