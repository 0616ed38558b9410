/* SPDX-License-Identifier: Apache-2.0 */
/** What placing found out -> the case: rows, hosts, GPUs, boots, sections and members. */
#include "store/place.h"

enum cul_status place_done(struct placing *p, sqlite3_stmt *s, const char *what)
{
	int rc = sqlite3_step(s);
	sqlite3_reset(s);
	return rc == SQLITE_DONE ? CUL_OK : case_fail(p->c->db, p->err, what);
}

static enum cul_status write_rows(struct placing *p)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = CUL_OK;
	for (size_t i = 0; i < p->count && status == CUL_OK; i++) {
		const struct placed *r = &p->rows[i];
		bool as_printed = r->time == r->raw && r->last == r->raw_last;
		int64_t onset = r->time == CUL_NO_TIME || r->since <= 0 ? CUL_NO_TIME : place_plus(r->time, -r->since);
		if (r->as_written && as_printed && onset == CUL_NO_TIME && r->uncertainty == place_slack(r->clock) && !r->host && r->boot < 0 &&
		    r->gpu < 0 && !r->copy)
			continue;
		if (!s)
			status = case_prepare(p->c->db, "UPDATE observation SET time=?, last=?, onset=?, uncertainty=?, host=?, boot=?, gpu=?, "
							"copy=?, raw=?, raw_last=? WHERE id = ?", &s, p->err);
		if (status != CUL_OK)
			return status;
		case_bind_time(s, 1, r->time);
		case_bind_time(s, 2, r->last == r->time ? CUL_NO_TIME : r->last);
		case_bind_time(s, 3, onset);
		sqlite3_bind_int64(s, 4, r->uncertainty);
		if (r->host >= 0)
			sqlite3_bind_int(s, 5, r->host);
		else
			sqlite3_bind_null(s, 5);
		if (r->boot >= 0)
			sqlite3_bind_int(s, 6, r->boot);
		else
			sqlite3_bind_null(s, 6);
		sqlite3_bind_text(s, 7, r->gpu >= 0 ? p->gpus[r->gpu].id : NULL, -1, SQLITE_STATIC);
		if (r->copy)
			sqlite3_bind_int64(s, 8, r->copy);
		else
			sqlite3_bind_null(s, 8);
		case_bind_time(s, 9, as_printed ? CUL_NO_TIME : r->raw);
		case_bind_time(s, 10, r->time == CUL_NO_TIME ? (r->raw_last == r->raw ? CUL_NO_TIME : r->raw_last) :
				      place_minus(r->raw_last, r->raw) == place_minus(r->last, r->time) ? CUL_NO_TIME : r->raw_last);
		sqlite3_bind_int64(s, 11, r->id);
		status = place_done(p, s, "rows");
	}
	return status;
}

static enum cul_status write_who(struct placing *p)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *host = NULL;
	CUL_AUTO(case_finalizep) sqlite3_stmt *gpu = NULL;
	enum cul_status status = case_prepare(p->c->db, "INSERT INTO host(id, name, boot, capture) VALUES(?,?,?,?)", &host, p->err);
	if (status == CUL_OK && p->gpu_count)
		status = case_prepare(p->c->db, "INSERT INTO gpu VALUES(?,?,?,?,?,?,?)", &gpu, p->err);
	for (size_t i = 0; i < p->host_count && status == CUL_OK; i++) {
		sqlite3_bind_int(host, 1, (int)i);
		sqlite3_bind_text(host, 2, p->hosts[i].name, -1, SQLITE_STATIC);
		case_bind_time(host, 3, p->hosts[i].boot);
		case_bind_time(host, 4, p->hosts[i].capture);
		status = place_done(p, host, "hosts");
	}
	for (size_t i = 0; i < p->gpu_count && status == CUL_OK; i++) {
		const struct place_gpu *g = &p->gpus[i];
		sqlite3_bind_text(gpu, 1, g->id, -1, SQLITE_STATIC);
		sqlite3_bind_int(gpu, 2, g->host);
		if (g->index >= 0)
			sqlite3_bind_int64(gpu, 3, g->index);
		else
			sqlite3_bind_null(gpu, 3);
		sqlite3_bind_text(gpu, 4, g->bdf, -1, SQLITE_STATIC);
		sqlite3_bind_text(gpu, 5, g->uuid, -1, SQLITE_STATIC);
		sqlite3_bind_text(gpu, 6, g->name, -1, SQLITE_STATIC);
		sqlite3_bind_text(gpu, 7, g->driver, -1, SQLITE_STATIC);
		status = place_done(p, gpu, "gpus");
	}
	return status;
}

/* Files of which nothing is known but the host that most is of. */
static enum cul_status write_others(struct placing *p)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(p->c->db, "UPDATE member SET host=? WHERE id=?", &s, p->err);
	size_t known = cul_case_source_count(p->c), at = 0;
	for (size_t i = 0; i < known && status == CUL_OK; i++) {
		if (at < p->member_count && p->members[at].id == (int)i + 1) {
			at++;
			continue;
		}
		if (p->others >= 0)
			sqlite3_bind_int(s, 1, p->others);
		else
			sqlite3_bind_null(s, 1);
		sqlite3_bind_int64(s, 2, (int64_t)i + 1);
		status = place_done(p, s, "places");
		if (!case_sources_place(&p->c->sources, i, p->others, CUL_NO_TIME, CUL_NO_TIME))
			status = cul_fail(p->err, CUL_ENOMEM, "places: out of memory");
	}
	return status;
}

static enum cul_status write_places(struct placing *p)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *member = NULL;
	CUL_AUTO(case_finalizep) sqlite3_stmt *section = NULL;
	enum cul_status status = case_prepare(p->c->db, "UPDATE member SET host=?, first=?, last=? WHERE id=?", &member, p->err);
	if (status == CUL_OK)
		status = case_prepare(p->c->db, "UPDATE section SET host=?, first=?, last=? WHERE id=?", &section, p->err);
	for (size_t i = 0; i < p->member_count + p->section_count && status == CUL_OK; i++) {
		bool is_member = i < p->member_count;
		size_t at = is_member ? i : i - p->member_count;
		sqlite3_stmt *s = is_member ? member : section;
		int host = is_member ? p->members[at].host : p->sections[at].host;
		int64_t first = is_member ? p->members[at].first : p->sections[at].from, last = is_member ? p->members[at].last : p->sections[at].to;
		if (!host && first == CUL_NO_TIME && last == CUL_NO_TIME && (is_member ? p->members[at].as_written : p->sections[at].as_written))
			continue;
		if (host >= 0)
			sqlite3_bind_int(s, 1, host);
		else
			sqlite3_bind_null(s, 1);
		case_bind_time(s, 2, first);
		case_bind_time(s, 3, last);
		sqlite3_bind_int64(s, 4, is_member ? p->members[at].id : (int64_t)at + 1);
		status = place_done(p, s, "places");
		if (is_member && !case_sources_place(&p->c->sources, (size_t)p->members[at].id - 1, host, first, last))
			status = cul_fail(p->err, CUL_ENOMEM, "places: out of memory");
	}
	return status == CUL_OK && p->others ? write_others(p) : status;
}

enum cul_status place_write(struct placing *p)
{
	enum cul_status status = write_who(p);
	if (status == CUL_OK)
		status = write_rows(p);
	return status == CUL_OK ? write_places(p) : status;
}
