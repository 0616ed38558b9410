/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which samples of a long series become rows.
 *
 * A server logs a line for each request, dmon one each second: a day of them says no more in 200,000 rows than in 10,000. Samples that
 * differ in measures only are one series: a GPU's, a path's with one status. Of a series the first rows
 * are kept all, then ever fewer, evenly, so that what creeps over hours is seen over all of them; the first of each series and what
 * is larger or smaller than all before by a twentieth are always kept. A row's n counts those that were left out behind it, so
 * that counts stay what they were. What is kept depends on the order in the file alone.
 */
#include "store/case.h"

#include <math.h>

#define SERIES 4096  /* of one kind in a member; further ones share */
#define PROBES 16
#define SHARED 8192  /* rows of all series together that are kept before any is thinned */
#define LEAST 4      /* rows of a series that are kept all */
#define MEASURES 6   /* of a kind, whose extremes are kept */

/* By how many rows the file has: rows of all series together before any is thinned, and those for being beyond all before. */
static const struct {
	int64_t shared, extremes;
} limits[] = { [CASE_FEW] = { SHARED, SHARED }, [CASE_MANY] = { 512, 256 }, [CASE_TOO_MANY] = { 128, 64 } };

struct series {
	uint64_t key;
	int64_t seen, row, n; /* samples so far; the last row kept, and how many it stands for */
	double low[MEASURES], high[MEASURES];
};

struct case_thin {
	size_t count;
	int64_t rows, extremes; /* kept; of these for being beyond all before */
	struct series series[SERIES + 1]; /* the last: of those that come when rows are many already */
};

struct case_thin *case_thin_new(void)
{
	return calloc(1, sizeof(struct case_thin));
}

void case_thin_free(struct case_thin *t)
{
	free(t);
}

/* A number that measures or counts; not one that names: a pid, an index, a code. */
static bool measured(const struct cul_field *f)
{
	static const char *const names[] = { "code", "index", "_id", "rank", "port", "node", "slot" };
	if (f->type == CUL_REAL)
		return true;
	if (f->type != CUL_INT || f->entity != CUL_ENTITY_NONE)
		return false;
	size_t size = strlen(f->name);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t n = strlen(names[i]);
		if (size >= n && !strcmp(f->name + size - n, names[i]))
			return false;
	}
	return true;
}

static uint64_t key_of(const struct cul_observation *o)
{
	uint64_t key = UINT64_C(0x9e3779b97f4a7c15);
	for (size_t i = 0; i < o->count; i++) {
		const struct cul_value *v = &o->values[i];
		if (v->type == CUL_ABSENT || !v->field || measured(v->field))
			continue;
		key = case_hash(key, v->field->name, strlen(v->field->name));
		key = v->type == CUL_TEXT ? case_hash(key, v->s.data, v->s.size) : case_hash(key, &v->i, sizeof(v->i));
	}
	return key ? key : 1;
}

static struct series *begin(struct case_thin *t, struct series *s, uint64_t key)
{
	s->key = key;
	t->count++;
	for (size_t m = 0; m < MEASURES; m++) {
		s->low[m] = INFINITY;
		s->high[m] = -INFINITY;
	}
	return s;
}

static struct series *series_of(struct case_thin *t, uint64_t key, bool many)
{
	size_t at = key % SERIES;
	for (size_t i = 0; i < PROBES; i++) {
		struct series *s = &t->series[(at + i) % SERIES];
		if (s->key == key)
			return s;
		if (!s->key && many)
			return t->series[SERIES].key ? &t->series[SERIES] : begin(t, &t->series[SERIES], 1);
		if (!s->key)
			return begin(t, s, key);
	}
	return &t->series[at];
}

/* Is one of its measures beyond all before? */
static bool extreme(struct series *s, const struct cul_observation *o)
{
	bool beyond = false;
	for (size_t i = 0, m = 0; i < o->count && m < MEASURES; i++) {
		const struct cul_value *v = &o->values[i];
		if (!v->field || !measured(v->field))
			continue;
		double x = v->type == CUL_INT ? (double)v->i : v->type == CUL_REAL ? v->r : NAN;
		if (x > s->high[m] + fabs(s->high[m]) * 0.05 || !isfinite(s->high[m])) {
			beyond |= isfinite(x);
			s->high[m] = isfinite(x) ? x : s->high[m];
		}
		if (x < s->low[m] - fabs(s->low[m]) * 0.05 || !isfinite(s->low[m])) {
			beyond |= isfinite(x);
			s->low[m] = isfinite(x) ? x : s->low[m];
		}
		m++;
	}
	return beyond;
}

bool case_thin_takes(struct case_thin *t, const struct cul_observation *o, int64_t row, enum case_many over, struct case_thinned *before)
{
	struct series *s = series_of(t, key_of(o), over && t->rows >= limits[over].shared / 2);
	int64_t all = limits[over].shared / (int64_t)(t->count ? t->count : 1), stride = 1, least = over ? 1 : LEAST;
	if (all < least)
		all = least;
	for (int64_t n = s->seen / all; n; n >>= 1)
		stride *= 2;
	bool take = s->seen++ % stride == 0;
	if (extreme(s, o) && !take && t->extremes < limits[over].extremes) {
		take = true;
		t->extremes++;
	}
	*before = (struct case_thinned){ 0 };
	if (!take) {
		s->n++;
		return false;
	}
	if (s->n > 1)
		*before = (struct case_thinned){ s->row, s->n };
	s->row = row;
	s->n = 1;
	t->rows++;
	return true;
}

bool case_thin_rest(struct case_thin *t, size_t *at, struct case_thinned *row)
{
	while (*at <= SERIES) {
		struct series *s = &t->series[(*at)++];
		if (s->key && s->n > 1) {
			*row = (struct case_thinned){ s->row, s->n };
			return true;
		}
	}
	return false;
}

void case_thin_clear(struct case_thin *t)
{
	if (t->count) /* a fresh one is clear, and half a MiB */
		memset(t, 0, sizeof(*t));
}
