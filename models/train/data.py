"""The corpus as training data: unpacking, what is left out, held-out titles, tokenised arrays.

Step 1, `data.py unpack`: reads the packed corpus and writes plain files into the work folder,
without the sources in SKIP (licences that fit badly or are unclear).
Step 2, `data.py encode`: tokenises the text with the vocabulary, once, for both trainings.
"""
import argparse
import collections
import glob
import json
import lzma
import os
import re
import zlib

import numpy as np

from wordpiece import WordPiece

# GPL and mixed GFDL text, and MIT repositories around text whose own licence is unclear.
SKIP = {"ansible-docs", "tldp", "nigeria-clinical-guidelines", "policyqa-dev", "policyqa-test"}
HELD_OUT = 20       # one title in twenty is never trained on


def base_source(s):
    for tail in ("-qheading", "-exercise", "-glossary"):
        s = s.split(tail)[0]
    return s


def held_out(title):
    """True for the titles kept for measuring, in every file alike."""
    return zlib.crc32(re.sub(r"[\W_]+", " ", title).strip().lower().encode()) % HELD_OUT == 7


def rows(path):
    with open(path) as f:
        for line in f:
            yield json.loads(line)


def unpack(corpus, work):
    os.makedirs(os.path.join(work, "text"), exist_ok=True)
    skipped_sections = collections.defaultdict(list)
    counts = collections.Counter()
    for name in ("pairs", "qa_train"):
        src = lzma.open(os.path.join(corpus, name + ".jsonl.xz"), "rt")
        with open(os.path.join(work, name + ".jsonl"), "w") as out:
            for line in src:
                r = json.loads(line)
                if base_source(r["source"]) in SKIP:
                    if name == "pairs":
                        skipped_sections[base_source(r["source"])].append(" ".join(r["b"].split())[:60])
                else:
                    out.write(line)
                    counts[name, r["source"], r["license"]] += 1
    for path in sorted(glob.glob(os.path.join(corpus, "text", "*.txt.xz"))):
        docs = lzma.open(path, "rt").read().split("\n\n\n")
        keep = [True] * len(docs)
        if "tech" in path or "med" in path:
            # Documents of one source stand together: drop from its first to its last.
            flat = [" ".join(d.split()) for d in docs]
            for s, heads in skipped_sections.items():
                hit = [i for i, d in enumerate(flat) if any(h in d for h in heads)]
                hit = [i for i in hit if sum(abs(i - j) < 40 for j in hit) >= 5]
                if len(hit) > 40:
                    print(os.path.basename(path), s, hit[0], hit[-1], len(docs))
                    keep[hit[0]:hit[-1] + 1] = [False] * (hit[-1] + 1 - hit[0])
        name = os.path.basename(path)[:-3]
        with open(os.path.join(work, "text", name), "w") as out:
            out.write("\n\n\n".join(d for d, k in zip(docs, keep) if k))
        counts["text", name, ""] = sum(keep)
    with open(os.path.join(work, "counts.tsv"), "w") as out:
        for (kind, s, lic), n in sorted(counts.items()):
            out.write(f"{kind}\t{s}\t{lic}\t{n}\n")


class Ragged:
    """Many id sequences in one array."""

    def __init__(self, ids, starts):
        self.ids, self.starts = ids, starts

    def __len__(self):
        return len(self.starts) - 1

    def __getitem__(self, i):
        return self.ids[self.starts[i]:self.starts[i + 1]]

    @classmethod
    def make(cls, seqs):
        starts, parts = [0], []
        for s in seqs:
            parts.append(np.asarray(s, np.uint16))
            starts.append(starts[-1] + len(s))
        return cls(np.concatenate(parts), np.array(starts, np.int64))

    def save(self, path):
        np.savez(path, ids=self.ids, starts=self.starts)

    @classmethod
    def load(cls, path):
        z = np.load(path)
        return cls(z["ids"], z["starts"])


def word_vectors(work, n, width):
    """Piece vectors that fasttext made of ids.txt; pieces it never saw stay random."""
    v = np.random.default_rng(0).standard_normal((n, width)).astype(np.float32) * .1
    for line in open(os.path.join(work, "vectors.vec")):
        parts = line.rstrip().split(" ")
        if len(parts) == width + 1 and parts[0].isdigit():
            v[int(parts[0])] = np.array(parts[1:], np.float32)
    return v


SENTENCE = re.compile(r'(?<=[.!?])["”’)\]]*\s+(?=["“‘(\[]?[A-Z0-9])')
ABBREVIATION = re.compile(r"(?:\b[A-Z]|\b(?:Mr|Mrs|Ms|Dr|St|Jr|Sr|vs|No|Vol|Fig|approx|ca|etc|e\.g|i\.e|"
                          r"cf|al|Gen|Col|Lt|Capt|Rev|Prof|Inc|Ltd|Co|Corp))\.$")


def sentences(text):
    """Spans [start, end) of the sentences of a text."""
    spans, start = [], 0
    for m in SENTENCE.finditer(text):
        if ABBREVIATION.search(text[max(start, m.start() - 8):m.start()]):
            continue
        spans.append((start, m.start()))
        start = m.end()
    spans.append((start, len(text)))
    return [(a, b) for a, b in spans if b > a]


def passages(doc, low=40, high=150):
    """Runs of paragraphs of a document, of `low` to about `high` words, headings left out."""
    out, words = [], []
    for par in doc.split("\n"):
        n = par.count(" ") + 1
        if not par.strip():
            continue
        if n < 8:       # a heading
            if sum(w.count(" ") + 1 for w in words) >= low:
                out.append(words)
                words = []
            continue
        for a, b in sentences(par):
            words.append(par[a:b])
            if sum(w.count(" ") + 1 for w in words) >= high:
                out.append(words)
                words = []
    if sum(w.count(" ") + 1 for w in words) >= low:
        out.append(words)
    return [p for p in out if len(p) >= 2]


def encode(work):
    """Sentences grouped into passages, as ids, for word vectors and the inverse cloze task."""
    wp = WordPiece.load(os.path.join(work, "vocab.json"))
    seqs, first, domain, held = [], [0], [], []
    names = sorted(glob.glob(os.path.join(work, "text", "*.txt")))
    with open(os.path.join(work, "ids.txt.part"), "w") as out:
        for d, path in enumerate(names):
            for doc in open(path).read().split("\n\n\n"):
                h = held_out(doc.strip().split("\n")[0])
                for line in doc.split("\n"):
                    if not h and line:
                        ids = wp.encode(line)
                        if len(ids) > 3:
                            out.write(" ".join(map(str, ids)) + "\n")
                if "lit" in path:
                    continue
                for p in passages(doc):
                    seqs.extend(wp.encode(s) for s in p)
                    first.append(len(seqs))
                    domain.append(d)
                    held.append(h)
    os.replace(os.path.join(work, "ids.txt.part"), os.path.join(work, "ids.txt"))
    Ragged.make(seqs).save(os.path.join(work, "sentences.npz"))
    np.savez(os.path.join(work, "passages.npz"), first=np.array(first), domain=np.array(domain, np.int8),
             held=np.array(held), names=np.array([os.path.basename(n) for n in names]))
    print(len(domain), "passages", len(seqs), "sentences")


def manifest(corpus, work, out):
    """What was used, of the corpus's own manifest: manifest.tsv here, ATTRIBUTION.md beside."""
    used = collections.Counter()
    for line in open(os.path.join(work, "counts.tsv")):
        kind, source, _, n = line.rstrip("\n").split("\t")
        used[kind, base_source(source)] += int(n)
    table, owners = [], {}
    lines = open(os.path.join(corpus, "MANIFEST.tsv")).read().splitlines()[1:]
    for source, repo, commit, licence, kind, items, _ in (x.split("\t") for x in lines):
        if source in SKIP:
            continue
        n = {"qa": used["qa_train", source], "pairs": used["pairs", source]}.get(kind, int(items))
        if n:
            table.append((source, repo, commit, licence, kind, n))
            owners.setdefault((licence, source, repo), []).append(kind)
    with open(os.path.join(out, "manifest.tsv"), "w") as f:
        f.write("source\trepository\tcommit\tlicence\tkind\trows\n")
        f.writelines("\t".join(map(str, r)) + "\n" for r in table)
    with open(os.path.join(out, "..", "ATTRIBUTION.md"), "w") as f:
        f.write(NOTICE)
        for (licence, source, repo), kinds in sorted(owners.items()):
            f.write(f"| {source} | https://github.com/{repo} | {licence} | {', '.join(kinds)} |\n")


NOTICE = """# Attribution and licence of the built-in models

`carrel-embed.gguf` and `carrel-reader.gguf` were trained from scratch on the works below. Much of that is
share-alike (Wikipedia, SQuAD), so the weights are offered under the **Creative Commons
Attribution-ShareAlike 4.0 International licence** (CC BY-SA 4.0,
https://creativecommons.org/licenses/by-sa/4.0/). Whoever passes them on, changed or not, keeps this notice
and that licence. The programs that read them have a licence of their own (see LICENSE).

No text of these works is in the files; vocabularies and numbers made from them are. The works were changed:
cut into passages, lower-cased, split into pieces, and paired. Their authors do not endorse Carrel.
`train/manifest.tsv` gives the commit and the number of rows of each.

Of the same corpus these were left out, because their licence fits badly or is not clear: ansible-docs (GPL),
tldp (GFDL, GPL and others, by document), nigeria-clinical-guidelines and PolicyQA (MIT repositories around
text whose own licence is not stated).

| source | repository | licence | used for |
| --- | --- | --- | --- |
"""


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("step", choices=["unpack", "encode", "manifest"])
    ap.add_argument("--corpus", default="../shared/corpus")
    ap.add_argument("--work", required=True)
    a = ap.parse_args()
    if a.step == "unpack":
        unpack(a.corpus, a.work)
    elif a.step == "encode":
        encode(a.work)
    else:
        manifest(a.corpus, a.work, os.path.dirname(os.path.abspath(__file__)))
