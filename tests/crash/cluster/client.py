"""What a client of a cluster says and hears. Speaks the protocol itself, so that it does not share a mistake with the C++
client."""

import select
import socket
import time

now_ns = time.monotonic_ns


class NotSent(Exception):
    """Nobody listens: nothing can have been done."""


class Lost(Exception):
    """It was sent, at least in part, and no answer came."""


class Answer:
    """`kind`: ok, absent, conflict, no (for certain not done), unknown. `local_epoch`: the leader's disk alone had it."""

    def __init__(self, kind, version=None, value=None, code="", leader=None, epoch=0, local_epoch=None):
        self.kind, self.version, self.value, self.code = kind, version, value, code
        self.leader, self.epoch, self.local_epoch = leader, epoch, local_epoch


def put(key, value, condition=""):
    return "PUT %d %d%s\n%s%s" % (len(key), len(value), condition, key, value)


def get(key):
    return "GET %d\n%s" % (len(key), key)


def delete(key, condition=""):
    return "DEL %d%s\n%s" % (len(key), condition, key)


def batch(pairs):
    return "BPUT %d\n" % len(pairs) + "".join("%d %d\n%s%s" % (len(k), len(v), k, v) for k, v in pairs)


def prefix(text):
    return "PREFIX %d limit=1000000\n%s" % (len(text), text)


def with_options(text, options):
    """The request with more at the end of its first line."""
    head, _, payload = text.partition("\n")
    return "%s%s\n%s" % (head, options, payload)


def fields_of(words):
    return dict(word.split("=", 1) for word in words if "=" in word and not word.startswith(":"))


def answer_of(words, value=None):
    fields = fields_of(words)
    version = int(fields["ver"]) if "ver" in fields else None
    if words[0] != "ERR":
        local_epoch = int(fields["epoch"]) if fields.get("ack") == "local" else None
        return Answer("absent" if words[0] == "NOT_FOUND" else "ok", version, value, local_epoch=local_epoch)
    code = words[1]
    if code == "CONFLICT":
        return Answer("conflict", version, code=code)
    kind = "no" if fields.get("applied") == "no" else "unknown"
    return Answer(kind, code=code, leader=fields.get("leader"), epoch=int(fields.get("epoch", 0)))


class Link:
    """A connection to one node, made when it is needed and given up after the first trouble."""

    def __init__(self, address, timeout):
        host, port = address.rsplit(":", 1)
        self.place, self.timeout = (host, int(port)), timeout
        self.socket = self.file = None

    def close(self):
        if self.socket:
            self.file.close()
            self.socket.close()
        self.socket = self.file = None

    def is_closed_by_peer(self):
        """While nothing is asked: what is sent into such a connection is lost for no reason."""
        return select.select([self.socket], [], [], 0)[0] != []

    def send(self, request):
        if self.socket is not None and self.is_closed_by_peer():
            self.close()
        if self.socket is None:
            try:
                self.socket = socket.create_connection(self.place, timeout=self.timeout)
            except OSError as error:
                raise NotSent(str(error)) from error
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.file = self.socket.makefile("rb")
        try:
            self.socket.sendall(request.encode())
        except OSError as error:
            self.close()
            raise Lost(str(error)) from error

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise Lost("the node closed the connection")
        return line.decode().split()

    def payload(self, size):
        data = self.file.read(size)
        if len(data) != size:
            raise Lost("the node closed the connection")
        return data.decode()

    def receive(self):
        """The words of the last line; what the reply holds: a value, or [(key, value, version)]."""
        held, items = None, []
        while True:
            words = self.line()
            if words[0] in ("VALUE", "INFO"):
                held = self.payload(int(words[1]) + 1)[:-1]
            elif words[0] == "ITEM":
                key_size, value_size = int(words[1]), int(words[2])
                data = self.payload(key_size + value_size + 1)
                items.append((data[:key_size], data[key_size:-1], int(fields_of(words)["ver"])))
                continue
            if words[:2] == ["ERR", "SHUTTING_DOWN"]:
                self.close()
            return words, items if words[0] == "END" else held

    def ask(self, request):
        self.send(request)
        try:
            return self.receive()
        except (OSError, Lost) as error:
            self.close()
            raise Lost(str(error)) from error
