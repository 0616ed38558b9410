/* SPDX-License-Identifier: Apache-2.0 */
/**
 * libculprit: what broke first, how sure, which lines say so, what to do.
 *
 *   types.h    slice, time, status, error, field, kind, observation, interest, limits
 *   bundle.h   bytes -> members               archives, compressed streams, folders, stdin
 *   parse.h    members -> observations        sections, envelopes, message, capture and dump parsers
 *   store.h    observations -> placed rows    the case, one SQLite file
 *   rules.h    rows -> findings               YAML rules, certainty, causality
 *   report.h   findings -> text               terminal, JSON, Markdown, HTML, graph
 *   dump.h     a dump by itself               the kernel log of a kernel dump
 *   sandbox.h  the process locked in          Landlock, seccomp; only when called
 */
#ifndef CULPRIT_CULPRIT_H
#define CULPRIT_CULPRIT_H

#include "culprit/bundle.h"
#include "culprit/dump.h"
#include "culprit/parse.h"
#include "culprit/report.h"
#include "culprit/rules.h"
#include "culprit/sandbox.h"
#include "culprit/store.h"
#include "culprit/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** "0.1.0" */
CUL_API const char *cul_version(void);
/** "PCRE2 10.42, SQLite 3.40.1, …": static. */
CUL_API const char *cul_libraries(void);

#ifdef __cplusplus
}
#endif
#endif
