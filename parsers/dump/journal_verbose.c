/* SPDX-License-Identifier: Apache-2.0 */
/**
 * journalctl -o verbose: every field of every entry.
 *
 *   Sat 2026-11-21 02:00:59.000000 UTC [s=81e1…;i=1;b=3c1f…;m=ba43b74000;t=660bfbb614cc0;x=a5ef…]
 *       _BOOT_ID=3c1f0a7be2d94d0f9b7a5a1e44c0de01
 *       _TRANSPORT=kernel
 *       MESSAGE=first line
 *               second line
 *
 * output_verbose() in systemd's src/shared/logs-show.c. The time is taken from t= of the cursor, microseconds in hexadecimal.
 */
#include "parsers/dump/journal.h"

#include <stdio.h>

static bool is_begin(struct cul_slice line, struct cul_slice *cursor)
{
	return line.size > 40 && line.data[0] != ' ' && line.data[0] != '\t' && cul_ends(line, CUL_LIT("]")) && cul_cut(line, CUL_LIT(" [s="), NULL, cursor) &&
	       cul_has(*cursor, CUL_LIT(";b=")) && cul_has(*cursor, CUL_LIT(";t=")) && cul_ends(*cursor, CUL_LIT("]"));
}

static int verbose_claim(struct cul_slice head, struct cul_slice name)
{
	struct cul_slice line, rest = head, cursor;

	for (int i = 0; i < 2 && cul_cut(rest, CUL_LIT("\n"), &line, &rest); i++) {
		if (is_begin(line, &cursor))
			return cul_starts(rest, CUL_LIT("    ")) || cul_starts(rest, CUL_LIT("\t")) ? 64 : 0;
		if (!cul_starts(line, CUL_LIT("-- ")))
			return 0;
	}
	return 0;
}

static void take_cursor(struct cul_journal_entry *entry, struct cul_slice cursor)
{
	struct cul_slice value;
	uint64_t us;
	char text[24];

	if (cul_between(cursor, CUL_LIT(";b="), CUL_LIT(";"), &value))
		cul_journal_set(entry, CUL_JOURNAL_BOOT, value);
	if (cul_between(cursor, CUL_LIT(";t="), CUL_LIT(";"), &value) && cul_to_hex(value, &us)) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)us);
		cul_journal_set(entry, CUL_JOURNAL_REALTIME, cul_str(text));
	}
}

static enum cul_status read_all(struct cul_journal *journal, struct cul_stream *s, char *room, const char **why)
{
	struct cul_journal_entry *entry = cul_journal_entry(journal);
	enum cul_journal_field field = CUL_JOURNAL_OTHER;
	enum cul_status status = CUL_OK;
	struct cul_slice line, key, value, cursor;
	size_t indent, deep = 0;

	while (status == CUL_OK && cul_stream_line(s, room, CUL_JOURNAL_TEXT, &line)) {
		for (indent = 0; indent < line.size && (line.data[indent] == ' ' || line.data[indent] == '\t');)
			indent++;
		if (!indent && is_begin(line, &cursor)) {
			status = cul_journal_put(journal);
			take_cursor(entry, cursor);
			field = CUL_JOURNAL_OTHER;
		} else if (field == CUL_JOURNAL_MESSAGE && indent >= deep && entry->size[field] + 1 < CUL_JOURNAL_TEXT) {
			/* the lines behind the first stand below it */
			size_t left = CUL_JOURNAL_TEXT - 1 - entry->size[field];
			value = cul_from(line, deep);
			if (value.size > left)
				value.size = left;
			entry->message[entry->size[field]] = '\n';
			memcpy(entry->message + entry->size[field] + 1, value.data, value.size);
			entry->size[field] += 1 + value.size;
		} else if (indent && cul_cut(cul_from(line, indent), CUL_LIT("="), &key, &value)) {
			field = cul_journal_field(key);
			deep = indent + key.size + 1;
			cul_journal_set(entry, field, value);
		}
	}
	return status == CUL_OK ? cul_journal_put(journal) : status;
}

static enum cul_status verbose_open(struct cul_parse *parse, const struct cul_image *image)
{
	return cul_journal_export(parse, image, read_all);
}

const struct cul_parser cul_parser_journal_verbose = {
	.name = "journal_verbose",
	.about = "journalctl -o verbose",
	.kinds = CUL_KINDS(&cul_kind_journal_export),
	.claim = verbose_claim,
	.open = verbose_open,
};
