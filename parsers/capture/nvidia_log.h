/* SPDX-License-Identifier: Apache-2.0 */
/** What nvidia-smi -q says, read line by line: shared by its text (nvidia_q.c) and its XML (nvidia_xml.c). */
#ifndef CUL_CAPTURE_NVIDIA_LOG_H
#define CUL_CAPTURE_NVIDIA_LOG_H

#include "parsers/tables.h"

struct cul_nvidia_log;

/** Lives as long as the section; NULL: no memory. */
struct cul_nvidia_log *cul_nvidia_log_new(struct cul_parse *parse);
/** "        Current   : 4" as -q prints it, with the place @line that it stands at. @text needs to live for the call only. */
enum cul_status cul_nvidia_log_line(struct cul_parse *parse, struct cul_nvidia_log *log, const struct cul_line *line, struct cul_slice text);
/** The end, or the begin of another one: the GPU at hand is told, indexes count from 0 again. */
enum cul_status cul_nvidia_log_end(struct cul_parse *parse, struct cul_nvidia_log *log);

/** "GPU 00000000:31:00.0" */
bool cul_nvidia_log_gpu(struct cul_slice line, struct cul_slice *bdf);
/** "    ECC Errors": a section's name that grep may leave without its GPU. */
bool cul_nvidia_log_part(struct cul_slice line);

/** A MIG device in the making (nvidia_mig.c). Zero it to begin. */
struct cul_nvidia_mig {
	struct cul_row row;
	struct cul_record rec;
	struct cul_slice gi, ci;
	double used, total;
};

/** The field "mig", "2/0": GPU instance and compute instance; nothing where one of them is missing. @room is the field's text. */
void cul_nvidia_mig_put(struct cul_row *row, struct cul_slice gi, struct cul_slice ci, char room[32]);
/** @key and its @value (kept) at @line, below the sections @names[0…@depth-1], the first being "MIG Device". @who: the GPU's fields. */
enum cul_status cul_nvidia_mig_value(struct cul_parse *parse, struct cul_nvidia_mig *mig, const struct cul_row *who, const struct cul_line *line,
				     const struct cul_slice *names, size_t depth, struct cul_slice key, struct cul_slice value);
/** A row of the table, without its outer bars: "0    1   0   0 | 37MiB / 20096MiB | 42      0 |…": GPU, instances, device; memory; SMs, ECC. */
enum cul_status cul_nvidia_mig_line(struct cul_parse *parse, const struct cul_line *line, struct cul_time time, int64_t ordinal, struct cul_slice text);
/** Tell the device at hand, if there is one. */
enum cul_status cul_nvidia_mig_emit(struct cul_parse *parse, struct cul_nvidia_mig *mig, const struct cul_row *who);

/** What such a log brings forth. */
#define CUL_NVIDIA_LOG_KINDS                                                                                          \
	CUL_KINDS(&cul_kind_nvidia_gpu, &cul_kind_nvidia_process, &cul_kind_nvidia_ecc, &cul_kind_nvidia_remap,       \
		  &cul_kind_nvidia_retired, &cul_kind_nvidia_clocks, &cul_kind_nvidia_pcie, &cul_kind_nvidia_fabric,  \
		  &cul_kind_nvidia_recovery, &cul_kind_nvidia_mig)

#endif
