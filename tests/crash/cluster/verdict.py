"""What must hold behind every scenario."""

import json
import os
import subprocess

import local_acks
from client import now_ns
from level_load import too_stale
from load import KEYS, Tape
from nodes import Trouble, wait_for


# What a leader says of a node that lost records which it had acknowledged.
FORGOTTEN = "a peer forgot what it acknowledged"


def judge(drill):
    """Texts that say what is wrong. The load has ended, all nodes are running and joined."""
    wrong = [text for tape in drill.load.tapes() for text in tape.wrong[:3]]
    try:
        if drill.has_damage:
            await_repaired(drill)
        wrong += local_acks.settle(drill)
        scans = scan_all(drill)
        wrong += scans_differ(drill, scans)
        wrong += fingerprints_differ(drill)
        drill.cluster.check_alive()
        drill.cluster.stop(*drill.cluster.processes)
        wrong += verify_finds(drill, scans)
    except Trouble as trouble:
        wrong.append(str(trouble))
    return wrong + drill.cluster.alarms(FORGOTTEN if drill.has_damage else None) + too_stale(drill.load.tapes()) + history_is_wrong(drill)


def await_repaired(drill):
    """Of what was damaged other members have copies: until all hold the same and all can be read everywhere. Scans are the
    reads that have records put back; who lost a hint, too, begins anew when the members compare what they hold."""

    def is_repaired():
        drill.cluster.check_alive()
        is_same = not fingerprints_differ(drill)
        return all([drill.cluster.scan(node) is not None for node in drill.cluster.processes]) and is_same

    wait_for("what was damaged to be repaired", is_repaired)


def scan_all(drill):
    """By node; it is noted as reads of all keys, whether they are there or not."""
    tape, scans = Tape(200), {}
    drill.final_tape = tape
    asked = [*KEYS, *drill.load.ledger(), *("probe.%d" % node for node in drill.cluster.numbers)]
    for node in sorted(drill.cluster.processes):
        call = now_ns()
        scans[node] = drill.cluster.scan(node)
        end = now_ns()
        if scans[node] is None:
            raise Trouble("node %d has damaged records" % node)
        for key in asked:
            tape.read(call, end, key, scans[node].get(key))
    return scans


def scans_differ(drill, scans):
    """All nodes have the same keys, values and versions, and what was acknowledged is among them."""
    wrong = []
    first, expected = next(iter(scans.items()))
    for node, found in scans.items():
        keys = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
        if keys:
            wrong.append("nodes %d and %d differ in %d keys, %s the first" % (first, node, len(keys), keys[0]))
    return wrong + ledger_differs(drill.load.ledger(), expected)


def ledger_differs(ledger, found):
    wrong = []
    for key, state in ledger.items():
        is_there = key in found
        if state is None and is_there:
            wrong.append("%s is there and was refused" % key)
        elif isinstance(state, int) and (not is_there or found[key][1] != state):
            wrong.append("%s was acknowledged with version %d and is %s" %
                         (key, state, "there with %d" % found[key][1] if is_there else "lost"))
    return wrong[:5] + ["and %d more such keys" % (len(wrong) - 5)] * (len(wrong) > 5)


def history_is_wrong(drill):
    path = os.path.join(drill.cluster.scratch, "history")
    tapes = [*drill.load.tapes(), *([drill.final_tape] if drill.final_tape else [])]
    with open(path, "w", encoding="ascii") as file:
        file.write("kv-history 1\n")
        for tape in tapes:
            file.writelines(line + "\n" for line in tape.lines)
        file.write("leader %d\n" % now_ns())  # what one disk acknowledged and nobody told of is not known
    done = subprocess.run([drill.checker, path], capture_output=True, text=True)
    with open(path + ".checked", "w", encoding="utf-8") as file:
        file.write(done.stdout + done.stderr)
    if done.returncode == 0:
        return []
    name = {1: "is not linearizable", 2: "is undecided"}.get(done.returncode, "could not be checked")
    return ["the history %s:" % name] + (done.stdout + done.stderr).strip().split("\n")[:12]


def fingerprints_differ(drill):
    """What the members find themselves when they compare what they hold."""
    words = [drill.cluster.kv, "cluster", "compare", "--addr", drill.cluster.address(drill.cluster.leader())]
    done = subprocess.run(words, capture_output=True, text=True)
    return [] if done.returncode == 0 else ["kv cluster compare: " + (done.stdout + done.stderr).strip()]


def verify_finds(drill, scans):
    """Nothing but what the drill itself damaged and nobody reads any more: overwritten records, deletions and the log's own
    are not put back (docs/replication.md, "Records that a disk lost")."""
    wrong, dead = [], 0
    for node in drill.cluster.numbers:
        path = drill.cluster.path(node)
        done = subprocess.run([drill.cluster.kv, "verify", "--json", "--data", path], capture_output=True, text=True)
        if done.returncode == 0:
            continue
        findings = json.loads(done.stdout)["findings"] if done.returncode == VERIFY_FOUND else []
        bad = [finding for finding in findings if not is_dead(drill, finding, scans[node])]
        dead += len(findings) - len(bad)
        if bad or not findings:
            wrong.append("kv verify of node %d: %s" % (node, bad[0] if bad else (done.stdout + done.stderr).strip()))
    if dead:
        drill.notes.append("kv verify: %d flipped records are damaged still, all of them overwritten or none of a key" % dead)
    return wrong


VERIFY_FOUND = 6


def is_dead(drill, finding, found):
    """Whether it lies where the drill flipped a bit, and no key's newest record lies there."""
    begin, end = finding["offset"], finding["offset"] + finding["size"]
    if not any(begin <= at < end for at in drill.flips.get(finding["file"], ())):
        return False
    named = {one["key"] for one in finding["keys"]}
    versions = [version for key, (_, version) in found.items() if not named or finding["has_unknown_keys"] or key in named]
    last = finding["last_version"] or max(versions, default=0)
    return not any(finding["first_version"] <= version <= last for version in versions)


def settle(drill):
    """Everything whole again, and every node up to date enough to be asked."""
    drill.network.heal()
    drill.cluster.start_missing()
    drill.load.await_write(now_ns())
