// Distances to cluster, and the slow, obvious ways to cluster them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "boxel/clustering/kernels.hpp"
#include "boxel/clustering/linkage.hpp"
#include "boxel/clustering/pairs.hpp"
#include "check.hpp"
#include "random.hpp"

namespace boxel::test {

inline std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

// Distances of random kinds; few levels make ties.
template <class T>
std::vector<T> random_distances(std::int64_t n, std::int64_t levels, Random& random) {
  std::vector<T> distances(at(pair_count(n)));
  for (T& distance : distances) {
    distance = levels > 0 ? static_cast<T>(random.between(0, levels - 1))
                          : static_cast<T>(random.uniform(0, 1));
  }
  return distances;
}

template <class T>
std::vector<T> square_of(const std::vector<T>& condensed, std::int64_t n) {
  std::vector<T> square(at(n * n), T{0});
  std::size_t place = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i + 1; j < n; ++j) {
      square[at(i * n + j)] = square[at(j * n + i)] = condensed[place++];
    }
  }
  return square;
}

// The rules of method.hpp, as it states them; squares are held in T.
inline double merged(Rule rule, double x, double y, double size, const Update& update) {
  switch (rule) {
    case Rule::largest:
      return std::max(x, y);
    case Rule::mean:
      return std::clamp(y + (x - y) * update.first, std::min(x, y), std::max(x, y));
    case Rule::ward: {
      const double sum =
          (update.first + size) * x + (update.second + size) * y - size * update.third;
      return std::max(sum / (update.first + update.second + size), std::min(x, y));
    }
    default:
      return std::max(update.first * x + update.second * y - update.third, 0.0);
  }
}

inline Update update_of(const LinkageMethod& method, double kept, double gone, double distance) {
  if (method.rule == Rule::ward) return {kept, gone, distance};
  const double weight = method.by_size ? kept / (kept + gone) : 0.5;
  return {weight, 1 - weight, weight * (1 - weight) * distance};
}

// Kruskal's algorithm over all pairs: single linkage by the order that is documented.
template <class T>
std::vector<Join> plain_single_linkage(const std::vector<T>& condensed, std::int64_t n) {
  struct Pair {
    T distance;
    std::int64_t i;
    std::int64_t j;
  };
  std::vector<Pair> pairs;
  std::size_t place = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = i + 1; j < n; ++j) pairs.push_back({condensed[place++], i, j});
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.distance < b.distance; });
  std::vector<std::int64_t> names(at(n));  // the first observation of each one's cluster
  for (std::int64_t i = 0; i < n; ++i) names[at(i)] = i;
  std::vector<Join> joins;
  for (const Pair& pair : pairs) {
    const std::int64_t a = std::min(names[at(pair.i)], names[at(pair.j)]);
    const std::int64_t b = std::max(names[at(pair.i)], names[at(pair.j)]);
    if (a == b) continue;
    joins.push_back({a, b, static_cast<double>(pair.distance)});
    std::replace(names.begin(), names.end(), b, a);
  }
  return joins;
}

// Looks through all pairs of clusters for the first of the nearest, again and again.
template <class T>
std::vector<Join> plain_linkage(const std::vector<T>& condensed, std::int64_t n,
                                const LinkageMethod& method) {
  if (method.rule == Rule::smallest) return plain_single_linkage(condensed, n);
  std::vector<T> square = square_of(condensed, n);
  if (method.squared) {
    for (T& value : square) value *= value;
  }
  std::vector<double> sizes(at(n), 1.0);  // 0: no more
  std::vector<Join> joins;
  while (static_cast<std::int64_t>(joins.size()) + 1 < n) {
    std::int64_t a = -1;
    std::int64_t b = -1;
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = i + 1; j < n && sizes[at(i)] > 0; ++j) {
        if (sizes[at(j)] == 0) continue;
        if (a < 0 || square[at(i * n + j)] < square[at(a * n + b)]) {
          a = i;
          b = j;
        }
      }
    }
    const auto distance = static_cast<double>(square[at(a * n + b)]);
    const Update update = update_of(method, sizes[at(a)], sizes[at(b)], distance);
    for (std::int64_t k = 0; k < n; ++k) {
      if (k == a || k == b || sizes[at(k)] == 0) continue;
      square[at(a * n + k)] = square[at(k * n + a)] =
          static_cast<T>(merged(method.rule, static_cast<double>(square[at(a * n + k)]),
                                static_cast<double>(square[at(b * n + k)]), sizes[at(k)], update));
    }
    sizes[at(a)] += sizes[at(b)];
    sizes[at(b)] = 0;
    joins.push_back({a, b, method.squared ? std::sqrt(distance) : distance});
  }
  return joins;
}

template <class... Context>
void check_joins(const std::vector<Join>& found, const std::vector<Join>& expected,
                 const Context&... context) {
  CHECK_EQ(found.size(), expected.size(), context...);
  for (std::size_t k = 0; k < std::min(found.size(), expected.size()); ++k) {
    CHECK_EQ(found[k].kept, expected[k].kept, "join", k, context...);
    CHECK_EQ(found[k].gone, expected[k].gone, "join", k, context...);
    CHECK_EQ(found[k].distance, expected[k].distance, "join", k, context...);
  }
}

}  // namespace boxel::test
