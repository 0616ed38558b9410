/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the captures share: the kinds that more than one of them prints (a process, a GPU, a load), rows that are
 * built field by field, and the little that is known from a command line or a file name.
 */
#ifndef CUL_PARSERS_TABLES_H
#define CUL_PARSERS_TABLES_H

#include "parsers/parser.h"

/* ---- shared kinds: the stream is that of the capture that usually prints them ---------------------- */

extern const struct cul_kind cul_kind_ps_process, cul_kind_ps_summary;
extern const struct cul_kind cul_kind_host_load, cul_kind_host_memory, cul_kind_host_id, cul_kind_host_setting;
extern const struct cul_kind cul_kind_disk_usage, cul_kind_device_holder, cul_kind_thread_stack;
extern const struct cul_kind cul_kind_nvidia_gpu, cul_kind_nvidia_process, cul_kind_nvidia_summary;
extern const struct cul_kind cul_kind_nvidia_clocks, cul_kind_nvidia_pcie, cul_kind_nvidia_remap, cul_kind_nvidia_recovery;
extern const struct cul_kind cul_kind_nvidia_ecc, cul_kind_nvidia_fabric, cul_kind_nvidia_mig, cul_kind_nvidia_retired;
extern const struct cul_kind cul_kind_container_state;
extern const struct cul_kind cul_kind_amd_gpu, cul_kind_amd_process, cul_kind_amd_summary;

/* ---- rows ------------------------------------------------------------------------------------------ */

#define CUL_ROW_FIELDS 48

/** An observation in the making. Zero it to begin. */
struct cul_row {
	struct cul_arg args[CUL_ROW_FIELDS];
	size_t count;
};

/** Add a field; absent ones are dropped. */
static inline void cul_put(struct cul_row *row, struct cul_arg arg)
{
	if (arg.type != CUL_ABSENT && row->count < CUL_ROW_FIELDS)
		row->args[row->count++] = arg;
}
static inline enum cul_status cul_row_emit(struct cul_parse *parse, const struct cul_record *rec, const char *kind,
					   const struct cul_row *row)
{
	return cul_emit_args(parse, rec, kind, row->args, row->count);
}

/** A record at @line with the member's capture time. */
struct cul_record cul_table_record(const struct cul_parse *parse, const struct cul_line *line);
/** The same with a time of day ("11:02:58 …") put on the capture's date; without one it has no date. */
struct cul_record cul_table_record_at(const struct cul_parse *parse, const struct cul_line *line, struct cul_slice hms);

/* ---- words and numbers ------------------------------------------------------------------------------ */

static inline bool cul_blank(struct cul_slice text)
{
	return !cul_trim(text).size;
}
bool cul_all_digits(struct cul_slice text);
/** The leading number of @text ("45C", "72W", "1234MiB", "35,0", "[N/A]" is none). False if there is none. */
bool cul_lead_real(struct cul_slice text, double *ret);
struct cul_arg cul_lead(const char *name, struct cul_slice text);     /* that as a field */
struct cul_arg cul_lead_int(const char *name, struct cul_slice text);
/** A size with unit -> MiB; a bare number is in units of @bare_bytes. */
struct cul_arg cul_size_mib(const char *name, struct cul_slice text, double bare_bytes);
bool cul_size_to_mib(struct cul_slice text, double bare_bytes, double *ret);
/** Not N/A, [N/A], [Not Supported], -, unknown, empty. */
bool cul_told(struct cul_slice text);

/** Last part of a path with '/' or '\'. */
struct cul_slice cul_base_name(struct cul_slice path);
/** Does a word of the command line (split at blanks ; | & ( ), paths dropped) equal @program? */
bool cul_command_runs(struct cul_slice command, const char *program);

/* ---- processes --------------------------------------------------------------------------------------- */

/** "/usr/bin/python3 a.py" -> python3; "[kworker/12:0+events]" -> kworker/12:0+events; "sshd: root@pts/0" -> sshd. */
struct cul_slice cul_process_comm(struct cul_slice command);
/** "kworker/12:0+events" -> events; "kworker/R-rcu_g" -> rcu_g; empty when it says none. */
struct cul_slice cul_process_workqueue(struct cul_slice comm);

/** What a list of processes adds up to. */
struct cul_process_tally {
	int64_t tasks, running, blocked, blocked_kworkers, zombies;
};
void cul_process_count(struct cul_process_tally *tally, char state, struct cul_slice comm);
enum cul_status cul_process_summary(struct cul_parse *parse, const struct cul_record *rec,
				    const struct cul_process_tally *tally);

/** "0.11, 0.09, 0.10" or "1,05, 0,83, 0,71" or "0.11 0.09 0.10" -> three numbers. */
bool cul_load_read(struct cul_slice text, double ret[3]);
/** What stands behind "up": "13 days, 23:16," "4:41," "5 min," -> seconds. */
bool cul_uptime_read(struct cul_slice text, double *seconds);

#endif
