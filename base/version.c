/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which culprit this is and what it was built with. The versions are those of the headers; base/version.h is made by
 * meson and holds what no header tells.
 */
#include <archive.h>
#include <cjson/cJSON.h>
#include <lzma.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <sqlite3.h>
#include <zlib.h>
#include <zstd.h>
#ifdef HAVE_ISAL
#include <isa-l.h>
#endif
#ifdef HAVE_SECCOMP
#include <seccomp.h>
#endif

#include "base/version.h"
#include "culprit/types.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

/* declared in culprit.h, which this floor doesn't include */
CUL_API const char *cul_version(void);
CUL_API const char *cul_libraries(void);

const char *cul_version(void)
{
	return CUL_VERSION;
}

const char *cul_libraries(void)
{
	return "PCRE2 " TEXT(PCRE2_MAJOR) "." TEXT(PCRE2_MINOR) ", SQLite " SQLITE_VERSION ", zstd " ZSTD_VERSION_STRING
	       ", cJSON " TEXT(CJSON_VERSION_MAJOR) "." TEXT(CJSON_VERSION_MINOR) "." TEXT(CJSON_VERSION_PATCH)
	       ", libarchive " ARCHIVE_VERSION_ONLY_STRING ", liblzma " LZMA_VERSION_STRING ", libyaml " CUL_YAML_VERSION
	       ", zlib " ZLIB_VERSION
#ifdef HAVE_ISAL
	       ", ISA-L " TEXT(ISAL_MAJOR_VERSION) "." TEXT(ISAL_MINOR_VERSION) "." TEXT(ISAL_PATCH_VERSION)
#endif
#ifdef HAVE_JQ
	       ", libjq"
#endif
#ifdef HAVE_SECCOMP
	       ", libseccomp " TEXT(SCMP_VER_MAJOR) "." TEXT(SCMP_VER_MINOR) "." TEXT(SCMP_VER_MICRO)
#endif
	;
}
