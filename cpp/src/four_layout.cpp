#include "four_layout.hpp"

#include <algorithm>

namespace boxel {
namespace {

// Fours are summed in so many lanes together, which begin and end at multiples of it.
constexpr std::int64_t together = 8;

// To multiples, for lanes before the first one, too.
std::int64_t rounded_down(std::int64_t lane) {
  const std::int64_t rest = lane % together;
  return rest < 0 ? lane - rest - together : lane - rest;
}
std::int64_t rounded_up(std::int64_t lane) { return -rounded_down(-lane); }

// Fours at both ends of a run hold lanes of its neighbours: so many of its lanes, which are more
// than there must be, take whole vectors.
constexpr std::int64_t edge = together;

// Copies take multiples of a usual vector.
constexpr std::int64_t vector_lanes = 4;

// So long that runs which are summed do not meet when they are rounded.
constexpr std::int64_t shortest_run = edge + 2 * together;

}  // namespace

FourLayout::FourLayout(const RowGeometry& geometry) : lanes_(geometry.body().lanes) {
  for (const LaneCopy& copy : geometry.copies()) add_copy(copy);
  const std::int64_t before = geometry.body().to;
  for (const RowGeometry::Body& border : geometry.borders()) {
    skip(border.to - before, border.lanes);
  }
  find_summed({-before, geometry.extended_lanes() - before});
}

void FourLayout::add_copy(const LaneCopy& copy) {
  if (copy.step * copy.step != 1 || copy.lanes < shortest_run) {
    lane_copies_.push_back(copy);
    return;
  }
  const std::int64_t tail = copy.lanes - edge;
  lane_copies_.push_back({copy.to, copy.from, copy.step, edge});
  lane_copies_.push_back({copy.to + tail, copy.from + tail * copy.step, copy.step, edge});
  // A few that were summed are copied, too, to take whole vectors: at most 3 of the edge, so that
  // none holds lanes of a neighbour.
  const std::int64_t lanes = (tail + vector_lanes - 1) / vector_lanes * vector_lanes;
  const std::int64_t into = copy.lanes - lanes;
  // Mirrored, the first lane of a four is its last one.
  const std::int64_t mirrored = copy.step == 1 ? 0 : 3;
  copies_.push_back({copy.to + into, copy.from + into * copy.step + mirrored, copy.step, lanes});
  skip(copy.to, copy.lanes);
}

// Leaves out a run whose fours need no sum, but for the first ones.
void FourLayout::skip(std::int64_t first, std::int64_t lanes) {
  if (lanes >= shortest_run) skipped_.push_back({first + edge, first + lanes});
}

// Runs become longer where they are rounded: into copies, which are made later, and into lanes that
// never change and therefore add nothing.
void FourLayout::find_summed(LaneRun extended) {
  std::ranges::sort(skipped_, {}, &LaneRun::first);
  std::int64_t first = extended.first;
  const auto add = [&](std::int64_t end) {
    if (end > first) summed_.push_back({rounded_down(first), rounded_up(end)});
  };
  for (const LaneRun& run : skipped_) {
    add(run.first);
    first = run.end;
  }
  add(extended.end);
}

}  // namespace boxel
