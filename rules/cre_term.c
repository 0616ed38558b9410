/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Sets and sequences of Common Reliability Enumerations, schema 0.1.1 -> terms, windows and what is looked for in the lines.
 * Patterns are RE2's; where PCRE2 reads a sign otherwise it is rewritten.
 */
#include "rules/cre_load.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>

#include "base/auto.h"
#include "base/error.h"
#include "base/jq.h"
#include "base/pattern.h"

#define DEPTH 8       /* sets in sets, names of terms in one another */

CUL_GUARD(free_pattern, struct cul_pattern, cul_pattern_free)
CUL_GUARD(free_jq, struct cul_jq, cul_jq_free)

/* ---- durations as Go writes them -------------------------------------------------------------- */

static bool go_duration(struct cul_slice t, int64_t *ret)
{
	static const struct { const char *name; double ns; } units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "\xc2\xb5s", 1e3 }, { "\xce\xbcs", 1e3 }, { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 },
	};
	double sum = 0;
	bool minus = false, any = false;

	t = cul_trim(t);
	if (t.size && (t.data[0] == '-' || t.data[0] == '+')) {
		minus = t.data[0] == '-';
		t = cul_from(t, 1);
	}
	while (t.size) {
		size_t n = 0, u, best = SIZE_MAX;
		while (n < t.size && n < 24 && ((t.data[n] >= '0' && t.data[n] <= '9') || t.data[n] == '.'))
			n++;
		double number;
		if (!n || !cul_to_real(cul_slice(t.data, n), &number))
			return false;
		t = cul_from(t, n);
		for (u = 0; u < sizeof(units) / sizeof(*units); u++)
			if (cul_starts(t, cul_str(units[u].name)) && (best == SIZE_MAX || strlen(units[u].name) > strlen(units[best].name)))
				best = u;
		if (best == SIZE_MAX) {
			if (any || t.size) /* a bare number: seconds */
				return false;
			best = 5;
		} else {
			t = cul_from(t, strlen(units[best].name));
		}
		sum += number * units[best].ns;
		any = true;
	}
	if (!any || sum > 9e18)
		return false;
	*ret = (int64_t)(minus ? -sum : sum);
	return true;
}

static bool read_duration(struct cul_cre_loader *l, const struct cul_node *map, const char *name, int64_t *ret)
{
	const struct cul_node *n = cul_cre_key(l, map, name);

	if (n && !go_duration(cul_cre_text(l, n), ret))
		return cul_cre_refuse(l, n, false, "%s: '%.60s' is no duration like 10s or 1h30m", name, n->type == CUL_NODE_SCALAR ? cul_node_text(l->tree, n) : "");
	return true;
}

static bool read_number(struct cul_cre_loader *l, const struct cul_node *map, const char *name, int64_t least, int64_t most, int64_t *ret)
{
	const struct cul_node *n = cul_cre_key(l, map, name);

	if (n && (!cul_to_int(cul_trim(cul_cre_text(l, n)), ret) || *ret < least || *ret > most))
		return cul_cre_refuse(l, n, false, "%s is a number from %lld to %lld", name, (long long)least, (long long)most);
	return true;
}

/* ---- patterns ----------------------------------------------------------------------------------- */

static const char *of_re2(struct cul_cre_loader *l, struct cul_slice re)
{
	CUL_AUTO(cul_freep) char *out = cul_re2_to_pcre2(re);
	const char *copy = out ? cul_arena_copy(l->rules->arena, cul_str(out)) : NULL;

	l->no_memory |= !copy;
	return copy ? copy : "";
}

static const char *quoted(struct cul_cre_loader *l, struct cul_slice text)
{
	char *out = cul_cre_get(l, 2 * text.size + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < text.size; i++) {
		if (text.data[i] && strchr("\\^$.[]|()?*+{}#-", text.data[i]))
			out[n++] = '\\';
		out[n++] = text.data[i];
	}
	return out ? out : "";
}

/* The literals of a pattern, the longest that can be had; *least is the length of the shortest of them. */
static const char *const *literals_of(struct cul_cre_loader *l, const char *pattern, bool *caseless, size_t *least)
{
	CUL_AUTO(cul_freep) char **found = NULL;

	for (size_t want = 4; !found && want; want--) {
		found = cul_pattern_literals(pattern, want, caseless);
		if (found && !found[0]) {
			free(found);
			found = NULL;
		}
	}
	if (!found)
		return NULL;
	size_t count = 0;
	while (found[count])
		count++;
	const char **out = cul_cre_get(l, (count + 1) * sizeof(*out));
	*least = SIZE_MAX;
	for (size_t i = 0; out && i < count; i++) {
		out[i] = cul_arena_copy(l->rules->arena, cul_str(found[i]));
		l->no_memory |= !out[i];
		*least = strlen(found[i]) < *least ? strlen(found[i]) : *least;
	}
	return out;
}

static bool add_item(struct cul_cre_loader *l, const struct cul_interest *item)
{
	struct cul_rules *rules = l->rules;

	if (rules->item_count == rules->item_room) {
		size_t room = rules->item_room ? 2 * rules->item_room : 256;
		struct cul_interest *larger = cul_cre_get(l, room * sizeof(*larger));
		if (!larger)
			return false;
		if (rules->item_count)
			memcpy(larger, rules->items, rules->item_count * sizeof(*larger));
		rules->items = larger;
		rules->item_room = room;
	}
	rules->items[rules->item_count++] = *item;
	return true;
}

static bool insert_leaf(struct cul_cre_loader *l, struct cul_interest *item, const char *kind, size_t least, bool positive, struct cul_cre_term *term)
{
	term->need = 1;
	for (size_t i = l->rule->interest; i < l->rules->item_count; i++) {
		const struct cul_interest *old = &l->rules->items[i];
		if (!strcmp(old->pattern, item->pattern) && !old->field == !item->field && (!item->field || !strcmp(old->field, item->field)) &&
		    !old->jq == !item->jq && (!item->jq || !strcmp(old->jq, item->jq))) {
			term->interest = (int)(i - l->rule->interest);
			return true;
		}
	}
	if (positive) {
		l->weakest = least < l->weakest ? least : l->weakest;
		l->strength += least;
		l->kinds++;
	}
	term->interest = (int)(l->rules->item_count - l->rule->interest);
	const char *more = item->field ? item->field : item->jq ? item->jq : "";
	item->id = cul_cre_print(l, "%s%s/%d%s%s", l->rule->id, l->suffix, term->interest + 1, kind, more);
	return add_item(l, item);
}

/* A jq program -> an interest. */
static bool add_jq(struct cul_cre_loader *l, const struct cul_node *node, bool positive, struct cul_cre_term *term)
{
	struct cul_interest item = { .line = true, .each = true, .pattern = "\\{" };
	CUL_AUTO(free_jq) struct cul_jq *compiled = NULL;
	struct cul_error err = { 0 };

	if (node->type != CUL_NODE_SCALAR || !cul_trim(cul_cre_text(l, node)).size)
		return cul_cre_refuse(l, node, false, "jq is a program");
	item.jq = cul_arena_copy(l->rules->arena, cul_cre_text(l, node));
	if (!item.jq) {
		l->no_memory = true;
		return false;
	}
	switch (cul_jq_new(item.jq, &compiled, &err)) {
	case CUL_OK:
		cul_cre_note(l, node, "a jq program is asked of each line that is JSON, which costs");
		return insert_leaf(l, &item, "|", CUL_CRE_LONG, positive, term);
	case CUL_ERULE:
		return cul_cre_refuse(l, node, false, "%s", err.text);
	case CUL_EUSE:
		return cul_cre_refuse(l, node, true, "%s", err.text);
	default:
		l->no_memory = true;
		return false;
	}
}

/*
 * The name of a field beside the literals of what is asked of it: escapes may hide the value in the line, its name can't be hidden; and a
 * line without that field is asked as a whole.
 */
static const char *const *with_name(struct cul_cre_loader *l, const char *const *literals, const char *field, bool caseless)
{
	const char *dot = strrchr(field, '.');
	size_t count = 0;
	while (literals && literals[count])
		count++;
	const char **all = cul_cre_get(l, (count + 2) * sizeof(*all));
	char *name = cul_arena_copy(l->rules->arena, cul_str(dot && dot[1] ? dot + 1 : field));
	if (!all || !name) {
		l->no_memory = true;
		return NULL;
	}
	for (char *c = name; caseless && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	for (size_t i = 0; i < count; i++)
		all[i] = literals[i];
	all[count] = name;
	return all;
}

/*
 * Of events of Kubernetes these fields are compared: { field: reason, value: Killing } is no KillingPod (prequel-compiler,
 * pkg/ast/ast_log.go, of all versions: select(.reason == "Killing")).
 */
static bool is_compared(const struct cul_cre_loader *l, const char *field)
{
	const char *source = l->source && !strncmp(l->source, "cre.", 4) ? l->source + 4 : l->source;
	return field && source && !strcmp(source, "k8s") && (!strcmp(field, "reason") || !strcmp(field, "type") || !strcmp(field, "reasonDetail"));
}

/* One text or pattern -> an interest; the same one is searched once. */
static bool add_leaf(struct cul_cre_loader *l, const struct cul_node *node, struct cul_slice text, bool regex, const char *field, bool positive,
		     struct cul_cre_term *term)
{
	struct cul_interest item = { .line = true, .each = true, .field = field };
	size_t least = 0;

	if (!text.size)
		return cul_cre_refuse(l, node, false, "an empty text stands in every line");
	if (regex) {
		struct cul_error err = { 0 };
		CUL_AUTO(free_pattern) struct cul_pattern *compiled = NULL;
		item.pattern = of_re2(l, text);
		if (cul_pattern_new(item.pattern, 0, &compiled, &err) != CUL_OK)
			return cul_cre_refuse(l, node, false, "regex: %s", err.text);
		item.fold = !field && cul_re2_crosses_lines(text.data); /* as it was written: what \s is rewritten to has a \n */
		item.literals = literals_of(l, item.pattern, &item.caseless, &least);
		if (field) {
			item.literals = with_name(l, item.literals, field, item.caseless);
			least = CUL_CRE_SHORT;
		} else if (!item.literals || least < 3) {
			cul_cre_note(l, node, "no rare literal can be had from this pattern: each line is asked, which costs about a second for a million of them");
		}
	} else {
		const char **literal = cul_cre_get(l, 2 * sizeof(*literal));
		item.pattern = quoted(l, text);
		if (is_compared(l, field))
			item.pattern = cul_cre_print(l, "\\A%s\\z", item.pattern);
		if (literal)
			literal[0] = cul_arena_copy(l->rules->arena, text);
		l->no_memory |= !literal || !literal[0];
		item.literals = field && !l->no_memory ? with_name(l, literal, field, false) : literal;
		least = text.size;
	}
	if (l->no_memory)
		return false;
	return insert_leaf(l, &item, field ? "@" : "", least, positive, term);
}

/* ---- terms, sets, sequences ---------------------------------------------------------------------- */

/* The field a term names, NULL: the whole line. Logs of plain text have no "message", and the reference heeds no field at all. */
static const char *field_of(struct cul_cre_loader *l, const struct cul_node *n)
{
	static const char *const own[] = { "message", "msg", "log", "line", "text", "body" };
	const char *name = n ? cul_node_text(l->tree, n) : NULL;

	for (size_t i = 0; name && i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcasecmp(name + (*name == '.'), own[i])) {
			cul_cre_note(l, n, "field %s: the whole line is searched", name);
			return NULL;
		}
	return name;
}

static bool read_term(struct cul_cre_loader *l, const struct cul_node *n, bool positive, int depth, struct cul_cre_term *term)
{
	const struct cul_node *v, *value, *regex, *set, *sequence;
	struct cul_slice text = cul_cre_text(l, n);
	int64_t number = 1;

	if (depth > DEPTH)
		return cul_cre_refuse(l, n, false, "terms and sets in one another, more than %d deep", DEPTH);
	term->node = n;
	if (n->type == CUL_NODE_SCALAR) {
		const struct cul_node *known = l->named ? cul_node_get(l->tree, l->named, cul_node_text(l->tree, n)) : NULL;
		if (known && !(known->type == CUL_NODE_SCALAR && cul_is(cul_cre_text(l, known), text))) {
			bool ok = read_term(l, known, positive, depth + 1, term);
			term->name = cul_node_text(l->tree, n);
			return ok;
		}
		return add_leaf(l, n, text, false, NULL, positive, term);
	}
	if (n->type != CUL_NODE_MAP)
		return cul_cre_refuse(l, n, false, "a term is a text or a map");
	cul_cre_keys(l, n, "a term", KEYS("value", "regex", "jq", "set", "sequence", "field", "count", "window", "slide", "anchor", "absolute", "event", "extract", "promql", "script",
					"correlations", "origin"));
	const struct cul_node *jq = cul_cre_key(l, n, "jq"), *other = cul_cre_key(l, n, "promql");
	if (other || (other = cul_cre_key(l, n, "script")))
		return cul_cre_refuse(l, n, true, "a log alone can't answer promql or a script");
	value = cul_cre_key(l, n, "value");
	regex = cul_cre_key(l, n, "regex");
	set = cul_cre_key(l, n, "set");
	sequence = cul_cre_key(l, n, "sequence");
	if (!!value + !!regex + !!jq + !!set + !!sequence != 1)
		return cul_cre_refuse(l, n, false, "a term needs one of value, regex, jq, set, sequence");
	if (set || sequence) {
		term->interest = -1;
		term->need = 1;
		term->nested = cul_cre_read_part(l, n, set ? set : sequence, sequence != NULL, depth + 1);
		if (!term->nested)
			return false;
	} else if (jq) {
		if (!add_jq(l, jq, positive, term))
			return false;
	} else {
		v = cul_cre_key(l, n, "field");
		text = cul_cre_text(l, value ? value : regex);
		struct cul_slice field = cul_cre_text(l, v);
		if (v && !field.size)
			return cul_cre_refuse(l, v, false, "field is the name of a field");
		if (!add_leaf(l, n, text, regex != NULL, field_of(l, v), positive, term))
			return false;
	}
	if (!read_number(l, n, "count", 1, CUL_CRE_NEED, &number))
		return false;
	term->need = (size_t)number;
	number = 0;
	if (positive)
		return true;
	term->absolute = cul_cre_true(l, cul_cre_key(l, n, "absolute"));
	bool ok = read_duration(l, n, "window", &term->window) && read_duration(l, n, "slide", &term->slide) &&
		  read_number(l, n, "anchor", 0, INT_MAX, &number);
	term->anchor = (size_t)number;
	return ok;
}

static bool same_term(const struct cul_cre_term *a, const struct cul_cre_term *b)
{
	return a->interest >= 0 ? a->interest == b->interest : a->nested == b->nested;
}

/* Which of its term's entries is positive entry @k? SIZE_MAX: there are not so many. */
static size_t repeat_of(const struct cul_cre_part *p, size_t k)
{
	for (size_t i = 0; i < p->count; i++) {
		if (k < p->terms[i].need)
			return k;
		k -= p->terms[i].need;
	}
	return SIZE_MAX;
}

static bool read_terms(struct cul_cre_loader *l, const struct cul_node *list, bool sequence, int depth, struct cul_cre_part *p)
{
	if (!list || list->type != CUL_NODE_LIST || list->span == 1)
		return cul_cre_refuse(l, list ? list : l->tree->root, false, sequence ? "a sequence needs a list 'order'" : "a set needs a list 'match'");
	p->terms = cul_cre_get(l, CUL_CRE_TERMS * sizeof(*p->terms));
	if (!p->terms)
		return false;
	for CUL_EACH_NODE(item, list) {
		struct cul_cre_term t = { .need = 1 };
		if (!read_term(l, item, true, depth, &t))
			return false;
		p->need += t.need;
		/* a term that stands there twice wants two entries: in a set anywhere, in a sequence one behind the other */
		struct cul_cre_term *old = NULL;
		for (size_t i = sequence && p->count ? p->count - 1 : 0; i < p->count && !old; i++)
			old = same_term(&p->terms[i], &t) ? &p->terms[i] : NULL;
		if (old) {
			old->need += t.need;
		} else if (p->count == CUL_CRE_TERMS) {
			return cul_cre_refuse(l, item, false, "more than %d terms", CUL_CRE_TERMS);
		} else {
			if (!t.name)
				t.name = cul_cre_print(l, "%s %zu", sequence ? "order" : "match", p->count + 1);
			p->terms[p->count++] = t;
		}
		if (p->need > CUL_CRE_NEED)
			return cul_cre_refuse(l, item, false, "more than %d entries are asked for", CUL_CRE_NEED);
	}
	return true;
}

static bool read_negate(struct cul_cre_loader *l, const struct cul_node *list, int depth, struct cul_cre_part *p)
{
	if (list->type != CUL_NODE_LIST)
		return cul_cre_refuse(l, list, false, "negate is a list of terms");
	p->negate = cul_cre_get(l, CUL_CRE_TERMS * sizeof(*p->negate));
	for CUL_EACH_NODE(item, list) {
		struct cul_cre_term t = { .need = 1 };
		if (!p->negate || !read_term(l, item, false, depth, &t))
			return false;
		if (p->negate_count == CUL_CRE_TERMS)
			return cul_cre_refuse(l, item, false, "more than %d negative terms", CUL_CRE_TERMS);
		if (t.need > 1)
			cul_cre_note(l, item, "count of a negative term is not heeded: one is enough");
		size_t repeat = repeat_of(p, t.anchor);
		if (repeat == SIZE_MAX)
			return cul_cre_refuse(l, item, false, "anchor %zu is beyond the %zu positive terms", t.anchor, p->need);
		if (p->sequence && repeat) /* a set's anchors are by time, whichever term it was */
			return cul_cre_refuse(l, item, false, "anchor %zu names the repetition of a term, which a sequence can't drop", t.anchor);
		p->negate[p->negate_count++] = t;
	}
	return true;
}

/*
 * Where the value of the correlated @name stands: the path that "extract: [ { name: NAME, jq: .a.b } ]" of the part's terms
 * gives, else the field of that name.
 */
static const char *extracted(struct cul_cre_loader *l, const struct cul_node *map, const char *name)
{
	const char *path = NULL;

	for (const struct cul_node *list = map + 1; list < map + map->span; list++) {
		const struct cul_node *term = list;
		for (int deep = 0; l->named && term && term->type == CUL_NODE_SCALAR && deep < DEPTH; deep++) {
			const struct cul_node *shared = cul_node_get(l->tree, l->named, cul_node_text(l->tree, term));
			term = shared == term ? NULL : shared;
		}
		const struct cul_node *terms = term && term->type == CUL_NODE_MAP ? cul_cre_key(l, term, "extract") : NULL;
		if (!terms || terms->type != CUL_NODE_LIST)
			continue;
		for CUL_EACH_NODE(item, terms) {
			const struct cul_node *what = item->type == CUL_NODE_MAP ? cul_cre_key(l, item, "name") : NULL;
			const struct cul_node *jq = what ? cul_cre_key(l, item, "jq") : NULL;
			if (!what || !cul_is(cul_cre_text(l, what), cul_str(name)))
				continue;
			struct cul_slice text = cul_trim(cul_cre_text(l, jq));
			bool plain = text.size > 1 && text.data[0] == '.';
			for (size_t i = 0; i < text.size && plain; i++)
				plain = isalnum((unsigned char)text.data[i]) || text.data[i] == '_' ||
					(text.data[i] == '.' && i + 1 < text.size && text.data[i + 1] != '.');
			if (!plain || (path && !cul_is(text, cul_str(path)))) {
				cul_cre_refuse(l, item, true, "extract: only the same path like .a.b in each term can be read here");
				return name;
			}
			path = cul_arena_copy(l->rules->arena, text);
			l->no_memory |= !path;
		}
	}
	return path ? path : name;
}

const struct cul_cre_part *cul_cre_read_part(struct cul_cre_loader *l, const struct cul_node *around, const struct cul_node *map, bool sequence,
					    int depth)
{
	struct cul_cre_part *p = cul_cre_get(l, sizeof(*p));
	const struct cul_node *v, *event;

	if (!p)
		return NULL;
	if (map->type != CUL_NODE_MAP) {
		cul_cre_refuse(l, map, false, "%s is a map", sequence ? "sequence" : "set");
		return NULL;
	}
	cul_cre_keys(l, map, sequence ? "a sequence" : "a set", KEYS("event", "window", "correlations", "match", "order", "negate", "origin"));
	p->sequence = sequence;
	if (!(event = cul_cre_key(l, map, "event")))
		event = cul_cre_key(l, around, "event");
	if (event && event->type == CUL_NODE_MAP) {
		v = cul_cre_key(l, event, "source");
		p->source = v && v->type == CUL_NODE_SCALAR ? cul_node_text(l->tree, v) : NULL;
		p->origin = cul_cre_true(l, cul_cre_key(l, event, "origin"));
	} else if (event && event->type == CUL_NODE_SCALAR) {
		p->source = cul_node_text(l->tree, event);
	}
	p->origin |= cul_cre_true(l, cul_cre_key(l, map, "origin"));
	if (!read_duration(l, map, "window", &p->window) || (depth && !p->window && !read_duration(l, around, "window", &p->window)))
		return NULL;
	if (!(v = cul_cre_key(l, map, "correlations")) && depth)
		v = cul_cre_key(l, around, "correlations");
	if (v && v->type == CUL_NODE_LIST) {
		p->correlations = cul_cre_get(l, v->span * sizeof(*p->correlations));
		for CUL_EACH_NODE(item, v)
			if (p->correlation_count == CUL_CRE_TERMS)
				cul_cre_refuse(l, item, false, "more than %d correlations", CUL_CRE_TERMS);
			else if (p->correlations && item->type == CUL_NODE_SCALAR)
				p->correlations[p->correlation_count++] = extracted(l, map, cul_node_text(l->tree, item));
	}
	v = cul_cre_key(l, map, sequence ? "order" : "match");
	if (!v && (v = cul_cre_key(l, map, sequence ? "match" : "order")))
		cul_cre_note(l, v, sequence ? "a sequence lists its terms under 'order'; 'match' is read as that" :
					      "a set lists its terms under 'match'; 'order' is read as that");
	if (!v)
		v = map;
	const char *outer = l->source;
	l->source = p->source;
	bool ok = read_terms(l, v, sequence, depth, p) && (!(v = cul_cre_key(l, map, "negate")) || read_negate(l, v, depth, p));
	l->source = outer;
	if (!ok)
		return NULL;
	if (p->window < 0)
		cul_cre_refuse(l, map, false, "a window can't be less than nothing");
	else if (sequence && p->need < 2)
		cul_cre_refuse(l, map, false, "a sequence needs two positive terms or more");
	else if (!cul_cre_key(l, map, "window") && !p->window && p->need > 1)
		cul_cre_refuse(l, map, false, "%s of several terms needs a window", sequence ? "a sequence" : "a set");
	return l->cre->refused || l->no_memory ? NULL : p;
}

/* Do parts of it read different sources? */
bool cul_cre_several_sources(const struct cul_cre_part *p, const char **first)
{
	if (p->source && !*first)
		*first = p->source;
	else if (p->source && strcmp(p->source, *first) != 0)
		return true;
	for (size_t i = 0; i < p->count; i++)
		if (p->terms[i].nested && cul_cre_several_sources(p->terms[i].nested, first))
			return true;
	for (size_t i = 0; i < p->negate_count; i++)
		if (p->negate[i].nested && cul_cre_several_sources(p->negate[i].nested, first))
			return true;
	return false;
}
