"""Measures the exported files on titles that training never saw.

`retrieval`: nDCG@10 of BM25, of the cosine, and of 0.7 bm25/best + 0.3 cosine/best.
`reader`: exact match and F1 on windows and on whole contexts, and how well 'nothing answers' is told.
`heldout`: writes held-out rows {context, question, answer} for calibration by others.
"""
import argparse
import collections
import json
import math
import os
import random
import re
import string
import zlib

import numpy as np
import torch

import gguf
from data import base_source, held_out, rows
from reader_data import STOP, Data, Sampler, assemble, window
from train_reader import from_gguf, tensors_of
from wordpiece import UNK, WordPiece, basic_words

# ---- retrieval ----


def stem(w):
    for tail in ("ations", "ation", "ings", "ing", "ies", "ied", "es", "ed", "ly", "s", "e", "y"):
        if w.endswith(tail) and len(w) - len(tail) >= 3:
            return w[:-len(tail)]
    return w


class Bm25:
    def __init__(self, docs, k1=1.2, b=.75):
        self.post = collections.defaultdict(list)
        n = np.zeros(len(docs))
        for i, d in enumerate(docs):
            c = collections.Counter(stem(w) for w in basic_words(d) if w not in STOP and w.isalnum())
            n[i] = sum(c.values())
            for w, f in c.items():
                self.post[w].append((i, f))
        norm = k1 * (1 - b + b * n / n.mean())
        self.n = len(docs)
        for w, p in self.post.items():
            ids = np.array([i for i, _ in p])
            f = np.array([x for _, x in p], float)
            self.post[w] = (ids, math.log(1 + (self.n - len(p) + .5) / (len(p) + .5)) * f * (k1 + 1) / (f + norm[ids]))

    def scores(self, q):
        s = np.zeros(self.n)
        for w in {stem(w) for w in basic_words(q)}:
            if w in self.post:
                s[self.post[w][0]] += self.post[w][1]
        return s


class Embedder:
    """The embedding as the engine computes it, from the exported file."""

    def __init__(self, path):
        meta, t = gguf.read(path)
        self.wp = WordPiece(meta["tokenizer.ggml.tokens"])
        self.v, self.w = t["token_embd.weight"], t["token_weight"]

    def __call__(self, text):
        ids = np.array(self.wp.encode(text), np.int64)
        if not len(ids):
            return np.zeros(self.v.shape[1], np.float32)
        x = (self.w[ids, None] * self.v[ids]).sum(0, dtype=np.float32)
        n = np.linalg.norm(x)
        return x / n if n > 0 else x


def retrieval_sets(work, seed=0):
    """name -> (documents, [(query, relevant document)])"""
    rng = random.Random(seed)
    out = {}
    docs = {"squad": {}, "medquad": {}, "openstax": {}}
    extra = {"squad": {}, "medquad": {}, "openstax": {}}
    qs = collections.defaultdict(list)
    for r in rows(os.path.join(work, "qa_train.jsonl")):
        k = next((k for k in docs if r["source"].startswith(k)), None)
        if not k or r["type"] not in ("span", "abstractive"):
            continue
        if held_out(r.get("title") or r["context"]):
            qs[k].append((r["question"], docs[k].setdefault(r["context"], len(docs[k]))))
        else:
            extra[k][r["context"]] = 1
    for k in docs:
        more = [d for d in rng.sample(sorted(extra[k]), min(4000, len(extra[k]))) if d not in docs[k]]
        out[k] = (list(docs[k]) + more, rng.sample(qs[k], min(700, len(qs[k]))))
    groups = collections.defaultdict(lambda: ([], [], []))
    for r in rows(os.path.join(work, "pairs.jsonl")):
        if r["label"] != 1 or r["kind"] not in ("heading-section", "title-lead"):
            continue
        s = base_source(r["source"])
        g = groups["wiki headings" if s.startswith("enwiki") else "law headings" if s in
                   ("dc-law-code", "cfpb-regulations") else "manual headings"]
        if held_out(r["a"].split(" > ")[0]):
            g[1].append((r["a"], len(g[0])))
            g[0].append(r["b"])
        else:
            g[2].append(r["b"])
    for k, (d, q, more) in groups.items():
        out[k] = (d + rng.sample(more, min(4000, len(more))), rng.sample(q, min(700, len(q))))
    return out


def ndcg10(scores, relevant):
    s = scores[relevant]
    rank = int((scores > s).sum() + (scores == s).sum() // 2)
    return 1 / math.log2(rank + 2) if rank < 10 else 0.0


def retrieval(work, path):
    e = Embedder(path)
    for name, (docs, qs) in retrieval_sets(work).items():
        bm = Bm25(docs)
        m = np.stack([e(d) for d in docs])
        r = []
        for q, rel in qs:
            a, c = bm.scores(q), m @ e(q)
            fused = .7 * a / max(a.max(), 1e-9) + .3 * c / max(c.max(), 1e-9)
            r.append((ndcg10(a, rel), ndcg10(c, rel), ndcg10(fused, rel)))
        a, c, f = np.mean(r, 0)
        print(f"{name}: {len(docs)} documents, {len(qs)} queries: nDCG@10 words {a:.3f} vectors {c:.3f} "
              f"fused {f:.3f} ({100 * (f / a - 1):+.1f}%)", flush=True)


# ---- reader ----


def normal(s):
    s = "".join(c for c in s.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", s).split()


def f1(a, b):
    a, b = normal(a), normal(b)
    n = sum((collections.Counter(a) & collections.Counter(b)).values())
    return 2 * n / (len(a) + len(b)) if n else float(a == b)


def predict(model, examples, size=32, longest=30):
    """(score of the best span less that of nothing, start, end) for assembled examples."""
    order = sorted(range(len(examples)), key=lambda i: len(examples[i][0]))
    out = [None] * len(examples)
    with torch.no_grad():
        for i in range(0, len(order), size):
            pick = order[i:i + size]
            ids, types, real, _, _ = tensors_of([examples[j] for j in pick])
            z = model(ids, types, real)
            s = z[:, 0, :, None] + z[:, 1, None, :]
            one = torch.ones(s.shape[1:], dtype=torch.bool)
            keep = torch.triu(one) & ~torch.triu(one, longest)
            keep[0] = False
            best, at = s.masked_fill(~keep, -1e9).flatten(1).max(1)
            for k, j in enumerate(pick):
                n = s.shape[2]
                out[j] = (float(best[k] - s[k, 0, 0]), int(at[k]) // n, int(at[k]) % n)
    return out


def text_of(x, a, example, start, end):
    """The characters of context x.context for pieces start..end; `a` is the window's first word."""
    c, raw = x.context, x.raw[0]
    base = example[1].index(1) if 1 in example[1] else len(example[1])
    base = min(base, example[1].index(2) if 2 in example[1] else base) - c.first[a]
    w = [i for i in range(a, len(c)) if c.first[i + 1] > start - base and c.first[i] <= end - base]
    return raw[c.chars[w[0]][0]:c.chars[w[-1]][1]] if w else ""


def measure(model, items, name):
    """items: (row, first word, example). Prints EM and F1 of answerable rows, and the refusals."""
    pred = predict(model, [e for _, _, e in items])
    em = []
    score, none = [], []
    for (x, a, e), (s, i, j) in zip(items, pred):
        gold = e[2] > 0
        score.append(s)
        none.append(not gold)
        if gold:
            t = text_of(x, a, e, i, j)
            em.append((normal(t) == normal(x.raw[2]), f1(t, x.raw[2]), s > 0))
    score, none = np.array(score), np.array(none)
    m = np.mean(em, 0) if em else [0, 0, 0]
    line = f"{name}: {len(em)} answerable: EM {100 * m[0]:.1f} F1 {100 * m[1]:.1f}"
    if none.any() and not none.all():
        said = score <= 0
        p, r = (said & none).sum() / max(1, said.sum()), (said & none).sum() / none.sum()
        o = np.argsort(score)
        rank = np.empty(len(o))
        rank[o] = np.arange(len(o))
        auc = 1 - (rank[none].mean() - (none.sum() - 1) / 2) / (~none).sum()
        line += f"; {none.sum()} unanswerable: refusal precision {p:.2f} recall {r:.2f}, AUC {auc:.3f}"
    print(line, flush=True)


def reader(work, path, squad=1500, others=500):
    model, meta = from_gguf(path)
    data = Data(work, WordPiece(meta["tokenizer.ggml.tokens"]), held_only=True)
    rng = random.Random(5)
    groups = collections.defaultdict(list)
    for x in data.held:
        s = base_source(x.source)
        groups["SQuAD" if s.startswith("squad") else "QAMR" if s == "qamr" else
               "medical (MedQuAD)" if s.startswith("medquad") else "other"].append(x)
    for name, xs in groups.items():
        xs = rng.sample(xs, min(squad if name == "SQuAD" else others, len(xs)))
        short, whole = [], []
        for x in xs:
            if not x.context.sents:
                continue
            a, b = window(x.context, rng, x.answer, 2, 6)
            for part, (a, b) in ((short, (a, b)), (whole, (0, len(x.context)))):
                e = assemble(x.question, [(x.context, a, b)], (0,) + x.answer if x.answer else None)
                if e:
                    part.append((x, a, e))
        measure(model, short, name + ", windows")
        measure(model, whole, name + ", whole contexts")
        hard = []
        for x in xs if name == "SQuAD" else []:
            other = data.alike(x, rng, 30) if x.answer else None
            if other is not None:
                e = assemble(x.question, [(other, 0, len(other))], None)
                hard.append((x, 0, e))
        if hard:
            measure(model, [w for w in whole if w[0].answer] + hard,
                    name + ", whole contexts and alike paragraphs without the answer")


def write_heldout(work, path, n=2000):
    data = Data(work, WordPiece.load(os.path.join(work, "vocab.json")), held_only=True)
    rng = random.Random(9)
    back = {id(t): s for s, t in data.texts.items()}
    out = []
    squad = [x for x in data.held if x.source.startswith("squad")]
    rest = [x for x in data.held if not x.source.startswith(("squad", "qamr", "ropes"))]
    for x in rng.sample(squad, min(1300, len(squad))) + rng.sample(rest, min(400, len(rest))):
        out.append({"context": x.raw[0], "question": x.raw[1], "answer": x.raw[2], "source": x.source,
                    "title": x.title})
    for x in rng.sample([x for x in squad if x.answer], 600):
        other = data.alike(x, rng, 30)
        if other is not None and len(out) < n:
            out.append({"context": back[id(other)], "question": x.raw[1], "answer": None,
                        "source": "squad-alike", "title": x.title})
    rng.shuffle(out)
    with open(path, "w") as f:
        for r in out[:n]:
            f.write(json.dumps(r, ensure_ascii=False) + "\n")
    print(len(out[:n]), "rows,", sum(r["answer"] is None for r in out[:n]), "unanswerable")


if __name__ == "__main__":
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("what", choices=["retrieval", "reader", "heldout"])
    ap.add_argument("--work", required=True)
    ap.add_argument("--embed", default="../carrel-embed.gguf")
    ap.add_argument("--reader", default="../carrel-reader.gguf")
    ap.add_argument("--out", help="of heldout")
    a = ap.parse_args()
    if a.what == "retrieval":
        retrieval(a.work, a.embed)
    elif a.what == "reader":
        reader(a.work, a.reader)
    else:
        write_heldout(a.work, a.out or os.path.join(a.work, "heldout.jsonl"))
