#!/usr/bin/env python3
"""A member that comes back when the others have merged what it lacks: catch_up_test.py KV-BINARY.

It gets the state as files. What was deleted meanwhile stays deleted, what was written is there, and it can lead. So does
a member that is stopped in the midst of it, and one whose sender dies.
"""

import json
import re
import shutil
import signal
import sys
import tempfile
import time

from three_nodes_test import NODES, Cluster, expect, same

FLAGS = ("--segment-size", "65536", "--log-retention", "65536", "--election-timeout-ms", "300")
KEYS = 60


def wait_until(condition):
    while not condition():
        time.sleep(0.02)


class Merged(Cluster):
    """Whose keys are all written again in each round, until the log of before is gone."""

    def put_round(self, number):
        for key in range(KEYS):
            self.put(f"key-{key}", f"round {number} " + "v" * 4000)

    def delete(self, key):
        while True:
            reply = self.ask(self.leader(), f"DEL {len(key)}\n{key}".encode())
            if reply and reply.split()[0] in ("OK", "NOT_FOUND"):
                return

    def leave_behind(self, node, first_round):
        """Until the leader's log begins behind what that node has."""
        last = self.status(node)["replication_last"]
        self.kill(node)
        for key in range(KEYS):
            self.delete(f"gone-{key}")
        number = first_round
        while self.status(self.leader())["replication_floor"] <= last:
            self.put_round(number)
            number += 1
        leader = self.leader()
        done = self.kv("merge-now", "--addr", self.address(leader))
        same(done.returncode, 0, f"kv merge-now: {done.stderr}")
        return number

    def caught_up(self, node):
        status, own = self.status(self.leader()), self.status(node)
        return status and own and own["replication_applied"] >= status["replication_commit"]

    def count(self, node, event):
        return self.log(node).count(f'event="{event}"')

    def content(self, node):
        wait_until(lambda: self.caught_up(node))
        done = self.kv("export", "-", "--addr", self.address(node))
        same(done.returncode, 0, f"kv export: {done.stderr}")
        return {row["key"]: row.get("value") for row in map(json.loads, done.stdout.splitlines())}


def check_same(cluster):
    contents = [cluster.content(node) for node in NODES]
    names = [f"{kind}-{key}" for kind in ("key", "old") for key in range(KEYS)]
    same(sorted(contents[0]), sorted(names), "the keys")
    for node, content in zip(NODES, contents):
        expect(content == contents[0], f"node {node} has other values")


def check_catch_up(cluster):
    for key in range(KEYS):
        cluster.put(f"gone-{key}", "an old value")
        cluster.put(f"old-{key}", "never written again " + "o" * 10000)
    cluster.put_round(0)
    node = cluster.leader() % 3 + 1
    wait_until(lambda: cluster.caught_up(node))
    rounds = cluster.leave_behind(node, 1)
    cluster.start(node, *FLAGS)
    wait_until(lambda: cluster.count(node, "state received"))
    check_same(cluster)
    same(cluster.get(node, "gone-7"), "NOT_FOUND\n", "a deleted key at the node that was away")
    log = cluster.log(node)
    expect(log.index("receiving state") < log.index("state received"), "the order of events")
    # It counts like any other member.
    other = next(one for one in NODES if one not in (node, cluster.leader()))
    cluster.kill(other)
    cluster.put_round(rounds)
    cluster.start(other, *FLAGS)
    check_same(cluster)
    done = cluster.kv("cluster", "transfer", str(node), "--addr", cluster.address(cluster.leader()))
    same(done.returncode, 0, f"kv cluster transfer: {done.stderr}")
    wait_until(lambda: cluster.leader() == node)
    cluster.put_round(rounds + 1)
    check_same(cluster)
    return rounds + 2


def check_stops_on_the_way(cluster, rounds):
    """Killed again and again while files come, it has the old state or the new one."""
    node = cluster.leader() % 3 + 1
    rounds = cluster.leave_behind(node, rounds)
    received = cluster.count(node, "state received")
    for attempt in range(4):
        begun = cluster.count(node, "receiving state")
        cluster.start(node, *FLAGS)
        wait_until(lambda: cluster.count(node, "receiving state") > begun
                   or cluster.count(node, "state received") > received)
        time.sleep(0.004 * attempt)
        cluster.kill(node)
    cluster.start(node, *FLAGS)
    check_same(cluster)
    return rounds


def check_older_versions(cluster, rounds):
    """A merge dropped what was overwritten since. Who does not know yet that this was committed tells of no version."""
    node = cluster.leader() % 3 + 1
    version = re.match(r"OK ver=(\d+)", cluster.ask(cluster.leader(), b"PUT 5 3\nprobeone")).group(1)
    while cluster.status(node)["replication_floor"] <= int(version):
        cluster.put_round(rounds)
        rounds += 1
    cluster.put("probe", "two")
    wait_until(lambda: cluster.caught_up(node))
    merged = cluster.ask(node, b"MERGE wait=1\n")
    expect("merge: done" in merged, f"a merge: {merged}")
    for one in NODES:
        cluster.kill(one)
    cluster.start(node, *FLAGS)
    request = f"GET 5 min_ver={version} timeout_ms=50\nprobe".encode()
    for _ in range(3):
        reply = cluster.ask(node, request)
        expect(reply.startswith("ERR TRY_LATER applied=no retry_ms=100 reason=behind :no leader"), reply)
    path = f"{cluster.scratch}/backup"
    for asked in (f"BACKUP {len(path)}\n{path}", "WAIT\n"):
        reply = cluster.ask(node, asked.encode())
        expect(reply.startswith("ERR NOT_LEADER "), f"{asked}: {reply}")
    for one in NODES:
        if one != node:
            cluster.start(one, *FLAGS)
    wait_until(lambda: cluster.ask(node, request).startswith("VALUE "))
    same(cluster.ask(node, request).split("\n")[1], "two", "the value, once a leader is there")
    reply = cluster.ask(node, f"BACKUP {len(path)}\n{path}".encode())
    expect(not reply.startswith("ERR"), f"a backup: {reply}")


def check_verify(cluster):
    for node in NODES:
        same(cluster.kill(node, signal.SIGTERM), 0, f"the exit code of node {node}")
        done = cluster.kv("verify", "--data", cluster.path(node))
        same(done.returncode, 0, f"kv verify of node {node}: {done.stdout}{done.stderr}")


def main():
    scratch = tempfile.mkdtemp()
    cluster = Merged(scratch)
    try:
        for node in NODES:
            cluster.start(node, *FLAGS)
        rounds = check_catch_up(cluster)
        rounds = check_stops_on_the_way(cluster, rounds)
        check_older_versions(cluster, rounds)
        check_verify(cluster)
    except AssertionError as failure:
        for node in NODES:
            print(f"--- the log of node {node}\n{cluster.log(node)}", file=sys.stderr)
        sys.exit(f"catch_up_test: {failure}")
    finally:
        for process in cluster.processes.values():
            process.kill()
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
