/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Rules of Common Reliability Enumerations (CRE, schema 0.1.1) in memory: a tree of sets and sequences over terms.
 * cre.c reads them, cre_match.c runs them over a case.
 */
#ifndef CUL_RULES_CRE_H
#define CUL_RULES_CRE_H

#include "rules/rule.h"

#define CUL_CRE_TERMS 64  /* of one set or sequence */
#define CUL_CRE_NEED 1000 /* entries that one term may ask for */

struct cul_cre_event;

struct cul_cre_term {
	const char *name;              /* as the evidence names it */
	int interest;                  /* behind the rule's first; -1: nested */
	const struct cul_cre_part *nested;
	const struct cul_node *node;
	size_t need;                   /* entries that it takes */
	/* of a negative one */
	int64_t window, slide;
	size_t anchor;
	bool absolute;
};

/** A set or a sequence. */
struct cul_cre_part {
	bool sequence, origin;
	const char *source;            /* abstract: "cre.log.redis"; or NULL */
	int64_t window;                /* ns; 0: none */
	struct cul_cre_term *terms, *negate;
	size_t count, negate_count;
	size_t need;                   /* of all terms together */
	const char **correlations;
	size_t correlation_count;
};

struct cul_cre {
	const char *name;              /* its id as it is written */
	const struct cul_cre_part *root; /* NULL: refused */
	const char *refused;           /* why it is never judged; NULL: it is */
	const char *mistake;           /* like that, without the place, which is @mistaken */
	const struct cul_node *mistaken;
	bool unsupported;              /* refused for what this program lacks, not for a mistake of the rule */
	bool several;                  /* its parts read different sources: the logs of a host are one stream */
	double certainty;
	const char *title, *summary, *cause, *impact, *category;
	const char **steps; size_t step_count;
	const char **references; size_t reference_count;
};

/** Is @tree a CRE file: a map with a list `rules`? */
bool cul_cre_is(const struct cul_tree *tree);
/** Read all rules of the document. What can't be run is kept and told as refused. */
CUL_MUST_CHECK enum cul_status cul_cre_read(struct cul_rules *rules, const struct cul_tree *tree, struct cul_error *err);
/** cre_re2.c: a pattern of RE2's syntax for PCRE2, malloc'd; NULL: no memory. */
char *cul_re2_to_pcre2(struct cul_slice re);
/** May a match of it, as it was written, hold the end of a line? Then it is searched in records with their continuation lines. */
bool cul_re2_crosses_lines(const char *pattern);
/** What the file at @path, which is no YAML, looks like. */
enum cul_cre_look { CUL_CRE_NEITHER, CUL_CRE_OURS, CUL_CRE_THEIRS };
enum cul_cre_look cul_cre_look(const char *path);

/* ---- rule.c, pack.c ---- */
/** Put @rule at its place in the order of ids; of CRE rules several may have one. CUL_ENOMEM. */
CUL_MUST_CHECK enum cul_status cul_rule_insert(struct cul_rules *rules, struct cul_rule *rule);
/** Keep a sentence about something that was passed over. CUL_ENOMEM. */
CUL_MUST_CHECK enum cul_status cul_rules_note(struct cul_rules *rules, const char *text);

#endif
