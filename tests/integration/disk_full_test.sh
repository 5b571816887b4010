#!/usr/bin/env bash
# A server on a disk that runs full, against an oracle: disk_full_test.sh KV-BINARY. Needs the right to mount a tmpfs.
set -euo pipefail
kv=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Exit code 77 tells CTest that nobody here may mount, and the test was skipped.
exec timeout 600 python3 "$here/../crash/disk_full.py" --kv "$kv"
