#!/usr/bin/env bash
# Nothing lost: kill -9 at a random moment while 300 documents are added, twenty times. After each
# the library opens and passes its own check, every document in it is as whole as in a library
# that was made in peace, no parser is left running, and a second add finishes the rest.
#
# The moments come from a seed, which is printed; a run can be repeated with SEED=. Every fourth lies
# in the first fifth of the time, when the library itself is being made.
#
# Usage: tests/eval/kill.sh [BUILD_FOLDER] [EVAL_DIR]      ROUNDS=20 COUNT=300 SEED=...
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(cd "${1:-build}" && pwd)
eval_dir=${2:-../shared/eval}
rounds=${ROUNDS:-20} count=${COUNT:-300} seed=${SEED:-$$}
carrel=$build/carrel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

verdict() { # CODE NAME
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok - $2"
    else
        failed=$((failed + 1))
        echo "not ok - $2"
        if [ -s "$work/why" ]; then sed 's/^/    /' "$work/why" | head -20; fi
    fi
}

# The documents: small PDFs where they lie, else samples made different by a last line each.
make_documents() {
    mkdir "$work/documents"
    if [ -d "$eval_dir/documents/nfcorpus-pdf" ]; then
        find "$eval_dir/documents/nfcorpus-pdf" -name '*.pdf' | sort | awk -v n="$count" 'NR <= n' |
            xargs -I{} cp {} "$work/documents/"
        return
    fi
    echo "note: $eval_dir is not here; the documents are copies of samples/"
    local i=0 file name
    while [ "$i" -lt "$count" ]; do
        for file in samples/*.pdf samples/*.html samples/*.txt samples/[a-z]*.md; do
            i=$((i + 1))
            if [ "$i" -gt "$count" ]; then break; fi
            name=$(printf '%03d-%s' "$i" "${file##*/}")
            { cat "$file" && printf '\n%%%%%d\n' "$i"; } >"$work/documents/$name"
        done
    done
}

# One line for each document: what must be the same however often it was interrupted.
list() { # LIBRARY
    "$carrel" ls --json --library "$1" 2>>"$work/log" | sed 's/{"id"/\n{"id"/g' |
        sed -nE 's/.*"path": *"([^"]*)".*"hash": *"([0-9a-f]*)".*"pages": *([0-9]+), *"pages_text": *([0-9]+), *"chunks": *([0-9]+).*/\1 \2 \3 \4 \5/p' |
        sort
}

group_is_gone() { # PROCESS-GROUP: the parsers notice that their reader died
    local i
    for i in $(seq 50); do
        kill -0 -- "-$1" 2>/dev/null || return 0
        sleep 0.1
    done
    echo "a process of group $1 still runs after five seconds" >"$work/why"
    return 1
}

now_ms() { date +%s%3N; }

make_documents
start=$(now_ms)
"$carrel" add --library "$work/whole.db" "$work/documents" >"$work/log" 2>&1
took=$(($(now_ms) - start))
list "$work/whole.db" >"$work/whole"
found=$(wc -l <"$work/whole")
echo "note: $found documents are added in $took ms; seed $seed"
: >"$work/why"
[ "$found" -eq "$count" ] || echo "only $found of $count are listed" >"$work/why"
verdict "$([ -s "$work/why" ] && echo 1 || echo 0)" "an add that is left in peace adds all $count"

for round in $(seq "$rounds"); do
    library=$work/round-$round.db
    : >"$work/why"
    span=$took
    if [ $((round % 4)) -eq 0 ]; then span=$((took / 5)); fi
    wait_ms=$(awk -v s="$((seed + round))" -v t="$span" \
        'BEGIN { srand(s); srand(s + int(rand() * 1e6)); print int(rand() * t) }')
    setsid "$carrel" add --library "$library" "$work/documents" >"$work/log" 2>&1 &
    pid=$!
    sleep "$(awk -v ms="$wait_ms" 'BEGIN { print ms / 1000 }')"
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    code=0
    group_is_gone "$pid" || code=1
    had=0
    # Killed before the first commit, the library is not there yet (exit code 4).
    there=0
    if [ -e "$library" ]; then
        "$carrel" status --check --library "$library" >"$work/why" 2>&1 || there=$?
    fi
    if [ -e "$library" ] && [ "$there" -ne 4 ]; then
        [ "$there" -eq 0 ] || code=1
        list "$library" >"$work/part" || code=1
        had=$(wc -l <"$work/part")
        # Every document that is there is as it should be.
        if [ -n "$(comm -23 "$work/part" "$work/whole")" ]; then
            comm -23 "$work/part" "$work/whole" >"$work/why"
            code=1
        fi
    fi
    "$carrel" add --library "$library" "$work/documents" >"$work/log" 2>&1 || { code=1; cp "$work/log" "$work/why"; }
    "$carrel" status --check --library "$library" >"$work/log" 2>&1 || { code=1; cp "$work/log" "$work/why"; }
    list "$library" >"$work/part" || code=1
    if ! cmp -s "$work/part" "$work/whole"; then
        diff "$work/part" "$work/whole" >"$work/why" || true
        code=1
    fi
    verdict "$code" "killed after $wait_ms ms with $had documents in; the second add made $(wc -l <"$work/part")"
    rm -f "$library"*
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
