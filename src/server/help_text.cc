#include "server/help_text.h"

namespace kv::server {

std::string_view help_text() {
  return R"(kv speaks text headers and raw bytes. A number is the length of what follows, in bytes.

  PUT k v [if=absent|present|VERSION] [sync=none|interval|disk]   then key and value
  GET k                                                          then key
  DEL k [if=VERSION] [sync=..]                                   then key
  BPUT n [sync=..]                                               then n times: "k v", line end, key, value
  RANGE s e [limit=1000] [max_bytes=..] [rev=1] [keys=1]         then start and end (0: open)
  PREFIX p [limit=..] [max_bytes=..] [rev=1] [keys=1]            then the prefix
  PING [n]    HELLO    STATS [fmt=text|json] [section=..]    HELP    QUIT

Examples:
  PUT 3 5
  foohello                    OK ver=1
  GET 3
  foo                         VALUE 5 ver=1, then hello

@word in front of a verb comes back in front of its reply. Errors read
ERR CODE applied=no|maybe [fields] :text; applied=maybe means that the outcome is not known.)";
}

}  // namespace kv::server
