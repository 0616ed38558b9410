/* SPDX-License-Identifier: Apache-2.0 */
/**
 * AMD's kernel driver and its compute half, KFD: hangs, resets, faults, RAS, firmware.
 *
 *   amdgpu: Freeing queue vital buffer 0x7e333ac00000, queue evicted
 *   amdgpu 0000:08:00.0: amdgpu: ring comp_1.2.1 timeout, signaled seq=12, emitted seq=14
 *   amdgpu 0000:08:00.0: amdgpu: GPU reset(2) succeeded!
 *   amdgpu 0000:c5:00.0: MES failed to respond to msg=REMOVE_QUEUE
 *   amdgpu 0000:08:00.0: amdgpu: [gfxhub] page fault (src_id:0 ring:153 vmid:8 pasid:32771)
 *   [drm:drm_sched_entity_push_job [gpu_sched]] *ERROR* Trying to push to a killed entity
 *
 * Printed by drivers/gpu/drm/amd (amdgpu_device.c, amdgpu_job.c, mes_v11_0.c, gmc_v*.c, amdgpu_ras.c, amdkfd/) and
 * drivers/gpu/drm/scheduler. The second "amdgpu: " is missing in KFD's lines of old kernels and after 6.17; the PCI address is
 * missing in KFD's and in DRM's own. "queue evicted" is normal at the end of a process.
 */
#include "parsers/dump.h"

/* drop the prefixes; @bdf is filled if one of them has an address */
static struct cul_slice strip(struct cul_slice text, struct cul_slice *bdf)
{
	struct cul_slice rest, word;
	char spelled[16];

	*bdf = CUL_NONE;
	for (int i = 0; i < 5; i++) {
		text = cul_trim(text);
		rest = text;
		if (cul_skip(&rest, CUL_LIT("amdgpu: ")) || cul_skip(&rest, CUL_LIT("kfd kfd: ")) || cul_skip(&rest, CUL_LIT("[drm] ")) ||
		    cul_skip(&rest, CUL_LIT("*ERROR* ")) || cul_skip(&rest, CUL_LIT("kfd: "))) {
			text = rest;
		} else if (cul_skip(&rest, CUL_LIT("amdgpu ")) || cul_skip(&rest, CUL_LIT("[drm:amdgpu ")) || cul_skip(&rest, CUL_LIT("pci "))) {
			word = cul_word(&rest);
			if (word.size < 8 || word.data[word.size - 1] != ':' || !cul_to_bdf(cul_slice(word.data, word.size - 1), spelled))
				break;
			*bdf = cul_slice(word.data, word.size - 1);
			text = rest;
		} else if (cul_starts(rest, CUL_LIT("[drm:")) && cul_cut(rest, CUL_LIT("]] "), NULL, &rest)) {
			text = rest;
		} else {
			break;
		}
	}
	return cul_trim(text);
}

/* ---- timeouts and faults: a process on one of the next lines ----------------------------------- */

struct blame {
	struct cul_record rec;
	struct cul_slice bdf, ring, hub, vmid, pasid, comm, pid, address, status, signaled, emitted;
	bool fault, more;
	unsigned lines;
};

/* "process llama-server pid 3844022 thread …" anywhere in @text */
static bool take_process(struct cul_parse *parse, struct blame *blame, struct cul_slice text)
{
	struct cul_slice comm, pid;

	if (!cul_cut(text, CUL_LIT("rocess "), NULL, &comm))
		return false;
	if (cul_starts(comm, CUL_LIT("information: ")) && !cul_cut(comm, CUL_LIT("process "), NULL, &comm))
		return false;
	if (!cul_cut(comm, CUL_LIT(" thread "), &comm, NULL))
		cul_cut(comm, CUL_LIT(")"), &comm, NULL);
	if (!cul_cut_last(comm, CUL_LIT("pid "), &comm, &pid))
		return false;
	pid = cul_digits(&pid);
	comm = cul_trim(comm);
	blame->comm = cul_keep(parse, comm);
	blame->pid = comm.size ? cul_keep(parse, pid) : CUL_NONE; /* "process  pid 0": a job of the kernel's */
	return true;
}

static enum cul_status tell_blame(struct cul_parse *parse, const struct blame *b)
{
	if (!b->fault)
		return cul_emit(parse, &b->rec, "amdgpu.ring-timeout", cul_bdf("gpu_bdf", b->bdf), cul_text("ring", b->ring),
				cul_text("status", b->status), cul_number("signaled_seq", b->signaled),
				cul_number("emitted_seq", b->emitted), cul_number("pid", b->pid), cul_text("comm", b->comm));
	return cul_emit(parse, &b->rec, "amdgpu.page-fault", cul_bdf("gpu_bdf", b->bdf), cul_text("block", b->hub),
			cul_number("vmid", b->vmid), cul_number("pasid", b->pasid), cul_number("pid", b->pid),
			cul_text("comm", b->comm), cul_text("address", b->address), cul_text("status", b->status));
}

static bool blame_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct blame *b = state;
	struct cul_slice text, bdf, rest;
	bool more = false;

	if (rec && ++b->lines <= 12) {
		text = strip(rec->message, &bdf);
		if (!cul_has(text, CUL_LIT(" timeout, ")) && !cul_has(text, CUL_LIT("page fault (src_id"))) {
			if (!b->comm.size && take_process(parse, b, text)) {
				more = true;
				if (!b->fault) {
					*status = tell_blame(parse, b);
					return false;
				}
			}
			if (b->fault && cul_cut(text, CUL_LIT("at address "), NULL, &rest)) {
				b->address = cul_keep(parse, cul_word(&rest));
				more = true;
			}
			if (b->fault && cul_cut(text, CUL_LIT("_PROTECTION_FAULT_STATUS:"), NULL, &rest)) {
				b->status = cul_keep(parse, cul_word(&rest));
				more = false;
			} else if (more || b->lines <= 6) {
				return true;
			}
		}
	}
	*status = tell_blame(parse, b);
	return false;
}

static struct cul_slice field_of(struct cul_slice text, struct cul_slice key)
{
	struct cul_slice rest;

	return cul_cut(text, key, NULL, &rest) ? cul_digits(&rest) : CUL_NONE;
}

static enum cul_status blame(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice bdf, struct cul_slice text)
{
	struct cul_slice ring = CUL_NONE, rest, hub = CUL_NONE;
	struct blame *b;

	b = cul_keep_bytes(parse, sizeof(*b));
	if (!b)
		return CUL_ENOMEM;
	b->rec = cul_keep_record(parse, rec);
	b->bdf = cul_keep(parse, bdf);
	if (cul_cut(text, CUL_LIT(" timeout, "), &ring, &rest)) {
		cul_skip(&ring, CUL_LIT("ring "));
		b->ring = cul_keep(parse, ring);
		if (cul_starts(rest, CUL_LIT("but soft recovered")))
			b->status = CUL_LIT("soft recovered");
		b->signaled = cul_keep(parse, field_of(rest, CUL_LIT("signaled seq=")));
		b->emitted = cul_keep(parse, field_of(rest, CUL_LIT("emitted seq=")));
	} else {
		b->fault = true;
		cul_between(text, CUL_LIT("["), CUL_LIT("]"), &hub);
		b->hub = cul_keep(parse, hub);
		b->vmid = cul_keep(parse, field_of(text, CUL_LIT("vmid:")));
		b->pasid = cul_keep(parse, field_of(text, CUL_LIT("pasid:")));
		take_process(parse, b, text);
	}
	return cul_follow(parse, rec, blame_next, b);
}

/* ---- one line, one fact ------------------------------------------------------------------------- */

/* "… error -2", "failed -110", "ret = -62", "failed with error, -19": the last such number */
static struct cul_arg code_of(struct cul_slice text)
{
	struct cul_slice rest, digits;
	int64_t n;

	if (!cul_cut_last(text, CUL_LIT("-"), NULL, &rest))
		return cul_int(NULL, 0);
	digits = cul_digits(&rest);
	if (!digits.size || digits.size > 4 || !cul_to_int(digits, &n) || (rest.size && rest.data[0] != '.' && rest.data[0] != ' ' && rest.data[0] != ')'))
		return cul_int(NULL, 0);
	return cul_int("code", -n);
}

#define RESETS(X) \
	X("GPU reset begin!", "begin") \
	X("GPU jobs stop begin!", "begin") \
	X("device wedged, but recovered", "recovered") \
	X("device wedged, needs recovery", "failed") \
	X("succeeded, trying to resume", "resuming") \
	X("VRAM is lost due to GPU reset", "vram-lost") \
	X("GPU reset end with ret = 0", "succeeded") \
	X("GPU reset end with ret = ", "failed") \
	X("GPU Recovery Failed", "failed") \
	X("ASIC reset failed", "failed") \
	X("asic reset failed", "failed") \
	X("mode1 reset failed", "failed") \
	X("ode2 reset failed", "failed") \
	X("mode 1 reset failed", "failed") \
	X("GPU recovery disabled", "disabled")
#define RESET(text, status) { text, status },
#define RESET_NEEDLE(text, status) text,
static enum cul_status reset(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice bdf, struct cul_slice text)
{
	static const struct {
		const char *text, *status;
	} words[] = { RESETS(RESET) { NULL, NULL } };
	struct cul_slice rest, ring = CUL_NONE, source = CUL_NONE;
	const char *status = NULL;

	if (cul_starts(text, CUL_LIT("GPU reset("))) {
		status = cul_has(text, CUL_LIT("succeeded")) ? "succeeded" : cul_has(text, CUL_LIT("failed")) ? "failed" : NULL;
	} else if (cul_starts(text, CUL_LIT("Ring ")) && cul_cut(cul_from(text, 5), CUL_LIT(" reset "), &ring, &rest)) {
		status = cul_starts(rest, CUL_LIT("succeeded")) ? "ring-succeeded" : "ring-failed";
	} else {
		for (size_t i = 0; words[i].text && !status; i++)
			if (cul_has(text, cul_str(words[i].text)))
				status = words[i].status;
	}
	if (!status)
		return CUL_OK;
	if (cul_cut(text, CUL_LIT("Source:"), NULL, &rest)) {
		rest = cul_trim(rest);
		source = cul_digits(&rest);
	}
	return cul_emit(parse, rec, "amdgpu.reset", cul_bdf("gpu_bdf", bdf), cul_string("status", status), cul_text("ring", ring),
			cul_text("source", source), !strcmp(status, "failed") ? code_of(text) : cul_int(NULL, 0), cul_text("what", text));
}

static enum cul_status ras(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice bdf, struct cul_slice text)
{
	struct cul_slice block = CUL_NONE, before, count = CUL_NONE;
	bool bad = cul_has(text, CUL_LIT("uncorrectable")) || cul_has(text, CUL_LIT("ERREVENT_ATHUB")) || cul_has(text, CUL_LIT("poison"));

	if (cul_cut(text, CUL_LIT(" hardware errors detected in "), &before, &block)) {
		struct cul_slice words = before;

		/* "socket: 0, die: 0, 3 new uncorrectable": the last number */
		while (words.size) {
			struct cul_slice word = cul_word(&words);

			if (word.size && cul_digits(&(struct cul_slice){ word.data, word.size }).size == word.size)
				count = word;
		}
		cul_skip(&block, CUL_LIT("total in "));
		block = cul_word(&block);
		if (block.size && block.data[block.size - 1] == ',')
			block.size--;
	} else if (cul_cut(text, CUL_LIT("GPU reset for "), NULL, &block)) {
		block = cul_word(&block);
	} else if (!bad || !cul_has(text, CUL_LIT("hardware error("))) {
		return CUL_OK;
	}
	return cul_emit(parse, rec, "amdgpu.ras", cul_bdf("gpu_bdf", bdf), cul_text("block", block), cul_number("count", count),
			cul_flag("uncorrected", bad), cul_text("what", text));
}

/* the rest, told apart by a literal; first match counts */
#define LINES(X) \
	X("killed entity", "amdgpu.killed-entity", NULL) \
	X("device lost from bus", "amdgpu.device-lost", NULL) \
	X("PCI error: detected callback", "amdgpu.device-lost", NULL) \
	X("device inaccessible", "amdgpu.device-lost", NULL) \
	X("SMN_C2PMSG_90:0xFFFFFFFF", "amdgpu.device-lost", NULL) \
	X("MES might be in unrecoverable state", "amdgpu.mes", "unrecoverable") \
	X("MES ring buffer is full", "amdgpu.mes", "full") \
	X("hardware queue to MES", "amdgpu.mes", "failed") \
	X("hardware queue from MES", "amdgpu.mes", "failed") \
	X("gangs from MES", "amdgpu.mes", "failed") \
	X("map legacy queue", "amdgpu.mes", "failed") \
	X("qcm fence wait loop timeout expired", "amdgpu.hws", "timeout") \
	X("The cp might be in an unrecoverable state", "amdgpu.hws", "unrecoverable") \
	X("ueue preemption failed", "amdgpu.hws", "failed") \
	X("ueue preemption time out", "amdgpu.hws", "timeout") \
	X("timeout waiting for kiq fence", "amdgpu.hws", "kiq-timeout") \
	X("TLB flush failed for PASID", "amdgpu.kfd-error", NULL) \
	X("Failed to evict ", "amdgpu.kfd-error", NULL) \
	X("Failed to quiesce KFD", "amdgpu.kfd-error", NULL) \
	X("Failed to resume KFD", "amdgpu.kfd-error", NULL) \
	X("Failed to restore ", "amdgpu.kfd-error", NULL) \
	X("No more SDMA queue to allocate", "amdgpu.kfd-error", NULL) \
	X("not done with your previous command", "amdgpu.smu", "busy") \
	X("SMU: No response", "amdgpu.smu", "no-response") \
	X("is timeout (no response)", "amdgpu.smu", "no-response") \
	X("SMU: response:0xFFFFFFFF", "amdgpu.smu", "all-ones") \
	X("SMU is in hanged state", "amdgpu.smu", "hung") \
	X("PSP load ", "amdgpu.psp", NULL) \
	X("PSP firmware loading failed", "amdgpu.psp", NULL) \
	X("PSP create ring failed", "amdgpu.psp", NULL) \
	X("PSP tmr init failed", "amdgpu.psp", NULL) \
	X("failed to load ucode", "amdgpu.psp", NULL) \
	X("Fatal error during GPU init", "amdgpu.init-failed", NULL) \
	X("amdgpu_device_ip_init failed", "amdgpu.init-failed", NULL) \
	X("init of IP block <", "amdgpu.init-failed", NULL) \
	X("Unable to locate a BIOS ROM", "amdgpu.init-failed", NULL) \
	X("probe with driver amdgpu failed", "amdgpu.init-failed", NULL) \
	X("probe of ", "amdgpu.init-failed", NULL) \
	X("PCI rejects atomics", "amdgpu.kfd-skipped", NULL) \
	X("not supported in kfd", "amdgpu.kfd-skipped", NULL) \
	X("NOT added due to errors", "amdgpu.kfd-skipped", NULL) \
	X("Critical Temperature Fault", "amdgpu.thermal", "fatal") \
	X("going to shutdown due to GPU", "amdgpu.thermal", "fatal") \
	X("GPU over temperature range", "amdgpu.thermal", "fatal") \
	X("thermal throttling temperature reached", "amdgpu.thermal", "throttled") \
	X("exceed threshold", "amdgpu.bad-pages", NULL) \
	X("This GPU is in BAD status", "amdgpu.bad-pages", NULL) \
	X("reaches threshold value", "amdgpu.bad-pages", NULL) \
	X("GPU will not be initialized. Replace this GPU", "amdgpu.bad-pages", NULL)
#define LINE(text, kind, status) { text, kind, status },
#define LINE_NEEDLE(text, kind, status) text,
static const struct {
	const char *text, *kind, *status;
} lines[] = { LINES(LINE) { NULL, NULL, NULL } };

static enum cul_status amdgpu_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice text, bdf, rest, word;
	struct cul_frame frame;

	/* what it prints is other drivers' as well: "probe of ", "hardware error" */
	if (!cul_has(rec->message, CUL_LIT("amdgpu")) && !cul_has(rec->message, CUL_LIT("killed entity")))
		return CUL_OK;
	if (!cul_kernel_says(rec) || cul_frame_read(rec->message, &frame) || cul_starts(rec->message, CUL_LIT("Workqueue:")) ||
	    cul_starts(rec->message, CUL_LIT("Modules linked in")))
		return CUL_OK;
	if (cul_cut(rec->message, CUL_LIT("irect firmware load for "), NULL, &rest)) {
		strip(rec->message, &bdf);
		word = cul_word(&rest);
		if (!cul_starts(word, CUL_LIT("amdgpu/")))
			return CUL_OK;
		return cul_emit(parse, rec, "amdgpu.firmware-missing", cul_bdf("gpu_bdf", bdf), cul_text("firmware", word), code_of(rest));
	}
	text = strip(rec->message, &bdf);
	if (cul_cut(text, CUL_LIT("Freeing queue vital buffer "), NULL, &rest)) {
		if (!cul_cut(rest, CUL_LIT(","), &word, &rest) || !cul_has(rest, CUL_LIT("queue evicted")))
			return CUL_OK;
		return cul_emit(parse, rec, "amdgpu.queue-evicted", cul_bdf("gpu_bdf", bdf), cul_text("address", word));
	}
	if (cul_starts(text, CUL_LIT("ring ")) && cul_has(text, CUL_LIT(" timeout, ")))
		return blame(parse, rec, bdf, text);
	if (cul_has(text, CUL_LIT("page fault (src_id")))
		return blame(parse, rec, bdf, text);
	if (cul_cut(text, CUL_LIT("failed to respon"), NULL, &rest) && cul_cut(rest, CUL_LIT("msg="), NULL, &rest) && cul_starts(text, CUL_LIT("MES")))
		return cul_emit(parse, rec, "amdgpu.mes", cul_bdf("gpu_bdf", bdf), cul_text("msg", rest), cul_string("status", "no-response"),
				cul_text("what", text));
	if (cul_has(text, CUL_LIT("hardware error")) || cul_has(text, CUL_LIT("RAS poison")))
		return ras(parse, rec, bdf, text);
	for (size_t i = 0; lines[i].text; i++) {
		struct cul_slice block = CUL_NONE;
		bool init = !strcmp(lines[i].kind, "amdgpu.init-failed");

		if (!cul_has(text, cul_str(lines[i].text)))
			continue;
		if (init && !cul_has(text, CUL_LIT("ailed")) && !cul_has(text, CUL_LIT("atal")) && !cul_has(text, CUL_LIT("BIOS ROM")))
			continue;
		if (cul_starts(text, CUL_LIT("PSP load ")) && !cul_has(text, CUL_LIT("failed")))
			continue;
		if (!init) {
			if (lines[i].status)
				return cul_emit(parse, rec, lines[i].kind, cul_bdf("gpu_bdf", bdf), cul_string("status", lines[i].status),
						cul_text("what", text));
			return cul_emit(parse, rec, lines[i].kind, cul_bdf("gpu_bdf", bdf), cul_text("what", text));
		}
		cul_between(text, CUL_LIT("<"), CUL_LIT(">"), &block);
		if (!bdf.size && cul_cut(text, CUL_LIT("probe of "), NULL, &rest))
			bdf = cul_word(&rest);
		return cul_emit(parse, rec, "amdgpu.init-failed", cul_bdf("gpu_bdf", bdf), cul_text("block", block), code_of(text),
				cul_text("what", text));
	}
	return reset(parse, rec, bdf, text);
}

#define GPU_WHAT F_GPU_BDF, F_WHAT
#define GPU_STATUS F_GPU_BDF, F_STATUS, F_WHAT

const struct cul_parser cul_parser_amdgpu = {
	.name = "amdgpu",
	.about = "amdgpu and KFD: evicted queues, ring timeouts, resets, MES, VM faults, RAS, SMU, PSP, firmware",
	.kinds = CUL_KINDS(
		CUL_KIND("amdgpu.queue-evicted", 1, "kernel", F_GPU_BDF, F_ADDRESS),
		CUL_KIND("amdgpu.ring-timeout", 1, "kernel", F_GPU_BDF, F_RING, F_STATUS, F_SIGNALED_SEQ, F_EMITTED_SEQ, F_PID, F_COMM),
		CUL_KIND("amdgpu.page-fault", 1, "kernel", F_GPU_BDF, F_BLOCK, F_VMID, F_PASID, F_PID, F_COMM, F_ADDRESS, F_STATUS),
		CUL_KIND("amdgpu.reset", 1, "kernel", F_GPU_BDF, F_STATUS, F_RING, F_SOURCE, F_CODE, F_WHAT),
		CUL_KIND("amdgpu.mes", 1, "kernel", F_GPU_BDF, F_MSG, F_STATUS, F_WHAT), CUL_KIND("amdgpu.hws", 1, "kernel", GPU_STATUS),
		CUL_KIND("amdgpu.ras", 1, "kernel", F_GPU_BDF, F_BLOCK, F_COUNT, F_UNCORRECTED, F_WHAT),
		CUL_KIND("amdgpu.smu", 1, "kernel", GPU_STATUS), CUL_KIND("amdgpu.psp", 1, "kernel", GPU_WHAT),
		CUL_KIND("amdgpu.firmware-missing", 1, "kernel", F_GPU_BDF, F_FIRMWARE, F_CODE),
		CUL_KIND("amdgpu.init-failed", 1, "kernel", F_GPU_BDF, F_BLOCK, F_CODE, F_WHAT),
		CUL_KIND("amdgpu.kfd-skipped", 1, "kernel", GPU_WHAT), CUL_KIND("amdgpu.kfd-error", 1, "kernel", GPU_WHAT),
		CUL_KIND("amdgpu.killed-entity", 1, "kernel", GPU_WHAT), CUL_KIND("amdgpu.device-lost", 1, "kernel", GPU_WHAT),
		CUL_KIND("amdgpu.thermal", 1, "kernel", GPU_STATUS), CUL_KIND("amdgpu.bad-pages", 1, "kernel", GPU_WHAT)),
	.needles = CUL_LIST(LINES(LINE_NEEDLE) RESETS(RESET_NEEDLE) "irect firmware load for amdgpu/", "Freeing queue vital buffer ", " timeout, signaled seq=", " timeout, last signaled seq=",
			    " timeout, but soft recovered", "page fault (src_id", "failed to respon", "hardware error", "RAS poison", "GPU reset for ", "GPU reset(", " reset succeeded",
			    " reset failed"),
	.record = amdgpu_record,
};
