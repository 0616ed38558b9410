/* SPDX-License-Identifier: Apache-2.0 */
/**
 * vmstat, one line or many.
 *
 *   procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
 *    r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st
 *    2  0      0 1021412 204800 4080920   0    0     5    12  110  220  3  1 95  1  0
 *
 * procps-ng's src/vmstat.c; "gu" came with 4.0.4, -t adds a time. Columns go by the second header line. The first sample is that
 * since boot. Memory is KiB unless -S says otherwise, which shows nowhere: it is not read.
 */
#include "parsers/tables.h"

static bool
is_head(struct cul_slice line)
{
	return cul_is(cul_word(&line), CUL_LIT("r")) && cul_is(cul_word(&line), CUL_LIT("b")) && cul_is(cul_word(&line), CUL_LIT("swpd")) &&
	       cul_has(line, CUL_LIT(" us sy id"));
}

static int
vmstat_bid(const struct cul_head *head)
{
	if (head->count && is_head(head->lines[0].text))
		return 32;
	return head->count > 1 && cul_starts(cul_trim(head->lines[0].text), CUL_LIT("procs")) && is_head(head->lines[1].text) ? 32 : 0;
}

static enum cul_status
vmstat_section(struct cul_parse *parse)
{
	static const struct {
		const char *word, *field;
	} columns[] = { { "r", "running_tasks" },    { "b", "blocked_tasks" }, { "si", "swap_in" },	  { "so", "swap_out" },
			{ "bi", "blocks_in" },	     { "bo", "blocks_out" },   { "us", "cpu_user_pct" },  { "sy", "cpu_system_pct" },
			{ "id", "cpu_idle_pct" },    { "wa", "cpu_wait_pct" }, { "st", "cpu_steal_pct" } };
	struct cul_table *table = cul_keep_bytes(parse, sizeof(*table));
	struct cul_line line;
	enum cul_status status = CUL_OK;

	if (!table)
		return CUL_ENOMEM;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice cells[CUL_TABLE_COLUMNS];
		struct cul_record rec = cul_table_record(parse, &line);
		struct cul_row row = { 0 };
		size_t count;

		if (cul_starts(cul_trim(line.text), CUL_LIT("procs")))
			continue;
		if (is_head(line.text)) {
			if (!table->count)
				cul_table_header(table, cul_keep(parse, line.text));
			continue;
		}
		count = table->count ? cul_table_words(table, line.text, cells) : 0;
		if (count < 15 || !cul_all_digits(cells[0]) || !cul_all_digits(cells[1]) || !cul_all_digits(cells[2])) {
			cul_line_back(parse);
			break;
		}
		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < sizeof(columns) / sizeof(*columns); k++)
				if (cul_is(table->names[i], cul_str(columns[k].word)))
					cul_put(&row, k < 6 ? cul_lead_int(columns[k].field, cells[i]) : cul_lead(columns[k].field, cells[i]));
		status = cul_row_emit(parse, &rec, "host.vmstat", &row);
	}
	return status;
}

const struct cul_parser cul_parser_vmstat = {
	.name = "vmstat",
	.about = "vmstat: running and blocked tasks, swapping, I/O, CPU",
	.kinds = CUL_KINDS(CUL_SAMPLES("host.vmstat", 1, "vmstat", F_RUNNING_TASKS, F_BLOCKED_TASKS, F_SWAP_IN, F_SWAP_OUT, F_BLOCKS_IN,
				       F_BLOCKS_OUT, F_CPU_USER_PCT, F_CPU_SYSTEM_PCT, F_CPU_IDLE_PCT, F_CPU_WAIT_PCT, F_CPU_STEAL_PCT)),
	.needles = CUL_LIST("r  b   swpd", "r  b    swpd", "procs -----"),
	.first = CUL_LIST("wpyd", "pcors"),
	.bid = vmstat_bid,
	.section = vmstat_section,
};
