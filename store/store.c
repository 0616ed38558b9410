/* SPDX-License-Identifier: Apache-2.0 */
/**
 * A case's life: make, fill, put in place, open, close.
 *
 * A scan writes CASE.tmp without a journal, syncs it, renames it and syncs the folder: a kill or a
 * full disk leaves the former case. The lock on CASE.tmp keeps two scans of one case apart. A case
 * that is opened may be a stranger's: immutable (no journal beside it is looked at), defensive, no
 * trusted schema, cells checked, and its schema has to be word for word ours (load.c).
 */
#include "store/case.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "store/spine.h"
#ifdef HAVE_SPINE_IMAGE
#include "store/spine_image.h"
#endif

void case_finalizep(sqlite3_stmt **statement)
{
	sqlite3_finalize(*statement);
}

enum cul_status case_fail(sqlite3 *db, struct cul_error *err, const char *what)
{
	int rc = db ? sqlite3_errcode(db) : SQLITE_NOMEM;
	if (rc == SQLITE_NOMEM)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", what);
	return cul_fail(err, CUL_ESTORE, "%s: %s", what, db ? sqlite3_errmsg(db) : "no database");
}

enum cul_status case_exec(sqlite3 *db, const char *sql, struct cul_error *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? CUL_OK : case_fail(db, err, "case");
}

enum cul_status case_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret, struct cul_error *err)
{
	return sqlite3_prepare_v2(db, sql, -1, ret, NULL) == SQLITE_OK ? CUL_OK : case_fail(db, err, "case");
}

struct cul_slice case_text(struct cul_arena *arena, sqlite3_stmt *s, int column)
{
	const void *text = sqlite3_column_text(s, column);
	int size = sqlite3_column_bytes(s, column);
	if (!text || size <= 0)
		return cul_slice("", 0);
	char *copy = cul_arena_copy(arena, cul_slice(text, (size_t)size));
	return copy ? cul_slice(copy, (size_t)size) : cul_slice("", 0);
}

const char *case_string(struct cul_arena *arena, sqlite3_stmt *s, int column)
{
	if (sqlite3_column_type(s, column) == SQLITE_NULL)
		return NULL;
	return case_text(arena, s, column).data;
}

int64_t case_time(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? CUL_NO_TIME : sqlite3_column_int64(s, column);
}

void case_bind_time(sqlite3_stmt *s, int column, int64_t ns)
{
	if (ns == CUL_NO_TIME)
		sqlite3_bind_null(s, column);
	else
		sqlite3_bind_int64(s, column, ns);
}

void case_bind_slice(sqlite3_stmt *s, int column, struct cul_slice text)
{
	if (!text.data)
		sqlite3_bind_null(s, column);
	else
		sqlite3_bind_text64(s, column, text.data, text.size, SQLITE_STATIC, SQLITE_UTF8);
}

/* ---- kinds ------------------------------------------------------------------------------------ */

struct case_kind *case_kind_get(struct cul_case *c, const struct cul_kind *kind)
{
	size_t slot = ((uintptr_t)kind >> 4) % (sizeof(c->cache) / sizeof(c->cache[0]));
	if (c->cache[slot].key == kind)
		return c->cache[slot].kind;
	struct case_kind *k = NULL;
	for (size_t i = 0; i < c->kind_count && !k; i++)
		if (c->kinds[i]->kind == kind || !strcmp(c->kinds[i]->kind->name, kind->name))
			k = c->kinds[i];
	if (!k) {
		if (c->kind_count == c->kind_room) {
			size_t room = c->kind_room ? c->kind_room * 2 : 32;
			struct case_kind **grown = realloc(c->kinds, room * sizeof(*grown));
			if (!grown)
				return NULL;
			c->kinds = grown;
			c->kind_room = room;
		}
		k = cul_arena_get(c->arena, sizeof(*k));
		char *table = cul_arena_copy(c->arena, cul_str(kind->name));
		if (!k || !table)
			return NULL;
		for (char *p = table; *p; p++)
			if (*p == '.' || *p == '-')
				*p = '_';
		k->kind = kind;
		k->table = table;
		k->columns = case_kind_fields(kind);
		c->kinds[c->kind_count++] = k;
	}
	c->cache[slot].key = kind;
	c->cache[slot].kind = k;
	return k;
}

/* The spine's columns in a kind's view; a field of the same name gets '_' behind it. */
static const char *const spine_columns[] = { "id", "source", "line", "time", "last", "onset", "boot_time", "uncertainty", "n", "host",
					     "boot", "gpu", "unit", "severity", "text", NULL };

static bool names_spine(const char *name)
{
	for (const char *const *c = spine_columns; *c; c++)
		if (!strcmp(*c, name))
			return true;
	return false;
}

char *case_kind_sql(const struct cul_kind *kind, bool view)
{
	char table[256];
	size_t n = 0;
	for (const char *p = kind->name; *p && n + 1 < sizeof(table); p++)
		table[n++] = *p == '.' || *p == '-' ? '_' : *p;
	table[n] = 0;
	sqlite3_str *s = sqlite3_str_new(NULL);
	size_t count = case_kind_fields(kind);
	if (!view) {
		static const char *const types[] = { [CUL_INT] = "INTEGER", [CUL_REAL] = "REAL", [CUL_TEXT] = "TEXT", [CUL_FLAG] = "INTEGER" };
		sqlite3_str_appendf(s, "CREATE TABLE \"%w_\"(id INTEGER PRIMARY KEY", table);
		for (size_t i = 0; i < count; i++)
			sqlite3_str_appendf(s, ", \"%w\" %s", kind->fields[i]->name, types[kind->fields[i]->type] ? types[kind->fields[i]->type] : "");
		sqlite3_str_appendf(s, ")");
		return sqlite3_str_finish(s);
	}
	/* short: the views of a small case would be most of it */
	bool taken = false;
	for (size_t i = 0; i < count; i++)
		taken |= names_spine(kind->fields[i]->name);
	sqlite3_str_appendf(s, "CREATE VIEW \"%w\" AS SELECT ", table);
	for (size_t i = 0; taken && i < count; i++)
		sqlite3_str_appendf(s, "%s, k.\"%w\" AS \"%w%s\"", i ? "" : "r.*", kind->fields[i]->name, kind->fields[i]->name,
				    names_spine(kind->fields[i]->name) ? "_" : "");
	sqlite3_str_appendf(s, taken ? " FROM \"%w_\" k JOIN row_ r ON r.id = k.id" : "* FROM row_ JOIN \"%w_\" USING(id)", table);
	return sqlite3_str_finish(s);
}

const struct cul_field *case_field(struct cul_case *c, struct cul_slice name, enum cul_type type)
{
	const struct cul_field *f = cul_field_find(name);
	if (f && f->type == type)
		return f;
	for (size_t i = 0; i < c->made_count; i++)
		if (cul_is(cul_str(c->made[i]->name), name) && c->made[i]->type == type)
			return c->made[i];
	if (c->made_count == c->made_room) {
		size_t room = c->made_room ? c->made_room * 2 : 16;
		const struct cul_field **grown = realloc(c->made, room * sizeof(*grown));
		if (!grown)
			return NULL;
		c->made = grown;
		c->made_room = room;
	}
	struct cul_field *made = cul_arena_get(c->arena, sizeof(*made));
	if (!made || !(made->name = cul_arena_copy(c->arena, name)))
		return NULL;
	made->type = type;
	made->unit = made->about = "";
	return c->made[c->made_count++] = made;
}

/* ---- opening ---------------------------------------------------------------------------------- */

static struct cul_case *case_new(const struct cul_interests *interests)
{
	struct cul_case *c = calloc(1, sizeof(*c));
	if (!c || !(c->arena = cul_arena_new())) {
		free(c);
		return NULL;
	}
	c->interests = interests;
	return c;
}

void cul_case_close(struct cul_case *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->kind_count; i++)
		sqlite3_finalize(c->kinds[i]->insert);
	sqlite3_finalize(c->spine);
	case_sources_free(&c->sources);
	sqlite3_close(c->db);
	free(c->kinds);
	free(c->interest_of);
	free(c->looked_for);
	free(c->made);
	cul_arena_free(c->arena);
	free(c);
}

CUL_GUARD(case_closep, struct cul_case, cul_case_close)

static void harden(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 64 << 20);
	sqlite3_exec(db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA temp_store=MEMORY", NULL, NULL, NULL);
}

/* Names a file as a URI, so that SQLite takes it as unchangeable and follows no journal beside it. */
static enum cul_status open_file(const char *path, sqlite3 **ret, struct cul_error *err)
{
	CUL_AUTO(cul_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char head[16];
	if (fd < 0 || fstat(fd, &st) < 0)
		return cul_fail(err, CUL_EIO, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return cul_fail(err, CUL_EIO, "%s: not a file", path);
	if (pread(fd, head, sizeof(head), 0) != sizeof(head) || memcmp(head, "SQLite format 3", 16))
		return cul_fail(err, CUL_ESTORE, "%s: not a case", path);
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0, size = strlen(path);
	CUL_AUTO(cul_freep) char *uri = malloc(size * 3 + 64);
	if (!uri)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", path);
	n = (size_t)sprintf(uri, "file:%s", path[0] == '/' ? "//" : "");
	for (size_t i = 0; i < size; i++) {
		unsigned char ch = (unsigned char)path[i];
		if (ch == '?' || ch == '#' || ch == '%' || ch < 0x21 || ch > 0x7e) {
			uri[n++] = '%';
			uri[n++] = digits[ch >> 4];
			uri[n++] = digits[ch & 15];
		} else {
			uri[n++] = (char)ch;
		}
	}
	snprintf(uri + n, 32, "?mode=ro&immutable=1");
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(uri, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		harden(db);
		/* before anything of the schema is believed */
		rc = sqlite3_exec(db, "PRAGMA query_only=ON; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
	}
	if (rc != SQLITE_OK) {
		enum cul_status status = rc == SQLITE_NOMEM ? CUL_ENOMEM : CUL_ESTORE;
		cul_fail(err, status, "%s: %s", path, db ? sqlite3_errmsg(db) : "out of memory");
		sqlite3_close(db);
		return status;
	}
	*ret = db;
	return CUL_OK;
}

/* Put the file's name in front of what SQLite said. */
static enum cul_status named(enum cul_status status, const char *path, const struct cul_error *why, struct cul_error *err)
{
	return status == CUL_OK ? CUL_OK : cul_fail(err, status, "%s: %.900s", path, why->text);
}

enum cul_status cul_case_open(const char *case_path, const struct cul_interests *interests, struct cul_case **ret, struct cul_error *err)
{
	CUL_AUTO(case_closep) struct cul_case *c = case_new(interests);
	if (!c)
		return cul_fail(err, CUL_ENOMEM, "%s: out of memory", case_path);
	enum cul_status status = open_file(case_path, &c->db, err);
	if (status != CUL_OK)
		return status;
	struct cul_error why = { 0 };
	status = case_check(c->db, &why);
	if (status == CUL_OK)
		status = case_load(c, &why);
	if (status != CUL_OK)
		return named(status, case_path, &why, err);
	*ret = cul_take(c);
	return CUL_OK;
}

/* ---- scanning --------------------------------------------------------------------------------- */

/* The temporary file, locked; -1 with a sentence. */
static int lock_file(const char *path, struct cul_error *err)
{
	for (int tries = 0; tries < 8; tries++) {
		CUL_AUTO(cul_closep) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
		struct stat ours, there;
		if (fd < 0 || fstat(fd, &ours) < 0) {
			cul_fail(err, CUL_EIO, "%s: %s", path, strerror(errno));
			return -1;
		}
		if (!S_ISREG(ours.st_mode)) {
			cul_fail(err, CUL_EIO, "%s: not a file", path);
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			cul_fail(err, CUL_EIO, "%s: %s", path, errno == EWOULDBLOCK ? "another scan is writing this case" : strerror(errno));
			return -1;
		}
		if (stat(path, &there) < 0 || there.st_ino != ours.st_ino || there.st_dev != ours.st_dev)
			continue; /* renamed or removed by the scan before us */
		if (ftruncate(fd, 0) < 0) {
			cul_fail(err, CUL_EIO, "%s: %s", path, strerror(errno));
			return -1;
		}
		int held = fd;
		fd = -1;
		return held;
	}
	cul_fail(err, CUL_EIO, "%s: another scan is writing this case", path);
	return -1;
}

static enum cul_status sync_folder(const char *path, struct cul_error *err)
{
	struct cul_slice folder;
	char name[4096];
	if (!cul_cut_last(cul_str(path), CUL_LIT("/"), &folder, NULL))
		folder = CUL_LIT(".");
	else if (!folder.size)
		folder = CUL_LIT("/");
	if (folder.size >= sizeof(name))
		return CUL_OK;
	memcpy(name, folder.data, folder.size);
	name[folder.size] = 0;
	CUL_AUTO(cul_closep) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL && errno != EROFS))
		return cul_fail(err, CUL_EIO, "%s: %s", name, strerror(errno));
	return CUL_OK;
}

#ifdef HAVE_SPINE_IMAGE
/* An empty case into the memory of @db. */
static bool copy_spine(sqlite3 *db)
{
	sqlite3 *empty = NULL;
	sqlite3_int64 size = sizeof(spine_in_memory);
	unsigned char *image = (unsigned char *)(uintptr_t)spine_in_memory; /* it is only read */
	bool done = false;

	if (sqlite3_open_v2(":memory:", &empty, SQLITE_OPEN_READWRITE | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
	    sqlite3_deserialize(empty, "main", image, size, size, SQLITE_DESERIALIZE_READONLY) == SQLITE_OK) {
		sqlite3_backup *copy = sqlite3_backup_init(db, "main", empty, "main");
		done = copy && sqlite3_backup_step(copy, -1) == SQLITE_DONE;
		sqlite3_backup_finish(copy);
	}
	sqlite3_close(empty);
	return done;
}

/* An empty case into a new file. */
static bool write_spine(int fd)
{
	bool done = pwrite(fd, spine_on_disk, sizeof(spine_on_disk), 0) == (ssize_t)sizeof(spine_on_disk);

	/* half of one is none; what is wrong with the disk, SQLite will say */
	return done || (ftruncate(fd, 0) == 0 && done);
}
#else
static bool copy_spine(sqlite3 *db)
{
	return false;
}

static bool write_spine(int fd)
{
	return false;
}
#endif

/* Fill c->db: the former case, what the bundle holds, the placing. @spine: its tables are there. */
static enum cul_status fill(struct cul_case *c, struct cul_bundle *bundle, const struct cul_scan_options *options, bool memory, bool spine,
			    struct cul_tally *tally, struct cul_error *err)
{
	static const struct cul_limits defaults = { 0 };
	enum cul_status status;
	if (options && options->add_to) {
		sqlite3 *former = NULL;
		status = open_file(options->add_to, &former, err);
		if (status != CUL_OK)
			return status;
		struct cul_error why = { 0 };
		status = case_check(former, &why);
		if (status == CUL_OK) {
			sqlite3_backup *copy = sqlite3_backup_init(c->db, "main", former, "main");
			int rc = copy ? sqlite3_backup_step(copy, -1) : SQLITE_ERROR;
			sqlite3_backup_finish(copy);
			if (rc != SQLITE_DONE)
				status = case_fail(c->db, &why, "copy");
		}
		sqlite3_close(former);
		if (status != CUL_OK)
			return named(status, options->add_to, &why, err);
		status = case_load(c, err);
		if (status == CUL_OK)
			status = case_exec(c->db, "BEGIN", err);
	} else {
		spine = spine || (memory && copy_spine(c->db));
		status = case_exec(c->db, "BEGIN", err);
		if (status == CUL_OK && !spine)
			status = case_exec(c->db, SPINE_SQL, err);
	}
	if (status != CUL_OK)
		return status;

	struct case_writer *w = case_writer_new(c, options, memory);
	if (!w)
		return cul_fail(err, CUL_ENOMEM, "case: out of memory");
	struct cul_sink sink;
	case_writer_sink(w, &sink);
	struct cul_error why = { 0 };
	if (options && options->progress)
		cul_bundle_watch(bundle, options->progress, options->progress_ctx);
	enum cul_status read = cul_parse(bundle, c->interests, options ? &options->limits : &defaults, &sink, tally, &why);
	cul_bundle_watch(bundle, NULL, NULL);
	status = read == CUL_OK || read == CUL_ELIMIT ? case_writer_finish(w) : read;
	if (status != CUL_OK)
		cul_fail(err, status, "%s", case_writer_error(w)->status != CUL_OK ? case_writer_error(w)->text : why.text);
	case_writer_free(w);
	if (status == CUL_OK)
		status = case_place(c, options ? options->since_ns : 0, options ? options->until_ns : 0, err);
	if (status == CUL_OK)
		status = case_exec(c->db, "COMMIT", err);
	if (status == CUL_OK && read == CUL_ELIMIT)
		return cul_fail(err, CUL_ELIMIT, "%s", why.text);
	return status;
}

/* Begin reading as if the case had just been opened. */
static enum cul_status reread(struct cul_case *c, const struct cul_interests *interests, struct cul_case **ret, struct cul_error *err)
{
	CUL_AUTO(case_closep) struct cul_case *fresh = case_new(interests);
	if (!fresh)
		return cul_fail(err, CUL_ENOMEM, "case: out of memory");
	fresh->db = c->db;
	c->db = NULL;
	fresh->sources = c->sources;
	c->sources = (struct case_sources){ 0 };
	enum cul_status status = case_load(fresh, err);
	if (status != CUL_OK)
		return status;
	free(fresh->looked_for); /* in memory: all of them were looked for, and nothing says so */
	fresh->looked_for = NULL;
	sqlite3_exec(fresh->db, "PRAGMA query_only=ON", NULL, NULL, NULL);
	*ret = cul_take(fresh);
	return CUL_OK;
}

enum cul_status cul_case_scan(const char *case_path, struct cul_bundle *bundle, const struct cul_interests *interests,
			      const struct cul_scan_options *options, struct cul_tally *tally, struct cul_case **ret, struct cul_error *err)
{
	CUL_AUTO(case_closep) struct cul_case *c = case_new(interests);
	CUL_AUTO(cul_freep) char *temporary = NULL;
	CUL_AUTO(cul_closep) int fd = -1;
	enum cul_status status;
	bool spine = false;
	if (!c)
		return cul_fail(err, CUL_ENOMEM, "case: out of memory");
	if (case_path) {
		size_t room = strlen(case_path) + 5;
		temporary = malloc(room);
		if (!temporary)
			return cul_fail(err, CUL_ENOMEM, "%s: out of memory", case_path);
		snprintf(temporary, room, "%s.tmp", case_path);
		fd = lock_file(temporary, err);
		if (fd < 0)
			return CUL_EIO;
		spine = !(options && options->add_to) && write_spine(fd);
	}
	if (sqlite3_open_v2(temporary ? temporary : ":memory:", &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		status = case_fail(c->db, err, temporary ? temporary : "case");
		if (temporary)
			unlink(temporary);
		return status;
	}
	/* first: a defensive connection can't turn its journal off */
	if (case_path)
		sqlite3_exec(c->db, "PRAGMA page_size=2048; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE",
			     NULL, NULL, NULL);
	harden(c->db);
	struct cul_error why = { 0 };
	status = fill(c, bundle, options, !case_path, spine, tally, &why);
	bool limited = status == CUL_ELIMIT;
	if (!case_path) {
		if (status != CUL_OK && !limited)
			return cul_fail(err, status, "%s", why.text);
		enum cul_status loaded = reread(c, interests, ret, err);
		return loaded == CUL_OK && limited ? cul_fail(err, CUL_ELIMIT, "%s", why.text) : loaded;
	}
	if (status == CUL_OK || limited) {
		int rc = sqlite3_close(c->db);
		c->db = NULL;
		if (rc != SQLITE_OK || fsync(fd) < 0)
			status = cul_fail(&why, CUL_EIO, "can't be written: %s", strerror(errno));
		else if (rename(temporary, case_path) < 0)
			status = cul_fail(&why, CUL_EIO, "can't be put in place: %s", strerror(errno));
	}
	if (status != CUL_OK && !(limited && status == CUL_ELIMIT)) {
		unlink(temporary);
		return named(status, case_path, &why, err);
	}
	enum cul_status opened = sync_folder(case_path, err);
	if (opened == CUL_OK)
		opened = cul_case_open(case_path, interests, ret, err);
	return opened == CUL_OK && limited ? cul_fail(err, CUL_ELIMIT, "%s", why.text) : opened;
}
