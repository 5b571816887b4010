#!/usr/bin/env python3
"""docs/cli.md, rel/kv.conf and the program name the same things: reference_test.py KV-BINARY.

Every option of `kv start` is a row of the page's table and an entry of the file, with the same default; every section
that the server tells stands in `kv help stats` and in the page.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

KV = os.path.abspath(sys.argv[1])
TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = (TOP / "docs/cli.md").read_text(encoding="utf-8")
CONFIG = (TOP / "rel/kv.conf").read_text(encoding="utf-8")
OWN_WORDS = {"log-file": ("", "stderr")}  # where the page says in words what the default does
failures = []


def same(what, expected, got):
    if expected != got:
        failures.append(f"{what}\n  expected: {expected}\n  got:      {got}")


def kv(*arguments):
    return subprocess.run([KV, *arguments], capture_output=True, text=True, check=True).stdout


def options():
    """Of `kv start`: name -> (default, environment variable)."""
    found = {}
    for name, rest in re.findall(r"^  --([a-z-]+)(.*)", kv("help", "start"), re.M):
        default = re.search(r"=(\S+)", rest)
        variable = re.search(r"\(Env:(\w+)\)", rest)
        is_flag = not re.match(r" (TEXT|U?INT|FLOAT)", rest)
        found[name] = (default[1] if default else "false" if is_flag else "", variable[1] if variable else "")
    del found["config"]  # the file cannot name itself
    return found


def rows():
    """The page's table: name -> default."""
    table = PAGE.split("## Configuration of the server", 1)[1].split("\n\nSizes are", 1)[0]
    found = {}
    for names, defaults in re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", table, re.M):
        found.update(zip(re.findall(r"`([a-z-]+)`", names), defaults.split(", ")))
    return found


def entries():
    """Of the file: name -> default."""
    return {name: value.strip('"') for name, value in re.findall(r"^#([a-z-]+) = (.*)$", CONFIG, re.M)}


def check_options():
    known = {name: default for name, (default, _) in options().items()}
    shown = dict(known)
    for name, (default, words) in OWN_WORDS.items():
        same(f"default of --{name}", default, known.get(name))
        shown[name] = words
    same("the table of docs/cli.md and `kv help start`", sorted(shown.items()), sorted(rows().items()))
    same("rel/kv.conf and `kv help start`", sorted(known.items()), sorted(entries().items()))
    for name, (_, variable) in options().items():
        same(f"the environment variable of --{name}", "KV_" + name.upper().replace("-", "_"), variable)


def check_sections():
    scratch = tempfile.mkdtemp()
    data = os.path.join(scratch, "data")
    subprocess.run([KV, "start", "--data", data, "--listen", "127.0.0.1:0", "--detach"], check=True,
                   stdout=subprocess.DEVNULL)
    server = json.loads(kv("status", "--data", data, "--json"))
    try:
        told = list(json.loads(kv("stats", "--json", "--addr", server["address"])))
        told.append("segments")  # it is told only to who asks for it
        kv("stats", "segments", "--addr", server["address"])
        wrong = subprocess.run([KV, "stats", "nope", "--addr", server["address"]], capture_output=True, text=True)
    finally:
        os.kill(server["pid"], signal.SIGKILL)
        shutil.rmtree(scratch)
    help_text = re.search(r"^  SECTION TEXT\s+(.*?)\n\n", kv("help", "stats"), re.M | re.S)[1]
    same("`kv help stats` and what the server tells", told, re.split(r",\s+", help_text.strip()))
    page = re.search(r"`kv stats SECTION` prints one of (.*?);", PAGE, re.S)[1]
    same("docs/cli.md and what the server tells", told, re.split(r",\s+|\s+and\s+", page))
    same("a section that there is not", f'kv: no section "nope"; there are {", ".join(told)}\n', wrong.stderr)
    same("its exit code", 1, wrong.returncode)


for variable in [name for name in os.environ if name.startswith("KV_")]:
    del os.environ[variable]
check_options()
check_sections()
if failures:
    sys.exit("\n".join(failures))
