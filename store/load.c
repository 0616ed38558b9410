/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Opening a case for reading: is it ours, word for word, and what does it hold beside its rows?
 *
 * A case may come from a stranger. Every object of its schema must read as this program would write
 * it: no trigger, no virtual table, no view of somebody else's. Ids are dense and indices are checked
 * here, so that the rest can trust them. A kind whose fields have changed since makes the case one of
 * another version: it has to be scanned again.
 */
#include "store/case.h"

#include <limits.h>
#include <math.h>

#include "store/spine.h"

/* ---- is it ours? ------------------------------------------------------------------------------ */

/* One statement of the spine's text, without its ';'. */
static bool next_statement(struct cul_slice *text, struct cul_slice *ret)
{
	*text = cul_trim(*text);
	if (!text->size || !cul_cut(*text, CUL_LIT(";"), ret, text))
		return false;
	*ret = cul_trim(*ret);
	return true;
}

static bool in_spine(struct cul_slice sql)
{
	struct cul_slice text = cul_str(SPINE_SQL), statement;
	while (next_statement(&text, &statement))
		if (cul_is(statement, sql))
			return true;
	return false;
}

static bool is_table(const struct cul_kind *kind, struct cul_slice name)
{
	size_t size = strlen(kind->name);
	if (size != name.size)
		return false;
	for (size_t i = 0; i < size; i++)
		if ((kind->name[i] == '.' || kind->name[i] == '-' ? '_' : kind->name[i]) != name.data[i])
			return false;
	return true;
}

static bool in_kinds(struct cul_slice name, struct cul_slice sql, bool view)
{
	if (!view && !cul_ends(name, CUL_LIT("_")))
		return false;
	if (!view)
		name.size--;
	for (const struct cul_kind *const *k = cul_kinds(); k && *k; k++) {
		if (!is_table(*k, name))
			continue;
		char *ours = case_kind_sql(*k, view);
		bool same = ours && cul_is(cul_str(ours), sql);
		sqlite3_free(ours);
		if (same)
			return true;
	}
	return false;
}

static int64_t pragma(sqlite3 *db, const char *sql)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
		return -1;
	return sqlite3_column_int64(s, 0);
}

static struct cul_slice column(sqlite3_stmt *s, int i)
{
	const char *text = (const char *)sqlite3_column_text(s, i);
	int size = sqlite3_column_bytes(s, i);
	return text && size > 0 ? cul_slice(text, (size_t)size) : CUL_NONE;
}

enum cul_status case_check(sqlite3 *db, struct cul_error *err)
{
	if (pragma(db, "PRAGMA application_id") != CASE_APPLICATION)
		return cul_fail(err, CUL_ESTORE, "not a case of culprit");
	if (pragma(db, "PRAGMA user_version") != CASE_VERSION)
		return cul_fail(err, CUL_ESTORE, "a case of another version of culprit: scan again");
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(db, "SELECT type, name, sql FROM sqlite_schema", &s, err);
	if (status != CUL_OK)
		return status;
	size_t met = 0, spine = 0;
	struct cul_slice text = cul_str(SPINE_SQL), statement;
	while (next_statement(&text, &statement))
		spine++;
	int rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct cul_slice type = column(s, 0), name = column(s, 1), sql = column(s, 2);
		if (cul_is(type, CUL_LIT("index")) && cul_starts(name, CUL_LIT("sqlite_autoindex_")) && !sql.size)
			continue;
		if (in_spine(sql)) {
			met++;
			continue;
		}
		bool view = cul_is(type, CUL_LIT("view"));
		if ((view || cul_is(type, CUL_LIT("table"))) && in_kinds(name, sql, view))
			continue;
		return cul_fail(err, CUL_ESTORE, "%.*s \"%.*s\" is not as this version of culprit writes it: scan again",
				(int)(type.size > 20 ? 20 : type.size), type.size ? type.data : "",
				(int)(name.size > 80 ? 80 : name.size), name.size ? name.data : "");
	}
	if (rc != SQLITE_DONE)
		return case_fail(db, err, "schema");
	return met == spine ? CUL_OK : cul_fail(err, CUL_ESTORE, "tables are missing: a torn case; scan again");
}

/* ---- what it holds beside rows ---------------------------------------------------------------- */

/* Room for one more in an array of the case's that grows in the arena by doubling; NULL: out of memory. */
static void *more(struct cul_case *c, void *array, size_t count, size_t size)
{
	if (count && (count & (count - 1)))
		return array;
	void *grown = cul_arena_get(c->arena, (count ? count * 2 : 1) * size);
	if (grown && count)
		memcpy(grown, array, count * size);
	return grown;
}

static int index_of(sqlite3_stmt *s, int i, size_t count)
{
	if (sqlite3_column_type(s, i) == SQLITE_NULL)
		return -1;
	int64_t v = sqlite3_column_int64(s, i);
	return v >= 0 && (uint64_t)v < count ? (int)v : -1;
}

static enum cul_status ended(struct cul_case *c, int rc, const char *what, struct cul_error *err)
{
	return rc == SQLITE_DONE ? CUL_OK : case_fail(c->db, err, what);
}

#define NO_MEMORY(err, what) cul_fail(err, CUL_ENOMEM, "%s: out of memory", what)

static enum cul_status load_hosts(struct cul_case *c, struct cul_error *err)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(c->db, "SELECT id, name, kernel, os, model, cpu, boot, capture, cpus, memory_mib, load_1m "
						     "FROM host ORDER BY id", &s, err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (sqlite3_column_int64(s, 0) != (int64_t)c->host_count)
			return cul_fail(err, CUL_ESTORE, "hosts: numbers are missing");
		c->hosts = more(c, c->hosts, c->host_count, sizeof(*c->hosts));
		if (!c->hosts)
			return NO_MEMORY(err, "hosts");
		struct cul_host *h = &c->hosts[c->host_count++];
		*h = (struct cul_host){ .name = case_string(c->arena, s, 1), .kernel = case_string(c->arena, s, 2), .os = case_string(c->arena, s, 3),
					.model = case_string(c->arena, s, 4), .cpu = case_string(c->arena, s, 5), .boot_ns = case_time(s, 6),
					.capture_ns = case_time(s, 7), .cpus = sqlite3_column_int64(s, 8), .memory_mib = sqlite3_column_int64(s, 9),
					.load_1m = sqlite3_column_type(s, 10) == SQLITE_NULL ? (double)NAN : sqlite3_column_double(s, 10) };
		if (!h->name)
			h->name = "host";
	}
	return status == CUL_OK ? ended(c, rc, "hosts", err) : status;
}

static enum cul_status load_gpus(struct cul_case *c, struct cul_error *err)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(c->db, "SELECT id, host, gpu_index, bdf, uuid, name, driver FROM gpu ORDER BY rowid", &s, err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		c->gpus = more(c, c->gpus, c->gpu_count, sizeof(*c->gpus));
		if (!c->gpus)
			return NO_MEMORY(err, "gpus");
		c->gpus[c->gpu_count++] = (struct cul_gpu){
			.id = case_text(c->arena, s, 0).data, .host = index_of(s, 1, c->host_count),
			.index = sqlite3_column_type(s, 2) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 2), .bdf = case_string(c->arena, s, 3),
			.uuid = case_string(c->arena, s, 4), .name = case_string(c->arena, s, 5), .driver = case_string(c->arena, s, 6) };
	}
	return status == CUL_OK ? ended(c, rc, "gpus", err) : status;
}

static enum cul_status load_members(struct cul_case *c, struct cul_error *err)
{
	if (c->sources.count) /* as they were written */
		return CUL_OK;
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(c->db, "SELECT id, name, bytes, lines, read_as, host, first, last FROM member ORDER BY id", &s, err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (sqlite3_column_int64(s, 0) != (int64_t)c->sources.count + 1)
			return cul_fail(err, CUL_ESTORE, "members: numbers are missing");
		const char *name = (const char *)sqlite3_column_text(s, 1);
		struct cul_slice read_as = column(s, 4);
		struct cul_source source = { .bytes = sqlite3_column_int64(s, 2), .lines = sqlite3_column_int64(s, 3), .host = index_of(s, 5, c->host_count),
					     .first_ns = case_time(s, 6), .last_ns = case_time(s, 7) };
		if (!read_as.data && sqlite3_column_type(s, 4) != SQLITE_NULL)
			read_as = CUL_LIT("");
		if (!case_sources_add(&c->sources, name ? name : "", &source, read_as))
			return NO_MEMORY(err, "members");
	}
	return status == CUL_OK ? ended(c, rc, "members", err) : status;
}

/* Of many sections that cover the same one is kept: a bundle of small files has half a million without a time. */
static enum cul_status load_sections(struct cul_case *c, struct cul_error *err)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	struct case_strings words = { .arena = c->arena };
	struct cul_arena *scratch = cul_arena_new();
	struct case_strings seen = { .arena = scratch };
	enum cul_status status = scratch ? CUL_OK : NO_MEMORY(err, "sections");
	if (status == CUL_OK)
		status = case_prepare(c->db, "SELECT id, parser, streams, host, first, last, iif(first_clock = 3, raw_first, NULL) "
					     "FROM section ORDER BY id", &s, err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (sqlite3_column_int64(s, 0) != (int64_t)c->section_last + 1 || c->section_last == INT_MAX - 1) {
			status = cul_fail(err, CUL_ESTORE, "sections: numbers are missing");
			break;
		}
		c->section_last++;
		int parser = case_strings_add(&words, column(s, 1)), streams = case_strings_add(&words, column(s, 2));
		int64_t key[6] = { parser, streams, index_of(s, 3, c->host_count), case_time(s, 4), case_time(s, 5), case_time(s, 6) };
		int at = parser < 0 || streams < 0 ? -1 : case_strings_add(&seen, cul_slice((const char *)key, sizeof(key)));
		if (at >= 0 && (size_t)at < c->section_count)
			continue;
		c->sections = at < 0 ? NULL : more(c, c->sections, c->section_count, sizeof(*c->sections));
		if (!c->sections) {
			status = NO_MEMORY(err, "sections");
			break;
		}
		c->sections[c->section_count++] = (struct case_section){
			.parser = words.items[parser].data, .streams = words.items[streams].data, .host = (int)key[2], .first = key[3],
			.last = key[4], .first_boot = key[5] };
	}
	case_strings_free(&words);
	case_strings_free(&seen);
	cul_arena_free(scratch);
	return status == CUL_OK ? ended(c, rc, "sections", err) : status;
}

static enum cul_status load_kinds(struct cul_case *c, struct cul_error *err)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(c->db, "SELECT id, name, version FROM kind", &s, err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct cul_slice name = column(s, 1);
		const struct cul_kind *kind = cul_kind_find(name);
		int64_t id = sqlite3_column_int64(s, 0);
		if (!kind)
			return cul_fail(err, CUL_ESTORE, "a kind \"%.*s\" that this version doesn't know: scan again",
					(int)(name.size > 80 ? 80 : name.size), name.size ? name.data : "");
		struct case_kind *k = case_kind_get(c, kind);
		if (!k)
			return NO_MEMORY(err, "kinds");
		if (k->id || id <= 0 || id > INT_MAX)
			return cul_fail(err, CUL_ESTORE, "kinds: garbled");
		k->id = (int)id;
		k->stored = true;
	}
	return status == CUL_OK ? ended(c, rc, "kinds", err) : status;
}

struct named {
	const char *id;
	size_t index;
};

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

/* Which of ours the scan looked for. */
static enum cul_status load_searched(struct cul_case *c, struct cul_error *err)
{
	size_t ours = c->interests ? c->interests->count : 0;
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	c->looked_for = calloc(ours + 1, sizeof(*c->looked_for));
	if (!c->looked_for)
		return NO_MEMORY(err, "interests");
	for (size_t i = 0; i < c->interest_count; i++)
		if (c->interest_of[i] >= 0)
			c->looked_for[c->interest_of[i]] = true;
	enum cul_status status = case_prepare(c->db, "SELECT hashes FROM searched LIMIT 1", &s, err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		const uint8_t *hashes = sqlite3_column_blob(s, 0);
		int size = sqlite3_column_bytes(s, 0);
		for (size_t i = 0; i < ours && hashes && size > 0; i++) {
			uint8_t hash[CASE_HASH];
			case_searched_hash(&c->interests->items[i], hash);
			if (bsearch(hash, hashes, (size_t)size / CASE_HASH, CASE_HASH, case_searched_order))
				c->looked_for[i] = true;
		}
	}
	return status == CUL_OK ? ended(c, rc, "interests", err) : status;
}

/* The interests that were met, found again among ours by id and pattern. */
static enum cul_status load_interests(struct cul_case *c, struct cul_error *err)
{
	size_t ours = c->interests ? c->interests->count : 0, room = 0;
	CUL_AUTO(cul_freep) struct named *sorted = NULL;
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(c->db, "SELECT id, name, pattern FROM interest ORDER BY id", &s, err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		if (sqlite3_column_int64(s, 0) != (int64_t)c->interest_count + 1)
			return cul_fail(err, CUL_ESTORE, "interests: numbers are missing");
		if (!sorted) {
			sorted = calloc(ours + 1, sizeof(*sorted));
			if (!sorted)
				return NO_MEMORY(err, "interests");
			for (size_t i = 0; i < ours; i++)
				sorted[i] = (struct named){ c->interests->items[i].id, i };
			qsort(sorted, ours, sizeof(*sorted), by_id);
		}
		if (c->interest_count == room) {
			room = room ? room * 2 : 64;
			int *grown = realloc(c->interest_of, room * sizeof(*grown));
			if (!grown)
				return NO_MEMORY(err, "interests");
			c->interest_of = grown;
		}
		int found = -1;
		struct named key = { (const char *)sqlite3_column_text(s, 1), 0 };
		const struct named *at = key.id ? bsearch(&key, sorted, ours, sizeof(*sorted), by_id) : NULL;
		if (at) {
			while (at > sorted && !strcmp(at[-1].id, key.id))
				at--;
			for (; at < sorted + ours && !strcmp(at->id, key.id); at++)
				if (case_pattern_hash(&c->interests->items[at->index]) == sqlite3_column_int64(s, 2))
					found = (int)at->index;
		}
		c->interest_of[c->interest_count++] = found;
	}
	if (status == CUL_OK)
		status = ended(c, rc, "interests", err);
	return status == CUL_OK ? load_searched(c, err) : status;
}

static enum cul_status load_damage(struct cul_case *c, struct cul_error *err)
{
	const struct cul_kind *kind = cul_kind_find(CUL_LIT("input.damaged"));
	struct case_kind *k = kind ? case_kind_get(c, kind) : NULL;
	if (!k || !k->stored)
		return CUL_OK;
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(c->db, "SELECT m.name, o.line, k.why FROM input_damaged_ k JOIN observation o ON o.id = k.id "
						     "LEFT JOIN member m ON m.id = o.member ORDER BY m.name, o.line, k.why LIMIT 10000", &s, err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		c->damage = more(c, c->damage, c->damage_count, sizeof(*c->damage));
		if (!c->damage)
			return NO_MEMORY(err, "damage");
		c->damage[c->damage_count++] = (struct cul_damage){ .source = case_text(c->arena, s, 0).data,
								    .line = sqlite3_column_int64(s, 1), .why = case_text(c->arena, s, 2).data };
	}
	return status == CUL_OK ? ended(c, rc, "damage", err) : status;
}

static enum cul_status load_templates(struct cul_case *c, struct cul_error *err)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	CUL_AUTO(case_finalizep) sqlite3_stmt *any = NULL;
	/* a small log has none, and the query below costs more to understand than all else that is loaded of it */
	if (sqlite3_prepare_v2(c->db, "SELECT 1 FROM template", -1, &any, NULL) == SQLITE_OK && sqlite3_step(any) == SQLITE_DONE)
		return CUL_OK;
	enum cul_status status = case_prepare(c->db, "SELECT t.text, t.n, t.first, iif(t.n = 1, t.first, t.last), t.severity, m.name, t.line, coalesce(t.specimen, t.text) "
						     "FROM template t "
						     "LEFT JOIN section s ON s.id = t.section LEFT JOIN member m ON m.id = s.member "
						     "ORDER BY t.first IS NULL, t.first, m.name, t.line, t.text LIMIT 1000", &s, err);
	int rc = SQLITE_DONE;
	while (status == CUL_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		c->templates = more(c, c->templates, c->template_count, sizeof(*c->templates));
		if (!c->templates)
			return NO_MEMORY(err, "templates");
		c->templates[c->template_count++] = (struct cul_template){
			.text = case_text(c->arena, s, 0).data, .n = sqlite3_column_int64(s, 1), .first_ns = case_time(s, 2),
			.last_ns = case_time(s, 3), .severity = sqlite3_column_int(s, 4), .source = case_text(c->arena, s, 5).data,
			.line = sqlite3_column_int64(s, 6), .specimen = case_text(c->arena, s, 7).data };
	}
	return status == CUL_OK ? ended(c, rc, "templates", err) : status;
}

enum cul_status case_load(struct cul_case *c, struct cul_error *err)
{
	enum cul_status (*const steps[])(struct cul_case *, struct cul_error *) = { load_hosts, load_gpus, load_members, load_sections,
										    load_kinds, load_interests, load_damage, load_templates };
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		enum cul_status status = steps[i](c, err);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}
