#!/usr/bin/env bash
# How fast documents are added, and with how much memory: documents and pages per second as carrel
# reports them, and the peak of resident memory (VmHWM of /proc, looked at every 20 ms) of carrel,
# of the largest carrel-parse and of all carrel-parse processes alive at one moment.
#
# A worker forks one short-lived process for each document, so a peak between two looks can be
# missed: the sum is the largest that was seen, with the number of looks. Where GNU time is
# installed, the kernel's own account of the largest single process is printed too, and is exact.
# Pages that processes share (the libraries) are counted in each of them.
#
# Usage: tests/bench/ingest.sh [BUILD_FOLDER] [EVAL_DIR]      JOBS=N passes --jobs N
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(cd "${1:-build}" && pwd)
eval_dir=${2:-../shared/eval}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

field() { # NAME FILE: a number of add's JSON
    grep -oE "\"$1\": *[0-9.e+-]+" "$2" | head -1 | sed 's/.*: *//'
}

# Prints "carrel largest-parse sum-of-parse looks" in kB when the process whose number comes to stand in
# $work/pid has ended. The processes are found by their group, which setsid made.
watch_memory() {
    local group carrel=0 largest=0 sum=0 looks=0 name kb total pid key value
    until [ -s "$work/pid" ]; do sleep 0.01; done
    group=$(cat "$work/pid")
    while kill -0 "$group" 2>/dev/null; do
        total=0
        for pid in $(ps -o pid= -g "$group" 2>/dev/null); do
            name='' kb=0
            while read -r key value _; do
                case $key in Name:) name=$value ;; VmHWM:) kb=$value ;; esac
            done < <(cat "/proc/$pid/status" 2>/dev/null)
            case $name in
            carrel-parse*)
                total=$((total + kb))
                if [ "$kb" -gt "$largest" ]; then largest=$kb; fi ;;
            carrel)
                if [ "$kb" -gt "$carrel" ]; then carrel=$kb; fi ;;
            esac
        done
        if [ "$total" -gt "$sum" ]; then sum=$total; fi
        looks=$((looks + 1))
        sleep 0.02
    done
    echo "$carrel $largest $sum $looks"
}

measure() { # NAME FOLDER
    local name=$1 folder=$2 library=$work/$1.db out=$work/$1.json code=0
    if [ ! -d "$folder" ]; then
        echo "SKIP: $folder is not here"
        return
    fi
    local timed=()
    if [ -x /usr/bin/time ]; then timed=(/usr/bin/time -q -f %M -o "$work/largest"); fi
    rm -f "$work/pid"
    watch_memory >"$work/memory" &
    # shellcheck disable=SC2016  # expanded by the inner shell
    setsid --wait sh -c 'echo $$ >"$0"; exec "$@"' "$work/pid" "${timed[@]}" \
        "$build/carrel" add --json ${JOBS:+--jobs "$JOBS"} --library "$library" "$folder" \
        >"$out" 2>"$work/errors" || code=$?
    wait
    if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then # 3: some document failed; told below
        echo "add ended with code $code" >&2
        cat "$work/errors" >&2
        exit 1
    fi
    read -r carrel largest sum looks <"$work/memory"
    printf '%-14s %s documents (%s failed), %s pages in %.1f s: %.1f documents/s, %.1f pages/s\n' "$name" \
        "$(field added "$out")" "$(field failed "$out")" "$(field pages "$out")" "$(field seconds "$out")" \
        "$(field documents_per_s "$out")" "$(field pages_per_s "$out")"
    printf '%-14s peak memory: carrel %.1f MB, largest carrel-parse %.1f MB, all of them at once %.1f MB (%s looks)\n' \
        "$name" "$(awk "BEGIN { print $carrel / 1024 }")" "$(awk "BEGIN { print $largest / 1024 }")" \
        "$(awk "BEGIN { print $sum / 1024 }")" "$looks"
    if [ -s "$work/largest" ]; then
        printf '%-14s largest single process (GNU time): %.1f MB\n' "$name" \
            "$(tail -n 1 "$work/largest" | awk '{ print $1 / 1024 }')"
    fi
    printf '%-14s library %.1f MB for %.1f MB of documents\n' "$name" \
        "$(du -k "$library" | awk '{ print $1 / 1024 }')" "$(du -skL "$folder" | awk '{ print $1 / 1024 }')"
}

measure nfcorpus-pdf "$eval_dir/documents/nfcorpus-pdf"
measure filings "$eval_dir/documents/filings"
