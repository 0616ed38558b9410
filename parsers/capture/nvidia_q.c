/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nvidia-smi -q, whole, by section (-d ECC,PERFORMANCE, …), or what grep left of it.
 *
 *   ==============NVSMI LOG==============
 *   Timestamp                                 : Sat Oct 18 05:44:30 2025
 *   Attached GPUs                             : 4
 *   GPU 00000000:31:00.0
 *       Clocks Throttle Reasons
 *           HW Slowdown                       : Active
 *               HW Power Brake Slowdown       : Active
 *
 * Four blanks a level; the colon's column has moved over the years. Old ECC trees count Single Bit and Double Bit,
 * with a Total each; Ampere and later SRAM and DRAM, Correctable and Uncorrectable (Hopper: Parity and SEC-DED). "Clocks
 * Throttle Reasons" became "Clocks Event Reasons" with 535; the "… Counters" of 570 are no states. The GPUs' order is
 * that of their indexes unless -i picked some. nvidia_log.c knows what the keys mean.
 */
#include "parsers/capture/nvidia_log.h"

static bool
is_banner(struct cul_slice line)
{
	return cul_starts(cul_trim(line), CUL_LIT("==============NVSMI LOG=============="));
}

static int
q_bid(const struct cul_head *head)
{
	struct cul_slice bdf;

	for (size_t i = 0; i < head->count && i < 3; i++) {
		if (is_banner(head->lines[i].text) || (i == 0 && cul_nvidia_log_gpu(head->lines[0].text, &bdf)))
			return 40;
		if (!cul_blank(head->lines[i].text))
			break;
	}
	return head->count && head->begins && cul_command_runs(head->command, "nvidia-smi") && cul_nvidia_log_part(head->lines[0].text) ? 24 : 0;
}

static enum cul_status
q_section(struct cul_parse *parse)
{
	struct cul_nvidia_log *log = cul_nvidia_log_new(parse);
	struct cul_line line;
	struct cul_slice bdf;
	enum cul_status status = CUL_OK;

	if (!log)
		return CUL_ENOMEM;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice text = line.text, rest;

		if (is_banner(text) && cul_kept_much(parse)) {
			cul_line_back(parse);
			break;
		} else if (is_banner(text)) {
			status = cul_nvidia_log_end(parse, log);
		} else if (cul_blank(text) || cul_is(cul_trim(text), CUL_LIT("--"))) {
			continue;
		} else if (text.data[0] == ' ' || text.data[0] == '\t' || cul_nvidia_log_gpu(text, &bdf) ||
			   (cul_cut(text, CUL_LIT(" : "), &rest, NULL) &&
			    (cul_starts(text, CUL_LIT("Timestamp ")) || cul_starts(text, CUL_LIT("Driver Version ")) ||
			     cul_starts(text, CUL_LIT("CUDA ")) || cul_starts(text, CUL_LIT("KMD ")) ||
			     cul_starts(text, CUL_LIT("Attached GPUs "))))) {
			status = cul_nvidia_log_line(parse, log, &line, text);
		} else {
			cul_line_back(parse);
			break;
		}
	}
	return status == CUL_OK ? cul_nvidia_log_end(parse, log) : status;
}

const struct cul_parser cul_parser_nvidia_q = {
	.name = "nvidia_q",
	.about = "nvidia-smi -q: ECC, remapped rows, clocks, PCIe, fabric, recovery",
	.kinds = CUL_NVIDIA_LOG_KINDS,
	.needles = CUL_LIST("==NVSMI LOG=="),
	.first = CUL_LIST("=VSM", "UGP"),
	.bid = q_bid,
	.section = q_section,
};
