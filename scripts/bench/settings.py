"""How much of everything, and where: the full measurement, or `--quick`, which only sees that answers are right."""

import contextlib
import dataclasses
import os
import shutil
import tempfile


@dataclasses.dataclass
class Bench:
    build: str  # the directory of the build with the peers
    parent: str  # where scratch directories are made
    keys: int = 1_000_000
    many_keys: int = 20_000_000  # for growth
    index_keys: int = 10_000_000
    seconds: float = 2.0  # of each work that is measured for a time
    requests: int = 500_000  # of redis-benchmark with pipeline 1; more with more
    durable_requests: int = 100_000  # the same where each waits for the disk
    memory_limit: int = 512 << 20
    large_keys: int = 2 << 20  # of 1 KiB each: four times that memory

    @classmethod
    def quick(cls, build, parent):
        return cls(build, parent, keys=20_000, many_keys=40_000, index_keys=20_000, seconds=0.1, requests=20_000,
                   durable_requests=2_000, memory_limit=128 << 20, large_keys=20_000)

    def program(self, name):
        """kv and index_memory are where CMake puts them, the rest is beside each other."""
        places = {"kv": "kv", "index_memory": "tests/bench/index_memory"}
        return os.path.join(self.build, places.get(name, f"tests/bench/peers/{name}"))

    @contextlib.contextmanager
    def scratch(self):
        directory = tempfile.mkdtemp(prefix="kv-bench-", dir=self.parent)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)
