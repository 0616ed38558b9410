/* SPDX-License-Identifier: Apache-2.0 */
/** Entries of a journal -> lines of a syslog, see journal.h. They are read when the file is done, in pieces of some MiB. */
#include "parsers/dump/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (8u << 20)
#define PIECES 24 /* 192 MiB; a journal's file has 128 MiB at most unless somebody set it otherwise */

struct cul_journal {
	struct cul_parse *parse;
	const char *name;
	struct cul_journal_entry entry;
	char *text;
	size_t size;
	unsigned pieces;
	int64_t count;
	bool full;
	char boot[CUL_JOURNAL_VALUE];
	size_t boot_size;
};

static const char *const keys[CUL_JOURNAL_FIELDS] = {
	"MESSAGE", "_HOSTNAME", "SYSLOG_IDENTIFIER", "CONTAINER_NAME", "_SYSTEMD_UNIT", "_COMM", "_PID", "SYSLOG_PID", "_TRANSPORT", "PRIORITY",
	"_BOOT_ID", "__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP", "_SOURCE_MONOTONIC_TIMESTAMP",
};

struct cul_journal *cul_journal_new(struct cul_parse *parse, const char *name)
{
	struct cul_journal *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->parse = parse;
	j->name = name;
	j->entry.message = malloc(CUL_JOURNAL_TEXT);
	j->text = malloc(PIECE);
	if (j->entry.message && j->text)
		return j;
	cul_journal_free(j);
	return NULL;
}

void cul_journal_free(struct cul_journal *j)
{
	if (!j)
		return;
	free(j->entry.message);
	free(j->text);
	free(j);
}

struct cul_journal_entry *cul_journal_entry(struct cul_journal *j)
{
	return &j->entry;
}

enum cul_journal_field cul_journal_field(struct cul_slice key)
{
	for (int i = 0; i < CUL_JOURNAL_FIELDS; i++)
		if (cul_is(key, cul_str(keys[i])))
			return i;
	return CUL_JOURNAL_OTHER;
}

void cul_journal_set(struct cul_journal_entry *entry, enum cul_journal_field field, struct cul_slice value)
{
	size_t room = field == CUL_JOURNAL_MESSAGE ? CUL_JOURNAL_TEXT : CUL_JOURNAL_VALUE;
	if (field == CUL_JOURNAL_OTHER || entry->size[field] || !value.size)
		return;
	entry->size[field] = value.size < room ? value.size : room;
	memcpy(field == CUL_JOURNAL_MESSAGE ? entry->message : entry->value[field], value.data, entry->size[field]);
}

static struct cul_slice value_of(const struct cul_journal_entry *entry, enum cul_journal_field field)
{
	return cul_slice(field == CUL_JOURNAL_MESSAGE ? entry->message : entry->value[field], entry->size[field]);
}

static bool micros(const struct cul_journal_entry *entry, enum cul_journal_field field, int64_t *ret)
{
	struct cul_slice text = value_of(entry, field);
	return text.size && cul_to_int(text, ret) && *ret >= 0 && *ret < INT64_MAX / 1000;
}

static enum cul_status hand_on(struct cul_journal *j)
{
	char name[64];
	if (!j->size)
		return CUL_OK;
	snprintf(name, sizeof(name), j->pieces ? "%s.%u" : "%s", j->name, j->pieces + 1);
	j->pieces++;
	enum cul_status status = cul_dump_text(j->parse, name, cul_slice(j->text, j->size));
	j->size = 0;
	return status;
}

/* What the envelope could not tell from its own marks becomes '_'. */
static void add_word(struct cul_journal *j, struct cul_slice word)
{
	for (size_t i = 0; i < word.size; i++) {
		unsigned char c = (unsigned char)word.data[i];
		j->text[j->size++] = c <= ' ' || c == 0x7f || c == ':' || c == '[' || c == ']' ? '_' : (char)c;
	}
}

static void write_entry(struct cul_journal *j, int64_t us, struct cul_slice message)
{
	const struct cul_journal_entry *e = &j->entry;
	struct cul_slice who = value_of(e, CUL_JOURNAL_IDENT), pid = value_of(e, CUL_JOURNAL_PID), priority = value_of(e, CUL_JOURNAL_PRIORITY);
	struct cul_slice transport = value_of(e, CUL_JOURNAL_TRANSPORT), boot = value_of(e, CUL_JOURNAL_BOOT), host = value_of(e, CUL_JOURNAL_HOST);
	bool kernel = transport.size ? cul_is(transport, CUL_LIT("kernel")) : cul_is(who, CUL_LIT("kernel"));
	int year, month, day, hour, minute, second;
	int64_t frac, mono;

	if (boot.size == 32 && !(j->boot_size == 32 && !memcmp(j->boot, boot.data, 32))) {
		if (j->boot_size) {
			memcpy(j->text + j->size, "-- Boot ", 8);
			j->size += 8;
			add_word(j, boot);
			memcpy(j->text + j->size, " --\n", 4);
			j->size += 4;
		}
		memcpy(j->boot, boot.data, 32);
		j->boot_size = 32;
	}
	if (priority.size == 1 && priority.data[0] >= '0' && priority.data[0] <= '7')
		j->size += (size_t)sprintf(j->text + j->size, "<%c>", priority.data[0]);
	cul_clock_split(us * 1000, &year, &month, &day, &hour, &minute, &second, &frac);
	j->size += (size_t)snprintf(j->text + j->size, 96, "%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00 ", year, month, day, hour, minute, second,
				    (int)(frac / 1000));
	if (host.size) {
		add_word(j, host);
		j->text[j->size++] = ' ';
	}
	static const enum cul_journal_field names[] = { CUL_JOURNAL_CONTAINER, CUL_JOURNAL_UNIT, CUL_JOURNAL_COMM };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !who.size; i++)
		who = value_of(e, names[i]);
	if (kernel) {
		memcpy(j->text + j->size, "kernel", 6);
		j->size += 6;
	} else {
		add_word(j, who.size ? who : CUL_LIT("unknown"));
		if (!pid.size)
			pid = value_of(e, CUL_JOURNAL_SYSLOG_PID);
		if (pid.size && pid.size < 12) {
			j->text[j->size++] = '[';
			add_word(j, pid);
			j->text[j->size++] = ']';
		}
	}
	j->text[j->size++] = ':';
	j->text[j->size++] = ' ';
	if (kernel && micros(e, CUL_JOURNAL_SOURCE_MONOTONIC, &mono))
		j->size += (size_t)snprintf(j->text + j->size, 64, "[%5lld.%06d] ", (long long)(mono / 1000000), (int)(mono % 1000000));
	for (size_t i = 0; i < message.size; i++) {
		char c = message.data[i];
		j->text[j->size++] = (unsigned char)c < ' ' && c != '\n' && c != '\t' && c != 0x1b ? ' ' : c;
	}
	j->text[j->size++] = '\n';
}

enum cul_status cul_journal_put(struct cul_journal *j)
{
	struct cul_slice message = value_of(&j->entry, CUL_JOURNAL_MESSAGE);
	enum cul_status status = CUL_OK;
	int64_t us;
	while (message.size && (message.data[message.size - 1] == '\n' || message.data[message.size - 1] == '\r' || !message.data[message.size - 1]))
		message.size--;
	if (message.size && (micros(&j->entry, CUL_JOURNAL_SOURCE_REALTIME, &us) || micros(&j->entry, CUL_JOURNAL_REALTIME, &us))) {
		if (j->size + CUL_JOURNAL_TEXT + 8 * CUL_JOURNAL_VALUE > PIECE)
			status = hand_on(j);
		if (j->pieces < PIECES) {
			write_entry(j, us, message);
			j->count++;
		} else {
			j->full = true;
		}
	}
	memset(j->entry.size, 0, sizeof(j->entry.size));
	return status;
}

int64_t cul_journal_count(const struct cul_journal *j, bool *full)
{
	*full = j->full;
	return j->count;
}

enum cul_status cul_journal_end(struct cul_journal *j)
{
	return hand_on(j);
}

enum cul_status cul_journal_export(struct cul_parse *parse, const struct cul_image *image, cul_journal_form form)
{
	struct cul_record rec = cul_dump_record(parse, (struct cul_time){ .ns = CUL_NO_TIME }, cul_section_name(parse));
	struct cul_journal *journal = cul_journal_new(parse, "journal");
	struct cul_stream *stream = calloc(1, sizeof(*stream));
	char *line = malloc(CUL_JOURNAL_TEXT);
	enum cul_status status = CUL_ENOMEM;
	const char *why = NULL;
	bool full = false;

	if (journal && stream && line) {
		stream->image = image;
		status = form(journal, stream, line, &why);
	}
	if (status == CUL_OK)
		status = cul_emit(parse, &rec, "journal.export", cul_int("count", cul_journal_count(journal, &full)));
	if (status == CUL_OK && (why || full))
		status = cul_damaged(parse, &rec, why ? why : CUL_JOURNAL_FULL);
	if (status == CUL_OK)
		status = cul_journal_end(journal);
	cul_journal_free(journal);
	free(stream);
	free(line);
	return status;
}

const struct cul_kind cul_kind_journal_export = {
	.name = "journal.export",
	.version = 1,
	.stream = "journal_export",
	.fields = (const struct cul_field *const[]){ F_COUNT, NULL },
};
