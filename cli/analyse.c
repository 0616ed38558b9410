/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit PATH..., culprit judge CASE, culprit report CASE: read (or open), judge, print.
 *
 * Each path is a bundle of its own and is printed in turn. With --json several reports stand in one array. A path that can't be read is
 * told on stderr; the others are still analysed. Several are analysed side by side (--jobs).
 */
#include "commands.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
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

/* Bundles side by side: each is judged by one thread, into memory; what is printed comes in the order of the paths. */
struct crew {
	const struct options *o;
	const struct asked *ask;
	const struct cul_rules *rules;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned jobs;
	size_t next, printed;
	struct printed {
		char *text;
		size_t size;
		int status;
		bool done;
	} *all;
};

#define AHEAD 64 /* bundles that are done and wait to be printed, at most */

static void *work(void *ctx)
{
	struct crew *crew = ctx;

	for (;;) {
		pthread_mutex_lock(&crew->lock);
		while (crew->next < crew->o->count && crew->next >= crew->printed + AHEAD)
			pthread_cond_wait(&crew->changed, &crew->lock);
		size_t i = crew->next < crew->o->count ? crew->next++ : crew->o->count;
		pthread_mutex_unlock(&crew->lock);
		if (i == crew->o->count)
			return NULL;
		struct printed p = { .status = EXIT_UNREADABLE, .done = true };
		FILE *out = open_memstream(&p.text, &p.size);
		if (out) {
			struct options own = *crew->o;
			/* who gets none of the last ones lends his thread to them */
			own.jobs = crew->jobs / (unsigned)(crew->o->count - i < crew->jobs ? crew->o->count - i : crew->jobs);
			p.status = analyse_one(&own, crew->ask, crew->rules, own.args[i], out);
			fclose(out);
		}
		pthread_mutex_lock(&crew->lock);
		crew->all[i] = p;
		pthread_cond_broadcast(&crew->changed);
		pthread_mutex_unlock(&crew->lock);
	}
}

/* The head of path @i, and what stands between two. */
static void put_head(const struct options *o, size_t i, FILE *out)
{
	if (o->count == 1)
		return;
	if (o->json) {
		fputs(i ? ",\n" : "[\n", out);
		return;
	}
	if (i)
		putc('\n', out);
	fputs("==> ", out);
	put_text(out, slice_of(o->args[i]));
	fputs(" <==\n", out);
}

static int analyse_side_by_side(const struct options *o, const struct asked *ask, const struct cul_rules *rules, FILE *out)
{
	struct options single = *o;
	struct crew crew = { .o = &single, .ask = ask, .rules = rules };
	pthread_t threads[64];
	unsigned running = 0;
	int ret = EXIT_DONE;

	crew.jobs = o->jobs;
	single.progress = 0;
	crew.all = calloc(o->count, sizeof(*crew.all));
	if (!crew.all) {
		complain("out of memory");
		return EXIT_UNREADABLE;
	}
	pthread_mutex_init(&crew.lock, NULL);
	pthread_cond_init(&crew.changed, NULL);
	while (running < o->jobs && running < o->count && running < 64 && !pthread_create(&threads[running], NULL, work, &crew))
		running++;
	for (size_t i = 0; i < o->count && running; i++) {
		pthread_mutex_lock(&crew.lock);
		while (!crew.all[i].done)
			pthread_cond_wait(&crew.changed, &crew.lock);
		struct printed p = crew.all[i];
		pthread_mutex_unlock(&crew.lock);
		put_head(o, i, out);
		if (o->json && p.status == EXIT_UNREADABLE)
			fputs("null\n", out);
		else if (p.size)
			fwrite(p.text, 1, p.size, out);
		free(p.text);
		ret = p.status > ret ? p.status : ret;
		pthread_mutex_lock(&crew.lock);
		crew.printed = i + 1;
		if (ferror(out))
			crew.next = o->count; /* nobody reads on */
		pthread_cond_broadcast(&crew.changed);
		bool stop = ferror(out);
		pthread_mutex_unlock(&crew.lock);
		if (stop)
			break;
	}
	for (unsigned i = 0; i < running; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = crew.printed; i < o->count; i++)
		free(crew.all[i].text);
	free(crew.all);
	pthread_mutex_destroy(&crew.lock);
	pthread_cond_destroy(&crew.changed);
	if (!running) {
		complain("no thread could be started");
		return EXIT_UNREADABLE;
	}
	if (o->json)
		fputs("]\n", out);
	return ret;
}

static int analyse_all(const struct options *o, FILE *out)
{
	AUTO(rules_freep) struct cul_rules *rules = NULL;
	AUTO(asked_free) struct asked ask = { 0 };
	struct cul_error err = { 0 };
	bool array = o->json && o->count > 1;
	int ret = EXIT_DONE;

	if (load_rules(o, &rules, &err) != CUL_OK)
		return failed(err.status, &err);
	ret = asked_prepare(o, rules, &ask);
	if (ret != EXIT_DONE)
		return ret;
	if (o->jobs > 1 && o->count > 1)
		return analyse_side_by_side(o, &ask, rules, out);
	for (size_t i = 0; i < o->count; i++) {
		put_head(o, i, out);
		int status = analyse_one(o, &ask, rules, o->args[i], out);
		/* an array has a place for each path: what could not be read is null */
		if (array && status == EXIT_UNREADABLE)
			fputs("null\n", out);
		if (status > ret)
			ret = status;
		if (ferror(out))
			break;
	}
	if (array)
		fputs("]\n", out);
	return ret;
}

int run_analyse(const struct options *o)
{
	/* pages one behind the other are no page */
	if (o->count > 1 && o->format && (!strcmp(o->format, "html") || !strcmp(o->format, "dot"))) {
		complain("--format %s prints one PATH; \"culprit report -o FILE.%s PATH\" writes one", o->format, o->format);
		return EXIT_USE;
	}
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
