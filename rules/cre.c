/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Rule files of Common Reliability Enumerations, as they are in the world -> rules. Schema 0.1.1 (2025): a document with
 * `rules:`, a list of { metadata, cre, rule }, and `terms:`, named terms. Files in the wild have unknown keys, odd ids and
 * severities as words: those load with a note. A rule that can't mean anything (a sequence without a window) or that needs
 * jq where there is none is kept as refused, with the reason, so that one of them doesn't cost the hundreds beside it.
 * Sets and sequences are cre_term.c's.
 */
#include "rules/cre_load.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/error.h"
#include "rules/expr.h"

#define STEPS 32 /* of a remedy */

const char *cul_cre_print(struct cul_cre_loader *l, const char *format, ...)
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

void *cul_cre_get(struct cul_cre_loader *l, size_t size)
{
	void *p = cul_arena_get(l->rules->arena, size);
	l->no_memory |= !p;
	return p;
}

void cul_cre_note(struct cul_cre_loader *l, const struct cul_node *at, const char *format, ...)
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
bool cul_cre_refuse(struct cul_cre_loader *l, const struct cul_node *at, bool unsupported, const char *format, ...)
{
	char why[500];
	va_list args;

	if (l->cre->refused)
		return false;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	l->cre->refused = cul_cre_print(l, "%s (line %u of its file)", why, at->line);
	l->cre->mistake = cul_cre_print(l, "%s", why);
	l->cre->mistaken = at;
	l->cre->unsupported = unsupported;
	return false;
}

const struct cul_node *cul_cre_key(const struct cul_cre_loader *l, const struct cul_node *map, const char *name)
{
	return cul_node_get(l->tree, map, name);
}

struct cul_slice cul_cre_text(const struct cul_cre_loader *l, const struct cul_node *n)
{
	return n && n->type == CUL_NODE_SCALAR ? cul_node_slice(l->tree, n) : CUL_NONE;
}

bool cul_cre_true(const struct cul_cre_loader *l, const struct cul_node *n)
{
	struct cul_slice t = cul_cre_text(l, n);
	return cul_is_nocase(t, CUL_LIT("true")) || cul_is_nocase(t, CUL_LIT("yes")) || cul_is(t, CUL_LIT("1"));
}

void cul_cre_keys(struct cul_cre_loader *l, const struct cul_node *map, const char *what, const char *const *words)
{
	for (const struct cul_node *k = map + 1; k < map + map->span;) {
		const struct cul_node *v = k + k->span;
		bool known = false;
		size_t count = 0;
		for (; words[count]; count++)
			known = known || cul_is(cul_cre_text(l, k), cul_str(words[count]));
		const char *meant = known ? NULL : cul_nearest(cul_cre_text(l, k), words, count);
		if (!known)
			cul_cre_note(l, k, "%s of a CRE rule has no key '%.100s'; it is not heeded%s%s%s", what, cul_node_text(l->tree, k),
				     meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
		k = v + v->span;
	}
}

/* ---- texts ---------------------------------------------------------------------------------------- */

/* White space folded to single blanks; NULL for nothing. */
static const char *fold(struct cul_cre_loader *l, struct cul_slice text)
{
	text = cul_trim(text);
	char *out = text.size ? cul_cre_get(l, text.size + 1) : NULL;
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

static const char *text_at(struct cul_cre_loader *l, const struct cul_node *map, const char *name)
{
	return map ? fold(l, cul_cre_text(l, cul_cre_key(l, map, name))) : NULL;
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

static void add_step(struct cul_cre_loader *l, const char **steps, const char *text)
{
	if (text && l->cre->step_count < STEPS)
		steps[l->cre->step_count++] = text;
}

/* Free text -> steps: items of a list, else paragraphs. An item's lines are joined. */
static void read_steps(struct cul_cre_loader *l, const struct cul_node *n)
{
	const char **steps = n ? cul_cre_get(l, STEPS * sizeof(*steps)) : NULL;

	if (!steps)
		return;
	l->cre->steps = steps;
	if (n->type == CUL_NODE_LIST) {
		for CUL_EACH_NODE(item, n)
			add_step(l, steps, fold(l, cul_cre_text(l, item)));
		return;
	}
	struct cul_slice rest = cul_cre_text(l, n), line, step = CUL_NONE;
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

static void read_texts(struct cul_cre_loader *l, const struct cul_node *cre)
{
	struct cul_cre *c = l->cre;
	const struct cul_node *v = cre ? cul_cre_key(l, cre, "references") : NULL;

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
	read_steps(l, cre ? cul_cre_key(l, cre, "mitigation") : NULL);
	if (v && v->type == CUL_NODE_SCALAR)
		v--; /* one text: as a list of it */
	if (v && (c->references = cul_cre_get(l, (v->span + 1) * sizeof(*c->references))))
		for (const struct cul_node *item = v + 1; item < v + (v->type == CUL_NODE_LIST ? v->span : 2); item += item->span) {
			const char *text = fold(l, cul_cre_text(l, item));
			if (text)
				c->references[c->reference_count++] = text;
		}
}

static int read_severity(struct cul_cre_loader *l, const struct cul_node *cre)
{
	static const char *const words[] = { "critical", "high", "medium", "low", "info" };
	static const int ours[] = { 2, 3, 4, 5, 6 };
	const struct cul_node *n = cre ? cul_cre_key(l, cre, "severity") : NULL;
	struct cul_slice text = cul_trim(cul_cre_text(l, n));
	int64_t number;

	if (!n)
		return 4;
	if (cul_to_int(text, &number) && number >= 0 && number <= 4)
		return ours[number];
	for (size_t i = 0; i < 5; i++)
		if (cul_is_nocase(text, cul_str(words[i])))
			return ours[i];
	cul_cre_note(l, n, "severity '%.40s' is none of 0 to 4; taken as 2, medium", text.data ? text.data : "");
	return 4;
}

/*
 * Texts that few other lines hold say more, and several of them within a window say most. Numbers by hand: a single short
 * literal is a suspicion; two texts in a window are what such a rule was written for.
 */
static double certainty_of(const struct cul_cre_loader *l)
{
	const struct cul_cre_part *root = l->cre->root;
	double c;

	if (l->kinds >= 2) {
		c = l->strength / l->kinds < CUL_CRE_SHORT ? 0.85 : l->kinds > 2 ? 0.92 : 0.89;
		c += root->sequence ? 0.02 : 0;
	} else {
		c = !l->weakest || l->weakest < 8 ? 0.5 : l->weakest < CUL_CRE_SHORT ? 0.58 : l->weakest < CUL_CRE_LONG ? 0.68 : 0.76;
		c += root->need > 2 && l->weakest >= 8 ? 0.06 : 0;
	}
	return c + (root->negate_count ? 0.02 : 0);
}

/* ---- files ------------------------------------------------------------------------------------------ */

static const char *lower_id(struct cul_cre_loader *l, struct cul_slice id)
{
	char *out = cul_cre_get(l, id.size + 1);

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

static void read_id(struct cul_cre_loader *l, const struct cul_node *item, const struct cul_node *cre)
{
	const struct cul_node *metadata = cul_cre_key(l, item, "metadata"), *n = cre ? cul_cre_key(l, cre, "id") : NULL;

	if (!cul_trim(cul_cre_text(l, n)).size && metadata)
		n = cul_cre_key(l, metadata, "id");
	struct cul_slice id = cul_trim(cul_cre_text(l, n));
	if (!id.size) {
		id = file_name(l->tree->file);
		cul_cre_note(l, item, "a CRE rule without an id; it is called by its file's name");
	} else if (!usual_id(id)) {
		cul_cre_note(l, n, "'%.*s' is no id like CRE-2025-0001; the rule is loaded under it", (int)(id.size < 100 ? id.size : 100), id.data);
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
	struct cul_cre_loader l = { .rules = rules, .rule = rule, .cre = c, .tree = tree, .named = cul_node_get(tree, tree->root, "terms"),
			    .suffix = "", .weakest = SIZE_MAX };

	if (!rule || !c)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", tree->file);
	*rule = (struct cul_rule){ .file = tree->file, .tree = *tree, .worth = CUL_LIKELY, .role = -1, .act = "none", .onset_term = -1, .cre = c,
				   .interest = rules->item_count };
	rule->tree.root = item;
	if (item->type != CUL_NODE_MAP) {
		cul_cre_note(&l, item, "a CRE rule is a map; passed over");
		return CUL_OK;
	}
	cul_cre_keys(&l, item, "an entry", KEYS("metadata", "cre", "rule"));
	const struct cul_node *cre = cul_cre_key(&l, item, "cre"), *body = cul_cre_key(&l, item, "rule");
	if (cre && cre->type != CUL_NODE_MAP)
		cre = NULL;
	if (cre)
		cul_cre_keys(&l, cre, "cre", KEYS("id", "severity", "title", "category", "tags", "author", "description", "impact", "impactScore", "cause",
						"mitigation", "mitigationScore", "references", "reports", "version", "applications"));
	read_id(&l, item, cre);
	size_t twins = 0;
	for (size_t i = 0; i < rules->count && !l.no_memory; i++) {
		const struct cul_rule *old = rules->rules[i];
		if (!old->cre || strcmp(old->id, rule->id) != 0)
			continue;
		const struct cul_node *theirs = cul_node_get(&old->tree, old->tree.root, "rule");
		if (same_nodes(&old->tree, theirs, tree, body)) {
			cul_cre_note(&l, item, "%s stands in %s too; passed over", c->name, old->file);
			return CUL_OK;
		}
		twins++;
	}
	if (twins) {
		cul_cre_note(&l, item, "there is another rule %s", c->name);
		l.suffix = cul_cre_print(&l, "#%zu", twins + 1);
	}
	rule->severity = read_severity(&l, cre);
	read_texts(&l, cre);
	const struct cul_node *set = body ? cul_cre_key(&l, body, "set") : NULL, *sequence = body ? cul_cre_key(&l, body, "sequence") : NULL;
	if (!set && !sequence) {
		if (body && body->type == CUL_NODE_MAP)
			cul_cre_keys(&l, body, "rule", KEYS("set", "sequence"));
		cul_cre_refuse(&l, body ? body : item, false, "a rule needs a set or a sequence");
	} else {
		if (set && sequence) {
			cul_cre_note(&l, set, "a set and a sequence in one rule; the sequence counts");
			set = NULL;
		}
		cul_cre_keys(&l, body, "rule", KEYS("set", "sequence"));
		c->root = cul_cre_read_part(&l, body, set ? set : sequence, sequence != NULL, 0);
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
		c->several = cul_cre_several_sources(c->root, &first);
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
