/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The report for a ticket: CommonMark with tables of GitHub's and GitLab's kind. Words of the input stand escaped, or
 * in a fence that is longer than any run of backticks in them.
 */
#include <inttypes.h>
#include <string.h>

#include "base/slice.h"
#include "report/escape.h"
#include "report/parts.h"

#define MOST_EVIDENCE 12

static const char *md(struct cul_report *r, const char *text)
{
	return cul_clean_markdown(r->arena, cul_str(text));
}

/* code in a line: the fence is longer than any run of backticks inside */
static const char *code(struct cul_report *r, const char *text)
{
	const char *plain = cul_harmless(r->arena, cul_str(text));
	size_t longest = 0, run = 0;

	for (const char *at = plain; *at; at++) {
		run = *at == '`' ? run + 1 : 0;
		if (run > longest)
			longest = run;
	}
	if (!*plain)
		return "";
	if (longest > 60)
		return md(r, text);
	char fence[64];
	memset(fence, '`', longest + 1);
	fence[longest + 1] = '\0';
	bool space = longest > 0;
	return cul_words(r, "%s%s%s%s%s", fence, space ? " " : "", plain, space ? " " : "", fence);
}

static void put_strings(struct cul_report *r, const char *head, const char *const *list, size_t count, bool commands)
{
	if (!count)
		return;
	fprintf(r->out, "\n### %s\n\n", head);
	for (size_t i = 0; i < count; i++)
		fprintf(r->out, "- %s\n", commands ? code(r, list[i]) : md(r, list[i]));
}

static void put_evidence(struct cul_report *r, const struct cul_finding *f)
{
	const struct cul_evidence *picked[MOST_EVIDENCE];
	size_t count = cul_pick_evidence(f, picked, MOST_EVIDENCE), longest = 2;

	if (!count)
		return;
	for (size_t i = 0; i < count; i++) {
		size_t run = 0;

		for (size_t k = 0; k < picked[i]->row->text.size; k++) {
			run = picked[i]->row->text.data[k] == '`' ? run + 1 : 0;
			if (run > longest)
				longest = run;
		}
	}
	fprintf(r->out, "\n### %s\n\n", r->lang ? "判定依据" : "Evidence");
	for (size_t i = 0; i <= longest; i++)
		putc('`', r->out);
	fputs("text\n", r->out);
	for (size_t i = 0; i < count; i++) {
		const struct cul_row *row = picked[i]->row;
		struct cul_slice text = cul_slice(row->text.data, row->text.size < 1024 ? row->text.size : 1024);

		const char *rest = cul_row_rest(r, row);

		fprintf(r->out, "%s%s%s  %s%s%s%s\n", picked[i]->role == CUL_AGAINST ? "(against) " : "",
			cul_harmless(r->arena, cul_str(cul_source_name(r, row->member))), row->line > 0 ? cul_words(r, ":%" PRId64, row->line) : "",
			row->n > 1 ? cul_words(r, "(×%" PRId64 ") ", row->n) : "", cul_harmless(r->arena, text), *rest ? "  … " : "", rest);
	}
	for (size_t i = 0; i <= longest; i++)
		putc('`', r->out);
	putc('\n', r->out);
}

static void put_remedy(struct cul_report *r, const struct cul_finding *f)
{
	if (!f->remedy_count)
		return;
	fprintf(r->out, "\n### %s\n\n", r->lang ? "处理步骤" : "What to do");
	for (size_t i = 0; i < f->remedy_count; i++) {
		const struct cul_remedy *m = &f->remedy[i];

		fprintf(r->out, "%zu. %s", i + 1, md(r, m->what));
		if (m->run && *m->run)
			fprintf(r->out, "  \n   %s", code(r, m->run));
		if (m->why && *m->why)
			fprintf(r->out, "  \n   %s %s", r->lang ? "原因：" : "Why:", md(r, m->why));
		if (m->risk && *m->risk)
			fprintf(r->out, "  \n   %s %s", r->lang ? "风险：" : "Risk:", md(r, m->risk));
		if (m->needs && strcmp(m->needs, "none") != 0)
			fprintf(r->out, "  \n   %s %s%s", r->lang ? "需要：" : "Needs:", md(r, m->needs),
				m->loses_work ? r->lang ? "，会丢失工作" : ", loses work" : "");
		else if (m->loses_work)
			fprintf(r->out, "  \n   %s", r->lang ? "会丢失工作" : "Loses work.");
		putc('\n', r->out);
	}
}

static void put_lead(struct cul_report *r)
{
	const struct cul_finding *f = r->lead;
	const char *first = cul_first_words(r, f), *last = cul_last_words(r, f);
	const char *cost = cul_act_cost(r, f), *entities = cul_entity_words(r, f);
	static const char *const ongoing[2][3] = { { "no", "yes", "unknown" }, { "否", "是", "未知" } };

	fprintf(r->out, "## %s\n\n", md(r, cul_known(r, f->title)));
	fprintf(r->out, "| | |\n|---|---|\n");
	fprintf(r->out, "| %s | %s (%.0f %%, %s) |\n", r->lang ? "原因" : "Cause", md(r, f->cause), f->certainty * 100, cul_severity_name(f->severity));
	if (*entities)
		fprintf(r->out, "| %s | %s |\n", r->lang ? "位置" : "Where", md(r, entities));
	const char *look = cul_look_first(r, f);
	fprintf(r->out, "| %s | **%s**%s%s%s |\n", r->lang ? "立即处理" : "Act now", md(r, *look ? look : cul_act_words(r, f->act)),
		*cost ? " (" : "", md(r, cost), *cost ? ")" : "");
	fprintf(r->out, "| %s | %s%s%s |\n", r->lang ? "时间" : "When", *first ? first : r->lang ? "未知" : "unknown",
		*last && strcmp(first, last) != 0 ? " … " : "", *last && strcmp(first, last) != 0 ? last : "");
	fprintf(r->out, "| %s | %s |\n", r->lang ? "采集时仍在发生" : "Still happening at the capture",
		ongoing[r->lang][f->ongoing <= CUL_UNKNOWN ? f->ongoing : CUL_UNKNOWN]);
	const char *good = cul_before_words(r, f, cul_good_facts), *changed = cul_before_words(r, f, cul_change_facts);
	if (good)
		fprintf(r->out, "| %s | %s |\n", r->lang ? "最后正常" : "Last known good", md(r, good));
	if (changed)
		fprintf(r->out, "| %s | %s |\n", r->lang ? "其间变化" : "Changed between", md(r, changed));
	if (f->summary && *f->summary)
		fprintf(r->out, "\n%s\n", md(r, cul_known_sentences(r, f->summary)));
	put_strings(r, r->lang ? "切勿" : "Do not", f->do_not, f->do_not_count, false);
	put_remedy(r, f);
	put_strings(r, r->lang ? "重启前采集" : "Capture before reboot", f->before_reboot, f->before_reboot_count, true);
	put_evidence(r, f);
}

static void put_others(struct cul_report *r)
{
	static const char *const roles[2][4] = { { "root", "contributing", "symptom", "background" }, { "根本原因", "促成因素", "症状", "背景" } };
	bool headed = false;

	for (size_t i = 0; i < r->verdict->count; i++) {
		const struct cul_finding *f = &r->verdict->findings[i];

		if (f == r->lead)
			continue;
		if (!headed)
			fprintf(r->out, "\n### %s\n\n| # | %s | %s | %s | %s |\n|---:|---|---|---:|---|\n", r->lang ? "其他发现" : "Other findings",
				r->lang ? "内容" : "What", r->lang ? "角色" : "Role", r->lang ? "确信度" : "Certainty",
				r->lang ? "被解释于" : "Explained by");
		headed = true;
		fprintf(r->out, "| %d | %s (%s)%s | %s | %.0f %% | %s |\n", f->order, md(r, cul_known(r, f->title)), md(r, f->cause), md(r, cul_asked_words(r, f)),
			roles[r->lang][f->role <= CUL_ROLE_BACKGROUND ? f->role : CUL_ROLE_BACKGROUND], f->certainty * 100,
			f->explained_by ? cul_words(r, "%d", f->explained_by) : "");
	}
}

static void put_rest(struct cul_report *r)
{
	const struct cul_verdict *v = r->verdict;

	size_t shown = 0;

	for (size_t i = 0; i < v->unexplained_count; i++) {
		const struct cul_template *t = v->unexplained[i];

		if (!cul_worth_a_line(r, t))
			continue;
		if (!shown++)
			fprintf(r->out, "\n### %s\n\n", r->lang ? "未能解释的记录" : "Unexplained");
		fprintf(r->out, "- %" PRId64 " × %s:%" PRId64 " %s\n", t->n, md(r, t->source ? t->source : "?"), t->line,
			code(r, t->specimen && *t->specimen ? t->specimen : t->text));
	}
	if (v->not_judged_count)
		fprintf(r->out, "\n### %s\n\n", r->lang ? "未判断" : "Not judged");
	for (size_t i = 0; i < v->not_judged_count; i++) {
		const struct cul_not_judged *n = &v->not_judged[i];

		fprintf(r->out, "- %s: %s", md(r, n->cause), md(r, n->why));
		if (n->capture)
			fprintf(r->out, " %s", code(r, n->capture));
		putc('\n', r->out);
	}
	if (r->lead && r->lead->ruled_out_count)
		put_strings(r, r->lang ? "已排除" : "Ruled out", r->lead->ruled_out, r->lead->ruled_out_count, false);
	if (r->lead && r->lead->reference_count)
		fprintf(r->out, "\n### %s\n\n", r->lang ? "参考" : "References");
	for (size_t i = 0; r->lead && i < r->lead->reference_count; i++) {
		const char *url = r->lead->references[i];
		bool plain = !strncmp(url, "https://", 8) && !strpbrk(url, " <>\"`\n");

		fprintf(r->out, plain ? "- <%s>\n" : "- %s\n", plain ? cul_harmless(r->arena, cul_str(url)) : md(r, url));
	}
	if (v->compared)
		put_strings(r, r->lang ? "与基线相比" : "Against the baseline", v->changes, v->change_count, false);
	fprintf(r->out, "\n### %s\n\n", r->lang ? "已读取" : "Read");
	fprintf(r->out, "%s %s, %s %s, %s", cul_count_words(r, r->members), r->lang ? "个文件" : r->members == 1 ? "file" : "files",
		cul_count_words(r, r->lines), r->lang ? "行" : "lines", cul_bytes_words(r, r->bytes));
	const char *readers = cul_readers(r, 24);
	fprintf(r->out, "%s%s\n", *readers ? r->lang ? "；识别为 " : "; read as " : "", md(r, readers));
	for (size_t i = 0; i < r->damage_count && i < 20; i++)
		fprintf(r->out, "%s- %s %s:%" PRId64 ": %s\n", i ? "" : "\n", r->lang ? "损坏：" : "Damaged:",
			md(r, r->damage[i].source ? r->damage[i].source : "?"), r->damage[i].line, md(r, r->damage[i].why));
	if (r->damage_count > 20)
		fprintf(r->out, "- +%zu\n", r->damage_count - 20);
}

void cul_report_markdown(struct cul_report *r)
{
	if (r->lead)
		put_lead(r);
	else
		fprintf(r->out, "## %s\n\n%s\n", r->lang ? "未发现已知原因" : "No known cause found",
			cul_only_waived(r) ? r->lang ? "所发现的原因均已豁免。" : "What was found is known here and waived." :
			r->verdict->count ? r->lang ? "以下发现均不足以定论。" : "None of what was found is sure enough to lead." :
			r->lang ? "没有与已知规则相符的内容。" : "Nothing here is like anything that the rules know.");
	if (r->options->quiet)
		return;
	put_others(r);
	put_rest(r);
}
