/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rocm-smi: the concise table of all generations, --show… list lines, --showpids.
 *
 *   GPU  Temp   AvgPwr   SCLK     MCLK     Fan     Perf  PwrCap  VRAM%  GPU%
 *   0    71.0c  243.0W   1802Mhz  1000Mhz  56.86%  auto  250.0W   21%   99%
 *   Device  Node  IDs              Temp    Power  Partitions          SCLK     MCLK     Fan    Perf  PwrCap  VRAM%  GPU%
 *   0       1     0x7550,   12087  55.0°C  231.0W  N/A, N/A, 0         2964Mhz  1258Mhz  34.9%  auto  304.0W  67%    98%
 *   GPU[0]		: VRAM Total Used Memory (B): 25753026560
 *
 * python_smi_tools/rocm_smi.py of rocm_smi_lib: ROCm 3 to 5.3, 5.4 to 5.7 ("Temp (DieEdge)"), 6.0 ("[Model : Revision]", names
 * on a line of their own), 6.1 and later. Cells are known by their unit, counted from the right, for columns came and went in
 * the middle: …, SCLK, MCLK, fan, perf, cap, VRAM %, GPU %. A table without rows says that there is no GPU.
 */
#include "parsers/tables.h"

static bool
is_head(struct cul_slice line)
{
	return cul_has(line, CUL_LIT("SCLK")) && cul_has(line, CUL_LIT("MCLK")) && cul_has(line, CUL_LIT("GPU%"));
}

static bool
is_banner(struct cul_slice line)
{
	return cul_has(line, CUL_LIT("ROCm System Management Interface"));
}

static bool
list_line(struct cul_slice line, struct cul_slice *index, struct cul_slice *key, struct cul_slice *value)
{
	struct cul_slice rest = line;

	if (!cul_skip(&rest, CUL_LIT("GPU[")))
		return false;
	*index = cul_digits(&rest);
	if (!index->size || !cul_skip(&rest, CUL_LIT("]")))
		return false;
	rest = cul_trim(rest);
	if (!cul_skip(&rest, CUL_LIT(": ")) || !cul_cut_last(rest, CUL_LIT(": "), key, value))
		return false;
	*key = cul_trim(*key);
	*value = cul_trim(*value);
	return true;
}

static int
rocm_bid(const struct cul_head *head)
{
	struct cul_slice a, b, c;

	for (size_t i = 0; i < head->count && i < 6; i++) {
		struct cul_slice line = head->lines[i].text;

		if (is_banner(line))
			return 40;
		if (is_head(line) || (i == 0 && list_line(line, &a, &b, &c)))
			return 32;
		if (!cul_blank(line) && !cul_starts(line, CUL_LIT("WARNING:")) && !cul_starts(cul_trim(line), CUL_LIT("=")))
			return 0;
	}
	return 0;
}

static void
put_unit(struct cul_row *row, const char *field, struct cul_slice cell)
{
	if (cul_told(cell) && cell.data[0] >= '0' && cell.data[0] <= '9')
		cul_put(row, cul_lead(field, cell));
}

static enum cul_status
table_row(struct cul_parse *parse, const struct cul_line *line, int64_t capture, bool node, bool *mine)
{
	struct cul_slice rest = line->text, words[32];
	struct cul_record rec = cul_table_record(parse, line);
	struct cul_row row = { 0 };
	size_t count = 0, from;

	while (count < 32 && (words[count] = cul_word(&rest)).size)
		count++;
	*mine = count >= 8 && cul_all_digits(words[0]) && words[0].size < 4 && cul_ends(words[count - 1], CUL_LIT("%"));
	if (!*mine)
		return CUL_OK;
	cul_put(&row, cul_number("gpu_index", words[0]));
	if (node)
		cul_put(&row, cul_number("node", words[1]));
	/* from the right: perf is the last word without a number before the cap */
	put_unit(&row, "util_pct", words[count - 1]);
	put_unit(&row, "used_pct", words[count - 2]);
	put_unit(&row, "power_limit_w", words[count - 3]);
	cul_put(&row, cul_text("pstate", words[count - 4]));
	put_unit(&row, "fan_pct", words[count - 5]);
	put_unit(&row, "mem_mhz", words[count - 6]);
	put_unit(&row, "sm_mhz", words[count - 7]);
	for (from = 1; from + 7 < count; from++) {
		struct cul_slice word = words[from];

		if (!word.size || !(word.data[0] >= '0' && word.data[0] <= '9'))
			continue;
		if (cul_ends(word, CUL_LIT("c")) || cul_ends(word, CUL_LIT("\xc2\xb0" "C")) || cul_ends(word, CUL_LIT("\xb0" "C")))
			put_unit(&row, "temp_c", word);
		else if (cul_ends(word, CUL_LIT("W")))
			put_unit(&row, "power_w", word);
	}
	cul_put(&row, cul_int("capture", capture));
	return cul_row_emit(parse, &rec, "amd.smi.gpu", &row);
}

static const struct {
	const char *key, *field;
	enum { L_TEXT, L_REAL, L_BYTES, L_BDF } how;
} keys[] = {
	{ "Temperature (Sensor edge) (C)", "temp_c", L_REAL },
	{ "Temperature (Sensor junction) (C)", "temp_c", L_REAL },
	{ "Temperature (Sensor memory) (C)", "mem_temp_c", L_REAL },
	{ "GPU use (%)", "util_pct", L_REAL },
	{ "GPU memory use (%)", "mem_util_pct", L_REAL },
	{ "GPU Memory Allocated (VRAM%)", "used_pct", L_REAL },
	{ "VRAM Total Memory (B)", "total_mib", L_BYTES },
	{ "VRAM Total Used Memory (B)", "used_mib", L_BYTES },
	{ "Average Graphics Package Power (W)", "power_w", L_REAL },
	{ "Current Socket Graphics Package Power (W)", "power_w", L_REAL },
	{ "Max Graphics Package Power (W)", "power_limit_w", L_REAL },
	{ "Fan speed (%)", "fan_pct", L_REAL },
	{ "Card series", "gpu_name", L_TEXT },
	{ "Card Series", "gpu_name", L_TEXT },
	{ "GFX Version", "gfx", L_TEXT },
	{ "Unique ID", "gpu_uuid", L_TEXT },
	{ "PCI Bus", "gpu_bdf", L_BDF },
	{ "Driver version", "driver_version", L_TEXT },
};

/** Lines of one GPU in a row become one observation. */
static void
list_put(struct cul_parse *parse, struct cul_row *row, struct cul_slice key, struct cul_slice value)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		if (!cul_is(key, cul_str(keys[i].key)) || !cul_told(value))
			continue;
		for (size_t k = 0; k < row->count; k++)
			if (!strcmp(row->args[k].name, keys[i].field))
				return;
		if (keys[i].how == L_TEXT)
			cul_put(row, cul_text(keys[i].field, cul_keep(parse, value)));
		else if (keys[i].how == L_BDF)
			cul_put(row, cul_bdf(keys[i].field, cul_keep(parse, value)));
		else if (keys[i].how == L_BYTES)
			cul_put(row, cul_size_mib(keys[i].field, value, 1));
		else
			cul_put(row, cul_lead(keys[i].field, value));
	}
}

struct list {
	struct cul_record rec;
	struct cul_row row;
	struct cul_slice index;
};

static enum cul_status
list_flush(struct cul_parse *parse, struct list *list)
{
	enum cul_status status = CUL_OK;

	if (list->row.count > 1)
		status = cul_row_emit(parse, &list->rec, "amd.smi.gpu", &list->row);
	list->row.count = 0;
	list->index = CUL_NONE;
	return status;
}

/** "18236   python3   1   25753026560   0   0" below "PID  PROCESS NAME  GPU(s)  VRAM USED …" */
static enum cul_status
pid_row(struct cul_parse *parse, const struct cul_line *line, bool *mine)
{
	struct cul_slice rest = line->text, pid = cul_word(&rest), words[12], name;
	struct cul_record rec = cul_table_record(parse, line);
	size_t count = 0, numbers;

	while (count < 12 && (words[count] = cul_word(&rest)).size)
		count++;
	*mine = cul_all_digits(pid) && count >= 3;
	if (!*mine)
		return CUL_OK;
	for (numbers = count; numbers > 1 && (cul_all_digits(words[numbers - 1]) || cul_is(words[numbers - 1], CUL_LIT("UNKNOWN")) ||
					      cul_is(words[numbers - 1], CUL_LIT("N/A")));
	     numbers--)
		;
	name = cul_slice(words[0].data, (size_t)(words[numbers - 1].data + words[numbers - 1].size - words[0].data));
	return cul_emit(parse, &rec, "amd.smi.process", cul_number("pid", pid), cul_text("comm", name),
			numbers < count ? cul_number("gpus", words[numbers]) : cul_text("gpus", CUL_NONE),
			numbers + 1 < count ? cul_size_mib("used_mib", words[numbers + 1], 1) : cul_text("used_mib", CUL_NONE));
}

static enum cul_status
rocm_section(struct cul_parse *parse)
{
	struct cul_slice index, key, value;
	struct cul_line line, head = { 0 };
	struct list list = { .index = CUL_NONE };
	enum cul_status status = CUL_OK;
	int64_t capture = 0, gpus = 0;
	bool table = false, node = false, pids = false, mine;

	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice text = cul_trim(line.text);

		if (list_line(text, &index, &key, &value)) {
			if (list.row.count && !cul_is(list.index, index))
				status = list_flush(parse, &list);
			if (!list.row.count) {
				list.rec = cul_table_record(parse, &line);
				list.rec.line.text = cul_keep(parse, line.text);
				list.index = cul_keep(parse, index);
				cul_put(&list.row, cul_number("gpu_index", index));
			}
			list_put(parse, &list.row, key, value);
			continue;
		}
		if (is_head(text)) {
			table = true;
			gpus = 0;
			node = cul_has(text, CUL_LIT("Node"));
			head = line;
			head.text = cul_keep(parse, line.text);
		} else if (cul_starts(text, CUL_LIT("PID")) && cul_has(text, CUL_LIT("PROCESS NAME"))) {
			pids = true;
		} else if (pids && text.size && text.data[0] >= '0' && text.data[0] <= '9') {
			status = pid_row(parse, &line, &mine);
		} else if (table && text.size && text.data[0] >= '0' && text.data[0] <= '9') {
			status = table_row(parse, &line, capture, node, &mine);
			gpus += mine;
		} else if (cul_has(text, CUL_LIT("End of ROCm SMI Log"))) {
			if (table) {
				struct cul_record rec = cul_table_record(parse, &head);

				status = cul_emit(parse, &rec, "amd.smi.summary", cul_int("gpus", gpus), cul_int("capture", capture));
			}
			if (status == CUL_OK)
				status = list_flush(parse, &list);
			capture++;
			table = pids = false;
		} else if (text.size && !is_banner(text) && text.data[0] != '=' && !cul_starts(text, CUL_LIT("WARNING:")) &&
			   !cul_starts(text, CUL_LIT("(DID,")) && !cul_starts(text, CUL_LIT("Name (20")) &&
			   !cul_starts(text, CUL_LIT("KFD process")) && !cul_starts(text, CUL_LIT("No KFD PIDs")) && !table &&
			   !cul_starts(text, CUL_LIT("GPU["))) {
			cul_line_back(parse);
			break;
		}
	}
	return status == CUL_OK ? list_flush(parse, &list) : status;
}

const struct cul_parser cul_parser_rocm_smi = {
	.name = "rocm_smi",
	.about = "rocm-smi: concise tables, --show lists, --showpids",
	.kinds = CUL_KINDS(&cul_kind_amd_gpu, &cul_kind_amd_process, &cul_kind_amd_summary),
	.needles = CUL_LIST("ROCm System Management Interface", "VRAM%  GPU%"),
	.first = CUL_LIST("=", "[GP", "RIM", "K%S", "W:G"),
	.bid = rocm_bid,
	.section = rocm_section,
};
