#!/usr/bin/env python3
"""What requests to three servers may ask for, less than all: levels_test.py KV-BINARY.

Reads of a version, of what was there some time ago, and by a lease; writes that the leader alone has.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from three_nodes_test import KV, NODES, Cluster, expect, same

FLAGS = ("--ack", "local", "--read-lease")
LOCAL = r"OK ver=(\d+) ack=local epoch=(\d+)\n"


def until_local(write):
    """Writes until one disk acknowledges it; a leader without a lease, as one that has just begun, waits for others."""
    while not (told := write()):
        pass
    return told


def check_local_writes(cluster):
    """One that the leader alone has is there for everybody who asks later."""
    version, epoch = until_local(
        lambda: re.fullmatch(LOCAL, cluster.ask(cluster.leader(), b"PUT 1 1\na1"))).groups()
    for node in NODES:
        same(cluster.get(node, "a"), "1", f"a read at node {node}")
        waited = cluster.ask(node, f"WAIT ver={version} epoch={epoch}\n".encode())
        expect(re.fullmatch(r"OK ver=\d+\n", waited), f"WAIT at node {node}: {waited}")
        waited = cluster.ask(node, f"WAIT ver={version} epoch={int(epoch) + 7}\n".encode())
        never = "ERR BAD_ARG applied=no arg=epoch :this member has heard of no epoch "
        expect(waited.startswith(f"{never}{int(epoch) + 7}, "), waited)
    # Of an epoch that was, to another leader's write.
    leader = cluster.leader()
    same(cluster.kv("cluster", "failover", "--addr", cluster.address(leader)).returncode, 0, "kv cluster failover")
    later = None
    while not later:
        later = re.match(r"OK ver=(\d+)", cluster.ask(cluster.leader(), b"PUT 1 1 ack=majority\na3"))
    taken = cluster.ask(cluster.leader(), f"WAIT ver={later.group(1)} epoch={epoch}\n".encode())
    expect(re.match(rf"ERR CONFLICT applied=no ver={later.group(1)} epoch=\d+ :another leader", taken), taken)
    reply = cluster.ask(cluster.leader(), b"PUT 1 1 ack=majority\na2")
    expect(re.fullmatch(r"OK ver=\d+\n", reply), f"a write for which a majority was asked: {reply}")


def check_commands(cluster):
    """What kv put and its like say of a write that the leader alone has, and how they ask for more, or less."""
    at = ("--addr", cluster.address(cluster.agreed_leader()))
    alone = (r"on the leader's disk alone so far, and lost if it is lost before a majority has the write; "
             r"`WAIT ver=(\d+) epoch=(\d+)` in `kv attach` tells, --ack majority waits for that\n")

    def put_page(key):
        page = json.loads(cluster.kv("put", key, "1", "--json", *at).stdout)
        return page if page.get("ack") == "local" else None

    def import_one(*flags):
        return subprocess.run([KV, "import", *at, *flags], input='{"key":"i","value":"1"}\n', capture_output=True,
                              text=True).stdout

    def delete_one():
        cluster.kv("put", "cmd", "1", *at)
        return re.fullmatch("OK, " + alone, cluster.kv("del", "cmd", *at).stdout)

    def delete_two():
        last = [put_page(key) for key in ("del-1", "del-2")][1]
        page = json.loads(cluster.kv("del", "del-1", "del-2", "--json", *at).stdout)
        same(page["deleted"], 2, "kv del --json")
        if not last or page.get("epoch") != last["epoch"]:
            return False
        same(page["version"], last["version"] + 2, "kv del --json")
        return True

    told = until_local(lambda: re.fullmatch("OK, " + alone, cluster.kv("put", "cmd", "1", *at).stdout))
    waited = subprocess.run([KV, "attach", *at], input=f"WAIT ver={told.group(1)} epoch={told.group(2)}\n",
                            capture_output=True, text=True)
    expect(re.fullmatch(r"OK ver=\d+\n", waited.stdout), f"WAIT in kv attach: {waited}")
    same(cluster.kv("put", "cmd", "1", "--ack", "majority", *at).stdout, "OK\n", "kv put --ack majority")
    same(cluster.kv("put", "cmd", "2", "--quiet", *at).stdout, "", "kv put --quiet")
    expect(until_local(lambda: put_page("cmd"))["epoch"] >= int(told.group(2)), "kv put --json")
    until_local(lambda: re.fullmatch("imported 1 record\nthe last of them are " + alone, import_one()))
    same(import_one("--ack", "majority"), "imported 1 record\n", "kv import --ack majority")
    until_local(delete_one)
    until_local(delete_two)
    # Reads that need less than the newest.
    version = json.loads(cluster.kv("put", "cmd", "3", "--json", *at).stdout)["version"]
    for node in NODES:
        there = ("--addr", cluster.address(node))
        same(cluster.kv("get", "cmd", "--min-ver", str(version), *there).stdout, "3", f"kv get at node {node}")
        same(cluster.kv("range", "cmd", "cmdx", "--max-stale", "1ms", *there).stdout, "cmd\t3\n", "kv range")
        same(cluster.kv("count", "--prefix", "cmd", "--min-ver", str(version), *there).stdout, "1\n", "kv count")
    for command in (("get", "cmd"), ("range", "cmd"), ("count",)):
        done = cluster.kv(*command, "--min-ver", str(version + 1_000_000), "--retry", "0", *at)
        same(done.returncode, 5, f"{command}, of a version that is not there: {done}")
    same(cluster.kv("get", "cmd", "--max-stale", "25h", *at).returncode, 2, "more than a day")


def check_newest(cluster):
    """Also what the leader alone has when the reader asks, which it then waits for."""
    for number in range(100):
        cluster.put("n", str(number))
        same(cluster.get(NODES[number % 3], "n"), str(number), "a read behind a write of one disk")


def check_order(cluster):
    """Requests that come in one piece, on one connection: a read sees the write before it."""
    with socket.create_connection(("127.0.0.1", cluster.ports[cluster.agreed_leader()])) as talk:
        replies = talk.makefile("rb")
        for number in range(200):
            value = f"{number:05}".encode()
            talk.sendall(b"PUT 1 5\no" + value + b"GET 1\no")
            told = replies.readline()
            expect(told.startswith(b"OK "), f"a PUT: {told}")
            head = replies.readline()
            found = replies.read(6) if head.startswith(b"VALUE 5 ") else head
            same(found, value + b"\n", f"a GET in one piece with its PUT, which was answered {told}")


def check_versions(cluster):
    """Who takes the version along reads his own writes at any member."""
    for number in range(30):
        reply = cluster.ask(cluster.leader(), f"PUT 1 2\nb{number:02}".encode())
        version = re.match(r"OK ver=(\d+)", reply).group(1)
        node = NODES[number % 3]
        reply = cluster.ask(node, f"GET 1 min_ver={version}\nb".encode())
        same(reply, f"VALUE 2 ver={version}\n{number:02}\n", f"a read of version {version} at node {node}")
    for node in NODES:
        reply = cluster.ask(node, b"GET 1 min_ver=1000000 timeout_ms=50\nb")
        expect(reply.startswith("ERR TRY_LATER applied=no retry_ms=100 reason=behind :"), reply)


def write_until(is_over, cluster, node, told):
    """Notes what one disk acknowledged, as it comes."""
    with socket.create_connection(("127.0.0.1", cluster.ports[node])) as talk:
        replies = talk.makefile("r")
        while not is_over.is_set():
            talk.sendall(b"PUT 1 1\nhX")
            if acknowledged := re.fullmatch(LOCAL, replies.readline()):
                told.append(acknowledged.groups())


def check_hand_over(cluster):
    """Who hands over on purpose takes along what it acknowledged."""
    for _ in range(6):
        leader = cluster.agreed_leader()
        is_over, told = threading.Event(), []
        writers = [threading.Thread(target=write_until, args=(is_over, cluster, leader, told)) for _ in range(4)]
        for writer in writers:
            writer.start()
        while len(told) < 50:
            time.sleep(0.02)
        while cluster.leader() == leader:
            cluster.ask(leader, b"CLUSTER do=transfer\n")
        is_over.set()
        for writer in writers:
            writer.join()
        last = told[-60:]
        for version, epoch in last:
            waited = cluster.ask(leader, f"WAIT ver={version} epoch={epoch} timeout_ms=10000\n".encode())
            expect(waited.startswith("OK "), f"version {version}, acknowledged before a hand-over: {waited}")


def write_while_it_leads(cluster, leader):
    """The reply; None: it leads no more, and has not said what became of the write, which nobody knows."""
    with socket.create_connection(("127.0.0.1", cluster.ports[leader])) as talk:
        talk.sendall(b"PUT 1 1\naX")
        talk.settimeout(0.05)
        while True:
            try:
                return talk.recv(65536).decode()
            except TimeoutError:
                if not cluster.status(leader)["replication_serving"]:
                    return None


def stands_still(pid):
    tasks = f"/proc/{pid}/task"
    return all(open(f"{tasks}/{task}/stat").read().rpartition(")")[2].split()[0] == "T" for task in os.listdir(tasks))


def check_alone(cluster):
    """A leader that hears nobody: what it has alone it acknowledges for a moment, and shows nobody."""
    leader = cluster.leader()
    others = [node for node in NODES if node != leader]
    before = cluster.ask(leader, b"GET 1\na").split("\n")[1]
    for node in others:
        cluster.processes[node].send_signal(signal.SIGSTOP)
    # On a busy machine a thread may go on for a moment, and make a majority yet.
    while not all(stands_still(cluster.processes[node].pid) for node in others):
        time.sleep(0.001)
    while (reply := write_while_it_leads(cluster, leader)) is not None:
        if not re.fullmatch(LOCAL, reply):
            expect(reply.startswith("ERR NOT_LEADER "), f"a write without a majority: {reply}")
            break
        # Nobody sees it: neither who reads what is there, nor who asks for the newest and gets an answer.
        same(cluster.ask(leader, b"GET 1 min_ver=1\na").split("\n")[1], before, "a read beside a write of one disk")
    expect(cluster.ask(leader, b"GET 1\na").startswith("ERR NOT_LEADER "), "a read without a majority")
    for node in others:
        cluster.processes[node].send_signal(signal.SIGCONT)
    cluster.put("c", "1")
    expect(cluster.get(leader, "a") in (before, "X"), "a read behind it")


def check_read_that_waits(cluster):
    """For a write that one disk acknowledged, and that nobody commits: it is refused when the leader leads no more."""
    leader = cluster.agreed_leader()
    others = [node for node in NODES if node != leader]
    acknowledged = False
    while not acknowledged:
        for node in others:
            cluster.processes[node].send_signal(signal.SIGSTOP)
        acknowledged = re.fullmatch(LOCAL, write_while_it_leads(cluster, leader) or "")
        reply = acknowledged and cluster.ask(leader, b"GET 1\nl")
        for node in others:
            cluster.processes[node].send_signal(signal.SIGCONT)
        leader = cluster.agreed_leader()
        others = [node for node in NODES if node != leader]
    expect(reply.startswith("ERR NOT_LEADER "), f"a read behind a write that is lost: {reply}")


def check_stale(cluster):
    """Of a member that is cut off who asks for less gets it, as long as that is true."""
    cluster.put("d", "1")
    leader = cluster.agreed_leader()
    others = [node for node in NODES if node != leader]
    follower = others[0]
    same(cluster.get(follower, "d"), "1", "a read at a follower")
    for node in (leader, others[1]):
        cluster.processes[node].send_signal(signal.SIGSTOP)
    began = time.monotonic()
    reply = cluster.ask(follower, b"GET 1 max_stale_ms=3600000\nd")
    same(reply.split("\n")[1], "1", "a read of what was there an hour ago at most")
    time.sleep(0.1)
    reply = cluster.ask(follower, b"GET 1 max_stale_ms=50\nd")
    expect(reply.startswith("ERR NOT_LEADER "), f"a read of what is {time.monotonic() - began} s old: {reply}")
    for node in (leader, others[1]):
        cluster.processes[node].send_signal(signal.SIGCONT)
    cluster.put("d", "2")
    same(cluster.get(follower, "d"), "2", "a read behind it")


def main():
    cluster = Cluster(tempfile.mkdtemp())
    try:
        for node in NODES:
            cluster.start(node, *FLAGS)
        check_local_writes(cluster)
        check_commands(cluster)
        check_newest(cluster)
        check_order(cluster)
        check_versions(cluster)
        check_hand_over(cluster)
        check_alone(cluster)
        check_read_that_waits(cluster)
        check_stale(cluster)
    except AssertionError as failure:
        for node in NODES:
            print(f"--- the log of node {node}\n{cluster.log(node)}", file=sys.stderr)
        sys.exit(f"levels_test: {failure}")
    finally:
        for process in cluster.processes.values():
            process.kill()
            process.wait()


main()
