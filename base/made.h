/* SPDX-License-Identifier: Apache-2.0 */
/** For the programs that make sources while building: a file that is as it was keeps its time. */
#ifndef CUL_BASE_MADE_H
#define CUL_BASE_MADE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Does @path hold exactly these bytes? */
static inline bool cul_made_same(const char *path, const char *bytes, size_t size)
{
	FILE *f = fopen(path, "rbe");
	if (!f)
		return false;
	char *have = malloc(size + 1);
	bool equal = have && fread(have, 1, size + 1, f) == size && !memcmp(have, bytes, size);
	free(have);
	fclose(f);
	return equal;
}

#endif
