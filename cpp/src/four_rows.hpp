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

#include "box_plan.hpp"
#include "boxel/memory.hpp"
#include "lane_buffer.hpp"
#include "narrow_slices.hpp"
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
    extended_lanes_ = row_capacity(accumulator_, geometry.extended_lanes());
    fours_ = fours_memory_.reserve(accumulator_, extended_lanes_, {zeros_before_fours, 0})
                 .row<double>(0);
    std::fill_n(fours_ - zeros_before_fours, zeros_before_fours + extended_lanes_, 0.0);
    const std::int64_t differences = zeros_before_changes + extended_lanes_;
    changes_memory_.reserve(static_cast<std::size_t>(differences) * sizeof(std::int32_t));
    auto* changes = reinterpret_cast<std::int32_t*>(changes_memory_.data());
    std::fill_n(changes, differences, 0);
    changes_ = changes + zeros_before_changes;
  }

  // The results of all boxes along the second axis, `stride` bytes apart. `row` extends rows.
  void write(const UnitSlices& input, RowSlide& row, std::byte* out, std::int64_t stride) {
    const ExactDivisor divisor = ExactDivisor::of(volume_ / input.units.unit);
    const RowGeometry::Body& body = geometry_->body();
    const RowExtension extension{body.to, body.lanes, extended_lanes_, geometry_->copies()};
    const auto slice = [&](std::int64_t position) {
      return input.at(*span_, position, lanes_) + body.from;
    };
    const std::int64_t size = span_->axis->box.size;
    std::int64_t at = 0;
    for (std::int64_t k = 0; k < span_->outputs; ++k) {
      const std::int64_t first = (span_->first_output + k) * span_->axis->box.stride;
      if (k == 0 || first - at >= size) {
        put(input, row, first);
        at = first;
      }
      for (; at < first; ++at) {
        kernels_.exchange_fours(fours_, changes_, slice(at + size), slice(at), extension);
      }
      kernels_.slide_fours(reinterpret_cast<float*>(out + k * stride), fours_, geometry_->outputs(),
                           geometry_->axes().front().size, divisor);
    }
  }

 private:
  static constexpr std::int64_t zeros_before_changes = 16;  // a cache line

  void put(const UnitSlices& input, RowSlide& row, std::int64_t first) {
    const Lanes sums = sums_.reserve(accumulator_, lanes_, geometry_->margins_in_place(lanes_));
    input.sum(kernels_, *span_, lanes_, sums.row<double>(0), first, span_->axis->box.size);
    const Lanes extended =
        row.extend(*geometry_, {sums}, geometry_->extends_in_place(lanes_), border_).first;
    kernels_.sum_fours(input.units, fours_, extended.row<double>(0), geometry_->extended_lanes());
  }

  const UnitSums& kernels_;
  Accumulator& accumulator_;
  double volume_;
  const BoxSpan* span_ = nullptr;
  const RowGeometry* geometry_ = nullptr;
  std::int64_t lanes_ = 0;
  std::int64_t extended_lanes_ = 0;  // whole cache lines
  Lanes border_;
  LaneBuffer sums_;
  LaneBuffer fours_memory_;
  double* fours_ = nullptr;
  Buffer changes_memory_;
  // What lies beyond the border is the same in all slices: zeros stay where nothing is copied to.
  std::int32_t* changes_ = nullptr;
};

}  // namespace boxel
