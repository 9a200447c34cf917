#!/usr/bin/env bash
# The program as a user and a script meet it: exit codes, output, interruption, damage.
# usage: tests/e2e/cli.sh BUILD
. "$(dirname "$0")/../support/e2e.sh"

# code NAME CODE ARGS...: the exit code is right, and a failure is one sentence on stderr.
code() {
    name=$1
    shift
    if ! run "$@"; then
        not_ok "$name" "exit code $got, not $want"
    elif [ "$want" -ne 0 ] && { [ "$(wc -l <err)" -ne 1 ] || ! grep -q '^carrel: ' err; }; then
        not_ok "$name" "stderr is not one sentence"
    else
        ok "$name"
    fi
}
count_documents() { "$carrel" ls "$@" 2>/dev/null | tail -n +2 | wc -l; }

# ---- documents of our own ----------------------------------------------------------------------
mkdir -p docs/sub docs/.git
cat >docs/lamp.md <<'X'
# Signal lamp

## Battery

The battery of the signal lamp lasts eleven hours. Charge it with 24 volts.

## Lens

Clean the lens with distilled water every 40 days.
X
cat >docs/garden.txt <<'X'
The quince tree is pruned in February. Its fruit is harvested in the second week of October.

The greenhouse is heated to 14 degrees in winter.
X
cat >docs/sub/ferry.html <<'X'
<!doctype html><html><head><title>Ferry timetable</title></head><body><h1>Ferry timetable</h1>
<p>The last ferry to Anholt leaves at 21:40 from pier 3.</p></body></html>
X
printf '\001\002 no document' >docs/archive.zip
echo 'Text that git keeps.' >docs/.git/hidden.txt

# ---- help, usage -------------------------------------------------------------------------------
for c in add sync watch ask search ls rm status model help version; do
    run 0 "$c" --help && grep -q "Example" out && grep -q "carrel $c" out && [ ! -s err ] &&
        ok "$c --help" || not_ok "$c --help" "no help with an example"
done
code "help" 0 help
code "help exit-codes" 0 help exit-codes
says "help exit-codes lists them" out "^ 10 "
code "version" 0 --version
says "version says one" out "^carrel [0-9]+\.[0-9]+"
run 2 && ok "no command" || not_ok "no command" "exit code $got"
code "mistyped command" 2 serach x
says "mistyped command names the nearest" err "did you mean .carrel search"
code "mistyped option" 2 search --limt 3 x
says "mistyped option names the nearest" err "did you mean --limit"
code "number out of bounds" 2 search --limit 0 x
code "no choice" 2 search --ranking best x
code "value missing" 2 ls --library
code "operand too many" 2 ls x
code "add nothing" 2 add
code "ask nothing" 2 ask
code "question empty" 2 ask "  "
code "question twice" 2 ask x --questions -
code "model verb" 2 model usee x
code "rm nothing" 4 rm x

# ---- no library --------------------------------------------------------------------------------
for c in "ls" "status" "search x" "ask x" "rm x"; do
    # shellcheck disable=SC2086
    code "no library: $c" 4 $c
done
code "missing path" 4 add no-such-file
mkdir empty
code "empty folder" 3 add empty
[ -e data/carrel ] && not_ok "nothing added makes no library" "it is there" ||
    ok "nothing added makes no library"

# ---- adding ------------------------------------------------------------------------------------
run 0 add docs && ok "add" || not_ok "add" "exit code $got"
says "add tells of each document" out "^added docs/lamp.md \(1 page, [0-9]+ chunks?\)"
says "add tells of what is no document" out "not read docs/archive.zip: "
says_not "add leaves hidden files alone" out "hidden"
says "add sums up" out "^3 added, 1 not read in .* documents/s, .* pages/s"
run 0 add docs docs/lamp.md && grep -q "^4 present" out && ok "add twice" ||
    not_ok "add twice" "not 4 present"
sed -i 's/eleven hours/thirteen hours/' docs/lamp.md
run 0 add docs && grep -q "1 replaced, 2 present" out && ok "changed file" ||
    not_ok "changed file" "not 1 replaced, 2 present"
run 0 search --ranking words eleven && ! grep -q "eleven" out && ok "the former text is gone" ||
    not_ok "the former text is gone" "found"
run 0 add --json docs
json "add --json" '.added == 0 and .present == 3 and (.documents | length) == 3'
cp docs/garden.txt docs/copy.txt
run 0 add docs && grep -q "4 present" out && ok "same bytes under another name" ||
    not_ok "same bytes under another name" "not 4 present"
echo 'The well has a depth of nine fathoms.' >docs/copy.txt
run 0 add docs && cp docs/garden.txt docs/copy.txt && run 0 add docs && grep -q "^replaced docs/copy.txt (its bytes" out &&
    run 0 search --ranking words fathoms && grep -q "Nothing found" out && ok "a file that became another's copy" ||
    not_ok "a file that became another's copy" "its former text is there"
rm docs/copy.txt
# A moved file is cited where it lies now; a copy beside it changes nothing.
mv docs/garden.txt docs/moved.txt
run 0 add docs && run 0 ls --json && grep -q "docs/moved.txt" out && ! grep -q "docs/garden.txt" out && ok "a moved file" ||
    not_ok "a moved file" "it is cited under its former path"
cp docs/moved.txt docs/garden.txt
run 0 add docs && run 0 ls --json && grep -q "docs/moved.txt" out && ! grep -q "docs/garden.txt" out && ok "a copy of it" ||
    not_ok "a copy of it" "the path changed"
mv docs/moved.txt docs/garden.txt
run 0 add docs || not_ok "moved back" "code $got"
: >docs/nothing.txt
printf '%%PDF-1.7 and no more' >docs/broken.pdf
run 3 add docs && grep -q "broken.pdf: " out && ok "a broken file fails alone" ||
    not_ok "a broken file fails alone" "exit code $got"
says "an empty file is told of" out "nothing.txt: it is empty"
rm docs/nothing.txt docs/broken.pdf
run 4 add docs/lamp.md no-such-file && grep -q "1 present, 1 failed" out && ok "one of two missing" ||
    not_ok "one of two missing" "exit code $got"
printf 'The k\xe9fir grains are rinsed on Mondays.\n' >$'docs/caf\xe9\n\033[31m.txt'
run 0 add docs && ok "a name that is no UTF-8" || not_ok "a name that is no UTF-8" "exit code $got"
if LC_ALL=C grep -q $'\033' out; then not_ok "control characters of a name" "raw"; else ok "control characters of a name"; fi
run 0 ls --json
json "ls --json of such a name" '.documents | length == 4'
run 0 rm $'docs/caf\xe9\n\033[31m.txt' && ok "rm of such a name" || not_ok "rm of such a name" "exit code $got"
rm docs/caf*
mkfifo docs/pipe.txt
timeout 20 "$carrel" add docs >out 2>err && ok "a pipe is not waited for" || not_ok "a pipe is not waited for" "code $?"
mv docs/pipe.txt pipe.gguf
timeout 20 "$carrel" model info pipe.gguf >out 2>err
[ $? -eq 7 ] && ok "a pipe as model is not waited for" || not_ok "a pipe as model is not waited for" "not code 7"

# ---- reading -----------------------------------------------------------------------------------
# The date that a document states of itself; one that is none is passed over.
printf -- '---\ntitle: Sluice\ndate: 2024-02-29\n---\n\nThe sluice is greased in spring.\n' >docs/sluice.md
printf -- '---\ntitle: Weir\ndate: 2023-02-29\n---\n\nThe weir is cleared in autumn.\n' >docs/weir.md
run 0 add docs && run 0 status sluice.md && grep -q "^dated *2024-02-29$" out && run 0 status weir.md &&
    ! grep -q "^dated" out && ok "status tells the date" || not_ok "status tells the date" "$(grep dated out)"
run 0 ls --json
json "ls --json has it" '[.documents[] | select(.title == "Sluice" or .title == "Weir") | .dated] == ["2024-02-29", ""]'
run 0 search --json "when is the sluice greased"
json "search --json has it" '.results[0].dated == "2024-02-29"'
run 0 rm docs/sluice.md docs/weir.md
rm docs/sluice.md docs/weir.md
run 0 ls && [ "$(wc -l <out)" -eq 4 ] && ok "ls" || not_ok "ls" "not 4 lines"
run 0 ls --json
json "ls --json" '(.documents | length) == 3 and all(.documents[]; .hash | length == 64)'
run 0 status --check && grep -q "check *sound" out && ok "status --check" || not_ok "status --check" "code $got"
run 0 status --json --check
json "status --json" '.documents == 3 and .sound and .model.matches and .confinement.seccomp'
run 0 search "last ferry to Anholt" && head -1 out | grep -q "ferry.html" && ok "search" ||
    not_ok "search" "not the ferry first"
for how in fused words vectors; do
    run 0 search --json --limit 2 --ranking $how "last ferry"
    json "search --json --ranking $how" '.question == "last ferry" and (.results | length) <= 2 and
        all(.results[]; has("rank") and has("document") and has("page_first") and has("page_last")
        and has("heading") and has("text") and has("score"))'
done
run 0 search --ranking words xyzzyqwert && grep -q "Nothing found" out && ok "search finds nothing" ||
    not_ok "search finds nothing" "code $got"
run 0 ask --threshold 0 when does the last ferry leave && grep -q "21:40" out && grep -q "ferry.html" out &&
    ok "ask" || not_ok "ask" "no time or no document"
run 0 ask --threshold 1 --json "what is the capital of Peru?"
json "ask refuses" '.refused and .answer == "" and .sentences == [] and (.sources | type) == "array"'
run 0 ask --threshold 1 "what is the capital of Peru?" && grep -q "^Not in these documents" out &&
    ok "refusal says so" || not_ok "refusal says so" "code $got"
run 0 ask --threshold 0 --json "when is the quince tree pruned?"
json "ask --json" '(.refused | not) and .mode == "verbatim" and (.timings_ms | has("search") and
    has("read") and has("write") and has("total")) and (.sentences | length > 0) and
    all(.sentences[]; .verified and all(.citations[]; has("document") and has("page") and
    has("label") and has("heading") and has("quote") and has("boxes"))) and (.confidence | type) == "number"'
code "no such chat format" 2 ask --chat klingon "when?"
code "write without a decoder" 7 ask --mode write "when?"
printf 'when is the quince tree pruned?\n\n  \r\nhow warm is the greenhouse?\n\xff\xfe?\n' >questions
printf '%09000d\n' 7 >>questions
"$carrel" ask --questions questions >out 2>err
[ $? -eq 6 ] && [ "$(wc -l <out)" -eq 4 ] && ok "ask --questions, one too long" ||
    not_ok "ask --questions, one too long" "not 4 lines and code 6"
json "ask --questions is JSON" 'has("question") and (has("refused") or has("error"))'
if grep -q __asan_init "$carrel"; then
    skip "a question without an end" "AddressSanitizer needs more address space than the limit here"
else
    head -c 300000000 /dev/zero | (ulimit -v 250000 && "$carrel" ask --questions - >out 2>err)
    [ $? -eq 6 ] && [ "$(wc -l <out)" -eq 1 ] && ok "a question without an end" ||
        not_ok "a question without an end" "not one line and code 6"
fi
printf 'quince\nferry\n' | "$carrel" search --questions - >out 2>err
json "search --questions -" '.results | length > 0'
code "questions that are not there" 4 ask --questions no-such-file
"$carrel" search $'the ferry \033[31m \xff' >out 2>err && ok "question with odd bytes" || not_ok "question with odd bytes" "code"

# ---- removing ----------------------------------------------------------------------------------
code "rm of what is not there" 4 rm garden.txt no-such
[ "$(count_documents)" -eq 3 ] && ok "then nothing is removed" || not_ok "then nothing is removed" "less"
run 0 rm garden.txt && grep -q "^removed #.*garden.txt" out && ok "rm by name" || not_ok "rm by name" "code $got"
run 0 search --ranking words quince && grep -q "Nothing found" out && ok "rm removes the words" ||
    not_ok "rm removes the words" "found"
LC_ALL=C grep -qi quince data/carrel/library.db* && not_ok "rm leaves nothing readable" "found in the file" ||
    ok "rm leaves nothing readable"
id=$("$carrel" ls | awk '/ferry/ {sub("#", "", $1); print $1}')
run 0 rm "$id" && ok "rm by number" || not_ok "rm by number" "code $got"
run 0 rm docs && grep -q "lamp.md" out && ok "rm by folder" || not_ok "rm by folder" "code $got"
run 0 add docs
code "rm --all asks for --yes" 2 rm --all
run 0 rm --all --yes && [ "$(count_documents)" -eq 0 ] && ok "rm --all --yes" || not_ok "rm --all --yes" "code $got"
run 0 ask "anything" && grep -q "is empty" err && ok "ask of an empty library" || not_ok "ask of an empty library" "code $got"

# ---- many documents: threads, pipes, Ctrl-C ----------------------------------------------------
mkdir many
for i in $(seq 400); do
    printf 'Cabinet %d holds the deeds of parcel %d.\n\nIts key is number %d.\n' "$i" $((i * 7)) $((i * 13)) >"many/deed-$i.txt"
done
set -m # background jobs get Ctrl-C like a program at a terminal
"$carrel" add --library many.db --jobs 2 many >out 2>err &
job=$!
for _ in $(seq 1500); do [ "$(wc -l <out)" -ge 20 ] && break; sleep 0.02; done
kill -INT $job
wait $job
got=$?
set +m
kept=$(count_documents --library many.db)
if [ "$got" -eq 0 ] && [ "$kept" -eq 400 ]; then
    skip "Ctrl-C" "all 400 were added before it came"
elif [ "$got" -eq 9 ] && [ "$kept" -gt 0 ] && [ "$kept" -eq "$(grep -c '^added' out)" ]; then
    ok "Ctrl-C stops with code 9 and keeps what was told"
else
    not_ok "Ctrl-C" "code $got, $kept kept"
fi
run 0 status --check --library many.db && ok "the library is sound then" || not_ok "the library is sound then" "code $got"
run 0 add --library many.db many && [ "$(count_documents --library many.db)" -eq 400 ] &&
    ok "the rest is added afterwards" || not_ok "the rest is added afterwards" "code $got"
run 0 add --library one.db --jobs 1 many && run 0 add --library four.db --jobs 4 many
"$carrel" ls --library one.db | awk '{print $1, $2}' >one
"$carrel" ls --library four.db | awk '{print $1, $2}' >four
cmp -s one four && ok "the number of parsers changes nothing" || not_ok "the number of parsers changes nothing" "other order"
set -o pipefail
"$carrel" ls --library many.db 2>err | head -1 >out
[ "${PIPESTATUS[0]}" -eq 0 ] && [ ! -s err ] && ok "ls | head ends quietly" || not_ok "ls | head ends quietly" "noise"
seq 2000 | sed 's/$/ parcel/' | "$carrel" search --library many.db --questions - 2>err | head -2 >out
[ ! -s err ] && [ "$(wc -l <out)" -eq 2 ] && ok "search | head ends quietly" || not_ok "search | head ends quietly" "noise"
set +o pipefail
if [ -w /dev/full ]; then
    "$carrel" ls --library many.db >/dev/full 2>err
    [ $? -eq 5 ] && grep -q "output could not be written" err && ok "a full disk under the output" ||
        not_ok "a full disk under the output" "code"
else
    skip "a full disk under the output" "no /dev/full"
fi
"$carrel" ls --library many.db >&- 2>err
got=$?
[ $got -eq 0 ] || [ $got -eq 5 ] && ok "stdout closed" || not_ok "stdout closed" "code $got"
run 0 status --check --library many.db && ok "and the library is sound" || not_ok "and the library is sound" "code $got"

for name in ':memory:' 'file:x?mode=memory' 'a#%20b?.db'; do
    run 0 add --library "$name" docs && [ "$(count_documents --library "$name")" -gt 0 ] && [ -s "$name" ] &&
        ok "a library called $name" || not_ok "a library called $name" "code $got"
done

# ---- damage ------------------------------------------------------------------------------------
head -c 30000 /dev/urandom >random.db
code "a library that is none" 8 ls --library random.db
: >void.db
code "an empty file as library: nothing was added yet" 4 ls --library void.db
cp many.db cut.db
truncate -s 50000 cut.db
"$carrel" status --check --library cut.db >out 2>err
[ $? -eq 8 ] && [ "$(wc -l <err)" -eq 1 ] && ok "a library cut short" || not_ok "a library cut short" "code"
mkdir folder.db
"$carrel" ls --library folder.db >out 2>err
got=$?
[ $got -eq 3 ] && [ "$(wc -l <err)" -eq 1 ] && ok "a folder as library" || not_ok "a folder as library" "code $got"
if [ "$(id -u)" -eq 0 ]; then
    skip "a folder that cannot be written" "root writes everywhere"
    skip "a file that cannot be read" "root reads everything"
else
    mkdir locked && chmod 500 locked
    run 5 add --library locked/l.db docs || run 8 add --library locked/l.db docs &&
        ok "a folder that cannot be written" || not_ok "a folder that cannot be written" "code $got"
    cp docs/lamp.md secret.txt && chmod 000 secret.txt
    run 3 add secret.txt && ok "a file that cannot be read" || not_ok "a file that cannot be read" "code $got"
fi
"$carrel" add --library /proc/none/l.db docs >out 2>err
got=$?
[ $got -eq 5 ] || [ $got -eq 8 ] && ok "a library where none can be" || not_ok "a library where none can be" "code $got"

# ---- models ------------------------------------------------------------------------------------
run 0 model ls && [ "$(grep -cE '^\* carrel-(embed|reader).gguf .*built in$' out)" -eq 2 ] && ok "model ls" || not_ok "model ls" "code $got"
run 0 model ls --json
json "model ls --json" '(.models | length) == 2 and all(.models[]; .runs and (.hash | length) == 64)'
own=$(jq -r '.models[0].path' out 2>/dev/null || sed -n 's/.*"path": *"\([^"]*\)".*/\1/p' out | head -1)
mkdir other
cp "${own%/*}"/*.gguf other/
LC_ALL=C sed -i 's/carrel-embed/carrel-emb3d/' other/carrel-embed.gguf
run 0 add docs
installed=$CARREL_MODELS
export CARREL_MODELS=$work/other
code "another model: ask" 7 ask ferry
says "another model is named" err "carrel-emb3d"
code "another model: add" 7 add docs
code "another model: search" 7 search ferry
run 0 search --ranking words ferry && ok "another model: words go on" || not_ok "another model: words go on" "code $got"
run 0 ls && ok "another model: ls goes on" || not_ok "another model: ls goes on" "code $got"
run 0 status && grep -q "installed is another" out && ok "another model: status tells" || not_ok "another model: status tells" "code $got"
run 0 rm lamp.md && ok "another model: rm goes on" || not_ok "another model: rm goes on" "code $got"
mkdir none
export CARREL_MODELS=$work/none
code "no model: ask" 7 ask ferry
code "no model: add" 7 add docs
code "no model: ls goes on" 0 ls
: >none/carrel-embed.gguf
code "an empty model" 7 ask ferry
export CARREL_MODELS=$installed
code "model use: not there" 4 model use no-such.gguf
"$carrel" model use docs/lamp.md >out 2>err
got=$?
{ [ $got -eq 7 ] || [ $got -eq 3 ]; } && [ "$(wc -l <err)" -eq 1 ] && ok "model use: no model" || not_ok "model use: no model" "code $got"
code "model use: the reader" 7 model use "$CARREL_MODELS/carrel-reader.gguf"
[ -e config/carrel/decoder ] && not_ok "nothing is recorded then" "it is" || ok "nothing is recorded then"
mkdir -p config/carrel
echo /no/such/decoder.gguf >config/carrel/decoder
"$carrel" ask ferry >out 2>err
got=$?
[ $got -ne 0 ] && grep -q "decoder" err && ok "a recorded decoder that is gone" || not_ok "a recorded decoder that is gone" "code $got"
head -c 9000 /dev/urandom >config/carrel/decoder
code "a broken record" 7 ask ferry
run 0 model use built-in && [ ! -e config/carrel/decoder ] && ok "model use built-in" || not_ok "model use built-in" "code $got"

# A decoder with random weights says nothing that a page bears out: the checks must catch all of it.
decoder=$root/../shared/parity/models/llama-q8_0.gguf
if [ -r "$decoder" ]; then
    run 0 model use "$decoder" && [ -s config/carrel/decoder ] && ok "model use" || not_ok "model use" "code $got"
    run 0 model info && grep -q "llama" out && ok "model info of it" || not_ok "model info of it" "code $got"
    run 0 ask --threshold 0 "when does the last ferry leave?" && grep -q "not verified" out &&
        ok "what no page bears out is marked" || not_ok "what no page bears out is marked" "code $got"
    if LC_ALL=C tr -d '\n' <out | LC_ALL=C grep -q '[[:cntrl:]]'; then not_ok "control characters of a decoder" "raw"; else ok "control characters of a decoder"; fi
    run 0 ask --threshold 0 --json "when does the last ferry leave?"
    json "ask --json with a decoder" '.mode == "write" and all(.sentences[]; .verified or (.reason | length > 0))'
    cp out first
    run 0 ask --threshold 0 --json "when does the last ferry leave?"
    if command -v jq >/dev/null; then
        [ "$(jq .answer out)" = "$(jq .answer first)" ] && ok "the same seed, the same answer" ||
            not_ok "the same seed, the same answer" "another"
    fi
    run 0 ask --threshold 0 --strict "when does the last ferry leave?" && ! grep -q "not verified" out &&
        ok "--strict drops it" || not_ok "--strict drops it" "code $got"
    run 0 ask --mode verbatim --threshold 0 "when does the last ferry leave?" && ! grep -q "not verified" out &&
        ok "verbatim with a decoder" || not_ok "verbatim with a decoder" "code $got"
    # What it thinks is shown when asked for, apart from the answer, and never counts as one.
    run 0 model use "$decoder" --chat qwen3-thinking && [ "$(sed -n 2p config/carrel/decoder)" = "chat qwen3-thinking" ] &&
        ok "model use --chat is recorded" || not_ok "model use --chat is recorded" "code $got"
    run 0 ask --threshold 0 --thinking "when does the last ferry leave?" && [ "$(head -1 out)" = "<think>" ] && grep -q "^</think>" out &&
        ok "ask --thinking" || not_ok "ask --thinking" "code $got"
    run 0 ask --threshold 0 "when does the last ferry leave?" && ! grep -q "think>" out &&
        ok "thinking is not shown otherwise" || not_ok "thinking is not shown otherwise" "code $got"
    run 0 ask --threshold 0 --thinking --json "when does the last ferry leave?"
    json "ask --thinking --json" '.thinking | length > 0'
    run 0 ask --threshold 0 --no-thinking --thinking --json "when does the last ferry leave?"
    json "ask --no-thinking" '.thinking == ""'
    run 0 ask --mode verbatim --threshold 0 --thinking --json "when does the last ferry leave?"
    json "verbatim does not think" '.thinking == "" and (.sentences | all(.verified))'
    run 0 ask --threshold 0 --chat plain --thinking --json "when does the last ferry leave?"
    json "--chat wins over the record" '.thinking == ""'
    run 0 model use "$decoder"
    # What it has read is kept for the next question, for nobody else, and goes when the library changes.
    kept=$work/data/carrel/library.db.kept
    rm -f "$kept"
    run 0 ask --threshold 0 "when does the last ferry leave?" && [ "$(stat -c %a "$kept" 2>/dev/null)" = 600 ] &&
        ok "what was read is kept, mode 600" || not_ok "what was read is kept, mode 600" "code $got, $(ls -l "$kept" 2>&1)"
    cp out first
    before=$(stat -c %i "$kept" 2>/dev/null)
    run 0 ask --threshold 0 "when does the last ferry leave?" && cmp -s out first && [ "$(stat -c %i "$kept")" = "$before" ] &&
        ok "and changes no answer" || not_ok "and changes no answer" "another answer, or written again"
    : >"$kept.part"
    run 0 ask --threshold 0 --fresh "when does the last ferry leave?" && cmp -s out first && [ ! -e "$kept" ] && [ ! -e "$kept.part" ] &&
        ok "--fresh leaves nothing" || not_ok "--fresh leaves nothing" "code $got, $(ls -l "$kept"* 2>&1)"
    mkdir "$kept" && run 0 ask --threshold 0 "when does the last ferry leave?" && cmp -s out first &&
        ok "where it cannot be kept nothing is missing" || not_ok "where it cannot be kept nothing is missing" "code $got"
    rmdir "$kept"
    run 0 ask --threshold 0 "when does the last ferry leave?" && [ -e "$kept" ] && : >"$kept.part" &&
        run 0 rm "ferry.html" && [ ! -e "$kept" ] && [ ! -e "$kept.part" ] &&
        ok "rm takes it away" || not_ok "rm takes it away" "code $got, $(ls -l "$kept"* 2>&1)"
    run 0 ask --threshold 0 "when does the last ferry leave?" && [ -e "$kept" ] && run 0 add docs && [ ! -e "$kept" ] &&
        ok "add takes it away" || not_ok "add takes it away" "code $got, $(ls -l "$kept" 2>&1)"
    # A document is removed while questions about it are still being answered: nothing of it comes back.
    yes "when does the last ferry leave?" | head -500 >questions
    "$carrel" ask --threshold 0 --questions questions >out 2>err &
    job=$!
    for _ in $(seq 1500); do [ -s out ] && break; sleep 0.02; done
    run 0 rm "ferry.html"
    kill -TERM $job
    wait $job
    [ ! -e "$kept" ] && ok "nothing comes back after rm" || not_ok "nothing comes back after rm" "$(ls -l "$kept")"
    run 0 add docs
    yes "when does the last ferry leave?" | head -500 >questions
    "$carrel" ask --threshold 0 --questions questions >out 2>err &
    job=$!
    for _ in $(seq 1500); do [ -s out ] && break; sleep 0.02; done
    kill -TERM $job
    wait $job
    got=$?
    [ $got -eq 9 ] && ok "a question is stopped with code 9" || not_ok "a question is stopped with code 9" "code $got"
    run 0 model use built-in
else
    echo "SKIP: ../shared is not here"
    skip "decoder" "../shared is not here"
fi

# ---- the promise of silence --------------------------------------------------------------------
if ldd "$carrel" | grep -qiE 'curl|ssl|gnutls|nghttp'; then not_ok "no network library" "linked"; else ok "no network library"; fi
if command -v strace >/dev/null && strace -f -o /dev/null true 2>/dev/null; then
    strace -f -e trace=socket,connect -o trace "$carrel" ask --library many.db "parcel 7" >out 2>err
    grep -qE 'AF_INET|AF_INET6|connect\(' trace && not_ok "ask makes no connection" "$(head -1 trace)" || ok "ask makes no connection"
    strace -f -e trace=socket,connect -o trace "$carrel" add --library traced.db docs >out 2>err
    grep -qE 'AF_INET|AF_INET6|connect\(' trace && not_ok "add makes no connection" "$(head -1 trace)" || ok "add makes no connection"
else
    skip "no connection" "strace cannot trace here"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
