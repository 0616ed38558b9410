/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Rows -> placed rows: hosts, years, days, boots, zones, GPUs, copies.
 *
 * Times keep the clock that printed them. A wall clock without a year or day ends at the latest time
 * that is known otherwise (what `date` said beside it, the archive's mtime, dated records of that host); seconds since boot hang
 * on whatever holds both clocks: kernel.clock, a journal line with the kernel's own time behind it,
 * uptime under a date, or the same kernel line in a dated log. A zone shows where the same record is
 * dated in UTC and locally. What can't be placed keeps its order and its time since boot.
 */
#include "store/place.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#define DAY (86400 * CUL_SECOND)
#define HOUR (3600 * CUL_SECOND)
#define FALL (2 * CUL_SECOND)         /* printk's order slips by less */
#define SAME_BOOT (300 * CUL_SECOND)  /* clocks drift and are set */
#define EARLIEST INT64_C(631152000)   /* 1990: what is older is no clock that was set */
#define LATEST INT64_C(4102444800)    /* 2100 */

struct segment {
	int host, section, boot;
	size_t order;                 /* in reading order within its section */
	bool last;                    /* of its section */
	bool buffer;                  /* seconds since boot only: a dump of the kernel's buffer */
	int64_t low, high;            /* since boot */
	int64_t began;                /* UTC, or CUL_NO_TIME */
	int64_t slack;
	const char *why;
};

struct boots {
	struct segment *items;
	size_t count, room;
};

static bool sane(int64_t ns)
{
	return ns != CUL_NO_TIME && ns / CUL_SECOND > EARLIEST && ns / CUL_SECOND < LATEST;
}

/* ---- reading ---------------------------------------------------------------------------------- */

static struct cul_time raw_time(sqlite3_stmt *s, int i)
{
	int clock = sqlite3_column_int(s, i + 1), flags = sqlite3_column_int(s, i + 2);
	struct cul_time t = { .ns = case_time(s, i), .no_year = flags & 1, .no_date = flags & 2 };
	t.clock = t.ns != CUL_NO_TIME && clock >= CUL_CLOCK_UTC && clock <= CUL_CLOCK_BOOT ? (enum cul_clock)clock : CUL_CLOCK_NONE;
	return t;
}

static bool has_kernel(const char *stream)
{
	const char *at = stream ? strstr(stream, "kernel") : NULL;
	return at && (at == stream || at[-1] == ',') && (!at[6] || at[6] == ',');
}

/* Room for as many as the table has: an array that grows by doubling holds twice of half a million. *empty: it surely has none. */
static bool room_for(struct placing *p, const char *sql, void *array, size_t *room, size_t size, bool *empty)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	bool told = sqlite3_prepare_v2(p->c->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;
	int64_t n = told ? sqlite3_column_int64(s, 0) : 0;
	*empty = told && !n;
	if (n <= 0)
		return true;
	void *all = calloc((size_t)n, size);
	memcpy(array, &all, sizeof(all));
	*room = all ? (size_t)n : 0;
	return all != NULL;
}

/* Columns host, first, last from @i on: as the writer leaves them? */
static bool as_written(sqlite3_stmt *s, int i)
{
	return sqlite3_column_type(s, i) == SQLITE_INTEGER && !sqlite3_column_int64(s, i) && sqlite3_column_type(s, i + 1) == SQLITE_NULL &&
	       sqlite3_column_type(s, i + 2) == SQLITE_NULL;
}

/* A row's columns from host on. */
static bool row_as_written(sqlite3_stmt *s, int i, int clock)
{
	for (int k = 1; k <= 5; k++)
		if (sqlite3_column_type(s, i + k) != SQLITE_NULL)
			return false;
	return sqlite3_column_type(s, i) == SQLITE_INTEGER && !sqlite3_column_int64(s, i) && sqlite3_column_int64(s, i + 6) == place_slack(clock);
}

static enum cul_status read_all(struct placing *p)
{
	sqlite3 *db = p->c->db;
	CUL_AUTO(case_finalizep) sqlite3_stmt *sections = NULL;
	CUL_AUTO(case_finalizep) sqlite3_stmt *rows = NULL;
	size_t known = cul_case_source_count(p->c);
	CUL_AUTO(cul_freep) bool *needed = calloc(known + 1, sizeof(*needed));
	enum cul_status status = case_prepare(db, "SELECT id, member, parser, raw_first, first_clock, first_flags, raw_last, last_clock, last_flags, host, first, last "
					  "FROM section ORDER BY id", &sections, p->err);
	size_t section_room = 0, row_room = 0;
	bool empty;
	if (!needed || !room_for(p, "SELECT count(*) FROM section", &p->sections, &section_room, sizeof(*p->sections), &empty) ||
	    !room_for(p, "SELECT count(*) FROM observation", &p->rows, &row_room, sizeof(*p->rows), &empty))
		goto memory;
	if (status == CUL_OK && !empty)
		status = case_prepare(db, "SELECT id, kind, member, section, line, coalesce(raw, time), coalesce(raw_last, coalesce(raw, time) + (last - time)), "
					  "clock, flags, raw_boot, since, n, hash, said_host, unit, host, onset, boot, gpu, copy, raw, uncertainty "
					  "FROM observation ORDER BY id", &rows, p->err);
	if (status != CUL_OK)
		return status;
	int rc = SQLITE_DONE;
	while (rc == SQLITE_DONE && (rc = sqlite3_step(sections)) == SQLITE_ROW) {
		if (!place_more(&p->sections, p->section_count, &section_room, sizeof(*p->sections)))
			goto memory;
		int64_t member = sqlite3_column_int64(sections, 1);
		if (member < 1 || (uint64_t)member > known)
			return cul_fail(p->err, CUL_ESTORE, "a section of no member");
		needed[member - 1] = true;
		const char *parser = (const char *)sqlite3_column_text(sections, 2);
		p->sections[p->section_count++] = (struct place_section){ .member = (int)member, .log = parser && !strcmp(parser, "log"),
									  .packages = parser && !strcmp(parser, "packages"),
									  .first = raw_time(sections, 3), .last = raw_time(sections, 6),
									  .host = -1, .from = CUL_NO_TIME, .to = CUL_NO_TIME, .end = CUL_NO_TIME, .dated = CUL_NO_TIME,
									  .as_written = as_written(sections, 9) };
		rc = SQLITE_DONE;
	}
	while (rows && rc == SQLITE_DONE && (rc = sqlite3_step(rows)) == SQLITE_ROW) {
		if (!place_more(&p->rows, p->count, &row_room, sizeof(*p->rows)))
			goto memory;
		struct placed *r = &p->rows[p->count];
		struct cul_time t = raw_time(rows, 5 + 0);
		int64_t kind = sqlite3_column_int64(rows, 1), member = sqlite3_column_int64(rows, 2), section = sqlite3_column_int64(rows, 3);
		if (member < 1 || (uint64_t)member > known || section < 1 || (uint64_t)section > p->section_count)
			return cul_fail(p->err, CUL_ESTORE, "a row of no section");
		needed[member - 1] = true;
		int clock = sqlite3_column_int(rows, 7);
		*r = (struct placed){ .id = sqlite3_column_int64(rows, 0), .kind = (int)kind, .member = (int)member, .section = (int)section,
				      .line = sqlite3_column_int64(rows, 4), .raw = t.ns, .raw_last = case_time(rows, 6),
				      .clock = t.ns != CUL_NO_TIME && clock >= 0 && clock <= CUL_CLOCK_BOOT ? clock : CUL_CLOCK_NONE,
				      .flags = sqlite3_column_int(rows, 8), .raw_boot = case_time(rows, 9), .since = sqlite3_column_int64(rows, 10),
				      .n = sqlite3_column_int64(rows, 11), .hash = (uint64_t)sqlite3_column_int64(rows, 12), .host = -1,
				      .boot = -1, .segment = -1, .time = CUL_NO_TIME, .last = CUL_NO_TIME, .gpu = -1 };
		if (r->raw_last == CUL_NO_TIME)
			r->raw_last = r->raw;
		const char *said = (const char *)sqlite3_column_text(rows, 13);
		int size = sqlite3_column_bytes(rows, 13);
		r->said = said && size > 0 ? place_name(p, cul_slice(said, (size_t)size)) : -1;
		const char *unit = (const char *)sqlite3_column_text(rows, 14);
		r->kernel = unit && !strcmp(unit, "kernel");
		r->as_written = row_as_written(rows, 15, r->clock);
		p->count++;
		rc = SQLITE_DONE;
	}
	if (rc != SQLITE_DONE)
		return case_fail(db, p->err, "rows");
	if ((status = place_members(p, needed, known)) != CUL_OK)
		return status;
	for (size_t i = 0; i < p->c->kind_count; i++) {
		const struct case_kind *k = p->c->kinds[i];
		bool kernel = has_kernel(k->kind->stream);
		for (size_t j = 0; (kernel || k->kind->samples) && j < p->count; j++)
			if (p->rows[j].kind == k->id) {
				p->rows[j].kernel |= kernel && !k->kind->samples;
				if (k->kind->samples)
					p->rows[j].hash = 0;
			}
	}
	return CUL_OK;
memory:
	return cul_fail(p->err, CUL_ENOMEM, "rows: out of memory");
}

/* ---- wall clocks ------------------------------------------------------------------------------ */

/* The latest @t without year or day that isn't after @end. */
static int64_t wall(struct cul_time t, int64_t end)
{
	if (t.ns == CUL_NO_TIME || (t.clock != CUL_CLOCK_UTC && t.clock != CUL_CLOCK_LOCAL))
		return CUL_NO_TIME;
	if (!t.no_year && !t.no_date)
		return t.ns;
	if (!sane(end))
		return CUL_NO_TIME;
	int year, month, day, hour, minute, second, other[5];
	int64_t frac, end_frac;
	cul_clock_split(t.ns, &year, &month, &day, &hour, &minute, &second, &frac);
	if (t.no_date) {
		int64_t of_day = ((t.ns % DAY) + DAY) % DAY, at = end - ((end % DAY) + DAY) % DAY + of_day;
		return at > end + HOUR ? at - DAY : at;
	}
	int last;
	cul_clock_split(end, &last, &other[0], &other[1], &other[2], &other[3], &other[4], &end_frac);
	for (int tries = 0; tries < 9; tries++, last--) {
		bool leap = (last % 4 == 0 && last % 100 != 0) || last % 400 == 0;
		if (month == 2 && day == 29 && !leap)
			continue;
		int64_t at = cul_clock_civil(last, month, day, hour, minute, second, frac);
		if (at <= end + DAY)
			return at;
	}
	return CUL_NO_TIME;
}

static void later(int64_t *latest, int64_t ns)
{
	if (sane(ns) && (*latest == CUL_NO_TIME || ns > *latest))
		*latest = ns;
}

static bool dated(int clock, int flags)
{
	return (clock == CUL_CLOCK_UTC || clock == CUL_CLOCK_LOCAL) && !flags;
}

static int flags_of(const struct cul_time *t)
{
	return (t->no_year ? 1 : 0) | (t->no_date ? 2 : 0);
}

static enum cul_status note_unix(struct placing *p, struct placed *row, const struct cul_kind *kind, sqlite3_stmt *s)
{
	double unix_s = sqlite3_column_double(s, 1);
	if (row->host >= 0 && unix_s > (double)EARLIEST && unix_s < (double)LATEST)
		later(&p->hosts[row->host].latest, (int64_t)unix_s * CUL_SECOND);
	return CUL_OK;
}

/* What `date` printed: when this was captured. */
static enum cul_status note_date(struct placing *p, struct placed *row, const struct cul_kind *kind, sqlite3_stmt *s)
{
	const char *what = (const char *)sqlite3_column_text(s, 1);
	if (!what || strcmp(what, "date") || !dated(row->clock, row->flags))
		return CUL_OK;
	struct place_member *m = place_member(p, row->member);
	later(&m->said, row->raw_last);
	if (m->root >= 0)
		later(&p->root_said[m->root], row->raw_last);
	return CUL_OK;
}

/* When the member was written: not after it was captured, though it may have been copied later. CUL_NO_TIME: nothing tells. */
static int64_t written_at(const struct placing *p, const struct place_member *m)
{
	int64_t said = m->said != CUL_NO_TIME || m->root < 0 ? m->said : p->root_said[m->root];
	return said != CUL_NO_TIME && (!sane(m->mtime) || m->mtime > said + DAY) ? said : m->mtime;
}

static const struct case_kind *kind_of(const struct placing *p, const char *name)
{
	for (size_t i = 0; i < p->c->kind_count; i++)
		if (p->c->kinds[i]->stored && !strcmp(p->c->kinds[i]->kind->name, name))
			return p->c->kinds[i];
	return NULL;
}

static int64_t scan_time(struct placing *p)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(p->c->db, "SELECT value FROM meta WHERE key = 'scanned'", -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		return sqlite3_column_int64(s, 0);
	return CUL_NO_TIME;
}

/* Where each section ends on the wall clock: years and days that it leaves out are counted back from there. */
static enum cul_status find_ends(struct placing *p)
{
	static const char *const unix_field[] = { "unix_s" }, *const what_field[] = { "what" };
	int64_t bundle = CUL_NO_TIME, upgraded = CUL_NO_TIME, now = scan_time(p);
	const struct case_kind *clock = kind_of(p, "kernel.clock");
	if (clock && place_has(clock->kind, "unix_s")) {
		enum cul_status status = place_each(p, clock, unix_field, 1, note_unix);
		if (status != CUL_OK)
			return status;
	}
	const struct case_kind *id = kind_of(p, "host.id");
	p->root_said = calloc(p->roots.count + 1, sizeof(*p->root_said));
	if (!p->root_said)
		return cul_fail(p->err, CUL_ENOMEM, "rows: out of memory");
	for (size_t i = 0; i < p->roots.count; i++)
		p->root_said[i] = CUL_NO_TIME;
	for (size_t i = 0; i < p->member_count; i++)
		p->members[i].said = CUL_NO_TIME;
	if (id && place_has(id->kind, "what")) {
		enum cul_status status = place_each(p, id, what_field, 1, note_date);
		if (status != CUL_OK)
			return status;
	}
	for (size_t i = 0; i < p->count; i++) {
		const struct placed *r = &p->rows[i];
		if (!dated(r->clock, r->flags))
			continue;
		later(&p->sections[r->section - 1].dated, r->raw_last);
		if (p->sections[r->section - 1].packages)
			later(&upgraded, r->raw_last);
		else if (r->host >= 0)
			later(&p->hosts[r->host].latest, r->raw_last);
	}
	for (size_t i = 0; i < p->section_count; i++) {
		const struct place_section *s = &p->sections[i];
		if (dated((int)s->last.clock, flags_of(&s->last))) {
			later(&bundle, s->last.ns);
			if (s->host >= 0)
				later(&p->hosts[s->host].latest, s->last.ns);
		}
	}
	for (size_t i = 0; i < p->host_count; i++)
		later(&bundle, p->hosts[i].latest);
	for (size_t i = 0; i < p->section_count; i++) {
		struct place_section *s = &p->sections[i];
		/* what its programs date in full tells the year, however late the file was copied */
		int64_t written = written_at(p, place_member(p, s->member)), half = 183 * DAY,
			own = s->last.no_year && !s->last.no_date && s->dated != CUL_NO_TIME ? wall(s->last, s->dated + half) : CUL_NO_TIME;
		if (own != CUL_NO_TIME && own - s->dated < 2 * DAY && s->dated - own < 2 * DAY)
			written = s->dated + half;
		int64_t known = sane(written) ? written :
				s->host >= 0 && p->hosts[s->host].latest != CUL_NO_TIME ? p->hosts[s->host].latest : bundle;
		/* where nothing else has a year, the one that lies nearest to the last upgrade */
		if (known == CUL_NO_TIME && upgraded != CUL_NO_TIME && s->last.no_year && !s->last.no_date)
			known = upgraded + half;
		s->end_guessed = known == CUL_NO_TIME;
		if (known == CUL_NO_TIME)
			known = now;
		if (s->last.clock != CUL_CLOCK_NONE && s->last.clock != CUL_CLOCK_BOOT) {
			int64_t end = wall(s->last, known);
			s->end = end == CUL_NO_TIME ? known : end;
		} else {
			s->end = known;
		}
	}
	return CUL_OK;
}

static int64_t row_wall(const struct placing *p, const struct placed *r, int64_t raw)
{
	struct cul_time t = { .ns = raw, .clock = (enum cul_clock)r->clock, .no_year = r->flags & 1, .no_date = r->flags & 2 };
	return wall(t, p->sections[r->section - 1].end);
}

/* ---- boots ------------------------------------------------------------------------------------ */

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* Times since boot that fall back begin another boot. */
static bool cut_segments(struct placing *p, struct placed **order, struct boots *b)
{
	int section = 0;
	for (size_t i = 0; i < p->count; i++) {
		struct placed *r = order[i];
		if (r->raw_boot == CUL_NO_TIME)
			continue;
		struct segment *at = b->count && r->section == section ? &b->items[b->count - 1] : NULL;
		if (!at || at->host != r->host || (r->raw_boot < place_minus(at->high, FALL) && (r->raw_boot < 30 * CUL_SECOND || r->raw_boot < place_minus(at->high, 60 * CUL_SECOND)))) {
			if (at)
				at->last = false;
			if (!place_more(&b->items, b->count, &b->room, sizeof(*b->items)))
				return false;
			b->items[b->count] = (struct segment){ .host = r->host, .section = r->section, .boot = -1, .order = b->count, .last = true,
							       .buffer = r->clock == CUL_CLOCK_BOOT, .low = r->raw_boot, .high = r->raw_boot,
							       .began = CUL_NO_TIME, .slack = CUL_SECOND };
			at = &b->items[b->count++];
			section = r->section;
		}
		int64_t last = r->clock == CUL_CLOCK_BOOT ? r->raw_last : r->raw_boot;
		at->high = last > at->high ? last : at->high;
		at->low = r->raw_boot < at->low ? r->raw_boot : at->low;
		r->segment = (int)b->count - 1;
	}
	return true;
}

struct anchors {
	struct placing *p;
	struct boots *b;
};

/* The median of wall minus since-boot of each segment whose lines hold both. */
static bool anchor_by_lines(struct placing *p, struct placed **order, struct boots *b)
{
	int64_t found[256];
	for (size_t i = 0; i < p->count;) {
		int segment = order[i]->segment;
		size_t n = 0;
		if (segment < 0) {
			i++;
			continue;
		}
		for (; i < p->count && (order[i]->segment == segment || order[i]->segment < 0) && order[i]->section == b->items[segment].section; i++) {
			const struct placed *r = order[i];
			int64_t w = r->segment == segment ? row_wall(p, r, r->raw) : CUL_NO_TIME;
			if (w == CUL_NO_TIME || n == 256)
				continue;
			int64_t zone = r->clock == CUL_CLOCK_LOCAL && r->host >= 0 ? p->hosts[r->host].zone : 0;
			found[n++] = w - zone - r->raw_boot;
		}
		if (n && b->items[segment].began == CUL_NO_TIME) {
			qsort(found, n, sizeof(found[0]), by_number);
			b->items[segment].began = found[n / 2];
			b->items[segment].why = "lines with both clocks";
		}
	}
	return true;
}

/* kernel.clock says the time in UTC when the kernel's own clock stood at its record's. */
static enum cul_status anchor_by_clock(struct placing *p, struct boots *b)
{
	const struct case_kind *k = kind_of(p, "kernel.clock");
	if (!k || !place_has(k->kind, "unix_s"))
		return CUL_OK;
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(p->c->db, "SELECT id, unix_s FROM kernel_clock_", &s, p->err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		const struct placed *r = place_row(p, sqlite3_column_int64(s, 0));
		double unix_s = sqlite3_column_double(s, 1);
		if (!r || r->segment < 0 || r->raw_boot == CUL_NO_TIME || !(unix_s > (double)EARLIEST && unix_s < (double)LATEST))
			continue;
		struct segment *g = &b->items[r->segment];
		int64_t utc = place_minus((int64_t)(unix_s * 1e3) * 1000000, r->raw_boot);
		/* lines with both clocks tell the zone beside it */
		if (g->began != CUL_NO_TIME && r->clock == CUL_CLOCK_LOCAL && r->host >= 0 && !p->hosts[r->host].zone_known) {
			int64_t quarter = 15 * 60 * CUL_SECOND, diff = place_minus(g->began, utc);
			int64_t zone = (diff + (diff < 0 ? -quarter / 2 : quarter / 2)) / quarter * quarter;
			if (llabs(diff - zone) < 120 * CUL_SECOND && llabs(zone) <= 14 * HOUR) {
				p->hosts[r->host].zone = zone;
				p->hosts[r->host].zone_known = true;
			}
		}
		g->began = utc;
		g->why = "the kernel's line about the system clock";
	}
	return status == CUL_OK && rc != SQLITE_DONE ? case_fail(p->c->db, p->err, "kernel.clock") : status;
}

static int by_hash(const void *a, const void *b)
{
	const struct placed *x = *(struct placed *const *)a, *y = *(struct placed *const *)b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return place_order(a, b);
}

/* Call @pair for rows of equal kind and fields, of one host, from different members. */
static void each_pair(struct placing *p, struct placed **by, void (*pair)(void *ctx, struct placed *a, struct placed *b), void *ctx)
{
	for (size_t i = 0, j; i < p->count; i = j) {
		for (j = i + 1; j < p->count && by[j]->hash == by[i]->hash;)
			j++;
		if (!by[i]->hash)
			continue;
		/* within a large group only neighbours in time are compared (copies()); here a few suffice */
		for (size_t a = i; a < j && a < i + PLACE_GROUP; a++)
			for (size_t b = i; b < j && b < i + PLACE_GROUP; b++)
				if (by[a]->host == by[b]->host && by[a]->member != by[b]->member && by[a]->kind == by[b]->kind &&
				    by[a]->kernel && by[b]->kernel)
					pair(ctx, by[a], by[b]);
	}
}

static void zone_pair(void *ctx, struct placed *a, struct placed *b)
{
	struct placing *p = ctx;
	if (a->host < 0 || a->clock != CUL_CLOCK_LOCAL || b->clock != CUL_CLOCK_UTC || p->hosts[a->host].zone_known)
		return;
	int64_t w = row_wall(p, a, a->raw), utc = row_wall(p, b, b->raw), quarter = 15 * 60 * CUL_SECOND;
	if (w == CUL_NO_TIME || utc == CUL_NO_TIME)
		return;
	int64_t diff = place_minus(w, utc), zone = (diff + (diff < 0 ? -quarter / 2 : quarter / 2)) / quarter * quarter;
	if (llabs(diff - zone) <= 3 * CUL_SECOND && llabs(zone) <= 14 * HOUR) {
		p->hosts[a->host].zone = zone;
		p->hosts[a->host].zone_known = true;
	}
}

/* An unanchored dump hangs on a dated log that holds the same line, or on a dump that does. */
static void link_pair(void *ctx, struct placed *a, struct placed *b)
{
	struct anchors *x = ctx;
	if (a->segment < 0 || a->raw_boot == CUL_NO_TIME || a->clock != CUL_CLOCK_BOOT)
		return;
	struct segment *mine = &x->b->items[a->segment];
	if (mine->began != CUL_NO_TIME)
		return;
	if (b->segment >= 0) {
		struct segment *theirs = &x->b->items[b->segment];
		if (theirs->began != CUL_NO_TIME && llabs(place_minus(a->raw_boot, b->raw_boot)) < 2000000) {
			mine->began = theirs->began;
			mine->why = "a line that a dated log holds too";
		}
		return;
	}
	int64_t w = row_wall(x->p, b, b->raw);
	if (w == CUL_NO_TIME || b->clock == CUL_CLOCK_BOOT)
		return;
	mine->began = w - (b->clock == CUL_CLOCK_LOCAL && b->host >= 0 ? x->p->hosts[b->host].zone : 0) - a->raw_boot;
	mine->slack = 3 * CUL_SECOND;
	mine->why = "a line that a dated log holds too";
}

/* uptime under a date. */
static enum cul_status anchor_by_uptime(struct placing *p, struct boots *b)
{
	for (size_t i = 0; i < p->c->kind_count; i++) {
		const struct case_kind *k = p->c->kinds[i];
		if (!k->stored || !place_has(k->kind, "uptime_s"))
			continue;
		CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
		char *sql = sqlite3_mprintf("SELECT id, uptime_s FROM \"%w_\" WHERE uptime_s > 0", k->table);
		enum cul_status status = sql ? case_prepare(p->c->db, sql, &s, p->err) : cul_fail(p->err, CUL_ENOMEM, "uptime: out of memory");
		sqlite3_free(sql);
		if (status != CUL_OK)
			return status;
		int rc;
		while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
			const struct placed *r = place_row(p, sqlite3_column_int64(s, 0));
			double up = sqlite3_column_double(s, 1);
			int64_t w = r && r->host >= 0 && r->clock != CUL_CLOCK_BOOT && !(p->sections[r->section - 1].end_guessed && r->flags) ?
				    row_wall(p, r, r->raw) : CUL_NO_TIME;
			if (!sane(w) || !(up > 0 && up < 1e9))
				continue;
			if (r->clock == CUL_CLOCK_LOCAL)
				w -= p->hosts[r->host].zone;
			int64_t began = w - (int64_t)(up * 1e9);
			if (p->hosts[r->host].boot == CUL_NO_TIME || began > p->hosts[r->host].boot)
				p->hosts[r->host].boot = began;
			for (size_t j = 0; j < b->count; j++) {
				struct segment *g = &b->items[j];
				if (g->host == r->host && g->buffer && g->last && g->began == CUL_NO_TIME && (double)g->high / 1e9 <= up + 90) {
					g->began = began;
					g->slack = 60 * CUL_SECOND;
					g->why = "uptime under a date";
				}
			}
		}
		if (rc != SQLITE_DONE)
			return case_fail(p->c->db, p->err, "uptime");
	}
	return CUL_OK;
}

static int by_began(const void *a, const void *b)
{
	const struct segment *x = *(struct segment *const *)a, *y = *(struct segment *const *)b;
	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	if ((x->began == CUL_NO_TIME) != (y->began == CUL_NO_TIME))
		return x->began == CUL_NO_TIME ? -1 : 1;
	if (x->began != y->began)
		return x->began < y->began ? -1 : 1;
	if (x->last != y->last)
		return x->last ? 1 : -1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Segments -> boots with ordinals. Dumps' last segments that nothing places are of one boot: the one that was captured. */
static enum cul_status number_boots(struct placing *p, struct boots *b)
{
	CUL_AUTO(cul_freep) struct segment **order = calloc(b->count + 1, sizeof(*order));
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	if (!order)
		return cul_fail(p->err, CUL_ENOMEM, "boots: out of memory");
	/* a host with one placed boot, and a dump that is compatible with it */
	for (size_t h = 0; h < p->host_count; h++) {
		int64_t began = CUL_NO_TIME;
		bool one = true;
		for (size_t i = 0; i < b->count; i++)
			if (b->items[i].host == (int)h && b->items[i].began != CUL_NO_TIME) {
				one &= began == CUL_NO_TIME || llabs(place_minus(b->items[i].began, began)) < SAME_BOOT;
				began = b->items[i].began;
			}
		for (size_t i = 0; i < b->count && began != CUL_NO_TIME && one; i++)
			if (b->items[i].host == (int)h && b->items[i].began == CUL_NO_TIME && b->items[i].last) {
				b->items[i].began = began;
				b->items[i].slack = 120 * CUL_SECOND;
				b->items[i].why = "the only boot that the bundle knows";
			}
	}
	for (size_t i = 0; i < b->count; i++)
		order[i] = &b->items[i];
	if (b->count)
		qsort(order, b->count, sizeof(*order), by_began);
	enum cul_status status = b->count ? case_prepare(p->c->db, "INSERT INTO boot VALUES(?,?,?,?)", &s, p->err) : CUL_OK;
	int ordinal = -1;
	for (size_t i = 0; i < b->count && status == CUL_OK; i++) {
		const struct segment *before = i ? order[i - 1] : NULL;
		struct segment *g = order[i];
		bool same = before && before->host == g->host &&
			    (g->began == CUL_NO_TIME ? before->began == CUL_NO_TIME && g->last && before->last :
						       before->began != CUL_NO_TIME && place_minus(g->began, before->began) < SAME_BOOT);
		if (!before || before->host != g->host)
			ordinal = -1;
		ordinal += !same;
		g->boot = ordinal;
		if (same || g->host < 0)
			continue;
		p->hosts[g->host].boots = ordinal + 1;
		sqlite3_bind_int(s, 1, g->host);
		sqlite3_bind_int(s, 2, ordinal);
		case_bind_time(s, 3, g->began);
		sqlite3_bind_text(s, 4, g->why, -1, SQLITE_STATIC);
		if (sqlite3_step(s) != SQLITE_DONE)
			status = case_fail(p->c->db, p->err, "boots");
		sqlite3_reset(s);
		if (g->began != CUL_NO_TIME && (p->hosts[g->host].boot == CUL_NO_TIME || g->began > p->hosts[g->host].boot))
			p->hosts[g->host].boot = g->began;
	}
	return status;
}

/* ---- placing ---------------------------------------------------------------------------------- */

/* Which clocks a host's sources use, and over what span: local times are taken as UTC only where that fits. */
static void note_clocks(struct placing *p)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct placed *r = &p->rows[i];
		int64_t w = r->host >= 0 ? row_wall(p, r, r->raw) : CUL_NO_TIME;
		if (w == CUL_NO_TIME)
			continue;
		struct place_host *h = &p->hosts[r->host];
		bool utc = r->clock == CUL_CLOCK_UTC;
		bool *seen = utc ? &h->utc : &h->local;
		int64_t *first = utc ? &h->utc_first : &h->local_first, *last = utc ? &h->utc_last : &h->local_last;
		*first = !*seen || w < *first ? w : *first;
		*last = !*seen || w > *last ? w : *last;
		*seen = true;
	}
}

static int64_t local_slack(const struct place_host *h)
{
	if (h->zone_known || !h->utc || !h->local)
		return CUL_SECOND;
	bool meet = h->local_first <= h->utc_last + HOUR && h->utc_first <= h->local_last + HOUR;
	return meet ? CUL_SECOND : 14 * HOUR;
}

static void place_rows(struct placing *p, struct boots *b)
{
	for (size_t i = 0; i < p->count; i++) {
		struct placed *r = &p->rows[i];
		struct place_host *h = r->host >= 0 ? &p->hosts[r->host] : NULL;
		const struct segment *g = r->segment >= 0 ? &b->items[r->segment] : NULL;
		r->boot = g ? g->boot : -1;
		if (r->clock == CUL_CLOCK_BOOT) {
			if (!g || g->began == CUL_NO_TIME)
				continue;
			r->time = place_plus(g->began, r->raw);
			r->last = place_plus(g->began, r->raw_last);
			r->uncertainty = g->slack;
			continue;
		}
		r->time = row_wall(p, r, r->raw);
		r->last = row_wall(p, r, r->raw_last);
		if (r->time == CUL_NO_TIME)
			continue;
		if (r->last == CUL_NO_TIME || r->last < r->time)
			r->last = r->time;
		r->uncertainty = 1000000;
		if (r->clock == CUL_CLOCK_LOCAL) {
			r->time = h ? place_plus(r->time, -h->zone) : r->time;
			r->last = h ? place_plus(r->last, -h->zone) : r->last;
			r->uncertainty = h ? local_slack(h) : 14 * HOUR;
		}
		/* a boot that began before it and none after */
		for (size_t j = 0; !g && h && j < b->count && j < 256; j++)
			if (b->items[j].host == r->host && b->items[j].began != CUL_NO_TIME && b->items[j].began <= r->time + 60 * CUL_SECOND &&
			    b->items[j].boot > r->boot)
				r->boot = b->items[j].boot;
	}
}

static int64_t place_time(const struct placing *p, const struct place_section *s, struct cul_time t, int64_t began)
{
	if (t.clock == CUL_CLOCK_BOOT)
		return began == CUL_NO_TIME || t.ns == CUL_NO_TIME ? CUL_NO_TIME : place_plus(began, t.ns);
	int64_t w = wall(t, s->end);
	return w != CUL_NO_TIME && t.clock == CUL_CLOCK_LOCAL && s->host >= 0 ? place_plus(w, -p->hosts[s->host].zone) : w;
}

static int64_t began_in(const struct placing *p, const struct boots *b, int section, bool last)
{
	int64_t began = CUL_NO_TIME;
	bool any = false;
	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].section == section) {
			any = true;
			began = b->items[i].began;
			if (!last)
				break;
		}
	int host = p->sections[section - 1].host;
	return any || host < 0 ? began : p->hosts[host].boot;
}

static void widen(int64_t *first, int64_t *last, int64_t from, int64_t to)
{
	if (from != CUL_NO_TIME && (*first == CUL_NO_TIME || from < *first))
		*first = from;
	if (to != CUL_NO_TIME && (*last == CUL_NO_TIME || to > *last))
		*last = to;
}

static void place_spans(struct placing *p, const struct boots *b)
{
	for (size_t i = 0; i < p->section_count; i++) {
		struct place_section *s = &p->sections[i];
		bool boot = s->first.clock == CUL_CLOCK_BOOT || s->last.clock == CUL_CLOCK_BOOT;
		s->from = place_time(p, s, s->first, boot ? began_in(p, b, (int)i + 1, false) : CUL_NO_TIME);
		s->to = place_time(p, s, s->last, boot ? began_in(p, b, (int)i + 1, true) : CUL_NO_TIME);
	}
	for (size_t i = 0; i < p->count; i++) {
		const struct placed *r = &p->rows[i];
		struct place_section *s = &p->sections[r->section - 1];
		widen(&s->from, &s->to, r->time, r->last);
		if (!s->log && r->host >= 0 && r->time != CUL_NO_TIME)
			later(&p->hosts[r->host].capture, r->last);
	}
	for (size_t i = 0; i < p->section_count; i++) {
		struct place_member *m = place_member(p, p->sections[i].member);
		widen(&m->first, &m->last, p->sections[i].from, p->sections[i].to);
	}
}

/* ---- writing ---------------------------------------------------------------------------------- */

static enum cul_status write_templates(struct placing *p, const struct boots *b)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *read = NULL;
	CUL_AUTO(case_finalizep) sqlite3_stmt *write = NULL;
	enum cul_status status = case_prepare(p->c->db, "SELECT id, section, coalesce(raw_first, first), first_clock, first_flags, last_section, "
							"coalesce(raw_last, last), last_clock, last_flags, first, last FROM template", &read, p->err);
	if (status == CUL_OK)
		status = case_prepare(p->c->db, "UPDATE template SET first=?, last=?, raw_first=?, raw_last=? WHERE id=?", &write, p->err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(read)) == SQLITE_ROW) {
		bool same = true;
		for (int i = 0; i < 2; i++) {
			int64_t section = sqlite3_column_int64(read, i ? 5 : 1);
			struct cul_time t = raw_time(read, i ? 6 : 2);
			int64_t placed = section < 1 || (uint64_t)section > p->section_count ? CUL_NO_TIME :
					 place_time(p, &p->sections[section - 1], t, began_in(p, b, (int)section, true));
			case_bind_time(write, 1 + i, placed);
			case_bind_time(write, 3 + i, placed == t.ns ? CUL_NO_TIME : t.ns);
			same &= placed == case_time(read, 9 + i);
		}
		sqlite3_bind_int64(write, 5, sqlite3_column_int64(read, 0));
		if (!same)
			status = place_done(p, write, "templates");
	}
	return status == CUL_OK && rc != SQLITE_DONE ? case_fail(p->c->db, p->err, "templates") : status;
}

static enum cul_status write_meta(struct placing *p)
{
	char sql[400];
	snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO meta VALUES('scanned', %lld); PRAGMA application_id = %d; PRAGMA user_version = %d",
		 (long long)time(NULL) * CUL_SECOND, CASE_APPLICATION, CASE_VERSION);
	return case_exec(p->c->db, sql, p->err);
}

static enum cul_status place(struct placing *p, struct boots *b, int64_t since_ns, int64_t until_ns)
{
	enum cul_status status = write_meta(p);
	if (status == CUL_OK)
		status = case_exec(p->c->db, "DELETE FROM host; DELETE FROM gpu; DELETE FROM boot", p->err);
	if (status == CUL_OK)
		status = read_all(p);
	if (status == CUL_OK)
		status = place_hosts(p);
	if (status == CUL_OK)
		status = find_ends(p);
	if (status != CUL_OK)
		return status;
	CUL_AUTO(cul_freep) struct placed **order = calloc(p->count + 1, sizeof(*order));
	if (!order)
		return cul_fail(p->err, CUL_ENOMEM, "rows: out of memory");
	for (size_t i = 0; i < p->count; i++)
		order[i] = &p->rows[i];
	if (p->count)
		qsort(order, p->count, sizeof(*order), by_hash);
	each_pair(p, order, zone_pair, p);
	if (p->count)
		qsort(order, p->count, sizeof(*order), place_order);
	if (!cut_segments(p, order, b))
		return cul_fail(p->err, CUL_ENOMEM, "boots: out of memory");
	anchor_by_lines(p, order, b);
	status = anchor_by_clock(p, b);
	if (p->count)
		qsort(order, p->count, sizeof(*order), by_hash);
	struct anchors anchors = { p, b };
	each_pair(p, order, link_pair, &anchors);
	if (status == CUL_OK)
		status = anchor_by_uptime(p, b);
	if (status == CUL_OK)
		status = number_boots(p, b);
	if (status != CUL_OK)
		return status;
	note_clocks(p);
	place_rows(p, b);
	place_spans(p, b);
	status = place_gpus(p);
	if (status != CUL_OK)
		return status;
	if (p->count && (status = place_copies(p, order)) != CUL_OK)
		return status;
	for (size_t i = 0; i < p->count && (since_ns || until_ns); i++) {
		struct placed *r = &p->rows[i];
		if (r->time != CUL_NO_TIME && ((since_ns && r->last < since_ns) || (until_ns && r->time > until_ns)))
			r->copy = -1;
	}
	status = place_write(p);
	if (status == CUL_OK)
		status = write_templates(p, b);
	if (status == CUL_OK)
		status = place_facts(p);
	return status;
}

enum cul_status case_place(struct cul_case *c, int64_t since_ns, int64_t until_ns, struct cul_error *err)
{
	struct placing p = { .c = c, .arena = cul_arena_new(), .err = err };
	p.roots.arena = p.arena;
	struct boots b = { 0 };
	enum cul_status status = p.arena ? place(&p, &b, since_ns, until_ns) : cul_fail(err, CUL_ENOMEM, "case: out of memory");
	cul_arena_free(p.arena);
	free(p.rows);
	free(p.sections);
	free(p.members);
	case_strings_free(&p.roots);
	free(p.root_said);
	free(p.names);
	free(p.name_host);
	free(p.hosts);
	free(p.gpus);
	free(b.items);
	return status;
}
