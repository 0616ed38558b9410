/* SPDX-License-Identifier: Apache-2.0 */
/** Every instruction set tells exactly what a naive search tells, in order of end and index, and reads nothing beyond the text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/needle.h"

#define PAGES 96

static const char *const isas[] = { "scalar", "avx2" };
static uint64_t state = 20240229;

static uint32_t any(uint32_t below)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((state >> 33) % below);
}

struct hits {
	struct { size_t end; uint32_t index; } *items;
	size_t count, room, most;
};

static bool add(void *ctx, uint32_t index, size_t end)
{
	struct hits *h = ctx;
	if (h->count == h->room) {
		h->room = h->room ? 2 * h->room : 1024;
		h->items = realloc(h->items, h->room * sizeof(*h->items));
		assert_non_null(h->items);
	}
	h->items[h->count].end = end;
	h->items[h->count++].index = index;
	return h->count != h->most;
}

static unsigned char small(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool ends_here(const struct cul_needle *n, struct cul_slice text, size_t end)
{
	if (n->literal.size > end)
		return false;
	const char *p = text.data + end - n->literal.size;
	if (!n->caseless)
		return !memcmp(p, n->literal.data, n->literal.size);
	for (size_t i = 0; i < n->literal.size; i++)
		if (small(p[i]) != (unsigned char)n->literal.data[i])
			return false;
	return true;
}

static int by_end(const void *a, const void *b)
{
	const struct { size_t end; uint32_t index; } *x = a, *y = b;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void naive(const struct cul_needle *needles, size_t count, struct cul_slice text, struct hits *ret)
{
	for (size_t i = 0; i < count; i++) {
		const unsigned char last = (unsigned char)needles[i].literal.data[needles[i].literal.size - 1];
		for (size_t end = 1; end <= text.size; end++)
			if (small(text.data[end - 1]) == small((char)last) && ends_here(&needles[i], text, end))
				add(ret, (uint32_t)i, end);
	}
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), by_end);
}

static void same(const struct hits *want, const struct hits *got, const char *isa)
{
	for (size_t i = 0; i < want->count && i < got->count; i++)
		if (want->items[i].end != got->items[i].end || want->items[i].index != got->items[i].index)
			fail_msg("%s: hit %zu is needle %u at %zu, not %u at %zu", isa, i, got->items[i].index, got->items[i].end,
				 want->items[i].index, want->items[i].end);
	if (want->count != got->count)
		fail_msg("%s: %zu hits, not %zu", isa, got->count, want->count);
}

/* Room whose end is the end of what may be read. */
static char *guarded(size_t size)
{
	static char *room;
	size_t page = (size_t)sysconf(_SC_PAGESIZE), all = PAGES * page;
	if (!room) {
		room = mmap(NULL, all + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(room != MAP_FAILED);
		assert_int_equal(mprotect(room + all, page, PROT_NONE), 0);
	}
	assert_true(size <= all);
	return room + all - size;
}

static void compare(const struct cul_needle *needles, size_t count, struct cul_slice source)
{
	struct hits want = { .most = SIZE_MAX };
	char *bytes = guarded(source.size);
	struct cul_slice text = { bytes, source.size };

	if (source.size)
		memmove(bytes, source.data, source.size);
	naive(needles, count, text, &want);
	for (size_t i = 0; i < sizeof(isas) / sizeof(*isas); i++) {
		struct cul_needles *set = NULL;
		struct hits got = { .most = SIZE_MAX };
		setenv("CULPRIT_ISA", isas[i], 1);
		assert_int_equal(cul_needles_new(needles, count, &set), CUL_OK);
		if (strcmp(cul_needles_isa(set), isas[i])) { /* not on this machine */
			cul_needles_free(set);
			continue;
		}
		cul_needles_scan(set, text, add, &got);
		same(&want, &got, isas[i]);
		if (want.count > 1) { /* stop half way */
			got.count = 0;
			got.most = want.count / 2;
			cul_needles_scan(set, text, add, &got);
			assert_int_equal(got.count, got.most);
			got.most = SIZE_MAX;
		}
		assert_true(cul_needles_rate(set, text) >= 0 && cul_needles_rate(set, text) <= 1);
		free(got.items);
		cul_needles_free(set);
	}
	free(want.items);
	unsetenv("CULPRIT_ISA");
}

static struct cul_slice ordinary(void)
{
	static char *text;
	static size_t size;
	static const char *const names[] = { "syslog.log", "python.log", "journal-json.log", "server.log", "dmesg.log", "access.log" };
	for (size_t i = 0; !i || (i < sizeof(names) / sizeof(*names) && size < 150000); i++) {
		char path[100];
		if (text && !i)
			break;
		snprintf(path, sizeof(path), "samples/ordinary/%s", names[i]);
		FILE *f = fopen(path, "rbe");
		assert_non_null(f);
		text = realloc(text, size + 100000);
		assert_non_null(text);
		size += fread(text + size, 1, 100000, f);
		fclose(f);
	}
	return (struct cul_slice){ text, size };
}

/* A needle cut out of @text, sometimes changed a little; owned by @keep. */
static struct cul_needle cut(struct cul_slice text, size_t most, char **keep)
{
	size_t size = 1 + any((uint32_t)most), at;
	if (size > text.size)
		size = text.size;
	at = any((uint32_t)(text.size - size + 1));
	char *copy = *keep = malloc(size);
	assert_non_null(copy);
	memcpy(copy, text.data + at, size);
	bool caseless = any(3) == 0;
	if (any(3) == 0)
		copy[any((uint32_t)size)] ^= (char)(1 << any(8));
	for (size_t i = 0; i < size && caseless; i++)
		copy[i] = (char)small(copy[i]);
	return (struct cul_needle){ { copy, size }, caseless, 0 };
}

static void round_of(struct cul_slice text, size_t count, size_t most)
{
	struct cul_needle *needles = calloc(count + 1, sizeof(*needles));
	char **keep = calloc(count + 1, sizeof(*keep));
	assert_true(needles && keep);
	for (size_t i = 0; i < count; i++)
		needles[i] = cut(text, most, &keep[i]);
	compare(needles, count, text);
	for (size_t i = 0; i < count; i++)
		free(keep[i]);
	free(keep);
	free(needles);
}

static void every_place(void **ctx)
{
	static const struct cul_needle needles[] = { { { "needle", 6 }, false, 0 }, { { "edl", 3 }, false, 0 }, { { "n", 1 }, false, 0 },
						     { { "need", 4 }, true, 0 }, { { "le", 2 }, true, 0 }, { { "needle", 6 }, true, 0 } };
	char text[300];
	(void)ctx;
	for (size_t size = 6; size < sizeof(text); size += size < 140 ? 1 : 13)
		for (size_t at = 0; at + 6 <= size; at++) {
			memset(text, '.', size);
			memcpy(text + at, at & 1 ? "needle" : "nEEdle", 6);
			compare(needles, 6, (struct cul_slice){ text, size });
		}
	compare(needles, 6, CUL_NONE);
	compare(needles, 0, (struct cul_slice){ text, 100 });
}

static void overlapping(void **ctx)
{
	static char as[260];
	struct cul_needle needles[250];
	(void)ctx;
	memset(as, 'a', sizeof(as));
	for (size_t i = 0; i < 250; i++)
		needles[i] = (struct cul_needle){ { as, i + 1 }, i % 3 == 0, 0 };
	compare(needles, 250, (struct cul_slice){ as, sizeof(as) });
	static const char zeros[] = "a\0b\0\0c\xff\xfe\x80 A\0B";
	static const struct cul_needle odd[] = { { { "a\0b", 3 }, true, 0 }, { { "\0\0c\xff", 4 }, false, 0 }, { { "\xff\xfe\x80", 3 }, false, 0 },
						 { { "\0", 1 }, false, 0 }, { { "c\xff\xfe\x80 a", 6 }, true, 0 }, { { "\x7e\x00", 2 }, false, 0 } };
	compare(odd, 6, (struct cul_slice){ zeros, sizeof(zeros) - 1 });
}

static void real_text(void **ctx)
{
	(void)ctx;
	round_of(ordinary(), 600, 30);
	round_of((struct cul_slice){ ordinary().data, 60000 }, 3000, 24);
}

static void at_random(void **ctx)
{
	struct timespec start, now;
	char text[700];
	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		size_t size = 1 + any(sizeof(text) - 1), letters = 2 + any(12);
		struct cul_slice real = ordinary();
		for (size_t i = 0; i < size; i++)
			text[i] = any(8) ? "aAbBxX :.019"[any((uint32_t)letters)] : (char)any(256);
		if (any(3) == 0)
			memcpy(text, real.data + any((uint32_t)(real.size - size)), size);
		round_of((struct cul_slice){ text, size }, any(60), 1 + any(9));
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 3);
}

static void frequencies(void **ctx)
{
	(void)ctx;
	/* what stands in each line, in few, in none */
	assert_true(cul_literal_per_mib((struct cul_slice){ " kernel: ", 9 }, false) > 100);
	assert_true(cul_literal_per_mib((struct cul_slice){ "error", 5 }, true) > 30);
	assert_true(cul_literal_per_mib((struct cul_slice){ "NVRM: Xid (PCI:", 15 }, false) < 16);
	assert_true(cul_literal_per_mib((struct cul_slice){ "qzxjkv", 6 }, false) < 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_place), cmocka_unit_test(overlapping), cmocka_unit_test(real_text), cmocka_unit_test(at_random),
		cmocka_unit_test(frequencies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
