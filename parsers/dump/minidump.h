/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A minidump as it is read: minidump_read.c takes its streams, minidump_fault.c says what the exception means, minidump.c tells.
 */
#ifndef CUL_PARSERS_DUMP_MINIDUMP_H
#define CUL_PARSERS_DUMP_MINIDUMP_H

#include "parsers/image.h"
#include "parsers/parser.h"

enum cul_minidump_system { CUL_MINIDUMP_LINUX, CUL_MINIDUMP_WINDOWS, CUL_MINIDUMP_MACOS };

struct cul_minidump_fault {
	enum cul_minidump_system system;
	uint32_t code, flags, parameters;
	uint64_t address, information[2], pc, sp;
	uint64_t fault_address; /* what was used, where the code says so; else the exception's address */
};

struct cul_minidump_words {
	const char *signal, *code, *event;
	bool addressed; /* fault_address means something */
	char why[200];
};

struct cul_minidump_place {
	uint32_t size, at;
};

struct cul_minidump_module {
	uint64_t base, size;
	char path[320], build_id[72], version[32];
};

struct cul_minidump_thread {
	uint32_t tid;
	uint64_t pc, sp, stack_start;
	struct cul_minidump_place stack;
	char name[64];
};

struct cul_minidump {
	struct cul_parse *parse;
	const struct cul_image *image;
	struct cul_time time;
	struct cul_minidump_fault fault; /* what is asked about the exception */
	bool died;
	uint32_t tid;
	struct cul_minidump_place context;
	int64_t pid;
	struct cul_minidump_module *modules;
	struct cul_minidump_thread *threads;
	size_t module_count, thread_count, died_at;
	char comm[64], command[2048], path[512], os[256], arch[16], mapped[512];
};

static inline uint32_t cul_minidump_u32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t cul_minidump_u64(const unsigned char *p)
{
	return cul_minidump_u32(p) | (uint64_t)cul_minidump_u32(p + 4) << 32;
}

static inline bool cul_minidump_get(const struct cul_minidump *d, uint64_t at, void *to, size_t size)
{
	return cul_image_read(d->image, at, to, size);
}

/** A length-prefixed string: UTF-16 (@wide) or UTF-8, cut to what fits; control bytes become '?'. */
void cul_minidump_string(const struct cul_minidump *d, uint32_t at, bool wide, char *to, size_t room);
/** A list of records of @each bytes behind its count; some writers align the first to 8. How many there are, at most @most. */
size_t cul_minidump_list(const struct cul_minidump *d, struct cul_minidump_place where, size_t each, size_t most, uint64_t *first);
const struct cul_minidump_module *cul_minidump_module(const struct cul_minidump *d, uint64_t pc);
struct cul_slice cul_minidump_module_name(const struct cul_minidump_module *m);

enum { CUL_MINIDUMP_SYSTEM, CUL_MINIDUMP_MODULES, CUL_MINIDUMP_EXCEPTION, CUL_MINIDUMP_THREADS, CUL_MINIDUMP_NAMES, CUL_MINIDUMP_MISC,
       CUL_MINIDUMP_STATUS, CUL_MINIDUMP_COMMAND, CUL_MINIDUMP_MAPS, CUL_MINIDUMP_CRASHPAD, CUL_MINIDUMP_STREAMS };
/** Read what the streams say, in the order in which they need each other. */
enum cul_status cul_minidump_streams(struct cul_minidump *d, const struct cul_minidump_place streams[CUL_MINIDUMP_STREAMS]);

/** Where a fault happened at: set before maps are read. */
void cul_minidump_address(struct cul_minidump_fault *f);
/** The exception in words. @f->pc and @f->sp are those of the thread that died. */
void cul_minidump_judge(const struct cul_minidump_fault *f, bool died, struct cul_minidump_words *w);

#endif
