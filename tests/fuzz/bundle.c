/* SPDX-License-Identifier: Apache-2.0 */
/** Any bytes as an archive, in any nesting. Promises: names are text and stay inside, limits hold, every read ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "culprit/culprit.h"
#include "tests/fuzz/main.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "upload", "upload.tar.gz", "files.zip", "sos.tar.xz", "a.7z", "log.zst", "x.cpio", "p.rpm" };
	const struct cul_blob blob = { names[size % (sizeof(names) / sizeof(names[0]))], { (const char *)data, size } };
	const struct cul_limits limits = { .unpacked_bytes = 8 << 20, .members = 256, .nesting = 4, .spool_bytes = 8 << 20 };
	static char buffer[1 << 16];
	struct cul_bundle *bundle = NULL;
	struct cul_member member;
	struct cul_error err;
	const char *name, *why;
	uint64_t bytes = 0, members = 0;

	if (cul_bundle_memory(&blob, 1, &limits, &bundle, &err) != CUL_OK)
		return 0;
	while (cul_bundle_next(bundle, &member)) {
		size_t n;
		PROMISE(++members <= 4096);
		PROMISE(member.name && *member.name);
		PROMISE(member.size >= -1);
		while ((n = cul_bundle_read(bundle, buffer, sizeof(buffer))) > 0) {
			PROMISE(n <= sizeof(buffer));
			bytes += n;
			PROMISE(bytes <= (64u << 20));
		}
	}
	while (cul_bundle_damage(bundle, &name, &why))
		PROMISE(name && why && *why);
	cul_bundle_close(bundle);
	return 0;
}
