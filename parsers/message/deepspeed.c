/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DeepSpeed: loss scale, extensions that don't build, children that end, memory of the host.
 *
 *   [2026-08-22 12:19:04,123] [INFO] [loss_scaler.py:190:update_scale] [deepspeed] OVERFLOW! Rank 0 Skipping step. Attempted loss scale: 65536, reducing to 32768
 *   [2026-08-22 12:19:04,123] [ERROR] [launch.py:325:sigkill_handler] ['/usr/bin/python3', '-u', 'train.py'] exits with return code = -9
 *   [2026-08-22 12:19:04,123] [INFO] [utils.py:788:see_memory_usage] CPU Virtual Memory:  used = 401.2 GB, percent = 79.6%
 *
 * Printed by runtime/fp16/loss_scaler.py, op_builder/builder.py, launcher/launch.py and runtime/utils.py of deepspeedai/DeepSpeed.
 */
#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("OVERFLOW! Rank ", "overflow")                                                             \
	X("Current loss scale already at minimum", "loss-scale-minimum")                             \
	X("exits with return code = ", "child-exit")                                                 \
	X("Killing subprocess ", "killing")                                                          \
	X("due to it not being compatible due to hardware/software issue", "op-incompatible")        \
	X("op due to ninja not being installed", "op-no-ninja")                                      \
	X("CUDA_HOME does not exist, unable to compile CUDA op", "no-cuda-home")                     \
	X("does not match the version torch was compiled with", "cuda-mismatch")                     \
	X("ninja: build stopped: subcommand failed", "op-build-failed")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

static enum cul_status deepspeed_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, rest, number;
	const struct event_text *found;

	if (cul_cut(m, CUL_LIT("CPU Virtual Memory:"), NULL, &rest)) {
		number = number_after(rest, CUL_LIT("used = "));
		return cul_emit(parse, rec, "deepspeed.memory", cul_real("cpu_used_mib", to_real(number) * 1024), real_after("used_pct", rest, CUL_LIT("percent = ")));
	}
	if (cul_has(m, CUL_LIT("Max_MA ")) && cul_cut(m, CUL_LIT("MA "), NULL, &rest))
		return cul_emit(parse, rec, "deepspeed.memory", cul_real("allocated_mib", to_real(number_at(unblank(rest))) * 1024),
				cul_real("peak_mib", to_real(number_after(m, CUL_LIT("Max_MA "))) * 1024),
				cul_real("reserved_mib", to_real(number_after(m, CUL_LIT(" CA "))) * 1024));
	found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	if (!found)
		return CUL_OK;
	number = number_after(m, CUL_LIT("ttempted loss scale: "));
	return cul_emit(parse, rec, "deepspeed.event", cul_string("event", found->event), cul_text("what", cul_trim(m)),
			int_after("rank", m, CUL_LIT("OVERFLOW! Rank ")), int_after("code", m, CUL_LIT("return code = ")),
			int_after("pid", m, CUL_LIT("Killing subprocess ")), cul_decimal("loss_scale", number));
}

const struct cul_parser cul_parser_deepspeed = {
	.name = "deepspeed",
	.about = "DeepSpeed: loss scale, extensions, children, memory",
	.kinds = CUL_KINDS(CUL_SAMPLES("deepspeed.memory", 1, "deepspeed", F_CPU_USED_MIB, F_USED_PCT, F_ALLOCATED_MIB, F_PEAK_MIB, F_RESERVED_MIB),
			   CUL_KIND("deepspeed.event", 1, "deepspeed", F_EVENT, F_WHAT, F_RANK, F_CODE, F_PID, F_LOSS_SCALE)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) "CPU Virtual Memory:", "Max_MA "),
	.record = deepspeed_record,
};
