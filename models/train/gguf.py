"""A small reader and writer of GGUF v3 files: only F32 and Q8_0 tensors, only what we ship."""
import os
import struct

import numpy as np

F32, Q8_0 = 0, 8
ALIGN = 32
U32, I32, FLOAT, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


def quantize_q8_0(x):
    """float32 [rows, cols] -> bytes; blocks of 32 along the row: f16 scale, 32 int8."""
    rows, cols = x.shape
    assert cols % 32 == 0
    b = np.ascontiguousarray(x, np.float32).reshape(-1, 32)
    d = np.abs(b).max(1) / 127.0
    inv = np.where(d > 0, 1.0 / np.where(d > 0, d, 1), 0)
    q = np.rint(b * inv[:, None]).astype(np.int8)
    out = np.empty(len(b), dtype=[("d", "<f2"), ("q", "i1", 32)])
    out["d"], out["q"] = d, q
    return out.tobytes()


def dequantize_q8_0(buf, shape):
    b = np.frombuffer(buf, dtype=[("d", "<f2"), ("q", "i1", 32)])
    return (b["d"].astype(np.float32)[:, None] * b["q"].astype(np.float32)).reshape(shape)


def _string(s):
    s = s.encode()
    return struct.pack("<Q", len(s)) + s


def _value(v):
    if isinstance(v, bool):
        return struct.pack("<I?", BOOL, v)
    if isinstance(v, int):
        return struct.pack("<II", U32, v)
    if isinstance(v, float):
        return struct.pack("<If", FLOAT, v)
    if isinstance(v, str):
        return struct.pack("<I", STRING) + _string(v)
    if isinstance(v[0], str):
        return struct.pack("<IIQ", ARRAY, STRING, len(v)) + b"".join(map(_string, v))
    return struct.pack("<IIQ", ARRAY, I32, len(v)) + np.asarray(v, "<i4").tobytes()


def write(path, meta, tensors):
    """meta: name -> int (u32), float, str, bool, list of str, list of int (i32).
    tensors: name -> (numpy array, type); a 2-D array [rows, cols] gets the shape [cols, rows]."""
    blobs, infos, offset = [], b"", 0
    for name, (x, kind) in tensors.items():
        x = np.asarray(x, np.float32)
        data = quantize_q8_0(x) if kind == Q8_0 else np.ascontiguousarray(x, "<f4").tobytes()
        infos += _string(name) + struct.pack("<I", x.ndim)
        infos += struct.pack(f"<{x.ndim}Q", *x.shape[::-1]) + struct.pack("<IQ", kind, offset)
        data += b"\0" * (-len(data) % ALIGN)
        blobs.append(data)
        offset += len(data)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(meta))
    head += b"".join(_string(k) + _value(v) for k, v in meta.items()) + infos
    head += b"\0" * (-len(head) % ALIGN)
    with open(path + ".part", "wb") as f:
        f.write(head)
        f.writelines(blobs)
    os.replace(path + ".part", path)


def read(path):
    """-> (meta, tensors as float32 arrays in numpy order)."""
    buf = open(path, "rb").read()
    at = 0

    def take(fmt):
        nonlocal at
        v = struct.unpack_from("<" + fmt, buf, at)
        at += struct.calcsize("<" + fmt)
        return v[0]

    def string():
        nonlocal at
        n = take("Q")
        at += n
        return buf[at - n:at].decode()

    def value(kind):
        if kind == STRING:
            return string()
        if kind == ARRAY:
            inner, n = take("I"), take("Q")
            return [value(inner) for _ in range(n)]
        return take({U32: "I", I32: "i", FLOAT: "f", BOOL: "?"}[kind])

    assert buf[:4] == b"GGUF"
    at = 4
    assert take("I") == 3
    n_tensors, n_meta = take("Q"), take("Q")
    meta, infos, tensors = {}, [], {}
    for _ in range(n_meta):
        k = string()
        meta[k] = value(take("I"))
    for _ in range(n_tensors):
        name, dims = string(), take("I")
        shape = [take("Q") for _ in range(dims)][::-1]
        infos.append((name, shape, take("I"), take("Q")))
    base = at + (-at % ALIGN)
    for name, shape, kind, offset in infos:
        n = int(np.prod(shape))
        size = n * 4 if kind == F32 else n // 32 * 34
        raw = buf[base + offset:base + offset + size]
        tensors[name] = (np.frombuffer(raw, "<f4").reshape(shape) if kind == F32
                         else dequantize_q8_0(raw, shape))
    return meta, tensors


def tokenizer_meta(tokens):
    return {
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": list(tokens),
        "tokenizer.ggml.token_type": [3 if i < 5 else 1 for i in range(len(tokens))],
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.unknown_token_id": 1,
        "tokenizer.ggml.cls_token_id": 2,
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.seperator_token_id": 3,
        "tokenizer.ggml.eos_token_id": 3,
        "tokenizer.ggml.mask_token_id": 4,
    }
