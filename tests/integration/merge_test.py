#!/usr/bin/env python3
"""Merging as a user sees it, against a server that is killed: merge_test.py KV-BINARY."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

from terminal import Server, Terminal, equal

KV = os.path.abspath(sys.argv[1])
KEYS = 3000
SEGMENT = 256 * 1024
BAR = re.compile(r"merging  \[[#-]{20}\] [ 0-9]{3} %  [0-9.]+ [kMG]?B/s")


def kv(server, *command, code=0):
    done = subprocess.run([KV, *command, "--addr", server.address], capture_output=True, text=True)
    equal((done.returncode, done.stderr if code == 0 else ""), (code, ""))
    return done.stdout


def stats(server, section):
    return json.loads(kv(server, "stats", section, "--json"))[section]


def value(round_, key):
    return f"{round_}-{key}-" + "v" * 200


def write(server, folder, round_, keys):
    file = os.path.join(folder, "records")
    with open(file, "w", encoding="ascii") as out:
        for key in keys:
            out.write(json.dumps({"key": f"k{key:05}", "value": value(round_, key)}) + "\n")
    kv(server, "import", file, "--quiet")


def all_records(server):
    return dict(json.loads(line).values() for line in kv(server, "export").splitlines())


def disk_bytes(server):
    names = (os.path.join(server.data, name) for name in os.listdir(server.data))
    return sum(os.path.getsize(name) for name in names if name.endswith(".seg"))


def say(server, text):
    host, port = server.address.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as peer:
        peer.sendall(text)
        peer.shutdown(socket.SHUT_WR)
        got = b""
        while chunk := peer.recv(65536):
            got += chunk
    return got


def overwrites_give_their_space_back(server, folder):
    for round_ in range(6):
        write(server, folder, round_, range(KEYS))
    expected = {f"k{key:05}": value(5, key) for key in range(KEYS)}
    before = disk_bytes(server)
    dead = stats(server, "space")["space_dead_bytes"]
    assert dead > before / 2, (dead, before)

    shown = kv(server, "stats", "space").splitlines()
    equal(shown[1].split(), ["segment", "kind", "bytes", "live", "dead", "share", "kept"])
    assert any(line.endswith("it takes new records") for line in shown), shown
    assert any(line.endswith("a merge takes it when its turn comes") for line in shown), shown

    result = json.loads(kv(server, "merge-now", "--wait", "--json"))
    assert result["bytes_freed"] > before / 2 and not result["stopped"], result
    after = disk_bytes(server)
    assert after < before / 2, (before, after)
    equal(all_records(server), expected)

    server.kill()
    server.start()
    equal(all_records(server), expected)
    assert disk_bytes(server) < before / 2
    return expected


def a_merge_cut_off_by_a_kill_loses_nothing(server, folder, expected):
    write(server, folder, 6, range(0, KEYS, 2))
    expected.update((f"k{key:05}", value(6, key)) for key in range(0, KEYS, 2))
    kv(server, "merge-now", "--rate", "64KiB")
    while stats(server, "merge")["merge_bytes_done"] == 0:
        pass
    server.kill()
    server.start()
    equal(all_records(server), expected)


def a_bar_is_drawn_and_a_merge_ends_when_told(server, folder, expected):
    write(server, folder, 7, range(KEYS))
    expected.update((f"k{key:05}", value(7, key)) for key in range(KEYS))
    terminal = Terminal(folder, KV, "merge-now", "--wait", "--rate", "64KiB", "--addr", server.address)
    while stats(server, "merge")["merge_bytes_done"] == 0:
        pass
    terminal.expect("merging  [")
    line = "merging  [" + terminal.expect("/s") + "/s"
    assert BAR.fullmatch(line), line
    equal(kv(server, "merge-now"), "a merge is under way already; `kv stats merge` tells how it goes on\n")
    equal(kv(server, "merge-stop"), "merges stopping\n")
    terminal.expect("stopped; reclaimed ")
    equal(terminal.end(), 0)
    equal(all_records(server), expected)


def by_hand(server, expected):
    answer = say(server, b"MERGE do=pause\nMERGE wait=1\nMERGE do=resume\nQUIT\n").decode()
    assert re.fullmatch(r"INFO 13\nmerge: paused\nINFO \d+\nmerge: done\nsegments_read: \d+\n(\w+: \d+\n)+"
                        r"INFO 14\nmerge: resumed\nOK bye\n", answer), answer
    answer = say(server, b"INSPECT 6\nk00001").decode()
    assert re.match(r'INFO \d+\nrecord: {"version":\d+,"kind":"put","current":true,', answer), answer
    equal(answer.count("record: "), 1)
    equal(all_records(server), expected)


def a_key_is_found_with_what_is_left_of_it(server):
    kv(server, "put", "seen", "one")
    kv(server, "put", "seen", "three")
    records = json.loads(kv(server, "inspect", "seen", "--json"))["records"]
    equal([(one["kind"], one["current"], one["value_bytes"]) for one in records],
          [("put", True, 5), ("put", False, 3)])
    kv(server, "del", "seen")
    records = json.loads(kv(server, "inspect", "seen", "--json"))["records"]
    equal([one["kind"] for one in records], ["delete", "put", "put"])
    assert not any(one["current"] for one in records), records
    kv(server, "inspect", "nowhere", code=3)


def a_server_that_stops_ends_its_merge(server, folder):
    write(server, folder, 8, range(KEYS))
    kv(server, "merge-now", "--rate", "16KiB")
    while stats(server, "merge")["merge_bytes_done"] == 0:
        pass
    equal(subprocess.run([KV, "stop", "--data", server.data], capture_output=True).returncode, 0)
    server.start()
    equal(all_records(server), {f"k{key:05}": value(8, key) for key in range(KEYS)})


def main():
    folder = tempfile.mkdtemp()
    server = Server(KV, folder, "--merge", "off", "--segment-size", str(SEGMENT), "--sync", "none")
    try:
        expected = overwrites_give_their_space_back(server, folder)
        a_merge_cut_off_by_a_kill_loses_nothing(server, folder, expected)
        a_bar_is_drawn_and_a_merge_ends_when_told(server, folder, expected)
        by_hand(server, expected)
        a_key_is_found_with_what_is_left_of_it(server)
        a_server_that_stops_ends_its_merge(server, folder)
    finally:
        server.kill()
        shutil.rmtree(folder)


main()
