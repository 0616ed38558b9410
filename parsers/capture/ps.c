/* SPDX-License-Identifier: Apache-2.0 */
/**
 * ps: the list of processes, in whatever columns were asked for.
 *
 *   USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND          ps aux, auxwwwm (threads), auxf
 *   UID          PID    PPID     LWP  C NLWP STIME TTY          TIME CMD                ps -eLf
 *   F S UID          PID    PPID  C PRI  NI ADDR SZ WCHAN  STIME TTY          TIME CMD  ps -elf
 *       PID USER     STAT COMMAND         WCHAN  CPU     ELAPSED                        ps -eo …
 *   PID   USER     TIME  COMMAND                                                        BusyBox
 *
 * procps-ng's src/ps/output.c (3.3, 4.0), BusyBox' procps/ps.c. The header decides; without one (ps … | grep) the
 * columns that the command line asks for do. Columns before the command are read from the left, those behind it
 * from the right, for a command holds blanks. STARTED (lstart) is five words. VSZ and RSS are KiB. comm is cut to
 * 15 bytes by the kernel. A second command column (comm,args) is taken as one word.
 */
#include "parsers/tables.h"

enum column {
	C_END, C_IGNORE, C_USER, C_PID, C_PPID, C_TID, C_CPU_PCT, C_MEM_PCT, C_VSZ, C_RSS, C_STAT, C_STATE, C_STARTED,
	C_TIME, C_COMMAND, C_COMM, C_WCHAN, C_ELAPSED, C_THREADS, C_PROCESSOR, C_LSTART,
};

#define MOST 40

struct layout {
	enum column columns[MOST];
	size_t count, command; /* where the command stands */
	bool busybox;
};

struct word_column {
	const char *word;
	enum column column;
};

/* header words; what nobody wants is C_IGNORE, what isn't here is no ps */
static const struct word_column headers[] = {
	{ "USER", C_USER },	{ "UID", C_USER },	{ "EUSER", C_USER },   { "RUSER", C_USER },   { "EUID", C_USER },
	{ "RUID", C_USER },	{ "PID", C_PID },	{ "TGID", C_PID },     { "PPID", C_PPID },    { "LWP", C_TID },
	{ "TID", C_TID },	{ "SPID", C_TID },	{ "%CPU", C_CPU_PCT }, { "C", C_CPU_PCT },    { "%MEM", C_MEM_PCT },
	{ "VSZ", C_VSZ },	{ "RSS", C_RSS },	{ "RSZ", C_RSS },      { "STAT", C_STAT },    { "S", C_STATE },
	{ "START", C_STARTED }, { "STIME", C_STARTED }, { "STARTED", C_STARTED }, { "TIME", C_TIME }, { "COMMAND", C_COMMAND },
	{ "CMD", C_COMMAND },	{ "ARGS", C_COMMAND },	{ "COMM", C_COMM },    { "WCHAN", C_WCHAN },  { "ELAPSED", C_ELAPSED },
	{ "NLWP", C_THREADS },	{ "THCNT", C_THREADS }, { "PSR", C_PROCESSOR }, { "TTY", C_IGNORE },   { "TT", C_IGNORE },
	{ "F", C_IGNORE },	{ "PRI", C_IGNORE },	{ "NI", C_IGNORE },    { "ADDR", C_IGNORE },  { "SZ", C_IGNORE },
	{ "CPU", C_IGNORE },	{ "CLS", C_IGNORE },	{ "RTPRIO", C_IGNORE }, { "PGID", C_IGNORE }, { "PGRP", C_IGNORE },
	{ "SID", C_IGNORE },	{ "SESS", C_IGNORE },	{ "GROUP", C_IGNORE }, { "GID", C_IGNORE },   { "EGROUP", C_IGNORE },
	{ "POL", C_IGNORE },	{ "TPGID", C_IGNORE },	{ "MAJFL", C_IGNORE }, { "MINFL", C_IGNORE }, { "SIZE", C_IGNORE },
	{ "DRS", C_IGNORE },	{ "TRS", C_IGNORE },	{ "PENDING", C_IGNORE }, { "BLOCKED", C_IGNORE }, { "IGNORED", C_IGNORE },
	{ "CAUGHT", C_IGNORE }, { "CGROUP", C_IGNORE }, { "UNIT", C_IGNORE },  { "SLICE", C_IGNORE }, { "LABEL", C_IGNORE },
	{ "NWCHAN", C_IGNORE }, { "RGROUP", C_IGNORE }, { "PIDNS", C_IGNORE }, { "IPCNS", C_IGNORE }, { "NUMA", C_IGNORE },
	{ "OOM", C_IGNORE },	{ "OOMADJ", C_IGNORE }, { "LSTART", C_LSTART },
};

/* what -o takes */
static const struct word_column keywords[] = {
	{ "user", C_USER },	{ "euser", C_USER },   { "ruser", C_USER },  { "uname", C_USER },   { "uid", C_USER },
	{ "pid", C_PID },	{ "tgid", C_PID },     { "ppid", C_PPID },   { "tid", C_TID },	    { "lwp", C_TID },
	{ "spid", C_TID },	{ "pcpu", C_CPU_PCT }, { "%cpu", C_CPU_PCT }, { "c", C_CPU_PCT },   { "pmem", C_MEM_PCT },
	{ "%mem", C_MEM_PCT },	{ "vsz", C_VSZ },      { "vsize", C_VSZ },   { "rss", C_RSS },	    { "rssize", C_RSS },
	{ "rsz", C_RSS },	{ "stat", C_STAT },    { "state", C_STATE }, { "s", C_STATE },	    { "start", C_STARTED },
	{ "stime", C_STARTED }, { "bsdstart", C_STARTED }, { "start_time", C_STARTED }, { "lstart", C_LSTART }, { "time", C_TIME },
	{ "cputime", C_TIME },	{ "bsdtime", C_TIME }, { "times", C_TIME },  { "cmd", C_COMMAND },  { "args", C_COMMAND },
	{ "command", C_COMMAND }, { "comm", C_COMM },  { "ucmd", C_COMM },   { "ucomm", C_COMM },   { "wchan", C_WCHAN },
	{ "etime", C_ELAPSED }, { "etimes", C_ELAPSED }, { "nlwp", C_THREADS }, { "thcount", C_THREADS }, { "psr", C_PROCESSOR },
};

static enum column
find_word(const struct word_column *list, size_t count, struct cul_slice word)
{
	for (size_t i = 0; i < count; i++)
		if (word.size && word.data[0] == list[i].word[0] && cul_is(word, cul_str(list[i].word)))
			return list[i].column;
	return C_END;
}

static bool
layout_close(struct layout *layout)
{
	bool pid = false, more = false;

	layout->command = SIZE_MAX;
	for (size_t i = 0; i < layout->count; i++) {
		enum column c = layout->columns[i];

		pid |= c == C_PID || c == C_TID;
		more |= c == C_STAT || c == C_STATE || c == C_TIME || c == C_WCHAN || c == C_CPU_PCT || c == C_RSS ||
			c == C_PPID || c == C_ELAPSED || c == C_STARTED || c == C_LSTART || c == C_USER;
		/* the last command column is the one that may hold blanks; an args column always wins over comm */
		if (c == C_COMMAND || (c == C_COMM && (layout->command == SIZE_MAX || layout->columns[layout->command] == C_COMM)))
			layout->command = i;
	}
	return pid && (more || layout->command != SIZE_MAX) && layout->count >= 2;
}

/** Columns from a header line. */
static bool
layout_header(struct layout *layout, struct cul_slice line)
{
	struct cul_slice word = cul_word(&line);

	layout->count = 0;
	if (!word.size || !((word.data[0] >= 'A' && word.data[0] <= 'Z') || word.data[0] == '%'))
		return false; /* most lines are no header */
	*layout = (struct layout){ 0 };
	for (; word.size; word = cul_word(&line)) {
		enum column c = find_word(headers, sizeof(headers) / sizeof(*headers), word);

		if (c == C_END || layout->count == MOST)
			return false;
		layout->columns[layout->count++] = c;
	}
	return layout_close(layout);
}

/** Columns from "ps -eo pid,stat,wchan:20,args …", "ps axo pid,comm", "ps aux", "ps -ef". */
static bool
layout_command(struct layout *layout, struct cul_slice command)
{
	struct cul_slice word, list, item;
	bool ps = false;

	*layout = (struct layout){ 0 };
	for (word = cul_word(&command); word.size; word = cul_word(&command)) {
		if (cul_is(cul_base_name(word), CUL_LIT("ps"))) {
			ps = true;
			continue;
		}
		if (!ps)
			continue;
		if (word.data[0] == '|' || word.data[0] == ';' || word.data[0] == '>')
			break;
		if (cul_is(word, CUL_LIT("aux")) || cul_is(word, CUL_LIT("auxww")) || cul_is(word, CUL_LIT("-aux")) ||
		    cul_is(word, CUL_LIT("auxf")) || cul_is(word, CUL_LIT("auxwww")))
			return layout_header(layout, CUL_LIT("USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND"));
		if (cul_is(word, CUL_LIT("-ef")) || cul_is(word, CUL_LIT("-efww")))
			return layout_header(layout, CUL_LIT("UID PID PPID C STIME TTY TIME CMD"));
		if (cul_is(word, CUL_LIT("-eLf")))
			return layout_header(layout, CUL_LIT("UID PID PPID LWP C NLWP STIME TTY TIME CMD"));
		if (cul_starts(word, CUL_LIT("--sort")) || word.data[word.size - 1] != 'o')
			continue;
		list = cul_word(&command);
		while (list.size) {
			if (!cul_cut(list, CUL_LIT(","), &item, &list)) {
				item = list;
				list = CUL_NONE;
			}
			cul_cut(item, CUL_LIT(":"), &item, NULL);
			cul_cut(item, CUL_LIT("="), &item, NULL);
			enum column c = find_word(keywords, sizeof(keywords) / sizeof(*keywords), item);

			if (layout->count == MOST)
				return false;
			layout->columns[layout->count++] = c == C_END ? C_IGNORE : c;
		}
	}
	return layout->count && layout_close(layout);
}

/** When the command line tells, a COMMAND that is comm is no command line. */
static void
layout_refine(struct layout *layout, struct cul_slice command)
{
	struct layout asked;

	if (!layout_command(&asked, command) || asked.count != layout->count)
		return;
	for (size_t i = 0; i < layout->count; i++)
		if (layout->columns[i] == C_COMMAND && asked.columns[i] == C_COMM)
			layout->columns[i] = C_COMM;
	layout_close(layout);
}

struct process {
	struct cul_slice cells[C_LSTART + 1];
};

/** "Sat Nov 21 02:00:59 2026", its first word at hand, the rest in @line: all five words, and @line behind them. */
static bool
five_words(struct cul_slice first, struct cul_slice *line, struct cul_slice *whole)
{
	struct cul_slice rest = *line, words[4];

	for (int i = 0; i < 4; i++)
		words[i] = cul_word(&rest);
	if (words[3].size != 4 || !cul_all_digits(words[3]) || words[2].size != 8 || words[2].data[2] != ':' || words[2].data[5] != ':' ||
	    (first.data[0] >= '0' && first.data[0] <= '9'))
		return false;
	*whole = cul_slice(first.data, (size_t)(words[3].data + words[3].size - first.data));
	*line = rest;
	return true;
}

/** The last word of @text. */
static struct cul_slice
last_word(struct cul_slice *text)
{
	struct cul_slice rest = cul_trim(*text);
	size_t n = rest.size;

	while (n && rest.data[n - 1] != ' ' && rest.data[n - 1] != '\t')
		n--;
	*text = cul_slice(rest.data, n);
	return cul_from(rest, n);
}

static bool
take_front(struct process *p, enum column column, struct cul_slice *line)
{
	struct cul_slice word = cul_word(line);

	if (!word.size)
		return false;
	if (column == C_LSTART || column == C_STARTED) {
		struct cul_slice month = *line, day;

		if (!five_words(word, line, &word)) {
			if (column == C_LSTART)
				return false;
			/* "Nov 21", as -o start prints what is older than a day */
			day = cul_word(&month);
			if (word.size == 3 && word.data[0] >= 'A' && day.size <= 2 && cul_all_digits(day)) {
				word.size = (size_t)(day.data + day.size - word.data);
				*line = month;
			}
		}
		column = C_STARTED;
	}
	if (!p->cells[column].size)
		p->cells[column] = word;
	return true;
}

static bool
row_read(const struct layout *layout, struct cul_slice line, struct process *p)
{
	size_t stop = layout->command == SIZE_MAX ? layout->count : layout->command;
	struct cul_slice pid;

	*p = (struct process){ 0 };
	for (size_t i = 0; i < stop; i++)
		if (!take_front(p, layout->columns[i], &line))
			return false;
	for (size_t i = layout->count; i > stop + 1; i--) {
		struct cul_slice word = last_word(&line);

		if (!word.size)
			return false;
		if (!p->cells[layout->columns[i - 1]].size)
			p->cells[layout->columns[i - 1]] = word;
	}
	line = cul_trim(line);
	if (layout->command == SIZE_MAX) {
		if (line.size)
			return false;
	} else {
		if (!line.size)
			return false;
		p->cells[layout->columns[stop]] = line;
	}
	pid = p->cells[C_PID].size ? p->cells[C_PID] : p->cells[C_TID];
	if (!cul_all_digits(pid) && !cul_is(pid, CUL_LIT("-")))
		return false;
	/* a word in place of a state letter: not this table */
	if (p->cells[C_STAT].size && !strchr("RSDTtZXIWPK-?", p->cells[C_STAT].data[0]))
		return false;
	if (p->cells[C_STATE].size && p->cells[C_STATE].size > 2)
		return false;
	return true;
}

/** Without the tree that -f (forest) draws: " |   \_ cmd". */
static struct cul_slice
unforested(struct cul_slice command)
{
	struct cul_slice rest = command;

	while (rest.size && (rest.data[0] == ' ' || rest.data[0] == '|'))
		rest = cul_from(rest, 1);
	return cul_skip(&rest, CUL_LIT("\\_ ")) ? cul_trim(rest) : command;
}

static enum cul_status
emit_process(struct cul_parse *parse, const struct cul_line *line, const struct process *p, struct cul_slice stat,
	     struct cul_process_tally *tally)
{
	struct cul_record rec = cul_table_record(parse, line);
	struct cul_row row = { 0 };
	struct cul_slice command = unforested(p->cells[C_COMMAND]), comm = p->cells[C_COMM], wchan = p->cells[C_WCHAN];
	char state = stat.size && stat.data[0] != '-' ? stat.data[0] : 0;
	double seconds;
	int64_t number;
	bool defunct = cul_has(command, CUL_LIT("<defunct>"));
	bool kernel = command.size > 2 && command.data[0] == '[' && !defunct;

	if (!comm.size)
		comm = cul_process_comm(command);
	cul_cut(comm, CUL_LIT(" <defunct>"), &comm, NULL);
	if (!state && defunct)
		state = 'Z';
	kernel |= cul_is(p->cells[C_PPID], CUL_LIT("2")) || cul_is(p->cells[C_PID], CUL_LIT("2")) ||
		  cul_starts(comm, CUL_LIT("kworker/"));
	cul_put(&row, cul_number("pid", p->cells[C_PID]));
	cul_put(&row, cul_number("ppid", p->cells[C_PPID]));
	cul_put(&row, cul_number("tid", p->cells[C_TID]));
	cul_put(&row, cul_text("user", p->cells[C_USER]));
	if (stat.size && stat.data[0] != '-')
		cul_put(&row, cul_text("stat", stat));
	if (state)
		cul_put(&row, cul_text("state", cul_slice(&state, 1)));
	cul_put(&row, cul_text("comm", comm));
	cul_put(&row, cul_text("command", command));
	if (cul_told(wchan) && !cul_is(wchan, CUL_LIT("0")))
		cul_put(&row, cul_text("wchan", wchan));
	cul_put(&row, cul_lead("cpu_pct", p->cells[C_CPU_PCT]));
	cul_put(&row, cul_lead("mem_pct", p->cells[C_MEM_PCT]));
	cul_put(&row, cul_size_mib("rss_mib", p->cells[C_RSS], 1024));
	cul_put(&row, cul_size_mib("vsz_mib", p->cells[C_VSZ], 1024));
	if (cul_to_seconds(p->cells[C_TIME], &seconds))
		cul_put(&row, cul_real("cpu_time_s", seconds));
	if (cul_to_int(p->cells[C_ELAPSED], &number))
		cul_put(&row, cul_real("elapsed_s", (double)number)); /* etimes */
	else if (cul_to_seconds(p->cells[C_ELAPSED], &seconds))
		cul_put(&row, cul_real("elapsed_s", seconds));
	cul_put(&row, cul_text("started", p->cells[C_STARTED]));
	cul_put(&row, cul_text("workqueue", cul_process_workqueue(comm)));
	if (kernel)
		cul_put(&row, cul_flag("kernel_thread", true));
	cul_put(&row, cul_number("threads", p->cells[C_THREADS]));
	cul_put(&row, cul_number("cpu", p->cells[C_PROCESSOR]));
	cul_process_count(tally, state, comm);
	return cul_row_emit(parse, &rec, "ps.process", &row);
}

static int
ps_bid(const struct cul_head *head)
{
	struct layout layout;
	struct process p;
	bool runs = cul_command_runs(head->command, "ps");
	int bits = runs ? 8 : 0;

	if (!head->count)
		return 0;
	if (layout_header(&layout, head->lines[0].text))
		return bits + 4 * (int)(layout.count < 8 ? layout.count : 8);
	if (runs && head->begins && layout_command(&layout, head->command) && layout.count > 1 &&
	    row_read(&layout, head->lines[0].text, &p))
		return bits + 8;
	return 0;
}

static enum cul_status
ps_section(struct cul_parse *parse)
{
	struct cul_process_tally tally = { 0 };
	struct cul_line line, first, held_line = { 0 };
	struct layout layout;
	struct process p, held = { 0 };
	enum cul_status status = CUL_OK;
	bool holding = false;
	char held_state = 0;

	if (!cul_line_next(parse, &line))
		return CUL_OK;
	first = line;
	first.text = cul_keep(parse, line.text);
	if (layout_header(&layout, line.text)) {
		layout_refine(&layout, cul_section_command(parse));
	} else if (layout_command(&layout, cul_section_command(parse))) {
		cul_line_back(parse);
	} else {
		cul_line_back(parse);
		return CUL_OK;
	}
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		if (!row_read(&layout, line.text, &p)) {
			struct layout again;

			if (layout_header(&again, line.text) && again.count == layout.count)
				continue; /* the header once more: watch, a loop */
			cul_line_back(parse);
			break;
		}
		struct cul_slice stat = p.cells[C_STAT].size ? p.cells[C_STAT] : p.cells[C_STATE];

		if (cul_is(p.cells[C_PID], CUL_LIT("-"))) { /* ps m: a thread of the process above */
			if (!held.cells[C_PID].size)
				continue;
			if (holding) {
				status = emit_process(parse, &held_line, &held, stat, &tally);
				held_state = stat.size ? stat.data[0] : 0;
				holding = false;
			} else if (stat.size && stat.data[0] == 'D' && held_state != 'D') {
				status = emit_process(parse, &line, &held, stat, &tally);
				tally.tasks--;
				held_state = 'D';
			}
			continue;
		}
		if (holding)
			status = emit_process(parse, &held_line, &held, CUL_NONE, &tally);
		holding = stat.size == 1 && stat.data[0] == '-';
		held = (struct process){ 0 };
		if (holding) {
			held_line = line;
			held_line.text = cul_keep(parse, line.text);
			if (status == CUL_OK && !row_read(&layout, held_line.text, &held))
				holding = false;
		} else if (status == CUL_OK) {
			status = emit_process(parse, &line, &p, stat, &tally);
		}
	}
	if (status == CUL_OK && holding)
		status = emit_process(parse, &held_line, &held, CUL_NONE, &tally);
	if (status == CUL_OK && tally.tasks) {
		struct cul_record rec = cul_table_record(parse, &first);

		status = cul_process_summary(parse, &rec, &tally);
	}
	return status;
}

const struct cul_parser cul_parser_ps = {
	.name = "ps",
	.about = "process lists of ps in any columns, BusyBox too",
	.kinds = CUL_KINDS(&cul_kind_ps_process, &cul_kind_ps_summary),
	.needles = CUL_LIST("PID %CPU", " PPID", "PID USER", "PID  USER", "PID   USER", "PID TTY", "PID STAT", "PID S ", "TIME COMMAND",
			    "TIME CMD", "%CPU COMMAND", "%CPU %MEM", "STAT COMMAND", "STAT WCHAN", "ELAPSED"),
	.first = CUL_LIST("DI", "WLP"),
	.bid = ps_bid,
	.section = ps_section,
};
