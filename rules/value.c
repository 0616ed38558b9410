/* SPDX-License-Identifier: Apache-2.0 */
/** Values of the expressions: their order, truth and text; lists of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rules/eval.h"

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
int cul_val_order(const void *pa, const void *pb)
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

struct cul_list *cul_list_new(struct cul_match *m, size_t room)
{
	struct cul_list *l = cul_arena_get(m->arena, sizeof(*l));
	if (!l)
		return NULL;
	l->items = cul_arena_get(m->arena, (room ? room : 1) * sizeof(*l->items));
	return l->items ? l : NULL;
}

struct cul_val *cul_list_sorted(struct cul_match *m, struct cul_list *l)
{
	if (l->sorted)
		return l->sorted;
	struct cul_val *copy = cul_arena_get(m->arena, (l->count ? l->count : 1) * sizeof(*copy));
	if (!copy)
		return NULL;
	memcpy(copy, l->items, l->count * sizeof(*copy));
	qsort(copy, l->count, sizeof(*copy), cul_val_order);
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
	struct cul_val *s = cul_list_sorted(m, l);
	if (!s)
		return false;
	bool mixed = (s[0].type == CUL_V_TEXT) != (v.type == CUL_V_TEXT) || s[0].type != s[l->count - 1].type;
	if (mixed) { /* "79" against 79 */
		for (size_t i = 0; i < l->count; i++)
			if (!cul_val_compare(s[i], v, &known) && known)
				return true;
		return false;
	}
	return bsearch(&v, s, l->count, sizeof(*s), cul_val_order) != NULL;
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
	struct cul_val *s = cul_list_sorted(m, v.list);
	if (!s)
		return 0;
	size_t n = 0;
	for (size_t i = 0; i < v.list->count; i++)
		if (!n || cul_val_order(&out[n - 1], &s[i]))
			out[n++] = s[i];
	return n;
}

struct cul_slice cul_val_slice(struct cul_match *m, struct cul_val v)
{
	v = single(v);
	if (v.type == CUL_V_TEXT || v.type == CUL_V_VERSION)
		return v.s;
	return v.type == CUL_V_UNKNOWN ? CUL_NONE : cul_str(cul_val_text(m->arena, v));
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
