/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Goroutines of a Go program: what a panic, a fatal signal, SIGQUIT or the program itself (runtime.Stack) prints.
 *
 *   goroutine 512340 [semacquire, 9318 minutes]:
 *   sync.(*RWMutex).RLock(0xc8203370e8)
 *   	/usr/local/go/src/sync/rwmutex.go:36 +0x58
 *   main.(*store).Get(0xc8203370e0, 0x40)
 *   	/src/store.go:28 +0x35
 *   created by main.serve in goroutine 1
 *
 * Printed by golang/go src/runtime/traceback.go and proc.go (goroutineheader: "[state, N minutes, locked to thread]"; crashes of
 * 1.23 and later put gp=, m= and mp= before the state). A program that logs its own dump has it in one record with \n escaped,
 * which journald cuts into pieces: a line that is cut there goes on in the next piece.
 */
#include <stdio.h>

#include "parsers/message/serving.h"

#define GO_FRAMES 24   /* innermost ones kept */
#define GO_FOREIGN 24  /* lines of others that may stand between */
#define GO_CARRY 1024  /* of a line that the next record goes on with */

struct go_trace {
	struct cul_record rec; /* of the header */
	bool open;
	long goroutine, minutes;
	char status[64], function[128], frames[1536], carry[GO_CARRY];
	size_t status_size, function_size, frames_size, carry_size, count;
	int foreign;
};

/** "goroutine 18 [select, 12 minutes]:", "goroutine 1 gp=0xc000002380 m=0 mp=0x1d2e0 [running]:" */
static bool header(struct cul_slice line, struct cul_slice *number, struct cul_slice *state)
{
	struct cul_slice rest = line, before;

	if (!cul_skip(&rest, CUL_LIT("goroutine ")))
		return false;
	*number = cul_digits(&rest);
	if (!number->size || !cul_cut(rest, CUL_LIT(" ["), &before, &rest) || (before.size && !cul_starts(before, CUL_LIT(" gp="))))
		return false;
	return cul_cut(rest, CUL_LIT("]:"), state, NULL);
}

static enum cul_status emit(struct cul_parse *parse, struct go_trace *t)
{
	char name[160];
	int n;

	if (!t->open)
		return CUL_OK;
	t->open = false;
	n = snprintf(name, sizeof(name), "%ld %.*s", t->goroutine, (int)t->function_size, t->function);
	return cul_emit(parse, &t->rec, "go.goroutine", cul_int("goroutine", t->goroutine), cul_text("name", cul_slice(name, n > 0 && t->function_size ? (size_t)n : 0)),
			cul_text("status", cul_slice(t->status, t->status_size)),
			t->minutes ? cul_int("blocked_s", t->minutes * 60) : cul_number("blocked_s", CUL_NONE),
			cul_text("function", cul_slice(t->function, t->function_size)), cul_number("pid", t->rec.kernel ? CUL_NONE : t->rec.caller),
			cul_text("frames", cul_slice(t->frames, t->frames_size)));
}

static void open_goroutine(struct go_trace *t, const struct cul_record *rec, struct cul_slice number, struct cul_slice state)
{
	struct cul_slice word = state, rest = CUL_NONE;
	uint64_t value = 0;

	cul_cut(state, CUL_LIT(", "), &word, &rest);
	t->rec = *rec;
	t->open = true;
	for (size_t i = 0; i < number.size && i < 15; i++)
		value = value * 10 + (uint64_t)(number.data[i] - '0');
	t->goroutine = (long)value;
	t->minutes = 0;
	number = cul_digits(&rest);
	for (size_t i = 0; i < number.size && i < 9; i++)
		t->minutes = t->minutes * 10 + (number.data[i] - '0');
	t->status_size = word.size < sizeof(t->status) ? word.size : sizeof(t->status);
	memcpy(t->status, word.data, t->status_size);
	t->function_size = t->frames_size = t->count = 0;
}

/** The name before the arguments: "net/http.(*conn).serve(0xc82, …)" up to the bracket that the last one closes; empty: no frame. */
static struct cul_slice frame_name(struct cul_slice line)
{
	size_t n, depth = 0;

	if (line.size < 3 || line.data[line.size - 1] != ')' || !is_word(line.data[0]))
		return CUL_NONE;
	for (n = line.size; n-- > 1;) {
		if (line.data[n] == ')')
			depth++;
		else if (line.data[n] == '(' && !--depth)
			break;
	}
	if (!n || memchr(line.data, ' ', n))
		return CUL_NONE;
	return cul_slice(line.data, n);
}

static bool of_library(struct cul_slice name)
{
	static const char *const own[] = { "runtime", "sync", "internal", "syscall", "time", "reflect", "net", "os", "io", "bufio", "poll" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		struct cul_slice rest = name;

		if (cul_skip(&rest, cul_str(own[i])) && rest.size && (rest.data[0] == '.' || rest.data[0] == '/'))
			return true;
	}
	return cul_is(name, CUL_LIT("panic"));
}

static void add_frame(struct go_trace *t, struct cul_slice name)
{
	struct cul_slice shorter = name, method, type, package;

	cul_cut_last(name, CUL_LIT("/"), NULL, &shorter);
	if (!t->function_size && !of_library(name)) {
		/* "container.(*memoryStore).Get" is memoryStore.Get */
		size_t n = 0;

		if (cul_cut(shorter, CUL_LIT(".(*"), &package, &type) && cul_cut(type, CUL_LIT(")"), &type, &method)) {
			n = type.size < 60 ? type.size : 60;
			memcpy(t->function, type.data, n);
		} else {
			method = shorter;
		}
		if (method.size > sizeof(t->function) - n)
			method.size = sizeof(t->function) - n;
		memcpy(t->function + n, method.data, method.size);
		t->function_size = n + method.size;
	}
	if (t->count >= GO_FRAMES || t->frames_size + shorter.size + 1 >= sizeof(t->frames))
		return;
	if (t->count++)
		t->frames[t->frames_size++] = ' ';
	memcpy(t->frames + t->frames_size, shorter.data, shorter.size);
	t->frames_size += shorter.size;
}

static enum cul_status take_line(struct cul_parse *parse, struct go_trace *t, const struct cul_record *rec, struct cul_slice line)
{
	struct cul_slice number, state, text = cul_trim(line), name;
	enum cul_status status = CUL_OK;

	if (header(text, &number, &state)) {
		status = emit(parse, t);
		open_goroutine(t, rec, number, state);
		t->foreign = 0;
	} else if (!text.size) {
		status = emit(parse, t);
	} else if (line.data[0] == '\t' || line.data[0] == ' ' || cul_starts(text, CUL_LIT("created by ")) || cul_starts(text, CUL_LIT("..."))) {
		t->foreign = 0;
	} else if (t->open && (name = frame_name(text)).size) {
		add_frame(t, name);
		t->foreign = 0;
	} else {
		t->foreign++;
	}
	return status;
}

/** One record: a line, or many with \n between. A follower (@stop) leaves it at the first header: that is the next follower's. */
static enum cul_status take_record(struct cul_parse *parse, struct go_trace *t, const struct cul_record *rec, bool *stop)
{
	struct cul_slice rest = rec->message, piece, number, state;
	enum cul_status status = CUL_OK;
	bool escaped = cul_has(rest, CUL_LIT("\\n")), more;

	if (!escaped && !t->carry_size && !memchr(rest.data ? rest.data : "", '\n', rest.size))
		return stop && (*stop = header(cul_trim(rest), &number, &state)) ? CUL_OK : take_line(parse, t, rec, rest);
	do {
		char tab[GO_CARRY];
		size_t room;

		more = cul_cut(rest, escaped ? CUL_LIT("\\n") : CUL_LIT("\n"), &piece, &rest);
		if (!more)
			piece = rest;
		if (!more && escaped) {
			t->carry_size = piece.size < sizeof(t->carry) ? piece.size : 0;
			memcpy(t->carry, piece.data, t->carry_size);
			break;
		}
		if (t->carry_size) {
			room = sizeof(tab) - t->carry_size;
			memcpy(tab, t->carry, t->carry_size);
			if (piece.size < room)
				room = piece.size;
			memcpy(tab + t->carry_size, piece.data, room);
			piece = cul_slice(tab, t->carry_size + room);
			t->carry_size = 0;
		} else if (stop && header(cul_trim(piece), &number, &state)) {
			*stop = true;
			return CUL_OK;
		}
		if (cul_starts(piece, CUL_LIT("\\t")))
			continue; /* file and line of the frame before */
		status = take_line(parse, t, rec, piece);
	} while (more && status == CUL_OK);
	return status;
}

static bool go_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct go_trace *t = state;
	bool stop = false;

	if (rec)
		*status = take_record(parse, t, rec, &stop);
	if (rec && *status == CUL_OK && !stop && t->foreign < GO_FOREIGN)
		return true;
	if (*status == CUL_OK)
		*status = emit(parse, t);
	return false;
}

static enum cul_status go_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, rest, number, state;
	struct go_trace *t;
	enum cul_status status;

	if (rec->kernel || !cul_cut(m, CUL_LIT("goroutine "), &number, &rest))
		return CUL_OK;
	rest = cul_from(m, number.size);
	if (!header(rest, &number, &state))
		if (!cul_cut(m, CUL_LIT("\\ngoroutine "), NULL, &rest) && !cul_cut(m, CUL_LIT("\ngoroutine "), NULL, &rest))
			return CUL_OK;
	t = cul_keep_bytes(parse, sizeof(*t));
	if (!t)
		return CUL_ENOMEM;
	status = take_record(parse, t, rec, NULL);
	return status == CUL_OK ? cul_follow(parse, rec, go_next, t) : status;
}

const struct cul_parser cul_parser_go_trace = {
	.name = "go_trace",
	.about = "Go programs: goroutines with their state, waiting time and frames",
	.kinds = CUL_KINDS(CUL_SAMPLES("go.goroutine", 1, "go_trace", F_GOROUTINE, F_NAME, F_STATUS, F_BLOCKED_S, F_FUNCTION, F_PID, F_FRAMES)),
	.needles = CUL_LIST("goroutine "),
	.record = go_record,
};
