"""Engine against engine: the embeddable stores in one process each, without a server."""

import json
import re

from bench.measurement import Group, Row, at_least, at_most
from bench.processes import run

ENGINES = ("kv", "leveldb", "rocksdb", "lmdb")


def drive(bench, engine, *works, keys=None):
    """{work: operations a second}, in a fresh directory."""
    with bench.scratch() as directory:
        text = run(bench.program("engine_driver"), engine, directory, "--keys", keys or bench.keys,
                   "--seconds", bench.seconds, *works)
    return {line["work"]: line["per_second"] for line in map(json.loads, text.splitlines())}


def side(engine, works):
    return lambda bench: drive(bench, engine, *works)


def rows_against(goals, work, metric, unit="/s"):
    """A row for each peer; `goals` names those that have one."""
    return [Row(work, ("kv", metric), (peer, metric), at_least(goals[peer]) if peer in goals else None, unit)
            for peer in ENGINES[1:]]


def counted(count, noun):
    return f"{count} {noun}" if count == "1" else f"{count} {noun}s"


def engine_groups():
    reads = ("fill", "overwrite", "settle", "warm-up", "get:1", "get:2", "get-absent", "scan-100", "scan-all")
    all_three = {"rocksdb": 3, "leveldb": 3, "lmdb": 1}
    read_rows = [
        *rows_against({"leveldb": 3, "rocksdb": 3}, "random put into an empty store, sync none, 1 thread", "fill"),
        *rows_against({}, "random put over what is there, sync none, 1 thread", "overwrite"),
        *rows_against(all_three, "random get, hot, 1 thread", "get:1"),
        *rows_against(all_three, "random get, hot, 2 threads", "get:2"),
        *rows_against({"rocksdb": 3}, "get of an absent key", "get-absent"),
        *rows_against({"leveldb": 1}, "scan of 100 keys from a random start", "scan-100"),
        *rows_against({"leveldb": 1}, "scan of everything in order, rows", "scan-all"),
    ]
    syncs = ("put-sync:1", "put-sync:8", "put-sync:16")
    sync_rows = [row for metric in syncs for row in rows_against(
        {"leveldb": 1.5, "rocksdb": 1.5}, f"put, sync, {counted(metric.split(':')[1], 'thread')}", metric)]
    return [
        Group("Engines: put, get, scan", {engine: side(engine, reads) for engine in ENGINES}, read_rows),
        Group("Engines: durable put", {engine: side(engine, ("fill", "settle", *syncs)) for engine in ENGINES}, sync_rows),
    ]


def index_bytes(bench):
    """Bytes a key beyond the key, of keys put in random order."""
    text = run(bench.program("index_memory"), bench.index_keys)
    found = re.search(r"^random .*?([\d.]+) B/key beyond the key", text, re.MULTILINE)
    return {"bytes": float(found.group(1))}


def growth_groups():
    works = ("fill", "warm-up", "get:1", "put")

    def at_both_sizes(bench):
        few, many = drive(bench, "kv", *works), drive(bench, "kv", *works, keys=bench.many_keys)
        return ({f"{work} at 1 M keys": figure for work, figure in few.items()}
                | {f"{work} at 20 M keys": figure for work, figure in many.items()})

    rows = [Row(f"engine: {name} at 20 M keys", ("kv", f"{work} at 20 M keys"), ("kv", f"{work} at 1 M keys"), at_least(0.8))
            for name, work in (("random get", "get:1"), ("random put", "put"))]
    return [
        Group("Growth", {"kv": at_both_sizes}, rows),
        Group("Index", {"kv": index_bytes}, [Row("index memory per key beyond the key, 10 M keys", ("kv", "bytes"),
                                                 goal=at_most(32), unit="B")]),
    ]
