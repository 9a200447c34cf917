"""The corpus as training data, in steps:

unpack    plain files in the work folder, without the sources in SKIP (licences that fit badly or are
          unclear); rows of the titles that are kept for measuring are marked "held"
encode    the text as ids of the vocabulary (wordpiece.py), for the word vectors
initial   those vectors as a model file, from which both trainings start
manifest  what was used, for manifest.tsv and ../ATTRIBUTION.md
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

import gguf
from wordpiece import SPECIAL, WordPiece

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
                    kept = r.get("title") or r["context"] if name == "qa_train" else r["a"].split(" > ")[0]
                    r["held"] = held_out(kept)
                    out.write(json.dumps(r, ensure_ascii=False) + "\n")
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
            out.write("\n\n\n".join(d for d, k in zip(docs, keep) if k and not held_out(d.strip().split("\n")[0])))
        counts["text", name, ""] = sum(keep)
    with open(os.path.join(work, "counts.tsv"), "w") as out:
        for (kind, s, lic), n in sorted(counts.items()):
            out.write(f"{kind}\t{s}\t{lic}\t{n}\n")


def encode(work):
    """The lines of the text as ids, for the word vectors, and how often each id occurs."""
    wp = WordPiece.load(os.path.join(work, "vocab.json"))
    counts = np.ones(len(wp.tokens))
    with open(os.path.join(work, "ids.txt.part"), "w") as out:
        for path in sorted(glob.glob(os.path.join(work, "text", "*.txt"))):
            for line in open(path):
                ids = wp.encode(line)
                if len(ids) > 3:
                    out.write(" ".join(map(str, ids)) + "\n")
                    counts += np.bincount(ids, minlength=len(counts))
    np.save(os.path.join(work, "counts.npy"), counts)
    os.replace(os.path.join(work, "ids.txt.part"), os.path.join(work, "ids.txt"))


def initial(work, width=256):
    """What both trainings start from, as a carrel-static file: the vocabulary, fasttext's vectors of
    length 1 without their common direction, and weights of smooth inverse frequency."""
    tokens = json.load(open(os.path.join(work, "vocab.json")))
    v = np.random.default_rng(0).standard_normal((len(tokens), width)).astype(np.float32) * .1
    for line in open(os.path.join(work, "vectors.vec")):
        parts = line.rstrip().split(" ")
        if len(parts) == width + 1 and parts[0].isdigit():
            v[int(parts[0])] = np.array(parts[1:], np.float32)
    v -= v.mean(0)
    v /= np.linalg.norm(v, axis=1, keepdims=True) + 1e-9
    counts = np.load(os.path.join(work, "counts.npy"))
    w = 1e-3 / (1e-3 + counts / counts.sum())
    w[:len(SPECIAL)] = 0
    meta = {"general.architecture": "carrel-static", "general.name": "initial",
            "carrel-static.embedding_length": width, "carrel-static.context_length": 512,
            "carrel-static.vocab_size": len(tokens)}
    meta.update(gguf.tokenizer_meta(tokens))
    gguf.write(os.path.join(work, "initial.gguf"), meta,
               {"token_embd.weight": (v, gguf.F32), "token_weight": (w, gguf.F32)})


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
    ap.add_argument("step", choices=["unpack", "encode", "initial", "manifest"])
    ap.add_argument("--corpus", default="../shared/corpus")
    ap.add_argument("--work", required=True)
    a = ap.parse_args()
    if a.step == "unpack":
        unpack(a.corpus, a.work)
    elif a.step == "encode":
        encode(a.work)
    elif a.step == "initial":
        initial(a.work)
    else:
        manifest(a.corpus, a.work, os.path.dirname(os.path.abspath(__file__)))
