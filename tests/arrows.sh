#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Includes go down the stairs and never up; parsers stay short. usage: tests/arrows.sh SOURCE-ROOT
set -u
cd "${1:-.}" || exit 2
bad=0

wrong() { printf '%s\n' "$*"; bad=1; }

# room: what of ours it may include, as a shell pattern list
allowed() { # room, include
	case $2 in
	*/*) ;;
	*) return 0 ;; # a neighbour in the same folder, or made by meson for it
	esac
	case $1 in
	include) case $2 in culprit/*) return 0 ;; esac ;;
	base) case $2 in base/* | culprit/types.h | culprit/sandbox.h) return 0 ;; esac ;;
	parsers) case $2 in base/* | parsers/* | culprit/types.h | culprit/bundle.h | culprit/dump.h | culprit/parse.h) return 0 ;; esac ;;
	store) case $2 in base/* | store/* | culprit/types.h | culprit/parse.h | culprit/store.h) return 0 ;; esac ;;
	rules) case $2 in base/* | rules/* | culprit/types.h | culprit/store.h | culprit/rules.h) return 0 ;; esac ;;
	report) case $2 in base/* | report/* | culprit/types.h | culprit/store.h | culprit/rules.h | culprit/report.h) return 0 ;; esac ;;
	archive) case $2 in base/* | archive/* | culprit/types.h | culprit/store.h | culprit/rules.h | culprit/report.h | culprit/archive.h) return 0 ;; esac ;;
	cli) case $2 in cli/* | culprit/culprit.h) return 0 ;; esac ;;
	esac
	return 1
}

for room in include base parsers store rules report archive cli; do
	[ -d "$room" ] || continue
	list=$(find "$room" -name '*.[ch]' -exec grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' {} + 2>/dev/null |
		sed -E 's/^([^:]*):([0-9]*):[^"]*"([^"]*)".*/\1 \2 \3/')
	# set -f: an include is no pattern of ours
	set -f
	while read -r file line name; do
		[ -n "$file" ] || continue
		case $file:$name in rules/mkpack*:parsers/fields.*) continue ;; esac # a program of the build: it names fields by what C calls them
		allowed "$room" "$name" || wrong "$file:$line: $room/ may not include \"$name\""
		case $name in *..*) wrong "$file:$line: an include that climbs: \"$name\"" ;; esac
	done <<LIST
$list
LIST
	set +f
done

# one parser, one format, short enough to read at once
for file in $(find parsers/envelope parsers/message parsers/capture parsers/dump -name '*.c' 2>/dev/null); do
	n=$(wc -l < "$file")
	[ "$n" -le 480 ] || wrong "$file: $n lines; a parser has about 400 at most"
done
for file in $(find include base parsers store rules report archive cli tests -name '*.[ch]' 2>/dev/null); do
	n=$(wc -l < "$file")
	[ "$n" -le 980 ] || wrong "$file: $n lines; a file has about 900 at most"
	head -n 1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || wrong "$file: does not begin with its licence"
done

# what is not to be used on input
if grep -nE '(^|[^_[:alnum:]])(strtok|strcpy|atoi|atol|gets)[[:space:]]*\(' \
	$(find base parsers store rules report archive cli -name '*.[ch]' 2>/dev/null) /dev/null; then
	wrong "strtok, strcpy, atoi, gets: not here"
fi
exit $bad
