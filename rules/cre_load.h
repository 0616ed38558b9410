/* SPDX-License-Identifier: Apache-2.0 */
/** What cre.c, which reads files of Common Reliability Enumerations, and cre_term.c, which reads their sets and sequences, share. */
#ifndef CUL_RULES_CRE_LOAD_H
#define CUL_RULES_CRE_LOAD_H

#include "rules/cre.h"

struct cul_cre_loader {
	struct cul_rules *rules;
	struct cul_rule *rule;
	struct cul_cre *cre;
	const struct cul_tree *tree;
	const struct cul_node *named; /* terms: of the document, or NULL */
	const char *source;           /* of the set or sequence that is being read */
	const char *suffix;           /* of a second rule of that id */
	size_t weakest, strength;     /* lengths of literals of positive terms: least, sum */
	size_t kinds;                 /* of positive terms, by what they look for */
	bool no_memory;
};

#define CUL_CRE_SHORT 12 /* a literal shorter than that says little */
#define CUL_CRE_LONG 24

/** A text of the rules' memory, "" when there is no more. */
const char *cul_cre_print(struct cul_cre_loader *l, const char *format, ...) CUL_PRINTF(2, 3);
/** @size zeroed bytes of the rules' memory, NULL when there is no more. */
void *cul_cre_get(struct cul_cre_loader *l, size_t size);
/** Tell of something at @at that is passed over or read another way. */
void cul_cre_note(struct cul_cre_loader *l, const struct cul_node *at, const char *format, ...) CUL_PRINTF(3, 4);
/** Keep the rule as one that is never judged; the first reason counts. @unsupported: this program's lack, no mistake of the rule. Always false. */
bool cul_cre_refuse(struct cul_cre_loader *l, const struct cul_node *at, bool unsupported, const char *format, ...) CUL_PRINTF(4, 5);
const struct cul_node *cul_cre_key(const struct cul_cre_loader *l, const struct cul_node *map, const char *name);
/** Of a scalar; else CUL_NONE. */
struct cul_slice cul_cre_text(const struct cul_cre_loader *l, const struct cul_node *n);
bool cul_cre_true(const struct cul_cre_loader *l, const struct cul_node *n);
/** A note for each key of @map that is none of @words. */
void cul_cre_keys(struct cul_cre_loader *l, const struct cul_node *map, const char *what, const char *const *words);
#define KEYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* ---- cre_term.c ---- */
/** The set or sequence at @map; what it leaves open its frame @around says. NULL: refused, or no memory. */
const struct cul_cre_part *cul_cre_read_part(struct cul_cre_loader *l, const struct cul_node *around, const struct cul_node *map, bool sequence,
					     int depth);
/** Do parts of it read different sources? *@first: the first one, NULL at the start. */
bool cul_cre_several_sources(const struct cul_cre_part *p, const char **first);

#endif
