/* SPDX-License-Identifier: Apache-2.0 */
/** One GPU as AMD's tools print it in JSON: shared by that (amd_json.c) and CSV (amd_csv.c). */
#ifndef CUL_CAPTURE_AMD_JSON_H
#define CUL_CAPTURE_AMD_JSON_H

#include <cjson/cJSON.h>

#include "parsers/parser.h"

/** rocm-smi: "GPU use (%)": "97" and the like; the card's @index stands in its name. */
enum cul_status cul_amd_card(struct cul_parse *parse, const struct cul_record *rec, int64_t index, const cJSON *node);
/** amd-smi: {"gpu": 0, "usage": {"gfx_activity": …}, …}. */
enum cul_status cul_amd_gpu(struct cul_parse *parse, const struct cul_record *rec, const cJSON *node);

#endif
