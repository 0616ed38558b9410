/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit: argv -> command -> exit status.
 *
 * A first argument that is no command's name is a path to analyse, and so is one that exists as a file, unless it is also a
 * command's name and nothing else could be meant by it ("./report" is how to name a file called report).
 * Options may stand anywhere; "--" ends them. An option that a command doesn't know is wrong use.
 */
#include "commands.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef HAVE_UNWIND
#define UNWIND_ABOUT ""
#endif

enum option {
	OPT_JSON = 1 << 0, OPT_QUIET = 1 << 1, OPT_COLOUR = 1 << 2, OPT_LANG = 1 << 3, OPT_RULES = 1 << 4,
	OPT_FAIL_ON = 1 << 5, OPT_WINDOW = 1 << 6, OPT_OUTPUT = 1 << 7, OPT_ADD = 1 << 8, OPT_KEEP = 1 << 9,
	OPT_FORMAT = 1 << 10, OPT_CSV = 1 << 11, OPT_TIMES = 1 << 12, OPT_VERBOSE = 1 << 13, OPT_ALL = 1 << 14,
	OPT_CONTEXT = 1 << 15, OPT_FROM = 1 << 17, OPT_ASK = 1 << 18, OPT_SYMBOLS = 1 << 19,
};
#define OPT_PRINT (OPT_JSON | OPT_QUIET | OPT_COLOUR | OPT_LANG)
#define OPT_JUDGE (OPT_PRINT | OPT_RULES | OPT_FAIL_ON | OPT_ASK)

static const struct spec {
	const char *name;
	char letter;
	unsigned in; /* one of these bits must be in the command's mask; 0: everywhere */
	const char *value;
	const char *about;
} specs[] = {
	{ "json", 0, OPT_JSON, NULL, "print JSON (reports: schema/report.schema.json)" },
	{ "csv", 0, OPT_CSV, NULL, "print comma-separated values" },
	{ "format", 'f', OPT_FORMAT, "FORMAT", "text, json, markdown, html: one page for a browser, or dot: the causal graph for Graphviz" },
	{ "output", 'o', OPT_OUTPUT, "CASE", "the case file to write; report, label: the file to write" },
	{ "add", 0, OPT_ADD, NULL, "add to the case that is there" },
	{ "keep", 0, OPT_KEEP, "WHAT", "raw text to keep: evidence (default), all, none" },
	{ "since", 0, OPT_WINDOW, "TIME", "leave out what is older: 2026-11-21, 2026-11-21T02:00:59+01:00, @1700000000" },
	{ "until", 0, OPT_WINDOW, "TIME", "leave out what is newer; times without a zone are UTC" },
	{ "at", 0, OPT_ASK, "TIME", "when it was noticed: what is near that time comes first; nothing is hidden" },
	{ "about", 0, OPT_ASK, "WHAT", "a pid, GPU, host or device: what concerns it comes first; nothing is hidden" },
	{ "waive", 0, OPT_ASK, "FILE", "what is known here and never leads: CAUSE [ENTITY=VALUE] [# reason] a line" },
	{ "baseline", 0, OPT_ASK, "GOOD", "a healthy bundle or case: say what is new, mark what it has too" },
	{ "sysroot", 0, OPT_WINDOW | OPT_SYMBOLS, "DIR", "files of the machine that a core came from: callers and functions by culprit-unwind (repeatable)" },
	{ "debuginfo", 0, OPT_WINDOW | OPT_SYMBOLS, "DIR", "debug files (.build-id/, usr/lib/debug/) for the same; only matching build-ids are used" },
	{ "rules", 0, OPT_RULES, "DIR", "read rules there too (repeatable; also CULPRIT_RULES, ~/.config/culprit/rules)" },
	{ "cre-sources", 0, OPT_RULES, "FILE", "which logs the sources of CRE rules are: a YAML map, cre.log.redis: [ \"*redis*\" ]" },
	{ "no-builtin", 0, OPT_RULES, NULL, "leave the built-in rules out" },
	{ "fail-on", 0, OPT_FAIL_ON, "SEVERITY", "exit with 1 when a root cause is at least that severe: crit, err, warning, …" },
	{ "from", 0, OPT_FROM, "CASE", "rules new: the case, or the bundle, that the line stands in" },
	{ "cross", 0, OPT_FROM, NULL, "rules check: judge each hit by all rules, too (rules test always does): none may lead over it" },
	{ "all", 'a', OPT_ALL, NULL, "everything: samples too (timeline), kinds and fields (formats)" },
	{ "before", 'B', OPT_CONTEXT, "N", "lines before the place (5)" },
	{ "after", 'A', OPT_CONTEXT, "N", "lines after it (5)" },
	{ "context", 'C', OPT_CONTEXT, "N", "lines on both sides" },
	{ "times", 0, OPT_TIMES, NULL, "show each observation's time as @…" },
	{ "verbose", 'v', OPT_VERBOSE, NULL, "show sections, and records that nobody understood" },
	{ "quiet", 'q', OPT_QUIET, NULL, "the verdict and what to do, nothing else; no progress" },
	{ "progress", 0, OPT_WINDOW, NULL, "show how far the reading is: a bar on a terminal (there by itself), elsewhere lines" },
	{ "no-progress", 0, OPT_WINDOW, NULL, "don't" },
	{ "jobs", 'j', OPT_WINDOW, "N", "threads: bundles side by side, or one faster (as many as there are CPUs); changes no result" },
	{ "color", 0, OPT_COLOUR, "=WHEN", "always, never, auto (NO_COLOR is heeded)" },
	{ "no-color", 0, OPT_COLOUR, NULL, "no colours" },
	{ "lang", 0, OPT_LANG, "LANG", "en or zh" },
	{ "no-sandbox", 0, 0, NULL, "don't lock the process in (Landlock, seccomp); for debugging" },
	{ "help", 'h', 0, NULL, "this text" },
	{ "version", 0, 0, NULL, "the version, and those of the libraries in use" },
};
#define SPECS (sizeof(specs) / sizeof(specs[0]))

static const struct command {
	const char *name, *args, *about, *details;
	unsigned options;
	size_t least, most;
	int (*run)(const struct options *o);
} commands[] = {
	{ "analyse", "PATH...", "read files, folders, archives or cases; print what broke first", 
	  "Each PATH is one bundle: a file, a folder, an archive, \"-\" for standard input, or a case written by scan.\n"
	  "The word analyse may be left out.",
	  OPT_JUDGE | OPT_FORMAT | OPT_WINDOW, 1, SIZE_MAX, run_analyse },
	{ "scan", "PATH... -o CASE", "read, analyse and print, and keep it all in a case file",
	  "All PATHs go into one case: an SQLite database that holds what was understood and the lines around it.\n"
	  "With --add they are added to the case that is there; \"scan --add CASE PATH...\" is the same.",
	  OPT_JUDGE | OPT_FORMAT | OPT_WINDOW | OPT_OUTPUT | OPT_ADD | OPT_KEEP, 1, SIZE_MAX, run_scan },
	{ "judge", "CASE", "judge a case again, by the rules of today", NULL, OPT_JUDGE | OPT_FORMAT, 1, 1, run_judge },
	{ "report", "CASE", "print a case as text, JSON, Markdown, HTML or graph",
	  "A PATH that is no case is scanned in memory first. Without --format, the end of the name behind -o says which:\n"
	  ".html, .md, .json, .dot.",
	  OPT_JUDGE | OPT_FORMAT | OPT_OUTPUT | OPT_WINDOW, 1, 1, run_report },
	{ "show", "CASE PLACE", "print the lines around a piece of evidence",
	  "PLACE is SOURCE:LINE as the report prints it (the end of the source's name will do), or the number of a\n"
	  "finding: then the lines around all of its evidence. How many lines there are depends on scan's --keep.",
	  OPT_CONTEXT | OPT_COLOUR | OPT_RULES | OPT_LANG | OPT_WINDOW | OPT_QUIET, 2, 2, run_show },
	{ "timeline", "CASE", "everything that happened, in order of time, over all sources",
	  "Evidence is marked with the number of its finding. Samples and table rows are left out without --all.",
	  OPT_JSON | OPT_COLOUR | OPT_ALL | OPT_WINDOW | OPT_RULES | OPT_LANG | OPT_QUIET, 1, 1, run_timeline },
	{ "explain", "CAUSE [CASE]", "a rule in words; with a case, how its certainty came about there", NULL,
	  OPT_RULES | OPT_LANG | OPT_COLOUR | OPT_WINDOW | OPT_QUIET, 1, 2, run_explain },
	{ "label", "CASE CAUSE...", "keep what it really was, for calibration",
	  "Written to CASE.label.json, or to -o FILE. The first CAUSE is what it was, others are acceptable too; \"none\": nothing was wrong.",
	  OPT_OUTPUT | OPT_RULES | OPT_LANG | OPT_QUIET, 2, 16, run_label },
	{ "sql", "CASE|PATH [QUERY]", "ask the tables of a case",
	  "Without QUERY: queries from standard input, each ended by a semicolon. A table for each kind (nvidia_xid),\n"
	  "and those of the case itself; .tables and .schema show them.",
	  OPT_JSON | OPT_CSV | OPT_RULES | OPT_WINDOW | OPT_QUIET, 1, 2, run_sql },
	{ "parse", "FILE...", "what was understood of a file, an observation a line",
	  "Log records that a rule asks for are shown with --rules.", OPT_RULES | OPT_TIMES | OPT_VERBOSE | OPT_SYMBOLS, 1, SIZE_MAX, run_parse },
	{ "dump", "dmesg|tasks|stacks|info FILE...", "what a kernel dump or a core file holds",
	  "dmesg writes the kernel's log byte for byte as makedumpfile --dump-dmesg does; tasks, stacks (of tasks that wait or run) and\n"
	  "info need no debug information: what a dump lacks is told on stderr. FILE may be a folder or an archive with one\n"
	  "in it; the files that makedumpfile --split wrote may be named one by one.",
	  OPT_JSON | OPT_QUIET | OPT_SYMBOLS, 2, SIZE_MAX, run_dump },
	{ "formats", "[KIND]", "what can be read at all; kinds and their fields", NULL, OPT_JSON | OPT_ALL, 0, 1, run_formats },
	{ "rules", "list|show|check|test|new ...", "the rules that are in use; prove those of your own",
	  "rules list [WORD...], rules show ID..., rules check [PATH...], rules test [PATH...],\n"
	  "rules new --from CASE|PATH SOURCE:LINE\n"
	  "check proves rules for themselves: names, fields, circles, examples. test also holds each rule's examples\n"
	  "against all the others. Both end with 1 when there are mistakes. PATHs count as --rules.\n"
	  "new prints a rule to start from: its pattern is that line with what varies folded into captures.",
	  OPT_RULES | OPT_JSON | OPT_LANG | OPT_FROM, 1, SIZE_MAX, run_rules },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	fputs("culprit: what broke first, how sure, which lines say so, what to do\n\n"
	      "usage: culprit PATH...                 analyse and print the ranked causes\n", out);
	for (size_t i = 1; i < COMMANDS; i++) {
		int n = fprintf(out, "       culprit %s %s", commands[i].name, commands[i].args);

		fprintf(out, "%*s%s\n", n < 38 ? 39 - n : 1, "", commands[i].about);
	}
	fputs("\noptions that most commands know:\n"
	      "  --json              print JSON\n"
	      "  -q, --quiet         the verdict and what to do, nothing else\n"
	      "  --color, --no-color colours (NO_COLOR is heeded)\n"
	      "  --lang en|zh        language of the report\n"
	      "  --rules DIR         rules of your own\n"
	      "  --since, --until T  only what happened then\n"
	      "  --fail-on SEVERITY  exit status 1 when a root cause is that severe\n"
	      "  -h, --help          culprit COMMAND --help says more; culprit analyse --help: all options of culprit PATH...\n"
	      "  --version           version, and those of the libraries\n"
	      "\nexit status: 0 analysed, whatever was found; 1 --fail-on met; 2 wrong use; 3 input could not be read\n", out);
}

static void command_help(const struct command *c)
{
	printf("usage: culprit %s%s%s\n\n%c%s.\n", c == commands ? "" : c->name, c == commands ? "" : " ", c->args,
	       c->about[0] - 'a' + 'A', c->about + 1);
	if (c->details)
		printf("%s\n", c->details);
	puts("\noptions:");
	for (size_t i = 0; i < SPECS; i++) {
		const struct spec *s = &specs[i];
		char text[48], letter[8] = "    ";

		if (s->in && !(s->in & c->options))
			continue;
		if (s->letter)
			snprintf(letter, sizeof(letter), "-%c, ", s->letter);
		snprintf(text, sizeof(text), "%s--%s%s%s", letter, s->name, s->value && s->value[0] != '=' ? " " : "",
			 s->value ? s->value : "");
		printf("  %-22s %s\n", text, s->about);
	}
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return !strcmp(name, "analyze") ? &commands[0] : NULL;
}

static bool apply(struct options *o, const char *name, const char *value)
{
	char *end;

	if (!strcmp(name, "json"))
		o->json = true;
	else if (!strcmp(name, "csv"))
		o->csv = true;
	else if (!strcmp(name, "add"))
		o->add = true;
	else if (!strcmp(name, "all"))
		o->all = true;
	else if (!strcmp(name, "times"))
		o->times = true;
	else if (!strcmp(name, "verbose"))
		o->verbose = true;
	else if (!strcmp(name, "quiet"))
		o->quiet = true;
	else if (!strcmp(name, "no-builtin"))
		o->builtin = false;
	else if (!strcmp(name, "no-sandbox"))
		o->sandbox = false;
	else if (!strcmp(name, "jobs")) {
		unsigned long n = strtoul(value, &end, 10);
		if (*end || end == value || n < 1 || n > 256) {
			complain("--jobs %s: a number from 1 to 256", value);
			return false;
		}
		o->jobs = (unsigned)n;
	} else if (!strcmp(name, "progress"))
		o->progress = 1;
	else if (!strcmp(name, "no-progress"))
		o->progress = 0;
	else if (!strcmp(name, "no-color"))
		o->colour = 0;
	else if (!strcmp(name, "output"))
		o->output = value;
	else if (!strcmp(name, "cross"))
		o->cross = true;
	else if (!strcmp(name, "from"))
		o->from = value;
	else if (!strcmp(name, "color")) {
		if (!value || !strcmp(value, "always") || !strcmp(value, "yes"))
			o->colour = 1;
		else if (!strcmp(value, "never") || !strcmp(value, "no"))
			o->colour = 0;
		else if (!strcmp(value, "auto"))
			o->colour = -1;
		else
			goto wrong;
	} else if (!strcmp(name, "format")) {
		if (!strcmp(value, "md"))
			value = "markdown";
		if (strcmp(value, "text") != 0 && strcmp(value, "json") != 0 && strcmp(value, "markdown") != 0 && strcmp(value, "html") != 0 &&
		    strcmp(value, "dot") != 0)
			goto wrong;
		o->format = value;
	} else if (!strcmp(name, "keep")) {
		if (strcmp(value, "evidence") != 0 && strcmp(value, "all") != 0 && strcmp(value, "none") != 0)
			goto wrong;
		o->keep = value;
	} else if (!strcmp(name, "lang")) {
		if (!strncmp(value, "zh", 2))
			o->lang = "zh";
		else if (!strncmp(value, "en", 2))
			o->lang = "en";
		else
			goto wrong;
	} else if (!strcmp(name, "fail-on")) {
		o->fail_on = read_severity(value);
		if (o->fail_on < 0)
			goto wrong;
	} else if (!strcmp(name, "since") || !strcmp(name, "until")) {
		if (!read_time(value, name[0] == 's' ? &o->since_ns : &o->until_ns))
			goto wrong;
	} else if (!strcmp(name, "at")) {
		if (!read_time(value, &o->at_ns))
			goto wrong;
	} else if (!strcmp(name, "about") || !strcmp(name, "waive") || !strcmp(name, "baseline")) {
		if (!*value)
			goto wrong;
		*(name[0] == 'a' ? &o->about : name[0] == 'w' ? &o->waive : &o->baseline) = value;
	} else if (!strcmp(name, "rules")) {
		if (o->rule_count >= MOST_RULE_PATHS) {
			complain("--rules: at most %d of them", MOST_RULE_PATHS);
			return false;
		}
		o->rules[o->rule_count++] = value;
		o->rules_asked++;
	} else if (!strcmp(name, "sysroot") || !strcmp(name, "debuginfo")) {
#ifdef HAVE_UNWIND
		if (o->symbol_count >= MOST_SYMBOL_PATHS) {
			complain("--%s: at most %d folders", name, MOST_SYMBOL_PATHS);
			return false;
		}
		o->symbols[o->symbol_count].debug = name[0] == 'd';
		o->symbols[o->symbol_count++].path = value;
		struct stat st;
		if (stat(value, &st) < 0 || !S_ISDIR(st.st_mode)) {
			complain("--%s %s: %s", name, value, errno && stat(value, &st) < 0 ? strerror(errno) : "not a folder");
			return false;
		}
#else
		complain("--%s: this culprit was built without libdw (elfutils)", name);
		return false;
#endif
	} else if (!strcmp(name, "cre-sources")) {
		o->cre_sources = value;
	} else if (!strcmp(name, "before") || !strcmp(name, "after") || !strcmp(name, "context")) {
		errno = 0;
		long n = strtol(value, &end, 10);
		if (errno || *end || end == value || n < 0 || n > 100000)
			goto wrong;
		if (name[0] != 'a')
			o->before = (int)n;
		if (name[0] != 'b')
			o->after = (int)n;
	}
	return true;
wrong:
	for (size_t i = 0; i < SPECS; i++)
		if (!strcmp(specs[i].name, name))
			complain("--%s: \"%s\" is not understood (%s)", name, value, specs[i].about);
	return false;
}

static int unknown_option(const struct command *c, const char *name, size_t size)
{
	const char *names[SPECS], *near;
	char word[64];
	size_t count = 0;

	snprintf(word, sizeof(word), "%.*s", (int)(size < 60 ? size : 60), name);
	for (size_t i = 0; i < SPECS; i++)
		if (!specs[i].in || (specs[i].in & c->options))
			names[count++] = specs[i].name;
	near = nearest(word, names, count);
	for (size_t i = 0; i < SPECS; i++)
		if (size == 1 ? specs[i].letter == word[0] : !strcmp(specs[i].name, word)) {
			char whose[128] = "";

			for (size_t k = 0; k < COMMANDS; k++)
				if (specs[i].in & commands[k].options)
					snprintf(whose + strlen(whose), sizeof(whose) - strlen(whose), "%s%s", *whose ? ", " : "", commands[k].name);
			complain("culprit %s knows no option %s%s; these do: %s", c == commands ? "PATH..." : c->name, size == 1 ? "-" : "--", word, whose);
			return EXIT_USE;
		}
	if (near)
		complain("unknown option %s%s; did you mean --%s?", size == 1 ? "-" : "--", word, near);
	else
		complain("unknown option %s%s; \"culprit %s%s--help\" lists them", size == 1 ? "-" : "--", word,
			 c == commands ? "" : c->name, c == commands ? "" : " ");
	return EXIT_USE;
}

static const struct spec *find_spec(const struct command *c, const char *name, size_t size, char letter)
{
	for (size_t i = 0; i < SPECS; i++)
		if ((!specs[i].in || (specs[i].in & c->options)) &&
		    (letter ? specs[i].letter == letter : strlen(specs[i].name) == size && !strncmp(specs[i].name, name, size)))
			return &specs[i];
	return NULL;
}

/* one option at argv[*at]; returns -1 to go on, else the exit status */
static int take_option(const struct command *c, struct options *o, int argc, char **argv, int *at)
{
	const char *arg = argv[*at];

	for (const char *letter = arg[1] == '-' ? NULL : arg + 1;;) {
		const char *name = arg + 2, *value = NULL;
		size_t size = letter ? 1 : strcspn(name, "=");
		const struct spec *s = find_spec(c, name, size, letter ? *letter : 0);

		if (!s)
			return unknown_option(c, letter ? letter : name, size);
		if (!letter && name[size] == '=')
			value = name + size + 1;
		if (letter && s->value && s->value[0] != '=' && letter[1])
			value = letter + 1;
		if (!strcmp(s->name, "help")) {
			if (c == commands && find_command(argv[1]) != c)
				usage(stdout);
			else
				command_help(c);
			return EXIT_DONE;
		}
		if (!strcmp(s->name, "version")) {
			char text[64];

			printf("culprit %s\n%s%s\nsandbox: %s\n", cul_version(), cul_libraries(), UNWIND_ABOUT, cul_sandbox_about(text));
			return EXIT_DONE;
		}
		if (value && !s->value) {
			complain("--%s takes no value", s->name);
			return EXIT_USE;
		}
		if (s->value && s->value[0] != '=' && !value) {
			if (*at + 1 >= argc) {
				complain("--%s wants a value: %s", s->name, s->value);
				return EXIT_USE;
			}
			value = argv[++*at];
		}
		if (!apply(o, s->name, value))
			return EXIT_USE;
		if (!letter || !letter[1] || (s->value && s->value[0] != '='))
			return -1;
		letter++;
	}
}

/* CULPRIT_RULES (colons between) and ~/.config/culprit/rules; @held keeps the text */
static void add_rule_places(struct options *o, char **held)
{
	const char *env = getenv("CULPRIT_RULES"), *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	size_t room = (env ? strlen(env) : 0) + (config ? strlen(config) : 0) + (home ? strlen(home) : 0) + 64;
	char *at = *held = malloc(room);

	if (!at)
		return;
	if (env) {
		memcpy(at, env, strlen(env) + 1);
		while (at && *at && o->rule_count < MOST_RULE_PATHS) {
			char *colon = strchr(at, ':');

			if (colon)
				*colon = '\0';
			if (*at)
				o->rules[o->rule_count++] = at;
			at = colon ? colon + 1 : NULL;
		}
		at = *held + strlen(env) + 1;
	}
	room -= (size_t)(at - *held);
	if (config && config[0] == '/')
		snprintf(at, room, "%s/culprit/rules", config);
	else if (home && home[0] == '/')
		snprintf(at, room, "%s/.config/culprit/rules", home);
	else
		return;
	if (o->rule_count < MOST_RULE_PATHS && access(at, R_OK | X_OK) == 0)
		o->rules[o->rule_count++] = at;
}

static const char *default_lang(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return !strncmp(value, "zh", 2) ? "zh" : "en";
	}
	return "en";
}

static int unknown_word(const char *word)
{
	const char *names[COMMANDS + 1], *near;

	for (size_t i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	names[COMMANDS] = "help";
	near = nearest(word, names, COMMANDS + 1);
	/* a word that looks like a path was meant as one */
	if (near && !strpbrk(word, "/."))
		complain("%s: no such file, and no such command; did you mean \"culprit %s\"?", word, near);
	else
		return -1;
	return EXIT_USE;
}

static int run(int argc, char **argv, struct options *o, const char **args)
{
	const struct command *c = NULL;
	int at = 1, status;

	if (argc < 2) {
		usage(stderr);
		return EXIT_USE;
	}
	/* the command is the first word; options may stand before it */
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (argv[i][0] == '-' && argv[i][1])
			continue;
		bool value = i > 1 && argv[i - 1][0] == '-' && argv[i - 1][1] == '-';
		const struct spec *s = value ? find_spec(&(struct command){ .options = ~0u }, argv[i - 1] + 2, strlen(argv[i - 1] + 2), 0) : NULL;

		if (s && s->value && s->value[0] != '=')
			continue;
		if (!strcmp(argv[i], "help") && access("help", F_OK) != 0) {
			const struct command *about = i + 1 < argc ? find_command(argv[i + 1]) : NULL;

			if (about)
				command_help(about);
			else
				usage(stdout);
			return EXIT_DONE;
		}
		c = find_command(argv[i]);
		if (c) {
			/* a file of that name, handed in alone, is what is meant */
			if (argc == 2 && access(argv[i], F_OK) == 0 && c->least > 0) {
				c = NULL;
			} else {
				for (int k = i; k > at; k--)
					argv[k] = argv[k - 1];
				at++;
			}
		} else if (access(argv[i], F_OK) != 0) {
			status = unknown_word(argv[i]);
			if (status >= 0)
				return status;
		}
		break;
	}
	if (!c)
		c = &commands[0];
	for (bool options = true; at < argc; at++) {
		if (options && !strcmp(argv[at], "--")) {
			options = false;
		} else if (options && argv[at][0] == '-' && argv[at][1]) {
			status = take_option(c, o, argc, argv, &at);
			if (status >= 0)
				return status;
		} else {
			args[o->count++] = argv[at];
		}
	}
	if (o->count < c->least || o->count > c->most) {
		complain("%s: %s; usage: culprit %s%s%s", c->name, o->count < c->least ? "something is missing" : "too many arguments",
			 c == commands ? "" : c->name, c == commands ? "" : " ", c->args);
		return EXIT_USE;
	}
	char *label = NULL;
	if (c->run == run_label && !o->output && asprintf(&label, "%s.label.json", o->args[0]) >= 0)
		o->output = label;
	o->unwinder = unwinder_start(o);
	status = o->sandbox && !lock_in(o) ? EXIT_UNREADABLE : c->run(o);
	free(label);
	return status;
}

int main(int argc, char **argv)
{
	struct options o = { .builtin = true, .sandbox = true, .progress = -1, .colour = -1, .fail_on = -1, .lang = default_lang(), .jobs = processors(), .before = 5, .after = 5 };
	const char **args = calloc((size_t)argc + 1, sizeof(*args));
	char *held = NULL;
	int status;

	if (!args) {
		complain("out of memory");
		return EXIT_UNREADABLE;
	}
	signal(SIGPIPE, SIG_IGN);
	o.args = args;
	add_rule_places(&o, &held);
	status = run(argc, argv, &o, args);
	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && !reader_left()) {
		complain("standard output: %s", errno ? strerror(errno) : "could not be written");
		status = EXIT_UNREADABLE;
	}
	free(held);
	free(args);
	return status;
}
