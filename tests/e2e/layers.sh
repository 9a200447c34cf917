#!/usr/bin/env bash
# Shows that layers.sh finds what it is for: a tree with one violation of each kind, and a clean one.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

try() { # NAME EXPECTED-CODE FILE INCLUDE: a tree of two files, one of them with this include
    local name=$1 want=$2 file=$3 include=$4 got=0
    rm -rf "$work/tree"
    mkdir -p "$work/tree/base" "$work/tree/$(dirname "$file")"
    echo '#include <string.h>' >"$work/tree/base/base.h"
    printf '#include <stdio.h>\n#include %s\n' "$include" >"$work/tree/$file"
    bash tests/tools/layers.sh "$work/tree" >"$work/out" 2>&1 || got=$?
    if [ "$got" -eq "$want" ] && { [ "$want" -eq 0 ] || grep -qF "$file" "$work/out"; }; then
        passed=$((passed + 1))
        echo "ok - $name"
    else
        failed=$((failed + 1))
        echo "not ok - $name (code $got, wanted $want)"
        cat "$work/out"
    fi
}

try 'an allowed edge passes' 0 query/search.c '"index/index.h"'
try 'a room includes its own headers' 0 index/words.c '"index/internal.h"'
try 'a wall is crossed upwards' 1 base/text.c '"index/index.h"'
try 'rooms beside each other' 1 index/store.c '"embed/embed.h"'
try 'query does not parse' 1 query/search.c '"ingest/ingest.h"'
try 'a private header of another room' 1 cli/add.c '"index/internal.h"'
try 'a header without its room' 1 cli/add.c '"cli.h"'
try 'the parsers stay in carrel-parse' 1 ingest/worker.c '"ingest/parse/parse.h"'
try 'SQLite outside index' 1 cli/add.c '<sqlite3.h>'
try 'libxml in its place' 0 ingest/parse/html/html.c '<libxml/tree.h>'
try 'libxml in ingest, but outside parse' 1 ingest/worker.c '<libxml/tree.h>'
try 'tesseract outside carrel-ocr' 1 ingest/parse/pdf/pdf.c '<tesseract/capi.h>'
try 'tesseract in its place' 0 ingest/ocr/recognise.c '<tesseract/capi.h>'
try 'carrel takes nothing of carrel-ocr' 1 ingest/read.c '"ingest/ocr/ocr.h"'
try 'carrel-ocr lays out as carrel-parse does' 0 ingest/ocr/write.c '"ingest/parse/pdf/pdf.h"'
try 'curl outside carrel-pull' 1 cli/add.c '<curl/curl.h>'
try 'curl in its place' 0 cli/pull/fetch.c '<curl/curl.h>'
try 'carrel takes nothing of carrel-pull' 1 cli/add.c '"cli/pull/pull.h"'
try 'an unknown header' 1 cli/add.c '<readline/readline.h>'
try 'white space does not hide it' 1 base/text.c $'\t<sqlite3.h> // x'
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
