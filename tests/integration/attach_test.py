#!/usr/bin/env python3
"""kv attach on a terminal, typed at as a person would: attach_test.py KV-BINARY."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import termios

from terminal import Server, Terminal, equal

KV = os.path.abspath(sys.argv[1])
CTRL_C, CTRL_D, CTRL_R, TAB, UP = "\x03", "\x04", "\x12", "\t", "\x1b[A"


class Attach(Terminal):
    def __init__(self, home, address, *flags):
        super().__init__(home, KV, "attach", "--addr", address, *flags)

    def ask(self, line, answer):
        """Types a line, waits for its answer and for the prompt: only then do keys edit."""
        self.type(line + "\n")
        self.expect(answer)
        self.expect_prompt()

    def expect_prompt(self):
        self.expect("> ")
        while termios.tcgetattr(self.fd)[3] & termios.ICANON:  # the editor is not there yet
            pass


def attach(home, server, *flags):
    terminal = Attach(home, server.address, *flags)
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
            ("MERGE", "merge: started"),
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
    terminal = Attach(home, server.address)
    terminal.expect("kv: cannot connect to")
    terminal.expect_prompt()
    server.start()
    terminal.ask("GET lasting", "\n2\r\n")
    terminal.type("QUIT\n")
    equal(terminal.end(), 0)
    terminal = Attach(home, "no-port")
    terminal.expect('kv: --addr: "no-port" is not HOST:PORT')
    equal(terminal.end(), 2)


def main():
    folder = tempfile.mkdtemp()
    server = Server(KV, folder)
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
