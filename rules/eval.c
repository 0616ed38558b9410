/* SPDX-License-Identifier: Apache-2.0 */
/** Expressions × rows -> values. Unknown goes through everything but `or`, `and`, has(), default() and aggregates. */
#include <math.h>
#include <stdlib.h>

#include "rules/eval.h"

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
		       of_text(cul_str(cul_case_source_name(m->judge->c, row->member)));
	return unknown;
}

/** The values of @field over a term's rows. */
static struct cul_val field_list(struct cul_match *m, int term, struct cul_slice field)
{
	struct cul_set *set = &m->sets[term];

	for (struct cul_cached *c = set->cache; c; c = c->next)
		if (cul_is(c->field, field))
			return c->list;
	struct cul_list *l = cul_list_new(m, set->count);
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
		struct cul_val *s = cul_list_sorted(m, a.list);
		a = s && a.list->count ? s[op == CUL_OP_LT || op == CUL_OP_LE ? 0 : a.list->count - 1] : unknown;
	}
	if (b.type == CUL_V_LIST) {
		struct cul_val *s = cul_list_sorted(m, b.list);
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

int64_t cul_set_weight(const struct cul_set *set)
{
	int64_t n = 0;
	for (size_t i = 0; i < set->count; i++)
		n += set->rows[i]->n > 0 ? set->rows[i]->n : 1;
	return n;
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
		int found = cul_pattern_match(pattern, cul_val_slice(m, v.type == CUL_V_LIST ? v.list->items[i] : v), groups, &count);
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
		return m->set >= 0 ? of_int(cul_set_weight(&m->sets[m->set])) : unknown;
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
		struct cul_list *l = cul_list_new(m, e->count);
		for (size_t i = 0; l && i < e->count; i++) {
			v = single(cul_eval(m, e->args[i], row));
			if (v.type != CUL_V_UNKNOWN)
				l->items[l->count++] = v;
		}
		return l && l->count ? (struct cul_val){ .type = CUL_V_LIST, .list = l } : unknown;
	}
	case CUL_OP_CALL:
		return cul_eval_call(m, e, row);
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
