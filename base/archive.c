/* SPDX-License-Identifier: Apache-2.0 */
#define CUL_ARCHIVE_OWN
#include "base/archive.h"

#include "base/late.h"

#ifdef LATE_ARCHIVE
#include <pthread.h>

static struct cul_archive_calls calls;
static const char *lacks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct archive *no_archive(void)
{
	return NULL;
}

static void load(void)
{
	static const char *const names[] = {
#define X(name) #name,
		CUL_ARCHIVE_CALLS(X)
#undef X
	};

	_Static_assert(sizeof(calls) == sizeof(names), "pointers to functions are pointers");
	lacks = cul_late_load(LATE_ARCHIVE, names, sizeof(names) / sizeof(*names), &calls);
	if (lacks)
		calls.archive_read_new = no_archive;
}

const struct cul_archive_calls *cul_archive(void)
{
	pthread_once(&once, load);
	return &calls;
}

const char *cul_archive_lacks(void)
{
	pthread_once(&once, load);
	return lacks;
}
#else
const char *cul_archive_lacks(void)
{
	return NULL;
}
#endif
