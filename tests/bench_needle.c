/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Speed of the pass over all needles: bench_needle [-d RULES-DIR] LOG... prints, for the product's own set, GB/s of processor time for each
 * instruction set this machine has (medians of REPEATS runs in turn), how many places pass the filter, how long the
 * set takes to make. "line": called once a line.
 */
#include <stdio.h>
#include <time.h>

#include "tests/own_needles.h"

#define REPEATS 7
#define BLOCK (256 << 10)

static const char *const isas[] = { "scalar", "avx2" };
#define ISAS (sizeof(isas) / sizeof(*isas))

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool count_hit(void *ctx, uint32_t index, size_t end)
{
	uint64_t *sum = ctx;
	sum[0]++;
	sum[1] = sum[1] * 31 + index + end;
	return true;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double pass(const struct cul_needles *set, struct cul_slice text, bool lines, uint64_t *sum)
{
	double start = now();
	while (text.size) {
		const char *end = lines ? memchr(text.data, '\n', text.size) : NULL;
		size_t size = end ? (size_t)(end - text.data) + 1 : text.size < BLOCK ? text.size : BLOCK;
		cul_needles_scan(set, (struct cul_slice){ text.data, size }, count_hit, sum);
		text.data += size;
		text.size -= size;
	}
	return now() - start;
}

static void bench(const char *path)
{
	FILE *f = fopen(path, "rbe");
	size_t room = 1 << 28, size;
	char *text = malloc(room);

	if (!f || !text || !(size = fread(text, 1, room, f))) {
		fprintf(stderr, "%s: nothing read\n", path);
		exit(1);
	}
	fclose(f);
	struct cul_slice all = { text, size };
	struct cul_needles *sets[ISAS] = { NULL };
	double make[ISAS], times[2 * ISAS][REPEATS];
	uint64_t sums[2 * ISAS][2];
	for (size_t i = 0; i < ISAS; i++) {
		setenv("CULPRIT_ISA", isas[i], 1);
		double start = now();
		if (cul_needles_new(own, own_count, &sets[i]) != CUL_OK)
			exit(1);
		make[i] = now() - start;
		if (strcmp(cul_needles_isa(sets[i]), isas[i])) {
			cul_needles_free(sets[i]);
			sets[i] = NULL;
		}
	}
	printf("%s: %zu bytes, %zu needles\n", path, size, own_count);
	for (size_t r = 0; r < REPEATS; r++)
		for (size_t i = 0; i < 2 * ISAS; i++) {
			memset(sums[i], 0, sizeof(sums[i]));
			if (sets[i % ISAS])
				times[i][r] = pass(sets[i % ISAS], all, i >= ISAS, sums[i]);
		}
	for (size_t i = 0; i < 2 * ISAS; i++) {
		if (!sets[i % ISAS])
			continue;
		qsort(times[i], REPEATS, sizeof(double), by_value);
		printf("  %-6s %s %6.3f GB/s  hits %llu (sum %016llx)  pass the filter %.4f %%  made in %.2f ms\n", isas[i % ISAS], i < ISAS ? "block" : "line ",
		       (double)size * 1e-9 / times[i][REPEATS / 2], (unsigned long long)sums[i][0], (unsigned long long)sums[i][1],
		       100 * cul_needles_rate(sets[i % ISAS], all), 1e3 * make[i % ISAS]);
	}
	for (size_t i = 0; i < ISAS; i++)
		cul_needles_free(sets[i]);
	free(text);
}

int main(int argc, char **argv)
{
	const char *dir = argc > 2 && !strcmp(argv[1], "-d") ? argv[2] : NULL;
	if (!own_needles(&dir, dir != NULL)) {
		fputs("no needles\n", stderr);
		return 1;
	}
	for (int i = dir ? 3 : 1; i < argc; i++)
		bench(argv[i]);
	own_needles_free();
	return 0;
}
