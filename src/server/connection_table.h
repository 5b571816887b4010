#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace kv::server {

// The connections of one reactor by number. A number is never given twice, so that what comes back
// late for a connection that has ended is recognised. One thread.
template <class Connection>
class ConnectionTable {
 public:
  // The number of the connection to be added next.
  std::uint64_t next_id() const {
    const std::size_t index = free_.empty() ? entries_.size() : free_.back();
    const std::uint64_t use = index < entries_.size() ? entries_[index].use : 0;
    return use << 32 | index;
  }
  void add(std::shared_ptr<Connection> connection) {
    if (free_.empty()) {
      entries_.push_back({std::move(connection), 0});
    } else {
      entries_[free_.back()].connection = std::move(connection);
      free_.pop_back();
    }
    size_ += 1;
  }
  // Null: it has ended.
  std::shared_ptr<Connection> find(std::uint64_t id) const {
    const auto index = static_cast<std::uint32_t>(id);
    if (index >= entries_.size() || entries_[index].use != id >> 32) return nullptr;
    return entries_[index].connection;
  }
  void remove(std::uint64_t id) {
    if (find(id) == nullptr) return;
    Entry& entry = entries_[static_cast<std::uint32_t>(id)];
    entry.connection.reset();
    entry.use += 1;
    free_.push_back(static_cast<std::uint32_t>(id));
    size_ -= 1;
  }
  std::size_t size() const { return size_; }
  // visit(connection) may remove it.
  template <class Visit>
  void for_each(Visit visit) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (const auto connection = entries_[i].connection) visit(*connection);
    }
  }

 private:
  struct Entry {
    std::shared_ptr<Connection> connection;
    std::uint64_t use = 0;  // how many had this place before
  };

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
};

}  // namespace kv::server
