// The last two axes of a volume of means in float32 of small boxes, whose sums have 32 bits to the
// end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "axis_slide.hpp"
#include "boxel/box_plan.hpp"
#include "boxel/memory.hpp"
#include "narrow_slices.hpp"
#include "prefetch.hpp"
#include "row_slide.hpp"

namespace boxel {

class SmallRows {
 public:
  SmallRows(const UnitSums& kernels, double volume) : kernels_(kernels), volume_(volume) {}

  // Slices along the first axis are exchanged, which has to cost no more than to take them anew.
  static bool serves(const BoxAxis& first, const BoxAxis& second, const RowGeometry& geometry) {
    return 2 * first.box.stride <= first.box.size && second.box.size < smallest_sliding_box &&
           geometry.axes().front().size < smallest_exchanged_window;
  }

  // For the rows of a unit, `lanes` long; `geometry` must live until the last write().
  void begin(const BoxSpan& span, const RowGeometry& geometry, std::int64_t lanes) {
    span_ = &span;
    geometry_ = &geometry;
    lanes_ = lanes;
    row_memory_.reserve(static_cast<std::size_t>(geometry.extended_lanes()) * sizeof(std::int32_t));
  }

  // The results of all boxes along the second axis, `stride` bytes apart.
  void write(const UnitSlices& input, std::byte* out, std::int64_t stride) {
    const ExactDivisor divisor = ExactDivisor::of(volume_ / input.units.unit);
    const RowGeometry::Body& body = geometry_->body();
    const RowExtension extension{body.lanes, geometry_->copies()};
    auto* row = reinterpret_cast<std::int32_t*>(row_memory_.data());
    RowGroup group;
    group.count = static_cast<int>(span_->axis->box.size);
    // What lies beyond the border is the same in all rows.
    for (const RowGeometry::Body& run : geometry_->borders()) {
      std::fill_n(row + run.to, run.lanes, input.border[0] * group.count);
    }
    const auto row_bytes = geometry_->outputs() * static_cast<std::int64_t>(sizeof(float));
    for (std::int64_t k = 0; k < span_->outputs; ++k) {
      const std::int64_t first = (span_->first_output + k) * span_->axis->box.stride;
      for (int slice = 0; slice < group.count; ++slice) {
        group.samples[static_cast<std::size_t>(slice)] =
            input.at(span_->source(first + slice), lanes_) + body.from;
      }
      kernels_.sum_rows(row + body.to, group, extension);
      std::byte* results = out + k * stride;
      kernels_.slide_lanes(reinterpret_cast<float*>(results), row, geometry_->outputs(),
                           geometry_->axes().front().size, divisor,
                           rows_ahead(*span_, k, results, row_bytes, stride, input.next));
    }
  }

 private:
  // What UnitSums::sum_rows and slide_lanes can do.
  static_assert(smallest_sliding_box <= 5 && smallest_exchanged_window <= 6);

  const UnitSums& kernels_;
  double volume_;
  const BoxSpan* span_ = nullptr;
  const RowGeometry* geometry_ = nullptr;
  std::int64_t lanes_ = 0;
  Buffer row_memory_;
};

}  // namespace boxel
