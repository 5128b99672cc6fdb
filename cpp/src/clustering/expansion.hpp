// A square matrix from one of its halves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "boxel/clustering/pairs.hpp"
#include "boxel/memory.hpp"
#include "boxel/parallel.hpp"

namespace boxel {

// Writes map(distance) to both of its places and 0 to the diagonal; calls visit(i) when row i is
// written from the diagonal on and still in the cache. Goes by strips of as many rows as values
// fill a cache line, so that each line of the lower half is written once, and whole.
template <class T, class Map, class Visit>
void fill_square(const PairRows<const T>& pairs, T* square, std::int64_t stride, int workers,
                 const Poll& poll, Map&& map, Visit&& visit) {
  constexpr auto strip = static_cast<std::int64_t>(cache_line / sizeof(T));
  constexpr std::int64_t block = 256;  // columns of a strip that stay in the nearest cache
  const std::int64_t n = pairs.n;
  const auto fill_rows = [&](std::int64_t from, std::int64_t to, std::int64_t first,
                             std::int64_t last) {
    for (std::int64_t i = from; i < to; ++i) {
      const std::int64_t start = std::max(first, i + 1);
      if (start >= last) continue;  // one observation may have no memory for its distances
      const T* const in = pairs.row(i);
      T* const out = square + i * stride;
      for (std::int64_t j = start; j < last; ++j) out[j] = map(in[j]);
    }
  };
  const auto mirror = [&](std::int64_t from, std::int64_t first, std::int64_t last) {
    const T* const rows = square + from * stride;
    for (std::int64_t j = first; j < last; ++j) {
      T line[strip];
      for (std::int64_t i = 0; i < strip; ++i) line[i] = rows[i * stride + j];
      std::memcpy(square + j * stride + from, line, sizeof(line));
    }
  };
  const auto fill_strip = [&](std::int64_t piece, int /*worker*/) {
    const std::int64_t from = piece * strip;
    const std::int64_t to = std::min(from + strip, n);
    fill_rows(from, to, from, to);
    for (std::int64_t i = from; i < to; ++i) {
      square[i * stride + i] = 0;
      for (std::int64_t j = from; j < i; ++j) square[i * stride + j] = square[j * stride + i];
    }
    for (std::int64_t first = to; first < n; first += block) {
      const std::int64_t last = std::min(first + block, n);
      fill_rows(from, to, first, last);
      mirror(from, first, last);
    }
    for (std::int64_t i = from; i < to; ++i) visit(i);
  };
  parallel_for((n + strip - 1) / strip, workers, fill_strip, poll);
}

}  // namespace boxel
