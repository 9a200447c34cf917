#!/usr/bin/env python3
"""Adds the hostile corpus and checks what Carrel promises of bad input.

usage: run.py BUILD FOLDER [--each] [--slow SECONDS]

All of FOLDER (made by make.py) is added at once. Then: carrel did not crash and was in time; every file
below FOLDER has exactly one outcome; each that was not added has one sentence of one line, and
none of them says that the worker itself died; `carrel status --check` is content; good.txt still
answers. --each adds every file by itself as well, into one library, and so finds who is slow, who
needs memory, and who breaks the process. Prints `ok` or `not ok` for each promise, and ends on
    N passed, N failed, 0 skipped
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

QUESTION = "How long does the signal lamp of Carrel Island burn on one charge?"
ANSWER = "eleven hours"
# One document may take 120 s (ingest_default_limits): a bomb does, and no file may take longer.
SLOW_S = 130
# An archive of a hundred thousand documents takes what so many files take.
MANY_S = {b"entries-100000.zip": 900}
# The whole short corpus must stay under this.
BATCH_LIMIT_S = 1800
# Sentences that tell of a parser's fault instead of the document's. They keep the promise, yet each
# is a bug to look at.
FAULTS = re.compile(r"crashed|ended early|itself ended|may not do")
WORST_SHOWN = 12


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, wrong):
        """wrong: what contradicts the promise, a list of lines."""
        if wrong:
            self.failed += 1
            print(f"not ok {name}")
            for line in wrong[:WORST_SHOWN]:
                print(f"    {line}")
            if len(wrong) > WORST_SHOWN:
                print(f"    and {len(wrong) - WORST_SHOWN} more")
        else:
            self.passed += 1
            print(f"ok {name}")


def printable(path):
    return path.decode("utf-8", "backslashreplace").encode("unicode_escape").decode()


def carrel(build, *arguments, limit=1200):
    """(exit code, output, errors, seconds); the code is -9 when it ran past the limit."""
    start = time.monotonic()
    try:
        p = subprocess.run([os.path.join(build, "carrel"), *arguments], stdin=subprocess.DEVNULL,
                           capture_output=True, timeout=limit)
        code, out, errors = p.returncode, p.stdout, p.stderr
    except subprocess.TimeoutExpired as e:
        code, out, errors = -9, e.stdout or b"", e.stderr or b""
    return code, out, errors, time.monotonic() - start


def files_of(folder):
    """What add must tell of: everything that is no folder, links to folders and hidden names apart."""
    found = []
    for at, folders, files in os.walk(os.fsencode(folder)):
        linked = [f for f in folders if os.path.islink(os.path.join(at, f))]
        folders[:] = [f for f in folders if f not in linked and not f.startswith(b".")]
        found += [os.path.join(at, f) for f in files if not f.startswith(b".")]
    return found


def is_utf8(path):
    try:
        path.decode()
        return True
    except UnicodeDecodeError:
        return False


def outcomes_of(out):
    """path -> [(outcome, reason)]"""
    told = {}
    report = json.loads(out)
    for d in report["documents"]:
        told.setdefault(d["path"], []).append((d["outcome"], d.get("reason", "")))
    for d in report["files_not_read"]:
        told.setdefault(d["path"], []).append(("not read", d["reason"]))
    return told


def without_outcome(files, told):
    """Files that are missing or told twice. Names that are no UTF-8 are counted, not compared."""
    clean = [f.decode() for f in files if is_utf8(f)]
    odd, known = len(files) - len(clean), set(clean)
    # A folder that could not be entered is told of in place of what lies below it.
    closed = tuple(p + "/" for p in told if p not in known and os.path.isdir(p))
    wrong = [f"{printable(f.encode())}: {len(told.get(f, []))} outcomes" for f in clean
             if len(told.get(f, [])) != (0 if f.startswith(closed) else 1)]
    # What stands in an archive or a mail may be told as its path and something behind it.
    others = [p for p in told if p not in known and p + "/" not in closed and not is_inside(p, known)]
    if len(others) != odd:
        wrong.append(f"{odd} names are no UTF-8, {len(others)} outcomes are of nobody else: {others[:5]}")
    return wrong


def is_inside(path, known):
    return any(path[:i] in known for i in range(len(path) - 1, 0, -1) if path[i] in "/!:#")


def bad_sentences(told):
    wrong = []
    for path, all_of_it in told.items():
        for outcome, reason in all_of_it:
            if outcome in ("added", "replaced", "present"):
                continue
            if not reason or len(reason) > 600 or any(ord(ch) < 32 or 127 <= ord(ch) < 160 for ch in reason):
                wrong.append(f"{printable(path.encode('utf-8', 'replace'))}: {outcome}, {reason!r}")
    return wrong


def faults(told):
    return [f"{printable(path.encode('utf-8', 'replace'))}: {reason}" for path, all_of_it in sorted(told.items())
            for outcome, reason in all_of_it if FAULTS.search(reason)]


def check_library(t, build, library, name):
    code, out, errors, _ = carrel(build, "status", "--check", "--library", library)
    t.check(f"{name}: the library is sound", [] if code == 0 else [f"code {code}", (out + errors)[-300:].decode("utf-8", "replace")])
    code, out, errors, _ = carrel(build, "ask", "--library", library, QUESTION)
    t.check(f"{name}: the good document answers", [] if code == 0 and ANSWER.encode() in out else
            [f"code {code}", (out + errors)[-300:].decode("utf-8", "replace")])


def run_batch(t, build, folder, work):
    library = os.path.join(work, "batch.db")
    files = files_of(folder)
    code, out, errors, seconds = carrel(build, "add", "--json", "--library", library, folder, limit=BATCH_LIMIT_S)
    t.check("batch: add ends with code 0 or 3", [] if code in (0, 3) else [f"code {code}", errors[-300:].decode("utf-8", "replace")])
    try:
        told = outcomes_of(out)
    except (ValueError, KeyError) as e:
        t.check("batch: the report is JSON", [repr(e), out[:200].decode("utf-8", "replace")])
        return {}
    said = errors.decode("utf-8", "replace").splitlines()
    t.check("batch: one line on stderr", said if len(said) > 1 or not all(l.startswith("carrel: ") for l in said) else [])
    t.check("batch: every file has one outcome", without_outcome(files, told))
    t.check("batch: every reason is one sentence", bad_sentences(told))
    t.check("batch: no parser failed", faults(told))
    check_library(t, build, library, "batch")
    counts = {}
    for all_of_it in told.values():
        for outcome, _ in all_of_it:
            counts[outcome] = counts.get(outcome, 0) + 1
    print(f"   {len(files)} files in {seconds:.1f} s: " + ", ".join(f"{n} {o}" for o, n in sorted(counts.items())))
    return told


def run_each(t, build, folder, work, slow_s):
    library = os.path.join(work, "each.db")
    codes, slow, times = [], [], []
    for path in sorted(files_of(folder)):
        code, out, errors, seconds = carrel(build, "add", "--json", "--library", library, path)
        times.append((seconds, path))
        # 3: could not be read; 4: a link to nothing; 5: cannot be opened; 10: asks for a password
        if code not in (0, 3, 4, 5, 10):
            codes.append(f"{printable(path)}: code {code}, {errors[-120:]!r}")
        if seconds > max(slow_s, MANY_S.get(os.path.basename(path), 0)):
            slow.append(f"{printable(path)}: {seconds:.1f} s")
    t.check("each: add ends with a code that it has", codes)
    t.check(f"each: none takes more than {slow_s} s", slow)
    check_library(t, build, library, "each")
    print("   slowest: " + ", ".join(f"{printable(os.path.basename(p))} {s:.1f} s" for s, p in sorted(times)[:-9:-1]))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip().splitlines()[2])
    build, folder = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    slow_s = float(sys.argv[sys.argv.index("--slow") + 1]) if "--slow" in sys.argv else SLOW_S
    t = Tally()
    with tempfile.TemporaryDirectory() as work:
        # The user's own models and libraries are nobody's business here.
        os.environ.update(HOME=work, XDG_DATA_HOME=work, XDG_CONFIG_HOME=work)
        run_batch(t, build, folder, work)
        if "--each" in sys.argv[3:]:
            run_each(t, build, folder, work, slow_s)
    print(f"{t.passed} passed, {t.failed} failed, 0 skipped")
    sys.exit(1 if t.failed else 0)


main()
