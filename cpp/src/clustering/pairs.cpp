#include "boxel/clustering/pairs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "boxel/clustering/kernels.hpp"
#include "expansion.hpp"

namespace boxel {
namespace {

// A tile and its mirror image stay in the cache together.
constexpr std::int64_t tile = 64;

std::int64_t tiles_of(std::int64_t n) { return (n + tile - 1) / tile; }

// Calls body(i, first j, last j) for the rows of the upper triangle of a tile.
template <class Body>
void for_tile_rows(std::int64_t n, std::int64_t tile_row, std::int64_t tile_column, Body&& body) {
  const std::int64_t last_row = std::min((tile_row + 1) * tile, n);
  const std::int64_t last = std::min((tile_column + 1) * tile, n);
  for (std::int64_t i = tile_row * tile; i < last_row; ++i) {
    const std::int64_t first = std::max(tile_column * tile, i + 1);
    if (first < last) body(i, first, last);
  }
}

// Calls body(tile row, tile column) for all tiles that meet the upper triangle.
template <class Body>
void for_tiles(std::int64_t n, int workers, const Poll& poll, Body&& body) {
  const std::int64_t tiles = tiles_of(n);
  parallel_for(
      tiles, workers,
      [&](std::int64_t tile_row, int) {
        for (std::int64_t column = tile_row; column < tiles; ++column) body(tile_row, column);
      },
      poll);
}

template <class T>
T mean_of(T x, T y) {
  return x == y ? x : x / 2 + y / 2;
}

template <class T>
void inspect_row(const T* square, std::int64_t n, std::int64_t i, std::int64_t first,
                 std::int64_t last, SquareReport& report) {
  constexpr T limit = std::numeric_limits<T>::max();
  T largest = static_cast<T>(report.largest);
  T worst = static_cast<T>(report.worst_asymmetry);
  for (std::int64_t j = first; j < last; ++j) {
    const T upper = square[i * n + j];
    const T lower = square[j * n + i];
    if (!(upper >= 0 && upper <= limit && lower >= 0 && lower <= limit)) {
      const bool above = !(upper >= 0 && upper <= limit);
      report.invalid_row = above ? i : j;
      report.invalid_column = above ? j : i;
      return;
    }
    largest = std::max({largest, upper, lower});
    const T difference = std::abs(upper - lower);
    if (difference > worst) {
      worst = difference;
      report.worst_row = i;
      report.worst_column = j;
    }
  }
  report.largest = static_cast<double>(largest);
  report.worst_asymmetry = static_cast<double>(worst);
}

template <class T>
void inspect_diagonal(const T* square, std::int64_t n, SquareReport& report) {
  for (std::int64_t i = 0; i < n; ++i) {
    const auto value = static_cast<double>(square[i * n + i]);
    if (!std::isfinite(value)) {
      report.invalid_row = report.invalid_column = i;
      return;
    }
    if (i == 0) report.diagonal_least = report.diagonal_largest = value;
    const double farthest =
        std::max(std::abs(report.diagonal_least), std::abs(report.diagonal_largest));
    if (report.diagonal_row < 0 || std::abs(value) > farthest) report.diagonal_row = i;
    report.diagonal_least = std::min(report.diagonal_least, value);
    report.diagonal_largest = std::max(report.diagonal_largest, value);
  }
}

}  // namespace

template <class T>
SquareReport inspect_square(const T* square, std::int64_t n, const Poll& poll) {
  SquareReport report;
  inspect_diagonal(square, n, report);
  for (std::int64_t row = 0; row < tiles_of(n); ++row) {
    for (std::int64_t column = row; column < tiles_of(n); ++column) {
      for_tile_rows(n, row, column, [&](std::int64_t i, std::int64_t first, std::int64_t last) {
        if (report.invalid_row < 0) inspect_row(square, n, i, first, last, report);
      });
    }
    if (report.invalid_row >= 0) break;
    if (poll) poll();
  }
  return report;
}

template <class T>
CondensedReport inspect_condensed(const T* distances, std::int64_t count, const KernelSet& kernels,
                                  const Poll& poll) {
  constexpr std::int64_t part = std::int64_t{1} << 20;
  const LinkageKernels<T>& kernel = linkage_kernels<T>(clustering_kernels(kernels));
  T largest = 0;
  for (std::int64_t first = 0; first < count; first += part) {
    const std::int64_t found =
        kernel.check(distances + first, std::min(part, count - first), &largest);
    if (found >= 0) return {first + found, 0};
    if (poll && count > part) poll();
  }
  return {-1, static_cast<double>(largest)};
}

template <class T>
void condense(const T* square, std::int64_t n, T* condensed, int workers, const Poll& poll) {
  const PairRows<T> pairs{condensed, n, 0};
  for_tiles(n, workers, poll, [&](std::int64_t row, std::int64_t column) {
    for_tile_rows(n, row, column, [&](std::int64_t i, std::int64_t first, std::int64_t last) {
      T* out = pairs.row(i);
      for (std::int64_t j = first; j < last; ++j) {
        out[j] = mean_of(square[i * n + j], square[j * n + i]);
      }
    });
  });
}

template <class T>
void expand(const PairRows<const T>& pairs, T* square, std::int64_t stride, int workers,
            const Poll& poll) {
  fill_square(
      pairs, square, stride, workers, poll, [](T distance) { return distance; },
      [](std::int64_t) {});
}

template <class T>
void symmetrise(T* square, std::int64_t n, int workers, const Poll& poll) {
  for_tiles(n, workers, poll, [&](std::int64_t row, std::int64_t column) {
    for_tile_rows(n, row, column, [&](std::int64_t i, std::int64_t first, std::int64_t last) {
      for (std::int64_t j = first; j < last; ++j) {
        square[i * n + j] = square[j * n + i] = mean_of(square[i * n + j], square[j * n + i]);
      }
    });
  });
  for (std::int64_t i = 0; i < n; ++i) square[i * n + i] = 0;
}

template SquareReport inspect_square(const float*, std::int64_t, const Poll&);
template SquareReport inspect_square(const double*, std::int64_t, const Poll&);
template CondensedReport inspect_condensed(const float*, std::int64_t, const KernelSet&,
                                           const Poll&);
template CondensedReport inspect_condensed(const double*, std::int64_t, const KernelSet&,
                                           const Poll&);
template void condense(const float*, std::int64_t, float*, int, const Poll&);
template void condense(const double*, std::int64_t, double*, int, const Poll&);
template void expand(const PairRows<const float>&, float*, std::int64_t, int, const Poll&);
template void expand(const PairRows<const double>&, double*, std::int64_t, int, const Poll&);
template void symmetrise(float*, std::int64_t, int, const Poll&);
template void symmetrise(double*, std::int64_t, int, const Poll&);

}  // namespace boxel
