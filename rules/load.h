/* SPDX-License-Identifier: Apache-2.0 */
/** Reading a rule: YAML nodes -> struct cul_rule. Every mistake is CUL_ERULE, "file:line:column: sentence". */
#ifndef CUL_RULES_LOAD_H
#define CUL_RULES_LOAD_H

#include "rules/rule.h"

/** One rule while it is read. */
struct cul_loader {
	struct cul_rules *rules;
	struct cul_rule *rule;
	const struct cul_tree *tree;
	bool lenient; /* built in: a kind that nobody emits makes a term unknown */
	struct cul_error *err;
};

#define CUL_COUNT(a) (sizeof(a) / sizeof(*(a)))

/* Key, value of a map. */
#define CUL_EACH_PAIR(key, value, map)                                                                  \
	(const struct cul_node *key = (map) + 1, *value = key + key->span; key < (map) + (map)->span; \
	 key = value + value->span, value = key < (map) + (map)->span ? key + key->span : key)

/* ---- load_node.c ---- */
/** CUL_ERULE: the sentence, with the place of @at before it. */
enum cul_status cul_load_mistake(const struct cul_loader *l, const struct cul_node *at, const char *format, ...) CUL_PRINTF(3, 4);
enum cul_status cul_load_no_memory(const struct cul_loader *l);
/** A scalar's text; CUL_NONE, "" of anything else. */
struct cul_slice cul_load_slice(const struct cul_loader *l, const struct cul_node *n);
const char *cul_load_string(const struct cul_loader *l, const struct cul_node *n);
/** Is @map a map that has nothing but keys of @words? */
CUL_MUST_CHECK enum cul_status cul_load_keys(const struct cul_loader *l, const struct cul_node *map, const char *what,
					     const char *const *words, size_t count);
/** The index of a scalar in @words. */
CUL_MUST_CHECK enum cul_status cul_load_choice(const struct cul_loader *l, const struct cul_node *n, const char *key,
					       const char *const *words, size_t count, int *ret);
CUL_MUST_CHECK enum cul_status cul_load_flag(const struct cul_loader *l, const struct cul_node *n, const char *key, bool *ret);
/** Is it { en:, zh: } or a plain text? */
CUL_MUST_CHECK enum cul_status cul_load_text(const struct cul_loader *l, const struct cul_node *n, const char *key);
/** What names mean in an expression of term @term (-1: of the rule), of which @terms stand above; @set: over its rows together. */
struct cul_scope cul_load_scope(const struct cul_loader *l, const struct cul_node *at, int term, bool set, size_t terms);
CUL_MUST_CHECK enum cul_status cul_load_expression(const struct cul_loader *l, const struct cul_node *n, int term, bool set, size_t terms,
						   const struct cul_expr **ret);
/** "120 s" off @text; *ns stays when there is no number. */
bool cul_load_duration(struct cul_slice *text, int64_t *ns);

/* ---- load_term.c ---- */
CUL_MUST_CHECK enum cul_status cul_load_terms(const struct cul_loader *l);

/* ---- load_sign.c ---- */
/** A sign: one must, a title, and when two of them are one. */
CUL_MUST_CHECK enum cul_status cul_load_sign(struct cul_loader *l, const struct cul_node *sign);

#endif
