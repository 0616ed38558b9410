/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Observations -> rows.
 *
 * Equal observations of one section fold into a run (n, first, last) as long as they come within a
 * minute of each other and on the same boot; of very many that are alike some become rows (storm.c).
 * Samples never fold; of very many, some become rows (thin.c). A kind's table is made at its first row.
 */
#include "store/writer.h"

#include <limits.h>
#include <stdio.h>

#define WAYS 4
#define BOOT_SLACK (2 * CUL_SECOND)
#define ROW_BYTES 90   /* of the file, about */
#define VALUE_BYTES 12

uint64_t case_hash(uint64_t hash, const void *data, size_t size)
{
	const uint8_t *p = data;
	while (size >= 8) {
		uint64_t v;
		memcpy(&v, p, 8);
		hash = (hash ^ v) * UINT64_C(0x9fb21c651e98df25);
		hash ^= hash >> 29;
		p += 8;
		size -= 8;
	}
	uint64_t v = size;
	if (size) {
		uint8_t tail[8] = { 0 };
		memcpy(tail, p, size);
		uint64_t t;
		memcpy(&t, tail, 8);
		v ^= t << 3;
	}
	hash = (hash ^ v) * UINT64_C(0xff51afd7ed558ccd);
	return hash ^ (hash >> 32);
}

int64_t case_pattern_hash(const struct cul_interest *in)
{
	const char *const all[] = { in->pattern, in->field, in->jq };
	uint64_t hash = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		hash = case_hash(hash, all[i] ? all[i] : "", all[i] ? strlen(all[i]) : 0);
	return (int64_t)hash;
}

void case_searched_hash(const struct cul_interest *in, uint8_t hash[CASE_HASH])
{
	uint64_t all = case_hash((uint64_t)case_pattern_hash(in), in->id, strlen(in->id));
	for (size_t i = 0; i < CASE_HASH; i++)
		hash[i] = (uint8_t)(all >> 8 * i);
}

int case_searched_order(const void *a, const void *b)
{
	return memcmp(a, b, CASE_HASH);
}

void case_write_varint(uint8_t **p, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*(*p)++ = (uint8_t)(value | 0x80);
	*(*p)++ = (uint8_t)value;
}

bool case_read_varint(const uint8_t **p, const uint8_t *end, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
		uint8_t byte = *(*p)++;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* The difference wraps instead of overflowing: times are the input's. */
static int64_t less(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

enum cul_status case_writer_step(struct case_writer *w, sqlite3_stmt *s, const char *what)
{
	int rc = sqlite3_step(s);
	sqlite3_reset(s);
	if (rc == SQLITE_DONE || rc == SQLITE_ROW)
		return CUL_OK;
	return case_fail(w->c->db, &w->err, what);
}

enum cul_status case_writer_need(struct case_writer *w, sqlite3_stmt **s, const char *sql)
{
	return *s ? CUL_OK : case_prepare(w->c->db, sql, s, &w->err);
}

/* ---- runs ------------------------------------------------------------------------------------- */

/* The row @id stands for @more lines beside itself, up to the time @last. */
static enum cul_status write_more(struct case_writer *w, int64_t id, int64_t more, int64_t last)
{
	enum cul_status status = case_writer_need(w, &w->run, "UPDATE observation SET n = n + ?1, last = nullif(max(coalesce(last, time), ?2), time) WHERE id = ?3");
	if (status != CUL_OK)
		return status;
	sqlite3_bind_int64(w->run, 1, more);
	case_bind_time(w->run, 2, last);
	sqlite3_bind_int64(w->run, 3, id);
	return case_writer_step(w, w->run, "a run");
}

static enum cul_status close_run(struct case_writer *w, struct run *run)
{
	int64_t id = run->id;
	run->id = 0;
	return id && run->n > 1 ? write_more(w, id, run->n - 1, run->last) : CUL_OK;
}

enum cul_status case_writer_close_runs(struct case_writer *w)
{
	enum cul_status status = CUL_OK;
	for (size_t i = 0; w->open && i < CASE_RUNS && status == CUL_OK; i++)
		if (w->runs[i].id)
			status = close_run(w, &w->runs[i]);
	w->open = 0;
	return status;
}

static int64_t boot_time(const struct cul_observation *o)
{
	if (o->time.clock == CUL_CLOCK_BOOT)
		return o->time.ns;
	return o->boot_ns > 0 ? o->boot_ns : CUL_NO_TIME;
}

static bool goes_on(const struct run *run, const struct cul_observation *o)
{
	int64_t boot = boot_time(o);
	if ((run->last == CUL_NO_TIME) != (o->time.ns == CUL_NO_TIME))
		return false;
	if (run->last != CUL_NO_TIME) {
		int64_t gap = less(o->time.ns, run->last);
		if (gap > CASE_RUN_GAP || gap < -BOOT_SLACK)
			return false;
	}
	return boot == CUL_NO_TIME || run->boot_last == CUL_NO_TIME || boot >= run->boot_last - BOOT_SLACK;
}

static void hash_values(const struct cul_observation *o, uint64_t *a, uint64_t *b)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct cul_value *v = &o->values[i];
		if (v->type == CUL_ABSENT || !v->field)
			continue;
		const void *data = v->type == CUL_TEXT ? (const void *)v->s.data : (const void *)&v->i;
		size_t size = v->type == CUL_TEXT ? v->s.size : sizeof(v->i);
		*a = case_hash(case_hash(*a, v->field->name, strlen(v->field->name)), data, size);
		*b = case_hash(*b + *a, data, size);
	}
}

/* ---- rows ------------------------------------------------------------------------------------- */

static enum cul_status bind_value(sqlite3_stmt *s, int column, const struct cul_value *v)
{
	switch (v->type) {
	case CUL_INT:
	case CUL_FLAG:
		sqlite3_bind_int64(s, column, v->i);
		break;
	case CUL_REAL:
		sqlite3_bind_double(s, column, v->r);
		break;
	case CUL_TEXT:
		case_bind_slice(s, column, v->s);
		break;
	default:
		sqlite3_bind_null(s, column);
	}
	return CUL_OK;
}

static enum cul_status make_table(struct case_writer *w, struct case_kind *k)
{
	for (int view = 0; view < 2; view++) {
		char *sql = case_kind_sql(k->kind, view);
		if (!sql)
			return cul_fail(&w->err, CUL_ENOMEM, "%s: out of memory", k->kind->name);
		enum cul_status status = case_exec(w->c->db, sql, &w->err);
		sqlite3_free(sql);
		if (status != CUL_OK)
			return status;
	}
	k->stored = true;
	return CUL_OK;
}

static enum cul_status ready_kind(struct case_writer *w, struct case_kind *k)
{
	if (k->id && (k->insert || !strcmp(k->kind->name, "record")))
		return CUL_OK;
	enum cul_status status;
	if (!k->id) {
		CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
		status = case_prepare(w->c->db, "INSERT INTO kind(name, version) VALUES(?,?)", &s, &w->err);
		if (status != CUL_OK)
			return status;
		sqlite3_bind_text(s, 1, k->kind->name, -1, SQLITE_STATIC);
		sqlite3_bind_int(s, 2, k->kind->version);
		status = case_writer_step(w, s, k->kind->name);
		if (status != CUL_OK)
			return status;
		k->id = (int)sqlite3_last_insert_rowid(w->c->db);
	}
	if (!strcmp(k->kind->name, "record")) {
		k->stored = true;
		return CUL_OK;
	}
	if (!k->stored && (status = make_table(w, k)) != CUL_OK)
		return status;
	char marks[2 * CASE_COLUMNS + 1];
	size_t n = 0;
	for (size_t i = 0; i < k->columns; i++) {
		marks[n++] = ',';
		marks[n++] = '?';
	}
	marks[n] = 0;
	char *sql = sqlite3_mprintf("INSERT INTO \"%w_\" VALUES(?%s)", k->table, marks);
	if (!sql)
		return cul_fail(&w->err, CUL_ENOMEM, "%s: out of memory", k->kind->name);
	status = case_prepare(w->c->db, sql, &k->insert, &w->err);
	sqlite3_free(sql);
	return status;
}

/* The row that holds this very line's text already, or 0; then the next one does. */
static int64_t said_by(struct case_writer *w, int64_t line, struct cul_slice text)
{
	if (text.size < 8)
		return 0;
	uint64_t hash = case_hash(0, text.data, text.size);
	for (size_t i = 0; i < CASE_SAID; i++)
		if (w->said[i].id && w->said[i].line == line && w->said[i].hash == hash && w->said[i].size == text.size)
			return w->said[i].id;
	w->said[w->said_next++ % CASE_SAID] = (struct said){ line, w->row_id + 1, hash, text.size };
	return 0;
}

/*
 * The row as it is if placing finds nothing else: on host 0, its time as printed. Where it can't be (no year, seconds since boot)
 * what was printed stands in raw, too; so a row doesn't grow when it is placed, which would tear its page in two.
 */
static enum cul_status write_spine(struct case_writer *w, const struct case_kind *k, const struct cul_observation *o,
				   uint64_t hash)
{
	enum cul_status status =
		case_writer_need(w, &w->observe,
		     "INSERT INTO observation(id,kind,member,section,line,offset,n,severity,time,text_of,clock,flags,raw_boot,"
		     "since,said_host,unit,text,hash,raw,uncertainty,host) VALUES(?,?,?,?,?,?,1,?,?,?,?,?,?,?,?,?,?,?,?,?,0)");
	if (status != CUL_OK)
		return status;
	sqlite3_stmt *s = w->observe;
	struct cul_slice text = o->text;
	if (text.size > CASE_TEXT)
		text.size = CASE_TEXT;
	int64_t same = w->keep == CUL_KEEP_NONE ? 0 : said_by(w, o->line, text);
	sqlite3_bind_int64(s, 1, ++w->row_id);
	sqlite3_bind_int(s, 2, k->id);
	sqlite3_bind_int(s, 3, w->member_id);
	sqlite3_bind_int(s, 4, o->section);
	sqlite3_bind_int64(s, 5, o->line);
	sqlite3_bind_int64(s, 6, o->offset);
	sqlite3_bind_int(s, 7, o->severity);
	case_bind_time(s, 8, o->time.ns);
	if (same)
		sqlite3_bind_int64(s, 9, same);
	else
		sqlite3_bind_null(s, 9);
	int clock = o->time.ns == CUL_NO_TIME ? CUL_CLOCK_NONE : (int)o->time.clock;
	bool whole = !o->time.no_year && !o->time.no_date && (clock == CUL_CLOCK_UTC || clock == CUL_CLOCK_LOCAL);
	sqlite3_bind_int(s, 10, clock);
	sqlite3_bind_int(s, 11, (o->time.no_year ? 1 : 0) | (o->time.no_date ? 2 : 0));
	case_bind_time(s, 12, boot_time(o));
	sqlite3_bind_int64(s, 13, o->since_ns > 0 ? o->since_ns : 0);
	case_bind_slice(s, 14, o->host.size ? o->host : CUL_NONE);
	case_bind_slice(s, 15, o->unit.size ? o->unit : CUL_NONE);
	case_bind_slice(s, 16, same || w->keep == CUL_KEEP_NONE ? CUL_NONE : text);
	/* by this are lines of the kernel found again in other files */
	if (cul_is(o->unit, CUL_LIT("kernel")) || (k->kind->stream && strstr(k->kind->stream, "kernel")))
		sqlite3_bind_int64(s, 17, (int64_t)hash);
	else
		sqlite3_bind_null(s, 17);
	case_bind_time(s, 18, whole ? CUL_NO_TIME : o->time.ns);
	sqlite3_bind_int64(s, 19, place_slack(clock));
	int64_t bytes = ROW_BYTES + (same ? 0 : (int64_t)text.size) + (int64_t)(o->count * VALUE_BYTES);
	for (size_t i = 0; i < o->count; i++)
		bytes += o->values[i].type == CUL_TEXT ? (int64_t)o->values[i].s.size : 0;
	case_storm_spend(w->storm, bytes, k->kind->samples);
	return case_writer_step(w, s, k->kind->name);
}

/* Those that were met get a row; of all there is a hash (case_searched_hash). */
enum cul_status case_writer_interest(struct case_writer *w, size_t ours, int *id)
{
	*id = w->interest_ids[ours];
	if (*id)
		return CUL_OK;
	const struct cul_interest *in = &w->c->interests->items[ours];
	enum cul_status status = case_writer_need(w, &w->interest, "INSERT INTO interest(id, name, pattern) VALUES(?,?,?)");
	if (status != CUL_OK)
		return status;
	*id = w->interest_ids[ours] = ++w->interest_last;
	sqlite3_bind_int(w->interest, 1, *id);
	sqlite3_bind_text(w->interest, 2, in->id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(w->interest, 3, case_pattern_hash(in));
	return case_writer_step(w, w->interest, "interest");
}

static enum cul_status write_record(struct case_writer *w, const struct cul_observation *o)
{
	enum cul_status status = case_writer_need(w, &w->record, "INSERT INTO record_ VALUES(?,?)");
	if (status != CUL_OK)
		return status;
	int id = 0;
	if (o->interest >= 0 && (size_t)o->interest < w->interest_count && (status = case_writer_interest(w, (size_t)o->interest, &id)) != CUL_OK)
		return status;
	sqlite3_bind_int64(w->record, 1, w->row_id);
	sqlite3_bind_int(w->record, 2, id);
	status = case_writer_step(w, w->record, "record");
	for (size_t i = 0, n = 0; i < o->count && n < CASE_CAPTURES && status == CUL_OK; i++) {
		if (o->values[i].type == CUL_ABSENT || !o->values[i].field)
			continue;
		status = case_writer_need(w, &w->capture, "INSERT OR IGNORE INTO capture VALUES(?,?,?)");
		if (status != CUL_OK)
			return status;
		sqlite3_bind_int64(w->capture, 1, w->row_id);
		sqlite3_bind_text(w->capture, 2, o->values[i].field->name, -1, SQLITE_STATIC);
		bind_value(w->capture, 3, &o->values[i]);
		status = case_writer_step(w, w->capture, "record");
		n++;
	}
	return status;
}

static enum cul_status write_fields(struct case_writer *w, struct case_kind *k, const struct cul_observation *o)
{
	sqlite3_clear_bindings(k->insert);
	sqlite3_bind_int64(k->insert, 1, w->row_id);
	size_t next = 0;
	for (size_t i = 0; i < o->count; i++) {
		/* values come mostly in the kind's order */
		for (size_t tries = 0; tries < k->columns; tries++, next = (next + 1) % k->columns)
			if (k->kind->fields[next] == o->values[i].field)
				break;
		if (k->columns && k->kind->fields[next] == o->values[i].field)
			bind_value(k->insert, (int)next + 2, &o->values[i]);
	}
	return case_writer_step(w, k->insert, k->kind->name);
}

static enum cul_status damage(struct case_writer *w, int section, int64_t line, const char *why);

static enum cul_status write_count(struct case_writer *w, struct case_thinned row)
{
	enum cul_status status = case_writer_need(w, &w->count, "UPDATE observation SET n = ? WHERE id = ?");
	if (status != CUL_OK)
		return status;
	sqlite3_bind_int64(w->count, 1, row.n);
	sqlite3_bind_int64(w->count, 2, row.id);
	return case_writer_step(w, w->count, "samples");
}

/* Samples that are many: does this one become a row? */
static enum cul_status thin(struct case_writer *w, struct case_kind *k, const struct cul_observation *o, bool *take)
{
	struct case_thinned before;
	*take = true;
	/* a table is wanted whole; a log's samples may be a storm, too */
	enum case_many over = !strcmp(w->section.parser ? w->section.parser : "", "log") ? case_storm_over(w->storm, o->offset) : CASE_FEW;
	if (k->rows < (over ? CASE_THIN_OVER : CASE_THIN_FROM) && !k->thinned)
		return CUL_OK;
	if (!k->thin && !(k->thin = case_thin_new()))
		return cul_fail(&w->err, CUL_ENOMEM, "%s: out of memory", o->kind->name);
	if (!k->thinned)
		case_thin_clear(k->thin);
	k->thinned = true;
	*take = case_thin_takes(k->thin, o, w->row_id + 1, over, &before);
	return before.id ? write_count(w, before) : CUL_OK;
}

/* Lines that are many and alike: does this one become a row? */
static enum cul_status fold(struct case_writer *w, const struct cul_observation *o, bool full, bool *take)
{
	struct case_folded before;
	*take = case_storm_takes(w->storm, o, boot_time(o), w->row_id + 1, full, &before);
	return before.extra ? write_more(w, before.id, before.extra, before.last) : CUL_OK;
}

enum cul_status case_writer_end_folded(struct case_writer *w)
{
	enum cul_status status = CUL_OK;
	struct case_folded row;
	for (size_t at = 0; w->stormed && status == CUL_OK && case_storm_rest(w->storm, &at, &row);)
		status = write_more(w, row.id, row.extra, row.last);
	w->stormed = false;
	memset(w->said, 0, sizeof(w->said));
	return status;
}

enum cul_status case_writer_end_thinned(struct case_writer *w)
{
	enum cul_status status = CUL_OK;
	for (size_t i = 0; i < w->c->kind_count; i++) {
		struct case_kind *k = w->c->kinds[i];
		struct case_thinned row;
		for (size_t at = 0; k->thinned && status == CUL_OK && case_thin_rest(k->thin, &at, &row);)
			status = write_count(w, row);
		k->thinned = false;
	}
	return status;
}

/* What makes an observation the same as another: in all but its place (@same), as a part of a run (@a, @b). */
struct likeness {
	uint64_t a, b, same;
};

static struct likeness likeness_of(const struct case_writer *w, const struct cul_observation *o, bool record)
{
	struct likeness l = { .a = case_hash(UINT64_C(0x2545f4914f6cdd1d), o->kind->name, strlen(o->kind->name)) };
	l.b = l.a * 31;
	if (record) {
		const char *id = w->c->interests && o->interest >= 0 && (size_t)o->interest < w->c->interests->count ?
					 w->c->interests->items[o->interest].id : "";
		l.a = case_hash(l.a, id, strlen(id));
	}
	hash_values(o, &l.a, &l.b);
	l.same = l.a ^ (l.b << 1);
	l.a = case_hash(case_hash(l.a, o->host.data ? o->host.data : "", o->host.size), o->unit.data ? o->unit.data : "", o->unit.size);
	l.b = case_hash(l.b + (uint64_t)(uint32_t)o->severity + ((uint64_t)o->time.clock << 40), &l.a, sizeof(l.a));
	return l;
}

/* The run that @o prolongs, which is done with that: NULL. Else the place of the run that it may begin. */
static struct run *run_for(struct case_writer *w, const struct cul_observation *o, const struct likeness *l)
{
	struct run *set = &w->runs[(l->a % (CASE_RUNS / WAYS)) * WAYS], *slot = NULL;
	w->clock++;
	for (int i = 0; i < WAYS; i++) {
		struct run *run = &set[i];
		if (run->id && run->a == l->a && run->b == l->b) {
			if (!goes_on(run, o))
				return run;
			run->n++;
			run->last = o->time.ns > run->last ? o->time.ns : run->last;
			if (boot_time(o) > run->boot_last)
				run->boot_last = boot_time(o);
			run->used = w->clock;
			return NULL;
		}
		if (!slot || (slot->id && (!run->id || run->used < slot->used)))
			slot = run;
	}
	return slot;
}

/* Said once a file: its own limit; one loud pattern leaves the others theirs. */
static enum cul_status tell_full(struct case_writer *w, struct case_kind *k, const struct cul_observation *o, int64_t *rows, int64_t most, bool each)
{
	bool record = rows != &k->rows, all = record && w->each_all >= 2 * w->rows;
	char why[220];
	if (record ? *rows > most : k->full)
		return CUL_OK;
	if (record) {
		*rows = most + 1;
		snprintf(why, sizeof(why), "%s lines of %.100s in one file: the rest is %s", all ? "with all others, too many" : "too many",
			 w->c->interests->items[o->interest].id, each ? "left out" : "counted, where it is like one before");
	} else {
		k->full = true;
		snprintf(why, sizeof(why), "more than %lld rows of %.64s in one file: the rest is %s", (long long)k->rows, o->kind->name,
			 o->kind->samples ? "left out" : "counted, where it is like one before");
	}
	return damage(w, o->section, o->line, why);
}

/* The row that @o gets; it begins a run at @slot unless that is NULL. */
static enum cul_status write_row(struct case_writer *w, struct case_kind *k, const struct cul_observation *o, const struct likeness *l, struct run *slot, bool record)
{
	enum cul_status status = CUL_OK;
	if (slot && slot->id) {
		w->open--;
		status = close_run(w, slot);
		if (status != CUL_OK)
			return status;
	}
	case_evidence_want(w->evidence, o->line, record ? w->each_rows[o->interest] : k->rows, case_storm_over(w->storm, o->offset) != CASE_FEW);
	status = write_spine(w, k, o, l->same);
	if (status == CUL_OK)
		status = record ? write_record(w, o) : write_fields(w, k, o);
	if (status == CUL_OK && slot) {
		*slot = (struct run){ .a = l->a, .b = l->b, .id = w->row_id, .n = 1, .first = o->time.ns, .last = o->time.ns, .boot_last = boot_time(o),
				      .used = w->clock };
		w->open++;
	}
	return status;
}

enum cul_status case_writer_row(struct case_writer *w, const struct cul_observation *o)
{
	struct case_kind *k = case_kind_get(w->c, o->kind);
	if (!k)
		return cul_fail(&w->err, CUL_ENOMEM, "%s: out of memory", o->kind->name);
	enum cul_status status = ready_kind(w, k);
	if (status != CUL_OK)
		return status;
	bool record = !strcmp(o->kind->name, "record");
	bool each = record && w->c->interests && o->interest >= 0 && (size_t)o->interest < w->interest_count &&
		    w->c->interests->items[o->interest].each;
	struct likeness l = likeness_of(w, o, record);
	struct run *slot = NULL;
	if (each)
		l.same = 0; /* two lines are two, in whatever file they stand */
	if (!o->kind->samples && !each && !(slot = run_for(w, o, &l)))
		return CUL_OK;

	if (k->member != w->member_id) {
		k->member = w->member_id;
		k->rows = 0;
		k->full = false;
	}
	if (!w->storm && !(w->storm = case_storm_new()))
		return cul_fail(&w->err, CUL_ENOMEM, "%s: out of memory", o->kind->name);
	if (!w->stormed)
		case_storm_clear(w->storm);
	w->stormed = true;
	case_storm_line(w->storm, o);
	int64_t *rows = record ? &w->each_rows[o->interest] : &k->rows;
	int64_t most = record ? w->rows / (each ? CASE_EACH_SHARE : CASE_LOUD_SHARE) : o->kind->samples ? w->rows : w->rows / CASE_KIND_SHARE;
	bool take = true, full = (record && w->each_all >= 2 * w->rows) || *rows >= most;
	status = o->kind->samples ? thin(w, k, o, &take) : each || o->kind == w->damaged_kind ? CUL_OK : fold(w, o, full, &take);
	if (status != CUL_OK || (!take && !full))
		return status;
	if (full)
		return tell_full(w, k, o, rows, most, each);
	++*rows;
	w->each_all += record;
	return write_row(w, k, o, &l, slot, record);
}

static enum cul_status damage(struct case_writer *w, int section, int64_t line, const char *why)
{
	if (!w->damaged_kind)
		w->damaged_kind = cul_kind_find(CUL_LIT("input.damaged"));
	const struct cul_field *field = cul_field_find(CUL_LIT("why"));
	if (!w->damaged_kind || !field || w->damage++ >= CASE_DAMAGE)
		return CUL_OK;
	struct cul_value value = { .field = field, .type = CUL_TEXT, .s = cul_str(why) };
	struct cul_observation o = { .kind = w->damaged_kind, .interest = -1, .section = section, .line = line, .time.ns = CUL_NO_TIME,
				     .boot_ns = CUL_NO_TIME, .severity = -1, .values = &value, .count = 1 };
	return case_writer_row(w, &o);
}
