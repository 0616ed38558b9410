/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the user asks beside the case: "it is about that GPU", "that is known here", "this bundle was healthy". None of it hides a
 * finding: what is asked about comes first among its equals, what is waived never leads, what the healthy one has too is marked.
 */
#include <stdlib.h>

#include "base/auto.h"
#include "rules/finding.h"

/* ---- about, waive ----------------------------------------------------------------------------- */

static bool is_number(struct cul_slice text, int64_t *n)
{
	return text.size && text.size < 19 && cul_to_int(text, n);
}

/** Is @asked that value of the entity @name? A GPU is also met by its index and by a PCI address without its domain. */
static bool is_entity(struct cul_judge *j, const char *name, const struct cul_value *v, struct cul_slice asked)
{
	int64_t n;

	if (v->type == CUL_INT)
		return is_number(asked, &n) && n == v->i;
	if (v->type != CUL_TEXT)
		return false;
	if (cul_is_nocase(v->s, asked))
		return true;
	if (!strcmp(name, "host")) /* ember.example.org is asked for as ember */
		return v->s.size > asked.size && v->s.data[asked.size] == '.' && asked.size && cul_is_nocase(cul_slice(v->s.data, asked.size), asked);
	if (strcmp(name, "gpu") && strcmp(name, "gpu_bdf") && strcmp(name, "device"))
		return false;
	if (asked.size >= 5 && v->s.size > asked.size && v->s.data[v->s.size - asked.size - 1] == ':' &&
	    cul_is_nocase(cul_from(v->s, v->s.size - asked.size), asked))
		return true;
	if (cul_starts(asked, CUL_LIT("gpu ")) || cul_starts(asked, CUL_LIT("GPU ")))
		asked = cul_from(asked, 4);
	if (cul_starts(v->s, CUL_LIT("gpu ")) && cul_is(cul_from(v->s, 4), asked))
		return true;
	size_t count;
	const struct cul_gpu *gpus = cul_case_gpus(j->c, &count);
	for (size_t i = 0; i < count; i++)
		if (gpus[i].id && cul_is(cul_str(gpus[i].id), v->s) &&
		    ((is_number(asked, &n) && n == gpus[i].index) || (gpus[i].uuid && cul_is_nocase(cul_str(gpus[i].uuid), asked))))
			return true;
	return false;
}

static bool has_entity(struct cul_judge *j, const struct cul_finding *f, const char *name, struct cul_slice value)
{
	for (size_t i = 0; i < f->entity_count; i++)
		for (size_t k = 0; k < f->entities[i].count; k++)
			if ((!name || !strcmp(name, f->entities[i].name)) && is_entity(j, f->entities[i].name, &f->entities[i].values[k], value))
				return true;
	return false;
}

bool cul_ask_about(struct cul_judge *j, const struct cul_finding *f)
{
	return j->about && has_entity(j, f, NULL, cul_str(j->about));
}

static bool in_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool cul_ask_mentions(const char *about, const char *text)
{
	struct cul_slice word = cul_str(about), rest = cul_str(text);

	while (word.size && rest.size >= word.size) {
		size_t at = cul_find(rest, word);
		if (at == SIZE_MAX)
			return false;
		bool left = !at || !in_word(rest.data[at - 1]), right = at + word.size == rest.size || !in_word(rest.data[at + word.size]);
		if (left && right)
			return true;
		rest = cul_from(rest, at + 1);
	}
	return false;
}

const char *cul_ask_waived(struct cul_judge *j, const struct cul_finding *f)
{
	for (size_t i = 0; i < j->waiver_count; i++) {
		const struct cul_waiver *w = &j->waivers[i];
		if (cul_cause_is(w->cause, f->cause) && (!w->entity || has_entity(j, f, w->entity, cul_str(w->value))))
			return w->reason && *w->reason ? w->reason : cul_is_zh(j->lang) ? "已知" : "known here";
	}
	return NULL;
}

/* ---- baseline --------------------------------------------------------------------------------- */

/** The same template, where either may have folded more than the other. */
static bool same_template(const char *a, const char *b)
{
	struct cul_slice x = cul_str(a), y = cul_str(b);
	size_t same = 0, folded = 0;

	for (;;) {
		struct cul_slice p = cul_word(&x), q = cul_word(&y);
		if (!p.size || !q.size)
			return !p.size && !q.size && (same > folded || !folded);
		if (cul_is(p, q))
			same++;
		else if (cul_has(p, CUL_LIT("<*>")) || cul_has(q, CUL_LIT("<*>")))
			folded++;
		else
			return false;
	}
}

static bool in_baseline(const struct cul_baseline *b, const struct cul_template *t)
{
	for (size_t i = 0; i < b->template_count; i++)
		if (same_template(t->text ? t->text : "", b->templates[i].text ? b->templates[i].text : ""))
			return true;
	return false;
}

static void add_change(struct cul_judge *j, struct cul_verdict *v, const char **list, const char *what, const char *of, const char *now, const char *then)
{
	if (!now || (then && !strcmp(now, then)) || v->change_count == CUL_CHANGES)
		return;
	const char *text = cul_arena_printf(j->arena, cul_is_zh(j->lang) ? "%s %s：%s（基线：%s）" : "%s of %s: %s (baseline: %s)", what, of, now,
					    then ? then : "?");
	for (size_t i = 0; text && i < v->change_count; i++)
		if (!strcmp(list[i], text))
			return;
	if (text && then)
		list[v->change_count++] = text;
}

/** A host by its name, else the only or first one: a healthy machine may be another of the same kind. */
static const struct cul_host *twin_of(const struct cul_host *h, const struct cul_host *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(all[i].name, h->name))
			return &all[i];
	for (size_t i = 0; i < count; i++)
		if (all[i].kernel)
			return &all[i];
	return count ? &all[0] : NULL;
}

static void find_changes(struct cul_judge *j, struct cul_verdict *v, struct cul_case *good)
{
	bool zh = cul_is_zh(j->lang);
	size_t count, gpu_count, good_gpus;
	const struct cul_host *hosts = cul_case_hosts(good, &count);
	const struct cul_gpu *gpus = cul_case_gpus(j->c, &gpu_count), *others = cul_case_gpus(good, &good_gpus);
	const char **list = cul_arena_get(j->arena, CUL_CHANGES * sizeof(*list));

	if (!list)
		return;
	for (size_t i = 0; i < j->host_count; i++) {
		const struct cul_host *h = &j->hosts[i], *then = twin_of(h, hosts, count);
		if (!then)
			continue;
		add_change(j, v, list, zh ? "内核" : "kernel", h->name, h->kernel, then->kernel);
		add_change(j, v, list, zh ? "系统" : "system", h->name, h->os, then->os);
	}
	for (size_t i = 0; i < gpu_count; i++) {
		const char *then = NULL;
		for (size_t k = 0; k < good_gpus; k++) {
			bool same = gpus[i].driver && others[k].driver && !strcmp(gpus[i].driver, others[k].driver);
			if (others[k].driver && (!then || same))
				then = others[k].driver;
		}
		const char *of = gpus[i].host >= 0 && (size_t)gpus[i].host < j->host_count ? j->hosts[gpus[i].host].name : "host";
		add_change(j, v, list, zh ? "GPU 驱动" : "GPU driver", of, gpus[i].driver, then);
	}
	v->changes = list;
}

enum cul_status cul_ask_baseline(struct cul_judge *j, struct cul_verdict_own *own, struct cul_case *good)
{
	const struct cul_judge_options options = { .lang = j->lang };
	struct cul_baseline *b = cul_arena_get(j->arena, sizeof(*b));
	const struct cul_verdict *was = NULL;

	if (!b)
		return CUL_ENOMEM;
	enum cul_status status = cul_judge_run(j->rules, j->only, good, &options, &was, j->err);
	if (status != CUL_OK)
		return status;
	for (size_t i = 0; i < own->count; i++)
		for (size_t k = 0; k < was->count && !own->scored[i]->f.in_baseline; k++)
			own->scored[i]->f.in_baseline = !strcmp(own->scored[i]->f.cause, was->findings[k].cause);
	cul_verdict_free(was);
	b->templates = cul_case_templates(good, &b->template_count);
	j->baseline = b;
	own->verdict.compared = true;
	find_changes(j, &own->verdict, good);
	return CUL_OK;
}

size_t cul_ask_new(struct cul_judge *j, const struct cul_template **list, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (!j->baseline || !in_baseline(j->baseline, list[i]))
			list[n++] = list[i];
	return n;
}
