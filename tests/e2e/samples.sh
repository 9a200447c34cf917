#!/bin/sh
# From a folder of documents to cited answers: adds samples/ to a new library, asks every question of
# samples/questions.jsonl in one process, and lets check-samples judge pages, refusals and quotes.
#
# The text of the pages is read by poppler's pdftotext where it is installed, so that two readers
# must agree; else by the sources that the PDFs were made from.
#
# Usage: tests/e2e/samples.sh [BUILD_FOLDER]        (BUILD_FOLDER has carrel and check-samples)
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/pages"

plain_html() { # tags and entities out; good enough for our own page
    tr '\n' ' ' <"$1" | sed 's/<[^>]*>/ /g; s/&nbsp;/ /g; s/&pound;/£/g;
        s/&rsquo;/\xE2\x80\x99/g; s/&amp;/\&/g'
}

plain_ms() { # requests, table text blocks and escapes of troff out
    sed '/^\./d; /^T}$/d; s/T{$//; s/\\(en/–/g; s/\\d//g; s/\\u//g; s/\\s-*[0-9]//g' "$1"
}

for file in samples/*; do
    name=${file##*/}
    case $name in
    *.pdf)
        if command -v pdftotext >/dev/null; then
            pages=$(pdfinfo "$file" | sed -n 's/^Pages: *//p')
            for page in $(seq "$pages"); do
                pdftotext -f "$page" -l "$page" "$file" "$work/pages/$name.$page.plain"
                pdftotext -layout -f "$page" -l "$page" "$file" "$work/pages/$name.$page.layout"
                pdftotext -raw -f "$page" -l "$page" "$file" "$work/pages/$name.$page.raw"
            done
        else
            plain_ms "samples/source/${name%.pdf}.ms" >"$work/pages/$name.all"
        fi ;;
    *.html) plain_html "$file" >"$work/pages/$name.all" ;;
    *.txt | *.md)
        if iconv -f utf-8 -t utf-8 "$file" >/dev/null 2>&1; then
            cp "$file" "$work/pages/$name.all"
        else
            iconv -f windows-1252 -t utf-8 "$file" >"$work/pages/$name.all"
        fi ;;
    *) continue ;;
    esac
done

# The folder as it lies there, its README among the documents, as ./setup adds it.
"$build/carrel" add --library "$work/library.db" samples
# One question per line, as a user's own list would be.
sed 's/^{"question": "//; s/", "document": .*//; s/\\"/"/g' samples/questions.jsonl >"$work/questions"
"$build/carrel" ask --library "$work/library.db" --json --questions "$work/questions" >"$work/answers"
"$build/check-samples" samples/questions.jsonl "$work/answers" "$work/pages"
