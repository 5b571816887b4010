#!/usr/bin/env python3
"""Records that a member's disk loses are put back with what the others have: put_back_test.py KV-BINARY.

While a record is damaged it is refused, and never answered with another value; then it is there again, and so is all of
the database's bytes.
"""

import glob
import os
import shutil
import signal
import sys
import tempfile
import time

from three_nodes_test import NODES, Cluster, expect, same

FLAGS = ("--segment-size", "65536", "--log-retention", "65536", "--election-timeout-ms", "300", "--value-cache", "0")
RECORDS = 150


def wait_until(condition):
    while not condition():
        time.sleep(0.02)


class Damaged(Cluster):
    def value(self, number):
        return f"value {number} " + chr(ord("a") + number % 26) * 4000

    def fill(self):
        for number in range(RECORDS):
            self.put(f"key-{number}", self.value(number))

    def has_all(self, node):
        leader, own = self.status(self.leader()), self.status(node)
        return own and own["replication_applied"] >= leader["replication_commit"]

    def sealed(self, node):
        """Those with a hint: it is written once a segment is sealed."""
        paths = sorted(glob.glob(os.path.join(self.path(node), "*.seg")))
        return [path for path in paths if os.path.exists(path.removesuffix(".seg") + ".hint")]

    def rot(self, node):
        """In all sealed segments, here and there within values: what else lies in them nobody has a copy of."""
        paths = self.sealed(node)
        expect(len(paths) > 3, f"node {node} has {len(paths)} sealed segments")
        for path in paths:
            with open(path, "r+b") as segment:
                for at in range(0, os.path.getsize(path), 2048):
                    segment.seek(at)
                    there = segment.read(8)
                    if there.isalpha() and len(set(there)) == 1:
                        segment.seek(at)
                        segment.write(bytes(byte ^ 0x11 for byte in there))

    def check_until_whole(self, node):
        """A read is refused or right, and in the end all of them are right."""
        left = set(range(RECORDS))
        while left:
            for number in sorted(left):
                name = f"key-{number}"
                reply = self.ask(node, f"GET {len(name)}\n{name}".encode())
                if reply is None or reply.startswith(("ERR NOT_LEADER ", "ERR CORRUPT ")):
                    continue
                expect(reply.startswith("VALUE "), f"a read of {name} at node {node}: {reply[:200]}")
                same(reply.split("\n")[1], self.value(number), f"{name} at node {node}")
                left.remove(number)
            time.sleep(0.05)

    def check_clean(self, node):
        done = self.kv("verify", "--data", self.path(node))
        same(done.returncode, 0, f"kv verify of node {node}: {done.stdout}{done.stderr}")

    def restart(self, node):
        self.start(node, *FLAGS)
        wait_until(lambda: self.has_all(node))


def check_mended(cluster, node, before=0):
    """`before`: how many this process had put back when its disk was still whole."""
    cluster.check_until_whole(node)
    wait_until(lambda: cluster.status(node)["replication_records_put_back"] > before)
    expect('event="records put back"' in cluster.log(node), "its log does not say so")
    wait_until(lambda: cluster.status(node)["replication_records_damaged"] == 0)
    for other in NODES:
        if other != node:
            same(cluster.status(other)["replication_records_put_back"], 0, f"put back at node {other}")
    cluster.kill(node, signal.SIGTERM)
    cluster.check_clean(node)
    cluster.restart(node)


def main():
    cluster = Damaged(tempfile.mkdtemp())
    try:
        for node in NODES:
            cluster.start(node, *FLAGS)
        cluster.fill()
        # The others have merged what it has as it was written, or the other way round.
        expect("merge: done" in cluster.ask(cluster.leader(), b"MERGE wait=1\n"), "a merge")
        node = cluster.leader() % 3 + 1
        wait_until(lambda: cluster.has_all(node))
        cluster.rot(node)  # while it runs
        check_mended(cluster, node)
        cluster.kill(node, signal.SIGTERM)
        cluster.rot(node)  # while it is stopped
        cluster.restart(node)
        check_mended(cluster, node)
        leader = cluster.leader()
        before = cluster.status(leader)["replication_records_put_back"]
        cluster.rot(leader)
        check_mended(cluster, leader, before)
    except AssertionError as failure:
        sys.exit(f"put_back_test: {failure}")
    finally:
        for process in cluster.processes.values():
            process.kill()
            process.wait()
        if os.environ.get("KEEP"):
            print(cluster.scratch)
        else:
            shutil.rmtree(cluster.scratch)


main()
