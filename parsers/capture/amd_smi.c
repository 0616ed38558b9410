/* SPDX-License-Identifier: Apache-2.0 */
/**
 * amd-smi: the nested text of static, metric, process, list; the rows of monitor.
 *
 *   GPU: 0
 *       USAGE:
 *           GFX_ACTIVITY: 100 %
 *       MEM_USAGE:
 *           TOTAL_VRAM: 24560 MB
 *           USED_VRAM: 23900 MB
 *   GPU  POWER  GPU_TEMP  MEM_TEMP  GFX_UTIL  GFX_CLOCK  MEM_UTIL  MEM_CLOCK  …  DOUBLE_ECC  PCIE_REPLAY  VRAM_USED  VRAM_TOTAL
 *
 * amdsmi_cli/amdsmi_logger.py of amdsmi, ROCm 6.0 to 7. Four blanks a level; "MB" is MiB there. Of monitor's columns the header
 * decides; values are followed by their unit in words of their own up to 6.2 ("35 °C"). JSON: amd_json.c; CSV is not read.
 */
#include "parsers/tables.h"

struct gpu {
	struct cul_record rec, process_rec;
	struct cul_row row, process;
	struct cul_slice index;
	double used, total;
	bool open;
};

static bool
gpu_head(struct cul_slice line, struct cul_slice *index)
{
	struct cul_slice rest = line;

	if (!cul_skip(&rest, CUL_LIT("GPU: ")))
		return false;
	*index = cul_trim(rest);
	return cul_all_digits(*index) && index->size < 4;
}

static bool
monitor_head(struct cul_slice line)
{
	return cul_starts(cul_trim(line), CUL_LIT("GPU ")) && cul_has(line, CUL_LIT("POWER")) &&
	       (cul_has(line, CUL_LIT("GPU_T")) || cul_has(line, CUL_LIT("GFX%")) || cul_has(line, CUL_LIT("GFX_UTIL"))) &&
	       !cul_has(line, CUL_LIT("PwrCap"));
}

static int
amd_bid(const struct cul_head *head)
{
	struct cul_slice index;

	if (!head->count)
		return 0;
	if (monitor_head(head->lines[0].text))
		return 32;
	if (gpu_head(head->lines[0].text, &index) && head->count > 1 && cul_starts(head->lines[1].text, CUL_LIT("    ")) &&
	    cul_has(head->lines[1].text, CUL_LIT(":")))
		return 28;
	return 0;
}

static enum cul_status
flush_process(struct cul_parse *parse, struct gpu *gpu)
{
	enum cul_status status = CUL_OK;

	if (gpu->process.count > 1)
		status = cul_row_emit(parse, &gpu->process_rec, "amd.smi.process", &gpu->process);
	gpu->process.count = 0;
	return status;
}

static enum cul_status
flush(struct cul_parse *parse, struct gpu *gpu)
{
	enum cul_status status = flush_process(parse, gpu);

	if (status != CUL_OK || !gpu->open)
		return status;
	gpu->open = false;
	if (gpu->total > 0 && gpu->used >= 0)
		cul_put(&gpu->row, cul_real("used_pct", gpu->used * 100 / gpu->total));
	return gpu->row.count > 1 ? cul_row_emit(parse, &gpu->rec, "amd.smi.gpu", &gpu->row) : CUL_OK;
}

/** "24560 MB", "1.5 GB", "4096 B": binary in spite of the name. */
static bool
vram(struct cul_slice value, double *ret)
{
	double scale = cul_has(value, CUL_LIT("GB")) ? 1024 : cul_has(value, CUL_LIT("KB")) ? 1.0 / 1024 : cul_has(value, CUL_LIT("MB")) ? 1 :
		       1.0 / 1048576;

	if (!cul_lead_real(value, ret))
		return false;
	*ret *= scale;
	return true;
}

static const struct {
	const char *key, *field;
	char how; /* r number, i count, t text, b PCI address */
} keys[] = {
	{ "GFX_ACTIVITY", "util_pct", 'r' },  { "UMC_ACTIVITY", "mem_util_pct", 'r' }, { "SOCKET_POWER", "power_w", 'r' },
	{ "HOTSPOT", "temp_c", 'r' },	      { "EDGE", "temp_c", 'r' },	       { "MARKET_NAME", "gpu_name", 't' },
	{ "TARGET_GRAPHICS_VERSION", "gfx", 't' }, { "BDF", "gpu_bdf", 'b' },	       { "UUID", "gpu_uuid", 't' },
	{ "TOTAL_CORRECTABLE_COUNT", "ecc_corrected", 'i' },			       { "TOTAL_UNCORRECTABLE_COUNT", "ecc_errors", 'i' },
	{ "KFD_ID", NULL, 'i' },	      { "NODE_ID", "node", 'i' },
};

static enum cul_status
nested(struct cul_parse *parse, const struct cul_line *line, struct gpu *gpu)
{
	struct cul_slice text = cul_trim(line->text), key, value;
	enum cul_status status = CUL_OK;
	double mib;

	if (cul_starts(text, CUL_LIT("PROCESS_INFO")))
		return flush_process(parse, gpu);
	if (!cul_cut(text, CUL_LIT(":"), &key, &value))
		return CUL_OK;
	value = cul_trim(value);
	if (!cul_told(value))
		return CUL_OK;
	if (cul_is(key, CUL_LIT("NAME"))) {
		status = flush_process(parse, gpu);
		gpu->process_rec = cul_table_record(parse, line);
		gpu->process_rec.line.text = cul_keep(parse, line->text);
		cul_put(&gpu->process, cul_number("gpu_index", gpu->index));
		cul_put(&gpu->process, cul_text("comm", cul_keep(parse, cul_base_name(value))));
	} else if (cul_is(key, CUL_LIT("PID"))) {
		if (!gpu->process.count) {
			gpu->process_rec = cul_table_record(parse, line);
			gpu->process_rec.line.text = cul_keep(parse, line->text);
			cul_put(&gpu->process, cul_number("gpu_index", gpu->index));
		}
		cul_put(&gpu->process, cul_number("pid", value));
	} else if (cul_is(key, CUL_LIT("VRAM_MEM")) && gpu->process.count && vram(value, &mib)) {
		cul_put(&gpu->process, cul_real("used_mib", mib));
	} else if (cul_is(key, CUL_LIT("USED_VRAM")) && vram(value, &gpu->used)) {
		cul_put(&gpu->row, cul_real("used_mib", gpu->used));
	} else if (cul_is(key, CUL_LIT("TOTAL_VRAM")) && vram(value, &gpu->total)) {
		cul_put(&gpu->row, cul_real("total_mib", gpu->total));
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		bool had = false;

		if (!keys[i].field || !cul_is(key, cul_str(keys[i].key)))
			continue;
		for (size_t k = 0; k < gpu->row.count; k++)
			had |= !strcmp(gpu->row.args[k].name, keys[i].field);
		if (had)
			continue;
		if (keys[i].how == 'r')
			cul_put(&gpu->row, cul_lead(keys[i].field, value));
		else if (keys[i].how == 'i')
			cul_put(&gpu->row, cul_lead_int(keys[i].field, value));
		else if (keys[i].how == 'b')
			cul_put(&gpu->row, cul_bdf(keys[i].field, cul_keep(parse, value)));
		else
			cul_put(&gpu->row, cul_text(keys[i].field, cul_keep(parse, value)));
	}
	return status;
}

/** A row of monitor: units that are words of their own are dropped, then cells and header words pair up. */
static enum cul_status
monitor_row(struct cul_parse *parse, const struct cul_line *line, const struct cul_table *table, bool *mine)
{
	static const struct {
		const char *word, *field;
	} columns[] = { { "POWER", "power_w" },	     { "GPU_TEMP", "temp_c" },	 { "GPU_T", "temp_c" },	   { "MEM_TEMP", "mem_temp_c" },
			{ "MEM_T", "mem_temp_c" },   { "GFX_UTIL", "util_pct" }, { "GFX%", "util_pct" },   { "MEM_UTIL", "mem_util_pct" },
			{ "MEM%", "mem_util_pct" },  { "GFX_CLOCK", "sm_mhz" },	 { "GFX_CLK", "sm_mhz" },  { "MEM_CLOCK", "mem_mhz" },
			{ "SINGLE_ECC", "ecc_corrected" }, { "DOUBLE_ECC", "ecc_errors" }, { "VRAM_USED", "used_mib" },
			{ "VRAM_TOTAL", "total_mib" }, { "VRAM%", "used_pct" },  { "PWR_CAP", "power_limit_w" } };
	struct cul_record rec = cul_table_record(parse, line);
	struct cul_slice rest = line->text, word, cells[CUL_TABLE_COLUMNS];
	struct cul_row row = { 0 };
	size_t count = 0;

	for (word = cul_word(&rest); word.size; word = cul_word(&rest)) {
		bool unit = !(word.data[0] >= '0' && word.data[0] <= '9') && !cul_is(word, CUL_LIT("N/A")) && word.data[0] != '-';

		if (unit && count)
			continue;
		if (count == CUL_TABLE_COLUMNS)
			break;
		cells[count++] = word;
	}
	*mine = count >= 3 && count == table->count && cul_all_digits(cells[0]);
	if (!*mine)
		return CUL_OK;
	cul_put(&row, cul_number("gpu_index", cells[0]));
	for (size_t i = 1; i < count; i++)
		for (size_t k = 0; k < sizeof(columns) / sizeof(*columns); k++) {
			if (!cul_is(table->names[i], cul_str(columns[k].word)) || !cul_told(cells[i]))
				continue;
			if (cul_ends(cul_str(columns[k].field), CUL_LIT("_errors")) || cul_is(cul_str(columns[k].field), CUL_LIT("ecc_corrected")))
				cul_put(&row, cul_lead_int(columns[k].field, cells[i]));
			else
				cul_put(&row, cul_lead(columns[k].field, cells[i]));
		}
	return cul_row_emit(parse, &rec, "amd.smi.gpu", &row);
}

static enum cul_status
amd_section(struct cul_parse *parse)
{
	struct cul_table *table = cul_keep_bytes(parse, sizeof(*table));
	struct gpu *gpu = cul_keep_bytes(parse, sizeof(*gpu));
	struct cul_slice index;
	struct cul_line line;
	enum cul_status status = CUL_OK;

	if (!table || !gpu)
		return CUL_ENOMEM;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		bool mine = true;

		if (gpu_head(line.text, &index)) {
			status = flush(parse, gpu);
			memset(gpu, 0, sizeof(*gpu));
			gpu->open = true;
			gpu->used = gpu->total = -1;
			gpu->rec = cul_table_record(parse, &line);
			gpu->rec.line.text = cul_keep(parse, line.text);
			gpu->index = cul_keep(parse, index);
			cul_put(&gpu->row, cul_number("gpu_index", index));
		} else if (monitor_head(line.text)) {
			if (!table->count)
				cul_table_header(table, cul_keep(parse, line.text));
		} else if (cul_blank(line.text)) {
			continue;
		} else if (gpu->open && cul_starts(line.text, CUL_LIT("    "))) {
			status = nested(parse, &line, gpu);
		} else {
			mine = false;
			if (table->count)
				status = monitor_row(parse, &line, table, &mine);
		}
		if (!mine) {
			cul_line_back(parse);
			break;
		}
	}
	return status == CUL_OK ? flush(parse, gpu) : status;
}

const struct cul_parser cul_parser_amd_smi = {
	.name = "amd_smi",
	.about = "amd-smi static, metric, process, list, monitor",
	.kinds = CUL_KINDS(&cul_kind_amd_gpu, &cul_kind_amd_process),
	.needles = CUL_LIST("GFX_UTIL", "GFX_CLOCK", "GPU  POWER"),
	.first = CUL_LIST("UGP"),
	.bid = amd_bid,
	.section = amd_section,
};
