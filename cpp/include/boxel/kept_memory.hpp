// Memory of large results. What has been freed is kept for the next result of about that size:
// fresh memory has to be cleared page by page, which takes as long as much of what boxel does.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

#include "boxel/memory.hpp"

namespace boxel {

class KeptMemory {
 public:
  // Less is as fast from elsewhere.
  static constexpr std::size_t least = std::size_t{1} << 20;
  static constexpr std::size_t usual_limit = std::size_t{128} << 20;

  KeptMemory() = default;
  KeptMemory(const KeptMemory&) = delete;
  KeptMemory& operator=(const KeptMemory&) = delete;
  ~KeptMemory() { trim(0); }

  // Aligned to cache lines; std::bad_alloc where there is none.
  void* allocate(std::size_t bytes);
  void free(void* data) noexcept;
  static std::size_t size_of(const void* data);
  // Whether so many bytes may lie in a block of that size: what is left over is no great waste.
  static bool fits(std::size_t block, std::size_t bytes) {
    return bytes <= block && block - bytes <= bytes / 4;
  }

  // Keeps at most so many bytes from now on, and gives back what is too much.
  void set_limit(std::size_t bytes);
  std::size_t limit() const { return limit_; }
  std::size_t held() const { return held_; }

 private:
  // Stands before the data, in its own memory.
  struct alignas(cache_line) Block {
    Buffer memory;
    std::size_t bytes;
  };
  static Block* block_of(void* data);

  static void* fresh(std::size_t bytes);
  static void give_back(Block* block) noexcept;

  void* kept_block(std::size_t bytes);
  // Takes out what was freed first, until the rest is within `limit`.
  std::vector<Block*> surplus(std::size_t limit);
  bool trim(std::size_t limit);

  // Only ever tried: whoever was forked while another thread held it finds it locked for ever.
  std::mutex mutex_;
  std::vector<Block*> kept_;
  std::atomic<std::size_t> held_ = 0;
  std::atomic<std::size_t> limit_ = usual_limit;
};

}  // namespace boxel
