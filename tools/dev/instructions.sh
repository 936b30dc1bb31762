#!/bin/sh
# SPDX-License-Identifier: MIT
# Counts instructions per message with callgrind, by the difference between two sizes, and
# compares them with tests/instructions.tsv within 2 percent. Lower is fine and is said.
#
#   tools/dev/instructions.sh PROGRAM [--record]
set -u
program=$1
record=${2-}
here=$(cd "$(dirname "$0")/../.." && pwd)
table=$here/tests/instructions.tsv
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT

count() { # workload size trace
    valgrind --tool=callgrind --callgrind-out-file="$scratch/out" "$program" bench "$1" "$2" \
        --trace "$3" --pass 100000 2>&1 >/dev/null | sed -n 's/.*refs: *//p' | tr -d ','
}

failed=0
while IFS='	' read -r name workload trace small large wanted; do
    case $name in "" | "#"*) continue ;; esac
    a=$(count "$workload" "$small" "$trace")
    b=$(count "$workload" "$large" "$trace")
    [ -n "$a" ] && [ -n "$b" ] || { echo "instructions: $name did not run"; failed=1; continue; }
    each=$(awk "BEGIN { printf \"%.1f\", ($b - $a) / ($large - $small) }")
    if [ "$record" = --record ]; then
        printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$workload" "$trace" "$small" "$large" "$each"
        continue
    fi
    verdict=$(awk "BEGIN { print (($each > $wanted * 1.02 + 0.5) ? \"MORE\" : (($each < $wanted * 0.98 - 0.5) ? \"less: record it\" : \"ok\")) }")
    printf '%-16s %8s instructions, %8s recorded: %s\n' "$name" "$each" "$wanted" "$verdict"
    [ "$verdict" = MORE ] && failed=1
done <"$table"
exit $failed
