#!/usr/bin/env python3
"""The commands of kv on three servers that are a cluster: cluster_client_test.py KV-BINARY.

Each works at whichever address it is given; with several it goes on when the leader is killed; without a leader it says
whom it asked.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

from ports import free_ports
from terminal import Terminal, equal

KV = os.path.abspath(sys.argv[1])
NODES = (1, 2, 3)
AS_LONG_AS_IT_TAKES = ("--retry-for", "1h")


class Cluster:
    def __init__(self, scratch):
        self.scratch = scratch
        self.address = {node: f"127.0.0.1:{port}" for node, port in zip(NODES, free_ports(len(NODES)))}
        self.all = ",".join(self.address.values())
        self.processes = {}
        peers = ",".join(f"{node}={address}" for node, address in self.address.items())
        for node in NODES:
            self.start(node, "--node-id", str(node), "--peers", peers)

    def start(self, node, *flags):
        log = open(os.path.join(self.scratch, f"n{node}.log"), "ab")
        data = os.path.join(self.scratch, f"n{node}")
        self.processes[node] = subprocess.Popen([KV, "start", "--data", data, *flags], stdout=subprocess.PIPE, stderr=log)
        if not any(line == b"ready\n" for line in self.processes[node].stdout):
            raise AssertionError(f"node {node} did not start: " + open(log.name).read())

    def kill(self, node):
        self.processes[node].kill()
        self.processes.pop(node).wait()

    def leader(self):
        while True:
            for node in self.processes:
                stats = json.loads(kv("stats", "replication", "--json", "--addr", self.address[node]))["replication"]
                if stats["replication_serving"]:
                    return node

    def followers(self):
        leader = self.leader()
        return [node for node in self.processes if node != leader]


def kv(*arguments, code=0, **more):
    done = subprocess.run([KV, *arguments], capture_output=True, text=True, **more)
    if done.returncode != code:
        raise AssertionError(f"{arguments}: exit code {done.returncode}, {done.stdout}{done.stderr}")
    return done.stdout if code == 0 else done.stderr


def commands_work_at_any_address(cluster):
    for node, address in cluster.address.items():
        at = ("--addr", address, *AS_LONG_AS_IT_TAKES)
        equal(kv("put", "k", str(node), *at), "OK\n")
        equal(kv("get", "k", *at), str(node))
        equal(kv("put", "gone", "x", *at), "OK\n")
        equal(kv("del", "gone", *at), "OK\n")
        equal(kv("attach", *at, input="BPUT a 1 b 2\nDEL a\nPREFIX b\n").splitlines()[2:], ["b\t2", "(1 key)"])


def whole_data_sets_go_through_a_follower(cluster):
    follower = cluster.address[cluster.followers()[0]]
    records = "".join(f'{{"key":"r{i:04}","value":"{i}"}}\n' for i in range(3000))
    equal(kv("import", "--addr", follower, *AS_LONG_AS_IT_TAKES, input=records), "imported 3 000 records\n")
    for address in (follower, cluster.all):
        equal(kv("export", "--prefix", "r", "--addr", address), records)
    equal(kv("count", "--prefix", "r", "--addr", cluster.all), "3000\n")


def bench_is_for_the_leader(cluster):
    for address in (cluster.address[cluster.followers()[0]], cluster.all):
        out = kv("bench", "--keys", "100", "--clients", "3", "--workload", "a", "--ops", "500", "--json", "--addr", address,
                 *AS_LONG_AS_IT_TAKES)
        equal(json.loads(out)["all"]["errors"], 0)
    told = kv("bench", "--proto", "resp", "--addr", cluster.all, code=2)
    equal(told, "kv: --addr: --proto resp takes one server; see `kv help bench`\n")


def a_shell_goes_on_when_the_leader_is_killed(cluster, home):
    leader = cluster.leader()
    first = cluster.address[cluster.followers()[0]]
    shell = Terminal(home, KV, "attach", "--addr", first + "," + cluster.all, *AS_LONG_AS_IT_TAKES)
    shell.expect(f"connected to {first}; HELP lists the verbs")
    shell.expect(f"kv {first}> ")
    shell.type("PUT shell 1\n")
    shell.expect("OK ver=")
    shell.expect(f"kv {cluster.address[leader]}> ")  # the prompt tells who answers
    cluster.kill(leader)
    shell.type("PUT shell 2\n")
    shell.expect("OK ver=")
    shell.expect("> ")
    shell.type("QUIT\n")
    equal(shell.end(), 0)
    # A command that begins with the dead one.
    order = ",".join([cluster.address[leader], *(cluster.address[node] for node in cluster.processes)])
    equal(kv("get", "shell", "--addr", order, *AS_LONG_AS_IT_TAKES), "2")
    equal(kv("put", "k", "after", "--addr", order, *AS_LONG_AS_IT_TAKES), "OK\n")


def without_a_leader_it_is_told_who_was_asked(cluster):
    cluster.kill(cluster.followers()[0])
    (last,) = cluster.processes
    one = cluster.address[last]
    while json.loads(kv("stats", "replication", "--json", "--addr", one))["replication"]["replication_serving"]:
        pass
    told = kv("get", "k", "--addr", one, "--retry-for", "0", code=5)
    equal(told.split(" ")[:3], ["kv:", "NOT_LEADER", "leader=-"])
    told = kv("put", "k", "v", "--addr", cluster.all, "--retry-for", "300ms", code=5)
    for part in ["kv: no leader took the request within 300 ms; ", f"{one}: NOT_LEADER leader=-", "Connection refused",
                 "a cluster has a leader while more than half of its servers reach each other\n",
                 "kv: --addr HOST:PORT,HOST:PORT names more of its servers, --retry-for waits longer\n"]:
        if part not in told:
            raise AssertionError(f"{part!r} is not in {told!r}")
    dead = ",".join(address for node, address in cluster.address.items() if node != last)
    told = kv("get", "k", "--addr", dead, "--retry-for", "50ms", code=7)
    equal(told.startswith("kv: no server took the request within 50 ms; cannot connect to "), True)


def main():
    scratch = tempfile.mkdtemp()
    cluster = None
    try:
        cluster = Cluster(scratch)
        commands_work_at_any_address(cluster)
        whole_data_sets_go_through_a_follower(cluster)
        bench_is_for_the_leader(cluster)
        a_shell_goes_on_when_the_leader_is_killed(cluster, scratch)
        without_a_leader_it_is_told_who_was_asked(cluster)
    finally:
        for process in (cluster.processes if cluster else {}).values():
            process.send_signal(signal.SIGKILL)
        shutil.rmtree(scratch, ignore_errors=True)


for name in [name for name in os.environ if name.startswith("KV_")]:
    del os.environ[name]
main()
