#include "server/resp_update.h"

#include <charconv>

namespace kv::server {

namespace {

using protocol::RespVersion;

class SetUpdate final : public RespUpdate {
 public:
  SetUpdate(std::string_view value, SetRules rules) : value_(value), rules_(rules) {}
  Result<Action> apply(std::optional<std::string_view> current, std::string& next) override {
    if (current && rules_.reply == SetRules::Reply::kOldValue) old_value_ = *current;
    had_value_ = current.has_value();
    const bool fits = rules_.only == SetRules::Only::kAlways ||
                      (rules_.only == SetRules::Only::kPresent) == had_value_;
    was_set_ = fits;
    if (!fits) return Action::kNothing;
    next = std::move(value_);
    return Action::kPut;
  }
  void reply(std::string& out, RespVersion version) const override {
    switch (rules_.reply) {
      case SetRules::Reply::kOk:
        was_set_ ? protocol::append_simple(out, "OK") : protocol::append_null(out, version);
        return;
      case SetRules::Reply::kOldValue:
        had_value_ ? protocol::append_bulk(out, old_value_) : protocol::append_null(out, version);
        return;
      case SetRules::Reply::kNumber:
        protocol::append_integer(out, was_set_ ? 1 : 0);
        return;
    }
  }

 private:
  std::string value_;
  const SetRules rules_;
  std::string old_value_;
  bool had_value_ = false;
  bool was_set_ = false;
};

class GetdelUpdate final : public RespUpdate {
 public:
  Result<Action> apply(std::optional<std::string_view> current, std::string&) override {
    if (!current) return Action::kNothing;
    value_ = std::string(*current);
    return Action::kDelete;
  }
  void reply(std::string& out, RespVersion version) const override {
    value_ ? protocol::append_bulk(out, *value_) : protocol::append_null(out, version);
  }

 private:
  std::optional<std::string> value_;
};

class IncrementUpdate final : public RespUpdate {
 public:
  explicit IncrementUpdate(std::int64_t by) : by_(by) {}
  Result<Action> apply(std::optional<std::string_view> current, std::string& next) override {
    const auto number = current ? resp_integer(*current) : std::optional<std::int64_t>(0);
    if (!number) {
      return tl::unexpected(
          Error{Errc::kInvalidArgument, "value is not an integer or out of range", {}});
    }
    if (__builtin_add_overflow(*number, by_, &sum_)) {
      return tl::unexpected(
          Error{Errc::kInvalidArgument, "increment or decrement would overflow", {}});
    }
    next = std::to_string(sum_);
    return Action::kPut;
  }
  void reply(std::string& out, RespVersion) const override { protocol::append_integer(out, sum_); }

 private:
  const std::int64_t by_;
  std::int64_t sum_ = 0;
};

class AppendUpdate final : public RespUpdate {
 public:
  explicit AppendUpdate(std::string_view tail) : tail_(tail) {}
  Result<Action> apply(std::optional<std::string_view> current, std::string& next) override {
    const std::string_view before = current.value_or(std::string_view());
    next.reserve(before.size() + tail_.size());
    next.append(before).append(tail_);
    size_ = next.size();
    return Action::kPut;
  }
  void reply(std::string& out, RespVersion) const override {
    protocol::append_integer(out, static_cast<std::int64_t>(size_));
  }

 private:
  const std::string tail_;
  std::size_t size_ = 0;
};

}  // namespace

std::unique_ptr<RespUpdate> make_set(std::string_view value, SetRules rules) {
  return std::make_unique<SetUpdate>(value, rules);
}
std::unique_ptr<RespUpdate> make_getdel() { return std::make_unique<GetdelUpdate>(); }
std::unique_ptr<RespUpdate> make_increment(std::int64_t by) {
  return std::make_unique<IncrementUpdate>(by);
}
std::unique_ptr<RespUpdate> make_append(std::string_view tail) {
  return std::make_unique<AppendUpdate>(tail);
}

std::optional<std::int64_t> resp_integer(std::string_view text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  const bool is_canonical = digits == "0" ? digits.size() == text.size() : digits[0] != '0';
  return is_canonical ? std::optional(number) : std::nullopt;
}

}  // namespace kv::server
