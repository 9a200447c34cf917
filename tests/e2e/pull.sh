#!/usr/bin/env bash
# carrel-pull against a real HTTP server on loopback that cuts, lies, redirects, stalls and changes its
# mind (tests/tools/pull_server.py): each fault is one sentence and the right exit code, nothing wrong
# ever gets its name, and what was fetched is gone on with.
#
# Usage: tests/e2e/pull.sh [BUILD_FOLDER]
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2
build=$(cd "${1:-build}" && pwd)
work=$(mktemp -d)
passed=0 failed=0 skipped=0
servers=() mounted=
cleanup() {
    for pid in "${servers[@]}"; do kill "$pid" 2>/dev/null; done
    [ -z "$mounted" ] || umount "$mounted" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
export HOME=$work/home XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config
unset CARREL_MIRROR http_proxy https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY CURL_CA_BUNDLE SSL_CERT_FILE
mkdir -p "$HOME"

pass() { passed=$((passed + 1)); echo "ok - $1"; }
skip() { skipped=$((skipped + 1)); echo "SKIP: $1"; }
fail() {
    failed=$((failed + 1))
    echo "not ok - $1"
    sed 's/^/    /' "$work/out" | tail -5
}
check() { # NAME CONDITION...
    local name=$1
    shift
    if "$@"; then pass "$name"; else fail "$name"; fi
}

serve() { # FOLDER [CERTIFICATE KEY]
    mkdir -p "$1"
    python3 tests/tools/pull_server.py "$@" >"$1/log" 2>&1 &
    servers+=($!)
    for _ in $(seq 100); do [ -s "$1/port" ] && return 0; sleep 0.05; done
    return 1
}

if ! command -v python3 >/dev/null; then
    echo "SKIP: python3 is not installed, so there is no server to fetch from"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
serve "$work/http" || { echo "the server did not start"; cat "$work/http/log"; echo "0 passed, 1 failed"; exit 1; }
port=$(cat "$work/http/port")
base=http://127.0.0.1:$port
sha=$(sha256sum "$work/http/v1.gguf" | cut -d' ' -f1)

pull() { # ARGUMENTS...: into a fresh folder unless KEEP is set; the exit code goes to $code
    [ -n "${KEEP:-}" ] || rm -rf "$work/models"
    timeout 60 "$build/carrel-pull" -o "$work/models" --retries 2 "$@" >"$work/out" 2>&1
    code=$?
}
is() { cmp -s "$work/models/$1" "$work/http/$2"; }       # FILE VERSION: whole, and nothing beside it
alone() { [ "$(ls "$work/models")" = "$1" ]; }
says() { grep -qF -- "$1" "$work/out"; }

good() { # NAME PATH SENTENCE OPTIONS...
    local name=$1 path=$2 sentence=$3
    shift 3
    pull "$base/$path" "$@"
    if [ "$code" -eq 0 ] && is "${path##*/}" v1.gguf && alone "${path##*/}" && says "$sentence"; then pass "$name"; else fail "$name (code $code)"; fi
}
bad() { # NAME CODE PATH SENTENCE OPTIONS...: no file, one last sentence
    local name=$1 want=$2 path=$3 sentence=$4
    shift 4
    pull "$base/$path" "$@"
    local last
    last=$(tail -n 1 "$work/out")
    if [ "$code" -eq "$want" ] && [ ! -e "$work/models/${path##*/}" ] && [[ $last == "carrel-pull: "* ]] &&
        grep -qF -- "$sentence" <<<"$last"; then pass "$name"; else fail "$name (code $code, wanted $want)"; fi
}

# ---- the walls ----
for program in carrel carrel-parse; do
    ldd "$build/$program" >"$work/out"
    check "$program is not linked with libcurl" test "$(grep -c curl "$work/out")" -eq 0
done
ldd "$build/carrel-pull" >"$work/out"
check "carrel-pull is, and knows no library of documents" test "$(grep -c curl "$work/out")" -gt 0 -a "$(grep -cE 'sqlite|poppler|libxml' "$work/out")" -eq 0

# ---- what works ----
good "a file whose ETag is its SHA-256" plain/a.gguf "SHA-256 $sha, as ETag says"
good "the hash on a redirect is believed before the content host's ETag" linked/a.gguf "as X-Linked-ETag says"
good "no hash is said plainly" nohash/a.gguf "with nothing to check it against"
good "--sha256" nohash/a.gguf "as --sha256 says" --sha256 "$sha"
good "--sha256 goes before the server's word" wrong/a.gguf "as --sha256 says" --sha256 "${sha^^}"
good "no size announced (chunked)" chunked/a.gguf "SHA-256"
good "ten redirects" chain/10/a.gguf "SHA-256"
good "a server that is busy twice" busy/a.gguf "HTTP 503; going on in"
good "a slow server" drip/a.gguf "SHA-256"
pull "$base/plain/a.gguf?download=true"
check "a query is no part of the name" alone a.gguf
pull "$base/cross/a.gguf"
check "a redirect to another host keeps the name that was asked for" alone a.gguf
KEEP=1 pull "$base/plain/a.gguf"
check "what is there is not fetched again" test "$code" -eq 0 -a "$(grep -c 'is there already' "$work/out")" -eq 1
KEEP=1 pull "$base/plain/a.gguf" --sha256 "${sha^^}"
check "what is there is compared with --sha256" test "$code" -eq 0 -a "$(grep -c 'is there already, and its SHA-256 is right' "$work/out")" -eq 1
KEEP=1 pull "$base/plain/a.gguf" --sha256 "$(printf '%064d' 0)"
check "and refused where it is another, without being touched" test "$code" -eq 3 -a "$(wc -l <"$work/out")" -eq 1
check "it is still there" is a.gguf v1.gguf

# ---- cut, and gone on with ----
good "a connection that is cut twice" cut/a.gguf "going on in"
check "and gone on with by If-Range" grep -q '^/cut/a.gguf bytes=200000- "v1"' "$work/http/requests"
good "a cut connection, and a server without ranges" norange/a.gguf "does not go on in the middle"
good "416 for a range" refuse/a.gguf "does not go on at byte 100000"
good "a cut file without any validator starts again" cut-bare/a.gguf "going on in"
check "without asking for a range" test "$(grep -c '^/cut-bare/a.gguf - -' "$work/http/requests")" -eq 2
pull "$base/change/a.gguf"
check "a file that changes in between is the new one, whole" is a.gguf v2.gguf
pull "$base/deaf/a.gguf"
check "also where the server does not look at If-Range" is a.gguf v2.gguf
good "a server that stalls once" stall-once/a.gguf "sent nothing for 1 seconds" --timeout 1
bad "a server that stalls for good" 6 stall/a.gguf "given up after 2 tries" --timeout 1 --retries 1
check "its bytes are kept" test -s "$work/models/a.gguf.part"
pull "$base/cut-once/a.gguf" --retries 0
check "given up at once without retries" test "$code" -eq 5 -a "$(stat -c %s "$work/models/a.gguf.part")" -eq 100000
KEEP=1 pull "$base/cut-once/a.gguf"
check "the next pull goes on from there" says "going on behind the 100 kB"
check "and is whole" is a.gguf v1.gguf
# Another address, or a damaged .part, is no beginning.
pull "$base/cut-once/b.gguf" --retries 0
sed -i '1s/.*/http:\/\/127.0.0.1:1\/other/' "$work/models/b.gguf.part.from"
KEEP=1 pull "$base/cut-once/b.gguf"
check "bytes of another address are not gone on with" test "$code" -eq 0 -a "$(grep -c 'going on behind' "$work/out")" -eq 0
pull "$base/cut-once/c.gguf" --retries 0
printf X | dd of="$work/models/c.gguf.part" bs=1 seek=500 conv=notrunc 2>/dev/null
KEEP=1 pull "$base/cut-once/c.gguf" --sha256 "$sha"
check "a .part damaged on the disk is found, since it is hashed again" test "$code" -eq 3 -a ! -e "$work/models/c.gguf" -a ! -e "$work/models/c.gguf.part"

# ---- Ctrl-C, two at once ----
rm -rf "$work/models"
"$build/carrel-pull" -o "$work/models" "$base/drip/d.gguf" >"$work/out" 2>&1 &
pid=$!
for _ in $(seq 100); do [ -s "$work/models/d.gguf.part" ] && break; sleep 0.05; done
timeout 20 "$build/carrel-pull" -o "$work/models" "$base/drip/d.gguf" >"$work/second" 2>&1
check "a second pull of the same file is refused" test $? -eq 5 -a "$(grep -c 'another carrel-pull' "$work/second")" -eq 1
kill -TERM "$pid"
wait "$pid"
check "a stopped pull keeps what it has" test $? -eq 9 -a -s "$work/models/d.gguf.part" -a ! -e "$work/models/d.gguf"
KEEP=1 pull "$base/drip/d.gguf"
check "and goes on" test "$code" -eq 0 -a "$(grep -c 'going on behind' "$work/out")" -eq 1
check "to the whole file" is d.gguf v1.gguf

# ---- what is refused ----
bad "a wrong SHA-256 of the server" 3 wrong/a.gguf "is deleted: its SHA-256 is $sha, by ETag"
check "deletes what came" test ! -e "$work/models/a.gguf.part"
bad "a wrong SHA-256 on the redirect" 3 linked-wrong/a.gguf "by X-Linked-ETag"
pull "$base/plain/a.gguf" --sha256 "$(printf '%064d' 0)"
check "a --sha256 that is another file's" test "$code" -eq 3 -a ! -e "$work/models/a.gguf"
pull "$base/plain/a.gguf" --sha256 abc
check "a --sha256 that is none" test "$code" -eq 2
bad "sizes that contradict each other" 5 linked-size/a.gguf "contradicts itself"
bad "404" 4 missing/a.gguf "no such file (HTTP 404)"
check "leaves nothing" alone ""
bad "500 for ever" 5 broken/a.gguf "given up after 2 tries: the server answers HTTP 500" --retries 1
bad "401" 5 account/a.gguf "without an account (HTTP 401)"
bad "a web page" 3 html/a.gguf "no GGUF file"
bad "an empty file" 3 empty/a.gguf "empty file"
bad "a compressed body" 5 gzip/a.gguf "compressed"
bad "a loop of redirects" 6 loop/a.gguf "more than 10 times"
bad "eleven redirects" 6 chain/11/a.gguf "more than 10 times"
bad "a redirect to a file of this machine" 5 scheme/a.gguf "redirects to where carrel-pull does not follow"
bad "a redirect with control characters" 5 evil/a.gguf "redirects to where"
bad "a file larger than the disk" 5 huge/a.gguf "is yet to come, and the disk of"
pull "http://127.0.0.1:1/a.gguf" --retries 0
check "one try is no tries" says "given up after 1 try:"
check "no server there" test "$code" -eq 5 -a "$(grep -c 'no connection' "$work/out")" -eq 1

# ---- names and addresses ----
pull "$base/named/a.gguf"
check "a header cannot choose the name" alone a.gguf
for url in "$base/x/..%2f..%2fa.gguf" "$base/x/.a.gguf" "$base/x/-o.gguf" "$base/x/a%20b.gguf" "$base/x/" "$base" \
    "$base/a.txt" "file:///etc/passwd" "ftp://127.0.0.1/a.gguf" "http://user:secret@127.0.0.1/a.gguf" "http:///a.gguf" "http://127.0.0.1/a b.gguf"; do
    pull "$url"
    check "refused as an address: $url" test "$code" -eq 2
done
mkdir -p "$work/elsewhere" && rm -rf "$work/models" && mkdir "$work/models" && ln -s "$work/elsewhere/x" "$work/models/a.gguf.part"
KEEP=1 pull "$base/plain/a.gguf"
check "a link in the place of the .part is not followed" test "$code" -eq 5 -a ! -e "$work/elsewhere/x"

# ---- the catalogue, the mirror, the proxy ----
cat >"$work/list" <<LIST
# a list
small  https://models.invalid/plain/small.gguf  answers: a test  CC0
cut-one	https://models.invalid/deep/cut/cut.gguf	embeds: a test	CC0
LIST
"$build/carrel-pull" --list --catalogue "$work/list" >"$work/out" 2>&1
check "--list" test "$(grep -cE '^(small|cut-one) .*CC0' "$work/out")" -eq 2
pull small --catalogue "$work/list" --mirror "$base/"
check "a name, by a mirror" is small.gguf v1.gguf
rm -rf "$work/data"
CARREL_MIRROR=$base "$build/carrel-pull" --catalogue "$work/list" small >"$work/out" 2>&1
check "CARREL_MIRROR, into the user's model folder" cmp -s "$work/data/carrel/models/small.gguf" "$work/http/v1.gguf"
check "stdout is the file's path" grep -qx "$work/data/carrel/models/small.gguf" "$work/out"
pull smal --catalogue "$work/list"
check "a name with a slip" test "$code" -eq 4 -a "$(grep -c 'did you mean small?' "$work/out")" -eq 1
echo "two  columns" >"$work/broken"
pull small --catalogue "$work/broken"
check "a broken list tells its line" test "$code" -eq 3 -a "$(grep -c 'broken:1: not four' "$work/out")" -eq 1
"$build/carrel-pull" --list --catalogue cli/models.txt >"$work/out" 2>&1
check "the shipped list is read" test "$(grep -c . "$work/out")" -ge 20
http_proxy=$base pull "http://models.invalid/plain/p.gguf"
check "http_proxy is used" is p.gguf v1.gguf
check "with the whole address" grep -q '^http://models.invalid/plain/p.gguf' "$work/http/requests"

# ---- TLS ----
if command -v openssl >/dev/null && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout "$work/key" -out "$work/certificate" >/dev/null 2>&1 && serve "$work/https" "$work/certificate" "$work/key"; then
    secure=https://localhost:$(cat "$work/https/port")
    echo "$port" >"$work/https/plain_port"
    pull "$secure/plain/a.gguf"
    check "a certificate of nobody we know is refused" test "$code" -eq 5 -a "$(grep -c 'cannot prove who it is' "$work/out")" -eq 1
    CURL_CA_BUNDLE=$work/certificate pull "$secure/plain/a.gguf"
    check "one that the user trusts is taken" is a.gguf v1.gguf
    CURL_CA_BUNDLE=$work/certificate pull "$secure/down/a.gguf"
    check "from https there is no way back to http" test "$code" -eq 5 -a "$(grep -c 'from https to plain http' "$work/out")" -eq 1
else
    skip "openssl is not installed: no TLS"
fi

# ---- disks ----
rm -rf "$work/models"
(ulimit -f 100 && exec "$build/carrel-pull" -o "$work/models" "$base/nohash/a.gguf") >"$work/out" 2>&1
check "a file-size limit is one sentence" test $? -eq 5 -a "$(grep -c 'larger than is allowed here; what was fetched is kept' "$work/out")" -eq 1
check "and what came is kept" test -s "$work/models/a.gguf.part" -a ! -e "$work/models/a.gguf"
mkdir "$work/disk"
if mount -t tmpfs -o size=24m tmpfs "$work/disk" 2>/dev/null; then
    mounted=$work/disk
    timeout 60 "$build/carrel-pull" -o "$work/disk" "$base/endless/a.gguf" >"$work/out" 2>&1
    check "a full disk is one sentence" test $? -eq 5 -a "$(grep -c 'the disk is full; what was fetched is kept' "$work/out")" -eq 1
    check "and gives no file" test -s "$work/disk/a.gguf.part" -a ! -e "$work/disk/a.gguf"
else
    skip "no tmpfs can be mounted here: no full disk"
fi
if [ "$(id -u)" -ne 0 ]; then
    rm -rf "$work/models" && mkdir -m 500 "$work/models"
    KEEP=1 pull "$base/plain/a.gguf"
    check "a folder that cannot be written" test "$code" -eq 5
fi

# ---- the lock: what the kernel refuses while a server is talked to ----
if command -v strace >/dev/null && strace -qq -e trace=none true 2>/dev/null; then
    rm -rf "$work/models"
    strace -f -qq -e trace=%network,execve,%file -o "$work/trace" "$build/carrel-pull" -o "$work/models" "$base/plain/a.gguf" >"$work/out" 2>&1
    check "no file of the data folder is opened" test "$(grep -c 'library.db' "$work/trace")" -eq 0
    check "one connection, to the server that was named" test "$(grep -c 'connect(.*AF_INET' "$work/trace")" -eq 1
else
    skip "no strace here: connections are not counted"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
