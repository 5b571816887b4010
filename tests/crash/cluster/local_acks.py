"""What became of the writes that the leader's disk alone had when they were acknowledged: the members say (`WAIT`), and they are
held to it. One that was kept counts like any other; one that was lost must never have been seen by anybody.
"""

import collections

import client
from client import Link
from nodes import PATIENCE_S, Trouble

MARK = " ack=local"  # in a line of a history
LEASE_SHARE = 0.9  # of an election timeout: all that is lost with one leader was written within that


def settle(drill):
    """Texts that say what is wrong. The tapes' lines say of each write what became of it."""
    count = sum(len(tape.local) for tape in drill.load.tapes())
    if count == 0:
        return []
    lost = collections.defaultdict(list)
    cluster = drill.cluster
    node = cluster.leader()
    link = Link(cluster.address(node), PATIENCE_S)
    pass_by(drill, link, node, max(one.version for tape in drill.load.tapes() for one in tape.local))
    for tape in drill.load.tapes():
        for one in tape.local:
            request = "WAIT ver=%d epoch=%d\n" % (one.version, one.epoch)
            words, _ = cluster.ask_patiently(link, node, request)
            if words[0] == "OK":
                tape.lines[one.line] = tape.lines[one.line].replace(MARK, "")
            elif words[:2] == ["ERR", "CONFLICT"]:
                tape.lines[one.line] = tape.lines[one.line].split(MARK)[0] + " = FAILED LOST"
                tape.forget(one.version)
                lost[one.epoch].append(one)
            else:
                raise Trouble("node %d answers %s with %s" % (node, request.strip(), " ".join(words)))
    link.close()
    longest_s = max(map(span_s, lost.values()), default=0)
    drill.notes.append("%d writes were acknowledged by one disk alone; %d of them are lost, with one leader all within %.3f s" %
                       (count, sum(map(len, lost.values())), longest_s))
    limit_s = LEASE_SHARE * drill.given.election_timeout_ms / 1000
    return ["more was lost with one leader than it may acknowledge alone: writes of %.3f s" % longest_s] * (longest_s > limit_s)


def pass_by(drill, link, node, version):
    """Until the log is longer than what was lost: of a number that nothing has yet nobody can tell."""
    last = 0
    while last <= version:
        words, _ = drill.cluster.ask_patiently(link, node, client.put("behind", "x"))
        last = client.answer_of(words).version or last


def span_s(lost):
    """From the first to the last of them, at least: the first was written before it was answered, the last one was not yet asked
    for any sooner."""
    return max(0, max(one.call for one in lost) - min(one.end for one in lost)) / 1e9
