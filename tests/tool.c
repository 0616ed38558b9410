/* SPDX-License-Identifier: Apache-2.0 */
/**
 * What tests/cli.sh needs and a bare machine lacks.
 *
 * usage: tool json < REPORT        is it JSON, and has it what the contract promises?
 *        tool zip OUT FILE...      a zip (7z, tar.xz, ... by OUT's ending) of those files, named by their last part
 */
#include <archive.h>
#include <archive_entry.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char *slurp(FILE *f, size_t *size)
{
	char *data = NULL;
	char buf[1 << 14];
	size_t n;
	FILE *out = open_memstream(&data, size);

	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		fwrite(buf, 1, n, out);
	fclose(out);
	return data;
}

static int wrong(const char *what)
{
	fprintf(stderr, "json: %s\n", what);
	return 1;
}

static int json(void)
{
	static const char *const keys[] = { "culprit", "schema", "lead", "input", "hosts", "coverage", "findings", "unexplained", "not_judged" };
	static const char *const of_finding[] = { "order", "cause", "role", "explained_by", "certainty", "severity", "title", "summary", "act",
						  "do_not", "first", "last", "onset", "count", "entities", "facts", "evidence", "remedy",
						  "references" };
	size_t size;
	char *text = slurp(stdin, &size);
	cJSON *report = cJSON_ParseWithLength(text, size);
	int order = 0;
	cJSON *finding;

	free(text);
	if (!report)
		return wrong("not JSON");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!cJSON_HasObjectItem(report, keys[i]))
			return wrong(keys[i]);
	cJSON_ArrayForEach(finding, cJSON_GetObjectItem(report, "findings")) {
		for (size_t i = 0; i < sizeof(of_finding) / sizeof(of_finding[0]); i++)
			if (!cJSON_HasObjectItem(finding, of_finding[i]))
				return wrong(of_finding[i]);
		if (cJSON_GetObjectItem(finding, "order")->valueint != ++order)
			return wrong("findings are out of order");
		double certainty = cJSON_GetObjectItem(finding, "certainty")->valuedouble;
		if (certainty < 0 || certainty > 1)
			return wrong("a certainty outside 0..1");
	}
	const cJSON *lead = cJSON_GetObjectItem(report, "lead");
	if (cJSON_IsNumber(lead)) {
		finding = cJSON_GetArrayItem(cJSON_GetObjectItem(report, "findings"), lead->valueint - 1);
		if (!finding || cJSON_GetObjectItem(finding, "certainty")->valuedouble < 0.5)
			return wrong("the lead is none");
		puts(cJSON_GetObjectItem(finding, "cause")->valuestring);
	} else {
		puts("null");
	}
	cJSON_Delete(report);
	return 0;
}

static int pack(const char *path, char **files, int count)
{
	struct archive *a = archive_write_new();

	if (archive_write_set_format_filter_by_ext(a, path) != ARCHIVE_OK || archive_write_open_filename(a, path) != ARCHIVE_OK) {
		fprintf(stderr, "%s: %s\n", path, archive_error_string(a));
		return 1;
	}
	for (int i = 0; i < count; i++) {
		size_t size;
		FILE *f = fopen(files[i], "rb");
		if (!f)
			return 1;
		char *data = slurp(f, &size);
		fclose(f);
		const char *base = strrchr(files[i], '/');
		struct archive_entry *entry = archive_entry_new();
		archive_entry_set_pathname(entry, base ? base + 1 : files[i]);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_size(entry, (la_int64_t)size);
		archive_write_header(a, entry);
		archive_write_data(a, data, size);
		archive_entry_free(entry);
		free(data);
	}
	archive_write_close(a);
	archive_write_free(a);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "json"))
		return json();
	if (argc > 3 && !strcmp(argv[1], "zip"))
		return pack(argv[2], argv + 3, argc - 3);
	return 2;
}
