/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nvidia-smi topo -m and topo -p2p {r,w,n,a,p}: matrices of GPUs.
 *
 *   	GPU0	GPU1	NIC0	CPU Affinity	NUMA Affinity	GPU NUMA ID
 *   GPU0	 X 	NV12	PXB	0-31,64-95	0		N/A
 *
 *   	GPU0	GPU1
 *    GPU0	X	CNS
 *
 * Drivers 352 and later, -p2p since 418. Cells are told apart by tabs, or by blanks where those were lost. Only pairs of GPUs are
 * given, each once in each direction. A matrix whose cells are link names is -m, one of OK, CNS, GNS, TNS, NS, U is -p2p.
 */
#include "parsers/tables.h"

#define MOST 128

static size_t
head_read(struct cul_slice line)
{
	size_t gpus = 0;

	for (struct cul_slice word = cul_word(&line); word.size; word = cul_word(&line)) {
		int64_t index;

		if (!cul_skip(&word, CUL_LIT("GPU")) || !cul_to_int(word, &index) || index != (int64_t)gpus || gpus >= MOST)
			return gpus;
		gpus++;
	}
	return gpus;
}

static bool
row_read(struct cul_slice line, int64_t *index, struct cul_slice *rest)
{
	struct cul_slice word;

	*rest = line;
	word = cul_word(rest);
	return cul_skip(&word, CUL_LIT("GPU")) && cul_all_digits(word) && cul_to_int(word, index) && *index < MOST;
}

static int
topo_bid(const struct cul_head *head)
{
	struct cul_slice rest, word;
	int64_t index;

	if (head->count < 2 || !head_read(head->lines[0].text) || !row_read(head->lines[1].text, &index, &rest))
		return 0;
	word = cul_word(&rest);
	return cul_is(word, CUL_LIT("X")) ? 32 : 0;
}

static bool
is_p2p(struct cul_slice word)
{
	return cul_is(word, CUL_LIT("OK")) || cul_is(word, CUL_LIT("CNS")) || cul_is(word, CUL_LIT("GNS")) ||
	       cul_is(word, CUL_LIT("TNS")) || cul_is(word, CUL_LIT("NS")) || cul_is(word, CUL_LIT("U")) || cul_is(word, CUL_LIT("DR"));
}

static enum cul_status
topo_section(struct cul_parse *parse)
{
	struct cul_slice rest, word, capability = CUL_NONE;
	struct cul_line line;
	enum cul_status status = CUL_OK;
	size_t gpus = 0;
	int64_t index;
	bool legend = false;

	if (cul_cut(cul_section_command(parse), CUL_LIT("-p2p "), NULL, &rest))
		capability = cul_word(&rest);
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		size_t found = head_read(line.text);

		if (found && row_read(line.text, &index, &rest) && gpus) {
			found = 0; /* a row "GPU0 …": the header begins so too when its first cell is lost */
		}
		if (found) {
			gpus = found;
			legend = false;
			continue;
		}
		if (gpus && row_read(line.text, &index, &rest)) {
			struct cul_record rec = cul_table_record(parse, &line);

			for (size_t peer = 0; peer < gpus && status == CUL_OK; peer++) {
				word = cul_word(&rest);
				if (!word.size)
					break;
				if ((int64_t)peer == index || cul_is(word, CUL_LIT("X")))
					continue;
				status = is_p2p(word) ? cul_emit(parse, &rec, "nvidia.p2p", cul_int("gpu_index", index),
								 cul_int("peer_index", (int64_t)peer), cul_text("p2p", word),
								 cul_text("capability", capability)) :
							cul_emit(parse, &rec, "nvidia.topo", cul_int("gpu_index", index),
								 cul_int("peer_index", (int64_t)peer), cul_text("link", word));
			}
			continue;
		}
		rest = cul_trim(line.text);
		legend |= cul_starts(rest, CUL_LIT("Legend:")) || cul_starts(rest, CUL_LIT("NIC Legend:"));
		if (!rest.size || legend || cul_starts(rest, CUL_LIT("NIC")) || cul_starts(rest, CUL_LIT("mlx"))) {
			if (legend && rest.size && !cul_has(rest, CUL_LIT("=")) && !cul_has(rest, CUL_LIT(":"))) {
				cul_line_back(parse);
				break;
			}
			continue;
		}
		cul_line_back(parse);
		break;
	}
	return status;
}

const struct cul_parser cul_parser_nvidia_topo = {
	.name = "nvidia_topo",
	.about = "nvidia-smi topo -m and -p2p: how GPUs reach each other",
	.kinds = CUL_KINDS(CUL_SAMPLES("nvidia.topo", 1, "nvidia_topo", F_GPU_INDEX, F_PEER_INDEX, F_LINK),
			   CUL_SAMPLES("nvidia.p2p", 1, "nvidia_topo", F_GPU_INDEX, F_PEER_INDEX, F_P2P, F_CAPABILITY)),
	.needles = CUL_LIST("GPU0\tGPU1", "GPU0\tCPU Affinity", "GPU0    GPU1"),
	.first = CUL_LIST("UGP"),
	.bid = topo_bid,
	.section = topo_section,
};
