#!/usr/bin/env bash
# Embedding models and rerankers that a user brings: taken into use, asked with, killed half-way,
# taken up again, left. Models come from our own generator; their weights mean nothing, so what is
# checked is that vectors of one model alone are ever compared, and that words answer throughout.
#
# Usage: tests/e2e/models.sh [BUILD_FOLDER]
set -uo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
build=$(cd "${1:-build}" && pwd)
carrel=$build/carrel
export CARREL_PARSE=$build/carrel-parse
export CARREL_MODELS=${CARREL_MODELS:-$root/models}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config
mkdir -p "$HOME"
cd "$work"
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); echo "ok - $1"; }
skip() { skipped=$((skipped + 1)); echo "SKIP: $1"; }
fail() {
    failed=$((failed + 1))
    echo "not ok - $1"
    cat out err 2>/dev/null | sed 's/^/    /' | tail -5
}
check() { # NAME CONDITION...
    local name=$1
    shift
    if "$@"; then pass "$name"; else fail "$name"; fi
}
run() { # NAME CODE ARGUMENTS...: the exit code, and on failure a sentence at the end of stderr
    local name=$1 want=$2 got=0
    shift 2
    timeout 120 "$carrel" "$@" >out 2>err || got=$?
    if [ "$got" -ne "$want" ]; then
        fail "$name (code $got, wanted $want)"
    elif [ "$want" -ne 0 ] && ! grep -q '^carrel: ' err; then
        fail "$name: no sentence"
    else
        pass "$name"
    fi
}
says() { grep -qE -- "$1" out err; }
number() { # KEY [ARGUMENTS...]: of `status --json`, 0 where it is not there
    local key=$1
    shift
    "$carrel" status --json "$@" 2>/dev/null | grep -oE "\"$key\": *[0-9]+" | grep -oE '[0-9]+$' || echo 0
}
embedder=$XDG_CONFIG_HOME/carrel/embedder
reranker=$XDG_CONFIG_HOME/carrel/reranker
make() { "$build/tools/make_encoder" "$@"; }
make bert-mean all-MiniLM-L6-v2 mini.gguf
make qwen3-embedding Qwen3-Embedding qwen.gguf
make bert-rank ms-marco rank.gguf
make qwen3-reranker Qwen3-Reranker qrank.gguf

# ---- another embedding model --------------------------------------------------------------------
run "use before there is a library" 0 model use ./mini.gguf
check "says so" says 'there is no library yet'
run "back again" 0 model use --default embedding
run "add" 0 add "$root/samples/lease.txt" "$root/samples/press-manual.pdf"
chunks=$(number chunks)
"$carrel" search "notice of termination" >before.txt
run "use an embedding model" 0 model use ./mini.gguf
check "all chunks are embedded" says "; $chunks chunks of the library were embedded"
check "and told beforehand" says "^carrel: $chunks chunks of .* are embedded anew"
check "is recorded, with its hash" grep -qE '^hash [0-9a-f]{64} ' "$embedder"
run "status" 0 status --check
check "tells the model" says '^model +all-MiniLM-L6-v2, 48 wide, .*as chosen'
check "tells the choice" says '^chosen +mini.gguf embeds'
check "is sound" says '^check +sound'
run "ls" 0 model ls
check "ls marks it" says '^\* mini.gguf' && check "and not the built-in" says '^  carrel-embed.gguf'
run "info" 0 model info ./mini.gguf
check "tells its use" says '^in use +yes, it embeds'
run "search" 0 search "notice of termination"
check "finds it" says 'lease.txt'
run "search by vectors" 0 search --ranking vectors termination
run "ask" 0 ask "How long is the notice period of the tenant?"
check "answers" says 'notice of six months'
run "use it again" 0 model use ./mini.gguf
check "has nothing to do" says 'has its vectors already'
run "add with it" 0 add "$root/samples/minutes-2026-03.md"
check "none waits" test "$(number waiting)" -eq 0 -a "$(number vectors)" -gt "$chunks"
run "back to the built-in" 0 model use --default embedding
check "is forgotten" test ! -e "$embedder"
run "rm what was added" 0 rm minutes-2026-03.md
"$carrel" search "notice of termination" >after.txt
check "and everything is as it was" cmp -s before.txt after.txt

# ---- a library of another model -------------------------------------------------------------------
run "a second library" 0 add --library second.db "$root/samples/lease.txt"
run "of its own model" 0 model use ./mini.gguf --library second.db
run "the first is asked as it is" 0 search notice
run "add to it, as it is" 0 add "$root/samples/kaffeemaschine.md"
check "with its own vectors" test "$(number waiting)" -eq 0
run "use a third" 0 model use ./qwen.gguf
run "the second library: ask" 7 ask --library second.db notice
check "names both models" says 'all-MiniLM-L6-v2.*Qwen3-Embedding' && check "in one sentence" test "$(wc -l <err)" -eq 1
check "and what to do" says 'model use --default embedding'
run "the second library: add" 7 add --library second.db "$root/samples/press-manual.pdf"
run "the second library: words" 0 search --library second.db --ranking words notice
run "the second library: status" 0 status --library second.db
check "tells it" says 'installed is another'
run "the second library: embedded anew" 0 model use ./qwen.gguf --library second.db
run "the second library: ask again" 0 ask --library second.db notice
cp mini.gguf swapped.gguf
run "use a file" 0 model use ./swapped.gguf
cp qwen.gguf swapped.gguf
run "whose bytes were changed since" 7 search notice
rm swapped.gguf
run "or that is gone" 4 search notice
check "is told" says 'embedding model of `carrel model use`'
run "status tells too" 0 status
run "words go on" 0 search --ranking words notice
run "use built-in" 0 model use built-in
run "heals" 0 search notice

# ---- killed half-way --------------------------------------------------------------------------------
mkdir big
awk 'BEGIN { srand(1); for (d = 0; d < 8; d++) for (s = 0; s < 90; s++) {
    f = "big/" d ".md"; printf "# Part %d %d\n\n", d, s > f
    for (w = 0; w < 220; w++) printf "%s ", substr("quartzlampboatsreadoverhillsandrivers", 1 + int(rand() * 30), 3 + int(rand() * 5)) > f
    print "\n" > f } print "# The end\n\nThe zymurgist keeps the spare key under the third barrel." > "big/7.md" }'
run "a larger library" 0 add --library big.db big
chunks=$(number chunks --library big.db)
half() { # SIGNAL MODEL: starts `model use` and ends it when some chunks are embedded, but not all
    local pid=0 left=0 code=0
    "$carrel" model use "$2" --threads 1 --library big.db >out 2>err &
    pid=$!
    for _ in $(seq 400); do
        left=$(number waiting --library big.db)
        if [ "$left" -gt 0 ] && [ "$left" -lt "$chunks" ]; then break; fi
        kill -0 $pid 2>/dev/null || break
        sleep 0.02
    done
    kill "-$1" $pid 2>/dev/null
    wait $pid 2>/dev/null || code=$?
    left=$(number waiting --library big.db)
    ended=$code
    [ "$left" -gt 0 ] && [ "$left" -lt "$chunks" ]
}
if half KILL ./mini.gguf; then
    pass "killed half-way"
    run "half: the library is sound" 0 status --check --library big.db
    check "half: tells what waits" says 'only words find the others'
    run "half: words find what has no vector" 0 search --library big.db zymurgist
    check "half: and show it" says 'third barrel'
    run "half: vectors find what has one" 0 search --library big.db --ranking vectors --limit 10000 --json lamp
    check "half: and nothing else" test "$(grep -o '"rank": ' out | wc -l)" -eq "$(number vectors --library big.db)"
    run "half: ask" 0 ask --library big.db "Where does the zymurgist keep the spare key?"
    check "half: answers" says 'third barrel'
    run "half: rm" 0 rm --library big.db 0.md
    run "half: add goes on" 0 add --library big.db "$root/samples/lease.txt"
    check "half: all is embedded" test "$(number waiting --library big.db)" -eq 0
    run "half: sound in the end" 0 status --check --library big.db
else
    skip "the machine was too fast to be killed half-way"
fi
chunks=$(number chunks --library big.db)
if half TERM ./qwen.gguf; then
    pass "stopped half-way"
    check "stopped: says how to go on" test $ended -eq 9 -a "$(grep -c 'the same command goes on from there' err)" -eq 1
    left=$(number waiting --library big.db)
    run "stopped: the same command" 0 model use ./qwen.gguf --library big.db
    check "stopped: did the rest" says "; $left chunks of the library were embedded"
else
    skip "the machine was too fast to be stopped half-way"
fi
# Two at once: both come to an end, and every chunk has one vector.
"$carrel" model use ./mini.gguf --library big.db >/dev/null 2>&1 &
other=$!
run "two at once" 0 model use ./mini.gguf --library big.db
wait $other
check "two at once: the other" test $? -eq 0
run "two at once: sound" 0 status --check --library big.db
check "two at once: complete" test "$(number waiting --library big.db)" -eq 0
run "back, all of it" 0 model use built-in --library big.db
check "says so" says "embedded by the built-in model; $(number chunks --library big.db) chunks"

# ---- rerankers ----------------------------------------------------------------------------------------
"$carrel" search "notice of termination" >before.txt
for model in rank qrank; do
    run "use $model" 0 model use ./$model.gguf
    check "$model: is recorded" test "$(cat "$reranker")" = "$work/$model.gguf"
    run "$model: search" 0 search "notice of termination"
    check "$model: takes part" test "$(cmp -s out before.txt; echo $?)" -eq 1
    run "$model: words alone are not reranked" 0 search --ranking words "notice of termination"
    run "$model: ask" 0 ask "How long is the notice period of the tenant?"
    check "$model: answers" says 'six months'
done
run "ls" 0 model ls
check "ls marks it" says '^\* qrank.gguf +reranks'
run "no reranker" 0 model use --default reranking
"$carrel" search "notice of termination" >after.txt
check "and everything is as it was" cmp -s before.txt after.txt

# ---- what is refused ------------------------------------------------------------------------------------
head -c 9000 mini.gguf >cut.gguf
LC_ALL=C sed 's/general.architecture\(....\)\(........\)bert/general.architecture\1\2burt/' mini.gguf >burt.gguf
run "a file that is cut" 7 model use ./cut.gguf
run "an architecture nobody knows" 7 model use ./burt.gguf
run "the reader" 7 model use "$CARREL_MODELS/carrel-reader.gguf"
run "a chat format for an embedding model" 2 model use ./mini.gguf --chat chatml
run "--default with a name" 2 model use ./mini.gguf --default embedding
run "--default of what?" 2 model use --default decoder
check "nothing is recorded then" test ! -e "$embedder" -a ! -e "$reranker"
run "the built-in model's own file" 0 model use "$CARREL_MODELS/carrel-embed.gguf"
check "is no choice beside it" test ! -e "$embedder"
run "into the folder" 0 model add mini.gguf
run "use by name" 0 model use mini
run "rm: in use" 3 model rm mini
run "rm --force" 0 model rm mini --force
check "rm: the choice is gone" test ! -e "$embedder"
run "rm: the library says so" 7 search notice
run "use built-in, at last" 0 model use --default embedding
run "search, at last" 0 search notice

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
