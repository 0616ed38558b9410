/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Any bytes as something that died: each opener of cul_dumps[] whose claim it meets under some name, and the kernel's log on its own.
 * Promises: kinds are declared ones of that opener or of those that read the texts inside, values belong to their kind, every slice
 * can be read, what is printed of a log ends in a line end. What says that it is a file of a set is read as two: all of it, and from its
 * middle on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "culprit/culprit.h"
#include "parsers/dump/kimage.h"
#include "parsers/dump/ksplit.h"
#include "parsers/dump/printk.h"
#include "parsers/state.h"
#include "tests/fuzz/main.h"

struct bytes {
	const uint8_t *data;
	size_t size;
};

struct seen {
	unsigned sum;
	int members;
};

static void touch(struct seen *seen, struct cul_slice s)
{
	for (size_t i = 0; i < s.size; i++)
		seen->sum = seen->sum * 31 + (unsigned char)s.data[i];
}

static enum cul_status on_member(void *ctx, const struct cul_member *member, int *id)
{
	struct seen *seen = ctx;

	touch(seen, (struct cul_slice){ member->name, strlen(member->name) });
	*id = seen->members++;
	return CUL_OK;
}

static enum cul_status on_section(void *ctx, const struct cul_section_info *info, int *id)
{
	PROMISE(info->parser != NULL);
	*id = 11;
	return CUL_OK;
}

static enum cul_status on_section_end(void *ctx, int section, const struct cul_section_span *span)
{
	PROMISE(section == 11);
	PROMISE(span->lines >= 0 && span->records >= 0 && span->bytes >= 0);
	return CUL_OK;
}

static enum cul_status on_observe(void *ctx, const struct cul_observation *ob)
{
	struct seen *seen = ctx;

	PROMISE(ob->section == 11);
	PROMISE(ob->kind && cul_kind_find((struct cul_slice){ ob->kind->name, strlen(ob->kind->name) }));
	touch(seen, ob->host);
	touch(seen, ob->text);
	for (size_t i = 0; i < ob->count; i++) {
		const struct cul_value *v = &ob->values[i];

		PROMISE(v->type == CUL_ABSENT || v->type == v->field->type);
		if (v->type == CUL_TEXT)
			touch(seen, v->s);
	}
	return CUL_OK;
}

static enum cul_status on_suspect(void *ctx, const struct cul_observation *ob)
{
	touch(ctx, ob->text);
	return CUL_OK;
}

static size_t read_bytes(void *ctx, uint64_t offset, void *buffer, size_t size)
{
	const struct bytes *b = ctx;

	if (offset >= b->size)
		return 0;
	if (size > b->size - offset)
		size = b->size - offset;
	memcpy(buffer, b->data + offset, size);
	return size;
}

static bool is_split(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	const struct cul_image image = { (int64_t)size, read_bytes, &bytes };
	struct cul_ksplit split;

	return cul_ksplit_read(&image, &split);
}

static void read_log(const uint8_t *data, size_t size)
{
	struct bytes bytes[2] = { { data, size }, { data + size / 2, size - size / 2 } };
	const struct cul_image whole = { (int64_t)size, read_bytes, &bytes[0] }, half = { (int64_t)(size - size / 2), read_bytes, &bytes[1] };
	const struct cul_image *const images[] = { &whole, &half };
	struct cul_kmem *m = NULL;
	struct cul_printk log;
	char why[256] = "";

	if (!cul_kmem_open_parts(images, is_split(data, size) ? 2 : 1, &m, why, sizeof(why))) {
		PROMISE(why[0]);
		return;
	}
	if (cul_printk_read(m, CUL_PRINTK_PLAIN, &log, why, sizeof(why))) {
		PROMISE(log.size > 0);
		cul_printk_free(&log);
	} else {
		PROMISE(why[0]);
	}
	cul_kmem_close(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"vmcore", "core.4242", "core.python3.0.0123456789abcdef0123456789abcdef.4242.1700000000000000", "nccl_trace_rank_0", "crash.dmp", "dmesg-efi-179522645902001.enc.z",
		"rm_00.pb", "x",
	};
	const struct cul_limits limits = { .unpacked_bytes = 16 << 20, .members = 64, .nesting = 3, .spool_bytes = 16 << 20 };
	const struct cul_slice head = { (const char *)data, size < 4096 ? size : 4096 };
	const struct cul_parser *done[64] = { NULL };
	size_t count = 0;

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		const struct cul_parser *best = NULL;
		int most = 0;

		for (size_t i = 0; cul_dumps[i]; i++) {
			int bid = cul_dumps[i]->claim(head, (struct cul_slice){ names[n], strlen(names[n]) });

			PROMISE(bid >= 0);
			if (bid > most) {
				most = bid;
				best = cul_dumps[i];
			}
		}
		for (size_t i = 0; best && i < count; i++)
			if (done[i] == best)
				best = NULL;
		if (!best || count == 64)
			continue;
		done[count++] = best;
		struct seen seen = { 0 };
		const struct cul_sink sink = { .ctx = &seen, .member = on_member, .section = on_section, .observe = on_observe, .section_end = on_section_end, .suspect = on_suspect };
		const struct cul_blob blobs[] = { { names[n], { (const char *)data, size } }, { "half", { (const char *)data + size / 2, size - size / 2 } } };
		struct cul_bundle *bundle = NULL;
		struct cul_error err;

		if (cul_bundle_memory(blobs, !strcmp(best->name, "vmcore") && is_split(data, size) ? 2 : 1, &limits, &bundle, &err) != CUL_OK)
			continue;
		enum cul_status status = cul_parse(bundle, NULL, &limits, &sink, NULL, &err);
		PROMISE(status == CUL_OK || status == CUL_ELIMIT);
		cul_bundle_close(bundle);
		if (!strcmp(best->name, "vmcore"))
			read_log(data, size);
	}
	return 0;
}
