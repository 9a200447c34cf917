#!/usr/bin/env python3
"""Memory of `carrel add` over many documents: does it grow with their number?

Makes COUNT distinct documents out of the PDFs of a folder (a comment of its own behind each copy's
end), adds them to a new library, and reads from /proc how much memory carrel, each warm carrel-parse
and the children that parse hold, over the documents committed so far. Prints the plot as text and
writes it as SVG. The figures are resident sizes (VmRSS), so pages that processes share are counted
in each; the children live for milliseconds, and the largest that was seen is given.

usage: tests/bench/memory.py BUILD PDF_FOLDER [COUNT] [SVG]
"""
import os
import subprocess
import sys
import tempfile
import time

SAMPLE_S = 0.02
# One point of the plot for each so many documents.
EVERY = 100
BARS = 50


def status(pid):
    """Name, parent and sizes of a process in kB; None when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as f:
            fields = dict(line.split(":", 1) for line in f)
        return (fields["Name"].strip(), int(fields["PPid"]), int(fields["VmRSS"].split()[0]),
                int(fields["VmHWM"].split()[0]))
    except (OSError, KeyError, ValueError):
        return None


def family(root):
    """root and everything below it: pid -> (name, parent, resident, peak)."""
    found, wanted = {}, [root]
    while wanted:
        pid = wanted.pop()
        s = status(pid)
        if not s:
            continue
        found[pid] = s
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children") as f:
                    wanted += [int(p) for p in f.read().split()]
        except OSError:
            pass
    return found


def make_documents(source, target, count):
    names = sorted(n for n in os.listdir(source) if n.endswith(".pdf"))
    if not names:
        sys.exit(f"memory.py: no PDF in {source}")
    for i in range(count):
        with open(os.path.join(source, names[i % len(names)]), "rb") as f:
            data = f.read()
        with open(os.path.join(target, f"{i:06d}.pdf"), "wb") as f:
            f.write(data + b"\n%% copy %d\n" % i)


def count_documents(log, seen):
    """Lines of the log that tell a document, read on from where it stood."""
    seen[0] += log.read().count(b"added ")
    return seen[0]


def watch(process, log_path, total):
    """One row for each EVERY documents: documents, carrel, largest warm parser, largest child."""
    rows, seen = [], [0]
    child_peak = parser = 0
    with open(log_path, "rb") as log:
        while process.poll() is None:
            everyone = family(process.pid)
            carrel = everyone.get(process.pid)
            for pid, (name, parent, resident, peak) in everyone.items():
                if pid == process.pid or not name.startswith("carrel-parse"):
                    continue
                if parent == process.pid:
                    parser = max(parser, resident)
                else:
                    child_peak = max(child_peak, peak)
            done = count_documents(log, seen)
            if carrel and done and (not rows or done >= rows[-1][0] + EVERY):
                rows.append((done, carrel[2], parser, child_peak))
                parser = child_peak = 0
            time.sleep(SAMPLE_S)
    return rows


def print_plot(rows):
    top = max(max(r[1:]) for r in rows) or 1
    print(f"{'documents':>9} {'carrel MB':>10} {'parser MB':>10} {'child MB':>9}")
    step = max(1, len(rows) // 25)
    for row in rows[::step]:
        bar = "#" * round(BARS * row[1] / top)
        print(f"{row[0]:9} {row[1] / 1024:10.1f} {row[2] / 1024:10.1f} {row[3] / 1024:9.1f} {bar}")


def write_svg(rows, path):
    width, height, edge = 720, 360, 50
    top = max(max(r[1:]) for r in rows) * 1.1 / 1024
    last = max(r[0] for r in rows) or 1

    def point(x, y):
        return (f"{edge + (width - 2 * edge) * x / last:.1f},"
                f"{height - edge - (height - 2 * edge) * y / 1024 / top:.1f}")

    lines = []
    series = ((1, "#1f6feb", "carrel"), (2, "#2da44e", "carrel-parse, warm"),
              (3, "#bf8700", "largest child that parses"))
    for column, colour, name in series:
        points = " ".join(point(r[0], r[column]) for r in rows if r[column])
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{points}"/>')
        lines.append(f'<text x="{edge + 10}" y="{edge + 16 * column}" fill="{colour}">{name}</text>')
    for part in range(5):
        y = height - edge - (height - 2 * edge) * part / 4
        lines.append(f'<line x1="{edge}" x2="{width - edge}" y1="{y}" y2="{y}" stroke="#ddd"/>')
        lines.append(f'<text x="{edge - 6}" y="{y + 4}" text-anchor="end">{top * part / 4:.0f}</text>')
        x = edge + (width - 2 * edge) * part / 4
        lines.append(f'<text x="{x}" y="{height - edge + 18}" text-anchor="middle">{last * part // 4}</text>')
    with open(path, "w") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
                f'<text x="{edge}" y="24">resident memory in MB over documents added</text>'
                + "".join(lines) + "</svg>\n")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip().splitlines()[-1])
    build, source = sys.argv[1], sys.argv[2]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 5000
    svg = sys.argv[4] if len(sys.argv) > 4 else os.path.join(build, "memory.svg")
    with tempfile.TemporaryDirectory() as work:
        folder, log = os.path.join(work, "documents"), os.path.join(work, "log")
        os.mkdir(folder)
        make_documents(source, folder, count)
        with open(log, "wb") as out:
            process = subprocess.Popen(
                [os.path.join(build, "carrel"), "add", "--library", os.path.join(work, "l.db"), folder],
                stdout=out, stderr=subprocess.STDOUT)
            rows = watch(process, log, count)
        with open(log) as f:
            text = f.read()
        if process.returncode not in (0, 3) or not rows:
            sys.exit(f"memory.py: add ended with code {process.returncode}: {text[-400:]}")
        print_plot(rows)
        half = [r for r in rows if r[0] >= rows[-1][0] / 2]
        print(f"{rows[-1][0]} documents: carrel {rows[0][1] / 1024:.1f} MB at the first look, "
              f"{half[0][1] / 1024:.1f} MB half way, {rows[-1][1] / 1024:.1f} MB at the end, "
              f"at most {max(r[1] for r in rows) / 1024:.1f} MB; plot in {svg}")
        write_svg(rows, svg)


main()
