/* SPDX-License-Identifier: Apache-2.0 */
/** YAML -> a sign: what says that all was well, or that something changed. */
#include "rules/load.h"

static const char *const sign_keys[] = { "id", "sign", "title", "must", "about", "for", "reach", "latent", "fold", "differs", "of", "prefer", "many", "references", "examples", "notes" };
const char *const cul_sign_names[] = { NULL, "good", "change" };
static const char *const abouts[] = { "host", "gpu", "model", "pid", "program" };

static enum cul_status add_about(const struct cul_loader *l, const struct cul_node *n)
{
	int which = 0;
	enum cul_status status = cul_load_choice(l, n, "about", abouts, CUL_COUNT(abouts), &which);

	if (which)
		l->rule->about |= 1u << (which - 1);
	return status;
}

static enum cul_status add_for(const struct cul_loader *l, const struct cul_node *n)
{
	struct cul_rule *r = l->rule;

	if (n->type != CUL_NODE_SCALAR || !n->size || r->speaks_for_count == CUL_SIGN_FOR)
		return cul_load_mistake(l, n, "for: at most %d ids like family.name or family.*", CUL_SIGN_FOR);
	r->speaks_for[r->speaks_for_count++] = cul_load_string(l, n);
	return CUL_OK;
}

/* A word or a list of them, each handed to @each. */
static enum cul_status words(const struct cul_loader *l, const struct cul_node *n, enum cul_status (*each)(const struct cul_loader *, const struct cul_node *))
{
	enum cul_status status = CUL_OK;

	if (n->type == CUL_NODE_SCALAR)
		return each(l, n);
	for CUL_EACH_NODE(item, n)
		if (status == CUL_OK)
			status = each(l, item);
	return status;
}

/* A sign: one must, a title, and when two of them are one. */
enum cul_status cul_load_sign(struct cul_loader *l, const struct cul_node *sign)
{
	struct cul_rule *r = l->rule;
	const struct cul_node *root = l->tree->root, *v;
	enum cul_status status = cul_load_keys(l, root, "a sign", sign_keys, CUL_COUNT(sign_keys));
	int which = 0;

	if (status == CUL_OK)
		status = cul_load_choice(l, sign, "sign", cul_sign_names + 1, CUL_COUNT(cul_sign_names) - 1, &which);
	r->sign = (enum cul_sign)(which + 1);
	r->role = r->onset_term = -1;
	r->act = "none";
	r->severity = 6;
	r->worth = CUL_HINT;
	if (status == CUL_OK)
		status = cul_load_terms(l);
	if (status != CUL_OK)
		return status;
	const struct cul_term *t = &r->terms[0];
	if (r->term_count != 1 || t->sql || t->need || t->window || t->absent)
		return cul_load_mistake(l, root, "a sign has one 'must' with kind or text, and where; no sql, need, within or absent");
	if ((v = cul_node_get(l->tree, root, "about")))
		status = words(l, v, add_about);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "for")))
		status = words(l, v, add_for);
	r->reach_ns = INT64_C(86400) * 1000000000;
	for (int i = 0; status == CUL_OK && i < 2; i++) {
		const char *key = i ? "reach" : "fold";
		int64_t ns = CUL_NO_TIME;
		struct cul_slice text;
		if (!(v = cul_node_get(l->tree, root, key)))
			continue;
		text = cul_load_slice(l, v);
		if (!cul_load_duration(&text, &ns) || ns == CUL_NO_TIME || cul_trim(text).size)
			return cul_load_mistake(l, v, "%s: '%s' is no time like '10 min'", key, cul_load_string(l, v));
		*(i ? &r->reach_ns : &r->fold_ns) = ns;
	}
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "latent")))
		status = cul_load_flag(l, v, "latent", &r->latent);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "differs")))
		r->differs = cul_load_string(l, v);
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "of"))) {
		if (!r->differs)
			return cul_load_mistake(l, v, "'of' goes with 'differs'");
		r->of = cul_load_string(l, v);
	}
	if (status == CUL_OK && r->differs && r->sign != CUL_SIGN_CHANGE)
		return cul_load_mistake(l, sign, "'differs' makes a change, no sign of health");
	if (status == CUL_OK && (v = cul_node_get(l->tree, root, "prefer")))
		status = cul_load_expression(l, v, 0, false, 0, &r->prefer);
	if (status == CUL_OK && (v = r->many = cul_node_get(l->tree, root, "many")))
		status = cul_load_text(l, v, "many");
	return status;
}
