// A box that slides along the first axis, as sums of 32 bits. Its slice of sums is read and written
// once for each output: in float64, that of a volume fills half of the second-level cache.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "axis_slide.hpp"
#include "boxel/memory.hpp"
#include "boxel/unit_sums.hpp"
#include "narrow_slices.hpp"
#include "slices.hpp"

namespace boxel {

class NarrowSlide {
 public:
  NarrowSlide(const UnitSums& sums, const BoxAxis& axis, double volume)
      : sums_(sums), axis_(axis), volume_(volume) {}

  // `images` must live until the last advance(). `border_lanes`: those of a slice along the second
  // axis. `summed_by_rows`: samples of the largest sums of 32 bits behind this slide.
  void begin(ImageSlices& images, std::int64_t lanes, std::int64_t border_lanes,
             double summed_by_rows) {
    images_ = &images;
    summed_by_rows_ = summed_by_rows;
    border_lanes_ = border_lanes;
    window_memory_.reserve(static_cast<std::size_t>(lanes) * sizeof(std::int32_t));
    border_memory_.reserve(static_cast<std::size_t>(border_lanes) * sizeof(std::int32_t));
    at_ = unset;
    short_runs_ = 0;
  }

  // Makes the sums of the box of an output; outputs come in increasing order. False, once and for
  // all, where they do not fit.
  bool advance(std::int64_t output) {
    const std::int64_t first = output * axis_.box.stride;
    while (at_ != first) {
      if (at_ == unset || first - at_ >= size()) {
        if (!begin_box(first)) return false;
      } else if (images_->exchange_units(sums_, units_, window(), at_ + size(), at_)) {
        ++at_;
      } else if (at_ - began_ < size() && ++short_runs_ > most_short_runs) {
        return false;
      } else {
        at_ = unset;
      }
    }
    return true;
  }

  UnitSlices slices() const {
    return {units_, window(), border(), rows_fit_, images_->ready_samples(at_ + size())};
  }

 private:
  static constexpr std::int64_t unset = -1;
  // To find units anew costs about as much as to exchange the slices of a box. More often than once
  // in so many slices that is allowed a few times only: for images that begin empty.
  static constexpr int most_short_runs = 3;

  std::int64_t size() const { return axis_.box.size; }
  std::int32_t* window() const { return reinterpret_cast<std::int32_t*>(window_memory_.data()); }
  std::int32_t* border() const { return reinterpret_cast<std::int32_t*>(border_memory_.data()); }

  bool begin_box(std::int64_t first) {
    const PairedPositions slices = images_->pair(first, size());
    // Most slices are on the grid of any of them. Where one is not, all are looked at.
    images_->admit(slices.any());
    if (!put(slices) && !(admit(slices.twice) && admit(slices.once) && put(slices))) return false;
    std::fill_n(border(), border_lanes_,
                images_->border_units(units_) * static_cast<std::int32_t>(size()));
    at_ = began_ = first;
    return true;
  }

  // In units of the grid of all slices that were admitted.
  bool put(const PairedPositions& slices) {
    const std::optional<Units> of_rows = Units::of(images_->grid(), summed_by_rows_, volume_);
    const std::optional<Units> found = of_rows ? of_rows : units_of_sums();
    if (!found) return false;
    rows_fit_ = of_rows.has_value();
    units_ = *found;
    return images_->put_units(sums_, units_, window(), slices);
  }

  bool admit(const std::vector<std::int64_t>& slices) {
    return std::ranges::all_of(slices, [this](std::int64_t slice) {
      images_->admit(slice);
      return units_of_sums().has_value();
    });
  }

  std::optional<Units> units_of_sums() const {
    return Units::of(images_->grid(), static_cast<double>(size()), volume_);
  }

  const UnitSums& sums_;
  const BoxAxis& axis_;
  double volume_;
  double summed_by_rows_ = 0;
  ImageSlices* images_ = nullptr;
  Units units_{};
  bool rows_fit_ = false;
  Buffer window_memory_;
  Buffer border_memory_;  // a slice of what lies beyond the border of the second axis
  std::int64_t border_lanes_ = 0;
  std::int64_t at_ = unset;     // of the box in window()
  std::int64_t began_ = unset;  // of the last box that was made from its slices
  int short_runs_ = 0;
};

}  // namespace boxel
