/* SPDX-License-Identifier: Apache-2.0 */
/**
 * samples/incidents: is the true cause first? usage: incidents FOLDER [CASE...]
 *
 * Each folder that holds a case.json is read without it and judged by the built-in rules. The label says
 *   cause            what must lead; null: nothing may lead
 *   also_acceptable  may lead instead
 *   must_appear      must be among the findings, whatever their role
 *   must_not_appear  must not be among them
 *   must_not_lead    would be a wrong first answer
 *   act              what the lead must say is to be done first
 *   facts            values that stand in facts or entities of a finding, or in the hosts: {any: [...]} or {lo, hi}
 *   remedy_must, remedy_must_not   patterns over the lead's remedy
 *   captures         patterns, each of which must stand in a command that would settle what is open
 *   certainty_above, certainty_below   bounds of the lead's certainty
 *   ruled_out        patterns, each of which must stand in what the lead rules out
 *   shapes           true: the same must come of the files renamed and in reverse, and of one pasted ticket
 * Nothing culprit says may hold one of the inventions listed below.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pcre2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "culprit/culprit.h"

#define FILES 256

/* tools, options and numbers that do not exist or do not do what is said of them */
static const char *const inventions[] = {
	"nvidia-mem-smi", "nvidia-memtest", "nvidia-trees", "nvidia-lldb", "/proc/nvidia-smi", "/sys/class/kernel/nvidia-mem",
	"card0-E00", "nvidia-smi -p 0 -r", "nvidia-smi -t ", "nvidia-smi -d ", "nvidia-smi -g ", "--printMem", "SMI_TESLA",
	"cudart unified memory", "cudaFreeAll", "cudaMemFree", "cudaErrorNone", "Kernel panic - not responding", "450.80.02",
};

struct files {
	struct cul_blob blobs[FILES];
	char *names[FILES];
	char *datas[FILES];
	size_t count;
};

struct outcome {
	const char *name, *shape;
	int bad;
	char *values[8192];
	size_t value_count;
};

static void say(struct outcome *o, const char *format, ...)
{
	va_list args;

	o->bad++;
	fprintf(stderr, "%s (%s): ", o->name, o->shape);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
}

/* ---- files -------------------------------------------------------------------------------------- */

static char *slurp(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	struct stat st;

	if (!f)
		return NULL;
	if (fstat(fileno(f), &st)) {
		fclose(f);
		return NULL;
	}
	char *data = malloc((size_t)st.st_size + 1);
	*size = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
	if (data)
		data[*size] = '\0';
	fclose(f);
	return data;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void gather(const char *folder, const char *prefix, struct files *files)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, NULL, by_name);

	for (int i = 0; i < n; i++) {
		char path[4096], name[2048];
		struct stat st;
		snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name);
		snprintf(name, sizeof(name), "%s%s", prefix, list[i]->d_name);
		if (list[i]->d_name[0] != '.' && strcmp(list[i]->d_name, "case.json") && !stat(path, &st)) {
			if (S_ISDIR(st.st_mode)) {
				strncat(name, "/", sizeof(name) - strlen(name) - 1);
				gather(path, name, files);
			} else if (files->count < FILES) {
				size_t size = 0;
				char *data = slurp(path, &size);
				size_t k = files->count++;
				files->datas[k] = data;
				files->names[k] = strdup(name);
				files->blobs[k] = (struct cul_blob){ files->names[k], { data, size } };
			}
		}
		free(list[i]);
	}
	free(list);
}

static void drop(struct files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->names[i]);
		free(files->datas[i]);
	}
}

/* attachments whose names say nothing, in reverse */
static void reversed(const struct files *in, struct files *out)
{
	for (size_t i = 0; i < in->count; i++) {
		char name[64];
		snprintf(name, sizeof(name), "attachment-%02zu.txt", i + 1);
		out->names[i] = strdup(name);
		out->blobs[i] = (struct cul_blob){ out->names[i], in->blobs[in->count - 1 - i].bytes };
	}
	out->count = in->count;
}

/* one ticket: prose, prompts and fences */
static void ticket(const struct files *in, struct files *out)
{
	static const struct { const char *stem, *command; } prompts[] = {
		{ "dmesg", "dmesg" }, { "journal", "journalctl -k" }, { "nvidia-smi", "nvidia-smi" }, { "ps", "ps auxww" },
		{ "top", "top -b -n1" }, { "stack", "cat /proc/*/stack" }, { "free", "free -m" }, { "lspci", "lspci -vv" },
	};
	char *data = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&data, &size);

	fputs("# Machine in trouble, please have a look\n\nHello, since this morning the box does not do what it should.\n", f);
	for (size_t i = 0; i < in->count; i++) {
		struct cul_slice bytes = in->blobs[i].bytes;
		const char *base = strrchr(in->blobs[i].name, '/');
		base = base ? base + 1 : in->blobs[i].name;
		fprintf(f, "\nThis is `%s`:\n```\n", in->blobs[i].name);
		for (size_t k = 0; k < sizeof(prompts) / sizeof(prompts[0]); k++)
			if (!strncmp(base, prompts[k].stem, strlen(prompts[k].stem)) && base[strlen(prompts[k].stem)] == '.')
				fprintf(f, "$ %s\n", prompts[k].command);
		while (bytes.size && bytes.data[bytes.size - 1] == '\n')
			bytes.size--;
		fwrite(bytes.data, 1, bytes.size, f);
		fputs("\n```\n", f);
	}
	fputs("\nThanks, tell me if you need more.\n", f);
	fclose(f);
	out->names[0] = strdup("ticket.md");
	out->datas[0] = data;
	out->blobs[0] = (struct cul_blob){ out->names[0], { data, size } };
	out->count = 1;
}

/* ---- comparing ------------------------------------------------------------------------------------ */

static bool matches(const char *pattern, const char *text)
{
	int code;
	PCRE2_SIZE at;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_CASELESS, &code, &at, NULL);

	if (!re) {
		fprintf(stderr, "bad pattern in a label: %s\n", pattern);
		return false;
	}
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(re, NULL);
	int found = pcre2_match(re, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL);
	pcre2_match_data_free(data);
	pcre2_code_free(re);
	return found >= 0;
}

static void add_value(struct outcome *o, const char *text, size_t size)
{
	if (o->value_count < sizeof(o->values) / sizeof(o->values[0]))
		o->values[o->value_count++] = strndup(text, size);
}

static void add_facts(struct outcome *o, const struct cul_fact *facts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < facts[i].count; k++) {
			const struct cul_value *v = &facts[i].values[k];
			char text[64];
			if (v->type == CUL_TEXT) {
				add_value(o, v->s.data, v->s.size);
				continue;
			}
			if (v->type == CUL_INT)
				snprintf(text, sizeof(text), "%" PRId64, v->i);
			else if (v->type == CUL_REAL)
				snprintf(text, sizeof(text), "%.17g", v->r);
			else
				continue;
			add_value(o, text, strlen(text));
		}
}

static bool number(const char *text, double *ret)
{
	char *end;

	if (!*text)
		return false;
	*ret = strtod(text, &end);
	return !*end;
}

static bool stands(const struct outcome *o, const cJSON *fact)
{
	const cJSON *lo = cJSON_GetObjectItem(fact, "lo"), *hi = cJSON_GetObjectItem(fact, "hi"), *want;
	double v;

	if (lo && hi) {
		for (size_t i = 0; i < o->value_count; i++)
			if (number(o->values[i], &v) && v >= lo->valuedouble && v <= hi->valuedouble)
				return true;
		return false;
	}
	cJSON_ArrayForEach(want, cJSON_GetObjectItem(fact, "any")) {
		char text[64];
		const char *as_text = cJSON_IsString(want) ? want->valuestring : text;
		double w = want->valuedouble;
		if (!cJSON_IsString(want))
			snprintf(text, sizeof(text), "%.17g", w);
		bool numeric = !cJSON_IsString(want) || number(as_text, &w);
		double room = numeric && w != floor(w) ? 0.02 * fabs(w) : 0;
		for (size_t i = 0; i < o->value_count; i++)
			if (!strcasecmp(o->values[i], as_text) || (numeric && number(o->values[i], &v) && fabs(v - w) <= room))
				return true;
	}
	return false;
}

static bool holds(const cJSON *list, const char *text)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
		if (cJSON_IsString(item) && !strcmp(item->valuestring, text))
			return true;
	return false;
}

/* everything a person would read of this finding */
static char *words_of(const struct cul_finding *f, bool remedy_only)
{
	char *data = NULL;
	size_t size;
	FILE *out = open_memstream(&data, &size);

	for (size_t i = 0; i < f->remedy_count; i++)
		fprintf(out, "%s \n%s \n%s \n%s \n%s \n", f->remedy[i].what, f->remedy[i].run ? f->remedy[i].run : "",
			f->remedy[i].why ? f->remedy[i].why : "", f->remedy[i].risk ? f->remedy[i].risk : "",
			f->remedy[i].needs ? f->remedy[i].needs : "");
	if (!remedy_only) {
		fprintf(out, "%s\n%s\n", f->title ? f->title : "", f->summary ? f->summary : "");
		for (size_t i = 0; i < f->do_not_count; i++)
			fprintf(out, "%s\n", f->do_not[i]);
		for (size_t i = 0; i < f->capture_count; i++)
			fprintf(out, "%s\n", f->captures[i]);
	}
	fclose(out);
	return data;
}

static char *joined(const char *const *list, size_t count, const struct cul_verdict *also)
{
	char *data = NULL;
	size_t size;
	FILE *out = open_memstream(&data, &size);

	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s\n", list[i]);
	for (size_t i = 0; also && i < also->not_judged_count; i++)
		fprintf(out, "%s\n", also->not_judged[i].capture ? also->not_judged[i].capture : "");
	fclose(out);
	return data;
}

static void hold_patterns(struct outcome *o, const cJSON *list, const char *text, bool wanted, const char *what)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, list)
		if (cJSON_IsString(item) && matches(item->valuestring, text) != wanted)
			say(o, "%s: /%s/ %s", what, item->valuestring, wanted ? "is missing" : "stands there");
}

/* ---- one incident ----------------------------------------------------------------------------------- */

static void check(struct outcome *o, const cJSON *label, struct cul_case *c, const struct cul_verdict *verdict)
{
	const cJSON *cause = cJSON_GetObjectItem(label, "cause"), *item;
	const struct cul_finding *lead = NULL;
	char text[64];

	for (size_t i = 0; i < verdict->count; i++) {
		const struct cul_finding *f = &verdict->findings[i];
		if (f->order == verdict->lead)
			lead = f;
		add_facts(o, f->facts, f->fact_count);
		add_facts(o, f->entities, f->entity_count);
		char *words = words_of(f, false);
		for (size_t k = 0; k < sizeof(inventions) / sizeof(inventions[0]); k++)
			if (strstr(words, inventions[k]))
				say(o, "%s says \"%s\"", f->cause, inventions[k]);
		free(words);
		if (holds(cJSON_GetObjectItem(label, "must_not_appear"), f->cause))
			say(o, "%s must not appear", f->cause);
	}
	size_t hosts = 0;
	const struct cul_host *host = cul_case_hosts(c, &hosts);
	for (size_t i = 0; i < hosts; i++) {
		const char *const texts[] = { host[i].name, host[i].kernel, host[i].os, host[i].model, host[i].cpu };
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
			if (texts[k])
				add_value(o, texts[k], strlen(texts[k]));
		snprintf(text, sizeof(text), "%.17g", host[i].load_1m);
		add_value(o, text, strlen(text));
	}

	if (!cJSON_IsString(cause)) {
		if (lead)
			say(o, "nothing may lead, but %s does (%.2f): %s", lead->cause, lead->certainty, lead->title);
	} else if (!lead) {
		say(o, "want %s, nothing leads", cause->valuestring);
	} else if (strcmp(lead->cause, cause->valuestring) && !holds(cJSON_GetObjectItem(label, "also_acceptable"), lead->cause)) {
		say(o, "want %s, %s leads (%.2f)", cause->valuestring, lead->cause, lead->certainty);
	}
	if (lead && holds(cJSON_GetObjectItem(label, "must_not_lead"), lead->cause))
		say(o, "%s must not lead", lead->cause);
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(label, "must_appear")) {
		bool found = false;
		for (size_t i = 0; i < verdict->count; i++)
			found |= !strcmp(verdict->findings[i].cause, item->valuestring);
		if (!found)
			say(o, "%s does not appear", item->valuestring);
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItem(label, "facts"))
		if (!stands(o, item)) {
			char *fact = cJSON_PrintUnformatted(item);
			say(o, "fact is missing: %s", fact);
			free(fact);
		}
	char *captures = joined(lead ? lead->captures : NULL, lead ? lead->capture_count : 0, verdict);
	hold_patterns(o, cJSON_GetObjectItem(label, "captures"), captures, true, "captures");
	free(captures);
	if (!lead || !cJSON_IsString(cause))
		return;

	const cJSON *act = cJSON_GetObjectItem(label, "act");
	if (cJSON_IsString(act) && (!lead->act || strcmp(lead->act, act->valuestring)))
		say(o, "act: want %s, got %s", act->valuestring, lead->act ? lead->act : "nothing");
	char *remedy = words_of(lead, true);
	hold_patterns(o, cJSON_GetObjectItem(label, "remedy_must"), remedy, true, "remedy");
	hold_patterns(o, cJSON_GetObjectItem(label, "remedy_must_not"), remedy, false, "remedy");
	free(remedy);
	char *ruled = joined(lead->ruled_out, lead->ruled_out_count, NULL);
	hold_patterns(o, cJSON_GetObjectItem(label, "ruled_out"), ruled, true, "ruled out");
	free(ruled);
	const cJSON *above = cJSON_GetObjectItem(label, "certainty_above"), *below = cJSON_GetObjectItem(label, "certainty_below");
	if (cJSON_IsNumber(above) && lead->certainty < above->valuedouble)
		say(o, "certainty %.2f is below %.2f", lead->certainty, above->valuedouble);
	if (cJSON_IsNumber(below) && lead->certainty > below->valuedouble)
		say(o, "certainty %.2f is above %.2f", lead->certainty, below->valuedouble);
}

static int judge(const struct cul_rules *rules, const char *name, const char *shape, const struct files *files, const cJSON *label)
{
	struct outcome *o = calloc(1, sizeof(*o));
	struct cul_error err = { 0 };
	struct cul_bundle *bundle = NULL;
	struct cul_case *c = NULL;
	const struct cul_verdict *verdict = NULL;

	if (!o)
		return 1;
	o->name = name;
	o->shape = shape;
	if (cul_bundle_memory(files->blobs, files->count, NULL, &bundle, &err) != CUL_OK ||
	    cul_case_scan(NULL, bundle, cul_rules_interests(rules), NULL, NULL, &c, &err) != CUL_OK ||
	    cul_rules_judge(rules, c, NULL, &verdict, &err) != CUL_OK)
		say(o, "%s", err.text);
	else
		check(o, label, c, verdict);
	int bad = o->bad;
	for (size_t i = 0; i < o->value_count; i++)
		free(o->values[i]);
	free(o);
	cul_verdict_free(verdict);
	if (c)
		cul_case_close(c);
	if (bundle)
		cul_bundle_close(bundle);
	return bad;
}

static int incident(const struct cul_rules *rules, const char *folder, const char *name)
{
	char path[4096];
	size_t size;
	struct files *files = calloc(3, sizeof(*files));
	int bad = 0;

	snprintf(path, sizeof(path), "%s/%s/case.json", folder, name);
	char *text = slurp(path, &size);
	cJSON *label = text ? cJSON_ParseWithLength(text, size) : NULL;
	if (!label) {
		fprintf(stderr, "%s: no label that can be read\n", path);
		free(text);
		free(files);
		return 1;
	}
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	gather(path, "", &files[0]);
	bad += judge(rules, name, "plain", &files[0], label);
	if (cJSON_IsTrue(cJSON_GetObjectItem(label, "shapes"))) {
		reversed(&files[0], &files[1]);
		ticket(&files[0], &files[2]);
		bad += judge(rules, name, "renamed, in reverse", &files[1], label);
		bad += judge(rules, name, "one ticket", &files[2], label);
	}
	for (int i = 0; i < 3; i++)
		drop(&files[i]);
	free(files);
	cJSON_Delete(label);
	free(text);
	return bad;
}

int main(int argc, char **argv)
{
	struct cul_rules *rules = NULL;
	struct cul_error err = { 0 };
	struct dirent **list = NULL;
	int wrong = 0, count = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: incidents FOLDER [CASE...]\n");
		return 2;
	}
	if (cul_rules_load(true, NULL, 0, &rules, &err) != CUL_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	int n = scandir(argv[1], &list, NULL, by_name);
	for (int i = 0; i < n; i++) {
		char path[4096];
		struct stat st;
		bool asked = argc == 2;
		for (int k = 2; k < argc; k++)
			asked |= !strcmp(argv[k], list[i]->d_name);
		snprintf(path, sizeof(path), "%s/%s/case.json", argv[1], list[i]->d_name);
		if (asked && !stat(path, &st)) {
			count++;
			wrong += incident(rules, argv[1], list[i]->d_name) > 0;
		}
		free(list[i]);
	}
	free(list);
	cul_rules_free(rules);
	fprintf(stderr, "%d incidents, %d right\n", count, count - wrong);
	return wrong || !count;
}
