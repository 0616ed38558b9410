/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What the kernel tells about itself and the machine while it starts, and where a journal says that another boot begins.
 *
 *   Linux version 6.8.0-87-generic (buildd@lcy02) (gcc 13.3) #88-Ubuntu SMP ...
 *   Command line: BOOT_IMAGE=/vmlinuz root=/dev/sda1 iommu=pt
 *   DMI: Supermicro AS -4124GS-TNR/H12DSG-O-CPU, BIOS 2.8 01/25/2024
 *   smp: Brought up 2 nodes, 48 CPUs
 *   Memory: 131700324K/134151028K available (...)
 *   rtc_cmos 00:02: setting system clock to 2026-11-21T02:00:59 UTC (1795226459)
 *   NVRM: loading NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build ...
 *   [drm] Initialized amdgpu 3.57.0 20150101 for 0000:08:00.0 on minor 1      [drm] amdgpu version: 6.8.5
 *   -- Boot 0f8b... --      -- Reboot --
 *
 * Printed by init/main.c, arch/x86/kernel/setup.c, drivers/firmware/dmi_scan.c, kernel/smp.c, mm/page_alloc.c, drivers/rtc,
 * NVIDIA's nv.c, drivers/gpu/drm/drm_drv.c (a date up to 6.13), AMD's DKMS driver ("amdgpu version"), journalctl.
 */
#include "parsers/dump.h"

static enum cul_status module(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice text = rec->message, rest, word, version = CUL_NONE, bdf;
	bool open;

	if (cul_cut(text, CUL_LIT("NVRM: loading NVIDIA UNIX "), NULL, &rest)) {
		open = cul_starts(rest, CUL_LIT("Open "));
		for (int i = 0; i < 12; i++) {
			word = cul_word(&rest);
			if (word.size && word.data[0] >= '0' && word.data[0] <= '9' && cul_has(word, CUL_LIT("."))) {
				version = word;
				break;
			}
		}
		return cul_emit(parse, rec, "nvidia.module", cul_text("driver_version", version), cul_flag("open", open));
	}
	if (cul_cut(text, CUL_LIT("amdgpu version: "), NULL, &rest))
		return cul_emit(parse, rec, "amdgpu.module", cul_text("driver_version", cul_word(&rest)));
	if (!cul_cut(text, CUL_LIT("Initialized amdgpu "), NULL, &rest) || !cul_cut(rest, CUL_LIT(" for "), NULL, &bdf))
		return CUL_OK;
	return cul_emit(parse, rec, "amdgpu.module", cul_text("version", cul_word(&rest)), cul_bdf("gpu_bdf", cul_word(&bdf)));
}

static enum cul_status boot_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice text = rec->message, rest, word, bios;
	int64_t n;

	if (cul_starts(text, CUL_LIT("-- ")) && cul_ends(text, CUL_LIT(" --")) && rec->line.text.data == text.data) {
		if (cul_is(text, CUL_LIT("-- Reboot --")))
			return cul_emit(parse, rec, "kernel.boot-mark", cul_string("boot_id", NULL));
		if (cul_between(text, CUL_LIT("-- Boot "), CUL_LIT(" --"), &word) && word.size == 32)
			return cul_emit(parse, rec, "kernel.boot-mark", cul_text("boot_id", word));
		return CUL_OK;
	}
	if (!cul_kernel_says(rec))
		return CUL_OK;
	rest = text;
	if (cul_skip(&rest, CUL_LIT("Linux version ")))
		return cul_emit(parse, rec, "kernel.boot", cul_text("kernel", cul_word(&rest)), cul_text("what", text));
	if (cul_skip(&rest, CUL_LIT("Kernel command line: ")) || cul_skip(&rest, CUL_LIT("Command line: ")))
		return cul_emit(parse, rec, "kernel.cmdline", cul_text("command", rest));
	if (cul_skip(&rest, CUL_LIT("DMI: "))) {
		bios = CUL_NONE;
		cul_cut(rest, CUL_LIT(", BIOS "), &rest, &bios);
		return cul_emit(parse, rec, "kernel.dmi", cul_text("product", cul_trim(rest)), cul_text("bios", bios));
	}
	if (cul_cut(text, CUL_LIT("Hypervisor detected: "), NULL, &rest))
		return cul_emit(parse, rec, "kernel.hypervisor", cul_text("hypervisor", rest));
	if (cul_cut(text, CUL_LIT("Brought up "), NULL, &rest)) {
		if (!cul_cut_last(rest, CUL_LIT(" CPU"), &rest, NULL))
			return CUL_OK;
		cul_cut_last(rest, CUL_LIT(" "), NULL, &rest);
		return cul_emit(parse, rec, "kernel.cpus", cul_number("cpu_count", rest));
	}
	rest = text;
	if (cul_skip(&rest, CUL_LIT("Memory: ")) && cul_cut(rest, CUL_LIT("K/"), NULL, &rest)) {
		if (!cul_to_int(cul_digits(&rest), &n) || !cul_starts(rest, CUL_LIT("K available")))
			return CUL_OK;
		return cul_emit(parse, rec, "kernel.memory", cul_real("total_mib", (double)n / 1024));
	}
	if (cul_cut(text, CUL_LIT("setting system clock to "), NULL, &rest) && cul_cut_last(rest, CUL_LIT("("), NULL, &rest))
		return cul_emit(parse, rec, "kernel.clock", cul_number("unix_s", cul_digits(&rest)));
	return module(parse, rec);
}

const struct cul_parser cul_parser_kernel_boot = {
	.name = "kernel_boot",
	.about = "boots: kernel release, command line, machine, CPUs, memory, clock, GPU driver versions",
	.kinds = CUL_KINDS(CUL_KIND("kernel.boot", 1, "kernel", F_KERNEL, F_WHAT), CUL_KIND("kernel.boot-mark", 1, "kernel", F_BOOT_ID),
			   CUL_KIND("kernel.cmdline", 1, "kernel", F_COMMAND), CUL_KIND("kernel.dmi", 1, "kernel", F_PRODUCT, F_BIOS),
			   CUL_KIND("kernel.hypervisor", 1, "kernel", F_HYPERVISOR), CUL_KIND("kernel.cpus", 1, "kernel", F_CPU_COUNT),
			   CUL_KIND("kernel.memory", 1, "kernel", F_TOTAL_MIB), CUL_KIND("kernel.clock", 1, "kernel", F_UNIX_S),
			   CUL_KIND("nvidia.module", 1, "kernel", F_DRIVER_VERSION, F_OPEN),
			   CUL_KIND("amdgpu.module", 1, "kernel", F_DRIVER_VERSION, F_VERSION, F_GPU_BDF)),
	.needles = CUL_LIST("Linux version ", "ommand line: ", "DMI: ", "Hypervisor detected: ", "Brought up ", "Memory: ",
			    "setting system clock to ", "NVRM: loading NVIDIA UNIX ", "Initialized amdgpu ", "amdgpu version: ",
			    "-- Boot ", "-- Reboot --"),
	.record = boot_record,
};
