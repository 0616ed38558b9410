/* SPDX-License-Identifier: Apache-2.0 */
#include "base/late.h"

#if defined(LATE_ARCHIVE) || defined(LATE_JQ)
#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *cul_late_load(const char *library, const char *const *names, size_t count, void *calls)
{
	void *handle = count <= CUL_LATE_CALLS ? dlopen(library, RTLD_LAZY | RTLD_LOCAL) : NULL, *found[CUL_LATE_CALLS];
	bool all = handle != NULL;
	char *why = NULL;

	for (size_t i = 0; i < count && all; i++)
		all = (found[i] = dlsym(handle, names[i])) != NULL;
	if (all) {
		memcpy(calls, found, count * sizeof(*found));
		return NULL;
	}
	const char *error = dlerror();
	if (asprintf(&why, "%s can't be loaded: %s", library, error ? error : "no reason is known") < 0)
		return "a library can't be loaded: out of memory";
	return why;
}
#endif
