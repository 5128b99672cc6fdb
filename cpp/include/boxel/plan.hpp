// The plan of a tile traversal: which axes are walked and which form rows.
//
// Axes of length 1 are dropped, axes are ordered by stride and merged where they lie contiguously,
// so that Fortran order is just another order and inner loops see long rows. The innermost axes
// form the row; the rest are the outer axes, whose windows decide which rows make a cell. Where
// rows are short, a unit of work holds several cells' rows side by side, in slots along the axis
// next to the row.
//
// A window that holds the whole innermost axis (the samples of a voxel, one after another) does not
// lie in the row but is the last outer axis, so that rows run across memory: their loader reads the
// samples of many voxels and transposes them.
#pragma once

#include <cstdint>
#include <vector>

#include "boxel/view.hpp"

namespace boxel {

// The boxes along one axis of the image: [j * step, j * step + size), j < outputs, cut at the end.
struct Window {
  std::int64_t size = 1;
  std::int64_t step = 1;
  std::int64_t outputs = 1;
};

// Two limits that are known outside, too: whoever streams an image and wants the bits of the whole
// cuts it between rows, and between their chunks.

// Below this many lanes a call per row costs more than its work.
inline constexpr std::int64_t shortest_row = 64;
// A chunk's widest row of lanes: half of a usual first-level cache for state and samples each.
inline constexpr std::int64_t chunk_bytes = 16 * 1024;

struct PlanAxis {
  std::int64_t length = 1;
  Window window;
  std::int64_t image = 0;  // byte strides
  std::int64_t where = 0;
  std::int64_t masked = 0;
  std::int64_t weights = 0;
  Extents outputs;  // one stride per output

  std::int64_t start(std::int64_t output) const { return output * window.step; }
  std::int64_t extent(std::int64_t output) const {
    const std::int64_t left = length - start(output);
    return left < window.size ? left : window.size;
  }
  bool reduced() const { return window.size != 1 || window.step != 1; }
};

struct Plan {
  std::vector<PlanAxis> outer;
  PlanAxis slot;  // of length 1 where rows are long
  // Where rows run across memory: the positions that are loaded at a time; else 0.
  std::int64_t across_positions = 0;
  std::vector<PlanAxis> row;  // row[0] is cut into chunks; never empty
  // Samples in a whole box, in bounds or padded.
  double volume = 1;
  std::int64_t samples = 1;

  // Outputs of the slot axis that a unit covers, and the number of such units.
  std::int64_t slots = 1;
  std::int64_t slot_chunks = 1;

  // Outputs of row[0] that a chunk covers, and the number of chunks.
  std::int64_t chunk_outputs = 1;
  std::int64_t chunks = 1;
  // Where a single window of row[0] is longer than a chunk: the positions a band of it covers.
  std::int64_t band_positions = 0;

  // Lanes of one position of row[0], before and after the row axes below it are reduced.
  std::int64_t inner_lanes = 1;
  std::int64_t inner_outputs = 1;
};

struct PlanRequest {
  std::vector<PlanAxis> axes;  // as the image has them
  int output_count = 1;
  bool padded = false;
  // Lanes that a chunk should have at most, and cells (0: no limit).
  std::int64_t chunk_lanes = 2048;
  std::int64_t chunk_cells = 0;
};

Plan make_plan(const PlanRequest& request);

}  // namespace boxel
