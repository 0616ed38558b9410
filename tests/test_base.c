/* SPDX-License-Identifier: Apache-2.0 */
/** The ground floor: slices, numbers, clocks, needles, patterns and their literals, tables, arenas, spools. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/needle.h"
#include "base/pattern.h"
#include "base/slice.h"
#include "base/spool.h"
#include "base/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void assert_text(struct cul_slice got, const char *want)
{
	char text[512];
	assert_true(got.size < sizeof(text));
	snprintf(text, sizeof(text), "%.*s", (int)got.size, got.size ? got.data : "");
	assert_string_equal(text, want);
}

static void slices(void **state)
{
	struct cul_slice a = cul_str("key: value: more"), b, c;
	(void)state;
	assert_true(cul_cut(a, CUL_LIT(": "), &b, &c));
	assert_text(b, "key");
	assert_text(c, "value: more");
	assert_true(cul_cut_last(a, CUL_LIT(": "), &b, &c));
	assert_text(b, "key: value");
	assert_text(c, "more");
	assert_false(cul_cut(a, CUL_LIT("; "), &b, &c));
	assert_true(cul_between(cul_str("a (b) c"), CUL_LIT("("), CUL_LIT(")"), &b));
	assert_text(b, "b");
	assert_false(cul_between(cul_str("a ) b ( c"), CUL_LIT("("), CUL_LIT(")"), &b));
	assert_true(cul_skip(&a, CUL_LIT("key")));
	assert_false(cul_skip(&a, CUL_LIT("key")));
	assert_text(cul_trim(cul_str(" \t x y\r\n")), "x y");
	a = cul_str("  one two ");
	assert_text(cul_word(&a), "one");
	assert_text(cul_word(&a), "two");
	assert_text(cul_word(&a), "");
	a = cul_str("12ab");
	assert_text(cul_digits(&a), "12");
	assert_text(cul_digits(&a), "");
	/* nothing at all */
	a = CUL_NONE;
	assert_int_equal(cul_trim(a).size + cul_word(&a).size + cul_digits(&a).size + cul_from(a, 3).size, 0);
	assert_int_equal(cul_find(a, CUL_LIT("x")), SIZE_MAX);
	assert_int_equal(cul_find(cul_str("abc"), CUL_LIT("c")), 2);
	assert_int_equal(cul_find_nocase(cul_str("xOoPs"), CUL_LIT("oops")), 1);
	/* at each place of texts of each length, beside bytes that look alike */
	char text[80];
	for (size_t size = 0; size <= sizeof(text); size++)
		for (size_t wide = 1; wide <= 4 && wide <= size; wide++)
			for (size_t at = 0; at + wide <= size; at++) {
				memset(text, 'x', sizeof(text));
				memset(text + at, 'Y', wide);
				if (at + wide < sizeof(text))
					text[at + wide] = 'Y'; /* behind it: seen only if it is the text's */
				assert_int_equal(cul_find(cul_slice(text, size), cul_slice("YYYY", wide)), at);
				assert_int_equal(cul_find_nocase(cul_slice(text, size), cul_slice("yyyy", wide)), at);
				size_t longer = at + wide < size ? at : SIZE_MAX;
				assert_int_equal(cul_find(cul_slice(text, size), cul_slice("YYYYY", wide + 1)), longer);
			}
	assert_int_equal(cul_find_nocase(CUL_LIT("0123456789 @{[`~\x7f 0123456789 {[`@"), CUL_LIT("[{@`")), SIZE_MAX); /* bit 5 alone tells them apart */
	assert_true(cul_is_nocase(CUL_LIT("a\0B"), CUL_LIT("A\0b")));
	assert_false(cul_is_nocase(CUL_LIT("a\0B"), CUL_LIT("A\0c")));
	assert_true(cul_compare(CUL_LIT("ab"), CUL_LIT("abc")) < 0 && cul_compare(CUL_LIT("\xff"), CUL_LIT("a")) > 0);
}

static void logfmt(void **state)
{
	static const struct {
		const char *text, *key, *want;
	} cases[] = {
		{ "time=1 level=INFO msg=\"a \\\"b\\\" c\" n=3", "msg", "a \\\"b\\\" c" },
		{ "time=1 level=INFO msg=\"a n=4\" n=3", "time", "1" },
		{ "bpid=1 pid=2", "pid", "2" },
		{ "pid=7194, name=python3", "pid", "7194" },
		{ "{a=1,b=2}", "a", "1" },
		{ "{a=1,b=2}", "b", "2" },
		{ "devices=0,1,2 x", "devices", "0,1,2" },
		{ "k='v w'", "k", "v w" },
		{ "k=", "k", "" },
		{ "k=\"open", "k", "open" },
		{ "k: 1", "k", NULL },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cul_slice got = CUL_NONE;
		assert_int_equal(cul_logfmt(cul_str(cases[i].text), cul_str(cases[i].key), &got), cases[i].want != NULL);
		if (cases[i].want)
			assert_text(got, cases[i].want);
	}
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		bool good;
		int64_t want;
	} ints[] = {
		{ "0", true, 0 }, { "-17", true, -17 }, { "+4", true, 4 }, { "1,234,567", true, 1234567 }, { "0x1f", true, 31 },
		{ "9223372036854775807", true, INT64_MAX }, { "9223372036854775808", false, 0 }, { "99999999999999999999", false, 0 },
		{ "", false, 0 }, { "-", false, 0 }, { "12a", false, 0 }, { "1,23", false, 0 }, { ",123", false, 0 }, { "1 2", false, 0 },
	};
	static const struct {
		const char *text;
		double want; /* < 0: not a number */
	} mibs[] = {
		{ "23.5 GiB", 24064 }, { "1024 KiB", 1 }, { "512", 512 }, { "1.5g", 1536 }, { "118,332 K", 118332 / 1024.0 }, { "1000 MB", 953.674316 },
		{ "2 GB", 1907.348633 }, { "1,5 MiB", 1.5 }, { "1,234.5 MiB", 1234.5 }, { "1048576 B", 1 }, { "3 elks", -1 }, { "", -1 }, { "GiB", -1 },
	}, times[] = {
		{ "46.84ms", 0.04684 }, { "62.521µs", 0.000062521 }, { "1h2m3.5s", 3723.5 }, { "7:15:24", 26124 }, { "1-02:03:04", 93784 }, { "12:34.56", 754.56 },
		{ "90", 90 }, { "2 min", 120 }, { "5 days", 432000 }, { "1m2.5s", 62.5 }, { "10 x", -1 }, { "", -1 }, { "1:2:3:4", -1 }, { "s", -1 },
	};
	static const char *const bdfs[][2] = {
		{ "00000000:3B:00.0", "0000:3b:00.0" }, { "0000:3b:00", "0000:3b:00.0" }, { "PCI:0000:3b:00", "0000:3b:00.0" }, { "3b:00.1", "0000:3b:00.1" },
		{ "00010000:C1:1F.7", "10000:c1:1f.7" }, { "0000:3b:20.0", NULL }, { "0000:3b:00.8", NULL }, { "zz:00.0", NULL }, { "", NULL }, { "0000:3b", NULL },
		{ ":::", NULL },
	};
	int64_t i64;
	uint64_t u64;
	double real;
	char bdf[16];
	(void)state;
	for (size_t i = 0; i < COUNT(ints); i++) {
		i64 = 0;
		assert_int_equal(cul_to_int(cul_str(ints[i].text), &i64), ints[i].good);
		assert_int_equal(i64, ints[i].want);
	}
	for (size_t i = 0; i < COUNT(mibs); i++) {
		real = -1;
		cul_to_mib(cul_str(mibs[i].text), &real);
		assert_float_equal(real, mibs[i].want, 1e-4);
	}
	for (size_t i = 0; i < COUNT(times); i++) {
		real = -1;
		cul_to_seconds(cul_str(times[i].text), &real);
		assert_float_equal(real, times[i].want, 1e-6);
	}
	for (size_t i = 0; i < COUNT(bdfs); i++) {
		assert_int_equal(cul_to_bdf(cul_str(bdfs[i][0]), bdf), bdfs[i][1] != NULL);
		if (bdfs[i][1])
			assert_string_equal(bdf, bdfs[i][1]);
	}
	assert_true(cul_to_hex(CUL_LIT("0xFFFFFFFFFFFFFFFF"), &u64) && u64 == UINT64_MAX);
	assert_false(cul_to_hex(CUL_LIT("10000000000000000"), &u64));
	assert_true(cul_to_real(CUL_LIT("3,5"), &real) && real > 3.4 && real < 3.6);
	assert_false(cul_to_real(CUL_LIT("1.2.3"), &real) || cul_to_real(CUL_LIT("nan"), &real) || cul_to_real(CUL_LIT("1e999"), &real));
}

/* ---- clocks ----------------------------------------------------------------------------------------- */

enum { UTC = CUL_CLOCK_UTC, LOCAL = CUL_CLOCK_LOCAL, BOOT = CUL_CLOCK_BOOT, YEARLESS = 16, DATELESS = 32 };

static void clocks(void **state)
{
	static const struct {
		bool (*read)(struct cul_slice *, struct cul_time *);
		const char *text, *rest, *want; /* want NULL: no time there */
		int how;
	} cases[] = {
		{ cul_clock_iso, "2026-11-21T02:00:59Z x", " x", "2026-11-21T02:00:59.000000000", UTC },
		{ cul_clock_iso, "2026-11-21T02:00:59.123456+01:00 host", " host", "2026-11-21T01:00:59.123456000", UTC },
		{ cul_clock_iso, "2026-11-21T02:00:59,123456+01:00 a", " a", "2026-11-21T01:00:59.123456000", UTC },
		{ cul_clock_iso, "2026-11-21T02:00:59+0530", "", "2026-11-20T20:30:59.000000000", UTC },
		{ cul_clock_iso, "2026-11-21T02:00:59.123456789Z stdout F", " stdout F", "2026-11-21T02:00:59.123456789", UTC },
		{ cul_clock_iso, "2026-11-21 02:00:59,123 - lmdeploy", " - lmdeploy", "2026-11-21T02:00:59.123000000", LOCAL },
		{ cul_clock_iso, "2026-11-21 02:00:59 UTC; x", "; x", "2026-11-21T02:00:59.000000000", UTC },
		{ cul_clock_iso, "2026-11-21 02:00:59.5 +0000 UTC m", " m", "2026-11-21T02:00:59.500000000", UTC },
		{ cul_clock_iso, "2024/01/10 12:00:00 routes.go", " routes.go", "2024-01-10T12:00:00.000000000", LOCAL },
		{ cul_clock_iso, "2025-10-15 10:47:27 DP0", " DP0", "2025-10-15T10:47:27.000000000", LOCAL },
		{ cul_clock_iso, "2024-02-29 00:00:00", "", "2024-02-29T00:00:00.000000000", LOCAL },
		{ cul_clock_iso, "2023-02-29 00:00:00", "", NULL, 0 },
		{ cul_clock_iso, "2024-05-32 10:00:00", "", NULL, 0 },
		{ cul_clock_iso, "2024-13-01 10:00:00", "", NULL, 0 },
		{ cul_clock_iso, "2024-05-01 24:00:01", "", NULL, 0 },
		{ cul_clock_iso, "2024-05-01", "", NULL, 0 },
		{ cul_clock_iso, "2024-05-01T10:00", "", NULL, 0 },
		{ cul_clock_syslog, "Nov 21 02:00:59 host kernel: x", " host kernel: x", "1970-11-21T02:00:59.000000000", LOCAL | YEARLESS },
		{ cul_clock_syslog, "Nov  1 02:00:59 h", " h", "1970-11-01T02:00:59.000000000", LOCAL | YEARLESS },
		{ cul_clock_syslog, "Nov 21 02:00:59.123456 h", " h", "1970-11-21T02:00:59.123456000", LOCAL | YEARLESS },
		{ cul_clock_syslog, "Feb 29 02:00:59 h", " h", "1972-02-29T02:00:59.000000000", LOCAL | YEARLESS },
		{ cul_clock_syslog, "2026 Nov 21 02:00:59 h", " h", "2026-11-21T02:00:59.000000000", LOCAL },
		{ cul_clock_syslog, "Feb 30 02:00:59 h", "", NULL, 0 },
		{ cul_clock_syslog, "Nov 21 2:0:59 h", "", NULL, 0 },
		{ cul_clock_syslog, "November rain", "", NULL, 0 },
		{ cul_clock_ctime, "Sat Nov 21 02:00:59 2026] text", "] text", "2026-11-21T02:00:59.000000000", LOCAL },
		{ cul_clock_ctime, "Sun Nov  1 02:00:59 2026", "", "2026-11-01T02:00:59.000000000", LOCAL },
		{ cul_clock_ctime, "Sat Nov 21 02:00:59 UTC 2026", "", "2026-11-21T02:00:59.000000000", UTC },
		{ cul_clock_ctime, "Sat Nov 21 02:00:59 CET 2026", "", "2026-11-21T02:00:59.000000000", LOCAL },
		{ cul_clock_ctime, "Sa Nov 21 02:00:59 2026", "", "2026-11-21T02:00:59.000000000", LOCAL },
		{ cul_clock_ctime, "Sa Mär 21 02:00:59 2026", "", "2026-03-21T02:00:59.000000000", LOCAL },
		{ cul_clock_ctime, "sam. déc. 5 02:00:59 2026", "", "2026-12-05T02:00:59.000000000", LOCAL },
		{ cul_clock_ctime, "sáb nov 21 02:00:59 2026", "", "2026-11-21T02:00:59.000000000", LOCAL },
		{ cul_clock_ctime, "Sat Nob 21 02:00:59 2026", "", NULL, 0 },
		{ cul_clock_ctime, "Sat Nov 31 02:00:59 2026", "", NULL, 0 },
		{ cul_clock_date, "Sat Nov 21 02:00:59 PM UTC 2026", "", "2026-11-21T14:00:59.000000000", UTC },
		{ cul_clock_date, "Sat Nov 21 12:00:59 AM UTC 2026", "", "2026-11-21T00:00:59.000000000", UTC },
		{ cul_clock_date, "Sa 21. Nov 02:00:59 CET 2026", "", "2026-11-21T02:00:59.000000000", LOCAL },
		{ cul_clock_date, "Sat Nov 21 02:00:59 +0100 2026", "", "2026-11-21T01:00:59.000000000", UTC },
		{ cul_clock_mail, "Tue, 17 Nov 2026 10:04:39 +0000", "", "2026-11-17T10:04:39.000000000", UTC },
		{ cul_clock_mail, "17 Nov 2026 10:04:39 +0130 (x)", " (x)", "2026-11-17T08:34:39.000000000", UTC },
		{ cul_clock_mail, "Tue 17 Nov 2026 10:04:39", "", NULL, 0 },
		{ cul_clock_mail, "Tue, 31 Nov 2026 10:04:39 GMT", "", NULL, 0 },
		{ cul_clock_boot, "  812.100000] NVRM:", "] NVRM:", "1970-01-01T00:13:32.100000000", BOOT },
		{ cul_clock_boot, "123456.789012", "", "1970-01-02T10:17:36.789012000", BOOT },
		{ cul_clock_boot, "12345678901.5", "", NULL, 0 },
		{ cul_clock_boot, "12 34", "", NULL, 0 },
		{ cul_clock_glog, "1118 20:32:23.955028747 ProcessGroupNCCL", " ProcessGroupNCCL", "1970-11-18T20:32:23.955028747", LOCAL | YEARLESS },
		{ cul_clock_glog, "709 20:32:23.955028747 P", " P", "1970-07-09T20:32:23.955028747", LOCAL | YEARLESS },
		{ cul_clock_glog, "0430 22:06:35.123000 139 torch", " 139 torch", "1970-04-30T22:06:35.123000000", LOCAL | YEARLESS },
		{ cul_clock_glog, "1318 20:32:23.9 x", "", NULL, 0 },
		{ cul_clock_glog, "20261118 20:32:23", "", NULL, 0 },
		{ cul_clock_monthday, "05-09 00:49:33 scheduler.py", " scheduler.py", "1970-05-09T00:49:33.000000000", LOCAL | YEARLESS },
		{ cul_clock_monthday, "13-09 00:49:33", "", NULL, 0 },
		{ cul_clock_hms, "02:00:59 x", " x", "1970-01-01T02:00:59.000000000", LOCAL | DATELESS },
		{ cul_clock_hms, "02:00:59.250 x", " x", "1970-01-01T02:00:59.250000000", LOCAL | DATELESS },
		{ cul_clock_hms, "02:61:59", "", NULL, 0 },
		{ cul_clock_unix, "1700000000 x", " x", "2023-11-14T22:13:20.000000000", UTC },
		{ cul_clock_unix, "1700000000.123456", "", "2023-11-14T22:13:20.123456000", UTC },
		{ cul_clock_unix, "1700000000123", "", "2023-11-14T22:13:20.123000000", UTC },
		{ cul_clock_unix, "1700000000123456", "", "2023-11-14T22:13:20.123456000", UTC },
		{ cul_clock_unix, "1700000000123456789", "", "2023-11-14T22:13:20.123456789", UTC },
		{ cul_clock_unix, "17000", "", NULL, 0 },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cul_slice text = cul_str(cases[i].text);
		struct cul_time t = { 0 };
		bool good = cases[i].read(&text, &t);
		char got[64];
		int y, mo, d, h, mi, s;
		int64_t ns;
		if (good != (cases[i].want != NULL))
			fail_msg("'%s': %s", cases[i].text, good ? "read as a time" : "not read");
		if (!good) {
			assert_text(text, cases[i].text);
			continue;
		}
		cul_clock_split(t.ns, &y, &mo, &d, &h, &mi, &s, &ns);
		snprintf(got, sizeof(got), "%04d-%02d-%02dT%02d:%02d:%02d.%09lld", y, mo, d, h, mi, s, (long long)ns);
		if (strcmp(got, cases[i].want) || (int)(t.clock | (t.no_year ? YEARLESS : 0) | (t.no_date ? DATELESS : 0)) != cases[i].how)
			fail_msg("'%s': %s, clock %d", cases[i].text, got, (int)t.clock);
		assert_text(text, cases[i].rest);
		/* whatever is cut off, nothing is read behind the end */
		for (size_t n = 0; n < strlen(cases[i].text); n++) {
			char *part = malloc(n ? n : 1);
			memcpy(part, cases[i].text, n);
			text = cul_slice(part, n);
			if (cases[i].read(&text, &t))
				assert_true(text.data >= part && text.data + text.size == part + n);
			free(part);
		}
	}
}

static void civil(void **state)
{
	(void)state;
	for (int64_t day = -30000; day < 80000; day += 13) {
		time_t t = (time_t)(day * 86400 + 12345);
		struct tm tm;
		int y, mo, d, h, mi, s;
		int64_t ns;
		gmtime_r(&t, &tm);
		cul_clock_split((int64_t)t * CUL_SECOND + 7, &y, &mo, &d, &h, &mi, &s, &ns);
		assert_true(y == tm.tm_year + 1900 && mo == tm.tm_mon + 1 && d == tm.tm_mday && h == tm.tm_hour && mi == tm.tm_min && s == tm.tm_sec && ns == 7);
		assert_int_equal(cul_clock_civil(y, mo, d, h, mi, s, 7), (int64_t)t * CUL_SECOND + 7);
	}
	char buf[32];
	assert_string_equal(cul_clock_print(INT64_C(1700000000123456789), buf), "2023-11-14T22:13:20.123Z");
	assert_string_equal(cul_clock_print(CUL_NO_TIME, buf), "");
}

/* ---- needles ---------------------------------------------------------------------------------------- */

struct hits {
	size_t count, stop;
	struct {
		uint32_t index;
		size_t end;
	} at[20000];
};

static bool on_hit(void *ctx, uint32_t index, size_t end)
{
	struct hits *h = ctx;
	assert_true(h->count < COUNT(h->at));
	h->at[h->count].index = index;
	h->at[h->count++].end = end;
	return h->count != h->stop;
}

static bool occurs(const struct cul_needle *n, const char *text, size_t end)
{
	const char *at = text + end - n->literal.size;
	return end >= n->literal.size &&
	       (n->caseless ? !strncasecmp(at, n->literal.data, n->literal.size) : !memcmp(at, n->literal.data, n->literal.size));
}

/* Against the plain way, over texts that are full of near misses. */
static void needles(void **state)
{
	static const char *const literals[] = { "a", "ab", "abc", "abcd", "bcda", "Abcd", "dddd", "abcdabcd", "ca", "DAB", "bbbbbb", "nothere" };
	struct cul_needle set[COUNT(literals) * 2];
	static char lower[COUNT(literals)][16];
	struct cul_needles *found;
	static struct hits h;
	uint32_t seed = 1;
	(void)state;
	for (size_t i = 0; i < COUNT(literals); i++) {
		for (size_t k = 0; literals[i][k]; k++)
			lower[i][k] = (char)(literals[i][k] | 0x20);
		set[2 * i] = (struct cul_needle){ cul_str(literals[i]), false, (uint32_t)i };
		set[2 * i + 1] = (struct cul_needle){ cul_str(lower[i]), true, (uint32_t)i };
	}
	assert_int_equal(cul_needles_new(set, COUNT(set), &found), CUL_OK);
	for (int round = 0; round < 200; round++) {
		size_t size = (seed >> 8) % 120;
		char *text = malloc(size + 1);
		for (size_t i = 0; i < size; i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = "abcdABCD"[seed >> 29] ;
		}
		seed = seed * 1664525 + 1013904223;
		h.count = 0;
		h.stop = SIZE_MAX;
		cul_needles_scan(found, cul_slice(text, size), on_hit, &h);
		size_t want = 0;
		for (size_t end = 1; end <= size; end++)
			for (uint32_t i = 0; i < COUNT(set); i++)
				want += occurs(&set[i], text, end);
		assert_int_equal(h.count, want);
		for (size_t i = 0; i < h.count; i++)
			assert_true(h.at[i].end <= size && occurs(&set[h.at[i].index], text, h.at[i].end));
		if (want > 2) {
			h.count = 0;
			h.stop = 2;
			cul_needles_scan(found, cul_slice(text, size), on_hit, &h);
			assert_int_equal(h.count, 2);
		}
		free(text);
	}
	cul_needles_free(found);
	assert_int_equal(cul_needles_new(NULL, 0, &found), CUL_OK);
	h.count = 0;
	cul_needles_scan(found, CUL_LIT("anything at all"), on_hit, &h);
	assert_int_equal(h.count, 0);
	cul_needles_free(found);
}

/* ---- patterns --------------------------------------------------------------------------------------- */

static void patterns(void **state)
{
	struct cul_pattern *p;
	struct cul_error err = { 0 };
	struct cul_slice groups[4];
	size_t count = COUNT(groups);
	(void)state;
	assert_int_equal(cul_pattern_new("Xid (?<xid>\\d+)(, pid=(?<pid>\\d+))?", 100000, &p, &err), CUL_OK);
	assert_int_equal(cul_pattern_groups(p), 3);
	assert_string_equal(cul_pattern_group_name(p, 1), "xid");
	assert_null(cul_pattern_group_name(p, 2));
	assert_string_equal(cul_pattern_group_name(p, 3), "pid");
	assert_null(cul_pattern_group_name(p, 4));
	assert_int_equal(cul_pattern_match(p, CUL_LIT("NVRM: Xid 79"), groups, &count), 1);
	assert_text(groups[0], "Xid 79");
	assert_text(groups[1], "79");
	for (size_t i = 2; i < count; i++)
		assert_null(groups[i].data);
	count = 2;
	assert_int_equal(cul_pattern_match(p, CUL_LIT("Xid 1, pid=2"), groups, &count), 1);
	assert_int_equal(count, 2);
	count = COUNT(groups);
	assert_int_equal(cul_pattern_match(p, CUL_LIT("nothing"), groups, &count), 0);
	assert_int_equal(cul_pattern_match(p, CUL_NONE, groups, &count), 0);
	cul_pattern_free(p);

	assert_int_equal(cul_pattern_new("a(b", 0, &p, &err), CUL_ERULE);
	assert_non_null(strstr(err.text, "offset 3"));

	/* exponential: the limit is met, nothing hangs */
	assert_int_equal(cul_pattern_new("(a+)+$", 10000, &p, &err), CUL_OK);
	count = COUNT(groups);
	assert_int_equal(cul_pattern_match(p, CUL_LIT("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"), groups, &count), -1);
	cul_pattern_free(p);

	/* deep, but no crash: a long line through a group */
	char *line = malloc(1 << 20);
	memset(line, 'a', 1 << 20);
	assert_int_equal(cul_pattern_new("^(?:a|b)*c", 100000, &p, &err), CUL_OK);
	count = COUNT(groups);
	assert_true(cul_pattern_match(p, cul_slice(line, 1 << 20), groups, &count) <= 0);
	count = COUNT(groups);
	assert_int_equal(cul_pattern_match(p, CUL_LIT("aabac"), groups, &count), 1);
	cul_pattern_free(p);
	free(line);
}

static void literals(void **state)
{
	static const struct {
		const char *pattern;
		size_t least;
		const char *want; /* joined by '|', "i:" in front if caseless; NULL: none */
	} cases[] = {
		{ "GPU has fallen off the bus", 4, "GPU has fallen off the bus" },
		{ "foo(bar|baz)+", 3, "foobar|foobaz" },
		{ "(bar|baz)+", 3, "bar|baz" },
		{ "f(bar|baz)+", 3, "fbar|fbaz" },
		{ "(?i)abc", 3, "i:abc" },
		{ "(?i:ABC)def", 3, "i:abc" },
		{ "(?msi)ABCd", 3, "i:abcd" },
		{ "(?s)ABCd", 3, "ABCd" },
		{ "a?bcdefg", 4, "bcdefg" },
		{ "x{0}longliteral", 4, "longliteral" },
		{ "longliteralx{0}", 4, "longliteral" },
		{ "x{0,3}longliteral", 4, "longliteral" },
		{ "abcd+efgh", 4, "efgh" },
		{ "abcde*fgh", 3, "abcd" },
		{ "abc[def]ghij", 3, "ghij" },
		{ "abc[^]x]ghij", 3, "ghij" },
		{ "[[:alpha:]]]xyzw", 4, "]xyzw" },
		{ "abc\\.def\\[0\\]", 4, "abc.def[0]" },
		{ "abc\\d+defg", 4, "defg" },
		{ "\\x41\\x42CD", 4, "ABCD" },
		{ "tab\\tbed", 4, "tab\tbed" },
		{ "^abcd$", 4, "abcd" },
		{ "abcd\\b", 4, "abcd" },
		{ "first|second", 4, "first|second" },
		{ "first|x", 4, NULL },
		{ "first|", 4, NULL },
		{ "(first|second)?third", 4, "third" },
		{ "(?:first|second) then more", 4, " then more" },
		{ "(?=lookahead)abcd", 4, "lookahead" },
		{ "signal(?= lost) .*", 4, "signal lost" },
		{ "abcd(?<=behind)e", 4, "behind" },
		{ "[Ee]poch \\d+", 4, "i:epoch " },
		{ "[Ee]?poch \\d+", 4, "poch " },
		{ "[Ee]{2}poch", 4, "poch" },
		{ "[Ef]poch", 4, "poch" },
		{ "[Aa]bcd or [Xx]yzwv|Efgh", 4, "i:abcd or xyzwv|efgh" },
		{ "(?!lookahead)abcd", 4, "abcd" },
		{ "abcd(?<!lookbehind)", 4, "abcd" },
		{ "(?<name>abcd)", 4, "abcd" },
		{ "(?P<name>abcd)", 4, "abcd" },
		{ "(?#comment long)abcd", 4, "abcd" },
		{ "abc", 4, NULL },
		{ ".*", 1, NULL },
		{ "", 1, NULL },
		{ "\\Qabcdef\\E", 4, NULL },
		{ "(?x)abc def", 4, NULL },
		{ "(abc)\\1defg(?(1)x|y)", 4, NULL },
		{ "abcd{,3}efgh", 4, NULL },
		{ "(*UTF)abcdef", 4, NULL },
		{ "(unclosed", 4, NULL },
		{ "closed)abcd", 4, NULL },
		{ "abcdef(ghij){0}", 4, "abcdef" },
		{ "(ghijklmnop)*abcdef", 4, "abcdef" },
		{ "\\p{Lu}abcdef", 4, NULL },
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool caseless = false;
		char got[512] = "";
		char **list = cul_pattern_literals(cases[i].pattern, cases[i].least, &caseless);
		for (size_t k = 0; list && list[k]; k++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", k ? "|" : caseless ? "i:" : "", list[k]);
		if (!list != !cases[i].want || (list && strcmp(got, cases[i].want)))
			fail_msg("'%s': got '%s', want '%s'", cases[i].pattern, list ? got : "(none)", cases[i].want ? cases[i].want : "(none)");
		free(list);
	}
}

/* Promise: a match holds one of the literals. Patterns by chance over a small alphabet, texts too. */
static void literals_hold(void **state)
{
	static const char *const parts[] = { "a",   "b",   "A",  "ab", "a?", "b*",     "a+",	"(a|b)", "(?:ab|ba)", "[ab]", "[^a]", "(",	   ")",	  "|",	  "a{0}", "b{2}",
					     "(?i)", "(?-i)", ".", "^",  "$",  "(?=ab)", "(?<=ab)", "[aA]", "(?!b)", "\\b",   "(ab)?",     "(?i:b)", "\\w", "(?<!a)", "{1,2}", "?", "(?|a|b)", "(a)(?1)" };
	uint32_t seed = 7;
	size_t matched = 0;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		char pattern[256] = "";
		struct cul_pattern *p;
		struct cul_error err;
		size_t n = 1 + (seed >> 16) % 7;
		for (size_t i = 0; i < n; i++) {
			seed = seed * 1664525 + 1013904223;
			strncat(pattern, parts[(seed >> 16) % COUNT(parts)], 20);
		}
		seed = seed * 1664525 + 1013904223;
		bool caseless = false;
		char **list = cul_pattern_literals(pattern, 1, &caseless);
		if (!list)
			continue;
		if (cul_pattern_new(pattern, 10000, &p, &err) != CUL_OK) {
			free(list);
			continue;
		}
		for (int t = 0; t < 20; t++) {
			char text[12];
			size_t size = (seed >> 12) % sizeof(text);
			for (size_t i = 0; i < size; i++) {
				seed = seed * 1664525 + 1013904223;
				text[i] = "abABc"[(seed >> 16) % 5];
			}
			struct cul_slice groups[2];
			size_t count = 2;
			if (cul_pattern_match(p, cul_slice(text, size), groups, &count) != 1)
				continue;
			bool held = false;
			matched++;
			for (size_t k = 0; list[k]; k++)
				held |= (caseless ? cul_find_nocase : cul_find)(cul_slice(text, size), cul_str(list[k])) != SIZE_MAX;
			if (!held)
				fail_msg("'%s' matches '%.*s' without '%s'", pattern, (int)size, text, list[0]);
		}
		cul_pattern_free(p);
		free(list);
	}
	assert_true(matched > 1000);
}

/* What a pattern finds in a message, the loosened one finds in any line that holds the message. */
static void loosened(void **state)
{
	static const struct {
		const char *pattern, *want; /* NULL: none */
	} cases[] = {
		{ "^foo bar$", "foo bar" }, { "\\bfoo\\b.{0,9}\\Abar\\Z", "foo.{0,9}bar" }, { "[$^]\\^\\$", "[$^]\\^\\$" }, { "(?<n>a)(?i:b)(?=c$)", "(?<n>a)(?i:b)(?=c)" },
		{ "(?!x)foo", NULL }, { "(?<!x)foo", NULL }, { "(?>a)b", NULL }, { "a++b", NULL }, { "a{2}+b", NULL }, { "^*a", NULL }, { "(*COMMIT)a", NULL },
		{ "(?x) a # b", NULL }, { "\\Qa\\E", NULL }, { "a\\Kb", NULL }, { "^\\S+ foo", NULL }, { "\\S+ foo$", "\\S+ foo" }, { "^\\s*\\d+ foo", "\\s*\\d+ foo" }, { "^.*foo", "foo" }, { "^\\S+ .*?foo\\b$", "foo" }, { "^\\S+ (?:a.*b)", NULL }, { "^(?i).*foo", NULL }, { "^.*a|b", NULL }, { "^(a).*\\1", NULL }, { "^a\\.*foo", NULL }, { "[[:alpha:]]]$", "[[:alpha:]]]" },
		{ "(?1)(a)", NULL }, { "(?(1)a|b)", NULL }, { "[a", NULL }, { "a\\", NULL },
	};
	static const char *const parts[] = { "a", "b", "ab", "a?", "b*", "a+", "(a|b)", "(?:ab|ba)", "[ab]", "[^a]", "(", ")", "|", "b{2}", "(?i)", ".", "^", "$", "(?=ab)",
					     "(?!b)", "\\b", "\\B", "(ab)?", "(?i:b)", "\\w", "(?<!a)", "(?<=a)", "?", "(?|a|b)", "\\Z", "+", "(?=a$)", "(?>ab?)" };
	uint32_t seed = 11;
	size_t matched = 0;
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *loose = cul_pattern_loosen(cases[i].pattern);
		if (!cases[i].want)
			assert_null(loose);
		else
			assert_string_equal(loose, cases[i].want);
		free(loose);
	}
	for (int round = 0; round < 40000; round++) {
		char pattern[128] = "";
		for (uint32_t n = 1 + (seed >> 20) % 5; n--;) {
			seed = seed * 1664525 + 1013904223;
			strcat(pattern, parts[(seed >> 16) % COUNT(parts)]);
		}
		struct cul_pattern *p, *q;
		struct cul_error err = { 0 };
		char *loose = cul_pattern_loosen(pattern);
		if (!loose || cul_pattern_new(pattern, 10000, &p, &err) != CUL_OK) {
			free(loose);
			continue;
		}
		if (cul_pattern_new(loose, 10000, &q, &err) != CUL_OK)
			fail_msg("'%s' of '%s' does not compile", loose, pattern);
		for (int t = 0; t < 20; t++) {
			char text[16];
			size_t size = 1 + (seed >> 12) % 12, from = (seed >> 8) % size, to = from + (seed >> 4) % (size - from + 1);
			for (size_t i = 0; i < size; i++) {
				seed = seed * 1664525 + 1013904223;
				text[i] = "abAB c"[(seed >> 16) % 6];
			}
			struct cul_slice groups[2];
			size_t count = 2;
			if (cul_pattern_match(p, cul_slice(text + from, to - from), groups, &count) != 1)
				continue;
			count = 2;
			matched++;
			if (cul_pattern_match(q, cul_slice(text, size), groups, &count) == 0)
				fail_msg("'%s' matches '%.*s', but '%s' does not match '%.*s'", pattern, (int)(to - from), text + from, loose, (int)size, text);
		}
		cul_pattern_free(p);
		cul_pattern_free(q);
		free(loose);
	}
	assert_true(matched > 1000);
}

/* ---- the rest --------------------------------------------------------------------------------------- */

static void tables(void **state)
{
	struct cul_table t;
	struct cul_slice cells[CUL_TABLE_COLUMNS];
	(void)state;
	assert_int_equal(cul_table_header(&t, cul_str("USER       PID %CPU COMMAND")), 4);
	assert_int_equal(cul_table_column(&t, CUL_LIT("command")), 3);
	assert_int_equal(cul_table_column(&t, CUL_LIT("RSS")), SIZE_MAX);
	assert_int_equal(cul_table_words(&t, cul_str("root         1  0.0 /sbin/init splash "), cells), 4);
	assert_text(cells[3], "/sbin/init splash");
	assert_int_equal(cul_table_words(&t, cul_str("root 1"), cells), 2);
	assert_int_equal(cul_table_words(&t, CUL_NONE, cells), 0);
	assert_int_equal(cul_table_csv(cul_str("a, \"b, \"\"c\"\"\" ,,d "), cells, 8), 4);
	assert_text(cells[0], "a");
	assert_text(cells[1], "b, \"\"c\"\"");
	assert_text(cells[2], "");
	assert_text(cells[3], "d");
	assert_int_equal(cul_table_csv(cul_str("a,\"open"), cells, 8), 2);
	assert_int_equal(cul_table_csv(cul_str("a,b,c"), cells, 2), 2);
	assert_int_equal(cul_table_split(cul_str("| N/A   35C | 70W |"), '|', cells, 8), 4);
	assert_text(cells[1], "N/A   35C");
	assert_text(cells[3], "");
}

static void arenas(void **state)
{
	struct cul_arena *a = cul_arena_new();
	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < 3000; i++) {
		unsigned char *p = cul_arena_get(a, i);
		assert_true(p && (uintptr_t)p % _Alignof(max_align_t) == 0);
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[k], 0);
		memset(p, 0xff, i);
	}
	assert_true(cul_arena_bytes(a) >= 3000 * 2999 / 2);
	cul_arena_reset(a);
	assert_int_equal(cul_arena_bytes(a), 0);
	assert_string_equal(cul_arena_copy(a, CUL_LIT("copy")), "copy");
	assert_string_equal(cul_arena_copy(a, CUL_NONE), "");
	assert_string_equal(cul_arena_printf(a, "%s-%d", "n", 4), "n-4");
	assert_non_null(cul_arena_get(a, 1 << 20));
	cul_arena_reset(a);
	assert_non_null(cul_arena_get(a, 10));
	assert_null(cul_arena_get(a, SIZE_MAX));
	cul_arena_free(a);
	cul_arena_free(NULL);
}

static void spools(void **state)
{
	struct cul_spool *s = cul_spool_new(70u << 20);
	static char piece[1 << 20], back[1 << 20];
	(void)state;
	assert_non_null(s);
	for (int i = 0; i < 70; i++) { /* beyond what stays in memory */
		memset(piece, i, sizeof(piece));
		assert_int_equal(cul_spool_add(s, piece, sizeof(piece)), CUL_OK);
	}
	assert_int_equal(cul_spool_add(s, piece, 1), CUL_ELIMIT);
	assert_int_equal(cul_spool_size(s), 70u << 20);
	assert_int_equal(cul_spool_read(s, (66u << 20) - 1, back, 2), 2);
	assert_true(back[0] == 65 && back[1] == 66);
	assert_int_equal(cul_spool_read(s, (70u << 20) - 1, back, 2), 1);
	assert_int_equal(cul_spool_read(s, 70u << 20, back, 2), 0);
	cul_spool_free(s);
}

static void errors(void **state)
{
	struct cul_error err = { 0 };
	(void)state;
	assert_int_equal(cul_fail(&err, CUL_EIO, "%s: %s", "a", "no"), CUL_EIO);
	assert_int_equal(err.status, CUL_EIO);
	assert_string_equal(err.text, "a: no");
	assert_int_equal(cul_fail(NULL, CUL_ENOMEM, "x"), CUL_ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices),   cmocka_unit_test(logfmt),	cmocka_unit_test(numbers),	 cmocka_unit_test(clocks), cmocka_unit_test(civil),
		cmocka_unit_test(needles),  cmocka_unit_test(patterns), cmocka_unit_test(literals),	 cmocka_unit_test(literals_hold), cmocka_unit_test(loosened),
		cmocka_unit_test(tables),   cmocka_unit_test(arenas),	cmocka_unit_test(spools),	 cmocka_unit_test(errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
