#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install what is missing, and only then. usage: tests/deps.sh build|all
# Debian and Ubuntu are installed for; elsewhere the packages are named and the reader installs them.
set -eu
what=${1:-all}

say() { printf '%s\n' "$*" >&2; }

# present NAME...: libraries by pkg-config name, tools by command
libraries="libpcre2-8 sqlite3 libzstd libcjson libarchive liblzma yaml-0.1 zlib"
tools="meson ninja pkg-config"
cmocka=
if [ "$what" = all ]; then
	libraries="$libraries cmocka"
	tools="$tools gcc clang valgrind"
fi

missing=
for tool in $tools; do
	command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
command -v cc >/dev/null 2>&1 || missing="$missing cc"
if command -v pkg-config >/dev/null 2>&1; then
	for library in $libraries; do
		pkg-config --exists "$library" 2>/dev/null || missing="$missing $library"
	done
else
	missing="$missing $libraries"
fi
# clang's sanitizer and fuzzer runtimes are a package of their own on some systems
if [ "$what" = all ] && command -v clang >/dev/null 2>&1; then
	scratch=$(mktemp -d)
	trap 'rm -rf "$scratch"' EXIT
	echo 'int main(void) { return 0; }' > "$scratch/a.c"
	clang -fsanitize=address "$scratch/a.c" -o "$scratch/a" >/dev/null 2>&1 || missing="$missing clang-runtime"
fi
[ -z "$missing" ] && exit 0
say "missing:$missing"

root=
if [ "$(id -u)" != 0 ]; then
	root=sudo
fi

if command -v apt-get >/dev/null 2>&1; then
	if [ -n "$root" ] && ! command -v sudo >/dev/null 2>&1; then
		say "deps: neither root nor sudo; as root run: apt-get install gcc meson ninja-build pkg-config libpcre2-dev libsqlite3-dev libzstd-dev libcjson-dev libarchive-dev liblzma-dev libyaml-dev zlib1g-dev libbz2-dev libcmocka-dev clang"
		exit 1
	fi
	packages="gcc libc6-dev meson ninja-build pkg-config libpcre2-dev libsqlite3-dev libzstd-dev libcjson-dev
		libarchive-dev liblzma-dev libyaml-dev zlib1g-dev libbz2-dev"
	$root apt-get update -qq >&2 || say "deps: apt-get update failed; trying with the lists at hand"
	# of these a release may lack one; they make culprit faster or safer, not complete
	for optional in libisal-dev libseccomp-dev libjq-dev libdw-dev; do
		if apt-cache show "$optional" >/dev/null 2>&1; then
			packages="$packages $optional"
		fi
	done
	if [ "$what" = all ]; then
		packages="$packages clang libcmocka-dev valgrind"
		# what the pass over literals is compared with
		for optional in libvectorscan-dev libhyperscan-dev; do
			if apt-cache show "$optional" >/dev/null 2>&1; then
				packages="$packages $optional"
				break
			fi
		done
		# clang 14 has its runtime beside it in a package named by version; before, it came along
		version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9][0-9]*\)$/\1/p' | head -n 1)
		if [ -n "$version" ] && apt-cache show "libclang-rt-$version-dev" >/dev/null 2>&1; then
			packages="$packages libclang-rt-$version-dev"
		elif [ -n "$version" ] && apt-cache show "libclang-common-$version-dev" >/dev/null 2>&1; then
			packages="$packages libclang-common-$version-dev"
		fi
	fi
	# shellcheck disable=SC2086
	$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
	exit 0
fi

say "deps: install these, then try again:"
if command -v dnf >/dev/null 2>&1; then
	say "  dnf install gcc clang compiler-rt libasan libubsan meson ninja-build pkgconf-pkg-config pcre2-devel sqlite-devel libzstd-devel cjson-devel libcmocka-devel libarchive-devel xz-devel libyaml-devel zlib-devel bzip2-devel isa-l-devel libseccomp-devel"
elif command -v pacman >/dev/null 2>&1; then
	say "  pacman -S --needed gcc clang compiler-rt meson ninja pkgconf pcre2 sqlite zstd cjson cmocka libarchive xz libyaml zlib bzip2 isa-l libseccomp"
elif command -v apk >/dev/null 2>&1; then
	say "  apk add gcc musl-dev linux-headers clang compiler-rt meson ninja pkgconf pcre2-dev sqlite-dev zstd-dev cjson-dev cmocka-dev libarchive-dev xz-dev yaml-dev zlib-dev bzip2-dev isa-l-dev libseccomp-dev"
elif command -v brew >/dev/null 2>&1; then
	say "  brew install meson ninja pkg-config pcre2 sqlite zstd cjson cmocka libarchive xz libyaml isa-l"
else
	say "  a C compiler, meson, ninja, pkg-config; PCRE2, SQLite, zstd, cJSON, libarchive, liblzma, libyaml, zlib; cmocka for the tests"
fi
exit 1
