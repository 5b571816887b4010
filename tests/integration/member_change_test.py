#!/usr/bin/env python3
"""Members that come and go while a cluster is written to, as processes: member_change_test.py KV-BINARY.

A member is replaced and nothing that was acknowledged is lost; a wiped disk comes back only as a new member; who was
removed does no harm; a leader is removed; what would lose the majority is refused.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from ports import free_ports

KV = os.path.abspath(sys.argv[1])
# Who is added late finds that the log's beginning is gone, and gets files.
LITTLE_LOG = ("--segment-size", "4096", "--log-retention", "0")


class Nodes:
    def __init__(self, scratch, count):
        self.scratch = scratch
        self.addresses = {node: f"127.0.0.1:{port}" for node, port in enumerate(free_ports(count), 1)}
        self.processes = {}

    def named(self, *nodes):
        return ",".join(self.addresses[node] for node in nodes)

    def path(self, node):
        return os.path.join(self.scratch, f"n{node}")

    def start(self, node, *more):
        log = open(self.path(node) + ".log", "ab")
        process = subprocess.Popen([KV, "start", "--data", self.path(node), *LITTLE_LOG, *more],
                                   stdout=subprocess.PIPE, stderr=log)
        for line in process.stdout:
            if line == b"ready\n":
                self.processes[node] = process
                return
        raise AssertionError(f"node {node} did not start: {self.log(node)}")

    def found(self, *nodes):
        peers = ",".join(f"{node}={self.addresses[node]}" for node in nodes)
        for node in nodes:
            self.start(node, "--node-id", str(node), "--peers", peers, "--election-timeout-ms", "400")

    def join(self, node, *members):
        self.start(node, "--node-id", str(node), "--listen", self.addresses[node], "--join", self.named(*members))

    def kill(self, node, how=signal.SIGKILL):
        process = self.processes.pop(node)
        process.send_signal(how)
        process.wait()

    def log(self, node):
        return open(self.path(node) + ".log").read()

    def kv(self, *arguments, at=None):
        at = at or list(self.processes)
        return subprocess.run([KV, *arguments, "--addr", self.named(*at)], capture_output=True, text=True)

    def done(self, *arguments, at=None):
        ended = self.kv(*arguments, at=at)
        expect(ended.returncode == 0, f"kv {' '.join(arguments)}: {ended.returncode}: {ended.stdout}{ended.stderr}")
        return ended.stdout

    def refused(self, *arguments, at=None):
        ended = self.kv(*arguments, at=at)
        expect(ended.returncode != 0, f"kv {' '.join(arguments)} was not refused: {ended.stdout}")
        return ended.stderr

    def replication(self, node):
        return json.loads(self.done("stats", "replication", "--json", at=[node]))["replication"]

    def roles(self):
        """What `kv cluster status` says: node -> role."""
        page = json.loads(self.kv("cluster", "status", "--json").stdout)
        return {member["node"]: member.get("role", "unreachable") for member in page["members"]}

    def leader(self):
        while True:
            leaders = [node for node, role in self.roles().items() if role == "leader"]
            if leaders:
                return leaders[0]

    def voters(self):
        return sorted(node for node, role in self.roles().items() if role in ("leader", "follower", "candidate"))


class Load:
    """Writes without a pause; each acknowledged one must be there at the end."""

    def __init__(self, nodes, at):
        self.nodes, self.at = nodes, at
        self.acknowledged, self.failed = [], None
        self.stopping = False
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()

    def run(self):
        number = 0
        while not self.stopping:
            number += 1
            ended = self.nodes.kv("put", f"load{number}", f"v{number}", at=self.at)
            if ended.returncode == 0:
                self.acknowledged.append(number)
            elif ended.returncode != 8:
                self.failed = ended.stderr
                return

    def wait_for(self, more):
        target = len(self.acknowledged) + more
        while len(self.acknowledged) < target and not self.failed:
            time.sleep(0.01)
        expect(not self.failed, f"a write failed: {self.failed}")

    def check_at(self, node):
        for number in self.acknowledged:
            got = self.nodes.done("get", f"load{number}", at=[node])
            expect(got == f"v{number}", f"load{number} is {got!r} at node {node}")


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def within(text, words, what):
    expect(words in text, f"{what}: {text!r} does not say {words!r}")


def check_learner(nodes):
    """4 is added and does not go on: it has no vote, so it is not handed the lead."""
    leader = nodes.leader()
    uuid = nodes.replication(4)["replication_uuid"]
    nodes.processes[4].send_signal(signal.SIGSTOP)
    host, port = nodes.addresses[4].split(":")
    request = f"CLUSTER do=add node=4 uuid={uuid} peer={host}:{int(port) + 10000} client={host}:{port}\n"
    with socket.create_connection(tuple(nodes.addresses[leader].split(":"))) as talk:
        talk.sendall(request.encode() + b"QUIT\n")
        reply = talk.makefile().read()
    within(reply, "add: begun", "the answer to CLUSTER do=add")
    while nodes.replication(leader).get("replication_peer_4", {}).get("role") != "learner":
        time.sleep(0.02)
    within(nodes.refused("cluster", "transfer", "4", at=[leader]), "node 4 has no vote yet", "a hand-over to a learner")
    expect(nodes.leader() == leader, "it leads on")
    nodes.processes[4].send_signal(signal.SIGCONT)


def check_replaced_under_load(nodes):
    """3 goes, 4 takes its place. What is asked for too early or wrongly says what to do."""
    within(nodes.refused("cluster", "add", f"4={nodes.addresses[4]}"), "--join", "a node that does not run")
    nodes.join(4, 1, 2, 3)
    expect(nodes.replication(4)["replication_role"] == "waiting", "what is no member waits")
    within(nodes.refused("cluster", "add", f"5={nodes.addresses[4]}"), "is number 4, not 5", "another number")
    for request in (["put", "k", "v"], ["get", "k"], ["cluster", "status"]):
        text = nodes.refused(*request, "--retry-for", "0", at=[4])
        within(text, "node 4 waits to be added", f"{request} at what waits")
    check_learner(nodes)
    with Load(nodes, [1, 2, 3, 4]) as load:
        load.wait_for(20)
        within(nodes.done("cluster", "add", f"4={nodes.addresses[4]}"), "node 4 is a member", "an addition")
        load.wait_for(20)
        expect(nodes.voters() == [1, 2, 3, 4], f"four vote: {nodes.roles()}")
        within(nodes.done("cluster", "add", f"4={nodes.addresses[4]}"), "node 4 is a member", "the same once more")
        nodes.done("cluster", "remove", "3")
        load.wait_for(20)
    expect(nodes.roles() == {**nodes.roles(), 3: "no member"}, f"3 is none: {nodes.roles()}")
    nodes.kill(3, signal.SIGTERM)
    load.check_at(4)
    # A majority of the new ones that needs the new one.
    other = next(node for node in (1, 2) if node != nodes.leader())
    nodes.kill(other)
    nodes.done("put", "without", str(other))
    nodes.start(other)


def check_removed_is_harmless(nodes):
    """It knows nothing of its removal, wants to be elected, and nobody hears it."""
    term = nodes.replication(nodes.leader())["replication_term"]
    nodes.start(3)
    while nodes.log(3).count("not a member") == 0:
        time.sleep(0.02)
    while nodes.replication(3)["replication_role"] != "refused":
        time.sleep(0.02)
    time.sleep(1.5)  # a few elections
    expect(nodes.replication(nodes.leader())["replication_term"] == term, "the term is the same")
    text = nodes.refused("get", "without", "--retry-for", "0", at=[3])
    within(text, "NOT_LEADER", "a read at a removed node")
    within(text, "node 3 was removed", "why")
    within(nodes.refused("put", "without", "3", "--retry-for", "0", at=[3]), "node 3 was removed", "why it takes no write")
    nodes.kill(3)


def check_wiped_disk(nodes):
    """Under its old number it is nobody, until that one is removed."""
    wiped = next(node for node in (1, 2, 4) if node != nodes.leader())
    others = [node for node in (1, 2, 4) if node != wiped]
    nodes.kill(wiped)
    shutil.rmtree(nodes.path(wiped))
    nodes.join(wiped, *others)
    text = nodes.refused("cluster", "add", f"{wiped}={nodes.addresses[wiped]}", at=others)
    within(text, "with another disk; remove that one first", "a number that is taken")
    expect(nodes.replication(wiped)["replication_role"] == "waiting", "it waits")
    # With its disk gone, and no other to replace it, the rest is the majority.
    nodes.done("put", "wiped", "1", at=others)
    nodes.done("cluster", "remove", str(wiped), at=others)
    nodes.done("cluster", "add", f"{wiped}={nodes.addresses[wiped]}", at=others)
    expect(nodes.voters() == [1, 2, 4], f"three vote again: {nodes.roles()}")
    expect(nodes.done("get", "wiped", at=[wiped]) == "1", "it has what it missed")
    # All of them come back by themselves, and know each other.
    for node in (1, 2, 4):
        nodes.kill(node)
    for node in (1, 2, 4):
        nodes.start(node)
    nodes.done("put", "again", "1")
    expect(nodes.voters() == [1, 2, 4], f"three vote behind a restart: {nodes.roles()}")


def let_log_go(nodes):
    """Until the record that says who the members are is no log any more."""
    while (status := nodes.replication(nodes.leader()))["replication_floor"] <= status["replication_members_since"]:
        for i in range(20):
            nodes.done("put", f"filler{i}", "x" * 500)


def check_leader_removed(nodes):
    let_log_go(nodes)
    nodes.join(5, 1, 2, 4)
    # Who mistakes the port that members meet at is told, and can mend it.
    text = nodes.refused("cluster", "add", f"5={nodes.addresses[5]}/1", "--wait", "1s")
    within(text, "the leader cannot connect to it at 127.0.0.1:1;", "a port where nobody is")
    text = nodes.refused("cluster", "add", f"5={nodes.addresses[5]}", "--wait", "1s")
    within(text, "node 5 is a member already, which the others look for at 127.0.0.1:1;", "another address")
    nodes.done("cluster", "remove", "5")
    nodes.done("cluster", "add", f"5={nodes.addresses[5]}")
    within(nodes.log(5), "state received", "what a node says that is added late")
    leader = nodes.leader()
    with Load(nodes, [1, 2, 4, 5]) as load:
        load.wait_for(10)
        nodes.done("cluster", "remove", str(leader))
        load.wait_for(10)
    left = [node for node in (1, 2, 4, 5) if node != leader]
    expect(nodes.leader() in left, "another one leads")
    expect(nodes.voters() == left, f"three are left: {nodes.roles()}")
    load.check_at(left[0])
    nodes.kill(leader, signal.SIGTERM)
    return left


def check_majority_is_kept(nodes, members):
    """Of three, one is down: another one that goes would leave two, of which one is there."""
    leader = nodes.leader()
    down, stays = [node for node in members if node != leader]
    nodes.kill(down)
    while nodes.replication(leader)[f"replication_peer_{down}"]["connected"]:
        time.sleep(0.02)
    text = nodes.refused("cluster", "remove", str(stays), "--wait", "1s")
    within(text, "no majority of the voters that would be left", "a removal too many")
    within(nodes.refused("cluster", "remove", "9", "--wait", "1s"), "no member has number 9", "a stranger")
    nodes.done("put", "kept", "1")
    nodes.done("cluster", "remove", str(down))
    nodes.done("put", "kept", "2")
    return leader, stays


def check_failover(nodes, leader, other):
    within(nodes.done("cluster", "failover"), f"node {other} leads", "a failover")
    # Nobody leads while one of two is away; whoever is asked may not, and says why.
    nodes.kill(leader)
    while nodes.replication(other)["replication_serving"]:
        time.sleep(0.02)
    text = nodes.refused("cluster", "failover", "--wait", "1s", at=[other])
    within(text, "a majority of the members must be there", "a failover without a majority")
    nodes.start(leader)
    nodes.done("cluster", "failover")
    nodes.done("put", "over", "1")


def main():
    scratch = tempfile.mkdtemp()
    nodes = Nodes(scratch, 5)
    try:
        nodes.found(1, 2, 3)
        nodes.done("put", "first", "1")
        check_replaced_under_load(nodes)
        check_removed_is_harmless(nodes)
        check_wiped_disk(nodes)
        members = check_leader_removed(nodes)
        check_failover(nodes, *check_majority_is_kept(nodes, members))
    except AssertionError as failure:
        for node in nodes.addresses:
            if os.path.exists(nodes.path(node) + ".log"):
                print(f"--- the log of node {node}\n{nodes.log(node)}", file=sys.stderr)
        sys.exit(f"member_change_test: {failure}")
    finally:
        for process in nodes.processes.values():
            process.kill()
        shutil.rmtree(scratch)


for name in [name for name in os.environ if name.startswith("KV_")]:
    del os.environ[name]
main()
