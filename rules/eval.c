/* SPDX-License-Identifier: Apache-2.0 */
/** Expressions × rows -> values. Unknown goes through everything but `or`, `and`, has(), default() and aggregates. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rules/match.h"

#define SLOPE_POINTS 200 /* of a trend, spread evenly over the samples */

static const struct cul_val unknown = { .type = CUL_V_UNKNOWN };

static struct cul_val of_int(int64_t i)
{
	return (struct cul_val){ .type = CUL_V_INT, .i = i };
}
static struct cul_val of_real(double r)
{
	return isfinite(r) ? (struct cul_val){ .type = CUL_V_REAL, .r = r } : unknown;
}
static struct cul_val of_text(struct cul_slice s)
{
	return s.data ? (struct cul_val){ .type = CUL_V_TEXT, .s = s } : unknown;
}
static struct cul_val of_truth(enum cul_truth t)
{
	return t == CUL_UNKNOWN ? unknown : (struct cul_val){ .type = CUL_V_FLAG, .i = t == CUL_TRUE };
}

/** A list's first; anything else as it is. */
static struct cul_val single(struct cul_val v)
{
	if (v.type == CUL_V_LIST)
		return v.list->count ? v.list->items[0] : unknown;
	return v;
}

static bool number(struct cul_val v, double *ret)
{
	v = single(v);
	switch (v.type) {
	case CUL_V_INT:
	case CUL_V_FLAG:
		*ret = (double)v.i;
		return true;
	case CUL_V_REAL:
		*ret = v.r;
		return true;
	case CUL_V_TEXT:
		return cul_to_real(cul_trim(v.s), ret);
	default:
		return false;
	}
}

enum cul_truth cul_val_truth(struct cul_val v)
{
	switch (v.type) {
	case CUL_V_UNKNOWN:
		return CUL_UNKNOWN;
	case CUL_V_REAL:
		return v.r != 0 ? CUL_TRUE : CUL_FALSE;
	case CUL_V_TEXT:
	case CUL_V_VERSION:
		return v.s.size ? CUL_TRUE : CUL_FALSE;
	case CUL_V_LIST:
		return v.list->count ? CUL_TRUE : CUL_FALSE;
	case CUL_V_TIME:
		return CUL_TRUE;
	default:
		return v.i ? CUL_TRUE : CUL_FALSE;
	}
}

/* "6.8.0-87-generic" against "6.17.8": runs of digits by number, others by byte; a missing part is less, "-rc" before nothing. */
static int compare_versions(struct cul_slice a, struct cul_slice b)
{
	while (a.size && (a.data[0] == 'v' || a.data[0] == 'V'))
		a = cul_from(a, 1);
	while (b.size && (b.data[0] == 'v' || b.data[0] == 'V'))
		b = cul_from(b, 1);
	for (;;) {
		struct cul_slice x = cul_digits(&a), y = cul_digits(&b);
		while (x.size > 1 && x.data[0] == '0')
			x = cul_from(x, 1);
		while (y.size > 1 && y.data[0] == '0')
			y = cul_from(y, 1);
		if (x.size != y.size)
			return x.size < y.size ? -1 : 1;
		int order = x.size ? memcmp(x.data, y.data, x.size) : 0;
		if (order)
			return order < 0 ? -1 : 1;
		if (!a.size || !b.size) {
			bool rc_a = cul_starts(a, CUL_LIT("-rc")) || cul_starts(a, CUL_LIT("rc"));
			bool rc_b = cul_starts(b, CUL_LIT("-rc")) || cul_starts(b, CUL_LIT("rc"));
			if (a.size)
				return rc_a ? -1 : 1;
			return b.size ? (rc_b ? 1 : -1) : 0;
		}
		while (a.size && b.size && !(a.data[0] >= '0' && a.data[0] <= '9') && !(b.data[0] >= '0' && b.data[0] <= '9')) {
			if (a.data[0] != b.data[0])
				return a.data[0] == '.' ? 1 : b.data[0] == '.' ? -1 : a.data[0] < b.data[0] ? -1 : 1;
			a = cul_from(a, 1);
			b = cul_from(b, 1);
		}
		bool digit_a = a.size && a.data[0] >= '0' && a.data[0] <= '9', digit_b = b.size && b.data[0] >= '0' && b.data[0] <= '9';
		if (a.size && b.size && digit_a != digit_b)
			return digit_a ? 1 : -1;
	}
}

int cul_val_compare(struct cul_val a, struct cul_val b, bool *known)
{
	double x, y;

	*known = true;
	if (a.type == CUL_V_UNKNOWN || b.type == CUL_V_UNKNOWN) {
		*known = false;
		return 0;
	}
	if ((a.type == CUL_V_VERSION || b.type == CUL_V_VERSION) && (a.type == CUL_V_TEXT || a.type == CUL_V_VERSION) &&
	    (b.type == CUL_V_TEXT || b.type == CUL_V_VERSION))
		return compare_versions(a.s, b.s);
	if (a.type == CUL_V_TEXT && b.type == CUL_V_TEXT)
		return cul_compare(a.s, b.s);
	if (a.type == CUL_V_TIME && b.type == CUL_V_TIME)
		return a.i < b.i ? -1 : a.i > b.i;
	if (a.type == CUL_V_INT && b.type == CUL_V_INT)
		return a.i < b.i ? -1 : a.i > b.i;
	if (number(a, &x) && number(b, &y))
		return x < y ? -1 : x > y;
	*known = false;
	return 0;
}

/* A total order for sorting: by type family, then value. */
static int by_value(const void *pa, const void *pb)
{
	const struct cul_val *a = pa, *b = pb;
	bool known;
	int text_a = a->type == CUL_V_TEXT || a->type == CUL_V_VERSION, text_b = b->type == CUL_V_TEXT || b->type == CUL_V_VERSION;

	if (text_a != text_b)
		return text_a - text_b;
	if (text_a)
		return cul_compare(a->s, b->s);
	return cul_val_compare(*a, *b, &known);
}

struct cul_val cul_row_val(struct cul_match *m, const struct cul_row *row, struct cul_slice field)
{
	struct cul_value v = cul_row_value(row, field);

	switch (v.type) {
	case CUL_INT:
		return of_int(v.i);
	case CUL_REAL:
		return of_real(v.r);
	case CUL_TEXT:
		return of_text(v.s);
	case CUL_FLAG:
		return (struct cul_val){ .type = CUL_V_FLAG, .i = v.i };
	default:
		break;
	}
	if (cul_is(field, CUL_LIT("time")))
		return row->time_ns == CUL_NO_TIME ? unknown : (struct cul_val){ .type = CUL_V_TIME, .i = row->time_ns };
	if (cul_is(field, CUL_LIT("text")))
		return of_text(row->text);
	if (cul_is(field, CUL_LIT("unit")))
		return of_text(cul_str(row->unit));
	if (cul_is(field, CUL_LIT("gpu")))
		return of_text(cul_str(row->gpu));
	if (cul_is(field, CUL_LIT("line")))
		return of_int(row->line);
	if (cul_is(field, CUL_LIT("n")))
		return of_int(row->n);
	if (cul_is(field, CUL_LIT("severity")))
		return row->severity < 0 ? unknown : of_int(row->severity);
	if (cul_is(field, CUL_LIT("boot")))
		return row->boot < 0 ? unknown : of_int(row->boot);
	if (cul_is(field, CUL_LIT("host")))
		return row->host < 0 || (size_t)row->host >= m->judge->host_count ? unknown : of_text(cul_str(m->judge->hosts[row->host].name));
	if (cul_is(field, CUL_LIT("source")))
		return row->member < 0 || (size_t)row->member >= m->judge->source_count ? unknown :
		       of_text(cul_str(m->judge->sources[row->member].name));
	return unknown;
}

/* ---- lists ---------------------------------------------------------------------------------- */

static struct cul_list *list_new(struct cul_match *m, size_t room)
{
	struct cul_list *l = cul_arena_get(m->arena, sizeof(*l));
	if (!l)
		return NULL;
	l->items = cul_arena_get(m->arena, (room ? room : 1) * sizeof(*l->items));
	return l->items ? l : NULL;
}

/** The values of @field over a term's rows. */
static struct cul_val field_list(struct cul_match *m, int term, struct cul_slice field)
{
	struct cul_set *set = &m->sets[term];

	for (struct cul_cached *c = set->cache; c; c = c->next)
		if (cul_is(c->field, field))
			return c->list;
	struct cul_list *l = list_new(m, set->count);
	struct cul_cached *c = cul_arena_get(m->arena, sizeof(*c));
	if (!l || !c)
		return unknown;
	l->at = cul_arena_get(m->arena, (set->count ? set->count : 1) * sizeof(*l->at));
	if (!l->at)
		return unknown;
	l->rows = set->rows;
	for (size_t i = 0; i < set->count; i++) {
		struct cul_val v = cul_row_val(m, set->rows[i], field);
		if (v.type == CUL_V_UNKNOWN)
			continue;
		l->at[l->count] = (uint32_t)i;
		l->items[l->count++] = v;
	}
	c->field = field;
	c->list = l->count ? (struct cul_val){ .type = CUL_V_LIST, .list = l } : unknown;
	c->next = set->cache;
	set->cache = c;
	return c->list;
}

static struct cul_val *sorted(struct cul_match *m, struct cul_list *l)
{
	if (l->sorted)
		return l->sorted;
	struct cul_val *copy = cul_arena_get(m->arena, (l->count ? l->count : 1) * sizeof(*copy));
	if (!copy)
		return NULL;
	memcpy(copy, l->items, l->count * sizeof(*copy));
	qsort(copy, l->count, sizeof(*copy), by_value);
	return l->sorted = copy;
}

bool cul_list_has(struct cul_match *m, struct cul_list *l, struct cul_val v)
{
	bool known;

	if (l->count < 8 || v.type == CUL_V_VERSION) {
		for (size_t i = 0; i < l->count; i++)
			if (!cul_val_compare(l->items[i], v, &known) && known)
				return true;
		return false;
	}
	struct cul_val *s = sorted(m, l);
	if (!s)
		return false;
	bool mixed = (s[0].type == CUL_V_TEXT) != (v.type == CUL_V_TEXT) || s[0].type != s[l->count - 1].type;
	if (mixed) { /* "79" against 79 */
		for (size_t i = 0; i < l->count; i++)
			if (!cul_val_compare(s[i], v, &known) && known)
				return true;
		return false;
	}
	return bsearch(&v, s, l->count, sizeof(*s), by_value) != NULL;
}

size_t cul_val_distinct(struct cul_match *m, struct cul_val v, struct cul_val **ret)
{
	if (v.type == CUL_V_UNKNOWN)
		return 0;
	struct cul_val *out = cul_arena_get(m->arena, (v.type == CUL_V_LIST ? v.list->count + 1 : 1) * sizeof(*out));
	if (!out)
		return 0;
	*ret = out;
	if (v.type != CUL_V_LIST) {
		out[0] = v;
		return 1;
	}
	struct cul_val *s = sorted(m, v.list);
	if (!s)
		return 0;
	size_t n = 0;
	for (size_t i = 0; i < v.list->count; i++)
		if (!n || by_value(&out[n - 1], &s[i]))
			out[n++] = s[i];
	return n;
}

/* ---- comparison ----------------------------------------------------------------------------- */

static enum cul_truth holds(enum cul_op op, int order)
{
	switch (op) {
	case CUL_OP_EQ:
		return !order ? CUL_TRUE : CUL_FALSE;
	case CUL_OP_LT:
		return order < 0 ? CUL_TRUE : CUL_FALSE;
	case CUL_OP_LE:
		return order <= 0 ? CUL_TRUE : CUL_FALSE;
	case CUL_OP_GT:
		return order > 0 ? CUL_TRUE : CUL_FALSE;
	default:
		return order >= 0 ? CUL_TRUE : CUL_FALSE;
	}
}

static enum cul_truth compare(struct cul_match *m, enum cul_op op, struct cul_val a, struct cul_val b)
{
	bool known;

	if (op == CUL_OP_NE) {
		enum cul_truth t = compare(m, CUL_OP_EQ, a, b);
		return t == CUL_UNKNOWN ? t : t == CUL_TRUE ? CUL_FALSE : CUL_TRUE;
	}
	if (a.type == CUL_V_UNKNOWN || b.type == CUL_V_UNKNOWN)
		return CUL_UNKNOWN;
	if (op == CUL_OP_EQ || op == CUL_OP_IN) {
		if (a.type == CUL_V_LIST && b.type != CUL_V_LIST)
			return cul_list_has(m, a.list, b) ? CUL_TRUE : CUL_FALSE;
		if (b.type == CUL_V_LIST && a.type != CUL_V_LIST)
			return cul_list_has(m, b.list, a) ? CUL_TRUE : CUL_FALSE;
		if (a.type == CUL_V_LIST) {
			for (size_t i = 0; i < a.list->count; i++)
				if (cul_list_has(m, b.list, a.list->items[i]))
					return CUL_TRUE;
			return CUL_FALSE;
		}
		int order = cul_val_compare(a, b, &known);
		return known ? holds(CUL_OP_EQ, order) : CUL_FALSE; /* of different sorts: not equal */
	}
	/* some value of a list: its least or its greatest decides */
	if (a.type == CUL_V_LIST) {
		struct cul_val *s = sorted(m, a.list);
		a = s && a.list->count ? s[op == CUL_OP_LT || op == CUL_OP_LE ? 0 : a.list->count - 1] : unknown;
	}
	if (b.type == CUL_V_LIST) {
		struct cul_val *s = sorted(m, b.list);
		b = s && b.list->count ? s[op == CUL_OP_GT || op == CUL_OP_GE ? 0 : b.list->count - 1] : unknown;
	}
	int order = cul_val_compare(a, b, &known);
	return known ? holds(op, order) : CUL_UNKNOWN;
}

struct cul_pattern *cul_judge_pattern(struct cul_judge *judge, int index, struct cul_slice text)
{
	if (index < 0) {
		for (size_t i = 0; i < judge->late_count; i++)
			if (cul_is(judge->late[i].text, text))
				return judge->late[i].pattern;
		char *copy = judge->late_count < CUL_LATE ? cul_arena_copy(judge->arena, text) : NULL;
		struct cul_pattern *made = NULL;
		if (!copy || cul_pattern_new(copy, CUL_PATTERN_STEPS, &made, NULL) != CUL_OK)
			return NULL;
		judge->late[judge->late_count].text = cul_slice(copy, text.size);
		return judge->late[judge->late_count++].pattern = made;
	}
	if ((size_t)index >= judge->rules->patterns)
		return NULL;
	if (!judge->patterns[index]) {
		char *pattern = cul_arena_copy(judge->arena, text);
		if (!pattern || cul_pattern_new(pattern, CUL_PATTERN_STEPS, &judge->patterns[index], NULL) != CUL_OK)
			judge->patterns[index] = NULL;
	}
	return judge->patterns[index];
}

static struct cul_slice text_of(struct cul_match *m, struct cul_val v)
{
	v = single(v);
	if (v.type == CUL_V_TEXT || v.type == CUL_V_VERSION)
		return v.s;
	return v.type == CUL_V_UNKNOWN ? CUL_NONE : cul_str(cul_val_text(m->arena, v));
}

static enum cul_truth matches(struct cul_match *m, const struct cul_expr *e, struct cul_val v)
{
	struct cul_slice groups[1];
	size_t count;

	if (v.type == CUL_V_UNKNOWN)
		return CUL_UNKNOWN;
	struct cul_pattern *pattern = cul_judge_pattern(m->judge, e->index, e->name);
	if (!pattern)
		return CUL_UNKNOWN;
	size_t n = v.type == CUL_V_LIST ? v.list->count : 1;
	for (size_t i = 0; i < n; i++) {
		count = 1;
		int found = cul_pattern_match(pattern, text_of(m, v.type == CUL_V_LIST ? v.list->items[i] : v), groups, &count);
		if (found == 1)
			return CUL_TRUE;
		if (found < 0)
			return CUL_UNKNOWN;
	}
	return CUL_FALSE;
}

static struct cul_val arithmetic(enum cul_op op, struct cul_val a, struct cul_val b)
{
	double x, y;

	a = single(a);
	b = single(b);
	if (a.type == CUL_V_TIME && b.type == CUL_V_TIME && op == CUL_OP_SUB)
		return of_real(((double)a.i - (double)b.i) / 1e9);
	if (a.type == CUL_V_TIME && number(b, &y) && (op == CUL_OP_SUB || op == CUL_OP_ADD) && fabs(y) < 1e9)
		return (struct cul_val){ .type = CUL_V_TIME, .i = a.i + (int64_t)((op == CUL_OP_ADD ? y : -y) * 1e9) };
	if (!number(a, &x) || !number(b, &y))
		return unknown;
	bool whole = (a.type == CUL_V_INT || a.type == CUL_V_FLAG) && (b.type == CUL_V_INT || b.type == CUL_V_FLAG);
	int64_t i;
	switch (op) {
	case CUL_OP_ADD:
		return whole && !__builtin_add_overflow(a.i, b.i, &i) ? of_int(i) : of_real(x + y);
	case CUL_OP_SUB:
		return whole && !__builtin_sub_overflow(a.i, b.i, &i) ? of_int(i) : of_real(x - y);
	case CUL_OP_MUL:
		return whole && !__builtin_mul_overflow(a.i, b.i, &i) ? of_int(i) : of_real(x * y);
	case CUL_OP_DIV:
		return y != 0 ? of_real(x / y) : unknown;
	default:
		if (whole)
			return b.i > 0 ? of_int(a.i % b.i) : unknown;
		return y != 0 ? of_real(fmod(x, y)) : unknown;
	}
}

/* ---- functions ------------------------------------------------------------------------------ */

static double row_minutes(const struct cul_row *row)
{
	int64_t ns = row->time_ns != CUL_NO_TIME ? row->time_ns : row->boot_ns;
	return ns == CUL_NO_TIME ? NAN : (double)ns / 60e9;
}

static int by_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/** Points of a trend: minutes and values, of the last @share of the samples; at most SLOPE_POINTS, spread evenly. */
static size_t points(struct cul_val v, double share, double *x, double *y)
{
	if (v.type != CUL_V_LIST || !v.list->rows)
		return 0;
	const struct cul_list *l = v.list;
	size_t from = share > 0 && share < 1 ? l->count - (size_t)ceil((double)l->count * share) : 0, span = l->count - from;
	size_t want = span < SLOPE_POINTS ? span : SLOPE_POINTS, n = 0;
	for (size_t k = 0; k < want; k++) {
		size_t i = from + (want > 1 ? k * (span - 1) / (want - 1) : 0);
		double at = row_minutes(l->rows[l->at[i]]);
		if (isnan(at) || !number(l->items[i], &y[n]))
			continue;
		x[n++] = at;
	}
	return n;
}

/* Theil and Sen: the median of the slopes between all pairs; a few outliers don't move it. */
static struct cul_val slope(struct cul_match *m, struct cul_val v, double share)
{
	double x[SLOPE_POINTS], y[SLOPE_POINTS];
	size_t n = points(v, share, x, y), count = 0;

	if (n < 2)
		return unknown;
	double *slopes = cul_arena_get(m->arena, n * (n - 1) / 2 * sizeof(*slopes));
	if (!slopes)
		return unknown;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (x[j] > x[i])
				slopes[count++] = (y[j] - y[i]) / (x[j] - x[i]);
	if (!count)
		return unknown;
	qsort(slopes, count, sizeof(*slopes), by_double);
	return of_real(count % 2 ? slopes[count / 2] : (slopes[count / 2 - 1] + slopes[count / 2]) / 2);
}

static struct cul_val r_squared(struct cul_val v, double share)
{
	double x[SLOPE_POINTS], y[SLOPE_POINTS], mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
	size_t n = points(v, share, x, y);

	if (n < 3)
		return unknown;
	for (size_t i = 0; i < n; i++) {
		mx += x[i] / (double)n;
		my += y[i] / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		xx += (x[i] - mx) * (x[i] - mx);
		yy += (y[i] - my) * (y[i] - my);
		xy += (x[i] - mx) * (y[i] - my);
	}
	if (xx <= 0)
		return unknown;
	return of_real(yy <= 0 ? 0 : xy * xy / (xx * yy));
}

/** First and last time of a term's rows in ns. */
static bool ends(const struct cul_set *set, int64_t *first, int64_t *last)
{
	*first = *last = CUL_NO_TIME;
	bool boot = set->count && set->rows[0]->time_ns == CUL_NO_TIME;
	for (size_t i = 0; i < set->count; i++) {
		const struct cul_row *r = set->rows[i];
		int64_t a = boot ? r->boot_ns : r->time_ns, b = boot ? r->boot_ns : r->last_ns == CUL_NO_TIME ? r->time_ns : r->last_ns;
		if (a == CUL_NO_TIME)
			continue;
		if (*first == CUL_NO_TIME || a < *first)
			*first = a;
		if (*last == CUL_NO_TIME || b > *last)
			*last = b;
	}
	return *first != CUL_NO_TIME;
}

static int64_t weighed(const struct cul_set *set)
{
	int64_t n = 0;
	for (size_t i = 0; i < set->count; i++)
		n += set->rows[i]->n > 0 ? set->rows[i]->n : 1;
	return n;
}

static struct cul_val aggregate(struct cul_match *m, int f, const struct cul_val *v, size_t count)
{
	double sum = 0, best = 0, x;
	size_t n = 0;

	if (f == CUL_F_MIN || f == CUL_F_MAX) { /* texts and times have an order too */
		struct cul_val found = unknown;
		bool known;
		for (size_t k = 0; k < count; k++) {
			size_t size = v[k].type == CUL_V_LIST ? v[k].list->count : 1;
			for (size_t i = 0; i < size; i++) {
				struct cul_val item = v[k].type == CUL_V_LIST ? v[k].list->items[i] : v[k];
				if (item.type == CUL_V_UNKNOWN)
					continue;
				int order = cul_val_compare(item, found, &known);
				if (found.type == CUL_V_UNKNOWN || (known && (f == CUL_F_MIN ? order < 0 : order > 0)))
					found = item;
			}
		}
		return found;
	}
	if (v->type == CUL_V_UNKNOWN)
		return unknown;
	size_t size = v->type == CUL_V_LIST ? v->list->count : 1;
	bool whole = true;
	for (size_t i = 0; i < size; i++) {
		struct cul_val item = v->type == CUL_V_LIST ? v->list->items[i] : *v;
		if (!number(item, &x))
			continue;
		whole &= item.type == CUL_V_INT;
		sum += x;
		n++;
	}
	if (!n)
		return unknown;
	if (f == CUL_F_SUM)
		return whole && fabs(sum) < 9e15 ? of_int((int64_t)sum) : of_real(sum);
	if (f == CUL_F_AVG)
		return of_real(sum / (double)n);
	if (v->type != CUL_V_LIST) /* median */
		return *v;
	struct cul_val *s = sorted(m, v->list);
	if (!s || !number(s[size / 2], &best))
		return unknown;
	if (size % 2)
		return s[size / 2];
	return number(s[size / 2 - 1], &x) ? of_real((best + x) / 2) : unknown;
}

/* Innermost first, others may stand between; "f" also names f.isra.0, f.cold, f+0x12/0x34. */
static enum cul_truth stack_holds(struct cul_slice frames, const struct cul_slice *want, size_t count)
{
	size_t k = 0;

	while (k < count) {
		struct cul_slice w = cul_word(&frames);
		if (!w.size)
			return CUL_FALSE;
		if (cul_starts(w, want[k]) && (w.size == want[k].size || w.data[want[k].size] == '.' || w.data[want[k].size] == '+'))
			k++;
	}
	return CUL_TRUE;
}

static struct cul_val extreme(struct cul_match *m, const struct cul_expr *e, const struct cul_row *row)
{
	struct cul_val l = cul_eval(m, e->args[0], row), k = cul_eval(m, e->args[1], row);
	double best = 0, x;
	size_t at = SIZE_MAX;

	if (l.type != CUL_V_LIST || k.type != CUL_V_LIST || !l.list->rows || l.list->rows != k.list->rows)
		return l.type == CUL_V_UNKNOWN ? unknown : single(k);
	for (size_t i = 0; i < l.list->count; i++) {
		if (!number(l.list->items[i], &x))
			continue;
		if (at == SIZE_MAX || (e->function == CUL_F_ARGMAX ? x > best : x < best)) {
			best = x;
			at = l.list->at[i];
		}
	}
	for (size_t i = 0; at != SIZE_MAX && i < k.list->count; i++)
		if (k.list->at[i] == at)
			return k.list->items[i];
	return unknown;
}

static struct cul_val call_on_text(struct cul_match *m, const struct cul_expr *e, const struct cul_val *v)
{
	struct cul_slice a = text_of(m, v[0]), b = e->count > 1 ? text_of(m, v[1]) : CUL_NONE, groups[2];
	size_t at, count = 2;
	char *copy;

	if (!a.data)
		return unknown;
	switch (e->function) {
	case CUL_F_LOWER:
		copy = cul_arena_copy(m->arena, a);
		for (size_t i = 0; copy && i < a.size; i++)
			if (copy[i] >= 'A' && copy[i] <= 'Z')
				copy[i] += 'a' - 'A';
		return copy ? of_text(cul_slice(copy, a.size)) : unknown;
	case CUL_F_CONTAINS:
		return b.data ? of_truth(cul_has(a, b) ? CUL_TRUE : CUL_FALSE) : unknown;
	case CUL_F_STARTS:
		return b.data ? of_truth(cul_starts(a, b) ? CUL_TRUE : CUL_FALSE) : unknown;
	case CUL_F_ENDS:
		return b.data ? of_truth(cul_ends(a, b) ? CUL_TRUE : CUL_FALSE) : unknown;
	case CUL_F_BASENAME:
		at = a.size;
		while (at && a.data[at - 1] != '/' && a.data[at - 1] != '\\')
			at--;
		return of_text(cul_from(a, at));
	case CUL_F_VERSION:
		return (struct cul_val){ .type = CUL_V_VERSION, .s = a };
	case CUL_F_TEXT:
		return of_text(a);
	default: { /* match */
		struct cul_pattern *pattern = cul_judge_pattern(m->judge, e->index, e->name);
		if (!pattern || cul_pattern_match(pattern, a, groups, &count) != 1)
			return unknown;
		return of_text(count > 1 && groups[1].data ? groups[1] : groups[0]);
	}
	}
}

static struct cul_val call(struct cul_match *m, const struct cul_expr *e, const struct cul_row *row)
{
	struct cul_val v[34];
	double x, y;
	int64_t first, last, other, digits;
	const struct cul_expr *const *a = e->args;
	bool lazy = e->function == CUL_F_IF || e->function == CUL_F_ARGMAX || e->function == CUL_F_ARGMIN || a[0]->op == CUL_OP_TERM;
	struct cul_set *set = a[0]->op == CUL_OP_TERM ? &m->sets[a[0]->index] : NULL;

	for (size_t i = 0; i < e->count; i++)
		v[i] = lazy ? unknown : cul_eval(m, a[i], row);

	switch (e->function) {
	case CUL_F_COUNT:
		if (set)
			return set->state == CUL_UNKNOWN && !set->count ? unknown : of_int(weighed(set));
		return of_int(v[0].type == CUL_V_LIST ? (int64_t)v[0].list->count : v[0].type != CUL_V_UNKNOWN);
	case CUL_F_FIRST:
		return single(v[0]);
	case CUL_F_LAST:
		return v[0].type == CUL_V_LIST ? v[0].list->items[v[0].list->count - 1] : v[0];
	case CUL_F_MIN: case CUL_F_MAX: case CUL_F_SUM: case CUL_F_AVG: case CUL_F_MEDIAN:
		return aggregate(m, e->function, v, e->count);
	case CUL_F_DISTINCT: {
		struct cul_val *values;
		return of_int((int64_t)cul_val_distinct(m, v[0], &values));
	}
	case CUL_F_LIST: {
		if (v[0].type != CUL_V_LIST)
			return v[0];
		struct cul_list *l = list_new(m, v[0].list->count), *from = v[0].list;
		struct cul_val *values;
		size_t n = l ? cul_val_distinct(m, v[0], &values) : 0, left = n;
		bool *told = n ? cul_arena_get(m->arena, n) : NULL;
		for (size_t i = 0; told && left && i < from->count; i++) { /* in order of appearance */
			struct cul_val *at = bsearch(&from->items[i], values, n, sizeof(*values), by_value);
			if (!at || told[at - values])
				continue;
			told[at - values] = true;
			left--;
			l->items[l->count++] = from->items[i];
		}
		return l && l->count ? (struct cul_val){ .type = CUL_V_LIST, .list = l } : unknown;
	}
	case CUL_F_SORTED: {
		struct cul_list *l = v[0].type == CUL_V_LIST ? list_new(m, 0) : NULL;
		if (!l)
			return v[0];
		l->items = sorted(m, v[0].list);
		l->count = l->items ? v[0].list->count : 0;
		return l->count ? (struct cul_val){ .type = CUL_V_LIST, .list = l } : unknown;
	}
	case CUL_F_SLOPE:
		return slope(m, v[0], e->count > 1 && number(v[1], &x) ? x : 1);
	case CUL_F_R2:
		return r_squared(v[0], e->count > 1 && number(v[1], &x) ? x : 1);
	case CUL_F_SPAN:
		return ends(set, &first, &last) ? of_real((double)(last - first) / 1e9) : unknown;
	case CUL_F_RATE:
		return ends(set, &first, &last) && last > first ? of_real((double)weighed(set) / ((double)(last - first) / 60e9)) : unknown;
	case CUL_F_LAG:
		if (!ends(set, &first, &last) || !ends(&m->sets[a[1]->index], &other, &last))
			return unknown;
		if ((set->rows[0]->time_ns == CUL_NO_TIME) != (m->sets[a[1]->index].rows[0]->time_ns == CUL_NO_TIME))
			return unknown;
		return of_real((double)(other - first) / 1e9);
	case CUL_F_STEPS: {
		int64_t n = 0;
		bool known;
		if (v[0].type != CUL_V_LIST)
			return v[0].type == CUL_V_UNKNOWN ? unknown : of_int(0);
		for (size_t i = 1; i < v[0].list->count; i++)
			n += cul_val_compare(v[0].list->items[i - 1], v[0].list->items[i], &known) < 0 && known;
		return of_int(n);
	}
	case CUL_F_HAS:
		if (set)
			return of_truth(set->state == CUL_TRUE ? CUL_TRUE : CUL_FALSE);
		return of_truth(v[0].type != CUL_V_UNKNOWN ? CUL_TRUE : CUL_FALSE);
	case CUL_F_DEFAULT: {
		struct cul_val got = cul_eval(m, a[0], row);
		return got.type == CUL_V_UNKNOWN ? cul_eval(m, a[1], row) : got;
	}
	case CUL_F_ROUND:
		if (!number(v[0], &x))
			return unknown;
		digits = e->count > 1 && number(v[1], &y) && y > 0 && y < 10 ? (int64_t)y : 0;
		if (!digits)
			return fabs(x) < 9e15 ? of_int((int64_t)llround(x)) : of_real(x);
		return of_real(round(x * pow(10, (double)digits)) / pow(10, (double)digits));
	case CUL_F_ABS:
		if (single(v[0]).type == CUL_V_INT && single(v[0]).i > INT64_MIN)
			return of_int(llabs(single(v[0]).i));
		return number(v[0], &x) ? of_real(fabs(x)) : unknown;
	case CUL_F_STACK: {
		struct cul_slice want[CUL_STACK + 1];
		for (size_t i = 1; i < e->count; i++)
			want[i - 1] = text_of(m, v[i]);
		if (v[0].type == CUL_V_UNKNOWN)
			return unknown;
		for (size_t i = 0; v[0].type == CUL_V_LIST && i < v[0].list->count; i++)
			if (stack_holds(text_of(m, v[0].list->items[i]), want, e->count - 1u) == CUL_TRUE)
				return of_truth(CUL_TRUE);
		return of_truth(v[0].type == CUL_V_LIST ? CUL_FALSE : stack_holds(text_of(m, v[0]), want, e->count - 1u));
	}
	case CUL_F_N_OF: {
		double want = 0;
		int yes = 0, open = 0;
		if (!number(cul_eval(m, a[0], row), &want))
			return unknown;
		for (size_t i = 1; i < e->count; i++) {
			enum cul_truth t = cul_eval_truth(m, a[i], row);
			yes += t == CUL_TRUE;
			open += t == CUL_UNKNOWN;
		}
		return of_truth(yes >= want ? CUL_TRUE : yes + open < want ? CUL_FALSE : CUL_UNKNOWN);
	}
	case CUL_F_COVERED: {
		const char *stream = cul_arena_copy(m->arena, text_of(m, v[0]));
		return stream ? of_truth(cul_case_covers(m->judge->c, stream, m->part.host, CUL_NO_TIME, CUL_NO_TIME)) : unknown;
	}
	case CUL_F_IF:
		switch (cul_eval_truth(m, a[0], row)) {
		case CUL_TRUE:
			return cul_eval(m, a[1], row);
		case CUL_FALSE:
			return cul_eval(m, a[2], row);
		default:
			return unknown;
		}
	case CUL_F_NUMBER: {
		struct cul_slice t = cul_trim(text_of(m, v[0]));
		struct cul_val s = single(v[0]);
		if (s.type != CUL_V_TEXT)
			return number(s, &x) ? s : unknown;
		if (cul_to_int(t, &first))
			return of_int(first);
		return cul_to_real(t, &x) ? of_real(x) : unknown;
	}
	case CUL_F_TEXT:
		return call_on_text(m, e, (struct cul_val[]){ a[0]->op == CUL_OP_TERM ? cul_eval(m, a[0], row) : v[0], unknown });
	case CUL_F_ARGMAX: case CUL_F_ARGMIN:
		return extreme(m, e, row);
	case CUL_F_PERCENT:
		return number(v[0], &x) && number(v[1], &y) && y != 0 ? of_real(100 * x / y) : unknown;
	case CUL_F_CLOCK: {
		char buffer[32];
		struct cul_val t = single(v[0]);
		if (t.type != CUL_V_TIME)
			return unknown;
		return of_text(cul_str(cul_arena_copy(m->arena, cul_str(cul_clock_print(t.i, buffer)))));
	}
	default:
		return call_on_text(m, e, v);
	}
}

/* ---- the tree ------------------------------------------------------------------------------- */

static struct cul_val evaluate(struct cul_match *m, const struct cul_expr *e, const struct cul_row *row);

/* A function or pattern over other terms is worked out once, not for each row. */
struct cul_val cul_eval(struct cul_match *m, const struct cul_expr *e, const struct cul_row *row)
{
	if (!row || e->own || (e->op != CUL_OP_CALL && e->op != CUL_OP_MATCH && e->op != CUL_OP_NOMATCH && e->op != CUL_OP_LIST))
		return evaluate(m, e, row);
	for (struct cul_memo *k = m->memo; k; k = k->next)
		if (k->expr == e)
			return k->val;
	struct cul_val v = evaluate(m, e, row);
	struct cul_memo *k = cul_arena_get(m->arena, sizeof(*k));
	if (k) {
		*k = (struct cul_memo){ e, v, m->memo };
		m->memo = k;
	}
	return v;
}

static struct cul_val evaluate(struct cul_match *m, const struct cul_expr *e, const struct cul_row *row)
{
	enum cul_truth a, b;
	struct cul_val v;
	double x;

	switch (e->op) {
	case CUL_OP_CONST:
		return e->constant;
	case CUL_OP_FIELD:
		return row ? cul_row_val(m, row, e->name) : m->set >= 0 ? field_list(m, m->set, e->name) : unknown;
	case CUL_OP_COUNT:
		return m->set >= 0 ? of_int(weighed(&m->sets[m->set])) : unknown;
	case CUL_OP_TERM:
		return of_truth(m->sets[e->index].state);
	case CUL_OP_TERM_FIELD:
		return field_list(m, e->index, e->name);
	case CUL_OP_LET:
		if (!m->let_done[e->index]) {
			int set = m->set;
			m->set = -1;
			m->lets[e->index] = cul_eval(m, m->rule->lets[e->index].expr, NULL);
			m->set = set;
			m->let_done[e->index] = true;
		}
		return m->lets[e->index];
	case CUL_OP_PART:
		if (e->index == 1)
			return of_text(cul_str(m->part.gpu));
		return m->part.host >= 0 && (size_t)m->part.host < m->judge->host_count ?
		       of_text(cul_str(m->judge->hosts[m->part.host].name)) : unknown;
	case CUL_OP_LIST: {
		struct cul_list *l = list_new(m, e->count);
		for (size_t i = 0; l && i < e->count; i++) {
			v = single(cul_eval(m, e->args[i], row));
			if (v.type != CUL_V_UNKNOWN)
				l->items[l->count++] = v;
		}
		return l && l->count ? (struct cul_val){ .type = CUL_V_LIST, .list = l } : unknown;
	}
	case CUL_OP_CALL:
		return call(m, e, row);
	case CUL_OP_NOT:
		a = cul_eval_truth(m, e->args[0], row);
		return a == CUL_UNKNOWN ? unknown : of_truth(a == CUL_TRUE ? CUL_FALSE : CUL_TRUE);
	case CUL_OP_AND:
		a = cul_eval_truth(m, e->args[0], row);
		if (a == CUL_FALSE)
			return of_truth(a);
		b = cul_eval_truth(m, e->args[1], row);
		return b == CUL_FALSE ? of_truth(b) : of_truth(a == CUL_UNKNOWN ? a : b);
	case CUL_OP_OR:
		a = cul_eval_truth(m, e->args[0], row);
		if (a == CUL_TRUE)
			return of_truth(a);
		b = cul_eval_truth(m, e->args[1], row);
		return b == CUL_TRUE ? of_truth(b) : of_truth(a == CUL_UNKNOWN ? a : b);
	case CUL_OP_NEG:
		v = single(cul_eval(m, e->args[0], row));
		if (v.type == CUL_V_INT && v.i > INT64_MIN)
			return of_int(-v.i);
		return number(v, &x) ? of_real(-x) : unknown;
	case CUL_OP_MATCH:
		return of_truth(matches(m, e, cul_eval(m, e->args[0], row)));
	case CUL_OP_NOMATCH:
		a = matches(m, e, cul_eval(m, e->args[0], row));
		return a == CUL_UNKNOWN ? unknown : of_truth(a == CUL_TRUE ? CUL_FALSE : CUL_TRUE);
	case CUL_OP_ADD: case CUL_OP_SUB: case CUL_OP_MUL: case CUL_OP_DIV: case CUL_OP_MOD:
		return arithmetic(e->op, cul_eval(m, e->args[0], row), cul_eval(m, e->args[1], row));
	default:
		return of_truth(compare(m, e->op, cul_eval(m, e->args[0], row), cul_eval(m, e->args[1], row)));
	}
}

enum cul_truth cul_eval_truth(struct cul_match *m, const struct cul_expr *e, const struct cul_row *row)
{
	return cul_val_truth(cul_eval(m, e, row));
}

const char *cul_val_text(struct cul_arena *arena, struct cul_val v)
{
	char buffer[32];
	const char *text;

	switch (v.type) {
	case CUL_V_INT:
		return cul_arena_printf(arena, "%lld", (long long)v.i);
	case CUL_V_FLAG:
		return v.i ? "yes" : "no";
	case CUL_V_REAL:
		if (fabs(v.r) < 1e15 && v.r == floor(v.r))
			return cul_arena_printf(arena, "%.0f", v.r);
		return cul_arena_printf(arena, fabs(v.r) >= 1000 ? "%.0f" : fabs(v.r) >= 1 ? "%.4g" : "%.3g", v.r);
	case CUL_V_TEXT:
	case CUL_V_VERSION:
		text = cul_arena_copy(arena, v.s);
		return text ? text : "";
	case CUL_V_TIME:
		text = cul_arena_copy(arena, cul_str(cul_clock_print(v.i, buffer)));
		return text ? text : "";
	case CUL_V_LIST: {
		const char *all = "";
		size_t shown = 0;
		for (size_t i = 0; i < v.list->count && shown < 16; i++) {
			bool twice = false, known;
			for (size_t k = 0; k < i && k < 64 && !twice; k++)
				twice = !cul_val_compare(v.list->items[k], v.list->items[i], &known) && known;
			if (twice)
				continue;
			if (i > 64 && shown >= 8)
				break;
			all = cul_arena_printf(arena, "%s%s%s", all, shown++ ? ", " : "", cul_val_text(arena, v.list->items[i]));
			if (!all)
				return "";
		}
		return all;
	}
	default:
		return "";
	}
}
