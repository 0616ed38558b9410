#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How fast against the tools that everybody has, side by side in one run. usage: tests/bench.sh CULPRIT [MIB]
set -eu
culprit=$1
mib=${2:-128}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$(dirname "$0")/.."

# ordinary lines of a kernel log and of a server, each with a time and a number of its own, and one that matters in each 20,000
awk -v bytes=$((mib * 1048576)) 'BEGIN {
	srand(7)
	for (n = 0; size < bytes; n++) {
		if (n % 20000 == 19999)
			line = sprintf("[%12.6f] EXT4-fs warning (device nvme0n1p2): ext4_dx_add_entry:2461: Directory (ino: %d) index full", n / 100, n)
		else if (n % 3)
			line = sprintf("[%12.6f] audit: type=1400 audit(1571524179.258:%d): apparmor=\"ALLOWED\" operation=\"open\" name=\"/proc/%d/cmdline\" pid=%d", n / 100, n, rand() * 99999, rand() * 99999)
		else
			line = sprintf("[%12.6f] veth%07x: renamed from eth0 by container %08x", n / 100, n, rand() * 4294967295)
		print line
		size += length(line) + 1
	}
}' > "$scratch/dmesg.txt"
gzip -1 -k "$scratch/dmesg.txt"
zstd -q -1 -k "$scratch/dmesg.txt" 2>/dev/null || true

took() { # name, command...
	name=$1
	shift
	"$@" > /dev/null 2>&1 || true # once for the page cache
	start=$(date +%s%N)
	"$@" > /dev/null 2>&1 || true
	end=$(date +%s%N)
	ms=$(((end - start) / 1000000))
	printf '%-34s %6d ms  %6d MiB/s\n' "$name" "$ms" $((mib * 1000 / (ms > 0 ? ms : 1)))
}

printf '%d MiB of log, wall time, second run of each\n' "$mib"
took "wc -l" wc -l "$scratch/dmesg.txt"
took "grep -c of ten words" grep -c -F -e "Xid (PCI" -e "blocked for more than" -e "Out of memory" -e "BUG:" -e "soft lockup" \
	-e "ring gfx timeout" -e "queue evicted" -e "Hardware Error" -e "I/O error" -e "link is not ready" "$scratch/dmesg.txt"
took "culprit, plain" "$culprit" -q "$scratch/dmesg.txt"
took "gzip -dc" gzip -dc "$scratch/dmesg.txt.gz"
took "culprit, .gz" "$culprit" -q "$scratch/dmesg.txt.gz"
if [ -f "$scratch/dmesg.txt.zst" ]; then
	took "zstd -dc" zstd -q -dc "$scratch/dmesg.txt.zst"
	took "culprit, .zst" "$culprit" -q "$scratch/dmesg.txt.zst"
fi
printf '[    1.000000] Linux version 6.1.0\n' > "$scratch/small.txt"
took "culprit, one line (start to exit)" "$culprit" -q "$scratch/small.txt"
