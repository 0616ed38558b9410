/* SPDX-License-Identifier: Apache-2.0 */
/** Fills a cul_error. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

enum cul_status cul_fail(struct cul_error *err, enum cul_status status, const char *format, ...)
{
	if (err) {
		va_list args;
		va_start(args, format);
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
		err->status = status;
	}
	return status;
}
