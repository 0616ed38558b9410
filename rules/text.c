/* SPDX-License-Identifier: Apache-2.0 */
/** Texts of a rule with their {expressions} filled in, in the language asked for (English where it is missing). */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "rules/finding.h"

bool cul_is_zh(const char *lang)
{
	return lang && !strncmp(lang, "zh", 2);
}

struct cul_slice cul_text_raw(const struct cul_tree *tree, const struct cul_node *node, const char *lang)
{
	if (!node)
		return CUL_NONE;
	if (node->type == CUL_NODE_SCALAR)
		return cul_node_slice(tree, node);
	const struct cul_node *chosen = cul_node_get(tree, node, cul_is_zh(lang) ? "zh" : "en");
	if (!chosen)
		chosen = cul_node_get(tree, node, "en");
	return chosen && chosen->type == CUL_NODE_SCALAR ? cul_node_slice(tree, chosen) : CUL_NONE;
}

/* What stands for a value that isn't known: "?" for people, <name> in a command. */
static const char *blank(struct cul_arena *arena, struct cul_slice expr, enum cul_text_style style)
{
	if (style == CUL_TEXT_PROSE)
		return "?";
	size_t at = expr.size;
	while (at && ((expr.data[at - 1] >= 'a' && expr.data[at - 1] <= 'z') || expr.data[at - 1] == '_'))
		at--;
	return at == expr.size ? "?" : cul_arena_printf(arena, "<%.*s>", (int)(expr.size - at), expr.data + at);
}

const char *cul_rule_text(struct cul_match *m, const struct cul_node *node, enum cul_text_style style)
{
	struct cul_slice text = cul_text_raw(&m->rule->tree, node, m->judge->lang);
	char *out = NULL;
	size_t size = 0;

	if (!text.data)
		return NULL;
	if (!memchr(text.data, '{', text.size) && !memchr(text.data, '}', text.size))
		return text.data; /* a NUL stands behind it */
	FILE *f = open_memstream(&out, &size);
	if (!f)
		return text.data;
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		if ((c == '{' || c == '}') && i + 1 < text.size && text.data[i + 1] == c) {
			fputc(c, f);
			i++;
			continue;
		}
		const char *end = c == '{' ? memchr(text.data + i, '}', text.size - i) : NULL;
		if (!end) {
			fputc(c, f);
			continue;
		}
		struct cul_slice inner = cul_slice(text.data + i + 1, (size_t)(end - text.data) - i - 1);
		struct cul_scope scope = { .rules = (struct cul_rules *)(uintptr_t)m->judge->rules,
					   .rule = (struct cul_rule *)(uintptr_t)m->rule, .term = -1, .late = true,
					   .terms = m->rule->term_count, .lets = m->rule->let_count, .arena = m->judge->arena,
					   .file = m->rule->file, .line = node->line, .column = node->column };
		const struct cul_expr *e;
		struct cul_val v = { .type = CUL_V_UNKNOWN };
		if (cul_expr_parse(&scope, inner, &e, NULL) == CUL_OK)
			v = cul_eval(m, e, NULL);
		if (v.type == CUL_V_LIST && style == CUL_TEXT_COMMAND && v.list->count)
			v = v.list->items[0];
		const char *value = v.type == CUL_V_UNKNOWN ? blank(m->judge->arena, inner, style) : cul_val_text(m->judge->arena, v);
		fputs(value ? value : "?", f);
		i = (size_t)(end - text.data);
	}
	fclose(f);
	const char *kept = out ? cul_arena_copy(m->judge->arena, cul_slice(out, size)) : NULL;
	free(out);
	return kept;
}

struct cul_value cul_text_value(struct cul_arena *arena, struct cul_val v)
{
	char buffer[32];
	struct cul_value out = { 0 };

	switch (v.type) {
	case CUL_V_INT:
		out.type = CUL_INT;
		out.i = v.i;
		break;
	case CUL_V_FLAG:
		out.type = CUL_FLAG;
		out.i = v.i;
		break;
	case CUL_V_REAL:
		out.type = CUL_REAL;
		out.r = v.r;
		break;
	case CUL_V_TIME:
		out.type = CUL_TEXT;
		out.s = cul_str(cul_arena_copy(arena, cul_str(cul_clock_print(v.i, buffer))));
		break;
	case CUL_V_TEXT:
	case CUL_V_VERSION:
		out.type = CUL_TEXT;
		out.s = cul_slice(cul_arena_copy(arena, v.s), v.s.size);
		break;
	default:
		break;
	}
	if (out.type == CUL_TEXT && !out.s.data)
		out.type = CUL_ABSENT;
	return out;
}

/* What shows a stream, when the rule doesn't say. */
static const struct { const char *stream, *command; } commands[] = {
	{ "kernel", "journalctl -k -b -o short-iso-precise" }, { "log", "journalctl -b -o short-iso-precise" },
	{ "ps", "ps -eLo pid,ppid,tid,user,stat,pcpu,pmem,rss,wchan:32,lstart,comm,args" }, { "top", "top -b -n 2 -d 5" },
	{ "stack", "for p in $(ps -eo pid,stat | awk '$2 ~ /D/ {print $1}'); do echo \"== $p\"; cat /proc/$p/stack; done" },
	{ "nvidia_smi", "nvidia-smi" }, { "nvidia_smi_q", "nvidia-smi -q" }, { "rocm_smi", "rocm-smi -a" }, { "amd_smi", "amd-smi metric --json" },
	{ "lspci", "lspci -vvv" }, { "meminfo", "cat /proc/meminfo" }, { "free", "free -m" }, { "vmstat", "vmstat 1 30" }, { "df", "df -h" },
	{ "uptime", "uptime" }, { "gdb", "gdb -p PID -batch -ex 'thread apply all bt'" }, { "py_spy", "py-spy dump --pid PID" },
};

const char *cul_text_capture(struct cul_match *m, const struct cul_term *t)
{
	const struct cul_rule *r = m->rule;
	const char *stream = cul_term_stream(t);

	if (t->capture)
		return cul_rule_text(m, t->capture, CUL_TEXT_COMMAND);
	const struct cul_node *n = cul_node_get(&r->tree, r->capture, t->name);
	for (size_t k = 0; !n && k < t->kind_count; k++)
		n = cul_node_get(&r->tree, r->capture, t->kinds[k]->name);
	if (!n && t->kind_missing) {
		const struct cul_node *kind = cul_node_get(&r->tree, t->node, "kind");
		if (kind && kind->type == CUL_NODE_SCALAR)
			n = cul_node_get(&r->tree, r->capture, cul_node_text(&r->tree, kind));
	}
	if (!n && stream)
		n = cul_node_get(&r->tree, r->capture, stream);
	if (n)
		return cul_rule_text(m, n, CUL_TEXT_COMMAND);
	for (size_t i = 0; stream && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].stream, stream))
			return commands[i].command;
	return NULL;
}

const char *cul_text_missing(struct cul_arena *arena, const char *lang, const char *stream)
{
	bool zh = cul_is_zh(lang);

	if (stream == cul_rescan)
		return zh ? "需要重新扫描：该案例扫描时未查找此规则的内容" : "rescan needed: the scan of this case did not look for what this rule asks";
	if (!stream)
		return zh ? "该证据在所提供的材料中无法判断" : "what was handed in does not tell";
	if (!strcmp(stream, "kernel"))
		return zh ? "未提供覆盖该时段的内核日志" : "no kernel log of that time was handed in";
	if (!strcmp(stream, "log"))
		return zh ? "未提供覆盖该时段的日志" : "no log of that time was handed in";
	return cul_arena_printf(arena, zh ? "未提供 %s 的输出" : "no output of %s was handed in", stream);
}
