/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A pstore record that the kernel could not unpack: dmesg-efi-170000000000001.enc.z.
 *
 * pstore packs with deflate without a head (zlib, raw; fs/pstore/platform.c); the kernels from 4.19 to 6.5 could also be built
 * with lzo, lz4, 842 or zstd, which have no mark of their own. A record that was cut short ends where it ends.
 */
#include "parsers/image.h"
#include "parsers/parser.h"

#include <stdlib.h>
#include <zlib.h>

#define PACKED (256u << 10) /* a record is some KiB; ERST's are the largest */
#define UNPACKED (4u << 20)

static int
packed_claim(struct cul_slice head, struct cul_slice name)
{
	size_t odd = 0;

	if (!cul_ends(name, CUL_LIT(".enc.z")))
		return 0;
	for (size_t i = 0; i < head.size && i < 256; i++)
		odd += (unsigned char)head.data[i] < '\t' || (unsigned char)head.data[i] >= 0x7f;
	return odd > 4 || (head.size && odd * 8 > head.size) ? 32 : 0;
}

static enum cul_status
packed_open(struct cul_parse *parse, const struct cul_image *image)
{
	struct cul_record rec = cul_dump_record(parse, (struct cul_time){ .ns = CUL_NO_TIME }, cul_section_name(parse));
	size_t size = image->size > PACKED ? PACKED : image->size > 0 ? (size_t)image->size : 0;
	unsigned char *packed = malloc(size + 1), *text = malloc(UNPACKED);
	enum cul_status status = packed && text ? CUL_OK : CUL_ENOMEM;
	z_stream z = { 0 };
	int code = Z_DATA_ERROR;

	if (status == CUL_OK && cul_image_read(image, 0, packed, size) && inflateInit2(&z, -15) == Z_OK) {
		z.next_in = packed;
		z.avail_in = (uInt)size;
		z.next_out = text;
		z.avail_out = UNPACKED;
		code = inflate(&z, Z_FINISH);
		inflateEnd(&z);
	}
	/* what another method packed gives a few bytes of nonsense at most */
	if (status == CUL_OK && (z.total_out < 16 || memchr(text, 0, z.total_out)))
		status = cul_damaged(parse, &rec, "a pstore record that is not packed by deflate: the kernel that wrote it can read it");
	else if (status == CUL_OK && code != Z_STREAM_END)
		status = cul_damaged(parse, &rec, "the packed pstore record is cut short");
	if (status == CUL_OK && z.total_out >= 16 && !memchr(text, 0, z.total_out))
		status = cul_dump_text(parse, "dmesg", cul_slice((const char *)text, z.total_out));
	free(packed);
	free(text);
	return status;
}

const struct cul_parser cul_parser_pstore_packed = {
	.name = "pstore_packed",
	.about = "pstore records that are still packed (.enc.z)",
	.kinds = CUL_KINDS(CUL_KIND("pstore.record", 1, "pstore_record", NULL)),
	.claim = packed_claim,
	.open = packed_open,
};
