/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Abstract sources of CRE rules -> names of logs. Either a plain map,
 *
 *   cre.log.redis: [ "*redis*", "/var/log/cache.log" ]
 *
 * or the list that preq's configuration has, of which type and paths are read:
 *
 *   sources:
 *     - { name: redis, type: cre.log.redis, locations: [ { path: /var/log/redis.log } ] }
 *
 * Globs are held against a member's whole name, its last part, and each tail of it that begins behind a slash.
 */
#include <stdio.h>

#include "base/auto.h"
#include "base/error.h"
#include "rules/cre.h"

#define GLOBS 256

CUL_GUARD(free_nodes, struct cul_nodes, cul_nodes_free)

static struct cul_slice text_of(const struct cul_tree *tree, const struct cul_node *n)
{
	return n && n->type == CUL_NODE_SCALAR ? cul_trim(cul_node_slice(tree, n)) : CUL_NONE;
}

static bool add_glob(struct cul_rules *rules, struct cul_cre_source *to, struct cul_slice glob)
{
	if (!glob.size || to->glob_count == GLOBS)
		return true;
	char *copy = cul_arena_copy(rules->arena, glob);
	if (copy)
		to->globs[to->glob_count++] = copy;
	return copy != NULL;
}

/* A glob, a list of globs, or of maps with a path. */
static bool add_globs(struct cul_rules *rules, const struct cul_tree *tree, struct cul_cre_source *to, const struct cul_node *n)
{
	if (!n)
		return true;
	if (n->type == CUL_NODE_SCALAR)
		return add_glob(rules, to, text_of(tree, n));
	if (n->type == CUL_NODE_MAP)
		return add_globs(rules, tree, to, cul_node_get(tree, n, "path"));
	for CUL_EACH_NODE(item, n)
		if (!add_globs(rules, tree, to, item))
			return false;
	return true;
}

static bool add_source(struct cul_rules *rules, const struct cul_tree *tree, struct cul_cre_source *all, size_t *count, struct cul_slice name,
		       const struct cul_node *globs)
{
	struct cul_cre_source *to = NULL;

	if (!name.size)
		return true;
	for (size_t i = 0; i < *count && !to; i++)
		to = cul_is(cul_str(all[i].name), name) ? &all[i] : NULL;
	if (!to) {
		to = &all[*count];
		to->name = cul_arena_copy(rules->arena, name);
		to->globs = cul_arena_get(rules->arena, GLOBS * sizeof(*to->globs));
		if (!to->name || !to->globs)
			return false;
		++*count;
	}
	return add_globs(rules, tree, to, globs);
}

enum cul_status cul_rules_cre_sources(struct cul_rules *rules, const char *path, struct cul_error *err)
{
	CUL_AUTO(free_nodes) struct cul_nodes *nodes = &(struct cul_nodes){ 0 };
	size_t root, count = 0;
	enum cul_status status = cul_yaml_file(path, nodes, &root, err);

	if (status != CUL_OK)
		return status;
	struct cul_tree tree = { .file = path, .text = nodes->text, .root = nodes->nodes + root };
	const struct cul_node *list = cul_node_get(&tree, tree.root, "sources");
	struct cul_cre_source *all = cul_arena_get(rules->arena, (nodes->count + 1) * sizeof(*all));
	bool ok = all != NULL;
	if (tree.root->type != CUL_NODE_MAP || (list && list->type != CUL_NODE_LIST))
		return cul_fail(err, CUL_ERULE, "%s:1:1: a map of sources to names of logs, or a list 'sources', is wanted", path);
	if (list) {
		for CUL_EACH_NODE(item, list) {
			const struct cul_node *type = cul_node_get(&tree, item, "type"), *paths = cul_node_get(&tree, item, "locations");
			if (!type)
				type = cul_node_get(&tree, item, "name");
			ok = ok && add_source(rules, &tree, all, &count, text_of(&tree, type), paths ? paths : cul_node_get(&tree, item, "path"));
		}
	} else {
		for (const struct cul_node *k = tree.root + 1; ok && k < tree.root + tree.root->span;) {
			const struct cul_node *v = k + k->span;
			ok = add_source(rules, &tree, all, &count, text_of(&tree, k), v);
			k = v + v->span;
		}
	}
	if (!ok)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
	rules->sources = all;
	rules->source_count = count;
	return CUL_OK;
}
