/* SPDX-License-Identifier: Apache-2.0 */
/**
 * NCCL and RCCL, and PyTorch's process groups over them.
 *
 *   node7:1183:1264 [0] transport/net_ib.cc:839 NCCL WARN NET/IB : Got completion with error 12, opcode 0, len 0, vendor err 129
 *   node7:1183:1264 [0] NCCL INFO comm 0x… rank 0 nranks 8 cudaDev 0 busId 19000 - Init COMPLETE
 *   [rank2]:[E108 22:14:40.38 ProcessGroupNCCL.cpp:632] [Rank 2] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=7219, …
 *   … failure detected by watchdog at work sequence id: 7219 PG status: last enqueued work: 7219, last completed work: 7218
 *
 * Printed by src/debug.cc of NVIDIA/nccl and ROCm/rccl (2.9 to 2.30) and by torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp and
 * TraceUtils.h of PyTorch (1.x to 2.9); SeqNum and NumelIn stand there since 2.1, the PG status since 2.4. The same time-out is
 * printed up to three times by one rank: caught, thread terminated, what(). busId is hexadecimal: domain, bus, device, function.
 */
#include "parsers/message/serving.h"

/* NCCL WARN texts; the first that fits */
#define WARNINGS(X)                                                                                  \
	X("Got completion", "ib-completion")                                                         \
	X("async fatal event", "ib-async")                                                           \
	X("Got async", "ib-async")                                                                   \
	X("non-fatal async event", "ib-async")                                                       \
	X("Call to ibv_", "ib-call-failed")                                                          \
	X("no socket interface found", "no-interface")                                               \
	X("no interface found", "no-interface")                                                      \
	X("No interface found", "no-interface")                                                      \
	X("No NET interface", "no-interface")                                                        \
	X("posix_fallocate", "shm-too-small")                                                        \
	X("failed to extend", "shm-too-small")                                                       \
	X("shared memory segment", "shm-failed")                                                     \
	X("closed by remote peer", "peer-closed")                                                    \
	X("remote process exited", "peer-closed")                                                    \
	X("exceeded error retry count", "connect-failed")                                            \
	X("onnect to", "connect-failed")                                                             \
	X("Call to connect", "connect-failed")                                                       \
	X("Call to recv from", "socket-failed")                                                      \
	X("Call to send to", "socket-failed")                                                        \
	X("Duplicate GPU detected", "duplicate-gpu")                                                 \
	X("Multiple Ranks are using the same GPU", "duplicate-gpu")                                  \
	X("NVLink SHARP", "nvls-failed")                                                             \
	X("essage truncated", "message-truncated")                                                   \
	X("No transport found", "no-transport")                                                      \
	X("Mismatched NCCL version", "version-mismatch")                                             \
	X("Mismatched RCCL version", "version-mismatch")                                             \
	X("Failed to CUDA malloc", "cuda-alloc-failed")                                              \
	X("Failed to CUDA calloc", "cuda-alloc-failed")                                              \
	X("peer access is not supported", "no-peer-access")                                          \
	X("Cuda failure", "cuda-failure")                                                            \
	X("HIP failure", "cuda-failure")                                                             \
	X("ROCr failure", "cuda-failure")                                                            \
	X("iommu=pt", "iommu-pt-missing")                                                            \
	X("NUMA auto balancing enabled", "numa-balancing")                                           \
	X("HSA_FORCE_FINE_GRAIN_PCIE", "fine-grain-missing")                                         \
	X("P2P is disabled between", "p2p-disabled")

/* lines of PyTorch and others about a communicator */
#define EVENTS(X)                                                                                    \
	X("watchdog got stuck for", "watchdog-stuck")                                                \
	X("Heartbeat monitor timed out", "heartbeat-timeout")                                        \
	X("Could not acquire GIL within", "gil-held")                                                \
	X("we are taking the entire process down", "abort")                                          \
	X("Some NCCL operations have failed or timed out", "async-failure")                          \
	X("because FlightRecorder is disabled", "no-flight-recorder")                                \
	X("JAX distributed service detected fatal errors", "peer-died")                              \
	X("Observed flight recorder dump signal", "dump-signal")                                     \
	X("Detected mismatch between collectives on ranks", "mismatch")                              \
	X("NCCL communicator was aborted", "comm-aborted")                                           \
	X("is setting up NCCL communicator and retrieving ncclUniqueId", "init-timeout")             \
	X("store->get(", "store-failed")                                                             \
	X("Timed out after ", "rendezvous-timeout")                                                  \
	X("The client socket has timed out", "rendezvous-timeout")                                   \
	X("The client socket has failed to connect", "rendezvous-connect")                           \
	X("recvValue failed on SocketImpl", "store-lost")                                            \
	X("sendBytes failed on SocketImpl", "store-lost")                                            \
	X("unhandled cuda error", "unhandled-cuda-error")                                            \
	X("unhandled system error", "unhandled-system-error")                                        \
	X("ncclUnhandledCudaError", "unhandled-cuda-error")                                          \
	X("ncclSystemError", "unhandled-system-error")                                               \
	X("ncclInternalError", "internal-error")                                                     \
	X("ncclInvalidUsage", "invalid-usage")                                                       \
	X("ncclRemoteError", "remote-error")                                                         \
	X("Last NCCL warning(error)", "last-warning")                                                \
	X("Connection closed by peer [", "peer-closed")

static const struct event_text warnings[] = { WARNINGS(EVENT_ROW) };
static const struct event_text events[] = { EVENTS(EVENT_ROW) };

/** host:pid:tid [dev] in front of NCCL's text. */
struct origin {
	struct cul_slice host, pid, tid, device;
};

static struct origin origin_of(struct cul_slice before)
{
	struct origin o = { CUL_NONE, CUL_NONE, CUL_NONE, CUL_NONE };
	struct cul_slice head, tail, word;

	if (!cul_cut_last(before, CUL_LIT(" ["), &head, &tail))
		return o;
	o.device = cul_digits(&tail);
	head = cul_trim(head);
	if (!cul_cut_last(head, CUL_LIT(" "), NULL, &word))
		word = head;
	/* host names hold no colon, so the last two parts are pid and tid */
	if (cul_cut_last(word, CUL_LIT(":"), &head, &o.tid) && cul_cut_last(head, CUL_LIT(":"), &o.host, &o.pid) && o.pid.size && is_digit(o.pid.data[0])) {
		cul_cut_last(o.host, CUL_LIT(":"), NULL, &o.host); /* [1,3]<stdout>:host */
		return o;
	}
	return (struct origin){ CUL_NONE, CUL_NONE, CUL_NONE, CUL_NONE };
}

/** "c1000" -> 0000:c1:00.0; a printed BDF stays one. */
static struct cul_arg bus_id(struct cul_slice text, char room[16])
{
	static const char hex[] = "0123456789abcdef";
	uint64_t id;
	size_t n = 0;

	if (memchr(text.data ? text.data : "", ':', text.size))
		return cul_bdf("gpu_bdf", text);
	if (!text.size || !cul_to_hex(text, &id) || id >> 36)
		return cul_text("gpu_bdf", CUL_NONE);
	for (int shift = 32; shift >= 20; shift -= 4)
		room[n++] = hex[id >> shift & 15];
	room[n++] = ':';
	room[n++] = hex[id >> 16 & 15];
	room[n++] = hex[id >> 12 & 15];
	room[n++] = ':';
	room[n++] = hex[id >> 8 & 15];
	room[n++] = hex[id >> 4 & 15];
	room[n++] = '.';
	room[n++] = hex[id & 15];
	return cul_text("gpu_bdf", cul_slice(room, n));
}

static enum cul_status warning(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice before, struct cul_slice text)
{
	const struct event_text *found = event_find(warnings, sizeof(warnings) / sizeof(warnings[0]), text);
	struct origin o = origin_of(before);
	struct cul_slice place = cul_trim(before), path = CUL_NONE, line = CUL_NONE, code = CUL_NONE, rest;

	if (cul_ends(place, CUL_LIT(")")))
		cul_cut_last(place, CUL_LIT(" ("), &place, NULL);
	if (cul_cut_last(place, CUL_LIT("] "), NULL, &place) && !cul_cut_last(place, CUL_LIT(":"), &path, &line))
		path = CUL_NONE;
	if (!is_digit(line.size ? line.data[0] : 0))
		path = line = CUL_NONE;
	if (cul_cut(text, CUL_LIT("status="), NULL, &rest) || cul_cut(text, CUL_LIT("with error "), NULL, &rest) ||
	    cul_cut(text, CUL_LIT("uda failure "), NULL, &rest) || cul_cut(text, CUL_LIT("HIP failure "), NULL, &rest)) {
		while (rest.size && is_word(rest.data[0]) && !is_digit(rest.data[0]))
			rest = cul_from(rest, 1);
		cul_skip(&rest, CUL_LIT("("));
		code = cul_digits(&rest);
	}
	line = cul_trim(line);
	rest = number_after(text, CUL_LIT("vendor err "));
	if (!rest.size)
		rest = number_after(text, CUL_LIT("vendor_err="));
	return cul_emit(parse, rec, "nccl.warn", cul_string("event", found ? found->event : "other"), cul_text("what", cul_trim(text)),
			cul_text("host", o.host), cul_number("pid", o.pid), cul_number("gpu_index", o.device), rank_arg(rec), cul_number("code", code),
			cul_number("vendor_err", rest), cul_text("peer", word_after(text, CUL_LIT("from peer "))),
			cul_text("device", word_after(text, CUL_LIT("hca "))), cul_text("path", path), cul_number("line_no", line));
}

static enum cul_status timeout(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice work, ran = CUL_NONE, pg = CUL_NONE, rest;

	if (!cul_cut(m, CUL_LIT("WorkNCCL("), NULL, &work) && !cul_cut(m, CUL_LIT("Work"), NULL, &work))
		return CUL_OK;
	if (cul_cut(work, CUL_LIT(" ran for "), NULL, &rest))
		ran = cul_digits(&rest);
	if (!ran.size)
		return CUL_OK;
	cul_between(m, CUL_LIT("PG GUID "), CUL_LIT(" Rank"), &pg);
	return cul_emit(parse, rec, "nccl.timeout", rank_arg(rec), int_after("seq", work, CUL_LIT("SeqNum=")),
			cul_text("op_type", word_after(work, CUL_LIT("OpType="))), int_after("numel_in", work, CUL_LIT("NumelIn=")),
			int_after("numel_out", work, CUL_LIT("NumelOut=")), int_after("timeout_ms", work, CUL_LIT("Timeout(ms)=")),
			cul_since(cul_number("ran_ms", ran)), cul_text("pg", pg));
}

static enum cul_status progress(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice seq = number_after(m, CUL_LIT("work sequence id: ")), enqueued = number_after(m, CUL_LIT("last enqueued work: ")), pg = CUL_NONE;
	struct cul_slice completed = number_after(m, CUL_LIT("last completed work: "));

	if (!seq.size)
		seq = number_after(m, CUL_LIT("imeout at NCCL work: "));
	if (!seq.size)
		seq = number_after(m, CUL_LIT("by watchdog at work: "));
	if (!enqueued.size)
		enqueued = number_after(m, CUL_LIT("last enqueued NCCL work: "));
	if (!enqueued.size) /* to a rank that was told to dump, since 2.5 */
		enqueued = number_after(m, CUL_LIT("Last enqueued NCCL work: "));
	if (!completed.size)
		completed = number_after(m, CUL_LIT("last completed NCCL work: "));
	if (!enqueued.size && !completed.size)
		return CUL_OK;
	if (!cul_between(m, CUL_LIT("PG GUID "), CUL_LIT(" Rank"), &pg))
		cul_between(m, CUL_LIT("[PG "), CUL_LIT(" Rank"), &pg);
	return cul_emit(parse, rec, "nccl.progress", rank_arg(rec), cul_text("pg", pg), cul_number("seq", seq), cul_number("last_enqueued", enqueued),
			cul_number("last_completed", completed));
}

static enum cul_status comm(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice before, struct cul_slice text)
{
	struct origin o = origin_of(before);
	struct cul_slice nranks = number_after(text, CUL_LIT(" nranks ")), status = CUL_NONE, device = number_after(text, CUL_LIT("nvmlDev "));
	char room[16];

	if (cul_has(text, CUL_LIT("Init START")))
		status = CUL_LIT("START");
	else if (cul_has(text, CUL_LIT("Init COMPLETE")))
		status = CUL_LIT("COMPLETE");
	else if (cul_has(text, CUL_LIT("Abort COMPLETE")))
		status = CUL_LIT("ABORT");
	else if (cul_has(text, CUL_LIT("Destroy COMPLETE")))
		status = CUL_LIT("DESTROY");
	if (!status.size)
		return CUL_OK;
	if (!device.size)
		device = number_after(text, CUL_LIT("cudaDev "));
	return cul_emit(parse, rec, "nccl.init", int_after("rank", text, CUL_LIT(" rank ")), cul_number("n_ranks", nranks), cul_number("gpu_index", device),
			bus_id(word_after(text, CUL_LIT("busId ")), room), cul_text("host", o.host), cul_number("pid", o.pid), cul_text("status", status));
}

/** Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM; 2.9: Channel 00 : 0[19000] -> 1[1a000] via P2P/IPC. */
static enum cul_status channel(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice text)
{
	struct cul_slice from, to, via, rest, first;

	if (!cul_cut(text, CUL_LIT(" : "), NULL, &rest) || !cul_cut(rest, CUL_LIT(" -> "), &from, &to) || !cul_cut(to, CUL_LIT(" via "), NULL, &via))
		return CUL_OK;
	from = cul_trim(from);
	to = cul_trim(to);
	first = cul_digits(&from);
	return cul_emit(parse, rec, "nccl.path", cul_number("rank", first), cul_number("peer_rank", cul_digits(&to)),
			cul_text("transport", cul_word(&via)));
}

static enum cul_status desync(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice ranks, rest, op = CUL_NONE;
	const char *word = cul_has(m, CUL_LIT("Timeout at collective: ")) ? "timeout" :
			   cul_has(m, CUL_LIT("are the lagging ranks")) ? "never-joined" :
			   cul_has(m, CUL_LIT("joined but didn't finish")) ? "joined" :
			   cul_has(m, CUL_LIT("but didn't join collective")) ? "behind" : NULL;

	if (!word || !cul_between(m, CUL_LIT("["), CUL_LIT("]"), &ranks))
		return CUL_OK;
	if (cul_starts(ranks, CUL_LIT("rank")) || !ranks.size || !is_digit(ranks.data[0])) {
		cul_cut(m, CUL_LIT("]"), NULL, &rest);
		if (!cul_between(rest, CUL_LIT("["), CUL_LIT("]"), &ranks))
			return CUL_OK;
	}
	if (cul_cut(m, CUL_LIT("Timeout at collective: "), NULL, &rest))
		cul_cut(rest, CUL_LIT(","), &op, NULL);
	if (!cul_cut(m, CUL_LIT("didn't join collective #"), NULL, &rest) && !cul_cut(m, CUL_LIT("#"), NULL, &rest))
		rest = CUL_NONE;
	return cul_emit(parse, rec, "nccl.desync", cul_string("event", word), cul_text("ranks", ranks), cul_text("op_type", op),
			cul_number("seq", cul_digits(&rest)));
}

static enum cul_status version(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m, struct cul_slice rest)
{
	struct cul_slice word = cul_word(&rest), cuda;
	bool hip;

	if (!word.size || !is_digit(word.data[0]))
		return CUL_OK;
	hip = cul_has(word, CUL_LIT("+hip")) || cul_has(m, CUL_LIT("RCCL version"));
	if (cul_cut(word, CUL_LIT("+"), &word, &cuda))
		(void)(cul_skip(&cuda, CUL_LIT("cuda")) || cul_skip(&cuda, CUL_LIT("hip")) || cul_skip(&cuda, CUL_LIT("cu")));
	else
		cuda = number_after(m, CUL_LIT("compiled with CUDA "));
	while (word.size && !is_word(word.data[word.size - 1]))
		word.size--;
	return cul_emit(parse, rec, "nccl.version", cul_text("version", word), cul_string("library", hip ? "RCCL" : "NCCL"), cul_text("cuda_version", cuda));
}

static enum cul_status nccl_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, before, text;
	const struct event_text *found;

	if (cul_cut(m, CUL_LIT("NCCL WARN "), &before, &text))
		return warning(parse, rec, before, text);
	if (cul_cut(m, CUL_LIT("NCCL INFO "), &before, &text)) {
		if (cul_starts(text, CUL_LIT("Channel ")))
			return channel(parse, rec, text);
		if (cul_has(text, CUL_LIT("busId ")) || cul_has(text, CUL_LIT("Init COMPLETE")))
			return comm(parse, rec, before, text);
		if ((cul_cut(text, CUL_LIT("Bootstrap : Using "), NULL, &text) || cul_cut(text, CUL_LIT("Bootstrap: Using "), NULL, &text)) &&
		    cul_cut(text, CUL_LIT(":"), &text, NULL))
			return cul_emit(parse, rec, "nccl.bootstrap", cul_text("interface", text));
		if (cul_has(text, CUL_LIT("P2P is disabled between")) || cul_has(text, CUL_LIT("fallocate: Failed to extend")) ||
		    cul_has(text, CUL_LIT("closed by remote peer")))
			return warning(parse, rec, before, text);
	}
	if (cul_has(m, CUL_LIT("caught collective operation timeout")) && cul_has(m, CUL_LIT(" ran for ")))
		return timeout(parse, rec, m);
	if ((cul_has(m, CUL_LIT("last enqueued ")) || cul_has(m, CUL_LIT("Last enqueued NCCL work: "))) && cul_has(m, CUL_LIT("last completed ")))
		return progress(parse, rec, m);
	if (cul_has(m, CUL_LIT("Timeout at collective: ")) || cul_has(m, CUL_LIT("are the lagging ranks")) ||
	    cul_has(m, CUL_LIT("joined but didn't finish collective")) || cul_has(m, CUL_LIT("but didn't join collective")))
		return desync(parse, rec, m);
	if (cul_cut(m, CUL_LIT("NCCL version "), &before, &text) && cul_trim(before).size < 40 && !cul_has(before, CUL_LIT("rror")) &&
	    !cul_has(before, CUL_LIT("NCCL INFO NET")))
		return version(parse, rec, m, text);
	if (cul_cut(m, CUL_LIT("RCCL version "), NULL, &text) || cul_cut(m, CUL_LIT("RCCL version : "), NULL, &text))
		return version(parse, rec, m, text);
	found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	if (!found)
		return CUL_OK;
	if (!strcmp(found->text, "Timed out after ") && !cul_has(m, CUL_LIT("clients joined")))
		return CUL_OK;
	if (!strncmp(found->event, "unhandled", 9) && !cul_has(m, CUL_LIT("ccl")) && !cul_has(m, CUL_LIT("NCCL")))
		return CUL_OK;
	if (!strcmp(found->event, "store-failed") && !cul_has(m, CUL_LIT("nccl")) && !cul_has(m, CUL_LIT("NCCL")))
		return CUL_OK;
	return cul_emit(parse, rec, "nccl.event", cul_string("event", found->event), cul_text("what", cul_trim(m)), rank_arg(rec),
			cul_since(cul_decimal("duration_s", number_after(m, CUL_LIT("watchdog got stuck for ")))),
			int_after("timeout_ms", m, CUL_LIT("has timed out after ")));
}

const struct cul_parser cul_parser_nccl = {
	.name = "nccl",
	.about = "NCCL, RCCL and PyTorch's process groups: time-outs, warnings, communicators, transports",
	.kinds = CUL_KINDS(
		CUL_KIND("nccl.warn", 1, "nccl", F_EVENT, F_WHAT, F_HOST, F_PID, F_GPU_INDEX, F_RANK, F_CODE, F_VENDOR_ERR, F_PEER, F_DEVICE, F_PATH, F_LINE_NO),
		CUL_KIND("nccl.timeout", 1, "nccl", F_RANK, F_SEQ, F_OP_TYPE, F_NUMEL_IN, F_NUMEL_OUT, F_TIMEOUT_MS, F_RAN_MS, F_PG),
		CUL_KIND("nccl.progress", 1, "nccl", F_RANK, F_PG, F_SEQ, F_LAST_ENQUEUED, F_LAST_COMPLETED),
		CUL_KIND("nccl.init", 1, "nccl", F_RANK, F_N_RANKS, F_GPU_INDEX, F_GPU_BDF, F_HOST, F_PID, F_STATUS),
		CUL_KIND("nccl.path", 1, "nccl", F_RANK, F_PEER_RANK, F_TRANSPORT), CUL_KIND("nccl.bootstrap", 1, "nccl", F_INTERFACE),
		CUL_KIND("nccl.desync", 1, "nccl", F_EVENT, F_RANKS, F_OP_TYPE, F_SEQ), CUL_KIND("nccl.version", 1, "nccl", F_VERSION, F_LIBRARY, F_CUDA_VERSION),
		CUL_KIND("nccl.event", 1, "nccl", F_EVENT, F_WHAT, F_RANK, F_DURATION_S, F_TIMEOUT_MS)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) "NCCL WARN ", "NCCL INFO Channel ", "busId ", "Init COMPLETE", "Bootstrap : Using ", "Bootstrap: Using ",
			    "P2P is disabled between", "fallocate: Failed to extend", "closed by remote peer", "caught collective operation timeout", "last enqueued ", "Last enqueued NCCL work: ", "Timeout at collective: ",
			    "are the lagging ranks", "joined but didn't finish collective", "but didn't join collective", "NCCL version ", "RCCL version "),
	.record = nccl_record,
};
