/* SPDX-License-Identifier: Apache-2.0 */
/** Text tables -> cells: separated by blanks, by commas (RFC 4180), by bars. */
#include "base/table.h"

#include "base/slice.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

size_t cul_table_header(struct cul_table *table, struct cul_slice header)
{
	table->count = 0;
	size_t i = 0;
	while (i < header.size && table->count < CUL_TABLE_COLUMNS) {
		while (i < header.size && blank(header.data[i]))
			i++;
		if (i == header.size)
			break;
		size_t start = i;
		while (i < header.size && !blank(header.data[i]))
			i++;
		table->names[table->count] = cul_slice(header.data + start, i - start);
		table->ends[table->count++] = i;
	}
	return table->count;
}

size_t cul_table_column(const struct cul_table *table, struct cul_slice name)
{
	for (size_t i = 0; i < table->count; i++)
		if (cul_is_nocase(table->names[i], name))
			return i;
	return SIZE_MAX;
}

size_t cul_table_words(const struct cul_table *table, struct cul_slice row, struct cul_slice *cells)
{
	size_t n = 0;
	while (n < table->count) {
		if (n + 1 == table->count) {
			struct cul_slice rest = cul_trim(row);
			if (rest.size)
				cells[n++] = rest;
			break;
		}
		struct cul_slice word = cul_word(&row);
		if (!word.size)
			break;
		cells[n++] = word;
	}
	return n;
}

size_t cul_table_csv(struct cul_slice row, struct cul_slice *cells, size_t most)
{
	size_t n = 0, i = 0;
	while (n < most) {
		while (i < row.size && blank(row.data[i]))
			i++;
		size_t start = i;
		if (i < row.size && row.data[i] == '"') {
			start = ++i;
			while (i < row.size && (row.data[i] != '"' || (i + 1 < row.size && row.data[i + 1] == '"')))
				i += row.data[i] == '"' ? 2 : 1;
			cells[n++] = cul_slice(row.data + start, i - start);
			while (i < row.size && row.data[i] != ',')
				i++;
		} else {
			while (i < row.size && row.data[i] != ',')
				i++;
			cells[n++] = cul_trim(cul_slice(row.data + start, i - start));
		}
		if (i >= row.size)
			break;
		i++;
	}
	return n;
}

size_t cul_table_split(struct cul_slice row, char mark, struct cul_slice *cells, size_t most)
{
	size_t n = 0, start = 0;
	for (size_t i = 0; i <= row.size && n < most; i++)
		if (i == row.size || row.data[i] == mark) {
			cells[n++] = cul_trim(cul_slice(row.data + start, i - start));
			start = i + 1;
		}
	return n;
}
