#!/usr/bin/env python3
"""RESP with the clients that people use: resp_test.py KV-BINARY.

redis-cli, redis-benchmark, redis-py and ioredis, each against one server; what kv itself reads then.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile

from terminal import Server, equal

KV = os.path.abspath(sys.argv[1])
BUILD = os.path.dirname(KV)

# Runs under Debian's own Python, whose python3-redis it is.
REDIS_PY = """
import sys, redis
port = int(sys.argv[1])
r = redis.Redis(port=port)
assert r.ping()
assert r.set("py:a", "1") and r.get("py:a") == b"1"
assert r.set("py:a", "2", nx=True) is None and r.set("py:a", "2", xx=True)
assert r.set("py:a", "3", get=True) == b"2"
assert r.mset({"py:b": b"\\x00\\r\\n", "py:c": "x"}) and r.mget("py:a", "py:none", "py:b") == [b"3", None, b"\\x00\\r\\n"]
assert r.incr("py:n", 41) == 41 and r.incr("py:n") == 42 and r.decr("py:n", 2) == 40
assert r.append("py:c", "yz") == 3 and r.strlen("py:c") == 3
assert r.getset("py:c", "w") == b"xyz" and r.getdel("py:c") == b"w" and not r.exists("py:c")
assert r.type("py:a") == b"string" and r.type("py:none") == b"none"
for i in range(250):
    r.set(f"py:scan:{i}", i)
found = list(r.scan_iter("py:scan:*", count=17))
assert len(found) == 250 == len(set(found)), len(found)
with r.pipeline(transaction=False) as pipe:
    for i in range(100):
        pipe.get(f"py:scan:{i}")
    assert pipe.execute() == [str(i).encode() for i in range(100)]
assert r.delete(*[f"py:scan:{i}" for i in range(300)]) == 250
assert r.info()["redis_mode"] == "standalone" and r.dbsize() == 3, r.dbsize()
assert r.config_get("appendonly") == {"appendonly": "yes"}
try:
    r.lpush("py:list", "x")
    raise SystemExit("LPUSH was not refused")
except redis.ResponseError as error:
    assert str(error).startswith("unknown command"), error
try:
    r.set("py:a", "1", ex=10)
    raise SystemExit("an expiry was not refused")
except redis.ResponseError as error:
    assert "not supported" in str(error), error
assert r.get("py:a") == b"3"
"""

IOREDIS = """
const Redis = require("ioredis");
const assert = require("assert");
(async () => {
  const r = new Redis({ port: Number(process.argv[1]), lazyConnect: true });
  await r.connect();
  assert.equal(await r.set("js:a", "1"), "OK");
  assert.equal(await r.get("js:a"), "1");
  assert.equal(await r.get("js:none"), null);
  assert.deepEqual(await r.mget("js:a", "js:none"), ["1", null]);
  assert.equal(await r.incr("js:n"), 1);
  const replies = await r.pipeline().set("js:b", "2").get("js:b").strlen("js:b").exec();
  assert.deepEqual(replies, [[null, "OK"], [null, "2"], [null, 1]]);
  let cursor = "0", keys = [];
  do {
    const [next, some] = await r.scan(cursor, "MATCH", "js:*", "COUNT", 1);
    keys.push(...some);
    cursor = next;
  } while (cursor !== "0");
  assert.deepEqual(keys, ["js:a", "js:b", "js:n"]);
  const large = Buffer.alloc(3 * 1024 * 1024, 7);
  await r.set("js:large", large);
  assert.ok(large.equals(await r.getBuffer("js:large")));
  assert.equal(await r.del("js:large", "js:a", "js:none"), 2);
  await assert.rejects(r.lpush("js:list", "x"), /unknown command/);
  await r.quit();
})().catch((error) => { console.error(error); process.exit(1); });
"""


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
    return done.stdout


def cli_works(port):
    def cli(*words, **more):
        return run("redis-cli", "-p", port, *words, **more)

    equal(cli("ping"), "PONG\n")
    equal(cli("set", "cli:a", "1"), "OK\n")
    equal(cli("--no-raw", "get", "cli:none"), "(nil)\n")
    equal(cli("-3", "incr", "cli:a"), "2\n")
    equal(cli(input="set cli:b 'x y'\nget cli:b\ndbsize\n"), "OK\nx y\n2\n")
    equal(sorted(cli("--scan", "--pattern", "cli:*").split()), ["cli:a", "cli:b"])
    assert "unknown command 'LPUSH'" in cli("LPUSH", "a", "b")
    equal(cli("del", "cli:a", "cli:b"), "2\n")


def browser_is_refused(port, address):
    """What a web page can make a browser send: the head is the browser's, the body the page's."""
    body = "SET evil 1\r\n"
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: text/plain\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(port))) as browser:
        browser.sendall((head + body).encode())
        answer = b"".join(iter(lambda: browser.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"+OK" not in answer, answer
    equal(subprocess.run([KV, "get", "--addr", address, "evil"], capture_output=True).returncode, 3)


def benchmark_works(port, pipeline):
    out = run("redis-benchmark", "-p", port, "-n", "5000", "-r", "1000", "-d", "100", "-P", pipeline, "-t",
              "ping_mbulk,set,get,incr,mset", "--csv")
    rates = re.findall(r'^"([^"]+)","[0-9.]+"', out, re.M)
    equal(len(rates), 5)
    assert "Error" not in out, out


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Server(KV, folder, "--sync", "none", "--resp", "127.0.0.1:0")
        own = server.address
        try:
            port = own.rsplit(":", 1)[1]
            resp_port = re.search(r"resp +127.0.0.1:([0-9]+)", server.banner)[1]
            cli_works(port)
            cli_works(resp_port)
            wrong = subprocess.run([KV, "get", "--addr", f"127.0.0.1:{resp_port}", "a"], capture_output=True, text=True)
            assert f"from 127.0.0.1:{resp_port} is no reply of a kv server; the protocol of Redis is" in wrong.stderr, wrong
            for each in [port, resp_port]:
                browser_is_refused(each, own)
            run("/usr/bin/python3", "-c", REDIS_PY, port)
            node = os.path.join(BUILD, "npm")
            if not os.path.isdir(os.path.join(node, "node_modules", "ioredis")):
                run("npm", "install", "--no-audit", "--no-fund", "--prefix", node, "ioredis@5")
            run("node", "-e", IOREDIS, "--", port, env={**os.environ, "NODE_PATH": os.path.join(node, "node_modules")})
            equal(run(KV, "get", "--addr", own, "py:n").strip(), "40")
            for pipeline in ["1", "16"]:
                benchmark_works(port, pipeline)
            run("redis-benchmark", "-p", resp_port, "-n", "1000", "-t", "ping", "-q")  # inline, too
            run(KV, "conformance", "--addr", own)
        finally:
            server.kill()


main()
