"""Clients of a cluster under harm, and the history of what they asked and were told.

Workers write at whoever they take for the leader and read at a node of their own; probes, one for each node, only try to
write there, so that it is known when which node acknowledged again.
"""

import collections
import random
import threading
import time

import client
from client import Answer, Link, Lost, NotSent, now_ns
from nodes import Trouble, wait_for

KEYS = ["k%d" % i for i in range(8)]
WORKERS = 6
WORKER_PAUSE_S = 0.012  # on average; more would be a benchmark, and a long history to decide
PROBE_PAUSE_S = 0.010
TIMEOUT_S = 3
PADDING = "x" * 120  # behind each value; left out of the history, unless it is not whole

HISTORY_WORD = {"ok": "OK", "absent": "NOT_FOUND", "conflict": "CONFLICT"}


class Local:
    """An acknowledgement of one disk, and the line that tells of it."""

    def __init__(self, line, call, end, answer):
        self.line, self.call, self.end = line, call, end
        self.version, self.epoch = answer.version, answer.local_epoch


class Tape:
    """What one client asked and was told: lines of a history file (tests/linearizability/history_file.h)."""

    def __init__(self, number):
        self.number = number
        self.lines = []
        self.operations = self.acknowledged = self.unknown = 0
        self.codes = collections.Counter()  # of answers, or of there being none
        self.ledger = {}  # keys that are written once: the version, None (not written), or "unknown"
        self.local = []  # writes that one disk acknowledged
        self.stale_reads = []  # (call, end, key, version or None, milliseconds)
        self.newest = 0  # version it heard of
        self.wrong = []

    def write(self, call, request, answer):
        end = now_ns()
        request = request.replace(PADDING, "")
        self.operations += 1
        self.codes[answer.code] += 1
        self.newest = max(self.newest, answer.version or 0)
        if answer.local_epoch is not None:
            self.local.append(Local(len(self.lines), call, end, answer))
            request += " ack=local"
        if answer.kind == "unknown":
            self.unknown += 1
            self.lines.append("%d %d - %s = UNKNOWN" % (self.number, call, request))
        elif answer.kind == "no":
            self.lines.append("%d %d %d %s = FAILED %s" % (self.number, call, end, request, answer.code))
        else:
            self.acknowledged += 1
            version = "" if answer.version is None else " ver=%d" % answer.version
            self.lines.append("%d %d %d %s = %s%s" % (self.number, call, end, request, HISTORY_WORD[answer.kind], version))

    def forget(self, version):
        """What was written under it is lost, and it was said that it may be."""
        self.ledger = {key: None if state == version else state for key, state in self.ledger.items()}

    def read(self, call, end, key, found, level=""):
        """`found`: (value, version), or None. A read that was refused tells nothing. `level`: as in a history file."""
        answer = "VALUE %s ver=%d" % (found[0].removesuffix(PADDING), found[1]) if found else "NOT_FOUND"
        self.newest = max(self.newest, found[1] if found else 0)
        self.lines.append("%d %d %d GET %s%s = %s" % (self.number, call, end, key, level, answer))


def found_by_get(key):
    return lambda words, value: {key: (value, client.answer_of(words).version)} if words[0] == "VALUE" else {}


class Worker(threading.Thread):
    def __init__(self, number, load, seed):
        super().__init__(daemon=True)
        self.load, self.tape = load, Tape(number)
        self.random = random.Random(seed)
        cluster = load.cluster
        self.links = {node: Link(cluster.address(node), TIMEOUT_S) for node in cluster.numbers}
        self.home = cluster.numbers[number % len(cluster.numbers)]
        self.target, self.epoch = self.home, 0
        self.count = 0
        self.seen = {}  # key -> the version this client knows of; 0: none

    def run(self):
        try:
            while not self.load.ending.is_set():
                self.step()
                time.sleep(self.random.uniform(0, 2 * WORKER_PAUSE_S))
        except Exception as error:  # it must not vanish with the thread
            self.tape.wrong.append("client %d: %r" % (self.tape.number, error))
        for link in self.links.values():
            link.close()

    def value(self):
        self.count += 1
        return "%d.%d%s" % (self.tape.number, self.count, PADDING)

    def step(self):
        choice = self.random.random()
        key = self.random.choice(KEYS)
        if choice < 0.45:
            self.read(key)
        elif choice < 0.50:
            self.read_all()
        elif choice < 0.65:
            self.until_done(lambda: self.put(key, ""))
        elif choice < 0.78:
            self.until_done(lambda: self.put_if(key))
        elif choice < 0.84:
            self.until_done(lambda: self.delete(key))
        elif choice < 0.92:
            self.until_done(self.batch)
        else:
            self.until_done(self.put_once)

    # Each of these is one attempt, with a value of its own: what was refused must never be seen.

    def put(self, key, condition):
        value = self.value()
        answer = self.attempt("PUT %s %s%s" % (key, value, condition), client.put(key, value, condition))
        self.learn(key, answer)
        return answer

    def put_if(self, key):
        version = self.seen.get(key, 0)
        return self.put(key, " if=%d" % version if version else " if=absent")

    def put_once(self):
        value = self.value()
        key = "once.%d.%d" % (self.tape.number, self.count)
        answer = self.attempt("PUT %s %s" % (key, value), client.put(key, value))
        self.tape.ledger[key] = {"ok": answer.version, "no": None}.get(answer.kind, "unknown")
        return answer

    def delete(self, key):
        version = self.seen.get(key, 0)
        condition = " if=%d" % version if version and self.random.random() < 0.3 else ""
        answer = self.attempt("DEL %s%s" % (key, condition), client.delete(key, condition))
        if answer.kind in ("ok", "absent"):
            self.seen[key] = 0
        elif answer.kind == "conflict":
            self.learn(key, answer)
        return answer

    def batch(self):
        pairs = [(key, self.value()) for key in self.random.sample(KEYS, 3)]
        return self.attempt("BPUT " + " ".join("%s %s" % pair for pair in pairs), client.batch(pairs))

    def learn(self, key, answer):
        if answer.version is not None:
            self.seen[key] = answer.version

    def attempt(self, request, text):
        """One write; `request` is what the history says of it."""
        call = now_ns()
        try:
            answer = client.answer_of(self.links[self.target].ask(text)[0])
        except NotSent:
            return Answer("no", code="NOT_SENT")
        except Lost:
            answer = Answer("unknown", code="LOST")
        if answer.code not in self.load.refusals:
            self.tape.wrong.append("node %d answers a write with %s" % (self.target, answer.code))
        self.tape.write(call, request, answer)
        return answer

    def until_done(self, attempt):
        """Again where nothing was done; what nobody knows is not repeated."""
        while not self.load.ending.is_set():
            answer = attempt()
            if answer.kind in ("no", "unknown"):
                self.turn(answer)
            if answer.kind != "no":
                break

    def turn(self, answer):
        numbers = self.load.cluster.numbers
        named = self.load.cluster.node_at(answer.leader)
        if named and answer.epoch >= self.epoch:
            self.epoch = answer.epoch
            self.target = named
        elif answer.code != "NO_SPACE":
            self.target = numbers[numbers.index(self.target) % len(numbers) - 1]
        time.sleep(self.random.uniform(0.005, 0.02))

    def read(self, key):
        self.ask_and_note(self.home, client.get(key), found_by_get(key), [key])

    def read_all(self):
        self.ask_and_note(self.home, client.prefix("k"), lambda _, items: {key: (value, version) for key, value, version in items},
                          KEYS)

    def ask_and_note(self, node, text, found_in, keys, note=None):
        """`note(call, end, key, found)`: how it is written down, if not as a linearizable read."""
        call = now_ns()
        try:
            words, held = self.links[node].ask(text)
        except (NotSent, Lost):
            return
        end = now_ns()
        self.tape.operations += 1
        if words[0] == "ERR":
            if words[1] not in self.load.refusals:
                self.tape.wrong.append("node %d answers a read with %s" % (node, " ".join(words)))
            return
        found = found_in(words, held)
        for key in keys:
            (note or self.tape.read)(call, end, key, found.get(key))
            self.seen[key] = found[key][1] if key in found else 0


class Probe(threading.Thread):
    def __init__(self, number, load, node):
        super().__init__(daemon=True)
        self.load, self.tape, self.node = load, Tape(number), node
        self.link = Link(load.cluster.address(node), TIMEOUT_S)
        self.acknowledgements = []  # (called, returned)

    def run(self):
        key, count = "probe.%d" % self.node, 0
        while not self.load.ending.is_set():
            count += 1
            value = "%d.%d" % (self.tape.number, count)
            call = now_ns()
            try:
                answer = client.answer_of(self.link.ask(client.put(key, value, " ack=majority"))[0])
            except NotSent:
                answer = None
            except Lost:
                answer = Answer("unknown", code="LOST")
            if answer and answer.kind == "ok":
                self.acknowledgements.append((call, now_ns()))
            if answer and answer.kind != "no":
                self.tape.write(call, "PUT %s %s" % (key, value), answer)
            time.sleep(PROBE_PAUSE_S)
        self.link.close()


REFUSALS = {"", "LOST", "CONFLICT", "NOT_LEADER", "UNKNOWN_OUTCOME", "TRY_LATER", "SHUTTING_DOWN", "ABORTED"}


class Load:
    def __init__(self, cluster, chance, more_refusals=(), worker=Worker):
        self.cluster = cluster
        self.refusals = REFUSALS | set(more_refusals)
        self.ending = threading.Event()
        self.workers = [worker(i, self, chance.getrandbits(32)) for i in range(WORKERS)]
        self.probes = {node: Probe(100 + node, self, node) for node in cluster.numbers}
        self.threads = [*self.workers, *self.probes.values()]
        self.more_tapes = []

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def tapes(self):
        return [thread.tape for thread in self.threads] + self.more_tapes

    def ledger(self):
        return {key: state for tape in self.tapes() for key, state in tape.ledger.items()}

    def total(self, name):
        return sum(getattr(tape, name) for tape in self.tapes())

    def answered_with(self, code):
        return sum(tape.codes[code] for tape in self.tapes())

    def longest_silence(self, since, before):
        """Of all acknowledgements around the moment when another node than `before` began to give them, in seconds."""
        end = self.first_acknowledgement(since, (before,))
        margin = 100_000_000
        times = sorted(end for probe in self.probes.values() for _, end in probe.acknowledgements)
        times = [time for time in times if since - margin <= time <= end + margin]
        return max(b - a for a, b in zip(times, times[1:])) / 1e9

    def first_acknowledgement(self, since, besides=()):
        """Of what was asked after `since`: when it came; None: there is none yet."""
        found = None
        for node, probe in self.probes.items():
            if node in besides:
                continue
            for call, end in reversed(probe.acknowledgements):
                if call < since:
                    break
                found = min(found or end, end)
        return found

    def await_write(self, since, besides=()):
        """Seconds from `since` to the first write that was asked after it and acknowledged, by others than those."""

        def acknowledged():
            self.cluster.check_alive()
            return self.first_acknowledgement(since, besides)

        return (wait_for("an acknowledged write", acknowledged) - since) / 1e9

    def refused_since(self, since):
        """Raises if a write was acknowledged that was asked after that."""
        if self.first_acknowledgement(since) is not None:
            raise Trouble("a write was acknowledged without a majority")
