/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Text patterns of the rules -> what the parse shall look for. Nothing is compiled here: group names are read off the
 * pattern's text, and check.c holds them against PCRE2.
 */
#include <stdlib.h>

#include "base/auto.h"
#include "base/error.h"
#include "base/pattern.h"
#include "rules/rule.h"

#define GROUPS 24

/**
 * Number and names of the capturing groups of a PCRE2 pattern. False: it uses what is not told apart here ("(?|").
 */
static bool read_groups(struct cul_slice p, struct cul_slice *names, size_t *count)
{
	bool class = false;
	size_t n = 0;

	for (size_t i = 0; i < p.size; i++) {
		char c = p.data[i];
		if (c == '\\') {
			if (i + 1 < p.size && p.data[i + 1] == 'Q') {
				size_t end = cul_find(cul_from(p, i), CUL_LIT("\\E"));
				if (end == SIZE_MAX)
					break;
				i += end;
			}
			i++;
		} else if (class) {
			class = c != ']';
		} else if (c == '[') {
			class = true;
			if (i + 1 < p.size && p.data[i + 1] == '^')
				i++;
			if (i + 1 < p.size && p.data[i + 1] == ']')
				i++;
		} else if (c == '(') {
			struct cul_slice rest = cul_from(p, i + 1), name = CUL_NONE;
			char close = '>';
			if (cul_starts(rest, CUL_LIT("?|")) || cul_starts(rest, CUL_LIT("?(")))
				return false;
			if (cul_starts(rest, CUL_LIT("?P<")))
				rest = cul_from(rest, 3);
			else if (cul_starts(rest, CUL_LIT("?<")) && !cul_starts(rest, CUL_LIT("?<=")) && !cul_starts(rest, CUL_LIT("?<!")))
				rest = cul_from(rest, 2);
			else if (cul_starts(rest, CUL_LIT("?'")))
				close = '\'', rest = cul_from(rest, 2);
			else if (cul_starts(rest, CUL_LIT("?")) || cul_starts(rest, CUL_LIT("*")))
				continue;
			else
				close = 0;
			if (close && !cul_cut(rest, cul_slice(&close, 1), &name, NULL))
				return false;
			if (n == GROUPS)
				return false;
			names[n++] = name;
		}
	}
	*count = n;
	return true;
}

/** All special characters with a backslash before them. */
static char *quoted(struct cul_arena *arena, struct cul_slice text)
{
	char *out = cul_arena_get(arena, 2 * text.size + 1);
	size_t n = 0;

	for (size_t i = 0; out && i < text.size; i++) {
		if (strchr("\\^$.[]|()?*+{}#-", text.data[i]) && text.data[i])
			out[n++] = '\\';
		out[n++] = text.data[i];
	}
	return out;
}

static const struct cul_field *field_named(struct cul_arena *arena, struct cul_slice name)
{
	const struct cul_field *known = cul_field_find(name);
	if (known)
		return known;
	struct cul_field *own = cul_arena_get(arena, sizeof(*own));
	if (!own)
		return NULL;
	own->name = cul_arena_copy(arena, name);
	own->unit = "";
	own->about = "";
	return own->name ? own : NULL;
}

enum cul_status cul_interest_add(struct cul_rules *rules, struct cul_rule *rule, struct cul_term *term,
				 const struct cul_node *node, struct cul_error *err)
{
	const char *file = rule->file;
	struct cul_slice text = node->type == CUL_NODE_SCALAR ? cul_node_slice(&rule->tree, node) : CUL_NONE, names[GROUPS];
	struct cul_interest item = { .stream = term->stream && strcmp(term->stream, "log") ? term->stream : NULL };
	size_t groups = 0;

	if (!text.size)
		return cul_fail(err, CUL_ERULE, "%s:%u:%u: a pattern is a text: \"~ RE\" or a plain substring", file, node->line, node->column);
	if (rules->item_count == rules->item_room) {
		size_t room = rules->item_room ? 2 * rules->item_room : 256;
		struct cul_interest *larger = cul_arena_get(rules->arena, room * sizeof(*larger));
		if (!larger)
			return cul_fail(err, CUL_ENOMEM, "%s: out of memory", file);
		if (rules->item_count)
			memcpy(larger, rules->items, rules->item_count * sizeof(*larger));
		rules->items = larger;
		rules->item_room = room;
	}

	const char **literals;
	if (text.data[0] == '~') {
		struct cul_slice pattern = cul_trim(cul_from(text, 1));
		item.pattern = cul_arena_copy(rules->arena, pattern);
		if (!item.pattern)
			return cul_fail(err, CUL_ENOMEM, "%s: out of memory", file);
		CUL_AUTO(cul_freep) char **found = cul_pattern_literals(item.pattern, 4, &item.caseless);
		size_t count = 0;
		while (found && found[count])
			count++;
		if (!count)
			return cul_fail(err, CUL_ERULE, "%s:%u:%u: the pattern holds no literal of four bytes that every match must have: %s",
					file, node->line, node->column, item.pattern);
		literals = cul_arena_get(rules->arena, (count + 1) * sizeof(*literals));
		for (size_t i = 0; literals && i < count; i++)
			literals[i] = cul_arena_copy(rules->arena, cul_str(found[i]));
		if (!read_groups(pattern, names, &groups))
			return cul_fail(err, CUL_ERULE, "%s:%u:%u: \"(?|\", \"(?(\" and more than %d groups aren't taken in patterns", file,
					node->line, node->column, GROUPS);
	} else {
		if (text.size < 4)
			return cul_fail(err, CUL_ERULE, "%s:%u:%u: '%s' is too short to search for; four bytes at least", file, node->line,
					node->column, text.data);
		item.pattern = quoted(rules->arena, text);
		literals = cul_arena_get(rules->arena, 2 * sizeof(*literals));
		if (literals)
			literals[0] = cul_arena_copy(rules->arena, text);
	}
	item.id = cul_arena_printf(rules->arena, "%s/%s", rule->id, term->name);
	const struct cul_field **captures = cul_arena_get(rules->arena, (groups + 1) * sizeof(*captures));
	if (!item.pattern || !literals || !item.id || !captures)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", file);
	for (size_t i = 0; i < groups; i++)
		captures[i] = names[i].size ? field_named(rules->arena, names[i]) : NULL;
	item.literals = literals;
	item.captures = captures;
	item.capture_count = groups;
	rules->items[rules->item_count++] = item;
	term->interest_count++;
	return CUL_OK;
}
