/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What NVIDIA's kernel module says besides Xids.
 *
 *   NVRM: GPU at PCI:0000:3b:00: GPU-8f2c…                              address and UUID, once a boot before the first Xid
 *   NVRM: GPU 0000:3b:00.0: RmInitAdapter failed! (0x26:0x56:1474)
 *   NVRM: API mismatch: the client 'python3' (pid 812) / NVRM: has the version 550.54.15, but this kernel module has / …
 *   NVRM: GPU 0000:3b:00.0: GPU has fallen off the bus.
 *   NVRM: The NVIDIA GPU 0000:3b:00.0 (PCI ID: 10de:1db4) / NVRM: installed in this system is not supported by …
 *   NVRM: This PCI I/O region assigned to your NVIDIA device is invalid:
 *   NVRM: No NVIDIA devices probed.      NVRM: The NVIDIA probe routine was not called for 1 device(s).
 *
 * Printed by kernel-open/nvidia/nv.c, nv-pci.c and src/nvidia of open-gpu-kernel-modules. Sentences are broken over lines that
 * differ between releases; with newlines in one printk the parts stand on lines without a time, or joined in one.
 */
#include "parsers/dump.h"

struct sentence {
	struct cul_record rec;
	const char *kind;
	char text[512];
	size_t size;
	unsigned lines;
};

static struct cul_slice behind(struct cul_slice text, struct cul_slice mark)
{
	struct cul_slice rest;

	return cul_cut(text, mark, NULL, &rest) ? cul_word(&rest) : CUL_NONE;
}

static struct cul_slice undotted(struct cul_slice word)
{
	while (word.size && (word.data[word.size - 1] == '.' || word.data[word.size - 1] == ','))
		word.size--;
	return word;
}

static enum cul_status tell(struct cul_parse *parse, const struct sentence *s)
{
	struct cul_slice text = cul_slice(s->text, s->size), comm = CUL_NONE, pid = CUL_NONE, theirs = CUL_NONE, ours = CUL_NONE, rest;

	if (!strcmp(s->kind, "nvidia.api-mismatch")) {
		cul_between(text, CUL_LIT("client '"), CUL_LIT("'"), &comm);
		if (cul_cut(text, CUL_LIT("(pid "), NULL, &pid))
			pid = cul_digits(&pid);
		if (cul_cut(text, CUL_LIT("has the version "), NULL, &rest)) {
			theirs = undotted(cul_word(&rest));
			ours = undotted(behind(rest, CUL_LIT("the version ")));
		}
		return cul_emit(parse, &s->rec, s->kind, cul_text("comm", comm), cul_number("pid", pid), cul_text("version", theirs),
				cul_text("driver_version", ours));
	}
	if (cul_has(text, CUL_LIT("fallen off the bus")))
		return cul_emit(parse, &s->rec, "nvidia.fallen-off-bus", cul_bdf("gpu_bdf", behind(text, CUL_LIT("NVIDIA GPU "))));
	if (!cul_has(text, CUL_LIT("not supported")) && !cul_has(text, CUL_LIT("legacy")))
		return CUL_OK;
	return cul_emit(parse, &s->rec, "nvidia.unsupported", cul_bdf("gpu_bdf", behind(text, CUL_LIT("NVIDIA GPU "))),
			cul_flag("open", cul_has(text, CUL_LIT("open"))), cul_text("what", text));
}

static void join(struct sentence *s, struct cul_slice text)
{
	size_t n;

	text = cul_trim(text);
	cul_skip(&text, CUL_LIT("NVRM: "));
	text = cul_trim(text);
	n = text.size < sizeof(s->text) - s->size - 1 ? text.size : sizeof(s->text) - s->size - 1;
	if (!n)
		return;
	if (s->size)
		s->text[s->size++] = ' ';
	if (n > sizeof(s->text) - s->size)
		n = sizeof(s->text) - s->size;
	memcpy(s->text + s->size, text.data, n);
	s->size += n;
}

static bool sentence_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct sentence *s = state;
	bool ours = rec && (cul_starts(rec->message, CUL_LIT("NVRM: ")) || rec->bare) && ++s->lines <= 6 &&
		    !cul_starts(rec->message, CUL_LIT("NVRM: API mismatch")) && !cul_has(rec->message, CUL_LIT("Xid (")) &&
		    !cul_starts(rec->message, CUL_LIT("NVRM: The NVIDIA GPU"));

	if (ours) {
		join(s, rec->message);
		if (s->size && s->text[s->size - 1] != '.')
			return true;
	}
	*status = tell(parse, s);
	return false;
}

static enum cul_status sentence(struct cul_parse *parse, const struct cul_record *rec, const char *kind)
{
	struct sentence *s = cul_keep_bytes(parse, sizeof(*s));

	if (!s)
		return CUL_ENOMEM;
	s->kind = kind;
	s->rec = cul_keep_record(parse, rec);
	join(s, rec->message);
	return cul_follow(parse, rec, sentence_next, s);
}

static const struct {
	const char *text, *kind;
} lines[] = {
	{ "This PCI I/O region assigned to your NVIDIA device is invalid", "nvidia.bar-invalid" },
	{ "probe routine was not called", "nvidia.not-probed" },
	{ "No NVIDIA devices probed", "nvidia.not-probed" },
	{ "No NVIDIA GPU found", "nvidia.not-probed" },
	{ "is already bound to", "nvidia.not-probed" },
	{ "RC watchdog: GPU is probably locked", "nvidia.rc-watchdog" },
	{ "Link training failed", "nvidia.nvlink-error" },
	{ "knvlink", "nvidia.nvlink-error" },
	{ "ALI Error for GPU", "nvidia.nvlink-error" },
	{ "RPC response from GPU", "nvidia.gsp-error" },
	{ "GSP task ", "nvidia.gsp-error" },
	{ "Heartbeat timed out", "nvidia.gsp-error" },
	{ "GSP RM heartbeat timed out", "nvidia.gsp-error" },
	{ "Out of memory [NV_ERR_NO_MEMORY]", "nvidia.no-memory" },
	{ NULL, NULL },
};

static enum cul_status nvrm_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice text = rec->message, bdf = CUL_NONE, rest, uuid;

	if (!cul_kernel_says(rec) || !cul_cut(text, CUL_LIT("NVRM: "), NULL, &text) || cul_starts(text, CUL_LIT("Xid (")) ||
	    cul_starts(text, CUL_LIT("loading ")))
		return CUL_OK;
	rest = text;
	if (cul_skip(&rest, CUL_LIT("GPU at "))) {
		bdf = cul_word(&rest);
		uuid = cul_word(&rest);
		if (!cul_starts(uuid, CUL_LIT("GPU-")) || bdf.size < 2)
			return CUL_OK;
		bdf.size--;
		return cul_emit(parse, rec, "nvidia.gpu", cul_bdf("gpu_bdf", bdf), cul_text("gpu_uuid", uuid));
	}
	if (cul_starts(text, CUL_LIT("API mismatch")))
		return sentence(parse, rec, "nvidia.api-mismatch");
	if (cul_starts(text, CUL_LIT("The NVIDIA GPU ")))
		return sentence(parse, rec, "nvidia.unsupported");
	if (cul_skip(&rest, CUL_LIT("GPU "))) {
		bdf = cul_word(&rest);
		if (bdf.size && bdf.data[bdf.size - 1] == ':')
			bdf.size--;
	}
	if (cul_has(text, CUL_LIT("RmInitAdapter failed")) || cul_has(text, CUL_LIT("rm_init_adapter failed"))) {
		struct cul_slice code = CUL_NONE;

		if (cul_has(text, CUL_LIT("rm_init_adapter"))) /* the second half of the same failure */
			return CUL_OK;
		cul_between(text, CUL_LIT("("), CUL_LIT(")"), &code);
		return cul_emit(parse, rec, "nvidia.init-failed", cul_bdf("gpu_bdf", bdf), cul_text("status", code));
	}
	if (cul_has(text, CUL_LIT("GPU has fallen off the bus")))
		return cul_emit(parse, rec, "nvidia.fallen-off-bus", cul_bdf("gpu_bdf", bdf));
	for (size_t i = 0; lines[i].text; i++)
		if (cul_has(text, cul_str(lines[i].text)))
			return cul_emit(parse, rec, lines[i].kind, cul_bdf("gpu_bdf", bdf), cul_text("what", text));
	return CUL_OK;
}

#define NVRM_WHAT F_GPU_BDF, F_WHAT

const struct cul_parser cul_parser_nvrm = {
	.name = "nvrm",
	.about = "NVIDIA's kernel module: initialisation, version mismatch, lost and unsupported GPUs, NVLink, GSP",
	.kinds = CUL_KINDS(
		CUL_KIND("nvidia.gpu", 1, "kernel", F_GPU_BDF, F_GPU_UUID), CUL_KIND("nvidia.init-failed", 1, "kernel", F_GPU_BDF, F_STATUS),
		CUL_KIND("nvidia.api-mismatch", 1, "kernel", F_COMM, F_PID, F_VERSION, F_DRIVER_VERSION),
		CUL_KIND("nvidia.fallen-off-bus", 1, "kernel", F_GPU_BDF),
		CUL_KIND("nvidia.unsupported", 1, "kernel", F_GPU_BDF, F_OPEN, F_WHAT), CUL_KIND("nvidia.bar-invalid", 1, "kernel", NVRM_WHAT),
		CUL_KIND("nvidia.not-probed", 1, "kernel", NVRM_WHAT), CUL_KIND("nvidia.rc-watchdog", 1, "kernel", NVRM_WHAT),
		CUL_KIND("nvidia.nvlink-error", 1, "kernel", NVRM_WHAT), CUL_KIND("nvidia.gsp-error", 1, "kernel", NVRM_WHAT),
		CUL_KIND("nvidia.no-memory", 1, "kernel", NVRM_WHAT)),
	.needles = CUL_LIST("NVRM: "),
	.record = nvrm_record,
};
