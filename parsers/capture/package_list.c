/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Which packages are installed: dpkg -l, rpm -qa, sos' installed-rpms and installed-debs, pacman -Q, apk info -v.
 *
 *   ||/ Name           Version           Architecture Description                  dpkg -l: dpkg's src/query/main.c
 *   +++-==============-=================-============-=================
 *   ii  libc6:amd64    2.36-9+deb12u4    amd64        GNU C Library: Shared libraries
 *   iU  nvidia-driver  535.216.01-1      amd64        ...                           unpacked, not configured
 *   glibc-2.34-83.el9_3.7.x86_64                                                    rpm -qa: %{nvra}
 *   glibc-2.34-83.el9_3.7.x86_64                 Tue Nov 03 10:02:11 2026           installed-rpms of sos
 *   linux 6.6.2.arch1-1                                                             pacman -Q, dpkg-query -W (with a tab)
 *   musl-1.2.4-r2                                                                   apk info -v
 *
 * A row for each that is there; what dpkg shows as removed (rc, un) is none. Epochs stay out, as in packages.c, and Debian's
 * architecture behind the name. dpkg cuts names and versions to its columns when they are narrow: what ends at the column's edge is still told.
 */
#include <string.h>

#include "parsers/tables.h"

enum form { NONE, DPKG, RPM, PAIRS, APK };

static bool is_arch(struct cul_slice word)
{
	static const char *const names[] = { "x86_64", "noarch", "aarch64", "i686", "i386", "i586", "ppc64le", "s390x", "riscv64", "src", "(none)" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cul_is(word, cul_str(names[i])))
			return true;
	return false;
}

static bool is_name(struct cul_slice text)
{
	bool letter = false;
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		bool here = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!here && !(c >= '0' && c <= '9') && !strchr("+-._:", c))
			return false;
		letter |= here;
	}
	return letter && text.size < 120;
}

static bool is_version(struct cul_slice text)
{
	bool digit = false;
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		digit |= c >= '0' && c <= '9';
		if (c <= ' ' || c >= 0x7f || strchr("()<>\"'/,;|", c))
			return false;
	}
	return digit && text.size < 120;
}

/* "1:2.3-4" -> 2.3-4 */
static struct cul_slice without_epoch(struct cul_slice version)
{
	struct cul_slice rest = version;
	return cul_digits(&rest).size && cul_skip(&rest, CUL_LIT(":")) ? rest : version;
}

struct installed {
	struct cul_slice package, version, arch, status;
};

/* Is the line one of that form? A package that isn't there has no name. */
static bool read_line(enum form form, struct cul_slice line, struct installed *p)
{
	struct cul_slice rest = line, word, head;
	*p = (struct installed){ CUL_NONE };
	if (form == DPKG) {
		if (cul_starts(line, CUL_LIT("||/ Name")) || cul_starts(line, CUL_LIT("+++-")) || cul_starts(line, CUL_LIT("| Status=")) || cul_starts(line, CUL_LIT("|/ Err?=")) ||
		    cul_starts(line, CUL_LIT("Desired=")))
			return true;
		word = cul_word(&rest);
		if (word.size < 2 || word.size > 3 || !memchr("uirph", word.data[0], 5) || !memchr("ncHUFWti", word.data[1], 8))
			return false;
		p->package = cul_word(&rest);
		p->version = cul_word(&rest);
		p->arch = cul_word(&rest);
		if (word.data[1] == 'n' || word.data[1] == 'c')
			return is_name(p->package) ? (p->package = CUL_NONE, true) : false;
		if (!cul_is(word, CUL_LIT("ii")) && !cul_is(word, CUL_LIT("hi")))
			p->status = word;
	} else if (form == RPM) {
		word = cul_word(&rest);
		if (!cul_cut_last(word, CUL_LIT("."), &head, &p->arch) || !is_arch(p->arch) || !cul_cut_last(head, CUL_LIT("-"), &word, &rest) ||
		    !cul_cut_last(word, CUL_LIT("-"), &p->package, &p->version) || !p->package.size || !p->version.size || !rest.size)
			return cul_starts(line, CUL_LIT("gpg-pubkey-"));
		p->version = cul_slice(p->version.data, (size_t)(head.data + head.size - p->version.data));
	} else if (form == PAIRS) {
		p->package = cul_word(&rest);
		p->version = cul_word(&rest);
		if (cul_trim(rest).size)
			return false;
	} else {
		word = cul_word(&rest);
		if (!cul_cut_last(word, CUL_LIT("-r"), &head, &rest) || !cul_all_digits(rest) || !cul_cut_last(head, CUL_LIT("-"), &p->package, &p->version))
			return false;
		p->version = cul_slice(p->version.data, (size_t)(word.data + word.size - p->version.data));
	}
	cul_cut(p->package, CUL_LIT(":"), &p->package, NULL);
	p->version = without_epoch(p->version);
	return is_name(p->package) && is_version(p->version);
}

static enum form form_of(const struct cul_head *head, int *bits)
{
	struct cul_slice command = head->command, name = cul_base_name(head->name), word = head->count ? head->lines[0].text : CUL_NONE;
	struct installed p;
	enum form form = NONE;
	size_t fits[2] = { 0 }, count = head->count < 32 ? head->count : 32;
	*bits = 0;
	if (cul_starts(word, CUL_LIT("Desired=Unknown/Install/Remove")) || cul_starts(word, CUL_LIT("||/ Name")))
		return *bits = 40, DPKG;
	if (!head->begins)
		return NONE;
	if (!command.size && (!name.size || !memchr(name.data, '-', name.size)))
		; /* each of these has a '-' */
	else if (cul_has(command, CUL_LIT("rpm -qa")) || cul_has(name, CUL_LIT("installed-rpms")) || cul_has(name, CUL_LIT("rpm_-qa")) || cul_has(name, CUL_LIT("rpm-qa")))
		form = RPM;
	else if (cul_has(command, CUL_LIT("dpkg -l")) || cul_has(name, CUL_LIT("dpkg_-l")) || cul_has(name, CUL_LIT("dpkg-l")))
		form = DPKG;
	else if (cul_has(command, CUL_LIT("dpkg-query -W")) || cul_has(command, CUL_LIT("pacman -Q")) || cul_has(name, CUL_LIT("pacman_-Q")) || cul_has(name, CUL_LIT("pacman-Q")) ||
		 cul_has(name, CUL_LIT("dpkg-query_-W")) || cul_has(name, CUL_LIT("installed-debs")))
		form = PAIRS;
	else if (cul_has(command, CUL_LIT("apk info -v")) || cul_has(command, CUL_LIT("apk info -vv")) || cul_has(name, CUL_LIT("apk_info_-v")))
		form = APK;
	for (size_t i = 0; i < count && (form != NONE || (count >= 8 && fits[1] == i)); i++) {
		word = cul_trim(head->lines[i].text);
		fits[0] += form != NONE && read_line(form, word, &p);
		fits[1] += read_line(RPM, word, &p) && p.package.size;
	}
	if (form != NONE && count && fits[0] * 4 >= count * 3)
		return *bits = 36, form;
	/* a list without a name: every line is a package of a known architecture */
	if (count >= 8 && fits[1] == count)
		return *bits = 30, RPM;
	return NONE;
}

static int package_list_bid(const struct cul_head *head)
{
	int bits;
	form_of(head, &bits);
	return bits;
}

static enum cul_status package_list_section(struct cul_parse *parse)
{
	struct cul_line lines[32], line;
	struct cul_head head = { .lines = lines, .command = cul_section_command(parse), .name = cul_section_name(parse), .begins = true };
	enum cul_status status = CUL_OK;
	struct installed p;
	enum form form;
	int bits, others = 0;
	while (head.count < 31 && cul_line_peek(parse, head.count, &lines[head.count]))
		head.count++;
	form = form_of(&head, &bits);
	if (form == NONE) /* what it was asked for began with a line that was taken: a table of dpkg's */
		form = DPKG;
	for (; status == CUL_OK && cul_line_next(parse, &line);) {
		struct cul_slice text = cul_trim(line.text);
		if (!text.size)
			continue;
		if (!read_line(form, text, &p)) {
			/* one or two lines may be something else: a warning, a locale's complaint */
			if (++others > 3) {
				cul_line_back(parse);
				return CUL_OK;
			}
			cul_line_also(parse, &line, false);
			continue;
		}
		others = 0;
		if (!p.package.size)
			continue;
		struct cul_record rec = cul_line_record(&line, cul_capture_time(parse));
		status = cul_emit(parse, &rec, "package.installed", cul_text("package", p.package), cul_text("version", p.version), cul_text("arch", p.arch),
				  cul_text("status", p.status));
	}
	return status;
}

const struct cul_parser cul_parser_package_list = {
	.name = "package_list",
	.about = "packages that are installed: dpkg -l, rpm -qa, pacman -Q, apk info",
	.kinds = CUL_KINDS(CUL_SAMPLES("package.installed", 1, "package_list", F_PACKAGE, F_VERSION, F_ARCH, F_STATUS)),
	.needles = CUL_LIST("Desired=Unknown/Install/Remove/Purge/Hold"),
	.bid = package_list_bid,
	.section = package_list_section,
};
