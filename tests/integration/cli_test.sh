#!/usr/bin/env bash
# The command line against a real server: cli_test.sh KV-BINARY. Everything lives in a scratch directory and ends with
# this script.
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
trap 'echo "failed in line $LINENO"' ERR

expect() {  # WHAT EXPECTED ACTUAL
  [ "$2" = "$3" ] || { printf 'failed: %s\n  expected: %q\n  got:      %q\n' "$1" "$2" "$3"; exit 1; }
}
code_of() { local code=0; "$@" >out 2>err </dev/null || code=$?; echo "$code"; }
start() { timeout 300 "$kv" start --data "$1" --listen 127.0.0.1:0 --detach "${@:2}" >banner; }
address() { "$kv" status --data "$1" --json | sed 's/.*"address":"\([^"]*\)".*/\1/'; }

start data
expect "the last line of the banner" ready "$(tail -1 banner)"
KV_ADDR=$(address data); export KV_ADDR
expect "put" OK "$("$kv" put greeting hello)"
expect "get" hello "$("$kv" get greeting)"
expect "get of a missing key" 3 "$(code_of "$kv" get nothing)"
expect "its message" 'kv: key not found: "nothing"' "$(cat err)"
expect "a condition that does not hold" 4 "$(code_of "$kv" put greeting again --if-absent)"
expect "a condition on a key that is not there" 4 "$(code_of "$kv" put nothing x --if-version 7)"
expect "its message" 'kv: CONFLICT ver=0: the key is not there, and the condition asks for it' "$(cat err)"
expect "a campaign of torture" 0 "$(code_of "$kv" torture --seeds 1 --no-scripts)"
expect "says what is to come" "1 random life" "$(cat err)"
expect "del" 0 "$(code_of "$kv" del greeting)"
expect "del again" 3 "$(code_of "$kv" del greeting)"
expect "no server there" 7 "$(code_of "$kv" --addr 127.0.0.1:1 get a)"
expect "a wrong flag" 2 "$(code_of "$kv" get --colour red a)"
expect "a wrong address" 2 "$(code_of "$kv" get a --addr foo)"
expect "a wrong address is told" "kv: --addr: \"foo\" is not HOST:PORT, such as 127.0.0.1:7400; see \`kv help get\`" \
  "$(cat err)"
expect "a wrong address in the environment" 2 "$(KV_ADDR=foo code_of "$kv" get a)"
grep -q '(from KV_ADDR)' err
expect "a mistyped command" 2 "$(code_of "$kv" gte a)"
expect "a mistyped command is told" "kv: no command \"gte\", did you mean get?; \`kv help\` lists them" "$(cat err)"

for words in 'range a --prefix b' 'range a z --prefix b' 'status --data=' 'backup create'; do
  # shellcheck disable=SC2086  # words are split on purpose
  expect "kv $words" 2 "$(code_of "$kv" $words)"
done
expect "what is missing has a name that one understands" "kv: DST is required; see \`kv help backup\`" "$(cat err)"
for words in status stop verify 'backup create x' 'salvage x' 'backup restore x'; do
  case $words in salvage* | *restore*) last=('') ;; *) last=(--data '') ;; esac
  # shellcheck disable=SC2086  # words are split on purpose
  expect "kv $words with a directory without a name" 2 "$(code_of "$kv" $words "${last[@]}")"
  grep -q ': the name of the directory is empty; see' err
done
for words in status stop verify; do
  expect "kv $words with an empty KV_DATA" 2 "$(KV_DATA='' code_of "$kv" $words)"
  grep -q ': the name of the directory is empty (from KV_DATA); see' err
  expect "kv $words with --data, and KV_DATA does not count" 0 "$(KV_DATA='' code_of "$kv" $words --help)"
done
expect "verify where nothing is" 1 "$(code_of "$kv" verify)"
expect "says what to do" "kv: list ./kv-data: No such file or directory; --data names the directory, --online has a \
running server verify its own" "$(cat err)"
mkdir hollow
expect "verify of no database" 1 "$(code_of "$kv" verify --data hollow)"
grep -q 'neither CURRENT nor segments; --data names the directory, --online' err

head -c 67108864 /dev/urandom >big
"$kv" put big @big >/dev/null
"$kv" get big | cmp - big
"$kv" del big >/dev/null

printf 'a\377\000,"\nb' | "$kv" put 'k,"1' - >/dev/null
"$kv" put plain 'två' >/dev/null
"$kv" export >all.ndjson
"$kv" export --format csv-b64 >all.csv
"$kv" del plain 'k,"1' >/dev/null
expect "count after deletes" 0 "$("$kv" count)"
"$kv" import all.csv --format csv >/dev/null
"$kv" export | cmp - all.ndjson
"$kv" del plain >/dev/null
"$kv" import --json - <all.ndjson >out
expect "import says how many" '{"imported":2,"skipped":0}' "$(cat out)"
"$kv" export | cmp - all.ndjson
expect "the bar of import is for terminals" "" "$("$kv" import all.ndjson 2>&1 >/dev/null)"
expect "import of a bad line" 2 "$(code_of "$kv" import <(echo '{"key":1}'))"
expect "range" "$(printf '"k,\\"1"\nplain')" "$("$kv" range --keys-only)"

printf 'PUT "a b" "x\\x00y"\nGET "a b"\nGET none\nQUIT\n' >script
attach_code=0
"$kv" attach <script >out || attach_code=$?
expect "a script for attach" "$(printf 'OK ver=N\n"x\\x00y"\nNOT_FOUND')" "$(sed 's/ver=[0-9]*/ver=N/' out)"
expect "its exit code is that of the first request that failed" 3 "$attach_code"

expect "a second start" 1 "$(code_of "$kv" start --data data --listen 127.0.0.1:0)"
grep -q "in use by kv pid $("$kv" status --data data --pid)" err
expect "a taken port" 1 "$(code_of "$kv" start --data other --listen "$KV_ADDR")"
[ ! -e other ]

kill -9 "$("$kv" status --data data --pid)"
while "$kv" status --data data >/dev/null 2>&1; do :; done
start data
KV_ADDR=$(address data)
expect "count after kill -9" 3 "$("$kv" count)"
"$kv" stop --data data >/dev/null
expect "status after stop" 7 "$(code_of "$kv" status --data data)"
expect "status says how one starts" "kv: no server has data open; \`kv start --data data\` starts one, --data DIR looks \
at another directory" "$(cat err)"
expect "stop where no server is" 7 "$(code_of "$kv" stop)"
expect "stop says how another is stopped" "kv: no server has ./kv-data open; \`kv stop --data DIR\` stops that of another \
directory" "$(cat err)"
for command in stop status; do
  expect "$command --addr" 2 "$(code_of "$kv" "$command" --addr "$KV_ADDR")"
  expect "$command --addr says what to name" "kv: --addr: $command goes by the directory that a server has open; \
\`kv $command --data DIR\` names it" "$(cat err)"
done
exec 7>data/LOCK # as another program would
echo somebody >&7
flock 7
expect "stop of what is no server" 1 "$(code_of "$kv" stop --data data)"
expect "says who has it" "kv: data is in use by another process: somebody, and by no server; wait until it is done" \
  "$(cat err)"
exec 7>&-

expect "a public address" 2 "$(code_of "$kv" start --data data --listen 0.0.0.0:0)"
echo 'colour = "red"' >bad.conf
expect "an unknown config entry" 2 "$(code_of "$kv" start --config bad.conf)"
grep -q 'bad.conf: unknown entry "colour"' err
printf 'data = "from-file"\nlisten = "127.0.0.1:0"\n' >good.conf
KV_DATA=from-environment timeout 300 "$kv" start --config good.conf --detach >/dev/null
[ -e from-environment/CURRENT ] && [ ! -e from-file ]
KV_DATA=from-environment timeout 300 "$kv" start --config good.conf --data from-flag --detach >/dev/null
[ -e from-flag/CURRENT ]
expect "KV_DETACH is read" 2 "$(KV_DETACH=perhaps code_of timeout 60 "$kv" start)"
grep -q '(from KV_DETACH)' err
KV_DETACH=true KV_DATA=detached timeout 300 "$kv" start --listen 127.0.0.1:0 >banner
expect "KV_DETACH detaches" ready "$(tail -1 banner)"
[ -e detached.log ]
mkdir foreign && touch foreign/letter
expect "somebody else's directory" 1 "$(code_of "$kv" start --data foreign --listen 127.0.0.1:0)"
expect "nothing was changed in it" letter "$(ls foreign)"

# What is amiss with a start is said where it is seen, and the log of a server that detaches is not.
said=$( (ulimit -n 100 && start few) 2>&1)
[[ $said == "kv: warning: few file descriptors: limit=100 "*"raise the hard limit of open files"* ]] || { echo "few: $said"; exit 1; }
grep -q 'event="few file descriptors" limit=100 ' few.log

# With --json all that is printed is JSON, one object a line, whether it went well or not.
start json --json
grep -q '^{"ready":true,' banner
KV_ADDR=$(address json)
version=$("$kv" put k v --json | sed 's/{"version":\([0-9]*\)}/\1/')
expect "del tells its version as put does" "{\"deleted\":1,\"version\":$((version + 1))}" "$("$kv" del k --json)"
expect "a delete of nothing has none" '{"deleted":0}' "$("$kv" del k --json 2>/dev/null || :)"
printf 'key,value\nk\n' >short.csv
printf 'k\0' | "$kv" put bytes - >/dev/null
while IFS= read -r command; do
  read -r code words <<<"$command"
  # shellcheck disable=SC2086  # words are split on purpose
  expect "$words --json" "$code" "$(code_of "$kv" $words --json)"
  [ -n "$(cat out err)" ] || { echo "$words: nothing said"; exit 1; }
  cat out err >>said
done <<'END'
0 put k v
0 get k
0 get bytes
3 get nothing
4 put k v --if-absent
0 del k
3 del k
0 count
0 range
0 export
2 export --format csv
0 stats
0 stats store
1 stats colours
0 version
0 status --data json
7 status --data none
7 stop --data none
2 import short.csv --format csv
2 import none.csv
2 attach
2 help
2 gte
2 get
2 get k --colour red
2 put k @none
7 get k --addr 127.0.0.1:1
2 get k --addr nonsense
1 start --data json
2 start --sync weird
END
python3 -c 'import json; [json.loads(line) for line in open("said")]; json.load(open("banner"))'
"$kv" put number -- -5 >/dev/null
expect "bytes as they are when stdout is no terminal" 2d35 "$("$kv" get number | od -An -tx1 | tr -d ' \n')"
expect "flags go over the environment" -5 "$(env KV_ADDR=127.0.0.1:1 "$kv" get number --addr "$KV_ADDR")"
expect "a variable that is wrong is named" 2 "$(KV_SYNC=weird code_of "$kv" start)"
grep -q '^kv: --sync: weird not in .*(from KV_SYNC)' err
"$kv" help | sed -n '/^Subcommands/,/^$/p' >commands
for name in start stop status attach put get del range count import export stats conformance version help; do
  expect "help lists $name" 1 "$(grep -c "^  $name " commands)"
done
expect "commands below a command, too" 1 "$("$kv" help backup restore | grep -c "^Usage: kv backup restore")"
expect "each has a help" "" "$("$kv" help | sed -n '/^Subcommands/,/^$/s/^  \([a-z]*\) .*/\1/p' |
  while read -r name; do "$kv" help "$name" | grep "^Usage: kv $name" >one-help || echo "$name"; done)"

# One that is still opening its data, held up there by a pipe that nobody writes into: SIGTERM ends it with 0.
start slow
"$kv" stop --data slow >/dev/null
rm slow/CURRENT && mkfifo slow/CURRENT
for signal in TERM INT; do
  "$kv" start --data slow --listen 127.0.0.1:0 >front.out 2>front.err &
  until grep -q "pid=$! " slow/LOCK; do :; done  # without trying the lock, which could be in its way
  kill -s "$signal" $!
  code=0; wait $! || code=$?
  expect "SIG$signal before it is ready" "$([ "$signal" = TERM ] && echo 0 || echo 130)" "$code"
  expect "it says so" "kv: stopped before it was ready" "$(cat front.err)"
  expect "and nothing else" "" "$(cat front.out)"
done

# A foreground server: its last line is "ready", SIGINT drains, a second one ends a drain that takes too long.
: >front.out
timeout 300 "$kv" start --data front --listen 127.0.0.1:0 >front.out 2>front.err &
until grep -qx ready front.out; do :; done
expect "ready comes last" ready "$(tail -1 front.out)"
kill -INT "$("$kv" status --data front --pid)"
code=0; wait $! || code=$?
expect "SIGINT ends it cleanly" 0 "$code"
: >front.out
timeout 300 "$kv" start --data front --listen 127.0.0.1:0 >front.out 2>front.err &
until grep -qx ready front.out; do :; done
front=$(address front)
for name in 1 2 3; do head -c 20000000 /dev/zero | "$kv" --addr "$front" put "$name" - >/dev/null; done
exec 7<>"/dev/tcp/${front%:*}/${front##*:}"
printf 'RANGE 0 0\n' >&7
head -c 1 <&7 >/dev/null  # the rest waits for a reader who does not come
pid=$("$kv" status --data front --pid)
kill -INT "$pid"
while [ "$(code_of "$kv" --addr "$front" get 1)" = 0 ]; do :; done  # until it drains
kill -INT "$pid"
code=0; wait $! || code=$?
expect "a second SIGINT ends it at once" 130 "$code"
exec 7<&-
expect "stop" 0 "$(code_of "$kv" stop --data json --json)"
grep -qx '{"stopped":[0-9]*}' out
echo "all of the command line's tests passed"
