/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What culprit looks for in every line, so that other tools can be given the same: the parsers' needles and the literals and
 * patterns of the built-in rules. usage: literals FOLDER; writes FOLDER/literals and FOLDER/patterns, a line each, sorted.
 *
 * The words that make a line suspect are left out, although culprit looks for them as well: they lead to nothing but a count.
 * Patterns are PCRE2, with (?i) in front where they don't care for case; a parser's needle stands among them as it is, quoted.
 */
#include <stdlib.h>
#include <string.h>

#include "base/pattern.h"
#include "culprit/culprit.h"
#include "parsers/state.h"

struct list {
	char **lines;
	size_t count, room;
};

static void keep(struct list *list, const char *text, bool quote)
{
	char *copy = malloc(2 * strlen(text) + 1), *to = copy;

	if (!copy)
		abort();
	if (strchr(text, '\n')) { /* no line of a file; none is today */
		free(copy);
		return;
	}
	for (const char *p = text; *p; p++) {
		if (quote && strchr("\\^$.[]|()?*+{}", *p))
			*to++ = '\\';
		*to++ = *p;
	}
	*to = '\0';
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 1024;
		char **lines = realloc(list->lines, list->room * sizeof(*lines));

		if (!lines)
			abort();
		list->lines = lines;
	}
	list->lines[list->count++] = copy;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool write_list(const struct list *list, const char *folder, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *out = fopen(path, "we");
	if (!out) {
		perror(path);
		return false;
	}
	qsort(list->lines, list->count, sizeof(*list->lines), by_bytes);
	for (size_t i = 0; i < list->count; i++)
		if (!i || strcmp(list->lines[i], list->lines[i - 1]) != 0)
			fprintf(out, "%s\n", list->lines[i]);
	return !fclose(out);
}

int main(int argc, char **argv)
{
	struct list literals = { 0 }, patterns = { 0 };
	struct cul_rules *rules = NULL;
	struct cul_error err = { 0 };

	if (argc != 2) {
		fputs("usage: literals FOLDER\n", stderr);
		return 2;
	}
	if (cul_rules_load(true, NULL, 0, &rules, &err) != CUL_OK) {
		fprintf(stderr, "literals: %s\n", err.text);
		return 1;
	}
	const struct cul_interests *interests = cul_rules_interests(rules);
	for (size_t i = 0; i < interests->count; i++) {
		const struct cul_interest *one = &interests->items[i];
		char *pattern = malloc(strlen(one->pattern) + 8);

		if (!pattern)
			abort();
		sprintf(pattern, "%s%s", one->caseless && strncmp(one->pattern, "(?i)", 4) != 0 ? "(?i)" : "", one->pattern);
		keep(&patterns, pattern, false);
		free(pattern);
		for (const char *const *l = one->literals; l && *l; l++)
			keep(&literals, *l, false);
	}
	const struct cul_parser *const *tables[] = { cul_messages, cul_captures };
	for (size_t t = 0; t < 2; t++)
		for (const struct cul_parser *const *p = tables[t]; *p; p++)
			for (const char *const *n = (*p)->needles; n && *n; n++) {
				keep(&literals, *n, false);
				keep(&patterns, *n, true);
			}
	bool ok = write_list(&literals, argv[1], "literals") && write_list(&patterns, argv[1], "patterns");
	for (size_t i = 0; i < literals.count; i++)
		free(literals.lines[i]);
	for (size_t i = 0; i < patterns.count; i++)
		free(patterns.lines[i]);
	free(literals.lines);
	free(patterns.lines);
	cul_rules_free(rules);
	return ok ? 0 : 1;
}
