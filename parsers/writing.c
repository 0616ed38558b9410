/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a member source code, a history of changes or a manual? Such texts quote every error message there is ("#define ENOSPC 28
 * /+ No space left on device +/", "* Fix list_add corruption in ...") and nothing happened to anybody.
 *
 * By name where the name is plain: the suffix of a programming language or of a typeset manual, and the names that the GNU coding
 * standards, Debian policy and kernel.org give to histories and licences. A renamed one by its first lines: code opens with comments,
 * #include, import, and ends its lines with ; { }.
 * Not asked of .txt and the like: there a script and its output stand together. Logs, captures, tickets (.md, README) and settings are none of these.
 *
 * So are definitions of alerts and rules (Prometheus, Falco, Sigma, node-problem-detector, CRE, this program's own), which hold the
 * messages they wait for, and pages that tell what to do about a message: headings, and sentences like "If you see ...".
 *
 * And what a test that passed printed in a log of pytest (-s, live logs, -rP), go test -v, ctest -V or GoogleTest: it provoked that.
 *
 * A postmortem and a closed ticket that tell what was done since (unless the cause is still asked for), and a mail that says that an alert is over (Alertmanager's and Grafana's "[RESOLVED]" and webhooks,
 * Zabbix' "Resolved:", Nagios' "RECOVERY") report none either, nor does a sentence of a ticket about the past or another machine: "last
 * month gpu-07 died with `NVRM: Xid ...`", "people get `...` there", a pasted block that is led in so, and a list of what is done. In
 * a monitor's own log an alert that the same log takes back is none.
 */
#include "parsers/writing.h"

#include <ctype.h>

#include "base/slice.h"

static const char *const suffixes[] = {
	".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".inc", ".def", ".cu", ".cuh", ".hip", ".S", ".s", ".ll", ".py", ".pyi", ".pyx",
	".pyc", ".go", ".rs", ".java", ".kt", ".scala", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".rb", ".pl", ".pm", ".pod", ".lua", ".tcl",
	".el", ".m4", ".am", ".cmake", ".proto", ".css", ".scss", ".html", ".htm", ".xhtml", ".rst", ".tex", ".texi", ".po", ".pot", ".diff",
	".patch", ".sql", "bash_history", "zsh_history", ".1", ".2", ".3", ".5", ".7", ".8", ".ipynb",
};

/* The whole name without folders, or the name up to a '.', '-' or '_'. */
static const char *const names[] = {
	"changelog", "changes", "news", "history", "copyright", "copying", "licence", "license", "authors", "thanks", "relnotes", "release-notes",
	"releasenotes", "todo", "faq", "maintainers", "contributing",
};

/* A man page's suffix is also that of a rotated log: "syslog.1". A page is a member of man1/ ... man8/. */
static bool is_page(struct cul_slice member, struct cul_slice suffix)
{
	char folder[] = "man0/";
	folder[3] = suffix.data[1];
	return cul_has(member, cul_str(folder));
}

static struct cul_slice base_name(struct cul_slice member)
{
	struct cul_slice name = member;
	for (size_t i = name.size; i--;)
		if (name.data[i] == '!' || name.data[i] == '/') {
			name = cul_from(name, i + 1);
			break;
		}
	static const char *const packed[] = { ".gz", ".xz", ".bz2", ".zst" };
	for (size_t i = 0; i < sizeof(packed) / sizeof(*packed) && memrchr(name.data, '.', name.size); i++)
		if (cul_ends(name, cul_str(packed[i])))
			name.size -= strlen(packed[i]);
	return name;
}

/* Does the name end in one of these, each of which has one dot, at its start? */
static bool has_suffix(struct cul_slice name, const char *const *ends, size_t count)
{
	const char *dot = name.size ? memrchr(name.data, '.', name.size) : NULL;
	struct cul_slice suffix = dot ? cul_slice(dot, (size_t)(name.data + name.size - dot)) : CUL_NONE;
	for (size_t i = 0; i < count && suffix.size > 1; i++)
		if (suffix.data[1] == ends[i][1] && cul_is(suffix, cul_str(ends[i])))
			return true;
	return false;
}

static bool by_name(struct cul_slice member, struct cul_slice name)
{
	const char *dot = name.size ? memrchr(name.data, '.', name.size) : NULL, *end = name.data + name.size; /* each suffix has one, at its start */
	for (size_t i = 0; dot && i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		if (dot + 1 == end || suffixes[i][1] != dot[1])
			continue;
		struct cul_slice suffix = cul_str(suffixes[i]);
		if (name.size > suffix.size && cul_ends(name, suffix) && (suffix.size != 2 || suffix.data[1] > '9' || is_page(member, suffix)))
			return true;
	}
	if (cul_ends(name, CUL_LIT(".log")) || cul_ends(name, CUL_LIT(".out")))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!name.size || (name.data[0] | 0x20) != names[i][0])
			continue;
		struct cul_slice n = cul_str(names[i]);
		if (name.size < n.size || !cul_is_nocase(cul_slice(name.data, n.size), n))
			continue;
		char next = name.size > n.size ? name.data[n.size] : '.';
		if (next == '.' || next == '-' || next == '_')
			return true;
	}
	return cul_has(member, CUL_LIT("RelNotes/"));
}

static bool is_code(struct cul_slice line)
{
	static const char *const begins[] = { "/*", "* ", "*/", "//", "#include", "#define", "#if", "#endif", "#else", "#undef", "#pragma", "import ",
					      "static ", "extern ", "typedef ", "struct ", "namespace ", "using ", "def ", "class ", "return ",
					      "package ", "func ", "fn ", "let ", "const ", "\"\"\"", "else", "if (", "for (" };
	struct cul_slice text = cul_trim(line);
	for (size_t i = 0; i < sizeof(begins) / sizeof(*begins); i++)
		if (cul_starts(text, cul_str(begins[i])))
			return true;
	if (text.size && text.size < 200) {
		char last = text.data[text.size - 1];
		return last == ';' || (last == '{' && text.data[0] != '{' && !cul_has(text, CUL_LIT("\":"))) || cul_is(text, CUL_LIT("}")) ||
		       cul_is(text, CUL_LIT("*"));
	}
	return false;
}

static bool by_lines(struct cul_lines *lines)
{
	struct cul_line line;
	size_t code = 0, told = 0, strong = 0;
	if (!cul_lines_peek(lines, 11, &line))
		return false;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line); i++) {
		if (!cul_trim(line.text).size)
			continue;
		told++;
		code += is_code(line.text);
		strong += cul_starts(line.text, CUL_LIT("#include")) || cul_starts(line.text, CUL_LIT("#define")) || cul_starts(line.text, CUL_LIT("#ifndef")) ||
			  cul_starts(line.text, CUL_LIT("import ")) || cul_starts(line.text, CUL_LIT("package ")) || cul_starts(line.text, CUL_LIT("using ")) ||
			  (cul_starts(line.text, CUL_LIT("from ")) && cul_has(line.text, CUL_LIT(" import ")));
	}
	return told >= 12 && strong && code * 10 >= told * 6;
}

/* A person's notes may begin with a script and go on with what it printed. */
static bool is_notes(struct cul_slice name)
{
	static const char *const ends[] = { ".txt", ".log", ".out", ".err", ".md" };
	return has_suffix(name, ends, sizeof(ends) / sizeof(*ends)) || cul_ends(name, CUL_LIT("stdin"));
}

/* The letters of a line "key:", "- key:" or "\"key\":", whatever follows; else nothing. */
static struct cul_slice key_of(struct cul_slice line)
{
	struct cul_slice text = cul_trim(line);
	size_t n = 0;
	while (text.size && (text.data[0] == '-' || text.data[0] == ' ' || text.data[0] == '{' || text.data[0] == '"')) {
		text.data++;
		text.size--;
	}
	while (n < text.size && isalpha((unsigned char)text.data[n]))
		n++;
	struct cul_slice rest = cul_from(text, n);
	return cul_starts(rest, CUL_LIT(":")) || cul_starts(rest, CUL_LIT("\":")) ? cul_slice(text.data, n) : CUL_NONE;
}

/* "- word: ..." or "word: ...", "\"word\": ...": a line of YAML or JSON. */
static bool is_setting(struct cul_slice line)
{
	size_t i = 0, from;
	while (i < line.size && (line.data[i] == ' ' || line.data[i] == '-' || line.data[i] == '{' || line.data[i] == '"'))
		i++;
	for (from = i; i < line.size && (isalnum((unsigned char)line.data[i]) || line.data[i] == '_' || line.data[i] == '-' || line.data[i] == '.'); i++)
		;
	if (i > from && i < line.size && line.data[i] == '"')
		i++;
	return i > from && i < line.size && line.data[i] == ':' && (i + 1 == line.size || line.data[i + 1] == ' ');
}

/*
 * Each kind of definition by two keys that stand together nowhere else; @least: and so many of ten lines in view have to look like
 * settings. @fenced: no farther than to the end of a fence.
 */
static bool by_keys(struct cul_lines *lines, size_t least, bool fenced)
{
#define PAIR(a, b) { { a, sizeof(a) - 1 }, { b, sizeof(b) - 1 } }
	static const struct cul_slice pairs[][2] = { PAIR("alert", "expr"), PAIR("rule", "condition"), PAIR("logsource", "detection"), PAIR("logPath", "rules"),
						     PAIR("must", "certainty"), PAIR("some", "certainty"), PAIR("cre", "rule"), PAIR("condition", "noDataState"),
						     PAIR("reason", "pattern"), PAIR("alert", "annotations"), PAIR("query", "message") };
#undef PAIR
	unsigned first = 0, second = 0;
	size_t told = 0, settings = 0;
	struct cul_line line;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line) && !(fenced && cul_starts(line.text, CUL_LIT("```"))); i++) {
		if (!line.text.size || !memchr(line.text.data, ':', line.text.size))
			continue;
		struct cul_slice key = key_of(line.text);
		for (size_t k = 0; key.size && k < sizeof(pairs) / sizeof(*pairs); k++) {
			first |= (unsigned)(key.data[0] == pairs[k][0].data[0] && cul_is(key, pairs[k][0])) << k;
			second |= (unsigned)(key.data[0] == pairs[k][1].data[0] && cul_is(key, pairs[k][1])) << k;
		}
	}
	if (!(first & second))
		return false;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line) && !(fenced && cul_starts(line.text, CUL_LIT("```"))); i++) {
		told += cul_trim(line.text).size != 0;
		settings += is_setting(line.text);
	}
	return settings * 10 >= told * least;
}

/* Kubernetes objects that hold texts for somebody else: no state of anything. */
static bool by_object(struct cul_lines *lines, bool fenced)
{
	static const char *const objects[] = { "ConfigMap", "PrometheusRule", "VMRule", "CustomResourceDefinition", "Secret" };
	struct cul_line line;
	bool versioned = false, object = false;
	for (size_t i = 0; i < 12 && cul_lines_peek(lines, i, &line) && !(fenced && cul_starts(line.text, CUL_LIT("```"))); i++) {
		struct cul_slice text = cul_trim(line.text), value;
		versioned |= cul_starts(text, CUL_LIT("apiVersion: "));
		for (size_t k = 0; k < sizeof(objects) / sizeof(*objects); k++)
			object |= cul_starts(text, CUL_LIT("kind: ")) && cul_cut(text, CUL_LIT("kind: "), NULL, &value) && cul_is(cul_trim(value), cul_str(objects[k]));
	}
	return versioned && object;
}

static bool is_settings(struct cul_slice name)
{
	static const char *const ends[] = { ".yaml", ".yml", ".json", ".rules", ".rule", ".conf", ".toml" };
	return has_suffix(name, ends, sizeof(ends) / sizeof(*ends));
}

/* "## CUDA out of memory", then "If you see ..., lower ...": a page about troubles. A ticket's headings ask (Describe the bug) and its text tells. */
static bool by_advice(struct cul_slice name, struct cul_lines *lines)
{
	static const char *const advice[] = { "f you see ", "f you get ", "f you encounter ", "hen you see ", "ou may see ", "ou might see ", "usually means", "his means that ",
					      "s caused by ", "be caused by ", "o fix th", "**cause", "**solution", "**fix", "**resolution", "**symptom", "## solution",
					      "## cause", "## symptom", "## resolution", "## how to fix", "# troubleshooting", "## error", "## common ", "**symptoms" };
	static const char *const named[] = { "troubleshoot", "runbook", "playbook", "known-issue", "known_issue", "error-codes", "cheatsheet", "howto", "how-to" };
	struct cul_line line;
	bool fenced = false;
	size_t headings = 0;
	unsigned seen = 0, kinds = 0, told = 0;
	if (!cul_ends(name, CUL_LIT(".md")) && !cul_ends(name, CUL_LIT(".txt")) && !cul_ends(name, CUL_LIT(".adoc")) && !cul_ends(name, CUL_LIT(".markdown")))
		return false;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line); i++) {
		char low[256];
		if (cul_starts(line.text, CUL_LIT("```")))
			fenced = !fenced;
		if (fenced) /* pasted */
			continue;
		struct cul_slice text = { .data = low, .size = line.text.size < sizeof(low) ? line.text.size : sizeof(low) };
		for (size_t k = 0; k < text.size; k++)
			low[k] = (char)(line.text.data[k] >= 'A' && line.text.data[k] <= 'Z' ? line.text.data[k] | 0x20 : line.text.data[k]);
		told += text.size != 0;
		headings += cul_starts(text, CUL_LIT("#")) && text.size < 120;
		for (size_t k = 0; k < sizeof(advice) / sizeof(*advice); k++)
			seen |= (unsigned)cul_has(text, cul_str(advice[k])) << k;
	}
	for (; seen; seen &= seen - 1)
		kinds++;
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		if (cul_find_nocase(name, cul_str(named[i])) != SIZE_MAX)
			return headings >= 2 && kinds;
	return told >= 6 && headings >= 3 && kinds >= 3;
}

/* ---- tests ---------------------------------------------------------------------------------- */

enum trial { NONE, BEGINS, PASSED, ENDS };

/* What a CI runner puts before each line of a job's log: "2026-05-05T08:00:51.1201123Z ". */
static struct cul_slice without_stamp(struct cul_slice line)
{
	size_t end = line.size > 21 && line.data[4] == '-' && line.data[10] == 'T' && isdigit((unsigned char)line.data[0]) ? 19 : 0;
	while (end && end < 32 && end + 1 < line.size && line.data[end] != 'Z')
		end++;
	return end && line.data[end] == 'Z' && line.data[end + 1] == ' ' ? cul_from(line, end + 2) : line;
}

static enum trial trial_of(struct cul_slice line)
{
	static const struct {
		const char *word;
		enum trial means;
	} words[] = {
		{ "=== RUN  ", BEGINS }, { "=== CONT ", BEGINS }, { "--- PASS: ", PASSED }, { "--- FAIL: ", ENDS }, { "--- SKIP: ", ENDS },
		{ "[ RUN      ]", BEGINS }, { "[       OK ]", PASSED }, { "[  FAILED  ]", ENDS }, { "[  SKIPPED ]", ENDS },
		{ "live log setup ---", BEGINS }, { "live log call ---", BEGINS }, { "live log teardown ---", BEGINS },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (cul_has(line, cul_str(words[i].word)))
			return words[i].means;
	/* ctest -V: "      Start  1: name", "1: its output", " 1/12 Test  #1: name ....   Passed    0.10 sec" */
	struct cul_slice text = cul_trim(line);
	if (cul_skip(&text, CUL_LIT("Start ")) && (text = cul_trim(text)).size && isdigit((unsigned char)text.data[0]) && cul_has(text, CUL_LIT(": ")))
		return BEGINS;
	if (cul_has(line, CUL_LIT(" Test ")) && cul_has(line, CUL_LIT(" #")) && cul_has(line, CUL_LIT(" sec")))
		return cul_has(line, CUL_LIT(".   Passed ")) ? PASSED : ENDS;
	if (cul_starts(line, CUL_LIT("PASSED")) && (line.size == 6 || line.data[6] == ' '))
		return PASSED;
	if (cul_starts(line, CUL_LIT("FAILED")) || cul_starts(line, CUL_LIT("ERROR  ")) || cul_starts(line, CUL_LIT("SKIPPED")))
		return cul_has(line, CUL_LIT("%]")) || cul_is(cul_trim(line), CUL_LIT("FAILED")) ? ENDS : NONE;
	size_t at = cul_find(line, CUL_LIT(".py::"));
	if (at < 200 && !cul_has(cul_slice(line.data, at), CUL_LIT(" ")))
		return cul_has(line, CUL_LIT(" PASSED")) || cul_has(line, CUL_LIT(" FAILED")) || cul_has(line, CUL_LIT(" SKIPPED")) ? ENDS : BEGINS;
	return NONE;
}

bool cul_begins_trials(struct cul_slice line)
{
	if (cul_starts(without_stamp(line), CUL_LIT("Test project /")))
		return true;
	return line.size && memchr(line.data, '=', line.size) &&
	       (cul_has(line, CUL_LIT("= test session starts =")) || cul_has(line, CUL_LIT("= PASSES =")) || cul_has(line, CUL_LIT("=== RUN  ")) ||
		cul_has(line, CUL_LIT("[==========] Running ")));
}

bool cul_is_trials(struct cul_lines *lines)
{
	struct cul_line line;
	/* a job of GitHub's runner (it stamps with seven digits): its tests may begin anywhere */
	if (cul_lines_peek(lines, 0, &line) && line.text.size > 29 && line.text.data[19] == '.' && line.text.data[27] == 'Z' && without_stamp(line.text).size < line.text.size)
		return true;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line); i++)
		if (cul_begins_trials(line.text))
			return true;
	return false;
}

/* The nearest heading above is that of pytest's report on tests that passed. */
static bool is_passes(struct cul_slice line, bool *heading)
{
	*heading = line.size >= 40 && cul_starts(line, CUL_LIT("=====")) && cul_ends(cul_trim(line), CUL_LIT("====="));
	return *heading && cul_has(line, CUL_LIT("= PASSES ="));
}

bool cul_in_passed_trial(struct cul_lines *lines)
{
	struct cul_above above = { .itself = true };
	struct cul_line line;
	/* with pytest -s the first words of a test stand behind its name */
	bool heading = false, itself = cul_lines_peek(lines, 0, &line) && trial_of(without_stamp(line.text)) == BEGINS, begun = itself;
	for (size_t i = 0; i < 200 && !begun && cul_lines_above(lines, &above, &line); i++) {
		if (is_passes(without_stamp(line.text), &heading))
			return true;
		enum trial t = trial_of(without_stamp(line.text));
		if (heading || t == PASSED || t == ENDS)
			break;
		begun = t == BEGINS;
	}
	for (size_t i = itself; begun && i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line); i++) {
		enum trial t = trial_of(without_stamp(line.text));
		if (t == PASSED)
			return true;
		if (t == ENDS || (t == BEGINS && !cul_has(line.text, CUL_LIT("live log"))))
			return false;
	}
	return false;
}


/* A history of commits (git log, git show) or a difference of texts: it begins so. */
static bool by_commit(struct cul_lines *lines)
{
	struct cul_line line, next;
	for (size_t i = 0; i < 4 && cul_lines_peek(lines, i, &line); i++) {
		struct cul_slice text = line.text, hash;
		if (!text.size || !memchr("d-c", text.data[0], 3))
			continue;
		bool more = cul_lines_peek(lines, i + 1, &next);
		if (cul_starts(text, CUL_LIT("diff --git a/")) || (cul_starts(text, CUL_LIT("--- a/")) && more && cul_starts(next.text, CUL_LIT("+++ b/"))))
			return true;
		if (!cul_skip(&text, CUL_LIT("commit ")))
			continue;
		hash = cul_word(&text);
		size_t hex = 0;
		while (hex < hash.size && isxdigit((unsigned char)hash.data[hex]))
			hex++;
		if (hex == hash.size && (hex == 40 || hex == 64) && more && (cul_starts(next.text, CUL_LIT("Author: ")) || cul_starts(next.text, CUL_LIT("Merge: "))))
			return true;
	}
	return false;
}

/* Code: what its language says at the start of a line. A traceback or a log under "```python" has nothing of it. */
static bool by_code(struct cul_lines *lines)
{
	static const char *const heads[] = { "def ", "import ", "func ", "fn ", "class ", "package ", "#include", "#!/", "from " };
	struct cul_line line;
	size_t code = 0, told = 0;
	bool head = false;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line) && !cul_starts(line.text, CUL_LIT("```")); i++) {
		struct cul_slice text = cul_trim(line.text);
		if (cul_starts(text, CUL_LIT("Traceback ")) || cul_starts(text, CUL_LIT("File \"")) || cul_starts(text, CUL_LIT("[")))
			return false;
		told += text.size != 0;
		code += is_code(line.text) && !cul_starts(text, CUL_LIT("* ")); /* what curl -v says */
		for (size_t k = 0; i < 3 && k < sizeof(heads) / sizeof(*heads); k++)
			head |= cul_starts(line.text, cul_str(heads[k]));
	}
	return told >= 3 && code * 10 >= told * (head ? 3 : 6);
}

/* ---- mails and tickets ---------------------------------------------------------------------- */

/* A mail by its heads, whose subject says that the alert has gone. One that also tells of new ones does not. */
static bool by_all_clear(struct cul_lines *lines)
{
	static const char *const over[] = { "[RESOLVED", "[OK]", "Resolved:", "RESOLVED:", "RECOVERY", "[Recovered]", "[Resolved" };
	static const char *const heads[] = { "From: ", "To: ", "Date: ", "Message-ID: ", "Return-Path: ", "Received: ", "Delivered-To: ", "MIME-Version: " };
	struct cul_line line;
	size_t seen = 0;
	bool gone = false;
	for (size_t i = 0; i < 60 && cul_lines_peek(lines, i, &line) && (i || line.text.size) && cul_trim(line.text).size; i++) {
		if (!memchr("FTDMRS", line.text.data[0], 6))
			continue;
		for (size_t k = 0; k < sizeof(heads) / sizeof(*heads); k++)
			seen += cul_starts(line.text, cul_str(heads[k]));
		if (!cul_starts(line.text, CUL_LIT("Subject: ")))
			continue;
		for (size_t k = 0; k < sizeof(over) / sizeof(*over); k++)
			gone |= cul_has(line.text, cul_str(over[k]));
		gone &= !cul_has(line.text, CUL_LIT("FIRING"));
	}
	return gone && seen >= 2;
}

static bool has_one(struct cul_slice text, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (cul_find_nocase(text, cul_str(words[i])) != SIZE_MAX)
			return true;
	return false;
}

/* It is written down, but nobody knows yet why: then it is asked about. */
static bool is_unanswered(struct cul_slice line)
{
	static const char *const open[] = { "root cause: open", "root cause: unknown", "root cause: tbd", "root cause: pending", "root cause unknown", "cause is unknown",
					    "cause unknown", "not yet known", "under investigation", "to be determined", "please analy", "please find out", "reopen",
					    "根因未明", "原因未知", "原因不明", "请分析", "重新打开" };
	return has_one(line, open, sizeof(open) / sizeof(*open));
}

/* "Ticket #12   Status: Closed" and what was done: nobody asks about that any more. */
static bool by_closed_ticket(struct cul_slice name, struct cul_lines *lines)
{
	static const char *const heads[] = { "ticket", "issue", "incident", "case", "request", "工单" };
	static const char *const shut[] = { "closed", "resolved", "done", "completed", "fixed", "已关闭", "已解决", "已完成" };
	static const char *const done[] = { "replaced", "swapped", "repaired", "verified", "rebuilt", "fixed by", "closing", "已更换", "已修复", "已确认" };
	struct cul_line line;
	bool headed = false, over = false, mended = false;
	if (!is_notes(name))
		return false;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line); i++) {
		struct cul_slice text = cul_trim(line.text);
		size_t word = cul_find_nocase(text, CUL_LIT("type: ")) == 0 ? 6 : 0; /* "Type: Incident" */
		for (size_t k = 0; i < 4 && text.size < 200 && k < sizeof(heads) / sizeof(*heads); k++)
			headed |= cul_find_nocase(cul_from(text, word), cul_str(heads[k])) < 4;
		if (!headed && i > 4)
			return false;
		size_t at = i < 12 ? cul_find_nocase(text, CUL_LIT("status: ")) : SIZE_MAX;
		if (at == SIZE_MAX && i < 12 && (at = cul_find(text, CUL_LIT("状态："))) != SIZE_MAX)
			at++; /* nine bytes */
		struct cul_slice state = at == SIZE_MAX ? CUL_NONE : cul_trim(cul_from(text, at + 8));
		for (size_t k = 0; state.size && k < sizeof(shut) / sizeof(*shut); k++)
			over |= cul_find_nocase(state, cul_str(shut[k])) == 0;
		for (size_t k = 0; k < sizeof(done) / sizeof(*done); k++)
			mended |= cul_find_nocase(text, cul_str(done[k])) != SIZE_MAX;
		if (is_unanswered(text))
			return false;
	}
	return headed && over && mended;
}

/* "# Postmortem: ..." with what was done since: the record of an incident that is over. */
static bool by_postmortem(struct cul_slice name, struct cul_lines *lines)
{
	static const char *const heads[] = { "postmortem", "post-mortem", "post mortem", "事后复盘", "事故复盘" };
	static const char *const done[] = { "resolved", "action items", "corrective actions", "已解决", "改进措施" };
	struct cul_line line;
	bool headed = false, over = false;
	if (!is_notes(name))
		return false;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line); i++) {
		bool heading = cul_starts(line.text, CUL_LIT("#")) || (i < 3 && line.text.size < 120);
		for (size_t k = 0; heading && k < sizeof(heads) / sizeof(*heads); k++)
			headed |= cul_find_nocase(line.text, cul_str(heads[k])) != SIZE_MAX;
		if (!headed && i > 8)
			return false;
		for (size_t k = 0; headed && k < sizeof(done) / sizeof(*done); k++)
			over |= cul_find_nocase(line.text, cul_str(done[k])) != SIZE_MAX;
		if (is_unanswered(line.text))
			return false;
	}
	return headed && over;
}

/* "..., and we get the same here": the writer's own. */
static bool is_own(struct cul_slice text)
{
	static const char *const words[] = { "same", " too", " also", "as well", " here", " now", " but ", " we ", " i ", "my ", "our ", "this ", "similar", " me ", " us ",
					     "我", "本机", "也" };
	return has_one(text, words, sizeof(words) / sizeof(*words));
}

/* "I read #8674 where people get `...`": other people's. */
static bool is_others(struct cul_slice text)
{
	static const char *const words[] = { "people get ", "people see ", "people report", "people had ", "people have ", "others get ", "others see ", "others report", "users report",
					     "users get ", "users see " };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t at = cul_find_nocase(text, cul_str(words[i]));
		if (at != SIZE_MAX)
			return !is_own(cul_from(text, at));
	}
	return false;
}

/* Does this part of a sentence speak of long ago or of another machine? */
static bool is_elsewhere(struct cul_slice text)
{
	if (is_others(text))
		return true;
	static const char *const words[] = { "last month", "last year", "months ago", "years ago", "back then", "on another ", "on the other ", "on a different ",
					     "上个月", "去年", "几个月前", "在另一台", "在其他机器" };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t at = cul_find_nocase(text, cul_str(words[i]));
		if (at == SIZE_MAX)
			continue;
		/* "since last month", "自上个月以来": it goes on */
		struct cul_slice before = cul_trim(cul_slice(text.data, at));
		if (!(before.size >= 5 && cul_is_nocase(cul_from(before, before.size - 5), CUL_LIT("since"))) && !cul_ends(before, CUL_LIT("自")) &&
		    !cul_ends(before, CUL_LIT("从")))
			return true;
	}
	return false;
}

/* Its first lines are the heads of a mail. */
static bool is_mail(struct cul_lines *lines)
{
	struct cul_line line;
	bool from = false, subject = false;
	for (size_t i = 0; i < 60 && cul_lines_peek(lines, i, &line) && cul_trim(line.text).size; i++) {
		from |= cul_starts(line.text, CUL_LIT("From: "));
		subject |= cul_starts(line.text, CUL_LIT("Subject: "));
	}
	return from && subject;
}

bool cul_is_letter(struct cul_slice name)
{
	static const char *const ends[] = { ".md", ".markdown", ".eml" };
	return has_suffix(name, ends, sizeof(ends) / sizeof(*ends));
}

bool cul_is_ticket(struct cul_slice member, struct cul_lines *lines)
{
	struct cul_slice name = base_name(member);
	struct cul_line line;
	if (cul_is_letter(name))
		return true;
	if (!cul_ends(name, CUL_LIT(".txt")) && !cul_is(name, CUL_LIT("stdin")))
		return false;
	size_t told = 0, items = 0;
	if (is_mail(lines))
		return true;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line); i++) {
		if (cul_starts(line.text, CUL_LIT("```")))
			return true;
		told += cul_trim(line.text).size != 0;
		items += cul_starts(line.text, CUL_LIT("- ")) && line.text.size > 30 && !is_setting(line.text);
	}
	return items >= 2 && items * 2 >= told; /* somebody's list: a handover, say */
}

/* "- node c-22: sdb replaced ("critical medium error, dev sdb"), array rebuilt, closed.": an item of a list that is done. */
static bool is_done_item(struct cul_slice line)
{
	static const char *const ends[] = { "closed", "resolved", "done", "fixed", "mended", "已关闭", "已解决", "已修复", "已处理" };
	struct cul_slice text = cul_trim(line);
	if (!cul_skip(&text, CUL_LIT("- ")) && !cul_skip(&text, CUL_LIT("* ")) && !cul_skip(&text, CUL_LIT("• ")))
		return false;
	while (text.size && strchr(".!)", text.data[text.size - 1]))
		text.size--;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		size_t n = strlen(ends[i]);
		if (text.size < n + 8 || !strchr(" ,;:(", text.data[text.size - n - 1]) || !cul_is_nocase(cul_from(text, text.size - n), cul_str(ends[i])))
			continue;
		struct cul_slice before = cul_slice(text.data + text.size - n - 8, 8); /* "not fixed", "to be closed" */
		return !is_unanswered(text) && !cul_has(before, CUL_LIT("not ")) && !cul_has(before, CUL_LIT("n't ")) && !cul_has(before, CUL_LIT(" be "));
	}
	return cul_ends(text, CUL_LIT("已关闭")) || cul_ends(text, CUL_LIT("已解决"));
}

bool cul_is_hearsay(struct cul_slice line)
{
	struct cul_slice rest = line;
	bool told = false;
	if (is_done_item(line))
		return true;
	/* `what is quoted` counts, each by its own sentence up to there */
	while (rest.size) {
		const char *open = memchr(rest.data, '`', rest.size);
		struct cul_slice before = open ? cul_slice(rest.data, (size_t)(open - rest.data)) : rest;
		size_t from = before.size;
		while (from && !((before.data[from - 1] == '.' || before.data[from - 1] == ';' || before.data[from - 1] == '!' || before.data[from - 1] == '?') &&
				 (from == before.size || before.data[from] == ' ')))
			from--;
		if (!open) /* nothing quoted at all: one sentence, which has to say so */
			return told || (rest.data == line.data && !cul_has(rest, CUL_LIT(". ")) && is_elsewhere(rest));
		/* "people get `...` or `...`": the sentence goes on */
		if (!is_elsewhere(cul_from(before, from)) && (!told || from || is_own(before)))
			return false;
		told = true;
		rest = cul_from(rest, before.size + 1);
		const char *shut = memchr(rest.data, '`', rest.size);
		rest = shut ? cul_from(rest, (size_t)(shut - rest.data) + 1) : CUL_NONE;
	}
	return told;
}

bool cul_is_prose(struct cul_slice fence)
{
	struct cul_slice tag = fence;
	while (cul_skip(&tag, CUL_LIT("`")) || cul_skip(&tag, CUL_LIT("~")))
		;
	tag = cul_trim(tag);
	return cul_is_nocase(tag, CUL_LIT("markdown")) || cul_is_nocase(tag, CUL_LIT("md"));
}

/* "[1765076402] SERVICE ALERT: db2;Root Partition;CRITICAL;HARD;4;text": whose state ("db2;Root Partition;") and what it is. */
static bool alert_of(struct cul_slice line, struct cul_slice *whose, struct cul_slice *state)
{
	static const char *const types[] = { "SERVICE ALERT: ", "HOST ALERT: ", "SERVICE NOTIFICATION: ", "HOST NOTIFICATION: ",
					     "CURRENT SERVICE STATE: ", "INITIAL SERVICE STATE: ", "CURRENT HOST STATE: ", "INITIAL HOST STATE: " };
	struct cul_slice rest = line, field;
	if (!cul_skip(&rest, CUL_LIT("[")) || cul_digits(&rest).size < 9 || !cul_skip(&rest, CUL_LIT("] ")))
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (!cul_skip(&rest, cul_str(types[i])))
			continue;
		bool service = cul_has(cul_str(types[i]), CUL_LIT("SERVICE"));
		if (cul_has(cul_str(types[i]), CUL_LIT("NOTIFICATION")) && !cul_cut(rest, CUL_LIT(";"), NULL, &rest)) /* who was told */
			return false;
		const char *from = rest.data;
		if (!cul_cut(rest, CUL_LIT(";"), &field, &rest) || (service && !cul_cut(rest, CUL_LIT(";"), &field, &rest)))
			return false;
		*whose = cul_slice(from, (size_t)(rest.data - from));
		return cul_cut(rest, CUL_LIT(";"), state, &rest);
	}
	return false;
}

bool cul_is_alert_log(struct cul_lines *lines)
{
	struct cul_slice whose, state;
	struct cul_line line;
	for (size_t i = 0; i < 8 && cul_lines_peek(lines, i, &line) && cul_starts(line.text, CUL_LIT("[")); i++)
		if (alert_of(line.text, &whose, &state))
			return true;
	return false;
}

bool cul_is_recovered(struct cul_lines *lines)
{
	struct cul_slice whose, state, same, later;
	struct cul_line line;
	bool over = false;
	if (!cul_lines_peek(lines, 0, &line) || !alert_of(line.text, &whose, &state))
		return false;
	for (size_t i = 1; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line); i++)
		if (alert_of(line.text, &same, &later) && cul_is(same, whose)) /* the last word in view */
			over = cul_is(later, CUL_LIT("OK")) || cul_is(later, CUL_LIT("UP")) || cul_starts(later, CUL_LIT("RECOVERY"));
	return over;
}

/* Behind the pasted block that begins with the next line: "That card was exchanged, all fine since". */
static bool is_over_below(struct cul_lines *lines)
{
	static const char *const done[] = { "replaced", "exchanged", "swapped", "repaired", "rma", "已更换", "已修复" };
	static const char *const well[] = { "fine since", "quiet since", "good since", "stable since", "no errors since", "nothing since", "no trouble since", "not come back", "not returned",
					    "之后正常", "一直正常", "未再出现" };
	static const char *const anew[] = { " again", "until ", "but ", "however", "再次", "但" };
	struct cul_line line;
	bool shut = false;
	size_t told = 0;
	for (size_t i = 0; i < CUL_LINES_AHEAD && told < 2 && cul_lines_peek(lines, i, &line); i++) {
		bool mark = cul_starts(line.text, CUL_LIT("```")) || cul_starts(line.text, CUL_LIT("~~~"));
		if (shut && (mark || cul_starts(line.text, CUL_LIT("#"))))
			return false;
		shut |= mark;
		if (!shut || mark || !cul_trim(line.text).size)
			continue;
		told++;
		if (is_unanswered(line.text) || has_one(line.text, anew, sizeof(anew) / sizeof(*anew)))
			return false;
		if (has_one(line.text, done, sizeof(done) / sizeof(*done)) && has_one(line.text, well, sizeof(well) / sizeof(*well)))
			return true;
	}
	return false;
}

/*
 * "On another node it dies with this:" may well be the incident, and "it runs fine on mine" makes it no other's. So the writer has to say,
 * too, that his own machines show nothing of it, or that he quotes it for comparison alone.
 */
bool cul_is_told_of(struct cul_lines *lines, bool itself)
{
	static const char *const whose[] = { "'s machine", "'s workstation", "'s server", "'s node", "'s box", "'s host", "'s pc", "'s cluster", "from there", "over there",
					     "other machine", "other node", "other server", "other cluster", "other host", "different machine", "different node",
					     "colleague", "last month", "last year", "另一台", "其他机器", "同事的", "别的机器" };
	static const char *const here[] = { " here", "this machine", "this host", "this node", "this server", "本机", "这台" };
	static const char *const mine[] = { "mine", "ours", "my machine", "my workstation", "my node", "my server", "our node", "our machine", "our server", "our own",
					    "our cluster", "本机", "我的机器", "我们的机器" };
	static const char *const well[] = { " never ", "nothing of", "no such", "none of th", "not show", "n't show", "not see", "n't see", "没有出现", "没出现", "从未" };
	static const char *const compared[] = { "for comparison", "by comparison", "for reference", "as a reference", "for context", "供参考", "仅供参考", "作为对比", "作为比较" };
	struct cul_above above = { .itself = itself };
	struct cul_line line;
	bool begun = false, other = false, beside = false;
	if (!itself && is_over_below(lines))
		return true;
	for (size_t i = 0; i < 80 && cul_lines_above(lines, &above, &line); i++) {
		struct cul_slice text = cul_trim(line.text);
		bool inside = !text.size || cul_starts(line.text, CUL_LIT("    ")) || cul_starts(line.text, CUL_LIT("\t")) || cul_starts(line.text, CUL_LIT(">"));
		if (!begun && inside)
			continue;
		if (!begun && !cul_ends(text, CUL_LIT(":")) && !cul_ends(text, CUL_LIT("：")))
			return false;
		if (begun && (inside || cul_starts(text, CUL_LIT("#")) || cul_starts(text, CUL_LIT("```"))))
			break;
		begun = true;
		if (has_one(text, here, sizeof(here) / sizeof(*here)))
			return false;
		other |= has_one(text, whose, sizeof(whose) / sizeof(*whose));
		beside |= has_one(text, compared, sizeof(compared) / sizeof(*compared));
	}
	if (other && beside)
		return true;
	for (size_t i = 0; other && i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line); i++)
		if (has_one(line.text, mine, sizeof(mine) / sizeof(*mine)) && has_one(line.text, well, sizeof(well) / sizeof(*well)))
			return true;
	return false;
}

bool cul_is_injected(struct cul_slice line)
{
	size_t at = cul_find(line, CUL_LIT("logger -"));
	if (at != SIZE_MAX && (!at || line.data[at - 1] == ' ' || line.data[at - 1] == '/'))
		return memchr(line.data + at, '"', line.size - at) || memchr(line.data + at, '\'', line.size - at);
	return cul_has(line, CUL_LIT("> /dev/kmsg")) || cul_has(line, CUL_LIT("tee /dev/kmsg"));
}

/* "Done so far", then a list: what a handover tells of, as long as nothing of it is open. */
static bool by_done_list(struct cul_lines *lines)
{
	static const char *const heads[] = { "done", "completed", "closed", "resolved", "handover", "hand-over", "history of", "已完成", "已处理", "交接" };
	static const char *const open[] = { "open:", "open items", "to do", "todo", "next step", "pending", "still ", "remaining", "waiting", "not fixed", "待办", "未解决" };
	static const char *const done[] = { "replaced", "swapped", "exchanged", "repaired", "verified", "rebuilt", "fixed", "closed", "resolved", "已更换", "已修复", "已确认" };
	struct cul_line line;
	size_t told = 0, items = 0, mended = 0;
	bool headed = false;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line) && !cul_starts(line.text, CUL_LIT("```")) && !cul_starts(line.text, CUL_LIT("~~~")); i++) {
		struct cul_slice text = cul_trim(line.text), rest = text;
		if (!text.size || cul_starts(text, CUL_LIT("---")) || cul_starts(text, CUL_LIT("===")))
			continue;
		for (size_t k = 0; !headed && !told && text.size < 60 && k < sizeof(heads) / sizeof(*heads); k++)
			headed |= cul_find_nocase(text, cul_str(heads[k])) == 0;
		if (!headed || is_unanswered(text) || has_one(text, open, sizeof(open) / sizeof(*open)))
			return false;
		bool item = told && (cul_skip(&rest, CUL_LIT("- ")) || cul_skip(&rest, CUL_LIT("* ")) ||
				     (cul_digits(&rest).size && (cul_skip(&rest, CUL_LIT(". ")) || cul_skip(&rest, CUL_LIT(") ")))));
		items += item;
		mended += item && has_one(text, done, sizeof(done) / sizeof(*done));
		told++;
	}
	return items >= 2 && mended && items + 1 == told;
}

/* The text behind "key": of JSON, or nothing. */
static struct cul_slice json_value(struct cul_slice line, struct cul_slice key)
{
	struct cul_slice rest, value;
	if (!cul_cut(line, key, NULL, &rest))
		return CUL_NONE;
	rest = cul_trim(rest);
	if (!cul_skip(&rest, CUL_LIT(":")))
		return CUL_NONE;
	rest = cul_trim(rest);
	return cul_skip(&rest, CUL_LIT("\"")) && cul_cut(rest, CUL_LIT("\""), &value, NULL) ? value : CUL_NONE;
}

/*
 * What Alertmanager and Grafana post to a webhook: { "receiver": ..., "status": "resolved", "alerts": [ ... ] }, whose status is that
 * of all its alerts together. One that fires, anywhere in view, is news.
 */
static bool by_resolved_alerts(struct cul_lines *lines)
{
	struct cul_line line;
	bool receiver = false, resolved = false, alerts = false;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line); i++) {
		struct cul_slice text = cul_trim(line.text), head = text;
		if (!i && !cul_starts(text, CUL_LIT("{")))
			return false;
		if (i + 1 == CUL_LINES_AHEAD && cul_starts(text, CUL_LIT("{\""))) /* one a line, and more than can be seen */
			return false;
		if (cul_has(text, CUL_LIT("\"firing\"")))
			return false;
		bool list = cul_cut(text, CUL_LIT("\"alerts\""), &head, NULL);
		if (!alerts) {
			receiver |= cul_has(head, CUL_LIT("\"receiver\"")) || cul_has(head, CUL_LIT("\"groupKey\""));
			resolved |= cul_is(json_value(head, CUL_LIT("\"status\"")), CUL_LIT("resolved"));
		}
		alerts |= list;
	}
	return receiver && resolved && alerts;
}

bool cul_is_writing(struct cul_slice member, struct cul_lines *lines)
{
	struct cul_slice name = base_name(member);
	bool log = cul_ends(name, CUL_LIT(".log")) || cul_ends(name, CUL_LIT(".out")); /* a build's log may begin with what it builds */
	bool settings = is_settings(name);
	return by_name(member, name) || by_all_clear(lines) || by_resolved_alerts(lines) || by_postmortem(name, lines) || by_closed_ticket(name, lines) || (!log && by_commit(lines)) ||
	       (!is_notes(name) && by_lines(lines)) || by_keys(lines, settings ? 0 : 7, false) || (settings && by_object(lines, false)) || by_advice(name, lines);
}

/* YAML, but no object of Kubernetes as it stands there: that has a status. */
static bool by_yaml(struct cul_lines *lines, bool fenced)
{
	static const char *const live[] = { "apiVersion:", "status:", "lastState:", "lastTransitionTime:", "conditions:" };
	struct cul_line line;
	size_t settings = 0, told = 0;
	for (size_t i = 0; i < CUL_LINES_AHEAD && cul_lines_peek(lines, i, &line) && !(fenced && cul_starts(line.text, CUL_LIT("```"))); i++) {
		struct cul_slice text = cul_trim(line.text);
		for (size_t k = 0; k < sizeof(live) / sizeof(*live); k++)
			if (cul_starts(text, cul_str(live[k])) || (cul_starts(text, CUL_LIT("- ")) && cul_has(text, cul_str(live[k]))))
				return false;
		if (!text.size || text.data[0] == '#')
			continue;
		told++;
		settings += is_setting(line.text) || cul_starts(text, CUL_LIT("- "));
	}
	return told >= 3 && settings * 10 >= told * 7;
}

bool cul_is_quoted_writing(struct cul_slice fence, struct cul_lines *lines)
{
	struct cul_slice tag = cul_trim(cul_from(fence, 3));
	bool yaml = cul_is(tag, CUL_LIT("yaml")) || cul_is(tag, CUL_LIT("yml"));
	return by_keys(lines, 5, true) || by_all_clear(lines) || by_resolved_alerts(lines) || by_done_list(lines) || by_object(lines, true) || by_commit(lines) || by_code(lines) || (yaml && by_yaml(lines, true));
}

bool cul_is_settings(struct cul_slice member, struct cul_lines *lines)
{
	static const char *const ends[] = { ".conf", ".cfg", ".ini", ".toml", ".properties", ".tf", ".tfvars", ".j2", ".tmpl", ".tpl", ".service", ".timer", ".socket", ".rules" };
	struct cul_slice name = base_name(member);
	if (has_suffix(name, ends, sizeof(ends) / sizeof(*ends)))
		return true;
	return (cul_ends(name, CUL_LIT(".yaml")) || cul_ends(name, CUL_LIT(".yml"))) && by_yaml(lines, false);
}

bool cul_is_paper(struct cul_slice name)
{
	struct cul_slice before, rest = name;
	if (cul_starts(name, CUL_LIT("etc/")))
		return true;
	while (cul_cut(rest, CUL_LIT("/"), NULL, &rest)) {
		before = cul_slice(name.data, (size_t)(rest.data - name.data) - 1);
		if (cul_starts(rest, CUL_LIT("etc/")) || cul_ends(before, CUL_LIT("sos_logs")) || cul_ends(before, CUL_LIT("sos_reports")) ||
		    (cul_ends(before, CUL_LIT("usr")) && (cul_starts(rest, CUL_LIT("share/")) || cul_starts(rest, CUL_LIT("lib/")))) ||
		    (cul_ends(before, CUL_LIT("log")) && cul_starts(rest, CUL_LIT("apt/eipp"))))
			return true;
	}
	return false;
}

bool cul_is_loggish(struct cul_slice name)
{
	if (!cul_ends(name, CUL_LIT(".log")) && !cul_ends(name, CUL_LIT(".out")) && !cul_ends(name, CUL_LIT(".err")) && !cul_ends(name, CUL_LIT(".txt")) &&
	    !cul_is(name, CUL_LIT("stdin")))
		return false;
	return !cul_has(name, CUL_LIT("sos_commands/")) && !cul_has(name, CUL_LIT("proc/")) && !cul_has(name, CUL_LIT("sys/"));
}
