/* SPDX-License-Identifier: Apache-2.0 */
/** libarchive's reading half, by its own names, whether it is linked or loaded when first used (late.h). */
#ifndef CUL_BASE_ARCHIVE_H
#define CUL_BASE_ARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

/**
 * Loads libarchive where that wasn't done. Returns NULL, or why it can't be used, a text that stays: then archive_read_new()
 * returns NULL, and there is nothing to call another function with.
 */
const char *cul_archive_lacks(void);

#ifdef LATE_ARCHIVE
#define CUL_ARCHIVE_CALLS(X) \
	X(archive_read_new) X(archive_read_free) X(archive_read_set_callback_data) X(archive_read_set_read_callback) \
	X(archive_read_set_skip_callback) X(archive_read_set_seek_callback) X(archive_read_open) X(archive_read_open1) \
	X(archive_read_next_header) X(archive_read_data) X(archive_read_data_block) X(archive_error_string) \
	X(archive_read_support_filter_bzip2) X(archive_read_support_filter_compress) X(archive_read_support_filter_gzip) \
	X(archive_read_support_filter_lz4) X(archive_read_support_filter_lzip) X(archive_read_support_filter_lzma) \
	X(archive_read_support_filter_rpm) X(archive_read_support_filter_xz) X(archive_read_support_filter_zstd) \
	X(archive_read_support_format_7zip) X(archive_read_support_format_ar) X(archive_read_support_format_cpio) \
	X(archive_read_support_format_gnutar) X(archive_read_support_format_raw) X(archive_read_support_format_tar) \
	X(archive_read_support_format_zip_seekable) X(archive_read_support_format_zip_streamable) \
	X(archive_entry_filetype) X(archive_entry_hardlink) X(archive_entry_is_data_encrypted) X(archive_entry_mtime) \
	X(archive_entry_mtime_is_set) X(archive_entry_mtime_nsec) X(archive_entry_pathname) X(archive_entry_size) \
	X(archive_entry_size_is_set) X(archive_entry_symlink)

struct cul_archive_calls {
#define X(name) __typeof__(name) *name;
	CUL_ARCHIVE_CALLS(X)
#undef X
};

/** The functions; loads them. */
const struct cul_archive_calls *cul_archive(void);

#ifndef CUL_ARCHIVE_OWN
#define archive_read_new (*cul_archive()->archive_read_new)
#define archive_read_free (*cul_archive()->archive_read_free)
#define archive_read_set_callback_data (*cul_archive()->archive_read_set_callback_data)
#define archive_read_set_read_callback (*cul_archive()->archive_read_set_read_callback)
#define archive_read_set_skip_callback (*cul_archive()->archive_read_set_skip_callback)
#define archive_read_set_seek_callback (*cul_archive()->archive_read_set_seek_callback)
#define archive_read_open (*cul_archive()->archive_read_open)
#define archive_read_open1 (*cul_archive()->archive_read_open1)
#define archive_read_next_header (*cul_archive()->archive_read_next_header)
#define archive_read_data (*cul_archive()->archive_read_data)
#define archive_read_data_block (*cul_archive()->archive_read_data_block)
#define archive_error_string (*cul_archive()->archive_error_string)
#define archive_read_support_filter_bzip2 (*cul_archive()->archive_read_support_filter_bzip2)
#define archive_read_support_filter_compress (*cul_archive()->archive_read_support_filter_compress)
#define archive_read_support_filter_gzip (*cul_archive()->archive_read_support_filter_gzip)
#define archive_read_support_filter_lz4 (*cul_archive()->archive_read_support_filter_lz4)
#define archive_read_support_filter_lzip (*cul_archive()->archive_read_support_filter_lzip)
#define archive_read_support_filter_lzma (*cul_archive()->archive_read_support_filter_lzma)
#define archive_read_support_filter_rpm (*cul_archive()->archive_read_support_filter_rpm)
#define archive_read_support_filter_xz (*cul_archive()->archive_read_support_filter_xz)
#define archive_read_support_filter_zstd (*cul_archive()->archive_read_support_filter_zstd)
#define archive_read_support_format_7zip (*cul_archive()->archive_read_support_format_7zip)
#define archive_read_support_format_ar (*cul_archive()->archive_read_support_format_ar)
#define archive_read_support_format_cpio (*cul_archive()->archive_read_support_format_cpio)
#define archive_read_support_format_gnutar (*cul_archive()->archive_read_support_format_gnutar)
#define archive_read_support_format_raw (*cul_archive()->archive_read_support_format_raw)
#define archive_read_support_format_tar (*cul_archive()->archive_read_support_format_tar)
#define archive_read_support_format_zip_seekable (*cul_archive()->archive_read_support_format_zip_seekable)
#define archive_read_support_format_zip_streamable (*cul_archive()->archive_read_support_format_zip_streamable)
#define archive_entry_filetype (*cul_archive()->archive_entry_filetype)
#define archive_entry_hardlink (*cul_archive()->archive_entry_hardlink)
#define archive_entry_is_data_encrypted (*cul_archive()->archive_entry_is_data_encrypted)
#define archive_entry_mtime (*cul_archive()->archive_entry_mtime)
#define archive_entry_mtime_is_set (*cul_archive()->archive_entry_mtime_is_set)
#define archive_entry_mtime_nsec (*cul_archive()->archive_entry_mtime_nsec)
#define archive_entry_pathname (*cul_archive()->archive_entry_pathname)
#define archive_entry_size (*cul_archive()->archive_entry_size)
#define archive_entry_size_is_set (*cul_archive()->archive_entry_size_is_set)
#define archive_entry_symlink (*cul_archive()->archive_entry_symlink)
#endif
#endif

#endif
