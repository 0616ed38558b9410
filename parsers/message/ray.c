/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Ray: workers, actors and nodes that died, the memory monitor, the object store.
 *
 *   [2024-01-02 11:58:21,402 E 4102 4102] (raylet) node_manager.cc:3097: 4 Workers (tasks / actors) killed due to memory pressure (OOM), …
 *   Memory on the node (IP: 192.168.0.107, ID: fc2…) where the task (…, name=Env.__init__, pid=4331, memory used=2.22GB) was running
 *     was 59.49GB / 62.58GB (0.950744), which exceeds the memory usage threshold of 0.95. …
 *   A worker died or was killed while executing a task by an unexpected system error. … Worker PID: 74 Worker exit type: SYSTEM_ERROR …
 *
 * Printed by src/ray/raylet/node_manager.cc, worker_pool.cc and python/ray/exceptions.py of ray-project/ray (1.x, 2.x). GB are 2^30.
 */
#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("killed due to memory pressure (OOM)", "oom-killed")                                       \
	X("Task was killed due to the node running low on memory", "oom-killed")                     \
	X("A worker died or was killed while executing a task", "worker-died")                       \
	X("Worker unexpectedly exits with a connection error", "worker-died")                        \
	X("The actor died unexpectedly before finishing this task", "actor-died")                    \
	X("has been marked dead because the detector has missed too many heartbeats", "node-died")   \
	X("Raylet is terminated", "raylet-died")                                                     \
	X("ObjectStoreFullError", "object-store-full")                                               \
	X("% full, available space: ", "disk-full")                                                  \
	X("because /dev/shm has only ", "shm-small")                                                 \
	X("*** SIGBUS received at time", "sigbus")                                                   \
	X("*** SIGSEGV received at time", "sigsegv")                                                 \
	X("*** SIGABRT received at time", "sigabrt")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

/** Ray prints 2^30 bytes as GB. */
static double gib(struct cul_slice number)
{
	return to_real(number_at(unblank(number))) * 1024;
}

static enum cul_status ray_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, rest, used, total, name, pid, code;
	const struct event_text *found;

	if (cul_cut(m, CUL_LIT("Memory on the node (IP: "), NULL, &rest) && cul_cut(rest, CUL_LIT("was running was "), NULL, &used) &&
	    cul_cut(used, CUL_LIT(" / "), NULL, &total)) {
		name = word_after(rest, CUL_LIT("name="));
		return cul_emit(parse, rec, "ray.oom", cul_text("name", name), int_after("pid", rest, CUL_LIT("pid=")),
				cul_real("rss_mib", to_real(number_after(rest, CUL_LIT("memory used="))) * 1024), cul_real("used_mib", gib(used)),
				cul_real("total_mib", gib(total)), cul_real("threshold_pct", to_real(number_after(used, CUL_LIT("threshold of "))) * 100));
	}
	found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	if (!found || (!strcmp(found->event, "disk-full") && !cul_has(m, CUL_LIT("is over "))))
		return CUL_OK;
	pid = number_after(m, CUL_LIT("Worker PID: "));
	if (!pid.size && found->text[0] == '*')
		pid = number_after(m, CUL_LIT("pid="));
	code = number_after(m, CUL_LIT("connection error code "));
	return cul_emit(parse, rec, "ray.event", cul_string("event", found->event), cul_text("what", cul_trim(m)), cul_number("pid", pid), cul_number("code", code),
			cul_text("status", word_after(m, CUL_LIT("Worker exit type: "))),
			cul_real("free_mib", to_real(number_after(m, CUL_LIT("/dev/shm has only "))) / 1048576));
}

const struct cul_parser cul_parser_ray = {
	.name = "ray",
	.about = "Ray: dead workers, actors and nodes, the memory monitor, the object store",
	.kinds = CUL_KINDS(CUL_KIND("ray.oom", 1, "ray", F_NAME, F_PID, F_RSS_MIB, F_USED_MIB, F_TOTAL_MIB, F_THRESHOLD_PCT),
			   CUL_KIND("ray.event", 1, "ray", F_EVENT, F_WHAT, F_PID, F_CODE, F_STATUS, F_FREE_MIB)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) "Memory on the node (IP: "),
	.record = ray_record,
};
