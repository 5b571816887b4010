"""Three members of kv beside three of etcd on this machine, each side asked at the one that leads."""

from bench import servers
from bench.measurement import Group, Row, at_least
from bench.works_other_servers import durable_figures as figures

CLIENTS = ((1, "1 connection"), (50, "50 connections"))


def kv_side(bench):
    with servers.kv_cluster(bench) as port:
        return figures(bench, "resp", port)


def lease_side(bench):
    with servers.kv_cluster(bench, "--read-lease") as port:
        return figures(bench, "resp", port)


def alone_side(bench):
    with servers.kv(bench, "disk") as port:
        return figures(bench, "resp", port)


def etcd_side(bench):
    with servers.etcd_cluster(bench) as port:
        return figures(bench, "etcd", port)


def cluster_groups():
    rows = [Row(f"{work}, {noun}", ("kv", f"{work} by {clients}"), ("etcd", f"{work} by {clients}"), goal)
            for work, goals in (("put", (None, at_least(5))), ("get", (None, at_least(8)))) for (clients, noun), goal in zip(CLIENTS, goals)]
    rows += [Row(f"get with --read-lease, {noun}", ("kv, leases", f"get by {clients}"), ("kv alone", f"get by {clients}"), goal)
             for (clients, noun), goal in zip(CLIENTS, (None, at_least(0.8)))]
    rows += [Row(f"put, {noun}", ("kv", f"put by {clients}"), ("kv alone", f"put by {clients}")) for clients, noun in CLIENTS]
    return [Group("Clusters of three: kv, etcd", {"kv": kv_side, "kv, leases": lease_side, "kv alone": alone_side,
                                                 "etcd": etcd_side}, rows)]
