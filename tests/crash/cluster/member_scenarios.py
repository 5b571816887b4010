"""What an operator does: members lose their disks and are replaced while clients write."""

import shutil
import subprocess

from client import now_ns
from nodes import Trouble, wait_for
from scenarios import scenario


def operate(cluster, *words):
    """`kv cluster ...`, at all nodes that run."""
    at = ",".join(cluster.address(node) for node in cluster.processes)
    done = subprocess.run([cluster.kv, "cluster", *words, "--addr", at], capture_output=True, text=True)
    if done.returncode != 0:
        raise Trouble("kv cluster %s: exit code %d: %s" % (" ".join(words), done.returncode, done.stderr.strip()))


def is_caught_up(cluster, node):
    status = cluster.status(node)
    return status is not None and status["replication_role"] in ("leader", "follower")


def replace(cluster, node):
    """One that is dead, by itself with an empty disk."""
    shutil.rmtree(cluster.path(node))
    cluster.join(node)
    operate(cluster, "remove", str(node), "--wait", "30s")
    operate(cluster, "add", "%d=%s" % (node, cluster.address(node)), "--wait", "60s")
    wait_for("the new member's part", lambda: is_caught_up(cluster, node))


@scenario("replace-member", nodes=3)
def replace_member(drill):
    """Each time another one loses its disk, is removed, and comes back as a new member: first a follower, then the
    leader, then any. So soon nobody is left who was there when the cluster was made."""
    cluster, turn = drill.cluster, 0
    while drill.goes_on():
        leader = cluster.leader()
        node = (cluster.follower(drill.random) if turn == 0 else leader if turn == 1
                else drill.random.choice(cluster.numbers))
        turn += 1
        at = cluster.kill(node)
        if node == leader:
            drill.failover(at, (node,))
        replace(cluster, node)
        drill.load.await_write(now_ns())
        drill.rest()
