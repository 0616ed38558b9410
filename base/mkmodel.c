/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Makes the model of ordinary log text at build time: mkmodel OUT FOLDER... reads all files below the folders, in order of
 * name, and writes struct cul_model as C.
 *
 * Messages that samples are full of are seldom in a real log, so one kind of line (digits and hex made equal) counts at most
 * KIND_LINES times in a file, and a file at most FILE_BYTES.
 */
#include <ctype.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/made.h"
#include "base/needle_inside.h"

#define FILES 4096
#define FILE_BYTES (96 << 10)
#define KIND_LINES 12
#define KINDS 65536

static char *names[FILES], *text;
static size_t name_count, text_size;

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int note(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + ftw->base;
	size_t size = strlen(name);
	(void)st;
	if (type != FTW_F || name_count == FILES || name[0] == '.' || (size > 4 && !strcmp(name + size - 4, ".obs")) || !strcmp(name, "case.json"))
		return 0;
	return (names[name_count++] = strdup(path)) == NULL;
}

static uint32_t kind_of(const char *line, size_t size)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)line[i];
		if (!isalpha(c) && !ispunct(c) && c != ' ')
			continue;
		h = (h ^ (isxdigit(c) ? 'x' : c)) * 16777619u;
	}
	return h >> 16 & (KINDS - 1);
}

static bool add(const char *path)
{
	static unsigned char seen[KINDS];
	FILE *f = fopen(path, "rbe");
	char *line = NULL;
	size_t room = 0, taken = 0;
	ssize_t size;

	if (!f)
		return false;
	memset(seen, 0, sizeof(seen));
	while ((size = getline(&line, &room, f)) > 0 && taken < FILE_BYTES) {
		if (memchr(line, 0, (size_t)size))
			break; /* no text */
		if (size > 4000)
			size = 4000;
		uint32_t kind = kind_of(line, (size_t)size);
		if (seen[kind] == KIND_LINES)
			continue;
		seen[kind]++;
		char *larger = realloc(text, text_size + (size_t)size);
		if (!larger)
			return false;
		text = larger;
		memcpy(text + text_size, line, (size_t)size);
		text_size += (size_t)size;
		taken += (size_t)size;
	}
	free(line);
	fclose(f);
	return true;
}

static void write_bytes(FILE *out, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		fprintf(out, "%u,%s", bytes[i], i % 32 == 31 ? "\n" : "");
}

int main(int argc, char **argv)
{
	static struct cul_model model;
	static struct cul_six sixes[CUL_SIXES];
	char *bytes = NULL;
	size_t size = 0;
	bool good = true;

	if (argc < 3) {
		fputs("usage: mkmodel OUT FOLDER...\n", stderr);
		return 2;
	}
	for (int i = 2; i < argc; i++)
		good = good && !nftw(argv[i], note, 16, FTW_PHYS);
	qsort(names, name_count, sizeof(*names), by_name);
	for (size_t i = 0; i < name_count; i++)
		good = good && add(names[i]);
	if (!good || text_size < 4096 || !cul_model_make((struct cul_slice){ text, text_size }, &model) ||
	    !cul_model_make_sixes((struct cul_slice){ text, text_size }, sixes)) {
		fprintf(stderr, "mkmodel: %s\n", good ? "hardly any text" : strerror(errno));
		return 1;
	}
	FILE *out = open_memstream(&bytes, &size);
	if (!out)
		return 1;
	fprintf(out, "/* SPDX-License-Identifier: Apache-2.0 */\n/** How ordinary log text looks; made by base/mkmodel.c from %zu bytes. */\n"
		"#include \"base/needle_inside.h\"\n\nconst struct cul_model cul_model = { %u, {\n", text_size, model.once);
	write_bytes(out, model.pair, sizeof(model.pair));
	fputs("}, {\n", out);
	write_bytes(out, model.triple, sizeof(model.triple));
	fputs("}, {\n", out);
	write_bytes(out, model.window, sizeof(model.window));
	fputs("} };\nconst struct cul_six cul_model_sixes[CUL_SIXES] = {\n", out);
	for (size_t i = 0; i < CUL_SIXES; i++)
		fprintf(out, "{%u,%u},%s", sixes[i].check, sixes[i].level, i % 16 == 15 ? "\n" : "");
	fputs("};\n", out);
	fclose(out);
	if (!cul_made_same(argv[1], bytes, size)) {
		FILE *f = fopen(argv[1], "wbe");
		if (!f || fwrite(bytes, 1, size, f) != size || fclose(f)) {
			fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
			return 1;
		}
	}
	free(bytes);
	return 0;
}
