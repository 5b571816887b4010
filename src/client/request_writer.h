#pragma once

#include <string>
#include <string_view>

#include "kv/batch.h"
#include "kv/client.h"
#include "kv/options.h"
#include "kv/result.h"
#include "kv/store.h"

namespace kv::client {

// Appends one request in the protocol's spelling; a write as the session's request, if it is one.
void append_put(std::string& out, std::string_view key, std::string_view value,
                const WriteOptions& options);
// The header of a PUT alone, for values that are sent from where they are.
void append_put_header(std::string& out, std::size_t key_size, std::size_t value_size,
                       const WriteOptions& options, const SessionRequest& request = {});
void append_get(std::string& out, std::string_view key, const ReadOptions& level = {});
// The request's options that say so.
std::string level_text(const ReadOptions& level);
void append_del(std::string& out, std::string_view key, const WriteOptions& options,
                const SessionRequest& request = {});
// What BPUT can carry: puts only, and as many and as large as a server takes. kInvalidArgument.
[[nodiscard]] Result<void> check_batch(const Batch& batch);
// BPUT of a batch that was checked.
void append_batch(std::string& out, const Batch& batch, const WriteOptions& options,
                  const SessionRequest& request = {});
// One page of the range: at most `limit` items of at most `bytes_max` bytes (UINT64_MAX: whatever
// the server gives), in place of what the options say. The range is not empty.
void append_range(std::string& out, const RangeOptions& options, std::uint64_t limit,
                  std::uint64_t bytes_max, const ReadOptions& level = {});

}  // namespace kv::client
