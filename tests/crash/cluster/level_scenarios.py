"""Leases, acknowledgements of one disk, and sessions: what they promise where leaders die, stand still and are cut off."""

import os
import signal

from client import Answer, Link, Lost, NotSent, answer_of, get, now_ns, put, with_options
from level_load import LevelWorker
from load import Tape
from network import both_ways
from nodes import PATIENCE_S, Trouble, wait_for
from scenarios import await_caught_up, kill_and_restart, scenario
from session_load import SessionWorker


@scenario("lease-reads", flags=("--read-lease",), worker=LevelWorker)
def lease_reads(drill):
    """A leader stands still until others lead and write. What it is asked meanwhile it reads when it goes on, with a lease that
    it may take for its own still; what asks for less gets that at least."""
    cluster, tape = drill.cluster, Tape(300)
    drill.load.more_tapes.append(tape)
    keys = ["probe.%d" % node for node in cluster.numbers]  # each is written a hundred times a second where it can be
    while drill.goes_on():
        leader = cluster.leader()
        wait_for("a lease", lambda node=leader: (cluster.status(node) or {}).get("replication_lease"))
        links = [(Link(cluster.address(leader), PATIENCE_S), key) for key in keys * 12]
        for link, key in links:  # one that is not made yet would be taken up too late
            link.ask(get(key))
        at = now_ns()
        cluster.signal(leader, signal.SIGSTOP)
        drill.failover(at, (leader,))
        drill.pause(0.1, 0.5)
        seen = Link(cluster.address(cluster.leader()), PATIENCE_S)
        for key in keys:
            ask_for(tape, seen, key)()
        seen.close()
        levels = (" min_ver=%d" % tape.newest, " max_stale_ms=%d" % STALE_MS, "", "")
        answers = [ask_for(tape, link, key, levels[number // len(keys) % 4]) for number, (link, key) in enumerate(links)]
        cluster.signal(leader, signal.SIGCONT)
        for note_answer in answers:
            note_answer()
        for link, _ in links:
            link.close()
        drill.load.await_write(now_ns())
        await_caught_up(cluster, leader)
        drill.pause(0.2, 1)


STALE_MS = 20


def ask_for(tape, link, key, level=""):
    """What notes the answer, once it is there."""
    call = now_ns()
    link.send(with_options(get(key), level))

    def note_answer():
        try:
            words, value = link.receive()
        except (OSError, Lost):
            return
        if words[0] == "ERR":
            return
        end, found = now_ns(), (value, answer_of(words).version) if words[0] == "VALUE" else None
        tape.operations += 1
        tape.read(call, end, key, found, " read=session" if "min_ver" in level else " read=stale" if level else "")
        if "stale" in level:
            tape.stale_reads.append((call, end, key, found and found[1], STALE_MS))

    return note_answer


def stands_still(process):
    """All its threads: on a busy machine one may go on for a moment."""
    tasks = "/proc/%d/task" % process.pid
    states = [open("%s/%s/stat" % (tasks, task), encoding="ascii").read().rpartition(")")[2].split()[0] for task in os.listdir(tasks)]
    return set(states) == {"T"}


def write_alone(drill, leader, end):
    """Keys that are used once, for as long as one disk is acknowledged."""
    tape, link = Tape(300 + len(drill.load.more_tapes)), Link(drill.cluster.address(leader), 0.5)
    drill.load.more_tapes.append(tape)
    answer = None
    while now_ns() < end and (answer is None or answer.local_epoch):
        key = value = "alone.%d.%d" % (tape.number, len(tape.lines))
        call = now_ns()
        try:
            answer = answer_of(link.ask(put(key, value))[0])
        except (NotSent, Lost):
            answer = Answer("unknown", code="LOST")
        tape.write(call, "PUT %s %s" % (key, value), answer)
        tape.ledger[key] = {"ok": answer.version, "no": None}.get(answer.kind, "unknown")
    link.close()


def leave_alone(drill):
    """The others stand still; the leader acknowledges by itself for a moment, and dies. What is on its way they take yet."""
    cluster = drill.cluster
    leader = cluster.leader()
    others = [node for node in cluster.numbers if node != leader]
    for node in others:
        cluster.signal(node, signal.SIGSTOP)
    wait_for("the others to stand still", lambda: all(stands_still(cluster.processes[node]) for node in others))
    at = now_ns()
    timeouts = drill.random.choice((drill.random.uniform(0.1, 1), 3))  # within its lease, and until it leads no more
    write_alone(drill, leader, at + int(timeouts * drill.given.election_timeout_ms * 1e6))
    drill.load.refused_since(at)  # where a majority was asked for
    at = cluster.kill(leader)
    for node in others:
        cluster.signal(node, signal.SIGCONT)
    drill.failover(at, (leader,))
    cluster.start(leader)
    await_caught_up(cluster, leader)


def cut_off(drill):
    """Nothing of what the leader acknowledges then is on its way to others."""
    cluster = drill.cluster
    leader = cluster.leader()
    at = now_ns()
    drill.network.cut(both_ways([leader], cluster.numbers))
    write_alone(drill, leader, at + 3 * int(drill.given.election_timeout_ms * 1e6))
    drill.failover(at, (leader,))
    drill.pause(0, 1)
    drill.network.heal()
    await_caught_up(cluster, leader)


def kill_the_leader(drill):
    kill_and_restart(drill, drill.cluster.leader())


def stop_the_leader(drill):
    """Until another one took over; what had come to it is answered then."""
    leader = drill.cluster.leader()
    at = now_ns()
    drill.cluster.signal(leader, signal.SIGSTOP)
    drill.failover(at, (leader,))
    drill.pause(0, 0.5)
    drill.cluster.signal(leader, signal.SIGCONT)
    await_caught_up(drill.cluster, leader)


def kill_everybody(drill):
    at = drill.cluster.kill(*drill.cluster.numbers)
    drill.cluster.start_missing()
    drill.failover(at, ())


def in_turn(drill, harms):
    number = 0
    while drill.goes_on():
        harms[number % len(harms)](drill)
        drill.pause(0.2, 0.5)
        number += 1


@scenario("local-acks", flags=("--ack", "local"), worker=LevelWorker)
def local_acks(drill):
    """What became of each the members have to say; what a majority acknowledged is never lost."""
    in_turn(drill, [leave_alone, *([cut_off] if drill.network.can_cut else []), kill_the_leader])
    if not any(tape.local for tape in drill.load.tapes()):
        raise Trouble("no write was acknowledged by one disk alone")


@scenario("sessions", worker=SessionWorker)
def sessions(drill):
    """Each write is repeated under its number until there is an answer, and is done once."""
    in_turn(drill, [kill_the_leader, stop_the_leader, kill_everybody])
    if not any(worker.repeats for worker in drill.load.workers):
        raise Trouble("nothing was repeated")
