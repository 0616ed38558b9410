/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Python tracebacks: the exception, and the frames it came from.
 *
 *   Traceback (most recent call last):
 *     File "/srv/app.py", line 41, in <module>
 *       main()
 *   torch.OutOfMemoryError: CUDA out of memory. …
 *
 * Printed by Lib/traceback.py and Python/traceback.c. Each line may carry the same tag: "[rank3]: " (torch.distributed from
 * 2.2), "(EngineCore pid=272) ", "  | " of an exception group, a log prefix that no envelope knows. Lines of others between are passed over; a
 * line in column one that names a type ends it. "Fatal Python error: Bus error" is faulthandler's. A cause ("direct cause", "during handling") is a traceback of its own.
 */
#include "parsers/message/serving.h"

#define TRACE_FRAMES 24   /* innermost ones kept */
#define TRACE_FOREIGN 48  /* lines of others that may stand between */

struct trace {
	struct cul_slice prefix; /* what each line carries */
	struct cul_slice rank;
	struct cul_slice functions[TRACE_FRAMES], path, line_no;
	size_t frames;
	int foreign;
};

/** The type at the start of @line, with dots; empty if it doesn't look like one. */
static struct cul_slice type_of(struct cul_slice line, bool frames)
{
	static const char *const ends[] = { "Error", "Exception", "Interrupt", "Exit", "Warning", "Timeout", "Iteration", "Fault", "Killed", "Cancelled", "Died",
					    "Exceeded", "Failure", "Failed", "Group", "Empty", "Full", "NotFound", "Expired" };
	struct cul_slice name, last;
	size_t n = 0;

	if (!line.size || is_digit(line.data[0]))
		return CUL_NONE;
	while (n < line.size && n < 160 && (is_word(line.data[n]) || line.data[n] == '.'))
		n++;
	name = cul_slice(line.data, n);
	if (!n || (n < line.size && line.data[n] != ':') || (n + 1 < line.size && line.data[n + 1] != ' '))
		return CUL_NONE;
	last = name;
	cul_cut_last(name, CUL_LIT("."), NULL, &last);
	if (!last.size)
		return CUL_NONE;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (cul_ends(last, cul_str(ends[i])))
			return name;
	/* torch.cuda.Something: text; a bare word in capitals is a log level */
	return frames && last.data[0] >= 'A' && last.data[0] <= 'Z' && n < line.size && (last.size < name.size || (last.size > 3 && last.data[1] > 'Z')) &&
			       !cul_is(name, CUL_LIT("Traceback")) ? name : CUL_NONE;
}

static bool trace_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct trace *t = state;
	struct cul_slice line, rest, type, path, number, function, frames;
	char text[1024];
	size_t n = 0;

	if (!rec)
		return false;
	line = rec->message;
	if (t->prefix.size && !cul_skip(&line, t->prefix)) {
		struct cul_slice blank = cul_trim(t->prefix);

		if (!cul_is(cul_trim(line), blank)) {
			/* the prefix stood in front of the first line alone: "Scheduler hit an exception: Traceback" */
			if (!t->frames && cul_starts(cul_trim(line), CUL_LIT("File \""))) {
				t->prefix.size = 0;
			} else {
				return ++t->foreign < TRACE_FOREIGN;
			}
		} else {
			return true;
		}
	}
	rest = cul_trim(line);
	if (cul_has(line, CUL_LIT("Traceback (most recent call last)")))
		return false; /* the next one; this was cut off */
	if (line.size && (line.data[0] == ' ' || line.data[0] == '\t')) {
		if (!cul_skip(&rest, CUL_LIT("File \"")) || !cul_cut(rest, CUL_LIT("\", line "), &path, &rest))
			return true;
		number = cul_digits(&rest);
		if (!cul_skip(&rest, CUL_LIT(", in ")))
			return true;
		function = cul_trim(rest);
		t->path = cul_keep(parse, path);
		t->line_no = cul_keep(parse, number);
		t->functions[t->frames++ % TRACE_FRAMES] = cul_keep(parse, function);
		return true;
	}
	if (!rest.size)
		return true;
	type = type_of(rest, t->frames > 0);
	if (!type.size)
		return ++t->foreign < TRACE_FOREIGN;
	for (size_t i = 0; i < t->frames && i < TRACE_FRAMES; i++) {
		struct cul_slice f = t->functions[(t->frames - 1 - i) % TRACE_FRAMES];

		if (n + f.size + 1 > sizeof(text))
			break;
		if (n)
			text[n++] = ' ';
		memcpy(text + n, f.data, f.size);
		for (size_t j = n; j < n + f.size; j++)
			if (text[j] == ' ')
				text[j] = '_';
		n += f.size;
	}
	frames = cul_slice(text, n);
	rest = cul_from(rest, type.size);
	cul_skip(&rest, CUL_LIT(":"));
	function = t->frames ? t->functions[(t->frames - 1) % TRACE_FRAMES] : CUL_NONE;
	*status = cul_emit(parse, rec, "python.traceback", cul_text("exception", type), cul_text("what", cul_trim(rest)), cul_text("function", function),
			   cul_text("path", t->path), cul_number("line_no", t->line_no), cul_number("rank", t->rank), cul_text("frames", frames));
	return false;
}

static enum cul_status traceback_record(struct cul_parse *parse, const struct cul_record *rec)
{
	size_t at = cul_find(rec->message, CUL_LIT("Traceback (most recent call last)"));
	struct trace *t;
	struct cul_slice rank, what;

	if (cul_cut(rec->message, CUL_LIT("Fatal Python error: "), NULL, &what))
		return cul_emit(parse, rec, "python.fatal", cul_text("what", cul_trim(what)), rank_arg(rec));
	if (at == SIZE_MAX)
		return CUL_OK;
	t = cul_keep_bytes(parse, sizeof(*t));
	if (!t)
		return CUL_ENOMEM;
	t->prefix = cul_keep(parse, cul_slice(rec->message.data, at));
	if (cul_ends(t->prefix, CUL_LIT("+ Exception Group ")))
		t->prefix.size = 0;
	rank = rank_of(rec->message);
	t->rank = cul_keep(parse, rank.size ? rank : rank_of(rec->line.text));
	return cul_follow(parse, rec, trace_next, t);
}

const struct cul_parser cul_parser_python_traceback = {
	.name = "python_traceback",
	.about = "Python tracebacks: exception, place, frames",
	.kinds = CUL_KINDS(CUL_KIND("python.traceback", 1, "python_traceback", F_EXCEPTION, F_WHAT, F_FUNCTION, F_PATH, F_LINE_NO, F_RANK, F_FRAMES),
			   CUL_KIND("python.fatal", 1, "python_traceback", F_WHAT, F_RANK)),
	.needles = CUL_LIST("Traceback (most recent call last)", "Fatal Python error: "),
	.record = traceback_record,
};
