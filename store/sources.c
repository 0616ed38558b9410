/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What a case knows of the files that it was made of. A bundle may hold half a million, of which most say nothing: twelve bytes each
 * in memory, their names in the database alone until somebody asks.
 */
#include "store/case.h"

#include <limits.h>

#define WIDE 0x7fff /* a reader's number: the rest stands in wide[lines] */
#define PAGE 256    /* names */

/* Room for one more. */
static bool more(void *array, size_t count, size_t *room, size_t size)
{
	void *held, *grown;
	if (count < *room)
		return true;
	size_t want = *room ? *room * 2 : 64;
	memcpy(&held, array, sizeof(held));
	grown = realloc(held, want * size);
	if (!grown)
		return false;
	memcpy(array, &grown, sizeof(grown));
	*room = want;
	return true;
}

static bool is_plain(const struct case_file *f)
{
	return f->first_ns == CUL_NO_TIME && f->last_ns == CUL_NO_TIME && f->bytes >= 0 && f->bytes <= UINT32_MAX && f->lines >= 0 && f->lines <= UINT32_MAX &&
	       f->host >= INT16_MIN && f->host <= INT16_MAX && f->reader < WIDE - 1;
}

static bool put(struct case_sources *s, size_t at, const struct case_file *f)
{
	struct case_source *to = &s->items[at];
	if (to->reader != WIDE && is_plain(f)) {
		*to = (struct case_source){ (uint32_t)f->bytes, (uint32_t)f->lines, (unsigned)(f->reader + 1) & WIDE, f->rooted, (int16_t)f->host };
		return true;
	}
	if (to->reader != WIDE) {
		if (s->wide_count >= UINT32_MAX || !more(&s->wide, s->wide_count, &s->wide_room, sizeof(*s->wide)))
			return false;
		*to = (struct case_source){ 0, (uint32_t)s->wide_count++, WIDE, f->rooted, 0 };
	}
	s->wide[to->lines] = *f;
	return true;
}

bool case_sources_add(struct case_sources *s, const char *name, const struct cul_source *source, struct cul_slice read_as)
{
	if (!s->arena && !(s->arena = cul_arena_new()))
		return false;
	s->readers.arena = s->arena;
	struct case_file f = { source->bytes, source->lines, source->first_ns, source->last_ns, source->host, -1, place_root_size(name) > 0 };
	if (read_as.data && (f.reader = case_strings_add(&s->readers, read_as)) < 0)
		return false;
	if (s->count >= INT_MAX || !more(&s->items, s->count, &s->room, sizeof(*s->items)))
		return false;
	s->items[s->count] = (struct case_source){ 0 };
	return put(s, s->count, &f) && ++s->count;
}

static struct case_file file_of(const struct case_sources *s, size_t i)
{
	const struct case_source *from = &s->items[i];
	if (from->reader == WIDE)
		return s->wide[from->lines];
	return (struct case_file){ from->bytes, from->lines, CUL_NO_TIME, CUL_NO_TIME, from->host, (int)from->reader - 1, from->rooted };
}

bool case_sources_place(struct case_sources *s, size_t i, int host, int64_t first, int64_t last)
{
	struct case_file f = file_of(s, i);
	f.host = host;
	f.first_ns = first;
	f.last_ns = last;
	return put(s, i, &f);
}

bool case_sources_rooted(const struct case_sources *s, size_t i)
{
	return s->items[i].rooted;
}

bool case_sources_as_written(const struct case_sources *s, size_t i)
{
	struct case_file f = file_of(s, i);
	return !f.host && f.first_ns == CUL_NO_TIME && f.last_ns == CUL_NO_TIME;
}

void case_sources_free(struct case_sources *s)
{
	for (size_t i = 0; s->names && i <= s->count / PAGE; i++)
		free(s->names[i]);
	free(s->names);
	free(s->items);
	free(s->wide);
	case_strings_free(&s->readers);
	sqlite3_finalize(s->name);
	cul_arena_free(s->arena);
	*s = (struct case_sources){ 0 };
}

size_t cul_case_source_count(const struct cul_case *c)
{
	return c->sources.count;
}

bool cul_case_source(const struct cul_case *c, size_t i, struct cul_source *ret)
{
	if (i >= c->sources.count)
		return false;
	struct case_file f = file_of(&c->sources, i);
	*ret = (struct cul_source){ f.bytes, f.lines, f.reader < 0 ? NULL : c->sources.readers.items[f.reader].data, f.first_ns, f.last_ns, f.host };
	return true;
}

static const char *read_name(struct cul_case *c, int i)
{
	struct case_sources *s = &c->sources;
	const char *ret = NULL;
	if (!s->name && sqlite3_prepare_v2(c->db, "SELECT name FROM member WHERE id = ?", -1, &s->name, NULL) != SQLITE_OK)
		return NULL;
	sqlite3_bind_int64(s->name, 1, (int64_t)i + 1);
	if (sqlite3_step(s->name) == SQLITE_ROW)
		ret = case_text(s->arena, s->name, 0).data;
	sqlite3_reset(s->name);
	return ret;
}

const char *cul_case_source_name(struct cul_case *c, int source)
{
	struct case_sources *s = &c->sources;
	if (source < 0 || (size_t)source >= s->count)
		return "?";
	if (!s->names && !(s->names = calloc(s->count / PAGE + 1, sizeof(*s->names))))
		return "?";
	const char ***page = &s->names[source / PAGE], **name;
	if (!*page && !(*page = calloc(PAGE, sizeof(**page))))
		return "?";
	name = &(*page)[source % PAGE];
	if (!*name)
		*name = read_name(c, source);
	return *name ? *name : "?";
}
