#!/usr/bin/env python3
"""How a cluster of --peers begins, and what becomes of members that come back with nothing: founding_test.py KV-BINARY.

A disk that counted in a majority may be lost while others that keep theirs have never met it, or only it: what was
acknowledged is there when those that have it are.
"""

import re
import shutil
import sys
import tempfile
import time

from three_nodes_test import NODES, Cluster, expect, same


def wait_until(claim):
    while not claim():
        time.sleep(0.02)


def stop(cluster, *nodes):
    for node in nodes:
        cluster.kill(node)


def role(cluster, node):
    status = cluster.status(node)
    return status and status["replication_role"]


def status_text(cluster, node):
    return cluster.kv("cluster", "status", "--addr", cluster.address(node)).stderr


def check_first_start(cluster):
    """Two of three elect nobody while the third was never there: its disk would be one that nobody knows."""
    for node in (1, 2):
        cluster.start(node)
    wait_until(lambda: 'event="founders missing" nodes=3 refused_by=- ' in cluster.log(1))
    wait_until(lambda: "let in by node 3 yet" in status_text(cluster, 1))
    same([role(cluster, node) for node in (1, 2)], ["founding"] * 2, "roles")
    reply = cluster.ask(1, b"PUT 1 1\na1")
    expect(re.match("ERR NOT_LEADER .*node 1 is not let in by node 3 yet", reply), f"a write before that: {reply}")
    # One that goes on where it was.
    stop(cluster, 2)
    cluster.start(2)
    cluster.start(3)
    cluster.put("a", "1")


def check_one_wiped(cluster):
    """It is refused by who met it, and those that it would make a majority with do not have what it lost."""
    stop(cluster, 2)
    for number in range(9):
        cluster.put(f"acked{number}", "1")
    stop(cluster, 1, 3)
    shutil.rmtree(cluster.path(3))
    for node in (2, 3):
        cluster.start(node)
    wait_until(lambda: role(cluster, 3) in ("founding", "refused"))
    wait_until(lambda: "had another disk" in cluster.log(2) and "refused_by=2 " in cluster.log(3))
    time.sleep(3)  # for as long as elections take
    reply = cluster.ask(2, b"GET 6\nacked1")
    expect(reply.startswith("ERR NOT_LEADER "), f"a read without those that have it: {reply}")
    cluster.start(1)
    for number in range(9):
        same(cluster.get(2, f"acked{number}"), "1", f"what was acknowledged, {number}")
    expect(role(cluster, 3) in ("founding", "refused"), role(cluster, 3))


def check_two_wiped(cluster):
    """They make no cluster of their own, neither without the third nor beside it."""
    stop(cluster, *NODES)
    for node in (2, 3):
        shutil.rmtree(cluster.path(node), ignore_errors=True)
        cluster.start(node)
    wait_until(lambda: 'event="founders missing" nodes=1 ' in cluster.log(2))
    cluster.start(1)
    wait_until(lambda: "had another disk" in cluster.log(1))
    time.sleep(3)
    for node in NODES:
        reply = cluster.ask(node, b"GET 6\nacked1")
        expect(reply.startswith("ERR NOT_LEADER "), f"a read at node {node}: {reply}")
        reply = cluster.ask(node, b"PUT 1 1\nb1")
        expect(reply.startswith("ERR NOT_LEADER "), f"a write at node {node}: {reply}")
    for node in (2, 3):
        expect(role(cluster, node) in ("founding", "refused"), role(cluster, node))


def main():
    cluster = Cluster(tempfile.mkdtemp())
    try:
        check_first_start(cluster)
        check_one_wiped(cluster)
        check_two_wiped(cluster)
    except AssertionError as failure:
        for node in NODES:
            print(f"--- the log of node {node}\n{cluster.log(node)}", file=sys.stderr)
        sys.exit(f"founding_test: {failure}")
    finally:
        for process in cluster.processes.values():
            process.kill()
            process.wait()


main()
