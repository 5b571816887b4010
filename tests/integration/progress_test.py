#!/usr/bin/env python3
"""The bar that import and export draw on a terminal: progress_test.py KV-BINARY."""

import os
import re
import shutil
import sys
import tempfile

from terminal import Server, Terminal, equal

KV = os.path.abspath(sys.argv[1])
BAR = re.compile(rb"\[[#-]{20}\] [ 0-9]{3} %  [1-9][0-9 ]* records  [0-9.]+ [kMG]?B/s  eta [0-9]+ s")


def screen_of(home, *command):
    terminal = Terminal(home, KV, *command)
    equal(terminal.end(), 0)
    return terminal.unread


def write_records(file, count):
    with open(file, "w", encoding="ascii") as out:
        for i in range(count):
            out.write(f'{{"key":"{i:09}","value":"{"v" * 50}"}}\n')


def main():
    folder = tempfile.mkdtemp()
    server = Server(KV, folder, "--sync", "none")
    try:
        file = os.path.join(folder, "records")
        address = ["--addr", server.address]
        # The bar is drawn ten times a second: the more records, the surer it is to be seen, on any machine.
        count, imported, exported = 20_000, b"", b""
        while not (BAR.search(imported) and BAR.search(exported)):
            assert count < 10_000_000, (imported, exported)
            write_records(file, count)
            imported = screen_of(folder, "import", file, *address)
            exported = screen_of(folder, "export", file + ".out", *address)
            shown = f"{count:,}".replace(",", " ")
            assert imported.endswith(f"imported {shown} records\r\n".encode()), imported
            count *= 4
        print(BAR.search(imported)[0].decode())
        assert BAR.search(screen_of(folder, "import", file, "--quiet", *address)) is None
        # On the terminal itself the records are the output, and a bar would stand among them.
        assert BAR.search(screen_of(folder, "export", *address)) is None
    finally:
        server.kill()
        shutil.rmtree(folder)


main()
