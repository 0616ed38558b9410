/* SPDX-License-Identifier: Apache-2.0 */
/**
 * YAML nodes -> a rule. Every mistake is "file:line:column: sentence", with what was probably meant. Another
 * format (CRE) becomes the same struct cul_rule in a file of its own.
 */
#include "rules/cre.h"
#include "rules/load.h"

static const char *const rule_keys[] = {
	"id", "title", "severity", "per", "must", "some", "may", "against", "never", "when", "let", "certainty", "act", "explains", "summary",
	"facts", "remedy", "do_not", "capture", "before_reboot", "rivals", "references", "examples", "role", "onset", "lasts", "at_least", "settled", "notes", "sign",
};
static const char *const edge_keys[] = { "cause", "causes", "same", "within", "weight", "when", "note" };
static const char *const remedy_keys[] = { "do", "run", "why", "risk", "needs", "loses_work" };
static const char *const severities[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
static const char *const acts[] = { "wait", "restart-process", "fix-config", "fix-job", "reset-gpu", "drain-reboot", "power-cycle",
				    "replace-hardware", "update-software", "none" };
static const char *const needs[] = { "restart", "reset", "reboot", "power", "rma", "none" };
static const char *const roles[] = { "root", "contributing", "symptom", "background" };
static const char *const sames[] = { "host", "gpu", "pid", "job", "device", "any" };
static const char *const weights[] = { "weak", "medium", "strong", "trigger" };

static enum cul_status read_named(const struct cul_loader *l, const struct cul_node *map, const char *key, struct cul_named **ret, size_t *count)
{
	if (map->type != CUL_NODE_MAP)
		return cul_load_mistake(l, map, "%s is a map: { name: \"expression\" }", key);
	*ret = cul_arena_get(l->rules->arena, map->span * sizeof(**ret));
	if (!*ret)
		return cul_load_no_memory(l);
	for CUL_EACH_PAIR(name, value, map) {
		enum cul_status status = cul_load_expression(l, value, -1, false, l->rule->term_count, &(*ret)[*count].expr);
		if (status != CUL_OK)
			return status;
		(*ret)[(*count)++].name = cul_node_text(l->tree, name);
	}
	return CUL_OK;
}

static enum cul_status read_edges(const struct cul_loader *l, const struct cul_node *list)
{
	size_t count = 0;
	struct cul_rule *r = l->rule;

	if (list->type != CUL_NODE_LIST)
		return cul_load_mistake(l, list, "explains is a list: [ { cause: …, same: host, weight: strong } ]");
	r->edges = cul_arena_get(l->rules->arena, list->span * sizeof(*r->edges));
	if (!r->edges)
		return cul_load_no_memory(l);
	for CUL_EACH_NODE(item, list) {
		struct cul_edge e = { .node = item, .within_ns = CUL_NO_TIME, .weight = CUL_MEDIUM };
		enum cul_status status = cul_load_keys(l, item, "an edge of explains", edge_keys, CUL_COUNT(edge_keys));
		const struct cul_node *v, *cause;
		int which = 0;
		if (status == CUL_OK && (v = cul_node_get(l->tree, item, "same"))) {
			status = cul_load_choice(l, v, "same", sames, CUL_COUNT(sames), &which);
			e.same = (enum cul_same)which;
		}
		if (status == CUL_OK && (v = cul_node_get(l->tree, item, "weight"))) {
			status = cul_load_choice(l, v, "weight", weights, CUL_COUNT(weights), &which);
			e.weight = (enum cul_weight)(which + CUL_WEAK);
		}
		if (status == CUL_OK && (v = cul_node_get(l->tree, item, "within"))) {
			struct cul_slice text = cul_load_slice(l, v);
			if (!cul_load_duration(&text, &e.within_ns) || e.within_ns == CUL_NO_TIME || cul_trim(text).size)
				return cul_load_mistake(l, v, "within: '%s' is no time like '30 min'", cul_load_string(l, v));
		}
		if (status == CUL_OK && (v = cul_node_get(l->tree, item, "when")))
			status = cul_load_expression(l, v, -1, false, r->term_count, &e.when);
		if (status != CUL_OK)
			return status;
		cause = cul_node_get(l->tree, item, "cause");
		v = cul_node_get(l->tree, item, "causes");
		if (!cause == !v)
			return cul_load_mistake(l, item, "an edge of explains needs 'cause: ID' or 'causes: [ID, ID]'");
		const struct cul_node *first = cause ? cause : v + 1, *end = cause ? cause + 1 : v + v->span;
		if (v && v->type != CUL_NODE_LIST)
			return cul_load_mistake(l, v, "causes is a list of ids");
		for (const struct cul_node *c = first; c < end; c += c->span) {
			struct cul_slice id = cul_load_slice(l, c);
			if (!memchr(id.data ? id.data : "", '.', id.size))
				return cul_load_mistake(l, c, "'%s' is no id like family.name or family.*", cul_load_string(l, c));
			const char *star = memchr(id.data, '*', id.size);
			if (star && star != id.data + id.size - 1)
				return cul_load_mistake(l, c, "'*' stands only at the end, as in nccl.*: '%s'", cul_load_string(l, c));
			e.cause = cul_load_string(l, c);
			r->edges[count++] = e;
		}
	}
	r->edge_count = count;
	return CUL_OK;
}

static enum cul_status text_list(const struct cul_loader *l, const struct cul_node *n, const char *key)
{
	if (n->type != CUL_NODE_LIST)
		return cul_load_mistake(l, n, "%s is a list of texts", key);
	for CUL_EACH_NODE(item, n) {
		enum cul_status status = cul_load_text(l, item, key);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

static enum cul_status read_remedy(const struct cul_loader *l, const struct cul_node *n)
{
	if (n->type != CUL_NODE_LIST)
		return cul_load_mistake(l, n, "remedy is a list of steps: [ { do: …, run: … } ]");
	for CUL_EACH_NODE(step, n) {
		enum cul_status status = cul_load_keys(l, step, "a remedy", remedy_keys, CUL_COUNT(remedy_keys));
		const struct cul_node *v;
		int which;
		bool loses;
		if (status != CUL_OK)
			return status;
		if (!cul_node_get(l->tree, step, "do"))
			return cul_load_mistake(l, step, "a remedy needs 'do'");
		for CUL_EACH_PAIR(key, value, step) {
			const char *name = cul_node_text(l->tree, key);
			if (status == CUL_OK && strcmp(name, "needs") && strcmp(name, "loses_work"))
				status = cul_load_text(l, value, name);
		}
		if (status == CUL_OK && (v = cul_node_get(l->tree, step, "needs")))
			status = cul_load_choice(l, v, "needs", needs, CUL_COUNT(needs), &which);
		if (status == CUL_OK && (v = cul_node_get(l->tree, step, "loses_work")))
			status = cul_load_flag(l, v, "loses_work", &loses);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

static enum cul_status text_map(const struct cul_loader *l, const struct cul_node *n, const char *key)
{
	if (n->type != CUL_NODE_MAP)
		return cul_load_mistake(l, n, "%s is a map of texts", key);
	for CUL_EACH_PAIR(name, value, n) {
		enum cul_status status = cul_load_text(l, value, key);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

static enum cul_status read_texts(const struct cul_loader *l)
{
	struct cul_rule *r = l->rule;
	const struct cul_node *root = l->tree->root, *v;
	enum cul_status status = CUL_OK;

	if (!(r->title = cul_node_get(l->tree, root, "title")))
		return cul_load_mistake(l, root, "a rule needs a title");
	status = cul_load_text(l, r->title, "title");
	if (status == CUL_OK && (v = r->summary = cul_node_get(l->tree, root, "summary")))
		status = cul_load_text(l, v, "summary");
	if (status == CUL_OK && (v = r->remedy = cul_node_get(l->tree, root, "remedy")))
		status = read_remedy(l, v);
	if (status == CUL_OK && (v = r->do_not = cul_node_get(l->tree, root, "do_not")))
		status = text_list(l, v, "do_not");
	if (status == CUL_OK && (v = r->before_reboot = cul_node_get(l->tree, root, "before_reboot")))
		status = text_list(l, v, "before_reboot");
	if (status == CUL_OK && (v = r->references = cul_node_get(l->tree, root, "references")))
		status = text_list(l, v, "references");
	if (status == CUL_OK && (v = r->capture = cul_node_get(l->tree, root, "capture")))
		status = text_map(l, v, "capture");
	if (status == CUL_OK && (v = r->rivals = cul_node_get(l->tree, root, "rivals")))
		status = text_map(l, v, "rivals");
	r->examples = cul_node_get(l->tree, root, "examples");
	if (status == CUL_OK && r->examples)
		status = cul_load_keys(l, r->examples, "examples", (const char *const[]){ "hit", "miss" }, 2);
	return status;
}

static enum cul_status add_per(const struct cul_loader *l, const struct cul_node *n)
{
	struct cul_rule *r = l->rule;
	const char *word = cul_load_string(l, n);

	if (!strcmp(word, "host"))
		return CUL_OK;
	if (!strcmp(word, "job"))
		r->per_job = true;
	else if (!strcmp(word, "gpu"))
		r->per_gpu = true;
	else if (!*word || r->per_count == CUL_PER)
		return cul_load_mistake(l, n, "per: host, gpu, job or at most %d fields", CUL_PER);
	else
		r->per[r->per_count++] = word;
	return CUL_OK;
}

/* One word, or a list of { when, do }: the first that holds counts; the last may have no when. */
static enum cul_status read_act(const struct cul_loader *l, const struct cul_node *n)
{
	static const char *const keys[] = { "when", "do" };
	struct cul_rule *r = l->rule;
	int which = 0;

	if (n->type != CUL_NODE_LIST) {
		enum cul_status status = cul_load_choice(l, n, "act", acts, CUL_COUNT(acts), &which);
		r->act = acts[status == CUL_OK ? which : 0];
		return status;
	}
	if (!(r->acts = cul_arena_get(l->rules->arena, n->span * sizeof(*r->acts))))
		return cul_load_no_memory(l);
	for (const struct cul_node *item = n + 1; item < n + n->span; item += item->span) {
		enum cul_status status = item->type == CUL_NODE_MAP ? cul_load_keys(l, item, "an act", keys, CUL_COUNT(keys)) : CUL_OK;
		const struct cul_node *what = cul_node_get(l->tree, item, "do"), *when = cul_node_get(l->tree, item, "when");
		bool last = item + item->span == n + n->span;

		if (status == CUL_OK && (item->type != CUL_NODE_MAP || !what))
			return cul_load_mistake(l, item, "an act of a list is { when: EXPRESSION, do: ACT }");
		if (status == CUL_OK && !when != last)
			return cul_load_mistake(l, item, last ? "the last act of a list has no when: it is what holds where no other does" : "only the last act of a list has no when");
		if (status == CUL_OK)
			status = cul_load_choice(l, what, "do", acts, CUL_COUNT(acts), &which);
		if (status == CUL_OK && when)
			status = cul_load_expression(l, when, -1, false, r->term_count, &r->acts[r->act_count].when);
		if (status != CUL_OK)
			return status;
		if (when)
			r->acts[r->act_count++].act = acts[which];
		else
			r->act = acts[which];
	}
	return CUL_OK;
}

static enum cul_status read_rule(struct cul_loader *l)
{
	struct cul_rule *r = l->rule;
	const struct cul_node *root = l->tree->root, *v, *sign = cul_node_get(l->tree, root, "sign");
	enum cul_status status = sign ? CUL_OK : cul_load_keys(l, root, "a rule", rule_keys, CUL_COUNT(rule_keys));
	int which = 0;

	if (status != CUL_OK)
		return status;
	v = cul_node_get(l->tree, root, "id");
	if (!v)
		return cul_load_mistake(l, root, "a rule needs an id");
	r->id = cul_load_string(l, v);
	const char *dot = strchr(r->id, '.');
	if (strspn(r->id, "abcdefghijklmnopqrstuvwxyz0123456789-._") != v->size || !dot || dot == r->id || !dot[1])
		return cul_load_mistake(l, v, "an id is FAMILY.NAME in small letters, digits and '-': '%s'", r->id);
	if (sign) {
		status = cul_load_sign(l, sign);
		return status == CUL_OK ? read_texts(l) : status;
	}

	if (!(v = cul_node_get(l->tree, root, "severity")))
		return cul_load_mistake(l, root, "a rule needs a severity");
	status = cul_load_choice(l, v, "severity", severities, CUL_COUNT(severities), &r->severity);
	if (status == CUL_OK && !(v = cul_node_get(l->tree, root, "certainty")))
		return cul_load_mistake(l, root, "a rule needs a certainty: what are the musts alone worth?");
	if (status == CUL_OK)
		status = cul_load_choice(l, v, "certainty", cul_class_names, CUL_CLASSES, &which);
	r->worth = (enum cul_class)which;
	r->role = -1;
	r->act = "none";
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "role")))
		status = cul_load_choice(l, v, "role", roles, CUL_COUNT(roles), &r->role);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "lasts")))
		status = cul_load_flag(l, v, "lasts", &r->lasts);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "per"))) {
		if (v->type == CUL_NODE_SCALAR)
			status = add_per(l, v);
		else
			for CUL_EACH_NODE(item, v)
				if (status == CUL_OK)
					status = add_per(l, item);
	}
	if (status == CUL_OK)
		status = cul_load_terms(l);
	r->onset_term = -1;
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "onset"))) {
		for (size_t i = 0; i < r->term_count; i++)
			if (cul_is(cul_load_slice(l, v), cul_str(r->terms[i].name)))
				r->onset_term = (int)i;
		if (r->onset_term < 0)
			return cul_load_mistake(l, v, "onset names a term; there is no '%s'", cul_load_string(l, v));
	}
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "let")))
		status = read_named(l, v, "let", &r->lets, &r->let_count);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "when")))
		status = cul_load_expression(l, v, -1, false, r->term_count, &r->when);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "act")))
		status = read_act(l, v);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "at_least")))
		status = cul_load_expression(l, v, -1, false, r->term_count, &r->at_least);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "settled")))
		status = cul_load_expression(l, v, -1, false, r->term_count, &r->settled);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "facts")))
		status = read_named(l, v, "facts", &r->facts, &r->fact_count);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "explains")))
		status = read_edges(l, v);
	return status == CUL_OK ? read_texts(l) : status;
}

/** At its place in the order of ids; one of the same id is replaced. */
static enum cul_status insert(struct cul_loader *l)
{
	struct cul_rules *rules = l->rules;
	struct cul_rule *old = cul_rules_find(rules, cul_str(l->rule->id));

	if (old && old->builtin == l->rule->builtin)
		return cul_load_mistake(l, l->tree->root, "id '%s' is taken by %s", l->rule->id, old->file);
	if (old) {
		/* what the old one looked for is another's now: rows are told apart by the id */
		for (size_t i = old->interest; i < old->interest + old->interest_count; i++) {
			const char *id = cul_arena_printf(rules->arena, "%s (replaced)", rules->items[i].id);
			if (!id)
				return cul_load_no_memory(l);
			rules->items[i].id = id;
		}
		for (size_t i = 0; i < rules->count; i++)
			if (rules->rules[i] == old)
				rules->rules[i] = l->rule;
		return CUL_OK;
	}
	return cul_rule_insert(rules, l->rule) == CUL_OK ? CUL_OK : cul_load_no_memory(l);
}

enum cul_status cul_rule_read(struct cul_rules *rules, const struct cul_tree *tree, bool builtin, struct cul_error *err)
{
	struct cul_rule *rule = cul_arena_get(rules->arena, sizeof(*rule));
	struct cul_loader l = { .rules = rules, .rule = rule, .tree = tree, .lenient = builtin, .err = err };

	if (!rule)
		return cul_load_no_memory(&l);
	rule->tree = *tree;
	rule->file = tree->file;
	rule->builtin = builtin;
	rule->interest = rules->item_count;
	enum cul_status status = read_rule(&l);
	if (status == CUL_OK)
		status = insert(&l);
	rule->interest_count = rules->item_count - rule->interest;
	if (status != CUL_OK)
		rules->item_count = rule->interest;
	return status;
}
