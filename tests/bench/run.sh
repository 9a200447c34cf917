#!/usr/bin/env bash
# `make bench`: what Carrel takes on this machine, in plain lines. Times are medians of several runs
# where a program can repeat itself; machines are noisy, so quote ratios between lines of one run.
# usage: tests/bench/run.sh BUILD EVAL_DIR
# What engine.sh takes from the environment (PEER=..., MODELS=...) may be given to make; MODEL_FILES is a
# folder that keeps its model files. So may what drafts.sh takes.
set -eu
build=${1:?usage: tests/bench/run.sh BUILD EVAL_DIR}
eval_dir=${2:-../shared/eval}
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== machine: $(nproc) cores, $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1)"
echo "== index: 100,000 vectors of 512, 1,600 documents"
"$build/bench_index" 100000 512 1600

echo "== the built-in reader, 5 passages of 300 tokens"
for cpu in scalar avx2 avx512; do
    CARREL_CPU=$cpu "$build/bench_engine" models/carrel-reader.gguf --embed 300 --chunks 5 |
        sed -n "s/.*\"ms\": *\([0-9.]*\).*/$cpu \1 ms/p"
done
bash tests/bench/engine.sh "$build" ${MODEL_FILES:+"$MODEL_FILES"}

bash tests/bench/drafts.sh "$build" "$eval_dir"

echo "== ask: whole process, samples/, median of 9"
"$build/carrel" --library "$work/s.db" add samples >/dev/null
for _ in 1 2 3 4 5 6 7 8 9; do
    begin=$(date +%s%N)
    "$build/carrel" --library "$work/s.db" ask "How long may an opened vial of tetanus vaccine be used?" >/dev/null
    echo $((($(date +%s%N) - begin) / 1000000))
done | sort -n | sed -n '5s/$/ ms/p'

echo "== ingest"
bash tests/bench/ingest.sh "$build" "$eval_dir"
