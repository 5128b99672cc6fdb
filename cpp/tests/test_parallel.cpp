// parallel_for: every piece once, exceptions, polling.
#include "boxel/parallel.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "check.hpp"

namespace boxel::test {
namespace {

constexpr int most_workers = 8;

// How often each piece was done, and whether all workers' numbers were in range.
class Tally {
 public:
  explicit Tally(std::int64_t pieces) : times_(static_cast<std::size_t>(pieces)) {}

  void done(std::int64_t piece, int worker, int workers) {
    ++times_[static_cast<std::size_t>(piece)];
    if (worker < 0 || worker >= workers) in_range_ = false;
  }
  bool each_once() const {
    for (const auto& times : times_) {
      if (times != 1) return false;
    }
    return true;
  }
  std::int64_t total() const {
    std::int64_t sum = 0;
    for (const auto& times : times_) sum += times;
    return sum;
  }
  bool in_range() const { return in_range_; }

 private:
  std::vector<std::atomic<int>> times_;
  std::atomic<bool> in_range_{true};
};

}  // namespace

TEST(parallel_for_does_every_piece_once) {
  for (int workers = 1; workers <= most_workers; ++workers) {
    for (const std::int64_t pieces : {0, 1, 2, 7, 8, 9, 1000}) {
      Tally tally(pieces);
      parallel_for(pieces, workers,
                   [&](std::int64_t piece, int worker) { tally.done(piece, worker, workers); }, {});
      CHECK(tally.each_once(), workers, pieces);
      CHECK(tally.in_range(), workers, pieces);
    }
  }
}

TEST(parallel_for_gives_each_worker_its_own_number) {
  for (int workers = 1; workers <= most_workers; ++workers) {
    // Without a data race only if no two threads share a number.
    std::vector<std::int64_t> sums(static_cast<std::size_t>(workers) * 16);
    parallel_for(500, workers,
                 [&](std::int64_t piece, int worker) {
                   sums[static_cast<std::size_t>(worker) * 16] += piece;
                 },
                 {});
    std::int64_t total = 0;
    for (const std::int64_t sum : sums) total += sum;
    CHECK_EQ(total, 500 * 499 / 2, workers);
  }
}

TEST(parallel_for_rethrows_the_exception_of_any_worker) {
  for (int workers = 1; workers <= most_workers; ++workers) {
    for (const std::int64_t bad : {0, 3, 99}) {
      Tally tally(100);
      const auto body = [&](std::int64_t piece, int worker) {
        tally.done(piece, worker, workers);
        if (piece == bad) throw std::domain_error("piece " + std::to_string(piece));
      };
      CHECK_THROWS(parallel_for(100, workers, body, {}), std::domain_error,
                   "piece " + std::to_string(bad));
      CHECK(tally.total() <= 100, workers);
    }
  }
}

TEST(parallel_for_stops_after_an_exception) {
  Tally tally(1000);
  const auto body = [&](std::int64_t piece, int worker) {
    tally.done(piece, worker, 1);
    if (piece == 10) throw std::bad_alloc();
  };
  CHECK_THROWS(parallel_for(1000, 1, body, {}), std::bad_alloc, "");
  CHECK_EQ(tally.total(), 11);
}

TEST(parallel_for_survives_exceptions_of_all_workers) {
  for (int workers = 1; workers <= most_workers; ++workers) {
    const auto body = [](std::int64_t, int) { throw std::runtime_error("each one"); };
    CHECK_THROWS(parallel_for(50, workers, body, {}), std::runtime_error, "each one");
  }
}

namespace {

// A helper is in the middle of a piece until the caller polls for the second time: the first poll
// ends its own piece.
template <class OnPoll>
void poll_while_waiting(OnPoll on_poll) {
  std::atomic<bool> begun{false};
  std::atomic<bool> polled{false};
  const auto until = [](const std::atomic<bool>& flag) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!flag && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    CHECK(flag);
  };
  const auto body = [&](std::int64_t, int worker) {
    if (worker == 0) return until(begun);
    begun = true;
    until(polled);
  };
  int polls = 0;
  parallel_for(2, 2, body, [&] {
    if (++polls < 2) return;
    polled = true;
    on_poll();
  });
}

}  // namespace

TEST(parallel_for_polls_while_the_caller_waits) {
  poll_while_waiting([] {});
}

TEST(parallel_for_rethrows_what_a_poll_throws_while_the_caller_waits) {
  CHECK_THROWS(poll_while_waiting([] { throw std::domain_error("stop"); }), std::domain_error,
               "stop");
}

TEST(parallel_for_polls_on_the_calling_thread_only) {
  const std::thread::id caller = std::this_thread::get_id();
  for (int workers = 1; workers <= most_workers; ++workers) {
    std::int64_t polls = 0;
    bool elsewhere = false;
    const Poll poll = [&] {
      ++polls;
      elsewhere |= std::this_thread::get_id() != caller;
    };
    std::atomic<std::int64_t> by_caller{0};
    parallel_for(
        200, workers, [&](std::int64_t, int worker) { by_caller += worker == 0 ? 1 : 0; }, poll);
    CHECK(!elsewhere, workers);
    CHECK(polls >= by_caller.load(), workers);
  }
}

TEST(parallel_for_stops_when_the_poll_throws) {
  for (int workers = 1; workers <= most_workers; ++workers) {
    std::atomic<std::int64_t> by_caller{0};
    const auto body = [&](std::int64_t, int worker) {
      if (worker == 0) ++by_caller;
      // The others leave work for the caller, whose poll is to be seen.
      while (by_caller == 0) std::this_thread::yield();
    };
    const Poll poll = [] { throw std::runtime_error("interrupted"); };
    CHECK_THROWS(parallel_for(1000, workers, body, poll), std::runtime_error, "interrupted");
    CHECK_EQ(by_caller.load(), 1, workers);
  }
}

TEST(parallel_for_can_be_nested_and_called_from_many_threads) {
  std::atomic<std::int64_t> total{0};
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&] {
        parallel_for(10, 3,
                     [&](std::int64_t, int) {
                       parallel_for(5, 2, [&](std::int64_t piece, int) { total += piece; }, {});
                     },
                     {});
      });
    }
  }
  CHECK_EQ(total.load(), 4 * 10 * 10);
}

TEST(usable_workers_is_at_least_one) { CHECK(usable_workers() >= 1, usable_workers()); }

}  // namespace boxel::test
