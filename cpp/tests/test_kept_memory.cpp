// Memory that is kept for the next result.
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "boxel/kept_memory.hpp"
#include "check.hpp"

namespace boxel::test {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

bool is_aligned(const void* data) {
  return reinterpret_cast<std::uintptr_t>(data) % cache_line == 0;
}

}  // namespace

TEST(memory_is_taken_up_again) {
  KeptMemory memory;
  void* first = memory.allocate(3 * mebibyte);
  CHECK(is_aligned(first));
  CHECK_EQ(KeptMemory::size_of(first), 3 * mebibyte);
  std::memset(first, 1, 3 * mebibyte);
  memory.free(first);
  CHECK_EQ(memory.held(), 3 * mebibyte);
  void* second = memory.allocate(3 * mebibyte - 100);
  CHECK(second == first);
  // What it could hold, not what was asked for this time.
  CHECK_EQ(KeptMemory::size_of(second), 3 * mebibyte);
  CHECK_EQ(memory.held(), 0U);
  memory.free(second);
  memory.free(nullptr);
  memory.set_limit(0);
  CHECK_EQ(memory.held(), 0U);
  CHECK_EQ(memory.limit(), 0U);
}

TEST(memory_beyond_the_limit_is_given_back) {
  KeptMemory memory;
  memory.set_limit(5 * mebibyte);
  std::vector<void*> blocks;
  for (int k = 0; k < 4; ++k) blocks.push_back(memory.allocate(2 * mebibyte));
  for (void* block : blocks) {
    memory.free(block);
    CHECK(memory.held() <= 5 * mebibyte);
  }
  CHECK_EQ(memory.held(), 4 * mebibyte);
  void* large = memory.allocate(6 * mebibyte);
  memory.free(large);
  CHECK_EQ(memory.held(), 4 * mebibyte);
  memory.set_limit(3 * mebibyte);
  CHECK_EQ(memory.held(), 2 * mebibyte);
}

TEST(memory_is_taken_and_freed_by_several_threads) {
  KeptMemory memory;
  memory.set_limit(4 * mebibyte);
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&memory, &wrong, t] {
      for (std::size_t round = 0; round < 200; ++round) {
        const std::size_t bytes = mebibyte + round % 5 * 4096;
        auto* data = static_cast<unsigned char*>(memory.allocate(bytes));
        const auto mark = static_cast<unsigned char>(t * 50 + round % 50);
        data[0] = data[bytes - 1] = mark;
        std::this_thread::yield();
        wrong[t] += data[0] != mark || data[bytes - 1] != mark;
        memory.free(data);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : wrong) CHECK_EQ(count, 0);
  memory.set_limit(0);
  CHECK_EQ(memory.held(), 0U);
}

TEST(memory_that_cannot_be_had) {
  KeptMemory memory;
  CHECK_THROWS(memory.allocate(SIZE_MAX), std::bad_alloc, "");
}

}  // namespace boxel::test
