// Rows in and out of memory: where strange strides and byte orders are met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "boxel/plan.hpp"
#include "boxel/view.hpp"

namespace boxel {

std::size_t size_of_sample(Sample sample);

// The lanes of a row in memory: its length along row[0] varies from chunk to chunk.
struct LaneLayout {
  Extents lengths;  // the first one is ignored
  Extents strides;
};

// What rows that are loaded together have in common. Across memory, they are transposed.
struct RowRun {
  std::int64_t positions;
  std::int64_t reach = 0;  // positions of the array behind these
  // The positions until what the caches are asked for (0: nothing), and which share of it.
  std::int64_t ahead = 0;
  std::int64_t share = 0;
  std::int64_t shares = 1;
};

// Loads rows of one array as samples of one type, or points to them where they lie ready.
class RowLoader {
 public:
  RowLoader(const KernelSet& kernels, const View& view, Sample sample, LaneLayout layout);

  // `positions` along the row's first axis, from `in` on. `buffer` holds the samples if they are
  // not ready in memory.
  const void* load(const std::byte* in, std::int64_t positions, void* buffer) const;

  // The same for rows across memory: into `buffers`, `row_bytes` apart. `items` is room for as many
  // rows of the array's own items. False: samples that are `step` bytes apart are no such rows, and
  // nothing was loaded.
  bool load_across(const std::byte* in, std::int64_t step, int count, const RowRun& run,
                   std::byte* buffers, std::int64_t row_bytes, std::byte* items) const;

  // Where samples that are `step` bytes apart follow one another as they stand, and so do all lanes
  // of a row: from lane to lane. Else 0.
  std::int64_t run_stride(std::int64_t step) const;

  // Whether rows lie ready in memory wherever they are aligned.
  bool ready() const { return ready_; }
  std::size_t alignment() const { return alignment_; }

 private:
  Convert convert_;
  Transpose transpose_;
  std::size_t sample_size_;
  std::size_t alignment_;
  std::int64_t run_stride_;
  std::int64_t run_lanes_;  // lanes of one position of the first axis that are evenly spaced
  bool whole_;              // all lanes are evenly spaced, over all positions
  bool ready_;              // ... and are samples as they stand
  bool as_stored_;          // items are samples
  Extents lengths_;         // the axes outside the evenly spaced runs
  Extents strides_;
};

// Casts and stores rows of natural values into one output.
class RowStorer {
 public:
  RowStorer(const KernelSet& kernels, const View& view, Natural natural, LaneLayout layout);

  // The place in memory itself, if `positions` natural values can be written there directly.
  void* direct(std::byte* out, std::int64_t positions) const;
  // Whether a row of the output's own dtype can be written there directly.
  bool contiguous(const std::byte* out, std::int64_t positions) const;

  // Returns false where a NaN has no value in the output's dtype and there is no fill.
  // `failed[l]` (may be null) marks lanes that take the fill. `buffer` holds one row.
  bool store(std::byte* out, const void* values, std::int64_t positions, std::int64_t lanes,
             const std::uint8_t* failed, const void* fill, void* buffer) const;

 private:
  void scatter(std::byte* out, std::byte* values, std::int64_t positions, std::int64_t lanes) const;

  Cast cast_;
  std::size_t item_size_;
  bool swapped_;
  bool natural_dtype_;
  LaneLayout layout_;
};

}  // namespace boxel
