"""Writes what the C tests compare with: ids, token types, logits and vectors of the exported files.

All numbers are computed in float32 from the dequantised weights of the files themselves.
"""
import argparse
import hashlib
import json
import os

import numpy as np
import torch

from evaluate import Embedder
from reader_data import Text, assemble
from train_reader import from_gguf, tensors_of
from wordpiece import WordPiece

TEXTS = [
    "What is the paediatric dose of artesunate?",
    "Café naïve Ångström — Straße, ΑΛΦΆ; İstanbul… São Paulo’s “déjà vu”",
    "On 2024-11-22, 12345.67 mg/kg (≥5°C, ±0.5 µg) cost $1,299 or €1 100.",
    "中文字符 mixed with English, 日本語 and 한국어",
    "don't  stop\tthe\u00a0C++ x86_64-linux-gnu #include <stdio.h>\r\nsoft\u00adhyphen zero\u200bwidth",
    "Pneumonoultramicroscopicsilicovolcanoconiosis and https://example.org/a/b?c=d&e=%20f",
    "",
    "   ",
]
PAIRS = [
    ("What is the paediatric dose of artesunate?",
     "Severe malaria. Give artesunate 2.4 mg/kg IV to adults. Children weighing less than 20 kg should "
     "receive 3 mg/kg per dose. Continue for at least 24 hours."),
    ("When was the bridge opened?",
     "The Clifton bridge spans the gorge. Work began in 1831, and it was opened on 8 December 1864."),
    ("Who wrote the report?", "Lunch is served from 12:00 to 13:30 in the hall."),
    ("how many days of annual leave do employees get",
     "Employees are entitled to 25 days of annual leave per calendar year. Unused leave may be carried over."),
    ("Where did Zoë Müller study?", "Zoë Müller was born in Zürich. She studied physics at the École normale "
     "supérieure in Paris — then 東京大学 — before moving to São Paulo."),
    ("Which oil does the compressor use?", "Fill the compressor with ISO VG 46 oil (3.5 L) up to the mark. "
     "Replace the filter every 2,000 hours. Never mix oils."),
]


def sha256(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()


def numbers(x):
    return [float(f"{v:.6g}") for v in np.asarray(x).ravel()]



def compact(rows_, head, path):
    """One row a line, so that a change shows as a line."""
    with open(path, "w") as f:
        f.write("{\n")
        for k, v in head.items():
            f.write(f" {json.dumps(k)}: {json.dumps(v)},\n")
        names = list(rows_)
        for k in names:
            f.write(f" {json.dumps(k)}: [\n  ")
            f.write(",\n  ".join(json.dumps(r, ensure_ascii=False) for r in rows_[k]))
            f.write("\n ]" + (",\n" if k != names[-1] else "\n"))
        f.write("}\n")


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--embed", default="../carrel-embed.gguf")
    ap.add_argument("--reader", default="../carrel-reader.gguf")
    ap.add_argument("--out", default="../fixtures")
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    e = Embedder(a.embed)
    compact({"texts": [{"text": t, "ids": e.wp.encode(t), "vector": numbers(e(t))} for t in TEXTS]},
            {"model": os.path.basename(a.embed), "sha256": sha256(a.embed),
             "width": int(e.v.shape[1])}, os.path.join(a.out, "embed.json"))
    model, meta = from_gguf(a.reader)
    wp = WordPiece(meta["tokenizer.ggml.tokens"])
    pairs = []
    for q, p in PAIRS:
        text = Text(p, wp)
        x = assemble(Text(q, wp, split=False), [(text, 0, len(text))], None)
        ids, types, real, _, _ = tensors_of([x])
        with torch.no_grad():
            z = model(ids, types, real, raw=True)[0].numpy()
        allowed = np.array(x[1]) > 0
        s = np.where(np.triu(np.outer(allowed, allowed)) & ~np.triu(np.ones((len(x[0]),) * 2, bool), 30),
                     z[0][:, None] + z[1][None], -1e9)
        i, j = np.unravel_index(s.argmax(), s.shape)
        pairs.append({"question": q, "passage": p, "ids": x[0], "types": x[1], "start": numbers(z[0]),
                      "end": numbers(z[1]), "best": [int(i), int(j)],
                      "score": numbers([s[i, j] - z[0][0] - z[1][0]])[0]})
        print(f"{pairs[-1]['score']:7.2f}", " ".join(wp.tokens[k] for k in x[0][i:j + 1]), "|", q)
    compact({"texts": [{"text": t, "ids": wp.encode(t)} for t in TEXTS], "pairs": pairs},
            {"model": os.path.basename(a.reader), "sha256": sha256(a.reader)},
            os.path.join(a.out, "reader.json"))


if __name__ == "__main__":
    main()
