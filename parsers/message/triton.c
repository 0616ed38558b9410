/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Triton Inference Server: models that load or don't, shared memory, Python stubs.
 *
 *   I1121 02:00:59.123456 1 model_lifecycle.cc:818] successfully loaded 'resnet'
 *   E1121 02:00:59.123456 1 model_repository_manager.cc:563] failed to load model 'llama': Internal: …
 *   | llama | 1 | UNAVAILABLE: Internal: … |
 *   error: creating server: Internal - failed to load all models
 *
 * Printed by core/src/model_repository_manager, model_lifecycle.cc, server/src/main.cc, python_backend's pb_stub and the TensorRT
 * backend of triton-inference-server (2.x).
 */
#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("failed to load all models", "load-all-failed")                                            \
	X("failed to poll from model repository", "poll-failed")                                     \
	X("failed to load '", "load-failed")                                                         \
	X("failed to load model '", "load-failed")                                                   \
	X("Unable to open shared memory region", "shm-failed")                                       \
	X("Unable to find shared memory region", "shm-failed")                                       \
	X("failed to register shared memory region", "shm-failed")                                   \
	X("Failed to increase the shared memory pool size", "shm-too-small")                         \
	X("Unable to initialize shared memory key", "shm-too-small")                                 \
	X("Stub process '", "stub-unhealthy")                                                        \
	X("Stub process is unhealthy", "stub-unhealthy")                                             \
	X("The engine plan file is", "engine-mismatch")                                              \
	X("Serialized Engine Version", "engine-mismatch")                                            \
	X("unable to load plan file", "engine-mismatch")                                             \
	X("Exceeds maximum queue size", "queue-full")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

static enum cul_status triton_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, cells[5], why = CUL_NONE, name = CUL_NONE;
	const struct event_text *found;

	if (cul_starts(cul_trim(m), CUL_LIT("|")) && cul_has(m, CUL_LIT("UNAVAILABLE: ")) && cul_table_split(cul_trim(m), '|', cells, 5) >= 4) {
		size_t first = cells[0].size ? 0 : 1;

		why = cells[first + 2];
		cul_skip(&why, CUL_LIT("UNAVAILABLE: "));
		return cul_emit(parse, rec, "triton.model", cul_text("model", cells[first]), cul_text("version", cells[first + 1]), cul_string("status", "UNAVAILABLE"),
				cul_text("why", why));
	}
	if (cul_has(m, CUL_LIT("successfully loaded '")) && cul_between(m, CUL_LIT("successfully loaded '"), CUL_LIT("'"), &name))
		return cul_emit(parse, rec, "triton.model", cul_text("model", name), cul_string("status", "READY"));
	found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	if (!found || (!strcmp(found->text, "Stub process '") && !cul_has(m, CUL_LIT("not healthy"))))
		return CUL_OK;
	if (!strcmp(found->event, "load-failed") && !cul_has(m, CUL_LIT("': ")) && !cul_has(m, CUL_LIT("' version ")))
		return CUL_OK; /* others fail to load things too */
	cul_between(m, CUL_LIT("'"), CUL_LIT("'"), &name);
	cul_cut(m, CUL_LIT(": "), NULL, &why);
	return cul_emit(parse, rec, "triton.event", cul_string("event", found->event), cul_text("what", cul_trim(m)), cul_text("model", name), cul_text("why", why));
}

const struct cul_parser cul_parser_triton = {
	.name = "triton",
	.about = "Triton Inference Server: models, shared memory, Python stubs",
	.kinds = CUL_KINDS(CUL_KIND("triton.model", 1, "triton", F_MODEL, F_VERSION, F_STATUS, F_WHY),
			   CUL_KIND("triton.event", 1, "triton", F_EVENT, F_WHAT, F_MODEL, F_WHY)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) "UNAVAILABLE: ", "successfully loaded '"),
	.record = triton_record,
};
