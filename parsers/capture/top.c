/* SPDX-License-Identifier: Apache-2.0 */
/**
 * top -b: the summary and the tasks below it, any number of rounds.
 *
 *   top - 11:02:58 up 6 days,  1:48,  3 users, load average: 257.41, 256.90, 240.66
 *   Tasks: 1151 total,   1 running, 895 sleeping,   0 stopped,   1 zombie
 *   %Cpu(s):  0.1 us,  0.2 sy,  0.0 ni, 99.6 id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st
 *   MiB Mem : 128838.9 total,  38114.2 free,   9771.5 used,  81904.6 buff/cache
 *       PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND
 *
 * procps-ng's src/top/top.c; procps 3.2 prints "Cpu(s):  1.0%us" and "Mem:  1k total". Numbers may touch their names
 * ("us,100.0 id"), decimals may be commas. VIRT and RES are KiB, with m, g, t behind them MiB, GiB, TiB. -H lists
 * threads ("Threads:"): the PID column is then a tid. The %CPU of the first round is that since boot. BusyBox' top is
 * another format and is not read.
 */
#include "parsers/tables.h"

static bool
is_head(struct cul_slice line)
{
	return cul_starts(cul_trim(line), CUL_LIT("top - ")) && cul_has(line, CUL_LIT("load average"));
}

static bool
is_columns(struct cul_slice line)
{
	return cul_has(line, CUL_LIT("PID ")) && cul_has(line, CUL_LIT("TIME")) && cul_has(line, CUL_LIT("%CPU")) &&
	       cul_has(line, CUL_LIT("RES"));
}

static int
top_bid(const struct cul_head *head)
{
	if (!head->count)
		return 0;
	if (is_head(head->lines[0].text))
		return 40;
	return is_columns(head->lines[0].text) ? 36 : 0;
}

/** The number before @name in "0.1 us,  0.2 sy" or "1.0%us,"; also when they touch: "us,100.0 id". */
static bool
number_before(struct cul_slice line, const char *name, double *ret)
{
	struct cul_slice word = cul_str(name);
	size_t at = 0, found;

	while ((found = cul_find(cul_from(line, at), word)) != SIZE_MAX) {
		size_t start = at + found, end = start + word.size, n = start;

		at = end;
		if (end < line.size && ((line.data[end] >= 'a' && line.data[end] <= 'z') || line.data[end] == '/'))
			continue;
		while (n && (line.data[n - 1] == ' ' || line.data[n - 1] == '%' || line.data[n - 1] == '+'))
			n--;
		if (n == start && n && !(line.data[n - 1] >= '0' && line.data[n - 1] <= '9') && line.data[n - 1] != 'k')
			continue;
		if (n && line.data[n - 1] == 'k')
			n--;
		end = n;
		while (n && ((line.data[n - 1] >= '0' && line.data[n - 1] <= '9') ||
			     (line.data[n - 1] == '.' || line.data[n - 1] == ',')))
			n--;
		while (n < end && (line.data[n] == ',' || line.data[n] == '.'))
			n++;
		if (n < end && cul_to_real(cul_slice(line.data + n, end - n), ret))
			return true;
	}
	return false;
}

static void
put_before(struct cul_row *row, const char *field, struct cul_slice line, const char *name, double scale)
{
	double value;

	if (number_before(line, name, &value))
		cul_put(row, cul_real(field, value * scale));
}

static void
put_count(struct cul_row *row, const char *field, struct cul_slice line, const char *name)
{
	double value;

	if (number_before(line, name, &value) && value >= 0 && value < 1e15)
		cul_put(row, cul_int(field, (int64_t)value));
}

/** One line of the head; false when it isn't one. */
static bool
summary_line(struct cul_slice line, struct cul_row *row, bool *threads)
{
	struct cul_slice text = cul_trim(line);
	double mib = 1.0 / 1024;

	if (cul_starts(text, CUL_LIT("Tasks:")) || cul_starts(text, CUL_LIT("Threads:"))) {
		*threads = text.data[1] == 'h';
		put_count(row, *threads ? "threads" : "tasks", text, "total");
		put_count(row, "running_tasks", text, "running");
		put_count(row, "zombies", text, "zombie");
		return true;
	}
	if (cul_starts(text, CUL_LIT("%Cpu(s):")) || cul_starts(text, CUL_LIT("Cpu(s):"))) {
		cul_cut(text, CUL_LIT(":"), NULL, &text);
		put_before(row, "cpu_user_pct", text, "us", 1);
		put_before(row, "cpu_system_pct", text, "sy", 1);
		put_before(row, "cpu_nice_pct", text, "ni", 1);
		put_before(row, "cpu_idle_pct", text, "id", 1);
		put_before(row, "cpu_wait_pct", text, "wa", 1);
		put_before(row, "cpu_steal_pct", text, "st", 1);
		return true;
	}
	if (cul_starts(text, CUL_LIT("%Cpu")) || cul_starts(text, CUL_LIT("Cpu")))
		return true; /* one CPU: nobody asks */
	if (cul_starts(text, CUL_LIT("MiB ")))
		mib = 1;
	else if (cul_starts(text, CUL_LIT("GiB ")))
		mib = 1024;
	if (cul_find(text, CUL_LIT("Mem")) <= 4 && cul_has(text, CUL_LIT("total"))) {
		put_before(row, "total_mib", text, "total", mib);
		put_before(row, "free_mib", text, "free", mib);
		put_before(row, "used_mib", text, "used", mib);
		put_before(row, "cache_mib", text, "buff/cache", mib);
		return true;
	}
	if (cul_find(text, CUL_LIT("Swap")) <= 4 && cul_has(text, CUL_LIT("total"))) {
		put_before(row, "swap_total_mib", text, "total", mib);
		put_before(row, "swap_used_mib", text, "used", mib);
		put_before(row, "available_mib", text, "avail", mib);
		return true;
	}
	return false;
}

struct columns {
	struct cul_table table;
	size_t pid, ppid, user, state, virt, res, cpu, mem, time, command, wchan;
};

static void
columns_read(struct columns *c, struct cul_slice line)
{
	cul_table_header(&c->table, line);
	c->pid = cul_table_column(&c->table, CUL_LIT("PID"));
	c->ppid = cul_table_column(&c->table, CUL_LIT("PPID"));
	c->user = cul_table_column(&c->table, CUL_LIT("USER"));
	c->state = cul_table_column(&c->table, CUL_LIT("S"));
	c->virt = cul_table_column(&c->table, CUL_LIT("VIRT"));
	c->res = cul_table_column(&c->table, CUL_LIT("RES"));
	c->cpu = cul_table_column(&c->table, CUL_LIT("%CPU"));
	c->mem = cul_table_column(&c->table, CUL_LIT("%MEM"));
	c->time = cul_table_column(&c->table, CUL_LIT("TIME+"));
	if (c->time == SIZE_MAX)
		c->time = cul_table_column(&c->table, CUL_LIT("TIME"));
	c->wchan = cul_table_column(&c->table, CUL_LIT("WCHAN"));
	c->command = cul_table_column(&c->table, CUL_LIT("COMMAND"));
}

static enum cul_status
task_line(struct cul_parse *parse, const struct cul_line *line, const struct columns *c, bool threads, struct cul_time time,
	  struct cul_process_tally *tally, bool *mine)
{
	struct cul_slice cells[CUL_TABLE_COLUMNS], comm, command, state = CUL_NONE;
	struct cul_record rec = cul_line_record(line, time);
	struct cul_row row = { 0 };
	size_t count = cul_table_words(&c->table, line->text, cells);
	double seconds, virt = -1;

#define CELL(i) ((i) < count ? cells[i] : CUL_NONE)
	*mine = count >= 6 && count + 1 >= c->table.count && cul_all_digits(CELL(c->pid)) && CELL(c->state).size == 1;
	if (!*mine)
		return CUL_OK;
	state = CELL(c->state);
	command = cul_trim(CELL(c->command));
	comm = command.size && command.data[0] == '[' ? cul_process_comm(command) :
	       cul_has(command, CUL_LIT("/")) && !cul_starts(command, CUL_LIT("kworker/")) &&
			       command.data[0] == '/' ? cul_process_comm(command) : command;
	cul_put(&row, cul_number(threads ? "tid" : "pid", CELL(c->pid)));
	cul_put(&row, cul_number("ppid", CELL(c->ppid)));
	cul_put(&row, cul_text("user", CELL(c->user)));
	cul_put(&row, cul_text("stat", state));
	cul_put(&row, cul_text("state", state));
	cul_put(&row, cul_text("comm", comm));
	cul_put(&row, cul_text("command", command));
	cul_put(&row, cul_text("wchan", CELL(c->wchan)));
	cul_put(&row, cul_lead("cpu_pct", CELL(c->cpu)));
	cul_put(&row, cul_lead("mem_pct", CELL(c->mem)));
	cul_put(&row, cul_size_mib("rss_mib", CELL(c->res), 1024));
	cul_put(&row, cul_size_mib("vsz_mib", CELL(c->virt), 1024));
	if (cul_to_seconds(CELL(c->time), &seconds))
		cul_put(&row, cul_real("cpu_time_s", seconds));
	cul_put(&row, cul_text("workqueue", cul_process_workqueue(comm)));
	if (cul_lead_real(CELL(c->virt), &virt) && virt == 0 && state.data[0] != 'Z')
		cul_put(&row, cul_flag("kernel_thread", true));
	cul_process_count(tally, state.data[0], comm);
	return cul_row_emit(parse, &rec, "ps.process", &row);
#undef CELL
}

/** "top - 11:02:58 up 6 days,  1:48,  3 users, load average: …" */
static struct cul_record
head_line(struct cul_parse *parse, const struct cul_line *line, struct cul_row *row)
{
	struct cul_slice text = line->text, hms = CUL_NONE, up = CUL_NONE, load, users;
	double loads[3], seconds;

	cul_cut(text, CUL_LIT("top - "), NULL, &hms);
	if (cul_cut(hms, CUL_LIT(" up "), NULL, &up) && cul_uptime_read(up, &seconds))
		cul_put(row, cul_real("uptime_s", seconds));
	if (cul_cut(up, CUL_LIT(" user"), &users, NULL))
		for (size_t n = users.size; n > 0; n--)
			if (users.data[n - 1] == ' ') {
				cul_put(row, cul_number("users", cul_from(users, n)));
				break;
			}
	if (cul_cut(text, CUL_LIT("load average"), NULL, &load) && cul_cut(load, CUL_LIT(":"), NULL, &load) &&
	    cul_load_read(load, loads)) {
		cul_put(row, cul_real("load_1m", loads[0]));
		cul_put(row, cul_real("load_5m", loads[1]));
		cul_put(row, cul_real("load_15m", loads[2]));
	}
	return cul_table_record_at(parse, line, hms);
}

static enum cul_status
top_section(struct cul_parse *parse)
{
	struct cul_line line;
	enum cul_status status = CUL_OK;

	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_row row = { 0 };
		struct cul_record rec;
		struct columns columns;
		struct cul_process_tally tally = { 0 };
		bool threads = false, table = false, mine = true;

		if (cul_blank(line.text))
			continue;
		if (is_head(line.text)) {
			rec = head_line(parse, &line, &row);
			rec.line.text = cul_keep(parse, line.text);
			while (cul_line_next(parse, &line)) {
				if (cul_blank(line.text) || summary_line(line.text, &row, &threads))
					continue;
				table = is_columns(line.text);
				if (!table)
					cul_line_back(parse);
				break;
			}
			status = cul_row_emit(parse, &rec, "top.summary", &row);
		} else if (is_columns(line.text)) {
			rec = cul_table_record(parse, &line);
			rec.line.text = cul_keep(parse, line.text);
			table = true;
		} else {
			cul_line_back(parse);
			break;
		}
		if (!table)
			continue;
		columns_read(&columns, is_columns(line.text) ? cul_keep(parse, line.text) : line.text);
		while (status == CUL_OK && mine && cul_line_next(parse, &line)) {
			status = task_line(parse, &line, &columns, threads, rec.time, &tally, &mine);
			if (!mine)
				cul_line_back(parse);
		}
		if (status == CUL_OK && tally.tasks)
			status = cul_process_summary(parse, &rec, &tally);
	}
	return status;
}

const struct cul_parser cul_parser_top = {
	.name = "top",
	.about = "top -b: load, CPU and memory summary, tasks",
	.kinds = CUL_KINDS(CUL_SAMPLES("top.summary", 1, "top", F_LOAD_1M, F_LOAD_5M, F_LOAD_15M, F_UPTIME_S, F_USERS, F_TASKS, F_THREADS,
				       F_RUNNING_TASKS, F_ZOMBIES, F_CPU_USER_PCT, F_CPU_SYSTEM_PCT, F_CPU_NICE_PCT, F_CPU_IDLE_PCT,
				       F_CPU_WAIT_PCT, F_CPU_STEAL_PCT, F_TOTAL_MIB, F_FREE_MIB, F_USED_MIB, F_CACHE_MIB,
				       F_SWAP_TOTAL_MIB, F_SWAP_USED_MIB, F_AVAILABLE_MIB),
			   &cul_kind_ps_process, &cul_kind_ps_summary),
	.needles = CUL_LIST("top - ", "%CPU  %MEM     TIME+", "SHR S "),
	.first = CUL_LIST("%PDR", "-vg"),
	.bid = top_bid,
	.section = top_section,
};
