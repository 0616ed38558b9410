/* SPDX-License-Identifier: Apache-2.0 */
/** libyaml's events -> a tree, see yaml_tree.h. */
#include "parsers/yaml_tree.h"

#include <string.h>
#include <yaml.h>

#define DEPTH 64
#define NODES 400000

struct tree {
	cJSON *open[DEPTH], *last[DEPTH]; /* what is being filled, its newest child: cJSON's own search for the end is slow in long lists */
	char key[DEPTH][128];
	bool has_key[DEPTH];
	size_t depth, nodes;
	cJSON *root;
};

/* @node goes where the events are. True: it is in the tree. */
static bool put(struct tree *t, cJSON *node)
{
	if (!node || ++t->nodes > NODES) {
		cJSON_Delete(node);
		return false;
	}
	if (!t->depth) {
		if (t->root)
			cJSON_Delete(node);
		else
			t->root = node;
		return t->root == node;
	}
	cJSON *parent = t->open[t->depth - 1], *last = t->last[t->depth - 1];
	if (cJSON_IsObject(parent)) {
		node->string = cJSON_malloc(strlen(t->key[t->depth - 1]) + 1);
		if (!node->string) {
			cJSON_Delete(node);
			return false;
		}
		memcpy(node->string, t->key[t->depth - 1], strlen(t->key[t->depth - 1]) + 1);
		t->has_key[t->depth - 1] = false;
	}
	if (last) {
		last->next = node;
		node->prev = last;
	} else {
		parent->child = node;
	}
	parent->child->prev = node;
	t->last[t->depth - 1] = node;
	return true;
}

static bool is_key(const struct tree *t)
{
	return t->depth && cJSON_IsObject(t->open[t->depth - 1]) && !t->has_key[t->depth - 1];
}

static bool take(struct tree *t, const yaml_event_t *event)
{
	size_t at = t->depth - 1, n;

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		if (!is_key(t))
			return put(t, cJSON_CreateString((const char *)event->data.scalar.value));
		n = event->data.scalar.length < sizeof(t->key[0]) ? event->data.scalar.length : sizeof(t->key[0]) - 1;
		memcpy(t->key[at], event->data.scalar.value, n);
		t->key[at][n] = 0;
		t->has_key[at] = true;
		return true;
	case YAML_ALIAS_EVENT:
		return !is_key(t) && put(t, cJSON_CreateNull());
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT: {
		cJSON *node = event->type == YAML_MAPPING_START_EVENT ? cJSON_CreateObject() : cJSON_CreateArray();
		if (is_key(t) || t->depth == DEPTH) {
			cJSON_Delete(node);
			return false;
		}
		if (!put(t, node))
			return false;
		t->has_key[t->depth] = false;
		t->last[t->depth] = NULL;
		t->open[t->depth++] = node;
		return true;
	}
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		t->depth -= t->depth > 0;
		return true;
	default:
		return true;
	}
}

cJSON *cul_yaml_tree(struct cul_slice text, bool *damaged)
{
	struct tree *t = cJSON_malloc(sizeof(*t));
	cJSON *root;
	yaml_parser_t parser;
	bool going = true;

	*damaged = true;
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	if (!yaml_parser_initialize(&parser)) {
		cJSON_free(t);
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text.data, text.size);
	while (going) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event))
			break;
		bool ends = event.type == YAML_DOCUMENT_END_EVENT || event.type == YAML_STREAM_END_EVENT;
		going = !ends && take(t, &event);
		*damaged = !ends;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	root = t->root;
	cJSON_free(t);
	return root;
}
