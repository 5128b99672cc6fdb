// The last two axes of a volume of means in float32, whose sums along the first axis have 32 bits:
// row by row from these to the results.
//
// Windows along a row take half the time where lanes hold the sums of four, since the next vector
// of windows is then one four more and one less. To sum fours is cheapest while a lane has 32 bits.
// They stay in units, which the division takes out again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "boxel/box_plan.hpp"
#include "boxel/memory.hpp"
#include "four_layout.hpp"
#include "lane_buffer.hpp"
#include "narrow_slices.hpp"
#include "paired_positions.hpp"
#include "prefetch.hpp"
#include "row_slide.hpp"

namespace boxel {

class FourRows {
 public:
  FourRows(const UnitSums& kernels, Accumulator& accumulator, double volume)
      : kernels_(kernels), accumulator_(accumulator), volume_(volume) {}

  // Whether boxes along rows are worth it.
  static bool serves(const RowGeometry& geometry) {
    return geometry.axes().front().size >= smallest_exchanged_window;
  }

  // For the rows of a unit, `lanes` long; these and `border`, which stands for what lies beyond
  // their ends, must live until the last write().
  void begin(const BoxSpan& span, const RowGeometry& geometry, std::int64_t lanes, Lanes border) {
    span_ = &span;
    geometry_ = &geometry;
    lanes_ = lanes;
    border_ = border;
    first_box_ = PairedPositions(span, span.first_position, span.axis->box.size);
    sources_.clear();
    for (std::int64_t k = 0; k < span.positions; ++k) {
      sources_.push_back(span.source(span.first_position + k));
    }
    layout_ = FourLayout(geometry);
    before_ = geometry.body().to;
    // So that rows begin with a cache line, which makes a tenth of their time.
    const std::int64_t before = (before_ + zeros_before_fours + 15) / 16 * 16;
    const std::int64_t lanes_of_all =
        before + std::max(geometry.extended_lanes() - before_, layout_.end());
    fours_ = fours_memory_.reserve(accumulator_, lanes_of_all).row<double>(0);
    changes_memory_.reserve(static_cast<std::size_t>(lanes_of_all) * sizeof(std::int32_t));
    changes_ = reinterpret_cast<std::int32_t*>(changes_memory_.data());
    std::fill_n(fours_, lanes_of_all, 0.0);
    std::fill_n(changes_, lanes_of_all, 0);
    fours_ += before;
    changes_ += before;
  }

  // The results of all boxes along the second axis, `stride` bytes apart. `row_slide` extends rows.
  void write(const UnitSlices& input, RowSlide& row_slide, std::byte* out, std::int64_t stride) {
    const ExactDivisor divisor = ExactDivisor::of(volume_ / input.units.unit);
    const RowGeometry::Body& body = geometry_->body();
    const FourExtension extension = layout_.extension();
    const auto slice = [&](std::int64_t position) {
      const auto k = static_cast<std::size_t>(position - span_->first_position);
      return input.at(sources_[k], lanes_) + body.from;
    };
    const std::int64_t size = span_->axis->box.size;
    std::int64_t at = 0;
    const auto row_bytes = geometry_->outputs() * static_cast<std::int64_t>(sizeof(float));
    for (std::int64_t k = 0; k < span_->outputs; ++k) {
      const std::int64_t first = (span_->first_output + k) * span_->axis->box.stride;
      if (k == 0) {
        put(input, row_slide, first_box_);
        at = first;
      } else if (first - at >= size) {
        put(input, row_slide, {*span_, first, size});
        at = first;
      }
      for (; at < first; ++at) {
        kernels_.exchange_fours(fours_, changes_, slice(at + size), slice(at), extension,
                                input.rows_fit);
      }
      std::byte* row = out + k * stride;
      kernels_.slide_fours(reinterpret_cast<float*>(row), fours_ - before_, geometry_->outputs(),
                           geometry_->axes().front().size, divisor,
                           rows_ahead(*span_, k, row, row_bytes, stride, input.next));
    }
  }

 private:
  void put(const UnitSlices& input, RowSlide& row_slide, const PairedPositions& positions) {
    const Lanes sums = sums_.reserve(accumulator_, lanes_, geometry_->margins_in_place(lanes_));
    input.sum(kernels_, *span_, lanes_, sums.row<double>(0), positions);
    const Lanes extended =
        row_slide.extend(*geometry_, {sums}, geometry_->extends_in_place(lanes_), border_).first;
    kernels_.sum_fours(input.units, fours_ - before_, extended.row<double>(0),
                       geometry_->extended_lanes());
  }

  const UnitSums& kernels_;
  Accumulator& accumulator_;
  double volume_;
  const BoxSpan* span_ = nullptr;
  const RowGeometry* geometry_ = nullptr;
  std::int64_t lanes_ = 0;
  PairedPositions first_box_;
  std::vector<std::int64_t> sources_;  // of all positions
  FourLayout layout_;
  std::int64_t before_ = 0;  // of the extended row, its own lanes
  Lanes border_;
  LaneBuffer sums_;
  LaneBuffer fours_memory_;
  double* fours_ = nullptr;  // of the first lane that is no copy
  Buffer changes_memory_;
  // Likewise. What lies beyond the border is the same in all slices: zeros stay where nothing is
  // copied to.
  std::int32_t* changes_ = nullptr;
};

}  // namespace boxel
