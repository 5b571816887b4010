#!/usr/bin/env python3
"""A member whose log is damaged where nobody has read it yet: unreadable_log_test.py KV-BINARY.

It goes on with what is intact, and says of the rest that it cannot read it.
"""

import glob
import os
import shutil
import signal
import sys
import tempfile
import time

from three_nodes_test import NODES, Cluster, expect, same

FLAGS = ("--segment-size", "65536", "--log-retention", "16777216", "--election-timeout-ms", "300")
RECORDS = 100


def has_all(cluster, node):
    leader, own = cluster.status(cluster.leader()), cluster.status(node)
    return own["replication_applied"] >= leader["replication_commit"]


def damage(cluster, node):
    """In a sealed segment above the log's floor, behind its first record: the hint still tells where its keys lie."""
    path = sorted(glob.glob(os.path.join(cluster.path(node), "*.seg")))[1]
    with open(path, "r+b") as segment:
        segment.seek(8192)
        there = segment.read(4096)
        segment.seek(8192)
        segment.write(bytes(byte ^ 1 for byte in there))


def check_wait(cluster):
    for number in range(RECORDS):
        cluster.put(f"key-{number}", "v" * 4000)
    node = cluster.leader() % 3 + 1
    while not has_all(cluster, node):
        time.sleep(0.02)
    same(cluster.kill(node, signal.SIGTERM), 0, "the exit code")
    damage(cluster, node)
    cluster.start(node, *FLAGS)
    while not has_all(cluster, node):
        time.sleep(0.02)
    replies = [cluster.ask(node, f"WAIT ver={version} epoch=1\n".encode()) for version in range(1, RECORDS)]
    expect(None not in replies and cluster.processes[node].poll() is None, f"the member ended: {cluster.log(node)}")
    unreadable = [reply for reply in replies if "cannot read its log there; ask another one" in reply]
    expect(unreadable, f"nothing was unreadable: {replies}")
    for reply in unreadable:
        expect(reply.startswith("ERR UNKNOWN_OUTCOME applied=maybe "), reply)


def main():
    cluster = Cluster(tempfile.mkdtemp())
    try:
        for node in NODES:
            cluster.start(node, *FLAGS)
        check_wait(cluster)
    except AssertionError as failure:
        sys.exit(f"unreadable_log_test: {failure}")
    finally:
        for process in cluster.processes.values():
            process.kill()
            process.wait()
        shutil.rmtree(cluster.scratch)


main()
