#!/usr/bin/env bash
# carrel model: the folder and the choice, files that are broken in every way, and how much of the
# machine is taken (--threads, --power). Models come from our own generator.
#
# Usage: tests/e2e/model.sh [BUILD_FOLDER]
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
root=$PWD
build=$(cd "${1:-build}" && pwd)
carrel=$build/carrel
export CARREL_PARSE=$build/carrel-parse
export CARREL_MODELS=${CARREL_MODELS:-$root/models}
# A leak checker at exit cannot work under strace.
export ASAN_OPTIONS=detect_leaks=0
work=$(mktemp -d)
trap 'chmod -R u+rwX "$work"; rm -rf "$work"' EXIT
export HOME=$work/home XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config
mkdir -p "$HOME"
cd "$work" || exit 2
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
run() { # NAME CODE ARGUMENTS...: the exit code, and on failure exactly one sentence
    local name=$1 want=$2 got=0
    shift 2
    timeout 120 "$carrel" "$@" >out 2>err || got=$?
    if [ "$got" -ne "$want" ]; then
        fail "$name (code $got, wanted $want)"
    elif [ "$want" -ne 0 ] && { [ "$(wc -l <err)" -ne 1 ] || ! grep -q '^carrel: ' err; }; then
        fail "$name: not one sentence"
    else
        pass "$name"
    fi
}
says() { grep -qE -- "$1" out err; }
folder=$XDG_DATA_HOME/carrel/models
record=$XDG_CONFIG_HOME/carrel/decoder

"$build/tools/make_model" tiny f32 tiny.gguf && cp tiny.gguf other.gguf

# ---- the folder -----------------------------------------------------------------------------------
run "add" 0 model add tiny.gguf
check "copies the file" cmp -s tiny.gguf "$folder/tiny.gguf"
check "and leaves nothing beside it" test "$(ls -A "$folder")" = tiny.gguf
run "add: it is there already" 3 model add tiny.gguf
run "add: it is that file" 3 model add "$folder/tiny.gguf"
run "add: not there" 4 model add no-such.gguf
cp tiny.gguf noname
run "add: not called .gguf" 3 model add noname
run "ls" 0 model ls
check "ls has it" says '^  tiny.gguf +answers +llama .*F32'
run "use, by the start of its name" 0 model use TIN
check "is recorded" test "$(cat "$record")" = "$folder/tiny.gguf"
run "ls again" 0 model ls
check "ls marks it" says '^\* tiny.gguf'
run "info without a name" 0 model info
check "tells kind, shape, memory" says '^kind +answers' && check "and runs" says '^runs +yes'
run "info --json" 0 model info tiny --json
check "as JSON" says '"in_use": true'
run "rm: in use" 3 model rm tiny
check "rm: still there" test -e "$folder/tiny.gguf" -a -e "$record"
run "rm --force" 0 model rm tiny --force
check "rm: gone, and so is the choice" test ! -e "$folder/tiny.gguf" -a ! -e "$record"
run "rm: not there" 4 model rm tiny
cp tiny.gguf "$folder/st8b.gguf"
run "rm: the start of a name is not enough" 4 model rm st8
run "rm: nor is the name in another case" 4 model rm ST8B
check "rm: nothing is touched" test -e "$folder/st8b.gguf"
run "rm: the name without .gguf" 0 model rm st8b
check "rm: is gone" test ! -e "$folder/st8b.gguf"
run "rm: a file elsewhere" 2 model rm ./other.gguf
run "rm: out of the folder" 2 model rm "$folder/../models/../x.gguf"
check "rm: elsewhere nothing is touched" cmp -s tiny.gguf other.gguf
ln -s "$work/other.gguf" "$folder/link.gguf"
run "rm: a link in the folder" 0 model rm "$folder/link.gguf"
check "rm: deletes the link alone" test -e other.gguf -a ! -L "$folder/link.gguf"
cp tiny.gguf "$folder/alpha-1.gguf"
cp tiny.gguf "$folder/alpha-2.gguf"
run "a start that two names have" 2 model use alpha
run "a file elsewhere can be used where it is" 0 model use ./other.gguf
check "by its absolute path" test "$(cat "$record")" = "$work/other.gguf"
run "ls shows it" 0 model ls
check "ls: also outside of the folder" says '^\* other.gguf'
run "use --chat" 0 model use ./other.gguf --chat mistral
check "is recorded with it" test "$(cat "$record")" = "$work/other.gguf
chat mistral"
run "use --chat of no kind" 2 model use ./other.gguf --chat gibberish
LC_ALL=C sed 's/<|im_start|>/<|xm_start|>/g' tiny.gguf >strange.gguf
run "a chat template of no kind" 7 model use ./strange.gguf
check "is told, with the names to force" says '--chat .llama3'
run "and can be forced" 0 model use ./strange.gguf --chat chatml
run "use built-in" 0 model use built-in
run "use: the reader is always in use" 7 model use "$CARREL_MODELS/carrel-reader.gguf"
check "and says what it is" says 'reads passages'
run "use without a name" 2 model use
run "an unknown verb" 2 model benhc
check "with the near one" says 'did you mean `carrel model bench`'

# ---- files that are broken --------------------------------------------------------------------------
: >empty.gguf
echo "once upon a time" >text.gguf
mkdir folder.gguf
broken=(empty.gguf text.gguf folder.gguf)
size=$(stat -c %s tiny.gguf)
for n in 3 4 8 23 24 100 5000 $((size / 2)) $((size - 1)); do
    head -c "$n" tiny.gguf >"cut-$n.gguf"
    broken+=("cut-$n.gguf")
done
LC_ALL=C sed '0,/llama/s//lambo/' tiny.gguf >arch.gguf
python3 - <<'PY' 2>/dev/null || cp empty.gguf type.gguf
import re
b = bytearray(open("tiny.gguf", "rb").read())
at = b.index(b"blk.0.attn_q.weight") + len(b"blk.0.attn_q.weight") + 4 + 16  # rank, two sizes
b[at : at + 4] = (99).to_bytes(4, "little")
open("type.gguf", "wb").write(b)
PY
for f in "${broken[@]}" type.gguf; do
    for verb in info use add; do
        got=0
        "$carrel" model $verb "./$f" >out 2>err || got=$?
        if [ $got -ge 3 ] && [ $got -le 7 ] && [ "$(wc -l <err)" -eq 1 ] && [ ! -e "$record" ]; then
            pass "$verb $f"
        elif [ $verb = info ] && [ $got -eq 0 ] && grep -q '^runs  *no: ' out; then
            pass "$verb $f tells why it does not run"
        else
            fail "$verb $f (code $got)"
        fi
    done
done
# ---- a file that is cut short while it is read --------------------------------------------------
python3 - "$carrel" <<'PY' && pass "cut while it is read: one sentence" || fail "cut while it is read"
import os, subprocess, sys, time
whole = open("tiny.gguf", "rb").read()
for wait in range(40):  # once it has been opened and before it has ended
    open("cut.gguf", "wb").write(whole)
    p = subprocess.Popen([sys.argv[1], "model", "bench", "./cut.gguf"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    time.sleep(0.002 * wait)
    os.truncate("cut.gguf", 100)
    told = p.communicate()[1]
    if p.returncode < 0:
        sys.exit(1)
    if p.returncode == 5 and told.startswith(b"carrel: ") and told.count(b"\n") == 1:
        sys.exit(0)
sys.exit(1)
PY
run "info of another architecture" 0 model info ./arch.gguf
check "names it" says '^runs +no: .*lambo'
run "use of another architecture" 7 model use ./arch.gguf
check "names it too" says 'lambo'
run "add of another architecture" 7 model add ./arch.gguf
if [ "$(id -u)" -ne 0 ]; then
    cp tiny.gguf shut.gguf && chmod 000 shut.gguf
    run "a file that may not be read" 5 model use ./shut.gguf
else
    skip "everything may be read by root"
fi
cp tiny.gguf "$folder/good.gguf"
head -c 100 tiny.gguf >"$folder/bad.gguf"
got=0
"$carrel" model ls >out 2>err || got=$?
check "a broken file in the folder does not hide the others" test "$got" -ne 0 -a "$(grep -c ' good.gguf' out)" -eq 1 -a "$(wc -l <err)" -eq 1
rm "$folder/bad.gguf"

# ---- smaller, and measured ----------------------------------------------------------------------------
run "quantize" 0 model quantize ./tiny.gguf ./small.gguf --to Q8_0
check "is smaller" test "$(stat -c %s small.gguf)" -lt "$size"
run "quantize: the result loads" 0 model use ./small.gguf
run "quantize: over a file" 2 model quantize ./tiny.gguf ./small.gguf --to q8_0
check "tells of --force" says '--force'
run "quantize --force" 0 model quantize ./tiny.gguf ./small.gguf --to q8_0 --force
run "quantize into the folder" 0 model quantize ./tiny.gguf named --to q8_0
check "by name" test -s "$folder/named.gguf"
run "quantize: no such format" 2 model quantize ./tiny.gguf ./x.gguf --to q9
check "lists those there are" says 'q4_k_m'
run "quantize: to what" 2 model quantize ./tiny.gguf ./x.gguf
run "bench" 0 model bench ./tiny.gguf --threads 2
check "prints speed and share" says '^generation +[0-9.]+ tokens/s .*[0-9]+% of the'
run "bench --json" 0 model bench ./tiny.gguf --json --threads 1
check "as JSON, with one thread" says '"threads": 1,'
run "info: a built-in model by its name" 0 model info carrel-embed
run "bench: a built-in model by its name" 7 model bench carrel-reader
run "bench: nothing in use" 0 model use built-in
run "bench: nothing in use, told" 4 model bench
check "with the right hint" says 'carrel model use NAME'
cp tiny.gguf "it's a name.gguf"
run "add: a name with blanks" 0 model add "it's a name.gguf"
check "is quoted for the shell" says "model use 'it'.''s a name.gguf'"
run "bench: an embedding" 7 model bench "$CARREL_MODELS/carrel-embed.gguf"
run "use built-in, at last" 0 model use built-in

# ---- how much of the machine -----------------------------------------------------------------------------
echo "The ferry leaves at nine." >ferry.txt
run "add --threads" 0 add ferry.txt --threads 1 --power full
short=$root/../shared/parity/models/stories260K-f32.gguf
if [ -e "$short" ]; then
    run "use of a short context" 0 model use "$short" --chat chatml
    check "warns" says 'context of 512 tokens is short'
    run "ask with it" 3 ask "when does the ferry leave?"
    check "names the decoder and the way back" says 'stories260K.*model use --default answers'
    run "back" 0 model use built-in
else
    skip "no model of a short context here"
fi
cp tiny.gguf "$folder/by-name.gguf"
"$carrel" ask --decoder by-na "when does the ferry leave?" >out 2>err
check "ask --decoder finds a name" test "$(grep -c 'no file\|cannot be opened' err)" -eq 0
cp "$work/tiny.gguf" gone.gguf
run "use of a file that will go" 0 model use ./gone.gguf
rm gone.gguf
run "ask without its decoder" 4 ask "when does the ferry leave?"
check "ends with the way back" says '`carrel model use --default answers` goes back'
run "status without it" 0 status
check "flags it" says 'gone.gguf writes answers \(missing\)'
run "ls without it" 4 model ls
check "has its row" says '^\* gone.gguf +missing'
run "and back" 0 model use --default answers
run "--threads 0" 2 ask --threads 0 ferry
run "--threads 65" 2 ask --threads 65 ferry
run "--power of no kind" 2 ask --power max ferry
for power in auto saver full; do run "--power $power" 0 ask --power $power "when does the ferry leave?"; done
check "the answer is the same" says 'leaves at nine'
if command -v strace >/dev/null && strace -qq -e trace=none true 2>/dev/null; then
    for n in 1 3; do
        strace -f -qq -e trace=clone,clone3 -o trace "$carrel" ask --threads $n "when does the ferry leave?" >out 2>err
        check "--threads $n starts $((n - 1)) more" test "$(grep -cE 'clone3?\(.*(THREAD|= [0-9]+|unfinished)' trace)" -eq $((n - 1))
    done
else
    skip "no strace here: threads are not counted"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
