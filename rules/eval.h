/* SPDX-License-Identifier: Apache-2.0 */
/** What evaluating is made of: values by hand, lists, functions. For eval.c, call.c, value.c. */
#ifndef CUL_RULES_EVAL_H
#define CUL_RULES_EVAL_H

#include <math.h>

#include "rules/match.h"

static const struct cul_val unknown = { .type = CUL_V_UNKNOWN };

static inline struct cul_val of_int(int64_t i)
{
	return (struct cul_val){ .type = CUL_V_INT, .i = i };
}
static inline struct cul_val of_real(double r)
{
	return isfinite(r) ? (struct cul_val){ .type = CUL_V_REAL, .r = r } : unknown;
}
static inline struct cul_val of_text(struct cul_slice s)
{
	return s.data ? (struct cul_val){ .type = CUL_V_TEXT, .s = s } : unknown;
}
static inline struct cul_val of_truth(enum cul_truth t)
{
	return t == CUL_UNKNOWN ? unknown : (struct cul_val){ .type = CUL_V_FLAG, .i = t == CUL_TRUE };
}

/** A list's first; anything else as it is. */
static inline struct cul_val single(struct cul_val v)
{
	if (v.type == CUL_V_LIST)
		return v.list->count ? v.list->items[0] : unknown;
	return v;
}

static inline bool number(struct cul_val v, double *ret)
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

/* ---- value.c ---- */
/** An empty list of @room; NULL: out of memory. */
struct cul_list *cul_list_new(struct cul_match *m, size_t room);
/** The items in cul_val_order(), kept; NULL: out of memory. */
struct cul_val *cul_list_sorted(struct cul_match *m, struct cul_list *l);
/** A total order of values for qsort() and bsearch(): by type family, then value. */
int cul_val_order(const void *a, const void *b);
/** As text (of a list its first); CUL_NONE: unknown. */
struct cul_slice cul_val_slice(struct cul_match *m, struct cul_val v);

/* ---- eval.c ---- */
/** How many happenings the rows of @set stand for. */
int64_t cul_set_weight(const struct cul_set *set);

/* ---- call.c ---- */
struct cul_val cul_eval_call(struct cul_match *m, const struct cul_expr *e, const struct cul_row *row);

#endif
