/* SPDX-License-Identifier: Apache-2.0 */
/**
 * How often CRE rules fire: a rule's body, a log, the number of firings, worked out by hand from the rules of deciding.
 * A log's lines are "SECONDS TEXT". tests/cre holds whole files with a log that fires and one that does not.
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

struct sample {
	const char *about, *rule, *log;
	int firings;
	const char *first; /* time of the first, or NULL */
};

#define SET(rest) "set: { event: { source: s }, " rest " }"
#define SEQ(rest) "sequence: { event: { source: s }, " rest " }"

static const struct sample samples[] = {
	{ "each line of a single term", SET("match: [alpha]"), "1 alpha\n2 beta\n3 alpha\n3 alpha\n", 3, "01.000" },
	{ "the oldest of each is taken", SET("window: 10s, match: [alpha, beta]"), "1 alpha\n2 alpha\n3 beta\n4 beta\n", 2, "01.000" },
	{ "what is left goes on counting", SET("window: 10s, match: [alpha, beta]"), "1 alpha\n2 alpha\n3 beta\n13 beta\n", 1, "01.000" },
	{ "a window's last nanosecond", SET("window: 10s, match: [alpha, beta]"), "1 alpha\n2 alpha\n3 beta\n12 beta\n", 2, "01.000" },
	{ "one line is one entry", SET("window: 10s, match: [{value: alpha, count: 2}]"), "1 alpha alpha\n", 0, NULL },
	{ "count takes several", SET("window: 10s, match: [{value: alpha, count: 2}]"), "1 alpha\n2 alpha\n3 alpha\n4 alpha\n5 alpha\n", 2, "01.000" },
	{ "count slides over the old", SET("window: 2s, match: [{value: alpha, count: 3}]"), "1 alpha\n2 alpha\n4 alpha\n4 alpha\n", 1, "02.000" },
	{ "listed twice is count 2", SET("window: 9s, match: [alpha, beta, alpha]"), "1 beta\n2 alpha\n3 alpha\n4 alpha\n5 beta\n6 alpha\n", 2, "01.000" },
	{ "one line, two terms", SET("window: 9s, match: [alpha, beta]"), "1 alpha beta\n2 beta alpha\n", 2, "01.000" },
	{ "terms differ by case", SET("match: [Alpha]"), "1 alpha\n", 0, NULL },
	{ "a sequence", SEQ("window: 9s, order: [alpha, beta, gamma]"), "1 alpha\n2 beta\n3 gamma\n4 alpha\n5 beta\n6 gamma\n", 2, "01.000" },
	{ "in order only", SEQ("window: 9s, order: [alpha, beta]"), "1 beta\n2 alpha\n", 0, NULL },
	{ "a start that is remembered", SEQ("window: 5s, order: [alpha, beta]"), "1 alpha\n5 alpha\n8 beta\n", 1, "05.000" },
	{ "two starts, two ends", SEQ("window: 9s, order: [alpha, beta]"), "1 alpha\n2 alpha\n3 beta\n4 beta\n", 2, "01.000" },
	{ "an end without a start", SEQ("window: 9s, order: [alpha, beta]"), "1 alpha\n2 beta\n3 beta\n", 1, "01.000" },
	{ "a middle before the new start", SEQ("window: 5s, order: [alpha, beta, gamma]"), "1 alpha\n2 beta\n4 alpha\n7 gamma\n8 beta\n9 gamma\n", 1, "04.000" },
	{ "equal times", SEQ("window: 1ms, order: [alpha, beta, gamma]"), "1 alpha\n1 beta\n1 gamma\n", 1, "01.000" },
	{ "the same term again", SEQ("window: 9s, order: [alpha, beta, alpha]"), "1 alpha\n2 beta\n3 alpha\n4 beta\n5 alpha\n", 2, "01.000" },
	{ "twice in a row", SEQ("window: 9s, order: [alpha, alpha, beta]"), "1 alpha\n2 beta\n3 alpha\n4 beta\n", 1, "01.000" },
	{ "refused between", SEQ("window: 9s, order: [alpha, beta], negate: [nope]"), "1 alpha\n2 nope\n3 beta\n", 0, NULL },
	{ "after is late", SEQ("window: 9s, order: [alpha, beta], negate: [nope]"), "1 alpha\n3 beta\n4 nope\n", 1, "01.000" },
	{ "before is early", SEQ("window: 9s, order: [alpha, beta], negate: [nope]"), "1 nope\n2 alpha\n3 beta\n", 1, "02.000" },
	{ "the next start after a refusal", SEQ("window: 9s, order: [alpha, beta], negate: [nope]"), "1 alpha\n2 nope\n3 alpha\n4 beta\n", 1, "03.000" },
	{ "span and window", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, window: 2s}]"), "1 alpha\n3 beta\n5 nope\n", 0, NULL },
	{ "absolute leaves the span out", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, window: 2s, absolute: true}]"), "1 alpha\n3 beta\n5 nope\n", 1, "01.000" },
	{ "anchor on the last", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, anchor: 1, window: 2s, absolute: true}]"), "1 alpha\n3 beta\n5 nope\n", 0, NULL },
	{ "a lost last is searched anew", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, anchor: 1, window: 2s, absolute: true}]"), "1 alpha\n3 beta\n5 nope\n7 beta\n", 1, "01.000" },
	{ "slide to the left", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, slide: -3s, window: 1s, absolute: true}]"), "1 nope\n4 alpha\n5 beta\n", 0, NULL },
	{ "left of the slide", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, slide: -3s, window: 1s, absolute: true}]"), "0 nope\n4 alpha\n5 beta\n", 1, "04.000" },
	{ "slide to the right", SET("match: [alpha], negate: [{value: nope, slide: 5s, window: 5s}]"), "1 alpha\n6 nope\n", 0, NULL },
	{ "a point", SET("match: [alpha], negate: [nope]"), "1 alpha\n1 nope\n2 alpha\n3 nope\n", 1, "02.000" },
	{ "a negative width is a point", SET("match: [alpha], negate: [{value: nope, window: -5s, absolute: true}]"), "1 nope\n2 alpha\n", 1, "02.000" },
	{ "a set's anchors are by time", SET("window: 9s, match: [alpha, beta], negate: [{value: nope, anchor: 1, window: 1s, absolute: true}]"), "1 beta\n2 nope\n5 alpha\n", 1, "01.000" },
	{ "and the later one is lost", SET("window: 9s, match: [alpha, beta], negate: [{value: nope, anchor: 1, window: 1s, absolute: true}]"), "1 beta\n5 alpha\n6 nope\n8 alpha\n", 1, "01.000" },
	{ "undecided until the end", SET("match: [alpha], negate: [{value: nope, window: 1h}]"), "1 alpha\n", 1, "01.000" },
	{ "two negative terms", SET("match: [alpha], negate: [{value: nope, window: 1s}, {value: never, window: 1s}]"), "1 alpha\n2 never\n4 alpha\n5 nope\n7 alpha\n", 1, "07.000" },
	{ "an anchor among repeated ones", SET("window: 20s, match: [alpha, alpha, alpha, beta], negate: [{value: nope, anchor: 2, window: 10s, absolute: true}]"), "1 alpha\n2 beta\n11 alpha\n15 alpha\n22 nope\n", 1, "01.000" },
	{ "the repeated one is lost", SET("window: 50s, match: [alpha, alpha, beta, alpha], negate: [{value: nope, anchor: 2, window: 20s, absolute: true}]"), "1 alpha\n2 beta\n11 alpha\n15 alpha\n31 nope\n33 alpha\n34 alpha\n", 1, "01.000" },
	{ "repeated starts are used up", SEQ("window: 10s, order: [alpha, alpha, alpha, beta]"), "1 alpha\n2 beta\n3 alpha\n4 alpha\n5 alpha\n6 alpha\n7 beta\n8 beta\n", 1, "01.000" },
	{ "repeated starts twice", SEQ("window: 3s, order: [alpha, alpha, beta]"), "1 alpha\n1 alpha\n1 alpha\n1 alpha\n1 beta\n2 beta\n", 2, "01.000" },
	{ "a start in mid-run ages out", SEQ("window: 3s, order: [alpha, alpha, alpha, beta]"), "1 alpha\n2 alpha\n3 alpha\n4 alpha\n5 alpha\n6 alpha\n7 alpha\n8 beta\n", 1, "05.000" },
	{ "runs apart", SEQ("window: 5s, order: [alpha, alpha, gamma, alpha, alpha, beta]"), "1 alpha\n2 alpha\n3 gamma\n4 alpha\n5 alpha\n6 alpha\n7 gamma\n8 alpha\n9 alpha\n10 beta\n", 1, "05.000" },
	{ "a window of nothing", SET("window: 0s, match: [alpha, beta]"), "1 alpha\n1 beta\n2 alpha\n3 beta\n", 1, "01.000" },
	{ "overlaps", SEQ("window: 20s, order: [alpha, beta, gamma]"), "1 alpha\n2 alpha\n3 beta\n4 alpha\n5 gamma\n6 beta\n7 alpha\n8 gamma\n9 beta\n13 gamma\n", 3, "01.000" },
	{ "a middle that is too old", SEQ("window: 50s, order: [alpha, beta, gamma]"), "1 alpha\n2 beta\n3 beta\n4 alpha\n5 gamma\n6 gamma\n7 gamma\n8 beta\n9 beta\n10 alpha\n11 beta\n12 gamma\n", 2, "01.000" },
	{ "a last that is lost, twice", SEQ("window: 10s, order: [alpha, beta, gamma], negate: [{value: nope, anchor: 2, slide: -5s, window: 5s, absolute: true}]"), "1 alpha\n2 nope\n3 beta\n4 gamma\n7 gamma\n8 gamma\n", 1, "01.000" },
	{ "sets that overlap", SET("window: 50s, match: [alpha, beta, gamma]"), "1 alpha\n2 beta\n3 beta\n4 alpha\n5 gamma\n6 gamma\n7 gamma\n8 beta\n9 beta\n10 alpha\n", 3, "01.000" },
	{ "repeated in a set, with the window", SET("window: 5s, match: [alpha, alpha, beta]"), "1 alpha\n2 beta\n7 alpha\n8 alpha\n11 beta\n12 beta\n13 alpha\n14 beta\n19 alpha\n19 alpha\n", 2, "07.000" },
	{ "nested", SEQ("window: 1m, order: [{set: {window: 3s, match: [alpha, beta]}}, gamma]"), "1 beta\n3 alpha\n9 gamma\n10 gamma\n", 1, "01.000" },
	{ "regex", SET("match: [{regex: '^\\S+Z al(ph|f)a$'}]"), "1 alpha\n2 alfa\n3 alpha.\n", 2, "01.000" },
	{ "dot is no dot", SET("match: [a.pha]"), "1 alpha\n", 0, NULL },
};

/* Lines as programs write them: %S stands for the second, %E for that of the epoch, %T for the text. */
static const char *const formats[] = {
	"2026-03-14T09:26:%S.000000000Z %T",
	"2026-03-14 09:26:%S.000000+00:00 %T",
	"E0314 09:26:%S.328642 1906352 evented.go:365] %T",
	"1:M 14 Mar 2026 09:26:%S.123 # %T",
	"2026-03-14 09:26:%S.123 UTC [51] ERROR:  %T",
	"2026/03/14 09:26:%S [error] 31#31: *7 %T",
	"10.1.2.3 - - [14/Mar/2026:09:26:%S +0000] \"GET / HTTP/1.1\" 502 7 \"-\" \"%T\"",
	"{\"t\":{\"$date\":\"2026-03-14T09:26:%S.123+00:00\"},\"s\":\"E\",\"c\":\"X\",\"id\":1,\"ctx\":\"c\",\"msg\":\"%T\"}",
	"2026-03-14 09:26:%S.123456+00:00 [error] <0.12.0> %T",
	"[2026-03-14 09:26:%S,123] WARN %T (kafka.server)",
	"[14/Mar/2026 09:26:%S] ERROR [x:1] %T",
	"[2026-03-14T09:26:%S,123][WARN ][o.e.c] [n] %T",
	"[2026-03-14 09:26:%S,123: ERROR/MainProcess] %T",
	"[2026-03-14 09:26:%S.123][1][warning][x] %T",
	"2026-03-14T09:26:%S.123456Z\twarn\t%T",
	"{\"level\":\"error\",\"ts\":\"2026-03-14T09:26:%S.123Z\",\"logger\":\"x\",\"error\":\"%T\"}",
	"{\"level\":\"error\",\"ts\":17734803%E.123,\"error\":\"%T\"}",
	"2026-03-14 09:26:%S,123 - app - ERROR - %T",
	"redis-1  | 1:M 14 Mar 2026 09:26:%S.123 # %T",
	"web-1  | 2026-03-14T09:26:%S.123Z %T",
	"[2026-03-14T09:26:%S.123] error: %T",
	"ts=2026-03-14T09:26:%S.123Z level=error msg=\"%T\"",
	"time=\"2026-03-14T09:26:%SZ\" level=error msg=\"%T\"",
	"logger=x t=2026-03-14T09:26:%S.123456Z level=error msg=\"%T\"",
	"Mar 14 09:26:%S h app[1]: %T",
	"2026-03-14T09:26:%S.123456789Z stderr F %T",
	"{\"log\":\"%T\\n\",\"stream\":\"stdout\",\"time\":\"2026-03-14T09:26:%S.123456789Z\"}",
	"{\"reason\":\"x\",\"message\":\"%T\",\"lastTimestamp\":\"2026-03-14T09:26:%SZ\"}",
	"17734803%E %T",
	"17734803%E123 %T",
	"[1] 2026/03/14 09:26:%S.123456 [ERR] %T",
	"Mar 14, 2026 9:26:%S AM org.example.Main run %T",
	"Sat Mar 14 09:26:%S 2026 %T",
	"[Sat Mar 14 09:26:%S.123456 2026] [core:error] [pid 1] %T",
	"2026-03-14 09:26:%S.123 ERROR 1 --- [main] o.s.B : %T",
	"2026-03-14T09:26:%S.123Z ERROR 1 --- [main] o.s.B : %T",
	"09:26:%S.123 [main] ERROR x - %T",
	"[2026-03-14T09:26:%SZ ERROR x] %T",
	"ERROR 2026-03-14 09:26:%S,123 [shard 0:main] raft - %T",
	"ERROR: 2026-03-14 09:26:%S,123: %T",
	"[ERROR] 2026-03-14 09:26:%S %T",
	"2026-03-14T09:26:%S.123Z | error | %T",
	"2026-03-14T09:26:%S.123+0000 7f12 -1 %T",
	"03/14/2026 09:26:%S %T",
	"2026 Mar 14 09:26:%S UTC %T",
	"2026 Mar 14 09:26:%S.123 %T",
	"{\"TimeCreated\":\"\\/Date(17734803%E123)\\/\",\"Message\":\"%T\"}",
};

static char *format_of(const char *format, int second, int other)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	for (int i = 0; i < 6; i++) {
		int at = i < 4 ? i : i == 4 ? second : other;
		for (const char *c = format; *c; c++) {
			if (*c != '%' || !c[1] || !strchr("SET", c[1]))
				fputc(*c, f);
			else if (*++c == 'T')
				fputs(i < 4 ? "all is well" : i == 4 ? "alpha failed" : "beta failed", f);
			else
				fprintf(f, "%02d", *c == 'E' ? 60 + at : at);
		}
		fputc('\n', f);
	}
	fclose(f);
	return out;
}

static char *log_of(const char *lines)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	while (*lines) {
		char *end;
		long second = strtol(lines, &end, 10);
		size_t n = strcspn(end, "\n");
		fprintf(f, "2026-03-14T09:26:%02ld.000000000Z%.*s\n", second, (int)n, end);
		lines = end + n + 1;
	}
	fclose(f);
	return out;
}

static void run(const struct sample *s, char *log)
{
	char path[] = "/tmp/culprit-cre-XXXXXX";
	struct cul_limits limits = { 0 };
	struct cul_error err = { 0 };
	struct cul_rules *rules = NULL;
	struct cul_bundle *bundle = NULL;
	struct cul_case *found = NULL;
	const struct cul_verdict *verdict = NULL;
	struct cul_blob blob = { "app.log", { log, strlen(log) } };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	dprintf(fd, "rules:\n  - cre: { id: CRE-2026-0001, severity: 1, title: sample }\n    rule: { %s }\n", s->rule);
	close(fd);
	if (cul_rules_load(false, (const char *const[]){ path }, 1, &rules, &err) != CUL_OK)
		fail_msg("%s: %s", s->about, err.text);
	unlink(path);
	assert_int_equal(cul_bundle_memory(&blob, 1, &limits, &bundle, &err), CUL_OK);
	assert_int_equal(cul_case_scan(NULL, bundle, cul_rules_interests(rules), NULL, NULL, &found, &err), CUL_OK);
	assert_int_equal(cul_rules_judge(rules, found, NULL, &verdict, &err), CUL_OK);
	int firings = verdict->count ? (int)verdict->findings[0].count : 0;
	if (verdict->not_judged_count)
		fail_msg("%s: %s", s->about, verdict->not_judged[0].why);
	if (firings != s->firings)
		fail_msg("%s: fires %d times, not %d", s->about, firings, s->firings);
	if (s->first) {
		int64_t ns = verdict->findings[0].first_ns;
		char text[32];
		snprintf(text, sizeof(text), "%02d.%03d", (int)(ns / 1000000000 % 60) - 0, (int)(ns / 1000000 % 1000));
		if (strcmp(text, s->first) != 0)
			fail_msg("%s: first at %s, not %s", s->about, text, s->first);
	}
	cul_verdict_free(verdict);
	cul_case_close(found);
	cul_bundle_close(bundle);
	cul_rules_free(rules);
	free(log);
}

static void test_firings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++)
		run(&samples[i], log_of(samples[i].log));
}

/* Within the window and out of it: a line whose time can't be read would lie in each. */
static void test_formats(void **state)
{
	const char *rule = SET("window: 10s, match: [alpha failed, beta failed]");

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		run(&(struct sample){ formats[i], rule, "", 1, NULL }, format_of(formats[i], 4, 9));
		run(&(struct sample){ formats[i], rule, "", 0, NULL }, format_of(formats[i], 4, 35));
	}
}

/* A line without a time has that of the last one that has, whoever wrote it. */
static void test_inherited(void **state)
{
	static const char *const logs[] = {
		"1:M 14 Mar 2026 09:26:01.000 # fine\n1:M 14 Mar 2026 09:26:03.000 # alpha failed\n1:M 14 Mar 2026 09:26:%s.000 # crashed\n  registers\n  beta failed\n",
		"Mar 14, 2026 9:26:01 AM o.Main run\nINFO: fine\nMar 14, 2026 9:26:03 AM o.Main run\nSEVERE: alpha failed\nMar 14, 2026 9:26:%s AM o.Main run\nSEVERE: beta failed\n",
		"2026-03-14T09:26:01Z fine\n2026-03-14T09:26:03Z alpha failed\n2026-03-14T09:26:%sZ crashed\n  registers\n  beta failed\n",
	};
	const char *rule = SET("window: 10s, match: [alpha failed, beta failed]");

	(void)state;
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++)
		for (int hit = 0; hit < 2; hit++) {
			char *log = NULL;
			const char *mark = strstr(logs[i], "%s");
			assert_true(asprintf(&log, "%.*s%s%s", (int)(mark - logs[i]), logs[i], hit ? "08" : "35", mark + 2) > 0);
			run(&(struct sample){ logs[i], rule, "", hit, NULL }, log);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_firings), cmocka_unit_test(test_formats), cmocka_unit_test(test_inherited) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
