/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The room report/, over a fabricated verdict and a case that is only what the calls below answer: no store and no rule is
 * linked. A screen of 40 lines by 100 columns, nothing harmful let through, JSON that reads back.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/slice.h"
#include "culprit/report.h"
#include "report/escape.h"

/* ---- a case ------------------------------------------------------------------------------- */

#define T0 INT64_C(1763457123441000000) /* 2025-11-18T09:12:03.441Z */

static const struct cul_host hosts[] = {
	{ .name = "ai-box03", .kernel = "6.8.0-87-generic", .boot_ns = T0 - 1000, .capture_ns = CUL_NO_TIME, .cpus = 32, .load_1m = 257.41 },
	{ .name = "node\xff\x1b[31m", .boot_ns = CUL_NO_TIME, .capture_ns = CUL_NO_TIME, .load_1m = NAN },
};
static const struct cul_gpu gpus[] = { { "0000:08:00.0", 0, 0, "0000:08:00.0", NULL, "Radeon Pro VII", "6.8.5" } };
static const char *const source_names[] = { "upload/evil\x1b]0;x\x07name.tar.gz!var/log/a/rather/long/path/to/the/kernel/log/dmesg.txt", "ps.txt", "photo.jpg" };
static const struct cul_source sources[] = {
	{ 48213, 484, "log", T0, T0 + 5000000000, 0 },
	{ 1000, 20, "ps", CUL_NO_TIME, CUL_NO_TIME, 0 },
	{ 1000, 1, NULL, CUL_NO_TIME, CUL_NO_TIME, -1 },
};
static const struct cul_damage damage[] = { { "photo.jpg", 0, "ends in the middle \x9b" "2J of a stream" } };
static size_t none_of = 1; /* 0: the case is empty */

const struct cul_host *cul_case_hosts(const struct cul_case *c, size_t *count)
{
	*count = none_of * 2;
	return hosts;
}
const struct cul_gpu *cul_case_gpus(const struct cul_case *c, size_t *count)
{
	*count = none_of;
	return gpus;
}
size_t cul_case_source_count(const struct cul_case *c)
{
	return none_of * 3;
}
bool cul_case_source(const struct cul_case *c, size_t source, struct cul_source *ret)
{
	if (source >= none_of * 3)
		return false;
	*ret = sources[source];
	return true;
}
const char *cul_case_source_name(struct cul_case *c, int source)
{
	return source >= 0 && (size_t)source < none_of * 3 ? source_names[source] : "?";
}
const struct cul_damage *cul_case_damage(const struct cul_case *c, size_t *count)
{
	*count = none_of;
	return damage;
}
CUL_API const char *cul_version(void);
const char *cul_version(void)
{
	return "0.1.0";
}

/* ---- a verdict, larger than any screen ------------------------------------------------------- */

#define MANY 60
#define LONG "The queue was evicted while its fences were outstanding; every worker that waits for one of them waits for ever. "
#define CJK "队列被驱逐后其栅栏再也没有返回，每一个等待它的内核工作线程都会永远等待下去，负载因此不断升高。"

static struct cul_finding findings[3];
static struct cul_evidence evidence[MANY];
static struct cul_row rows[MANY];
static struct cul_remedy remedy[MANY];
static const char *strings[MANY];
static struct cul_fact facts[4];
static struct cul_value values[100];
static const struct cul_field number = { "n", CUL_INT, "", CUL_ENTITY_NONE, "" };
static const struct cul_kind kind = { .name = "amdgpu.queue-evicted", .version = 1, .stream = "kernel" };
static const struct cul_template template = { "bad <*>", 7, T0, T0, 3, "dmesg.txt", 12, "bad \x1b[2J thing" };
static const struct cul_template *templates[] = { &template };
static const struct cul_not_judged not_judged[] = { { "nvidia.xid-79", "no kernel log", "dmesg -T" }, { "a.b", "why", NULL } };

static struct cul_verdict make_verdict(const char *text)
{
	static const char *const does[] = { "gpu", NULL };

	for (int i = 0; i < MANY; i++) {
		rows[i] = (struct cul_row){ .id = i, .kind = &kind, .interest = -1, .member = i % 2, .line = 1842 + i, .offset = 99231 + i,
					    .time_ns = i % 3 ? T0 : CUL_NO_TIME, .last_ns = T0, .n = 1 + i % 4, .host = 0,
					    .text = cul_str("amdgpu: Freeing queue vital buffer 0x7a95bc400000, \x1b[31mqueue evicted\x07 \xff\xfe \xe2\x80\xae and so on, and on, and on") };
		evidence[i] = (struct cul_evidence){ i % 7 == 6 ? CUL_AGAINST : CUL_MUST, i % 2 ? "evicted" : "hung", &rows[i] };
		remedy[i] = (struct cul_remedy){ text, i % 2 ? "systemctl stop ollama && reboot" : NULL, text, NULL, i % 3 ? "reboot" : "none", i % 2 };
		strings[i] = text;
	}
	values[0] = (struct cul_value){ &number, CUL_TEXT, .s = cul_str("0000:08:00.0") };
	values[1] = (struct cul_value){ &number, CUL_TEXT, .s = cul_str("ai-box03") };
	for (int i = 2; i < 100; i++)
		values[i] = (struct cul_value){ &number, CUL_INT, .i = INT64_C(9007199254740993) + i };
	facts[0] = (struct cul_fact){ does[0], &values[0], 1 };
	facts[1] = (struct cul_fact){ "host", &values[1], 1 };
	facts[2] = (struct cul_fact){ "pids", &values[2], 98 };
	facts[3] = (struct cul_fact){ "pids", &values[2], 1 };
	findings[0] = (struct cul_finding){
		.order = 1, .cause = "amdgpu.queue-evicted-hang", .role = CUL_ROLE_ROOT, .certainty = 0.97, .severity = 2, .title = text, .summary = text,
		.act = "drain-reboot", .do_not = strings, .do_not_count = 20, .first_ns = T0, .last_ns = T0 + 86400000000000, .onset_ns = T0 - 122000000000,
		.count = 214, .at_least = true, .ongoing = CUL_UNKNOWN, .host = 0, .entities = facts, .entity_count = 2, .facts = facts, .fact_count = 4,
		.evidence = evidence, .evidence_count = MANY, .remedy = remedy, .remedy_count = MANY, .captures = strings, .capture_count = 3,
		.before_reboot = strings, .before_reboot_count = 9, .ruled_out = strings, .ruled_out_count = 5, .references = strings, .reference_count = 1,
	};
	findings[1] = findings[0];
	findings[1].order = 2;
	findings[1].role = CUL_ROLE_SYMPTOM;
	findings[1].explained_by = 1;
	findings[2] = findings[0];
	findings[2].order = 3;
	findings[2].certainty = 0.61;
	return (struct cul_verdict){ findings, 3, 1, not_judged, 2, templates, 1 };
}

static char *print(const struct cul_verdict *verdict, struct cul_report_options options)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	struct cul_error err = { 0 };

	assert_non_null(out);
	options.input = "case\x1b[0m.tar";
	assert_int_equal(cul_report_write(NULL, verdict, &options, out, &err), CUL_OK);
	fclose(out);
	char *copy = strdup(text); /* gcc -O3 takes the stream's own for dangling */
	free(text);
	assert_non_null(copy);
	return copy;
}

/* no control character but the line's end, nothing invisible, valid UTF-8, at most @width columns; returns the lines */
static int check_lines(const char *text, size_t width)
{
	struct cul_slice rest = cul_str(text);
	size_t columns = 0, n;
	int lines = 0;

	while (rest.size) {
		uint32_t c = cul_utf8_read(rest, &n);

		assert_int_not_equal(n, 0);
		if (c == '\n') {
			lines++;
			columns = 0;
		} else {
			assert_true(c >= 0x20 && !(c >= 0x7f && c < 0xa0) && c != 0x202e);
			columns += (size_t)cul_utf8_columns(c);
			assert_true(columns <= width);
		}
		rest = cul_from(rest, n);
	}
	return lines;
}

static void test_screen(void **state)
{
	static const char *const texts[] = { "short", LONG, LONG LONG LONG LONG LONG LONG, CJK CJK CJK CJK,
					     "onewordwithoutanyblanksinitthatislongerthanalineofonehundredcolumnscanholdandthereforehastobecutsomewhereinthemiddle" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (int lang = 0; lang < 2; lang++) {
			struct cul_verdict v = make_verdict(texts[i]);
			char *text = print(&v, (struct cul_report_options){ .seconds = -1, .lang = lang ? "zh" : "en" });
			char *end = strstr(text, "\n\n");

			check_lines(text, 100);
			assert_non_null(end);
			end[1] = '\0';
			assert_true(check_lines(text, 100) <= 40);
			assert_int_equal(strncmp(text, "CULPRIT  ", 9), 0);
			/* the act stands in the second line, what not to do is there, and what a reboot destroys */
			const char *second = strchr(text, '\n') + 1;
			assert_int_equal(strncmp(second, lang ? "立即处理：" : "ACT NOW:", lang ? 15 : 8), 0);
			assert_non_null(strstr(text, lang ? "切勿：" : "\nDO NOT:"));
			assert_non_null(strstr(text, lang ? "重启前采集：" : "\nCAPTURE BEFORE REBOOT:"));
			assert_non_null(strstr(text, lang ? "次选：" : "\nRunner-up:"));
			assert_non_null(strstr(text, lang ? "已排除：" : "\nRuled out:"));
			assert_non_null(strstr(text, "97 %"));
			assert_non_null(strstr(text, "dmesg.txt:1842"));
			free(text);
		}
}

static void test_colour(void **state)
{
	struct cul_verdict v = make_verdict("a \x1b[5m title");
	char *plain = print(&v, (struct cul_report_options){ .seconds = -1 });
	char *colour = print(&v, (struct cul_report_options){ .seconds = -1, .colour = true });

	assert_null(strchr(plain, '\x1b'));
	assert_non_null(strstr(plain, "a \\x1b[5m title"));
	/* without its own colours the coloured one is the plain one */
	char *to = colour;
	for (const char *at = colour; *at; at++) {
		if (*at == '\x1b') {
			at = strchr(at, 'm');
			assert_non_null(at);
			continue;
		}
		*to++ = *at;
	}
	*to = '\0';
	assert_string_equal(colour, plain);
	free(plain);
	free(colour);
}

static void test_no_lead(void **state)
{
	struct cul_verdict v = { .count = 0 };
	char *text = print(&v, (struct cul_report_options){ .seconds = 0.5, .quiet = true });

	assert_int_equal(strncmp(text, "No known cause found.", 21), 0);
	assert_true(check_lines(text, 100) <= 6);
	free(text);

	v = make_verdict("a suspect");
	v.lead = 0;
	v.findings = &findings[2];
	v.count = 1;
	findings[2].certainty = 0.4;
	text = print(&v, (struct cul_report_options){ .seconds = 0.5 });
	assert_int_equal(strncmp(text, "No known cause found.", 21), 0);
	assert_non_null(strstr(text, "Suspects"));
	assert_non_null(strstr(text, "no kernel log: nvidia.xid-79\n      $ dmesg -T"));
	assert_non_null(strstr(text, "photo.jpg"));
	free(text);

	none_of = 0;
	v = (struct cul_verdict){ .count = 0 };
	text = print(&v, (struct cul_report_options){ .seconds = -1 });
	assert_non_null(strstr(text, "There was nothing to read."));
	free(text);
	none_of = 1;
}

static void test_json(void **state)
{
	struct cul_verdict v = make_verdict("title \xff");
	char *text = print(&v, (struct cul_report_options){ .format = CUL_REPORT_JSON, .seconds = -1 });
	cJSON *top = cJSON_Parse(text);
	const cJSON *first, *item;

	assert_non_null(top);
	assert_int_equal(cJSON_GetObjectItem(top, "lead")->valueint, 1);
	assert_int_equal(cJSON_GetObjectItem(top, "schema")->valueint, 1);
	item = cJSON_GetObjectItem(top, "input");
	assert_string_equal(cJSON_GetObjectItem(item, "path")->valuestring, "case\x1b[0m.tar");
	assert_int_equal(cJSON_GetObjectItem(item, "lines")->valueint, 505);
	first = cJSON_GetArrayItem(cJSON_GetObjectItem(top, "findings"), 0);
	assert_string_equal(cJSON_GetObjectItem(first, "title")->valuestring, "title \xef\xbf\xbd");
	assert_string_equal(cJSON_GetObjectItem(first, "first")->valuestring, "2025-11-18T09:12:03.441Z");
	assert_string_equal(cJSON_GetObjectItem(first, "severity")->valuestring, "crit");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(first, "explained_by")));
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(first, "ongoing")));
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(first, "evidence")), MANY);
	item = cJSON_GetArrayItem(cJSON_GetObjectItem(first, "evidence"), 0);
	assert_string_equal(cJSON_GetObjectItem(item, "source")->valuestring, source_names[0]);
	assert_int_equal(cJSON_GetObjectItem(item, "line")->valueint, 1842);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(item, "time")));
	item = cJSON_GetObjectItem(cJSON_GetObjectItem(first, "facts"), "pids");
	assert_true(cJSON_IsArray(item));
	assert_int_equal(cJSON_GetArraySize(item), 64);
	/* exact beyond 2^53, and no second "pids" */
	assert_non_null(strstr(text, "9007199254740995"));
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(first, "facts")), 3);
	assert_int_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(cJSON_GetObjectItem(top, "findings"), 1), "explained_by")->valueint, 1);
	item = cJSON_GetArrayItem(cJSON_GetObjectItem(top, "hosts"), 0);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(item, "gpus")), 1);
	assert_true(fabs(cJSON_GetObjectItem(item, "load_1m")->valuedouble - 257.41) < 1e-9);
	for (const char *at = text; *at; at++)
		assert_true((unsigned char)*at >= 0x20 || *at == '\n' || *at == '\t');
	cJSON_Delete(top);
	free(text);
}

static void test_markdown(void **state)
{
	struct cul_verdict v = make_verdict("<img src=x onerror=alert(1)> `x` |a| @all [b](javascript:c) ```");
	for (int i = 0; i < 3; i++)
		findings[i].before_reboot_count = 0; /* code, where markup is none */
	char *text = print(&v, (struct cul_report_options){ .format = CUL_REPORT_MARKDOWN, .seconds = -1 });

	assert_null(strstr(text, "<img"));
	assert_null(strstr(text, "@all"));
	assert_null(strstr(text, "[b](java"));
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "&lt;img"));
	free(text);
}

/* ---- HTML ---------------------------------------------------------------------------------------- */

static uint32_t turned(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

/* SHA-256 in base64, as a Content-Security-Policy names a style sheet. */
static void sha256(struct cul_slice text, char out[45])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t h[8], k[64], w[64], s[8];
	int primes = 0;

	for (uint32_t n = 2; primes < 64; n++) {
		bool prime = true;
		for (uint32_t d = 2; d * d <= n; d++)
			prime &= n % d != 0;
		if (!prime)
			continue;
		long double root = sqrtl(n), cube = cbrtl(n);
		if (primes < 8)
			h[primes] = (uint32_t)((root - floorl(root)) * 4294967296.0L);
		k[primes++] = (uint32_t)((cube - floorl(cube)) * 4294967296.0L);
	}
	size_t blocks = (text.size + 8) / 64 + 1;
	unsigned char *padded = calloc(blocks, 64);
	assert_non_null(padded);
	memcpy(padded, text.data, text.size);
	padded[text.size] = 0x80;
	for (int i = 0; i < 8; i++)
		padded[blocks * 64 - 1 - (size_t)i] = (unsigned char)((uint64_t)text.size * 8 >> (8 * i));
	for (size_t b = 0; b < blocks; b++) {
		for (int i = 0; i < 16; i++) {
			const unsigned char *at = padded + b * 64 + 4 * i;
			w[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
		}
		for (int i = 16; i < 64; i++)
			w[i] = w[i - 16] + (turned(w[i - 15], 7) ^ turned(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
			       (turned(w[i - 2], 17) ^ turned(w[i - 2], 19) ^ w[i - 2] >> 10);
		memcpy(s, h, sizeof(s));
		for (int i = 0; i < 64; i++) {
			uint32_t t1 = s[7] + (turned(s[4], 6) ^ turned(s[4], 11) ^ turned(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
			uint32_t t2 = (turned(s[0], 2) ^ turned(s[0], 13) ^ turned(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
			memmove(s + 1, s, 7 * sizeof(*s));
			s[4] += t1;
			s[0] = t1 + t2;
		}
		for (int i = 0; i < 8; i++)
			h[i] += s[i];
	}
	free(padded);
	unsigned char bytes[33] = { 0 };
	for (int i = 0; i < 32; i++)
		bytes[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
	for (int i = 0, n = 0; i < 33; i += 3) {
		uint32_t v = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
		for (int j = 0; j < 4; j++)
			out[n++] = digits[v >> (18 - 6 * j) & 63];
	}
	out[43] = '=';
	out[44] = 0;
}

static void check_page(const char *text)
{
	static const char *const never[] = { "<script", "<img", "<iframe", "<link", "<object", "<base", "@import", "url(", "href=\"javascript",
					     "href=\"http:", "http-equiv=\"refresh" };
	static const char *const attributes[] = { " src=", " style=", " on", " srcset=", " xlink:" };
	struct cul_slice css, head, page = cul_str(text);
	char hash[45];
	size_t n;

	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		if (strstr(text, never[i]))
			fail_msg("the page holds %s", never[i]);
	for (const char *at = text; (at = strchr(at, '<')); at++) {
		struct cul_slice tag = cul_slice(at, strcspn(at, ">"));
		for (size_t i = 0; i < sizeof(attributes) / sizeof(*attributes); i++)
			if (cul_has(tag, cul_str(attributes[i])))
				fail_msg("a tag has%s: %.*s", attributes[i], (int)tag.size, tag.data);
	}
	for (struct cul_slice rest = page; rest.size; rest = cul_from(rest, n)) {
		uint32_t c = cul_utf8_read(rest, &n);
		assert_int_not_equal(n, 0);
		assert_true((c >= 0x20 || c == '\n') && !(c >= 0x7f && c < 0xa0) && c != 0x202e);
	}
	assert_true(cul_cut(page, CUL_LIT("<style>"), &head, &css) && cul_cut(css, CUL_LIT("</style>"), &css, NULL));
	sha256(css, hash);
	if (!cul_has(head, cul_str(hash)))
		fail_msg("STYLE_HASH of report/html.c should be sha256-%s", hash);
	assert_true(cul_has(head, CUL_LIT("default-src 'none'")));
	/* as many tags are closed as opened */
	static const char *const tags[] = { "details", "section", "article", "div", "svg", "g", "ul", "ol", "li", "table", "dl", "span", "a", "p" };
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		char open[16], bare[16], close[16];
		int balance = 0;
		snprintf(open, sizeof(open), "<%s ", tags[i]);
		snprintf(bare, sizeof(bare), "<%s>", tags[i]);
		snprintf(close, sizeof(close), "</%s>", tags[i]);
		for (const char *at = text; (at = strchr(at, '<')); at++)
			balance += !strncmp(at, open, strlen(open)) || !strncmp(at, bare, strlen(bare)) ? 1 : !strncmp(at, close, strlen(close)) ? -1 : 0;
		if (balance)
			fail_msg("<%s> is opened %d times more than closed", tags[i], balance);
	}
}

static void test_html(void **state)
{
	static const char *const words[] = { "<script>alert(1)</script><img src=x onerror=alert(1)>", "\"' onload='x' javascript:alert(1) &lt; ]]> -->", LONG CJK,
					     "</title></style><script src=//x>", "" };
	char *text;

	(void)state;
	for (int lang = 0; lang < 2; lang++)
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
			struct cul_verdict v = make_verdict(words[i]);
			findings[0].relation = findings[1].relation = words[i];
			text = print(&v, (struct cul_report_options){ .format = CUL_REPORT_HTML, .seconds = -1, .lang = lang ? "zh" : "en" });
			check_page(text);
			assert_non_null(strstr(text, "<svg class=\"graph\""));
			assert_non_null(strstr(text, lang ? "立即处理" : "Act now"));
			free(text);
		}
	struct cul_verdict none = { .not_judged = not_judged, .not_judged_count = 2 };
	text = print(&none, (struct cul_report_options){ .format = CUL_REPORT_HTML, .seconds = -1 });
	check_page(text);
	assert_null(strstr(text, "<svg class=\"graph\""));
	free(text);
	/* a graph that goes round, and one that is deep: drawn all the same */
	struct cul_verdict v = make_verdict("round");
	findings[0].explained_by = 2;
	findings[1].explained_by = 3;
	findings[2].explained_by = 1;
	text = print(&v, (struct cul_report_options){ .format = CUL_REPORT_HTML, .seconds = -1 });
	check_page(text);
	free(text);
}

static void test_escape(void **state)
{
	static const struct { const char *text, *want; size_t columns; } cases[] = {
		{ "", "", 0 },
		{ "plain", "plain", 5 },
		{ "\x1b[31m", "\\x1b[31m", 8 },
		{ "a\tb\nc\rd", "a b c d", 7 },
		{ "\xc2\x9b" "2J", "\\u009b2J", 8 },
		{ "\xe2\x80\xae" "x", "\\u202ex", 7 },
		{ "\xf3\xa0\x80\x81", "\\U000e0001", 10 },
		{ "\xff\xc0\xaf\xed\xa0\x80", "\\xff\\xc0\\xaf\\xed\\xa0\\x80", 24 },
		{ "\xe4\xb8\xad\xe6\x96\x87", "\xe4\xb8\xad\xe6\x96\x87", 4 },
		{ "e\xcc\x81", "e\xcc\x81", 1 },
		{ "\xe4\xb8", "\\xe4\\xb8", 8 },
		{ "\x7f", "\\x7f", 4 },
	};
	static const struct { double r; const char *want; } reals[] = {
		{ 0, "0" }, { -0.0, "0" }, { 16384, "16384" }, { 257.41, "257.41" }, { 0.1, "0.1" }, { -12.5, "-12.5" }, { 99.6, "99.6" },
		{ 1.0 / 3, "0.3333333333333333" }, { 123456789012.0, "123456789012" }, { 1e300, "1e+300" }, { NAN, "" }, { INFINITY, "" },
	};
	struct cul_arena *arena = cul_arena_new();
	char buf[40];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = cul_harmless(arena, cul_str(cases[i].text));

		assert_string_equal(got, cases[i].want);
		assert_int_equal(cul_columns(got), cases[i].columns);
	}
	assert_string_equal(cul_harmless(arena, CUL_NONE), "");
	assert_string_equal(cul_harmless(arena, CUL_LIT("a\0b")), "a\\x00b");
	assert_string_equal(cul_clean_json(arena, CUL_LIT("a\0\xff" "b\xc2\x85")), "a\xef\xbf\xbd\xef\xbf\xbd" "b\xef\xbf\xbd");
	assert_string_equal(cul_shorten(arena, "abcdef", 6), "abcdef");
	assert_string_equal(cul_shorten(arena, "abcdefg", 6), "abcde…");
	assert_string_equal(cul_shorten(arena, "中文中文", 6), "中文…");
	assert_string_equal(cul_shorten_left(arena, "abcdefg", 6), "…cdefg");
	assert_string_equal(cul_shorten_left(arena, "abc/def/ghi/j", 10), "…/ghi/j");
	assert_string_equal(cul_shorten_left(arena, "127.0.0.1-2025-11-13-10:00:00/vmcore-dmesg.txt", 36), "…/vmcore-dmesg.txt");
	assert_string_equal(cul_shorten_left(arena, "中文中文", 6), "…中文");
	for (size_t i = 0; i < sizeof(reals) / sizeof(reals[0]); i++)
		assert_string_equal(cul_print_real(reals[i].r, buf), reals[i].want);
	cul_arena_free(arena);
}

/* no wall clock is known: the kernel's own clock tells when */
static void test_since_boot(void **state)
{
	struct cul_verdict v = make_verdict("short");

	for (int i = 0; i < MANY; i++)
		rows[i].boot_ns = rows[i].time_ns = CUL_NO_TIME;
	for (size_t i = 0; i < v.count; i++)
		findings[i].first_ns = findings[i].last_ns = findings[i].onset_ns = CUL_NO_TIME;
	char *text = print(&v, (struct cul_report_options){ .seconds = -1, .lang = "en" });
	assert_non_null(strstr(text, "(the lines carry no time)"));
	free(text);
	rows[2].boot_ns = INT64_C(9125100000000);
	rows[4].boot_ns = INT64_C(312223456000);
	rows[5].boot_ns = INT64_C(100000000); /* of another boot */
	rows[5].boot = 3;
	rows[6].boot_ns = 1; /* speaks against it */
	text = print(&v, (struct cul_report_options){ .seconds = -1, .lang = "en", .width = 200 });
	assert_non_null(strstr(text, "First bad: 312.2 s after the boot, last: 9125.1 s after the boot"));
	free(text);
	text = print(&v, (struct cul_report_options){ .seconds = -1, .lang = "en", .format = CUL_REPORT_HTML });
	assert_non_null(strstr(text, "<dd>312.2 s after the boot</dd>"));
	free(text);
	text = print(&v, (struct cul_report_options){ .seconds = -1, .lang = "zh", .format = CUL_REPORT_MARKDOWN });
	assert_non_null(strstr(text, "启动后 312.2 秒 … 启动后 9125.1 秒"));
	free(text);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_screen), cmocka_unit_test(test_colour), cmocka_unit_test(test_no_lead), cmocka_unit_test(test_json),
		cmocka_unit_test(test_markdown), cmocka_unit_test(test_html), cmocka_unit_test(test_escape), cmocka_unit_test(test_since_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
