/* SPDX-License-Identifier: Apache-2.0 */
/** cul_dump_log(): the first kernel dump of a bundle, and only its log. */
#include "culprit/dump.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "culprit/bundle.h"
#include "parsers/dump/ksplit.h"
#include "parsers/dump/ktranslate.h"
#include "parsers/dump/printk.h"

extern const struct cul_parser cul_parser_vmcore;

/* CUL_EIO too where the dump is one and holds no log: another member may */
static enum cul_status read_log(const struct cul_image *const *images, size_t count, const char *name, struct cul_dump_log *ret, struct cul_error *err)
{
	struct cul_kmem *m = NULL;
	struct cul_printk log;
	char why[256];
	if (!cul_kmem_open_parts(images, count, &m, why, sizeof(why)))
		return cul_fail(err, CUL_EIO, "%s: %s", name, why);
	bool good = cul_printk_read(m, CUL_PRINTK_PLAIN, &log, why, sizeof(why));
	if (good)
		*ret = (struct cul_dump_log){ log.text, log.size, log.records, log.lost, m->image.incomplete || m->image.lacking };
	enum cul_status status = good ? CUL_OK : cul_fail(err, CUL_EIO, "%s: no kernel log: %s%s", name, why, m->image.incomplete || m->image.lacking ? " (the dump is incomplete)" : "");
	cul_kmem_close(m);
	return status;
}

static enum cul_status read_member(struct cul_bundle *bundle, const char *name, struct cul_dump_log *ret, struct cul_error *err)
{
	struct cul_image image;
	const struct cul_image *only = &image;
	const char *damaged, *reason;
	if (!cul_bundle_image(bundle, &image))
		return cul_fail(err, CUL_EIO, "%s: %s", name, cul_bundle_damage(bundle, &damaged, &reason) ? reason : "the dump could not be read");
	return read_log(&only, 1, name, ret, err);
}

static enum cul_status read_splits(struct cul_ksplit_files *files, struct cul_dump_log *ret, struct cul_error *err)
{
	const struct cul_image *images[CUL_KSPLIT_FILES];
	enum cul_status status = CUL_EIO;
	cul_ksplit_sort(files);
	for (size_t i = 0, n; i < files->count && status == CUL_EIO; i += n) {
		n = cul_ksplit_count(files, i);
		for (size_t k = 0; k < n; k++)
			images[k] = &files->items[i + k].image;
		status = read_log(images, n, files->items[i].name, ret, err);
	}
	return status;
}

static enum cul_status read_bundle(struct cul_bundle *bundle, const char *path, struct cul_dump_log *ret, struct cul_error *err)
{
	struct cul_ksplit_files splits = { 0 };
	struct cul_member member;
	const char *name, *why;
	enum cul_status status = CUL_EIO;
	bool tried = false;
	while (status == CUL_EIO && cul_bundle_next(bundle, &member)) {
		if (!cul_parser_vmcore.claim(cul_bundle_head(bundle), cul_str(member.name)))
			continue;
		tried = true;
		if (!cul_ksplit_take(&splits, bundle, member.name, 0))
			status = read_member(bundle, member.name, ret, err);
	}
	if (status == CUL_EIO && splits.count)
		status = read_splits(&splits, ret, err);
	cul_ksplit_free(&splits);
	if (status == CUL_EIO && !tried && cul_bundle_damage(bundle, &name, &why))
		cul_fail(err, CUL_EIO, "%sno kernel dump could be read: %s: %s", path, name, why);
	else if (status == CUL_EIO && !tried)
		cul_fail(err, CUL_EIO, "%sno kernel dump of a form that is read (ELF64, kdump-compressed, flattened)", path);
	return status;
}

enum cul_status cul_dump_log_in(struct cul_bundle *bundle, struct cul_dump_log *ret, struct cul_error *err)
{
	return read_bundle(bundle, "", ret, err);
}

enum cul_status cul_dump_log(const char *path, const struct cul_limits *limits, struct cul_dump_log *ret, struct cul_error *err)
{
	struct cul_bundle *bundle = NULL;
	char prefix[1024];
	enum cul_status status = cul_bundle_open(path, limits, &bundle, err);
	if (status != CUL_OK)
		return status;
	snprintf(prefix, sizeof(prefix), "%s: ", path);
	status = read_bundle(bundle, prefix, ret, err);
	cul_bundle_close(bundle);
	return status;
}

void cul_dump_log_free(struct cul_dump_log *log)
{
	free(log->text);
	*log = (struct cul_dump_log){ 0 };
}
