/* SPDX-License-Identifier: Apache-2.0 */
/**
 * PCI Express: errors, containment, hot plug, lost and narrow links.
 *
 *   pcieport 0000:00:01.0: AER: Uncorrectable (Fatal) error message received from 0000:01:00.0
 *   nvme 0000:41:00.0: PCIe Bus Error: severity=Correctable, type=Physical Layer, (Receiver ID)
 *   nvme 0000:41:00.0:   device [144d:a80c] error status/mask=00000001/0000e000
 *   nvme 0000:41:00.0:    [ 0] RxErr                  (First)
 *   pcieport 0000:00:01.0: DPC: containment event, status:0x1f01 source:0x0000
 *   pcieport 0000:00:01.0: pciehp: Slot(3): Link Down
 *   pci 0000:41:00.0: 31.504 Gb/s available PCIe bandwidth, limited by 8.0 GT/s PCIe x4 link at … (capable of …)
 *
 * Printed by drivers/pci/pcie/aer.c, dpc.c, drivers/pci/hotplug/pciehp_ctrl.c, drivers/pci/pci.c. 6.12 says Correctable and
 * Uncorrectable where older kernels say Corrected and Uncorrected. 6.16 limits AER's lines to ten in 5 s for a device: their
 * number isn't the number of errors. The names of the error bits stand on lines of their own.
 */
#include "parsers/dump.h"

struct bus_error {
	struct cul_record rec;
	struct cul_slice bdf, severity, layer;
	char errors[128];
	size_t size;
	unsigned lines;
};

/* "pcieport 0000:00:01.0: text": the address of the prefix; the text behind it */
static bool prefix(struct cul_slice text, struct cul_slice *bdf, struct cul_slice *rest)
{
	char spelled[16];
	struct cul_slice tail = text, word;

	for (int i = 0; i < 3; i++) {
		word = cul_word(&tail);
		if (word.size > 8 && word.data[word.size - 1] == ':' && cul_to_bdf(cul_slice(word.data, word.size - 1), spelled)) {
			*bdf = cul_slice(word.data, word.size - 1);
			*rest = tail;
			return true;
		}
	}
	return false;
}

static const char *severity_of(struct cul_slice text)
{
	if (cul_has(text, CUL_LIT("Non-Fatal")) || cul_has(text, CUL_LIT("non-fatal")))
		return "nonfatal";
	if (cul_has(text, CUL_LIT("Fatal")) || cul_has(text, CUL_LIT("fatal")))
		return "fatal";
	return cul_has(text, CUL_LIT("orrect")) ? "correctable" : NULL;
}

static enum cul_status tell(struct cul_parse *parse, const struct bus_error *e)
{
	const char *severity = severity_of(e->severity);

	return cul_emit(parse, &e->rec, "pcie.aer", cul_bdf("bdf", e->bdf), cul_string("status", severity),
			cul_flag("fatal", severity && !strcmp(severity, "fatal")), cul_text("layer", e->layer),
			cul_text("errors", cul_slice(e->errors, e->size)));
}

/* names up to 4.x were sentences; today's short ones are used for all */
static struct cul_slice bit_name(struct cul_slice text)
{
	static const char *const old[][2] = {
		{ "Receiver Error", "RxErr" }, { "Bad TLP", "BadTLP" }, { "Bad DLLP", "BadDLLP" }, { "RELAY_NUM Rollover", "Rollover" },
		{ "Replay Timer Timeout", "Timeout" }, { "Advisory Non-Fatal", "NonFatalErr" }, { "Data Link Protocol", "DLP" },
		{ "Surprise Down", "SDES" }, { "Poisoned TLP", "TLP" }, { "Completion Timeout", "CmpltTO" },
		{ "Completer Abort", "CmpltAbrt" }, { "Unexpected Completion", "UnxCmplt" }, { "Malformed TLP", "MalfTLP" },
		{ "Unsupported Request", "UnsupReq" }, { "ACS Violation", "ACSViol" }, { "Flow Control Protocol", "FCP" },
	};

	for (size_t i = 0; i < sizeof(old) / sizeof(*old); i++)
		if (cul_starts(text, cul_str(old[i][0])))
			return cul_str(old[i][1]);
	return cul_word(&text);
}

/* "   [ 0] RxErr                  (First)" */
static bool bus_next(struct cul_parse *parse, void *state, const struct cul_record *rec, enum cul_status *status)
{
	struct bus_error *e = state;
	struct cul_slice bdf, rest, name;

	if (rec && ++e->lines <= 12 && !cul_has(rec->message, CUL_LIT("PCIe Bus Error: "))) {
		if (!prefix(rec->message, &bdf, &rest))
			bdf = e->bdf, rest = rec->message;
		if (!cul_is(bdf, e->bdf) && e->lines < 6)
			return true;
		if (!cul_is(bdf, e->bdf)) {
			*status = tell(parse, e);
			return false;
		}
		rest = cul_trim(rest);
		cul_skip(&rest, CUL_LIT("AER: "));
		rest = cul_trim(rest);
		if (cul_skip(&rest, CUL_LIT("[")) && cul_cut(rest, CUL_LIT("]"), &name, &rest) && cul_trim(name).size <= 2) {
			name = bit_name(cul_trim(rest));
			if (name.size && name.data[0] >= 'A' && e->size + name.size + 1 < sizeof(e->errors)) {
				if (e->size)
					e->errors[e->size++] = ' ';
				memcpy(e->errors + e->size, name.data, name.size);
				e->size += name.size;
			}
			return true;
		}
		if (cul_starts(rest, CUL_LIT("device [")) || cul_starts(rest, CUL_LIT("TLP Header")) || cul_has(rest, CUL_LIT("reported first")))
			return true;
		if (!e->size)
			return true;
	}
	*status = tell(parse, e);
	return false;
}

static enum cul_status bus_error(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice bdf, struct cul_slice rest)
{
	struct bus_error *e = cul_keep_bytes(parse, sizeof(*e));
	struct cul_slice severity = CUL_NONE, layer = CUL_NONE;

	if (!e)
		return CUL_ENOMEM;
	cul_between(rest, CUL_LIT("severity="), CUL_LIT(","), &severity);
	cul_between(rest, CUL_LIT("type="), CUL_LIT(","), &layer);
	e->rec = cul_keep_record(parse, rec);
	e->bdf = cul_keep(parse, bdf);
	e->severity = cul_keep(parse, severity);
	e->layer = cul_keep(parse, layer);
	return cul_follow(parse, rec, bus_next, e);
}

static enum cul_status slot_event(struct cul_parse *parse, const struct cul_record *rec, struct cul_slice bdf, struct cul_slice rest)
{
	struct cul_slice slot, what;
	const char *status;

	if (!cul_between(rest, CUL_LIT("Slot("), CUL_LIT(")"), &slot) || !cul_cut(rest, CUL_LIT("): "), NULL, &what))
		return CUL_OK;
	status = cul_starts(what, CUL_LIT("Link Down/Up ignored")) ? "ignored" : cul_starts(what, CUL_LIT("Link Down")) ? "link-down" :
		 cul_starts(what, CUL_LIT("Card not present")) ? "absent" : cul_starts(what, CUL_LIT("Link Up")) ? "link-up" :
		 cul_starts(what, CUL_LIT("Card present")) ? "present" : cul_starts(what, CUL_LIT("Power fault")) ? "power-fault" :
		 cul_has(what, CUL_LIT("utton pressed")) || cul_has(what, CUL_LIT("owering off")) ? "button" : NULL;
	if (!status)
		return CUL_OK;
	return cul_emit(parse, rec, "pcie.hotplug", cul_bdf("bdf", bdf), cul_text("slot", slot), cul_string("status", status),
			cul_text("what", what));
}

static enum cul_status pcie_record(struct cul_parse *parse, const struct cul_record *rec)
{
	struct cul_slice text = rec->message, bdf = CUL_NONE, rest, from = CUL_NONE, speed = CUL_NONE, width = CUL_NONE, able = CUL_NONE;

	if (!cul_kernel_says(rec) || !prefix(text, &bdf, &rest))
		return CUL_OK;
	if (cul_has(rest, CUL_LIT("PCIe Bus Error: ")))
		return bus_error(parse, rec, bdf, rest);
	if (cul_has(rest, CUL_LIT("pciehp: Slot(")))
		return slot_event(parse, rec, bdf, rest);
	if (cul_cut(rest, CUL_LIT("DPC: containment event"), NULL, &able)) {
		cul_cut(able, CUL_LIT("received from "), NULL, &from);
		return cul_emit(parse, rec, "pcie.dpc", cul_bdf("bdf", bdf), cul_bdf("source_bdf", cul_word(&from)),
				cul_text("what", cul_trim(rest)));
	}
	if (cul_cut(rest, CUL_LIT("AER: "), NULL, &able)) {
		if (cul_cut(able, CUL_LIT("error message received from "), NULL, &from) || cul_cut(able, CUL_LIT("error received: "), NULL, &from)) {
			const char *severity = severity_of(able);

			cul_skip(&from, CUL_LIT("id="));
			return cul_emit(parse, rec, "pcie.aer-received", cul_bdf("bdf", bdf), cul_bdf("source_bdf", cul_word(&from)),
					cul_string("status", severity), cul_flag("fatal", severity && !strcmp(severity, "fatal")));
		}
		if (cul_starts(able, CUL_LIT("device recovery ")))
			return cul_emit(parse, rec, "pcie.recovery", cul_bdf("bdf", bdf),
					cul_string("status", cul_has(able, CUL_LIT("successful")) ? "succeeded" : "failed"));
		return CUL_OK;
	}
	if (cul_cut(rest, CUL_LIT("available PCIe bandwidth, limited by "), NULL, &able)) {
		if (!cul_cut(able, CUL_LIT(" PCIe x"), &speed, &width))
			return CUL_OK;
		cul_cut(width, CUL_LIT(" link at "), NULL, &from);
		width = cul_digits(&width);
		cul_between(able, CUL_LIT("(capable of "), CUL_LIT(")"), &able);
		return cul_emit(parse, rec, "pcie.bandwidth", cul_bdf("bdf", bdf), cul_text("speed", speed), cul_text("width", width),
				cul_bdf("source_bdf", cul_word(&from)), cul_text("what", able));
	}
	if (cul_has(rest, CUL_LIT("Unable to change power state from ")) || cul_has(rest, CUL_LIT("device inaccessible")))
		return cul_emit(parse, rec, "pcie.inaccessible", cul_bdf("bdf", bdf), cul_text("what", cul_trim(rest)));
	return CUL_OK;
}

const struct cul_parser cul_parser_pcie = {
	.name = "pcie",
	.about = "PCI Express: AER, DPC, hot plug, lost devices, limited bandwidth",
	.kinds = CUL_KINDS(CUL_KIND("pcie.aer", 1, "kernel", F_BDF, F_STATUS, F_FATAL, F_LAYER, F_ERRORS),
			   CUL_KIND("pcie.aer-received", 1, "kernel", F_BDF, F_SOURCE_BDF, F_STATUS, F_FATAL),
			   CUL_KIND("pcie.recovery", 1, "kernel", F_BDF, F_STATUS),
			   CUL_KIND("pcie.dpc", 1, "kernel", F_BDF, F_SOURCE_BDF, F_WHAT),
			   CUL_KIND("pcie.hotplug", 1, "kernel", F_BDF, F_SLOT, F_STATUS, F_WHAT),
			   CUL_KIND("pcie.bandwidth", 1, "kernel", F_BDF, F_SPEED, F_WIDTH, F_SOURCE_BDF, F_WHAT),
			   CUL_KIND("pcie.inaccessible", 1, "kernel", F_BDF, F_WHAT)),
	.needles = CUL_LIST("PCIe Bus Error: ", "pciehp: Slot(", "DPC: containment event", "AER: ", "available PCIe bandwidth, limited by ",
			    "Unable to change power state from ", "device inaccessible"),
	.record = pcie_record,
};
