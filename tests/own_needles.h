/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The needles that the product itself looks for: all parsers', all built-in rules', words of suspicion. They are caught
 * where the parse makes its set, so that no list is kept twice: programs with this are linked with --wrap=cul_needles_new.
 */
#ifndef OWN_NEEDLES_H
#define OWN_NEEDLES_H

#include <stdlib.h>
#include <string.h>

#include "base/needle.h"
#include "culprit/bundle.h"
#include "culprit/parse.h"
#include "culprit/rules.h"
#include "culprit/store.h"

static struct cul_needle *own;
static size_t own_count;

enum cul_status __real_cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret);
enum cul_status __wrap_cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret);
enum cul_status __wrap_cul_needles_new(const struct cul_needle *needles, size_t count, struct cul_needles **ret)
{
	if (!own && count > 100 && (own = calloc(count, sizeof(*own)))) {
		for (size_t i = 0; i < count; i++) {
			own[own_count] = needles[i];
			own[own_count++].literal.data = strndup(needles[i].literal.data, needles[i].literal.size);
		}
	}
	return __real_cul_needles_new(needles, count, ret);
}

static bool own_needles(const char *const *paths, size_t path_count)
{
	struct cul_rules *rules = NULL;
	struct cul_bundle *bundle = NULL;
	struct cul_case *found = NULL;
	struct cul_limits limits = { 0 };
	struct cul_error err = { 0 };
	struct cul_blob blob = { .name = "log", .bytes = { "[    1.000000] usb 1-1: hello\n", 30 } };

	if (cul_rules_load(true, paths, path_count, &rules, &err) != CUL_OK)
		return false;
	if (cul_bundle_memory(&blob, 1, &limits, &bundle, &err) == CUL_OK &&
	    cul_case_scan(NULL, bundle, cul_rules_interests(rules), NULL, NULL, &found, &err) == CUL_OK)
		cul_case_close(found);
	cul_bundle_close(bundle);
	cul_rules_free(rules);
	return own_count > 0;
}

static void own_needles_free(void)
{
	for (size_t i = 0; i < own_count; i++)
		free((char *)(uintptr_t)own[i].literal.data);
	free(own);
}

#endif
