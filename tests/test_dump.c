/* SPDX-License-Identifier: Apache-2.0 */
/** Kernel dumps: every container, logs of every age out of made-up memory, what is cut off, filtered or garbled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "culprit/bundle.h"
#include "culprit/dump.h"
#include "culprit/parse.h"
#include "parsers/dump/kimage.h"
#include "parsers/dump/ktranslate.h"
#include "parsers/dump/printk.h"

#include <unistd.h> /* its F_LOCK is a field's name too */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct bytes {
	uint8_t *data;
	size_t size;
};

static struct bytes load(const char *path)
{
	struct bytes b = { malloc(1 << 20), 0 };
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	assert_non_null(b.data);
	b.size = fread(b.data, 1, 1 << 20, f);
	fclose(f);
	return b;
}

static size_t read_bytes(void *ctx, uint64_t offset, void *buffer, size_t size)
{
	const struct bytes *b = ctx;
	if (offset >= b->size)
		return 0;
	if (size > b->size - offset)
		size = b->size - offset;
	memcpy(buffer, b->data + offset, size);
	return size;
}

/* The log of a dump in memory; "" and why, if there is none. Free it. */
static char *log_of(struct bytes *b, enum cul_printk_form form, uint64_t *lost, char why[256])
{
	const struct cul_image image = { (int64_t)b->size, read_bytes, b };
	struct cul_kmem *m = NULL;
	struct cul_printk log = { 0 };
	char *text = NULL;
	why[0] = 0;
	if (cul_kmem_open(&image, &m, why, 256) && cul_printk_read(m, form, &log, why, 256)) {
		text = strndup(log.text, log.size);
		if (lost)
			*lost = log.lost;
		cul_printk_free(&log);
	}
	cul_kmem_close(m);
	return text ? text : strdup("");
}

/* ---- containers --------------------------------------------------------------------------------------- */

static const char *const samples[] = {
	"panic-zlib.kdump", "panic-lzo.kdump", "panic-snappy.kdump", "panic-zstd.kdump", "panic-raw.kdump", "panic.elf", "panic-flat.kdump", "panic-flat.elf",
};

static void test_containers(void **state)
{
	struct bytes wanted = load("samples/dumps/panic.txt");
	for (size_t i = 0; i < COUNT(samples); i++) {
		char path[100];
		struct cul_dump_log log;
		struct cul_error err = { 0 };
		snprintf(path, sizeof(path), "samples/dumps/%s", samples[i]);
		if (cul_dump_log(path, NULL, &log, &err) != CUL_OK)
			fail_msg("%s", err.text);
		assert_int_equal(log.size, wanted.size);
		assert_memory_equal(log.text, wanted.data, wanted.size);
		assert_int_equal(log.lost, 0);
		assert_false(log.incomplete);
		cul_dump_log_free(&log);
	}
	free(wanted.data);
}

static void test_no_dump(void **state)
{
	static const char *const paths[] = { "README.md", "samples/dumps/panic.txt", "/nonexistent" };
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct cul_dump_log log;
		struct cul_error err = { 0 };
		assert_int_equal(cul_dump_log(paths[i], NULL, &log, &err), CUL_EIO);
		assert_non_null(strstr(err.text, paths[i]));
	}
}

/* Whatever is cut off: what was read before stays, or a sentence. Whatever is turned over: no more is asked than to stay alive. */
static void test_cut(void **state)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		char path[100], why[256];
		snprintf(path, sizeof(path), "samples/dumps/%s", samples[i]);
		struct bytes b = load(path);
		size_t whole = b.size;
		for (size_t k = 0; k < 200; k++) {
			b.size = whole * k / 200;
			uint8_t *small = malloc(b.size ? b.size : 1);
			struct bytes part = { small, b.size };
			memcpy(small, b.data, b.size);
			char *text = log_of(&part, CUL_PRINTK_PLAIN, NULL, why);
			assert_true(text[0] || why[0]);
			free(text);
			free(small);
		}
		b.size = whole;
		for (size_t k = 0; k < 2000; k++) {
			size_t at = (size_t)(k < 1000 ? k : k * 7919 % whole) % whole;
			uint8_t was = b.data[at];
			b.data[at] ^= (uint8_t)(1u << k % 8 | 0x80);
			free(log_of(&b, CUL_PRINTK_FULL, NULL, why));
			b.data[at] = was;
		}
		free(b.data);
	}
}

static void test_unpack(void **state)
{
	uint8_t out[64];
	/* "abcabcabcabcabcab": three literals, a copy of fourteen from three before; the end */
	const uint8_t lzo[] = { 20, 'a', 'b', 'c', 32 + 12, 2 << 2, 0, 17, 0, 0 };
	const uint8_t snappy[] = { 17, 2 << 2, 'a', 'b', 'c', 2 | 13 << 2, 3, 0 };
	assert_true(cul_unlzo(lzo, sizeof(lzo), out, 17));
	assert_memory_equal(out, "abcabcabcabcabcab", 17);
	assert_true(cul_unsnappy(snappy, sizeof(snappy), out, 17));
	assert_memory_equal(out, "abcabcabcabcabcab", 17);
	for (size_t n = 0; n < sizeof(lzo); n++)
		assert_false(cul_unlzo(lzo, n, out, 17));
	for (size_t n = 0; n < sizeof(snappy); n++)
		assert_false(cul_unsnappy(snappy, n, out, 17));
	assert_false(cul_unlzo(lzo, sizeof(lzo), out, 16));
	assert_false(cul_unlzo(lzo, sizeof(lzo), out, 18));
	assert_false(cul_unsnappy(snappy, sizeof(snappy), out, 18));
	const uint8_t before[] = { 20, 'a', 'b', 'c', 32 + 12, 3 << 2, 0, 17, 0, 0 };
	assert_false(cul_unlzo(before, sizeof(before), out, 17));
}

static void test_extents(void **state)
{
	struct cul_extents x = { 0 };
	/* 0..100 by the first, 40..60 over it, 50..150 under both, 300..310 apart */
	const struct cul_extent items[] = { { 0, 100, 1000, 5 }, { 50, 100, 2000, 1 }, { 40, 20, 3000, 9 }, { 300, 10, 4000, 2 } };
	static const struct { uint64_t where, at; } wanted[] = { { 0, 1000 }, { 39, 1039 }, { 40, 3000 }, { 59, 3019 }, { 60, 1060 }, { 99, 1099 }, { 100, 2050 }, { 149, 2099 }, { 305, 4005 } };
	for (size_t i = 0; i < COUNT(items); i++)
		assert_true(cul_extents_add(&x, items[i], 10));
	assert_true(cul_extents_settle(&x));
	for (size_t i = 0; i < COUNT(wanted); i++) {
		const struct cul_extent *e = cul_extents_find(&x, wanted[i].where);
		assert_non_null(e);
		assert_true(e->start <= wanted[i].where && wanted[i].where < e->start + e->size);
		assert_int_equal(e->at + (wanted[i].where - e->start), wanted[i].at);
	}
	assert_int_equal(cul_extents_find(&x, 150)->start, 300);
	assert_null(cul_extents_find(&x, 310));
	cul_extents_free(&x);
}

/* ---- memory of our own ------------------------------------------------------------------------------------- */

#define PAGES 64
#define PHYS 0x1000000ull

/* An ELF dump of 64 pages: at first the page tables, what follows is the test's. */
struct made {
	struct bytes file;
	uint8_t *memory;
	uint64_t virt; /* of its first byte */
	char info[4096];
};

static void put(struct made *m, size_t at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		m->memory[at + i] = (uint8_t)(value >> 8 * i);
}

static void say(struct made *m, const char *format, ...) CUL_PRINTF(2, 3);
static void say(struct made *m, const char *format, ...)
{
	size_t n = strlen(m->info);
	va_list args;
	va_start(args, format);
	vsnprintf(m->info + n, sizeof(m->info) - n, format, args);
	va_end(args);
}

static void make_x86(struct made *m, bool five)
{
	*m = (struct made){ .memory = calloc(PAGES, 4096), .virt = 0xffffffff81000000 };
	assert_non_null(m->memory);
	size_t next = five ? 1 : 0;
	if (five)
		put(m, 511 * 8, PHYS + 4096 + 0x67, 8);
	put(m, next * 4096 + 511 * 8, PHYS + (next + 1) * 4096 + 0x67, 8);
	put(m, (next + 1) * 4096 + 510 * 8, PHYS + (next + 2) * 4096 + 0x67, 8);
	put(m, (next + 2) * 4096 + 8 * 8, PHYS + 0xe3, 8); /* 2 MiB */
	say(m, "OSRELEASE=4.19.0-test\nPAGESIZE=4096\nSYMBOL(init_uts_ns)=%llx\nSYMBOL(swapper_pg_dir)=%llx\nNUMBER(phys_base)=0\nNUMBER(pgtable_l5_enabled)=%d\n",
	    (unsigned long long)m->virt + 0x3f000, (unsigned long long)m->virt, five);
}

static void finish(struct made *m, uint16_t machine, bool note)
{
	size_t info = strlen(m->info), notes = note ? 12 + 12 + ((info + 3) & ~3ul) : 0, place = 8192;
	m->file.size = place + PAGES * 4096;
	uint8_t *f = m->file.data = calloc(1, m->file.size);
	assert_non_null(f);
	const uint16_t halves[] = { 4, machine };
	memcpy(f, "\177ELF\2\1\1", 7);
	memcpy(f + 16, halves, 4);
	memcpy(f + 32, &(uint64_t){ 64 }, 8);
	memcpy(f + 54, &(uint16_t){ 56 }, 2);
	memcpy(f + 56, &(uint16_t){ 2 }, 2);
	const uint64_t note_header[] = { 4, 64 + 112, 0, 0, notes, notes, 0 }, load_header[] = { 1, place, m->virt, PHYS, PAGES * 4096, PAGES * 4096, 0 };
	memcpy(f + 64, note_header, 56);
	memcpy(f + 64 + 56, load_header, 56);
	memcpy(f + 64 + 112, (const uint32_t[]){ 11, (uint32_t)info, 0 }, note ? 12 : 0);
	if (note) {
		memcpy(f + 64 + 112 + 12, "VMCOREINFO", 11);
		memcpy(f + 64 + 112 + 24, m->info, info);
	}
	memcpy(f + place, m->memory, PAGES * 4096);
}

static void made_free(struct made *m)
{
	free(m->memory);
	free(m->file.data);
}

static void expect_log(struct made *m, enum cul_printk_form form, const char *wanted)
{
	char why[256];
	char *text = log_of(&m->file, form, NULL, why);
	assert_string_equal(why, "");
	assert_string_equal(text, wanted);
	free(text);
}

/* ---- the log before 5.10 --------------------------------------------------------------------------------------- */

#define OLD_AT (8 * 4096)  /* of the buffer */
#define OLD_SIZE 256

static size_t put_old(struct made *m, size_t at, uint64_t ns, int level, const char *text, size_t header)
{
	size_t n = strlen(text), whole = (header + n + 5 + 7) & ~7ul;
	put(m, OLD_AT + at, ns, 8);
	put(m, OLD_AT + at + 8, whole, 2);
	put(m, OLD_AT + at + 10, n, 2);
	put(m, OLD_AT + at + 12, 5, 2); /* a dictionary behind it */
	put(m, OLD_AT + at + 15, (uint64_t)level << 5 | 2, 1);
	memcpy(m->memory + OLD_AT + at + header, text, n);
	memcpy(m->memory + OLD_AT + at + header + n, "X=Y\1", 4);
	return at + whole;
}

static void make_old(struct made *m, const char *type, bool five)
{
	make_x86(m, five);
	uint64_t v = m->virt + 7 * 4096;
	say(m, "SYMBOL(log_buf)=%llx\nSYMBOL(log_buf_len)=%llx\nSYMBOL(log_first_idx)=%llx\nSYMBOL(log_next_idx)=%llx\nSIZE(%s)=16\n"
	       "OFFSET(%s.ts_nsec)=0\nOFFSET(%s.len)=8\nOFFSET(%s.text_len)=10\nOFFSET(%s.dict_len)=12\nSYMBOL(clear_idx)=0\n",
	    (unsigned long long)v, (unsigned long long)v + 8, (unsigned long long)v + 12, (unsigned long long)v + 16, type, type, type, type, type);
	put(m, 7 * 4096, m->virt + OLD_AT, 8);
	put(m, 7 * 4096 + 8, OLD_SIZE, 4);
	/* the oldest stands behind, then a length of 0 sends to the start */
	size_t first = 120, at = put_old(m, first, 1500000000, 6, "older", 16);
	at = put_old(m, at, 2000001999, 4, "two\nlines \xc3\xa9\x01\t", 16);
	assert_true(at + 16 <= OLD_SIZE);
	size_t next = put_old(m, 0, 98765432100000, 3, "newest", 16);
	put(m, 7 * 4096 + 12, first, 4);
	put(m, 7 * 4096 + 16, next, 4);
	finish(m, 62, true);
}

static void test_old_records(void **state)
{
	static const char *const types[] = { "printk_log", "log" };
	for (size_t i = 0; i < 4; i++) {
		struct made m;
		make_old(&m, types[i % 2], i / 2);
		expect_log(&m, CUL_PRINTK_PLAIN, "[    1.500000] older\n[    2.000001] two\n               lines \\xffffffc3\\xffffffa9\\x01\t\n[98765.432100] newest\n");
		expect_log(&m, CUL_PRINTK_FULL, "<6>[    1.500000] older\n<4>[    2.000001] two\n<4>[    2.000001] lines \xc3\xa9\\x01\t\n<3>[98765.432100] newest\n");
		made_free(&m);
	}
}

static void test_old_garbled(void **state)
{
	char why[256];
	for (size_t at = 0; at < 32; at++)
		for (unsigned value = 0; value < 256; value += 51) {
			struct made m;
			make_old(&m, "printk_log", false);
			m.file.data[8192 + (at < 24 ? 7 * 4096 + at : OLD_AT + 120 + at - 24)] = (uint8_t)value;
			char *text = log_of(&m.file, CUL_PRINTK_PLAIN, NULL, why);
			assert_true(text && !text[0] == !!why[0]); /* a log, or the reason why there is none */
			free(text);
			made_free(&m);
		}
}

static void test_bytes(void **state)
{
	struct made m;
	make_x86(&m, false);
	uint64_t v = m.virt + 7 * 4096;
	say(&m, "SYMBOL(log_buf)=%llx\nSYMBOL(log_buf_len)=%llx\nSYMBOL(log_end)=%llx\nSYMBOL(logged_chars)=0\n", (unsigned long long)v,
	    (unsigned long long)v + 8, (unsigned long long)v + 12);
	put(&m, 7 * 4096, m.virt + OLD_AT, 8);
	put(&m, 7 * 4096 + 8, 32, 4);
	put(&m, 7 * 4096 + 12, 32 + 10, 4);
	memcpy(m.memory + OLD_AT, "] b: more\n<6>[    0.000001] a:..", 32);
	finish(&m, 62, true);
	expect_log(&m, CUL_PRINTK_PLAIN, "<6>[    0.000001] a:..] b: more\n");
	made_free(&m);
}

/* ---- the ring of 5.10 and later ------------------------------------------------------------------------------------- */

#define RING_AT (7 * 4096)
#define DESCS_AT (9 * 4096)
#define INFOS_AT (10 * 4096)
#define TEXT_AT (12 * 4096)
#define TEXT_SIZE 128

static void put_ring(struct made *m, uint64_t id, unsigned state, uint64_t begin, uint64_t next, uint64_t ns, uint32_t caller, int level, const char *text)
{
	size_t slot = id % 8, at = TEXT_AT + (begin % TEXT_SIZE > next % TEXT_SIZE ? 0 : begin % TEXT_SIZE);
	put(m, DESCS_AT + slot * 24, (uint64_t)state << 62 | id, 8);
	put(m, DESCS_AT + slot * 24 + 8, begin, 8);
	put(m, DESCS_AT + slot * 24 + 16, next, 8);
	put(m, INFOS_AT + slot * 88 + 8, ns, 8);
	put(m, INFOS_AT + slot * 88 + 16, strlen(text), 2);
	put(m, INFOS_AT + slot * 88 + 19, (uint64_t)level << 5, 1);
	put(m, INFOS_AT + slot * 88 + 20, caller, 4);
	if (!(begin & 1)) {
		put(m, at, id, 8);
		memcpy(m->memory + at + 8, text, strlen(text));
	}
}

static void make_ring(struct made *m, bool note)
{
	uint64_t v = m->virt;
	say(m, "SYMBOL(prb)=%llx\nOFFSET(printk_ringbuffer.desc_ring)=0\nOFFSET(printk_ringbuffer.text_data_ring)=48\n"
	       "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\nOFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
	       "OFFSET(prb_desc_ring.tail_id)=32\nSIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\nOFFSET(prb_desc.text_blk_lpos)=8\n"
	       "OFFSET(prb_data_blk_lpos.begin)=0\nOFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\n"
	       "OFFSET(printk_info.text_len)=16\nOFFSET(printk_info.caller_id)=20\nOFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n"
	       "OFFSET(atomic_long_t.counter)=0\n", (unsigned long long)v + 6 * 4096);
	put(m, 6 * 4096, v + RING_AT, 8);
	put(m, RING_AT, 3, 4);
	put(m, RING_AT + 8, v + DESCS_AT, 8);
	put(m, RING_AT + 16, v + INFOS_AT, 8);
	put(m, RING_AT + 24, 13, 8);
	put(m, RING_AT + 32, 8, 8);
	put(m, RING_AT + 48, 7, 4);
	put(m, RING_AT + 56, v + TEXT_AT, 8);
	put_ring(m, 8, 2, 128 + 40, 128 + 64, 100000000, 1, 6, "first");
	put_ring(m, 9, 0, 128 + 64, 128 + 88, 200000000, 1, 6, "not committed");
	put_ring(m, 10, 2, 1, 1, 300000000, 1, 6, "");
	put_ring(m, 11, 1, 128 + 88, 128 + 120, 400000000, 0x80000002, 4, "two\nlines");
	put_ring(m, 12, 2, 128 + 120, 256 + 32, 500000000, 4242, 0, "wrapped");
	put_ring(m, 13, 3, 64, 88, 600000000, 1, 6, "reusable");
	if (!note)
		memcpy(m->memory + 20 * 4096, m->info, strlen(m->info)); /* the page the kernel keeps it in */
	finish(m, m->virt == 0xffffffff81000000 ? 62 : 183, note);
}

static const char ring_plain[] = "[    0.100000] first\n[    0.400000] two\n               lines\n[    0.500000] wrapped\n";

static void test_ring(void **state)
{
	for (int five = 0; five < 2; five++)
		for (int note = 0; note < 2; note++) {
			struct made m;
			make_x86(&m, five);
			make_ring(&m, note);
			expect_log(&m, CUL_PRINTK_PLAIN, ring_plain);
			expect_log(&m, CUL_PRINTK_FULL, "<6>[    0.100000][    T1] first\n<4>[    0.400000][    C2] two\n<4>[    0.400000][    C2] lines\n<0>[    0.500000][ T4242] wrapped\n");
			made_free(&m);
		}
}

/* Without the page tables the kernel's own image is read all the same. */
static void test_no_tables(void **state)
{
	struct made m;
	make_x86(&m, false);
	memset(m.memory, 0, 3 * 4096);
	make_ring(&m, true);
	expect_log(&m, CUL_PRINTK_PLAIN, ring_plain);
	made_free(&m);
}

static void test_arm64(void **state)
{
	/* 4 KiB pages, 48 bits: four levels; an image at ffff800010000000 that lies at PHYS, by 2 MiB blocks */
	struct made m = { .memory = calloc(PAGES, 4096), .virt = 0xffff800010000000 };
	assert_non_null(m.memory);
	put(&m, 256 * 8, PHYS + 1 * 4096 + 3, 8);
	put(&m, 1 * 4096, PHYS + 2 * 4096 + 3, 8);
	put(&m, 2 * 4096 + 128 * 8, PHYS + 0x701, 8);
	say(&m, "OSRELEASE=6.5.0-arm\nPAGESIZE=4096\nSYMBOL(swapper_pg_dir)=%llx\nSYMBOL(_stext)=%llx\nNUMBER(VA_BITS)=48\nNUMBER(kimage_voffset)=0x%llx\n"
		"NUMBER(PHYS_OFFSET)=0x0\nNUMBER(TCR_EL1_T1SZ)=0x10\n", (unsigned long long)m.virt, (unsigned long long)m.virt, (unsigned long long)(m.virt - PHYS));
	make_ring(&m, true);
	expect_log(&m, CUL_PRINTK_PLAIN, ring_plain);
	made_free(&m);
}

/* A record whose page was filtered is lost, the others are not. */
static void test_filtered(void **state)
{
	struct bytes b = load("samples/dumps/panic-raw.kdump"), wanted = load("samples/dumps/panic.txt");
	char why[256];
	uint32_t block, sub, bitmap_blocks;
	size_t read = 0, some = 0;
	memcpy(&block, b.data + 428, 4);
	memcpy(&sub, b.data + 432, 4);
	memcpy(&bitmap_blocks, b.data + 436, 4);
	size_t bits = (size_t)(1 + sub) * block + (size_t)bitmap_blocks * block / 2, table = bits + (size_t)bitmap_blocks * block / 2;
	size_t pages = 0, half = (size_t)bitmap_blocks * block / 2;
	for (size_t i = 0; i < half * 8; i++)
		pages += b.data[bits + i / 8] >> i % 8 & 1;
	for (size_t i = 0; i < half * 8; i++) {
		if (!(b.data[bits + i / 8] >> i % 8 & 1))
			continue;
		struct bytes without = { malloc(b.size), b.size };
		uint64_t lost = 0;
		memcpy(without.data, b.data, b.size);
		without.data[bits + i / 8] &= (uint8_t)~(1u << i % 8);
		size_t index = read++; /* its descriptor goes too */
		memmove(without.data + table + index * 24, without.data + table + (index + 1) * 24, (pages - index - 1) * 24);
		char *text = log_of(&without, CUL_PRINTK_PLAIN, &lost, why);
		if (text[0]) {
			assert_true(lost > 0);
			assert_true(strlen(text) <= wanted.size);
			some++;
		} else {
			assert_true(why[0]);
		}
		free(text);
		free(without.data);
	}
	assert_true(some >= 5);
	free(b.data);
	free(wanted.data);
}

/* ---- sets (makedumpfile --split) ----------------------------------------------------------------------------------- */

static uint32_t at32(const struct bytes *b, size_t at)
{
	uint32_t v;
	memcpy(&v, b->data + at, 4);
	return v;
}

static uint64_t at64(const struct bytes *b, size_t at)
{
	uint64_t v;
	memcpy(&v, b->data + at, 8);
	return v;
}

static void put_at(struct bytes *b, size_t at, const void *value, size_t size)
{
	memcpy(b->data + at, value, size);
}

struct layout {
	size_t block, bits, half, table;
	uint64_t max_pfn;
};

static struct layout layout_of(const struct bytes *b)
{
	struct layout l = { .block = at32(b, 428) };
	l.half = (size_t)at32(b, 436) * l.block / 2;
	l.bits = (size_t)(1 + at32(b, 432)) * l.block + l.half;
	l.table = l.bits + l.half;
	l.max_pfn = at64(b, l.block + 96);
	return l;
}

static bool is_in(const struct bytes *b, const struct layout *l, uint64_t pfn)
{
	return b->data[l->bits + pfn / 8] >> pfn % 8 & 1;
}

/* As makedumpfile writes it: all heads and bitmaps of the whole, then descriptors and pages of one range. */
static struct bytes part_of(const struct bytes *whole, uint64_t from, uint64_t until)
{
	struct layout l = layout_of(whole);
	struct bytes part = { malloc(2 * whole->size + l.block), l.table };
	size_t first = 0, count = 0, data;
	uint32_t split = 1;
	memcpy(part.data, whole->data, l.table);
	for (uint64_t pfn = 0; pfn < until; pfn++) {
		first += pfn < from && is_in(whole, &l, pfn);
		count += pfn >= from && is_in(whole, &l, pfn);
	}
	put_at(&part, l.block + 12, &split, 4);
	for (size_t at = 16; at <= 80; at += 64) { /* start_pfn, end_pfn; their 64 bits of version 6 */
		put_at(&part, l.block + at, &from, 8);
		put_at(&part, l.block + at + 8, &until, 8);
	}
	data = l.table + 24 * count;
	for (size_t i = 0; i < count; i++) {
		size_t from_at = l.table + 24 * (first + i), to_at = l.table + 24 * i;
		uint64_t place = data;
		memcpy(part.data + to_at, whole->data + from_at, 24);
		memcpy(part.data + data, whole->data + at64(whole, from_at), at32(whole, from_at + 8));
		put_at(&part, to_at, &place, 8);
		data += at32(whole, from_at + 8);
	}
	part.size = data;
	return part;
}

static struct bytes flattened(const struct bytes *b)
{
	struct bytes flat = { calloc(1, 8192 + b->size), 4096 };
	memcpy(flat.data, "makedumpfile", 12);
	for (size_t at = 0; at < b->size; at += 20000) {
		uint64_t n = b->size - at < 20000 ? b->size - at : 20000, head[2] = { htobe64(at), htobe64(n) };
		memcpy(flat.data + flat.size, head, 16);
		memcpy(flat.data + flat.size + 16, b->data + at, n);
		flat.size += 16 + n;
	}
	memset(flat.data + flat.size, 0xff, 16);
	flat.size += 16;
	return flat;
}

/* The page by which so many of ten parts of the dumped ones are gone. */
static uint64_t tenth(const struct bytes *whole, unsigned tenths)
{
	struct layout l = layout_of(whole);
	uint64_t pages = 0, seen = 0, pfn;
	for (pfn = 0; pfn < l.max_pfn; pfn++)
		pages += is_in(whole, &l, pfn);
	for (pfn = 0; pfn < l.max_pfn && seen * 10 < pages * tenths; pfn++)
		seen += is_in(whole, &l, pfn);
	return pfn;
}

#define PIECES 4

static void split(const struct bytes *whole, struct bytes pieces[PIECES])
{
	const uint64_t ends[PIECES + 1] = { 0, tenth(whole, 3), tenth(whole, 3), tenth(whole, 8), layout_of(whole).max_pfn };
	for (size_t i = 0; i < PIECES; i++) /* the second one is empty: makedumpfile writes such */
		pieces[i] = part_of(whole, ends[i], ends[i + 1]);
}

static char *log_of_set(const struct bytes *const *pieces, size_t count, uint64_t *lost, char why[256])
{
	struct cul_image images[PIECES * 2];
	const struct cul_image *list[PIECES * 2];
	struct cul_kmem *m = NULL;
	struct cul_printk log = { 0 };
	char *text = NULL;
	why[0] = 0;
	for (size_t i = 0; i < count; i++) {
		images[i] = (struct cul_image){ (int64_t)pieces[i]->size, read_bytes, (void *)(uintptr_t)pieces[i] };
		list[i] = &images[i];
	}
	if (cul_kmem_open_parts(list, count, &m, why, 256) && cul_printk_read(m, CUL_PRINTK_PLAIN, &log, why, 256)) {
		text = strndup(log.text, log.size);
		*lost = log.lost;
		cul_printk_free(&log);
	}
	cul_kmem_close(m);
	return text ? text : strdup("");
}

/* In any order, flattened or not, beside a set of another dump. */
static void test_split(void **state)
{
	static const size_t orders[][PIECES] = { { 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 } };
	struct bytes wanted = load("samples/dumps/panic.txt");
	for (size_t i = 0; i < 5; i++) { /* the ones that are neither ELF nor flattened */
		char path[100];
		struct bytes pieces[PIECES], flat;
		struct cul_blob blobs[PIECES + 1];
		struct cul_bundle *bundle = NULL;
		struct cul_dump_log log;
		struct cul_error err = { 0 };
		snprintf(path, sizeof(path), "samples/dumps/%s", samples[i]);
		struct bytes whole = load(path);
		split(&whole, pieces);
		flat = flattened(&pieces[2]);
		struct bytes other = part_of(&whole, 0, 1); /* of another machine */
		memcpy(other.data + 12 + 65, "elsewhere", 10);
		for (size_t k = 0; k < COUNT(orders); k++) {
			blobs[0] = (struct cul_blob){ "0", { (const char *)other.data, other.size } };
			for (size_t n = 0; n < PIECES; n++) {
				const struct bytes *b = k == 2 && orders[k][n] == 2 ? &flat : &pieces[orders[k][n]];
				blobs[n + 1] = (struct cul_blob){ "x", { (const char *)b->data, b->size } };
			}
			assert_int_equal(cul_bundle_memory(blobs, PIECES + 1, NULL, &bundle, &err), CUL_OK);
			if (cul_dump_log_in(bundle, &log, &err) != CUL_OK)
				fail_msg("%s", err.text);
			cul_bundle_close(bundle);
			assert_int_equal(log.size, wanted.size);
			assert_memory_equal(log.text, wanted.data, wanted.size);
			assert_int_equal(log.lost, 0);
			assert_false(log.incomplete);
			cul_dump_log_free(&log);
		}
		for (size_t n = 0; n < PIECES; n++)
			free(pieces[n].data);
		free(flat.data);
		free(other.data);
		free(whole.data);
	}
	free(wanted.data);
}

/* What is there is read, what is not is told: never a page out of another file's place. */
static void test_split_gaps(void **state)
{
	struct bytes whole = load("samples/dumps/panic-zlib.kdump"), pieces[PIECES];
	struct layout l = layout_of(&whole);
	const struct cul_image image = { (int64_t)whole.size, read_bytes, &whole };
	struct cul_kimage all;
	char why[256];
	assert_true(cul_kimage_open(&all, &image, why, sizeof(why)));
	split(&whole, pieces);
	for (unsigned set = 1; set < 1u << PIECES; set++) {
		struct cul_image images[PIECES];
		const struct cul_image *list[PIECES];
		struct cul_kimage k;
		size_t count = 0;
		uint64_t pfn = 0, end, pages, missing = 0, absent = 0, present = 0;
		for (size_t i = 0; i < PIECES; i++) {
			images[i] = (struct cul_image){ (int64_t)pieces[i].size, read_bytes, &pieces[i] };
			if (set >> i & 1)
				list[count++] = &images[i];
		}
		assert_true(cul_kimage_open_parts(&k, list, count, why, sizeof(why)));
		assert_int_equal(k.part_count, count);
		assert_false(k.incomplete);
		for (; cul_kimage_gap(&k, &pfn, &end, &pages); pfn = end)
			missing += pages;
		for (pfn = 0; pfn < l.max_pfn; pfn++) {
			uint8_t is[4096], should[4096];
			if (cul_kimage_page(&all, pfn, should) != CUL_PAGE_PRESENT)
				continue;
			enum cul_kmem_page page = cul_kimage_page(&k, pfn, is);
			assert_true(page == CUL_PAGE_PRESENT || page == CUL_PAGE_FILTERED);
			if (page == CUL_PAGE_PRESENT)
				assert_memory_equal(is, should, sizeof(is));
			absent += page != CUL_PAGE_PRESENT;
		}
		for (pfn = 0; cul_kimage_next(&k, &pfn); pfn++)
			present++;
		assert_int_equal(absent, missing);
		assert_int_equal(k.elsewhere, absent);
		assert_int_equal(present + absent, all.ranks[all.rank_count]);
		assert_true((set & 13) == 13 ? !absent : absent > 0);
		cul_kimage_close(&k);
	}
	for (size_t n = 0; n < PIECES; n++)
		free(pieces[n].data);
	cul_kimage_close(&all);
	free(whole.data);
}

/* Ranges that lie, a part that is cut, the same one twice. */
static void test_split_garbled(void **state)
{
	static const uint64_t odd[] = { 0, 1, 7, 4096, 32153, 32154, 32155, UINT32_MAX, UINT64_MAX, UINT64_MAX - 1, 1ull << 52, 1ull << 63 };
	struct bytes whole = load("samples/dumps/panic-raw.kdump"), pieces[PIECES], wanted = load("samples/dumps/panic.txt");
	struct layout l = layout_of(&whole);
	uint64_t lost;
	char why[256], *text;
	split(&whole, pieces);
	const struct bytes *const twice[] = { &pieces[3], &pieces[0], &pieces[2], &pieces[0], &pieces[3] };
	text = log_of_set(twice, 5, &lost, why);
	assert_int_equal(strlen(text), wanted.size);
	free(text);
	for (size_t i = 0; i < COUNT(odd) * COUNT(odd) * 2; i++) {
		struct bytes *b = &pieces[i & 1 ? 0 : 2];
		uint8_t was[16];
		const struct bytes *const list[] = { &pieces[0], &pieces[2], &pieces[3] };
		memcpy(was, b->data + l.block + 80, 16);
		put_at(b, l.block + 80, &odd[i / 2 % COUNT(odd)], 8);
		put_at(b, l.block + 88, &odd[i / 2 / COUNT(odd)], 8);
		text = log_of_set(list, 3, &lost, why);
		assert_true(text[0] || why[0]);
		free(text);
		put_at(b, l.block + 80, was, 16);
	}
	for (size_t k = 0; k < 100; k++) {
		struct bytes cut = { malloc(pieces[2].size), pieces[2].size * k / 100 };
		const struct bytes *const list[] = { &cut, &pieces[0], &pieces[3] };
		memcpy(cut.data, pieces[2].data, cut.size);
		text = log_of_set(list, 3, &lost, why);
		assert_true(text[0] || why[0]);
		assert_true(!text[0] || strlen(text) <= wanted.size);
		free(text);
		free(cut.data);
	}
	for (size_t n = 0; n < PIECES; n++)
		free(pieces[n].data);
	free(whole.data);
	free(wanted.data);
}

/* ---- as input ------------------------------------------------------------------------------------------------------ */

struct seen {
	int members, kernels, logs, missing, panics, parts, away, damaged;
	char inner[64];
};

static enum cul_status on_member(void *ctx, const struct cul_member *member, int *id)
{
	struct seen *seen = ctx;
	*id = seen->members++;
	snprintf(seen->inner, sizeof(seen->inner), "%s", member->name);
	return CUL_OK;
}

static enum cul_status on_observe(void *ctx, const struct cul_observation *ob)
{
	struct seen *seen = ctx;
	seen->kernels += !strcmp(ob->kind->name, "dump.kernel");
	seen->missing += !strcmp(ob->kind->name, "dump.missing");
	seen->parts += !strcmp(ob->kind->name, "dump.part");
	seen->damaged += !strcmp(ob->kind->name, "input.damaged");
	for (size_t i = 0; i < ob->count; i++) {
		const struct cul_value *v = &ob->values[i];
		seen->away += v->type == CUL_TEXT && v->s.size > 20 && memmem(v->s.data, v->s.size, "of the set (makedumpfile --split) is not here", 45);
	}
	seen->logs += !strcmp(ob->kind->name, "kernel.boot");
	seen->panics += !strcmp(ob->kind->name, "kernel.panic");
	return CUL_OK;
}

static void test_input(void **state)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		char path[100];
		struct seen seen = { 0 };
		const struct cul_sink sink = { .ctx = &seen, .member = on_member, .observe = on_observe };
		struct cul_bundle *bundle = NULL;
		struct cul_error err;
		snprintf(path, sizeof(path), "samples/dumps/%s", samples[i]);
		assert_int_equal(cul_bundle_open(path, NULL, &bundle, &err), CUL_OK);
		assert_int_equal(cul_parse(bundle, NULL, NULL, &sink, NULL, &err), CUL_OK);
		cul_bundle_close(bundle);
		assert_int_equal(seen.kernels, 1);
		assert_int_equal(seen.logs, 1);
		assert_int_equal(seen.panics, 1);
		assert_true(seen.missing >= 1); /* symbols: they are cut out */
		assert_int_equal(seen.members, 2);
		assert_non_null(strstr(seen.inner, "!dmesg"));
	}
}

/* Files of a set among others: read as one dump, under the first one's name; one is not there: that is told. Two paths are as a folder. */
static void test_split_input(void **state)
{
	struct bytes whole = load("samples/dumps/panic-zlib.kdump"), pieces[PIECES];
	split(&whole, pieces);
	for (int lack = 0; lack < 2; lack++) {
		struct seen seen = { 0 };
		const struct cul_sink sink = { .ctx = &seen, .member = on_member, .observe = on_observe };
		struct cul_bundle *bundle = NULL;
		struct cul_error err;
		char names[3][40];
		const char *paths[3];
		size_t count = 0;
		for (size_t i = 0; i < PIECES; i++) {
			if (i == 1 || (lack && i == 0))
				continue;
			snprintf(names[count], sizeof(names[0]), "/tmp/culprit-part-XXXXXX");
			int fd = mkstemp(names[count]);
			assert_true(fd >= 0);
			assert_int_equal(write(fd, pieces[i].data, pieces[i].size), pieces[i].size);
			close(fd);
			paths[count] = names[count];
			count++;
		}
		assert_int_equal(cul_bundle_paths(paths, count, NULL, &bundle, &err), CUL_OK);
		assert_int_equal(cul_parse(bundle, NULL, NULL, &sink, NULL, &err), CUL_OK);
		cul_bundle_close(bundle);
		for (size_t i = 0; i < count; i++)
			unlink(paths[i]);
		assert_int_equal(seen.kernels, 1);
		assert_int_equal(seen.parts, count);
		assert_int_equal(seen.away, lack);
		if (!lack) {
			assert_int_equal(seen.panics, 1);
			assert_int_equal(seen.damaged, 0);
			assert_non_null(strstr(seen.inner, "!dmesg"));
		}
	}
	for (size_t n = 0; n < PIECES; n++)
		free(pieces[n].data);
	free(whole.data);
}

/* 60 GB that are not there: a header alone must not cost more than the file holds. */
static void test_sparse(void **state)
{
	for (size_t i = 0; i < COUNT(samples); i++) {
		char path[100], name[] = "/tmp/culprit-sparse-XXXXXX";
		struct cul_dump_log log;
		struct cul_error err;
		int fd = mkstemp(name);
		snprintf(path, sizeof(path), "samples/dumps/%s", samples[i]);
		struct bytes b = load(path);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, b.data, b.size), b.size);
		if (ftruncate(fd, 60ll << 30) == 0) {
			assert_int_equal(cul_dump_log(name, NULL, &log, &err), CUL_OK);
			cul_dump_log_free(&log);
		}
		close(fd);
		unlink(name);
		free(b.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_containers), cmocka_unit_test(test_no_dump), cmocka_unit_test(test_cut), cmocka_unit_test(test_unpack),
		cmocka_unit_test(test_extents), cmocka_unit_test(test_old_records), cmocka_unit_test(test_old_garbled), cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_ring), cmocka_unit_test(test_no_tables), cmocka_unit_test(test_arm64), cmocka_unit_test(test_filtered),
		cmocka_unit_test(test_input), cmocka_unit_test(test_sparse), cmocka_unit_test(test_split), cmocka_unit_test(test_split_gaps),
		cmocka_unit_test(test_split_garbled), cmocka_unit_test(test_split_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
