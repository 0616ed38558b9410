/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit timeline CASE: what happened in order of time, over all sources: time, host, GPU, place, line. Evidence carries the
 * number of its finding. Rows of which only the order in their source is known come last.
 */
#include "commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ROWS 1000000 /* pointers held at once: 8 MiB */

struct list {
	const struct cul_row **rows;
	size_t count, room;
	bool full;
};

static enum cul_status add_rows(struct list *list, const struct options *o, struct cul_case *c, const struct cul_kind *kind, int interest,
				struct cul_error *err)
{
	const struct cul_row *const *rows;
	size_t count;
	enum cul_status status = cul_case_rows(c, kind, interest, &rows, &count, err);

	if (status != CUL_OK)
		return status;
	for (size_t i = 0; i < count; i++) {
		if ((o->since_ns && rows[i]->time_ns != CUL_NO_TIME && rows[i]->last_ns < o->since_ns) ||
		    (o->until_ns && rows[i]->time_ns != CUL_NO_TIME && rows[i]->time_ns > o->until_ns))
			continue;
		if (list->count >= MOST_ROWS) {
			list->full = true;
			return CUL_OK;
		}
		if (list->count == list->room) {
			size_t room = list->room ? list->room * 2 : 1024;
			const struct cul_row **more = realloc(list->rows, room * sizeof(*more));

			if (!more) {
				snprintf(err->text, sizeof(err->text), "out of memory");
				return CUL_ENOMEM;
			}
			list->rows = more;
			list->room = room;
		}
		list->rows[list->count++] = rows[i];
	}
	return CUL_OK;
}

static int by_time(const void *a, const void *b)
{
	const struct cul_row *x = *(const struct cul_row *const *)a, *y = *(const struct cul_row *const *)b;
	bool no_x = x->time_ns == CUL_NO_TIME, no_y = y->time_ns == CUL_NO_TIME;

	if (no_x != no_y)
		return no_x - no_y;
	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	if (x->member != y->member)
		return x->member < y->member ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static int by_id(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return x[0] < y[0] ? -1 : x[0] > y[0] ? 1 : x[1] < y[1] ? -1 : x[1] > y[1];
}

struct marks {
	int64_t (*pairs)[2]; /* row id, order of the finding */
	size_t count;
};

static bool mark_evidence(const struct cul_verdict *verdict, struct marks *marks)
{
	size_t room = 1;

	for (size_t i = 0; i < verdict->count; i++)
		room += verdict->findings[i].evidence_count;
	marks->pairs = malloc(room * sizeof(*marks->pairs));
	if (!marks->pairs)
		return false;
	for (size_t i = 0; i < verdict->count; i++)
		for (size_t k = 0; k < verdict->findings[i].evidence_count; k++) {
			marks->pairs[marks->count][0] = verdict->findings[i].evidence[k].row->id;
			marks->pairs[marks->count++][1] = verdict->findings[i].order;
		}
	qsort(marks->pairs, marks->count, sizeof(*marks->pairs), by_id);
	return true;
}

/* the least order of a finding that the row is evidence of, or 0 */
static int64_t mark_of(const struct marks *marks, int64_t id)
{
	size_t low = 0, high = marks->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (marks->pairs[mid][0] < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < marks->count && marks->pairs[low][0] == id ? marks->pairs[low][1] : 0;
}

static void put_row(const struct options *o, struct cul_case *c, const struct cul_row *row, int64_t mark, bool first)
{
	size_t hosts;
	const struct cul_host *host = cul_case_hosts(c, &hosts);
	const char *name = row->host >= 0 && (size_t)row->host < hosts ? host[row->host].name : NULL;
	const char *where = cul_case_source_name(c, row->member);
	char time[40];
	bool bold = mark && use_colour(o);

	print_time(row->time_ns, time);
	if (o->json) {
		printf("%s\n{\"time\": ", first ? "" : ",");
		if (time[0])
			put_json(stdout, slice_of(time));
		else
			fputs("null", stdout);
		printf(", \"host\": ");
		put_json(stdout, slice_of(name));
		if (row->gpu) {
			printf(", \"gpu\": ");
			put_json(stdout, slice_of(row->gpu));
		}
		printf(", \"kind\": ");
		put_json(stdout, slice_of(row->kind->name));
		printf(", \"source\": ");
		put_json(stdout, slice_of(where));
		printf(", \"line\": %" PRId64 ", \"n\": %" PRId64 ", \"finding\": ", row->line, row->n);
		if (mark)
			printf("%" PRId64, mark);
		else
			fputs("null", stdout);
		printf(", \"text\": ");
		put_json(stdout, row->text);
		putchar('}');
		return;
	}
	printf("%s%-24s ", bold ? "\033[1m" : "", time[0] ? time : "-");
	if (mark)
		printf("[%" PRId64 "] ", mark);
	else
		printf("    ");
	if (hosts > 1) {
		put_text(stdout, slice_of(name ? name : "?"));
		putchar(' ');
	}
	if (row->gpu) {
		put_text(stdout, slice_of(row->gpu));
		putchar(' ');
	}
	put_text(stdout, slice_of(where));
	if (row->line > 0)
		printf(":%" PRId64, row->line);
	putchar(' ');
	if (row->n > 1)
		printf("(%" PRId64 " times) ", row->n);
	put_text(stdout, row->text);
	puts(bold ? "\033[0m" : "");
}

int run_timeline(const struct options *o)
{
	AUTO(rules_freep) struct cul_rules *rules = NULL;
	AUTO(case_closep) struct cul_case *c = NULL;
	AUTO(verdict_freep) const struct cul_verdict *verdict = NULL;
	const struct cul_judge_options how = { .lang = o->lang };
	struct cul_error err = { 0 };
	struct list list = { 0 };
	struct marks marks = { 0 };
	const struct cul_interests *interests = NULL;
	enum cul_status status = load_rules(o, &rules, &err);

	if (status == CUL_OK) {
		interests = cul_rules_interests(rules);
		status = open_or_scan(o, o->args[0], interests, NULL, &c, &err);
	}
	if (status == CUL_OK)
		status = cul_rules_judge(rules, c, &how, &verdict, &err);
	for (const struct cul_kind *const *k = cul_kinds(); status == CUL_OK && *k; k++) {
		bool record = !strcmp((*k)->name, "record");

		if ((*k)->samples && !o->all)
			continue;
		if (!record)
			status = add_rows(&list, o, c, *k, -1, &err);
		for (size_t i = 0; record && status == CUL_OK && interests && i < interests->count; i++)
			status = add_rows(&list, o, c, *k, (int)i, &err);
	}
	if (status == CUL_OK && !mark_evidence(verdict, &marks))
		status = CUL_ENOMEM;
	if (status != CUL_OK) {
		free(list.rows);
		return failed(status, &err);
	}
	if (list.count)
		qsort(list.rows, list.count, sizeof(*list.rows), by_time);

	const struct cul_row *last = NULL;
	bool first = true;
	if (o->json)
		putchar('[');
	for (size_t i = 0; i < list.count && !ferror(stdout); i++) {
		const struct cul_row *row = list.rows[i];

		/* a line that several interests wanted stands here once */
		if (last && last->member == row->member && last->line == row->line && last->time_ns == row->time_ns &&
		    !mark_of(&marks, row->id))
			continue;
		put_row(o, c, row, mark_of(&marks, row->id), first);
		first = false;
		last = row;
	}
	if (o->json)
		puts("\n]");
	else if (!list.count)
		puts("Nothing that is understood has a place here.");
	if (list.full)
		complain("there are more than %d rows; --since and --until show a part", MOST_ROWS);
	free(marks.pairs);
	free(list.rows);
	return EXIT_DONE;
}
