/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A YAML document as a flat array of nodes in reading order, with places: what yaml.c reads from a file and what
 * the texts of the built-in pack are made of (numbers only: nothing to decode or relocate at start).
 *
 * A node's subtree is the @span nodes from it on; children stand behind it, a map's as key, value, key, value.
 */
#ifndef CUL_RULES_NODE_H
#define CUL_RULES_NODE_H

#include <stdint.h>

#include "culprit/types.h"

enum cul_node_type { CUL_NODE_SCALAR, CUL_NODE_MAP, CUL_NODE_LIST };

struct cul_node {
	uint32_t text, size; /* a scalar: bytes in the tree's text, a NUL behind them */
	uint32_t span;
	uint32_t line; /* 1-based */
	uint16_t column;
	uint8_t type;
	uint8_t quoted; /* a scalar that stood in quotes or a block */
};

/** One document. */
struct cul_tree {
	const char *file;
	const char *text;
	const struct cul_node *root;
};

/* Limits of one file, so that a hostile one ends in a sentence. */
#define CUL_YAML_BYTES (8 << 20) /* a whole collection of CRE rules is one file */
#define CUL_YAML_NODES 400000
#define CUL_YAML_DEPTH 32
#define CUL_YAML_ALIASES 64

/** Nodes and text of one or more documents, while they grow; freed with cul_nodes_free(). */
struct cul_nodes {
	struct cul_node *nodes;
	size_t count, room;
	char *text;
	size_t size, text_room;
	bool many; /* several documents may stand in one file: each one's root follows the one before it */
};

/**
 * Read the YAML document in @bytes behind what @into holds; *root is the index of its first node.
 * @file is named in errors: CUL_ERULE with "file:line:column: sentence"; CUL_ENOMEM.
 */
CUL_MUST_CHECK enum cul_status cul_yaml_read(const char *file, struct cul_slice bytes, struct cul_nodes *into,
					     size_t *root, struct cul_error *err);
/** The same from the disk. CUL_EIO when it can't be read. */
CUL_MUST_CHECK enum cul_status cul_yaml_file(const char *path, struct cul_nodes *into, size_t *root,
					     struct cul_error *err);
void cul_nodes_free(struct cul_nodes *nodes);

#define CUL_EACH_NODE(child, parent)                                                                \
	(const struct cul_node *child = (parent) + 1; child < (parent) + (parent)->span; child += child->span)

/** A scalar's text, NUL-terminated. */
static inline const char *cul_node_text(const struct cul_tree *tree, const struct cul_node *node)
{
	return tree->text + node->text;
}
static inline struct cul_slice cul_node_slice(const struct cul_tree *tree, const struct cul_node *node)
{
	return (struct cul_slice){ tree->text + node->text, node->size };
}

#endif
