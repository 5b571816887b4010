"""The servers, each started fresh in a directory of its own on a free port of 127.0.0.1."""

import contextlib
import json
import os
import socket
import time
import urllib.request

from bench import processes

READY_SECONDS = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_it_listens(port, process):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError("a server does not listen")


def ask(port, *words):
    """One RESP request; the first line of its reply."""
    request = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word.encode()) for word in words)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline().decode(errors="replace").strip()


@contextlib.contextmanager
def kv_address(bench, sync, threads=1, before_exec=None):
    with bench.scratch() as directory:
        command = [bench.program("kv"), "start", "--listen", "127.0.0.1:0", "--data", f"{directory}/data", "--sync", sync,
                   "--threads", str(threads), "--json"]
        with processes.running(command, f"{directory}/log", before_exec) as process:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("kv did not start")
            yield json.loads(line)["address"]


@contextlib.contextmanager
def kv(bench, sync, threads=1, before_exec=None):
    """Its port, at which it speaks RESP, too."""
    with kv_address(bench, sync, threads, before_exec) as address:
        port = int(address.rsplit(":", 1)[1])
        pong = ask(port, "PING")
        if pong != "+PONG":
            raise RuntimeError(f"kv does not speak RESP: {pong}")
        yield port


@contextlib.contextmanager
def redis(bench, append_only):
    """No snapshots of memory; `append_only` is no, everysec or always. All else as it comes."""
    with bench.scratch() as directory:
        port = free_port()
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", directory, "--save", ""]
        if append_only == "no":
            command += ["--appendonly", "no"]
        else:
            command += ["--appendonly", "yes", "--appendfsync", append_only]
        with processes.running(command + ["--logfile", f"{directory}/redis.log"], f"{directory}/log") as process:
            wait_until_it_listens(port, process)
            yield port


@contextlib.contextmanager
def memcached(bench):
    with bench.scratch() as directory:
        port = free_port()
        command = ["memcached", "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-t", "1", "-m", "4096", "-c", "1024"]
        if os.geteuid() == 0:
            command += ["-u", "nobody"]
        with processes.running(command, f"{directory}/log") as process:
            wait_until_it_listens(port, process)
            yield port


@contextlib.contextmanager
def etcd(bench):
    """One member, which syncs each commit, as it does by default."""
    with bench.scratch() as directory:
        port, peer_port = free_port(), free_port()
        clients, peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
        command = ["etcd", "--name", "one", "--data-dir", f"{directory}/data", "--listen-client-urls", clients,
                   "--advertise-client-urls", clients, "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers,
                   "--initial-cluster", f"one={peers}", "--quota-backend-bytes", "8000000000"]
        with processes.running(command, f"{directory}/log") as process:
            wait_until_it_listens(port, process)
            yield port


@contextlib.contextmanager
def echo(bench, reply_size):
    with bench.scratch() as directory:
        with processes.running([bench.program("echo_server"), str(reply_size)], f"{directory}/log") as process:
            yield int(process.stdout.readline())


MEMBERS = 3


def wait_for(found, what):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        answer = found()
        if answer is not None:
            return answer
        time.sleep(0.05)
    raise RuntimeError(f"{what} after {READY_SECONDS} s")


def serving_member(ports):
    """A leader takes this write; the others refuse it."""
    with contextlib.suppress(OSError):
        return next((port for port in ports if ask(port, "SET", "ready", "1") == "+OK"), None)
    return None


@contextlib.contextmanager
def kv_cluster(bench, *flags):
    """Three members; the port of the one that leads."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(bench.scratch())
        ports = [free_port() for _ in range(MEMBERS)]
        peers = ",".join(f"{number}=127.0.0.1:{port}/{free_port()}" for number, port in enumerate(ports, 1))
        for number in range(1, MEMBERS + 1):
            command = [bench.program("kv"), "start", "--data", f"{directory}/{number}", "--node-id", str(number), "--peers", peers,
                       "--json", *flags]
            process = stack.enter_context(processes.running(command, f"{directory}/log-{number}"))
            if not process.stdout.readline():
                raise RuntimeError("a member of kv did not start")
        yield wait_for(lambda: serving_member(ports), "no member of kv leads")


def etcd_leader(ports):
    with contextlib.suppress(OSError, KeyError):
        for port in ports:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/v3/maintenance/status", data=b"{}")
            with urllib.request.urlopen(request, timeout=5) as reply:
                status = json.load(reply)
            if status["leader"] == status["header"]["member_id"]:
                return port
    return None


@contextlib.contextmanager
def etcd_cluster(bench):
    """Three members, all as it comes; the port of the one that leads."""
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(bench.scratch())
        clients = [free_port() for _ in range(MEMBERS)]
        peers = [f"http://127.0.0.1:{free_port()}" for _ in range(MEMBERS)]
        cluster = ",".join(f"m{number}={url}" for number, url in enumerate(peers))
        for number, (port, peer) in enumerate(zip(clients, peers)):
            client = f"http://127.0.0.1:{port}"
            command = ["etcd", "--name", f"m{number}", "--data-dir", f"{directory}/{number}", "--listen-client-urls", client,
                       "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                       "--initial-cluster", cluster, "--quota-backend-bytes", "8000000000"]
            stack.enter_context(processes.running(command, f"{directory}/log-{number}"))
        yield wait_for(lambda: etcd_leader(clients), "no member of etcd leads")
