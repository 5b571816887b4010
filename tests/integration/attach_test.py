#!/usr/bin/env python3
"""kv attach on a terminal, typed at as a person would: attach_test.py KV-BINARY.

The terminal is a pseudo terminal. Every wait is for a text to be shown; if the text never comes the test runner's own
limit ends the test, and the end of kv fails it with all that was on the screen.
"""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios

KV = os.path.abspath(sys.argv[1])
ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")
CTRL_C, CTRL_D, CTRL_R, TAB, UP = "\x03", "\x04", "\x12", "\t", "\x1b[A"


class Terminal:
    """kv attach in a pseudo terminal; `unread` is what it has shown since the last expect()."""

    def __init__(self, home, address, *flags):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(HOME=home, TERM="xterm", LC_ALL="C.UTF-8")
            os.execv(KV, [KV, "attach", "--addr", address, *flags])
        self.unread = b""

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text):
        """Reads on until `text` is shown; returns what stood in front of it."""
        wanted = text.encode()
        while wanted not in self.unread:
            if not self._read():
                raise AssertionError(f"kv ended before it showed {text!r}; on the screen: {self.unread!r}")
        before, self.unread = self.unread.split(wanted, 1)
        return before.decode(errors="replace")

    def ask(self, line, answer):
        """Types a line, waits for its answer and for the prompt: only then do keys edit."""
        self.type(line + "\n")
        self.expect(answer)
        self.expect_prompt()

    def expect_prompt(self):
        self.expect("> ")
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:  # the editor is not there yet
            pass

    def _read(self):
        try:
            got = os.read(self.fd, 4096)
        except OSError:  # what Linux says when the other side of a terminal is gone
            got = b""
        self.unread = ESCAPES.sub(b"", self.unread + got)
        return got

    def end(self):
        """Waits for kv to end; returns its exit code, or the negative number of the signal that ended it."""
        while self._read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Server:
    """kv start on one data directory; at the same address again after kill()."""

    def __init__(self, folder):
        self.data = os.path.join(folder, "data")
        self.address = "127.0.0.1:0"
        self.start()

    def start(self):
        subprocess.run(
            ["timeout", "300", KV, "start", "--data", self.data, "--listen", self.address, "--detach"],
            check=True, stdout=subprocess.DEVNULL)
        status = subprocess.run([KV, "status", "--data", self.data, "--json"], check=True, capture_output=True)
        self.pid, self.address = (json.loads(status.stdout)[name] for name in ("pid", "address"))

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        while subprocess.run([KV, "status", "--data", self.data], capture_output=True).returncode == 0:
            pass


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")


def attach(home, server, *flags):
    terminal = Terminal(home, server.address, *flags)
    terminal.expect_prompt()
    return terminal


def verbs_answer_in_plain_words_and_quotes(home, server):
    terminal = attach(home, server)
    for line, answer in [
            ("PUT plain word", "OK ver="),
            ('PUT "two words" "a\\x00b\\n"', "OK ver="),
            ('get "two words"', '"a\\x00b\\n"'),
            ("GET nothing", "NOT_FOUND"),
            ("BPUT p1 1 p2 2", "OK count=2 ver="),
            ("PREFIX p keys=1", "(3 keys)"),
            ("RANGE p1 p3 rev=1", "p2\t2\r\np1\t1\r\n(2 keys)"),
            ("DEL p1", "OK ver="),
            ("DEL p1", "NOT_FOUND"),
            ("STATS store", "keys: 3\r\n"),
            ("PING", "OK"),
            ("HELP", "PUT key value [if="),
            ("MERGE", "kv: "),
            ("FOO", "kv: unknown verb FOO; HELP lists them"),
            ('PUT "a', "kv: a quote that does not end")]:
        terminal.ask(line, answer)
    terminal.type("quit\n")
    equal(terminal.end(), 0)


def tab_completes_verbs_and_options(home, server):
    terminal = attach(home, server)
    terminal.type("pre" + TAB)
    terminal.expect("PREFIX ")
    terminal.ask("pl", "plain\tword")
    terminal.type("P" + TAB)
    for verb in ("PUT", "PREFIX", "PING"):
        terminal.expect(verb + "  ")
    # libedit draws what changed of a line, so that from here on the answers have to tell.
    terminal.ask("UT k v sy" + TAB + "none if=a" + TAB, "OK ver=")
    terminal.ask("GE" + TAB + "k", "v\r\n")
    terminal.type(CTRL_D)
    equal(terminal.end(), 0)


def history_outlives_the_process(home, server):
    terminal = attach(home, server)
    terminal.ask("PUT remembered yes", "OK ver=")
    terminal.type("QUIT\n")
    equal(terminal.end(), 0)
    equal(os.stat(os.path.join(home, ".kv_history")).st_mode & 0o077, 0)

    terminal = attach(home, server)
    terminal.ask(UP + UP + " if=absent", "kv: CONFLICT")  # beyond QUIT
    terminal.ask(CTRL_R + "k v sy" + "\x05 if=7", "kv: CONFLICT")
    terminal.type(CTRL_D)
    equal(terminal.end(), 0)


def ctrl_c_ends_it_and_keeps_the_history(home, server):
    terminal = attach(home, server)
    terminal.ask("PUT before-interrupt 1", "OK ver=")
    terminal.type("PUT never-sent 1")
    terminal.expect("never-sent 1")
    terminal.type(CTRL_C)
    equal(terminal.end(), -signal.SIGINT)
    with open(os.path.join(home, ".kv_history"), encoding="utf-8") as file:
        # libedit writes a blank as \040.
        history = file.read().replace("\\040", " ")
    assert "PUT before-interrupt 1\n" in history, history
    assert "never-sent" not in history, history
    equal(subprocess.run([KV, "get", "never-sent", "--addr", server.address], capture_output=True).returncode, 3)


def it_reconnects_when_the_server_is_back(home, server):
    terminal = attach(home, server)
    terminal.ask("PUT lasting 1", "OK ver=")
    server.kill()
    terminal.ask("GET lasting", "kv: cannot connect to")
    server.start()
    terminal.ask("GET lasting", "\n1\r\n")
    server.kill()
    server.start()  # unseen by the client
    terminal.ask("PUT lasting 2", "OK ver=")
    terminal.type("QUIT\n")
    equal(terminal.end(), 0)


def it_starts_without_a_server(home, server):
    server.kill()
    terminal = Terminal(home, server.address)
    terminal.expect("kv: cannot connect to")
    terminal.expect_prompt()
    server.start()
    terminal.ask("GET lasting", "\n2\r\n")
    terminal.type("QUIT\n")
    equal(terminal.end(), 0)
    terminal = Terminal(home, "no-port")
    terminal.expect('kv: "no-port" is not HOST:PORT')
    equal(terminal.end(), 2)


def main():
    folder = tempfile.mkdtemp()
    server = Server(folder)
    try:
        for test in (verbs_answer_in_plain_words_and_quotes, tab_completes_verbs_and_options,
                     history_outlives_the_process, ctrl_c_ends_it_and_keeps_the_history,
                     it_reconnects_when_the_server_is_back, it_starts_without_a_server):
            print(test.__name__, flush=True)
            test(folder, server)
    finally:
        server.kill()
        shutil.rmtree(folder)


main()
