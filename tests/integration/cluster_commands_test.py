#!/usr/bin/env python3
"""What the commands say and do at a cluster where something is amiss: cluster_commands_test.py KV-BINARY.

A member that hangs costs them little; a leader that cannot be reached is told from none; kv bench goes where the leader
goes; flags that do not count are told; a member that lost a file says what to do.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from ports import free_ports
from three_nodes_test import KV, NODES, Cluster, expect, same

FOREVER = ("--timeout", "1h")  # what waits for a member that hangs never ends


def addresses(cluster, *nodes):
    return ",".join(cluster.address(node) for node in nodes)


def check_a_member_that_hangs(cluster):
    leader = cluster.agreed_leader()
    hung, other = [node for node in NODES if node != leader]
    same(cluster.kv("put", "k", "v", "--addr", cluster.address(leader)).stdout, "OK\n", "a put")
    cluster.processes[hung].send_signal(signal.SIGSTOP)
    for at in (addresses(cluster, hung, leader, other), cluster.address(other)):
        done = cluster.kv("cluster", "status", "--json", "--addr", at, *FOREVER)
        page = json.loads(done.stdout)
        same([one["node"] for one in page["members"] if not one["reachable"]], [hung], "who hangs")
        same((done.returncode, page["leader"]), (0, leader), "the status while a member hangs")
    at = ("--addr", addresses(cluster, hung, other, leader), *FOREVER)
    same(cluster.kv("get", "k", *at).stdout, "v", "a get that names it first")
    done = cluster.kv("put", "k", "w", *at)
    same((done.stdout, done.stderr), ("OK\n", ""), "a put that names it first")
    # The others can still hand over between them.
    done = cluster.kv("cluster", "transfer", str(other), "--addr", addresses(cluster, hung, leader), "--wait", "1h", *FOREVER)
    expect(done.stdout.startswith(f"node {other} leads in term "), f"a transfer while a member hangs: {done}")
    cluster.processes[hung].send_signal(signal.SIGCONT)


def check_who_is_asked_about_one(cluster):
    """The first one named, also where it is slow, until it is known not to be there."""
    def asked(*nodes, flags=FOREVER):
        return started("stats", "replication", "--json", "--addr", addresses(cluster, *nodes), *flags)

    def answered(stats):
        out, err = stats.communicate()
        same((stats.returncode, err), (0, ""), "kv stats")
        return json.loads(out)["replication"]["replication_node"]

    for node in NODES:
        same(answered(asked(node, *(other for other in NODES if other != node))), node, "who was asked")
    slow, other, third = NODES
    cluster.processes[slow].send_signal(signal.SIGSTOP)
    stats = asked(slow, other, third)
    time.sleep(1.5)  # longer than a request that any of them may carry out is held up
    cluster.processes[slow].send_signal(signal.SIGCONT)
    same(answered(stats), slow, "who was asked, though it was slow")
    cluster.processes[slow].send_signal(signal.SIGSTOP)
    same(answered(asked(slow, other, flags=("--timeout", "2s"))), other, "who was asked in its place")
    cluster.processes[slow].send_signal(signal.SIGCONT)


def check_transfer_to_who_leads(cluster):
    leader = cluster.agreed_leader()
    done = cluster.kv("cluster", "transfer", str(leader), "--addr", cluster.address(leader))
    same(done.returncode, 0, "a transfer to who leads")
    expect(done.stdout.startswith(f"node {leader} leads already, in term "), done.stdout)
    expect(done.stdout.endswith("; nothing was handed over\n"), done.stdout)
    same(cluster.agreed_leader(), leader, "who leads behind it")


def served(cluster, node):
    """Requests of data that the node has answered."""
    page = json.loads(cluster.kv("stats", "requests", "--json", "--addr", cluster.address(node)).stdout)["requests"]
    return page["requests_get"] + page["requests_put"]


def started(*arguments):
    return subprocess.Popen([KV, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until_served(cluster, node, bench):
    before = served(cluster, node)
    while served(cluster, node) < before + 1000:
        if bench.poll() is not None:
            raise AssertionError(f"kv bench ended early: {bench.returncode}, {bench.communicate()}")


def check_bench_follows(cluster):
    leader = cluster.agreed_leader()
    # Named by one address alone: it learns of the others.
    # An insert that is not served as the leader changes is not read as if it had been.
    flags = ("--mix", "read=2,update=1,insert=1", "--distribution", "latest", "--keys", "100", "--clients", "4", "--threads", "2",
             "--pipeline", "32", "--warmup", "0", "--duration", "1h", "--json", "--addr", cluster.address(leader))
    bench = started("bench", *flags, "--retry-for", "1h")
    until_served(cluster, leader, bench)
    while (next_one := cluster.agreed_leader()) == leader:
        cluster.kv("cluster", "transfer", "--addr", cluster.address(leader))
    until_served(cluster, next_one, bench)
    cluster.kill(next_one)
    last = cluster.leader()
    until_served(cluster, last, bench)
    bench.send_signal(signal.SIGINT)
    out, err = bench.communicate()
    same((bench.returncode, err), (130, ""), "the end of kv bench")
    page = json.loads(out)
    expect(page["all"]["count"] > 300 and page["gap_ns"] > 0, f"what it measured: {page}")
    expect(page["all"]["unserved"] > 0 and page["first_unserved"], f"what was not served: {page}")
    same((page["all"]["errors"], page.get("failure")), (0, None), "errors of kv bench")
    cluster.start(next_one, first=False)
    # With nobody left it ends by itself, and prints what it has.
    leader = cluster.agreed_leader()
    bench = started("bench", *flags, "--retry-for", "100ms")
    until_served(cluster, leader, bench)
    for node in NODES:
        cluster.kill(node)
    out, err = bench.communicate()
    page = json.loads(out)
    expect(bench.returncode in (5, 7), f"the exit code when nobody is left: {bench.returncode}")
    expect(page["all"]["count"] > 100 and "nobody leads, or can be reached" in page["failure"], f"what is left: {page}")
    for node in NODES:
        cluster.start(node, first=False)


def check_hidden_leader(scratch):
    """Members that name an address for clients at which nobody listens."""
    cluster = Cluster(scratch)
    ports = free_ports(3 * len(NODES))
    cluster.ports, wrong, members = (dict(zip(NODES, ports[i::3])) for i in range(3))
    cluster.peers = ",".join(f"{node}=127.0.0.1:{wrong[node]}/{members[node]}" for node in NODES)
    try:
        for node in NODES:
            cluster.start(node, "--listen", cluster.address(node))
        leader = cluster.agreed_leader()
        follower = next(node for node in NODES if node != leader)
        at = ("--addr", cluster.address(follower))
        told = (f"node {leader} leads at 127.0.0.1:{wrong[leader]}, but it cannot be reached from here: "
                f"cannot connect to 127.0.0.1:{wrong[leader]}: Connection refused\n")
        done = cluster.kv("cluster", "status", *at)
        same((done.returncode, done.stderr), (5, "kv: " + told), "the status where the leader cannot be reached")
        done = cluster.kv("cluster", "transfer", *at)
        same((done.returncode, done.stderr), (5, "kv: " + told), "a transfer")
        done = cluster.kv("cluster", "remove", str(leader), "--wait", "100ms", *at)
        expect(done.returncode == 5 and told in done.stderr, f"a removal: {done}")
        done = cluster.kv("put", "k", "v", "--retry-for", "300ms", *at)
        expect(f"a node leads at 127.0.0.1:{wrong[leader]}, but it cannot be reached from here" in done.stderr, f"a put: {done}")
    finally:
        for process in cluster.processes.values():
            process.kill()
            process.wait()


def check_flags_that_do_not_count(cluster):
    node = next(node for node in NODES if node != cluster.agreed_leader())
    other = cluster.peers.replace(f"{node}=127.0.0.1:{cluster.ports[node]}", f"{node}=127.0.0.1:{cluster.ports[node]}/999")
    ids = ("--node-id", str(node))
    # The members were never changed: then a list tells addresses.
    cluster.kill(node)
    cluster.start(node, *ids, "--peers", cluster.peers, first=False)
    expect("not counted" not in cluster.log(node), "a list that counts")
    cluster.kill(node)
    cluster.start(node, "--cluster-name", "elsewhere", first=False)
    told = cluster.log(node)
    expect('event="cluster name not counted" asked=elsewhere cluster=' in told, told)
    # Whoever detaches it sees no log.
    cluster.kill(node)
    data = ("--data", cluster.path(node))
    done = cluster.kv("start", *data, "--cluster-name", "elsewhere", "--listen", f"127.0.0.1:{free_ports(1)[0]}", "--detach")
    same((done.returncode, done.stdout.endswith("ready\n")), (0, True), "a start that detaches")
    lines = [line.split("=")[0] for line in done.stderr.splitlines()]
    same(lines, ["kv: warning: cluster name not counted: asked", "kv: warning: members send clients elsewhere: address"],
         f"what it says: {done.stderr}")
    same(cluster.kv("stop", *data).returncode, 0, "kv stop")
    # Servers of --join that are of its cluster tell nothing new.
    others = addresses(cluster, *(one for one in NODES if one != node))
    cluster.start(node, *ids, "--join", others, first=False)
    expect("not counted" not in cluster.log(node).split('event="server started"')[-1], "the servers of --join")
    # Once they stand in the log it tells nothing.
    gone = next(one for one in NODES if one not in (node, cluster.agreed_leader()))
    same(cluster.kv("cluster", "remove", str(gone), "--addr", addresses(cluster, *NODES)).returncode, 0, "a removal")
    cluster.kill(gone)
    status = cluster.status(node)
    while status["replication_commit"] < status["replication_members_since"]:
        status = cluster.status(node)
    cluster.kill(node, signal.SIGTERM)
    cluster.start(node, *ids, "--peers", other, first=False)
    told = cluster.log(node)
    expect(f'event="peers not counted" asked={",".join(sorted(entry for entry in with_ports(other)))} members=' in told, told)
    return gone


def with_ports(peers):
    """Each entry with its port for the other members."""
    for entry in peers.split(","):
        address, _, port = entry.partition("/")
        yield f"{address}/{port or int(address.rsplit(':', 1)[1]) + 10000}"


def check_refusals_at_a_start(cluster, scratch):
    port = cluster.ports[1]
    wrong = {f"1=127.0.0.1:{port},2=127.0.0.1:{port}": "nodes 1 and 2 both have the address",
             f"1=127.0.0.1:{port},1=127.0.0.1:{port + 1}": "is the number of two members"}
    for peers, text in wrong.items():
        done = cluster.kv("start", "--data", os.path.join(scratch, "never"), "--node-id", "1", "--peers", peers)
        same(done.returncode, 2, peers)
        expect(text in done.stderr, done.stderr)


def check_lost_file(cluster, node):
    for name in ("MEMBERS", "HARDSTATE"):
        path = os.path.join(cluster.path(node), name)
        os.rename(path, path + ".aside")
        for more in ((), ("--node-id", str(node)), ("--node-id", str(node), "--peers", cluster.peers)):
            done = cluster.kv("start", "--data", cluster.path(node), *more)
            same(done.returncode, 6, f"a start without {name}")
            for part in (f"{name}: missing", f"`kv cluster remove {node}` at one of them", "start this one with an empty directory"):
                expect(part in done.stderr, f"a start without {name} does not say {part!r}: {done.stderr}")
        os.rename(path + ".aside", path)


def check_member_of_another_cluster(cluster, scratch):
    """It is not added, and why is told."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    other = subprocess.Popen([KV, "start", "--data", os.path.join(scratch, "other"), "--node-id", "9", "--peers", f"9={address}"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        for line in other.stdout:
            if line == b"ready\n":
                break
        while not json.loads(cluster.kv("stats", "replication", "--json", "--addr", address).stdout)["replication"][
                "replication_serving"]:
            pass
        done = cluster.kv("cluster", "add", f"9={address}", "--addr", addresses(cluster, *cluster.processes))
        same(done.returncode, 1, "to add a member of another cluster")
        for part in (f"the node at {address} is leader, as its directory says, of another cluster, ", "and not this one, ",
                     "remove it from that one, stop it, and start it with an empty directory and --join "):
            expect(part in done.stderr, f"{part!r} is not in {done.stderr!r}")
    finally:
        other.kill()
        other.wait()
    # Nor does it join because it is told to.
    data = ("--data", os.path.join(scratch, "other"))
    done = cluster.kv("start", *data, "--node-id", "9", "--join", addresses(cluster, *NODES), "--detach")
    same(done.returncode, 0, "a member of another cluster with --join")
    same(cluster.kv("stop", *data).returncode, 0, "kv stop")
    expect(done.stderr.startswith("kv: warning: join not counted: asked=") and done.stderr.count("\n") == 1, done.stderr)
    expect("this directory is a member's of another cluster; leave --join out, or join with an empty directory" in done.stderr,
           done.stderr)


def main():
    scratch = tempfile.mkdtemp()
    cluster = Cluster(tempfile.mkdtemp())
    try:
        for node in NODES:
            cluster.start(node)
        check_a_member_that_hangs(cluster)
        check_who_is_asked_about_one(cluster)
        check_transfer_to_who_leads(cluster)
        check_bench_follows(cluster)
        check_hidden_leader(tempfile.mkdtemp())
        check_refusals_at_a_start(cluster, scratch)
        check_member_of_another_cluster(cluster, scratch)
        check_lost_file(cluster, check_flags_that_do_not_count(cluster))
    except AssertionError as failure:
        for node in NODES:
            print(f"--- the log of node {node}\n{cluster.log(node)}", file=sys.stderr)
        sys.exit(f"cluster_commands_test: {failure}")
    finally:
        for process in cluster.processes.values():
            process.kill()
            process.wait()


for name in [name for name in os.environ if name.startswith("KV_")]:
    del os.environ[name]
main()
