/* SPDX-License-Identifier: Apache-2.0 */
/**
 * LMDeploy with TurboMind or its PyTorch engine: configuration, images, requests, steps, failures.
 *
 *   2024-11-13 14:02:20,160 - lmdeploy - INFO - async_engine.py:165 - input backend=turbomind, backend_config=TurbomindEngineConfig(… tp=2, …)
 *   2024-11-13 14:03:01,938 - lmdeploy - INFO - engine.py:78 - ImageEncoder received 4 images, left 4 images.
 *   [TM][INFO] ------------------------- step = 3470 -------------------------
 *   [TM][ERROR] CUDA runtime error: out of memory /opt/lmdeploy/src/turbomind/utils/allocator.h:246
 *
 * Printed by lmdeploy/serve/async_engine.py, vl/engine.py, turbomind/turbomind.py, pytorch/engine and src/turbomind (0.4 to 0.10)
 * of InternLM/lmdeploy. "[TM]" lines have no time. The step lines stop when a tensor-parallel group hangs.
 */
#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("CUDA runtime error: ", "cuda-error")                                                      \
	X("No enough blocks", "no-blocks")                                                           \
	X("No enough memory. Update max_prefill_token_num", "no-memory")                             \
	X("EngineLoop wait_tasks failed", "engine-loop-failed")                                      \
	X("Engine loop failed with error", "engine-loop-failed")                                     \
	X("Engine main loop failed", "engine-loop-failed")                                           \
	X("RayExecutor worker has been killed before finish wait_tasks", "worker-killed")            \
	X("Ray worker exited", "worker-killed")                                                      \
	X("Received custom termination signal from sub processing", "server-exit")                   \
	X("Server process ", "server-exit")                                                          \
	X("api timeout: ", "api-timeout")                                                            \
	X("[async_stream_infer]", "stream-failed")                                                   \
	X("[TM][FATAL]", "fatal")                                                                    \
	X("[TM][ERROR]", "error")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

static struct cul_slice option(struct cul_slice m, struct cul_slice key)
{
	return number_after(m, key);
}

static enum cul_status lmdeploy_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, rest;
	const struct event_text *found;

	if (cul_cut(m, CUL_LIT("EngineConfig("), NULL, &rest))
		return cul_emit(parse, rec, "lmdeploy.config", cul_text("library", cul_has(m, CUL_LIT("TurbomindEngineConfig(")) ? CUL_LIT("turbomind") : CUL_LIT("pytorch")),
				cul_number("tensor_parallel", option(rest, cul_has(rest, CUL_LIT(" tp=")) ? CUL_LIT(" tp=") : CUL_LIT("tp="))),
				cul_number("max_model_len", option(rest, CUL_LIT("session_len="))), cul_number("max_num_seqs", option(rest, CUL_LIT("max_batch_size="))),
				cul_decimal("cache_max_entry_count", option(rest, CUL_LIT("cache_max_entry_count="))));
	if (cul_cut(m, CUL_LIT("ImageEncoder "), NULL, &rest)) {
		struct cul_slice verb = cul_word(&rest);

		rest = unblank(rest);
		if (!rest.size || !is_digit(rest.data[0]))
			return CUL_OK;
		return cul_emit(parse, rec, "lmdeploy.vision", cul_text("event", verb), cul_number("images", cul_digits(&rest)), int_after("left", rest, CUL_LIT("left ")),
				cul_since(real_after("duration_s", rest, CUL_LIT("cost "))));
	}
	if (cul_cut(m, CUL_LIT("egister stream callback for "), NULL, &rest))
		return cul_emit(parse, rec, "lmdeploy.stream", cul_string("event", cul_has(m, CUL_LIT("UN-register")) ? "end" : "begin"),
				cul_number("session", cul_digits(&rest)));
	if (cul_has(m, CUL_LIT("session_id=")) && cul_has(m, CUL_LIT("input_tokens=")))
		return cul_emit(parse, rec, "lmdeploy.session", int_after("session", m, CUL_LIT("session_id=")), int_after("n_prompt", m, CUL_LIT("input_tokens=")),
				int_after("n_limit", m, CUL_LIT("max_new_tokens=")), int_after("step", m, CUL_LIT(" step=")));
	if (cul_cut(m, CUL_LIT("--- step = "), NULL, &rest))
		return cul_emit(parse, rec, "lmdeploy.step", cul_number("step", cul_digits(&rest)));
	if (cul_cut(m, CUL_LIT("max_block_count = "), NULL, &rest))
		return cul_emit(parse, rec, "lmdeploy.blocks", cul_number("blocks", cul_digits(&rest)));
	found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	if (!found || (!strcmp(found->text, "Server process ") && !cul_has(m, CUL_LIT(" exited with code "))) ||
	    (!strcmp(found->event, "cuda-error") && !cul_has(m, CUL_LIT("[TM]")) && !cul_has(m, CUL_LIT("urbo")) && !cul_has(m, CUL_LIT("lmdeploy"))))
		return CUL_OK;
	return cul_emit(parse, rec, "lmdeploy.event", cul_string("event", found->event), cul_text("what", cul_trim(m)), int_after("code", m, CUL_LIT("exited with code ")),
			int_after("pid", m, CUL_LIT("Server process ")), int_after("session", m, CUL_LIT("session ")));
}

const struct cul_parser cul_parser_lmdeploy = {
	.name = "lmdeploy",
	.about = "LMDeploy and TurboMind: configuration, images, requests, steps, failures",
	.kinds = CUL_KINDS(
		CUL_KIND("lmdeploy.config", 1, "lmdeploy", F_LIBRARY, F_TENSOR_PARALLEL, F_MAX_MODEL_LEN, F_MAX_NUM_SEQS, F_CACHE_MAX_ENTRY_COUNT),
		CUL_SAMPLES("lmdeploy.vision", 1, "lmdeploy", F_EVENT, F_IMAGES, F_LEFT, F_DURATION_S), CUL_SAMPLES("lmdeploy.stream", 1, "lmdeploy", F_EVENT, F_SESSION),
		CUL_SAMPLES("lmdeploy.session", 1, "lmdeploy", F_SESSION, F_N_PROMPT, F_N_LIMIT, F_STEP), CUL_SAMPLES("lmdeploy.step", 1, "lmdeploy", F_STEP),
		CUL_KIND("lmdeploy.blocks", 1, "lmdeploy", F_BLOCKS), CUL_KIND("lmdeploy.event", 1, "lmdeploy", F_EVENT, F_WHAT, F_CODE, F_PID, F_SESSION)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) "EngineConfig(", "ImageEncoder ", "egister stream callback for ", "input_tokens=", "--- step = ", "max_block_count = "),
	.record = lmdeploy_record,
};
