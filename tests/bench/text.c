/* SPDX-License-Identifier: Apache-2.0 */
/** Chance, words, and lines filled with them. The words are this file's own. */
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- chance, the same everywhere ------------------------------------------------------------- */

uint64_t state;

static uint64_t chance(void) /* splitmix64, public domain by its authors */
{
	uint64_t z = (state += 0x9e3779b97f4a7c15u);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t below(uint32_t n)
{
	return (uint32_t)((chance() >> 32) * n >> 32);
}

uint32_t skewed(uint32_t n)
{
	return (uint32_t)((uint64_t)below(n) * below(n) / n);
}

/* ---- words ----------------------------------------------------------------------------------- */

static const char *const stems[] = {
	"session", "worker", "request", "queue", "cache", "shard", "index", "batch", "token", "stream", "volume", "bucket", "channel",
	"replica", "leader", "tenant", "router", "cursor", "policy", "schema", "window", "lease", "digest", "gateway", "checkpoint",
	"segment", "bridge", "probe", "metric", "ticket", "handle", "parser", "filter", "anchor", "mirror", "vector", "tensor", "kernel",
	"graph", "layer", "prefix", "suffix", "model", "adapter", "prompt", "sampler", "decoder", "encoder", "profile", "registry",
	"account", "invoice", "order", "basket", "report", "export", "import", "backup", "archive", "mailer", "poller", "signal",
	"timer", "socket", "tunnel", "agent", "broker", "client", "server", "master", "slot", "frame", "pixel", "sensor", "device",
	"harbor", "lantern", "meadow", "copper", "orchid", "falcon", "granite", "willow", "ember", "juniper", "quartz", "raven", "saffron",
	"tundra", "velvet", "walnut", "zephyr", "amber", "beacon", "cobalt", "delta", "eclipse", "fjord", "glacier", "horizon", "indigo",
	"jasper", "krypton", "lagoon", "marble", "nimbus", "onyx", "pepper", "quiver", "ripple", "summit", "thicket", "umbra", "vertex",
	"billing", "catalog", "dispatch", "escrow", "forecast", "gallery", "handoff", "intake", "journal", "kiosk", "locale", "matrix",
	"notary", "outbox", "parcel", "quorum", "rollup", "search", "tariff", "uplink", "vendor", "wallet", "zoning", "digestor", "ranker",
	"driver", "module", "bundle", "packet", "header", "payload", "record", "column", "table", "ledger", "branch", "commit",
};
static const char *const tails[] = { "", "", "s", "_id", "_pool", "-sync", "Set", "er", "_v2", "-main", "_map", "Info", "-7", "ing" };
static const char *const verbs[] = {
	"opened", "closed", "started", "finished", "loaded", "stored", "scheduled", "renewed", "published", "consumed", "acquired", "released",
	"resolved", "refreshed", "flushed", "merged", "compacted", "accepted", "registered", "updated", "completed", "prepared", "assigned",
};
static const char *const functions[] = {
	"schedule", "do_syscall_64", "entry_SYSCALL_64_after_hwframe", "vfs_read", "vfs_write", "ksys_read", "__x64_sys_openat",
	"ext4_file_read_iter", "xfs_file_write_iter", "generic_perform_write", "filemap_get_pages", "kthread", "ret_from_fork",
	"worker_thread", "process_one_work", "tcp_recvmsg", "sock_sendmsg", "ip_queue_xmit", "napi_poll", "net_rx_action",
	"__do_softirq", "blk_mq_dispatch_rq_list", "nvme_queue_rq", "handle_mm_fault", "asm_exc_page_fault", "futex_wait_queue",
};

#define PATHS 2000
#define PHRASES 1500
char words[WORDS][24], hosts[48][16], pods[300][64];
static char users[120][16], paths[PATHS][80], phrases[PHRASES][96], uuids[600][37];
static uint32_t addresses[1500];
uint64_t counter = 1000, now_us = UINT64_C(1766300000000000), boot_us = UINT64_C(1766100000000000);
const char *host = "node-01";

void make_words(void)
{
	static const char *const ends[] = { "", ".json", ".log", ".py", ".so", "/status", ".html", ".yaml" };

	for (size_t i = 0; i < WORDS; i++)
		snprintf(words[i], sizeof(words[i]), "%s%s", stems[below(COUNT(stems))], tails[below(COUNT(tails))]);
	for (size_t i = 0; i < COUNT(hosts); i++)
		snprintf(hosts[i], sizeof(hosts[i]), "%s-%02u", i % 3 ? "node" : "gpu", (unsigned)i + 1);
	for (size_t i = 0; i < COUNT(users); i++)
		snprintf(users[i], sizeof(users[i]), "%c%.8s", 'a' + (char)below(26), stems[below(COUNT(stems))]);
	for (size_t i = 0; i < PATHS; i++) {
		int n = 0;

		for (uint32_t k = 1 + below(4); k; k--)
			n += snprintf(paths[i] + n, sizeof(paths[i]) - (size_t)n, "/%.14s", words[below(400)]);
		snprintf(paths[i] + n, sizeof(paths[i]) - (size_t)n, "%s", ends[below(COUNT(ends))]);
	}
	for (size_t i = 0; i < PHRASES; i++) {
		const char *a = words[below(WORDS)], *v = verbs[below(COUNT(verbs))], *b = words[below(WORDS)], *c = words[below(WORDS)];

		switch (below(4)) {
		case 0: snprintf(phrases[i], sizeof(phrases[i]), "%s %s for %s", a, v, b); break;
		case 1: snprintf(phrases[i], sizeof(phrases[i]), "%s: %s %s with %s", a, b, v, c); break;
		case 2: snprintf(phrases[i], sizeof(phrases[i]), "%s %s", b, v); break;
		default: snprintf(phrases[i], sizeof(phrases[i]), "%s the %s of %s after %s", v, a, b, c);
		}
	}
	for (size_t i = 0; i < COUNT(uuids); i++) {
		uint64_t a = chance(), b = chance();

		snprintf(uuids[i], sizeof(uuids[i]), "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xffff),
			 (unsigned)(a & 0xfff), (unsigned)(b >> 52), (unsigned long long)(b & 0xffffffffffffu));
	}
	for (size_t i = 0; i < COUNT(pods); i++)
		snprintf(pods[i], sizeof(pods[i]), "%s-%s-%06x-%c%c%c%c%c", stems[below(COUNT(stems))], stems[below(COUNT(stems))], below(1 << 24),
			 'a' + (char)below(26), 'b' + (char)below(25), '0' + (char)below(10), 'f' + (char)below(20), 'k' + (char)below(15));
	for (size_t i = 0; i < COUNT(addresses); i++)
		addresses[i] = (below(3) ? 10u : 192u) << 24 | below(1 << 24);
}

/* ---- a line ---------------------------------------------------------------------------------- */

char line[16384], *at;

void put(const char *text)
{
	size_t n = strlen(text);

	memcpy(at, text, n);
	at += n;
}

void number(uint64_t n, int width)
{
	char digits[24];
	int k = 0;

	do {
		digits[k++] = (char)('0' + n % 10);
	} while (n /= 10);
	while (k < width)
		digits[k++] = '0';
	while (k)
		*at++ = digits[--k];
}

static void hex(unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++, v >>= 4) {
		if (i % 16 == 0)
			v = chance();
		*at++ = "0123456789abcdef"[v & 15];
	}
}

static const char *fill_one(const char *t)
{
	char *end;
	uint64_t low = 10;
	uint32_t a;

	switch (*t) {
	case 'x': hex((unsigned)strtoul(t + 1, &end, 10)); return end;
	case 'w': put(words[skewed(WORDS)]); break;
	case 's': put(phrases[skewed(PHRASES)]); break;
	case 'h': put(hosts[skewed(COUNT(hosts))]); break;
	case 'u': put(users[skewed(COUNT(users))]); break;
	case 'p': put(paths[skewed(PATHS)]); break;
	case 'f': put(functions[below(COUNT(functions))]); break;
	case 'o': put(pods[skewed(COUNT(pods))]); break;
	case 'g': put(uuids[below(COUNT(uuids))]); break;
	case 'e': number(now_us / 1000000, 1); break;
	case 'c': number(counter++, 1); break;
	case 'i':
		a = addresses[skewed(COUNT(addresses))];
		for (int shift = 24; shift >= 0; shift -= 8) {
			number(a >> shift & 255, 1);
			if (shift)
				*at++ = '.';
		}
		break;
	case 'm':
		for (int i = 0; i < 6; i++) {
			if (i)
				*at++ = ':';
			hex(2);
		}
		break;
	case 'b': put("0000:"); hex(1); put("1:00."); number(below(2), 1); break;
	default:
		low = strtoul(t, &end, 10);
		if (*end == '-') {
			uint64_t high = strtoul(end + 1, &end, 10);

			number(low + chance() % (high - low + 1), 1);
		} else {
			uint64_t top = 10;

			for (uint64_t k = below((uint32_t)low); k; k--)
				top *= 10;
			number(chance() % top, 1);
		}
		return end;
	}
	return t + 1;
}

void fill(const char *t)
{
	while (*t) {
		if (*t != '{' || t[1] == '{') {
			t += *t == '{';
			*at++ = *t++;
			continue;
		}
		t = fill_one(t + 1);
		if (*t++ != '}') {
			fprintf(stderr, "generate: a wrong pattern near %s\n", t);
			exit(1);
		}
	}
}
