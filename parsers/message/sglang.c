/* SPDX-License-Identifier: Apache-2.0 */
/**
 * SGLang: server arguments, batch statistics, memory, watchdog, retractions, failures.
 *
 *   [2025-10-15 10:47:27 TP0] Decode batch. #running-req: 10, #token: 110493, token usage: 0.05, cuda graph: True,
 *     gen throughput (token/s): 293.59, #queue-req: 0
 *   [2025-10-15 10:47:27] server_args=ServerArgs(model_path='…', mem_fraction_static=0.8, tp_size=8, …)
 *
 * Printed by python/sglang/srt/managers/scheduler*.py, tp_worker*.py, model_executor/model_runner.py and entrypoints of
 * sgl-project/sglang (0.3 to 0.5). "Decode batch." became "Decode batch, " or "Decode batch [12], " in 2025. GB are 2^30 here.
 */
#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("atchdog timeout (self.watchdog_timeout", "watchdog-timeout")                              \
	X("Received sigquit from a child process", "child-failed")                                   \
	X("Health check failed. Server couldn't get a response from detokenizer", "detokenizer-hang") \
	X("Not enough memory. Please try to increase --mem-fraction-static", "not-enough-memory")    \
	X("Prefill out of memory", "prefill-oom")                                                    \
	X("Decode out of memory", "decode-oom")                                                      \
	X("Capture cuda graph failed", "cuda-graph-failed")                                          \
	X("KV cache pool is full. Retract requests", "retract")                                      \
	X("Scheduler hit an exception", "scheduler-exception")                                       \
	X("TpModelWorkerClient hit an exception", "scheduler-exception")                             \
	X("TpModelWorker hit an exception", "scheduler-exception")                                   \
	X("DetokenizerManager hit an exception", "scheduler-exception")                              \
	X("Entering DeepGEMM JIT Pre-Compile session", "jit-compile")                                \
	X("Try DeepGEMM JIT Compiling", "jit-compile")                                               \
	X("Rank 0 scheduler died", "scheduler-died")                                                 \
	X("Memory pool end", "memory-pool")                                                          \
	X("token_to_kv_pool_allocator memory leak detected", "kv-leak")                              \
	X("pool memory leak detected", "kv-leak")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

/** "[2025-06-18 12:56:10 DP0 TP3 EP0] text": the tensor-parallel rank. */
static struct cul_arg tp_rank(const struct cul_record *rec)
{
	struct cul_slice head = rec->line.text, rest;

	if (head.size > 120)
		head.size = 120;
	if (!cul_cut(head, CUL_LIT("] "), &head, NULL) || !cul_cut_last(head, CUL_LIT("TP"), NULL, &rest))
		return rank_arg(rec);
	return cul_number("rank", cul_digits(&rest));
}

static struct cul_slice option(struct cul_slice m, struct cul_slice key)
{
	struct cul_slice rest;
	size_t n = 0;

	if (!cul_cut(m, key, NULL, &rest))
		return CUL_NONE;
	if (rest.size && rest.data[0] == '\'') {
		cul_cut(cul_from(rest, 1), CUL_LIT("'"), &rest, NULL);
		return rest;
	}
	while (n < rest.size && rest.data[n] != ',' && rest.data[n] != ')')
		n++;
	return cul_slice(rest.data, n);
}

/** SGLang prints 2^30 bytes as GB. */
static struct cul_arg gib_after(const char *name, struct cul_slice m, struct cul_slice label)
{
	return cul_real(name, to_real(number_after(m, label)) * 1024);
}

static enum cul_status sglang_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message;
	const struct event_text *found;
	double usage;

	if (cul_has(m, CUL_LIT("ServerArgs(")))
		return cul_emit(parse, rec, "sglang.config", cul_text("model", option(m, CUL_LIT("model_path="))),
				cul_number("tensor_parallel", option(m, cul_has(m, CUL_LIT(" tp_size=")) ? CUL_LIT(" tp_size=") : CUL_LIT("tp_size="))),
				cul_decimal("mem_fraction_static", option(m, CUL_LIT("mem_fraction_static="))),
				cul_number("max_model_len", option(m, CUL_LIT("context_length="))),
				cul_number("max_num_seqs", option(m, CUL_LIT("max_running_requests="))),
				cul_decimal("timeout_s", option(m, CUL_LIT("watchdog_timeout="))), cul_number("port", option(m, CUL_LIT(" port="))));
	if (cul_has(m, CUL_LIT("Decode batch")) || cul_has(m, CUL_LIT("Prefill batch"))) {
		bool decode = cul_has(m, CUL_LIT("Decode batch"));

		if (!cul_has(m, CUL_LIT("#running-req: ")) && !cul_has(m, CUL_LIT("#new-seq: ")))
			return CUL_OK;
		usage = to_real(number_after(m, CUL_LIT("token usage: ")));
		return cul_emit(parse, rec, "sglang.stats", cul_string("what", decode ? "decode" : "prefill"), int_after("running", m, CUL_LIT("#running-req: ")),
				int_after("waiting", m, CUL_LIT("#queue-req: ")), int_after("tokens", m, decode ? CUL_LIT("#token: ") : CUL_LIT("#new-token: ")),
				cul_real("kv_cache_pct", usage * 100), real_after("tokens_per_s", m, CUL_LIT("throughput (token/s): ")), tp_rank(rec));
	}
	if (cul_has(m, CUL_LIT("avail mem=")) || cul_has(m, CUL_LIT("KV Cache is allocated")))
		return cul_emit(parse, rec, "sglang.memory",
				cul_string("what", cul_has(m, CUL_LIT("Load weight begin")) ? "load-begin" : cul_has(m, CUL_LIT("Load weight end")) ? "load-end" :
						   cul_has(m, CUL_LIT("Memory pool end")) ? "pool-end" : cul_has(m, CUL_LIT("KV Cache is")) ? "kv-cache" :
						   cul_has(m, CUL_LIT("cuda graph begin")) ? "graph-begin" : cul_has(m, CUL_LIT("cuda graph end")) ? "graph-end" : "other"),
				gib_after("available_mib", m, CUL_LIT("avail mem=")), gib_after("used_mib", m, CUL_LIT("mem usage=")),
				int_after("tokens", m, CUL_LIT("#tokens: ")), gib_after("kv_mib", m, CUL_LIT("KV size: ")), tp_rank(rec));
	found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	if (!found)
		return CUL_OK;
	return cul_emit(parse, rec, "sglang.event", cul_string("event", found->event), cul_text("what", cul_trim(m)),
			cul_since(cul_decimal("duration_s", number_after(m, CUL_LIT("detokenizer for last ")))),
			real_after("timeout_s", m, CUL_LIT("self.watchdog_timeout=")), int_after("preemptions", m, CUL_LIT("#retracted_reqs: ")), tp_rank(rec));
}

const struct cul_parser cul_parser_sglang = {
	.name = "sglang",
	.about = "SGLang: arguments, batch statistics, memory, watchdog, retractions, failures",
	.kinds = CUL_KINDS(
		CUL_KIND("sglang.config", 1, "sglang", F_MODEL, F_TENSOR_PARALLEL, F_MEM_FRACTION_STATIC, F_MAX_MODEL_LEN, F_MAX_NUM_SEQS, F_TIMEOUT_S, F_PORT),
		CUL_SAMPLES("sglang.stats", 1, "sglang", F_WHAT, F_RUNNING, F_WAITING, F_TOKENS, F_KV_CACHE_PCT, F_TOKENS_PER_S, F_RANK),
		CUL_SAMPLES("sglang.memory", 1, "sglang", F_WHAT, F_AVAILABLE_MIB, F_USED_MIB, F_TOKENS, F_KV_MIB, F_RANK),
		CUL_KIND("sglang.event", 1, "sglang", F_EVENT, F_WHAT, F_DURATION_S, F_TIMEOUT_S, F_PREEMPTIONS, F_RANK)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) "ServerArgs(", "Decode batch", "Prefill batch", "avail mem=", "KV Cache is allocated"),
	.record = sglang_record,
};
