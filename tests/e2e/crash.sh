#!/usr/bin/env bash
# A crash at a known write: strace kills carrel at the Nth write to its files, while a new library is
# made and two documents are added. Whatever N is, the file is then either a sound library with whole
# documents or none at all (exit code 4), and the same add finishes. tests/eval/kill.sh does the same
# at random moments with many documents; this one leaves no gap at the start, when the library is made.
#
# Usage: tests/e2e/crash.sh [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(cd "${1:-build}" && pwd)
carrel=$build/carrel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
documents=(samples/lease.txt samples/kaffeemaschine.md)
EXIT_NOT_FOUND=4
# A sanitizer build cannot look for leaks while it is traced; `make asan` does so everywhere else.
export ASAN_OPTIONS=detect_leaks=0

if ! command -v strace >/dev/null || ! strace -qq -e trace=none true 2>/dev/null; then
    echo "SKIP: strace is not installed, or tracing is not allowed here"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

# id and dates differ between runs; the rest must not.
list() {
    "$carrel" ls --json --library "$1" | sed 's/{"id"/\n{"id"/g' |
        sed -nE 's/.*"path": *"([^"]*)".*"pages": *([0-9]+).*"chunks": *([0-9]+).*/\1 \2 \3/p' | sort
}

"$carrel" add --library "$work/whole.db" "${documents[@]}" >"$work/log"
list "$work/whole.db" >"$work/whole"
strace -f -qq -e trace=pwrite64 -o "$work/trace" \
    "$carrel" add --library "$work/count.db" "${documents[@]}" >"$work/log"
writes=$(grep -c 'pwrite64(' "$work/trace")

# Prints what is wrong after a crash, or nothing.
look() { # LIBRARY
    local code=0
    if [ -e "$1" ]; then
        "$carrel" status --check --library "$1" >"$work/log" 2>&1 || code=$?
        if [ "$code" -eq 0 ]; then
            list "$1" >"$work/part"
            comm -23 "$work/part" "$work/whole"
        elif [ "$code" -ne "$EXIT_NOT_FOUND" ]; then
            echo "status ends with code $code: $(tail -n 1 "$work/log")"
        fi
    fi
    "$carrel" add --library "$1" "${documents[@]}" >"$work/log" 2>&1 ||
        echo "the second add fails: $(tail -n 1 "$work/log")"
    "$carrel" status --check --library "$1" >"$work/log" 2>&1 ||
        echo "afterwards: $(tail -n 1 "$work/log")"
    list "$1" 2>&1 | diff - "$work/whole" || true
}

for n in $(seq "$writes"); do
    # The first writes, when the file comes to be, and then every fifth.
    if [ "$n" -gt 8 ] && [ $((n % 5)) -ne 0 ]; then continue; fi
    library=$work/$n.db
    { strace -f -qq -e trace=pwrite64 -e inject=pwrite64:signal=SIGKILL:when="$n" -o /dev/null \
        "$carrel" add --library "$library" "${documents[@]}" >"$work/log" 2>&1; } 2>/dev/null || true
    look "$library" >"$work/wrong" 2>&1
    if [ -s "$work/wrong" ]; then
        failed=$((failed + 1))
        echo "not ok - killed at write $n of $writes"
        sed 's/^/    /' "$work/wrong" | head -5
    else
        passed=$((passed + 1))
        echo "ok - killed at write $n of $writes"
    fi
    rm -f "$library"*
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
