/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit dump dmesg|tasks|stacks|info FILE...: what a kernel dump or a core file holds.
 *
 * dmesg writes the kernel's log byte for byte as makedumpfile --dump-dmesg does. The others print observations: of kernel dumps
 * dump.*, of cores core.*. What could not be had goes to stderr with its reason; nothing at all is EXIT_UNREADABLE. With --json
 * each of them is one object with all fields, not only the columns that fit a terminal.
 */
#include "commands.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MOST_COLUMNS 10
#define MOST_ROWS 200000 /* a row is a task, a thread, a module */
#define MOST_WIDTH 48    /* of a column that is not the last */

enum style { FACTS, TABLE, TRACE };

/* What is printed, in this order. @columns of FACTS: NULL, all that are there. */
static const struct view {
	const char *word, *kind, *title;
	enum style style;
	const char *columns;
} views[] = {
	{ "info", "dump.kernel", "kernel", FACTS, NULL },
	{ "info", "dump.part", "file of a set", FACTS, NULL },
	{ "info", "dump.summary", "state", FACTS, NULL },
	{ "info", "dump.panic-task", "task that panicked", FACTS, NULL },
	{ "info", "core.process", "process", FACTS, NULL },
	{ "info", "core.abort-message", "last words", FACTS, NULL },
	{ "info", "dump.lock-cycle", "locks in a circle", FACTS, NULL },
	{ "info", "core.futex-cycle", "locks in a circle", FACTS, NULL },
	{ "info", "dump.filesystem", "file systems", TABLE, "type name frozen" },
	{ "info", "dump.module", "modules", TABLE, "module version taint status size_mib" },
	{ "info", "core.module", "modules", TABLE, "base size_mib build_id package version path" },
	{ "tasks", "dump.task", "tasks", TABLE, "pid ppid state cpu idle_s comm wait_function command" },
	{ "tasks", "dump.lock-wait", "waiting for locks", TABLE, "pid comm lock_type lock address owner_pid owner_comm" },
	{ "tasks", "dump.lock-cycle", "locks in a circle", FACTS, NULL },
	{ "tasks", "dump.blocked-on", "waiting for", TABLE, "pid comm event what" },
	{ "tasks", "core.thread", "threads", TABLE, "tid syscall address offset image" },
	{ "tasks", "core.futex-wait", "waiting for locks", TABLE, "tid address owner_tid what" },
	{ "tasks", "core.futex-cycle", "locks in a circle", FACTS, NULL },
	{ "stacks", "dump.stack", NULL, TRACE, "pid comm state cpu unwound" },
	{ "stacks", "core.thread", NULL, TRACE, "tid thread image offset unwound" },
	{ "stacks", "core.goroutines", "goroutines", TRACE, "count status goroutine" },
	{ "stacks", "core.python", "Python", TRACE, "tid version gil" },
	{ "info", "dump.missing", "could not be had", TABLE, "stage why" },
	{ "info", "core.missing", "could not be had", FACTS, NULL },
	{ "info", "input.damaged", "damage", TABLE, "why" },
};
#define VIEWS (sizeof(views) / sizeof(views[0]))

struct row {
	size_t view;
	int member;
	char *cells[MOST_COLUMNS]; /* FACTS: "name value" lines in [0]; TRACE: the frames in the last */
};

struct dump {
	const char *word;
	bool json, opened;
	int members, printed;
	char **names; /* of members, by id - 1 */
	size_t name_room;
	int at; /* id of the one that is told of; files of a set come once more at the end */
	struct row *rows;
	size_t count, room;
	char *missing[16]; /* "stage: why" */
	size_t missing_count;
};

/* ---- collecting ------------------------------------------------------------------------------------ */

static char *value_text(const struct cul_value *v)
{
	char *text = NULL, number[64];

	if (v->type == CUL_TEXT)
		return strndup(v->s.data ? v->s.data : "", v->s.size);
	if (v->type == CUL_REAL)
		snprintf(number, sizeof(number), v->r == (double)(int64_t)v->r ? "%.0f" : "%.3f", v->r);
	else
		snprintf(number, sizeof(number), "%" PRId64, v->i);
	text = strdup(number);
	return text;
}

static const struct cul_value *find_value(const struct cul_observation *ob, const char *name, size_t size)
{
	for (size_t i = 0; i < ob->count; i++) {
		const struct cul_value *v = &ob->values[i];

		if (v->type != CUL_ABSENT && v->field && strlen(v->field->name) == size && !memcmp(v->field->name, name, size))
			return v;
	}
	return NULL;
}

static char *facts(const struct cul_observation *ob)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; out && i < ob->count; i++) {
		const struct cul_value *v = &ob->values[i];
		char *value = v->type != CUL_ABSENT && v->field ? value_text(v) : NULL;

		if (value) {
			fprintf(out, "  %-14s ", v->field->name);
			put_text(out, slice_of(value));
			putc('\n', out);
		}
		free(value);
	}
	if (out && fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

static bool add_row(struct dump *d, size_t view, const struct cul_observation *ob)
{
	if (d->count == MOST_ROWS)
		return true;
	if (d->count == d->room) {
		size_t room = d->room ? d->room * 2 : 64;
		struct row *rows = realloc(d->rows, room * sizeof(*rows));

		if (!rows)
			return false;
		d->rows = rows;
		d->room = room;
	}
	struct row *row = &d->rows[d->count++];
	size_t column = 0;

	*row = (struct row){ .view = view, .member = d->at > 0 ? d->at : d->members };
	if (views[view].style == FACTS) {
		row->cells[0] = facts(ob);
		return row->cells[0];
	}
	for (const char *at = views[view].columns; *at && column < MOST_COLUMNS - 1; column++) {
		size_t n = strcspn(at, " ");
		const struct cul_value *v = find_value(ob, at, n);

		row->cells[column] = !v || (v->type == CUL_FLAG && !v->i) ? strdup("") : v->type == CUL_FLAG && views[view].style == TRACE ? strdup(v->field->name) : value_text(v);
		at += n + (at[n] == ' ');
	}
	if (views[view].style == TRACE) {
		const struct cul_value *v = find_value(ob, "trace", 5);

		if (!v)
			v = find_value(ob, "frames", 6);
		row->cells[MOST_COLUMNS - 1] = v ? value_text(v) : strdup("");
	}
	return true;
}

static void put_object(struct dump *d, const struct cul_observation *ob)
{
	fputs(d->printed++ ? ",\n    { \"kind\": " : "\n    { \"kind\": ", stdout);
	put_json(stdout, slice_of(ob->kind->name));
	if (d->at > 0 && d->at <= d->members && d->names[d->at - 1]) {
		fputs(", \"member\": ", stdout);
		put_json(stdout, slice_of(d->names[d->at - 1]));
	}
	for (size_t i = 0; i < ob->count; i++) {
		const struct cul_value *v = &ob->values[i];

		if (v->type == CUL_ABSENT || !v->field)
			continue;
		fputs(", ", stdout);
		put_json(stdout, slice_of(v->field->name));
		fputs(": ", stdout);
		if (v->type == CUL_TEXT)
			put_json(stdout, v->s);
		else if (v->type == CUL_FLAG)
			fputs(v->i ? "true" : "false", stdout);
		else if (v->type == CUL_REAL)
			printf("%.9g", v->r);
		else
			printf("%" PRId64, v->i);
	}
	fputs(" }", stdout);
}

/* ---- the sink ---------------------------------------------------------------------------------------- */

static enum cul_status on_member(void *ctx, const struct cul_member *member, int *id)
{
	struct dump *d = ctx;

	if ((size_t)d->members == d->name_room) {
		size_t room = d->name_room ? d->name_room * 2 : 16;
		char **names = realloc(d->names, room * sizeof(*names));

		if (!names)
			return CUL_ENOMEM;
		d->names = names;
		d->name_room = room;
	}
	d->names[d->members] = strdup(member->name);
	*id = d->at = ++d->members;
	return d->names[d->members - 1] ? CUL_OK : CUL_ENOMEM;
}

static enum cul_status on_section(void *ctx, const struct cul_section_info *info, int *id)
{
	struct dump *d = ctx;

	*id = 0;
	d->at = info->member;
	return CUL_OK;
}

static enum cul_status on_observe(void *ctx, const struct cul_observation *ob)
{
	struct dump *d = ctx;
	bool dump = !strncmp(ob->kind->name, "dump.", 5) || !strncmp(ob->kind->name, "core.", 5);

	if (ob->interest >= 0)
		return CUL_OK;
	d->opened |= dump;
	if ((!strcmp(ob->kind->name, "dump.missing") || !strcmp(ob->kind->name, "core.missing") || !strcmp(ob->kind->name, "input.damaged")) &&
	    d->missing_count < sizeof(d->missing) / sizeof(d->missing[0])) {
		const struct cul_value *stage = find_value(ob, "stage", 5), *why = find_value(ob, "why", 3);
		char *reason = why ? value_text(why) : NULL;

		if (reason && asprintf(&d->missing[d->missing_count], "%.*s%s%s", stage ? (int)stage->s.size : 0, stage ? stage->s.data : "", stage ? ": " : "", reason) >= 0)
			d->missing_count++;
		free(reason);
	}
	for (size_t i = 0; i < VIEWS; i++) {
		if (strcmp(views[i].word, d->word) != 0 || strcmp(views[i].kind, ob->kind->name) != 0)
			continue;
		if (d->json)
			put_object(d, ob);
		else if (!add_row(d, i, ob))
			return CUL_ENOMEM;
	}
	return CUL_OK;
}

/* ---- printing ------------------------------------------------------------------------------------------ */

static void put_table(const struct dump *d, const size_t *rows, size_t count)
{
	const struct view *view = &views[d->rows[rows[0]].view];
	size_t widths[MOST_COLUMNS] = { 0 }, columns = 0, last = 0;
	bool used[MOST_COLUMNS] = { false };
	const char *at = view->columns;
	struct cul_slice heads[MOST_COLUMNS];

	for (; *at && columns < MOST_COLUMNS - 1; columns++) {
		heads[columns] = (struct cul_slice){ at, strcspn(at, " ") };
		widths[columns] = heads[columns].size;
		for (size_t i = 0; i < count; i++) {
			const char *cell = d->rows[rows[i]].cells[columns];
			size_t width = cell ? text_width(slice_of(cell)) : 0;

			used[columns] |= width > 0;
			if (width > widths[columns])
				widths[columns] = width;
		}
		if (widths[columns] > MOST_WIDTH)
			widths[columns] = MOST_WIDTH;
		if (used[columns])
			last = columns;
		at += heads[columns].size + (at[heads[columns].size] == ' ');
	}
	for (size_t i = 0; i <= count; i++) {
		fputs(" ", stdout);
		for (size_t c = 0; c < columns; c++) {
			struct cul_slice text = i ? slice_of(d->rows[rows[i - 1]].cells[c]) : heads[c];

			if (!used[c])
				continue;
			putchar(' ');
			put_text(stdout, text);
			size_t width = text_width(text);
			if (c != last)
				printf("%*s", width < widths[c] ? (int)(widths[c] - width) : 0, "");
		}
		putchar('\n');
	}
}

static void put_trace(const struct row *row)
{
	const char *frames = row->cells[MOST_COLUMNS - 1];
	/* one a line, or names separated by blanks */
	const char *ends = strchr(frames, '\n') ? "\n" : " \n";

	for (size_t c = 0; c < MOST_COLUMNS - 1 && row->cells[c]; c++) {
		if (!row->cells[c][0])
			continue;
		fputs(c ? "  " : "", stdout);
		put_text(stdout, slice_of(row->cells[c]));
	}
	putchar('\n');
	while (*frames) {
		size_t n = strcspn(frames, ends);

		if (n) {
			fputs("    ", stdout);
			put_text(stdout, (struct cul_slice){ frames, n });
			putchar('\n');
		}
		frames += n + (frames[n] != '\0');
	}
}

static bool put_rows(const struct dump *d)
{
	size_t *rows = malloc((d->count + 1) * sizeof(*rows));
	bool first = true;

	for (int member = 0; rows && member <= d->members; member++)
		for (size_t v = 0; v < VIEWS; v++) {
			size_t count = 0;

			for (size_t i = 0; i < d->count; i++)
				if (d->rows[i].view == v && d->rows[i].member == member)
					rows[count++] = i;
			if (!count)
				continue;
			if (views[v].title)
				printf("%s%s\n", first ? "" : "\n", views[v].title);
			for (size_t i = 0; views[v].style != TABLE && i < count; i++) {
				if (i || (!views[v].title && !first))
					putchar('\n');
				if (views[v].style == TRACE)
					put_trace(&d->rows[rows[i]]);
				else
					fputs(d->rows[rows[i]].cells[0], stdout);
				first = false;
			}
			if (views[v].style == TABLE)
				put_table(d, rows, count);
			first = false;
		}
	free(rows);
	return rows;
}

/* Several files are one input: a dump may have been written as a set. */
static enum cul_status open_files(const struct options *o, struct cul_bundle **ret, struct cul_error *err)
{
	if (o->count > 2)
		return cul_bundle_paths(o->args + 1, o->count - 1, NULL, ret, err);
	return cul_bundle_open(o->args[1], NULL, ret, err);
}

static int dump_log(const struct options *o)
{
	AUTO(bundle_closep) struct cul_bundle *bundle = NULL;
	struct cul_dump_log log;
	struct cul_error err = { 0 };
	enum cul_status status = o->count > 2 ? open_files(o, &bundle, &err) : CUL_OK;

	if (status == CUL_OK)
		status = bundle ? cul_dump_log_in(bundle, &log, &err) : cul_dump_log(o->args[1], NULL, &log, &err);
	if (status != CUL_OK)
		return failed(status, &err);
	if (o->json) {
		printf("{ \"records\": %" PRIu64 ", \"lost\": %" PRIu64 ", \"incomplete\": %s, \"log\": ", log.records, log.lost, log.incomplete ? "true" : "false");
		put_json(stdout, (struct cul_slice){ log.text, log.size });
		puts(" }");
	} else {
		fwrite(log.text, 1, log.size, stdout);
	}
	fflush(stdout);
	if (log.lost && !o->quiet)
		complain("%s: %" PRIu64 " of %" PRIu64 " records are not in the dump", o->args[1], log.lost, log.lost + log.records);
	cul_dump_log_free(&log);
	return EXIT_DONE;
}

int run_dump(const struct options *o)
{
	static const char *const words[] = { "dmesg", "tasks", "stacks", "info" };
	struct dump d = { .word = o->args[0], .json = o->json };
	struct cul_sink sink = { .ctx = &d, .member = on_member, .section = on_section, .observe = on_observe };
	AUTO(bundle_closep) struct cul_bundle *bundle = NULL;
	struct cul_error err = { 0 };
	size_t word = 0;
	int ret = EXIT_DONE;

	while (word < sizeof(words) / sizeof(words[0]) && strcmp(words[word], d.word) != 0)
		word++;
	if (word == sizeof(words) / sizeof(words[0])) {
		const char *near = nearest(d.word, words, word);

		complain("dump: %s: it can be dmesg, tasks, stacks or info%s%s%s", d.word, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
		return EXIT_USE;
	}
	if (word == 0)
		return dump_log(o);
	enum cul_status status = open_files(o, &bundle, &err);
	if (status != CUL_OK)
		return failed(status, &err);
	if (d.json)
		printf("{ \"%s\": [", d.word);
	status = cul_parse(bundle, NULL, &(const struct cul_limits){ .unwinder = o->unwinder }, &sink, NULL, &err);
	if (d.json)
		puts(d.printed ? "\n] }" : "] }");
	if (status != CUL_OK) {
		ret = failed(status, &err);
	} else {
		if (!d.json && !put_rows(&d))
			complain("out of memory");
		fflush(stdout);
		bool empty = d.json ? !d.printed : !d.count;
		if (!d.opened)
			complain("%s: no kernel dump and no core file that is read", o->args[1]);
		for (size_t i = 0; i < d.missing_count && (empty || strcmp(d.word, "info") != 0); i++)
			if (!o->quiet || empty)
				complain("%s: %s", o->args[1], d.missing[i]);
		if (d.opened && empty && !d.missing_count)
			complain("%s: there are no %s in it", o->args[1], d.word);
		ret = empty || !d.opened ? EXIT_UNREADABLE : EXIT_DONE;
	}
	for (size_t i = 0; i < d.count; i++)
		for (size_t c = 0; c < MOST_COLUMNS; c++)
			free(d.rows[i].cells[c]);
	for (size_t i = 0; i < d.missing_count; i++)
		free(d.missing[i]);
	for (int i = 0; i < d.members; i++)
		free(d.names[i]);
	free(d.names);
	free(d.rows);
	return ret;
}
