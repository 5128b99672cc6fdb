// Hierarchical clustering of a distance matrix.
#pragma once

#include <cstdint>
#include <vector>

#include "boxel/clustering/method.hpp"
#include "boxel/clustering/pairs.hpp"
#include "boxel/kernel_set.hpp"
#include "boxel/parallel.hpp"

namespace boxel {

// Two clusters become one; each is named by its first observation.
struct Join {
  std::int64_t kept;  // the smaller of the two, and the name of the union
  std::int64_t gone;
  double distance;
};

template <class T>
struct LinkageRequest {
  PairRows<T> pairs;       // finite and not negative
  bool overwrite = false;  // the distances may be destroyed; if square, both halves are given
  double largest = 0;      // of the distances
  LinkageMethod method;
  const KernelSet* kernels = nullptr;
  int workers = 1;
  Poll poll;
};

// The joins in their order: each time the two clusters of the least distance, and among equals
// those with the smallest names (the first, then the second). Every method but `single`.
template <class T>
std::vector<Join> agglomerate(const LinkageRequest<T>& request);

}  // namespace boxel
