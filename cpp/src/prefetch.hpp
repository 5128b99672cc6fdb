// What is asked for while the rows of results of a slice are written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "boxel/box_plan.hpp"
#include "boxel/unit_sums.hpp"

namespace boxel {

// Longer rows gain nothing: by the time that such a row is written, the first lines that were asked
// for have left the first-level cache again.
inline constexpr std::int64_t longest_prefetched_row = 4096;

// From the results of a row to those that are asked for beside them; 0: none are.
inline std::int64_t results_ahead(std::int64_t row_bytes, std::int64_t stride) {
  return row_bytes > longest_prefetched_row ? 0 : stride;
}

// Beside the results of output `k` along the second axis, which are so many bytes long at `row`:
// the ones after them, and a row of the samples that the next slice takes in (null: they are not
// ready). Stores wait for their lines one after the other, and once too many wait, so does all that
// follows.
inline RowsAhead rows_ahead(const BoxSpan& second, std::int64_t k, const std::byte* row,
                            std::int64_t bytes, std::int64_t stride, const std::byte* samples) {
  RowsAhead ahead{row, row};
  if (bytes > longest_prefetched_row) return ahead;
  if (k + 1 < second.outputs) ahead.results = row + stride;
  if (samples && k < second.sources) ahead.samples = samples + k * second.axis->image;
  return ahead;
}

}  // namespace boxel
