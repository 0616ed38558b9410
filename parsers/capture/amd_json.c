/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rocm-smi --json and amd-smi … --json.
 *
 *   {"card0": {"GPU use (%)": "97", "VRAM Total Memory (B)": "25753026560", "PCI Bus": "0000:03:00.0"}, "system": {"PID1821": "python3, 1, 9000, 0, 0"}}
 *   [{"gpu": 0, "usage": {"gfx_activity": {"value": 97, "unit": "%"}}, "mem_usage": {"total_vram": {"value": 24560, "unit": "MB"}, …}}]
 *
 * rocm_smi.py prints all values as text; amdsmi_logger.py prints leaves of value and unit or "N/A", from ROCm 7 on
 * below "gpu_data". Warnings may stand before the JSON; they are a section of their own.
 */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>

#include "parsers/capture/amd_json.h"
#include "parsers/json_section.h"
#include "parsers/tables.h"

static bool is_amd(struct cul_slice text)
{
	struct cul_slice key;
	while (text.size && cul_cut(text, CUL_LIT("\""), NULL, &text)) {
		key = text;
		if (text.size && memchr("cgpt", text.data[0], 4) && cul_cut(text, CUL_LIT("\""), &key, NULL) &&
		    (cul_is(key, CUL_LIT("card0")) || cul_is(key, CUL_LIT("card1")) || cul_is(key, CUL_LIT("gfx_activity")) ||
		     cul_is(key, CUL_LIT("gpu_data")) || cul_is(key, CUL_LIT("process_list")) || cul_is(key, CUL_LIT("target_graphics_version"))))
			return true;
	}
	return false;
}

static int amd_json_bid(const struct cul_head *head)
{
	if (!head->count)
		return 0;
	struct cul_slice first = cul_trim(head->lines[0].text);
	if (!first.size || (first.data[0] != '{' && first.data[0] != '['))
		return 0;
	bool told = cul_has(head->command, CUL_LIT("rocm-smi")) || cul_has(head->command, CUL_LIT("amd-smi"));
	for (size_t i = 0; i < head->count; i++)
		if (is_amd(head->lines[i].text))
			return told ? 40 : 28;
	return 0;
}

/* A number of a leaf: 97, "97", "35.0", {"value": 97, "unit": "%"}; NAN for what is none. */
static double number(const cJSON *leaf)
{
	if (cJSON_IsObject(leaf))
		leaf = cJSON_GetObjectItemCaseSensitive(leaf, "value");
	if (cJSON_IsNumber(leaf))
		return leaf->valuedouble;
	double value;
	if (cJSON_IsString(leaf) && cul_to_real(cul_trim(cul_str(leaf->valuestring)), &value))
		return value;
	return NAN;
}

static struct cul_slice words(const cJSON *leaf)
{
	struct cul_slice text = cJSON_IsString(leaf) ? cul_trim(cul_str(leaf->valuestring)) : CUL_NONE;
	return cul_is(text, CUL_LIT("N/A")) ? CUL_NONE : text;
}

/* The first of the paths that gives a number. */
static double first_number(const cJSON *node, const char *const *paths)
{
	double value = NAN;
	for (; *paths && isnan(value); paths++)
		value = number(cul_json_at(node, *paths));
	return value;
}

static struct cul_slice first_words(const cJSON *node, const char *const *paths)
{
	struct cul_slice text = CUL_NONE;
	for (; *paths && !text.size; paths++)
		text = words(cul_json_at(node, *paths));
	return text;
}

/* "MB" of amd-smi is MiB; bytes where it says B. */
static double mib(const cJSON *node, const char *path)
{
	const cJSON *leaf = cul_json_at(node, path);
	const cJSON *unit = cJSON_IsObject(leaf) ? cJSON_GetObjectItemCaseSensitive(leaf, "unit") : NULL;
	double value = number(leaf);
	if (cJSON_IsString(unit) && !strcmp(unit->valuestring, "B"))
		return value / 1048576;
	if (cJSON_IsString(unit) && !strcmp(unit->valuestring, "GB"))
		return value * 1024;
	return value;
}

/* The object of one card of rocm-smi: keys carry their unit in brackets and change with the release. */
enum cul_status cul_amd_card(struct cul_parse *parse, const struct cul_record *rec, int64_t index, const cJSON *node)
{
	double total = number(cul_json_at(node, "VRAM Total Memory (B)")) / 1048576, used = number(cul_json_at(node, "VRAM Total Used Memory (B)")) / 1048576;
	double share = first_number(node, CUL_LIST("GPU Memory Allocated (VRAM%)", "GPU memory use (%)"));
	if (isnan(share) && total > 0)
		share = used * 100 / total;
	const cJSON *power = NULL, *temp = NULL, *mem_temp = NULL;
	for (const cJSON *child = node->child; child; child = child->next) {
		struct cul_slice key = cul_str(child->string);
		if (cul_has(key, CUL_LIT("Graphics Package Power (W)")) && !cul_has(key, CUL_LIT("Max")))
			power = child;
		else if (cul_starts(key, CUL_LIT("Temperature (Sensor ")) && cul_has(key, CUL_LIT("memory")))
			mem_temp = child;
		else if (cul_starts(key, CUL_LIT("Temperature (Sensor ")) && !temp)
			temp = child;
	}
	return cul_emit(parse, rec, "amd.smi.gpu", cul_int("gpu_index", index), cul_bdf("gpu_bdf", words(cul_json_at(node, "PCI Bus"))),
			cul_text("gpu_name", first_words(node, CUL_LIST("Card series", "Device Name", "Card model"))),
			cul_text("gfx", words(cul_json_at(node, "GFX Version"))), cul_real("util_pct", number(cul_json_at(node, "GPU use (%)"))),
			cul_real("used_pct", share), cul_real("used_mib", used), cul_real("total_mib", total), cul_real("power_w", number(power)),
			cul_real("power_limit_w", number(cul_json_at(node, "Max Graphics Package Power (W)"))), cul_real("temp_c", number(temp)),
			cul_real("mem_temp_c", number(mem_temp)), cul_real("fan_pct", number(cul_json_at(node, "Fan speed (%)"))));
}

/* "PID1821": "python3, 1, 9000, 0, 0": name, GPUs, bytes of VRAM, … */
static enum cul_status rocm_process(struct cul_parse *parse, const struct cul_record *rec, const cJSON *leaf)
{
	struct cul_slice cells[8], key = cul_str(leaf->string);
	if (!cul_skip(&key, CUL_LIT("PID")) || !cJSON_IsString(leaf))
		return CUL_OK;
	size_t n = cul_table_csv(cul_str(leaf->valuestring), cells, 8);
	double bytes;
	return cul_emit(parse, rec, "amd.smi.process", cul_number("pid", key), cul_text("comm", n > 0 ? cells[0] : CUL_NONE),
			cul_number("gpus", n > 1 ? cells[1] : CUL_NONE),
			cul_real("used_mib", n > 2 && cul_to_real(cells[2], &bytes) ? bytes / 1048576 : NAN));
}

enum cul_status cul_amd_gpu(struct cul_parse *parse, const struct cul_record *rec, const cJSON *node)
{
	double index = number(cul_json_at(node, "gpu"));
	if (isnan(index) || index < 0 || index > 1e6)
		return CUL_OK;
	double total = mib(node, cul_json_at(node, "mem_usage") ? "mem_usage.total_vram" : "vram.size"), used = mib(node, "mem_usage.used_vram");
	struct cul_slice bdf = first_words(node, CUL_LIST("bus.bdf", "bdf")), name = words(cul_json_at(node, "asic.market_name"));
	double util = first_number(node, CUL_LIST("usage.gfx_activity", "gfx_util")), power = first_number(node, CUL_LIST("power.socket_power", "power_usage"));
	enum cul_status status = CUL_OK;
	if (!isnan(total) || !isnan(used) || bdf.size || name.size || !isnan(util) || !isnan(power))
		status = cul_emit(parse, rec, "amd.smi.gpu", cul_int("gpu_index", (int64_t)index), cul_bdf("gpu_bdf", bdf),
				  cul_text("gpu_uuid", words(cul_json_at(node, "uuid"))), cul_text("gpu_name", name),
				  cul_text("gfx", words(cul_json_at(node, "asic.target_graphics_version"))), cul_text("driver_version", words(cul_json_at(node, "driver.version"))),
				  cul_real("util_pct", util), cul_real("mem_util_pct", number(cul_json_at(node, "usage.umc_activity"))), cul_real("power_w", power),
				  cul_real("temp_c", first_number(node, CUL_LIST("temperature.edge", "temperature.hotspot"))),
				  cul_real("mem_temp_c", number(cul_json_at(node, "temperature.mem"))), cul_real("used_mib", used), cul_real("total_mib", total),
				  cul_real("used_pct", total > 0 ? used * 100 / total : NAN),
				  cul_real("ecc_corrected", number(cul_json_at(node, "ecc.total_correctable_count"))),
				  cul_real("ecc_errors", number(cul_json_at(node, "ecc.total_uncorrectable_count"))));
	const cJSON *list = cul_json_at(node, "process_list"), *entry;
	cJSON_ArrayForEach(entry, list) {
		const cJSON *info = cul_json_at(entry, "process_info");
		if (status != CUL_OK || isnan(number(cul_json_at(info, "pid"))))
			continue;
		status = cul_emit(parse, rec, "amd.smi.process", cul_int("gpu_index", (int64_t)index), cul_real("pid", number(cul_json_at(info, "pid"))),
				  cul_text("comm", words(cul_json_at(info, "name"))),
				  cul_real("used_mib", mib(info, cul_json_at(info, "memory_usage.vram_mem") ? "memory_usage.vram_mem" : "mem_usage")));
	}
	return status;
}

static enum cul_status emit_all(struct cul_parse *parse, const struct cul_record *rec, const cJSON *root)
{
	enum cul_status status = CUL_OK;
	const cJSON *entry, *inner;
	if (cJSON_IsObject(root) && cul_json_at(root, "gpu_data"))
		root = cul_json_at(root, "gpu_data");
	cJSON_ArrayForEach(entry, root) {
		if (status != CUL_OK)
			break;
		struct cul_slice key = cul_str(entry->string);
		int64_t index;
		if (!key.size)
			status = cul_amd_gpu(parse, rec, entry);
		else if (cul_skip(&key, CUL_LIT("card")) && cul_to_int(key, &index) && cJSON_IsObject(entry))
			status = cul_amd_card(parse, rec, index, entry);
		else if (cul_is(cul_str(entry->string), CUL_LIT("system")))
			cJSON_ArrayForEach(inner, entry)
				if (status == CUL_OK)
					status = rocm_process(parse, rec, inner);
	}
	return status;
}

static enum cul_status amd_json_section(struct cul_parse *parse)
{
	struct cul_json_section *json = cul_keep_bytes(parse, sizeof(*json));
	enum cul_status status = CUL_OK;

	if (!json)
		return CUL_ENOMEM;
	cul_json_take(parse, json, NULL, false);
	cJSON *root = cul_json_read(json);
	struct cul_record rec = cul_table_record(parse, &json->first);
	if (root)
		status = emit_all(parse, &rec, root);
	else if (json->first.number)
		status = cul_damaged(parse, &rec, "JSON of an AMD tool that is cut off or garbled");
	cJSON_Delete(root);
	free(json->text);
	return status;
}

const struct cul_parser cul_parser_amd_json = {
	.name = "amd_json",
	.about = "rocm-smi --json, amd-smi --json: GPUs and processes",
	.kinds = CUL_KINDS(&cul_kind_amd_gpu, &cul_kind_amd_process),
	.needles = CUL_LIST("{\"card0\":", "[{\"gpu\":", "{\"gpu_data\":"),
	.first = CUL_LIST("{", "["),
	.bid = amd_json_bid,
	.section = amd_json_section,
};
