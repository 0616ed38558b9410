/* SPDX-License-Identifier: Apache-2.0 */
/** Findings while they are weighed and put in order. */
#ifndef CUL_RULES_FINDING_H
#define CUL_RULES_FINDING_H

#include "rules/match.h"

/** A finding with what the causal graph asks of it. */
struct cul_scored {
	struct cul_finding f;
	const struct cul_rule *rule;
	double strength;        /* the certainty that all its evidence would give, settled or not: what explaining asks for */
	int boot;               /* of its first row; -1 */
	int64_t uncertainty_ns; /* of its onset */
	int section;            /* 1 + that of its onset's row; 0: unknown */
	const char *stream;     /* of its onset's row; NULL */
	int64_t since_boot_ns;  /* of its first row, where nothing gives it a time; CUL_NO_TIME */
	bool onset_open;        /* seen in a snapshot: it began then or earlier */
	uint64_t edges;         /* bit by edge of the rule: its `when` holds */
	int parent;             /* index of the finding that explains it; -1 */
	bool contributes;       /* its parent is what it triggers */
	const struct cul_edge *via;
	bool untimed_edge;
	double weight;
	bool asked;             /* it is what --about means */
	bool past; /* over for a day when another root began on this host, or for two weeks */
};

/** All that one verdict owns. */
struct cul_verdict_own {
	struct cul_verdict verdict; /* first: what the caller holds */
	struct cul_arena *arena;
	struct cul_scored **scored;
	size_t count;
	struct cul_not_judged *open; /* … with how much each matters */
	int *open_weight;
	size_t open_count;
};

/* ---- text.c ---- */
enum cul_text_style { CUL_TEXT_PROSE, CUL_TEXT_COMMAND };
/** The text at @node in the judge's language, its {expressions} filled in; NULL for none. In the verdict's arena. */
const char *cul_rule_text(struct cul_match *match, const struct cul_node *node, enum cul_text_style style);
/** The same for a rule without rows: braces stay. */
struct cul_slice cul_text_raw(const struct cul_tree *tree, const struct cul_node *node, const char *lang);
bool cul_is_zh(const char *lang);
/** Copy of @v that outlives the match; a time becomes ISO text. */
struct cul_value cul_text_value(struct cul_arena *arena, struct cul_val v);
/** The command that would show @term. */
const char *cul_text_capture(struct cul_match *match, const struct cul_term *term);
/** "no kernel log was handed in" */
const char *cul_text_missing(struct cul_arena *arena, const char *lang, const char *stream);

/* ---- score.c ---- */
/** Weigh @match and make its finding; NULL: out of memory. */
struct cul_scored *cul_score(struct cul_match *match);

/* ---- cre_match.c ---- */
/** Run a CRE rule over the case; @add is told its finding for each host. */
void cul_cre_match(struct cul_judge *judge, const struct cul_rule *rule, void (*add)(void *ctx, struct cul_scored *scored), void *ctx);

/* ---- graph.c ---- */
/** Who explains whom, roles and order: fills order, role, explained_by, relation; returns the lead's order or 0. */
int cul_graph(struct cul_judge *judge, struct cul_scored **scored, size_t count);
/** Does @cause ("nccl.*" too) mean @id? */
bool cul_cause_is(const char *cause, const char *id);

/* ---- signs.c ---- */
/** Tell of each root when all was last known to be well and what changed between: facts last_known_good, changed_between. */
void cul_signs(struct cul_judge *judge, struct cul_scored **scored, size_t count);
/** Does the sign @rule see anything in @c, which was scanned for its interests alone? */
CUL_MUST_CHECK enum cul_status cul_sign_seen(const struct cul_rules *rules, const struct cul_rule *rule, struct cul_case *c, bool *ret,
					     struct cul_error *err);

/* ---- ask.c ---- */
/** Is @finding about what the user asks about? */
bool cul_ask_about(struct cul_judge *judge, const struct cul_finding *finding);
/** Does @about stand in @text as a word? */
bool cul_ask_mentions(const char *about, const char *text);
/** The reason why @finding is waived, or NULL. */
const char *cul_ask_waived(struct cul_judge *judge, const struct cul_finding *finding);
/** Hold the findings and versions against the healthy case @good. */
CUL_MUST_CHECK enum cul_status cul_ask_baseline(struct cul_judge *judge, struct cul_verdict_own *own, struct cul_case *good);
/** Keep those of @list that the baseline has not; returns how many. */
size_t cul_ask_new(struct cul_judge *judge, const struct cul_template **list, size_t count);

/* ---- verdict.c ---- */
/** cul_rules_judge(); with @only, by that rule alone, on a case that was scanned for its interests alone. */
CUL_MUST_CHECK enum cul_status cul_judge_run(const struct cul_rules *rules, const struct cul_rule *only, struct cul_case *c,
					     const struct cul_judge_options *options, const struct cul_verdict **ret,
					     struct cul_error *err);

#endif
