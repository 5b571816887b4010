"""Clients that ask for less than all, and what they are promised nevertheless (docs/replication.md, "What a client sees")."""

import client
from load import Worker, found_by_get
from local_acks import MARK

STALE_MS = (20, 100, 500)


class LevelWorker(Worker):
    """Writes with each acknowledgement. A third of its reads at whichever node ask for what it knows of, a third for what was
    there some milliseconds ago."""

    def attempt(self, request, text):
        return super().attempt(request, client.with_options(text, self.random.choice(("", "", " ack=majority"))))

    def read(self, key):
        choice = self.random.randrange(3)
        if choice == 0 or (choice == 1 and self.tape.newest == 0):
            return super().read(key)
        if choice == 1:
            return self.read_with(key, " min_ver=%d" % self.tape.newest, self.note_session_read)
        limit_ms = self.random.choice(STALE_MS)

        def note(call, end, read, found):
            self.tape.read(call, end, read, found, " read=stale")
            self.tape.stale_reads.append((call, end, read, found and found[1], limit_ms))

        return self.read_with(key, " max_stale_ms=%d" % limit_ms, note)

    def read_with(self, key, options, note):
        node = self.random.choice(self.load.cluster.numbers)
        self.ask_and_note(node, client.with_options(client.get(key), options), found_by_get(key), [key], note)

    def note_session_read(self, call, end, key, found):
        self.tape.read(call, end, key, found, " read=session")


def too_stale(tapes):
    """Reads that lack what was acknowledged longer before them than they allowed: texts. `lines` are as they are judged: writes
    that were lost are no writes there."""
    written, deleted = {}, {}  # key -> [(acknowledged, version)]; key -> [(called, version or None)]
    for tape in tapes:
        for line in tape.lines:
            note_write(line, written, deleted)
    wrong = []
    for tape in tapes:
        for call, end, key, version, limit_ms in tape.stale_reads:
            need = max((v for at, v in written.get(key, ()) if at <= call - limit_ms * 1_000_000), default=0)
            if version is None:
                is_right = need == 0 or any(at <= end and (v is None or v > need) for at, v in deleted.get(key, ()))
            else:
                is_right = version >= need
            if not is_right:
                wrong.append("client %d, at %d: a read of %s as of %d ms before found %s, and lacks version %d" %
                             (tape.number, call, key, limit_ms, version or "nothing", need))
    return wrong[:3]


def note_write(line, written, deleted):
    request, _, answer = line.partition(" = ")
    _, call, end, verb, *words = request.split()
    outcome, *fields = answer.split()
    if verb == "GET" or outcome not in ("OK", "UNKNOWN") or MARK in request:
        return
    version = next((int(field[4:]) for field in fields if field.startswith("ver=")), None)
    if verb == "DEL":
        deleted.setdefault(words[0], []).append((int(call), version))
    elif outcome == "OK":
        for key in words[::2] if verb == "BPUT" else words[:1]:
            written.setdefault(key, []).append((int(end), version))
