/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Text Generation Inference: arguments, shards that start and die, warm-up, overload.
 *
 *   2023-08-01T13:20:05.078Z  INFO shard-manager: text_generation_launcher: Starting shard rank=0
 *   2024-07-16T11:40:18.791Z ERROR shard-manager: text_generation_launcher: Shard process was signaled to shutdown with signal 4 rank=0
 *   {"timestamp":"…","level":"ERROR","fields":{"message":"Shard 0 crashed"},"target":"text_generation_launcher"}
 *
 * Printed by launcher/src/main.rs, router/src and server/text_generation_server of huggingface/text-generation-inference
 * (0.9 to 3.x), as text or JSON of tracing-subscriber.
 */
#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("Shard process was signaled to shutdown with signal", "shard-signaled")                    \
	X("Shard complete standard error output", "shard-stderr")                                    \
	X(" failed to start", "shard-start-failed")                                                  \
	X(" crashed", "shard-crashed")                                                               \
	X("ShardCannotStart", "shard-cannot-start")                                                  \
	X("ShardFailed", "shard-failed")                                                             \
	X("WebserverFailed", "webserver-failed")                                                     \
	X("DownloadError", "download-failed")                                                        \
	X("Webserver Crashed", "webserver-failed")                                                   \
	X("Not enough memory to handle ", "warmup-oom")                                              \
	X("Method Warmup encountered an error", "warmup-failed")                                     \
	X("Model is overloaded", "overloaded")                                                       \
	X("Request failed during generation: ", "generation-failed")                                 \
	X("Shard terminated", "shard-terminated")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

static enum cul_status tgi_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, rest, model = CUL_NONE, shards = CUL_NONE;
	const struct event_text *found;

	if (cul_cut(m, CUL_LIT("Args { model_id: \""), NULL, &rest)) {
		cul_cut(rest, CUL_LIT("\""), &model, NULL);
		if (cul_cut(rest, CUL_LIT("num_shard: "), NULL, &shards)) {
			cul_skip(&shards, CUL_LIT("Some("));
			shards = cul_digits(&shards);
		}
		return cul_emit(parse, rec, "tgi.config", cul_text("model", model), cul_number("n_shards", shards));
	}
	if (cul_has(m, CUL_LIT("Starting shard")))
		return cul_emit(parse, rec, "tgi.shard", cul_string("event", "starting"), int_after("rank", m, CUL_LIT("rank=")));
	if (cul_cut(m, CUL_LIT("Shard ready in "), NULL, &rest))
		return cul_emit(parse, rec, "tgi.shard", cul_string("event", "ready"), int_after("rank", m, CUL_LIT("rank=")),
				cul_since(cul_decimal("duration_s", number_at(rest))));
	found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	if (!found)
		return CUL_OK;
	/* "Shard 0 crashed": only the launcher says so */
	rest = number_after(m, CUL_LIT("Shard "));
	if (found->text[0] == ' ' && !rest.size)
		return CUL_OK;
	if (!rest.size)
		rest = number_after(m, CUL_LIT("rank="));
	return cul_emit(parse, rec, "tgi.event", cul_string("event", found->event), cul_text("what", cul_trim(m)), cul_number("rank", rest),
			cul_text("signal", number_after(m, CUL_LIT("with signal "))), int_after("n_prompt", m, CUL_LIT("to handle ")));
}

const struct cul_parser cul_parser_tgi = {
	.name = "tgi",
	.about = "Text Generation Inference: arguments, shards, warm-up, overload",
	.kinds = CUL_KINDS(CUL_KIND("tgi.config", 1, "tgi", F_MODEL, F_N_SHARDS), CUL_SAMPLES("tgi.shard", 1, "tgi", F_EVENT, F_RANK, F_DURATION_S),
			   CUL_KIND("tgi.event", 1, "tgi", F_EVENT, F_WHAT, F_RANK, F_SIGNAL, F_N_PROMPT)),
	.needles = CUL_LIST("Args { model_id: ", "Starting shard", "Shard ready in ", "Shard process was signaled", "Shard complete standard error", "Shard terminated",
			    "ShardCannotStart", "ShardFailed", "WebserverFailed", "DownloadError", "Webserver Crashed", "Not enough memory to handle ",
			    "Method Warmup encountered", "Model is overloaded", "Request failed during generation: ", "text_generation_launcher: Shard ", "\"Shard "),
	.record = tgi_record,
};
