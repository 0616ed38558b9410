/* SPDX-License-Identifier: Apache-2.0 */
/**
 * /proc/mdstat: software RAID.
 *
 *   md1 : active raid1 sda2[0] sdb2[1](F)
 *         468262912 blocks super 1.2 [2/1] [U_]
 *
 * md_seq_show() in drivers/md/md.c. (F) is a failed part, (S) a spare; [2/1]: two wanted, one there.
 */
#include "parsers/tables.h"

static bool
is_array(struct cul_slice line)
{
	return cul_starts(line, CUL_LIT("md")) && cul_has(line, CUL_LIT(" : ")) &&
	       (cul_has(line, CUL_LIT("active")) || cul_has(line, CUL_LIT("broken")));
}

static int
mdstat_bid(const struct cul_head *head)
{
	return head->count && cul_starts(head->lines[0].text, CUL_LIT("Personalities : ")) ? 32 : 0;
}

static enum cul_status
mdstat_section(struct cul_parse *parse)
{
	struct cul_line line, next;
	enum cul_status status = CUL_OK;

	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice name, rest, word, counts, up;
		struct cul_record rec = cul_table_record(parse, &line);
		struct cul_row row = { 0 };
		char failed[256];
		size_t size = 0;

		if (cul_starts(line.text, CUL_LIT("Personalities :")) || cul_blank(line.text) || line.text.data[0] == ' ')
			continue;
		if (cul_starts(line.text, CUL_LIT("unused devices:")))
			break;
		if (!is_array(line.text)) {
			cul_line_back(parse);
			break;
		}
		cul_cut(line.text, CUL_LIT(" : "), &name, &rest);
		cul_put(&row, cul_text("device", cul_trim(name)));
		cul_put(&row, cul_text("state_word", cul_word(&rest)));
		for (word = cul_word(&rest); word.size; word = cul_word(&rest)) {
			if (word.data[0] == '(') /* (read-only), (auto-read-only) */
				continue;
			if (!cul_has(word, CUL_LIT("["))) {
				cul_put(&row, cul_text("level", word));
				continue;
			}
			if (!cul_has(word, CUL_LIT("(F)")))
				continue;
			cul_cut(word, CUL_LIT("["), &word, NULL);
			if (size + word.size + 1 > sizeof(failed))
				continue;
			if (size)
				failed[size++] = ' ';
			memcpy(failed + size, word.data, word.size);
			size += word.size;
		}
		cul_put(&row, cul_text("failed", cul_slice(failed, size)));
		if (cul_line_peek(parse, 0, &next) && cul_cut_last(next.text, CUL_LIT(" ["), &rest, &up) &&
		    cul_cut_last(rest, CUL_LIT("["), NULL, &counts)) {
			struct cul_slice wanted, there;

			up = cul_slice(up.data - 1, up.size + 1);
			cul_put(&row, cul_text("status", cul_word(&up)));
			if (cul_cut(counts, CUL_LIT("/"), &wanted, &there)) {
				cul_put(&row, cul_number("disks", wanted));
				cul_cut(there, CUL_LIT("]"), &there, NULL);
				cul_put(&row, cul_number("disks_up", there));
			}
		}
		status = cul_row_emit(parse, &rec, "md.array", &row);
	}
	return status;
}

const struct cul_parser cul_parser_mdstat = {
	.name = "mdstat",
	.about = "/proc/mdstat: software RAID",
	.kinds = CUL_KINDS(CUL_SAMPLES("md.array", 2, "mdstat", F_DEVICE, F_STATE_WORD, F_LEVEL, F_FAILED, F_STATUS, F_DISKS, F_DISKS_UP)),
	.needles = CUL_LIST("Personalities : "),
	.first = CUL_LIST("P:"),
	.bid = mdstat_bid,
	.section = mdstat_section,
};
