#include "box_worker.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace boxel {
namespace {

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

// Rows that adjoin are read together up to this many lanes, which stay in the first-level cache
// between two looks at them.
constexpr std::int64_t most_joined_lanes = 2048;

// Rows are extended and written several at a time, while they stay in the first-level cache. A
// power of two: any fewer that are written together divide it.
constexpr std::int64_t bytes_at_once = 16 * 1024;
constexpr std::int64_t most_rows = 8;

// The most lanes that are read at once in any unit.
std::int64_t most_row_lanes(const BoxPlan& plan) {
  const BoxAxis& first = plan.row.front();
  // Only what wraps around may stand for samples far away.
  std::int64_t lanes = first.box.border == Border::wrap
                           ? first.length
                           : std::min(first.length, first.positions(first.tile_outputs));
  for (std::size_t k = 1; k < plan.row.size(); ++k) lanes *= plan.row[k].length;
  return std::max(lanes, most_joined_lanes);
}

std::int64_t most_outputs(const BoxPlan& plan) {
  std::int64_t outputs = 1;
  for (const BoxAxis& axis : plan.row) outputs *= axis.tile_outputs;
  return outputs;
}

// Whether boxes along an axis slide, where that is allowed.
bool is_large(const BoxSpan& span) { return span.axis->box.size >= smallest_sliding_box; }

void fill_sample(Sample sample, Value value, std::byte* out) {
  const auto put = [out](auto typed) { std::memcpy(out, &typed, sizeof(typed)); };
  switch (sample) {
    case Sample::float32:
      return put(static_cast<float>(value.floating));
    case Sample::float64:
      return put(value.floating);
    default:
      // Two's complement, the low bytes first.
      std::memcpy(out, &value.integer, size_of_sample(sample));
  }
}

// `border` merged with itself until it holds `times` as many samples.
void repeat_state(Accumulator& accumulator, Lanes state, std::int64_t times) {
  LaneBuffer doubled_memory;
  LaneBuffer total_memory;
  const Lanes doubled = doubled_memory.reserve(accumulator, 1);
  const Lanes total = total_memory.reserve(accumulator, 1);
  accumulator.pick(doubled, state, 1, 1, 1);
  double held = 1;
  double done = 0;
  for (std::int64_t rest = times; rest; rest /= 2, held *= 2) {
    if (rest % 2) {
      if (done > 0) {
        accumulator.merge(total, total, doubled, 1, done, held);
      } else {
        accumulator.pick(total, doubled, 1, 1, 1);
      }
      done += held;
    }
    // What is not needed may be more than lanes hold.
    if (rest > 1) accumulator.merge(doubled, doubled, doubled, 1, held, held);
  }
  accumulator.pick(state, total, 1, 1, 1);
}

}  // namespace

BoxWorker::Chain::Chain(const BoxJob& job, StateKind kind, Accumulator& accumulator,
                        std::unique_ptr<Accumulator> narrower)
    : narrower_kernel(std::move(narrower)),
      kernel(narrower_kernel ? *narrower_kernel : accumulator),
      row(kernel, accumulator) {
  const BoxPlan& plan = job.plan;
  const bool sums_floats =
      kind == StateKind::sum && job.states.sample == Sample::float32 && !job.states.masked;
  if (sums_floats && plan.slides.size() > 1) {
    narrow.emplace(job.request.kernels->unit_sums, plan, kernel);
  }
  for (std::size_t k = 0; k < plan.slides.size(); ++k) {
    if (k == 0) {
      first.emplace(kernel, plan.slides[k]);
    } else {
      rest.emplace_back(kernel, plan.slides[k]);
    }
  }
  borders.resize(plan.slides.size() + 1);
  slices.resize(plan.slides.size());
}

BoxWorker::BoxWorker(const BoxJob& job, Interruption& interruption, bool polls)
    : job_(job),
      interruption_(interruption),
      polls_(polls && interruption.poll),
      accumulators_(job.make_accumulators()),
      scratch_(job.rows, most_row_lanes(job.plan)),
      writer_(*job.request.kernels, job.states, accumulators_, job.request.outputs, job.layouts,
              {job.request.min_count, job.request.ddof, job.request.whole_means},
              most_outputs(job.plan)),
      output_offsets_(job.request.outputs.size()),
      at_(job.plan.slides.size()),
      windows_(job.plan.slides.size() + 1),
      row_exchanges_(accumulators_.size()),
      extended_(accumulators_.size()),
      results_(accumulators_.size()),
      part_(accumulators_.size()),
      places_(job.request.outputs.size()),
      counts_(at(most_outputs(job.plan))) {
  make_border();
  chains_.reserve(accumulators_.size());
  Accumulators narrower = job.make_narrower(accumulators_);
  for (std::size_t a = 0; a < accumulators_.size(); ++a) {
    chains_.emplace_back(job, job.states.kinds[a], *accumulators_[a], std::move(narrower[a]));
    make_border_states(chains_.back());
  }
  for (auto& windows : windows_) windows.resize(accumulators_.size());
}

// Rows of cval, or of samples that do not count.
void BoxWorker::make_border() {
  const std::int64_t lanes = most_row_lanes(job_.plan);
  const std::size_t size = size_of_sample(job_.states.sample);
  border_samples_.reserve(2 * at(lanes) * size);
  const Value cval = job_.has_constant_border && !job_.cut ? job_.request.cval : Value{};
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    fill_sample(job_.states.sample, cval, border_samples_.data() + at(lane) * size);
    fill_sample(job_.states.sample, Value{}, border_samples_.data() + at(lanes + lane) * size);
  }
  const bool dropped = job_.rows.skip_nan && std::isnan(cval.floating);
  border_include_.assign(at(lanes), !job_.cut && !dropped);
}

void BoxWorker::make_border_states(Chain& chain) {
  Accumulator& accumulator = chain.kernel;
  const std::int64_t lanes = most_row_lanes(job_.plan);
  BorderRow& row = chain.border_row;
  row.absent = job_.cut && !job_.states.masked;
  row.samples = border_samples_.data();
  row.include = border_include_.data();
  row.zeros = border_samples_.data() + at(lanes) * size_of_sample(job_.states.sample);
  if (!job_.cut && !job_.has_constant_border) return;
  std::int64_t held = 1;
  for (std::size_t k = 0; k < chain.borders.size(); ++k) {
    const Lanes state = chain.borders[k].reserve(accumulator, 1);
    if (row.absent) {
      accumulator.clear(state, 1);
    } else {
      RowGroup group;
      group.count = 1;
      group.samples[0] = row.samples;
      group.include[0] = row.include;
      // Rows that a way of splitting leaves out are compared, too.
      if (accumulator.splits()) accumulator.clear(state, 1);
      accumulator.take(state, group, 1, 0);
      repeat_state(accumulator, state, held);
    }
    if (k < job_.plan.slides.size()) held *= job_.plan.slides[k].box.size;
  }
}

void BoxWorker::run(std::int64_t unit) {
  locate(unit);
  prepare_slab();
  for (std::size_t a = 0; a < accumulators_.size(); ++a) begin(a);
  if (slides_.empty()) {
    take_row();
    write_rows(1);
  } else {
    slide(0);
  }
}

void BoxWorker::locate(std::int64_t unit) {
  const BoxPlan& plan = job_.plan;
  place_ = {};
  std::ranges::fill(output_offsets_, 0);
  const auto move_outputs = [&](const BoxAxis& axis, std::int64_t outputs) {
    for (std::size_t k = 0; k < output_offsets_.size(); ++k) {
      output_offsets_[k] += axis.outputs[static_cast<int>(k)] * outputs;
    }
  };
  const std::int64_t tile = unit % plan.row.front().tiles();
  unit /= plan.row.front().tiles();
  row_.clear();
  for (std::size_t k = 0; k < plan.row.size(); ++k) {
    row_.emplace_back(plan.row[k], k == 0 ? tile : 0);
    if (k > 0) row_.back().read_whole();
    move_outputs(plan.row[k], row_.back().first_output);
  }
  place_.move(plan.row.front(), row_.front().first_source);
  slides_.clear();
  std::vector<std::int64_t> tiles(plan.slides.size());
  for (std::size_t k = plan.slides.size(); k-- > 0;) {
    tiles[k] = unit % plan.slides[k].tiles();
    unit /= plan.slides[k].tiles();
  }
  for (std::size_t k = 0; k < plan.slides.size(); ++k) {
    slides_.emplace_back(plan.slides[k], tiles[k]);
    place_.move(plan.slides[k], slides_.back().first_source);
  }
  for (std::size_t k = plan.loops.size(); k-- > 0;) {
    const std::int64_t index = unit % plan.loops[k].length;
    unit /= plan.loops[k].length;
    place_.move(plan.loops[k], index);
    move_outputs(plan.loops[k], index);
  }
  prepare_geometry(tile);
}

// Tiles of a row that touch no border have the same geometry, and a long line has many of them.
void BoxWorker::prepare_geometry(std::int64_t tile) {
  const BoxSpan& span = row_.front();
  const std::int64_t inside = span.inside() ? span.outputs : 0;
  const bool same = tile == geometry_tile_ || (inside > 0 && inside == outputs_inside_);
  if (!same) geometry_ = RowGeometry(row_);
  geometry_tile_ = tile;
  outputs_inside_ = inside;
}

void BoxWorker::prepare_slab() {
  row_lanes_ = 1;
  for (const BoxSpan& span : row_) row_lanes_ *= span.sources;
  slab_.assign(1, {place_, row_.front().sources, row_lanes_, 0});
  rows_at_once_ = 1;
  if (slides_.size() > 1 && geometry_.leaves_in_place(row_lanes_)) {
    const std::int64_t fitting = bytes_at_once / (row_lanes_ * job_.plan.lane_bytes);
    const auto rows = static_cast<std::uint64_t>(std::clamp<std::int64_t>(fitting, 1, most_rows));
    rows_at_once_ = static_cast<std::int64_t>(std::bit_floor(rows));
  }
  const bool in_place = geometry_.leaves_in_place(row_lanes_);
  // Blocks lie where they lie along one axis, not along several that are joined into a row.
  const bool may_scan = !slides_.empty() && row_.size() == 1;
  for (Chain& chain : chains_) {
    chain.scans = may_scan && chain.row.scans(geometry_);
    chain.rows_together = chain.scans && in_place ? most_rows : rows_at_once_;
  }
  slab_lanes_ = row_lanes_;
  for (std::size_t k = 1; k < slides_.size(); ++k) slab_lanes_ *= slides_[k].sources;
  for (std::size_t k = slides_.size(); k-- > 1;) widen_slab(slides_[k]);
  row_way_ = way_of_narrow_rows();
}

// States that merge come back to a part of a slice for all slices of a box, one after the other.
std::int64_t BoxWorker::joined_lanes() const {
  std::int64_t lanes = most_joined_lanes;
  for (const auto& accumulator : accumulators_) {
    if (accumulator->subtraction() != Subtraction::never) continue;
    const auto bytes = static_cast<std::int64_t>(accumulator->lane_size()) * accumulator->rows();
    lanes = std::min(lanes, bytes_at_once / bytes);
  }
  return lanes;
}

// Repeats the slab along one more axis.
void BoxWorker::widen_slab(const BoxSpan& span) {
  const std::int64_t lanes = slab_.back().first_lane + slab_.back().lanes;
  const SlabRow first = slab_.front();
  std::int64_t source = 1;
  if (slab_.size() == 1 && adjoin(*span.axis, first.positions)) {
    const std::int64_t joined =
        std::min(span.sources, std::max<std::int64_t>(1, joined_lanes() / lanes));
    slab_.front().positions *= joined;
    slab_.front().lanes *= joined;
    source = joined;
    for (; source < span.sources; source += joined) {
      const std::int64_t count = std::min(joined, span.sources - source);
      RowPlace place = first.place;
      place.move(*span.axis, source);
      slab_.push_back({place, first.positions * count, lanes * count, source * lanes});
    }
    return;
  }
  const std::vector<SlabRow> rows = slab_;
  for (; source < span.sources; ++source) {
    for (SlabRow row : rows) {
      row.place.move(*span.axis, source);
      row.first_lane += source * lanes;
      slab_.push_back(row);
    }
  }
}

// Whether rows of so many positions follow one another along an axis in all arrays.
bool BoxWorker::adjoin(const BoxAxis& axis, std::int64_t positions) const {
  const BoxAxis& row = job_.plan.row.front();
  return job_.plan.row.size() == 1 && axis.image == row.image * positions &&
         axis.where == row.where * positions && axis.masked == row.masked * positions;
}

// Whether rows come with room to be extended where they lie.
bool BoxWorker::has_margins() const { return geometry_.extends_in_place(row_lanes_); }

// The last slide makes the rows.
Margins BoxWorker::margins_after(std::size_t slide) const {
  return slide + 1 == slides_.size() ? geometry_.margins_in_place(row_lanes_) : Margins{};
}

// Whether any axis is worth a proof that sums are exact.
bool BoxWorker::gains_by_exchanges() const {
  return std::ranges::any_of(slides_, is_large) || std::ranges::any_of(row_, is_large);
}

bool BoxWorker::begins_exchanges(const Accumulator& accumulator) const {
  if (accumulator.subtraction() == Subtraction::never) return false;
  // Parts are added by fewer operations than whole sums are merged, in small boxes, too.
  return accumulator.splits() || gains_by_exchanges();
}

void BoxWorker::begin(std::size_t accumulator) {
  Chain& chain = chains_[accumulator];
  Accumulator& kernel = chain.kernel;
  if (slides_.empty()) return;
  chain.images.emplace(kernel, job_.rows, scratch_, slides_[0], slab_, chain.border_row);
  chain.images->set_most_samples(job_.plan.volume);
  chain.is_narrow = begins_narrow(chain, kernel);
  if (chain.is_narrow) {
    begin_narrow(chain);
  } else {
    begin_first(accumulator);
  }
  chain.inputs.clear();
  refresh_border(accumulator);
  double held = 1;
  for (std::size_t k = 1; k < slides_.size(); ++k) {
    held *= static_cast<double>(slides_[k - 1].axis->box.size);
    chain.inputs.emplace_back(kernel, slides_[k], held);
  }
  make_border_slices(accumulator);
}

// Whole slices of what lies beyond the border.
void BoxWorker::make_border_slices(std::size_t accumulator) {
  Chain& chain = chains_[accumulator];
  Accumulator& kernel = chain.kernel;
  std::int64_t lanes = slab_lanes_;
  for (std::size_t k = 1; k < slides_.size(); ++k) {
    lanes /= slides_[k].sources;
    const Border border = slides_[k].axis->box.border;
    if (border != Border::constant && border != Border::shrink) continue;
    const Lanes slice = chain.slices[k].reserve(kernel, lanes);
    kernel.pick(slice, chain.borders[k].lanes(), lanes, 0, 1);
  }
}

// Makes what lies beyond the border anew where samples are split in another way than it was, which
// its first state shows: that of one sample. Zeros are the same in all ways.
bool BoxWorker::refresh_border(std::size_t accumulator) {
  Chain& chain = chains_[accumulator];
  Accumulator& kernel = chain.kernel;
  const bool may_differ = job_.has_constant_border && job_.request.cval.floating != 0;
  if (!kernel.splits() || !may_differ) return false;
  const Lanes sample = chain.border_sample.reserve(kernel, 1);
  RowGroup group;
  group.count = 1;
  group.samples[0] = chain.border_row.samples;
  kernel.clear(sample, 1);
  kernel.take(sample, group, 1, 0);
  const Lanes border = chain.borders.front().lanes();
  bool same = true;
  for (int row = 0; row < kernel.rows(); ++row) {
    same &= std::memcmp(sample.row<std::byte>(row), border.row<std::byte>(row),
                        kernel.lane_size()) == 0;
  }
  if (!same) make_border_states(chain);
  return !same;
}

// Where slices are exchanged along the first two axes, or rows are made straight from the first
// one.
bool BoxWorker::begins_narrow(const Chain& chain, const Accumulator& accumulator) const {
  if (!chain.narrow) return false;
  if (row_way_ == RowWay::small) return true;
  const bool both_large = is_large(slides_[0]) && is_large(slides_[1]);
  return begins_exchanges(accumulator) && (both_large || row_way_ == RowWay::fours);
}

void BoxWorker::begin_narrow(Chain& chain) {
  auto summed = static_cast<double>(slides_[0].axis->box.size);
  if (row_way_ == RowWay::fours) {
    summed *= 4;
    chain.narrow->fours.begin(slides_[1], geometry_, row_lanes_, chain.borders.back().lanes());
  } else if (row_way_ == RowWay::small) {
    summed = job_.plan.volume;
    chain.narrow->small.begin(slides_[1], geometry_, row_lanes_);
  }
  chain.narrow->first.begin(*chain.images, slab_lanes_, slab_lanes_ / slides_[1].sources, summed);
}

void BoxWorker::begin_first(std::size_t accumulator) {
  Chain& chain = chains_[accumulator];
  chain.first->begin(*chain.images, slab_lanes_, margins_after(0),
                     slides_.size() == 1 ? chain.rows_together : 1, begins_exchanges(chain.kernel));
}

// Boxes along slide `axis` and those after it, for every output of the unit.
void BoxWorker::slide(std::size_t axis) {
  const BoxSpan& span = slides_[axis];
  if (axis > 0) begin_slide(axis);
  const bool makes_rows = axis + 1 == slides_.size();
  const std::int64_t step = makes_rows ? rows_at_once_ : 1;
  for (std::int64_t k = 0; k < span.outputs; k += step) {
    if (axis == 0 && interruption_.stopped) return;
    if (axis == 0 && polls_) interruption_.poll();
    const std::int64_t outputs = std::min(step, span.outputs - k);
    at_[axis] = span.first_output + k;
    for (std::size_t a = 0; a < chains_.size(); ++a) {
      advance(a, axis);
      if (axis == 0 && refresh_border(a)) make_border_slices(a);
    }
    if (makes_rows) {
      write_rows(outputs);
    } else if (axis > 0 || !write_narrow_rows()) {
      slide(axis + 1);
    }
  }
}

void BoxWorker::begin_slide(std::size_t axis) {
  std::int64_t lanes = row_lanes_;
  for (std::size_t k = axis + 1; k < slides_.size(); ++k) lanes *= slides_[k].sources;
  for (std::size_t a = 0; a < chains_.size(); ++a) {
    Chain& chain = chains_[a];
    const std::int64_t places = axis + 1 == slides_.size() ? chain.rows_together : 1;
    if (axis == 1 && chain.is_narrow) {
      NarrowChain& narrow = *chain.narrow;
      narrow.slices.begin(narrow.first.slices(), slides_[1], lanes);
      narrow.second.begin(narrow.slices, lanes, margins_after(1), places, true);
      continue;
    }
    chain.inputs[axis - 1].begin(windows_[axis][a], lanes, chain.slices[axis].lanes());
    chain.rest[axis - 1].begin(chain.inputs[axis - 1], lanes, margins_after(axis), places,
                               exchanges(a));
  }
}

// Makes the states at an output along an axis, or those of some rows, one in each place.
void BoxWorker::advance(std::size_t accumulator, std::size_t axis) {
  Chain& chain = chains_[accumulator];
  const auto advance_slide = [&](auto& slide) {
    const bool makes_rows = axis + 1 == slides_.size();
    return makes_rows ? make_rows(chain, slide) : slide.advance(at_[axis], 0);
  };
  Lanes& window = windows_[axis + 1][accumulator];
  if (axis == 0) {
    if (!advance_narrow(accumulator)) window = advance_slide(*chain.first);
  } else if (axis == 1 && chain.is_narrow) {
    window = advance_slide(chain.narrow->second);
  } else {
    window = advance_slide(chain.rest[axis - 1]);
  }
}

// Of the rows that are made together, the one at hand.
std::int64_t BoxWorker::index_of_rows(const Chain& chain) const {
  return (at_.back() - slides_.back().first_output) % chain.rows_together;
}

template <class Slide>
Lanes BoxWorker::make_rows(Chain& chain, Slide& slide) {
  const std::int64_t index = index_of_rows(chain);
  if (index == 0) {
    const std::int64_t end = slides_.back().first_output + slides_.back().outputs;
    chain.made.count = std::min(chain.rows_together, end - at_.back());
    chain.made.first = slide.advance(at_.back(), 0);
    for (std::int64_t k = 1; k < chain.made.count; ++k) slide.advance(at_.back() + k, k);
    chain.made.pitch = slide.pitch();
  }
  return chain.made.row(index);
}

bool BoxWorker::advance_narrow(std::size_t accumulator) {
  Chain& chain = chains_[accumulator];
  if (!chain.is_narrow) return false;
  chain.is_narrow = chain.narrow->first.advance(at_[0]);
  if (!chain.is_narrow) begin_first(accumulator);
  return chain.is_narrow;
}

// Samples of a box along the axes of the row.
double BoxWorker::row_volume() const {
  double volume = 1;
  for (const BoxSpan& span : row_) volume *= static_cast<double>(span.axis->box.size);
  return volume;
}

void BoxWorker::take_row() {
  RowGroup group;
  group.count = 1;
  scratch_.load(group, 0, place_, row_.front().sources, row_lanes_);
  for (std::size_t a = 0; a < chains_.size(); ++a) {
    row_exchanges_[a] = begin_row(a, group.samples[0]);
    refresh_border(a);
    const Margins margins = geometry_.margins_in_place(row_lanes_);
    windows_[0][a] = chains_[a].whole_row.reserve(chains_[a].kernel, row_lanes_, margins);
    chains_[a].kernel.take(windows_[0][a], group, row_lanes_, 0);
  }
}

// Whether the sums of an accumulator are exact in all boxes of the row.
bool BoxWorker::begin_row(std::size_t accumulator, const void* samples) {
  Accumulator& kernel = chains_[accumulator].kernel;
  if (kernel.subtraction() != Subtraction::if_exact) {
    return kernel.subtraction() == Subtraction::always;
  }
  kernel.end_exchanges();
  if (!begins_exchanges(kernel)) return false;
  Grid grid;
  job_.rows.kernels.survey(grid, job_.states.sample, samples, row_lanes_);
  const void* border = chains_[accumulator].border_row.samples;
  job_.rows.kernels.survey(grid, job_.states.sample, border, 1);
  return kernel.begin_exchanges(grid, 2 * row_volume());
}

// Whether the sums of an accumulator are exact, to the end of the row.
bool BoxWorker::exchanges(std::size_t accumulator) const {
  if (slides_.empty()) return row_exchanges_[accumulator];
  return chains_[accumulator].is_narrow || chains_[accumulator].first->may_exchange();
}

}  // namespace boxel
