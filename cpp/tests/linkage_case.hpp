// Calls of hierarchical clustering in every way, and their check against plain loops.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "boxel/clustering/linkage.hpp"
#include "boxel/clustering/spanning_forest.hpp"
#include "boxel/kernel_set.hpp"
#include "check.hpp"
#include "clustering_case.hpp"

namespace boxel::test {

// How the distances are given.
struct Way {
  bool square;
  bool overwrite;
  int workers;
};
inline constexpr Way ways[] = {{false, false, 1}, {false, true, 1},  {true, false, 1},
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

// Against plain loops.
template <class T>
void check_all_ways(const std::vector<T>& distances, std::int64_t n) {
  for (const LinkageMethod& method : linkage_methods) {
    const std::vector<Join> expected = plain_linkage(distances, n, method);
    for (const KernelSet* set : available_kernel_sets()) {
      for (const Way& way : ways) {
        check_joins(cluster(distances, n, method, *set, way), expected, method.name, set->name, n,
                    "square", way.square, "overwrite", way.overwrite, "workers", way.workers);
      }
    }
  }
}

}  // namespace boxel::test
