#include "boxel/clustering/tree.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace boxel {
namespace {

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

std::int64_t first_of(const TreeRow& row) { return static_cast<std::int64_t>(row.first); }
std::int64_t second_of(const TreeRow& row) { return static_cast<std::int64_t>(row.second); }

// Where the observations of each cluster lie in the order of the leaves, and its parent.
class Layout {
 public:
  Layout(const TreeRow* tree, std::int64_t n) : n_(n) {
    const std::int64_t nodes = 2 * n - 1;
    begin_.assign(at(nodes), 0);
    end_.assign(at(nodes), 1);
    parent_.assign(at(nodes), -1);
    for (std::int64_t row = 0; row < n - 1; ++row) {
      parent_[at(first_of(tree[row]))] = parent_[at(second_of(tree[row]))] = n + row;
      end_[at(n + row)] = end_[at(first_of(tree[row]))] + end_[at(second_of(tree[row]))];
    }
    for (std::int64_t row = n - 2; row >= 0; --row) {  // sizes become places, from the root down
      const std::size_t first = at(first_of(tree[row]));
      const std::size_t second = at(second_of(tree[row]));
      begin_[first] = begin_[at(n + row)];
      begin_[second] = begin_[first] + end_[first];
      end_[at(n + row)] += begin_[at(n + row)];
    }
    order_.resize(at(n));
    for (std::int64_t leaf = 0; leaf < n; ++leaf) {
      end_[at(leaf)] = begin_[at(leaf)] + 1;
      order_[at(begin_[at(leaf)])] = leaf;
    }
  }
  std::int64_t begin(std::int64_t node) const { return begin_[at(node)]; }
  std::int64_t end(std::int64_t node) const { return end_[at(node)]; }
  std::int64_t parent(std::int64_t node) const { return parent_[at(node)]; }
  const std::vector<std::int64_t>& order() const { return order_; }

 private:
  std::int64_t n_;
  std::vector<std::int64_t> begin_;
  std::vector<std::int64_t> end_;
  std::vector<std::int64_t> parent_;
  std::vector<std::int64_t> order_;
};

}  // namespace

void write_tree(const std::vector<Join>& joins, std::int64_t n, TreeRow* tree) {
  std::vector<std::int64_t> ids(at(n));  // of the cluster with this first observation
  std::vector<std::int64_t> sizes(at(n), 1);
  std::iota(ids.begin(), ids.end(), 0);
  for (std::size_t row = 0; row < joins.size(); ++row) {
    const std::size_t kept = at(joins[row].kept);
    const std::size_t gone = at(joins[row].gone);
    sizes[kept] += sizes[gone];
    tree[row] = {static_cast<double>(std::min(ids[kept], ids[gone])),
                 static_cast<double>(std::max(ids[kept], ids[gone])), joins[row].distance,
                 static_cast<double>(sizes[kept])};
    ids[kept] = n + static_cast<std::int64_t>(row);
  }
}

void leaf_order(const TreeRow* tree, std::int64_t n, std::int64_t* order) {
  if (n == 0) return;
  const Layout layout(tree, n);
  std::copy(layout.order().begin(), layout.order().end(), order);
}

void cophenetic_distances(const TreeRow* tree, std::int64_t n, double* distances, int workers,
                          const Poll& poll) {
  if (n < 2) return;
  constexpr std::int64_t rows_per_piece = 16;
  const Layout layout(tree, n);
  const PairRows<double> pairs{distances, n, 0};
  std::vector<std::vector<double>> rows(at(workers), std::vector<double>(at(n)));
  // Up from an observation: each sibling on the way holds others that join it at one distance.
  const auto fill = [&](std::int64_t leaf, double* row) {
    for (std::int64_t node = leaf; layout.parent(node) >= 0; node = layout.parent(node)) {
      const TreeRow& joined = tree[layout.parent(node) - n];
      const std::int64_t first = first_of(joined);
      const std::int64_t sibling = first == node ? second_of(joined) : first;
      for (std::int64_t place = layout.begin(sibling); place < layout.end(sibling); ++place) {
        row[layout.order()[at(place)]] = joined.distance;
      }
    }
  };
  parallel_for((n + rows_per_piece - 1) / rows_per_piece, workers,
               [&](std::int64_t piece, int worker) {
                 double* row = rows[at(worker)].data();
                 const std::int64_t first = piece * rows_per_piece;
                 for (std::int64_t i = first; i < std::min(first + rows_per_piece, n); ++i) {
                   fill(i, row);
                   std::copy(row + i + 1, row + n, pairs.after(i));
                 }
               },
               poll);
}

void flat_clusters(const TreeRow* tree, std::int64_t n, const std::uint8_t* cut,
                   std::int64_t* labels) {
  if (n == 0) return;
  const std::int64_t nodes = 2 * n - 1;
  std::vector<std::int64_t> top(at(nodes));  // the flat cluster that a node belongs to
  std::iota(top.begin(), top.end(), 0);
  std::vector<std::uint8_t> undone(at(nodes), 0);
  for (std::int64_t row = 0; row < n - 1; ++row) {
    const bool below =
        undone[at(first_of(tree[row]))] != 0 || undone[at(second_of(tree[row]))] != 0;
    undone[at(n + row)] = cut[row] != 0 || below ? 1 : 0;
  }
  for (std::int64_t row = n - 2; row >= 0; --row) {
    if (undone[at(n + row)] != 0) continue;
    top[at(first_of(tree[row]))] = top[at(second_of(tree[row]))] = top[at(n + row)];
  }
  std::vector<std::int64_t> numbers(at(nodes), -1);
  std::int64_t next = 0;
  for (std::int64_t leaf = 0; leaf < n; ++leaf) {
    std::int64_t& number = numbers[at(top[at(leaf)])];
    if (number < 0) number = next++;
    labels[leaf] = number;
  }
}

}  // namespace boxel
