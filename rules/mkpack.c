/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Makes the built-in pack at build time: mkpack OUT RULES-DIR. Reads calibration.yaml, tools.list and every
 * FAMILY/NAME.yaml below RULES-DIR, in order of name, and writes their nodes as one C file. OUT is left
 * alone when nothing changed, so that a build without changes compiles nothing. A file that is no YAML is named on
 * stderr and left out (tests/test_rules.c fails then), so that one half-written rule stops nobody's build.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rules/node.h"

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

static void write_string(FILE *out, const char *text, size_t size)
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
		write_string(out, line, strlen(line));
		fputs(",\n", out);
	}
	if (f)
		fclose(f);
	fputs("\tNULL\n};\n", out);
}

static bool same(const char *path, const char *bytes, size_t size)
{
	FILE *f = fopen(path, "rbe");
	if (!f)
		return false;
	char *have = malloc(size + 1);
	bool equal = have && fread(have, 1, size + 1, f) == size && !memcmp(have, bytes, size);
	free(have);
	fclose(f);
	return equal;
}

int main(int argc, char **argv)
{
	static struct list list;
	struct cul_nodes nodes = { 0 };
	static uint32_t roots[FILES];
	char *bytes = NULL, path[8192];
	size_t size = 0;

	if (argc != 3) {
		fputs("usage: mkpack OUT RULES-DIR\n", stderr);
		return 2;
	}
	list.names[list.count++] = strdup("calibration.yaml");
	if (collect(argv[2], NULL, &list))
		return 1;
	qsort(list.names + 1, list.count - 1, sizeof(char *), by_name);
	for (size_t i = 0; i < list.count; i++) {
		struct cul_error err = { 0 };
		size_t root, count = nodes.count, text = nodes.size;
		snprintf(path, sizeof(path), "%s/%s", argv[2], list.names[i]);
		if (cul_yaml_file(path, &nodes, &root, &err) != CUL_OK) {
			fprintf(stderr, "%s\n", err.text);
			nodes.count = count;
			nodes.size = text;
			roots[i] = UINT32_MAX;
			if (!i)
				return 1; /* no calibration, no pack */
			continue;
		}
		roots[i] = (uint32_t)root;
	}
	FILE *out = open_memstream(&bytes, &size);
	if (!out)
		return 1;
	fputs("/* SPDX-License-Identifier: Apache-2.0 */\n/** The built-in rules; made by rules/mkpack.c. */\n"
	      "#include \"rules/node.h\"\n\nstatic const struct cul_node nodes[] = {\n", out);
	for (size_t i = 0; i < nodes.count; i++) {
		const struct cul_node *n = nodes.nodes + i;
		fprintf(out, "{%u,%u,%u,%u,%u,%u,%u},%s", n->text, n->size, n->span, n->line, n->column, n->type, n->quoted,
			i % 8 == 7 ? "\n" : "");
	}
	fputs("\n};\nstatic const char text[] =\n", out);
	write_string(out, nodes.text, nodes.size);
	fputs(";\nstatic const struct cul_pack_file files[] = {\n", out);
	for (size_t i = 0; i < list.count; i++) {
		if (roots[i] == UINT32_MAX)
			continue;
		fputs("{", out);
		write_string(out, list.names[i], strlen(list.names[i]));
		fprintf(out, ", %u},\n", roots[i]);
	}
	fputs("};\n", out);
	write_tools(out, argv[2]);
	fprintf(out, "const struct cul_pack cul_builtin_pack = { nodes, text, files, sizeof(files) / sizeof(*files), tools };\n");
	fclose(out);

	if (!same(argv[1], bytes, size)) {
		FILE *f = fopen(argv[1], "wbe");
		if (!f || fwrite(bytes, 1, size, f) != size || fclose(f)) {
			fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
			return 1;
		}
	}
	free(bytes);
	cul_nodes_free(&nodes);
	return 0;
}
