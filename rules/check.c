/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Proof of a pack: what loading does not see (texts, both languages, circles, tools that don't exist) and whether each
 * rule's examples come true, each scanned and judged as a bundle of its own.
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/needle.h"
#include "base/pattern.h"
#include "rules/cre.h"
#include "rules/finding.h"

#define EXAMPLE_FILES 32

/*
 * How often one pattern's literals may stand in a MiB of ordinary logs. The pass over a MiB takes half a millisecond, a place that
 * is looked at for nothing a microsecond or less: one such pattern may cost a tenth of the pass, and few do.
 */
#define OFTEN 64
#define OFTEN_NOTE 16

CUL_GUARD(free_case, struct cul_case, cul_case_close)
CUL_GUARD(free_bundle, struct cul_bundle, cul_bundle_close)
CUL_GUARD(free_verdict, const struct cul_verdict, cul_verdict_free)
CUL_GUARD(free_pattern, struct cul_pattern, cul_pattern_free)

struct check {
	const struct cul_rules *rules;
	const struct cul_rule *rule;
	bool cross, users; /* users: only their rules are asked about */
	void (*report)(void *ctx, const char *line);
	void *ctx;
	size_t mistakes;
};

static void say(struct check *c, const struct cul_node *at, const char *format, ...) CUL_PRINTF(3, 4);
static void say(struct check *c, const struct cul_node *at, const char *format, ...)
{
	char line[1400], why[1200];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "%s:%u:%u: %s", c->rule->file, at ? at->line : 1, at ? at->column : 1u, why);
	c->mistakes++;
	if (c->report)
		c->report(c->ctx, line);
}

/* Worth knowing, no mistake. */
static void say_note(struct check *c, const char *format, ...) CUL_PRINTF(2, 3);
static void say_note(struct check *c, const char *format, ...)
{
	char line[1400], why[1300];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	snprintf(line, sizeof(line), "%s (a note)", why);
	if (c->report)
		c->report(c->ctx, line);
}

static void say_plain(struct check *c, const char *line)
{
	c->mistakes++;
	if (c->report)
		c->report(c->ctx, line);
}

/* ---- words ---------------------------------------------------------------------------------- */

static void check_path(struct check *c)
{
	const char *id = c->rule->id, *dot = strchr(id, '.');
	struct cul_slice file = cul_str(c->rule->file), rest = file, dir, name;
	char want[256];

	snprintf(want, sizeof(want), "%.*s/%s.yaml", (int)(dot - id), id, dot + 1);
	if (!cul_cut_last(file, CUL_LIT("/"), &dir, &name)) {
		name = file;
		dir = CUL_NONE;
	}
	if (c->rule->builtin || cul_has(file, CUL_LIT("rules/")))
		rest = file;
	else
		rest = CUL_NONE;
	if (rest.data && !cul_ends(rest, cul_str(want)))
		say(c, c->rule->tree.root, "rule %s belongs in rules/%s", id, want);
}

static bool bilingual(const struct cul_tree *tree, const struct cul_node *n)
{
	return n->type == CUL_NODE_MAP && cul_node_get(tree, n, "en") && cul_node_get(tree, n, "zh");
}

static void check_languages(struct check *c)
{
	const struct cul_rule *r = c->rule;
	const struct cul_node *const lists[] = { r->do_not, r->before_reboot };

	if (!bilingual(&r->tree, r->title))
		say(c, r->title, "title needs { en:, zh: }");
	if (r->many && !bilingual(&r->tree, r->many))
		say(c, r->many, "many needs { en:, zh: }");
	if (r->sign)
		return;
	if (!r->summary)
		say(c, r->tree.root, "a summary is missing");
	else if (!bilingual(&r->tree, r->summary))
		say(c, r->summary, "summary needs { en:, zh: }");
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		if (lists[i])
			for CUL_EACH_NODE(item, lists[i])
				if (!bilingual(&r->tree, item))
					say(c, item, "%s needs { en:, zh: }", i ? "before_reboot" : "do_not");
	if (r->remedy)
		for CUL_EACH_NODE(step, r->remedy) {
			static const char *const keys[] = { "do", "why", "risk" };
			for (size_t k = 0; k < 3; k++) {
				const struct cul_node *n = cul_node_get(&r->tree, step, keys[k]);
				if (n && !bilingual(&r->tree, n))
					say(c, n, "%s needs { en:, zh: }", keys[k]);
			}
		}
	else if (r->role != CUL_ROLE_BACKGROUND && r->role != CUL_ROLE_SYMPTOM)
		say(c, r->tree.root, "a remedy is missing");
	if (r->rivals)
		for (const struct cul_node *k = r->rivals + 1; k < r->rivals + r->rivals->span;) {
			const struct cul_node *v = k + k->span;
			if (!bilingual(&r->tree, v))
				say(c, v, "a rival needs { en:, zh: }");
			k = v + v->span;
		}
}

/* ---- commands ------------------------------------------------------------------------------- */

static bool tool_known(const struct cul_pack *pack, struct cul_slice word)
{
	for (const char *const *t = pack->tools; *t; t++)
		if ((*t)[0] != '!' && cul_is(word, cul_str(*t)))
			return true;
	return false;
}

static void check_command(struct check *c, const struct cul_node *n)
{
	struct cul_slice text = cul_node_slice(&c->rule->tree, n);
	bool start = true;
	char quote = 0;

	for (size_t i = 0; i < text.size;) {
		char ch = text.data[i];
		const char *close = ch == '{' && i + 1 < text.size && text.data[i + 1] != '{' ? memchr(text.data + i, '}', text.size - i) : NULL;
		if (close) { /* an expression: some value, never a command */
			i = (size_t)(close - text.data) + 1;
			while (i < text.size && !strchr(" \t\n|;&()'\"", text.data[i]))
				i++;
			start = false;
		} else if (quote) {
			quote = ch == quote ? 0 : quote;
			i++;
		} else if (ch == '\'' || ch == '"') {
			quote = ch;
			start = false;
			i++;
		} else if (strchr("|;&\n(", ch)) {
			start = true;
			i++;
		} else if (ch == ' ' || ch == '\t') {
			i++;
		} else {
			size_t from = i;
			while (i < text.size && !strchr(" \t\n|;&()'\"{", text.data[i]))
				i++;
			i += i == from;
			struct cul_slice word = cul_slice(text.data + from, i - from);
			if (!start || !word.size)
				continue;
			static const char *const prefixes[] = { "sudo", "env", "time", "then", "do", "else", "if", "while", "!", "nohup", "done", "fi",
								"timeout", "watch", "xargs" };
			bool prefix = memchr(word.data, '=', word.size) != NULL || word.data[0] == '{' || word.data[0] == '-' ||
				      (word.data[0] >= '0' && word.data[0] <= '9');
			for (size_t p = 0; p < sizeof(prefixes) / sizeof(*prefixes); p++)
				prefix |= cul_is(word, cul_str(prefixes[p]));
			if (prefix)
				continue;
			if (cul_is(word, CUL_LIT("for")) || word.data[0] == '>' || word.data[0] == '<') {
				start = false;
				continue;
			}
			struct cul_slice dir, base = word;
			if (cul_cut_last(word, CUL_LIT("/"), &dir, &base) && (!cul_starts(word, CUL_LIT("/")) || !base.size))
				base = word;
			if (!tool_known(&cul_builtin_pack, base) && !tool_known(&cul_builtin_pack, word))
				say(c, n, "command '%.*s' is not in rules/tools.list", (int)word.size, word.data);
			start = false;
		}
	}
}

static void check_forbidden(struct check *c, const struct cul_node *top)
{
	for (const struct cul_node *n = top; top && n < top + top->span; n++)
		for (const char *const *t = cul_builtin_pack.tools; n->type == CUL_NODE_SCALAR && *t; t++)
			if ((*t)[0] == '!' && cul_has(cul_node_slice(&c->rule->tree, n), cul_str(*t + 1)))
				say(c, n, "'%s' does not exist or does not do that", *t + 1);
}

static void check_commands(struct check *c)
{
	const struct cul_rule *r = c->rule;

	if (r->remedy)
		for CUL_EACH_NODE(step, r->remedy) {
			const struct cul_node *run = cul_node_get(&r->tree, step, "run");
			if (run && run->type == CUL_NODE_SCALAR)
				check_command(c, run);
		}
	for (size_t i = 0; i < r->term_count; i++)
		if (r->terms[i].capture && r->terms[i].capture->type == CUL_NODE_SCALAR)
			check_command(c, r->terms[i].capture);
	if (r->capture)
		for (const struct cul_node *k = r->capture + 1; k < r->capture + r->capture->span;) {
			const struct cul_node *v = k + k->span;
			if (v->type == CUL_NODE_SCALAR)
				check_command(c, v);
			k = v + v->span;
		}
	check_forbidden(c, r->remedy);
	check_forbidden(c, r->capture);
	check_forbidden(c, r->before_reboot);
	check_forbidden(c, r->do_not);
}

/* ---- patterns, kinds ------------------------------------------------------------------------ */

static void check_pattern(struct check *c, const struct cul_node *at, const char *text, size_t groups)
{
	CUL_AUTO(free_pattern) struct cul_pattern *pattern = NULL;
	struct cul_error err = { 0 };

	if (cul_pattern_new(text, CUL_PATTERN_STEPS, &pattern, &err) != CUL_OK)
		say(c, at, "%s", err.text);
	else if (groups != SIZE_MAX && cul_pattern_groups(pattern) != groups)
		say(c, at, "the groups of this pattern are miscounted (%zu, PCRE2 says %zu)", groups, cul_pattern_groups(pattern));
}

static void check_expr(struct check *c, const struct cul_node *at, const struct cul_expr *e)
{
	if (!e)
		return;
	if (e->op == CUL_OP_MATCH || e->op == CUL_OP_NOMATCH || (e->op == CUL_OP_CALL && e->function == CUL_F_MATCH)) {
		CUL_AUTO(cul_freep) char *text = strndup(e->name.data, e->name.size);
		if (text)
			check_pattern(c, at, text, SIZE_MAX);
	}
	for (size_t i = 0; i < e->count; i++)
		check_expr(c, at, e->args[i]);
}

/* A literal that stands everywhere makes the whole pass slow, whoever's rule it is. */
static void check_literals(struct check *c, const struct cul_term *t, const struct cul_interest *item)
{
	const char *most = NULL;
	double sum = 0, worst = -1;

	for (const char *const *l = item->literals; l && *l; l++) {
		double often = cul_literal_per_mib(cul_str(*l), item->caseless);
		sum += often;
		if (often > worst) {
			worst = often;
			most = *l;
		}
	}
	if (sum > OFTEN)
		say(c, t->node, "term '%s' is searched by what stands %.0f times in a MiB of ordinary logs, most often '%s'; at most %d: give "
		    "the pattern a text that is seldom, or spell out the alternatives: %s", t->name, sum, most, OFTEN, item->pattern);
	else if (sum > OFTEN_NOTE && !c->rule->builtin)
		say_note(c, "%s:%u:%u: term '%s' is searched by what stands %.0f times in a MiB of ordinary logs, most often '%s'", c->rule->file,
			 t->node->line, t->node->column, t->name, sum, most);
}

static void check_terms(struct check *c)
{
	const struct cul_rule *r = c->rule;
	size_t queries = 0;

	for (size_t i = 0; i < r->term_count; i++) {
		const struct cul_term *t = &r->terms[i];
		if (t->kind_missing) {
			const struct cul_node *kind = cul_node_get(&r->tree, t->node, "kind");
			say(c, kind ? kind : t->node, "term '%s': there is no kind '%s'", t->name,
			    kind && kind->type == CUL_NODE_SCALAR ? cul_node_text(&r->tree, kind) : "(one of kinds)");
		}
		for (size_t k = 0; k < t->interest_count; k++) {
			const struct cul_interest *item = &c->rules->items[r->interest + t->interest + k];
			check_pattern(c, t->node, item->pattern, item->capture_count);
			check_literals(c, t, item);
		}
		for (size_t k = 0; k < t->fixed_count; k++)
			check_expr(c, t->node, t->fixed[k]);
		for (size_t k = 0; k < t->dynamic_count; k++)
			check_expr(c, t->node, t->dynamic[k]);
		check_expr(c, t->node, t->need);
		queries += t->sql != NULL;
	}
	for (size_t i = 0; i < r->let_count; i++)
		check_expr(c, r->tree.root, r->lets[i].expr);
	for (size_t i = 0; i < r->fact_count; i++)
		check_expr(c, r->tree.root, r->facts[i].expr);
	check_expr(c, r->tree.root, r->when);
	check_expr(c, r->tree.root, r->prefer);
	check_expr(c, r->tree.root, r->at_least);
	check_expr(c, r->tree.root, r->settled);
	for (size_t i = 0; i < r->act_count; i++)
		check_expr(c, r->tree.root, r->acts[i].when);
	for (size_t i = 0; i < r->edge_count; i++)
		check_expr(c, r->edges[i].node, r->edges[i].when);
	if (queries > 1)
		say(c, r->tree.root, "more than one query");
}

/* ---- circles -------------------------------------------------------------------------------- */

static size_t index_of(const struct cul_rules *rules, const struct cul_rule *rule)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->rules[i] == rule)
			return i;
	return SIZE_MAX;
}

/* Is rule @i one that this check is about? */
static bool asked_about(const struct check *c, size_t i)
{
	return !c->users || !c->rules->rules[i]->builtin;
}

static bool walk(struct check *c, size_t home, size_t at, bool *seen, char *path, size_t size);

/* From @at on over @edge to rule @next. */
static bool step(struct check *c, size_t home, const struct cul_edge *edge, size_t next, bool *seen, char *path, size_t size)
{
	const char *id = c->rules->rules[next]->id;

	if (next == home) {
		say(c, edge->node, "a circle of explanations: %s -> %s", path, id);
		return true;
	}
	if (seen[next] || (next < home && asked_about(c, next)))
		return false;
	seen[next] = true;
	size_t used = strlen(path);
	snprintf(path + used, size - used, " -> %s", id);
	if (walk(c, home, next, seen, path, size))
		return true;
	path[used] = 0;
	return false;
}

/*
 * A circle without conditions is told once, at the member of the least id that this check is about. Each explains the next by
 * being no later, so all of its edges can hold where all began within the slack of clocks, whatever their windows.
 */
static bool walk(struct check *c, size_t home, size_t at, bool *seen, char *path, size_t size)
{
	const struct cul_rule *r = c->rules->rules[at];

	for (size_t e = 0; e < r->edge_count; e++) {
		const struct cul_edge *edge = &r->edges[e];
		const char *star = strchr(edge->cause, '*');
		if (edge->weight == CUL_TRIGGER || edge->when)
			continue;
		const struct cul_rule *to = star ? NULL : cul_rules_find(c->rules, cul_str(edge->cause));
		size_t next = to ? index_of(c->rules, to) : SIZE_MAX;
		if (next != SIZE_MAX && step(c, home, edge, next, seen, path, size))
			return true;
		for (size_t i = 0; star && i < c->rules->count; i++)
			if (i != at && !strncmp(c->rules->rules[i]->id, edge->cause, (size_t)(star - edge->cause)) && step(c, home, edge, i, seen, path, size))
				return true;
	}
	return false;
}

static void check_edges(struct check *c, size_t index)
{
	const struct cul_rule *r = c->rule;
	char path[1000];

	for (size_t i = 0; i < r->edge_count; i++) {
		const char *cause = r->edges[i].cause;
		if (!strcmp(cause, r->id)) {
			say(c, r->edges[i].node, "a rule can't explain itself");
		} else if (c->cross && !strchr(cause, '*') && !cul_rules_find(c->rules, cul_str(cause))) {
			/* a user's file may look forward to a rule that is yet to be written; a misspelt one is told */
			CUL_AUTO(cul_freep) const char **ids = calloc(c->rules->count + 1, sizeof(*ids));
			for (size_t k = 0; ids && k < c->rules->count; k++)
				ids[k] = c->rules->rules[k]->id;
			const char *meant = ids ? cul_nearest(cul_str(cause), ids, c->rules->count) : NULL;
			if (meant)
				say(c, r->edges[i].node, "there is no rule '%s' to explain; did you mean '%s'?", cause, meant);
			else if (r->builtin)
				say(c, r->edges[i].node, "there is no rule '%s' to explain", cause);
		}
	}
	if (r->edge_count > 64)
		say(c, r->tree.root, "more than 64 edges");
	CUL_AUTO(cul_freep) bool *seen = calloc(c->rules->count + 1, sizeof(*seen));
	snprintf(path, sizeof(path), "%s", r->id);
	if (seen)
		walk(c, index, index, seen, path, sizeof(path));
}

/* ---- examples ------------------------------------------------------------------------------- */

struct example {
	struct cul_blob blobs[EXAMPLE_FILES];
	size_t count;
	char *joined[EXAMPLE_FILES];
	size_t joined_count;
};

static void free_example(struct example *e)
{
	for (size_t i = 0; i < e->joined_count; i++)
		free(e->joined[i]);
}

/* A text, or a list of lines. */
static bool example_text(struct check *c, const struct cul_node *n, struct example *e, struct cul_slice *ret)
{
	const struct cul_tree *tree = &c->rule->tree;
	size_t size = 0, used = 0;

	if (n->type == CUL_NODE_MAP)
		return false;
	if (n->type == CUL_NODE_SCALAR) {
		*ret = cul_node_slice(tree, n);
		if (ret->size && ret->data[ret->size - 1] == '\n')
			return true;
	}
	for (const struct cul_node *k = n; k < n + n->span; k++)
		size += k->type == CUL_NODE_SCALAR ? k->size + 1 : 0;
	char *text = malloc(size + 1);
	if (!text || e->joined_count == EXAMPLE_FILES) {
		free(text);
		return false;
	}
	for (const struct cul_node *k = n; k < n + n->span; k++) {
		if (k->type != CUL_NODE_SCALAR)
			continue;
		memcpy(text + used, cul_node_text(tree, k), k->size);
		used += k->size;
		text[used++] = '\n';
	}
	e->joined[e->joined_count++] = text;
	*ret = cul_slice(text, used);
	return true;
}

static bool read_example(struct check *c, const struct cul_node *n, struct example *e)
{
	const struct cul_tree *tree = &c->rule->tree;

	if (n->type != CUL_NODE_MAP) {
		e->blobs[0].name = "log";
		e->count = 1;
		return example_text(c, n, e, &e->blobs[0].bytes);
	}
	const struct cul_node *files = cul_node_get(tree, n, "files");
	if (!files)
		files = n;
	if (files->type != CUL_NODE_MAP)
		return false;
	for (const struct cul_node *k = files + 1; k < files + files->span;) {
		const struct cul_node *v = k + k->span;
		if (e->count == EXAMPLE_FILES || !example_text(c, v, e, &e->blobs[e->count].bytes))
			return false;
		e->blobs[e->count++].name = cul_node_text(tree, k);
		k = v + v->span;
	}
	return e->count > 0;
}

static const struct cul_finding *find(const struct cul_verdict *v, const char *id)
{
	for (size_t i = 0; i < v->count; i++)
		if (!strcmp(v->findings[i].cause, id))
			return &v->findings[i];
	return NULL;
}

/* A sign's example shows it, or must not. */
static void run_sign(struct check *c, const struct cul_node *n, size_t number, bool hit, struct cul_case *found)
{
	struct cul_error err = { 0 };
	bool seen = false;

	if (cul_sign_seen(c->rules, c->rule, found, &seen, &err) != CUL_OK)
		say(c, n, "%s %zu could not be judged: %s", hit ? "hit" : "miss", number, err.text);
	else if (seen != hit)
		say(c, n, "%s %zu %s", hit ? "hit" : "miss", number, hit ? "is not found" : "is found");
}

static void run_example(struct check *c, const struct cul_node *n, size_t number, bool hit, bool whole)
{
	struct example e = { .count = 0 };
	struct cul_limits limits = { 0 };
	struct cul_error err = { 0 };
	CUL_AUTO(free_bundle) struct cul_bundle *bundle = NULL;
	CUL_AUTO(free_case) struct cul_case *found = NULL;
	CUL_AUTO(free_verdict) const struct cul_verdict *verdict = NULL;
	const struct cul_rule *r = c->rule;
	struct cul_interests interests = { r->interest_count ? c->rules->items + r->interest : NULL, r->interest_count };
	const char *what = hit ? "hit" : "miss";

	if (!read_example(c, n, &e)) {
		say(c, n, "%s %zu is no text, list of lines or { files: { name: text } }", what, number);
		free_example(&e);
		return;
	}
	enum cul_status status = cul_bundle_memory(e.blobs, e.count, &limits, &bundle, &err);
	if (status == CUL_OK)
		status = cul_case_scan(NULL, bundle, whole ? &c->rules->interests : &interests, NULL, NULL, &found, &err);
	if (status == CUL_OK && !r->sign)
		status = cul_judge_run(c->rules, whole ? NULL : r, found, NULL, &verdict, &err);
	if (status == CUL_OK && r->sign) {
		run_sign(c, n, number, hit, found);
	} else if (status != CUL_OK) {
		say(c, n, "%s %zu could not be judged: %s", what, number, err.text);
	} else {
		const struct cul_finding *f = find(verdict, r->id);
		if (!hit && f && !whole) {
			say(c, n, "miss %zu is found (certainty %.2f)", number, f->certainty);
		} else if (hit && !f) {
			const char *why = "", *open = "";
			for (size_t i = 0; i < verdict->not_judged_count; i++)
				if (!strcmp(verdict->not_judged[i].cause, r->id)) {
					open = "; not judged: ";
					why = verdict->not_judged[i].why;
				}
			say(c, n, "hit %zu is not found%s%s", number, open, why);
		} else if (hit && whole && f->role == CUL_ROLE_ROOT && f->certainty >= 0.5 && verdict->lead && verdict->lead != f->order &&
			   strcmp(verdict->findings[verdict->lead - 1].cause, r->id)) {
			const struct cul_finding *lead = &verdict->findings[verdict->lead - 1];
			say(c, n, "hit %zu: %s leads (%.2f against %.2f)", number, lead->cause, lead->certainty, f->certainty);
		}
	}
	free_example(&e);
}

static void check_examples(struct check *c)
{
	static const char *const keys[] = { "hit", "miss" };
	const struct cul_rule *r = c->rule;

	if (!r->examples) {
		say(c, r->tree.root, "examples are missing: { hit: [..], miss: [..] }");
		return;
	}
	for (size_t k = 0; k < 2; k++) {
		const struct cul_node *list = cul_node_get(&r->tree, r->examples, keys[k]);
		size_t number = 0;
		if (!list || list->type != CUL_NODE_LIST || list->span == 1) {
			say(c, r->examples, "examples need a list '%s'", keys[k]);
			continue;
		}
		for CUL_EACH_NODE(item, list) {
			run_example(c, item, ++number, !k, false);
			if (c->cross && !k && !r->sign)
				run_example(c, item, number, !k, true);
		}
	}
}

/* ---- CRE rules ------------------------------------------------------------------------------ */

/* The log at @path has to fire, or must not. */
static void run_log(struct check *c, const char *path, bool hit)
{
	const struct cul_rule *r = c->rule;
	struct cul_limits limits = { 0 };
	struct cul_error err = { 0 };
	struct cul_interests interests = { c->rules->items + r->interest, r->interest_count };
	CUL_AUTO(free_bundle) struct cul_bundle *bundle = NULL;
	CUL_AUTO(free_case) struct cul_case *found = NULL;
	CUL_AUTO(free_verdict) const struct cul_verdict *verdict = NULL;

	enum cul_status status = cul_bundle_open(path, &limits, &bundle, &err);
	if (status == CUL_OK)
		status = cul_case_scan(NULL, bundle, &interests, NULL, NULL, &found, &err);
	if (status == CUL_OK)
		status = cul_judge_run(c->rules, r, found, NULL, &verdict, &err);
	if (status != CUL_OK)
		say(c, r->tree.root, "%s: %s", path, err.text);
	else if (!!find(verdict, r->id) != hit)
		say(c, r->tree.root, "%s: %s %s on it", path, r->cre->name, hit ? "does not fire" : "fires");
}

/* Rule files in a folder, loaded or not. */
static size_t rule_files(struct cul_slice folder)
{
	char path[4096];
	size_t count = 0;
	snprintf(path, sizeof(path), "%.*s", (int)(folder.size < 4000 ? folder.size : 4000), folder.size ? folder.data : ".");
	DIR *dir = opendir(folder.size ? path : ".");
	for (const struct dirent *e; dir && (e = readdir(dir));) {
		struct cul_slice name = cul_str(e->d_name);
		count += cul_ends(name, CUL_LIT(".yaml")) || cul_ends(name, CUL_LIT(".yml"));
	}
	if (dir)
		closedir(dir);
	return count;
}

/* Logs that lie beside the file: NAME.hit.log, NAME.miss.log; test.log in a folder of one rule. */
static void check_logs(struct check *c)
{
	const struct cul_rule *r = c->rule;
	struct cul_slice file = cul_str(r->file), dir = CUL_NONE, stem = file, rest;
	char path[4096];
	size_t rules = 0, files = 0;

	(void)cul_cut_last(file, CUL_LIT("."), &stem, &rest);
	bool in_folder = cul_cut_last(file, CUL_LIT("/"), &dir, &rest);
	for (size_t i = 0; i < c->rules->count; i++) {
		struct cul_slice other = cul_str(c->rules->rules[i]->file), there = CUL_NONE;
		if (!c->rules->rules[i]->cre)
			continue;
		(void)cul_cut_last(other, CUL_LIT("/"), &there, NULL);
		rules += cul_is(other, file);
		files += cul_is(there, dir);
	}
	for (int miss = 0; miss < 2 && rules == 1; miss++) {
		snprintf(path, sizeof(path), "%.*s.%s.log", (int)(stem.size < 4000 ? stem.size : 4000), stem.data, miss ? "miss" : "hit");
		if (!access(path, R_OK))
			run_log(c, path, !miss);
	}
	snprintf(path, sizeof(path), "%.*s%stest.log", (int)(dir.size < 4000 ? dir.size : 4000), dir.size ? dir.data : "", in_folder ? "/" : "");
	if (files == 1 && !access(path, R_OK) && rule_files(dir) <= 1)
		run_log(c, path, true);
}

static void check_cre(struct check *c)
{
	const struct cul_rule *r = c->rule;

	if (r->cre->refused && r->cre->unsupported)
		say_note(c, "%s:%u:%u: %s is not judged: %s", r->file, r->cre->mistaken->line, r->cre->mistaken->column, r->cre->name, r->cre->mistake);
	else if (r->cre->refused)
		say(c, r->cre->mistaken, "%s is not judged: %s", r->cre->name, r->cre->mistake);
	else
		check_logs(c);
}

size_t cul_rules_check(const struct cul_rules *rules, bool cross, void (*report)(void *ctx, const char *line), void *ctx)
{
	struct check c = { .rules = rules, .cross = cross, .report = report, .ctx = ctx };
	bool users = false;

	for (size_t i = 0; i < rules->note_count; i++)
		say_note(&c, "%s", rules->notes[i]);
	for (size_t i = 0; i < rules->mistake_count; i++)
		say_plain(&c, rules->mistakes[i]);
	for (size_t i = 0; i < rules->count; i++)
		users |= !rules->rules[i]->builtin;
	c.users = users;
	for (size_t i = 0; i < rules->count; i++) {
		struct cul_error err = { 0 };
		c.rule = rules->rules[i];
		if (users && c.rule->builtin)
			continue; /* the user's are asked about */
		if (c.rule->cre) {
			check_cre(&c);
			continue;
		}
		check_path(&c);
		if (c.rule->builtin && cul_rule_texts(rules, c.rule, &err) != CUL_OK)
			say_plain(&c, err.text);
		check_languages(&c);
		check_commands(&c);
		check_terms(&c);
		check_edges(&c, i);
		check_examples(&c);
	}
	return c.mistakes;
}
