#!/usr/bin/env bash
# Runs the short suite: unit tests (cmocka, as TAP), the replay of every fuzz corpus, the end-to-end
# scripts. Prints what failed in full and one line for each program, and ends on
#   N passed, N failed, N skipped
# usage: tests/run.sh BUILD
set -u
build=${1:?usage: tests/run.sh BUILD}
cd "$(dirname "$0")/.." || exit 2
build=$(cd "$build" && pwd) || exit 2
export CARREL_PARSE="$build/carrel-parse"
# A build beside the usual one (make B=build/asan) has no models/ above it.
[ -e "$build/../models/carrel-embed.gguf" ] || export CARREL_MODELS="$PWD/models"
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

# count NAME PASSED FAILED SKIPPED: adds up, and shows the log where something failed.
count() {
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    printf '%-34s %4d passed %4d failed %4d skipped\n' "$1" "$2" "$3" "$4"
    if [ "$3" -gt 0 ]; then sed 's/^/    /' "$log" | tail -n 60; else grep -h 'SKIP' "$log" | sort -u | head -3; fi
}

for program in "$build"/tests/test_*; do
    case $program in *.d | *.o) continue ;; esac
    CMOCKA_MESSAGE_OUTPUT=TAP timeout 300 "$program" >"$log" 2>&1
    code=$?
    # cmocka writes "not ok N # SKIP" for a test that skipped itself.
    skip=$(grep -ci '^\(not \)\?ok .*# skip' "$log")
    ok=$(grep -c '^ok ' "$log") bad=$(grep '^not ok ' "$log" | grep -civ '# skip')
    ok=$((ok - $(grep -ci '^ok .*# skip' "$log")))
    # A program that crashed, or ran no test, has failed, whatever it counted before.
    [ $code -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ] && [ "$skip" -eq 0 ] && bad=1
    count "${program##*/}" "$ok" "$bad" "$skip"
done

for program in "$build"/replay/fuzz_*; do
    case $program in *.d | *.o | *fuzz_\*) continue ;; esac
    name=${program##*/}
    corpus=tests/fuzz/corpus/${name#fuzz_}
    if timeout 120 "$program" "$corpus" >"$log" 2>&1; then count "replay ${name#fuzz_}" 1 0 0; else count "replay ${name#fuzz_}" 0 1 0; fi
done

for script in tests/e2e/*.sh; do
    timeout 600 bash "$script" "$build" >"$log" 2>&1
    code=$?
    last=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
        p=${BASH_REMATCH[1]} f=${BASH_REMATCH[2]} s=${BASH_REMATCH[4]:-0}
        [ $code -ne 0 ] && [ "$f" -eq 0 ] && f=1
        count "${script#tests/}" "$p" "$f" "$s"
    else
        count "${script#tests/}" 0 1 0
    fi
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
