/* SPDX-License-Identifier: Apache-2.0 */
/** Text tables -> cells: separated by blanks, by commas, by bars. */
#ifndef CUL_BASE_TABLE_H
#define CUL_BASE_TABLE_H

#include "culprit/types.h"

#define CUL_TABLE_COLUMNS 64

/** A header's words and where they end. */
struct cul_table {
	size_t count;
	struct cul_slice names[CUL_TABLE_COLUMNS];
	size_t ends[CUL_TABLE_COLUMNS];
};

/** Read the words of @header (borrowed). Returns their number. */
size_t cul_table_header(struct cul_table *table, struct cul_slice header);
/** The column of that name (case-insensitive), or SIZE_MAX. */
size_t cul_table_column(const struct cul_table *table, struct cul_slice name);
/** Split @row at blanks into at most @table->count cells, the last taking the rest. Returns how many. */
size_t cul_table_words(const struct cul_table *table, struct cul_slice row, struct cul_slice *cells);
/** Split a CSV line (RFC 4180 quotes; blanks around trimmed). Returns how many, at most @most. */
size_t cul_table_csv(struct cul_slice row, struct cul_slice *cells, size_t most);
/** Split at @mark ('|'): cells trimmed. */
size_t cul_table_split(struct cul_slice row, char mark, struct cul_slice *cells, size_t most);

#endif
