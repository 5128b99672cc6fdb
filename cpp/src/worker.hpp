// What one thread needs to take, fold, merge and finish units.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "boxel/fold.hpp"
#include "boxel/rows.hpp"
#include "job.hpp"
#include "scratch.hpp"
#include "unit.hpp"

namespace boxel {

class Worker {
 public:
  explicit Worker(const Job& job);

  // Computes one unit from its rows to its outputs.
  void run(std::int64_t index);

  // The same for one large cell in parts: segments are folded by any worker, each into a block of
  // its own, and merged by one worker in the order of its calls.
  StateBlock make_states() const { return {accumulators_, job_.cells}; }
  void run_segment(const Unit& unit, const Segment& segment, const StateBlock& states);
  void begin_total(const Unit& unit);
  void add_to_total(const Unit& unit, const Segment& segment, const StateBlock& states);
  void finish_total(const Unit& unit);

 private:
  // Folded states of a unit, wherever they lie.
  using Results = std::vector<Lanes>;

  Natural natural(std::size_t output) const;
  void take(const Unit& unit, const Segment& segment);
  void take_slot(const Unit& unit, const Segment& segment, std::int64_t slot,
                 std::int64_t first_lane);
  void take_across(const Unit& unit, const Segment& segment, std::int64_t slot,
                   std::int64_t first_lane);
  bool take_runs(const Unit& unit, const Segment& segment, std::int64_t slot,
                 std::int64_t first_lane);
  RowRun run_of(const Unit& unit, const Segment& segment, std::int64_t rows) const;
  void take_in_place(const Unit& unit, const Segment& segment, std::int64_t lanes);
  void take_slots(const Unit& unit, std::int64_t first, std::int64_t end, std::int64_t lanes);
  std::int64_t bytes_ahead(std::int64_t slot_bytes) const;
  void touch_slots(const Unit& unit, std::int64_t first, std::int64_t end, std::int64_t row_bytes);
  void take_ready_slot(const Unit& unit, std::int64_t slot, std::int64_t lanes,
                       std::int64_t row_bytes);
  void prepare_offsets(const Unit& unit, const Segment& segment, std::int64_t slot);
  void fold_slots(const Unit& unit, const Segment& segment, bool adjacent_done);
  void merge_part(const Unit& unit, const Segment& segment, const Results& part);
  void prepare_fold(const Unit& unit, std::int64_t positions);
  void prepare_runs(const Unit& unit);
  void finish(const Unit& unit);
  void pad(const Unit& unit);
  double box_samples(const Unit& unit, const CountRun& run) const;
  void write(const Unit& unit, std::size_t output);
  bool write_as(const Unit& unit, std::size_t output, std::byte* place);
  void compute(const Unit& unit, std::size_t output, std::byte* values);
  bool find_failed(const Unit& unit, Statistic statistic);

  static constexpr std::size_t fold_buffers = std::tuple_size_v<FoldBuffers>;

  const Job& job_;
  RowScratch rows_;
  Gathering gathering_;
  std::vector<std::unique_ptr<Accumulator>> accumulators_;
  std::vector<int> accumulator_of_;  // of each kind of state; -1 for the gathered one
  std::vector<RowStorer> storers_;
  Buffer fold_memory_;
  std::array<StateBlock, fold_buffers> folds_;
  Results results_;

  // Where the rows of a cell lie from its first one on, while cells alike follow one another.
  bool in_place_;
  std::vector<std::int64_t> offsets_;
  std::int64_t offsets_extent_ = -1;
  Extents offsets_extents_;

  StateBlock total_;
  bool has_total_ = false;
  bool total_begun_ = false;
  std::vector<CountRun> row_runs_;
  std::vector<double> total_samples_;

  // What of a row's fold is done while it is taken, for each accumulator.
  struct Adjacent {
    int window = 1;
    FoldPlan rest;
  };

  FoldPlan fold_plan_;
  std::vector<Adjacent> adjacent_;
  bool takes_slots_ = false;
  bool takes_runs_ = false;
  std::int64_t fold_positions_ = -1;
  std::int64_t fold_outputs_ = -1;
  std::vector<CountRun> runs_;  // of the unit's outputs
  std::array<std::int64_t, 4> runs_key_{-1, -1, -1, -1};

  // For results that do not go straight to their place.
  Buffer values_;
  Buffer cast_;
  std::vector<std::int64_t> counts_;
  std::vector<std::uint8_t> failed_;
};

}  // namespace boxel
