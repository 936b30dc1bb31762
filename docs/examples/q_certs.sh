#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes an authority and a certificate for localhost in a folder of their own, and a file of
# users with one user, joe, and runs the examples that need them.
#
#   q_certs.sh TROUPE EXAMPLE_Q_TLS EXAMPLE_Q_SERVER
set -eu
troupe=$1 tls=$2 server=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
new="openssl req -newkey rsa:2048 -nodes"
cd "$folder"
{
    $new -x509 -days 2 -subj "/CN=Example authority" -keyout ca.key -out ca.pem
    $new -subj "/CN=localhost" -keyout server.key -out server.csr
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >names
    openssl x509 -req -days 2 -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial \
        -extfile names -out server.pem
} 2>openssl.log || { cat openssl.log >&2; exit 1; }
"$tls" "$folder"

printf 'secret\n' | "$troupe" q passwd users joe
"$server" users secret
