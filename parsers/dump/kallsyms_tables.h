/* SPDX-License-Identifier: Apache-2.0 */
/** The packed tables of kallsyms: where they are, and reading names one behind the other. Inner to kallsyms.c and kallsyms_search.c. */
#ifndef CUL_PARSERS_DUMP_KALLSYMS_TABLES_H
#define CUL_PARSERS_DUMP_KALLSYMS_TABLES_H

#include "parsers/dump/kallsyms.h"

#define CUL_KALLSYMS_MOST (4u << 20) /* symbols */
#define CUL_KALLSYMS_NAME 512	     /* KSYM_NAME_LEN */
#define CUL_KALLSYMS_PAGE 4096

struct cul_kallsyms_tables {
	uint64_t names, tokens, index, offsets, base;
	uint32_t count;
};

/** A window onto the names. Begin with @source and @next. */
struct cul_kallsyms_stream {
	const struct cul_ksource *source;
	uint64_t next; /* address behind the window */
	size_t at, size;
	uint8_t window[CUL_KALLSYMS_PAGE];
};

/** The tokens of the next name; their number, or -1. */
int cul_kallsyms_name(struct cul_kallsyms_stream *stream, uint8_t tokens[CUL_KALLSYMS_NAME]);
/** Search the tables in the image behind _stext. */
bool cul_kallsyms_search(const struct cul_ksource *source, struct cul_kallsyms_tables *ret);

#endif
