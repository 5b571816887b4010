"""Server against server, with redis-benchmark for both sides; memcached and etcd with wire_load for both."""

from bench import loads, servers
from bench.measurement import Group, Row, at_least

PIPELINES = (1, 16)


def measure(bench, port, value_size=100, is_durable=False, pipelines=PIPELINES):
    """GET and SET of keys that are all there, at each pipeline; {"get-p1": requests a second, ...}."""
    loads.fill(bench, port, value_size)
    loads.wire_load(bench, "resp", "get", port, pipeline=16, value_size=value_size, seconds=0.1)
    figures = {}
    for pipeline in pipelines:
        for test in ("get", "set"):
            requests = bench.durable_requests * pipeline if is_durable and test == "set" else None
            done = loads.redis_benchmark(bench, port, test, pipeline, value_size=value_size, requests=requests)
            figures[f"{test}-p{pipeline}"] = done["rate"]
            figures[f"{test}-p{pipeline} p99"] = done["p99"]
    loads.check_all_is_there(bench, port, value_size)
    return figures


def sides(sync, append_only, **how):
    def ours(bench):
        with servers.kv(bench, sync) as port:
            return measure(bench, port, is_durable=sync == "disk", **how)

    def theirs(bench):
        with servers.redis(bench, append_only) as port:
            return measure(bench, port, is_durable=sync == "disk", **how)

    return {"kv": ours, "redis": theirs}


def bare_echo(bench):
    with servers.echo(bench, 100) as port:
        return {f"get-p{pipeline}": loads.redis_benchmark(bench, port, "get", pipeline)["rate"] for pipeline in PIPELINES}


def row(work, metric, goal, against="redis"):
    return Row(work, ("kv", metric), (against, metric), at_least(goal) if goal else None)


def redis_groups():
    plain = sides("none", "no")
    plain["echo"] = bare_echo
    wide = {"value_size": 1024, "pipelines": (16,)}
    groups = [
        Group("Servers: kv --sync none, Redis without AOF", plain, [
            row("GET, pipeline 1", "get-p1", 1.1), row("GET, pipeline 1", "get-p1", 0.9, "echo"),
            row("GET, pipeline 16", "get-p16", 2), row("GET, pipeline 16", "get-p16", None, "echo"),
            row("SET, pipeline 1", "set-p1", None), row("SET, pipeline 16", "set-p16", None)]),
        Group("Servers: kv --sync interval, Redis AOF everysec", sides("interval", "everysec"), [
            row("SET, pipeline 1", "set-p1", 1.2), row("SET, pipeline 16", "set-p16", 2)]),
        Group("Servers: kv --sync disk, Redis AOF always", sides("disk", "always"), [
            row("SET, pipeline 1", "set-p1", 1.3), row("SET, pipeline 16", "set-p16", 2)]),
    ]
    titles = {"none": ("no", "without AOF"), "interval": ("everysec", "AOF everysec"), "disk": ("always", "AOF always")}
    for sync, (append_only, title) in titles.items():
        rows = [row("GET, 1 KiB values, pipeline 16", "get-p16", 1.5)] if sync == "none" else []
        rows.append(row("SET, 1 KiB values, pipeline 16", "set-p16", 1.5))
        groups.append(Group(f"Servers, 1 KiB: kv --sync {sync}, Redis {title}", sides(sync, append_only, **wide), rows))
    return groups


def one_connection(bench):
    """SET where one client waits for the disk each time."""
    with servers.kv(bench, "disk") as port:
        loads.fill(bench, port)
        return {"rate": loads.redis_benchmark(bench, port, "set", clients=1, requests=bench.durable_requests // 5)["rate"]}


def durable_groups():
    rows = [Row("SET --sync disk, 1 connection", ("kv", "rate"), ("append + fdatasync", "rate"), at_least(0.6))]
    return [Group("One durable write after another", {
        "kv": one_connection, "append + fdatasync": lambda bench: loads.disk_baseline(bench, "append")}, rows)]


def with_threads(threads):
    def work(bench):
        with servers.kv(bench, "none", threads) as port:
            return measure(bench, port)
    return work


def thread_groups():
    rows = [Row(f"{test.upper()}, pipeline {pipeline}, --threads 2", ("kv", f"{test}-p{pipeline}"),
                ("--threads 1", f"{test}-p{pipeline}"), at_least(1)) for pipeline in PIPELINES for test in ("get", "set")]
    return [Group("Threads", {"kv": with_threads(2), "--threads 1": with_threads(1)}, rows)]


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


def etcd_figures(bench, dialect, port):
    """Fewer keys: each waits for the disk."""
    keys = bench.keys // 100
    loads.fill(bench, port, keys=keys, dialect=dialect, pipeline=1)
    return {f"{work} by {clients}": loads.wire_load(bench, dialect, work, port, clients=clients, keys=keys)["rate"]
            for work in ("get", "put") for clients in (1, 50)}


def etcd_side(bench):
    with servers.etcd(bench) as port:
        return etcd_figures(bench, "etcd", port)


def durable_resp_side(bench):
    with servers.kv(bench, "disk") as port:
        return etcd_figures(bench, "resp", port)


def other_groups():
    return [
        Group("Servers: kv --sync none, memcached", {"kv": resp_side, "memcached": memcached_side},
              [row(f"{work}, pipeline {pipeline}", f"{work}-p{pipeline}", None, "memcached")
               for work in ("get", "put") for pipeline in PIPELINES]),
        Group("Servers: kv --sync disk, etcd", {"kv": durable_resp_side, "etcd": etcd_side},
              [row(f"{work}, {noun}", f"{work} by {clients}", None, "etcd")
               for work in ("get", "put") for clients, noun in ((1, "1 connection"), (50, "50 connections"))]),
    ]
