"""The reader of network.h in PyTorch, for a GPU: larger sizes, in short steps that resume.

    train-pack WORK examples.bin 220000 && xz -T2 examples.bin      # on the machine with the corpus
    python3 train_gpu.py --examples examples.bin.xz --initial initial.gguf --stop-words ../carrel-reader.gguf --folder CHECKPOINTS \
        --width 512 --layers 8 --hidden 1408 --minutes 25 --step 9  # again until it says "done"

One call trains for --step minutes, writes CHECKPOINTS/state.pt and ends; the next one goes on. When the
--minutes of all calls together are used up it writes the model as CHECKPOINTS/reader.gguf.000, .001 ...,
each under 15 MB, for a machine that gives back small files only: `cat reader.gguf.* > reader.gguf`.
Without a GPU it runs too, slowly: train-reader (C) is the setting for two cores.
"""
import argparse
import lzma
import math
import os
import struct
import time

import numpy as np
import torch
import torch.nn.functional as F

import gguf

ROPE_BASE, EPS, TAPS, HEAD, OUTPUTS, TYPES = 10000.0, 1e-6, 7, 32, 3, 15
SENTENCE_WEIGHT, PART_BYTES = .3, 15 << 20


def read_examples(path):
    """Flat ids and types, and for each example (from, n, passage, start, end, sentence)."""
    data = (lzma.open(path) if path.endswith(".xz") else open(path, "rb")).read()
    heads, ids, types, at, n_all = [], [], [], 0, 0
    while at < len(data):
        head = struct.unpack_from("<5H", data, at)
        n = head[0]
        ids.append(np.frombuffer(data, "<u2", n, at + 10))
        types.append(np.frombuffer(data, "u1", n, at + 10 + 2 * n))
        heads.append((n_all,) + head)
        n_all += n
        at += 10 + 3 * n
    return np.array(heads), np.concatenate(ids), np.concatenate(types)


class Block(torch.nn.Module):
    def __init__(self, d, f, layers):
        super().__init__()

        def weight(o, i, scale=1.0):
            return torch.nn.Parameter(torch.randn(o, i) * scale / math.sqrt(i))
        self.conv_norm, self.attn_norm, self.ffn_norm = (torch.nn.Parameter(torch.ones(d)) for _ in range(3))
        self.conv = torch.nn.Parameter(torch.randn(TAPS, d) * .1)
        self.qkv, self.gate_up = weight(3 * d, d), weight(2 * f, d)
        self.out, self.down = (weight(d, n, 1 / math.sqrt(2 * layers)) for n in (d, f))


def rms(x, w):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPS) * w


class Reader(torch.nn.Module):
    def __init__(self, start, d, layers, f, dropout=.1):
        super().__init__()
        vocab, width = start.shape
        self.d, self.dropout = d, dropout
        e = torch.randn(vocab, d)
        e[:, :min(d, width)] = start[:, :d]
        self.emb = torch.nn.Parameter(e)
        self.types = torch.nn.Parameter(torch.randn(TYPES, d) * .5)
        self.blocks = torch.nn.ModuleList(Block(d, f, layers) for _ in range(layers))
        self.norm = torch.nn.Parameter(torch.ones(d))
        self.head = torch.nn.Linear(d, OUTPUTS)
        angle = torch.arange(512).float()[:, None] * ROPE_BASE ** (-torch.arange(0, HEAD, 2).float() / HEAD)
        self.register_buffer("cos", torch.cat([angle.cos(), angle.cos()], 1), persistent=False)
        self.register_buffer("sin", torch.cat([-angle.sin(), angle.sin()], 1), persistent=False)

    def rope(self, x):
        n = x.shape[-2]
        return x * self.cos[:n] + torch.roll(x, HEAD // 2, -1) * self.sin[:n]

    def forward(self, ids, types, real):
        b, n = ids.shape
        x = F.embedding(ids, self.emb) + F.embedding(types, self.types)
        x = F.dropout(x, self.dropout, self.training)
        inside = real[:, :, None].to(x.dtype)
        mask = torch.where(real, 0.0, -1e4)[:, None, None, :]
        for k in self.blocks:
            h = rms(x, k.conv_norm) * inside
            x = x + F.conv1d(h.transpose(1, 2), k.conv.t()[:, None], padding=TAPS // 2, groups=self.d).transpose(1, 2)
            q, key, v = (rms(x, k.attn_norm) @ k.qkv.t()).view(b, n, -1, HEAD).transpose(1, 2).chunk(3, 1)
            s = self.rope(q) @ self.rope(key).transpose(2, 3) * HEAD ** -.5 + mask
            x = x + (s.softmax(-1) @ v).transpose(1, 2).reshape(b, n, self.d) @ k.out.t()
            gate, up = (rms(x, k.ffn_norm) @ k.gate_up.t()).chunk(2, -1)
            x = x + (F.silu(gate) * up) @ k.down.t()
        return self.head(rms(x, self.norm)).float()


def batch_of(heads, ids, types, pick, device):
    n = int(heads[pick, 1].max())
    i, t = np.zeros((len(pick), n), np.int64), np.zeros((len(pick), n), np.int64)
    for row, (at, k, *_) in enumerate(heads[pick]):
        i[row, :k], t[row, :k] = ids[at:at + k], types[at:at + k]
    place = np.arange(n)[None]
    real = place < heads[pick, 1][:, None]
    passage = (place >= heads[pick, 2][:, None]) & (place < heads[pick, 1][:, None] - 1)
    allowed = np.stack([passage, passage, t >= 128], 2)
    allowed[:, 0] = True
    return [torch.from_numpy(x).to(device) for x in (i, t & 127, real, allowed, heads[pick][:, 3:].astype(np.int64))]


def loss_of(z, allowed, targets):
    z = z.masked_fill(~allowed, -1e4)
    start, end, sentence = (F.cross_entropy(z[:, :, o], targets[:, o]) for o in range(3))
    return .5 * (start + end) + SENTENCE_WEIGHT * sentence


def export(model, meta, path):
    w = {k: v.detach().float().cpu().numpy() for k, v in model.state_dict().items()}
    d, q, f = model.d, gguf.Q8_0, gguf.F32
    keys = {"general.architecture": "carrel-reader", "general.name": "carrel-reader",
            "general.license": "CC-BY-SA-4.0", "general.file_type": 7, "general.quantization_version": 2,
            "carrel-reader.block_count": len(model.blocks), "carrel-reader.embedding_length": d,
            "carrel-reader.feed_forward_length": w["blocks.0.down"].shape[1],
            "carrel-reader.attention.head_count": d // HEAD,
            "carrel-reader.attention.layer_norm_rms_epsilon": EPS, "carrel-reader.rope.freq_base": ROPE_BASE,
            "carrel-reader.context_length": 512, "carrel-reader.token_type_count": TYPES,
            "carrel-reader.vocab_size": w["emb"].shape[0], "carrel-reader.conv_taps": TAPS,
            "carrel-reader.stop_words": meta["carrel-reader.stop_words"]}
    keys.update(gguf.tokenizer_meta(meta["tokenizer.ggml.tokens"]))
    t = {"token_embd.weight": (w["emb"], q), "token_types.weight": (w["types"], q)}
    for i in range(len(model.blocks)):
        b, p = f"blocks.{i}.", f"blk.{i}."
        for name in ("conv_norm", "conv", "attn_norm", "ffn_norm"):
            t[f"{p}{name}.weight"] = (w[b + name], f)
        for n, m in zip(("attn_q", "attn_k", "attn_v"), np.split(w[b + "qkv"], 3)):
            t[f"{p}{n}.weight"] = (m, q)
        for n, m in zip(("ffn_gate", "ffn_up"), np.split(w[b + "gate_up"], 2)):
            t[f"{p}{n}.weight"] = (m, q)
        t[p + "attn_output.weight"], t[p + "ffn_down.weight"] = (w[b + "out"], q), (w[b + "down"], q)
    t["output_norm.weight"] = (w["norm"], f)
    t["span.weight"], t["span.bias"] = (w["head.weight"], f), (w["head.bias"], f)
    gguf.write(path, keys, t)


def split(path):
    data = open(path, "rb").read()
    for k, at in enumerate(range(0, len(data), PART_BYTES)):
        with open(f"{path}.{k:03}", "wb") as f:
            f.write(data[at:at + PART_BYTES])


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--examples", required=True)
    ap.add_argument("--initial", required=True, help="carrel-static GGUF: vocabulary and token vectors")
    ap.add_argument("--stop-words", required=True, help="a carrel-reader GGUF whose stop words are taken")
    ap.add_argument("--folder", required=True)
    ap.add_argument("--minutes", type=float, default=25, help="training time of all calls together")
    ap.add_argument("--step", type=float, default=9, help="minutes of this call")
    ap.add_argument("--batch", type=int, default=256)
    ap.add_argument("--rate", type=float, default=8e-4)
    ap.add_argument("--width", type=int, default=512)
    ap.add_argument("--layers", type=int, default=8)
    ap.add_argument("--hidden", type=int, default=1408)
    a = ap.parse_args()
    began = time.time()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    os.makedirs(a.folder, exist_ok=True)
    meta, tensors = gguf.read(a.initial)
    meta["carrel-reader.stop_words"] = gguf.read(a.stop_words)[0]["carrel-reader.stop_words"]
    v = tensors["token_embd.weight"]
    v = torch.from_numpy(v / np.sqrt((v ** 2).mean(1, keepdims=True) + 1e-12))
    torch.manual_seed(1)
    model = Reader(v, a.width, a.layers, a.hidden).to(device)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "blocks" in n and "conv" not in n]
    rest = [p for n, p in model.named_parameters() if not any(p is m for m in matrices)]
    opt = torch.optim.AdamW([{"params": matrices, "weight_decay": .05}, {"params": rest, "weight_decay": 0}],
                            lr=a.rate, betas=(.9, .98))
    state, used, step = os.path.join(a.folder, "state.pt"), 0.0, 0
    if os.path.exists(state):
        s = torch.load(state, map_location=device)
        model.load_state_dict(s["model"])
        opt.load_state_dict(s["opt"])
        used, step = s["used"], s["step"]
    heads, ids, types = read_examples(a.examples)
    rng, before, losses = np.random.default_rng(step), used, []
    model.train()
    while used < 60 * a.minutes and time.time() - began < 60 * a.step:
        done = used / (60 * a.minutes)
        for g in opt.param_groups:
            g["lr"] = a.rate * min(1, (step + 1) / 300) * (.5 * (1 + math.cos(math.pi * done)) + .005)
        # Examples grow harder along the file; those of one batch are of about one length.
        reach = int(len(heads) * min(1, done + .15))
        pool = rng.integers(max(0, reach - int(.6 * len(heads))), reach, 8 * a.batch)
        at = rng.integers(0, 8) * a.batch
        pick = pool[np.argsort(heads[pool, 1], kind="stable")][at:at + a.batch]
        i, t, real, allowed, targets = batch_of(heads, ids, types, pick, device)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            z = model(i, t, real)
        loss = loss_of(z, allowed, targets)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        step += 1
        used = before + time.time() - began
        losses.append(loss.item())
        if step % 50 == 0:
            print(f"{step} {used / 60:.1f} min loss {np.mean(losses):.3f}", flush=True)
            losses = []
    torch.save({"model": model.state_dict(), "opt": opt.state_dict(), "used": used, "step": step}, state + ".part")
    os.replace(state + ".part", state)
    path = os.path.join(a.folder, "reader.gguf")
    export(model, meta, path)
    if used >= 60 * a.minutes:
        split(path)
        print("done")


if __name__ == "__main__":
    main()
