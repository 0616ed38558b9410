/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What nvidia-debugdump --dumpall (-D) writes: a zip of what NVIDIA's driver knows of its GPUs, made after a fault and for NVIDIA.
 *
 *   system_info.pb error_data.pb              the machine and driver; errors that the driver noted
 *   rm_3.pb debug_buffers_3.pb                by GPU: state of the resource manager; its buffers
 *   nvlog.log nvlog.gpu003.log                its log buffers, without the texts
 *
 * Protocol buffers whose schema is not public, packed and enciphered in releases of late; texts of nvlog are numbers that only the maker of
 * that very driver can turn into words. So this says what is there and for whom; nothing is read.
 */
#include "parsers/image.h"
#include "parsers/parser.h"

#include <stdio.h>

static const struct {
	const char *before, *behind, *what;
	bool numbered;
} files[] = {
	{ "system_info", ".pb", "machine and driver", false },
	{ "error_data", ".pb", "errors that the driver noted", false },
	{ "rm_", ".pb", "state of the resource manager", true },
	{ "debug_buffers_", ".pb", "buffers of the resource manager", true },
	{ "nvlog.gpu", ".log", "log buffers of a GPU", true },
	{ "nvlog", ".log", "log buffers of the driver", false },
};

/* Which of @files, or -1; @number: of the GPU. */
static int file_of(struct cul_slice name, struct cul_slice *number)
{
	cul_cut_last(name, CUL_LIT("/"), NULL, &name);
	cul_cut_last(name, CUL_LIT("!"), NULL, &name);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct cul_slice rest = name;

		*number = CUL_NONE;
		if (!cul_skip(&rest, cul_str(files[i].before)))
			continue;
		if (files[i].numbered)
			*number = cul_digits(&rest);
		if ((number->size > 0) == files[i].numbered && cul_is(rest, cul_str(files[i].behind)))
			return (int)i;
	}
	return -1;
}

static int debugdump_claim(struct cul_slice head, struct cul_slice name)
{
	struct cul_slice number;
	size_t odd = 0;

	if ((!cul_ends(name, CUL_LIT(".pb")) && !cul_ends(name, CUL_LIT(".log"))) || file_of(name, &number) < 0)
		return 0;
	for (size_t i = 0; i < head.size && i < 256; i++)
		odd += (unsigned char)head.data[i] < '\t' || (unsigned char)head.data[i] >= 0x7f;
	return odd > 4 || (head.size && odd * 8 > head.size) ? 40 : 0;
}

static enum cul_status debugdump_open(struct cul_parse *parse, const struct cul_image *image)
{
	struct cul_slice number;
	int which = file_of(cul_section_name(parse), &number);
	struct cul_record rec = cul_dump_record(parse, (struct cul_time){ .ns = CUL_NO_TIME }, cul_section_name(parse));
	const char *what = which < 0 ? "unknown" : files[which].what;
	char why[200];
	enum cul_status status = cul_emit(parse, &rec, "nvidia.debugdump", cul_string("what", what), cul_number("rm_gpu", number), cul_int("bytes", image->size));

	snprintf(why, sizeof(why), "not read: %s, written by nvidia-debugdump, can be decoded by NVIDIA alone: hand over the whole zip", what);
	return status != CUL_OK ? status : cul_damaged(parse, &rec, why);
}

const struct cul_parser cul_parser_nvidia_debugdump = {
	.name = "nvidia_debugdump",
	.about = "what nvidia-debugdump wrote for NVIDIA: that it is there, and of which GPU",
	.kinds = CUL_KINDS(CUL_KIND("nvidia.debugdump", 1, "nvidia_debugdump", F_WHAT, F_RM_GPU, F_BYTES)),
	.claim = debugdump_claim,
	.open = debugdump_open,
};
