#include "boxel/span.hpp"

#include <algorithm>
#include <stdexcept>

#include "boxel/blocks.hpp"
#include "boxel/parallel.hpp"
#include "boxel/plan.hpp"
#include "boxel/rows.hpp"
#include "boxel/states.hpp"
#include "result_writer.hpp"
#include "row_sources.hpp"

namespace boxel {
namespace {

// Lanes of a tile: its state stays in the first-level cache, the rows of a group in the second.
constexpr std::int64_t tile_lanes = 1024;
// Where all samples fit into one group a state is used once: longer tiles are fewer.
std::int64_t tile_lanes_of(std::int64_t samples) {
  return tile_lanes * std::max<std::int64_t>(1, max_group / samples);
}
// What a worker takes at a time; less than two of them stay on the caller's thread.
constexpr std::int64_t piece_bytes = 1 << 20;

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

// Divides `count` items of `bytes` each among the workers.
template <class Body>
void share(std::int64_t count, std::int64_t bytes, int workers, Body&& body) {
  const std::int64_t together =
      std::max<std::int64_t>(1, piece_bytes / std::max<std::int64_t>(1, bytes));
  const std::int64_t pieces = (count + together - 1) / together;
  const auto run = [&](std::int64_t piece, int worker) {
    body(piece * together, std::min(count, (piece + 1) * together), worker);
  };
  if (pieces < 2) {
    if (pieces == 1) run(0, 0);
    return;
  }
  parallel_for(pieces, workers, run, nullptr);
}

// The accumulators of a spec, with the memory that their states lie in.
class Span {
 public:
  Span(const SpanSpec& spec, const KernelSet& kernels) : states_(span_states(spec)) {
    for (const SpanState& state : states_) {
      accumulators_.push_back(kernels.make_accumulator(
          {state.kind, state.sample, state.masked, no_box, false, std::max(2, spec.moments)}));
      const Accumulator& made = *accumulators_.back();
      if (made.lane_size() != size_of(state.lane) ||
          made.rows() != static_cast<int>(state.rows.size())) {
        throw std::logic_error("an accumulator has other rows than its description says");
      }
    }
  }

  const std::vector<SpanState>& states() const { return states_; }
  const Accumulators& accumulators() const { return accumulators_; }
  Accumulator& operator[](std::size_t state) const { return *accumulators_[state]; }
  std::size_t size() const { return states_.size(); }

  Lanes lanes(const SpanMemory& memory, std::size_t state, std::int64_t first) const {
    return Lanes(memory.states[state], memory.voxels, accumulators_[state]->lane_size())
        .from(first);
  }

  std::int64_t lane_bytes() const {
    std::size_t bytes = 0;
    for (const auto& accumulator : accumulators_) {
      bytes += accumulator->lane_size() * at(accumulator->rows());
    }
    return static_cast<std::int64_t>(bytes);
  }

 private:
  // A span never ends: no accumulator may be too narrow for some number of samples.
  static constexpr double no_box = 0x1p62;

  std::vector<SpanState> states_;
  Accumulators accumulators_;
};

// The voxels as rows: the last axes make up a row, which is cut into tiles along the first of them;
// the others are walked. Lanes follow the voxels in C order.
class VoxelRows {
 public:
  explicit VoxelRows(const SpanSamples& samples) {
    std::vector<PlanAxis> axes = merged_axes(samples);
    std::int64_t lanes = 1;
    do {
      lanes *= axes.back().length;
      row_.insert(row_.begin(), axes.back());
      axes.pop_back();
    } while (!axes.empty() && lanes < shortest_row);
    outer_ = std::move(axes);
    inner_lanes_ = lanes / row_.front().length;
    const std::int64_t most_lanes = tile_lanes_of(samples.samples.shape[0]);
    tile_positions_ = std::clamp<std::int64_t>(most_lanes / inner_lanes_, 1, row_.front().length);
    tiles_per_row_ = (row_.front().length + tile_positions_ - 1) / tile_positions_;
    tiles_ = tiles_per_row_;
    for (const PlanAxis& axis : outer_) tiles_ *= axis.length;
  }

  struct Tile {
    RowPlace place;
    std::int64_t first_lane;
    std::int64_t positions;
    std::int64_t lanes;
  };

  std::int64_t tiles() const { return tiles_; }
  std::int64_t most_lanes() const { return tile_positions_ * inner_lanes_; }

  Tile tile(std::int64_t index) const {
    const std::int64_t start = index % tiles_per_row_ * tile_positions_;
    std::int64_t row = index / tiles_per_row_;
    const std::int64_t length = row_.front().length;
    Tile tile{};
    tile.first_lane = (row * length + start) * inner_lanes_;
    tile.positions = std::min(tile_positions_, length - start);
    tile.lanes = tile.positions * inner_lanes_;
    tile.place.move(row_.front(), start);
    for (std::size_t axis = outer_.size(); axis-- > 0;) {
      tile.place.move(outer_[axis], row % outer_[axis].length);
      row /= outer_[axis].length;
    }
    return tile;
  }

  LaneLayout layout(std::int64_t PlanAxis::* stride) const {
    LaneLayout layout;
    for (const PlanAxis& axis : row_) {
      layout.lengths.push_back(axis.length);
      layout.strides.push_back(axis.*stride);
    }
    return layout;
  }

 private:
  static PlanAxis axis_of(const SpanSamples& samples, int axis) {
    PlanAxis planned;
    planned.length = samples.samples.shape[axis];
    planned.image = samples.samples.strides[axis];
    if (samples.where) planned.where = samples.where->strides[axis];
    if (samples.masked) planned.masked = samples.masked->strides[axis];
    if (samples.weights) planned.weights = samples.weights->strides[axis];
    return planned;
  }

  static bool contiguous(const PlanAxis& outer, const PlanAxis& inner) {
    return outer.image == inner.image * inner.length && outer.where == inner.where * inner.length &&
           outer.masked == inner.masked * inner.length &&
           outer.weights == inner.weights * inner.length;
  }

  static std::vector<PlanAxis> merged_axes(const SpanSamples& samples) {
    std::vector<PlanAxis> axes;
    for (int axis = 1; axis < samples.samples.shape.size(); ++axis) {
      PlanAxis next = axis_of(samples, axis);
      if (next.length == 1) continue;
      if (!axes.empty() && contiguous(axes.back(), next)) {
        next.length *= axes.back().length;
        axes.back() = next;
      } else {
        axes.push_back(next);
      }
    }
    if (axes.empty()) axes.emplace_back();
    return axes;
  }

  std::vector<PlanAxis> outer_;
  std::vector<PlanAxis> row_;
  std::int64_t inner_lanes_ = 1;
  std::int64_t tile_positions_ = 1;
  std::int64_t tiles_per_row_ = 1;
  std::int64_t tiles_ = 1;
};

// The states that take samples of one type, and where these come from.
struct SampleGroup {
  RowSources sources;
  std::vector<std::size_t> states;
};

// All memory is had before the first sample is taken: an update that fails has changed nothing.
class Taker {
 public:
  Taker(const Span& span, const SpanMemory& memory, const SpanSamples& samples, std::int64_t taken,
        int workers, const KernelSet& kernels)
      : span_(span), memory_(memory), samples_(samples), taken_(taken), rows_(samples) {
    for (std::size_t k = 0; k < span.size(); ++k) {
      group_of(span.states()[k], kernels).states.push_back(k);
    }
    scratch_.resize(at(workers));
    for (std::vector<RowScratch>& scratch : scratch_) {
      for (const SampleGroup& group : groups_) {
        scratch.emplace_back(group.sources, rows_.most_lanes());
      }
    }
  }

  std::int64_t tiles() const { return rows_.tiles(); }
  std::int64_t tile_bytes() const {
    const auto item = static_cast<std::int64_t>(size_of(samples_.samples.dtype));
    return rows_.most_lanes() * (count() * item + span_.lane_bytes());
  }

  void take(std::int64_t first, std::int64_t end, int worker) {
    for (std::int64_t tile = first; tile < end; ++tile) {
      for (std::size_t group = 0; group < groups_.size(); ++group) {
        take_tile(groups_[group], scratch_[at(worker)][group], rows_.tile(tile));
      }
    }
  }

 private:
  std::int64_t count() const { return samples_.samples.shape[0]; }

  SampleGroup& group_of(const SpanState& state, const KernelSet& kernels) {
    const auto found = std::ranges::find_if(
        groups_, [&](const SampleGroup& group) { return group.sources.sample == state.sample; });
    if (found != groups_.end()) return *found;
    const auto open = [&](const std::optional<View>& view, std::int64_t PlanAxis::* stride,
                          Sample sample) -> std::optional<RowSource> {
      if (!view) return std::nullopt;
      return RowSource{{kernels, *view, sample, rows_.layout(stride)}, view->data};
    };
    const bool skip_nan = samples_.skipna && state.sample == Sample::float64;
    groups_.push_back({{kernels, state.sample, state.masked, skip_nan,
                        *open(samples_.samples, &PlanAxis::image, state.sample),
                        open(samples_.where, &PlanAxis::where, Sample::uint8),
                        open(samples_.masked, &PlanAxis::masked, Sample::uint8),
                        open(samples_.weights, &PlanAxis::weights, Sample::float64)},
                       {}});
    return groups_.back();
  }

  RowPlace step() const {
    RowPlace step;
    step.image = samples_.samples.strides[0];
    if (samples_.where) step.where = samples_.where->strides[0];
    if (samples_.masked) step.masked = samples_.masked->strides[0];
    if (samples_.weights) step.weights = samples_.weights->strides[0];
    return step;
  }

  void take_tile(const SampleGroup& group, RowScratch& scratch, const VoxelRows::Tile& tile) const {
    const RowPlace along = step();
    RowPlace place = tile.place;
    RowGroup rows;
    rows.include.fill(nullptr);
    for (std::int64_t taken = 0; taken < count(); taken += max_group) {
      rows.count = static_cast<int>(std::min<std::int64_t>(max_group, count() - taken));
      for (int k = 0; k < rows.count; ++k) {
        scratch.load(rows, k, place, tile.positions, tile.lanes);
        place.move(along, 1);
      }
      for (const std::size_t state : group.states) {
        span_[state].take(span_.lanes(memory_, state, tile.first_lane), rows, tile.lanes,
                          taken_ + taken);
      }
    }
  }

  const Span& span_;
  const SpanMemory& memory_;
  const SpanSamples& samples_;
  std::int64_t taken_;
  VoxelRows rows_;
  std::vector<SampleGroup> groups_;
  std::vector<std::vector<RowScratch>> scratch_;  // of each worker, for each group
};

Sample wide_sample(DType dtype) {
  if (is_floating(dtype)) return Sample::float64;
  return is_unsigned(dtype) || dtype == DType::boolean ? Sample::uint64 : Sample::int64;
}

DType dtype_of(Sample sample) {
  switch (sample) {
    case Sample::int8:
      return DType::int8;
    case Sample::int16:
      return DType::int16;
    case Sample::int32:
      return DType::int32;
    case Sample::int64:
      return DType::int64;
    case Sample::uint8:
      return DType::uint8;
    case Sample::uint16:
      return DType::uint16;
    case Sample::uint32:
      return DType::uint32;
    case Sample::uint64:
      return DType::uint64;
    case Sample::float32:
      return DType::float32;
    case Sample::float64:
      return DType::float64;
  }
  return DType::float64;
}

using Names = std::vector<std::string_view>;

// Mean and variance of floats, or of anything where third moments or weights are kept.
SpanState moments_of_floats(const SpanSpec& spec) {
  if (spec.counting == Counting::weighted || spec.moments > 2) {
    Names names{"origin", "offset", "m2"};
    if (spec.moments >= 3) names.push_back("m3");
    if (spec.moments >= 4) names.push_back("m4");
    const bool masked = spec.counting != Counting::uniform;
    if (masked) {
      names.insert(names.begin(), "n");
      names.push_back("samples");
      names.push_back("weight_squares");
    }
    const StateKind kind = spec.counting == Counting::weighted ? StateKind::weighted_moments
                                                               : StateKind::higher_moments;
    return {kind, Sample::float64, masked, DType::float64, names};
  }
  if (spec.counting == Counting::counted) {
    return {
        StateKind::moments, Sample::float64, true, DType::float64, {"n", "origin", "offset", "m2"}};
  }
  if (spec.moments == 1) {
    return {StateKind::mean, Sample::float64, false, DType::float64, {"origin", "offset"}};
  }
  const Sample sample = spec.dtype == DType::float64 ? Sample::float64 : Sample::float32;
  return {StateKind::moments, sample, false, DType::float64, {"origin", "offset", "m2"}};
}

// Exact sums of integers.
SpanState sums_of_integers(const SpanSpec& spec) {
  const bool masked = spec.counting != Counting::uniform;
  const Sample wide = wide_sample(spec.dtype);
  if (spec.moments == 1) return {StateKind::sum, wide, masked, DType::int64, {"high", "low"}};
  if (size_of(spec.dtype) == 8) {
    return {StateKind::wide_squares,
            wide,
            masked,
            DType::int64,
            {"high", "low", "square_0", "square_32", "square_64", "square_96"}};
  }
  const StatePlan narrow = plan_states({Statistic::var}, spec.dtype, masked, false);
  return {StateKind::squares,
          narrow.sample,
          masked,
          DType::int64,
          {"sum", "square_high", "square_low"}};
}

}  // namespace

std::vector<SpanState> span_states(const SpanSpec& spec) {
  const bool powers = spec.counting == Counting::weighted || spec.moments > 2;
  std::vector<SpanState> states;
  if (spec.counting == Counting::counted && !powers) {
    states.push_back({StateKind::count, wide_sample(spec.dtype), true, DType::int64, {"count"}});
  }
  states.push_back(powers || is_floating(spec.dtype) ? moments_of_floats(spec)
                                                     : sums_of_integers(spec));
  if (spec.extremes) {
    const bool masked = spec.counting != Counting::uniform;
    const StatePlan plan = plan_states({Statistic::min}, spec.dtype, masked, false);
    states.push_back({StateKind::min, plan.sample, masked, dtype_of(plan.sample), {"min"}});
    states.push_back({StateKind::max, plan.sample, masked, dtype_of(plan.sample), {"max"}});
  }
  return states;
}

void take_into_span(const SpanSpec& spec, const SpanMemory& memory, const SpanSamples& samples,
                    std::int64_t taken, int workers, const KernelSet& kernels) {
  if (memory.voxels == 0 || samples.samples.shape[0] == 0) return;
  const Span span(spec, kernels);
  Taker taker(span, memory, samples, taken, workers, kernels);
  share(taker.tiles(), taker.tile_bytes(), workers,
        [&](std::int64_t first, std::int64_t end, int worker) { taker.take(first, end, worker); });
}

void merge_spans(const SpanSpec& spec, const SpanMemory& memory, const SpanMemory& other,
                 double held, double added, int workers, const KernelSet& kernels) {
  const Span span(spec, kernels);
  share(memory.voxels, span.lane_bytes(), workers, [&](std::int64_t first, std::int64_t end, int) {
    for (std::size_t k = 0; k < span.size(); ++k) {
      const Lanes out = span.lanes(memory, k, first);
      span[k].merge(out, out, span.lanes(other, k, first), end - first, held, added);
    }
  });
}

void finish_span(const SpanSpec& spec, const SpanMemory& memory, Statistic statistic, double count,
                 double ddof, const View& out, int workers, const KernelSet& kernels) {
  const Span span(spec, kernels);
  const bool uniform = spec.counting == Counting::uniform;
  const auto is_wanted = [&](const SpanState& state) {
    if (statistic == Statistic::min || statistic == Statistic::max) {
      return state.kind == (statistic == Statistic::min ? StateKind::min : StateKind::max);
    }
    return state.kind != StateKind::count;
  };
  StatePlan plan{Sample::float64, !uniform, {}, {-1}};
  for (std::size_t k = 0; k < span.size(); ++k) {
    plan.kinds.push_back(span.states()[k].kind);
    if (plan.state_of[0] < 0 && statistic != Statistic::count && is_wanted(span.states()[k])) {
      plan.state_of[0] = static_cast<int>(k);
    }
  }
  BlockOutput output{statistic, out};
  if (is_floating(out.dtype)) {
    output.has_fill = true;
    const double none = std::numeric_limits<double>::quiet_NaN();
    kernels.cast(Natural::float64, out.dtype)(output.fill.data(), &none, 1, nullptr);
  }
  const std::vector<BlockOutput> outputs{output};
  const std::vector<LaneLayout> layouts{{out.shape, out.strides}};
  share(memory.voxels, span.lane_bytes(), workers, [&](std::int64_t first, std::int64_t end, int) {
    ResultWriter writer(kernels, plan, span.accumulators(), outputs, layouts, {1, ddof, false},
                        tile_lanes);
    std::vector<std::int64_t> counts(at(tile_lanes));
    for (std::int64_t lane = first; lane < end; lane += tile_lanes) {
      const std::int64_t lanes = std::min(tile_lanes, end - lane);
      std::vector<Lanes> states;
      for (std::size_t k = 0; k < span.size(); ++k) states.push_back(span.lanes(memory, k, lane));
      if (!uniform) span[0].finish(Statistic::count, states[0], lanes, {}, 0, counts.data());
      const CountRun run{lanes, count};
      const ResultWriter::Row row{
          states, lanes, lanes, {&run, 1}, uniform ? nullptr : counts.data()};
      writer.write(row, 0, out.data + lane * out.strides[0]);
    }
  });
}

}  // namespace boxel
