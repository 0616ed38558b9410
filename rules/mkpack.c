/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Makes the built-in pack at build time: mkpack OUT RULES-DIR. Reads calibration.yaml, tools.list and every
 * FAMILY/NAME.yaml below RULES-DIR, in order of name, by load.c as a user's files are read, and writes what came of it as one C
 * file (mkpack_write.c): at run time nothing is parsed. OUT is left alone when nothing changed, so that a build without changes
 * compiles nothing. A file that is no YAML is named on stderr and left out (tests/test_rules.c fails then), one with another mistake
 * is left out and told by `rules check`, so that one half-written rule stops nobody's build.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/made.h"
#include "rules/mkpack.h"

#define FILES 8192

struct list {
	char *names[FILES];
	size_t count;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* FAMILY/NAME.yaml below @dir. */
static int collect(const char *dir, const char *family, struct list *list)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s%s", dir, family ? "/" : "", family ? family : "");
	DIR *d = opendir(path);
	if (!d) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	int bad = 0;
	for (struct dirent *e; !bad && (e = readdir(d));) {
		size_t size = strlen(e->d_name);
		struct stat st;
		char full[8192], *name = NULL;

		if (e->d_name[0] == '.')
			continue;
		snprintf(full, sizeof(full), "%s/%s", path, e->d_name);
		if (stat(full, &st))
			continue;
		if (!family && S_ISDIR(st.st_mode)) {
			bad = collect(dir, e->d_name, list);
		} else if (family && S_ISREG(st.st_mode) && size > 5 && !strcmp(e->d_name + size - 5, ".yaml")) {
			if (list->count == FILES || asprintf(&name, "%s/%s", family, e->d_name) < 0)
				bad = 1;
			else
				list->names[list->count++] = name;
		}
	}
	closedir(d);
	return bad;
}

void mkpack_string(FILE *out, const char *text, size_t size)
{
	fputs("\t\"", out);
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 32 || c > 126 || c == '?')
			fprintf(out, "\\%03o", c);
		else
			fputc(c, out);
		if (i % 100 == 99)
			fputs("\"\n\t\"", out);
	}
	fputs("\"", out);
}

static void write_tools(FILE *out, const char *dir)
{
	char path[4096], line[256];

	fputs("static const char *const tools[] = {\n", out);
	snprintf(path, sizeof(path), "%s/tools.list", dir);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, line[0] == '!' ? "\r\n" : " \t\r\n#")] = 0;
		if (!line[0])
			continue;
		mkpack_string(out, line, strlen(line));
		fputs(",\n", out);
	}
	if (f)
		fclose(f);
	fputs("\tNULL\n};\n", out);
}

/* FAMILY/NAME.yaml, all of them; roots[i] UINT32_MAX: no YAML. */
static bool read_files(const char *dir, const struct list *list, struct cul_nodes *nodes, uint32_t *roots)
{
	char path[8192];

	for (size_t i = 0; i < list->count; i++) {
		struct cul_error err = { 0 };
		size_t root, count = nodes->count, text = nodes->size;
		snprintf(path, sizeof(path), "%s/%s", dir, list->names[i]);
		if (cul_yaml_file(path, nodes, &root, &err) != CUL_OK) {
			fprintf(stderr, "%s\n", err.text);
			nodes->count = count;
			nodes->size = text;
			roots[i] = UINT32_MAX;
			if (!i)
				return false; /* no calibration, no pack */
			continue;
		}
		roots[i] = (uint32_t)root;
	}
	return true;
}

/* As a user's files are read; a rule with a mistake is left out, `rules check` tells. */
static bool read_rules(struct cul_rules *rules, const struct list *list, const struct cul_nodes *nodes, const uint32_t *roots)
{
	for (size_t i = 0; i < list->count; i++) {
		struct cul_error err = { 0 };
		struct cul_tree tree = { .text = nodes->text, .root = nodes->nodes + roots[i] };
		if (roots[i] == UINT32_MAX)
			continue;
		tree.file = cul_arena_printf(rules->arena, "rules/%s", list->names[i]);
		enum cul_status status = !tree.file ? CUL_ENOMEM : !i ? cul_calibration_read(&rules->calibration, &tree, &err) :
					 cul_rule_read(rules, &tree, true, &err);
		if (status == CUL_ERULE && i) {
			rules->mistakes[rules->mistake_count] = cul_arena_copy(rules->arena, cul_str(err.text));
			status = rules->mistakes[rules->mistake_count++] ? CUL_OK : CUL_ENOMEM;
		}
		if (status != CUL_OK) {
			fprintf(stderr, "%s\n", status == CUL_ENOMEM ? "out of memory" : err.text);
			return false;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	static struct list list;
	static uint32_t roots[FILES];
	struct cul_nodes nodes = { 0 };
	struct cul_arena *arena = cul_arena_new();
	struct cul_rules rules = { .arena = arena };
	char *bytes = NULL;
	size_t size = 0;

	if (argc != 3) {
		fputs("usage: mkpack OUT RULES-DIR\n", stderr);
		return 2;
	}
	list.names[list.count++] = strdup("calibration.yaml");
	if (collect(argv[2], NULL, &list))
		return 1;
	qsort(list.names + 1, list.count - 1, sizeof(char *), by_name);
	rules.mistakes = arena ? cul_arena_get(arena, list.count * sizeof(*rules.mistakes)) : NULL;
	if (!rules.mistakes || !read_files(argv[2], &list, &nodes, roots) || !read_rules(&rules, &list, &nodes, roots))
		return 1;
	FILE *out = open_memstream(&bytes, &size);
	if (!out)
		return 1;
	fputs("/* SPDX-License-Identifier: Apache-2.0 */\n/** The built-in rules; made by rules/mkpack.c. */\n"
	      "#ifndef AT\n#include <stddef.h>\n\n#include \"parsers/fields.h\"\n#include \"rules/rule.h\"\n\n", out);
	write_tools(out, argv[2]);
	bool written = mkpack_write(out, &rules, &nodes);
	if (fclose(out) || !written)
		return 1;

	if (!cul_made_same(argv[1], bytes, size)) {
		FILE *f = fopen(argv[1], "wbe");
		if (!f || fwrite(bytes, 1, size, f) != size || fclose(f)) {
			fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
			return 1;
		}
	}
	free(bytes);
	for (size_t i = 0; i < list.count; i++)
		free(list.names[i]);
	cul_nodes_free(&nodes);
	cul_arena_free(arena);
	return 0;
}
