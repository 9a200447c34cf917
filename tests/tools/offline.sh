#!/usr/bin/env bash
# The promise of silence, checked from outside: carrel and carrel-parse are linked with no library
# that is a network client, they call no function that makes a connection, and a traced `add` and
# `ask` make no socket of an internet family and connect to nothing.
#
# carrel-ocr is a program of its own because it cannot promise the first: Debian's libtesseract is linked
# with libcurl (to read pictures by their address, which nothing of ours asks for) and libarchive. So it is
# checked that no such library comes in by another way, that it calls nothing of the kind itself, that
# the kernel's filter is on before it sees a page, and that a traced scan makes no socket.
#
# poppler brings two general libraries that could open sockets (GIO; NSPR, through NSS, which checks
# signatures), qpdf one for the ciphers of PDF (GnuTLS), GMime one that could talk to GnuPG (GPGME with Assuan); nothing of ours calls that part of
# them, and the kernel refuses it (seccomp, tested with the worker). They are printed as a note, so that
# it is said where it can be seen.
#
# Usage: tests/tools/offline.sh [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(cd "${1:-build}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

clients='curl|nghttp|ngtcp|libssl|mbedtls|wolfssl|soup|neon|serf|libssh|ldap|rtmp|grpc|websockets|zmq|cares|wget|libproxy|gssapi|krb5'
general='gio-2|nspr|nss3|gnutls|gpgme|assuan'
calls='connect|getaddrinfo|gethostbyname2?(_r)?|getnameinfo|res_.?query|sendto'

ok() {
    passed=$((passed + 1))
    echo "ok - $1"
}
not_ok() {
    failed=$((failed + 1))
    echo "not ok - $1"
    sed 's/^/    /' "$2" | head -20
}

# The libraries of a program, but for those that come with libtesseract alone.
libraries() { # PROGRAM
    if [ "$1" != carrel-ocr ]; then
        ldd "$build/$1"
        return
    fi
    readelf -d "$build/$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | grep -v '^libtesseract' |
        while read -r name; do
            path=$(ldd "$build/$1" | awk -v n="$name" '$1 == n { print $3 }')
            echo "$name => $path"
            [ ! -e "$path" ] || ldd "$path"
        done | sort -u
}

for program in carrel carrel-parse carrel-ocr; do
    libraries $program >"$work/ldd"
    if ! grep -q 'libc\.so' "$work/ldd"; then
        not_ok "$program: ldd lists its libraries" "$work/ldd"
    elif grep -E "$clients" "$work/ldd" >"$work/found"; then
        not_ok "$program is linked with a network client library" "$work/found"
    else
        ok "$program: none of $(wc -l <"$work/ldd") libraries is a network client"
    fi
    if [ $program = carrel-ocr ] && ldd "$build/$program" | grep -q libcurl; then
        echo "note: carrel-ocr has libcurl (by libtesseract), never calls it, and the kernel refuses it every socket"
    fi
    if awk '{ print $1 }' "$work/ldd" | grep -E "$general" | sort -u >"$work/found"; then
        echo "note: $program has $(tr '\n' ' ' <"$work/found")(by poppler and GMime): general libraries whose sockets the kernel refuses"
    fi
    nm -D --undefined-only "$build/$program" | awk '{ print $NF }' | sed 's/@.*//' >"$work/symbols"
    if [ ! -s "$work/symbols" ]; then
        not_ok "$program: its undefined symbols can be read" "$work/symbols"
    elif grep -xE "$calls" "$work/symbols" >"$work/found"; then
        not_ok "$program calls functions that make connections" "$work/found"
    else
        ok "$program calls none of connect, getaddrinfo, gethostbyname, sendto ..."
    fi
done

# A trace shows calls also where the kernel refused them, so it tells what was tried.
traced() { # NAME COMMAND...
    local name=$1
    shift
    if ! strace -f -qq -e trace=%network,execve,seccomp -o "$work/trace" "$@" >"$work/out" 2>&1; then
        not_ok "$name: the traced program succeeds" "$work/out"
    elif ! grep -q 'execve(' "$work/trace"; then
        not_ok "$name: the trace is empty" "$work/trace"
    elif grep -E 'connect\(|socket\(AF_INET|socket\(AF_(PACKET|NETLINK|VSOCK|BLUETOOTH)' "$work/trace" >"$work/found"; then
        not_ok "$name makes sockets or connects" "$work/found"
    else
        ok "$name: $(wc -l <"$work/trace") traced calls, no socket of an internet family, no connect"
    fi
}

if ! command -v strace >/dev/null; then
    echo "SKIP: strace is not installed"
    skipped=$((skipped + 5))
elif ! strace -qq -e trace=none true 2>/dev/null; then
    echo "SKIP: tracing is not allowed here (no ptrace)"
    skipped=$((skipped + 5))
else
    # The check itself is checked: a connection to a closed port of this machine must be seen.
    strace -f -qq -e trace=%network -o "$work/trace" bash -c 'exec 3<>/dev/tcp/127.0.0.1/9' >"$work/out" 2>&1 || true
    if grep -q 'connect(.*AF_INET' "$work/trace"; then
        ok "a connection would be seen in a trace"
    else
        not_ok "a connection would be seen in a trace" "$work/trace"
    fi
    traced "carrel add samples" "$build/carrel" add --library "$work/library.db" samples
    traced "carrel ask" "$build/carrel" ask --library "$work/library.db" \
        "How long may an opened vial of tetanus vaccine be used?"
    if ! command -v pdftoppm >/dev/null; then
        echo "SKIP: pdftoppm (poppler-utils) is not installed, so there is no scan"
        skipped=$((skipped + 2))
    else
        mkdir "$work/scans"
        pdftoppm -r 150 -l 1 -png -singlefile samples/clinic-manual.pdf "$work/scans/page"
        traced "carrel add of a scan" "$build/carrel" add --library "$work/scans.db" "$work/scans"
        # By the process that became carrel-ocr.
        pid=$(awk '/execve\(".*carrel-ocr"/ { print $1; exit }' "$work/trace")
        if grep -E "^${pid:-none} +seccomp\(SECCOMP_SET_MODE_FILTER" "$work/trace" >"$work/found"; then
            ok "carrel-ocr has locked itself in: its system calls are filtered"
        else
            not_ok "carrel-ocr has locked itself in" "$work/trace"
        fi
    fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
