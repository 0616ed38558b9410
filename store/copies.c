/* SPDX-License-Identifier: Apache-2.0 */
/**
 * One kernel line that stands in several files counts once, and what the hosts are, from the rows placed on them.
 *
 * dmesg, the journal and syslog hold the same lines: a row of one kind with the same fields, on one boot, at one time since it, or
 * at one time of day, in another member, is a copy.
 */
#include "store/place.h"

#include <stdlib.h>

#define COPY (2 * CUL_SECOND)

int place_order(const void *a, const void *b)
{
	const struct placed *x = *(struct placed *const *)a, *y = *(struct placed *const *)b;
	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* ---- copies ----------------------------------------------------------------------------------- */

static int by_likeness(const void *a, const void *b)
{
	const struct placed *x = *(struct placed *const *)a, *y = *(struct placed *const *)b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->host != y->host)
		return x->host < y->host ? -1 : 1;
	int64_t tx = x->time != CUL_NO_TIME ? x->time : x->raw_boot, ty = y->time != CUL_NO_TIME ? y->time : y->raw_boot;
	if ((x->time == CUL_NO_TIME) != (y->time == CUL_NO_TIME))
		return x->time == CUL_NO_TIME ? -1 : 1;
	if (tx != ty)
		return tx < ty ? -1 : 1;
	return place_order(a, b);
}

static bool is_copy(const struct placed *x, const struct placed *y)
{
	if (x->member == y->member || x->hash != y->hash || x->kind != y->kind || x->host != y->host)
		return false;
	if (x->raw_boot != CUL_NO_TIME && y->raw_boot != CUL_NO_TIME && (x->boot == y->boot || x->time == CUL_NO_TIME)) {
		if (llabs(place_minus(x->raw_boot, y->raw_boot)) < 2000000)
			return true;
		if (x->n == 1 && y->n == 1)
			return false;
	}
	if (x->time == CUL_NO_TIME || y->time == CUL_NO_TIME)
		return false;
	/* runs are copies of each other where they overlap: a buffer may have lost the run's head */
	return x->time <= y->last + COPY && y->time <= x->last + COPY;
}

/* Does the name of @a's member come before that of @b's? 0: they are equal. */
static int by_members(sqlite3_stmt *s, const struct placed *a, const struct placed *b)
{
	sqlite3_bind_int(s, 1, a->member);
	sqlite3_bind_int(s, 2, b->member);
	int order = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int(s, 0) : 0;
	sqlite3_reset(s);
	return order;
}

enum cul_status place_copies(struct placing *p, struct placed **order)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *names = NULL;
	enum cul_status status = case_prepare(p->c->db, "SELECT (a.name > b.name) - (a.name < b.name) FROM member a, member b WHERE a.id = ? AND b.id = ?",
					      &names, p->err);
	if (status != CUL_OK)
		return status;
	qsort(order, p->count, sizeof(*order), by_likeness);
	for (size_t i = 0; i < p->count; i++) {
		struct placed *x = order[i];
		if (!x->kernel || !x->hash || x->copy)
			continue;
		for (size_t j = i + 1; j < p->count && j < i + PLACE_GROUP && order[j]->hash == x->hash && !x->copy; j++) {
			struct placed *y = order[j];
			if (!y->kernel || y->copy || !is_copy(x, y))
				continue;
			/* the fuller run stays; else the first by the member's name */
			bool keep_x = x->n != y->n ? x->n > y->n : x->time != CUL_NO_TIME;
			if (x->n == y->n && (x->time == CUL_NO_TIME) == (y->time == CUL_NO_TIME)) {
				int order_of_names = by_members(names, x, y);
				keep_x = order_of_names ? order_of_names < 0 : x->id < y->id;
			}
			if (keep_x)
				y->copy = x->id;
			else
				x->copy = y->id;
		}
	}
	return CUL_OK;
}

/* ---- facts about hosts ------------------------------------------------------------------------ */

struct fact {
	const char *field, *column; /* of a kind -> of the host */
	const char *kind;           /* NULL: any; else the kind's name begins so */
};

enum cul_status place_facts(struct placing *p)
{
	static const struct fact facts[] = {
		{ "kernel", "kernel", NULL },      { "os", "os", NULL },          { "product", "model", NULL },   { "system_model", "model", NULL },
		{ "cpu_model", "cpu", NULL },      { "cpus", "cpus", NULL },      { "total_mib", "memory_mib", "host.memory" }, { "load_1m", "load_1m", NULL },
	};
	for (size_t f = 0; f < sizeof(facts) / sizeof(facts[0]); f++)
		for (size_t i = 0; i < p->c->kind_count; i++) {
			const struct case_kind *k = p->c->kinds[i];
			if (!k->stored || !place_has(k->kind, facts[f].field) ||
			    (facts[f].kind && !cul_starts(cul_str(k->kind->name), cul_str(facts[f].kind))))
				continue;
			/* the last word counts: of a load, and of a kernel after a reboot; the kind's rows are walked once, whatever hosts there are */
			char *sql = sqlite3_mprintf("UPDATE host SET \"%w\" = said.value FROM (SELECT o.host AS host, k.\"%w\" AS value, row_number() OVER "
						    "(PARTITION BY o.host ORDER BY o.time IS NOT NULL DESC, o.time DESC, o.member, o.line DESC) AS place "
						    "FROM \"%w_\" k CROSS JOIN observation o WHERE o.id = k.id AND k.\"%w\" IS NOT NULL) AS said "
						    "WHERE said.host = host.id AND said.place = 1",
						    facts[f].column, facts[f].field, k->table, facts[f].field);
			if (!sql)
				return cul_fail(p->err, CUL_ENOMEM, "hosts: out of memory");
			enum cul_status status = case_exec(p->c->db, sql, p->err);
			sqlite3_free(sql);
			if (status != CUL_OK)
				return status;
		}
	return CUL_OK;
}
