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
