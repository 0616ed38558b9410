/* SPDX-License-Identifier: Apache-2.0 */
/** A rule as text for people. */
#include <stdio.h>
#include <stdlib.h>

#include "rules/cre.h"
#include "rules/finding.h"

bool cul_rules_info(const struct cul_rules *rules, size_t index, const char *lang, struct cul_rule_info *info)
{
	if (index >= rules->count)
		return false;
	const struct cul_rule *r = rules->rules[index];
	*info = (struct cul_rule_info){ .id = r->id, .file = r->file, .act = r->act, .severity = r->severity, .builtin = r->builtin, .sign = cul_sign_names[r->sign],
					.title = cul_text_raw(&r->tree, r->title, lang).data,
					.summary = cul_text_raw(&r->tree, r->summary, lang).data };
	if (r->cre) {
		info->title = r->cre->title;
		info->summary = r->cre->summary;
	}
	return true;
}

/* The end of the argument that begins @text: its comma or the bracket that closes the call. */
static size_t argument(struct cul_slice text)
{
	int depth = 0;
	bool quoted = false;
	size_t i = 0;

	for (; i < text.size; i++) {
		char c = text.data[i];

		quoted ^= c == '\'';
		if (quoted)
			continue;
		if (!depth && (c == ',' || c == ')'))
			break;
		depth += (c == '(') - (c == ')');
	}
	return i;
}

static bool word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The field that an expression speaks of: of "default(first(a.node_name), first(b.node_name))" it is node_name; else its last name. */
static struct cul_slice field_of(struct cul_slice e)
{
	struct cul_slice name = CUL_NONE;
	bool quoted = false;

	for (size_t i = 0; i < e.size; i++) {
		quoted ^= e.data[i] == '\'';
		if (quoted || !word_byte(e.data[i]))
			continue;
		size_t from = i;
		while (i < e.size && word_byte(e.data[i]))
			i++;
		bool call = i < e.size && e.data[i] == '(', term = i < e.size && e.data[i] == '.' && i + 1 < e.size && word_byte(e.data[i + 1]);
		if (!call && !term && (e.data[from] < '0' || e.data[from] > '9'))
			name = cul_slice(e.data + from, i - from);
		if (from && e.data[from - 1] == '.' && name.size)
			break;
		i--;
	}
	return name;
}

/* "if(CONDITION, THEN, ELSE)": what is said when it holds; a text as it stands; else "<field>" */
static void plain_expression(FILE *out, struct cul_slice e)
{
	struct cul_slice rest = cul_trim(e);

	for (int i = 0; i < 4 && cul_skip(&rest, CUL_LIT("if(")); i++) {
		rest = cul_from(rest, argument(rest));
		cul_skip(&rest, CUL_LIT(","));
		rest = cul_trim(cul_slice(rest.data, argument(rest)));
	}
	if (rest.size > 1 && rest.data[0] == '\'' && rest.data[rest.size - 1] == '\'') {
		fwrite(rest.data + 1, 1, rest.size - 2, out);
		return;
	}
	rest = field_of(rest);
	if (rest.size)
		fprintf(out, "<%.*s>", (int)rest.size, rest.data);
	else
		fputs("…", out);
}

static void print_plain(FILE *out, struct cul_slice s)
{
	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i];
		bool twice = (c == '{' || c == '}') && i + 1 < s.size && s.data[i + 1] == c; /* stands for one */
		const char *end = c == '{' && !twice ? memchr(s.data + i, '}', s.size - i) : NULL;

		if (end) {
			plain_expression(out, cul_slice(s.data + i + 1, (size_t)(end - s.data) - i - 1));
			i = (size_t)(end - s.data);
		} else {
			fputc(c, out);
			i += twice;
		}
	}
}

char *cul_rules_plain(const char *text)
{
	char *ret = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&ret, &size);

	if (!out)
		return NULL;
	print_plain(out, cul_str(text ? text : ""));
	if (fclose(out)) {
		free(ret);
		return NULL;
	}
	return ret;
}

/* A node on one line, as YAML's flow style writes it. */
static void print_flow(FILE *out, const struct cul_tree *tree, const struct cul_node *n)
{
	if (n->type == CUL_NODE_SCALAR) {
		struct cul_slice s = cul_node_slice(tree, n);
		bool quote = n->quoted || !s.size;
		if (quote)
			fputc('\'', out);
		for (size_t i = 0; i < s.size; i++) {
			if (quote && s.data[i] == '\'')
				fputc('\'', out);
			fputc(s.data[i] == '\n' ? ' ' : s.data[i], out);
		}
		if (quote)
			fputc('\'', out);
		return;
	}
	bool map = n->type == CUL_NODE_MAP, key = true;
	fputs(map ? "{ " : "[", out);
	for (const struct cul_node *k = n + 1; k < n + n->span;) {
		print_flow(out, tree, k);
		const struct cul_node *next = k + k->span;
		if (map && key)
			fputs(": ", out);
		else if (next < n + n->span)
			fputs(", ", out);
		key = !key;
		k = next;
	}
	fputs(map ? " }" : "]", out);
}

static void print_text(FILE *out, const struct cul_rule *r, const char *lead, const struct cul_node *n, const char *lang)
{
	struct cul_slice s = cul_text_raw(&r->tree, n, lang);
	if (!s.size)
		return;
	fputs(lead, out);
	print_plain(out, s);
	fputc('\n', out);
}

static void print_terms(FILE *out, const struct cul_rule *r, enum cul_part_role role, const char *head)
{
	bool any = false;

	for (size_t i = 0; i < r->term_count; i++) {
		const struct cul_term *t = &r->terms[i];
		if (t->role != role)
			continue;
		if (!any)
			fprintf(out, "\n%s\n", head);
		any = true;
		fprintf(out, "  %s: ", t->name);
		print_flow(out, &r->tree, t->node);
		fputc('\n', out);
	}
}

static void print_list(FILE *out, const struct cul_rule *r, const char *head, const struct cul_node *list, const char *lang)
{
	if (!list || list->span == 1)
		return;
	fprintf(out, "\n%s\n", head);
	for CUL_EACH_NODE(item, list)
		print_text(out, r, "  - ", item, lang);
}

static void print_remedy(FILE *out, const struct cul_rule *r, const char *lang, bool zh)
{
	if (!r->remedy)
		return;
	fprintf(out, "\n%s\n", zh ? "处理办法：" : "What to do:");
	for CUL_EACH_NODE(step, r->remedy) {
		const struct cul_node *run = cul_node_get(&r->tree, step, "run");
		print_text(out, r, "  - ", cul_node_get(&r->tree, step, "do"), lang);
		if (run)
			print_text(out, r, "      $ ", run, lang);
		print_text(out, r, zh ? "      原因：" : "      why: ", cul_node_get(&r->tree, step, "why"), lang);
		print_text(out, r, zh ? "      风险：" : "      risk: ", cul_node_get(&r->tree, step, "risk"), lang);
	}
}

/* A set or a sequence, as its file has it. */
static void print_part(FILE *out, const struct cul_rule *r, const struct cul_cre_part *p, bool zh)
{
	fprintf(out, "\n%s", p->sequence ? (zh ? "依次出现" : "One behind the other") : p->need > 1 ? (zh ? "均须出现，次序不限" : "All of these, in any order") :
		zh ? "须出现" : "Must be there");
	if (p->window)
		fprintf(out, zh ? "，%g 秒之内" : ", within %g s", (double)p->window / 1e9);
	fputs(zh ? "：\n" : ":\n", out);
	for (size_t i = 0; i < p->count; i++) {
		fprintf(out, "  %s: ", p->terms[i].name);
		if (p->terms[i].need > 1)
			fprintf(out, "%zu x ", p->terms[i].need);
		print_flow(out, &r->tree, p->terms[i].node);
		fputc('\n', out);
	}
	if (p->negate_count)
		fprintf(out, "\n%s\n", zh ? "其间不得出现：" : "And none of these meanwhile:");
	for (size_t i = 0; i < p->negate_count; i++) {
		fputs("  - ", out);
		print_flow(out, &r->tree, p->negate[i].node);
		fputc('\n', out);
	}
}

static void print_cre(FILE *out, const struct cul_rule *r, bool zh)
{
	const struct cul_cre *c = r->cre;

	fprintf(out, "%s\n%s\n%s\n", r->id, c->title, c->summary);
	if (c->refused)
		fprintf(out, "\n%s %s\n", zh ? "从不判断：" : "Never judged:", c->refused);
	if (c->root) {
		print_part(out, r, c->root, zh);
		fprintf(out, "\n%s %.2f\n", zh ? "确定性：" : "Certainty:", c->certainty);
	}
	if (c->impact)
		fprintf(out, "\n%s %s\n", zh ? "影响：" : "Impact:", c->impact);
	if (c->step_count)
		fprintf(out, "\n%s\n", zh ? "处理办法：" : "What to do:");
	for (size_t i = 0; i < c->step_count; i++)
		fprintf(out, "  - %s\n", c->steps[i]);
	if (c->reference_count)
		fprintf(out, "\n%s\n", zh ? "参考：" : "References:");
	for (size_t i = 0; i < c->reference_count; i++)
		fprintf(out, "  - %s\n", c->references[i]);
	fprintf(out, "\n(%s)\n", r->file);
}

/* What it tells, of whom, and when two are one. */
static void print_sign(FILE *out, const struct cul_rule *r, const char *lang, bool zh)
{
	static const char *const keys[] = { "about", "for", "reach", "latent", "differs", "of", "fold", "prefer" };
	bool good = r->sign == CUL_SIGN_GOOD;

	fprintf(out, "%s\n", r->id);
	print_text(out, r, "", r->title, lang);
	fprintf(out, "\n%s\n", zh ? (good ? "标志：当时一切正常（报告中的“最后正常”）；不是原因" : "标志：发生了变更（报告中的“其间变化”）；不是原因") :
		good ? "A sign that all was well then (\"last known good\" in a report), no cause" :
		"A sign that something changed (\"changed between\" in a report), no cause");
	print_terms(out, r, CUL_TERM_MUST, zh ? "必须具备：" : "Must be there:");
	fputc('\n', out);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const struct cul_node *v = cul_node_get(&r->tree, r->tree.root, keys[i]);
		if (!v)
			continue;
		fprintf(out, "%s: ", keys[i]);
		print_flow(out, &r->tree, v);
		fputc('\n', out);
	}
	print_list(out, r, zh ? "参考：" : "References:", cul_node_get(&r->tree, r->tree.root, "references"), lang);
	fprintf(out, "\n(%s)\n", r->file);
}

char *cul_rules_words(const struct cul_rules *rules, const char *id, const char *lang)
{
	static const char *const weights[] = { "", "weak", "medium", "strong", "trigger" };
	static const char *const sames[] = { "host", "gpu", "pid", "job", "device", "any" };
	const struct cul_rule *r = cul_rules_find(rules, cul_str(id));
	bool zh = cul_is_zh(lang);
	char *text = NULL;
	size_t size = 0;

	if (!r)
		return NULL;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	if (r->cre) {
		print_cre(out, r, zh);
		fclose(out);
		return text;
	}
	if (r->sign) {
		print_sign(out, r, lang, zh);
		fclose(out);
		return text;
	}
	fprintf(out, "%s\n", r->id);
	print_text(out, r, "", r->title, lang);
	print_text(out, r, "", r->summary, lang);
	print_terms(out, r, CUL_TERM_MUST, zh ? "必须具备：" : "Must be there:");
	print_terms(out, r, CUL_TERM_SOME, zh ? "至少具备其一：" : "One of these at least:");
	print_terms(out, r, CUL_TERM_MAY, zh ? "使其更可信：" : "Makes it surer:");
	print_terms(out, r, CUL_TERM_AGAINST, zh ? "与之相悖：" : "Speaks against it:");
	print_terms(out, r, CUL_TERM_NEVER, zh ? "可排除：" : "Rules it out:");
	fprintf(out, "\n%s %s\n", zh ? "仅凭必要条件的确定性：" : "Certainty of the musts alone:", cul_class_names[r->worth]);
	if (r->settled)
		fprintf(out, zh ? "坐实它的证据（缺少时确定性有上限）：%s\n" : "Settled by (else its certainty is held back): %s\n",
			cul_node_text(&r->tree, cul_node_get(&r->tree, r->tree.root, "settled")));
	if (r->edge_count)
		fprintf(out, "\n%s\n", zh ? "可解释：" : "Explains:");
	for (size_t i = 0; i < r->edge_count; i++)
		fprintf(out, "  - %s (%s %s, %s)\n", r->edges[i].cause, zh ? "同一" : "same", sames[r->edges[i].same], weights[r->edges[i].weight]);
	fprintf(out, "\n%s %s", zh ? "首要动作：" : "Act:", r->act);
	const struct cul_node *list = cul_node_get(&r->tree, r->tree.root, "act");
	size_t n = 0;
	for (const struct cul_node *item = list ? list + 1 : NULL; list && list->type == CUL_NODE_LIST && n < r->act_count; item += item->span, n++)
		fprintf(out, "%s%s, %s %s", zh ? "；" : "; ", r->acts[n].act, zh ? "若" : "where",
			cul_node_text(&r->tree, cul_node_get(&r->tree, item, "when")));
	fputc('\n', out);
	print_remedy(out, r, lang, zh);
	print_list(out, r, zh ? "切勿：" : "Do not:", r->do_not, lang);
	print_list(out, r, zh ? "重启前保留：" : "Capture before a reboot:", r->before_reboot, lang);
	print_list(out, r, zh ? "参考：" : "References:", r->references, lang);
	fprintf(out, "\n(%s)\n", r->file);
	fclose(out);
	return text;
}
