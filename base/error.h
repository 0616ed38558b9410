/* SPDX-License-Identifier: Apache-2.0 */
/** Fills a cul_error. */
#ifndef CUL_BASE_ERROR_H
#define CUL_BASE_ERROR_H

#include "culprit/types.h"

/** Write the sentence (err may be NULL) and return @status: `return cul_fail(err, CUL_EIO, "%s: %s", path, strerror(errno));` */
enum cul_status cul_fail(struct cul_error *err, enum cul_status status, const char *format, ...) CUL_PRINTF(3, 4);

#endif
