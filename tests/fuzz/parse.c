/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Any bytes as a member through every parser. Captures that bid on a name alone are reached by names that the size
 * chooses. Promises: kinds are declared ones, values belong to their kind, lines and offsets lie in the input,
 * every slice can be read, sections begin in order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "culprit/culprit.h"
#include "tests/fuzz/main.h"

struct seen {
	size_t size;
	int64_t section_line;
	unsigned sum;
};

static void touch(struct seen *seen, struct cul_slice s)
{
	for (size_t i = 0; i < s.size; i++)
		seen->sum = seen->sum * 31 + (unsigned char)s.data[i];
}

static enum cul_status on_member(void *ctx, const struct cul_member *member, int *id)
{
	struct seen *seen = ctx;

	seen->section_line = 0;
	touch(seen, (struct cul_slice){ member->name, strlen(member->name) });
	*id = 7;
	return CUL_OK;
}

static enum cul_status on_section(void *ctx, const struct cul_section_info *info, int *id)
{
	struct seen *seen = ctx;

	PROMISE(info->member == 7);
	PROMISE(info->parser != NULL);
	PROMISE(info->line >= seen->section_line);
	seen->section_line = info->line;
	touch(seen, info->command);
	touch(seen, info->path);
	*id = 11;
	return CUL_OK;
}

static enum cul_status on_section_end(void *ctx, int section, const struct cul_section_span *span)
{
	struct seen *seen = ctx;

	PROMISE(section == 11);
	PROMISE(span->lines >= 0 && span->records >= 0 && span->bytes >= 0);
	for (size_t i = 0; span->streams && span->streams[i]; i++)
		touch(seen, (struct cul_slice){ span->streams[i], strlen(span->streams[i]) });
	return CUL_OK;
}

static void hold_place(struct seen *seen, const struct cul_observation *ob)
{
	PROMISE(ob->section == 11);
	PROMISE(ob->line >= 0);
	PROMISE(ob->offset >= 0);
	PROMISE(ob->since_ns >= 0);
	PROMISE(ob->severity >= -1 && ob->severity <= 7);
	touch(seen, ob->host);
	touch(seen, ob->unit);
	touch(seen, ob->text);
}

static enum cul_status on_observe(void *ctx, const struct cul_observation *ob)
{
	struct seen *seen = ctx;

	hold_place(seen, ob);
	PROMISE(ob->kind && cul_kind_find((struct cul_slice){ ob->kind->name, strlen(ob->kind->name) }));
	for (size_t i = 0; i < ob->count; i++) {
		const struct cul_value *v = &ob->values[i];
		bool known = v->type == CUL_ABSENT;
		for (size_t k = 0; !known && ob->kind->fields[k]; k++)
			known = ob->kind->fields[k] == v->field;
		PROMISE(known);
		PROMISE(v->type == CUL_ABSENT || v->type == v->field->type);
		if (v->type == CUL_TEXT)
			touch(seen, v->s);
	}
	return CUL_OK;
}

static enum cul_status on_suspect(void *ctx, const struct cul_observation *ob)
{
	hold_place(ctx, ob);
	return CUL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"log.txt", "dmesg.txt", "nvidia-smi.txt", "ps.txt", "top.txt", "stack.txt", "proc/meminfo", "sos_commands/pci/lspci_-nnvv",
		"var/log/messages", "ticket.md", "nvidia-bug-report.log", "free.txt", "journal.json", "df.txt", "topo.txt", "query.csv",
		"rocm-smi.txt", "vmstat.txt", "dpkg.log", "uptime.txt", "interrupts", "sensors.txt", "lsmod.txt", "docker-inspect.json",
		"dmesg-efi-179522645902001.enc.z",
	};
	struct seen seen = { .size = size };
	const struct cul_sink sink = { .ctx = &seen, .member = on_member, .section = on_section, .observe = on_observe, .section_end = on_section_end, .suspect = on_suspect };
	const struct cul_blob blob = { names[size % (sizeof(names) / sizeof(names[0]))], { (const char *)data, size } };
	const struct cul_limits limits = { .unpacked_bytes = 16 << 20, .members = 256, .nesting = 3, .spool_bytes = 16 << 20 };
	struct cul_bundle *bundle = NULL;
	struct cul_error err;

	if (cul_bundle_memory(&blob, 1, &limits, &bundle, &err) != CUL_OK)
		return 0;
	enum cul_status status = cul_parse(bundle, NULL, &limits, &sink, NULL, &err);
	PROMISE(status == CUL_OK || status == CUL_ELIMIT);
	cul_bundle_close(bundle);
	return 0;
}
