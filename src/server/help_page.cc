#include "server/help_page.h"

namespace kv::server {

std::string_view help_page() {
  return R"(A request is one line, then its payload: keys and values, one right after the other.
Each number on the line is the length in bytes of one of them. Lines end in LF or CRLF.

  PUT KEY_LEN VALUE_LEN [if=absent|present|VERSION] [sync=none|interval|disk] [ack=local|majority]
  GET KEY_LEN [LEVEL]
  DEL KEY_LEN [if=VERSION] [sync=...]
  BPUT COUNT [sync=...]        then COUNT times: KEY_LEN VALUE_LEN, a line end, key, value;
                               all of it or nothing
  SESSION                      opens one: OK session=S. A write with [session=S req=N
                               [done_below=N]], N from 1, is done once however often it comes
  RANGE START_LEN END_LEN [limit=1000] [max_bytes=N] [rev=1] [keys=1] [LEVEL]
                               END is exclusive; length 0: from the first, to the last
  PREFIX LEN [limit=1000] [max_bytes=N] [rev=1] [keys=1] [LEVEL]
                               LEVEL, in a cluster, where old will do: max_stale_ms=N, or
                               min_ver=N [timeout_ms=1000], at least all up to version N
  WAIT [ver=N] [epoch=E] [timeout_ms=1000]
                               answers when this server has all up to version N
  MERGE [wait=1] [rate=BYTES]  frees what overwrites and deletes left; MERGE do=pause|resume|stop
  VERIFY [rate=BYTES]          reads every byte of the data on the disk and says what is damaged
  BACKUP PATH_LEN [copy=1]     brings the backup in that directory of the server up to date
  INSPECT KEY_LEN              where the key lives on the disk, and what older versions are there
  CLUSTER [do=transfer|add|remove|campaign|compare] [node=N] [force=1]
                               which member of a cluster leads; has another one, or N, lead
  PING [LEN]    HELLO [v=1]    STATS [section=NAME] [fmt=text|json]    HELP    QUIT

@tag in front of any request comes back in front of its reply.

Type this, for example (Enter after a payload does no harm):

  PUT 5 5
  helloworld
  GET 5
  hello
  RANGE 0 0 limit=10
  QUIT

or from a shell:  printf 'GET 5\nhelloQUIT\n' | nc 127.0.0.1 7400

ERR CODE applied=no means that nothing was done; applied=maybe, that nobody knows.)";
}

}  // namespace kv::server
