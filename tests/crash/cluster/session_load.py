"""Clients that repeat a write under its number until it is answered: it is done once (docs/replication.md, "Writes that are
repeated"). Whatever the history's checker makes of an unknown outcome, there is none here.
"""

import time

import client
from client import Answer, Link, Lost, NotSent, now_ns
from load import Worker
from nodes import PATIENCE_S, Trouble

TIMEOUT_S = 0.5  # a server that stands still is soon left for another one


class SessionWorker(Worker):
    """Beside what others do it counts in a key of its own, each step on the condition that the one before is the newest: one
    that were done twice, or not at all, would have the next one refused."""

    def __init__(self, number, load, seed):
        super().__init__(number, load, seed)
        for link in self.links.values():
            link.timeout = TIMEOUT_S
        self.session, self.number, self.before = None, 0, None
        self.steps, self.version = 0, 0
        self.repeats = 0  # of what had no answer, or was answered before

    def step(self):
        if self.random.random() < 0.2:
            self.count_up()
        else:
            super().step()

    def count_up(self):
        self.steps += 1
        key = "count.%d" % self.tape.number
        condition = " if=%d" % self.version if self.version else " if=absent"
        value = str(self.steps)
        answer = self.attempt("PUT %s %s%s" % (key, value, condition), client.put(key, value, condition))
        if answer.kind != "ok":
            raise Trouble("step %d behind version %d is refused, there is %s" % (self.steps, self.version, answer.version))
        self.tape.ledger[key] = self.version = answer.version

    def attempt(self, request, text):
        if self.session is None:
            self.session = client.fields_of(self.until_answered("SESSION\n")[0])["session"]
        self.number += 1
        numbered = client.with_options(
            text, " session=%s req=%d done_below=%d" % (self.session, self.number, max(1, self.number - 1)))
        if self.random.random() < 0.1:
            self.send_copy(numbered)
        call = now_ns()
        words, answer = self.until_answered(numbered)
        self.tape.write(call, request, answer)
        if self.before and self.random.random() < 0.2:
            self.expect_again(*self.before)
        self.before = numbered, words
        if self.random.random() < 0.2:
            self.expect_again(*self.before)
        return answer

    def send_copy(self, text):
        """One more, that nobody waits for and that may come at any time."""
        copy = Link(self.load.cluster.address(self.target), TIMEOUT_S)
        try:
            copy.send(text)
        except (NotSent, Lost):
            pass
        finally:
            copy.close()

    def expect_again(self, text, words):
        self.repeats += 1
        again = self.until_answered(text)[0]
        if again != words:
            raise Trouble("it was answered %s, and repeated %s: %s" % (words, again, text.split("\n")[0]))

    def until_answered(self, text):
        """The words, and what they mean; the same request again for as long as it is refused or nobody answers."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                words = self.links[self.target].ask(text)[0]
                answer = client.answer_of(words)
            except NotSent:
                words, answer = [], Answer("no", code="")
            except Lost:
                words, answer = [], Answer("unknown", code="LOST")
            if answer.kind in ("ok", "absent", "conflict"):
                return words, answer
            if answer.code not in self.load.refusals:
                raise Trouble("node %d answers a write of a session with %s" % (self.target, " ".join(words)))
            if time.monotonic() > end:
                raise Trouble("no answer within %d s: %s" % (PATIENCE_S, text.split("\n")[0]))
            self.repeats += answer.kind == "unknown"
            self.turn(answer)
