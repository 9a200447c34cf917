#!/usr/bin/env bash
# The short hostile corpus (tests/hostile): broken, deep, looping and malicious files of every format leave
# one sentence each and a sound library in which a good document still answers. `make hostile` runs the
# whole corpus, each file by itself too.
#
# Usage: tests/e2e/hostile.sh [BUILD_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(cd "${1:-build}" && pwd)
export CARREL_MODELS=${CARREL_MODELS:-$PWD/models} LC_ALL=C.UTF-8
if ! command -v python3 >/dev/null; then
    echo "SKIP: python3 is not installed"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -B tests/hostile/make.py "$work/corpus" --short >"$work/count"
if [ "$(cat "$work/count")" -lt 200 ]; then
    echo "the corpus has only $(cat "$work/count") files"
    exit 1
fi
python3 -B tests/hostile/run.py "$build" "$work/corpus"
