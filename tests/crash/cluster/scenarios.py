"""What is done to processes and to the network. Each scenario does harm for as long as it is told, and at least once; what
it leaves undone (a node that is dead, a link that is cut) is made whole behind it.
"""

import dataclasses
import signal
import time
import typing

from client import now_ns
from load import Worker
from network import both_ways
from nodes import Trouble, wait_for

SCENARIOS = {}


@dataclasses.dataclass
class Scenario:
    harm: typing.Callable
    nodes: int | None = None  # as many, whatever is asked for
    needs: tuple = ()
    segment_size: str = "64KiB"
    refusals: tuple = ()  # answers that are right only here
    disk_mib: int | None = None  # each node has a disk of its own, in memory
    is_short: bool = True
    retention: str = "1GiB"  # of log
    flags: tuple = ()  # of each node, besides
    worker: type = Worker  # what kind of clients there are
    starts_before: bool = False  # with the binary that --kv-before names


def scenario(name, **more):
    def add(harm):
        SCENARIOS[name] = Scenario(harm, **more)
        return harm

    return add


# Processes.


def kill_and_restart(drill, *nodes):
    cluster = drill.cluster
    leader = cluster.leader()
    at = cluster.kill(*nodes)
    if leader in nodes:
        drill.failover(at, nodes)
    else:
        drill.load.await_write(at, nodes)
    drill.pause(0, 1)
    cluster.start(*nodes)
    drill.rest()


@scenario("kill-leader")
def kill_leader(drill):
    while drill.goes_on():
        kill_and_restart(drill, drill.cluster.leader())


@scenario("kill-follower")
def kill_follower(drill):
    while drill.goes_on():
        kill_and_restart(drill, drill.cluster.follower(drill.random))


@scenario("kill-random", is_short=False)
def kill_random(drill):
    while drill.goes_on():
        kill_and_restart(drill, drill.random.choice(drill.cluster.numbers))


@scenario("kill-all")
def kill_all(drill):
    """From the kill on, with the starts in it."""
    while drill.goes_on():
        at = drill.cluster.kill(*drill.cluster.numbers)
        drill.cluster.start_missing()
        drill.failover(at, ())
        drill.pause(0.2, 1)


@scenario("pause-leader")
def pause_leader(drill):
    """Long enough for another to lead, or not; the old one comes back with what it was about to say."""
    longest_s = min(10, drill.seconds)
    while drill.goes_on():
        leader = drill.cluster.leader()
        length_s = 0.2 * (longest_s / 0.2) ** drill.random.random()
        at = now_ns()
        drill.cluster.signal(leader, signal.SIGSTOP)
        time.sleep(length_s)
        drill.cluster.signal(leader, signal.SIGCONT)
        resumed = now_ns()
        drill.load.await_write(resumed)
        other = drill.load.first_acknowledgement(at, (leader,))
        if other is not None and other < resumed:
            drill.failovers.append((other - at) / 1e9)
        drill.pause(0.2, 1)


@scenario("rolling-restart")
def rolling_restart(drill):
    """SIGTERM for one after the other: every write of a client that tries again is done, and known to be."""
    while drill.goes_on():
        for node in drill.cluster.numbers:
            drill.cluster.stop(node)
            drill.cluster.start(node)
            await_caught_up(drill.cluster, node)
    expect_known(drill)


def expect_known(drill):
    unknown = drill.load.total("unknown")
    if unknown:
        raise Trouble("%d writes have no known outcome, %d of them no answer" % (unknown, drill.load.answered_with("LOST")))


@scenario("rolling-upgrade", is_short=False, starts_before=True)
def rolling_upgrade(drill):
    """One after the other goes on with the new binary, and whoever leads dies while there are both. Without --kv-before the two
    are the same."""
    cluster = drill.cluster
    for node in drill.random.sample(cluster.numbers, len(cluster.numbers)):
        cluster.stop(node)
        cluster.binaries[node] = cluster.kv
        cluster.start(node)
        await_caught_up(cluster, node)
        drill.load.await_write(now_ns())
        kill_and_restart(drill, cluster.leader())
        await_caught_up(cluster, node)


@scenario("hand-over")
def hand_over(drill):
    """SIGTERM for the leader. What counts is the time without an acknowledged write; none is left without an outcome."""
    while drill.goes_on():
        leader = drill.cluster.leader()
        at = now_ns()
        drill.cluster.stop(leader)
        drill.load.await_write(at, (leader,))
        time.sleep(0.1)
        drill.failovers.append(drill.load.longest_silence(at, leader))
        drill.cluster.start(leader)
        await_caught_up(drill.cluster, leader)
        drill.rest()
    expect_known(drill)


def await_caught_up(cluster, node):
    def caught_up():
        leader = cluster.leader()
        if leader == node:
            return True
        known = peer(cluster.status(leader), node)
        return known.get("connected") and known.get("lag_seconds") == 0

    wait_for("node %d to catch up" % node, caught_up)


@scenario("two-of-five", nodes=5)
def two_of_five(drill):
    while drill.goes_on():
        leader = drill.cluster.leader()
        nodes = (leader, drill.cluster.follower(drill.random))
        drill.failover(drill.cluster.kill(*nodes), nodes)
        drill.pause(1, 2)
        drill.cluster.start(*nodes)
        drill.pause(0.2, 1)


@scenario("three-of-five", nodes=5)
def three_of_five(drill):
    """Nothing is acknowledged meanwhile; one that comes back is enough, and nobody does anything else."""
    while drill.goes_on():
        nodes = drill.random.sample(drill.cluster.numbers, 3)
        drill.cluster.kill(*nodes)
        at = now_ns()  # what was asked while they died may have been acknowledged
        for node in drill.cluster.processes:
            wait_for("node %d to refuse" % node, lambda asked=node: refuses(drill.cluster, asked))
        drill.pause(0.5, 1)
        drill.load.refused_since(at)
        at = now_ns()
        drill.cluster.start(nodes[0])
        drill.failover(at, ())
        drill.cluster.start(*nodes[1:])
        drill.pause(0.2, 1)


def refuses(cluster, node):
    status = cluster.status(node)
    return status and not status["replication_serving"] and status["replication_leader"] == 0


# The network between nodes. Clients reach all of them, also the one that takes itself for the leader.


def until_written(drill, pairs, besides, or_longer=lambda: True):
    """Cuts, and keeps it so until others have acknowledged, and some time more."""
    at = now_ns()
    drill.network.cut(pairs)
    drill.failover(at, besides)
    wait_for("what the cut leads to", or_longer)
    drill.pause(0.5, max(2, drill.seconds / 3))
    drill.network.heal()
    drill.load.await_write(now_ns())
    for node in drill.cluster.numbers:
        await_caught_up(drill.cluster, node)


@scenario("isolate-leader", needs=("cuts",))
def isolate_leader(drill):
    while drill.goes_on():
        leader = drill.cluster.leader()
        until_written(drill, both_ways([leader], drill.cluster.numbers), (leader,),
                      lambda cut_off=leader: is_given_up(drill.cluster, cut_off))


def is_given_up(cluster, node):
    """By who leads now: if that waited for the system to send again, a node would not be back when the network is."""
    leader = cluster.leader()
    return leader != node and not peer(cluster.status(leader), node).get("connected", True)


def peer(status, node):
    return (status or {}).get("replication_peer_%d" % node, {})


@scenario("one-way", needs=("cuts",))
def one_way(drill):
    """The leader is heard and hears nothing, or hears and is not heard, by all or by one."""
    number = 0
    while drill.goes_on():
        leader = drill.cluster.leader()
        others = [node for node in drill.cluster.numbers if node != leader]
        some = others if number % 3 < 2 else [drill.random.choice(others)]
        pairs = {(node, leader) if number % 3 == 0 else (leader, node) for node in some}
        until_written(drill, pairs, ())
        number += 1


@scenario("bridge", nodes=5, needs=("cuts",))
def bridge(drill):
    """Two halves that only one node joins."""
    while drill.goes_on():
        order = drill.random.sample(drill.cluster.numbers, 5)
        until_written(drill, both_ways(order[:2], order[3:]), ())


@scenario("majority-ring", nodes=5, needs=("cuts",))
def majority_ring(drill):
    """Each sees a majority, and no two the same one."""
    while drill.goes_on():
        order = drill.random.sample(drill.cluster.numbers, 5)
        apart = [{order[i], order[(i + 2) % 5]} for i in range(5)]
        until_written(drill, set().union(*(both_ways(pair, pair) for pair in apart)), ())


@scenario("flapping", needs=("cuts",))
def flapping(drill):
    """The leader's links go and come every 200 ms."""
    while drill.goes_on():
        leader = drill.cluster.leader()
        end = time.monotonic() + drill.random.uniform(2, 4)
        while time.monotonic() < end:
            drill.network.cut(both_ways([leader], drill.cluster.numbers))
            time.sleep(0.2)
            drill.network.heal()
            time.sleep(0.2)
        drill.load.await_write(now_ns())
        drill.pause(0.2, 1)


@scenario("packet-loss", needs=("cuts", "loss"))
def packet_loss(drill):
    """Some of the packets between nodes are lost at random; every other time the leader dies meanwhile."""
    number = 0
    while drill.goes_on():
        drill.network.lose(drill.random.choice((2, 5, 15)))
        drill.load.await_write(now_ns())
        if number % 2 == 0:
            kill_and_restart(drill, drill.cluster.leader())
        drill.pause(0.5, 2)
        drill.load.await_write(now_ns())
        drill.network.heal()
        drill.load.await_write(now_ns())
        number += 1
