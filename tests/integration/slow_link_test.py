#!/usr/bin/env python3
"""A member that comes back behind a slow link, with one other left: slow_link_test.py KV-BINARY.

It gets the state as files, or a long log, or a single large record, which takes many times an election timeout, while
the leader needs its answers to go on leading. It leads to the end, the state comes in one go, and the member never
looks for another leader. A leader that hangs meanwhile is found out all the same.
"""

import shutil
import signal
import socket
import sys
import tempfile
import threading
import time

from catch_up_test import Merged, wait_until
from three_nodes_test import NODES, expect, same

FLAGS = ("--segment-size", "262144", "--log-retention", "65536", "--election-timeout-ms", "600")
LOG_FLAGS = ("--election-timeout-ms", "600")
SLOW = 3
RATE = 400_000  # bytes a second


class Link:
    """What is sent to it goes on to a port of this machine, as fast as it lets it."""

    def __init__(self, port):
        self.port, self.rate = port, None
        self.carried = {}  # connection -> bytes that came out at the other end
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            near = self.listener.accept()[0]
            try:
                far = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                near.close()
                continue
            threading.Thread(target=self.carry, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self.carry, args=(far, near, False), daemon=True).start()

    def carry(self, source, target, is_slow):
        try:
            while some := source.recv(16384):
                if is_slow and self.rate:
                    time.sleep(len(some) / self.rate)
                target.sendall(some)
                if is_slow:
                    self.carried[source] = self.carried.get(source, 0) + len(some)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Slow(Merged):
    """Of which one member is behind such a link for the others."""

    link = None

    def command(self, node, *more):
        peers = self.peers
        if self.link and node != SLOW:
            old = f"{SLOW}=127.0.0.1:{self.ports[SLOW]}"
            peers = peers.replace(old, f"{old}/{self.link.address.split(':')[1]}")
        return super().command(node, *(peers if word == self.peers else word for word in more))


def put_behind_link(cluster, flags):
    cluster.agreed_leader()
    for node in NODES:
        cluster.kill(node, signal.SIGTERM)
    cluster.link = Link(cluster.ports[SLOW] + 10000)
    for node in NODES:
        cluster.start(node, *flags)
    cluster.agreed_leader()


def check_state_comes(cluster):
    for key in range(40):
        cluster.put(f"old-{key}", "o" * 50000)
    cluster.put_round(0)
    wait_until(lambda: cluster.caught_up(SLOW))
    cluster.leave_behind(SLOW, 1)
    leader = cluster.leader()
    cluster.link.rate = RATE
    cluster.start(SLOW, *FLAGS)
    cluster.kill(next(node for node in NODES if node not in (SLOW, leader)))
    wait_until(lambda: cluster.count(SLOW, "state received") or cluster.count(SLOW, "state not received"))
    expect(not cluster.count(SLOW, "state not received"), "the state came in one go")
    cluster.link.rate = None
    wait_until(lambda: cluster.caught_up(SLOW))


def move_lead_off_slow(cluster):
    while cluster.agreed_leader() == SLOW:
        cluster.kv("cluster", "failover", "--addr", cluster.address(SLOW))


def check_log_comes(cluster):
    """Heartbeats wait behind each record on its way: 50 kB first, then one that takes ten election timeouts."""
    cluster.put("first", "1")
    wait_until(lambda: cluster.caught_up(SLOW))
    move_lead_off_slow(cluster)
    cluster.kill(SLOW)
    leader = cluster.leader()
    for key in range(40):
        cluster.put(f"log-{key}", "l" * 50000)
    cluster.put("large", "x" * 2_400_000)
    cluster.link.rate = RATE
    cluster.start(SLOW, *LOG_FLAGS)
    wait_until(lambda: cluster.status(SLOW)["replication_leader"] == leader)
    roles = {node: cluster.count(node, "role") for node in (leader, SLOW)}
    cluster.kill(next(node for node in NODES if node not in (SLOW, leader)))
    begun = time.monotonic()
    wait_until(lambda: cluster.caught_up(SLOW))
    print(f"the log took {time.monotonic() - begun:.1f} s")
    for node, count in roles.items():
        same(cluster.count(node, "role"), count, f"changes of role at node {node}")
    same(cluster.leader(), leader, "who leads")


def check_hang_is_seen(cluster):
    """What the system sends on for a leader that hangs is little, so that the member soon votes for another one."""
    move_lead_off_slow(cluster)
    leader = cluster.leader()
    other = next(node for node in NODES if node not in (SLOW, leader))
    cluster.kill(SLOW)
    cluster.put("large", "x" * 12_000_000)
    cluster.link.rate = RATE
    carried = cluster.link.carried
    carried.clear()
    cluster.start(SLOW, *LOG_FLAGS)
    wait_until(lambda: max(carried.values(), default=0) > 500_000)
    busiest = max(carried, key=carried.get)
    cluster.processes[leader].send_signal(signal.SIGSTOP)
    before = carried[busiest]
    wait_until(lambda: cluster.status(other)["replication_role"] == "leader")
    after = carried[busiest]
    cluster.link.rate = None
    cluster.processes[leader].send_signal(signal.SIGCONT)
    expect(after - before < 1 << 20, f"{after - before} bytes of a leader that hangs came over")


def run(check, flags):
    scratch = tempfile.mkdtemp()
    cluster = Slow(scratch)
    try:
        for node in NODES:
            cluster.start(node, *flags)
        put_behind_link(cluster, flags)
        check(cluster)
    except AssertionError as failure:
        for node in NODES:
            print(f"--- the log of node {node}\n{cluster.log(node)}", file=sys.stderr)
        sys.exit(f"slow_link_test: {failure}")
    finally:
        for process in cluster.processes.values():
            process.kill()
        shutil.rmtree(scratch)


run(check_state_comes, FLAGS)
run(check_log_comes, LOG_FLAGS)
run(check_hang_is_seen, LOG_FLAGS)
