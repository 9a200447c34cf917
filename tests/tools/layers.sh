#!/usr/bin/env bash
# Checks the walls of the house: which room includes which, that outside a room only room/room.h is
# included, and that a third party's header stays in the rooms that own it. Prints each violation;
# exit code 1 when there is one.
#
# Usage: tests/tools/layers.sh [ROOT]     (ROOT: another tree; the script's own test uses it)
# shellcheck disable=SC2254,SC2086  # the tables hold patterns and lists of words
set -euo pipefail
if [ $# -gt 0 ]; then cd "$1"; else cd "$(dirname "$0")/../.."; fi

# What a room may include besides itself.
declare -A may=(
    [base]=""
    [engine]="base"
    [embed]="engine base"
    [index]="base"
    [ingest]="base"
    [query]="embed engine index base"
    [cli]="query embed engine index ingest base"
)
# Third-party headers: pattern, then the rooms that own it (room/folder for a part of a room).
third=(
    "sqlite3.h      index"
    "libstemmer.h   index"
    "utf8proc.h     index engine ingest/parse cli"
    "sodium.h       ingest embed cli/pull"
    "curl/*         cli/pull"
    "jansson.h      cli"
    "seccomp.h      cli ingest/parse"
    "microhttpd.h   cli"
    "poppler.h      ingest/parse ingest/ocr"
    "glib*.h        ingest/parse"
    "gio/*          ingest/parse"
    "cairo*.h       ingest/parse ingest/ocr"
    "tesseract/*    ingest/ocr"
    "leptonica/*    ingest/ocr"
    "png.h          ingest/ocr"
    "tiffio.h       ingest/ocr"
    "qpdf/*         ingest/parse"
    "libxml/*       ingest/parse"
    "zip.h          ingest/parse"
    "zlib.h         ingest/parse"
    "zstd.h         ingest/parse"
    "lzma.h         ingest/parse"
    "gmime/*        ingest/parse"
)
# The C library, POSIX, Linux and the compiler: everywhere. A header in neither list is a
# violation, so that a new dependency is a decision.
system="assert.h cpuid.h ctype.h dirent.h errno.h fcntl.h float.h ftw.h getopt.h iconv.h immintrin.h
    arm_neon.h inttypes.h limits.h locale.h malloc.h math.h poll.h pthread.h sched.h setjmp.h signal.h
    spawn.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h
    strings.h termios.h time.h unistd.h wchar.h linux/*.h sys/*.h"

violations=0
violation() {
    printf '%s\n' "$1"
    violations=$((violations + 1))
}

is_one_of() { # WORD PATTERN...
    local word=$1 pattern
    shift
    for pattern in "$@"; do
        case $word in $pattern) return 0 ;; esac
    done
    return 1
}

check_own() { # FILE ROOM HEADER: an include in quotes
    local file=$1 room=$2 header=$3 target=${3%%/*}
    if [[ $header != */* || ! -v may[$target] ]]; then
        violation "$file: \"$header\" is not written from the root, as \"room/name.h\""
    elif [ "$target" = "$room" ]; then
        # What is parsed stays in carrel-parse and carrel-ocr.
        if [[ $header == ingest/parse/* && $file != ingest/parse/* && $file != ingest/ocr/* ]]; then
            violation "$file: \"$header\" belongs to carrel-parse"
        fi
        if [[ $header == ingest/ocr/* && $file != ingest/ocr/* ]]; then
            violation "$file: \"$header\" belongs to carrel-ocr"
        fi
        # And what connects stays in carrel-pull.
        if [[ $header == cli/pull/* && $file != cli/pull/* ]]; then
            violation "$file: \"$header\" belongs to carrel-pull"
        fi
    elif ! is_one_of "$target" ${may[$room]}; then
        violation "$file: $room may not include $target (\"$header\")"
    elif [ "$header" != "$target/$target.h" ]; then
        violation "$file: of $target only \"$target/$target.h\" may be included, not \"$header\""
    fi
}

check_foreign() { # FILE ROOM HEADER: an include in angle brackets
    local file=$1 room=$2 header=$3 line pattern owners owner
    for line in "${third[@]}"; do
        read -r pattern owners <<<"$line"
        is_one_of "$header" "$pattern" || continue
        for owner in $owners; do
            if [[ $room == "$owner" || $file == "$owner"/* ]]; then return; fi
        done
        violation "$file: <$header> belongs to $owners"
        return
    done
    set -f
    if ! is_one_of "$header" $system; then
        violation "$file: <$header> is in no list of tests/tools/layers.sh"
    fi
    set +f
}

files=0
for room in base engine embed index ingest query cli; do
    while IFS= read -r file; do
        files=$((files + 1))
        while IFS= read -r include; do
            header=${include:1:${#include}-2}
            case $include in
            \"*) check_own "$file" "$room" "$header" ;;
            *) check_foreign "$file" "$room" "$header" ;;
            esac
        done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*("[^"]*"|<[^>]*>).*/\1/p' "$file")
    done < <(find "$room" -name '*.[ch]' 2>/dev/null | sort)
done

if [ "$files" -eq 0 ]; then
    echo "layers: no source file found" >&2
    exit 1
fi
echo "layers: $files files, $violations violations"
[ "$violations" -eq 0 ]
