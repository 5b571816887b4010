#!/usr/bin/env python3
"""Fills the disk under a server and checks it against an oracle: disk_full.py --kv BINARY.

The disk is a small tmpfs in a mount namespace of its own, which takes root; without the right to mount it says so and
exits with 77. While the disk is full every read is right, deletes and merges go on, and a put is refused with NO_SPACE
applied=no; when there is room again puts go on by themselves.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from kill9 import Connection, delete, get, put, start

DISK_MIB = 96
VALUE = 16 * 1024
DEADLINE_S = 120


class Drill:
    def __init__(self, kv, disk, seed):
        self.kv, self.disk = kv, disk
        self.data = os.path.join(disk, "db")
        self.random = random.Random(seed)
        self.state = {}  # key -> value, of what was acknowledged
        self.bad = 0
        self.begin()

    def begin(self):
        self.process, address = start(self.kv, self.data, "disk", "128MiB")
        self.connection = Connection(address)
        self.address = address

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait()

    def row(self, step, text, is_right=True):
        print("%-44s %-9s %s" % (step, "ok" if is_right else "VIOLATION", text), flush=True)
        self.bad += 0 if is_right else 1

    def stat(self, name):
        # At once: a program of its own would take longer to start than a state may last.
        out = self.connection.ask(b"STATS section=disk\n")[1].decode()
        return dict(line.split(": ") for line in out.splitlines() if ": " in line)[name]

    def put(self, key, value=None):
        """True: acknowledged. False: refused, and nothing done."""
        value = value if value is not None else self.random.randbytes(VALUE)
        words, _ = self.connection.ask(put(key, value))
        if words[0] == "OK":
            self.state[key] = value
            return True
        refused = words[:2] in (["ERR", "NO_SPACE"], ["ERR", "TRY_LATER"]) and "applied=no" in words
        if not refused:
            self.row("a put while the disk is full", " ".join(words), False)
        return False

    def delete(self, key):
        words, _ = self.connection.ask(delete(key))
        if words[0] in ("OK", "NOT_FOUND"):
            self.state.pop(key, None)
            return True
        return False

    def fill(self):
        number = len(self.state)
        while self.put(b"key%06d" % number):
            number += 1
        return number

    def check(self, step, keys_once):
        wrong = 0
        for key in keys_once:
            words, value = self.connection.ask(get(key))
            if words[0] not in ("VALUE", "NOT_FOUND") or value != self.state.get(key):
                wrong += 1
        self.row(step, "%d keys there, %d asked for, %d wrong" % (len(self.state), len(keys_once), wrong), wrong == 0)

    def until_put(self, step):
        """Waits until a put is taken again, without anybody's help."""
        begun = time.monotonic()
        tries = 0
        while not self.put(b"again", b"room"):
            tries += 1
            if time.monotonic() - begun > DEADLINE_S:
                return self.row(step, "no put was taken for %d s" % DEADLINE_S, False)
            time.sleep(0.02)
        self.row(step, "after %.1f s, %d refusals" % (time.monotonic() - begun, tries))

    def run(self):
        count = self.fill()
        keys = [b"key%06d" % i for i in range(count + 1)] + [b"again"]
        self.row("filled", "%d puts of %d KiB, then NO_SPACE applied=no" % (count, VALUE // 1024))
        begun = time.monotonic()
        while self.stat("disk_state") == "normal" and time.monotonic() - begun < DEADLINE_S:
            self.put(b"again")  # the server looks ten times a second
        state = self.stat("disk_state")
        self.row("the state says so", state, state in ("full", "merges_only"))
        self.check("reads while it is full", keys)

        half = [key for key in keys[:count] if self.random.random() < 0.5]
        deleted = sum(self.delete(key) for key in half)
        self.row("deletes while it is full", "%d of %d" % (deleted, len(half)), deleted == len(half))
        self.until_put("merges make room, puts go on by themselves")
        self.check("reads after that", keys)

        taken = refused = 0
        for _ in range(count):
            if self.put(self.random.choice(keys)):
                taken += 1
            else:
                refused += 1
        self.row("overwrites near the brim", "%d taken, %d refused" % (taken, refused), taken > 0)
        self.check("reads after that", keys)

        self.fill()
        self.end(signal.SIGKILL)
        self.begin()
        self.row("kill -9 while it is full, and a start", self.stat("disk_state"))
        self.check("reads after that", keys)

        ballast = os.path.join(self.disk, "ballast")
        with contextlib.suppress(OSError):  # it ends when the disk is full: that is its purpose
            with open(ballast, "wb", buffering=0) as out:
                while True:
                    out.write(b"x" * 4096)
        refusals = sum(not self.put(b"again") for _ in range(20))
        self.row("somebody else takes all that is left", "%d of 20 puts refused" % refusals, refusals == 20)
        self.check("reads while nothing is left", keys)
        os.remove(ballast)
        for key in keys[: count // 2]:
            while not self.delete(key):
                time.sleep(0.02)
        self.until_put("room again, puts go on by themselves")
        self.check("reads after that", keys)

        self.end(signal.SIGTERM)
        verified = subprocess.run([self.kv, "verify", "--data", self.data], capture_output=True, text=True)
        self.row("kv verify", verified.stdout.strip().splitlines()[-1], verified.returncode == 0)
        return self.bad


def inside(given):
    with tempfile.TemporaryDirectory() as disk:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % DISK_MIB, "tmpfs", disk], check=True)
        drill = None
        try:
            print("seed %d, a disk of %d MiB" % (given.seed, DISK_MIB))
            drill = Drill(os.path.abspath(given.kv), disk, given.seed)
            bad = drill.run()
        finally:
            if drill is not None and drill.process.poll() is None:
                drill.end(signal.SIGKILL)
            subprocess.run(["umount", "-l", disk], check=True)
    print("no violation" if bad == 0 else "%d violations; again with --seed %d" % (bad, given.seed))
    return 1 if bad else 0


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--kv", required=True)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    arguments.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.inside:
        return inside(given)
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        print("skipped: a small disk needs the right to mount; run it as root")
        return 77
    return subprocess.run(["unshare", "-m", sys.executable, os.path.abspath(__file__), "--inside", "--kv", given.kv,
                           "--seed", str(given.seed)]).returncode


if __name__ == "__main__":
    sys.exit(main())
