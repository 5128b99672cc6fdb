// What a call works out once and all its workers share.
#pragma once

#include <cstdint>
#include <vector>

#include "boxel/blocks.hpp"
#include "boxel/plan.hpp"
#include "boxel/states.hpp"
#include "row_sources.hpp"

namespace boxel {

// How a unit's results lie in one of the outputs.
LaneLayout output_layout(const Plan& plan, int output);

struct Job {
  explicit Job(const BlockRequest& block_request);

  std::int64_t units() const;
  StateRequest state_request(StateKind kind) const;
  // Whether rows of the image need no loading: they can be read where they are.
  bool reads_in_place() const;
  bool reads_aligned() const;
  // The most lanes of a row that are loaded at a time.
  std::int64_t scratch_lanes() const;

  const BlockRequest& request;
  StatePlan states;
  bool gathers;  // some statistic needs the samples themselves
  Plan plan;
  const KernelSet& kernels;
  RowSources rows;
  std::int64_t lanes;  // the most lanes and outputs that a unit has
  std::int64_t cells;
};

}  // namespace boxel
