#!/usr/bin/env bash
# `carrel watch`: a folder that is written to while the library follows it, by the kernel's own events.
# usage: tests/e2e/watch.sh BUILD
. "$(dirname "$0")/../support/e2e.sh"
SETTLE=0.3

start() { # FOLDER...
    "$carrel" watch --settle $SETTLE "$@" >out 2>err </dev/null &
    pid=$!
}
# until_says NAME FILE PATTERN: within half a minute, on a machine that is busy.
until_says() {
    for _ in $(seq 600); do
        if grep -qE -- "$3" "$2"; then
            ok "$1"
            return 0
        fi
        sleep 0.05
    done
    not_ok "$1" "no \"$3\" in $2"
}
# ends NAME SIGNAL: with code 0, within ten seconds.
ends() {
    kill "-$2" $pid
    (sleep 10 && kill -9 $pid) 2>/dev/null &
    guard=$!
    wait $pid
    code=$?
    pid=
    kill $guard 2>/dev/null
    [ $code -eq 0 ] && ok "$1" || not_ok "$1" "exit code $code"
}

mkdir -p docs/sub
echo 'The battery of the signal lamp lasts eleven hours.' >docs/lamp.txt
touch -d '1 hour ago' docs/lamp.txt

"$carrel" watch no-such-folder >out 2>err
[ $? -eq 4 ] && ok "a folder that is not there" || not_ok "a folder that is not there" "another code"

start docs
until_says "what is there at the start" out "new +docs/lamp.txt \(1 page, 1 chunk\)"
until_says "then it watches" out "watching 2 folders"

# ---- writing -----------------------------------------------------------------------------------
echo 'The last ferry leaves at 21:40.' >docs/sub/ferry.txt
until_says "a new file" out "new +docs/sub/ferry.txt"
echo 'The last ferry leaves at 22:15.' >docs/sub/ferry.txt
until_says "a changed file" out "changed +docs/sub/ferry.txt"
"$carrel" ask "When does the last ferry leave?" >answer 2>&1 && grep -q "22:15" answer && ok "a question beside it" ||
    not_ok "a question beside it" "$(head -3 answer)"

# A file that grows is read when it has come to rest, and once.
for i in 1 2 3 4 5 6; do
    echo "Line $i of the log of the lock keeper." >>docs/slow.txt
    sleep 0.15
done
until_says "a slow writer" out "new +docs/slow.txt"
[ "$(grep -c slow.txt out)" -eq 1 ] && ok "is read once" || not_ok "is read once" "$(grep -c slow.txt out) times"

# How editors save: a new file under another name that takes the old one's place.
echo 'The quince is pruned in March.' >docs/garden.txt
until_says "before an editor" out "new +docs/garden.txt"
echo 'The quince is pruned in April.' >docs/.garden.txt.swp
cp docs/.garden.txt.swp docs/4913 && mv docs/garden.txt docs/garden.txt~ && mv docs/4913 docs/garden.txt && rm docs/garden.txt~
until_says "an editor saves" out "changed +docs/garden.txt"
says_not "and leaves nothing" out "4913|swp|~"

# A save that failed leaves an empty file: what was read before stays until there is text again.
echo 'The sluice is opened at dawn.' >docs/sluice.txt
until_says "before a save that failed" out "new +docs/sluice.txt"
: >docs/sluice.txt
until_says "a save that failed" out "failed +docs/sluice.txt: it is empty; its former version stays"
echo 'The sluice is opened at dusk.' >docs/sluice.txt
until_says "the next one" out "changed +docs/sluice.txt"

# Downloads have their name when they are done.
echo 'The harbour is dredged each May.' >docs/harbour.txt.part
echo 'lock' >'docs/~$harbour.txt'
sleep 0.8
says_not "a download that is not done" out "harbour"
mv docs/harbour.txt.part docs/harbour.txt
until_says "a download that is done" out "new +docs/harbour.txt"

# ---- moving and removing -----------------------------------------------------------------------
mv docs/harbour.txt docs/sub/port.txt
until_says "a moved file" out "moved +docs/sub/port.txt \(before: docs/harbour.txt\)"
mkdir -p docs/a/b/c && echo 'Gate nine is painted green.' >docs/a/b/c/gate.txt
until_says "new folders" out "new +docs/a/b/c/gate.txt"
mv docs/a docs/z
until_says "a moved folder" out "moved +docs/z/b/c/gate.txt"
echo 'Gate ten is painted red.' >docs/z/b/c/ten.txt
until_says "is watched where it is" out "new +docs/z/b/c/ten.txt"
mv docs/z away
until_says "a folder that left" out "removed +docs/z/b/c/gate.txt"
echo 'Nobody looks here.' >away/b/c/other.txt
rm docs/sub/ferry.txt
until_says "a removed file" out "removed +docs/sub/ferry.txt"
says_not "what left is not watched" out "other.txt"
echo '*.draft.txt' >docs/.carrelignore
echo 'A draft.' >docs/x.draft.txt
echo '%PDF-1.4 broken' >docs/broken.pdf
echo 'Another paper.' >docs/after.txt
until_says "a broken file" out "failed +docs/broken.pdf: "
until_says "does not end it" out "new +docs/after.txt"
says_not "an ignored file" out "x.draft"
echo 'after.txt' >>docs/.carrelignore
until_says "new patterns" out "removed +docs/after.txt \(it is ignored now\)"

# ---- a folder that goes away -------------------------------------------------------------------
mv docs gone
until_says "the folder is gone" err "docs is not there: nothing of it is removed.* waited for"
"$carrel" ls 2>/dev/null | grep -q lamp.txt && ok "its documents stay" || not_ok "its documents stay" "they do not"
mv gone docs
until_says "it is back" err "docs is back"
echo 'The crane lifts nine tons.' >docs/crane.txt
until_says "and watched" out "new +docs/crane.txt"

# ---- a library that goes away ------------------------------------------------------------------
kept=$("$carrel" ls --json | grep -o '"path"' | wc -l)
rm data/carrel/library.db*
echo 'The dredger comes in May.' >docs/dredger.txt
until_says "the library is gone" err "is gone: a new one is made"
until_says "all of it is read again" out "new +docs/dredger.txt"
for _ in $(seq 100); do
    [ "$("$carrel" ls --json 2>/dev/null | grep -o '"path"' | wc -l)" -eq $((kept + 1)) ] && break
    sleep 0.1
done
[ "$("$carrel" ls --json | grep -o '"path"' | wc -l)" -eq $((kept + 1)) ] && ok "and is there" || not_ok "and is there" "it is not"

# ---- the end -----------------------------------------------------------------------------------
ends "SIGTERM" TERM
"$carrel" status --check >answer 2>&1 && ok "the library is sound" || not_ok "the library is sound" "$(tail -1 answer)"
"$carrel" sync docs >out 2>err
grep -qE "^[0-9]+ unchanged" out && ok "and equal to the folder" || not_ok "and equal to the folder" "$(tail -1 out)"

# ---- many events, and none ---------------------------------------------------------------------
mkdir many
start --json many docs
until_says "--json" out '"change": "watching"'
for i in $(seq 60); do
    mkdir many/$i
    for k in $(seq 20); do echo "Sheet $k of binder $i." >many/$i/$k.txt; done
done
for _ in $(seq 600); do
    [ "$(grep -c '"change": "new"' out)" -ge 1200 ] && break
    sleep 0.05
done
[ "$(grep -c '"change": "new"' out)" -eq 1200 ] && ok "more places than are told apart" || not_ok "more places than are told apart" "$(grep -c '"change": "new"' out)"
ends "SIGTERM again" TERM

# Events that the kernel could not keep: what they would have told is found all the same.
queue=$(cat /proc/sys/fs/inotify/max_queued_events 2>/dev/null || echo 16384)
if [ "$queue" -le 20000 ]; then
    mkdir few
    start few
    until_says "before a flood" out "watching 1 folder"
    kill -STOP $pid
    for ((i = 0; i < queue / 2 + 100; i++)); do
        : >few/.a
        : >few/.b
    done
    echo 'The weir was built in 1911.' >few/weir.txt
    kill -CONT $pid
    until_says "a flood of events" out "new +few/weir.txt"
    ends "SIGTERM after it" TERM
else
    skip "a flood of events" "the kernel keeps $queue"
fi

# A user who may watch three folders.
if unshare -Ur sh -c 'echo 3 >/proc/sys/user/max_inotify_watches' 2>/dev/null; then
    unshare -Ur sh -c 'echo 3 >/proc/sys/user/max_inotify_watches; exec "$0" watch --settle 0.3 many' "$carrel" >out 2>err &
    pid=$!
    until_says "too few watches" err "lets this user watch no more folders.*fs.inotify.max_user_watches"
    ends "it ends then too" TERM
else
    skip "too few watches" "no user namespaces here"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
