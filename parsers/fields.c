/* SPDX-License-Identifier: Apache-2.0 */
/** The dictionary: storage and look-up. */
#include "parsers/fields.h"

#include <string.h>

#include "culprit/parse.h"

#define CUL_TYPE_INT CUL_INT
#define CUL_TYPE_REAL CUL_REAL
#define CUL_TYPE_TEXT CUL_TEXT
#define CUL_TYPE_FLAG CUL_FLAG
#define F(id, nm, ty, un, en, ab)                                                                   \
	const struct cul_field F_##id[1] = { { nm, CUL_TYPE_##ty, un, CUL_ENTITY_##en, ab } };
#include "parsers/fields.def"
#undef F

static const struct cul_field *const all[] = {
#define F(id, nm, ty, un, en, ab) F_##id,
#include "parsers/fields.def"
#undef F
	NULL
};

const struct cul_field *cul_field_find(struct cul_slice name)
{
	for (const struct cul_field *const *f = all; *f; f++)
		if (name.size && (*f)->name[0] == name.data[0] && strlen((*f)->name) == name.size && !memcmp((*f)->name, name.data, name.size))
			return *f;
	return NULL;
}
