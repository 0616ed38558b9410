/* SPDX-License-Identifier: Apache-2.0 */
/** Fields of structured lines, for those few patterns that ask for one; nothing here is in a hot path. */
#include "base/structured.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

#define FIELD_BYTES (64 << 10)

static char *copy(struct cul_slice text)
{
	char *out = malloc(text.size + 1);
	if (!out)
		return NULL;
	if (text.size)
		memcpy(out, text.data, text.size);
	out[text.size] = 0;
	return out;
}

/* The member "a.b" by that very name, else "b" in "a". */
static const cJSON *find(const cJSON *object, const char *field, int depth)
{
	const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, field);
	const char *dot = strchr(field, '.');

	if (found || !dot || depth == 8)
		return found;
	char *head = copy(cul_slice(field, (size_t)(dot - field)));
	const cJSON *inner = head ? cJSON_GetObjectItemCaseSensitive(object, head) : NULL;
	free(head);
	return inner ? find(inner, dot + 1, depth + 1) : NULL;
}

static char *of_json(struct cul_slice text, const char *field)
{
	char *out = NULL;
	cJSON *object = cJSON_ParseWithLength(text.data, text.size);
	const cJSON *v = object ? find(object, field, 0) : NULL;

	if (v && cJSON_IsString(v)) {
		out = copy(cul_str(v->valuestring));
	} else if (v) {
		char *printed = cJSON_PrintUnformatted(v);
		out = printed ? copy(cul_str(printed)) : NULL;
		cJSON_free(printed);
	}
	cJSON_Delete(object);
	return out;
}

char *cul_line_field(struct cul_slice line, const char *field)
{
	struct cul_slice value, name;

	if (*field == '.')
		field++;
	if (!*field || !line.size)
		return NULL;
	if (line.size > FIELD_BYTES)
		line.size = FIELD_BYTES;
	const char *brace = memchr(line.data, '{', line.size);
	if (brace) {
		char *out = of_json(cul_from(line, (size_t)(brace - line.data)), field);
		if (out)
			return out;
	}
	name = cul_str(field);
	if (cul_logfmt(line, name, &value))
		return copy(value);
	line = cul_trim(line);
	if (cul_starts(line, name) && line.size > name.size + 1 && line.data[name.size] == ':' && line.data[name.size + 1] == ' ')
		return copy(cul_trim(cul_from(line, name.size + 2)));
	return NULL;
}
