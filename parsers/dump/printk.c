/* SPDX-License-Identifier: Apache-2.0 */
/**
 * printk's ring buffer -> text, in its three shapes (kernel/printk/printk.c, printk_ringbuffer.h; offsets by VMCOREINFO).
 *
 * Since 5.10: a ring of descriptors (state and id in one word, the top two bits 1 committed, 2 finalized), one of infos beside it,
 * one of text, in which a block begins with its descriptor's id and one that does not fit at the end stands at the start. 3.5 to 5.9:
 * records of struct printk_log (struct log before 3.11) in log_buf, one after the other, a length of 0 where they go on at the
 * start. Before: text as it was printed, up to log_end.
 *
 * makedumpfile leaves out nothing, indents what follows a line end inside a record, and writes what is no ASCII as \x and the number
 * of a signed char. Records whose memory is not there are counted and left out; it gives up there.
 */
#include "parsers/dump/printk.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "parsers/dump/little.h"

#define RING_BITS 26 /* log_buf_len up to 64 MiB; the default is 128 KiB to 1 MiB */
#define ID_MASK (~0ull >> 2)

struct out {
	struct cul_printk *log;
	size_t room, most;
	enum cul_printk_form form;
	bool full; /* the limit, or no memory */
};

struct record {
	uint64_t ts;
	const uint8_t *text;
	size_t size;
	int level;       /* -1: not known */
	uint32_t caller;
	bool has_caller;
};

/* ---- text ------------------------------------------------------------------------------------------------------- */

static char *grow(struct out *o, size_t n)
{
	if (n > o->room - o->log->size) {
		size_t room = o->room ? o->room * 2 : 1 << 16;
		while (room < o->log->size + n)
			room *= 2;
		char *text = room <= o->most ? realloc(o->log->text, room) : NULL;
		if (!text) {
			o->full = true;
			return NULL;
		}
		o->log->text = text;
		o->room = room;
	}
	return o->log->text + o->log->size;
}

static size_t prefix(const struct out *o, const struct record *r, char to[80])
{
	unsigned long long s = r->ts / 1000000000, us = r->ts % 1000000000 / 1000;
	char caller[16];
	int n = 0;
	if (o->form == CUL_PRINTK_PLAIN)
		return (size_t)snprintf(to, 80, "[%5lld.%06lld] ", (long long)s, (long long)us);
	if (r->level >= 0)
		n = snprintf(to, 80, "<%d>", r->level);
	n += snprintf(to + n, 80 - (size_t)n, "[%5llu.%06llu]", s, us);
	if (r->has_caller) {
		snprintf(caller, sizeof(caller), "%c%u", r->caller >> 31 ? 'C' : 'T', r->caller & 0x7fffffff);
		n += snprintf(to + n, 80 - (size_t)n, "[%6s]", caller);
	}
	n += snprintf(to + n, 80 - (size_t)n, " ");
	return (size_t)n;
}

static void put_record(struct out *o, const struct record *r)
{
	char head[80];
	size_t head_size = prefix(o, r, head), n = 0, need = head_size + 1;
	bool plain = o->form == CUL_PRINTK_PLAIN;
	for (size_t i = 0; i < r->size; i++)
		need += r->text[i] == '\n' ? 1 + head_size : r->text[i] >= 0x80 ? (plain ? 10 : 1) : 4;
	char *to = grow(o, need + 1);
	if (!to)
		return;
	memcpy(to, head, head_size);
	n = head_size;
	for (size_t i = 0; i < r->size; i++) {
		uint8_t c = r->text[i];
		if (c == '\n') {
			to[n++] = '\n';
			if (plain)
				memset(to + n, ' ', head_size);
			else
				memcpy(to + n, head, head_size);
			n += head_size;
		} else if ((c >= 0x20 && c < 0x7f) || c == '\t' || (plain ? c >= '\v' && c <= '\r' : c >= 0x80)) {
			to[n++] = (char)c;
		} else {
			n += (size_t)snprintf(to + n, 11, "\\x%02x", plain ? (unsigned)(int)(signed char)c : c);
		}
	}
	to[n++] = '\n';
	o->log->size += n;
	o->log->records++;
	if (r->ts <= INT64_MAX)
		o->log->last_ns = (int64_t)r->ts;
}

/* ---- since 5.10 ----------------------------------------------------------------------------------------------------- */

struct ring {
	uint64_t counter;                        /* in an atomic_long_t */
	uint64_t desc_size, state, begin, next;  /* of a descriptor */
	uint64_t info_size, ts, text_len, caller; /* of an info; caller UINT64_MAX: none */
	uint64_t descs, infos, data, count, bytes;
};

static bool sizes(struct cul_kmem *m, struct ring *r, uint64_t *desc_ring, uint64_t *text_ring)
{
	uint64_t block = 0;
	if (!cul_kmem_offset(m, "printk_ringbuffer.desc_ring", desc_ring) || !cul_kmem_offset(m, "printk_ringbuffer.text_data_ring", text_ring) ||
	    !cul_kmem_offset(m, "atomic_long_t.counter", &r->counter) || !cul_kmem_size(m, "prb_desc", &r->desc_size) ||
	    !cul_kmem_size(m, "printk_info", &r->info_size) || !cul_kmem_offset(m, "prb_desc.state_var", &r->state) ||
	    !cul_kmem_offset(m, "prb_desc.text_blk_lpos", &block) || !cul_kmem_offset(m, "prb_data_blk_lpos.begin", &r->begin) ||
	    !cul_kmem_offset(m, "prb_data_blk_lpos.next", &r->next) || !cul_kmem_offset(m, "printk_info.ts_nsec", &r->ts) ||
	    !cul_kmem_offset(m, "printk_info.text_len", &r->text_len))
		return false;
	if (!cul_kmem_offset(m, "printk_info.caller_id", &r->caller))
		r->caller = UINT64_MAX;
	const uint64_t all[] = { *desc_ring, *text_ring, r->counter, r->desc_size, r->info_size, r->state, block, r->begin, r->next, r->ts, r->text_len };
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i] > 4096)
			return false;
	r->state += r->counter;
	r->begin += block;
	r->next += block;
	return r->desc_size && r->info_size && r->state + 8 <= r->desc_size && r->begin + 8 <= r->desc_size && r->next + 8 <= r->desc_size &&
	       r->ts + 8 <= r->info_size && r->text_len + 2 <= r->info_size &&
	       (r->caller == UINT64_MAX || r->caller + 4 <= r->info_size);
}

/* 1: a record; 0: none is meant to be there; -1: it isn't to be had. The text is at @buf (64 KiB). */
static int ring_record(struct cul_kmem *m, const struct ring *r, uint64_t id, struct record *rec, uint8_t *buf)
{
	uint64_t slot = id % r->count, state, begin, next;
	uint8_t desc[4096], info[4096];
	if (!cul_kmem_virt(m, r->descs + slot * r->desc_size, desc, r->desc_size))
		return -1;
	state = cul_get64(desc + r->state);
	if ((state & ID_MASK) != id || (state >> 62 != 1 && state >> 62 != 2))
		return 0;
	begin = cul_get64(desc + r->begin) % r->bytes;
	next = cul_get64(desc + r->next) % r->bytes;
	if (begin == next)
		return 0; /* no data: both have bit 0 set */
	if (!cul_kmem_virt(m, r->infos + slot * r->info_size, info, r->info_size))
		return -1;
	if (begin > next)
		begin = 0;
	begin += 8;
	rec->ts = cul_get64(info + r->ts);
	rec->size = cul_get16(info + r->text_len);
	if (begin > next)
		return -1;
	if (rec->size > next - begin)
		rec->size = (size_t)(next - begin);
	rec->text = buf;
	rec->level = -1;
	rec->has_caller = r->caller != UINT64_MAX;
	if (rec->has_caller) {
		rec->caller = cul_get32(info + r->caller);
		/* u16 text_len; u8 facility, flags:5 level:3; u32 caller_id: VMCOREINFO names the outer two */
		if (r->caller == r->text_len + 4)
			rec->level = info[r->text_len + 3] >> 5;
	}
	return cul_kmem_virt(m, r->data + begin, buf, rec->size) ? 1 : -1;
}

static bool read_ring(struct cul_kmem *m, uint64_t prb, struct out *o, char *why, size_t room)
{
	struct ring r = { 0 };
	uint64_t rb, desc_ring, text_ring, head, tail, at, text = 0;
	uint32_t count_bits, size_bits;
	if (!sizes(m, &r, &desc_ring, &text_ring))
		return snprintf(why, room, "VMCOREINFO lacks offsets of the log's ring buffer"), false;
	if (!cul_kmem_u64(m, prb, &rb))
		return snprintf(why, room, "the page that says where the log is (prb) is not in the dump"), false;
#define AT(base, name, get, ret) (cul_kmem_offset(m, name, &at) && at <= 4096 && get(m, (base) + at, ret))
	desc_ring += rb;
	text_ring += rb;
	if (!AT(desc_ring, "prb_desc_ring.count_bits", cul_kmem_u32, &count_bits) || !AT(desc_ring, "prb_desc_ring.descs", cul_kmem_u64, &r.descs) ||
	    !AT(desc_ring, "prb_desc_ring.infos", cul_kmem_u64, &r.infos) || !AT(desc_ring + r.counter, "prb_desc_ring.head_id", cul_kmem_u64, &head) ||
	    !AT(desc_ring + r.counter, "prb_desc_ring.tail_id", cul_kmem_u64, &tail) || !AT(text_ring, "prb_data_ring.size_bits", cul_kmem_u32, &size_bits) ||
	    !AT(text_ring, "prb_data_ring.data", cul_kmem_u64, &r.data))
		return snprintf(why, room, "the page with the log's ring buffer is not in the dump"), false;
#undef AT
	if (count_bits < 1 || count_bits > RING_BITS - 3 || size_bits < 4 || size_bits > RING_BITS)
		return snprintf(why, room, "the log's ring buffer is garbled: 2^%u records, 2^%u bytes", count_bits, size_bits), false;
	r.count = UINT64_C(1) << count_bits;
	r.bytes = UINT64_C(1) << size_bits;
	uint64_t n = (head - tail) & ID_MASK;
	if (n >= r.count) { /* torn: what is there is told by the ids all the same */
		n = r.count - 1;
		tail = (head - n) & ID_MASK;
	}
	o->most = 8 * (size_t)r.bytes + (1 << 20);
	uint8_t *buf = malloc(1 << 16);
	for (uint64_t i = 0; buf && i <= n && !o->full; i++) {
		struct record rec = { .level = -1 };
		int got = ring_record(m, &r, (tail + i) & ID_MASK, &rec, buf);
		if (got < 0)
			o->log->lost++;
		if (got <= 0)
			continue;
		text += rec.size;
		if (text > r.bytes) { /* blocks that overlap: no kernel wrote that */
			o->full = true;
			break;
		}
		put_record(o, &rec);
	}
	free(buf);
	if (!o->log->records)
		return snprintf(why, room, o->log->lost ? "the log's pages are not in the dump: %llu records lost" : "the log is empty",
				(unsigned long long)o->log->lost), false;
	return true;
}

/* ---- before ------------------------------------------------------------------------------------------------------------- */

/* A place of the old buffer: bytes of it, as far as they are in the dump. */
static bool old_buffer(struct cul_kmem *m, uint64_t *address, uint32_t *bytes, char *why, size_t room)
{
	uint64_t log_buf, log_buf_len;
	if (!cul_kmem_symbol(m, "log_buf", &log_buf) || !cul_kmem_symbol(m, "log_buf_len", &log_buf_len))
		return snprintf(why, room, "VMCOREINFO does not say where the log is (prb, log_buf)"), false;
	if (!cul_kmem_u64(m, log_buf, address) || !cul_kmem_u32(m, log_buf_len, bytes))
		return snprintf(why, room, "the page that says where the log is (log_buf) is not in the dump"), false;
	if (!*bytes || *bytes > 1u << RING_BITS)
		return snprintf(why, room, "the log's buffer is garbled: %u bytes", *bytes), false;
	return true;
}

static bool read_records(struct cul_kmem *m, struct out *o, char *why, size_t room)
{
	const char *type = cul_kmem_offset(m, "printk_log.ts_nsec", &(uint64_t){ 0 }) ? "printk_log" : "log";
	uint64_t first_at, next_at, address, size, ts, len, text_len, dict_len = UINT64_MAX;
	uint32_t first, next, bytes;
	char name[40];
#define OF(what) (snprintf(name, sizeof(name), "%s." what, type), name)
	if (!old_buffer(m, &address, &bytes, why, room))
		return false;
	if (!cul_kmem_symbol(m, "log_first_idx", &first_at) || !cul_kmem_symbol(m, "log_next_idx", &next_at) || !cul_kmem_size(m, type, &size) ||
	    !cul_kmem_offset(m, OF("ts_nsec"), &ts) || !cul_kmem_offset(m, OF("len"), &len) || !cul_kmem_offset(m, OF("text_len"), &text_len) ||
	    size < 16 || size > 256 || ts + 8 > size || len + 2 > size || text_len + 2 > size)
		return snprintf(why, room, "VMCOREINFO lacks offsets of the log's records"), false;
	/* u16 dict_len; u8 facility, flags:5 level:3; u32 caller_id with CONFIG_PRINTK_CALLER (5.1): told by the size alone */
	if (!cul_kmem_offset(m, OF("dict_len"), &dict_len) || dict_len + 4 > size)
		dict_len = UINT64_MAX;
#undef OF
	if (!cul_kmem_u32(m, first_at, &first) || !cul_kmem_u32(m, next_at, &next) || first >= bytes || next > bytes)
		return snprintf(why, room, "the page that says where the log begins (log_first_idx) is not in the dump"), false;
	o->most = 8 * (size_t)bytes + (1 << 20);
	uint8_t *buf = malloc(1 << 16), head[256];
	/* each step takes a header's length at least, and once round is all there is */
	for (uint32_t at = first, done = 0, wraps = 0; buf && at != next && done < bytes && !o->full;) {
		if (bytes - at < size || !cul_kmem_virt(m, address + at, head, size)) {
			if (bytes - at >= size)
				o->log->lost++; /* where the next begins stands on this page */
			break;
		}
		uint16_t whole = cul_get16(head + len), text = cul_get16(head + text_len);
		if (!whole) {
			if (wraps++)
				break;
			at = 0;
			continue;
		}
		if (whole < size || whole > bytes - at || text > whole - size) {
			o->log->lost++;
			break;
		}
		struct record rec = { .ts = cul_get64(head + ts), .text = buf, .size = text, .level = -1 };
		if (dict_len != UINT64_MAX)
			rec.level = head[dict_len + 3] >> 5;
		if (cul_kmem_virt(m, address + at + size, buf, text))
			put_record(o, &rec);
		else
			o->log->lost++;
		at += whole;
		done += whole;
	}
	free(buf);
	if (!o->log->records)
		return snprintf(why, room, o->log->lost ? "the log's pages are not in the dump" : "the log is empty"), false;
	return true;
}

static bool read_bytes(struct cul_kmem *m, uint64_t log_end, struct out *o, char *why, size_t room)
{
	uint64_t address;
	uint32_t bytes, end;
	if (!old_buffer(m, &address, &bytes, why, room))
		return false;
	if (!cul_kmem_u32(m, log_end, &end))
		return snprintf(why, room, "the page that says where the log ends (log_end) is not in the dump"), false;
	o->most = 2 * (size_t)bytes + (1 << 20);
	uint32_t n = end < bytes ? end : bytes, from = end < bytes ? 0 : end % bytes;
	char *to = grow(o, n + 1);
	if (!to || !n || !cul_kmem_virt(m, address + from, to, n - from < bytes - from ? n - from : bytes - from) ||
	    (from && !cul_kmem_virt(m, address, to + (bytes - from), from)))
		return snprintf(why, room, n ? "the log's pages are not in the dump" : "the log is empty"), false;
	o->log->size = n;
	for (size_t i = 0; i < n; i++)
		o->log->records += to[i] == '\n';
	return true;
}

/* ---- all -------------------------------------------------------------------------------------------------------------------- */

bool cul_printk_read(struct cul_kmem *m, enum cul_printk_form form, struct cul_printk *ret, char *why, size_t room)
{
	struct out o = { .log = ret, .form = form };
	uint64_t symbol;
	bool good;
	*ret = (struct cul_printk){ .last_ns = CUL_NO_TIME };
	if (!cul_kmem_levels(m))
		return snprintf(why, room, "kernel addresses can't be translated: %s", cul_kmem_untranslated(m)), false;
	if (cul_kmem_symbol(m, "prb", &symbol))
		good = read_ring(m, symbol, &o, why, room);
	else if (cul_kmem_symbol(m, "log_end", &symbol) && !cul_kmem_symbol(m, "log_first_idx", &(uint64_t){ 0 }))
		good = read_bytes(m, symbol, &o, why, room);
	else
		good = read_records(m, &o, why, room);
	if (!good)
		cul_printk_free(ret);
	return good;
}

void cul_printk_free(struct cul_printk *log)
{
	free(log->text);
	*log = (struct cul_printk){ .last_ns = CUL_NO_TIME };
}
