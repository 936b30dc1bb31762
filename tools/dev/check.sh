#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything about the sources that a machine can judge: form, layers, banned functions,
# headers, sizes, documentation of the public contract. Prints what is wrong; exit 1.
set -u
cd "$(dirname "$0")/../.." || exit 2
failed=0
say() { printf 'check: %s\n' "$*"; failed=1; }
c_files() { git ls-files -- "$@" | grep -E '\.[ch]$'; }

form() {
    c_files . | xargs clang-format --dry-run -Werror >/tmp/troupe-form.$$ 2>&1 ||
        { grep -m5 error: /tmp/troupe-form.$$; say "clang-format would change files"; }
    rm -f /tmp/troupe-form.$$
}

# Includes are written from the root and point left only.
layers() {
    for rule in 'mailbox:actors|transports|bindings|tools' 'actors:transports|bindings|tools' \
        'transports:bindings|tools' 'bindings:tools' 'include:mailbox|actors|transports|bindings|tools'; do
        from=${rule%%:*} forbidden=${rule#*:}
        found=$(c_files "$from" | xargs grep -nE "#include \"($forbidden)/" /dev/null)
        [ -z "$found" ] || say "an include of $from points the wrong way:
$found"
    done
    found=$(c_files mailbox actors transports bindings tools tests | xargs grep -nE '#include "\.\./' /dev/null)
    [ -z "$found" ] || say "includes are written from the root:
$found"
    found=$(git ls-files -- actors | grep -E '\.[ch]$' | grep -v 'actors/base\.c' |
        xargs grep -n '#include <event2/' /dev/null)
    [ -z "$found" ] || say "only actors/base.c knows the loop:
$found"
    found=$(git ls-files | grep -E '_(codec|compress|decode|encode|login)\.[ch]$' |
        xargs grep -nE '#include (<(event2|openssl|sys/socket|time|sys/time)|"actors/|<troupe/(actor|system)\.h>)' /dev/null)
    [ -z "$found" ] || say "a codec can do no I/O:
$found"
}

banned() {
    found=$(c_files mailbox actors transports bindings tools |
        xargs grep -nE '[^_a-z](strcpy|strcat|sprintf|vsprintf|atoi|atol|strtok|gets|alloca)\(' /dev/null)
    [ -z "$found" ] || say "banned functions:
$found"
    found=$(c_files mailbox actors transports bindings | grep -v 'mailbox/alloc\.c' |
        xargs grep -nE '[^_a-z](malloc|calloc|realloc|free|strdup)\(' /dev/null |
        grep -vE 'sqlite3_|/\* raw: ')
    [ -z "$found" ] || say "allocation goes through mailbox/alloc.h:
$found"
    found=$(git grep -nIE '\b(TODO|FIXME|XXX)\b' -- '*.c' '*.h' '*.sh' '*.cmake' ':!tools/dev/check.sh')
    [ -z "$found" ] || say "unfinished:
$found"
    found=$(git grep -nIE '(^|[^a-zA-Z0-9._-])/(work|root|home)/' -- ':!tools/dev/check.sh')
    [ -z "$found" ] || say "paths of one machine:
$found"
    found=$(c_files docs/examples | xargs grep -nE '#include "' /dev/null | grep -v '#include "q_example.h"')
    [ -z "$found" ] || say "an example uses the public headers, and q_example.h, only:
$found"
}

headers() {
    for header in include/troupe/*.h; do
        ${CC:-cc} -std=c11 -Iinclude -Wall -Wextra -Werror -fsyntax-only -x c "$header" ||
            say "$header does not stand alone in C11"
        ${CXX:-c++} -std=c++17 -Iinclude -Wall -Wextra -Werror -fsyntax-only -x c++ "$header" ||
            say "$header does not stand alone in C++17"
    done
}

# Files of 600 lines and functions of 60 at most.
sizes() {
    c_files mailbox actors transports bindings tools include tests docs | while read -r file; do
        awk -v file="$file" '
            /^[a-zA-Z_].*[^;]$/ && !/^(#|typedef|struct [a-z_]* \{|enum|union|static const|const )/ { head = FNR }
            /^\{/ { begin = FNR }
            /^\}/ && begin { if (FNR - begin > 61) printf "%s:%d: a function of %d lines\n", file, begin, FNR - begin - 1; begin = 0 }
            END { if (FNR > 600) printf "%s: %d lines\n", file, FNR }' "$file"
    done >/tmp/troupe-sizes.$$
    [ ! -s /tmp/troupe-sizes.$$ ] || { cat /tmp/troupe-sizes.$$; say "files up to 600 lines, functions up to 60"; }
    rm -f /tmp/troupe-sizes.$$
}

contract() {
    for header in include/troupe/*.h; do
        awk -v file="$header" '
            /^\/\*/ { comment = ""; inside = 1 }
            inside { comment = comment $0 }
            /\*\// { inside = 0 }
            /^TROUPE_API/ && !/extern/ && comment !~ /[Tt]hread[a-z ]*:/ {
                printf "%s:%d: no Thread: in the comment above\n", file, FNR }
            /^}/ { comment = "" }' "$header"
    done >/tmp/troupe-contract.$$
    [ ! -s /tmp/troupe-contract.$$ ] || { cat /tmp/troupe-contract.$$; say "public functions say their thread"; }
    rm -f /tmp/troupe-contract.$$
    found=$(git ls-files | grep -E '\.(c|h|sh|cmake)$|CMakeLists\.txt$' | xargs grep -L 'SPDX-License-Identifier: MIT')
    [ -z "$found" ] || say "no SPDX line in:
$found"
}

form
layers
banned
headers
sizes
contract
[ "$failed" = 0 ] && echo "check: sources are in order"
exit "$failed"
