#!/usr/bin/env bash
# Scans: pages that were left unread are marked, told, and read when that is possible; a worse reading
# never replaces a better one; a scan that is stopped or killed goes on at the page. The scan is made here,
# of lines whose picture pdftoppm draws.
# usage: tests/e2e/scans.sh BUILD
. "$(dirname "$0")/../support/e2e.sh"

end() { echo "$passed passed, $failed failed, $skipped skipped" && [ "$failed" -eq 0 ]; exit; }
check() {
    name=$1
    shift
    if run "$@"; then ok "$name"; else not_ok "$name" "exit code $got, not $want"; fi
}
# rows SQL: the number that it gives of the library
rows() {
    python3 - "$1" <<'P' 2>/dev/null
import sqlite3, sys
with sqlite3.connect("file:data/carrel/library.db?mode=ro", uri=True) as db:
    print(db.execute(sys.argv[1]).fetchone()[0])
P
}
for needed in pdftoppm python3; do
    command -v $needed >/dev/null || { skip "scans" "$needed is not installed"; end; }
done

# scan PAGES OUT: a PDF whose pages are pictures of text.
cat >scan.py <<'P'
import subprocess, sys
def pdf(objects):
    out, at = b"%PDF-1.4\n", []
    for i, o in enumerate(objects, 1):
        at.append(len(out))
        out += b"%d 0 obj" % i + o + b"endobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % a for a in at)
    return out + b"trailer<</Root 1 0 R/Size %d>>startxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
def stream(head, data):
    return b"<<" + head + b"/Length %d>>stream\n" % len(data) + data + b"\nendstream "
def tree(pages, resources):
    kids = b" ".join(b"%d 0 R" % (3 + 2 * i) for i in range(len(pages)))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[" + kids + b"]/Count %d>>" % len(pages)]
    for i, content in enumerate(pages):
        objects += [b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 320 200]/Resources<<" + resources(i)
                    + b">>/Contents %d 0 R>>" % (4 + 2 * i), stream(b"", content)]
    return objects
count = int(sys.argv[1])
font = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>>>"
text = [b"BT /F 14 Tf 30 160 Td (The harbour crane lifts forty) Tj 0 -24 Td (barrels before noon, and page %d)"
        b" Tj 0 -24 Td (of the keeper's book says so.) Tj ET" % (i + 1) for i in range(count)]
open("text.pdf", "wb").write(pdf(tree(text, lambda i: font)))
pictures = []
for i in range(count):
    pgm = subprocess.run(["pdftoppm", "-r", "150", "-gray", "-f", str(i + 1), "-l", str(i + 1), "text.pdf"],
                         capture_output=True, check=True).stdout
    width, height = pgm.split(maxsplit=3)[1:3]
    pictures.append((int(width), int(height), pgm[-int(width) * int(height):]))
first = 3 + 2 * count
objects = tree([b"q 320 0 0 200 0 0 cm /I Do Q"] * count, lambda i: b"/XObject<</I %d 0 R>>" % (first + i))
for width, height, data in pictures:
    objects.append(stream(b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray"
                          b"/BitsPerComponent 8" % (width, height), data))
open(sys.argv[2], "wb").write(pdf(objects))
P
python3 scan.py 1 one.pdf && python3 scan.py 30 thick.pdf || { not_ok "the scans are made" "they are not"; end; }
mkdir none docs && cp one.pdf docs
run 0 add one.pdf
if ! grep -q "read by OCR" out; then skip "scans" "tesseract or its data are not installed"; end; fi
run 0 rm --all --yes

# ---- not wanted, then wanted ---------------------------------------------------------------------
check "no-ocr" 0 add --no-ocr one.pdf
says "no-ocr: told" out "page 1 failed: a picture, whose characters were not recognised \(--no-ocr\)"
check "no-ocr again" 0 add --no-ocr one.pdf
says "no-ocr again: nothing is tried" out "^present one.pdf"
check "status of it" 0 status one.pdf
says "status of it: the page waits" out "1 not recognised"
check "status" 0 status
says "status: a sum" out "^scans +1 page was not recognised"
mkdir dry && cp one.pdf dry
check "a copy in a folder" 0 sync --no-ocr dry
rm one.pdf
check "the folder's alone" 0 sync --no-ocr dry
check "dry run" 0 sync --dry-run dry
says "dry run: it would be read" out "^would be read again +dry/one.pdf"
check "dry run without" 0 sync --dry-run --no-ocr dry
says "dry run without: it would not" out "^1 unchanged"
cp dry/one.pdf . && rm -r dry
check "wanted" 0 add one.pdf
says "wanted: it is read" out "read by OCR"
check "wanted again" 0 add one.pdf
says "wanted again: nothing is tried" out "^present one.pdf"
check "it is found" 0 search crane
says "it is found: the page" out "one.pdf"
check "status then" 0 status
says_not "status then: nothing waits" out "not recognised"

# ---- a worse reading -----------------------------------------------------------------------------
check "again without it" 0 add --again --no-ocr one.pdf
says "again without it: kept" err "it stays as it was read before: 1 page would lose its text"
export TESSDATA_PREFIX=$work/none
check "again where no language is" 0 add --again one.pdf
says "again where no language is: kept" err "it stays as it was"
check "it is still found" 0 search --ranking words crane
says "it is still found: the page" out "one.pdf"

# ---- no language, then one -----------------------------------------------------------------------
run 0 rm --all --yes
check "no language" 0 add one.pdf
says "no language: told first" err "stay unread for now: character recognition has no language data .*tesseract-ocr-eng"
check "no language again" 0 add one.pdf
says "no language again: nothing is tried" out "^present one.pdf"
check "sync without a language" 0 sync docs
check "sync without a language again" 0 sync docs
says "sync without a language again: nothing is tried" out "1 unchanged|1 moved|1 copy"
unset TESSDATA_PREFIX
check "sync with a language" 0 sync docs
check "sync with a language: status" 0 status
says_not "sync with a language: it is read" out "not recognised"

# ---- a language that is named --------------------------------------------------------------------
check "a language that is missing" 4 add --library other.db --ocr-lang eng+xxy one.pdf
says "a language that is missing: named" err "no language \"xxy\" here.*tesseract-ocr-xxy"
[ ! -e other.db ] && ok "and no library is made" || not_ok "and no library is made" "it is there"
check "a language that is there" 0 add --ocr-lang eng one.pdf
check "it is remembered" 0 status
says "it is remembered: told" out "read as eng \(--ocr-lang\)"
check "until another is said" 0 add --ocr-lang default one.pdf
run 0 status
says_not "until another is said: told" out "ocr-lang"

# ---- stopped and killed --------------------------------------------------------------------------
run 0 rm --all --yes
kept() { rows "SELECT count(*) FROM recognised"; }
# more N: waits until more than N pages are put away.
more() {
    for _ in $(seq 600); do
        n=$(kept)
        [ "${n:-0}" -gt "$1" ] && return 0
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}
"$carrel" add thick.pdf >out 2>err </dev/null &
pid=$!
if more 2; then ok "pages are put away as they come"; else not_ok "pages are put away as they come" "none"; fi
begin=$(date +%s%N)
kill -TERM $pid
wait $pid
got=$?
ms=$((($(date +%s%N) - begin) / 1000000))
pid=
[ $got -eq 9 ] && ok "a stop" || not_ok "a stop" "exit code $got"
[ $ms -lt 3000 ] && ok "a stop within seconds" || not_ok "a stop within seconds" "$ms ms"
says "a stop: told" err "the same command goes on from there"
before=$(kept)
"$carrel" add thick.pdf >out 2>err </dev/null &
pid=$!
if more "$before"; then ok "the next run goes on"; else not_ok "the next run goes on" "no more pages"; fi
children=$(ps -o pid= --ppid $pid)
children="$children $(for c in $children; do ps -o pid= --ppid "$c"; done)"
kill -9 $pid
wait $pid 2>/dev/null
pid=
for _ in $(seq 100); do
    left=$(for c in $children; do kill -0 "$c" 2>/dev/null && echo "$c"; done)
    [ -z "$left" ] && break
    sleep 0.1
done
[ -z "$left" ] && ok "no process outlives a kill" || not_ok "no process outlives a kill" "$left"
check "after a kill" 0 add thick.pdf
says "after a kill: all of it" out "pages 1-30 were read by OCR"
[ "$(kept)" = 0 ] && ok "then nothing more is kept" || not_ok "then nothing more is kept" "$(kept) pages"
check "the library" 0 status --check
says "the library is sound" out "sound"
end
