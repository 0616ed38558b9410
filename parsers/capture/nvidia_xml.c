/* SPDX-License-Identifier: Apache-2.0 */
/**
 * nvidia-smi -q -x: the log of -q as XML (nvsmi_device_v4.dtd … v12.dtd name its version), once or again and again (-l).
 *
 *   <nvidia_smi_log>
 *   	<timestamp>Sat Oct 18 05:44:30 2025</timestamp>
 *   	<gpu id="00000000:31:00.0">
 *   		<clocks_event_reasons>
 *   			<clocks_event_reason_hw_slowdown>Active</clocks_event_reason_hw_slowdown>
 *
 * Elements carry the keys of the text in snake case, most of them; those that don't are in the table. What an element says is put as
 * the line of the text and read by nvidia_log.c, so that both forms give the same observations. A reader of elements, no
 * more: attributes but id, comments, and the DTD are passed over, what isn't closed or is cut off ends where it ends.
 */
#include "parsers/capture/nvidia_log.h"

#define DEPTH 16
#define NAME 64

/* element, the text's key; NULL: has no key of its own there */
static const struct {
	const char *element, *key;
} keys[] = {
	{ "mig_devices", NULL },
	{ "process_info", NULL },
	{ "multiple_single_bit_retirement", NULL },
	{ "double_bit_retirement", NULL },
	{ "timestamp", "Timestamp" },
	{ "uuid", "GPU UUID" },
	{ "pci", "PCI" },
	{ "mig_mode", "MIG Mode" },
	{ "mig_device", "MIG Device" },
	{ "current_mig", "Current" },
	{ "current_ecc", "Current" },
	{ "gpu_recovery_action", "GPU Recovery Action" },
	{ "gpu_reset_status", "GPU Reset Status" },
	{ "drain_and_reset_recommended", "Drain and Reset Recommended" },
	{ "fb_memory_usage", "FB Memory Usage" },
	{ "gpu_util", "Gpu" },
	{ "memory_util", "Memory" },
	{ "gpu_power_readings", "GPU Power Readings" },
	{ "instant_power_draw", "Instantaneous Power Draw" },
	{ "gpu_temp", "GPU Current Temp" },
	{ "memory_temp", "Memory Current Temp" },
	{ "sm_clock", "SM" },
	{ "mem_clock", "Memory" },
	{ "pci_gpu_link_info", "GPU Link Info" },
	{ "pcie_gen", "PCIe Generation" },
	{ "max_link_gen", "Max" },
	{ "current_link_gen", "Current" },
	{ "link_widths", "Link Width" },
	{ "max_link_width", "Max" },
	{ "current_link_width", "Current" },
	{ "replay_counter", "Replays Since Reset" },
	{ "pending_retirement", "Pending" },
	{ "pending_blacklist", "Pending Page Blacklist" },
	{ "remapped_row_corr", "Correctable Error" },
	{ "remapped_row_unc", "Uncorrectable Error" },
	{ "remapped_row_pending", "Pending" },
	{ "remapped_row_failure", "Remapping Failure Occurred" },
	{ "row_remapper_histogram", "Bank Remap Availability Histogram" },
	{ "row_remapper_histogram_low", "Low" },
	{ "row_remapper_histogram_none", "None" },
	{ "ecc_mode", "ECC Mode" },
	{ "ecc_errors", "ECC Errors" },
	{ "ecc_error_count", "ECC Errors" }, /* of a MIG device */
	{ "volatile_count", "Volatile" },
	{ "aggregate_uncorrectable_sram_sources", "Aggregate Uncorrectable SRAM Sources" },
	{ "cuda_version", "CUDA Version" },
	{ "cuda_umd_version", "CUDA UMD Version" },
	{ "kmd_version", "KMD Version" },
	{ "attached_gpus", "Attached GPUs" },
	{ "pid", "Process ID" },
	{ "process_name", "Name" },
	{ "used_memory", "Used GPU Memory" },
	{ "multiprocessor_count", "Multiprocessor count" },
	{ "sw_power_cap", "SW Power Cap" },
	{ "hw_slowdown", "HW Slowdown" },
	{ "hw_thermal_slowdown", "HW Thermal Slowdown" },
	{ "hw_power_brake_slowdown", "HW Power Brake Slowdown" },
	{ "sw_thermal_slowdown", "SW Thermal Slowdown" },
	{ "display_clocks_setting", "Display Clock Setting" },
};

struct element {
	char name[NAME];
	size_t size;
	bool told; /* its line as a section was given out */
	bool bare; /* has no line of its own */
};

struct reader {
	struct element stack[DEPTH];
	size_t depth, lost; /* open elements; those above DEPTH */
	char tag[256], value[512];
	size_t tag_size, value_size;
	bool in_tag, leaf, ended;
	struct cul_nvidia_log *log;
};

static struct cul_slice
name_of(const struct element *element)
{
	return cul_slice(element->name, element->size);
}

/** The key that -q prints for this element: from the table, else its words with capitals. */
static size_t
key_of(const struct reader *r, size_t at, char *out, size_t room)
{
	struct cul_slice name = name_of(&r->stack[at]);
	const char *key = NULL;
	size_t n = 0;
	bool within = false;

	for (size_t i = 0; i < at; i++)
		within |= cul_is(name_of(&r->stack[i]), CUL_LIT("mig_device")) || cul_is(name_of(&r->stack[i]), CUL_LIT("process_info"));
	if (cul_is(name, CUL_LIT("retired_count")) && at)
		key = r->stack[at - 1].name[0] == 'd' ? "Double Bit ECC" : "Single Bit ECC";
	else if (within && cul_is(name, CUL_LIT("gpu_instance_id")))
		key = cul_is(name_of(&r->stack[at - 1]), CUL_LIT("mig_device")) ? "GPU Instance ID" : "GPU instance ID";
	else if (within && cul_is(name, CUL_LIT("compute_instance_id")))
		key = cul_is(name_of(&r->stack[at - 1]), CUL_LIT("mig_device")) ? "Compute Instance ID" : "Compute instance ID";
	if (!cul_skip(&name, CUL_LIT("clocks_event_reason_")))
		cul_skip(&name, CUL_LIT("clocks_throttle_reason_"));
	if (cul_is(name, CUL_LIT("gpu_idle")))
		key = "Idle";
	for (size_t i = 0; !key && i < sizeof(keys) / sizeof(*keys); i++)
		if (keys[i].key && cul_is(name, cul_str(keys[i].element)))
			key = keys[i].key;
	if (key) {
		n = strlen(key) < room ? strlen(key) : room;
		memcpy(out, key, n);
		return n;
	}
	if ((cul_starts(name, CUL_LIT("sram_")) || cul_starts(name, CUL_LIT("dram_"))) && room > 5) {
		out[n++] = name.data[0] == 's' ? 'S' : 'D';
		memcpy(out + n, "RAM ", 4);
		n += 4;
		name = cul_from(name, 5);
	}
	for (size_t i = 0; i < name.size && n < room; i++) {
		char c = name.data[i] == '_' ? ' ' : name.data[i];
		bool begins = i == 0 || name.data[i - 1] == '_';

		out[n++] = begins && c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
	}
	return n;
}

/** The line of the element at @at: "    Key", or "    Key : value". */
static enum cul_status
tell(struct cul_parse *parse, struct reader *r, const struct cul_line *line, size_t at, bool section)
{
	char text[4 * DEPTH + 2 * NAME + sizeof(r->value) + 4];
	size_t n = 0, level = 0;
	bool below = false;

	for (size_t i = 0; i < at; i++) {
		if (below && !r->stack[i].bare)
			level++;
		below |= cul_is(name_of(&r->stack[i]), CUL_LIT("gpu"));
	}
	if (!below && (section || at != 1)) /* above the GPUs only what stands right in the log */
		return CUL_OK;
	n = below ? (level + 1) * 4 : 0;
	memset(text, ' ', n);
	n += key_of(r, at, text + n, NAME);
	if (!section) {
		memcpy(text + n, " : ", 3);
		memcpy(text + n + 3, r->value, r->value_size);
		n += 3 + r->value_size;
	}
	return cul_nvidia_log_line(parse, r->log, line, cul_slice(text, n));
}

static enum cul_status
open_element(struct cul_parse *parse, struct reader *r, const struct cul_line *line, struct cul_slice name, struct cul_slice rest)
{
	enum cul_status status = CUL_OK;
	struct element *element;
	struct cul_slice id;

	if (r->depth && r->leaf && !r->stack[r->depth - 1].told && !r->stack[r->depth - 1].bare)
		status = tell(parse, r, line, r->depth - 1, true);
	if (r->depth)
		r->stack[r->depth - 1].told = true;
	if (r->depth == DEPTH || name.size >= NAME) {
		r->lost++;
		return status;
	}
	element = &r->stack[r->depth++];
	*element = (struct element){ .size = name.size };
	memcpy(element->name, name.data, name.size);
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		element->bare |= !keys[i].key && cul_is(name, cul_str(keys[i].element));
	r->leaf = true;
	r->value_size = 0;
	if (status != CUL_OK || !cul_is(name, CUL_LIT("gpu")))
		return status;
	element->told = element->bare = true;
	if (cul_between(rest, CUL_LIT("id=\""), CUL_LIT("\""), &id) && id.size < 32) {
		char text[40] = "GPU ";

		memcpy(text + 4, id.data, id.size);
		status = cul_nvidia_log_line(parse, r->log, line, cul_slice(text, 4 + id.size));
	}
	return status;
}

/** "a &amp; b" -> "a & b", without blanks at its ends; what is no element is left as it stands. */
static void
tidy(struct reader *r)
{
	static const char *const entities[] = { "&amp;", "&", "&lt;", "<", "&gt;", ">", "&quot;", "\"", "&apos;", "'" };
	struct cul_slice value = cul_trim(cul_slice(r->value, r->value_size));
	size_t n = 0;

	for (size_t i = 0; i < value.size;) {
		size_t skip = 1;
		char c = value.data[i];

		for (size_t k = 0; c == '&' && k < sizeof(entities) / sizeof(*entities); k += 2)
			if (cul_starts(cul_from(value, i), cul_str(entities[k]))) {
				c = entities[k + 1][0];
				skip = strlen(entities[k]);
				break;
			}
		r->value[n++] = c == '\n' || c == '\t' ? ' ' : c; /* never ahead of what is read */
		i += skip;
	}
	r->value_size = n;
}

static enum cul_status
close_element(struct cul_parse *parse, struct reader *r, const struct cul_line *line, struct cul_slice name)
{
	enum cul_status status = CUL_OK;
	size_t at = r->depth;

	if (r->lost) {
		r->lost--;
		return status;
	}
	while (at && !cul_is(name_of(&r->stack[at - 1]), name))
		at--;
	if (!at)
		return status;
	if (at == r->depth && r->leaf && !r->stack[at - 1].told && !r->stack[at - 1].bare) {
		tidy(r);
		status = tell(parse, r, line, at - 1, false);
	}
	r->depth = at - 1;
	r->leaf = false;
	r->value_size = 0;
	if (status == CUL_OK && cul_is(name, CUL_LIT("nvidia_smi_log"))) {
		r->ended = true;
		status = cul_nvidia_log_end(parse, r->log);
	}
	return status;
}

static enum cul_status
take_tag(struct cul_parse *parse, struct reader *r, const struct cul_line *line)
{
	struct cul_slice tag = cul_slice(r->tag, r->tag_size), name;
	bool alone = tag.size && tag.data[tag.size - 1] == '/';
	size_t n = 0;

	if (!tag.size || tag.data[0] == '?' || tag.data[0] == '!')
		return CUL_OK;
	if (cul_skip(&tag, CUL_LIT("/")))
		return close_element(parse, r, line, cul_trim(tag));
	while (n < tag.size && tag.data[n] != ' ' && tag.data[n] != '\t' && tag.data[n] != '/')
		n++;
	name = cul_slice(tag.data, n);
	if (!n || alone) /* <processes/> */
		return CUL_OK;
	if (cul_is(name, CUL_LIT("nvidia_smi_log"))) { /* another one, its end may be missing */
		r->depth = r->lost = 0;
		r->ended = false;
		enum cul_status status = cul_nvidia_log_end(parse, r->log);
		if (status != CUL_OK)
			return status;
	}
	return open_element(parse, r, line, name, cul_from(tag, n));
}

static int
xml_bid(const struct cul_head *head)
{
	for (size_t i = 0; i < head->count && i < 4; i++) {
		struct cul_slice line = cul_trim(head->lines[i].text);

		if (cul_starts(line, CUL_LIT("<nvidia_smi_log>")) || cul_starts(line, CUL_LIT("<!DOCTYPE nvidia_smi_log")))
			return 48;
		if (line.size && !cul_starts(line, CUL_LIT("<?xml")))
			return 0;
		if (cul_has(line, CUL_LIT("<nvidia_smi_log>")))
			return 48;
	}
	return 0;
}

static enum cul_status
xml_section(struct cul_parse *parse)
{
	struct reader *r = cul_keep_bytes(parse, sizeof(*r));
	struct cul_line line;
	enum cul_status status = CUL_OK;

	if (!r || !(r->log = cul_nvidia_log_new(parse)))
		return CUL_ENOMEM;
	while (status == CUL_OK && cul_line_next(parse, &line)) {
		struct cul_slice text = cul_trim(line.text);

		if (r->ended && text.size && (text.data[0] != '<' || (cul_kept_much(parse) && cul_starts(text, CUL_LIT("<?xml"))))) {
			cul_line_back(parse);
			break;
		}
		for (size_t i = 0; i <= line.text.size && status == CUL_OK; i++) {
			char c = i < line.text.size ? line.text.data[i] : '\n';

			if (r->in_tag && c == '>') {
				r->in_tag = false;
				status = take_tag(parse, r, &line);
			} else if (r->in_tag) {
				if (r->tag_size < sizeof(r->tag))
					r->tag[r->tag_size++] = c == '\n' ? ' ' : c;
			} else if (c == '<') {
				r->in_tag = true;
				r->tag_size = 0;
			} else if (r->leaf && r->value_size < sizeof(r->value)) {
				r->value[r->value_size++] = c;
			}
		}
	}
	return status == CUL_OK ? cul_nvidia_log_end(parse, r->log) : status;
}

const struct cul_parser cul_parser_nvidia_xml = {
	.name = "nvidia_xml",
	.about = "nvidia-smi -q -x: the same as XML",
	.kinds = CUL_NVIDIA_LOG_KINDS,
	.needles = CUL_LIST("<nvidia_smi_log>", "<!DOCTYPE nvidia_smi_log"),
	.first = CUL_LIST("<"),
	.bid = xml_bid,
	.section = xml_section,
};
