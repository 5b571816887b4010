"""Members that were away until their log was gone elsewhere, and get files when they come back."""

from client import Link, Lost, NotSent, put
from nodes import wait_for
from scenarios import await_caught_up, kill_and_restart, scenario

FILLERS = 24
FILLER_SIZE = 1 << 20  # so that files come for some tenths of a second


def fill(drill):
    """Values that are never written again, so that they are in every state that is sent."""
    for number in range(FILLERS):
        def done(key="filler-%d" % number):
            link = Link(drill.cluster.address(drill.cluster.leader()), 5)
            try:
                return link.ask(put(key, "f" * FILLER_SIZE))[0][0] == "OK"
            except (NotSent, Lost):
                return False
            finally:
                link.close()

        wait_for("a large value to be taken", done)


def leave_behind(drill):
    """A follower that is dead, and needs files."""
    cluster = drill.cluster
    node = cluster.follower(drill.random)
    last = cluster.status(node)["replication_last"]
    cluster.kill(node)

    def given_up():
        status = cluster.status(cluster.leader())
        return status and status["replication_floor"] > last

    wait_for("the leader to give up its log", given_up)
    return node


def times(cluster, node, event):
    return cluster.log(node).count('event="%s"' % event)


@scenario("left-behind", retention="64KiB")
def left_behind(drill):
    """While the files come nothing happens, or the leader dies, or who gets them. The next leader may have the log still."""
    cluster = drill.cluster
    fill(drill)
    number = 0
    while drill.goes_on():
        node = leave_behind(drill)
        begun, received = times(cluster, node, "receiving state"), times(cluster, node, "state received")
        cluster.start(node)
        wait_for("files to come to node %d" % node, lambda: times(cluster, node, "receiving state") > begun)
        if number % 3 == 1:
            kill_and_restart(drill, cluster.leader())
        elif number % 3 == 2:
            cluster.kill(node)
            cluster.start(node)
        else:
            wait_for("all files to be at node %d" % node, lambda: times(cluster, node, "state received") > received)
        await_caught_up(cluster, node)
        number += 1
