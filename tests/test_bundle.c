/* SPDX-License-Identifier: Apache-2.0 */
/** The bundle: formats in all nestings, names, limits, folders, and what is cut off at any byte. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "culprit/bundle.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROOM (1u << 20)

struct bytes {
	char *data;
	size_t size;
};

static struct cul_slice slice(struct bytes b)
{
	return (struct cul_slice){ b.data, b.size };
}

static struct bytes of(const char *text)
{
	return (struct bytes){ strdup(text), strlen(text) };
}

/* Files by name and content -> an archive of @format ("tar", "zip", …) through @filter ("none", "gz", …). Frees contents. */
struct item {
	const char *name;
	struct bytes bytes;
};

static struct bytes packed(const char *format, const char *filter, const struct item *items, size_t count)
{
	struct bytes ret = { malloc(ROOM), 0 };
	struct archive *a = archive_write_new();
	/* names are Unicode in the making only: the bundle is read in the C locale */
	locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before = uselocale(unicode);
	assert_non_null(ret.data);
	assert_int_equal(!strcmp(format, "tar")	 ? archive_write_set_format_pax_restricted(a) :
			 !strcmp(format, "zip")	 ? archive_write_set_format_zip(a) :
			 !strcmp(format, "7z")	 ? archive_write_set_format_7zip(a) :
			 !strcmp(format, "cpio") ? archive_write_set_format_cpio_newc(a) :
			 !strcmp(format, "ar")	 ? archive_write_set_format_ar_svr4(a) :
						   archive_write_set_format_raw(a),
			 ARCHIVE_OK);
	assert_int_equal(!strcmp(filter, "gz")	? archive_write_add_filter_gzip(a) :
			 !strcmp(filter, "xz")	? archive_write_add_filter_xz(a) :
			 !strcmp(filter, "zst") ? archive_write_add_filter_zstd(a) :
			 !strcmp(filter, "bz2") ? archive_write_add_filter_bzip2(a) :
			 !strcmp(filter, "lz4") ? archive_write_add_filter_lz4(a) :
			 !strcmp(filter, "lz")	? archive_write_add_filter_lzip(a) :
			 !strcmp(filter, "Z")	? archive_write_add_filter_compress(a) :
						  archive_write_add_filter_none(a),
			 ARCHIVE_OK);
	archive_write_set_bytes_in_last_block(a, 1);
	assert_int_equal(archive_write_open_memory(a, ret.data, ROOM, &ret.size), ARCHIVE_OK);
	for (size_t i = 0; i < count; i++) {
		struct archive_entry *e = archive_entry_new();
		archive_entry_set_pathname(e, items[i].name);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 0644);
		archive_entry_set_mtime(e, 1700000000, 0);
		if (!items[i].bytes.data) { /* a link */
			archive_entry_set_filetype(e, AE_IFLNK);
			archive_entry_set_symlink(e, "/etc/passwd");
		}
		archive_entry_set_size(e, (la_int64_t)items[i].bytes.size);
		assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
		if (items[i].bytes.size)
			assert_int_equal(archive_write_data(a, items[i].bytes.data, items[i].bytes.size), items[i].bytes.size);
		archive_entry_free(e);
		free(items[i].bytes.data);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
	uselocale(before);
	freelocale(unicode);
	return ret;
}

static struct bytes one(const char *format, const char *filter, const char *name, struct bytes bytes)
{
	return packed(format, filter, &(struct item){ name, bytes }, 1);
}

static struct bytes joined(struct bytes a, struct bytes b)
{
	struct bytes ret = { malloc(a.size + b.size), a.size + b.size };
	memcpy(ret.data, a.data, a.size);
	memcpy(ret.data + a.size, b.data, b.size);
	free(a.data);
	free(b.data);
	return ret;
}

static void append(char *out, size_t room, const char *format, ...) CUL_PRINTF(3, 4);
static void append(char *out, size_t room, const char *format, ...)
{
	size_t n = strlen(out);
	va_list args;
	va_start(args, format);
	vsnprintf(out + n, room - n, format, args);
	va_end(args);
}

/* Everything a bundle gives, as "name=content;…" and its damage as "name: why;…". Closes it. */
static void drain(struct cul_bundle *b, char *members, char *damage, size_t room)
{
	struct cul_member m;
	const char *name, *why;
	char buffer[4096];
	members[0] = damage[0] = 0;
	while (cul_bundle_next(b, &m)) {
		size_t n, all = 0;
		append(members, room, "%s=", m.name);
		while ((n = cul_bundle_read(b, buffer, 999)) > 0) {
			if (all < 64)
				append(members, room, "%.*s", (int)(n < 64 ? n : 64), buffer);
			all += n;
		}
		append(members, room, ";");
	}
	while (cul_bundle_damage(b, &name, &why))
		append(damage, room, "%s: %s;", name, why);
	cul_bundle_close(b);
}

static void read_memory(struct bytes bytes, const char *name, const struct cul_limits *limits, char *members, char *damage, size_t room)
{
	struct cul_blob blob = { name, slice(bytes) };
	struct cul_bundle *b = NULL;
	struct cul_error err;
	assert_int_equal(cul_bundle_memory(&blob, 1, limits, &b, &err), CUL_OK);
	drain(b, members, damage, room);
}

static char members[1 << 16], damage[1 << 16];

static void expect(struct bytes bytes, const char *name, const char *want, const char *want_damage)
{
	read_memory(bytes, name, NULL, members, damage, sizeof(members));
	assert_string_equal(members, want);
	if (want_damage[0])
		assert_non_null(strstr(damage, want_damage));
	else
		assert_string_equal(damage, "");
	free(bytes.data);
}

static void streams(void **state)
{
	static const char *const filters[] = { "gz", "xz", "zst", "bz2", "lz4", "lz", "Z" };
	(void)state;
	for (size_t i = 0; i < COUNT(filters); i++) {
		char name[32];
		snprintf(name, sizeof(name), "messages.%s", filters[i]);
		expect(one("raw", filters[i], "x", of("hello\n")), name, "messages=hello\n;", "");
		if (i < 5)
			expect(joined(one("raw", filters[i], "x", of("one\n")), one("raw", filters[i], "x", of("two\n"))), name, "messages=one\ntwo\n;", "");
		if (i < 4) {
			expect(joined(one("raw", filters[i], "x", of("one\n")), of("garbage and no more")), name, "messages=one\n;", "follow the");
			expect(joined(one("raw", filters[i], "x", of("one\n")), (struct bytes){ calloc(1, 1024), 1024 }), name, "messages=one\n;", "");
		}
	}
	expect(one("raw", "gz", "x", one("raw", "xz", "x", of("twice"))), "log.xz.gz", "log=twice;", "");
	expect(one("raw", "gz", "x", of("")), "a.gz", "a=;", "");
	expect(of(""), "empty", "empty=;", "");
	expect(of("\x1f\x8b"), "two", "two=\x1f\x8b;", "");
	expect(of("BZh9 is no magic"), "text", "text=BZh9 is no magic;", "");
	expect(of("070701 neither"), "text", "text=070701 neither;", "");
	expect(of("!<arch>"), "text", "text=!<arch>;", "");
}

static void containers(void **state)
{
	static const char *const formats[] = { "tar", "zip", "7z", "cpio" };
	static const char *const filters[] = { "none", "gz", "xz", "zst", "bz2", "lz4" };
	(void)state;
	for (size_t i = 0; i < COUNT(formats); i++)
		for (size_t k = 0; k < COUNT(filters); k++) {
			struct item items[] = { { "var/log/messages", of("a\n") }, { "ps", of("b\n") }, { "empty", of("") } };
			expect(packed(formats[i], filters[k], items, 3), "upload", "var/log/messages=a\n;ps=b\n;empty=;", "");
		}
	expect(packed("tar", "none", NULL, 0), "zeros", "zeros=;", "");
	expect(packed("zip", "none", NULL, 0), "no.zip", "", "");
	struct item deb[] = { { "debian-binary", of("2.0\n") }, { "control.tar.xz", one("tar", "xz", "./control", of("Package: x\n")) } };
	expect(packed("ar", "none", deb, 2), "x.deb", "debian-binary=2.0\n;control.tar.xz!control=Package: x\n;", "");
}

static void nestings(void **state)
{
	(void)state;
	struct item in[] = { { "case files/ps.txt", of("ps\n") }, { "log.gz", one("raw", "gz", "x", of("log\n")) },
			     { "more.tar.gz", one("tar", "gz", "deep", of("deep\n")) } };
	struct item out[] = { { "upload/files.zip", packed("zip", "none", in, 3) }, { "last", of("last\n") },
			      { "b.7z", one("7z", "none", "seven", of("7\n")) } };
	expect(packed("tar", "zst", out, 3), "case.tar.zst",
	       "upload/files.zip!case files/ps.txt=ps\n;upload/files.zip!log.gz=log\n;upload/files.zip!more.tar.gz!deep=deep\n;"
	       "last=last\n;b.7z!seven=7\n;",
	       "");
	expect(one("tar", "gz", "a.zip", one("zip", "none", "b", of("b"))), "x", "a.zip!b=b;", "");
	expect(one("zip", "none", "a.tar.gz", one("tar", "gz", "b", of("b"))), "x", "a.tar.gz!b=b;", "");
}

static void names(void **state)
{
	(void)state;
	struct item items[] = { { "/etc/hosts", of("1") },	 { "../../up", of("2") },	{ "./a//b", of("3") },	     { "..", of("4") },
				{ "._x", of("5") },		 { "__MACOSX/d/y", of("6") },	{ "link", { NULL, 0 } },     { "new\nline", of("7") },
				{ "d\xc3\xa4mon.log", of("8") }, { "x/._resource", of("9") },	{ "unit\\x2d.log", of("0") } };
	expect(packed("tar", "none", items, COUNT(items)), "x", "etc/hosts=1;_/_/up=2;a/b=3;_=4;new?line=7;d\xc3\xa4mon.log=8;unit\\x2d.log=0;", "");
	struct item windows[] = { { "logs\\server.log", of("w") } };
	expect(packed("zip", "none", windows, 1), "x", "logs/server.log=w;", "");
	expect(one("7z", "none", "d\xc3\xa4mon", of("8")), "x", "d\xc3\xa4mon=8;", "");
	expect(one("zip", "none", "d\xc3\xa4mon", of("8")), "x", "d\xc3\xa4mon=8;", "");
	/* two files in memory are like a folder: the container's name stands in front */
	struct bytes tar = one("tar", "gz", "in", of("1")), text = of("2");
	struct cul_blob blobs[] = { { "a.tgz", slice(tar) }, { "b", slice(text) } };
	struct cul_bundle *b;
	struct cul_error err;
	assert_int_equal(cul_bundle_memory(blobs, 2, NULL, &b, &err), CUL_OK);
	drain(b, members, damage, sizeof(members));
	assert_string_equal(members, "a.tgz!in=1;b=2;");
	free(tar.data);
	free(text.data);
}

static void times(void **state)
{
	(void)state;
	struct bytes tar = one("tar", "gz", "in", of("12345"));
	struct cul_blob blob = { "a", slice(tar) };
	struct cul_bundle *b;
	struct cul_member m;
	struct cul_error err;
	int64_t done, total;
	assert_int_equal(cul_bundle_memory(&blob, 1, NULL, &b, &err), CUL_OK);
	assert_true(cul_bundle_next(b, &m));
	assert_int_equal(m.mtime_ns, INT64_C(1700000000) * 1000000000);
	assert_int_equal(m.size, 5);
	assert_false(cul_bundle_next(b, &m)); /* unread */
	cul_bundle_progress(b, &done, &total);
	assert_int_equal(done, tar.size);
	cul_bundle_close(b);
	free(tar.data);
}

static void limits(void **state)
{
	(void)state;
	struct bytes deep = of("bottom");
	for (int i = 0; i < 5; i++)
		deep = one("zip", "none", "z", deep);
	read_memory(deep, "x", &(struct cul_limits){ .nesting = 4 }, members, damage, sizeof(members));
	assert_string_equal(members, "");
	assert_non_null(strstr(damage, "nested deeper than 4"));
	read_memory(deep, "x", &(struct cul_limits){ .nesting = 5 }, members, damage, sizeof(members));
	assert_string_equal(members, "z!z!z!z!z=bottom;");
	free(deep.data);

	deep = of("bottom");
	for (int i = 0; i < 5; i++)
		deep = one("raw", "gz", "z", deep);
	read_memory(deep, "x", &(struct cul_limits){ .nesting = 4 }, members, damage, sizeof(members));
	assert_string_equal(damage, "x: packed more than 4 times over: not read;");
	free(deep.data);

	struct item many[] = { { "1", of("a") }, { "2", of("b") }, { "3", of("c") } };
	struct bytes tar = packed("tar", "none", many, 3);
	read_memory(tar, "x", &(struct cul_limits){ .members = 2 }, members, damage, sizeof(members));
	assert_string_equal(members, "1=a;2=b;");
	assert_string_equal(damage, "3: the limit of 2 members is met: the rest is not read;");
	free(tar.data);

	/* 900 KiB of zeros in a gzip of about 1 KiB */
	struct bytes zeros = { calloc(1, 900 << 10), 900 << 10 }, bomb = one("raw", "gz", "z", zeros);
	read_memory(bomb, "x", &(struct cul_limits){ .unpacked_bytes = 200000 }, members, damage, sizeof(members));
	assert_string_equal(damage, "x: the limit of 200000 unpacked bytes is met: the rest is not read;");
	free(bomb.data);

	/* the ratio counts above 64 MiB only: a gzip of many such streams */
	zeros = (struct bytes){ calloc(1, 900 << 10), 900 << 10 };
	bomb = one("raw", "gz", "z", zeros);
	struct bytes row = { malloc(bomb.size * 90), bomb.size * 90 };
	for (size_t i = 0; i < 90; i++)
		memcpy(row.data + i * bomb.size, bomb.data, bomb.size);
	read_memory(row, "x", &(struct cul_limits){ .ratio = 100 }, members, damage, sizeof(members));
	assert_string_equal(damage, "x: unpacks to more than 100 times its size: a bomb is not read to its end;");
	read_memory(row, "x", NULL, members, damage, sizeof(members));
	assert_string_equal(damage, "");
	free(row.data);
	free(bomb.data);

	struct bytes noise = { malloc(300000), 300000 };
	for (size_t i = 0, x = 1; i < noise.size; i++)
		noise.data[i] = (char)((x = x * 6364136223846793005u + 1442695040888963407u) >> 56);
	struct bytes seven = one("tar", "none", "a.7z", one("7z", "none", "n", noise));
	read_memory(seven, "x", &(struct cul_limits){ .spool_bytes = 100000 }, members, damage, sizeof(members));
	assert_string_equal(damage, "a.7z: the 7z archive is not read: needs seeking and is larger than the limit of the temporary file;");
	free(seven.data);
}

/* Text that does not shrink to nothing, so that cuts fall into data as well as heads. */
static struct bytes noisy(void)
{
	struct bytes b = { malloc(3000), 3000 };
	for (size_t i = 0, x = 7; i < b.size; i++)
		b.data[i] = i % 60 == 59 ? '\n' : (char)('!' + ((x = x * 6364136223846793005u + 1442695040888963407u) >> 57) % 90);
	return b;
}

static void cuts(void **state)
{
	static const struct {
		const char *format, *filter;
	} forms[] = { { "tar", "none" }, { "tar", "gz" },  { "tar", "xz" }, { "tar", "zst" },  { "tar", "bz2" }, { "tar", "lz4" },
		      { "zip", "none" }, { "7z", "none" }, { "zip", "gz" }, { "cpio", "none" }, { "ar", "none" }, { "7z", "gz" } };
	(void)state;
	for (size_t f = 0; f < COUNT(forms); f++) {
		struct item items[] = { { "first", noisy() }, { "a.gz", one("raw", "gz", "x", noisy()) }, { "last", noisy() } };
		struct bytes whole = packed(forms[f].format, forms[f].filter, items, 3);
		size_t told = 0, cut = 0;
		for (size_t n = 0; n < whole.size; n += 7, cut++) {
			/* a block of its own size, so that a read behind the end is found */
			struct bytes part = { malloc(n ? n : 1), n };
			memcpy(part.data, whole.data, n);
			read_memory(part, "x", NULL, members, damage, sizeof(members));
			told += damage[0] != 0;
			free(part.data);
			/* and one garbled byte */
			whole.data[n] ^= 0x55;
			read_memory(whole, "x", NULL, members, damage, sizeof(members));
			whole.data[n] ^= 0x55;
		}
		assert_true(told > cut / 2);
		free(whole.data);
	}
	/* what came before the cut is there */
	struct item items[] = { { "first", of("whole\n") }, { "second", noisy() } };
	struct bytes tar = packed("tar", "none", items, 2);
	tar.size = 2048 + 100;
	read_memory(tar, "x", NULL, members, damage, sizeof(members));
	assert_true(!strncmp(members, "first=whole\n;second=", 20));
	assert_true(!strncmp(damage, "second: Truncated", 17));
	assert_null(strchr(strchr(damage, ';') + 1, ';')); /* told once */
	free(tar.data);
}

static void write_file(const char *folder, const char *name, struct bytes bytes)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes.data, 1, bytes.size, f), bytes.size);
	fclose(f);
	free(bytes.data);
}

static void folders(void **state)
{
	char folder[] = "/tmp/culprit-test-XXXXXX", path[512], want[600];
	struct cul_bundle *b;
	struct cul_error err;
	int64_t done, total;
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sub", folder);
	assert_int_equal(mkdir(path, 0755), 0);
	write_file(folder, "b.log", of("b"));
	write_file(folder, "a.log", of("a"));
	write_file(folder, "sub/x.tar.gz", one("tar", "gz", "t", of("t")));
	write_file(folder, "sub/z.log.gz", one("raw", "gz", "z", of("z")));
	write_file(folder, "._a.log", of("mac"));
	write_file(folder, "c.zip", one("zip", "none", "in", of("i")));
	snprintf(path, sizeof(path), "%s/link", folder);
	assert_int_equal(symlink("a.log", path), 0);
	snprintf(path, sizeof(path), "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(cul_bundle_open(folder, NULL, &b, &err), CUL_OK);
	drain(b, members, damage, sizeof(members));
	assert_string_equal(members, "a.log=a;b.log=b;c.zip!in=i;sub/x.tar.gz!t=t;sub/z.log.gz=z;");
	assert_string_equal(damage, "pipe: a device, pipe or socket: not read;");

	static const char *const files[][2] = { { "a.log", "a.log=a;" }, { "c.zip", "in=i;" }, { "sub/x.tar.gz", "t=t;" }, { "sub/z.log.gz", "z.log=z;" } };
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, files[i][0]);
		assert_int_equal(cul_bundle_open(path, NULL, &b, &err), CUL_OK);
		cul_bundle_progress(b, &done, &total);
		assert_int_equal(done, 0);
		assert_true(total > 0);
		drain(b, members, damage, sizeof(members));
		assert_string_equal(members, files[i][1]);
		assert_string_equal(damage, "");
	}
	snprintf(path, sizeof(path), "%s/none", folder);
	snprintf(want, sizeof(want), "%s: No such file or directory", path);
	assert_int_equal(cul_bundle_open(path, NULL, &b, &err), CUL_EIO);
	assert_string_equal(err.text, want);
	snprintf(path, sizeof(path), "rm -rf '%s'", folder);
	assert_int_equal(system(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(streams), cmocka_unit_test(containers), cmocka_unit_test(nestings), cmocka_unit_test(names),
					    cmocka_unit_test(times),   cmocka_unit_test(limits),     cmocka_unit_test(cuts),	 cmocka_unit_test(folders) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
