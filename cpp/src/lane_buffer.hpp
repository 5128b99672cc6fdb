// Memory for one state of a given number of lanes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "boxel/accumulator.hpp"
#include "boxel/memory.hpp"

namespace boxel {

// Lanes around a state that belong to the same memory.
struct Margins {
  std::int64_t before = 0;
  std::int64_t after = 0;
};

// Lanes from row to row of a state, each of which begins with a cache line.
inline std::int64_t row_capacity(const Accumulator& accumulator, std::int64_t lanes) {
  const auto per_line = static_cast<std::int64_t>(cache_line / accumulator.lane_size());
  return (lanes + per_line - 1) / per_line * per_line;
}

class LaneBuffer {
 public:
  // Keeps nothing of what it held. A line behind the last row may be read.
  Lanes reserve(const Accumulator& accumulator, std::int64_t lanes) {
    const std::int64_t capacity = row_capacity(accumulator, lanes);
    memory_.reserve(static_cast<std::size_t>(capacity) * accumulator.lane_size() *
                        static_cast<std::size_t>(accumulator.rows()) +
                    cache_line);
    lanes_ = Lanes(memory_.data(), capacity, accumulator.lane_size());
    return lanes_;
  }
  // Lanes with room around them; they begin with a cache line. `copies` of them, pitch() lanes
  // apart.
  Lanes reserve(const Accumulator& accumulator, std::int64_t lanes, Margins margins,
                std::int64_t copies = 1) {
    const std::int64_t before = row_capacity(accumulator, margins.before);
    pitch_ = before + row_capacity(accumulator, lanes + margins.after);
    return reserve(accumulator, copies * pitch_).from(before);
  }
  std::int64_t pitch() const { return pitch_; }
  const Lanes& lanes() const { return lanes_; }

 private:
  Buffer memory_;
  Lanes lanes_;
  std::int64_t pitch_ = 0;
};

}  // namespace boxel
