/* SPDX-License-Identifier: Apache-2.0 */
/**
 * YAML -> nodes with their places, by libyaml's events (yaml.h, 0.1.4 and later). One document a file unless the caller takes many; aliases are
 * copied in, within limits; merge keys and tags mean nothing here. Used by the library and by mkpack.
 */
#include "rules/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/auto.h"
#include "base/error.h"

struct anchor {
	char *name;
	size_t node;
};

struct reader {
	const char *file;
	struct cul_nodes *into;
	size_t first; /* of this document */
	struct anchor anchors[CUL_YAML_ALIASES];
	size_t anchor_count, aliases;
	struct cul_error *err;
};

static enum cul_status mistake(struct reader *r, yaml_mark_t mark, const char *why)
{
	return cul_fail(r->err, CUL_ERULE, "%s:%zu:%zu: %s", r->file, mark.line + 1, mark.column + 1, why);
}

static enum cul_status grow(void **block, size_t *room, size_t need, size_t each)
{
	if (need <= *room)
		return CUL_OK;
	size_t more = *room ? *room : 256;
	while (more < need)
		more *= 2;
	void *larger = realloc(*block, more * each);
	if (!larger)
		return CUL_ENOMEM;
	*block = larger;
	*room = more;
	return CUL_OK;
}

static enum cul_status add(struct reader *r, enum cul_node_type type, yaml_mark_t mark, size_t *at)
{
	struct cul_nodes *n = r->into;

	if (n->count - r->first >= CUL_YAML_NODES)
		return mistake(r, mark, "more than 400000 nodes in one file");
	void *block = n->nodes;
	if (grow(&block, &n->room, n->count + 1, sizeof(*n->nodes)) != CUL_OK)
		return cul_fail(r->err, CUL_ENOMEM, "%s: out of memory", r->file);
	n->nodes = block;
	n->nodes[n->count] = (struct cul_node){ .span = 1, .line = (uint32_t)mark.line + 1, .type = type,
						.column = mark.column >= 65535 ? 65535 : (uint16_t)(mark.column + 1) };
	*at = n->count++;
	return CUL_OK;
}

static enum cul_status add_text(struct reader *r, struct cul_node *node, const char *text, size_t size)
{
	struct cul_nodes *n = r->into;
	void *block = n->text;

	if (grow(&block, &n->text_room, n->size + size + 1, 1) != CUL_OK)
		return cul_fail(r->err, CUL_ENOMEM, "%s: out of memory", r->file);
	n->text = block;
	memcpy(n->text + n->size, text, size);
	n->text[n->size + size] = 0;
	node->text = (uint32_t)n->size;
	node->size = (uint32_t)size;
	n->size += size + 1;
	return CUL_OK;
}

static enum cul_status remember(struct reader *r, yaml_mark_t mark, const yaml_char_t *name, size_t node)
{
	if (!name)
		return CUL_OK;
	if (r->anchor_count == CUL_YAML_ALIASES)
		return mistake(r, mark, "more than 64 anchors in one file");
	char *copy = strdup((const char *)name);
	if (!copy)
		return cul_fail(r->err, CUL_ENOMEM, "%s: out of memory", r->file);
	r->anchors[r->anchor_count++] = (struct anchor){ copy, node };
	return CUL_OK;
}

static enum cul_status copy_alias(struct reader *r, yaml_mark_t mark, const yaml_char_t *name, const size_t *open,
				  size_t depth)
{
	if (++r->aliases > CUL_YAML_ALIASES)
		return mistake(r, mark, "more than 64 aliases in one file");
	for (size_t i = r->anchor_count; i--;) {
		if (strcmp(r->anchors[i].name, (const char *)name))
			continue;
		size_t from = r->anchors[i].node;
		for (size_t d = 0; d < depth; d++)
			if (open[d] == from)
				return mistake(r, mark, "an alias inside what it stands for");
		size_t span = r->into->nodes[from].span, at;
		for (size_t k = 0; k < span; k++) {
			enum cul_status status = add(r, CUL_NODE_SCALAR, mark, &at);
			if (status != CUL_OK)
				return status;
			struct cul_node copy = r->into->nodes[from + k];
			r->into->nodes[at] = copy;
		}
		return CUL_OK;
	}
	return mistake(r, mark, "an alias without an anchor above it");
}

/* Keys are scalars, and none stands twice in one map. */
static enum cul_status check_map(struct reader *r, size_t map)
{
	const struct cul_node *nodes = r->into->nodes, *m = nodes + map, *k, *other;
	const char *text = r->into->text;
	size_t children = 0;

	for (k = m + 1; k < m + m->span; k += k->span)
		children++;
	if (children > 512)
		return cul_fail(r->err, CUL_ERULE, "%s:%u:%u: more than 256 keys in one map", r->file, m->line, m->column);
	for (k = m + 1; k < m + m->span; k += k->span, k += k->span) {
		if (k->type != CUL_NODE_SCALAR)
			return cul_fail(r->err, CUL_ERULE, "%s:%u:%u: a key must be a word", r->file, k->line, k->column);
		for (other = m + 1; other < k; other += other->span, other += other->span)
			if (other->size == k->size && !memcmp(text + other->text, text + k->text, k->size))
				return cul_fail(r->err, CUL_ERULE, "%s:%u:%u: key '%s' stands here twice (first in line %u)",
						r->file, k->line, k->column, text + k->text, other->line);
	}
	return CUL_OK;
}

static enum cul_status event_loop(struct reader *r, yaml_parser_t *parser)
{
	size_t open[CUL_YAML_DEPTH], depth = 0, documents = 0, at;
	enum cul_status status = CUL_OK;
	bool done = false;

	while (!done && status == CUL_OK) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event)) {
			char why[256];
			snprintf(why, sizeof(why), "this is no YAML: %s%s%s", parser->problem ? parser->problem : "unreadable",
				 parser->context ? ", " : "", parser->context ? parser->context : "");
			return mistake(r, parser->problem_mark, why);
		}
		switch (event.type) {
		case YAML_DOCUMENT_START_EVENT:
			if (documents++ && !r->into->many)
				status = mistake(r, event.start_mark, "a second document; one file holds one rule");
			break;
		case YAML_SCALAR_EVENT:
			status = add(r, CUL_NODE_SCALAR, event.start_mark, &at);
			if (status != CUL_OK)
				break;
			r->into->nodes[at].quoted = event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
			status = add_text(r, &r->into->nodes[at], (const char *)event.data.scalar.value, event.data.scalar.length);
			if (status == CUL_OK)
				status = remember(r, event.start_mark, event.data.scalar.anchor, at);
			break;
		case YAML_MAPPING_START_EVENT:
		case YAML_SEQUENCE_START_EVENT:
			if (depth == CUL_YAML_DEPTH) {
				status = mistake(r, event.start_mark, "nested deeper than 32");
				break;
			}
			status = add(r, event.type == YAML_MAPPING_START_EVENT ? CUL_NODE_MAP : CUL_NODE_LIST, event.start_mark, &at);
			if (status != CUL_OK)
				break;
			open[depth++] = at;
			status = remember(r, event.start_mark,
					  event.type == YAML_MAPPING_START_EVENT ? event.data.mapping_start.anchor
										 : event.data.sequence_start.anchor, at);
			break;
		case YAML_MAPPING_END_EVENT:
		case YAML_SEQUENCE_END_EVENT:
			at = open[--depth];
			r->into->nodes[at].span = (uint32_t)(r->into->count - at);
			if (event.type == YAML_MAPPING_END_EVENT)
				status = check_map(r, at);
			break;
		case YAML_ALIAS_EVENT:
			status = copy_alias(r, event.start_mark, event.data.alias.anchor, open, depth);
			break;
		case YAML_STREAM_END_EVENT:
			done = true;
			break;
		default:
			break;
		}
		yaml_event_delete(&event);
	}
	return status;
}

enum cul_status cul_yaml_read(const char *file, struct cul_slice bytes, struct cul_nodes *into, size_t *root,
			      struct cul_error *err)
{
	struct reader r = { .file = file, .into = into, .first = into->count, .err = err };
	yaml_parser_t parser;

	if (bytes.size > CUL_YAML_BYTES)
		return cul_fail(err, CUL_ERULE, "%s:1:1: larger than 8 MiB", file);
	if (!yaml_parser_initialize(&parser))
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", file);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes.data, bytes.size);
	enum cul_status status = event_loop(&r, &parser);
	yaml_parser_delete(&parser);
	for (size_t i = 0; i < r.anchor_count; i++)
		free(r.anchors[i].name);
	if (status != CUL_OK)
		return status;
	if (into->count == r.first)
		return cul_fail(err, CUL_ERULE, "%s:1:1: empty", file);
	*root = r.first;
	return CUL_OK;
}

enum cul_status cul_yaml_file(const char *path, struct cul_nodes *into, size_t *root, struct cul_error *err)
{
	CUL_AUTO(cul_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CUL_AUTO(cul_freep) char *bytes = NULL;
	size_t size = 0, room = 0;
	ssize_t n = fd < 0 ? -1 : 1;

	/* most are small: a folder may hold thousands */
	for (; n > 0 && size <= CUL_YAML_BYTES; size += n > 0 ? (size_t)n : 0) {
		if (size == room) {
			room = !room ? 16 << 10 : room < CUL_YAML_BYTES / 4 ? room * 4 : CUL_YAML_BYTES + 1;
			char *larger = realloc(bytes, room);
			if (!larger)
				return cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
			bytes = larger;
		}
		do
			n = read(fd, bytes + size, room - size);
		while (n < 0 && errno == EINTR);
	}
	if (n < 0)
		return cul_fail(err, CUL_EIO, "%s: %s", path, strerror(errno));
	return cul_yaml_read(path, (struct cul_slice){ bytes, size }, into, root, err);
}

void cul_nodes_free(struct cul_nodes *nodes)
{
	free(nodes->nodes);
	free(nodes->text);
	*nodes = (struct cul_nodes){ 0 };
}
