/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the crash utility prints about a kernel dump: sys, bt, foreach bt, ps, ps -m, runq, kmem -i, mod, dev.
 *
 *         PANIC: "Kernel panic - not syncing: hung_task: blocked tasks"
 *   PID: 4242     TASK: ffff9a8f0a3b8000  CPU: 3    COMMAND: "python3"
 *    #0 [ffffa54c01a3bce8] __schedule at ffffffff8fa2d0b1
 *    #5 [ffffa54c01a3be10] amdgpu_vm_wait_idle at ffffffffc0a1b2c3 [amdgpu]
 *         PID    PPID  CPU       TASK        ST  %MEM      VSZ      RSS  COMM
 *   >    4242    4100   3  ffff9a8f0a3b8000  RU   1.2  8123456  1048576  python3
 *   [0 00:05:12.345] [UN]  PID: 4242     TASK: ffff9a8f0a3b8000  CPU: 3    COMMAND: "python3"
 *      CURRENT: PID: 588    TASK: ffff88007e4877a0  COMMAND: "udevd"
 *
 * crash 4 to 9: display_sys_stats() in kernel.c, print_task_header(), show_ps_data(), show_milliseconds() and dump_runq() in
 * task.c, print_stack_entry() in x86_64.c and arm64.c, dump_kmeminfo() in memory.c. VSZ and RSS are KiB. The answers are cut apart
 * by the prompts ("crash> bt -a"); `log` is read as the kernel log that it is. A file written by "bt > file" has no prompt.
 * Lines of -f, -l and -s are passed over; a task of which only the state in ps is known has no stack here.
 */
#include <math.h>

#include "parsers/capture/crash_session.h"
#include "parsers/frames.h"
#include "parsers/tables.h"

struct session {
	struct cul_record rec; /* of the task at hand */
	struct cul_slice pid, comm, state;
	struct cul_stack stack;
	char last[64]; /* function of the frame before */
	struct cul_process_tally tally;
	struct cul_record listed; /* the header of ps */
	struct cul_row memory;
	struct cul_line memory_line;
	struct cul_record panic_rec;
	struct cul_slice panic, cpu;
	double uptime_s;
	char wanted[4]; /* the state that "foreach UN bt" asked for */
	bool open, list, kmem, table, after_exception;
};

/**
 * A frame below "[exception RIP: f+1]": what stands above an exception's entry is the handling of it, down to the crash; below an
 * NMI f stands once more.
 */
static void
add_frame(struct session *s, const struct cul_frame *frame, bool exception)
{
	static const char *const traps[] = { "page_fault", "asm_exc_page_fault", "general_protection", "asm_exc_general_protection", "invalid_op",
					     "asm_exc_invalid_op", "divide_error", "asm_exc_divide_error", "double_fault", "asm_exc_double_fault",
					     "nmi", "end_repeat_nmi", "asm_exc_nmi", "async_page_fault", "el1_sync", "el1h_64_sync" };
	size_t size = frame->function.size < sizeof(s->last) - 1 ? frame->function.size : sizeof(s->last) - 1;

	for (size_t i = 0; exception && i < sizeof(traps) / sizeof(*traps); i++)
		if (!strcmp(s->last, traps[i]))
			memset(&s->stack, 0, sizeof(s->stack));
	if (!s->after_exception || !cul_is(frame->function, cul_str(s->last)))
		cul_stack_add(&s->stack, frame);
	memcpy(s->last, frame->function.data, size);
	s->last[size] = 0;
	s->after_exception = exception;
}

static enum cul_status
close_task(struct cul_parse *parse, struct session *s)
{
	struct cul_slice frames = cul_stack_frames(&s->stack);
	enum cul_status status = CUL_OK;

	if (s->open && frames.size)
		status = cul_emit(parse, &s->rec, "task.stack", cul_number("pid", s->pid), cul_text("comm", s->comm), cul_text("state", s->state),
				  cul_text("workqueue", cul_process_workqueue(s->comm)), cul_text("work_function", cul_stack_work(frames)),
				  cul_text("frames", frames), cul_text("wait_function", cul_stack_wait(&s->stack)),
				  cul_text("stuck_function", cul_stack_stuck(&s->stack)), cul_text("module", cul_stack_module(&s->stack)));
	s->open = s->after_exception = false;
	s->last[0] = 0;
	memset(&s->stack, 0, sizeof(s->stack));
	return status;
}

/** What panicked, as crash found it in the log: the panic itself, or the oops that led to it. */
static enum cul_status
emit_panic(struct cul_parse *parse, struct session *s)
{
	struct cul_slice what = s->panic;

	s->panic = CUL_NONE;
	cul_skip(&what, CUL_LIT("Kernel panic - not syncing: "));
	return !what.size ? CUL_OK :
	       cul_emit(parse, &s->panic_rec, "crash.panic", cul_text("what", what), cul_text("comm", s->comm), cul_number("pid", s->pid),
			cul_number("cpu", s->cpu));
}

static enum cul_status
open_task(struct cul_parse *parse, struct session *s, const struct cul_line *line, struct cul_slice pid, struct cul_slice comm)
{
	enum cul_status status = close_task(parse, s);

	if (status == CUL_OK)
		status = emit_panic(parse, s);
	s->rec = cul_table_record(parse, line);
	s->rec.line.text = cul_keep(parse, line->text);
	s->rec.message = s->rec.line.text;
	s->pid = cul_keep(parse, pid);
	s->comm = cul_keep(parse, comm);
	s->state = state_of(cul_str(s->wanted));
	s->open = true;
	return status;
}

/* ---- lists of tasks --------------------------------------------------------------------------------- */

static bool
is_list_header(struct cul_slice line)
{
	struct cul_slice rest = line;

	return cul_is(cul_word(&rest), CUL_LIT("PID")) && cul_is(cul_word(&rest), CUL_LIT("PPID")) && cul_is(cul_word(&rest), CUL_LIT("CPU")) &&
	       cul_is(cul_word(&rest), CUL_LIT("TASK")) && cul_ends(cul_trim(line), CUL_LIT("COMM"));
}

static enum cul_status
emit_process(struct cul_parse *parse, struct session *s, const struct cul_line *line, struct cul_row *row, struct cul_slice state,
	     struct cul_slice comm, bool kernel)
{
	struct cul_record rec = cul_table_record(parse, line);

	cul_put(row, cul_text("state", state));
	cul_put(row, cul_text("comm", comm));
	cul_put(row, cul_text("workqueue", cul_process_workqueue(comm)));
	if (kernel)
		cul_put(row, cul_flag("kernel_thread", true));
	if (state.size)
		cul_process_count(&s->tally, state.data[0], comm);
	s->list |= state.size > 0;
	return cul_row_emit(parse, &rec, "ps.process", row);
}

/** ">    4242    4100   3  ffff9a8f0a3b8000  RU   1.2  8123456  1048576  [kworker/3:1]" */
static bool
take_listed(struct cul_parse *parse, struct session *s, const struct cul_line *line, enum cul_status *status)
{
	struct cul_slice rest = line->text, words[8], comm;
	struct cul_row row = { 0 };
	uint64_t address;
	bool kernel;

	if (rest.size && (rest.data[0] == '>' || rest.data[0] == '-'))
		rest = cul_from(rest, 1);
	for (size_t i = 0; i < 8; i++)
		words[i] = cul_word(&rest);
	comm = cul_trim(rest);
	if (cul_is(words[0], CUL_LIT("0")) && cul_starts(comm, CUL_LIT("[swapper/")))
		return true; /* a CPU's idle task is no task */
	if (!comm.size || !cul_all_digits(words[0]) || !cul_all_digits(words[1]) || words[3].size < 8 || !cul_to_hex(words[3], &address) ||
	    words[4].size != 2)
		return false;
	kernel = comm.data[0] == '[' && comm.data[comm.size - 1] == ']';
	if (kernel)
		comm = cul_slice(comm.data + 1, comm.size - 2);
	cul_put(&row, cul_number("pid", words[0]));
	cul_put(&row, cul_number("ppid", words[1]));
	cul_put(&row, cul_number("cpu", words[2]));
	cul_put(&row, cul_decimal("mem_pct", words[5]));
	cul_put(&row, cul_size_mib("vsz_mib", words[6], 1024));
	cul_put(&row, cul_size_mib("rss_mib", words[7], 1024));
	*status = emit_process(parse, s, line, &row, state_of(words[4]), comm, kernel);
	return true;
}

/** "[0 00:05:12.345] [UN]  PID: …", runq -m's " CPU 0: [ 0 00:00:00.063]  PID: …": how long ago the task came to run or to sleep */
static bool
last_run(struct cul_slice line, double *seconds, struct cul_slice *state)
{
	struct cul_slice inside, rest, days;
	double clock;
	int64_t n;

	if (!cul_cut(line, CUL_LIT("["), NULL, &rest) || !cul_cut(rest, CUL_LIT("]"), &inside, &rest))
		return false;
	inside = cul_trim(inside);
	days = cul_word(&inside);
	inside = cul_trim(inside);
	if (!cul_to_int(days, &n) || n < 0 || n > 100000 || !cul_has(inside, CUL_LIT(":")) || !cul_to_seconds(inside, &clock))
		return false;
	*seconds = (double)n * 86400 + clock;
	rest = cul_trim(rest);
	*state = cul_skip(&rest, CUL_LIT("[")) && cul_cut(rest, CUL_LIT("]"), &rest, NULL) ? rest : CUL_NONE;
	return true;
}

/** A task in one line: ps -m, runq. */
static enum cul_status
take_task(struct cul_parse *parse, struct session *s, const struct cul_line *line, struct cul_slice pid, struct cul_slice cpu, struct cul_slice comm)
{
	struct cul_slice text = cul_trim(line->text), state = CUL_NONE, word;
	struct cul_row row = { 0 };
	double seconds = NAN;
	bool runs = cul_starts(text, CUL_LIT("CURRENT: ")) || cul_starts(text, CUL_LIT("CPU "));

	if (last_run(text, &seconds, &word))
		state = state_of(word);
	else
		runs |= cul_starts(text, CUL_LIT("[")); /* queued behind the current one */
	if (runs)
		state = CUL_LIT("R");
	cul_put(&row, cul_number("pid", pid));
	cul_put(&row, cul_number("cpu", cpu));
	/* of a sleeper: since when it sleeps */
	if (state.size && state.data[0] == 'D' && !isnan(seconds))
		cul_put(&row, cul_since(cul_int("blocked_s", (int64_t)seconds)));
	return emit_process(parse, s, line, &row, state, comm, false);
}

/* ---- sys, kmem -i ------------------------------------------------------------------------------------ */

/** "       PANIC: "…"", "    NODENAME: host": right-aligned keys */
static bool
sys_line(struct cul_slice line, struct cul_slice *key, struct cul_slice *value)
{
	static const char *const keys[] = { "KERNEL", "DUMPFILE", "CPUS", "DATE", "UPTIME", "LOAD AVERAGE", "TASKS", "NODENAME", "RELEASE",
					    "VERSION", "MACHINE", "MEMORY", "PANIC", "PID", "COMMAND", "TASK", "CPU", "STATE", "DEBUGINFO",
					    "DEBUG KERNEL", "DUMPFILES", "PAGE SIZE" };
	struct cul_slice text = cul_trim(line);

	if (!cul_cut(text, CUL_LIT(": "), key, value) || key->size > 12)
		return false;
	*value = cul_trim(*value);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (cul_is(*key, cul_str(keys[i])))
			return true;
	return false;
}

static enum cul_status
take_sys(struct cul_parse *parse, struct session *s, const struct cul_line *line, struct cul_slice key, struct cul_slice value)
{
	struct cul_record rec = cul_table_record(parse, line);
	struct cul_slice rest = value;
	struct cul_time time;
	double load[3];

	if (cul_is(key, CUL_LIT("DATE")) && cul_clock_date(&rest, &time)) {
		cul_set_capture_time(parse, time);
	} else if (cul_is(key, CUL_LIT("NODENAME"))) {
		cul_set_host(parse, value);
	} else if (cul_is(key, CUL_LIT("RELEASE"))) {
		return cul_emit(parse, &rec, "host.id", cul_text("kernel", value));
	} else if (cul_is(key, CUL_LIT("LOAD AVERAGE")) && cul_load_read(value, load)) {
		return cul_emit(parse, &rec, "host.load", cul_real("load_1m", load[0]), cul_real("load_5m", load[1]), cul_real("load_15m", load[2]),
				cul_real("uptime_s", s->uptime_s > 0 ? s->uptime_s : (double)NAN));
	} else if (cul_is(key, CUL_LIT("UPTIME"))) {
		int64_t days = 0;

		if (cul_cut(value, CUL_LIT(" day"), &key, &rest)) {
			if (!cul_to_int(key, &days) || days < 0 || days > 100000 || !cul_cut(rest, CUL_LIT(", "), NULL, &rest))
				return CUL_OK;
		}
		if (cul_to_seconds(rest, &s->uptime_s))
			s->uptime_s += (double)days * 86400;
	} else if (cul_is(key, CUL_LIT("PANIC"))) {
		cul_skip(&value, CUL_LIT("\""));
		cul_cut_last(value, CUL_LIT("\""), &value, NULL);
		s->panic = cul_keep(parse, value); /* "" for a live system */
		s->panic_rec = rec;
		s->panic_rec.line.text = cul_keep(parse, line->text);
		s->panic_rec.message = s->panic_rec.line.text;
	} else if (s->panic.size && cul_is(key, CUL_LIT("PID"))) {
		s->pid = cul_keep(parse, value);
	} else if (s->panic.size && cul_is(key, CUL_LIT("COMMAND"))) {
		cul_between(value, CUL_LIT("\""), CUL_LIT("\""), &value);
		s->comm = cul_keep(parse, value);
	} else if (s->panic.size && cul_is(key, CUL_LIT("CPU"))) {
		s->cpu = cul_keep(parse, value);
	}
	return CUL_OK;
}

static void
take_kmem(struct session *s, const struct cul_line *line)
{
	static const struct {
		const char *key, *field;
	} rows[] = { { "TOTAL MEM", "total_mib" }, { "FREE", "free_mib" },	     { "USED", "used_mib" },		 { "SHARED", "shared_mib" },
		     { "CACHED", "cache_mib" },	   { "SLAB", "slab_mib" },	     { "TOTAL SWAP", "swap_total_mib" }, { "SWAP USED", "swap_used_mib" },
		     { "SWAP FREE", "swap_free_mib" }, { "COMMIT LIMIT", "commit_limit_mib" }, { "COMMITTED", "committed_mib" } };
	struct cul_slice text = cul_trim(line->text), rest, number, unit;
	double value;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		rest = text;
		if (!cul_skip(&rest, cul_str(rows[i].key)) || !rest.size || rest.data[0] != ' ')
			continue;
		cul_word(&rest); /* pages */
		number = cul_word(&rest);
		unit = cul_word(&rest);
		if (!cul_to_real(number, &value))
			return;
		/* "15.5 GB" is in units of 1024; a bare 0 is followed by its percentage */
		if (cul_is(unit, CUL_LIT("GB")))
			value *= 1024;
		else if (cul_is(unit, CUL_LIT("TB")))
			value *= 1048576;
		else if (!cul_is(unit, CUL_LIT("MB")))
			value /= cul_is(unit, CUL_LIT("KB")) ? 1024 : 1048576;
		cul_put(&s->memory, cul_real(rows[i].field, value));
		return;
	}
}

/* ---- the section ------------------------------------------------------------------------------------- */

static bool
prompt_command(struct cul_slice command, struct cul_slice *ret)
{
	struct cul_slice name;

	if (!cul_starts(command, CUL_LIT("crash")) || !cul_cut(command, CUL_LIT("> "), &name, ret) || name.size > 24)
		return false;
	*ret = cul_trim(*ret);
	return true;
}

static int
crash_bid(const struct cul_head *head)
{
	struct cul_slice command, pid, cpu, comm, key, value, rest;
	struct cul_frame frame;

	if (prompt_command(head->command, &command) && head->begins) {
		comm = cul_word(&command);
		if (cul_is(comm, CUL_LIT("log")) || cul_is(comm, CUL_LIT("dmesg")))
			return 0;
		return head->count ? 64 : 0; /* whatever it is, nobody else's table */
	}
	if (!head->count)
		return 0;
	if (is_list_header(head->lines[0].text))
		return 48;
	if (cul_starts(head->lines[0].text, CUL_LIT("PID: ")) && task_header(head->lines[0].text, &pid, &cpu, &comm) && head->count > 1 &&
	    (stack_frame(head->lines[1].text, &frame) || cul_starts(cul_trim(head->lines[1].text), CUL_LIT("(active)"))))
		return 48;
	if (cul_starts(head->lines[0].text, CUL_LIT("[")) && last_run(head->lines[0].text, &(double){ 0 }, &rest) && rest.size == 2 &&
	    task_header(head->lines[0].text, &pid, &cpu, &comm))
		return 48;
	if (head->count > 1 && cul_starts(head->lines[0].text, CUL_LIT("      KERNEL: ")) && sys_line(head->lines[1].text, &key, &value))
		return 48;
	return 0;
}

static bool
is_ours(struct cul_slice command)
{
	static const char *const tables[] = { "bt", "foreach", "ps", "sys", "set", "runq", "kmem" };
	struct cul_slice word = cul_word(&command);

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (cul_is(word, cul_str(tables[i])))
			return true;
	return !word.size;
}

static enum cul_status
take_line(struct cul_parse *parse, struct session *s, const struct cul_line *line)
{
	struct cul_slice text = line->text, pid, cpu, comm, key, value;
	struct cul_frame frame;
	enum cul_status status = CUL_OK;

	if (is_list_header(text)) {
		s->table = true;
		s->listed = cul_table_record(parse, line);
		s->listed.line.text = cul_keep(parse, text);
		s->listed.message = s->listed.line.text;
	} else if (cul_starts(cul_trim(text), CUL_LIT("PAGES        TOTAL")) && !s->kmem) {
		s->kmem = true;
		s->memory_line = *line;
		s->memory_line.text = cul_keep(parse, text);
	} else if (s->kmem && !cul_blank(text)) {
		take_kmem(s, line);
	} else if (s->open && stack_frame(text, &frame)) {
		add_frame(s, &frame, false);
	} else if (s->open && cul_starts(cul_trim(text), CUL_LIT("[exception RIP: ")) && cul_between(text, CUL_LIT("RIP: "), CUL_LIT("+"), &value)) {
		frame = (struct cul_frame){ .function = value, .reliable = true };
		add_frame(s, &frame, true);
	} else if (task_header(text, &pid, &cpu, &comm)) {
		if (cul_starts(text, CUL_LIT("PID: ")))
			return open_task(parse, s, line, pid, comm);
		return take_task(parse, s, line, pid, cpu, comm);
	} else if (s->table && take_listed(parse, s, line, &status)) {
		return status;
	} else if (!s->open && sys_line(text, &key, &value)) {
		return take_sys(parse, s, line, key, value);
	}
	return CUL_OK;
}

static enum cul_status
crash_section(struct cul_parse *parse)
{
	struct session *s = cul_keep_bytes(parse, sizeof(*s));
	struct cul_slice command = CUL_NONE, word;
	struct cul_line line;
	enum cul_status status = CUL_OK;
	bool prompted = prompt_command(cul_section_command(parse), &command), ours;

	if (!s)
		return CUL_ENOMEM;
	if (prompted && cul_is(cul_word(&(struct cul_slice){ command.data, command.size }), CUL_LIT("foreach")))
		for (struct cul_slice rest = command; (word = cul_word(&rest)).size;)
			if (word.size == 2 && state_of(word).size)
				memcpy(s->wanted, word.data, 2);
	ours = !prompted || is_ours(command);
	while (status == CUL_OK && cul_line_next(parse, &line))
		if (ours)
			status = take_line(parse, s, &line);
	if (status == CUL_OK)
		status = close_task(parse, s);
	if (status == CUL_OK)
		status = emit_panic(parse, s);
	if (status == CUL_OK && s->kmem && s->memory.count) {
		struct cul_record rec = cul_table_record(parse, &s->memory_line);

		status = cul_row_emit(parse, &rec, "host.memory", &s->memory);
	}
	/* the whole list, not the few that a pattern picked */
	if (status == CUL_OK && s->table && s->list && (!prompted || cul_is(command, CUL_LIT("ps"))))
		status = cul_process_summary(parse, &s->listed, &s->tally);
	return status;
}

const struct cul_parser cul_parser_crash_session = {
	.name = "crash_session",
	.about = "the crash utility: sys, bt, foreach bt, ps, runq, kmem -i",
	.kinds = CUL_KINDS(CUL_KIND_TASK_STACK, &cul_kind_ps_process, &cul_kind_ps_summary, &cul_kind_host_memory, &cul_kind_host_load,
			   &cul_kind_host_id, CUL_SAMPLES("ps.process", 1, "ps", F_BLOCKED_S),
			   CUL_KIND("crash.panic", 1, "crash_session", F_WHAT, F_COMM, F_PID, F_CPU)),
	.needles = CUL_LIST("  COMMAND: \"", "      KERNEL: /", "PID    PPID  CPU       TASK"),
	.first = CUL_LIST("DPI", "[", "KN:"),
	.bid = crash_bid,
	.section = crash_section,
};
