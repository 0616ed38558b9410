#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job under valgrind: no bad access, nothing uninitialised, nothing lost. usage: tests/valgrind.sh CULPRIT SOURCE-ROOT
# PCRE2's compiled patterns read whole words behind a subject's end, on purpose: such code has no name and no object ("???").
set -u
command -v valgrind >/dev/null 2>&1 || { echo "valgrind is not here"; exit 77; }
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# 3.19 can't read the DWARF 5 that clang writes
valgrind -q --log-file="$scratch/log" "$1" --version > /dev/null 2>&1 || { echo "this valgrind can't run this build:"; head -n 3 "$scratch/log"; exit 77; }
bad=0
export NO_COLOR=1
job() { # ARGS...
	valgrind --leak-check=full --errors-for-leak-kinds=definite --smc-check=all-non-file --log-file="$scratch/log" \
		"$culprit" "$@" --no-sandbox > "$scratch/out" 2> "$scratch/err" || { echo "$*: exit status $?"; bad=1; }
	[ -s "$scratch/out" ] || { echo "$*: nothing was printed"; bad=1; }
	awk -v job="$*" '
		{ sub(/^==[0-9]+== ?/, "") }
		/^(Invalid|Conditional jump|Use of uninit|Syscall param|Mismatched|Source and dest|[0-9,]+ .*definitely lost in)/ { what = $0; next }
		what != "" && /^ +(at|by) / { if ($0 !~ /: \?\?\?/) { print job ": " what; print $0; found = 1 } what = ""; next }
		END { exit found }' "$scratch/log" || bad=1
	grep -q "ERROR SUMMARY" "$scratch/log" || { echo "$*: valgrind did not finish"; bad=1; }
}

culprit=$1
incidents=$2/samples/incidents
job "$incidents/ollama-amd-queue-evicted"
job --json "$incidents/lmdeploy-tp-hang"
job scan -o "$scratch/x.culprit" "$incidents/nvidia-memory-held-orphan"
tar -C "$incidents" -czf "$scratch/x.tar.gz" llama3-memory-leak
job -j 2 "$scratch/x.tar.gz" "$incidents/ollama-cpu-bound"
exit $bad
