// Tanimoto distances of fingerprints: rows of bits in 64-bit words.
#pragma once

#include <cstdint>
#include <vector>

#include "boxel/clustering/kernels.hpp"
#include "boxel/clustering/linkage.hpp"
#include "boxel/memory.hpp"
#include "boxel/parallel.hpp"

namespace boxel {

// Counts and layouts of a set of fingerprints; refers to the words it was made from.
class Fingerprints {
 public:
  Fingerprints(const std::uint64_t* words, std::int64_t count, std::int64_t words_each);

  std::int64_t count() const { return count_; }
  std::int64_t words_each() const { return words_each_; }
  std::int64_t groups() const;
  FingerprintRows rows(std::int64_t first, std::int64_t count) const;
  FingerprintGroups groups(std::int64_t first, std::int64_t count) const;

 private:
  const std::uint64_t* words_;
  std::int64_t count_;
  std::int64_t words_each_;
  std::vector<std::int32_t> counts_;  // padded with zeros to whole groups
  Buffer interleaved_;
};

struct TanimotoSettings {
  double empty_distance = 0;  // of two fingerprints without a bit
  const KernelSet* kernels = nullptr;
  int workers = 1;
  Poll poll;
};

template <class T>
void tanimoto_condensed(const Fingerprints& fingerprints, const TanimotoSettings& settings,
                        T* distances);

// Rows of `rows` against all of `columns`.
template <class T>
void tanimoto_between(const Fingerprints& rows, const Fingerprints& columns,
                      const TanimotoSettings& settings, T* distances);

// Single linkage without the distances ever being held.
std::vector<Join> tanimoto_single_linkage(const Fingerprints& fingerprints,
                                          const TanimotoSettings& settings);

}  // namespace boxel
