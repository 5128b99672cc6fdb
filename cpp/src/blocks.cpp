#include "boxel/blocks.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>

#include "boxel/fold.hpp"
#include "boxel/rows.hpp"
#include "boxel/states.hpp"

namespace boxel {
namespace {

// A chunk's widest row of lanes: half of a usual first-level cache for state and samples each.
constexpr std::int64_t chunk_bytes = 16 * 1024;
// Gathered cells of one chunk.
constexpr std::int64_t gathered_bytes = 256 * 1024;
// Work below this stays on the caller's thread; pieces handed to workers have about this size.
constexpr std::int64_t piece_bytes = 1 << 20;
// A cell of more samples is cut into segments that are merged in order, so that several workers
// can share it; the cut depends on the shape alone.
constexpr std::int64_t segment_samples = 1 << 20;
// Segments whose states are held at the same time.
constexpr std::int64_t segment_wave = 32;
constexpr int fold_buffers = 3;

std::size_t at(int index) { return static_cast<std::size_t>(index); }

LaneLayout layout_of(const std::vector<PlanAxis>& row, std::int64_t PlanAxis::* stride) {
  LaneLayout layout;
  for (const PlanAxis& axis : row) {
    layout.lengths.push_back(axis.length);
    layout.strides.push_back(axis.*stride);
  }
  return layout;
}

LaneLayout output_layout(const std::vector<PlanAxis>& row, std::size_t output) {
  LaneLayout layout;
  for (const PlanAxis& axis : row) {
    layout.lengths.push_back(axis.window.outputs);
    layout.strides.push_back(axis.outputs[output]);
  }
  return layout;
}

// Where a row begins in each of the arrays that are read.
struct RowPlace {
  std::int64_t image = 0;
  std::int64_t where = 0;
  std::int64_t masked = 0;
  std::int64_t weights = 0;

  void move(const PlanAxis& axis, std::int64_t positions) {
    image += axis.image * positions;
    where += axis.where * positions;
    masked += axis.masked * positions;
    weights += axis.weights * positions;
  }
};

std::vector<Statistic> wanted(const BlockRequest& request) {
  std::vector<Statistic> result;
  for (const BlockOutput& output : request.outputs) result.push_back(output.statistic);
  return result;
}

bool is_masked(const BlockRequest& request) {
  return request.where || request.masked || request.weights ||
         (request.skipna && is_floating(request.image.dtype));
}

PlanRequest plan_request(const BlockRequest& request, bool gathers) {
  PlanRequest plan;
  plan.output_count = request.outputs.size();
  plan.padded = request.padded;
  double volume = 1;
  for (int axis = 0; axis < request.image.shape.size(); ++axis) {
    PlanAxis planned;
    planned.length = request.image.shape[axis];
    planned.window = request.windows[at(axis)];
    planned.image = request.image.strides[axis];
    if (request.where) planned.where = request.where->strides[axis];
    if (request.masked) planned.masked = request.masked->strides[axis];
    if (request.weights) planned.weights = request.weights->strides[axis];
    for (const BlockOutput& output : request.outputs) {
      planned.outputs.push_back(output.view.strides[axis]);
    }
    plan.axes.push_back(planned);
    volume *= static_cast<double>(std::min(planned.length, planned.window.size));
  }
  const auto item = static_cast<std::int64_t>(size_of(request.image.dtype));
  plan.chunk_lanes = chunk_bytes / (is_masked(request) ? 8 : item);
  if (gathers) {
    plan.chunk_cells =
        std::max<std::int64_t>(1, static_cast<std::int64_t>(gathered_bytes / (volume * 8)));
  }
  return plan;
}

// Everything that is the same for all workers of a call.
struct Job {
  explicit Job(const BlockRequest& block_request)
      : request(block_request),
        states(plan_states(wanted(request), request.image.dtype, is_masked(request),
                           request.weights.has_value())),
        gathers(std::ranges::count(states.kinds, StateKind::gathered) > 0),
        plan(make_plan(plan_request(request, gathers))),
        kernels(*request.kernels),
        image(kernels, request.image, states.sample, layout_of(plan.row, &PlanAxis::image)),
        chunk_lanes(plan.inner_lanes * longest_positions()),
        chunk_cells(plan.inner_outputs *
                    std::min(plan.chunk_outputs, plan.row.front().window.outputs)) {
    if (request.where) {
      where.emplace(kernels, *request.where, Sample::uint8, layout_of(plan.row, &PlanAxis::where));
    }
    if (request.masked) {
      masked.emplace(kernels, *request.masked, Sample::uint8,
                     layout_of(plan.row, &PlanAxis::masked));
    }
    if (request.weights) {
      weights.emplace(kernels, *request.weights, Sample::float64,
                      layout_of(plan.row, &PlanAxis::weights));
    }
  }

  std::int64_t longest_positions() const {
    if (plan.band_positions) return plan.band_positions;
    const Window& window = plan.row.front().window;
    return std::min(plan.row.front().length,
                    (plan.chunk_outputs - 1) * window.step + window.size);
  }

  std::int64_t units() const {
    std::int64_t units = plan.chunks;
    for (const PlanAxis& axis : plan.outer) units *= axis.window.outputs;
    return units;
  }

  StateRequest state_request(StateKind kind) const {
    bool integral_midpoint = false;
    for (const BlockOutput& output : request.outputs) {
      integral_midpoint |= output.statistic == Statistic::median &&
                           !is_floating(output.view.dtype) && !is_floating(request.image.dtype);
    }
    return {kind, states.sample, states.masked, plan.volume, integral_midpoint};
  }

  const BlockRequest& request;
  StatePlan states;
  bool gathers;
  Plan plan;
  const KernelSet& kernels;
  RowLoader image;
  std::optional<RowLoader> where;
  std::optional<RowLoader> masked;
  std::optional<RowLoader> weights;
  std::int64_t chunk_lanes;  // most lanes of a row at a time
  std::int64_t chunk_cells;  // most outputs of a row at a time
};

// The part of a unit that is taken into one state: rows of equal length.
struct Segment {
  std::int64_t first_row;
  std::int64_t rows;
  std::int64_t first_position;  // along row[0], of the first row
  std::int64_t positions;
};

// One chunk of outputs of one cell of the outer axes.
class Unit {
 public:
  Unit(const Plan& plan, std::int64_t index) : plan_(plan) {
    chunk_ = index % plan.chunks;
    std::int64_t cell = index / plan.chunks;
    outer_.resize(plan.outer.size());
    for (std::size_t axis = plan.outer.size(); axis-- > 0;) {
      const std::int64_t outputs = plan.outer[axis].window.outputs;
      outer_[axis] = cell % outputs;
      cell /= outputs;
    }
    const PlanAxis& first = plan.row.front();
    first_output_ = chunk_ * plan.chunk_outputs;
    outputs_ = std::min(plan.chunk_outputs, first.window.outputs - first_output_);
    const std::int64_t last = first_output_ + outputs_ - 1;
    start_ = first.start(first_output_);
    positions_ = std::min(first.start(last) + first.window.size, first.length) - start_;
    for (std::size_t axis = 0; axis < outer_.size(); ++axis) {
      const PlanAxis& outer = plan.outer[axis];
      extents_.push_back(outer.extent(outer_[axis]));
      rows_ *= extents_[static_cast<int>(axis)];
      base_.move(outer, outer.start(outer_[axis]));
    }
    base_.move(first, start_);
  }

  std::int64_t rows() const { return rows_; }
  std::int64_t positions() const { return positions_; }
  std::int64_t outputs() const { return outputs_; }
  const RowPlace& base() const { return base_; }
  const Extents& extents() const { return extents_; }
  // Lanes of a full window may not fit a chunk: then it is read in bands.
  bool banded() const { return plan_.band_positions > 0 && positions_ > plan_.band_positions; }

  std::int64_t output_offset(std::size_t output) const {
    std::int64_t offset = plan_.row.front().outputs[output] * first_output_;
    for (std::size_t axis = 0; axis < outer_.size(); ++axis) {
      offset += plan_.outer[axis].outputs[output] * outer_[axis];
    }
    return offset;
  }

  std::vector<RowAxis> row_axes(std::int64_t positions) const {
    std::vector<RowAxis> axes;
    axes.reserve(plan_.row.size());
    for (const PlanAxis& axis : plan_.row) {
      axes.push_back({axis.length, axis.window});
      Window& window = axes.back().window;
      if (window.outputs == 1) window.size = window.step = std::min(window.size, axis.length);
    }
    axes.front().length = positions;
    axes.front().window.outputs = outputs_;
    if (outputs_ == 1) {
      axes.front().window.size = positions;
      axes.front().window.step = positions;
    }
    return axes;
  }

  // Full bands are rows like any other: only what is left over needs a segment of its own.
  std::vector<Segment> segments() const {
    std::vector<Segment> result;
    if (!banded()) {
      cut(result, rows_, 0, positions_);
      return result;
    }
    const std::int64_t bands = positions_ / plan_.band_positions;
    cut(result, rows_ * bands, 0, plan_.band_positions);
    const std::int64_t covered = bands * plan_.band_positions;
    if (covered < positions_) cut(result, rows_, covered, positions_ - covered);
    return result;
  }

  // Samples of a segment in each lane of a run of outputs.
  double samples(const Segment& segment, const CountRun& run) const {
    const auto taken = static_cast<double>(segment.rows * segment.positions);
    return taken * run.factor / static_cast<double>(positions_);
  }

  std::int64_t bands(const Segment& segment) const {
    return banded() && segment.first_position == 0 ? positions_ / plan_.band_positions : 1;
  }

 private:
  void cut(std::vector<Segment>& segments, std::int64_t rows, std::int64_t first_position,
           std::int64_t positions) const {
    const std::int64_t lanes = positions * plan_.inner_lanes;
    const std::int64_t groups = std::max<std::int64_t>(1, segment_samples / (lanes * max_group));
    const std::int64_t most = groups * max_group;
    for (std::int64_t row = 0; row < rows; row += most) {
      segments.push_back({row, std::min(most, rows - row), first_position, positions});
    }
  }

  const Plan& plan_;
  std::vector<std::int64_t> outer_;
  Extents extents_;
  std::int64_t chunk_ = 0;
  std::int64_t first_output_ = 0;
  std::int64_t outputs_ = 1;
  std::int64_t start_ = 0;
  std::int64_t positions_ = 1;
  std::int64_t rows_ = 1;
  RowPlace base_;
};

// Walks the rows of a segment; the innermost counter runs over bands of a long window.
class RowCursor {
 public:
  RowCursor(const Plan& plan, const Unit& unit, const Segment& segment)
      : plan_(plan), unit_(unit), bands_(unit.bands(segment)), index_(unit.extents().size(), 0) {
    band_ = segment.first_row % bands_;
    std::int64_t row = segment.first_row / bands_;
    place_ = unit.base();
    place_.move(plan.row.front(), segment.first_position + band_ * plan.band_positions);
    for (int axis = index_.size() - 1; axis >= 0; --axis) {
      index_[axis] = row % unit.extents()[axis];
      row /= unit.extents()[axis];
      place_.move(plan.outer[at(axis)], index_[axis]);
    }
  }

  const RowPlace& place() const { return place_; }

  void next() {
    if (bands_ > 1) {
      place_.move(plan_.row.front(), plan_.band_positions);
      if (++band_ < bands_) return;
      place_.move(plan_.row.front(), -bands_ * plan_.band_positions);
      band_ = 0;
    }
    for (int axis = index_.size() - 1; axis >= 0; --axis) {
      place_.move(plan_.outer[at(axis)], 1);
      if (++index_[axis] < unit_.extents()[axis]) return;
      place_.move(plan_.outer[at(axis)], -unit_.extents()[axis]);
      index_[axis] = 0;
    }
  }

 private:
  const Plan& plan_;
  const Unit& unit_;
  std::int64_t bands_;
  std::int64_t band_ = 0;
  Extents index_;
  RowPlace place_;
};

// One state of each accumulator, of a given number of lanes.
class StateBlock {
 public:
  StateBlock() = default;
  StateBlock(const std::vector<std::unique_ptr<Accumulator>>& accumulators, std::int64_t lanes) {
    std::size_t bytes = 0;
    for (const auto& accumulator : accumulators) bytes += bytes_of(*accumulator, lanes);
    memory_.reserve(bytes);
    std::byte* place = memory_.data();
    for (const auto& accumulator : accumulators) {
      lanes_.push_back({place, capacity_of(*accumulator, lanes), 0});
      place += bytes_of(*accumulator, lanes);
    }
  }

  const Lanes& operator[](std::size_t state) const { return lanes_[state]; }

 private:
  static std::int64_t capacity_of(const Accumulator& accumulator, std::int64_t lanes) {
    const auto per_line = static_cast<std::int64_t>(cache_line / accumulator.lane_size());
    return (lanes + per_line - 1) / per_line * per_line;
  }
  static std::size_t bytes_of(const Accumulator& accumulator, std::int64_t lanes) {
    return static_cast<std::size_t>(capacity_of(accumulator, lanes)) * accumulator.lane_size() *
           at(accumulator.rows());
  }

  Buffer memory_;
  std::vector<Lanes> lanes_;
};

// The scratch rows of one worker: samples, and in masked work who counts and how much.
class RowScratch {
 public:
  explicit RowScratch(const Job& job) : job_(job) {
    const std::size_t lanes = (static_cast<std::size_t>(job.chunk_lanes) + 7) / 8 * 8;
    memory_.reserve(max_group * lanes * (job.states.masked ? 8 + 8 + 1 : 8) + lanes);
    std::byte* place = memory_.data();
    for (std::size_t k = 0; k < max_group; ++k, place += lanes * 8) samples_[k] = place;
    if (!job.states.masked) return;
    for (std::size_t k = 0; k < max_group; ++k, place += lanes * 8) weights_[k] = place;
    for (std::size_t k = 0; k < max_group; ++k, place += lanes) {
      include_[k] = reinterpret_cast<std::uint8_t*>(place);
    }
    excluded_ = reinterpret_cast<std::uint8_t*>(place);
  }

  void load(RowGroup& group, int k, const RowPlace& place, std::int64_t positions,
            std::int64_t lanes) {
    const BlockRequest& request = job_.request;
    const std::size_t row = at(k);
    group.samples[row] =
        job_.image.load(request.image.data + place.image, positions, samples_[row]);
    if (!job_.states.masked) return;
    std::uint8_t* include = include_[row];
    if (job_.where) {
      job_.where->load(request.where->data + place.where, positions, include);
    } else {
      std::memset(include, 1, static_cast<std::size_t>(lanes));
    }
    if (job_.masked) {
      job_.masked->load(request.masked->data + place.masked, positions, excluded_);
      job_.kernels.leave_out_masked(include, excluded_, lanes);
    }
    group.include[row] = include;
    if (job_.weights) {
      group.weights[row] = static_cast<const double*>(
          job_.weights->load(request.weights->data + place.weights, positions, weights_[row]));
      job_.kernels.leave_out_weightless(include, group.weights[row], lanes);
    }
    if (request.skipna && job_.states.sample == Sample::float64) {
      job_.kernels.leave_out_nan(include, static_cast<const double*>(group.samples[row]), lanes);
    }
  }

 private:
  const Job& job_;
  Buffer memory_;
  std::array<std::byte*, max_group> samples_{};
  std::array<std::byte*, max_group> weights_{};
  std::array<std::uint8_t*, max_group> include_{};
  std::uint8_t* excluded_ = nullptr;
};

// The samples of a chunk's boxes, for the statistics that need them all.
class Gathering {
 public:
  Gathering(const Job& job) : job_(job) {
    if (!job.gathers) return;
    selector_ = job.kernels.make_selector(job.state_request(StateKind::gathered));
    volume_ = static_cast<std::int64_t>(job.plan.volume);
    storage_.reserve(static_cast<std::size_t>(job.chunk_cells) * static_cast<std::size_t>(volume_) *
                     selector_->sample_size());
    fill_.resize(static_cast<std::size_t>(job.chunk_cells));
    cells_.resize(static_cast<std::size_t>(job.chunk_lanes));
  }

  explicit operator bool() const { return selector_ != nullptr; }
  Selector& selector() const { return *selector_; }
  const std::int64_t* counts() const { return fill_.data(); }

  void begin() { std::ranges::fill(fill_, 0); }

  void begin_rows(const std::vector<RowAxis>& axes) {
    std::int64_t lanes = 1;
    std::int32_t lane = 0;
    for (const RowAxis& axis : axes) lanes *= axis.length;
    for (; lane < lanes; ++lane) cells_[at(lane)] = cell_of(axes, lane, lanes);
  }

  void take(const RowGroup& group, std::int64_t lanes) {
    selector_->take(storage_.data(), volume_, fill_.data(), cells_.data(), group, lanes);
  }

  void pad(std::int64_t cell, std::int64_t times) {
    selector_->take_constant(storage_.data(), volume_, fill_.data(), cell, job_.request.cval,
                             times);
  }

  void finish(Statistic statistic, std::int64_t cells, void* out) {
    selector_->finish(statistic, storage_.data(), volume_, fill_.data(), cells, job_.request.ddof,
                      out);
  }

 private:
  static std::int32_t cell_of(const std::vector<RowAxis>& axes, std::int64_t lane,
                              std::int64_t lanes) {
    std::int64_t cell = 0;
    for (const RowAxis& axis : axes) {
      lanes /= axis.length;
      const std::int64_t output = lane / lanes / axis.window.step;
      lane %= lanes;
      if (output >= axis.window.outputs) return -1;
      cell = cell * axis.window.outputs + output;
    }
    return static_cast<std::int32_t>(cell);
  }

  const Job& job_;
  std::unique_ptr<Selector> selector_;
  std::int64_t volume_ = 0;
  Buffer storage_;
  std::vector<std::int64_t> fill_;
  std::vector<std::int32_t> cells_;
};

// What one thread needs to take, fold, merge and finish units.
class Worker {
 public:
  explicit Worker(const Job& job) : job_(job), rows_(job), gathering_(job) {
    for (const StateKind kind : job.states.kinds) {
      if (kind == StateKind::gathered) continue;
      accumulators_.push_back(job.kernels.make_accumulator(job.state_request(kind)));
    }
    // Dense kinds come before the gathered one or after it: results are looked up by kind.
    int accumulator = 0;
    for (const StateKind kind : job.states.kinds) {
      accumulator_of_.push_back(kind == StateKind::gathered ? -1 : accumulator++);
    }
    for (StateBlock& block : folds_) block = StateBlock(accumulators_, job.chunk_lanes);
    results_.resize(accumulators_.size());
    const auto cells = static_cast<std::size_t>(job.chunk_cells);
    values_.reserve(cells * 8);
    cast_.reserve(cells * 8);
    failed_.resize(cells);
    if (job.states.masked) counts_.resize(cells);
    for (std::size_t k = 0; k < job.request.outputs.size(); ++k) {
      storers_.emplace_back(job.kernels, job.request.outputs[k].view, natural(k),
                            output_layout(job.plan.row, k));
    }
  }

  StateBlock make_states() const { return {accumulators_, job_.chunk_cells}; }

  void run(std::int64_t index) {
    const Unit unit(job_.plan, index);
    const std::vector<Segment> segments = unit.segments();
    if (gathering_) gathering_.begin();
    if (segments.size() == 1) {
      take(unit, segments.front());
    } else {
      begin_total(unit);
      for (const Segment& segment : segments) {
        take(unit, segment);
        add_to_total(unit, segment, results_);
      }
      for (std::size_t a = 0; a < results_.size(); ++a) results_[a] = total_[a];
    }
    finish(unit);
  }

  // Takes one segment in and leaves its folded state in `states`.
  void run_segment(const Unit& unit, const Segment& segment, const StateBlock& states) {
    take(unit, segment);
    for (std::size_t a = 0; a < accumulators_.size(); ++a) {
      accumulators_[a]->pick(states[a], results_[a], 1, 1, outputs_of(unit));
    }
  }

  void begin_total(const Unit& unit) {
    if (!has_total_) total_ = make_states();
    has_total_ = true;
    total_begun_ = false;
    prepare_runs(unit);
    total_samples_.assign(runs_.size(), 0.0);
  }

  // Merges in the order of the calls.
  template <class States>
  void add_to_total(const Unit& unit, const Segment& segment, const States& part) {
    for (std::size_t a = 0; a < accumulators_.size(); ++a) {
      std::int64_t lane = 0;
      for (std::size_t r = 0; r < runs_.size(); ++r) {
        const Lanes total = total_[a].from(lane);
        const Lanes added = Lanes(part[a]).from(lane);
        if (total_begun_) {
          accumulators_[a]->merge(total, total, added, runs_[r].lanes, total_samples_[r],
                                  unit.samples(segment, runs_[r]));
        } else {
          accumulators_[a]->pick(total, added, 1, 1, runs_[r].lanes);
        }
        lane += runs_[r].lanes;
      }
    }
    for (std::size_t r = 0; r < runs_.size(); ++r) {
      total_samples_[r] += unit.samples(segment, runs_[r]);
    }
    total_begun_ = true;
  }

  void finish_total(const Unit& unit) {
    for (std::size_t a = 0; a < results_.size(); ++a) results_[a] = total_[a];
    finish(unit);
  }

 private:
  std::int64_t outputs_of(const Unit& unit) const {
    return unit.outputs() * job_.plan.inner_outputs;
  }

  Natural natural(std::size_t output) const {
    const int state = job_.states.state_of[output];
    const Statistic statistic = job_.request.outputs[output].statistic;
    if (state < 0) return Natural::int64;
    const int accumulator = accumulator_of_[at(state)];
    if (accumulator < 0) return gathering_.selector().natural(statistic);
    return accumulators_[at(accumulator)]->natural(statistic);
  }

  void take(const Unit& unit, const Segment& segment) {
    const std::int64_t lanes = segment.positions * job_.plan.inner_lanes;
    prepare_axes(unit, segment.positions);
    RowCursor cursor(job_.plan, unit, segment);
    for (std::int64_t taken = 0; taken < segment.rows; taken += max_group) {
      RowGroup group;
      group.count = static_cast<int>(std::min<std::int64_t>(max_group, segment.rows - taken));
      for (int k = 0; k < group.count; ++k) {
        rows_.load(group, k, cursor.place(), segment.positions, lanes);
        cursor.next();
      }
      for (std::size_t a = 0; a < accumulators_.size(); ++a) {
        accumulators_[a]->take(folds_[0][a], group, lanes, taken);
      }
      if (gathering_) gathering_.take(group, lanes);
    }
    for (std::size_t a = 0; a < accumulators_.size(); ++a) {
      const FoldBuffers buffers{folds_[0][a], folds_[1][a], folds_[2][a]};
      const int result =
          fold(*accumulators_[a], buffers, fold_plan_, static_cast<double>(segment.rows));
      results_[a] = buffers[at(result)];
    }
  }

  // Chunks alike follow one another: their axes are worked out once.
  void prepare_axes(const Unit& unit, std::int64_t positions) {
    if (positions == axes_positions_ && unit.outputs() == axes_outputs_) return;
    fold_plan_ = FoldPlan(unit.row_axes(positions));
    axes_positions_ = positions;
    axes_outputs_ = unit.outputs();
    if (gathering_) gathering_.begin_rows(fold_plan_.axes());
  }

  void prepare_runs(const Unit& unit) {
    if (unit.positions() == runs_positions_ && unit.outputs() == runs_outputs_) return;
    runs_ = FoldPlan(unit.row_axes(unit.positions())).runs();
    runs_positions_ = unit.positions();
    runs_outputs_ = unit.outputs();
  }

  void finish(const Unit& unit) {
    prepare_runs(unit);
    const std::int64_t lanes = outputs_of(unit);
    if (job_.request.padded) pad(unit);
    if (job_.states.masked) {
      accumulators_.front()->finish(Statistic::count, results_.front(), lanes, {}, 0,
                                    counts_.data());
    }
    for (std::size_t k = 0; k < storers_.size(); ++k) write(unit, k, lanes);
  }

  void pad(const Unit& unit) {
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
  double box_samples(const Unit& unit, const CountRun& run) const {
    return job_.request.padded ? job_.plan.volume : static_cast<double>(unit.rows()) * run.factor;
  }

  void write(const Unit& unit, std::size_t k, std::int64_t lanes) {
    const BlockOutput& output = job_.request.outputs[k];
    std::byte* place = output.view.data + unit.output_offset(k);
    void* direct = storers_[k].direct(place, unit.outputs());
    auto* values = direct ? static_cast<std::byte*>(direct) : values_.data();
    compute(unit, k, lanes, values);
    const bool fails = find_failed(unit, output.statistic, lanes);
    if (!storers_[k].store(place, values, unit.outputs(), lanes, fails ? failed_.data() : nullptr,
                           output.has_fill ? output.fill.data() : nullptr, cast_.data())) {
      throw MissingValue(output.statistic, output.view.dtype);
    }
  }

  void compute(const Unit& unit, std::size_t k, std::int64_t lanes, std::byte* values) {
    const Statistic statistic = job_.request.outputs[k].statistic;
    const int state = job_.states.state_of[k];
    const double ddof = job_.request.ddof;
    if (state >= 0 && accumulator_of_[at(state)] < 0) {
      gathering_.finish(statistic, lanes, values);
      return;
    }
    if (job_.states.masked) {
      const auto a = at(accumulator_of_[at(state)]);
      accumulators_[a]->finish(statistic, results_[a], lanes, {0, counts_.data()}, ddof, values);
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
        const auto a = at(accumulator_of_[at(state)]);
        accumulators_[a]->finish(statistic, results_[a].from(lane), run.lanes, {samples, nullptr},
                                 ddof, place);
      }
      lane += run.lanes;
    }
  }

  // Marks the blocks that hold too few samples; false if there are none.
  bool find_failed(const Unit& unit, Statistic statistic, std::int64_t lanes) {
    const StatisticInfo& info = info_of(statistic);
    if (!info.needs_samples) return false;
    const std::int64_t least =
        std::max<std::int64_t>(job_.request.min_count, info.empty_has_value ? 0 : 1);
    bool any = false;
    if (job_.states.masked) {
      for (std::int64_t l = 0; l < lanes; ++l) {
        failed_[static_cast<std::size_t>(l)] = counts_[static_cast<std::size_t>(l)] < least;
        any |= failed_[static_cast<std::size_t>(l)] != 0;
      }
      return any;
    }
    if (least <= 1) return false;
    std::int64_t lane = 0;
    for (const CountRun& run : runs_) {
      const bool fails = box_samples(unit, run) < static_cast<double>(least);
      std::fill_n(failed_.begin() + lane, run.lanes, static_cast<std::uint8_t>(fails));
      any |= fails;
      lane += run.lanes;
    }
    return any;
  }

  const Job& job_;
  RowScratch rows_;
  Gathering gathering_;
  std::vector<std::unique_ptr<Accumulator>> accumulators_;
  std::vector<int> accumulator_of_;  // of each kind; -1 for the gathered one
  std::vector<RowStorer> storers_;
  std::array<StateBlock, fold_buffers> folds_;
  std::vector<Lanes> results_;

  StateBlock total_;
  bool has_total_ = false;
  bool total_begun_ = false;
  std::vector<double> total_samples_;

  FoldPlan fold_plan_;
  std::int64_t axes_positions_ = -1;
  std::int64_t axes_outputs_ = -1;
  std::vector<CountRun> runs_;
  std::int64_t runs_positions_ = -1;
  std::int64_t runs_outputs_ = -1;

  Buffer values_;
  Buffer cast_;
  std::vector<std::int64_t> counts_;
  std::vector<std::uint8_t> failed_;
};

// Scratch for each thread, made by the thread that first needs it.
class Workers {
 public:
  Workers(const Job& job, int count) : job_(job), workers_(at(count)) {}
  Worker& operator[](int worker) {
    auto& mine = workers_[at(worker)];
    if (!mine) mine.emplace(job_);
    return *mine;
  }

 private:
  const Job& job_;
  std::vector<std::optional<Worker>> workers_;
};

void run_units(const Job& job, Workers& workers, std::int64_t units, std::int64_t bytes) {
  const std::int64_t per_piece =
      std::max<std::int64_t>(1, piece_bytes / std::max<std::int64_t>(1, bytes / units));
  const std::int64_t pieces = (units + per_piece - 1) / per_piece;
  parallel_for(
      pieces, job.request.workers,
      [&](std::int64_t piece, int worker) {
        Worker& mine = workers[worker];
        const std::int64_t end = std::min(units, (piece + 1) * per_piece);
        for (std::int64_t unit = piece * per_piece; unit < end; ++unit) mine.run(unit);
      },
      job.request.poll);
}

// The segments of one large cell, shared by the workers and merged in order.
void run_segments(const Job& job, Workers& workers, std::int64_t index) {
  const Unit unit(job.plan, index);
  const std::vector<Segment> segments = unit.segments();
  Worker& first = workers[0];
  std::vector<StateBlock> slots;
  for (std::int64_t slot = 0; slot < segment_wave; ++slot) slots.push_back(first.make_states());
  first.begin_total(unit);
  const auto count = static_cast<std::int64_t>(segments.size());
  for (std::int64_t wave = 0; wave < count; wave += segment_wave) {
    const std::int64_t size = std::min(segment_wave, count - wave);
    parallel_for(
        size, job.request.workers,
        [&](std::int64_t slot, int worker) {
          workers[worker].run_segment(unit, segments[static_cast<std::size_t>(wave + slot)],
                                      slots[static_cast<std::size_t>(slot)]);
        },
        job.request.poll);
    for (std::int64_t slot = 0; slot < size; ++slot) {
      first.add_to_total(unit, segments[static_cast<std::size_t>(wave + slot)],
                         slots[static_cast<std::size_t>(slot)]);
    }
  }
  first.finish_total(unit);
}

std::string message(Statistic statistic, DType dtype) {
  std::string text = "statistic '";
  text += info_of(statistic).name;
  text += "' has no value for some block (fewer samples than min_count, or NaN), and ";
  text += name_of(dtype);
  text += " cannot hold NaN; pass fill_value=, or min_count=0 where an empty sum should be 0";
  return text;
}

bool is_empty(const BlockRequest& request) {
  const auto zero = [](std::int64_t length) { return length == 0; };
  return std::ranges::any_of(request.image.shape, zero) ||
         std::ranges::any_of(request.windows,
                             [](const Window& window) { return window.outputs == 0; });
}

}  // namespace

MissingValue::MissingValue(Statistic statistic, DType dtype)
    : std::domain_error(message(statistic, dtype)) {}

void reduce_blocks(const BlockRequest& request) {
  if (is_empty(request)) return;
  const Job job(request);
  const std::int64_t units = job.units();
  const std::int64_t bytes =
      job.plan.samples * static_cast<std::int64_t>(size_of(request.image.dtype));
  Workers workers(job, request.workers);
  if (bytes < 2 * piece_bytes) {
    for (std::int64_t unit = 0; unit < units; ++unit) workers[0].run(unit);
    return;
  }
  // Few cells and each of them large: the workers share the segments of one cell after another.
  constexpr std::int64_t few_units = 16;
  constexpr std::size_t many_segments = 64;
  const std::size_t segments = Unit(job.plan, 0).segments().size();
  if (!job.gathers && segments > 1 && (units < few_units || segments >= many_segments)) {
    for (std::int64_t unit = 0; unit < units; ++unit) run_segments(job, workers, unit);
    return;
  }
  run_units(job, workers, units, bytes);
}

}  // namespace boxel
