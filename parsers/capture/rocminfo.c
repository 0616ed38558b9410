/* SPDX-License-Identifier: Apache-2.0 */
/**
 * rocminfo: the agents that ROCr sees.
 *
 *   ROCk module is loaded
 *   Agent 2
 *     Name:                    gfx906
 *     Marketing Name:          Vega 20
 *     Device Type:             GPU
 *     Node:                    1
 *     BDFID:                   2048
 *
 * rocminfo.cc of the ROCm project, since 1.x. BDFID is bus << 8 | device << 3 | function; the domain comes since 5.x. A rocminfo without any
 * GPU agent says that no GPU is usable. "Unable to open /dev/kfd" and the like are log records.
 */
#include <stdio.h>

#include "parsers/tables.h"

struct agent {
	struct cul_record rec;
	struct cul_slice gfx, name, uuid;
	int64_t node, bdfid, domain;
	bool open, gpu;
};

static bool
is_head(struct cul_slice line)
{
	return cul_starts(line, CUL_LIT("ROCk module ")) || cul_starts(line, CUL_LIT("HSA System Attributes")) ||
	       cul_is(cul_trim(line), CUL_LIT("HSA Agents"));
}

static int
rocminfo_bid(const struct cul_head *head)
{
	bool head_seen = false;

	for (size_t i = 0; i < head->count && i < 6; i++)
		head_seen |= is_head(head->lines[i].text);
	for (size_t i = 0; head_seen && i < head->count; i++)
		if (cul_starts(head->lines[i].text, CUL_LIT("HSA ")) || cul_starts(head->lines[i].text, CUL_LIT("Agent ")))
			return head->begins || is_head(head->lines[0].text) ? 32 : 0;
	return 0;
}

static enum cul_status
flush(struct cul_parse *parse, struct agent *a, int64_t *gpus)
{
	struct cul_row row = { 0 };
	char bdf[32];

	if (!a->open || !a->gpu)
		return CUL_OK;
	a->open = false;
	++*gpus;
	cul_put(&row, cul_text("gfx", a->gfx));
	cul_put(&row, cul_text("gpu_name", a->name));
	if (a->uuid.size && !cul_ends(a->uuid, CUL_LIT("-XX")))
		cul_put(&row, cul_text("gpu_uuid", a->uuid));
	if (a->node >= 0)
		cul_put(&row, cul_int("node", a->node));
	if (a->bdfid >= 0 && a->bdfid <= 0xffff && a->domain >= 0 && a->domain <= 0xffff) {
		int n = snprintf(bdf, sizeof(bdf), "%04x:%02x:%02x.%x", (unsigned)a->domain, (unsigned)(a->bdfid >> 8),
				 (unsigned)(a->bdfid >> 3 & 31), (unsigned)(a->bdfid & 7));

		cul_put(&row, cul_bdf("gpu_bdf", cul_keep(parse, cul_slice(bdf, (size_t)n))));
	}
	return cul_row_emit(parse, &a->rec, "amd.smi.gpu", &row);
}

static enum cul_status
rocminfo_section(struct cul_parse *parse)
{
	struct agent a = { .open = false };
	struct cul_line line, first = { 0 };
	enum cul_status status = CUL_OK;
	bool agents = false;
	int64_t gpus = 0;

	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice text = cul_trim(line.text), key, value;
		bool top = cul_starts(line.text, CUL_LIT("  ")) && !cul_starts(line.text, CUL_LIT("    "));

		if (!first.number) {
			first = line;
			first.text = cul_keep(parse, line.text);
		}
		agents |= cul_is(text, CUL_LIT("HSA Agents"));
		if (cul_starts(line.text, CUL_LIT("Agent "))) {
			status = flush(parse, &a, &gpus);
			a = (struct agent){ .rec = cul_table_record(parse, &line), .open = true, .node = -1, .bdfid = -1 };
			a.rec.line.text = cul_keep(parse, line.text);
		} else if (a.open && top && cul_cut(text, CUL_LIT(":"), &key, &value)) {
			value = cul_trim(value);
			if (cul_is(key, CUL_LIT("Name")))
				a.gfx = cul_keep(parse, value);
			else if (cul_is(key, CUL_LIT("Marketing Name")))
				a.name = cul_keep(parse, value);
			else if (cul_is(key, CUL_LIT("Uuid")))
				a.uuid = cul_keep(parse, value);
			else if (cul_is(key, CUL_LIT("Device Type")))
				a.gpu = cul_is(value, CUL_LIT("GPU"));
			else if (cul_is(key, CUL_LIT("Node")))
				cul_to_int(value, &a.node);
			else if (cul_is(key, CUL_LIT("BDFID")))
				cul_to_int(value, &a.bdfid);
			else if (cul_is(key, CUL_LIT("Domain")))
				cul_to_int(value, &a.domain);
		} else if (cul_is(text, CUL_LIT("*** Done ***"))) {
			break;
		} else if (text.size && !cul_has(text, CUL_LIT(":")) && text.data[0] != '*' && text.data[0] != '=' && !is_head(line.text) &&
			   line.text.data[0] != ' ') {
			cul_line_back(parse);
			break;
		}
	}
	if (status == CUL_OK)
		status = flush(parse, &a, &gpus);
	if (status == CUL_OK && agents) {
		struct cul_record rec = cul_table_record(parse, &first);

		status = cul_emit(parse, &rec, "amd.smi.summary", cul_int("gpus", gpus), cul_string("what", "rocminfo"));
	}
	return status;
}

const struct cul_parser cul_parser_rocminfo = {
	.name = "rocminfo",
	.about = "rocminfo: GPU agents, their gfx target and KFD node",
	.kinds = CUL_KINDS(&cul_kind_amd_gpu, &cul_kind_amd_summary),
	.needles = CUL_LIST("ROCk module ", "HSA System Attributes", "HSA Agents"),
	.bid = rocminfo_bid,
	.section = rocminfo_section,
};
