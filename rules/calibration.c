/* SPDX-License-Identifier: Apache-2.0 */
/** calibration.yaml: what proof, strong, likely, hint are worth, and the map from log-odds to a certainty. */
#include <math.h>

#include "base/error.h"
#include "rules/rule.h"

const char *const cul_class_names[CUL_CLASSES + 1] = { "proof", "strong", "likely", "hint", NULL };

static bool number_at(const struct cul_tree *tree, const struct cul_node *node, double *ret)
{
	return node && node->type == CUL_NODE_SCALAR && cul_to_real(cul_node_slice(tree, node), ret) && isfinite(*ret);
}

enum cul_status cul_calibration_read(struct cul_calibration *c, const struct cul_tree *tree, struct cul_error *err)
{
	const struct cul_node *classes = cul_node_get(tree, tree->root, "classes"), *map = cul_node_get(tree, tree->root, "map");

	for (int k = 0; k < CUL_CLASSES; k++) {
		const struct cul_node *class = classes ? cul_node_get(tree, classes, cul_class_names[k]) : NULL;
		double base;
		if (!class || !number_at(tree, cul_node_get(tree, class, "base"), &base) || base <= 0 || base >= 1 ||
		    !number_at(tree, cul_node_get(tree, class, "adds"), &c->adds[k]) ||
		    !number_at(tree, cul_node_get(tree, class, "takes"), &c->takes[k]))
			return cul_fail(err, CUL_ERULE, "%s: class %s needs base (0..1), adds and takes", tree->file, cul_class_names[k]);
		c->base[k] = log(base / (1 - base));
	}
	double open;
	if (!number_at(tree, cul_node_get(tree, tree->root, "open"), &open) || open <= 0 || open >= 1)
		return cul_fail(err, CUL_ERULE, "%s: open needs a certainty (0..1)", tree->file);
	c->open = log(open / (1 - open));
	if (!map || map->type != CUL_NODE_LIST)
		return cul_fail(err, CUL_ERULE, "%s: no map", tree->file);
	c->points = 0;
	for CUL_EACH_NODE(point, map) {
		size_t n = c->points;
		if (n == sizeof(c->x) / sizeof(*c->x) || point->span != 3 || !number_at(tree, point + 1, &c->x[n]) ||
		    !number_at(tree, point + 2, &c->y[n]) || c->y[n] < 0 || c->y[n] > 1 ||
		    (n && (c->x[n] <= c->x[n - 1] || c->y[n] < c->y[n - 1])))
			return cul_fail(err, CUL_ERULE, "%s:%u: points of the map are [log-odds, certainty], both rising, at most 32",
					tree->file, point->line);
		c->points++;
	}
	return c->points < 2 ? cul_fail(err, CUL_ERULE, "%s: a map has two points or more", tree->file) : CUL_OK;
}

double cul_calibration_map(const struct cul_calibration *c, double odds)
{
	size_t i = 1;

	if (odds <= c->x[0])
		return c->y[0];
	while (i < c->points && c->x[i] < odds)
		i++;
	if (i == c->points)
		return c->y[i - 1];
	return c->y[i - 1] + (c->y[i] - c->y[i - 1]) * (odds - c->x[i - 1]) / (c->x[i] - c->x[i - 1]);
}
