/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What is mounted where: mount, /proc/mounts, /proc/self/mounts, /etc/mtab, findmnt.
 *
 *   /dev/sda2 on / type ext4 (rw,relatime,errors=remount-ro)
 *   /dev/sda2 / ext4 ro,relatime,errors=remount-ro 0 0
 *   TARGET  SOURCE    FSTYPE OPTIONS
 *   ├─/data /dev/sdb1 xfs    rw,relatime,attr2
 *
 * util-linux' sys-utils/mount.c and misc-utils/findmnt.c, show_vfsmnt() in Linux' fs/proc_namespace.c (blanks in names as \040). Only what
 * lies on a device or a server comes out: the kernel's own (proc, sysfs, cgroup, …) tell nothing. /etc/fstab says what should be,
 * not what is, and is not read. Rules' texts are looked for in the lines as well.
 */
#include "parsers/tables.h"

enum form { NONE, MOUNT, PROC, FINDMNT };

static bool
options_like(struct cul_slice text)
{
	return cul_is(text, CUL_LIT("rw")) || cul_is(text, CUL_LIT("ro")) || cul_starts(text, CUL_LIT("rw,")) || cul_starts(text, CUL_LIT("ro,"));
}

struct row {
	struct cul_slice device, mount, type, options;
};

static enum form
row_read(struct cul_slice line, struct row *row)
{
	struct cul_slice rest = line, a, b;

	*row = (struct row){ 0 };
	if (!line.size || !memchr(line.data, '/', line.size))
		return NONE; /* where it is mounted is a path */
	if (cul_cut(line, CUL_LIT(" on /"), &row->device, &rest) && cul_cut(rest, CUL_LIT(" type "), &row->mount, &rest) && row->device.size &&
	    !cul_has(row->device, CUL_LIT("  "))) {
		row->mount = cul_slice(row->mount.data - 1, row->mount.size + 1);
		row->type = cul_word(&rest);
		if (cul_between(rest, CUL_LIT("("), CUL_LIT(")"), &row->options) && options_like(row->options))
			return MOUNT;
	}
	rest = line;
	row->device = cul_word(&rest);
	row->mount = cul_word(&rest);
	if (!cul_starts(row->mount, CUL_LIT("/")))
		return NONE;
	row->type = cul_word(&rest);
	row->options = cul_word(&rest);
	a = cul_word(&rest);
	b = cul_word(&rest);
	if (options_like(row->options) && cul_all_digits(a) && cul_all_digits(b) && cul_blank(rest))
		return PROC;
	return NONE;
}

/** A row of findmnt: the tree's lines before the target, which stand there in UTF-8 or as |- and `-. */
static bool
findmnt_read(struct cul_slice line, struct row *row)
{
	size_t n = 0;

	while (n < line.size && n < 200 && line.data[n] != '/')
		n += 1;
	if (n == line.size || n == 200)
		return false;
	line = cul_from(line, n);
	row->mount = cul_word(&line);
	row->device = cul_word(&line);
	row->type = cul_word(&line);
	row->options = cul_word(&line);
	return options_like(row->options);
}

static bool
is_findmnt(struct cul_slice line)
{
	return cul_is(cul_word(&line), CUL_LIT("TARGET")) && cul_is(cul_word(&line), CUL_LIT("SOURCE")) && cul_is(cul_word(&line), CUL_LIT("FSTYPE")) &&
	       cul_is(cul_word(&line), CUL_LIT("OPTIONS"));
}

static int
mounts_bid(const struct cul_head *head)
{
	struct row row;
	size_t good = 0;

	if (!head->count)
		return 0;
	if (is_findmnt(head->lines[0].text))
		return 32;
	if (row_read(head->lines[0].text, &row) == NONE)
		return 0;
	while (good < head->count && good < 3 && row_read(head->lines[good].text, &row) != NONE)
		good++;
	return good >= 3 || (head->begins && good == head->count) ? 30 : head->begins && cul_command_runs(head->command, "mount") ? 20 : 0;
}

/** Does it lie on something that may fail or fill up? */
static bool
counts(const struct row *row)
{
	static const char *const network[] = { "nfs", "nfs4", "cifs", "smb3", "ceph", "lustre", "beegfs", "gpfs", "glusterfs", "9p", "virtiofs", "zfs", "overlay", "btrfs" };

	if (cul_starts(row->type, CUL_LIT("squashfs")) || cul_starts(row->type, CUL_LIT("iso9660")) || cul_starts(row->device, CUL_LIT("/dev/loop")))
		return false; /* made to be read only */
	if (cul_starts(row->device, CUL_LIT("/dev/")) || cul_starts(row->type, CUL_LIT("fuse.")) || cul_is(row->mount, CUL_LIT("/dev/shm")))
		return true;
	for (size_t i = 0; i < sizeof(network) / sizeof(*network); i++)
		if (cul_is(row->type, cul_str(network[i])))
			return true;
	return false;
}

static enum cul_status
mounts_section(struct cul_parse *parse)
{
	enum cul_status status = CUL_OK;
	bool findmnt = false;
	struct cul_line line;
	struct row row;

	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_record rec = cul_table_record(parse, &line);

		if (cul_blank(line.text))
			continue;
		if (is_findmnt(line.text)) {
			findmnt = true;
			continue;
		}
		if (findmnt ? !findmnt_read(line.text, &row) : row_read(line.text, &row) == NONE) {
			cul_line_back(parse);
			break;
		}
		cul_line_also(parse, &line, true);
		if (counts(&row))
			status = cul_emit(parse, &rec, "host.mount", cul_text("device", row.device), cul_text("mount", row.mount), cul_text("fstype", row.type),
					  cul_flag("read_only", cul_starts(row.options, CUL_LIT("ro"))), cul_text("options", row.options));
	}
	return status;
}

const struct cul_parser cul_parser_mounts = {
	.name = "mounts",
	.about = "mount, /proc/mounts, findmnt: what is mounted where, and read-only",
	.kinds = CUL_KINDS(CUL_SAMPLES("host.mount", 1, "mounts", F_DEVICE, F_MOUNT, F_FSTYPE, F_READ_ONLY, F_OPTIONS)),
	.needles = CUL_LIST("TARGET  "),
	.first = CUL_LIST("/", "GFY"),
	.bid = mounts_bid,
	.section = mounts_section,
};
