"""What is done to disks and to what is on them."""

import contextlib
import os
import shutil
import subprocess
import time

import verdict
from client import Link, now_ns, put
from member_scenarios import replace
from nodes import PATIENCE_S, Trouble, wait_for
from scenarios import await_caught_up, scenario


@scenario("sync-error", needs=("strace",))
def sync_error(drill):
    """Every fdatasync of the leader fails: it ends by itself, and the others go on."""
    while drill.goes_on():
        leader = drill.cluster.leader()
        pid = drill.cluster.processes[leader].pid
        with subprocess.Popen(["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fdatasync", "-e",
                               "inject=fdatasync:error=EIO", "-p", str(pid)], stderr=subprocess.DEVNULL):
            code = drill.cluster.await_end(leader)
        at = now_ns()
        if code != 1:
            raise Trouble("node %d ended with %d when no sync succeeded" % (leader, code))
        drill.failover(at, (leader,))
        drill.cluster.start(leader)
        drill.pause(0.2, 1)


@scenario("full-disk", needs=("disks",), refusals=("NO_SPACE",), disk_mib=16)
def full_disk(drill):
    """A follower's, and nobody notices; the leader's, and writes are refused until there is room."""
    number = 0
    while drill.goes_on():
        is_leaders = number % 2 == 1
        node = drill.cluster.leader() if is_leaders else drill.cluster.follower(drill.random)
        ballast = os.path.join(drill.cluster.roots[node], "ballast")
        refused = drill.load.answered_with("NO_SPACE")
        with contextlib.suppress(OSError):  # it ends when the disk is full: that is its purpose
            with open(ballast, "wb", buffering=0) as out:
                while True:
                    out.write(bytes(4096))
        if is_leaders:
            wait_for("NO_SPACE, or another leader",
                     lambda: drill.load.answered_with("NO_SPACE") > refused or drill.cluster.leader() != node)
        else:
            drill.load.await_write(now_ns(), (node,))
        drill.pause(1, 2)
        os.remove(ballast)
        drill.load.await_write(now_ns())
        await_caught_up(drill.cluster, node)
        number += 1


def segments_of(directory):
    """Names, the oldest first, without those that hold next to nothing yet."""
    names = sorted(name for name in os.listdir(directory) if name.endswith(".seg"))
    return [name for name in names if end_of_data(os.path.join(directory, name)) > SEGMENT_HEADER]


SEGMENT_HEADER = 64
NEAR_END = 500  # bytes: a group of records or two


def end_of_data(path):
    """Behind it are zeros that the log has not come to."""
    with open(path, "rb") as file:
        return len(file.read().rstrip(b"\0"))


def flip(path, chance):
    """One bit: its place. Every other time near the end, where damage looks like a torn end and the leader notices it."""
    end = end_of_data(path)
    first = max(SEGMENT_HEADER, end - chance.choice((end, NEAR_END)))
    with open(path, "r+b") as file:
        at = chance.randrange(first, end)
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << chance.randrange(8)]))
    return at


def kill_flip_start(drill, node, segments, choose, loses_hint=False):
    """Whoever has it from others gets it again: the node comes up and catches up. The file, and
    the place."""
    cluster = drill.cluster
    wait_for("segments", lambda: len(segments_of(cluster.path(node))) >= segments)
    is_leader = cluster.leader() == node
    at = cluster.kill(node)
    path = os.path.join(cluster.path(node), choose(segments_of(cluster.path(node))))
    place = flip(path, drill.random)
    hint = path.removesuffix(".seg") + ".hint"
    if loses_hint and os.path.exists(hint):
        os.remove(hint)
    drill.has_damage = True
    if is_leader:
        drill.failover(at, (node,))
    cluster.start(node)
    await_caught_up(cluster, node)
    drill.pause(0.2, 1)
    return path, place


@scenario("flip-active")
def flip_active(drill):
    while drill.goes_on():
        kill_flip_start(drill, drill.random.choice(drill.cluster.numbers), 1, lambda names: names[-1])


def write_once(cluster, pairs):
    """What stays the newest of its keys, wherever merges bring it."""
    for key, value in pairs.items():

        def is_written(request=put(key, value)):
            node = cluster.leader()
            link = Link(cluster.address(node), PATIENCE_S)
            words, _ = cluster.ask_patiently(link, node, request)
            link.close()
            return words[0] == "OK"

        wait_for("%s to be written" % key, is_written)


def await_whole(cluster, node, pairs):
    found = wait_for("node %d's damaged record to be put back" % node, lambda: cluster.scan(node))
    wrong = [key for key, value in pairs.items() if found.get(key, ("",))[0] != value]
    if wrong:
        raise Trouble("node %d has other values than were written: %s" % (node, wrong))


@scenario("flip-sealed", segment_size="8KiB", refusals=("CORRUPT",))
def flip_sealed(drill):
    """The node says of a record that it is damaged, until another one's copy is put in its place. Without the hint it does
    not know which record that is, and gives no copies of what that may have been; a comparison has it begin anew."""
    cluster = drill.cluster
    pairs = {"once.%d" % number: "%d " % number + "o" * 1000 for number in range(50)}
    write_once(cluster, pairs)
    while drill.goes_on():
        node = drill.random.choice(cluster.numbers)
        path, place = kill_flip_start(drill, node, 4, lambda names: drill.random.choice(names[:-1]),
                                               loses_hint=drill.random.random() < 0.3)
        drill.flips.setdefault(path, []).append(place)
        verdict.await_repaired(drill)
        await_whole(cluster, node, pairs)


@scenario("wiped-disk", nodes=3)
def wiped_disk(drill):
    """Who comes back with nothing under its old number is not taken for who it was: it has no vote. As a new member it has all
    again."""
    cluster = drill.cluster
    leader = cluster.leader()
    wiped = cluster.follower(drill.random)
    cluster.kill(wiped)
    shutil.rmtree(cluster.path(wiped))
    cluster.start(wiped)
    wait_for("a refusal of the wiped node", lambda: "had another disk" in cluster.log(leader))
    drill.load.await_write(now_ns(), (wiped,))
    at = cluster.kill(leader)
    time.sleep(3 * drill.given.election_timeout_ms / 1000)
    drill.load.refused_since(at)
    status = cluster.status(wiped)
    if status is None or status["replication_last"] != 0:
        raise Trouble("the wiped node got a log: %s" % status)
    at = now_ns()
    cluster.start(leader)
    drill.failover(at, (wiped,))
    cluster.kill(wiped)
    replace(cluster, wiped)
