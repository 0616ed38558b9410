/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which of very many unlike lines become rows.
 *
 * Equal lines are one run. A storm's lines differ: a pid, an address, a sector in each. Those that differ in such things only
 * are alike: one kind or pattern, one code, one GPU, one text but for its digits. While the rows of a file are small beside the
 * file each line is a row, up to SOME of one likeness; beyond that ever fewer are, and the row before counts those that are left
 * out behind it: its n and its last time are theirs too. So counts, spans and rates stay what they were, the first and the last
 * are always there, and what comes once in a storm of others is a row. Where even so they become too many, fewer likenesses are told
 * apart, but each kind's first line of a host is a row. What is kept depends on the file alone.
 */
#include "store/case.h"

#define SLOTS 8192      /* a power of two; of likenesses in one member */
#define PROBES 16
#define CODES 256       /* of one kind or pattern: combinations of codes and devices; further ones are one */
#define VALUES 64       /* of one field of a kind: what is new up to so many is a row */
#define VALUES_FEW 32   /* the same where the rows are too many, unless the field names a device or the like */
#define SOME 256        /* rows of one likeness before any is left out */
#define TEXT 96         /* bytes of a text that tell */
#define BASE 65536      /* bytes of rows that each file may have */
#define SHARE 512       /* and of its bytes so far, one in so many */
#define BASE_MOST 131072 /* the same of rows that are no samples, beyond which they are too many: what the storm is about has been told */
#define SHARE_MOST 192
#define LEAST 1024      /* bytes of rows that each kind and pattern may have, however many the others' are */
#define BOOT_SLACK (2 * CUL_SECOND)

/* Of one kind or pattern, by how many rows the file has. */
static const struct {
	uint32_t codes; /* combinations of codes and devices, beside those with a value that is new; further ones are one */
	uint32_t texts; /* these with their texts; further ones are one with all of their combination */
	uint32_t apart; /* rows that would be left out, but come a minute or more behind the one like them */
} limits[] = { [CASE_FEW] = { CODES, 256, 2000 }, [CASE_MANY] = { 16, 16, 32 }, [CASE_TOO_MANY] = { 4, 4, 8 } };

struct alike {
	uint64_t key;
	uint32_t apart, codes, texts; /* of a kind or pattern */
	int section;
	bool counted;
	int64_t bytes;           /* of a kind or pattern: of its rows */
	int64_t seen, row, extra; /* the last row, and how many it stands for beside itself */
	int64_t last, boot_last;
};

struct case_storm {
	uint32_t turn, used_count;
	int64_t bytes;           /* of the member's rows */
	int64_t unlike;          /* of these, of rows that are no samples */
	struct alike *kind;      /* of the line at hand */
	struct {
		uint32_t turn; /* of which member; another: empty */
		uint32_t at;
	} places[SLOTS];           /* by key */
	struct alike slots[SLOTS]; /* one behind the other: those of few likenesses lie together */
};

struct case_storm *case_storm_new(void)
{
	struct case_storm *t = calloc(1, sizeof(*t));
	if (t)
		t->turn = 1;
	return t;
}

void case_storm_free(struct case_storm *t)
{
	free(t);
}

void case_storm_clear(struct case_storm *t)
{
	t->turn++;
	t->used_count = 0;
	t->bytes = t->unlike = 0;
	t->kind = NULL;
	if (!t->turn) {
		memset(t->places, 0, sizeof(t->places));
		t->turn = 1;
	}
}

void case_storm_spend(struct case_storm *t, int64_t bytes, bool sample)
{
	t->bytes += bytes;
	t->unlike += sample ? 0 : bytes;
	if (t->kind)
		t->kind->bytes += bytes;
}

enum case_many case_storm_over(const struct case_storm *t, int64_t offset)
{
	if (offset < 0)
		offset = 0;
	if (t->bytes <= BASE + offset / SHARE)
		return CASE_FEW;
	return t->unlike <= BASE_MOST + offset / SHARE_MOST ? CASE_MANY : CASE_TOO_MANY;
}

/* A text but for its digits and what else is written in hexadecimal. */
static uint64_t hash_text(uint64_t key, struct cul_slice text)
{
	char held[TEXT];
	size_t n = 0;
	for (size_t i = 0; i < text.size && n < TEXT; i++) {
		char c = text.data[i];
		bool digit = c >= '0' && c <= '9';
		if (!digit && !(n && held[n - 1] == '0' && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))))
			held[n++] = c;
		else if (!n || held[n - 1] != '0')
			held[n++] = '0';
	}
	return case_hash(key, held, n);
}

static uint64_t magnitude(const struct cul_value *v)
{
	return v->i < 0 ? 0 - (uint64_t)v->i : (uint64_t)v->i;
}

/* A measure, an address: no code, no index. */
static bool is_large(const struct cul_value *v)
{
	return v->type == CUL_INT && v->field->entity == CUL_ENTITY_NONE && (magnitude(v) >= 1024 || (v->field->unit && v->field->unit[0]));
}

static uint64_t hash_value(uint64_t key, const struct cul_value *v)
{
	const struct cul_field *f = v->field;
	if (f->entity == CUL_ENTITY_PID || v->type == CUL_REAL || v->type == CUL_ABSENT)
		return key;
	key = case_hash(key, f->name, strlen(f->name));
	if (v->type == CUL_TEXT)
		return f->entity == CUL_ENTITY_NONE ? hash_text(key, v->s) : case_hash(key, v->s.data, v->s.size);
	/* a code, an index; of a measure its magnitude */
	uint64_t u = (uint64_t)v->i;
	if (is_large(v))
		u = UINT64_C(1) << 32 | (uint64_t)(u ? 64 - __builtin_clzll(magnitude(v)) : 0);
	return case_hash(key, &u, sizeof(u));
}

/* What is written freely, not the name of a device or host. */
static bool is_text(const struct cul_value *v)
{
	return v->type == CUL_TEXT && v->field->entity == CUL_ENTITY_NONE;
}

static struct alike *find(struct case_storm *t, uint64_t key, bool make)
{
	for (size_t i = 0; i < PROBES; i++) {
		size_t place = (size_t)((key + i) & (SLOTS - 1));
		struct alike *s = &t->slots[t->places[place].at];
		if (t->places[place].turn == t->turn) {
			if (s->key == key)
				return s;
			continue;
		}
		if (!make)
			return NULL;
		s = &t->slots[t->used_count];
		*s = (struct alike){ .key = key };
		t->places[place].turn = t->turn;
		t->places[place].at = t->used_count++;
		return s;
	}
	return NULL;
}

/* Within @all: the likeness of that key; @all itself is that of what has none of its own. */
static struct alike *likeness(struct case_storm *t, struct alike *all, uint64_t key, uint32_t *count, uint32_t most)
{
	struct alike *s = find(t, key, *count < most);
	if (!s)
		return all;
	if (!s->counted) {
		s->counted = true;
		++*count;
	}
	return s;
}

/* Of that field of its kind or, without a name, of its host: no line of its kind had it before. */
static bool is_new(struct case_storm *t, uint64_t kind, const char *name, uint64_t key, uint32_t most)
{
	struct alike *field = find(t, case_hash(kind, name, strlen(name)), true);
	struct alike *value = field ? find(t, key, field->texts < most) : NULL;
	if (!value || value->counted)
		return false;
	value->counted = true;
	field->texts++;
	return true;
}

/* A code, a device, a flag that no line of its kind had before; where they are too many, a host, which is no value. */
static bool has_news(struct case_storm *t, const struct cul_observation *o, uint64_t kind, enum case_many over)
{
	bool news = over == CASE_TOO_MANY && o->host.size && is_new(t, kind, "", case_hash(kind, o->host.data, o->host.size), VALUES);
	for (size_t i = 0; i < o->count; i++) {
		const struct cul_value *v = &o->values[i];
		if (v->field && v->type != CUL_ABSENT && v->type != CUL_REAL && v->field->entity != CUL_ENTITY_PID && !is_text(v) && !is_large(v))
			news |= is_new(t, kind, v->field->name, hash_value(kind, v),
				       over == CASE_TOO_MANY && v->field->entity == CUL_ENTITY_NONE ? VALUES_FEW : VALUES);
	}
	return news;
}

/* May this line be counted in the likeness's last row? */
static bool joins(const struct alike *s, const struct cul_observation *o, int64_t boot)
{
	return s->row && s->section == o->section && (s->last == CUL_NO_TIME) == (o->time.ns == CUL_NO_TIME) &&
	       (boot == CUL_NO_TIME || s->boot_last == CUL_NO_TIME || boot >= s->boot_last - BOOT_SLACK);
}

/* All up to SOME, then every second, then every fourth … */
static int64_t stride(int64_t seen)
{
	int64_t stride = 1;
	for (int64_t n = seen / SOME; n; n >>= 1)
		stride *= 2;
	return stride;
}

/* The first, the second, the fourth, the 16th …; of too many the first, the 16th, the 256th … */
static bool is_sparse(int64_t seen, enum case_many over)
{
	if (over == CASE_TOO_MANY)
		return !(seen & (seen - 1)) && (seen & 0x1111111111111111);
	return seen == 2 || (!(seen & (seen - 1)) && (seen & 0x5555555555555555));
}

static uint64_t kind_key(const struct cul_observation *o)
{
	return case_hash(UINT64_C(0x8cb92ba72f3d8dd7) + (uint64_t)(uint32_t)o->interest, o->kind->name, strlen(o->kind->name));
}

void case_storm_line(struct case_storm *t, const struct cul_observation *o)
{
	t->kind = find(t, kind_key(o), true);
}

bool case_storm_takes(struct case_storm *t, const struct cul_observation *o, int64_t boot, int64_t row, bool full, struct case_folded *before)
{
	uint64_t key = case_hash(kind_key(o), o->host.data ? o->host.data : "", o->host.size) + (uint64_t)(uint32_t)o->severity * 31 + (uint64_t)o->time.clock;
	*before = (struct case_folded){ 0 };
	for (size_t i = 0; i < o->count; i++)
		if (o->values[i].field && !is_text(&o->values[i]))
			key = hash_value(key, &o->values[i]);
	uint64_t texts = hash_text(key, o->unit);
	for (size_t i = 0; i < o->count; i++)
		if (o->values[i].field && is_text(&o->values[i]))
			texts = hash_value(texts, &o->values[i]);
	struct alike *s = t->kind;
	if (!s)
		return !full;
	struct alike *kind = s;
	enum case_many over = kind->bytes > LEAST ? case_storm_over(t, o->offset) : CASE_FEW;
	bool news = has_news(t, o, kind->key, over);
	s = likeness(t, s, key, &kind->codes, news ? CODES : limits[over].codes);
	s = likeness(t, s, texts, &kind->texts, limits[over].texts);
	s->seen++;
	bool take = news || !joins(s, o, boot) || (over ? is_sparse(s->seen, over) : s->seen % stride(s->seen) == 0);
	if (!take && o->time.ns != CUL_NO_TIME) {
		int64_t gap = (int64_t)((uint64_t)o->time.ns - (uint64_t)s->last);
		/* what is no storm: a row each while they are few */
		take = (gap > CASE_RUN_GAP || gap < -CASE_RUN_GAP) && kind->apart < limits[over].apart;
		kind->apart += take;
	}
	if (take && !full) {
		if (s->extra)
			*before = (struct case_folded){ s->row, s->extra, s->last };
		s->row = row;
		s->extra = 0;
		s->section = o->section;
		s->last = o->time.ns;
		s->boot_last = boot;
		return true;
	}
	if (!s->row)
		return false;
	s->extra++;
	s->last = o->time.ns > s->last ? o->time.ns : s->last;
	s->boot_last = boot > s->boot_last ? boot : s->boot_last;
	return false;
}

bool case_storm_rest(struct case_storm *t, size_t *at, struct case_folded *row)
{
	while (*at < t->used_count) {
		struct alike *s = &t->slots[(*at)++];
		if (s->extra) {
			*row = (struct case_folded){ s->row, s->extra, s->last };
			return true;
		}
	}
	return false;
}
