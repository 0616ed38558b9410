/* SPDX-License-Identifier: Apache-2.0 */
/**
 * vLLM, engines V0 and V1: configuration, statistics, memory profiling, stalls, deaths.
 *
 *   INFO 05-09 00:49:33 [loggers.py:118] Engine 000: Avg prompt throughput: 1.0 tokens/s, Avg generation throughput: 25.1 tokens/s,
 *     Running: 3 reqs, Waiting: 0 reqs, GPU KV cache usage: 4.1%, Prefix cache hit rate: 0.0%
 *   (EngineCore_DP0 pid=272) ERROR 05-09 00:49:33 [core.py:718] EngineCore encountered a fatal error.
 *
 * Printed by vllm/engine/metrics.py, vllm/v1/metrics/loggers.py, vllm/v1/engine/core.py, v1/executor/multiproc_executor.py,
 * distributed/device_communicators/shm_broadcast.py and worker/gpu_worker.py of vllm-project/vllm. V0 says Swapped and Pending, V1 Waiting.
 */
#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("EngineCore hit an exception", "engine-dead")                                              \
	X("EngineCore encountered a fatal error", "engine-dead")                                     \
	X("EngineCore encountered an issue", "engine-dead")                                          \
	X("AsyncLLM output_handler failed", "engine-dead")                                           \
	X("Background loop has errored already", "engine-dead")                                      \
	X("Engine loop has died", "engine-dead")                                                     \
	X("Engine loop is not running", "engine-dead")                                               \
	X("EngineCore failed to start", "engine-start-failed")                                       \
	X("Engine core initialization failed", "engine-start-failed")                                \
	X("died unexpectedly, shutting down client", "engine-died")                                  \
	X("died unexpectedly, shutting down executor", "worker-died")                                \
	X("Worker VllmWorkerProcess pid", "worker-died")                                             \
	X("WorkerProc initialization failed", "worker-failed")                                       \
	X("WorkerProc failed to start", "worker-failed")                                             \
	X("WorkerProc hit an exception", "worker-failed")                                            \
	X("No available block found in", "shm-broadcast-wait")                                       \
	X("No available shared memory broadcast block found in", "shm-broadcast-wait")               \
	X("RPC call to ", "rpc-timeout")                                                             \
	X("is larger than the maximum number of tokens that can be stored in KV cache", "kv-cache-too-small") \
	X("To serve at least one request with the model", "kv-cache-too-small")                      \
	X("No available memory for the cache blocks", "no-kv-cache")                                 \
	X("on startup is less than desired GPU memory utilization", "gpu-memory-busy")               \
	X("Error in memory profiling", "memory-profiling")                                           \
	X("is preempted by PreemptionMode", "preempted")                                             \
	X("Cannot use FlashAttention-2 backend", "attention-fallback")                               \
	X("FlashInfer is not available", "sampling-fallback")                                        \
	X("No valid attention backend found", "no-attention-backend")                                \
	X("are not supported for now", "architecture-unsupported")                                   \
	X("failed to be inspected", "architecture-unsupported")                                      \
	X("Watchdog: ", "watchdog")                                                                  \
	X("Parent process exited, terminating worker", "parent-exited")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

static enum cul_status stats(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice waiting = number_after(m, CUL_LIT("Waiting: "));

	if (!waiting.size)
		waiting = number_after(m, CUL_LIT("Pending: "));
	return cul_emit(parse, rec, "vllm.stats", real_after("prompt_tokens_per_s", m, CUL_LIT("prompt throughput: ")),
			real_after("tokens_per_s", m, CUL_LIT("generation throughput: ")), int_after("running", m, CUL_LIT("Running: ")),
			cul_number("waiting", waiting), int_after("swapped", m, CUL_LIT("Swapped: ")),
			real_after("kv_cache_pct", m, CUL_LIT("GPU KV cache usage: ")), real_after("prefix_hit_pct", m, CUL_LIT("Prefix cache hit rate: ")),
			int_after("preemptions", m, CUL_LIT("Preemptions: ")));
}

/** tensor_parallel_size=2 and 'tensor_parallel_size': 2 */
static struct cul_slice option(struct cul_slice m, struct cul_slice key)
{
	struct cul_slice rest = m, value = CUL_NONE;

	for (int i = 0; i < 16 && cul_cut(rest, key, NULL, &rest); i++) {
		const char *front = rest.data - key.size;

		if (front > m.data && is_word(front[-1]))
			continue;
		if (rest.size && rest.data[0] == '\'')
			rest = cul_from(rest, 1);
		if (!rest.size || (rest.data[0] != '=' && rest.data[0] != ':'))
			continue;
		value = unblank(cul_from(rest, 1));
		if (value.size && (value.data[0] == '\'' || value.data[0] == '"')) {
			char quote = value.data[0];
			size_t n = 1;

			while (n < value.size && value.data[n] != quote)
				n++;
			return cul_slice(value.data + 1, n - 1);
		}
		for (size_t n = 0; n <= value.size; n++)
			if (n == value.size || memchr(", )}", value.data[n], 4))
				return cul_slice(value.data, n);
	}
	return CUL_NONE;
}

static enum cul_status config(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice version = CUL_NONE, length = option(m, CUL_LIT("max_seq_len")), seqs = option(m, CUL_LIT("max_num_seqs"));

	if (!length.size)
		length = option(m, CUL_LIT("max_model_len"));
	cul_between(m, CUL_LIT("engine (v"), CUL_LIT(")"), &version);
	return cul_emit(parse, rec, "vllm.config", cul_text("version", version), cul_text("model", option(m, CUL_LIT("model"))),
			cul_number("tensor_parallel", option(m, CUL_LIT("tensor_parallel_size"))),
			cul_number("pipeline_parallel", option(m, CUL_LIT("pipeline_parallel_size"))), cul_number("max_model_len", length),
			cul_number("max_num_seqs", seqs), cul_decimal("gpu_memory_utilization", option(m, CUL_LIT("gpu_memory_utilization"))));
}

static enum cul_status memory(struct cul_parse *parse, const struct cul_record *rec, const char *what, double mib, struct cul_slice tokens)
{
	return cul_emit(parse, rec, "vllm.memory", cul_string("what", what), cul_real("size_mib", mib), cul_number("tokens", tokens), rank_arg(rec));
}

static enum cul_status event(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m, const char *word)
{
	struct cul_slice waited = number_after(m, CUL_LIT("block found in ")), preempted = number_after(m, CUL_LIT("preemption_cnt=")), rest, unit, tag;
	struct cul_slice pid = number_after(m, CUL_LIT("VllmWorkerProcess pid "));
	double free_mib = NAN, total = NAN, required = NAN;

	/* Free memory on device cuda:0 (22.0/79.1 GiB) on startup is less than desired GPU memory utilization (0.9, 71.2 GiB). */
	if (cul_cut(m, CUL_LIT("Free memory on device"), NULL, &rest) && cul_cut(rest, CUL_LIT("("), NULL, &rest)) {
		free_mib = to_real(number_at(rest)) * 1024;
		if (cul_cut(rest, CUL_LIT("/"), NULL, &unit))
			total = mib_at(unit);
		if (cul_cut(rest, CUL_LIT("utilization ("), NULL, &rest) && cul_cut(rest, CUL_LIT(", "), NULL, &rest))
			required = mib_at(rest);
	} else if (cul_cut(m, CUL_LIT("max seq len ("), NULL, &rest) && cul_cut(rest, CUL_LIT("), ("), NULL, &rest)) {
		required = mib_at(rest);
	}
	/* (EngineCore_DP0 pid=272) says who speaks */
	if (!pid.size && cul_starts(m, CUL_LIT("(")) && cul_cut(m, CUL_LIT(")"), &tag, NULL))
		pid = number_after(tag, CUL_LIT(" pid="));
	if (!preempted.size)
		preempted = number_after(m, CUL_LIT("cumulative_preemption="));
	return cul_emit(parse, rec, "vllm.event", cul_string("event", word), cul_text("what", cul_trim(m)), cul_since(cul_decimal("duration_s", waited)),
			cul_number("pid", pid), int_after("code", m, CUL_LIT("exit code: ")), cul_real("free_mib", free_mib),
			cul_real("total_mib", total), cul_real("required_mib", required), mib_after("available_mib", m, CUL_LIT("available KV cache memory (")),
			int_after("max_model_len", m, CUL_LIT("max seq len (")), int_after("n_limit", m, CUL_LIT("estimated maximum model length is ")),
			cul_number("preemptions", preempted), rank_arg(rec));
}

static enum cul_status vllm_record(struct cul_parse *parse, const struct cul_record *rec)
{
	static const struct {
		const char *label, *what;
	} sizes[] = { { "Available KV cache memory: ", "kv-available" }, { "Loading model weights took ", "weights" }, { "Model loading took ", "weights" },
		      { "reserved for KV Cache is ", "kv-available" }, { "model weights take ", "weights" } };
	struct cul_slice m = rec->message, rest;
	const struct event_text *found;
	enum cul_status status = CUL_OK;

	if (cul_has(m, CUL_LIT("generation throughput: ")) && cul_has(m, CUL_LIT("Running: ")))
		return stats(parse, rec, m);
	if ((cul_has(m, CUL_LIT(" engine ")) && cul_has(m, CUL_LIT(" with config: "))) || cul_has(m, CUL_LIT("non-default args: ")) ||
	    (cul_has(m, CUL_LIT("args: Namespace(")) && cul_has(m, CUL_LIT("tensor_parallel_size"))))
		return config(parse, rec, m);
	if (cul_cut(m, CUL_LIT("GPU KV cache size: "), NULL, &rest)) {
		cul_cut(rest, CUL_LIT(" tokens"), &rest, NULL);
		return memory(parse, rec, "kv-tokens", NAN, rest);
	}
	if (cul_cut(m, CUL_LIT("Graph capturing finished in "), NULL, &rest) && cul_cut(rest, CUL_LIT("took "), NULL, &rest))
		return memory(parse, rec, "cuda-graphs", mib_at(rest), CUL_NONE);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (!cul_cut(m, cul_str(sizes[i].label), NULL, &rest) || isnan(mib_at(rest)))
			continue;
		status = memory(parse, rec, sizes[i].what, mib_at(rest), CUL_NONE);
		if (status != CUL_OK)
			return status;
		rest = m;
	}
	found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	if (!found || (!strcmp(found->event, "rpc-timeout") && !cul_has(m, CUL_LIT(" timed out"))) ||
	    (!strcmp(found->event, "architecture-unsupported") && !cul_has(m, CUL_LIT("odel architectures"))) || !strcmp(found->event, "watchdog"))
		return status;
	return event(parse, rec, m, found->event);
}

const struct cul_parser cul_parser_vllm = {
	.name = "vllm",
	.about = "vLLM: configuration, statistics, memory, stalls, deaths",
	.kinds = CUL_KINDS(
		CUL_SAMPLES("vllm.stats", 1, "vllm", F_PROMPT_TOKENS_PER_S, F_TOKENS_PER_S, F_RUNNING, F_WAITING, F_SWAPPED, F_KV_CACHE_PCT, F_PREFIX_HIT_PCT,
			    F_PREEMPTIONS),
		CUL_KIND("vllm.config", 1, "vllm", F_VERSION, F_MODEL, F_TENSOR_PARALLEL, F_PIPELINE_PARALLEL, F_MAX_MODEL_LEN, F_MAX_NUM_SEQS, F_GPU_MEMORY_UTILIZATION),
		CUL_SAMPLES("vllm.memory", 1, "vllm", F_WHAT, F_SIZE_MIB, F_TOKENS, F_RANK),
		CUL_KIND("vllm.event", 1, "vllm", F_EVENT, F_WHAT, F_DURATION_S, F_PID, F_CODE, F_FREE_MIB, F_TOTAL_MIB, F_REQUIRED_MIB, F_AVAILABLE_MIB, F_MAX_MODEL_LEN, F_N_LIMIT,
			 F_PREEMPTIONS, F_RANK)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) "generation throughput: ", " with config: ", "non-default args: ", "args: Namespace(", "GPU KV cache size: ",
			    "Graph capturing finished in ", "Available KV cache memory: ", "Loading model weights took ", "Model loading took ",
			    "reserved for KV Cache is ", "model weights take "),
	.record = vllm_record,
};
