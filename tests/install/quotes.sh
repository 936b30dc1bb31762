#!/bin/sh
# SPDX-License-Identifier: MIT
# What a page quotes is what runs: each ```c block occurs, line by line, in an example.
#
#   tests/install/quotes.sh PAGE EXAMPLES_DIR
set -eu
page=$1 examples=$2
awk -v page="$page" '
    FILENAME != page { source[FILENAME] = source[FILENAME] $0 "\n"; next }
    $0 == "```c" { on = 1; block = ""; next }
    /^```/ && on {
        on = 0
        blocks++
        found = 0
        for (name in source) {
            if (index(source[name], block)) { found = 1 }
        }
        if (!found) { printf "%s: in no example:\n%s", page, block; failed = 1 }
        next
    }
    on { block = block $0 "\n" }
    END { if (!blocks) { print page ": nothing is quoted"; failed = 1 } exit failed }
' "$examples"/*.c "$page"
