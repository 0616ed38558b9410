/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Makes an empty case at build time, as the bytes of a database: mkspine OUT. Parsing the schema takes SQLite four times as long as reading it back
 * out of a file. OUT is left alone when nothing changed. A library without sqlite3_serialize() makes none; then each scan parses it.
 */
#include <errno.h>
#include <sqlite3.h>

#include "base/made.h"
#include "store/spine.h"

/* static const unsigned char NAME[]; false: SQLite refused. */
static bool write_image(FILE *out, const char *name, unsigned page_size)
{
	char pragma[64];
	sqlite3 *db = NULL;
	sqlite3_int64 size = 0;
	unsigned char *image = NULL;

	snprintf(pragma, sizeof(pragma), "PRAGMA page_size=%u", page_size);
	if (sqlite3_open(":memory:", &db) == SQLITE_OK && sqlite3_exec(db, pragma, NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_exec(db, "BEGIN; " SPINE_SQL "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
		image = sqlite3_serialize(db, "main", &size, 0);
	fprintf(out, "static const unsigned char %s[] = {", name);
	for (sqlite3_int64 i = 0; image && i < size; i++)
		fprintf(out, "%s%u,", i % 32 ? "" : "\n", image[i]);
	fputs("\n};\n", out);
	if (!image)
		fprintf(stderr, "mkspine: %s\n", db ? sqlite3_errmsg(db) : "out of memory");
	sqlite3_free(image);
	sqlite3_close(db);
	return image != NULL;
}

int main(int argc, char **argv)
{
	char *bytes = NULL;
	size_t size = 0;

	if (argc != 2) {
		fputs("usage: mkspine OUT\n", stderr);
		return 2;
	}
	FILE *out = open_memstream(&bytes, &size);
	if (!out)
		return 1;
	fputs("/* SPDX-License-Identifier: Apache-2.0 */\n/* Empty cases in memory and on disk; made by store/mkspine.c. */\n", out);
	bool made = write_image(out, "spine_in_memory", SPINE_MEMORY_PAGE) && write_image(out, "spine_on_disk", SPINE_DISK_PAGE);
	if (fclose(out) || !made)
		return 1;
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
