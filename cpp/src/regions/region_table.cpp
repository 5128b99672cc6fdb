#include "boxel/regions/region_table.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "../lane_buffer.hpp"
#include "../result_writer.hpp"

namespace boxel {
namespace {

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

// Lanes that results are written from at a time.
constexpr std::int64_t written_lanes = 4096;

// Pixels from which on a run is taken as a block.
constexpr std::int64_t long_block = 64;
// Slots of which several copies of packed entries stay in the first-level cache.
constexpr std::int64_t few_slots = 512;

Lanes allocate(Buffer& memory, const Accumulator& accumulator, std::int64_t lanes) {
  const std::int64_t capacity = row_capacity(accumulator, lanes);
  memory.reserve(at(capacity) * accumulator.lane_size() * at(accumulator.rows()));
  return Lanes(memory.data(), capacity, accumulator.lane_size());
}

// Calls visit(from, to, count) for slots that lie in a row in both tables.
template <class Visit>
void for_moved_runs(const std::vector<std::int32_t>& targets, Visit&& visit) {
  const auto slots = static_cast<std::int64_t>(targets.size());
  for (std::int64_t slot = first_slot; slot < slots;) {
    const std::int64_t target = targets[at(slot)];
    std::int64_t end = slot + 1;
    while (end < slots && targets[at(end)] == target + (end - slot)) ++end;
    if (target == no_slot) end = slot + 1;
    if (target != no_slot) visit(slot, target, end - slot);
    slot = end;
  }
}

// Truth values arrive as bytes without a sign, and so do the states take them.
StatePlan states_of(const RegionSettings& settings) {
  StatePlan plan = plan_states(settings.statistics, settings.dtype, true, settings.weighted);
  if (settings.dtype == DType::boolean) plan.sample = Sample::uint64;
  return plan;
}

}  // namespace

RegionTable::RegionTable(const RegionSettings& settings)
    : settings_(settings),
      kernels_(&region_kernels(*settings.kernels)),
      plan_(states_of(settings)),
      sample_(settings.weighted ? plan_.sample : dense_sample(settings.dtype)),
      map_(*kernels_, settings.background, settings.dense_span) {
  for (const StateKind kind : plan_.kinds) {
    accumulators_.push_back(
        settings.kernels->make_accumulator({kind, plan_.sample, true, 0x1p53, false}));
    takers_.push_back(kernels_->take(kind, sample_));
    needs_include_ |= takers_.back() == nullptr;
  }
  memory_.resize(plan_.kinds.size());
  lanes_.resize(plan_.kinds.size());
  for (const bool masked : {false, true}) {
    blocks_[masked ? 1 : 0] =
        settings.weighted ? nullptr : kernels_->block(sample_, settings.channels, masked);
  }
  packed_ = settings.weighted ? nullptr : kernels_->packed(sample_, settings.channels);
  make_room({});
}

bool RegionTable::exact() const {
  return !settings_.weighted &&
         (!is_floating(settings_.dtype) || std::ranges::all_of(plan_.kinds, [](StateKind kind) {
           return kind == StateKind::count || kind == StateKind::nonzero ||
                  kind == StateKind::min || kind == StateKind::max;
         }));
}

// Whether the packed entries hold all that a state needs.
bool RegionTable::takes_packed(StateKind kind) const {
  return kind == StateKind::count || kind == StateKind::sum ||
         (kind == StateKind::nonzero && settings_.dtype == DType::boolean);
}

void RegionTable::assign(Sample type, const void* labels, std::int64_t count, std::int32_t* slots) {
  const std::vector<std::int32_t> moves = map_.prepare(type, labels, count);
  if (!moves.empty()) make_room(moves);
  map_.assign(type, labels, count, slots);
  if (map_.slots() > capacity_) make_room({});
}

// Room for all slots of the map. `moves` tells where the states of old slots go, if not to the same
// ones.
void RegionTable::make_room(const std::vector<std::int32_t>& moves) {
  settle();
  std::int64_t capacity = capacity_;
  while (capacity < map_.slots()) capacity = std::max<std::int64_t>(64, capacity * 2);
  std::vector<std::int32_t> targets = moves;
  for (auto slot = static_cast<std::int64_t>(targets.size()); slot < capacity_; ++slot) {
    // Slots behind those that move are as good as new.
    targets.push_back(moves.empty() ? static_cast<std::int32_t>(slot) : no_slot);
  }
  move_states(targets, capacity);
  std::vector<std::uint8_t> seen(at(capacity), 0);
  std::vector<Extent> extents(at(capacity * settings_.geometry_axes));
  std::vector<std::int64_t> pixels(settings_.geometry_axes ? at(capacity) : 0, 0);
  for_moved_runs(targets, [&](std::int64_t from, std::int64_t to, std::int64_t count) {
    std::copy_n(seen_.begin() + from, count, seen.begin() + to);
    if (settings_.geometry_axes == 0) return;
    const std::int64_t axes = settings_.geometry_axes;
    std::copy_n(extents_.begin() + from * axes, count * axes, extents.begin() + to * axes);
    std::copy_n(pixels_.begin() + from, count, pixels.begin() + to);
  });
  seen_ = std::move(seen);
  extents_ = std::move(extents);
  pixels_ = std::move(pixels);
  capacity_ = capacity;
}

void RegionTable::move_states(const std::vector<std::int32_t>& targets, std::int64_t capacity) {
  const std::int64_t channels = settings_.channels;
  std::vector<std::int64_t> sources(at(capacity * channels));
  for (std::size_t k = 0; k < accumulators_.size(); ++k) {
    Accumulator& accumulator = *accumulators_[k];
    Buffer memory;
    const Lanes lanes = allocate(memory, accumulator, capacity * channels);
    accumulator.clear(lanes, capacity * channels);
    for_moved_runs(targets, [&](std::int64_t from, std::int64_t to, std::int64_t count) {
      for (std::int64_t lane = 0; lane < count * channels; ++lane) sources[at(lane)] = lane;
      accumulator.gather(lanes.from(to * channels), lanes_[k].from(from * channels), sources.data(),
                         count * channels);
    });
    memory_[k] = std::move(memory);
    lanes_[k] = lanes;
  }
}

void RegionTable::mark_seen(const std::int32_t* slots, std::int64_t count) {
  for (std::int64_t p = 0; p < count; ++p) seen_[at(slots[p])] = 1;
}

bool RegionTable::seen(std::int64_t slot) const {
  if (seen_[at(slot)]) return true;
  if (settings_.geometry_axes && pixels_[at(slot)] > 0) return true;
  const std::int64_t* counts = lanes_[0].row<std::int64_t>(0) + slot * settings_.channels;
  return std::any_of(counts, counts + settings_.channels, [](std::int64_t n) { return n > 0; });
}

void RegionTable::take(const RegionSamples& samples, const WideSamples& wide) {
  const bool plain = !samples.include && !samples.skip_nan;
  if (samples.runs && plain && blocks_[0] && samples.channels == settings_.channels) {
    take_long_runs(samples);
  } else {
    take_some(samples, wide);
  }
}

// Long runs as blocks, what lies between them as it comes.
void RegionTable::take_long_runs(const RegionSamples& samples) {
  const auto bytes = static_cast<std::int64_t>(size_of_sample(sample_)) * samples.channels;
  const auto* first = static_cast<const std::byte*>(samples.samples);
  const auto part = [&](std::int64_t from, std::int64_t to) {
    RegionSamples some = samples;
    some.slots += from;
    some.samples = first + from * bytes;
    some.pixels = to - from;
    return some;
  };
  std::int64_t left = 0;  // not taken yet
  for (std::int64_t p = 0; p < samples.pixels;) {
    const std::int32_t slot = samples.slots[p];
    std::int64_t end = p + 1;
    while (end < samples.pixels && samples.slots[end] == slot) ++end;
    if (end - p >= long_block) {
      if (left < p) take_some(part(left, p), {nullptr, nullptr});
      for (; slot != no_slot && p < end; p += block_pixels) {
        const std::int64_t pixels = std::min(block_pixels, end - p);
        take_block(slot, first + p * bytes, nullptr, pixels, pixels);
      }
      left = end;
    }
    p = end;
  }
  if (left < samples.pixels) take_some(part(left, samples.pixels), {nullptr, nullptr});
}

void RegionTable::take_block(std::int32_t slot, const void* samples, const std::uint8_t* include,
                             std::int64_t pixels, std::int64_t counted) {
  const std::int64_t channels = settings_.channels;
  const RegionBlock block{samples, include, pixels, counted, slot * channels};
  const TakeBlock take_whole = blocks_[include ? 1 : 0];
  for (std::size_t k = 0; k < takers_.size(); ++k) {
    if (take_whole && take_whole(plan_.kinds[k], lanes_[k], block)) continue;
    same_slots_.assign(at(pixels), slot);
    const RegionSamples each{same_slots_.data(), pixels,   true, samples, include, false,
                             channels,           channels, 0};
    if (takers_[k]) {
      takers_[k](lanes_[k], each);
    } else {
      const std::vector<std::uint8_t> all(include ? 0 : at(pixels * channels), 1);
      take_pixel_by_pixel(k, each, {include ? include : all.data(), nullptr});
    }
  }
}

void RegionTable::take_some(const RegionSamples& samples, const WideSamples& wide) {
  const bool packs =
      packed_ && !samples.include && !samples.skip_nan && samples.channels == settings_.channels;
  if (packs) take_packed(samples);
  for (std::size_t k = 0; k < takers_.size(); ++k) {
    if (packs && takes_packed(plan_.kinds[k])) continue;
    if (takers_[k]) {
      takers_[k](lanes_[k], samples);
    } else {
      take_pixel_by_pixel(k, samples, wide);
    }
  }
}

void RegionTable::take_packed(const RegionSamples& samples) {
  if (entry_slots_ < capacity_ || packed_pixels_ + samples.pixels > packed_->most_pixels) {
    settle();
    if (entry_slots_ < capacity_) {
      copies_ = capacity_ <= few_slots ? packed_copies : 1;
      const std::size_t bytes = at(copies_ * capacity_ * packed_->entry_bytes);
      entries_.reserve(bytes);
      entry_slots_ = capacity_;
      std::memset(entries_.data(), 0, bytes);
    }
  }
  packed_->add(entries_.data(), copies_, entry_slots_, samples);
  packed_pixels_ += samples.pixels;
}

void RegionTable::settle() {
  if (packed_pixels_ == 0) return;
  Lanes* sums = nullptr;
  for (std::size_t k = 1; k < plan_.kinds.size(); ++k) {
    if (takes_packed(plan_.kinds[k])) sums = &lanes_[k];
  }
  const bool truth = settings_.dtype == DType::boolean;
  packed_->flush(entries_.data(), copies_, entry_slots_, std::min(map_.slots(), entry_slots_),
                 &lanes_[0], truth ? nullptr : sums, truth ? sums : nullptr);
  packed_pixels_ = 0;
}

// Pixels of one slot that follow each other go in as rows of a group.
void RegionTable::take_pixel_by_pixel(std::size_t state, const RegionSamples& samples,
                                      const WideSamples& wide) {
  const auto bytes = static_cast<std::int64_t>(size_of_sample(sample_)) * samples.channels;
  const auto* first = static_cast<const std::byte*>(samples.samples);
  for (std::int64_t p = 0; p < samples.pixels;) {
    const std::int32_t slot = samples.slots[p];
    RowGroup group;
    group.count = 0;
    for (; group.count < max_group && p < samples.pixels && samples.slots[p] == slot; ++p) {
      const auto row = static_cast<std::size_t>(group.count++);
      group.samples[row] = first + p * bytes;
      group.include[row] = wide.include + p * samples.channels;
      group.weights[row] = wide.weights ? wide.weights + p * samples.channels : nullptr;
    }
    if (slot == no_slot) continue;
    const std::int64_t lane = slot * samples.lane_stride + samples.first_lane;
    accumulators_[state]->take(lanes_[state].from(lane), group, samples.channels, 1);
  }
}

void RegionTable::take_run(std::int32_t slot, const std::int64_t* place, int axis,
                           std::int64_t count) {
  if (slot == no_slot) return;
  pixels_[at(slot)] += count;
  Extent* extents = extents_.data() + slot * settings_.geometry_axes;
  for (int each = 0; each < settings_.geometry_axes; ++each) {
    const bool along = each == axis;
    extents[each].low = std::min(extents[each].low, place[each]);
    extents[each].high = std::max(extents[each].high, place[each] + (along ? count - 1 : 0));
    extents[each].sum += WideLabel{place[each]} * count + (along ? count * (count - 1) / 2 : 0);
  }
}

void RegionTable::merge(const RegionTable& other) {
  std::vector<std::int32_t> targets(at(other.map_.slots()), no_slot);
  for (std::int64_t slot = first_slot; slot < other.map_.slots(); ++slot) {
    if (!other.seen(slot)) continue;
    const WideLabel label = other.map_.label_of(static_cast<std::int32_t>(slot));
    const std::vector<std::int32_t> moves = map_.prepare(label);
    if (!moves.empty()) {
      make_room(moves);
      for (std::int32_t& target : targets) target = moves[at(target)];
    }
    targets[at(slot)] = map_.assign(label);
  }
  if (map_.slots() > capacity_) make_room({});
  settle();
  merge_states(other, targets);
  merge_geometry(other, targets);
  for (std::size_t slot = first_slot; slot < targets.size(); ++slot) {
    if (other.seen_[slot] && targets[slot] != no_slot) seen_[at(targets[slot])] = 1;
  }
}

void RegionTable::merge_states(const RegionTable& other, const std::vector<std::int32_t>& targets) {
  const std::int64_t channels = settings_.channels;
  for (std::size_t k = 0; k < accumulators_.size(); ++k) {
    for_moved_runs(targets, [&](std::int64_t from, std::int64_t to, std::int64_t count) {
      const Lanes mine = lanes_[k].from(to * channels);
      accumulators_[k]->merge(mine, mine, other.lanes_[k].from(from * channels), count * channels,
                              0, 0);
    });
  }
}

void RegionTable::merge_geometry(const RegionTable& other,
                                 const std::vector<std::int32_t>& targets) {
  const std::int64_t axes = settings_.geometry_axes;
  if (axes == 0) return;
  for_moved_runs(targets, [&](std::int64_t from, std::int64_t to, std::int64_t count) {
    for (std::int64_t k = 0; k < count; ++k) pixels_[at(to + k)] += other.pixels_[at(from + k)];
    for (std::int64_t k = 0; k < count * axes; ++k) {
      Extent& mine = extents_[at(to * axes + k)];
      const Extent& added = other.extents_[at(from * axes + k)];
      mine.low = std::min(mine.low, added.low);
      mine.high = std::max(mine.high, added.high);
      mine.sum += added.sum;
    }
  });
}

std::vector<WideLabel> RegionTable::labels() const {
  std::vector<WideLabel> result;
  for (std::int64_t slot = first_slot; slot < map_.slots(); ++slot) {
    if (seen(slot)) result.push_back(map_.label_of(static_cast<std::int32_t>(slot)));
  }
  if (!std::ranges::is_sorted(result)) std::ranges::sort(result);
  return result;
}

void RegionTable::write(const std::vector<WideLabel>& labels,
                        const std::vector<BlockOutput>& outputs, double ddof) const {
  const std::int64_t channels = settings_.channels;
  const auto count = static_cast<std::int64_t>(labels.size());
  if (count == 0 || channels == 0 || outputs.empty()) return;
  StatePlan plan = plan_;
  std::vector<LaneLayout> layouts;
  plan.state_of.clear();
  for (const BlockOutput& output : outputs) {
    const auto found = std::ranges::find(settings_.statistics, output.statistic);
    if (found == settings_.statistics.end()) {
      throw std::logic_error("this table has no states for that statistic");
    }
    plan.state_of.push_back(plan_.state_of[at(found - settings_.statistics.begin())]);
    layouts.push_back({output.view.shape, output.view.strides});
  }
  const std::int64_t rows = std::max<std::int64_t>(1, written_lanes / channels);
  ResultWriter writer(*settings_.kernels, plan, accumulators_, outputs, layouts,
                      {.min_count = 0, .ddof = ddof}, rows * channels);
  std::vector<Buffer> memory(accumulators_.size());
  std::vector<Lanes> states;
  for (std::size_t k = 0; k < accumulators_.size(); ++k) {
    states.push_back(allocate(memory[k], *accumulators_[k], rows * channels));
  }
  std::vector<std::int64_t> sources(at(rows * channels));
  for (std::int64_t first = 0; first < count; first += rows) {
    const std::int64_t taken = std::min(rows, count - first);
    for (std::int64_t row = 0; row < taken; ++row) {
      const std::int32_t found = map_.find(labels[at(first + row)]);
      const std::int64_t lane = (found == no_slot ? empty_slot : found) * channels;
      for (std::int64_t c = 0; c < channels; ++c) sources[at(row * channels + c)] = lane + c;
    }
    for (std::size_t k = 0; k < accumulators_.size(); ++k) {
      accumulators_[k]->gather(states[k], lanes_[k], sources.data(), taken * channels);
    }
    const ResultWriter::Row row{
        states, taken, taken * channels, {}, states[0].row<std::int64_t>(0)};
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      writer.write(row, k, outputs[k].view.data + first * outputs[k].view.strides[0]);
    }
  }
}

void RegionTable::write_geometry(const std::vector<WideLabel>& labels, std::int64_t* pixels,
                                 std::int64_t* lows, std::int64_t* highs, double* centroids) const {
  const std::int64_t axes = settings_.geometry_axes;
  for (const WideLabel label : labels) {
    const std::int32_t slot = map_.find(label);
    const std::int64_t n = slot == no_slot ? 0 : pixels_[at(slot)];
    *pixels++ = n;
    for (std::int64_t axis = 0; axis < axes; ++axis) {
      const Extent extent = n ? extents_[at(slot * axes + axis)] : Extent{0, -1, 0};
      *lows++ = extent.low;
      *highs++ = extent.high + 1;
      // The whole part of the mean is exact, so that far from the origin no digit is lost.
      const WideLabel whole = n ? extent.sum / n : 0;
      const auto rest = static_cast<double>(extent.sum - whole * n);
      *centroids++ = n ? static_cast<double>(whole) + rest / static_cast<double>(n)
                       : std::numeric_limits<double>::quiet_NaN();
    }
  }
}

}  // namespace boxel
