/* SPDX-License-Identifier: Apache-2.0 */
/** YAML of a capture as the tree that JSON of the same would give. */
#ifndef CUL_PARSERS_YAML_TREE_H
#define CUL_PARSERS_YAML_TREE_H

#include <cjson/cJSON.h>

#include "culprit/types.h"

/**
 * The first document of @text: mappings, sequences and text (numbers and words too are text); what an alias stands for is left out.
 * Garbled or cut off: what stood before it, and @damaged. NULL: nothing, or no memory. cJSON_Delete() it.
 */
cJSON *cul_yaml_tree(struct cul_slice text, bool *damaged);

#endif
