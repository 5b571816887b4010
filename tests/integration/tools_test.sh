#!/usr/bin/env bash
# verify, salvage and backup as an operator uses them, with their exit codes: tools_test.sh KV-BINARY.
set -euo pipefail
# shellcheck source=tests/integration/end_servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/end_servers.sh"
kv=$(realpath "$1")
scratch=$(mktemp -d)
cd "$scratch"
export HOME=$scratch
stop_all() {
  end_servers "$kv" "$scratch"/*/
  rm -rf "$scratch"
}
trap stop_all EXIT
trap 'echo "failed in line $LINENO"; cat out err' ERR

code_of() { local code=0; "$@" >out 2>err </dev/null || code=$?; echo "$code"; }
exits() { local want=$1; shift; [ "$(code_of "$@")" -eq "$want" ]; }
start() { timeout 300 "$kv" start --data "$1" --listen 127.0.0.1:0 --detach >/dev/null; }
address() { "$kv" status --data "$1" --json | sed 's/.*"address":"\([^"]*\)".*/\1/'; }

start db
KV_ADDR=$(address db) && export KV_ADDR
for i in 1 2 3 4 5; do "$kv" put "key$i" "value$i" >/dev/null; done
"$kv" del key5 >/dev/null

# With the server running: it verifies itself and makes backups.
exits 1 "$kv" verify --data db
grep -q "kv verify --online --addr $KV_ADDR" err
exits 1 "$kv" salvage db saved
grep -q "^kv: db is in use by kv pid .*; .kv stop --data db. stops it first$" err
exits 0 "$kv" backup create backup
grep -q '^backup: everything up to version 6, 2 files, .* 2 linked' out
exits 0 "$kv" verify --online
grep -q '^clean: 6 records in .* 0 findings$' out
exits 0 "$kv" verify --online --json --rate 1GB
grep -q '"findings":\[\]' out
"$kv" put later x >/dev/null
exits 0 "$kv" backup create backup --json
grep -q '"reused":2' out
exits 0 "$kv" stats disk
grep -q '^disk_state: normal$' out
exits 0 "$kv" stats scrub
grep -q '^scrub_findings: 0$' out
exits 1 "$kv" backup create db
exits 1 "$kv" backup create elsewhere --data db
grep -q "kv backup create elsewhere --addr $KV_ADDR" err
"$kv" stop --data db >/dev/null

# Stopped: everything is read, nothing changed.
find db -type f -exec cksum {} + | sort >before
exits 0 "$kv" verify --data db
grep -q '^clean: ' out
find db -type f -exec cksum {} + | sort | cmp - before
exits 1 "$kv" verify --data nowhere
exits 0 "$kv" backup verify backup
exits 1 "$kv" backup verify db
exits 0 "$kv" backup create copies --data db --copy
grep -q ' 0 linked' out
exits 1 "$kv" backup restore backup db
exits 0 "$kv" backup restore backup restored
start restored
[ "$("$kv" --addr "$(address restored)" count)" -eq 5 ]
"$kv" stop --data restored >/dev/null

# Damage: named by verify, told by the server, left out by salvage, and not in the copies.
at=$(grep -abo value2 db/000001.seg | cut -d: -f1)
printf X | dd of=db/000001.seg bs=1 seek="$at" conv=notrunc 2>/dev/null
exits 6 "$kv" verify --data db
grep -q 'damaged records: db/000001.seg offset=[0-9]* size=[0-9]* versions=2..2 keys: "key2"' out
exits 6 "$kv" verify --data db --json
grep -q '"keys":\[{"key":"key2"}\]' out
exits 6 "$kv" backup verify backup  # a link shares what rots
exits 6 "$kv" backup restore backup again
[ ! -e again ]
exits 0 "$kv" backup verify copies
start db
KV_ADDR=$(address db) && export KV_ADDR
exits 6 "$kv" get key2
exits 0 "$kv" get key1
exits 6 "$kv" verify --online
grep -q '^damaged records: db/000001.seg .* keys: "key2"' out
"$kv" stop --data db >/dev/null

# A segment that somebody took away: its keys are known by its hint, so the start and the numbers must tell.
exits 0 "$kv" backup restore copies gone
rm gone/000001.seg
timeout 300 "$kv" start --data gone --listen 127.0.0.1:0 --detach >banner
KV_ADDR=$(address gone) && export KV_ADDR
grep -q "^  DAMAGE: [0-9 ]* bytes of 1 segment are missing or unreadable; .*kv verify --online --addr $KV_ADDR" banner
[ "$(tail -1 banner)" = ready ]
exits 0 "$kv" stats
grep -q '^DAMAGE: .* bytes of 1 segment at the start.*; .kv verify --online. tells which keys answer CORRUPT$' out
exits 6 "$kv" verify --online
"$kv" stop --data gone >/dev/null

rm db/CURRENT db/MANIFEST-*
exits 6 "$kv" salvage db saved
grep -q '^key lost: "key2"$' out
exits 1 "$kv" salvage db saved
start saved
KV_ADDR=$(address saved) && export KV_ADDR
exits 3 "$kv" get key2
exits 3 "$kv" get key5
[ "$("$kv" get key1)" = value1 ]
[ "$("$kv" get later)" = x ]
"$kv" stop --data saved >/dev/null
echo "ok"
