// The units of work of a tile traversal, and the rows that each of them reads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/fold.hpp"
#include "boxel/plan.hpp"
#include "boxel/view.hpp"
#include "row_sources.hpp"

namespace boxel {

// A cell of more samples is cut into segments that are merged in order, so that several workers
// can share it; the cut depends on the shape alone.
inline constexpr std::int64_t segment_samples = 1 << 20;

// The part of a unit that is taken into one state: rows of equal length.
struct Segment {
  std::int64_t first_row;
  std::int64_t rows;
  std::int64_t first_position;  // along row[0], of the first row
  std::int64_t positions;
};

// Cells that are computed together: one chunk of outputs along row[0] of one cell of the outer
// axes, or all outputs of a row in each of several slots.
class Unit {
 public:
  Unit(const Plan& plan, std::int64_t index) : plan_(plan) {
    const std::int64_t chunk = index % plan.chunks;
    index /= plan.chunks;
    const std::int64_t slot_chunk = index % plan.slot_chunks;
    index /= plan.slot_chunks;
    for (std::size_t axis = plan.outer.size(); axis-- > 0;) {
      const PlanAxis& outer = plan.outer[axis];
      const std::int64_t output = index % outer.window.outputs;
      index /= outer.window.outputs;
      outer_outputs_[static_cast<int>(axis)] = output;
      outer_extents_[static_cast<int>(axis)] = outer.extent(output);
      rows_ *= outer.extent(output);
      base_.move(outer, outer.start(output));
    }
    first_slot_ = slot_chunk * plan.slots;
    slots_ = std::min(plan.slots, plan.slot.window.outputs - first_slot_);

    const PlanAxis& first = plan.row.front();
    first_output_ = chunk * plan.chunk_outputs;
    chunk_outputs_ = std::min(plan.chunk_outputs, first.window.outputs - first_output_);
    const std::int64_t last = first_output_ + chunk_outputs_ - 1;
    const std::int64_t start = first.start(first_output_);
    positions_ = std::min(first.start(last) + first.window.size, first.length) - start;
    base_.move(first, start);
  }

  const Plan& plan() const { return plan_; }
  // Rows of the outer axes that make a cell; a slot multiplies them by its own extent.
  std::int64_t rows() const { return rows_; }
  std::int64_t slots() const { return slots_; }
  std::int64_t slot_extent(std::int64_t slot) const {
    return plan_.slot.extent(first_slot_ + slot);
  }
  std::int64_t positions() const { return positions_; }
  // Along row[0].
  std::int64_t first_position() const { return plan_.row.front().start(first_output_); }
  // Outputs along the first axis of the unit's result: slots, or a chunk of row[0].
  std::int64_t chunk_outputs() const { return chunk_outputs_; }
  std::int64_t leading_outputs() const { return plan_.slots > 1 ? slots_ : chunk_outputs_; }
  std::int64_t slot_outputs() const { return chunk_outputs_ * plan_.inner_outputs; }
  std::int64_t outputs() const { return slots_ * slot_outputs(); }
  std::int64_t outer_extent(int axis) const { return outer_extents_[axis]; }
  const Extents& outer_extents() const { return outer_extents_; }

  // Where the first row of a slot begins.
  RowPlace base(std::int64_t slot) const {
    RowPlace place = base_;
    place.move(plan_.slot, plan_.slot.start(first_slot_ + slot));
    return place;
  }

  std::int64_t output_offset(int output) const {
    std::int64_t offset = plan_.row.front().outputs[output] * first_output_ +
                          plan_.slot.outputs[output] * first_slot_;
    for (std::size_t axis = 0; axis < plan_.outer.size(); ++axis) {
      offset += plan_.outer[axis].outputs[output] * outer_outputs_[static_cast<int>(axis)];
    }
    return offset;
  }

  // The geometry of a row of so many positions along row[0].
  std::vector<RowAxis> row_axes(std::int64_t positions) const {
    std::vector<RowAxis> axes;
    axes.reserve(plan_.row.size());
    for (const PlanAxis& axis : plan_.row) {
      axes.push_back({axis.length, axis.window});
      Window& window = axes.back().window;
      if (window.outputs == 1) window.size = window.step = std::min(window.size, axis.length);
    }
    RowAxis& first = axes.front();
    first.length = positions;
    first.window.outputs = chunk_outputs_;
    if (chunk_outputs_ == 1) first.window.size = first.window.step = positions;
    return axes;
  }

  // A full window whose lanes do not fit a chunk is read in bands. Full bands are rows like any
  // other: only what is left over needs a segment of its own.
  bool banded() const { return plan_.band_positions > 0 && positions_ > plan_.band_positions; }

  std::int64_t bands(const Segment& segment) const {
    return banded() && segment.first_position == 0 ? positions_ / plan_.band_positions : 1;
  }

  // Nearly all units are taken in one go.
  bool one_segment() const {
    return plan_.slots > 1 || (!banded() && rows_ * slot_extent(0) <= most_rows(positions_));
  }
  Segment whole() const { return {0, rows_ * slot_extent(0), 0, positions_}; }

  // Only a unit of one slot has more than one.
  std::vector<Segment> segments() const {
    std::vector<Segment> result;
    const std::int64_t rows = rows_ * slot_extent(0);
    if (!banded()) {
      cut(result, rows, 0, positions_);
      return result;
    }
    const std::int64_t full = positions_ / plan_.band_positions;
    cut(result, rows * full, 0, plan_.band_positions);
    const std::int64_t covered = full * plan_.band_positions;
    if (covered < positions_) cut(result, rows, covered, positions_ - covered);
    return result;
  }

  // Samples of a segment in each lane of a run of outputs.
  double samples(const Segment& segment, const CountRun& run) const {
    const auto taken = static_cast<double>(segment.rows * segment.positions);
    return taken * run.factor / static_cast<double>(positions_);
  }

 private:
  // Whole groups of rows that make a segment of about the wanted size.
  std::int64_t most_rows(std::int64_t positions) const {
    const std::int64_t group = positions * plan_.inner_lanes * max_group;
    return std::max<std::int64_t>(1, segment_samples / group) * max_group;
  }

  void cut(std::vector<Segment>& segments, std::int64_t rows, std::int64_t first_position,
           std::int64_t positions) const {
    const std::int64_t most = plan_.slots > 1 ? rows : most_rows(positions);
    for (std::int64_t row = 0; row < rows; row += most) {
      segments.push_back({row, std::min(most, rows - row), first_position, positions});
    }
  }

  const Plan& plan_;
  Extents outer_outputs_ = Extents(static_cast<int>(plan_.outer.size()), 0);
  Extents outer_extents_ = Extents(static_cast<int>(plan_.outer.size()), 0);
  std::int64_t rows_ = 1;
  std::int64_t first_slot_ = 0;
  std::int64_t slots_ = 1;
  std::int64_t first_output_ = 0;
  std::int64_t chunk_outputs_ = 1;
  std::int64_t positions_ = 1;
  RowPlace base_;
};

// Walks the rows of one slot of a unit: the outer axes, then the slot's own extent, then the bands
// of a long window, the last one fastest.
class RowCursor {
 public:
  RowCursor(const Unit& unit, const Segment& segment, std::int64_t slot)
      : unit_(unit),
        place_(unit.base(slot)),
        extent_(unit.slot_extent(slot)),
        bands_(unit.bands(segment)) {
    std::int64_t row = segment.first_row;
    band_ = row % bands_;
    row /= bands_;
    step_ = row % extent_;
    row /= extent_;
    place_.move(plan().row.front(), segment.first_position + band_ * plan().band_positions);
    place_.move(plan().slot, step_);
    for (int axis = index_.size() - 1; axis >= 0; --axis) {
      index_[axis] = row % unit.outer_extent(axis);
      row /= unit.outer_extent(axis);
      place_.move(outer(axis), index_[axis]);
    }
  }

  const RowPlace& place() const { return place_; }

  // How many rows from here on are evenly spaced along the last outer axis: at least this one.
  std::int64_t run() const {
    if (bands_ > 1 || extent_ > 1 || index_.size() == 0) return 1;
    const int last = index_.size() - 1;
    return unit_.outer_extent(last) - index_[last];
  }
  // ... and from one of them to the next.
  RowPlace step() const {
    RowPlace step;
    if (index_.size()) step.move(outer(index_.size() - 1), 1);
    return step;
  }

  // Goes on by rows of one run.
  void skip(std::int64_t rows) {
    if (rows == 1) return next();
    const int last = index_.size() - 1;
    place_.move(outer(last), rows - 1);
    index_[last] += rows - 1;
    next();
  }

  void next() {
    if (bands_ > 1) {
      place_.move(plan().row.front(), plan().band_positions);
      if (++band_ < bands_) return;
      place_.move(plan().row.front(), -bands_ * plan().band_positions);
      band_ = 0;
    }
    if (extent_ > 1) {
      place_.move(plan().slot, 1);
      if (++step_ < extent_) return;
      place_.move(plan().slot, -extent_);
      step_ = 0;
    }
    for (int axis = index_.size() - 1; axis >= 0; --axis) {
      place_.move(outer(axis), 1);
      if (++index_[axis] < unit_.outer_extent(axis)) return;
      place_.move(outer(axis), -unit_.outer_extent(axis));
      index_[axis] = 0;
    }
  }

 private:
  const Plan& plan() const { return unit_.plan(); }
  const PlanAxis& outer(int axis) const { return plan().outer[static_cast<std::size_t>(axis)]; }

  const Unit& unit_;
  RowPlace place_;
  std::int64_t extent_;
  std::int64_t bands_;
  std::int64_t step_ = 0;
  std::int64_t band_ = 0;
  Extents index_ = Extents(static_cast<int>(unit_.plan().outer.size()), 0);
};

}  // namespace boxel
