/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Network cards: stuck transmit queues, links, firmware health; connection tracking.
 *
 *   igb 0000:01:00.0 eth0: NETDEV WATCHDOG: CPU: 3: transmit queue 0 timed out 5120 ms
 *   NETDEV WATCHDOG: eth0 (igb): transmit queue 0 timed out
 *   e1000e 0000:00:19.0 eno1: Detected Hardware Unit Hang:
 *   mlx5_core 0000:56:00.0 enp16s0np0: Link down      ixgbe 0000:01:00.0 eth2: NIC Link is Up 10 Gbps
 *   mlx5_core 0000:56:00.0: device's health compromised - reached miss count
 *   nf_conntrack: nf_conntrack: table full, dropping packet
 *
 * Printed by net/sched/sch_generic.c (the newer form since 6.1.y), the drivers named, net/netfilter/nf_conntrack_core.c. A link
 * that comes up at boot is told like any other.
 */
#include "parsers/dump.h"

/* "driver bdf ifname: text": address, interface, text */
static void prefix(struct cul_slice text, struct cul_slice *bdf, struct cul_slice *device, struct cul_slice *rest)
{
	char spelled[16];
	struct cul_slice words = text, word;

	*bdf = *device = CUL_NONE;
	*rest = text;
	for (int i = 0; i < 4; i++) {
		bool last;

		word = cul_word(&words);
		if (!word.size)
			return;
		last = word.data[word.size - 1] == ':';
		word.size -= last;
		if (word.size >= 7 && cul_to_bdf(word, spelled))
			*bdf = word;
		else if (last && bdf->size)
			*device = word;
		if (last) {
			*rest = cul_trim(words);
			return;
		}
	}
}

static enum cul_status net_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice text = rec->message, bdf, device, rest, after;
	const char *status = NULL;

	if (!cul_kernel_says(rec))
		return CUL_OK;
	if (cul_has(text, CUL_LIT("nf_conntrack: table full")))
		return cul_emit(parse, rec, "net.conntrack-full", cul_text("what", text));
	prefix(text, &bdf, &device, &rest);
	if (cul_has(text, CUL_LIT("NETDEV WATCHDOG: "))) {
		if (!cul_has(text, CUL_LIT("timed out")))
			return CUL_OK;
		if (!device.size && cul_cut(text, CUL_LIT("NETDEV WATCHDOG: "), NULL, &after))
			device = cul_word(&after);
		return cul_emit(parse, rec, "net.tx-timeout", cul_text("device", device), cul_bdf("bdf", bdf), cul_text("what", rest));
	}
	if (cul_has(rest, CUL_LIT("Unit Hang")))
		return cul_emit(parse, rec, "net.tx-timeout", cul_text("device", device), cul_bdf("bdf", bdf), cul_text("what", rest));
	if (cul_starts(rest, CUL_LIT("Link down")) || cul_starts(rest, CUL_LIT("NIC Link is Down")))
		status = "down";
	else if (cul_starts(rest, CUL_LIT("Link up")) || cul_starts(rest, CUL_LIT("NIC Link is Up")))
		status = "up";
	if (status)
		return cul_emit(parse, rec, "net.link", cul_text("device", device), cul_bdf("bdf", bdf), cul_string("status", status));
	if (cul_has(rest, CUL_LIT("health compromised")) || cul_has(rest, CUL_LIT("Health issue observed")) ||
	    cul_has(rest, CUL_LIT("health recovery flow aborted")))
		return cul_emit(parse, rec, "net.nic-health", cul_text("device", device), cul_bdf("bdf", bdf), cul_text("what", rest));
	return CUL_OK;
}

const struct cul_parser cul_parser_net = {
	.name = "net",
	.about = "network cards: transmit time-outs, links, firmware health; full connection table",
	.kinds = CUL_KINDS(CUL_KIND("net.tx-timeout", 1, "kernel", F_DEVICE, F_BDF, F_WHAT),
			   CUL_KIND("net.link", 1, "kernel", F_DEVICE, F_BDF, F_STATUS),
			   CUL_KIND("net.nic-health", 1, "kernel", F_DEVICE, F_BDF, F_WHAT),
			   CUL_KIND("net.conntrack-full", 1, "kernel", F_WHAT)),
	.needles = CUL_LIST("NETDEV WATCHDOG: ", "Unit Hang", "Link down", "Link up", "NIC Link is ", "health compromised",
			    "Health issue observed", "health recovery flow aborted", "nf_conntrack: table full"),
	.record = net_record,
};
