/* SPDX-License-Identifier: Apache-2.0 */
/** A line that is a record of fields: JSON (behind whatever envelope), logfmt, "key: value". */
#ifndef CUL_BASE_STRUCTURED_H
#define CUL_BASE_STRUCTURED_H

#include "culprit/types.h"

/**
 * The value of @field ("level", "error.code", ".error.code") in @line as text: a string as it is, all else as JSON writes
 * it. malloc'd, the caller frees it; NULL when the line has no such field.
 */
char *cul_line_field(struct cul_slice line, const char *field);

#endif
