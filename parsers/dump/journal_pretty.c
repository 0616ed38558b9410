/* SPDX-License-Identifier: Apache-2.0 */
/**
 * journalctl -o json-pretty: an entry over many lines. (-o json, json-seq and json-sse have one a line: envelope/journal.c.)
 *
 *   {
 *   	"__REALTIME_TIMESTAMP" : "1795226459000000",
 *   	"MESSAGE" : [ 72, 105, 10 ],
 *   	"_PID" : "901"
 *   }
 *
 * By https://systemd.io/JOURNAL_EXPORT_FORMATS and output_json() in systemd's src/shared/logs-show.c: values are text; an array of numbers
 * where they are no UTF-8, an array of texts where a field stands there more than once, null where they are too long.
 */
#include "parsers/dump/journal.h"
#include "parsers/dump/json_stream.h"

#include "base/slice.h"

static int pretty_claim(struct cul_slice head, struct cul_slice name)
{
	struct cul_slice rest = head;
	cul_skip(&rest, CUL_LIT("\xef\xbb\xbf"));
	rest = cul_trim(rest);
	if (!cul_skip(&rest, CUL_LIT("{")) || !rest.size || (rest.data[0] != '\n' && rest.data[0] != '\r'))
		return 0;
	static const char *const marks[] = { "\"__REALTIME_TIMESTAMP\" : \"", "\"__CURSOR\" : \"s=", "\"__MONOTONIC_TIMESTAMP\" : \"" };
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (cul_has(head, cul_str(marks[i])))
			return 64;
	return 0;
}

static enum cul_status take(void *ctx, const cJSON *object)
{
	struct cul_journal *journal = ctx;
	struct cul_journal_entry *entry = cul_journal_entry(journal);

	for (const cJSON *child = object->child; child; child = child->next) {
		enum cul_journal_field field = child->string ? cul_journal_field(cul_str(child->string)) : CUL_JOURNAL_OTHER;
		const cJSON *value = cJSON_IsArray(child) && cJSON_IsString(child->child) ? child->child : child;
		if (field == CUL_JOURNAL_OTHER || entry->size[field])
			continue;
		if (cJSON_IsString(value)) {
			cul_journal_set(entry, field, cul_str(value->valuestring));
		} else if (cJSON_IsArray(value) && field == CUL_JOURNAL_MESSAGE) {
			size_t n = 0;
			for (const cJSON *byte = value->child; byte && n < CUL_JOURNAL_TEXT; byte = byte->next)
				if (cJSON_IsNumber(byte) && byte->valueint >= 0 && byte->valueint < 256)
					entry->message[n++] = (char)byte->valueint;
			entry->size[field] = n;
		}
	}
	return cul_journal_put(journal);
}

static enum cul_status read_all(struct cul_journal *journal, struct cul_stream *s, char *room, const char **why)
{
	bool damaged = false;
	enum cul_status status = cul_json_stream(s->image, 0, take, journal, &damaged);

	if (damaged)
		*why = "JSON of a journal that is cut off or garbled";
	return status;
}

static enum cul_status pretty_open(struct cul_parse *parse, const struct cul_image *image)
{
	return cul_journal_export(parse, image, read_all);
}

const struct cul_parser cul_parser_journal_pretty = {
	.name = "journal_pretty",
	.about = "journalctl -o json-pretty",
	.kinds = CUL_KINDS(&cul_kind_journal_export),
	.claim = pretty_claim,
	.open = pretty_open,
};
