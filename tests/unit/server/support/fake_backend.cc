#include "fake_backend.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace kv::test {

class FakeBackend::FakeCursor final : public server::BackendCursor {
 public:
  FakeCursor(const FakeBackend& backend, RangeOptions options)
      : backend_(backend), options_(std::move(options)) {
    for (const auto& [key, value] : backend.values_) {
      if (key < options_.start || (options_.end && key >= *options_.end)) continue;
      items_.push_back({key, options_.is_keys_only ? "" : value.bytes,
                        options_.is_keys_only ? 0 : value.version});
    }
    if (options_.is_reverse) items_ = {items_.rbegin(), items_.rend()};
  }

  [[nodiscard]] Result<Cursor::Step> next(ReadMode mode) override {
    const_cast<FakeBackend&>(backend_).cursor_steps += 1;
    if (at_ == items_.size()) return Cursor::Step::kEnd;
    const Item& next = items_[at_];
    const std::size_t size = next.key.size() + next.value.size();
    has_more_ = at_ >= options_.limit || (at_ > 0 && bytes_ + size > options_.bytes_max);
    if (has_more_) return Cursor::Step::kEnd;
    if (backend_.cold.contains(next.key)) {
      if (mode == ReadMode::kNoWait) return Cursor::Step::kWouldBlock;
      backend_.on_cold_read();
    }
    if (const auto error = backend_.read_errors.find(next.key);
        error != backend_.read_errors.end()) {
      return tl::unexpected(error->second);
    }
    item_ = next;
    bytes_ += size;
    at_ += 1;
    return Cursor::Step::kItem;
  }
  std::uint64_t read_size() override {
    const bool reads = at_ < items_.size() && at_ < options_.limit && !options_.is_keys_only;
    return reads ? items_[at_].key.size() + items_[at_].value.size() : 0;
  }
  Item& item() override { return item_; }
  bool has_more() const override { return has_more_; }

 private:
  const FakeBackend& backend_;
  RangeOptions options_;
  std::vector<Item> items_;
  std::size_t at_ = 0;
  std::uint64_t bytes_ = 0;
  bool has_more_ = false;
  Item item_;
};

void FakeBackend::set(const std::string& key, std::string value) {
  version_ += 1;
  values_[key] = {std::move(value), version_};
}

Result<std::optional<Value>> FakeBackend::get(std::string_view key, ReadMode mode) const {
  if (const auto error = read_errors.find(key); error != read_errors.end()) {
    return tl::unexpected(error->second);
  }
  const auto found = values_.find(key);
  if (found == values_.end()) return std::nullopt;
  if (cold.contains(key)) {
    if (mode == ReadMode::kNoWait) return tl::unexpected(Error{Errc::kWouldBlock, "cold", {}});
    on_cold_read();
  }
  return found->second;
}

void FakeBackend::get_many(std::span<const std::string_view> keys, ReadMode mode,
                           ReadListener& listener) const {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto value = get(keys[i], mode);
    if (!listener.on_read(i, value.map(&view_of))) return;
  }
}

std::uint64_t FakeBackend::read_size(std::string_view key) const {
  const auto found = values_.find(key);
  return found == values_.end() ? 0 : key.size() + found->second.bytes.size();
}

std::unique_ptr<server::BackendCursor> FakeBackend::range(RangeOptions options) const {
  return std::make_unique<FakeCursor>(*this, std::move(options));
}

void FakeBackend::submit(const Write& write, WriteListener& listener, WriteTag tag) {
  const bool is_reserved =
      is_reserved_key(write.key) ||
      (write.batch != nullptr &&
       std::ranges::any_of(write.batch->operations(), &is_reserved_key, &Batch::Operation::key));
  if (is_reserved) {
    return listener.on_written(
        tag, tl::unexpected(Error{Errc::kInvalidArgument, "arg=key is reserved", {}}));
  }
  if (const auto error = write_errors.find(write.key); error != write_errors.end()) {
    listener.on_written(tag, tl::unexpected(error->second));  // refused at once
    return;
  }
  submitted_.push_back({write.kind, std::string(write.key), std::string(write.value),
                        write.batch == nullptr ? Batch() : *write.batch, write.options.condition,
                        write.update, write.session, write.options.ack, &listener, tag});
}

void FakeBackend::flush(ReadMode) {
  flushes += 1;
  if (acknowledges_at_flush) acknowledge_all();
}

void FakeBackend::acknowledge_all() {
  while (!submitted_.empty()) acknowledge(0);
}

void FakeBackend::acknowledge(std::size_t index) {
  const Submitted write = submitted_[index];
  submitted_.erase(submitted_.begin() + static_cast<std::ptrdiff_t>(index));
  auto result = apply(write);
  if (result) result->local_epoch = local_epoch;
  write.listener->on_written(write.tag, std::move(result));
}

std::optional<Error> FakeBackend::judge(const Submitted& write) const {
  const auto found = values_.find(write.key);
  const Version version = found == values_.end() ? 0 : found->second.version;
  bool holds = true;
  switch (write.condition.kind) {
    case Condition::Kind::kAlways:
      break;
    case Condition::Kind::kAbsent:
      holds = version == 0;
      break;
    case Condition::Kind::kPresent:
      holds = version != 0;
      break;
    case Condition::Kind::kVersion:
      holds = version == write.condition.version ||
              (version == 0 && write.kind == Write::Kind::kDelete);
      break;
  }
  if (holds) return std::nullopt;
  return Error{
      Errc::kConflict, "ver=" + std::to_string(version) + " the condition does not hold", {}};
}

Result<WriteResult> FakeBackend::update(const Submitted& write) {
  const auto found = values_.find(write.key);
  std::optional<std::string_view> current;
  if (found != values_.end()) current = found->second.bytes;
  std::string next;
  const auto action = write.update->apply(current, next);
  if (!action) return tl::unexpected(action.error());
  const bool writes =
      *action == ValueUpdate::Action::kPut || (*action == ValueUpdate::Action::kDelete && current);
  if (!writes) return WriteResult{0, false};
  version_ += 1;
  if (*action == ValueUpdate::Action::kPut) {
    values_[write.key] = {std::move(next), version_};
  } else {
    values_.erase(write.key);
  }
  return WriteResult{version_, true};
}

Result<WriteResult> FakeBackend::apply_in_session(const Submitted& write) {
  newest_ack = write.ack;
  const SessionRequest request = write.session;
  const auto session = sessions_.find(request.session);
  if (session == sessions_.end()) return tl::unexpected(Error{Errc::kSessionExpired, "no", {}});
  auto& requests = session->second;
  if (const auto known = requests.find(request.number); known != requests.end()) {
    auto result = known->second;
    if (result) result->is_repeat = true;
    return result;
  }
  Submitted once = write;
  once.session = {};
  return requests.emplace(request.number, apply(once)).first->second;
}

Result<WriteResult> FakeBackend::apply(const Submitted& write) {
  if (write.kind == Write::Kind::kOpenSession) {
    newest_session = write.session.session;
    sessions_[newest_session];
    version_ += 1;
    return WriteResult{version_, true};
  }
  if (write.session.session != 0) return apply_in_session(write);
  if (write.kind == Write::Kind::kUpdate) return update(write);
  if (auto conflict = judge(write)) return tl::unexpected(std::move(*conflict));
  if (write.kind == Write::Kind::kDelete && !values_.contains(write.key)) {
    return WriteResult{0, false};
  }
  version_ += 1;
  if (write.kind == Write::Kind::kPut) values_[write.key] = {write.value, version_};
  if (write.kind == Write::Kind::kDelete) values_.erase(write.key);
  for (const Batch::Operation& operation : write.batch.operations()) {
    values_[operation.key] = {operation.value, version_};
  }
  return WriteResult{version_, true};
}

}  // namespace kv::test
