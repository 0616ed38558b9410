/* SPDX-License-Identifier: Apache-2.0 */
/** What all of a rule's readers ask of a YAML node: words, texts, expressions, durations; and how a mistake is told. */
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "rules/load.h"

enum cul_status cul_load_mistake(const struct cul_loader *l, const struct cul_node *at, const char *format, ...)
{
	char why[700];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return cul_fail(l->err, CUL_ERULE, "%s:%u:%u: %s", l->tree->file, at->line, at->column, why);
}

enum cul_status cul_load_no_memory(const struct cul_loader *l)
{
	return cul_fail(l->err, CUL_ENOMEM, "%s: out of memory", l->tree->file);
}

struct cul_slice cul_load_slice(const struct cul_loader *l, const struct cul_node *n)
{
	return n->type == CUL_NODE_SCALAR ? cul_node_slice(l->tree, n) : CUL_NONE;
}

const char *cul_load_string(const struct cul_loader *l, const struct cul_node *n)
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

enum cul_status cul_load_keys(const struct cul_loader *l, const struct cul_node *map, const char *what, const char *const *words,
			      size_t count)
{
	if (map->type != CUL_NODE_MAP)
		return cul_load_mistake(l, map, "%s must be a map of keys", what);
	if (map->span == 1)
		return cul_load_mistake(l, map, "%s is empty", what);
	for CUL_EACH_PAIR(key, value, map) {
		struct cul_slice k = cul_node_slice(l->tree, key);
		bool known = false;
		for (size_t i = 0; i < count && !known; i++)
			known = k.size && k.data[0] == words[i][0] && cul_is(k, cul_str(words[i]));
		if (known)
			continue;
		const char *meant = cul_nearest(k, words, count);
		return cul_load_mistake(l, key, "%s has no key '%s'%s%s%s", what, cul_node_text(l->tree, key), meant ? "; did you mean '" : "",
					meant ? meant : "", meant ? "'?" : "");
	}
	return CUL_OK;
}

/** The index of a scalar in @words. */
enum cul_status cul_load_choice(const struct cul_loader *l, const struct cul_node *n, const char *key, const char *const *words, size_t count,
				int *ret)
{
	char all[256] = "";
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		if (cul_is(cul_load_slice(l, n), cul_str(words[i]))) {
			*ret = (int)i;
			return CUL_OK;
		}
	for (size_t i = 0; i < count && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", words[i]);
	return cul_load_mistake(l, n, "%s: '%s' is none of %s", key, cul_load_string(l, n), all);
}

enum cul_status cul_load_flag(const struct cul_loader *l, const struct cul_node *n, const char *key, bool *ret)
{
	int which = 0;
	enum cul_status status = cul_load_choice(l, n, key, (const char *const[]){ "false", "true" }, 2, &which);
	*ret = which == 1;
	return status;
}

/** { en:, zh: } or a plain text. */
enum cul_status cul_load_text(const struct cul_loader *l, const struct cul_node *n, const char *key)
{
	if (n->type == CUL_NODE_SCALAR)
		return n->size ? CUL_OK : cul_load_mistake(l, n, "%s is empty", key);
	if (n->type == CUL_NODE_LIST)
		return cul_load_mistake(l, n, "%s is a text, or { en:, zh: }", key);
	enum cul_status status = cul_load_keys(l, n, key, (const char *const[]){ "en", "zh" }, 2);
	for CUL_EACH_PAIR(k, value, n)
		if (status == CUL_OK && (value->type != CUL_NODE_SCALAR || !value->size))
			status = cul_load_mistake(l, value, "%s is a text, or { en:, zh: }", key);
	if (status == CUL_OK && !cul_node_get(l->tree, n, "en"))
		return cul_load_mistake(l, n, "%s has no 'en'", key);
	return status;
}

struct cul_scope cul_load_scope(const struct cul_loader *l, const struct cul_node *at, int term, bool set, size_t terms)
{
	return (struct cul_scope){ .rules = l->rules, .rule = l->rule, .term = term, .set = set, .terms = terms,
				   .lets = l->rule->let_count, .arena = l->rules->arena, .file = l->tree->file, .line = at->line,
				   .column = at->column + (at->quoted ? 1u : 0u) };
}

enum cul_status cul_load_expression(const struct cul_loader *l, const struct cul_node *n, int term, bool set, size_t terms,
				    const struct cul_expr **ret)
{
	if (n->type != CUL_NODE_SCALAR || !n->size)
		return cul_load_mistake(l, n, "an expression was expected here");
	struct cul_scope scope = cul_load_scope(l, n, term, set, terms);
	return cul_expr_parse(&scope, cul_node_slice(l->tree, n), ret, l->err);
}

/** "120 s" off @text; *ns stays when there is no number. */
bool cul_load_duration(struct cul_slice *text, int64_t *ns)
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
	for (size_t i = 0; i < CUL_COUNT(units); i++) {
		if (!cul_is(unit, cul_str(units[i].name)) || number * units[i].seconds > 1e9)
			continue;
		*ns = (int64_t)(number * units[i].seconds * 1e9);
		*text = rest;
		return true;
	}
	return false;
}
