#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every test in every build: gcc, clang, and ASan with UBSan; those with threads under TSan. Closes with the counts of each and of all.
set -u
cd "$(dirname "$0")/.." || exit 2

failed_any=0
passed_all=0
failed_all=0
skipped_all=0
lines=

count() { # build, result
	grep -c "\"result\": \"$2\"" "$1/meson-logs/testlog.json" 2>/dev/null || true
}

one() { # build, compiler, suite or "", options
	build=$1
	compiler=$2
	suite=$3
	shift 3
	if [ ! -f "$build/build.ninja" ]; then
		CC=$compiler meson setup "$build" "$@" || return 1
	else # incidents are listed when a build is configured
		meson setup --reconfigure "$build" >/dev/null || return 1
	fi
	rm -f "$build/meson-logs/testlog.json"
	ninja -C "$build" ${suite:+cli/culprit tests/tool} || return 1
	meson test -C "$build" ${suite:+--suite "$suite"} --no-rebuild --print-errorlogs --timeout-multiplier "${TIMEOUT_MULTIPLIER:-3}"
}

# a folder that another compiler or option set is in would test the wrong thing: each has its own
for name in gcc clang asan tsan; do
	case $name in
	gcc) one build-gcc gcc '' --buildtype debugoptimized --werror ;;
	clang) one build-clang clang '' --buildtype debugoptimized --werror ;;
	asan) ASAN_OPTIONS=detect_leaks=${DETECT_LEAKS:-1} UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		one build-asan gcc '' --buildtype debugoptimized -Db_sanitize=address,undefined -Db_lundef=false ;;
	tsan) TSAN_OPTIONS=exitcode=66 one build-tsan gcc threads --buildtype debugoptimized -Db_sanitize=thread -Db_lundef=false ;;
	esac
	status=$?
	passed=$(count build-$name OK)
	skipped=$(count build-$name SKIP)
	failed=0
	for result in FAIL ERROR TIMEOUT UNEXPECTEDPASS; do
		n=$(count build-$name $result)
		failed=$((failed + ${n:-0}))
	done
	passed=${passed:-0}
	if [ $status != 0 ]; then
		failed_any=1
		# it did not build: that is one failure, not none
		[ "$failed" = 0 ] && failed=1
	fi
	passed_all=$((passed_all + passed))
	failed_all=$((failed_all + failed))
	skipped_all=$((skipped_all + ${skipped:-0}))
	lines="$lines$(printf '%-6s %d passed, %d failed' build-$name "$passed" "$failed")
"
done

printf '\n%s' "$lines"
printf '%d passed, %d failed\n' "$passed_all" "$failed_all"
[ $failed_any = 0 ] && [ $failed_all = 0 ] && [ $passed_all -gt 0 ]
