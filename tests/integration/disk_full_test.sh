#!/usr/bin/env bash
# A server on a disk that runs full, against an oracle: disk_full_test.sh KV-BINARY. Needs the right to mount a tmpfs.
set -euo pipefail
kv=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
code=0
timeout 600 python3 "$here/../crash/disk_full.py" --kv "$kv" || code=$?
[ "$code" -eq 77 ] && exit 0
exit "$code"
