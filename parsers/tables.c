/* SPDX-License-Identifier: Apache-2.0 */
/** Kinds and small readings that several captures share; see tables.h. */
#include "parsers/tables.h"

#include <math.h>

#define KIND(symbol, kind_name, kind_stream, ...)                                                     \
	const struct cul_kind symbol = { .name = kind_name, .version = 1, .stream = kind_stream,        \
					 .samples = true,                                              \
					 .fields = (const struct cul_field *const[]){ __VA_ARGS__, NULL } }

KIND(cul_kind_ps_process, "ps.process", "ps", F_PID, F_PPID, F_TID, F_USER, F_STAT, F_STATE, F_COMM, F_COMMAND, F_WCHAN, F_CPU_PCT,
     F_MEM_PCT, F_RSS_MIB, F_VSZ_MIB, F_CPU_TIME_S, F_ELAPSED_S, F_STARTED, F_WORKQUEUE, F_KERNEL_THREAD, F_THREADS, F_CPU);
KIND(cul_kind_ps_summary, "ps.summary", "ps", F_TASKS, F_RUNNING_TASKS, F_D_STATE_TASKS, F_D_STATE_KWORKERS, F_ZOMBIES);
KIND(cul_kind_host_load, "host.load", "uptime", F_LOAD_1M, F_LOAD_5M, F_LOAD_15M, F_UPTIME_S, F_USERS, F_RUNNING_TASKS, F_TASKS);
KIND(cul_kind_host_memory, "host.memory", "free", F_TOTAL_MIB, F_USED_MIB, F_FREE_MIB, F_AVAILABLE_MIB, F_SHARED_MIB, F_CACHE_MIB,
     F_SWAP_TOTAL_MIB, F_SWAP_USED_MIB, F_SWAP_FREE_MIB, F_DIRTY_MIB, F_WRITEBACK_MIB, F_SLAB_MIB, F_LOCKED_MIB, F_COMMITTED_MIB,
     F_COMMIT_LIMIT_MIB, F_HUGEPAGES, F_HUGEPAGES_FREE);
KIND(cul_kind_host_id, "host.id", "sys_id", F_HOST, F_KERNEL, F_OS, F_ARCH, F_VERSION, F_WHAT);
KIND(cul_kind_host_setting, "host.setting", "settings", F_KEY, F_VALUE);
KIND(cul_kind_disk_usage, "disk.usage", "df", F_DEVICE, F_MOUNT, F_USED_PCT, F_INODES_PCT, F_TOTAL_MIB, F_USED_MIB, F_AVAILABLE_MIB);
KIND(cul_kind_device_holder, "device.holder", "fuser", F_DEVICE, F_PID, F_USER, F_ACCESS, F_COMM, F_GPU_INDEX);
KIND(cul_kind_thread_stack, "thread.stack", "gdb", F_PID, F_TID, F_COMM, F_THREAD, F_STATE, F_FRAMES, F_FUNCTION);
KIND(cul_kind_nvidia_gpu, "nvidia.smi.gpu", "nvidia_smi", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_GPU_NAME, F_DRIVER_VERSION,
     F_CUDA_VERSION, F_PERSISTENCE, F_UTIL_PCT, F_MEM_UTIL_PCT, F_USED_MIB, F_FREE_MIB, F_RESERVED_MIB, F_TOTAL_MIB, F_USED_PCT,
     F_POWER_W, F_POWER_LIMIT_W, F_TEMP_C, F_MEM_TEMP_C, F_FAN_PCT, F_PSTATE, F_SM_MHZ, F_MEM_MHZ, F_ECC_MODE, F_ECC_ERRORS,
     F_COMPUTE_MODE, F_MIG_MODE, F_PENDING, F_LISTED_MIB, F_UNACCOUNTED_MIB, F_FAULT, F_CAPTURE, F_HOST, F_MINOR);
KIND(cul_kind_nvidia_process, "nvidia.smi.process", "nvidia_smi", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_PID, F_TYPE, F_COMM,
     F_COMMAND, F_USED_MIB, F_UTIL_PCT, F_MEM_UTIL_PCT, F_MIG, F_CAPTURE);
KIND(cul_kind_nvidia_summary, "nvidia.smi.summary", "nvidia_smi", F_GPUS, F_PROCESSES, F_LISTED_MIB, F_USED_MIB, F_UNACCOUNTED_MIB,
     F_PROCESS_TABLE, F_DRIVER_VERSION, F_CUDA_VERSION, F_WHAT, F_CAPTURE);
KIND(cul_kind_container_state, "container.state", "containers", F_CONTAINER, F_POD, F_NAMESPACE, F_CONTAINER_IMAGE, F_STATUS, F_REASON, F_OOM_KILLED,
     F_CODE, F_SIGNAL, F_WHAT, F_RESTARTS, F_FORMER, F_PID, F_HEALTH, F_LIMIT_MIB, F_SHM_MIB, F_IPC_MODE, F_RUNTIME, F_GPUS, F_HOST);
KIND(cul_kind_nvidia_mig, "nvidia.smi.mig", "nvidia_smi", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_MIG, F_MIG_INDEX, F_MULTIPROCESSORS,
     F_TOTAL_MIB, F_USED_MIB, F_FREE_MIB, F_USED_PCT, F_SRAM_UNCORRECTED, F_CAPTURE);
KIND(cul_kind_nvidia_retired, "nvidia.smi.retired-pages", "nvidia_q", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_SINGLE_BIT_PAGES,
     F_DOUBLE_BIT_PAGES, F_PENDING);
KIND(cul_kind_nvidia_clocks, "nvidia.smi.clocks", "nvidia_q", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_REASONS, F_HW_SLOWDOWN,
     F_HW_THERMAL_SLOWDOWN, F_HW_POWER_BRAKE, F_SW_POWER_CAP, F_SW_THERMAL_SLOWDOWN, F_CLOCKS_IDLE, F_SM_MHZ, F_SM_MAX_MHZ, F_MEM_MHZ);
KIND(cul_kind_nvidia_pcie, "nvidia.smi.pcie", "nvidia_q", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_GEN_CURRENT, F_GEN_MAX,
     F_WIDTH_CURRENT, F_WIDTH_MAX, F_REPLAYS, F_PSTATE, F_UTIL_PCT, F_POWER_W);
KIND(cul_kind_nvidia_remap, "nvidia.smi.remap", "nvidia_q", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_CORRECTABLE_ROWS,
     F_UNCORRECTABLE_ROWS, F_PENDING, F_FAILURE, F_BANKS_NONE, F_BANKS_LOW);
KIND(cul_kind_nvidia_recovery, "nvidia.smi.recovery", "nvidia_q", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_ACTION, F_RESET_REQUIRED,
     F_DRAIN);
KIND(cul_kind_nvidia_ecc, "nvidia.smi.ecc", "nvidia_q", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_ECC_MODE, F_VOLATILE_CORRECTED,
     F_VOLATILE_UNCORRECTED, F_AGGREGATE_CORRECTED, F_AGGREGATE_UNCORRECTED, F_SRAM_UNCORRECTED, F_DRAM_UNCORRECTED,
     F_SRAM_THRESHOLD);
KIND(cul_kind_nvidia_fabric, "nvidia.smi.fabric", "nvidia_q", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_STATE_WORD, F_STATUS);
KIND(cul_kind_amd_gpu, "amd.smi.gpu", "rocm_smi", F_GPU_INDEX, F_GPU_BDF, F_GPU_UUID, F_GPU_NAME, F_GFX, F_NODE, F_USED_PCT, F_UTIL_PCT,
     F_MEM_UTIL_PCT, F_POWER_W, F_POWER_LIMIT_W, F_TEMP_C, F_MEM_TEMP_C, F_FAN_PCT, F_SM_MHZ, F_MEM_MHZ, F_USED_MIB, F_TOTAL_MIB,
     F_FREE_MIB, F_DRIVER_VERSION, F_ECC_CORRECTED, F_ECC_ERRORS, F_PSTATE, F_CAPTURE);
KIND(cul_kind_amd_process, "amd.smi.process", "rocm_smi", F_GPU_INDEX, F_PID, F_COMM, F_USED_MIB, F_GPUS);
KIND(cul_kind_amd_summary, "amd.smi.summary", "rocm_smi", F_GPUS, F_PROCESSES, F_PROCESS_TABLE, F_WHAT, F_CAPTURE);

struct cul_record
cul_table_record(const struct cul_parse *parse, const struct cul_line *line)
{
	return cul_line_record(line, cul_capture_time(parse));
}

struct cul_record
cul_table_record_at(const struct cul_parse *parse, const struct cul_line *line, struct cul_slice hms)
{
	struct cul_time capture = cul_capture_time(parse), day;
	int64_t length = 86400 * CUL_SECOND;

	hms = cul_trim(hms);
	if (!cul_clock_hms(&hms, &day))
		return cul_line_record(line, capture);
	if (capture.ns != CUL_NO_TIME && !capture.no_date && capture.ns >= 0 &&
	    (capture.clock == CUL_CLOCK_LOCAL || capture.clock == CUL_CLOCK_UTC)) {
		int64_t at = capture.ns - capture.ns % length + day.ns % length;

		if (at < capture.ns - length / 2)
			at += length;
		capture.ns = at;
		return cul_line_record(line, capture);
	}
	return cul_line_record(line, day);
}

bool
cul_all_digits(struct cul_slice text)
{
	for (size_t i = 0; i < text.size; i++)
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	return text.size > 0;
}

static struct cul_slice
lead_number(struct cul_slice text)
{
	size_t n = 0, digits = 0;

	text = cul_trim(text);
	if (n < text.size && (text.data[n] == '-' || text.data[n] == '+'))
		n++;
	while (n < text.size && ((text.data[n] >= '0' && text.data[n] <= '9') ||
				 (digits && (text.data[n] == '.' || text.data[n] == ',')))) {
		digits += text.data[n] >= '0' && text.data[n] <= '9';
		n++;
	}
	while (n && (text.data[n - 1] == '.' || text.data[n - 1] == ','))
		n--;
	return digits ? cul_slice(text.data, n) : CUL_NONE;
}

bool
cul_lead_real(struct cul_slice text, double *ret)
{
	struct cul_slice number = lead_number(text);

	return number.size && cul_to_real(number, ret);
}

struct cul_arg
cul_lead(const char *name, struct cul_slice text)
{
	double value;

	return cul_real(name, cul_lead_real(text, &value) ? value : NAN);
}

struct cul_arg
cul_lead_int(const char *name, struct cul_slice text)
{
	return cul_number(name, lead_number(text));
}

bool
cul_size_to_mib(struct cul_slice text, double bare_bytes, double *ret)
{
	struct cul_slice number;
	double value;

	text = cul_trim(text);
	number = lead_number(text);
	if (!number.size)
		return false;
	if (number.data + number.size == text.data + text.size) {
		int64_t whole;

		if (cul_to_int(number, &whole))
			value = (double)whole;
		else if (!cul_to_real(number, &value))
			return false;
		*ret = value * bare_bytes / 1048576.0;
		return true;
	}
	return cul_to_mib(text, ret);
}

struct cul_arg
cul_size_mib(const char *name, struct cul_slice text, double bare_bytes)
{
	double value;

	return cul_real(name, cul_size_to_mib(text, bare_bytes, &value) ? value : NAN);
}

bool
cul_told(struct cul_slice text)
{
	text = cul_trim(text);
	if (text.size && text.data[0] == '[')
		text = cul_trim(cul_slice(text.data + 1, text.size - 1 - (text.data[text.size - 1] == ']' && text.size > 1)));
	return text.size && !cul_is(text, CUL_LIT("-")) && !cul_is_nocase(text, CUL_LIT("N/A")) &&
	       !cul_is_nocase(text, CUL_LIT("Not Supported")) && !cul_is_nocase(text, CUL_LIT("Unknown")) &&
	       !cul_is_nocase(text, CUL_LIT("Insufficient Permissions"));
}

struct cul_slice
cul_base_name(struct cul_slice path)
{
	for (size_t n = path.size; n > 0; n--)
		if (path.data[n - 1] == '/' || path.data[n - 1] == '\\')
			return cul_from(path, n);
	return path;
}

bool
cul_command_runs(struct cul_slice command, const char *program)
{
	size_t at = 0;

	if (!command.size)
		return false;
	struct cul_slice name = cul_str(program);

	while (at < command.size) {
		size_t end;

		while (at < command.size && strchr(" \t;|&()\"'$", command.data[at]))
			at++;
		for (end = at; end < command.size && !strchr(" \t;|&()\"'", command.data[end]); end++)
			;
		struct cul_slice word = cul_base_name(cul_slice(command.data + at, end - at));

		if (cul_ends(word, CUL_LIT(".exe")))
			word.size -= 4;
		if (cul_is(word, name))
			return true;
		at = end;
	}
	return false;
}

struct cul_slice
cul_process_comm(struct cul_slice command)
{
	struct cul_slice rest = cul_trim(command), word, inside;

	if (rest.size > 1 && rest.data[0] == '[' && cul_cut_last(rest, CUL_LIT("]"), &inside, NULL))
		return cul_from(inside, 1);
	if (cul_cut(rest, CUL_LIT(" <defunct>"), &inside, NULL))
		rest = inside;
	if (cul_starts(rest, CUL_LIT("kworker/")))
		return cul_word(&rest);
	word = cul_word(&rest);
	if (word.size > 1 && word.data[0] == '-')
		word = cul_from(word, 1);
	if (word.size > 1 && word.data[word.size - 1] == ':')
		word.size--;
	return cul_base_name(word);
}

struct cul_slice
cul_process_workqueue(struct cul_slice comm)
{
	if (!cul_skip(&comm, CUL_LIT("kworker/")))
		return CUL_NONE;
	if (cul_skip(&comm, CUL_LIT("R-")))
		return comm;
	for (size_t i = 0; i < comm.size; i++)
		if (comm.data[i] == '+' || comm.data[i] == '-')
			return cul_from(comm, i + 1);
	return CUL_NONE;
}

void
cul_process_count(struct cul_process_tally *tally, char state, struct cul_slice comm)
{
	tally->tasks++;
	tally->running += state == 'R';
	tally->zombies += state == 'Z';
	tally->blocked += state == 'D';
	tally->blocked_kworkers += state == 'D' && cul_starts(comm, CUL_LIT("kworker/"));
}

enum cul_status
cul_process_summary(struct cul_parse *parse, const struct cul_record *rec, const struct cul_process_tally *tally)
{
	return cul_emit(parse, rec, "ps.summary", cul_int("tasks", tally->tasks), cul_int("running_tasks", tally->running),
			cul_int("d_state_tasks", tally->blocked),
			cul_int("d_state_kworkers", tally->blocked_kworkers), cul_int("zombies", tally->zombies));
}

bool
cul_load_read(struct cul_slice text, double ret[3])
{
	for (int i = 0; i < 3; i++) {
		struct cul_slice word = cul_word(&text);

		if (word.size && word.data[word.size - 1] == ',')
			word.size--;
		if (!word.size || word.data[0] < '0' || word.data[0] > '9' || !cul_to_real(word, &ret[i]))
			return false;
	}
	return true;
}

bool
cul_uptime_read(struct cul_slice text, double *seconds)
{
	double sum = 0;
	bool any = false;

	for (int i = 0; i < 6; i++) {
		struct cul_slice word = cul_word(&text), unit = text, digits, rest;
		int64_t a, b;

		if (word.size && word.data[word.size - 1] == ',')
			word.size--;
		rest = word;
		digits = cul_digits(&rest);
		if (!digits.size || !cul_to_int(digits, &a) || a > 1000000)
			break;
		if (rest.size > 1 && rest.data[0] == ':' && cul_to_int(cul_from(rest, 1), &b) && b >= 0 && b < 60) {
			*seconds = sum + (double)a * 3600 + (double)b * 60;
			return true;
		}
		unit = cul_word(&text);
		if (cul_starts(unit, CUL_LIT("day")))
			sum += (double)a * 86400;
		else if (cul_starts(unit, CUL_LIT("hour")))
			sum += (double)a * 3600;
		else if (cul_starts(unit, CUL_LIT("min")))
			sum += (double)a * 60;
		else if (cul_starts(unit, CUL_LIT("sec")))
			sum += (double)a;
		else
			break;
		any = true;
	}
	*seconds = sum;
	return any;
}
