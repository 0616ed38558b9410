/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nvidia-smi dmon and pmon: samples in columns.
 *
 *   # gpu   pwr gtemp mtemp    sm   mem   enc   dec  mclk  pclk
 *   # Idx     W     C     C     %     %     %     %   MHz   MHz
 *       0    52    33    35   100    11     0     0   877   382
 *   # gpu        pid  type    sm   mem   enc   dec   command
 *       0      18236     C    98    61     -     -   python
 *
 * Drivers 352 and later; the header comes again every 30 rows or so, -o DT puts date and time in front ("#Date  Time").
 * Columns are found by the header's words; "-" is no value.
 */
#include "parsers/tables.h"

static bool
is_head(struct cul_slice line)
{
	struct cul_slice text = cul_trim(line);

	return cul_skip(&text, CUL_LIT("#")) && (cul_has(text, CUL_LIT("gpu ")) || cul_has(text, CUL_LIT("Gpu "))) &&
	       (cul_has(text, CUL_LIT(" sm ")) || cul_has(text, CUL_LIT(" pwr ")) || cul_has(text, CUL_LIT(" pid ")) ||
		cul_has(text, CUL_LIT(" mclk")) || cul_has(text, CUL_LIT(" fb "))) &&
	       !cul_has(text, CUL_LIT(","));
}

static int
dmon_bid(const struct cul_head *head)
{
	return head->count && is_head(head->lines[0].text) ? 32 : 0;
}

static const struct {
	const char *word, *gpu, *process;
} columns[] = {
	{ "pwr", "power_w", NULL },  { "gtemp", "temp_c", NULL },    { "temp", "temp_c", NULL },   { "mtemp", "mem_temp_c", NULL },
	{ "sm", "util_pct", "util_pct" }, { "mem", "mem_util_pct", "mem_util_pct" }, { "mclk", "mem_mhz", NULL },
	{ "pclk", "sm_mhz", NULL },  { "fb", "used_mib", "used_mib" },
};

static enum cul_status
sample(struct cul_parse *parse, const struct cul_line *line, const struct cul_table *table, bool *mine)
{
	struct cul_slice cells[CUL_TABLE_COLUMNS], gpu = CUL_NONE, pid = CUL_NONE, date = CUL_NONE;
	struct cul_record rec = cul_table_record(parse, line);
	struct cul_row row = { 0 };
	size_t count = cul_table_words(table, line->text, cells);
	bool processes = cul_table_column(table, CUL_LIT("pid")) != SIZE_MAX;

	for (size_t i = 0; i < count; i++) {
		if (cul_is(table->names[i], CUL_LIT("gpu")))
			gpu = cells[i];
		else if (cul_is(table->names[i], CUL_LIT("pid")))
			pid = cells[i];
		else if (cul_is(table->names[i], CUL_LIT("Date")))
			date = cells[i];
		else if (cul_is(table->names[i], CUL_LIT("Time"))) {
			struct cul_time day = { .ns = CUL_NO_TIME }, hms;
			struct cul_slice text = cells[i];

			if (date.size == 8 && cul_all_digits(date) && cul_clock_hms(&text, &hms)) {
				int64_t ymd;

				cul_to_int(date, &ymd);
				day.ns = cul_clock_civil(ymd / 10000, (int)(ymd / 100 % 100), (int)(ymd % 100), 0, 0, 0, 0) + hms.ns;
				day.clock = CUL_CLOCK_LOCAL;
				rec.time = day;
			} else {
				rec = cul_table_record_at(parse, line, cells[i]);
			}
		}
	}
	*mine = count + 1 >= table->count && cul_all_digits(gpu);
	if (!*mine)
		return CUL_OK;
	cul_put(&row, cul_number("gpu_index", gpu));
	if (processes) {
		if (!cul_all_digits(pid))
			return CUL_OK; /* "-": nothing runs there */
		cul_put(&row, cul_number("pid", pid));
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < sizeof(columns) / sizeof(*columns); k++) {
			const char *field = processes ? columns[k].process : columns[k].gpu;

			if (field && cul_is(table->names[i], cul_str(columns[k].word)) && cul_told(cells[i]))
				cul_put(&row, cul_lead(field, cells[i]));
		}
		if (processes && cul_is(table->names[i], CUL_LIT("type")) && cul_told(cells[i]))
			cul_put(&row, cul_text("type", cells[i]));
		if (processes && cul_is(table->names[i], CUL_LIT("command")))
			cul_put(&row, cul_text("comm", cul_trim(cells[i])));
	}
	return cul_row_emit(parse, &rec, processes ? "nvidia.smi.process" : "nvidia.smi.gpu", &row);
}

static enum cul_status
dmon_section(struct cul_parse *parse)
{
	struct cul_table *table = cul_keep_bytes(parse, sizeof(*table));
	struct cul_line line;
	enum cul_status status = CUL_OK;
	bool mine = true;

	if (!table)
		return CUL_ENOMEM;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		if (is_head(line.text)) {
			/* names are compared to those of the header that stands: keep a new one only if it differs */
			struct cul_slice text = cul_trim(line.text);

			cul_skip(&text, CUL_LIT("#"));
			if (!table->count || table->names[0].data == NULL || table->ends[table->count - 1] != text.size)
				cul_table_header(table, cul_keep(parse, text));
			continue;
		}
		if (cul_starts(cul_trim(line.text), CUL_LIT("#")) && table->count)
			continue;
		if (cul_blank(line.text))
			continue;
		status = table->count ? sample(parse, &line, table, &mine) : CUL_OK;
		if (!table->count || !mine) {
			cul_line_back(parse);
			break;
		}
	}
	return status;
}

const struct cul_parser cul_parser_dmon = {
	.name = "dmon",
	.about = "nvidia-smi dmon and pmon: samples of GPUs and processes",
	.kinds = CUL_KINDS(&cul_kind_nvidia_gpu, &cul_kind_nvidia_process),
	.needles = CUL_LIST("# gpu ", "#gpu ", "   gpu    pwr", "   gpu        pid"),
	.first = CUL_LIST("#"),
	.bid = dmon_bid,
	.section = dmon_section,
};
