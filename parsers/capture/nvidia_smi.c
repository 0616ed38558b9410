/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nvidia-smi's table, of any generation, any number of them in a row.
 *
 *   | NVIDIA-SMI 550.90.07              Driver Version: 550.90.07      CUDA Version: 12.4     |
 *   |   0  NVIDIA A100 80GB PCIe          On  |   00000000:65:00.0 Off |                    0 |
 *   | N/A   36C    P0             63W /  300W |   80896MiB /  81920MiB |      0%      Default |
 *   |                                         |                        |             Disabled |
 *   |    0   N/A  N/A      4290      C   python3                                     74402MiB |
 *
 * Drivers to 440 have 79 columns and two lines a GPU, 450 and later a third (MIG), 530 89 and 550 91 columns; 610 names
 * "KMD Version" and "CUDA UMD Version". Windows prints the driver model (WDDM, TCC) where Linux has persistence. ERR! stands
 * where NVML failed. Process names are cut in front. With the processes complete, what no process holds comes out as
 * unaccounted_mib. A table without any process line ("empty") and one that says "No running processes found" ("none")
 * are told apart. Failure sentences in place of a table are log records. Between tables, loops of people's own print
 * "10:10:45  0, 13890 MiB / 20475 MiB   1, …": samples too. MIG devices
 * stand in a table of their own: "|  0    2   0   0  |     37MiB / 20096MiB | 42      0 |", GPU, GPU instance, compute instance, device.
 */
#include "parsers/capture/nvidia_log.h"

#define MOST_GPUS 128

struct gpu {
	struct cul_line line;
	struct cul_row row;
	int64_t index;
	double used, total, listed;
	bool has_used, errors;
};

struct table {
	struct cul_record rec;
	struct cul_slice driver, cuda;
	struct gpu gpus[MOST_GPUS];
	size_t gpu_count;
	int lines;   /* of the GPU at hand */
	int64_t ordinal, processes;
	bool begun, in_mig, in_processes, told_none, unsized, instances;
	double listed;
};

static bool
is_rule(struct cul_slice line)
{
	size_t dashes = 0;

	line = cul_trim(line);
	if (line.size < 20 || (line.data[0] != '+' && line.data[0] != '|'))
		return false;
	for (size_t i = 0; i < line.size; i++) {
		if (!strchr("+-=|", line.data[i]))
			return false;
		dashes += line.data[i] == '-' || line.data[i] == '=';
	}
	return dashes > line.size / 2;
}

static bool
is_title(struct cul_slice line)
{
	return cul_starts(cul_trim(line), CUL_LIT("| NVIDIA-SMI "));
}

static bool
is_date(struct cul_slice line, struct cul_time *time)
{
	struct cul_slice text = cul_trim(line);

	return cul_clock_date(&text, time) && cul_blank(text);
}

/** "10:10:45  0, 13890 MiB / 20475 MiB   1, 12420 MiB / 20475 MiB" */
static bool
is_sample(struct cul_slice line)
{
	struct cul_slice text = cul_trim(line), index;
	struct cul_time time;

	if (!cul_clock_hms(&text, &time))
		return false;
	index = cul_word(&text);
	return index.size > 1 && index.data[index.size - 1] == ',' && cul_all_digits(cul_slice(index.data, index.size - 1)) &&
	       cul_has(text, CUL_LIT("MiB / "));
}

static int
smi_bid(const struct cul_head *head)
{
	struct cul_time time;
	size_t i = 0;
	int bits = 0;

	while (i < head->count && i < 6) {
		struct cul_slice line = head->lines[i].text;

		if (is_title(line))
			return bits + 40;
		if (i == 0 && cul_starts(line, CUL_LIT("| Processes:")))
			return 20;
		if (!cul_blank(line) && !is_rule(line) && !is_date(line, &time) &&
		    !(cul_starts(line, CUL_LIT("Every ")) && cul_has(line, CUL_LIT("nvidia-smi"))))
			return 0;
		i++;
	}
	return 0;
}

static struct cul_slice
after_label(struct cul_slice line, struct cul_slice label)
{
	struct cul_slice rest;

	return cul_cut(line, label, NULL, &rest) ? cul_word(&rest) : CUL_NONE;
}

static void
title(struct cul_parse *parse, struct table *t, const struct cul_line *line)
{
	t->rec = cul_table_record(parse, line);
	t->rec.line.text = cul_keep(parse, line->text);
	t->driver = after_label(t->rec.line.text, CUL_LIT("Driver Version: "));
	if (!t->driver.size)
		t->driver = after_label(t->rec.line.text, CUL_LIT("KMD Version: "));
	t->cuda = after_label(t->rec.line.text, CUL_LIT("CUDA Version: "));
	if (!t->cuda.size)
		t->cuda = after_label(t->rec.line.text, CUL_LIT("CUDA UMD Version: "));
	if (!cul_told(t->cuda) || cul_is(t->cuda, CUL_LIT("ERR!")))
		t->cuda = CUL_NONE;
	t->begun = true;
}

static void
put_cell(struct gpu *gpu, struct cul_arg (*make)(const char *, struct cul_slice), const char *field, struct cul_slice text)
{
	text = cul_trim(text);
	if (cul_has(text, CUL_LIT("ERR!")) || cul_has(text, CUL_LIT("Unknown Error")))
		gpu->errors = true;
	else if (cul_told(text))
		cul_put(&gpu->row, make(field, text));
}

/** First line of a GPU: index, name, persistence; bus id, display; ECC. */
static bool
gpu_first(struct cul_parse *parse, struct table *t, const struct cul_line *line, const struct cul_slice *cells)
{
	struct cul_line kept = *line;
	struct cul_slice cell = cells[0], index = cul_word(&cell), bus = cells[1], word, name;
	struct gpu *gpu;

	word = cul_word(&bus);
	if (!cul_all_digits(index) || index.size > 4 || !cul_has(word, CUL_LIT(":")) || t->gpu_count == MOST_GPUS)
		return false;
	kept.text = cul_keep(parse, line->text);
	gpu = &t->gpus[t->gpu_count++];
	*gpu = (struct gpu){ .line = kept };
	cul_to_int(index, &gpu->index);
	cell = cul_keep(parse, cul_trim(cell));
	name = cell;
	word = CUL_NONE;
	if (cul_cut_last(cell, CUL_LIT(" "), &name, &word))
		name = cul_trim(name);
	cul_put(&gpu->row, cul_int("gpu_index", gpu->index));
	bus = cul_keep(parse, cells[1]);
	cul_put(&gpu->row, cul_bdf("gpu_bdf", cul_word(&bus)));
	put_cell(gpu, cul_text, "gpu_name", name);
	cul_put(&gpu->row, cul_text("driver_version", t->driver));
	cul_put(&gpu->row, cul_text("cuda_version", t->cuda));
	put_cell(gpu, cul_text, "persistence", word);
	if (cells[2].size && cells[2].data[0] >= '0' && cells[2].data[0] <= '9')
		cul_put(&gpu->row, cul_lead_int("ecc_errors", cells[2]));
	else
		put_cell(gpu, cul_lead_int, "ecc_errors", cells[2]);
	t->lines = 1;
	return true;
}

/** Second line: fan, temperature, P state, power; memory; utilisation, compute mode. */
static void
gpu_second(struct cul_parse *parse, struct gpu *gpu, const struct cul_slice *cells)
{
	struct cul_slice cell = cells[0], used, total, power, limit;

	put_cell(gpu, cul_lead, "fan_pct", cul_word(&cell));
	put_cell(gpu, cul_lead, "temp_c", cul_word(&cell));
	put_cell(gpu, cul_text, "pstate", cul_keep(parse, cul_word(&cell)));
	if (cul_cut(cell, CUL_LIT("/"), &power, &limit) && !cul_is(cul_trim(cell), CUL_LIT("N/A"))) {
		if (cul_starts(cul_trim(cell), CUL_LIT("N/A"))) {
			power = CUL_NONE;
			cul_cut_last(cell, CUL_LIT("/"), NULL, &limit);
		}
		put_cell(gpu, cul_lead, "power_w", power);
		put_cell(gpu, cul_lead, "power_limit_w", limit);
	}
	if (cul_cut(cells[1], CUL_LIT(" / "), &used, &total) && cul_size_to_mib(used, 1048576, &gpu->used) &&
	    cul_size_to_mib(total, 1048576, &gpu->total)) {
		gpu->has_used = true;
		cul_put(&gpu->row, cul_real("used_mib", gpu->used));
		cul_put(&gpu->row, cul_real("total_mib", gpu->total));
		if (gpu->total > 0)
			cul_put(&gpu->row, cul_real("used_pct", gpu->used * 100 / gpu->total));
	} else {
		put_cell(gpu, cul_lead, "used_mib", cells[1]);
	}
	cell = cells[2];
	put_cell(gpu, cul_lead, "util_pct", cul_word(&cell));
	put_cell(gpu, cul_text, "compute_mode", cul_keep(parse, cell));
}

static struct gpu *
gpu_find(struct table *t, int64_t index)
{
	for (size_t i = 0; i < t->gpu_count; i++)
		if (t->gpus[i].index == index)
			return &t->gpus[i];
	return NULL;
}

/** "    0   N/A  N/A      4290      C   python3     74402MiB" between its bars. */
static enum cul_status
process_line(struct cul_parse *parse, struct table *t, const struct cul_line *line, struct cul_slice text)
{
	struct cul_slice gpu_word = cul_word(&text), gi = CUL_NONE, ci = CUL_NONE, pid, type, save, memory, name;
	struct cul_record rec;
	struct cul_row row = { 0 };
	struct gpu *gpu;
	int64_t index;
	double mib;
	char mig[32];

	if (!cul_all_digits(gpu_word) || !cul_to_int(gpu_word, &index))
		return CUL_OK;
	if (t->instances) {
		gi = cul_word(&text);
		ci = cul_word(&text);
	}
	pid = cul_word(&text);
	if (!cul_all_digits(pid))
		return CUL_OK;
	save = text;
	type = cul_word(&text);
	if (type.size > 3 || !type.size || !strchr("CGM", type.data[0])) {
		text = save;
		type = CUL_NONE;
	}
	name = cul_trim(text);
	if (!cul_cut_last(name, CUL_LIT(" "), &name, &memory)) {
		memory = name;
		name = CUL_NONE;
	}
	name = cul_trim(name);
	rec = cul_table_record(parse, line);
	rec.time = t->rec.time.ns != CUL_NO_TIME ? t->rec.time : rec.time;
	gpu = gpu_find(t, index);
	cul_put(&row, cul_int("gpu_index", index));
	cul_put(&row, cul_number("pid", pid));
	cul_put(&row, cul_text("type", type));
	cul_put(&row, cul_text("comm", cul_process_comm(name)));
	if (cul_has(name, CUL_LIT("\\")))
		row.args[row.count - 1] = cul_text("comm", cul_base_name(name));
	cul_put(&row, cul_text("command", name));
	if (cul_size_to_mib(memory, 1048576, &mib)) {
		cul_put(&row, cul_real("used_mib", mib));
		t->listed += mib;
		if (gpu)
			gpu->listed += mib;
	} else {
		t->unsized = true;
	}
	cul_nvidia_mig_put(&row, gi, ci, mig);
	cul_put(&row, cul_int("capture", t->ordinal));
	t->processes++;
	return cul_row_emit(parse, &rec, "nvidia.smi.process", &row);
}

/** Give out what the table held. */
static enum cul_status
finish(struct cul_parse *parse, struct table *t)
{
	enum cul_status status = CUL_OK;
	bool complete = t->in_processes && !t->unsized;
	double used = 0, unaccounted = 0;
	struct cul_row sum = { 0 };

	for (size_t i = 0; i < t->gpu_count && status == CUL_OK; i++) {
		struct gpu *gpu = &t->gpus[i];
		struct cul_record rec = cul_line_record(&gpu->line, t->rec.time);
		double rest = gpu->used > gpu->listed ? gpu->used - gpu->listed : 0;

		if (gpu->has_used) {
			used += gpu->used;
			unaccounted += rest;
		}
		if (complete && gpu->has_used) {
			cul_put(&gpu->row, cul_real("listed_mib", gpu->listed));
			cul_put(&gpu->row, cul_real("unaccounted_mib", rest));
		}
		if (gpu->errors)
			cul_put(&gpu->row, cul_string("fault", "ERR!"));
		cul_put(&gpu->row, cul_int("capture", t->ordinal));
		status = cul_row_emit(parse, &rec, "nvidia.smi.gpu", &gpu->row);
	}
	if (status != CUL_OK || !t->begun)
		return status;
	cul_put(&sum, cul_int("gpus", (int64_t)t->gpu_count));
	if (t->in_processes) {
		cul_put(&sum, cul_int("processes", t->processes));
		cul_put(&sum, cul_string("process_table", t->processes ? "listed" : t->told_none ? "none" : "empty"));
	}
	if (t->gpu_count)
		cul_put(&sum, cul_real("used_mib", used));
	if (complete) {
		cul_put(&sum, cul_real("listed_mib", t->listed));
		if (t->gpu_count)
			cul_put(&sum, cul_real("unaccounted_mib", unaccounted));
	}
	cul_put(&sum, cul_text("driver_version", t->driver));
	cul_put(&sum, cul_text("cuda_version", t->cuda));
	cul_put(&sum, cul_int("capture", t->ordinal));
	return cul_row_emit(parse, &t->rec, "nvidia.smi.summary", &sum);
}

static enum cul_status
sample_line(struct cul_parse *parse, const struct cul_line *line)
{
	struct cul_record rec = cul_table_record_at(parse, line, line->text);
	struct cul_slice rest = cul_trim(line->text);
	enum cul_status status = CUL_OK;

	cul_word(&rest);
	for (int i = 0; i < MOST_GPUS && status == CUL_OK; i++) {
		struct cul_slice index = cul_word(&rest), words[5];
		struct cul_row row = { 0 };
		double used, total;

		for (int k = 0; k < 5; k++)
			words[k] = cul_word(&rest);
		if (index.size < 2 || !words[4].size || !cul_lead_real(words[0], &used) || !cul_lead_real(words[3], &total))
			break;
		cul_put(&row, cul_lead_int("gpu_index", index));
		cul_put(&row, cul_real("used_mib", used));
		cul_put(&row, cul_real("total_mib", total));
		if (total > 0)
			cul_put(&row, cul_real("used_pct", used * 100 / total));
		status = cul_row_emit(parse, &rec, "nvidia.smi.gpu", &row);
	}
	return status;
}

/** A date belongs to the table below it. */
static bool
table_below(struct cul_parse *parse)
{
	struct cul_line line;

	for (size_t i = 0; i < 4 && cul_line_peek(parse, i, &line); i++)
		if (is_title(line.text))
			return true;
	return false;
}

static enum cul_status
bar_line(struct cul_parse *parse, struct table *t, const struct cul_line *line)
{
	struct cul_slice cells[8] = { { NULL, 0 } }, text = cul_trim(line->text);
	size_t count;

	if (cul_starts(text, CUL_LIT("| Processes:")) || cul_starts(text, CUL_LIT("| Compute processes:"))) {
		t->in_processes = true;
		t->in_mig = false;
		if (!t->begun) { /* the lower half alone */
			t->rec = cul_table_record(parse, line);
			t->rec.line.text = cul_keep(parse, line->text);
			t->begun = true;
		}
		return CUL_OK;
	}
	if (cul_starts(text, CUL_LIT("| MIG devices:"))) {
		t->in_mig = true;
		return CUL_OK;
	}
	if (text.size < 2)
		return CUL_OK;
	text = cul_from(text, 1);
	if (text.data[text.size - 1] == '|')
		text.size--;
	if (t->in_processes) {
		if (cul_has(text, CUL_LIT(" GI ")) && cul_has(text, CUL_LIT("PID")))
			t->instances = true;
		else if (cul_has(text, CUL_LIT("No running ")))
			t->told_none = true;
		else
			return process_line(parse, t, line, text);
		return CUL_OK;
	}
	if (t->in_mig)
		return cul_nvidia_mig_line(parse, line, t->rec.time, t->ordinal, text);
	count = cul_table_split(text, '|', cells, 8);
	if (count < 3)
		return CUL_OK;
	if (gpu_first(parse, t, line, cells))
		return CUL_OK;
	if (t->gpu_count && t->lines == 1) {
		gpu_second(parse, &t->gpus[t->gpu_count - 1], cells);
		t->lines = 2;
	} else if (t->gpu_count && t->lines == 2 && !cells[0].size) {
		put_cell(&t->gpus[t->gpu_count - 1], cul_text, "mig_mode", cul_keep(parse, cells[2]));
		t->lines = 3;
	}
	return CUL_OK;
}

static enum cul_status
smi_section(struct cul_parse *parse)
{
	struct table *t = cul_keep_bytes(parse, sizeof(*t));
	struct cul_line line;
	enum cul_status status = CUL_OK;
	struct cul_time time;
	int64_t ordinal = 0;

	if (!t)
		return CUL_ENOMEM;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice text = cul_trim(line.text);
		bool dated = text.size && text.data[0] != '|' && text.data[0] != '+' && is_date(text, &time);

		if (is_title(text) || (dated && table_below(parse))) {
			status = finish(parse, t);
			memset(t, 0, sizeof(*t));
			t->rec.time.ns = CUL_NO_TIME;
			if (dated) {
				cul_set_capture_time(parse, time);
			} else {
				t->ordinal = ordinal++;
				title(parse, t, &line);
			}
		} else if (is_sample(text)) {
			status = finish(parse, t);
			memset(t, 0, sizeof(*t));
			t->rec.time.ns = CUL_NO_TIME;
			if (status == CUL_OK)
				status = sample_line(parse, &line);
		} else if (!text.size || is_rule(text) ||
			   (cul_starts(text, CUL_LIT("Every ")) && cul_has(text, CUL_LIT("nvidia-smi")))) {
			continue;
		} else if (text.data[0] == '|') {
			status = bar_line(parse, t, &line);
		} else {
			cul_line_back(parse);
			break;
		}
	}
	return status == CUL_OK ? finish(parse, t) : status;
}

const struct cul_parser cul_parser_nvidia_smi = {
	.name = "nvidia_smi",
	.about = "nvidia-smi's table: GPUs and the processes on them",
	.kinds = CUL_KINDS(&cul_kind_nvidia_gpu, &cul_kind_nvidia_process, &cul_kind_nvidia_summary, &cul_kind_nvidia_mig),
	.needles = CUL_LIST("| NVIDIA-SMI ", "| Processes: "),
	.first = CUL_LIST("|", "+", ":", "Ev"),
	.bid = smi_bid,
	.section = smi_section,
};
