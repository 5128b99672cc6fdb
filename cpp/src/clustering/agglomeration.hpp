// Merges the nearest two clusters until one is left.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include "boxel/clustering/kernels.hpp"
#include "boxel/clustering/linkage.hpp"

namespace boxel {

// For each cluster, its nearest one among those after it. A merge leaves most of them as they are;
// of the others a lower bound stays, and they are looked for again only once it is the least of
// all. (D. Müllner, Modern hierarchical, agglomerative clustering algorithms, arXiv:1109.2378,
// gives the idea of lazy neighbours.)
template <class T, class Rows>
class Agglomeration {
 public:
  Agglomeration(Rows& rows, std::int64_t count, const LinkageMethod& method,
                const LinkageKernels<T>& kernels)
      : rows_(rows), method_(method), kernels_(kernels) {
    const auto length = static_cast<std::size_t>(count);
    names_.resize(length);
    for (std::int64_t k = 0; k < count; ++k) names_[static_cast<std::size_t>(k)] = k;
    sizes_.assign(length, 1.0);
    penalties_.assign(length, T{0});
    bounds_.assign(length, infinity);
    neighbours_.assign(length, unknown);
  }

  // Once for each i before run, in any order, by any threads, where the distances to all after it
  // are in place.
  void find_neighbour(std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    const Nearest<T> found =
        kernels_.nearest(rows_.after(i), penalties_.data() + i + 1, count() - i - 1);
    bounds_[at] = found.distance;
    neighbours_[at] = found.index < 0 ? unknown : static_cast<IndexOf<T>>(i + 1 + found.index);
  }

  std::vector<Join> run(const Poll& poll) {
    std::vector<Join> joins;
    joins.reserve(names_.size());
    for (std::int64_t left = count(); left > 1; --left) {
      if (count() >= least_compacted && 2 * left <= count()) compact();
      const std::int64_t a = nearest_pair();
      joins.push_back(join(a, neighbours_[static_cast<std::size_t>(a)]));
      look(poll, left);
    }
    return joins;
  }

 private:
  static constexpr T infinity = std::numeric_limits<T>::infinity();
  static constexpr IndexOf<T> unknown = -1;
  static constexpr std::int64_t least_compacted = 32;

  // A poll reads the clock, which takes as long as a merge of a few dozen clusters.
  static void look(const Poll& poll, std::int64_t turn) {
    if (turn % 64 == 63 && poll) poll();
  }

  std::int64_t count() const { return static_cast<std::int64_t>(names_.size()); }

  // The first cluster of the nearest two.
  std::int64_t nearest_pair() {
    for (;;) {
      const std::int64_t a = kernels_.least(bounds_.data(), count()).index;
      if (a < 0) throw std::runtime_error("distances were changed while they were clustered");
      if (neighbours_[static_cast<std::size_t>(a)] != unknown) return a;
      find_neighbour(a);
    }
  }

  Join join(std::int64_t a, std::int64_t b) {
    const auto kept = static_cast<std::size_t>(a);
    const auto gone = static_cast<std::size_t>(b);
    const auto distance = static_cast<double>(bounds_[kept]);
    const Update update = update_of(sizes_[kept], sizes_[gone], distance);
    penalties_[gone] = bounds_[gone] = infinity;
    const T* row_of_kept = rows_.row(a, 0);
    const T* row_of_gone = rows_.row(b, 1);
    T* const row = rows_.merged(a);
    kernels_.merge_rows(method_.rule, row_of_kept, row_of_gone, sizes_.data(), update, count(),
                        row);
    sizes_[kept] += sizes_[gone];
    rows_.join(a, b, sizes_[kept], update);
    kernels_.note_merge(row, penalties_.data(), a, b, bounds_.data(), neighbours_.data());
    find_neighbour(a);
    return {names_[kept], names_[gone], distance};
  }

  Update update_of(double kept, double gone, double distance) const {
    if (method_.rule == Rule::ward) return {kept, gone, distance};
    const double weight = method_.by_size ? kept / (kept + gone) : 0.5;
    return {weight, 1 - weight, weight * (1 - weight) * distance};
  }

  void compact() {
    std::vector<std::int64_t> live;
    std::vector<IndexOf<T>> places(names_.size(), unknown);
    for (std::int64_t k = 0; k < count(); ++k) {
      const auto at = static_cast<std::size_t>(k);
      if (penalties_[at] != T{0}) continue;
      places[at] = static_cast<IndexOf<T>>(live.size());
      live.push_back(k);
    }
    rows_.compact(live);
    for (std::size_t k = 0; k < live.size(); ++k) {
      const auto from = static_cast<std::size_t>(live[k]);
      names_[k] = names_[from];
      sizes_[k] = sizes_[from];
      bounds_[k] = bounds_[from];
      const IndexOf<T> neighbour = neighbours_[from];
      neighbours_[k] = neighbour == unknown ? unknown : places[static_cast<std::size_t>(neighbour)];
    }
    names_.resize(live.size());
    sizes_.resize(live.size());
    bounds_.resize(live.size());
    neighbours_.resize(live.size());
    penalties_.assign(live.size(), T{0});
  }

  Rows& rows_;
  LinkageMethod method_;
  const LinkageKernels<T>& kernels_;
  std::vector<std::int64_t> names_;  // the first observation of each cluster
  std::vector<double> sizes_;
  std::vector<T> penalties_;  // infinite for clusters that are no more
  std::vector<T> bounds_;     // of the distance to the nearest cluster after each
  std::vector<IndexOf<T>> neighbours_;
};

}  // namespace boxel
