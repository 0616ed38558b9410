/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Locks the tool in before it reads anything: what was named on the command line may be read, the folder of the case that was
 * asked for may be written, and one private folder holds what has to be spooled.
 *
 * A case that a scan had not finished is removed by Ctrl-C as well.
 * The spool folder is new for each run, empty (its files have no names), and removed at the end, by Ctrl-C too. It is handed on
 * as TMPDIR: the spool and SQLite look there.
 */
#include "commands.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* for the handlers: they have no other way to know */
static char spool[4096];
static char partial[4096];
static volatile sig_atomic_t unfinished; /* @partial is being written */

static void remove_spool(void)
{
	rmdir(spool);
}

static void on_signal(int number)
{
	/* a second one may come while the first is at work (timeout(1) sends it to the child and to its group) */
	rmdir(spool);
	if (unfinished)
		unlink(partial);
	signal(number, SIG_DFL);
	raise(number);
}

void case_begun(const char *path)
{
	int n = snprintf(partial, sizeof(partial), "%s.tmp", path);

	unfinished = n > 0 && (size_t)n < sizeof(partial);
}

void case_done(void)
{
	unfinished = 0;
}

static bool make_spool(void)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	const char *folder = getenv("TMPDIR");
	int n = snprintf(spool, sizeof(spool), "%s/culprit-XXXXXX", folder && folder[0] ? folder : "/tmp");

	if (n < 0 || (size_t)n >= sizeof(spool) || !mkdtemp(spool))
		return false;
	atexit(remove_spool);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sigaction now, then = { .sa_handler = on_signal, .sa_flags = 0 };

		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			sigaction(ends[i], &then, NULL);
	}
	setenv("TMPDIR", spool, 1);
	return true;
}

bool lock_in(const struct options *o)
{
	const char *target = o->output ? o->output : o->add ? o->args[0] : NULL;
	const char **read = malloc((2 * (o->count + o->rule_count) + 4) * sizeof(*read)), *write[2];
	char **beside = calloc(o->count + o->rule_count, sizeof(*beside));
	size_t besides = 0;
	char *folder = target ? strdup(target) : NULL;
	struct cul_sandbox how = { .read = read, .write = write };
	struct cul_error err = { 0 };
	bool done = false;

	if (!read || !beside || (target && !folder)) {
		complain("out of memory");
		goto out;
	}
	for (size_t i = 0; i < o->count; i++)
		read[how.read_count++] = o->args[i];
	for (size_t i = 0; i < o->rule_count; i++)
		read[how.read_count++] = o->rules[i];
	/* a rule's logs lie beside it: rules check and test read them */
	for (size_t i = 0; i < o->count + o->rule_count; i++) {
		const char *path = i < o->count ? o->args[i] : o->rules[i - o->count], *slash = strrchr(path, '/');
		size_t size = strlen(path);

		if (size < 5 || (strcmp(path + size - 5, ".yaml") && strcmp(path + size - 4, ".yml")))
			continue;
		beside[besides] = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
		if (beside[besides])
			read[how.read_count++] = beside[besides++];
	}
	const char *const others[] = { o->cre_sources, o->from, o->waive, o->baseline };
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i])
			read[how.read_count++] = others[i];
	if (target) {
		/* beside the folder the file itself: /dev/stdout, a link to elsewhere */
		char *slash = strrchr(folder, '/');

		if (slash)
			slash[slash == folder] = '\0';
		write[how.write_count++] = slash ? folder : ".";
		write[how.write_count++] = target;
	}
	how.spool = make_spool() ? spool : NULL;
	done = cul_sandbox_enter(&how, &err) == CUL_OK;
	if (!done)
		complain("%s; --no-sandbox goes on without", err.text);
out:
	free(folder);
	free(read);
	for (size_t i = 0; beside && i < besides; i++)
		free(beside[i]);
	free(beside);
	return done;
}
