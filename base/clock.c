/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Every shape of timestamp -> struct cul_time, by hand: no locale, no allocation, no strptime.
 * Month and day names are taken in English and, as `dmesg -T` and `date` print them, in nine other languages.
 */
#include "base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"

static bool leap(int64_t y)
{
	return (y % 4 == 0 && y % 100) || y % 400 == 0;
}

static int days_in(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	return month == 2 && leap(year) ? 29 : days[month - 1];
}

int64_t cul_clock_civil(int64_t year, int month, int day, int hour, int minute, int second, int64_t ns)
{
	/* nanoseconds in 64 bits reach from 1678 to 2262 */
	if (year < 1678 || year > 2261)
		return CUL_NO_TIME;
	/* days since 1970-03-01 based eras, proleptic Gregorian */
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	int64_t days = era * 146097 + doe - 719468;
	return ((days * 24 + hour) * 60 + minute) * 60 * CUL_SECOND + second * CUL_SECOND + ns;
}

void cul_clock_split(int64_t t, int *year, int *month, int *day, int *hour, int *minute, int *second, int64_t *frac_ns)
{
	int64_t seconds = t / CUL_SECOND, frac = t % CUL_SECOND;
	if (frac < 0) {
		frac += CUL_SECOND;
		seconds--;
	}
	int64_t days = seconds / 86400, rest = seconds % 86400;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
	*hour = (int)(rest / 3600);
	*minute = (int)(rest / 60 % 60);
	*second = (int)(rest % 60);
	*frac_ns = frac;
}

const char *cul_clock_print(int64_t ns, char buf[32])
{
	int y, mo, d, h, mi, s;
	int64_t frac;
	buf[0] = 0;
	if (ns == CUL_NO_TIME)
		return buf;
	cul_clock_split(ns, &y, &mo, &d, &h, &mi, &s, &frac);
	if (y < 0 || y > 9999)
		return buf;
	snprintf(buf, 32, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)y % 10000, (unsigned)mo % 100, (unsigned)d % 100, (unsigned)h % 100,
		 (unsigned)mi % 100, (unsigned)s % 100, (unsigned)(frac / 1000000) % 1000);
	return buf;
}

/* ---- pieces --------------------------------------------------------------------------------- */

/* Exactly from @least to @most digits. */
static bool number(struct cul_slice *t, size_t least, size_t most, int64_t *ret)
{
	size_t n = 0;
	int64_t v = 0;
	while (n < t->size && n < most && isdigit((unsigned char)t->data[n]))
		v = v * 10 + (t->data[n++] - '0');
	if (n < least)
		return false;
	*ret = v;
	*t = cul_from(*t, n);
	return true;
}

static bool byte(struct cul_slice *t, char c)
{
	if (!t->size || t->data[0] != c)
		return false;
	*t = cul_from(*t, 1);
	return true;
}

static char ahead(struct cul_slice t, size_t n)
{
	return n < t.size ? t.data[n] : 0;
}

/* '.' or ',' and 1..9 digits (more are dropped) -> nanoseconds; none: 0. */
static int64_t fraction(struct cul_slice *t)
{
	if (t->size < 2 || (t->data[0] != '.' && t->data[0] != ',') || !isdigit((unsigned char)t->data[1]))
		return 0;
	int64_t v = 0;
	size_t n = 1, digits = 0;
	for (; n < t->size && isdigit((unsigned char)t->data[n]); n++)
		if (digits < 9) {
			v = v * 10 + (t->data[n] - '0');
			digits++;
		}
	for (; digits < 9; digits++)
		v *= 10;
	*t = cul_from(*t, n);
	return v;
}

struct hms {
	int64_t h, m, s, ns;
};

static bool read_hms(struct cul_slice *t, struct hms *ret)
{
	struct cul_slice u = *t;
	if (!number(&u, 1, 2, &ret->h) || !byte(&u, ':') || !number(&u, 2, 2, &ret->m) || !byte(&u, ':') || !number(&u, 2, 2, &ret->s))
		return false;
	if (ret->h > 23 || ret->m > 59 || ret->s > 60 || isdigit((unsigned char)ahead(u, 0)))
		return false;
	ret->ns = fraction(&u);
	*t = u;
	return true;
}

static bool day_fits(int64_t year, int64_t month, int64_t day)
{
	return month >= 1 && month <= 12 && day >= 1 && day <= days_in(year, (int)month);
}

static int64_t make(int64_t y, int64_t mo, int64_t d, const struct hms *c)
{
	return cul_clock_civil(y, (int)mo, (int)d, (int)c->h, (int)c->m, (int)c->s, c->ns);
}

/* Z, +01:00, +0100, +01, " UTC", " GMT", " +0000 UTC" -> seconds east; false: none there. */
static bool zone(struct cul_slice *t, int64_t *east)
{
	struct cul_slice u = *t;
	if (byte(&u, 'Z') && !isalnum((unsigned char)ahead(u, 0))) {
		*east = 0;
		*t = u;
		return true;
	}
	u = *t;
	bool blank = byte(&u, ' ');
	if (ahead(u, 0) == '+' || ahead(u, 0) == '-') {
		int64_t h, m = 0;
		int sign = u.data[0] == '-' ? -1 : 1;
		u = cul_from(u, 1);
		if (!number(&u, 2, 2, &h) || h > 14)
			return false;
		bool colon = byte(&u, ':');
		if (!number(&u, 2, 2, &m) && (colon || blank))
			return false;
		if (m > 59 || isdigit((unsigned char)ahead(u, 0)))
			return false;
		*east = sign * (h * 3600 + m * 60);
		cul_skip(&u, CUL_LIT(" UTC"));
		*t = u;
		return true;
	}
	if (blank && (cul_starts(u, CUL_LIT("UTC")) || cul_starts(u, CUL_LIT("GMT"))) && !isalnum((unsigned char)ahead(u, 3))) {
		*east = 0;
		*t = cul_from(u, 3);
		return true;
	}
	return false;
}

static void finish(struct cul_slice *u, int64_t ns, struct cul_time *ret)
{
	int64_t east;
	if (zone(u, &east))
		*ret = (struct cul_time){ ns - east * CUL_SECOND, CUL_CLOCK_UTC, false, false };
	else
		*ret = (struct cul_time){ ns, CUL_CLOCK_LOCAL, false, false };
}

/* ---- names ---------------------------------------------------------------------------------- */

/* en de fr nl es it pt pl sv/da/no; the first that fits is taken, so longer forms stand first */
static const char *const months[12] = {
	"january janvier januari januar janv jan. jan enero ene gennaio gen janeiro sty ",
	"february février fevrier février februari februar févr fév febrero febbraio feb. feb fev lut ",
	"march mars märz maart mrz mär mrt mar. mar mrz marzo ",
	"april avril abril aprile apr. apr avr abr kwi ",
	"maj mai may mei mag mayo maio ",
	"june juin juni jun. jun giu czerwca cze ",
	"july juil juillet juli jul. jul lug lip ",
	"august août aoû augustus augusti aug. aug ago agosto sie ",
	"september sept. sept septembre sep. sep set wrz ",
	"october oktober octobre okt. okt oct. oct ott out paź ",
	"november novembre nov. nov noviembre lis ",
	"december dezember décembre dez. dez déc dec. dec dic gru ",
};
static const char *const weekdays =
	"monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun "
	"montag dienstag mittwoch donnerstag freitag samstag sonntag mo di mi do fr sa so "
	"lun. mar. mer. jeu. ven. sam. dim. lun mar mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche "
	"ma di wo do vr za zo mié jue vie sáb dom gio seg ter qua qui sex sáb "
	"pon wto śro czw pią sob nie pn wt śr cz pt so nd mån tis ons tor fre lör sön man tir lør søn må ti on to lö sö ";

static size_t word_size(struct cul_slice t)
{
	size_t n = 0;
	while (n < t.size && n < 16 && (isalpha((unsigned char)t.data[n]) || (unsigned char)t.data[n] >= 0x80 || (t.data[n] == '.' && n)))
		n++;
	return n;
}

static bool in_list(const char *list, struct cul_slice word)
{
	char lower[20];
	if (!word.size || word.size > 16 || (unsigned char)(word.data[0] | 0x20) < 'a')
		return false;
	for (size_t i = 0; i < word.size; i++)
		lower[i] = (char)tolower((unsigned char)word.data[i]);
	/* É and the like: C3 80..9E are the capitals of C3 A0..BE */
	for (size_t i = 1; i < word.size; i++)
		if ((unsigned char)lower[i - 1] == 0xc3 && (unsigned char)lower[i] >= 0x80 && (unsigned char)lower[i] <= 0x9e)
			lower[i] = (char)((unsigned char)lower[i] + 0x20);
	size_t bare = lower[word.size - 1] == '.' ? word.size - 1 : word.size; /* "déc." is "déc" */
	for (const char *item = list; (item = strchr(item, lower[0])); item++)
		if ((item == list || item[-1] == ' ') && !strncmp(item, lower, bare) &&
		    (item[bare] == ' ' || (bare < word.size && item[bare] == '.' && item[word.size] == ' ')))
			return true;
	return false;
}

static bool month_name(struct cul_slice *t, int64_t *month)
{
	static const char english[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	if (t->size > 3 && !isalpha((unsigned char)t->data[3]) && t->data[3] != '.' && (unsigned char)t->data[3] < 0x80)
		for (int i = 0; i < 12; i++)
			if (!memcmp(t->data, english + i * 3, 3)) {
				*month = i + 1;
				*t = cul_from(*t, 3);
				return true;
			}
	size_t n = word_size(*t);
	for (int i = 0; i < 12; i++)
		if (in_list(months[i], cul_slice(t->data, n))) {
			*month = i + 1;
			*t = cul_from(*t, n);
			return true;
		}
	return false;
}

static bool weekday_name(struct cul_slice *t)
{
	size_t n = word_size(*t);
	/* what begins a line is rarely one: a blank has to follow, or a comma */
	if (n == t->size || (t->data[n] != ' ' && t->data[n] != ',') || !in_list(weekdays, cul_slice(t->data, n)))
		return false;
	*t = cul_from(*t, n);
	return true;
}

static void blanks(struct cul_slice *t)
{
	while (t->size && t->data[0] == ' ')
		*t = cul_from(*t, 1);
}

/* ---- the shapes ----------------------------------------------------------------------------- */

bool cul_clock_iso(struct cul_slice *text, struct cul_time *ret)
{
	struct cul_slice u = *text;
	int64_t y, mo, d;
	struct hms c;
	if (!number(&u, 4, 4, &y))
		return false;
	char mark = ahead(u, 0);
	if ((mark != '-' && mark != '/') || !byte(&u, mark) || !number(&u, 2, 2, &mo) || !byte(&u, mark) || !number(&u, 2, 2, &d))
		return false;
	if (cul_starts(u, CUL_LIT(" - ")))
		u = cul_from(u, 3); /* gin: 2025/03/04 - 17:00:27 */
	else if (!byte(&u, 'T') && !byte(&u, ' ') && !byte(&u, '-') && !byte(&u, '_'))
		return false;
	if (!day_fits(y, mo, d) || y < 1970 || y > 2200 || !read_hms(&u, &c))
		return false;
	finish(&u, make(y, mo, d, &c), ret);
	*text = u;
	return true;
}

bool cul_clock_syslog(struct cul_slice *text, struct cul_time *ret)
{
	struct cul_slice u = *text;
	int64_t y = 0, mo, d;
	struct hms c;
	bool year = false;
	if (isdigit((unsigned char)ahead(u, 0))) {
		if (!number(&u, 4, 4, &y) || !byte(&u, ' '))
			return false;
		year = true;
	}
	if (!month_name(&u, &mo) || !byte(&u, ' '))
		return false;
	byte(&u, ' ');
	if (!number(&u, 1, 2, &d) || !byte(&u, ' '))
		return false;
	struct cul_slice v = u;
	if (!year && number(&v, 4, 4, &y) && byte(&v, ' ') && y > 1970 && y < 2200) {
		u = v;
		year = true;
	}
	if (!read_hms(&u, &c))
		return false;
	/* a leap day without its year is read as one of 1972 */
	if (!year)
		y = mo == 2 && d == 29 ? 1972 : 1970;
	if (!day_fits(y, mo, d) || y < 1970 || y > 2200)
		return false;
	*ret = (struct cul_time){ make(y, mo, d, &c), CUL_CLOCK_LOCAL, !year, false };
	*text = u;
	return true;
}

/* "UTC ", "CEST ", "+0200 ", "AM " before the year. */
static bool zone_word(struct cul_slice *t, bool *utc, int64_t *east, bool *known, int *half)
{
	struct cul_slice u = *t, word = cul_word(&u);
	if (cul_is(word, CUL_LIT("AM")) || cul_is(word, CUL_LIT("PM"))) {
		*half = word.data[0] == 'P' ? 2 : 1;
	} else if (cul_is(word, CUL_LIT("UTC")) || cul_is(word, CUL_LIT("GMT"))) {
		*utc = true;
	} else if (word.size == 5 && (word.data[0] == '+' || word.data[0] == '-')) {
		struct cul_slice z = word;
		*known = zone(&z, east);
		if (!*known)
			return false;
	} else {
		if (word.size < 2 || word.size > 5)
			return false;
		for (size_t i = 0; i < word.size; i++)
			if (!isupper((unsigned char)word.data[i]))
				return false;
	}
	*t = u;
	blanks(t);
	return true;
}

static bool read_ctime(struct cul_slice *text, struct cul_time *ret, bool loose)
{
	struct cul_slice u = *text;
	int64_t y, mo, d, east = 0;
	struct hms c;
	bool utc = false, known = false;
	int half = 0;
	if (!weekday_name(&u))
		return false;
	byte(&u, ',');
	if (!byte(&u, ' '))
		return false;
	blanks(&u);
	if (isdigit((unsigned char)ahead(u, 0))) { /* Sa 21. Nov 02:00:59 CET 2026; 21 nov. 2026 02:00:59 */
		if (!number(&u, 1, 2, &d))
			return false;
		byte(&u, '.');
		blanks(&u);
		if (!month_name(&u, &mo))
			return false;
	} else {
		if (!month_name(&u, &mo) || !byte(&u, ' '))
			return false;
		blanks(&u);
		if (!number(&u, 1, 2, &d))
			return false;
	}
	blanks(&u);
	struct cul_slice v = u;
	bool early = loose && number(&v, 4, 4, &y) && ahead(v, 0) == ' ';
	if (early) {
		u = v;
		blanks(&u);
	}
	if (!read_hms(&u, &c))
		return false;
	if (!early) {
		blanks(&u);
		for (int words = 0; words < 2 && u.size && !isdigit((unsigned char)u.data[0]); words++)
			if (!zone_word(&u, &utc, &east, &known, &half))
				return false;
		if (!number(&u, 4, 4, &y))
			return false;
	} else {
		v = u;
		blanks(&v);
		while (v.size && zone_word(&v, &utc, &east, &known, &half))
			u = v;
	}
	if (isdigit((unsigned char)ahead(u, 0)) || !day_fits(y, mo, d) || y < 1970 || y > 2200)
		return false;
	if (half && c.h <= 12)
		c.h = c.h % 12 + (half == 2 ? 12 : 0);
	*ret = (struct cul_time){ make(y, mo, d, &c) - east * CUL_SECOND, utc || known ? CUL_CLOCK_UTC : CUL_CLOCK_LOCAL, false, false };
	*text = u;
	return true;
}

bool cul_clock_ctime(struct cul_slice *text, struct cul_time *ret)
{
	return read_ctime(text, ret, false);
}

bool cul_clock_date(struct cul_slice *text, struct cul_time *ret)
{
	struct cul_slice u = *text;
	return weekday_name(&u) && (read_ctime(text, ret, false) || read_ctime(text, ret, true));
}

bool cul_clock_mail(struct cul_slice *text, struct cul_time *ret)
{
	struct cul_slice u = *text;
	int64_t y, mo, d;
	struct hms c;
	if (weekday_name(&u) && !byte(&u, ','))
		return false;
	blanks(&u);
	if (!number(&u, 1, 2, &d) || !byte(&u, ' ') || !month_name(&u, &mo) || !byte(&u, ' ') || !number(&u, 4, 4, &y) || !byte(&u, ' '))
		return false;
	if (!day_fits(y, mo, d) || y < 1970 || y > 2200 || !read_hms(&u, &c))
		return false;
	finish(&u, make(y, mo, d, &c), ret);
	*text = u;
	return true;
}

bool cul_clock_boot(struct cul_slice *text, struct cul_time *ret)
{
	struct cul_slice u = *text;
	int64_t s;
	blanks(&u);
	if (!number(&u, 1, 10, &s) || ahead(u, 0) != '.' || !isdigit((unsigned char)ahead(u, 1)))
		return false;
	if (__builtin_mul_overflow(s, CUL_SECOND, &s) || __builtin_add_overflow(s, fraction(&u), &s))
		return false;
	*ret = (struct cul_time){ s, CUL_CLOCK_BOOT, false, false };
	*text = u;
	return true;
}

bool cul_clock_glog(struct cul_slice *text, struct cul_time *ret)
{
	struct cul_slice u = *text, digits = cul_digits(&u);
	struct hms c;
	if (digits.size < 3 || digits.size > 4 || !byte(&u, ' ') || !read_hms(&u, &c))
		return false;
	int64_t d = (digits.data[digits.size - 2] - '0') * 10 + digits.data[digits.size - 1] - '0';
	int64_t mo = digits.size == 3 ? digits.data[0] - '0' : (digits.data[0] - '0') * 10 + digits.data[1] - '0';
	int64_t y = mo == 2 && d == 29 ? 1972 : 1970;
	if (!day_fits(y, mo, d))
		return false;
	*ret = (struct cul_time){ make(y, mo, d, &c), CUL_CLOCK_LOCAL, true, false };
	*text = u;
	return true;
}

bool cul_clock_monthday(struct cul_slice *text, struct cul_time *ret)
{
	struct cul_slice u = *text;
	int64_t mo, d;
	struct hms c;
	if (!number(&u, 2, 2, &mo) || !byte(&u, '-') || !number(&u, 2, 2, &d) || !byte(&u, ' ') || !read_hms(&u, &c))
		return false;
	int64_t y = mo == 2 && d == 29 ? 1972 : 1970;
	if (!day_fits(y, mo, d))
		return false;
	*ret = (struct cul_time){ make(y, mo, d, &c), CUL_CLOCK_LOCAL, true, false };
	*text = u;
	return true;
}

bool cul_clock_hms(struct cul_slice *text, struct cul_time *ret)
{
	struct cul_slice u = *text;
	struct hms c;
	if (!read_hms(&u, &c))
		return false;
	*ret = (struct cul_time){ make(1970, 1, 1, &c), CUL_CLOCK_LOCAL, false, true };
	*text = u;
	return true;
}

bool cul_clock_unix(struct cul_slice *text, struct cul_time *ret)
{
	struct cul_slice u = *text, digits = cul_digits(&u);
	int64_t v, scale;
	if (digits.size < 10 || digits.size > 19 || !cul_to_int(digits, &v))
		return false;
	if (digits.size <= 11)
		scale = CUL_SECOND;
	else if (digits.size <= 14)
		scale = 1000000;
	else if (digits.size <= 17)
		scale = 1000;
	else
		scale = 1;
	if (__builtin_mul_overflow(v, scale, &v))
		return false;
	if (scale == CUL_SECOND)
		v += fraction(&u);
	*ret = (struct cul_time){ v, CUL_CLOCK_UTC, false, false };
	*text = u;
	return true;
}
