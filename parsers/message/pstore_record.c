/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The first line of a record that a dying kernel left in pstore: /sys/fs/pstore/dmesg-ramoops-0, dmesg-efi-…, dmesg-erst-…, dmesg-nvme-…,
 * and what systemd-pstore makes of them in /var/lib/systemd/pstore.
 *
 *   Panic#1 Part1
 *   <6>[    0.000000] Linux version …
 *
 * pstore_dump() in fs/pstore/platform.c; the word is kmsg_dump_reason_str(). The log behind it is read as any kernel log; it begins in
 * the middle of a line. Part 1 holds the end of the log, a higher part what came before.
 */
#include "parsers/parser.h"

static enum cul_status
pstore_record(struct cul_parse *parse, const struct cul_record *rec)
{
	static const char *const reasons[] = { "Panic", "Oops", "Emergency", "Shutdown", "Restart", "Halt", "Poweroff", "Unknown" };
	struct cul_slice rest = rec->message, count, part;

	if (!rec->bare || rec->line.text.size > 48)
		return CUL_OK;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++) {
		if (!cul_skip(&rest, cul_str(reasons[i])))
			continue;
		if (!cul_skip(&rest, CUL_LIT("#")) || !(count = cul_digits(&rest)).size || !cul_skip(&rest, CUL_LIT(" Part")) ||
		    !(part = cul_digits(&rest)).size || cul_trim(rest).size)
			return CUL_OK;
		return cul_emit(parse, rec, "pstore.record", cul_string("status", reasons[i]), cul_number("count", count), cul_number("part", part));
	}
	return CUL_OK;
}

const struct cul_parser cul_parser_pstore_record = {
	.name = "pstore_record",
	.about = "pstore: why the kernel left a record, and which part of it this is",
	.kinds = CUL_KINDS(CUL_KIND("pstore.record", 1, "pstore_record", F_STATUS, F_COUNT, F_PART)),
	.needles = CUL_LIST("Panic#", "Oops#", "Emergency#", "Shutdown#", "Restart#", "Halt#", "Poweroff#", "Unknown#"),
	.record = pstore_record,
};
