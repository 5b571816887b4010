#!/usr/bin/env python3
"""The protocol typed into telnet, which ends each line with CRLF: telnet_test.py KV-BINARY."""

import os
import re
import shutil
import sys
import tempfile

from terminal import Server, Terminal, equal

KV = os.path.abspath(sys.argv[1])
CTRL_D = "\x04"


class Telnet(Terminal):
    def __init__(self, home, server):
        super().__init__(home, "telnet", *server.address.rsplit(":", 1))
        self.expect("Escape character is")
        self.expect("\r\n")

    def lines(self, *lines):
        """Types lines and waits for each to be on the screen, so that answers stand behind them."""
        for line in lines:
            self.type(line + "\n")
            self.expect(line + "\r\n")

    def answer(self, *lines):
        for line in lines:
            equal(re.sub(r"ver=\d+", "ver=N", self.expect("\r\n")), line)

    def closed(self):
        """telnet says so when the server has closed, and ends."""
        self.expect("Connection closed by foreign host.")
        self.end()


def the_verbs_work_when_typed(home, server):
    telnet = Telnet(home, server)
    telnet.lines("PUT 8 5", "greetinghello")
    telnet.answer("OK ver=N")
    telnet.lines("get 8", "greeting")
    telnet.answer("VALUE 5 ver=N", "hello")
    telnet.lines("BPUT 2", "2 3", "b1one", "2 3", "b2two")
    telnet.answer("OK count=2 ver=N")
    telnet.lines("", "", "RANGE 1 1", "bc")
    telnet.answer("ITEM 2 3 ver=N", "b1one", "ITEM 2 3 ver=N", "b2two", "END 2 more=0")
    telnet.lines("DEL 2", "b1")
    telnet.answer("OK ver=N")
    telnet.lines("GET 2", "b1")
    telnet.answer("NOT_FOUND")
    telnet.lines("PUT 1 1 colour=red", "kv")
    telnet.answer("ERR BAD_ARG applied=no arg=colour :unknown option for this verb; HELP lists them")
    telnet.lines("PING")
    telnet.answer("OK")
    telnet.lines("QUIT")
    telnet.answer("OK bye")
    telnet.closed()


def a_payload_may_hold_the_line_end(home, server):
    telnet = Telnet(home, server)
    telnet.lines("PUT 1 5", "kabc")  # key, value and the CRLF of telnet
    telnet.answer("OK ver=N")
    telnet.lines("GET 1", "k")
    telnet.answer("VALUE 5 ver=N", "abc", "")
    telnet.lines("QUIT")
    telnet.closed()


def a_verb_that_is_none_ends_the_connection(home, server):
    telnet = Telnet(home, server)
    telnet.lines("HALLO")
    assert telnet.expect("\r\n").startswith("ERR BAD_VERB applied=no")
    telnet.closed()


def http_typed_by_mistake_gets_a_page(home, server):
    telnet = Telnet(home, server)
    telnet.lines("GET / HTTP/1.1")
    telnet.answer("HTTP/1.1 400 Bad Request")
    telnet.closed()


def ctrl_d_is_not_answered(home, server):
    telnet = Telnet(home, server)
    telnet.type(CTRL_D)
    telnet.closed()
    assert b"ERR" not in telnet.unread, telnet.unread


def a_payload_that_stalls_is_told_and_not_stored(home, server):
    telnet = Telnet(home, server)
    telnet.lines("PUT 5 100", "stall-and-no-more")
    assert telnet.expect("\r\n").startswith("ERR READ_TIMEOUT applied=no")
    telnet.closed()
    telnet = Telnet(home, server)
    telnet.lines("GET 5", "stall")
    telnet.answer("NOT_FOUND")
    telnet.lines("QUIT")
    telnet.closed()


def main():
    folder = tempfile.mkdtemp()
    server = Server(KV, folder, "--read-timeout-s", "1")
    try:
        for test in (the_verbs_work_when_typed, a_payload_may_hold_the_line_end,
                     a_verb_that_is_none_ends_the_connection, http_typed_by_mistake_gets_a_page,
                     ctrl_d_is_not_answered, a_payload_that_stalls_is_told_and_not_stored):
            print(test.__name__, flush=True)
            test(folder, server)
    finally:
        server.kill()
        shutil.rmtree(folder)


main()
