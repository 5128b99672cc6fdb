#include "boxel/clustering/linkage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "agglomeration.hpp"
#include "boxel/memory.hpp"
#include "expansion.hpp"
#include "rows.hpp"

namespace boxel {
namespace {

// Squares must neither overflow, not even those of Ward's method, which grow with the clusters, nor
// vanish: the largest distance goes to a third of the range, which leaves most of it to the others.
// A power of two scales without rounding.
template <class T>
double scale_of_squares(double largest) {
  constexpr int most = std::numeric_limits<T>::max_exponent - 1;
  if (largest == 0) return 1;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::ldexp(1.0, std::min(most / 3 - exponent, most));
}

// What a distance becomes before it is computed with.
template <class T>
struct Square {
  T factor;
  T operator()(T distance) const {
    const T scaled = distance * factor;
    return scaled * scaled;
  }
};
template <class T>
struct Same {
  T operator()(T distance) const { return distance; }
};

template <class T, class Rows, class Map>
std::vector<Join> in_place(Rows rows, const LinkageRequest<T>& request, const PairRows<T>& pairs,
                           const Map& map, const LinkageKernels<T>& kernels) {
  Agglomeration<T, Rows> agglomeration(rows, pairs.n, request.method, kernels);
  for (std::int64_t i = 0; i < pairs.n; ++i) {
    T* const row = pairs.row(i);
    for (std::int64_t j = pairs.stride > 0 ? 0 : i + 1; j < pairs.n; ++j) row[j] = map(row[j]);
    agglomeration.find_neighbour(i);
    if (i % 64 == 63 && request.poll) request.poll();
  }
  return agglomeration.run(request.poll);
}

// A power of two would put a column into few sets of the cache.
template <class T>
std::int64_t stride_of(std::int64_t n) {
  constexpr auto line = static_cast<std::int64_t>(cache_line / sizeof(T));
  const std::int64_t lines = (n + line - 1) / line;
  return (lines % 2 == 0 && n > line ? lines + 1 : lines) * line;
}

template <class T, class Map>
std::vector<Join> in_a_square(const LinkageRequest<T>& request, const Map& map,
                              const LinkageKernels<T>& kernels) {
  const auto [data, n, stride_given] = request.pairs;
  const std::int64_t stride = stride_of<T>(n);
  const Buffer memory(static_cast<std::size_t>(n) * static_cast<std::size_t>(stride) * sizeof(T));
  auto* square = reinterpret_cast<T*>(memory.data());
  SquareRows<T> rows(square, n, stride, request.method.rule, kernels);
  Agglomeration<T, SquareRows<T>> agglomeration(rows, n, request.method, kernels);
  fill_square(PairRows<const T>{data, n, stride_given}, square, stride, request.workers,
              request.poll, map, [&](std::int64_t i) { agglomeration.find_neighbour(i); });
  return agglomeration.run(request.poll);
}

template <class T, class Map>
std::vector<Join> agglomerate_mapped(const LinkageRequest<T>& request, const Map& map,
                                     const LinkageKernels<T>& kernels) {
  const PairRows<T>& pairs = request.pairs;
  if (pairs.stride > 0) {
    if (!request.overwrite) return in_a_square(request, map, kernels);
    return in_place(SquareRows<T>(pairs.data, pairs.n, pairs.stride, request.method.rule, kernels),
                    request, pairs, map, kernels);
  }
  if (request.overwrite) {
    return in_place(CondensedRows<T>(pairs.data, pairs.n), request, pairs, map, kernels);
  }
  if (!is_cached<T>(pairs.n)) return in_a_square(request, map, kernels);
  const auto count = static_cast<std::size_t>(pair_count(pairs.n));
  const Buffer memory(count * sizeof(T));
  const PairRows<T> copy{reinterpret_cast<T*>(memory.data()), pairs.n, 0};
  std::copy_n(pairs.data, count, copy.data);
  return in_place(CondensedRows<T>(copy.data, copy.n), request, copy, map, kernels);
}

}  // namespace

template <class T>
std::vector<Join> agglomerate(const LinkageRequest<T>& request) {
  const LinkageKernels<T>& kernels = linkage_kernels<T>(clustering_kernels(*request.kernels));
  if (!request.method.squared) return agglomerate_mapped(request, Same<T>{}, kernels);
  const double scale = scale_of_squares<T>(request.largest);
  std::vector<Join> joins = agglomerate_mapped(request, Square<T>{static_cast<T>(scale)}, kernels);
  for (Join& join : joins) join.distance = std::sqrt(join.distance) / scale;
  return joins;
}

template std::vector<Join> agglomerate(const LinkageRequest<float>&);
template std::vector<Join> agglomerate(const LinkageRequest<double>&);

}  // namespace boxel
