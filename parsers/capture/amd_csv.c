/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rocm-smi --csv; amd-smi metric, static, monitor --csv, once or watched (-w).
 *
 *   device,GPU use (%),VRAM Total Memory (B),VRAM Total Used Memory (B),Card Series
 *   card0,97,21458059264,21378568960,Radeon RX 7900 XT
 *
 *   timestamp,gpu,gfx_activity,umc_activity,mm_activity,vcn_activity,socket_power,edge,hotspot,mem
 *   1789515525,0,95,80,N/A,"['N/A', 'N/A']",1180,55,78,60
 *
 * rocm_smi.py prints the keys of its JSON as columns; amdsmi_logger.py drops the names of the sections (flatten_dict()), so that "mem" is a
 * temperature of metric and a load of monitor. A row becomes the object that JSON would have of it and amd_json.c reads it: both
 * forms give the same observations. A timestamp is seconds since 1970. Each group of columns of rocm-smi is a table of its own.
 */
#include "parsers/capture/amd_json.h"
#include "parsers/tables.h"

#define COLUMNS 320
#define HEADER 16384 /* bytes of it */

/* column, where JSON has it; monitor's own names below those of metric and static */
static const struct {
	const char *column, *section, *key;
} flat[] = {
	{ "gfx_activity", "usage", "gfx_activity" },
	{ "umc_activity", "usage", "umc_activity" },
	{ "socket_power", "power", "socket_power" },
	{ "edge", "temperature", "edge" },
	{ "hotspot", "temperature", "hotspot" },
	{ "mem", "temperature", "mem" },
	{ "total_vram", "mem_usage", "total_vram" },
	{ "used_vram", "mem_usage", "used_vram" },
	{ "total_correctable_count", "ecc", "total_correctable_count" },
	{ "total_uncorrectable_count", "ecc", "total_uncorrectable_count" },
	{ "market_name", "asic", "market_name" },
	{ "target_graphics_version", "asic", "target_graphics_version" },
	{ "bdf", "bus", "bdf" },
	{ "uuid", NULL, "uuid" },
}, monitor[] = {
	{ "power_usage", "power", "socket_power" },
	{ "hotspot_temperature", "temperature", "hotspot" },
	{ "memory_temperature", "temperature", "mem" },
	{ "gfx", "usage", "gfx_activity" },
	{ "gfx_util", "usage", "gfx_activity" },
	{ "mem", "usage", "umc_activity" },
	{ "mem_util", "usage", "umc_activity" },
	{ "vram_total", "mem_usage", "total_vram" },
	{ "vram_used", "mem_usage", "used_vram" },
	{ "single_bit_ecc", "ecc", "total_correctable_count" },
	{ "double_bit_ecc", "ecc", "total_uncorrectable_count" },
};

enum form { NONE, ROCM, METRIC, MONITOR };

static enum form
form_of(struct cul_slice line)
{
	struct cul_slice rest = line;

	if (cul_starts(line, CUL_LIT("device,")))
		return cul_has(line, CUL_LIT("GPU ")) || cul_has(line, CUL_LIT("VRAM ")) || cul_has(line, CUL_LIT("Temperature (Sensor ")) ||
				       cul_has(line, CUL_LIT("Graphics Package Power")) || cul_has(line, CUL_LIT("Card ")) ?
			       ROCM : NONE;
	cul_skip(&rest, CUL_LIT("timestamp,"));
	if (!cul_skip(&rest, CUL_LIT("gpu,")))
		return NONE;
	if (cul_has(rest, CUL_LIT("power_usage")) || cul_has(rest, CUL_LIT("vram_used,vram_total")))
		return MONITOR;
	return cul_has(rest, CUL_LIT("gfx_activity")) || cul_has(rest, CUL_LIT("socket_power")) || cul_has(rest, CUL_LIT("total_vram")) ||
			       cul_has(rest, CUL_LIT("hotspot")) || cul_has(rest, CUL_LIT("market_name")) || cul_has(rest, CUL_LIT("target_graphics_version")) ?
		       METRIC : NONE;
}

static int
csv_bid(const struct cul_head *head)
{
	return head->count && form_of(head->lines[0].text) != NONE ? 32 : 0;
}

static void
put(cJSON *object, const char *key, struct cul_slice value)
{
	char text[256];

	if (value.size >= sizeof(text) || !object)
		return;
	memcpy(text, value.data, value.size);
	text[value.size] = 0;
	cJSON_AddStringToObject(object, key, text);
}

static void
put_flat(cJSON *object, enum form form, struct cul_slice column, struct cul_slice value)
{
	size_t count = form == MONITOR ? sizeof(monitor) / sizeof(*monitor) : sizeof(flat) / sizeof(*flat);

	for (size_t i = 0; i < count; i++) {
		const char *section = form == MONITOR ? monitor[i].section : flat[i].section, *key = form == MONITOR ? monitor[i].key : flat[i].key;
		cJSON *at = object;

		if (!cul_is(column, cul_str(form == MONITOR ? monitor[i].column : flat[i].column)))
			continue;
		if (section) {
			at = cJSON_GetObjectItemCaseSensitive(object, section);
			if (!at)
				at = cJSON_AddObjectToObject(object, section);
		}
		put(at, key, value);
	}
}

static enum cul_status
take_row(struct cul_parse *parse, const struct cul_line *line, enum form form, const struct cul_slice *columns, size_t count, struct cul_slice *cells,
	 bool *mine)
{
	struct cul_slice device;
	struct cul_record rec = cul_table_record(parse, line);
	enum cul_status status = CUL_OK;
	int64_t index = -1, stamp;
	cJSON *object;
	size_t n;

	n = cul_table_csv(line->text, cells, COLUMNS);
	device = n ? cells[0] : CUL_NONE;
	*mine = form == ROCM ? cul_skip(&device, CUL_LIT("card")) && cul_all_digits(device) && cul_to_int(device, &index) : n > 1 && cul_all_digits(device);
	if (!*mine)
		return CUL_OK;
	object = cJSON_CreateObject();
	for (size_t i = 0; object && i < n && i < count; i++) {
		char name[96];

		if (form != ROCM) {
			if (cul_is(columns[i], CUL_LIT("timestamp")) && cul_to_int(cells[i], &stamp) && stamp > 0 && stamp < INT64_MAX / CUL_SECOND)
				rec.time = (struct cul_time){ .ns = stamp * CUL_SECOND, .clock = CUL_CLOCK_UTC };
			else if (cul_is(columns[i], CUL_LIT("gpu")))
				put(object, "gpu", cells[i]);
			else
				put_flat(object, form, columns[i], cells[i]);
		} else if (i && columns[i].size < sizeof(name)) {
			memcpy(name, columns[i].data, columns[i].size);
			name[columns[i].size] = 0;
			put(object, name, cells[i]);
		}
	}
	if (object)
		status = form == ROCM ? cul_amd_card(parse, &rec, index, object) : cul_amd_gpu(parse, &rec, object);
	cJSON_Delete(object);
	return status;
}

static enum cul_status
csv_section(struct cul_parse *parse)
{
	struct cul_slice *columns = cul_keep_bytes(parse, 2 * COLUMNS * sizeof(*columns));
	char *header = cul_keep_bytes(parse, HEADER); /* once: a file may have a million of them */
	enum cul_status status = CUL_OK;
	enum form form = NONE;
	struct cul_line line;
	size_t count = 0;
	bool mine = true;

	if (!columns || !header)
		return CUL_ENOMEM;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		enum form begun = form_of(line.text);

		if (begun != NONE) {
			size_t size = line.text.size < HEADER ? line.text.size : HEADER;

			form = begun;
			memcpy(header, line.text.data, size);
			count = cul_table_csv(cul_slice(header, size), columns, COLUMNS);
		} else if (!cul_blank(line.text)) {
			status = take_row(parse, &line, form, columns, count, columns + COLUMNS, &mine);
			if (!mine) {
				cul_line_back(parse);
				break;
			}
		}
	}
	return status;
}

const struct cul_parser cul_parser_amd_csv = {
	.name = "amd_csv",
	.about = "rocm-smi --csv, amd-smi --csv: GPUs",
	.kinds = CUL_KINDS(&cul_kind_amd_gpu),
	.needles = CUL_LIST("device,GPU ", "device,VRAM ", "device,Temperature ", "gpu,gfx_activity", "gpu,power_usage"),
	.first = CUL_LIST(","),
	.bid = csv_bid,
	.section = csv_section,
};
