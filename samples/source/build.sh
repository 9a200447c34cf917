#!/bin/sh
# Builds the PDF samples and the windows-1252 text from their sources in this folder.
#
# The results are committed, so nobody needs groff or ghostscript to use them. Page labels cannot
# be set by groff 1.22, so ghostscript writes them with a pdfmark. Times are left to the tools:
# a rebuilt PDF says the same on the same pages, but differs in its creation date.
#
# Usage: samples/source/build.sh     (Debian packages: groff, ghostscript)
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build NAME TITLE [MARKS]: MARKS are PostScript label ranges, [page-index << /S style /St start >> ...]
build() {
    preconv -e utf-8 "$1.ms" | groff -t -ms -Tpdf -dpaper=a4 -P-pa4 -P-e >"$work/$1.pdf"
    {
        printf '[ /Title (%s) /Author (Carrel samples) /DOCINFO pdfmark\n' "$2"
        [ -z "${3:-}" ] || printf '[ {Catalog} << /PageLabels << /Nums %s >> >> /PUT pdfmark\n' "$3"
    } >"$work/$1.marks"
    gs -q -dBATCH -dNOPAUSE -dSAFER -sDEVICE=pdfwrite -dCompatibilityLevel=1.5 \
        -sOutputFile="../$1.pdf" "$work/$1.pdf" "$work/$1.marks"
}

# Two pages of front matter (i, ii), then 1, 2, ...
build clinic-manual 'Tarnwater District Clinic: Treatment Manual' '[0 << /S /r >> 2 << /S /D >>]'
build press-manual 'Hollin HP-30 Hydraulic Bench Press: operating and service manual'
build expenses-policy 'Travel and Expenses Policy FIN-07'

iconv -f utf-8 -t windows-1252 solvent-safety.utf8 >../solvent-safety.txt
