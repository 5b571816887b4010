# shellcheck shell=bash
# For the tests in bash, to be sourced: end_servers KV DIR ... ends whatever server has one of the data directories. One that
# has none, or ends by itself meanwhile, is as good as ended, so nothing in here fails.
end_servers() {
  local kv=$1 data pid
  shift
  for data in "$@"; do
    pid=$("$kv" status --data "$data" --pid 2>/dev/null || true)
    [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
  done
}
