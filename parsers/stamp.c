/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The time of a line that has no envelope known here, for rules of others that ask about whole lines of any program: a date
 * and time of day that begin within its first bytes, behind a level, a number or a container's name.
 *
 *   1:M 14 Mar 2026 09:26:03.123 # text                        redis
 *   10.1.2.3 - - [14/Mar/2026:09:26:03 +0000] "GET /"          access logs
 *   ERROR 2026-03-14 09:26:03,123 [shard 0:main] raft - text   seastar, Python
 *   {"t":{"$date":"2026-03-14T09:26:03.123+00:00"},"s":"E",…}  MongoDB
 *   [1] 2026/03/14 09:26:03.123456 [ERR] text                  NATS
 *   Mar 14, 2026 9:26:03 AM org.example.Main run               java.util.logging
 *   {"TimeCreated":"\/Date(1773480363123)\/",…}               Windows events as JSON; 2026 Mar 14 09:26:03 text
 *   Sat Mar 14 09:26:03 2026 text; 03/14/2026 09:26:03 text; 1773480363 text; 1773480363123 text
 */
#include "base/clock.h"
#include "parsers/peel.h"

#define WITHIN 64       /* bytes in which it begins */
#define WITHIN_JSON 200

static bool number(struct cul_slice *text, size_t least, size_t most, int *ret)
{
	struct cul_slice rest = *text, digits = cul_digits(&rest);
	int64_t n;

	if (digits.size < least || digits.size > most || !cul_to_int(digits, &n))
		return false;
	*ret = (int)n;
	*text = rest;
	return true;
}

static int month_of(struct cul_slice *text)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (cul_skip(text, cul_slice(names + 3 * i, 3)))
			return i + 1;
	return 0;
}

/* "09:26:03.123 +0000", "9:26:03 AM" behind a date. */
static bool day_time(struct cul_slice text, int year, int month, int day, struct cul_time *ret)
{
	static const int64_t tens[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000 };
	int hour, minute, second, h, m;
	int64_t part = 0;

	if (!number(&text, 1, 2, &hour) || !cul_skip(&text, CUL_LIT(":")) || !number(&text, 2, 2, &minute) || !cul_skip(&text, CUL_LIT(":")) ||
	    !number(&text, 2, 2, &second) || hour > 23 || minute > 59 || second > 60 || month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	if (text.size > 1 && (text.data[0] == '.' || text.data[0] == ',')) {
		struct cul_slice rest = cul_from(text, 1), digits = cul_digits(&rest);
		if (digits.size && digits.size <= 9 && cul_to_int(digits, &part)) {
			part *= tens[9 - digits.size];
			text = rest;
		}
	}
	struct cul_slice zone = text;
	(void)cul_skip(&zone, CUL_LIT(" "));
	if (cul_starts(zone, CUL_LIT("PM")) && hour < 12)
		hour += 12;
	else if (cul_starts(zone, CUL_LIT("AM")) && hour == 12)
		hour = 0;
	*ret = (struct cul_time){ .ns = cul_clock_civil(year, month, day, hour, minute, second, part), .clock = CUL_CLOCK_LOCAL };
	if (ret->ns == CUL_NO_TIME)
		return false;
	if (cul_starts(zone, CUL_LIT("UTC")) || cul_starts(zone, CUL_LIT("GMT"))) {
		ret->clock = CUL_CLOCK_UTC;
	} else if (zone.size > 4 && (zone.data[0] == '+' || zone.data[0] == '-')) {
		int64_t sign = zone.data[0] == '-' ? 1 : -1;
		zone = cul_from(zone, 1);
		if (number(&zone, 4, 4, &h)) {
			m = h % 100;
			ret->clock = CUL_CLOCK_UTC;
			if (__builtin_add_overflow(ret->ns, sign * (h / 100 * 60 + m) * 60 * CUL_SECOND, &ret->ns))
				return false;
		}
	}
	return true;
}

/* "14 Mar 2026 09:26:03", "14/Mar/2026:09:26:03", "14-Mar-2026 …". */
static bool day_first(struct cul_slice text, struct cul_time *ret)
{
	int day, month, year;

	if (!number(&text, 1, 2, &day) || !text.size || !strchr(" /-", text.data[0]))
		return false;
	char sign = text.data[0];
	text = cul_from(text, 1);
	if (!(month = month_of(&text)) || !text.size || text.data[0] != sign)
		return false;
	text = cul_from(text, 1);
	if (!number(&text, 4, 4, &year) || !text.size || (text.data[0] != ' ' && text.data[0] != ':'))
		return false;
	return day_time(cul_from(text, 1), year, month, day, ret);
}

/* "2026 Mar 14 09:26:03" */
static bool year_first(struct cul_slice text, struct cul_time *ret)
{
	int day, month, year;

	return number(&text, 4, 4, &year) && cul_skip(&text, CUL_LIT(" ")) && (month = month_of(&text)) && cul_skip(&text, CUL_LIT(" ")) &&
	       number(&text, 1, 2, &day) && cul_skip(&text, CUL_LIT(" ")) && day_time(text, year, month, day, ret);
}

/* "/Date(1743448267142)/" in JSON of .NET and PowerShell: since 1970, the unit is told by how many digits there are */
static bool json_date(struct cul_slice line, struct cul_time *ret)
{
	struct cul_slice rest, digits;

	if (line.size > 400)
		line.size = 400;
	if (!cul_cut(line, CUL_LIT("/Date("), NULL, &rest))
		return false;
	digits = rest;
	(void)cul_digits(&rest);
	digits.size = (size_t)(rest.data - digits.data);
	return cul_starts(rest, CUL_LIT(")")) && (digits.size == 10 || digits.size == 13) && cul_clock_unix(&digits, ret);
}

/* "Mar 14, 2026 9:26:03 AM" */
static bool month_first(struct cul_slice text, struct cul_time *ret)
{
	int day, month = month_of(&text), year;

	return month && cul_skip(&text, CUL_LIT(" ")) && number(&text, 1, 2, &day) && cul_skip(&text, CUL_LIT(", ")) &&
	       number(&text, 4, 4, &year) && cul_skip(&text, CUL_LIT(" ")) && day_time(text, year, month, day, ret);
}

/* "03/14/2026 09:26:03"; a first number beyond 12 is the day */
static bool american(struct cul_slice text, struct cul_time *ret)
{
	int month, day, year;

	if (!number(&text, 2, 2, &month) || !cul_skip(&text, CUL_LIT("/")) || !number(&text, 2, 2, &day) || !cul_skip(&text, CUL_LIT("/")) ||
	    !number(&text, 4, 4, &year) || !text.size || (text.data[0] != ' ' && text.data[0] != ','))
		return false;
	text = cul_from(text, 1);
	(void)cul_skip(&text, CUL_LIT(" "));
	return month > 12 ? day_time(text, year, day, month, ret) : day_time(text, year, month, day, ret);
}

static bool epoch(struct cul_slice text, struct cul_time *ret)
{
	struct cul_slice rest = text, digits = cul_digits(&rest);

	if ((digits.size != 10 && digits.size != 13) || digits.data[0] != '1' || (rest.size && !strchr(" .,:;\t|", rest.data[0])))
		return false;
	return cul_clock_unix(&text, ret);
}

bool cul_stamp(struct cul_slice line, struct cul_time *ret)
{
	size_t most = line.size && line.data[0] == '{' ? WITHIN_JSON : WITHIN;

	if (epoch(line, ret))
		return true;
	for (size_t i = 0; i < line.size && i < most; i++) {
		char c = line.data[i], before = i ? line.data[i - 1] : ' ';
		bool digit = c >= '0' && c <= '9', upper = c >= 'A' && c <= 'Z';

		if ((!digit && !upper) || (before >= '0' && before <= '9') || (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z'))
			continue;
		struct cul_slice text = cul_from(line, i);
		if (digit && text.size > 18 && text.data[4] == text.data[7] && (text.data[4] == '-' || text.data[4] == '/') && cul_clock_iso(&text, ret))
			return true;
		if (digit ? day_first(text, ret) || year_first(text, ret) || american(text, ret) : month_first(text, ret) || cul_clock_ctime(&text, ret))
			return true;
	}
	return line.size && line.data[0] == '{' && json_date(line, ret);
}
