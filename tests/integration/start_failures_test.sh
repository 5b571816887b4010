#!/usr/bin/env bash
# How `kv start` refuses: start_failures_test.sh KV-BINARY. Each time one clear line on stderr, the documented exit
# code, nothing on stdout, and not a byte changed on disk.
set -euo pipefail
# shellcheck source=tests/integration/end_servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/end_servers.sh"
kv=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d)
disk=$scratch/disk # what must not change; outputs lie beside it
mkdir "$disk"
cd "$disk"
unset "${!KV_@}"
export HOME=$scratch KV_LISTEN=127.0.0.1:0
cleanup() {
  end_servers "$kv" "$disk/data"
  chmod -R u+w "$scratch"
  rm -rf "$scratch"
}
trap cleanup EXIT
trap 'echo "failed in line $LINENO"' ERR

fail() {
  printf 'failed: %s\n' "$@"
  exit 1
}
# All names, modes and bytes below the current folder. LOCK holds no data: it says who had it last.
picture() {
  find . ! -name LOCK -printf '%p %y %m\n' | sort
  find . -type f ! -name LOCK -exec sha256sum {} + | sort
}
address() { "$kv" status --data "$1" --json | sed 's/.*"address":"\([^"]*\)".*/\1/'; }
start() { timeout 600 "$kv" start --data "$1" --detach --log-file "$scratch/log" >/dev/null; }

# refused WHAT CODE LINE ARGUMENT... : `kv start ARGUMENT...` says LINE (a pattern of bash), behind "kv: ".
as_user=()
refused() {
  local what=$1 code=0 expected=$2 line=$3 before said
  shift 3
  before=$(picture)
  timeout 60 "${as_user[@]}" "$kv" start "$@" >"$scratch/out" 2>"$scratch/err" </dev/null ||
    code=$?
  said=$(cat "$scratch/err")
  [ "$code" = "$expected" ] || fail "$what: exit code $code instead of $expected" "$said"
  # shellcheck disable=SC2053 # a pattern
  [[ $said = kv:\ $line ]] || fail "$what: it says: $said" "instead of: kv: $line"
  [ "$(wc -l <"$scratch/err")" = 1 ] || fail "$what: more than one line" "$said"
  [ ! -s "$scratch/out" ] || fail "$what: it printed $(cat "$scratch/out")"
  [ "$(picture)" = "$before" ] || fail "$what: the disk changed" "$(diff <(echo "$before") <(picture))"
  echo "ok: $what"
}

start data
"$kv" --addr "$(address data)" put greeting hello >/dev/null
taken=$(address data)

refused "port taken" 1 "cannot listen on $taken: Address already in use; --listen 127.0.0.1:0 picks a free port" \
  --data other --listen "$taken"
refused "directory in use" 1 "data directory data is in use by kv pid $("$kv" status --data data --pid) on $taken *" \
  --data data
refused "directory in use, and so is the port" 1 "data directory data is in use by kv pid *" --data data --listen "$taken"
refused "public address whose port is taken" 2 "0.0.0.0:* can be reached from other machines *" \
  --data other --listen "0.0.0.0:${taken##*:}"
refused "public address for RESP, whose port is taken" 2 "0.0.0.0:* can be reached from other machines *" \
  --data other --listen "$taken" --resp "0.0.0.0:${taken##*:}"
"$kv" stop --data data >/dev/null

refused "address of another machine" 1 "cannot listen on 192.0.2.1:0: *; name an address of this machine" \
  --data data --listen 192.0.2.1:0 --insecure
refused "no address" 2 '--listen: "nowhere" is not HOST:PORT, such as 127.0.0.1:7400; see *' --data data --listen nowhere
refused "no address for RESP" 2 '--resp: "of" is neither on nor off nor HOST:PORT, *' --data data --resp of
KV_RESP=of refused "no address for RESP in the environment" 2 '--resp: "of" is * [(]from KV_RESP); see *' --data data
refused "a flag without its value" 2 "--data: its value is missing; see \`kv help start\`" --data
refused "public address" 2 "0.0.0.0:0 can be reached from other machines *" --data data --listen 0.0.0.0:0

refused "a member's number without its cluster" 2 "--node-id 3 is for a member of a cluster, which data is not yet: *" \
  --data data --node-id 3
refused "leases of a server alone" 2 "--read-lease is for a member of a cluster, and data is a server alone's; *" \
  --data data --read-lease
refused "acknowledgements of a server alone" 2 "--ack local is for a member of a cluster, and *" --data data --ack local
refused "unknown flag" 2 "*--colour*see \`kv help start\`" --data data --colour=red
refused "value out of range" 2 "--threads: *0*" --data data --threads 0
refused "value of the wrong kind" 2 "--segment-size: big is no size *" --data data --segment-size big
refused "unknown mode" 2 "--sync: *often*" --data data --sync often
KV_THREADS=0 refused "value out of range in the environment" 2 "*threads: *0*" --data data
echo 'colour = "red"' >unknown.conf
refused "unknown config entry" 2 'unknown.conf: unknown entry "colour"*' --data data --config unknown.conf
echo 'threads = "many"' >wrong.conf
refused "wrong config entry" 2 'wrong.conf: entry "threads"*many*' --data data --config wrong.conf
echo 'data =' >empty.conf
echo data >bare.conf
printf '[server]\ndata = x\n' >section.conf
refused "no value for the data directory in a config file" 2 'empty.conf: entry "data": --data: the name of the directory is empty; see *' \
  --config empty.conf
refused "config entry without a value" 2 'bare.conf: entry "data" has no value: data = VALUE; see *' --config bare.conf
refused "config section" 2 "section.conf: unknown section [[]server]: a line is \`name = value\`, *" --config section.conf
refused "a directory as config file" 2 "cannot read config file ..; see *" --config ..
refused "data directory without a name" 2 "--data: the name of the directory is empty; see \`kv help start\`" --data ""
refused "the same, detached" 2 "--data: the name of the directory is empty; see \`kv help start\`" --data "" --detach
refused "the same with =, which must not swallow the next flag" 2 "nothing stands behind --data=; --data '' is *" \
  --data= --detach
KV_DATA='' refused "no name in the environment" 2 "--data: the name of the directory is empty (from KV_DATA); see \`kv help start\`"
refused "missing config file" 2 "cannot read config file none.conf*" --data data --config none.conf
refused "log file that cannot be written" 1 "cannot write the log file no/log: *; --log-file names another" \
  --data data --log-file no/log

for file in CURRENT IDENTITY MANIFEST-000001; do
  cp -r data partial
  rm "partial/$file"
  refused "lost $file" 6 "partial/$file is missing, and the rest of a kv database is there; \`kv verify --data partial\` \
tells what is damaged, \`kv salvage partial NEWDIR\` makes *" --data partial
  [ "$(cd partial && picture)" = "$(cd data && picture | grep -v "/$file")" ] || fail "lost $file: the directory changed"
  timeout 60 "$kv" verify --data partial >"$scratch/out" || [ $? = 6 ] || fail "lost $file: verify" "$(cat "$scratch/out")"
  timeout 60 "$kv" salvage partial saved >"$scratch/out" || [ $? = 6 ] || fail "lost $file: salvage" "$(cat "$scratch/out")"
  start saved
  [ "$("$kv" --addr "$(address saved)" get greeting)" = hello ] || fail "lost $file: the data are not in the new one"
  "$kv" stop --data saved >/dev/null
  rm -r partial saved
done

mkdir foreign
echo dear >foreign/letter
refused "foreign file in the directory" 1 'foreign is not a kv database * (it holds "letter"); name an empty directory' \
  --data foreign
refused "a file instead of a directory" 1 "*foreign/letter: Not a directory; --data names the directory*" \
  --data foreign/letter

# The superuser writes anywhere, so another user must be refused.
mkdir closed
chmod 555 closed
if [ "$(id -u)" = 0 ]; then
  as_user=(setpriv --reuid 65534 --clear-groups)
  chmod 755 "$scratch" "$disk"
fi
if "${as_user[@]}" "$kv" version >/dev/null 2>&1; then
  refused "directory not writable" 1 "open closed/LOCK: Permission denied; --data names the directory*" --data closed
  refused "directory that cannot be made" 1 "*closed/new: Permission denied; --data names the directory*" \
    --data closed/new
else
  echo "skipped: directory not writable: another user cannot run $kv"
fi
as_user=()

# Files as a later version would write them: all checksums right, the version higher.
for file in IDENTITY MANIFEST-000001 000001.seg; do
  cp -r data newer
  rm -f newer/*.hint # else the segment need not be read
  "$here/make_newer.py" "newer/$file"
  refused "newer format of $file" 6 "*newer/$file: *this program knows up to [12]; start it with the kv that wrote it*" \
    --data newer
  rm -r newer
done

# A disk without room, in a mount namespace of its own.
full_disk() {
  mount -t tmpfs -o size=128k none full
  cd full
  mkdir empty
  cp -r ../data old
  cat /dev/zero >ballast 2>/dev/null || true # it ends when the disk is full: that is its purpose
  refused "disk full, nothing there yet" 1 "write empty/*: No space left on device; make room and start again" \
    --data empty
  start old
  KV_ADDR=$(address old) && export KV_ADDR
  [ "$("$kv" get greeting)" = hello ] || fail "disk full: the old data cannot be read"
  "$kv" stop --data old >/dev/null
  rm ballast
  start empty
  "$kv" stop --data empty >/dev/null
  echo "ok: disk full, old data served; started when there was room"
}
mkdir full
if unshare -m true 2>/dev/null; then
  export -f full_disk refused picture fail start address
  export kv scratch disk
  unshare -m bash -euo pipefail -c 'as_user=(); full_disk'
else
  echo "skipped: disk full: needs the right to mount"
fi

start data
[ "$("$kv" --addr "$(address data)" get greeting)" = hello ]
"$kv" stop --data data >/dev/null
echo "every refusal was clear and left everything as it was"
