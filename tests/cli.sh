#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The tool from outside: what it prints, where, and its exit status. usage: tests/cli.sh CULPRIT SOURCE-ROOT TOOL
set -u
culprit=$1
samples=$2/samples/incidents
tool=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HOME="$scratch" NO_COLOR=1
unset CULPRIT_RULES
bad=0

fail() { printf 'FAIL %s\n' "$*"; bad=1; }

# run STATUS NAME ARGS...: stdout and stderr in files; the status must be this one
run() {
	want=$1
	name=$2
	shift 2
	"$culprit" "$@" > "$scratch/out" 2> "$scratch/err" < "${input:-/dev/null}"
	got=$?
	[ $got = "$want" ] || { fail "$name: exit status $got, not $want"; head -n 3 "$scratch/err"; }
}
says() { # NAME FILE PATTERN
	grep -qE -- "$3" "$scratch/$2" || { fail "$1: $2 does not say /$3/"; head -n 5 "$scratch/$2"; }
}
silent() { # NAME FILE
	[ ! -s "$scratch/$2" ] || { fail "$1: $2 is not empty"; head -n 5 "$scratch/$2"; }
}
leads() { # NAME CAUSE: the JSON in out
	lead=$("$tool" json < "$scratch/out") || { fail "$1: the JSON breaks its promise"; return; }
	[ "$lead" = "$2" ] || fail "$1: $lead leads, not $2"
}

first=$samples/ollama-amd-queue-evicted
cause=amdgpu.queue-evicted-hang

# threads change nothing: many bundles, one of many blocks, packed, a tree of small files
many=$(ls -d "$samples"/*)
awk 'BEGIN { for (i = 1; i <= 60000; i++) printf "[%6d.%06d] %s\n", i, i, i % 9973 ? "usb 1-4: new high-speed USB device number " i : "NVRM: Xid (PCI:0000:3b:00): 79, pid=" i ", name=python3, GPU has fallen off the bus." }' > "$scratch/long.log"
gzip -k "$scratch/long.log"
tar -C "$samples" -cf "$scratch/small.tar" .
head -c 300000 "$scratch/small.tar" > "$scratch/cut.tar" # and one that ends in the midst of a file
for input_path in "$many" "$scratch/long.log" "$scratch/long.log.gz" "$scratch/small.tar" "$scratch/cut.tar" "$samples"; do
	for jobs in 1 2 5; do
		# shellcheck disable=SC2086
		"$culprit" --json -j $jobs $input_path > "$scratch/jobs$jobs" 2> "$scratch/err" || fail "--jobs $jobs: exit status $?"
	done
	[ -s "$scratch/jobs1" ] && cmp -s "$scratch/jobs1" "$scratch/jobs2" && cmp -s "$scratch/jobs1" "$scratch/jobs5" || fail "--jobs changes what is found in ${input_path##*/}"
done
run 2 "no number of threads" -j 0 "$first"

# a log that was cut in its last line ends when that line says, whether anybody listened to it or not
awk 'BEGIN { for (i = 0; i < 50; i++) printf "Nov 21 02:00:%02d.123456 host app[12]: run-\\x2d %d\n", i, i; printf "Nov 21 02:01:07.654321 host app[12]: cut he" }' > "$scratch/torn.log"
run 0 "a torn log" --json "$scratch/torn.log"
says "a torn log" out '"last":[[:space:]]*"[0-9]{4}-11-21T02:01:07[.]654'

# a rule's log lies beside it: read from inside the sandbox, too
for rule in "$2"/tests/cre/*.yaml; do [ -f "${rule%.yaml}.hit.log" ] && break; done
run 0 "rules check of one CRE file" rules check --no-builtin "$rule"
silent "rules check of one CRE file" err

# wrong use: a sentence, and 2
run 2 "an option nobody knows" --frobnicate "$first"
says "an option nobody knows" err frobnicate
run 2 "no argument"
run 2 "a case and no output" scan "$first"
run 0 help --help
says help out usage
run 2 "an option of other commands" -o "$scratch/page.html" "$first"
says "an option of other commands" err 'no option -o; these do: scan, report, label'
run 2 "a format nobody knows" --format pdf "$first"
says "a format nobody knows" err 'pdf.*not understood.*markdown'
run 2 "a page of two" --format html "$first" "$first"
says "a page of two" err 'culprit report -o'
run 0 "the options of what needs no command" analyse --help
says "the options of what needs no command" out '--baseline'
# the manual knows them all
for option in $(sed -n 's/^	{ "\([a-z-]*\)", .*, .*, .*, ".*" },$/\1/p' "$2/cli/main.c"); do
	sed 's/\\-/-/g' "$2/cli/culprit.1" | grep -q -- "--$option" || fail "the manual lacks --$option"
done
run 0 version --version
says version out '[0-9]+\.[0-9]+\.[0-9]+'

# progress: nothing by itself where there is no terminal; asked for, a line with the share, of a folder as well
run 0 "no progress" -q "$first"
silent "no progress" err
run 0 progress --progress -q "$first"
says progress err '100 %.* of .*/s'
run 0 "progress and not" --progress --no-progress -q "$first"
silent "progress and not" err

# not there, not readable: a sentence that names it, and 3
run 3 "an absent file" "$scratch/absent.txt"
says "an absent file" err 'absent\.txt.*No such file'
silent "an absent file" out
: > "$scratch/closed.txt"
chmod 000 "$scratch/closed.txt"
if [ "$(id -u)" != 0 ]; then
	run 3 "a closed file" "$scratch/closed.txt"
	says "a closed file" err 'closed\.txt.*Permission denied'
fi
# opens, and then fails to be read: said, wherever
"$culprit" /proc/self/mem > "$scratch/out" 2>&1 < /dev/null
says "a file that fails to be read" out 'Input/output error'

# seconds since the boot where there is no wall clock
printf '<1>[  312.223456][ T4567] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000018\n<4>[  312.223470][ T4567] Internal error: Oops: 96000005 [#1] PREEMPT SMP\n' > "$scratch/android.txt"
run 0 "a kernel log without a date" "$scratch/android.txt"
says "a kernel log without a date" out 'First bad: 312\.2 s after the boot'

# a narrow terminal
if command -v script > /dev/null && script -qec "stty cols 72; $culprit --no-progress $first" /dev/null > "$scratch/out" 2> /dev/null < /dev/null; then
	says "a narrow terminal" out CULPRIT
	sed 's/…/./g; s/×/x/g' "$scratch/out" | tr -d '\r' | awk 'length($0) > 72 { exit 1 }' || fail "a narrow terminal: longer lines"
fi

# Ctrl-C leaves neither half a case nor a folder behind
mkdir "$scratch/tmp"
mkfifo "$scratch/slow.log"
(sleep 20 > "$scratch/slow.log") &
sleeper=$!
TMPDIR=$scratch/tmp timeout -s INT 1 "$culprit" scan "$scratch/slow.log" -o "$scratch/cut.culprit" > /dev/null 2>&1
[ $? = 124 ] || fail "Ctrl-C: it ended by itself"
kill $sleeper 2> /dev/null
[ -z "$(ls "$scratch/tmp")" ] || fail "Ctrl-C: left its folder"
[ ! -e "$scratch/cut.culprit.tmp" ] && [ ! -e "$scratch/cut.culprit" ] || fail "Ctrl-C: left half a case"

# nothing in it: analysed, no lead
: > "$scratch/empty.txt"
run 0 "an empty file" "$scratch/empty.txt"
[ -s "$scratch/out" ] || fail "an empty file: not a word"
run 0 "an empty file" --json "$scratch/empty.txt"
leads "an empty file" null
mkdir "$scratch/nothing"
run 0 "an empty folder" --json "$scratch/nothing"
leads "an empty folder" null
head -c 200000 "$culprit" > "$scratch/binary.bin"
run 0 "a binary" --json "$scratch/binary.bin"
leads "a binary" null
printf 'hello\n' > "$scratch/hello.txt"
run 0 "a greeting" --json "$scratch/hello.txt"
leads "a greeting" null
run 0 "a greeting" "$scratch/hello.txt"
says "a greeting" out '1 file, 1 line, 6 B'
printf '2025-11-13T10:00:00Z a: one\n2025-11-13T10:00:09Z a: two\n' > "$scratch/day.txt"
run 0 "a day" "$scratch/day.txt"
says "a day" out '; 2025-11-13 10:00:00 … 10:00:09 UTC; [0-9.]+ s$'
head -c 300000 /dev/urandom > "$scratch/random.log"
run 0 "random bytes" --json "$scratch/random.log"
leads "random bytes" null

if [ -d "$first" ]; then
	# the report is on stdout and nothing else is anywhere
	run 0 "the first incident" "$first"
	says "the first incident" out "$cause"
	silent "the first incident" err
	lines=$(wc -l < "$scratch/out")
	[ "$lines" -gt 10 ] || fail "the first incident: $lines lines of report"
	if grep -q "$(printf '\033')" "$scratch/out"; then
		fail "colours in a file"
	fi
	run 0 "in JSON" --json "$first"
	leads "in JSON" $cause
	run 0 "in Chinese" --lang zh --json "$first"
	leads "in Chinese" $cause
	run 1 "--fail-on" --fail-on err "$first"

	# however it is packed
	mkdir "$scratch/bundle"
	for file in "$first"/*; do
		case $file in */case.json) ;; *) cp "$file" "$scratch/bundle/" ;; esac
	done
	(cd "$scratch/bundle" && tar cf ../bundle.tar -- * && cd .. && gzip -kf bundle.tar && cat bundle/* > all.txt)
	"$tool" zip "$scratch/bundle.zip" "$scratch"/bundle/* || fail "no zip"
	mkdir "$scratch/nested"
	cp "$scratch/bundle.zip" "$scratch/nested/files.zip"
	(cd "$scratch/nested" && tar czf ../upload.tar.gz files.zip)
	for pack in bundle bundle.tar bundle.tar.gz bundle.zip upload.tar.gz all.txt; do
		run 0 "$pack" --json "$scratch/$pack"
		leads "$pack" $cause
	done
	input=$scratch/bundle.tar.gz
	run 0 "standard input" --json -
	leads "standard input" $cause
	input=/dev/null

	# torn: what was read is judged, the damage is said
	size=$(wc -c < "$scratch/bundle.tar.gz")
	head -c $((size / 2)) "$scratch/bundle.tar.gz" > "$scratch/torn.tar.gz"
	run 0 "a torn archive" "$scratch/torn.tar.gz"
	says "a torn archive" out '[Dd]amaged: .*(cut off|ends early|torn|truncated)'
	run 0 "a torn archive" --json "$scratch/torn.tar.gz"
	"$tool" json < "$scratch/out" > /dev/null || fail "a torn archive: its JSON"
	head -c 20 "$scratch/bundle.tar.gz" > "$scratch/stub.tar.gz"
	run 0 "an archive's first bytes" --json "$scratch/stub.tar.gz"
	leads "an archive's first bytes" null
	head -c 5000 "$scratch/bundle/dmesg.txt" > "$scratch/dmesg-torn.txt"
	run 0 "a torn log" --json "$scratch/dmesg-torn.txt"

	# a case: written, judged again, asked
	run 0 "scan" scan "$first" -o "$scratch/a.culprit"
	[ -s "$scratch/a.culprit" ] || fail "scan: no case"
	[ ! -e "$scratch/a.culprit.tmp" ] || fail "scan: left its temporary file"
	run 0 "judge" judge --json "$scratch/a.culprit"
	leads "judge" $cause
	run 0 "report" report --format markdown "$scratch/a.culprit"
	says "report" out "$cause"
	run 0 "label" label "$scratch/a.culprit" $cause
	says "label" out 'the rules agree'
	says "label" a.culprit.label.json "\"cause\": \"$cause\""
	run 0 "label of another" label "$scratch/a.culprit" none -o "$scratch/other.json"
	says "label of another" out 'say otherwise'
	says "label of another" other.json '"cause": null'
	run 2 "label of no cause" label "$scratch/a.culprit" amdgpu.queue-evicted-hung
	says "label of no cause" err "did you mean $cause"
	run 3 "label of no case" label "$scratch/hello.txt" none
	run 3 "label of nothing" label "$scratch/absent" none
	run 0 "page" report -o "$scratch/page.html" "$scratch/a.culprit"
	cp "$scratch/page.html" "$scratch/out"
	says "page" out '^<!doctype html>'
	says "page" out 'default-src .none.'
	run 0 "graph" report --format dot "$scratch/a.culprit"
	says "graph" out '^digraph culprit \{'
	says "graph" out '^  f1 \[label="1\. .*amdgpu\.queue-evicted-hang'
	says "graph" out '^  f1 -> f[0-9]+ \[label='
	says "graph" out '^  f[0-9]+ -> f1 \[.*dashed'
	says "graph" out '^\}'
	run 0 "sql" sql "$scratch/a.culprit" "SELECT count(*) FROM observation"
	says "sql" out '[0-9]'
	run 0 "explain" explain $cause "$scratch/a.culprit"
	says "explain" out "$cause"
	run 0 "timeline" timeline "$scratch/a.culprit"
	cp "$scratch/a.culprit" "$scratch/b.culprit"
	run 3 "a folder that is not there" scan "$first" -o "$scratch/absent/c.culprit"
	head -c 3000 "$scratch/a.culprit" > "$scratch/torn.culprit"
	run 3 "a torn case" judge "$scratch/torn.culprit"

	# the same twice is the same
	"$culprit" --json "$first" > "$scratch/one" 2> /dev/null
	"$culprit" --json "$first" > "$scratch/two" 2> /dev/null
	grep -v '"seconds"' "$scratch/one" > "$scratch/one.bare"
	grep -v '"seconds"' "$scratch/two" > "$scratch/two.bare"
	cmp -s "$scratch/one.bare" "$scratch/two.bare" || fail "two runs differ"

	# locked in or not: the same
	run 0 "no sandbox" --no-sandbox --json "$first"
	grep -v '"seconds"' "$scratch/out" > "$scratch/two.bare"
	cmp -s "$scratch/one.bare" "$scratch/two.bare" || fail "the sandbox changes the report"
	mkdir "$scratch/spool"
	TMPDIR="$scratch/spool" "$culprit" -q "$first" > /dev/null 2>&1
	rmdir "$scratch/spool" || fail "the sandbox leaves its spool folder"
fi

run 0 "rules list" rules list
says "rules list" out "$cause"
run 2 "a rule that is not there" rules show no.such-rule

# what the user says beside the input changes the order and the lead, and hides nothing
mkdir "$scratch/pair" "$scratch/good"
{
	echo '2026-11-21T01:00:00.000000+00:00 alpha kernel: NVRM: Xid (PCI:0000:3b:00): 79, pid=4242, name=python3, GPU has fallen off the bus.'
	echo '2026-11-21T01:00:01.000000+00:00 alpha kernel: frobnet eth7: doorbell 12 failed with error -5'
	echo '2026-11-21T05:00:00.000000+00:00 beta kernel: NVRM: Xid (PCI:0000:5e:00): 79, pid=77, name=python3, GPU has fallen off the bus.'
	echo '2026-11-21T05:00:01.000000+00:00 beta kernel: wobble 3 failed: unit 7 is not ready, error -110'
} > "$scratch/pair/messages"
echo '2026-11-20T01:00:01.000000+00:00 alpha kernel: frobnet eth7: doorbell 99 failed with error -5' > "$scratch/good/messages"
xid=nvidia.xid-79-fallen-off-bus
leading() { # NAME PATTERN: the entities of the first finding
	tr -d '\n\t ' < "$scratch/out" | sed 's/.*"findings":\[{"order":1,//; s/"evidence".*//' | grep -qE -- "$2" || fail "$1: the first finding has no $2"
}
run 0 "without --about" --json "$scratch/pair"
leading "without --about" '"host":"alpha"'
for about in beta 0000:5e:00.0 5e:00.0 77; do
	run 0 "--about $about" --json --about $about "$scratch/pair"
	leading "--about $about" '"host":"beta"'
	[ "$(grep -c '"cause"' "$scratch/out")" = 2 ] || fail "--about $about: findings are hidden"
done
run 0 "--at" --json --at 2026-11-21T05:00:00Z "$scratch/pair"
leading "--at" '"host":"beta"'
run 2 "--at of no time" --at yesterday "$scratch/pair"
printf '# known in this fleet\n\n%s host=alpha   # ticket 4711\n' $xid > "$scratch/waive"
run 0 "--waive one" --json --waive "$scratch/waive" "$scratch/pair"
leads "--waive one" $xid
says "--waive one" out '"lead":.*2'
says "--waive one" out '"waived":.*"ticket 4711"'
run 1 "--waive one" --fail-on err --waive "$scratch/waive" "$scratch/pair"
says "--waive one" out 'ticket 4711'
printf 'nvidia.*\n' > "$scratch/waive"
run 0 "--waive all" --waive "$scratch/waive" "$scratch/pair"
says "--waive all" out 'known here and waived'
run 0 "--waive all" --json --fail-on err --waive "$scratch/waive" "$scratch/pair"
leads "--waive all" null
[ "$(grep -c '"waived"' "$scratch/out")" = 2 ] || fail "--waive all: not both are told"
printf '\nnvidia.xid-97-fallen-off-bus\n%s hots=alpha\n%s what\n' $xid $xid > "$scratch/waive"
run 2 "--waive with mistakes" --waive "$scratch/waive" "$scratch/pair"
says "--waive with mistakes" err 'waive:2: there is no cause called .*did you mean nvidia'
says "--waive with mistakes" err 'waive:3: there is no entity called "hots"; did you mean host'
says "--waive with mistakes" err 'waive:4: '
run 3 "--waive of no file" --waive "$scratch/absent" "$scratch/pair"
run 0 "before --baseline" --json "$scratch/pair"
says "before --baseline" out 'frobnet'
run 0 "--baseline" --json --baseline "$scratch/good" "$scratch/pair"
leads "--baseline" $xid
says "--baseline" out 'wobble'
says "--baseline" out '"known_templates":.*1'
if grep -q frobnet "$scratch/out"; then
	fail "--baseline: a template that stands there too is shown"
fi
sed 's/beta/alpha/; 1i 2026-11-21T00:00:00.000000+00:00 alpha kernel: Linux version 6.8.0-45-generic (build@host) (gcc 13.2.0) #45-Ubuntu SMP' \
	"$scratch/pair/messages" > "$scratch/newer.log"
sed '1i 2026-11-20T00:00:00.000000+00:00 alpha kernel: Linux version 6.5.0-41-generic (build@host) (gcc 13.2.0) #41-Ubuntu SMP' \
	"$scratch/good/messages" > "$scratch/older.log"
run 0 "--baseline of an older kernel" --baseline "$scratch/older.log" "$scratch/newer.log"
says "--baseline of an older kernel" out 'kernel of alpha: 6\.8\.0-45-generic \(baseline: 6\.5\.0-41-generic\)'
run 0 "--baseline of itself" --json --baseline "$scratch/pair" "$scratch/pair"
[ "$(grep -c '"in_baseline":.*true' "$scratch/out")" = 2 ] || fail "--baseline of itself: findings are not marked"
run 3 "--baseline of no file" --baseline "$scratch/absent" "$scratch/pair"

# what the scan of a case did not look for is not judged, never absent
draft() { # NAME TEXT
	printf 'id: user.%s\ntitle: { en: t, zh: t }\nseverity: err\ncertainty: strong\nmust: { seen: { text: "%s" } }\n' "$1" "$2" > "$scratch/$1.yaml"
}
draft first-kind 'frobnet eth7: doorbell'
draft second-kind 'wobble 3 failed'
run 0 "scan by one rule" scan --no-builtin --rules "$scratch/first-kind.yaml" "$scratch/pair" -o "$scratch/one.culprit"
says "scan by one rule" out 'user.first-kind'
run 0 "judge by another rule" judge --json --no-builtin --rules "$scratch/second-kind.yaml" "$scratch/one.culprit"
leads "judge by another rule" null
tr -d '\n\t' < "$scratch/out" > "$scratch/flat"
says "judge by another rule" flat '"not_judged":.*"cause":.*"user.second-kind".*rescan needed.*"capture":.*culprit scan'
run 0 "judge by both" judge --json --no-builtin --rules "$scratch/second-kind.yaml" --rules "$scratch/first-kind.yaml" "$scratch/one.culprit"
leads "judge by both" user.first-kind
says "judge by both" out 'rescan needed'
run 0 "judge by the same" judge --json --no-builtin --rules "$scratch/first-kind.yaml" "$scratch/one.culprit"
if grep -q 'rescan needed' "$scratch/out"; then
	fail "judge by the same: wants another scan"
fi
draft third-kind 'nobody ever printed that'
run 0 "scan by a rule that is not met" scan --no-builtin --rules "$scratch/third-kind.yaml" "$scratch/pair" -o "$scratch/one.culprit"
run 0 "judge by it" judge --json --no-builtin --rules "$scratch/third-kind.yaml" "$scratch/one.culprit"
if grep -q 'rescan needed' "$scratch/out"; then
	fail "judge by it: absent is absent"
fi
run 0 "add by another rule" scan --add --no-builtin --rules "$scratch/second-kind.yaml" "$scratch/one.culprit" "$scratch/good"
run 0 "judge what was added to" judge --json --no-builtin --rules "$scratch/second-kind.yaml" "$scratch/one.culprit"
says "judge what was added to" out 'rescan needed'
# a CRE rule whose negative term was not looked for does not fire on its positive one alone
cre() { # NEGATE
	printf 'rules:\n  - cre: { id: CRE-2026-0077, severity: 1, title: t }\n    rule: { set: { event: { source: s }, match: ["ledger closed"]%s } }\n' "$1" > "$scratch/cre.yaml"
}
printf '2026-03-14T09:26:53Z h app[1]: ledger closed\n' > "$scratch/ledger.log"
cre ''
run 0 "scan by a CRE rule" scan --no-builtin --rules "$scratch/cre.yaml" "$scratch/ledger.log" -o "$scratch/cre.culprit"
run 0 "judge by the same CRE rule" judge --json --no-builtin --rules "$scratch/cre.yaml" "$scratch/cre.culprit"
leads "judge by the same CRE rule" cre-2026-0077
cre ', negate: ["ledger reopened"]'
run 0 "judge by a CRE rule that asks for more" judge --json --no-builtin --rules "$scratch/cre.yaml" "$scratch/cre.culprit"
leads "judge by a CRE rule that asks for more" null
says "judge by a CRE rule that asks for more" out 'rescan needed'

# a rule to start from: what varies is folded, its own examples come true
mkdir "$scratch/draft"
cat > "$scratch/draft/app.log" <<'END'
2026-11-21T02:00:00Z web frob[123]: shard 17 of 'index events' at /srv/frob/17.db is beyond recovery: 0xdeadbeef, rank=3
{"time":"2026-11-21T02:00:00Z","level":"ERROR","msg":"journal 17 of \"events\" was {torn} at 10.0.0.1:8080"}
[  812.100000] frobnet 0000:3b:00.0: doorbell \ 12 was never answered

12 34
2026-11-21T02:00:00Z web frob[123]: 错误：分片 17 已丢失，无法恢复
END
for line in 1 2 3; do
	run 0 "rules new $line" rules new --from "$scratch/draft" app.log:$line
	cp "$scratch/out" "$scratch/user.yaml"
	silent "rules new $line" err
	run 0 "rules test of draft $line" rules test "$scratch/user.yaml"
done
says "rules new" out ' 0 mistakes'
grep -q 'stream: kernel' "$scratch/user.yaml" || fail "rules new: a kernel line asks for no kernel stream"
run 0 "rules new" rules new --from "$scratch/draft" app.log:1
says "rules new" out 'shard \(\?<number>'
says "rules new" out '\(\?<rank>'
says "rules new" out '\(\?<path>'
run 2 "rules new of an empty line" rules new --from "$scratch/draft" app.log:4
run 2 "rules new of numbers" rules new --from "$scratch/draft" app.log:5
says "rules new of numbers" err 'six bytes'
run 2 "rules new past the end" rules new --from "$scratch/draft" app.log:99
run 0 "rules new of Chinese" rules new --from "$scratch/draft" app.log:6
cp "$scratch/out" "$scratch/user.yaml"
run 0 "rules test of a Chinese draft" rules test "$scratch/user.yaml"
run 2 "rules new without a place" rules new --from "$scratch/draft"
run 2 "rules new of no source" rules new --from "$scratch/draft" other.log:1

# a rule in words: fields in place of expressions, doubled braces as one
run 0 "rules list" rules list kernel
says "rules list" out 'The memory limit of <cgroup> was reached'
run 0 "a rule in words" explain sys.fd-exhausted
says "a rule in words" out "awk '\{print .NF\}'"
run 0 "formats" formats
says "formats" out nvidia_smi

# a year that a log leaves out is that of its sosreport's own date, however late the files were copied
report=$scratch/sosreport-mi-a02-2025-11-04-wjtbqez
mkdir -p "$report/sos_commands/date" "$report/sos_commands/logs"
echo 'Tue Nov  4 12:41:20 UTC 2025' > "$report/sos_commands/date/date"
echo 'Nov 04 11:52:25 mi-a02 kernel: NVRM: Xid (PCI:0000:3b:00): 79, pid=0, GPU has fallen off the bus.' > "$report/sos_commands/logs/journalctl_--no-pager_--boot"
touch -d 2026-11-21 "$report"/sos_commands/*/*
run 0 "the year of a copied sosreport" "$report"
says "the year of a copied sosreport" out 'First bad: 2025-11-04 11:52:25'

# what is read before a garbled place does not hang on the threads
for tool in zstd xz; do
	command -v $tool > /dev/null || continue
	i=0
	while [ $i -lt 60000 ]; do
		i=$((i + 1))
		echo "Nov 21 02:00:59 node7 app[$i]: $((i * 7919 % 65537)) $((i * 104729 % 99991)) ordinary line"
	done | $tool -q -c > "$scratch/garbled.log.$tool"
	printf 'garbled' | dd of="$scratch/garbled.log.$tool" bs=1 seek=$(($(wc -c < "$scratch/garbled.log.$tool") / 2)) conv=notrunc 2> /dev/null
	run 0 "a garbled .$tool" --json --jobs 1 "$scratch/garbled.log.$tool"
	cp "$scratch/out" "$scratch/one"
	run 0 "a garbled .$tool, two threads" --json --jobs 2 "$scratch/garbled.log.$tool"
	cmp -s "$scratch/one" "$scratch/out" || fail "a garbled .$tool: another number of threads, another answer"
	says "a garbled .$tool" one garbled
done

# a pipe that closes early is no crash
"$culprit" formats --all 2> "$scratch/err" | head -n 1 > /dev/null
if grep -qiE 'abort|fault|sanitizer' "$scratch/err"; then
	fail "a pipe that closes early"
fi
exit $bad
