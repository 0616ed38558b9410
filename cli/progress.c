/* SPDX-License-Identifier: Apache-2.0 */
/**
 * How far the reading is: a bar on a terminal, lines elsewhere when they are asked for.
 *
 *   culprit: ██████████████████▋          62 %  1.6 of 2.6 GiB  310 MiB/s  0:03 left
 *
 * Bytes are those of the outermost input, as they lie on disk: the only ones whose end is known beforehand. What
 * does not fit the terminal's width is left out, the bar first, then from the right. Nothing is shown of a run
 * shorter than half a second, and the line is cleared before anything else is printed.
 */
#include "commands.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BEFORE_S 0.5   /* nothing until then */
#define REDRAW_S 0.1
#define LINE_S 10.0    /* between two lines where there is no terminal */
#define SMOOTH_S 3.0   /* a change of the rate is two thirds there after this long */
#define BAR_LEAST 8    /* cells */
#define BAR_MOST 40

static bool utf8_locale(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

bool progress_begin(struct progress *p, const struct options *o)
{
	const char *term = getenv("TERM");

	if (!o->progress || (o->progress < 0 && o->quiet))
		return false;
	p->bar = isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
	p->blocks = p->bar && utf8_locale();
	p->start = p->at = p->shown = now_s();
	return p->bar || o->progress > 0;
}

static size_t columns(void)
{
	struct winsize size = { 0 };

	if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return 80;
}

static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };

static int unit_of(double bytes)
{
	int i = 0;

	for (; bytes >= 1000 && i < 4; i++)
		bytes /= 1024;
	return i;
}

/* three digits at most: "7.4", "310"; without a unit when @unit is NULL */
static void put_bytes(char *out, size_t size, double bytes, int i, const char *unit)
{
	for (int k = 0; k < i; k++)
		bytes /= 1024;
	snprintf(out, size, "%.*f%s%s", i && bytes < 9.95 ? 1 : 0, bytes, unit ? " " : "", unit ? unit : "");
}

static void put_span(char *out, size_t size, double s)
{
	unsigned n = s < 0 ? 0 : s < 359999 ? (unsigned)(s + 0.5) : 359999;

	if (n < 3600)
		snprintf(out, size, "%u:%02u", n / 60, n % 60);
	else
		snprintf(out, size, "%u:%02u:%02u", n / 3600, n / 60 % 60, n % 60);
}

/* share, bytes, rate, time: each a text of its own, so that what does not fit can be left out; returns their count */
static size_t parts_of(const struct progress *p, double now, char parts[4][48])
{
	char a[20], b[20], left[36];
	size_t n = 0;

	if (p->total > 0) {
		int unit = unit_of((double)p->total);

		snprintf(parts[n++], 48, "%3d %%", (int)(100 * (double)p->done / (double)p->total));
		put_bytes(a, sizeof(a), (double)p->done, unit, NULL);
		put_bytes(b, sizeof(b), (double)p->total, unit, units[unit]);
		snprintf(parts[n++], 48, "%s of %s", a, b);
	} else {
		int unit = unit_of((double)p->done);

		put_bytes(parts[n++], 48, (double)p->done, unit, units[unit]);
	}
	int unit = unit_of(p->rate);
	put_bytes(a, sizeof(a), p->rate, unit, units[unit]);
	snprintf(parts[n++], 48, "%s/s", a);
	if (p->total > 0 && p->rate > 0) {
		/* the whole run knows more about what is to come than its last second does */
		double mean = (double)p->done / (now - p->start), rate = 0.5 * mean + 0.5 * p->rate;

		put_span(left, sizeof(left), (double)(p->total - p->done) / (rate > 1 ? rate : 1));
		snprintf(parts[n++], 48, "%s left", left);
	} else {
		put_span(left, sizeof(left), now - p->start);
		snprintf(parts[n++], 48, "%s so far", left);
	}
	return n;
}

static void put_bar(char *out, size_t size, size_t cells, double share, bool blocks)
{
	static const char *const eighths[] = { "", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589" };
	size_t steps = (size_t)(share * (double)cells * 8 + 0.5), full = steps / 8, rest = blocks ? steps % 8 : 0, n = 0;

	for (size_t i = 0; i < full; i++)
		n += (size_t)snprintf(out + n, size - n, "%s", blocks ? "\u2588" : "#");
	n += (size_t)snprintf(out + n, size - n, "%s", eighths[rest]);
	for (size_t i = full + (rest > 0); i < cells; i++)
		n += (size_t)snprintf(out + n, size - n, "%s", blocks ? " " : ".");
}

static void draw(struct progress *p, double now)
{
	char parts[4][48], line[512], bar[4 * BAR_MOST + 8] = "";
	size_t count = parts_of(p, now, parts), width = 9, room = p->bar ? columns() : sizeof(line), shown = 0, n;

	/* the last column stays free: some terminals wrap when it is written */
	room = room > 1 ? room - 1 : 1;
	for (; shown < count; shown++) {
		size_t more = strlen(parts[shown]) + (shown ? 2 : 0);

		if (width + more > room)
			break;
		width += more;
	}
	if (!shown) {
		if (p->bar)
			return;
		shown = count;
	}
	if (p->bar && p->total > 0 && room >= width + BAR_LEAST + 2) {
		size_t cells = room - width - 2;

		put_bar(bar, sizeof(bar), cells < BAR_MOST ? cells : BAR_MOST, (double)p->done / (double)p->total, p->blocks);
	}
	n = (size_t)snprintf(line, sizeof(line), "culprit: %s%s", bar, *bar ? "  " : "");
	for (size_t i = 0; i < shown; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s", i ? "  " : "", parts[i]);
	/* in one write: a terminal shows no half of it */
	if (p->bar)
		fprintf(stderr, "\r%s\033[K", line);
	else
		fprintf(stderr, "%s\n", line);
	fflush(stderr);
	p->told = true;
}

void progress_tell(void *ctx, int64_t done, int64_t total)
{
	struct progress *p = ctx;
	double now = now_s(), since = now - p->shown;

	if (!p->told && p->bar ? now - p->start < BEFORE_S : since < (p->bar ? REDRAW_S : LINE_S)) {
		p->total = total;
		if (!p->bar)
			p->done = done;
		return;
	}
	double passed = now - p->at, rate = passed > 0 ? (double)(done - p->done) / passed : 0;

	if (!p->bar)
		rate = (double)done / (now - p->start);
	p->rate = p->told && p->bar ? p->rate + (rate - p->rate) * passed / (SMOOTH_S + passed) : rate;
	p->done = done;
	p->total = total;
	p->at = p->shown = now;
	draw(p, now);
}

void progress_end(struct progress *p)
{
	double now = now_s();

	if (p->bar && p->told) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	} else if (!p->bar && p->start > 0 && p->done > 0) {
		/* it was asked for: also a short run says what it read */
		p->rate = now > p->start ? (double)p->done / (now - p->start) : 0;
		draw(p, now);
	}
}
