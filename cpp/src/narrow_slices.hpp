// Sums of 32 bits along the first axis, as the slices that a box takes in along the second one:
// sums of both are float64.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "boxel/box_plan.hpp"
#include "boxel/unit_sums.hpp"
#include "paired_positions.hpp"

namespace boxel {

// Sums in units of all boxes along the first axis.
struct UnitSlices {
  Units units{};
  const std::int32_t* sums = nullptr;
  const std::int32_t* border = nullptr;  // a slice of what lies beyond the border
  bool rows_fit = false;                 // 32 bits hold what rows of results are made from, too
  const std::byte* next = nullptr;       // samples of the slice that is taken in next, or null

  // A slice of the second axis, or what stands beyond its borders.
  const std::int32_t* at(std::int64_t source, std::int64_t lanes) const {
    return source == beyond ? border : sums + source * lanes;
  }
  // Sums of some slices, as an accumulator would have them.
  void sum(const UnitSums& kernels, const BoxSpan& span, std::int64_t lanes, double* out,
           const PairedPositions& positions) const {
    std::int64_t taken = 0;
    RowGroup group;
    positions.for_groups([&](std::span<const std::int64_t> some, int times) {
      group.count = static_cast<int>(some.size());
      for (std::size_t k = 0; k < some.size(); ++k) {
        group.samples[k] = at(span.source(some[k]), lanes);
      }
      kernels.take_sums(units, out, group, lanes, taken, times);
      taken += group.count;
      return true;
    });
  }
};

// For AxisSlide.
class NarrowSlices {
 public:
  static constexpr bool merges = false;

  explicit NarrowSlices(const UnitSums& kernels) : kernels_(kernels) {}

  void begin(const UnitSlices& input, const BoxSpan& span, std::int64_t lanes) {
    input_ = input;
    span_ = &span;
    lanes_ = lanes;
  }

  void put_sum(Lanes out, std::int64_t first, std::int64_t count) {
    input_.sum(kernels_, *span_, lanes_, out.row<double>(0), {*span_, first, count});
  }

  bool exchange(Lanes out, Lanes from, std::int64_t added, std::int64_t removed) {
    kernels_.exchange_sums(input_.units, out.row<double>(0), from.row<double>(0),
                           input_.at(span_->source(added), lanes_),
                           input_.at(span_->source(removed), lanes_), lanes_);
    return true;
  }

  void admit(std::int64_t) const {}
  bool settle() const { return true; }

 private:
  const UnitSums& kernels_;
  UnitSlices input_;
  const BoxSpan* span_ = nullptr;
  std::int64_t lanes_ = 0;
};

}  // namespace boxel
