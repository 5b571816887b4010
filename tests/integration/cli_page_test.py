#!/usr/bin/env python3
"""Runs the commands of docs/cli.md on a terminal and compares what they print: cli_page_test.py KV-BINARY.

They run in the page's order as they stand there, with the default port: in a network of their own, where the system
allows one; else each server gets a free port. Addresses, times, sizes and the like differ from run to run and are
compared by their form. With --write behind it the page gets the output that really came, where the form is another one.
"""

import ctypes
import fcntl
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

from terminal import Terminal

KV = os.path.abspath(sys.argv[1])
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/cli.md")
DIFFERS = [
    (r"127\.0\.0\.1:\d{2,}", "127.0.0.1:7400"),
    (r"redis-cli -p \d+", "redis-cli -p 7400"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-01-01T10:02:00Z"),
    (r"pid \d+", "pid 4242"),
    (r'"(pid|stopped)":\d+', r'"\1":4242'),
    (r"in \d+ ms", "in 1 ms"),
    (r"keys in [\d.]+ s", "keys in 0.1 s"),
    (r"(p[\d.]+|max) +[\d.]+ ms +", r"\1 0.123 ms  "),
    (r" *[\d ]+ op/s", "  20 000 op/s"),
    (r"reclaimed [\d.]+ [kMG]?B in [\d.]+ s", "reclaimed 1.2 MB in 0.1 s"),
    (r'"duration_ms":[\d.e-]+', '"duration_ms":0.3'),
    (r"(rss|index|disk) [\d.]+ [kMG]?B", r"\1 1.2 MB"),
    (r"kv \d+\.\d+\.\d+", "kv 0.1.0"),
    (r"(leader|follower) +\d+ +\d+ +\d+ +\d+ +\d+ B +[\d.]+ s", r"\1 2 2 2 0 0 B 0.0 s"),
    (r"in term \d+; nobody took writes for \d+ ms", "in term 3; nobody took writes for 31 ms"),
]


def same_form(text):
    for pattern, form in DIFFERS:
        text = re.sub(pattern, form, text)
    return text


def has_own_network():
    """From here on this process has a network with nothing in it but itself."""
    new_network, set_flags, is_up = 0x40000000, 0x8914, 0x1  # CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP
    if ctypes.CDLL(None).unshare(new_network) != 0:
        return False
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", is_up))
    return True


def find_server():
    """Commands find the server where the page's default address would be."""
    if "KV_LISTEN" not in os.environ:
        return
    status = subprocess.run([KV, "status"], capture_output=True, text=True)
    address = re.search(r", ([0-9.:]+), since", status.stdout)
    if address:
        os.environ["KV_ADDR"] = address[1]


def output_of(command, home):
    if " attach" in command:  # piped in, as keys on a terminal need somebody to type them
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True).stdout.rstrip("\n")
    if " --peers " in command:  # says itself where its servers listen
        command = "unset KV_LISTEN; " + command
    terminal = Terminal(home, "bash", "-c", command)
    terminal.end()
    find_server()
    lines = terminal.unread.decode().replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines).rstrip("\n")


def run_block(block, home, failures):
    """The block again, with what its commands really print."""
    out = []
    for part in re.split(r"^(?=\$ )", block, flags=re.M):
        if not part.startswith("$ "):
            out.append(part)
            continue
        command, expected = part[2:].split("\n", 1)
        got = output_of(command, home)
        if same_form(got) != same_form(expected.rstrip("\n")):
            failures.append(f"$ {command}\n--- the page says\n{expected}--- it prints\n{got}\n")
            expected = got + "\n" if got else ""
        out.append(f"$ {command}\n{expected}")
    return "".join(out)


def main():
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    home = tempfile.mkdtemp()
    os.chdir(home)
    for name in [name for name in os.environ if name.startswith("KV_")]:
        del os.environ[name]
    os.environ.update(PATH=os.path.dirname(KV) + ":" + os.environ["PATH"])
    if not has_own_network():
        os.environ["KV_LISTEN"] = "127.0.0.1:0"
    failures = []
    try:
        written = re.sub(r"(?<=```console\n).*?(?=```)", lambda block: run_block(block[0], home, failures), page,
                         flags=re.S)
    finally:
        for data in os.listdir(home):
            pid = subprocess.run([KV, "status", "--data", data, "--pid"], capture_output=True, text=True).stdout
            if pid:
                os.kill(int(pid), signal.SIGKILL)
        shutil.rmtree(home)
    if "--write" in sys.argv:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(written)
    elif failures:
        sys.exit("\n".join(failures))


main()
