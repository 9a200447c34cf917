#!/usr/bin/env bash
# `carrel sync`: the library becomes equal to a folder, and nothing goes that should stay. Also what add
# and sync have in common: ignored files, files that cannot be read, passwords, killed runs.
# usage: tests/e2e/sync.sh BUILD
. "$(dirname "$0")/../support/e2e.sh"

# check NAME CODE ARGS...: the exit code is right.
check() {
    name=$1
    shift
    if run "$@"; then ok "$name"; else not_ok "$name" "exit code $got, not $want"; fi
}
# holds NAME PATH...: the library has exactly these documents.
holds() {
    name=$1
    shift
    "$carrel" ls --json | sed 's/{"id"/\n{"id"/g' | sed -nE 's/.*"path": *"([^"]*)".*"title".*/\1/p' |
        sort >have
    for p in "$@"; do echo "$work/$p"; done | sort >wanted
    if cmp -s have wanted; then ok "$name"; else not_ok "$name" "$(diff have wanted | head -5)"; fi
}
# A file's time an hour back: one of this moment is looked into again, whatever it looks like.
old() { touch -d '1 hour ago' "$@"; }

mkdir -p docs/sub docs/drafts
echo 'The battery of the signal lamp lasts eleven hours.' >docs/lamp.md
echo 'The quince tree is pruned in February.' >docs/garden.txt
echo 'The last ferry leaves at 21:40 from pier 3.' >docs/sub/ferry.txt
echo 'The draft says nothing yet.' >docs/drafts/draft.txt
printf 'drafts/\n*.log.txt\n' >docs/.carrelignore
echo 'Noise.' >docs/sub/x.log.txt
old docs/*.* docs/*/*

# ---- new ---------------------------------------------------------------------------------------
check "dry run of a new folder" 0 sync --dry-run docs
says "dry run: what would be new" out "^would be added +docs/lamp.md"
[ ! -e data/carrel/library.db ] && ok "dry run makes no library" || not_ok "dry run makes no library" "it is there"
check "sync" 0 sync docs
says "sync: a line for each" out "^new +docs/sub/ferry.txt \(1 page, 1 chunk\)"
says "sync: a sum" out "^3 new, 0 unchanged in "
says_not "sync: ignored" out "draft|log.txt"
holds "what is there then" docs/lamp.md docs/garden.txt docs/sub/ferry.txt
check "sync again" 0 sync docs
says "sync again: nothing" out "^3 unchanged in "
check "sync by another name" 0 sync "$work/docs/" docs/sub
says "sync by another name: a folder within is the folder" out "^3 unchanged in "

# ---- changed, moved, gone ----------------------------------------------------------------------
echo 'The battery of the signal lamp lasts twelve hours.' >docs/lamp.md
mkdir docs/new
mv docs/sub/ferry.txt docs/new/boat.txt
rm docs/garden.txt
cp docs/lamp.md docs/lamp-copy.md
echo 'The greenhouse is heated to 14 degrees.' >docs/warm.txt
old docs/*.* docs/new/*
check "dry run" 0 sync -n docs
says "dry run: changed" out "^would be read again +docs/lamp.md"
says "dry run: moved" out "^would be moved +docs/new/boat.txt \(before: docs/sub/ferry.txt\)"
says "dry run: removed" out "^would be removed +docs/garden.txt"
says_not "dry run: moved is not removed" out "removed.*ferry"
holds "dry run does nothing" docs/lamp.md docs/garden.txt docs/sub/ferry.txt
check "sync of changes" 0 sync docs
says "changed" out "^changed +docs/lamp.*\.md"
says "moved" out "^moved +docs/new/boat.txt \(before: docs/sub/ferry.txt\)"
says "removed" out "^removed +docs/garden.txt$"
says "the sum of changes" out "2 new, 1 changed, 1 moved, 1 removed, 0 unchanged"
cp docs/new/boat.txt docs/sub/boat-copy.txt && old docs/sub/*.txt
check "a copy" 0 sync docs
says "a copy: told" out "^copy +docs/sub/boat-copy.txt \(the same bytes as docs/new/boat.txt\)"
check "a copy again" 0 sync docs
says "a copy again: nothing" out "^5 unchanged in "
rm docs/sub/*.txt && check "the copy goes" 0 sync docs
holds "its document stays" docs/lamp-copy.md docs/warm.txt docs/new/boat.txt
run 0 search --ranking words quince && grep -q "Nothing found" out && ok "what is gone is not found" ||
    not_ok "what is gone is not found" "it is"
check "then" 0 sync docs
says "then nothing" out "^4 unchanged in "
rm docs/lamp.md
check "the other copy stays" 0 sync docs
says "the other copy stays: told" out "^moved +docs/lamp-copy.md \(before: docs/lamp.md\)|^1 unchanged|^3 unchanged"
run 0 ask "How long does the battery of the signal lamp last?" && grep -q "twelve hours" out && ok "and answers" ||
    not_ok "and answers" "code $got"
mv docs/lamp-copy.md docs/lamp.md && check "and back" 0 sync docs

# A swap of two names: both stay, each under the other's.
mv docs/lamp.md x && mv docs/warm.txt docs/lamp.md && mv x docs/warm.txt && old docs/*.*
check "a swap" 0 sync docs
holds "both are there" docs/lamp.md docs/warm.txt docs/new/boat.txt
run 0 search --ranking words greenhouse && grep -q "lamp.md" out && ok "under its new name" || not_ok "under its new name" "not"
touch docs/lamp.md
check "touched" 0 sync docs
says "touched is unchanged" out "^3 unchanged"
echo 'The lamp is never used in rain.!' >docs/lamp.md
old docs/lamp.md
check "changed to be" 0 sync docs
echo 'The lamp is seldom used in rain.' | head -c 33 >y
cat y >docs/lamp.md
old docs/lamp.md
touch -r docs/warm.txt docs/lamp.md && check "same size" 0 sync docs

# ---- ignored -----------------------------------------------------------------------------------
echo 'warm.txt' >>docs/.carrelignore
check "ignored now" 0 sync docs
says "ignored now: removed" out "^removed +docs/warm.txt \(it is ignored now\)"
check "taken back" 0 sync --ignore '!warm.txt' --ignore 'boat*' docs
says "taken back: new" out "^new +docs/warm.txt"
says "two patterns" out "^removed +docs/new/boat.txt"
printf 'drafts/\n' >docs/.carrelignore
check "all of it again" 0 sync docs
: >docs/warm.txt
old docs/warm.txt
check "empty now: dry run" 3 sync -n docs
says "empty now: foreseen" out "^cannot be read +docs/warm.txt: it is empty; its former version stays"
check "empty now" 3 sync docs
says "empty now: its former version stays" out "^failed +docs/warm.txt: it is empty; its former version stays"
check "empty now: remembered" 0 sync docs
says "empty now: remembered so" out "1 not readable as before"
run 0 search --ranking words battery && grep -q "warm.txt is a former version: .*(carrel status [0-9]+)" -E out &&
    ok "empty now: search says so" || not_ok "empty now: search says so" "code $got"
run 0 ask "How long does the battery of the signal lamp last?" && grep -q "twelve hours" out && grep -q "is a former version" out &&
    ok "empty now: an answer says so" || not_ok "empty now: an answer says so" "code $got"
run 0 ask --json "How long does the battery of the signal lamp last?"
json "empty now: --json says so" '.read_in_part[0].former_version'
run 0 status warm.txt && grep -q "^outdated .*it is empty" out && ok "empty now: status" || not_ok "empty now: status" "code $got"
run 0 ls && grep -qE "^#[0-9]+ is a former version" out && ok "empty now: ls" || not_ok "empty now: ls" "code $got"
run 0 status --failed && grep -q "warm.txt: it is empty; its former version still answers" out && ok "empty now: listed" ||
    not_ok "empty now: listed" "code $got"
head -c 300 /dev/urandom >docs/warm.txt && printf '\0\1\2\377' >>docs/warm.txt && old docs/warm.txt
check "junk now" 3 sync docs
says "junk now: its former version stays" out "^failed +docs/warm.txt: .*; its former version stays"
echo 'The greenhouse is heated to 15 degrees.' >docs/warm.txt && old docs/warm.txt
check "saved again" 0 sync docs
says "saved again: changed" out "^changed +docs/warm.txt"
run 0 status --failed && grep -q "every file" out && ok "saved again: nothing is left" || not_ok "saved again: nothing is left" "code $got"
cp docs/warm.txt docs/warm2.txt && : >docs/warm.txt && old docs/warm*.txt
check "empty now, with a copy" 0 sync docs
says "empty now, with a copy: moved" out "^moved +docs/warm2.txt \(before: docs/warm.txt\)"
rm docs/warm.txt docs/warm2.txt && check "gone" 0 sync docs
says "gone: removed" out "^removed +docs/warm2.txt$"

# ---- what is no document -----------------------------------------------------------------------
mkdir other && echo 'The weir was built in 1911.' >other/weir.txt && : >other/none.pdf && printf '\0\1\2' >other/x.bin
ln -s nowhere other/link.txt && old other/weir.txt other/none.pdf other/x.bin
check "no documents: dry run" 0 sync -n other
says "no documents: foreseen" out "^would not be read +other/none.pdf: it is empty"
check "no documents" 0 sync other
says "no documents: named" out "^not read +other/none.pdf: it is empty"
says "no documents: a dangling link" out "^not read +other/link.txt: a link to what is not there"
says "no documents: counted" out "^1 new, 0 unchanged, 3 not read"
check "no documents again" 0 sync other
says_not "no documents: named once" out "^not read"
says "no documents: counted again" out "^1 unchanged, 3 not read \(no documents: .carrel status --failed"
run 0 status --failed && [ "$(grep -c "other/" out)" -eq 3 ] && ok "no documents: listed" || not_ok "no documents: listed" "code $got"
run 0 status --failed --json
json "no documents: listed for programs" '(.files_no_documents | length) == 3 and (.files_not_readable | length) == 0'
run 0 sync --json other
json "no documents: sync --json" '.not_documents == 3 and .not_read == 0'
run 4 status none.pdf && grep -q "was not read .*it is empty" err && ok "no documents: status of one" || not_ok "no documents: status of one" "code $got"
rm other/none.pdf other/x.bin other/link.txt && check "no documents, gone" 0 sync other
run 0 status --failed && ! grep -q "other/" out && ok "no documents: forgotten" || not_ok "no documents: forgotten" "code $got"
rm -r other && run 0 rm weir.txt --yes || not_ok "rm" "code $got"

# ---- what cannot be read -----------------------------------------------------------------------
echo '%PDF-1.4 broken' >docs/bad.pdf && old docs/bad.pdf
check "a broken file" 3 sync docs
says "a broken file: told" out "^failed +docs/bad.pdf: "
check "it is remembered" 0 sync docs
says "it is remembered: told" out "1 not readable as before"
says_not "it is not tried" out "^failed"
run 0 status && grep -q "1 file" out && ok "status counts it" || not_ok "status counts it" "code $got"
run 0 status --failed && grep -q "docs/bad.pdf: " out && ok "status lists it" || not_ok "status lists it" "code $got"
run 0 status --failed --json
json "status --failed --json" '.files_not_readable | length == 1 and .[0].code == 3'
run 4 status bad.pdf && grep -q "could not be read" err && ok "status of it" || not_ok "status of it" "code $got"
check "add tries it again" 3 add docs/bad.pdf
echo 'Now it is text, and no PDF.' >docs/bad.pdf && old docs/bad.pdf
check "a file of another kind" 3 sync docs
mv docs/bad.pdf docs/good.txt
check "readable at last" 0 sync docs
run 0 status --failed && grep -q "every file" out && ok "nothing is left of it" || not_ok "nothing is left of it" "code $got"
echo '%PDF-1.4 broken' >docs/good.txt && old docs/good.txt
check "a document that broke" 3 sync docs
run 0 search --ranking words PDF && grep -q "good.txt" out && ok "keeps its former version" || not_ok "keeps its former version" "not"
rm docs/good.txt
check "and goes with its file" 0 sync docs

# ---- what must not be taken for gone -----------------------------------------------------------
mkdir else && echo 'A paper from elsewhere.' >else/paper.txt
run 0 add else || not_ok "add" "code $got"
mv docs docs.away
check "a missing folder" 4 sync docs
says "a missing folder: told" err "docs is not there: nothing of it is removed"
mkdir docs
check "an empty folder" 4 sync docs
says "an empty folder: told" err "allow-empty"
says "an empty folder: kept" out "2 kept"
rmdir docs && mv docs.away docs
holds "nothing is gone" docs/lamp.md docs/new/boat.txt else/paper.txt
if [ "$(id -u)" -ne 0 ]; then
    chmod 0 docs/new
    check "a folder that cannot be read" 3 sync docs
    holds "what is below it stays" docs/lamp.md docs/new/boat.txt else/paper.txt
    chmod 700 docs/new
else
    skip "a folder that cannot be read" "root reads everything"
fi
mkdir docs/new/.carrelignore
check "patterns that cannot be read" 3 sync docs
holds "what is below them stays" docs/lamp.md docs/new/boat.txt else/paper.txt
rmdir docs/new/.carrelignore
check "a file is no folder" 3 sync docs/lamp.md
check "no folder" 2 sync
rm -r docs/new docs/lamp.md
check "an empty folder that is meant" 0 sync --allow-empty docs
holds "the rest stays" else/paper.txt

# ---- JSON --------------------------------------------------------------------------------------
echo 'The harbour is dredged each April.' >docs/harbour.txt && old docs/harbour.txt
run 0 sync --json docs
json "sync --json" '.new == 1 and .changes[0].change == "new" and .changes[0].pages == 1 and (.dry_run | not)'
run 0 sync --json docs
json "sync --json of nothing" '.new == 0 and .unchanged == 1 and (.changes | length) == 0'
run 0 status --json harbour.txt
json "status of a document" '.pages == 1 and .fates[0].fate == "text" and .vectors == 1 and .chunks == 1'
run 0 status harbour.txt && grep -q "^pages *1" out && grep -q "1: text" out && ok "status of a document" ||
    not_ok "status of a document" "code $got"
run 0 status --json
json "status sums up" '.documents_read_in_part == 0 and .files_not_readable == 0 and .pages_by_fate.failed == 0'

# ---- documents read in part --------------------------------------------------------------------
if [ -f "$root/tests/golden/pdf/letters.pdf" ]; then
    cp "$root/tests/golden/pdf/letters.pdf" docs/letters.pdf && old docs/letters.pdf
    run 0 sync --no-ocr docs && grep -q "letters.pdf: page 2 has letters without a meaning" out && ok "sync tells of pages" ||
        not_ok "sync tells of pages" "code $got"
    run 0 status && grep -q "1 of them read in part" out && ok "status counts them" || not_ok "status counts them" "code $got"
    run 0 ls --part && grep -q "letters.pdf" out && ! grep -q harbour out && ok "ls --part" || not_ok "ls --part" "code $got"
    run 0 search --ranking words bullet && grep -q "letters.pdf was read in part: 1 of 2 pages has no text (carrel status [0-9]*)" out &&
        ok "search tells" || not_ok "search tells" "code $got"
    run 0 ask "is there a bullet from a symbol font?" && grep -q "was read in part: 1 of 2" out && ok "ask tells" || not_ok "ask tells" "code $got"
    run 0 ask --json "is there a bullet from a symbol font?"
    json "ask --json tells" '.read_in_part[0].pages_without_text == 1'
    run 0 add --no-ocr --again docs/letters.pdf && grep -q "^replaced" out && ok "add --again" || not_ok "add --again" "code $got"
    run 0 add --no-ocr docs/letters.pdf && grep -q "^present" out && ok "and without" || not_ok "and without" "code $got"
fi

# ---- passwords ---------------------------------------------------------------------------------
"$carrel" add --password - docs/harbour.txt >out 2>err <<<'secret' && ok "a password from stdin" || not_ok "a password from stdin" "code $?"
check "no password in stdin" 2 add --password - docs/harbour.txt
check "a long password" 2 add --password "$(printf '%0300d' 1)" docs/harbour.txt
check "no language" 2 add --ocr-lang 'eng;rm' docs/harbour.txt
mkdir locked
python3 -m zipfile -c locked/two.zip "$root/tests/golden/facts/aes256.pdf" docs/harbour.txt
old locked/*
run 0 sync locked && grep -q "aes256.pdf is encrypted" out && ok "a locked part is told" || not_ok "a locked part is told" "code $got"
run 0 sync --password reader locked && grep -q "^changed" out && ! grep -q encrypted out &&
    ok "a password that comes later" || not_ok "a password that comes later" "code $got"
run 0 sync --password reader locked && grep -q "^1 unchanged" out && ok "and opens once" || not_ok "and opens once" "code $got"

if command -v zip >/dev/null; then
    mkdir vaults && echo 'The vault opens at 9:40.' >vault.txt && zip -q -P sesame vaults/vault.zip vault.txt && old vaults/vault.zip
    check "a locked archive" 3 sync vaults
    says "a locked archive: told" out "vault.zip.*is encrypted and asks for a password: .*--password"
    check "a locked archive: add" 10 add vaults
    says "a locked archive: add tells" out "^failed .*vault.zip: .*asks for a password"
    check "a locked archive: status" 0 status --failed
    says "a locked archive: status names it" out "vault.zip: .*asks for a password"
    check "another password" 3 sync --password other vaults
    says "another password: told" out "vault.zip.*the password opens none of it"
    check "its password" 0 sync --password sesame vaults
    says "its password: read" out "^new +vaults/vault.zip \(1 page, 1 chunk\)"
    mkdir half && cp vault.txt half/open.txt && (cd half && zip -q half.zip open.txt && zip -q -P sesame half.zip ../vault.txt && rm open.txt) && old half/half.zip
    check "half an archive" 0 add half
    says "half an archive: told" out "vault.txt. asks for a password: give it with --password"
    check "half an archive: status" 0 status --failed
    says "half an archive: counted" out "read in part"
    check "half an archive: its password" 0 add --password sesame half
    says "half an archive: read again" out "^replaced .*half.zip \(2 pages"
    check "its password again" 0 sync --password sesame vaults
    says "its password again: nothing" out "^1 unchanged"
    mkdir beside && printf '\0\1\2' >Thumbs.db && zip -q beside/notes.zip vault.txt Thumbs.db && old beside/notes.zip
    check "an archive with other files" 0 sync beside
    says "an archive with other files: told" out "left out 1 file that is no document: Thumbs.db"
    run 0 status notes.zip && grep -q "Thumbs.db" out && ok "status tells of them" || not_ok "status tells of them" "code $got"
    run 0 ls --part && ! grep -q "notes.zip" out && ok "nothing is missing for them" || not_ok "nothing is missing for them" "code $got"
    cp Thumbs.db lease.doc && zip -q beside/papers.zip vault.txt lease.doc && old beside/papers.zip
    check "an archive with a text that is not read" 0 sync beside
    run 0 ls --part && grep -q "papers.zip" out && ok "something is missing then" || not_ok "something is missing then" "code $got"
    rm vault.txt Thumbs.db lease.doc
else
    skip "a locked archive" "zip is not installed"
fi

# ---- killed ------------------------------------------------------------------------------------
mkdir many
for i in $(seq 300); do printf 'Note %d: the lock of gate %d is oiled in week %d.\n' "$i" "$i" $((i % 52)) >many/$i.txt; done
old many/*
export XDG_DATA_HOME=$work/data2
for n in 1 2 3; do
    "$carrel" sync many >out 2>err &
    victim=$!
    sleep "0.$((n * 3))"
    kill -9 $victim 2>/dev/null
    wait $victim 2>/dev/null
done
check "after kill -9" 0 sync many
holds "all of it is there" $(for i in $(seq 300); do echo many/$i.txt; done)
check "and sound" 0 status --check
rm many/1*.txt
"$carrel" sync many >out 2>err &
victim=$!
sleep 0.05
kill -9 $victim 2>/dev/null
wait $victim 2>/dev/null
check "killed while removing" 0 sync many
check "sound too" 0 status --check
holds "equal again" $(cd many && for f in *.txt; do echo "many/$f"; done)
run 0 sync many && grep -q "^$(ls many | wc -l) unchanged in" out && ok "nothing is left to do" || not_ok "nothing is left to do" "code $got"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
