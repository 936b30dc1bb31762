#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds Troupe as shared libraries, installs and uses them.
#
#   tests/install/shared.sh SOURCE_DIR BUILD_DIR [CC]
set -eu
source=$1 build=$2 cc=${3:-cc}
log=$build/build.log
mkdir -p "$build"
cmake -S "$source" -B "$build" -G Ninja -DBUILD_SHARED_LIBS=ON -DBUILD_TESTING=OFF \
    -DTROUPE_WERROR=ON -DCMAKE_C_COMPILER="$cc" >"$log" 2>&1 &&
    cmake --build "$build" >>"$log" 2>&1 || { tail -20 "$log"; exit 1; }
exec "$source/tests/install/install.sh" "$build" "$cc"
