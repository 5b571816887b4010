"""A member with an empty disk joins a cluster that holds much: how fast it gets all of it, and what the leader does meanwhile.

Three members, each in a network namespace of its own, on one machine and one disk. In each round one of the two that do not
lead loses its disk, is removed, and comes back as a new member, while clients write to the leader as fast as it lets them.
What they write is small and other keys than the bulk, so that the files that are sent stay the same.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1] / "crash" / "cluster"))
import network
from member_scenarios import operate
from nodes import Cluster, Trouble

BULK_KEY, BULK_VALUE = 24, 4096  # bytes; the load's keys are shorter
MIB = 1024 * 1024
SLICE_S = 5
NEAR = 20000  # records behind the leader's that are no lag: some tenths of a second of the load
PATIENCE_S = 3600


def limit(count, rate):
    """What each node sends; a token bucket, so that a moment's burst goes faster."""
    for node in range(1, count + 1):
        subprocess.run(["tc", "-n", "n%d" % node, "qdisc", "add", "dev", "e0", "root", "tbf", "rate", rate, "burst",
                        "256kb", "latency", "50ms"], check=True)


def disk_rate(directory, megabytes=1024):
    """MiB a second of one writer that syncs once at its end."""
    path, block = os.path.join(directory, "disk-rate"), os.urandom(MIB)
    begun = time.monotonic()
    with open(path, "wb", buffering=0) as file:
        for _ in range(megabytes):
            file.write(block)
        os.fdatasync(file.fileno())
    rate = megabytes / (time.monotonic() - begun)
    os.remove(path)
    return rate


def write_all(cluster, leader, *words):
    subprocess.run([cluster.kv, "bench", "--addr", cluster.address(leader), "--load-only", *words], check=True,
                   stdout=subprocess.DEVNULL)


def load(cluster, leader, given, seconds):
    return subprocess.Popen([cluster.kv, "bench", "--addr", cluster.address(leader), "--json", "--no-load", "--mix",
                             "update=100", "--value-size", "100", "--clients", str(given.clients), "--warmup", "1s",
                             "--duration", "%ds" % seconds], stdout=subprocess.PIPE, text=True)


def rate_of(running):
    """Writes a second of a load that has ended, or is waited for."""
    out, _ = running.communicate()
    if running.returncode != 0:
        raise Trouble("kv bench ended with %d" % running.returncode)
    return json.loads(out)["operations"]["update"]["ops_per_second"]


def size_of(directory):
    return sum(os.path.getsize(os.path.join(directory, name)) for name in os.listdir(directory) if name.endswith(".seg"))


def processor_time(cluster, node):
    """Seconds that its process has used so far."""
    with open("/proc/%d/stat" % cluster.processes[node].pid, encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_level(cluster, leader, node):
    ours, its = cluster.status(leader), cluster.status(node)
    return bool(ours and its and its["replication_role"] == "follower"
                and its["replication_applied"] + NEAR >= ours["replication_applied"] > NEAR)


def empty(cluster, node):
    """Its disk is lost, and it waits to be added as a new member."""
    cluster.kill(node)
    shutil.rmtree(cluster.path(node))
    cluster.join(node)
    operate(cluster, "remove", str(node), "--wait", "60s")


def catch_up(cluster, leader, node, given):
    """Seconds until it has all; the leader's writes a second meanwhile, in slices; processors that both used."""
    used = {each: processor_time(cluster, each) for each in (leader, node)}
    add = subprocess.Popen([cluster.kv, "cluster", "add", "%d=%s" % (node, cluster.address(node)), "--addr",
                            cluster.address(leader), "--wait", "%ds" % PATIENCE_S], stdout=subprocess.DEVNULL)
    begun, rates, running = time.monotonic(), [], None
    while not is_level(cluster, leader, node):
        if time.monotonic() - begun > PATIENCE_S:
            raise Trouble("node %d has not caught up" % node)
        if running and running.poll() is not None:
            rates.append(rate_of(running))
            running = None
        if not running and not given.idle:
            running = load(cluster, leader, given, SLICE_S)
        time.sleep(0.1)
    took = time.monotonic() - begun
    shares = [(processor_time(cluster, each) - used[each]) / took for each in (leader, node)]
    if running:
        rate_of(running)  # some of it lay behind the end
    if add.wait() != 0:
        raise Trouble("kv cluster add ended with %d" % add.returncode)
    return took, rates, shares


def round_of(cluster, given, number):
    leader = cluster.leader()
    node = [other for other in cluster.numbers if other != leader][number % 2]
    disk = disk_rate(cluster.scratch)
    before = 0 if given.idle else rate_of(load(cluster, leader, given, 3 * SLICE_S))
    empty(cluster, node)
    alone = 0 if given.idle else rate_of(load(cluster, leader, given, 3 * SLICE_S))
    took, rates, shares = catch_up(cluster, leader, node, given)
    if cluster.leader() != leader:
        raise Trouble("another node leads")
    rate = size_of(cluster.path(node)) / MIB / took
    wire = given.network_mib or disk
    line = "%5d  %8.0f s  %8.0f MiB/s  %8.0f MiB/s  %10.2f" % (number + 1, took, rate, disk, rate / min(disk, wire))
    line += "  %9.2f  %9.2f" % tuple(shares)
    if rates:
        during = statistics.mean(rates)
        line += "  %8.0f /s  %8.0f /s  %8.0f /s  %10.2f" % (before, alone, during, during / before)
    print(line, flush=True)


def measure(given, scratch):
    net = network.Namespaces(3)
    if given.network_mib:
        limit(3, "%dmibps" % given.network_mib)
    cluster = Cluster(given.kv, net, 3, scratch, given.flag)
    try:
        cluster.start(*cluster.numbers)
        leader = cluster.leader()
        print("%d GiB in records of %d bytes are written first" % (given.gib, BULK_VALUE), file=sys.stderr, flush=True)
        write_all(cluster, leader, "--key-size", str(BULK_KEY), "--value-size", str(BULK_VALUE), "--keys",
                  str(given.gib * 1024 * MIB // BULK_VALUE), "--pipeline", "4")
        write_all(cluster, cluster.leader(), "--value-size", "100")
        print("round  caught up in     it got        disk takes    share of the slower   processors: leader, it"
              + ("" if given.idle else "   leader: three   two     meanwhile   share"), flush=True)
        for number in range(given.rounds):
            round_of(cluster, given, number)
    finally:
        cluster.end_all()


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--kv", required=True)
    arguments.add_argument("--gib", type=int, default=10)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--clients", type=int, default=50)
    arguments.add_argument("--network-mib", type=int, default=119, help="MiB a second that a node sends (119: 1 Gbit/s); 0: no bound")
    arguments.add_argument("--idle", action="store_true", help="nobody writes meanwhile")
    arguments.add_argument("--flag", action="append", default=[], help="of kv start, as --flag=--log-retention=1GiB")
    arguments.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if not given.inside:
        why = network.why_not()
        if why:
            sys.exit("the nodes need network namespaces: " + why)
        network.enter([os.path.abspath(__file__), *sys.argv[1:]])
    with tempfile.TemporaryDirectory(prefix="kv-catch-up-") as scratch:
        measure(given, scratch)


if __name__ == "__main__":
    main()
