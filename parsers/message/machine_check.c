/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Errors that CPUs, memory controllers and firmware report: MCE, EDAC, GHES, poisoned pages, thermal throttling.
 *
 *   mce: [Hardware Error]: CPU 12: Machine Check Exception: 5 Bank 7: be00000000800400
 *   [Hardware Error]: CPU:2 (17:71:0) MC27_STATUS[Over|UE|MiscV|AddrV|-|PCC|…]: 0xbea0000001000108
 *   EDAC MC0: 3 CE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0 (channel:1 slot:0 page:0x812 …)
 *   {1}[Hardware Error]: event severity: corrected      {1}[Hardware Error]:   section_type: PCIe error
 *   Memory failure: 0x1a2b3c: Sending SIGBUS to python3:812 due to hardware memory corruption
 *   CPU7: Package temperature is above threshold, cpu clock is throttled (total events = 812)
 *
 * Printed by arch/x86/kernel/cpu/mce/core.c, drivers/edac/mce_amd.c, drivers/edac/edac_mc.c, drivers/firmware/efi/cper.c,
 * mm/memory-failure.c, drivers/thermal/intel/therm_throt.c. Bit 61 of a status is UC, bit 57 PCC. A machine check that is
 * printed at boot may be that of the crash before; its own TIME says so.
 */
#include "parsers/dump.h"

static enum cul_status check(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice cpu, struct cul_slice bank,
			     struct cul_slice status, struct cul_slice what)
{
	uint64_t bits = 0;
	bool known = cul_to_hex(status, &bits);

	return cul_emit(parse, rec, "hw.mce", cul_number("cpu", cpu), cul_number("bank", bank), cul_text("mc_status", status),
			known ? cul_flag("uncorrected", bits >> 61 & 1) : cul_int(NULL, 0),
			known ? cul_flag("fatal", bits >> 57 & 1) : cul_int(NULL, 0), cul_text("what", what));
}

static enum cul_status hardware_error(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice text)
{
	struct cul_slice rest, cpu, bank, status, word;

	text = cul_trim(text);
	rest = text;
	if (cul_skip(&rest, CUL_LIT("CPU ")) && (cpu = cul_digits(&rest)).size && cul_cut(rest, CUL_LIT(" Bank "), NULL, &rest)) {
		bank = cul_digits(&rest);
		cul_skip(&rest, CUL_LIT(":"));
		return check(parse, rec, cpu, bank, cul_word(&rest), text);
	}
	rest = text;
	if (cul_skip(&rest, CUL_LIT("CPU:")) && (cpu = cul_digits(&rest)).size && cul_cut(rest, CUL_LIT(" MC"), NULL, &rest)) {
		bank = cul_digits(&rest);
		if (!cul_skip(&rest, CUL_LIT("_STATUS[")) || !cul_cut(rest, CUL_LIT("]: "), NULL, &status))
			return CUL_OK;
		return check(parse, rec, cpu, bank, cul_word(&status), text);
	}
	if (cul_cut(text, CUL_LIT("event severity: "), NULL, &word))
		return cul_emit(parse, rec, "hw.ghes", cul_text("status", cul_word(&word)), cul_flag("fatal", cul_has(text, CUL_LIT("fatal"))));
	if (cul_cut(text, CUL_LIT("section_type: "), NULL, &word))
		return cul_emit(parse, rec, "hw.ghes-section", cul_text("block", word));
	if (cul_cut(text, CUL_LIT("device_id: "), NULL, &word))
		return cul_emit(parse, rec, "hw.ghes-section", cul_bdf("bdf", cul_word(&word)));
	if (cul_cut(text, CUL_LIT("DIMM location: "), NULL, &word))
		return cul_emit(parse, rec, "hw.ghes-section", cul_text("place", word));
	if (cul_starts(text, CUL_LIT("Machine check events logged")))
		return cul_emit(parse, rec, "hw.mce-logged", cul_text("what", text));
	return CUL_OK;
}

/* "MC0: 3 CE memory read error on LABEL (channel:1 slot:0 …)" */
static enum cul_status edac(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice rest)
{
	struct cul_slice mc = cul_digits(&rest), count, kind, what, label = CUL_NONE;

	if (!mc.size || !cul_skip(&rest, CUL_LIT(": ")))
		return CUL_OK;
	count = cul_digits(&rest);
	kind = cul_word(&rest);
	if (!count.size || (!cul_is(kind, CUL_LIT("CE")) && !cul_is(kind, CUL_LIT("UE"))))
		return CUL_OK;
	what = cul_trim(rest);
	if (cul_cut(what, CUL_LIT(" on "), &what, &label) && !cul_cut(label, CUL_LIT(" ("), &label, NULL))
		label = cul_trim(label);
	return cul_emit(parse, rec, "hw.edac", cul_number("count", count), cul_flag("uncorrected", cul_is(kind, CUL_LIT("UE"))),
			cul_number("socket", mc), cul_text("place", label), cul_text("what", what));
}

static enum cul_status check_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice text = rec->message, rest, comm, pid, address;

	if (!cul_kernel_says(rec))
		return CUL_OK;
	if (cul_cut(text, CUL_LIT("EDAC MC"), NULL, &rest))
		return edac(parse, rec, rest);
	if (cul_cut(text, CUL_LIT("[Hardware Error]: "), NULL, &rest)) /* amdgpu prints the mark in its own lines */
		return cul_has(cul_slice(text.data, text.size < 32 ? text.size : 32), CUL_LIT("amdgpu")) ? CUL_OK : hardware_error(parse, rec, rest);
	if (cul_cut(text, CUL_LIT("Memory failure: "), NULL, &rest)) {
		if (!cul_cut(rest, CUL_LIT(": "), &address, &rest))
			return CUL_OK;
		pid = comm = CUL_NONE;
		if (cul_cut(rest, CUL_LIT("Sending SIGBUS to "), NULL, &comm) && cul_cut(comm, CUL_LIT(" due to"), &comm, NULL))
			cul_cut_last(comm, CUL_LIT(":"), &comm, &pid);
		return cul_emit(parse, rec, "hw.memory-poison", cul_text("address", address), cul_text("comm", comm), cul_number("pid", pid),
				cul_text("what", rest));
	}
	if (cul_cut(text, CUL_LIT("cpu clock "), NULL, &rest) && cul_has(rest, CUL_LIT("throttled"))) {
		struct cul_slice cpu = CUL_NONE, count = CUL_NONE;

		if (cul_cut(text, CUL_LIT("CPU"), NULL, &cpu))
			cpu = cul_digits(&cpu);
		if (cul_cut(rest, CUL_LIT("total events = "), NULL, &count))
			count = cul_digits(&count);
		return cul_emit(parse, rec, "hw.cpu-throttled", cul_number("cpu", cpu), cul_number("count", count),
				cul_string("block", cul_has(text, CUL_LIT("Package")) ? "package" : "core"));
	}
	if (cul_cut(text, CUL_LIT("CMCI "), NULL, &rest) && cul_has(rest, CUL_LIT("storm")))
		return cul_emit(parse, rec, "hw.mce-logged", cul_text("what", text));
	return CUL_OK;
}

const struct cul_parser cul_parser_machine_check = {
	.name = "machine_check",
	.about = "machine checks, EDAC, firmware-first errors, poisoned memory, CPU throttling",
	.kinds = CUL_KINDS(CUL_KIND("hw.mce", 1, "kernel", F_CPU, F_BANK, F_MC_STATUS, F_UNCORRECTED, F_FATAL, F_WHAT),
			   CUL_KIND("hw.mce-logged", 1, "kernel", F_WHAT),
			   CUL_KIND("hw.edac", 1, "kernel", F_COUNT, F_UNCORRECTED, F_SOCKET, F_PLACE, F_WHAT),
			   CUL_KIND("hw.ghes", 1, "kernel", F_STATUS, F_FATAL), CUL_KIND("hw.ghes-section", 1, "kernel", F_BLOCK, F_BDF, F_PLACE),
			   CUL_KIND("hw.memory-poison", 1, "kernel", F_ADDRESS, F_COMM, F_PID, F_WHAT),
			   CUL_KIND("hw.cpu-throttled", 1, "kernel", F_CPU, F_COUNT, F_BLOCK)),
	.needles = CUL_LIST("[Hardware Error]: ", "EDAC MC", "Memory failure: 0x", "cpu clock throttled", "cpu clock is throttled", "CMCI "),
	.record = check_record,
};
