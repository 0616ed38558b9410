/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Can a rule's query only fail, because the table of a kind that it reads from isn't there? Most queries are about what few bundles
 * hold, and the long ones take SQLite 40 us each until it finds that out.
 *
 * "FROM fr_group", "JOIN fr_group" name a table, unless a WITH before made one of that name. A table of WITH that nobody reads from behind its own
 * body is never looked up, nor is what it reads from: then, and wherever the text isn't plain (comments, quoted names, a WITH within), the
 * answer is "perhaps not", and SQLite decides.
 */
#include "store/case.h"

#define MADE 16 /* tables of WITH */

enum token { END, WORD, MARK, OTHER };

struct reader {
	const char *at;
	struct cul_slice word;
	char mark;
	bool odd; /* not plain */
};

struct made {
	struct cul_slice name;
	const char *end; /* of its body */
	bool read;
};

static bool in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static enum token next(struct reader *r)
{
	r->at += strspn(r->at, " \t\r\n\f");
	const char *from = r->at;
	if (!*from)
		return END;
	if (in_word(*from)) {
		while (in_word(*r->at))
			r->at++;
		r->word = cul_slice(from, (size_t)(r->at - from));
		return WORD;
	}
	if (*from == '\'') {
		const char *end = strchr(from + 1, '\'');
		r->odd |= !end;
		r->at = end ? end + 1 : from + strlen(from); /* 'it''s' are two */
		return OTHER;
	}
	r->odd |= strchr("\"[`", *from) || (from[0] == '-' && from[1] == '-') || (from[0] == '/' && from[1] == '*');
	r->at++;
	r->mark = *from;
	return MARK;
}

static bool is_word(const struct reader *r, enum token t, const char *word)
{
	return t == WORD && cul_is_nocase(r->word, cul_str(word));
}

/* Behind the parenthesis that closes the one just read. */
static bool skip_body(struct reader *r)
{
	for (size_t depth = 1; depth;) {
		enum token t = next(r);
		if (t == END)
			return false;
		depth += t == MARK && r->mark == '(';
		depth -= t == MARK && r->mark == ')';
	}
	return true;
}

/* WITH [RECURSIVE] name [(columns)] AS [[NOT] MATERIALIZED] (body), ...: false: it isn't that. */
static bool read_with(struct reader *r, struct made *made, size_t *count)
{
	enum token t = next(r);
	if (is_word(r, t, "recursive"))
		t = next(r);
	for (;; t = next(r)) {
		if (t != WORD || *count == MADE)
			return false;
		struct made *m = &made[(*count)++];
		*m = (struct made){ .name = r->word };
		if ((t = next(r)) == MARK && r->mark == '(') {
			if (!skip_body(r))
				return false;
			t = next(r);
		}
		if (!is_word(r, t, "as"))
			return false;
		t = next(r);
		if (is_word(r, t, "not"))
			t = next(r);
		if (is_word(r, t, "materialized"))
			t = next(r);
		if (t != MARK || r->mark != '(' || !skip_body(r))
			return false;
		m->end = r->at;
		struct reader ahead = *r;
		if (next(&ahead) != MARK || ahead.mark != ',')
			return true;
		*r = ahead;
	}
}

/* A kind's view that was not made. */
static bool is_missing(struct cul_case *c, struct cul_slice name)
{
	const struct cul_kind *const *kinds = cul_kinds();
	char table[128];

	if (name.size + 2 > sizeof(table))
		return false;
	for (; *kinds; kinds++) {
		const char *kind = (*kinds)->name;
		size_t i = 0;
		while (i < name.size && kind[i] && (kind[i] == name.data[i] || ((kind[i] == '.' || kind[i] == '-') && name.data[i] == '_')))
			i++;
		if (i < name.size || kind[i])
			continue;
		snprintf(table, sizeof(table), "%.*s_", (int)name.size, name.data);
		return sqlite3_table_column_metadata(c->db, NULL, table, NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_ERROR;
	}
	return false;
}

bool case_lacks_table(struct cul_case *c, const char *query)
{
	struct made made[MADE];
	size_t count = 0;
	struct reader r = { .at = query };
	bool missing = false, distinct = false;
	enum token t = next(&r);

	if (is_word(&r, t, "with") && !read_with(&r, made, &count))
		return false;
	r.at = query;
	for (bool first = true; (t = next(&r)) != END; first = false) {
		if (is_word(&r, t, "with") && !first)
			return false;
		bool from = (is_word(&r, t, "from") && !distinct) || is_word(&r, t, "join");
		distinct = is_word(&r, t, "distinct"); /* a IS DISTINCT FROM b */
		if (!from)
			continue;
		struct reader name = r, behind;
		if (next(&name) != WORD)
			continue;
		behind = name;
		if (next(&behind) == MARK && (behind.mark == '.' || behind.mark == '('))
			continue;
		bool own = false;
		for (size_t i = 0; i < count; i++) {
			if (!cul_is_nocase(made[i].name, name.word))
				continue;
			own = true;
			made[i].read |= r.at > made[i].end;
		}
		missing = missing || (!own && is_missing(c, name.word));
	}
	for (size_t i = 0; i < count; i++)
		missing &= made[i].read;
	return missing && !r.odd;
}
