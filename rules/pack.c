/* SPDX-License-Identifier: Apache-2.0 */
/** The pack: built-in rules first, then the user's files and folders. */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/error.h"
#include "rules/ahead.h"
#include "rules/cre.h"

#define FILES 4096 /* of one call */
#define FOLDERS 8  /* in one another */
#define NOTES 2000

struct names {
	char **items;
	size_t count, room;
};

static enum cul_status add_line(struct cul_rules *rules, const char ***lines, size_t *count, size_t *room, const char *text)
{
	if (*count == *room) {
		size_t more = *room ? 2 * *room : 16;
		const char **larger = cul_arena_get(rules->arena, more * sizeof(*larger));
		if (!larger)
			return CUL_ENOMEM;
		if (*count)
			memcpy(larger, *lines, *count * sizeof(*larger));
		*lines = larger;
		*room = more;
	}
	const char *copy = cul_arena_copy(rules->arena, cul_str(text));
	if (copy)
		(*lines)[(*count)++] = copy;
	return copy ? CUL_OK : CUL_ENOMEM;
}

static enum cul_status add_mistake(struct cul_rules *rules, const char *text)
{
	return add_line(rules, &rules->mistakes, &rules->mistake_count, &rules->mistake_room, text);
}

enum cul_status cul_rules_note(struct cul_rules *rules, const char *text)
{
	return rules->note_count < NOTES ? add_line(rules, &rules->notes, &rules->note_count, &rules->note_room, text) : CUL_OK;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char *whole; /* where the pack is; NULL: no memory, or another set of kinds than it was made for */

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__linux__) && defined(MAP_FIXED_NOREPLACE) && !defined(SANITIZED) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4 /* Linux 5.7, of files since 5.13 */
#endif

/* The image's pages at the address that they are made for; NULL: not here. */
static char *map_pack(const struct cul_pack *pack)
{
	void *at = (void *)(uintptr_t)CUL_PACK_AT, *image = (void *)(uintptr_t)pack->image;

	if ((((uintptr_t)image | pack->size) & ((uintptr_t)sysconf(_SC_PAGESIZE) - 1)) != 0)
		return NULL;
	void *room = mmap(at, pack->whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	/* they stay where they were as well: that is the program's or the library's */
	if (room == at && mremap(image, pack->size, pack->size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, at) == at)
		return at;
	munmap(room, pack->whole);
	return NULL;
}
#else
static char *map_pack(const struct cul_pack *pack)
{
	return NULL;
}
#endif

/* For as long as the process runs. */
static char *copy_pack(const struct cul_pack *pack)
{
	char *copy = calloc(1, pack->whole);
	const uintptr_t *image = pack->image, *again = pack->again;
	uintptr_t *words = (uintptr_t *)(void *)copy;

	if (!copy)
		return NULL;
	memcpy(copy, pack->image, pack->size);
	for (size_t i = 0; i < pack->linked / sizeof(*words); i++)
		if (image[i] != again[i])
			words[i] += (uintptr_t)copy - (uintptr_t)CUL_PACK_AT;
	return copy;
}

/* Kinds and the dictionary's fields have no place before the program runs. They get theirs before the first rules are handed out. */
static void place_pack(void)
{
	const struct cul_pack *pack = &cul_builtin_pack;
	const struct cul_kind *const *kinds = cul_kinds();

	for (size_t i = 0; i < pack->names; i++)
		if (!kinds[i] || strcmp(kinds[i]->name, pack->kind_names[i]))
			return;
	char *at = map_pack(pack);
	if (!at && !(at = copy_pack(pack)))
		return;
	const struct cul_kind **of_terms = (const struct cul_kind **)(void *)(at + pack->kinds);
	for (size_t i = 0; i < pack->kind_count; i++)
		of_terms[i] = kinds[pack->kind_numbers[i]];
	const struct cul_field **of_items = (const struct cul_field **)(void *)(at + pack->captures);
	const struct cul_field *own = (const struct cul_field *)(const void *)(at + pack->own);
	for (size_t i = 0; i < pack->capture_count; i++) {
		unsigned n = pack->capture_numbers[i];
		of_items[i] = !n ? NULL : n < CUL_PACK_OWN ? pack->used[n - 1] : &own[n - CUL_PACK_OWN];
	}
	whole = at;
}

/* What mkpack made. @shared: its items are neither changed nor added to. */
static enum cul_status load_builtin(struct cul_rules *rules, bool with_rules, bool shared, struct cul_error *err)
{
	const struct cul_pack *pack = &cul_builtin_pack;

	rules->calibration = pack->calibration;
	if (!with_rules)
		return CUL_OK;
	pthread_once(&once, place_pack);
	rules->room = pack->count + 64;
	rules->rules = cul_arena_get(rules->arena, rules->room * sizeof(*rules->rules));
	if (!whole || !rules->rules)
		return cul_fail(err, CUL_ENOMEM, "built-in rules: out of memory");

	for (size_t i = 0; i < pack->count; i++)
		rules->rules[i] = (struct cul_rule *)(void *)(whole + pack->rules) + i;
	rules->count = pack->count;
	rules->items = (struct cul_interest *)(void *)(whole + pack->items);
	rules->item_count = rules->item_room = pack->item_count;
	if (!shared) {
		const struct cul_interest *all = rules->items;
		rules->item_room += 64;
		rules->items = cul_arena_get(rules->arena, rules->item_room * sizeof(*rules->items));
		if (!rules->items)
			return cul_fail(err, CUL_ENOMEM, "built-in rules: out of memory");
		memcpy(rules->items, all, rules->item_count * sizeof(*rules->items));
	}
	rules->patterns = pack->patterns;
	rules->kind_count = pack->names;
	for (size_t i = 0; i < pack->mistake_count; i++) /* the others still work; `check` tells */
		if (add_mistake(rules, pack->mistakes[i]) != CUL_OK)
			return cul_fail(err, CUL_ENOMEM, "built-in rules: out of memory");
	return CUL_OK;
}

/* One document of a user's file: a rule of ours, a calibration, CRE rules; else something that lies beside them. */
static enum cul_status load_document(struct cul_rules *rules, const struct cul_tree *tree, bool asked, struct cul_error *err)
{
	static const char *const ours[] = { "title", "must", "some", "certainty", "severity", "explains" };
	const struct cul_node *id = cul_node_get(tree, tree->root, "id");
	bool rule = id != NULL;
	enum cul_status status;

	if (cul_cre_is(tree))
		return cul_cre_read(rules, tree, err);
	if (!id && cul_node_get(tree, tree->root, "classes"))
		return cul_calibration_read(&rules->calibration, tree, err);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours) && !rule; i++)
		rule = cul_node_get(tree, tree->root, ours[i]) != NULL;
	if (!rule && !asked) {
		char why[600];
		snprintf(why, sizeof(why), "%.400s:%u:%u: holds no rules; passed over", tree->file, tree->root->line, tree->root->column);
		return cul_rules_note(rules, why) == CUL_OK ? CUL_OK : cul_fail(err, CUL_ENOMEM, "%s: out of memory", tree->file);
	}
	status = cul_rule_read(rules, tree, false, err);
	if (status == CUL_OK && id) {
		const struct cul_rule *read = cul_rules_find(rules, cul_node_slice(tree, id));
		status = read && !read->cre ? cul_rule_texts(rules, read, err) : CUL_OK;
	}
	return status;
}

/* A file is read once and stays with the rules. @asked: it was named, not met in a folder. */
static enum cul_status load_file(struct cul_rules *rules, struct cul_ahead *ahead, char *const *paths, size_t number, bool asked, struct cul_error *err)
{
	const char *path = paths[number];
	struct cul_nodes nodes;
	size_t root;
	enum cul_status status = cul_ahead_take(ahead, paths, number, &nodes, &root, err);

	if (status == CUL_OK) {
		struct cul_node *copy = cul_arena_get(rules->arena, nodes.count * sizeof(*copy));
		char *text = cul_arena_get(rules->arena, nodes.size + 1);
		const char *file = cul_arena_copy(rules->arena, cul_str(path));
		if (!copy || !text || !file) {
			status = cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
		} else {
			memcpy(copy, nodes.nodes, nodes.count * sizeof(*copy));
			if (nodes.size)
				memcpy(text, nodes.text, nodes.size);
			for (size_t at = root; at < nodes.count && status == CUL_OK; at += copy[at].span) {
				struct cul_tree tree = { .file = file, .text = text, .root = copy + at };
				if (at != root && cul_node_get(&tree, tree.root, "id") && !cul_cre_is(&tree))
					status = cul_fail(err, CUL_ERULE, "%s:%u:%u: a second document; one file holds one rule", file,
							  tree.root->line, tree.root->column);
				else
					status = load_document(rules, &tree, asked && nodes.count == copy[root].span, err);
			}
		}
	} else if (status == CUL_ERULE && !asked) {
		/* one file of a large collection, or none of its rules at all: the others still work */
		enum cul_cre_look look = cul_cre_look(path);
		if (look != CUL_CRE_OURS)
			status = look == CUL_CRE_THEIRS ? add_mistake(rules, err->text) : cul_rules_note(rules, err->text);
	}
	cul_nodes_free(&nodes);
	return status;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum cul_status add_name(struct names *names, const char *path, struct cul_error *err)
{
	if (names->count == FILES)
		return cul_fail(err, CUL_ELIMIT, "%s: more than %d rule files", path, FILES);
	if (names->count == names->room) {
		size_t room = names->room ? 2 * names->room : 64;
		char **larger = realloc(names->items, room * sizeof(*larger));
		if (!larger)
			return cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
		names->items = larger;
		names->room = room;
	}
	char *copy = strdup(path);
	if (!copy)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
	names->items[names->count++] = copy;
	return CUL_OK;
}

static enum cul_status collect(struct names *names, const char *path, int depth, struct cul_error *err)
{
	struct stat st;

	if (stat(path, &st))
		return cul_fail(err, CUL_EIO, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return add_name(names, path, err);
	if (depth == FOLDERS)
		return CUL_OK;
	DIR *d = opendir(path);
	if (!d)
		return cul_fail(err, CUL_EIO, "%s: %s", path, strerror(errno));
	enum cul_status status = CUL_OK;
	for (struct dirent *e; status == CUL_OK && (e = readdir(d));) {
		char full[4096];
		struct cul_slice name = cul_str(e->d_name);
		if (e->d_name[0] == '.' || (size_t)snprintf(full, sizeof(full), "%s/%s", path, e->d_name) >= sizeof(full))
			continue;
		if (e->d_type == DT_UNKNOWN && lstat(full, &st))
			continue;
		bool known = e->d_type != DT_UNKNOWN, folder = known ? e->d_type == DT_DIR : S_ISDIR(st.st_mode);
		if (folder)
			status = collect(names, full, depth + 1, err);
		else if ((known ? e->d_type == DT_REG : S_ISREG(st.st_mode)) && (cul_ends(name, CUL_LIT(".yaml")) || cul_ends(name, CUL_LIT(".yml"))))
			status = add_name(names, full, err);
	}
	closedir(d);
	return status;
}

static enum cul_status load_paths(struct cul_rules *rules, const char *const *paths, size_t count, struct cul_error *err)
{
	struct names names = { 0 };
	enum cul_status status = CUL_OK;

	for (size_t i = 0; i < count && status == CUL_OK; i++) {
		size_t from = names.count;
		status = collect(&names, paths[i], 0, err);
		if (names.count > from)
			qsort(names.items + from, names.count - from, sizeof(*names.items), by_name);
	}
	struct cul_ahead *ahead = status == CUL_OK ? cul_ahead_begin(names.items, names.count) : NULL;
	for (size_t i = 0; i < names.count && status == CUL_OK; i++) {
		bool asked = false;
		for (size_t k = 0; k < count && !asked; k++)
			asked = !strcmp(paths[k], names.items[i]);
		status = load_file(rules, ahead, names.items, i, asked, err);
	}
	cul_ahead_end(ahead);
	for (size_t i = 0; i < names.count; i++)
		free(names.items[i]);
	free(names.items);
	return status;
}

enum cul_status cul_rules_load(bool builtin, const char *const *paths, size_t count, struct cul_rules **ret, struct cul_error *err)
{
	struct cul_arena *arena = cul_arena_new();
	struct cul_rules *rules = arena ? cul_arena_get(arena, sizeof(*rules)) : NULL;

	if (!rules) {
		if (arena)
			cul_arena_free(arena);
		return cul_fail(err, CUL_ENOMEM, "rules: out of memory");
	}
	rules->arena = arena;
	enum cul_status status = load_builtin(rules, builtin, !count, err);
	if (status == CUL_OK)
		status = load_paths(rules, paths, count, err);
	if (status != CUL_OK) {
		cul_arena_free(arena);
		return status;
	}
	rules->interests = (struct cul_interests){ rules->items, rules->item_count };
	*ret = rules;
	return CUL_OK;
}

void cul_rules_free(struct cul_rules *rules)
{
	if (rules)
		cul_arena_free(rules->arena);
}

const struct cul_interests *cul_rules_interests(const struct cul_rules *rules)
{
	return &rules->interests;
}
