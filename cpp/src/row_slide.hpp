// Boxes that slide along the axes of a row, in lanes: the row is extended beyond its borders, and
// windows of lanes are merged four by four (S4[l] = S1[l] + ... + S1[l + 3], S16 from S4, ...,
// composed by the digits of the size in base 4). Nothing is subtracted, and the number of passes
// grows with the logarithm of the size.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "boxel/box_plan.hpp"
#include "lane_buffer.hpp"

namespace boxel {

// From which lane of a row each lane of another one comes.
class LaneMoves {
 public:
  LaneMoves() = default;
  explicit LaneMoves(std::vector<std::int64_t> sources);

  bool empty() const { return sources_.empty(); }
  void apply(Accumulator& accumulator, Lanes out, Lanes in) const;

 private:
  // Lanes that keep their order are moved together, others one by one.
  struct Part {
    std::int64_t end;
    bool in_order;
  };
  // Below this many lanes a call costs more than its work.
  static constexpr std::int64_t shortest_run = 8;

  std::vector<std::int64_t> sources_;
  std::vector<Part> parts_;
};

// How a row of a given extent is extended and picked; the same for all accumulators.
class RowGeometry {
 public:
  RowGeometry() = default;
  explicit RowGeometry(const std::vector<BoxSpan>& spans);

  struct Axis {
    std::int64_t size;
    std::int64_t inner;  // lanes from one position to the next
  };
  // Lanes that keep their order when the row is extended.
  struct Body {
    std::int64_t to = 0;
    std::int64_t from = 0;
    std::int64_t lanes = 0;
  };

  bool filtered() const { return filtered_; }
  std::int64_t extended_lanes() const { return extended_lanes_; }
  std::int64_t outputs() const { return outputs_; }
  const std::vector<Axis>& axes() const { return axes_; }
  const Body& body() const { return body_; }
  // Whether boxes slide along nothing but neighbouring lanes, and all of them are wanted.
  bool slides_once() const {
    return filtered_ && axes_.size() == 1 && axes_[0].inner == 1 && picked_.empty();
  }
  // What extends a row of `lanes` lanes in place, if nothing of it is moved or left out.
  bool extends_in_place(std::int64_t lanes) const {
    return filtered_ && body_.from == 0 && body_.lanes == lanes;
  }
  Margins margins_in_place(std::int64_t lanes) const {
    if (!extends_in_place(lanes)) return {};
    return {body_.to, extended_lanes_ - body_.to - body_.lanes};
  }
  // Whether rows of so many lanes are extended where they lie, or need no lane that they lack.
  bool leaves_in_place(std::int64_t lanes) const {
    return !filtered_ || body_.lanes == extended_lanes_ || extends_in_place(lanes);
  }
  // For each extended lane the one it is taken from; 0 where that lies beyond.
  const LaneMoves& sources() const { return sources_; }
  // What makes the margins of a row from its lanes.
  const std::vector<LaneCopy>& copies() const { return copies_; }
  // Runs of extended lanes that lie beyond the border.
  const std::vector<Body>& borders() const { return borders_; }
  // For each output the lane it ends up in; empty where they are 0, 1, 2, ...
  const LaneMoves& picked() const { return picked_; }
  // Samples per output where boxes are cut at the border, in the directions of the row.
  const std::vector<std::int64_t>& counts() const { return counts_; }
  // The longest run of outputs that hold equally many.
  const LaneRun& equal_counts() const { return equal_counts_; }

 private:
  void extend(const std::vector<BoxSpan>& spans);
  void find_body(const std::vector<std::int64_t>& sources);
  void find_copies(const std::vector<std::int64_t>& sources);
  void add_copy(std::int64_t to, std::int64_t from);
  void pick(const std::vector<BoxSpan>& spans);
  void count(const std::vector<BoxSpan>& spans);

  bool filtered_ = false;
  std::int64_t extended_lanes_ = 1;
  std::int64_t outputs_ = 1;
  std::vector<Axis> axes_;
  Body body_;
  LaneMoves sources_;
  std::vector<LaneCopy> copies_;
  std::vector<Body> borders_;
  LaneMoves picked_;
  std::vector<std::int64_t> counts_;
  LaneRun equal_counts_{};
};

// Rows of lanes that are handled together, `pitch` lanes apart.
struct LaneRows {
  Lanes first;
  std::int64_t pitch = 0;
  std::int64_t count = 1;

  Lanes row(std::int64_t index) const { return first.from(index * pitch); }
};

// The row's part of one accumulator.
class RowSlide {
 public:
  // Lanes of rows may be narrower than those of boxes.
  RowSlide(Accumulator& lanes, Accumulator& boxes) : lanes_(lanes), boxes_(boxes) {}

  // The lanes that the boxes of rows hold: their own, and `border` where they lie beyond.
  // `has_margins`: they may be extended in place. Otherwise, unless they are left as they are
  // (RowGeometry::leaves_in_place()), there must be one row only: it is copied.
  LaneRows extend(const RowGeometry& geometry, LaneRows rows, bool has_margins, Lanes border);
  // The states of the boxes from the lanes of an extended row, each of which holds `held` samples
  // where nothing is masked. `exchanges`: samples may be given up again.
  Lanes slide(const RowGeometry& geometry, Lanes extended, double held, bool exchanges);

  // Whether the states of all boxes of some rows are made together, by scans.
  bool scans(const RowGeometry& geometry) const;
  // slide() of extended rows whose first boxes begin at `first`; scanned() hands them out.
  void scan(const RowGeometry& geometry, LaneRows extended, double held, std::int64_t first);
  Lanes scanned(const RowGeometry& geometry, std::int64_t row);

 private:
  Lanes pick(const RowGeometry& geometry, Lanes windows);
  void fill_borders(const RowGeometry& geometry, Lanes extended, Lanes border);
  Lanes widened(Lanes extended, std::int64_t lanes);
  Lanes slide_along(Lanes row, std::int64_t lanes, const RowGeometry::Axis& axis, double held,
                    bool exchanges);
  Lanes cover(Lanes result, std::int64_t outputs, Lanes windows, std::int64_t width,
              const RowGeometry::Axis& axis, double held);

  Accumulator& lanes_;
  Accumulator& boxes_;
  LaneBuffer extended_;
  LaneBuffer widened_;
  LaneBuffer picked_;
  static constexpr std::size_t most_digits = 32;  // in base 4, of 64 bits
  std::array<LaneBuffer, most_digits> powers_;    // windows of 4, 16, 64, ... lanes
  std::array<Lanes, most_digits> windows_;        // of 1, 4, 16, ... lanes of the row at hand
  LaneBuffer part_;
  LaneBuffer scanned_;
  std::int64_t scanned_pitch_ = 0;
  std::array<LaneBuffer, 2> results_;
  int result_ = 0;
};

}  // namespace boxel
