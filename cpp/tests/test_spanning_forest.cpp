// Minimum spanning trees of distances that come in any order, in parts, to several forests.
#include "boxel/clustering/spanning_forest.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "boxel/clustering/kernels.hpp"
#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "clustering_case.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

// A part of a row: distances of i to `count` others from `first` on.
struct Part {
  std::int64_t i;
  std::int64_t first;
  std::int64_t count;
};

std::vector<Part> parts_of(std::int64_t n, Random& random) {
  std::vector<Part> parts;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t first = i + 1; first < n;) {
      const std::int64_t count = random.between(1, n - first);
      parts.push_back({i, first, count});
      first += count;
    }
  }
  for (std::size_t k = parts.size(); k > 1; --k) {
    std::swap(parts[k - 1], parts[at(random.between(0, static_cast<std::int64_t>(k) - 1))]);
  }
  return parts;
}

template <class T>
void check_forests(std::int64_t n, std::int64_t levels, std::size_t forest_count, Random& random) {
  const std::vector<T> distances = random_distances<T>(n, levels, random);
  const std::vector<Join> expected = plain_single_linkage(distances, n);
  const PairRows<const T> pairs{distances.data(), n, 0};
  for (const KernelSet* set : available_kernel_sets()) {
    const LinkageKernels<T>& kernels = linkage_kernels<T>(clustering_kernels(*set));
    std::vector<SpanningForest<T>> forests(forest_count, {n, kernels});
    for (const Part& part : parts_of(n, random)) {
      SpanningForest<T>& forest =
          forests[at(random.between(0, static_cast<std::int64_t>(forest_count) - 1))];
      forest.take(part.i, part.first, pairs.row(part.i) + part.first, part.count);
    }
    for (std::size_t k = 1; k < forest_count; ++k) forests.front().merge(forests[k]);
    check_joins(joins_of(forests.front().finish(), n), expected, set->name, n, levels,
                forest_count);
  }
}

}  // namespace

TEST(spanning_forests_do_not_depend_on_the_order) {
  Random random(1);
  for (const std::int64_t n : {2, 3, 10, 60, 150}) {
    for (const std::int64_t levels : {0, 1, 3}) {
      for (const std::size_t forests : {1u, 2u, 4u}) {
        check_forests<float>(n, levels, forests, random);
        check_forests<double>(n, levels, forests, random);
      }
    }
  }
}

TEST(single_linkage_of_many) {
  constexpr std::int64_t n = 2600;
  Random random(2);
  for (const std::int64_t levels : {0, 2, 1000}) {
    const std::vector<float> distances = random_distances<float>(n, levels, random);
    const std::vector<Join> expected = plain_single_linkage(distances, n);
    for (const int workers : {1, 3}) {
      check_joins(single_linkage(PairRows<const float>{distances.data(), n, 0},
                                 *available_kernel_sets().back(), workers, {}),
                  expected, levels, workers);
    }
  }
}

}  // namespace boxel::test
