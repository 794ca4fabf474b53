#!/usr/bin/env python3
"""Checks an evidence bundle of an audit log, without the program that made it.

    check.py [--key KEY]... [DIRECTORY]

KEY is a public key (name+hash+base64) that you were given elsewhere than in the
bundle, or a file of some; without any those of the bundle's log.pub are taken, which says
nothing against who made the bundle. Needs Python 3.9 or later and openssl 1.1.1 or
later. Says what was checked, a line each; ends with 1 if anything is wrong.
"""

import argparse
import base64
import glob
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

COMMITTED = re.compile(r"(subject|text):[0-9a-f]{64}")
bad = 0


def say(good, what):
    global bad
    bad += not good
    print(("ok   " if good else "BAD  ") + "".join(c if " " <= c <= "~" else "?" for c in what))


def read(name):
    with open(name, "rb") as f:
        return f.read()


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf(line):
    return sha256(b"\0", line)


def node(a, b):
    return sha256(b"\1", a, b)


# --- checkpoints: C2SP tlog-checkpoint, signed-note ---


def checkpoint(note):
    """The origin, size and root hash of a checkpoint."""
    text = note.split(b"\n\n")[0].split(b"\n")
    if len(text) != 3:
        raise ValueError("no checkpoint")
    return text[0].decode(), int(text[1]), base64.b64decode(text[2], validate=True)


def signed(note, key):
    """Whether a key, which has the name of the log, has signed a note; by openssl."""
    name, digest, rest = key.split("+", 2)
    raw = base64.b64decode(rest)
    if name != checkpoint(note)[0] or len(raw) != 33 or raw[0] != 1:
        return False
    if sha256(name.encode() + b"\n" + raw)[:4].hex() != digest:
        return False
    text, signatures = note.split(b"\n\n", 1)
    for line in signatures.decode().split("\n"):
        if not line.startswith("\u2014 " + name + " "):
            continue
        value = base64.b64decode(line.rsplit(" ", 1)[1])
        if value[:4].hex() == digest and openssl(raw[1:], text + b"\n", value[4:]):
            return True
    return False


def openssl(public, text, signature):
    with tempfile.TemporaryDirectory() as d:
        files = {"key": bytes.fromhex("302a300506032b6570032100") + public, "text": text, "sig": signature}
        for name, content in files.items():
            with open(os.path.join(d, name), "wb") as f:
                f.write(content)
        command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile sig"
        return subprocess.run(command.split(), cwd=d, capture_output=True).returncode == 0


# --- the tree: RFC 6962, with the algorithms of RFC 9162 ---


def inclusion(at, size, path, h):
    """The root that a path leads to from a leaf."""
    last = size - 1
    for p in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            h = node(p, h)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            h = node(h, p)
        at, last = at >> 1, last >> 1
    return h if last == 0 else None


def continues(old, old_root, size, root, path):
    """Whether a tree continues a smaller one."""
    if old == size:
        return not path and old_root == root
    if old & (old - 1) == 0:
        path = [old_root] + path
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not path:
        return False
    a = b = path[0]
    for p in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            a, b = node(p, a), node(p, b)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            b = node(b, p)
        at, last = at >> 1, last >> 1
    return last == 0 and a == old_root and b == root


class Tree:
    """Complete subtrees side by side, joined where two make a larger one."""

    def __init__(self):
        self.stack = []

    def add(self, at, size, h):
        while self.stack and self.stack[-1][1] == size and at // size % 2 == 1:
            at, _, left = self.stack.pop()
            h, size = node(left, h), size * 2
        self.stack.append((at, size, h))

    def root(self):
        if not self.stack:
            return sha256()
        h = self.stack[-1][2]
        for _, _, left in reversed(self.stack[:-1]):
            h = node(left, h)
        return h


def receipt(text):
    """Index, entry, path and checkpoint of a C2SP tlog-proof."""
    head, note = text.split(b"\n\n", 1)
    lines = head.decode().split("\n")
    if lines[0] != "c2sp.org/tlog-proof@v1" or not lines[1].startswith("extra ") or not lines[2].startswith("index "):
        raise ValueError("no receipt with its entry")
    return int(lines[2][6:]), base64.b64decode(lines[1][6:]), [base64.b64decode(s) for s in lines[3:]], note


def proven(text):
    """The entry of a receipt and its checkpoint, if the path leads to that."""
    index, line, path, note = receipt(text)
    _, size, root = checkpoint(note)
    entry = json.loads(line)
    good = entry["seq"] == index < size and inclusion(index, size, path, leaf(line)) == root
    return (entry if good else None), note


# --- what is checked ---


def sums():
    listed = {}
    for line in read("SHA256SUMS").decode().splitlines():
        digest, name = line.split("  ", 1)
        listed[name] = digest
    there = {os.path.relpath(os.path.join(d, f), ".").replace(os.sep, "/") for d, _, names in os.walk(".") for f in names}
    wrong = [n for n, d in listed.items() if n not in there or hashlib.sha256(read(n)).hexdigest() != d]
    wrong += sorted(there - set(listed) - {"SHA256SUMS"})
    say(not wrong, "SHA256SUMS: %d files%s" % (len(listed), ", but not " + ", ".join(wrong) if wrong else ""))


def trust(keys):
    """The keys, and those that they handed over to."""
    trusted = set(keys)
    for name in sorted(glob.glob("handover-*")):
        entry, note = proven(read(name))
        a = entry["attributes"] if entry and entry["kind"] == "tracescrub.log.key" else {}
        if a.get("previous") in trusted and signed(note, a["previous"]) and signed(note, a["key"]):
            trusted.add(a["key"])
            say(True, "%s: the log has another key since entry %d" % (name, entry["seq"]))
    return trusted


def older(size, root):
    for name in sorted(glob.glob("older/*.checkpoint")):
        _, n, old = checkpoint(read(name))
        proof = name[: -len("checkpoint")] + "consistency"
        path = [base64.b64decode(s) for s in read(proof).decode().split()] if os.path.exists(proof) else None
        good = path is not None and continues(n, old, size, root, path)
        say(good, "%s: the log continues its %d entries" % (name, n))


def entries(size, root):
    """Holds the lines of the period against the root, and returns them by place."""
    proof = json.loads(read("range.json"))
    tree, lines = Tree(), read("entries.jsonl").split(b"\n")[:-1]
    for s in proof["before"]:
        tree.add(s["index"] << s["level"], 1 << s["level"], base64.b64decode(s["hash"]))
    for i, line in enumerate(lines):
        tree.add(proof["first"] + i, 1, leaf(line))
    for s in proof["after"]:
        tree.add(s["index"] << s["level"], 1 << s["level"], base64.b64decode(s["hash"]))
    say(len(lines) == proof["entries"] and proof["size"] == size and tree.root() == root,
        "entries.jsonl: %d entries from %d on are those of the log, without a gap" % (len(lines), proof["first"]))
    found = {}
    for i, line in enumerate(lines):
        e = json.loads(line)
        found[e["seq"]] = e
        if e["seq"] != proof["first"] + i:
            say(False, "entries.jsonl:%d is entry %d" % (i + 1, e["seq"]))
    return found


def receipts(note, found):
    wrong, names = [], sorted(glob.glob("receipts/*.tlog-proof"))
    known = dict(found)
    for name in names:
        entry, its = proven(read(name))
        if entry is None or its != note:
            wrong.append(name)
        else:
            known[entry["seq"]] = entry
    say(not wrong, "receipts: %d entries are in the log%s" % (len(names), ", but not " + ", ".join(wrong) if wrong else ""))
    return known


def summary(found, known):
    """Holds what the report counts and lists against the entries."""
    s = json.loads(read("summary.json"))
    kinds = {}
    for e in found.values():
        k = e["kind"].replace("tracescrub.", "", 1)
        kinds[k] = kinds.get(k, 0) + 1
    say({c["name"]: c["events"] for c in s["kinds"]} == kinds, "summary.json: %d entries by kind" % len(found))
    decided = [e for e in found.values() if e["kind"] in ("tracescrub.approved", "tracescrub.denied", "tracescrub.expired")]
    wrong = set(e["seq"] for e in decided) ^ set(d["seq"] for d in s["decisions"])
    for d in s["decisions"]:
        a = known.get(d["seq"], {}).get("attributes", {})
        people = {v.get("user.id") for v in a.get("tracescrub.votes", []) if v.get("decision") == "approve"} - {None, ""}
        if d["item"] != a.get("tracescrub.item.id", "") or d["approvals"] != len(people):
            wrong.add(d["seq"])
        if d["quorum_met"] != (d["kind"] == "approved" and 0 < a.get("tracescrub.required_votes", 0) <= len(people)):
            wrong.add(d["seq"])
        for x in d["steps"]:
            e = known.get(x["seq"])
            if e is None or e["kind"] != "tracescrub." + x["kind"] or e["attributes"]["tracescrub.item.id"] != d["item"]:
                wrong.add(x["seq"])
    say(not wrong, "summary.json: %d decisions%s" % (len(decided), ", but not %s" % sorted(wrong) if wrong else ""))


def subjects():
    if not os.path.exists("subjects.jsonl"):
        return
    rows, wrong = [json.loads(line) for line in read("subjects.jsonl").splitlines()], 0
    for r in rows:
        kind = r["commitment"].split(":")[0]
        head = ("tracescrub audit %s 1\n" % kind).encode()
        h = sha256(head, bytes.fromhex(r["nonce"]), r["value"].encode())
        wrong += not COMMITTED.fullmatch(r["commitment"]) or r["commitment"] != "%s:%s" % (kind, h.hex())
    say(not wrong, "subjects.jsonl: %d commitments open" % len(rows))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--key", action="append", default=[], help="public key to trust, or a file of some")
    p.add_argument("directory", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    o = p.parse_args()
    keys = [k for g in o.key for k in (read(g).decode().split() if os.path.exists(g) else [g])]
    os.chdir(o.directory)
    try:
        sums()
        note = read("checkpoint")
        origin, size, root = checkpoint(note)
        trusted = trust(keys or read("log.pub").decode().split())
        say(any(signed(note, k) for k in trusted), "checkpoint: %s, %d entries, is signed" % (origin, size))
        older(size, root)
        found = entries(size, root)
        summary(found, receipts(note, found))
        subjects()
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as e:
        say(False, "cannot be read: %s: %s" % (type(e).__name__, e))
    if not keys:
        print("note: the public key came from the bundle itself; --key takes the one you were given elsewhere")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
