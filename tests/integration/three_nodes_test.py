#!/usr/bin/env python3
"""Three servers that are a cluster, as processes: three_nodes_test.py KV-BINARY.

Who leads takes writes and the others say where it is; every node answers reads with what was acknowledged before; the
leader's kill loses nothing; a wiped disk is not taken for the node it was; what does not fit together is refused.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from ports import free_ports

KV = os.path.abspath(sys.argv[1])
NODES = (1, 2, 3)


class Cluster:
    def __init__(self, scratch):
        self.scratch = scratch
        self.ports = dict(zip(NODES, free_ports(len(NODES))))
        self.peers = ",".join(f"{node}=127.0.0.1:{port}" for node, port in self.ports.items())
        self.processes = {}

    def path(self, node):
        return os.path.join(self.scratch, f"n{node}")

    def command(self, node, *more):
        return [KV, "start", "--data", self.path(node), *more]

    def start(self, node, *more, first=True):
        named = ("--node-id", str(node), "--peers", self.peers) if first else ()
        log = open(self.path(node) + ".log", "ab")
        process = subprocess.Popen(self.command(node, *named, *more), stdout=subprocess.PIPE, stderr=log)
        for line in process.stdout:
            if line == b"ready\n":
                self.processes[node] = process
                return
        sys.exit(f"node {node} did not start: " + open(self.path(node) + ".log").read())

    def kill(self, node, how=signal.SIGKILL):
        process = self.processes.pop(node)
        process.send_signal(how)
        process.wait()
        return process.returncode

    def log(self, node):
        return open(self.path(node) + ".log").read()

    def ask(self, node, request):
        """The whole reply to one request; None: nobody answers."""
        try:
            with socket.create_connection(("127.0.0.1", self.ports[node])) as talk:
                talk.sendall(request + b"QUIT\n")
                reply = b""
                while more := talk.recv(65536):
                    reply += more
        except OSError:
            return None
        return reply.removesuffix(b"OK bye\n").decode()

    def status(self, node):
        reply = self.ask(node, b"STATS fmt=json section=replication\n")
        return reply and json.loads(reply.split("\n", 1)[1])["replication"]

    def address(self, node):
        return f"127.0.0.1:{self.ports[node]}"

    def kv(self, *arguments):
        return subprocess.run([KV, *arguments], capture_output=True, text=True)

    def members(self, node):
        """What `kv cluster status` tells who asks that node: its exit code, and the rest."""
        done = self.kv("cluster", "status", "--json", "--addr", self.address(node))
        return done.returncode, json.loads(done.stdout)

    def leader(self):
        while True:
            for node in list(self.processes):
                status = self.status(node)
                if status and status["replication_serving"]:
                    return node
            time.sleep(0.02)

    def agreed_leader(self):
        """Once all of them say the same. What they say is some milliseconds old."""
        while True:
            found = {node: self.status(node) for node in NODES}
            named = {status["replication_leader"] for status in found.values()}
            serving = {node for node, status in found.items() if status["replication_serving"]}
            if len(named) == 1 and named == serving:
                return named.pop()
            time.sleep(0.02)

    def put(self, key, value):
        """At whoever leads, as often as it takes; every write here may be repeated."""
        request = f"PUT {len(key)} {len(value)}\n{key}{value}".encode()
        while True:
            reply = self.ask(self.leader(), request)
            if reply and reply.startswith("OK "):
                return
            if reply:
                expect(re.match(r"ERR (NOT_LEADER|UNKNOWN_OUTCOME|SHUTTING_DOWN) ", reply), f"a PUT: {reply}")

    def get(self, node, key):
        """Once a leader can be reached."""
        while True:
            reply = self.ask(node, f"GET {len(key)}\n{key}".encode())
            if reply and not reply.startswith("ERR NOT_LEADER "):
                return reply.split("\n")[1] if reply.startswith("VALUE ") else reply


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def same(got, expected, what):
    expect(got == expected, f"{what}: {got!r} instead of {expected!r}")


def refused(cluster, node, *arguments):
    done = subprocess.run(cluster.command(node, *arguments), capture_output=True, text=True)
    expect(done.returncode != 0, f"{arguments} was not refused")
    return done.stderr


def check_large_value(cluster):
    """Larger than what waits for a slow member at most: it must not keep everything behind it from all of them."""
    value = "x" * (40 << 20)
    cluster.put("large", value)
    cluster.put("behind", "it")
    for node in NODES:
        same(cluster.get(node, "large"), value, f"a large value at node {node}")


def check_writes_and_reads(cluster):
    cluster.put("a", "1")
    leader = cluster.leader()
    for node in NODES:
        same(cluster.get(node, "a"), "1", f"a read at node {node}")
        hello = cluster.ask(node, b"HELLO\n")
        expect(f"node=n{node} role={'leader' if node == leader else 'follower'} " in hello, hello)
        expect(f"leader=127.0.0.1:{cluster.ports[leader]} " in hello, hello)
        if node == leader:
            continue
        reply = cluster.ask(node, b"PUT 1 1\na2")
        expect(reply.startswith(f"ERR NOT_LEADER applied=no leader=127.0.0.1:{cluster.ports[leader]} epoch="), reply)
    # What is acknowledged is there for the next reader, at any node.
    for i in range(30):
        cluster.put("b", str(i))
        same(cluster.get(NODES[i % 3], "b"), str(i), "a read behind a write")


def check_kill(cluster):
    for i in range(3):
        cluster.put("c", str(i))
        leader = cluster.leader()
        cluster.kill(leader)
        cluster.put("d", str(i))
        expect(cluster.leader() != leader, "a dead node leads")
        same(cluster.get(cluster.leader(), "c"), str(i), "an acknowledged write behind a kill")
        cluster.start(leader, first=False)
        same(cluster.get(leader, "d"), str(i), "a read at the node that came back")


def check_stop(cluster):
    """Who is told to stop hands over first: the next leader does not wait for an election."""
    leader = cluster.leader()
    term = cluster.status(leader)["replication_term"]
    same(cluster.kill(leader, signal.SIGTERM), 0, "the exit code of a leader that stops")
    cluster.put("e", "1")
    expect("event=\"role\" role=follower" in cluster.log(leader), cluster.log(leader))
    same(cluster.status(cluster.leader())["replication_term"], term + 1, "the term behind a hand-over")
    cluster.start(leader, first=False)


def check_transfer(cluster):
    """CLUSTER, and the commands that speak it."""
    leader = cluster.agreed_leader()
    target, other = [node for node in NODES if node != leader]
    begun = "INFO 15\ntransfer: begun\n"
    reply = cluster.ask(other, b"CLUSTER do=transfer\n")
    expect(reply.startswith(f"ERR NOT_LEADER applied=no leader={cluster.address(leader)} epoch="), reply)
    reply = cluster.ask(leader, b"CLUSTER do=transfer node=9\n")
    expect(reply.startswith("ERR BAD_ARG applied=no arg=node :no other member has number 9"), reply)
    same(cluster.agreed_leader(), leader, "who leads when nothing was handed over")
    request = f"CLUSTER do=transfer node={target}\n".encode()
    same(cluster.ask(leader, request), begun, "the answer to a transfer")
    while cluster.agreed_leader() != target:
        cluster.ask(leader, request)  # a member that has just started does not take it yet
    expect("replication_role: leader" in cluster.ask(target, b"CLUSTER\n"), "what the new leader says of itself")
    cluster.put("t", "1")
    # The command finds the leader, whoever is asked.
    done = cluster.kv("cluster", "transfer", str(other), "--addr", cluster.address(leader))
    expect(re.fullmatch(rf"node {other} leads in term \d+; nobody took writes for \d+ ms at most\n", done.stdout),
           done.stdout + done.stderr)
    same((done.returncode, cluster.agreed_leader()), (0, other), "behind a transfer to a node")
    done = cluster.kv("cluster", "transfer", "--json", "--addr", cluster.address(other))
    told = json.loads(done.stdout)
    same((told["from"], told["to"]), (other, cluster.agreed_leader()), "who handed over to whom")
    expect(told["to"] != other, "nobody took over")
    same(cluster.get(leader, "t"), "1", "a write from before two transfers")
    done = cluster.kv("cluster", "transfer", "9", "--addr", cluster.address(leader))
    same((done.returncode, done.stdout), (1, ""), "a transfer to nobody")


def check_status(cluster):
    cluster.put("s", "1")
    leader = cluster.agreed_leader()
    gone, other = [node for node in NODES if node != leader]
    for node in NODES:
        code, page = cluster.members(node)
        same((code, page["leader"]), (0, leader), f"the status, asked at node {node}")
        same([(one["node"], one["address"], one["reachable"]) for one in page["members"]],
             [(one, cluster.address(one), True) for one in NODES], "the members")
        same([one["role"] == "leader" for one in page["members"]], [one == leader for one in NODES], "their roles")
    cluster.kill(gone)
    cluster.put("s", "2")
    missing = {"lag_records": 0}
    while missing["lag_records"] == 0:  # it lacks what it was not there for
        code, page = cluster.members(other)
        missing = page["members"][gone - 1]
        same((code, missing["reachable"]), (0, False), "a member that is gone")
    table = cluster.kv("cluster", "status", "--addr", cluster.address(other)).stdout.splitlines()
    same((len(table), table[gone].split()[:3]), (4, [str(gone), cluster.address(gone), "unreachable"]), "its row")
    cluster.kill(leader)
    code = 0
    while code == 0:  # what it heard last may stand for a moment
        code, page = cluster.members(other)
    same((code, page["leader"]), (5, 0), "the status while nobody leads")
    same(cluster.kv("cluster", "transfer", "--addr", cluster.address(other)).returncode, 5, "nothing to hand over")
    cluster.start(leader, first=False)
    cluster.start(gone, first=False)
    while True:
        code, page = cluster.members(other)
        if code == 0 and all(one.get("lag_records") == 0 for one in page["members"]):
            break
        time.sleep(0.02)
    same(cluster.get(gone, "s"), "2", "a read at the member that came back")


def check_minority(cluster):
    leader = cluster.leader()
    others = [node for node in NODES if node != leader]
    for node in others:
        cluster.kill(node)
    reply = "OK"
    while reply.startswith(("OK", "VALUE")):
        reply = cluster.ask(leader, b"GET 1\na")
    expect(reply.startswith("ERR NOT_LEADER applied=no leader=- "), reply)
    while cluster.status(leader)["replication_serving"]:
        time.sleep(0.02)
    reply = cluster.ask(leader, b"PUT 1 1\naX")
    expect(reply.startswith("ERR NOT_LEADER applied=no leader=- "), reply)
    for node in others:
        cluster.start(node, first=False)
    cluster.put("f", "1")
    same(cluster.get(leader, "a"), "1", "a read behind the majority's return")


def check_other_address(cluster):
    """A member that listens where nobody looks for it says so."""
    follower = next(node for node in NODES if node != cluster.leader())
    expect("members send clients elsewhere" not in cluster.log(follower), "a warning without a cause")
    cluster.kill(follower)
    cluster.start(follower, "--listen", "127.0.0.1:0", first=False)
    expect(f"known=127.0.0.1:{cluster.ports[follower]}" in cluster.log(follower), "no warning of another address")
    cluster.kill(follower)
    cluster.start(follower, first=False)


def check_wiped_disk(cluster):
    follower = next(node for node in NODES if node != cluster.leader())
    cluster.kill(follower)
    shutil.rmtree(cluster.path(follower))
    cluster.start(follower)
    while "had another disk" not in cluster.log(cluster.leader()):
        same(cluster.status(follower)["replication_last"], 0, "what a wiped node has")
        time.sleep(0.05)
    status = cluster.status(follower)
    same((status["replication_leader"], status["replication_last"]), (0, 0), "what the wiped node has")
    while cluster.status(follower)["replication_role"] != "refused":
        time.sleep(0.05)
    done = cluster.kv("cluster", "init", *cluster.peers.split(","))
    same((done.returncode, done.stdout), (1, ""), "a cluster of which one has another disk")
    expect(f"the others refuse node {follower} at" in done.stderr, done.stderr)
    cluster.put("g", "1")
    cluster.kill(follower)


def check_refusals(cluster):
    node = cluster.leader()
    port = ("--listen", "127.0.0.1:0")
    expect("is in use" in refused(cluster, node, *port), "two processes for one directory")
    cluster.kill(node)
    other = node % 3 + 1
    expect(f"is node {node} of its cluster, not node {other}" in
           refused(cluster, node, *port, "--node-id", str(other), "--peers", cluster.peers), "another number")
    expect("the peers are not those" in
           refused(cluster, node, *port, "--node-id", str(node), "--peers", cluster.peers + ",9=127.0.0.1:9"),
           "another list")
    expect("a member of a cluster counts what is on its disk" in refused(cluster, node, "--sync", "none"), "no sync")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", cluster.ports[node] + 10000))
        taken.listen()
        expect(f"cannot listen on 127.0.0.1:{cluster.ports[node] + 10000}, where --peers or --peer-port has other "
               "members find this node: Address already in use; end what listens there" in refused(cluster, node),
               "a port for members that is taken")
    os.remove(os.path.join(cluster.path(node), "HARDSTATE"))
    expect("HARDSTATE" in refused(cluster, node), "a node without its promises")
    alone = os.path.join(cluster.scratch, "n9")
    process = subprocess.Popen([KV, "start", "--data", alone, *port], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    address = [line for line in iter(process.stdout.readline, b"ready\n") if b"native" in line][0].split()[1].decode()
    subprocess.run([KV, "put", "k", "v", "--addr", address], check=True, stdout=subprocess.DEVNULL)
    done = cluster.kv("cluster", "status", "--addr", address)
    same((done.returncode, done.stdout), (1, ""), "the status of a server alone")
    expect("no member of a cluster" in done.stderr, done.stderr)
    process.terminate()
    process.wait()
    expect("begin empty" in refused(cluster, 9, "--node-id", "9", "--peers", "9=127.0.0.1:7499"), "a database alone")


def main():
    scratch = tempfile.mkdtemp()
    cluster = Cluster(scratch)
    try:
        for node in NODES:
            cluster.start(node)
        check_writes_and_reads(cluster)
        check_large_value(cluster)
        check_kill(cluster)
        check_stop(cluster)
        check_transfer(cluster)
        check_status(cluster)
        check_minority(cluster)
        check_other_address(cluster)
        check_wiped_disk(cluster)
        check_refusals(cluster)
    except AssertionError as failure:
        for node in NODES:
            print(f"--- the log of node {node}\n{cluster.log(node)}", file=sys.stderr)
        sys.exit(f"three_nodes_test: {failure}")
    finally:
        for process in cluster.processes.values():
            process.kill()
        shutil.rmtree(scratch)


for name in [name for name in os.environ if name.startswith("KV_")]:
    del os.environ[name]
if __name__ == "__main__":
    main()
