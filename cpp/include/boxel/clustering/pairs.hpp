// Distances of n observations, each pair once, and the ways to store them.
#pragma once

#include <cstdint>

#include "boxel/kernel_set.hpp"
#include "boxel/parallel.hpp"

namespace boxel {

constexpr std::int64_t pair_count(std::int64_t n) { return n > 0 ? n * (n - 1) / 2 : 0; }

// Whether the distances of so many observations stay in the caches, where it costs little to read
// them in any order.
template <class T>
constexpr bool is_cached(std::int64_t n) {
  return pair_count(n) * static_cast<std::int64_t>(sizeof(T)) <= std::int64_t{12} << 20;
}

// The upper triangle of a distance matrix, condensed or within a square one.
template <class T>
struct PairRows {
  T* data;
  std::int64_t n;
  std::int64_t stride;  // from row to row of a square matrix; 0 if condensed

  // The distance of i and i + 1; those of i and all after it lie in a row.
  T* after(std::int64_t i) const {
    return stride > 0 ? data + i * stride + i + 1 : data + i * (2 * n - i - 1) / 2;
  }
  T* row(std::int64_t i) const { return after(i) - i - 1; }  // row(i)[j] with j > i
};

// What is known of a square matrix that should hold distances; places are -1 if there are none.
struct SquareReport {
  std::int64_t invalid_row = -1;  // the first value that is not finite or is negative
  std::int64_t invalid_column = -1;
  double largest = 0;           // off the diagonal
  double worst_asymmetry = 0;   // of |d(i, j) - d(j, i)|
  std::int64_t worst_row = -1;  // where it was first found
  std::int64_t worst_column = -1;
  double diagonal_least = 0;
  double diagonal_largest = 0;
  std::int64_t diagonal_row = -1;  // where the diagonal is farthest from 0
};

template <class T>
SquareReport inspect_square(const T* square, std::int64_t n, const Poll& poll);

struct CondensedReport {
  std::int64_t invalid = -1;  // the first place that is not finite or is negative
  double largest = 0;
};

template <class T>
CondensedReport inspect_condensed(const T* distances, std::int64_t count, const KernelSet& kernels,
                                  const Poll& poll);

// The means of d(i, j) and d(j, i).
template <class T>
void condense(const T* square, std::int64_t n, T* condensed, int workers, const Poll& poll);

// Both halves of a square matrix from one, with zeros on the diagonal.
template <class T>
void expand(const PairRows<const T>& pairs, T* square, std::int64_t stride, int workers,
            const Poll& poll);

// Both halves of a square matrix become their mean, the diagonal zeros.
template <class T>
void symmetrise(T* square, std::int64_t n, int workers, const Poll& poll);

}  // namespace boxel
