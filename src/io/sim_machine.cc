#include "io/sim_machine.h"

#include <fmt/format.h>

#include "base/check.h"

namespace kv::io {

namespace {

bool has_offset(SimOperation operation) {
  return operation == SimOperation::kRead || operation == SimOperation::kWrite;
}

bool matches(const SimFault& fault, const SimCall& call) {
  if (call.operation == SimOperation::kLook) return false;
  const bool is_right = fault.operation == SimOperation::kAnyChange
                            ? is_change(call.operation)
                            : fault.operation == call.operation;
  if (!is_right || call.path.find(fault.path_part) == std::string::npos) return false;
  if (!has_offset(call.operation)) return true;
  // Both ends without overflow: fault.size may be as large as can be.
  if (fault.offset >= call.offset) return fault.offset - call.offset < call.size;
  return call.offset - fault.offset < fault.size;
}

std::string place_of(const SimCall& call) {
  if (!has_offset(call.operation)) return call.context;
  return fmt::format("{} at {}", call.context, call.offset);
}

Error off(const std::string& context) {
  return {Errc::kIo, context + ": the machine is off", std::make_error_code(std::errc::io_error)};
}

}  // namespace

std::optional<Error> SimMachine::find_off(const std::string& context, std::uint64_t boot) const {
  if (boot == boot_ && (is_on_ || do_reads_outlive_power_)) return std::nullopt;
  return off(context);
}

std::optional<SimRefusal> SimMachine::start(const SimCall& call, std::uint64_t boot) {
  if (auto error = find_off(place_of(call), boot)) {
    return SimRefusal{SimRefusal::Reason::kIsOff, std::move(*error)};
  }
  if (!is_on_) {
    if (!is_change(call.operation)) return std::nullopt;
    return SimRefusal{SimRefusal::Reason::kIsOff, off(place_of(call))};
  }
  if (loses_power(call)) {
    lose_power();
    last_words_ = place_of(call);
    return SimRefusal{SimRefusal::Reason::kPowerLost, off(last_words_)};
  }
  ++operations_;
  if (is_change(call.operation)) ++changes_;
  return fail_by_plan(call);
}

bool SimMachine::loses_power(const SimCall& call) {
  if (hook_ && hook_(call)) return true;
  if (!left_ || !is_change(call.operation)) return false;
  return (*left_)-- == 0;
}

std::optional<SimRefusal> SimMachine::fail_by_plan(const SimCall& call) {
  std::optional<SimRefusal> refusal;
  if (are_faults_held_) return refusal;
  for (SimFault& fault : faults_) {
    if (fault.count == 0 || !matches(fault, call)) continue;
    if (fault.after > 0) {
      --fault.after;
      continue;
    }
    if (refusal) continue;  // one failure is enough; the others wait for the next operation
    if (fault.count != UINT64_MAX) --fault.count;
    const bool is_full = fault.error == std::errc::no_space_on_device;
    refusal = {
        fault.is_short ? SimRefusal::Reason::kShort : SimRefusal::Reason::kFault,
        {is_full ? Errc::kNoSpace : Errc::kIo, place_of(call), std::make_error_code(fault.error)}};
  }
  return refusal;
}

void SimMachine::lose_power() {
  is_on_ = false;
  left_.reset();
}

void SimMachine::restart() {
  KV_CHECK(!is_on_);
  is_on_ = true;
  ++boot_;
  last_words_.clear();
}

}  // namespace kv::io
