/* SPDX-License-Identifier: Apache-2.0 */
/**
 * How often CRE rules fire: a rule's body, a log, the number of firings, worked out by hand from the rules of deciding.
 * A log's lines are "SECONDS TEXT". tests/cre holds whole files with a log that fires and one that does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "culprit/culprit.h"

struct sample {
	const char *about, *rule, *log;
	int firings;
	const char *first; /* time of the first, or NULL */
	const char *entries; /* seconds of all entries of all firings, sorted, or NULL */
};

#define SET(rest) "set: { event: { source: s }, " rest " }"
#define SEQ(rest) "sequence: { event: { source: s }, " rest " }"

static const struct sample samples[] = {
	{ "each line of a single term", SET("match: [alpha]"), "1 alpha\n2 beta\n3 alpha\n3 alpha\n", 3, "01.000" },
	{ "the oldest of each is taken", SET("window: 10s, match: [alpha, beta]"), "1 alpha\n2 alpha\n3 beta\n4 beta\n", 2, "01.000" },
	{ "what is left goes on counting", SET("window: 10s, match: [alpha, beta]"), "1 alpha\n2 alpha\n3 beta\n13 beta\n", 1, "01.000" },
	{ "a window's last nanosecond", SET("window: 10s, match: [alpha, beta]"), "1 alpha\n2 alpha\n3 beta\n12 beta\n", 2, "01.000" },
	{ "one line is one entry", SET("window: 10s, match: [{value: alpha, count: 2}]"), "1 alpha alpha\n", 0, NULL },
	{ "count takes several", SET("window: 10s, match: [{value: alpha, count: 2}]"), "1 alpha\n2 alpha\n3 alpha\n4 alpha\n5 alpha\n", 2, "01.000" },
	{ "count slides over the old", SET("window: 2s, match: [{value: alpha, count: 3}]"), "1 alpha\n2 alpha\n4 alpha\n4 alpha\n", 1, "02.000" },
	{ "listed twice is count 2", SET("window: 9s, match: [alpha, beta, alpha]"), "1 beta\n2 alpha\n3 alpha\n4 alpha\n5 beta\n6 alpha\n", 2, "01.000" },
	{ "one line, two terms", SET("window: 9s, match: [alpha, beta]"), "1 alpha beta\n2 beta alpha\n", 2, "01.000" },
	{ "terms differ by case", SET("match: [Alpha]"), "1 alpha\n", 0, NULL },
	{ "a sequence", SEQ("window: 9s, order: [alpha, beta, gamma]"), "1 alpha\n2 beta\n3 gamma\n4 alpha\n5 beta\n6 gamma\n", 2, "01.000" },
	{ "in order only", SEQ("window: 9s, order: [alpha, beta]"), "1 beta\n2 alpha\n", 0, NULL },
	{ "a start that is remembered", SEQ("window: 5s, order: [alpha, beta]"), "1 alpha\n5 alpha\n8 beta\n", 1, "05.000" },
	{ "two starts, two ends", SEQ("window: 9s, order: [alpha, beta]"), "1 alpha\n2 alpha\n3 beta\n4 beta\n", 2, "01.000" },
	{ "an end without a start", SEQ("window: 9s, order: [alpha, beta]"), "1 alpha\n2 beta\n3 beta\n", 1, "01.000" },
	{ "a middle before the new start", SEQ("window: 5s, order: [alpha, beta, gamma]"), "1 alpha\n2 beta\n4 alpha\n7 gamma\n8 beta\n9 gamma\n", 1, "04.000" },
	{ "equal times", SEQ("window: 1ms, order: [alpha, beta, gamma]"), "1 alpha\n1 beta\n1 gamma\n", 1, "01.000" },
	{ "the same term again", SEQ("window: 9s, order: [alpha, beta, alpha]"), "1 alpha\n2 beta\n3 alpha\n4 beta\n5 alpha\n", 2, "01.000" },
	{ "twice in a row", SEQ("window: 9s, order: [alpha, alpha, beta]"), "1 alpha\n2 beta\n3 alpha\n4 beta\n", 1, "01.000" },
	{ "refused between", SEQ("window: 9s, order: [alpha, beta], negate: [nope]"), "1 alpha\n2 nope\n3 beta\n", 0, NULL },
	{ "after is late", SEQ("window: 9s, order: [alpha, beta], negate: [nope]"), "1 alpha\n3 beta\n4 nope\n", 1, "01.000" },
	{ "before is early", SEQ("window: 9s, order: [alpha, beta], negate: [nope]"), "1 nope\n2 alpha\n3 beta\n", 1, "02.000" },
	{ "the next start after a refusal", SEQ("window: 9s, order: [alpha, beta], negate: [nope]"), "1 alpha\n2 nope\n3 alpha\n4 beta\n", 1, "03.000" },
	{ "span and window", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, window: 2s}]"), "1 alpha\n3 beta\n5 nope\n", 0, NULL },
	{ "absolute leaves the span out", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, window: 2s, absolute: true}]"), "1 alpha\n3 beta\n5 nope\n", 1, "01.000" },
	{ "anchor on the last", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, anchor: 1, window: 2s, absolute: true}]"), "1 alpha\n3 beta\n5 nope\n", 0, NULL },
	{ "a lost last is searched anew", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, anchor: 1, window: 2s, absolute: true}]"), "1 alpha\n3 beta\n5 nope\n7 beta\n", 1, "01.000" },
	{ "slide to the left", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, slide: -3s, window: 1s, absolute: true}]"), "1 nope\n4 alpha\n5 beta\n", 0, NULL },
	{ "left of the slide", SEQ("window: 9s, order: [alpha, beta], negate: [{value: nope, slide: -3s, window: 1s, absolute: true}]"), "0 nope\n4 alpha\n5 beta\n", 1, "04.000" },
	{ "slide to the right", SET("match: [alpha], negate: [{value: nope, slide: 5s, window: 5s}]"), "1 alpha\n6 nope\n", 0, NULL },
	{ "a point", SET("match: [alpha], negate: [nope]"), "1 alpha\n1 nope\n2 alpha\n3 nope\n", 1, "02.000" },
	{ "a negative width is a point", SET("match: [alpha], negate: [{value: nope, window: -5s, absolute: true}]"), "1 nope\n2 alpha\n", 1, "02.000" },
	{ "a set's anchors are by time", SET("window: 9s, match: [alpha, beta], negate: [{value: nope, anchor: 1, window: 1s, absolute: true}]"), "1 beta\n2 nope\n5 alpha\n", 1, "01.000" },
	{ "and the later one is lost", SET("window: 9s, match: [alpha, beta], negate: [{value: nope, anchor: 1, window: 1s, absolute: true}]"), "1 beta\n5 alpha\n6 nope\n8 alpha\n", 1, "01.000" },
	{ "undecided until the end", SET("match: [alpha], negate: [{value: nope, window: 1h}]"), "1 alpha\n", 1, "01.000" },
	{ "two negative terms", SET("match: [alpha], negate: [{value: nope, window: 1s}, {value: never, window: 1s}]"), "1 alpha\n2 never\n4 alpha\n5 nope\n7 alpha\n", 1, "07.000" },
	{ "an anchor among repeated ones", SET("window: 20s, match: [alpha, alpha, alpha, beta], negate: [{value: nope, anchor: 2, window: 10s, absolute: true}]"), "1 alpha\n2 beta\n11 alpha\n15 alpha\n22 nope\n", 1, "01.000" },
	{ "the repeated one is lost", SET("window: 50s, match: [alpha, alpha, beta, alpha], negate: [{value: nope, anchor: 2, window: 20s, absolute: true}]"), "1 alpha\n2 beta\n11 alpha\n15 alpha\n31 nope\n33 alpha\n34 alpha\n", 1, "01.000" },
	{ "repeated starts are used up", SEQ("window: 10s, order: [alpha, alpha, alpha, beta]"), "1 alpha\n2 beta\n3 alpha\n4 alpha\n5 alpha\n6 alpha\n7 beta\n8 beta\n", 1, "01.000" },
	{ "repeated starts twice", SEQ("window: 3s, order: [alpha, alpha, beta]"), "1 alpha\n1 alpha\n1 alpha\n1 alpha\n1 beta\n2 beta\n", 2, "01.000" },
	{ "a start in mid-run ages out", SEQ("window: 3s, order: [alpha, alpha, alpha, beta]"), "1 alpha\n2 alpha\n3 alpha\n4 alpha\n5 alpha\n6 alpha\n7 alpha\n8 beta\n", 1, "05.000" },
	{ "runs apart", SEQ("window: 5s, order: [alpha, alpha, gamma, alpha, alpha, beta]"), "1 alpha\n2 alpha\n3 gamma\n4 alpha\n5 alpha\n6 alpha\n7 gamma\n8 alpha\n9 alpha\n10 beta\n", 1, "05.000" },
	{ "a window of nothing", SET("window: 0s, match: [alpha, beta]"), "1 alpha\n1 beta\n2 alpha\n3 beta\n", 1, "01.000" },
	{ "overlaps", SEQ("window: 20s, order: [alpha, beta, gamma]"), "1 alpha\n2 alpha\n3 beta\n4 alpha\n5 gamma\n6 beta\n7 alpha\n8 gamma\n9 beta\n13 gamma\n", 3, "01.000" },
	{ "a middle that is too old", SEQ("window: 50s, order: [alpha, beta, gamma]"), "1 alpha\n2 beta\n3 beta\n4 alpha\n5 gamma\n6 gamma\n7 gamma\n8 beta\n9 beta\n10 alpha\n11 beta\n12 gamma\n", 2, "01.000" },
	{ "a last that is lost, twice", SEQ("window: 10s, order: [alpha, beta, gamma], negate: [{value: nope, anchor: 2, slide: -5s, window: 5s, absolute: true}]"), "1 alpha\n2 nope\n3 beta\n4 gamma\n7 gamma\n8 gamma\n", 1, "01.000" },
	{ "sets that overlap", SET("window: 50s, match: [alpha, beta, gamma]"), "1 alpha\n2 beta\n3 beta\n4 alpha\n5 gamma\n6 gamma\n7 gamma\n8 beta\n9 beta\n10 alpha\n", 3, "01.000" },
	{ "repeated in a set, with the window", SET("window: 5s, match: [alpha, alpha, beta]"), "1 alpha\n2 beta\n7 alpha\n8 alpha\n11 beta\n12 beta\n13 alpha\n14 beta\n19 alpha\n19 alpha\n", 2, "07.000" },
	{ "nested", SEQ("window: 1m, order: [{set: {window: 3s, match: [alpha, beta]}}, gamma]"), "1 beta\n3 alpha\n9 gamma\n10 gamma\n", 1, "01.000" },
	{ "regex", SET("match: [{regex: '^\\S+Z al(ph|f)a$'}]"), "1 alpha\n2 alfa\n3 alpha.\n", 2, "01.000" },
	{ "dot is no dot", SET("match: [a.pha]"), "1 alpha\n", 0, NULL },
};

/*
 * Windows, repeated terms, anchors, slides and negation: what the reference matcher's own tests ask (prequel-logmatch, pkg/match, 2025),
 * with the firings and the entries that it gives. The clock need not be advanced here: the end of the log does that.
 */
static const struct sample reference[] = {
	{ "one term", SET("match: [port down]"), "1 port down\n2 peer lost\n", 1, NULL, "1" },
	{ "noise and a lone end before", SEQ("window: 10s, order: [port down, peer lost]"), "1 all quiet\n2 peer lost\n3 port down\n4 peer lost\n", 1, NULL, "3 4" },
	{ "three starts and one end", SEQ("window: 10s, order: [port down, peer lost]"), "1 port down\n2 port down\n3 port down\n4 peer lost\n", 1, NULL, "1 4" },
	{ "overlapping runs", SEQ("window: 20s, order: [port down, peer lost, route gone]"), "1 port down\n2 port down\n3 peer lost\n4 port down\n5 route gone\n6 peer lost\n7 port down\n8 route gone\n9 peer lost\n10 all quiet\n11 all quiet\n12 all quiet\n13 route gone\n", 3, NULL, "1 2 3 4 5 6 8 9 13" },
	{ "an end behind the window", SEQ("window: 10s, order: [port down, peer lost]"), "1 port down\n12 peer lost\n", 0, NULL, "" },
	{ "an end behind the window of the second start", SEQ("window: 10s, order: [port down, peer lost]"), "1 port down\n2 port down\n13 peer lost\n", 0, NULL, "" },
	{ "windows that overlap", SEQ("window: 20s, order: [port down, peer lost]"), "1 port down\n1 all quiet\n1 all quiet\n1 all quiet\n22 peer lost\n23 port down\n24 peer lost\n25 port down\n35 port down\n46 all quiet\n47 peer lost\n", 2, NULL, "23 24 35 47" },
	{ "three at one time", SEQ("window: 10s, order: [port down, peer lost, route gone]"), "1 port down\n1 peer lost\n1 route gone\n", 1, NULL, "1 1 1" },
	{ "middles too old for the next start", SEQ("window: 50s, order: [port down, peer lost, route gone]"), "1 port down\n2 peer lost\n3 peer lost\n4 port down\n5 route gone\n6 route gone\n7 route gone\n8 peer lost\n9 peer lost\n10 port down\n11 peer lost\n12 route gone\n", 2, NULL, "1 2 4 5 8 12" },
	{ "many middles", SEQ("window: 100s, order: [port down, peer lost, route gone]"), "1 port down\n2 peer lost\n3 peer lost\n4 peer lost\n5 peer lost\n6 peer lost\n7 route gone\n", 1, NULL, "1 2 7" },
	{ "only what was there, in a sequence", SEQ("window: 10s, order: [port down, peer lost]"), "1 all quiet\n2 all quiet\n", 0, NULL, "" },
	{ "ten discards, counted", SEQ("window: 10s, order: [port down, port down, port down, peer lost]"), "1 port down\n2 peer lost\n3 port down\n4 port down\n5 port down\n6 port down\n7 peer lost\n8 peer lost\n17 peer lost\n", 1, NULL, "1 3 4 7" },
	{ "a sequence of one term", SEQ("window: 10s, order: [port down, port down, port down]"), "1 port down\n2 port down\n3 port down\n", 1, NULL, "1 2 3" },
	{ "two of each", SEQ("window: 10s, order: [port down, port down, peer lost, peer lost]"), "1 port down\n2 port down\n3 peer lost\n4 peer lost\n", 1, NULL, "1 2 3 4" },
	{ "three of one too long ago", SEQ("window: 4s, order: [port down, port down, port down, peer lost]"), "1 port down\n2 port down\n3 port down\n4 port down\n5 port down\n8 peer lost\n", 0, NULL, "" },
	{ "three of one just in time", SEQ("window: 3s, order: [port down, port down, port down, peer lost]"), "1 port down\n2 port down\n3 port down\n4 port down\n5 port down\n6 port down\n7 port down\n8 peer lost\n", 1, NULL, "5 6 7 8" },
	{ "seven at one time", SEQ("window: 3s, order: [port down, port down, port down, peer lost]"), "1 port down\n1 port down\n1 port down\n1 port down\n1 port down\n1 port down\n1 port down\n1 peer lost\n2 peer lost\n", 2, NULL, "1 1 1 1 1 1 1 2" },
	{ "two runs of one term", SEQ("window: 5s, order: [port down, port down, peer lost, port down, port down, route gone]"), "1 port down\n2 port down\n3 peer lost\n4 port down\n5 port down\n6 port down\n7 peer lost\n8 port down\n9 port down\n10 route gone\n", 1, NULL, "5 6 7 8 9 10" },
	{ "two runs, the second single", SEQ("window: 5s, order: [port down, port down, peer lost, port down, route gone]"), "1 port down\n2 port down\n3 peer lost\n4 port down\n5 port down\n6 port down\n7 peer lost\n8 port down\n9 port down\n10 route gone\n", 1, NULL, "5 6 7 8 10" },
	{ "two of each, the first too old", SEQ("window: 4s, order: [port down, port down, peer lost, peer lost, route gone]"), "1 port down\n2 port down\n3 port down\n4 port down\n5 peer lost\n6 peer lost\n8 route gone\n", 0, NULL, "" },
	{ "two of each in time", SEQ("window: 5s, order: [port down, port down, peer lost, peer lost, route gone]"), "1 port down\n2 port down\n3 port down\n4 port down\n5 port down\n6 peer lost\n7 peer lost\n8 peer lost\n8 route gone\n", 1, NULL, "3 4 6 7 8" },
	{ "the end of a window without its reset", SET("match: [port down], negate: [{value: port up, window: 10s}]"), "1 port down\n10 all quiet\n12 port up\n", 1, NULL, "1" },
	{ "a reset on the last tick", SET("match: [port down], negate: [{value: port up, window: 10s}]"), "1 port down\n11 port up\n1000 all quiet\n", 0, NULL, "" },
	{ "a reset at the same time", SET("match: [port down], negate: [port up]"), "1 port down\n1 port up\n", 0, NULL, "" },
	{ "a reset at the time of the end, sequence", SEQ("window: 10s, order: [port down, peer lost], negate: [port up]"), "1 port down\n2 peer lost\n2 port up\n", 0, NULL, "" },
	{ "a reset at the time of the end, set", SET("window: 10s, match: [port down, peer lost], negate: [port up]"), "1 port down\n2 peer lost\n2 port up\n", 0, NULL, "" },
	{ "absolute, from the first", SEQ("window: 10s, order: [port down, peer lost], negate: [{value: port up, window: 50s, absolute: true}]"), "1 port down\n11 peer lost\n51 all quiet\n52 all quiet\n", 1, NULL, "1 11" },
	{ "absolute, and a big jump", SEQ("window: 10s, order: [port down, peer lost], negate: [{value: port up, window: 50s, absolute: true}]"), "1 port down\n2 peer lost\n10000 all quiet\n", 1, NULL, "1 2" },
	{ "absolute does not lengthen the window", SEQ("window: 10s, order: [port down, peer lost], negate: [{value: port up, window: 50s, absolute: true}]"), "1 port down\n12 peer lost\n10000 all quiet\n", 0, NULL, "" },
	{ "slide left, sequence", SEQ("window: 5s, order: [port down, peer lost], negate: [{value: port up, window: 20s, slide: -5s, absolute: true}]"), "1 port up\n6 port down\n7 port down\n8 peer lost\n22 all quiet\n23 all quiet\n", 1, NULL, "7 8" },
	{ "slide right, sequence", SEQ("window: 5s, order: [port down, peer lost], negate: [{value: port up, window: 20s, slide: 5s, absolute: true}]"), "1 port down\n22 port down\n23 port up\n24 peer lost\n26 port up\n47 all quiet\n48 all quiet\n1000 all quiet\n", 1, NULL, "22 24" },
	{ "relative, the last tick, sequence", SEQ("window: 3s, order: [port down, peer lost, route gone], negate: [{value: port up, window: 10s}]"), "1 port down\n2 peer lost\n3 route gone\n13 all quiet\n13 port up\n1000 all quiet\n", 0, NULL, "" },
	{ "anchored on the end", SEQ("window: 3s, order: [port down, peer lost], negate: [{value: port up, window: 10s, anchor: 1, absolute: true}]"), "1 port down\n4 peer lost\n14 all quiet\n15 all quiet\n", 1, NULL, "1 4" },
	{ "the end is lost, the start is not", SEQ("window: 10s, order: [port down, peer lost, route gone], negate: [{value: port up, window: 5s, slide: -5s, anchor: 2, absolute: true}]"), "1 port down\n2 port up\n3 peer lost\n4 route gone\n7 route gone\n8 route gone\n9 all quiet\n", 1, NULL, "1 3 8" },
	{ "two relative resets, sequence", SEQ("window: 50s, order: [port down, peer lost], negate: [port up, peer back]"), "1 port down\n2 peer lost\n3 port down\n4 port up\n5 peer lost\n6 peer lost\n7 all quiet\n8 port down\n9 peer lost\n10 port down\n11 peer lost\n11 peer back\n1000 all quiet\n", 2, NULL, "1 2 8 9" },
	{ "three resets, one absolute, none there", SEQ("window: 50s, order: [port down, peer lost], negate: [port up, peer back, {value: drill begins, window: 100s, absolute: true}]"), "1 port down\n51 peer lost\n101 all quiet\n102 all quiet\n", 1, NULL, "1 51" },
	{ "three resets, the absolute one on its last tick", SEQ("window: 50s, order: [port down, peer lost], negate: [port up, peer back, {value: drill begins, window: 100s, absolute: true}]"), "1 port down\n51 peer lost\n101 drill begins\n1000 all quiet\n", 0, NULL, "" },
	{ "decided at the end of the log, sequence", SEQ("window: 10s, order: [port down, peer lost], negate: [{value: port up, window: 20s, absolute: true}]"), "1 port down\n2 peer lost\n3 route gone\n", 1, NULL, "1 2" },
	{ "a relative window behind the end", SEQ("window: 10s, order: [port down, peer lost], negate: [port up, peer back, {value: drill begins, window: 5s}]"), "1 port down\n2 peer lost\n7 all quiet\n8 all quiet\n1000 all quiet\n", 1, NULL, "1 2" },
	{ "repeated starts with an open window", SEQ("window: 10s, order: [port down, port down, port down, peer lost], negate: [{value: port up, window: 20s, absolute: true}]"), "1 port down\n2 port down\n3 port down\n4 peer lost\n21 peer lost\n22 peer lost\n1000 all quiet\n", 1, NULL, "1 2 3 4" },
	{ "repeated starts that are reset", SEQ("window: 10s, order: [port down, port down, port down, peer lost], negate: [{value: port up, window: 20s, absolute: true}]"), "1 port down\n2 port down\n3 port down\n4 peer lost\n21 port up\n22 peer lost\n1000 all quiet\n", 0, NULL, "" },
	{ "resets alone, sequence", SEQ("window: 10s, order: [port down, peer lost, route gone], negate: [port up]"), "1 port up\n2 port up\n3 port up\n", 0, NULL, "" },
	{ "repeated term, first one anchored", SEQ("window: 5s, order: [port down, port down, port down], negate: [port up]"), "1 port down\n2 port down\n3 port down\n4 all quiet\n", 1, NULL, "1 2 3" },
	{ "no window at all, reset first", SEQ("window: 0s, order: [port down, peer lost], negate: [{value: port up, absolute: true}]"), "1 port up\n1 port down\n1 peer lost\n2 all quiet\n", 0, NULL, "" },
	{ "in any order, twice", SET("window: 50s, match: [port down, peer lost, route gone]"), "1 port down\n2 route gone\n3 peer lost\n4 route gone\n5 port down\n6 route gone\n7 peer lost\n8 peer lost\n", 2, NULL, "1 2 3 4 5 7" },
	{ "what is older than the window is dropped", SET("window: 5s, match: [port down, peer lost, route gone]"), "1 port down\n4 route gone\n7 peer lost\n8 port down\n9 route gone\n", 1, NULL, "4 7 8" },
	{ "a set at one time", SET("window: 5s, match: [port down, peer lost, route gone]"), "1 port down\n1 route gone\n1 peer lost\n", 1, NULL, "1 1 1" },
	{ "what is left counts on", SET("window: 50s, match: [port down, peer lost, route gone]"), "1 port down\n2 peer lost\n3 peer lost\n4 port down\n5 route gone\n6 route gone\n7 route gone\n8 peer lost\n9 peer lost\n10 port down\n11 peer lost\n12 route gone\n", 3, NULL, "1 2 3 4 5 6 7 8 10" },
	{ "two of one", SET("window: 5s, match: [port down, port down]"), "1 port down\n2 port down\n", 1, NULL, "1 2" },
	{ "two of one at one time", SET("window: 5s, match: [port down, port down]"), "1 port down\n1 port down\n", 1, NULL, "1 1" },
	{ "two of one around another", SET("window: 5s, match: [port down, port down, peer lost]"), "1 port down\n2 peer lost\n3 port down\n", 1, NULL, "1 2 3" },
	{ "three where two will do", SET("window: 5s, match: [port down, port down, peer lost]"), "1 port down\n2 port down\n3 port down\n4 peer lost\n", 1, NULL, "1 2 4" },
	{ "three of one around another", SET("window: 5s, match: [port down, port down, port down, peer lost]"), "1 port down\n2 peer lost\n3 port down\n4 port down\n", 1, NULL, "1 2 3 4" },
	{ "repeated and the window", SET("window: 5s, match: [port down, port down, peer lost]"), "1 port down\n2 peer lost\n7 port down\n8 port down\n11 peer lost\n12 peer lost\n13 port down\n14 peer lost\n19 port down\n19 port down\n", 2, NULL, "7 8 11 14 19 19" },
	{ "in any order, twice, with a reset that never comes", SET("window: 50s, match: [port down, peer lost, route gone], negate: [port up]"), "1 port down\n2 route gone\n3 peer lost\n4 route gone\n5 port down\n6 route gone\n7 peer lost\n8 peer lost\n", 2, NULL, "1 2 3 4 5 7" },
	{ "the window, with a reset that never comes", SET("window: 5s, match: [port down, peer lost, route gone], negate: [port up]"), "1 port down\n4 route gone\n7 peer lost\n8 port down\n9 route gone\n", 1, NULL, "4 7 8" },
	{ "decided at the end of the log, set", SET("window: 10s, match: [port down, peer lost], negate: [{value: port up, window: 20s, absolute: true}]"), "1 port down\n2 peer lost\n", 1, NULL, "1 2" },
	{ "slide left, set", SET("window: 10s, match: [port down, peer lost], negate: [{value: port up, window: 5s, slide: -5s, absolute: true}]"), "1 port up\n6 port down\n7 peer lost\n8 peer lost\n9 port down\n", 1, NULL, "7 9" },
	{ "slide right, set", SET("window: 10s, match: [port down, peer lost], negate: [{value: port up, window: 15s, slide: 20s, absolute: true}]"), "1 port down\n2 peer lost\n36 port up\n36 peer lost\n37 port down\n71 all quiet\n72 all quiet\n", 1, NULL, "36 37" },
	{ "relative, the last tick, set", SET("window: 3s, match: [port down, peer lost, route gone], negate: [{value: port up, window: 10s}]"), "1 port down\n2 peer lost\n3 route gone\n11 port up\n", 0, NULL, "" },
	{ "anchored on the later", SET("window: 10s, match: [port down, peer lost], negate: [{value: port up, window: 60s, anchor: 1, absolute: true}]"), "1 port down\n10 peer lost\n70 all quiet\n71 all quiet\n", 1, NULL, "1 10" },
	{ "anchored on the later, reset", SET("window: 10s, match: [port down, peer lost], negate: [{value: port up, window: 60s, anchor: 1, absolute: true}]"), "1 port down\n10 peer lost\n69 all quiet\n70 port up\n1000 all quiet\n", 0, NULL, "" },
	{ "anchored and slid", SET("window: 10s, match: [port down, peer lost], negate: [{value: port up, window: 60s, slide: 5s, anchor: 1, absolute: true}]"), "1 port down\n10 peer lost\n75 all quiet\n76 all quiet\n", 1, NULL, "1 10" },
	{ "anchored and slid, reset", SET("window: 10s, match: [port down, peer lost], negate: [{value: port up, window: 60s, slide: 5s, anchor: 1, absolute: true}]"), "1 port down\n10 peer lost\n74 all quiet\n75 port up\n1000 all quiet\n", 0, NULL, "" },
	{ "anchored on the last of three, slid left", SET("window: 50s, match: [port down, peer lost, route gone], negate: [{value: port up, window: 5s, slide: -5s, anchor: 2, absolute: true}]"), "1 peer lost\n2 port up\n3 port down\n4 route gone\n8 route gone\n11 route gone\n", 1, NULL, "1 3 8" },
	{ "two relative resets, set", SET("window: 50s, match: [port down, peer lost], negate: [port up, peer back]"), "1 port down\n2 peer lost\n3 port down\n4 port up\n5 peer lost\n6 peer lost\n7 peer back\n8 port down\n9 peer lost\n10 all quiet\n", 2, NULL, "1 2 8 9" },
	{ "an absolute one beside two relative ones", SET("window: 50s, match: [port down, peer lost], negate: [port up, peer back, {value: drill begins, window: 1000s, absolute: true}]"), "1 port down\n51 peer lost\n1001 all quiet\n1002 all quiet\n", 1, NULL, "1 51" },
	{ "an absolute one beside two relative ones, reset", SET("window: 50s, match: [port down, peer lost], negate: [port up, peer back, {value: drill begins, window: 1000s, absolute: true}]"), "1 port down\n51 peer lost\n1001 drill begins\n10000 all quiet\n", 0, NULL, "" },
	{ "a relative window behind the span", SET("window: 10s, match: [port down, peer lost], negate: [port up, peer back, {value: drill begins, window: 30s}]"), "1 port down\n11 peer lost\n41 all quiet\n42 all quiet\n", 1, NULL, "1 11" },
	{ "resets alone, set", SET("window: 10s, match: [port down, peer lost, route gone], negate: [port up]"), "1 port up\n2 port up\n3 port up\n", 0, NULL, "" },
	{ "a set, absolute, and a big jump", SET("window: 10s, match: [port down, peer lost], negate: [{value: port up, window: 50s, absolute: true}]"), "1 port down\n2 peer lost\n10000 all quiet\n", 1, NULL, "1 2" },
	{ "two of one and a window that stays empty", SET("window: 5s, match: [port down, port down], negate: [{value: port up, window: 50s, absolute: true}]"), "1 port down\n2 port down\n51 all quiet\n52 all quiet\n", 1, NULL, "1 2" },
	{ "two of one and a reset", SET("window: 5s, match: [port down, port down], negate: [{value: port up, window: 50s, absolute: true}]"), "1 port down\n2 port down\n51 port up\n52 all quiet\n", 0, NULL, "" },
	{ "two of one at one time, and a window", SET("window: 5s, match: [port down, port down], negate: [{value: port up, window: 50s, absolute: true}]"), "1 port down\n1 port down\n51 all quiet\n52 all quiet\n", 1, NULL, "1 1" },
	{ "repeated and relative", SET("window: 5s, match: [port down, port down, port down, peer lost], negate: [port up]"), "1 port down\n2 peer lost\n3 port down\n4 port down\n5 all quiet\n", 1, NULL, "1 2 3 4" },
	{ "the third entry anchored", SET("window: 20s, match: [port down, port down, port down, peer lost], negate: [{value: port up, window: 20s, anchor: 2, absolute: true}]"), "1 port down\n2 peer lost\n11 port down\n15 port down\n31 all quiet\n32 all quiet\n", 1, NULL, "1 2 11 15" },
	{ "the third entry anchored and lost", SET("window: 50s, match: [port down, port down, peer lost, port down], negate: [{value: port up, window: 20s, anchor: 2, absolute: true}]"), "1 port down\n2 peer lost\n11 port down\n15 port down\n31 port up\n32 all quiet\n33 port down\n34 port down\n53 all quiet\n54 all quiet\n", 1, NULL, "1 2 33 34" },
};

/* Lines as programs write them: %S stands for the second, %E for that of the epoch, %T for the text. */
static const char *const formats[] = {
	"2026-03-14T09:26:%S.000000000Z %T",
	"2026-03-14 09:26:%S.000000+00:00 %T",
	"E0314 09:26:%S.328642 1906352 evented.go:365] %T",
	"1:M 14 Mar 2026 09:26:%S.123 # %T",
	"2026-03-14 09:26:%S.123 UTC [51] ERROR:  %T",
	"2026/03/14 09:26:%S [error] 31#31: *7 %T",
	"10.1.2.3 - - [14/Mar/2026:09:26:%S +0000] \"GET / HTTP/1.1\" 502 7 \"-\" \"%T\"",
	"{\"t\":{\"$date\":\"2026-03-14T09:26:%S.123+00:00\"},\"s\":\"E\",\"c\":\"X\",\"id\":1,\"ctx\":\"c\",\"msg\":\"%T\"}",
	"2026-03-14 09:26:%S.123456+00:00 [error] <0.12.0> %T",
	"[2026-03-14 09:26:%S,123] WARN %T (kafka.server)",
	"[14/Mar/2026 09:26:%S] ERROR [x:1] %T",
	"[2026-03-14T09:26:%S,123][WARN ][o.e.c] [n] %T",
	"[2026-03-14 09:26:%S,123: ERROR/MainProcess] %T",
	"[2026-03-14 09:26:%S.123][1][warning][x] %T",
	"2026-03-14T09:26:%S.123456Z\twarn\t%T",
	"{\"level\":\"error\",\"ts\":\"2026-03-14T09:26:%S.123Z\",\"logger\":\"x\",\"error\":\"%T\"}",
	"{\"level\":\"error\",\"ts\":17734803%E.123,\"error\":\"%T\"}",
	"2026-03-14 09:26:%S,123 - app - ERROR - %T",
	"redis-1  | 1:M 14 Mar 2026 09:26:%S.123 # %T",
	"web-1  | 2026-03-14T09:26:%S.123Z %T",
	"[2026-03-14T09:26:%S.123] error: %T",
	"ts=2026-03-14T09:26:%S.123Z level=error msg=\"%T\"",
	"time=\"2026-03-14T09:26:%SZ\" level=error msg=\"%T\"",
	"logger=x t=2026-03-14T09:26:%S.123456Z level=error msg=\"%T\"",
	"Mar 14 09:26:%S h app[1]: %T",
	"2026-03-14T09:26:%S.123456789Z stderr F %T",
	"{\"log\":\"%T\\n\",\"stream\":\"stdout\",\"time\":\"2026-03-14T09:26:%S.123456789Z\"}",
	"{\"reason\":\"x\",\"message\":\"%T\",\"lastTimestamp\":\"2026-03-14T09:26:%SZ\"}",
	"17734803%E %T",
	"17734803%E123 %T",
	"[1] 2026/03/14 09:26:%S.123456 [ERR] %T",
	"Mar 14, 2026 9:26:%S AM org.example.Main run %T",
	"Sat Mar 14 09:26:%S 2026 %T",
	"[Sat Mar 14 09:26:%S.123456 2026] [core:error] [pid 1] %T",
	"2026-03-14 09:26:%S.123 ERROR 1 --- [main] o.s.B : %T",
	"2026-03-14T09:26:%S.123Z ERROR 1 --- [main] o.s.B : %T",
	"09:26:%S.123 [main] ERROR x - %T",
	"[2026-03-14T09:26:%SZ ERROR x] %T",
	"ERROR 2026-03-14 09:26:%S,123 [shard 0:main] raft - %T",
	"ERROR: 2026-03-14 09:26:%S,123: %T",
	"[ERROR] 2026-03-14 09:26:%S %T",
	"2026-03-14T09:26:%S.123Z | error | %T",
	"2026-03-14T09:26:%S.123+0000 7f12 -1 %T",
	"03/14/2026 09:26:%S %T",
	"2026 Mar 14 09:26:%S UTC %T",
	"2026 Mar 14 09:26:%S.123 %T",
	"{\"TimeCreated\":\"\\/Date(17734803%E123)\\/\",\"Message\":\"%T\"}",
};

static char *format_of(const char *format, int second, int other)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	for (int i = 0; i < 6; i++) {
		int at = i < 4 ? i : i == 4 ? second : other;
		for (const char *c = format; *c; c++) {
			if (*c != '%' || !c[1] || !strchr("SET", c[1]))
				fputc(*c, f);
			else if (*++c == 'T')
				fputs(i < 4 ? "all is well" : i == 4 ? "alpha failed" : "beta failed", f);
			else
				fprintf(f, "%02d", *c == 'E' ? 60 + at : at);
		}
		fputc('\n', f);
	}
	fclose(f);
	return out;
}

static char *log_of(const char *lines)
{
	char *out = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	while (*lines) {
		char *end;
		long second = strtol(lines, &end, 10) + 26 * 60;
		size_t n = strcspn(end, "\n");
		fprintf(f, "2026-03-14T%02ld:%02ld:%02ld.000000000Z%.*s\n", 9 + second / 3600, second / 60 % 60, second % 60, (int)n, end);
		lines = end + n + 1;
	}
	fclose(f);
	return out;
}

static int by_number(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return x < y ? -1 : x > y;
}

static void check_entries(const struct sample *s, const struct cul_finding *f)
{
	const int64_t start = INT64_C(1773480360); /* 2026-03-14T09:26:00Z */
	char text[300] = "";
	int seconds[64];
	size_t n = 0;

	for (size_t i = 0; f && i < f->evidence_count && n < 64; i++)
		seconds[n++] = (int)(f->evidence[i].row->time_ns / 1000000000 - start);
	qsort(seconds, n, sizeof(*seconds), by_number);
	for (size_t i = 0, at = 0; i < n && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%d", i ? " " : "", seconds[i]);
	if (strcmp(text, s->entries) != 0)
		fail_msg("%s: took the entries at %s, not at %s", s->about, text, s->entries);
}

static void run(const struct sample *s, char *log)
{
	char path[] = "/tmp/culprit-cre-XXXXXX";
	struct cul_limits limits = { 0 };
	struct cul_error err = { 0 };
	struct cul_rules *rules = NULL;
	struct cul_bundle *bundle = NULL;
	struct cul_case *found = NULL;
	const struct cul_verdict *verdict = NULL;
	struct cul_blob blob = { "app.log", { log, strlen(log) } };
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	dprintf(fd, "rules:\n  - cre: { id: CRE-2026-0001, severity: 1, title: sample }\n    rule: { %s }\n", s->rule);
	close(fd);
	if (cul_rules_load(false, (const char *const[]){ path }, 1, &rules, &err) != CUL_OK)
		fail_msg("%s: %s", s->about, err.text);
	unlink(path);
	assert_int_equal(cul_bundle_memory(&blob, 1, &limits, &bundle, &err), CUL_OK);
	assert_int_equal(cul_case_scan(NULL, bundle, cul_rules_interests(rules), NULL, NULL, &found, &err), CUL_OK);
	assert_int_equal(cul_rules_judge(rules, found, NULL, &verdict, &err), CUL_OK);
	int firings = verdict->count ? (int)verdict->findings[0].count : 0;
	if (verdict->not_judged_count)
		fail_msg("%s: %s", s->about, verdict->not_judged[0].why);
	if (firings != s->firings)
		fail_msg("%s: fires %d times, not %d", s->about, firings, s->firings);
	if (s->first) {
		int64_t ns = verdict->findings[0].first_ns;
		char text[32];
		snprintf(text, sizeof(text), "%02d.%03d", (int)(ns / 1000000000 % 60) - 0, (int)(ns / 1000000 % 1000));
		if (strcmp(text, s->first) != 0)
			fail_msg("%s: first at %s, not %s", s->about, text, s->first);
	}
	if (s->entries)
		check_entries(s, verdict->count ? &verdict->findings[0] : NULL);
	cul_verdict_free(verdict);
	cul_case_close(found);
	cul_bundle_close(bundle);
	cul_rules_free(rules);
	free(log);
}

static void test_firings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++)
		run(&samples[i], log_of(samples[i].log));
}

static void test_reference(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(reference) / sizeof(*reference); i++)
		run(&reference[i], log_of(reference[i].log));
}

/* Within the window and out of it: a line whose time can't be read would lie in each. */
static void test_formats(void **state)
{
	const char *rule = SET("window: 10s, match: [alpha failed, beta failed]");

	(void)state;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		run(&(struct sample){ formats[i], rule, "", 1, NULL }, format_of(formats[i], 4, 9));
		run(&(struct sample){ formats[i], rule, "", 0, NULL }, format_of(formats[i], 4, 35));
	}
}

/* A line without a time has that of the last one that has, whoever wrote it. */
static void test_inherited(void **state)
{
	static const char *const logs[] = {
		"1:M 14 Mar 2026 09:26:01.000 # fine\n1:M 14 Mar 2026 09:26:03.000 # alpha failed\n1:M 14 Mar 2026 09:26:%s.000 # crashed\n  registers\n  beta failed\n",
		"Mar 14, 2026 9:26:01 AM o.Main run\nINFO: fine\nMar 14, 2026 9:26:03 AM o.Main run\nSEVERE: alpha failed\nMar 14, 2026 9:26:%s AM o.Main run\nSEVERE: beta failed\n",
		"2026-03-14T09:26:01Z fine\n2026-03-14T09:26:03Z alpha failed\n2026-03-14T09:26:%sZ crashed\n  registers\n  beta failed\n",
	};
	const char *rule = SET("window: 10s, match: [alpha failed, beta failed]");

	(void)state;
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++)
		for (int hit = 0; hit < 2; hit++) {
			char *log = NULL;
			const char *mark = strstr(logs[i], "%s");
			assert_true(asprintf(&log, "%.*s%s%s", (int)(mark - logs[i]), logs[i], hit ? "08" : "35", mark + 2) > 0);
			run(&(struct sample){ logs[i], rule, "", hit, NULL }, log);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_firings), cmocka_unit_test(test_reference), cmocka_unit_test(test_formats), cmocka_unit_test(test_inherited) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
