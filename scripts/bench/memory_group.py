"""A cap on memory, page cache included: the `memory` controller of cgroup v1."""

import contextlib
import os
import tempfile

from bench.measurement import Unavailable
from bench.processes import run


def hierarchy():
    """Where it is mounted."""
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _, place, kind, options, *_ = line.split()
            if kind == "cgroup" and "memory" in options.split(","):
                return place
    return None


@contextlib.contextmanager
def mounted_hierarchy(scratch):
    place = hierarchy()
    if place:
        yield place
        return
    try:
        run("mount", "-t", "cgroup", "-o", "memory", "memory", scratch)
    except (RuntimeError, OSError) as error:
        raise Unavailable(f"no cgroup v1 memory controller can be mounted ({error})") from error
    try:
        yield scratch
    finally:
        run("umount", scratch)


class MemoryGroup:
    def __init__(self, path):
        self.path = path

    def write(self, name, text):
        with open(os.path.join(self.path, name), "w", encoding="ascii") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.path, name), encoding="ascii") as file:
            return file.read()

    def enter(self):
        """Between fork and exec."""
        self.write("cgroup.procs", "0")

    def kills(self):
        counts = dict(line.split() for line in self.read("memory.oom_control").splitlines())
        return int(counts.get("oom_kill", 0))


@contextlib.contextmanager
def limited(bench):
    """A group of `bench.memory_limit` bytes; it ends empty, and nothing was killed in it."""
    with bench.scratch() as scratch, mounted_hierarchy(scratch) as place:
        try:
            path = tempfile.mkdtemp(prefix="kv-bench-", dir=place)
        except OSError as error:
            raise Unavailable(f"no memory group can be made ({error.strerror})") from error
        group = MemoryGroup(path)
        try:
            group.write("memory.limit_in_bytes", str(bench.memory_limit))
            yield group
            if group.kills():
                raise RuntimeError(f"{group.kills()} processes were killed for their memory")
        finally:
            os.rmdir(path)
