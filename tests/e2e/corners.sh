#!/usr/bin/env bash
# Folders and libraries in the corners: disks that are not mounted, libraries that cannot be written,
# odd names, files that vanish, a full disk, several carrels at once.
# usage: tests/e2e/corners.sh BUILD
. "$(dirname "$0")/../support/e2e.sh"
old() { touch -d '1 hour ago' "$@"; }
# check NAME CODE ARGS...
check() {
    local name=$1
    shift
    run "$@" && ok "$name" || not_ok "$name" "exit code $got"
}
# holds NAME N: so many documents.
holds() {
    run 0 ls --json
    local n
    n=$(grep -o '"path"' out | wc -l)
    [ "$n" -eq "$2" ] && ok "$1" || not_ok "$1" "$n documents instead of $2"
}

# ---- a folder that was emptied -----------------------------------------------------------------
mkdir -p docs/many docs/few
for i in $(seq 20); do echo "Berth $i is painted in week $i." >docs/many/$i.txt; done
for i in 1 2 3; do echo "Crane $i lifts $i tons." >docs/few/$i.txt; done
echo 'The weir was built in 1911.' >docs/weir.txt
old docs/*.txt docs/*/*.txt
check "a shelf" 0 sync docs
rm docs/few/*.txt
check "a folder of three is emptied" 0 sync docs
holds "it is gone" 21
mv docs/many many && mkdir docs/many
check "a folder of twenty is empty" 4 sync docs
says "it is told" err "docs/many is empty now, and the library has 20 documents from there.*--allow-empty"
says "and kept" out "20 kept"
holds "nothing is gone" 21
check "so it is foreseen" 4 sync -n docs
rm docs/weir.txt && echo 'The weir was built in 1912.' >docs/weir2.txt
check "the rest goes on" 4 sync docs
holds "the rest is up to date" 21
rmdir docs/many && mv many docs/many
check "it is back" 0 sync docs
says "it is back as it was" out "^21 unchanged"
rm docs/many/*.txt
check "it is meant" 0 sync --allow-empty docs
holds "then it goes" 1
for i in $(seq 20); do mkdir -p docs/auto/sub && echo "Berth $i is dredged in week $i." >docs/auto/sub/$i.txt; done
echo 'The lock was built in 1913.' >docs/lock.txt
old docs/lock.txt docs/auto/sub/*.txt
check "a folder of twenty" 0 sync docs
mv docs/auto auto
check "a folder of twenty is gone as a whole" 4 sync docs
says "gone as a whole: told" err "docs/auto is gone, and the library has 20 documents from there.*--allow-empty"
says "gone as a whole: kept" out "20 kept"
holds "gone as a whole: nothing goes" 22
check "gone as a whole: foreseen" 4 sync -n docs
mv auto docs/renamed
check "a folder that was renamed" 0 sync docs
says "it was moved" out "20 moved"
rm -r docs/renamed
check "rm -r asks too" 4 sync docs
check "rm -r is meant" 0 sync --allow-empty docs
rm docs/lock.txt
check "and a file" 0 sync docs
holds "gone as a whole: then it goes" 1

# ---- the same passage in several files ---------------------------------------------------------
mkdir copies
printf 'The sluice\n\nThe sluice is opened at dawn and closed at 21:40.\n' >copies/sluice.txt
cp copies/sluice.txt copies/same.txt
printf 'The sluice\n\nThe sluice is opened at   dawn\nand closed at 21:40.\n' >copies/spaced.txt
printf 'The sluice\n\nThe sluice is opened at dawn and closed at 21:45.\n' >copies/other.txt
check "copies" 0 add copies
check "copies: search" 0 search --ranking words sluice
says "copies: one hit" out "\+ 2 copies: "
[ "$(grep -cE '^ *[0-9]+  ' out)" -eq 2 ] && ok "another figure is no copy" || not_ok "another figure is no copy" "hits"
check "copies: ask" 0 ask "When is the sluice closed?"
says "copies: ask names them" out "\+ 2 copies: .*(same|spaced).txt"
run 0 search --json --ranking words sluice
json "copies: --json" '(.results | length) == 2 and ([.results[].copies | length] | add) == 2'
run 0 rm copies --yes || run 0 rm sluice.txt same.txt spaced.txt other.txt --yes

# ---- names and kinds ---------------------------------------------------------------------------
mkdir odd
echo 'A name of two lines.' >$'odd/two\nlines.txt'
echo 'A name of Latin-1.' >$'odd/caf\xe9.txt'
echo 'A backslash.' >'odd/\x41.txt'
echo 'A letter.' >odd/A.txt
ln -s . odd/loop
ln -s ../odd odd/up
old odd/*.txt
check "odd names" 0 sync odd
says "odd names: all" out "^4 new"
check "odd names again" 0 sync odd
says "odd names again: nothing" out "^4 unchanged"
mv odd/A.txt odd/a.txt
check "another case" 0 sync odd
says "another case: moved" out "^moved +odd/a.txt \(before: odd/A.txt\)"
echo 'A letter.' >odd/A.txt && old odd/A.txt
rm 'odd/\x41.txt'
check "what is no escape" 0 sync odd
says "what is no escape: removed" out "^removed +odd/.x41.txt$"
rm odd/a.txt && mkdir odd/a.txt && echo 'In a folder now.' >odd/a.txt/in.txt
check "a folder in its place" 0 sync odd
says "a folder in its place: told" out "^(removed|moved) +odd/(a|A).txt( \(it is a folder now\)| \(before: odd/a.txt\))"
run 0 status $'two\nlines.txt' && run 0 status $'odd/caf\xe9.txt' && run 0 rm odd --yes && ok "odd names: told of and removed" ||
    not_ok "odd names: told of and removed" "code $got"

# ---- two at one library ------------------------------------------------------------------------
mkdir left right
for i in $(seq 40); do
    echo "Gate $i is green." >left/$i.txt
    echo "Lock $i is red." >right/$i.txt
done
"$carrel" sync left >out1 2>&1 &
first=$!
"$carrel" sync right >out2 2>&1 &
second=$!
wait $first && wait $second && ok "two at once" || not_ok "two at once" "$(tail -1 out1 out2)"
check "two at once: left" 0 sync left
says "two at once: left is whole" out "^40 unchanged"
check "two at once: right" 0 sync right
says "two at once: right is whole" out "^40 unchanged"
check "two at once: sound" 0 status --check
run 0 rm left right --yes

# ---- disks -------------------------------------------------------------------------------------
cat >disks.sh <<'EOF'
mkdir -p shelf/stick
mount -t tmpfs none shelf/stick || exit 77
echo 'The buoy is lit at dusk.' >shelf/stick/buoy.txt
echo 'The pier is closed in January.' >shelf/pier.txt
"$carrel" sync shelf || exit 1
rm shelf/stick/buoy.txt && echo 'The buoy is lit at dawn.' >shelf/stick/dawn.txt
"$carrel" sync shelf || exit 2 # while it is mounted, what goes goes
"$carrel" ls | grep -q buoy && exit 3
umount shelf/stick
"$carrel" sync shelf && exit 4
"$carrel" ls | grep -q dawn || exit 5
rmdir shelf/stick # as systems do that make a folder for each disk
"$carrel" sync shelf && exit 6
"$carrel" ls | grep -q dawn || exit 7
"$carrel" watch --settle 0.1 shelf >watched 2>&1 &
pid=$!
for _ in $(seq 200); do grep -q 'has no disk mounted now' watched && break; sleep 0.05; done
kill $pid; wait $pid || exit 8
grep -q 'has no disk mounted now' watched || exit 9
"$carrel" ls | grep -q dawn || exit 10
"$carrel" sync --allow-empty shelf || exit 11
"$carrel" ls | grep -q dawn && exit 12
exit 0
EOF
export carrel
unshare -Urm bash disks.sh >out 2>err
case $? in
0) ok "a disk that is not mounted" ;;
77) skip "a disk that is not mounted" "nothing can be mounted here" ;;
*) if unshare -Urm true 2>/dev/null; then not_ok "a disk that is not mounted" "step $?"; else skip "a disk that is not mounted" "no name spaces here"; fi ;;
esac
run 0 status --check || not_ok "sound" "code $got"

# ---- a full disk -------------------------------------------------------------------------------
cat >full.sh <<'EOF'
mkdir small && mount -t tmpfs -o size=500k none small || exit 77
"$carrel" --library small/library.db sync left
[ $? -eq 8 ] || exit 1
before=$("$carrel" --library small/library.db ls | wc -l)
"$carrel" --library small/library.db status --check || exit 2
mount -o remount,size=20m small
"$carrel" --library small/library.db sync left || exit 3
[ "$("$carrel" --library small/library.db ls | wc -l)" -eq 161 ] && [ "$before" -gt 1 ]
EOF
for i in $(seq 41 160); do echo "Gate $i is green." >left/$i.txt; done
unshare -Urm bash full.sh >out 2>err
case $? in
0) ok "a full disk" ;;
77) skip "a full disk" "nothing can be mounted here" ;;
*) if unshare -Urm true 2>/dev/null; then not_ok "a full disk" "see below"; else skip "a full disk" "no name spaces here"; fi ;;
esac

# ---- a library that cannot be written ----------------------------------------------------------
cat >disc.sh <<'EOF'
mkdir disc && cp data/carrel/library.db disc/ && mount --bind disc disc && mount -o remount,bind,ro disc || exit 77
for c in ls status "status --check" "status --failed" "search pier" "ask When.is.the.pier.closed?"; do
    "$carrel" --library disc/library.db $c || exit 1
done
"$carrel" --library disc/library.db add docs && exit 2
[ "$(ls disc)" = library.db ]
EOF
echo 'The pier is closed in January.' >docs/pier.txt && run 0 add docs
unshare -Urm bash disc.sh >out 2>err
case $? in
0) ok "a library on a disc" ;;
77) skip "a library on a disc" "nothing can be mounted here" ;;
*) if unshare -Urm true 2>/dev/null; then not_ok "a library on a disc" "see below"; else skip "a library on a disc" "no name spaces here"; fi ;;
esac

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
