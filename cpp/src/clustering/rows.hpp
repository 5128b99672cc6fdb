// Distance matrices that shrink as clusters merge. Both kinds answer the same questions:
//   after(i)         the current distances of cluster i to all after it
//   row(x, slot)     those to all clusters, valid until the slot (0 or 1) is used again
//   merged(a)        where the row of a merged cluster a is to be written
//   join(a, b, ...)  takes note that it was, and that b is no more
//   compact(live)    only these clusters remain, renumbered in this order
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "boxel/clustering/kernels.hpp"
#include "boxel/clustering/pairs.hpp"
#include "boxel/memory.hpp"

namespace boxel {

// Full rows, the fastest to read. To write a merged cluster's distances into a column would cost a
// cache miss for every other row. So columns are left as they are and the merges are kept in a
// list: a row that is read again first repeats the merges that it has missed, on its own values.
template <class T>
class SquareRows {
 public:
  SquareRows(T* data, std::int64_t count, std::int64_t stride, Rule rule,
             const LinkageKernels<T>& kernels)
      : data_(data), count_(count), stride_(stride), rule_(rule), kernels_(kernels) {
    seen_.assign(static_cast<std::size_t>(count), 0);
    sizes_.assign(static_cast<std::size_t>(count), 1.0);
    pairs_.reserve(static_cast<std::size_t>(count));
    updates_.reserve(static_cast<std::size_t>(count));
  }

  const T* row(std::int64_t x, int /*slot*/) {
    const auto at = static_cast<std::size_t>(x);
    T* const row = data_ + x * stride_;
    const std::size_t seen = std::exchange(seen_[at], pairs_.size());
    if (seen < pairs_.size()) {
      const Merges missed{pairs_.data() + seen, updates_.data() + seen,
                          static_cast<std::int64_t>(pairs_.size() - seen)};
      kernels_.replay(rule_, row, count_, sizes_[at], missed);
    }
    return row;
  }
  const T* after(std::int64_t i) { return row(i, 0) + i + 1; }
  T* merged(std::int64_t a) { return data_ + a * stride_; }

  void join(std::int64_t a, std::int64_t b, double size, const Update& update) {
    pairs_.push_back({static_cast<std::int32_t>(a), static_cast<std::int32_t>(b)});
    updates_.push_back(update);
    seen_[static_cast<std::size_t>(a)] = pairs_.size();
    sizes_[static_cast<std::size_t>(a)] = size;
  }

  void compact(const std::vector<std::int64_t>& live) {
    const auto count = static_cast<std::int64_t>(live.size());
    T* out = data_;  // never ahead of what is still to be read
    for (std::size_t i = 0; i < live.size(); ++i) {
      const T* in = row(live[i], 0);
      for (std::size_t j = 0; j < live.size(); ++j) out[j] = in[live[j]];
      out += count;
      sizes_[i] = sizes_[static_cast<std::size_t>(live[i])];
    }
    count_ = stride_ = count;
    pairs_.clear();
    updates_.clear();
    seen_.assign(live.size(), 0);
  }

 private:
  T* data_;
  std::int64_t count_;
  std::int64_t stride_;
  Rule rule_;
  const LinkageKernels<T>& kernels_;
  std::vector<MergePair> pairs_;
  std::vector<Update> updates_;
  std::vector<std::size_t> seen_;  // merges that each row has seen
  std::vector<double> sizes_;
};

// A condensed matrix that is worked on where it lies: no memory beyond a few rows. Distances to
// clusters before are far apart in it, which costs cache misses unless it is small.
template <class T>
class CondensedRows {
 public:
  CondensedRows(T* data, std::int64_t count) : pairs_{data, count, 0} {
    for (auto& buffer : buffers_) buffer.assign(static_cast<std::size_t>(count), T{0});
  }

  const T* after(std::int64_t i) { return pairs_.after(i); }
  const T* row(std::int64_t x, int slot) {
    T* const row = buffers_[slot].data();
    for_column(x, [row](std::int64_t k, const T& distance) { row[k] = distance; });
    std::copy_n(pairs_.after(x), pairs_.n - x - 1, row + x + 1);
    return row;
  }
  T* merged(std::int64_t /*a*/) { return buffers_[2].data(); }

  void join(std::int64_t a, std::int64_t /*b*/, double /*size*/, const Update& /*update*/) {
    const T* const row = buffers_[2].data();
    for_column(a, [row](std::int64_t k, T& distance) { distance = row[k]; });
    std::copy_n(row + a + 1, pairs_.n - a - 1, pairs_.after(a));
  }

  void compact(const std::vector<std::int64_t>& live) {
    T* out = pairs_.data;  // never ahead of what is still to be read
    for (std::size_t i = 0; i < live.size(); ++i) {
      const T* in = pairs_.row(live[i]);
      for (std::size_t j = i + 1; j < live.size(); ++j) *out++ = in[live[j]];
    }
    pairs_.n = static_cast<std::int64_t>(live.size());
  }

 private:
  // Calls body(k, distance of k and x) for all k before x.
  template <class Body>
  void for_column(std::int64_t x, Body&& body) {
    T* distance = pairs_.data + x - 1;
    for (std::int64_t k = 0; k < x; ++k) {
      body(k, *distance);
      distance += pairs_.n - k - 2;
    }
  }

  PairRows<T> pairs_;
  std::vector<T> buffers_[3];
};

}  // namespace boxel
