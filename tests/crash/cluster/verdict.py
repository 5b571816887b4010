"""What must hold behind every scenario."""

import os
import subprocess

from load import KEYS, Tape
from client import now_ns
from nodes import Trouble


# What a leader says of a node that lost records which it had acknowledged.
FORGOTTEN = "a peer forgot what it acknowledged"


def judge(drill):
    """Texts that say what is wrong. The load has ended, all nodes that can are running and joined."""
    wrong = [text for tape in drill.load.tapes() for text in tape.wrong[:3]]
    try:
        wrong += scans_differ(drill)
        wrong += [] if drill.has_damage else fingerprints_differ(drill)
        drill.cluster.check_alive()
        drill.cluster.stop(*drill.cluster.processes)
        wrong += [] if drill.has_damage else verify_finds(drill)
    except Trouble as trouble:
        wrong.append(str(trouble))
    return wrong + drill.cluster.alarms(FORGOTTEN if drill.has_damage else None) + history_is_wrong(drill)


def scans_differ(drill):
    """All nodes have the same keys, values and versions, and what was acknowledged is among them. A node that has damaged
    records may say so instead, and they are right on the others."""
    wrong, tape, scans, damaged = [], Tape(200), {}, []
    drill.final_tape = tape
    ledger = {key: state for worker in drill.load.workers for key, state in worker.tape.ledger.items()}
    asked = [*KEYS, *ledger, *("probe.%d" % node for node in drill.cluster.numbers)]
    for node in sorted(drill.cluster.processes):
        call = now_ns()
        found = drill.cluster.scan(node)
        if found is None and drill.has_damage:
            damaged.append(node)
            found = drill.cluster.get_all(node, asked)
        elif found is None:
            raise Trouble("node %d has damaged records" % node)
        else:
            scans[node] = found
        end = now_ns()
        for key in asked:
            if node not in damaged or key in found:
                tape.read(call, end, key, found.get(key))
    for node, found in scans.items():
        first, expected = next(iter(scans.items()))
        keys = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
        if keys:
            wrong.append("nodes %d and %d differ in %d keys, %s the first" % (first, node, len(keys), keys[0]))
    for found in list(scans.values())[:1]:
        wrong += ledger_differs(ledger, found)
    return wrong


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
    done = subprocess.run([drill.checker, path], capture_output=True, text=True)
    with open(path + ".checked", "w", encoding="utf-8") as file:
        file.write(done.stdout + done.stderr)
    if done.returncode == 0:
        return []
    name = {1: "is not linearizable", 2: "is undecided"}.get(done.returncode, "could not be checked")
    return ["the history %s:" % name] + (done.stdout + done.stderr).strip().split("\n")[:12]


def fingerprints_differ(drill):
    """What the members find themselves when they compare what they hold."""
    if drill.cluster.excluded:
        return []  # who does not come back says nothing
    words = [drill.cluster.kv, "cluster", "compare", "--addr", drill.cluster.address(drill.cluster.leader())]
    done = subprocess.run(words, capture_output=True, text=True)
    return [] if done.returncode == 0 else ["kv cluster compare: " + (done.stdout + done.stderr).strip()]


def verify_finds(drill):
    wrong = []
    for node in drill.cluster.numbers:
        if node in drill.cluster.excluded:
            continue
        done = subprocess.run([drill.cluster.kv, "verify", "--data", drill.cluster.path(node)], capture_output=True,
                              text=True)
        if done.returncode != 0:
            wrong.append("kv verify of node %d: %s" % (node, (done.stdout + done.stderr).strip().split("\n")[0]))
    return wrong


def settle(drill):
    """Everything whole again, and every node up to date enough to be asked."""
    drill.network.heal()
    drill.cluster.start_missing()
    drill.load.await_write(now_ns())
