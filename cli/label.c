/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit label CASE CAUSE...: keep the desk's verdict beside the case, in CASE.label.json.
 *
 * It has the form of the labels in samples/incidents (cause, also_acceptable), with what the rules of that day said, so that
 * `make calibrate CASES=FOLDER` reads it. "none" says that nothing was wrong.
 */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool known(const struct cul_rules *rules, const char *cause)
{
	struct cul_rule_info info;
	const char *names[4096], *near;
	size_t count = 0;

	if (!strcmp(cause, "none"))
		return true;
	for (size_t i = 0; cul_rules_info(rules, i, "en", &info); i++) {
		if (!strcmp(info.id, cause))
			return true;
		if (count < sizeof(names) / sizeof(names[0]))
			names[count++] = info.id;
	}
	near = nearest(cause, names, count);
	if (near)
		complain("there is no cause called %s; did you mean %s?", cause, near);
	else
		complain("there is no cause called %s; \"culprit rules list\" shows all, \"none\" says that nothing was wrong", cause);
	return false;
}

static void put_label(FILE *out, const struct options *o, const struct cul_finding *lead)
{
	const char *cause = o->args[1];

	fputs("{\n \"cause\": ", out);
	if (strcmp(cause, "none") != 0)
		put_json(out, slice_of(cause));
	else
		fputs("null", out);
	fputs(",\n \"also_acceptable\": [", out);
	for (size_t i = 2; i < o->count; i++) {
		fputs(i > 2 ? ", " : "", out);
		put_json(out, slice_of(o->args[i]));
	}
	fputs("],\n \"judged\": { \"lead\": ", out);
	if (lead)
		put_json(out, slice_of(lead->cause));
	else
		fputs("null", out);
	fprintf(out, ", \"certainty\": %.4f, \"culprit\": ", lead ? lead->certainty : 0.0);
	put_json(out, slice_of(cul_version()));
	fputs(" }\n}\n", out);
}

/* All of it or nothing: beside the file first, then in its place. */
static int write_label(const struct options *o, const struct cul_finding *lead)
{
	char *beside = NULL;

	if (asprintf(&beside, "%s.tmp", o->output) < 0) {
		complain("out of memory");
		return EXIT_UNREADABLE;
	}
	errno = 0;
	FILE *out = fopen(beside, "we");
	bool torn = !out;
	if (out) {
		put_label(out, o, lead);
		torn = ferror(out);
		torn |= fclose(out) != 0;
		torn = torn || rename(beside, o->output) < 0;
	}
	if (torn) {
		complain("%s: %s", o->output, errno ? strerror(errno) : "could not be written");
		if (out)
			unlink(beside);
	}
	free(beside);
	return torn ? EXIT_UNREADABLE : EXIT_DONE;
}

int run_label(const struct options *o)
{
	AUTO(rules_freep) struct cul_rules *rules = NULL;
	AUTO(case_closep) struct cul_case *c = NULL;
	AUTO(verdict_freep) const struct cul_verdict *verdict = NULL;
	const struct cul_judge_options how = { .lang = o->lang };
	const struct cul_finding *lead = NULL;
	struct cul_error err = { 0 };

	if (load_rules(o, &rules, &err) != CUL_OK)
		return failed(err.status, &err);
	for (size_t i = 1; i < o->count; i++)
		if (!known(rules, o->args[i]))
			return EXIT_USE;
	if (!is_case(o->args[0]) && access(o->args[0], F_OK) == 0) {
		complain("%s: not a case; \"culprit scan %s -o CASE\" makes one", o->args[0], o->args[0]);
		return EXIT_UNREADABLE;
	}
	enum cul_status status = cul_case_open(o->args[0], cul_rules_interests(rules), &c, &err);
	if (status == CUL_OK)
		status = cul_rules_judge(rules, c, &how, &verdict, &err);
	if (status != CUL_OK)
		return failed(status, &err);
	if (verdict->lead)
		lead = &verdict->findings[verdict->lead - 1];
	int ret = write_label(o, lead);
	if (ret != EXIT_DONE || o->quiet)
		return ret;
	bool agrees = lead ? false : !strcmp(o->args[1], "none");
	for (size_t i = 1; lead && i < o->count; i++)
		agrees |= !strcmp(o->args[i], lead->cause);
	put_text(stdout, slice_of(o->output));
	fputs(": ", stdout);
	put_text(stdout, slice_of(o->args[1]));
	if (lead)
		printf("; the rules %s: %s, %.0f %%\n", agrees ? "agree" : "say otherwise", lead->cause, 100 * lead->certainty);
	else
		printf("; the rules %s: no known cause\n", agrees ? "agree" : "say otherwise");
	return EXIT_DONE;
}
