/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The pass over all needles against Vectorscan's matcher of literals (hs_compile_lit_multi; Hyperscan has the same): vectorscan [--time] PATH...
 * Both look for the product's own set in blocks of 256 KiB of each file, folders with all below; every hit has to be the same, needle for needle and byte
 * for byte. --time prints GB/s of processor time of both, medians of runs in turn. Ends with 1 where they differ.
 */
#include <dirent.h>
#include <hs.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/own_needles.h"

#define REPEATS 7
#define BLOCK (256 << 10)
#define MOST (256u << 20) /* bytes of a file */

struct hit {
	size_t end;
	uint32_t index;
};

struct hits {
	struct hit *items;
	size_t count, room;
	bool no_memory;
};

static struct {
	struct cul_needles *ours;
	hs_database_t *theirs;
	hs_scratch_t *scratch;
	bool timed;
	size_t files, hits, different;
} all;

static void add(struct hits *to, uint32_t index, size_t end)
{
	if (to->count == to->room) {
		size_t room = to->room ? 2 * to->room : 1024;
		struct hit *items = realloc(to->items, room * sizeof(*items));
		if (!items) {
			to->no_memory = true;
			return;
		}
		to->items = items;
		to->room = room;
	}
	to->items[to->count++] = (struct hit){ end, index };
}

static bool our_hit(void *ctx, uint32_t index, size_t end)
{
	if (ctx)
		add(ctx, index, end);
	return true;
}

static int their_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *ctx)
{
	(void)from;
	(void)flags;
	if (ctx)
		add(ctx, id, (size_t)to);
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	return x->end != y->end ? (x->end < y->end ? -1 : 1) : x->index < y->index ? -1 : x->index > y->index;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void scan(bool ours, struct cul_slice text, struct hits *hits)
{
	if (ours)
		cul_needles_scan(all.ours, text, our_hit, hits);
	else if (hs_scan(all.theirs, text.data, (unsigned)text.size, 0, all.scratch, their_hit, hits) != HS_SUCCESS)
		exit(1);
}

static double pass(bool ours, struct cul_slice text)
{
	struct timespec from, to;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (size_t at = 0; at < text.size; at += BLOCK)
		scan(ours, (struct cul_slice){ text.data + at, text.size - at < BLOCK ? text.size - at : BLOCK }, NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) * 1e-9;
}

static void compare(const char *path, struct cul_slice text)
{
	struct hits ours = { 0 }, theirs = { 0 };
	for (size_t at = 0; at < text.size; at += BLOCK) {
		struct cul_slice block = { text.data + at, text.size - at < BLOCK ? text.size - at : BLOCK };
		ours.count = theirs.count = 0;
		scan(true, block, &ours);
		scan(false, block, &theirs);
		if (theirs.count)
			qsort(theirs.items, theirs.count, sizeof(*theirs.items), by_place); /* ours are in that order */
		all.hits += ours.count;
		size_t same = 0;
		while (same < ours.count && same < theirs.count && !by_place(&ours.items[same], &theirs.items[same]))
			same++;
		if (same < ours.count || same < theirs.count || ours.no_memory || theirs.no_memory) {
			const struct hit *odd = same < ours.count ? &ours.items[same] : &theirs.items[same];
			printf("%s: block at %zu: %zu hits, Vectorscan's %zu; first '%.*s' before %zu\n", path, at, ours.count, theirs.count,
			       (int)own[odd->index].literal.size, own[odd->index].literal.data, odd->end);
			all.different++;
		}
	}
	free(ours.items);
	free(theirs.items);
}

static void take(const char *path, size_t size)
{
	FILE *f = fopen(path, "rbe");
	char *bytes = malloc(size ? size : 1);
	if (!f || !bytes)
		exit(1);
	struct cul_slice text = { bytes, fread(bytes, 1, size, f) };
	fclose(f);
	compare(path, text);
	all.files++;
	if (all.timed) {
		double times[2][REPEATS];
		for (size_t r = 0; r < REPEATS; r++)
			for (size_t i = 0; i < 2; i++)
				times[i][r] = pass(i == 0, text);
		for (size_t i = 0; i < 2; i++)
			qsort(times[i], REPEATS, sizeof(double), by_value);
		printf("%s: %zu bytes: ours (%s) %.2f GB/s, Vectorscan %s %.2f GB/s\n", path, text.size, cul_needles_isa(all.ours),
		       (double)text.size * 1e-9 / times[0][REPEATS / 2], hs_version(), (double)text.size * 1e-9 / times[1][REPEATS / 2]);
	}
	free(bytes);
}

static void walk(const char *path)
{
	struct stat st;
	if (stat(path, &st)) {
		perror(path);
		exit(1);
	}
	if (!S_ISDIR(st.st_mode)) {
		take(path, st.st_size < MOST ? (size_t)st.st_size : MOST);
		return;
	}
	DIR *dir = opendir(path);
	char below[4096];
	for (const struct dirent *entry; dir && (entry = readdir(dir));)
		if (entry->d_name[0] != '.' && (size_t)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) < sizeof(below))
			walk(below);
	if (dir)
		closedir(dir);
}

static bool make_sets(void)
{
	const char **literals = calloc(own_count, sizeof(*literals));
	size_t *sizes = calloc(own_count, sizeof(*sizes));
	unsigned *flags = calloc(own_count, sizeof(*flags)), *ids = calloc(own_count, sizeof(*ids));
	hs_compile_error_t *error = NULL;
	bool good = literals && sizes && flags && ids;
	for (size_t i = 0; i < own_count && good; i++) {
		literals[i] = own[i].literal.data;
		sizes[i] = own[i].literal.size;
		flags[i] = own[i].caseless ? HS_FLAG_CASELESS : 0;
		ids[i] = (unsigned)i;
	}
	if (good && hs_compile_lit_multi(literals, flags, ids, sizes, (unsigned)own_count, HS_MODE_BLOCK, NULL, &all.theirs, &error) != HS_SUCCESS) {
		fprintf(stderr, "Vectorscan: %s\n", error ? error->message : "no reason is known");
		hs_free_compile_error(error);
		good = false;
	}
	free(literals);
	free(sizes);
	free(flags);
	free(ids);
	return good && hs_alloc_scratch(all.theirs, &all.scratch) == HS_SUCCESS && cul_needles_new(own, own_count, &all.ours) == CUL_OK;
}

int main(int argc, char **argv)
{
	all.timed = argc > 1 && !strcmp(argv[1], "--time");
	if (!own_needles(NULL, 0) || !make_sets()) {
		fputs("no needles\n", stderr);
		return 1;
	}
	for (int i = all.timed ? 2 : 1; i < argc; i++)
		walk(argv[i]);
	printf("%zu needles, %zu files, %zu hits, %zu blocks differ\n", own_count, all.files, all.hits, all.different);
	cul_needles_free(all.ours);
	hs_free_scratch(all.scratch);
	hs_free_database(all.theirs);
	own_needles_free();
	return all.different || !all.hits;
}
