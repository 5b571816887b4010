"""What the tests on a terminal share: a program in a pseudo terminal, and a server for it to talk to."""

import json
import os
import pty
import re
import signal
import subprocess

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]")


class Terminal:
    """A program in a pseudo terminal; `unread` is what it has shown since the last expect().

    Every wait is for a text to be shown: if it never comes the test runner's own limit ends the test, and the end of
    the program fails it with all that was on the screen.
    """

    def __init__(self, home, *command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(HOME=home, TERM="xterm", LC_ALL="C.UTF-8")
            os.execvp(command[0], command)
        self.unread = b""

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, text):
        """Reads on until `text` is shown; returns what stood in front of it."""
        wanted = text.encode()
        while wanted not in self.unread:
            if not self._read():
                raise AssertionError(f"the program ended before it showed {text!r}; on the screen: {self.unread!r}")
        before, self.unread = self.unread.split(wanted, 1)
        return before.decode(errors="replace")

    def _read(self):
        try:
            got = os.read(self.fd, 4096)
        except OSError:  # what Linux says when the other side of a terminal is gone
            got = b""
        self.unread = ESCAPES.sub(b"", self.unread + got)
        return got

    def end(self):
        """Waits for it to end; returns its exit code, or the negative number of the signal that ended it."""
        while self._read():
            pass
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Server:
    """kv start on one data directory; at the same address again after kill()."""

    def __init__(self, kv, folder, *flags):
        self.kv = kv
        self.flags = flags
        self.data = os.path.join(folder, "data")
        self.address = "127.0.0.1:0"
        self.start()

    def start(self):
        self.banner = subprocess.run(
            ["timeout", "300", self.kv, "start", "--data", self.data, "--listen", self.address, "--detach", *self.flags],
            check=True, stdout=subprocess.PIPE, text=True).stdout
        status = subprocess.run([self.kv, "status", "--data", self.data, "--json"], check=True, capture_output=True)
        self.pid, self.address = (json.loads(status.stdout)[name] for name in ("pid", "address"))

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        while subprocess.run([self.kv, "status", "--data", self.data], capture_output=True).returncode == 0:
            pass


def equal(actual, expected):
    if actual != expected:
        raise AssertionError(f"expected {expected!r}, got {actual!r}")
