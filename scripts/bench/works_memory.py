"""Four times as much data as memory: the server in a memory group, against the disk and against itself without one."""

from bench import loads, memory_group, servers
from bench.measurement import Group, Row, at_least

VALUE_SIZE = 1024
CLIENTS = 50


def drive(bench, port):
    """The whole set once in key order, then random puts, then random gets, which are checked."""
    large = {"value_size": VALUE_SIZE, "keys": bench.large_keys}
    figures = {"fill": loads.fill(bench, port, **large)["rate"]}
    for work in ("put", "get"):
        # The first seconds bring the caches into their usual state.
        loads.wire_load(bench, "resp", work, port, clients=CLIENTS, seconds=bench.seconds, **large)
        done = loads.wire_load(bench, "resp", work, port, clients=CLIENTS, seconds=2 * bench.seconds, **large)
        figures[work] = done.pop("rate")
        figures |= {f"{work} {name}": latency for name, latency in done.items()}
    return figures


def with_little_memory(bench):
    with memory_group.limited(bench) as group, servers.kv(bench, "interval", before_exec=group.enter) as port:
        return drive(bench, port)


def with_all_memory(bench):
    with servers.kv(bench, "interval") as port:
        return drive(bench, port)


def direct_read(bench):
    """As many reads under way as the server has clients."""
    done = loads.disk_baseline(bench, "direct-read", threads=CLIENTS, file_size=bench.large_keys * VALUE_SIZE)
    return {"get": done["rate"], "get p50": done["p50"], "get p99": done["p99"]}


def memory_groups():
    ours, free, disk = "kv", "kv with all memory", "O_DIRECT reads"
    rows = [
        Row("GET, 50 connections", (ours, "get"), (disk, "get"), at_least(0.8)),
        Row("GET p50", (ours, "get p50"), (disk, "get p50"), unit="us"),
        Row("GET p99", (ours, "get p99"), (disk, "get p99"), unit="us"),
        Row("GET p99.9", (ours, "get p999"), unit="us"),
        Row("SET of new keys, pipeline 16", (ours, "fill"), (free, "fill")),
        Row("SET over what is there, 50 connections", (ours, "put"), (free, "put")),
    ]
    return [Group("Data four times the memory (512 MiB cap, 2 GiB of 1 KiB values, kv --sync interval)",
                  {ours: with_little_memory, free: with_all_memory, disk: direct_read}, rows)]
