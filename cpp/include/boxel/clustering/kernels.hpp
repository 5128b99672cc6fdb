// The table of clustering kernels of one instruction set. What they compute has the same bits in
// every table.
#pragma once

#include <cstdint>
#include <type_traits>

#include "boxel/clustering/method.hpp"
#include "boxel/kernel_set.hpp"

namespace boxel {

// An integer as wide as the distances, so that both fill vector registers alike.
template <class T>
using IndexOf = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;

template <class T>
struct Nearest {
  T distance;
  std::int64_t index;
};

// What a merge of two clusters means for the distances to all others; which numbers count, and for
// what, is the rule's.
struct Update {
  double first = 0;
  double second = 0;
  double third = 0;
};

// A list of merges: cluster `gone` became part of cluster `kept`.
struct MergePair {
  std::int32_t kept;
  std::int32_t gone;
};
struct Merges {
  const MergePair* pairs;
  const Update* updates;
  std::int64_t count;
};

template <class T>
struct LinkageKernels {
  // The least of row[k] + penalty[k] and the first place that has it.
  Nearest<T> (*nearest)(const T* row, const T* penalty, std::int64_t count);
  Nearest<T> (*least)(const T* values, std::int64_t count);
  // Whether the value is found more than once.
  bool (*repeats)(const T* values, T value, std::int64_t count);
  // out[k]: the distance to cluster k of `kept` and `gone` merged; out may be one of the rows.
  void (*merge_rows)(Rule rule, const T* kept, const T* gone, const double* sizes,
                     const Update& update, std::int64_t count, T* out);
  // Brings the row of a cluster of `size` members up to date with merges of others.
  void (*replay)(Rule rule, T* row, std::int64_t count, double size, const Merges& merges);
  // bounds[k] and neighbours[k], k < kept, take note of the merged cluster's distance row[k]; a
  // neighbour that is no more, or is no longer known to be the nearest, becomes -1.
  void (*note_merge)(const T* row, const T* penalty, std::int64_t kept, std::int64_t gone,
                     T* bounds, IndexOf<T>* neighbours);
  // Where `next` is less than distances (or equal, and `name` less than nearest), it replaces them.
  void (*approach)(const T* next, std::int64_t name, std::int64_t count, T* distances,
                   IndexOf<T>* nearest);
  // The first place that is not a finite number of at least 0, or -1; raises *largest.
  std::int64_t (*check)(const T* values, std::int64_t count, T* largest);
  // Writes the places k where row[k] <= max(reach[k], own); returns their number.
  std::int64_t (*light)(const T* row, const T* reach, T own, std::int64_t count,
                        std::int32_t* places);
};

// Words of `fingerprint_group` fingerprints are interleaved, for as many lanes.
inline constexpr std::int64_t fingerprint_group = 8;

// Some fingerprints, with the number of bits of each.
struct FingerprintRows {
  const std::uint64_t* words;  // row after row
  const std::int32_t* counts;
  std::int64_t rows;
};
struct FingerprintGroups {
  const std::uint64_t* words;  // group after group, and in a group word after word
  const std::int32_t* counts;
  std::int64_t groups;
};

// out[r * stride + f]: the distance (union - intersection) / union of row r and fingerprint f;
// `empty` if neither has a bit.
template <class T>
using TanimotoKernel = void (*)(const FingerprintRows& rows, const FingerprintGroups& groups,
                                std::int64_t words, T empty, std::int64_t stride, T* out);

struct ClusteringKernels {
  std::string_view name;
  LinkageKernels<float> float32;
  LinkageKernels<double> float64;
  TanimotoKernel<float> tanimoto32;
  TanimotoKernel<double> tanimoto64;
};

template <class T>
const LinkageKernels<T>& linkage_kernels(const ClusteringKernels& kernels) {
  if constexpr (sizeof(T) == 8) {
    return kernels.float64;
  } else {
    return kernels.float32;
  }
}

// The clustering kernels for the same instruction set.
const ClusteringKernels& clustering_kernels(const KernelSet& kernels);

}  // namespace boxel
