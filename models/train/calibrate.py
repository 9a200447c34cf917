#!/usr/bin/env python3
"""Fits the weights of query/evidence.c on held-out titles and writes them to query/calibration.h.

Usage: calibrate.py WORK BUILD [--questions N]
  WORK   the folder of data.py; rows marked "held" are of titles that no model was trained on
  BUILD  the build folder; carrel and tools/dump_evidence are made by `make`

Each title becomes a document of a library that is built with `carrel add`. A fourth of the titles is
left out whole, so that "no document speaks of it" is learnt; of the others one paragraph in six is
left out, so that "the right document does not say it" is learnt; and the data has questions with a
name swapped, which nothing answers. Two models are fitted, one after the other:
  sentences  softmax over the candidates of a question: which one holds the answer
  answer     logistic: does the first candidate hold it
Prints what they give on the half of the titles that was not fitted.
"""
import argparse
import collections
import json
import os
import random
import re
import subprocess
import zlib
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent.parent
FEATURES = ["READER", "COVERAGE", "CONTEXT", "COSINE", "RANK", "FRESH", "SENTENCE"]
FACTS = FEATURES + ["UNKNOWN", "SHARE", "MARGIN", "BEST_SPAN", "BEST_SENTENCE", "WORDS", "NEAREST", "LENGTH"]
KINDS = ["answered", "title left out", "paragraph left out", "swapped or unanswerable"]


def normal(s):
    return re.sub(r"[^\w]+", " ", s.lower()).strip()


def part(s, n):
    return zlib.crc32(s.encode()) % n


def load(work, most):
    """Held-out rows by title; those without a title in groups of about six contexts."""
    rows, docs = [], collections.defaultdict(dict)
    for line in open(os.path.join(work, "qa_train.jsonl")):
        r = json.loads(line)
        if not r["held"] or r["type"] not in ("span", "unanswerable") or r["source"].startswith(("ropes", "qamr")):
            continue
        squad = r["source"].startswith("squad")
        name = r.get("title") if squad else f"{r['source'].split('-')[0]} {part(r['context'], 40)}"
        docs[name][r["context"]] = None
        if r["type"] == "span" and not normal(r["answer"]):
            continue
        rows.append((name, r["context"], " ".join(r["question"].split()), r["answer"] if r["type"] == "span" else None, squad))
    random.Random(7).shuffle(rows)
    squad = [x for x in rows if x[4]]
    other = [x for x in rows if not x[4]]
    return squad[:most * 3 // 4] + other[:most // 4], docs


def build_library(docs, build, work):
    folder = Path(work) / "calibration"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        old.unlink()
    for name, contexts in docs.items():
        if part(name + "title", 4) == 0:
            continue
        kept = [" ".join(c.split()) for c in contexts if part(c + "paragraph", 6) != 0]
        (folder / (re.sub(r"\W+", "_", name)[:80] + ".md")).write_text(
            f"# {name.replace('_', ' ')}\n\n" + "\n\n".join(kept) + "\n")
    library = Path(work) / "calibration.db"
    for f in library.parent.glob("calibration.db*"):
        f.unlink()
    subprocess.run([f"{build}/carrel", "--library", library, "add", folder], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return library


def dump(rows, library, build):
    models = Path(os.environ.get("CARREL_MODELS", ROOT / "models"))
    subprocess.run(["make", "-s", "-C", ROOT, f"{build}/tools/dump_evidence", f"{build}/carrel"], check=True)
    out = subprocess.run([f"{build}/tools/dump_evidence", library, models / "carrel-embed.gguf",
                          models / "carrel-reader.gguf"], input=("\n".join(r[2] for r in rows) + "\n").encode(),
                         check=True, stdout=subprocess.PIPE).stdout.decode()
    dumped = [json.loads(line) for line in out.splitlines()]
    assert len(dumped) == len(rows), "dump_evidence answered another number of questions"
    return dumped


def label(rows, dumped):
    data = []
    for (name, context, _, answer, _), d in zip(rows, dumped):
        kind = 0 if answer is not None else 3
        if answer is not None and part(name + "title", 4) == 0:
            kind = 1
        elif answer is not None and part(context + "paragraph", 6) == 0:
            kind = 2
        gold, inside = normal(answer) if kind == 0 else None, normal(context)
        x = np.array([c["features"] for c in d["candidates"]], dtype=float).reshape(-1, len(FEATURES))
        y = np.array([gold is not None and f" {gold} " in f" {normal(c['text'])} " and normal(c["text"]) in inside
                      for c in d["candidates"]], dtype=bool)
        data.append((x, y, np.array(d["facts"]), kind, name))
    return data


def fit_softmax(data, steps=3000, rate=0.05, decay=1e-3):
    n = len(FEATURES)
    w, m, v = np.zeros(n), np.zeros(n), np.zeros(n)
    used = [(x, y) for x, y, *_ in data if y.any() and not y.all()]
    flat = np.concatenate([x for x, _ in used])
    right = np.concatenate([y for _, y in used]).astype(float)
    starts = np.cumsum([0] + [len(x) for x, _ in used[:-1]])
    sizes = np.array([len(x) for x, _ in used])

    def shares(e):
        return e / np.repeat(np.maximum(np.add.reduceat(e, starts), 1e-12), sizes)

    for step in range(1, steps + 1):
        s = flat @ w
        e = np.exp(s - np.repeat(np.maximum.reduceat(s, starts), sizes))
        g = decay * w + flat.T @ (shares(e) - shares(e * right)) / len(used)
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        w -= rate * (m / (1 - 0.9 ** step)) / (np.sqrt(v / (1 - 0.99 ** step)) + 1e-8)
        if step == steps // 2:
            rate /= 10
    return w


def fit_logistic(x, y, decay=2e-3, steps=100):
    scale = x.std(0) + 1e-6
    x1 = np.hstack([x / scale, np.ones((len(x), 1))])
    w = np.zeros(x1.shape[1])
    for _ in range(steps):  # Newton
        p = 1 / (1 + np.exp(-x1 @ w))
        h = (x1 * (p * (1 - p))[:, None]).T @ x1 / len(x) + decay * np.eye(len(w))
        w -= np.linalg.solve(h, x1.T @ (p - y) / len(x) + decay * w)
    return np.append(w[:-1] / scale, w[-1])


def table(name, size, names, values):
    rows = "".join(f"    [EVIDENCE_{n}] = {v:.4f},\n" for n, v in zip(names, values))
    return f"static const double {name}[{size}] = {{\n{rows}}};\n"


def write_header(sentence, answer, threshold, note):
    text = f"""/* Written by models/train/calibrate.py; not by hand. See evidence.h for what is weighed.
 *
 * {note}
 */
#ifndef CARREL_QUERY_CALIBRATION_H
#define CARREL_QUERY_CALIBRATION_H

#include "query/evidence.h"

/* clang-format off */
/* A softmax over the scores of all candidates says which one holds the answer, if one does. */
{table("sentence_weights", "EVIDENCE_FEATURES", FEATURES, sentence)}
/* A logistic model of whether the first candidate does. */
{table("answer_weights", "EVIDENCE_FACTS", FACTS, answer[:-1])}static const double answer_bias = {answer[-1]:.4f};
/* clang-format on */

/* Under this confidence a question is refused: 94 of 100 that the library answered had more. */
#define CALIBRATED_THRESHOLD {threshold:.2f}

#endif
"""
    (ROOT / "query/calibration.h").write_text(text)


def report(test, a):
    facts, kind = np.array([f for _, _, f, _, _ in test]), np.array([k for *_, k, _ in test])
    right = np.array([len(y) > 0 and bool(y[0]) for _, y, *_ in test])
    p = 1 / (1 + np.exp(-(facts @ a[:-1] + a[-1])))
    have = [y for _, y, _, k, _ in test if k == 0]
    print(f"{len(have)} answered questions: the answer is in the first sentence for {np.mean([y[:1].any() for y in have]):.3f}, "
          f"the first three {np.mean([y[:3].any() for y in have]):.3f}, any {np.mean([y.any() for y in have]):.3f}")
    print(f"Brier score {np.mean((p - right) ** 2):.3f}; log loss "
          f"{-np.mean(right * np.log(p + 1e-9) + (1 - right) * np.log(1 - p + 1e-9)):.3f}")
    for k in range(1, 4):
        x, y = p[kind == 0], p[kind == k]
        if len(y):
            print(f"  AUC answered / {KINDS[k]} ({len(y)}): {np.mean(x[:, None] > y[None]):.3f}")
    for lo in np.arange(0, 1, .1):
        at = (p >= lo) & (p < lo + .1)
        if at.any():
            print(f"  confidence {lo:.1f}-{lo + .1:.1f}: {at.sum()} questions, {right[at].mean():.2f} right")
    for t in np.arange(.06, .66, .04):
        print(f"  threshold {t:.2f}: shows {np.mean(p[kind == 0] >= t):.3f} of the answered; refuses " +
              ", ".join(f"{np.mean(p[kind == k] < t):.3f} {KINDS[k]}" for k in range(1, 4)))


def threshold_of(data, a):
    """94 of 100 questions that the library answers are shown an answer."""
    facts, kind = np.array([f for _, _, f, _, _ in data]), np.array([k for *_, k, _ in data])
    return np.quantile(1 / (1 + np.exp(-(facts[kind == 0] @ a[:-1] + a[-1]))), .06)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("work")
    ap.add_argument("build")
    ap.add_argument("--questions", type=int, default=2400)
    a = ap.parse_args()
    rows, docs = load(a.work, a.questions)
    library = build_library(docs, a.build, a.work)
    note = f"Fitted on {len(rows)} questions about {len({r[0] for r in rows})} held-out titles and groups."
    sentence = fit_softmax(label(rows, dump(rows, library, a.build)))
    write_header(sentence, np.zeros(len(FACTS) + 1), 0, note)
    # Whether the first candidate holds the answer depends on what is first: hence the second dump.
    data = label(rows, dump(rows, library, a.build))
    fit = [x for x in data if part(x[4] + "half", 2) == 0]
    for chosen in (fit, data):  # half of it to measure on the other half, then all for good
        facts = np.array([f for _, _, f, _, _ in chosen])
        right = np.array([len(y) > 0 and bool(y[0]) for _, y, *_ in chosen], dtype=float)
        answer = fit_logistic(facts, right)
        threshold = threshold_of(chosen, answer)
        if chosen is fit:
            report([x for x in data if part(x[4] + "half", 2) == 1], answer)
    print("sentences", dict(zip(FEATURES, sentence.round(3))))
    print("answer", dict(zip(FACTS + ["bias"], answer.round(3))), "threshold", round(threshold, 2))
    write_header(sentence, answer, threshold, note)
    subprocess.run(["make", "-s", "-C", ROOT, f"{a.build}/carrel"], check=True)


main()
