#include "engine/login_desk.hpp"

#include <cstring>

#include "base/log.hpp"

namespace mq::engine {
namespace {

constexpr std::size_t kMaxWaiting = 4096;  // checks; beyond, whoever comes is refused
constexpr Millis kPatienceMs = 10'000;     // whoever waited so long has gone away by now
constexpr std::size_t kVerifiedKept = 16384;
constexpr Millis kVerifiedLastsMs = 3600'000;
constexpr std::size_t kMaxLoggedBytes = 255;

void log_bar(const Login& login, const broker::LoginThrottle::Bar& bar) {
  if (bar.whole_network) log::warn("logins from {} are refused for {} ms: too many have failed", login.network, bar.ms);
  else
    log::warn("logins of user '{}' from {} are refused for {} ms: too many have failed", login.user.substr(0, kMaxLoggedBytes),
              login.network, bar.ms);
}

}  // namespace

broker::ScryptSalt draw_salt(Scheduler& scheduler) {
  broker::ScryptSalt salt{};
  for (std::size_t at = 0; at < salt.size(); at += sizeof(std::uint64_t)) {
    const std::uint64_t random = scheduler.random();
    std::memcpy(salt.data() + at, &random, sizeof random);
  }
  return salt;
}

LoginDesk::LoginDesk(Scheduler& scheduler, const broker::VerifiedLogins::Proof& proof_key, Users users)
    : scheduler_(scheduler), users_(std::move(users)), strand_(scheduler.make_blocking_strand("login")),
      verified_(proof_key, kVerifiedKept, kVerifiedLastsMs) {}

LoginDesk::~LoginDesk() = default;

void LoginDesk::set_options(const LoginOptions& options) {
  std::lock_guard lock(mutex_);
  options_ = options;
  throttle_.set_limits(options.throttle);
}

std::optional<Result<>> LoginDesk::log_in(Login login, const std::function<ReplyTo()>& reply_to) {
  auto check = std::make_shared<Check>();
  check->record = users_.record(login.user, login.loopback);
  check->login = std::move(login);
  std::lock_guard lock(mutex_);
  const Millis now = scheduler_.monotonic_now();
  Millis wait_ms = 0;
  if (counts(check->login)) {
    const auto verdict = throttle_.ask(check->login.network, check->login.user, now);
    if (verdict.refused) return Result<>(broker::login_refused(check->login.mechanism));
    wait_ms = verdict.wait_ms;
  }
  check->proof = verified_.proof(check->login.user, check->record, check->login.password);
  if (check->record.admitted && verified_.knows(check->proof, now)) return Result<>();
  if (const auto same = known_.find(check->proof); same != known_.end()) {
    same->second->waiters.push_back({reply_to(), check->login.mechanism});
    return std::nullopt;
  }
  if (known_.size() >= kMaxWaiting) {
    static log::Every every(10'000);
    if (auto skipped = every.pass())
      log::warn("logins are refused: {} wait to be checked ({} alike not reported)", known_.size(), *skipped);
    return Result<>(broker::login_refused(check->login.mechanism));
  }
  check->since = now;
  check->waiters.push_back({reply_to(), check->login.mechanism});
  known_.emplace(check->proof, check);
  if (wait_ms > 0) held_back_.emplace(now + wait_ms, std::move(check));
  else enqueue(std::move(check));
  wake();
  return std::nullopt;
}

void LoginDesk::enqueue(CheckPtr check) {
  auto& of_network = waiting_[check->login.network];
  if (of_network.empty()) turns_.push_back(check->login.network);
  of_network.push_back(std::move(check));
}

void LoginDesk::wake() {
  if (std::exchange(awake_, true)) return;
  strand_->post(shared_from_this());
}

LoginDesk::CheckPtr LoginDesk::next(Millis now) {
  while (!held_back_.empty() && held_back_.begin()->first <= now) {
    enqueue(std::move(held_back_.begin()->second));
    held_back_.erase(held_back_.begin());
  }
  if (turns_.empty()) return nullptr;
  std::string network = std::move(turns_.front());
  turns_.pop_front();
  const auto of_network = waiting_.find(network);
  CheckPtr check = std::move(of_network->second.front());
  of_network->second.pop_front();
  if (of_network->second.empty()) waiting_.erase(of_network);
  else turns_.push_back(std::move(network));
  return check;
}

// One check per turn of the strand.
void LoginDesk::run() {
  CheckPtr check;
  unsigned cost = 0;
  {
    std::lock_guard lock(mutex_);
    const Millis now = scheduler_.monotonic_now();
    check = next(now);
    cost = options_.password_cost;
    if (check == nullptr) {
      awake_ = false;
      if (held_back_.empty()) return;
      if (!timer_)
        timer_ = scheduler_.make_timer(strand_, [weak = weak_from_this()] {
          auto self = weak.lock();
          if (!self) return;
          std::lock_guard relock(self->mutex_);
          self->wake();
        });
      timer_->arm(scheduler_.now() + (held_back_.begin()->first - now));
      return;
    }
  }
  broker::LoginCheck result;
  if (scheduler_.monotonic_now() - check->since <= kPatienceMs)
    result = broker::check_login(check->record, check->login.password, cost, draw_salt(scheduler_));
  settle(check, std::move(result));
  strand_->post(shared_from_this());
}

std::vector<LoginDesk::Waiter> LoginDesk::take_waiters(Check& check, bool passed, Millis now) {
  std::lock_guard lock(mutex_);
  known_.erase(check.proof);
  if (passed) {
    verified_.add(check.proof, now);
    throttle_.succeeded(check.login.network, check.login.user);
  } else if (counts(check.login) && now - check.since <= kPatienceMs) {
    if (const auto bar = throttle_.failed(check.login.network, check.login.user, now)) log_bar(check.login, *bar);
  }
  return std::move(check.waiters);
}

void LoginDesk::settle(const CheckPtr& check, broker::LoginCheck result) {
  const Millis now = scheduler_.monotonic_now();
  if (!result.passed) log::warn("{}: login of user '{}' refused", check->login.peer, check->login.user.substr(0, kMaxLoggedBytes));
  std::optional<Proof> proof_of_better;
  if (result.better_hash) {
    const bool upgrade = [this] {
      std::lock_guard lock(mutex_);
      return options_.upgrade_hashes;
    }();
    if (upgrade) {
      const broker::LoginRecord better{*result.better_hash, broker::PasswordHashing::kScrypt, true};
      proof_of_better = verified_.proof(check->login.user, better, check->login.password);
      users_.replace_hash(check->login.user, check->record.password_hash, std::move(*result.better_hash));
    }
  }
  for (const Waiter& waiter : take_waiters(*check, result.passed, now)) {
    if (result.passed) waiter.reply.send(Answer{Done{}});
    else waiter.reply.send(broker::login_refused(waiter.mechanism));
  }
  if (!proof_of_better) return;
  std::lock_guard lock(mutex_);
  verified_.add(*proof_of_better, now);
}

}  // namespace mq::engine
