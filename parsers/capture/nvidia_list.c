/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nvidia-smi -L and nvidia-smi nvlink -s / -e: one head line a GPU.
 *
 *   GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-c9e6a462-7b10-dee0-fc7b-2813788a2fc6)
 *     MIG 3g.40gb     Device  0: (UUID: MIG-fa20284b-5f02-b283-b763-5ceefa75b9cc)
 *   	 Link 0: 53.125 GB/s
 *   	 Link 3: <inactive>
 *   	 Link 0: Replay Errors: 0
 *
 * Drivers 331 and later; nvlink since 375. A GPU's links come out as one row with their number and how many are down; error
 * counters are summed over the links.
 */
#include "parsers/tables.h"

static bool
gpu_head(struct cul_slice line, struct cul_slice *index, struct cul_slice *name, struct cul_slice *uuid)
{
	struct cul_slice rest = line;

	if (!cul_skip(&rest, CUL_LIT("GPU ")))
		return false;
	*index = cul_digits(&rest);
	return index->size && cul_skip(&rest, CUL_LIT(": ")) && cul_cut(rest, CUL_LIT(" (UUID: "), name, &rest) &&
	       cul_cut(rest, CUL_LIT(")"), uuid, NULL);
}

static int
list_bid(const struct cul_head *head)
{
	struct cul_slice a, b, c;

	return head->count && gpu_head(head->lines[0].text, &a, &b, &c) ? 36 : 0;
}

struct gpu {
	struct cul_record rec;
	struct cul_slice index, uuid;
	int64_t links, down, crc, replay, recovery;
	double speed;
	bool open, errors, has_links;
};

static enum cul_status
emit_links(struct cul_parse *parse, const struct gpu *gpu)
{
	struct cul_row row = { 0 };

	if (!gpu->open || !gpu->has_links)
		return CUL_OK;
	cul_put(&row, cul_number("gpu_index", gpu->index));
	cul_put(&row, cul_text("gpu_uuid", gpu->uuid));
	if (gpu->links) {
		cul_put(&row, cul_int("links", gpu->links));
		cul_put(&row, cul_int("links_down", gpu->down));
		if (gpu->speed > 0)
			cul_put(&row, cul_real("speed_gbytes_s", gpu->speed));
	}
	if (gpu->errors) {
		cul_put(&row, cul_int("replay_errors", gpu->replay));
		cul_put(&row, cul_int("recovery_errors", gpu->recovery));
		cul_put(&row, cul_int("crc_errors", gpu->crc));
	}
	return cul_row_emit(parse, &gpu->rec, "nvidia.nvlink", &row);
}

static bool
link_line(struct cul_slice line, struct gpu *gpu)
{
	struct cul_slice rest = cul_trim(line), value;
	int64_t count;
	double speed;

	if (!cul_skip(&rest, CUL_LIT("Link ")) || !cul_digits(&rest).size)
		return false;
	gpu->has_links = true;
	if (cul_skip(&rest, CUL_LIT(", "))) { /* "Link 0, P2P is supported: true" */
		return true;
	}
	cul_skip(&rest, CUL_LIT(":"));
	rest = cul_trim(rest);
	if (cul_has(rest, CUL_LIT("inactive"))) {
		gpu->links++;
		gpu->down++;
	} else if (cul_ends(rest, CUL_LIT("GB/s")) && cul_lead_real(rest, &speed)) {
		gpu->links++;
		if (speed <= 0)
			gpu->down++;
		else if (!gpu->speed || speed < gpu->speed)
			gpu->speed = speed;
	} else if (cul_cut_last(rest, CUL_LIT(":"), NULL, &value) && cul_to_int(cul_trim(value), &count)) {
		gpu->errors = true;
		if (cul_starts(rest, CUL_LIT("Replay")))
			gpu->replay += count;
		else if (cul_starts(rest, CUL_LIT("Recovery")))
			gpu->recovery += count;
		else if (cul_has(rest, CUL_LIT("CRC")))
			gpu->crc += count;
	}
	return true;
}

static enum cul_status
list_section(struct cul_parse *parse)
{
	struct gpu gpu = { .open = false };
	struct cul_line line;
	enum cul_status status = CUL_OK;

	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice index, name, uuid, text = cul_trim(line.text);

		if (gpu_head(line.text, &index, &name, &uuid)) {
			status = emit_links(parse, &gpu);
			gpu = (struct gpu){ .rec = cul_table_record(parse, &line), .open = true };
			gpu.rec.line.text = cul_keep(parse, line.text);
			gpu.index = cul_keep(parse, index);
			gpu.uuid = cul_keep(parse, uuid);
			if (status == CUL_OK)
				status = cul_emit(parse, &gpu.rec, "nvidia.smi.gpu", cul_number("gpu_index", index),
						  cul_text("gpu_name", name), cul_text("gpu_uuid", uuid));
		} else if (cul_starts(text, CUL_LIT("MIG ")) && cul_cut(text, CUL_LIT("(UUID: "), &name, &uuid)) {
			struct cul_record rec = cul_table_record(parse, &line);

			cul_cut(uuid, CUL_LIT(")"), &uuid, NULL);
			cul_skip(&name, CUL_LIT("MIG "));
			status = cul_emit(parse, &rec, "nvidia.mig", cul_number("gpu_index", gpu.index), cul_text("gpu_uuid", gpu.uuid),
					  cul_text("mig", uuid), cul_text("name", cul_word(&name)));
		} else if (!text.size || link_line(text, &gpu)) {
			continue;
		} else {
			cul_line_back(parse);
			break;
		}
	}
	return status == CUL_OK ? emit_links(parse, &gpu) : status;
}

const struct cul_parser cul_parser_nvidia_list = {
	.name = "nvidia_list",
	.about = "nvidia-smi -L, nvidia-smi nvlink -s and -e: GPUs, MIG instances, NVLinks",
	.kinds = CUL_KINDS(&cul_kind_nvidia_gpu,
			   CUL_SAMPLES("nvidia.mig", 1, "nvidia_list", F_GPU_INDEX, F_GPU_UUID, F_MIG, F_NAME),
			   CUL_SAMPLES("nvidia.nvlink", 1, "nvidia_list", F_GPU_INDEX, F_GPU_UUID, F_LINKS, F_LINKS_DOWN,
				       F_SPEED_GBYTES_S, F_REPLAY_ERRORS, F_RECOVERY_ERRORS, F_CRC_ERRORS)),
	.needles = CUL_LIST(" (UUID: GPU-"),
	.first = CUL_LIST("UGP("),
	.bid = list_bid,
	.section = list_section,
};
