/* SPDX-License-Identifier: Apache-2.0 */
/**
 * uptime, the first line of w, /proc/loadavg.
 *
 *    17:53:02 up  4:41,  2 users,  load average: 396.09, 396.14, 396.22
 *   257.41 256.90 240.66 3/2911 141377
 *
 * procps-ng's library/uptime.c, BusyBox' procps/uptime.c; fs/proc/loadavg.c. Decimals may be commas, which then
 * also separate: ", " does. /proc/loadavg is read only where the command or the file name says what it is.
 */
#include "parsers/tables.h"

static bool
is_uptime(struct cul_slice line)
{
	struct cul_slice text = cul_trim(line), digits = text;

	return cul_digits(&digits).size && cul_has(text, CUL_LIT(" up ")) && cul_has(text, CUL_LIT("load average"));
}

static bool
is_loadavg(struct cul_slice line)
{
	struct cul_slice last = CUL_NONE, word;
	int count = 0;
	double loads[3];

	if (!cul_load_read(line, loads))
		return false;
	for (word = cul_word(&line); word.size && count < 6; word = cul_word(&line)) {
		if (count == 3)
			last = word;
		count++;
	}
	return count == 5 && cul_has(last, CUL_LIT("/"));
}

static int
uptime_bid(const struct cul_head *head)
{
	if (!head->count)
		return 0;
	if (is_uptime(head->lines[0].text))
		return 28;
	if ((cul_has(head->command, CUL_LIT("loadavg")) || cul_ends(head->name, CUL_LIT("loadavg"))) &&
	    is_loadavg(head->lines[0].text))
		return 24;
	return 0;
}

static enum cul_status
uptime_section(struct cul_parse *parse)
{
	struct cul_line line;
	struct cul_row row = { 0 };
	struct cul_record rec;
	struct cul_slice text, up, load = CUL_NONE, users, run, all;
	double loads[3], seconds;

	if (!cul_line_next(parse, &line))
		return CUL_OK;
	text = cul_trim(line.text);
	if (is_uptime(text)) {
		rec = cul_table_record_at(parse, &line, text);
		if (cul_cut(text, CUL_LIT(" up "), NULL, &up) && cul_uptime_read(up, &seconds))
			cul_put(&row, cul_real("uptime_s", seconds));
		if (cul_cut(text, CUL_LIT(" user"), &users, NULL) && cul_cut_last(users, CUL_LIT(" "), NULL, &users))
			cul_put(&row, cul_number("users", users));
		cul_cut(text, CUL_LIT("load average"), NULL, &load);
		cul_cut(load, CUL_LIT(":"), NULL, &load);
	} else if (is_loadavg(text)) {
		rec = cul_table_record(parse, &line);
		load = text;
		for (int i = 0; i < 4; i++)
			run = cul_word(&text);
		if (cul_cut(run, CUL_LIT("/"), &run, &all)) {
			cul_put(&row, cul_number("running_tasks", run));
			cul_put(&row, cul_number("tasks", all));
		}
	} else {
		cul_line_back(parse);
		return CUL_OK;
	}
	if (!cul_load_read(load, loads))
		return CUL_OK;
	cul_put(&row, cul_real("load_1m", loads[0]));
	cul_put(&row, cul_real("load_5m", loads[1]));
	cul_put(&row, cul_real("load_15m", loads[2]));
	return cul_row_emit(parse, &rec, "host.load", &row);
}

const struct cul_parser cul_parser_uptime = {
	.name = "uptime",
	.about = "uptime, w, /proc/loadavg: load averages",
	.kinds = CUL_KINDS(&cul_kind_host_load),
	.needles = CUL_LIST("load average:", "load averages:"),
	.bid = uptime_bid,
	.section = uptime_section,
};
