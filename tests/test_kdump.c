/* SPDX-License-Identifier: Apache-2.0 */
/** What is read of a kernel dump's memory: BTF, kallsyms, ORC, modules, over small tables made here, whole and torn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "parsers/dump/klock.h"

/* ---- memory of a machine that isn't there ------------------------------------------------------------------------------- */

#define BASE 0xffffffff81000000ull
#define SIZE (1u << 18)

struct symbol {
	const char *name;
	uint64_t value;
};

struct machine {
	uint8_t bytes[SIZE];
	struct symbol symbols[16];
	size_t count;
};

static bool read_machine(void *ctx, uint64_t address, void *buffer, size_t size)
{
	struct machine *m = ctx;

	if (address < BASE || address - BASE > SIZE || size > SIZE - (address - BASE))
		return false;
	memcpy(buffer, m->bytes + (address - BASE), size);
	return true;
}

static bool find_symbol(void *ctx, const char *name, uint64_t *ret)
{
	struct machine *m = ctx;

	for (size_t i = 0; i < m->count; i++)
		if (!strcmp(m->symbols[i].name, name)) {
			*ret = m->symbols[i].value;
			return true;
		}
	return false;
}

static void put(struct machine *m, uint64_t at, const void *data, size_t size)
{
	if (at < BASE || at - BASE > SIZE || size > SIZE - (at - BASE))
		abort();
	memcpy(m->bytes + (at - BASE), data, size);
}

static void put64(struct machine *m, uint64_t at, uint64_t value)
{
	put(m, at, &value, sizeof(value));
}

static void put32(struct machine *m, uint64_t at, uint32_t value)
{
	put(m, at, &value, sizeof(value));
}

static struct cul_ksource source_of(struct machine *m)
{
	return (struct cul_ksource){ read_machine, find_symbol, m, SIZE };
}

/* ---- BTF ------------------------------------------------------------------------------------------------------------------ */

struct blob {
	uint8_t types[2048];
	char strings[1024];
	uint32_t type_size, string_size, ids;
};

static uint32_t name(struct blob *b, const char *text)
{
	uint32_t at = b->string_size;

	memcpy(b->strings + at, text, strlen(text) + 1);
	b->string_size += (uint32_t)strlen(text) + 1;
	return at;
}

static void words(struct blob *b, size_t count, const uint32_t *values)
{
	memcpy(b->types + b->type_size, values, 4 * count);
	b->type_size += (uint32_t)(4 * count);
}

#define WORDS(b, ...) words(b, sizeof((const uint32_t[]){ __VA_ARGS__ }) / 4, (const uint32_t[]){ __VA_ARGS__ })
#define INFO(kind, count) ((uint32_t)(kind) << 24 | (count))

static uint32_t type(struct blob *b, uint32_t text, uint32_t info, uint32_t size)
{
	WORDS(b, text, info, size);
	return ++b->ids;
}

static size_t blob_write(const struct blob *b, uint8_t *out)
{
	const uint32_t header[6] = { 0x0001eb9f, 24, 0, b->type_size, b->type_size, b->string_size };

	memcpy(out, header, 24);
	memcpy(out + 24, b->types, b->type_size);
	memcpy(out + 24 + b->type_size, b->strings, b->string_size);
	return 24 + b->type_size + b->string_size;
}

/* int; struct inner { int a; union { int b; struct { int c, d; }; }; }; typedef inner_t; struct outer { inner_t in; x:3, y:5; } */
static size_t example(uint8_t *out)
{
	struct blob b = { .string_size = 1 };
	uint32_t integer, deep, either, inner, alias;

	integer = type(&b, name(&b, "int"), INFO(1, 0), 4);
	WORDS(&b, 32);
	deep = type(&b, 0, INFO(4, 2), 8);
	WORDS(&b, name(&b, "c"), integer, 0, name(&b, "d"), integer, 32);
	either = type(&b, 0, INFO(5, 2), 8);
	WORDS(&b, name(&b, "b"), integer, 0, 0, deep, 0);
	inner = type(&b, name(&b, "inner"), INFO(4, 2), 12);
	WORDS(&b, name(&b, "a"), integer, 0, 0, either, 32);
	alias = type(&b, name(&b, "inner_t"), INFO(8, 0), inner);
	type(&b, name(&b, "outer"), 1u << 31 | INFO(4, 3), 16);
	WORDS(&b, name(&b, "in"), alias, 0, name(&b, "x"), integer, 3u << 24 | 96, name(&b, "y"), integer, 5u << 24 | 99);
	type(&b, name(&b, "colour"), INFO(6, 2), 4);
	WORDS(&b, name(&b, "RED"), 0, name(&b, "GREEN"), 7);
	type(&b, name(&b, "wide"), INFO(19, 1), 8);
	WORDS(&b, name(&b, "BIG"), 5, 1);
	return blob_write(&b, out);
}

static void test_btf(void **state)
{
	struct cul_arena *arena = cul_arena_new();
	struct cul_btf btf;
	struct cul_btf_member m;
	uint8_t data[4096];
	const char *why = NULL;
	size_t size = example(data);
	int64_t value;

	(void)state;
	assert_true(cul_btf_load(&btf, data, size, NULL, arena, &why));
	assert_int_equal(cul_btf_offset(&btf, "inner", "a"), 0);
	assert_int_equal(cul_btf_offset(&btf, "inner", "b"), 4);
	assert_int_equal(cul_btf_offset(&btf, "inner", "d"), 8);
	assert_int_equal(cul_btf_offset(&btf, "outer", "in.d"), 8);
	assert_int_equal(cul_btf_offset(&btf, "outer", "in.e"), -1);
	assert_int_equal(cul_btf_offset(&btf, "outer", "x"), -1); /* a bit field has no byte */
	assert_true(cul_btf_member(&btf, cul_btf_find(&btf, "outer", CUL_BTF_STRUCT), "y", &m));
	assert_int_equal(m.bit_offset, 99);
	assert_int_equal(m.bits, 5);
	assert_int_equal(cul_btf_size(&btf, "outer"), 16);
	assert_int_equal(cul_btf_size(&btf, "none"), -1);
	assert_true(cul_btf_enumerator(&btf, "colour", "GREEN", &value));
	assert_int_equal(value, 7);
	assert_true(cul_btf_enumerator(&btf, "wide", "BIG", &value));
	assert_int_equal(value, (int64_t)1 << 32 | 5);
	assert_false(cul_btf_enumerator(&btf, "colour", "BLUE", &value));
	cul_arena_free(arena);
}

/* a module's types go on where the kernel's end */
static void test_btf_split(void **state)
{
	struct cul_arena *arena = cul_arena_new();
	struct cul_btf base, module;
	uint8_t data[4096], more[512];
	const char *why = NULL;
	size_t size = example(data);
	struct blob b = { 0 };
	uint32_t inner;

	(void)state;
	assert_true(cul_btf_load(&base, data, size, NULL, arena, &why));
	inner = cul_btf_find(&base, "inner", CUL_BTF_STRUCT);
	name(&b, "");
	type(&b, base.strings_size + name(&b, "driver"), INFO(4, 1), 24);
	WORDS(&b, base.strings_size + name(&b, "held"), inner, 64);
	assert_true(cul_btf_load(&module, more, blob_write(&b, more), &base, arena, &why));
	assert_int_equal(cul_btf_offset(&module, "driver", "held.d"), 16);
	assert_int_equal(cul_btf_offset(&module, "inner", "d"), 8);
	assert_int_equal(cul_btf_find(&base, "driver", CUL_BTF_STRUCT), 0);
	cul_arena_free(arena);
}

static void test_btf_torn(void **state)
{
	struct cul_arena *arena = cul_arena_new();
	uint8_t data[4096], torn[4096];
	size_t size = example(data);
	struct cul_btf btf;
	const char *why;

	(void)state;
	for (size_t n = 0; n < size; n++) {
		memcpy(torn, data, n);
		assert_false(cul_btf_load(&btf, torn, n, NULL, arena, &why));
		assert_non_null(why);
		cul_arena_reset(arena);
	}
	/* each byte another: it may load, and then it may be asked anything */
	for (size_t i = 0; i < size; i++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(torn, data, size);
			torn[i] ^= (uint8_t)(1 << bit);
			if (cul_btf_load(&btf, torn, size, NULL, arena, &why)) {
				cul_btf_offset(&btf, "outer", "in.d");
				cul_btf_type_size(&btf, cul_btf_find(&btf, "inner", CUL_BTF_STRUCT));
				cul_btf_enumerator(&btf, "wide", "BIG", &(int64_t){ 0 });
			}
			cul_arena_reset(arena);
		}
	cul_arena_free(arena);
}

/* struct a { struct a; }: an anonymous member that holds itself */
static void test_btf_circle(void **state)
{
	struct cul_arena *arena = cul_arena_new();
	struct blob b = { .string_size = 1 };
	struct cul_btf btf;
	uint8_t data[512];
	const char *why;

	(void)state;
	type(&b, name(&b, "a"), INFO(4, 2), 8);
	WORDS(&b, 0, 1, 0, 0, 1, 0);
	type(&b, name(&b, "t"), INFO(8, 0), 2); /* a typedef of itself */
	assert_true(cul_btf_load(&btf, data, blob_write(&b, data), NULL, arena, &why));
	assert_int_equal(cul_btf_offset(&btf, "a", "nothing"), -1);
	assert_int_equal(cul_btf_type_size(&btf, 2), 0);
	cul_arena_free(arena);
}

/* ---- kallsyms --------------------------------------------------------------------------------------------------------------- */

#define SYMBOLS 1100
#define TABLES (BASE + 0x20000)

static uint64_t aligned(uint64_t at)
{
	return (at + 7) & ~7ull;
}

/* all printable characters are tokens of their own, and 1 is "sym_"; as scripts/kallsyms.c lays it out up to 6.3 */
static void put_kallsyms(struct machine *m, bool percpu, bool told)
{
	uint64_t at = TABLES, names, index, tokens, number, base, offsets = TABLES;
	uint32_t markers[8] = { 0 }, count = 0, used = 0;
	uint16_t places[256];
	size_t n = 0;

	at = aligned(at + 4 * SYMBOLS);
	base = at;
	put64(m, base, BASE);
	number = base + 8;
	put32(m, number, SYMBOLS);
	names = number + 8;
	at = names;
	for (uint32_t i = 0; i < SYMBOLS; i++) {
		uint8_t packed[64] = { 0 };
		char text[32];
		size_t length = 0;

		if (i % 256 == 0)
			markers[count++] = used;
		if (i == 3) {
			length = (size_t)snprintf((char *)packed + 1, 32, "T_stext");
		} else {
			packed[1] = 'T';
			packed[2] = 1;
			length = 2 + (size_t)snprintf(text, sizeof(text), "%x", i);
			memcpy(packed + 3, text, length - 2);
		}
		packed[0] = (uint8_t)length;
		put(m, at + used, packed, length + 1);
		used += (uint32_t)length + 1;
		put32(m, offsets + 4 * (uint64_t)i, percpu ? (uint32_t)(-1 - (int32_t)(16 * i)) : 16 * i);
	}
	at = aligned(at + used);
	put(m, at, markers, 4 * count);
	tokens = aligned(at + 4 * count);
	for (int i = 0; i < 256; i++) {
		char text[8];

		places[i] = (uint16_t)n;
		snprintf(text, sizeof(text), i == 1 ? "sym_" : i >= 32 && i < 127 ? "%c" : "<%d>", i);
		put(m, tokens + n, text, strlen(text) + 1);
		n += strlen(text) + 1;
	}
	index = aligned(tokens + n);
	put(m, index, places, sizeof(places));
	m->symbols[m->count++] = (struct symbol){ "_stext", BASE + 48 };
	if (!told)
		return;
	m->symbols[m->count++] = (struct symbol){ "kallsyms_names", names };
	m->symbols[m->count++] = (struct symbol){ "kallsyms_num_syms", number };
	m->symbols[m->count++] = (struct symbol){ "kallsyms_token_table", tokens };
	m->symbols[m->count++] = (struct symbol){ "kallsyms_token_index", index };
	m->symbols[m->count++] = (struct symbol){ "kallsyms_offsets", offsets };
	m->symbols[m->count++] = (struct symbol){ "kallsyms_relative_base", base };
}

static void check_kallsyms(bool percpu, bool told)
{
	struct cul_arena *arena = cul_arena_new();
	struct machine *m = calloc(1, sizeof(*m));
	struct cul_ksource source = source_of(m);
	struct cul_kallsyms syms;
	struct cul_ksymbol symbol;
	const char *why = NULL;
	uint64_t value;

	put_kallsyms(m, percpu, told);
	if (!cul_kallsyms_load(&syms, &source, arena, &why))
		fail_msg("%s", why);
	assert_int_equal(syms.count, SYMBOLS);
	assert_int_equal(syms.found, !told);
	assert_true(cul_kallsyms_find(&syms, "_stext", &value));
	assert_true(value == BASE + 48);
	assert_true(cul_kallsyms_find(&syms, "sym_44b", &value));
	assert_true(value == BASE + 16 * 0x44b);
	assert_false(cul_kallsyms_find(&syms, "sym_44c", &value));
	assert_true(cul_kallsyms_at(&syms, BASE + 16 * 0x30 + 5, &symbol));
	assert_string_equal(symbol.name, "sym_30");
	assert_int_equal(symbol.type, 'T');
	assert_int_equal(symbol.size, 16);
	assert_false(cul_kallsyms_at(&syms, BASE - 1, &symbol));
	cul_arena_free(arena);
	free(m);
}

static void test_kallsyms(void **state)
{
	(void)state;
	check_kallsyms(true, true);
	check_kallsyms(false, true);
	check_kallsyms(true, false);
	check_kallsyms(false, false);
}

/* names of functions only: _stext is the first, and what all offsets count from */
static void test_kallsyms_text(void **state)
{
	struct cul_arena *arena = cul_arena_new();
	struct machine *m = calloc(1, sizeof(*m));
	struct cul_ksource source = source_of(m);
	uint64_t base = 0, offsets = 0, value = 0;
	struct cul_kallsyms syms;
	const char *why;

	(void)state;
	put_kallsyms(m, false, true);
	assert_true(find_symbol(m, "kallsyms_relative_base", &base) && find_symbol(m, "kallsyms_offsets", &offsets));
	put64(m, base, BASE + 48);
	for (uint32_t i = 0; i < SYMBOLS; i++)
		put32(m, offsets + 4 * (uint64_t)i, i < 3 ? 0 : 16 * i - 48);
	assert_true(cul_kallsyms_load(&syms, &source, arena, &why));
	assert_true(cul_kallsyms_find(&syms, "_stext", &value) && value == BASE + 48);
	assert_true(cul_kallsyms_find(&syms, "sym_44b", &value) && value == BASE + 16 * 0x44b);
	cul_arena_free(arena);
	free(m);
}

static void test_kallsyms_torn(void **state)
{
	struct cul_arena *arena = cul_arena_new();
	struct machine *m = calloc(1, sizeof(*m));
	struct cul_ksource source = source_of(m);
	struct cul_kallsyms syms;
	uint64_t number = 0, value;
	const char *why;

	(void)state;
	assert_false(cul_kallsyms_load(&syms, &source, arena, &why));
	assert_non_null(why);
	put_kallsyms(m, true, true);
	assert_true(find_symbol(m, "kallsyms_num_syms", &number));
	put32(m, number, 0xffffffff);
	assert_false(cul_kallsyms_load(&syms, &source, arena, &why));
	put32(m, number, SYMBOLS + 20); /* names run into the markers */
	if (cul_kallsyms_load(&syms, &source, arena, &why))
		cul_kallsyms_find(&syms, "sym_1", &value);
	put32(m, number, SYMBOLS);
	for (uint32_t i = 0; i < 2048; i += 7) { /* names, markers and tokens, one word after the other */
		uint64_t at = number + 8 + 4 * (uint64_t)i;
		uint32_t before = 0;

		read_machine(m, at, &before, 4);
		put32(m, at, 0xffffffff);
		if (cul_kallsyms_load(&syms, &source, arena, &why))
			cul_kallsyms_find(&syms, "sym_1", &value);
		else
			assert_non_null(why);
		put32(m, at, before);
		cul_arena_reset(arena);
	}
	cul_arena_free(arena);
	free(m);
}

/* ---- ORC ---------------------------------------------------------------------------------------------------------------------- */

#define ORC_IP (BASE + 0x10000)
#define ORC (BASE + 0x11000)
#define STACK (BASE + 0x18000)

static void put_orc(struct machine *m, struct cul_kernel *k, uint64_t function, int sp_offset, unsigned sp_reg, unsigned old_type, bool end)
{
	uint32_t i = k->orc.count++;
	bool old = k->orc.end != UINT32_MAX;
	uint16_t low = (uint16_t)(int16_t)sp_offset, bits;

	put32(m, ORC_IP + 4 * i, (uint32_t)(function - (ORC_IP + 4 * i)));
	bits = old ? (uint16_t)(sp_reg | old_type << 8 | (end ? 1u << 11 : 0)) : (uint16_t)(sp_reg | (end ? 1u : old_type + 2) << 8);
	put(m, ORC + 6 * i, &low, 2);
	put(m, ORC + 6 * i + 2, &(uint16_t){ 0 }, 2);
	put(m, ORC + 6 * i + 4, &bits, 2);
}

static void start_kernel(struct machine *m, struct cul_kernel *k, struct cul_arena *arena, bool old)
{
	*k = (struct cul_kernel){ .arena = arena, .source = source_of(m), .stext = BASE, .etext = BASE + 0x10000 };
	k->orc.ip = ORC_IP;
	k->orc.table = ORC;
	k->orc.size = 6;
	k->orc.sp_reg = 32;
	k->orc.bp_reg = 36;
	k->orc.type = 40;
	k->orc.type_bits = 3;
	k->orc.signal = 43;
	k->orc.end = old ? 43 : UINT32_MAX;
	k->orc.ready = true;
}

/* a (24 bytes) <- b (8) <- an interrupt <- c, which is where a stack begins */
static void put_stack(struct machine *m, struct cul_kernel *k)
{
	put_orc(m, k, BASE + 0x100, 32, 5, 0, false);
	put_orc(m, k, BASE + 0x200, 16, 5, 0, false);
	put_orc(m, k, BASE + 0x300, 0, 5, 1, false); /* registers at sp */
	put_orc(m, k, BASE + 0x400, 0, 5, 0, true);
	put64(m, STACK + 24, BASE + 0x210);
	put64(m, STACK + 32 + 8, BASE + 0x310);
	put64(m, STACK + 48 + 8 * 16, BASE + 0x404);
	put64(m, STACK + 48 + 8 * 17, 0x10);
	put64(m, STACK + 48 + 8 * 19, STACK + 0x400);
}

static void test_orc(void **state)
{
	struct cul_arena *arena = cul_arena_new();
	struct machine *m = calloc(1, sizeof(*m));
	struct cul_kstack stack;
	struct cul_kernel k;

	(void)state;
	for (int old = 0; old < 2; old++) {
		struct cul_kregs regs = { .ip = BASE + 0x110, .sp = STACK };

		start_kernel(m, &k, arena, old);
		put_stack(m, &k);
		cul_kunwind(&k, &regs, true, (struct cul_kspan){ STACK, STACK + 0x1000, 0, 0 }, &stack);
		assert_int_equal(stack.count, 4);
		assert_int_equal(stack.end, CUL_K_TOP);
		assert_true(stack.frames[1].ip == BASE + 0x210 && !stack.frames[1].exact);
		assert_true(stack.frames[3].ip == BASE + 0x404 && stack.frames[3].exact);
		put64(m, STACK + 48 + 8 * 17, 0x33); /* it came from user space */
		cul_kunwind(&k, &regs, true, (struct cul_kspan){ STACK, STACK + 0x1000, 0, 0 }, &stack);
		assert_int_equal(stack.count, 3);
		assert_int_equal(stack.end, CUL_K_USER);
	}
	cul_arena_free(arena);
	free(m);
}

/* a function that ORC can't unwind: the search finds where it goes on, and marks that */
static void test_orc_search(void **state)
{
	struct cul_kregs regs = { .ip = BASE + 0x50, .sp = STACK - 64 };
	struct cul_arena *arena = cul_arena_new();
	struct machine *m = calloc(1, sizeof(*m));
	struct cul_kstack stack;
	struct cul_kernel k;

	(void)state;
	start_kernel(m, &k, arena, true);
	put_stack(m, &k);
	put64(m, STACK - 8, BASE + 0x120);
	cul_kunwind(&k, &regs, true, (struct cul_kspan){ STACK - 0x1000, STACK + 0x1000, 0, 0 }, &stack);
	assert_int_equal(stack.count, 5);
	assert_false(stack.frames[0].guessed);
	assert_true(stack.frames[1].guessed && stack.frames[1].ip == BASE + 0x120);
	assert_true(!stack.frames[2].guessed && stack.frames[2].ip == BASE + 0x210);
	/* nothing leads on: what may be return addresses, all of them guesses */
	put64(m, STACK + 48 + 8 * 16, 1);
	cul_kunwind(&k, &regs, true, (struct cul_kspan){ STACK - 0x1000, STACK + 0x1000, 0, 0 }, &stack);
	assert_true(stack.count >= 3);
	assert_int_equal(stack.end, CUL_K_LOST);
	for (unsigned i = 1; i < stack.count; i++)
		assert_true(stack.frames[i].guessed);
	cul_arena_free(arena);
	free(m);
}

static void test_orc_hostile(void **state)
{
	struct cul_arena *arena = cul_arena_new();
	struct machine *m = calloc(1, sizeof(*m));
	struct cul_kregs regs = { .ip = BASE + 0x110, .sp = STACK };
	struct cul_kstack stack;
	struct cul_kernel k;

	(void)state;
	start_kernel(m, &k, arena, false);
	put_orc(m, &k, BASE, 0, 5, 1, false); /* registers that lead to themselves */
	put64(m, STACK + 8 * 16, BASE + 0x110);
	put64(m, STACK + 8 * 19, STACK);
	cul_kunwind(&k, &regs, true, (struct cul_kspan){ STACK, STACK + 0x1000, 0, 0 }, &stack);
	assert_int_equal(stack.count, CUL_K_FRAMES);
	assert_int_equal(stack.end, CUL_K_CUT);
	/* far away, and beyond the end of the address space */
	for (uint64_t sp = 1; sp; sp <<= 7) {
		regs.sp = 0 - sp;
		cul_kunwind(&k, &regs, true, (struct cul_kspan){ regs.sp, regs.sp + 0x1000, 0, 0 }, &stack);
		assert_true(stack.count <= CUL_K_FRAMES);
	}
	k.orc.count = UINT32_MAX;
	cul_kunwind(&k, &regs, true, (struct cul_kspan){ STACK, STACK + 0x1000, 0, 0 }, &stack);
	cul_arena_free(arena);
	free(m);
}

/* ---- frame pointers (arm64) ------------------------------------------------------------------------------------------------- */

static void put_record(struct machine *m, uint64_t at, uint64_t before, uint64_t ip)
{
	put64(m, at, before);
	put64(m, at + 8, ip);
}

/* an address as a CPU with pointer authentication signs it */
static uint64_t signed_by_cpu(uint64_t address)
{
	return (address & 0x0000ffffffffffff) | 0x12a5000000000000;
}

/* f1, no record of its own yet <- f2 <- f3 <- an exception's registers in f4 <- f5 <- a system call */
static void start_frames(struct machine *m, struct cul_kernel *k, struct cul_arena *arena, bool typed)
{
	static uint32_t names[] = { 0, 4, 8, 12, 16, 20 };
	static char text[] = "tf1\0tf2\0tf3\0tf4\0tf5\0tf6";
	static uint64_t addresses[] = { BASE + 0x100, BASE + 0x200, BASE + 0x300, BASE + 0x400, BASE + 0x500, BASE + 0x600 };

	start_kernel(m, k, arena, false);
	k->orc.ready = false;
	k->syms = (struct cul_kallsyms){ .addresses = addresses, .names = names, .text = text, .count = 6 };
	k->frame = (struct cul_kframe_layout){ .arm = true, .typed = typed, .record = 0x130, .registers = 0, .pc = 0x100, .pstate = 0x108,
					       .signature = 0xffff000000000000 };
	put_record(m, STACK + 0x40, STACK + 0x230, signed_by_cpu(BASE + 0x310));
	put_record(m, STACK + 0x230, typed ? 0 : STACK + 0x300, typed ? 0 : BASE + 0x408);
	put64(m, STACK + 0x240, 2);
	put64(m, STACK + 0x100 + 8 * 29, STACK + 0x300);
	put64(m, STACK + 0x100 + 8 * 30, BASE + 0x410);
	put64(m, STACK + 0x200, BASE + 0x408);
	put64(m, STACK + 0x208, 5);
	put_record(m, STACK + 0x300, STACK + 0x530, BASE + 0x510);
	put_record(m, STACK + 0x530, 0, 0);
	put64(m, STACK + 0x540, 1);
	put64(m, STACK + 0x500, 0x401000);
}

static void expect_frames(const struct cul_kstack *stack, const uint64_t *offsets, unsigned count)
{
	assert_int_equal(stack->count, count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(stack->frames[i].ip - BASE, offsets[i]);
	assert_int_equal(stack->end, CUL_K_USER);
}

static void test_frames(void **state)
{
	static const uint64_t all[] = { 0x110, 0x210, 0x310, 0x408, 0x510 }, interrupted[] = { 0x110, 0x610, 0x310, 0x408, 0x510 };
	const struct cul_kspan own = { STACK, STACK + 0x1000, 0, 0 }, other = { STACK - 0x1000, STACK, STACK, STACK + 0x1000 };
	struct cul_arena *arena = cul_arena_new();
	struct machine *m = calloc(1, sizeof(*m));
	struct cul_kstack stack;
	struct cul_kernel k;

	(void)state;
	for (int typed = 0; typed < 2; typed++) {
		struct cul_kregs regs = { .ip = BASE + 0x110, .sp = STACK + 0x40, .bp = STACK + 0x40, .lr = signed_by_cpu(BASE + 0x210) };

		start_frames(m, &k, arena, typed);
		cul_kunwind(&k, &regs, true, own, &stack);
		expect_frames(&stack, all, 5);
		assert_true(stack.frames[0].exact && !stack.frames[1].exact && !stack.frames[2].exact && stack.frames[3].exact && !stack.frames[4].exact);
		for (unsigned i = 0; i < stack.count; i++)
			assert_false(stack.frames[i].guessed);
		/* x30 of a function that called and came back tells nothing; nor does one that the record tells too */
		regs.lr = BASE + 0x120;
		cul_kunwind(&k, &regs, true, own, &stack);
		assert_true(stack.count == 4 && stack.frames[1].ip == BASE + 0x310);
		regs.lr = BASE + 0x310;
		cul_kunwind(&k, &regs, true, own, &stack);
		assert_true(stack.count == 4 && stack.frames[1].ip == BASE + 0x310);
		/* a kernel thread's */
		put64(m, STACK + 0x508, 5);
		cul_kunwind(&k, &regs, true, own, &stack);
		assert_int_equal(stack.end, CUL_K_TOP);
		put64(m, STACK + 0x508, 0);
		/* from an interrupt's stack to the task's */
		put_record(m, STACK - 0x800, STACK + 0x40, BASE + 0x610);
		regs = (struct cul_kregs){ .ip = BASE + 0x110, .sp = STACK - 0x900, .bp = STACK - 0x800 };
		cul_kunwind(&k, &regs, true, other, &stack);
		expect_frames(&stack, interrupted, 5);
		/* x29 is garbage: the search finds the first record that leads on, and says that it searched */
		regs = (struct cul_kregs){ .ip = BASE + 0x210, .sp = STACK, .bp = 0x1234 };
		cul_kunwind(&k, &regs, true, own, &stack);
		expect_frames(&stack, all + 1, 4);
		assert_true(!stack.frames[0].guessed && stack.frames[1].guessed && !stack.frames[2].guessed);
		/* a record that leads to itself */
		put_record(m, STACK + 0x230, STACK + 0x230, BASE + 0x408);
		regs = (struct cul_kregs){ .ip = BASE + 0x110, .sp = STACK, .bp = STACK + 0x40 };
		cul_kunwind(&k, &regs, true, own, &stack);
		assert_true(stack.count >= 2 && stack.count < CUL_K_FRAMES);
	}
	cul_arena_free(arena);
	free(m);
}

/* ---- variables that kallsyms does not have -------------------------------------------------------------------------------- */

static void put_export(struct machine *m, uint64_t at, uint64_t value, uint64_t text)
{
	put32(m, at, (uint32_t)(value - at));
	put32(m, at + 4, (uint32_t)(text - (at + 4)));
}

static void test_exports(void **state)
{
	struct cul_arena *arena = cul_arena_new();
	struct machine *m = calloc(1, sizeof(*m));
	struct cul_kernel k;
	uint64_t value;

	(void)state;
	start_kernel(m, &k, arena, false);
	k.etext = BASE + 0x1000;
	put(m, BASE + 0x3100, "init_task", 10);
	put(m, BASE + 0x3ff8, "__per_cpu_offset", 17); /* over a page's end */
	put(m, BASE + 0x5100, "init_task", 10);	       /* of something else */
	put_export(m, BASE + 0x2000, BASE + 0x8000, BASE + 0x3100);
	put_export(m, BASE + 0x2ffc, BASE + 0x8010, BASE + 0x3ff8);	  /* so is this one */
	put_export(m, BASE + 0x2100, BASE + (1ull << 30), BASE + 0x5100); /* out of the image */
	put(m, BASE + 0x6000, (const uint32_t[6]){ 0x0001eb9f, 24, 0, 8, 8, 16 }, 24);
	put(m, BASE + 0x7000, (const uint32_t[6]){ 0x0001eb9f, 24, 0, 8, 8, 40 }, 24);
	put(m, BASE + 0x7800, (const uint32_t[6]){ 0x0001eb9f, 24, 0, 8, 0xfffffff0, 40 }, 24);
	cul_kfind_symbols(&k);
	assert_true(k.text_only);
	assert_true(cul_ksymbol(&k, "init_task", &value) && value == BASE + 0x8000);
	assert_true(cul_ksymbol(&k, "__per_cpu_offset", &value) && value == BASE + 0x8010);
	assert_false(cul_ksymbol(&k, "avenrun", &value));
	assert_true(cul_ksymbol(&k, "__start_BTF", &value) && value == BASE + 0x7000);
	assert_true(cul_ksymbol(&k, "__stop_BTF", &value) && value == BASE + 0x7000 + 72);
	/* where VMCOREINFO or kallsyms tells, nothing is searched */
	start_kernel(m, &k, arena, false);
	k.etext = BASE + 0x1000;
	m->symbols[m->count++] = (struct symbol){ "init_task", BASE + 0x9000 };
	cul_kfind_symbols(&k);
	assert_true(!k.text_only && !k.found_count);
	cul_arena_free(arena);
	free(m);
}

/* ---- fences --------------------------------------------------------------------------------------------------------------------- */

#define FENCE (BASE + 0x8000)
#define OTHER (BASE + 0x9000) /* another's callback */
#define TASK (BASE + 0xa000)

/* only what kfence.c asks for */
static size_t fence_types(uint8_t *out)
{
	struct blob b = { .string_size = 1 };
	uint32_t integer = type(&b, name(&b, "int"), INFO(1, 0), 4);

	WORDS(&b, 32);
	type(&b, name(&b, "dma_fence"), INFO(4, 5), 64);
	WORDS(&b, name(&b, "ops"), integer, 64, name(&b, "cb_list"), integer, 128, name(&b, "context"), integer, 256, name(&b, "seqno"), integer, 320,
	      name(&b, "flags"), integer, 384);
	type(&b, name(&b, "dma_fence_ops"), INFO(4, 1), 16);
	WORDS(&b, name(&b, "get_driver_name"), integer, 64);
	type(&b, name(&b, "dma_fence_cb"), INFO(4, 2), 24);
	WORDS(&b, name(&b, "node"), integer, 0, name(&b, "func"), integer, 128);
	return blob_write(&b, out);
}

static void test_fence(void **state)
{
	struct cul_arena *arena = cul_arena_new();
	struct machine *m = calloc(1, sizeof(*m));
	struct cul_ktask task = { .address = TASK, .stack = STACK };
	uint64_t words[64] = { 0 };
	struct cul_kernel k;
	struct cul_klocks l = { .k = &k, .words = words, .base = STACK, .size = 64 };
	uint8_t types[1024];
	char what[160] = "as it was", name[96] = "";
	const char *why = NULL;

	(void)state;
	put_kallsyms(m, false, true);
	m->symbols[m->count++] = (struct symbol){ "dma_fence_default_wait_cb", BASE + 0x700 };
	start_kernel(m, &k, arena, false);
	assert_true(cul_kallsyms_load(&k.syms, &k.source, arena, &why));
	assert_true(cul_btf_load(&k.btf, types, fence_types(types), NULL, arena, &why));
	put64(m, FENCE + 8, BASE + 0x500);
	put64(m, BASE + 0x508, BASE + 0x600);
	put64(m, FENCE + 32, 12);
	put64(m, FENCE + 40, 3456);
	put64(m, FENCE + 16, STACK + 0x40);
	put64(m, OTHER + 8, FENCE + 16);
	words[8] = FENCE + 16;
	words[9] = FENCE + 16;
	words[10] = BASE + 0x700;
	words[11] = TASK;
	assert_true(cul_kfence_find(&l, &task, what, name));
	assert_string_equal(name, "sym_50");
	assert_string_equal(what, "a fence of sym_50, context 12, number 3456");
	words[9] = OTHER; /* who came later stands before it */
	put64(m, FENCE + 48, 1);
	assert_true(cul_kfence_find(&l, &task, what, name));
	assert_string_equal(what, "a fence of sym_50, context 12, number 3456, which is signaled");
	/* another's callback, operations that are none, a list that only leads round */
	words[11] = TASK + 64;
	assert_false(cul_kfence_find(&l, &task, what, name));
	words[11] = TASK;
	put64(m, BASE + 0x508, BASE + 0x601);
	assert_false(cul_kfence_find(&l, &task, what, name));
	put64(m, OTHER + 8, OTHER);
	assert_false(cul_kfence_find(&l, &task, what, name));
	l.size = 11; /* the stack ends amid it */
	assert_false(cul_kfence_find(&l, &task, what, name));
	cul_arena_free(arena);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_btf),	       cmocka_unit_test(test_btf_split),   cmocka_unit_test(test_btf_torn),
		cmocka_unit_test(test_btf_circle),     cmocka_unit_test(test_kallsyms),	   cmocka_unit_test(test_kallsyms_torn),
		cmocka_unit_test(test_kallsyms_text),
		cmocka_unit_test(test_frames),		       cmocka_unit_test(test_exports),
		cmocka_unit_test(test_orc),	       cmocka_unit_test(test_orc_search),  cmocka_unit_test(test_orc_hostile),
		cmocka_unit_test(test_fence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
