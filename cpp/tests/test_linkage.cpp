// Hierarchical clustering against plain loops: every method, way to give the distances, and
// instruction set.
#include "boxel/clustering/linkage.hpp"

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "linkage_case.hpp"
#include "random.hpp"

namespace boxel::test {
TEST(linkage_joins_the_nearest_clusters) {
  Random random(1);
  for (const std::int64_t n : {2, 3, 4, 5, 9, 17, 33, 64, 65, 90}) {
    for (const std::int64_t levels : {0, 1, 3}) {
      check_all_ways(random_distances<float>(n, levels, random), n);
      check_all_ways(random_distances<double>(n, levels, random), n);
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
