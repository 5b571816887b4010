"""Kills a server with -9 under load, again and again on one directory, and checks it against an oracle.

Each writer owns its keys and knows for each of them what was acknowledged last and what is still in doubt. After every
restart each key must have the acknowledged state or one that was tried later; batches are there whole or not at all, and
versions never go back. Speaks the protocol itself, so that it does not share a mistake with the C++ client.
"""

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

WRITERS = 4
KEYS = 60


class Connection:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.file = self.socket.makefile("rb")

    def ask(self, request):
        self.socket.sendall(request)
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the server went away")
        words = line.decode().split()
        if words[0] not in ("VALUE", "INFO"):
            return words, None
        value = self.file.read(int(words[1]) + 1)
        if len(value) != int(words[1]) + 1:
            raise ConnectionError("the server went away")
        return words, value[:-1]


def put(key, value):
    return b"PUT %d %d\n%b%b" % (len(key), len(value), key, value)


def get(key):
    return b"GET %d\n%b" % (len(key), key)


def delete(key):
    return b"DEL %d\n%b" % (len(key), key)


def batch(pairs):
    return b"BPUT %d\n" % len(pairs) + b"".join(b"%d %d\n%b%b" % (len(k), len(v), k, v) for k, v in pairs)


class Writer(threading.Thread):
    """Writes its own keys until the connection breaks. `state`: key -> states it may have, None being absent."""

    def __init__(self, number, seed, state):
        super().__init__()
        self.number, self.state = number, state
        self.random = random.Random(seed)
        self.address = None
        self.acknowledged = 0
        self.version = 0
        self.violations = []

    def value(self):
        return b"%d:%d:" % (self.number, self.random.getrandbits(60)) + b"x" * self.random.randrange(300)

    def run(self):
        try:
            connection = Connection(self.address)
            while True:
                self.step(connection)
        except (OSError, ConnectionError):
            pass

    def step(self, connection):
        keys = [b"w%d-%d" % (self.number, self.random.randrange(KEYS))]
        choice = self.random.random()
        if choice < 0.6:
            new = [self.value()]
            request = put(keys[0], new[0])
        elif choice < 0.8:
            new = [None]
            request = delete(keys[0])
        else:
            # A batch has keys of its own, all with one value.
            keys = [b"b%d-%d" % (self.number, i) for i in range(5)]
            new = [self.value()] * 5
            request = batch(list(zip(keys, new)))
        for key, value in zip(keys, new):
            self.state[key] = self.state.get(key, [None]) + [value]
        words, _ = connection.ask(request)
        if words[0] == "ERR":
            raise ConnectionError(" ".join(words))
        for key, value in zip(keys, new):
            self.state[key] = [value]
        self.acknowledged += 1
        versions = [int(word[4:]) for word in words if word.startswith("ver=")]
        if versions:
            if versions[0] <= self.version:
                self.violations.append("version %d after %d" % (versions[0], self.version))
            self.version = versions[0]


def start(kv, data, sync, segment_size="64KiB"):
    log = open(data + ".log", "ab")
    process = subprocess.Popen(
        [kv, "start", "--data", data, "--listen", "127.0.0.1:0", "--sync", sync, "--segment-size", segment_size],
        stdout=subprocess.PIPE, stderr=log)
    address = None
    for line in process.stdout:
        words = line.split()
        if words and words[0] == b"native":
            address = words[1].decode()
        if words == [b"ready"]:
            return process, address
    raise SystemExit("the server did not start; see " + data + ".log")


def check(address, state):
    """What is there must be one of the possible states; it is the only one from then on."""
    violations = []
    connection = Connection(address)
    for key in sorted(state):
        words, value = connection.ask(get(key))
        if words[0] not in ("VALUE", "NOT_FOUND"):
            violations.append("%s: %s" % (key.decode(), " ".join(words)))
        elif value not in state[key]:
            violations.append("%s: has %.40r, possible were %d other states" % (key.decode(), value, len(state[key])))
        state[key] = [value]
    for number in range(WRITERS):
        values = {state.get(b"b%d-%d" % (number, i), [None])[0] for i in range(5)}
        if len(values) > 1:
            violations.append("batch of writer %d is there in part" % number)
    return violations


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--kv", required=True)
    arguments.add_argument("--rounds", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--self-test", action="store_true", help="lose a write on purpose; the oracle must see it")
    given = arguments.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().getrandbits(32)
    print("seed %d" % seed)
    chance = random.Random(seed)
    states = [{} for _ in range(WRITERS)]
    versions = [0] * WRITERS
    bad = 0
    print("%5s %-8s %12s %8s %10s" % ("round", "sync", "acknowledged", "keys", "violations"))
    with tempfile.TemporaryDirectory() as scratch:
        data = os.path.join(scratch, "db")
        for number in range(1, given.rounds + 1):
            sync = ("disk", "interval", "none")[number % 3]
            process, address = start(given.kv, data, sync)
            writers = [Writer(i, chance.getrandbits(32), states[i]) for i in range(WRITERS)]
            for writer in writers:
                writer.address, writer.version = address, versions[writer.number]
                writer.start()
            time.sleep(chance.uniform(0.05, 0.4))
            process.send_signal(signal.SIGKILL)
            process.wait()
            for writer in writers:
                writer.join()
                versions[writer.number] = writer.version
            if given.self_test and number == given.rounds:
                key = sorted(states[0])[0]
                states[0][key] = [b"a value that was never written"]
            process, address = start(given.kv, data, sync)
            violations = [text for writer in writers for text in writer.violations]
            merged = {key: values for state in states for key, values in state.items()}
            violations += check(address, merged)
            for state in states:
                for key in state:
                    state[key] = merged[key]
            process.send_signal(signal.SIGKILL if chance.random() < 0.5 else signal.SIGTERM)
            process.wait()
            print("%5d %-8s %12d %8d %10d" % (number, sync, sum(w.acknowledged for w in writers), len(merged),
                                              len(violations)), flush=True)
            for text in violations:
                print("      " + text)
            bad += len(violations)
    if given.self_test:
        print("the oracle saw the planted loss" if bad else "THE ORACLE SAW NOTHING")
        return 0 if bad else 1
    print("no violation" if bad == 0 else "%d violations; again with --seed %d" % (bad, seed))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
