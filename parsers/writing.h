/* SPDX-License-Identifier: Apache-2.0 */
/** Source code, histories of packages and manuals: text that speaks of troubles and reports none. */
#ifndef CUL_PARSERS_WRITING_H
#define CUL_PARSERS_WRITING_H

#include "culprit/types.h"
#include "parsers/lines.h"

/** Is this member such a text? Its name says so, or what its first lines look like (of a member that has just begun). */
bool cul_is_writing(struct cul_slice member, struct cul_lines *lines);

#endif
