/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Every shape of timestamp -> struct cul_time. Each function reads at the start of *text, moves *text behind what it
 * read and returns true; else false and nothing is changed. Dates are checked (May 32 is none).
 */
#ifndef CUL_BASE_CLOCK_H
#define CUL_BASE_CLOCK_H

#include "culprit/types.h"

#define CUL_SECOND INT64_C(1000000000)

/** 2026-11-21T02:00:59.123456+01:00, with ' ' for T, ',' or '.' fraction of 1..9 digits, Z, +0100, +01:00, " UTC", " +0000 UTC"; no zone: LOCAL. Also 2026/11/21 02:00:59. */
bool cul_clock_iso(struct cul_slice *text, struct cul_time *ret);
/** Nov 21 02:00:59, Nov  1 …, fraction allowed; optional year "2026 " before it. LOCAL, no_year unless given. */
bool cul_clock_syslog(struct cul_slice *text, struct cul_time *ret);
/** Sat Nov 21 02:00:59 2026, optional zone word before the year (UTC, CET), localised day and month names (de fr nl es it pt pl sv da) taken. LOCAL, or UTC when the zone says UTC/GMT. */
bool cul_clock_ctime(struct cul_slice *text, struct cul_time *ret);
/** `date` in its locale forms: ctime with zone, "Sat Nov 21 02:00:59 AM UTC 2026", "Sa 21. Nov 02:00:59 CET 2026". */
bool cul_clock_date(struct cul_slice *text, struct cul_time *ret);
/** Sat, 21 Nov 2026 02:00:59 +0000, as mails, HTTP and kubectl describe have it (RFC 5322 §3.3, RFC 9110 §5.6.7); the weekday may be missing. */
bool cul_clock_mail(struct cul_slice *text, struct cul_time *ret);
/** "  812.100000" seconds since boot (1..10 digits, '.', 1..9). BOOT. */
bool cul_clock_boot(struct cul_slice *text, struct cul_time *ret);
/** 1118 20:32:23.955028747 (glog MMDD, also MDD: 709), 0430 22:06:35.123000; LOCAL, no_year. */
bool cul_clock_glog(struct cul_slice *text, struct cul_time *ret);
/** 05-09 00:49:33 (vLLM MM-DD). LOCAL, no_year. */
bool cul_clock_monthday(struct cul_slice *text, struct cul_time *ret);
/** 02:00:59, fraction allowed. LOCAL, no_date. */
bool cul_clock_hms(struct cul_slice *text, struct cul_time *ret);
/** 1700000000, 1700000000.123456, 1700000000123 (ms), …(us), …(ns) by size. UTC. */
bool cul_clock_unix(struct cul_slice *text, struct cul_time *ret);

/** Civil date -> nanoseconds since the epoch (proleptic Gregorian); CUL_NO_TIME outside 1678..2261. */
int64_t cul_clock_civil(int64_t year, int month, int day, int hour, int minute, int second, int64_t ns);
void cul_clock_split(int64_t ns, int *year, int *month, int *day, int *hour, int *minute, int *second, int64_t *frac_ns);
/** "2026-11-21T02:00:59.123Z" into @buf of at least 32 bytes; "" for CUL_NO_TIME. Returns buf. */
const char *cul_clock_print(int64_t ns, char buf[32]);

#endif
