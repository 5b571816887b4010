// How a conversation has the store verify itself and make backups: VERIFY and BACKUP.

#include "server/error_reply.h"
#include "server/native_conversation.h"
#include "server/upkeep_text.h"

namespace kv::server {

using protocol::Request;
using protocol::Verb;

class NativeConversation::UpkeepTask final : public TaskOf<NativeConversation> {
 public:
  UpkeepTask(Backend& backend, const Request& request, Time start)
      : backend_(backend),
        verb_(request.verb),
        directory_(request.key),
        rate_max_(request.rate_max),
        may_link_(!request.is_copy),
        is_json_(request.is_json),
        tag_(request.tag),
        start_(start) {}
  void run() override { text_ = verb_ == Verb::kVerify ? verify() : backup(); }
  void finish_in(NativeConversation& conversation) override {
    conversation.answer_text(verb_, tag_, text_, start_);
  }

 private:
  Result<std::string> verify() {
    VerifyOptions options;
    options.rate_max = rate_max_;
    return backend_.verify(options).map(
        [this](const VerifyReport& report) { return verified_text(report, is_json_); });
  }
  Result<std::string> backup() {
    if (!directory_.starts_with('/')) {
      return tl::unexpected(Error{
          Errc::kInvalidArgument, "BACKUP takes a path from / on, of the server's machine", {}});
    }
    BackupOptions options;
    options.rate_max = rate_max_;
    options.may_link = may_link_;
    return backend_.backup(directory_, options).map([this](const BackupSummary& summary) {
      return backed_up_text(summary, is_json_);
    });
  }

  Backend& backend_;
  const Verb verb_;
  const std::string directory_;
  const std::uint64_t rate_max_;
  const bool may_link_;
  const bool is_json_;
  const std::string tag_;
  const Time start_;
  Result<std::string> text_;
};

void NativeConversation::start_upkeep(const Request& request) {
  start_long(std::make_unique<UpkeepTask>(context_.backend, request, now_), request);
}

}  // namespace kv::server
