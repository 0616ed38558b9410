/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Findings -> text, for a person, a ticket, a program. Text from the input is made harmless on the way
 * out: control characters, terminal escapes and markup.
 */
#ifndef CULPRIT_REPORT_H
#define CULPRIT_REPORT_H

#include <stdio.h>

#include "culprit/rules.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cul_format_name { CUL_REPORT_TEXT = 0, CUL_REPORT_JSON, CUL_REPORT_MARKDOWN, CUL_REPORT_HTML, CUL_REPORT_CSV, CUL_REPORT_DOT };

struct cul_report_options {
	enum cul_format_name format;
	bool colour;
	bool quiet;       /* the verdict and what to do, nothing else */
	int width;        /* columns; 0: 100 */
	const char *input; /* the path as the user gave it */
	const char *lang;
	double seconds;   /* how long it took, for the foot; < 0: leave out */
	const struct cul_tally *tally; /* may be NULL */
};

/** Write the report of @verdict on @c to @out. Returns CUL_OK or CUL_EIO. */
CUL_API CUL_MUST_CHECK enum cul_status cul_report_write(struct cul_case *c, const struct cul_verdict *verdict,
							const struct cul_report_options *options, FILE *out,
							struct cul_error *err);

#ifdef __cplusplus
}
#endif
#endif
