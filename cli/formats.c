/* SPDX-License-Identifier: Apache-2.0 */
/**
 * culprit formats: what can be read at all. With a name, or --all: the kinds of observation and their
 * fields, which is what a rule's author has to know.
 */
#include "commands.h"

#include <string.h>

static const char *type_name(enum cul_type type)
{
	static const char *const names[] = { "any", "int", "real", "text", "flag" };

	return (size_t)type < sizeof(names) / sizeof(names[0]) ? names[type] : "any";
}

static void put_kind(const struct options *o, const struct cul_kind *k, bool first)
{
	if (o->json)
		printf("%s\n  {\"kind\": \"%s\", \"version\": %d, \"stream\": \"%s\", \"samples\": %s, \"fields\": [",
		       first ? "" : ",", k->name, k->version, k->stream ? k->stream : "", k->samples ? "true" : "false");
	else
		printf("%s%s  (stream %s%s)\n", first ? "" : "\n", k->name, k->stream ? k->stream : "any",
		       k->samples ? ", samples" : "");
	for (const struct cul_field *const *f = k->fields; f && *f; f++) {
		if (o->json) {
			printf("%s\n    {\"name\": \"%s\", \"type\": \"%s\", \"unit\": ", f == k->fields ? "" : ",",
			       (*f)->name, type_name((*f)->type));
			put_json(stdout, slice_of((*f)->unit));
			printf(", \"about\": ");
			put_json(stdout, slice_of((*f)->about));
			putchar('}');
		} else {
			printf("    %-22s %-5s %-4s %s\n", (*f)->name, type_name((*f)->type), (*f)->unit, (*f)->about);
		}
	}
	if (o->json)
		printf("]}");
}

static int put_kinds(const struct options *o, const char *name)
{
	size_t shown = 0, size = name ? strlen(name) : 0;

	if (o->json)
		putchar('[');
	for (const struct cul_kind *const *k = cul_kinds(); k && *k; k++) {
		if (name && strncmp((*k)->name, name, size) != 0 && (!(*k)->stream || strcmp((*k)->stream, name) != 0))
			continue;
		put_kind(o, *k, !shown++);
	}
	if (o->json)
		puts("\n]");
	if (!shown && name) {
		complain("no kind or stream is called %s; \"culprit formats --all\" lists them", name);
		return EXIT_USE;
	}
	return EXIT_DONE;
}

int run_formats(const struct options *o)
{
	static const char *const families[] = { "envelope", "message", "capture", "container", "dump" };
	static const char *const heads[] = { "Log lines lose these envelopes:", "Messages understood:", "Captures read:",
					     "Containers opened:", "Dumps read:" };
	size_t shown = 0;

	if (o->count || o->all)
		return put_kinds(o, o->count ? o->args[0] : NULL);

	if (o->json) {
		putchar('[');
		for (const struct cul_format *f = cul_formats(); f && f->name; f++) {
			printf("%s\n  {\"name\": ", shown++ ? "," : "");
			put_json(stdout, slice_of(f->name));
			printf(", \"family\": ");
			put_json(stdout, slice_of(f->family));
			printf(", \"about\": ");
			put_json(stdout, slice_of(f->about));
			putchar('}');
		}
		puts("\n]");
		return EXIT_DONE;
	}
	puts("A file, a folder, standard input (-); tar, zip, 7z, cpio, rpm, deb; gz, xz, zst, bz2, lz4; nested.");
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		bool headed = false;

		for (const struct cul_format *f = cul_formats(); f && f->name; f++) {
			if (strcmp(f->family, families[i]) != 0)
				continue;
			if (!headed)
				printf("\n%s\n", heads[i]);
			headed = true;
			printf("  %-22s %s\n", f->name, f->about ? f->about : "");
		}
	}
	puts("\n\"culprit formats --all\" lists the kinds of observation with their fields, \"culprit formats KIND\" those of one.");
	return EXIT_DONE;
}
