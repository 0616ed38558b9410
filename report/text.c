/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The report for a person at three in the morning: the lead on one screen of at most 40 lines of 100 columns, each part
 * with a share of its own so that none can push another out; behind it the rest, short. Lines break at words, and
 * between wide characters, which have no blanks.
 */
#include <inttypes.h>
#include <string.h>

#include "base/slice.h"
#include "report/escape.h"
#include "report/parts.h"

#define SCREEN 40  /* lines of the lead */
#define MOST_LIST 10
#define MOST_UNEXPLAINED 6

enum style { PLAIN, BOLD, RED, YELLOW, GREEN, DIM };

struct page {
	struct cul_report *r;
	size_t width;
	int lines, most; /* most: 0 for no end */
	bool dry;        /* only count the lines */
};

/* how many lines each part of the lead may take; the most generous one that fits the screen is taken */
struct share {
	int act, do_not, summary, where, evidence, explains, remedy, step, capture, runner_up, ruled_out;
};

static const struct share shares[] = {
	{ 2, 4, 6, 2, 7, 4, 18, 4, 4, 3, 4 },
	{ 2, 4, 5, 2, 6, 3, 15, 4, 3, 2, 3 },
	{ 2, 3, 5, 1, 5, 3, 12, 3, 3, 2, 2 },
	{ 2, 3, 4, 1, 5, 2, 10, 3, 2, 2, 2 },
	{ 2, 3, 3, 1, 4, 2, 9, 2, 2, 2, 2 },
};

/* ---- labels -------------------------------------------------------------------------------- */

enum label {
	L_ACT, L_DO_NOT, L_ONGOING, L_YES, L_NO, L_UNKNOWN, L_FIRST, L_GOOD, L_CHANGED, L_CHANGED_BEFORE, L_NOT_SEEN, L_NO_CHANGE, L_LINES, L_EXPLAINS,
	L_REMEDY, L_MORE_STEPS, L_CAPTURE, L_RUNNER_UP, L_NO_RUNNER_UP, L_MARGIN, L_FLIP, L_RULED_OUT, L_ROOTS, L_CONTRIBUTING,
	L_BACKGROUND, L_SYMPTOMS, L_NONE, L_NOTHING, L_SUSPECTS, L_SETTLE, L_UNEXPLAINED, L_NOT_JUDGED, L_MORE, L_READ, L_UNREAD,
	L_DAMAGE, L_LOST, L_EMPTY, L_WAIVED, L_ONLY_WAIVED, L_BASELINE, L_LEAD_KNOWN, L_NOTHING_NEW, L_KNOWN_LINES, L_LAST, L_WHERE, L_NO_TIME, L_TORN, L_WORSE, L_OBSERVED, L_SEVERE, L_BLANK, L_BINARY, L_LEFT_OUT,
};

static const char *const labels[][2] = {
	[L_ACT] = { "ACT NOW:", "立即处理：" },
	[L_DO_NOT] = { "DO NOT:", "切勿：" },
	[L_ONGOING] = { "Still happening at the capture:", "采集时仍在发生：" },
	[L_YES] = { "yes", "是" },
	[L_NO] = { "no", "否" },
	[L_UNKNOWN] = { "unknown", "未知" },
	[L_FIRST] = { "First bad:", "首次异常：" },
	[L_LAST] = { "last:", "最近：" },
	[L_GOOD] = { "Last known good:", "最后正常：" },
	[L_CHANGED] = { "changed between:", "其间变化：" },
	[L_CHANGED_BEFORE] = { "changed before:", "此前变更：" },
	[L_NOT_SEEN] = { "nothing here shows it", "材料中未见" },
	[L_NO_CHANGE] = { "no change was logged", "未记录到变更" },
	[L_LINES] = { "The lines that say so:", "判定依据：" },
	[L_EXPLAINS] = { "It explains:", "它解释了：" },
	[L_REMEDY] = { "What to do:", "处理步骤：" },
	[L_MORE_STEPS] = { "more steps: culprit report --format markdown", "更多步骤：culprit report --format markdown" },
	[L_CAPTURE] = { "CAPTURE BEFORE REBOOT:", "重启前采集：" },
	[L_RUNNER_UP] = { "Runner-up:", "次选：" },
	[L_NO_RUNNER_UP] = { "none; no other root cause was found", "无；未发现其他根本原因" },
	[L_MARGIN] = { "points behind", "个百分点之差" },
	[L_FLIP] = { "would be settled by:", "可用以下采集确认：" },
	[L_RULED_OUT] = { "Ruled out:", "已排除：" },
	[L_ROOTS] = { "Other causes that stand for themselves:", "其他独立原因：" },
	[L_CONTRIBUTING] = { "Contributing:", "促成因素：" },
	[L_BACKGROUND] = { "True, but not part of this:", "属实但与本事件无关：" },
	[L_SYMPTOMS] = { "Seen; symptoms, no cause by themselves:", "所见症状（本身不是原因）：" },
	[L_NONE] = { "No known cause found.", "未发现已知原因。" },
	[L_NOTHING] = { "Nothing here is like anything that the rules know.", "没有与已知规则相符的内容。" },
	[L_SUSPECTS] = { "Suspects, none of them sure enough to lead:", "可疑项（均不足以定论）：" },
	[L_SETTLE] = { "would settle it:", "可确认：" },
	[L_UNEXPLAINED] = { "Unexplained, nearest to the incident first:", "未能解释的记录（离事件最近者在前）：" },
	[L_NOT_JUDGED] = { "Not judged, for want of input:", "因缺少输入而未判断：" },
	[L_MORE] = { "more", "更多" },
	[L_READ] = { "Read:", "已读取：" },
	[L_UNREAD] = { "searched as plain text:", "按纯文本检索：" },
	[L_DAMAGE] = { "Damaged:", "损坏：" },
	[L_LOST] = { "loses work", "会丢失工作" },
	[L_WHERE] = { "Where:", "位置：" },
	[L_ONLY_WAIVED] = { "What was found is known here and waived.", "所发现的原因均已豁免。" },
	[L_WAIVED] = { "Known here, waived:", "已豁免（本环境已知）：" },
	[L_LEAD_KNOWN] = { "finding %d, which leads, is also in the baseline", "首要发现 %d 在基线中也有" },
	[L_BASELINE] = { "Against the baseline:", "与基线相比：" },
	[L_NOTHING_NEW] = { "no version of kernel or driver that both name differs", "双方给出的内核与驱动版本均相同" },
	[L_KNOWN_LINES] = { "%zu unexplained kinds of line stand in the baseline too", "%zu 类未解释的记录在基线中也存在" },
	[L_EMPTY] = { "There was nothing to read.", "没有可读取的内容：未找到文件。" },
	[L_BLANK] = { "There was nothing to read. The input is empty.", "没有可读取的内容：输入为空。" },
	[L_BINARY] = { "There was nothing to judge: no text could be read; the reasons stand below.", "无法判断：没有可读的文本，原因见下。" },
	[L_LEFT_OUT] = { "Left out, not text:", "未读取（非文本）：" },
	[L_NO_TIME] = { "the lines carry no time", "各行没有时间" },
	[L_WORSE] = { "Seen; makes trouble more likely, is none by itself:", "所见因素（会增加风险，但本身不是故障）：" },
	[L_TORN] = { "Part of the input could not be read; see \"Damaged\" below.", "部分输入无法读取，见下方“损坏”。" },
	[L_OBSERVED] = { "observations", "条观测" },
	[L_SEVERE] = { "Not explained by any rule, though it looks severe:", "看似严重但没有规则能解释的记录：" },
};

static const char *label(const struct cul_report *r, enum label l)
{
	return labels[l][r->lang];
}

/* ---- lines --------------------------------------------------------------------------------- */

static const char *safe(struct cul_report *r, const char *text)
{
	return cul_harmless(r->arena, cul_str(text));
}

static void colour(const struct page *p, enum style style)
{
	static const char *const codes[] = { "", "\033[1m", "\033[1;31m", "\033[1;33m", "\033[32m", "\033[2m" };

	if (p->r->options->colour && style != PLAIN && !p->dry)
		fputs(codes[style], p->r->out);
}

static void end_colour(const struct page *p, enum style style)
{
	if (p->r->options->colour && style != PLAIN && !p->dry)
		fputs("\033[0m", p->r->out);
}

static void out(const struct page *p, const char *text, size_t size)
{
	if (!p->dry)
		fwrite(text, 1, size, p->r->out);
}

static bool room(const struct page *p)
{
	return !p->most || p->lines < p->most;
}

static void blank(struct page *p)
{
	if (room(p)) {
		putc('\n', p->r->out);
		p->lines++;
	}
}

/* May a line break before @c, which follows @before? Not before closing punctuation. */
static bool breaks(uint32_t before, uint32_t c)
{
	static const uint32_t closing[] = { 0x3001, 0x3002, 0xff0c, 0xff0e, 0xff1a, 0xff1b, 0xff01, 0xff1f, 0xff09, 0x300d, 0x300f, 0x3011, 0x300b };

	for (size_t i = 0; i < sizeof(closing) / sizeof(closing[0]); i++)
		if (c == closing[i])
			return false;
	return cul_utf8_columns(before) == 2 || cul_utf8_columns(c) == 2;
}

/* how many bytes of @text fit into @columns, ending at a word */
static size_t fit(struct cul_slice text, size_t columns)
{
	struct cul_slice rest = text;
	size_t used = 0, n, word = 0;
	uint32_t before = ' ';

	while (rest.size) {
		uint32_t c = cul_utf8_read(rest, &n);
		size_t more = n ? (size_t)cul_utf8_columns(c) : 1, at = (size_t)(rest.data - text.data);

		if (at && (c == ' ' || breaks(before, c)))
			word = at;
		if (used + more > columns)
			return word ? word : at ? at : n ? n : 1;
		used += more;
		before = c;
		rest = cul_from(rest, n ? n : 1);
	}
	return text.size;
}

/*
 * @head in @style, then @text (both harmless), wrapped; further lines begin in column @indent. At most @most lines, of which the last
 * then ends in an ellipsis.
 */
static void put(struct page *p, const char *lead, const char *head, enum style style, const char *text, size_t indent, int most)
{
	struct cul_slice rest = cul_str(text);
	size_t used = cul_columns(lead) + cul_columns(head);

	if (!room(p))
		return;
	if (p->most && p->lines + most > p->most)
		most = p->most - p->lines;
	out(p, lead, strlen(lead));
	colour(p, style);
	out(p, head, strlen(head));
	end_colour(p, style);
	/* "：" brings its own blank */
	size_t size = strlen(head);
	if (size && rest.size && !(size > 3 && !strcmp(head + size - 3, "："))) {
		out(p, " ", 1);
		used++;
	}
	for (int line = 0;; line++) {
		size_t columns = p->width > used + 4 ? p->width - used : 4, n = fit(rest, columns);

		if (line + 1 >= most && n < rest.size) {
			char *held = cul_arena_copy(p->r->arena, rest);
			const char *shown = held ? cul_shorten(p->r->arena, held, columns) : "…";
			out(p, shown, strlen(shown));
			rest = CUL_NONE;
		} else {
			size_t shown = n;
			while (shown && rest.data[shown - 1] == ' ')
				shown--;
			out(p, rest.data, shown);
			rest = cul_from(rest, n);
			while (rest.size && rest.data[0] == ' ')
				rest = cul_from(rest, 1);
		}
		out(p, "\n", 1);
		p->lines++;
		if (!rest.size)
			return;
		used = indent;
		for (size_t i = 0; i < indent; i++)
			out(p, " ", 1);
	}
}

/* ---- the lead ------------------------------------------------------------------------------ */

static const char *percent(struct cul_report *r, double certainty)
{
	int n = (int)(certainty * 100 + 0.5);

	return cul_words(r, "%d %%", certainty < 1 && n > 99 ? 99 : n);
}

/*
 * The verdict in one line: the title, or its first clauses; how sure; the entities that find room. Returns whether more is to be said
 * about where.
 */
static bool put_verdict(struct page *p, const struct cul_finding *f)
{
	struct cul_report *r = p->r;
	const char *sure = percent(r, f->certainty), *title = safe(r, cul_known(r, f->title)), *where;
	size_t rest = p->width - 9 - cul_columns(sure) - 2, least;
	bool all;

	/* the host, else what comes first, must find room; not at any price */
	where = cul_entity_short(r, f, title, 28, &all);
	least = cul_columns(safe(r, where));
	least = least ? (least < 28 ? least : 28) + 2 : 0;
	if (cul_columns(title) + least > rest) {
		bool ignored;

		where = cul_entity_short(r, f, title, 20, &ignored);
		least = *where ? cul_columns(safe(r, where)) + 2 : 0;
	}
	title = cul_clause(r, title, rest > least + 24 ? rest - least : 24);
	size_t left = rest > cul_columns(title) + 2 ? rest - cul_columns(title) - 2 : 0;
	where = safe(r, cul_entity_short(r, f, title, left, &all));
	if (!p->dry) {
		colour(p, RED);
		fputs("CULPRIT", r->out);
		end_colour(p, RED);
		fputs("  ", r->out);
		colour(p, BOLD);
		fputs(title, r->out);
		end_colour(p, BOLD);
		fprintf(r->out, "  %s%s%s\n", sure, *where ? "  " : "", where);
	}
	p->lines++;
	return !all;
}

static const char *join(struct cul_report *r, const char *const *list, size_t count, const char *between)
{
	const char *text = "";

	for (size_t i = 0; i < count && i < 16; i++)
		text = cul_words(r, "%s%s%s", text, i ? between : "", safe(r, list[i]));
	return text;
}

static void put_list(struct page *p, const char *head, enum style style, const char *const *list, size_t count, int most)
{
	size_t indent = cul_columns(head) + 1;
	char blanks[64];
	int budget = most;

	memset(blanks, ' ', sizeof(blanks));
	blanks[indent < sizeof(blanks) ? indent : sizeof(blanks) - 1] = '\0';
	for (size_t i = 0; i < count && budget > 0; i++) {
		/* what doesn't get a line of its own shares the last one */
		int before = p->lines;
		const char *text = budget == 1 && i + 1 < count ? join(p->r, list + i, count - i, "; ") : safe(p->r, list[i]);

		put(p, i ? blanks : "", i ? "" : head, style, text, indent, budget);
		budget -= p->lines - before;
	}
}

static void put_act(struct page *p, const struct cul_finding *f, const struct share *share)
{
	struct cul_report *r = p->r;
	const char *cost = cul_act_cost(r, f), *text = cul_look_first(r, f);

	if (!*text) {
		text = cul_act_words(r, f->act);
		if (*cost)
			text = cul_words(r, r->lang ? "%s（%s）" : "%s (%s)", text, cost);
	}
	put(p, "", label(r, L_ACT), YELLOW, safe(r, text), cul_columns(label(r, L_ACT)) + 1, share->act);
	put_list(p, label(r, L_DO_NOT), YELLOW, f->do_not, f->do_not_count, share->do_not);
}

static void put_when(struct page *p, const struct cul_finding *f)
{
	struct cul_report *r = p->r;
	const char *first = cul_first_words(r, f), *last = cul_last_words(r, f);
	bool dated = f->onset_ns != CUL_NO_TIME || f->first_ns != CUL_NO_TIME;
	const char *good = cul_before_words(r, f, cul_good_facts), *changed = cul_before_words(r, f, cul_change_facts);
	const char *text = label(r, f->ongoing == CUL_UNKNOWN ? L_UNKNOWN : f->ongoing == CUL_TRUE ? L_YES : L_NO);

	if (*first)
		text = cul_words(r, r->lang ? "%s。%s %s" : "%s. %s %s", text, label(r, L_FIRST), first);
	else
		text = cul_words(r, r->lang ? "%s（%s）" : "%s (%s)", text, label(r, L_NO_TIME));
	if (*last && strcmp(first, last) != 0)
		text = cul_words(r, r->lang ? "%s，%s %s" : "%s, %s %s", text, label(r, L_LAST), dated && !strncmp(first, last, 10) ? last + 11 : last);
	if (f->count > 1)
		text = cul_words(r, r->lang ? "%s，%s%s %s" : "%s; %s%s %s", text, f->at_least ? "≥ " : "", cul_count_words(r, f->count),
				 label(r, L_OBSERVED));
	put(p, "", label(r, L_ONGOING), BOLD, safe(r, text), 4, 2);
	/* where nothing has a time, neither has an order */
	if (!good && !changed && !dated)
		return;
	text = cul_words(r, r->lang ? "%s；%s%s" : "%s; %s %s", good ? good : label(r, L_NOT_SEEN), label(r, !changed ? L_NO_CHANGE : good ? L_CHANGED : L_CHANGED_BEFORE),
			 changed ? changed : "");
	put(p, "", label(r, L_GOOD), BOLD, safe(r, text), 4, good && changed ? 3 : 2);
}

/* a name of a source in few columns: its end is what tells */
static const char *place(struct cul_report *r, int member, int64_t line, size_t columns)
{
	const char *name = safe(r, cul_source_name(r, member));
	const char *number = line > 0 ? cul_words(r, ":%" PRId64, line) : ""; /* a dump has no lines */

	return cul_words(r, "%s%s", cul_shorten_left(r->arena, name, columns - cul_columns(number)), number);
}

static void put_evidence(struct page *p, const struct cul_finding *f, size_t most)
{
	struct cul_report *r = p->r;
	const struct cul_evidence *picked[16];
	size_t count = cul_pick_evidence(f, picked, most < 16 ? most : 16), widest = 0;
	int each = count * 2 <= most ? 2 : 1;
	const char *places[16];

	if (!count)
		return;
	for (size_t i = 0; i < count; i++) {
		places[i] = place(r, picked[i]->row->member, picked[i]->row->line, 36);
		if (cul_columns(places[i]) > widest)
			widest = cul_columns(places[i]);
	}
	put(p, "", label(r, L_LINES), BOLD, safe(r, cul_words(r, "(culprit explain %s)", f->cause)), 4, 1);
	for (size_t i = 0; i < count; i++) {
		const struct cul_row *row = picked[i]->row;
		const char *head = cul_words(r, "  %c %s%*s ", picked[i]->role == CUL_AGAINST ? '-' : ' ', places[i],
					     (int)(widest - cul_columns(places[i])), "");
		const char *times = row->n > 1 ? cul_words(r, "%s× ", cul_count_words(r, row->n)) : "";
		size_t columns = p->width > widest + 25 ? p->width - widest - 5 - cul_columns(times) : 20;
		const char *text = cul_tell(r, f, row->text, each == 2 ? columns + p->width - 16 : columns);
		const char *rest = cul_row_rest(r, row);

		if (*rest)
			text = cul_shorten(r->arena, cul_words(r, "%s %s", cul_tell(r, NULL, row->text, columns - 32), rest), columns);

		put(p, head, "", PLAIN, cul_words(r, "%s%s", times, text), 6, each);
	}
}

static void put_explains(struct page *p, const struct cul_finding *f, int most)
{
	struct cul_report *r = p->r;
	const char *text = "";
	size_t count = 0;

	for (size_t i = 0; i < r->verdict->count; i++) {
		const struct cul_finding *s = &r->verdict->findings[i];

		if (s->explained_by != f->order || s == f)
			continue;
		if (count++ >= 8)
			continue;
		const char *title = cul_clause(r, safe(r, cul_known(r, s->title)), 70);
		if (strstr(text, title))
			count--;
		else
			text = cul_words(r, "%s%s%s", text, *text ? r->lang ? "；" : "; " : "", title);
	}
	if (count > 8)
		text = cul_words(r, "%s; +%zu", text, count - 8);
	if (count)
		put(p, "", label(r, L_EXPLAINS), BOLD, text, 4, most);
}

static void put_remedy(struct page *p, const struct cul_finding *f, int most, int step)
{
	struct cul_report *r = p->r;
	int begin = p->lines;
	size_t i;

	if (!f->remedy_count)
		return;
	put(p, "", label(r, L_REMEDY), BOLD, "", 0, 1);
	for (i = 0; i < f->remedy_count; i++) {
		const struct cul_remedy *m = &f->remedy[i];
		const char *text = safe(r, cul_known(r, m->what)), *run = m->run && *m->run ? cul_words(r, "$ %s", safe(r, m->run)) : NULL;
		int left = most - (p->lines - begin) - (i + 1 < f->remedy_count);
		int wants = 1 + (run != NULL);

		if (left < 1 || (left < wants && i + 1 < f->remedy_count))
			break;
		if (m->loses_work || (m->needs && strcmp(m->needs, "none") != 0))
			text = cul_words(r, "%s [%s%s%s]", text, m->needs && strcmp(m->needs, "none") != 0 ? m->needs : "",
					 m->loses_work && m->needs && strcmp(m->needs, "none") != 0 ? ", " : "",
					 m->loses_work ? label(r, L_LOST) : "");
		const char *head = cul_words(r, "  %zu. ", i + 1);
		if (run && 5 + cul_columns(text) + 2 + cul_columns(run) <= p->width) {
			put(p, head, "", PLAIN, cul_words(r, "%s  %s", text, run), 5, 1);
			continue;
		}
		int words = run && left > 1 ? left - 1 : left;
		put(p, head, "", PLAIN, text, 5, words < step ? words : step);
		if (run && most - (p->lines - begin) > 0)
			put(p, "     ", "", PLAIN, run, 7, most - (p->lines - begin) < step ? most - (p->lines - begin) : step);
	}
	if (i < f->remedy_count)
		put(p, "  ", "", PLAIN, cul_words(r, "+%zu %s", f->remedy_count - i, label(r, L_MORE_STEPS)), 5, 1);
}

static void put_runner_up(struct page *p, int most)
{
	struct cul_report *r = p->r;
	const struct cul_finding *f = cul_runner_up(r);
	const char *text, *capture = NULL;

	if (!f) {
		put(p, "", label(r, L_RUNNER_UP), BOLD, label(r, L_NO_RUNNER_UP), 4, 1);
		return;
	}
	text = cul_words(r, "%s, %s, %d %s", safe(r, cul_known(r, f->title)), percent(r, f->certainty),
			 (int)((r->lead->certainty - f->certainty) * 100 + 0.5), label(r, L_MARGIN));
	if (f->capture_count)
		capture = f->captures[0];
	for (size_t i = 0; !capture && i < r->verdict->not_judged_count; i++)
		if (r->verdict->not_judged[i].cause && !strcmp(r->verdict->not_judged[i].cause, f->cause))
			capture = r->verdict->not_judged[i].capture;
	if (capture)
		text = cul_words(r, "%s; %s %s", text, label(r, L_FLIP), safe(r, capture));
	put(p, "", label(r, L_RUNNER_UP), BOLD, text, 4, most);
}

static void put_lead_by(struct page *p, const struct share *share)
{
	struct cul_report *r = p->r;
	const struct cul_finding *f = r->lead;
	const char *summary = cul_known_sentences(r, f->summary);

	p->lines = 0;
	bool more = put_verdict(p, f);
	put_act(p, f, share);
	if (*summary)
		put(p, "", "", PLAIN, safe(r, summary), 0, share->summary);
	if (more)
		put(p, "", label(r, L_WHERE), BOLD, safe(r, cul_entity_words(r, f)), 4, share->where);
	if (!r->options->quiet) {
		put_when(p, f);
		put_evidence(p, f, (size_t)share->evidence);
		put_explains(p, f, share->explains);
	}
	put_remedy(p, f, r->options->quiet ? 20 : share->remedy, share->step);
	put_list(p, label(r, L_CAPTURE), YELLOW, f->before_reboot, f->before_reboot_count, share->capture);
	if (!r->options->quiet) {
		put_runner_up(p, share->runner_up);
		if (f->ruled_out_count)
			put(p, "", label(r, L_RULED_OUT), BOLD, join(r, f->ruled_out, f->ruled_out_count, r->lang ? "；" : "; "), 4, share->ruled_out);
	}
}

static void put_lead(struct page *p)
{
	const size_t count = sizeof(shares) / sizeof(shares[0]);
	size_t i = 0;

	p->dry = true;
	p->most = 0;
	for (; i + 1 < count; i++) {
		put_lead_by(p, &shares[i]);
		if (p->lines <= SCREEN)
			break;
	}
	p->dry = false;
	p->most = SCREEN;
	put_lead_by(p, &shares[i]);
	p->most = 0;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static bool of_role(const struct cul_report *r, const struct cul_finding *f, enum cul_role role)
{
	return f != r->lead && f->role == role && !(role != CUL_ROLE_CONTRIBUTING && r->lead && f->explained_by == r->lead->order);
}

static void put_findings(struct page *p, enum label head, enum cul_role role, bool sure, size_t most)
{
	struct cul_report *r = p->r;
	size_t shown = 0, all = 0;

	for (size_t i = 0; i < r->verdict->count; i++) {
		const struct cul_finding *f = &r->verdict->findings[i];

		if (!of_role(r, f, role) || (role == CUL_ROLE_ROOT && (f->certainty >= 0.5) != sure))
			continue;
		if (!all++) {
			blank(p);
			put(p, "", label(r, head), BOLD, "", 0, 1);
		}
		if (shown >= most)
			continue;
		shown++;
		const char *entities = cul_entity_words(r, f);
		const char *text = cul_words(r, "%s  %s%s%s  (%s)", safe(r, cul_known(r, f->title)), percent(r, f->certainty), *entities ? "  " : "",
					     safe(r, entities), safe(r, cul_words(r, "%s%s", f->cause, cul_asked_words(r, f))));
		put(p, cul_words(r, "  %d. ", f->order), "", PLAIN, text, 5, 2);
		if (f->evidence_count) {
			const char *at = cul_words(r, "     %s ", place(r, f->evidence[0].row->member, f->evidence[0].row->line, 36));

			put(p, at, "", PLAIN, cul_tell(r, f, f->evidence[0].row->text, p->width - cul_columns(at)), 5, 1);
		}
		if (role == CUL_ROLE_ROOT && sure && f->act && strcmp(f->act, "none") != 0)
			put(p, "     ", "", PLAIN, safe(r, cul_words(r, "%s %s", label(r, L_ACT), cul_act_words(r, f->act))), 7, 1);
		if (role == CUL_ROLE_ROOT && !sure && f->capture_count)
			put(p, cul_words(r, "     %s ", label(r, L_SETTLE)), "", PLAIN, safe(r, f->captures[0]), 7, 2);
	}
	if (all > shown)
		put(p, "  ", "", PLAIN, cul_words(r, "+%zu %s", all - shown, label(r, L_MORE)), 2, 1);
}

/* what the user says is known here: it never leads, and is never hidden */
static void put_waived(struct page *p)
{
	struct cul_report *r = p->r;
	size_t count = 0;

	for (size_t i = 0; i < r->verdict->count; i++) {
		const struct cul_finding *f = &r->verdict->findings[i];

		if (!f->waived)
			continue;
		if (!count++) {
			blank(p);
			put(p, "", label(r, L_WAIVED), BOLD, "", 0, 1);
		}
		put(p, cul_words(r, "  %d. ", f->order), "", PLAIN, safe(r, cul_words(r, "%s: %s", f->cause, f->waived)), 5, 1);
	}
}

/* what differs from the healthy case, and how much of what looks bad is in that, too */
static void put_baseline(struct page *p)
{
	struct cul_report *r = p->r;
	const struct cul_verdict *v = r->verdict;

	if (!v->compared)
		return;
	blank(p);
	put(p, "", label(r, L_BASELINE), BOLD, v->change_count ? "" : label(r, L_NOTHING_NEW), 2, 1);
	if (r->lead && r->lead->in_baseline)
		put(p, "  ", "", PLAIN, cul_words(r, label(r, L_LEAD_KNOWN), r->lead->order), 4, 1);
	for (size_t i = 0; i < v->change_count; i++)
		put(p, "  ", "", PLAIN, safe(r, v->changes[i]), 4, 2);
	if (v->known_templates)
		put(p, "  ", "", PLAIN, cul_words(r, label(r, L_KNOWN_LINES), v->known_templates), 4, 1);
}

static void put_unexplained(struct page *p)
{
	struct cul_report *r = p->r;
	size_t shown = 0;

	for (size_t i = 0; i < r->verdict->unexplained_count && shown < MOST_UNEXPLAINED; i++) {
		const struct cul_template *t = r->verdict->unexplained[i];
		const char *head;

		if (!cul_worth_a_line(r, t))
			continue;
		if (!shown++) {
			blank(p);
			put(p, "", label(r, r->lead ? L_UNEXPLAINED : L_SEVERE), BOLD, "", 0, 1);
		}
		head = cul_words(r, "  %6s × %s:%" PRId64 " ", cul_count_words(r, t->n),
				 cul_shorten_left(r->arena, safe(r, t->source ? t->source : "?"), 30), t->line);
		put(p, head, "", PLAIN, cul_tell(r, NULL, cul_str(t->specimen && *t->specimen ? t->specimen : t->text), p->width - cul_columns(head)), 11, 1);
	}
}

/* One line for each thing that is missing, with the causes that want it. What nothing would fetch is left to --json. */
static void put_not_judged(struct page *p)
{
	struct cul_report *r = p->r;
	size_t count = r->verdict->not_judged_count < 256 ? r->verdict->not_judged_count : 256, shown = 0, most = !r->lead ? 5 : r->lead->certainty < 0.9 ? 4 : 2, left = 0;
	bool done[256] = { false };

	for (size_t i = 0; i < count; i++) {
		const struct cul_not_judged *n = &r->verdict->not_judged[i];
		const char *causes = safe(r, n->cause);
		size_t same = 1;

		if (done[i] || !n->capture || !*n->capture)
			continue;
		for (size_t k = i + 1; k < count; k++) {
			const struct cul_not_judged *other = &r->verdict->not_judged[k];

			if (done[k] || !other->why || !n->why || strcmp(other->why, n->why) != 0)
				continue;
			done[k] = true;
			if (same++ < 3)
				causes = cul_words(r, "%s, %s", causes, safe(r, other->cause));
		}
		if (shown == most) {
			left += same;
			continue;
		}
		if (!shown++) {
			blank(p);
			put(p, "", label(r, L_NOT_JUDGED), BOLD, "", 0, 1);
		}
		if (same > 3)
			causes = cul_words(r, "%s +%zu", causes, same - 3);
		put(p, "  ", "", PLAIN, cul_words(r, r->lang ? "%s：%s" : "%s: %s", safe(r, n->why), causes), 6, 2);
		put(p, "      ", "", PLAIN, cul_words(r, "$ %s", safe(r, n->capture)), 8, 2);
	}
	if (left)
		put(p, "  ", "", PLAIN, cul_words(r, "+%zu %s (--json)", left, label(r, L_MORE)), 2, 1);
}

static const char *looked_at(struct cul_report *r)
{
	int64_t first, last;
	const char *text;

	cul_report_span(r, &first, &last);
	if (r->lang)
		text = cul_words(r, "%s 个文件，%s 行", cul_count_words(r, r->members), cul_count_words(r, r->lines));
	else
		text = cul_words(r, "%s file%s, %s line%s", cul_count_words(r, r->members), r->members == 1 ? "" : "s", cul_count_words(r, r->lines), r->lines == 1 ? "" : "s");
	/* a pipe doesn't tell its size */
	if (r->bytes > 0)
		text = cul_words(r, r->lang ? "%s，%s" : "%s, %s", text, cul_bytes_words(r, r->bytes));
	const char *readers = cul_readers(r, 12);
	if (*readers)
		text = cul_words(r, r->lang ? "%s，识别为 %s" : "%s, read as %s", text, readers);
	if (first != CUL_NO_TIME) {
		const char *from = cul_time_words(r, first), *to = cul_time_words(r, last);

		if (!strcmp(from, to))
			text = cul_words(r, "%s; %s", text, from);
		else if (!strncmp(from, to, 11)) /* of one day */
			text = cul_words(r, "%s; %.19s … %s", text, from, to + 11);
		else
			text = cul_words(r, "%s; %s … %s", text, from, to);
	}
	return text;
}

/* Does a file of this name hold a log, so that somebody would want to know that no reader took it? */
static bool like_a_log(const char *path)
{
	static const char *const begins[] = { "messages", "syslog", "dmesg", "kern", "journal", "nvidia-smi", "stderr", "stdout" };
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path, *end = strrchr(name, '.');

	/* what the kernel or the packages bring along */
	if (strstr(path, "/proc/") || strstr(path, "/etc/") || strstr(path, "/sys/") || !strncmp(name, "ls_", 3))
		return false;
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (!strncmp(name, begins[i], strlen(begins[i])))
			return true;
	return end && (!strcmp(end, ".log") || !strcmp(end, ".out") || !strcmp(end, ".err"));
}

static const char *unread(struct cul_report *r)
{
	const char *text = "";
	size_t count = 0, named = 0;
	struct cul_source s;

	for (size_t i = 0; cul_case_source(r->c, i, &s); i++)
		count += !(s.read_as && *s.read_as) && s.lines > 0;
	for (size_t i = 0; count && named < 4 && cul_case_source(r->c, i, &s); i++) {
		if ((s.read_as && *s.read_as) || s.lines <= 0)
			continue;
		const char *name = cul_source_name(r, (int)i);

		if (count <= 4 || like_a_log(name))
			text = cul_words(r, "%s%s%s", text, named++ ? ", " : "", cul_shorten_left(r->arena, safe(r, name), 40));
	}
	if (count > named && named)
		text = cul_words(r, r->lang ? "%s 等 %s 个文件" : "%s and %s more", text, cul_count_words(r, (int64_t)(r->lang ? count : count - named)));
	else if (count)
		text = named ? text : cul_words(r, r->lang ? "%s 个文件" : "%s files", cul_count_words(r, (int64_t)count));
	return text;
}

static bool not_text(const struct cul_damage *d)
{
	return d->why && (strstr(d->why, "binary data") || strstr(d->why, "nothing but NUL"));
}

static void put_coverage(struct page *p)
{
	struct cul_report *r = p->r;
	const char *text = looked_at(r), *rest = unread(r), *binary = "";
	size_t binaries = 0, damaged = 0;

	blank(p);
	if (r->options->seconds >= 0)
		text = cul_words(r, "%s; %.2f s", text, r->options->seconds);
	if (*rest) /* may be long, and is cut */
		text = cul_words(r, r->lang ? "%s；%s%s" : "%s; %s %s", text, label(r, L_UNREAD), rest);
	put(p, "", label(r, L_READ), DIM, safe(r, text), 6, 4);
	for (size_t i = 0; i < r->damage_count; i++) {
		const struct cul_damage *d = &r->damage[i];
		const char *where = d->line > 0 ? cul_words(r, "%s:%" PRId64, d->source ? d->source : "?", d->line) : d->source ? d->source : "?";

		/* what isn't text isn't damaged */
		if (not_text(d)) {
			if (binaries++ < 2)
				binary = cul_words(r, "%s%s%s", binary, *binary ? ", " : "", cul_shorten_left(r->arena, safe(r, where), 36));
			continue;
		}
		if (damaged++ < 4)
			put(p, "", label(r, L_DAMAGE), YELLOW, safe(r, cul_words(r, "%s: %s", where, d->why ? d->why : "")), 9, 2);
	}
	if (damaged > 4)
		put(p, "", label(r, L_DAMAGE), YELLOW, cul_words(r, "+%zu %s", damaged - 4, label(r, L_MORE)), 9, 1);
	if (binaries > 2)
		binary = cul_words(r, "%s +%zu", binary, binaries - 2);
	if (binaries)
		put(p, "", label(r, L_LEFT_OUT), DIM, binary, 9, 2);
}

/* no lead: say so */
static void put_nothing(struct page *p)
{
	struct cul_report *r = p->r;
	const char *host = "";
	bool dump = false; /* a dump has no lines */
	struct cul_source source;

	for (size_t i = 0; !dump && cul_case_source(r->c, i, &source); i++)
		dump = source.read_as && source.read_as[0];
	if (!r->lines && (!dump || r->damage_count)) {
		put(p, "", label(r, !r->members ? L_EMPTY : r->damage_count ? L_BINARY : L_BLANK), YELLOW, "", 0, 1);
		return;
	}
	put(p, "", label(r, L_NONE), GREEN, cul_only_waived(r) ? label(r, L_ONLY_WAIVED) : r->verdict->count ? "" : label(r, L_NOTHING), 2, 2);
	for (size_t i = 0; i < r->host_count && i < 4; i++)
		if (strcmp(r->hosts[i].name, "host") != 0)
			host = cul_words(r, "%s%s%s", host, *host ? ", " : "", r->hosts[i].name);
	for (size_t i = 0; i < r->damage_count; i++)
		if (!not_text(&r->damage[i])) {
			put(p, "", label(r, L_TORN), YELLOW, "", 0, 1);
			break;
		}
	if (*host)
		put(p, "", label(r, L_WHERE), BOLD, safe(r, cul_words(r, "host %s", host)), 4, 2);
}

void cul_report_text(struct cul_report *r)
{
	struct page p = { .r = r, .width = r->options->width >= 40 ? (size_t)r->options->width : 100 };

	if (r->lead)
		put_lead(&p);
	else
		put_nothing(&p);
	if (r->options->quiet)
		return;
	put_findings(&p, L_ROOTS, CUL_ROLE_ROOT, true, MOST_LIST);
	if (!r->lead)
		put_findings(&p, L_SUSPECTS, CUL_ROLE_ROOT, false, 5);
	put_findings(&p, r->lead ? L_CONTRIBUTING : L_WORSE, CUL_ROLE_CONTRIBUTING, false, 5);
	if (!r->lead)
		put_findings(&p, L_SYMPTOMS, CUL_ROLE_SYMPTOM, false, 5);
	put_findings(&p, L_BACKGROUND, CUL_ROLE_BACKGROUND, false, 5);
	put_waived(&p);
	put_baseline(&p);
	put_unexplained(&p);
	put_not_judged(&p);
	put_coverage(&p);
}
