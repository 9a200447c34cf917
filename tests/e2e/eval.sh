#!/usr/bin/env bash
# `carrel eval` as a user meets it: the samples' own questions, tests of all kinds, the report, a test
# that the library makes of itself, and everything that can be wrong with a file of questions.
#
# Usage: tests/e2e/eval.sh [BUILD_FOLDER]
set -uo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
build=$(cd "${1:-build}" && pwd)
carrel=$build/carrel
export CARREL_PARSE=$build/carrel-parse
export CARREL_MODELS=${CARREL_MODELS:-$root/models}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config LC_ALL=C.UTF-8
mkdir -p "$HOME"
cd "$work"
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); echo "ok - $1"; }
skip() { skipped=$((skipped + 1)); echo "SKIP: $1"; }
fail() {
    failed=$((failed + 1))
    echo "not ok - $1"
    cat out err 2>/dev/null | sed 's/^/    /' | tail -8
}
check() { # NAME CONDITION...
    local name=$1
    shift
    if "$@"; then pass "$name"; else fail "$name"; fi
}
run() { # NAME CODE ARGUMENTS...: the exit code, and on failure one sentence and no figures
    local name=$1 want=$2 got=0
    shift 2
    timeout 120 "$carrel" "$@" >out 2>err </dev/null || got=$?
    if [ "$got" -ne "$want" ]; then
        fail "$name (code $got, wanted $want)"
    elif [ "$want" -ne 0 ] && { [ "$(grep -c '^carrel: ' err)" -ne 1 ] || [ -s out ]; }; then
        fail "$name: not one sentence alone"
    else
        pass "$name"
    fi
}
says() { grep -qE -- "$1" out err; }
json() { # NAME FILTER: out is one object for which the filter is true
    if ! command -v jq >/dev/null; then
        skip "jq is not installed"
    elif jq -e -s "length == 1 and (.[0] | $2)" out >/dev/null 2>jq.err; then
        pass "$1"
    else
        fail "$1: $(cat jq.err)"
    fi
}
leftovers() { [ -z "$(find . -maxdepth 1 -name '*.new' -print -quit)" ]; }

# ---- before there is a library --------------------------------------------------------------------
questions=$root/samples/questions.jsonl
run "no library" 4 eval "$questions"
check "says how to make one" says 'carrel add'
run "no library, --self" 4 eval --self
run "nothing to measure with" 2 eval
check "names both ways" says '--self'
run "a test and --self" 2 eval --self "$questions"
run "--write without --self" 2 eval --write x.jsonl "$questions"
run "--seed without --self" 2 eval --seed 2 "$questions"
run "two tests" 2 eval "$questions" "$questions"
run "help" 0 help eval
check "help shows a line of a test" says '"answer": null'
run "help lists it" 0 help
check "in the list of commands" says '^  eval '
"$carrel" add "$root/samples" >/dev/null 2>&1

# ---- the samples' questions -------------------------------------------------------------------------
run "samples" 0 eval "$questions" --report samples.html
check "counts the kinds" says '50 questions .* 40 answerable, 10 unanswerable'
for name in hit@1 hit@3 hit@5 hit@10 MRR@10 'exact match' 'F1 ' precision recall 'Brier score' AURC median '95th percentile'; do
    check "tells $name" says "^  $name"
done
cp out samples.txt
run "samples as JSON" 0 eval "$questions" --json
json "all its parts" '.questions.total == 50 and .questions.unanswerable == 10 and (.entries | length) == 50'
# Far below what is measured, and far above chance: a sum that is wrong falls out on one side.
json "retrieval is plausible" '.retrieval | .questions == 40 and .["hit@1"] >= 0.8 and .["hit@10"] >= .["hit@1"] and .["mrr@10"] <= .["hit@10"] and .["mrr@10"] >= .["hit@1"]'
json "answers are plausible" '.answers | .questions == 40 and .first_three >= .first_sentence and .first_sentence >= 0.5 and .f1 >= .exact_match and .f1 < 1'
json "refusals add up" '.refusals | (.answerable.shown + .answerable.refused) == 40 and (.unanswerable.shown + .unanswerable.refused) == 10 and .recall == (.unanswerable.refused / 10)'
json "the bins hold every question" '([.confidence.bins[].questions] | add) == 50 and .confidence.brier > 0 and .confidence.brier < 0.25'
json "the curve ends with all" '.confidence.risk_coverage[-1].coverage == 1'
json "the verdicts are those of the entries" '. as $o | [.verdicts | to_entries[] | .key as $k | .value == ([$o.entries[] | select(.verdict == $k)] | length)] | all'
json "latency" '.latency_ms | .median > 0 and .p95 >= .median'
if command -v jq >/dev/null; then
    right=$(jq '.answers.right_place_cited_first * 40 | round' out)
    refused=$(jq '.refusals.unanswerable.refused' out)
    # The same questions through `ask`, judged by a program of its own.
    sed 's/^{"question": "//; s/", "document": .*//; s/\\"/"/g' "$questions" >plain
    "$carrel" ask --mode verbatim --json --questions plain >answers 2>/dev/null
    paste -d '\n' "$questions" answers | jq -s '[range(0; length; 2) as $i | {q: .[$i], a: .[$i + 1]}]' >pairs
    other=$(jq '[.[] | select(.q.page and (.a.refused | not)) | .q as $q
        | .a.sentences[0].citations[0] | select(.page == $q.page and (.document | endswith("/" + $q.document)))] | length' pairs)
    check "cites what ask cites ($right, $other)" test "$right" -eq "${other:-0}"
    check "refuses what ask refuses" test "$refused" -eq "$(jq '[.[] | select(.q.page | not) | select(.a.refused)] | length' pairs)"
fi
timeout 60 "$carrel" eval - --limit 5 --json <"$questions" >out 2>err
json "the standard input, spread" '.questions.total == 5 and .entries[1].line == 11'
run "no threshold" 0 eval "$questions" --threshold 0 --json
json "refuses nothing" '.refusals.answerable.refused == 0 and .refusals.recall == 0'
run "a threshold of 1" 0 eval "$questions" --threshold 1 --json
json "refuses all, and shows nothing right" '.refusals.answerable.refused == 40 and .refusals.precision == 0.2 and .answers.first_three == 0'
json "knows the confidence all the same" '.confidence.brier < 0.25'
run "one passage" 0 eval "$questions" --sources 1 --limit 10
run "a page beside the text" 0 eval "$questions" --limit 3 --json --report both.html
check "is there too" test -s both.html

# ---- the report ---------------------------------------------------------------------------------------
html=samples.html
check "is a whole page" test "$(tail -c 8 $html)" = '</html>'
check "has four drawings" test "$(grep -c '<svg ' $html)" -eq 4
if grep -qiE '<script|<link|<img|<iframe|@import|url\(|https?:|javascript:' $html; then fail "needs nothing else"; else pass "needs nothing else"; fi
misses=$(sed -n 's/.*<h2>Misses: \([0-9]*\) of.*/\1/p' $html)
check "shows every miss ($misses)" test "$(grep -c 'class="miss"' $html)" -eq "${misses:-0}"
check "shows a page" grep -q 'clinic-manual.pdf, p\. ' $html
if command -v xmllint >/dev/null; then
    xmllint --html --noout $html 2>xml.err
    if grep -av -e 'Tag \(main\|header\|footer\|section\|figure\|figcaption\|article\|svg\|path\|text\|rect\|circle\|title\|mark\) invalid' xml.err | grep -aq 'error :'; then
        fail "is well formed: $(grep -a 'error :' xml.err | head -3)"
    else
        pass "is well formed"
    fi
fi
cat >evil.md <<'X'
# <script>alert("title")</script>

The zymurgist keeps the key <img src=x onerror=alert(1)> under the barrel & the "lid".
X
"$carrel" add --library evil.db evil.md >/dev/null 2>&1
echo '{"question": "Where does <b>the zymurgist</b> keep the key?", "answer": "<i>nowhere</i> & never"}' >evil.jsonl
run "hostile text" 0 eval --library evil.db evil.jsonl --report evil.html
if grep -qE '<(script|img|b>the|i>)' evil.html; then fail "no tag of it gets in"; else pass "no tag of it gets in"; fi
check "it is shown escaped" grep -q '&lt;b&gt;the zymurgist&lt;/b&gt;' evil.html

# ---- files that cannot be written -------------------------------------------------------------------
run "a report in no folder" 5 eval "$questions" --report none/x.html
check "says which" says 'none/x.html'
run "a report in the place of a folder" 5 eval "$questions" --report "$work"
run "a report into a device" 5 eval "$questions" --report /dev/full
run "a test in no folder" 5 eval --self --write none/x.jsonl
check "no report is left of it" leftovers
run "both into one" 2 eval --self --write x --report x
cp samples.html before.html
run "a test that fails" 3 eval /dev/null --report samples.html
check "leaves the report as it was" cmp -s samples.html before.html

# ---- what is wrong with a file ------------------------------------------------------------------------
wrong() { # NAME PATTERN LINE...: a good line, then these
    local name=$1 pattern=$2
    shift 2
    printf '%s\n' '{"question": "Who has the key?", "answer": "Tobias"}' '' "$@" >wrong.jsonl
    run "$name" 3 eval wrong.jsonl --report wrong.html
    check "$name: line and reason" says "^carrel: wrong.jsonl, line 3.*$pattern"
    check "$name: no report" test ! -e wrong.html
}
wrong "no JSON" 'no JSON object' 'How old is it?'
wrong "cut off" 'no JSON object' '{"question": "x"'
wrong "two values" 'no JSON object' '{"question": "x"} {"question": "y"}'
wrong "no question" 'no "question"' '{"answer": "x"}'
wrong "mistyped key" 'did you mean "answer"' '{"question": "x", "anser": "y"}'
wrong "page of letters" 'number of a page' '{"question": "x", "page": "iv"}'
wrong "answer of no kind" '"answer" has to be' '{"question": "x", "answer": {"text": "y"}}'
wrong "contradiction" 'leave one of them out' '{"question": "x", "answer": null, "answerable": true}'
wrong "no such document" 'carrel ls' '{"question": "x", "document": "no-such.pdf", "page": 1}'
wrong "none to leave out" 'carrel ls' '{"question": "x", "answer": null, "without": "no-such.pdf"}'
wrong "not UTF-8" 'no JSON object' $'{"question": "\xff"}'
head -c 3000000 /dev/zero | tr '\0' x >long.jsonl
run "a line without end" 3 eval long.jsonl
: >empty.jsonl
run "an empty file" 3 eval empty.jsonl
check "says what to write" says '"question":'
printf '\n\n' >blank.jsonl
run "blank lines alone" 3 eval blank.jsonl
run "a file that is not there" 4 eval no-such.jsonl
run "a folder" 3 eval "$work"
printf '\xef\xbb\xbf{"question": "Who has the key to the generator?", "answer": "Tobias Lindqvist", "note": "x"}\r\n' >bom.jsonl
run "a file of Windows" 0 eval bom.jsonl --json
json "is read" '.entries[0].first_sentence == true'
# Each measure over the questions that have what it needs.
cat >part.jsonl <<'X'
{"question": "Who has the key to the generator?"}
{"question": "Who has the key to the generator?", "document": "clinic-manual.pdf"}
{"question": "Who has the key to the generator?", "page": [8, 9]}
{"question": "Who has the key to the generator?", "answer": ["nobody", "Tobias Lindqvist"], "id": "four"}
{"question": "Who has the key to the generator?", "answer": "Tobias Lindqvist", "without": "clinic-manual.pdf"}
{"question": "Who has the key to the generator?", "answerable": false, "without": "clinic-manual.pdf"}
X
run "half-known questions" 0 eval part.jsonl --json
json "are each counted where they can be" '.questions.not_said == 1 and .retrieval.questions == 4 and .answers.questions == 2 and .answers.place_questions == 2'
json "what is left out is not found" '.entries[4].rank == null and .entries[4].verdict == "not_retrieved" and ([.entries[4, 5].sentences[].document | endswith("clinic-manual.pdf")] | any | not)'
json "and is found again" '.entries[3].rank == 1 and .entries[3].id == "four"'

# ---- a test of itself -----------------------------------------------------------------------------------
sum=$(sha256sum "$XDG_DATA_HOME/carrel/library.db")
run "self" 0 eval --self --write one.jsonl --report self.html
check "says that it is easier" says 'easier than'
check "in the report too" grep -q 'easier than' self.html
run "self again" 0 eval --self --write two.jsonl --json
check "makes the same" cmp -s one.jsonl two.jsonl
json "of both kinds" '.questions.answerable > 20 and .questions.unanswerable > 20 and .questions.seed == 1'
cp out self.json
run "another seed" 0 eval --self --seed 2 --write three.jsonl --limit 20
check "makes another" test "$(cmp -s one.jsonl three.jsonl; echo $?)" -eq 1
check "of 20" test "$(wc -l <three.jsonl)" -eq 20
run "run again from its file" 0 eval one.jsonl --json
if command -v jq >/dev/null; then
    check "the same figures" test "$(jq -S '[.retrieval, .answers, .refusals, .verdicts]' out)" = "$(jq -S '[.retrieval, .answers, .refusals, .verdicts]' self.json)"
fi
printf '# Guide\n\n## Winter storage\n\nFill the tank with brine. Brine is a strong solution of salt in water.\n\n## Night latch\n\nThe latch falls at dusk.\n' >guide.md
"$carrel" add --library single.db guide.md >/dev/null 2>&1
run "one document" 0 eval --library single.db --self
check "says what is not measured" says 'refusals are not measured'
echo "nothing that could be asked stands here" >bare.txt
"$carrel" add --library bare.db bare.txt >/dev/null 2>&1
run "no headings, no definitions" 3 eval --library bare.db --self
check "says what to do" says 'write some of your own'
"$carrel" rm --library bare.db bare.txt >/dev/null 2>&1
run "an empty library" 3 eval --library bare.db --self
check "the library is as it was" test "$sum" = "$(sha256sum "$XDG_DATA_HOME/carrel/library.db")"
# Two versions of a document: either is right, and both go when nothing is to answer.
sed 's/at dusk/at nightfall/' guide.md >guide-2.md
"$carrel" add --library single.db guide-2.md "$root/samples/lease.txt" >/dev/null 2>&1
run "versions" 0 eval --library single.db --self --json --write versions.jsonl
json "are no false misses" '.retrieval["hit@1"] == 1'
check "are left out together" grep -q 'Brine.*"without": \[".*guide.*", ".*guide.*"\]' versions.jsonl

# ---- stopping -----------------------------------------------------------------------------------------------
for _ in $(seq 40); do cat "$questions"; done >many.jsonl
cp samples.html stopped.html
for signal in INT TERM; do
    env --default-signal=INT "$carrel" eval many.jsonl --report stopped.html >out 2>err &
    job=$!
    for _ in $(seq 500); do ls stopped.html.*.new >/dev/null 2>&1 && break; sleep 0.02; done
    sleep 0.3
    kill -$signal $job
    wait $job
    got=$?
    check "$signal ends it with code 9" test $got -eq 9
    check "$signal: one sentence, no figures" test "$(wc -l <err)" -eq 1 -a ! -s out
    check "$signal: the old report stays" cmp -s stopped.html samples.html
    check "$signal: nothing is left beside it" leftovers
done

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
