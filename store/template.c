/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Suspicious records that nobody understood -> a bounded table of templates.
 *
 * A message is split at blanks; words with digits, long hex and quoted strings become <*>. Messages
 * with as many words and the same first fixed word meet, as in Drain (He and others, ICWS 2017), when
 * most of their words are equal; what differs becomes <*> too.
 */
#include "store/case.h"

#define WORDS 24
#define BUCKETS 2048
#define CHAIN 32 /* templates looked at for one message */
#define TEXT 400

struct template {
	struct template *next;      /* of its bucket */
	uint64_t hash;              /* of the words as first masked */
	struct cul_slice words[WORDS];
	size_t count;
	int64_t n;
	int severity;
	const char *specimen;
	int64_t section, line, last_section, last_line;
	struct cul_time first, last;
};

struct case_templates {
	struct cul_arena *arena;
	struct template *buckets[BUCKETS];
	struct template *all[CASE_TEMPLATES];
	size_t count;
	uint64_t recent_hash[256];
	struct template *recent[256];
};

struct case_templates *case_templates_new(void)
{
	struct case_templates *t = calloc(1, sizeof(*t));
	if (t && !(t->arena = cul_arena_new())) {
		free(t);
		return NULL;
	}
	return t;
}

void case_templates_free(struct case_templates *t)
{
	if (!t)
		return;
	cul_arena_free(t->arena);
	free(t);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* A word that names an instance, not what happened. */
static bool varies(struct cul_slice word)
{
	size_t hex = 0;
	for (size_t i = 0; i < word.size; i++) {
		if (is_digit(word.data[i]))
			return true;
		hex += is_hex(word.data[i]);
	}
	return (word.size >= 8 && hex + 2 >= word.size) || word.size > 60 ||
	       (word.size > 2 && (word.data[0] == '"' || word.data[0] == '\'') && word.data[word.size - 1] == word.data[0]);
}

static const struct cul_slice star = { "<*>", 3 };

static size_t split(struct cul_slice text, struct cul_slice *words, uint64_t *hash)
{
	size_t count = 0;
	if (text.size > TEXT)
		text.size = TEXT;
	*hash = 77;
	for (;;) {
		struct cul_slice word = cul_word(&text);
		if (!word.size)
			break;
		if (varies(word))
			word = star;
		if (word.data == star.data && count && words[count - 1].data == star.data)
			continue;
		if (count == WORDS) {
			words[count - 1] = star;
			break;
		}
		words[count++] = word;
	}
	for (size_t i = 0; i < count; i++)
		*hash = case_hash(*hash, words[i].data, words[i].size);
	return count;
}

static size_t bucket_of(const struct cul_slice *words, size_t count)
{
	uint64_t hash = count;
	for (size_t i = 0; i < count; i++)
		if (words[i].data != star.data) {
			hash = case_hash(hash, words[i].data, words[i].size);
			break;
		}
	return hash % BUCKETS;
}

static bool similar(const struct template *t, const struct cul_slice *words, size_t count)
{
	size_t same = 0, fixed = 0;
	if (t->count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		bool equal = cul_is(t->words[i], words[i]);
		same += equal;
		fixed += equal && words[i].data != star.data;
	}
	return fixed && same * 10 >= count * 6;
}

static enum cul_status insert(struct case_templates *t, const struct template *from, const struct cul_slice *words, size_t count,
			      struct template **ret)
{
	struct template *made = cul_arena_get(t->arena, sizeof(*made));
	if (!made)
		return CUL_ENOMEM;
	*made = *from;
	made->count = count;
	for (size_t i = 0; i < count; i++) {
		char *copy = words[i].data == star.data ? (char *)(uintptr_t)star.data : cul_arena_copy(t->arena, words[i]);
		if (!copy)
			return CUL_ENOMEM;
		made->words[i] = cul_slice(copy, words[i].size);
	}
	size_t bucket = bucket_of(words, count);
	made->next = t->buckets[bucket];
	t->buckets[bucket] = made;
	t->all[t->count++] = made;
	*ret = made;
	return CUL_OK;
}

static struct template *lookup(struct case_templates *t, const struct cul_slice *words, size_t count)
{
	size_t looked = 0;
	for (struct template *at = t->buckets[bucket_of(words, count)]; at && looked < CHAIN; at = at->next, looked++)
		if (similar(at, words, count))
			return at;
	return NULL;
}

enum cul_status case_templates_add(struct case_templates *t, const struct cul_observation *o)
{
	struct cul_slice words[WORDS];
	uint64_t hash;
	size_t count = split(o->text, words, &hash);
	if (!count)
		return CUL_OK;
	struct template *found = t->recent_hash[hash % 256] == hash ? t->recent[hash % 256] : NULL;
	if (!found)
		found = lookup(t, words, count);
	if (!found) {
		/* the table is full: what comes now is only counted, in one template of everything */
		bool last = t->count == CASE_TEMPLATES - 1;
		if (t->count >= CASE_TEMPLATES) {
			found = t->all[CASE_TEMPLATES - 1];
		} else {
			struct cul_slice specimen = o->text;
			if (specimen.size > CASE_TEXT)
				specimen.size = CASE_TEXT;
			struct template from = { .hash = hash, .severity = o->severity, .section = o->section, .line = o->line,
						 .last_section = o->section, .last_line = o->line, .first = o->time, .last = o->time };
			from.specimen = cul_arena_copy(t->arena, specimen);
			if (!from.specimen)
				return CUL_ENOMEM;
			enum cul_status status = insert(t, &from, last ? &star : words, last ? 1 : count, &found);
			if (status != CUL_OK)
				return status;
		}
	} else {
		for (size_t i = 0; i < found->count && i < count; i++)
			if (!cul_is(found->words[i], words[i]))
				found->words[i] = star;
	}
	t->recent_hash[hash % 256] = hash;
	t->recent[hash % 256] = found;
	found->n++;
	if (o->severity >= 0 && (found->severity < 0 || o->severity < found->severity))
		found->severity = o->severity;
	if (found->n > 1) {
		found->last = o->time;
		found->last_section = o->section;
		found->last_line = o->line;
	}
	return CUL_OK;
}

/* As printed in @column and, where placing won't leave it so, in @raw, which clock and flags follow. */
static void bind_time(sqlite3_stmt *s, int column, int raw, const struct cul_time *t)
{
	bool whole = !t->no_year && !t->no_date && (t->clock == CUL_CLOCK_UTC || t->clock == CUL_CLOCK_LOCAL);
	case_bind_time(s, column, t->ns);
	case_bind_time(s, raw, whole ? CUL_NO_TIME : t->ns);
	sqlite3_bind_int(s, raw + 1, t->ns == CUL_NO_TIME ? CUL_CLOCK_NONE : (int)t->clock);
	sqlite3_bind_int(s, raw + 2, (t->no_year ? 1 : 0) | (t->no_date ? 2 : 0));
}

static struct cul_time column_time(sqlite3_stmt *s, int column)
{
	int clock = sqlite3_column_int(s, column + 1), flags = sqlite3_column_int(s, column + 2);
	struct cul_time t = { .ns = case_time(s, column), .clock = clock >= 0 && clock <= CUL_CLOCK_BOOT ? (enum cul_clock)clock : CUL_CLOCK_NONE,
			      .no_year = flags & 1, .no_date = flags & 2 };
	return t;
}

enum cul_status case_templates_write(struct case_templates *t, sqlite3 *db, struct cul_error *err)
{
	if (!t->count)
		return CUL_OK;
	enum cul_status status = case_exec(db, "DELETE FROM template", err);
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	if (status == CUL_OK)
		status = case_prepare(db, "INSERT INTO template VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", &s, err);
	for (size_t i = 0; i < t->count && status == CUL_OK; i++) {
		const struct template *at = t->all[i];
		char text[TEXT + WORDS * 4 + 8];
		size_t n = 0;
		for (size_t j = 0; j < at->count; j++) {
			if (n + at->words[j].size + 2 > sizeof(text))
				break;
			if (n)
				text[n++] = ' ';
			memcpy(text + n, at->words[j].data, at->words[j].size);
			n += at->words[j].size;
		}
		sqlite3_bind_int64(s, 1, (int64_t)i + 1);
		sqlite3_bind_text(s, 2, text, (int)n, SQLITE_STATIC);
		sqlite3_bind_int64(s, 3, at->n);
		sqlite3_bind_int(s, 4, at->severity);
		sqlite3_bind_text(s, 5, cul_is(cul_str(at->specimen), cul_slice(text, n)) ? NULL : at->specimen, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 6, at->section);
		sqlite3_bind_int64(s, 7, at->line);
		bind_time(s, 16, 10, &at->first);
		if (at->n > 1) {
			sqlite3_bind_int64(s, 8, at->last_section);
			sqlite3_bind_int64(s, 9, at->last_line);
			bind_time(s, 17, 13, &at->last);
		}
		if (sqlite3_step(s) != SQLITE_DONE)
			status = case_fail(db, err, "templates");
		sqlite3_reset(s);
		sqlite3_clear_bindings(s);
	}
	return status;
}

enum cul_status case_templates_load(struct case_templates *t, sqlite3 *db, struct cul_error *err)
{
	CUL_AUTO(case_finalizep) sqlite3_stmt *s = NULL;
	enum cul_status status = case_prepare(db, "SELECT id, text, n, severity, coalesce(specimen, text), section, line, last_section, last_line, "
					"coalesce(raw_first, first), first_clock, first_flags, coalesce(raw_last, last), last_clock, last_flags "
					"FROM template ORDER BY id LIMIT 1000", &s, err);
	if (status != CUL_OK)
		return status;
	int rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW && t->count < CASE_TEMPLATES) {
		struct cul_slice text = case_text(t->arena, s, 1), words[WORDS];
		struct template *made, from = { .n = sqlite3_column_int64(s, 2), .severity = sqlite3_column_int(s, 3),
						.section = sqlite3_column_int64(s, 5), .line = sqlite3_column_int64(s, 6),
						.last_section = sqlite3_column_int64(s, 7), .last_line = sqlite3_column_int64(s, 8),
						.first = column_time(s, 9), .last = column_time(s, 12) };
		if (from.n == 1) {
			from.last_section = from.section;
			from.last_line = from.line;
			from.last = from.first;
		}
		from.specimen = case_text(t->arena, s, 4).data;
		size_t count = 0;
		for (struct cul_slice word = cul_word(&text); word.size && count < WORDS; word = cul_word(&text))
			words[count++] = cul_is(word, star) ? star : word;
		if (!count)
			words[count++] = star;
		if (insert(t, &from, words, count, &made) != CUL_OK)
			return cul_fail(err, CUL_ENOMEM, "templates: out of memory");
	}
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? CUL_OK : case_fail(db, err, "templates");
}
