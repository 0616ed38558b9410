/* SPDX-License-Identifier: Apache-2.0 */
/**
 * journalctl -o export, and what systemd-journal-upload sends.
 *
 *   __CURSOR=s=81e1…;i=1;b=3c1f…;m=ba43b74000;t=660bfbb614cc0;x=a5ef…
 *   __REALTIME_TIMESTAMP=1795226459000000
 *   _TRANSPORT=kernel
 *   MESSAGE=text
 *
 * By https://systemd.io/JOURNAL_EXPORT_FORMATS: a field a line, an empty line behind an entry. A value that holds a line end or is no
 * text stands behind "KEY", a line end and its length as 64 bits, least byte first: such a file is no text to read by lines.
 */
#include "parsers/dump/journal.h"

static int export_claim(struct cul_slice head, struct cul_slice name)
{
	return cul_starts(head, CUL_LIT("__CURSOR=s=")) || cul_starts(head, CUL_LIT("__REALTIME_TIMESTAMP=")) ? 64 : 0;
}

static bool is_key(struct cul_slice key)
{
	for (size_t i = 0; i < key.size; i++)
		if (!(key.data[i] >= 'A' && key.data[i] <= 'Z') && !(key.data[i] >= '0' && key.data[i] <= '9') && key.data[i] != '_')
			return false;
	return key.size > 0 && key.size <= 64;
}

static enum cul_status read_all(struct cul_journal *journal, struct cul_stream *s, char *room, const char **why)
{
	struct cul_journal_entry *entry = cul_journal_entry(journal);
	enum cul_status status = CUL_OK;
	struct cul_slice line, key, value;

	while (status == CUL_OK && cul_stream_line(s, room, CUL_JOURNAL_TEXT, &line)) {
		if (!line.size) {
			status = cul_journal_put(journal);
		} else if (cul_cut(line, CUL_LIT("="), &key, &value)) {
			cul_journal_set(entry, cul_journal_field(key), value);
		} else if (is_key(line)) {
			enum cul_journal_field field = cul_journal_field(line);
			char length[8];
			uint64_t size = 0;
			if (!cul_stream_take(s, 8, length, 8)) {
				*why = "the journal's export is cut short";
				break;
			}
			for (int i = 8; i--;)
				size = size << 8 | (unsigned char)length[i];
			if (size > (uint64_t)s->image->size || !cul_stream_take(s, size, room, field == CUL_JOURNAL_OTHER ? 0 : CUL_JOURNAL_TEXT)) {
				*why = "the journal's export is cut short";
				break;
			}
			cul_journal_set(entry, field, cul_slice(room, size < CUL_JOURNAL_TEXT ? (size_t)size : CUL_JOURNAL_TEXT));
			if (cul_stream_byte(s) != '\n')
				*why = "the journal's export has a field that is longer or shorter than it says";
		} else {
			*why = "the journal's export has lines that are none of its own";
		}
	}
	return status == CUL_OK ? cul_journal_put(journal) : status;
}

static enum cul_status export_open(struct cul_parse *parse, const struct cul_image *image)
{
	return cul_journal_export(parse, image, read_all);
}

const struct cul_parser cul_parser_journal_export = {
	.name = "journal_export",
	.about = "journalctl -o export",
	.kinds = CUL_KINDS(&cul_kind_journal_export),
	.claim = export_claim,
	.open = export_open,
};
