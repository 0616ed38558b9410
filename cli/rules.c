/* SPDX-License-Identifier: Apache-2.0 */
/** culprit rules list|show|check|test|new: the rules in use, and the proof of one's own; new.c drafts one. */
#include "commands.h"

#include <stdlib.h>
#include <string.h>

static int list_rules(const struct options *o, const struct cul_rules *rules)
{
	struct cul_rule_info info;
	size_t shown = 0;

	if (o->json)
		putchar('[');
	for (size_t i = 0; cul_rules_info(rules, i, o->lang, &info); i++) {
		/* words behind "list" are parts of ids */
		bool wanted = o->count < 2;
		for (size_t k = 1; k < o->count && !wanted; k++)
			wanted = strstr(info.id, o->args[k]) != NULL;
		if (!wanted)
			continue;
		if (o->json) {
			printf("%s\n  {\"id\": ", shown ? "," : "");
			put_json(stdout, slice_of(info.id));
			if (info.sign) {
				printf(", \"sign\": \"%s\"", info.sign);
			} else {
				printf(", \"severity\": \"%s\", \"act\": ", severity_name(info.severity));
				put_json(stdout, slice_of(info.act));
			}
			printf(", \"builtin\": %s, \"file\": ", info.builtin ? "true" : "false");
			put_json(stdout, slice_of(info.file));
			printf(", \"title\": ");
			put_json(stdout, slice_of(info.title));
			putchar('}');
		} else {
			printf("%-44s %-8s %c ", info.id, info.sign ? info.sign : severity_name(info.severity), info.builtin ? ' ' : '*');
			char *title = cul_rules_plain(info.title);

			put_text(stdout, slice_of(title));
			putchar('\n');
			free(title);
		}
		shown++;
	}
	if (o->json)
		puts("\n]");
	return EXIT_DONE;
}

static int show_rule(const struct options *o, const struct cul_rules *rules)
{
	int ret = EXIT_DONE;

	if (o->count < 2) {
		complain("rules show: which one? usage: culprit rules show ID");
		return EXIT_USE;
	}
	for (size_t i = 1; i < o->count; i++) {
		char *words = cul_rules_words(rules, o->args[i], o->lang);

		if (!words) {
			complain("there is no rule called %s; \"culprit rules list\" shows all", o->args[i]);
			ret = EXIT_USE;
			continue;
		}
		for (const char *at = words; *at;) {
			size_t n = strcspn(at, "\n");

			put_text(stdout, (struct cul_slice){ at, n });
			putchar('\n');
			at += n + (at[n] == '\n');
		}
		free(words);
	}
	return ret;
}

static void put_mistake(void *ctx, const char *line)
{
	put_text(stdout, slice_of(line));
	putchar('\n');
}

int run_rules(const struct options *o)
{
	static const char *const words[] = { "list", "show", "check", "test", "new" };
	AUTO(rules_freep) struct cul_rules *rules = NULL;
	struct cul_error err = { 0 };
	struct options mine = *o;
	const char *what = o->args[0];
	bool check = !strcmp(what, "check"), test = !strcmp(what, "test");

	if (!strcmp(what, "new"))
		return run_rules_new(o);
	for (size_t i = 1; (check || test) && i < o->count; i++) {
		if (mine.rule_count >= MOST_RULE_PATHS) {
			complain("rules %s: at most %d folders and files", what, MOST_RULE_PATHS);
			return EXIT_USE;
		}
		mine.rules[mine.rule_count++] = o->args[i];
	}
	if (!check && !test && strcmp(what, "list") != 0 && strcmp(what, "show") != 0) {
		const char *near = nearest(what, words, sizeof(words) / sizeof(words[0]));

		if (near)
			complain("rules %s: no such thing; did you mean \"culprit rules %s\"?", what, near);
		else
			complain("rules %s: no such thing; there are list, show, check, test and new", what);
		return EXIT_USE;
	}
	if (load_rules(&mine, &rules, &err) != CUL_OK)
		return failed(err.status, &err);
	if (!strcmp(what, "list"))
		return list_rules(o, rules);
	if (!strcmp(what, "show"))
		return show_rule(o, rules);

	struct cul_rule_info info;
	size_t count = 0, signs = 0, mistakes = cul_rules_check(rules, test || o->cross, put_mistake, NULL);
	while (cul_rules_info(rules, count, o->lang, &info)) {
		count++;
		signs += info.sign != NULL;
	}
	printf("%zu rules", count - signs);
	if (signs)
		printf(", %zu sign%s", signs, signs == 1 ? "" : "s");
	printf(", %zu mistake%s\n", mistakes, mistakes == 1 ? "" : "s");
	return mistakes ? EXIT_MET : EXIT_DONE;
}
