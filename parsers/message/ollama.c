/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Ollama's own lines: settings, GPUs found, runners started, layers placed, models evicted, runners lost.
 *
 *   time=… level=INFO source=types.go:130 msg="inference compute" id=GPU-… library=cuda variant=v12 compute=7.5 …
 *   time=… level=INFO source=server.go:380 msg="starting llama server" cmd="… runner --model … --ctx-size 2048 …"
 *   2024/01/10 12:00:00 routes.go:953: Listening on 127.0.0.1:11434 (version 0.1.20)
 *
 * Printed by discover/, server/sched.go, server/routes.go and llm/server.go of ollama/ollama with log/slog in text form;
 * before 0.1.23 with log.Printf. Three eras: up to 0.11 Go code looks for GPUs, from 0.12 a runner does, from 0.30 a
 * llama-server child. Keys and quotes as log/slog writes them; JSON-escaped quotes of a wrapped log are taken too.
 * Raw llama.cpp lines between them are llama_cpp.c's, requests are http_access.c's.
 */
#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("no compatible GPUs were discovered", "no-gpu")                                            \
	X("no GPU detected", "no-gpu") /* until 0.1.32 */                                            \
	X("GPU not available, falling back to CPU", "no-gpu")                                        \
	X("entering low vram mode", "low-vram")                                                      \
	X("all detected amdgpus are skipped", "unsupported-gpu")                                     \
	X("amdgpu is not supported", "unsupported-gpu")                                              \
	X("is not supported by /", "unsupported-gpu")                                                \
	X("amdgpu too old", "unsupported-gpu")                                                       \
	X("CUDA GPU is too old", "unsupported-gpu")                                                  \
	X("dropping ROCm device", "unsupported-gpu")                                                 \
	X("skipping CUDA device", "skipped-gpu")                                                     \
	X("dropping integrated GPU", "integrated-gpu-dropped")                                       \
	X("CPU does not have AVX", "no-avx")                                                         \
	X("skipping rocm gfx compatibility check", "gfx-override")                                   \
	X("old CUDA driver detected", "old-driver")                                                  \
	X("NVIDIA driver too old", "old-driver")                                                     \
	X("cuda driver library init failure", "driver-init-failed")                                  \
	X("cuda driver library failed to get device context", "device-context-failed")               \
	X("error looking up nvidia GPU memory", "gpu-memory-lookup-failed")                          \
	X("error looking up AMD GPU memory", "gpu-memory-lookup-failed")                             \
	X("unable to load cudart library", "library-load-failed")                                    \
	X("Unable to load cudart", "library-load-failed")                                            \
	X("unable to load cuda driver library", "library-load-failed")                               \
	X("unable to load nvml library", "library-load-failed")                                      \
	X("amdgpu detected, but no compatible rocm library found", "rocm-library-missing")           \
	X("unable to verify rocm library", "rocm-library-missing")                                   \
	X("Invalid OLLAMA_LLM_LIBRARY", "invalid-library")                                           \
	X("user overrode visible devices", "visible-devices-override")                               \
	X("failure during GPU discovery", "discovery-failed")                                        \
	X("llama-server GPU discovery watchdog timed out", "discovery-timeout")                      \
	X("unable to refresh free memory", "free-memory-stale")                                      \
	X("unable to refresh all GPUs", "free-memory-stale")                                         \
	X("gpu VRAM usage didn't recover within timeout", "vram-not-recovered")                      \
	X("client connection closed before server finished loading", "client-gave-up")               \
	X("client connection closed before llama-server finished loading", "client-gave-up")         \
	X("timed out waiting for llama runner to start", "load-timeout")                             \
	X("timed out waiting for llama-server to start", "load-timeout")                             \
	X("llama runner process has terminated", "runner-terminated")                                \
	X("llama runner terminated", "runner-terminated")                                            \
	X("llama-server process has terminated", "runner-terminated")                                \
	X("llama-server terminated", "runner-terminated")                                            \
	X("llama runner process no longer running", "runner-terminated")                             \
	X("error loading llama server", "load-failed")                                               \
	X("error loading llama-server", "load-failed")                                               \
	X("llama-server load failed", "load-failed")                                                 \
	X("Load failed\" model=", "load-failed")                                                     \
	X("runtime OOM detected", "runtime-oom")                                                     \
	X("maximum pending requests exceeded", "queue-full")                                         \
	X("model request too large for system", "system-memory-short")                               \
	X("model requires more system memory", "system-memory-short")                                \
	X("memory layout cannot be allocated", "layout-failed")                                      \
	X("truncating input prompt", "prompt-truncated")                                             \
	X("context limit hit - shifting", "context-shift")                                           \
	X("requested context size too large for model", "context-too-large")                         \
	X("flash attention enabled but not supported", "flash-attention-unsupported")                \
	X("aborting completion request due to client closing the connection", "client-gone")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

/** Settings that decide about GPUs, memory and models; proxies and the like may hold secrets. */
static bool is_setting(struct cul_slice key)
{
	static const char *const wanted[] = { "OLLAMA_", "CUDA_", "HIP_", "ROCR_", "HSA_", "GPU_", "GGML_", "AMD_", "LLAMA_" };

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (cul_starts(key, cul_str(wanted[i])))
			return true;
	return false;
}

/** The offset behind the value at the start of @a: up to " NAME:" or the closing bracket of the map. */
static size_t value_end(struct cul_slice a)
{
	int depth = 0;

	for (size_t i = 0; i < a.size; i++) {
		size_t n = i + 1;

		if (a.data[i] == '[')
			depth++;
		else if (a.data[i] == ']' && depth-- == 0)
			return i;
		if (a.data[i] != ' ' || depth > 0)
			continue;
		while (n < a.size && n - i < 48 && is_word(a.data[n]))
			n++;
		if (n > i + 1 && n < a.size && a.data[n] == ':' && n + 1 <= a.size && a.data[i + 1] >= 'A' && !(n + 2 < a.size && a.data[n + 1] == '/'))
			return i;
	}
	return a.size;
}

static enum cul_status settings(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice map)
{
	for (int i = 0; i < 128 && map.size; i++) {
		struct cul_slice key, value;
		enum cul_status status;
		size_t end;

		if (!cul_cut(map, CUL_LIT(":"), &key, &value))
			break;
		key = cul_trim(key);
		end = value_end(value);
		map = cul_from(value, end);
		value.size = end;
		if (map.size && map.data[0] == ']')
			map.size = 0;
		if (!value.size || !is_setting(key))
			continue;
		status = cul_emit(parse, rec, "ollama.setting", cul_text("key", key), cul_text("value", value));
		if (status != CUL_OK)
			return status;
	}
	return CUL_OK;
}

/** "[19.7 GiB 19.7 GiB]" -> the sum in MiB; NAN when it holds none. */
static double mib_sum(struct cul_slice list)
{
	double sum = 0;
	int n = 0;

	while (list.size && n < 64) {
		struct cul_slice number;
		double mib;

		while (list.size && !is_digit(list.data[0]))
			list = cul_from(list, 1);
		number = number_at(list);
		mib = mib_at(list);
		if (!number.size || isnan(mib))
			break;
		sum += mib;
		n++;
		list = cul_from(list, number.size);
	}
	return n ? sum : NAN;
}

/** The value of @key, whether its quotes are escaped or not. */
static struct cul_slice value_of(struct cul_slice a, struct cul_slice key)
{
	struct cul_slice value, rest;

	if (!cul_logfmt(a, key, &value))
		return CUL_NONE;
	if (cul_starts(value, CUL_LIT("\\\"")) && cul_cut(a, key, NULL, &rest) && cul_between(rest, CUL_LIT("\\\""), CUL_LIT("\\\""), &value))
		return value;
	return value;
}

static struct cul_arg mib_arg(const char *name, struct cul_slice a, struct cul_slice key)
{
	return cul_real(name, mib_sum(value_of(a, key)));
}

static enum cul_status device(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice id = value_of(m, CUL_LIT("id")), name = value_of(m, CUL_LIT("description")), compute = value_of(m, CUL_LIT("compute"));
	struct cul_slice library = value_of(m, CUL_LIT("library"));
	bool uuid = cul_starts(id, CUL_LIT("GPU-")), gfx = cul_starts(compute, CUL_LIT("gfx"));

	if (!name.size)
		name = value_of(m, CUL_LIT("name"));
	return cul_emit(parse, rec, "ollama.device", cul_text("gpu_uuid", uuid ? id : CUL_NONE),
			cul_number("gpu_index", uuid || cul_is(library, CUL_LIT("cpu")) ? CUL_NONE : id),
			cul_bdf("gpu_bdf", value_of(m, CUL_LIT("pci_id"))), cul_text("library", library),
			cul_text("variant", value_of(m, CUL_LIT("variant"))), cul_text("compute", compute),
			cul_text("gfx", gfx ? compute : CUL_NONE), cul_text("driver_version", value_of(m, CUL_LIT("driver"))),
			cul_text("gpu_name", name), cul_text("gpu_type", value_of(m, CUL_LIT("type"))),
			cul_text("libdirs", value_of(m, CUL_LIT("libdirs"))), mib_arg("total_mib", m, CUL_LIT("total")),
			mib_arg("available_mib", m, CUL_LIT("available")));
}

/** A Windows path as it is: log/slog doubles its backslashes inside quotes. */
static struct cul_slice plain_path(struct cul_parse *parse, struct cul_slice path)
{
	char *room;
	size_t n = 0;

	if (!cul_has(path, CUL_LIT("\\\\")) || !(room = cul_keep_bytes(parse, path.size)))
		return path;
	for (size_t i = 0; i < path.size; i++) {
		room[n++] = path.data[i];
		if (path.data[i] == '\\' && i + 1 < path.size && path.data[i + 1] == '\\')
			i++;
	}
	return cul_slice(room, n);
}

static enum cul_status runner(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice cmd, model, split = CUL_NONE, rest;

	/* up to 0.1.4x the command stands as a list in the message itself: [/tmp/… --model …] */
	if (!cul_cut(m, CUL_LIT("cmd="), NULL, &cmd) && !cul_cut(m, CUL_LIT("starting"), NULL, &cmd))
		return CUL_OK;
	if (cmd.size && cmd.data[0] == '\\')
		cmd = cul_from(cmd, 1);
	if (cmd.size && cmd.data[0] == '"') {
		cmd = cul_from(cmd, 1);
		cul_cut(cmd, CUL_LIT("\""), &cmd, NULL);
	}
	if (cul_has(cmd, CUL_LIT("--ollama-engine")) && !cul_has(cmd, CUL_LIT("--model")))
		return CUL_OK; /* a probe that looks for GPUs loads nothing */
	model = word_after(cmd, CUL_LIT("--model "));
	if (!model.size)
		model = word_after(cmd, CUL_LIT("-m "));
	model = plain_path(parse, model);
	if (cul_cut(cmd, CUL_LIT("--tensor-split "), NULL, &rest))
		split = cul_word(&rest);
	return cul_emit(parse, rec, "ollama.runner", cul_text("model", model), int_after("n_ctx", cmd, CUL_LIT("--ctx-size ")),
			int_after("n_batch", cmd, CUL_LIT("--batch-size ")), int_after("n_ubatch", cmd, CUL_LIT("--ubatch-size ")),
			int_after("n_gpu_layers", cmd, CUL_LIT("--n-gpu-layers ")), int_after("threads", cmd, CUL_LIT("--threads ")),
			int_after("parallel", cmd, CUL_LIT("--parallel ")), cul_text("split", split),
			int_after("port", cmd, CUL_LIT("--port ")), cul_text("command", cmd));
}

/** The new engine's request: {Operation:commit … KvSize:4096 … GPULayers:65[ID:GPU-… Layers:65(0..64)] …}. */
static enum cul_status load_request(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	return cul_emit(parse, rec, "ollama.load-request", cul_text("operation", word_after(m, CUL_LIT("Operation:"))),
			int_after("n_ctx", m, CUL_LIT("KvSize:")), int_after("n_batch", m, CUL_LIT("BatchSize:")),
			int_after("parallel", m, CUL_LIT("Parallel:")), int_after("n_gpu_layers", m, CUL_LIT("GPULayers:")),
			int_after("threads", m, CUL_LIT("NumThreads:")), cul_text("flash_attn", word_after(m, CUL_LIT("FlashAttention:"))));
}

static enum cul_status offload(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice library = value_of(m, CUL_LIT("library"));
	double available = mib_sum(value_of(m, CUL_LIT("memory.available")));
	double required = mib_sum(value_of(m, CUL_LIT("memory.required.full")));

	if (!library.size)
		library = word_after(m, CUL_LIT("offload to "));
	return cul_emit(parse, rec, "ollama.offload", cul_text("library", library),
			cul_number("layers_requested", value_of(m, CUL_LIT("layers.requested"))),
			cul_number("layers_total", value_of(m, CUL_LIT("layers.model"))),
			cul_number("layers_offloaded", value_of(m, CUL_LIT("layers.offload"))),
			cul_text("split", value_of(m, CUL_LIT("layers.split"))), cul_real("available_mib", available),
			cul_real("required_mib", required), mib_arg("kv_mib", m, CUL_LIT("memory.required.kv")),
			mib_arg("weights_mib", m, CUL_LIT("memory.weights.total")), mib_arg("graph_mib", m, CUL_LIT("memory.graph.full")));
}

static enum cul_status memory(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m, struct cul_slice what)
{
	struct cul_slice device = value_of(m, CUL_LIT("device"));

	if (!device.size)
		device = value_of(m, CUL_LIT("buffer"));
	return cul_emit(parse, rec, "ollama.memory", cul_text("what", what), cul_text("device", device),
			mib_arg("buffer_mib", m, CUL_LIT("size")));
}

static enum cul_status event(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m, struct cul_slice what)
{
	const struct event_text *found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	struct cul_slice why = value_of(m, CUL_LIT("error")), gfx = value_of(m, CUL_LIT("gpu_type")), gpu = value_of(m, CUL_LIT("gpu"));
	const char *word;

	if (!found)
		return CUL_OK;
	word = found->event;
	if (cul_has(why, CUL_LIT("failed to finish discovery before timeout")))
		word = "discovery-timeout";
	else if (cul_has(why, CUL_LIT("timed out waiting for llama")))
		word = cul_has(why, CUL_LIT("context canceled")) ? "client-gave-up" : "load-timeout";
	else if (cul_has(why, CUL_LIT("process has terminated")))
		word = "runner-terminated";
	if (!gpu.size)
		gpu = value_of(m, CUL_LIT("id"));
	if (!gpu.size)
		gpu = word_after(m, CUL_LIT("VISIBLE_DEVICES:"));
	if (!gfx.size)
		gfx = gfx_of(m);
	return cul_emit(parse, rec, "ollama.event", cul_string("event", word), cul_text("what", what), cul_text("why", why),
			cul_text("model", plain_path(parse, value_of(m, CUL_LIT("model")))), cul_text("gpu_uuid", cul_starts(gpu, CUL_LIT("GPU-")) ? gpu : CUL_NONE),
			cul_text("gfx", gfx),
			cul_since(cul_decimal("duration_s", number_at(value_of(m, CUL_LIT("seconds"))))),
			mib_arg("required_mib", m, CUL_LIT("requested")), mib_arg("available_mib", m, CUL_LIT("available")),
			cul_number("n_limit", value_of(m, CUL_LIT("limit"))), cul_number("n_prompt", value_of(m, CUL_LIT("prompt"))));
}

static enum cul_status ollama_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, what = value_of(m, CUL_LIT("msg")), rest, version;

	if (!what.size)
		what = m;
	if (cul_cut(m, CUL_LIT("server config"), NULL, &rest) && cul_cut(rest, CUL_LIT("map["), NULL, &rest))
		return settings(parse, rec, rest);
	if (cul_cut(m, CUL_LIT("Listening on "), NULL, &rest) && cul_between(rest, CUL_LIT("(version "), CUL_LIT(")"), &version)) {
		struct cul_slice where = word_after(m, CUL_LIT("Listening on ")), port = CUL_NONE;

		cul_cut(rest, CUL_LIT(" ("), &where, NULL);
		cul_cut_last(where, CUL_LIT(":"), NULL, &port);
		return cul_emit(parse, rec, "ollama.start", cul_text("version", version), cul_text("listen", where), cul_number("port", port));
	}
	if (cul_has(m, CUL_LIT("inference compute")) && cul_has(m, CUL_LIT("library=")))
		return device(parse, rec, m);
	if (cul_has(m, CUL_LIT("starting llama server")) || cul_has(m, CUL_LIT("starting runner")) || cul_has(m, CUL_LIT("starting llama-server")))
		return runner(parse, rec, m);
	if (cul_has(m, CUL_LIT("request=\"{Operation:")) || cul_has(m, CUL_LIT("request={Operation:")))
		return load_request(parse, rec, m);
	if (cul_has(m, CUL_LIT("layers.offload=")))
		return offload(parse, rec, m);
	if ((cul_cut(m, CUL_LIT("llama runner started in "), NULL, &rest) || cul_cut(m, CUL_LIT("llama-server started in "), NULL, &rest)) &&
	    number_at(rest).size)
		return cul_emit(parse, rec, "ollama.load", cul_since(cul_decimal("duration_s", number_at(rest))));
	if (cul_has(m, CUL_LIT("evicting a model to make space")) || cul_has(m, CUL_LIT("evicting all other models")) ||
	    cul_has(m, CUL_LIT("resetting model to expire immediately")) || cul_has(m, CUL_LIT("found an idle runner to unload")) ||
	    cul_has(m, CUL_LIT("no idle runners, picking the shortest duration")))
		return cul_emit(parse, rec, "ollama.evict", cul_text("what", what), cul_text("model", value_of(m, CUL_LIT("modelPath"))),
				cul_number("layers_loaded", number_after(m, CUL_LIT("\"loaded layers\"="))),
				cul_number("runners", value_of(m, CUL_LIT("runner_count"))));
	if (cul_has(m, CUL_LIT("new model will fit in available VRAM"))) {
		struct cul_slice gpu = value_of(m, CUL_LIT("gpu"));
		double bytes = to_real(number_at(value_of(m, CUL_LIT("available"))));

		return cul_emit(parse, rec, "ollama.fit", cul_text("model", plain_path(parse, value_of(m, CUL_LIT("model")))),
				cul_text("gpu_uuid", cul_starts(gpu, CUL_LIT("GPU-")) ? gpu : CUL_NONE), cul_text("library", value_of(m, CUL_LIT("library"))),
				cul_number("parallel", value_of(m, CUL_LIT("parallel"))), mib_arg("required_mib", m, CUL_LIT("required")),
				cul_real("available_mib", bytes / 1048576));
	}
	if (cul_has(m, CUL_LIT("loaded runners")))
		return cul_emit(parse, rec, "ollama.runners", cul_number("runners", value_of(m, CUL_LIT("count"))));
	if (cul_has(m, CUL_LIT("system memory")) && cul_has(m, CUL_LIT("free_swap=")))
		return cul_emit(parse, rec, "ollama.system-memory", mib_arg("total_mib", m, CUL_LIT("total")), mib_arg("free_mib", m, CUL_LIT("free")),
				mib_arg("swap_free_mib", m, CUL_LIT("free_swap")));
	if (cul_has(m, CUL_LIT("size=")) && cul_has(m, CUL_LIT("msg=")) &&
	    (cul_is(what, CUL_LIT("model weights")) || cul_is(what, CUL_LIT("kv cache")) || cul_is(what, CUL_LIT("compute graph")) ||
	     cul_is(what, CUL_LIT("total memory"))))
		return memory(parse, rec, m, what);
	return event(parse, rec, m, what);
}

const struct cul_parser cul_parser_ollama = {
	.name = "ollama",
	.about = "Ollama server: settings, GPUs, runners, layer placement, evictions, failures",
	.kinds = CUL_KINDS(
		CUL_KIND("ollama.setting", 1, "ollama", F_KEY, F_VALUE), CUL_KIND("ollama.start", 1, "ollama", F_VERSION, F_LISTEN, F_PORT),
		CUL_KIND("ollama.device", 1, "ollama", F_GPU_UUID, F_GPU_INDEX, F_GPU_BDF, F_LIBRARY, F_VARIANT, F_COMPUTE, F_GFX, F_DRIVER_VERSION,
			 F_GPU_NAME, F_GPU_TYPE, F_LIBDIRS, F_TOTAL_MIB, F_AVAILABLE_MIB),
		CUL_SAMPLES("ollama.runner", 1, "ollama", F_MODEL, F_N_CTX, F_N_BATCH, F_N_UBATCH, F_N_GPU_LAYERS, F_THREADS, F_PARALLEL, F_SPLIT, F_PORT,
			    F_COMMAND),
		CUL_SAMPLES("ollama.load-request", 1, "ollama", F_OPERATION, F_N_CTX, F_N_BATCH, F_PARALLEL, F_N_GPU_LAYERS, F_THREADS, F_FLASH_ATTN),
		CUL_SAMPLES("ollama.offload", 1, "ollama", F_LIBRARY, F_LAYERS_REQUESTED, F_LAYERS_TOTAL, F_LAYERS_OFFLOADED, F_SPLIT, F_AVAILABLE_MIB,
			    F_REQUIRED_MIB, F_KV_MIB, F_WEIGHTS_MIB, F_GRAPH_MIB),
		CUL_SAMPLES("ollama.fit", 1, "ollama", F_MODEL, F_GPU_UUID, F_LIBRARY, F_PARALLEL, F_REQUIRED_MIB, F_AVAILABLE_MIB),
		CUL_SAMPLES("ollama.load", 1, "ollama", F_DURATION_S), CUL_SAMPLES("ollama.evict", 1, "ollama", F_WHAT, F_MODEL, F_LAYERS_LOADED, F_RUNNERS),
		CUL_SAMPLES("ollama.runners", 1, "ollama", F_RUNNERS), CUL_SAMPLES("ollama.system-memory", 1, "ollama", F_TOTAL_MIB, F_FREE_MIB, F_SWAP_FREE_MIB),
		CUL_SAMPLES("ollama.memory", 1, "ollama", F_WHAT, F_DEVICE, F_BUFFER_MIB),
		CUL_KIND("ollama.event", 1, "ollama", F_EVENT, F_WHAT, F_WHY, F_MODEL, F_GPU_UUID, F_GFX, F_DURATION_S, F_REQUIRED_MIB, F_AVAILABLE_MIB,
			 F_N_LIMIT, F_N_PROMPT)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) "server config", "Listening on ", "inference compute", "starting llama server", "starting runner",
			    "starting llama-server", "{Operation:", "layers.offload=", "llama runner started in ", "llama-server started in ",
			    "evicting a model to make space", "evicting all other models", "resetting model to expire immediately",
			    "found an idle runner to unload", "no idle runners, picking the shortest", "loaded runners", "new model will fit in available VRAM", "free_swap=",
			    "msg=\"model weights\"", "msg=\"kv cache\"", "msg=\"compute graph\"", "msg=\"total memory\""),
	.record = ollama_record,
};
