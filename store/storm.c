/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which of very many unlike lines become rows.
 *
 * Equal lines are one run. A storm's lines differ: a pid, an address, a sector in each. Those that differ in such things only
 * are alike: one kind or pattern, one code, one GPU, one text but for its digits. While the rows of a file are small beside the
 * file each line is a row, up to SOME of one likeness; beyond that ever fewer are, and the row before counts those that are left
 * out behind it: its n and its last time are theirs too. So counts, spans and rates stay what they were, the first and the last
 * are always there, and what comes once in a storm of others is a row. What is kept depends on the file alone.
 */
#include "store/case.h"

#define SLOTS 4096      /* a power of two; of likenesses in one member */
#define PROBES 16
#define ALIKE 256       /* likenesses of one kind or pattern; further ones are one */
#define ALIKE_OVER 16   /* the same, where the rows are no longer small beside the file */
#define SOME 256        /* rows of one likeness before any is left out */
#define SOME_OVER 2
#define APART_OVER 8    /* rows of one likeness that stand alone, a minute or more behind the one before */
#define TEXT 96         /* bytes of a text that tell */
#define BASE 65536      /* bytes of rows that each file may have */
#define SHARE 256       /* and of its bytes so far */
#define BOOT_SLACK (2 * CUL_SECOND)

struct alike {
	uint64_t key;
	uint32_t turn;           /* of which member; another: empty */
	uint32_t rows, likenesses; /* of a kind or pattern */
	int section;
	int64_t seen, row, extra; /* the last row, and how many it stands for beside itself */
	int64_t last, boot_last;
};

struct case_storm {
	uint32_t turn, used_count;
	int64_t bytes;           /* of the member's rows */
	uint32_t used[SLOTS];
	struct alike slots[SLOTS];
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
	t->bytes = 0;
	if (!t->turn) {
		memset(t->slots, 0, sizeof(t->slots));
		t->turn = 1;
	}
}

void case_storm_spend(struct case_storm *t, int64_t bytes)
{
	t->bytes += bytes;
}

bool case_storm_over(const struct case_storm *t, int64_t offset)
{
	return t->bytes > BASE + (offset > 0 ? offset : 0) / SHARE;
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

static uint64_t hash_value(uint64_t key, const struct cul_value *v)
{
	const struct cul_field *f = v->field;
	if (f->entity == CUL_ENTITY_PID || v->type == CUL_REAL)
		return key;
	key = case_hash(key, f->name, strlen(f->name));
	if (v->type == CUL_TEXT)
		return f->entity == CUL_ENTITY_NONE ? hash_text(key, v->s) : case_hash(key, v->s.data, v->s.size);
	/* a code, an index; of a measure its magnitude */
	uint64_t u = v->i < 0 ? 0 - (uint64_t)v->i : (uint64_t)v->i;
	if (f->entity == CUL_ENTITY_NONE && v->type == CUL_INT && (u >= 1024 || (f->unit && f->unit[0])))
		u = UINT64_C(1) << 32 | (uint64_t)(u ? 64 - __builtin_clzll(u) : 0);
	else
		u = (uint64_t)v->i;
	return case_hash(key, &u, sizeof(u));
}

static struct alike *find(struct case_storm *t, uint64_t key, bool make)
{
	for (size_t i = 0; i < PROBES; i++) {
		uint32_t at = (uint32_t)((key + i) & (SLOTS - 1));
		struct alike *s = &t->slots[at];
		if (s->turn == t->turn && s->key == key)
			return s;
		if (s->turn == t->turn)
			continue;
		if (!make)
			return NULL;
		*s = (struct alike){ .key = key, .turn = t->turn };
		t->used[t->used_count++] = at;
		return s;
	}
	return NULL;
}

/* May this line be counted in the likeness's last row? */
static bool joins(const struct alike *s, const struct cul_observation *o, int64_t boot)
{
	return s->row && s->section == o->section && (s->last == CUL_NO_TIME) == (o->time.ns == CUL_NO_TIME) &&
	       (boot == CUL_NO_TIME || s->boot_last == CUL_NO_TIME || boot >= s->boot_last - BOOT_SLACK);
}

bool case_storm_takes(struct case_storm *t, const struct cul_observation *o, int64_t boot, int64_t row, bool full, struct case_folded *before)
{
	uint64_t kind = case_hash(UINT64_C(0x8cb92ba72f3d8dd7) + (uint64_t)(uint32_t)o->interest, o->kind->name, strlen(o->kind->name));
	uint64_t key = case_hash(kind, o->host.data ? o->host.data : "", o->host.size) + (uint64_t)(uint32_t)o->severity * 31 + (uint64_t)o->time.clock;
	bool over = case_storm_over(t, o->offset);
	key = hash_text(key, o->unit);
	*before = (struct case_folded){ 0 };
	for (size_t i = 0; i < o->count; i++)
		if (o->values[i].type != CUL_ABSENT && o->values[i].field)
			key = hash_value(key, &o->values[i]);
	struct alike *group = find(t, kind, true), *s = find(t, key, false);
	if (!group)
		return !full;
	if (!s) {
		/* the group is the likeness of what has none of its own */
		bool own = group->likenesses < (over ? ALIKE_OVER : ALIKE);
		if (own && (s = find(t, key, true)))
			group->likenesses++;
		else
			s = group;
	}
	s->seen++;
	int64_t some = over ? SOME_OVER : SOME, stride = 1;
	for (int64_t n = s->seen / some; n; n >>= 1)
		stride *= 2;
	bool take = !joins(s, o, boot) || s->seen % stride == 0;
	if (!take && o->time.ns != CUL_NO_TIME) {
		int64_t gap = (int64_t)((uint64_t)o->time.ns - (uint64_t)s->last);
		/* what is no storm: a row each while they are few */
		take = (gap > CASE_RUN_GAP || gap < -CASE_RUN_GAP) && s->rows < (over ? APART_OVER : SOME * 4);
	}
	if (take && !full) {
		if (s->extra)
			*before = (struct case_folded){ s->row, s->extra, s->last };
		s->row = row;
		s->extra = 0;
		s->rows++;
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
		struct alike *s = &t->slots[t->used[(*at)++]];
		if (s->extra) {
			*row = (struct case_folded){ s->row, s->extra, s->last };
			return true;
		}
	}
	return false;
}
