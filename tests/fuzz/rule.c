/* SPDX-License-Identifier: Apache-2.0 */
/** Any bytes as a rule file: either rules come of it or a sentence. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "culprit/culprit.h"
#include "tests/fuzz/main.h"

static void ignore(void *ctx, const char *line)
{
	*(size_t *)ctx += strlen(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/culprit-fuzz-XXXXXX.yaml";
	int fd = mkstemps(path, 5);
	struct cul_rules *rules = NULL;
	struct cul_error err = { 0 };
	const char *const paths[] = { path };
	size_t said = 0;

	if (fd < 0)
		return 0;
	if (write(fd, data, size) == (ssize_t)size) {
		enum cul_status status = cul_rules_load(false, paths, 1, &rules, &err);
		if (status == CUL_OK) {
			const struct cul_interests *interests = cul_rules_interests(rules);
			PROMISE(interests != NULL);
			cul_rules_check(rules, false, ignore, &said);
			cul_rules_free(rules);
		} else {
			PROMISE(err.text[0]);
		}
	}
	close(fd);
	unlink(path);
	return 0;
}
