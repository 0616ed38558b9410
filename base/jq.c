/* SPDX-License-Identifier: Apache-2.0 */
/** libjq (1.5 and later; Debian libjq-dev, Fedora jq-devel, Homebrew jq) behind limits. */
#include "base/jq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/slice.h"

#define PROGRAM_BYTES 2048
#define LINE_BYTES (64 << 10)
#define ITERATIONS 4
#define SUMS 8       /* "+": each may double a text */
#define COMMAS 32
#define OUTPUTS 100000

/* ---- is it bounded? ------------------------------------------------------------------------- */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool one_of(const char *const *words, struct cul_slice word)
{
	for (; *words; words++)
		if (cul_is(word, cul_str(*words)))
			return true;
	return false;
}

struct look {
	size_t iterations, sums, commas;
};

static enum cul_status look_at_word(struct look *look, struct cul_slice word, struct cul_error *err)
{
	static const char *const plain[] = {
		"and", "or", "not", "if", "then", "elif", "else", "end", "try", "catch", "as", "true", "false", "null", "empty", "error", "select",
		"has", "in", "inside", "contains", "startswith", "endswith", "ltrimstr", "rtrimstr", "test", "match", "capture", "scan", "split",
		"index", "rindex", "indices", "length", "utf8bytelength", "type", "keys", "keys_unsorted", "values", "nulls", "booleans", "numbers",
		"strings", "arrays", "objects", "iterables", "scalars", "tonumber", "tostring", "tojson", "fromjson", "ascii_downcase",
		"ascii_upcase", "first", "last", "nth", "min", "max", "sort", "unique", "reverse", "join", "add", "floor", "ceil", "round", "sqrt",
		"fabs", "abs", "infinite", "nan", "isinfinite", "isnan", "isnormal", "explode", "ascii", "fromdate", "fromdateiso8601", "todate",
		"getpath", "not", "trim", "ltrim", "rtrim", NULL };
	static const char *const walks[] = { "map", "map_values", "any", "all", "to_entries", "from_entries", "with_entries", "recurse", "paths",
		"leaf_paths", "flatten", "sort_by", "group_by", "min_by", "max_by", "unique_by", "del", "path", "isvalid", NULL };

	/* any(.a[]; f) walks what its generator walks, any alone the elements */
	bool given = word.data[word.size] == '(' && (cul_is(word, CUL_LIT("any")) || cul_is(word, CUL_LIT("all")));
	look->iterations += one_of(walks, word) && !given;
	if (one_of(plain, word) || one_of(walks, word))
		return CUL_OK;
	return cul_fail(err, CUL_ERULE, "jq: '%.*s' is not among the words that are run here, those whose work is bounded by the line",
			(int)(word.size < 40 ? word.size : 40), word.data);
}

static enum cul_status look_at(const char *program, struct look *look, struct cul_error *err)
{
	const char *at = program, *last = program;
	enum cul_status status = CUL_OK;

	if (strlen(program) > PROGRAM_BYTES)
		return cul_fail(err, CUL_ERULE, "jq: a program of more than %d bytes", PROGRAM_BYTES);
	for (; *at && status == CUL_OK; at++) {
		char before = at > last ? at[-1] : at > program ? at[-1] : 0;
		if (*at == '#') {
			at += strcspn(at, "\n");
			if (!*at)
				break;
		} else if (*at == '"') {
			for (at++; *at && *at != '"'; at++) {
				if (*at == '\\' && at[1] == '(')
					return cul_fail(err, CUL_ERULE, "jq: texts made of \\(...) are not run here");
				if (*at == '\\' && at[1])
					at++;
			}
			if (!*at)
				return cul_fail(err, CUL_ERULE, "jq: a text without an end");
		} else if (is_word(*at)) {
			const char *end = at;
			while (is_word(*end) || (*end == ':' && end[1] == ':'))
				end += *end == ':' ? 2 : 1;
			struct cul_slice word = cul_slice(at, (size_t)(end - at));
			const char *next = end + strspn(end, " \t\r\n");
			bool digit = *at >= '0' && *at <= '9', field = before == '.' && at[-1] == '.' && (at < program + 2 || at[-2] != '.');
			if (before == '$') {
				if (cul_is(word, CUL_LIT("ENV")) || cul_starts(word, CUL_LIT("__")))
					return cul_fail(err, CUL_ERULE, "jq: $%.*s is not known here", (int)word.size, word.data);
			} else if (!digit && !field && before != '@' && *next != ':') {
				status = look_at_word(look, word, err);
			}
			at = end - 1;
		} else if (*at == '.' && at[1] == '.') {
			look->iterations++;
			at++;
		} else if (*at == '[' && at[1 + strspn(at + 1, " \t")] == ']' && at > program && !strchr(" \t\n|,;(:=<>+-", before)) {
			look->iterations++;
		} else if (*at == '*' || (*at == '=' && at[1] != '=' && !strchr("=!<>", before)) || (*at == '?' && at[1] == '/')) {
			return cul_fail(err, CUL_ERULE, "jq: '%c' (repetition, assignment) is not run here", *at);
		} else if (*at == '+') {
			look->sums++;
		} else if (*at == ',') {
			look->commas++;
		}
	}
	if (status == CUL_OK && (look->iterations > ITERATIONS || look->sums > SUMS || look->commas > COMMAS))
		return cul_fail(err, CUL_ERULE, "jq: more than %d iterations, %d sums or %d alternatives in one program", ITERATIONS, SUMS, COMMAS);
	return status;
}

/* ---- libjq ---------------------------------------------------------------------------------- */

#ifdef HAVE_JQ
#include <jq.h>
#ifdef LATE_JQ
#include <pthread.h>

#include "base/late.h"

#define CALLS(X) \
	X(jq_init) X(jq_teardown) X(jq_compile) X(jq_start) X(jq_next) X(jq_set_error_cb) X(jv_copy) X(jv_free) X(jv_get_kind) \
	X(jv_invalid_has_msg) X(jv_null) X(jv_parse_sized) X(jv_string_value)

static struct {
#define X(name) __typeof__(name) *name;
	CALLS(X)
#undef X
} calls;
static const char *lacks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
	static const char *const names[] = {
#define X(name) #name,
		CALLS(X)
#undef X
	};

	_Static_assert(sizeof(calls) == sizeof(names), "pointers to functions are pointers");
	lacks = cul_late_load(LATE_JQ, names, sizeof(names) / sizeof(*names), &calls);
}

/* those with a program have asked before whether it is here */
#define jq_init calls.jq_init
#define jq_teardown calls.jq_teardown
#define jq_compile calls.jq_compile
#define jq_start calls.jq_start
#define jq_next calls.jq_next
#define jq_set_error_cb calls.jq_set_error_cb
#define jv_copy calls.jv_copy
#define jv_free calls.jv_free
#define jv_get_kind calls.jv_get_kind
#define jv_invalid_has_msg calls.jv_invalid_has_msg
#define jv_null calls.jv_null
#define jv_parse_sized calls.jv_parse_sized
#define jv_string_value calls.jv_string_value
#endif

struct cul_jq {
	jq_state *state;
	size_t longest; /* of the lines that it is asked of */
};

bool cul_jq_here(void)
{
#ifdef LATE_JQ
	pthread_once(&once, load);
	return !lacks;
#else
	return true;
#endif
}

static void keep_message(void *ctx, jv message)
{
	char *text = ctx;

	if (jv_get_kind(message) == JV_KIND_STRING && !*text)
		snprintf(text, 200, "%.199s", jv_string_value(message));
	jv_free(message);
}

static void no_message(void *ctx, jv message)
{
	(void)ctx;
	jv_free(message);
}

enum cul_status cul_jq_new(const char *program, struct cul_jq **ret, struct cul_error *err)
{
	struct look look = { 0 };
	char message[200] = "";
	enum cul_status status = look_at(program, &look, err);

	*ret = NULL;
	if (status != CUL_OK)
		return status;
#ifdef LATE_JQ
	if (!cul_jq_here())
		return cul_fail(err, CUL_EUSE, "jq is not supported here: %s", lacks);
#endif
	struct cul_jq *jq = calloc(1, sizeof(*jq));
	if (!jq || !(jq->state = jq_init())) {
		free(jq);
		return cul_fail(err, CUL_ENOMEM, "jq: out of memory");
	}
	/* iterations over the same elements multiply: n elements take n, n*n, ... steps, so the line is the shorter */
	static const size_t longest[ITERATIONS + 1] = { LINE_BYTES, LINE_BYTES, 16 << 10, 2 << 10, 512 };
	jq->longest = longest[look.iterations];
	jq_set_error_cb(jq->state, keep_message, message);
	int ok = jq_compile(jq->state, program);
	jq_set_error_cb(jq->state, no_message, NULL);
	if (!ok) {
		cul_jq_free(jq);
		message[strcspn(message, "\n")] = 0;
		return cul_fail(err, CUL_ERULE, "jq: %s", *message ? message : "no program of jq");
	}
	*ret = jq;
	return CUL_OK;
}

bool cul_jq_match(struct cul_jq *jq, struct cul_slice line)
{
	bool found = false;

	line = cul_trim(line);
	if (!line.size || line.size > jq->longest || (line.data[0] != '{' && line.data[0] != '['))
		return false;
	jv input = jv_parse_sized(line.data, (int)line.size);
	if (jv_get_kind(input) == JV_KIND_INVALID) {
		jv_free(input);
		return false;
	}
	jq_start(jq->state, input, 0);
	for (size_t i = 0; i < OUTPUTS; i++) {
		jv out = jq_next(jq->state);
		jv_kind kind = jv_get_kind(out);
		bool failed = kind == JV_KIND_INVALID && jv_invalid_has_msg(jv_copy(out));
		jv_free(out);
		if (failed)
			found = false;
		if (kind == JV_KIND_INVALID)
			break;
		found |= kind != JV_KIND_NULL && kind != JV_KIND_FALSE;
	}
	/* what it still holds of this line goes with the next start; with a null that is now */
	jq_start(jq->state, jv_null(), 0);
	return found;
}

void cul_jq_free(struct cul_jq *jq)
{
	if (!jq)
		return;
	jq_teardown(&jq->state);
	free(jq);
}
#else
struct cul_jq { char none; };

bool cul_jq_here(void)
{
	return false;
}

enum cul_status cul_jq_new(const char *program, struct cul_jq **ret, struct cul_error *err)
{
	struct look look = { 0 };
	enum cul_status status = look_at(program, &look, err);

	*ret = NULL;
	return status != CUL_OK ? status : cul_fail(err, CUL_EUSE, "jq is not supported here: this program is built without libjq");
}

bool cul_jq_match(struct cul_jq *jq, struct cul_slice line)
{
	(void)jq;
	(void)line;
	return false;
}

void cul_jq_free(struct cul_jq *jq)
{
	(void)jq;
}
#endif
