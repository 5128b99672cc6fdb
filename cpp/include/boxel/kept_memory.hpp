// Memory of large results. What has been freed is kept for the next result of about that size:
// fresh memory has to be cleared page by page, which takes as long as much of what boxel does.
#pragma once

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
  ~KeptMemory() { set_limit(0); }

  // Aligned to cache lines; std::bad_alloc where there is none.
  void* allocate(std::size_t bytes);
  void free(void* data) noexcept;
  static std::size_t size_of(const void* data);

  // Keeps at most so many bytes from now on, and gives back what is too much.
  void set_limit(std::size_t bytes);
  std::size_t limit() const;
  std::size_t held() const;

 private:
  // Stands before the data, in its own memory.
  struct alignas(cache_line) Block {
    Buffer memory;
    std::size_t bytes;
  };
  static Block* block_of(void* data);

  // Takes out what was freed first, until the rest is within the limit.
  std::vector<Block*> surplus();
  static void give_back(Block* block) noexcept;

  mutable std::mutex mutex_;
  std::vector<Block*> kept_;
  std::size_t held_ = 0;
  std::size_t limit_ = usual_limit;
};

}  // namespace boxel
