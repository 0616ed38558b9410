/* SPDX-License-Identifier: Apache-2.0 */
/** cul_dump_log(): the first kernel dump of a bundle, and only its log. */
#include "culprit/dump.h"

#include <stdlib.h>

#include "base/error.h"
#include "culprit/bundle.h"
#include "parsers/dump/ktranslate.h"
#include "parsers/dump/printk.h"

extern const struct cul_parser cul_parser_vmcore;

/* CUL_EIO too where the dump is one and holds no log: another member may */
static enum cul_status read_log(struct cul_bundle *bundle, const char *name, struct cul_dump_log *ret, struct cul_error *err)
{
	struct cul_image image;
	struct cul_kmem *m = NULL;
	struct cul_printk log;
	char why[256];
	const char *damaged, *reason;
	if (!cul_bundle_image(bundle, &image))
		return cul_fail(err, CUL_EIO, "%s: %s", name, cul_bundle_damage(bundle, &damaged, &reason) ? reason : "the dump could not be read");
	if (!cul_kmem_open(&image, &m, why, sizeof(why)))
		return cul_fail(err, CUL_EIO, "%s: %s", name, why);
	bool good = cul_printk_read(m, CUL_PRINTK_PLAIN, &log, why, sizeof(why));
	if (good)
		*ret = (struct cul_dump_log){ log.text, log.size, log.records, log.lost, m->image.incomplete };
	enum cul_status status = good ? CUL_OK : cul_fail(err, CUL_EIO, "%s: no kernel log: %s%s", name, why, m->image.incomplete ? " (the dump is incomplete)" : "");
	cul_kmem_close(m);
	return status;
}

enum cul_status cul_dump_log(const char *path, const struct cul_limits *limits, struct cul_dump_log *ret, struct cul_error *err)
{
	struct cul_bundle *bundle = NULL;
	struct cul_member member;
	const char *name, *why;
	enum cul_status status = cul_bundle_open(path, limits, &bundle, err);
	bool tried = false;
	if (status != CUL_OK)
		return status;
	status = CUL_EIO;
	while (status == CUL_EIO && cul_bundle_next(bundle, &member)) {
		if (!cul_parser_vmcore.claim(cul_bundle_head(bundle), cul_str(member.name)))
			continue;
		tried = true;
		status = read_log(bundle, member.name, ret, err);
	}
	if (status == CUL_EIO && !tried && cul_bundle_damage(bundle, &name, &why))
		cul_fail(err, CUL_EIO, "%s: no kernel dump could be read: %s: %s", path, name, why);
	else if (status == CUL_EIO && !tried)
		cul_fail(err, CUL_EIO, "%s: no kernel dump of a form that is read (ELF64, kdump-compressed, flattened)", path);
	cul_bundle_close(bundle);
	return status;
}

void cul_dump_log_free(struct cul_dump_log *log)
{
	free(log->text);
	*log = (struct cul_dump_log){ 0 };
}
