"""kv beside servers that speak neither its protocol nor RESP: memcached and etcd, with wire_load for both sides."""

from bench import loads, servers
from bench.measurement import Group, Row

PIPELINES = (1, 16)


def memcached_side(bench):
    with servers.memcached(bench) as port:
        return text_figures(bench, "memcached", port)


def resp_side(bench):
    with servers.kv(bench, "none") as port:
        return text_figures(bench, "resp", port)


def text_figures(bench, dialect, port):
    loads.fill(bench, port, dialect=dialect)
    return {f"{work}-p{pipeline}": loads.wire_load(bench, dialect, work, port, pipeline)["rate"]
            for work in ("get", "put") for pipeline in PIPELINES}


def durable_figures(bench, dialect, port):
    """Fewer keys: each waits for the disk."""
    keys = bench.keys // 100
    loads.fill(bench, port, keys=keys, dialect=dialect, pipeline=1)
    return {f"{work} by {clients}": loads.wire_load(bench, dialect, work, port, clients=clients, keys=keys)["rate"]
            for work in ("get", "put") for clients in (1, 50)}


def etcd_side(bench):
    with servers.etcd(bench) as port:
        return durable_figures(bench, "etcd", port)


def durable_resp_side(bench):
    with servers.kv(bench, "disk") as port:
        return durable_figures(bench, "resp", port)


def other_groups():
    return [
        Group("Servers: kv --sync none, memcached", {"kv": resp_side, "memcached": memcached_side},
              [Row(f"{work}, pipeline {pipeline}", ("kv", f"{work}-p{pipeline}"), ("memcached", f"{work}-p{pipeline}"))
               for work in ("get", "put") for pipeline in PIPELINES]),
        Group("Servers: kv --sync disk, etcd", {"kv": durable_resp_side, "etcd": etcd_side},
              [Row(f"{work}, {noun}", ("kv", f"{work} by {clients}"), ("etcd", f"{work} by {clients}"))
               for work in ("get", "put") for clients, noun in ((1, "1 connection"), (50, "50 connections"))]),
    ]
