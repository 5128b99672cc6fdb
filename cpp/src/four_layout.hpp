// Which fours of an extended row are summed from its lanes. Most of those of a mirrored margin are
// fours of the row itself, and what lies beyond a border never changes.
#pragma once

#include <cstdint>
#include <vector>

#include "boxel/unit_sums.hpp"
#include "row_slide.hpp"

namespace boxel {

class FourLayout {
 public:
  FourLayout() = default;
  // The row must be extended where it lies: all that its margins hold are lanes of its own.
  explicit FourLayout(const RowGeometry& geometry);

  FourExtension extension() const { return {{lanes_, lane_copies_}, summed_, copies_}; }
  // Behind the last lane that is summed.
  std::int64_t end() const { return summed_.back().end; }

 private:
  void add_copy(const LaneCopy& copy);
  void skip(std::int64_t first, std::int64_t lanes);
  void find_summed(LaneRun extended);

  std::int64_t lanes_ = 0;
  std::vector<LaneCopy> lane_copies_;
  std::vector<LaneCopy> copies_;
  std::vector<LaneRun> skipped_;
  std::vector<LaneRun> summed_;
};

}  // namespace boxel
