/* SPDX-License-Identifier: Apache-2.0 */
/** What the user said beside the input, told back: waived findings, and those that a healthy case has too. */
#include <string.h>

#include "report/parts.h"

const char *cul_asked_words(struct cul_report *r, const struct cul_finding *f)
{
	const char *text = "";

	if (f->waived)
		text = cul_words(r, "; %s%s", r->lang ? "已豁免：" : "waived: ", f->waived);
	if (f->in_baseline)
		text = cul_words(r, "%s; %s", text, r->lang ? "基线中也有" : "also in the baseline");
	return text;
}

bool cul_only_waived(const struct cul_report *r)
{
	for (size_t i = 0; !r->lead && i < r->verdict->count; i++) {
		const struct cul_finding *f = &r->verdict->findings[i];

		if (f->waived && f->role == CUL_ROLE_ROOT && f->certainty >= 0.5)
			return true;
	}
	return false;
}
