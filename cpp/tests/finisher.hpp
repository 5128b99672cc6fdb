// The last step of an accumulator alone: states become statistics.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "boxel/kernel_set.hpp"
#include "state.hpp"

namespace boxel::test {

using Doubles = std::vector<double>;

// Finishes values that are put into the rows of a state as they are.
class Finisher {
 public:
  Finisher(const KernelSet& kernels, const StateRequest& request, std::int64_t lanes)
      : accumulator_(kernels.make_accumulator(request)), state_(*accumulator_, lanes) {}

  std::size_t lane_size() const { return accumulator_->lane_size(); }
  template <class S>
  S* row(int index) const {
    return state_.lanes().row<S>(index);
  }
  Doubles finish(Statistic statistic, std::int64_t lanes, Counts counts, double ddof = 0) {
    Doubles values(static_cast<std::size_t>(lanes));
    accumulator_->finish(statistic, state_.lanes(), lanes, counts, ddof, values.data());
    return values;
  }

 private:
  std::unique_ptr<Accumulator> accumulator_;
  State state_;
};

inline StateRequest request_of(StateKind kind, Sample sample, double volume, bool masked = false) {
  return {kind, sample, masked, volume, false};
}

}  // namespace boxel::test
