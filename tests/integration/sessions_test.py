#!/usr/bin/env python3
"""Writes that are repeated until there is an answer, while leaders die: sessions_test.py KV-BINARY.

Each writer counts in a key of its own, by writes that hold only if the one before is the newest. One that were done twice, or
not at all, would have the next one refused.
"""

import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from three_nodes_test import KV, NODES, Cluster, expect, same

FLAGS = ("--election-timeout-ms", "300")
WRITERS = 4
KILLS = 8


class Writer:
    """A client that knows all servers, and repeats what it got no answer to."""

    def __init__(self, cluster, key):
        self.cluster, self.key, self.node = cluster, key, 1
        self.version, self.count, self.repeats, self.tries = 0, 0, 0, 0
        self.session = re.fullmatch(r"OK session=(\d+) ttl_ms=3600000\n", self.sent(b"SESSION\n")).group(1)
        self.failure = None

    def sent_once(self, request):
        """None: nobody knows."""
        self.tries += 1
        try:
            with socket.create_connection(("127.0.0.1", self.cluster.ports[self.node]), 1) as talk:
                talk.sendall(request)
                reply = talk.makefile("r").readline()
        except OSError:
            return None
        return reply if reply.endswith("\n") else None

    def sent(self, request):
        while True:
            reply = self.sent_once(request)
            if reply and not re.match(r"ERR (NOT_LEADER|UNKNOWN_OUTCOME|SHUTTING_DOWN|TRY_LATER) ", reply):
                return reply
            self.node = self.node % len(NODES) + 1
            time.sleep(0.01)

    def request(self, number, before):
        condition = f"if={before}" if before else "if=absent"
        below = max(1, number - 1)  # what is older nobody repeats
        head = f"PUT 1 {len(str(number))} {condition} session={self.session} req={number} done_below={below}\n"
        return f"{head}{self.key}{number}".encode()

    def increment(self):
        last = self.count and self.request(self.count, self.before)
        self.before, self.count = self.version, self.count + 1
        request = self.request(self.count, self.before)
        reply = self.sent(request)
        done = re.fullmatch(r"OK ver=(\d+)\n", reply)
        expect(done and int(done.group(1)) > self.version, f"request {self.count} behind {self.version}: {reply}")
        if last and self.count % 3 == 0:  # a late copy of the one before: it is not done again
            same(self.sent(last), f"OK ver={self.version}\n", "an earlier request, repeated")
            self.repeats += 1
        self.version = int(done.group(1))

    def run(self, is_over):
        try:
            while not is_over.is_set():
                self.increment()
        except Exception as failure:  # told by the main thread
            self.failure = failure


def check_failover(cluster):
    writers = [Writer(cluster, chr(ord("a") + number)) for number in range(WRITERS)]
    is_over = threading.Event()
    threads = [threading.Thread(target=writer.run, args=(is_over,)) for writer in writers]
    for thread in threads:
        thread.start()
    for _ in range(KILLS):
        counts = [writer.count for writer in writers]
        while any(writer.count < count + 20 and not writer.failure for writer, count in zip(writers, counts)):
            time.sleep(0.01)
        leader = cluster.agreed_leader()
        cluster.kill(leader)
        cluster.leader()
        cluster.start(leader, *FLAGS, first=False)
    is_over.set()
    for thread in threads:
        thread.join()
    for writer in writers:
        expect(not writer.failure, f"writer {writer.key}: {writer.failure}")
        reply = cluster.ask(cluster.leader(), f"GET 1\n{writer.key}".encode())
        number = str(writer.count)
        same(reply, f"VALUE {len(number)} ver={writer.version}\n{number}\n", f"what writer {writer.key} left")
        expect(writer.repeats > 20 and writer.tries > writer.count + KILLS, "nothing was repeated")
    for node in NODES:
        status = cluster.ask(node, b"GET 1\na") and cluster.ask(node, b"STATS section=sessions\n")
        expect(f"\nsessions: {WRITERS}\n" in status, f"the sessions of node {node}: {status}")


def check_range(cluster):
    reply = cluster.ask(cluster.leader(), b"RANGE 0 0 keys=1\n")
    same(reply, "KEY 1\na\nKEY 1\nb\nKEY 1\nc\nKEY 1\nd\nEND 4 more=0\n", "a range over all keys")


def check_reserved(cluster):
    """Where sessions are nobody else writes."""
    key = b"\xff" * 33
    for request in (b"PUT 33 1\n%bx", b"DEL 33\n%b", b"BPUT 1\n33 1\n%bx"):
        reply = cluster.ask(cluster.leader(), request % key)
        expect(reply.startswith("ERR BAD_ARG applied=no arg=key :"), f"{request}: {reply}")
    with socket.create_connection(("127.0.0.1", cluster.ports[cluster.leader()])) as talk:
        for verb, more in ((b"SET", [b"x"]), (b"INCR", []), (b"DEL", []), (b"APPEND", [b"x"]), (b"MSET", [b"x"])):
            words = [verb, key, *more]
            request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
            talk.sendall(request)
            reply = talk.recv(65536)
            expect(reply.startswith(b"-ERR ") and b"0xff" in reply, f"{verb}: {reply}")


def check_end():
    """Who does not use a session loses it."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [KV, "start", "--data", scratch + "/alone", "--listen", "127.0.0.1:0", "--session-ttl-s", "1"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            address = None
            for line in server.stdout:
                address = address or re.search(r"127\.0\.0\.1:(\d+)", line)
                if line == "ready\n":
                    break
            talk = socket.create_connection(("127.0.0.1", int(address.group(1))))
            replies = talk.makefile("r")

            def ask(request):
                talk.sendall(request)
                return replies.readline()

            session = re.fullmatch(r"OK session=(\d+) ttl_ms=1000\n", ask(b"SESSION\n")).group(1)
            put = f"PUT 1 1 session={session} req=%d\nkx"
            expect(ask((put % 1).encode()).startswith("OK "), "a write of a session")
            while True:
                lines = [ask(b"STATS section=sessions\n")] + [replies.readline() for _ in range(4)]
                if lines[2] == "sessions: 0\n":
                    break
                time.sleep(0.05)
            expect(ask((put % 2).encode()).startswith("ERR SESSION_EXPIRED applied=no "), "a write of one that ended")
            talk.close()
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
            server.stdout.close()


def main():
    check_end()
    cluster = Cluster(tempfile.mkdtemp())
    try:
        for node in NODES:
            cluster.start(node, *FLAGS)
        check_failover(cluster)
        check_range(cluster)
        check_reserved(cluster)
    except AssertionError as failure:
        for node in NODES:
            print(f"--- the log of node {node}\n{cluster.log(node)}", file=sys.stderr)
        sys.exit(f"sessions_test: {failure}")
    finally:
        for process in cluster.processes.values():
            process.kill()
            process.wait()


main()
