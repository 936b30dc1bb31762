#!/bin/sh
# SPDX-License-Identifier: MIT
# A page that says it compiles as written does: its first ```c block is compiled against the
# build, run, and must print its first ```text block.
#
#   tests/install/page.sh PAGE SOURCE_DIR BUILD_DIR [CC]
set -eu
page=$1 source=$2 build=$3 cc=${4:-cc}
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
block() { awk -v open="\`\`\`$1" '$0 == open && !done { on = 1; next }
    /^```/ && on { on = 0; done = 1 } on' "$page"; }

block c >"$room/page.c"
block text >"$room/promised"
[ -s "$room/page.c" ] && [ -s "$room/promised" ] || { echo "$page: no program or no output"; exit 1; }
# shellcheck disable=SC2046
"$cc" -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I"$source/include" \
    "$room/page.c" -o "$room/program" -L"$build" -ltroupe -Wl,-rpath,"$build" \
    $(pkg-config --libs libevent_core openssl libsodium) -lpthread -lm -ldl
"$room/program" >"$room/printed"
diff "$room/promised" "$room/printed" || { echo "$page: the program prints something else"; exit 1; }
