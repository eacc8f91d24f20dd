#include "server/damage_log.hpp"

#include <fmt/format.h>

#include <map>

#include "base/log.hpp"

namespace mq::server {
namespace {

std::string text_of(const store::RecoveryDamage& damage) {
  using What = store::RecoveryDamage::What;
  switch (damage.what) {
    case What::kState: return "its numbers are damaged; all of its messages count as delivered before";
    case What::kIndex:
      return fmt::format("the index of page {} is damaged; the page was read for it, {} messages are in it", damage.page_first,
                         damage.messages);
    case What::kMarks:
      return fmt::format("the marks of page {} are damaged; up to {} messages that were settled come again", damage.page_first,
                         damage.messages);
    case What::kPage:
      return fmt::format("page {} cannot be read, nor its index; its messages{} are left out", damage.page_first,
                         damage.messages != 0 ? fmt::format(" ({})", damage.messages) : std::string());
    case What::kBook: return "the numbers of its delayed messages are damaged; they were counted anew";
  }
  return {};
}

}  // namespace

void DamageLog::tell(const engine::Broker& broker, const std::string& data_dir) const {
  if (found_.empty()) return;
  std::map<QueueId, std::string> names;
  for (const auto& vhost : broker.vhosts())
    for (const auto& queue : vhost->queues()) names[queue->id()] = fmt::format("queue '{}' in vhost '{}'", queue->name(), vhost->name());
  for (const store::RecoveryDamage& damage : found_) {
    const std::uint64_t level = damage.number % broker::kLogsPerQueue;
    const auto name = names.find(damage.number - level);
    log::error("{}{}: {}", name != names.end() ? name->second : fmt::format("number {}", damage.number),
               level != 0 ? fmt::format(", priority {}", level) : std::string(), text_of(damage));
  }
  log::error(
      "{} things in {} are damaged: with the broker stopped, `brokerctl store verify` tells more, `brokerctl store repair` mends them",
      found_.size(), data_dir);
}

}  // namespace mq::server
