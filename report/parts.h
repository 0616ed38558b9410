/* SPDX-License-Identifier: Apache-2.0 */
/** What the writers of this room share. */
#ifndef CUL_REPORT_PARTS_H
#define CUL_REPORT_PARTS_H

#include "base/arena.h"
#include "culprit/report.h"

/** What is being reported, gathered once. */
struct cul_report {
	struct cul_case *c;
	const struct cul_verdict *verdict;
	const struct cul_report_options *options;
	struct cul_arena *arena;
	FILE *out;
	int lang; /* 0 en, 1 zh */
	const struct cul_finding *lead; /* or NULL */
	const struct cul_host *hosts;
	const struct cul_gpu *gpus;
	const struct cul_damage *damage;
	size_t host_count, gpu_count, source_count, damage_count;
	int64_t lines, bytes, members;
};

void cul_report_text(struct cul_report *r);
enum cul_status cul_report_json(struct cul_report *r, struct cul_error *err);
void cul_report_markdown(struct cul_report *r);
void cul_report_dot(struct cul_report *r);
void cul_report_html(struct cul_report *r);
/** graph_svg.c: the causal graph, the findings in time; false when there is nothing to draw. */
bool cul_report_graph(struct cul_report *r);
bool cul_report_timeline(struct cul_report *r);

/* ---- in words, in the report's language; all of it unescaped ---- */

/** A text of @arena, never NULL. */
const char *cul_words(struct cul_report *r, const char *format, ...) CUL_PRINTF(2, 3);
/** "drain the host and reboot it"; an act that isn't known stands for itself. */
const char *cul_act_words(const struct cul_report *r, const char *act);
/** What the act costs and whom it hits: "all work on ai-box03 ends". "" when nothing is to be said. */
const char *cul_act_cost(struct cul_report *r, const struct cul_finding *f);
const char *cul_role_name(enum cul_role role);
const char *cul_severity_name(int severity);
/** The source's name, or "?". */
const char *cul_source_name(const struct cul_report *r, int member);
/** "host ai-box03, gpu 0000:08:00.0"; of a path its last name, of many values three. */
const char *cul_entity_words(struct cul_report *r, const struct cul_finding *f);
/** The same in at most @columns, whole entities only, without those that @title names; *@all: is that all of them? */
const char *cul_entity_short(struct cul_report *r, const struct cul_finding *f, const char *title, size_t columns, bool *all);
/** What to find out, where a cause itself asks for no act: "" when nothing is to be done at all. */
const char *cul_look_first(struct cul_report *r, const struct cul_finding *f);
/** Is the unexplained @t worth a line: not part of a finding, no head of a traceback, no counter that stands at 0. */
bool cul_worth_a_line(const struct cul_report *r, const struct cul_template *t);

/* ---- tell.c ---- */
/** @text without the values that aren't known ("?") and the words that only lead to them. */
const char *cul_known(struct cul_report *r, const char *text);
/** The same by sentences: one that needs such a value goes as a whole. */
const char *cul_known_sentences(struct cul_report *r, const char *text);
/** @text (harmless) or its first clauses, as far as they fit into @columns. */
const char *cul_clause(struct cul_report *r, const char *text, size_t columns);
/** What stands on the further lines of an observation: of a GPU in the table of nvidia-smi its memory, use and power. */
const char *cul_row_rest(struct cul_report *r, const struct cul_row *row);
/** Of a line of evidence the @columns in which the words of @f (may be NULL) stand; harmless. */
const char *cul_tell(struct cul_report *r, const struct cul_finding *f, struct cul_slice raw, size_t columns);
/** A value as text. */
const char *cul_value_words(struct cul_report *r, const struct cul_value *value);
/** The values of the fact of one of these names (NULL-terminated), joined; NULL when there is none. */
const char *cul_fact_words(struct cul_report *r, const struct cul_finding *f, const char *const *names);
/** "2025-11-18 09:12:03 UTC"; "" for CUL_NO_TIME. */
extern const char *const cul_good_facts[], *const cul_change_facts[];
/** The first of these facts that it has, its times as people write them: "06:12:13 words; …"; or NULL. */
const char *cul_before_words(struct cul_report *r, const struct cul_finding *f, const char *const *names);
const char *cul_time_words(struct cul_report *r, int64_t ns);
/** When @f began; without a wall clock "9121.1 s after the boot" where its evidence has that; or "". */
const char *cul_first_words(struct cul_report *r, const struct cul_finding *f);
/** The same of its last observation. */
const char *cul_last_words(struct cul_report *r, const struct cul_finding *f);
/** "1,842" */
const char *cul_count_words(struct cul_report *r, int64_t n);
/** "2.1 MiB" */
const char *cul_bytes_words(struct cul_report *r, int64_t bytes);
/** The root that comes next to the lead, or NULL. */
const struct cul_finding *cul_runner_up(const struct cul_report *r);
/** Pick up to @most evidence of @f to show: one line of each term and source first. Returns how many. */
size_t cul_pick_evidence(const struct cul_finding *f, const struct cul_evidence **picked, size_t most);
/** "log, nvidia_smi, ps": the readers of all sources, each once, at most @most of them. */
const char *cul_readers(struct cul_report *r, size_t most);
/** "; waived: known here; also in the baseline", or "". */
const char *cul_asked_words(struct cul_report *r, const struct cul_finding *f);
/** Is there no lead only because what would lead is waived? */
bool cul_only_waived(const struct cul_report *r);
/** The span of the logs: earliest first, latest last; CUL_NO_TIME. */
void cul_report_span(const struct cul_report *r, int64_t *first, int64_t *last);

#endif
