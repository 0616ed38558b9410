/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A person's or a rule's query over the case: one statement that reads, within limits.
 *
 * The authorizer lets it select, read and call functions; the progress handler counts steps and
 * looks at SQLite's memory. Nothing here can write, attach, set or load.
 */
#include "store/case.h"

#define STEPS 10000            /* VM steps between two looks */
#define MOST_STEPS 500000000   /* some ten seconds */
#define MOST_MEMORY (INT64_C(256) << 20)
#define MOST_COLUMNS 256

static int allow(void *ctx, int action, const char *a, const char *b, const char *database, const char *trigger)
{
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return b && (!sqlite3_stricmp(b, "load_extension") || !sqlite3_stricmp(b, "fts3_tokenizer") ||
			     !sqlite3_stricmp(b, "zeroblob") || !sqlite3_stricmp(b, "randomblob")) ? SQLITE_DENY : SQLITE_OK;
	default:
		return SQLITE_DENY;
	}
}

static int enough(void *ctx)
{
	struct cul_case *c = ctx;
	c->steps += STEPS;
	return c->steps > MOST_STEPS || sqlite3_memory_used() > c->memory + MOST_MEMORY;
}

static bool only_blanks(const char *text)
{
	for (; text && *text; text++)
		if (!strchr(" \t\r\n;", *text))
			return false;
	return true;
}

static enum cul_status run(struct cul_case *c, const char *query, bool (*row)(void *, int64_t, int, const char *const *), void *ctx,
			   struct cul_error *err)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	const char *rest = NULL, *texts[MOST_COLUMNS];
	int rc = sqlite3_prepare_v2(c->db, query, -1, &s, &rest);
	if (rc != SQLITE_OK)
		return cul_fail(err, rc == SQLITE_NOMEM ? CUL_ENOMEM : CUL_EUSE, "query: %s", sqlite3_errmsg(c->db));
	if (!s)
		return cul_fail(err, CUL_EUSE, "query: nothing to do");
	if (!only_blanks(rest))
		return cul_fail(err, CUL_EUSE, "query: one statement at a time");
	if (!sqlite3_stmt_readonly(s))
		return cul_fail(err, CUL_EUSE, "query: a case is only read");
	int columns = sqlite3_column_count(s);
	if (columns > MOST_COLUMNS)
		return cul_fail(err, CUL_ELIMIT, "query: more than %d columns", MOST_COLUMNS);
	for (int i = 0; i < columns; i++)
		texts[i] = sqlite3_column_name(s, i);
	if (!row(ctx, 0, columns, texts))
		return CUL_OK;
	for (int64_t number = 1; (rc = sqlite3_step(s)) == SQLITE_ROW; number++) {
		for (int i = 0; i < columns; i++)
			texts[i] = (const char *)sqlite3_column_text(s, i);
		if (!row(ctx, number, columns, texts))
			return CUL_OK;
	}
	if (rc == SQLITE_DONE)
		return CUL_OK;
	if (rc == SQLITE_INTERRUPT)
		return cul_fail(err, CUL_ELIMIT, "query: took more than %d million steps or too much memory", MOST_STEPS / 1000000);
	return cul_fail(err, rc == SQLITE_NOMEM ? CUL_ENOMEM : CUL_ESTORE, "query: %s", sqlite3_errmsg(c->db));
}

enum cul_status cul_case_sql(struct cul_case *c, const char *query,
			     bool (*row)(void *ctx, int64_t number, int columns, const char *const *texts), void *ctx, struct cul_error *err)
{
	if (!err && case_lacks_table(c, query))
		return CUL_EUSE; /* and nobody asks why */
	c->steps = 0;
	c->memory = sqlite3_memory_used();
	sqlite3_set_authorizer(c->db, allow, NULL);
	sqlite3_progress_handler(c->db, STEPS, enough, c);
	enum cul_status status = run(c, query, row, ctx, err);
	sqlite3_progress_handler(c->db, 0, NULL, NULL);
	sqlite3_set_authorizer(c->db, NULL, NULL);
	return status;
}
