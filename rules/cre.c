/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Rule files of Common Reliability Enumerations, as they are in the world -> rules. Schema 0.1.1 (2025): a document with
 * `rules:`, a list of { metadata, cre, rule }, and `terms:`, named terms. Files in the wild have unknown keys, odd ids and
 * severities as words: those load with a note. A rule that can't mean anything (a sequence without a window) or that needs
 * jq where there is none is kept as refused, with the reason, so that one of them doesn't cost the hundreds beside it.
 *
 * Patterns are RE2's; where PCRE2 reads a sign otherwise it is rewritten.
 */
#include "rules/cre.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/auto.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/jq.h"
#include "base/pattern.h"

#define DEPTH 8       /* sets in sets, names of terms in one another */
#define STEPS 32      /* of a remedy */
#define SHORT 12      /* a literal shorter than that says little */
#define LONG 24

CUL_GUARD(free_pattern, struct cul_pattern, cul_pattern_free)
CUL_GUARD(free_jq, struct cul_jq, cul_jq_free)

struct loader {
	struct cul_rules *rules;
	struct cul_rule *rule;
	struct cul_cre *cre;
	const struct cul_tree *tree;
	const struct cul_node *named; /* terms: of the document, or NULL */
	const char *suffix;           /* of a second rule of that id */
	size_t weakest, strength;     /* lengths of literals of positive terms: least, sum */
	size_t kinds;                 /* of positive terms, by what they look for */
	bool no_memory;
};

static const char *print(struct loader *l, const char *format, ...) CUL_PRINTF(2, 3);
static const char *print(struct loader *l, const char *format, ...)
{
	char text[900];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	const char *copy = cul_arena_copy(l->rules->arena, cul_str(text));
	l->no_memory |= !copy;
	return copy ? copy : "";
}

static void *get(struct loader *l, size_t size)
{
	void *p = cul_arena_get(l->rules->arena, size);
	l->no_memory |= !p;
	return p;
}

static void note(struct loader *l, const struct cul_node *at, const char *format, ...) CUL_PRINTF(3, 4);
static void note(struct loader *l, const struct cul_node *at, const char *format, ...)
{
	char why[500], text[1000];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	snprintf(text, sizeof(text), "%.400s:%u:%u: %s", l->tree->file, at->line, at->column, why);
	l->no_memory |= cul_rules_note(l->rules, text) != CUL_OK;
}

/* The first reason counts. Always false. */
static bool refuse(struct loader *l, const struct cul_node *at, bool unsupported, const char *format, ...) CUL_PRINTF(4, 5);
static bool refuse(struct loader *l, const struct cul_node *at, bool unsupported, const char *format, ...)
{
	char why[500];
	va_list args;

	if (l->cre->refused)
		return false;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	l->cre->refused = print(l, "%s (line %u of its file)", why, at->line);
	l->cre->unsupported = unsupported;
	return false;
}

static const struct cul_node *key(const struct loader *l, const struct cul_node *map, const char *name)
{
	return cul_node_get(l->tree, map, name);
}

static struct cul_slice text_of(const struct loader *l, const struct cul_node *n)
{
	return n && n->type == CUL_NODE_SCALAR ? cul_node_slice(l->tree, n) : CUL_NONE;
}

static bool is_true(const struct loader *l, const struct cul_node *n)
{
	struct cul_slice t = text_of(l, n);
	return cul_is_nocase(t, CUL_LIT("true")) || cul_is_nocase(t, CUL_LIT("yes")) || cul_is(t, CUL_LIT("1"));
}

static void known_keys(struct loader *l, const struct cul_node *map, const char *what, const char *const *words)
{
	for (const struct cul_node *k = map + 1; k < map + map->span;) {
		const struct cul_node *v = k + k->span;
		bool known = false;
		for (const char *const *w = words; *w && !known; w++)
			known = cul_is(text_of(l, k), cul_str(*w));
		if (!known)
			note(l, k, "%s of a CRE rule has no key '%.100s'; it is not heeded", what, cul_node_text(l->tree, k));
		k = v + v->span;
	}
}
#define KEYS(...) ((const char *const[]){ __VA_ARGS__, NULL })

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

static bool read_duration(struct loader *l, const struct cul_node *map, const char *name, int64_t *ret)
{
	const struct cul_node *n = key(l, map, name);

	if (n && !go_duration(text_of(l, n), ret))
		return refuse(l, n, false, "%s: '%.60s' is no duration like 10s or 1h30m", name, n->type == CUL_NODE_SCALAR ? cul_node_text(l->tree, n) : "");
	return true;
}

static bool read_number(struct loader *l, const struct cul_node *map, const char *name, int64_t least, int64_t most, int64_t *ret)
{
	const struct cul_node *n = key(l, map, name);

	if (n && (!cul_to_int(cul_trim(text_of(l, n)), ret) || *ret < least || *ret > most))
		return refuse(l, n, false, "%s is a number from %lld to %lld", name, (long long)least, (long long)most);
	return true;
}

/* ---- patterns ----------------------------------------------------------------------------------- */

static const char *of_re2(struct loader *l, struct cul_slice re)
{
	CUL_AUTO(cul_freep) char *out = cul_re2_to_pcre2(re);
	const char *copy = out ? cul_arena_copy(l->rules->arena, cul_str(out)) : NULL;

	l->no_memory |= !copy;
	return copy ? copy : "";
}

static const char *quoted(struct loader *l, struct cul_slice text)
{
	char *out = get(l, 2 * text.size + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < text.size; i++) {
		if (text.data[i] && strchr("\\^$.[]|()?*+{}#-", text.data[i]))
			out[n++] = '\\';
		out[n++] = text.data[i];
	}
	return out ? out : "";
}

/* The literals of a pattern, the longest that can be had; *least is the length of the shortest of them. */
static const char *const *literals_of(struct loader *l, const char *pattern, bool *caseless, size_t *least)
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
	const char **out = get(l, (count + 1) * sizeof(*out));
	*least = SIZE_MAX;
	for (size_t i = 0; out && i < count; i++) {
		out[i] = cul_arena_copy(l->rules->arena, cul_str(found[i]));
		l->no_memory |= !out[i];
		*least = strlen(found[i]) < *least ? strlen(found[i]) : *least;
	}
	return out;
}

static bool add_item(struct loader *l, const struct cul_interest *item)
{
	struct cul_rules *rules = l->rules;

	if (rules->item_count == rules->item_room) {
		size_t room = rules->item_room ? 2 * rules->item_room : 256;
		struct cul_interest *larger = get(l, room * sizeof(*larger));
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

static bool insert_leaf(struct loader *l, struct cul_interest *item, const char *kind, size_t least, bool positive, struct cul_cre_term *term)
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
	item->id = print(l, "%s%s/%d%s%s", l->rule->id, l->suffix, term->interest + 1, kind, more);
	return add_item(l, item);
}

/* A jq program -> an interest. */
static bool add_jq(struct loader *l, const struct cul_node *node, bool positive, struct cul_cre_term *term)
{
	struct cul_interest item = { .line = true, .each = true, .pattern = "\\{" };
	CUL_AUTO(free_jq) struct cul_jq *compiled = NULL;
	struct cul_error err = { 0 };

	if (node->type != CUL_NODE_SCALAR || !cul_trim(text_of(l, node)).size)
		return refuse(l, node, false, "jq is a program");
	item.jq = cul_arena_copy(l->rules->arena, text_of(l, node));
	if (!item.jq) {
		l->no_memory = true;
		return false;
	}
	switch (cul_jq_new(item.jq, &compiled, &err)) {
	case CUL_OK:
		note(l, node, "a jq program is asked of each line that is JSON, which costs");
		return insert_leaf(l, &item, "|", LONG, positive, term);
	case CUL_ERULE:
		return refuse(l, node, false, "%s", err.text);
	case CUL_EUSE:
		return refuse(l, node, true, "%s", err.text);
	default:
		l->no_memory = true;
		return false;
	}
}

/*
 * The name of a field beside the literals of what is asked of it: escapes may hide the value in the line, its name can't be hidden; and a
 * line without that field is asked as a whole.
 */
static const char *const *with_name(struct loader *l, const char *const *literals, const char *field, bool caseless)
{
	const char *dot = strrchr(field, '.');
	size_t count = 0;
	while (literals && literals[count])
		count++;
	const char **all = get(l, (count + 2) * sizeof(*all));
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

/* One text or pattern -> an interest; the same one is searched once. */
static bool add_leaf(struct loader *l, const struct cul_node *node, struct cul_slice text, bool regex, const char *field, bool positive,
		     struct cul_cre_term *term)
{
	struct cul_interest item = { .line = true, .each = true, .field = field };
	size_t least = 0;

	if (!text.size)
		return refuse(l, node, false, "an empty text stands in every line");
	if (regex) {
		struct cul_error err = { 0 };
		CUL_AUTO(free_pattern) struct cul_pattern *compiled = NULL;
		item.pattern = of_re2(l, text);
		if (cul_pattern_new(item.pattern, 0, &compiled, &err) != CUL_OK)
			return refuse(l, node, false, "regex: %s", err.text);
		item.fold = !field && cul_re2_crosses_lines(text.data); /* as it was written: what \s is rewritten to has a \n */
		item.literals = literals_of(l, item.pattern, &item.caseless, &least);
		if (field) {
			item.literals = with_name(l, item.literals, field, item.caseless);
			least = SHORT;
		} else if (!item.literals || least < 3) {
			note(l, node, "no rare literal can be had from this pattern: each line is asked, which costs about a second for a million of them");
		}
	} else {
		const char **literal = get(l, 2 * sizeof(*literal));
		item.pattern = quoted(l, text);
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

static const struct cul_cre_part *read_part(struct loader *l, const struct cul_node *around, const struct cul_node *map, bool sequence,
					    int depth);

/* The field a term names, NULL: the whole line. Logs of plain text have no "message", and the reference heeds no field at all. */
static const char *field_of(struct loader *l, const struct cul_node *n)
{
	static const char *const own[] = { "message", "msg", "log", "line", "text", "body" };
	const char *name = n ? cul_node_text(l->tree, n) : NULL;

	for (size_t i = 0; name && i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcasecmp(name + (*name == '.'), own[i])) {
			note(l, n, "field %s: the whole line is searched", name);
			return NULL;
		}
	return name;
}

static bool read_term(struct loader *l, const struct cul_node *n, bool positive, int depth, struct cul_cre_term *term)
{
	const struct cul_node *v, *value, *regex, *set, *sequence;
	struct cul_slice text = text_of(l, n);
	int64_t number = 1;

	if (depth > DEPTH)
		return refuse(l, n, false, "terms and sets in one another, more than %d deep", DEPTH);
	term->node = n;
	if (n->type == CUL_NODE_SCALAR) {
		const struct cul_node *known = l->named ? cul_node_get(l->tree, l->named, cul_node_text(l->tree, n)) : NULL;
		if (known && !(known->type == CUL_NODE_SCALAR && cul_is(text_of(l, known), text))) {
			bool ok = read_term(l, known, positive, depth + 1, term);
			term->name = cul_node_text(l->tree, n);
			return ok;
		}
		return add_leaf(l, n, text, false, NULL, positive, term);
	}
	if (n->type != CUL_NODE_MAP)
		return refuse(l, n, false, "a term is a text or a map");
	known_keys(l, n, "a term", KEYS("value", "regex", "jq", "set", "sequence", "field", "count", "window", "slide", "anchor", "absolute", "event", "extract",
					"correlations", "origin"));
	const struct cul_node *jq = key(l, n, "jq"), *other = key(l, n, "promql");
	if (other || (other = key(l, n, "script")))
		return refuse(l, n, true, "a log alone can't answer promql or a script");
	value = key(l, n, "value");
	regex = key(l, n, "regex");
	set = key(l, n, "set");
	sequence = key(l, n, "sequence");
	if (!!value + !!regex + !!jq + !!set + !!sequence != 1)
		return refuse(l, n, false, "a term needs one of value, regex, jq, set, sequence");
	if (set || sequence) {
		term->interest = -1;
		term->need = 1;
		term->nested = read_part(l, n, set ? set : sequence, sequence != NULL, depth + 1);
		if (!term->nested)
			return false;
	} else if (jq) {
		if (!add_jq(l, jq, positive, term))
			return false;
	} else {
		v = key(l, n, "field");
		text = text_of(l, value ? value : regex);
		struct cul_slice field = text_of(l, v);
		if (v && !field.size)
			return refuse(l, v, false, "field is the name of a field");
		if (!add_leaf(l, n, text, regex != NULL, field_of(l, v), positive, term))
			return false;
	}
	if (!read_number(l, n, "count", 1, CUL_CRE_NEED, &number))
		return false;
	term->need = (size_t)number;
	number = 0;
	if (positive)
		return true;
	term->absolute = is_true(l, key(l, n, "absolute"));
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

static bool read_terms(struct loader *l, const struct cul_node *list, bool sequence, int depth, struct cul_cre_part *p)
{
	if (!list || list->type != CUL_NODE_LIST || list->span == 1)
		return refuse(l, list ? list : l->tree->root, false, sequence ? "a sequence needs a list 'order'" : "a set needs a list 'match'");
	p->terms = get(l, CUL_CRE_TERMS * sizeof(*p->terms));
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
			return refuse(l, item, false, "more than %d terms", CUL_CRE_TERMS);
		} else {
			if (!t.name)
				t.name = print(l, "%s %zu", sequence ? "order" : "match", p->count + 1);
			p->terms[p->count++] = t;
		}
		if (p->need > CUL_CRE_NEED)
			return refuse(l, item, false, "more than %d entries are asked for", CUL_CRE_NEED);
	}
	return true;
}

static bool read_negate(struct loader *l, const struct cul_node *list, int depth, struct cul_cre_part *p)
{
	if (list->type != CUL_NODE_LIST)
		return refuse(l, list, false, "negate is a list of terms");
	p->negate = get(l, CUL_CRE_TERMS * sizeof(*p->negate));
	for CUL_EACH_NODE(item, list) {
		struct cul_cre_term t = { .need = 1 };
		if (!p->negate || !read_term(l, item, false, depth, &t))
			return false;
		if (p->negate_count == CUL_CRE_TERMS)
			return refuse(l, item, false, "more than %d negative terms", CUL_CRE_TERMS);
		if (t.need > 1)
			note(l, item, "count of a negative term is not heeded: one is enough");
		size_t repeat = repeat_of(p, t.anchor);
		if (repeat == SIZE_MAX)
			return refuse(l, item, false, "anchor %zu is beyond the %zu positive terms", t.anchor, p->need);
		if (p->sequence && repeat) /* a set's anchors are by time, whichever term it was */
			return refuse(l, item, false, "anchor %zu names the repetition of a term, which a sequence can't drop", t.anchor);
		p->negate[p->negate_count++] = t;
	}
	return true;
}

/*
 * Where the value of the correlated @name stands: the path that "extract: [ { name: NAME, jq: .a.b } ]" of the part's terms
 * gives, else the field of that name.
 */
static const char *extracted(struct loader *l, const struct cul_node *map, const char *name)
{
	const char *path = NULL;

	for (const struct cul_node *list = map + 1; list < map + map->span; list++) {
		const struct cul_node *terms = list->type == CUL_NODE_MAP ? key(l, list, "extract") : NULL;
		if (!terms || terms->type != CUL_NODE_LIST)
			continue;
		for CUL_EACH_NODE(item, terms) {
			const struct cul_node *what = item->type == CUL_NODE_MAP ? key(l, item, "name") : NULL;
			const struct cul_node *jq = what ? key(l, item, "jq") : NULL;
			if (!what || !cul_is(text_of(l, what), cul_str(name)))
				continue;
			struct cul_slice text = cul_trim(text_of(l, jq));
			bool plain = text.size > 1 && text.data[0] == '.';
			for (size_t i = 0; i < text.size && plain; i++)
				plain = isalnum((unsigned char)text.data[i]) || text.data[i] == '_' ||
					(text.data[i] == '.' && i + 1 < text.size && text.data[i + 1] != '.');
			if (!plain || (path && !cul_is(text, cul_str(path)))) {
				refuse(l, item, true, "extract: only the same path like .a.b in each term can be read here");
				return name;
			}
			path = cul_arena_copy(l->rules->arena, text);
			l->no_memory |= !path;
		}
	}
	return path ? path : name;
}

static const struct cul_cre_part *read_part(struct loader *l, const struct cul_node *around, const struct cul_node *map, bool sequence,
					    int depth)
{
	struct cul_cre_part *p = get(l, sizeof(*p));
	const struct cul_node *v, *event;

	if (!p)
		return NULL;
	if (map->type != CUL_NODE_MAP) {
		refuse(l, map, false, "%s is a map", sequence ? "sequence" : "set");
		return NULL;
	}
	known_keys(l, map, sequence ? "a sequence" : "a set", KEYS("event", "window", "correlations", "match", "order", "negate", "origin"));
	p->sequence = sequence;
	if (!(event = key(l, map, "event")))
		event = key(l, around, "event");
	if (event && event->type == CUL_NODE_MAP) {
		v = key(l, event, "source");
		p->source = v && v->type == CUL_NODE_SCALAR ? cul_node_text(l->tree, v) : NULL;
		p->origin = is_true(l, key(l, event, "origin"));
	} else if (event && event->type == CUL_NODE_SCALAR) {
		p->source = cul_node_text(l->tree, event);
	}
	p->origin |= is_true(l, key(l, map, "origin"));
	if (!read_duration(l, map, "window", &p->window) || (depth && !p->window && !read_duration(l, around, "window", &p->window)))
		return NULL;
	if (!(v = key(l, map, "correlations")) && depth)
		v = key(l, around, "correlations");
	if (v && v->type == CUL_NODE_LIST) {
		p->correlations = get(l, v->span * sizeof(*p->correlations));
		for CUL_EACH_NODE(item, v)
			if (p->correlation_count == CUL_CRE_TERMS)
				refuse(l, item, false, "more than %d correlations", CUL_CRE_TERMS);
			else if (p->correlations && item->type == CUL_NODE_SCALAR)
				p->correlations[p->correlation_count++] = extracted(l, map, cul_node_text(l->tree, item));
	}
	v = key(l, map, sequence ? "order" : "match");
	if (!v && !(v = key(l, map, sequence ? "match" : "order")))
		v = map;
	if (!read_terms(l, v, sequence, depth, p))
		return NULL;
	if ((v = key(l, map, "negate")) && !read_negate(l, v, depth, p))
		return NULL;
	if (p->window < 0)
		refuse(l, map, false, "a window can't be less than nothing");
	else if (sequence && p->need < 2)
		refuse(l, map, false, "a sequence needs two positive terms or more");
	else if (!key(l, map, "window") && !p->window && p->need > 1)
		refuse(l, map, false, "%s of several terms needs a window", sequence ? "a sequence" : "a set");
	return l->cre->refused || l->no_memory ? NULL : p;
}

/* Do parts of it read different sources? */
static bool several_sources(const struct cul_cre_part *p, const char **first)
{
	if (p->source && !*first)
		*first = p->source;
	else if (p->source && strcmp(p->source, *first) != 0)
		return true;
	for (size_t i = 0; i < p->count; i++)
		if (p->terms[i].nested && several_sources(p->terms[i].nested, first))
			return true;
	for (size_t i = 0; i < p->negate_count; i++)
		if (p->negate[i].nested && several_sources(p->negate[i].nested, first))
			return true;
	return false;
}

/* ---- texts ---------------------------------------------------------------------------------------- */

/* White space folded to single blanks; NULL for nothing. */
static const char *fold(struct loader *l, struct cul_slice text)
{
	text = cul_trim(text);
	char *out = text.size ? get(l, text.size + 1) : NULL;
	size_t n = 0;

	for (size_t i = 0; out && i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (cul_starts(cul_from(text, i), CUL_LIT("```"))) { /* a fence and its language */
			i += 2;
			while (i + 1 < text.size && text.data[i + 1] > ' ')
				i++;
			continue;
		}
		if (c > ' ')
			out[n++] = (char)c;
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	while (n && out[n - 1] == ' ')
		out[--n] = 0;
	return n ? out : NULL;
}

static const char *text_at(struct loader *l, const struct cul_node *map, const char *name)
{
	return map ? fold(l, text_of(l, key(l, map, name))) : NULL;
}

/* "- ", "* ", "12. ", "3) ": what stands behind it, or 0. */
static size_t bullet(struct cul_slice line)
{
	size_t n = 0;

	if (line.size > 1 && strchr("-*+", line.data[0]) && line.data[1] == ' ')
		return 2;
	while (n < line.size && n < 3 && line.data[n] >= '0' && line.data[n] <= '9')
		n++;
	return n && n + 1 < line.size && (line.data[n] == '.' || line.data[n] == ')') && line.data[n + 1] == ' ' ? n + 2 : 0;
}

static void add_step(struct loader *l, const char **steps, const char *text)
{
	if (text && l->cre->step_count < STEPS)
		steps[l->cre->step_count++] = text;
}

/* Free text -> steps: items of a list, else paragraphs. An item's lines are joined. */
static void read_steps(struct loader *l, const struct cul_node *n)
{
	const char **steps = n ? get(l, STEPS * sizeof(*steps)) : NULL;

	if (!steps)
		return;
	l->cre->steps = steps;
	if (n->type == CUL_NODE_LIST) {
		for CUL_EACH_NODE(item, n)
			add_step(l, steps, fold(l, text_of(l, item)));
		return;
	}
	struct cul_slice rest = text_of(l, n), line, step = CUL_NONE;
	while (rest.size) {
		if (!cul_cut(rest, CUL_LIT("\n"), &line, &rest)) {
			line = rest;
			rest.size = 0;
		}
		struct cul_slice bare = cul_trim(line);
		size_t mark = bullet(bare);
		if ((!bare.size || mark) && step.size) {
			add_step(l, steps, fold(l, step));
			step = CUL_NONE;
		}
		if (!bare.size)
			continue;
		bare = cul_from(bare, mark);
		if (!step.size)
			step = bare;
		else
			step.size = (size_t)(bare.data + bare.size - step.data);
	}
	add_step(l, steps, fold(l, step));
}

static void read_texts(struct loader *l, const struct cul_node *cre)
{
	struct cul_cre *c = l->cre;
	const struct cul_node *v = cre ? key(l, cre, "references") : NULL;

	c->title = text_at(l, cre, "title");
	if (!c->title)
		c->title = c->name;
	c->cause = text_at(l, cre, "cause");
	c->impact = text_at(l, cre, "impact");
	c->category = text_at(l, cre, "category");
	const char *about = text_at(l, cre, "description");
	c->summary = about && c->cause && strcmp(about, c->cause) != 0 ? cul_arena_printf(l->rules->arena, "%s Cause: %s", about, c->cause) :
		     about ? about : c->cause ? c->cause : c->title;
	l->no_memory |= !c->summary;
	read_steps(l, cre ? key(l, cre, "mitigation") : NULL);
	if (v && v->type == CUL_NODE_SCALAR)
		v--; /* one text: as a list of it */
	if (v && (c->references = get(l, (v->span + 1) * sizeof(*c->references))))
		for (const struct cul_node *item = v + 1; item < v + (v->type == CUL_NODE_LIST ? v->span : 2); item += item->span) {
			const char *text = fold(l, text_of(l, item));
			if (text)
				c->references[c->reference_count++] = text;
		}
}

static int read_severity(struct loader *l, const struct cul_node *cre)
{
	static const char *const words[] = { "critical", "high", "medium", "low", "info" };
	static const int ours[] = { 2, 3, 4, 5, 6 };
	const struct cul_node *n = cre ? key(l, cre, "severity") : NULL;
	struct cul_slice text = cul_trim(text_of(l, n));
	int64_t number;

	if (!n)
		return 4;
	if (cul_to_int(text, &number) && number >= 0 && number <= 4)
		return ours[number];
	for (size_t i = 0; i < 5; i++)
		if (cul_is_nocase(text, cul_str(words[i])))
			return ours[i];
	note(l, n, "severity '%.40s' is none of 0 to 4; taken as 2, medium", text.data ? text.data : "");
	return 4;
}

/*
 * Texts that few other lines hold say more, and several of them within a window say most. Numbers by hand: a single short
 * literal is a suspicion; two texts in a window are what such a rule was written for.
 */
static double certainty_of(const struct loader *l)
{
	const struct cul_cre_part *root = l->cre->root;
	double c;

	if (l->kinds >= 2) {
		c = l->strength / l->kinds < SHORT ? 0.85 : l->kinds > 2 ? 0.92 : 0.89;
		c += root->sequence ? 0.02 : 0;
	} else {
		c = !l->weakest || l->weakest < 8 ? 0.5 : l->weakest < SHORT ? 0.58 : l->weakest < LONG ? 0.68 : 0.76;
		c += root->need > 2 && l->weakest >= 8 ? 0.06 : 0;
	}
	return c + (root->negate_count ? 0.02 : 0);
}

/* ---- files ------------------------------------------------------------------------------------------ */

static const char *lower_id(struct loader *l, struct cul_slice id)
{
	char *out = get(l, id.size + 1);

	for (size_t i = 0; out && i < id.size; i++) {
		char c = id.data[i];
		out[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : (unsigned char)c <= ' ' || c == '/' ? '-' : c;
	}
	return out ? out : "";
}

static bool usual_id(struct cul_slice id)
{
	struct cul_slice year, number;

	if (!cul_skip(&id, CUL_LIT("CRE-")) && !cul_skip(&id, CUL_LIT("PREQUEL-")))
		return false;
	year = cul_digits(&id);
	if (year.size != 4 || !cul_skip(&id, CUL_LIT("-")))
		return false;
	number = cul_digits(&id);
	return number.size && !id.size;
}

static struct cul_slice file_name(const char *path)
{
	struct cul_slice name = cul_str(path), dir;

	(void)cul_cut_last(name, CUL_LIT("/"), &dir, &name);
	(void)cul_cut_last(name, CUL_LIT("."), &name, &dir);
	return name;
}

static void read_id(struct loader *l, const struct cul_node *item, const struct cul_node *cre)
{
	const struct cul_node *metadata = key(l, item, "metadata"), *n = cre ? key(l, cre, "id") : NULL;

	if (!cul_trim(text_of(l, n)).size && metadata)
		n = key(l, metadata, "id");
	struct cul_slice id = cul_trim(text_of(l, n));
	if (!id.size) {
		id = file_name(l->tree->file);
		note(l, item, "a CRE rule without an id; it is called by its file's name");
	} else if (!usual_id(id)) {
		note(l, n, "'%.*s' is no id like CRE-2025-0001; the rule is loaded under it", (int)(id.size < 100 ? id.size : 100), id.data);
	}
	l->cre->name = cul_arena_copy(l->rules->arena, id);
	l->no_memory |= !l->cre->name;
	l->rule->id = lower_id(l, id);
}

/* Two rules that say the same (a collection and its parts in one folder) are one. */
static bool same_nodes(const struct cul_tree *ta, const struct cul_node *a, const struct cul_tree *tb, const struct cul_node *b)
{
	if (!a || !b || a->span != b->span)
		return a == b;
	for (size_t i = 0; i < a->span; i++)
		if (a[i].type != b[i].type || (a[i].type == CUL_NODE_SCALAR && !cul_is(cul_node_slice(ta, a + i), cul_node_slice(tb, b + i))))
			return false;
	return true;
}

static enum cul_status read_rule(struct cul_rules *rules, const struct cul_tree *tree, const struct cul_node *item, struct cul_error *err)
{
	struct cul_rule *rule = cul_arena_get(rules->arena, sizeof(*rule));
	struct cul_cre *c = cul_arena_get(rules->arena, sizeof(*c));
	struct loader l = { .rules = rules, .rule = rule, .cre = c, .tree = tree, .named = cul_node_get(tree, tree->root, "terms"),
			    .suffix = "", .weakest = SIZE_MAX };

	if (!rule || !c)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", tree->file);
	*rule = (struct cul_rule){ .file = tree->file, .tree = *tree, .worth = CUL_LIKELY, .role = -1, .act = "none", .onset_term = -1, .cre = c,
				   .interest = rules->item_count };
	rule->tree.root = item;
	if (item->type != CUL_NODE_MAP) {
		note(&l, item, "a CRE rule is a map; passed over");
		return CUL_OK;
	}
	known_keys(&l, item, "an entry", KEYS("metadata", "cre", "rule"));
	const struct cul_node *cre = key(&l, item, "cre"), *body = key(&l, item, "rule");
	if (cre && cre->type != CUL_NODE_MAP)
		cre = NULL;
	if (cre)
		known_keys(&l, cre, "cre", KEYS("id", "severity", "title", "category", "tags", "author", "description", "impact", "impactScore", "cause",
						"mitigation", "mitigationScore", "references", "reports", "version", "applications"));
	read_id(&l, item, cre);
	size_t twins = 0;
	for (size_t i = 0; i < rules->count && !l.no_memory; i++) {
		const struct cul_rule *old = rules->rules[i];
		if (!old->cre || strcmp(old->id, rule->id) != 0)
			continue;
		const struct cul_node *theirs = cul_node_get(&old->tree, old->tree.root, "rule");
		if (same_nodes(&old->tree, theirs, tree, body)) {
			note(&l, item, "%s stands in %s too; passed over", c->name, old->file);
			return CUL_OK;
		}
		twins++;
	}
	if (twins) {
		note(&l, item, "there is another rule %s", c->name);
		l.suffix = print(&l, "#%zu", twins + 1);
	}
	rule->severity = read_severity(&l, cre);
	read_texts(&l, cre);
	const struct cul_node *set = body ? key(&l, body, "set") : NULL, *sequence = body ? key(&l, body, "sequence") : NULL;
	if (!set && !sequence) {
		refuse(&l, body ? body : item, false, "a rule needs a set or a sequence");
	} else {
		if (set && sequence) {
			note(&l, set, "a set and a sequence in one rule; the sequence counts");
			set = NULL;
		}
		known_keys(&l, body, "rule", KEYS("set", "sequence"));
		c->root = read_part(&l, body, set ? set : sequence, sequence != NULL, 0);
	}
	if (l.no_memory)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", tree->file);
	if (c->refused) {
		c->root = NULL;
		rules->item_count = rule->interest;
	}
	rule->interest_count = rules->item_count - rule->interest;
	if (c->root) {
		const char *first = NULL;
		c->several = several_sources(c->root, &first);
		c->certainty = certainty_of(&l);
	}
	if (cul_rule_insert(rules, rule) != CUL_OK)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", tree->file);
	return CUL_OK;
}

bool cul_cre_is(const struct cul_tree *tree)
{
	const struct cul_node *list = cul_node_get(tree, tree->root, "rules");

	if (!list || list->type != CUL_NODE_LIST || cul_node_get(tree, tree->root, "id"))
		return false;
	if (list->span == 1)
		return true;
	for CUL_EACH_NODE(item, list) /* a Kubernetes role has a list of that name too */
		if (cul_node_get(tree, item, "rule") || cul_node_get(tree, item, "cre"))
			return true;
	return false;
}

enum cul_status cul_cre_read(struct cul_rules *rules, const struct cul_tree *tree, struct cul_error *err)
{
	const struct cul_node *list = cul_node_get(tree, tree->root, "rules");
	enum cul_status status = CUL_OK;

	for CUL_EACH_NODE(item, list)
		if (status == CUL_OK)
			status = read_rule(rules, tree, item, err);
	return status;
}

enum cul_cre_look cul_cre_look(const char *path)
{
	char head[4096];
	CUL_AUTO(cul_fclosep) FILE *f = fopen(path, "rbe");
	struct cul_slice text = { head, f ? fread(head, 1, sizeof(head), f) : 0 };

	if (cul_starts(text, CUL_LIT("rules:")) || cul_has(text, CUL_LIT("\nrules:")))
		return CUL_CRE_THEIRS;
	return cul_starts(text, CUL_LIT("id:")) || cul_has(text, CUL_LIT("\nid:")) ? CUL_CRE_OURS : CUL_CRE_NEITHER;
}
