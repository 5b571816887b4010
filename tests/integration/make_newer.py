#!/usr/bin/env python3
"""make_newer.py FILE: rewrites an IDENTITY, MANIFEST or segment as if a kv of a later format had written it. Every
checksum is right; docs/file-format.md says where they are.
"""
import pathlib
import struct
import sys

from crc32c import crc32c

path = pathlib.Path(sys.argv[1])
content = path.read_bytes()
if path.name == "IDENTITY":
    lines = content[:content.index(b"crc32c=")].replace(b"format_version=1", b"format_version=99")
    content = lines + b"crc32c=%08x\n" % crc32c(lines)
else:
    header = content[:4] + struct.pack("<H", 99) + content[6:60]
    content = header + struct.pack("<I", crc32c(header)) + content[64:]
path.write_bytes(content)
