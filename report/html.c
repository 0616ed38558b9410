/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The report for a browser: one page that holds all it needs. No script, no picture, no font and no style from elsewhere; the
 * policy in its head allows the one style sheet below, by its hash (tests/test_report.c says the right one when the sheet
 * changes). What unfolds is <details>. Every word, of rules and of the input, goes through cul_clean_html().
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"
#include "report/escape.h"
#include "report/parts.h"

CUL_API const char *cul_version(void);

#define MOST_EVIDENCE 24
#define MOST_SOURCES 400
#define STYLE_HASH "sha256-hSr7pROELnQGoJxPLpOeBuPw/VoKG0CgqMAEP81dtvY="

static const char style[] =
	":root{color-scheme:light dark;--bg:#f5f6f8;--card:#fff;--ink:#1b2330;--dim:#5a6678;--line:#dde2ea;--soft:#eef1f5;--link:#2457a0;"
	"--bad:#a8261c;--bad-bg:#fcefed;--warn:#7c5200;--warn-bg:#fff6e2;--good:#1c6b41;--good-bg:#eaf6ef;--cool:#2c5d9e;--cool-bg:#edf3fb}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#11151b;--card:#191f28;--ink:#e3e8ef;--dim:#9aa6b8;--line:#2d3644;--soft:#222a35;--link:#8db6f5;"
	"--bad:#ff9a8f;--bad-bg:#351d1c;--warn:#f0c36b;--warn-bg:#30270f;--good:#7fd1a2;--good-bg:#142a1e;--cool:#8db6f5;--cool-bg:#1a2739}}\n"
	"*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Noto Sans CJK SC\",sans-serif}\n"
	"main,header,footer{max-width:1080px;margin:0 auto;padding:0 20px}header{padding-top:22px;overflow-wrap:anywhere;color:var(--dim);font-size:.9rem;display:flex;flex-wrap:wrap;gap:4px 18px;align-items:baseline}\n"
	"header b{color:var(--ink)}header .brand{font-weight:700;letter-spacing:.02em;color:var(--ink)}footer{color:var(--dim);font-size:.85rem;padding-top:8px;padding-bottom:40px}\n"
	"section,.lead{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:20px 24px;margin:16px 0}.lead{border-top:4px solid var(--bad);padding-top:18px}.lead.none{border-top-color:var(--dim)}\n"
	"h1{font-size:1.55rem;line-height:1.25;margin:.15em 0 .35em;text-wrap:balance;overflow-wrap:anywhere}h2{font-size:1.08rem;margin:0 0 .7em}h3{font-size:.95rem;margin:1.3em 0 .45em}p{margin:.5em 0;max-width:75ch;overflow-wrap:anywhere}\n"
	".eyebrow{display:flex;flex-wrap:wrap;gap:8px 14px;align-items:center;color:var(--dim);font-size:.92rem}.meter{display:inline-block;vertical-align:middle;width:120px;height:8px}.meter rect{fill:var(--soft)}.meter .v{fill:var(--bad)}.none .meter .v{fill:var(--dim)}\n"
	".dim,.d{color:var(--dim)}code,pre,.line{font-family:ui-monospace,SFMono-Regular,\"DejaVu Sans Mono\",Menlo,Consolas,\"Noto Sans Mono CJK SC\",monospace;font-size:.86rem}\n"
	"code{background:var(--soft);border-radius:4px;padding:.08em .35em;overflow-wrap:anywhere}pre{background:var(--soft);border-radius:8px;padding:9px 12px;margin:.45em 0;white-space:pre-wrap;overflow-wrap:anywhere}\n"
	".act{background:var(--warn-bg);border-radius:10px;padding:12px 16px;margin:14px 0 10px;font-size:1.08rem;overflow-wrap:anywhere}.act b{color:var(--warn);margin-right:.5em}.not{background:var(--bad-bg);border-radius:10px;padding:10px 16px;margin:10px 0;overflow-wrap:anywhere}.not b{color:var(--bad)}.not ul{margin:.2em 0 0;padding-left:1.2em}\n"
	".cols{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:4px 32px}@media(max-width:760px){.cols{grid-template-columns:minmax(0,1fr)}section,.lead{padding:16px}main,header,footer{padding-left:12px;padding-right:12px}h1{font-size:1.3rem}}\n"
	"ol,ul{padding-left:1.4em;margin:.4em 0}li{margin:.35em 0;overflow-wrap:anywhere}li .why{display:block;color:var(--dim);font-size:.92rem}li .risk{display:block;color:var(--warn);font-size:.92rem}\n"
	"dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:5px 16px;margin:.3em 0;font-size:.95rem}dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}\n"
	".badge{display:inline-block;font-size:.76rem;line-height:1.5;padding:0 .6em;border-radius:99px;background:var(--soft);color:var(--dim);white-space:nowrap}.badge.root{background:var(--bad-bg);color:var(--bad)}.badge.contributing{background:var(--warn-bg);color:var(--warn)}.badge.symptom{background:var(--cool-bg);color:var(--cool)}.badge.against{background:var(--good-bg);color:var(--good)}\n"
	".lines{list-style:none;padding:0;margin:.4em 0}.lines li{border-top:1px solid var(--line);padding:7px 0;margin:0}.lines li:first-child{border-top:0}.line{display:block;white-space:pre-wrap;overflow-wrap:anywhere}.place{color:var(--dim);font-size:.8rem;overflow-wrap:anywhere}\n"
	"details{border-top:1px solid var(--line)}section>details:first-of-type{border-top:0}summary{cursor:pointer;padding:9px 0;overflow-wrap:anywhere}summary::marker{color:var(--dim)}details>.in{padding:0 0 14px 18px}summary .pct{font-variant-numeric:tabular-nums;color:var(--dim);margin-left:.4em}\n"
	"table{border-collapse:collapse;width:100%;font-size:.88rem}th{text-align:left;color:var(--dim);font-weight:500}th,td{padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}th:first-child,td:first-child{min-width:8.5em}td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
	".scroll{overflow-x:auto;padding-bottom:4px}svg text{fill:var(--ink);font:13px system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"Noto Sans CJK SC\",sans-serif}svg text.d{fill:var(--dim);font-size:11.5px}svg text.mid{text-anchor:middle}\n"
	".node rect{fill:var(--soft);stroke:var(--line);stroke-width:1.2}.node.root rect{fill:var(--bad-bg);stroke:var(--bad)}.node.lead rect{stroke-width:2.6}.node.contributing rect{fill:var(--warn-bg);stroke:var(--warn)}.node.symptom rect{fill:var(--cool-bg);stroke:var(--cool)}.node.lead .t{font-weight:600}\n"
	".edge{fill:none;stroke:var(--dim);stroke-width:1.5}.edge.dashed{stroke-dasharray:5 4}.tip{fill:var(--dim)}.grid{stroke:var(--line)}.lane rect{fill:var(--soft);stroke:var(--line)}.lane circle{fill:var(--dim)}.lane.root rect{fill:var(--bad-bg);stroke:var(--bad)}.lane.root circle{fill:var(--bad)}.lane.symptom rect{fill:var(--cool-bg);stroke:var(--cool)}.lane.symptom circle{fill:var(--cool)}.lane.contributing rect{fill:var(--warn-bg);stroke:var(--warn)}.lane.contributing circle{fill:var(--warn)}.lane.lead .t{font-weight:600}\n"
	"a{color:var(--link)}svg a{text-decoration:none}:target>summary{background:var(--soft)}:focus-visible{outline:2px solid var(--link);outline-offset:2px}\n"
	"@media print{:root{--bg:#fff;--card:#fff;--ink:#000;--dim:#444;--line:#bbb;--soft:#f2f2f2;--bad:#8c1d14;--bad-bg:#fbf1f0;--warn:#5f3f00;--warn-bg:#fcf6e8;--good:#14502f;--good-bg:#f0f7f3;--cool:#204a80;--cool-bg:#f1f5fb;--link:#000}"
	"body{font-size:10.5pt}main,header,footer{max-width:none;padding-left:0;padding-right:0}section,.lead{border-radius:0;padding:8px 0;border-width:1px 0 0;break-inside:auto}.act,.not,li,pre,.node{break-inside:avoid}h2,h3{break-after:avoid}svg.graph,svg.time{max-width:100%;height:auto}.scroll{overflow:visible}details.more{display:none}details:not(.more)::details-content{content-visibility:visible;block-size:auto}}\n";

static const char *ht(struct cul_report *r, const char *text)
{
	return cul_clean_html(r->arena, cul_str(text ? text : ""));
}

static const char *in(const struct cul_report *r, const char *en, const char *zh)
{
	return r->lang ? zh : en;
}

static const char *role_words(const struct cul_report *r, enum cul_role role)
{
	static const char *const zh[] = { "根本原因", "促成因素", "症状", "背景" };

	return r->lang ? zh[role <= CUL_ROLE_BACKGROUND ? role : CUL_ROLE_BACKGROUND] : cul_role_name(role);
}

static void put_list(struct cul_report *r, const char *head, const char *const *list, size_t count, bool commands)
{
	if (!count)
		return;
	fprintf(r->out, "<h3>%s</h3>\n<ul>\n", head);
	for (size_t i = 0; i < count; i++)
		fprintf(r->out, commands ? "<li><code>%s</code></li>\n" : "<li>%s</li>\n", ht(r, list[i]));
	fputs("</ul>\n", r->out);
}

static void put_meter(struct cul_report *r, double certainty)
{
	double w = certainty < 0 ? 0 : certainty > 1 ? 120 : certainty * 120;

	fprintf(r->out, "<svg class=\"meter\" viewBox=\"0 0 120 8\" aria-hidden=\"true\"><rect width=\"120\" height=\"8\" rx=\"4\"/>"
			"<rect class=\"v\" width=\"%.1f\" height=\"8\" rx=\"4\"/></svg>", w);
}

/* ---- parts of a finding ------------------------------------------------------------------------ */

static void put_evidence(struct cul_report *r, const struct cul_finding *f)
{
	const struct cul_evidence *picked[MOST_EVIDENCE];
	size_t count = cul_pick_evidence(f, picked, MOST_EVIDENCE);

	if (!count)
		return;
	fputs("<ul class=\"lines\">\n", r->out);
	for (size_t i = 0; i < count; i++) {
		const struct cul_row *row = picked[i]->row;
		const char *when = cul_time_words(r, row->time_ns), *rest = cul_row_rest(r, row);

		fprintf(r->out, "<li><span class=\"place\">%s", ht(r, cul_source_name(r, row->member)));
		if (row->line > 0)
			fprintf(r->out, ":%" PRId64, row->line);
		if (*when)
			fprintf(r->out, " &middot; %s", when);
		if (row->n > 1)
			fprintf(r->out, " &middot; &times;%" PRId64, row->n);
		if (picked[i]->role == CUL_AGAINST)
			fprintf(r->out, " <span class=\"badge against\">%s</span>", in(r, "speaks against it", "反面证据"));
		else if (picked[i]->role == CUL_MAY)
			fprintf(r->out, " <span class=\"badge\">%s</span>", in(r, "supports", "佐证"));
		struct cul_slice text = cul_slice(row->text.data, row->text.size < 2048 ? row->text.size : 2048);
		fprintf(r->out, "</span><span class=\"line\">%s%s%s</span></li>\n", cul_clean_html(r->arena, text), *rest ? "  … " : "", ht(r, rest));
	}
	fputs("</ul>\n", r->out);
}

static void put_remedy(struct cul_report *r, const struct cul_finding *f)
{
	if (!f->remedy_count)
		return;
	fprintf(r->out, "<h3>%s</h3>\n<ol>\n", in(r, "What to do", "处理步骤"));
	for (size_t i = 0; i < f->remedy_count; i++) {
		const struct cul_remedy *m = &f->remedy[i];

		fprintf(r->out, "<li>%s", ht(r, m->what));
		if (m->needs && strcmp(m->needs, "none") != 0)
			fprintf(r->out, " <span class=\"badge contributing\">%s %s%s</span>", in(r, "needs", "需要"), ht(r, m->needs),
				m->loses_work ? in(r, ", loses work", "，会丢失工作") : "");
		else if (m->loses_work)
			fprintf(r->out, " <span class=\"badge contributing\">%s</span>", in(r, "loses work", "会丢失工作"));
		if (m->run && *m->run)
			fprintf(r->out, "<pre>%s</pre>", ht(r, m->run));
		if (m->why && *m->why)
			fprintf(r->out, "<span class=\"why\">%s</span>", ht(r, m->why));
		if (m->risk && *m->risk)
			fprintf(r->out, "<span class=\"risk\">%s %s</span>", in(r, "Risk:", "风险："), ht(r, m->risk));
		fputs("</li>\n", r->out);
	}
	fputs("</ol>\n", r->out);
}

static void put_facts(struct cul_report *r, const struct cul_finding *f)
{
	static const char *const ongoing[2][3] = { { "no", "yes", "unknown" }, { "否", "是", "未知" } };
	const char *first = cul_first_words(r, f), *last = cul_last_words(r, f);

	fputs("<dl>\n", r->out);
	for (size_t i = 0; i < f->entity_count; i++) {
		const char *const names[] = { f->entities[i].name, NULL };
		const struct cul_finding one = { .facts = &f->entities[i], .fact_count = 1 };
		const char *values = cul_fact_words(r, &one, names);
		if (values && *values && strcmp(values, "host") != 0)
			fprintf(r->out, "<dt>%s</dt><dd>%s</dd>\n", ht(r, f->entities[i].name), ht(r, values));
	}
	fprintf(r->out, "<dt>%s</dt><dd>%s</dd>\n", in(r, "first bad", "首次异常"), *first ? first : in(r, "unknown", "未知"));
	if (*last && strcmp(first, last) != 0)
		fprintf(r->out, "<dt>%s</dt><dd>%s</dd>\n", in(r, "last", "最近"), last);
	const char *good = cul_before_words(r, f, cul_good_facts), *changed = cul_before_words(r, f, cul_change_facts);
	if (good)
		fprintf(r->out, "<dt>%s</dt><dd>%s</dd>\n", in(r, "last known good", "最后正常"), ht(r, good));
	if (changed)
		fprintf(r->out, "<dt>%s</dt><dd>%s</dd>\n", in(r, "changed between", "其间变化"), ht(r, changed));
	fprintf(r->out, "<dt>%s</dt><dd>%s</dd>\n", in(r, "still happening", "采集时仍在发生"), ongoing[r->lang][f->ongoing <= CUL_UNKNOWN ? f->ongoing : CUL_UNKNOWN]);
	fprintf(r->out, "<dt>%s</dt><dd>%s%s</dd>\n", in(r, "observations", "观测"), f->at_least ? in(r, "at least ", "至少 ") : "", cul_count_words(r, f->count));
	fprintf(r->out, "<dt>%s</dt><dd>%s</dd>\n</dl>\n", in(r, "severity", "级别"), cul_severity_name(f->severity));
	if (!f->fact_count)
		return;
	fprintf(r->out, "<details class=\"more\"><summary>%s</summary><div class=\"in\"><dl>\n", in(r, "All facts", "全部数据"));
	for (size_t i = 0; i < f->fact_count; i++) {
		const char *const names[] = { f->facts[i].name, NULL };
		const char *values = cul_fact_words(r, f, names);
		if (values && *values)
			fprintf(r->out, "<dt>%s</dt><dd>%s</dd>\n", ht(r, f->facts[i].name), ht(r, values));
	}
	fputs("</dl></div></details>\n", r->out);
}

static void put_summands(struct cul_report *r, const struct cul_finding *f)
{
	if (!f->summand_count)
		return;
	fprintf(r->out, "<details class=\"more\"><summary>%s</summary><div class=\"in\"><table>\n<tr><th>%s</th><th>%s</th><th class=\"n\">%s</th></tr>\n",
		in(r, "How the certainty came about", "确信度的由来"), in(r, "evidence", "证据"), in(r, "worth", "分量"), in(r, "points", "分值"));
	for (size_t i = 0; i < f->summand_count; i++) {
		const struct cul_summand *s = &f->summands[i];
		if (s->state == CUL_FALSE && s->points == 0)
			continue;
		fprintf(r->out, "<tr><td>%s%s%s</td><td>%s</td><td class=\"n\">", ht(r, s->term), s->why ? " &mdash; " : "", ht(r, s->why), ht(r, s->class_name));
		fprintf(r->out, s->state == CUL_UNKNOWN ? "?</td></tr>\n" : "%+.2f</td></tr>\n", s->points);
	}
	fputs("</table></div></details>\n", r->out);
}

/* ---- the page ------------------------------------------------------------------------------------ */

static void put_lead(struct cul_report *r)
{
	const struct cul_finding *f = r->lead;
	const char *cost = cul_act_cost(r, f), *look = cul_look_first(r, f), *entities = cul_entity_words(r, f);

	fprintf(r->out, "<article class=\"lead\" id=\"f%d\">\n<div class=\"eyebrow\"><span>%s</span>", f->order, in(r, "What broke first", "首要原因"));
	put_meter(r, f->certainty);
	fprintf(r->out, "<span>%.0f %% %s</span><code>%s</code></div>\n<h1>%s</h1>\n", f->certainty * 100, in(r, "certain", "确信度"), ht(r, f->cause),
		ht(r, cul_known(r, f->title)));
	if (*entities)
		fprintf(r->out, "<p class=\"dim\">%s</p>\n", ht(r, entities));
	fprintf(r->out, "<div class=\"act\"><b>%s</b>%s%s%s%s</div>\n", in(r, "Act now", "立即处理"), ht(r, *look ? look : cul_act_words(r, f->act)),
		*cost ? " <span class=\"dim\">(" : "", ht(r, cost), *cost ? ")</span>" : "");
	if (f->do_not_count) {
		fprintf(r->out, "<div class=\"not\"><b>%s</b><ul>", in(r, "Do not", "切勿"));
		for (size_t i = 0; i < f->do_not_count; i++)
			fprintf(r->out, "<li>%s</li>", ht(r, f->do_not[i]));
		fputs("</ul></div>\n", r->out);
	}
	if (f->summary && *f->summary)
		fprintf(r->out, "<p>%s</p>\n", ht(r, cul_known_sentences(r, f->summary)));
	fputs("<div class=\"cols\"><div>\n", r->out);
	put_remedy(r, f);
	put_list(r, in(r, "Capture before a reboot", "重启前采集"), f->before_reboot, f->before_reboot_count, true);
	fprintf(r->out, "</div><div>\n<h3>%s</h3>\n", in(r, "At a glance", "概览"));
	put_facts(r, f);
	put_summands(r, f);
	fputs("</div></div>\n", r->out);
	if (f->evidence_count) {
		fprintf(r->out, "<details open><summary><b>%s</b></summary><div class=\"in\">\n", in(r, "The lines that say so", "判定依据"));
		put_evidence(r, f);
		fputs("</div></details>\n", r->out);
	}
	fputs("</article>\n", r->out);
}

static void put_drawing(struct cul_report *r, const char *head, bool (*draw)(struct cul_report *r))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = r->out, *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	r->out = memory;
	bool any = draw(r);
	r->out = out;
	fclose(memory);
	if (any)
		fprintf(out, "<section><h2>%s</h2>\n%s</section>\n", head, text);
	free(text);
}

static void put_others(struct cul_report *r)
{
	bool headed = false;

	for (size_t i = 0; i < r->verdict->count; i++) {
		const struct cul_finding *f = &r->verdict->findings[i];

		if (f == r->lead)
			continue;
		if (!headed)
			fprintf(r->out, "<section><h2>%s</h2>\n", r->lead ? in(r, "Other findings", "其他发现") : in(r, "Findings", "发现"));
		headed = true;
		fprintf(r->out, "<details id=\"f%d\"><summary>%d. %s <span class=\"badge %s\">%s</span><span class=\"pct\">%.0f %%</span></summary><div class=\"in\">\n", f->order,
			f->order, ht(r, cul_known(r, f->title)), cul_role_name(f->role), role_words(r, f->role), f->certainty * 100);
		fprintf(r->out, "<p class=\"dim\"><code>%s</code>%s", ht(r, f->cause), ht(r, cul_asked_words(r, f)));
		if (f->explained_by)
			fprintf(r->out, " &middot; %s <a href=\"#f%d\">%d</a>%s%s", f->role == CUL_ROLE_CONTRIBUTING ? in(r, "contributes to", "促成") :
				in(r, "explained by", "被解释于"), f->explained_by, f->explained_by, f->relation && *f->relation ? ": " : "", ht(r, f->relation));
		fputs("</p>\n", r->out);
		if (f->summary && *f->summary)
			fprintf(r->out, "<p>%s</p>\n", ht(r, cul_known_sentences(r, f->summary)));
		fputs("<div class=\"cols\"><div>\n", r->out);
		put_remedy(r, f);
		put_evidence(r, f);
		fputs("</div><div>\n", r->out);
		put_facts(r, f);
		put_summands(r, f);
		fputs("</div></div></div></details>\n", r->out);
	}
	if (headed)
		fputs("</section>\n", r->out);
}

static void put_unexplained(struct cul_report *r)
{
	const struct cul_verdict *v = r->verdict;
	size_t shown = 0;

	for (size_t i = 0; i < v->unexplained_count; i++) {
		const struct cul_template *t = v->unexplained[i];

		if (!cul_worth_a_line(r, t))
			continue;
		if (!shown++)
			fprintf(r->out, "<section><h2>%s</h2>\n<ul class=\"lines\">\n", in(r, "Unexplained", "未能解释的记录"));
		fprintf(r->out, "<li><span class=\"place\">%s:%" PRId64 " &middot; &times;%" PRId64 "</span><span class=\"line\">%s</span></li>\n",
			ht(r, t->source ? t->source : "?"), t->line, t->n, ht(r, t->specimen && *t->specimen ? t->specimen : t->text));
	}
	if (shown)
		fputs("</ul></section>\n", r->out);
	if (!v->not_judged_count)
		return;
	fprintf(r->out, "<section><h2>%s</h2>\n<ul>\n", in(r, "Not judged", "未判断"));
	for (size_t i = 0; i < v->not_judged_count; i++) {
		const struct cul_not_judged *n = &v->not_judged[i];

		fprintf(r->out, "<li><code>%s</code> %s", ht(r, n->cause), ht(r, n->why));
		if (n->capture)
			fprintf(r->out, "<pre>%s</pre>", ht(r, n->capture));
		fputs("</li>\n", r->out);
	}
	fputs("</ul></section>\n", r->out);
}

static void put_closing(struct cul_report *r)
{
	const struct cul_finding *f = r->lead, *next = cul_runner_up(r);
	const struct cul_verdict *v = r->verdict;

	if (!(f && (next || f->ruled_out_count || f->reference_count)) && !(v->compared && v->change_count))
		return;
	fputs("<section>\n", r->out);
	if (next)
		fprintf(r->out, "<h3>%s</h3><p><a href=\"#f%d\">%d. %s</a> <span class=\"dim\">%.0f %s</span></p>\n", in(r, "Runner-up", "次选"), next->order,
			next->order, ht(r, cul_known(r, next->title)), (f->certainty - next->certainty) * 100, in(r, "points behind", "个百分点之差"));
	if (f)
		put_list(r, in(r, "Ruled out", "已排除"), f->ruled_out, f->ruled_out_count, false);
	if (f && f->reference_count) {
		fprintf(r->out, "<h3>%s</h3>\n<ul>\n", in(r, "References", "参考"));
		for (size_t i = 0; i < f->reference_count; i++) {
			const char *url = f->references[i];
			bool plain = !strncmp(url, "https://", 8) && !strpbrk(url, " <>\"'`\\\n");

			fprintf(r->out, plain ? "<li><a rel=\"noreferrer noopener\" href=\"%s\">%s</a></li>\n" : "<li>%s</li>\n", ht(r, url), ht(r, url));
		}
		fputs("</ul>\n", r->out);
	}
	if (v->compared)
		put_list(r, in(r, "Against the baseline", "与基线相比"), v->changes, v->change_count, false);
	fputs("</section>\n", r->out);
}

static void put_coverage(struct cul_report *r)
{
	struct cul_source s;

	fprintf(r->out, "<section><h2>%s</h2>\n<p>%s %s, %s %s, %s</p>\n", in(r, "What was read", "已读取"), cul_count_words(r, r->members),
		r->lang ? "个文件" : r->members == 1 ? "file" : "files", cul_count_words(r, r->lines), in(r, "lines", "行"), cul_bytes_words(r, r->bytes));
	if (r->damage_count) {
		fprintf(r->out, "<h3>%s</h3>\n<ul>\n", in(r, "Damaged", "损坏"));
		for (size_t i = 0; i < r->damage_count && i < 50; i++)
			fprintf(r->out, "<li>%s:%" PRId64 ": %s</li>\n", ht(r, r->damage[i].source ? r->damage[i].source : "?"), r->damage[i].line, ht(r, r->damage[i].why));
		if (r->damage_count > 50)
			fprintf(r->out, "<li>+%zu</li>\n", r->damage_count - 50);
		fputs("</ul>\n", r->out);
	}
	fprintf(r->out, "<details class=\"more\"%s><summary>%s</summary><div class=\"in\"><table>\n<tr><th>%s</th><th>%s</th><th class=\"n\">%s</th><th>%s</th></tr>\n",
		r->source_count <= 12 ? " open" : "", in(r, "Files", "文件"), in(r, "file", "文件"), in(r, "read as", "识别为"), in(r, "lines", "行"), in(r, "time", "时间"));
	for (size_t i = 0; i < MOST_SOURCES && cul_case_source(r->c, i, &s); i++) {
		const char *first = cul_time_words(r, s.first_ns), *last = cul_time_words(r, s.last_ns);

		fprintf(r->out, "<tr><td>%s</td><td>%s</td><td class=\"n\">%s</td><td class=\"dim\">%s%s%s</td></tr>\n", ht(r, cul_source_name(r, (int)i)),
			s.read_as ? ht(r, s.read_as) : in(r, "plain text", "纯文本"), cul_count_words(r, s.lines > 0 ? s.lines : 0), first,
			*last && strcmp(first, last) != 0 ? " … " : "", *last && strcmp(first, last) != 0 ? last : "");
	}
	if (r->source_count > MOST_SOURCES)
		fprintf(r->out, "<tr><td>+%zu</td><td></td><td></td><td></td></tr>\n", r->source_count - MOST_SOURCES);
	fputs("</table></div></details></section>\n", r->out);
}

static void put_head(struct cul_report *r)
{
	const char *input = r->options->input ? r->options->input : "";

	fprintf(r->out, "<!doctype html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
			"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '%s'; base-uri 'none'; form-action 'none'\">\n"
			"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
			"<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n<title>%s \xe2\x80\x93 culprit</title>\n<style>",
		r->lang ? "zh" : "en", STYLE_HASH, ht(r, r->lead ? cul_known(r, r->lead->title) : input));
	fputs(style, r->out);
	fprintf(r->out, "</style>\n</head>\n<body>\n<header><span class=\"brand\">culprit</span><span>%s</span>", ht(r, input));
	for (size_t i = 0; i < r->host_count && i < 4; i++)
		if (strcmp(r->hosts[i].name, "host") != 0)
			fprintf(r->out, "<span><b>%s</b>%s%s</span>", ht(r, r->hosts[i].name), r->hosts[i].kernel ? " &middot; " : "", ht(r, r->hosts[i].kernel));
	if (r->host_count > 4)
		fprintf(r->out, "<span>+%zu</span>", r->host_count - 4);
	fputs("</header>\n<main>\n", r->out);
}

void cul_report_html(struct cul_report *r)
{
	put_head(r);
	if (r->lead)
		put_lead(r);
	else
		fprintf(r->out, "<article class=\"lead none\"><h1>%s</h1>\n<p>%s</p></article>\n", in(r, "No known cause found", "未发现已知原因"),
			cul_only_waived(r) ? in(r, "What was found is known here and waived.", "所发现的原因均已豁免。") :
			r->verdict->count ? in(r, "None of what was found is sure enough to lead.", "以下发现均不足以定论。") :
			in(r, "Nothing here is like anything that the rules know.", "没有与已知规则相符的内容。"));
	if (!r->options->quiet) {
		put_drawing(r, in(r, "What led to what", "因果关系"), cul_report_graph);
		put_drawing(r, in(r, "When", "时间线"), cul_report_timeline);
		put_others(r);
		put_unexplained(r);
		put_closing(r);
		put_coverage(r);
	}
	fprintf(r->out, "</main>\n<footer>culprit %s</footer>\n</body>\n</html>\n", cul_version());
}
