# SPDX-License-Identifier: MIT
# need.sh - sourced: installs Debian packages that are missing, with a sentence when it
# cannot. Usage: need COMMAND-OR-FILE:PACKAGE...
need() {
    missing=
    for pair in "$@"; do
        what=${pair%%:*}
        case $what in
        /*) [ -e "$what" ] && continue ;;
        *.pc) pkg-config --exists "${what%.pc}" 2>/dev/null && continue ;;
        *) command -v "$what" >/dev/null 2>&1 && continue ;;
        esac
        missing="$missing ${pair#*:}"
    done
    [ -z "$missing" ] && return 0
    as=
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 || {
            echo "troupe: these Debian packages are missing and only root can install them:$missing" >&2
            return 1
        }
        as=sudo
    fi
    echo "troupe: installing$missing"
    # shellcheck disable=SC2086
    { $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -q $missing ||
        { $as apt-get update -q && $as env DEBIAN_FRONTEND=noninteractive apt-get install -y -q $missing; }; } \
        >/tmp/troupe-apt.$$ 2>&1 || { tail -5 /tmp/troupe-apt.$$ >&2; rm -f /tmp/troupe-apt.$$; return 1; }
    rm -f /tmp/troupe-apt.$$
}

need_to_build() {
    need cc:gcc pkg-config:pkg-config || return 1
    need cmake:cmake ninja:ninja-build libevent_core.pc:libevent-dev \
        openssl.pc:libssl-dev libsodium.pc:libsodium-dev sqlite3.pc:libsqlite3-dev \
        libedit.pc:libedit-dev dot:graphviz
}
