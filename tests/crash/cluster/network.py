"""Where the nodes of a drill live: each in a network namespace of its own, joined by a bridge, or all on loopback.

The drill runs itself again in namespaces (network, mounts, processes) that nobody else is in, so that nothing is left of
them however it ends. Clients reach every node at any time; what is cut is between nodes.
"""

import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "integration"))
from ports import free_ports

UNSHARE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
SUBNET = "10.83.0."
TABLE = "flush ruleset\ntable ip drill { chain input {\ntype filter hook input priority 0\n%s\n}\n}\n"
DROP = "ip saddr { %s } drop"
LOSE = "ip saddr %s numgen random mod 100 < %d drop"


def why_not():
    """Why there are no namespaces here; None: there are."""
    for tool, package in (("unshare", "util-linux"), ("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(tool) is None:
            return "%s is missing (package %s)" % (tool, package)
    probe = "ip link add bridge0 type bridge && ip link add v1 type veth peer name w1 && nft add table ip t"
    done = subprocess.run([*UNSHARE, "sh", "-c", probe], capture_output=True, text=True)
    return None if done.returncode == 0 else "they need root: " + done.stderr.strip().split("\n")[0]


def enter(arguments):
    """Goes on as another process inside; does not return."""
    os.execvp(UNSHARE[0], [*UNSHARE, sys.executable, *arguments, "--inside"])


class Loopback:
    can_cut = False

    def __init__(self, count):
        self.ports = dict(enumerate(free_ports(count), start=1))

    def address(self, node):
        return "127.0.0.1:%d" % self.ports[node]

    def command(self, _, words):
        return words

    def heal(self):
        pass


class Namespaces:
    can_cut = True

    def __init__(self, count):
        self.nodes = range(1, count + 1)
        self.rules = dict.fromkeys(self.nodes, "")  # of what comes in
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)  # here alone: for ip netns
        lines = ["link set lo up", "link add bridge0 type bridge", "link set bridge0 up",
                 "addr add %s254/24 dev bridge0" % SUBNET]
        for node in self.nodes:
            lines += ["netns add n%d" % node, "link add v%d type veth peer name e0 netns n%d" % (node, node),
                      "link set v%d master bridge0 up" % node]
        self.ip([], lines)
        for node in self.nodes:
            self.ip(["-n", "n%d" % node],
                    ["addr add %s%d/24 dev e0" % (SUBNET, node), "link set e0 up", "link set lo up"])

    @staticmethod
    def ip(options, lines):
        subprocess.run(["ip", *options, "-batch", "-"], input="\n".join(lines), text=True, check=True)

    def address(self, node):
        return "%s%d:7400" % (SUBNET, node)

    def command(self, node, words):
        return ["nsenter", "--net=/run/netns/n%d" % node, *words]

    def cut(self, pairs):
        """From now on exactly what goes from A to B is lost, for each (A, B)."""
        self.drop({node: DROP % ", ".join(SUBNET + str(a) for a in sorted(sources)) if sources else ""
                   for node in self.nodes for sources in [{a for a, b in pairs if b == node}]})

    def lose(self, percent):
        """Of all packets between nodes, at random."""
        between = "%s%d-%s%d" % (SUBNET, min(self.nodes), SUBNET, max(self.nodes))
        self.drop(dict.fromkeys(self.nodes, LOSE % (between, percent)))

    def drop(self, rules):
        running = []
        for node, rule in rules.items():
            if rule == self.rules[node]:
                continue
            self.rules[node] = rule
            process = subprocess.Popen(self.command(node, ["nft", "-f", "-"]), stdin=subprocess.PIPE, text=True)
            process.stdin.write(TABLE % rule)
            process.stdin.close()
            running.append(process)
        for process in running:
            if process.wait() != 0:
                raise RuntimeError("nft could not change the rules")

    def can_lose(self):
        check = self.command(1, ["nft", "-c", "-f", "-"])
        return subprocess.run(check, input=TABLE % (LOSE % (SUBNET + "1", 1)), text=True, capture_output=True).returncode == 0

    def heal(self):
        self.cut(set())


def both_ways(some, others):
    return {(a, b) for a in some for b in others if a != b} | {(b, a) for a in some for b in others if a != b}
