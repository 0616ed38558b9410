/* SPDX-License-Identifier: Apache-2.0 */
/** Scope guards: CUL_AUTO(fn) releases at the end of the scope, cul_take() hands over. */
#ifndef CUL_BASE_AUTO_H
#define CUL_BASE_AUTO_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CUL_AUTO(fn) __attribute__((cleanup(fn)))
#define cul_take(p)                                                                                  \
	({                                                                                           \
		__typeof__(p) cul_taken_ = (p);                                                      \
		(p) = NULL;                                                                          \
		cul_taken_;                                                                          \
	})
#define CUL_GUARD(name, type, release)                                                               \
	static inline void name(type **p)                                                            \
	{                                                                                            \
		if (*p)                                                                              \
			release(*p);                                                                 \
	}

static inline void cul_freep(void *p)
{
	void *held;
	__builtin_memcpy(&held, p, sizeof(held));
	free(held);
}
static inline void cul_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
static inline void cul_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#endif
