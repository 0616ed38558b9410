/* SPDX-License-Identifier: Apache-2.0 */
/** JSON over many lines, an object at a time: a file of any size needs room for its largest object only. */
#ifndef CUL_DUMP_JSON_STREAM_H
#define CUL_DUMP_JSON_STREAM_H

#include <cjson/cJSON.h>

#include "culprit/types.h"
#include "parsers/image.h"

/** An object, for as long as the call lasts. Anything but CUL_OK ends it all and is returned. */
typedef enum cul_status (*cul_json_object)(void *ctx, const cJSON *object);

/**
 * Each object that begins @depth brackets deep (0: at the top; those inside it are its own). @damaged: one was garbled, larger than
 * 1 MiB or not closed. CUL_ENOMEM; else what @each returned.
 */
enum cul_status cul_json_stream(const struct cul_image *image, int depth, cul_json_object each, void *ctx, bool *damaged);

#endif
