"""What is done to an etcd in which leadership is placed, and to the cluster meanwhile. Only availability may change."""

import os
import signal
import subprocess

from client import now_ns
from network import both_ways
from nodes import wait_for
from scenarios import scenario

PLACE = 5  # where etcd runs: no node of a cluster of three
FLAGS = ("--coordinator", "etcd", "--etcd-ttl-s", "2", "--etcd-limit-ms", "1500")


class Etcd:
    def __init__(self, network, scratch):
        self.network, self.scratch = network, scratch
        self.process = None

    def flags(self):
        return [*FLAGS, "--etcd-endpoints", self.network.address(PLACE)]

    def start(self):
        address = self.network.address(PLACE)
        host, port = address.rsplit(":", 1)
        client, peer = "http://" + address, "http://%s:%d" % (host, int(port) + 10000)
        words = ["etcd", "--name", "e", "--data-dir", os.path.join(self.scratch, "etcd"), "--listen-client-urls", client,
                 "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                 "--initial-cluster", "e=" + peer]
        with open(os.path.join(self.scratch, "etcd.log"), "ab") as log:
            self.process = subprocess.Popen(self.network.command(PLACE, words), stdout=log, stderr=log)

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)


def await_key(drill):
    """Until all nodes know that etcd names the one that leads."""

    def is_named():
        leader = drill.cluster.leader()
        known = [drill.cluster.status(node) or {} for node in drill.cluster.processes]
        return all(status.get("replication_etcd_reachable") and status.get("replication_holder") == leader
                   for status in known)

    wait_for("etcd to name the leader", is_named)


def meanwhile(drill):
    """Half of the times somebody has to be elected; the other half nobody."""
    leader = drill.cluster.leader()
    drill.pause(0, 1)
    if drill.random.random() < 0.5:
        drill.load.await_write(now_ns())
        drill.pause(0.5, 3)
    else:
        drill.failover(drill.cluster.kill(leader), (leader,))
        drill.cluster.start(leader)
        drill.pause(0, 0.5)


def trouble(drill, harm, heal):
    while drill.goes_on():
        await_key(drill)
        harm()
        meanwhile(drill)
        heal()
        drill.load.await_write(now_ns())
    await_key(drill)


@scenario("etcd-killed", nodes=3, needs=("etcd",))
def etcd_killed(drill):
    trouble(drill, drill.etcd.kill, drill.etcd.start)


@scenario("etcd-paused", nodes=3, needs=("etcd",), is_short=False)
def etcd_paused(drill):
    trouble(drill, drill.etcd.pause, drill.etcd.resume)


@scenario("etcd-cut-off", nodes=3, needs=("etcd", "cuts"), is_short=False)
def etcd_cut_off(drill):
    """From all nodes, from the leader, from all but the leader; or the leader from the nodes and not from etcd."""
    number = drill.random.randrange(4)

    def cut():
        nonlocal number
        leader = drill.cluster.leader()
        others = [node for node in drill.cluster.numbers if node != leader]
        sides = ((drill.cluster.numbers, [PLACE]), ([leader], [PLACE]), (others, [PLACE]), ([leader], others))
        drill.network.cut(both_ways(*sides[number % 4]))
        number += 1

    trouble(drill, cut, drill.network.heal)
