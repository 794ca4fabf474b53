#!/bin/sh
# Checks one receipt with openssl alone: check.sh RECEIPT [PUBLIC-KEY]
# The public key (name+hash+base64) is the last of log.pub beside this file if none
# is given. README.md says the same in words.
set -eu
receipt=$1
here=$(dirname "$0")
key=${2:-$(tail -n 1 "$here/log.pub")}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# The receipt: a head, an empty line, and the checkpoint, which has another one.
sed '/^$/,$d' "$receipt" > "$tmp/head"
sed '1,/^$/d' "$receipt" > "$tmp/note"
sed '/^$/,$d' "$tmp/note" > "$tmp/text"
origin=$(sed -n 1p "$tmp/text")
size=$(sed -n 2p "$tmp/text")
root=$(sed -n 3p "$tmp/text")
index=$(sed -n 's/^index //p' "$tmp/head")
unbase64() { printf '%s\n' "$1" | openssl base64 -d -A; }
hash() { openssl dgst -sha256 -binary | openssl base64 -A; }

# 1. The signature. A key in DER is twelve fixed bytes and the 32 of the key.
[ "${key%%+*}" = "$origin" ] || { echo "BAD  the key is of another log"; exit 1; }
public=$(echo "$key" | cut -d+ -f3-)
[ "$(unbase64 "$public" | head -c 1 | od -An -tu1 | tr -d ' ')" = 1 ] || { echo "BAD  no Ed25519 key"; exit 1; }
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; unbase64 "$public" | tail -c 32; } > "$tmp/key.der"
sed '1,/^$/d' "$tmp/note" | while read -r _ name value; do
    [ "$name" = "$origin" ] || continue
    unbase64 "$value" | tail -c 64 > "$tmp/sig"
    if openssl pkeyutl -verify -pubin -keyform DER -inkey "$tmp/key.der" -rawin -in "$tmp/text" -sigfile "$tmp/sig" > /dev/null 2>&1; then
        : > "$tmp/good"
    fi
done
[ -e "$tmp/good" ] || { echo "BAD  the checkpoint is not signed by this key"; exit 1; }
echo "ok   $origin signed $size entries with the root $root"

# 2. The leaf: SHA-256 of a zero byte and the entry.
unbase64 "$(sed -n 's/^extra //p' "$tmp/head")" > "$tmp/entry"
grep -q "\"seq\":$index," "$tmp/entry" || { echo "BAD  the entry is not entry $index"; exit 1; }
[ "$index" -lt "$size" ] || { echo "BAD  entry $index is not among $size"; exit 1; }
h=$({ printf '\000'; cat "$tmp/entry"; } | hash)

# 3. The path: SHA-256 of a one byte, the left and the right (RFC 9162, 2.1.3.2).
at=$index
last=$((size - 1))
sed '1,/^index /d' "$tmp/head" > "$tmp/path"
while read -r p; do
    [ "$last" -gt 0 ] || { echo "BAD  the path is too long"; exit 1; }
    if [ $((at % 2)) -eq 1 ] || [ "$at" -eq "$last" ]; then
        h=$({ printf '\001'; unbase64 "$p"; unbase64 "$h"; } | hash)
        while [ "$at" -gt 0 ] && [ $((at % 2)) -eq 0 ]; do at=$((at / 2)); last=$((last / 2)); done
    else
        h=$({ printf '\001'; unbase64 "$h"; unbase64 "$p"; } | hash)
    fi
    at=$((at / 2))
    last=$((last / 2))
done < "$tmp/path"
[ "$last" -eq 0 ] && [ "$h" = "$root" ] || { echo "BAD  entry $index is not in the log"; exit 1; }
echo "ok   entry $index is in the log:"
LC_ALL=C tr -c '\040-\176' '?' < "$tmp/entry"
echo
