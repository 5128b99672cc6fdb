// Which states a set of statistics needs: the fewest, shared where bits allow.
#pragma once

#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/registry.hpp"

namespace boxel {

// The samples as which rows of an array are loaded where nothing is masked.
Sample dense_sample(DType dtype);

struct StatePlan {
  Sample sample;
  bool masked;
  std::vector<StateKind> kinds;  // in masked work the first one counts
  // For each statistic the index into `kinds`, or -1 where the number of samples is the answer.
  std::vector<int> state_of;
};

// `sliding`: the most samples of a box that slides, whose states will mostly be merged, or exchange
// samples; 0 for blocks.
StatePlan plan_states(const std::vector<Statistic>& wanted, DType dtype, bool masked, bool weighted,
                      double sliding = 0);

}  // namespace boxel
