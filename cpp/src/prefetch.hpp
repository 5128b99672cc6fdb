// Rows of results, asked for before they are written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "boxel/memory.hpp"

namespace boxel {

// Longer rows, asked for whole, took up to a sixth more time. Within a page processors ask ahead by
// themselves.
inline constexpr std::int64_t longest_prefetched_row = 4096;

// For a row, while the one before it is written. Stores wait for their lines one after the other,
// and once too many wait, so does all that follows.
inline void prefetch_row_to_write(const std::byte* row, std::int64_t bytes) {
  if (bytes > longest_prefetched_row) return;
  for (std::int64_t byte = 0; byte < bytes; byte += static_cast<std::int64_t>(cache_line)) {
    __builtin_prefetch(row + byte, 1);
  }
}

}  // namespace boxel
