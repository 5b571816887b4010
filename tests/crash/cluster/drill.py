#!/usr/bin/env python3
"""Real nodes, clients that write down what they see, and harm: drill.py --kv BINARY --checker kv_check_history.

Behind every scenario the network is made whole and every node started that can be. Then what the clients saw must be
linearizable (tests/linearizability), every acknowledged write there, every refused one not, and all nodes must have the
same keys, values and versions; `kv verify` must find nothing.
"""

import argparse
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback

import disk_scenarios  # noqa: F401 (it adds to SCENARIOS)
import etcd_scenarios
import files_scenarios  # noqa: F401
import level_scenarios  # noqa: F401
import member_scenarios  # noqa: F401
import network
import verdict
from load import Load
from nodes import Cluster, Trouble
from scenarios import SCENARIOS

PLACES = 8  # five for nodes, three for an etcd
SHORT_S = 3
INTERRUPTED = 130
SHORT_ELECTION_MS = 300
DEFAULT_ELECTION_MS = 700  # as of `kv start`


class Drill:
    def __init__(self, given, net, name, scratch, seed):
        scenario = SCENARIOS[name]
        self.given, self.network, self.checker = given, net, given.checker
        self.random = random.Random(seed)
        self.seconds = given.seconds
        self.failovers = []
        self.has_damage = False
        self.flips = {}  # file -> places of bits that were flipped in what was written for good
        self.notes = []  # what the row's reader has to know
        self.final_tape = None
        self.count = scenario.nodes or given.nodes
        self.harm = scenario.harm
        flags = ["--segment-size", scenario.segment_size, "--log-retention", scenario.retention, "--election-timeout-ms", str(given.election_timeout_ms),
                 *scenario.flags]
        self.etcd = etcd_scenarios.Etcd(net, scratch) if "etcd" in scenario.needs else None
        if self.etcd:
            flags += self.etcd.flags()
        self.cluster = Cluster(given.kv, net, self.count, scratch, flags)
        if scenario.starts_before:
            self.cluster.binaries = dict.fromkeys(self.cluster.numbers, given.kv_before or given.kv)
        self.disk_mib = scenario.disk_mib
        self.load = Load(self.cluster, self.random, scenario.refusals, scenario.worker)
        self.end, self.times = None, 0

    def goes_on(self):
        """Once for certain, then until the time is over, or as often as was asked for."""
        self.times += 1
        if self.given.failover:
            return self.times <= self.given.failover
        if self.end is None:
            self.end = time.monotonic() + self.seconds
            return True
        return time.monotonic() < self.end

    def pause(self, shortest_s, longest_s):
        time.sleep(self.random.uniform(shortest_s, longest_s))

    def rest(self):
        """Until the next harm. Where times count, until who was started last may take part in elections again."""
        self.pause(0.2, 1)
        if self.given.failover:
            time.sleep(1.2 * self.given.election_timeout_ms / 1000)

    def failover(self, since, besides):
        self.failovers.append(self.load.await_write(since, besides))

    def mount_disks(self):
        for node in self.cluster.numbers:
            root = os.path.join(self.cluster.scratch, "disk%d" % node)
            os.mkdir(root)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dm" % self.disk_mib, "tmpfs", root], check=True)
            self.cluster.roots[node] = root

    def unmount_disks(self):
        """Keeps what is on them."""
        for root in set(self.cluster.roots.values()) - {self.cluster.scratch}:
            shutil.copytree(root, root + ".kept")
            subprocess.run(["umount", "-l", root], check=True)

    def run(self):
        """What is wrong."""
        wrong = []
        if self.disk_mib:
            self.mount_disks()
        if self.etcd:
            self.etcd.start()
        self.cluster.start(*self.cluster.numbers)
        self.load.start()
        try:
            self.load.await_write(0)
            self.harm(self)
        except Trouble as trouble:
            wrong.append(str(trouble))
        if self.given.failover and len(self.failovers) < self.given.failover:
            wrong.append("%d of %d times somebody else took writes afterwards" % (len(self.failovers), self.given.failover))
        try:
            verdict.settle(self)
        except Trouble as trouble:
            wrong.append("when all was whole again: %s" % trouble)
        finally:
            self.load.stop()
        return wrong + verdict.judge(self)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


# Of --failover, in seconds: whether they are met is told, and never a failure.
GOALS = {"kill-leader": (("p50", 1.0), ("p99", 2.0)), "hand-over": (("p50", 0.1), ("p99", 0.1))}


def goals(name, drill):
    if not drill.given.failover or name not in GOALS or not drill.failovers:
        return []
    found = {"p50": statistics.median(drill.failovers), "p99": percentile(drill.failovers, 0.99)}
    return ["goal: %s %.3f s, of at most %.1f s: %s" % (which, found[which], goal, "met" if found[which] <= goal else "MISSED")
            for which, goal in GOALS[name]]


HEADING = "%-16s %5s %10s %12s %13s %9s %8s %8s %8s  %s" % (
    "scenario", "nodes", "operations", "acknowledged", "indeterminate", "failovers", "p50", "p99", "max", "verdict")


def row(name, drill, wrong):
    times = drill.failovers
    shown = ["%.3f s" % t for t in (statistics.median(times), percentile(times, 0.99), max(times))] if times else ["-"] * 3
    print("%-16s %5d %10d %12d %13d %9d %8s %8s %8s  %s" % (
        name, drill.count, drill.load.total("operations"), drill.load.total("acknowledged"),
        drill.load.total("unknown"), len(times), *shown, "VIOLATION" if wrong else "ok"), flush=True)
    for text in [*wrong, *("note: " + note for note in drill.notes), *goals(name, drill)]:
        print("      " + text, flush=True)


def run_scenario(given, net, name, scratch, seed):
    """Whether it went well."""
    os.makedirs(scratch)
    drill = Drill(given, net, name, scratch, seed)
    try:
        wrong = drill.run()
    except Exception:  # of the drill itself, which must not hide what was found
        wrong = ["the drill failed: " + traceback.format_exc()]
    finally:
        drill.load.ending.set()
        drill.cluster.end_all()
        if drill.etcd:
            drill.etcd.kill()
        drill.unmount_disks()
        net.heal()
    row(name, drill, wrong)
    if not wrong and not given.keep:
        shutil.rmtree(scratch)
    return not wrong


def left_out(name, net):
    """Why; None: it can be run."""
    needs = SCENARIOS[name].needs
    if not net.can_cut and {"cuts", "disks", "loss"} & set(needs):
        return "it needs namespaces"
    if "loss" in needs and not net.can_lose():
        return "nft cannot drop packets at random (numgen)"
    for tool, package in (("etcd", "etcd-server"), ("strace", "strace")):
        if tool in needs and shutil.which(tool) is None:
            return "%s is missing (package %s)" % (tool, package)
    return None


def run_all(given, net):
    some = ["kill-leader", "hand-over"] if given.failover else [
        name for name, one in SCENARIOS.items() if one.is_short or not given.short]
    names = given.scenario or some
    if given.kv_before and "rolling-upgrade" not in names:
        names.append("rolling-upgrade")
    scratch = tempfile.mkdtemp(prefix="kv-drill-")
    print(HEADING, flush=True)
    bad = 0
    try:
        for number in range(given.rounds):
            for name in names:
                if why := left_out(name, net):
                    print("%-16s left out: %s" % (name, why), flush=True)
                    bad += given.require_all
                    continue
                directory = os.path.join(scratch, "%s-%d" % (name, number + 1))
                bad += not run_scenario(given, net, name, directory, "%s/%s/%d" % (given.seed, name, number))
    except KeyboardInterrupt:
        print("interrupted")
        return INTERRUPTED
    finally:
        if bad or given.keep:
            print("data, logs and histories: " + scratch)
        else:
            shutil.rmtree(scratch)
    print("no violation" if bad == 0 else "%d scenarios with violations or left out; again with --seed %d" % (bad, given.seed))
    return 1 if bad else 0


def parse():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--kv", required=True, type=os.path.abspath)
    arguments.add_argument("--checker", required=True, type=os.path.abspath, help="kv_check_history")
    arguments.add_argument("--scenario", nargs="+", metavar="NAME", choices=sorted(SCENARIOS), help=", ".join(SCENARIOS))
    arguments.add_argument("--nodes", type=int, choices=(3, 5), default=3)
    arguments.add_argument("--rounds", type=int, default=1, help="times that all of it is done")
    arguments.add_argument("--seconds", type=float, help="of harm in each scenario (20)")
    arguments.add_argument("--seed", type=int)
    arguments.add_argument("--election-timeout-ms", type=int)
    arguments.add_argument("--failover", type=int, metavar="TIMES", help="times that the leader is killed, and told to end")
    arguments.add_argument("--short", action="store_true", help="%d s of harm each, elections in a third of the time" % SHORT_S)
    arguments.add_argument("--require-all", action="store_true", help="what cannot be run here is a failure")
    arguments.add_argument("--kv-before", type=os.path.abspath, metavar="BINARY", help="from which rolling-upgrade comes (the same)")
    arguments.add_argument("--keep", action="store_true", help="data, logs and histories, also of what went well")
    arguments.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    given.seed = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
    given.seconds = given.seconds or (SHORT_S if given.short else 20)
    given.election_timeout_ms = given.election_timeout_ms or (SHORT_ELECTION_MS if given.short else DEFAULT_ELECTION_MS)
    return given


def end_on_signal(*_):
    raise KeyboardInterrupt


def main():
    given = parse()
    for name in [name for name in os.environ if name.startswith("KV_")]:
        del os.environ[name]
    if not given.inside:
        why = network.why_not()
        if why is None:
            network.enter([os.path.abspath(__file__), *sys.argv[1:]])
        print("all nodes on loopback, without the scenarios that need namespaces: " + why)
    signal.signal(signal.SIGTERM, end_on_signal)
    print("seed %d" % given.seed, flush=True)
    net = network.Namespaces(PLACES) if given.inside else network.Loopback(PLACES)
    return run_all(given, net)


if __name__ == "__main__":
    sys.exit(main())
