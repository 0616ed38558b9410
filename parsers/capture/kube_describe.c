/* SPDX-License-Identifier: Apache-2.0 */
/**
 * kubectl describe pod, one or several: how its containers are and how the run before ended.
 *
 *   Name:             vllm-0
 *   Namespace:        llm
 *   Node:             gpu-node-3/10.2.0.13
 *   Containers:
 *     vllm:
 *       State:          Waiting
 *         Reason:       CrashLoopBackOff
 *       Last State:     Terminated
 *         Reason:       OOMKilled
 *         Exit Code:    137
 *         Finished:     Tue, 17 Nov 2026 10:04:39 +0000
 *       Restart Count:  9
 *       Limits:
 *         memory:          64Gi
 *
 * describePod(), describeContainers() and describeStatus() in kubectl's pkg/describe/describe.go; times are RFC 1123 with the zone in
 * digits. The same observations as kube_pod's, dated by when the container started or ended. Events are log records and left to them.
 */
#include <math.h>
#include <stdio.h>

#include "parsers/tables.h"

/* one of a container's two states, current and last */
struct state {
	struct cul_slice word; /* Waiting, Running, Terminated; empty: none was printed */
	struct cul_slice reason, message, code, signal;
	struct cul_time started, finished;
	struct cul_line line; /* of its reason, else of its word */
};

struct container {
	struct cul_slice name, image, restarts;
	double limit_mib, gpus;
	struct state now, last;
};

struct pod {
	struct cul_slice name, space, host, phase, reason, message;
	struct cul_line line; /* of the reason */
	struct container container;
	struct state *state; /* whose lines are read */
	size_t deep;         /* blanks before the container's own lines */
	bool limits;         /* the lines of Limits: are read */
};

static int
describe_bid(const struct cul_head *head)
{
	bool space = false, node = false;

	if (!head->count || !cul_starts(head->lines[0].text, CUL_LIT("Name:    ")))
		return 0;
	for (size_t i = 1; i < head->count; i++) {
		space |= cul_starts(head->lines[i].text, CUL_LIT("Namespace:    "));
		node |= cul_starts(head->lines[i].text, CUL_LIT("Node:    ")) || cul_starts(head->lines[i].text, CUL_LIT("Service Account:  ")) ||
			cul_starts(head->lines[i].text, CUL_LIT("Priority:    "));
	}
	return space && node ? 32 : 0;
}

static struct cul_time
mail_time(struct cul_slice text)
{
	struct cul_time time = { .ns = CUL_NO_TIME };

	if (!cul_clock_mail(&text, &time))
		time.ns = CUL_NO_TIME;
	return time;
}

static enum cul_status
put_state(struct cul_parse *parse, const struct pod *pod, const struct state *state, bool former)
{
	const struct container *own = &pod->container;
	bool ended = cul_is(state->word, CUL_LIT("Terminated"));
	struct cul_record rec = cul_line_record(&state->line, ended ? state->finished : state->started);
	struct cul_row row = { 0 };

	if (!state->word.size)
		return CUL_OK;
	rec.host = pod->host;
	cul_put(&row, cul_text("container", own->name));
	cul_put(&row, cul_text("pod", pod->name));
	cul_put(&row, cul_text("namespace", pod->space));
	cul_put(&row, cul_text("container_image", own->image));
	cul_put(&row, cul_string("status", ended ? "terminated" : cul_is(state->word, CUL_LIT("Running")) ? "running" : "waiting"));
	cul_put(&row, cul_text("reason", state->reason));
	if (ended)
		cul_put(&row, cul_flag("oom_killed", cul_is(state->reason, CUL_LIT("OOMKilled"))));
	cul_put(&row, cul_number("code", state->code));
	cul_put(&row, cul_text("signal", state->signal));
	cul_put(&row, cul_text("what", state->message));
	cul_put(&row, cul_number("restarts", own->restarts));
	if (former)
		cul_put(&row, cul_flag("former", true));
	cul_put(&row, cul_real("limit_mib", own->limit_mib));
	cul_put(&row, cul_real("gpus", own->gpus));
	return cul_row_emit(parse, &rec, "container.state", &row);
}

/** The container at hand is read to its end. */
static enum cul_status
put_container(struct cul_parse *parse, struct pod *pod)
{
	enum cul_status status = put_state(parse, pod, &pod->container.now, false);

	if (status == CUL_OK)
		status = put_state(parse, pod, &pod->container.last, true);
	pod->container = (struct container){ .limit_mib = NAN, .gpus = NAN };
	pod->state = NULL;
	pod->limits = false;
	return status;
}

/** Phase and reason of the pod itself: Failed and Evicted. */
static enum cul_status
put_pod(struct cul_parse *parse, const struct pod *pod)
{
	struct cul_record rec = cul_line_record(&pod->line, cul_capture_time(parse));

	if (!pod->reason.size)
		return CUL_OK;
	rec.host = pod->host;
	return cul_emit(parse, &rec, "container.state", cul_text("pod", pod->name), cul_text("namespace", pod->space), cul_text("status", pod->phase),
			cul_text("reason", pod->reason), cul_text("what", pod->message));
}

/** A line of the pod itself, at the left edge. */
static void
read_pod(struct cul_parse *parse, struct pod *pod, const struct cul_line *line, struct cul_slice key, struct cul_slice value)
{
	struct cul_slice rest;

	if (cul_is(key, CUL_LIT("Name")))
		pod->name = value;
	else if (cul_is(key, CUL_LIT("Namespace")))
		pod->space = value;
	else if (cul_is(key, CUL_LIT("Node")) && cul_cut(value, CUL_LIT("/"), &value, &rest) && !cul_is(value, CUL_LIT("<none>")))
		pod->host = value;
	else if (cul_is(key, CUL_LIT("Status")))
		pod->phase = value;
	else if (cul_is(key, CUL_LIT("Message")))
		pod->message = value;
	else if (cul_is(key, CUL_LIT("Reason"))) {
		pod->reason = value;
		pod->line = *line;
		pod->line.text = cul_keep(parse, line->text);
	}
}

/** A line below State: or Last State:. */
static void
read_state(struct cul_parse *parse, struct state *state, const struct cul_line *line, struct cul_slice key, struct cul_slice value)
{
	if (cul_is(key, CUL_LIT("Reason"))) {
		state->reason = value;
		state->line = *line;
		state->line.text = cul_keep(parse, line->text);
	} else if (cul_is(key, CUL_LIT("Message")))
		state->message = value;
	else if (cul_is(key, CUL_LIT("Exit Code")))
		state->code = value;
	else if (cul_is(key, CUL_LIT("Signal")))
		state->signal = value;
	else if (cul_is(key, CUL_LIT("Started")))
		state->started = mail_time(value);
	else if (cul_is(key, CUL_LIT("Finished")))
		state->finished = mail_time(value);
}

static void
read_limit(struct container *own, struct cul_slice key, struct cul_slice value)
{
	double mib;

	if (cul_is(key, CUL_LIT("memory")) && cul_size_to_mib(value, 1, &mib))
		own->limit_mib = mib;
	else if (cul_ends(key, CUL_LIT(".com/gpu")) && isnan(own->gpus) && !cul_to_real(value, &own->gpus))
		own->gpus = NAN;
}

/** A line of a container: "    State:  Waiting", or below one of those. */
static void
read_container(struct cul_parse *parse, struct pod *pod, const struct cul_line *line, size_t blanks, struct cul_slice key, struct cul_slice value)
{
	struct container *own = &pod->container;

	if (pod->deep && blanks > pod->deep) {
		if (pod->state)
			read_state(parse, pod->state, line, key, value);
		else if (pod->limits)
			read_limit(own, key, value);
		return;
	}
	pod->deep = blanks;
	pod->state = NULL;
	pod->limits = cul_is(key, CUL_LIT("Limits"));
	if (cul_is(key, CUL_LIT("State")))
		pod->state = &own->now;
	else if (cul_is(key, CUL_LIT("Last State")))
		pod->state = &own->last;
	else if (cul_is(key, CUL_LIT("Image")))
		own->image = value;
	else if (cul_is(key, CUL_LIT("Restart Count")))
		own->restarts = value;
	if (pod->state)
		*pod->state = (struct state){ .word = value, .line = { cul_keep(parse, line->text), line->number, line->offset },
					      .started.ns = CUL_NO_TIME, .finished.ns = CUL_NO_TIME };
}

static enum cul_status
describe_section(struct cul_parse *parse)
{
	struct pod pod = { .container = { .limit_mib = NAN, .gpus = NAN } };
	bool containers = false;
	enum cul_status status = CUL_OK;
	struct cul_line line;

	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice text = cul_trim(line.text), key, value;
		size_t blanks = (size_t)(text.data - line.text.data);

		if (cul_kept_much(parse) || (!blanks && cul_starts(text, CUL_LIT("Events:"))) || (pod.name.size && !blanks && cul_starts(text, CUL_LIT("Name:   ")))) {
			cul_line_back(parse); /* events are log records; another pod is another section */
			break;
		}
		cul_line_also(parse, &line, true);
		if (!text.size || !cul_cut(text, CUL_LIT(":"), &key, &value)) /* a message may go on */
			continue;
		value = cul_keep(parse, cul_trim(value));
		if (!blanks) {
			status = put_container(parse, &pod);
			containers = cul_ends(key, CUL_LIT("Containers")); /* Init Containers, Ephemeral Containers */
			read_pod(parse, &pod, &line, key, value);
		} else if (containers && blanks == 2 && !value.size) {
			status = put_container(parse, &pod);
			pod.container.name = cul_keep(parse, key);
			pod.deep = 0;
		} else if (pod.container.name.size) {
			read_container(parse, &pod, &line, blanks, key, value);
		}
	}
	if (status == CUL_OK)
		status = put_container(parse, &pod);
	return status == CUL_OK ? put_pod(parse, &pod) : status;
}

const struct cul_parser cul_parser_kube_describe = {
	.name = "kube_describe",
	.about = "kubectl describe pod: states of containers",
	.kinds = CUL_KINDS(&cul_kind_container_state),
	.needles = CUL_LIST("Name:         "),
	.first = CUL_LIST("N:m"),
	.bid = describe_bid,
	.section = describe_section,
};
