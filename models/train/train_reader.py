"""Trains the span reader: a small bidirectional encoder that scores where an answer starts and ends.

Input: [CLS] question [SEP] passage [SEP] with token types 0 (marks and question), 1 (passage),
2 (passage word that also stands in the question). Start = end = 0 means: nothing here answers.
"""
import argparse
import gc
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

import gguf
from data import word_vectors
from reader_data import STOP_WORDS, Data, Sampler, pad
from wordpiece import WordPiece

ROPE_BASE, EPS = 10000.0, 1e-6


class Product(torch.autograd.Function):
    """x @ w.T through oneDNN, which is faster here than the BLAS behind torch.mm."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return torch._C._nn.mkldnn_linear(x.to_mkldnn(), w).to_dense()

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        dx = torch._C._nn.mkldnn_linear(g.contiguous().to_mkldnn(), w.t().contiguous()).to_dense()
        return dx, g.t() @ x


product = Product.apply


class Block(torch.nn.Module):
    def __init__(self, d, f, n_layers):
        super().__init__()
        def weight(o, i, scale=1.0):
            return torch.nn.Parameter(torch.randn(o, i) * scale / math.sqrt(i))
        self.norm1, self.norm2 = (torch.nn.Parameter(torch.ones(d)) for _ in range(2))
        self.qkv, self.gate_up = weight(3 * d, d), weight(2 * f, d)
        self.out, self.down = (weight(d, n, 1 / math.sqrt(2 * n_layers)) for n in (d, f))


def rms(x, w):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + EPS) * w


class Reader(torch.nn.Module):
    def __init__(self, vocab, d=192, layers=4, heads=6, ffn=512, dropout=0.1):
        super().__init__()
        self.shape = dict(vocab=vocab, d=d, layers=layers, heads=heads, ffn=ffn)
        self.heads, self.dropout = heads, dropout
        self.emb = torch.nn.Parameter(torch.randn(vocab, d))
        self.types = torch.nn.Parameter(torch.randn(3, d) * .5)
        self.blocks = torch.nn.ModuleList(Block(d, ffn, layers) for _ in range(layers))
        self.norm = torch.nn.Parameter(torch.ones(d))
        self.span = torch.nn.Linear(d, 2)
        h = d // heads
        freq = ROPE_BASE ** (-torch.arange(0, h, 2).float() / h)
        angle = torch.arange(512).float()[:, None] * freq
        self.register_buffer("cos", torch.cat([angle.cos(), angle.cos()], 1), persistent=False)
        self.register_buffer("sin", torch.cat([-angle.sin(), angle.sin()], 1), persistent=False)

    def rope(self, x, n):
        half = x.shape[-1] // 2
        return x * self.cos[:n] + torch.roll(x, half, -1) * self.sin[:n]

    def forward(self, ids, types, real, raw=False):
        """-> logits [batch, 2, tokens]; the question's places are -1e4 unless `raw`."""
        b, n = ids.shape
        d, h = self.shape["d"], self.heads
        x = (F.embedding(ids, self.emb) + F.embedding(types, self.types)).view(b * n, d)
        if self.training and self.dropout:
            x = F.dropout(x, self.dropout)      # only here
        mask = None if bool(real.all()) else torch.where(real, 0.0, -1e4)[:, None, None, :]
        for k in self.blocks:
            q, key, v = product(rms(x, k.norm1), k.qkv).view(b, n, 3 * h, d // h).transpose(1, 2).split(h, 1)
            q, key = self.rope(q, n), self.rope(key, n)
            s = q @ key.transpose(2, 3) * (d // h) ** -.5
            if mask is not None:
                s = s + mask
            y = product((s.softmax(-1) @ v).transpose(1, 2).reshape(b * n, d), k.out)
            x = x + y
            gate, up = product(rms(x, k.norm2), k.gate_up).chunk(2, -1)
            y = product(F.silu(gate) * up, k.down)
            x = x + y
        logits = self.span(rms(x, self.norm)).view(b, n, 2).transpose(1, 2)
        if raw:
            return logits
        allowed = types > 0
        allowed[:, 0] = True
        return logits.masked_fill(~allowed[:, None], -1e4)


def tensors_of(batch):
    ids, types, real, start, end = pad(batch)
    return (torch.from_numpy(ids), torch.from_numpy(types), torch.from_numpy(real),
            torch.from_numpy(start), torch.from_numpy(end))


def warm_start(model, work):
    """Piece vectors from the word vectors, turned to the reader's width by their main directions."""
    v = word_vectors(work, model.shape["vocab"], 256)
    v = v - v.mean(0)
    top = np.linalg.eigh(v.T @ v)[1][:, ::-1]
    p = v @ top[:, :model.shape["d"]]
    p = p @ np.linalg.qr(np.random.default_rng(0).standard_normal((p.shape[1], p.shape[1])))[0]
    p = p / np.sqrt((p ** 2).mean(1, keepdims=True))
    with torch.no_grad():
        model.emb.copy_(torch.from_numpy(p.astype(np.float32)))


def export(model, tokens, path):
    s = model.shape
    w = {k: v.detach().float().numpy() for k, v in model.state_dict().items()}
    meta = {"general.architecture": "carrel-reader", "general.name": "carrel-reader",
            "general.license": "CC-BY-SA-4.0", "general.file_type": 7,
            "general.quantization_version": 2,
            "carrel-reader.block_count": s["layers"], "carrel-reader.embedding_length": s["d"],
            "carrel-reader.feed_forward_length": s["ffn"],
            "carrel-reader.attention.head_count": s["heads"],
            "carrel-reader.attention.layer_norm_rms_epsilon": EPS,
            "carrel-reader.rope.freq_base": ROPE_BASE, "carrel-reader.context_length": 512,
            "carrel-reader.token_type_count": 3, "carrel-reader.vocab_size": s["vocab"],
            "carrel-reader.stop_words": STOP_WORDS}
    meta.update(gguf.tokenizer_meta(tokens))
    q, f = gguf.Q8_0, gguf.F32
    t = {"token_embd.weight": (w["emb"], q), "token_types.weight": (w["types"], q)}
    for i in range(s["layers"]):
        b, p = f"blocks.{i}.", f"blk.{i}."
        t[p + "attn_norm.weight"] = (w[b + "norm1"], f)
        for n, m in zip(("q", "k", "v"), np.split(w[b + "qkv"], 3)):
            t[p + f"attn_{n}.weight"] = (m, q)
        t[p + "attn_output.weight"] = (w[b + "out"], q)
        t[p + "ffn_norm.weight"] = (w[b + "norm2"], f)
        for n, m in zip(("gate", "up"), np.split(w[b + "gate_up"], 2)):
            t[p + f"ffn_{n}.weight"] = (m, q)
        t[p + "ffn_down.weight"] = (w[b + "down"], q)
    t["output_norm.weight"] = (w["norm"], f)
    t["span.weight"], t["span.bias"] = (w["span.weight"], f), (w["span.bias"], f)
    gguf.write(path, meta, t)


def from_gguf(path):
    """The reader as the engine sees it: weights dequantised from the file."""
    meta, t = gguf.read(path)
    k = "carrel-reader."
    m = Reader(len(meta["tokenizer.ggml.tokens"]), meta[k + "embedding_length"], meta[k + "block_count"],
               meta[k + "attention.head_count"], meta[k + "feed_forward_length"])
    w = {"emb": t["token_embd.weight"], "types": t["token_types.weight"], "norm": t["output_norm.weight"],
         "span.weight": t["span.weight"], "span.bias": t["span.bias"]}
    for i in range(meta[k + "block_count"]):
        b, p = f"blocks.{i}.", f"blk.{i}."
        w[b + "norm1"], w[b + "norm2"] = t[p + "attn_norm.weight"], t[p + "ffn_norm.weight"]
        w[b + "qkv"] = np.concatenate([t[p + f"attn_{n}.weight"] for n in "qkv"])
        w[b + "gate_up"] = np.concatenate([t[p + f"ffn_{n}.weight"] for n in ("gate", "up")])
        w[b + "out"], w[b + "down"] = t[p + "attn_output.weight"], t[p + "ffn_down.weight"]
    m.load_state_dict({n: torch.from_numpy(np.array(x)) for n, x in w.items()})
    return m.eval(), meta


def quick_score(model, held, size=64):
    """Exact match of piece spans, and of 'nothing answers', on fixed held-out examples."""
    model.eval()
    hit = none_hit = n = n_none = 0
    with torch.no_grad():
        for i in range(0, len(held), size):
            ids, types, real, start, end = tensors_of(held[i:i + size])
            z = model(ids, types, real)
            s = z[:, 0, :, None] + z[:, 1, None, :]
            keep = torch.triu(torch.ones(s.shape[1:])).bool() & ~torch.triu(torch.ones(s.shape[1:]), 30).bool()
            keep[0, 1:] = False
            best = s.masked_fill(~keep, -1e9).flatten(1).argmax(1)
            a, b = best // s.shape[2], best % s.shape[2]
            ok = (a == start) & (b == end)
            none = start == 0
            hit += int((ok & ~none).sum()); n += int((~none).sum())
            none_hit += int((ok & none).sum()); n_none += int(none.sum())
    model.train()
    return hit / max(1, n), none_hit / max(1, n_none)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--work", required=True)
    ap.add_argument("--out", default="../carrel-reader.gguf")
    ap.add_argument("--minutes", type=float, default=60, help="training time over all runs together")
    ap.add_argument("--batch", type=int, default=48)
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--layers", type=int, default=4)
    ap.add_argument("--width", type=int, default=192)
    ap.add_argument("--heads", type=int, default=6)
    ap.add_argument("--ffn", type=int, default=512)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--workers", type=int, default=2, help="processes that share each batch")
    ap.add_argument("--limit", type=int, help="every n-th row only, for a trial")
    a = ap.parse_args()
    torch.set_num_threads(1)
    wp = WordPiece.load(os.path.join(a.work, "vocab.json"))
    t0 = time.time()
    data = Data(a.work, wp, a.limit)
    print(f"{len(data.train)} rows, {len(data.held)} held out, {time.time() - t0:.0f} s", flush=True)
    torch.manual_seed(a.seed)
    model = Reader(len(wp.tokens), a.width, a.layers, a.heads, a.ffn)
    warm_start(model, a.work)
    n = sum(p.numel() for p in model.parameters())
    shared = torch.zeros(2, a.workers, n).share_memory_()
    clock = torch.zeros(2, dtype=torch.float64).share_memory_()
    # One thread a process scales better here than two threads in one: every step is parallel.
    fork = torch.multiprocessing.get_context("fork")
    barrier = fork.Barrier(a.workers, timeout=900)
    gc.freeze()
    others = [fork.Process(target=work, args=(a, r, wp, data, model, shared, clock, barrier))
              for r in range(1, a.workers)]
    for p in others:
        p.start()
    work(a, 0, wp, data, model, shared, clock, barrier)
    for p in others:
        p.join()


def work(a, rank, wp, data, model, shared, clock, barrier):
    """One of the processes: its part of each batch; gradients are averaged over all."""
    torch.set_flush_denormal(True)
    params = list(model.parameters())
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and n not in ("emb", "types")]
    rest = [p for n, p in model.named_parameters() if p.ndim == 1 or n == "types"]
    opt = torch.optim.AdamW([{"params": matrices, "weight_decay": .05}, {"params": rest, "weight_decay": 0},
                             {"params": [model.emb], "weight_decay": 0}], lr=a.lr, betas=(.9, .98))
    ckpt = os.path.join(a.work, "reader.pt")
    used, step, seen = 0.0, 0, 0
    if os.path.exists(ckpt):
        c = torch.load(ckpt)
        model.load_state_dict(c["model"])
        opt.load_state_dict(c["opt"])
        used, step, seen = c["used"], c["step"], c["seen"]
        print(f"worker {rank} resumed at step {step}, {used / 60:.1f} minutes", flush=True)
    if rank == 0:
        squad = [x for x in data.held if x.source.startswith("squad")]
        sampler = Sampler(data, 7)
        held = [e for x in squad[::max(1, len(squad) // 500)] for e in [sampler.example(x, .9)] if e]
    torch.manual_seed(a.seed + 1000 * step + rank)
    model.train()
    start, before, last_save, last_score, losses, tokens = time.time(), used, time.time(), time.time(), [], 0
    for batch in Sampler(data, a.seed + step).batches(a.batch, lambda: used / (60 * a.minutes)):
        done = used / (60 * a.minutes)
        rate = min(1, (step + 1) / 300) * (.5 * (1 + math.cos(math.pi * min(1, done))) + .005)
        for g, f in zip(opt.param_groups, (1, 1, .7)):
            g["lr"] = a.lr * f * rate
        ids, types, real, s, e = tensors_of(batch[rank::a.workers])
        z = model(ids, types, real)
        loss = .5 * (F.cross_entropy(z[:, 0], s) + F.cross_entropy(z[:, 1], e))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        grads = shared[step % 2]
        grads[rank] = torch.nn.utils.parameters_to_vector([p.grad for p in params])
        if rank == 0:
            clock[step % 2] = before + time.time() - start
        barrier.wait()
        used = float(clock[step % 2])
        torch.nn.utils.vector_to_parameters(grads.mean(0), [p.grad for p in params])
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        opt.step()
        losses.append(loss.item())
        step += 1
        seen += len(batch)
        tokens += ids.numel() * a.workers
        over = used >= 60 * a.minutes
        if rank == 0:
            if step % 50 == 0:
                print(f"{step} seen {seen} {used / 60:.1f} min loss {np.mean(losses):.3f} "
                      f"tokens/s {tokens / (used - before):.0f}", flush=True)
                losses = []
            if over or time.time() - last_score > 900:
                hit, none = quick_score(model, held)
                print(f"== {used / 60:.1f} min: held-out exact {hit:.3f}, nothing {none:.3f}", flush=True)
                last_score = time.time()
            if over or time.time() - last_save > 240:
                torch.save({"model": model.state_dict(), "opt": opt.state_dict(), "used": used,
                            "step": step, "seen": seen}, ckpt + ".part")
                os.replace(ckpt + ".part", ckpt)
                export(model, wp.tokens, a.out)
                last_save = time.time()
        if over:
            break


if __name__ == "__main__":
    main()
