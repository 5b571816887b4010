#!/usr/bin/env python3
"""kv bench as a user has it: bench_test.py KV-BINARY.

Counts and answers are checked, never times: every run is bounded by --ops.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

from terminal import Server, Terminal, equal

KV = os.path.abspath(sys.argv[1])
REDIS = shutil.which("redis-server")
SMALL = ["--keys", "2000", "--clients", "7"]


def bench(address, *flags, code=0):
    done = subprocess.run([KV, "bench", "--addr", address, *flags], capture_output=True, text=True)
    equal((done.returncode, done.stderr if code == 0 else ""), (code, ""))
    return done.stdout, done.stderr


def bench_json(address, *flags, code=0):
    out, _ = bench(address, *SMALL, *flags, "--json", code=code)
    equal(out.count("\n"), 1)  # JSON only, also while keys are loaded
    return json.loads(out)


def check_counts(result, total):
    counts = {name: line["count"] for name, line in result["operations"].items()}
    equal(sum(counts.values()), total)
    equal(result["all"]["count"], total)
    equal(result["all"]["errors"], 0)
    latency = result["all"]["latency_ns"]
    assert 0 < latency["p50"] <= latency["p99"] <= latency["p99.9"] <= latency["max"], latency
    return counts


def workloads_run_as_published(address):
    result = bench_json(address, "--load-only")
    equal(result, {"loaded": 2000})
    operations = {"a": ["read", "update"], "b": ["read", "update"], "c": ["read"], "d": ["read", "insert"],
                  "e": ["insert", "scan"], "f": ["read", "rmw"]}
    for letter, expected in operations.items():
        result = bench_json(address, "--workload", letter, "--ops", "3000", "--pipeline", "4", "--threads", "2")
        equal(result["loaded"], 0)  # they are there already
        counts = check_counts(result, 3000)
        equal(list(counts), expected)
    result = bench_json(address, "--mix", "read=1,insert=1,scan=1,rmw=1,update=1", "--ops", "2000", "--distribution",
                        "latest", "--value-size", "10:5,200000:1", "--sync", "none")
    equal(result["loaded"], 0)  # 100 is within those sizes
    equal(len(check_counts(result, 2000)), 5)


def keys_of_other_sizes_are_loaded_anew(address):
    result = bench_json(address, "--value-size", "64-90", "--ops", "500", "--rate", "100000")
    equal(result["loaded"], 2000)
    check_counts(result, 500)
    result = bench_json(address, "--key-size", "40", "--value-size", "0", "--workload", "e", "--ops", "500")
    equal(result["loaded"], 2000)
    check_counts(result, 500)


def the_text_says_the_same(address, folder):
    file = os.path.join(folder, "run.hgrm")
    out, _ = bench(address, *SMALL, "--value-size", "300", "--ops", "1000", "--hdr", file)
    lines = out.splitlines()
    assert re.fullmatch(r"loaded 2 000 keys in [0-9.]+ s", lines[0]), lines
    equal(lines[1], "workload b  zipfian  2 000 keys of 16 B  values 300 B  7 clients  pipeline 1  native")
    form = r" +p50 [0-9.]+ ms +p90 [0-9.]+ ms +p99 [0-9.]+ ms +p99.9 [0-9.]+ ms +max [0-9.]+ ms +[0-9 ]+ op/s +" \
           r"count [0-9 ]+ +errors 0"
    for line, name in zip(lines[2:], ["read", "update", "all"]):
        assert re.fullmatch(name + form, line), line
    equal(len(lines), 5)
    for path in (file, os.path.join(folder, "run.read.hgrm"), os.path.join(folder, "run.update.hgrm")):
        with open(path, encoding="ascii") as log:
            text = log.read()
        assert re.match(r" +Value +Percentile +TotalCount 1/\(1-Percentile\)\n\n( +[0-9.]+ [0-9.]+ +\d+ .*\n)+", text), text
        assert re.search(r"^#\[Max +=.*, Total count +=", text, re.M), text
    total = re.search(r"Total count +=\s+(\d+)", open(file, encoding="ascii").read())[1]
    equal(total, "1000")


def a_wrong_answer_is_noticed(server):
    """Through a proxy that changes one byte of each value's end."""
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = server.address.rsplit(":", 1)

    def relay(source, target, change):
        while data := source.recv(65536):
            target.sendall(change(data))
        target.shutdown(socket.SHUT_WR)

    def spoil(data):
        return data[:-2] + bytes([data[-2] ^ 1]) + data[-1:] if data.startswith(b"VALUE") else data

    def serve():
        for _ in range(2):  # the first one only asks who leads
            client, _ = listener.accept()
            with client, socket.create_connection((host, int(port))) as upstream:
                up = threading.Thread(target=relay, args=(client, upstream, bytes))
                up.start()
                relay(upstream, client, spoil)
                up.join()

    proxy = threading.Thread(target=serve)
    proxy.start()
    address = "127.0.0.1:%d" % listener.getsockname()[1]
    flags = ["--keys", "2000", "--clients", "1", "--no-load", "--workload", "c", "--ops", "100", "--json"]
    out, err = bench(address, *flags, code=6)
    proxy.join()
    listener.close()
    result = json.loads(out)
    equal((result["all"]["count"], result["all"]["wrong"]), (100, 100))
    assert re.match(r"read of bench:\d{10}: a value that is another key's or has changed", result["first_error"]), result
    assert "100 errors" in json.loads(err)["error"], err


def what_does_not_fit_together_is_refused(address):
    for flags, word in [(["--mix", "red=1"], "--mix"), (["--value-size", "x"], "--value-size"),
                        (["--proto", "resp", "--workload", "e"], "--proto native"),
                        (["--proto", "resp", "--sync", "disk"], "--sync"), (["--workload", "g"], "--workload"),
                        (["--workload", "a", "--mix", "read=1"], "--mix"), (["--ops", "1", "--duration", "1s"], "--ops"),
                        (["--clients", "1", "--threads", "2"], "--threads"), (["--keys", "0"], "--keys"),
                        (["--hdr", "/nowhere/run.hgrm"], "--hdr"), (["--rate", "-1"], "--rate")]:
        _, err = bench(address, *flags, code=2)
        assert err.count("\n") == 1 and word in err, (flags, err)
    # Nothing was loaded there.
    result = bench_json(address, "--key-size", "30", "--no-load", "--ops", "50", "--workload", "c", code=1)
    equal((result["all"]["missing"], result["all"]["errors"]), (50, 50))
    _, err = bench("127.0.0.1:1", "--ops", "1", code=7)
    assert "cannot connect to 127.0.0.1:1" in err, err


def a_terminal_sees_it_going_on(server, folder):
    """Until it is interrupted, and then says what there is."""
    for phase, warmup in [("warming up", "1h"), ("measuring", "0")]:
        terminal = Terminal(folder, KV, "bench", "--addr", server.address, *SMALL, "--value-size", "400", "--duration", "1h",
                            "--warmup", warmup)
        terminal.expect(phase)
        terminal.type("\x03")
        terminal.expect("errors 0")
        equal(terminal.end(), 130)


def on_redis(folder):
    if REDIS is None:
        print("redis-server is not installed; kv bench --proto resp was not tried on it")
        return
    path = os.path.join(folder, "redis.sock")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    redis = subprocess.Popen(["timeout", "300", REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", folder,
                              "--unixsocket", path], stdout=subprocess.PIPE, text=True)
    try:
        for line in redis.stdout:
            if "eady to accept connections" in line:
                break
        address = f"127.0.0.1:{port}"
        equal(bench_json(address, "--proto", "resp", "--ops", "3000", "--workload", "a")["loaded"], 2000)
        for letter in "abcdf":
            result = bench_json(address, "--proto", "resp", "--ops", "3000", "--workload", letter, "--pipeline", "8")
            equal(result["loaded"], 0)
            check_counts(result, 3000)
    finally:
        redis.terminate()
        redis.wait()


def main():
    for variable in [name for name in os.environ if name.startswith("KV_")]:
        del os.environ[variable]
    folder = tempfile.mkdtemp()
    server = Server(KV, folder, "--sync", "none")
    try:
        workloads_run_as_published(server.address)
        keys_of_other_sizes_are_loaded_anew(server.address)
        the_text_says_the_same(server.address, folder)
        a_wrong_answer_is_noticed(server)
        what_does_not_fit_together_is_refused(server.address)
        a_terminal_sees_it_going_on(server, folder)
        on_redis(folder)
    finally:
        server.kill()
        shutil.rmtree(folder)


main()
