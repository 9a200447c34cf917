"""Joins static embeddings that were trained apart into one: what chance put into each averages out.

    join_embed.py WORK OUT.gguf WIDTH A.gguf B.gguf ...

A text's vector is linear in its pieces' vectors, so the vectors of the models side by side are again such a
model, whose cosine is about the mean of theirs. Its dimensions are turned to the main directions of
texts (uncentred: cosines are left as they are) and the first WIDTH are kept; they come in the order of
what they carry, so that a prefix works too.
"""
import argparse
import os

import numpy as np

import gguf

TEXTS, LONGEST = 60000, 120


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("work")
    ap.add_argument("out")
    ap.add_argument("width", type=int)
    ap.add_argument("models", nargs="+")
    a = ap.parse_args()
    parts, meta = [], None
    for path in a.models:
        m, t = gguf.read(path)
        meta = meta or m
        assert m["tokenizer.ggml.tokens"] == meta["tokenizer.ggml.tokens"], f"{path} has another vocabulary"
        parts.append(t["token_embd.weight"] * t["token_weight"][:, None])
    lines = open(os.path.join(a.work, "ids.txt")).read().splitlines()
    rng = np.random.default_rng(1)
    sums = [np.zeros((TEXTS, p.shape[1]), np.float32) for p in parts]
    for i, k in enumerate(rng.integers(0, len(lines), TEXTS)):
        ids = np.array(lines[k].split()[:LONGEST], int)
        ids = ids[:rng.integers(4, LONGEST)]    # questions are short
        for s, p in zip(sums, parts):
            s[i] = p[ids].sum(0)
    for k, s in enumerate(sums):    # each model counts as much as the others
        scale = 1 / np.linalg.norm(s, axis=1).mean()
        parts[k], sums[k] = parts[k] * scale, s * scale
    x = np.hstack(sums)
    x /= np.linalg.norm(x, axis=1, keepdims=True) + 1e-9
    values, turn = np.linalg.eigh((x.T @ x).astype(np.float64))
    turn = turn[:, ::-1][:, :a.width].astype(np.float32)
    print(f"{a.width} of {x.shape[1]} dimensions carry {values[::-1][:a.width].sum() / values.sum():.4f} of the squares")
    v = np.hstack(parts) @ turn
    w = np.linalg.norm(v, axis=1)
    v /= w[:, None] + 1e-9
    w[:5] = 0
    keys = {k: meta[k] for k in meta if k.startswith("general.")}
    keys.update({"carrel-static.embedding_length": a.width, "carrel-static.context_length": 512,
                 "carrel-static.vocab_size": len(v)})
    keys.update(gguf.tokenizer_meta(meta["tokenizer.ggml.tokens"]))
    gguf.write(a.out, keys, {"token_embd.weight": (v, gguf.Q8_0), "token_weight": (w / w[5:].mean(), gguf.F32)})


if __name__ == "__main__":
    main()
