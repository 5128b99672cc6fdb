// The minimum spanning tree of distances that are seen once, in any order, and then forgotten.
// Single linkage is that tree: its joins are the tree's edges in order of their length.
#pragma once

#include <cstdint>
#include <vector>

#include "boxel/clustering/kernels.hpp"
#include "boxel/clustering/linkage.hpp"

namespace boxel {

// Edges are compared by distance, then by i, then by j.
template <class T>
struct Edge {
  T distance;
  std::int32_t i;  // less than j
  std::int32_t j;
};

// A state like that of a statistic: takes distances in, merges with another one. Memory grows with
// the observations, not with their pairs.
template <class T>
class SpanningForest {
 public:
  SpanningForest(std::int64_t n, const LinkageKernels<T>& kernels);

  // The distances of observation i to `count` others from `first` on.
  void take(std::int64_t i, std::int64_t first, const T* distances, std::int64_t count);
  void merge(const SpanningForest& other);

  // The edges of a spanning tree (or forest, if not all pairs were seen), shortest first.
  std::vector<Edge<T>> finish();

 private:
  void reduce();
  void find_reach();
  bool is_detour(const Edge<T>& edge) const;

  std::int64_t n_;
  const LinkageKernels<T>& kernels_;
  std::size_t capacity_;
  std::size_t sorted_ = 0;  // the forest itself; what follows waits
  std::vector<Edge<T>> edges_;
  std::vector<std::int32_t> parents_;
  std::vector<std::int32_t> places_;
  // The longest edge between an observation and a fixed one within the forest, and its distance. An
  // edge longer than those of both its ends is a detour: it is in no minimum spanning tree.
  std::vector<Edge<T>> longest_;
  std::vector<T> reach_;
};

// The joins of single linkage from the edges of a minimum spanning tree.
template <class T>
std::vector<Join> joins_of(std::vector<Edge<T>> edges, std::int64_t n);

template <class T>
std::vector<Join> single_linkage(const PairRows<const T>& pairs, const KernelSet& kernels,
                                 int workers, const Poll& poll);

}  // namespace boxel
