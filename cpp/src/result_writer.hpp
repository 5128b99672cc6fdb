// From states to outputs: values, boxes without enough samples, casts, stores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "boxel/blocks.hpp"
#include "boxel/fold.hpp"
#include "boxel/memory.hpp"
#include "boxel/rows.hpp"
#include "boxel/states.hpp"

namespace boxel {

using Accumulators = std::vector<std::unique_ptr<Accumulator>>;

// What the results of a row of boxes are written with.
struct ResultRules {
  std::int64_t min_count = 1;
  double ddof = 0;
  bool whole_means = false;  // means in integers are rounded toward zero
};

class ResultWriter {
 public:
  ResultWriter(const KernelSet& kernels, const StatePlan& states, const Accumulators& accumulators,
               const std::vector<BlockOutput>& outputs, const std::vector<LaneLayout>& layouts,
               ResultRules rules, std::int64_t most_lanes);

  // Results that are written together: state k lies in states[k]. Samples per box are equal in
  // runs, or given lane by lane where `per_lane` is not null.
  struct Row {
    std::span<const Lanes> states;
    std::int64_t positions;
    std::int64_t lanes;
    std::span<const CountRun> runs;
    const std::int64_t* per_lane;
  };

  // Writes one output's row, which begins at `place`.
  void write(const Row& row, std::size_t output, std::byte* place);
  // The same for windows along rows that are not merged yet, of which none is masked or cut; false
  // where there is no short way.
  bool write_windows(Lanes extended, const RowWindows& windows, std::int64_t positions,
                     std::size_t output, std::byte* place);

  // Whether an accumulator may write the output's dtype itself.
  bool goes_straight(std::size_t output, std::byte* place, std::int64_t positions) const;

 private:
  bool truncates(std::size_t output) const;
  Natural natural(std::size_t output) const;
  bool write_as(const Row& row, std::size_t output, std::byte* place);
  void compute(const Row& row, std::size_t output, std::byte* values);
  void compute_run(const Row& row, std::size_t output, std::int64_t lane, std::int64_t lanes,
                   Counts counts, std::byte* values);
  bool find_failed(const Row& row, Statistic statistic);

  const KernelSet& kernels_;
  const StatePlan& states_;
  const Accumulators& accumulators_;
  const std::vector<BlockOutput>& outputs_;
  ResultRules rules_;
  std::vector<RowStorer> storers_;
  Buffer values_;
  Buffer cast_;
  std::vector<std::uint8_t> failed_;
};

}  // namespace boxel
