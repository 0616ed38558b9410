/* SPDX-License-Identifier: Apache-2.0 */
/** The functions of the expressions: count(), slope(), argmax() … Unknown goes through all but has(), default() and aggregates. */
#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rules/eval.h"

#define SLOPE_POINTS 200 /* of a trend, spread evenly over the samples */

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
	struct cul_val *s = cul_list_sorted(m, v->list);
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

/* Each value once, in order of appearance. */
static struct cul_val each_once(struct cul_match *m, struct cul_val v)
{
	if (v.type != CUL_V_LIST)
		return v;
	struct cul_list *l = cul_list_new(m, v.list->count), *from = v.list;
	struct cul_val *values;
	size_t n = l ? cul_val_distinct(m, v, &values) : 0, left = n;
	bool *told = n ? cul_arena_get(m->arena, n) : NULL;
	for (size_t i = 0; told && left && i < from->count; i++) {
		struct cul_val *at = bsearch(&from->items[i], values, n, sizeof(*values), cul_val_order);
		if (!at || told[at - values])
			continue;
		told[at - values] = true;
		left--;
		l->items[l->count++] = from->items[i];
	}
	return l && l->count ? (struct cul_val){ .type = CUL_V_LIST, .list = l } : unknown;
}

static struct cul_val sorted(struct cul_match *m, struct cul_val v)
{
	struct cul_list *l = v.type == CUL_V_LIST ? cul_list_new(m, 0) : NULL;

	if (!l)
		return v;
	l->items = cul_list_sorted(m, v.list);
	l->count = l->items ? v.list->count : 0;
	return l->count ? (struct cul_val){ .type = CUL_V_LIST, .list = l } : unknown;
}

/* How many times the value rose. */
static struct cul_val steps(struct cul_val v)
{
	int64_t n = 0;
	bool known;

	if (v.type != CUL_V_LIST)
		return v.type == CUL_V_UNKNOWN ? unknown : of_int(0);
	for (size_t i = 1; i < v.list->count; i++)
		n += cul_val_compare(v.list->items[i - 1], v.list->items[i], &known) < 0 && known;
	return of_int(n);
}

/* Seconds from the first of @a to the first of @b, where both are on one clock. */
static struct cul_val lag(const struct cul_set *a, const struct cul_set *b)
{
	int64_t first, other, last;

	if (!ends(a, &first, &last) || !ends(b, &other, &last) || (a->rows[0]->time_ns == CUL_NO_TIME) != (b->rows[0]->time_ns == CUL_NO_TIME))
		return unknown;
	return of_real((double)(other - first) / 1e9);
}

static struct cul_val rounded(struct cul_val v, double digits)
{
	double x, scale;

	if (!number(v, &x))
		return unknown;
	if (!(digits >= 1 && digits < 10))
		return fabs(x) < 9e15 ? of_int((int64_t)llround(x)) : of_real(x);
	scale = pow(10, floor(digits));
	return of_real(round(x * scale) / scale);
}

/* Does some stack of v[0] hold the functions of the others? */
static struct cul_val stack(struct cul_match *m, const struct cul_val *v, size_t count)
{
	struct cul_slice want[CUL_STACK + 1];

	for (size_t i = 1; i < count; i++)
		want[i - 1] = cul_val_slice(m, v[i]);
	if (v[0].type == CUL_V_UNKNOWN)
		return unknown;
	if (v[0].type != CUL_V_LIST)
		return of_truth(stack_holds(cul_val_slice(m, v[0]), want, count - 1));
	for (size_t i = 0; i < v[0].list->count; i++)
		if (stack_holds(cul_val_slice(m, v[0].list->items[i]), want, count - 1) == CUL_TRUE)
			return of_truth(CUL_TRUE);
	return of_truth(CUL_FALSE);
}

static struct cul_val n_of(struct cul_match *m, const struct cul_expr *e, const struct cul_row *row)
{
	double want = 0;
	int yes = 0, open = 0;

	if (!number(cul_eval(m, e->args[0], row), &want))
		return unknown;
	for (size_t i = 1; i < e->count; i++) {
		enum cul_truth t = cul_eval_truth(m, e->args[i], row);
		yes += t == CUL_TRUE;
		open += t == CUL_UNKNOWN;
	}
	return of_truth(yes >= want ? CUL_TRUE : yes + open < want ? CUL_FALSE : CUL_UNKNOWN);
}

/* "12" is 12; a text that is no number isn't known. */
static struct cul_val as_number(struct cul_match *m, struct cul_val v)
{
	struct cul_slice text = cul_trim(cul_val_slice(m, v));
	struct cul_val s = single(v);
	int64_t i;
	double x;

	if (s.type != CUL_V_TEXT)
		return number(s, &x) ? s : unknown;
	if (cul_to_int(text, &i))
		return of_int(i);
	return cul_to_real(text, &x) ? of_real(x) : unknown;
}

/* Seconds from @v to the last time that anything of the case bears. */
static struct cul_val age(struct cul_judge *judge, struct cul_val v)
{
	struct cul_val t = single(v);
	struct cul_source source;

	if (t.type != CUL_V_TIME || t.i == CUL_NO_TIME)
		return unknown;
	if (!judge->end_known) {
		judge->end_known = true;
		judge->end_ns = CUL_NO_TIME;
		for (size_t i = 0; cul_case_source(judge->c, i, &source); i++)
			if (source.last_ns > judge->end_ns) /* CUL_NO_TIME is the least */
				judge->end_ns = source.last_ns;
	}
	return judge->end_ns < t.i ? unknown : of_real(((double)judge->end_ns - (double)t.i) / 1e9);
}

static struct cul_val as_clock(struct cul_match *m, struct cul_val v)
{
	char buffer[32];
	struct cul_val t = single(v);

	return t.type == CUL_V_TIME ? of_text(cul_str(cul_arena_copy(m->arena, cul_str(cul_clock_print(t.i, buffer))))) : unknown;
}

static struct cul_val call_on_text(struct cul_match *m, const struct cul_expr *e, const struct cul_val *v)
{
	struct cul_slice a = cul_val_slice(m, v[0]), b = e->count > 1 ? cul_val_slice(m, v[1]) : CUL_NONE, groups[2];
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

struct cul_val cul_eval_call(struct cul_match *m, const struct cul_expr *e, const struct cul_row *row)
{
	struct cul_val v[34];
	double x, y;
	int64_t first, last;
	const struct cul_expr *const *a = e->args;
	bool lazy = e->function == CUL_F_IF || e->function == CUL_F_ARGMAX || e->function == CUL_F_ARGMIN || a[0]->op == CUL_OP_TERM;
	struct cul_set *set = a[0]->op == CUL_OP_TERM ? &m->sets[a[0]->index] : NULL;

	for (size_t i = 0; i < e->count; i++)
		v[i] = lazy ? unknown : cul_eval(m, a[i], row);

	switch (e->function) {
	case CUL_F_COUNT:
		if (set)
			return set->state == CUL_UNKNOWN && !set->count ? unknown : of_int(cul_set_weight(set));
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
	case CUL_F_LIST:
		return each_once(m, v[0]);
	case CUL_F_SORTED:
		return sorted(m, v[0]);
	case CUL_F_SLOPE:
		return slope(m, v[0], e->count > 1 && number(v[1], &x) ? x : 1);
	case CUL_F_R2:
		return r_squared(v[0], e->count > 1 && number(v[1], &x) ? x : 1);
	case CUL_F_SPAN:
		return ends(set, &first, &last) ? of_real((double)(last - first) / 1e9) : unknown;
	case CUL_F_RATE:
		return ends(set, &first, &last) && last > first ? of_real((double)cul_set_weight(set) / ((double)(last - first) / 60e9)) : unknown;
	case CUL_F_LAG:
		return lag(set, &m->sets[a[1]->index]);
	case CUL_F_STEPS:
		return steps(v[0]);
	case CUL_F_HAS:
		if (set)
			return of_truth(set->state == CUL_TRUE ? CUL_TRUE : CUL_FALSE);
		return of_truth(v[0].type != CUL_V_UNKNOWN ? CUL_TRUE : CUL_FALSE);
	case CUL_F_DEFAULT: {
		struct cul_val got = cul_eval(m, a[0], row);
		return got.type == CUL_V_UNKNOWN ? cul_eval(m, a[1], row) : got;
	}
	case CUL_F_ROUND:
		return rounded(v[0], e->count > 1 && number(v[1], &y) ? y : 0);
	case CUL_F_ABS:
		if (single(v[0]).type == CUL_V_INT && single(v[0]).i > INT64_MIN)
			return of_int(llabs(single(v[0]).i));
		return number(v[0], &x) ? of_real(fabs(x)) : unknown;
	case CUL_F_STACK:
		return stack(m, v, e->count);
	case CUL_F_N_OF:
		return n_of(m, e, row);
	case CUL_F_COVERED: {
		const char *stream = cul_arena_copy(m->arena, cul_val_slice(m, v[0]));
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
	case CUL_F_NUMBER:
		return as_number(m, v[0]);
	case CUL_F_TEXT:
		return call_on_text(m, e, (struct cul_val[]){ a[0]->op == CUL_OP_TERM ? cul_eval(m, a[0], row) : v[0], unknown });
	case CUL_F_ARGMAX: case CUL_F_ARGMIN:
		return extreme(m, e, row);
	case CUL_F_PERCENT:
		return number(v[0], &x) && number(v[1], &y) && y != 0 ? of_real(100 * x / y) : unknown;
	case CUL_F_CLOCK:
		return as_clock(m, v[0]);
	case CUL_F_AGE:
		return age(m->judge, v[0]);
	default:
		return call_on_text(m, e, v);
	}
}
