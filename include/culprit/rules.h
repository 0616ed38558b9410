/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Rows -> matches -> findings: rules are data (YAML), compiled into the program or read from a folder.
 * docs/rules.md is the language.
 */
#ifndef CULPRIT_RULES_H
#define CULPRIT_RULES_H

#include "culprit/store.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cul_rules;

/**
 * Load the built-in pack (@builtin) and every *.yaml below the @count folders or files @paths. A rule of the user's
 * with the id of a built-in one replaces it. Mistakes fail with "file:line:column: sentence".
 */
CUL_API CUL_MUST_CHECK enum cul_status cul_rules_load(bool builtin, const char *const *paths, size_t count,
						      struct cul_rules **ret, struct cul_error *err);
CUL_API void cul_rules_free(struct cul_rules *rules);

/**
 * Which logs the abstract sources of CRE rules mean: a YAML map of source -> glob or list of globs, held against members'
 * names. A source that it doesn't name, and every one without it, means each log by itself.
 */
CUL_API CUL_MUST_CHECK enum cul_status cul_rules_cre_sources(struct cul_rules *rules, const char *path, struct cul_error *err);

/** What the parse shall look for. Lives as long as @rules. */
CUL_API const struct cul_interests *cul_rules_interests(const struct cul_rules *rules);

/* ---- findings ------------------------------------------------------------------------------- */

enum cul_role { CUL_ROLE_ROOT = 0, CUL_ROLE_CONTRIBUTING, CUL_ROLE_SYMPTOM, CUL_ROLE_BACKGROUND };
enum cul_evidence_role { CUL_MUST = 0, CUL_MAY, CUL_AGAINST };

/** One row that speaks for (or against) a finding. */
struct cul_evidence {
	enum cul_evidence_role role;
	const char *term;        /* its name in the rule */
	const struct cul_row *row;
};

/** A summand of the certainty. */
struct cul_summand {
	const char *term;  /* or "rule" for the rule's own class, "settled" for what is held back because nothing settles it */
	const char *class_name; /* proof, strong, likely, hint; NULL of "settled" */
	double points;     /* log-odds before calibration; negative: takes away */
	enum cul_truth state; /* CUL_UNKNOWN: its input was not there; points 0 */
	const char *why;   /* sentence, or NULL */
};

/** A named fact: a value or a list of values. */
struct cul_fact {
	const char *name;
	const struct cul_value *values; /* .field may be NULL for a derived value */
	size_t count;                   /* 1: a scalar */
};

struct cul_remedy {
	const char *what, *run, *why, *risk; /* run, why, risk: or NULL */
	const char *needs;                   /* restart, reset, reboot, power, rma, none */
	bool loses_work;
};

struct cul_finding {
	int order;                 /* 1 .. */
	const char *cause;
	enum cul_role role;
	int explained_by;          /* order of the finding that explains it, or 0 */
	const char *relation;      /* why: "same host, 122 s later", or NULL */
	double certainty;          /* 0..1 */
	int severity;              /* syslog 0..7 */
	const char *title, *summary;
	const char *act;           /* wait, restart-process, fix-config, fix-job, reset-gpu, drain-reboot, power-cycle, replace-hardware, update-software, none */
	const char *const *do_not; size_t do_not_count;
	int64_t first_ns, last_ns, onset_ns;
	int64_t count;             /* observations behind the must terms */
	bool at_least;             /* a capped source: count is a lower bound */
	enum cul_truth ongoing;    /* still happening at the capture */
	int host;                  /* index, or -1 */
	const struct cul_fact *entities; size_t entity_count;
	const struct cul_fact *facts; size_t fact_count;
	const struct cul_evidence *evidence; size_t evidence_count; /* deciding lines first; at most 64 */
	const struct cul_summand *summands; size_t summand_count;
	const struct cul_remedy *remedy; size_t remedy_count;
	const char *const *captures; size_t capture_count;       /* commands that would settle what is unknown */
	const char *const *before_reboot; size_t before_reboot_count; /* what a reboot destroys */
	const char *const *ruled_out; size_t ruled_out_count;    /* "amdgpu.ring-timeout: no ring timeout line" */
	const char *const *references; size_t reference_count;
	const char *waived;        /* the reason why it is known here and never leads; NULL: it isn't waived */
	bool in_baseline;          /* the healthy case has that cause too */
};

struct cul_not_judged { const char *cause, *why, *capture; };

struct cul_verdict {
	const struct cul_finding *findings; size_t count;
	int lead;                  /* order, or 0: no lead */
	const struct cul_not_judged *not_judged; size_t not_judged_count;
	const struct cul_template *const *unexplained; size_t unexplained_count; /* at most 10 */
	bool compared;             /* with a baseline: then `unexplained` is what that has not */
	size_t known_templates;    /* so many stood in the baseline too, and were left out */
	const char *const *changes; size_t change_count; /* sentences: kernel, system, driver that differ from the baseline's */
};

/** Something that is known here: a finding of that cause (and entity, where one is named) never leads. */
struct cul_waiver {
	const char *cause;          /* an id, or "nccl.*" */
	const char *entity, *value; /* "gpu", "0000:3b:00.0"; or NULL */
	const char *reason;         /* or NULL */
};

struct cul_judge_options {
	const char *lang;          /* "en" (default), "zh" */
	int64_t at_ns;             /* look near this time first; 0 */
	const char *about;         /* look at this pid, GPU, host, device first; NULL */
	const struct cul_waiver *waivers; size_t waiver_count;
	struct cul_case *baseline; /* a healthy case, opened with the same interests; NULL */
};

/** Judge @c by @rules. *@ret is freed with cul_verdict_free(); it points into @c and @rules. */
CUL_API CUL_MUST_CHECK enum cul_status cul_rules_judge(const struct cul_rules *rules, struct cul_case *c,
						       const struct cul_judge_options *options,
						       const struct cul_verdict **ret, struct cul_error *err);
CUL_API void cul_verdict_free(const struct cul_verdict *verdict);

/**
 * Prove a pack: ids, kinds, fields, circles, literals, examples. Each mistake goes to @report as one line;
 * returns their number.
 */
CUL_API size_t cul_rules_check(const struct cul_rules *rules, bool cross,
			       void (*report)(void *ctx, const char *line), void *ctx);

/** A rule as text for people: index 0 .. until false. */
struct cul_rule_info {
	const char *id, *title, *file, *act, *summary;
	int severity;
	bool builtin;
	const char *sign; /* "good", "change": no cause, it tells when all was well or what changed; NULL for a rule */
};
CUL_API bool cul_rules_info(const struct cul_rules *rules, size_t index, const char *lang, struct cul_rule_info *info);
/** A rule's title or summary with "<field>" in place of what is computed from a case; caller frees with free(). NULL: out of memory. */
CUL_API char *cul_rules_plain(const char *text);
/** The YAML text of a rule, or the rule in words; caller frees with free(). NULL: no such rule. */
CUL_API char *cul_rules_words(const struct cul_rules *rules, const char *id, const char *lang);

#ifdef __cplusplus
}
#endif
#endif
