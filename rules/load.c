/* SPDX-License-Identifier: Apache-2.0 */
/**
 * YAML nodes -> a rule. Every mistake is "file:line:column: sentence", with what was probably meant. Another
 * format (CRE) becomes the same struct cul_rule in a file of its own.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "rules/cre.h"

struct loader {
	struct cul_rules *rules;
	struct cul_rule *rule;
	const struct cul_tree *tree;
	bool lenient; /* built in: a kind that nobody emits makes a term unknown */
	struct cul_error *err;
};

static const char *const rule_keys[] = {
	"id", "title", "severity", "per", "must", "some", "may", "against", "never", "when", "let", "certainty", "act", "explains", "summary",
	"facts", "remedy", "do_not", "capture", "before_reboot", "rivals", "references", "examples", "role", "onset", "lasts", "at_least", "notes", "sign",
};
static const char *const sign_keys[] = { "id", "sign", "title", "must", "about", "for", "reach", "latent", "fold", "differs", "of", "prefer", "many", "references", "examples", "notes" };
const char *const cul_sign_names[] = { NULL, "good", "change" };
static const char *const abouts[] = { "host", "gpu", "model", "pid", "program" };
static const char *const term_keys[] = {
	"kind", "kinds", "text", "stream", "unit", "where", "stack", "within", "need", "absent", "adds", "takes", "capture", "show", "sql",
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
static const char *const sections[] = { "must", "some", "may", "against", "never" };
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static enum cul_status mistake(const struct loader *l, const struct cul_node *at, const char *format, ...) CUL_PRINTF(3, 4);
static enum cul_status mistake(const struct loader *l, const struct cul_node *at, const char *format, ...)
{
	char why[700];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return cul_fail(l->err, CUL_ERULE, "%s:%u:%u: %s", l->tree->file, at->line, at->column, why);
}

static enum cul_status no_memory(const struct loader *l)
{
	return cul_fail(l->err, CUL_ENOMEM, "%s: out of memory", l->tree->file);
}

static struct cul_slice text_of(const struct loader *l, const struct cul_node *n)
{
	return n->type == CUL_NODE_SCALAR ? cul_node_slice(l->tree, n) : CUL_NONE;
}

static const char *string_of(const struct loader *l, const struct cul_node *n)
{
	return n->type == CUL_NODE_SCALAR ? cul_node_text(l->tree, n) : "";
}

const struct cul_node *cul_node_get(const struct cul_tree *tree, const struct cul_node *map, const char *key)
{
	size_t size = strlen(key);

	if (!map || map->type != CUL_NODE_MAP)
		return NULL;
	for (const struct cul_node *k = map + 1; k < map + map->span; k = k + k->span, k = k + k->span)
		if (k->size == size && tree->text[k->text] == key[0] && !memcmp(tree->text + k->text, key, size))
			return k + k->span;
	return NULL;
}

/* Key, value of a map. */
#define EACH_PAIR(key, value, map)                                                                  \
	(const struct cul_node *key = (map) + 1, *value = key + key->span; key < (map) + (map)->span; \
	 key = value + value->span, value = key < (map) + (map)->span ? key + key->span : key)

static enum cul_status known_keys(const struct loader *l, const struct cul_node *map, const char *what, const char *const *words,
				  size_t count)
{
	if (map->type != CUL_NODE_MAP)
		return mistake(l, map, "%s must be a map of keys", what);
	if (map->span == 1)
		return mistake(l, map, "%s is empty", what);
	for EACH_PAIR(key, value, map) {
		struct cul_slice k = cul_node_slice(l->tree, key);
		bool known = false;
		for (size_t i = 0; i < count && !known; i++)
			known = k.size && k.data[0] == words[i][0] && cul_is(k, cul_str(words[i]));
		if (known)
			continue;
		const char *meant = cul_nearest(k, words, count);
		return mistake(l, key, "%s has no key '%s'%s%s%s", what, cul_node_text(l->tree, key), meant ? "; did you mean '" : "",
			       meant ? meant : "", meant ? "'?" : "");
	}
	return CUL_OK;
}

/** The index of a scalar in @words. */
static enum cul_status choice(const struct loader *l, const struct cul_node *n, const char *key, const char *const *words, size_t count,
			      int *ret)
{
	char all[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		if (cul_is(text_of(l, n), cul_str(words[i]))) {
			*ret = (int)i;
			return CUL_OK;
		}
	for (size_t i = 0; i < count && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", words[i]);
	return mistake(l, n, "%s: '%s' is none of %s", key, string_of(l, n), all);
}

static enum cul_status flag(const struct loader *l, const struct cul_node *n, const char *key, bool *ret)
{
	int which = 0;
	enum cul_status status = choice(l, n, key, (const char *const[]){ "false", "true" }, 2, &which);
	*ret = which == 1;
	return status;
}

/** { en:, zh: } or a plain text. */
static enum cul_status check_text(const struct loader *l, const struct cul_node *n, const char *key)
{
	if (n->type == CUL_NODE_SCALAR)
		return n->size ? CUL_OK : mistake(l, n, "%s is empty", key);
	if (n->type == CUL_NODE_LIST)
		return mistake(l, n, "%s is a text, or { en:, zh: }", key);
	enum cul_status status = known_keys(l, n, key, (const char *const[]){ "en", "zh" }, 2);
	for EACH_PAIR(k, value, n)
		if (status == CUL_OK && (value->type != CUL_NODE_SCALAR || !value->size))
			status = mistake(l, value, "%s is a text, or { en:, zh: }", key);
	if (status == CUL_OK && !cul_node_get(l->tree, n, "en"))
		return mistake(l, n, "%s has no 'en'", key);
	return status;
}

static struct cul_scope scope_of(const struct loader *l, const struct cul_node *at, int term, bool set, size_t terms)
{
	return (struct cul_scope){ .rules = l->rules, .rule = l->rule, .term = term, .set = set, .terms = terms,
				   .lets = l->rule->let_count, .arena = l->rules->arena, .file = l->tree->file, .line = at->line,
				   .column = at->column + (at->quoted ? 1u : 0u) };
}

static enum cul_status expression(const struct loader *l, const struct cul_node *n, int term, bool set, size_t terms,
				  const struct cul_expr **ret)
{
	if (n->type != CUL_NODE_SCALAR || !n->size)
		return mistake(l, n, "an expression was expected here");
	struct cul_scope scope = scope_of(l, n, term, set, terms);
	return cul_expr_parse(&scope, cul_node_slice(l->tree, n), ret, l->err);
}

/** "120 s" off @text; *ns stays when there is no number. */
static bool duration(struct cul_slice *text, int64_t *ns)
{
	static const struct { const char *name; double seconds; } units[] = {
		{ "ms", 1e-3 }, { "s", 1 }, { "sec", 1 }, { "min", 60 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 },
	};
	struct cul_slice rest = cul_trim(*text), value = rest;
	double number;

	while (rest.size && ((rest.data[0] >= '0' && rest.data[0] <= '9') || rest.data[0] == '.'))
		rest = cul_from(rest, 1);
	value.size -= rest.size;
	if (!value.size)
		return true;
	if (!cul_to_real(value, &number))
		return false;
	struct cul_slice unit = cul_word(&rest);
	for (size_t i = 0; i < COUNT(units); i++) {
		if (!cul_is(unit, cul_str(units[i].name)) || number * units[i].seconds > 1e9)
			continue;
		*ns = (int64_t)(number * units[i].seconds * 1e9);
		*text = rest;
		return true;
	}
	return false;
}

static enum cul_status read_within(const struct loader *l, const struct cul_node *n, struct cul_term *t, size_t index)
{
	static const char *const words[] = { "before", "after", "of" };
	struct cul_slice text = text_of(l, n);

	t->within_ns = INT64_MAX;
	if (!duration(&text, &t->within_ns))
		return mistake(l, n, "within: '%s' begins with no time like '120 s', '5 min', '2 h'", string_of(l, n));
	struct cul_slice word = cul_word(&text), term = cul_trim(text);
	for (size_t i = 0; i < COUNT(words); i++)
		if (cul_is(word, cul_str(words[i])))
			t->window = (enum cul_window)(CUL_WINDOW_BEFORE + i);
	if (!t->window || !term.size || (t->window == CUL_WINDOW_OF && t->within_ns == INT64_MAX))
		return mistake(l, n, "within: '%s' is not 'TIME before TERM', 'TIME after TERM', 'TIME of TERM', 'before TERM' or 'after TERM'",
			       string_of(l, n));
	const char *names[CUL_TERMS];
	for (size_t i = 0; i < index; i++) {
		names[i] = l->rule->terms[i].name;
		if (cul_is(term, cul_str(names[i]))) {
			t->anchor = (int)i;
			return CUL_OK;
		}
	}
	const char *meant = cul_nearest(term, names, index);
	return mistake(l, n, "within: there is no term '%.*s' above%s%s%s", (int)term.size, term.data, meant ? "; did you mean '" : "",
		       meant ? meant : "", meant ? "'?" : "");
}

static bool plain_number(struct cul_slice s)
{
	int64_t i;
	double r;
	return s.size && (s.data[0] == '-' || (s.data[0] >= '0' && s.data[0] <= '9')) && (cul_to_int(s, &i) || cul_to_real(s, &r)) &&
	       !memchr(s.data, ',', s.size);
}

/** A scalar of a where-map as a literal of the language, behind @out. */
static bool literal(const struct loader *l, const struct cul_node *n, struct cul_slice s, char *out, size_t room)
{
	size_t used = strlen(out);
	bool plain = !n->quoted && (plain_number(s) || cul_is(s, CUL_LIT("true")) || cul_is(s, CUL_LIT("false")));

	if (2 * s.size + 4 > room - used)
		return false;
	if (!plain)
		out[used++] = '\'';
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] == '\'' && !plain)
			out[used++] = '\\';
		out[used++] = s.data[i];
	}
	if (!plain)
		out[used++] = '\'';
	out[used] = 0;
	return true;
}

/** `{ xid: 79, used_mib: "> 1000", frames: "~ amdgpu" }`, one entry: as an expression's text. */
static enum cul_status map_condition(const struct loader *l, const struct cul_node *key, const struct cul_node *value, char *out, size_t room)
{
	static const char *const signs[] = { "==", "!=", "<=", ">=", "!~", "~", "<", ">" };
	struct cul_slice text = text_of(l, value);

	snprintf(out, room, "%.*s ", (int)(key->size > 100 ? 100 : key->size), cul_node_text(l->tree, key));
	if (value->type == CUL_NODE_LIST) {
		strncat(out, "in [", room - strlen(out) - 1);
		for CUL_EACH_NODE(item, value) {
			if (item->type != CUL_NODE_SCALAR || !literal(l, item, text_of(l, item), out, room - 8))
				return mistake(l, item, "a plain value was expected");
			strncat(out, item + item->span < value + value->span ? ", " : "]", room - strlen(out) - 1);
		}
		return value->span == 1 ? mistake(l, value, "an empty list") : CUL_OK;
	}
	if (value->type != CUL_NODE_SCALAR)
		return mistake(l, value, "a value, a list of values or a text like '> 1000' was expected");
	for (size_t i = 0; value->quoted && i < COUNT(signs); i++) {
		struct cul_slice rest = text;
		if (!cul_skip(&rest, cul_str(signs[i])))
			continue;
		rest = cul_trim(rest);
		if (!rest.size)
			break;
		strncat(out, signs[i], room - strlen(out) - 1);
		strncat(out, " ", room - strlen(out) - 1);
		if (strchr(signs[i], '~')) {
			if (!literal(l, value, rest, out, room))
				return mistake(l, value, "too long");
		} else {
			if (rest.size + strlen(out) + 1 > room)
				return mistake(l, value, "too long");
			strncat(out, rest.data, rest.size);
		}
		return CUL_OK;
	}
	strncat(out, "== ", room - strlen(out) - 1);
	return literal(l, value, text, out, room) ? CUL_OK : mistake(l, value, "too long");
}

static enum cul_status add_condition(const struct loader *l, struct cul_term *t, const struct cul_expr *e)
{
	if (e->op == CUL_OP_AND) {
		enum cul_status status = add_condition(l, t, e->args[0]);
		return status == CUL_OK ? add_condition(l, t, e->args[1]) : status;
	}
	const struct cul_expr ***list = e->dynamic ? &t->dynamic : &t->fixed;
	size_t *count = e->dynamic ? &t->dynamic_count : &t->fixed_count;
	const struct cul_expr **larger = cul_arena_get(l->rules->arena, (*count + 1) * sizeof(*larger));
	if (!larger)
		return no_memory(l);
	for (size_t i = 0; i < *count; i++)
		larger[i] = (*list)[i];
	larger[(*count)++] = e;
	*list = larger;
	if (e->op == CUL_OP_EQ && t->join_count < COUNT(t->joins)) {
		const struct cul_expr *a = e->args[0], *b = e->args[1];
		if (a->op == CUL_OP_TERM_FIELD && b->op == CUL_OP_FIELD) {
			a = e->args[1];
			b = e->args[0];
		}
		if (a->op == CUL_OP_FIELD && b->op == CUL_OP_TERM_FIELD)
			t->joins[t->join_count++] = (struct cul_join){ a, b };
	}
	return CUL_OK;
}

static enum cul_status read_where(const struct loader *l, const struct cul_node *n, struct cul_term *t, size_t index)
{
	const struct cul_expr *e;
	enum cul_status status;

	if (n->type != CUL_NODE_MAP) {
		status = expression(l, n, (int)index, false, index, &e);
		return status == CUL_OK ? add_condition(l, t, e) : status;
	}
	for EACH_PAIR(key, value, n) {
		char text[2048];
		status = map_condition(l, key, value, text, sizeof(text));
		if (status != CUL_OK)
			return status;
		struct cul_scope scope = scope_of(l, key, (int)index, false, index);
		status = cul_expr_parse(&scope, cul_str(text), &e, l->err);
		if (status == CUL_OK)
			status = add_condition(l, t, e);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

/** stack: [f, g] is `stack(frames, 'f', 'g')`. */
static enum cul_status read_stack(const struct loader *l, const struct cul_node *n, struct cul_term *t, size_t index)
{
	char text[1024] = "stack(frames";
	const struct cul_expr *e;
	size_t count = 0;

	if (n->type != CUL_NODE_LIST || n->span == 1)
		return mistake(l, n, "stack: [f, g] is a list of functions");
	for CUL_EACH_NODE(f, n) {
		size_t used = strlen(text);
		if (f->type != CUL_NODE_SCALAR || !f->size || f->size + used + 8 > sizeof(text) || ++count > CUL_STACK)
			return mistake(l, f, "stack: at most %d names of functions", CUL_STACK);
		snprintf(text + used, sizeof(text) - used, ", '%s'", cul_node_text(l->tree, f));
	}
	text[strlen(text) + 1] = 0;
	text[strlen(text)] = ')';
	struct cul_scope scope = scope_of(l, n, (int)index, false, index);
	enum cul_status status = cul_expr_parse(&scope, cul_str(text), &e, l->err);
	return status == CUL_OK ? add_condition(l, t, e) : status;
}

static int by_kind_name(const void *name, const void *kind)
{
	return cul_compare(*(const struct cul_slice *)name, cul_str((*(const struct cul_kind *const *)kind)->name));
}

static enum cul_status add_kind(const struct loader *l, const struct cul_node *n, struct cul_term *t)
{
	const struct cul_kind *const *kinds = cul_kinds();
	struct cul_slice name = text_of(l, n);
	size_t count = l->rules->kind_count;

	while (kinds[count])
		count++;
	l->rules->kind_count = count;
	if (cul_is(name, CUL_LIT("record")))
		return mistake(l, n, "records are asked for with 'text:'");
	const struct cul_kind *const *at = bsearch(&name, kinds, count, sizeof(*kinds), by_kind_name);
	const struct cul_kind *kind = at ? *at : cul_kind_find(name);
	if (!kind) {
		if (l->lenient) {
			t->kind_missing = true;
			return CUL_OK;
		}
		const char *names[1024], *meant;
		size_t some = count < COUNT(names) ? count : COUNT(names);
		for (size_t i = 0; i < some; i++)
			names[i] = kinds[i]->name;
		meant = cul_nearest(name, names, some);
		return mistake(l, n, "there is no kind '%s'%s%s%s", string_of(l, n), meant ? "; did you mean '" : "", meant ? meant : "",
			       meant ? "'?" : "");
	}
	const struct cul_kind **larger = cul_arena_get(l->rules->arena, (t->kind_count + 1) * sizeof(*larger));
	if (!larger)
		return no_memory(l);
	for (size_t i = 0; i < t->kind_count; i++)
		larger[i] = t->kinds[i];
	larger[t->kind_count++] = kind;
	t->kinds = larger;
	return CUL_OK;
}

static enum cul_status read_list(const struct loader *l, const struct cul_node *n, struct cul_term *t,
				 enum cul_status (*each)(const struct loader *, const struct cul_node *, struct cul_term *))
{
	if (n->type == CUL_NODE_SCALAR)
		return each(l, n, t);
	if (n->type != CUL_NODE_LIST || n->span == 1)
		return mistake(l, n, "a word or a list of words was expected");
	for CUL_EACH_NODE(item, n) {
		enum cul_status status = each(l, item, t);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

static enum cul_status add_pattern(const struct loader *l, const struct cul_node *n, struct cul_term *t)
{
	return cul_interest_add(l->rules, l->rule, t, n, l->err);
}

static enum cul_status read_term(const struct loader *l, struct cul_term *t, size_t index)
{
	const struct cul_node *n = t->node, *v;
	enum cul_status status = known_keys(l, n, "a term", term_keys, COUNT(term_keys));
	int which = 0, sources = 0;

	t->show = true;
	t->worth = CUL_CLASS_NONE;
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "stream")))
		t->stream = string_of(l, v);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "unit")))
		t->unit = string_of(l, v);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "kind")) && ++sources)
		status = read_list(l, v, t, add_kind);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "kinds")) && ++sources)
		status = read_list(l, v, t, add_kind);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "text")) && ++sources) {
		t->interest = l->rules->item_count - l->rule->interest;
		status = read_list(l, v, t, add_pattern);
	}
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "sql")) && ++sources) {
		t->sql = string_of(l, v);
		t->show = false;
	}
	if (status == CUL_OK && sources != 1)
		return mistake(l, n, "term '%s' needs one of kind, kinds, text, sql%s", t->name, sources ? ", not several" : "");
	if (status == CUL_OK && t->unit && !t->interest_count)
		return mistake(l, n, "unit goes with text");
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "where")))
		status = read_where(l, v, t, index);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "stack")))
		status = read_stack(l, v, t, index);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "within")))
		status = read_within(l, v, t, index);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "need")))
		status = expression(l, v, (int)index, true, index, &t->need);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "absent")))
		status = flag(l, v, "absent", &t->absent);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "show")))
		status = flag(l, v, "show", &t->show);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "capture"))) {
		t->capture = v;
		status = check_text(l, v, "capture");
	}
	const char *key = t->role == CUL_TERM_AGAINST ? "takes" : "adds", *other = t->role == CUL_TERM_AGAINST ? "adds" : "takes";
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, other)))
		return mistake(l, v, "'%s' has no place in %s%s", other, sections[t->role],
			       t->role == CUL_TERM_AGAINST ? "; here it is 'takes'" : t->role == CUL_TERM_MAY ? "; here it is 'adds'" : "");
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, key))) {
		if (t->role == CUL_TERM_MUST || t->role == CUL_TERM_NEVER)
			return mistake(l, v, "'%s' has no place in %s", key, sections[t->role]);
		/* "none": only there for its facts */
		if (t->role == CUL_TERM_AGAINST || v->type != CUL_NODE_SCALAR || !cul_is(cul_node_slice(l->tree, v), CUL_LIT("none"))) {
			status = choice(l, v, key, cul_class_names, CUL_CLASSES, &which);
			t->worth = (enum cul_class)which;
		}
	} else if (status == CUL_OK && (t->role == CUL_TERM_MAY || t->role == CUL_TERM_AGAINST)) {
		return mistake(l, n, "term '%s' in %s needs '%s: proof|strong|likely|hint%s'", t->name, sections[t->role], key,
			       t->role == CUL_TERM_MAY ? "|none" : "");
	}
	return status;
}

/** Names of all terms first, so that one can tell "stands below" from "there is none". */
static enum cul_status read_terms(const struct loader *l)
{
	struct cul_rule *r = l->rule;
	enum cul_status status = CUL_OK;
	bool some_present = false;

	size_t count = 0, room = 1;
	for (size_t s = 0; s < COUNT(sections); s++) {
		const struct cul_node *map = cul_node_get(l->tree, l->tree->root, sections[s]);
		if (map && map->type == CUL_NODE_MAP)
			for EACH_PAIR(key, value, map)
				room++;
	}
	r->terms = cul_arena_get(l->rules->arena, (room < CUL_TERMS ? room : CUL_TERMS) * sizeof(*r->terms));
	if (!r->terms)
		return no_memory(l);
	for (size_t s = 0; s < COUNT(sections); s++) {
		const struct cul_node *map = cul_node_get(l->tree, l->tree->root, sections[s]);
		if (!map)
			continue;
		if (map->type != CUL_NODE_MAP || map->span == 1)
			return mistake(l, map, "%s is a map of terms: { name: { kind: … } }", sections[s]);
		for EACH_PAIR(key, value, map) {
			const char *name = cul_node_text(l->tree, key);
			if (strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789") != key->size || (name[0] >= '0' && name[0] <= '9') || !key->size)
				return mistake(l, key, "a term's name is made of small letters, digits and '_': '%s'", name);
			for (size_t i = 0; i < count; i++)
				if (!strcmp(r->terms[i].name, name))
					return mistake(l, key, "there are two terms '%s'", name);
			if (!strcmp(name, "and") || !strcmp(name, "or") || !strcmp(name, "not") || !strcmp(name, "in") || !strcmp(name, "true") ||
			    !strcmp(name, "false"))
				return mistake(l, key, "'%s' is a word of the expressions and can't name a term", name);
			if (count == CUL_TERMS)
				return mistake(l, key, "more than %d terms", CUL_TERMS);
			r->terms[count++] = (struct cul_term){ .name = name, .node = value, .role = (enum cul_part_role)s };
		}
	}
	r->term_count = count;
	for (size_t i = 0; status == CUL_OK && i < count; i++) {
		status = read_term(l, &r->terms[i], i);
		some_present |= r->terms[i].role <= CUL_TERM_SOME && !r->terms[i].absent;
	}
	if (status == CUL_OK && !some_present)
		return mistake(l, l->tree->root, "nothing must be present: 'must' or 'some' needs a term that is not 'absent'");
	return status;
}

static enum cul_status read_named(const struct loader *l, const struct cul_node *map, const char *key, struct cul_named **ret, size_t *count)
{
	if (map->type != CUL_NODE_MAP)
		return mistake(l, map, "%s is a map: { name: \"expression\" }", key);
	*ret = cul_arena_get(l->rules->arena, map->span * sizeof(**ret));
	if (!*ret)
		return no_memory(l);
	for EACH_PAIR(name, value, map) {
		enum cul_status status = expression(l, value, -1, false, l->rule->term_count, &(*ret)[*count].expr);
		if (status != CUL_OK)
			return status;
		(*ret)[(*count)++].name = cul_node_text(l->tree, name);
	}
	return CUL_OK;
}

static enum cul_status read_edges(const struct loader *l, const struct cul_node *list)
{
	size_t count = 0;
	struct cul_rule *r = l->rule;

	if (list->type != CUL_NODE_LIST)
		return mistake(l, list, "explains is a list: [ { cause: …, same: host, weight: strong } ]");
	r->edges = cul_arena_get(l->rules->arena, list->span * sizeof(*r->edges));
	if (!r->edges)
		return no_memory(l);
	for CUL_EACH_NODE(item, list) {
		struct cul_edge e = { .node = item, .within_ns = CUL_NO_TIME, .weight = CUL_MEDIUM };
		enum cul_status status = known_keys(l, item, "an edge of explains", edge_keys, COUNT(edge_keys));
		const struct cul_node *v, *cause;
		int which = 0;
		if (status == CUL_OK && (v = cul_node_get(l->tree, item, "same"))) {
			status = choice(l, v, "same", sames, COUNT(sames), &which);
			e.same = (enum cul_same)which;
		}
		if (status == CUL_OK && (v = cul_node_get(l->tree, item, "weight"))) {
			status = choice(l, v, "weight", weights, COUNT(weights), &which);
			e.weight = (enum cul_weight)(which + CUL_WEAK);
		}
		if (status == CUL_OK && (v = cul_node_get(l->tree, item, "within"))) {
			struct cul_slice text = text_of(l, v);
			if (!duration(&text, &e.within_ns) || e.within_ns == CUL_NO_TIME || cul_trim(text).size)
				return mistake(l, v, "within: '%s' is no time like '30 min'", string_of(l, v));
		}
		if (status == CUL_OK && (v = cul_node_get(l->tree, item, "when")))
			status = expression(l, v, -1, false, r->term_count, &e.when);
		if (status != CUL_OK)
			return status;
		cause = cul_node_get(l->tree, item, "cause");
		v = cul_node_get(l->tree, item, "causes");
		if (!cause == !v)
			return mistake(l, item, "an edge of explains needs 'cause: ID' or 'causes: [ID, ID]'");
		const struct cul_node *first = cause ? cause : v + 1, *end = cause ? cause + 1 : v + v->span;
		if (v && v->type != CUL_NODE_LIST)
			return mistake(l, v, "causes is a list of ids");
		for (const struct cul_node *c = first; c < end; c += c->span) {
			struct cul_slice id = text_of(l, c);
			if (!memchr(id.data ? id.data : "", '.', id.size))
				return mistake(l, c, "'%s' is no id like family.name or family.*", string_of(l, c));
			const char *star = memchr(id.data, '*', id.size);
			if (star && star != id.data + id.size - 1)
				return mistake(l, c, "'*' stands only at the end, as in nccl.*: '%s'", string_of(l, c));
			e.cause = string_of(l, c);
			r->edges[count++] = e;
		}
	}
	r->edge_count = count;
	return CUL_OK;
}

static enum cul_status text_list(const struct loader *l, const struct cul_node *n, const char *key)
{
	if (n->type != CUL_NODE_LIST)
		return mistake(l, n, "%s is a list of texts", key);
	for CUL_EACH_NODE(item, n) {
		enum cul_status status = check_text(l, item, key);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

static enum cul_status read_remedy(const struct loader *l, const struct cul_node *n)
{
	if (n->type != CUL_NODE_LIST)
		return mistake(l, n, "remedy is a list of steps: [ { do: …, run: … } ]");
	for CUL_EACH_NODE(step, n) {
		enum cul_status status = known_keys(l, step, "a remedy", remedy_keys, COUNT(remedy_keys));
		const struct cul_node *v;
		int which;
		bool loses;
		if (status != CUL_OK)
			return status;
		if (!cul_node_get(l->tree, step, "do"))
			return mistake(l, step, "a remedy needs 'do'");
		for EACH_PAIR(key, value, step) {
			const char *name = cul_node_text(l->tree, key);
			if (status == CUL_OK && strcmp(name, "needs") && strcmp(name, "loses_work"))
				status = check_text(l, value, name);
		}
		if (status == CUL_OK && (v = cul_node_get(l->tree, step, "needs")))
			status = choice(l, v, "needs", needs, COUNT(needs), &which);
		if (status == CUL_OK && (v = cul_node_get(l->tree, step, "loses_work")))
			status = flag(l, v, "loses_work", &loses);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

static enum cul_status text_map(const struct loader *l, const struct cul_node *n, const char *key)
{
	if (n->type != CUL_NODE_MAP)
		return mistake(l, n, "%s is a map of texts", key);
	for EACH_PAIR(name, value, n) {
		enum cul_status status = check_text(l, value, key);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

static enum cul_status read_texts(const struct loader *l)
{
	struct cul_rule *r = l->rule;
	const struct cul_node *root = l->tree->root, *v;
	enum cul_status status = CUL_OK;

	if (!(r->title = cul_node_get(l->tree, root, "title")))
		return mistake(l, root, "a rule needs a title");
	status = check_text(l, r->title, "title");
	if (status == CUL_OK && (v = r->summary = cul_node_get(l->tree, root, "summary")))
		status = check_text(l, v, "summary");
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
		status = known_keys(l, r->examples, "examples", (const char *const[]){ "hit", "miss" }, 2);
	return status;
}

static enum cul_status add_per(const struct loader *l, const struct cul_node *n)
{
	struct cul_rule *r = l->rule;
	const char *word = string_of(l, n);

	if (!strcmp(word, "host"))
		return CUL_OK;
	if (!strcmp(word, "job"))
		r->per_job = true;
	else if (!strcmp(word, "gpu"))
		r->per_gpu = true;
	else if (!*word || r->per_count == CUL_PER)
		return mistake(l, n, "per: host, gpu, job or at most %d fields", CUL_PER);
	else
		r->per[r->per_count++] = word;
	return CUL_OK;
}

/* One word, or a list of { when, do }: the first that holds counts; the last may have no when. */
static enum cul_status read_act(const struct loader *l, const struct cul_node *n)
{
	static const char *const keys[] = { "when", "do" };
	struct cul_rule *r = l->rule;
	int which = 0;

	if (n->type != CUL_NODE_LIST) {
		enum cul_status status = choice(l, n, "act", acts, COUNT(acts), &which);
		r->act = acts[status == CUL_OK ? which : 0];
		return status;
	}
	if (!(r->acts = cul_arena_get(l->rules->arena, n->span * sizeof(*r->acts))))
		return no_memory(l);
	for (const struct cul_node *item = n + 1; item < n + n->span; item += item->span) {
		enum cul_status status = item->type == CUL_NODE_MAP ? known_keys(l, item, "an act", keys, COUNT(keys)) : CUL_OK;
		const struct cul_node *what = cul_node_get(l->tree, item, "do"), *when = cul_node_get(l->tree, item, "when");
		bool last = item + item->span == n + n->span;

		if (status == CUL_OK && (item->type != CUL_NODE_MAP || !what))
			return mistake(l, item, "an act of a list is { when: EXPRESSION, do: ACT }");
		if (status == CUL_OK && !when != last)
			return mistake(l, item, last ? "the last act of a list has no when: it is what holds where no other does" : "only the last act of a list has no when");
		if (status == CUL_OK)
			status = choice(l, what, "do", acts, COUNT(acts), &which);
		if (status == CUL_OK && when)
			status = expression(l, when, -1, false, r->term_count, &r->acts[r->act_count].when);
		if (status != CUL_OK)
			return status;
		if (when)
			r->acts[r->act_count++].act = acts[which];
		else
			r->act = acts[which];
	}
	return CUL_OK;
}

static enum cul_status add_about(const struct loader *l, const struct cul_node *n)
{
	int which = 0;
	enum cul_status status = choice(l, n, "about", abouts, COUNT(abouts), &which);

	if (which)
		l->rule->about |= 1u << (which - 1);
	return status;
}

static enum cul_status add_for(const struct loader *l, const struct cul_node *n)
{
	struct cul_rule *r = l->rule;

	if (n->type != CUL_NODE_SCALAR || !n->size || r->speaks_for_count == CUL_SIGN_FOR)
		return mistake(l, n, "for: at most %d ids like family.name or family.*", CUL_SIGN_FOR);
	r->speaks_for[r->speaks_for_count++] = string_of(l, n);
	return CUL_OK;
}

/* A word or a list of them, each handed to @each. */
static enum cul_status words(const struct loader *l, const struct cul_node *n, enum cul_status (*each)(const struct loader *, const struct cul_node *))
{
	enum cul_status status = CUL_OK;

	if (n->type == CUL_NODE_SCALAR)
		return each(l, n);
	for CUL_EACH_NODE(item, n)
		if (status == CUL_OK)
			status = each(l, item);
	return status;
}

/* A sign: one must, a title, and when two of them are one. */
static enum cul_status read_sign(struct loader *l, const struct cul_node *sign)
{
	struct cul_rule *r = l->rule;
	const struct cul_node *root = l->tree->root, *v;
	enum cul_status status = known_keys(l, root, "a sign", sign_keys, COUNT(sign_keys));
	int which = 0;

	if (status == CUL_OK)
		status = choice(l, sign, "sign", cul_sign_names + 1, COUNT(cul_sign_names) - 1, &which);
	r->sign = (enum cul_sign)(which + 1);
	r->role = r->onset_term = -1;
	r->act = "none";
	r->severity = 6;
	r->worth = CUL_HINT;
	if (status == CUL_OK)
		status = read_terms(l);
	if (status != CUL_OK)
		return status;
	const struct cul_term *t = &r->terms[0];
	if (r->term_count != 1 || t->sql || t->need || t->window || t->absent)
		return mistake(l, root, "a sign has one 'must' with kind or text, and where; no sql, need, within or absent");
	if ((v = cul_node_get(l->tree, root, "about")))
		status = words(l, v, add_about);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "for")))
		status = words(l, v, add_for);
	r->reach_ns = INT64_C(86400) * 1000000000;
	for (int i = 0; status == CUL_OK && i < 2; i++) {
		const char *key = i ? "reach" : "fold";
		int64_t ns = CUL_NO_TIME;
		struct cul_slice text;
		if (!(v = cul_node_get(l->tree, root, key)))
			continue;
		text = text_of(l, v);
		if (!duration(&text, &ns) || ns == CUL_NO_TIME || cul_trim(text).size)
			return mistake(l, v, "%s: '%s' is no time like '10 min'", key, string_of(l, v));
		*(i ? &r->reach_ns : &r->fold_ns) = ns;
	}
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "latent")))
		status = flag(l, v, "latent", &r->latent);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "differs")))
		r->differs = string_of(l, v);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "of"))) {
		if (!r->differs)
			return mistake(l, v, "'of' goes with 'differs'");
		r->of = string_of(l, v);
	}
	if (status == CUL_OK && r->differs && r->sign != CUL_SIGN_CHANGE)
		return mistake(l, sign, "'differs' makes a change, no sign of health");
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "prefer")))
		status = expression(l, v, 0, false, 0, &r->prefer);
	if (status == CUL_OK && (v = r->many = cul_node_get(l->tree, root, "many")))
		status = check_text(l, v, "many");
	return status;
}

static enum cul_status read_rule(struct loader *l)
{
	struct cul_rule *r = l->rule;
	const struct cul_node *root = l->tree->root, *v, *sign = cul_node_get(l->tree, root, "sign");
	enum cul_status status = sign ? CUL_OK : known_keys(l, root, "a rule", rule_keys, COUNT(rule_keys));
	int which = 0;

	if (status != CUL_OK)
		return status;
	v = cul_node_get(l->tree, root, "id");
	if (!v)
		return mistake(l, root, "a rule needs an id");
	r->id = string_of(l, v);
	const char *dot = strchr(r->id, '.');
	if (strspn(r->id, "abcdefghijklmnopqrstuvwxyz0123456789-._") != v->size || !dot || dot == r->id || !dot[1])
		return mistake(l, v, "an id is FAMILY.NAME in small letters, digits and '-': '%s'", r->id);
	if (sign) {
		status = read_sign(l, sign);
		return status == CUL_OK ? read_texts(l) : status;
	}

	if (!(v = cul_node_get(l->tree, root, "severity")))
		return mistake(l, root, "a rule needs a severity");
	status = choice(l, v, "severity", severities, COUNT(severities), &r->severity);
	if (status == CUL_OK && !(v = cul_node_get(l->tree, root, "certainty")))
		return mistake(l, root, "a rule needs a certainty: what are the musts alone worth?");
	if (status == CUL_OK)
		status = choice(l, v, "certainty", cul_class_names, CUL_CLASSES, &which);
	r->worth = (enum cul_class)which;
	r->role = -1;
	r->act = "none";
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "role")))
		status = choice(l, v, "role", roles, COUNT(roles), &r->role);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "lasts")))
		status = flag(l, v, "lasts", &r->lasts);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "per"))) {
		if (v->type == CUL_NODE_SCALAR)
			status = add_per(l, v);
		else
			for CUL_EACH_NODE(item, v)
				if (status == CUL_OK)
					status = add_per(l, item);
	}
	if (status == CUL_OK)
		status = read_terms(l);
	r->onset_term = -1;
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "onset"))) {
		for (size_t i = 0; i < r->term_count; i++)
			if (cul_is(text_of(l, v), cul_str(r->terms[i].name)))
				r->onset_term = (int)i;
		if (r->onset_term < 0)
			return mistake(l, v, "onset names a term; there is no '%s'", string_of(l, v));
	}
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "let")))
		status = read_named(l, v, "let", &r->lets, &r->let_count);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "when")))
		status = expression(l, v, -1, false, r->term_count, &r->when);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "act")))
		status = read_act(l, v);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "at_least")))
		status = expression(l, v, -1, false, r->term_count, &r->at_least);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "facts")))
		status = read_named(l, v, "facts", &r->facts, &r->fact_count);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "explains")))
		status = read_edges(l, v);
	return status == CUL_OK ? read_texts(l) : status;
}

/** At its place in the order of ids; one of the same id is replaced. */
static enum cul_status insert(struct loader *l)
{
	struct cul_rules *rules = l->rules;
	struct cul_rule *old = cul_rules_find(rules, cul_str(l->rule->id));

	if (old && old->builtin == l->rule->builtin)
		return mistake(l, l->tree->root, "id '%s' is taken by %s", l->rule->id, old->file);
	if (old) {
		/* what the old one looked for is another's now: rows are told apart by the id */
		for (size_t i = old->interest; i < old->interest + old->interest_count; i++) {
			const char *id = cul_arena_printf(rules->arena, "%s (replaced)", rules->items[i].id);
			if (!id)
				return no_memory(l);
			rules->items[i].id = id;
		}
		for (size_t i = 0; i < rules->count; i++)
			if (rules->rules[i] == old)
				rules->rules[i] = l->rule;
		return CUL_OK;
	}
	return cul_rule_insert(rules, l->rule) == CUL_OK ? CUL_OK : no_memory(l);
}

enum cul_status cul_rule_read(struct cul_rules *rules, const struct cul_tree *tree, bool builtin, struct cul_error *err)
{
	struct cul_rule *rule = cul_arena_get(rules->arena, sizeof(*rule));
	struct loader l = { .rules = rules, .rule = rule, .tree = tree, .lenient = builtin, .err = err };

	if (!rule)
		return no_memory(&l);
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
