#!/usr/bin/env python3
"""Makes the hostile corpus: broken, huge, deep, looping and malicious files, the same ones each time.

usage: make.py FOLDER [--short]

Below FOLDER: cut/ (sound files of every format, cut and with flipped bits), pdf/, text/, archive/ (files
made to hurt), names/ (names and kinds of files that no parser sees) and good.txt, which must be
found whatever lies beside it. --short leaves out what is slow to make or to refuse and most of the
cuts, and makes the rest shorter. Prints the number of files.
"""
import os
import random
import socket
import stat
import sys

import archive_files
import pdf_files
import seeds
import text_files

CUTS, FLIPS = 10, 12
SHORT_CUTS, SHORT_FLIPS = 2, 2
# What is long or deep is a twentieth of it in the short corpus.
SHORT_SCALE = 20
GOOD = b"The signal lamp of Carrel Island burns for eleven hours on one charge.\n"


class Corpus:
    def __init__(self, folder, short):
        self.folder, self.short, self.count = os.fsencode(folder), short, 0

    def path(self, *parts):
        path = os.path.join(self.folder, *(os.fsencode(p) for p in parts))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def put(self, data, *parts):
        with open(self.path(*parts), "wb") as f:
            f.write(data)
        self.count += 1


def cut_and_flipped(c):
    """What a broken disk, a stopped download and a stray byte leave."""
    cuts, flips = (SHORT_CUTS, SHORT_FLIPS) if c.short else (CUTS, FLIPS)
    for name, make in seeds.SEEDS:
        data, chance = make(), random.Random(name)
        stem, _, extension = name.rpartition(".")
        c.put(data, "cut", f"{stem}-whole.{extension}")
        for i in range(cuts):
            c.put(data[:max(1, len(data) * (i + 1) // (cuts + 1))], "cut", f"{stem}-cut{i}.{extension}")
        for i in range(flips):
            bad = bytearray(data)
            for _ in range(1 + i * len(bad) // 400):
                bad[chance.randrange(len(bad))] ^= 1 << chance.randrange(8)
            c.put(bytes(bad), "cut", f"{stem}-flip{i}.{extension}")
        middle = len(data) // 2
        c.put(data[:middle] + b"\0" * 512 + data[middle:], "cut", f"{stem}-hole.{extension}")
        c.put(data + data, "cut", f"{stem}-twice.{extension}")


def wrong_names(c):
    """The content of one format with the name of another."""
    by_name = {name.rpartition(".")[2]: make() for name, make in seeds.SEEDS}
    for a, b in (("pdf", "txt"), ("txt", "pdf"), ("html", "pdf"), ("pdf", "html"), ("docx", "pdf"), ("zip", "docx"),
                 ("docx", "zip"), ("xlsx", "docx"), ("odt", "epub"), ("epub", "odt"), ("rtf", "docx"), ("html", "docx"),
                 ("csv", "xlsx"), ("png", "pdf"), ("pdf", "png"), ("zip", "txt"), ("eml", "mbox"), ("mbox", "eml"),
                 ("tiff", "jpg"), ("rtf", "txt"), ("html", "md"), ("mhtml", "html"), ("docx", "csv"), ("pdf", "eml")):
        c.put(by_name[a], "cut", f"{a}-named.{b}")


def odd_names(c):
    """Each holds one sentence of its own, so that nothing of it is in the library twice."""
    for i, name in enumerate((b"new\nline.txt", b"tab\tbell\x07.txt", b"\x1b[31mred\x1b[0m.txt", b"\xff\xfe\xc3(.txt", b"-rf.txt",
                              b"--library.txt", b"%s%n%x.txt", b"'quote\".txt", b"$(reboot).txt", b"`id`.txt", b" .txt",
                              b"a;b&c|d.txt", "\u202egnp.txt".encode(), b"x" * 251 + b".txt", b"carriage\rreturn.txt",
                              b"back\\slash.txt", b"*.txt", b"?.txt", b"#.txt", b"\x7f.txt", "e\u0301.txt".encode(),
                              b"\xc2\x80\xc2\x9b31m.txt")):
        c.put(b"Note %d tells of the quince tree and of nothing else.\n" % i, b"names", name)
    for extension in ("pdf", "html", "md", "txt", "docx", "zip", "eml", "png"):
        c.put(b"", "names", f"empty.{extension}")
    deep = [b"names"] + [b"d%d" % i for i in range(100)]
    c.put(b"Deep down in the folders.\n", *deep, b"deep.txt")


def odd_kinds(c):
    """Pipes, sockets, devices and links among the documents: a reader that opens them waits for ever."""
    os.mkfifo(c.path("names", "pipe.pdf"))
    s = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(c.path("names", ""))  # a socket's address has 108 bytes
    s.bind("socket.txt")
    os.chdir(here)
    s.close()
    for name, target in (("gone.txt", "nowhere.txt"), ("self.txt", "self.txt"), ("one.txt", "two.txt"), ("two.txt", "one.txt"),
                         ("zero.txt", "/dev/zero"), ("random.pdf", "/dev/urandom"), ("terminal.txt", "/dev/tty"),
                         ("proc.txt", "/proc/kmsg"), ("up", ".."), ("root", "/")):
        os.symlink(target, c.path("names", name))
    c.count += 10
    try:
        os.mknod(c.path("names", "device.txt"), 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        c.count += 1
    except OSError:
        pass  # needs root
    with open(c.path("names", "sparse-2gb.txt"), "wb") as f:
        f.write(b"The first line of two gigabytes.\n")
        f.truncate(2 << 30)
    with open(c.path("names", "sparse-below-the-limit.txt"), "wb") as f:
        f.write(b"The first line of nothing.\n")
        f.truncate((400 << 20) // seeds.scale)
    c.count += 4


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.strip().splitlines()[2])
    c = Corpus(sys.argv[1], "--short" in sys.argv[2:])
    if c.short:
        seeds.scale = SHORT_SCALE
    c.put(GOOD, "good.txt")
    cut_and_flipped(c)
    wrong_names(c)
    for folder, module in (("pdf", pdf_files), ("text", text_files), ("archive", archive_files)):
        for name, data, heavy in module.files():
            if not (heavy and c.short):
                c.put(data() if callable(data) else data, folder, name)
    odd_names(c)
    odd_kinds(c)
    print(c.count)


main()
