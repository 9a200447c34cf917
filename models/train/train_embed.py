"""Trains the static embedding: text vector = L2norm(sum of weight[t] * vector[t] over its pieces).

InfoNCE with in-batch negatives over question -> paragraph, heading -> section, title -> lead and
sentence -> rest of its passage. A batch is of one kind and mostly of one domain, so that its
negatives are near; two rows with the same text on either side are never negatives of each other.
"""
import argparse
import collections
import math
import os
import time
import zlib

import numpy as np
import torch

import gguf
from data import Ragged, base_source, held_out, rows, word_vectors
from wordpiece import SPECIAL, UNK, WordPiece

WIDTH = 256
MAX_PIECES = 256        # of a passage, in training


def load_tasks(work, wp):
    """name -> (questions, passages, group of question, group of passage, cluster), weights."""
    t = collections.defaultdict(lambda: ([], [], [], [], []))

    def add(task, a, b, cluster):
        q, p = wp.encode(a), wp.encode(b)[:MAX_PIECES]
        if len(q) < 2 or len(p) < 3:
            return
        x = t[task]
        x[0].append(q)
        x[1].append(p)
        x[2].append(zlib.crc32(a.encode()))
        x[3].append(zlib.crc32(b.encode()))
        x[4].append(zlib.crc32(cluster.encode()))

    med_held = set()
    for r in rows(os.path.join(work, "qa_train.jsonl")):
        s, title = r["source"], r.get("title") or ""
        if title and held_out(title):
            if s.startswith("medquad"):
                med_held.add(title.lower())
            continue
        if r["type"] == "unanswerable" or s.startswith("ropes") or (not title and held_out(r["context"])):
            continue
        task = ("squad" if s.startswith("squad") else "qamr" if s == "qamr" else
                "medquad" if s.startswith("medquad") else "qa")
        context = r["context"]
        if title and zlib.crc32(r["question"].encode()) % 3 == 0:
            context = title.replace("_", " ") + ": " + context
        add(task, r["question"], context, title or s)
    for r in rows(os.path.join(work, "pairs.jsonl")):
        if r["label"] != 1 or held_out(r["a"].split(" > ")[0]):
            continue
        s = base_source(r["source"])
        if s == "MedQuAD" and any(h in r["a"].lower() for h in med_held):
            continue
        domain = ("wiki" if s.startswith("enwiki") else "med" if s in
                  ("MedQuAD", "rqe-amia2016") or "nursing" in s or "anatomy" in s or "microbio" in s
                  else "law" if s in ("dc-law-code", "cfpb-regulations") else
                  "chat" if s in ("clinc150", "banking77") else "work")
        add("pair-" + domain, r["a"], r["b"], r["a"].split(" > ")[0])
    out = {}
    for k, (q, p, gq, gp, c) in t.items():
        out[k] = (Ragged.make(q), Ragged.make(p), np.array(gq), np.array(gp), np.array(c))
        print(f"{k}: {len(q)}", flush=True)
    weights = {"squad": 3, "qamr": .3, "medquad": .7, "qa": .8, "pair-wiki": 1.5, "pair-med": 1.2,
               "pair-law": .6, "pair-chat": .3, "pair-work": 1.6}
    return out, weights


class Cloze:
    """Inverse cloze: a sentence of a passage asks for the rest of it."""

    def __init__(self, work):
        self.sent = Ragged.load(os.path.join(work, "sentences.npz"))
        z = np.load(os.path.join(work, "passages.npz"))
        self.first, self.domain = z["first"], z["domain"]
        self.usable = np.flatnonzero(~z["held"])
        self.by_domain = [self.usable[self.domain[self.usable] == d] for d in range(self.domain.max() + 1)]
        self.by_domain = [x for x in self.by_domain if len(x) > 3000]

    def batch(self, rng, n):
        pool = self.by_domain[rng.integers(len(self.by_domain))] if rng.random() < .7 else self.usable
        if rng.random() < .5:       # neighbours in the corpus: negatives of the same documents
            at = rng.choice(len(pool) - 64, n // 32)
            pick = np.unique((at[:, None] + np.arange(64)).ravel())
            pick = pool[rng.permutation(pick)[:n]]
        else:
            pick = pool[rng.choice(len(pool), min(n, len(pool) // 2), replace=False)]
        q, p = [], []
        for i in pick:
            ids = list(range(self.first[i], self.first[i + 1]))
            k = ids[rng.integers(len(ids))]
            q.append(self.sent[k])
            p.append(np.concatenate([self.sent[j] for j in ids if j != k or rng.random() < .1] or
                                    [self.sent[k]])[:MAX_PIECES])
        return q, p, pick, pick


def task_batch(task, rng, n):
    Q, P, gq, gp, cluster = task
    if rng.random() < .5 and len(Q) > 4 * n:
        names = np.unique(cluster)
        some = rng.choice(names, min(len(names), max(8, len(names) // 6)), replace=False)
        pool = np.flatnonzero(np.isin(cluster, some))
    else:
        pool = np.arange(len(Q))
    if len(pool) < n // 2:
        pool = np.arange(len(Q))
    pick = rng.choice(pool, min(n, len(pool)), replace=False)
    return [Q[i] for i in pick], [P[i] for i in pick], gq[pick], gp[pick]


class Static(torch.nn.Module):
    def __init__(self, vectors, weights):
        super().__init__()
        self.v = torch.nn.Parameter(vectors)
        self.s = torch.nn.Parameter(weights.log())

    def forward(self, seqs, drop=0.0):
        flat = torch.from_numpy(np.concatenate(seqs).astype(np.int64))
        n = torch.tensor([0] + [len(s) for s in seqs[:-1]]).cumsum(0)
        w = self.s.exp()[flat] * (flat != UNK)
        if drop:
            w = w * (torch.rand(len(w)) > drop)
        x = torch.nn.functional.embedding_bag(flat, self.v, n, mode="sum", per_sample_weights=w)
        return torch.nn.functional.normalize(x, dim=-1, eps=1e-6)


def loss_of(model, q, p, gq, gp, scale):
    a, b = model(q, .05), model(p, .1)
    sim = a @ b.t() * scale
    gq, gp = torch.from_numpy(np.asarray(gq)), torch.from_numpy(np.asarray(gp))
    same = (gq[:, None] == gq[None]) | (gp[:, None] == gp[None])
    same.fill_diagonal_(False)
    sim = sim.masked_fill(same, -1e4)
    y = torch.arange(len(q))
    f = torch.nn.functional.cross_entropy
    return .7 * f(sim, y) + .3 * f(sim.t(), y), (sim.argmax(1) == y).float().mean()


def initial(work, wp, seed):
    """Word vectors (unit length, common direction removed) and smooth inverse frequencies."""
    torch.manual_seed(seed)
    v = torch.from_numpy(word_vectors(work, len(wp.tokens), WIDTH))
    v -= v.mean(0)
    v = torch.nn.functional.normalize(v, dim=-1)
    ids = Ragged.load(os.path.join(work, "sentences.npz")).ids
    f = np.bincount(ids, minlength=len(wp.tokens)) + 1.0
    w = 1e-3 / (1e-3 + f / f.sum())
    return v, torch.tensor(w, dtype=torch.float32)


def export(model, tokens, path):
    with torch.no_grad():
        w, v = model.s.exp().numpy().copy(), model.v.detach().numpy().copy()
    # One scale for all: the length of a vector goes into its weight, so that int8 loses least.
    n = np.linalg.norm(v, axis=1) + 1e-9
    v, w = v / n[:, None], w * n
    w /= w[len(SPECIAL):].mean()
    w[:len(SPECIAL)] = 0
    v[:len(SPECIAL)] = 0
    meta = {"general.architecture": "carrel-static", "general.name": "carrel-embed",
            "general.license": "CC-BY-SA-4.0", "general.file_type": 7,
            "general.quantization_version": 2,
            "carrel-static.embedding_length": WIDTH, "carrel-static.context_length": 512,
            "carrel-static.vocab_size": len(tokens)}
    meta.update(gguf.tokenizer_meta(tokens))
    gguf.write(path, meta, {"token_embd.weight": (v, gguf.Q8_0), "token_weight": (w, gguf.F32)})


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--work", required=True)
    ap.add_argument("--out", default="../carrel-embed.gguf")
    ap.add_argument("--minutes", type=float, default=15)
    ap.add_argument("--batch", type=int, default=1024)
    ap.add_argument("--lr", type=float, default=3e-3)
    ap.add_argument("--temperature", type=float, default=.05)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=2)
    a = ap.parse_args()
    torch.set_num_threads(a.threads)
    rng = np.random.default_rng(a.seed)
    wp = WordPiece.load(os.path.join(a.work, "vocab.json"))
    tasks, weights = load_tasks(a.work, wp)
    cloze = Cloze(a.work)
    weights["cloze"] = 4
    names = list(weights)
    prob = np.array([weights[n] for n in names])
    prob = prob / prob.sum()
    model = Static(*initial(a.work, wp, a.seed))
    opt = torch.optim.Adam([{"params": [model.v], "lr": a.lr}, {"params": [model.s], "lr": 2 * a.lr}],
                           betas=(.9, .98))
    start, step, seen = time.time(), 0, 0
    log = collections.defaultdict(list)
    while True:
        done = (time.time() - start) / (60 * a.minutes)
        if done >= 1:
            break
        rate = min(1, (step + 1) / 100) * .5 * (1 + math.cos(math.pi * done)) + .01
        for g, f in zip(opt.param_groups, (1, 2)):
            g["lr"] = a.lr * f * rate
        name = names[rng.choice(len(names), p=prob)]
        q, p, gq, gp = cloze.batch(rng, a.batch) if name == "cloze" else task_batch(tasks[name], rng, a.batch)
        loss, acc = loss_of(model, q, p, gq, gp, 1 / a.temperature)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        step += 1
        seen += len(q)
        log[name].append((loss.item(), acc.item()))
        if step % 200 == 0:
            print(f"{step} {seen} {time.time() - start:.0f}s " + " ".join(
                f"{k}:{np.mean([x[0] for x in v]):.2f}/{np.mean([x[1] for x in v]):.2f}"
                for k, v in sorted(log.items())), flush=True)
            log.clear()
        if step % 1000 == 0:
            export(model, wp.tokens, a.out)
    export(model, wp.tokens, a.out)
    print(f"done: {step} steps, {seen} pairs, {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
