// The plan of a slide traversal: which axes are walked, which are slid along, which form rows, and
// how the outputs are cut into units.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/boxes.hpp"
#include "boxel/view.hpp"

namespace boxel {

struct BoxAxis {
  std::int64_t length = 1;
  Box box;
  std::int64_t image = 0;  // byte strides
  std::int64_t where = 0;
  std::int64_t masked = 0;
  Extents outputs;                // one stride per output
  std::int64_t tile_outputs = 1;  // outputs that a unit covers
  std::int64_t tiles() const { return (box.outputs + tile_outputs - 1) / tile_outputs; }
  bool filtered() const { return box.size != 1 || box.low != 0; }
  // Positions of a box that hold a sample.
  std::int64_t counted(std::int64_t output) const {
    if (box.border != Border::shrink) return box.size;
    const std::int64_t first = output * box.stride + box.low;
    return std::min(first + box.size, length) - std::max<std::int64_t>(first, 0);
  }
  // Positions, numbered from the first box on, that so many outputs need.
  std::int64_t positions(std::int64_t count) const { return (count - 1) * box.stride + box.size; }
};

struct BoxPlan {
  std::vector<BoxAxis> loops;   // not filtered
  std::vector<BoxAxis> slides;  // filtered, walked; the outermost first
  std::vector<BoxAxis> row;     // row[0] is cut into tiles; never empty
  double volume = 1;            // samples of a whole box
  std::int64_t lane_bytes = 8;  // of all states together

  std::int64_t units() const;

  // Samples that a lane of a row holds before boxes slide along the row.
  double lane_volume() const;

  // As StateRequest has it.
  double row_window() const;
};

// A slide that merges keeps suffixes of its box: those of a chunk of so many slices, and those with
// which chunks begin.
inline std::int64_t chunk_length(std::int64_t size) {
  return static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(size))));
}
inline std::int64_t kept_suffixes(std::int64_t size) {
  const std::int64_t length = chunk_length(size);
  return length + (size - 1) / length;
}

struct BoxPlanRequest {
  int workers = 1;
  std::vector<BoxAxis> axes;  // as the image has them
  int output_count = 1;
  std::int64_t lane_bytes = 8;       // as a rule, of all states together
  std::int64_t most_lane_bytes = 8;  // whatever the samples are
  // What all states can do: those that merge need more room.
  Subtraction subtraction = Subtraction::always;
};

BoxPlan make_box_plan(const BoxPlanRequest& request);

// The part of an axis that a unit covers.
struct BoxSpan {
  BoxSpan(const BoxAxis& box_axis, std::int64_t tile);

  // The samples at the end that no position stands for are read, too.
  void read_whole() {
    first_source = 0;
    sources = axis->length;
  }

  // The sample at a position, counted from the span's first sample, or `beyond`.
  std::int64_t source(std::int64_t position) const {
    const std::int64_t place = source_of(position + axis->box.low, axis->length, axis->box.border);
    return place == beyond ? beyond : place - first_source;
  }

  // Whether a position is that of a sample, not beyond a border.
  bool within(std::int64_t position) const {
    const std::int64_t place = position + axis->box.low;
    return place >= 0 && place < axis->length;
  }

  // Whether so many positions are.
  bool holds(std::int64_t first, std::int64_t count) const {
    return within(first) && within(first + count - 1);
  }

  // Whether all positions are.
  bool inside() const { return holds(first_position, positions); }

  const BoxAxis* axis;
  std::int64_t first_output;
  std::int64_t outputs;
  std::int64_t first_position;
  std::int64_t positions;
  std::int64_t first_source;  // the samples that its positions stand for
  std::int64_t sources;
};

}  // namespace boxel
