#!/usr/bin/env bash
# The engine beside other programs, on models with random weights in the shapes that people use:
# prompts (pp), generation (tg), the cost of several tokens at once, loading, memory, embeddings.
#
# usage: tests/bench/engine.sh BUILD [FOLDER]
#   FOLDER keeps the model files for the next time; without it they are made in a temporary folder and
#   removed. Nothing is written elsewhere. By way of the environment, or of `make bench NAME=...`:
#   PEER, PEER2, PEER3   a llama-bench to compare with, and options of its own: PEER2='/x/llama-bench -rtr 1'
#   MODELS, TYPES, EMBED_TYPES, THREADS, ROUNDS (5), PROMPT (512), GENERATE (128)
#   CARREL_CPU=avx2      our kernels without AVX-512; give peers that were built so too
#
# Programs take turns, one run each a round, and a figure is the median of the rounds: what else the machine
# does meets all of them alike. A peer runs as PEER -m FILE -t T -p 512 -n 128 -r 1, an embedding model
# as PEER -m FILE -t T -p 256 -n 0 -embd 1 -r 8: chunk after chunk of 256 tokens. A ratio is ours over the
# better peer's; `%` is of what the machine reads, measured in the same rounds, with every weight read once
# for a token.
set -euo pipefail
build=$(cd "${1:?usage: tests/bench/engine.sh BUILD [FOLDER]}" && pwd)
bench=$build/bench_engine
peers=()
for peer in "${PEER:-}" "${PEER2:-}" "${PEER3:-}"; do
    if [ -n "$peer" ]; then peers+=("$peer"); fi
done
if [ "${#peers[@]}" -gt 0 ]; then # alone, the small ones tell enough
    : "${MODELS=smollm2-135m qwen2.5-0.5b llama-3.2-1b gemma3-1b minilm-l6}" "${TYPES=q8_0 q4_0 q4_k_m q6_k}"
else
    : "${MODELS=smollm2-135m qwen2.5-0.5b minilm-l6}" "${TYPES=q8_0 q4_k_m}"
fi
: "${EMBED_TYPES=q8_0}" "${THREADS=1 2}" "${ROUNDS=5}" "${PROMPT=512}" "${GENERATE=128}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
models=${2:-$work}
mkdir -p "$models"

number() { # KEY, a JSON object on standard input: its number
    sed -n "s/.*\"$1\": *\([0-9.eE+-]*\).*/\1/p"
}

keep() { # WHO TEST VALUE...: values of this round
    printf '%s\n' "${@:3}" >>"$work/$1.$2"
}

median() { # WHO TEST: of all rounds; nothing where there is none
    if [ -s "$work/$1.$2" ]; then
        sort -g "$work/$1.$2" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
    fi
}

# "prompt 123.4" and "generate 56.7" of a peer's JSON.
peer_speeds() {
    awk -F'[:,]' '/"n_gen"/ { g = $2 + 0 }
        /"avg_ts"/ { print (g > 0 ? "generate" : "prompt"), $2 + 0 }'
}

run_peer() { # INDEX OPTIONS...: a peer that fails has no figure
    local test speed
    # shellcheck disable=SC2086  # options of its own
    if ! ${peers[$1]} "${@:2}" -o json >"$work/out" 2>"$work/errors"; then
        echo "   peer $(($1 + 1)) failed: $(tail -n 1 "$work/errors")" >&2
        return
    fi
    while read -r test speed; do keep "peer$1" "$test" "$speed"; done < <(peer_speeds <"$work/out")
}

run_ours() { # OPTIONS...
    if ! "$bench" "$@" >"$work/out" 2>"$work/errors"; then
        echo "   ours failed: $(tail -n 1 "$work/errors")" >&2
        return
    fi
    local test
    for test in prompt generate embed; do
        keep ours "$test" "$(grep "\"test\": \"$test\"" "$work/out" | number median)"
    done
}

# Our figure of TEST, each peer's, and ours over the better peer's, which is noted for the end.
row() { # TEST
    local ours best='' peer i value
    ours=$(median ours "$1")
    printf ' %9s' "${ours:--}"
    for i in "${!peers[@]}"; do
        peer=$1
        if [ "$peer" = embed ]; then peer=prompt; fi
        value=$(median "peer$i" "$peer")
        if [ -n "$value" ]; then value=$(printf '%.2f' "$value"); fi
        printf ' %9s' "${value:--}"
        best=$(awk -v a="${best:-0}" -v b="${value:-0}" 'BEGIN { print (a > b ? a : b) }')
    done
    if [ "${#peers[@]}" -eq 0 ]; then return; fi
    if [ -z "$ours" ] || [ "${best:-0}" = 0 ]; then
        printf '      -'
        return
    fi
    value=$(awk -v a="$ours" -v b="$best" 'BEGIN { printf "%.2f", a / b }')
    printf ' %5sx' "$value"
    echo "$value $name $type, $threads threads" >>"$work/ratios.$1"
}

head_of_table() {
    local i test
    printf '%-14s %-7s %s' model weights thr
    for test in "$@"; do
        printf ' %9s' "$test"
        for i in "${!peers[@]}"; do printf ' %9s' "peer $((i + 1))"; done
        if [ "${#peers[@]}" -gt 0 ]; then printf ' %6s' ratio; fi
    done
}

measure_decoder() { # FILE
    local round i gbs bytes
    rm -f "$work"/ours.* "$work"/peer[0-9].*
    for ((round = 0; round < ROUNDS; round++)); do
        keep ours bandwidth "$("$bench" --bandwidth --threads "$threads" --repeat 3 | number gb_per_s)"
        run_ours "$1" --threads "$threads" --prompt "$PROMPT" --generate "$GENERATE" --batch 0 --load 0 --repeat 1
        for i in "${!peers[@]}"; do
            run_peer "$i" -m "$1" -t "$threads" -p "$PROMPT" -n "$GENERATE" -r 1
        done
    done
    printf '%-14s %-7s %3s' "$name" "$type" "$threads"
    row prompt
    row generate
    gbs=$(sort -g "$work/ours.bandwidth" | tail -n 1)
    bytes=$(grep '"test": "file"' "$work/file" | number token_bytes)
    awk -v s="$(median ours generate)" -v b="$bytes" -v m="$gbs" \
        'BEGIN { printf " %4.0f%% of %4.1f GB/s\n", s * b / m / 1e7, m }'
}

measure_embedding() { # FILE
    local round i
    rm -f "$work"/ours.* "$work"/peer[0-9].*
    for ((round = 0; round < ROUNDS; round++)); do
        run_ours "$1" --threads "$threads" --embed 256 --repeat 1
        for i in "${!peers[@]}"; do
            run_peer "$i" -m "$1" -t "$threads" -p 256 -n 0 -embd 1 -r 8
        done
    done
    printf '%-14s %-7s %3s' "$name" "$type" "$threads"
    row embed
    echo
}

# What has no peer: the cost of 8 tokens against one behind 256 others, loading, memory.
measure_ours() { # FILE
    "$bench" "$1" --threads "$threads" --prompt 64 --generate 0 --batch 8 --depth 256 >"$work/out"
    awk -v name="$name" -v type="$type" -v threads="$threads" -v q='"' '
        function field(key) { match($0, q key q ": *[0-9.]+"); s = substr($0, RSTART, RLENGTH); sub(/.*: */, "", s); return s + 0 }
        /"test": "file"/ { file = field("bytes") }
        /"test": "batch"/ { cost = field("cost") }
        /"test": "load"/ { load = field("ms") }
        /"test": "memory"/ { resident = field("running") - field("before") }
        END {
            printf "%-14s %-7s %3s %12.2fx %15.0f ms %9.0f MB %9.0f MB %6.2fx\n", name, type, threads, cost, load,
                file / 1e6, resident / 1e6, resident / file
        }' "$work/out"
}

each() { # FUNCTION KIND: for each model of that kind, its types and numbers of threads
    local name type threads kind types
    for name in $MODELS; do
        kind=decoder types=$TYPES
        if [ "$name" = minilm-l6 ]; then kind=embedding types=$EMBED_TYPES; fi
        if [ "$kind" != "$2" ]; then continue; fi
        for type in $types; do
            local file=$models/$name-$type.gguf
            if [ ! -s "$file" ]; then "$build/tools/make_model" "$name" "$type" "$file"; fi
            "$bench" "$file" --prompt 0 --generate 0 --batch 0 --load 0 >"$work/file" 2>/dev/null || true
            for threads in $THREADS; do "$1" "$file"; done
        done
    done
}

# Programs that wait by spinning lose far more on a busy machine than others do.
warn_if_busy() {
    local busy
    busy=$({ head -n 1 /proc/stat; sleep 2; head -n 1 /proc/stat; } | awk '
        { all = 0; for (i = 2; i <= NF; i++) all += $i; idle = $5 + $6 }
        NR == 1 { a = all; b = idle }
        END { printf "%.0f", 100 - 100 * (idle - b) / (all - a) }')
    if [ "$busy" -gt 10 ]; then echo "   the machine is ${busy}% busy with other things: the figures mean little"; fi
}

echo "== engine: medians of $ROUNDS interleaved rounds, tokens/s; kernels: ${CARREL_CPU:-the best there are}"
for i in "${!peers[@]}"; do echo "   peer $((i + 1)): ${peers[$i]}"; done
warn_if_busy
head_of_table "pp$PROMPT" "tg$GENERATE"
echo "  % of reading"
each measure_decoder decoder
head_of_table "256-chunk"
echo
each measure_embedding embedding
echo "ours alone: 8 tokens against 1 (behind 256), load to first token, file, resident with the cache"
each measure_ours decoder
for test in prompt generate embed; do
    if [ -s "$work/ratios.$test" ]; then
        echo "least ratio, $test: $(sort -g "$work/ratios.$test" | head -n 1)"
    fi
done
