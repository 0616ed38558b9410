/* SPDX-License-Identifier: Apache-2.0 */
/** Words, hosts, paths and numbers by chance, the same everywhere, and the line that is made of them. For generate.c alone. */
#ifndef BENCH_TEXT_H
#define BENCH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define WORDS 1200

extern uint64_t state;           /* of chance: the seed */
extern char words[WORDS][24], hosts[48][16], pods[300][64];
extern const char *host;         /* that the log at hand comes from */
extern uint64_t now_us, boot_us; /* since 1970 */
extern uint64_t counter;         /* of pids, requests */
extern char line[16384], *at;    /* the line at hand, and where it goes on */

/** 0 to @n - 1; and small ones more often: words, hosts and paths of real logs come so. */
uint32_t below(uint32_t n);
uint32_t skewed(uint32_t n);
/** Once, before anything else. */
void make_words(void);
/** Into the line: a text; a number of at least @width digits; a pattern, in which stand in braces: */
void put(const char *text);
void number(uint64_t n, int width);
/**
 *   {9}    a number below 10^n, its width skewed to short   {x8}  hexadecimal digits        {a-b}  a number of that range
 *   {w} word   {s} some words   {h} host   {u} user   {p} path   {i} IPv4   {m} MAC   {b} PCI address   {g} UUID
 *   {f} kernel function   {o} pod   {e} Unix time   {c} a counter   {{ is a brace
 */
void fill(const char *t);
#define ONE_OF(set) fill((set)[below(COUNT(set))])
#define MOSTLY(set) fill((set)[skewed(COUNT(set))])

#endif
