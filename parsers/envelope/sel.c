/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The event log of a BMC, as ipmitool and FreeIPMI list it.
 *
 *    2 | 11/13/2025 | 09:40:11 | Memory #0x53 | Correctable ECC | Asserted                 ipmitool sel list
 *    2 | 11/13/25 | 09:40:11 UTC | Memory CPU1_DIMM_A1 | Correctable ECC | Asserted       sel elist; by locale "09:40:11 AM UTC"
 *   2  | Nov-13-2025 | 09:40:11 | CPU1_DIMM_A1 | Memory | Correctable memory error         ipmi-sel
 *
 * Printed by ipmi_sel_print_std_entry() in lib/ipmi_sel.c of ipmitool and by ipmi-sel(8). The BMC's clock is its own; what
 * names no zone is read as that host's. The message keeps the bar before the sensor: rules look for it.
 */
#include "parsers/peel.h"

#define ID_WIDTH 8 /* "%4x |" and some room */

static bool take_number(struct cul_slice *text, size_t least, size_t most, int64_t *ret)
{
	struct cul_slice digits = cul_digits(text);

	return digits.size >= least && digits.size <= most && cul_to_int(digits, ret);
}

/* "11/13/2025", "11/13/25", "Nov-13-2025" */
static bool take_date(struct cul_slice *text, int64_t *y, int64_t *mo, int64_t *d)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	if (text->size > 4 && text->data[3] == '-') {
		for (*mo = 1; *mo <= 12; (*mo)++)
			if (cul_starts(*text, cul_slice(months + (*mo - 1) * 3, 3)))
				break;
		if (*mo > 12)
			return false;
		*text = cul_from(*text, 4);
		return take_number(text, 1, 2, d) && cul_skip(text, CUL_LIT("-")) && take_number(text, 4, 4, y) && *d >= 1 && *d <= 31;
	}
	if (!take_number(text, 1, 2, mo) || !cul_skip(text, CUL_LIT("/")) || !take_number(text, 1, 2, d) || !cul_skip(text, CUL_LIT("/")) ||
	    !take_number(text, 2, 4, y))
		return false;
	if (*y < 100)
		*y += 2000;
	return *mo >= 1 && *mo <= 12 && *d >= 1 && *d <= 31 && *y >= 1980 && *y < 2200;
}

static int sel_peel(struct cul_slice line, struct cul_record *rec)
{
	struct cul_slice rest, word;
	struct cul_time time;
	size_t bar = 0;
	int64_t y, mo, d;
	bool utc = false;

	if (line.size < 30)
		return 0;
	while (bar < ID_WIDTH && line.data[bar] != '|')
		bar++;
	if (bar < 2 || bar == ID_WIDTH || line.data[bar - 1] != ' ')
		return 0;
	rest = cul_from(line, bar + 1);
	if (!cul_skip(&rest, CUL_LIT(" ")) || !take_date(&rest, &y, &mo, &d))
		return 0;
	while (cul_skip(&rest, CUL_LIT(" ")))
		;
	if (!cul_skip(&rest, CUL_LIT("| ")) || !cul_clock_hms(&rest, &time))
		return 0;
	while (rest.size > 1 && rest.data[0] == ' ' && rest.data[1] != '|') {
		word = cul_word(&rest);
		if (cul_is(word, CUL_LIT("PM")) && time.ns < 12 * 3600 * CUL_SECOND)
			time.ns += 12 * 3600 * CUL_SECOND;
		else if (cul_is(word, CUL_LIT("AM")) && time.ns >= 12 * 3600 * CUL_SECOND)
			time.ns -= 12 * 3600 * CUL_SECOND;
		utc |= cul_is(word, CUL_LIT("UTC")) || cul_is(word, CUL_LIT("GMT"));
		if (word.size > 5)
			return 0;
	}
	rest = cul_trim(rest);
	if (!cul_starts(rest, CUL_LIT("| ")))
		return 0;
	time.ns += cul_clock_civil(y, (int)mo, (int)d, 0, 0, 0, 0);
	time.no_date = false;
	time.clock = utc ? CUL_CLOCK_UTC : CUL_CLOCK_LOCAL;
	rec->time = time;
	rec->message = rest;
	return 28;
}

const struct cul_envelope cul_envelope_sel = {
	.name = "sel",
	.about = "a BMC's event log: ipmitool sel list, ipmi-sel",
	.begins = " 0",
	.peel = sel_peel,
};
