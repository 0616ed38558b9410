/* SPDX-License-Identifier: Apache-2.0 */
/**
 * PyTorch: GPU memory exhausted, CUDA errors, device asserts, data loaders and elastic children that died.
 *
 *   CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 15.78 GiB total capacity; 13.11 GiB already allocated; …)        to 2.0
 *   CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacty of 23.65 GiB of which 1.06 GiB is free.
 *     Process 40512 has 1.18 GiB memory in use. Of the allocated memory 20.1 GiB is allocated by PyTorch, and …             2.1 on
 *   torch.OutOfMemoryError: Allocation on device 0 would exceed allowed memory. (out of memory)              cudaMallocAsync
 *   RuntimeError: CUDA error: an illegal memory access was encountered
 *   DataLoader worker (pid 7194) is killed by signal: Killed.
 *   failed (exitcode: -9) local_rank: 3 (pid: 4242) of binary: /usr/bin/python3
 *
 * Printed by c10/cuda/CUDACachingAllocator.cpp, c10/cuda/CUDAException.cpp, torch/utils/data, torch/distributed/elastic of
 * pytorch/pytorch. ROCm builds say HIP. 2.1 spells "capacty". A line that begins with "CUDA error" is llama.cpp's.
 */
#include <ctype.h>

#include "parsers/message/serving.h"

#define EVENTS(X)                                                                                    \
	X("is killed by signal: ", "dataloader-killed")                                              \
	X("DataLoader worker (pid(s) ", "dataloader-exited")                                         \
	X("exited unexpectedly with exit code", "dataloader-exited")                                 \
	X("Unexpected bus error encountered in worker", "dataloader-shm")                            \
	X("Unexpected segmentation fault encountered in worker", "dataloader-segfault")              \
	X("DataLoader timed out after ", "dataloader-timeout")                                       \
	X("unable to write to file </torch_", "shm-full")                                            \
	X("Found no NVIDIA driver on your system", "no-driver")                                      \
	X("CUDA driver initialization failed", "driver-init-failed")                                 \
	X("No CUDA GPUs are available", "no-gpu")                                                    \
	X("No HIP GPUs are available", "no-gpu")                                                     \
	X("CUDA unknown error - this may be due to", "unknown-error")                                \
	X("Unexpected error from cudaGetDeviceCount", "device-count-failed")                         \
	X("Unexpected error from hipGetDeviceCount", "device-count-failed")                          \
	X("The NVIDIA driver on your system is too old", "old-driver")                               \
	X("Torch not compiled with CUDA enabled", "cpu-build")                                       \
	X("Cannot re-initialize CUDA in forked subprocess", "forked")                                \
	X("is not compatible with the current PyTorch installation", "arch-unsupported")             \
	X("returned nan values in its", "nan")                                                       \
	X("probability tensor contains either", "nan")                                               \
	X("Gradient overflow.  Skipping step", "overflow")                                           \
	X("CUDNN_STATUS_", "cudnn-error")                                                            \
	X("HW Exception by GPU node", "gpu-hang")                                                    \
	X("RendezvousTimeoutError", "rendezvous-timeout")                                            \
	X("forcefully exiting via", "force-killed")

static const struct event_text events[] = { EVENTS(EVENT_ROW) };

/** The number of a CUDA error by its text, as driver_types.h has them; -1 if it isn't in the list. */
static int64_t cuda_code(struct cul_slice text)
{
	static const struct {
		const char *text;
		int code;
	} codes[] = { { "out of memory", 2 }, { "initialization error", 3 }, { "driver shutting down", 4 }, { "invalid device ordinal", 101 },
		      { "no CUDA-capable device is detected", 100 }, { "CUDA driver version is insufficient", 35 }, { "invalid argument", 1 },
		      { "CUDA-capable device(s) is/are busy or unavailable", 46 }, { "device kernel image is invalid", 200 }, { "invalid device context", 201 },
		      { "no kernel image is available", 209 }, { "uncorrectable ECC error", 214 }, { "unsupported toolchain", 222 },
		      { "uncorrectable NVLink error", 220 }, { "peer access is not supported", 217 }, { "invalid resource handle", 400 },
		      { "illegal memory access", 700 }, { "too many resources requested", 701 }, { "launch timed out", 702 },
		      { "device-side assert", 710 }, { "hardware stack error", 714 }, { "illegal instruction", 715 }, { "misaligned address", 716 },
		      { "invalid program counter", 718 }, { "unspecified launch failure", 719 }, { "system not yet initialized", 802 },
		      { "system has unsupported display driver", 803 }, { "forward compatibility was attempted", 804 }, { "unknown error", 999 } };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (cul_has(text, cul_str(codes[i].text)))
			return codes[i].code;
	return -1;
}

static double mib_before(struct cul_slice a, struct cul_slice mark)
{
	struct cul_slice head;
	size_t n, blanks = 0;

	if (!cul_cut(a, mark, &head, NULL))
		return NAN;
	head = cul_trim(head);
	for (n = head.size; n; n--) /* number, blank, unit */
		if (head.data[n - 1] == ' ' && ++blanks == 2)
			break;
	return mib_at(cul_from(head, n));
}

static enum cul_status out_of_memory(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice m)
{
	struct cul_slice rest = m, gpu = number_after(m, CUL_LIT(" (GPU ")), pid;
	double total, free_mib, allocated, reserved = NAN, loose = NAN, own, others = 0, mib;
	enum cul_status status;
	bool named = false;

	if (gpu.size) {
		total = mib_before(m, CUL_LIT(" total capacity"));
		allocated = mib_before(m, CUL_LIT(" already allocated"));
		free_mib = mib_before(m, CUL_LIT(" free;"));
		reserved = mib_before(m, CUL_LIT(" reserved in total"));
		if (isnan(reserved))
			reserved = mib_before(m, CUL_LIT(" cached"));
	} else {
		gpu = number_after(m, CUL_LIT(". GPU "));
		total = mib_before(m, CUL_LIT(" of which "));
		free_mib = mib_before(m, CUL_LIT(" is free"));
		allocated = mib_before(m, CUL_LIT(" is allocated by PyTorch"));
		loose = mib_before(m, CUL_LIT(" is reserved by PyTorch but unallocated"));
		if (!isnan(allocated) && !isnan(loose))
			reserved = allocated + loose;
	}
	own = cul_cut(m, CUL_LIT("this process has "), NULL, &rest) ? mib_at(rest) : NAN;
	rest = m;
	for (int i = 0; i < 64 && cul_cut(rest, CUL_LIT("Process "), NULL, &rest); i++) {
		pid = cul_digits(&rest);
		if (!pid.size || !cul_skip(&rest, CUL_LIT(" has ")) || isnan(mib = mib_at(rest)))
			continue;
		named = true;
		others += mib;
		status = cul_emit(parse, rec, "pytorch.oom-process", cul_number("pid", pid), cul_real("used_mib", mib), cul_number("gpu_index", gpu));
		if (status != CUL_OK)
			return status;
	}
	return cul_emit(parse, rec, "pytorch.cuda-oom", mib_after("tried_mib", m, CUL_LIT("Tried to allocate ")), cul_number("gpu_index", gpu),
			cul_real("total_mib", total), cul_real("free_mib", free_mib), cul_real("allocated_mib", allocated), cul_real("reserved_mib", reserved),
			cul_real("reserved_unallocated_mib", !isnan(loose) ? loose : reserved - allocated), cul_real("process_used_mib", own),
			cul_real("named_used_mib", named ? others : NAN),
			mib_after("private_pools_mib", m, CUL_LIT("PyTorch, with ")), rank_arg(rec));
}

/** One failure of the table that torchrun prints at its end. */
struct child {
	struct cul_record *rec;
	struct cul_slice host, rank, local, code, pid, error;
	bool root;
};

static enum cul_status child_emit(struct cul_parse *parse, const struct child *c, const struct cul_record *rec)
{
	struct cul_slice signal = CUL_NONE;

	cul_between(c->error, CUL_LIT("("), CUL_LIT(")"), &signal);
	if (!cul_starts(signal, CUL_LIT("SIG")))
		signal = CUL_NONE;
	return cul_emit(parse, rec, c->root ? "pytorch.root-failure" : "pytorch.child-failed", cul_number("rank", c->rank), cul_number("local_rank", c->local), cul_text("host", c->host),
			cul_number("code", c->code), cul_number("pid", c->pid), cul_text("signal", signal));
}

static bool child_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct child *c = state;
	struct cul_slice rest;

	if (rec && cul_cut(rec->message, CUL_LIT(" rank      : "), NULL, &rest)) {
		c->rank = cul_keep(parse, cul_digits(&rest));
		c->local = cul_keep(parse, number_after(rest, CUL_LIT("local_rank: ")));
		return true;
	}
	if (rec && cul_cut(rec->message, CUL_LIT(" host      : "), NULL, &rest)) {
		c->host = cul_keep(parse, cul_trim(rest));
		return true;
	}
	if (rec && cul_cut(rec->message, CUL_LIT(" exitcode  : "), NULL, &rest)) {
		c->code = cul_keep(parse, number_at(rest));
		c->pid = cul_keep(parse, number_after(rest, CUL_LIT("(pid: ")));
		return true;
	}
	if (rec && (cul_has(rec->message, CUL_LIT(" time      : ")) || cul_has(rec->message, CUL_LIT(" error_file: ")) ||
		    (c->root && !c->rank.size && cul_ends(cul_trim(rec->message), CUL_LIT("]:")))))
		return true;
	if (rec && cul_cut(rec->message, CUL_LIT(" traceback : "), NULL, &rest))
		c->error = rest;
	if (c->rank.size)
		*status = child_emit(parse, c, c->rec);
	return false;
}

static enum cul_status pytorch_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice m = rec->message, rest, before, text;
	const struct event_text *found;
	struct child *c;
	int64_t code;

	struct cul_slice asked;
	if (cul_cut(m, CUL_LIT(" out of memory. Tried to allocate "), NULL, &asked) && asked.size && (isdigit((unsigned char)asked.data[0]) || asked.data[0] == 'm')) /* "more than 1EB" */
		return out_of_memory(parse, rec, m);
	if (cul_has(m, CUL_LIT(" time      : ")) || cul_has(m, CUL_LIT("Root Cause (first observed failure)"))) {
		c = cul_keep_bytes(parse, sizeof(*c));
		if (!c || !(c->rec = keep_record(parse, rec)))
			return CUL_ENOMEM;
		c->root = cul_has(m, CUL_LIT("Root Cause"));
		return cul_follow(parse, rec, child_next, c);
	}
	/* what the driver's own allocator (cudaMallocAsync) says; the numbers stand below it, if anywhere */
	if (cul_cut(m, CUL_LIT("Allocation on device"), &before, &rest) &&
	    (cul_has(rest, CUL_LIT(" would exceed allowed memory")) || cul_ends(before, CUL_LIT("OutOfMemoryError: "))))
		return cul_emit(parse, rec, "pytorch.cuda-oom", cul_number("gpu_index", number_at(cul_trim(rest))), rank_arg(rec));
	if (cul_cut(m, CUL_LIT("failed (exitcode: "), NULL, &rest) && cul_has(rest, CUL_LIT("local_rank: "))) {
		return cul_emit(parse, rec, "pytorch.child-failed", cul_number("code", number_at(rest)), int_after("local_rank", rest, CUL_LIT("local_rank: ")),
				int_after("pid", rest, CUL_LIT("(pid: ")));
	}
	if (cul_cut(m, CUL_LIT(": block: ["), &before, &rest) && cul_cut(rest, CUL_LIT("Assertion `"), NULL, &rest)) {
		struct cul_slice path = before, line = CUL_NONE, function = CUL_NONE;

		cul_cut(rest, CUL_LIT("` failed"), &rest, NULL);
		if (cul_cut(before, CUL_LIT(": "), &path, &function))
			cul_cut_last(path, CUL_LIT(":"), &path, &line);
		return cul_emit(parse, rec, "pytorch.device-assert", cul_text("what", rest), cul_text("function", function), cul_text("path", path),
				cul_number("line_no", line), rank_arg(rec));
	}
	if ((cul_cut(m, CUL_LIT("CUDA error: "), &before, &text) || cul_cut(m, CUL_LIT("HIP error: "), &before, &text)) && cul_trim(before).size &&
	    (cul_has(before, CUL_LIT(":")) || cul_has(before, CUL_LIT("rror"))) && !cul_has(m, CUL_LIT("current device: "))) {
		/* "12.34.567.890 E CUDA error: " is llama.cpp's */
		struct cul_slice word = cul_trim(before);

		if (word.size && is_digit(word.data[0]) && !cul_has(before, CUL_LIT(": ")))
			return CUL_OK;
		cul_cut(text, CUL_LIT("\\n"), &text, NULL);
		code = cuda_code(text);
		return cul_emit(parse, rec, "pytorch.cuda-error", cul_text("what", cul_trim(text)), code < 0 ? cul_number("code", CUL_NONE) : cul_int("code", code),
				rank_arg(rec));
	}
	found = event_find(events, sizeof(events) / sizeof(events[0]), m);
	if (!found)
		return CUL_OK;
	if (!strncmp(found->event, "dataloader", 10) && !cul_has(m, CUL_LIT("ataLoader")) && !cul_has(m, CUL_LIT("encountered in worker")))
		return CUL_OK;
	if (!strcmp(found->event, "cudnn-error") && !cul_has(m, CUL_LIT("cuDNN error")) && !cul_has(m, CUL_LIT("rror: ")))
		return CUL_OK;
	rest = CUL_NONE;
	if (cul_cut(m, CUL_LIT("by signal: "), NULL, &rest))
		cul_cut(rest, CUL_LIT("."), &rest, NULL);
	text = number_after(m, CUL_LIT("exit code "));
	if (!text.size)
		text = number_after(m, CUL_LIT(" Error "));
	before = number_after(m, CUL_LIT("(pid "));
	if (!before.size && cul_has(m, CUL_LIT("closing signal")))
		before = number_after(m, CUL_LIT("process "));
	if (!before.size)
		before = number_after(m, CUL_LIT("shutdown process "));
	return cul_emit(parse, rec, "pytorch.event", cul_string("event", found->event), cul_text("what", cul_trim(m)), cul_number("pid", before),
			cul_text("signal", rest), cul_number("code", text), rank_arg(rec));
}

const struct cul_parser cul_parser_pytorch = {
	.name = "pytorch",
	.about = "PyTorch: GPU out of memory, CUDA errors, device asserts, data loaders, elastic children",
	.kinds = CUL_KINDS(
		CUL_KIND("pytorch.cuda-oom", 1, "pytorch", F_TRIED_MIB, F_GPU_INDEX, F_TOTAL_MIB, F_FREE_MIB, F_ALLOCATED_MIB, F_RESERVED_MIB, F_RESERVED_UNALLOCATED_MIB,
			 F_PROCESS_USED_MIB, F_NAMED_USED_MIB, F_PRIVATE_POOLS_MIB, F_RANK),
		CUL_KIND("pytorch.oom-process", 1, "pytorch", F_PID, F_USED_MIB, F_GPU_INDEX), CUL_KIND("pytorch.cuda-error", 1, "pytorch", F_WHAT, F_CODE, F_RANK),
		CUL_KIND("pytorch.device-assert", 1, "pytorch", F_WHAT, F_FUNCTION, F_PATH, F_LINE_NO, F_RANK),
		CUL_KIND("pytorch.child-failed", 1, "pytorch", F_RANK, F_LOCAL_RANK, F_HOST, F_CODE, F_PID, F_SIGNAL),
		CUL_KIND("pytorch.root-failure", 1, "pytorch", F_RANK, F_LOCAL_RANK, F_HOST, F_CODE, F_PID, F_SIGNAL),
		CUL_KIND("pytorch.event", 1, "pytorch", F_EVENT, F_WHAT, F_PID, F_SIGNAL, F_CODE, F_RANK)),
	.needles = CUL_LIST(EVENTS(EVENT_NEEDLE) " out of memory. Tried to allocate ", "Allocation on device", " time      : ", "Root Cause (first observed failure)", "failed (exitcode: ", ": block: [", "CUDA error: ",
			    "HIP error: "),
	.record = pytorch_record,
};
