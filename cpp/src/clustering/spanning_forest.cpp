#include "boxel/clustering/spanning_forest.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "union_find.hpp"

namespace boxel {
namespace {

constexpr std::int64_t part = 1024;  // distances that are looked at in one go
constexpr std::int64_t rows_per_piece = 16;
// Each worker grows a forest of its own, which takes as long for half of the pairs as for all:
// another one pays only where to look at the pairs takes longer.
constexpr std::int64_t pairs_per_worker = std::int64_t{1} << 28;

// A total order, so that there is one minimum spanning tree only, however it is found.
template <class T>
bool shorter(const Edge<T>& a, const Edge<T>& b) {
  if (a.distance != b.distance) return a.distance < b.distance;
  return a.i != b.i ? a.i < b.i : a.j < b.j;
}

template <class T>
Edge<T> edge_of(T distance, std::int64_t a, std::int64_t b) {
  return {distance, static_cast<std::int32_t>(std::min(a, b)),
          static_cast<std::int32_t>(std::max(a, b))};
}

// The edges of each observation, one after the other.
template <class T>
class Adjacency {
 public:
  Adjacency(const std::vector<Edge<T>>& edges, std::int64_t n) : edges_(edges) {
    first_.assign(static_cast<std::size_t>(n) + 1, 0);
    places_.resize(2 * edges.size());
    for (const Edge<T>& edge : edges) {
      ++first_[static_cast<std::size_t>(edge.i) + 1];
      ++first_[static_cast<std::size_t>(edge.j) + 1];
    }
    std::partial_sum(first_.begin(), first_.end(), first_.begin());
    std::vector<std::size_t> next(first_.begin(), first_.end() - 1);
    for (std::size_t e = 0; e < edges.size(); ++e) {
      places_[next[static_cast<std::size_t>(edges[e].i)]++] = e;
      places_[next[static_cast<std::size_t>(edges[e].j)]++] = e;
    }
  }
  template <class Body>
  void for_edges(std::int32_t of, Body&& body) const {
    const std::size_t end = first_[static_cast<std::size_t>(of) + 1];
    for (std::size_t k = first_[static_cast<std::size_t>(of)]; k < end; ++k) {
      body(edges_[places_[k]]);
    }
  }

 private:
  const std::vector<Edge<T>>& edges_;
  std::vector<std::size_t> first_;
  std::vector<std::size_t> places_;
};

// Prim's algorithm: grows one tree by the nearest observation outside of it.
template <class T>
class SmallTree {
 public:
  SmallTree(const PairRows<const T>& pairs, const LinkageKernels<T>& kernels)
      : kernels_(kernels), left_(pairs.n - 1) {
    const auto length = static_cast<std::size_t>(pairs.n);
    distances_.assign(length, std::numeric_limits<T>::max());
    nearest_.assign(length, std::numeric_limits<IndexOf<T>>::max());
    next_.resize(length);
    outside_.resize(length);
    std::iota(outside_.begin(), outside_.end(), 0);
    rows_.resize(length);
    for (std::int64_t i = 0; i < pairs.n; ++i) rows_[static_cast<std::size_t>(i)] = pairs.row(i);
  }

  std::vector<Edge<T>> grow() {
    std::vector<Edge<T>> edges;
    edges.reserve(distances_.size());
    for (std::int64_t place = 0; left_ > 0; --left_) {
      take(place);
      place = nearest_place();
      edges.push_back(edge_to(place));
    }
    return edges;
  }

 private:
  // What is at this place enters the tree; the last one fills the gap.
  void take(std::int64_t place) {
    const auto gap = static_cast<std::size_t>(place);
    const auto end = static_cast<std::size_t>(left_);
    const std::int32_t x = std::exchange(outside_[gap], outside_[end]);
    distances_[gap] = distances_[end];
    nearest_[gap] = nearest_[end];
    for (std::size_t k = 0; k < end; ++k) {
      const auto [i, j] = std::pair(std::min(outside_[k], x), std::max(outside_[k], x));
      next_[k] = rows_[static_cast<std::size_t>(i)][j];
    }
    kernels_.approach(next_.data(), x, left_, distances_.data(), nearest_.data());
  }

  std::int64_t nearest_place() const {
    const T* const distances = distances_.data();
    const auto [distance, first] = kernels_.least(distances, left_);
    std::int64_t best = first;
    if (!kernels_.repeats(distances + first, distance, left_ - first)) return best;
    for (std::int64_t k = first + 1; k < left_; ++k) {
      const Nearest<T> next = kernels_.least(distances + k, left_ - k);
      if (next.distance != distance) break;
      k += next.index;
      if (shorter(edge_to(k), edge_to(best))) best = k;
    }
    return best;
  }

  Edge<T> edge_to(std::int64_t place) const {
    const auto k = static_cast<std::size_t>(place);
    return edge_of(distances_[k], nearest_[k], outside_[k]);
  }

  const LinkageKernels<T>& kernels_;
  std::int64_t left_;  // outside of the tree, once one is taken
  std::vector<const T*> rows_;
  std::vector<std::int32_t> outside_;
  std::vector<T> distances_;  // from the tree
  std::vector<IndexOf<T>> nearest_;
  std::vector<T> next_;
};

}  // namespace

template <class T>
SpanningForest<T>::SpanningForest(std::int64_t n, const LinkageKernels<T>& kernels)
    : n_(n), kernels_(kernels), capacity_(static_cast<std::size_t>(4 * n + 2 * part)) {
  edges_.reserve(capacity_);
  parents_.resize(static_cast<std::size_t>(n));
  places_.resize(part);
  constexpr T endless = std::numeric_limits<T>::infinity();
  longest_.assign(static_cast<std::size_t>(n), {endless, 0, 0});
  reach_.assign(static_cast<std::size_t>(n), endless);
}

template <class T>
void SpanningForest<T>::take(std::int64_t i, std::int64_t first, const T* distances,
                             std::int64_t count) {
  for (std::int64_t done = 0; done < count; done += part) {
    if (edges_.size() + part > capacity_) reduce();
    const std::int64_t start = first + done;
    const std::int64_t found =
        kernels_.light(distances + done, reach_.data() + start, reach_[static_cast<std::size_t>(i)],
                       std::min(part, count - done), places_.data());
    for (std::int64_t k = 0; k < found; ++k) {
      const std::int64_t place = places_[static_cast<std::size_t>(k)];
      const Edge<T> edge = edge_of(distances[done + place], i, start + place);
      if (!is_detour(edge)) edges_.push_back(edge);
    }
  }
  // The first row connects all: from then on most distances are detours.
  if (sorted_ == 0 && edges_.size() >= static_cast<std::size_t>(n_ - 1)) reduce();
}

template <class T>
bool SpanningForest<T>::is_detour(const Edge<T>& edge) const {
  const Edge<T>& from_i = longest_[static_cast<std::size_t>(edge.i)];
  const Edge<T>& from_j = longest_[static_cast<std::size_t>(edge.j)];
  return shorter(from_i, edge) && shorter(from_j, edge);
}

template <class T>
void SpanningForest<T>::merge(const SpanningForest& other) {
  reduce();
  edges_.insert(edges_.end(), other.edges_.begin(), other.edges_.end());
  reduce();
}

// Kruskal's algorithm: keeps the edges that connect what shorter ones do not.
template <class T>
void SpanningForest<T>::reduce() {
  const auto middle = edges_.begin() + static_cast<std::ptrdiff_t>(sorted_);
  std::sort(middle, edges_.end(), shorter<T>);
  std::inplace_merge(edges_.begin(), middle, edges_.end(), shorter<T>);
  UnionFind trees(parents_);
  std::size_t kept = 0;
  for (const Edge<T> edge : edges_) {
    const std::int32_t a = trees.name_of(edge.i);
    const std::int32_t b = trees.name_of(edge.j);
    if (a == b) continue;
    trees.unite(a, b);
    edges_[kept++] = edge;
  }
  edges_.resize(kept);
  sorted_ = kept;
  find_reach();
}

template <class T>
void SpanningForest<T>::find_reach() {
  // Those in other trees keep an infinite reach, so that nothing is left out that connects them.
  constexpr Edge<T> endless{std::numeric_limits<T>::infinity(), 0, 0};
  std::fill(longest_.begin(), longest_.end(), endless);
  if (edges_.empty()) return;
  const Adjacency<T> adjacency(edges_, n_);
  std::vector<std::int32_t> waiting{edges_.front().i};
  longest_[static_cast<std::size_t>(waiting.front())] = {T{-1}, 0, 0};
  while (!waiting.empty()) {
    const std::int32_t from = waiting.back();
    waiting.pop_back();
    const Edge<T> so_far = longest_[static_cast<std::size_t>(from)];
    adjacency.for_edges(from, [&](const Edge<T>& edge) {
      const std::int32_t to = edge.i == from ? edge.j : edge.i;
      Edge<T>& longest = longest_[static_cast<std::size_t>(to)];
      if (longest.distance < std::numeric_limits<T>::infinity()) return;
      longest = shorter(so_far, edge) ? edge : so_far;
      waiting.push_back(to);
    });
  }
  for (std::size_t k = 0; k < reach_.size(); ++k) reach_[k] = longest_[k].distance;
}

template <class T>
std::vector<Edge<T>> SpanningForest<T>::finish() {
  reduce();
  return std::move(edges_);
}

template <class T>
std::vector<Join> joins_of(std::vector<Edge<T>> edges, std::int64_t n) {
  std::sort(edges.begin(), edges.end(), shorter<T>);
  std::vector<std::int32_t> parents(static_cast<std::size_t>(n));
  UnionFind clusters(parents);
  std::vector<Join> joins;
  joins.reserve(edges.size());
  for (const Edge<T>& edge : edges) {
    const std::int32_t a = clusters.name_of(edge.i);
    const std::int32_t b = clusters.name_of(edge.j);
    joins.push_back({std::min(a, b), std::max(a, b), static_cast<double>(edge.distance)});
    clusters.unite(a, b);
  }
  return joins;
}

template <class T>
std::vector<Join> single_linkage(const PairRows<const T>& pairs, const KernelSet& set, int workers,
                                 const Poll& poll) {
  const LinkageKernels<T>& kernels = linkage_kernels<T>(clustering_kernels(set));
  const std::int64_t n = pairs.n;
  if (is_cached<T>(n)) return joins_of(SmallTree<T>(pairs, kernels).grow(), n);
  const std::int64_t pieces = (n + rows_per_piece - 1) / rows_per_piece;
  workers = static_cast<int>(std::min<std::int64_t>(workers, 1 + pair_count(n) / pairs_per_worker));
  std::vector<SpanningForest<T>> forests(static_cast<std::size_t>(workers), {n, kernels});
  parallel_for(
      pieces, workers,
      [&](std::int64_t piece, int worker) {
        const std::int64_t first = piece * rows_per_piece;
        for (std::int64_t i = first; i < std::min(first + rows_per_piece, n); ++i) {
          forests[static_cast<std::size_t>(worker)].take(i, i + 1, pairs.after(i), n - i - 1);
        }
      },
      poll);
  for (std::size_t worker = 1; worker < forests.size(); ++worker) {
    forests.front().merge(forests[worker]);
  }
  return joins_of(forests.front().finish(), n);
}

template class SpanningForest<float>;
template class SpanningForest<double>;
template std::vector<Join> joins_of(std::vector<Edge<float>>, std::int64_t);
template std::vector<Join> joins_of(std::vector<Edge<double>>, std::int64_t);
template std::vector<Join> single_linkage(const PairRows<const float>&, const KernelSet&, int,
                                          const Poll&);
template std::vector<Join> single_linkage(const PairRows<const double>&, const KernelSet&, int,
                                          const Poll&);

}  // namespace boxel
