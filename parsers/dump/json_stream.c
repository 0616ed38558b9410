/* SPDX-License-Identifier: Apache-2.0 */
/** Cuts JSON into objects by brackets and quotes; cJSON reads each. */
#include "parsers/dump/json_stream.h"

#include <stdlib.h>

#include "parsers/dump/stream.h"
#include "parsers/json_brackets.h"

#define LARGEST (1u << 20)

enum cul_status cul_json_stream(const struct cul_image *image, int depth, cul_json_object each, void *ctx, bool *damaged)
{
	struct cul_stream *s = calloc(1, sizeof(*s));
	char *text = malloc(LARGEST);
	enum cul_status status = s && text ? CUL_OK : CUL_ENOMEM;
	struct cul_json_brackets at = { 0 };
	bool taking = false;
	size_t size = 0;
	int c;

	if (s)
		s->image = image;
	while (status == CUL_OK && (c = cul_stream_byte(s)) >= 0) {
		if (!taking && !at.quoted && c == '{' && at.depth == depth) {
			taking = true;
			size = 0;
		}
		if (taking && size < LARGEST)
			text[size++] = (char)c;
		if (!cul_json_bracket(&at, (char)c) || !taking || at.depth != depth)
			continue;
		taking = false;
		cJSON *object = size < LARGEST ? cJSON_ParseWithLength(text, size) : NULL;
		if (object)
			status = each(ctx, object);
		else
			*damaged = true;
		cJSON_Delete(object);
	}
	*damaged |= taking;
	free(s);
	free(text);
	return status;
}
