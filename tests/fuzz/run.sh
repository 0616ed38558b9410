#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# libFuzzer on every target for so many seconds each, from samples/. usage: tests/fuzz/run.sh [SECONDS]
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
build=build-fuzz
if [ ! -f $build/build.ninja ]; then
	CC=clang meson setup $build --buildtype debugoptimized -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
fi
ninja -C $build
for target in parse bundle rule dump; do
	corpus=$build/corpus-$target
	mkdir -p "$corpus"
	longest=65536
	[ $target = dump ] && longest=131072 # a dump needs its last page
	case $target in
	rule) seeds=rules ;;
	dump) seeds=samples/dumps ;;
	*) seeds=samples ;;
	esac
	# libFuzzer reads flat folders as well as deep ones; its own finds go to the first
	echo "fuzz-$target: $seconds s"
	ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		$build/tests/fuzz-$target -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=$longest \
		-artifact_prefix="$build/$target-" -print_final_stats=1 "$corpus" $seeds 2>&1 | tail -n 12
done
