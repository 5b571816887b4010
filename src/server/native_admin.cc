// How a conversation has the store and the cluster looked after: MERGE, INSPECT and CLUSTER.

#include "protocol/reply.h"
#include "server/admin_text.h"
#include "server/cluster_member.h"
#include "server/error_reply.h"
#include "server/native_conversation.h"

namespace kv::server {

using protocol::ClusterAction;
using protocol::MergeAction;
using protocol::Request;
using protocol::Verb;

class NativeConversation::AwaitedMerge final : public MergeTask {
 public:
  AwaitedMerge(const Request& request, Time start) : tag_(request.tag), start_(start) {}
  void finish(Conversation& conversation) override {
    static_cast<NativeConversation&>(conversation).answer_merge(tag_, outcome, start_);
  }

 private:
  const std::string tag_;
  const Time start_;
};

class NativeConversation::InspectTask final : public TaskOf<NativeConversation> {
 public:
  InspectTask(const Backend& backend, const Request& request, Time start)
      : backend_(backend),
        key_(request.key),
        is_json_(request.is_json),
        tag_(request.tag),
        start_(start) {}
  void run() override { found_ = backend_.inspect(key_); }
  void finish_in(NativeConversation& conversation) override {
    conversation.answer_text(Verb::kInspect, tag_, found_.map([this](const Inspection& found) {
      return inspection_text(found, is_json_);
    }),
                             start_);
  }

 private:
  const Backend& backend_;
  const std::string key_;
  const bool is_json_;
  const std::string tag_;
  const Time start_;
  Result<Inspection> found_;
};

// What waits for the replica, whose disk may be slow.
class NativeConversation::ClusterTask final : public TaskOf<NativeConversation> {
 public:
  ClusterTask(ClusterMember& member, const Request& request, Time start)
      : member_(member),
        action_(request.cluster_action),
        is_forced_(request.is_forced),
        newcomer_{request.node_id.value_or(0), request.node_uuid, std::string(request.peer_address),
                  std::string(request.client_address)},
        tag_(request.tag),
        start_(start) {}
  void run() override {
    if (action_ == ClusterAction::kCompare) {
      text_ = member_.compare().map(
          [](std::uint64_t version) { return "compare: begun ver=" + std::to_string(version); });
      return;
    }
    text_ = act().map([this]() -> std::string {
      if (action_ == ClusterAction::kCampaign) return "campaign: begun";
      return action_ == ClusterAction::kAdd ? "add: begun" : "remove: begun";
    });
    if (text_ || text_.error().code != Errc::kInvalidArgument) return;
    text_.error().context.insert(0, action_ == ClusterAction::kCampaign ? "arg=do " : "arg=node ");
  }
  void finish_in(NativeConversation& conversation) override {
    conversation.answer_text(Verb::kCluster, tag_, text_, start_);
  }

 private:
  Result<void> act() {
    if (action_ == ClusterAction::kCampaign) return member_.campaign();
    if (action_ == ClusterAction::kAdd) return member_.add(newcomer_);
    return member_.remove(newcomer_.node_id, is_forced_);
  }

  ClusterMember& member_;
  const ClusterAction action_;
  const bool is_forced_;
  const ClusterMember::Newcomer newcomer_;
  const std::string tag_;
  const Time start_;
  Result<std::string> text_;
};

void NativeConversation::merge(const Request& request) {
  switch (request.merge_action) {
    case MergeAction::kNow:
      start_merge(request);
      return;
    case MergeAction::kPause:
      context_.backend.pause_merges();
      return answer_text(Verb::kMerge, request.tag, "merge: paused", now_);
    case MergeAction::kResume:
      context_.backend.resume_merges();
      return answer_text(Verb::kMerge, request.tag, "merge: resumed", now_);
    case MergeAction::kStop:
      context_.backend.stop_merge();
      return answer_text(Verb::kMerge, request.tag, "merge: stopping", now_);
  }
}

void NativeConversation::start_merge(const Request& request) {
  std::unique_ptr<MergeTask> task;
  if (request.is_wait) task = std::make_unique<AwaitedMerge>(request, now_);
  const auto ticket = context_.slow_work.start_merge(id_, task, request.rate_max);
  if (!ticket) {
    refuse_later(request.verb, kRetryQueue);
  } else if (request.is_wait) {
    awaits_slow_task_ = true;
  } else {
    answer_text(Verb::kMerge, request.tag, begun_text(*ticket), now_);
  }
}

void NativeConversation::answer_merge(std::string_view tag, const Result<MergeSummary>& outcome,
                                      Time start) {
  answer_text(Verb::kMerge, tag,
              outcome.map([](const MergeSummary& summary) { return merged_text(summary); }), start);
}

void NativeConversation::start_inspect(const Request& request) {
  start_long(std::make_unique<InspectTask>(context_.backend, request, now_), request);
}

void NativeConversation::tend_cluster(const Request& request) {
  if (request.cluster_action == ClusterAction::kStatus) return start_stats(request);
  if (context_.cluster == nullptr) {
    const Error alone{Errc::kInvalidArgument, "arg=do this server is no member of a cluster", {}};
    return answer_text(Verb::kCluster, request.tag, tl::unexpected(alone), now_);
  }
  if (request.cluster_action != ClusterAction::kTransfer) {
    return start_slow(std::make_unique<ClusterTask>(*context_.cluster, request, now_),
                      Verb::kCluster);
  }
  auto begun = context_.cluster->transfer(request.node_id.value_or(0));
  if (!begun && begun.error().code == Errc::kInvalidArgument) {
    begun.error().context.insert(0, "arg=node ");
  }
  answer_text(Verb::kCluster, request.tag, begun.map([] { return "transfer: begun"; }), now_);
}

void NativeConversation::answer_text(Verb verb, std::string_view tag,
                                     const Result<std::string>& text, Time start) {
  // What has changed the store has been done, and is told; reading again does no harm.
  if (verb == Verb::kInspect && text && !try_hold_output(text->size())) {
    refuse_later(verb, kRetryMemory);
    return;
  }
  if (text) {
    protocol::append_info(output_.text(), tag, *text);
  } else {
    append_store_error(output_.text(), tag, text.error());
    count_error(verb);
  }
  count(verb, start);
}

}  // namespace kv::server
