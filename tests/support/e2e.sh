# What the scripts of tests/e2e have in common: sourced as their first act, with BUILD as $1.
# Sets build, carrel and root; goes into an empty folder, with a home of its own, that is removed at
# the end, and so is the process whose number stands in pid. A script prints `ok NAME`, `not ok NAME` or
# `skip NAME` for each case, and ends on
#   N passed, N failed, N skipped
set -u
build=$(cd "${1:?usage: $0 BUILD}" && pwd) || exit 2
carrel=$build/carrel
# A build folder outside of the repository has no models beside it.
root=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
export CARREL_MODELS=${CARREL_MODELS:-$root/models}
work=$(mktemp -d) || exit 2
pid=
trap '[ -n "$pid" ] && kill -9 $pid 2>/dev/null; chmod -R u+rwx "$work"; rm -rf "$work"' EXIT
cd "$work" || exit 2
export HOME=$work/home XDG_DATA_HOME=$work/data XDG_CONFIG_HOME=$work/config LC_ALL=C.UTF-8
mkdir -p home data config
# The tests start programs on purpose; a leak checker at exit is not what they look for.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}

passed=0 failed=0 skipped=0
ok() { echo "ok $1"; passed=$((passed + 1)); }
not_ok() {
    echo "not ok $1: $2"
    failed=$((failed + 1))
    sed 's/^/    /' out err 2>/dev/null | head -20
}
skip() { echo "skip $1: $2"; skipped=$((skipped + 1)); }

# run CODE ARGS...: runs carrel, keeps out and err, remembers whether the code was right.
run() {
    want=$1
    shift
    "$carrel" "$@" >out 2>err </dev/null
    got=$?
    [ "$got" -eq "$want" ]
}
# says NAME FILE PATTERN
says() { if grep -qE -- "$3" "$2"; then ok "$1"; else not_ok "$1" "no \"$3\" in $2"; fi; }
says_not() { if grep -qE -- "$3" "$2"; then not_ok "$1" "\"$3\" in $2"; else ok "$1"; fi; }
# json NAME FILTER: each line of out is an object for which the filter is true.
json() {
    if ! command -v jq >/dev/null; then
        skip "$1" "jq is not installed"
    elif [ -s out ] && jq -e -s "length > 0 and all(.[]; $2)" out >/dev/null 2>jq.err; then
        ok "$1"
    else
        not_ok "$1" "not JSON with $2"
    fi
}
