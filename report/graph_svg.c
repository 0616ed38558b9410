/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Two drawings for the page: the causal graph, causes left of what they explain, and the time that each finding spans.
 * Inline SVG without a style attribute, a script or a link: colours are classes of the page's style sheet.
 *
 * Each finding names at most one other that explains it, so the graph is a forest: a cause stands before the middle of what it
 * explains, what contributes stands left of what it brings about.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/slice.h"
#include "report/escape.h"
#include "report/parts.h"

#define NODES 48    /* that are drawn */
#define BOX_W 264
#define BOX_H 82
#define GAP_X 64
#define GAP_Y 18
#define LANES 16
#define LANE_H 34
#define LABEL_W 300
#define AXIS_W 620
#define COLUMNS 32  /* of a line in a box */

/* ---- the forest ------------------------------------------------------------------------------ */

struct node {
	const struct cul_finding *f;
	int parent;           /* explained by: index, or -1 */
	int column;
	double y;
	bool placed, linked;
};

struct forest {
	struct cul_report *r;
	struct node nodes[NODES];
	size_t count, left_out;
	double next[2 * NODES + 1]; /* by column + NODES: the first free y */
};

static bool contributes(const struct node *n)
{
	return n->f->role == CUL_ROLE_CONTRIBUTING;
}

static double place(struct forest *g, size_t at, int column, size_t depth)
{
	struct node *n = &g->nodes[at];
	double sum = 0, *next = &g->next[column + NODES];
	size_t count = 0;

	n->placed = true;
	n->column = column;
	for (size_t i = 0; i < g->count && depth < NODES; i++)
		if (g->nodes[i].parent == (int)at && !g->nodes[i].placed && !contributes(&g->nodes[i])) {
			sum += place(g, i, column < NODES - 1 ? column + 1 : column, depth + 1);
			count++;
		}
	n->y = count ? sum / (double)count : *next;
	if (n->y < *next)
		n->y = *next;
	*next = n->y + BOX_H + GAP_Y;
	for (size_t i = 0; i < g->count && depth < NODES; i++)
		if (g->nodes[i].parent == (int)at && !g->nodes[i].placed && contributes(&g->nodes[i]))
			(void)place(g, i, column > 1 - NODES ? column - 1 : column, depth + 1);
	return n->y;
}

static int index_of(const struct forest *g, int order)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->nodes[i].f->order == order)
			return (int)i;
	return -1;
}

static void gather(struct forest *g)
{
	const struct cul_verdict *v = g->r->verdict;

	for (size_t i = 0; i < v->count; i++) {
		const struct cul_finding *f = &v->findings[i];
		bool linked = f->explained_by || f == g->r->lead;

		for (size_t k = 0; k < v->count && !linked; k++)
			linked = v->findings[k].explained_by == f->order;
		if (!linked)
			continue;
		if (g->count == NODES) {
			g->left_out++;
			continue;
		}
		g->nodes[g->count++] = (struct node){ .f = f, .parent = -1 };
	}
	for (size_t i = 0; i < g->count; i++)
		if (g->nodes[i].f->explained_by)
			g->nodes[i].parent = index_of(g, g->nodes[i].f->explained_by);
}

/* ---- words in boxes ---------------------------------------------------------------------------- */

/* Up to @lines lines of @columns; the rest ends in an ellipsis. */
static void put_wrapped(struct cul_report *r, const char *text, double x, double y, size_t columns, int lines, const char *class)
{
	const char *rest = cul_harmless(r->arena, cul_str(text));

	for (int i = 0; i < lines && *rest; i++) {
		size_t used = 0, fits = 0, blank = 0, n;
		struct cul_slice at = cul_str(rest);
		while (at.size) {
			uint32_t c = cul_utf8_read(at, &n);
			size_t width = n ? (size_t)cul_utf8_columns(c) : 1;
			if (used + width > columns)
				break;
			used += width;
			at = cul_from(at, n ? n : 1);
			fits = (size_t)(at.data - rest);
			if (c == ' ' || width == 2)
				blank = fits;
		}
		if (at.size && i + 1 < lines && blank)
			fits = blank;
		const char *line = at.size && i + 1 == lines ? cul_shorten(r->arena, rest, columns) : cul_words(r, "%.*s", (int)fits, rest);
		fprintf(r->out, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>", class, x, y + 16 * i, cul_clean_html(r->arena, cul_str(line)));
		rest += at.size && i + 1 == lines ? strlen(rest) : fits;
		rest += strspn(rest, " ");
	}
}

static void put_box(struct forest *g, const struct node *n, double x, double y)
{
	static const char *const classes[] = { "root", "contributing", "symptom", "background" };
	struct cul_report *r = g->r;
	const struct cul_finding *f = n->f;

	fprintf(r->out, "<a href=\"#f%d\"><g class=\"node %s%s\"><title>%s</title>", f->order, classes[f->role <= CUL_ROLE_BACKGROUND ? f->role : CUL_ROLE_BACKGROUND],
		f == r->lead ? " lead" : "", cul_clean_html(r->arena, cul_str(cul_known(r, f->title ? f->title : ""))));
	fprintf(r->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%d\" height=\"%d\" rx=\"8\"/>", x, y, BOX_W, BOX_H);
	put_wrapped(r, cul_words(r, "%d. %s", f->order, cul_known(r, f->title ? f->title : "")), x + 12, y + 22, COLUMNS, 2, "t");
	put_wrapped(r, cul_words(r, "%.0f %% \xc2\xb7 %s", f->certainty * 100, f->cause), x + 12, y + 54, COLUMNS + 5, 1, "d");
	if (f->relation && *f->relation)
		put_wrapped(r, f->relation, x + 12, y + 71, COLUMNS + 5, 1, "d");
	fputs("</g></a>\n", r->out);
}

static void put_edge(struct forest *g, double x1, double y1, double x2, double y2, bool dashed)
{
	double bend = (x2 - x1) / 2;

	fprintf(g->r->out, "<path class=\"edge%s\" d=\"M%.1f %.1f C%.1f %.1f %.1f %.1f %.1f %.1f\"/>"
			   "<path class=\"tip\" d=\"M%.1f %.1f l-8 -4.5 l0 9 z\"/>\n",
		dashed ? " dashed" : "", x1, y1, x1 + bend, y1, x2 - bend, y2, x2 - 6, y2, x2, y2);
}

bool cul_report_graph(struct cul_report *r)
{
	struct forest *g = cul_arena_get(r->arena, sizeof(*g));
	int least = 0, most = 0;
	double height = 0;

	if (!g)
		return false;
	memset(g, 0, sizeof(*g));
	g->r = r;
	gather(g);
	if (g->count < 2)
		return false;
	for (int pass = 0; pass < 2; pass++) /* what hangs on nothing first; a torn circle must not hide the rest */
		for (size_t i = 0; i < g->count; i++)
			if (!g->nodes[i].placed && (pass || g->nodes[i].parent < 0)) {
				/* trees stand below one another */
				double top = 0;
				for (size_t c = 0; c < 2 * NODES + 1; c++)
					top = g->next[c] > top ? g->next[c] : top;
				for (size_t c = 0; c < 2 * NODES + 1; c++)
					g->next[c] = top;
				(void)place(g, i, 0, 0);
			}
	for (size_t i = 0; i < g->count; i++) {
		least = g->nodes[i].column < least ? g->nodes[i].column : least;
		most = g->nodes[i].column > most ? g->nodes[i].column : most;
		height = g->nodes[i].y + BOX_H > height ? g->nodes[i].y + BOX_H : height;
	}
	int width = (most - least + 1) * (BOX_W + GAP_X) - GAP_X + 4;
	fprintf(r->out, "<div class=\"scroll\"><svg class=\"graph\" role=\"img\" aria-label=\"%s\" width=\"%d\" height=\"%.0f\" viewBox=\"-2 -2 %d %.0f\">\n",
		r->lang ? "因果图" : "causal graph", width, height + 4, width, height + 4);
	for (size_t i = 0; i < g->count; i++) {
		const struct node *n = &g->nodes[i];
		if (n->parent < 0)
			continue;
		const struct node *from = contributes(n) ? n : &g->nodes[n->parent], *to = contributes(n) ? &g->nodes[n->parent] : n;
		put_edge(g, (from->column - least) * (BOX_W + GAP_X) + BOX_W, from->y + BOX_H / 2.0, (to->column - least) * (BOX_W + GAP_X),
			 to->y + BOX_H / 2.0, contributes(n));
	}
	for (size_t i = 0; i < g->count; i++)
		put_box(g, &g->nodes[i], (g->nodes[i].column - least) * (BOX_W + GAP_X), g->nodes[i].y);
	fputs("</svg></div>\n", r->out);
	if (g->left_out)
		fprintf(r->out, "<p class=\"dim\">+%zu</p>\n", g->left_out);
	return true;
}

/* ---- time -------------------------------------------------------------------------------------- */

static double x_of(int64_t ns, int64_t from, int64_t to)
{
	return LABEL_W + (to > from ? (double)(ns - from) / (double)(to - from) * AXIS_W : AXIS_W / 2.0);
}

static const char *tick_words(struct cul_report *r, int64_t ns, int64_t span)
{
	char buf[32];

	if (!cul_clock_print(ns, buf)[0])
		return "";
	return span > INT64_C(172800) * CUL_SECOND ? cul_words(r, "%.5s %.5s", buf + 5, buf + 11) :
	       span > INT64_C(10) * CUL_SECOND ? cul_words(r, "%.8s", buf + 11) : cul_words(r, "%.12s", buf + 11);
}

bool cul_report_timeline(struct cul_report *r)
{
	static const char *const classes[] = { "root", "contributing", "symptom", "background" };
	const struct cul_finding *lanes[LANES];
	int64_t from = CUL_NO_TIME, to = CUL_NO_TIME;
	size_t count = 0;

	for (size_t i = 0; i < r->verdict->count && count < LANES; i++) {
		const struct cul_finding *f = &r->verdict->findings[i];
		int64_t first = f->onset_ns != CUL_NO_TIME ? f->onset_ns : f->first_ns, last = f->last_ns != CUL_NO_TIME ? f->last_ns : first;

		/* what is no part of it would stretch the axis over weeks */
		if (first == CUL_NO_TIME || (f->role == CUL_ROLE_BACKGROUND && r->lead))
			continue;
		lanes[count++] = f;
		from = from == CUL_NO_TIME || first < from ? first : from;
		to = to == CUL_NO_TIME || last > to ? last : to;
		to = first > to ? first : to;
	}
	if (!count || (count == 1 && from == to))
		return false;
	int64_t span;
	if (__builtin_sub_overflow(to, from, &span) || span < 0)
		return false;
	int width = LABEL_W + AXIS_W + 60;
	double height = 34 + (double)count * LANE_H;
	fprintf(r->out, "<div class=\"scroll\"><svg class=\"time\" role=\"img\" aria-label=\"%s\" width=\"%d\" height=\"%.0f\" viewBox=\"0 0 %d %.0f\">\n",
		r->lang ? "时间线" : "timeline", width, height, width, height);
	int ticks = span ? 5 : 1;
	for (int i = 0; i < ticks; i++) {
		int64_t at = ticks > 1 ? from + (int64_t)((double)span / (ticks - 1) * i) : from;
		double x = x_of(at, from, to);
		fprintf(r->out, "<path class=\"grid\" d=\"M%.1f 24 V%.0f\"/><text class=\"d mid\" x=\"%.1f\" y=\"14\">%s</text>\n", x, height, x,
			tick_words(r, at, span));
	}
	for (size_t i = 0; i < count; i++) {
		const struct cul_finding *f = lanes[i];
		int64_t first = f->onset_ns != CUL_NO_TIME ? f->onset_ns : f->first_ns, last = f->last_ns != CUL_NO_TIME ? f->last_ns : first;
		double y = 30 + (double)i * LANE_H, x = x_of(first, from, to), end = x_of(last > first ? last : first, from, to);

		fprintf(r->out, "<g class=\"lane %s%s\">", classes[f->role <= CUL_ROLE_BACKGROUND ? f->role : CUL_ROLE_BACKGROUND], f == r->lead ? " lead" : "");
		put_wrapped(r, cul_words(r, "%d. %s", f->order, cul_known(r, f->title ? f->title : "")), 0, y + 19, 36, 1, "t");
		fprintf(r->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"12\" rx=\"6\"><title>%s \xe2\x80\x93 %s</title></rect>", x - 6, y + 8,
			end - x + 12, cul_time_words(r, first), cul_time_words(r, last));
		for (size_t k = 0; k < f->evidence_count && k < 64; k++) {
			int64_t at = f->evidence[k].row->time_ns;
			if (at != CUL_NO_TIME && at >= from && at <= to)
				fprintf(r->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>", x_of(at, from, to), y + 14);
		}
		fputs("</g>\n", r->out);
	}
	fputs("</svg></div>\n", r->out);
	return true;
}
