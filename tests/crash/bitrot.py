#!/usr/bin/env python3
"""Flips bits in the files of a database and checks what is served against an oracle: bitrot.py --kv BINARY.

Every other round the server runs meanwhile. Whatever is flipped: a key answers with its value or as damaged, never with
another or an older value and never as missing; a RANGE that ends well is complete; `kv verify` names the file. A flip
that nothing tells must have changed nothing that is served.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile

from kill9 import Connection, batch, delete, get, put, start

KEYS = 300


def build(kv, data, chance):
    """A database with deletes, overwrites, batches and a merge in it; what it holds."""
    state = {}
    for _ in range(3):
        process, address = start(kv, data, "none")
        connection = Connection(address)
        for _ in range(400):
            key = b"key%d" % chance.randrange(KEYS)
            choice = chance.random()
            if choice < 0.75:
                state[key] = b"%d:" % chance.getrandbits(60) + b"v" * chance.randrange(600)
                connection.ask(put(key, state[key]))
            elif choice < 0.85:
                connection.ask(delete(key))
                state.pop(key, None)
            else:
                pairs = [(b"key%d" % chance.randrange(KEYS), b"%d" % chance.getrandbits(60)) for _ in range(4)]
                connection.ask(batch(pairs))
                state.update(pairs)
        process.send_signal(signal.SIGTERM)
        process.wait()
    return state


def kind_of(name):
    return name.split(".")[1] if "." in name else name.split("-")[0]


def flip(data, chance):
    """Flips a few bits of one file, chosen by kind first; its name, and its bytes before."""
    kinds = {}
    for name in os.listdir(data):
        if name not in ("LOCK", "lost+found") and os.path.getsize(os.path.join(data, name)) > 0:
            kinds.setdefault(kind_of(name), []).append(name)
    name = chance.choice(sorted(kinds[chance.choice(sorted(kinds))]))
    path = os.path.join(data, name)
    with open(path, "rb") as file:
        before = file.read()
    damaged = bytearray(before)
    at = chance.randrange(len(damaged))
    for _ in range(chance.choice((1, 1, 1, 8, 64))):
        place = min(len(damaged) - 1, at + chance.randrange(64))
        damaged[place] ^= 1 << chance.randrange(8)
    if bytes(damaged) == before:
        damaged[at] ^= 1
    with open(path, "r+b") as file:
        file.write(damaged)
    return name, before


def verify(kv, data):
    out = subprocess.run([kv, "verify", "--json", "--data", data], capture_output=True, text=True)
    report = json.loads(out.stdout) if out.stdout.startswith("{") else {"findings": [], "notes": [out.stderr]}
    return out.returncode, report


def check(address, state, seen):
    """Counts answers by kind; returns what is wrong."""
    wrong = []
    connection = Connection(address)
    for number in range(KEYS):
        key = b"key%d" % number
        words, value = connection.ask(get(key))
        if words[:2] == ["ERR", "CORRUPT"]:
            seen["corrupt"] += 1
        elif words[0] in ("VALUE", "NOT_FOUND") and value == state.get(key):
            seen["right"] += 1
        else:
            wrong.append("%s: %s" % (key.decode(), " ".join(words)))
    return wrong


def check_range(kv, address, state):
    out = subprocess.run([kv, "--addr", address, "count"], capture_output=True, text=True)
    if out.returncode == 0 and int(out.stdout) != len(state):
        return ["a RANGE that ended well counted %s of %d keys" % (out.stdout.strip(), len(state))]
    return []


def stopped_round(kv, data, state, chance, seen):
    name, _ = flip(data, chance)
    code, report = verify(kv, data)
    told = any(os.path.basename(finding["file"]) == name for finding in report["findings"])
    noted = any(name in note for note in report["notes"])
    wrong = []
    if (code == 6) != bool(report["findings"]) or code not in (0, 6):
        wrong.append("kv verify exits with %d and %d findings" % (code, len(report["findings"])))
    try:
        process, address = start(kv, data, "disk")
    except SystemExit:
        seen["refused"] += 1
        if not told:
            wrong.append("kv start refuses, and kv verify does not name %s" % name)
        return name, told, wrong
    corrupt_before = seen["corrupt"]
    wrong += check(address, state, seen) + check_range(kv, address, state)
    if seen["corrupt"] > corrupt_before and not told:
        wrong.append("keys are damaged, and kv verify does not name %s" % name)
    process.send_signal(signal.SIGTERM)
    process.wait()
    return name, told or noted, wrong


def running_round(kv, data, state, chance, seen):
    process, address = start(kv, data, "disk")
    name, before = flip(data, chance)
    wrong = check(address, state, seen) + check_range(kv, address, state)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, report = verify(kv, data)
    told = any(os.path.basename(finding["file"]) == name for finding in report["findings"])
    return name, told or any(name in note for note in report["notes"]), wrong


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--kv", required=True)
    arguments.add_argument("--rounds", type=int, default=40)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    given = arguments.parse_args()
    print("seed %d" % given.seed)
    chance = random.Random(given.seed)
    bad = 0
    table = {}
    with tempfile.TemporaryDirectory() as scratch:
        clean = os.path.join(scratch, "clean")
        state = build(given.kv, clean, chance)
        code, _ = verify(given.kv, clean)
        if code != 0:
            print("the database has findings before anything is flipped")
            return 1
        for number in range(given.rounds):
            data = os.path.join(scratch, "db")
            shutil.rmtree(data, ignore_errors=True)
            shutil.copytree(clean, data)
            seen = {"right": 0, "corrupt": 0, "refused": 0}
            is_running = number % 2 == 1
            name, told, wrong = (running_round if is_running else stopped_round)(given.kv, data, state, chance, seen)
            row = table.setdefault((kind_of(name), is_running), [0, 0, 0, 0, 0, 0])
            for i, count in enumerate((1, told, seen["refused"], seen["right"], seen["corrupt"], len(wrong))):
                row[i] += count
            for text in wrong:
                print("round %d, %s: %s" % (number, name, text))
            bad += len(wrong)
    print("%-10s %-8s %6s %5s %8s %9s %8s %6s" % ("file", "server", "rounds", "told", "refused", "right", "corrupt",
                                                 "wrong"))
    for (kind, is_running), row in sorted(table.items()):
        print("%-10s %-8s %6d %5d %8d %9d %8d %6d" % (kind, "running" if is_running else "stopped", *row))
    print("no violation" if bad == 0 else "%d violations; again with --seed %d" % (bad, given.seed))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
