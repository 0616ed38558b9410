/* SPDX-License-Identifier: Apache-2.0 */
/**
 * NVIDIA Xid and SXid: the driver's numbered verdicts on a GPU or an NVSwitch.
 *
 *   NVRM: Xid (PCI:0000:3b:00 GPU-I:05): 94, pid=7194, name=python3, Contained: CE User Channel ...
 *   NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.
 *   NVRM: Xid (0000:03:00): 31, Ch 00000008, engmask 00000101, intr 10000000
 *   nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 24007, Fatal, Link 46 sourcetrack timeout error (First)
 *
 * Printed by krcReportXid_IMPL() in src/nvidia/src/kernel/gpu/rc/kernel_rc.c and by common_nvswitch.h of
 * open-gpu-kernel-modules. GPU-I: and GPU-CI: stand there under MIG only; "PCI:" is missing up to 304. With no process to
 * name, 570 and later leave pid= and name= out; before, they read pid='<unknown>', name=<unknown>. A name that holds ", "
 * comes out cut short. 595 ends an Xid 45 with "caused by previous Xid N". The lines Severity and Data behind an SXid are
 * part of the same event and aren't told again.
 */
#include "parsers/dump.h"

static enum cul_status sxid(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice rest)
{
	struct cul_slice where, code, name, link = CUL_NONE, fatal;
	bool deadly;

	if (!cul_cut(rest, CUL_LIT("): "), &where, &rest) || !cul_cut(rest, CUL_LIT(", "), &code, &rest))
		return cul_damaged(parse, rec, "an SXid line that ends too early");
	if (cul_starts(rest, CUL_LIT("Severity ")) || cul_starts(rest, CUL_LIT("Data ")) || cul_starts(rest, CUL_LIT("Time ")))
		return CUL_OK;
	deadly = cul_starts(rest, CUL_LIT("Fatal"));
	if (cul_cut(rest, CUL_LIT("Link "), NULL, &fatal))
		link = cul_digits(&fatal);
	name = CUL_NONE;
	if (cul_cut(rec->message, CUL_LIT("nvidia-nvswitch"), NULL, &name))
		name = cul_digits(&name);
	return cul_emit(parse, rec, "nvidia.sxid", cul_number("sxid", code), cul_bdf("bdf", where), cul_number("nvswitch", name),
			cul_text("link", link), cul_flag("fatal", deadly), cul_text("what", rest));
}

static enum cul_status xid_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice where = CUL_NONE, code, mig = CUL_NONE, pid = CUL_NONE, comm = CUL_NONE, rest, earlier = CUL_NONE;
	int64_t number;

	if (!cul_kernel_says(rec))
		return CUL_OK;
	if (cul_cut(rec->message, CUL_LIT(" SXid ("), NULL, &rest))
		return sxid(parse, rec, rest);
	if (!cul_cut(rec->message, CUL_LIT("NVRM: Xid ("), NULL, &rest))
		return CUL_OK;
	if (!cul_cut(rest, CUL_LIT("): "), &where, &rest) || !cul_cut(rest, CUL_LIT(", "), &code, &rest)) {
		if (!where.size || !cul_to_int(cul_trim(rest), &number))
			return cul_damaged(parse, rec, "an Xid line that ends too early");
		code = cul_trim(rest);
		rest = CUL_NONE;
	}
	if (!cul_to_int(code, &number))
		return cul_damaged(parse, rec, "an Xid line without a number");
	if (cul_skip(&rest, CUL_LIT("pid="))) {
		if (!cul_cut(rest, CUL_LIT(", "), &pid, &rest)) {
			pid = rest;
			rest = CUL_NONE;
		}
		if (cul_starts(pid, CUL_LIT("'")) || cul_starts(pid, CUL_LIT("<")))
			pid = CUL_NONE;
	}
	if (cul_skip(&rest, CUL_LIT("name=")) && !cul_cut(rest, CUL_LIT(", "), &comm, &rest)) {
		comm = rest;
		rest = CUL_NONE;
	}
	if (cul_is(comm, CUL_LIT("<unknown>")))
		comm = CUL_NONE;
	cul_cut(where, CUL_LIT(" "), &where, &mig);
	if (cul_cut(rest, CUL_LIT("caused by previous Xid "), NULL, &earlier))
		earlier = cul_digits(&earlier);
	return cul_emit(parse, rec, "nvidia.xid", cul_number("xid", code), cul_bdf("gpu_bdf", where), cul_text("mig", mig),
			cul_number("pid", pid), cul_text("comm", comm), cul_text("what", rest), cul_number("caused_by_xid", earlier));
}

const struct cul_parser cul_parser_nvidia_xid = {
	.name = "nvidia_xid",
	.about = "NVIDIA Xid and NVSwitch SXid events",
	.kinds = CUL_KINDS(CUL_KIND("nvidia.xid", 1, "kernel", F_XID, F_GPU_BDF, F_MIG, F_PID, F_COMM, F_WHAT, F_CAUSED_BY_XID),
			   CUL_KIND("nvidia.sxid", 1, "kernel", F_SXID, F_BDF, F_NVSWITCH, F_LINK, F_FATAL, F_WHAT)),
	.needles = CUL_LIST("NVRM: Xid (", " SXid ("),
	.record = xid_record,
};
