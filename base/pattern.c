/* SPDX-License-Identifier: Apache-2.0 */
/**
 * PCRE2 with limits, and the literals that a match must hold.
 *
 * cul_pattern_literals() walks the pattern as a person would: what stands outside of quantified parts, classes and
 * negative look-arounds must stand in every match, or beside it. Where it is not sure it gives up; it never claims too much.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/pattern.h"

#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/needle.h"
#include "base/slice.h"

struct cul_pattern {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack; /* made when the 32 KiB on the machine stack were too few */
	size_t groups;
	const char **names; /* by group - 1 */
	bool jit;
};

enum cul_status cul_pattern_new(const char *pattern, uint32_t match_limit, struct cul_pattern **ret, struct cul_error *err)
{
	int code;
	PCRE2_SIZE where;
	struct cul_pattern *p = calloc(1, sizeof(*p));
	if (!p)
		return cul_fail(err, CUL_ENOMEM, "out of memory");
	p->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_NEVER_UTF | PCRE2_NEVER_UCP, &code, &where, NULL);
	if (!p->code) {
		PCRE2_UCHAR text[160];
		pcre2_get_error_message(code, text, sizeof(text));
		cul_pattern_free(p);
		return cul_fail(err, CUL_ERULE, "pattern is wrong at offset %zu: %s", (size_t)where, (const char *)text);
	}
	p->jit = pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0;
	p->data = pcre2_match_data_create_from_pattern(p->code, NULL);
	p->context = pcre2_match_context_create(NULL);
	uint32_t groups = 0, names = 0, entry = 0;
	PCRE2_SPTR table = NULL;
	pcre2_pattern_info(p->code, PCRE2_INFO_CAPTURECOUNT, &groups);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &names);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &entry);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &table);
	p->groups = groups;
	p->names = calloc(groups + 1, sizeof(*p->names));
	if (!p->data || !p->context || !p->names) {
		cul_pattern_free(p);
		return cul_fail(err, CUL_ENOMEM, "out of memory");
	}
	for (uint32_t i = 0; i < names; i++) {
		uint32_t group = (uint32_t)table[0] << 8 | table[1];
		if (group && group <= groups)
			p->names[group - 1] = (const char *)table + 2;
		table += entry;
	}
	if (!match_limit)
		match_limit = 100000;
	pcre2_set_match_limit(p->context, match_limit);
	/* depth and heap hold where there is no JIT: a depth may cost 200 bytes, the heap is in KiB */
	pcre2_set_depth_limit(p->context, match_limit);
	pcre2_set_heap_limit(p->context, 20000);
	*ret = p;
	return CUL_OK;
}

void cul_pattern_free(struct cul_pattern *p)
{
	if (!p)
		return;
	pcre2_match_context_free(p->context);
	pcre2_jit_stack_free(p->stack);
	pcre2_match_data_free(p->data);
	pcre2_code_free(p->code);
	free(p->names);
	free(p);
}

int cul_pattern_match(struct cul_pattern *p, struct cul_slice text, struct cul_slice *groups, size_t *count)
{
	int n = pcre2_match(p->code, (PCRE2_SPTR)(text.data ? text.data : ""), text.size, 0, 0, p->data, p->context);
	if (n == PCRE2_ERROR_JIT_STACKLIMIT && !p->stack && (p->stack = pcre2_jit_stack_create(32 << 10, 1 << 20, NULL))) {
		pcre2_jit_stack_assign(p->context, NULL, p->stack);
		n = pcre2_match(p->code, (PCRE2_SPTR)(text.data ? text.data : ""), text.size, 0, 0, p->data, p->context);
	}
	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	if (n < 0)
		return -1;
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(p->data);
	size_t have = p->groups + 1;
	if (!groups)
		return 1;
	if (have > *count)
		have = *count;
	for (size_t i = 0; i < have; i++)
		groups[i] = at[2 * i] == PCRE2_UNSET || at[2 * i + 1] < at[2 * i] ?
				    CUL_NONE :
				    (struct cul_slice){ (text.data ? text.data : "") + at[2 * i], at[2 * i + 1] - at[2 * i] };
	*count = have;
	return 1;
}

size_t cul_pattern_groups(const struct cul_pattern *p)
{
	return p->groups;
}

const char *cul_pattern_group_name(const struct cul_pattern *p, size_t i)
{
	return i && i <= p->groups ? p->names[i - 1] : NULL;
}

/* ---- literals ------------------------------------------------------------------------------- */

#define RUN 256   /* bytes of one literal */
#define SET 48    /* literals of one set */
#define DEPTH 40  /* groups in groups */
#define USABLE 4  /* bytes */

struct run {
	char text[RUN];
	size_t size;
	bool folds; /* a letter of it is a class, [Ee] */
};

/* Literals one of which must stand in a match; count 0: nothing is known. */
struct found {
	size_t count, shortest;
	bool folds;   /* they stand there in either case */
	double often; /* in a MiB of log text, all of them together */
	struct run *runs;
};

struct walk {
	const char *p, *end;
	bool caseless, failed;
	bool folds; /* caseless somewhere */
	struct run before; /* what stands right before the group at hand */
	int depth;
};

static void found_free(struct found *f)
{
	free(f->runs);
	*f = (struct found){ 0 };
}

/* Keep the better one: the set that stands more seldom in logs, if it is no shorter than a search can use. Takes @other. */
static void better(struct found *best, struct found *other)
{
	bool usable = other->shortest >= USABLE, was = best->shortest >= USABLE;
	bool take = other->count && (!best->count || (usable != was ? usable : other->often < best->often));
	if (take) {
		found_free(best);
		*best = *other;
		*other = (struct found){ 0 };
	} else {
		found_free(other);
	}
}

static void offer_run(struct walk *w, struct found *best, struct run *run)
{
	if (run->size) {
		/* each costs a little, however rare it is; of two that never stand anywhere the longer one is taken */
		bool folds = w->folds || run->folds;
		double often = cul_literal_per_mib(cul_slice(run->text, run->size), folds) + 0.02 + 1e-3 / (double)run->size;
		struct found one = { 1, run->size, run->folds, often, malloc(sizeof(*run)) };
		if (one.runs) {
			*one.runs = *run;
			better(best, &one);
		} else {
			w->failed = true;
		}
	}
	run->size = 0;
	run->folds = false;
}

static void push(struct walk *w, struct found *best, struct run *run, char c)
{
	if (run->size == RUN)
		offer_run(w, best, run);
	run->text[run->size++] = c;
}

static bool eat(struct walk *w, const char *text)
{
	size_t n = strlen(text);
	if ((size_t)(w->end - w->p) < n || memcmp(w->p, text, n))
		return false;
	w->p += n;
	return true;
}

/* A quantifier at w->p: *least repetitions; false if there is none. */
static bool quantifier(struct walk *w, unsigned *least)
{
	if (w->p == w->end)
		return false;
	if (*w->p == '*' || *w->p == '?') {
		*least = 0;
		w->p++;
	} else if (*w->p == '+') {
		*least = 1;
		w->p++;
	} else if (*w->p == '{' && w->p + 1 < w->end && (isdigit((unsigned char)w->p[1]))) {
		const char *q = w->p + 1;
		unsigned n = 0;
		while (q < w->end && isdigit((unsigned char)*q) && n < 10000)
			n = n * 10 + (unsigned)(*q++ - '0');
		while (q < w->end && (isdigit((unsigned char)*q) || *q == ','))
			q++;
		if (q == w->end || *q != '}')
			return false;
		*least = n;
		w->p = q + 1;
	} else {
		return false;
	}
	if (w->p < w->end && (*w->p == '?' || *w->p == '+'))
		w->p++;
	return true;
}

/* Behind '[': is it one letter in both its cases, to be found once? Then past it, and the letter in @c. */
static bool either_case(struct walk *w, char *c)
{
	const char *p = w->p;
	if (w->end - p < 3 || p[2] != ']' || p[0] == p[1] || !isalpha((unsigned char)p[0]) || tolower((unsigned char)p[0]) != tolower((unsigned char)p[1]) ||
	    (w->end - p > 3 && memchr("*+?{", p[3], 4)))
		return false;
	*c = (char)tolower((unsigned char)p[0]);
	w->p += 3;
	return true;
}

/* Behind '[': to its end. */
static void skip_class(struct walk *w)
{
	if (w->p < w->end && *w->p == '^')
		w->p++;
	if (w->p < w->end && *w->p == ']')
		w->p++;
	while (w->p < w->end && *w->p != ']') {
		if (*w->p == '\\' && w->p + 1 < w->end) {
			if (w->p[1] == 'Q') {
				w->failed = true;
				return;
			}
			w->p++;
		} else if (*w->p == '[' && w->p + 1 < w->end && (w->p[1] == ':' || w->p[1] == '.' || w->p[1] == '=')) {
			char kind = w->p[1];
			w->p += 2;
			while (w->p + 1 < w->end && !(w->p[0] == kind && w->p[1] == ']'))
				w->p++;
			w->p++;
		}
		w->p++;
	}
	if (w->p >= w->end)
		w->failed = true;
	else
		w->p++;
}

/* Behind '\\': 1 a literal byte in *c, 0 no literal (a class, an assertion that keeps the run: 2). */
static int escape(struct walk *w, char *c)
{
	if (w->p == w->end) {
		w->failed = true;
		return 0;
	}
	char e = *w->p++;
	switch (e) {
	case 'b': case 'B': case 'A': case 'z': case 'Z': case 'G':
		return 2;
	case 'd': case 'D': case 'w': case 'W': case 's': case 'S': case 'h': case 'H': case 'v': case 'V': case 'R': case 'N': case 'X':
		return 0;
	case 'n': *c = '\n'; return 1;
	case 't': *c = '\t'; return 1;
	case 'r': *c = '\r'; return 1;
	case 'f': *c = '\f'; return 1;
	case 'a': *c = '\a'; return 1;
	case 'e': *c = 27; return 1;
	case 'x':
		if (w->p + 1 < w->end && isxdigit((unsigned char)w->p[0]) && isxdigit((unsigned char)w->p[1])) {
			char hex[3] = { w->p[0], w->p[1], 0 };
			*c = (char)strtoul(hex, NULL, 16);
			w->p += 2;
			return 1;
		}
		w->failed = true;
		return 0;
	default:
		if (isalnum((unsigned char)e)) { /* \K, \Q, \p, \g, back references, …: not known here */
			w->failed = true;
			return 0;
		}
		*c = e;
		return 1;
	}
}

static struct found alternatives(struct walk *w, bool top);

/* Behind '(': its literals if every match passes through it. */
static struct found group(struct walk *w)
{
	struct found none = { 0 };
	bool dead = false, caseless = w->caseless;
	if (eat(w, "?#")) {
		while (w->p < w->end && *w->p != ')')
			w->p++;
		if (w->p < w->end)
			w->p++;
		return none;
	}
	if (w->p < w->end && *w->p == '*') {
		w->failed = true;
		return none;
	}
	if (eat(w, "?")) {
		bool plain = eat(w, ":") || eat(w, ">") || eat(w, "|");
		if (plain) {
			dead = false;
		} else if (eat(w, "=")) {
			dead = false; /* what must follow, must stand there */
		} else if (eat(w, "<=")) {
			w->before.size = 0;
		} else if (eat(w, "!") || eat(w, "<!")) {
			dead = true;
		} else if (eat(w, "P<") || eat(w, "<") || eat(w, "'")) {
			char close = w->p[-1] == '\'' ? '\'' : '>';
			while (w->p < w->end && *w->p != close)
				w->p++;
			if (w->p < w->end)
				w->p++;
		} else {
			/* flags: (?i) to the end of the group around, (?i: … ) */
			bool off = false;
			while (w->p < w->end && (isalpha((unsigned char)*w->p) || *w->p == '-' || *w->p == '^')) {
				if (*w->p == '-') {
					off = true;
				} else if (*w->p == 'i') {
					w->caseless = !off;
					w->folds |= !off;
				} else if (*w->p == 'x' && !off) {
					w->failed = true;
				}
				w->p++;
			}
			if (w->p < w->end && *w->p == ')') {
				w->p++;
				return none; /* stays for the rest of the group around */
			}
			if (!eat(w, ":"))
				w->failed = true;
		}
	}
	if (++w->depth > DEPTH)
		w->failed = true;
	struct found inside = { 0 };
	if (!w->failed)
		inside = alternatives(w, false);
	w->depth--;
	w->caseless = caseless;
	if (dead)
		found_free(&inside);
	return inside;
}

/* @before: what a match holds right before it; empty behind anything but literals. */
static struct found sequence(struct walk *w, const struct run *before)
{
	struct found best = { 0 };
	struct run run = *before;
	while (!w->failed && w->p < w->end && *w->p != '|' && *w->p != ')') {
		char c = *w->p++;
		bool literal = false, folds = false;
		struct found inside = { 0 };
		unsigned least = 1;
		if (c == '(') {
			w->before = run;
			offer_run(w, &best, &run);
			inside = group(w);
		} else if (c == '[' && either_case(w, &c)) {
			literal = true;
			folds = true;
		} else if (c == '[') {
			offer_run(w, &best, &run);
			skip_class(w);
		} else if (c == '.') {
			offer_run(w, &best, &run);
		} else if (c == '^' || c == '$') {
			continue;
		} else if (c == '\\') {
			int kind = escape(w, &c);
			if (kind == 2)
				continue;
			literal = kind == 1;
			if (!literal)
				offer_run(w, &best, &run);
		} else if (c == '*' || c == '+' || c == '?' ||
			   (c == '{' && w->p < w->end && (isdigit((unsigned char)*w->p) || *w->p == ',' || *w->p == ' '))) {
			w->failed = true; /* a quantifier of a quantifier, or one of a later PCRE2: {,3} and { 1, 3 } */
			break;
		} else {
			literal = true;
		}
		bool many = quantifier(w, &least);
		if (literal && !many) {
			push(w, &best, &run, c);
			run.folds |= folds;
		} else if (literal) {
			if (least)
				push(w, &best, &run, c);
			offer_run(w, &best, &run);
		} else if (!least) {
			found_free(&inside);
		}
		better(&best, &inside);
	}
	offer_run(w, &best, &run);
	return best;
}

static struct found alternatives(struct walk *w, bool top)
{
	struct found all = { 0 };
	bool known = true;
	bool first = true;
	const struct run before = w->before;
	do {
		struct found one = sequence(w, &before);
		if (w->failed || !one.count || all.count + one.count > SET)
			known = false;
		if (known) {
			struct run *runs = realloc(all.runs, (all.count + one.count) * sizeof(*runs));
			if (runs) {
				memcpy(runs + all.count, one.runs, one.count * sizeof(*runs));
				all.runs = runs;
				all.count += one.count;
				all.often += one.often;
				all.folds |= one.folds;
				if (first || one.shortest < all.shortest)
					all.shortest = one.shortest;
			} else {
				w->failed = true;
			}
		}
		first = false;
		found_free(&one);
	} while (!w->failed && eat(w, "|"));
	if (!known || w->failed)
		found_free(&all);
	if (!top && !eat(w, ")"))
		w->failed = true;
	return all;
}

char **cul_pattern_literals(const char *pattern, size_t least, bool *caseless)
{
	struct walk w = { .p = pattern, .end = pattern + strlen(pattern) };
	struct found all = alternatives(&w, true);
	/* caseless in one place: all is searched without case, which finds more and loses nothing */
	bool any = w.folds || all.folds;
	if (w.failed || w.p != w.end || !all.count || all.shortest < least) {
		found_free(&all);
		return NULL;
	}
	size_t bytes = (all.count + 1) * sizeof(char *);
	for (size_t i = 0; i < all.count; i++)
		bytes += all.runs[i].size + 1;
	char **ret = malloc(bytes);
	if (ret) {
		char *at = (char *)(ret + all.count + 1);
		size_t kept = 0;
		bool good = true;
		for (size_t i = 0; i < all.count; i++) {
			ret[kept] = at;
			for (size_t k = 0; k < all.runs[i].size; k++) {
				char c = all.runs[i].text[k];
				good &= c != 0;
				*at++ = any ? (char)tolower((unsigned char)c) : c;
			}
			*at++ = 0;
			bool twice = false;
			for (size_t k = 0; k < kept; k++)
				twice |= !strcmp(ret[k], ret[kept]);
			kept += !twice;
		}
		ret[kept] = NULL;
		*caseless = any;
		if (!good) {
			free(ret);
			ret = NULL;
		}
	}
	found_free(&all);
	return ret;
}
