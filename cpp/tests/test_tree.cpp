// Trees from joins, and what is read from them.
#include "boxel/clustering/tree.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "boxel/clustering/pairs.hpp"
#include "check.hpp"
#include "clustering_case.hpp"
#include "random.hpp"

namespace boxel::test {
namespace {

struct Clustered {
  std::int64_t n;
  std::vector<TreeRow> tree;
  std::vector<std::set<std::int64_t>> members;  // of each cluster
};

Clustered random_tree(std::int64_t n, Random& random) {
  const std::vector<double> distances = random_distances<double>(n, random.pick({0, 4}), random);
  const std::vector<Join> joins = plain_linkage(distances, n, linkage_methods[2]);
  Clustered result{n, std::vector<TreeRow>(at(std::max<std::int64_t>(n - 1, 0))), {}};
  write_tree(joins, n, result.tree.data());
  for (std::int64_t leaf = 0; leaf < n; ++leaf) result.members.push_back({leaf});
  for (std::size_t row = 0; row < result.tree.size(); ++row) {
    const TreeRow& joined = result.tree[row];
    CHECK(joined.first < joined.second, n, row);
    std::set<std::int64_t> both = result.members[static_cast<std::size_t>(joined.first)];
    both.merge(std::set<std::int64_t>(result.members[static_cast<std::size_t>(joined.second)]));
    CHECK_EQ(joined.size, static_cast<double>(both.size()), n, row);
    CHECK_EQ(*both.begin(), joins[row].kept, n, row);
    CHECK(both.contains(joins[row].gone), n, row);
    CHECK_EQ(joined.distance, joins[row].distance, n, row);
    result.members.push_back(std::move(both));
  }
  return result;
}

constexpr std::int64_t sizes[] = {1, 2, 3, 10, 40, 100};

}  // namespace

TEST(leaves_of_a_cluster_lie_side_by_side) {
  Random random(1);
  for (const std::int64_t n : sizes) {
    const Clustered given = random_tree(n, random);
    std::vector<std::int64_t> order(at(n), -1);
    leaf_order(given.tree.data(), n, order.data());
    for (const auto& cluster : given.members) {
      const auto first = std::find_if(order.begin(), order.end(),
                                      [&](std::int64_t leaf) { return cluster.contains(leaf); });
      const auto room = static_cast<std::size_t>(order.end() - first);
      CHECK(room >= cluster.size(), n);
      CHECK_EQ(std::set<std::int64_t>(first, first + static_cast<std::ptrdiff_t>(std::min(
                                                         room, cluster.size()))) == cluster,
               true, n);
    }
    for (std::size_t row = 0; row < given.tree.size(); ++row) {
      const auto place = [&](double id) {
        const std::int64_t leaf = *given.members[static_cast<std::size_t>(id)].begin();
        return std::find(order.begin(), order.end(), leaf) - order.begin();
      };
      CHECK(place(given.tree[row].first) < place(given.tree[row].second), n, row);
    }
  }
}

TEST(cophenetic_distances_are_those_of_the_joins) {
  Random random(2);
  for (const std::int64_t n : sizes) {
    const Clustered given = random_tree(n, random);
    std::vector<double> expected(at(pair_count(n)), -1.0);
    const PairRows<double> pairs{expected.data(), n, 0};
    for (const TreeRow& joined : given.tree) {
      for (const std::int64_t i : given.members[static_cast<std::size_t>(joined.first)]) {
        for (const std::int64_t j : given.members[static_cast<std::size_t>(joined.second)]) {
          pairs.row(std::min(i, j))[std::max(i, j)] = joined.distance;
        }
      }
    }
    for (const int workers : {1, 3}) {
      std::vector<double> found(expected.size());
      cophenetic_distances(given.tree.data(), n, found.data(), workers, {});
      CHECK(found == expected, n, workers);
    }
  }
}

TEST(flat_clusters_are_what_is_left_of_the_tree) {
  Random random(3);
  for (const std::int64_t n : sizes) {
    const Clustered given = random_tree(n, random);
    for (int times = 0; times < 20; ++times) {
      std::vector<std::uint8_t> cut(given.tree.size());
      for (std::uint8_t& each : cut) each = random.one_in(6) ? 1 : 0;
      // A cluster is whole if no row within it is cut; each observation is in the largest of those.
      std::vector<std::set<std::int64_t>> largest(given.members.begin(), given.members.begin() + n);
      std::vector<bool> whole(at(n), true);
      for (std::size_t row = 0; row < given.tree.size(); ++row) {
        const TreeRow& joined = given.tree[row];
        whole.push_back(cut[row] == 0 && whole[static_cast<std::size_t>(joined.first)] &&
                        whole[static_cast<std::size_t>(joined.second)]);
        if (!whole.back()) continue;
        const auto& cluster = given.members[at(n) + row];
        for (const std::int64_t leaf : cluster) largest[at(leaf)] = cluster;
      }
      std::vector<std::int64_t> labels(at(n), -1);
      flat_clusters(given.tree.data(), n, cut.data(), labels.data());
      std::int64_t next = 0;
      for (std::int64_t leaf = 0; leaf < n; ++leaf) {
        const std::int64_t first = *largest[at(leaf)].begin();
        CHECK_EQ(labels[at(leaf)], first == leaf ? next++ : labels[at(first)], n, leaf);
      }
    }
  }
}

TEST(a_tree_of_nothing_is_empty) {
  leaf_order(nullptr, 0, nullptr);
  flat_clusters(nullptr, 0, nullptr, nullptr);
  cophenetic_distances(nullptr, 0, nullptr, 1, {});
  std::int64_t order = -1;
  leaf_order(nullptr, 1, &order);
  CHECK_EQ(order, 0);
}

}  // namespace boxel::test
