/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit PATH..., culprit judge CASE, culprit report CASE: read (or open), judge, print.
 *
 * Each path is a bundle of its own and is printed in turn. With --json several reports stand in one array. A path that can't be read is
 * told on stderr; the others are still analysed.
 */
#include "commands.h"

#include <errno.h>
#include <string.h>

static int analyse_one(const struct options *o, const struct asked *ask, const struct cul_rules *rules, const char *path, FILE *out)
{
	AUTO(case_closep) struct cul_case *c = NULL;
	struct cul_tally tally = { 0 };
	struct cul_error err = { 0 };
	double start = now_s();
	bool stored = is_case(path);
	enum cul_status status = open_or_scan(o, path, cul_rules_interests(rules), &tally, &c, &err);

	/* the limit of the whole input: what was read is kept, and judged */
	if (status == CUL_ELIMIT && c)
		complain("%s", err.text);
	else if (status != CUL_OK)
		return failed(status, &err);
	return judge_and_print(o, ask, rules, c, path, stored ? NULL : &tally, now_s() - start, out);
}

static int analyse_all(const struct options *o, FILE *out)
{
	AUTO(rules_freep) struct cul_rules *rules = NULL;
	AUTO(asked_free) struct asked ask = { 0 };
	struct cul_error err = { 0 };
	bool array = o->json && o->count > 1;
	int ret = EXIT_DONE, printed = 0;

	if (load_rules(o, &rules, &err) != CUL_OK)
		return failed(err.status, &err);
	ret = asked_prepare(o, rules, &ask);
	if (ret != EXIT_DONE)
		return ret;
	for (size_t i = 0; i < o->count; i++) {
		if (array)
			printf("%s", printed ? ",\n" : "[\n");
		else if (i && !o->json)
			putc('\n', out);
		if (!o->json && o->count > 1) {
			fputs("==> ", out);
			put_text(out, slice_of(o->args[i]));
			fputs(" <==\n", out);
		}
		int status = analyse_one(o, &ask, rules, o->args[i], out);
		/* an array has a place for each path: what could not be read is null */
		if (array && status == EXIT_UNREADABLE)
			fputs("null\n", out);
		printed++;
		if (status > ret)
			ret = status;
		if (ferror(out))
			break;
	}
	if (array)
		fputs(printed ? "]\n" : "[]\n", out);
	return ret;
}

int run_analyse(const struct options *o)
{
	return analyse_all(o, stdout);
}

int run_judge(const struct options *o)
{
	if (!is_case(o->args[0])) {
		FILE *file = fopen(o->args[0], "re");

		if (!file) {
			complain("%s: %s", o->args[0], strerror(errno));
			return EXIT_UNREADABLE;
		}
		fclose(file);
		complain("%s: not a case; \"culprit scan %s -o CASE\" makes one", o->args[0], o->args[0]);
		return EXIT_UNREADABLE;
	}
	return analyse_all(o, stdout);
}

int run_report(const struct options *o)
{
	if (!o->output)
		return analyse_all(o, stdout);

	FILE *out = fopen(o->output, "we");
	if (!out) {
		complain("%s: %s", o->output, strerror(errno));
		return EXIT_UNREADABLE;
	}
	static const struct { const char *suffix, *format; } known[] = { { ".html", "html" }, { ".htm", "html" }, { ".md", "markdown" }, { ".json", "json" }, { ".dot", "dot" } };
	struct options quiet = *o;
	size_t size = strlen(o->output);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]) && !quiet.format && !quiet.json; i++)
		if (size > strlen(known[i].suffix) && !strcmp(o->output + size - strlen(known[i].suffix), known[i].suffix))
			quiet.format = known[i].format;
	quiet.colour = o->colour > 0;
	int ret = analyse_all(&quiet, out);
	errno = 0;
	bool torn = ferror(out);
	if (fclose(out) || torn) {
		complain("%s: %s", o->output, errno ? strerror(errno) : "could not be written");
		return EXIT_UNREADABLE;
	}
	return ret;
}
