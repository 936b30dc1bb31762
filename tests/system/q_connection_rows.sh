#!/bin/sh
# SPDX-License-Identifier: MIT
# Every row of q_connection.tsv names a test that exists, and every row is complete.
cd "$(dirname "$0")" || exit 2
missing=$(grep -v '^#' q_connection.tsv | while IFS="$(printf '\t')" read -r area row name; do
    [ -n "$name" ] || echo "no test: $area, $row"
    grep -qF "START_TEST($name)" test_q_connection*.c test_q_large.c \
        ../unit/test_q_future.c ||
        echo "not there: $name ($area, $row)"
done)
[ -z "$missing" ] || { echo "$missing"; exit 1; }
