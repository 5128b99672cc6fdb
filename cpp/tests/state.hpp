// The state of one accumulator, in memory of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/memory.hpp"

namespace boxel::test {

class State {
 public:
  State(const Accumulator& accumulator, std::int64_t lanes)
      : capacity_(lanes), lane_size_(accumulator.lane_size()) {
    const std::size_t bytes =
        static_cast<std::size_t>(lanes * accumulator.rows()) * accumulator.lane_size();
    memory_.reserve(bytes);
    // As floats these bits are NaN: what is read before it is written does not stay unseen.
    std::memset(memory_.data(), 0xff, bytes);
  }

  Lanes lanes() const { return Lanes(memory_.data(), capacity_, lane_size_); }

 private:
  Buffer memory_;
  std::int64_t capacity_;
  std::size_t lane_size_;
};

// A group of one row.
template <class T>
RowGroup group_of(const std::vector<T>& row) {
  RowGroup group;
  group.count = 1;
  group.samples[0] = row.data();
  return group;
}

// Rows of samples, with who counts and how much, to be taken in groups.
struct Rows {
  std::int64_t lanes = 0;
  std::int64_t count = 0;
  std::size_t sample_size = 0;
  std::vector<std::byte> samples;
  std::vector<std::uint8_t> include;
  std::vector<double> weights;

  RowGroup group(std::int64_t first, int size) const {
    RowGroup result;
    result.count = size;
    for (std::size_t k = 0; k < static_cast<std::size_t>(size); ++k) {
      const std::size_t lane =
          (static_cast<std::size_t>(first) + k) * static_cast<std::size_t>(lanes);
      result.samples[k] = samples.data() + lane * sample_size;
      result.include[k] = include.data() + lane;
      result.weights[k] = weights.data() + lane;
    }
    return result;
  }

  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(samples.data());
  }
};

}  // namespace boxel::test
