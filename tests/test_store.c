/* SPDX-License-Identifier: Apache-2.0 */
/** The store: runs, anchors, years, copies, GPUs, a case on disk, a hostile case. Whole bundles in memory go in, rows come out. */
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
#include "store/case.h"

#define LIT(s) ((struct cul_slice){ s, sizeof(s) - 1 })
#define SECOND INT64_C(1000000000)
#define XID79 "NVRM: Xid (PCI:0000:3b:00): 79, pid=4242, name=python3, GPU has fallen off the bus.\n"

static struct cul_case *scan(const char *path, const struct cul_blob *blobs, size_t count, const struct cul_scan_options *options)
{
	struct cul_bundle *bundle = NULL;
	struct cul_case *c = NULL;
	struct cul_error err = { 0 };
	assert_int_equal(cul_bundle_memory(blobs, count, NULL, &bundle, &err), CUL_OK);
	if (cul_case_scan(path, bundle, NULL, options, NULL, &c, &err) != CUL_OK)
		fail_msg("%s", err.text);
	cul_bundle_close(bundle);
	return c;
}

static const struct cul_row *const *rows(struct cul_case *c, const char *kind, size_t *count)
{
	const struct cul_kind *k = cul_kind_find((struct cul_slice){ kind, strlen(kind) });
	const struct cul_row *const *list = NULL;
	struct cul_error err = { 0 };
	assert_non_null(k);
	assert_int_equal(cul_case_rows(c, k, -1, &list, count, &err), CUL_OK);
	return list;
}

static void folding(void **state)
{
	char text[8192] = "";
	for (int i = 0; i < 20; i++)
		snprintf(text + strlen(text), 200, "[  %d.000000] " XID79, 100 + i);
	snprintf(text + strlen(text), 200, "[  900.000000] " XID79);
	struct cul_blob blob = { "dmesg", { text, strlen(text) } };
	struct cul_case *c = scan(NULL, &blob, 1, NULL);
	size_t n;
	const struct cul_row *const *r = rows(c, "nvidia.xid", &n);
	assert_int_equal(n, 2);
	assert_int_equal(r[0]->n, 20);
	assert_int_equal(r[0]->line, 1);
	assert_int_equal(r[0]->boot_ns, 100 * SECOND);
	assert_true(r[0]->time_ns == CUL_NO_TIME); /* nothing says when that boot was */
	assert_string_equal(r[0]->gpu, "0000:3b:00.0");
	assert_int_equal(cul_row_value(r[0], LIT("xid")).i, 79);
	cul_case_close(c);
}

static void caps(void **state)
{
	char text[8192] = "";
	for (int i = 0; i < 20; i++)
		snprintf(text + strlen(text), 200, "[  %d.000000] NVRM: Xid (PCI:0000:3b:00): 31, pid=%d, name=python3, MMU Fault\n", 100 + i, i + 1);
	struct cul_blob blob = { "dmesg", { text, strlen(text) } };
	struct cul_scan_options options = { .limits.rows = 100 }; /* a kind of log lines may have a twentieth of it */
	struct cul_case *c = scan(NULL, &blob, 1, &options);
	size_t n;
	rows(c, "nvidia.xid", &n);
	assert_int_equal(n, 5);
	const struct cul_damage *damage = cul_case_damage(c, &n);
	assert_int_equal(n, 1);
	assert_non_null(strstr(damage[0].why, "nvidia.xid"));
	cul_case_close(c);
}

/* One line in a dated log and in the kernel's buffer: one row, and the buffer's other lines get a date. */
static void copies(void **state)
{
	struct cul_blob blobs[] = {
		{ "b/dmesg", LIT("[  100.500000] " XID79 "[  130.000000] NVRM: Xid (PCI:0000:3b:00): 45, pid=1, name=a, Ch 1\n") },
		{ "a/journal", LIT("2026-03-01T10:00:00.500000+00:00 n1 kernel: " XID79) },
	};
	for (int turn = 0; turn < 2; turn++) {
		struct cul_blob swapped[] = { blobs[turn], blobs[!turn] };
		struct cul_case *c = scan(NULL, swapped, 2, NULL);
		size_t n;
		const struct cul_row *const *r = rows(c, "nvidia.xid", &n);
		assert_int_equal(n, 2);
		assert_int_equal(r[1]->time_ns - r[0]->time_ns, 29500000000);
		assert_int_equal(cul_row_value(r[1], LIT("xid")).i, 45);
		assert_int_equal(r[0]->host, 0);
		cul_case_close(c);
	}
}

static void years(void **state)
{
	struct cul_blob blobs[] = {
		{ "messages", LIT("Dec 31 23:59:00 n1 kernel: " XID79 "Jan  1 00:05:00 n1 kernel: NVRM: Xid (PCI:0000:3b:00): 45, pid=1, name=a, Ch 1\n") },
		{ "app.log", LIT("2024-01-01T00:10:00+00:00 n1 kernel: NVRM: Xid (PCI:0000:3b:00): 31, pid=1, name=a, MMU Fault\n") },
	};
	struct cul_case *c = scan(NULL, blobs, 2, NULL);
	size_t n;
	const struct cul_row *const *r = rows(c, "nvidia.xid", &n);
	assert_int_equal(n, 3);
	assert_int_equal(r[0]->time_ns, INT64_C(1704067140) * SECOND);
	assert_int_equal(r[1]->time_ns, INT64_C(1704067500) * SECOND);
	cul_case_close(c);
}

static bool one(void *ctx, int64_t number, int columns, const char *const *texts)
{
	if (number == 1)
		snprintf(ctx, 64, "%s", texts[0] ? texts[0] : "NULL");
	return true;
}

static void on_disk(void **state)
{
	char path[64], temporary[80], answer[64] = "";
	snprintf(path, sizeof(path), "/tmp/test_store_%d.culprit", (int)getpid());
	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	/* what a killed scan left is no obstacle */
	FILE *f = fopen(temporary, "w");
	assert_non_null(f);
	fputs("torn", f);
	fclose(f);
	struct cul_blob blob = { "kern.log", LIT("2026-03-01T10:00:00+00:00 n1 kernel: " XID79) };
	struct cul_error err = { 0 };
	struct cul_case *c = scan(path, &blob, 1, NULL), *again = NULL;
	assert_int_not_equal(access(temporary, F_OK), 0);
	assert_int_equal(cul_case_open(path, NULL, &again, &err), CUL_OK);
	size_t n, m;
	const struct cul_row *const *a = rows(c, "nvidia.xid", &n), *const *b = rows(again, "nvidia.xid", &m);
	assert_int_equal(n, 1);
	assert_int_equal(m, 1);
	assert_int_equal(a[0]->time_ns, b[0]->time_ns);
	assert_memory_equal(a[0]->text.data, b[0]->text.data, a[0]->text.size);
	assert_int_equal(cul_case_sql(again, "SELECT host || ' ' || xid FROM nvidia_xid", one, answer, &err), CUL_OK);
	assert_string_equal(answer, "n1 79");
	assert_int_not_equal(cul_case_sql(again, "DELETE FROM member", one, answer, &err), CUL_OK);
	assert_int_not_equal(cul_case_sql(again, "ATTACH '/tmp/x' AS x", one, answer, &err), CUL_OK);
	assert_int_equal(cul_case_sql(again, "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t", one, answer, &err),
			 CUL_ELIMIT);
	cul_case_close(again);
	cul_case_close(c);

	struct cul_scan_options options = { .add_to = path };
	struct cul_blob more = { "second.log", LIT("2026-03-01T11:00:00+00:00 n1 kernel: " XID79) };
	c = scan(path, &more, 1, &options);
	rows(c, "nvidia.xid", &n);
	assert_int_equal(n, 2);
	cul_case_close(c);

	/* a torn case is a sentence */
	assert_int_equal(truncate(path, 6000), 0);
	again = NULL;
	assert_int_not_equal(cul_case_open(path, NULL, &again, &err), CUL_OK);
	assert_true(err.text[0]);
	unlink(path);
}

/* A log of @lines ordinary lines with an Xid every @every. */
/* what is told without SQLite is what SQLite would say */
/* A case knows what was looked for, met or not, and by which pattern; what is met is found again. */
static void searched(void **state)
{
	static const char *const fallen[] = { "fallen off", NULL }, *const never[] = { "never there", NULL };
	const struct cul_interest scanned[] = { { .id = "a/met", .pattern = "fallen off", .literals = fallen },
						{ .id = "a/unmet", .pattern = "never there", .literals = never },
						{ .id = "a/changed", .pattern = "never there", .literals = never } };
	const struct cul_interest asked[] = { { .id = "a/new", .pattern = "never there", .literals = never },
					      { .id = "a/changed", .pattern = "never ther.", .literals = never },
					      { .id = "a/unmet", .pattern = "never there", .literals = never },
					      { .id = "a/met", .pattern = "fallen off", .literals = fallen } };
	const struct cul_interests before = { scanned, 3 }, now = { asked, 4 };
	struct cul_blob blob = { "kern.log", LIT("2026-03-01T10:00:00+00:00 n1 kernel: " XID79) };
	struct cul_bundle *bundle = NULL;
	struct cul_case *c = NULL, *again = NULL;
	struct cul_error err = { 0 };
	char path[64];
	snprintf(path, sizeof(path), "/tmp/test_store_%d.culprit", (int)getpid());
	assert_int_equal(cul_bundle_memory(&blob, 1, NULL, &bundle, &err), CUL_OK);
	assert_int_equal(cul_case_scan(path, bundle, &before, NULL, NULL, &c, &err), CUL_OK);
	cul_bundle_close(bundle);
	cul_case_close(c);
	assert_int_equal(cul_case_open(path, &now, &again, &err), CUL_OK);
	assert_false(cul_case_looked_for(again, 0));
	assert_false(cul_case_looked_for(again, 1));
	assert_true(cul_case_looked_for(again, 2));
	assert_true(cul_case_looked_for(again, 3));
	const struct cul_row *const *r = NULL;
	size_t n = 0;
	assert_int_equal(cul_case_rows(again, cul_kind_find(LIT("record")), 3, &r, &n, &err), CUL_OK);
	assert_int_equal(n, 1);
	assert_int_equal(cul_case_rows(again, cul_kind_find(LIT("record")), 2, &r, &n, &err), CUL_OK);
	assert_int_equal(n, 0);
	cul_case_close(again);
	unlink(path);
}

static void lacking(void **state)
{
	static const struct { const char *query; bool lacks, fails; } known[] = {
		{ "SELECT 1 FROM nvidia_xid", false, false },
		{ "SELECT 1 FROM fr_group", true, true },
		{ "select 1 from nvidia_xid x left join fr_group g on g.id = x.id", true, true },
		{ "SELECT 1 FROM FR_GROUP", false, true },
		{ "SELECT 1 FROM nvidia_xid, fr_group", false, true },
		{ "SELECT 1 FROM nothing_like_it", false, true },
		{ "SELECT 1 WHERE EXISTS (SELECT 1 FROM fr_group)", true, true },
		{ "SELECT 'a' FROM nvidia_xid WHERE 'x FROM fr_group' IS NULL", false, false },
		{ "SELECT 'it''s FROM fr_group'", false, false },
		{ "SELECT 1 -- FROM fr_group", false, false },
		{ "SELECT 1 /* FROM fr_group */", false, false },
		{ "SELECT 1 AS \"x FROM fr_group\"", false, false },
		{ "SELECT 1 FROM main.fr_group", false, true },
		{ "SELECT 1 FROM fr_group('[1]')", false, true },
		{ "SELECT 1 FROM record", false, false },
		{ "SELECT 1 IS DISTINCT FROM fr_group FROM (SELECT 2 AS fr_group)", false, false },
		{ "WITH w AS (SELECT 1 FROM fr_group) SELECT 2", false, false },
		{ "WITH w AS (SELECT 1 FROM fr_group) SELECT 2 FROM w", true, true },
		{ "WITH w AS NOT MATERIALIZED (SELECT 1 FROM fr_group), v(a, b) AS (SELECT 1, 2 FROM w) SELECT 2", false, false },
		{ "WITH w AS MATERIALIZED (SELECT 1 FROM fr_group), v(a) AS (SELECT 1 FROM w) SELECT 2 FROM nvidia_xid JOIN v", true, true },
		{ "WITH RECURSIVE w(n) AS (SELECT 1 FROM fr_group UNION ALL SELECT n + 1 FROM w WHERE n < 3) SELECT 2", false, false },
		{ "WITH fr_group AS (SELECT 1) SELECT 2 FROM fr_group", false, false },
		{ "SELECT 1 FROM (WITH w AS (SELECT 1 FROM fr_group) SELECT 2)", false, false },
		{ "WITH w AS (SELECT 1 FROM fr_group", false, true },
		{ "SELECT 'open FROM fr_group", false, true },
		{ "WITH", false, true },
		{ "", false, true },
	};
	struct cul_blob blob = { "kern.log", LIT("2026-03-01T10:00:00+00:00 n1 kernel: " XID79) };
	struct cul_case *c = scan(NULL, &blob, 1, NULL);

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		struct cul_error err = { 0 };
		char answer[64];
		if (case_lacks_table(c, known[i].query) != known[i].lacks)
			fail_msg("%s: %d", known[i].query, !known[i].lacks);
		if ((cul_case_sql(c, known[i].query, one, answer, &err) != CUL_OK) != known[i].fails)
			fail_msg("%s: %s", known[i].query, err.text);
		assert_int_equal(cul_case_sql(c, known[i].query, one, answer, NULL) != CUL_OK, known[i].fails);
	}
	cul_case_close(c);
}

static struct cul_slice long_log(size_t lines, size_t every)
{
	size_t room = lines * 160, size = 0;
	char *text = malloc(room);
	assert_non_null(text);
	for (size_t i = 1; i <= lines; i++)
		size += (size_t)snprintf(text + size, room - size, "[%5zu.%06zu] %s%s%zu\n", i, i % 1000000,
					 i % every ? "usb 1-4: new high-speed USB device number " : "NVRM: Xid (PCI:0000:3b:00): 31, pid=",
					 i % every ? "" : "77, name=python3, MMU Fault ", i);
	return (struct cul_slice){ text, size };
}

struct around {
	int64_t first, last;
	size_t count;
	char text[200];
};

static void on_around(void *ctx, int64_t line, struct cul_slice text)
{
	struct around *a = ctx;
	a->first = a->count ? a->first : line;
	a->last = line;
	a->count++;
	snprintf(a->text, sizeof(a->text), "%.*s", (int)text.size, text.data);
}

static void evidence(void **state)
{
	struct cul_slice log = long_log(30000, 9000);
	struct cul_blob blob = { "dmesg", log };
	char path[] = "/tmp/culprit-test-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	for (int keep = CUL_KEEP_EVIDENCE; keep <= CUL_KEEP_NONE; keep++) {
		struct cul_scan_options options = { .keep = (enum cul_keep)keep };
		struct cul_case *c = scan(path, &blob, 1, &options);
		struct around near = { 0 }, far = { 0 };
		bool kept = cul_case_context(c, 0, 18000, 5, 5, on_around, &near);
		cul_case_context(c, 0, 12345, 3, 3, on_around, &far);
		assert_int_equal(kept, keep != CUL_KEEP_NONE);
		assert_int_equal(near.count, keep == CUL_KEEP_NONE ? 0 : 11);
		assert_int_equal(far.count, keep == CUL_KEEP_ALL ? 7 : 0);
		if (keep == CUL_KEEP_ALL) {
			assert_int_equal(far.first, 12342);
			assert_string_equal(far.text, "[12348.012348] usb 1-4: new high-speed USB device number 12348");
		}
		cul_case_close(c);
	}
	unlink(path);
	free((void *)log.data);
}

/* Threads and block sizes change nothing, wherever a block ends. */
static void blocks(void **state)
{
	struct cul_slice log = long_log(20000, 331);
	struct cul_blob blob = { "dmesg", log };
	static const uint32_t sizes[] = { 0, 100, 4096, 70001, 1 << 20 };
	int64_t lines[100];
	size_t count = 0;
	for (uint32_t threads = 1; threads <= 3; threads++)
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			struct cul_scan_options options = { .limits = { .threads = threads, .block_bytes = sizes[i] } };
			struct cul_case *c = scan(NULL, &blob, 1, &options);
			size_t n;
			struct cul_source source;
			const struct cul_row *const *r = rows(c, "nvidia.xid", &n);
			assert_true(cul_case_source(c, 0, &source));
			assert_int_equal(source.lines, 20000);
			assert_int_equal(n, 60);
			for (size_t k = 0; k < n; k++) {
				assert_true(!count || lines[k] == r[k]->line);
				lines[k] = r[k]->line;
				assert_int_equal(r[k]->boot_ns / SECOND, r[k]->line);
			}
			count = n;
			cul_case_close(c);
		}
	free((void *)log.data);
}

/* Of very many samples some become rows; none is lost from the count, and the odd ones stay. */
static void thinning(void **state)
{
	const size_t requests = 40000;
	size_t room = requests * 120, size = 0, n;
	char *text = malloc(room);
	assert_non_null(text);
	for (size_t i = 0; i < requests; i++)
		size += (size_t)snprintf(text + size, room - size, "[GIN] 2026/03/01 - %02zu:%02zu:%02zu | %d | %10s | 10.0.0.%zu | POST     \"/api/chat\"\n",
					 i / 3600 % 24, i / 60 % 60, i % 60, i == 31234 ? 500 : 200, i == 20001 ? "97.5s" : "1.5s", i % 4);
	struct cul_blob blob = { "ollama.log", { text, size } };
	struct cul_case *c = scan(NULL, &blob, 1, NULL);
	const struct cul_row *const *r = rows(c, "http.request", &n);
	int64_t sum = 0;
	size_t failed = 0, slow = 0;
	for (size_t i = 0; i < n; i++) {
		sum += r[i]->n;
		failed += cul_row_value(r[i], LIT("status_code")).i == 500;
		slow += cul_row_value(r[i], LIT("duration_s")).r > 90;
	}
	assert_int_equal(sum, requests);
	assert_in_range(n, 2000, 20000);
	assert_int_equal(failed, 1);
	assert_int_equal(slow, 1);
	cul_case_close(c);
	free(text);
}

/* Of a storm of lines that differ in pid and address some become rows that count the others; what comes once is a row. */
static void storm(void **state)
{
	const size_t lines = 30000;
	size_t room = lines * 180, size = 0, n, fallen = 0;
	char *text = malloc(room);
	assert_non_null(text);
	for (size_t i = 0; i < lines; i++)
		size += (size_t)snprintf(text + size, room - size, "[%6zu.000000] NVRM: Xid (PCI:0000:%zx1:00): %s, pid=%zu, name=python3, Ch %08zx\n", 100 + i / 4, i % 4 + 1,
					 i == 20001 ? "79" : "31", i * 7919 % 4000000, i * 2654435761 % 4294967296);
	struct cul_blob blob = { "dmesg", { text, size } };
	struct cul_case *c = scan(NULL, &blob, 1, NULL);
	const struct cul_row *const *r = rows(c, "nvidia.xid", &n);
	int64_t sum = 0;
	for (size_t i = 0; i < n; i++) {
		sum += r[i]->n;
		fallen += cul_row_value(r[i], LIT("xid")).i == 79 && r[i]->n == 1 && r[i]->line == 20002;
	}
	assert_int_equal(sum, lines);
	assert_in_range(n, 100, 1500);
	assert_int_equal(fallen, 1);
	assert_int_equal(r[0]->line, 1);
	cul_case_close(c);
	free(text);
}

/* A storm of several kinds on many hosts: its rows stay few, they count all lines, and each host has one, the late one, too. */
static void wide_storm(void **state)
{
	static const struct {
		const char *kind, *text; /* pid, then another number */
	} sorts[] = {
		{ "nvidia.xid", "NVRM: Xid (PCI:0000:31:00): 31, pid=%zu, name=python3, Ch %08zx" },
		{ "kernel.hung-task", "INFO: task worker:%zu blocked for more than %zu seconds." },
		{ "kernel.soft-lockup", "watchdog: BUG: soft lockup - CPU#%zu stuck for 22s! [worker:%zu]" },
		{ "hw.disk-error", "blk_update_request: I/O error, dev sd%zu, sector %zu op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0" },
	};
	const size_t lines = 60000, kinds = sizeof(sorts) / sizeof(*sorts);
	size_t room = lines * 200, size = 0, all = 0, host_count;
	char *text = malloc(room);
	assert_non_null(text);
	for (size_t i = 0; i < lines; i++) {
		char host[16];
		snprintf(host, sizeof(host), i >= 50000 && i < 50000 + kinds ? "late" : "n%zu", i / 1000 % 20);
		size += (size_t)snprintf(text + size, room - size, "2026-03-01T%02zu:%02zu:%02zu.000000+00:00 %s kernel: ", 1 + i / 36000, i / 600 % 60, i / 10 % 60, host);
		size += (size_t)snprintf(text + size, room - size, sorts[i % kinds].text, i * 7919 % 4000 + 1, i * 31 % 3000 + 120);
		text[size++] = '\n';
	}
	struct cul_blob blob = { "messages", { text, size } };
	struct cul_case *c = scan(NULL, &blob, 1, NULL);
	const struct cul_host *hosts = cul_case_hosts(c, &host_count);
	assert_int_equal(host_count, 21);
	for (size_t k = 0; k < kinds; k++) {
		size_t n;
		const struct cul_row *const *r = rows(c, sorts[k].kind, &n);
		int64_t sum = 0, late = 0;
		for (size_t i = 0; i < n; i++) {
			sum += r[i]->n;
			assert_true(r[i]->host >= 0);
			late += !strcmp(hosts[r[i]->host].name, "late");
		}
		assert_int_equal(sum, lines / kinds);
		assert_int_equal(late, 1);
		all += n;
	}
	assert_in_range(all, 100, 1500);
	cul_case_close(c);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(folding), cmocka_unit_test(caps), cmocka_unit_test(copies),
					    cmocka_unit_test(years), cmocka_unit_test(on_disk), cmocka_unit_test(lacking), cmocka_unit_test(searched), cmocka_unit_test(evidence),
					    cmocka_unit_test(blocks), cmocka_unit_test(thinning),
					    cmocka_unit_test(storm), cmocka_unit_test(wide_storm) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
