/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The little expressions of the rules (docs/rules.ebnf): text -> tree, tree × rows -> value. Three-valued: a missing
 * value is unknown, and unknown is never true.
 */
#ifndef CUL_RULES_EXPR_H
#define CUL_RULES_EXPR_H

#include "base/arena.h"
#include "culprit/store.h"

struct cul_rule;
struct cul_rules;

enum cul_val_type { CUL_V_UNKNOWN = 0, CUL_V_INT, CUL_V_REAL, CUL_V_TEXT, CUL_V_FLAG, CUL_V_TIME, CUL_V_VERSION, CUL_V_LIST };

struct cul_list;

struct cul_val {
	enum cul_val_type type;
	union {
		int64_t i; /* INT, FLAG; TIME: ns UTC */
		double r;
		struct cul_slice s; /* TEXT, VERSION */
		struct cul_list *list;
	};
};

/** Values of one field over a set of rows; rows that lack it are skipped. */
struct cul_list {
	struct cul_val *items;
	size_t count;
	const struct cul_row *const *rows; /* the set, or NULL: a list written out */
	uint32_t *at;                      /* which row of the set each item comes from */
	struct cul_val *sorted;            /* made when first asked for */
};

enum cul_op {
	CUL_OP_CONST, CUL_OP_FIELD, CUL_OP_TERM, CUL_OP_TERM_FIELD, CUL_OP_LET, CUL_OP_PART, CUL_OP_COUNT, CUL_OP_LIST, CUL_OP_CALL,
	CUL_OP_NOT, CUL_OP_AND, CUL_OP_OR, CUL_OP_NEG,
	CUL_OP_EQ, CUL_OP_NE, CUL_OP_LT, CUL_OP_LE, CUL_OP_GT, CUL_OP_GE, CUL_OP_MATCH, CUL_OP_NOMATCH, CUL_OP_IN,
	CUL_OP_ADD, CUL_OP_SUB, CUL_OP_MUL, CUL_OP_DIV, CUL_OP_MOD,
};

/** A node of the tree. */
struct cul_expr {
	uint8_t op, function;
	uint16_t count;
	int index;               /* term, let; MATCH and match(): number of the compiled pattern */
	struct cul_slice name;   /* field; pattern text */
	struct cul_val constant;
	const struct cul_expr *const *args;
	bool own;                /* looks at the row (or, in need, the rows) at hand */
	bool dynamic;            /* needs other terms' rows: evaluated for each part */
};

/** What names an expression may use, and where its text stands. */
struct cul_scope {
	struct cul_rules *rules;
	struct cul_rule *rule;
	int term;        /* the term whose row (or, @set, rows) bare names mean; -1: none */
	bool set;
	bool late;       /* parsed while judging: patterns have no number */
	size_t terms;    /* only the first so many terms may be named */
	size_t lets;     /* only the first so many lets */
	struct cul_arena *arena;
	const char *file;
	unsigned line, column;
};

#define CUL_EXPR_DEPTH 48
#define CUL_EXPR_NODES 400

/** Parse all of @text. Returns CUL_OK; CUL_ERULE with "file:line:column: sentence"; CUL_ENOMEM. */
CUL_MUST_CHECK enum cul_status cul_expr_parse(const struct cul_scope *scope, struct cul_slice text,
					      const struct cul_expr **ret, struct cul_error *err);

/** Of @count words the one that is meant by @word (edit distance at most a third of it), or NULL. */
const char *cul_nearest(struct cul_slice word, const char *const *words, size_t count);

/* ---- evaluation ----------------------------------------------------------------------------- */

struct cul_match; /* match.h */

struct cul_val cul_eval(struct cul_match *match, const struct cul_expr *expr, const struct cul_row *row);
enum cul_truth cul_eval_truth(struct cul_match *match, const struct cul_expr *expr, const struct cul_row *row);
enum cul_truth cul_val_truth(struct cul_val v);
/** Order of two single values; *known false when they can't be compared. */
int cul_val_compare(struct cul_val a, struct cul_val b, bool *known);
/** @field of @row as a value. */
struct cul_val cul_row_val(struct cul_match *match, const struct cul_row *row, struct cul_slice field);
/** As people read it; lists joined with ", ". "" when unknown. */
const char *cul_val_text(struct cul_arena *arena, struct cul_val v);
/** The values of @l in order, once each, in the match's arena. */
size_t cul_val_distinct(struct cul_match *match, struct cul_val v, struct cul_val **ret);
bool cul_list_has(struct cul_match *match, struct cul_list *list, struct cul_val v);

enum {
	CUL_F_COUNT, CUL_F_FIRST, CUL_F_LAST, CUL_F_MIN, CUL_F_MAX, CUL_F_SUM, CUL_F_AVG, CUL_F_MEDIAN, CUL_F_DISTINCT, CUL_F_LIST,
	CUL_F_SORTED, CUL_F_SLOPE, CUL_F_R2, CUL_F_SPAN, CUL_F_RATE, CUL_F_STEPS, CUL_F_HAS, CUL_F_DEFAULT, CUL_F_ROUND, CUL_F_ABS,
	CUL_F_LOWER, CUL_F_CONTAINS, CUL_F_STARTS, CUL_F_ENDS, CUL_F_BASENAME, CUL_F_MATCH, CUL_F_VERSION, CUL_F_STACK, CUL_F_N_OF,
	CUL_F_COVERED, CUL_F_IF, CUL_F_NUMBER, CUL_F_TEXT, CUL_F_ARGMAX, CUL_F_ARGMIN, CUL_F_PERCENT, CUL_F_LAG, CUL_F_CLOCK, CUL_F_AGE,
	CUL_F_END
};

#endif
