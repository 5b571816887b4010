"""The generators: redis-benchmark, which somebody else wrote, our wire_load for other protocols, and `kv bench`."""

import csv
import io
import json

from bench.processes import run
from bench.servers import ask


def redis_benchmark(bench, port, test, pipeline=1, clients=50, value_size=100, requests=None):
    """{"rate", "p50", "p99"} of one of its tests, get or set, over uniform keys."""
    requests = requests or bench.requests * (4 if pipeline > 1 else 1)
    # It ends with an error at the first error reply.
    text = run("redis-benchmark", "-h", "127.0.0.1", "-p", port, "-c", clients, "-P", pipeline, "-r", bench.keys,
               "-d", value_size, "-n", requests, "-t", test, "--csv")
    table = csv.DictReader(io.StringIO(text[text.index('"test"'):]))
    row = next(row for row in table if row["test"].lower() == test)
    return {"rate": float(row["rps"])} | {name: 1000 * float(row[f"{name}_latency_ms"]) for name in ("p50", "p99")}


def wire_load(bench, dialect, work, port, pipeline=1, clients=50, value_size=100, keys=None, seconds=None):
    """{"rate", "p50", "p99", "p999"}; every reply is checked."""
    line = json.loads(run(bench.program("wire_load"), dialect, work, "--port", port, "--pipeline", pipeline,
                          "--connections", clients, "--keys", keys or bench.keys, "--value-size", value_size,
                          "--seconds", seconds or bench.seconds))
    return {"rate": line["per_second"], "p50": line["p50_us"], "p99": line["p99_us"], "p999": line["p999_us"]}


def fill(bench, port, value_size=100, keys=None, dialect="resp", pipeline=16):
    return wire_load(bench, dialect, "fill", port, pipeline=pipeline, value_size=value_size, keys=keys)


def check_all_is_there(bench, port, value_size):
    """After another generator's writes: as many keys as before, each of the right size as far as a look goes."""
    wire_load(bench, "resp", "get-any", port, pipeline=16, value_size=value_size, seconds=0.1)
    size = ask(port, "DBSIZE")
    if size != f":{bench.keys}":
        raise RuntimeError(f"{bench.keys} keys were written, and the server has {size}")


def kv_bench(bench, address, *options, clients=50, seconds=None):
    """Its report, of any server with the native protocol or RESP. It compares what it reads, and ends with an error."""
    times = ("--duration", f"{int(1000 * (seconds or bench.seconds))}ms", "--warmup", f"{int(500 * bench.seconds)}ms")
    return json.loads(run(bench.program("kv"), "bench", "--addr", address, "--json", "--clients", clients,
                          "--keys", bench.keys, *times, *options))


def disk_baseline(bench, kind, **options):
    """`append` or `direct-read`: {"rate", "p50", "p99"}."""
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
    with bench.scratch() as directory:
        line = json.loads(run(bench.program("disk_baseline"), kind, directory, "--seconds", bench.seconds, *words))
    return {"rate": line["per_second"], "p50": line["p50_us"], "p99": line["p99_us"]}
