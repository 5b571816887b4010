#!/usr/bin/env python3
"""Three servers whose leadership is placed in an etcd, a real one: etcd_gate_test.py KV-BINARY.

Who leads stands in etcd, and whoever takes over does; without etcd writes go on, and members elect after a while; a
person who writes a name there moves the lead. 77: there is no etcd here.
"""

import base64
import http.client
import json
import os
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
TTL_S = 2
LIMIT_MS = 3000


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


class Etcd:
    def __init__(self, scratch, port):
        self.scratch, self.port, self.peer_port = scratch, port, port + 10000
        self.process = None

    def start(self):
        client, peer = (f"http://127.0.0.1:{port}" for port in (self.port, self.peer_port))
        self.process = subprocess.Popen(
            ["etcd", "--name", "e", "--data-dir", os.path.join(self.scratch, "etcd"), "--listen-client-urls", client,
             "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
             "--initial-cluster", f"e={peer}"],
            stdout=subprocess.DEVNULL, stderr=open(os.path.join(self.scratch, "etcd.log"), "ab"))

    def signal(self, how):
        self.process.send_signal(how)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def post(self, path, body):
        """None: it does not answer."""
        talk = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            talk.request("POST", path, json.dumps(body))
            return json.loads(talk.getresponse().read())
        except OSError:
            return None
        finally:
            talk.close()

    def key(self, cluster):
        """What stands there, and under which lease; ({}, 0): nothing."""
        page = self.post("/v3/kv/range", {"key": name(cluster)})
        if not page or "kvs" not in page:
            return {}, 0
        one = page["kvs"][0]
        return json.loads(base64.b64decode(one["value"])), int(one.get("lease", 0))

    def put(self, cluster, value):
        value = base64.b64encode(json.dumps(value).encode()).decode()
        expect("header" in self.post("/v3/kv/put", {"key": name(cluster), "value": value}), "etcd takes a key")


def name(cluster):
    return base64.b64encode(f"kv/{cluster}/leader".encode()).decode()


class Cluster:
    def __init__(self, scratch, etcd, ports):
        self.scratch, self.etcd = scratch, etcd
        self.ports = dict(zip(NODES, ports))
        self.peers = ",".join(f"{node}=127.0.0.1:{port}" for node, port in self.ports.items())
        self.processes = {}
        self.id = None

    def start(self, node, *more):
        path = os.path.join(self.scratch, f"n{node}")
        process = subprocess.Popen(
            [KV, "start", "--data", path, "--node-id", str(node), "--peers", self.peers, "--election-timeout-ms", "300",
             "--coordinator", "etcd", "--etcd-endpoints", f"127.0.0.1:{self.etcd.port}", "--etcd-ttl-s", str(TTL_S),
             "--etcd-limit-ms", str(LIMIT_MS), *more],
            stdout=subprocess.PIPE, stderr=open(path + ".log", "ab"))
        for line in process.stdout:
            if line == b"ready\n":
                self.processes[node] = process
                return
        sys.exit(f"node {node} did not start: " + open(path + ".log").read())

    def kill(self, node, how=signal.SIGKILL):
        process = self.processes.pop(node)
        process.send_signal(how)
        process.wait()

    def ask(self, node, request):
        try:
            with socket.create_connection(("127.0.0.1", self.ports[node]), timeout=20) as talk:
                talk.sendall(request + b"QUIT\n")
                reply = b""
                while more := talk.recv(65536):
                    reply += more
        except OSError:
            return ""
        return reply.removesuffix(b"OK bye\n").decode()

    def status(self, node):
        reply = self.ask(node, b"STATS fmt=json section=replication\n")
        return json.loads(reply.split("\n", 1)[1])["replication"] if reply else {}

    def leader(self):
        while True:
            for node in list(self.processes):
                status = self.status(node)
                if status.get("replication_serving"):
                    self.id = status["replication_cluster"]
                    return node
            time.sleep(0.02)

    def hand_overs(self):
        """That the key brought about, so far."""
        return sum(open(os.path.join(self.scratch, f"n{node}.log")).read().count('event="hand-over"') for node in NODES)

    def put(self, key):
        """Until whoever leads acknowledges it."""
        while True:
            leader = self.leader()
            if self.ask(leader, f"PUT {len(key)} 1\n{key}v".encode()).startswith("OK "):
                return leader

    def await_key(self):
        """Until etcd names the node that leads, with its term, and all nodes know it."""
        while True:
            leader = self.leader()
            status = self.status(leader)
            claim, lease = self.etcd.key(self.id)
            holders = {self.status(node).get("replication_holder") for node in list(self.processes)}
            if claim.get("node_id") == leader and claim.get("term") == status["replication_term"] and holders == {leader}:
                expect(lease != 0, "the key has a lease")
                expect(claim["addr"] == f"127.0.0.1:{self.ports[leader]}", f"the key tells the address: {claim}")
                expect(0 < claim["seq"] <= status["replication_commit"], f"the key tells what is committed: {claim}")
                return leader
            time.sleep(0.05)


def check_leader_is_published(cluster):
    """Only the holder may campaign, and every node tells."""
    while True:
        leader = cluster.await_key()
        found = {node: cluster.status(node) for node in NODES}
        if all(status["replication_may_campaign"] == (node == leader) for node, status in found.items()):
            break
    asked = subprocess.run([KV, "cluster", "status", "--addr", f"127.0.0.1:{cluster.ports[leader]}"],
                           capture_output=True, text=True)
    expect(asked.stdout.endswith(f"\netcd  node {leader} has the leadership key\n"), f"kv cluster status: {asked.stdout}")
    for node, status in found.items():
        expect(status["replication_coordinator"] == "etcd", f"node {node} tells the coordinator")
        expect(status["replication_etcd_reachable"], f"node {node} reaches etcd")


def check_failover(cluster):
    """The new leader has the key."""
    before = cluster.await_key()
    cluster.kill(before)
    after = cluster.await_key()
    expect(after != before, "another node leads")
    cluster.put("failover")
    cluster.start(before)


def write_for(cluster, seconds):
    """Writes go on, and nobody hands over because of the key. (A stall of the machine may elect another leader.)"""
    before = cluster.hand_overs()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        cluster.put("outage")
        time.sleep(0.05)
    expect(cluster.hand_overs() == before, "nobody hands over without etcd")


def check_paused_etcd(cluster):
    """Nothing changes for clients, not even when the key runs out; it is back with etcd."""
    cluster.await_key()
    cluster.etcd.signal(signal.SIGSTOP)
    write_for(cluster, 2 * TTL_S + 1)
    for node in NODES:
        expect(not cluster.status(node)["replication_etcd_reachable"], "that etcd is away is told")
    cluster.etcd.signal(signal.SIGCONT)
    cluster.await_key()


def check_dead_etcd(cluster):
    """Writes go on; a leader that dies is replaced, later."""
    cluster.await_key()
    cluster.etcd.kill()
    write_for(cluster, TTL_S + 1)
    leader = cluster.leader()
    cluster.kill(leader)
    cluster.put("elected without etcd")
    cluster.start(leader)
    cluster.etcd.start()
    cluster.await_key()


def check_wish(cluster):
    """A key that names another node moves the lead there."""
    leader = cluster.await_key()
    wanted = next(node for node in NODES if node != leader)
    before = cluster.hand_overs()
    while cluster.await_key() != wanted:
        cluster.etcd.put(cluster.id, {"node_id": wanted})
    expect(cluster.hand_overs() > before, "the leader hands over")


def check_transfer(cluster):
    """The key goes along."""
    leader = cluster.await_key()
    wanted = next(node for node in NODES if node != leader)
    while (leader := cluster.await_key()) != wanted:
        subprocess.run([KV, "cluster", "transfer", str(wanted), "--addr", f"127.0.0.1:{cluster.ports[leader]}"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def check_start_without_etcd(cluster):
    """Members wait for as long as the limit says, and elect then."""
    for node in NODES:
        cluster.kill(node)
    cluster.etcd.kill()
    begun = time.monotonic()
    for node in NODES:
        cluster.start(node)
    cluster.put("no etcd")
    expect(time.monotonic() - begun > LIMIT_MS / 1000, "an election waits for etcd first")
    cluster.etcd.start()
    cluster.await_key()


def check_strict(cluster):
    """A leader that loses its key hands over."""
    for node in NODES:
        cluster.kill(node, signal.SIGTERM)
    for node in NODES:
        cluster.start(node, "--etcd-gate", "strict")
    cluster.await_key()
    before = cluster.hand_overs()
    cluster.etcd.signal(signal.SIGSTOP)
    while cluster.hand_overs() == before:
        cluster.put("strict")
    cluster.etcd.signal(signal.SIGCONT)
    cluster.await_key()


def check_refusals(scratch):
    def refused(*flags):
        done = subprocess.run([KV, "start", "--data", os.path.join(scratch, "none"), *flags], capture_output=True,
                              text=True, timeout=60)
        expect(done.returncode == 2, f"{flags}: exit code {done.returncode}")
        return done.stderr

    member = ("--node-id", "1", "--peers", "1=127.0.0.1:7401")
    expect("--etcd-endpoints" in refused("--coordinator", "etcd", *member), "endpoints are asked for")
    expect("--coordinator" in refused("--etcd-endpoints", "127.0.0.1:1", *member), "the coordinator is asked for")
    expect("member" in refused("--coordinator", "etcd", "--etcd-endpoints", "127.0.0.1:1"), "a server alone has none")
    expect("https" in refused("--coordinator", "etcd", "--etcd-endpoints", "https://a:1", *member), "no TLS")
    refused("--etcd-ttl-s", "1", *member)
    expect(not os.path.exists(os.path.join(scratch, "none")), "nothing is made")


def main():
    if not shutil.which("etcd"):
        print("there is no etcd here")
        sys.exit(77)
    scratch = tempfile.mkdtemp(prefix="kv-etcd-gate-")
    ports = free_ports(1 + len(NODES))
    etcd = Etcd(scratch, ports[0])
    cluster = Cluster(scratch, etcd, ports[1:])
    try:
        check_refusals(scratch)
        etcd.start()
        for node in NODES:
            cluster.start(node)
        for check in (check_leader_is_published, check_failover, check_wish, check_transfer, check_paused_etcd,
                      check_dead_etcd, check_start_without_etcd, check_strict):
            begun = time.monotonic()
            check(cluster)
            print(f"{check.__name__}: {time.monotonic() - begun:.1f} s", flush=True)
    except BaseException:
        for node in cluster.processes:
            print(f"--- node {node}")
            print(open(os.path.join(scratch, f"n{node}.log")).read()[-4000:])
        raise
    finally:
        for process in cluster.processes.values():
            process.kill()
        if etcd.process:
            etcd.process.kill()
        shutil.rmtree(scratch, ignore_errors=True)


main()
