/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A jq program asked of one line of JSON: does it put out anything but null and false?
 *
 * libjq counts no steps, so what can run on is kept out beforehand: a program is short, made of words whose work is bounded by
 * their input (no definitions, ranges, loops, string repetition, assignments, modules, input, environment), iterates a few times
 * at most, and the line it is asked of is the shorter the more it iterates. Limits are counts, never seconds.
 */
#ifndef CUL_BASE_JQ_H
#define CUL_BASE_JQ_H

#include "culprit/types.h"

struct cul_jq;

/** Is libjq in this program? */
bool cul_jq_here(void);
/** Compile @program. CUL_ERULE: no jq, or none that is bounded; CUL_EUSE: built without libjq; CUL_ENOMEM. */
CUL_MUST_CHECK enum cul_status cul_jq_new(const char *program, struct cul_jq **ret, struct cul_error *err);
/** What is no JSON, what is too long, and an error of the program match nothing. */
bool cul_jq_match(struct cul_jq *jq, struct cul_slice line);
void cul_jq_free(struct cul_jq *jq);

#endif
