/* SPDX-License-Identifier: Apache-2.0 */
/** culprit explain CAUSE [CASE]: the rule in words, and the summands of its certainty in that case. */
#include "commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct command_text {
	const char *certainty, *role[4], *explained, *unknown, *none, *not_judged, *capture;
} texts[2] = {
	{ "in this case: certainty", { "a root cause", "contributing", "a symptom", "in the background" },
	  "explained by finding", "unknown", "in this case: what the rule wants to see is not there.\n",
	  "in this case it could not be judged: ", "what would settle it: " },
	{ "本案例：确信度", { "根本原因", "促成因素", "症状", "背景" }, "由此项解释：", "未知",
	  "本案例：规则所需的证据不存在。\n", "本案例无法判断：", "可用以确认的命令：" },
};

static void put_summands(const struct cul_finding *f, const struct command_text *t)
{
	for (size_t i = 0; i < f->summand_count; i++) {
		const struct cul_summand *s = &f->summands[i];
		char points[32];

		if (s->state == CUL_UNKNOWN)
			snprintf(points, sizeof(points), "%s", t->unknown);
		else
			snprintf(points, sizeof(points), "%+.2f", s->points);
		printf("  %8s  %-8s ", points, s->class_name ? s->class_name : "");
		put_text(stdout, slice_of(s->term));
		if (s->why) {
			fputs(": ", stdout);
			put_text(stdout, slice_of(s->why));
		}
		putchar('\n');
	}
}

static void put_evidence(struct cul_case *c, const struct cul_finding *f)
{
	for (size_t i = 0; i < f->evidence_count; i++) {
		const struct cul_evidence *e = &f->evidence[i];

		printf("  %c ", e->role == CUL_AGAINST ? '-' : '+');
		put_text(stdout, slice_of(e->term));
		putchar(' ');
		put_text(stdout, slice_of(cul_case_source_name(c, e->row->member)));
		if (e->row->line > 0)
			printf(":%" PRId64, e->row->line);
		fputs("  ", stdout);
		put_text(stdout, e->row->text);
		putchar('\n');
	}
}

/* a typed word of a rule's id will do when it means one rule */
static const char *find_rule(const struct cul_rules *rules, const char *word, const char *lang, char *near, size_t room)
{
	struct cul_rule_info info;
	const char *names[2048], *part = NULL;
	size_t count = 0, parts = 0;

	for (size_t i = 0; cul_rules_info(rules, i, lang, &info); i++) {
		if (!strcmp(info.id, word))
			return info.id;
		if (strstr(info.id, word)) {
			part = info.id;
			parts++;
		}
		if (count < sizeof(names) / sizeof(names[0]))
			names[count++] = info.id;
	}
	if (parts == 1)
		return part;
	const char *close = nearest(word, names, count);
	snprintf(near, room, "%s", close ? close : parts ? part : "");
	return NULL;
}

int run_explain(const struct options *o)
{
	AUTO(rules_freep) struct cul_rules *rules = NULL;
	AUTO(case_closep) struct cul_case *c = NULL;
	AUTO(verdict_freep) const struct cul_verdict *verdict = NULL;
	const struct cul_judge_options how = { .lang = o->lang };
	const struct command_text *t = &texts[!strcmp(o->lang, "zh")];
	struct cul_error err = { 0 };
	char near[128];
	enum cul_status status = load_rules(o, &rules, &err);

	if (status != CUL_OK)
		return failed(status, &err);
	const char *id = find_rule(rules, o->args[0], o->lang, near, sizeof(near));
	if (!id) {
		if (near[0])
			complain("there is no cause called %s; did you mean %s?", o->args[0], near);
		else
			complain("there is no cause called %s; \"culprit rules list\" shows all", o->args[0]);
		return EXIT_USE;
	}
	char *words = cul_rules_words(rules, id, o->lang);
	if (words) {
		/* a line at a time: a user's rule is input too */
		for (const char *at = words; *at;) {
			size_t n = strcspn(at, "\n");

			put_text(stdout, (struct cul_slice){ at, n });
			putchar('\n');
			at += n + (at[n] == '\n');
		}
		free(words);
	}
	if (o->count < 2)
		return EXIT_DONE;

	status = open_or_scan(o, o->args[1], cul_rules_interests(rules), NULL, &c, &err);
	if (status == CUL_OK)
		status = cul_rules_judge(rules, c, &how, &verdict, &err);
	if (status != CUL_OK)
		return failed(status, &err);

	bool found = false;
	for (size_t i = 0; i < verdict->count; i++) {
		const struct cul_finding *f = &verdict->findings[i];

		if (strcmp(f->cause, id) != 0)
			continue;
		found = true;
		printf("\n%d. ", f->order);
		put_text(stdout, slice_of(f->title));
		putchar('\n');
		printf("%s %.0f %%, %s", t->certainty, 100 * f->certainty, t->role[f->role <= CUL_ROLE_BACKGROUND ? f->role : 0]);
		if (f->explained_by)
			printf(", %s %d", t->explained, f->explained_by);
		if (f->relation) {
			fputs(" (", stdout);
			put_text(stdout, slice_of(f->relation));
			putchar(')');
		}
		putchar('\n');
		put_summands(f, t);
		put_evidence(c, f);
	}
	for (size_t i = 0; i < verdict->not_judged_count && !found; i++) {
		const struct cul_not_judged *n = &verdict->not_judged[i];

		if (!n->cause || strcmp(n->cause, id) != 0)
			continue;
		found = true;
		printf("\n%s", t->not_judged);
		put_text(stdout, slice_of(n->why));
		putchar('\n');
		if (n->capture) {
			fputs(t->capture, stdout);
			put_text(stdout, slice_of(n->capture));
			putchar('\n');
		}
	}
	if (!found)
		printf("\n%s", t->none);
	return EXIT_DONE;
}
