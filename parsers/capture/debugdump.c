/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nvidia-debugdump inside nvidia-bug-report.log: what the driver knows of its GPUs, for NVIDIA.
 *
 *   /usr/bin/nvidia-debugdump -D
 *
 *   UEsDBBQAAAAIAH…
 *
 * nvidia-bug-report.sh lets nvidia-debugdump write a zip (parsers/dump/nvidia_debugdump.c tells what is in it) and prints it by base64,
 * 76 characters a line; since 304, not with --safe-mode. A machine with several instances of the module has several of them.
 */
#include "parsers/tables.h"

static bool
is_base64(struct cul_slice line)
{
	line = cul_trim(line);
	for (size_t i = 0; i < line.size; i++) {
		unsigned char c = (unsigned char)line.data[i];

		if ((c | 0x20u) - 'a' >= 26u && c - (unsigned)'0' >= 10u && c != '+' && c != '/' && c != '=')
			return false;
	}
	return line.size > 0 && line.size <= 100;
}

static int
debugdump_bid(const struct cul_head *head)
{
	size_t i = 0;

	if (!cul_has(head->command, CUL_LIT("nvidia-debugdump")))
		return 0;
	while (i < head->count && i < 2 && cul_blank(head->lines[i].text))
		i++;
	return i < head->count && cul_trim(head->lines[i].text).size > 40 && is_base64(head->lines[i].text) ? 32 : 0;
}

static enum cul_status
debugdump_section(struct cul_parse *parse)
{
	struct cul_record rec;
	struct cul_line line, first = { .number = 0 };
	int64_t bytes = 0;
	bool zip = false, ends = false;
	enum cul_status status;

	while (cul_line_next(parse, &line)) {
		struct cul_slice text = cul_trim(line.text);

		if (!text.size && !first.number)
			continue;
		if (!is_base64(text) || ends) {
			cul_line_back(parse);
			break;
		}
		if (!first.number) {
			first = line;
			first.text = cul_keep(parse, line.text);
			zip = cul_starts(text, CUL_LIT("UEsDB"));
		}
		ends = text.data[text.size - 1] == '=';
		while (text.size && text.data[text.size - 1] == '=')
			text.size--;
		bytes += (int64_t)(text.size * 3 / 4);
	}
	if (!first.number)
		return CUL_OK;
	rec = cul_line_record(&first, cul_capture_time(parse));
	status = cul_emit(parse, &rec, "nvidia.debugdump", cul_string("what", zip ? "zip, by base64" : "base64"), cul_int("bytes", bytes));
	return status != CUL_OK ? status : cul_damaged(parse, &rec, "not read: what nvidia-debugdump wrote can be decoded by NVIDIA alone: hand over the whole report");
}

const struct cul_parser cul_parser_debugdump = {
	.name = "debugdump",
	.about = "nvidia-debugdump inside nvidia-bug-report.log: that it is there",
	.kinds = CUL_KINDS(CUL_KIND("nvidia.debugdump", 1, "nvidia_debugdump", F_WHAT, F_BYTES)),
	.bid = debugdump_bid,
	.section = debugdump_section,
};
