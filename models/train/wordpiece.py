"""WordPiece tokenizer of the built-in models, and the training of its vocabulary.

A text is normalised (NFD, marks dropped, simple lower case), split into basic words, and each
word is cut greedily from the left into the longest pieces of the vocabulary. A piece that opens
a word carries U+2581 in front, a continuation carries nothing: llama.cpp's "bert" convention.
The vocabulary comes from BPE merges on word counts; every single Latin letter, digit and common
sign is in it both as start and as continuation, so that Latin text never becomes [UNK].
"""
import argparse
import collections
import glob
import heapq
import json
import os
import time
import unicodedata

MARK = "\u2581"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
MAX_PIECE = 24      # characters: longer pieces are file names and the like
MAX_DIGITS = 4      # a year may be one piece, a longer number never
SPACES = set("\t\n\v\f\r \x85\u2028\u2029")


def is_punctuation(c):
    """Each such character is a basic word of its own."""
    o = ord(c)
    if o < 128:
        return 33 <= o <= 47 or 58 <= o <= 64 or 91 <= o <= 96 or 123 <= o <= 126
    return unicodedata.category(c)[0] == "P"


def is_ideograph(o):
    return (0x4E00 <= o <= 0x9FFF or 0x3400 <= o <= 0x4DBF or 0x20000 <= o <= 0x2A6DF or
            0x2A700 <= o <= 0x2CEAF or 0xF900 <= o <= 0xFAFF or 0x2F800 <= o <= 0x2FA1F)


class _Fold(dict):
    """What str.translate does to each code point after NFD, filled as needed."""

    def __missing__(self, o):
        c = chr(o)
        category = unicodedata.category(c)
        if c in SPACES or category == "Zs":
            r = " "
        elif category in ("Mn", "Cc", "Cf") or o == 0xFFFD:
            r = None
        elif is_punctuation(c) or is_ideograph(o):
            r = " " + c + " "
        else:
            low = c.lower()
            r = low if len(low) == 1 else c
        self[o] = r
        return r


_fold = _Fold()


def basic_words(text):
    """The normalised basic words of a text, in order."""
    if not text.isascii():
        text = unicodedata.normalize("NFD", text)
    return text.translate(_fold).split()


def basic_words_at(text):
    """The same, each with the span [start, end) of code points of `text` that it came from."""
    out, word, start, end = [], [], 0, 0
    for i, ch in enumerate(text):
        for c in (ch if ch < "\x80" else unicodedata.normalize("NFD", ch)):
            r = _fold[ord(c)]
            if r is None:
                continue
            if r == " " or len(r) == 3:
                if word:
                    out.append(("".join(word), start, end))
                    word = []
                if r != " ":
                    out.append((r.strip(), i, i + 1))
            else:
                if not word:
                    start = i
                word.append(r)
                end = i + 1
    if word:
        out.append(("".join(word), start, end))
    return out


class WordPiece:
    def __init__(self, tokens):
        self.tokens = list(tokens)
        self.id = {t: i for i, t in enumerate(self.tokens) if i >= len(SPECIAL)}
        self.cache = {}

    @classmethod
    def load(cls, path):
        return cls(json.load(open(path)))

    def word(self, w):
        """Piece ids of one basic word; [UNK] where no cut exists."""
        ids = self.cache.get(w)
        if ids is None:
            ids, s, i = [], MARK + w, 0
            while i < len(s):
                for j in range(min(len(s), i + MAX_PIECE + 1), i, -1):
                    t = self.id.get(s[i:j])
                    if t is not None:
                        break
                else:
                    ids = [UNK]
                    break
                ids.append(t)
                i = j
            self.cache[w] = ids = tuple(ids)
        return ids

    def encode(self, text):
        out = []
        for w in basic_words(text):
            out.extend(self.word(w))
        return out


# ---- making the vocabulary ----

def count_words(paths):
    """Counts of basic words over text files and the strings of .jsonl files."""
    counts = collections.Counter()
    for p in paths:
        if p.endswith(".jsonl"):
            seen = set()
            for line in open(p):
                r = json.loads(line)
                for k in ("context", "question", "a"):
                    s = r.get(k)
                    if s and hash(s) not in seen:
                        seen.add(hash(s))
                        counts.update(basic_words(s))
        else:
            with open(p) as f:
                for line in f:
                    counts.update(basic_words(line))
    return counts


def allowed(a, b):
    s = a + b
    n = len(s.lstrip(MARK))
    return n <= MAX_PIECE and sum(c.isdigit() for c in s) <= MAX_DIGITS


def base_characters(counts):
    chars = collections.Counter()
    for w, n in counts.items():
        for c in set(w):
            chars[c] += n
    keep = {chr(o) for o in range(33, 127) if not chr(o).isupper()}
    keep |= {c for o in range(0xA1, 0x180) for c in basic_words(chr(o)) if len(c) == 1}
    keep |= {c for o in range(0x391, 0x3CA) for c in basic_words(chr(o)) if len(c) == 1}
    keep |= set("°×÷±€£¥µμ½¼¾²³¹→≤≥≈≠∞−–—‘’“”•…™®©§¶·ºª")
    keep |= {c for c, n in chars.items() if n >= 200}
    keep.discard(MARK)
    return keep


def train(counts, size, min_count=5, log=print):
    base = sorted(base_characters(counts))
    alone = {c for c in base if is_punctuation(c) or is_ideograph(ord(c))}
    tokens = list(SPECIAL) + [MARK + c for c in base] + [c for c in base if c not in alone]
    known = set(tokens)
    words, freq = [], []
    for w, n in counts.items():
        if n >= min_count and len(w) > 1 and len(w) <= 40:
            syms = [MARK + w[0]] + list(w[1:])
            if all(s in known for s in syms):
                words.append(syms)
                freq.append(n)
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, syms in enumerate(words):
        for p in zip(syms, syms[1:]):
            pairs[p] += freq[i]
            where[p].add(i)
    heap = [(-n, p) for p, n in pairs.items()]
    heapq.heapify(heap)
    log(f"{len(words)} words, {len(pairs)} pairs, {len(tokens)} base tokens")
    while len(tokens) < size and heap:
        n, p = heapq.heappop(heap)
        if pairs[p] != -n:
            if pairs[p] > 0:
                heapq.heappush(heap, (-pairs[p], p))
            continue
        a, b = p
        if not allowed(a, b):
            pairs[p] = 0
            continue
        new = a + b
        if new not in known:
            known.add(new)
            tokens.append(new)
        changed = set()
        for i in where.pop(p):
            syms, f = words[i], freq[i]
            out, k = [], 0
            while k < len(syms):
                if k + 1 < len(syms) and syms[k] == a and syms[k + 1] == b:
                    out.append(new)
                    k += 2
                else:
                    out.append(syms[k])
                    k += 1
            for q in zip(syms, syms[1:]):
                pairs[q] -= f
            for q in zip(out, out[1:]):
                pairs[q] += f
                where[q].add(i)
                changed.add(q)
            words[i] = out
        pairs[p] = 0
        for q in changed:
            if pairs[q] > 0:
                heapq.heappush(heap, (-pairs[q], q))
    return tokens


def main():
    ap = argparse.ArgumentParser(description="count words of the corpus and train the vocabulary")
    ap.add_argument("--work", required=True, help="folder with the unpacked corpus (see data.py)")
    ap.add_argument("--size", type=int, default=24000)
    a = ap.parse_args()
    t = time.time()
    files = sorted(glob.glob(os.path.join(a.work, "text", "*.txt")))
    files += [os.path.join(a.work, n) for n in ("qa_train.jsonl", "pairs.jsonl")]
    counts = count_words(files)
    print(f"{len(counts)} words, {sum(counts.values())} tokens, {time.time() - t:.0f} s", flush=True)
    tokens = train(counts, a.size, log=lambda s: print(s, flush=True))
    json.dump(tokens, open(os.path.join(a.work, "vocab.json"), "w"), ensure_ascii=False)
    wp = WordPiece(tokens)
    n = sum(counts.values())
    pieces = sum(c * len(wp.word(w)) for w, c in counts.items())
    unk = sum(c for w, c in counts.items() if UNK in wp.word(w))
    print(f"{len(tokens)} tokens; {pieces / n:.3f} pieces a word; {100 * unk / n:.4f}% unknown; "
          f"{time.time() - t:.0f} s")


if __name__ == "__main__":
    main()
