/* SPDX-License-Identifier: Apache-2.0 */
/**
 * free and /proc/meminfo.
 *
 *                 total        used        free      shared  buff/cache   available
 *   Mem:       12124120     4811204      256480        9640     7056436     7018812
 *   Swap:       6291452           0     6291452
 *
 *   MemTotal:       65842772 kB
 *
 * procps-ng's src/free.c: KiB unless -m, -g, -b or -h (Gi, Mi; up to 3.3.9 G, M). The unit is that of the command line;
 * without one a bare "Mem:" total below 4 Mi is taken as MiB (no machine that is analysed has less than 4 GiB), below
 * 4096 it cannot be told from GiB and counts as MiB too. procps 3.2 prints "-/+ buffers/cache:". Row names are
 * translated ("Speicher:"): the header's words say that it is free. fs/proc/meminfo.c prints kB, meaning KiB.
 */
#include "parsers/tables.h"

static bool
is_free_head(struct cul_slice line)
{
	struct cul_slice first = cul_word(&line), second, third;

	if (!cul_is(first, CUL_LIT("total")) && !cul_is(first, CUL_LIT("gesamt")))
		return false;
	second = cul_word(&line);
	third = cul_word(&line);
	return (cul_is(first, CUL_LIT("total")) && cul_is(second, CUL_LIT("used")) && cul_is(third, CUL_LIT("free"))) ||
	       (cul_is(first, CUL_LIT("gesamt")) && cul_is(second, CUL_LIT("benutzt"))) ||
	       (cul_is(first, CUL_LIT("total")) && cul_starts(second, CUL_LIT("utilis")));
}

static bool
is_meminfo(struct cul_slice line)
{
	return cul_starts(line, CUL_LIT("MemTotal:"));
}

static int
free_bid(const struct cul_head *head)
{
	if (!head->count)
		return 0;
	return is_free_head(head->lines[0].text) ? 24 : is_meminfo(head->lines[0].text) ? 24 : 0;
}

static double
unit_of(struct cul_slice command, double total)
{
	struct cul_slice word;
	bool free_seen = false;

	for (word = cul_word(&command); word.size; word = cul_word(&command)) {
		if (cul_is(cul_base_name(word), CUL_LIT("free"))) {
			free_seen = true;
			continue;
		}
		if (!free_seen || word.data[0] != '-' || (word.size > 1 && word.data[1] == '-'))
			continue;
		for (size_t i = 1; i < word.size; i++)
			switch (word.data[i]) {
			case 'b': return 1;
			case 'k': return 1024;
			case 'm': return 1048576;
			case 'g': return 1073741824;
			default: break;
			}
	}
	if (free_seen)
		return 1024;
	if (total < 4194304)
		return 1048576;
	return total > 1e10 ? 1 : 1024;
}

static void
put_size(struct cul_row *row, const char *field, struct cul_slice word, double unit)
{
	cul_put(row, cul_size_mib(field, word, unit));
}

static enum cul_status
free_table(struct cul_parse *parse, const struct cul_line *head)
{
	struct cul_table table;
	struct cul_line line;
	struct cul_row row = { 0 };
	struct cul_record rec = cul_table_record(parse, head);
	double unit = 0;
	bool available;

	rec.line.text = cul_keep(parse, head->text);
	cul_table_header(&table, rec.line.text);
	available = table.count >= 6 && (cul_is(table.names[5], CUL_LIT("available")) || cul_starts(table.names[5], CUL_LIT("verf")) ||
					 cul_starts(table.names[5], CUL_LIT("disp")));
	while (cul_line_next(parse, &line)) {
		struct cul_slice name, cells[8], rest;
		size_t count = 0;
		double total;

		if (!cul_cut(line.text, CUL_LIT(":"), &name, &rest) || name.size > 20) {
			cul_line_back(parse);
			break;
		}
		while (count < 8 && (cells[count] = cul_word(&rest)).size)
			count++;
		if (count < 2 || !cul_lead_real(cells[0], &total)) {
			cul_line_back(parse);
			break;
		}
		if (!unit)
			unit = unit_of(cul_section_command(parse), total);
		name = cul_trim(name);
		if (cul_starts(name, CUL_LIT("Swap")) || cul_starts(name, CUL_LIT("Ausl")) ) {
			put_size(&row, "swap_total_mib", cells[0], unit);
			put_size(&row, "swap_used_mib", cells[1], unit);
			if (count > 2)
				put_size(&row, "swap_free_mib", cells[2], unit);
		} else if (cul_starts(name, CUL_LIT("-/+"))) {
			put_size(&row, "available_mib", cells[1], unit);
		} else if (!cul_starts(name, CUL_LIT("Total")) && count >= 3 && !row.count) {
			put_size(&row, "total_mib", cells[0], unit);
			put_size(&row, "used_mib", cells[1], unit);
			put_size(&row, "free_mib", cells[2], unit);
			if (count > 3)
				put_size(&row, "shared_mib", cells[3], unit);
			if (count > 4)
				put_size(&row, "cache_mib", cells[4], unit);
			if (count > 5 && available)
				put_size(&row, "available_mib", cells[5], unit);
		}
	}
	return row.count ? cul_row_emit(parse, &rec, "host.memory", &row) : CUL_OK;
}

static const struct {
	const char *key, *field;
} keys[] = {
	{ "MemTotal", "total_mib" },	   { "MemFree", "free_mib" },	      { "MemAvailable", "available_mib" },
	{ "Shmem", "shared_mib" },	   { "Cached", "cache_mib" },	      { "SwapTotal", "swap_total_mib" },
	{ "SwapFree", "swap_free_mib" },   { "Dirty", "dirty_mib" },	      { "Writeback", "writeback_mib" },
	{ "Slab", "slab_mib" },		   { "Mlocked", "locked_mib" },	      { "Committed_AS", "committed_mib" },
	{ "CommitLimit", "commit_limit_mib" },
};

static enum cul_status
meminfo(struct cul_parse *parse, struct cul_line line)
{
	struct cul_row row = { 0 };
	struct cul_record rec = cul_table_record(parse, &line);
	double swap_total = -1, swap_free = -1;

	rec.line.text = cul_keep(parse, line.text);
	for (bool more = true; more; more = cul_line_next(parse, &line)) {
		struct cul_slice key, value = CUL_NONE, number;
		int64_t kib;

		if (!cul_cut(line.text, CUL_LIT(":"), &key, &value) || !(number = cul_word(&value)).size ||
		    !cul_to_int(number, &kib) || cul_has(key, CUL_LIT(" "))) {
			cul_line_back(parse);
			break;
		}
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (cul_is(key, cul_str(keys[i].key)))
				cul_put(&row, cul_real(keys[i].field, (double)kib / 1024));
		if (cul_is(key, CUL_LIT("SwapTotal")))
			swap_total = (double)kib / 1024;
		else if (cul_is(key, CUL_LIT("SwapFree")))
			swap_free = (double)kib / 1024;
		else if (cul_is(key, CUL_LIT("HugePages_Total")))
			cul_put(&row, cul_int("hugepages", kib));
		else if (cul_is(key, CUL_LIT("HugePages_Free")))
			cul_put(&row, cul_int("hugepages_free", kib));
	}
	if (swap_total >= 0 && swap_free >= 0)
		cul_put(&row, cul_real("swap_used_mib", swap_total - swap_free));
	return cul_row_emit(parse, &rec, "host.memory", &row);
}

static enum cul_status
free_section(struct cul_parse *parse)
{
	struct cul_line line;

	if (!cul_line_next(parse, &line))
		return CUL_OK;
	if (is_free_head(line.text))
		return free_table(parse, &line);
	if (is_meminfo(line.text))
		return meminfo(parse, line);
	cul_line_back(parse);
	return CUL_OK;
}

const struct cul_parser cul_parser_free = {
	.name = "free",
	.about = "free, /proc/meminfo: memory and swap",
	.kinds = CUL_KINDS(&cul_kind_host_memory),
	.needles = CUL_LIST("total        used        free", "total       used       free", "MemTotal:"),
	.bid = free_bid,
	.section = free_section,
};
