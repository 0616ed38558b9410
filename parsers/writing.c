/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a member source code, a history of changes or a manual? Such texts quote every error message there is ("#define ENOSPC 28
 * /+ No space left on device +/", "* Fix list_add corruption in ...") and nothing happened to anybody.
 *
 * By name where the name is plain: the suffix of a programming language or of a typeset manual, and the names that the GNU coding
 * standards, Debian policy and kernel.org give to histories and licences. A renamed one by its first lines: code opens with comments,
 * #include, import, and ends its lines with ; { }.
 * Not asked of .txt and the like: there a script and its output stand together. Logs, captures, tickets (.md, README) and settings are none of these.
 */
#include "parsers/writing.h"

#include "base/slice.h"

static const char *const suffixes[] = {
	".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".hxx", ".inc", ".def", ".cu", ".cuh", ".hip", ".S", ".s", ".ll", ".py", ".pyi", ".pyx",
	".pyc", ".go", ".rs", ".java", ".kt", ".scala", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".rb", ".pl", ".pm", ".pod", ".lua", ".tcl",
	".el", ".m4", ".am", ".cmake", ".proto", ".css", ".scss", ".html", ".htm", ".xhtml", ".rst", ".tex", ".texi", ".po", ".pot", ".diff",
	".patch", ".1", ".2", ".3", ".5", ".7", ".8", ".ipynb",
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
	struct cul_slice name = member, rest;
	if (cul_cut_last(name, CUL_LIT("!"), NULL, &rest))
		name = rest;
	if (cul_cut_last(name, CUL_LIT("/"), NULL, &rest))
		name = rest;
	static const char *const packed[] = { ".gz", ".xz", ".bz2", ".zst" };
	for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++)
		if (cul_ends(name, cul_str(packed[i])))
			name.size -= strlen(packed[i]);
	return name;
}

static bool by_name(struct cul_slice member)
{
	struct cul_slice name = base_name(member);
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		struct cul_slice suffix = cul_str(suffixes[i]);
		if (name.size > suffix.size && cul_ends(name, suffix) && (suffix.size != 2 || suffix.data[1] > '9' || is_page(member, suffix)))
			return true;
	}
	if (cul_ends(name, CUL_LIT(".log")) || cul_ends(name, CUL_LIT(".out")))
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
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
static bool is_notes(struct cul_slice member)
{
	static const char *const ends[] = { ".txt", ".log", ".out", ".err", ".md", "stdin" };
	struct cul_slice name = base_name(member);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (cul_ends(name, cul_str(ends[i])))
			return true;
	return false;
}

bool cul_is_writing(struct cul_slice member, struct cul_lines *lines)
{
	return by_name(member) || (!is_notes(member) && by_lines(lines));
}
