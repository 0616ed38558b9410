/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The rule language from outside: rules in temporary files, logs in memory, and what the verdict says. Expressions
 * are read off a finding's facts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "culprit/culprit.h"

/* ---- a small bench -------------------------------------------------------------------------- */

struct bench {
	char folder[64];
	char paths[8][96];
	size_t count;
	struct cul_rules *rules;
	struct cul_case *found;
	const struct cul_verdict *verdict;
	struct cul_error err;
};

static void write_rule(struct bench *b, const char *yaml)
{
	if (!b->count) {
		strcpy(b->folder, "/tmp/culprit-rules-XXXXXX");
		assert_non_null(mkdtemp(b->folder));
	}
	char folder[64];
	memcpy(folder, b->folder, sizeof(folder));
	snprintf(b->paths[b->count], sizeof(b->paths[0]), "%s/%zu.yaml", folder, b->count);
	FILE *f = fopen(b->paths[b->count++], "w");
	assert_non_null(f);
	fputs(yaml, f);
	fclose(f);
}

static enum cul_status load(struct bench *b)
{
	const char *paths[8];
	for (size_t i = 0; i < b->count; i++)
		paths[i] = b->paths[i];
	return cul_rules_load(false, paths, b->count, &b->rules, &b->err);
}

static void judge(struct bench *b, const char *log)
{
	struct cul_limits limits = { 0 };
	struct cul_blob blob = { "log", { log, strlen(log) } };
	struct cul_bundle *bundle = NULL;

	if (load(b) != CUL_OK)
		fail_msg("%s", b->err.text);
	assert_int_equal(cul_bundle_memory(&blob, 1, &limits, &bundle, &b->err), CUL_OK);
	assert_int_equal(cul_case_scan(NULL, bundle, cul_rules_interests(b->rules), NULL, NULL, &b->found, &b->err), CUL_OK);
	cul_bundle_close(bundle);
	assert_int_equal(cul_rules_judge(b->rules, b->found, NULL, &b->verdict, &b->err), CUL_OK);
}

static void done(struct bench *b)
{
	if (b->verdict)
		cul_verdict_free(b->verdict);
	if (b->found)
		cul_case_close(b->found);
	if (b->rules)
		cul_rules_free(b->rules);
	for (size_t i = 0; i < b->count; i++)
		unlink(b->paths[i]);
	if (b->count)
		rmdir(b->folder);
	*b = (struct bench){ 0 };
}

static const struct cul_finding *find(const struct bench *b, const char *id)
{
	for (size_t i = 0; i < b->verdict->count; i++)
		if (!strcmp(b->verdict->findings[i].cause, id))
			return &b->verdict->findings[i];
	return NULL;
}

/* A fact as text: a list joined with ','; "-" where there is none. */
static const char *fact(const struct cul_finding *f, const char *name, char *buffer, size_t size)
{
	snprintf(buffer, size, "-");
	for (size_t i = 0; i < f->fact_count; i++) {
		if (strcmp(f->facts[i].name, name))
			continue;
		size_t used = 0;
		for (size_t k = 0; k < f->facts[i].count && used < size; k++) {
			const struct cul_value *v = &f->facts[i].values[k];
			const char *comma = k ? "," : "";
			if (v->type == CUL_TEXT)
				used += (size_t)snprintf(buffer + used, size - used, "%s%.*s", comma, (int)v->s.size, v->s.data);
			else if (v->type == CUL_REAL)
				used += (size_t)snprintf(buffer + used, size - used, "%s%.4g", comma, v->r);
			else
				used += (size_t)snprintf(buffer + used, size - used, "%s%lld", comma, (long long)v->i);
		}
	}
	return buffer;
}

#define HEAD(id) "id: " id "\ntitle: t\nseverity: err\ncertainty: strong\n"

/* ---- expressions ---------------------------------------------------------------------------- */

/* Six samples a minute apart: used grows by 10 a minute, with one outlier; the last line has no `used`. */
static const char samples[] = "2026-11-21T02:00:00Z h svc[1]: sample pid=7 used=100 name=alpha-1.2.10 path=/opt/a/b.bin\n"
			      "2026-11-21T02:01:00Z h svc[1]: sample pid=8 used=110 name=beta path=/opt/a/c.bin\n"
			      "2026-11-21T02:02:00Z h svc[1]: sample pid=7 used=120 name=beta path=/opt/a/c.bin\n"
			      "2026-11-21T02:03:00Z h svc[1]: sample pid=7 used=500 name=beta path=/opt/a/c.bin\n"
			      "2026-11-21T02:04:00Z h svc[1]: sample pid=9 used=140 name=gamma path=/opt/a/c.bin\n"
			      "2026-11-21T02:05:00Z h svc[1]: sample pid=9 used=150 name=gamma path=/opt/a/c.bin\n"
			      "2026-11-21T02:06:00Z h svc[1]: sample pid=10\n";

static const struct { const char *expression, *value; } expressions[] = {
	{ "1 + 2 * 3", "7" }, { "(1 + 2) * 3", "9" }, { "7 / 2", "3.5" }, { "7 % 4", "3" }, { "-3 + 1", "-2" }, { "1 / 0", "-" },
	{ "1.5e3 + 1", "1501" }, { "2 < 3 and not (3 < 2)", "1" }, { "true or no_such == 1", NULL },
	{ "s.pid in [7, 99]", "1" }, { "s.pid not in [1, 2]", "1" }, { "s.pid == 10", "1" }, { "s.pid != 10", "0" },
	{ "s.own > 400", "1" }, { "s.own > 500", "0" },
	{ "count(s)", "7" }, { "count(s.own)", "6" }, { "first(s.own)", "100" }, { "last(s.own)", "150" }, { "min(s.own)", "100" },
	{ "max(s.own)", "500" }, { "sum(s.own)", "1120" }, { "avg(s.pid)", "8.143" }, { "median(s.own)", "130" },
	{ "distinct(s.pid)", "4" }, { "list(s.name)", "alpha-1.2.10,beta,gamma" }, { "sorted(list(s.pid))", "7,8,9,10" },
	{ "round(slope(s.own), 1)", "10" }, { "r2(s.own) < 0.5", "1" }, { "span(s)", "360" }, { "round(rate(s), 2)", "1.17" },
	{ "steps(s.own)", "4" }, { "has(s.own)", "1" }, { "has(match(s.name, 'zeta'))", "0" }, { "default(match(s.name, 'zeta'), 5)", "5" },
	{ "round(3.14159, 2)", "3.14" }, { "abs(-4)", "4" }, { "lower('ABC')", "abc" }, { "contains(s.name, 'pha')", "1" },
	{ "starts(s.name, 'alpha')", "1" }, { "ends(s.name, '10')", "1" }, { "basename(s.path)", "b.bin" },
	{ "match(s.name, 'alpha-(\\\\d+)')", "1" }, { "version('6.8.0-87-generic') < version('6.17.8')", "1" },
	{ "version('6.17') < version('6.17.0')", "1" }, { "version('550.90.07') >= version('550.90.7')", "1" },
	{ "version('6.12-rc3') < version('6.12')", "1" }, { "stack('a b.isra.0 c+0x1/0x2', 'b', 'c')", "1" }, { "stack('a b c', 'c', 'a')", "0" },
	{ "n_of(2, s, none, s.pid == 7)", "1" }, { "n_of(2, none, s)", "0" }, { "if(s, 'yes', 'no')", "yes" }, { "number('12.5')", "12.5" },
	{ "text(12)", "12" }, { "argmax(s.own, s.name)", "beta" }, { "argmin(s.own, s.name)", "alpha-1.2.10" }, { "percent(1, 4)", "25" },
	{ "lag(s, s)", "0" }, { "clock(s.time)", "2026-11-21T02:00:00.000Z" }, { "age(s.time)", "360" }, { "age(3)", "-" }, { "s.name ~ '^gam'", "1" }, { "s.name !~ '^gam'", "0" },
	{ "covered('log')", "1" }, { "s.own - 100 > 0", "0" }, { "'a' < 'b'", "1" }, { "'79' == 79", "1" }, { "'x' == 79", "0" },
	/* three values: none is absent, and unknown is never true, and its opposite isn't either */
	{ "first(none.own) > 1", "-" }, { "not (first(none.own) > 1)", "-" }, { "first(none.own) > 1 or true", "1" },
	{ "first(none.own) > 1 and false", "0" }, { "first(none.own) > 1 and true", "-" }, { "none", "0" }, { "not none", "1" },
	{ "if(first(none.own) > 1, 1, 2)", "-" },
};

static void test_expressions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(expressions) / sizeof(*expressions); i++) {
		struct bench b = { 0 };
		char yaml[2048], got[256];
		if (!expressions[i].value)
			continue;
		snprintf(yaml, sizeof(yaml), HEAD("t.e") "must:\n  s: { text: '~ sample pid=(?<pid>\\d+)(?: used=(?<own>\\d+) name=(?<name>\\S+) "
			 "path=(?<path>\\S+))?' }\nmay:\n  none: { text: '~ nothing like it (?<own>\\d+)', adds: hint }\nfacts: { x: \"%s\" }\n",
			 expressions[i].expression);
		write_rule(&b, yaml);
		judge(&b, samples);
		const struct cul_finding *f = find(&b, "t.e");
		if (!f)
			fail_msg("not found: %s", expressions[i].expression);
		if (strcmp(fact(f, "x", got, sizeof(got)), expressions[i].value))
			fail_msg("%s is %s, not %s", expressions[i].expression, got, expressions[i].value);
		done(&b);
	}
}

/* ---- terms ---------------------------------------------------------------------------------- */

#define LINE(time, text) "2026-11-21T" time "Z h svc[1]: " text "\n"

static const struct {
	const char *name, *terms, *log;
	int found; /* how many findings */
} matches[] = {
	{ "a plain text", "must: { a: { text: 'disk gone' } }", LINE("02:00:00", "the disk gone away"), 1 },
	{ "case counts", "must: { a: { text: 'disk gone' } }", LINE("02:00:00", "the Disk Gone away"), 0 },
	{ "(?i)", "must: { a: { text: '~ (?i)disk gone' } }", LINE("02:00:00", "the Disk Gone away"), 1 },
	{ "special characters are plain", "must: { a: { text: 'a(b)*c [x]' } }", LINE("02:00:00", "it said a(b)*c [x] then"), 1 },
	{ "where map, equal", "must: { a: { text: '~ error code=(?<code>\\d+)', where: { code: 5 } } }", LINE("02:00:00", "error code=5"), 1 },
	{ "where map, not", "must: { a: { text: '~ error code=(?<code>\\d+)', where: { code: 5 } } }", LINE("02:00:00", "error code=6"), 0 },
	{ "where map, list", "must: { a: { text: '~ error code=(?<code>\\d+)', where: { code: [4, 6] } } }", LINE("02:00:00", "error code=6"), 1 },
	{ "where map, greater", "must: { a: { text: '~ error code=(?<code>\\d+)', where: { code: '> 5' } } }", LINE("02:00:00", "error code=6"), 1 },
	{ "where map, pattern", "must: { a: { text: '~ error name=(?<name>\\S+)', where: { name: '~ ^ab' } } }", LINE("02:00:00", "error name=abc"), 1 },
	{ "need", "must: { a: { text: '~ error code=(?<code>\\d+)', need: 'distinct(code) >= 2' } }",
	  LINE("02:00:00", "error code=5") LINE("02:00:01", "error code=6"), 1 },
	{ "need not met", "must: { a: { text: '~ error code=(?<code>\\d+)', need: 'distinct(code) >= 2' } }",
	  LINE("02:00:00", "error code=5") LINE("02:00:01", "error code=5"), 0 },
	{ "semi-join", "must: { a: { text: '~ begin pid=(?<pid>\\d+)' }, b: { text: '~ finish pid=(?<pid>\\d+)', where: 'pid == a.pid' } }",
	  LINE("02:00:00", "begin pid=1") LINE("02:00:01", "finish pid=1"), 1 },
	{ "semi-join without partner", "must: { a: { text: '~ begin pid=(?<pid>\\d+)' }, b: { text: '~ finish pid=(?<pid>\\d+)', where: 'pid == a.pid' } }",
	  LINE("02:00:00", "begin pid=1") LINE("02:00:01", "finish pid=2"), 0 },
	{ "window after", "must: { a: { text: 'first thing' }, b: { text: 'second thing', within: 10 s after a } }",
	  LINE("02:00:00", "first thing") LINE("02:00:09", "second thing"), 1 },
	{ "window after, too late", "must: { a: { text: 'first thing' }, b: { text: 'second thing', within: 10 s after a } }",
	  LINE("02:00:00", "first thing") LINE("02:01:30", "second thing"), 0 },
	{ "window before", "must: { a: { text: 'first thing' }, b: { text: 'second thing', within: 1 min before a } }",
	  LINE("02:00:00", "second thing") LINE("02:00:30", "first thing"), 1 },
	{ "window before, wrong side", "must: { a: { text: 'first thing' }, b: { text: 'second thing', within: 1 min before a } }",
	  LINE("02:00:00", "first thing") LINE("02:00:30", "second thing"), 0 },
	{ "window of", "must: { a: { text: 'first thing' }, b: { text: 'second thing', within: 1 min of a } }",
	  LINE("02:00:00", "first thing") LINE("02:00:30", "second thing"), 1 },
	{ "after, any time", "must: { a: { text: 'first thing' }, b: { text: 'second thing', within: after a } }",
	  LINE("02:00:00", "first thing") LINE("05:00:30", "second thing"), 1 },
	{ "absent", "must: { a: { text: 'first thing' }, b: { text: 'second thing', absent: true } }", LINE("02:00:00", "first thing"), 1 },
	{ "absent, but there", "must: { a: { text: 'first thing' }, b: { text: 'second thing', absent: true } }",
	  LINE("02:00:00", "first thing") LINE("02:00:01", "second thing"), 0 },
	{ "absent of a stream that isn't there is unknown", "must: { a: { text: 'first thing' }, b: { text: 'second thing', stream: kernel, absent: true } }",
	  LINE("02:00:00", "first thing"), 0 },
	{ "never", "must: { a: { text: 'first thing' } }\nnever: { b: { text: 'second thing' } }",
	  LINE("02:00:00", "first thing") LINE("02:00:01", "second thing"), 0 },
	{ "some", "some: { a: { text: 'first thing' }, b: { text: 'second thing' } }", LINE("02:00:01", "second thing"), 1 },
	{ "when", "some: { a: { text: 'first thing' }, b: { text: 'second thing' } }\nwhen: n_of(2, a, b)", LINE("02:00:01", "second thing"), 0 },
	{ "per a field", "per: pid\nmust: { a: { text: '~ crash pid=(?<pid>\\d+)' } }", LINE("02:00:00", "crash pid=1") LINE("02:00:01", "crash pid=2")
	  LINE("02:00:02", "crash pid=1"), 2 },
	{ "unit", "must: { a: { text: 'first thing', unit: other } }", LINE("02:00:00", "first thing"), 0 },
	{ "an unknown field is never true", "must: { a: { text: '~ error(?: code=(?<code>\\d+))?', where: 'code != 5' } }", LINE("02:00:00", "error"), 0 },
};

static void test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++) {
		struct bench b = { 0 };
		char yaml[1024];
		snprintf(yaml, sizeof(yaml), HEAD("t.m") "%s\n", matches[i].terms);
		write_rule(&b, yaml);
		judge(&b, matches[i].log);
		if ((int)b.verdict->count != matches[i].found)
			fail_msg("%s: %zu findings, not %d", matches[i].name, b.verdict->count, matches[i].found);
		done(&b);
	}
}

static void test_joined_rows_go(void **state)
{
	struct bench b = { 0 };
	char got[64];
	(void)state;
	write_rule(&b, HEAD("t.j") "must:\n  a: { text: '~ begin pid=(?<pid>\\d+)' }\n  b: { text: '~ finish pid=(?<pid>\\d+)', where: 'pid == a.pid' }\n"
		   "facts: { begun: 'list(a.pid)', ended: 'list(b.pid)' }\n");
	judge(&b, LINE("02:00:00", "begin pid=1") LINE("02:00:01", "begin pid=2") LINE("02:00:02", "finish pid=2") LINE("02:00:03", "finish pid=3"));
	const struct cul_finding *f = find(&b, "t.j");
	assert_non_null(f);
	assert_string_equal(fact(f, "begun", got, sizeof(got)), "2");
	assert_string_equal(fact(f, "ended", got, sizeof(got)), "2");
	done(&b);
}

static void test_certainty(void **state)
{
	static const struct { const char *terms; double least, most; } cases[] = {
		{ "certainty: proof\nmust: { a: { text: 'first thing' } }", 0.965, 0.975 },
		{ "certainty: strong\nmust: { a: { text: 'first thing' } }", 0.875, 0.885 },
		{ "certainty: likely\nmust: { a: { text: 'first thing' } }", 0.695, 0.705 },
		{ "certainty: hint\nmust: { a: { text: 'first thing' } }", 0.395, 0.405 },
		{ "certainty: likely\nmust: { a: { text: 'first thing' } }\nmay: { b: { text: 'second thing', adds: likely } }", 0.81, 0.84 },
		{ "certainty: likely\nmust: { a: { text: 'first thing' } }\nmay: { b: { text: 'third thing', adds: likely } }", 0.695, 0.705 },
		{ "certainty: strong\nmust: { a: { text: 'first thing' } }\nagainst: { b: { text: 'second thing', takes: strong } }", 0.49, 0.51 },
		{ "certainty: strong\nmust: { a: { text: 'first thing' } }\nagainst: { b: { text: 'third', stream: kernel, takes: strong } }", 0.875, 0.885 },
		{ "certainty: proof\nmust: { a: { text: 'first thing' } }\nmay: { b: { text: 'third thing', adds: hint } }\nsettled: b", 0.64, 0.66 },
		{ "certainty: proof\nmust: { a: { text: 'first thing' } }\nmay: { b: { text: 'third', stream: kernel, adds: hint } }\nsettled: b", 0.64, 0.66 },
		{ "certainty: proof\nmust: { a: { text: 'first thing' } }\nmay: { b: { text: 'second thing', adds: none } }\nsettled: b", 0.965, 0.975 },
		{ "certainty: hint\nmust: { a: { text: 'first thing' } }\nmay: { b: { text: 'third thing', adds: hint } }\nsettled: b", 0.395, 0.405 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bench b = { 0 };
		char yaml[512];
		snprintf(yaml, sizeof(yaml), "id: t.c\ntitle: t\nseverity: err\n%s\n", cases[i].terms);
		write_rule(&b, yaml);
		judge(&b, LINE("02:00:00", "first thing") LINE("02:00:01", "second thing"));
		const struct cul_finding *f = find(&b, "t.c");
		assert_non_null(f);
		if (f->certainty < cases[i].least || f->certainty > cases[i].most)
			fail_msg("%s: %.3f", cases[i].terms, f->certainty);
		assert_int_equal(b.verdict->lead, f->certainty >= 0.5 ? 1 : 0);
		done(&b);
	}
}

static void test_acts(void **state)
{
	static const struct { const char *act, *want; } cases[] = {
		{ "fix-job", "fix-job" },
		{ "[ { when: b, do: reset-gpu }, { do: wait } ]", "reset-gpu" },
		{ "[ { when: c, do: reset-gpu }, { do: wait } ]", "wait" },
		{ "[ { when: c, do: reset-gpu }, { when: 'count(a) == 2', do: fix-config }, { when: b, do: fix-job }, { do: wait } ]", "fix-config" },
		{ "[ { when: 'max(a.n) > 9', do: reset-gpu }, { do: none } ]", "reset-gpu" },
		{ "[ { when: 'max(b.n) > 9', do: reset-gpu }, { do: wait } ]", "wait" }, /* unknown is not true */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bench b = { 0 };
		char yaml[1024];
		snprintf(yaml, sizeof(yaml), HEAD("t.act") "must: { a: { text: '~ first thing (?<n>\\d+)' } }\nmay: { b: { text: '~ second thing(?<n> \\d+)?', adds: hint }, c: { text: 'third thing', adds: hint } }\n"
			 "act: %s\n", cases[i].act);
		write_rule(&b, yaml);
		judge(&b, LINE("02:00:00", "first thing 7") LINE("02:00:00", "first thing 11") LINE("02:00:01", "second thing"));
		const struct cul_finding *f = find(&b, "t.act");
		assert_non_null(f);
		if (strcmp(f->act, cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].act, f->act);
		done(&b);
	}
}

/* ---- ranking -------------------------------------------------------------------------------- */

#define RULE(id, class, text, more) "id: " id "\ntitle: t\nseverity: err\ncertainty: " class "\nmust: { a: { text: '" text "' } }\n" more "\n"

static const struct {
	const char *name, *one, *two, *log;
	const char *lead;
	int symptoms; /* findings under another */
	enum cul_role second; /* of t.two */
} rankings[] = {
	{ "the earlier explains", RULE("t.one", "strong", "first thing", "explains: [{ cause: t.two, weight: strong }]"), RULE("t.two", "proof", "second thing", ""),
	  LINE("02:00:00", "first thing") LINE("02:00:20", "second thing"), "t.one", 1, CUL_ROLE_SYMPTOM },
	{ "the later explains nothing", RULE("t.one", "strong", "first thing", "explains: [{ cause: t.two, weight: strong }]"), RULE("t.two", "proof", "second thing", ""),
	  LINE("02:00:00", "second thing") LINE("02:00:20", "first thing"), "t.two", 0, CUL_ROLE_ROOT },
	{ "two seconds are open", RULE("t.one", "strong", "first thing", "explains: [{ cause: t.two }]"), RULE("t.two", "proof", "second thing", ""),
	  LINE("02:00:00", "second thing") LINE("02:00:01", "first thing"), "t.one", 1, CUL_ROLE_SYMPTOM },
	{ "not within", RULE("t.one", "strong", "first thing", "explains: [{ cause: t.two, within: 10 s }]"), RULE("t.two", "proof", "second thing", ""),
	  LINE("02:00:00", "first thing") LINE("02:00:20", "second thing"), "t.two", 0, CUL_ROLE_ROOT },
	{ "not certain enough", RULE("t.one", "likely", "first thing", "explains: [{ cause: t.two }]"), RULE("t.two", "proof", "second thing", ""),
	  LINE("02:00:00", "first thing") LINE("02:00:20", "second thing"), "t.two", 0, CUL_ROLE_ROOT },
	{ "not settled explains as surely", RULE("t.one", "strong", "first thing", "settled: 'count(a) > 1'\nexplains: [{ cause: t.two }]"),
	  RULE("t.two", "proof", "second thing", ""), LINE("02:00:00", "first thing") LINE("02:00:20", "second thing"), "t.one", 1, CUL_ROLE_SYMPTOM },
	{ "not settled stands behind the sure", RULE("t.one", "proof", "first thing", "settled: 'count(a) > 1'"), RULE("t.two", "strong", "second thing", ""),
	  LINE("02:00:00", "first thing") LINE("02:00:20", "second thing"), "t.two", 0, CUL_ROLE_ROOT },
	{ "wildcard", RULE("t.one", "strong", "first thing", "explains: [{ cause: 't.*' }]"), RULE("t.two", "strong", "second thing", ""),
	  LINE("02:00:00", "first thing") LINE("02:00:20", "second thing"), "t.one", 1, CUL_ROLE_SYMPTOM },
	{ "a trigger contributes and never leads", RULE("t.two", "proof", "first thing", "explains: [{ cause: t.one, weight: trigger }]"),
	  RULE("t.one", "strong", "second thing", ""), LINE("02:00:00", "first thing") LINE("02:00:20", "second thing"), "t.one", 1, CUL_ROLE_CONTRIBUTING },
	{ "a circle is cut at the weakest", RULE("t.one", "strong", "first thing", "explains: [{ cause: t.two, weight: strong }]"),
	  RULE("t.two", "strong", "second thing", "explains: [{ cause: t.one, weight: weak }]"), LINE("02:00:00", "second thing") LINE("02:00:01", "first thing"),
	  "t.one", 1, CUL_ROLE_SYMPTOM },
	{ "certainty orders roots", RULE("t.one", "proof", "first thing", ""), RULE("t.two", "strong", "second thing", ""),
	  LINE("02:00:00", "second thing") LINE("02:00:20", "first thing"), "t.one", 0, CUL_ROLE_ROOT },
	{ "onset orders equals", RULE("t.one", "strong", "first thing", ""), RULE("t.two", "strong", "second thing", ""),
	  LINE("02:00:00", "second thing") LINE("02:00:20", "first thing"), "t.two", 0, CUL_ROLE_ROOT },
	{ "seconds since boot order too", RULE("t.one", "strong", "first thing", "explains: [{ cause: t.two }]"), RULE("t.two", "proof", "second thing", ""),
	  "[   10.000000] first thing\n[   30.000000] second thing\n", "t.one", 1, CUL_ROLE_SYMPTOM },
	{ "and tell what came later", RULE("t.one", "strong", "first thing", "explains: [{ cause: t.two }]"), RULE("t.two", "proof", "second thing", ""),
	  "[   10.000000] second thing\n[   30.000000] first thing\n", "t.two", 0, CUL_ROLE_ROOT },
	{ "a hint never leads", RULE("t.one", "hint", "first thing", ""), RULE("t.two", "hint", "second thing", "role: background"),
	  LINE("02:00:00", "second thing") LINE("02:00:20", "first thing"), NULL, 0, CUL_ROLE_BACKGROUND },
	{ "when of an edge", RULE("t.one", "strong", "first thing", "explains: [{ cause: t.two, when: 'count(a) > 1' }]"), RULE("t.two", "proof", "second thing", ""),
	  LINE("02:00:00", "first thing") LINE("02:00:20", "second thing"), "t.two", 0, CUL_ROLE_ROOT },
};

static void test_ranking(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rankings) / sizeof(*rankings); i++) {
		struct bench b = { 0 };
		write_rule(&b, rankings[i].one);
		write_rule(&b, rankings[i].two);
		judge(&b, rankings[i].log);
		const char *lead = b.verdict->lead ? b.verdict->findings[b.verdict->lead - 1].cause : "none";
		if (strcmp(lead, rankings[i].lead ? rankings[i].lead : "none"))
			fail_msg("%s: %s leads", rankings[i].name, lead);
		int under = 0;
		for (size_t k = 0; k < b.verdict->count; k++)
			under += b.verdict->findings[k].explained_by != 0;
		if (under != rankings[i].symptoms)
			fail_msg("%s: %d findings are explained", rankings[i].name, under);
		const struct cul_finding *two = find(&b, "t.two");
		assert_non_null(two);
		if (two->role != rankings[i].second)
			fail_msg("%s: t.two has role %d", rankings[i].name, two->role);
		done(&b);
	}
}

static void test_not_judged(void **state)
{
	struct bench b = { 0 };
	(void)state;
	write_rule(&b, HEAD("t.n") "must:\n  a: { text: 'first thing' }\n  k: { text: 'second thing', stream: kernel, capture: dmesg -T }\n");
	judge(&b, LINE("02:00:00", "first thing"));
	assert_int_equal(b.verdict->count, 0);
	assert_int_equal(b.verdict->not_judged_count, 1);
	assert_string_equal(b.verdict->not_judged[0].cause, "t.n");
	assert_string_equal(b.verdict->not_judged[0].capture, "dmesg -T");
	done(&b);
}

/* ---- mistakes ------------------------------------------------------------------------------- */

static const struct { const char *yaml, *sentence; } mistakes[] = {
	{ "id: t.x\nseverity: err\ncertainty: strong\nmust: { a: { text: 'abcd' } }\n", ":1:1: a rule needs a title" },
	{ "id: t.x\ntitle: t\nseverty: err\n", ":3:1: a rule has no key 'severty'; did you mean 'severity'?" },
	{ "id: t.x\ntitle: t\nseverity: bad\n", ":3:11: severity: 'bad' is none of emerg, alert" },
	{ "id: t.x\ntitle: t\nsign: well\nmust: { a: { kind: nvidia.xid } }\n", ":3:7: sign: 'well' is none of good, change" },
	{ "id: t.x\ntitle: t\nsign: good\nseverity: err\nmust: { a: { kind: nvidia.xid } }\n", ":4:1: a sign has no key 'severity'" },
	{ "id: t.x\ntitle: t\nsign: good\nmust: { a: { kind: nvidia.xid }, b: { kind: nvidia.xid } }\n", ":1:1: a sign has one 'must'" },
	{ "id: t.x\ntitle: t\nsign: good\ndiffers: xid\nmust: { a: { kind: nvidia.xid } }\n", ":3:7: 'differs' makes a change" },
	{ "id: t.x\ntitle: t\nsign: change\nfold: long\nmust: { a: { kind: nvidia.xid } }\n", ":4:7: fold: 'long' is no time" },
	{ HEAD("t.x") "must: { a: { knd: nvidia.xid } }\n", ":5:14: a term has no key 'knd'; did you mean 'kind'?" },
	{ HEAD("t.x") "must: { a: { kind: nvidia.xjd } }\n", ":5:20: there is no kind 'nvidia.xjd'; did you mean 'nvidia.xid'?" },
	{ HEAD("t.x") "must: { a: { kind: nvidia.xid, where: 'xidd == 79' } }\n", "'xidd'; did you mean 'xid'?" },
	{ HEAD("t.x") "must: { a: { kind: nvidia.xid, where: 'xid = 79' } }\n", "equality is '=='" },
	{ HEAD("t.x") "must: { a: { kind: nvidia.xid } }\nfacts: { n: 'cuont(a)' }\n", "there is no function 'cuont'; did you mean 'count'?" },
	{ HEAD("t.x") "must: { a: { kind: nvidia.xid } }\nfacts: { n: 'a.xidd' }\n", "nvidia.xid has no field 'xidd'; did you mean 'xid'?" },
	{ HEAD("t.x") "must: { a: { kind: nvidia.xid } }\nfacts: { n: 'count(b)' }\n", "there is no term or let 'b'" },
	{ HEAD("t.x") "must: { a: { kind: nvidia.xid, where: 'pid == b.pid' }, b: { kind: nvidia.xid } }\n", "stands below" },
	{ HEAD("t.x") "must: { a: { kind: nvidia.xid, within: 5 x before a } }\n", "begins with no time" },
	{ HEAD("t.x") "must: { a: { kind: nvidia.xid, within: 5 s before q } }\n", "there is no term 'q' above" },
	{ HEAD("t.x") "must: { a: { text: 'abc' } }\n", "too short to search for" },
	{ HEAD("t.x") "must: { a: { text: '~ \\d+' } }\n", "holds no literal of four bytes" },
	{ HEAD("t.x") "must: { a: { text: 'abcd', absent: true } }\n", "nothing must be present" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nmay: { b: { text: 'efgh' } }\n", "needs 'adds: proof|strong|likely|hint|none'" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nagainst: { b: { text: 'efgh', adds: hint } }\n", "here it is 'takes'" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nexplains: [ { cause: nodot } ]\n", "no id like family.name" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nid: t.y\n", "key 'id' stands here twice (first in line 1)" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nsummary: 'it {count(b)} is'\n", "there is no term or let 'b'" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nwhen: '((((a'\n", "a ')' is missing" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nact: sing\n", "act: 'sing' is none of wait" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nact: [ { when: a, do: wait } ]\n", "the last act of a list has no when" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nact: [ { do: wait }, { do: none } ]\n", "only the last act of a list has no when" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nact: [ { when: q, do: wait }, { do: none } ]\n", "there is no term or let 'q'" },
	{ HEAD("t.x") "must: { a: { text: 'abcd' } }\nact: [ wait ]\n", "an act of a list is" },
	{ HEAD("t.x") "must: [\n", "this is no YAML" },
	{ "a: &a [*a]\n", "an alias" },
};

static void test_mistakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(mistakes) / sizeof(*mistakes); i++) {
		struct bench b = { 0 };
		write_rule(&b, mistakes[i].yaml);
		enum cul_status status = load(&b);
		if (status != CUL_ERULE)
			fail_msg("taken: %s", mistakes[i].yaml);
		if (!strstr(b.err.text, mistakes[i].sentence))
			fail_msg("\"%s\" does not say \"%s\"", b.err.text, mistakes[i].sentence);
		if (strncmp(b.err.text, b.paths[0], strlen(b.paths[0])))
			fail_msg("\"%s\" names no place", b.err.text);
		done(&b);
	}
}

static void count_line(void *ctx, const char *line)
{
	char *all = ctx;
	size_t used = strlen(all);
	snprintf(all + used, 4096 - used, "%s\n", line);
}

static void test_check(void **state)
{
	struct bench b = { 0 };
	char lines[4096] = "";
	(void)state;
	write_rule(&b, "id: t.k\ntitle: { en: a, zh: b }\nsummary: { en: a, zh: b }\nseverity: err\ncertainty: strong\nmust: { a: { text: 'first thing' } }\n"
		   "remedy: [ { do: { en: a, zh: b }, run: 'frobnicate --now' } ]\nexplains: [ { cause: t.l } ]\n"
		   "examples: { hit: ['the first thing', 'the last thing'], miss: ['nothing', 'a first thing'] }\n");
	write_rule(&b, "id: t.l\ntitle: { en: a, zh: b }\nsummary: { en: a, zh: b }\nseverity: err\ncertainty: strong\nmust: { a: { text: 'second thing' } }\n"
		   "remedy: [ { do: { en: a, zh: b } } ]\nexplains: [ { cause: t.k } ]\nexamples: { hit: ['the second thing'], miss: ['nothing'] }\n");
	assert_int_equal(load(&b), CUL_OK);
	size_t n = cul_rules_check(b.rules, false, count_line, lines);
	assert_non_null(strstr(lines, "command 'frobnicate' is not in rules/tools.list"));
	assert_non_null(strstr(lines, "hit 2 is not found"));
	assert_non_null(strstr(lines, "miss 2 is found"));
	assert_non_null(strstr(lines, "a circle of explanations: t.k -> t.l -> t.k"));
	if (n != 4)
		fail_msg("%zu mistakes:\n%s", n, lines);
	done(&b);
}

/* A circle over a wildcard; one that goes through a rule of another file; what is conditional is none. */
static void test_circles(void **state)
{
#define TEXTS "title: { en: a, zh: b }\nsummary: { en: a, zh: b }\nseverity: err\ncertainty: strong\nremedy: [ { do: { en: a, zh: b } } ]\n"
	static const struct { const char *one, *two, *three; bool circle; } cases[] = {
		{ "[ { cause: 'q.*' } ]", "[ { cause: r.c } ]", "[ { cause: p.a } ]", true },
		{ "[ { cause: q.b, within: 5 s } ]", "[ { cause: r.c, within: 5 s } ]", "[ { cause: p.a } ]", true },
		{ "[ { cause: q.b } ]", "[ { cause: r.c, when: x } ]", "[ { cause: p.a } ]", false },
		{ "[ { cause: q.b } ]", "[ { cause: r.c, weight: trigger } ]", "[ { cause: p.a } ]", false },
		{ "[ { cause: 'q.*' } ]", "[ { cause: 'q.*' }, { cause: r.c } ]", "[ { cause: 'q.*' } ]", true },
		{ "[ { cause: 'q.*' }, { cause: r.c } ]", "[ { cause: r.c } ]", "[ { cause: s.d } ]", false },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct bench b = { 0 };
		char lines[4096] = "", yaml[1024];
		const char *const edges[] = { cases[i].one, cases[i].two, cases[i].three };
		for (int k = 0; k < 3; k++) {
			snprintf(yaml, sizeof(yaml), "id: %c.%c\n" TEXTS "must: { x: { text: 'thing number %d' } }\nexplains: %s\nexamples: { hit: ['thing number %d'], miss: ['nothing'] }\n",
				 'p' + k, 'a' + k, k, edges[k], k);
			write_rule(&b, yaml);
		}
		assert_int_equal(load(&b), CUL_OK);
		size_t n = cul_rules_check(b.rules, false, count_line, lines);
		if ((n > 0) != cases[i].circle || !!strstr(lines, "a circle of explanations") != cases[i].circle)
			fail_msg("case %zu: %zu mistakes:\n%s", i, n, lines);
		done(&b);
	}
}

/* ---- signs ---------------------------------------------------------------------------------- */

#define BROKE HEAD("t.broke") "must: { a: { text: '~ svc broke (?<n>\\d+)' } }\n"
#define GOOD "id: s.good\nsign: good\ntitle: \"answer {a.n}\"\nabout: program\nmust: { a: { text: '~ answered no (?<n>\\d+)' } }\n"
#define SET "id: s.set\nsign: change\ntitle: \"{last(a.v)} after {first(a.v)}\"\ndiffers: v\nreach: 3 d\nmust: { a: { text: '~ setting is (?<v>\\w+)' } }\n"
#define PUT "id: s.put\nsign: change\ntitle: \"{a.name}\"\nmany: \"{count(a)} put in:\"\nfold: 1 min\nprefer: \"name == 'driver'\"\nlatent: true\n" \
	    "must: { a: { text: '~ put in (?<name>\\w+)' } }\n"
#define AT(time, unit, words) "2026-11-21T" time "Z h " unit "[1]: " words "\n"

/* What a log says was good last, and what changed. */
static const struct { const char *log, *good, *changed; } sign_cases[] = {
	{ AT("02:00:00", "svc", "answered no 1") AT("02:01:00", "svc", "answered no 2") AT("02:02:00", "svc", "svc broke 1") AT("02:03:00", "svc", "answered no 3"),
	  "2026-11-21T02:01:00Z, answer 2", "-" },
	/* another program's answers are none; without any there is nothing */
	{ AT("02:00:00", "other", "answered no 1") AT("02:02:00", "svc", "svc broke 1"), "-", "-" },
	/* what goes on while it is broken is no sign; what has become seldom is one */
	{ AT("02:00:00", "svc", "answered no 1") AT("02:01:00", "svc", "answered no 2") AT("02:02:00", "svc", "svc broke 1") AT("02:03:00", "svc", "answered no 3")
	  AT("02:04:00", "svc", "answered no 4") AT("02:05:00", "svc", "svc broke 2"), "-", "-" },
	{ AT("02:00:00", "svc", "answered no 1") AT("02:01:00", "svc", "answered no 2") AT("02:02:00", "svc", "svc broke 1")
	  AT("02:05:00", "svc", "svc broke 2"), "2026-11-21T02:01:00Z, answer 2", "-" },
	/* only what differs has changed, and only behind the good sign */
	{ AT("01:00:00", "svc", "setting is red") AT("01:10:00", "svc", "setting is red") AT("01:20:00", "svc", "setting is blue")
	  AT("01:30:00", "svc", "answered no 1") AT("01:40:00", "svc", "setting is green") AT("01:50:00", "svc", "svc broke 1") AT("01:55:00", "svc", "setting is grey"),
	  "2026-11-21T01:30:00Z, answer 1", "2026-11-21T01:40:00Z, green after blue" },
	/* one change of many; those that prefer nothing end at the good sign, a latent one does not */
	{ AT("01:00:00", "apt", "put in a") AT("01:00:01", "apt", "put in b") AT("01:00:02", "apt", "put in driver") AT("01:00:03", "apt", "put in c")
	  AT("01:30:00", "svc", "answered no 1") AT("01:50:00", "svc", "svc broke 1"),
	  "2026-11-21T01:30:00Z, answer 1", "2026-11-21T01:00:03Z, 4 put in: driver, a, b" },
	{ AT("01:00:00", "apt", "put in a") AT("01:30:00", "svc", "answered no 1") AT("01:50:00", "svc", "svc broke 1"), "2026-11-21T01:30:00Z, answer 1", "-" },
	/* three at most, the nearest first; a day back at most, three for what says so */
	{ "2026-11-17T02:00:00Z h svc[1]: setting is a\n2026-11-19T02:00:00Z h svc[1]: setting is b\n2026-11-19T02:10:00Z h apt[1]: put in old\n"
	  AT("02:00:00", "apt", "put in a") AT("02:10:00", "apt", "put in b") AT("02:20:00", "apt", "put in a") AT("02:30:00", "svc", "svc broke 1"),
	  "-", "2026-11-21T02:20:00Z, a (2×),2026-11-21T02:10:00Z, b,2026-11-19T02:00:00Z, b after a" },
};

static void test_signs(void **state)
{
	char good[256], changed[512];
	(void)state;
	for (size_t i = 0; i < sizeof(sign_cases) / sizeof(*sign_cases); i++) {
		struct bench b = { 0 };
		write_rule(&b, BROKE);
		write_rule(&b, GOOD);
		write_rule(&b, SET);
		write_rule(&b, PUT);
		judge(&b, sign_cases[i].log);
		const struct cul_finding *f = find(&b, "t.broke");
		assert_non_null(f);
		assert_int_equal(b.verdict->count, 1); /* a sign is no finding, and is not told as not judged */
		assert_int_equal(b.verdict->not_judged_count, 0);
		fact(f, "last_known_good", good, sizeof(good));
		fact(f, "changed_between", changed, sizeof(changed));
		if (strcmp(good, sign_cases[i].good) || strcmp(changed, sign_cases[i].changed))
			fail_msg("case %zu: good '%s', want '%s'; changed '%s', want '%s'", i, good, sign_cases[i].good, changed, sign_cases[i].changed);
		done(&b);
	}
}

/* Where a log has no wall clock, seconds since the boot order it; a bound that a sample still kept goes before all signs. */
static void test_signs_of_clocks(void **state)
{
	struct bench b = { 0 };
	char text[256];
	(void)state;
	write_rule(&b, HEAD("t.xid") "must: { a: { kind: nvidia.xid } }\n");
	write_rule(&b, "id: s.good\nsign: good\ntitle: \"link {a.n}\"\nmust: { a: { text: '~ link is up no (?<n>\\d+)' } }\n");
	judge(&b, "[  100.000000] eth0: link is up no 1\n[  200.000000] eth0: link is up no 2\n[  300.000000] NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.\n"
		  "[  310.000000] eth0: link is up no 3\n");
	assert_string_equal(fact(find(&b, "t.xid"), "last_known_good", text, sizeof(text)), "200.0 s after the boot, link 2");
	done(&b);

	write_rule(&b, HEAD("t.slow") "must: { s: { kind: vllm.stats, where: 'waiting > 100' } }\n");
	write_rule(&b, "id: s.good\nsign: good\ntitle: tokens\nmust: { a: { kind: vllm.stats, where: 'tokens_per_s > 0' } }\n");
#define STATS(time, waiting) "INFO 11-21 " time " [loggers.py:116] Engine 000: Avg prompt throughput: 240.9 tokens/s, Avg generation throughput: 220.7 tokens/s, " \
	"Running: 9 reqs, Waiting: " waiting " reqs, GPU KV cache usage: 7.1%, Prefix cache hit rate: 37.3%\n"
	judge(&b, "2026-11-21T01:59:00Z a line with its year\n" STATS("02:00:00", "3") STATS("02:00:10", "7") STATS("02:00:20", "140") STATS("02:00:30", "150"));
	fact(find(&b, "t.slow"), "last_known_good", text, sizeof(text));
	if (strcmp(text, "2026-11-21T02:00:10Z, waiting was 7"))
		fail_msg("'%s'", text);
	done(&b);
}

static void test_builtin(void **state)
{
	struct cul_error err = { 0 };
	struct cul_rules *rules;
	struct cul_rule_info info;
	(void)state;
	assert_int_equal(cul_rules_load(true, NULL, 0, &rules, &err), CUL_OK);
	assert_true(cul_rules_info(rules, 0, "en", &info));
	for (size_t i = 1; cul_rules_info(rules, i, "en", &info); i++) {
		struct cul_rule_info last;
		cul_rules_info(rules, i - 1, "en", &last);
		assert_true(strcmp(last.id, info.id) < 0);
	}
	char *words = cul_rules_words(rules, "nvidia.xid-79-fallen-off-bus", "zh");
	assert_non_null(words);
	free(words);
	cul_rules_free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mistakes), cmocka_unit_test(test_builtin), cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_matches), cmocka_unit_test(test_joined_rows_go), cmocka_unit_test(test_certainty), cmocka_unit_test(test_acts),
		cmocka_unit_test(test_ranking), cmocka_unit_test(test_not_judged), cmocka_unit_test(test_check), cmocka_unit_test(test_circles),
		cmocka_unit_test(test_signs), cmocka_unit_test(test_signs_of_clocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
