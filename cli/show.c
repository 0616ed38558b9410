/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit show CASE PLACE: the lines around a place, from the evidence that the case keeps.
 *
 * PLACE is SOURCE:LINE as reports print it, where the end of a source's name will do, or the number of a finding.
 * A PATH that is no case is scanned in memory first.
 */
#include "commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct window {
	int64_t line; /* the one that is meant */
	bool colour;
};

static void put_line(void *ctx, int64_t line, struct cul_slice text)
{
	const struct window *w = ctx;
	bool it = line == w->line;

	printf("%s%c %7" PRId64 "  ", it && w->colour ? "\033[1m" : "", it ? '>' : ' ', line);
	put_text(stdout, text);
	printf("%s\n", it && w->colour ? "\033[0m" : "");
}

static bool show_place(const struct options *o, struct cul_case *c, int member, int64_t line)
{
	struct window w = { line, use_colour(o) };

	if (member >= 0 && (size_t)member < cul_case_source_count(c)) {
		put_text(stdout, slice_of(cul_case_source_name(c, member)));
		printf(":%" PRId64 "\n", line);
	}
	return cul_case_context(c, member, line, o->before, o->after, put_line, &w);
}

static int show_finding(const struct options *o, const struct cul_rules *rules, struct cul_case *c, int order)
{
	static const char *const roles[] = { "must be there", "makes it surer", "speaks against it" };
	const struct cul_judge_options how = { .lang = o->lang };
	AUTO(verdict_freep) const struct cul_verdict *verdict = NULL;
	struct cul_error err = { 0 };
	enum cul_status status = cul_rules_judge(rules, c, &how, &verdict, &err);

	if (status != CUL_OK)
		return failed(status, &err);
	for (size_t i = 0; i < verdict->count; i++) {
		const struct cul_finding *f = &verdict->findings[i];

		if (f->order != order)
			continue;
		printf("%d. ", f->order);
		put_text(stdout, slice_of(f->title));
		printf("  (%s)\n", f->cause);
		for (size_t k = 0; k < f->evidence_count; k++) {
			const struct cul_evidence *e = &f->evidence[k];

			printf("\n%s, %s: ", e->term, roles[e->role <= CUL_AGAINST ? e->role : CUL_MAY]);
			if (!show_place(o, c, e->row->member, e->row->line))
				put_line(&(struct window){ e->row->line, use_colour(o) }, e->row->line, e->row->text);
		}
		return EXIT_DONE;
	}
	complain("there is no finding %d; there are %zu", order, verdict->count);
	return EXIT_USE;
}

int run_show(const struct options *o)
{
	AUTO(rules_freep) struct cul_rules *rules = NULL;
	AUTO(case_closep) struct cul_case *c = NULL;
	struct cul_error err = { 0 };
	const char *place = o->args[1], *colon = strrchr(place, ':');
	char *end;
	enum cul_status status = load_rules(o, &rules, &err);

	if (status == CUL_OK)
		status = open_or_scan(o, o->args[0], cul_rules_interests(rules), NULL, &c, &err);
	if (status != CUL_OK)
		return failed(status, &err);

	int64_t number = strtoll(colon ? colon + 1 : place, &end, 10);
	if (*end || end == (colon ? colon + 1 : place) || number <= 0) {
		complain("\"%s\" is no place; a place is SOURCE:LINE, or the number of a finding", place);
		return EXIT_USE;
	}
	if (!colon)
		return show_finding(o, rules, c, number > 1000000 ? -1 : (int)number);

	int member;
	if (!find_place(c, place, &member, &number))
		return EXIT_USE;
	if (!show_place(o, c, member, number)) {
		complain("%s: the text of that place was not kept; scan with --keep all keeps every line", place);
		return EXIT_UNREADABLE;
	}
	return EXIT_DONE;
}
