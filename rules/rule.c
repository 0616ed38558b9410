/* SPDX-License-Identifier: Apache-2.0 */
/** Rules that are loaded: found by id, put in order, the {expressions} of their texts proved. */
#include "rules/rule.h"

#include "base/error.h"
#include "rules/cre.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

struct cul_rule *cul_rules_find(const struct cul_rules *rules, struct cul_slice id)
{
	size_t low = 0, high = rules->count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = cul_compare(id, cul_str(rules->rules[mid]->id));
		if (!order)
			return rules->rules[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

enum cul_status cul_rule_insert(struct cul_rules *rules, struct cul_rule *rule)
{
	if (rules->count == rules->room) {
		size_t room = rules->room ? 2 * rules->room : 512;
		struct cul_rule **larger = cul_arena_get(rules->arena, room * sizeof(*larger));
		if (!larger)
			return CUL_ENOMEM;
		if (rules->count)
			memcpy(larger, rules->rules, rules->count * sizeof(*larger));
		rules->rules = larger;
		rules->room = room;
	}
	size_t at = rules->count++;
	while (at && strcmp(rules->rules[at - 1]->id, rule->id) > 0) {
		rules->rules[at] = rules->rules[at - 1];
		at--;
	}
	rules->rules[at] = rule;
	return CUL_OK;
}

/* Each {expression} of one text. */
static enum cul_status check_braces(struct cul_scope *scope, struct cul_slice text, unsigned column, struct cul_error *err)
{
	for (size_t i = 0; i < text.size; i++) {
		const struct cul_expr *e;
		if (i + 1 < text.size && (text.data[i] == '{' || text.data[i] == '}') && text.data[i + 1] == text.data[i]) {
			i++;
			continue;
		}
		if (text.data[i] != '{')
			continue;
		const char *end = memchr(text.data + i, '}', text.size - i);
		if (!end)
			return cul_fail(err, CUL_ERULE, "%s:%u:%u: a '}' is missing (a brace that is meant as one is written twice)", scope->file,
					scope->line, scope->column);
		struct cul_slice inner = cul_slice(text.data + i + 1, (size_t)(end - text.data) - i - 1);
		scope->column = column + (unsigned)i + 1;
		enum cul_status status = cul_expr_parse(scope, inner, &e, err);
		if (status != CUL_OK)
			return status;
		i = (size_t)(end - text.data);
	}
	return CUL_OK;
}

enum cul_status cul_rule_texts(const struct cul_rules *rules, const struct cul_rule *rule, struct cul_error *err)
{
	const struct cul_node *const all[] = { rule->title, rule->summary, rule->remedy, rule->do_not, rule->capture, rule->before_reboot,
					       rule->rivals, rule->many };
	struct cul_arena *scratch = cul_arena_new();
	enum cul_status status = scratch ? CUL_OK : CUL_ENOMEM;

	for (size_t i = 0; status == CUL_OK && i < COUNT(all) + rule->term_count; i++) {
		const struct cul_node *top = i < COUNT(all) ? all[i] : rule->terms[i - COUNT(all)].capture;
		for (const struct cul_node *n = top; status == CUL_OK && top && n < top + top->span; n++) {
			if (n->type != CUL_NODE_SCALAR)
				continue;
			struct cul_scope scope = { .rules = (struct cul_rules *)(uintptr_t)rules, .rule = (struct cul_rule *)(uintptr_t)rule,
						   .term = -1, .late = true, .terms = rule->term_count, .lets = rule->let_count,
						   .arena = scratch, .file = rule->file, .line = n->line, .column = n->column };
			status = check_braces(&scope, cul_node_slice(&rule->tree, n), n->column + (n->quoted ? 1u : 0u), err);
		}
	}
	cul_arena_free(scratch);
	return status;
}
