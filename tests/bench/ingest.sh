#!/usr/bin/env bash
# How fast documents are added, beside two peers, and with how much memory.
#
# Speed: pages per second from bytes to committed chunks, words and vectors, over two folders, in
# ROUNDS interleaved rounds, each into a new library; the median is told. Beside it run
#   pdftotext -bbox-layout  (poppler-utils), as many processes at once as there are cores: the limit,
#                           since it does nothing with the words that it finds;
#   recollindex -z          (recollcmd), with an index of its own: words, without places or vectors.
# Compare ratios: machines are noisy, and the three take turns on this one.
#
# Memory: the peak of resident memory (VmHWM of /proc, looked at every 20 ms) of carrel, of the largest
# carrel-parse and of all of them at one moment, on the two folders and on one PDF of 500 pages and
# more, made of the filings; then its course over the first 5,000 documents (memory.py). A worker forks
# one short-lived process for each document, so a peak between two looks can be missed: the sum is
# the largest that was seen, with the number of looks. Where GNU time is installed, the kernel's own
# account of the largest single process is printed too, and is exact. Pages that processes share
# (the libraries) are counted in each of them.
#
# Usage: tests/bench/ingest.sh [BUILD_FOLDER] [EVAL_DIR]
#        JOBS=N passes --jobs N; ROUNDS=N (default 3); DOCUMENTS=N (default 5000, 0: not that part)
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(cd "${1:-build}" && pwd)
eval_dir=${2:-../shared/eval}
rounds=${ROUNDS:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

field() { # NAME FILE: a number of add's JSON
    jq ".$1" "$2"
}
quotient() { awk "BEGIN { printf \"%.${3:-2}f\", $1 / $2 }"; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

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

ended() { # CODE: of an add; 3 means that some document failed, and is told
    if [ "$1" -ne 0 ] && [ "$1" -ne 3 ]; then
        echo "add ended with code $1" >&2
        cat "$work/errors" >&2
        exit 1
    fi
}

memory() { # NAME FOLDER
    local name=$1 folder=$2 library=$work/$1.db out=$work/$1.json code=0 timed=()
    if [ -x /usr/bin/time ]; then timed=(/usr/bin/time -q -f %M -o "$work/largest"); fi
    rm -f "$work/pid"
    watch_memory >"$work/memory" &
    # shellcheck disable=SC2016  # expanded by the inner shell
    setsid --wait sh -c 'echo $$ >"$0"; exec "$@"' "$work/pid" "${timed[@]}" \
        "$build/carrel" add --json ${JOBS:+--jobs "$JOBS"} --library "$library" "$folder" \
        >"$out" 2>"$work/errors" || code=$?
    wait
    ended "$code"
    read -r carrel largest sum looks <"$work/memory"
    printf '%-14s %s documents (%s failed), %s pages; library %s MB for %s MB of documents\n' "$name" \
        "$(field added "$out")" "$(field failed "$out")" "$(field pages "$out")" \
        "$(quotient "$(du -k "$library" | cut -f1)" 1024 1)" \
        "$(quotient "$(du -skL "$folder" | cut -f1)" 1024 1)"
    printf '%-14s peak memory: carrel %s MB, largest carrel-parse %s MB, all of them at once %s MB (%s looks)\n' \
        "$name" "$(quotient "$carrel" 1024 1)" "$(quotient "$largest" 1024 1)" \
        "$(quotient "$sum" 1024 1)" "$looks"
    if [ -s "$work/largest" ]; then
        printf '%-14s largest single process (GNU time): %s MB\n' "$name" \
            "$(quotient "$(tail -n 1 "$work/largest")" 1024 1)"
    fi
    rm -f "$library"*
}

# Each appends its seconds to $work/NAME.WHO.
now() { date +%s%N; }
took() { # FILE BEGIN
    awk "BEGIN { printf \"%.3f\\n\", ($(now) - $2) / 1e9 }" >>"$1"
}
run_carrel() { # NAME FOLDER
    local begin code=0
    rm -f "$work/speed.db"*
    begin=$(now)
    "$build/carrel" add --json ${JOBS:+--jobs "$JOBS"} --library "$work/speed.db" "$2" \
        >"$work/$1.json" 2>"$work/errors" || code=$?
    took "$work/$1.carrel" "$begin"
    ended "$code"
}
run_pdftotext() {
    local begin
    begin=$(now)
    find -L "$2" -name '*.pdf' -print0 |
        xargs -0 -P "$(nproc)" -I{} pdftotext -q -bbox-layout {} /dev/null
    took "$work/$1.pdftotext" "$begin"
}
run_recoll() {
    local begin
    rm -rf "$work/recoll"
    mkdir "$work/recoll"
    printf 'topdirs = %s\ndbdir = %s/recoll/db\nloglevel = 1\n' "$(cd "$2" && pwd)" "$work" >"$work/recoll/recoll.conf"
    begin=$(now)
    recollindex -c "$work/recoll" -z >"$work/errors" 2>&1
    took "$work/$1.recoll" "$begin"
}

speed() { # NAME FOLDER
    local name=$1 folder=$2 pages who seconds base
    local all=(carrel)
    if command -v pdftotext >/dev/null; then all+=(pdftotext); fi
    if command -v recollindex >/dev/null; then all+=(recoll); fi
    for _ in $(seq "$rounds"); do
        for who in "${all[@]}"; do "run_$who" "$name" "$folder"; done
    done
    pages=$(field pages "$work/$name.json")
    base=$(median <"$work/$name.carrel")
    for who in "${all[@]}"; do
        seconds=$(median <"$work/$name.$who")
        printf '%-14s %-10s %8.2f s  %8.1f pages/s' "$name" "$who" "$seconds" "$(quotient "$pages" "$seconds" 1)"
        if [ "$who" = carrel ]; then printf '  median of %s\n' "$rounds"
        else printf '  carrel has %sx its speed\n' "$(quotient "$seconds" "$base")"; fi
    done
}

# One PDF of at least 500 pages out of the filings, more than once if need be; those apart that
# pdfunite cannot take (encrypted).
make_long() { # FOLDER
    local pages=0 file files=() facts
    while [ "$pages" -lt 500 ]; do
        for file in "$1"/*.pdf; do
            facts=$(pdfinfo "$file" 2>/dev/null)
            case $facts in *Encrypted:*yes*) continue ;; esac
            files+=("$file")
            pages=$((pages + $(sed -n 's/^Pages: *//p' <<<"$facts")))
        done
        if [ "$pages" -eq 0 ]; then return; fi
    done
    mkdir "$work/long"
    pdfunite "${files[@]}" "$work/long/long.pdf" 2>/dev/null
    memory long "$work/long"
}

documents=$eval_dir/documents
if [ ! -d "$documents/filings" ] || [ ! -d "$documents/nfcorpus-pdf" ]; then
    echo "SKIP: $documents has no filings and nfcorpus-pdf"
    exit 0
fi
echo "$(nproc) cores, $rounds rounds"
speed filings "$documents/filings"
speed nfcorpus-pdf "$documents/nfcorpus-pdf"
memory filings "$documents/filings"
memory nfcorpus-pdf "$documents/nfcorpus-pdf"
if command -v pdfunite >/dev/null; then
    make_long "$documents/filings"
fi
if [ "${DOCUMENTS:-5000}" -gt 0 ]; then
    python3 tests/bench/memory.py "$build" "$documents/nfcorpus-pdf" "${DOCUMENTS:-5000}" "$build/memory.svg"
fi
