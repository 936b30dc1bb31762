#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs a program with the port of a `troupe q serve` of its own as the last argument.
#
#   q_serve.sh TROUPE PROGRAM [ARGUMENTS]
set -eu
troupe=$1
shift
folder=$(mktemp -d)
mkfifo "$folder/port"
"$troupe" q serve -p 0 >"$folder/port" &
server=$!
trap 'kill "$server" && wait "$server"; rm -rf "$folder"' EXIT
read -r line <"$folder/port" # listening on port N
"$@" "${line##* }"
