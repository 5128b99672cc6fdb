#include "boxel/clustering/linkage.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "agglomeration.hpp"
#include "boxel/memory.hpp"
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

template <class T>
void square_all(T* values, std::int64_t count, double scale) {
  const T factor = static_cast<T>(scale);
  for (std::int64_t k = 0; k < count; ++k) {
    const T value = values[k] * factor;
    values[k] = value * value;
  }
}

// The memory that a request is worked on: the caller's, or a square of our own.
template <class T>
class Workspace {
 public:
  Workspace(const LinkageRequest<T>& request, double scale) : pairs_(request.pairs) {
    const std::int64_t n = pairs_.n;
    if (!request.overwrite && pairs_.stride == 0 && is_cached<T>(n)) {
      memory_.reserve(static_cast<std::size_t>(pair_count(n)) * sizeof(T));
      auto* condensed = reinterpret_cast<T*>(memory_.data());
      std::copy_n(pairs_.data, pair_count(n), condensed);
      pairs_ = {condensed, n, 0};
    } else if (!request.overwrite) {
      memory_.reserve(static_cast<std::size_t>(n) * static_cast<std::size_t>(stride_of(n)) *
                      sizeof(T));
      auto* square = reinterpret_cast<T*>(memory_.data());
      expand(PairRows<const T>{pairs_.data, n, pairs_.stride}, square, stride_of(n),
             request.workers, request.poll);
      pairs_ = {square, n, stride_of(n)};
    }
    if (!request.method.squared) return;
    if (pairs_.stride == 0) {
      square_all(pairs_.data, pair_count(n), scale);
      return;
    }
    for (std::int64_t i = 0; i < n; ++i) square_all(pairs_.data + i * pairs_.stride, n, scale);
  }
  const PairRows<T>& pairs() const { return pairs_; }

 private:
  // A power of two would put a column into few sets of the cache.
  static std::int64_t stride_of(std::int64_t n) {
    constexpr auto line = static_cast<std::int64_t>(cache_line / sizeof(T));
    const std::int64_t lines = (n + line - 1) / line;
    return (lines % 2 == 0 && n > line ? lines + 1 : lines) * line;
  }

  PairRows<T> pairs_;
  Buffer memory_;
};

}  // namespace

template <class T>
std::vector<Join> agglomerate(const LinkageRequest<T>& request) {
  const LinkageKernels<T>& kernels = linkage_kernels<T>(clustering_kernels(*request.kernels));
  const LinkageMethod& method = request.method;
  const double scale = method.squared ? scale_of_squares<T>(request.largest) : 1.0;
  const Workspace<T> workspace(request, scale);
  const auto [data, n, stride] = workspace.pairs();
  std::vector<Join> joins;
  if (stride == 0) {
    CondensedRows<T> rows(data, n);
    joins = Agglomeration<T, CondensedRows<T>>(rows, n, method, kernels).run(request.poll);
  } else {
    SquareRows<T> rows(data, n, stride, method.rule, kernels);
    joins = Agglomeration<T, SquareRows<T>>(rows, n, method, kernels).run(request.poll);
  }
  if (method.squared) {
    for (Join& join : joins) join.distance = std::sqrt(join.distance) / scale;
  }
  return joins;
}

template std::vector<Join> agglomerate(const LinkageRequest<float>&);
template std::vector<Join> agglomerate(const LinkageRequest<double>&);

}  // namespace boxel
