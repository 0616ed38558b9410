/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nvidia-smi --query-gpu=… / --query-compute-apps=… --format=csv[,noheader][,nounits], with -l and -lms too.
 *
 *   timestamp, index, name, memory.used [MiB], memory.total [MiB], utilization.gpu [%], power.draw [W]
 *   2024/06/11 08:00:00.137, 0, NVIDIA RTX A6000, 38440 MiB, 49140 MiB, 97 %, 285.45 W
 *   pid, process_name, used_gpu_memory [MiB]
 *
 * The properties are those of `nvidia-smi --help-query-gpu` (drivers 340 to 610). Without a header the command line's
 * list names the columns; without either nothing is read. A query of processes that answers nothing says that there
 * are none. [N/A], [Not Supported] are left out; [Unknown Error], [GPU is lost], [GPU requires reset] are faults. Names of
 * hosts in a column "node" or "host" (people prefix them) are taken as the row's host.
 */
#include "parsers/tables.h"

#define MOST 64

enum how { H_NONE, H_TIME, H_INT, H_REAL, H_MIB, H_TEXT, H_BDF, H_REASONS, H_FLAG, H_COMMAND, H_HOST };

struct property {
	const char *name, *field;
	enum how how;
	char kind; /* g GPU, p process, c clocks, l link, e ECC, r remap, a recovery; * any */
};

static const struct property properties[] = {
	{ "timestamp", NULL, H_TIME, '*' },
	{ "index", "gpu_index", H_INT, '*' },
	{ "gpu_index", "gpu_index", H_INT, '*' },
	{ "gpu", "gpu_index", H_INT, '*' },
	{ "node", NULL, H_HOST, '*' },
	{ "host", NULL, H_HOST, '*' },
	{ "hostname", NULL, H_HOST, '*' },
	{ "pci.bus_id", "gpu_bdf", H_BDF, '*' },
	{ "gpu_bus_id", "gpu_bdf", H_BDF, '*' },
	{ "gpu_pci_bus_id", "gpu_bdf", H_BDF, '*' },
	{ "uuid", "gpu_uuid", H_TEXT, '*' },
	{ "gpu_uuid", "gpu_uuid", H_TEXT, '*' },
	{ "name", "gpu_name", H_TEXT, 'g' },
	{ "gpu_name", "gpu_name", H_TEXT, 'g' },
	{ "driver_version", "driver_version", H_TEXT, 'g' },
	{ "persistence_mode", "persistence", H_TEXT, 'g' },
	{ "utilization.gpu", "util_pct", H_REAL, 'g' },
	{ "utilization.memory", "mem_util_pct", H_REAL, 'g' },
	{ "memory.used", "used_mib", H_MIB, 'g' },
	{ "memory.free", "free_mib", H_MIB, 'g' },
	{ "memory.reserved", "reserved_mib", H_MIB, 'g' },
	{ "memory.total", "total_mib", H_MIB, 'g' },
	{ "power.draw", "power_w", H_REAL, 'g' },
	{ "power.draw.instant", "power_w", H_REAL, 'g' },
	{ "power.draw.average", "power_w", H_REAL, 'g' },
	{ "power.limit", "power_limit_w", H_REAL, 'g' },
	{ "enforced.power.limit", "power_limit_w", H_REAL, 'g' },
	{ "temperature.gpu", "temp_c", H_REAL, 'g' },
	{ "temperature.memory", "mem_temp_c", H_REAL, 'g' },
	{ "fan.speed", "fan_pct", H_REAL, 'g' },
	{ "pstate", "pstate", H_TEXT, 'g' },
	{ "clocks.current.sm", "sm_mhz", H_REAL, 'g' },
	{ "clocks.sm", "sm_mhz", H_REAL, 'g' },
	{ "clocks.current.graphics", "sm_mhz", H_REAL, 'g' },
	{ "clocks.gr", "sm_mhz", H_REAL, 'g' },
	{ "clocks.current.memory", "mem_mhz", H_REAL, 'g' },
	{ "clocks.mem", "mem_mhz", H_REAL, 'g' },
	{ "ecc.mode.current", "ecc_mode", H_TEXT, 'g' },
	{ "compute_mode", "compute_mode", H_TEXT, 'g' },
	{ "mig.mode.current", "mig_mode", H_TEXT, 'g' },
	{ "minor_number", "minor", H_INT, 'g' },
	{ "pid", "pid", H_INT, 'p' },
	{ "process_name", "command", H_COMMAND, 'p' },
	{ "used_gpu_memory", "used_mib", H_MIB, 'p' },
	{ "used_memory", "used_mib", H_MIB, 'p' },
	{ "gpu_utilization", "util_pct", H_REAL, 'p' },
	{ "mem_utilization", "mem_util_pct", H_REAL, 'p' },
	{ "max_memory_usage", "used_mib", H_MIB, 'p' },
	{ "pcie.link.gen.current", "gen_current", H_INT, 'l' },
	{ "pcie.link.gen.gpucurrent", "gen_current", H_INT, 'l' },
	{ "pcie.link.gen.max", "gen_max", H_INT, 'l' },
	{ "pcie.link.width.current", "width_current", H_INT, 'l' },
	{ "pcie.link.width.max", "width_max", H_INT, 'l' },
	{ "clocks_throttle_reasons.active", "reasons", H_REASONS, 'c' },
	{ "clocks_event_reasons.active", "reasons", H_REASONS, 'c' },
	{ "clocks_throttle_reasons.hw_slowdown", "hw_slowdown", H_FLAG, 'c' },
	{ "clocks_event_reasons.hw_slowdown", "hw_slowdown", H_FLAG, 'c' },
	{ "clocks_throttle_reasons.hw_thermal_slowdown", "hw_thermal_slowdown", H_FLAG, 'c' },
	{ "clocks_event_reasons.hw_thermal_slowdown", "hw_thermal_slowdown", H_FLAG, 'c' },
	{ "clocks_throttle_reasons.hw_power_brake_slowdown", "hw_power_brake", H_FLAG, 'c' },
	{ "clocks_event_reasons.hw_power_brake_slowdown", "hw_power_brake", H_FLAG, 'c' },
	{ "clocks_throttle_reasons.sw_power_cap", "sw_power_cap", H_FLAG, 'c' },
	{ "clocks_event_reasons.sw_power_cap", "sw_power_cap", H_FLAG, 'c' },
	{ "clocks_throttle_reasons.sw_thermal_slowdown", "sw_thermal_slowdown", H_FLAG, 'c' },
	{ "clocks_event_reasons.sw_thermal_slowdown", "sw_thermal_slowdown", H_FLAG, 'c' },
	{ "clocks_throttle_reasons.gpu_idle", "clocks_idle", H_FLAG, 'c' },
	{ "clocks_event_reasons.gpu_idle", "clocks_idle", H_FLAG, 'c' },
	{ "clocks.max.sm", "sm_max_mhz", H_REAL, 'c' },
	{ "clocks.max.graphics", "sm_max_mhz", H_REAL, 'c' },
	{ "ecc.errors.corrected.volatile.total", "volatile_corrected", H_INT, 'e' },
	{ "ecc.errors.uncorrected.volatile.total", "volatile_uncorrected", H_INT, 'e' },
	{ "ecc.errors.corrected.aggregate.total", "aggregate_corrected", H_INT, 'e' },
	{ "ecc.errors.uncorrected.aggregate.total", "aggregate_uncorrected", H_INT, 'e' },
	{ "remapped_rows.correctable", "correctable_rows", H_INT, 'r' },
	{ "remapped_rows.uncorrectable", "uncorrectable_rows", H_INT, 'r' },
	{ "remapped_rows.pending", "pending", H_TEXT, 'r' },
	{ "remapped_rows.failure", "failure", H_TEXT, 'r' },
	{ "gpu_recovery_action", "action", H_TEXT, 'a' },
	{ "reset_status.reset_required", "reset_required", H_TEXT, 'a' },
};

/* "name" is short for process_name in a query of processes */
static const struct property process_name = { "process_name", "command", H_COMMAND, 'p' };

struct layout {
	const struct property *columns[MOST]; /* NULL: known to nobody */
	bool milli[MOST];
	size_t count, known;
	bool processes;
};

static bool
layout_read(struct layout *layout, struct cul_slice line)
{
	struct cul_slice cells[MOST];
	size_t count = cul_table_csv(line, cells, MOST);

	*layout = (struct layout){ 0 };
	for (size_t i = 0; i < count; i++) {
		struct cul_slice name = cells[i];

		cul_cut(name, CUL_LIT(" ["), &name, NULL);
		if (!name.size || (!(name.data[0] >= 'a' && name.data[0] <= 'z')))
			return false;
		for (size_t k = 0; k < name.size; k++)
			if (!((name.data[k] >= 'a' && name.data[k] <= 'z') || strchr("._0123456789", name.data[k])))
				return false;
		for (size_t k = 0; k < sizeof(properties) / sizeof(*properties); k++)
			if (cul_is(name, cul_str(properties[k].name)))
				layout->columns[i] = &properties[k];
		if (layout->columns[i]) {
			/* "timestamp, index, name, pid" may be anybody's header: names that only nvidia-smi has count */
			layout->known += cul_has(name, CUL_LIT(".")) || cul_has(name, CUL_LIT("_")) || cul_is(name, CUL_LIT("uuid")) ||
							 cul_is(name, CUL_LIT("pstate")) ?
						 2 : 0;
			layout->processes |= layout->columns[i]->kind == 'p';
		}
	}
	layout->count = count;
	for (size_t i = 0; layout->processes && i < count; i++)
		if (layout->columns[i] && cul_is(cul_str(layout->columns[i]->name), CUL_LIT("name")))
			layout->columns[i] = &process_name;
	return count > 0 && layout->known >= 2;
}

/** "--query-gpu=a,b" of the command line; @bare: there is no header below. */
static bool
layout_command(struct layout *layout, struct cul_slice command, bool *bare)
{
	static const char *const options[] = { "--query-gpu", "--query-compute-apps", "--query-accounted-apps", "--query-apps" };
	struct cul_slice rest = CUL_NONE, list;

	for (size_t i = 0; i < sizeof(options) / sizeof(*options) && !rest.size; i++)
		cul_cut(command, cul_str(options[i]), NULL, &rest);
	if (!rest.size || (rest.data[0] != '=' && rest.data[0] != ' '))
		return false;
	rest = cul_from(rest, 1);
	list = cul_word(&rest);
	*bare = cul_has(command, CUL_LIT("noheader"));
	return layout_read(layout, list) || layout->count;
}

static int
csv_bid(const struct cul_head *head)
{
	struct layout layout;
	struct cul_slice first = head->count ? cul_trim(head->lines[0].text) : CUL_NONE;
	bool bare, named = first.size && ((first.data[0] >= 'a' && first.data[0] <= 'z') || first.data[0] == '"');

	if (named && cul_has(head->lines[0].text, CUL_LIT(",")) && layout_read(&layout, head->lines[0].text))
		return 12 + 4 * (int)(layout.known < 6 ? layout.known : 6);
	if (head->begins && head->command.size && layout_command(&layout, head->command, &bare) && layout.count) {
		if (!head->count)
			return layout.processes ? 20 : 0;
		struct cul_slice cells[MOST];

		if (layout_read(&layout, head->lines[0].text)) /* a single column */
			return 24;
		layout_command(&layout, head->command, &bare);
		return bare && cul_table_csv(head->lines[0].text, cells, MOST) == layout.count ? 24 : 0;
	}
	return 0;
}

static const struct {
	uint64_t bit;
	const char *word, *flag;
} reasons[] = {
	{ 0x1, "gpu_idle", "clocks_idle" },
	{ 0x2, "applications_clocks_setting", NULL },
	{ 0x4, "sw_power_cap", "sw_power_cap" },
	{ 0x8, "hw_slowdown", "hw_slowdown" },
	{ 0x10, "sync_boost", NULL },
	{ 0x20, "sw_thermal_slowdown", "sw_thermal_slowdown" },
	{ 0x40, "hw_thermal_slowdown", "hw_thermal_slowdown" },
	{ 0x80, "hw_power_brake_slowdown", "hw_power_brake" },
	{ 0x100, "display_clock_setting", NULL },
};

static void
put_reasons(struct cul_parse *parse, struct cul_row *row, struct cul_slice cell)
{
	uint64_t mask;
	char words[256];
	size_t size = 0;

	if (!cul_to_hex(cell, &mask))
		return;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		bool on = mask & reasons[i].bit;
		size_t n = strlen(reasons[i].word);

		if (reasons[i].flag)
			cul_put(row, cul_flag(reasons[i].flag, on));
		if (on && size + n + 1 < sizeof(words)) {
			if (size)
				words[size++] = ' ';
			memcpy(words + size, reasons[i].word, n);
			size += n;
		}
	}
	cul_put(row, cul_text("reasons", cul_keep(parse, cul_slice(words, size))));
}

static bool
is_fault(struct cul_slice cell)
{
	return cul_has(cell, CUL_LIT("GPU is lost")) || cul_has(cell, CUL_LIT("Unknown Error")) ||
	       cul_has(cell, CUL_LIT("requires reset")) || cul_has(cell, CUL_LIT("ERR!"));
}

static void
put_cell(struct cul_parse *parse, struct cul_row *row, const struct property *p, struct cul_slice cell)
{
	switch (p->how) {
	case H_INT:
		cul_put(row, cul_lead_int(p->field, cell));
		break;
	case H_REAL:
		cul_put(row, cul_lead(p->field, cell));
		break;
	case H_MIB:
		cul_put(row, cul_size_mib(p->field, cell, 1048576));
		break;
	case H_TEXT:
		cul_put(row, cul_text(p->field, cell));
		break;
	case H_BDF:
		cul_put(row, cul_bdf(p->field, cell));
		break;
	case H_REASONS:
		put_reasons(parse, row, cell);
		break;
	case H_FLAG:
		cul_put(row, cul_flag(p->field, cul_is(cell, CUL_LIT("Active"))));
		break;
	case H_COMMAND:
		cul_put(row, cul_text("comm", cul_has(cell, CUL_LIT("\\")) ? cul_base_name(cell) : cul_process_comm(cell)));
		cul_put(row, cul_text("command", cell));
		break;
	default:
		break;
	}
}

static enum cul_status
emit_row(struct cul_parse *parse, const struct cul_line *line, const struct layout *layout, const struct cul_slice *cells)
{
	static const struct {
		char kind;
		const char *name;
	} kinds[] = { { 'c', "nvidia.smi.clocks" }, { 'l', "nvidia.smi.pcie" }, { 'e', "nvidia.smi.ecc" },
		      { 'r', "nvidia.smi.remap" },  { 'a', "nvidia.smi.recovery" } };
	struct cul_record rec = cul_table_record(parse, line);
	struct cul_row row = { 0 };
	struct cul_slice fault = CUL_NONE;
	enum cul_status status;
	double used = -1, total = -1;

	for (size_t i = 0; i < layout->count; i++) {
		const struct property *p = layout->columns[i];
		struct cul_slice cell = cells[i];

		if (p && p->how == H_TIME) {
			struct cul_time time;

			if (cul_clock_iso(&cell, &time))
				rec.time = time;
		} else if (p && p->how == H_HOST) {
			rec.host = cell;
		}
		if (is_fault(cell))
			fault = cell;
		if (!p || !cul_told(cell) || is_fault(cell))
			continue;
		if (p->kind == '*' || p->kind == (layout->processes ? 'p' : 'g'))
			put_cell(parse, &row, p, cell);
		if (p->field && !strcmp(p->field, "used_mib"))
			cul_size_to_mib(cell, 1048576, &used);
		if (p->field && !strcmp(p->field, "total_mib"))
			cul_size_to_mib(cell, 1048576, &total);
	}
	if (layout->processes)
		return cul_row_emit(parse, &rec, "nvidia.smi.process", &row);
	if (used >= 0 && total > 0)
		cul_put(&row, cul_real("used_pct", used * 100 / total));
	cul_put(&row, cul_text("fault", fault));
	status = cul_row_emit(parse, &rec, "nvidia.smi.gpu", &row);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds) && status == CUL_OK; k++) {
		struct cul_row part = { 0 };
		bool any = false;

		for (size_t i = 0; i < layout->count; i++) {
			const struct property *p = layout->columns[i];
			bool shared = p && kinds[k].kind == 'l' && p->field &&
				      (!strcmp(p->field, "pstate") || !strcmp(p->field, "util_pct") || !strcmp(p->field, "power_w"));

			if (!p || !cul_told(cells[i]) || is_fault(cells[i]) || (p->kind != kinds[k].kind && p->kind != '*' && !shared))
				continue;
			put_cell(parse, &part, p, cells[i]);
			any |= p->kind == kinds[k].kind;
		}
		if (any)
			status = cul_row_emit(parse, &rec, kinds[k].name, &part);
	}
	return status;
}

static enum cul_status
csv_section(struct cul_parse *parse)
{
	struct layout layout;
	struct cul_line line = { 0 }, first = { 0 };
	enum cul_status status = CUL_OK;
	int64_t rows = 0, capture = 0;
	bool bare = false, any;

	any = cul_line_next(parse, &line);
	if (!any || !layout_read(&layout, line.text)) {
		if (!layout_command(&layout, cul_section_command(parse), &bare)) {
			if (any)
				cul_line_back(parse);
			return CUL_OK;
		}
		if (any)
			cul_line_back(parse);
		first = cul_section_line(parse);
	} else {
		first = line;
	}
	first.text = cul_keep(parse, first.text);
	while (status == CUL_OK && any && cul_line_next(parse, &line)) {
		struct cul_slice cells[MOST + 1];
		struct layout again;
		size_t count;

		if (cul_blank(line.text))
			continue;
		if (layout_read(&again, line.text)) {
			if (again.count == layout.count && again.processes == layout.processes) {
				layout = again; /* -l with a header each time, or two captures of one query */
				capture++;
				continue;
			}
			cul_line_back(parse);
			break;
		}
		count = cul_table_csv(line.text, cells, MOST + 1);
		if (count != layout.count) {
			cul_line_back(parse);
			break;
		}
		if (!rows && layout.columns[0] && cul_starts(cells[0], cul_str(layout.columns[0]->name)))
			continue; /* a header of generic names only */
		rows++;
		status = emit_row(parse, &line, &layout, cells);
	}
	if (status == CUL_OK && layout.processes && !rows) {
		struct cul_record rec = cul_table_record(parse, &first);

		status = cul_emit(parse, &rec, "nvidia.smi.summary", cul_int("processes", 0), cul_string("process_table", "none"),
				  cul_real("listed_mib", 0), cul_int("capture", capture));
	}
	return status;
}

const struct cul_parser cul_parser_nvidia_csv = {
	.name = "nvidia_csv",
	.about = "nvidia-smi --query-gpu, --query-compute-apps: CSV with or without header",
	.kinds = CUL_KINDS(&cul_kind_nvidia_gpu, &cul_kind_nvidia_process, &cul_kind_nvidia_summary, &cul_kind_nvidia_clocks,
			   &cul_kind_nvidia_pcie, &cul_kind_nvidia_ecc, &cul_kind_nvidia_remap, &cul_kind_nvidia_recovery),
	.needles = CUL_LIST("memory.used", "utilization.gpu", "pci.bus_id", "used_gpu_memory", "used_memory", "power.draw", "temperature.gpu",
			    "index, name", "index, uuid", "name, uuid", "pid, process_name"),
	.first = CUL_LIST(","),
	.bid = csv_bid,
	.section = csv_section,
};
