/* SPDX-License-Identifier: Apache-2.0 */
/** PCRE2 with limits; the literals that a match must hold. */
#ifndef CUL_BASE_PATTERN_H
#define CUL_BASE_PATTERN_H

#include "culprit/types.h"

struct cul_pattern;

/** Compile (JIT where there is one). @pattern NUL-terminated, copied. On CUL_ERULE @err says where. */
CUL_MUST_CHECK enum cul_status cul_pattern_new(const char *pattern, uint32_t match_limit, struct cul_pattern **ret,
					       struct cul_error *err);
void cul_pattern_free(struct cul_pattern *pattern);

/**
 * Search @text. Returns 1 and fills groups[0 .. *count) (group 0 is the whole; unset: { NULL, 0 }), *count capacity in,
 * groups out; 0 no match; -1 a limit was met. Not for two threads at once on one pattern.
 */
int cul_pattern_match(struct cul_pattern *pattern, struct cul_slice text, struct cul_slice *groups, size_t *count);

/** Number of groups beside the whole; the name of group @i (1-based) or NULL. */
size_t cul_pattern_groups(const struct cul_pattern *pattern);
const char *cul_pattern_group_name(const struct cul_pattern *pattern, size_t i);

/**
 * Literals such that every match of @pattern holds at least one: the required literal that stands most seldom in logs, or a set from an
 * alternation. Written NUL-terminated, NULL at the end, into one malloc'd block that the caller frees (free()); in lower case, with
 * *caseless set, when the pattern is caseless there. NULL when no literal of at least @least bytes can be had.
 * What stands before a group is carried into it: "not (?:found|there)" gives "not found" and "not there".
 * Knows escapes, classes, groups, (?i), quantifiers; gives up rather than be wrong.
 */
char **cul_pattern_literals(const char *pattern, size_t least, bool *caseless);

/**
 * A pattern that matches each text in which a part is matched by @pattern: without ^, $, \b and their like. For a quick no.
 * malloc'd; NULL: it holds what may refuse because of its surroundings (a negative look, an atomic group, …), or no memory.
 */
char *cul_pattern_loosen(const char *pattern);

#endif
