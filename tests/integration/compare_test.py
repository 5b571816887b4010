#!/usr/bin/env python3
"""A member that holds something else than the others, and every checksum is right: compare_test.py KV-BINARY.

`kv cluster compare` finds it; it begins anew, and holds the same as the others then. So does a leader, which hands over
first; and one that lost a segment with all that is known of it.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

from catch_up_test import wait_until
from crc32c import crc32c
from three_nodes_test import NODES, Cluster, expect, same

FLAGS = ("--segment-size", "65536", "--election-timeout-ms", "300", "--compare-interval-s", "0", "--scrub-rate", "0")
KEYS = 300
HEADER = 48


def header_crc(salt, header):
    return struct.pack("<I", crc32c(salt + header[4:]))


def forge(path, key, value, other):
    """In the segment's file `key` has another value of the same size from then on."""
    assert len(value) == len(other)
    with open(path, "r+b") as file:
        content = file.read()
        at = content.find((key + value).encode())
        if at < 0:
            return False
        salt, header = content[16:24], bytearray(content[at - HEADER:at])
        same(bytes(header[:4]), header_crc(salt, header), "the checksum of a header")
        header[4:8] = struct.pack("<I", crc32c((key + other).encode()))
        header[:4] = header_crc(salt, header)
        file.seek(at - HEADER)
        file.write(bytes(header) + (key + other).encode())
    return True


class Compared(Cluster):
    def forge(self, node, key, value, other):
        """Of a node that does not run."""
        paths = [f"{self.path(node)}/{number:06}.seg" for number in (1, 2, 3)]
        expect(any(forge(path, key, value, other) for path in paths), f"{key} is in none of {paths}")

    def compare(self, wait="30s"):
        return self.kv("cluster", "compare", "--wait", wait, "--addr", self.address(self.leader()))

    def content(self, node):
        done = self.kv("export", "-", "--addr", self.address(node))
        return {row["key"]: row.get("value") for row in map(json.loads, done.stdout.splitlines())}

    def await_level(self):
        def is_level():
            statuses = [self.status(node) for node in NODES]
            return all(statuses) and len({one["replication_applied"] for one in statuses}) == 1
        wait_until(is_level)

    def lead(self, node):
        while self.agreed_leader() != node:
            self.kv("cluster", "transfer", str(node), "--addr", self.address(self.leader()))


def check_same(cluster):
    cluster.await_level()
    done = cluster.compare()
    same(done.returncode, 0, f"kv cluster compare: {done.stdout}{done.stderr}")
    expect(done.stdout.startswith("all 3 members hold the same as of ver="), done.stdout)
    contents = [cluster.content(node) for node in NODES]
    for node, content in zip(NODES, contents):
        expect(content == contents[0] and len(content) == KEYS, f"node {node} has other values")


def check_forged(cluster, key, leads):
    node = cluster.agreed_leader() if leads else cluster.agreed_leader() % 3 + 1
    cluster.kill(node)
    cluster.forge(node, key, "v" * 900, "w" * 900)
    cluster.start(node, *FLAGS)
    if leads:
        cluster.lead(node)
    cluster.await_level()
    same(cluster.get(node, key), "w" * 900, "what the forged record says")
    done = cluster.compare("3s")
    # It may have begun anew by then, and compared again.
    expect(done.returncode in (0, 5), f"kv cluster compare where one differs: {done.stdout}{done.stderr}")
    wait_until(lambda: 'event="state given up"' in cluster.log(node))
    expect('level=error event="states differ"' in cluster.log(cluster.leader() if not leads else node), "nothing said")
    wait_until(lambda: cluster.status(node))
    check_same(cluster)
    same(cluster.get(node, key), "v" * 900, "the value")


def first_segment(cluster, node):
    names = os.listdir(cluster.path(node))
    hint = min(name for name in names if name.endswith(".hint"))
    return [f"{cluster.path(node)}/{name}" for name in (hint, hint.replace(".hint", ".seg"))]


def check_unreadable(cluster):
    """Who the members are may stand in what is gone, so such a node does not go on, and says what is to be done."""
    node = next(one for one in NODES if 'event="state given up"' not in cluster.log(one))
    cluster.lead(node % 3 + 1)
    cluster.kill(node)
    paths = first_segment(cluster, node)
    for path in paths:
        os.rename(path, path + ".away")
    with open(cluster.path(node) + ".log", "ab") as log:
        done = subprocess.run(cluster.command(node, *FLAGS), stdout=subprocess.PIPE, stderr=log)
    same(done.returncode, 1, "the exit code of a node that cannot read who the members are")
    expect("add it again with an empty directory" in cluster.log(node), "it does not say what to do")
    for path in paths:
        os.rename(path + ".away", path)
    cluster.start(node, *FLAGS)


def check_lost_segment(cluster):
    """Its keys are not known any more, so nothing can be fetched one by one."""
    leader = cluster.agreed_leader()
    node = next(one for one in NODES if one != leader and 'event="state given up"' in cluster.log(one))
    cluster.kill(node)
    for path in first_segment(cluster, node):
        os.remove(path)
    before = cluster.log(node).count('event="state given up"')
    cluster.start(node, *FLAGS)
    expect('event="segment missing"' in cluster.log(node), "it did not say what it lacks")
    # Where nothing was written since the last comparison, it takes part in that once more.
    cluster.compare("3s")
    wait_until(lambda: cluster.log(node).count('event="state given up"') > before)
    wait_until(lambda: cluster.status(node))
    check_same(cluster)
    same(cluster.get(node, "key-0003"), "v" * 900, "the value of a key that was lost")


def main():
    scratch = tempfile.mkdtemp(prefix="kv-compare-")
    cluster = Compared(scratch)
    try:
        for node in NODES:
            cluster.start(node, *FLAGS)
        for key in range(KEYS):
            cluster.put(f"key-{key:04}", "v" * 900)
        check_same(cluster)
        check_forged(cluster, "key-0007", leads=False)
        check_forged(cluster, "key-0011", leads=True)
        check_unreadable(cluster)
        check_lost_segment(cluster)
    finally:
        for node in list(cluster.processes):
            cluster.kill(node)
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
