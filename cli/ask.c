/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the user says beside the input: --at, --about, --waive FILE, --baseline GOOD.
 *
 * A file of waivers has one a line: a cause ("nccl.*" too), optionally ENTITY=VALUE, optionally "# reason". The value may stand in
 * double quotes. Empty lines and those that begin with # say nothing.
 */
#include "commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST_WAIVERS 1000
#define LONGEST 4096

static bool known_cause(const struct cul_rules *rules, const char *cause, const char **near)
{
	struct cul_rule_info info;
	const char *names[4096];
	size_t size = strlen(cause), count = 0;

	*near = NULL;
	for (size_t i = 0; cul_rules_info(rules, i, "en", &info); i++) {
		if (cause[size - 1] == '*' ? !strncmp(info.id, cause, size - 1) : !strcmp(info.id, cause))
			return true;
		if (count < sizeof(names) / sizeof(names[0]))
			names[count++] = info.id;
	}
	*near = nearest(cause, names, count);
	return false;
}

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t\r\n");
	for (n = strlen(text); n && strchr(" \t\r\n", text[n - 1]); n--)
		;
	text[n] = '\0';
	return text;
}

/* The reason: behind the first # that begins a word. */
static char *cut_reason(char *text)
{
	for (char *at = text; *at; at++)
		if (*at == '#' && (at == text || at[-1] == ' ' || at[-1] == '\t')) {
			*at = '\0';
			return trim(at + 1);
		}
	return NULL;
}

static bool read_waiver(const struct cul_rules *rules, const char *file, size_t number, char *text, struct cul_waiver *w)
{
	static const char *const entities[] = { "host", "gpu", "pid", "rank", "device", "model", "comm", "unit" };
	const char *near;
	char *reason = cut_reason(text);

	text = trim(text);
	char *behind = text + strcspn(text, " \t");
	if (*behind)
		*behind++ = '\0';
	behind = trim(behind);
	if (!known_cause(rules, text, &near)) {
		if (near)
			complain("%s:%zu: there is no cause called %s; did you mean %s?", file, number, text, near);
		else
			complain("%s:%zu: there is no cause called %s; \"culprit rules list\" shows all", file, number, text);
		return false;
	}
	*w = (struct cul_waiver){ .cause = text, .reason = reason };
	if (!*behind)
		return true;
	char *value = strchr(behind, '=');
	if (!value) {
		complain("%s:%zu: \"%s\" is not understood; behind the cause stands ENTITY=VALUE, or # and a reason", file, number, behind);
		return false;
	}
	*value++ = '\0';
	w->entity = trim(behind);
	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
		if (!strcmp(entities[i], w->entity))
			behind = NULL;
	if (behind && !cul_field_find(slice_of(w->entity))) {
		near = nearest(w->entity, entities, sizeof(entities) / sizeof(entities[0]));
		complain("%s:%zu: there is no entity called \"%s\"%s%s%s", file, number, w->entity, near ? "; did you mean " : "; host, gpu, pid, device are some",
			 near ? near : "", near ? "?" : "");
		return false;
	}
	value = trim(value);
	size_t n = strlen(value);
	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		value[n - 1] = '\0';
		value++;
	}
	if (!*value || strchr(value, '"') || (value[-1] != '"' && strpbrk(value, " \t"))) {
		complain("%s:%zu: %s= wants one value; one with spaces stands in double quotes", file, number, w->entity);
		return false;
	}
	w->value = value;
	return true;
}

static int read_waivers(const char *file, const struct cul_rules *rules, struct asked *ask)
{
	FILE *in = fopen(file, "re");
	char *text = NULL;
	size_t room = 0;
	bool bad = false;

	if (!in) {
		complain("%s: %s", file, strerror(errno));
		return EXIT_UNREADABLE;
	}
	ask->waivers = calloc(MOST_WAIVERS, sizeof(*ask->waivers));
	ask->lines = calloc(MOST_WAIVERS, sizeof(*ask->lines));
	errno = 0;
	for (size_t number = 1; ask->waivers && ask->lines && getline(&text, &room, in) >= 0; number++) {
		char *at = text + strspn(text, " \t\r\n");

		if (!*at || *at == '#')
			continue;
		if (strlen(text) > LONGEST || ask->waiver_count == MOST_WAIVERS) {
			complain("%s:%zu: %s", file, number, strlen(text) > LONGEST ? "this line is too long" : "too many lines; a thousand are taken");
			bad = true;
			break;
		}
		ask->lines[ask->waiver_count] = text;
		bad |= !read_waiver(rules, file, number, text, &ask->waivers[ask->waiver_count]);
		ask->waiver_count++;
		text = NULL;
		room = 0;
	}
	bool torn = ferror(in) || !ask->waivers || !ask->lines;
	if (torn)
		complain("%s: %s", file, strerror(errno ? errno : ENOMEM));
	free(text);
	fclose(in);
	return torn ? EXIT_UNREADABLE : bad ? EXIT_USE : EXIT_DONE;
}

int asked_prepare(const struct options *o, const struct cul_rules *rules, struct asked *ask)
{
	struct cul_error err = { 0 };
	int status = o->waive ? read_waivers(o->waive, rules, ask) : EXIT_DONE;

	if (status == EXIT_DONE && o->baseline) {
		/* the window of time is the incident's, not the baseline's */
		struct options whole = *o;

		whole.since_ns = whole.until_ns = 0;
		enum cul_status read = open_or_scan(&whole, o->baseline, cul_rules_interests(rules), NULL, &ask->baseline, &err);
		if (read == CUL_ELIMIT && ask->baseline)
			complain("%s", err.text);
		else if (read != CUL_OK)
			return failed(read, &err);
	}
	return status;
}

void asked_free(struct asked *ask)
{
	for (size_t i = 0; i < ask->waiver_count; i++)
		free(ask->lines[i]);
	free(ask->lines);
	free(ask->waivers);
	if (ask->baseline)
		cul_case_close(ask->baseline);
}
