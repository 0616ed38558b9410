/* SPDX-License-Identifier: Apache-2.0 */
/** Many rule files: a second thread reads their YAML ahead of the one that makes rules of it. */
#ifndef CUL_RULES_AHEAD_H
#define CUL_RULES_AHEAD_H

#include "rules/node.h"

struct cul_ahead;

/** Begin with @paths, borrowed until the end. NULL: no memory, no second processor, or too few files for it: then files are read when their turn comes. */
struct cul_ahead *cul_ahead_begin(char *const *paths, size_t count);
/**
 * What stands in paths[i]; i grows with each call. Reads it here, as cul_yaml_file() does, where the other thread has not begun with it or failed:
 * so what is wrong is told in the order of the files. @a may be NULL.
 */
CUL_MUST_CHECK enum cul_status cul_ahead_take(struct cul_ahead *a, char *const *paths, size_t i, struct cul_nodes *nodes, size_t *root,
					      struct cul_error *err);
/** Also in the midst of it. */
void cul_ahead_end(struct cul_ahead *a);

#endif
