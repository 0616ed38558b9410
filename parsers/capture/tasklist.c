/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Windows' tasklist: plain, /v, /fo csv, /fo list is not read.
 *
 *   Image Name                     PID Session Name        Session#    Mem Usage Status          User Name       CPU Time Window Title
 *   ========================= ======== ================ =========== ============ =============== ============ ============ ============
 *   ollama.exe                   20412 Console                    1  1,988,204 K Unknown         LLM-WIN02\svc    7:15:24 N/A
 *
 *   "Image Name","PID","Session Name","Session#","Mem Usage"
 *
 * tasklist.exe of Windows XP and later. The rule of '=' tells where the columns stand, in any language; their order is
 * fixed: name, pid, session, session number, memory, then with /v status, user, CPU time, title. Thousands are
 * separated by the locale's mark (1,988,204 K, 1.988.204 K, 1 988 204 K with a no-break space).
 */
#include "parsers/tables.h"

#define MOST 9

struct columns {
	size_t start[MOST], end[MOST], count;
};

/** "===== === ==" -> where they stand. */
static bool
rule_read(struct cul_slice line, struct columns *c)
{
	size_t i = 0;

	c->count = 0;
	while (i < line.size) {
		if (line.data[i] == ' ' || line.data[i] == '\t') {
			i++;
			continue;
		}
		size_t start = i;

		while (i < line.size && line.data[i] == '=')
			i++;
		if (i == start || c->count == MOST)
			return false;
		c->start[c->count] = start;
		c->end[c->count++] = i;
	}
	return c->count >= 3 && c->end[0] - c->start[0] >= 10;
}

static bool
is_csv_head(struct cul_slice line)
{
	return cul_starts(line, CUL_LIT("\"Image Name\",\"PID\",")) || cul_starts(line, CUL_LIT("\"Abbildname\",\"PID\","));
}

static int
tasklist_bid(const struct cul_head *head)
{
	struct columns c;

	if (!head->count)
		return 0;
	if (is_csv_head(head->lines[0].text))
		return 40;
	if (head->count > 1 && rule_read(head->lines[1].text, &c) && cul_has(head->lines[0].text, CUL_LIT("PID")))
		return 36;
	return 0;
}

/** "1,988,204 K" in any locale -> MiB. */
static bool
memory(struct cul_slice text, double *ret)
{
	double kib = 0;
	int digits = 0;

	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] >= '0' && text.data[i] <= '9') {
			kib = kib * 10 + (text.data[i] - '0');
			digits++;
		}
	*ret = kib / 1024;
	return digits > 0 && digits < 16;
}

static enum cul_status
emit_task(struct cul_parse *parse, const struct cul_line *line, struct cul_slice *cells, size_t count,
	  struct cul_process_tally *tally)
{
	struct cul_record rec = cul_table_record(parse, line);
	struct cul_row row = { 0 };
	double value;

	cul_put(&row, cul_number("pid", cells[1]));
	if (count > 6 && cul_told(cells[6]))
		cul_put(&row, cul_text("user", cells[6]));
	if (count > 5 && cul_told(cells[5]))
		cul_put(&row, cul_text("stat", cells[5]));
	cul_put(&row, cul_text("comm", cells[0]));
	cul_put(&row, cul_text("command", cells[0]));
	if (count > 4 && memory(cells[4], &value))
		cul_put(&row, cul_real("rss_mib", value));
	if (count > 7 && cul_to_seconds(cul_word(&cells[7]), &value)) /* narrow ones let the title slip in */
		cul_put(&row, cul_real("cpu_time_s", value));
	tally->tasks++;
	return cul_row_emit(parse, &rec, "ps.process", &row);
}

static enum cul_status
tasklist_section(struct cul_parse *parse)
{
	struct cul_process_tally tally = { 0 };
	struct columns c;
	struct cul_line line, head;
	enum cul_status status = CUL_OK;
	bool csv;

	if (!cul_line_next(parse, &head))
		return CUL_OK;
	head.text = cul_keep(parse, head.text);
	csv = is_csv_head(head.text);
	if (!csv && (!cul_line_next(parse, &line) || !rule_read(line.text, &c)))
		return CUL_OK;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice cells[MOST + 3];
		size_t count = 0;

		if (csv) {
			count = cul_table_csv(line.text, cells, MOST);
		} else {
			/* widths count characters, the name may hold more bytes: split from where bytes and columns agree */
			for (; count < c.count; count++) {
				struct cul_slice text = cul_from(line.text, c.start[count]);
				size_t width = count + 1 < c.count ? c.start[count + 1] - c.start[count] : text.size;

				if (text.size > width)
					text.size = width;
				cells[count] = cul_trim(text);
			}
		}
		if (count < 2 || !cells[0].size || !cul_all_digits(cells[1])) {
			cul_line_back(parse);
			break;
		}
		status = emit_task(parse, &line, cells, count, &tally);
	}
	if (status == CUL_OK && tally.tasks) {
		struct cul_record rec = cul_table_record(parse, &head);

		status = cul_emit(parse, &rec, "ps.summary", cul_int("tasks", tally.tasks));
	}
	return status;
}

const struct cul_parser cul_parser_tasklist = {
	.name = "tasklist",
	.about = "Windows tasklist: plain, /v, CSV",
	.kinds = CUL_KINDS(&cul_kind_ps_process, &cul_kind_ps_summary),
	.needles = CUL_LIST("Image Name ", "\"Image Name\",", "Abbildname"),
	.first = CUL_LIST("\"", "DPI"),
	.bid = tasklist_bid,
	.section = tasklist_section,
};
