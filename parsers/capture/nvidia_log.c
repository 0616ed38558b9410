/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What nvidia-smi -q says, line by line, as text or as what nvidia_xml.c makes of XML: keys in their tree become fields of a GPU,
 * its parts, its MIG devices and its processes.
 *
 *       MIG Device
 *           Index                         : 0
 *           GPU Instance ID               : 1
 *           Compute Instance ID           : 0
 *           FB Memory Usage
 *               Total                     : 20096 MiB
 *
 * A MIG device's memory comes out as nvidia.smi.mig and never as its GPU's.
 */
#include "parsers/capture/nvidia_log.h"
#include "parsers/capture/nvidia_q.h"

#define DEPTH 10

struct gpu {
	struct cul_record rec;
	struct cul_slice bdf, uuid, pstate;
	int64_t index, volatile_c, volatile_u, aggregate_c, aggregate_u, sram_u, dram_u;
	double used, total, util, power;
	bool open, has_volatile, has_aggregate, has_sram, has_dram, faulty;
	struct cul_slice fault;
	struct cul_row card, ecc, remap, retired, clocks, pcie, fabric, recovery;
	char reasons[256];
	size_t reasons_size;
	struct cul_row process;
	struct cul_record process_rec;
	struct cul_slice gi, ci; /* of the process */
	struct cul_nvidia_mig mig;
};

struct cul_nvidia_log {
	struct cul_slice names[DEPTH];
	size_t indents[DEPTH], depth;
	struct cul_slice driver, cuda;
	int64_t next_index;
	bool picked;
	struct gpu gpu;
};

static bool
under(const struct cul_nvidia_log *log, const char *name)
{
	for (size_t i = 0; i < log->depth; i++)
		if (cul_starts(log->names[i], cul_str(name)))
			return true;
	return false;
}

static void
put_who(struct cul_row *out, const struct gpu *gpu)
{
	if (gpu->index >= 0)
		cul_put(out, cul_int("gpu_index", gpu->index));
	cul_put(out, cul_bdf("gpu_bdf", gpu->bdf));
	cul_put(out, cul_text("gpu_uuid", gpu->uuid));
}

static enum cul_status
emit_part(struct cul_parse *parse, const struct gpu *gpu, const char *kind, const struct cul_row *part)
{
	struct cul_row row = { 0 };

	if (!part->count)
		return CUL_OK;
	put_who(&row, gpu);
	for (size_t i = 0; i < part->count; i++)
		cul_put(&row, part->args[i]);
	return cul_row_emit(parse, &gpu->rec, kind, &row);
}

static enum cul_status
emit_process(struct cul_parse *parse, struct gpu *gpu)
{
	struct cul_row row = { 0 };
	char room[32];
	enum cul_status status;

	if (!gpu->process.count)
		return CUL_OK;
	put_who(&row, gpu);
	cul_nvidia_mig_put(&row, gpu->gi, gpu->ci, room);
	for (size_t i = 0; i < gpu->process.count; i++)
		cul_put(&row, gpu->process.args[i]);
	status = cul_row_emit(parse, &gpu->process_rec, "nvidia.smi.process", &row);
	gpu->process.count = 0;
	return status;
}

static enum cul_status
emit_gpu(struct cul_parse *parse, struct cul_nvidia_log *log)
{
	struct gpu *gpu = &log->gpu;
	enum cul_status status = CUL_OK;
	struct cul_row who = { 0 };

	if (!gpu->open)
		return CUL_OK;
	if (gpu->total > 0 && gpu->used >= 0)
		cul_put(&gpu->card, cul_real("used_pct", gpu->used * 100 / gpu->total));
	if (gpu->card.count || gpu->faulty) {
		cul_put(&gpu->card, cul_text("driver_version", log->driver));
		cul_put(&gpu->card, cul_text("cuda_version", log->cuda));
		cul_put(&gpu->card, cul_text("fault", gpu->fault));
	}
	if (gpu->clocks.count)
		cul_put(&gpu->clocks, cul_text("reasons", cul_slice(gpu->reasons, gpu->reasons_size)));
	if (gpu->has_volatile) {
		cul_put(&gpu->ecc, cul_int("volatile_corrected", gpu->volatile_c));
		cul_put(&gpu->ecc, cul_int("volatile_uncorrected", gpu->volatile_u));
	}
	if (gpu->has_aggregate) {
		cul_put(&gpu->ecc, cul_int("aggregate_corrected", gpu->aggregate_c));
		cul_put(&gpu->ecc, cul_int("aggregate_uncorrected", gpu->aggregate_u));
	}
	if (gpu->has_sram)
		cul_put(&gpu->ecc, cul_int("sram_uncorrected", gpu->sram_u));
	if (gpu->has_dram)
		cul_put(&gpu->ecc, cul_int("dram_uncorrected", gpu->dram_u));
	if (gpu->pcie.count) {
		cul_put(&gpu->pcie, cul_text("pstate", gpu->pstate));
		if (gpu->util >= 0)
			cul_put(&gpu->pcie, cul_real("util_pct", gpu->util));
		if (gpu->power >= 0)
			cul_put(&gpu->pcie, cul_real("power_w", gpu->power));
	}
	const struct {
		const char *kind;
		const struct cul_row *row;
	} parts[] = { { "nvidia.smi.gpu", &gpu->card },	      { "nvidia.smi.ecc", &gpu->ecc },	      { "nvidia.smi.remap", &gpu->remap },
		      { "nvidia.smi.retired-pages", &gpu->retired }, { "nvidia.smi.clocks", &gpu->clocks },
		      { "nvidia.smi.pcie", &gpu->pcie },      { "nvidia.smi.fabric", &gpu->fabric }, { "nvidia.smi.recovery", &gpu->recovery } };

	put_who(&who, gpu);
	status = cul_nvidia_mig_emit(parse, &gpu->mig, &who);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && status == CUL_OK; i++)
		status = emit_part(parse, gpu, parts[i].kind, parts[i].row);
	if (status == CUL_OK)
		status = emit_process(parse, gpu);
	gpu->open = false;
	return status;
}

static enum cul_status
begin_gpu(struct cul_parse *parse, struct cul_nvidia_log *log, const struct cul_line *line, struct cul_slice bdf)
{
	enum cul_status status = emit_gpu(parse, log);
	struct gpu *gpu = &log->gpu;

	memset(gpu, 0, sizeof(*gpu));
	gpu->rec = cul_table_record(parse, line);
	gpu->rec.line.text = cul_keep(parse, line->text);
	gpu->bdf = cul_keep(parse, bdf);
	gpu->index = bdf.size && !log->picked ? log->next_index++ : -1;
	gpu->used = gpu->total = gpu->util = gpu->power = -1;
	gpu->open = true;
	return status;
}

static void
ecc_value(struct cul_nvidia_log *log, struct cul_slice key, struct cul_slice value)
{
	struct gpu *gpu = &log->gpu;
	bool aggregate = under(log, "Aggregate"), uncorrectable, single, dbl;
	int64_t count;

	if (cul_starts(key, CUL_LIT("SRAM Threshold Exceeded"))) {
		cul_put(&gpu->ecc, cul_text("sram_threshold", value));
		return;
	}
	if ((!aggregate && !under(log, "Volatile")) || under(log, "Aggregate Uncorrectable SRAM Sources") || !cul_to_int(value, &count) ||
	    count < 0)
		return;
	single = under(log, "Single Bit");
	dbl = under(log, "Double Bit");
	if ((single || dbl) && !cul_is(key, CUL_LIT("Total")))
		return;
	uncorrectable = dbl || cul_has(key, CUL_LIT("Uncorrectable"));
	if (!single && !dbl && !cul_has(key, CUL_LIT("orrectable")))
		return;
	if (aggregate) {
		gpu->has_aggregate = true;
		*(uncorrectable ? &gpu->aggregate_u : &gpu->aggregate_c) += count;
		return;
	}
	gpu->has_volatile = true;
	*(uncorrectable ? &gpu->volatile_u : &gpu->volatile_c) += count;
	if (uncorrectable && cul_starts(key, CUL_LIT("SRAM"))) {
		gpu->has_sram = true;
		gpu->sram_u += count;
	} else if (uncorrectable && cul_starts(key, CUL_LIT("DRAM"))) {
		gpu->has_dram = true;
		gpu->dram_u += count;
	}
}

static void
reason_value(struct gpu *gpu, struct cul_slice key, struct cul_slice value)
{
	static const struct {
		const char *key, *field;
	} flags[] = { { "HW Slowdown", "hw_slowdown" },
		      { "HW Thermal Slowdown", "hw_thermal_slowdown" },
		      { "HW Power Brake Slowdown", "hw_power_brake" },
		      { "SW Power Cap", "sw_power_cap" },
		      { "SW Thermal Slowdown", "sw_thermal_slowdown" },
		      { "Idle", "clocks_idle" } };
	bool active = cul_is(value, CUL_LIT("Active"));

	if (!active && !cul_is(value, CUL_LIT("Not Active")))
		return;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (cul_is(key, cul_str(flags[i].key)))
			cul_put(&gpu->clocks, cul_flag(flags[i].field, active));
	if (!active || gpu->reasons_size + key.size + 1 >= sizeof(gpu->reasons))
		return;
	if (gpu->reasons_size)
		gpu->reasons[gpu->reasons_size++] = ' ';
	for (size_t i = 0; i < key.size; i++) {
		char c = key.data[i];

		gpu->reasons[gpu->reasons_size++] = c == ' ' ? '_' : c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
	}
}

static enum cul_status
process_value(struct cul_parse *parse, struct cul_nvidia_log *log, const struct cul_line *line, struct cul_slice key, struct cul_slice value)
{
	struct gpu *gpu = &log->gpu;
	enum cul_status status = CUL_OK;

	if (cul_starts(key, CUL_LIT("GPU instance ID")) || (cul_is(key, CUL_LIT("Process ID")) && gpu->process.count)) {
		status = emit_process(parse, gpu);
		gpu->gi = gpu->ci = CUL_NONE;
	}
	if (cul_starts(key, CUL_LIT("GPU instance ID"))) {
		gpu->gi = value;
	} else if (cul_starts(key, CUL_LIT("Compute instance ID"))) {
		gpu->ci = value;
	} else if (cul_is(key, CUL_LIT("Process ID"))) {
		gpu->process_rec = cul_table_record(parse, line);
		gpu->process_rec.line.text = cul_keep(parse, line->text);
		cul_put(&gpu->process, cul_number("pid", value));
	} else if (gpu->process.count && cul_is(key, CUL_LIT("Type"))) {
		cul_put(&gpu->process, cul_text("type", value));
	} else if (gpu->process.count && cul_is(key, CUL_LIT("Name"))) {
		cul_put(&gpu->process, cul_text("comm", cul_has(value, CUL_LIT("\\")) ? cul_base_name(value) : cul_process_comm(value)));
		cul_put(&gpu->process, cul_text("command", value));
	} else if (gpu->process.count && cul_starts(key, CUL_LIT("Used GPU Memory"))) {
		cul_put(&gpu->process, cul_size_mib("used_mib", value, 1048576));
	}
	return status;
}

/** @value is kept. The first of equal fields stays. */
static void
card_value(struct cul_nvidia_log *log, struct cul_slice key, struct cul_slice value)
{
	struct gpu *gpu = &log->gpu;
	struct cul_row *const parts[] = { &gpu->card, &gpu->ecc, &gpu->remap, &gpu->retired, &gpu->pcie, &gpu->fabric, &gpu->recovery };

	if (!log->depth && cul_is(key, CUL_LIT("GPU UUID")))
		gpu->uuid = value;
	else if (!log->depth && cul_is(key, CUL_LIT("Performance State")))
		gpu->pstate = value;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct cul_row *row = parts[values[i].part];
		const char *field = values[i].field;
		bool had = false;

		if (!cul_is(key, cul_str(values[i].key)) || (values[i].section ? !under(log, values[i].section) : log->depth > 0))
			continue;
		for (size_t k = 0; k < row->count; k++)
			had |= !strcmp(row->args[k].name, field);
		if (had)
			continue;
		cul_put(row, values[i].how == 't' ? cul_text(field, value) :
			     values[i].how == 'n' ? cul_number(field, value) :
			     values[i].how == 'i' ? cul_lead_int(field, value) :
			     values[i].how == 'm' ? cul_size_mib(field, value, 1048576) : cul_lead(field, value));
		if (!strcmp(field, "used_mib"))
			cul_size_to_mib(value, 1048576, &gpu->used);
		else if (!strcmp(field, "total_mib"))
			cul_size_to_mib(value, 1048576, &gpu->total);
		else if (!strcmp(field, "util_pct"))
			cul_lead_real(value, &gpu->util);
		else if (!strcmp(field, "power_w"))
			cul_lead_real(value, &gpu->power);
	}
}

bool
cul_nvidia_log_gpu(struct cul_slice line, struct cul_slice *bdf)
{
	char checked[16];
	struct cul_slice rest = line;

	if (!cul_skip(&rest, CUL_LIT("GPU ")))
		return false;
	*bdf = cul_trim(rest);
	return cul_to_bdf(*bdf, checked);
}

bool
cul_nvidia_log_part(struct cul_slice line)
{
	static const char *const parts[] = { "Fabric",	      "Clocks Throttle Reasons", "Clocks Event Reasons", "ECC Errors", "Remapped Rows",
					     "Retired Pages", "GPU Link Info",		 "FB Memory Usage",	 "GPU Reset Status" };

	if (!cul_starts(line, CUL_LIT("    ")))
		return false;
	line = cul_trim(line);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (cul_is(line, cul_str(parts[i])))
			return true;
	return cul_starts(line, CUL_LIT("GPU Recovery Action  "));
}

/** What stands above all GPUs. */
static void
head_value(struct cul_parse *parse, struct cul_nvidia_log *log, struct cul_slice key, struct cul_slice value)
{
	struct cul_time time;

	if (cul_is(key, CUL_LIT("Timestamp"))) {
		if (cul_clock_ctime(&value, &time))
			cul_set_capture_time(parse, time);
	} else if (cul_is(key, CUL_LIT("Driver Version")) || cul_is(key, CUL_LIT("KMD Version"))) {
		if (!cul_has(value, CUL_LIT("Deprecated")))
			log->driver = cul_keep(parse, cul_word(&value));
	} else if (cul_is(key, CUL_LIT("CUDA Version")) || cul_is(key, CUL_LIT("CUDA UMD Version"))) {
		if (cul_told(value))
			log->cuda = cul_keep(parse, cul_word(&value));
	}
}

/** A value in the tree of a GPU's keys. */
static enum cul_status
tree_value(struct cul_parse *parse, struct cul_nvidia_log *log, const struct cul_line *line, struct cul_slice key, struct cul_slice value)
{
	if (log->depth && cul_is(log->names[0], CUL_LIT("MIG Device"))) {
		struct cul_row who = { 0 };

		put_who(&who, &log->gpu);
		return cul_nvidia_mig_value(parse, &log->gpu.mig, &who, line, log->names, log->depth, key, value);
	}
	if (log->depth && cul_is(log->names[0], CUL_LIT("Processes")))
		return process_value(parse, log, line, key, value);
	if (log->depth && cul_is(log->names[0], CUL_LIT("ECC Errors")))
		ecc_value(log, key, value);
	else if (log->depth && !under(log, "Clocks Event Reasons Counters") && (under(log, "Clocks Throttle Reasons") || under(log, "Clocks Event Reasons")))
		reason_value(&log->gpu, key, value);
	else
		card_value(log, key, value);
	return CUL_OK;
}

static void
go_deeper(struct cul_parse *parse, struct cul_nvidia_log *log, struct cul_slice key, size_t indent)
{
	if (log->depth == DEPTH)
		return;
	log->names[log->depth] = cul_keep(parse, key);
	log->indents[log->depth++] = indent;
}

enum cul_status
cul_nvidia_log_line(struct cul_parse *parse, struct cul_nvidia_log *log, const struct cul_line *line, struct cul_slice text)
{
	enum cul_status status = CUL_OK;
	struct cul_slice key, value = CUL_NONE, bdf;
	size_t indent = 0;
	bool section;

	if (cul_nvidia_log_gpu(text, &bdf)) {
		log->depth = 0;
		return begin_gpu(parse, log, line, bdf);
	}
	while (indent < text.size && (text.data[indent] == ' ' || text.data[indent] == '\t'))
		indent += 1;
	section = !cul_cut(text, CUL_LIT(" : "), &key, &value);
	if (section)
		key = text;
	key = cul_trim(key);
	value = cul_trim(value);
	while (log->depth && log->indents[log->depth - 1] >= indent)
		log->depth--;
	if (section) {
		if (!log->gpu.bdf.size && indent == 4 && (!log->gpu.open || (log->depth == 0 && cul_nvidia_log_part(text))))
			status = begin_gpu(parse, log, line, CUL_NONE); /* grep */
		go_deeper(parse, log, key, indent);
		return status;
	}
	if (indent == 0) {
		head_value(parse, log, key, value);
		return CUL_OK;
	}
	if (!log->gpu.open && (status = begin_gpu(parse, log, line, CUL_NONE)) != CUL_OK)
		return status;
	if (cul_has(value, CUL_LIT("Unknown Error")) || cul_has(value, CUL_LIT("GPU is lost")) ||
	    cul_has(value, CUL_LIT("requires reset"))) {
		log->gpu.faulty = true;
		if (!log->gpu.fault.size)
			log->gpu.fault = cul_keep(parse, value);
		value = CUL_NONE;
	}
	if (cul_has(value, CUL_LIT("has been deprecated")))
		value = CUL_NONE;
	if (value.size > 255) /* a process's arguments */
		value.size = 255;
	if (cul_told(value))
		status = tree_value(parse, log, line, key, cul_keep(parse, value));
	go_deeper(parse, log, key, indent); /* "HW Slowdown : Active" has children, as "Process ID : 4411" has */
	return status;
}

struct cul_nvidia_log *
cul_nvidia_log_new(struct cul_parse *parse)
{
	struct cul_nvidia_log *log = cul_keep_bytes(parse, sizeof(*log));
	struct cul_slice command = cul_section_command(parse);

	if (log)
		log->picked = cul_has(command, CUL_LIT(" -i")) || cul_has(command, CUL_LIT("--id"));
	return log;
}

enum cul_status
cul_nvidia_log_end(struct cul_parse *parse, struct cul_nvidia_log *log)
{
	enum cul_status status = emit_gpu(parse, log);

	memset(&log->gpu, 0, sizeof(log->gpu));
	log->depth = 0;
	log->next_index = 0;
	return status;
}
