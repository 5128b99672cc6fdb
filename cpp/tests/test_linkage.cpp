// Hierarchical clustering against plain loops: every method, way to give the distances, and
// instruction set.
#include "boxel/clustering/linkage.hpp"

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "boxel/clustering/spanning_forest.hpp"
#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "clustering_case.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

// How the distances are given.
struct Way {
  bool square;
  bool overwrite;
  int workers;
};
constexpr Way ways[] = {{false, false, 1}, {false, true, 1},  {true, false, 1},
                        {true, true, 1},   {false, false, 3}, {true, false, 3}};

template <class T>
std::vector<Join> cluster(const std::vector<T>& condensed, std::int64_t n,
                          const LinkageMethod& method, const KernelSet& set, const Way& way,
                          const Poll& poll = {}) {
  std::vector<T> data = way.square ? square_of(condensed, n) : condensed;
  const PairRows<T> pairs{data.data(), n, way.square ? n : 0};
  if (method.rule == Rule::smallest) {
    return single_linkage(PairRows<const T>{pairs.data, n, pairs.stride}, set, way.workers, poll);
  }
  T largest = 0;
  for (const T distance : condensed) largest = std::max(largest, distance);
  const std::vector<T> before = data;
  std::vector<Join> joins = agglomerate(LinkageRequest<T>{.pairs = pairs,
                                                          .overwrite = way.overwrite,
                                                          .largest = static_cast<double>(largest),
                                                          .method = method,
                                                          .kernels = &set,
                                                          .workers = way.workers,
                                                          .poll = poll});
  CHECK(way.overwrite || data == before, "the distances were changed");
  return joins;
}

template <class T>
void check_all_ways(std::int64_t n, std::int64_t levels, Random& random) {
  const std::vector<T> distances = random_distances<T>(n, levels, random);
  for (const LinkageMethod& method : linkage_methods) {
    const std::vector<Join> expected = plain_linkage(distances, n, method);
    for (const KernelSet* set : available_kernel_sets()) {
      for (const Way& way : ways) {
        check_joins(cluster(distances, n, method, *set, way), expected, method.name, set->name, n,
                    "levels", levels, "square", way.square, "overwrite", way.overwrite, "workers",
                    way.workers);
      }
    }
  }
}

}  // namespace

TEST(linkage_joins_the_nearest_clusters) {
  Random random(1);
  for (const std::int64_t n : {2, 3, 4, 5, 9, 17, 33, 64, 65, 90}) {
    for (const std::int64_t levels : {0, 1, 3}) {
      check_all_ways<float>(n, levels, random);
      check_all_ways<double>(n, levels, random);
    }
  }
}

// Too many for the caches' layout: a square matrix, compaction, long lists of merges.
TEST(linkage_of_many_is_the_same_every_way) {
  constexpr std::int64_t n = 2600;
  Random random(2);
  for (const std::int64_t levels : {0, 5}) {
    const std::vector<float> distances = random_distances<float>(n, levels, random);
    CHECK(!is_cached<float>(n));
    const KernelSet& set = *available_kernel_sets().back();
    for (const LinkageMethod& method : linkage_methods) {
      const std::vector<Join> expected = cluster(distances, n, method, set, {false, true, 1});
      check_joins(cluster(distances, n, method, set, {false, false, 1}), expected, method.name);
      check_joins(cluster(distances, n, method, set, {true, false, 2}), expected, method.name);
      check_joins(cluster(distances, n, method, *available_kernel_sets().front(), {true, true, 1}),
                  expected, method.name);
    }
  }
}

TEST(linkage_scales_squares_that_would_overflow_or_vanish) {
  constexpr std::int64_t n = 30;
  Random random(3);
  const std::vector<double> distances = random_distances<double>(n, 0, random);
  const KernelSet& set = *available_kernel_sets().back();
  for (const LinkageMethod& method : linkage_methods) {
    const std::vector<Join> expected = cluster(distances, n, method, set, ways[0]);
    for (const double scale : {0x1p1020, 0x1p-900}) {
      std::vector<double> scaled = distances;
      for (double& distance : scaled) distance *= scale;
      std::vector<Join> found = cluster(scaled, n, method, set, ways[0]);
      for (Join& join : found) join.distance /= scale;
      check_joins(found, expected, method.name, scale);
    }
    for (const double distance :
         {std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max()}) {
      const std::vector<Join> found =
          cluster(std::vector<double>(at(pair_count(n)), distance), n, method, set, ways[0]);
      CHECK_EQ(found.size(), at(n - 1), method.name);
      CHECK_EQ(found.front().distance, distance, method.name);
    }
    for (const float distance :
         {std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max()}) {
      const std::vector<Join> found =
          cluster(std::vector<float>(at(pair_count(n)), distance), n, method, set, ways[0]);
      CHECK_EQ(found.size(), at(n - 1), method.name);
      // Squares that are held in float32 have rounded roots.
      CHECK_EQ(static_cast<float>(found.front().distance), distance, method.name);
    }
  }
}

TEST(linkage_of_what_is_no_distance_is_an_error_not_a_crash) {
  constexpr std::int64_t n = 5;  // as if another thread had written them after the check
  const std::vector<double> distances(at(pair_count(n)), std::numeric_limits<double>::quiet_NaN());
  for (const LinkageMethod& method : linkage_methods) {
    if (method.rule == Rule::smallest) continue;
    std::vector<double> data = distances;
    CHECK_THROWS(agglomerate(LinkageRequest<double>{.pairs = {data.data(), n, 0},
                                                    .overwrite = true,
                                                    .largest = 1,
                                                    .method = method,
                                                    .kernels = available_kernel_sets().back(),
                                                    .workers = 1,
                                                    .poll = {}}),
                 std::runtime_error, "changed");
  }
}

TEST(linkage_stops_when_it_is_polled) {
  struct Interrupted : std::runtime_error {
    using std::runtime_error::runtime_error;
  };
  constexpr std::int64_t n = 2600;
  Random random(4);
  const std::vector<float> distances = random_distances<float>(n, 0, random);
  for (const LinkageMethod& method : linkage_methods) {
    for (const Way& way : ways) {
      if (way.workers > 1) continue;  // the caller, who polls, may find all work done
      CHECK_THROWS(cluster(distances, n, method, *available_kernel_sets().back(), way,
                           [] { throw Interrupted("enough"); }),
                   Interrupted, "enough");
    }
  }
}

}  // namespace boxel::test
