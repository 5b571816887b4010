#!/usr/bin/env bash
# What kv_check_history prints and how it ends: check_history_test.sh PROGRAM.
set -euo pipefail
program=$1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

expect() { # CODE TEXT ARGUMENT...
  local code=0 want=$1 text=$2
  shift 2
  "$program" "$@" >out 2>&1 || code=$?
  if [ "$code" != "$want" ] || ! grep -qF -- "$text" out; then
    echo "kv_check_history $*: exit code $code, wanted $want and '$text'; it said:" >&2
    cat out >&2
    exit 1
  fi
}

printf '%s\n' 'kv-history 1' '1 0 1 PUT k a = OK ver=1' '1 2 3 PUT k b = OK ver=2' >writes
printf '%s\n' 'kv-history 1' '2 4 5 GET k = VALUE b ver=2' >good
printf '%s\n' 'kv-history 1' '2 4 5 GET k = VALUE a ver=1' >stale
printf '%s\n' 'kv-history 1' '2 4 5 GET k = VALUE' >malformed

expect 0 'LINEARIZABLE: 3 operations on 1 keys' writes good
expect 0 'LINEARIZABLE: 2 operations on 1 keys' - <writes
expect 1 'VIOLATION: 3 operations on 1 keys' writes stale
expect 1 '    2 4 5 GET k = VALUE a ver=1' writes stale
expect 2 'UNKNOWN: 3 operations on 1 keys, 1 undecided' --steps 1 writes good
expect 2 'malformed:2: the value is missing' writes malformed
expect 2 'missing: cannot be opened' missing
expect 2 'usage:'
expect 2 '--steps takes a number' --steps many writes
