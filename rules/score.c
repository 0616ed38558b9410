/* SPDX-License-Identifier: Apache-2.0 */
/** A match -> a finding: log-odds through the calibrated map, facts, entities, deciding lines, texts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rules/finding.h"

#define FACTS 96
#define VALUES 16      /* of one fact */
#define FACT_ROWS 24   /* of one term whose fields come out as facts, beside its last */
#define ROWS_READ 512  /* of one term, for entities */
#define ONGOING_NS (INT64_C(600) * CUL_SECOND)
#define MORE_LINES 4   /* of a must, beside its first and last */

struct facts {
	struct cul_fact items[FACTS];
	size_t count;
	struct cul_arena *arena;
};

static bool same_value(const struct cul_value *a, const struct cul_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == CUL_TEXT)
		return cul_is(a->s, b->s);
	return a->type == CUL_REAL ? a->r == b->r : a->i == b->i;
}

static void add_fact(struct facts *f, const char *name, struct cul_value v)
{
	size_t i = 0;

	if (v.type == CUL_ABSENT || (v.type == CUL_TEXT && !v.s.size))
		return;
	while (i < f->count && strcmp(f->items[i].name, name))
		i++;
	if (i == FACTS)
		return;
	if (i == f->count) {
		struct cul_value *values = cul_arena_get(f->arena, VALUES * sizeof(*values));
		if (!values)
			return;
		f->items[f->count++] = (struct cul_fact){ .name = name, .values = values };
	}
	struct cul_fact *fact = &f->items[i];
	for (size_t k = 0; k < fact->count; k++)
		if (same_value(&fact->values[k], &v))
			return;
	if (fact->count < VALUES)
		((struct cul_value *)(uintptr_t)fact->values)[fact->count++] = v;
}

static void drop_fact(struct facts *f, const char *name)
{
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->items[i].name, name)) {
			memmove(&f->items[i], &f->items[i + 1], (f->count - i - 1) * sizeof(*f->items));
			f->count--;
			return;
		}
}

static const struct cul_fact *keep_facts(struct facts *f)
{
	struct cul_fact *copy = f->count ? cul_arena_get(f->arena, f->count * sizeof(*copy)) : NULL;
	if (copy)
		memcpy(copy, f->items, f->count * sizeof(*copy));
	else
		f->count = 0;
	return copy;
}

/* A row of a query, its fields and its texts live no longer than the match. */
static struct cul_value kept_value(struct facts *f, const struct cul_row *row, size_t i)
{
	struct cul_value v = row->values[i];
	if (strcmp(row->kind->name, "sql") != 0)
		return v;
	v.field = NULL;
	if (v.type == CUL_TEXT)
		v.s = cul_str(cul_arena_copy(f->arena, v.s));
	return v;
}

static void row_facts(struct facts *f, const struct cul_row *row)
{
	for (size_t i = 0; i < row->count; i++) {
		const char *name = row->values[i].field ? row->values[i].field->name : NULL;
		struct cul_value v = kept_value(f, row, i);
		if (name && !v.field)
			name = cul_arena_copy(f->arena, cul_str(name));
		if (name)
			add_fact(f, name, v);
	}
}

static bool speaks(const struct cul_match *m, size_t i)
{
	return m->sets[i].state == CUL_TRUE && m->sets[i].count && !m->rule->terms[i].absent;
}

static bool decides(const struct cul_match *m, size_t i)
{
	return speaks(m, i) && m->rule->terms[i].role <= CUL_TERM_SOME;
}

/* When it was first seen, as people quote it: whole seconds of wall time, else seconds since boot. */
static void time_facts(struct cul_match *m, const struct cul_scored *s, struct facts *f)
{
	char text[32];
	if (s->f.first_ns != CUL_NO_TIME && *cul_clock_print(s->f.first_ns, text)) {
		text[19] = 0;
		add_fact(f, "first_event", cul_text_value(f->arena, (struct cul_val){ .type = CUL_V_TEXT, .s = cul_str(cul_arena_copy(f->arena, cul_slice(text, 19))) }));
	}
	int64_t first = CUL_NO_TIME;
	for (size_t i = 0; i < m->rule->term_count; i++)
		for (size_t k = 0; decides(m, i) && k < m->sets[i].count && k < FACT_ROWS; k++) {
			int64_t boot = m->sets[i].rows[k]->boot_ns;
			if (boot != CUL_NO_TIME && (first == CUL_NO_TIME || boot < first))
				first = boot;
		}
	if (first != CUL_NO_TIME)
		add_fact(f, "first_uptime_s", (struct cul_value){ .type = CUL_REAL, .r = (double)first / 1e9 });
}

static void make_facts(struct cul_match *m, struct cul_scored *s)
{
	const struct cul_rule *r = m->rule;
	struct facts f = { .arena = m->judge->arena };

	for (int pass = 0; pass < 2; pass++) /* musts come first */
		for (size_t i = 0; i < r->term_count; i++) {
			if (!speaks(m, i) || r->terms[i].role > CUL_TERM_MAY || (r->terms[i].role == CUL_TERM_MAY) != pass)
				continue;
			for (size_t k = 0; k < m->sets[i].count && k < FACT_ROWS; k++)
				row_facts(&f, m->sets[i].rows[k]);
			row_facts(&f, m->sets[i].rows[m->sets[i].count - 1]);
		}
	time_facts(m, s, &f);
	for (size_t i = 0; i < r->fact_count; i++) {
		struct cul_val v = cul_eval(m, r->facts[i].expr, NULL);
		if (v.type == CUL_V_UNKNOWN)
			continue;
		drop_fact(&f, r->facts[i].name);
		if (v.type != CUL_V_LIST) {
			add_fact(&f, r->facts[i].name, cul_text_value(f.arena, v));
			continue;
		}
		for (size_t k = 0; k < v.list->count; k++) {
			if (k < 4096 && (!f.count || f.items[f.count - 1].count < VALUES || strcmp(f.items[f.count - 1].name, r->facts[i].name)))
				add_fact(&f, r->facts[i].name, cul_text_value(f.arena, v.list->items[k]));
		}
	}
	s->f.facts = keep_facts(&f);
	s->f.fact_count = f.count;
}

static const char *entity_name(enum cul_entity e)
{
	switch (e) {
	case CUL_ENTITY_PID:
		return "pid";
	case CUL_ENTITY_RANK:
		return "rank";
	case CUL_ENTITY_DEVICE:
		return "device";
	case CUL_ENTITY_MODEL:
		return "model";
	default:
		return NULL;
	}
}

static void make_entities(struct cul_match *m, struct cul_scored *s)
{
	const struct cul_rule *r = m->rule;
	struct facts f = { .arena = m->judge->arena };

	if (m->part.host >= 0 && (size_t)m->part.host < m->judge->host_count)
		add_fact(&f, "host", (struct cul_value){ .type = CUL_TEXT, .s = cul_str(m->judge->hosts[m->part.host].name) });
	for (size_t i = 0; i < r->term_count; i++) {
		if (!decides(m, i))
			continue;
		for (size_t k = 0; k < m->sets[i].count && k < ROWS_READ; k++) {
			const struct cul_row *row = m->sets[i].rows[k];
			if (m->part.host < 0 && row->host >= 0 && (size_t)row->host < m->judge->host_count)
				add_fact(&f, "host", (struct cul_value){ .type = CUL_TEXT, .s = cul_str(m->judge->hosts[row->host].name) });
			if (row->gpu)
				add_fact(&f, "gpu", (struct cul_value){ .type = CUL_TEXT, .s = cul_str(row->gpu) });
			for (size_t v = 0; v < row->count; v++) {
				const char *name = row->values[v].field ? entity_name(row->values[v].field->entity) : NULL;
				if (name)
					add_fact(&f, name, kept_value(&f, row, v));
			}
		}
	}
	s->f.entities = keep_facts(&f);
	s->f.entity_count = f.count;
}

/* ---- certainty ------------------------------------------------------------------------------ */

static void weigh(struct cul_match *m, struct cul_scored *s)
{
	const struct cul_calibration *c = &m->judge->rules->calibration;
	const struct cul_rule *r = m->rule;
	struct cul_summand *summands = cul_arena_get(m->judge->arena, (r->term_count + 2) * sizeof(*summands));
	bool zh = cul_is_zh(m->judge->lang), untimed = false;
	double odds = c->base[r->worth];
	size_t n = 0;

	if (!summands)
		return;
	for (size_t i = 0; i < r->term_count; i++)
		untimed |= decides(m, i) && r->terms[i].role == CUL_TERM_MUST && m->sets[i].untimed;
	if (untimed)
		odds = odds > 0 ? odds / 2 : odds * 1.5;
	summands[n++] = (struct cul_summand){ .term = "rule", .class_name = cul_class_names[r->worth], .points = odds, .state = CUL_TRUE,
		.why = untimed ? (zh ? "部分证据没有时间，先后不明" : "some lines carry no time, so their order is open") : NULL };
	for (size_t i = 0; i < r->term_count; i++) {
		const struct cul_term *t = &r->terms[i];
		if (t->worth == CUL_CLASS_NONE)
			continue;
		struct cul_summand sum = { .term = t->name, .class_name = cul_class_names[t->worth], .state = m->sets[i].state };
		if (sum.state == CUL_TRUE) {
			sum.points = t->role == CUL_TERM_AGAINST ? -c->takes[t->worth] : c->adds[t->worth];
			if (m->sets[i].untimed) {
				sum.points /= 2;
				sum.why = zh ? "没有时间，按一半计" : "worth half: no time says that it lies in the window";
			}
			odds += sum.points;
		} else if (sum.state == CUL_UNKNOWN) {
			sum.why = cul_text_missing(m->judge->arena, m->judge->lang, m->sets[i].missing);
		}
		summands[n++] = sum;
	}
	s->strength = cul_calibration_map(c, odds);
	if (r->settled && odds > c->open && cul_eval_truth(m, r->settled, NULL) != CUL_TRUE) {
		summands[n++] = (struct cul_summand){ .term = "settled", .points = c->open - odds, .state = CUL_FALSE,
			.why = cul_arena_printf(m->judge->arena, zh ? "缺少能坐实它的证据（%s），确定性到此为止" : "held back, for what would settle it is not there: %s",
						cul_node_text(&r->tree, cul_node_get(&r->tree, r->tree.root, "settled"))) };
		odds = c->open;
	}
	s->f.certainty = cul_calibration_map(c, odds);
	s->f.summands = summands;
	s->f.summand_count = n;
}

/* ---- lines ---------------------------------------------------------------------------------- */

struct lines {
	struct cul_evidence *items;
	size_t count;
};

static void add_line(struct cul_match *m, struct lines *l, size_t term, size_t row)
{
	const struct cul_term *t = &m->rule->terms[term];
	const struct cul_row *r = m->sets[term].rows[row];

	if (l->count == CUL_EVIDENCE || t->sql)
		return;
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].row == r || (l->items[i].row->line == r->line && l->items[i].row->member == r->member && r->line))
			return;
	l->items[l->count++] = (struct cul_evidence){ .term = t->name, .row = r, .role = t->role == CUL_TERM_AGAINST ? CUL_AGAINST :
		t->role == CUL_TERM_MAY ? CUL_MAY : CUL_MUST };
}

static void make_lines(struct cul_match *m, struct cul_scored *s)
{
	struct lines l = { .items = cul_arena_get(m->judge->arena, CUL_EVIDENCE * sizeof(*l.items)) };

	if (!l.items)
		return;
	for (int pass = 0; pass < 3; pass++) /* musts, then may and against, then more of the musts */
		for (size_t i = 0; i < m->rule->term_count; i++) {
			enum cul_part_role role = m->rule->terms[i].role;
			size_t count = m->sets[i].count;
			if (!speaks(m, i) || !m->rule->terms[i].show || role == CUL_TERM_NEVER || (role <= CUL_TERM_SOME) == (pass == 1))
				continue;
			if (pass < 2) {
				add_line(m, &l, i, 0);
				add_line(m, &l, i, count - 1);
			}
			for (size_t k = 1; pass == 2 && k <= MORE_LINES && k + 1 < count; k++)
				add_line(m, &l, i, k);
		}
	s->f.evidence = l.items;
	s->f.evidence_count = l.count;
}

static void make_times(struct cul_match *m, struct cul_scored *s)
{
	const struct cul_rule *r = m->rule;
	struct cul_finding *f = &s->f;
	int from = r->onset_term >= 0 && speaks(m, (size_t)r->onset_term) ? r->onset_term : -1;
	const struct cul_row *began = NULL;

	f->first_ns = f->last_ns = f->onset_ns = CUL_NO_TIME;
	f->host = m->part.host;
	s->boot = -1;
	s->since_boot_ns = CUL_NO_TIME;
	for (size_t i = 0; i < r->term_count; i++) {
		if (!decides(m, i))
			continue;
		if (from < 0 && (r->terms[i].role == CUL_TERM_SOME || m->sets[i].rows[0]->time_ns != CUL_NO_TIME))
			from = (int)i;
		for (size_t k = 0; k < m->sets[i].count; k++) {
			const struct cul_row *row = m->sets[i].rows[k];
			int64_t last = row->last_ns != CUL_NO_TIME ? row->last_ns : row->time_ns;
			f->count += row->n > 0 ? row->n : 1;
			if (f->host < 0 && !r->per_job)
				f->host = row->host;
			if (s->boot < 0)
				s->boot = row->boot;
			if (row->boot_ns != CUL_NO_TIME && (s->since_boot_ns == CUL_NO_TIME || row->boot_ns < s->since_boot_ns))
				s->since_boot_ns = row->boot_ns;
			if (row->time_ns == CUL_NO_TIME)
				continue;
			if (f->first_ns == CUL_NO_TIME || row->time_ns < f->first_ns)
				f->first_ns = row->time_ns;
			if (f->last_ns == CUL_NO_TIME || last > f->last_ns)
				f->last_ns = last;
		}
	}
	/* it began with the first row of the first must; where only some are asked for, with the first of any */
	for (size_t i = 0; i < r->term_count && from >= 0; i++) {
		bool asked = (int)i == from || (r->onset_term < 0 && r->terms[from].role == CUL_TERM_SOME && decides(m, i));
		for (size_t k = 0; asked && k < m->sets[i].count; k++) {
			const struct cul_row *row = m->sets[i].rows[k];
			int64_t at = row->onset_ns != CUL_NO_TIME ? row->onset_ns : row->time_ns;
			if (at == CUL_NO_TIME || (f->onset_ns != CUL_NO_TIME && at >= f->onset_ns))
				continue;
			f->onset_ns = at;
			began = row;
		}
	}
	if (began) {
		const char *stream = began->kind->stream;
		s->uncertainty_ns = began->uncertainty_ns;
		s->section = began->section + 1;
		s->stream = stream;
		s->onset_open = stream && strcmp(stream, "kernel") && strcmp(stream, "log") && began->onset_ns == began->time_ns;
		s->boot = began->boot;
	}
	const struct cul_host *host = f->host >= 0 && (size_t)f->host < m->judge->host_count ? &m->judge->hosts[f->host] : NULL;
	f->ongoing = CUL_UNKNOWN;
	if (host && host->capture_ns != CUL_NO_TIME && f->last_ns != CUL_NO_TIME) {
		if (r->lasts)
			f->ongoing = host->boot_ns == CUL_NO_TIME ? CUL_UNKNOWN : host->boot_ns <= f->first_ns ? CUL_TRUE : CUL_FALSE;
		else if (f->last_ns >= host->capture_ns - ONGOING_NS)
			f->ongoing = CUL_TRUE;
		else if (host->boot_ns != CUL_NO_TIME && host->boot_ns > f->last_ns)
			f->ongoing = CUL_FALSE;
	}
	if (r->at_least)
		f->at_least = cul_eval_truth(m, r->at_least, NULL) == CUL_TRUE;
}

/* ---- texts ---------------------------------------------------------------------------------- */

static const char *const *texts(struct cul_match *m, const struct cul_node *list, size_t *count)
{
	size_t n = 0;

	*count = 0;
	if (!list)
		return NULL;
	const char **out = cul_arena_get(m->judge->arena, list->span * sizeof(*out));
	for CUL_EACH_NODE(item, list) {
		const char *text = out ? cul_rule_text(m, item, CUL_TEXT_PROSE) : NULL;
		if (text)
			out[n++] = text;
	}
	*count = n;
	return out;
}

static void make_remedy(struct cul_match *m, struct cul_scored *s)
{
	const struct cul_tree *tree = &m->rule->tree;
	const struct cul_node *list = m->rule->remedy, *v;

	if (!list)
		return;
	struct cul_remedy *out = cul_arena_get(m->judge->arena, list->span * sizeof(*out));
	size_t n = 0;
	for CUL_EACH_NODE(step, list) {
		if (!out)
			return;
		struct cul_remedy *r = &out[n++];
		r->what = cul_rule_text(m, cul_node_get(tree, step, "do"), CUL_TEXT_PROSE);
		r->run = cul_rule_text(m, cul_node_get(tree, step, "run"), CUL_TEXT_COMMAND);
		r->why = cul_rule_text(m, cul_node_get(tree, step, "why"), CUL_TEXT_PROSE);
		r->risk = cul_rule_text(m, cul_node_get(tree, step, "risk"), CUL_TEXT_PROSE);
		v = cul_node_get(tree, step, "needs");
		r->needs = v ? cul_node_text(tree, v) : "none";
		v = cul_node_get(tree, step, "loses_work");
		r->loses_work = v && cul_is(cul_node_slice(tree, v), CUL_LIT("true"));
	}
	s->f.remedy = out;
	s->f.remedy_count = n;
}

static void make_captures(struct cul_match *m, struct cul_scored *s)
{
	const struct cul_rule *r = m->rule;
	const char **out = cul_arena_get(m->judge->arena, (r->term_count + 1) * sizeof(*out));
	size_t n = 0;

	for (size_t i = 0; out && i < r->term_count; i++) {
		const char *command = m->sets[i].state == CUL_UNKNOWN ? cul_text_capture(m, &r->terms[i]) : NULL;
		bool twice = false;
		for (size_t k = 0; command && k < n; k++)
			twice |= !strcmp(out[k], command);
		if (command && !twice)
			out[n++] = command;
	}
	s->f.captures = out;
	s->f.capture_count = n;
}

static void make_texts(struct cul_match *m, struct cul_scored *s)
{
	const struct cul_rule *r = m->rule;

	s->f.title = cul_rule_text(m, r->title, CUL_TEXT_PROSE);
	if (!s->f.title)
		s->f.title = r->id;
	s->f.summary = cul_rule_text(m, r->summary, CUL_TEXT_PROSE);
	if (!s->f.summary)
		s->f.summary = s->f.title;
	s->f.do_not = texts(m, r->do_not, &s->f.do_not_count);
	s->f.before_reboot = texts(m, r->before_reboot, &s->f.before_reboot_count);
	s->f.references = texts(m, r->references, &s->f.reference_count);
	make_remedy(m, s);
	make_captures(m, s);
	if (r->rivals) { /* which of them were found, verdict.c takes out */
		const char **out = cul_arena_get(m->judge->arena, r->rivals->span * sizeof(*out));
		size_t n = 0;
		for (const struct cul_node *k = r->rivals + 1; out && k < r->rivals + r->rivals->span;) {
			const struct cul_node *v = k + k->span;
			const char *why = cul_rule_text(m, v, CUL_TEXT_PROSE);
			if (why)
				out[n++] = cul_arena_printf(m->judge->arena, "%s: %s", cul_node_text(&r->tree, k), why);
			k = v + v->span;
		}
		s->f.ruled_out = out;
		s->f.ruled_out_count = n;
	}
}

struct cul_scored *cul_score(struct cul_match *m)
{
	const struct cul_rule *r = m->rule;
	struct cul_scored *s = cul_arena_get(m->judge->arena, sizeof(*s));

	if (!s)
		return NULL;
	s->rule = r;
	s->parent = -1;
	s->f.cause = r->id;
	s->f.severity = r->severity;
	s->f.act = r->act;
	for (size_t i = r->act_count; i--;)
		if (cul_eval_truth(m, r->acts[i].when, NULL) == CUL_TRUE)
			s->f.act = r->acts[i].act;
	weigh(m, s);
	make_times(m, s);
	make_facts(m, s);
	make_entities(m, s);
	make_lines(m, s);
	make_texts(m, s);
	for (size_t i = 0; i < r->edge_count && i < 64; i++)
		if (!r->edges[i].when || cul_eval_truth(m, r->edges[i].when, NULL) == CUL_TRUE)
			s->edges |= UINT64_C(1) << i;
	return s;
}
