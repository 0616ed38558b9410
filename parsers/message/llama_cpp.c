/* SPDX-License-Identifier: Apache-2.0 */
/**
 * llama.cpp (llama-server, llama-cli, Ollama's runners, ik_llama.cpp, KoboldCpp): placement, buffers, context, devices, timings,
 * failures.
 *
 *   load_tensors: offloaded 65/65 layers to GPU                     llm_load_tensors: until the end of 2024
 *   load_tensors:        CUDA0 model buffer size =  9211.25 MiB
 *   llama_context: n_ctx         = 4096                             llama_new_context_with_model: until the spring of 2025
 *   llama_context: graph splits = 3
 *     Device 0: NVIDIA GeForce RTX 2080 Ti, compute capability 7.5, VMM: yes
 *   CUDA error: out of memory
 *     current device: 0, in function alloc at ggml/src/ggml-cuda/ggml-cuda.cu:454
 *
 * Printed by src/llama-model.cpp, llama-context.cpp, llama-kv-cache.cpp, ggml/src/ggml-cuda/ggml-cuda.cu, ggml-backend-reg.cpp
 * and tools/server of ggml-org/llama.cpp. Lines have no time by default; newer ones may begin "<m>.<ss>.<ms>.<us> I ", which is
 * skipped. "graph splits" counts parts, not layers on the CPU: GPUs + 1 is normal.
 */
#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("no usable GPU found", "no-usable-gpu")                                                    \
	X("not compiled with GPU offload support", "no-gpu-support")                                 \
	X("failed to initialize CUDA", "cuda-init-failed")                                           \
	X("failed to initialize ROCm", "cuda-init-failed")                                           \
	X("no CUDA-capable device is detected", "no-device")                                         \
	X("ggml_vulkan: No devices found", "no-device")                                              \
	X("load_backend: failed to", "backend-load-failed")                                          \
	X("ggml_backend_load_best: failed to load", "backend-load-failed")                           \
	X("ggml_backend_load: failed to load", "backend-load-failed")                                \
	X("cudaMalloc failed", "alloc-failed")                                                       \
	X("hipMalloc failed", "alloc-failed")                                                        \
	X("failed to allocate buffer for kv cache", "kv-alloc-failed")                               \
	X("failed for self-attention cache", "kv-alloc-failed")                                      \
	X("failed to allocate compute", "alloc-failed")                                              \
	X("ggml_gallocr_reserve", "alloc-failed")                                                    \
	X("alloc_tensor_range: failed to allocate", "alloc-failed")                                  \
	X("_buffer_type_alloc_buffer: failed to allocate buffer", "alloc-failed")                    \
	X("unable to allocate", "alloc-failed")                                                      \
	X("ErrorOutOfDeviceMemory", "alloc-failed")                                                  \
	X("ErrorDeviceLost", "device-lost")                                                          \
	X("exceeds device memory allocation limit", "alloc-failed")                                  \
	X("failed to create context with model", "context-failed")                                   \
	X("unknown model architecture", "unknown-architecture")                                      \
	X("invalid magic characters", "bad-model-file")                                              \
	X("model is corrupted or incomplete", "bad-model-file")                                      \
	X("wrong number of tensors", "bad-model-file")                                               \
	X("failed to open GGUF file", "bad-model-file")                                              \
	X("error loading model", "model-load-failed")                                                \
	X("failed to load model", "model-load-failed")                                               \
	X("GGML_ASSERT(", "assert")                                                                  \
	X("ggml_cuda_compute_forward:", "compute-failed")                                            \
	X("exceeds the available context size", "context-exceeded")                                  \
	X("possible training context overflow", "context-above-trained")                             \
	X("the full capacity of the model will not be utilized", "context-below-trained")            \
	X("failed to find free space in the KV cache", "kv-full")                                    \
	X("failed to find a memory slot for batch", "kv-full")                                       \
	X("rocBLAS error: Cannot read", "rocblas-no-kernels")                                        \
	X("disabling CUDA graphs due to", "cuda-graphs-disabled")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

/** The word in front of the buffer's name: "CUDA0", "CPU_Mapped", "CPU"; empty in the oldest form. */
static struct cul_slice word_before(struct cul_slice a)
{
	size_t n;

	a = cul_trim(a);
	for (n = a.size; n && a.data[n - 1] != ' ' && a.data[n - 1] != ':'; n--)
		;
	return cul_from(a, n);
}

static enum cul_status buffer(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m, size_t at)
{
	struct cul_slice before = cul_slice(m.data, at), what = word_before(before), device, kind = what;
	double mib = mib_at(cul_from(cul_slice(m.data, m.size), at + strlen(" buffer size =")));

	if (isnan(mib))
		return CUL_OK;
	if (cul_is(what, CUL_LIT("model")) || cul_is(what, CUL_LIT("KV")) || cul_is(what, CUL_LIT("compute")) || cul_is(what, CUL_LIT("output")) ||
	    cul_is(what, CUL_LIT("RS")) || cul_is(what, CUL_LIT("LoRA")) || cul_is(what, CUL_LIT("SSM"))) {
		before.size = (size_t)(what.data - before.data);
		device = word_before(before);
	} else {
		/* until 2024: "llm_load_tensors:        CPU buffer size = " */
		if (!cul_has(m, CUL_LIT("load_tensors")))
			return CUL_OK;
		device = what;
		kind = CUL_LIT("model");
	}
	return cul_emit(parse, rec, "llama.buffer", cul_text("device", device), cul_text("buffer", kind), cul_real("buffer_mib", mib));
}

static enum cul_status device(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice rest, index, name, tail, gfx;

	if (cul_has(m, CUL_LIT("Device ")) && cul_cut(m, CUL_LIT("Device "), NULL, &rest)) {
		index = cul_digits(&rest);
		if (!index.size || !cul_skip(&rest, CUL_LIT(": ")) || !cul_cut(rest, CUL_LIT(", "), &name, &tail))
			return CUL_OK;
		gfx = gfx_of(tail);
		return cul_emit(parse, rec, "llama.device", cul_number("gpu_index", index), cul_text("gpu_name", name),
				cul_text("compute", gfx.size ? gfx : number_after(tail, CUL_LIT("compute capability "))), cul_text("gfx", gfx),
				cul_text("gpu_uuid", word_after(tail, CUL_LIT("ID: "))), mib_after("total_mib", tail, CUL_LIT("VRAM: ")));
	}
	/* using device CUDA0 (NVIDIA GeForce RTX 2080 Ti) (0000:01:00.0) - 20209 MiB free */
	if (cul_cut(m, CUL_LIT("using device "), NULL, &rest) && cul_cut(rest, CUL_LIT(" ("), &index, &name) &&
	    cul_cut_last(name, CUL_LIT(") - "), &name, &tail)) {
		struct cul_slice bdf = CUL_NONE, number = index;

		cul_cut_last(name, CUL_LIT(") ("), &name, &bdf);
		while (number.size && !is_digit(number.data[0]))
			number = cul_from(number, 1);
		return cul_emit(parse, rec, "llama.device", cul_number("gpu_index", number), cul_text("device", index), cul_text("gpu_name", name),
				cul_bdf("gpu_bdf", bdf), cul_real("free_mib", mib_at(tail)));
	}
	return CUL_OK;
}

struct context {
	struct cul_record *rec;
	struct cul_slice n_ctx, n_batch, n_ubatch, flash_attn;
};

/** "llama_context: n_ctx         = 4096" -> n_ctx, 4096. */
static bool setting(struct cul_slice m, struct cul_slice *key, struct cul_slice *value)
{
	struct cul_slice head, rest;

	if (!cul_cut(m, CUL_LIT("llama_context: "), NULL, &rest) && !cul_cut(m, CUL_LIT("llama_new_context_with_model: "), NULL, &rest) &&
	    !cul_cut(m, CUL_LIT("llama_init_from_model: "), NULL, &rest))
		return false;
	if (!cul_cut(rest, CUL_LIT("= "), &head, value))
		return false;
	*key = cul_trim(head);
	*value = cul_trim(*value);
	return key->size && !memchr(key->data, ' ', key->size);
}

static bool context_take(struct cul_parse *parse, struct context *c, struct cul_slice m)
{
	struct cul_slice key, value;

	if (!setting(m, &key, &value))
		return false;
	if (cul_is(key, CUL_LIT("n_ctx")))
		c->n_ctx = cul_keep(parse, value);
	else if (cul_is(key, CUL_LIT("n_batch")))
		c->n_batch = cul_keep(parse, value);
	else if (cul_is(key, CUL_LIT("n_ubatch")))
		c->n_ubatch = cul_keep(parse, value);
	else if (cul_is(key, CUL_LIT("flash_attn")))
		c->flash_attn = cul_keep(parse, value);
	return true;
}

static bool context_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct context *c = state;

	if (rec && (context_take(parse, c, rec->message) || cul_has(rec->line.text, CUL_LIT("level=")) || cul_has(rec->line.text, CUL_LIT("[GIN]"))))
		return true;
	*status = cul_emit(parse, c->rec, "llama.context", cul_number("n_ctx", c->n_ctx), cul_number("n_batch", c->n_batch),
			   cul_number("n_ubatch", c->n_ubatch), cul_text("flash_attn", c->flash_attn));
	return false;
}

struct graph {
	struct cul_record *rec;
	struct cul_slice nodes;
};

static bool graph_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct graph *g = state;
	struct cul_slice splits = CUL_NONE;

	if (rec && cul_has(rec->message, CUL_LIT("graph splits")))
		splits = number_after(rec->message, CUL_LIT("graph splits = "));
	else if (rec && (cul_has(rec->line.text, CUL_LIT("level=")) || cul_has(rec->line.text, CUL_LIT("[GIN]"))))
		return true;
	*status = cul_emit(parse, g->rec, "llama.graph", cul_number("nodes", g->nodes), cul_number("splits", splits));
	return false;
}

/** CUDA error: TEXT / current device: 0, in function f at file:1. Without the second line it is somebody else's. */
static bool error_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	const struct cul_record *first = state;
	struct cul_slice rest, function, place, path, line;

	if (!rec || !cul_cut(rec->message, CUL_LIT("current device: "), NULL, &rest))
		return false;
	function = word_after(rest, CUL_LIT("in function "));
	if (!cul_cut_last(rest, CUL_LIT(" at "), NULL, &place) || !cul_cut_last(place, CUL_LIT(":"), &path, &line))
		path = line = CUL_NONE;
	cul_cut(first->message, CUL_LIT(" error: "), NULL, &place);
	*status = cul_emit(parse, first, "llama.error", cul_text("what", cul_trim(place)), cul_number("gpu_index", cul_digits(&rest)),
			   cul_text("function", function), cul_text("path", path), cul_number("line_no", cul_trim(line)));
	return true;
}

/** Without the "12.34.567.890 E " of --log-timestamps. */
static struct cul_slice bare_text(struct cul_slice m)
{
	struct cul_slice word, rest = m;

	word = cul_word(&rest);
	if (word.size > 4 && is_digit(word.data[0]) && memchr(word.data, '.', word.size)) {
		word = cul_word(&rest);
		if (word.size == 1)
			return cul_trim(rest);
	}
	return m;
}

static enum cul_status timing(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice rest, tail, per = CUL_NONE;
	const char *what = cul_has(m, CUL_LIT("prompt eval time")) ? "prompt" : cul_has(m, CUL_LIT("total time")) ? "total" : "eval";

	if (!cul_cut(m, CUL_LIT(" time "), NULL, &rest) || !cul_cut(rest, CUL_LIT("="), NULL, &rest) || !cul_cut(rest, CUL_LIT(" ms /"), NULL, &tail))
		return CUL_OK;
	if (cul_cut(tail, CUL_LIT(" tokens per second"), &per, NULL))
		per = word_before(per);
	return cul_emit(parse, rec, "llama.timing", cul_string("what", what), cul_since(cul_decimal("duration_ms", number_at(unblank(rest)))),
			cul_number("tokens", number_at(unblank(tail))), cul_decimal("tokens_per_s", number_at(unblank(per))));
}

static enum cul_status event(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	const struct event_text *found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	struct cul_slice model = CUL_NONE, arch = CUL_NONE, bytes;
	bool json = cul_has(m, CUL_LIT("\"n_prompt_tokens\":")); /* the answer that a client got, since September 2025 */
	double size = NAN;

	if (!found)
		return CUL_OK;
	if (!strcmp(found->event, "alloc-failed")) {
		size = cul_has(m, CUL_LIT("allocating ")) ? mib_at(cul_from(m, cul_find(m, CUL_LIT("allocating ")) + 11)) : NAN;
		bytes = number_after(m, CUL_LIT("of size "));
		if (isnan(size) && bytes.size)
			size = to_real(bytes) / 1048576;
		if (isnan(size) && !cul_has(m, CUL_LIT("fail")) && !cul_has(m, CUL_LIT("Error")) && !cul_has(m, CUL_LIT("exceeds")) &&
		    !cul_has(m, CUL_LIT("unable")))
			return CUL_OK; /* ggml_gallocr_reserve_n: reallocating … is no failure */
		if (cul_has(m, CUL_LIT("reallocating")) || (cul_has(m, CUL_LIT("Malloc failed")) && !cul_has(m, CUL_LIT("allocating "))))
			return CUL_OK; /* MXNet and others say cudaMalloc failed too */
		if (!strcmp(found->text, "unable to allocate") && !cul_has(m, CUL_LIT("buffer")))
			return CUL_OK;
	}
	/* others load models and miss devices too */
	if ((!strcmp(found->event, "model-load-failed") || !strcmp(found->text, "no CUDA-capable device is detected")) && !cul_has(m, CUL_LIT("llama_")) &&
	    !cul_has(m, CUL_LIT("ggml")) && !cul_has(m, CUL_LIT("load_model:")) && !cul_has(m, CUL_LIT("common_init")) && !cul_has(m, CUL_LIT("error loading model:")))
		return CUL_OK;
	if (!strcmp(found->event, "model-load-failed"))
		cul_between(m, CUL_LIT("'"), CUL_LIT("'"), &model);
	if (!strcmp(found->event, "unknown-architecture"))
		cul_between(m, CUL_LIT("architecture: '"), CUL_LIT("'"), &arch);
	return cul_emit(parse, rec, "llama.event", cul_string("event", found->event), cul_text("what", cul_trim(bare_text(m))), cul_text("model", model),
			cul_text("model_arch", arch), cul_real("size_mib", size), int_after("gpu_index", m, CUL_LIT("on device ")),
			int_after("n_prompt", m, json ? CUL_LIT("\"n_prompt_tokens\":") : CUL_LIT("request (")),
			int_after("n_ctx", m, json ? CUL_LIT("\"n_ctx\":") : CUL_LIT("context size (")),
			int_after("n_ctx_train", m, CUL_LIT("n_ctx_train (")));
}

static enum cul_status llama_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, rest, a, b, text = bare_text(m);
	size_t at;

	if (cul_cut(m, CUL_LIT("offloaded "), NULL, &rest) && cul_has(rest, CUL_LIT(" layers to GPU"))) {
		a = cul_digits(&rest);
		if (!cul_skip(&rest, CUL_LIT("/")))
			return CUL_OK;
		b = cul_digits(&rest);
		return cul_emit(parse, rec, "llama.offload", cul_number("layers_offloaded", a), cul_number("layers_total", b));
	}
	if (cul_cut(m, CUL_LIT("offloading "), NULL, &rest) && cul_has(rest, CUL_LIT(" repeating layers to GPU")))
		return cul_emit(parse, rec, "llama.repeating", cul_number("layers_repeating", cul_digits(&rest)));
	at = cul_find(m, CUL_LIT(" buffer size ="));
	if (at != SIZE_MAX)
		return buffer(parse, rec, m, at);
	if (cul_has(m, CUL_LIT("graph nodes"))) {
		struct graph *g = cul_keep_bytes(parse, sizeof(*g));

		if (!g || !(g->rec = keep_record(parse, rec)))
			return CUL_ENOMEM;
		g->nodes = cul_keep(parse, number_after(cul_from(m, cul_find(m, CUL_LIT("graph nodes"))), CUL_LIT("=")));
		return g->nodes.size ? cul_follow(parse, rec, graph_next, g) : CUL_OK;
	}
	if (setting(m, &a, &b) && cul_is(a, CUL_LIT("n_ctx"))) {
		struct context *c = cul_keep_bytes(parse, sizeof(*c));

		if (!c || !(c->rec = keep_record(parse, rec)))
			return CUL_ENOMEM;
		context_take(parse, c, m);
		return cul_follow(parse, rec, context_next, c);
	}
	if (cul_has(m, CUL_LIT(", VMM: ")) || cul_has(m, CUL_LIT("using device ")))
		return device(parse, rec, m);
	if ((cul_cut(m, CUL_LIT("ggml_cuda_init: found "), NULL, &rest) || cul_cut(m, CUL_LIT("ggml_vulkan: Found "), NULL, &rest) ||
	     cul_cut(m, CUL_LIT("ggml_init_cublas: found "), NULL, &rest)) && cul_has(rest, CUL_LIT("devices"))) {
		a = cul_digits(&rest);
		return cul_emit(parse, rec, "llama.devices", cul_number("gpus", a), cul_text("library", cul_word(&rest)));
	}
	if (cul_cut(m, CUL_LIT("load_backend: loaded "), NULL, &rest) && cul_cut(rest, CUL_LIT(" backend from "), &a, &b))
		return cul_emit(parse, rec, "llama.backend", cul_text("library", a), cul_text("path", cul_trim(b)));
	if (cul_cut(m, CUL_LIT("loaded meta data with "), NULL, &rest) && cul_cut(rest, CUL_LIT(" from "), NULL, &rest)) {
		cul_cut(rest, CUL_LIT(" (version "), &rest, NULL);
		return cul_emit(parse, rec, "llama.model", cul_text("model", rest));
	}
	if (cul_cut(m, CUL_LIT("n_ctx_train "), NULL, &rest) && (cul_has(m, CUL_LIT("print_info:")) || cul_has(m, CUL_LIT("print_meta:"))))
		return cul_emit(parse, rec, "llama.train", int_after("n_ctx_train", rest, CUL_LIT("=")));
	if (cul_has(m, CUL_LIT("eval time =")) || cul_has(m, CUL_LIT("eval time     =")) || cul_has(m, CUL_LIT("total time =")) ||
	    cul_has(m, CUL_LIT("eval time    =")))
		return timing(parse, rec, m);
	if (cul_has(m, CUL_LIT("n_decoded =")) && cul_has(m, CUL_LIT(" t/s")))
		return cul_emit(parse, rec, "llama.timing", cul_string("what", "eval"), int_after("tokens", m, CUL_LIT("n_decoded =")),
				real_after("tokens_per_s", m, CUL_LIT("tg =")));
	if (cul_starts(text, CUL_LIT("CUDA error: ")) || cul_starts(text, CUL_LIT("ROCm error: ")) || cul_starts(text, CUL_LIT("MUSA error: "))) {
		struct cul_record *kept = keep_record(parse, rec);

		return kept ? cul_follow(parse, rec, error_next, kept) : CUL_ENOMEM;
	}
	return event(parse, rec, m);
}

const struct cul_parser cul_parser_llama_cpp = {
	.name = "llama_cpp",
	.about = "llama.cpp and its servers: layers on GPUs, buffers, context, devices, timings, failures",
	.kinds = CUL_KINDS(
		CUL_SAMPLES("llama.offload", 1, "llama_cpp", F_LAYERS_OFFLOADED, F_LAYERS_TOTAL),
		CUL_SAMPLES("llama.repeating", 1, "llama_cpp", F_LAYERS_REPEATING),
		CUL_SAMPLES("llama.buffer", 1, "llama_cpp", F_DEVICE, F_BUFFER, F_BUFFER_MIB), CUL_SAMPLES("llama.graph", 1, "llama_cpp", F_NODES, F_SPLITS),
		CUL_SAMPLES("llama.context", 1, "llama_cpp", F_N_CTX, F_N_BATCH, F_N_UBATCH, F_FLASH_ATTN),
		CUL_KIND("llama.device", 1, "llama_cpp", F_GPU_INDEX, F_DEVICE, F_GPU_NAME, F_COMPUTE, F_GFX, F_GPU_UUID, F_GPU_BDF, F_TOTAL_MIB, F_FREE_MIB),
		CUL_KIND("llama.devices", 1, "llama_cpp", F_GPUS, F_LIBRARY), CUL_KIND("llama.backend", 1, "llama_cpp", F_LIBRARY, F_PATH),
		CUL_SAMPLES("llama.model", 1, "llama_cpp", F_MODEL), CUL_KIND("llama.train", 1, "llama_cpp", F_N_CTX_TRAIN),
		CUL_SAMPLES("llama.timing", 1, "llama_cpp", F_WHAT, F_DURATION_MS, F_TOKENS, F_TOKENS_PER_S),
		CUL_KIND("llama.error", 1, "llama_cpp", F_WHAT, F_GPU_INDEX, F_FUNCTION, F_PATH, F_LINE_NO),
		CUL_KIND("llama.event", 1, "llama_cpp", F_EVENT, F_WHAT, F_MODEL, F_MODEL_ARCH, F_SIZE_MIB, F_GPU_INDEX, F_N_PROMPT, F_N_CTX, F_N_CTX_TRAIN)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) " layers to GPU", " buffer size =", "graph nodes", "llama_context: n_", "llama_new_context_with_model: n_",
			    "llama_init_from_model: n_", ", VMM: ", "using device ", "ggml_cuda_init: found ", "ggml_vulkan: Found ",
			    "ggml_init_cublas: found ", "load_backend: loaded ", "loaded meta data with ", "n_ctx_train ", "eval time ", "total time =",
			    "n_decoded =", "CUDA error: ", "ROCm error: ", "MUSA error: "),
	.record = llama_record,
};
