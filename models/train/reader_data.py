"""Question data for the span reader: loading, windows of sentences, negatives, token types."""
import collections
import math
import os
import random
import sys

import numpy as np

from data import held_out, rows, sentences
from wordpiece import CLS, SEP, basic_words_at, is_punctuation

MAX_QUESTION, MAX_TOKENS = 48, 384

STOP_WORDS = """a about above after again all also am an and any are as at be because been before being below
between both but by can could d did do does doing down during each few for from further had has have having he
her here hers him his how i if in into is it its itself just ll m many may me might more most much must my no
nor not of off on once one only or other our out over own please re s same shall she should so some such t tell
than that the their them then there these they this those through to too under until up upon us ve very was we
were what when where which while who whom whose why will with would you your""".split()
STOP = frozenset(STOP_WORDS)


def key(word):
    """What two words are compared by: the first five letters; '' for what never counts."""
    if word in STOP or len(word) == 1 and is_punctuation(word):
        return ""
    return sys.intern(word[:5])


class Text:
    """A tokenised text: words, their pieces, their character spans."""

    __slots__ = ("keys", "ids", "first", "chars", "sents", "keyset")

    def __init__(self, text, wp, split=True):
        words = basic_words_at(text)
        self.keys = [key(w) for w, _, _ in words]
        self.ids, self.first = [], [0]
        for w, _, _ in words:
            self.ids.extend(wp.word(w))
            self.first.append(len(self.ids))
        self.chars = [(s, e) for _, s, e in words]
        self.keyset = frozenset(self.keys) - {""}
        self.sents = []
        if split:       # sentences as word ranges
            k = 0
            for a, b in sentences(text):
                n = k
                while n < len(words) and self.chars[n][0] < b:
                    n += 1
                if n > k:
                    self.sents.append((k, n))
                k = n

    def __len__(self):
        return len(self.keys)

    def span(self, start, length):
        """Word range [a, b) of a character span, or None."""
        end = start + length
        hit = [i for i, (s, e) in enumerate(self.chars) if e > start and s < end]
        return (hit[0], hit[-1] + 1) if hit else None


# source -> part of its answerable rows seen in one pass; what is not named is seen whole
SHARE = {"squad1.1-train": 1.0, "qamr": .4, "ropes-train": .08, "ropes-dev": .1, "medquad": .35,
         "factbook(templated q)": .6, "covid-qa": .8, "2wikimultihop-subset": .5}
GLOSSARY_SHARE, HEADING_SHARE = .5, .4
UNANSWERABLE_SHARE = {"squad1.1-train-swapped(synthetic)": .7, "opentriviaqa-offtopic(synthetic)": .15,
                      "medquad-notfound(synthetic)": .3, "factbook-notfound(synthetic)": .5}


def share(source, kind):
    if kind == "unanswerable":
        return UNANSWERABLE_SHARE.get(source, .3)
    if "glossary" in source:
        return GLOSSARY_SHARE
    if "qheading" in source:
        return HEADING_SHARE
    return SHARE.get(source, 1.0)


class Example:
    __slots__ = ("question", "context", "answer", "source", "title", "share", "raw")


class Data:
    """All rows, tokenised once. `held` are rows of titles that training never sees."""

    def __init__(self, work, wp, limit=None, held_only=False):
        self.texts, self.contexts = {}, []
        self.train, self.held = [], []
        self.by_title = collections.defaultdict(list)       # title -> contexts
        for n, r in enumerate(rows(os.path.join(work, "qa_train.jsonl"))):
            if r["type"] not in ("span", "unanswerable"):
                continue
            if limit and n % limit:
                continue
            x = Example()
            x.source, x.title = r["source"], r.get("title") or ""
            h = held_out(x.title if x.title else r["context"])
            if held_only and not h:
                continue
            c = self.texts.get(r["context"])
            if c is None:
                c = self.texts[r["context"]] = Text(r["context"], wp)
                if x.title:
                    self.by_title[x.source.split("-")[0], x.title].append(c)
            x.context = c
            if r["type"] == "span":
                x.answer = c.span(r["answer_start"], len(r["answer"]))
                if not x.answer:
                    continue
            else:
                x.answer = None
            x.question = Text(r["question"], wp, split=False)
            x.share = share(x.source, r["type"])
            if h:
                x.raw = (r["context"], r["question"], r["answer"] if x.answer else None)
                self.held.append(x)
            else:
                x.raw = None
                self.train.append(x)
        kept = {id(x.context) for x in self.held}
        for c in self.texts.values():       # memory: places in the text are needed only to show answers
            if id(c) not in kept:
                c.chars = None
        for x in self.train:
            x.question.chars = None
        df = collections.Counter()
        for c in self.texts.values():
            df.update(c.keyset)
        self.idf = {k: math.log(len(self.texts) / n) for k, n in df.items()}

    def alike(self, x, rng, tries=12):
        """Another context of the same title, the one of a few that shares most with the question."""
        pool = self.by_title.get((x.source.split("-")[0], x.title), ())
        if len(pool) < 4:
            return None
        q = x.question.keyset
        best, best_score = None, 0
        for c in rng.sample(pool, min(tries, len(pool))):
            if c is x.context or contains(c, x):
                continue
            s = sum(self.idf[k] for k in q & c.keyset)
            if s > best_score:
                best, best_score = c, s
        return best


def contains(c, x):
    """Does context c hold the answer's pieces of x in a row?"""
    a = x.context.ids[x.context.first[x.answer[0]]:x.context.first[x.answer[1]]] if x.answer else []
    n = len(a)
    if not n:
        return False
    first = a[0]
    return any(t == first and c.ids[i:i + n] == a for i, t in enumerate(c.ids))


def window(text, rng, around, low, high):
    """A run of low..high sentences, holding the word range `around` where there is one."""
    s = text.sents
    n = rng.randint(low, high)
    if around:
        i = next((k for k, (a, b) in enumerate(s) if b > around[0]), len(s) - 1)
        j = next((k for k, (a, b) in enumerate(s) if b >= around[1]), len(s) - 1)
    else:
        i = j = rng.randrange(len(s))
    extra = max(0, n - (j - i + 1))
    left = rng.randint(0, extra)
    i = max(0, i - left)
    j = min(len(s) - 1, j + extra - left)
    return s[i][0], s[j][1]


def assemble(question, parts, answer, drop_mark=False):
    """parts: list of (text, first word, last word); answer: (part, first word, end word) or None.
    -> ids, types, start, end (positions; 0, 0 where nothing answers), or None if cut away."""
    q = question.ids[:MAX_QUESTION]
    if drop_mark and len(q) > 3 and question.keys[-1] == "":
        q = question.ids[:question.first[-2]][:MAX_QUESTION]
    ids = [CLS] + q + [SEP]
    types = [0] * len(ids)
    start = end = 0
    qk = question.keyset
    for k, (t, a, b) in enumerate(parts):
        base = len(ids) - t.first[a]
        room = MAX_TOKENS - 1 - len(ids)
        pa, pb = t.first[a], min(t.first[b], t.first[a] + room)
        ids.extend(t.ids[pa:pb])
        for w in range(a, b):
            types.extend([2 if t.keys[w] in qk else 1] * (t.first[w + 1] - t.first[w]))
        del types[len(ids):]
        if answer and answer[0] == k:
            start = base + t.first[answer[1]]
            end = base + t.first[answer[2]] - 1
            if end >= len(ids):
                return None
    ids.append(SEP)
    types.append(0)
    return ids, types, start, end


class Sampler:
    """Turns rows into training examples; what it does depends on how far training is (0..1)."""

    def __init__(self, data, seed, none_part=.2):
        self.data, self.rng, self.none_part = data, random.Random(seed), none_part

    def epoch(self):
        rng = self.rng
        order = [x for x in self.data.train if rng.random() < x.share]
        rng.shuffle(order)
        return order

    def example(self, x, done):
        rng = self.rng
        c = x.context
        if not c.sents:
            return None
        drop = rng.random() < .15
        hard_none = x.answer and x.title and rng.random() < (.02 if done < .1 else .11)
        if hard_none:
            other = self.data.alike(x, rng) if rng.random() < .6 else None
            if other is not None:
                a, b = window(other, rng, None, 2, 7)
                return assemble(x.question, [(other, a, b)], None, drop)
            # the same paragraph without the sentence that answers
            i = next((k for k, (a, b) in enumerate(c.sents) if b > x.answer[0]), 0)
            sides = [(a, b) for a, b in ((0, c.sents[i][0]), (c.sents[i][1], len(c))) if b - a >= 8]
            if sides and len(c.sents) > 2:
                a, b = max(sides, key=lambda s: s[1] - s[0])
                ans = c.ids[c.first[x.answer[0]]:c.first[x.answer[1]]]
                n, w = len(ans), c.ids[c.first[a]:c.first[b]]
                if not any(w[k:k + n] == ans for k in range(len(w))):
                    return assemble(x.question, [(c, a, b)], None, drop)
        r = rng.random()
        if done < .4:                       # short windows first: matching is learnt sooner
            low, high = (1, 3) if r < .7 else (2, 6)
        else:
            low, high = (1, 4) if r < .35 else (2, 7) if r < .65 else (99, 99)
        if x.answer is None:
            low, high = (2, 7) if r < .6 else (99, 99)
        a, b = window(c, rng, x.answer, low, high)
        parts, k = [(c, a, b)], 0
        if done > .4 and rng.random() < .25 and x.title and x.answer:   # a longer chunk: a neighbour before or after
            pool = self.data.by_title[x.source.split("-")[0], x.title]
            other = rng.choice(pool)
            if other is not c and other.sents and (not x.answer or not contains(other, x)):
                oa, ob = window(other, rng, None, 1, 4)
                if rng.random() < .5:
                    parts = parts + [(other, oa, ob)]
                else:
                    parts, k = [(other, oa, ob)] + parts, 1
        answer = (k,) + x.answer if x.answer else None
        return assemble(x.question, parts, answer, drop)

    def batches(self, size, done, pool=48):
        """Endless batches of examples of about one length."""
        rng, buf = self.rng, []
        while True:
            for x in self.epoch():
                e = self.example(x, done())
                if e:
                    buf.append(e)
                if len(buf) == size * pool:
                    buf.sort(key=lambda e: len(e[0]) + rng.random())
                    groups = [buf[i:i + size] for i in range(0, len(buf), size)]
                    rng.shuffle(groups)
                    yield from groups
                    buf = []


def pad(batch):
    n = max(len(e[0]) for e in batch)
    ids = np.zeros((len(batch), n), np.int64)
    types = np.zeros((len(batch), n), np.int64)
    real = np.zeros((len(batch), n), bool)
    for i, (a, t, _, _) in enumerate(batch):
        ids[i, :len(a)], types[i, :len(t)], real[i, :len(a)] = a, t, True
    return ids, types, real, np.array([e[2] for e in batch]), np.array([e[3] for e in batch])
