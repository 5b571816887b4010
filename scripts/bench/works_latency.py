"""How long requests take at 70 % of what the server can do, while it has other things to do, too."""

import contextlib
import subprocess
import threading

from bench import servers
from bench.loads import kv_bench
from bench.measurement import Group, Row, at_most
from bench.processes import environment

SHARE_OF_TOP = 0.7
SHARE_OF_LOADING = 0.1  # that puts of 1 KiB add to it
SHARE_OF_SCANS = 0.01  # that scans of up to 100 keys add
PAUSE_SECONDS = 0.1
MIX = "read=50,update=50"
STATES = ("alone", "loading", "merging", "scanning")


@contextlib.contextmanager
def again_and_again(*command):
    """Runs a command over and over beside the block; the last one is cut off."""
    is_over = threading.Event()
    running = []  # the one under way, if any

    def repeat():
        while not is_over.is_set():
            running[:] = [subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL,
                                           stderr=subprocess.DEVNULL, env=environment())]
            running[0].wait()
            is_over.wait(PAUSE_SECONDS)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        while thread.is_alive():
            for child in running:
                child.terminate()
            thread.join(PAUSE_SECONDS)


def meanwhile(bench, address, state, top):
    """What else the server does."""
    kv = (bench.program("kv"),)
    load = kv + ("bench", "--addr", address, "--no-load", "--clients", 4, "--duration", "60s")
    if state == "loading":
        return again_and_again(*load, "--mix", "insert=100", "--value-size", 1024, "--rate", int(SHARE_OF_LOADING * top))
    if state == "scanning":
        return again_and_again(*load, "--mix", "scan=100", "--keys", bench.keys, "--rate", int(SHARE_OF_SCANS * top))
    if state == "merging":
        return again_and_again(*kv, "merge-now", "--wait", "--addr", address)
    return contextlib.nullcontext()


def at_share_of_top(bench, address, top, *options):
    """Percentiles of the open loop, by name."""
    report = kv_bench(bench, address, "--mix", MIX, "--rate", int(SHARE_OF_TOP * top), *options, seconds=4 * bench.seconds)
    return {quantile: report["all"]["latency_ns"][quantile] / 1000 for quantile in ("p50", "p99", "p99.9")}


def top_rate(bench, address, *options):
    kv_bench(bench, address, "--load-only", *options)
    return kv_bench(bench, address, "--mix", MIX, *options, seconds=2 * bench.seconds)["all"]["ops_per_second"]


def latencies(bench):
    with servers.kv_address(bench, "interval") as address:
        top = top_rate(bench, address)
        figures = {"top": top}
        for state in STATES:
            with meanwhile(bench, address, state, top):
                times = at_share_of_top(bench, address, top)
            figures |= {f"{quantile} {state}": time for quantile, time in times.items()}
        return figures


def latencies_of_redis(bench):
    """What the machine lets another server reach in the same way."""
    with servers.redis(bench, "everysec") as port:
        address = f"127.0.0.1:{port}"
        top = top_rate(bench, address, "--proto", "resp")
        times = at_share_of_top(bench, address, top, "--proto", "resp")
        return {"top": top} | {f"{quantile} alone": time for quantile, time in times.items()}


def latency_groups():
    names = {"alone": "nothing else", "loading": "while 1 KiB values are loaded at a tenth of the top rate",
             "merging": "while `kv merge-now` runs",
             "scanning": "while scans of up to 100 keys come at a hundredth of the top rate"}
    rows = [Row("top rate, closed loop", ("kv", "top"), ("redis", "top"))]
    rows += [Row(f"{quantile}, nothing else", ("kv", f"{quantile} alone"), ("redis", f"{quantile} alone"), unit="us")
             for quantile in ("p50", "p99.9")]
    # Against the median of a server that does nothing else: beside its own, a queue that only grows would look well.
    rows += [Row(f"p99.9, {names[state]}", ("kv", f"p99.9 {state}"), ("kv", "p50 alone"), at_most(10), "us")
             for state in STATES]
    return [Group("Latency at 70 % of the top rate, open loop (reads and updates half and half, kv --sync interval)",
                  {"kv": latencies, "redis": latencies_of_redis}, rows)]
