#!/bin/sh
# SPDX-License-Identifier: MIT
# The pages agree with the tree: links lead somewhere, public limits are in docs/limits.md,
# folders and examples are named where one looks for them.
#
#   tests/install/docs.sh SOURCE_DIR
set -u
cd "$1" || exit 2
failed=0
say() { echo "docs: $*"; failed=1; }

pages=$(find . -name '*.md' -not -path './build/*' -not -path '*/node_modules/*')
for page in $pages; do
    folder=$(dirname "$page")
    # Code is not searched for links.
    for link in $(awk '/^```/ { code = !code } !code' "$page" | sed 's/`[^`]*`//g' |
        grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//; s/#.*//' | sort -u); do
        case $link in http*) continue ;; esac
        [ -e "$folder/$link" ] || say "$page links to $link, which is not there"
    done
done

for limit in $(grep -ohE '\bTROUPE_[A-Z_]+_MAX\b' include/troupe/*.h | sort -u); do
    case $limit in
    TROUPE_Q_UNARY_MAX | TROUPE_Q_BINARY_MAX | TROUPE_Q_ITERATOR_MAX) continue ;; # q's own
    esac
    grep -q "\`$limit\`" docs/limits.md || say "docs/limits.md does not know $limit"
done
for limit in $(grep -ohE '^ +[a-z_0-9]+ (\*)?[a-z_]*(_limit|_max)\b' include/troupe/*.h |
    awk '{ print $NF }' | sort -u); do
    case $limit in run_max | wait_max | queued_max) continue ;; # counters
    esac
    grep -qE "\.$limit\`" docs/limits.md || say "docs/limits.md does not know the option $limit"
done

for folder in mailbox actors transports bindings tools tests; do
    [ -f "$folder/README.md" ] || say "$folder has no README"
    grep -q "($folder)" README.md || say "README.md does not name $folder"
done
for page in docs/adr/0*.md; do
    grep -q "($(basename "$page"))" docs/adr/README.md || say "docs/adr/README.md does not list $page"
done
[ "$failed" = 0 ] && echo "docs: links, limits and lists agree with the tree"
exit "$failed"
