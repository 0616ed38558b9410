/* SPDX-License-Identifier: Apache-2.0 */
/** Rules × case -> verdict: findings in order, what could not be judged, what nobody explains. */
#include <stdlib.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "rules/cre.h"
#include "rules/finding.h"

#define NOT_JUDGED 20 /* beside those that need another scan */
#define RESCAN "culprit scan PATH... -o CASE"
#define LAST_WEIGHT (-100)
#define UNEXPLAINED 10
#define LEAST_CERTAINTY 0.1 /* below that a finding is no suspect */
#define NEAR_NS (INT64_C(600) * CUL_SECOND)

struct run {
	struct cul_judge *judge;
	struct cul_verdict_own *own;
	size_t room;
};

static void add_open_item(struct run *run, struct cul_not_judged item, int weight)
{
	struct cul_verdict_own *own = run->own;
	struct cul_judge *j = run->judge;

	for (size_t i = 0; i < own->open_count; i++)
		if (!strcmp(own->open[i].cause, item.cause))
			return;
	if (own->open_count % 64 == 0) {
		struct cul_not_judged *larger = cul_arena_get(j->arena, (own->open_count + 64) * sizeof(*larger));
		int *weights = cul_arena_get(j->arena, (own->open_count + 64) * sizeof(*weights));
		if (!larger || !weights)
			return;
		if (own->open_count) {
			memcpy(larger, own->open, own->open_count * sizeof(*larger));
			memcpy(weights, own->open_weight, own->open_count * sizeof(*weights));
		}
		own->open = larger;
		own->open_weight = weights;
	}
	own->open_weight[own->open_count] = weight;
	own->open[own->open_count++] = item;
}

static void add_open(struct run *run, struct cul_match *m, const struct cul_term *term, const char *missing, int weight)
{
	struct cul_judge *j = run->judge;

	add_open_item(run, (struct cul_not_judged){ .cause = m->rule->id, .why = cul_text_missing(j->arena, j->lang, missing),
						    .capture = missing == cul_rescan ? RESCAN : cul_text_capture(m, term) }, weight);
}

static void add_scored(void *ctx, struct cul_scored *s)
{
	struct run *run = ctx;

	if (run->own->count < CUL_FINDINGS)
		run->own->scored[run->own->count++] = s;
}

static void each_match(void *ctx, struct cul_match *m)
{
	struct run *run = ctx;
	struct cul_verdict_own *own = run->own;

	if (m->never == CUL_TRUE || m->must == CUL_FALSE)
		return;
	if (m->must == CUL_UNKNOWN) {
		for (size_t i = 0; i < m->rule->term_count && m->rule->terms[i].role <= CUL_TERM_SOME; i++)
			if (m->sets[i].state == CUL_UNKNOWN && m->sets[i].missing) {
				add_open(run, m, &m->rule->terms[i], m->sets[i].missing, 8 - (int)m->rule->worth);
				break;
			}
		return;
	}
	if (own->count == CUL_FINDINGS)
		return;
	struct cul_scored *s = cul_score(m);
	if (!s) {
		run->judge->status = CUL_ENOMEM;
		return;
	}
	if (s->f.certainty < LEAST_CERTAINTY)
		return;
	own->scored[own->count++] = s;
}

/* Where a symptom stands unexplained and the input of a rule that would explain it was not handed in. */
static void ask_for_causes(struct run *run)
{
	struct cul_judge *j = run->judge;

	for (size_t r = 0; r < j->rules->count; r++) {
		const struct cul_rule *rule = j->rules->rules[r];
		bool asks = false;
		if (j->only && j->only != rule)
			continue;
		for (size_t e = 0; e < rule->edge_count && !asks; e++) {
			if (rule->edges[e].weight == CUL_TRIGGER || rule->edges[e].weight == CUL_WEAK)
				continue;
			for (size_t i = 0; i < run->own->count && !asks; i++) {
				const struct cul_scored *s = run->own->scored[i];
				asks = s->parent < 0 && s->rule != rule && (s->f.role == CUL_ROLE_ROOT || s->f.role == CUL_ROLE_SYMPTOM) &&
				       cul_cause_is(rule->edges[e].cause, s->f.cause);
			}
		}
		if (!asks)
			continue;
		struct cul_match m = { .judge = j, .rule = rule, .arena = j->arena, .set = -1, .part = { .host = -1 } };
		const struct cul_term *open = NULL;
		const char *missing = NULL, *which = NULL;
		bool all_open = true;
		for (size_t i = 0; i < rule->term_count && rule->terms[i].role <= CUL_TERM_SOME; i++) {
			const struct cul_term *t = &rule->terms[i];
			if (t->absent)
				continue;
			if (t->sql || cul_term_covered(j, t, -1, CUL_NO_TIME, CUL_NO_TIME, &missing) != CUL_FALSE || !missing)
				all_open = false;
			else if (!open) {
				open = t;
				which = missing;
			}
		}
		if (!open || !all_open)
			continue;
		m.sets = cul_arena_get(j->arena, rule->term_count * sizeof(*m.sets));
		m.lets = cul_arena_get(j->arena, (rule->let_count + 1) * sizeof(*m.lets));
		m.let_done = cul_arena_get(j->arena, rule->let_count + 1);
		if (!m.sets || !m.lets || !m.let_done)
			return;
		for (size_t i = 0; i < rule->term_count; i++)
			m.sets[i].state = CUL_UNKNOWN;
		add_open(run, &m, open, which, 4 - (int)rule->worth);
	}
}

/* Is the rule's answer known although some of its patterns were not looked for: a must of another kind is absent? */
static bool absent_anyway(struct cul_judge *j, const struct cul_rule *rule)
{
	const struct cul_row *const *rows;
	const char *missing;

	for (size_t i = 0; i < rule->term_count && rule->terms[i].role == CUL_TERM_MUST; i++) {
		const struct cul_term *t = &rule->terms[i];
		if (t->absent || t->sql || !cul_term_looked(j, rule, t) || cul_match_base(j, rule, t, &rows))
			continue;
		if (cul_term_covered(j, t, -1, CUL_NO_TIME, CUL_NO_TIME, &missing) == CUL_TRUE)
			return true;
	}
	return false;
}

static bool looked(struct cul_judge *j, const struct cul_rule *rule)
{
	for (size_t i = 0; rule->cre && i < rule->interest_count; i++)
		if (!cul_case_looked_for(j->c, (int)((j->only ? 0 : rule->interest) + i)))
			return false;
	for (size_t i = 0; !rule->cre && i < rule->term_count && rule->terms[i].role <= CUL_TERM_SOME; i++)
		if (!cul_term_looked(j, rule, &rule->terms[i]))
			return false;
	return true;
}

/* Rules that ask for lines which the scan of this case did not look for: their absence is no answer. */
static void ask_for_rescan(struct run *run)
{
	struct cul_judge *j = run->judge;

	for (size_t r = 0; r < j->rules->count && j->status == CUL_OK; r++) {
		const struct cul_rule *rule = j->rules->rules[r];
		bool found = false;

		if ((j->only && j->only != rule) || rule->sign || looked(j, rule) || absent_anyway(j, rule))
			continue;
		for (size_t i = 0; i < run->own->count && !found; i++)
			found = run->own->scored[i]->rule == rule;
		if (!found)
			add_open_item(run, (struct cul_not_judged){ .cause = rule->id, .why = cul_text_missing(j->arena, j->lang, cul_rescan),
								    .capture = RESCAN }, LAST_WEIGHT);
		cul_arena_reset(j->scratch);
	}
}

static void keep_open(struct cul_verdict_own *own)
{
	/* by how much they would tell, then by id: an insertion sort of a few dozen */
	for (size_t i = 1; i < own->open_count; i++)
		for (size_t k = i; k; k--) {
			int order = own->open_weight[k] - own->open_weight[k - 1];
			if (!order)
				order = -strcmp(own->open[k].cause, own->open[k - 1].cause);
			if (order <= 0)
				break;
			struct cul_not_judged item = own->open[k];
			int weight = own->open_weight[k];
			own->open[k] = own->open[k - 1];
			own->open_weight[k] = own->open_weight[k - 1];
			own->open[k - 1] = item;
			own->open_weight[k - 1] = weight;
		}
	own->verdict.not_judged = own->open;
	size_t others = 0;
	while (others < own->open_count && own->open_weight[others] != LAST_WEIGHT)
		others++;
	size_t kept = others < NOT_JUDGED ? others : NOT_JUDGED;
	if (kept < others)
		memmove(&own->open[kept], &own->open[others], (own->open_count - others) * sizeof(*own->open));
	own->verdict.not_judged_count = kept + own->open_count - others;
}

struct template_order {
	int64_t from, to; /* of the lead, or what the user asks for; widened */
	bool at;          /* the user asks for that time */
	const char *about;
};

static int by_template(const void *pa, const void *pb, void *ctx)
{
	const struct cul_template *a = *(const struct cul_template *const *)pa, *b = *(const struct cul_template *const *)pb;
	const struct template_order *o = ctx;
	int severity_a = a->severity < 0 ? 8 : a->severity, severity_b = b->severity < 0 ? 8 : b->severity;
	bool near_a = o->from != CUL_NO_TIME && a->first_ns != CUL_NO_TIME && a->first_ns <= o->to && a->last_ns >= o->from;
	bool near_b = o->from != CUL_NO_TIME && b->first_ns != CUL_NO_TIME && b->first_ns <= o->to && b->last_ns >= o->from;

	if (o->about) {
		bool says_a = cul_ask_mentions(o->about, a->specimen ? a->specimen : ""), says_b = cul_ask_mentions(o->about, b->specimen ? b->specimen : "");
		if (says_a != says_b)
			return says_a ? -1 : 1;
	}
	if (o->at && near_a != near_b)
		return near_a ? -1 : 1;
	if (severity_a != severity_b)
		return severity_a - severity_b;
	if (near_a != near_b)
		return near_a ? -1 : 1;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	int order = strcmp(a->text ? a->text : "", b->text ? b->text : "");
	return order ? order : a->line < b->line ? -1 : a->line > b->line;
}

static void add_unexplained(struct run *run)
{
	struct cul_judge *j = run->judge;
	struct cul_verdict_own *own = run->own;
	struct template_order o = { .from = CUL_NO_TIME, .to = CUL_NO_TIME, .at = j->at_ns != 0, .about = j->about };
	size_t count = 0;
	const struct cul_template *all = cul_case_templates(j->c, &count);

	if (!count)
		return;
	const struct cul_template **list = cul_arena_get(j->arena, count * sizeof(*list));
	if (!list)
		return;
	for (size_t i = 0; i < count; i++)
		list[i] = &all[i];
	own->verdict.known_templates = count;
	count = cul_ask_new(j, list, count);
	own->verdict.known_templates -= count;
	if (o.at) {
		o.from = j->at_ns - NEAR_NS;
		o.to = j->at_ns + NEAR_NS;
	} else if (own->verdict.lead) {
		const struct cul_finding *f = &own->verdict.findings[own->verdict.lead - 1];
		if (f->first_ns != CUL_NO_TIME) {
			o.from = f->first_ns - NEAR_NS;
			o.to = f->last_ns + NEAR_NS;
		}
	}
	qsort_r(list, count, sizeof(*list), by_template, &o);
	own->verdict.unexplained = list;
	own->verdict.unexplained_count = count < UNEXPLAINED ? count : UNEXPLAINED;
}

/* A rival that was found is not ruled out. */
static void prune_rivals(struct cul_verdict_own *own)
{
	for (size_t i = 0; i < own->count; i++) {
		struct cul_finding *f = &own->scored[i]->f;
		const char **list = (const char **)(uintptr_t)f->ruled_out;
		size_t n = 0;
		for (size_t k = 0; k < f->ruled_out_count; k++) {
			bool found = false;
			const char *colon = strstr(list[k], ": ");
			for (size_t o = 0; colon && o < own->count && !found; o++) {
				const char *id = own->scored[o]->f.cause;
				found = strlen(id) == (size_t)(colon - list[k]) && !strncmp(id, list[k], strlen(id));
			}
			if (!found)
				list[n++] = list[k];
		}
		f->ruled_out_count = n;
	}
}

static void free_judge(struct cul_judge *j)
{
	for (size_t i = 0; j->patterns && i < j->rules->patterns; i++)
		if (j->patterns[i])
			cul_pattern_free(j->patterns[i]);
	for (size_t i = 0; i < j->late_count; i++)
		if (j->late[i].pattern)
			cul_pattern_free(j->late[i].pattern);
	free(j->patterns);
	if (j->scratch)
		cul_arena_free(j->scratch);
}

enum cul_status cul_judge_run(const struct cul_rules *rules, const struct cul_rule *only, struct cul_case *c,
			      const struct cul_judge_options *options, const struct cul_verdict **ret, struct cul_error *err)
{
	struct cul_arena *arena = cul_arena_new();
	struct cul_judge j = { .rules = rules, .only = only, .c = c, .lang = options && options->lang ? options->lang : "en",
			       .at_ns = options ? options->at_ns : 0, .about = options ? options->about : NULL,
			       .waivers = options ? options->waivers : NULL, .waiver_count = options ? options->waiver_count : 0, .arena = arena, .err = err };
	struct cul_verdict_own *own = arena ? cul_arena_get(arena, sizeof(*own)) : NULL;
	struct run run = { .judge = &j, .own = own };

	if (own)
		own->scored = cul_arena_get(arena, CUL_FINDINGS * sizeof(*own->scored));
	j.scratch = cul_arena_new();
	j.patterns = calloc(rules->patterns + 1, sizeof(*j.patterns));
	if (!own || !own->scored || !j.scratch || !j.patterns) {
		free_judge(&j);
		if (arena)
			cul_arena_free(arena);
		return cul_fail(err, CUL_ENOMEM, "judging: out of memory");
	}
	own->arena = arena;
	j.hosts = cul_case_hosts(c, &j.host_count);
	j.source_count = cul_case_source_count(c);
	j.record = cul_kind_find(CUL_LIT("record"));
	for (size_t i = 0; i < rules->count && j.status == CUL_OK; i++) {
		if ((only && rules->rules[i] != only) || rules->rules[i]->sign)
			continue;
		const struct cul_rule *rule = rules->rules[i];
		if (rule->cre && rule->cre->refused)
			add_open_item(&run, (struct cul_not_judged){ .cause = rule->id, .why = rule->cre->refused }, 0);
		else if (rule->cre && !looked(&j, rule))
			continue; /* asked about below */
		else if (rule->cre)
			cul_cre_match(&j, rule, add_scored, &run);
		else
			cul_match_rule(&j, rule, each_match, &run);
		cul_arena_reset(j.scratch);
	}
	if (j.status == CUL_OK) {
		if (options && options->baseline)
			j.status = cul_ask_baseline(&j, own, options->baseline);
		own->verdict.lead = cul_graph(&j, own->scored, own->count);
		prune_rivals(own);
		cul_signs(&j, own->scored, own->count);
		struct cul_finding *findings = cul_arena_get(arena, (own->count + 1) * sizeof(*findings));
		for (size_t i = 0; findings && i < own->count; i++)
			findings[i] = own->scored[i]->f;
		own->verdict.findings = findings;
		own->verdict.count = findings ? own->count : 0;
		ask_for_causes(&run);
		ask_for_rescan(&run);
		keep_open(own);
		add_unexplained(&run);
	}
	free_judge(&j);
	if (j.status != CUL_OK) {
		cul_arena_free(arena);
		return j.status == CUL_ENOMEM ? cul_fail(err, CUL_ENOMEM, "judging: out of memory") : j.status;
	}
	*ret = &own->verdict;
	return CUL_OK;
}

enum cul_status cul_rules_judge(const struct cul_rules *rules, struct cul_case *c, const struct cul_judge_options *options,
				const struct cul_verdict **ret, struct cul_error *err)
{
	return cul_judge_run(rules, NULL, c, options, ret, err);
}

void cul_verdict_free(const struct cul_verdict *verdict)
{
	if (verdict)
		cul_arena_free(((const struct cul_verdict_own *)verdict)->arena);
}
