/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kubectl get pod -o yaml, -o json, one pod or a list: how their containers are and how the run before ended.
 *
 *   status:
 *     containerStatuses:
 *     - image: vllm/vllm-openai:v0.9.1
 *       lastState:
 *         terminated:
 *           exitCode: 137
 *           finishedAt: "2026-11-21T02:00:59Z"
 *           reason: OOMKilled
 *       name: vllm
 *       restartCount: 4
 *       state:
 *         waiting:
 *           reason: CrashLoopBackOff
 *
 * PodStatus and ContainerStatus in Kubernetes' k8s.io/api/core/v1/types.go; kubectl prints keys in the order of the alphabet. Limits come
 * from the spec. What ended gives an observation of its own, with former set where another run came after it. Lines are looked at for
 * rules' texts as well.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "parsers/json_section.h"
#include "parsers/tables.h"
#include "parsers/yaml_tree.h"

static int
pod_bid(const struct cul_head *head)
{
	struct cul_slice first = head->count ? cul_trim(head->lines[0].text) : CUL_NONE;
	bool api = false, pod = false;

	if (!cul_starts(first, CUL_LIT("apiVersion: v1")) && !cul_is(first, CUL_LIT("{")) && !cul_starts(first, CUL_LIT("kind: Pod")) &&
	    !cul_is(first, CUL_LIT("---")) && !cul_starts(first, CUL_LIT("\"apiVersion\": \"v1\"")))
		return 0;
	for (size_t i = 0; i < head->count; i++) {
		struct cul_slice line = cul_trim(head->lines[i].text);

		cul_skip(&line, CUL_LIT("- "));
		api |= cul_starts(line, CUL_LIT("apiVersion: v1")) || cul_starts(line, CUL_LIT("\"apiVersion\": \"v1\""));
		pod |= cul_is(line, CUL_LIT("kind: Pod")) || cul_starts(line, CUL_LIT("\"kind\": \"Pod\""));
	}
	return api && pod ? 40 : 0;
}

/** "4Gi", "512Mi", "2G", "8589934592" -> MiB; NAN: none. */
static double
quantity_mib(const cJSON *node, const char *path)
{
	static const struct {
		const char *suffix;
		double bytes;
	} units[] = { { "Ki", 1024 }, { "Mi", 1048576 }, { "Gi", 1073741824 }, { "Ti", 1099511627776.0 }, { "k", 1e3 },
		      { "M", 1e6 },   { "G", 1e9 },	 { "T", 1e12 },	       { "", 1 } };
	struct cul_slice text = cul_json_words(node, path);
	double value;

	for (size_t i = 0; text.size && i < sizeof(units) / sizeof(*units); i++)
		if (cul_ends(text, cul_str(units[i].suffix)))
			return cul_to_real(cul_slice(text.data, text.size - strlen(units[i].suffix)), &value) && value > 0 ? value * units[i].bytes / 1048576 : NAN;
	return cul_json_number(node, path) / 1048576;
}

#define CONTAINERS 128 /* of a pod whose limits are looked up */

/* What the spec gives a container. */
struct given {
	struct cul_slice name;
	double limit_mib, gpus;
};

struct pod {
	struct cul_slice name, space, host;
	struct given given[CONTAINERS];
	size_t count;
};

/** Once for all containers: as many states as somebody likes may name each. */
static void
read_spec(struct pod *pod, const cJSON *node)
{
	static const char *const lists[] = { "spec.containers", "spec.initContainers" };
	const cJSON *entry, *limit;

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		cJSON_ArrayForEach(entry, cul_json_at(node, lists[i])) {
			const cJSON *limits = cul_json_at(entry, "resources.limits");
			struct given given = { cul_json_words(entry, "name"), quantity_mib(limits, "memory"), NAN };

			if (pod->count == CONTAINERS)
				return;
			for (limit = cJSON_IsObject(limits) ? limits->child : NULL; limit && isnan(given.gpus); limit = limit->next)
				if (limit->string && cul_ends(cul_str(limit->string), CUL_LIT(".com/gpu")))
					given.gpus = cul_json_number(limit, "");
			if (given.name.size)
				pod->given[pod->count++] = given;
		}
}

static enum cul_status
put_state(struct cul_parse *parse, const struct cul_line *line, const struct pod *pod, const cJSON *status, const cJSON *state, bool former)
{
	const struct given *given = NULL;
	const char *word = state->string;
	struct cul_slice name = cul_json_words(status, "name"), reason = cul_json_words(state, "reason");
	struct cul_slice stamp = cul_json_words(state, !strcmp(word, "terminated") ? "finishedAt" : "startedAt");
	struct cul_time time = { .ns = CUL_NO_TIME };
	struct cul_record rec;
	struct cul_row row = { 0 };
	double signal = cul_json_number(state, "signal");
	char digits[16];

	if (stamp.size && !cul_clock_iso(&stamp, &time))
		time.ns = CUL_NO_TIME;
	rec = cul_line_record(line, time);
	rec.host = pod->host;
	for (size_t i = 0; i < pod->count && !given; i++)
		if (cul_is(pod->given[i].name, name))
			given = &pod->given[i];
	cul_put(&row, cul_text("container", name));
	cul_put(&row, cul_text("pod", pod->name));
	cul_put(&row, cul_text("namespace", pod->space));
	cul_put(&row, cul_text("container_image", cul_json_words(status, "image")));
	cul_put(&row, cul_string("status", word));
	cul_put(&row, cul_text("reason", reason));
	if (!strcmp(word, "terminated"))
		cul_put(&row, cul_flag("oom_killed", cul_is(reason, CUL_LIT("OOMKilled"))));
	cul_put(&row, cul_real("code", cul_json_number(state, "exitCode")));
	if (signal > 0 && signal < 128) {
		snprintf(digits, sizeof(digits), "%d", (int)signal);
		cul_put(&row, cul_string("signal", digits));
	}
	cul_put(&row, cul_text("what", cul_json_words(state, "message")));
	cul_put(&row, cul_real("restarts", cul_json_number(status, "restartCount")));
	if (former)
		cul_put(&row, cul_flag("former", true));
	if (given) {
		cul_put(&row, cul_real("limit_mib", given->limit_mib));
		cul_put(&row, cul_real("gpus", given->gpus));
	}
	return cul_row_emit(parse, &rec, "container.state", &row);
}

static enum cul_status
put_pod(struct cul_parse *parse, const struct cul_json_section *json, const cJSON *node, size_t *index)
{
	static const char *const lists[] = { "status.containerStatuses", "status.ephemeralContainerStatuses", "status.initContainerStatuses" };
	struct pod pod = { .name = cul_json_words(node, "metadata.name"),
			   .space = cul_json_words(node, "metadata.namespace"),
			   .host = cul_json_words(node, "spec.nodeName") };
	struct cul_slice reason = cul_json_words(node, "status.reason"); /* Evicted, NodeLost, UnexpectedAdmissionError */
	struct cul_line line = cul_json_line(json, *index);
	enum cul_status status = CUL_OK;

	read_spec(&pod, node);
	if (reason.size) {
		struct cul_record rec = cul_line_record(&line, cul_capture_time(parse));

		rec.host = pod.host;
		status = cul_emit(parse, &rec, "container.state", cul_text("pod", pod.name), cul_text("namespace", pod.space),
				  cul_text("status", cul_json_words(node, "status.phase")), cul_text("reason", reason),
				  cul_text("what", cul_json_words(node, "status.message")));
	}
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		const cJSON *entry, *list = cul_json_at(node, lists[i]);

		cJSON_ArrayForEach(entry, list) {
			const cJSON *state = cul_json_at(entry, "state"), *last = cul_json_at(entry, "lastState.terminated");

			line = cul_json_line(json, *index);
			*index += cul_json_at(entry, "restartCount") != NULL;
			if (status == CUL_OK && cJSON_IsObject(state) && state->child && state->child->string)
				status = put_state(parse, &line, &pod, entry, state->child, false);
			if (status == CUL_OK && cJSON_IsObject(last))
				status = put_state(parse, &line, &pod, entry, last, true);
		}
	}
	return status;
}

static enum cul_status
pod_section(struct cul_parse *parse)
{
	struct cul_json_section *json = cul_keep_bytes(parse, sizeof(*json));
	enum cul_status status = CUL_OK;
	struct cul_line line;
	bool damaged = false;
	size_t index = 0;
	const cJSON *items, *node;
	cJSON *root;

	if (!json)
		return CUL_ENOMEM;
	if (cul_line_peek(parse, 0, &line) && (cul_starts(cul_trim(line.text), CUL_LIT("{")) || cul_starts(cul_trim(line.text), CUL_LIT("\"")))) {
		if (!cul_starts(cul_trim(line.text), CUL_LIT("{")))
			json->before = "{";
		cul_json_take(parse, json, "\"restartCount\":", true);
		root = cul_json_read(json);
		damaged = !root;
	} else {
		cul_yaml_take(parse, json, "restartCount:", true);
		root = cul_yaml_tree(cul_slice(json->text, json->size), &damaged);
	}
	items = cul_json_at(root, "items");
	for (node = cJSON_IsArray(items) ? items->child : root; node && status == CUL_OK; node = items ? node->next : NULL)
		if (cul_is(cul_json_words(node, "kind"), CUL_LIT("Pod")))
			status = put_pod(parse, json, node, &index);
	if (status == CUL_OK && damaged) {
		struct cul_record rec = cul_table_record(parse, &json->first);

		status = cul_damaged(parse, &rec, "a description of pods that is cut off or garbled");
	}
	cJSON_Delete(root);
	free(json->text);
	return status;
}

const struct cul_parser cul_parser_kube_pod = {
	.name = "kube_pod",
	.about = "kubectl get pod -o yaml, -o json: states of containers",
	.kinds = CUL_KINDS(&cul_kind_container_state),
	.needles = CUL_LIST("apiVersion: v1", "\"apiVersion\": \"v1\""),
	.first = CUL_LIST("{", "V:1", "P:k", "-"),
	.bid = pod_bid,
	.section = pod_section,
};
