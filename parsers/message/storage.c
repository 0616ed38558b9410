/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Disks, RAID and file systems: time-outs, dead controllers, I/O errors, degraded arrays, read-only remounts.
 *
 *   nvme nvme0: I/O tag 12 (100c) opcode 0x2 (Read) QID 3 timeout, aborting req_op:READ(0) size:4096
 *   nvme nvme0: controller is down; will reset: CSTS=0xffffffff, PCI_STATUS=0xffff
 *   critical medium error, dev sda, sector 812 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0
 *   blk_update_request: I/O error, dev sda, sector 812      Buffer I/O error on dev sda1, logical block 812, async page read
 *   ata3.00: exception Emask 0x10 SAct 0x0 SErr 0x400101 action 0x6 frozen
 *   md/raid1:md0: Disk failure on sdb1, disabling device.
 *   EXT4-fs error (device sda2): ext4_find_entry:1455: inode #2: comm ls: reading directory lblock 0
 *   EXT4-fs (sda2): Remounting filesystem read-only        XFS (dm-0): Corruption of in-memory data … Shutting down filesystem
 *   BTRFS info (device sdb state EA): forced readonly      nfs: server 10.0.0.9 not responding, still trying
 *
 * Printed by drivers/nvme/host, block/blk-core.c, fs/buffer.c, drivers/ata/libata-eh.c, drivers/md, fs/ext4/super.c,
 * fs/xfs/xfs_fsops.c, fs/btrfs, net/sunrpc/clnt.c. The prefix of block errors changed three times; the words around "error,
 * dev" did not.
 */
#include "parsers/dump.h"

static enum cul_status nvme(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice text)
{
	struct cul_slice device, rest, csts = CUL_NONE;
	const char *status = NULL;

	if (!cul_skip(&text, CUL_LIT("nvme ")))
		return CUL_OK;
	device = cul_word(&text);
	if (device.size < 6 || device.data[device.size - 1] != ':')
		return CUL_OK;
	device.size--;
	if (cul_cut(text, CUL_LIT("timeout, "), NULL, &rest) && cul_has(text, CUL_LIT("QID")))
		status = cul_starts(rest, CUL_LIT("completion polled")) ? "polled" : cul_starts(rest, CUL_LIT("reset")) ? "timeout-reset" :
			 cul_starts(rest, CUL_LIT("disable")) ? "timeout-disable" : "timeout-abort";
	else if (cul_has(text, CUL_LIT("controller is down; will reset")))
		status = "down";
	else if (cul_has(text, CUL_LIT("Removing after probe failure")) || cul_has(text, CUL_LIT("Disabling device after reset failure")))
		status = "removed";
	else if (cul_has(text, CUL_LIT("Device not ready")))
		status = "not-ready";
	if (!status)
		return CUL_OK;
	if (cul_cut(text, CUL_LIT("CSTS="), NULL, &csts))
		csts = cul_word(&csts);
	if (csts.size && csts.data[csts.size - 1] == ',')
		csts.size--;
	return cul_emit(parse, rec, "hw.nvme", cul_text("device", device), cul_string("status", status), cul_text("value", csts),
			cul_text("what", cul_trim(text)));
}

static enum cul_status block_error(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice text)
{
	struct cul_slice before, device, rest, sector = CUL_NONE;

	if (cul_cut(text, CUL_LIT("Buffer I/O error on dev"), NULL, &rest)) {
		cul_skip(&rest, CUL_LIT("ice"));
		device = cul_word(&rest);
		if (device.size && device.data[device.size - 1] == ',')
			device.size--;
		return cul_emit(parse, rec, "hw.disk-error", cul_text("device", device), cul_string("status", "buffer I/O"),
				cul_text("what", text));
	}
	if (!cul_cut(text, CUL_LIT(" error, dev "), &before, &rest))
		return CUL_OK;
	cul_cut_last(before, CUL_LIT(": "), NULL, &before); /* "blk_update_request: " */
	device = cul_word(&rest);
	if (device.size && device.data[device.size - 1] == ',')
		device.size--;
	if (cul_cut(rest, CUL_LIT("sector "), NULL, &sector))
		sector = cul_digits(&sector);
	return cul_emit(parse, rec, "hw.disk-error", cul_text("device", device), cul_text("status", before), cul_text("value", sector),
			cul_text("what", text));
}

/* "3", "3.00" */
static bool is_port(struct cul_slice port)
{
	for (size_t i = 0; i < port.size; i++)
		if (port.data[i] != '.' && (port.data[i] < '0' || port.data[i] > '9'))
			return false;
	return port.size > 0 && port.size < 8;
}

static enum cul_status ata(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice text)
{
	struct cul_slice port, rest;
	const char *status;

	if (!cul_skip(&text, CUL_LIT("ata")) || !cul_cut(text, CUL_LIT(": "), &port, &rest) || !is_port(port))
		return CUL_OK;
	status = cul_starts(rest, CUL_LIT("exception Emask")) ? "exception" : cul_starts(rest, CUL_LIT("hard resetting link")) ? "reset" :
		 cul_starts(rest, CUL_LIT("reset failed, giving up")) ? "failed" : cul_starts(rest, CUL_LIT("limiting SATA link")) ? "slowed" :
		 cul_starts(rest, CUL_LIT("disable")) ? "disabled" : cul_starts(rest, CUL_LIT("error: { UNC")) ? "medium" :
		 cul_starts(rest, CUL_LIT("error: { ICRC")) ? "crc" : NULL;
	if (!status)
		return CUL_OK;
	return cul_emit(parse, rec, "hw.ata", cul_text("device", cul_slice(port.data - 3, port.size + 3)), cul_string("status", status),
			cul_text("what", rest));
}

static enum cul_status file_system(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice text)
{
	struct cul_slice device = CUL_NONE;
	const char *status = NULL, *name = cul_starts(text, CUL_LIT("EXT")) ? "ext4" : cul_starts(text, CUL_LIT("XFS")) ? "xfs" : "btrfs";

	if (cul_has(text, CUL_LIT("emounting filesystem read-only")) || cul_has(text, CUL_LIT("forced readonly")))
		status = "read-only";
	else if (cul_has(text, CUL_LIT("Shutting down filesystem")) || cul_has(text, CUL_LIT("hutdown")) || cul_has(text, CUL_LIT("hutting down")))
		status = "shutdown";
	else if (cul_starts(text, CUL_LIT("EXT4-fs error")) || cul_starts(text, CUL_LIT("BTRFS error")) || cul_starts(text, CUL_LIT("BTRFS critical")) ||
		 cul_has(text, CUL_LIT("etadata corruption detected")) || cul_has(text, CUL_LIT("metadata I/O error")))
		status = "error";
	if (!status)
		return CUL_OK;
	if (!cul_between(text, CUL_LIT("(device "), CUL_LIT(")"), &device))
		cul_between(text, CUL_LIT("("), CUL_LIT(")"), &device);
	device = cul_word(&device);
	if (device.size && device.data[device.size - 1] == ':')
		device.size--;
	return cul_emit(parse, rec, "fs.error", cul_string("name", name), cul_text("device", device), cul_string("status", status),
			cul_text("what", text));
}

static enum cul_status storage_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice text = rec->message, rest, name;

	if (!cul_kernel_says(rec))
		return CUL_OK;
	if (cul_starts(text, CUL_LIT("nvme ")))
		return nvme(parse, rec, text);
	if (cul_starts(text, CUL_LIT("ata")))
		return ata(parse, rec, text);
	if (cul_starts(text, CUL_LIT("EXT4-fs")) || cul_starts(text, CUL_LIT("EXT3-fs")) || cul_starts(text, CUL_LIT("XFS (")) ||
	    cul_starts(text, CUL_LIT("BTRFS ")))
		return file_system(parse, rec, text);
	if (cul_starts(text, CUL_LIT("md/raid")) && cul_cut(text, CUL_LIT("Disk failure on "), &name, &rest)) {
		struct cul_slice disk = cul_word(&rest);

		if (disk.size && disk.data[disk.size - 1] == ',')
			disk.size--;
		name = cul_trim(name);
		cul_cut(name, CUL_LIT(":"), NULL, &name);
		if (name.size && name.data[name.size - 1] == ':')
			name.size--;
		return cul_emit(parse, rec, "hw.raid-failure", cul_text("name", name), cul_text("device", disk));
	}
	if (cul_skip(&text, CUL_LIT("nfs: server "))) {
		name = cul_word(&text);
		if (cul_has(text, CUL_LIT("not responding")))
			return cul_emit(parse, rec, "fs.nfs", cul_text("name", name), cul_string("status", "not responding"));
		if (cul_has(text, CUL_LIT(" OK")))
			return cul_emit(parse, rec, "fs.nfs", cul_text("name", name), cul_string("status", "ok"));
		return CUL_OK;
	}
	return block_error(parse, rec, text);
}

const struct cul_parser cul_parser_storage = {
	.name = "storage",
	.about = "NVMe, SATA, block errors, md arrays, ext4, XFS, Btrfs, NFS",
	.kinds = CUL_KINDS(CUL_KIND("hw.nvme", 1, "kernel", F_DEVICE, F_STATUS, F_VALUE, F_WHAT),
			   CUL_KIND("hw.disk-error", 1, "kernel", F_DEVICE, F_STATUS, F_VALUE, F_WHAT),
			   CUL_KIND("hw.ata", 1, "kernel", F_DEVICE, F_STATUS, F_WHAT), CUL_KIND("hw.raid-failure", 1, "kernel", F_NAME, F_DEVICE),
			   CUL_KIND("fs.error", 1, "kernel", F_NAME, F_DEVICE, F_STATUS, F_WHAT), CUL_KIND("fs.nfs", 1, "kernel", F_NAME, F_STATUS)),
	.needles = CUL_LIST(" QID ", "controller is down; will reset", "Removing after probe failure", "Disabling device after reset failure",
			    "Device not ready", " error, dev ", "Buffer I/O error on dev", ": exception Emask ", ": hard resetting link", "reset failed, giving up",
			    "limiting SATA link", ": error: { ", "Disk failure on ", "EXT4-fs error", "emounting filesystem read-only", "forced readonly",
			    "Shutting down filesystem", "hutdown", "hutting down", "etadata corruption detected", "metadata I/O error", "BTRFS error", "BTRFS critical", "nfs: server ", ": disable"),
	.record = storage_record,
};
