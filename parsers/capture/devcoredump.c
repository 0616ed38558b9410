/* SPDX-License-Identifier: Apache-2.0 */
/**
 * GPU device coredumps: /sys/class/drm/card0/device/devcoredump/data, i915's /sys/class/drm/card0/error.
 *
 *   **** AMDGPU Device Coredump ****
 *   time: 29.725011811
 *   process_name: soft_recovery_p PID: 1720
 *   HWIP: GC[1][0]: v11.0.0.0.0
 *   MES feature version: 1, fw version: 0x0000004b
 *   IP Type: 0 Ring Name: gfx_0.0.0
 *   [gfxhub] Page fault observed
 *   Faulty page starting at address: 0x0000000000000000
 *   Protection fault status register: 0x301031
 *   ring name: gfx_0.0.0
 *   Rptr: 0x40 Wptr: 0x80 RB mask: fff
 *   VRAM is lost due to GPU reset!
 *
 *   **** Xe Device Coredump ****                        GPU HANG: ecode 12:1:85dffffb, in game [4242]
 *
 * amdgpu_devcoredump_read() in drivers/gpu/drm/amd/amdgpu (amdgpu_device.c, amdgpu_reset.c, since 6.10 amdgpu_dev_coredump.c; the
 * page fault and the ring since 6.9, IP versions, firmware and ring buffers since 6.10); xe_devcoredump.c; i915_gpu_error.c. amdgpu's
 * time is that since boot, xe's and i915's is the wall clock. "Page fault observed" always stands there: with
 * address and status all zero there was none. A ring whose pointers differ (under the buffer's mask) has work left.
 */
#include "parsers/tables.h"

#define RINGS 512

struct coredump {
	struct cul_record rec;
	struct cul_slice kernel, what, comm, pid, ring, hub, address, status, gc, name;
	struct cul_slice driver;
	char stuck[RINGS];
	size_t stuck_size;
	bool lost;
};

static struct cul_slice
driver_of(struct cul_slice line)
{
	if (cul_is(line, CUL_LIT("**** AMDGPU Device Coredump ****")))
		return CUL_LIT("amdgpu");
	if (cul_is(line, CUL_LIT("**** Xe Device Coredump ****")))
		return CUL_LIT("xe");
	if (cul_starts(line, CUL_LIT("GPU HANG: ecode ")))
		return CUL_LIT("i915");
	return CUL_NONE;
}

static int
devcoredump_bid(const struct cul_head *head)
{
	if (!head->count || !driver_of(cul_trim(head->lines[0].text)).size)
		return 0;
	/* i915's first line also stands in kernel logs, under an envelope; bare it is the file's */
	if (cul_starts(head->lines[0].text, CUL_LIT("GPU HANG")) && (head->count < 2 || !cul_starts(head->lines[1].text, CUL_LIT("Kernel: "))))
		return 0;
	return 56;
}

/** "key: value" at the start of the line. */
static bool
value_of(struct cul_slice line, struct cul_slice key, struct cul_slice *value)
{
	struct cul_slice rest = line;

	if (!cul_skip(&rest, key) || !cul_skip(&rest, CUL_LIT(":")))
		return false;
	*value = cul_trim(rest);
	return true;
}

static bool
all_zero(struct cul_slice hex)
{
	uint64_t value;

	return !hex.size || (cul_to_hex(hex, &value) && !value);
}

/** "Rptr: 0x40 Wptr: 0x80 RB mask: fff"; the mask is missing in the first versions. */
static bool
is_stuck(struct cul_slice line)
{
	struct cul_slice rest, word;
	uint64_t read, write, mask = UINT64_MAX;

	if (!cul_cut(line, CUL_LIT("Rptr: "), NULL, &rest) || !cul_to_hex(cul_word(&rest), &read) ||
	    !cul_cut(rest, CUL_LIT("Wptr: "), NULL, &rest) || !cul_to_hex(cul_word(&rest), &write))
		return false;
	if (cul_cut(rest, CUL_LIT("RB mask: "), NULL, &rest)) {
		word = cul_word(&rest);
		if (!cul_to_hex(word, &mask) || !mask)
			mask = UINT64_MAX;
	}
	return (read & mask) != (write & mask);
}

static void
add_stuck(struct coredump *d)
{
	if (!d->name.size || d->stuck_size + d->name.size + 1 >= RINGS)
		return;
	if (d->stuck_size)
		d->stuck[d->stuck_size++] = ' ';
	memcpy(d->stuck + d->stuck_size, d->name.data, d->name.size);
	d->stuck_size += d->name.size;
	d->name = CUL_NONE;
}

static enum cul_status
emit_ip(struct cul_parse *parse, const struct coredump *d, const struct cul_line *line, struct cul_slice block, struct cul_slice version)
{
	struct cul_record rec = cul_line_record(line, d->rec.time);

	return cul_emit(parse, &rec, "amdgpu.ip", cul_text("block", block), cul_text("version", version));
}

/** "HWIP: GC[1][0]: v11.0.0.0.0": the first three numbers are what the hardware is called by. */
static enum cul_status
take_hwip(struct cul_parse *parse, struct coredump *d, const struct cul_line *line, struct cul_slice text)
{
	struct cul_slice block, version;
	size_t dots = 0, n = 0;

	if (!cul_cut(text, CUL_LIT("["), &block, &version) || !cul_cut_last(version, CUL_LIT(": v"), NULL, &version))
		return CUL_OK;
	while (n < version.size && (version.data[n] != '.' || ++dots < 3))
		n++;
	version.size = n;
	if (cul_is(block, CUL_LIT("GC")) && !d->gc.size)
		d->gc = cul_keep(parse, version);
	return emit_ip(parse, d, line, block, version);
}

/** "MES feature version: 1, fw version: 0x0000004b", "SDMA0 feature version: 60, firmware version: 0x0000000e" */
static enum cul_status
take_firmware(struct cul_parse *parse, const struct coredump *d, const struct cul_line *line)
{
	struct cul_slice name, rest, version;
	struct cul_record rec = cul_line_record(line, d->rec.time);

	if (!cul_cut(line->text, CUL_LIT(" feature version: "), &name, &rest) || name.size > 24 ||
	    (!cul_cut(rest, CUL_LIT("fw version: "), NULL, &version) && !cul_cut(rest, CUL_LIT("firmware version: "), NULL, &version)))
		return CUL_OK;
	version = cul_word(&version);
	if (all_zero(version))
		return CUL_OK;
	return cul_emit(parse, &rec, "amdgpu.firmware", cul_text("firmware", cul_trim(name)), cul_text("version", version));
}

static void
take_process(struct cul_parse *parse, struct coredump *d, struct cul_slice value)
{
	struct cul_slice comm, pid;

	if (cul_cut_last(value, CUL_LIT(" PID: "), &comm, &pid)) {
		d->comm = cul_keep(parse, comm);
		d->pid = cul_keep(parse, pid);
	} else if (cul_cut_last(value, CUL_LIT(" ["), &comm, &pid)) { /* xe before 6.15, i915 */
		d->comm = cul_keep(parse, comm);
		d->pid = cul_keep(parse, cul_digits(&pid));
	} else {
		d->comm = cul_keep(parse, value);
	}
}

static enum cul_status
take_line(struct cul_parse *parse, struct coredump *d, const struct cul_line *line)
{
	struct cul_slice text = cul_trim(line->text), value, rest;
	struct cul_time time;

	if (value_of(text, CUL_LIT("kernel"), &value) || value_of(text, CUL_LIT("Kernel"), &value)) {
		d->kernel = cul_keep(parse, cul_word(&value));
	} else if (value_of(text, CUL_LIT("time"), &value) && cul_clock_boot(&value, &time)) {
		d->rec.time = time;
	} else if ((value_of(text, CUL_LIT("Snapshot time"), &value) || value_of(text, CUL_LIT("Time"), &value)) && cul_clock_unix(&value, &time)) {
		d->rec.time = time;
		cul_set_capture_time(parse, time);
	} else if (value_of(text, CUL_LIT("process_name"), &value) || value_of(text, CUL_LIT("Process"), &value)) {
		take_process(parse, d, value);
	} else if (value_of(text, CUL_LIT("PID"), &value) && !d->pid.size) {
		d->pid = cul_keep(parse, value);
	} else if (value_of(text, CUL_LIT("Reason"), &value)) {
		d->what = cul_keep(parse, value);
	} else if (value_of(text, CUL_LIT("HWIP"), &value)) {
		return take_hwip(parse, d, line, value);
	} else if (cul_has(text, CUL_LIT(" feature version: "))) {
		return take_firmware(parse, d, line);
	} else if (cul_starts(text, CUL_LIT("IP Type: ")) && cul_cut(text, CUL_LIT("Ring Name: "), NULL, &value)) {
		d->ring = cul_keep(parse, cul_trim(value));
		d->rec.line = *line; /* what is worth quoting */
		d->rec.line.text = d->rec.message = cul_keep(parse, line->text);
	} else if (cul_ends(text, CUL_LIT("] Page fault observed")) && cul_between(text, CUL_LIT("["), CUL_LIT("]"), &value)) {
		d->hub = cul_keep(parse, value);
	} else if (cul_cut(text, CUL_LIT("Faulty page starting at address"), NULL, &rest)) {
		cul_skip(&rest, CUL_LIT(":")); /* not in the first version */
		d->address = cul_keep(parse, cul_trim(rest));
	} else if (value_of(text, CUL_LIT("Protection fault status register"), &value)) {
		d->status = cul_keep(parse, value);
	} else if (value_of(text, CUL_LIT("ring name"), &value)) {
		d->name = cul_keep(parse, value);
	} else if (cul_starts(text, CUL_LIT("Rptr: "))) {
		if (is_stuck(text))
			add_stuck(d);
	} else if (cul_is(text, CUL_LIT("VRAM is lost due to GPU reset!"))) {
		d->lost = true;
	}
	return CUL_OK;
}

static enum cul_status
devcoredump_section(struct cul_parse *parse)
{
	struct coredump *d = cul_keep_bytes(parse, sizeof(*d));
	struct cul_line line;
	enum cul_status status = CUL_OK;
	struct cul_slice text, comm;
	bool fault;

	if (!d)
		return CUL_ENOMEM;
	if (!cul_line_next(parse, &line))
		return CUL_OK;
	text = cul_trim(line.text);
	d->driver = driver_of(text);
	d->rec = cul_table_record(parse, &line);
	d->rec.line.text = cul_keep(parse, line.text);
	d->rec.message = d->rec.line.text;
	if (cul_is(d->driver, CUL_LIT("i915"))) {
		if (cul_cut(text, CUL_LIT(", in "), &text, &comm))
			take_process(parse, d, comm);
		d->what = cul_keep(parse, text);
	}
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		if (driver_of(cul_trim(line.text)).size) {
			cul_line_back(parse);
			break;
		}
		status = take_line(parse, d, &line);
	}
	if (status != CUL_OK)
		return status;
	fault = !all_zero(d->address) || !all_zero(d->status);
	return cul_emit(parse, &d->rec, "gpu.coredump", cul_text("driver", d->driver), cul_text("kernel", d->kernel), cul_text("what", d->what),
			cul_text("comm", d->comm), cul_number("pid", d->pid), cul_text("ring", d->ring),
			cul_text("stuck_rings", cul_slice(d->stuck, d->stuck_size)), cul_text("block", fault ? d->hub : CUL_NONE),
			cul_text("address", fault ? d->address : CUL_NONE), cul_text("status", fault ? d->status : CUL_NONE),
			cul_text("version", d->gc), d->lost ? cul_flag("vram_lost", true) : (struct cul_arg){ 0 });
}

const struct cul_parser cul_parser_devcoredump = {
	.name = "devcoredump",
	.about = "GPU coredumps of amdgpu, and the heads of xe's and i915's",
	.kinds = CUL_KINDS(CUL_KIND("gpu.coredump", 1, "devcoredump", F_DRIVER, F_KERNEL, F_WHAT, F_COMM, F_PID, F_RING, F_STUCK_RINGS, F_BLOCK,
				    F_ADDRESS, F_STATUS, F_VERSION, F_VRAM_LOST),
			   CUL_SAMPLES("amdgpu.ip", 1, "devcoredump", F_BLOCK, F_VERSION),
			   CUL_SAMPLES("amdgpu.firmware", 1, "devcoredump", F_FIRMWARE, F_VERSION)),
	.needles = CUL_LIST("**** AMDGPU Device Coredump ****", "**** Xe Device Coredump ****"),
	.first = CUL_LIST("*", "HG:"),
	.bid = devcoredump_bid,
	.section = devcoredump_section,
};
