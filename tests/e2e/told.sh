#!/usr/bin/env bash
# What is told of files that were not read, or in part: by add, by status, and beside answers.
# usage: tests/e2e/told.sh BUILD
. "$(dirname "$0")/../support/e2e.sh"
check() {
    local name=$1
    shift
    run "$@" && ok "$name" || not_ok "$name" "exit code $got"
}

# ---- nothing of it, some of it -----------------------------------------------------------------
mkdir shelf
echo 'The weir was built in 1911.' >shelf/weir.txt
cp "$root/tests/golden/facts/aes256.pdf" shelf/locked.pdf
printf '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old file' >shelf/memo.doc
cp shelf/memo.doc shelf/prices.xls
: >shelf/empty.txt
touch -d "1 hour ago" shelf/*
check "a shelf with a locked file" 10 add shelf
says "the count of files is true" err "1 of 5 files could not be added \(and 3 are no documents\): they ask for a password"
says "an old Word file" out "memo.doc: an old Word file: save it as .docx"
says "an old Excel file" out "prices.xls: an old Excel file: save it as .xlsx"
check "status --failed" 0 status --failed
says "it names what failed" out "locked.pdf: .*password"
says "and what is no document" out "memo.doc: an old Word file"
says "and what is empty" out "empty.txt: it is empty"
check "ask in vain" 0 ask --threshold 1 "Which dose of amoxicillin do children get?"
says "a refusal" out "^Not in these documents"
says "a refusal tells of files that were not read" out "^1 file could not be read: carrel status --failed"
run 0 ask --threshold 1 --json "Which dose of amoxicillin do children get?"
json "so does --json" '.refused and .files_not_readable == 1'
check "sync has nothing new to tell" 0 sync shelf
says_not "nothing new" out "memo.doc"
rm shelf/locked.pdf shelf/memo.doc shelf/prices.xls shelf/empty.txt
check "they are gone" 0 sync shelf
check "status --failed, all well" 0 status --failed
says "all well" out "^every file that was added could be read"
check "ask in vain, all well" 0 ask --threshold 1 "Which dose of amoxicillin do children get?"
says_not "nothing is told" out "could not be read"

# ---- the place of a citation --------------------------------------------------------------------
mkdir mail
cat >mail/inbox.mbox <<'END'
From a@example.org Mon Jan  6 10:00:00 2020
From: a@example.org
To: b@example.org
Subject: Order of lamps
Date: Mon, 06 Jan 2020 10:00:00 +0000
Content-Type: text/plain

The lamps for pier seven cost 4711 guilders.

From a@example.org Mon Jan  6 11:00:00 2020
From: a@example.org
To: b@example.org
Subject: Paint
Date: Mon, 06 Jan 2020 11:00:00 +0000
Content-Type: text/plain

The paint for pier eight is green.

END
check "a mailbox" 0 add mail
check "its place" 0 search --ranking words "lamps guilders"
says "the part is named" out "inbox.mbox > Order of lamps"
says_not "and once" out "Order of lamps.*Order of lamps"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
