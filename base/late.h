/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Libraries that few inputs need, loaded when one needs them: libarchive brings libxml2, ICU and libstdc++ along, whose linking takes
 * longer than reading a small log does. meson.build finds out under which name the loader knows them (LATE_ARCHIVE, LATE_JQ); where it
 * can't, they are linked as ever. The sandbox lets the loader read the system's libraries, and loads before it begins what only
 * LD_LIBRARY_PATH knows.
 */
#ifndef CUL_BASE_LATE_H
#define CUL_BASE_LATE_H

#include <stddef.h>

#define CUL_LATE_CALLS 64 /* functions of one library, at most */

/**
 * Load @library ("libarchive.so.13") and find its functions @names, @count of them, into @calls, an array of pointers to functions.
 * The library stays. Not for two threads at once: behind a pthread_once.
 *
 * Returns NULL, or why not, a text that stays; then @calls is as it was.
 */
const char *cul_late_load(const char *library, const char *const *names, size_t count, void *calls);

#endif
