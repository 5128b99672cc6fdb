// Positions of a box two by two, where both stand for the same slice, as mirrored ones do: it is
// read once and counts twice. Only for sums whose order is free.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/box_plan.hpp"

namespace boxel {

struct PairedPositions {
  std::vector<std::int64_t> twice;  // one of each two
  std::vector<std::int64_t> once;

  PairedPositions() = default;
  PairedPositions(const BoxSpan& span, std::int64_t first, std::int64_t count) {
    if (span.holds(first, count)) {
      once.resize(static_cast<std::size_t>(count));
      std::iota(once.begin(), once.end(), first);
      return;
    }
    // Of each slice, the position that is without a partner; the last one is what lies beyond.
    constexpr std::int64_t none = -1;
    std::vector<std::int64_t> single(static_cast<std::size_t>(span.sources) + 1, none);
    for (std::int64_t position = first; position < first + count; ++position) {
      const std::int64_t source = span.source(position);
      std::int64_t& partner =
          source == beyond ? single.back() : single[static_cast<std::size_t>(source)];
      if (partner != none) twice.push_back(partner);
      partner = partner == none ? position : none;
    }
    for (const std::int64_t position : single) {
      if (position != none) once.push_back(position);
    }
  }

  std::int64_t any() const { return once.empty() ? twice.front() : once.front(); }

  // Calls visit(positions of a group of rows, how often each counts), as long as it returns true.
  template <class Visit>
  bool for_groups(Visit visit) const {
    return for_groups_of(twice, 2, visit) && for_groups_of(once, 1, visit);
  }

 private:
  template <class Visit>
  static bool for_groups_of(std::span<const std::int64_t> positions, int times, Visit visit) {
    while (!positions.empty()) {
      const std::size_t count = std::min(std::size_t{max_group}, positions.size());
      if (!visit(positions.first(count), times)) return false;
      positions = positions.subspan(count);
    }
    return true;
  }
};

}  // namespace boxel
