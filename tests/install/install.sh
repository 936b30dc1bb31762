#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs a build, moves the tree, and uses it as strangers do: by CMake, by pkg-config, by
# name on the command line. Then looks at what a shared library would export.
#
#   tests/install/install.sh BUILD_DIR [CC]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
cc=${2:-cc}
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
expect() { # WHAT COMMAND...
    what=$1
    shift
    "$@" >"$room/log" 2>&1 || { tail -30 "$room/log"; echo "install: $what failed"; exit 1; }
}

expect "cmake --install" cmake --install "$build" --prefix "$room/first"
mv "$room/first" "$room/moved"
prefix=$room/moved
[ -x "$prefix/bin/troupe" ] || { echo "install: no program"; exit 1; }
expect "the installed program" "$prefix/bin/troupe" --help

expect "find_package" cmake -S "$here/foreign" -B "$room/foreign" \
    -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc"
expect "building with CMake" cmake --build "$room/foreign"
said=$("$room/foreign/foreign")
[ "${said#hello from }" != "$said" ] || { echo "install: foreign said: $said"; exit 1; }

mkdir "$room/wants"
cat >"$room/wants/CMakeLists.txt" <<TEXT
cmake_minimum_required(VERSION 3.25)
project(wants LANGUAGES CXX)
find_package(troupe 0.1 REQUIRED COMPONENTS cake)
TEXT
if cmake -S "$room/wants" -B "$room/wants/build" -DCMAKE_PREFIX_PATH="$prefix" >"$room/log" 2>&1 ||
    ! grep -q "no component 'cake'" "$room/log"; then
    tail -30 "$room/log"
    echo "install: a component that is not there was not named"
    exit 1
fi

if [ -x "$room/foreign/foreign_sqlite" ]; then
    expect "the foreign program with SQLite" "$room/foreign/foreign_sqlite"
fi

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name troupe.pc)")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion troupe)" = "${said#hello from }" ] ||
    { echo "install: header and troupe.pc name different versions"; exit 1; }
# shellcheck disable=SC2046
expect "building with pkg-config" "$cc" -std=c11 "$here/foreign/foreign.c" -o "$room/one_line" \
    $(pkg-config --cflags --libs troupe)
libs=$(pkg-config --variable=libdir troupe)
export LD_LIBRARY_PATH="$libs"
expect "the pkg-config program" "$room/one_line"
if pkg-config --exists troupe-sqlite; then
    # shellcheck disable=SC2046
    expect "building with pkg-config and SQLite" "$cc" -std=c11 \
        "$here/../../docs/examples/sqlite_engine.c" -o "$room/sqlite" \
        $(pkg-config --cflags --libs troupe-sqlite)
    expect "the pkg-config program with SQLite" "$room/sqlite"
fi
if grep -rlF "$room/first" "$libs/cmake" "$libs/pkgconfig"; then
    echo "install: these files name the place they were installed to"
    exit 1
fi

# The objects are position independent and hide what is not marked, so the shared library
# is one link away from the archive.
library=$libs/libtroupe.so
if [ -f "$libs/libtroupe.a" ]; then
    library=$room/libtroupe.so
    # shellcheck disable=SC2046
    expect "linking a shared library" "$cc" -shared -o "$library" -Wl,--whole-archive \
        "$libs/libtroupe.a" -Wl,--no-whole-archive -Wl,-z,defs \
        $(pkg-config --libs libevent_core openssl libsodium) -lpthread -lm -ldl
fi
for shared in "$library" "$libs/libtroupe_sqlite.so"; do
    [ -f "$shared" ] && nm -D --defined-only "$shared" | awk '{ print $NF }'
done >"$room/exported" || true
strange=$(grep -v '^troupe_' "$room/exported" || true)
[ -z "$strange" ] || { echo "install: exported without the prefix:"; echo "$strange"; exit 1; }
[ -s "$room/exported" ] || { echo "install: nothing is exported"; exit 1; }
echo "installed, moved, used three ways; $(wc -l <"$room/exported") functions exported"
