/* SPDX-License-Identifier: Apache-2.0 */
/** Cores made by hand, and what is told of them: for test_core.c and test_core_inside.c. */
#ifndef CUL_TESTS_CORE_MADE_H
#define CUL_TESTS_CORE_MADE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "culprit/bundle.h"
#include "culprit/parse.h"

#pragma GCC diagnostic ignored "-Wunused-function" /* either needs a part */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SEGMENTS 16
#define ROOM (1u << 16)

/* ---- a core in the making -------------------------------------------------------------------- */

struct segment {
	uint64_t start, size, in_file;
	uint32_t flags;
	unsigned char bytes[4096];
};

struct made {
	unsigned char notes[16384];
	size_t notes_size;
	struct segment segments[SEGMENTS];
	size_t count;
	uint16_t type, machine;
	unsigned char class, order;
	uint64_t physical;
};

static void put16(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 2; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}
static void put32(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}
static void put64(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> 8 * i);
}

static void note(struct made *m, uint32_t type, const void *desc, size_t size)
{
	unsigned char *p = m->notes + m->notes_size;
	put32(p, 5);
	put32(p + 4, size);
	put32(p + 8, type);
	memcpy(p + 12, "CORE\0\0\0", 8);
	memcpy(p + 20, desc, size);
	m->notes_size += 20 + ((size + 3) & ~(size_t)3);
	assert_true(m->notes_size < sizeof(m->notes));
}

struct thread {
	int tid;
	uint64_t pc, sp, fp, number, arg[3];
};

static void thread(struct made *m, struct thread t, int signal)
{
	unsigned char d[336] = { 0 }, *r = d + 112;
	put16(d + 12, (uint64_t)signal);
	put32(d + 32, (uint64_t)t.tid);
	put64(r + 4 * 8, t.fp);
	put64(r + 12 * 8, t.arg[2]);
	put64(r + 13 * 8, t.arg[1]);
	put64(r + 14 * 8, t.arg[0]);
	put64(r + 15 * 8, t.number);
	put64(r + 16 * 8, t.pc);
	put64(r + 19 * 8, t.sp);
	note(m, 1, d, sizeof(d));
}

static void process(struct made *m, int pid, const char *comm)
{
	unsigned char d[136] = { 0 };
	put32(d + 16, 1000);
	put32(d + 24, (uint64_t)pid);
	memcpy(d + 40, comm, strlen(comm));
	memcpy(d + 56, comm, strlen(comm));
	note(m, 3, d, sizeof(d));
}

static void siginfo(struct made *m, int signal, int code, uint64_t address)
{
	unsigned char d[128] = { 0 };
	put32(d, (uint64_t)signal);
	put32(d + 8, (uint64_t)(uint32_t)code);
	put64(d + 16, address);
	note(m, 0x53494749, d, sizeof(d));
}

/* Mapped files: start, end, path; the page size is 4096, each at its file's begin. */
static void files(struct made *m, const uint64_t (*at)[2], const char *const *paths, size_t count)
{
	unsigned char d[2048] = { 0 };
	size_t n = 16 + count * 24;
	put64(d, count);
	put64(d + 8, 4096);
	for (size_t i = 0; i < count; i++) {
		put64(d + 16 + i * 24, at[i][0]);
		put64(d + 24 + i * 24, at[i][1]);
		memcpy(d + n, paths[i], strlen(paths[i]) + 1);
		n += strlen(paths[i]) + 1;
	}
	note(m, 0x46494c45, d, n);
}

static unsigned char *memory(struct made *m, uint64_t start, uint64_t size, uint64_t in_file, uint32_t flags)
{
	struct segment *s = &m->segments[m->count++];
	*s = (struct segment){ .start = start, .size = size, .in_file = in_file, .flags = flags };
	return s->bytes;
}

static struct cul_slice file(const struct made *m)
{
	unsigned char *f = calloc(1, ROOM + SEGMENTS * 4096);
	size_t at = 64 + (m->count + 1) * 56;
	assert_non_null(f);
	memcpy(f, "\177ELF", 4);
	f[4] = m->class ? m->class : 2;
	f[5] = m->order ? m->order : 1;
	f[6] = 1;
	put16(f + 16, m->type ? m->type : 4);
	put16(f + 18, m->machine ? m->machine : 62);
	put64(f + 32, 64);
	put16(f + 54, 56);
	put16(f + 56, m->count + 1);
	put32(f + 64, 4);
	put64(f + 64 + 8, at);
	put64(f + 64 + 32, m->notes_size);
	memcpy(f + at, m->notes, m->notes_size);
	at += m->notes_size;
	for (size_t i = 0; i < m->count; i++) {
		unsigned char *p = f + 64 + (i + 1) * 56;
		const struct segment *s = &m->segments[i];
		put32(p, 1);
		put32(p + 4, s->flags);
		put64(p + 8, at);
		put64(p + 16, s->start);
		put64(p + 24, m->physical);
		put64(p + 32, s->in_file);
		put64(p + 40, s->size);
		memcpy(f + at, s->bytes, s->in_file);
		at += s->in_file;
	}
	return (struct cul_slice){ (char *)f, at };
}

/* ---- what comes of it ------------------------------------------------------------------------ */

struct told {
	char *text;
	size_t size;
	FILE *out;
	char where[80];
};

static enum cul_status on_member(void *ctx, const struct cul_member *member, int *id)
{
	(void)ctx, (void)member;
	*id = 0;
	return CUL_OK;
}
static enum cul_status on_section(void *ctx, const struct cul_section_info *info, int *id)
{
	(void)ctx, (void)info;
	*id = 0;
	return CUL_OK;
}
static enum cul_status on_end(void *ctx, int section, const struct cul_section_span *span)
{
	(void)ctx, (void)section, (void)span;
	return CUL_OK;
}
static enum cul_status on_suspect(void *ctx, const struct cul_observation *record)
{
	(void)ctx, (void)record;
	return CUL_OK;
}
static enum cul_status on_observe(void *ctx, const struct cul_observation *o)
{
	struct told *told = ctx;
	fprintf(told->out, "%s", o->kind->name);
	if (o->time.ns != CUL_NO_TIME)
		fprintf(told->out, " @%lld", (long long)o->time.ns);
	for (size_t i = 0; i < o->count; i++) {
		const struct cul_value *v = &o->values[i];
		if (v->type == CUL_TEXT)
			fprintf(told->out, " %s=%.*s;", v->field->name, (int)v->s.size, v->s.data);
		else if (v->type == CUL_REAL)
			fprintf(told->out, " %s=%g;", v->field->name, v->r);
		else if (v->type != CUL_ABSENT)
			fprintf(told->out, " %s=%lld;", v->field->name, (long long)v->i);
	}
	fprintf(told->out, " | %.*s\n", (int)o->text.size, o->text.data ? o->text.data : "");
	return CUL_OK;
}

static struct told tell_all(const struct cul_blob *blobs, size_t count, const struct cul_unwinder *unwinder)
{
	struct told told = { 0 };
	const struct cul_limits limits = { .unwinder = unwinder };
	struct cul_sink sink = { .ctx = &told, .member = on_member, .section = on_section, .observe = on_observe, .section_end = on_end,
				 .suspect = on_suspect };
	struct cul_bundle *bundle;
	struct cul_error err = { 0 };
	told.out = open_memstream(&told.text, &told.size);
	assert_non_null(told.out);
	assert_int_equal(cul_bundle_memory(blobs, count, NULL, &bundle, &err), CUL_OK);
	assert_int_equal(cul_parse(bundle, NULL, &limits, &sink, NULL, &err), CUL_OK);
	cul_bundle_close(bundle);
	fclose(told.out);
	return told;
}

static struct told tell(const char *name, struct cul_slice bytes)
{
	return tell_all(&(const struct cul_blob){ name, bytes }, 1, NULL);
}

static void expect(struct told told, const char *text)
{
	if (!strstr(told.text, text))
		fail_msg("\"%s\" isn't in\n%s", text, told.text);
}
static void refuse(struct told told, const char *text)
{
	if (strstr(told.text, text))
		fail_msg("\"%s\" is in\n%s", text, told.text);
}

#define CODE UINT64_C(0x555555554000)
#define LIBC UINT64_C(0x7f0000000000)
#define STACK UINT64_C(0x7ffd00000000)
#define HEAP UINT64_C(0x555555600000)

/* A program with code, a heap and a stack, dead at @pc by @signal. */
static struct made *program(int signal, int code, uint64_t address, uint64_t pc, uint64_t sp)
{
	static const uint64_t at[][2] = { { CODE, CODE + 0x3000 }, { LIBC, LIBC + 0x4000 } };
	static const char *const paths[] = { "/srv/demo/server", "/usr/lib/libc.so.6" };
	struct made *m = calloc(1, sizeof(*m));
	assert_non_null(m);
	thread(m, (struct thread){ .tid = 4242, .pc = pc, .sp = sp, .number = UINT64_MAX }, signal);
	process(m, 4242, "server");
	siginfo(m, signal, code, address);
	files(m, at, paths, 2);
	unsigned char *head = memory(m, CODE, 0x1000, 0x1000, 4);
	memcpy(head, "\177ELF\2\1\1", 7);
	put64(head + 32, 64);
	put16(head + 54, 56);
	put16(head + 56, 1);
	put32(head + 64, 4);
	put64(head + 64 + 8, 0x200);
	put64(head + 64 + 32, 36);
	put32(head + 0x200, 4);
	put32(head + 0x204, 20);
	put32(head + 0x208, 3);
	memcpy(head + 0x20c, "GNU\0", 4);
	for (int i = 0; i < 20; i++)
		head[0x210 + i] = (unsigned char)(0xa0 + i);
	memory(m, CODE + 0x1000, 0x2000, 0, 5);
	memory(m, HEAP, 0x1000, 0x1000, 6);
	memory(m, LIBC, 0x2000, 0, 5);
	memory(m, LIBC + 0x2000, 0x1000, 0x1000, 6);
	memory(m, STACK, 0x1000, 0x1000, 6);
	return m;
}
#define DATA (LIBC + 0x2000)
#define HEAP_OF(m) ((m)->segments[2].bytes)
#define DATA_OF(m) ((m)->segments[4].bytes)
#define STACK_OF(m) ((m)->segments[5].bytes)

static struct told told_of(struct made *m)
{
	struct cul_slice bytes = file(m);
	struct told told = tell("core.4242", bytes);
	free((char *)bytes.data);
	free(m);
	return told;
}

#endif
