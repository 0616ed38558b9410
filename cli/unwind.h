/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What culprit and culprit-unwind say to one another over a socket pair: structures as they lie in memory, since both are built
 * together and run on one machine.
 *
 * Asked: a head, the vdso's image, modules, threads, each thread followed by its stack. Answered: any number of frames, the last one marked so.
 */
#ifndef CUL_CLI_UNWIND_H
#define CUL_CLI_UNWIND_H

#include <stddef.h>
#include <stdint.h>

#define UNWIND_MAGIC UINT32_C(0x636c7532)
#define UNWIND_MODULES 4096
#define UNWIND_THREADS 256
#define UNWIND_STACK (1u << 20)
#define UNWIND_FRAMES 256 /* of one thread */
#define UNWIND_IMAGE (64u << 10)
#define UNWIND_SECONDS 60 /* for one core */

struct unwind_head {
	uint32_t magic, machine, modules, threads;
	int64_t pid;
	uint64_t image_at, image_size; /* the vdso */
};
struct unwind_module {
	uint64_t base, end, bias;
	char build_id[64], path[1024];
};
struct unwind_thread {
	int64_t tid;
	uint64_t registers[33], count, stack_at, stack_size;
};
struct unwind_answer {
	uint32_t last; /* no frame: @function is the sentence why not all are known, or empty */
	uint32_t thread;
	uint64_t pc;
	int32_t line;
	char function[260], file[128];
};

/** A symbol as a function's name, without blanks, into @to (demangle.c). */
void function_name(const char *symbol, char *to, size_t size);

#endif
