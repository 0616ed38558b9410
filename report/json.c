/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The report for a program: schema/report.schema.json. Whole numbers are written exactly (cJSON alone would pass them
 * through a double), times as ISO 8601 in UTC, what is not known as null or left out as the schema says.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/slice.h"
#include "report/escape.h"
#include "report/parts.h"

#define SCHEMA 1
#define MOST_VALUES 64 /* of a fact */
#define MOST_DAMAGE 1000

/* declared in culprit.h, which this room doesn't include */
CUL_API const char *cul_version(void);

/* All builders take NULL for "no memory": cJSON refuses to add it and answers false, which `torn` keeps. */
struct json {
	struct cul_report *r;
	bool torn;
};

static cJSON *add(struct json *j, cJSON *to, const char *name, cJSON *item)
{
	if (!item || !to || !(name ? cJSON_AddItemToObject(to, name, item) : cJSON_AddItemToArray(to, item))) {
		cJSON_Delete(item);
		j->torn = true;
		return NULL;
	}
	return item;
}

static cJSON *slice(struct json *j, struct cul_slice text)
{
	return cJSON_CreateString(cul_clean_json(j->r->arena, text));
}

static cJSON *text(struct json *j, const char *s)
{
	return s ? slice(j, cul_str(s)) : cJSON_CreateNull();
}

static cJSON *whole(int64_t n)
{
	char buf[24];

	snprintf(buf, sizeof(buf), "%" PRId64, n);
	return cJSON_CreateRaw(buf);
}

static cJSON *real(double n)
{
	char buf[40];

	return cul_print_real(n, buf)[0] ? cJSON_CreateRaw(buf) : cJSON_CreateNull();
}

static cJSON *moment(int64_t ns)
{
	char buf[32];

	return ns != CUL_NO_TIME && cul_clock_print(ns, buf)[0] ? cJSON_CreateString(buf) : cJSON_CreateNull();
}

static cJSON *value(struct json *j, const struct cul_value *v)
{
	switch (v->type) {
	case CUL_INT:
		return whole(v->i);
	case CUL_REAL:
		return real(v->r);
	case CUL_FLAG:
		return cJSON_CreateBool(v->i != 0);
	case CUL_TEXT:
		return slice(j, v->s);
	default:
		return cJSON_CreateNull();
	}
}

static cJSON *facts(struct json *j, const struct cul_fact *list, size_t count)
{
	cJSON *object = cJSON_CreateObject();

	for (size_t i = 0; object && i < count; i++) {
		const char *name = list[i].name ? cul_clean_json(j->r->arena, cul_str(list[i].name)) : "";

		if (!*name || !list[i].count || cJSON_GetObjectItemCaseSensitive(object, name))
			continue;
		if (list[i].count == 1) {
			add(j, object, name, value(j, &list[i].values[0]));
			continue;
		}
		cJSON *array = add(j, object, name, cJSON_CreateArray());
		for (size_t k = 0; array && k < list[i].count && k < MOST_VALUES; k++)
			add(j, array, NULL, value(j, &list[i].values[k]));
	}
	return object;
}

static void strings(struct json *j, cJSON *to, const char *name, const char *const *list, size_t count)
{
	cJSON *array = add(j, to, name, cJSON_CreateArray());

	for (size_t i = 0; array && i < count; i++)
		add(j, array, NULL, text(j, list[i] ? list[i] : ""));
}

static void known(struct json *j, cJSON *to, const char *name, const char *s)
{
	if (s)
		add(j, to, name, text(j, s));
}

static cJSON *truth(enum cul_truth t)
{
	return t == CUL_UNKNOWN ? cJSON_CreateNull() : cJSON_CreateBool(t == CUL_TRUE);
}

static void evidence(struct json *j, cJSON *to, const struct cul_finding *f)
{
	static const char *const roles[] = { "must", "may", "against" };
	cJSON *array = add(j, to, "evidence", cJSON_CreateArray());

	for (size_t i = 0; array && i < f->evidence_count; i++) {
		const struct cul_evidence *e = &f->evidence[i];
		cJSON *o = add(j, array, NULL, cJSON_CreateObject());

		add(j, o, "role", cJSON_CreateString(roles[e->role <= CUL_AGAINST ? e->role : CUL_MAY]));
		known(j, o, "term", e->term);
		add(j, o, "kind", text(j, e->row->kind ? e->row->kind->name : "record"));
		add(j, o, "source", text(j, cul_source_name(j->r, e->row->member)));
		add(j, o, "line", whole(e->row->line));
		add(j, o, "offset", whole(e->row->offset));
		add(j, o, "time", moment(e->row->time_ns));
		add(j, o, "count", whole(e->row->n > 0 ? e->row->n : 1));
		add(j, o, "text", slice(j, e->row->text));
	}
}

static void summands(struct json *j, cJSON *to, const struct cul_finding *f)
{
	cJSON *array = add(j, to, "summands", cJSON_CreateArray());

	for (size_t i = 0; array && i < f->summand_count; i++) {
		const struct cul_summand *s = &f->summands[i];
		cJSON *o = add(j, array, NULL, cJSON_CreateObject());

		add(j, o, "term", text(j, s->term ? s->term : ""));
		add(j, o, "class", text(j, s->class_name));
		add(j, o, "points", real(s->points));
		add(j, o, "present", truth(s->state));
		known(j, o, "why", s->why);
	}
}

static void remedy(struct json *j, cJSON *to, const struct cul_finding *f)
{
	cJSON *array = add(j, to, "remedy", cJSON_CreateArray());

	for (size_t i = 0; array && i < f->remedy_count; i++) {
		const struct cul_remedy *m = &f->remedy[i];
		cJSON *o = add(j, array, NULL, cJSON_CreateObject());

		add(j, o, "do", text(j, m->what ? m->what : ""));
		known(j, o, "run", m->run);
		known(j, o, "why", m->why);
		known(j, o, "risk", m->risk);
		add(j, o, "needs", text(j, m->needs ? m->needs : "none"));
		add(j, o, "loses_work", cJSON_CreateBool(m->loses_work));
	}
}

static cJSON *finding(struct json *j, const struct cul_finding *f)
{
	cJSON *o = cJSON_CreateObject();

	add(j, o, "order", whole(f->order));
	add(j, o, "cause", text(j, f->cause ? f->cause : ""));
	add(j, o, "role", cJSON_CreateString(cul_role_name(f->role)));
	add(j, o, "explained_by", f->explained_by ? whole(f->explained_by) : cJSON_CreateNull());
	known(j, o, "relation", f->relation);
	add(j, o, "certainty", real(round(f->certainty * 1e4) / 1e4));
	add(j, o, "severity", cJSON_CreateString(cul_severity_name(f->severity)));
	add(j, o, "title", text(j, cul_known(j->r, f->title)));
	add(j, o, "summary", text(j, cul_known_sentences(j->r, f->summary)));
	add(j, o, "act", text(j, f->act ? f->act : "none"));
	strings(j, o, "do_not", f->do_not, f->do_not_count);
	add(j, o, "first", moment(f->first_ns));
	add(j, o, "last", moment(f->last_ns));
	add(j, o, "onset", moment(f->onset_ns));
	add(j, o, "count", whole(f->count));
	add(j, o, "at_least", cJSON_CreateBool(f->at_least));
	add(j, o, "ongoing", truth(f->ongoing));
	add(j, o, "entities", facts(j, f->entities, f->entity_count));
	add(j, o, "facts", facts(j, f->facts, f->fact_count));
	evidence(j, o, f);
	summands(j, o, f);
	remedy(j, o, f);
	strings(j, o, "capture", f->captures, f->capture_count);
	strings(j, o, "before_reboot", f->before_reboot, f->before_reboot_count);
	strings(j, o, "ruled_out", f->ruled_out, f->ruled_out_count);
	strings(j, o, "references", f->references, f->reference_count);
	known(j, o, "waived", f->waived);
	if (j->r->verdict->compared)
		add(j, o, "in_baseline", cJSON_CreateBool(f->in_baseline));
	return o;
}

static cJSON *hosts(struct json *j)
{
	struct cul_report *r = j->r;
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; array && i < r->host_count; i++) {
		const struct cul_host *h = &r->hosts[i];
		cJSON *o = add(j, array, NULL, cJSON_CreateObject());

		add(j, o, "name", text(j, h->name ? h->name : "host"));
		known(j, o, "kernel", h->kernel);
		known(j, o, "os", h->os);
		known(j, o, "model", h->model);
		known(j, o, "cpu", h->cpu);
		if (h->cpus > 0)
			add(j, o, "cpus", whole(h->cpus));
		if (h->memory_mib > 0)
			add(j, o, "memory_mib", whole(h->memory_mib));
		if (!isnan(h->load_1m))
			add(j, o, "load_1m", real(h->load_1m));
		add(j, o, "boot", moment(h->boot_ns));
		add(j, o, "capture", moment(h->capture_ns));
		cJSON *gpus = add(j, o, "gpus", cJSON_CreateArray());
		for (size_t k = 0; gpus && k < r->gpu_count; k++) {
			const struct cul_gpu *g = &r->gpus[k];

			/* a GPU of no known host is the first one's where there is but one */
			if (g->host != (int)i && !(g->host < 0 && r->host_count == 1))
				continue;
			cJSON *gpu = add(j, gpus, NULL, cJSON_CreateObject());
			add(j, gpu, "index", g->index >= 0 ? whole(g->index) : cJSON_CreateNull());
			add(j, gpu, "bdf", text(j, g->bdf));
			add(j, gpu, "uuid", text(j, g->uuid));
			add(j, gpu, "name", text(j, g->name));
			add(j, gpu, "driver", text(j, g->driver));
		}
	}
	return array;
}

static cJSON *coverage(struct json *j)
{
	struct cul_report *r = j->r;
	cJSON *o = cJSON_CreateObject(), *array = add(j, o, "sources", cJSON_CreateArray());

	struct cul_source s;

	for (size_t i = 0; array && cul_case_source(r->c, i, &s); i++) {
		cJSON *source = add(j, array, NULL, cJSON_CreateObject());

		add(j, source, "source", text(j, cul_source_name(r, (int)i)));
		add(j, source, "lines", whole(s.lines));
		add(j, source, "bytes", whole(s.bytes));
		add(j, source, "read_as", text(j, s.read_as && *s.read_as ? s.read_as : NULL));
		add(j, source, "first", moment(s.first_ns));
		add(j, source, "last", moment(s.last_ns));
	}
	array = add(j, o, "damage", cJSON_CreateArray());
	for (size_t i = 0; array && i < r->damage_count && i < MOST_DAMAGE; i++) {
		cJSON *damage = add(j, array, NULL, cJSON_CreateObject());

		add(j, damage, "source", text(j, r->damage[i].source ? r->damage[i].source : "?"));
		add(j, damage, "line", r->damage[i].line > 0 ? whole(r->damage[i].line) : cJSON_CreateNull());
		add(j, damage, "why", text(j, r->damage[i].why ? r->damage[i].why : ""));
	}
	add(j, o, "damage_count", whole((int64_t)r->damage_count));
	return o;
}

static cJSON *unexplained(struct json *j)
{
	const struct cul_verdict *v = j->r->verdict;
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; array && i < v->unexplained_count; i++) {
		const struct cul_template *t = v->unexplained[i];
		cJSON *o = add(j, array, NULL, cJSON_CreateObject());

		add(j, o, "template", text(j, t->text ? t->text : ""));
		add(j, o, "count", whole(t->n));
		add(j, o, "severity", t->severity >= 0 ? cJSON_CreateString(cul_severity_name(t->severity)) : cJSON_CreateNull());
		add(j, o, "first", moment(t->first_ns));
		add(j, o, "last", moment(t->last_ns));
		add(j, o, "source", text(j, t->source ? t->source : "?"));
		add(j, o, "line", whole(t->line));
		add(j, o, "text", text(j, t->specimen ? t->specimen : ""));
	}
	return array;
}

static cJSON *not_judged(struct json *j)
{
	const struct cul_verdict *v = j->r->verdict;
	cJSON *array = cJSON_CreateArray();

	for (size_t i = 0; array && i < v->not_judged_count; i++) {
		cJSON *o = add(j, array, NULL, cJSON_CreateObject());

		add(j, o, "cause", text(j, v->not_judged[i].cause ? v->not_judged[i].cause : ""));
		add(j, o, "why", text(j, v->not_judged[i].why ? v->not_judged[i].why : ""));
		add(j, o, "capture", text(j, v->not_judged[i].capture));
	}
	return array;
}

enum cul_status cul_report_json(struct cul_report *r, struct cul_error *err)
{
	struct json j = { .r = r };
	cJSON *top = cJSON_CreateObject();

	add(&j, top, "culprit", cJSON_CreateString(cul_version()));
	add(&j, top, "schema", whole(SCHEMA));
	add(&j, top, "lead", r->lead ? whole(r->lead->order) : cJSON_CreateNull());
	cJSON *input = add(&j, top, "input", cJSON_CreateObject());
	add(&j, input, "path", text(&j, r->options->input ? r->options->input : ""));
	add(&j, input, "members", whole(r->members));
	add(&j, input, "lines", whole(r->lines));
	add(&j, input, "bytes", whole(r->bytes));
	add(&j, top, "hosts", hosts(&j));
	add(&j, top, "coverage", coverage(&j));
	cJSON *findings = add(&j, top, "findings", cJSON_CreateArray());
	for (size_t i = 0; findings && i < r->verdict->count; i++)
		add(&j, findings, NULL, finding(&j, &r->verdict->findings[i]));
	add(&j, top, "unexplained", unexplained(&j));
	add(&j, top, "not_judged", not_judged(&j));
	if (r->verdict->compared) {
		cJSON *baseline = add(&j, top, "baseline", cJSON_CreateObject());
		add(&j, baseline, "known_templates", whole((int64_t)r->verdict->known_templates));
		strings(&j, baseline, "changes", r->verdict->changes, r->verdict->change_count);
	}

	char *printed = j.torn ? NULL : cJSON_Print(top);
	cJSON_Delete(top);
	if (!printed)
		return cul_fail(err, CUL_ENOMEM, "the report: out of memory");
	fputs(printed, r->out);
	putc('\n', r->out);
	cJSON_free(printed);
	return CUL_OK;
}
