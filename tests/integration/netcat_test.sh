#!/usr/bin/env bash
# The protocol by hand, with netcat as the distribution installs it: netcat_test.sh KV-BINARY. Each variant that is
# there is tried: nc.openbsd keeps the connection when its input ends and half-closes it with -N, nc.traditional
# half-closes it with -q.
set -euo pipefail
# shellcheck source=tests/integration/end_servers.sh
source "$(dirname "${BASH_SOURCE[0]}")/end_servers.sh"
kv=$(realpath "$1")
scratch=$(mktemp -d)
cd "$scratch"
stop() {
  end_servers "$kv" data
  rm -rf "$scratch"
}
trap stop EXIT
trap 'echo "failed in line $LINENO"' ERR

timeout 300 "$kv" start --data data --listen 127.0.0.1:0 --read-timeout-s 1 --detach >banner
address=$("$kv" status --data data --json | sed 's/.*"address":"\([^"]*\)".*/\1/')
host=${address%:*} port=${address##*:}

expect() {  # WHAT EXPECTED ACTUAL, either with numbers of versions as N
  local actual
  actual=$(printf '%s' "$3" | sed 's/ver=[0-9]*/ver=N/')
  [ "$2" = "$actual" ] || { printf 'failed: %s, %s\n  expected: %q\n  got:      %q\n' "$nc" "$1" "$2" "$actual"; exit 1; }
}
# shellcheck disable=SC2059  # what is sent is written as a format
# Sends what printf makes of its arguments and prints all that comes until the server closes.
say() { printf -- "$@" | "$nc" "$host" "$port"; }
# The same, ending with a half-close.
# shellcheck disable=SC2059
say_and_end() { printf -- "$@" | "$nc" "${half_close[@]}" "$host" "$port"; }

verbs_by_hand() {
  expect "PUT and QUIT" $'OK ver=N\nOK bye' "$(say 'PUT 8 5\ngreetinghelloQUIT\n')"
  expect "Enter behind the payload" $'OK ver=N\nVALUE 5 ver=N\nhello\nOK bye' \
    "$(say 'PUT 8 5\ngreetinghello\n\nGET 8\ngreeting\n\nQUIT\n')"
  expect "as telnet ends lines" $'OK ver=N\nVALUE 2 ver=N\nhi\nOK bye' \
    "$(say 'put 1 2\r\nahi\r\nget 1\r\na\r\nquit\r\n')"
  expect "BPUT" $'OK count=2 ver=N\nOK bye' "$(say 'BPUT 2\n2 3\nb1one\n2 3\nb2two\nQUIT\n')"
  expect "RANGE" $'ITEM 2 3 ver=N\nb1one\nITEM 2 3 ver=N\nb2two\nEND 2 more=0\nOK bye' \
    "$(say 'RANGE 1 1\nbcQUIT\n')"
  expect "RANGE with a limit, backwards, keys alone" $'KEY 2\nb2\nEND 1 more=1\nOK bye' \
    "$(say 'RANGE 1 1 limit=1 rev=1 keys=1\nbcQUIT\n')"
  expect "PREFIX" $'KEY 2\nb1\nKEY 2\nb2\nEND 2 more=0\nOK bye' "$(say 'PREFIX 1 keys=1\nbQUIT\n')"
  expect "DEL" $'OK ver=N\nNOT_FOUND\nNOT_FOUND\nOK bye' "$(say 'DEL 2\nb1DEL 2\nb1GET 2\nb1QUIT\n')"
  expect "a tag" $'@t1 OK ver=N\n@t2 NOT_FOUND\nOK bye' "$(say '@t1 PUT 1 0\nx@t2 GET 1\nyQUIT\n')"
  expect "PING with an echo" $'OK\nVALUE 3\nabc\nOK bye' "$(say 'PING\nPING 3\nabcQUIT\n')"
  expect "MERGE" $'INFO 13\nmerge: paused\nINFO 14\nmerge: resumed\nOK bye' \
    "$(say 'MERGE do=pause\nMERGE do=resume\nQUIT\n')"
  say 'MERGE wait=1\nQUIT\n' | grep -q '^merge: done$'
  say 'INSPECT 2\nb2QUIT\n' | grep -q '^record: {"version":'
  say 'STATS section=space\nQUIT\n' | grep -q '^space_total_bytes: '
  say 'HELP\nQUIT\n' | grep -q '^INFO [0-9]*$'
  say 'STATS\nQUIT\n' | grep -q '^keys: '
  say 'HELLO v=1\nQUIT\n' | grep -q '^OK v=1 server=kv/'
}

half_close() {
  expect "three answers after a half-close" $'OK ver=N\nVALUE 1 ver=N\n1\nNOT_FOUND' \
    "$(say_and_end 'PUT 1 1\nk1GET 1\nkGET 4\nnone')"
  expect "nothing at all" "" "$(say_and_end '')"
  expect "blank lines alone" "" "$(say_and_end '\n\r\n\n')"
  expect "an end in the header" "" "$(say_and_end 'PUT 3')"
  expect "an end in the payload" "" "$(say_and_end 'PUT 4 5\ncutshel')"
  expect "nothing of it was stored" $'NOT_FOUND' "$(say_and_end 'GET 4\ncuts')"
  expect "a Ctrl-D as telnet sends it" "" "$(say_and_end '\004')"
}

# Errors that keep the connection are followed by the answer to the next request, others by nothing.
errors() {
  local line
  for line in 'PUT 0 1\r\nx EMPTY_KEY' 'PUT 1 1 colour=red\r\nkv BAD_ARG' 'RANGE 0 0 limit=0\r\n BAD_ARG' \
    'BPUT 0\r\n BAD_ARG' 'PUT 1 1 if=absent\r\nkv CONFLICT'; do
    say "${line% *}"'PING\r\nQUIT\r\n' >out
    [ "$(sed -n '1s/^ERR \([A-Z_]*\) applied=no.*/\1/p' out)" = "${line##* }" ]
    expect "the connection stays after ${line##* }" $'OK\nOK bye' "$(tail -n +2 out)"
  done
  for line in 'FOO 1\r\nxPING\r\n BAD_VERB' 'PUT 3\r\nfooPING\r\n BAD_HEADER' 'PUT 03 1\r\nfoox BAD_HEADER' \
    'GET  3\r\nfoo BAD_HEADER' '@ PING\r\n BAD_HEADER' 'BPUT 1\r\nx 1\r\nab BAD_HEADER' 'BPUT 99999\r\n BATCH_TOO_LARGE'; do
    say "${line% *}" >out
    [ "$(sed -n 's/^ERR \([A-Z_]*\) applied=no.*/\1/p' out)" = "${line##* }" ]
    expect "one line after ${line##* }" 1 "$(wc -l <out)"
  done
  expect "a line without end" "ERR LINE_TOO_LONG applied=no max=4096" \
    "$(say '%s' "$(head -c 5000 /dev/zero | tr '\0' x)" | sed 's/ :.*//')"
  expect "a length that nobody has the memory for" "ERR VALUE_TOO_LARGE applied=no max=67108864" \
    "$(say 'PUT 1 9999999999\nk' | sed 's/ :.*//')"
}

other_protocols() {
  expect "HTTP" "HTTP/1.1 400 Bad Request" "$(say 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' | head -1 | tr -d '\r')"
  expect "TLS" "ERR WRONG_PROTOCOL applied=no" "$(say '\026\003\001\002\000\001' | sed 's/ :.*//')"
  # shellcheck disable=SC2016
  expect "RESP" $'+PONG\n+OK' "$(say '*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n' | tr -d '\r')"
}

# The payload does not come; the input stays open until the answer is there.
stalled_payload() {
  rm -f input
  mkfifo input
  exec 8<>input
  exec 9< <("$nc" "$host" "$port" <input 8>&-)
  printf 'PUT 5 100\nstall-and-no-more' >&8
  local line
  read -r line <&9
  exec 8>&- 9<&-
  expect "a payload that stalls" "ERR READ_TIMEOUT applied=no" "${line%% :*}"
  expect "nothing of it was stored" $'NOT_FOUND\nOK bye' "$(say 'GET 5\nstallQUIT\n')"
}

tried=0
for nc in nc.openbsd nc.traditional; do
  command -v "$nc" >/dev/null || continue
  half_close=(-N)
  [ "$nc" = nc.openbsd ] || half_close=(-q 1)
  verbs_by_hand
  half_close
  errors
  other_protocols
  stalled_payload
  tried=$((tried + 1))
  echo "$nc: passed"
done
[ "$tried" -gt 0 ] || { echo "neither nc.openbsd nor nc.traditional is installed"; exit 1; }
