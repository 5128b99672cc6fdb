#include "boxel/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

namespace boxel {
namespace {

int affinity_workers() {
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

// A container may own many cores and be granted the time of few.
double quota_workers() {
  std::ifstream v2("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (v2 >> quota >> period && quota != "max" && period > 0) {
    return std::strtod(quota.c_str(), nullptr) / period;
  }
  std::ifstream v1_quota("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream v1_period("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  double microseconds = 0;
  if (v1_quota >> microseconds && v1_period >> period && microseconds > 0 && period > 0) {
    return microseconds / period;
  }
  return INFINITY;
}

}  // namespace

int usable_workers() {
  const int workers = affinity_workers();
  const double quota = std::ceil(quota_workers());
  return quota < workers ? std::max(1, static_cast<int>(quota)) : workers;
}

namespace {

// How often a caller looks up that has nothing left to do but wait.
constexpr auto wait_interval = std::chrono::milliseconds(20);

class Team {
 public:
  Team(std::int64_t pieces, const std::function<void(std::int64_t, int)>& body)
      : pieces_(pieces), body_(body) {}

  void work(int worker, const Poll* poll) noexcept {
    while (!stopped_.load(std::memory_order_relaxed)) {
      const std::int64_t piece = next_.fetch_add(1, std::memory_order_relaxed);
      if (piece >= pieces_) return;
      try {
        body_(piece, worker);
        if (poll && *poll) (*poll)();
      } catch (...) {
        fail(std::current_exception());
      }
    }
  }

  // Around the work of a thread other than the caller's.
  void join() {
    const std::lock_guard lock(mutex_);
    ++helpers_;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    --helpers_;
    alone_.notify_one();
  }

  // Until all helpers have left. The caller still hears what should stop them.
  void wait(const Poll& poll) noexcept {
    std::unique_lock lock(mutex_);
    while (!alone_.wait_for(lock, wait_interval, [this] { return helpers_ == 0; })) {
      if (!poll || stopped_) continue;
      lock.unlock();
      try {
        poll();
      } catch (...) {
        fail(std::current_exception());
      }
      lock.lock();
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void fail(std::exception_ptr error) noexcept {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    stopped_.store(true, std::memory_order_relaxed);
  }

  std::int64_t pieces_;
  const std::function<void(std::int64_t, int)>& body_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<bool> stopped_{false};
  std::mutex mutex_;
  std::condition_variable alone_;
  std::int64_t helpers_ = 0;
  std::exception_ptr error_;
};

// Read when the module is loaded, so that no call waits for it.
const int usable_at_import = usable_workers();

// Threads beside their callers, in the whole process. Many callers at once, as in a pool, would
// otherwise have so many each.
std::atomic<std::int64_t> lent_helpers{0};

#ifndef _WIN32
// A fork takes none of them along.
[[maybe_unused]] const int forgets_helpers =
    pthread_atfork(nullptr, nullptr, [] { lent_helpers = 0; });
#endif

// Some of the helpers that a call wants, while it lasts.
class Helpers {
 public:
  Helpers(std::int64_t wanted, int workers) {
    if (wanted <= 0) return;
    const std::int64_t most = std::max(workers, usable_at_import) - 1;
    std::int64_t lent = lent_helpers.load();
    do {
      count_ = std::clamp<std::int64_t>(most - lent, 0, wanted);
    } while (count_ > 0 && !lent_helpers.compare_exchange_weak(lent, lent + count_));
  }
  ~Helpers() {
    if (count_ > 0) lent_helpers -= count_;
  }
  Helpers(const Helpers&) = delete;
  Helpers& operator=(const Helpers&) = delete;

  std::int64_t count() const { return count_; }

 private:
  std::int64_t count_ = 0;
};

}  // namespace

void parallel_for(std::int64_t pieces, int workers,
                  const std::function<void(std::int64_t, int)>& body, const Poll& poll) {
  Team team(pieces, body);
  {
    const Helpers helpers(std::min<std::int64_t>(workers, pieces) - 1, workers);
    std::vector<std::jthread> threads;
    threads.reserve(static_cast<std::size_t>(helpers.count()));
    for (int worker = 1; worker <= helpers.count(); ++worker) {
      team.join();
      try {
        threads.emplace_back([&team, worker] {
          team.work(worker, nullptr);
          team.leave();
        });
      } catch (const std::system_error&) {
        team.leave();
        break;  // The system gives no more threads: those there are do the work.
      }
    }
    team.work(0, &poll);
    team.wait(poll);
  }
  team.rethrow();
}

}  // namespace boxel
