/* SPDX-License-Identifier: Apache-2.0 */
/** Expressions: text -> tree, by precedence climbing; names are bound and checked here (grammar: docs/rules.ebnf). */
#include "rules/expr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/slice.h"
#include "rules/rule.h"

enum token_type { T_END, T_NUMBER, T_STRING, T_NAME, T_SIGN, T_BAD };

struct token {
	enum token_type type;
	struct cul_slice text; /* STRING: without quotes, escapes as written */
	size_t at;
};

struct parser {
	const struct cul_scope *scope;
	struct cul_slice text;
	size_t at;
	struct token token;
	unsigned nodes, depth;
	struct cul_error *err;
	enum cul_status status;
};

static const struct function {
	const char *name;
	uint8_t least, most;
	bool term; /* the first argument may be (count) or must be a term */
} functions[CUL_F_END + 1] = {
	[CUL_F_COUNT] = { "count", 1, 1, true }, [CUL_F_FIRST] = { "first", 1, 1 }, [CUL_F_LAST] = { "last", 1, 1 },
	[CUL_F_MIN] = { "min", 1, 8 }, [CUL_F_MAX] = { "max", 1, 8 }, [CUL_F_SUM] = { "sum", 1, 1 },
	[CUL_F_AVG] = { "avg", 1, 1 }, [CUL_F_MEDIAN] = { "median", 1, 1 }, [CUL_F_DISTINCT] = { "distinct", 1, 1 },
	[CUL_F_LIST] = { "list", 1, 1 }, [CUL_F_SORTED] = { "sorted", 1, 1 }, [CUL_F_SLOPE] = { "slope", 1, 2 },
	[CUL_F_R2] = { "r2", 1, 2 }, [CUL_F_SPAN] = { "span", 1, 1, true }, [CUL_F_RATE] = { "rate", 1, 1, true },
	[CUL_F_STEPS] = { "steps", 1, 1 }, [CUL_F_HAS] = { "has", 1, 1 }, [CUL_F_DEFAULT] = { "default", 2, 2 },
	[CUL_F_ROUND] = { "round", 1, 2 }, [CUL_F_ABS] = { "abs", 1, 1 }, [CUL_F_LOWER] = { "lower", 1, 1 },
	[CUL_F_CONTAINS] = { "contains", 2, 2 }, [CUL_F_STARTS] = { "starts", 2, 2 }, [CUL_F_ENDS] = { "ends", 2, 2 },
	[CUL_F_BASENAME] = { "basename", 1, 1 }, [CUL_F_MATCH] = { "match", 2, 2 }, [CUL_F_VERSION] = { "version", 1, 1 },
	[CUL_F_STACK] = { "stack", 2, 9 }, [CUL_F_N_OF] = { "n_of", 2, 33 }, [CUL_F_COVERED] = { "covered", 1, 1 },
	[CUL_F_IF] = { "if", 3, 3 }, [CUL_F_NUMBER] = { "number", 1, 1 }, [CUL_F_TEXT] = { "text", 1, 1 },
	[CUL_F_ARGMAX] = { "argmax", 2, 2 }, [CUL_F_ARGMIN] = { "argmin", 2, 2 }, [CUL_F_PERCENT] = { "percent", 2, 2 },
	[CUL_F_LAG] = { "lag", 2, 2, true }, [CUL_F_CLOCK] = { "clock", 1, 1 }, [CUL_F_AGE] = { "age", 1, 1 }, [CUL_F_END] = { NULL, 0, 0 },
};

static const char *const function_names[CUL_F_END + 1] = {
	"count", "first", "last", "min", "max", "sum", "avg", "median", "distinct", "list", "sorted", "slope", "r2", "span", "rate",
	"steps", "has", "default", "round", "abs", "lower", "contains", "starts", "ends", "basename", "match", "version", "stack",
	"n_of", "covered", "if", "number", "text", "argmax", "argmin", "percent", "lag", "clock", "age", NULL,
};

static const char *const row_names[] = { "time", "line", "n", "unit", "text", "source", "gpu", "host", "severity", "boot", NULL };
static const char *const part_names[] = { "host", "gpu", NULL };

/* Damerau's distance, rows of at most 64. */
static size_t distance(struct cul_slice a, const char *b)
{
	size_t n = strlen(b), before[65], last[65], now[65];

	if (a.size > 64 || n > 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= n; j++)
		last[j] = j;
	memcpy(before, last, sizeof(before));
	for (size_t i = 1; i <= a.size; i++) {
		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = last[j - 1] + (a.data[i - 1] != b[j - 1]);
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a.data[i - 1] == b[j - 2] && a.data[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		memcpy(before, last, sizeof(before));
		memcpy(last, now, sizeof(last));
	}
	return last[n];
}

const char *cul_nearest(struct cul_slice word, const char *const *words, size_t count)
{
	const char *best = NULL;
	size_t least = word.size / 3 + 1;

	for (size_t i = 0; i < count && words[i]; i++) {
		size_t d = distance(word, words[i]);
		if (d <= least && (!best || d < least)) {
			least = d;
			best = words[i];
		}
	}
	return best;
}

/* ---- mistakes ------------------------------------------------------------------------------- */

static const struct cul_expr *mistake(struct parser *p, size_t at, const char *format, ...) CUL_PRINTF(3, 4);
static const struct cul_expr *mistake(struct parser *p, size_t at, const char *format, ...)
{
	char why[512];
	va_list args;

	if (p->status != CUL_OK)
		return NULL;
	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	p->status = cul_fail(p->err, CUL_ERULE, "%s:%u:%zu: %s (in \"%.*s\")", p->scope->file, p->scope->line,
			     p->scope->column + at, why, p->text.size > 120 ? 120 : (int)p->text.size, p->text.data);
	return NULL;
}

/** `sentence 'word'`, and what was probably meant. */
static const struct cul_expr *misspelt(struct parser *p, size_t at, const char *what, struct cul_slice word,
				       const char *const *words, size_t count)
{
	const char *meant = cul_nearest(word, words, count);

	return meant ? mistake(p, at, "%s '%.*s'; did you mean '%s'?", what, (int)word.size, word.data, meant)
		     : mistake(p, at, "%s '%.*s'", what, (int)word.size, word.data);
}

/* ---- tokens --------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void next(struct parser *p)
{
	static const char *const signs[] = { "==", "!=", "<=", ">=", "!~" };
	const char *t = p->text.data;
	size_t n = p->text.size, i = p->at;

	while (i < n && (t[i] == ' ' || t[i] == '\t' || t[i] == '\n' || t[i] == '\r'))
		i++;
	size_t start = i;
	struct token *k = &p->token;
	k->at = start;
	if (i == n) {
		k->type = T_END;
		k->text = CUL_LIT("the end");
	} else if (is_digit(t[i]) || (t[i] == '.' && i + 1 < n && is_digit(t[i + 1]))) {
		while (i < n && (is_digit(t[i]) || is_letter(t[i]) || t[i] == '.' ||
				 ((t[i] == '-' || t[i] == '+') && (t[i - 1] == 'e' || t[i - 1] == 'E') && !(t[start] == '0' && t[start + 1] == 'x'))))
			i++;
		k->type = T_NUMBER;
		k->text = cul_slice(t + start, i - start);
	} else if (is_letter(t[i])) {
		while (i < n && (is_letter(t[i]) || is_digit(t[i])))
			i++;
		k->type = T_NAME;
		k->text = cul_slice(t + start, i - start);
	} else if (t[i] == '\'' || t[i] == '"') {
		char quote = t[i++];
		while (i < n && t[i] != quote)
			i += t[i] == '\\' && i + 1 < n ? 2 : 1;
		k->type = i < n ? T_STRING : T_BAD;
		k->text = cul_slice(t + start + 1, (i < n ? i : n) - start - 1);
		i = i < n ? i + 1 : n;
	} else {
		size_t size = 1;
		for (size_t s = 0; s < sizeof(signs) / sizeof(*signs); s++)
			if (n - i >= 2 && !memcmp(t + i, signs[s], 2))
				size = 2;
		k->type = size == 2 || strchr("<>~+-*/%()[],.", t[i]) ? T_SIGN : T_BAD;
		k->text = cul_slice(t + i, size);
		i += size;
	}
	p->at = i;
}

static bool take(struct parser *p, const char *sign)
{
	if ((p->token.type != T_SIGN && p->token.type != T_NAME) || !cul_is(p->token.text, cul_str(sign)))
		return false;
	next(p);
	return true;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static struct cul_expr *node(struct parser *p, enum cul_op op, const struct cul_expr *const *args, size_t count)
{
	if (p->status != CUL_OK)
		return NULL;
	if (++p->nodes > CUL_EXPR_NODES) {
		mistake(p, p->token.at, "longer than %d parts", CUL_EXPR_NODES);
		return NULL;
	}
	struct cul_expr *e = cul_arena_get(p->scope->arena, sizeof(*e));
	const struct cul_expr **copy = count ? cul_arena_get(p->scope->arena, count * sizeof(*copy)) : NULL;
	if (!e || (count && !copy)) {
		p->status = cul_fail(p->err, CUL_ENOMEM, "%s: out of memory", p->scope->file);
		return NULL;
	}
	e->op = (uint8_t)op;
	e->count = (uint16_t)count;
	for (size_t i = 0; i < count; i++) {
		copy[i] = args[i];
		e->dynamic |= args[i]->dynamic;
		e->own |= args[i]->own;
	}
	e->args = copy;
	e->own |= op == CUL_OP_FIELD || op == CUL_OP_COUNT;
	return e;
}

static const struct cul_expr *two(struct parser *p, enum cul_op op, const struct cul_expr *a, const struct cul_expr *b)
{
	if (!a || !b)
		return NULL;
	return node(p, op, (const struct cul_expr *const[]){ a, b }, 2);
}

static const struct cul_expr *constant(struct parser *p, struct cul_val v)
{
	struct cul_expr *e = node(p, CUL_OP_CONST, NULL, 0);
	if (e)
		e->constant = v;
	return e;
}

/* \' and \" and \\ lose their backslash before a quote; all others stay, they belong to PCRE2. */
static const struct cul_expr *string(struct parser *p, struct cul_slice raw)
{
	char *copy = cul_arena_get(p->scope->arena, raw.size + 1);
	size_t n = 0;

	if (!copy) {
		p->status = cul_fail(p->err, CUL_ENOMEM, "%s: out of memory", p->scope->file);
		return NULL;
	}
	for (size_t i = 0; i < raw.size; i++) {
		if (raw.data[i] == '\\' && i + 1 < raw.size && (raw.data[i + 1] == '\'' || raw.data[i + 1] == '"'))
			i++;
		copy[n++] = raw.data[i];
	}
	return constant(p, (struct cul_val){ .type = CUL_V_TEXT, .s = { copy, n } });
}

static const struct cul_expr *expression(struct parser *p, int least);

/* ---- names ---------------------------------------------------------------------------------- */

static int term_index(const struct parser *p, struct cul_slice name)
{
	const struct cul_rule *rule = p->scope->rule;
	for (size_t i = 0; rule && i < rule->term_count; i++)
		if (rule->terms[i].name && cul_is(name, cul_str(rule->terms[i].name)))
			return (int)i;
	return -1;
}

/** All fields of a term; NULL-terminated, at most @room. Zero: it can't be known (SQL, a kind that isn't there yet). */
static size_t term_fields(const struct cul_scope *scope, const struct cul_term *t, const char **ret, size_t room)
{
	size_t n = 0;

	if (t->sql || t->kind_missing || (!t->kind_count && !t->interest_count))
		return 0;
	for (const char *const *r = row_names; *r && n < room; r++)
		ret[n++] = *r;
	for (size_t k = 0; k < t->kind_count; k++)
		for (const struct cul_field *const *f = t->kinds[k]->fields; *f && n < room; f++)
			ret[n++] = (*f)->name;
	for (size_t k = 0; k < t->interest_count; k++) {
		const struct cul_interest *item = &scope->rules->items[scope->rule->interest + t->interest + k];
		for (size_t c = 0; c < item->capture_count && n < room; c++)
			if (item->captures[c])
				ret[n++] = item->captures[c]->name;
	}
	return n;
}

static bool field_known(struct parser *p, const struct cul_term *t, struct cul_slice name, size_t at, bool complain)
{
	const char *fields[256];
	size_t n = term_fields(p->scope, t, fields, 256);

	if (!n)
		return true;
	for (size_t i = 0; i < n; i++)
		if (cul_is(name, cul_str(fields[i])))
			return true;
	if (complain) {
		char what[128];
		snprintf(what, sizeof(what), "%s has no field", t->kind_count ? t->kinds[0]->name : t->name);
		misspelt(p, at, what, name, fields, n);
	}
	return false;
}

static const struct cul_expr *term_reference(struct parser *p, int index, struct cul_slice name, size_t at)
{
	if ((size_t)index >= p->scope->terms && index != p->scope->term)
		return mistake(p, at, "term '%.*s' stands below; only terms above can be named here", (int)name.size, name.data);
	const struct cul_term *t = &p->scope->rule->terms[index];
	struct cul_expr *e;

	if (take(p, ".")) {
		if (p->token.type != T_NAME)
			return mistake(p, p->token.at, "a field's name is missing behind '%s.'", t->name);
		if (!field_known(p, t, p->token.text, p->token.at, true))
			return NULL;
		e = node(p, CUL_OP_TERM_FIELD, NULL, 0);
		if (e)
			e->name = cul_str(cul_arena_copy(p->scope->arena, p->token.text));
		next(p);
	} else {
		e = node(p, CUL_OP_TERM, NULL, 0);
	}
	if (e) {
		e->index = index;
		e->dynamic = true;
	}
	return e;
}

static const struct cul_expr *name(struct parser *p, struct cul_slice word, size_t at)
{
	const struct cul_scope *s = p->scope;
	int term = term_index(p, word);
	bool dot = p->token.type == T_SIGN && cul_is(p->token.text, CUL_LIT("."));
	struct cul_expr *e;

	if (dot && term >= 0)
		return term_reference(p, term, word, at);
	if (s->term >= 0 && !dot) {
		if (s->set && cul_is(word, CUL_LIT("count")))
			return node(p, CUL_OP_COUNT, NULL, 0);
		const struct cul_term *own = &s->rule->terms[s->term];
		bool free_form = own->sql || own->kind_missing;
		if (!free_form || term < 0) {
			if (field_known(p, own, word, at, false)) {
				e = node(p, CUL_OP_FIELD, NULL, 0);
				if (e)
					e->name = cul_str(cul_arena_copy(s->arena, word));
				return e;
			}
		}
	}
	if (term >= 0)
		return term_reference(p, term, word, at);
	for (size_t i = 0; s->rule && i < s->lets; i++) {
		if (!cul_is(word, cul_str(s->rule->lets[i].name)))
			continue;
		e = node(p, CUL_OP_LET, NULL, 0);
		if (e) {
			e->index = (int)i;
			e->dynamic = true;
		}
		return e;
	}
	if (s->term < 0 && !dot) {
		for (int i = 0; part_names[i]; i++) {
			if (!cul_is(word, cul_str(part_names[i])))
				continue;
			e = node(p, CUL_OP_PART, NULL, 0);
			if (e) {
				e->index = i;
				e->dynamic = true;
			}
			return e;
		}
	}

	const char *words[400];
	size_t n = 0;
	if (s->term >= 0 && !dot)
		n = term_fields(s, &s->rule->terms[s->term], words, 256);
	for (size_t i = 0; s->rule && i < s->terms && n < 300; i++)
		words[n++] = s->rule->terms[i].name;
	for (size_t i = 0; s->rule && i < s->lets && n < 390; i++)
		words[n++] = s->rule->lets[i].name;
	return misspelt(p, at, dot ? "there is no term" : s->term >= 0 ? "there is no field or term" : "there is no term or let",
			word, words, n);
}

static const struct cul_expr *call(struct parser *p, struct cul_slice word, size_t at)
{
	const struct cul_expr *args[34];
	size_t count = 0;
	int f = 0;

	while (f < CUL_F_END && !cul_is(word, cul_str(functions[f].name)))
		f++;
	if (f == CUL_F_END)
		return misspelt(p, at, "there is no function", word, function_names, CUL_F_END);
	next(p); /* ( */
	if (!take(p, ")")) {
		do {
			if (count == 33)
				return mistake(p, at, "%s() takes at most %u values", functions[f].name, functions[f].most);
			args[count] = expression(p, 0);
			if (!args[count++])
				return NULL;
		} while (take(p, ","));
		if (!take(p, ")"))
			return mistake(p, p->token.at, "a ')' is missing after the values of %s()", functions[f].name);
	}
	if (count < functions[f].least || count > functions[f].most)
		return mistake(p, at, functions[f].least == functions[f].most ? "%s() takes %u value%s, here are %zu" :
			       "%s() takes at least %u value%s, here are %zu", functions[f].name, functions[f].least,
			       functions[f].least == 1 ? "" : "s", count);
	bool term_first = args[0]->op == CUL_OP_TERM;
	if ((f == CUL_F_SPAN || f == CUL_F_RATE || f == CUL_F_LAG) && !term_first)
		return mistake(p, at, "%s() takes a term", functions[f].name);
	if (f == CUL_F_LAG && args[1]->op != CUL_OP_TERM)
		return mistake(p, at, "lag() takes two terms");
	if (term_first && !functions[f].term && f != CUL_F_N_OF && f != CUL_F_IF && f != CUL_F_HAS && f != CUL_F_DEFAULT && f != CUL_F_TEXT)
		return mistake(p, at, "%s() takes the values of a field: %s.FIELD", functions[f].name, p->scope->rule->terms[args[0]->index].name);
	struct cul_expr *e = node(p, CUL_OP_CALL, args, count);
	if (!e)
		return NULL;
	e->function = (uint8_t)f;
	e->dynamic |= f == CUL_F_COVERED;
	if (f == CUL_F_MATCH) {
		if (args[1]->op != CUL_OP_CONST || args[1]->constant.type != CUL_V_TEXT)
			return mistake(p, at, "match() takes its pattern in quotes");
		e->name = args[1]->constant.s;
		e->index = p->scope->late ? -1 : (int)p->scope->rules->patterns++;
	}
	return e;
}

/* ---- grammar -------------------------------------------------------------------------------- */

static const struct cul_expr *primary(struct parser *p)
{
	struct token t = p->token;

	if (p->status != CUL_OK)
		return NULL;
	next(p);
	switch (t.type) {
	case T_NUMBER: {
		int64_t i;
		double r;
		if (cul_to_int(t.text, &i))
			return constant(p, (struct cul_val){ .type = CUL_V_INT, .i = i });
		if (cul_to_real(t.text, &r))
			return constant(p, (struct cul_val){ .type = CUL_V_REAL, .r = r });
		return mistake(p, t.at, "'%.*s' is no number (texts stand in quotes)", (int)t.text.size, t.text.data);
	}
	case T_STRING:
		return string(p, t.text);
	case T_NAME:
		if (cul_is(t.text, CUL_LIT("true")) || cul_is(t.text, CUL_LIT("false")))
			return constant(p, (struct cul_val){ .type = CUL_V_FLAG, .i = t.text.size == 4 });
		if (p->token.type == T_SIGN && cul_is(p->token.text, CUL_LIT("(")))
			return call(p, t.text, t.at);
		return name(p, t.text, t.at);
	case T_SIGN:
		if (cul_is(t.text, CUL_LIT("("))) {
			const struct cul_expr *e = expression(p, 0);
			if (e && !take(p, ")"))
				return mistake(p, p->token.at, "a ')' is missing");
			return e;
		}
		if (cul_is(t.text, CUL_LIT("["))) {
			const struct cul_expr *items[64];
			size_t count = 0;
			while (!take(p, "]")) {
				if (count == 64)
					return mistake(p, t.at, "a list of more than 64 values");
				items[count] = expression(p, 0);
				if (!items[count++])
					return NULL;
				if (!take(p, ",") && !(p->token.type == T_SIGN && cul_is(p->token.text, CUL_LIT("]"))))
					return mistake(p, p->token.at, "a ']' is missing");
			}
			return node(p, CUL_OP_LIST, items, count);
		}
		break;
	case T_BAD:
		if (t.at < p->text.size && (p->text.data[t.at] == '\'' || p->text.data[t.at] == '"'))
			return mistake(p, t.at, "a closing quote is missing");
		break;
	default:
		break;
	}
	if (cul_is(t.text, CUL_LIT("=")))
		return mistake(p, t.at, "'=' stands here; equality is '=='");
	return mistake(p, t.at, "a value was expected, not %s%.*s%s", t.type == T_END ? "" : "'", (int)t.text.size, t.text.data,
		       t.type == T_END ? "" : "'");
}

static const struct cul_expr *unary(struct parser *p)
{
	const struct cul_expr *e;

	if (++p->depth > CUL_EXPR_DEPTH) {
		p->depth--;
		return mistake(p, p->token.at, "nested deeper than %d", CUL_EXPR_DEPTH);
	}
	if (take(p, "-")) {
		e = unary(p);
		e = e ? node(p, CUL_OP_NEG, &e, 1) : NULL;
	} else {
		e = primary(p);
	}
	p->depth--;
	return e;
}

static const struct operator { const char *sign; enum cul_op op; int level; } operators[] = {
	{ "or", CUL_OP_OR, 1 }, { "and", CUL_OP_AND, 2 },
	{ "==", CUL_OP_EQ, 4 }, { "!=", CUL_OP_NE, 4 }, { "<=", CUL_OP_LE, 4 }, { ">=", CUL_OP_GE, 4 }, { "<", CUL_OP_LT, 4 },
	{ ">", CUL_OP_GT, 4 }, { "~", CUL_OP_MATCH, 4 }, { "!~", CUL_OP_NOMATCH, 4 }, { "in", CUL_OP_IN, 4 },
	{ "+", CUL_OP_ADD, 5 }, { "-", CUL_OP_SUB, 5 }, { "*", CUL_OP_MUL, 6 }, { "/", CUL_OP_DIV, 6 }, { "%", CUL_OP_MOD, 6 },
};

static const struct cul_expr *matching(struct parser *p, const struct cul_expr *e, size_t at)
{
	const struct cul_expr *pattern = e->args[1];

	if (pattern->op != CUL_OP_CONST || pattern->constant.type != CUL_V_TEXT)
		return mistake(p, at, "a pattern stands in quotes behind '~'");
	struct cul_expr *m = node(p, e->op, e->args, 2);
	if (m) {
		m->name = pattern->constant.s;
		m->index = p->scope->late ? -1 : (int)p->scope->rules->patterns++;
	}
	return m;
}

static const struct cul_expr *expression(struct parser *p, int least)
{
	const struct cul_expr *left;

	if (++p->depth > CUL_EXPR_DEPTH) {
		p->depth--;
		return mistake(p, p->token.at, "nested deeper than %d", CUL_EXPR_DEPTH);
	}
	if (least <= 3 && take(p, "not")) {
		left = expression(p, 3);
		left = left ? node(p, CUL_OP_NOT, &left, 1) : NULL;
	} else {
		left = unary(p);
	}
	while (left) {
		const struct operator *o = NULL;
		size_t at = p->token.at;
		bool negated = false;
		for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
			if ((p->token.type == T_SIGN || p->token.type == T_NAME) && cul_is(p->token.text, cul_str(operators[i].sign)))
				o = &operators[i];
		if (!o && p->token.type == T_NAME && cul_is(p->token.text, CUL_LIT("not")) && least <= 4) {
			next(p); /* x not in [..] */
			if (p->token.type != T_NAME || !cul_is(p->token.text, CUL_LIT("in"))) {
				left = mistake(p, at, "'not' stands between two values; did you mean 'not in'?");
				break;
			}
			negated = true;
			o = &operators[10];
		}
		if (!o || o->level < least)
			break;
		next(p);
		left = two(p, o->op, left, expression(p, o->level + 1));
		if (left && (o->op == CUL_OP_MATCH || o->op == CUL_OP_NOMATCH))
			left = matching(p, left, at);
		if (left && negated)
			left = node(p, CUL_OP_NOT, &left, 1);
	}
	p->depth--;
	return left;
}

enum cul_status cul_expr_parse(const struct cul_scope *scope, struct cul_slice text, const struct cul_expr **ret,
			       struct cul_error *err)
{
	struct parser p = { .scope = scope, .text = text, .err = err };

	if (text.size > 4096)
		return cul_fail(err, CUL_ERULE, "%s:%u:%u: an expression of more than 4096 bytes", scope->file, scope->line,
				scope->column);
	next(&p);
	const struct cul_expr *e = expression(&p, 0);
	if (e && p.token.type != T_END) {
		if (cul_is(p.token.text, CUL_LIT("=")) || (p.token.type == T_BAD && p.text.data[p.token.at] == '='))
			mistake(&p, p.token.at, "'=' stands here; equality is '=='");
		else
			mistake(&p, p.token.at, "'%.*s' stands where the expression should end", (int)p.token.text.size,
				p.token.text.data);
	}
	if (p.status != CUL_OK)
		return p.status;
	*ret = e;
	return CUL_OK;
}
