/* SPDX-License-Identifier: Apache-2.0 */
/**
 * lspci, from one line a device to -vvv -nn.
 *
 *   e3:00.0 VGA compatible controller [0300]: NVIDIA Corporation GB202GL [RTX PRO 6000] [10de:2bb1] (rev a1)
 *   		LnkCap:	Port #0, Speed 32GT/s, Width x16, ASPM L1, Exit Latency L1 <4us
 *   		LnkSta:	Speed 5GT/s (downgraded), Width x16
 *   		UESta:	DLP- SDES- TLP+ …
 *   		ACSCtl:	SrcValid+ TransBlk- ReqRedir+ CmpltRedir+ UpstreamFwd+ EgressCtrl- DirectTrans-
 *
 * pciutils' lspci.c and ls-caps.c; "(downgraded)" since 3.6.3, which says so only when the port knows better. (rev ff) and
 * "Unknown header type 7f" are a device whose configuration space reads as all ones. With -k the driver in use comes too.
 */
#include "parsers/tables.h"

struct device {
	struct cul_record rec;
	struct cul_row row;
	struct cul_slice uncorrectable, correctable;
	double speed, speed_max;
	int64_t width, width_max;
	bool open, downgraded, has_link, broken;
};

static bool
hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/** "e3:00.0 VGA compatible controller: …", "0007:01:00.0 …" */
static bool
is_device(struct cul_slice line, struct cul_slice *bdf, struct cul_slice *rest)
{
	char checked[16];

	if (line.size < 12 || !hex(line.data[0]))
		return false;
	*rest = line;
	*bdf = cul_word(rest);
	if (bdf->size < 7 || bdf->size > 12 || bdf->data[bdf->size - 2] != '.' || bdf->data[bdf->size - 5] != ':' ||
	    !cul_to_bdf(*bdf, checked))
		return false;
	return cul_has(*rest, CUL_LIT(": "));
}

static int
lspci_bid(const struct cul_head *head)
{
	struct cul_slice a, b;

	return head->count && is_device(head->lines[0].text, &a, &b) ? 24 + (cul_command_runs(head->command, "lspci") ? 8 : 0) : 0;
}

/** "Speed 32GT/s, Width x16" */
static void
speed_width(struct cul_slice text, double *speed, int64_t *width)
{
	struct cul_slice rest;

	if (cul_cut(text, CUL_LIT("Speed "), NULL, &rest))
		cul_lead_real(rest, speed);
	if (cul_cut(text, CUL_LIT("Width x"), NULL, &rest))
		cul_to_int(cul_digits(&rest), width);
}

/** The names in "A+ B- C+" that have '+', joined by blanks, kept. */
static struct cul_slice
set_bits(struct cul_parse *parse, struct cul_slice text)
{
	char names[256];
	size_t size = 0;

	for (struct cul_slice word = cul_word(&text); word.size; word = cul_word(&text)) {
		if (word.data[word.size - 1] != '+' || size + word.size + 1 > sizeof(names))
			continue;
		if (size)
			names[size++] = ' ';
		memcpy(names + size, word.data, word.size - 1);
		size += word.size - 1;
	}
	return cul_keep(parse, cul_slice(names, size));
}

static enum cul_status
flush(struct cul_parse *parse, struct device *d)
{
	struct cul_row *row = &d->row;

	if (!d->open)
		return CUL_OK;
	d->open = false;
	if (d->speed > 0)
		cul_put(row, cul_real("link_speed_gts", d->speed));
	if (d->width > 0)
		cul_put(row, cul_int("link_width", d->width));
	if (d->speed_max > 0)
		cul_put(row, cul_real("link_speed_max_gts", d->speed_max));
	if (d->width_max > 0)
		cul_put(row, cul_int("link_width_max", d->width_max));
	if (d->has_link)
		cul_put(row, cul_flag("downgraded", d->downgraded));
	cul_put(row, cul_flag("header_error", d->broken));
	cul_put(row, cul_text("uncorrectable", d->uncorrectable));
	cul_put(row, cul_text("correctable", d->correctable));
	return cul_row_emit(parse, &d->rec, "pci.device", row);
}

static void
begin(struct cul_parse *parse, struct device *d, const struct cul_line *line)
{
	struct cul_slice bdf = CUL_NONE, rest = CUL_NONE, class = CUL_NONE, name = CUL_NONE, rev;

	memset(d, 0, sizeof(*d));
	d->rec = cul_table_record(parse, line);
	d->rec.line.text = cul_keep(parse, line->text);
	d->open = true;
	is_device(d->rec.line.text, &bdf, &rest);
	cul_cut(rest, CUL_LIT(": "), &class, &name);
	cul_put(&d->row, cul_bdf("bdf", bdf));
	cul_cut(class, CUL_LIT(" ["), &class, NULL);
	cul_put(&d->row, cul_text("class", cul_trim(class)));
	if (cul_cut(name, CUL_LIT(" (rev "), &name, &rev)) {
		cul_cut(rev, CUL_LIT(")"), &rev, NULL);
		cul_put(&d->row, cul_text("rev", rev));
		d->broken = cul_is(rev, CUL_LIT("ff"));
	}
	cul_cut(name, CUL_LIT(" (prog-if"), &name, NULL);
	cul_put(&d->row, cul_text("name", cul_trim(name)));
}

static void
detail(struct cul_parse *parse, struct device *d, struct cul_slice text)
{
	if (cul_skip(&text, CUL_LIT("LnkCap:"))) {
		speed_width(text, &d->speed_max, &d->width_max);
	} else if (cul_skip(&text, CUL_LIT("LnkSta:"))) {
		speed_width(text, &d->speed, &d->width);
		d->has_link = true;
		d->downgraded = cul_has(text, CUL_LIT("(downgraded)")) || (d->speed > 0 && d->speed < d->speed_max) ||
				(d->width > 0 && d->width < d->width_max);
	} else if (cul_skip(&text, CUL_LIT("UESta:"))) {
		d->uncorrectable = set_bits(parse, text);
	} else if (cul_skip(&text, CUL_LIT("CESta:"))) {
		d->correctable = set_bits(parse, text);
	} else if (cul_skip(&text, CUL_LIT("ACSCtl:"))) {
		struct cul_slice on = set_bits(parse, text);

		cul_put(&d->row, cul_text("acs", on.size ? on : CUL_LIT("none")));
	} else if (cul_skip(&text, CUL_LIT("Kernel driver in use:"))) {
		cul_put(&d->row, cul_text("driver", cul_keep(parse, cul_trim(text))));
	} else if (cul_skip(&text, CUL_LIT("Kernel modules:"))) {
		cul_put(&d->row, cul_text("module", cul_keep(parse, cul_trim(text))));
	} else if (cul_has(text, CUL_LIT("Unknown header type"))) {
		d->broken = true;
	}
}

static enum cul_status
lspci_section(struct cul_parse *parse)
{
	struct device *d = cul_keep_bytes(parse, sizeof(*d));
	struct cul_slice bdf, rest;
	struct cul_line line;
	enum cul_status status = CUL_OK;

	if (!d)
		return CUL_ENOMEM;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		if (is_device(line.text, &bdf, &rest)) {
			status = flush(parse, d);
			begin(parse, d, &line);
		} else if (d->open && line.text.size && (line.text.data[0] == '\t' || cul_starts(line.text, CUL_LIT("    ")) ||
							 cul_starts(line.text, CUL_LIT("!!!")))) {
			detail(parse, d, cul_trim(line.text));
		} else if (!cul_blank(line.text)) {
			cul_line_back(parse);
			break;
		}
	}
	return status == CUL_OK ? flush(parse, d) : status;
}

const struct cul_parser cul_parser_lspci = {
	.name = "lspci",
	.about = "lspci -vvnn: devices, drivers, links, ACS, AER status",
	.kinds = CUL_KINDS(CUL_SAMPLES("pci.device", 1, "lspci", F_BDF, F_CLASS, F_NAME, F_REV, F_DRIVER, F_MODULE, F_LINK_SPEED_GTS,
				       F_LINK_WIDTH, F_LINK_SPEED_MAX_GTS, F_LINK_WIDTH_MAX, F_DOWNGRADED, F_HEADER_ERROR, F_ACS,
				       F_UNCORRECTABLE, F_CORRECTABLE)),
	.needles = CUL_LIST("VGA compatible controller", "3D controller", "Host bridge", "PCI bridge", "Display controller",
			    "Non-Volatile memory controller", "Ethernet controller", "Processing accelerators", "Infiniband controller"),
	.first = CUL_LIST(":."),
	.bid = lspci_bid,
	.section = lspci_section,
};
