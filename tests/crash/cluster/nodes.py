"""The processes of a cluster, and what they say of themselves."""

import json
import os
import re
import signal
import subprocess
import time

from client import Link, Lost, NotSent, fields_of, now_ns

PATIENCE_S = 60  # of the drill, for what should take a second or two


class Trouble(Exception):
    """What must not happen has."""


def wait_for(what, claim):
    end = time.monotonic() + PATIENCE_S
    while True:
        found = claim()
        if found:
            return found
        if time.monotonic() > end:
            raise Trouble("%s: not within %d s" % (what, PATIENCE_S))
        time.sleep(0.005)


class Cluster:
    def __init__(self, kv, network, count, scratch, flags):
        self.kv, self.network, self.scratch = kv, network, scratch
        self.flags = list(flags)
        self.numbers = list(range(1, count + 1))
        self.peers = ",".join("%d=%s" % (node, network.address(node)) for node in self.numbers)
        self.processes = {}
        self.binaries = dict.fromkeys(self.numbers, kv)
        self.roots = dict.fromkeys(self.numbers, scratch)  # directories that hold theirs

    def path(self, node):
        return os.path.join(self.roots[node], "n%d" % node)

    def log_path(self, node):
        return os.path.join(self.scratch, "n%d.log" % node)

    def address(self, node):
        return self.network.address(node)

    def node_at(self, address):
        return next((node for node in self.numbers if self.address(node) == address), None)

    def log(self, node):
        with open(self.log_path(node), encoding="utf-8", errors="replace") as file:
            return file.read()

    def join(self, node):
        """With an empty directory: it waits to be added to those that run."""
        running = ",".join(self.address(other) for other in self.processes)
        self.launch(node, "--listen", self.address(node), "--join", running)
        self.await_ready(node)

    def launch(self, node, *how):
        how = how or ("--peers", self.peers)
        words = [self.binaries[node], "start", "--data", self.path(node), "--node-id", str(node), *how, *self.flags]
        if self.network.can_cut:
            words.append("--insecure")  # to a network that nobody else is in
        with open(self.log_path(node), "ab") as log:
            self.processes[node] = subprocess.Popen(self.network.command(node, words), stdout=subprocess.PIPE, stderr=log)

    def await_ready(self, node):
        process = self.processes[node]
        if b"ready\n" not in iter(process.stdout.readline, b""):
            self.processes.pop(node)
            lines = self.log(node).strip().split("\n")
            raise Trouble("node %d did not start, exit code %d: %s" % (node, process.wait(), lines[-1]))

    def start(self, *nodes):
        for node in nodes:
            self.launch(node)
        for node in nodes:
            self.await_ready(node)

    def start_missing(self):
        self.start(*(node for node in self.numbers if node not in self.processes))

    def kill(self, *nodes):
        """When it was done, by now_ns()."""
        at = now_ns()
        for node in nodes:
            self.processes[node].send_signal(signal.SIGKILL)
        for node in nodes:
            self.processes.pop(node).wait()
        return at

    def stop(self, *nodes):
        """Asks them to end, and waits."""
        for node in nodes:
            self.processes[node].send_signal(signal.SIGTERM)
        for node in list(nodes):
            code = self.processes.pop(node).wait()
            if code != 0:
                raise Trouble("node %d ended with %d on SIGTERM" % (node, code))

    def signal(self, node, number):
        self.processes[node].send_signal(number)

    def await_end(self, node):
        """Of one that is to end by itself: its exit code."""
        try:
            code = self.processes[node].wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise Trouble("node %d has not ended after %d s" % (node, PATIENCE_S)) from None
        self.processes.pop(node)
        return code

    def end_all(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
        self.processes = {}

    def check_alive(self):
        for node, process in list(self.processes.items()):
            if process.poll() is not None:
                self.processes.pop(node)
                lines = self.log(node).strip().split("\n")
                raise Trouble("node %d ended by itself, exit code %d: %s" % (node, process.returncode, lines[-1]))

    def status(self, node):
        """None: it does not answer."""
        link = Link(self.address(node), 0.5)
        try:
            words, text = link.ask("STATS fmt=json section=replication\n")
        except (NotSent, Lost):
            return None
        finally:
            link.close()
        return json.loads(text)["replication"] if words[0] == "INFO" else None

    def leader(self):
        """Who takes writes, as far as nodes that answer know."""

        def serving():
            self.check_alive()
            found = [(status["replication_term"], node) for node in list(self.processes)
                     if (status := self.status(node)) and status["replication_serving"]]
            return max(found)[1] if found else None

        return wait_for("a leader", serving)

    def follower(self, chance):
        leader = self.leader()
        return chance.choice([node for node in self.processes if node != leader])

    def ask_patiently(self, link, node, request):
        """Until a leader can be reached: the words of the last line, and what the reply holds."""

        def answered():
            self.check_alive()
            try:
                words, held = link.ask(request)
            except (NotSent, Lost):
                return None
            return None if words[:2] in (["ERR", "NOT_LEADER"], ["ERR", "TRY_LATER"]) else (words, held)

        return wait_for("an answer of node %d" % node, answered)

    def scan(self, node):
        """All that a node has: {key: (value, version)}. None: some of it is damaged, and it says so."""
        link, found, start, more = Link(self.address(node), PATIENCE_S), {}, "", True
        while more:
            words, items = self.ask_patiently(link, node, "RANGE %d 0 limit=1000000\n%s" % (len(start), start))
            if words[:2] == ["ERR", "ABORTED"] and "segment" in fields_of(words):
                return None  # it cannot read a record, or does not know what else was in a damaged place
            if words[0] == "ERR":
                raise Trouble("node %d answers a scan with %s" % (node, " ".join(words)))
            found.update({key: (value, version) for key, value, version in items})
            more = fields_of(words)["more"] == "1"
            if more:
                start = items[-1][0] + "\0"
        link.close()
        return found

    def alarms(self, expected=None):
        """Lines of the logs that no fault may bring about, but for those with `expected`."""
        pattern = re.compile(r"replicas differ|^kv: bug" if expected else r"replicas differ|states differ|state given up|^kv: bug")
        return ["node %d: %s" % (node, line) for node in self.numbers if os.path.exists(self.log_path(node))
                for line in self.log(node).split("\n") if pattern.search(line) and not (expected and expected in line)]
