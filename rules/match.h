/* SPDX-License-Identifier: Apache-2.0 */
/** Rules × rows: sets of rows for each term, for each part (host, GPU, …) of a rule. */
#ifndef CUL_RULES_MATCH_H
#define CUL_RULES_MATCH_H

#include "base/pattern.h"
#include "rules/rule.h"

#define CUL_PARTS 64          /* findings of one rule at most: those with the most rows */
#define CUL_FINDINGS 400      /* of one verdict */
#define CUL_EVIDENCE 64
#define CUL_SLACK_NS INT64_C(2000000000) /* order of two onsets closer than that is open */
#define CUL_LATE 128
#define CUL_CHANGES 16
#define CUL_PATTERN_STEPS 100000

/** What of a healthy case findings are held against. */
struct cul_baseline {
	const struct cul_template *templates; size_t template_count;
};

/** One run over a case. */
struct cul_judge {
	const struct cul_rules *rules;
	const struct cul_rule *only;  /* judge by this rule alone; its interests are the whole table */
	struct cul_case *c;
	const char *lang;
	int64_t at_ns;
	const char *about;
	const struct cul_waiver *waivers; size_t waiver_count;
	const struct cul_baseline *baseline; /* what a healthy case shows; or NULL */
	struct cul_arena *arena;      /* the verdict's */
	struct cul_arena *scratch;    /* reset for each rule */
	struct cul_pattern **patterns; /* compiled when first asked for */
	struct { struct cul_slice text; struct cul_pattern *pattern; } late[CUL_LATE]; size_t late_count; /* of texts */
	const struct cul_host *hosts; size_t host_count;
	size_t source_count;
	int64_t end_ns; bool end_known; /* the last time of them all */
	const struct cul_kind *record;
	int *logs, *log_order;        /* of CRE rules, by member: the log it is a piece of, its place in the order of names */
	struct cul_error *err;
	enum cul_status status;       /* the first failure; matching goes on to nothing */
};

struct cul_cached { struct cul_slice field; struct cul_val list; struct cul_cached *next; };

/** The rows of one term in one part. */
struct cul_set {
	const struct cul_row **rows;
	size_t count;
	size_t undecided;    /* rows whose condition is unknown */
	bool untimed;        /* a window could not be decided */
	enum cul_truth state;
	const char *missing; /* state UNKNOWN: the stream that was not handed in, or NULL */
	struct cul_cached *cache;
	int64_t *onsets; size_t onset_count;  /* of its rows, ordered; made when first an anchor */
	bool onsets_made;
	int section; int64_t uncertainty_ns; /* of all its timed rows; section -1: they differ */
};

struct cul_part {
	int host;
	const char *gpu;
	struct cul_val keys[CUL_PER];
};

/** A rule in one part. */
struct cul_match {
	struct cul_judge *judge;
	const struct cul_rule *rule;
	struct cul_arena *arena;  /* for values */
	struct cul_part part;
	struct cul_set *sets;     /* by term */
	int set;                  /* bare names mean the rows of this term; -1: none */
	struct cul_val *lets;
	bool *let_done;
	struct cul_memo { const struct cul_expr *expr; struct cul_val val; struct cul_memo *next; } *memo; /* what is the same for all rows */
	enum cul_truth must;      /* all musts (and some, when) */
	enum cul_truth never;     /* some never */
	bool partly;              /* some must is present */
};

/** Match @rule; @each is told every part where a must is present or all are open. */
void cul_match_rule(struct cul_judge *judge, const struct cul_rule *rule,
		    void (*each)(void *ctx, struct cul_match *match), void *ctx);

/** All rows that @term may mean, before any condition but `unit`. */
size_t cul_match_base(struct cul_judge *judge, const struct cul_rule *rule, const struct cul_term *term,
		      const struct cul_row *const **ret);
/** The stream that would show @term. */
const char *cul_term_stream(const struct cul_term *term);
/** Is @rule's input there at all on @host? FALSE: the stream *missing isn't. */
enum cul_truth cul_term_covered(struct cul_judge *judge, const struct cul_term *term, int host, int64_t from, int64_t to,
				const char **missing);
/** In place of a stream: the scan of that case did not look for the term's pattern. */
extern const char cul_rescan[];
/** Did the scan of the case look for all patterns of @term? */
bool cul_term_looked(const struct cul_judge *judge, const struct cul_rule *rule, const struct cul_term *term);
/** The compiled pattern of that number, or NULL. */
struct cul_pattern *cul_judge_pattern(struct cul_judge *judge, int index, struct cul_slice text);

#endif
