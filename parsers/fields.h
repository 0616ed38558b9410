/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The dictionary of fields (fields.def) as C: F_PID is a `const struct cul_field *`. Every source says `pid` for a pid.
 */
#ifndef CUL_PARSERS_FIELDS_H
#define CUL_PARSERS_FIELDS_H

#include "culprit/types.h"

#define F(id, name, type, unit, entity, about) extern const struct cul_field F_##id[1];
#include "parsers/fields.def"
#undef F

#endif
