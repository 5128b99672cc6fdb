#include "boxel/clustering/tanimoto.hpp"

#include <algorithm>
#include <bit>

#include "boxel/clustering/kernels.hpp"
#include "boxel/clustering/spanning_forest.hpp"

namespace boxel {
namespace {

// A tile's columns and rows stay in the nearest caches at 2048 bits.
constexpr std::int64_t tile_rows = 64;
constexpr std::int64_t tile_groups = 16;
constexpr std::int64_t tile_columns = tile_groups * fingerprint_group;

template <class T>
TanimotoKernel<T> kernel_of(const TanimotoSettings& settings) {
  const ClusteringKernels& kernels = clustering_kernels(*settings.kernels);
  if constexpr (sizeof(T) == 8) {
    return kernels.tanimoto64;
  } else {
    return kernels.tanimoto32;
  }
}

// Calls body(worker, row, first column, distances, columns) for the parts of rows in each tile;
// with `upper` only for the columns after the row.
template <class T, class Body>
void for_row_parts(const Fingerprints& rows, const Fingerprints& columns, bool upper,
                   const TanimotoSettings& settings, Body&& body) {
  const TanimotoKernel<T> kernel = kernel_of<T>(settings);
  const std::int64_t words = rows.words_each();
  const auto empty = static_cast<T>(settings.empty_distance);
  const std::int64_t pieces = (rows.count() + tile_rows - 1) / tile_rows;
  std::vector<std::vector<T>> tiles(static_cast<std::size_t>(settings.workers));
  for (auto& tile : tiles) tile.resize(static_cast<std::size_t>(tile_rows * tile_columns));
  parallel_for(
      pieces, settings.workers,
      [&](std::int64_t piece, int worker) {
        T* const tile = tiles[static_cast<std::size_t>(worker)].data();
        const std::int64_t row = piece * tile_rows;
        const std::int64_t count = std::min(tile_rows, rows.count() - row);
        const std::int64_t first_group = upper ? row / fingerprint_group : 0;
        for (std::int64_t group = first_group; group < columns.groups(); group += tile_groups) {
          const std::int64_t taken = std::min(tile_groups, columns.groups() - group);
          kernel(rows.rows(row, count), columns.groups(group, taken), words, empty, tile_columns,
                 tile);
          const std::int64_t start = group * fingerprint_group;
          const std::int64_t end = std::min(start + tile_columns, columns.count());
          for (std::int64_t r = 0; r < count; ++r) {
            const std::int64_t first = upper ? std::max(start, row + r + 1) : start;
            if (first >= end) continue;
            body(worker, row + r, first, tile + r * tile_columns + (first - start), end - first);
          }
          if (worker == 0 && settings.poll) settings.poll();
        }
      },
      settings.poll);
}

}  // namespace

Fingerprints::Fingerprints(const std::uint64_t* words, std::int64_t count, std::int64_t words_each)
    : words_(words), count_(count), words_each_(words_each) {
  const std::int64_t padded = groups() * fingerprint_group;
  counts_.assign(static_cast<std::size_t>(padded), 0);
  interleaved_.reserve(static_cast<std::size_t>(padded * words_each) * sizeof(std::uint64_t));
  auto* out = reinterpret_cast<std::uint64_t*>(interleaved_.data());
  for (std::int64_t row = 0; row < padded; ++row) {
    std::uint64_t* lane =
        out + row / fingerprint_group * fingerprint_group * words_each + row % fingerprint_group;
    for (std::int64_t word = 0; word < words_each; ++word) {
      const std::uint64_t bits = row < count ? words[row * words_each + word] : 0;
      lane[word * fingerprint_group] = bits;
      counts_[static_cast<std::size_t>(row)] += std::popcount(bits);
    }
  }
}

std::int64_t Fingerprints::groups() const {
  return (count_ + fingerprint_group - 1) / fingerprint_group;
}

FingerprintRows Fingerprints::rows(std::int64_t first, std::int64_t count) const {
  return {words_ + first * words_each_, counts_.data() + first, count};
}

FingerprintGroups Fingerprints::groups(std::int64_t first, std::int64_t count) const {
  const std::int64_t row = first * fingerprint_group;
  const auto* words = reinterpret_cast<const std::uint64_t*>(interleaved_.data());
  return {words + row * words_each_, counts_.data() + row, count};
}

template <class T>
void tanimoto_condensed(const Fingerprints& fingerprints, const TanimotoSettings& settings,
                        T* distances) {
  const PairRows<T> pairs{distances, fingerprints.count(), 0};
  for_row_parts<T>(fingerprints, fingerprints, true, settings,
                   [&](int, std::int64_t row, std::int64_t first, const T* part,
                       std::int64_t count) { std::copy_n(part, count, pairs.row(row) + first); });
}

template <class T>
void tanimoto_between(const Fingerprints& rows, const Fingerprints& columns,
                      const TanimotoSettings& settings, T* distances) {
  for_row_parts<T>(
      rows, columns, false, settings,
      [&](int, std::int64_t row, std::int64_t first, const T* part, std::int64_t count) {
        std::copy_n(part, count, distances + row * columns.count() + first);
      });
}

std::vector<Join> tanimoto_single_linkage(const Fingerprints& fingerprints,
                                          const TanimotoSettings& settings) {
  const std::int64_t n = fingerprints.count();
  std::vector<SpanningForest<float>> forests(
      static_cast<std::size_t>(settings.workers),
      {n, linkage_kernels<float>(clustering_kernels(*settings.kernels))});
  for_row_parts<float>(
      fingerprints, fingerprints, true, settings,
      [&](int worker, std::int64_t row, std::int64_t first, const float* part, std::int64_t count) {
        forests[static_cast<std::size_t>(worker)].take(row, first, part, count);
      });
  for (std::size_t worker = 1; worker < forests.size(); ++worker) {
    forests.front().merge(forests[worker]);
  }
  return joins_of(forests.front().finish(), n);
}

template void tanimoto_condensed(const Fingerprints&, const TanimotoSettings&, float*);
template void tanimoto_condensed(const Fingerprints&, const TanimotoSettings&, double*);
template void tanimoto_between(const Fingerprints&, const Fingerprints&, const TanimotoSettings&,
                               float*);
template void tanimoto_between(const Fingerprints&, const Fingerprints&, const TanimotoSettings&,
                               double*);

}  // namespace boxel
