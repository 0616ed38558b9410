/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kubectl describe node: what a node has of GPUs, what of it may be given out, and its conditions.
 *
 *   Capacity:
 *     nvidia.com/gpu:             8
 *   Allocatable:
 *     nvidia.com/gpu:             7
 *   Conditions:
 *     Type             Status  LastHeartbeatTime … Reason  Message
 *     MemoryPressure   False   …
 *
 * describeNode() in kubectl's pkg/describe/describe.go. Resources with a domain in their name (nvidia.com/gpu, amd.com/gpu,
 * rdma/hca) come out; cpu and memory do not. Conditions come out when they are not as they should be.
 */
#include "parsers/tables.h"

#define MOST 32

static int
node_bid(const struct cul_head *head)
{
	bool capacity = false;

	if (!head->count)
		return 0;
	for (size_t i = 0; i < head->count; i++) {
		struct cul_slice line = head->lines[i].text;

		capacity |= cul_starts(line, CUL_LIT("Capacity:"));
		if (capacity && cul_starts(line, CUL_LIT("Allocatable:")))
			return cul_starts(head->lines[0].text, CUL_LIT("Capacity:")) || cul_starts(head->lines[0].text, CUL_LIT("Name:")) ? 24 : 0;
	}
	if (!cul_starts(head->lines[0].text, CUL_LIT("Name:   ")) || !head->begins)
		return 0;
	for (size_t i = 1; i + 1 < head->count; i++) /* what is left when somebody cut the middle out */
		if (cul_starts(head->lines[i].text, CUL_LIT("Conditions:")) && cul_has(head->lines[i + 1].text, CUL_LIT("LastHeartbeatTime")))
			return 24;
	return cul_has(head->command, CUL_LIT("describe node")) ? 24 : 0;
}

struct resource {
	struct cul_slice name;
	int64_t capacity;
};

static enum cul_status
node_section(struct cul_parse *parse)
{
	struct resource have[MOST];
	size_t count = 0;
	struct cul_slice part = CUL_NONE, node = CUL_NONE;
	struct cul_line line;
	enum cul_status status = CUL_OK;

	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice text = cul_trim(line.text), key, value, rest;
		struct cul_record rec = cul_table_record(parse, &line);
		int64_t number;

		rec.host = node;
		if (!text.size)
			continue;
		if (line.text.data[0] != ' ') {
			if (!cul_cut(text, CUL_LIT(":"), &key, &value)) {
				cul_line_back(parse);
				break;
			}
			part = cul_keep(parse, key);
			if (cul_is(key, CUL_LIT("Name")))
				node = cul_keep(parse, cul_trim(value));
			continue;
		}
		if (cul_is(part, CUL_LIT("Capacity")) || cul_is(part, CUL_LIT("Allocatable"))) {
			if (!cul_cut_last(text, CUL_LIT(":"), &key, &value) || !cul_has(key, CUL_LIT("/")) ||
			    !cul_to_int(cul_trim(value), &number))
				continue;
			if (cul_is(part, CUL_LIT("Capacity"))) {
				if (count < MOST)
					have[count++] = (struct resource){ cul_keep(parse, key), number };
				continue;
			}
			for (size_t i = 0; i < count; i++)
				if (cul_is(have[i].name, key))
					status = cul_emit(parse, &rec, "k8s.resource", cul_text("name", key), cul_int("capacity", have[i].capacity),
							  cul_int("allocatable", number));
		} else if (cul_is(part, CUL_LIT("Conditions"))) {
			rest = text;
			key = cul_word(&rest);
			value = cul_word(&rest);
			if ((cul_is(key, CUL_LIT("Ready")) && !cul_is(value, CUL_LIT("True"))) ||
			    (!cul_is(key, CUL_LIT("Ready")) && cul_is(value, CUL_LIT("True"))))
				status = cul_emit(parse, &rec, "k8s.condition", cul_text("name", key), cul_text("status", value),
						  cul_text("what", cul_trim(rest)));
		} else if (cul_is(part, CUL_LIT("Events"))) {
			cul_line_back(parse); /* events are log records */
			break;
		}
	}
	return status;
}

const struct cul_parser cul_parser_kube_node = {
	.name = "kube_node",
	.about = "kubectl describe node: GPUs of a node, conditions",
	.kinds = CUL_KINDS(CUL_SAMPLES("k8s.resource", 1, "kube_node", F_NAME, F_CAPACITY, F_ALLOCATABLE),
			   CUL_SAMPLES("k8s.condition", 1, "kube_node", F_NAME, F_STATUS, F_WHAT)),
	.needles = CUL_LIST("Capacity:"),
	.first = CUL_LIST("C:y", "N:m"),
	.bid = node_bid,
	.section = node_section,
};
