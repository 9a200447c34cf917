#!/usr/bin/env bash
# Drafting and kept prefixes on real text: tests/bench/bench_drafts.c over the questions of EVAL_DIR/answers.
# Acceptance comes from a decoder of one layer, times from one of a whole shape; both have random weights
# and the words of a real vocabulary.
#
# usage: tests/bench/drafts.sh BUILD EVAL_DIR
# By way of the environment, or of `make bench NAME=...`:
#   VOCABULARY       a GGUF with a real vocabulary (../shared/parity/tokenizers/real-phi-3.gguf), and one for
#   DRAFT_SHAPE      that has room for it (smollm2-135m; qwen2.5-0.5b also takes real-gpt-2.gguf)
#   DRAFT_TYPE       of its weights (q8_0)
#   DRAFT_QUESTIONS  for acceptance (20), DRAFT_PAIRS for shared prompts (100)
#   DRAFT_TIMED      questions that are timed (1), DRAFT_KEPT pairs of them (2), DRAFT_ROUNDS (2)
#   DRAFT_THREADS    0: as many as there are cores
# For figures to quote: DRAFT_QUESTIONS=200 DRAFT_PAIRS=200 DRAFT_TIMED=10 DRAFT_KEPT=9 DRAFT_ROUNDS=3.
set -euo pipefail
build=$(cd "${1:?usage: tests/bench/drafts.sh BUILD EVAL_DIR}" && pwd)
eval_dir=${2:-../shared/eval}
cd "$(dirname "$0")/../.."
: "${VOCABULARY=../shared/parity/tokenizers/real-phi-3.gguf}" "${DRAFT_SHAPE=smollm2-135m}" "${DRAFT_TYPE=q8_0}"
: "${DRAFT_QUESTIONS=20}" "${DRAFT_PAIRS=100}" "${DRAFT_TIMED=1}" "${DRAFT_KEPT=2}" "${DRAFT_ROUNDS=2}" "${DRAFT_THREADS=0}"
export CARREL_MODELS=${CARREL_MODELS:-$PWD/models}
set_file=
for file in "$eval_dir"/answers/*.json.gz; do set_file=${set_file:-$file}; done
for needed in "$set_file" "$VOCABULARY"; do
    if [ ! -r "$needed" ]; then
        echo "SKIP: $needed is not here"
        exit 0
    fi
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CONFIG_HOME=$work/config # the built-in models, whatever the user has chosen
measure() { # LAYERS OPTIONS...: with the decoder of so many layers, 0 for all
    "$build/tools/make_model" "$DRAFT_SHAPE" "$DRAFT_TYPE" "$work/decoder.gguf" "$1" "$VOCABULARY"
    "$build/bench_drafts" --decoder "$work/decoder.gguf" --set "$set_file" --folder "$work" --carrel "$build/carrel" \
        --rounds "$DRAFT_ROUNDS" --threads "$DRAFT_THREADS" "${@:2}"
}

echo "== drafts and kept prefixes: $(basename "$set_file" .json.gz), $(basename "$VOCABULARY")"
measure 1 --questions "$DRAFT_QUESTIONS" --pairs "$DRAFT_PAIRS"
echo "   timed: $DRAFT_SHAPE $DRAFT_TYPE, least of $DRAFT_ROUNDS rounds in turn"
measure 0 --timed "$DRAFT_TIMED" --kept "$DRAFT_KEPT"
