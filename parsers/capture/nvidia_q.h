/* SPDX-License-Identifier: Apache-2.0 */
/** nvidia-smi -q: which key of which section is which field. Read by nvidia_log.c alone. */
#ifndef CUL_CAPTURE_NVIDIA_Q_H
#define CUL_CAPTURE_NVIDIA_Q_H

#include <stddef.h>

enum part { CARD, ECC, REMAP, RETIRED, PCIE, FABRIC, RECOVERY };

/* section (NULL: directly below the GPU), key, where it goes: t text, n whole number, i leading number, r decimal, m MiB */
static const struct {
	const char *section, *key;
	enum part part;
	const char *field;
	char how;
} values[] = {
	{ NULL, "Product Name", CARD, "gpu_name", 't' },
	{ NULL, "Persistence Mode", CARD, "persistence", 't' },
	{ NULL, "Compute Mode", CARD, "compute_mode", 't' },
	{ NULL, "Minor Number", CARD, "minor", 'n' },
	{ NULL, "Fan Speed", CARD, "fan_pct", 'r' },
	{ NULL, "Performance State", CARD, "pstate", 't' },
	{ NULL, "GPU Recovery Action", RECOVERY, "action", 't' },
	{ "MIG Mode", "Current", CARD, "mig_mode", 't' },
	{ "ECC Mode", "Current", CARD, "ecc_mode", 't' },
	{ "ECC Mode", "Current", ECC, "ecc_mode", 't' },
	{ "Ecc Mode", "Current", CARD, "ecc_mode", 't' },
	{ "Ecc Mode", "Current", ECC, "ecc_mode", 't' },
	{ "FB Memory Usage", "Total", CARD, "total_mib", 'm' },
	{ "FB Memory Usage", "Used", CARD, "used_mib", 'm' },
	{ "FB Memory Usage", "Reserved", CARD, "reserved_mib", 'm' },
	{ "FB Memory Usage", "Free", CARD, "free_mib", 'm' },
	{ "Utilization", "Gpu", CARD, "util_pct", 'r' },
	{ "Utilization", "GPU", CARD, "util_pct", 'r' },
	{ "Utilization", "Memory", CARD, "mem_util_pct", 'r' },
	{ "Power Readings", "Power Draw", CARD, "power_w", 'r' },
	{ "Power Readings", "Power Limit", CARD, "power_limit_w", 'r' },
	{ "GPU Power Readings", "Power Draw", CARD, "power_w", 'r' },
	{ "GPU Power Readings", "Instantaneous Power Draw", CARD, "power_w", 'r' },
	{ "GPU Power Readings", "Average Power Draw", CARD, "power_w", 'r' },
	{ "GPU Power Readings", "Current Power Limit", CARD, "power_limit_w", 'r' },
	{ "Temperature", "GPU Current Temp", CARD, "temp_c", 'r' },
	{ "Temperature", "Memory Current Temp", CARD, "mem_temp_c", 'r' },
	{ "Clocks", "SM", CARD, "sm_mhz", 'r' },
	{ "Clocks", "Memory", CARD, "mem_mhz", 'r' },
	{ "PCIe Generation", "Max", PCIE, "gen_max", 'i' },
	{ "PCIe Generation", "Current", PCIE, "gen_current", 'i' },
	{ "Link Width", "Max", PCIE, "width_max", 'i' },
	{ "Link Width", "Current", PCIE, "width_current", 'i' },
	{ "PCI", "Replays Since Reset", PCIE, "replays", 'i' },
	{ "PCI", "Replays since reset", PCIE, "replays", 'i' },
	{ "Retired Pages", "Single Bit ECC", RETIRED, "single_bit_pages", 'n' },
	{ "Retired Pages", "Double Bit ECC", RETIRED, "double_bit_pages", 'n' },
	{ "Retired Pages", "Pending", RETIRED, "pending", 't' },
	{ "Retired Pages", "Pending Page Blacklist", RETIRED, "pending", 't' },
	{ "Retired Pages", "Pending Page Blacklist/Retirement", RETIRED, "pending", 't' },
	{ "Remapped Rows", "Correctable Error", REMAP, "correctable_rows", 'n' },
	{ "Remapped Rows", "Uncorrectable Error", REMAP, "uncorrectable_rows", 'n' },
	{ "Remapped Rows", "Pending", REMAP, "pending", 't' },
	{ "Remapped Rows", "Remapping Failure Occurred", REMAP, "failure", 't' },
	{ "Remapped Rows", "Low", REMAP, "banks_low", 'i' },
	{ "Remapped Rows", "None", REMAP, "banks_none", 'i' },
	{ "Fabric", "State", FABRIC, "state_word", 't' },
	{ "Fabric", "Status", FABRIC, "status", 't' },
	{ "GPU Reset Status", "Reset Required", RECOVERY, "reset_required", 't' },
	{ "GPU Reset Status", "Drain and Reset Recommended", RECOVERY, "drain", 't' },
};

#endif
