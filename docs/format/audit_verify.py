#!/usr/bin/env python3
"""Checks an audit log of tracescrub, from its files and public keys alone.

Written from audit.md beside it, with nothing but Python's standard library, so
that nobody needs to trust the program that wrote the log.

    audit_verify.py [--key KEY]... [--checkpoint FILE]... DIRECTORY

KEY is a public key (name+hash+base64) that is trusted, those of log.pub if
there is none; FILE is an older checkpoint, from elsewhere. A log that is being
written is to be copied first. Prints what is wrong,
one thing a line, and ends with 1; or how many entries are good, and ends with 0.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import sys

MAX_LINE, MAX_DEPTH, MAX_INT, MAX_LISTED = 65535, 8, 2**53 - 1, 100
COMMITTED = {"user.id": "subject", "tracescrub.producer": "subject", "tracescrub.reason": "text"}


class Bad(Exception):
    """Why something is not in its form."""


# --- Ed25519, after RFC 8032, section 5.1 ---

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT % P
    if y >= P or (x * x - x2) % P or (x == 0 and sign):
        raise Bad("no point")
    return P - x if x & 1 != sign else x


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, d - c, d + c, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(n, a):
    r = (0, 1, 1, 0)
    while n:
        if n & 1:
            r = add(r, a)
        a, n = add(a, a), n >> 1
    return r


def point(b):
    y = int.from_bytes(b, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    x = recover_x(y, sign)
    return (x, y, 1, x * y % P)


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def signed_by(public, text, signature):
    try:
        a, r = point(public), point(signature[:32])
    except Bad:
        return False
    s = int.from_bytes(signature[32:], "little")
    if len(signature) != 64 or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + text).digest(), "little") % Q
    left, right = multiply(s, BASE), add(r, multiply(h, a))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- canonical JSON ---

SHORT = {8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
ESCAPES = {i: SHORT.get(i, "\\u%04x" % i) for i in [*range(32), 34, 92]}
NAME = re.compile(r"[a-z0-9_.]{1,128}")


def canonical(v, depth=1):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        if abs(v) > MAX_INT:
            raise Bad("a number is too large")
        return str(v)
    if isinstance(v, str):
        return '"' + v.translate(ESCAPES) + '"'
    if depth > MAX_DEPTH:
        raise Bad("nested too deep")
    if isinstance(v, list):
        return "[" + ",".join(canonical(x, depth + 1) for x in v) + "]"
    if isinstance(v, dict):
        if not all(NAME.fullmatch(k) for k in v):
            raise Bad("a name is not one")
        return "{" + ",".join('"%s":%s' % (k, canonical(v[k], depth + 1)) for k in sorted(v)) + "}"
    raise Bad("a value that may not be")


def parse(line):
    """An object, from a line that is exactly as it would be written."""
    if len(line) > MAX_LINE:
        raise Bad("the line is too long")
    try:
        v = json.loads(line.decode("utf-8"))
        if not isinstance(v, dict) or canonical(v).encode("utf-8") != line:
            raise Bad("the line is not in canonical form")
    except (ValueError, RecursionError) as e:
        raise Bad("the line is no JSON") from e
    return v


TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{9}Z", re.ASCII)
FORMS = {
    "id": re.compile(r"[0-9a-f]{32}"),
    "kind": re.compile(r"tracescrub(\.[a-z0-9_]+)+"),
    "trace_id": re.compile(r"[0-9a-f]{32}"),
    "span_id": re.compile(r"[0-9a-f]{16}"),
    "component": re.compile(r".+", re.DOTALL),
    "instance": re.compile(r".+", re.DOTALL),
    "time": TIME,
    "logged": TIME,
}
NEEDED = {"v", "seq", "id", "kind", "time", "logged"}
MAY = {"trace_id", "span_id", "severity_number", "component", "instance", "attributes", "cut"}


def is_day(s):
    year, month, day = int(s[:4]), int(s[5:7]), int(s[8:10])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= month <= 12 and 1 <= day <= [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]


def is_integer(v):
    return isinstance(v, int) and not isinstance(v, bool)


def entry(line):
    e = parse(line)
    if not NEEDED <= set(e) or not set(e) <= NEEDED | MAY:
        raise Bad("fields are missing, or not known")
    for name, form in FORMS.items():
        if name in e and not (isinstance(e[name], str) and form.fullmatch(e[name])):
            raise Bad("%s is not in its form" % name)
    if len(e["kind"]) > 128 or not is_day(e["time"]) or not is_day(e["logged"]):
        raise Bad("kind or a time is not in its form")
    if not is_integer(e["v"]) or e["v"] != 1 or not is_integer(e["seq"]) or e["seq"] < 0:
        raise Bad("v or seq is not in its form")
    if "severity_number" in e and not (is_integer(e["severity_number"]) and 1 <= e["severity_number"] <= 24):
        raise Bad("severity_number is not in its form")
    if "attributes" in e and not (isinstance(e["attributes"], dict) and e["attributes"]):
        raise Bad("attributes are not in their form")
    cut = e.get("cut", ["x"])
    if not (isinstance(cut, list) and cut and all(isinstance(c, str) for c in cut)):
        raise Bad("cut is not in its form")
    return e


def commitments(v):
    """Those in attributes, where one can be."""
    if isinstance(v, list):
        for x in v:
            if not isinstance(x, str):
                yield from commitments(x)
    elif isinstance(v, dict):
        for name, x in v.items():
            if name in COMMITTED and isinstance(x, str):
                if x:
                    yield x
            else:
                yield from commitments(x)


# --- the tree, after RFC 6962 ---


def leaf(line):
    return hashlib.sha256(b"\x00" + line).digest()


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Roots of all sizes, of leaves that come one after the other."""

    def __init__(self):
        self.size, self.left = 0, []

    def add(self, h):
        stored, n = [h], self.size
        while n & 1:
            h = node(self.left.pop(), h)
            stored.append(h)
            n >>= 1
        self.left.append(h)
        self.size += 1
        return stored

    def root(self):
        if not self.left:
            return hashlib.sha256(b"").digest()
        h = self.left[-1]
        for x in reversed(self.left[:-1]):
            h = node(x, h)
        return h


def included(h, index, size, path, root):
    """RFC 9162, section 2.1.3.2."""
    if index >= size:
        return False
    fn, sn = index, size - 1
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            h = node(p, h)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            h = node(h, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and h == root


# --- checkpoints ---


def decode(s):
    b = base64.b64decode(s, validate=True)
    if base64.b64encode(b).decode() != s:
        raise Bad("base64 is not in its form")
    return b


def public_key(s):
    """Name, id and key."""
    try:
        name, number, key = s.split("+", 2)
        raw = decode(key)
    except ValueError as e:
        raise Bad("no public key") from e
    ident = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if len(raw) != 33 or raw[0] != 1 or ident.hex() != number or not name:
        raise Bad("no public key of Ed25519")
    return name, ident, raw[1:]


class Checkpoint:
    def __init__(self, signed):
        try:
            text, signatures = signed.decode("utf-8").split("\n\n", 1)
            self.origin, size, root = text.split("\n")
            self.size, self.root = int(size), decode(root)
        except ValueError as e:
            raise Bad("no checkpoint") from e
        if str(self.size) != size or self.size < 0 or len(self.root) != 32 or not signatures.endswith("\n"):
            raise Bad("no checkpoint in its form")
        self.text, self.signatures = (text + "\n").encode(), signatures[:-1].split("\n")

    def by(self, keys):
        """Those of the keys that have signed it."""
        found = []
        for key in keys:
            name, ident, public = public_key(key)
            for line in self.signatures:
                try:
                    dash, signer, b = line.split(" ")
                    b = decode(b)
                except (ValueError, Bad):
                    continue
                if dash == "\u2014" and signer == name == self.origin and b[:4] == ident and signed_by(public, self.text, b[4:]):
                    found.append(key)
                    break
        return found


def handover(b):
    """The keys of a handover and its checkpoint, if both have proven it."""
    try:
        head, rest = b.decode("utf-8").split("\n\n", 1)
        lines = head.split("\n")
        if lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("extra ") or not lines[2].startswith("index "):
            raise Bad("no receipt")
        line, index, path = decode(lines[1][6:]), int(lines[2][6:]), [decode(x) for x in lines[3:]]
    except (ValueError, IndexError) as e:
        raise Bad("no receipt") from e
    e, c = entry(line), Checkpoint(rest.encode())
    a = e.get("attributes", {})
    keys = [a.get("previous"), a.get("key")]
    if e["kind"] != "tracescrub.log.key" or not all(isinstance(k, str) for k in keys) or keys[0] == keys[1]:
        raise Bad("the entry names no other key")
    if c.by(keys) != keys or e["seq"] != index or not included(leaf(line), index, c.size, path, c.root):
        raise Bad("not proven by both keys")
    return keys[0], keys[1], c


# --- the log ---


class Log:
    def __init__(self, directory):
        self.dir, self.found = directory, []
        self.lines, self.stored = Tree(), Tree()
        self.changed, self.inner, self.short, self.ended = [], None, False, False
        self.seen, self.erased, self.pruned = {}, set(), (0, -1)
        self.logged, self.pins, self.start = "", [], 0
        self.keys, self.until = [], {}

    def bad(self, code, where, why):
        self.found.append("%s: %s: %s" % (code, where, why))

    def read(self, name):
        with open(os.path.join(self.dir, name), "rb") as f:
            return f.read()

    def numbered(self, form):
        found = []
        for name in os.listdir(self.dir):
            m = re.fullmatch(form, name, re.ASCII)
            if m and int(m[1]) > 0 and m[1] == "%04d" % int(m[1]):
                found.append((int(m[1]), name))
        return sorted(found)

    def trust(self, keys):
        hands = []
        for _, name in self.numbered(r"handover-(\d+)"):
            try:
                hands.append((name, *handover(self.read(name))))
            except Bad as e:
                self.bad("signature", name, e)
        self.keys = list(keys)
        for _ in hands:
            for _, before, after, c in hands:
                if before in self.keys or after in self.keys:
                    self.keys += [k for k in (before, after) if k not in self.keys]
        for name, before, _, c in hands:
            self.until[before] = c.size
            self.pin(name, c)

    def good(self, name, c):
        try:
            by = c.by(self.keys)
        except Bad as e:
            self.bad("signature", name, e)
            return
        if not by:
            self.bad("signature", name, "no key that is trusted has signed it")
        elif all(c.size > self.until.get(k, c.size) for k in by):
            self.bad("signature", name, "the key that signed it had given way before")

    def pin(self, name, c):
        self.good(name, c)
        self.pins.append((name, c))

    def stored_hash(self):
        b = b"" if self.ended else self.hashes.read(32)
        self.ended = len(b) < 32  # what a writer adds now would not be the next
        return None if self.ended else b

    def reach(self):
        n = self.lines.size
        for name, c in self.pins:
            if c.size == n and self.lines.root() != c.root and (self.stored.size != n or self.stored.root() != c.root):
                self.bad("forked", name, "the log does not continue this checkpoint of %d entries" % n)
        if self.checkpoint and self.checkpoint.size == n:
            self.judge()

    def judge(self):
        """Which of the two is the one that was signed."""
        root = self.checkpoint.root
        lines = self.lines.root() == root
        stored = self.stored.size == self.lines.size and self.stored.root() == root
        for where in self.changed:
            if lines:
                self.bad("hash_changed", where, "the hash is not that of the entry, which is the one that was signed")
            else:
                self.bad("entry_changed", where, "the entry's hash is not the one in the hash file")
        if self.inner is not None:
            self.bad("hash_changed", "hashes", "a hash that entry %d completes is not that of its children" % self.inner)
        if not lines and (not stored or not self.found):
            self.bad("root_differs", "checkpoint", "the first %d entries are not those that were signed" % self.lines.size)
        self.changed, self.inner, self.judged = [], None, True

    def leaf(self, h, where):
        """Adds a leaf to both trees. Without a hash it is the one of the file."""
        self.reach()
        seq, s = self.lines.size, self.stored_hash() if not self.short else None
        if s is None:
            if not self.short and (h is None or seq < self.signed):
                self.bad("hash_missing", "hashes", "ends before entry %d" % seq)
                self.short = True
            if h is None:
                return False
            self.lines.add(h)
            return True
        if h is not None and h != s:
            self.changed.append(where)
        self.lines.add(s if h is None else h)
        for want in self.stored.add(s)[1:]:
            if self.stored_hash() != want and self.inner is None:
                self.inner = seq
        return True

    def skip(self, to):
        while self.lines.size < to:
            if not self.leaf(None, ""):
                raise Bad("nothing more can be said: hashes are missing")

    def segment(self, number, name, first, last):
        """Reads a segment: what its manifest has to say, and that in it."""
        b = self.read(name)
        begin, manifest = None, None
        lines = b.split(b"\n")
        torn = lines.pop()
        if torn and not (last and self.lines.size + len(lines) >= self.signed):
            lines.append(torn)
        for i, line in enumerate(lines):
            where = "%s:%d" % (name, i + 1)
            seq = self.lines.size
            try:
                e = entry(line)
                if torn and i == len(lines) - 1 and line is torn:
                    raise Bad("the line is not whole")
            except Bad as why:
                self.bad("entry_invalid", where, why)
                self.leaf(leaf(line), where)
                continue
            if first and i == 0 and e["seq"] > 0:
                self.start = seq = e["seq"]
                self.skip(seq)
            if e["seq"] != seq:
                self.bad("sequence", where, "entry %d follows where %d should" % (e["seq"], seq))
                if e["seq"] < seq:
                    continue
                self.skip(e["seq"])
            if begin is None:
                begin = e["seq"]
                if e["kind"] == "tracescrub.log.segment":
                    manifest = e["attributes"]
            self.leaf(leaf(line), where)
            self.note(e, where)
        return {"number": number, "first": begin, "size": len(b), "sha256": hashlib.sha256(b).hexdigest(), "manifest": manifest}

    def note(self, e, where):
        a = e.get("attributes", {})
        if e["logged"] < self.logged:
            self.bad("sequence", where, "was logged before the entry before it")
        self.logged = e["logged"]
        if e["kind"] == "tracescrub.log.pruned":
            self.pruned = (a["segment"], a["last"])
        if e["kind"] == "tracescrub.log.erased":
            self.erased.update(a["commitments"])
        for c in commitments(a):
            self.seen.setdefault(c, where)

    def manifests(self, segments):
        if not segments:
            if self.signed:
                self.bad("segment_missing", "segment-0001.jsonl", "there is no segment")
            return
        first = segments[0]
        if first["number"] > self.pruned[0] + 1 or self.start > self.pruned[1] + 1:
            self.bad("segment_missing", "segment-%04d.jsonl" % (first["number"] - 1), "is not there, and has not been pruned")
        for before, s in zip(segments, segments[1:]):
            name = "segment-%04d.jsonl" % before["number"]
            if s["number"] != before["number"] + 1:
                self.bad("segment_missing", "segment-%04d.jsonl" % (before["number"] + 1), "is not there")
            elif s["size"] == 0 and s is segments[-1]:
                pass  # was just begun
            elif s["manifest"] is None:
                self.bad("segment_changed", "segment-%04d.jsonl" % s["number"], "does not begin with a manifest")
            elif s["manifest"] != {"segment": before["number"], "first": before["first"], "last": s["first"] - 1,
                                   "bytes": before["size"], "sha256": before["sha256"]}:
                self.bad("segment_changed", name, "is not what its manifest says")

    def subjects(self):
        there, erased = set(), 0
        lines = self.read("subjects.jsonl").split(b"\n")[:-1] if os.path.exists(os.path.join(self.dir, "subjects.jsonl")) else []
        for i, line in enumerate(lines):
            try:
                there.add(self.row(parse(line)))
            except Bad as e:
                self.bad("subject_changed", "subjects.jsonl:%d" % (i + 1), e)
        for c, where in self.seen.items():
            if c in there:
                continue
            if c in self.erased:
                erased += 1
            else:
                self.bad("subject_missing", where, "a commitment is not in the side table, and was not erased")
        return erased

    @staticmethod
    def row(r):
        c, nonce, value = r.get("commitment"), r.get("nonce"), r.get("value")
        if not set(r) <= {"commitment", "nonce", "owner", "value"} or not all(isinstance(x, str) for x in r.values()) or not isinstance(value, str):
            raise Bad("no row")
        if not re.fullmatch(r"[0-9a-f]{64}", nonce or "") or not re.fullmatch(r"(subject|text):[0-9a-f]{64}", c or ""):
            raise Bad("no row")
        if "owner" in r and not (c.startswith("text:") and re.fullmatch(r"subject:[0-9a-f]{64}", r["owner"])):
            raise Bad("the owner is no subject, or owns no text")
        kind = c.split(":")[0]
        if c != kind + ":" + hashlib.sha256(b"tracescrub audit %s 1\n" % kind.encode() + bytes.fromhex(nonce) + value.encode()).hexdigest():
            raise Bad("the row does not open its commitment")
        return c

    def verify(self, keys, older):
        self.checkpoint, self.judged, self.signed = None, False, 0
        self.trust(keys or self.read("log.pub").decode().split())
        try:
            self.checkpoint = Checkpoint(self.read("checkpoint"))
            self.signed = self.checkpoint.size
            self.good("checkpoint", self.checkpoint)
        except (Bad, FileNotFoundError) as e:
            self.bad("signature", "checkpoint", e if isinstance(e, Bad) else "is not there")
        for name in older:
            with open(name, "rb") as f:
                try:
                    self.pin(name, Checkpoint(f.read()))
                except Bad as e:
                    self.bad("signature", name, e)
        for name, c in self.pins:
            if self.checkpoint and c.origin != self.checkpoint.origin:
                self.bad("forked", name, "is of another log")
            elif c.size > self.signed and name in older:
                self.bad("rolled_back", name, "%d entries were signed then, %d are now" % (c.size, self.signed))
        try:
            self.hashes = open(os.path.join(self.dir, "hashes"), "rb")
        except FileNotFoundError:
            self.bad("hash_missing", "hashes", "is not there")
            self.hashes, self.short = open(os.devnull, "rb"), True
        with self.hashes:
            try:
                return self.entries()
            except Bad as e:
                self.bad("hash_missing", "hashes", e)
                return 0

    def entries(self):
        names = self.numbered(r"segment-(\d+)\.jsonl")
        segments = [self.segment(n, name, i == 0, i == len(names) - 1) for i, (n, name) in enumerate(names)]
        self.reach()
        if self.lines.size < self.signed:
            self.bad("truncated", "checkpoint", "%d entries were signed, %d are there" % (self.signed, self.lines.size))
        for where in self.changed:
            self.bad("entry_changed", where, "the entry's hash is not the one in the hash file")
        if self.checkpoint and not self.judged and not self.found:
            self.bad("root_differs", "checkpoint", "the log could not be held against it")
        self.manifests(segments)
        return self.subjects()


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("--key", action="append", default=[])
    a.add_argument("--checkpoint", action="append", default=[])
    a.add_argument("directory")
    o = a.parse_args()
    log = Log(o.directory)
    erased = log.verify(o.key, o.checkpoint)
    for line in log.found[:MAX_LISTED]:
        print(line)
    if log.found:
        print("%d things are wrong" % len(log.found))
        return 1
    print("good: %d entries are signed, %d are not signed yet, %d pruned, %d commitments erased"
          % (log.signed, log.lines.size - log.signed, log.start, erased))
    return 0


if __name__ == "__main__":
    sys.exit(main())
