/* SPDX-License-Identifier: Apache-2.0 */
/** YAML -> the terms of a rule: kinds, patterns, conditions, windows, what each is worth. */
#include <stdio.h>
#include <stdlib.h>

#include "rules/load.h"

static const char *const term_keys[] = {
	"kind", "kinds", "text", "stream", "unit", "where", "stack", "within", "need", "absent", "adds", "takes", "capture", "show", "sql",
};
static const char *const sections[] = { "must", "some", "may", "against", "never" };

static enum cul_status read_within(const struct cul_loader *l, const struct cul_node *n, struct cul_term *t, size_t index)
{
	static const char *const words[] = { "before", "after", "of" };
	struct cul_slice text = cul_load_slice(l, n);

	t->within_ns = INT64_MAX;
	if (!cul_load_duration(&text, &t->within_ns))
		return cul_load_mistake(l, n, "within: '%s' begins with no time like '120 s', '5 min', '2 h'", cul_load_string(l, n));
	struct cul_slice word = cul_word(&text), term = cul_trim(text);
	for (size_t i = 0; i < CUL_COUNT(words); i++)
		if (cul_is(word, cul_str(words[i])))
			t->window = (enum cul_window)(CUL_WINDOW_BEFORE + i);
	if (!t->window || !term.size || (t->window == CUL_WINDOW_OF && t->within_ns == INT64_MAX))
		return cul_load_mistake(l, n, "within: '%s' is not 'TIME before TERM', 'TIME after TERM', 'TIME of TERM', 'before TERM' or 'after TERM'",
					cul_load_string(l, n));
	const char *names[CUL_TERMS];
	for (size_t i = 0; i < index; i++) {
		names[i] = l->rule->terms[i].name;
		if (cul_is(term, cul_str(names[i]))) {
			t->anchor = (int)i;
			return CUL_OK;
		}
	}
	const char *meant = cul_nearest(term, names, index);
	return cul_load_mistake(l, n, "within: there is no term '%.*s' above%s%s%s", (int)term.size, term.data, meant ? "; did you mean '" : "",
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
static bool literal(const struct cul_loader *l, const struct cul_node *n, struct cul_slice s, char *out, size_t room)
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
static enum cul_status map_condition(const struct cul_loader *l, const struct cul_node *key, const struct cul_node *value, char *out, size_t room)
{
	static const char *const signs[] = { "==", "!=", "<=", ">=", "!~", "~", "<", ">" };
	struct cul_slice text = cul_load_slice(l, value);

	snprintf(out, room, "%.*s ", (int)(key->size > 100 ? 100 : key->size), cul_node_text(l->tree, key));
	if (value->type == CUL_NODE_LIST) {
		strncat(out, "in [", room - strlen(out) - 1);
		for CUL_EACH_NODE(item, value) {
			if (item->type != CUL_NODE_SCALAR || !literal(l, item, cul_load_slice(l, item), out, room - 8))
				return cul_load_mistake(l, item, "a plain value was expected");
			strncat(out, item + item->span < value + value->span ? ", " : "]", room - strlen(out) - 1);
		}
		return value->span == 1 ? cul_load_mistake(l, value, "an empty list") : CUL_OK;
	}
	if (value->type != CUL_NODE_SCALAR)
		return cul_load_mistake(l, value, "a value, a list of values or a text like '> 1000' was expected");
	for (size_t i = 0; value->quoted && i < CUL_COUNT(signs); i++) {
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
				return cul_load_mistake(l, value, "too long");
		} else {
			if (rest.size + strlen(out) + 1 > room)
				return cul_load_mistake(l, value, "too long");
			strncat(out, rest.data, rest.size);
		}
		return CUL_OK;
	}
	strncat(out, "== ", room - strlen(out) - 1);
	return literal(l, value, text, out, room) ? CUL_OK : cul_load_mistake(l, value, "too long");
}

static enum cul_status add_condition(const struct cul_loader *l, struct cul_term *t, const struct cul_expr *e)
{
	if (e->op == CUL_OP_AND) {
		enum cul_status status = add_condition(l, t, e->args[0]);
		return status == CUL_OK ? add_condition(l, t, e->args[1]) : status;
	}
	const struct cul_expr ***list = e->dynamic ? &t->dynamic : &t->fixed;
	size_t *count = e->dynamic ? &t->dynamic_count : &t->fixed_count;
	const struct cul_expr **larger = cul_arena_get(l->rules->arena, (*count + 1) * sizeof(*larger));
	if (!larger)
		return cul_load_no_memory(l);
	for (size_t i = 0; i < *count; i++)
		larger[i] = (*list)[i];
	larger[(*count)++] = e;
	*list = larger;
	if (e->op == CUL_OP_EQ && t->join_count < CUL_COUNT(t->joins)) {
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

static enum cul_status read_where(const struct cul_loader *l, const struct cul_node *n, struct cul_term *t, size_t index)
{
	const struct cul_expr *e;
	enum cul_status status;

	if (n->type != CUL_NODE_MAP) {
		status = cul_load_expression(l, n, (int)index, false, index, &e);
		return status == CUL_OK ? add_condition(l, t, e) : status;
	}
	for CUL_EACH_PAIR(key, value, n) {
		char text[2048];
		status = map_condition(l, key, value, text, sizeof(text));
		if (status != CUL_OK)
			return status;
		struct cul_scope scope = cul_load_scope(l, key, (int)index, false, index);
		status = cul_expr_parse(&scope, cul_str(text), &e, l->err);
		if (status == CUL_OK)
			status = add_condition(l, t, e);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

/** stack: [f, g] is `stack(frames, 'f', 'g')`. */
static enum cul_status read_stack(const struct cul_loader *l, const struct cul_node *n, struct cul_term *t, size_t index)
{
	char text[1024] = "stack(frames";
	const struct cul_expr *e;
	size_t count = 0;

	if (n->type != CUL_NODE_LIST || n->span == 1)
		return cul_load_mistake(l, n, "stack: [f, g] is a list of functions");
	for CUL_EACH_NODE(f, n) {
		size_t used = strlen(text);
		if (f->type != CUL_NODE_SCALAR || !f->size || f->size + used + 8 > sizeof(text) || ++count > CUL_STACK)
			return cul_load_mistake(l, f, "stack: at most %d names of functions", CUL_STACK);
		snprintf(text + used, sizeof(text) - used, ", '%s'", cul_node_text(l->tree, f));
	}
	text[strlen(text) + 1] = 0;
	text[strlen(text)] = ')';
	struct cul_scope scope = cul_load_scope(l, n, (int)index, false, index);
	enum cul_status status = cul_expr_parse(&scope, cul_str(text), &e, l->err);
	return status == CUL_OK ? add_condition(l, t, e) : status;
}

static int by_kind_name(const void *name, const void *kind)
{
	return cul_compare(*(const struct cul_slice *)name, cul_str((*(const struct cul_kind *const *)kind)->name));
}

static enum cul_status add_kind(const struct cul_loader *l, const struct cul_node *n, struct cul_term *t)
{
	const struct cul_kind *const *kinds = cul_kinds();
	struct cul_slice name = cul_load_slice(l, n);
	size_t count = l->rules->kind_count;

	while (kinds[count])
		count++;
	l->rules->kind_count = count;
	if (cul_is(name, CUL_LIT("record")))
		return cul_load_mistake(l, n, "records are asked for with 'text:'");
	const struct cul_kind *const *at = bsearch(&name, kinds, count, sizeof(*kinds), by_kind_name);
	const struct cul_kind *kind = at ? *at : cul_kind_find(name);
	if (!kind) {
		if (l->lenient) {
			t->kind_missing = true;
			return CUL_OK;
		}
		const char *names[1024], *meant;
		size_t some = count < CUL_COUNT(names) ? count : CUL_COUNT(names);
		for (size_t i = 0; i < some; i++)
			names[i] = kinds[i]->name;
		meant = cul_nearest(name, names, some);
		return cul_load_mistake(l, n, "there is no kind '%s'%s%s%s", cul_load_string(l, n), meant ? "; did you mean '" : "", meant ? meant : "",
					meant ? "'?" : "");
	}
	const struct cul_kind **larger = cul_arena_get(l->rules->arena, (t->kind_count + 1) * sizeof(*larger));
	if (!larger)
		return cul_load_no_memory(l);
	for (size_t i = 0; i < t->kind_count; i++)
		larger[i] = t->kinds[i];
	larger[t->kind_count++] = kind;
	t->kinds = larger;
	return CUL_OK;
}

static enum cul_status read_list(const struct cul_loader *l, const struct cul_node *n, struct cul_term *t,
				 enum cul_status (*each)(const struct cul_loader *, const struct cul_node *, struct cul_term *))
{
	if (n->type == CUL_NODE_SCALAR)
		return each(l, n, t);
	if (n->type != CUL_NODE_LIST || n->span == 1)
		return cul_load_mistake(l, n, "a word or a list of words was expected");
	for CUL_EACH_NODE(item, n) {
		enum cul_status status = each(l, item, t);
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

static enum cul_status add_pattern(const struct cul_loader *l, const struct cul_node *n, struct cul_term *t)
{
	return cul_interest_add(l->rules, l->rule, t, n, l->err);
}

static enum cul_status read_term(const struct cul_loader *l, struct cul_term *t, size_t index)
{
	const struct cul_node *n = t->node, *v;
	enum cul_status status = cul_load_keys(l, n, "a term", term_keys, CUL_COUNT(term_keys));
	int which = 0, sources = 0;

	t->show = true;
	t->worth = CUL_CLASS_NONE;
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "stream")))
		t->stream = cul_load_string(l, v);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "unit")))
		t->unit = cul_load_string(l, v);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "kind")) && ++sources)
		status = read_list(l, v, t, add_kind);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "kinds")) && ++sources)
		status = read_list(l, v, t, add_kind);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "text")) && ++sources) {
		t->interest = l->rules->item_count - l->rule->interest;
		status = read_list(l, v, t, add_pattern);
	}
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "sql")) && ++sources) {
		t->sql = cul_load_string(l, v);
		t->show = false;
	}
	if (status == CUL_OK && sources != 1)
		return cul_load_mistake(l, n, "term '%s' needs one of kind, kinds, text, sql%s", t->name, sources ? ", not several" : "");
	if (status == CUL_OK && t->unit && !t->interest_count)
		return cul_load_mistake(l, n, "unit goes with text");
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "where")))
		status = read_where(l, v, t, index);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "stack")))
		status = read_stack(l, v, t, index);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "within")))
		status = read_within(l, v, t, index);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "need")))
		status = cul_load_expression(l, v, (int)index, true, index, &t->need);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "absent")))
		status = cul_load_flag(l, v, "absent", &t->absent);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "show")))
		status = cul_load_flag(l, v, "show", &t->show);
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, "capture"))) {
		t->capture = v;
		status = cul_load_text(l, v, "capture");
	}
	const char *key = t->role == CUL_TERM_AGAINST ? "takes" : "adds", *other = t->role == CUL_TERM_AGAINST ? "adds" : "takes";
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, other)))
		return cul_load_mistake(l, v, "'%s' has no place in %s%s", other, sections[t->role],
					t->role == CUL_TERM_AGAINST ? "; here it is 'takes'" : t->role == CUL_TERM_MAY ? "; here it is 'adds'" : "");
	if (status == CUL_OK && (v = cul_node_get(l->tree, n, key))) {
		if (t->role == CUL_TERM_MUST || t->role == CUL_TERM_NEVER)
			return cul_load_mistake(l, v, "'%s' has no place in %s", key, sections[t->role]);
		/* "none": only there for its facts */
		if (t->role == CUL_TERM_AGAINST || v->type != CUL_NODE_SCALAR || !cul_is(cul_node_slice(l->tree, v), CUL_LIT("none"))) {
			status = cul_load_choice(l, v, key, cul_class_names, CUL_CLASSES, &which);
			t->worth = (enum cul_class)which;
		}
	} else if (status == CUL_OK && (t->role == CUL_TERM_MAY || t->role == CUL_TERM_AGAINST)) {
		return cul_load_mistake(l, n, "term '%s' in %s needs '%s: proof|strong|likely|hint%s'", t->name, sections[t->role], key,
					t->role == CUL_TERM_MAY ? "|none" : "");
	}
	return status;
}

/** Names of all terms first, so that one can tell "stands below" from "there is none". */
enum cul_status cul_load_terms(const struct cul_loader *l)
{
	struct cul_rule *r = l->rule;
	enum cul_status status = CUL_OK;
	bool some_present = false;

	size_t count = 0, room = 1;
	for (size_t s = 0; s < CUL_COUNT(sections); s++) {
		const struct cul_node *map = cul_node_get(l->tree, l->tree->root, sections[s]);
		if (map && map->type == CUL_NODE_MAP)
			for CUL_EACH_PAIR(key, value, map)
				room++;
	}
	r->terms = cul_arena_get(l->rules->arena, (room < CUL_TERMS ? room : CUL_TERMS) * sizeof(*r->terms));
	if (!r->terms)
		return cul_load_no_memory(l);
	for (size_t s = 0; s < CUL_COUNT(sections); s++) {
		const struct cul_node *map = cul_node_get(l->tree, l->tree->root, sections[s]);
		if (!map)
			continue;
		if (map->type != CUL_NODE_MAP || map->span == 1)
			return cul_load_mistake(l, map, "%s is a map of terms: { name: { kind: … } }", sections[s]);
		for CUL_EACH_PAIR(key, value, map) {
			const char *name = cul_node_text(l->tree, key);
			if (strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789") != key->size || (name[0] >= '0' && name[0] <= '9') || !key->size)
				return cul_load_mistake(l, key, "a term's name is made of small letters, digits and '_': '%s'", name);
			for (size_t i = 0; i < count; i++)
				if (!strcmp(r->terms[i].name, name))
					return cul_load_mistake(l, key, "there are two terms '%s'", name);
			if (!strcmp(name, "and") || !strcmp(name, "or") || !strcmp(name, "not") || !strcmp(name, "in") || !strcmp(name, "true") ||
			    !strcmp(name, "false"))
				return cul_load_mistake(l, key, "'%s' is a word of the expressions and can't name a term", name);
			if (count == CUL_TERMS)
				return cul_load_mistake(l, key, "more than %d terms", CUL_TERMS);
			r->terms[count++] = (struct cul_term){ .name = name, .node = value, .role = (enum cul_part_role)s };
		}
	}
	r->term_count = count;
	for (size_t i = 0; status == CUL_OK && i < count; i++) {
		status = read_term(l, &r->terms[i], i);
		some_present |= r->terms[i].role <= CUL_TERM_SOME && !r->terms[i].absent;
	}
	if (status == CUL_OK && !some_present)
		return cul_load_mistake(l, l->tree->root, "nothing must be present: 'must' or 'some' needs a term that is not 'absent'");
	return status;
}
