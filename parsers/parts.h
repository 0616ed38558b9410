/* SPDX-License-Identifier: Apache-2.0 */
/** Members that are parts of one text, kept until all were seen: EFI's pstore records. Inner to the room. */
#ifndef CUL_PARSERS_PARTS_H
#define CUL_PARSERS_PARTS_H

#include "parsers/state.h"

/** The current member is a part: it is kept, and nothing of it is left to be read. */
bool cul_parts_take(struct cul_parse *parse, const struct cul_member *member);
/** Read all that was kept. */
void cul_parts_read(struct cul_parse *parse);
void cul_parts_free(struct cul_parse *parse);

#endif
