#!/usr/bin/env python3
"""Fits the weights of query/evidence.c on held-out training data.

Usage: calibrate.py HELDOUT.jsonl BUILD WORK
  HELDOUT  rows {context, question, answer or null} that neither model was trained on
  BUILD    the build folder, with carrel and tools/dump_evidence (make check builds both)
  WORK     a folder for the documents, the library and the dump

Contexts become documents of a library that is built with `carrel add`; every fourth answerable
question loses its context, so that "nothing in the library answers" is learnt as well as "the
nearest passage does not answer". Two models are fitted:
  sentences  softmax over the candidates of a question: which one holds the answer
  answer     logistic: does the library answer the question
Prints both as C arrays, and what they give on the half of the questions that was not fitted.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

CONTEXTS_A_DOCUMENT = 6
FEATURES = 6


def normal(s):
    return re.sub(r"[^\w]+", " ", s.lower()).strip()


def build_library(rows, build, work):
    docs = work / "docs"
    docs.mkdir(parents=True, exist_ok=True)
    for old in docs.glob("*.txt"):
        old.unlink()
    contexts, dropped = {}, set()
    answerable = 0
    for r in rows:
        if r["answer"] is not None:
            answerable += 1
            if answerable % 4 == 0:
                dropped.add(r["context"])
    for r in rows:
        if r["context"] not in dropped:
            contexts.setdefault(r["context"], len(contexts))
    ordered = list(contexts)
    for at in range(0, len(ordered), CONTEXTS_A_DOCUMENT):
        text = "\n\n".join(" ".join(c.split()) for c in ordered[at:at + CONTEXTS_A_DOCUMENT])
        (docs / f"d{at // CONTEXTS_A_DOCUMENT:05d}.txt").write_text(text + "\n")
    library = work / "library.db"
    for f in work.glob("library.db*"):
        f.unlink()
    subprocess.run([build / "carrel", "--library", library, "add", docs], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return library, dropped


def dump(rows, library, build, work):
    models = Path(__file__).resolve().parent.parent
    questions = "\n".join(" ".join(r["question"].split()) for r in rows) + "\n"
    out = subprocess.run([build / "tools/dump_evidence", library, models / "carrel-embed.gguf",
                          models / "carrel-reader.gguf"], input=questions.encode(), check=True,
                         stdout=subprocess.PIPE).stdout.decode()
    (work / "dump.jsonl").write_text(out)
    return [json.loads(line) for line in out.splitlines()]


def label(rows, dumped, dropped):
    data = []
    for r, d in zip(rows, dumped):
        gold = normal(r["answer"]) if r["answer"] is not None and r["context"] not in dropped else None
        context = normal(r["context"])
        x = np.array([c["features"] for c in d["candidates"]], dtype=float).reshape(-1, FEATURES)
        y = np.array([gold is not None and f" {gold} " in f" {normal(c['text'])} "
                      and normal(c["text"]) in context for c in d["candidates"]], dtype=bool)
        spans = np.array([c["span"] for c in d["candidates"]])
        data.append((x, y, d["unknown"], gold is not None, spans))
    return data


def fit_softmax(data, steps=3000, rate=0.05, decay=1e-3):
    w = np.zeros(FEATURES)
    m, v = np.zeros(FEATURES), np.zeros(FEATURES)
    used = [(x, y) for x, y, *_ in data if y.any() and not y.all()]
    for step in range(1, steps + 1):
        g = decay * w
        for x, y in used:
            s = x @ w
            p = np.exp(s - s.max())
            p /= p.sum()
            q = p * y
            q /= max(q.sum(), 1e-12)
            g += x.T @ (p - q) / len(used)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        w -= rate * (m / (1 - 0.9 ** step)) / (np.sqrt(v / (1 - 0.99 ** step)) + 1e-8)
        if step == steps // 2:
            rate /= 10
    return w


def fit_logistic(x, y, decay=1e-3, steps=200):
    x1 = np.hstack([x, np.ones((len(x), 1))])
    w = np.zeros(x1.shape[1])
    for _ in range(steps):  # Newton
        p = 1 / (1 + np.exp(-x1 @ w))
        h = (x1 * (p * (1 - p))[:, None]).T @ x1 / len(x) + decay * np.eye(len(w))
        w -= np.linalg.solve(h, x1.T @ (p - y) / len(x) + decay * w)
    return w


def best(data, w):
    xs, ys, right = [], [], []
    for x, y, unknown, answerable, spans in data:
        if len(x):
            i = int(np.argmax(x @ w))
            s = x @ w
            other = (spans != spans[i]) | (spans[i] == "")  # as query/evidence.c counts
            other[i] = True
            share = 1 / np.exp(s - s[i])[other].sum()
            xs.append(np.append(x[i], [unknown, share]))
            ys.append(answerable)
            right.append(y[i])
    return np.array(xs), np.array(ys, dtype=float), np.array(right)


def main():
    heldout, build, work = sys.argv[1], Path(sys.argv[2]).resolve(), Path(sys.argv[3])
    rows = [json.loads(line) for line in open(heldout)]
    rows = [r for r in rows if r["answer"] is None or normal(r["answer"])]
    library, dropped = build_library(rows, build, work)
    data = label(rows, dump(rows, library, build, work), dropped)
    order = np.random.default_rng(1).permutation(len(data))
    fit, test = [data[i] for i in order[::2]], [data[i] for i in order[1::2]]
    w = fit_softmax(fit)
    first = np.mean([y[np.argmax(x @ w)] for x, y, *_ in test if y.any()])
    three = np.mean([y[np.argsort(-(x @ w))[:3]].any() for x, y, *_ in test if y.any()])
    print(f"sentences: {sum(y.any() for _, y, *_ in test)} questions with the answer among the "
          f"candidates; it stands in the first {first:.3f}, in the first three {three:.3f}")
    print("static const double sentence_weights[EVIDENCE_FEATURES] = {"
          + ", ".join(f"{v:.3f}" for v in w) + "};")
    x, y, _ = best(fit, w)
    a = fit_logistic(x, y)
    print("static const double answer_weights[EVIDENCE_FEATURES] = {"
          + ", ".join(f"{v:.3f}" for v in a[:FEATURES]) + "};")
    print(f"static const double answer_unknown_weight = {a[FEATURES]:.3f};")
    print(f"static const double answer_share_weight = {a[FEATURES + 1]:.3f};")
    print(f"static const double answer_bias = {a[FEATURES + 2]:.3f};")
    x, y, right = best(test, w)
    p = 1 / (1 + np.exp(-(x @ a[:-1] + a[-1])))
    print(f"answer: {int(y.sum())} of {len(y)} are answered; log loss "
          f"{-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)):.3f}")
    for t in (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5):
        shown = p >= t
        print(f"  threshold {t:.2f}: shows {shown[y == 1].mean():.3f} of the answered, refuses "
              f"{1 - shown[y == 0].mean():.3f} of the others; first sentence right "
              f"{right[shown].mean() if shown.any() else 0:.3f} of what is shown")


main()
