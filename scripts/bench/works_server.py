"""Server against server: kv beside Redis, with redis-benchmark and `kv bench --proto resp` for both sides."""

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


YCSB = {"a": "reads and updates half and half", "b": "95 % reads", "c": "reads alone",
        "f": "half of them read, changed and written back"}


def ycsb_figures(bench, port):
    """Zipfian keys, one request at a time for each of the clients; rates, and a latency of the worst of a thousand."""
    address = f"127.0.0.1:{port}"
    loads.kv_bench(bench, address, "--proto", "resp", "--load-only")
    figures = {}
    for workload in YCSB:
        report = loads.kv_bench(bench, address, "--proto", "resp", "--workload", workload)["all"]
        figures[workload] = report["ops_per_second"]
        figures[f"{workload} p99.9"] = report["latency_ns"]["p99.9"] / 1000
    return figures


def ycsb_groups():
    def ours(bench):
        with servers.kv(bench, "interval") as port:
            return ycsb_figures(bench, port)

    def theirs(bench):
        with servers.redis(bench, "everysec") as port:
            return ycsb_figures(bench, port)

    rows = []
    for workload, name in YCSB.items():
        rows.append(row(f"YCSB {workload}, {name}", workload, None))
        rows.append(Row(f"YCSB {workload}, p99.9", ("kv", f"{workload} p99.9"), ("redis", f"{workload} p99.9"), unit="us"))
    title = "Servers, kv bench --proto resp: kv --sync interval, Redis AOF everysec"
    return [Group(title, {"kv": ours, "redis": theirs}, rows)]
