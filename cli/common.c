/* SPDX-License-Identifier: Apache-2.0 */
/** What the commands share; see commands.h. */
#include "commands.h"

#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define COLUMNS_LEAST 60
#define COLUMNS_MOST 120 /* a longer line is hard to read */

/* ---- text ------------------------------------------------------------------------------------ */

struct cul_slice slice_of(const char *text)
{
	return (struct cul_slice){ text ? text : "", text ? strlen(text) : 0 };
}

/* The code point at @at and its length; length 0 when the bytes are no UTF-8. */
static uint32_t code_point(const unsigned char *at, size_t left, size_t *length)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 :
		   at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : 0;
	uint32_t c = n == 1 ? at[0] : n ? at[0] & (0xffu >> (n + 1)) : 0;

	*length = 0;
	if (!n || n > left)
		return 0xfffd;
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (at[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0xfffd;
	*length = n;
	return c;
}

/* what a terminal acts upon, or what turns text round: C0, DEL, C1, bidi and line separators, zero-width marks */
static bool harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c < 0xe1000);
}

static bool is_wide(uint32_t c)
{
	return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
	       (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
	       (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
}

/* one walk for printing and for measuring, so that they can't differ */
static size_t walk_text(FILE *out, struct cul_slice text)
{
	const unsigned char *at = (const unsigned char *)text.data;
	size_t width = 0, n;

	for (size_t i = 0; i < text.size;) {
		uint32_t c = code_point(at + i, text.size - i, &n);

		if (c == '\t' && n) {
			if (out)
				putc(' ', out);
			width++;
		} else if (!n || harmful(c)) {
			if (out)
				fprintf(out, n > 1 ? "\\u%04x" : "\\x%02x", n > 1 ? c : at[i]);
			width += n > 1 ? (c > 0xffff ? 7 : 6) : 4;
		} else {
			if (out)
				fwrite(at + i, 1, n, out);
			width += is_wide(c) ? 2 : 1;
		}
		i += n ? n : 1;
	}
	return width;
}

void put_text(FILE *out, struct cul_slice text)
{
	walk_text(out, text);
}

size_t text_width(struct cul_slice text)
{
	return walk_text(NULL, text);
}

void put_json(FILE *out, struct cul_slice text)
{
	const unsigned char *at = (const unsigned char *)text.data;
	size_t n;

	putc('"', out);
	for (size_t i = 0; i < text.size;) {
		uint32_t c = code_point(at + i, text.size - i, &n);

		if (!n)
			fputs("\xef\xbf\xbd", out);
		else if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (int)c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c == '\t')
			fputs("\\t", out);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fwrite(at + i, 1, n, out);
		i += n ? n : 1;
	}
	putc('"', out);
}

void complain(const char *format, ...)
{
	char text[2048];
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	fputs("culprit: ", stderr);
	put_text(stderr, slice_of(text));
	putc('\n', stderr);
}

bool reader_left(void)
{
	struct stat st;

	return ferror(stdout) && !fstat(STDOUT_FILENO, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

int failed(enum cul_status status, const struct cul_error *err)
{
	if (reader_left())
		return EXIT_DONE;
	complain("%s", err && err->text[0] ? err->text : status == CUL_ENOMEM ? "out of memory" : "failed without a word");
	return status == CUL_EUSE || status == CUL_ERULE ? EXIT_USE : EXIT_UNREADABLE;
}

/* ---- small things ---------------------------------------------------------------------------- */

double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool use_colour(const struct options *o)
{
	const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

	if (o->colour >= 0)
		return o->colour;
	return isatty(STDOUT_FILENO) && !(none && *none) && term && strcmp(term, "dumb") != 0;
}

static const char *const severities[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };

int read_severity(const char *name)
{
	static const struct { const char *name; int severity; } also[] = {
		{ "error", 3 }, { "warn", 4 }, { "fatal", 2 }, { "critical", 2 }, { "emergency", 0 },
	};

	for (int i = 0; i < 8; i++)
		if (!strcasecmp(name, severities[i]))
			return i;
	for (size_t i = 0; i < sizeof(also) / sizeof(also[0]); i++)
		if (!strcasecmp(name, also[i].name))
			return also[i].severity;
	return name[0] >= '0' && name[0] <= '7' && !name[1] ? name[0] - '0' : -1;
}

const char *severity_name(int severity)
{
	return severity >= 0 && severity < 8 ? severities[severity] : "";
}

/* Days since 1970-01-01 of a civil date. */
static int64_t days_of(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* exactly @most digits, or up to @most when @least is less */
static bool take_number(const char **at, int least, int most, int64_t *ret)
{
	int64_t n = 0;
	int i = 0;

	while (i < most && (*at)[i] >= '0' && (*at)[i] <= '9')
		n = n * 10 + ((*at)[i++] - '0');
	if (i < least)
		return false;
	*at += i;
	*ret = n;
	return true;
}

bool read_time(const char *text, int64_t *ret)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int64_t y, mo, d, h = 0, mi = 0, s = 0, frac = 0, zone = 0, zh, zm = 0;
	const char *at = text;

	if (*at == '@') {
		at++;
		if (!take_number(&at, 1, 10, &s) || *at)
			return false;
		*ret = s * SECOND;
		return true;
	}
	if (!take_number(&at, 4, 4, &y) || *at++ != '-' || !take_number(&at, 2, 2, &mo) || *at++ != '-' ||
	    !take_number(&at, 2, 2, &d) || mo < 1 || mo > 12 || y < 1970 || y > 2261)
		return false;
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	if (d < 1 || d > lengths[mo - 1] + (mo == 2 && leap))
		return false;
	if (*at == 'T' || *at == ' ') {
		at++;
		if (!take_number(&at, 2, 2, &h) || *at++ != ':' || !take_number(&at, 2, 2, &mi) || h > 23 || mi > 59)
			return false;
		if (*at == ':') {
			at++;
			if (!take_number(&at, 2, 2, &s) || s > 60)
				return false;
			if (*at == '.' || *at == ',') {
				int64_t unit = SECOND / 10;

				for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
					frac += (*at - '0') * unit;
			}
		}
	}
	if (*at == 'Z') {
		at++;
	} else if (*at == '+' || *at == '-') {
		int sign = *at++ == '-' ? -1 : 1;

		if (!take_number(&at, 2, 2, &zh))
			return false;
		if (*at == ':')
			at++;
		if (*at && !take_number(&at, 2, 2, &zm))
			return false;
		zone = sign * (zh * 3600 + zm * 60);
	}
	if (*at)
		return false;
	*ret = (days_of(y, (int)mo, (int)d) * 86400 + h * 3600 + mi * 60 + s - zone) * SECOND + frac;
	return true;
}

const char *print_time(int64_t ns, char buf[40])
{
	buf[0] = '\0';
	if (ns == CUL_NO_TIME)
		return buf;
	int64_t ms = ns / 1000000 - (ns % 1000000 < 0);
	int64_t s = ms / 1000 - (ms % 1000 < 0);
	time_t t = (time_t)s;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return buf;
	size_t n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 40 - n, ".%03dZ", (int)(ms - s * 1000));
	return buf;
}

const char *nearest(const char *word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t size = strlen(word), best_far = size / 3 + 1;

	if (size > 40)
		return NULL;
	for (size_t k = 0; k < count; k++) {
		unsigned char row[64], next[64];
		size_t n = strlen(names[k]);

		if (n > 60)
			continue;
		if (size >= 3 && !strncmp(names[k], word, size))
			return names[k];
		for (size_t j = 0; j <= n; j++)
			row[j] = (unsigned char)j;
		for (size_t i = 1; i <= size; i++) {
			next[0] = (unsigned char)i;
			for (size_t j = 1; j <= n; j++) {
				unsigned least = row[j - 1] + (word[i - 1] != names[k][j - 1]);

				if (row[j] + 1u < least)
					least = row[j] + 1u;
				if (next[j - 1] + 1u < least)
					least = next[j - 1] + 1u;
				next[j] = (unsigned char)least;
			}
			memcpy(row, next, n + 1);
		}
		if (row[n] <= best_far && row[n] < size) {
			best_far = row[n] ? row[n] - 1u : 0;
			best = names[k];
		}
	}
	return best;
}

bool is_case(const char *path)
{
	char magic[16];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return false;
	ssize_t n = read(fd, magic, sizeof(magic));
	close(fd);
	return n == (ssize_t)sizeof(magic) && !memcmp(magic, "SQLite format 3", 16);
}

/* ---- the main road: rules, scan, judge, print -------------------------------------------------- */

enum cul_status load_rules(const struct options *o, struct cul_rules **ret, struct cul_error *err)
{
	enum cul_status status = cul_rules_load(o->builtin, o->rules, o->rule_count, ret, err);

	if (status == CUL_OK && o->cre_sources)
		status = cul_rules_cre_sources(*ret, o->cre_sources, err);
	return status;
}

unsigned processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) || CPU_COUNT(&set) < 1 ? 1 : CPU_COUNT(&set) > 64 ? 64 : (unsigned)CPU_COUNT(&set);
}

enum cul_status scan_path(const struct options *o, const char *path, const char *case_path, bool add,
			  const struct cul_interests *interests, struct cul_tally *tally, struct cul_case **ret,
			  struct cul_error *err)
{
	AUTO(bundle_closep) struct cul_bundle *bundle = NULL;
	AUTO(progress_end) struct progress progress = { 0 };
	struct cul_scan_options options = {
		.keep = !o->keep || !strcmp(o->keep, "evidence") ? CUL_KEEP_EVIDENCE :
			!strcmp(o->keep, "all") ? CUL_KEEP_ALL : CUL_KEEP_NONE,
		.since_ns = o->since_ns,
		.until_ns = o->until_ns,
		.add_to = add ? case_path : NULL,
		.limits.threads = o->jobs,
		.limits.unwinder = o->unwinder,
	};

	if (progress_begin(&progress, o)) {
		options.progress = progress_tell;
		options.progress_ctx = &progress;
	}
	enum cul_status status = cul_bundle_open(path, &options.limits, &bundle, err);
	if (status == CUL_OK) {
		if (case_path)
			case_begun(case_path);
		status = cul_case_scan(case_path, bundle, interests, &options, tally, ret, err);
		if (case_path)
			case_done();
	}
	return status;
}

enum cul_status open_or_scan(const struct options *o, const char *path, const struct cul_interests *interests,
			     struct cul_tally *tally, struct cul_case **ret, struct cul_error *err)
{
	if (is_case(path))
		return cul_case_open(path, interests, ret, err);
	return scan_path(o, path, NULL, false, interests, tally, ret, err);
}

bool find_place(struct cul_case *c, const char *place, int *member, int64_t *line)
{
	const char *colon = strrchr(place, ':');
	char *end;

	*line = colon ? strtoll(colon + 1, &end, 10) : 0;
	if (!colon || *end || end == colon + 1 || *line <= 0) {
		complain("\"%s\" is no place; a place is SOURCE:LINE", place);
		return false;
	}
	size_t count = cul_case_source_count(c), size = (size_t)(colon - place), matches = 0;
	*member = -1;
	for (size_t i = 0; i < count; i++) {
		const char *name = cul_case_source_name(c, (int)i);
		size_t n = strlen(name);

		if (n < size || memcmp(name + n - size, place, size) != 0)
			continue;
		if (n == size) {
			*member = (int)i;
			matches = 1;
			break;
		}
		if (name[n - size - 1] != '/' && name[n - size - 1] != '!')
			continue;
		if (*member < 0)
			*member = (int)i;
		matches++;
	}
	if (!matches) {
		complain("the case has no source called %.*s; \"culprit report CASE --format json\" lists them", (int)size, place);
		return false;
	}
	if (matches > 1) {
		complain("%.*s: %zu sources end so; give more of the name", (int)size, place, matches);
		return false;
	}
	return true;
}

bool fails(const struct options *o, const struct cul_verdict *verdict)
{
	if (o->fail_on < 0)
		return false;
	for (size_t i = 0; i < verdict->count; i++) {
		const struct cul_finding *f = &verdict->findings[i];

		if (f->role == CUL_ROLE_ROOT && !f->waived && f->certainty >= 0.5 && f->severity <= o->fail_on)
			return true;
	}
	return false;
}

/* The columns of the terminal that @out goes to, at most what reads well; 0: it is none, or it doesn't say. */
static int columns_of(FILE *out)
{
	struct winsize size = { 0 };
	int fd = fileno(out) < 0 ? STDOUT_FILENO : fileno(out); /* many bundles: memory that is printed later on */

	if ( !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col)
		return 0;
	return size.ws_col < COLUMNS_LEAST ? COLUMNS_LEAST : size.ws_col > COLUMNS_MOST ? COLUMNS_MOST : size.ws_col;
}

int judge_and_print(const struct options *o, const struct asked *ask, const struct cul_rules *rules, struct cul_case *c, const char *input,
		    const struct cul_tally *tally, double seconds, FILE *out)
{
	const struct cul_judge_options how = { .lang = o->lang, .at_ns = o->at_ns, .about = o->about, .waivers = ask->waivers,
						 .waiver_count = ask->waiver_count, .baseline = ask->baseline };
	AUTO(verdict_freep) const struct cul_verdict *verdict = NULL;
	struct cul_error err = { 0 };
	double start = now_s();
	enum cul_status status = cul_rules_judge(rules, c, &how, &verdict, &err);

	if (status != CUL_OK)
		return failed(status, &err);
	const struct cul_report_options options = {
		.format = o->json || (o->format && !strcmp(o->format, "json")) ? CUL_REPORT_JSON :
			  o->format && !strcmp(o->format, "markdown") ? CUL_REPORT_MARKDOWN :
			  o->format && !strcmp(o->format, "html") ? CUL_REPORT_HTML :
			  o->format && !strcmp(o->format, "dot") ? CUL_REPORT_DOT : CUL_REPORT_TEXT,
		.colour = use_colour(o),
		.quiet = o->quiet,
		.width = columns_of(out),
		.input = input,
		.lang = o->lang,
		.seconds = seconds < 0 ? -1 : seconds + now_s() - start,
		.tally = tally,
	};
	status = cul_report_write(c, verdict, &options, out, &err);
	if (status != CUL_OK)
		return failed(status, &err);
	return fails(o, verdict) ? EXIT_MET : EXIT_DONE;
}
