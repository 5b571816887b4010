"""Ports of servers that have to know each other's before they start."""

import os
import socket

FIRST, LAST = 12000, 21900  # below those that the system gives to whoever asks for any, with the ones 10,000 above


def free_ports(count):
    """Each with the one 10,000 above, where members of a cluster talk. Tests beside each other begin far apart."""
    found, port = [], FIRST + os.getpid() * 16 % (LAST - FIRST)
    while len(found) < count:
        port += 1
        try:
            for number in (port, port + 10000):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
            found.append(port)
        except OSError:
            continue
    return found
