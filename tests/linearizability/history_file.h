#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <string_view>

#include "kv/result.h"
#include "tests/linearizability/history.h"

namespace kv::linearizability {

// A history as text, one operation a line, in any order; files of several clients can be read one
// after the other into one history.
//
//   kv-history 1
//   # client call return  request = answer         (times in ns; return `-`: none ever came)
//   1 100 220 PUT k1 v1 = OK ver=5
//   2 150 300 GET k1 = VALUE v1 ver=5
//   2 310 390 GET k9 = NOT_FOUND
//   1 230 260 PUT k1 v2 if=absent = CONFLICT ver=5
//   1 270 - PUT k1 v3 if=5 ack=local = UNKNOWN
//   3 10 20 BPUT k2 a k3 b = OK ver=4
//   3 30 40 DEL k2 if=4 = FAILED NOT_LEADER
//   3 50 60 GET k2 read=session = VALUE a ver=4
//   leader 5000
//
//   request = "PUT" key value ["if=" ("absent" / "present" / version)] ["ack=local"]
//           / "DEL" key ["if=" version] ["ack=local"] / "BPUT" 1*(key value) ["ack=local"]
//           / "GET" key ["read=" ("session" / "stale")]
//   answer  = "OK" / "VALUE" value / "NOT_FOUND" / "CONFLICT" / "UNKNOWN" / "FAILED" [word]
//             all but the last with or without " ver=" version
//
// Words are separated by one blank. Keys and values are written as they are where they are visible
// ASCII; `""` is the empty one, other bytes, a backslash, a quote in front and a whole `=` or
// `ack=local` stand as \xNN. `leader` tells when a leader lost its place, or another got it. Empty
// lines and lines that begin with # are skipped.
inline constexpr std::string_view kHistoryHeader = "kv-history 1";

void write_history(std::ostream& out, const History& history);

// Adds what a file holds. A line that is not as above is refused: "NAME:LINE: what is wrong".
[[nodiscard]] Result<void> read_history(std::istream& in, const std::string& name,
                                        History& history);

// One line without its end, not a header, comment or empty; the context of an error is what is
// wrong.
[[nodiscard]] Result<void> read_line(std::string_view line, History& history);

}  // namespace kv::linearizability
