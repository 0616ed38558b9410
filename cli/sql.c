/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit sql CASE|PATH [QUERY]: ask the tables of a case; they are open for reading only.
 *
 * Queries come from the command line, from a terminal with a prompt, or from standard input; a semicolon outside of
 * quotes and comments ends one. The first rows set the widths of the columns; a longer cell later on pushes its row out.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_COLUMNS 256
#define HELD_ROWS 500   /* rows that set the widths */
#define MOST_WIDTH 100  /* of a column; the last one may be as wide as it likes */
#define MOST_QUERY (1u << 20)

struct table {
	const struct options *o;
	int columns;
	char **cells; /* held rows, the header first; NULL is NULL */
	char *names[MOST_COLUMNS]; /* for JSON */
	size_t rows, room;
	size_t widths[MOST_COLUMNS];
	uint64_t shown;
	bool flowing, torn;
};

static void put_csv(const char *text)
{
	if (!text)
		return;
	/* a spreadsheet would take these as the start of a formula */
	bool formula = *text && strchr("=+-@\t\r", *text);
	if (formula) {
		char *end;
		strtod(text, &end);
		formula = *end != '\0' || end == text;
	}
	if (!formula && !strpbrk(text, ",\"\r\n")) {
		fputs(text, stdout);
		return;
	}
	fputs(formula ? "\"'" : "\"", stdout);
	for (; *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

/* does JSON take this text as a number as it stands? */
static bool is_number(const char *text)
{
	const char *at = text + (*text == '-');
	size_t n = strspn(at, "0123456789");

	if (!n || (n > 1 && *at == '0') || n > 15)
		return false;
	at += n;
	if (*at == '.') {
		n = strspn(++at, "0123456789");
		if (!n)
			return false;
		at += n;
	}
	if (*at == 'e' || *at == 'E') {
		at += 1 + (at[1] == '+' || at[1] == '-');
		n = strspn(at, "0123456789");
		if (!n)
			return false;
		at += n;
	}
	return !*at;
}

static void put_cells(struct table *t, const char *const *texts)
{
	for (int i = 0; i < t->columns; i++) {
		const char *text = texts[i] ? texts[i] : "NULL";
		size_t width = text_width(slice_of(text));

		put_text(stdout, slice_of(text));
		if (i + 1 < t->columns)
			printf("%*s", (int)(width < t->widths[i] ? t->widths[i] - width : 0) + 2, "");
	}
	putchar('\n');
}

static void flow(struct table *t)
{
	if (t->flowing)
		return;
	t->flowing = true;
	for (size_t r = 0; r < t->rows; r++) {
		put_cells(t, (const char *const *)t->cells + r * (size_t)t->columns);
		for (int i = 0; !r && i < t->columns; i++) {
			for (size_t k = 0; k < t->widths[i]; k++)
				putchar('-');
			fputs(i + 1 < t->columns ? "  " : "\n", stdout);
		}
	}
}

static bool hold(struct table *t, const char *const *texts)
{
	if (t->rows == t->room) {
		size_t room = t->room ? t->room * 2 : 32;
		char **more = realloc(t->cells, room * (size_t)t->columns * sizeof(*more));

		if (!more)
			return false;
		t->cells = more;
		t->room = room;
	}
	for (int i = 0; i < t->columns; i++) {
		char *copy = texts[i] ? strdup(texts[i]) : NULL;
		size_t width = text_width(slice_of(texts[i] ? texts[i] : "NULL"));

		if (texts[i] && !copy)
			t->torn = true;
		t->cells[t->rows * (size_t)t->columns + (size_t)i] = copy;
		if (width > MOST_WIDTH)
			width = MOST_WIDTH;
		if (width > t->widths[i])
			t->widths[i] = width;
	}
	t->rows++;
	return !t->torn;
}

static bool on_row(void *ctx, int64_t number, int columns, const char *const *texts)
{
	struct table *t = ctx;

	if (columns > MOST_COLUMNS)
		columns = MOST_COLUMNS;
	if (!number)
		t->columns = columns;
	if (ferror(stdout))
		return false;
	if (t->o->json) {
		if (!number) {
			for (int i = 0; i < columns; i++)
				t->names[i] = strdup(texts[i] ? texts[i] : "");
			return true;
		}
		printf("%s{", t->shown++ ? ",\n " : "\n ");
		for (int i = 0; i < columns; i++) {
			fputs(i ? ", " : "", stdout);
			put_json(stdout, slice_of(t->names[i]));
			fputs(": ", stdout);
			if (!texts[i])
				fputs("null", stdout);
			else if (is_number(texts[i]))
				fputs(texts[i], stdout);
			else
				put_json(stdout, slice_of(texts[i]));
		}
		putchar('}');
		return true;
	}
	if (number)
		t->shown++;
	if (t->o->csv) {
		for (int i = 0; i < columns; i++) {
			fputs(i ? "," : "", stdout);
			put_csv(texts[i]);
		}
		fputs("\r\n", stdout);
		return true;
	}
	if (!t->flowing && t->rows <= HELD_ROWS)
		return hold(t, texts);
	flow(t);
	put_cells(t, texts);
	return true;
}

static int ask(const struct options *o, struct cul_case *c, const char *query)
{
	struct table t = { .o = o };
	struct cul_error err = { 0 };

	if (o->json)
		putchar('[');
	enum cul_status status = cul_case_sql(c, query, on_row, &t, &err);
	if (o->json)
		puts(t.shown ? "\n]" : "]");
	else if (!o->csv)
		flow(&t);
	for (size_t i = 0; i < t.rows * (size_t)t.columns; i++)
		free(t.cells[i]);
	free(t.cells);
	for (int i = 0; i < MOST_COLUMNS; i++)
		free(t.names[i]);
	fflush(stdout);
	if (t.torn) {
		complain("out of memory");
		return EXIT_UNREADABLE;
	}
	if (status != CUL_OK && !ferror(stdout)) {
		complain("%s", err.text);
		return EXIT_USE;
	}
	return EXIT_DONE;
}

/* where the first query in @text ends (behind its semicolon), or 0 when it doesn't yet */
static size_t query_end(const char *text)
{
	for (size_t i = 0; text[i]; i++) {
		char c = text[i], close = c == '\'' || c == '"' || c == '`' ? c : c == '[' ? ']' : 0;

		if (close) {
			const char *end = strchr(text + i + 1, close);
			if (!end)
				return 0;
			i = (size_t)(end - text);
		} else if (c == '-' && text[i + 1] == '-') {
			const char *end = strchr(text + i, '\n');
			if (!end)
				return 0;
			i = (size_t)(end - text);
		} else if (c == '/' && text[i + 1] == '*') {
			const char *end = strstr(text + i + 2, "*/");
			if (!end)
				return 0;
			i = (size_t)(end - text) + 1;
		} else if (c == ';') {
			return i + 1;
		}
	}
	return 0;
}

static bool blank(const char *text)
{
	return !text[strspn(text, " \t\r\n;")];
}

/* all queries of @text; the last one needs no semicolon */
static int ask_all(const struct options *o, struct cul_case *c, char *text)
{
	int ret = EXIT_DONE;

	for (bool first = true; !blank(text) && ret == EXIT_DONE; first = false) {
		size_t end = query_end(text);
		char held = end ? text[end] : '\0';

		if (end)
			text[end] = '\0';
		if (!first && !o->json && !blank(text))
			putchar('\n');
		if (!blank(text))
			ret = ask(o, c, text);
		if (!end)
			break;
		text[end] = held;
		text += end;
	}
	return ret;
}

/* ".tables" and friends; false when the line is none */
static bool dot_command(const struct options *o, struct cul_case *c, const char *line, bool *quit)
{
	if (line[0] != '.')
		return false;
	if (!strncmp(line, ".quit", 5) || !strncmp(line, ".exit", 5)) {
		*quit = true;
	} else if (!strncmp(line, ".tables", 7)) {
		ask(o, c, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY name");
	} else if (!strncmp(line, ".schema", 7)) {
		char query[256], name[100] = "%";
		size_t n = 0;

		for (const char *at = line + 7; *at && n + 1 < sizeof(name); at++)
			if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') || *at == '_')
				name[n++] = *at;
		name[n ? n : 1] = '\0';
		snprintf(query, sizeof(query), "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name LIKE '%s' ORDER BY name", name);
		ask(o, c, query);
	} else {
		puts(".tables          names of the tables\n.schema [TABLE]  their columns\n.quit            leave\n"
		     "SELECT …;        a query, over several lines if need be, ended by a semicolon");
	}
	return true;
}

static int read_queries(const struct options *o, struct cul_case *c)
{
	bool terminal = isatty(STDIN_FILENO), quit = false;
	char *text = calloc(1, MOST_QUERY), *line = NULL;
	size_t used = 0, room = 0;
	ssize_t n;
	int ret = EXIT_DONE;

	if (!text) {
		complain("out of memory");
		return EXIT_UNREADABLE;
	}
	if (terminal)
		puts("One query, ended by a semicolon; .tables, .schema, .quit.");
	for (;;) {
		if (terminal) {
			fputs(blank(text) ? "sql> " : "...> ", stdout);
			fflush(stdout);
		}
		n = getline(&line, &room, stdin);
		if (n < 0)
			break;
		if (blank(text) && dot_command(o, c, line, &quit)) {
			used = 0;
			text[0] = '\0';
			if (quit)
				break;
			continue;
		}
		if ((size_t)n >= MOST_QUERY - used) {
			complain("a query of more than %u bytes is not taken", MOST_QUERY);
			ret = EXIT_USE;
			break;
		}
		memcpy(text + used, line, (size_t)n);
		used += (size_t)n;
		text[used] = '\0';
		/* looked at when a line brings a semicolon, so that a long query isn't read again for each line */
		if (!memchr(line, ';', (size_t)n) || !query_end(text))
			continue;
		size_t end = query_end(text);
		while (end) {
			char held = text[end];

			text[end] = '\0';
			int status = blank(text) ? EXIT_DONE : ask(o, c, text);
			text[end] = held;
			used -= end;
			memmove(text, text + end, used + 1);
			if (status != EXIT_DONE && !terminal) {
				ret = status;
				goto out;
			}
			end = query_end(text);
		}
	}
	if (!terminal && !quit && ret == EXIT_DONE && !blank(text))
		ret = ask(o, c, text);
out:
	if (terminal)
		putchar('\n');
	free(line);
	free(text);
	return ret;
}

int run_sql(const struct options *o)
{
	AUTO(rules_freep) struct cul_rules *rules = NULL;
	AUTO(case_closep) struct cul_case *c = NULL;
	struct cul_error err = { 0 };
	enum cul_status status = CUL_OK;

	/* a case needs no rules to be asked; what the rules are interested in is part of a fresh one */
	if (!is_case(o->args[0]))
		status = load_rules(o, &rules, &err);
	if (status == CUL_OK)
		status = open_or_scan(o, o->args[0], rules ? cul_rules_interests(rules) : NULL, NULL, &c, &err);
	if (status != CUL_OK)
		return failed(status, &err);
	if (o->count < 2)
		return read_queries(o, c);

	bool quit = false;
	if (dot_command(o, c, o->args[1], &quit))
		return EXIT_DONE;
	char *query = strdup(o->args[1]);
	if (!query) {
		complain("out of memory");
		return EXIT_UNREADABLE;
	}
	int ret = ask_all(o, c, query);
	free(query);
	return ret;
}
