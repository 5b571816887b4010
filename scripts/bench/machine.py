"""What the figures were taken on, without names of hosts or paths."""

import os
import re
import subprocess


def first_match(path, pattern):
    with open(path, encoding="utf-8") as file:
        found = re.search(pattern, file.read(), re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def file_system_of(directory):
    """Its type, and the device that holds it."""
    device, kind = output("findmnt", "-n", "-o", "SOURCE,FSTYPE", "-T", directory).split()[:2]
    return kind, device


def disk_kind(device):
    """Of the disk below `device`, as its name in the kernel says it."""
    names = output("lsblk", "-n", "-s", "-d", "-o", "NAME", device).split()
    kinds = {"vd": "virtio disk", "nv": "NVMe disk", "sd": "SCSI or SATA disk", "xv": "Xen disk"}
    return kinds.get(names[0][:2], names[0]) if names else "disk of no known kind"


def version_of(package):
    return output("dpkg-query", "-W", "-f=${Version}", package)


def commit_of(sources):
    return output("git", "-C", sources, "rev-parse", "--short", "HEAD").strip()


def describe(scratch):
    """`scratch` lies on the disk that was measured."""
    kind, device = file_system_of(scratch)
    memory_kib = int(first_match("/proc/meminfo", r"^MemTotal:\s+(\d+)"))
    packages = ("redis-server", "memcached", "etcd-server", "librocksdb-dev", "libleveldb-dev", "liblmdb-dev")
    versions = ", ".join(f"{name} {version_of(name)}" for name in packages)
    return (f"Machine: {os.cpu_count()} x {first_match('/proc/cpuinfo', r'^model name.*: (.*)$')}, "
            f"{memory_kib / 2**20:.0f} GiB of memory, Linux {os.uname().release.split('-')[0]}, "
            f"{kind} on a {disk_kind(device)}. Debian packages: {versions}.\n")
