/* SPDX-License-Identifier: Apache-2.0 */
/**
 * docker inspect, docker container inspect, podman inspect: how a container ended and what it was given.
 *
 *   [
 *       {
 *           "State": {
 *               "Status": "exited",
 *               "OOMKilled": true,
 *               "ExitCode": 137,
 *               "Error": "",
 *               "FinishedAt": "2026-11-21T02:00:59.123456789Z"
 *           },
 *           "Name": "/vllm",
 *           "RestartCount": 3,
 *           "HostConfig": { "Runtime": "nvidia", "Memory": 8589934592, "ShmSize": 67108864, "DeviceRequests": [ { "Count": -1, … } ], … },
 *
 * ContainerJSON in Docker's api/types; InspectContainerData in podman's libpod/define/container_inspect.go, which has the same keys. Images,
 * networks and volumes, which inspect prints as well, have no State. Times before year 2 mean never. Its lines are looked at for
 * rules' texts as well.
 */
#include <math.h>
#include <stdlib.h>

#include "parsers/json_section.h"
#include "parsers/tables.h"

static int
inspect_bid(const struct cul_head *head)
{
	bool state = false, id = false;
	struct cul_slice first = head->count ? cul_trim(head->lines[0].text) : CUL_NONE;

	if (!first.size || (first.data[0] != '[' && first.data[0] != '{' && !cul_starts(first, CUL_LIT("\"Id\": \""))))
		return 0;
	for (size_t i = 0; i < head->count; i++) {
		id |= cul_has(head->lines[i].text, CUL_LIT("\"Id\": \""));
		state |= cul_has(head->lines[i].text, CUL_LIT("\"State\": {")) || cul_has(head->lines[i].text, CUL_LIT("\"OOMKilled\":"));
	}
	return id && state ? 44 : 0;
}

/** A time of the engine; none where it says "0001-01-01T00:00:00Z". */
static struct cul_time
time_of(const cJSON *node, const char *path)
{
	struct cul_slice text = cul_json_words(node, path);
	struct cul_time time = { .ns = CUL_NO_TIME };

	if (text.size < 20 || cul_starts(text, CUL_LIT("000")) || !cul_clock_iso(&text, &time))
		time.ns = CUL_NO_TIME;
	return time;
}

static struct cul_arg
bytes_mib(const char *field, const cJSON *node, const char *path)
{
	double bytes = cul_json_number(node, path);

	return cul_real(field, bytes > 0 ? bytes / 1048576 : NAN); /* 0: no limit of its own */
}

/** How many GPUs were asked for: -1 is all of them. */
static double
gpus_of(const cJSON *host)
{
	const cJSON *request;
	double gpus = NAN;

	cJSON_ArrayForEach(request, cul_json_at(host, "DeviceRequests")) {
		double count = cul_json_number(request, "Count");
		const cJSON *ids = cul_json_at(request, "DeviceIDs");

		if (cJSON_IsArray(ids) && ids->child)
			count = cJSON_GetArraySize(ids);
		if (!isnan(count))
			gpus = count < 0 || isnan(gpus) ? count : gpus + count;
	}
	return gpus;
}

static enum cul_status
container(struct cul_parse *parse, const struct cul_line *line, const cJSON *node)
{
	const cJSON *state = cul_json_at(node, "State"), *host = cul_json_at(node, "HostConfig"), *oom = cul_json_at(state, "OOMKilled");
	struct cul_time time = time_of(state, cJSON_IsTrue(cul_json_at(state, "Running")) ? "StartedAt" : "FinishedAt");
	struct cul_slice name = cul_json_words(node, "Name"), image = cul_json_words(node, "Config.Image");
	struct cul_record rec = cul_line_record(line, time);
	struct cul_row row = { 0 };
	double code = cul_json_number(state, "ExitCode"), gpus = gpus_of(host);

	cul_skip(&name, CUL_LIT("/"));
	cul_put(&row, cul_text("container", name));
	cul_put(&row, cul_text("container_image", image.size ? image : cul_json_words(node, "ImageName")));
	cul_put(&row, cul_text("status", cul_json_words(state, "Status")));
	if (cJSON_IsBool(oom))
		cul_put(&row, cul_flag("oom_killed", cJSON_IsTrue(oom)));
	if (!cJSON_IsTrue(cul_json_at(state, "Running"))) /* 0 while it runs */
		cul_put(&row, cul_real("code", code));
	cul_put(&row, cul_text("what", cul_json_words(state, "Error")));
	cul_put(&row, cul_real("restarts", cul_json_number(node, "RestartCount")));
	if (cul_json_number(state, "Pid") > 0)
		cul_put(&row, cul_real("pid", cul_json_number(state, "Pid")));
	cul_put(&row, cul_text("health", cul_json_words(state, "Health.Status")));
	cul_put(&row, bytes_mib("limit_mib", host, "Memory"));
	cul_put(&row, bytes_mib("shm_mib", host, "ShmSize"));
	cul_put(&row, cul_text("ipc_mode", cul_json_words(host, "IpcMode")));
	cul_put(&row, cul_text("runtime", cul_json_words(host, "Runtime")));
	cul_put(&row, cul_real("gpus", gpus));
	return cul_row_emit(parse, &rec, "container.state", &row);
}

static enum cul_status
inspect_section(struct cul_parse *parse)
{
	struct cul_json_section *json = cul_keep_bytes(parse, sizeof(*json));
	enum cul_status status = CUL_OK;
	struct cul_line line;
	size_t index = 0;

	if (!json)
		return CUL_ENOMEM;
	if (cul_line_peek(parse, 0, &line) && cul_starts(cul_trim(line.text), CUL_LIT("\"")))
		json->before = "[{";
	cul_json_take(parse, json, "\"OOMKilled\":", true);
	cJSON *root = cul_json_read(json);
	const cJSON *only = cJSON_IsArray(root) && root->child ? root->child : root;
	struct cul_line first = cul_json_line(json, 0);
	struct cul_record rec = cul_table_record(parse, &first);

	for (const cJSON *node = only; node && status == CUL_OK; node = only == root ? NULL : node->next) {
		if (!cJSON_IsObject(cul_json_at(node, "State")))
			continue;
		line = cul_json_line(json, index);
		index += cJSON_IsBool(cul_json_at(node, "State.OOMKilled"));
		status = container(parse, &line, node);
	}
	if (!root && json->first.number)
		status = cul_damaged(parse, &rec, "JSON of a container engine that is cut off or garbled");
	cJSON_Delete(root);
	free(json->text);
	return status;
}

const struct cul_parser cul_parser_docker_inspect = {
	.name = "docker_inspect",
	.about = "docker inspect, podman inspect: how containers ended, their limits and GPUs",
	.kinds = CUL_KINDS(&cul_kind_container_state),
	.needles = CUL_LIST("\"Id\": \""),
	.first = CUL_LIST("[", "{", "I\":"),
	.bid = inspect_bid,
	.section = inspect_section,
};
