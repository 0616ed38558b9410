/* SPDX-License-Identifier: Apache-2.0 */
/** Built without libFuzzer a target is a regression test: it runs the files and folders that it is given. */
#ifndef CUL_TESTS_FUZZ_MAIN_H
#define CUL_TESTS_FUZZ_MAIN_H

#include <stdint.h>
#include <stddef.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A promise inside was broken: say which and stop here, so that the input is kept. */
#define PROMISE(held)                                                                                  \
	do {                                                                                           \
		if (!(held)) {                                                                         \
			fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, #held);     \
			abort();                                                                       \
		}                                                                                      \
	} while (0)

#ifndef CUL_LIBFUZZER
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int cul_fuzz_count;

static int cul_fuzz_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)at;
	if (type != FTW_F || st->st_size > 1 << 20)
		return 0;
	FILE *f = fopen(path, "rb");
	size_t size = (size_t)st->st_size;
	/* exactly as large as the input, so that a read behind its end is seen */
	uint8_t *data = malloc(size ? size : 1);
	if (f && data) {
		size = fread(data, 1, size, f);
		LLVMFuzzerTestOneInput(data, size);
		cul_fuzz_count++;
	}
	free(data);
	if (f)
		fclose(f);
	return 0;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		nftw(argv[i], cul_fuzz_file, 16, FTW_PHYS);
	fprintf(stderr, "%d inputs\n", cul_fuzz_count);
	return 0;
}
#endif
#endif
