/* SPDX-License-Identifier: Apache-2.0 */
/** Lines of a section -> a tree of JSON, see json_section.h. */
#include "parsers/json_section.h"

#include <math.h>
#include <stdlib.h>

#include "parsers/json_brackets.h"

#define MOST (16u << 20)
#define NODES 1000000 /* a tree of nothing but commas is some 80 bytes for each */

/* Remember where a mark stands; make room for the line. False: no more of it is kept. */
static bool begin_line(struct cul_parse *parse, struct cul_json_section *json, const struct cul_line *line, const char *mark)
{
	if (!json->first.number) {
		json->first = *line;
		json->first.text = cul_keep(parse, line->text);
	}
	if (mark && json->mark_count < CUL_JSON_MARKS && cul_has(line->text, cul_str(mark))) {
		json->marks[json->mark_count] = *line;
		json->marks[json->mark_count++].text = cul_keep(parse, line->text);
	}
	if (json->size + line->text.size + 2 > json->room) {
		size_t room = (json->size + line->text.size + 4096) * 2;
		char *more = room <= MOST * 2 ? realloc(json->text, room) : NULL;
		if (!more)
			return false;
		json->text = more;
		json->room = room;
	}
	return true;
}

void cul_json_take(struct cul_parse *parse, struct cul_json_section *json, const char *mark, bool also)
{
	struct cul_line line;
	bool full = false;
	struct cul_json_brackets at = { .depth = json->before ? (int64_t)strlen(json->before) : 0 };

	if (at.depth && (json->text = malloc(4096))) {
		json->room = 4096;
		json->size = (size_t)at.depth;
		memcpy(json->text, json->before, json->size);
	}
	while (!json->whole && cul_line_next(parse, &line)) {
		full = full || !begin_line(parse, json, &line, mark);
		for (size_t i = 0; i < line.text.size; i++) {
			char c = line.text.data[i];
			if (!full && !json->whole)
				json->text[json->size++] = c;
			json->whole |= cul_json_bracket(&at, c) && !at.depth;
		}
		if (!full)
			json->text[json->size++] = '\n';
		if (also)
			cul_line_also(parse, &line, true);
	}
	if (full)
		json->size = 0;
}

/* Below the first line: indented, an item, a remark, "key:". */
static bool yaml_like(struct cul_slice line)
{
	size_t n = 0;

	if (cul_is(cul_trim(line), CUL_LIT("---")))
		return false;
	if (!line.size || line.data[0] == ' ' || line.data[0] == '#' || cul_starts(line, CUL_LIT("- ")) || cul_is(line, CUL_LIT("-")))
		return true;
	while (n < line.size && ((line.data[n] | 32) >= 'a' && (line.data[n] | 32) <= 'z'))
		n++;
	return n && n < line.size && line.data[n] == ':' && (n + 1 == line.size || line.data[n + 1] == ' ');
}

void cul_yaml_take(struct cul_parse *parse, struct cul_json_section *json, const char *mark, bool also)
{
	struct cul_line line;
	bool full = false;

	while (cul_line_next(parse, &line)) {
		if (json->size && !yaml_like(line.text)) {
			cul_line_back(parse);
			break;
		}
		full = full || json->size > MOST / 4 || !begin_line(parse, json, &line, mark);
		if (!full) {
			memcpy(json->text + json->size, line.text.data, line.text.size);
			json->size += line.text.size;
			json->text[json->size++] = '\n';
		}
		if (also)
			cul_line_also(parse, &line, true);
	}
}

cJSON *cul_json_read(const struct cul_json_section *json)
{
	size_t nodes = 1;

	for (size_t i = 0; i < json->size; i++)
		nodes += json->text[i] == ',' || json->text[i] == '[' || json->text[i] == '{';
	return json->size && nodes <= NODES ? cJSON_ParseWithLength(json->text, json->size) : NULL;
}

struct cul_line cul_json_line(const struct cul_json_section *json, size_t index)
{
	return index < json->mark_count ? json->marks[index] : json->first;
}

const cJSON *cul_json_at(const cJSON *node, const char *path)
{
	struct cul_slice rest = cul_str(path), part;

	while (node && rest.size) {
		const cJSON *found = NULL;
		if (!cul_cut(rest, CUL_LIT("."), &part, &rest)) {
			part = rest;
			rest = CUL_NONE;
		}
		for (const cJSON *child = cJSON_IsObject(node) ? node->child : NULL; child && !found; child = child->next)
			if (child->string && cul_is_nocase(cul_str(child->string), part))
				found = child;
		node = found;
	}
	return node;
}

struct cul_slice cul_json_words(const cJSON *node, const char *path)
{
	const cJSON *leaf = cul_json_at(node, path);
	return cJSON_IsString(leaf) ? cul_trim(cul_str(leaf->valuestring)) : CUL_NONE;
}

double cul_json_number(const cJSON *node, const char *path)
{
	const cJSON *leaf = cul_json_at(node, path);
	double value;

	if (cJSON_IsNumber(leaf))
		return leaf->valuedouble;
	return cJSON_IsString(leaf) && cul_to_real(cul_trim(cul_str(leaf->valuestring)), &value) ? value : NAN;
}
