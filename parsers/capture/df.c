/* SPDX-License-Identifier: Apache-2.0 */
/**
 * df, df -h, df -i, df -T.
 *
 *   Filesystem      Size  Used Avail Use% Mounted on
 *   /dev/sdc        9.8G  9.8G     0 100% /usr/local/zeebe/data
 *   Filesystem       Inodes  IUsed    IFree IUse% Mounted on
 *
 * coreutils' src/df.c, BusyBox' coreutils/df.c. Headers are translated: a row is known by its percentage with a path behind it.
 * Long device names stand on a line of their own in old versions. "1K-blocks" (and 1024-blocks) are KiB, 1M-blocks MiB; -h has suffixes
 * that mean powers of 1024 (-H is not told apart).
 */
#include "parsers/tables.h"

static bool
is_head(struct cul_slice line)
{
	struct cul_slice first = cul_word(&line);

	return (cul_is(first, CUL_LIT("Filesystem")) && cul_has(line, CUL_LIT("Use%"))) ||
	       (cul_is(first, CUL_LIT("Filesystem")) && cul_has(line, CUL_LIT("Capacity"))) ||
	       (cul_starts(first, CUL_LIT("Dateisyst")) && cul_has(line, CUL_LIT("%"))) ||
	       (cul_is(first, CUL_LIT("Sys.")) && cul_has(line, CUL_LIT("Uti%"))) ||
	       (cul_is(first, CUL_LIT("Filesystem")) && cul_has(line, CUL_LIT("IUse%")));
}

static int
df_bid(const struct cul_head *head)
{
	return head->count && is_head(head->lines[0].text) ? 28 : 0;
}

/** What stands before "NN% /path". */
static bool
row_read(struct cul_slice line, struct cul_slice *before, struct cul_slice *percent, struct cul_slice *mount)
{
	size_t at = cul_find(line, CUL_LIT("% /"));
	struct cul_slice front;

	*percent = CUL_NONE;
	if (at == SIZE_MAX) {
		at = cul_find(line, CUL_LIT(" - /"));
		if (at == SIZE_MAX)
			return false;
		*before = cul_slice(line.data, at);
		*mount = cul_trim(cul_from(line, at + 3));
		return true;
	}
	front = cul_slice(line.data, at);
	*mount = cul_trim(cul_from(line, at + 2));
	if (!cul_cut_last(front, CUL_LIT(" "), before, percent))
		return false;
	return cul_all_digits(*percent);
}

static enum cul_status
df_section(struct cul_parse *parse)
{
	struct cul_slice device = CUL_NONE, before, percent, mount;
	struct cul_line line;
	enum cul_status status = CUL_OK;
	bool inodes = false, begun = false;
	double unit = 1024;

	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice words[8], name;
		struct cul_record rec = cul_table_record(parse, &line);
		struct cul_row row = { 0 };
		size_t count = 0;

		if (is_head(line.text)) {
			inodes = cul_has(line.text, CUL_LIT("IUse%")) || cul_has(line.text, CUL_LIT("Inodes"));
			unit = cul_has(line.text, CUL_LIT("1M-")) ? 1048576 : cul_has(line.text, CUL_LIT("512-")) ? 512 : 1024;
			begun = true;
			continue;
		}
		if (!begun || !row_read(line.text, &before, &percent, &mount)) {
			struct cul_slice rest = line.text, word = cul_word(&rest);

			if (begun && word.size && cul_blank(rest) && cul_has(word, CUL_LIT("/")) && !device.size) {
				device = cul_keep(parse, word); /* a long name, the rest below */
				continue;
			}
			cul_line_back(parse);
			break;
		}
		while (count < 8 && (words[count] = cul_word(&before)).size)
			count++;
		if (count < 3)
			continue;
		name = device.size && count == 3 ? device : words[0];
		device = CUL_NONE;
		cul_put(&row, cul_text("device", name));
		cul_put(&row, cul_text("mount", mount));
		cul_put(&row, cul_lead(inodes ? "inodes_pct" : "used_pct", percent));
		if (!inodes) {
			cul_put(&row, cul_size_mib("total_mib", words[count - 3], unit));
			cul_put(&row, cul_size_mib("used_mib", words[count - 2], unit));
			cul_put(&row, cul_size_mib("available_mib", words[count - 1], unit));
		}
		status = cul_row_emit(parse, &rec, "disk.usage", &row);
	}
	return status;
}

const struct cul_parser cul_parser_df = {
	.name = "df",
	.about = "df: how full file systems are, in bytes or inodes",
	.kinds = CUL_KINDS(&cul_kind_disk_usage),
	.needles = CUL_LIST("Use% Mounted on", "IUse% Mounted", "Capacity Mounted on", "Capacity  Mounted on"),
	.first = CUL_LIST("%", "CFy"),
	.bid = df_bid,
	.section = df_section,
};
