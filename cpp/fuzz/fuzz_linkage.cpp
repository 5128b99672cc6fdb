// Hierarchical clustering of any distances: every method and way against plain loops, and what
// holds for every tree.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "boxel/clustering/tree.hpp"
#include "check.hpp"
#include "linkage_case.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

// From the bytes one by one, few levels or any; scaled so that squares come near the limits.
template <class T>
std::vector<T> any_distances(Random& random, std::int64_t n) {
  const std::int64_t levels = random.pick<std::int64_t>({0, 1, 2, 4, 256});
  const T scale = random.pick<T>({1, 1, static_cast<T>(0.1), static_cast<T>(1e15)});
  std::vector<T> distances = random_distances<T>(n, levels, random);
  for (T& distance : distances) distance *= scale;
  return distances;
}

void check_leaf_order(const std::vector<TreeRow>& tree, std::int64_t n) {
  std::vector<std::int64_t> order(at(n));
  leaf_order(tree.data(), n, order.data());
  std::ranges::sort(order);
  for (std::int64_t leaf = 0; leaf < n; ++leaf) CHECK_EQ(order[at(leaf)], leaf);
}

// Pairs are of one flat cluster if and only if the join that unites them is not undone.
void check_cuts(const std::vector<TreeRow>& tree, std::int64_t n, Random& random) {
  std::vector<std::uint8_t> cut(at(n - 1));
  const std::int64_t kept = random.between(0, n - 1);
  std::fill(cut.begin() + kept, cut.end(), std::uint8_t{1});
  std::vector<std::int64_t> labels(at(n));
  flat_clusters(tree.data(), n, cut.data(), labels.data());
  std::vector<std::int64_t> cluster(at(n));
  std::iota(cluster.begin(), cluster.end(), 0);
  for (std::int64_t row = 0; row < kept; ++row) {
    for (std::int64_t& id : cluster) {
      const auto name = static_cast<double>(id);
      if (name == tree[at(row)].first || name == tree[at(row)].second) id = n + row;
    }
  }
  std::int64_t next = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto seen = std::find(cluster.begin(), cluster.begin() + i, cluster[at(i)]);
    const bool first = seen == cluster.begin() + i;
    CHECK_EQ(labels[at(i)], first ? next : labels[at(seen - cluster.begin())], "observation", i);
    if (first) ++next;
  }
}

template <class T>
void check_distances(Random& random) {
  const std::int64_t n = random.between(2, 40);
  const std::vector<T> distances = any_distances<T>(random, n);
  check_all_ways(distances, n);
  const LinkageMethod& method =
      linkage_methods[at(random.between(0, std::ssize(linkage_methods) - 1))];
  const auto joins = cluster(distances, n, method, *available_kernel_sets().back(), ways[0]);
  std::vector<TreeRow> tree(at(n - 1));
  write_tree(joins, n, tree.data());
  CHECK_EQ(tree.back().size, static_cast<double>(n), method.name);
  const bool monotone = method.rule != Rule::centre;
  for (std::size_t row = 1; monotone && row < tree.size(); ++row) {
    CHECK(tree[row - 1].distance <= tree[row].distance, method.name, "row", row);
  }
  check_leaf_order(tree, n);
  check_cuts(tree, n, random);
}

}  // namespace
}  // namespace boxel::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace boxel::test;
  Random random(std::span(data, size));
  if (random.one_in(2)) {
    check_distances<float>(random);
  } else {
    check_distances<double>(random);
  }
  return 0;
}
