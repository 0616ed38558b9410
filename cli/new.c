/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit rules new --from CASE|PATH SOURCE:LINE: a rule to start from, made of one line.
 *
 * The line is read as the rule's own example will be: alone, its envelope peeled off. What varies in its message (numbers,
 * addresses, ids, paths, quoted names) becomes named captures, the rest is the pattern. The hit is the line, the miss the same line
 * with one word changed; both are held against the pattern before anything is printed.
 */
#include "commands.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_LINE 4000
#define LONGEST_PATTERN 400 /* bytes of the message that the pattern takes */
#define CAPTURES 16
#define WORDS 256
#define LEAST_LITERAL 6

struct text {
	char data[4 * LONGEST_LINE];
	size_t size;
};

static void append(struct text *t, const char *data, size_t size)
{
	if (t->size + size + 1 > sizeof(t->data))
		return;
	memcpy(t->data + t->size, data, size);
	t->size += size;
	t->data[t->size] = '\0';
}

/* ---- what varies ----------------------------------------------------------------------------- */

/* A piece of the message that is folded: where, what it is called, and what every such piece looks like. */
struct piece {
	size_t size;
	const char *name, *pattern;
};

static size_t span_of(const char *at, const char *end, const char *set)
{
	size_t n = 0;

	while (at + n < end && at[n] && strchr(set, at[n]))
		n++;
	return n;
}

#define DIGITS "0123456789"
#define HEX "0123456789abcdefABCDEF"

/* @shape: 'x' a hex digit, 'd' a digit, else the byte itself */
static bool shaped(const char *at, const char *end, const char *shape)
{
	for (; *shape; shape++, at++)
		if (at >= end || (*shape == 'x' ? !isxdigit((unsigned char)*at) : *shape == 'd' ? !isdigit((unsigned char)*at) : *at != *shape))
			return false;
	return true;
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* sda1, nvme0n1, eth0, mlx5_0: the names that kernels count through */
static size_t device_size(const char *at, const char *end)
{
	static const char *const heads[] = { "nvme", "eth", "enp", "eno", "ens", "ib", "mlx", "md", "dm-", "loop", "card", "nvidia", "veth", "bond", "mmcblk" };
	size_t n = 0;

	while (at + n < end && (in_word(at[n]) || (at[n] == '-' && n == 2 && at[0] == 'd')))
		n++;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		size_t head = strlen(heads[i]);

		if (n > head && !memcmp(at, heads[i], head) && isdigit((unsigned char)at[head]))
			return n;
	}
	return n >= 3 && n <= 6 && at[0] == 's' && at[1] == 'd' && islower((unsigned char)at[2]) &&
	       span_of(at + 3, at + n, DIGITS) == n - 3 ? n : 0;
}

/* "comm=", "name=": what stands behind these is somebody's name, whatever it looks like */
static bool follows_key(const char *start, const char *at)
{
	static const char *const keys[] = { "name", "comm", "host", "hostname", "node", "user", "pod", "container", "task", "job", "device", "dev",
					    "file", "model", "service", "unit", "client", "peer", "exe" };
	size_t n = 0;

	if (at == start || at[-1] != '=')
		return false;
	while (at - 1 - n > start && in_word(at[-2 - (ptrdiff_t)n]))
		n++;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (n == strlen(keys[i]) && !memcmp(at - 1 - n, keys[i], n))
			return true;
	return false;
}

static size_t value_size(const char *at, const char *end)
{
	size_t n = 0;

	while (at + n < end && !isspace((unsigned char)at[n]) && !strchr(",;)", at[n]))
		n++;
	return n;
}

/* Is there something at @at that another line of this kind would spell differently? */
static bool varies(const char *start, const char *at, const char *end, struct piece *p)
{
	bool begins = at == start || !in_word(at[-1]);
	char c = *at;

	if ((c == '"' || c == '\'') && (at == start || !in_word(at[-1]))) {
		const char *close = memchr(at + 1, c, (size_t)(end - at) - 1);

		if (close && close > at + 1 && close - at < 200) {
			*p = (struct piece){ (size_t)(close - at) + 1, "name", c == '"' ? "\"|[^\"]*|\"" : "'|[^']*|'" };
			return true;
		}
		return false;
	}
	if (!begins)
		return false;
	size_t named = in_word(c) && follows_key(start, at) ? value_size(at, end) : 0;
	if (named) {
		*p = (struct piece){ named, "name", "|[^\\s,;)]+|" };
		return true;
	}
	if (shaped(at, end, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")) {
		*p = (struct piece){ 36, "uuid", "|[0-9a-fA-F-]{36}|" };
		return true;
	}
	if (shaped(at, end, "xxxx:xx:xx") || shaped(at, end, "xxxxxxxx:xx:xx")) {
		size_t n = shaped(at, end, "xxxxxxxx:xx:xx") ? 14 : 10;

		n += shaped(at + n, end, ".d") ? 2 : 0;
		if (at + n == end || !in_word(at[n])) {
			*p = (struct piece){ n, "bdf", "|[0-9a-fA-F]{4,8}:[0-9a-fA-F:.]+|" };
			return true;
		}
	}
	if (c == '0' && at + 2 < end && at[1] == 'x' && isxdigit((unsigned char)at[2])) {
		*p = (struct piece){ 2 + span_of(at + 2, end, HEX), "hex", "|0x[0-9a-fA-F]+|" };
		return true;
	}
	if (c == '/' && at + 1 < end && in_word(at[1])) {
		size_t n = 0;

		while (at + n < end && !isspace((unsigned char)at[n]) && !strchr("\"',;:()[]{}<>", at[n]))
			n++;
		if (memchr(at + 1, '/', n - 1)) {
			*p = (struct piece){ n, "path", "|/[^\\s\"',;:()\\[\\]{}<>]+|" };
			return true;
		}
	}
	if (isxdigit((unsigned char)c)) {
		size_t n = span_of(at, end, HEX);

		if (n >= 8 && (at + n == end || !in_word(at[n])) && span_of(at, end, DIGITS) < n && strcspn(at, DIGITS) < n) {
			*p = (struct piece){ n, "id", "|[0-9a-fA-F]{8,}|" };
			return true;
		}
	}
	if (isdigit((unsigned char)c)) {
		size_t n = span_of(at, end, DIGITS);

		if (shaped(at, end, "dddd-dd-dd"))
			*p = (struct piece){ span_of(at, end, DIGITS "-:.TZ+"), "date", "|\\d{4}-[\\d:.TZ+-]+|" };
		else if (shaped(at, end, "dd:dd:dd"))
			*p = (struct piece){ span_of(at, end, DIGITS ":."), "clock", "|\\d\\d:[\\d:.]+|" };
		else if (n < 4 && at + n < end && at[n] == '.' && span_of(at, end, DIGITS ".") >= 7)
			*p = (struct piece){ span_of(at, end, DIGITS "."), "ip", "|\\d+\\.\\d+\\.[\\d.]+|" };
		else if (at + n + 1 < end && at[n] == '.' && isdigit((unsigned char)at[n + 1]))
			*p = (struct piece){ n + 1 + span_of(at + n + 1, end, DIGITS), "value", "|\\d+\\.\\d+|" };
		else
			*p = (struct piece){ n, "number", "|\\d+|" };
		/* a full stop behind it is none of it */
		while (p->size > n && strchr(".:-+", at[p->size - 1]))
			p->size--;
		return true;
	}
	size_t device = device_size(at, end);
	if (device) {
		*p = (struct piece){ device, "device", "|[\\w-]+|" };
		return true;
	}
	return false;
}

/* "pid=4242", "rank: 3": the word that stands before a piece names it; "" when none does or it can't be trusted */
static void name_before(const char *start, const char *at, const struct piece *p, char name[32])
{
	const char *end = at;
	size_t n = 0;

	name[0] = '\0';
	if (end > start && (end[-1] == '"' || end[-1] == '\''))
		end--;
	while (end > start && end[-1] == ' ' && at - end < 2)
		end--;
	if (end == start || (end[-1] != '=' && end[-1] != ':'))
		return;
	end--;
	while (end - n > start && in_word(end[-1 - (ptrdiff_t)n]) && n < 24)
		n++;
	if (n < 2 || n >= 24 || isdigit((unsigned char)end[-(ptrdiff_t)n]))
		return;
	for (size_t i = 0; i < n; i++)
		name[i] = (char)tolower((unsigned char)(end - n)[i]);
	name[n] = '\0';
	/* the dictionary's fields have types of their own */
	const struct cul_field *field = cul_field_find(slice_of(name));
	if (field && field->type != CUL_TEXT && strcmp(p->name, "number") != 0 && strcmp(p->name, "value") != 0)
		name[0] = '\0';
}

/* How many bytes the character beyond ASCII at @at takes; 0: they are no UTF-8. */
static size_t utf8_size(const char *at, const char *end)
{
	unsigned char c = (unsigned char)*at;
	size_t n = c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe1 && c < 0xf0 ? 3 : c >= 0xf1 && c < 0xf4 ? 4 : 0;

	if (!n || (size_t)(end - at) < n || (c == 0xed && (unsigned char)at[1] >= 0xa0))
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)at[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* ---- message -> pattern ---------------------------------------------------------------------- */

struct draft {
	struct text pattern, title;
	char names[CAPTURES][32];
	size_t name_count;
	struct text literal;        /* the longest run that every match holds */
	char word[64];              /* its longest word: what the look-alike has not */
	char words[5][24];
	size_t word_count;
};

static const char *unique_name(struct draft *d, const char *wanted)
{
	char *name = d->names[d->name_count];

	snprintf(name, 32, "%.27s", wanted);
	for (unsigned n = 2; n < 2 + CAPTURES; n++) {
		bool taken = false;

		for (size_t i = 0; i < d->name_count; i++)
			taken |= !strcmp(d->names[i], name);
		if (!taken)
			break;
		snprintf(name, 32, "%.27s_%u", wanted, n);
	}
	d->name_count++;
	return name;
}

static void fold(struct draft *d, const char *start, const char *at, const struct piece *p)
{
	const char *first = strchr(p->pattern, '|'), *last = strrchr(p->pattern, '|');
	size_t quote = (size_t)(first - p->pattern);
	char name[32];

	append(&d->pattern, p->pattern, quote);
	append(&d->title, at, quote);
	if (d->name_count < CAPTURES) {
		name_before(start, at, p, name);
		const char *unique = unique_name(d, name[0] ? name : p->name);

		append(&d->pattern, "(?<", 3);
		append(&d->pattern, unique, strlen(unique));
		append(&d->pattern, ">", 1);
		append(&d->pattern, first + 1, (size_t)(last - first) - 1);
		append(&d->pattern, ")", 1);
		append(&d->title, "{seen.", 6);
		append(&d->title, unique, strlen(unique));
		append(&d->title, "}", 1);
	} else {
		append(&d->pattern, first + 1, (size_t)(last - first) - 1);
		append(&d->title, "…", strlen("…"));
	}
	append(&d->pattern, last + 1, strlen(last + 1));
	append(&d->title, at + p->size - quote, quote);
}

static void end_run(struct draft *d, struct text *run)
{
	if (run->size > d->literal.size)
		d->literal = *run;
	run->size = 0;
}

/* Words that stay: they name the rule, and the longest is what the look-alike changes. */
static void take_word(struct draft *d, const char *at, size_t size)
{
	if (size < 3 || size >= sizeof(d->words[0]))
		return;
	if (size > strlen(d->word))
		snprintf(d->word, sizeof(d->word), "%.*s", (int)size, at);
	if (d->word_count == sizeof(d->words) / sizeof(d->words[0]))
		return;
	for (size_t i = 0; i < size; i++)
		d->words[d->word_count][i] = (char)tolower((unsigned char)at[i]);
	d->words[d->word_count++][size] = '\0';
}

static void make_pattern(struct draft *d, struct cul_slice message)
{
	const char *start = message.data, *end = start + message.size;
	struct text *run = calloc(1, sizeof(*run));
	struct piece p;

	for (const char *at = start; run && at < end;) {
		if (d->pattern.size > LONGEST_PATTERN && *at == ' ')
			break;
		if (varies(start, at, end, &p)) {
			end_run(d, run);
			fold(d, start, at, &p);
			at += p.size;
			continue;
		}
		size_t spaces = span_of(at, end, " \t");
		if (spaces > 1 || *at == '\t') {
			end_run(d, run);
			append(&d->pattern, "\\s+", 3);
			append(&d->title, " ", 1);
			at += spaces;
			continue;
		}
		unsigned char c = (unsigned char)*at;
		size_t letters = 0;
		while (at + letters < end && isalpha((unsigned char)at[letters]) && (letters || at == start || !in_word(at[-1])))
			letters++;
		if (letters && (at + letters == end || !in_word(at[letters])))
			take_word(d, at, letters);
		size_t wide = c >= 0x80 ? utf8_size(at, end) : 0;
		if (wide) {
			append(&d->pattern, at, wide);
			append(run, at, wide);
			append(&d->title, at, wide);
			at += wide;
			continue;
		}
		if (c < 0x20 || c >= 0x7f) {
			/* control characters, and what may be no UTF-8 */
			while (at < end && ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f) && !utf8_size(at, end))
				at++;
			end_run(d, run);
			append(&d->pattern, ".+?", 3);
			append(&d->title, "…", strlen("…"));
			continue;
		}
		if (strchr("\\^$.[]|()?*+{}", c))
			append(&d->pattern, "\\", 1);
		append(&d->pattern, at, 1);
		append(run, at, 1);
		if (c == '{' || c == '}')
			append(&d->title, at, 1);
		append(&d->title, at, 1);
		at++;
	}
	if (run)
		end_run(d, run);
	free(run);
}

/* ---- reading one line as the parse does ------------------------------------------------------- */

struct reading {
	struct text message;
	bool met, kernel;
	bool bracket; /* the line begins as dmesg prints it */
};

static enum cul_status on_observe(void *ctx, const struct cul_observation *o)
{
	struct reading *r = ctx;

	if (o->interest < 0)
		return CUL_OK;
	r->met = true;
	r->kernel |= o->interest == 1 && (r->bracket || (o->unit.size == 6 && !memcmp(o->unit.data, "kernel", 6)));
	for (size_t i = 0; i < o->count && !r->message.size; i++)
		if (o->values[i].type == CUL_TEXT)
			append(&r->message, o->values[i].s.data, o->values[i].s.size);
	return CUL_OK;
}

/* Ask the parse for @pattern in @line alone; @literals as in struct cul_interest. */
static bool read_line(const char *line, const char *pattern, const char *const *literals, struct reading *r)
{
	static const struct cul_field message = { .name = "message", .type = CUL_TEXT, .unit = "", .about = "" };
	static const struct cul_field *const captures[] = { &message };
	AUTO(bundle_closep) struct cul_bundle *bundle = NULL;
	const struct cul_blob blob = { "log", slice_of(line) };
	bool whole = !strncmp(pattern, "(?s)", 4);
	const struct cul_interest items[] = {
		{ .id = "new/seen", .pattern = pattern, .literals = literals, .captures = captures, .capture_count = whole },
		{ .id = "new/kernel", .pattern = pattern, .literals = literals, .captures = captures, .capture_count = whole, .stream = "kernel" },
	};
	const struct cul_interests interests = { items, 2 };
	const struct cul_sink sink = { .ctx = r, .observe = on_observe };
	struct cul_error err = { 0 };

	r->met = r->kernel = false;
	r->bracket = line[0] == '[' || line[0] == '<';
	return cul_bundle_memory(&blob, 1, NULL, &bundle, &err) == CUL_OK &&
	       cul_parse(bundle, &interests, NULL, &sink, NULL, &err) == CUL_OK && r->met;
}

/* The message of @line, whatever envelope it has: any of its words will do to be asked. */
static bool read_message(const char *line, struct reading *r)
{
	char *held = strdup(line);
	const char *words[WORDS + 1];
	size_t count = 0;

	for (char *w = held; w && *w && count < WORDS;) {
		size_t n = strcspn(w, " \t\"");
		bool last = !w[n];

		w[n] = '\0';
		if (n >= 2)
			words[count++] = w;
		w += last ? n : n + 1;
	}
	words[count] = NULL;
	bool ok = count && read_line(line, "(?s)^(?<message>.*)$", words, r);
	free(held);
	return ok;
}

/* ---- the rule -------------------------------------------------------------------------------- */

/* @line with @word changed; where the message stands in the line as it is, only there */
static bool make_miss(const char *line, const struct reading *r, const char *word, struct text *miss)
{
	const char *from = r->message.size ? strstr(line, r->message.data) : NULL, *at = strstr(from ? from : line, word);

	if (!*word || !at)
		return false;
	append(miss, line, (size_t)(at - line));
	append(miss, strcmp(word, "other") != 0 ? "other" : "another", strcmp(word, "other") != 0 ? 5 : 7);
	append(miss, at + strlen(word), strlen(at + strlen(word)));
	return true;
}

static void put_single(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			putchar('\'');
		putchar(*text);
	}
	putchar('\'');
}

static void put_rule(const struct draft *d, const struct reading *r, const char *line, const char *miss, const char *source)
{
	char id[160] = "user.";

	for (size_t i = 0; i < d->word_count; i++)
		snprintf(id + strlen(id), sizeof(id) - strlen(id), "%s%s", i ? "-" : "", d->words[i]);
	if (!d->word_count)
		snprintf(id, sizeof(id), "user.new-rule");
	printf("# A draft, made of ");
	put_text(stdout, slice_of(source));
	printf(". Say in your own words what is wrong and what helps, then run\n"
	       "#   culprit rules test FILE\n"
	       "# The language: docs/rules.md\n"
	       "id: %s\n", id);
	printf("title:\n  en: ");
	put_json(stdout, (struct cul_slice){ d->title.data, d->title.size });
	printf("\n  zh: ");
	put_json(stdout, (struct cul_slice){ d->title.data, d->title.size });
	printf("\nseverity: err        # emerg alert crit err warning notice info\n"
	       "must:\n  seen:\n    text: ");
	char *pattern = NULL;
	if (asprintf(&pattern, "~ %s", d->pattern.data) >= 0)
		put_single(pattern);
	free(pattern);
	printf("\n%s", r->kernel ? "    stream: kernel\n" : "");
	printf("# may:               # what makes it surer; against: what speaks against it; explains: its symptoms\n"
	       "certainty: likely    # what that line alone is worth: proof, strong, likely, hint\n"
	       "act: none            # wait restart-process fix-config fix-job reset-gpu drain-reboot power-cycle replace-hardware update-software none\n"
	       "summary:\n"
	       "  en: \"What it means, and why it happens.\"\n"
	       "  zh: \"其含义与成因。\"\n"
	       "remedy:\n"
	       "  - do:\n"
	       "      en: \"What to do first.\"\n"
	       "      zh: \"首先做什么。\"\n"
	       "examples:\n"
	       "  hit:\n    - ");
	put_json(stdout, slice_of(line));
	printf("\n  miss:              # a real line that looks like it and means something else is better\n    - ");
	put_json(stdout, slice_of(miss));
	putchar('\n');
}

static void keep_line(void *ctx, int64_t number, struct cul_slice text)
{
	struct text *t = ctx;

	if (!t->size)
		append(t, text.data, text.size < LONGEST_LINE ? text.size : LONGEST_LINE);
}

/* Line @number of the member whose name ends in @name, as it stands in the bundle: a case keeps no envelopes. */
static bool raw_line(const char *path, const char *name, size_t size, int64_t number, struct text *line)
{
	AUTO(bundle_closep) struct cul_bundle *bundle = NULL;
	struct cul_member member;
	struct cul_error err = { 0 };
	char block[16384];

	if (is_case(path) || !strcmp(path, "-") || cul_bundle_open(path, NULL, &bundle, &err) != CUL_OK)
		return false;
	while (cul_bundle_next(bundle, &member)) {
		size_t n = strlen(member.name), got;

		if (n < size || memcmp(member.name + n - size, name, size) != 0)
			continue;
		int64_t at = 1;
		while (at <= number && (got = cul_bundle_read(bundle, block, sizeof(block))))
			for (size_t i = 0; i < got && at <= number; i++) {
				if (at == number && block[i] != '\n' && line->size < LONGEST_LINE)
					append(line, block + i, 1);
				at += block[i] == '\n';
			}
		return line->size && !memchr(line->data, '\0', line->size);
	}
	return false;
}

/* What the rules make of that line now, as a note: a second rule for it has to be the better one. */
static void tell_known(const struct options *o, const char *line)
{
	AUTO(rules_freep) struct cul_rules *rules = NULL;
	AUTO(bundle_closep) struct cul_bundle *bundle = NULL;
	AUTO(case_closep) struct cul_case *c = NULL;
	AUTO(verdict_freep) const struct cul_verdict *verdict = NULL;
	const struct cul_blob blob = { "log", slice_of(line) };
	const struct cul_judge_options how = { .lang = o->lang };
	struct cul_error err = { 0 };

	if (load_rules(o, &rules, &err) != CUL_OK || cul_bundle_memory(&blob, 1, NULL, &bundle, &err) != CUL_OK ||
	    cul_case_scan(NULL, bundle, cul_rules_interests(rules), NULL, NULL, &c, &err) != CUL_OK ||
	    cul_rules_judge(rules, c, &how, &verdict, &err) != CUL_OK || !verdict->lead)
		return;
	const struct cul_finding *f = &verdict->findings[verdict->lead - 1];
	complain("a note: the rule %s knows that line already (certainty %.2f)", f->cause, f->certainty);
}

/* All of it is large, and lives on the heap. */
struct work {
	struct text line, miss;
	struct reading whole, again;
	struct draft draft;
};

static void work_freep(struct work **p) { free(*p); }

int run_rules_new(const struct options *o)
{
	AUTO(case_closep) struct cul_case *c = NULL;
	AUTO(work_freep) struct work *w = calloc(1, sizeof(*w));
	struct options all = *o;
	struct cul_error err = { 0 };
	int member;
	int64_t number;

	if (!o->from || o->count != 2) {
		complain("rules new: from which line? usage: culprit rules new --from CASE|PATH SOURCE:LINE");
		return EXIT_USE;
	}
	if (!w) {
		complain("out of memory");
		return EXIT_UNREADABLE;
	}
	all.keep = "all";
	enum cul_status status = open_or_scan(&all, o->from, NULL, NULL, &c, &err);
	if (status != CUL_OK)
		return failed(status, &err);
	if (!find_place(c, o->args[1], &member, &number))
		return EXIT_USE;
	const char *colon = strrchr(o->args[1], ':');
	if (!raw_line(o->from, o->args[1], (size_t)(colon - o->args[1]), number, &w->line))
		w->line.size = 0;
	bool kept = w->line.size || cul_case_context(c, member, number, 0, 0, keep_line, &w->line);
	if (!kept && is_case(o->from)) {
		complain("%s: the text of that place was not kept; give the bundle itself, or scan with --keep all", o->args[1]);
		return EXIT_UNREADABLE;
	}
	if (!w->line.size) {
		complain("%s: that line is empty, or there is none", o->args[1]);
		return EXIT_USE;
	}
	while (w->line.size && strchr(" \t\r\n", w->line.data[w->line.size - 1]))
		w->line.data[--w->line.size] = '\0';
	if (!read_message(w->line.data, &w->whole)) {
		complain("%s: that line is no log record by itself; \"culprit parse\" shows what is read there, and a rule asks for it by kind",
			 o->args[1]);
		return EXIT_USE;
	}
	struct draft *d = &w->draft;
	make_pattern(d, (struct cul_slice){ w->whole.message.data, w->whole.message.size });
	if (d->literal.size < LEAST_LITERAL) {
		complain("%s: nothing of six bytes or more stays the same in that line; a pattern needs that much to be searched for", o->args[1]);
		return EXIT_USE;
	}
	const char *const literals[] = { d->literal.data, NULL };
	const char *word = strlen(d->word) >= 3 ? d->word : d->literal.data;
	if (!make_miss(w->line.data, &w->whole, word, &w->miss) || !read_line(w->line.data, d->pattern.data, literals, &w->again)) {
		complain("%s: no pattern came of that line; write the rule by hand, \"culprit rules show ID\" shows how others look", o->args[1]);
		return EXIT_USE;
	}
	if (read_line(w->miss.data, d->pattern.data, literals, &w->again))
		w->miss.size = (size_t)snprintf(w->miss.data, sizeof(w->miss.data), "other line");
	put_rule(d, &w->whole, w->line.data, w->miss.data, o->args[1]);
	tell_known(o, w->line.data);
	return EXIT_DONE;
}
