"""What is done to an etcd in which leadership is placed, and to the cluster meanwhile. Only availability may change."""

import os
import signal
import subprocess

from client import now_ns
from network import both_ways
from nodes import wait_for
from scenarios import scenario

PLACES = (6, 7, 8)  # where etcd runs: no node of a cluster
FLAGS = ("--coordinator", "etcd", "--etcd-ttl-s", "2", "--etcd-limit-ms", "1500")
TIMES = ("--heartbeat-interval", "100", "--election-timeout", "500")  # of etcd's own members, in milliseconds


class Etcd:
    """A cluster of three of its own."""

    def __init__(self, network, scratch):
        self.network, self.scratch = network, scratch
        self.processes = {}

    def flags(self):
        return [*FLAGS, "--etcd-endpoints", ",".join(self.network.address(place) for place in PLACES)]

    def peer(self, place):
        host, port = self.network.address(place).rsplit(":", 1)
        return "http://%s:%d" % (host, int(port) + 10000)

    def start(self):
        """Those that do not run."""
        members = ",".join("e%d=%s" % (place, self.peer(place)) for place in PLACES)
        for place in PLACES:
            if place in self.processes:
                continue
            client, peer = "http://" + self.network.address(place), self.peer(place)
            name = "e%d" % place
            words = ["etcd", "--name", name, "--data-dir", os.path.join(self.scratch, name), "--listen-client-urls", client,
                     "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                     "--initial-cluster", members, *TIMES]
            with open(os.path.join(self.scratch, name + ".log"), "ab") as log:
                self.processes[place] = subprocess.Popen(self.network.command(place, words), stdout=log, stderr=log)

    def kill(self, places=PLACES):
        for place in places:
            if process := self.processes.pop(place, None):
                process.kill()
                process.wait()

    def pause(self, places=PLACES):
        for place in places:
            self.processes[place].send_signal(signal.SIGSTOP)

    def resume(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)


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


def some_of_etcd(drill):
    """All of it, which cannot be missed, or one or two of the three, so that the rest may go on or may not."""
    return drill.random.sample(PLACES, drill.random.choice((3, 3, 2, 1)))


@scenario("etcd-killed", nodes=3, needs=("etcd",))
def etcd_killed(drill):
    trouble(drill, lambda: drill.etcd.kill(some_of_etcd(drill)), drill.etcd.start)


@scenario("etcd-paused", nodes=3, needs=("etcd",))
def etcd_paused(drill):
    trouble(drill, lambda: drill.etcd.pause(some_of_etcd(drill)), drill.etcd.resume)


@scenario("etcd-cut-off", nodes=3, needs=("etcd", "cuts"))
def etcd_cut_off(drill):
    """From all nodes, from the leader, from all but the leader; the leader from the nodes and not from etcd; etcd's members from
    each other; or the leader with one of them from everybody else."""
    number = drill.random.randrange(6)

    def cut():
        nonlocal number
        leader = drill.cluster.leader()
        others = [node for node in drill.cluster.numbers if node != leader]
        first, *rest = drill.random.sample(PLACES, 3)
        sides = ((drill.cluster.numbers, PLACES), ([leader], PLACES), (others, PLACES), ([leader], others), (PLACES, PLACES),
                 ([leader, first], others + rest))
        drill.network.cut(both_ways(*sides[number % len(sides)]))
        number += 1

    trouble(drill, cut, drill.network.heal)
