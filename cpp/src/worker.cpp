#include "worker.hpp"

#include <algorithm>
#include <cmath>

namespace boxel {
namespace {

// Cells of more rows are walked instead: their rows are not what costs time.
constexpr std::int64_t most_listed_rows = 4096;

// Shorter rows are touched before they are read side by side, along memory and in one long loop:
// processors prefetch along a stream of loads from one instruction, not along eight short ones
// (2.6 times as fast on rows of 1 KiB). Long rows are streams of their own.
constexpr std::int64_t longest_touched_row = 4096;
// As much as the second-level cache keeps beside everything else.
constexpr std::int64_t touched_bytes = 8 * 1024;
// How far ahead of what is taken the caches are asked for more: whole slots of at least so many
// bytes, unless one is larger than a second-level cache keeps; or a part of the row.
constexpr std::int64_t slots_ahead = 8 * 1024;
constexpr std::int64_t most_ahead = 512 * 1024;
constexpr std::int64_t row_ahead = 2 * 1024;
// Tiles across memory until the one that is asked for; and what is asked for where runs are read.
constexpr std::int64_t tiles_ahead = 2;
constexpr std::int64_t runs_ahead = 8 * 1024;
// What several accumulators take from the first-level cache.
constexpr std::int64_t shared_bytes = 8 * 1024;

// Joins rows that lie one after another and reads a byte of each of their cache lines.
class Toucher {
 public:
  explicit Toucher(std::int64_t row_bytes) : row_bytes_(row_bytes) {}
  ~Toucher() { touch(); }
  Toucher(const Toucher&) = delete;
  Toucher& operator=(const Toucher&) = delete;

  void add(const std::byte* row) {
    if (row != end_) {
      touch();
      start_ = row;
    }
    end_ = row + row_bytes_;
  }

 private:
  void touch() const {
    for (const std::byte* line = start_; line < end_; line += cache_line) {
      static_cast<void>(*static_cast<const volatile std::byte*>(line));
    }
  }

  std::int64_t row_bytes_;
  const std::byte* start_ = nullptr;
  const std::byte* end_ = nullptr;
};

std::size_t at(int index) { return static_cast<std::size_t>(index); }

// A segment may be a part of the only slot; several slots are always whole.
std::int64_t rows_of(const Unit& unit, const Segment& segment, std::int64_t slot) {
  return unit.slots() > 1 ? unit.rows() * unit.slot_extent(slot) : segment.rows;
}

void append_run(std::vector<CountRun>& runs, CountRun run) {
  if (!runs.empty() && runs.back().factor == run.factor) {
    runs.back().lanes += run.lanes;
  } else {
    runs.push_back(run);
  }
}

}  // namespace

Worker::Worker(const Job& job)
    : job_(job),
      rows_(job.rows, job.scratch_lanes(), job.plan.across_positions > 0),
      gathering_(job),
      in_place_(job.reads_in_place()) {
  for (const StateKind kind : job.states.kinds) {
    const bool gathered = kind == StateKind::gathered;
    accumulator_of_.push_back(gathered ? -1 : static_cast<int>(accumulators_.size()));
    if (!gathered) accumulators_.push_back(job.kernels.make_accumulator(job.state_request(kind)));
  }
  takes_runs_ = !gathering_ && !job.states.masked && accumulators_.size() == 1 &&
                accumulators_.front()->takes_runs() && job.reads_aligned();
  const std::size_t bytes = StateBlock::bytes_of(accumulators_, job.lanes);
  fold_memory_.reserve(fold_buffers * bytes);
  for (std::size_t k = 0; k < fold_buffers; ++k) {
    folds_[k] = StateBlock(accumulators_, job.lanes, fold_memory_.data() + k * bytes);
  }
  results_.resize(accumulators_.size());
  adjacent_.resize(accumulators_.size());
  if (job.states.masked) counts_.resize(static_cast<std::size_t>(job.cells));
  for (std::size_t k = 0; k < job.request.outputs.size(); ++k) {
    storers_.emplace_back(job.kernels, job.request.outputs[k].view, natural(k),
                          output_layout(job.plan, static_cast<int>(k)));
  }
}

void Worker::run(std::int64_t index) {
  const Unit unit(job_.plan, index);
  if (gathering_) gathering_.begin();
  if (unit.one_segment()) {
    take(unit, unit.whole());
    finish(unit);
    return;
  }
  begin_total(unit);
  for (const Segment& segment : unit.segments()) {
    take(unit, segment);
    merge_part(unit, segment, results_);
  }
  finish_total(unit);
}

void Worker::run_segment(const Unit& unit, const Segment& segment, const StateBlock& states) {
  take(unit, segment);
  for (std::size_t a = 0; a < accumulators_.size(); ++a) {
    accumulators_[a]->pick(states[a], results_[a], 1, 1, unit.outputs());
  }
}

void Worker::begin_total(const Unit& unit) {
  if (!has_total_) total_ = make_states();
  has_total_ = true;
  total_begun_ = false;
  row_runs_ = FoldPlan(unit.row_axes(unit.positions())).runs();
  total_samples_.assign(row_runs_.size(), 0.0);
}

void Worker::add_to_total(const Unit& unit, const Segment& segment, const StateBlock& states) {
  merge_part(unit, segment, states.all());
}

void Worker::merge_part(const Unit& unit, const Segment& segment, const Results& part) {
  for (std::size_t a = 0; a < accumulators_.size(); ++a) {
    std::int64_t lane = 0;
    for (std::size_t r = 0; r < row_runs_.size(); ++r) {
      const Lanes total = total_[a].from(lane);
      const std::int64_t lanes = row_runs_[r].lanes;
      if (total_begun_) {
        accumulators_[a]->merge(total, total, part[a].from(lane), lanes, total_samples_[r],
                                unit.samples(segment, row_runs_[r]));
      } else {
        accumulators_[a]->pick(total, part[a].from(lane), 1, 1, lanes);
      }
      lane += lanes;
    }
  }
  for (std::size_t r = 0; r < row_runs_.size(); ++r) {
    total_samples_[r] += unit.samples(segment, row_runs_[r]);
  }
  total_begun_ = true;
}

void Worker::finish_total(const Unit& unit) {
  results_ = total_.all();
  finish(unit);
}

Natural Worker::natural(std::size_t output) const {
  const int state = job_.states.state_of[output];
  const Statistic statistic = job_.request.outputs[output].statistic;
  if (state < 0) return Natural::int64;
  const int accumulator = accumulator_of_[at(state)];
  if (accumulator < 0) return gathering_.selector().natural(statistic);
  return accumulators_[at(accumulator)]->natural(statistic);
}

void Worker::take(const Unit& unit, const Segment& segment) {
  prepare_fold(unit, segment.positions);
  const std::int64_t lanes = segment.positions * job_.plan.inner_lanes;
  const bool in_place = in_place_ && unit.one_segment() && segment.rows <= most_listed_rows;
  if (in_place) {
    take_in_place(unit, segment, lanes);
  } else {
    for (std::int64_t slot = 0; slot < unit.slots(); ++slot) {
      if (!job_.plan.across_positions) {
        take_slot(unit, segment, slot, slot * lanes);
      } else if (!take_runs(unit, segment, slot, slot * lanes)) {
        take_across(unit, segment, slot, slot * lanes);
      }
    }
  }
  fold_slots(unit, segment, in_place && takes_slots_);
}

// Slots alike are taken together, or touched together and then taken one by one.
void Worker::take_in_place(const Unit& unit, const Segment& segment, std::int64_t lanes) {
  const std::int64_t row_bytes =
      lanes * static_cast<std::int64_t>(size_of_sample(job_.states.sample));
  for (std::int64_t slot = 0; slot < unit.slots();) {
    prepare_offsets(unit, segment, slot);
    if (takes_slots_) {
      // Only the last slot of its axis can be cut.
      const std::int64_t last = unit.slots() - 1;
      const std::int64_t end = last + (unit.slot_extent(last) == unit.slot_extent(slot) ? 1 : 0);
      take_slots(unit, slot, end, lanes);
      slot = end;
      continue;
    }
    const auto slot_bytes = static_cast<std::int64_t>(offsets_.size()) * row_bytes;
    std::int64_t end = slot + std::max<std::int64_t>(1, touched_bytes / slot_bytes);
    end = std::min(end, unit.slots());
    while (unit.slot_extent(end - 1) != unit.slot_extent(slot)) --end;
    if (row_bytes < longest_touched_row && slot_bytes <= touched_bytes) {
      touch_slots(unit, slot, end, row_bytes);
    }
    for (; slot < end; ++slot) take_ready_slot(unit, slot, lanes, row_bytes);
  }
}

void Worker::prepare_offsets(const Unit& unit, const Segment& segment, std::int64_t slot) {
  if (unit.slot_extent(slot) == offsets_extent_ && unit.outer_extents() == offsets_extents_) return;
  const std::int64_t rows = unit.rows() * unit.slot_extent(slot);
  RowCursor cursor(unit, segment, slot);
  const std::int64_t first = cursor.place().image;
  offsets_.clear();
  for (std::int64_t row = 0; row < rows; ++row, cursor.next()) {
    offsets_.push_back(cursor.place().image - first);
  }
  offsets_extent_ = unit.slot_extent(slot);
  offsets_extents_ = unit.outer_extents();
}

// Several accumulators share what is in the first-level cache.
void Worker::take_slots(const Unit& unit, std::int64_t first, std::int64_t end,
                        std::int64_t lanes) {
  const std::int64_t slot_bytes = static_cast<std::int64_t>(offsets_.size()) * lanes *
                                  static_cast<std::int64_t>(size_of_sample(job_.states.sample));
  const std::int64_t batch = accumulators_.size() == 1
                                 ? end - first
                                 : std::max<std::int64_t>(1, shared_bytes / slot_bytes);
  SlotRows rows{nullptr, offsets_,
                0,       job_.plan.slot.image * job_.plan.slot.window.step,
                lanes,   bytes_ahead(slot_bytes)};
  for (std::int64_t slot = first; slot < end; slot += batch) {
    rows.first = job_.request.image.data + unit.base(slot).image;
    rows.slots = std::min(batch, end - slot);
    for (std::size_t a = 0; a < accumulators_.size(); ++a) {
      const Adjacent& adjacent = adjacent_[a];
      accumulators_[a]->take_slots(folds_[0][a].from(slot * adjacent.rest.lanes()), rows,
                                   adjacent.window);
    }
  }
}

// The rows of slots that come later; the row itself where it is long, or no slot follows soon.
std::int64_t Worker::bytes_ahead(std::int64_t slot_bytes) const {
  const Plan& plan = job_.plan;
  if (plan.chunks > 1 || slot_bytes > most_ahead) return row_ahead;
  if (plan.slots == 1 && plan.outer.empty()) return row_ahead;
  const PlanAxis& next = plan.slots > 1 ? plan.slot : plan.outer.back();
  if (next.window.outputs == 1) return row_ahead;
  return next.image * next.window.step * std::max<std::int64_t>(1, slots_ahead / slot_bytes);
}

void Worker::touch_slots(const Unit& unit, std::int64_t first, std::int64_t end,
                         std::int64_t row_bytes) {
  const auto extent = static_cast<std::size_t>(unit.slot_extent(first));
  Toucher toucher(row_bytes);
  for (std::size_t row = 0; row < offsets_.size(); row += extent) {
    for (std::int64_t slot = first; slot < end; ++slot) {
      const std::byte* start = job_.request.image.data + unit.base(slot).image;
      for (std::size_t k = row; k < row + extent; ++k) toucher.add(start + offsets_[k]);
    }
  }
}

void Worker::take_ready_slot(const Unit& unit, std::int64_t slot, std::int64_t lanes,
                             std::int64_t row_bytes) {
  const std::byte* first = job_.request.image.data + unit.base(slot).image;
  const auto rows = static_cast<std::int64_t>(offsets_.size());
  // Slots too large to be touched whole are touched a part at a time.
  const bool in_parts = row_bytes < longest_touched_row && rows * row_bytes > touched_bytes;
  const std::int64_t part =
      std::max<std::int64_t>(1, touched_bytes / row_bytes / max_group) * max_group;
  RowGroup group;
  group.include.fill(nullptr);
  for (std::int64_t taken = 0; taken < rows; taken += max_group) {
    if (in_parts && taken % part == 0) {
      Toucher toucher(row_bytes);
      for (std::int64_t row = taken; row < std::min(taken + part, rows); ++row) {
        toucher.add(first + offsets_[static_cast<std::size_t>(row)]);
      }
    }
    group.count = static_cast<int>(std::min<std::int64_t>(max_group, rows - taken));
    for (int k = 0; k < group.count; ++k) {
      group.samples[at(k)] = first + offsets_[static_cast<std::size_t>(taken + k)];
    }
    for (std::size_t a = 0; a < accumulators_.size(); ++a) {
      accumulators_[a]->take(folds_[0][a].from(slot * lanes), group, lanes, taken);
    }
    if (gathering_) gathering_.take(group, slot * unit.slot_outputs());
  }
}

// Runs of samples where they lie; false: something needs them as rows, and nothing was taken.
bool Worker::take_runs(const Unit& unit, const Segment& segment, std::int64_t slot,
                       std::int64_t first_lane) {
  if (!takes_runs_) return false;
  const std::int64_t rows = rows_of(unit, segment, slot);
  const RowCursor cursor(unit, segment, slot);
  if (cursor.run() != rows) return false;
  const RowSource& image = job_.rows.image;
  const std::int64_t stride = image.loader.run_stride(cursor.step().image);
  if (stride == 0) return false;
  const SampleRuns runs{image.data + cursor.place().image, stride,
                        segment.positions * job_.plan.inner_lanes, rows,
                        (runs_ahead + stride - 1) / stride * stride};
  for (std::size_t a = 0; a < accumulators_.size(); ++a) {
    accumulators_[a]->take_runs(folds_[0][a].from(first_lane), runs);
  }
  return true;
}

// Some positions at a time, whose samples stay in the first-level cache while all rows are taken.
void Worker::take_across(const Unit& unit, const Segment& segment, std::int64_t slot,
                         std::int64_t first_lane) {
  const std::int64_t most = job_.plan.across_positions;
  for (std::int64_t start = 0; start < segment.positions; start += most) {
    Segment part = segment;
    part.first_position += start;
    part.positions = std::min(most, segment.positions - start);
    take_slot(unit, part, slot, first_lane + start * job_.plan.inner_lanes);
  }
}

RowRun Worker::run_of(const Unit& unit, const Segment& segment, std::int64_t rows) const {
  RowRun run{segment.positions};
  if (!job_.plan.across_positions) return run;
  const PlanAxis& first = job_.plan.row.front();
  run.reach = first.length - unit.first_position() - segment.first_position - segment.positions;
  run.ahead = tiles_ahead * job_.plan.across_positions;
  run.shares = (rows + max_group - 1) / max_group;
  return run;
}

void Worker::take_slot(const Unit& unit, const Segment& segment, std::int64_t slot,
                       std::int64_t first_lane) {
  const std::int64_t rows = rows_of(unit, segment, slot);
  RowCursor cursor(unit, segment, slot);
  RowRun run = run_of(unit, segment, rows);
  const RowPlace step = cursor.step();
  const std::int64_t lanes = segment.positions * job_.plan.inner_lanes;
  RowGroup group;
  group.include.fill(nullptr);
  for (std::int64_t taken = 0; taken < rows; taken += max_group) {
    group.count = static_cast<int>(std::min<std::int64_t>(max_group, rows - taken));
    run.share = taken / max_group;
    for (int k = 0; k < group.count;) {
      const auto count = static_cast<int>(std::min<std::int64_t>(group.count - k, cursor.run()));
      rows_.load_run(group, k, count, cursor.place(), step, run, lanes);
      cursor.skip(count);
      k += count;
    }
    for (std::size_t a = 0; a < accumulators_.size(); ++a) {
      accumulators_[a]->take(folds_[0][a].from(first_lane), group, lanes, taken);
    }
    if (gathering_) gathering_.take(group, slot * unit.slot_outputs());
  }
}

void Worker::fold_slots(const Unit& unit, const Segment& segment, bool adjacent_done) {
  // Only the last slot of its axis can be cut.
  const std::int64_t last = unit.slots() - 1;
  const bool even = unit.slot_extent(0) == unit.slot_extent(last);
  const auto rows = [&](std::int64_t slot) {
    return static_cast<double>(rows_of(unit, segment, slot));
  };
  for (std::size_t a = 0; a < accumulators_.size(); ++a) {
    const FoldBuffers buffers{folds_[0][a], folds_[1][a], folds_[2][a]};
    Accumulator& accumulator = *accumulators_[a];
    const FoldPlan& plan = adjacent_done ? adjacent_[a].rest : fold_plan_;
    const double merged = adjacent_done ? adjacent_[a].window : 1;
    int result = 0;
    if (even) {
      result = fold(accumulator, buffers, plan, 0, unit.slots(), rows(0) * merged);
    } else {
      fold(accumulator, buffers, plan, 0, last, rows(0) * merged);
      result = fold(accumulator, buffers, plan, last, 1, rows(last) * merged);
    }
    results_[a] = buffers[at(result)];
  }
}

// Units alike follow one another: their geometry is worked out once.
void Worker::prepare_fold(const Unit& unit, std::int64_t positions) {
  if (positions == fold_positions_ && unit.chunk_outputs() == fold_outputs_) return;
  fold_plan_ = FoldPlan(unit.row_axes(positions));
  fold_positions_ = positions;
  fold_outputs_ = unit.chunk_outputs();
  takes_slots_ = in_place_ && !gathering_ && !accumulators_.empty();
  for (std::size_t a = 0; a < accumulators_.size() && takes_slots_; ++a) {
    Adjacent& adjacent = adjacent_[a];
    adjacent.window = fold_plan_.adjacent(*accumulators_[a]);
    adjacent.rest = fold_plan_.without(adjacent.window);
    takes_slots_ = accumulators_[a]->takes_slots(adjacent.window);
  }
  if (gathering_) gathering_.begin_rows(fold_plan_.axes());
}

void Worker::prepare_runs(const Unit& unit) {
  const std::array<std::int64_t, 4> key{unit.positions(), unit.chunk_outputs(), unit.slots(),
                                        unit.slot_extent(unit.slots() - 1)};
  if (key == runs_key_) return;
  const bool folded_whole =
      unit.positions() == fold_positions_ && unit.chunk_outputs() == fold_outputs_;
  const std::vector<CountRun> row_runs =
      folded_whole ? fold_plan_.runs() : FoldPlan(unit.row_axes(unit.positions())).runs();
  runs_.clear();
  for (std::int64_t slot = 0; slot < unit.slots(); ++slot) {
    const auto extent = static_cast<double>(unit.slot_extent(slot));
    for (const CountRun& run : row_runs) append_run(runs_, {run.lanes, run.factor * extent});
  }
  runs_key_ = key;
}

void Worker::finish(const Unit& unit) {
  prepare_runs(unit);
  if (job_.request.padded) pad(unit);
  if (job_.states.masked) {
    accumulators_.front()->finish(Statistic::count, results_.front(), unit.outputs(), {}, 0,
                                  counts_.data());
  }
  for (std::size_t k = 0; k < storers_.size(); ++k) write(unit, k);
}

void Worker::pad(const Unit& unit) {
  const Value cval = job_.request.cval;
  if (job_.request.skipna && std::isnan(cval.floating)) return;
  std::int64_t lane = 0;
  for (const CountRun& run : runs_) {
    const double held = static_cast<double>(unit.rows()) * run.factor;
    const double missing = job_.plan.volume - held;
    if (missing > 0) {
      for (std::size_t a = 0; a < accumulators_.size(); ++a) {
        accumulators_[a]->take_constant(results_[a].from(lane), run.lanes, cval, missing, held);
      }
      for (std::int64_t cell = lane; gathering_ && cell < lane + run.lanes; ++cell) {
        gathering_.pad(cell, static_cast<std::int64_t>(missing));
      }
    }
    lane += run.lanes;
  }
}

// Samples per box of a run where nothing is masked.
double Worker::box_samples(const Unit& unit, const CountRun& run) const {
  return job_.request.padded ? job_.plan.volume : static_cast<double>(unit.rows()) * run.factor;
}

void Worker::write(const Unit& unit, std::size_t output) {
  const BlockOutput& target = job_.request.outputs[output];
  const RowStorer& storer = storers_[output];
  std::byte* place = target.view.data + unit.output_offset(static_cast<int>(output));
  if (write_as(unit, output, place)) return;
  auto* values = static_cast<std::byte*>(storer.direct(place, unit.leading_outputs()));
  if (!values) {
    const std::size_t bytes = static_cast<std::size_t>(job_.cells) * 8;
    values_.reserve(bytes);
    cast_.reserve(bytes);
    values = values_.data();
  }
  compute(unit, output, values);
  const bool fails = find_failed(unit, target.statistic);
  if (!storer.store(place, values, unit.leading_outputs(), unit.outputs(),
                    fails ? failed_.data() : nullptr,
                    target.has_fill ? target.fill.data() : nullptr, cast_.data())) {
    throw MissingValue(target.statistic, target.view.dtype);
  }
}

// Straight into the output's dtype, where the accumulator knows a short way.
bool Worker::write_as(const Unit& unit, std::size_t output, std::byte* place) {
  const BlockOutput& target = job_.request.outputs[output];
  const int state = job_.states.state_of[output];
  const int accumulator = state < 0 ? -1 : accumulator_of_[at(state)];
  if (accumulator < 0 || job_.states.masked || job_.request.min_count > 1) return false;
  if (!storers_[output].contiguous(place, unit.leading_outputs())) return false;
  const std::size_t size = size_of(target.view.dtype);
  std::int64_t lane = 0;
  for (const CountRun& run : runs_) {
    if (!accumulators_[at(accumulator)]->finish_as(
            target.view.dtype, target.statistic, results_[at(accumulator)].from(lane), run.lanes,
            box_samples(unit, run), place + static_cast<std::size_t>(lane) * size)) {
      return false;
    }
    lane += run.lanes;
  }
  return true;
}

void Worker::compute(const Unit& unit, std::size_t output, std::byte* values) {
  const Statistic statistic = job_.request.outputs[output].statistic;
  const int state = job_.states.state_of[output];
  const int accumulator = state < 0 ? -1 : accumulator_of_[at(state)];
  const double ddof = job_.request.ddof;
  if (state >= 0 && accumulator < 0) {
    gathering_.finish(statistic, unit.outputs(), values);
    return;
  }
  if (job_.states.masked) {
    accumulators_[at(accumulator)]->finish(statistic, results_[at(accumulator)], unit.outputs(),
                                           {0, counts_.data()}, ddof, values);
    return;
  }
  std::int64_t lane = 0;
  for (const CountRun& run : runs_) {
    const double samples = box_samples(unit, run);
    std::byte* place = values + lane * 8;
    if (state < 0) {
      std::fill_n(reinterpret_cast<std::int64_t*>(place), run.lanes,
                  static_cast<std::int64_t>(samples));
    } else {
      accumulators_[at(accumulator)]->finish(statistic, results_[at(accumulator)].from(lane),
                                             run.lanes, {samples, nullptr}, ddof, place);
    }
    lane += run.lanes;
  }
}

// Marks the boxes that hold too few samples; false if there are none.
bool Worker::find_failed(const Unit& unit, Statistic statistic) {
  const StatisticInfo& info = info_of(statistic);
  if (!info.needs_samples) return false;
  const std::int64_t least =
      std::max<std::int64_t>(job_.request.min_count, info.empty_has_value ? 0 : 1);
  if (!job_.states.masked && least <= 1) return false;
  failed_.resize(static_cast<std::size_t>(job_.cells));
  bool any = false;
  if (job_.states.masked) {
    for (std::size_t lane = 0; lane < static_cast<std::size_t>(unit.outputs()); ++lane) {
      failed_[lane] = counts_[lane] < least;
      any |= failed_[lane] != 0;
    }
    return any;
  }
  auto place = failed_.begin();
  for (const CountRun& run : runs_) {
    const bool fails = box_samples(unit, run) < static_cast<double>(least);
    place = std::fill_n(place, run.lanes, static_cast<std::uint8_t>(fails));
    any |= fails;
  }
  return any;
}

}  // namespace boxel
