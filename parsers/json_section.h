/* SPDX-License-Identifier: Apache-2.0 */
/** A capture that is one JSON value over many lines: its lines are taken, the value is read as a tree. */
#ifndef CUL_PARSERS_JSON_SECTION_H
#define CUL_PARSERS_JSON_SECTION_H

#include <cjson/cJSON.h>

#include "parsers/parser.h"

#define CUL_JSON_MARKS 512

/** What was taken. Zero it to begin; free @text. */
struct cul_json_section {
	char *text;
	size_t size, room;
	struct cul_line first;
	struct cul_line marks[CUL_JSON_MARKS]; /* lines that hold @mark, kept, in their order */
	size_t mark_count;
	const char *before; /* brackets that stood above the first line (a section that is found in mid-file begins behind them); may be NULL */
	bool whole; /* it ended where its brackets did */
};

/**
 * Take the lines of the section until the value that begins in the first of them ends. @also: each is a log's line as well
 * (rules' texts are looked for in it). @mark: a literal that stands once in what an observation is made of; may be NULL.
 */
void cul_json_take(struct cul_parse *parse, struct cul_json_section *json, const char *mark, bool also);
/** The same for YAML: up to the end of the section, a line that begins the next document or one that can't be of it. */
void cul_yaml_take(struct cul_parse *parse, struct cul_json_section *json, const char *mark, bool also);
/** The value; NULL: garbled, cut off, larger than 16 MiB. cJSON_Delete() it. */
cJSON *cul_json_read(const struct cul_json_section *json);
/** The line to observe at: the one of the @index-th mark, else the first of all. */
struct cul_line cul_json_line(const struct cul_json_section *json, size_t index);

/** The leaf at "a.b" below @node, in capitals or not (releases of a tool differ); NULL: not there. */
const cJSON *cul_json_at(const cJSON *node, const char *path);
/** Its text; empty: none. */
struct cul_slice cul_json_words(const cJSON *node, const char *path);
/** Its number, also of "97"; NAN: none. */
double cul_json_number(const cJSON *node, const char *path);

#endif
