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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(folding), cmocka_unit_test(caps), cmocka_unit_test(copies),
					    cmocka_unit_test(years), cmocka_unit_test(on_disk) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
