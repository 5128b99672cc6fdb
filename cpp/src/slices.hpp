// The slices that a box takes in along an outer axis: rows of the image, or states of the boxes
// along the axes before.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "boxel/box_plan.hpp"
#include "boxel/unit_sums.hpp"
#include "lane_buffer.hpp"
#include "paired_positions.hpp"
#include "row_sources.hpp"

namespace boxel {

// What stands beyond the border: a row of equal samples (which may not count), or nothing.
struct BorderRow {
  bool absent = true;
  const void* samples = nullptr;
  const std::uint8_t* include = nullptr;
  const void* zeros = nullptr;  // in the place of what is absent, in exchanges
};

// Rows of a unit's slab that adjoin in memory and are read as one.
struct SlabRow {
  RowPlace place;          // for a slice at the axis's first sample
  std::int64_t positions;  // along row[0]
  std::int64_t lanes;
  std::int64_t first_lane;
};

class ImageSlices {
 public:
  static constexpr bool merges = true;

  ImageSlices(Accumulator& accumulator, const RowSources& sources, RowScratch& scratch,
              const BoxSpan& span, const std::vector<SlabRow>& slab, const BorderRow& border)
      : accumulator_(accumulator),
        sources_(sources),
        scratch_(scratch),
        span_(span),
        slab_(slab),
        border_(border) {
    accumulator.end_exchanges();
    if (accumulator.subtraction() == Subtraction::if_exact) {
      admitted_.assign(static_cast<std::size_t>(span.sources), false);
      // The sums of later axes may hold what lies beyond their borders.
      sources.kernels.survey(grid_, sources.sample, border.samples, 1);
    }
  }

  double held() const { return 1; }

  // Whether exchanges are exact, from here on, of the slices that were admitted.
  bool settle() {
    if (accumulator_.subtraction() == Subtraction::always) return true;
    return accumulator_.may_exchange(grid_, most_summed()) ||
           accumulator_.begin_exchanges(grid_, most_summed());
  }

  void forgo() { accumulator_.end_exchanges(); }

  void put(Lanes out, std::int64_t first, std::int64_t count) {
    const auto slice_at = [first](std::int64_t k) { return first + k; };
    for (const SlabRow& row : slab_) {
      take(out.from(row.first_lane), row, count, slice_at, 0);
    }
  }

  // put() of sums whose order is free: slices that stand there twice are read once.
  void put_sum(Lanes out, std::int64_t first, std::int64_t count) {
    if (span_.holds(first, count)) return put(out, first, count);
    const PairedPositions slices = pair(first, count);
    for (const SlabRow& row : slab_) {
      const Lanes state = out.from(row.first_lane);
      const std::int64_t taken = take(state, row, slices.twice, 0);
      const auto held = static_cast<double>(taken);
      if (taken > 0) accumulator_.merge(state, state, state, row.lanes, held, held);
      take(state, row, slices.once, taken);
    }
  }

  PairedPositions pair(std::int64_t first, std::int64_t count) const {
    return {span_, first, count};
  }

  // put() in units. False where a sample does not fit: the sums mean nothing then. Some slice must
  // be there.
  bool put_units(const UnitSums& sums, const Units& units, std::int32_t* out,
                 const PairedPositions& slices) {
    std::int64_t taken = 0;
    // Slices of a group row by row, so that what is asked for ahead is what comes next.
    return slices.for_groups([&](std::span<const std::int64_t> some, int times) {
      const auto slice_at = [some](std::int64_t k) { return some[static_cast<std::size_t>(k)]; };
      std::int64_t loaded = 0;
      bool fit = true;
      for (const SlabRow& row : slab_) {
        const auto take = [&](const RowGroup& group, std::int64_t) {
          fit &= sums.take(units, out + row.first_lane, group, row.lanes, taken, times);
        };
        loaded = load_groups(row, std::ssize(some), slice_at, take);
      }
      taken += loaded;
      return fit;
    });
  }

  std::int64_t parts() const { return std::ssize(slab_); }
  LaneRun part_lanes(std::int64_t part) const {
    const SlabRow& row = slab_[static_cast<std::size_t>(part)];
    return {row.first_lane, row.first_lane + row.lanes};
  }

  void put_part(std::int64_t part, Lanes out, std::int64_t slice) {
    const SlabRow& row = slab_[static_cast<std::size_t>(part)];
    take(out.from(row.first_lane), row, 1, [slice](std::int64_t) { return slice; }, 0);
  }

  // `next`: the slice of which this part is appended next. Short parts lose by asking for it.
  void append_part(std::int64_t part, Lanes out, Lanes held, std::int64_t slice, std::int64_t count,
                   std::int64_t next) {
    const SlabRow& row = slab_[static_cast<std::size_t>(part)];
    const Lanes from = held.from(row.first_lane);
    const Lanes to = out.from(row.first_lane);
    RowGroup group;
    group.count = 1;
    group.ahead = slab_.size() == 1 ? bytes_between(slice, next) : 0;
    if (load(group, 0, row, slice)) {
      accumulator_.append_row(to, from, group, row.lanes, count);
    } else if (to != from) {
      accumulator_.pick(to, from, 1, 1, row.lanes);
    }
  }

  // Row by row, so that a row is still in the first-level cache when it is added. In one place
  // only: `out` is `from`.
  bool exchange(Lanes out, Lanes, std::int64_t added, std::int64_t removed) {
    const bool is_new = !is_admitted(added);
    const bool fits =
        exchange_rows(added, removed, [&](const SlabRow& row, const void* in, const void* gone) {
          if (is_new && !admit_row(row, in)) return false;
          accumulator_.exchange(out.from(row.first_lane), in, gone, row.lanes, bytes_ahead(row));
          return true;
        });
    if (fits && is_new) note_admitted(added);
    return fits;
  }

  bool exchange_units(const UnitSums& sums, const Units& units, std::int32_t* out,
                      std::int64_t added, std::int64_t removed) {
    return exchange_rows(added, removed, [&](const SlabRow& row, const void* in, const void* gone) {
      return sums.exchange(units, out + row.first_lane, static_cast<const float*>(in),
                           static_cast<const float*>(gone), row.lanes, bytes_ahead(row));
    });
  }

  void admit(std::int64_t slice) {
    if (is_admitted(slice)) return;
    RowGroup group;
    for (const SlabRow& row : slab_) survey(row, exchanged_row(group, 0, row, slice));
    note_admitted(slice);
  }

  // Where those of a slice begin; null if it is not there, or they are not as they stand.
  const std::byte* ready_samples(std::int64_t slice) const {
    if (!sources_.image.loader.ready() || slice >= span_.first_position + span_.positions) {
      return nullptr;
    }
    const std::int64_t source = span_.source(slice);
    if (source == beyond) return nullptr;
    return sources_.image.data + slab_.front().place.image + source * span_.axis->image;
  }

  // Of all slices that were admitted, and what lies beyond the border.
  const Grid& grid() const { return grid_; }
  std::int32_t border_units(const Units& units) const {
    return static_cast<std::int32_t>(*static_cast<const float*>(border_.samples) * units.scale);
  }

  // The most samples that any sum holds until the outputs are written.
  void set_most_samples(double samples) { most_samples_ = samples; }

 private:
  // Returns false for a slice that is not there.
  bool load(RowGroup& group, int k, const SlabRow& row, std::int64_t slice) {
    const std::int64_t source = span_.source(slice);
    if (source == beyond) {
      group.samples[static_cast<std::size_t>(k)] = border_.samples;
      group.include[static_cast<std::size_t>(k)] = border_.include;
      return !border_.absent;
    }
    RowPlace place = row.place;
    place.move(*span_.axis, source);
    scratch_.load(group, k, place, row.positions, row.lanes);
    return true;
  }

  // Whether nothing needs to be known of a slice, or all is. What lies beyond was looked at first.
  bool is_admitted(std::int64_t slice) const {
    if (accumulator_.subtraction() == Subtraction::always) return true;
    const std::int64_t source = span_.source(slice);
    return source == beyond || admitted_[static_cast<std::size_t>(source)];
  }

  void note_admitted(std::int64_t slice) {
    const std::int64_t source = span_.source(slice);
    if (source != beyond) admitted_[static_cast<std::size_t>(source)] = true;
  }

  // Whether all sums are exact that may hold these samples.
  bool admit_row(const SlabRow& row, const void* samples) {
    survey(row, samples);
    return accumulator_.may_exchange(grid_, most_summed());
  }

  void survey(const SlabRow& row, const void* samples) {
    sources_.kernels.survey(grid_, sources_.sample, samples, row.lanes);
  }

  // A sum holds the samples of one box more before it gives up those of another.
  double most_summed() const { return 2 * most_samples_; }

  // From a row's samples to those that are read next.
  std::int64_t bytes_ahead(const SlabRow& row) const {
    if (!sources_.image.loader.ready()) return 0;
    if (slab_.size() == 1) return span_.axis->image;
    return row.lanes * static_cast<std::int64_t>(size_of_sample(sources_.sample));
  }

  // From the samples of a slice to those of another one; 0 where one is not there, or they are not
  // as they stand.
  std::int64_t bytes_between(std::int64_t slice, std::int64_t other) const {
    const std::int64_t from = span_.source(slice);
    const std::int64_t to = span_.source(other);
    if (!sources_.image.loader.ready() || from == beyond || to == beyond) return 0;
    return (to - from) * span_.axis->image;
  }

  const void* exchanged_row(RowGroup& group, int k, const SlabRow& row, std::int64_t slice) {
    if (!load(group, k, row, slice)) return border_.zeros;
    return group.samples[static_cast<std::size_t>(k)];
  }

  // Calls visit(row, samples added, samples removed) for all rows, as long as it returns true.
  template <class Visit>
  bool exchange_rows(std::int64_t added, std::int64_t removed, Visit visit) {
    RowGroup group;
    return std::ranges::all_of(slab_, [&](const SlabRow& row) {
      const void* in = exchanged_row(group, 0, row, added);
      return visit(row, in, exchanged_row(group, 1, row, removed));
    });
  }

  // Calls visit(group of samples, how many came before) for a row of slices slice_at(0), ..., and
  // returns how many of them are there.
  template <class SliceAt, class Visit>
  std::int64_t load_groups(const SlabRow& row, std::int64_t count, SliceAt slice_at, Visit visit) {
    RowGroup group;
    group.count = 0;
    group.ahead = bytes_ahead(row);
    std::int64_t loaded = 0;
    const auto flush = [&] {
      if (group.count == 0) return;
      visit(group, loaded);
      loaded += group.count;
      group.count = 0;
    };
    for (std::int64_t k = 0; k < count; ++k) {
      if (load(group, group.count, row, slice_at(k))) ++group.count;
      if (group.count == max_group) flush();
    }
    flush();
    return loaded;
  }

  // Takes in slices slice_at(0), ..., after `taken` others, and returns how many of them are there.
  template <class SliceAt>
  std::int64_t take(Lanes state, const SlabRow& row, std::int64_t count, SliceAt slice_at,
                    std::int64_t taken) {
    const std::int64_t loaded =
        load_groups(row, count, slice_at, [&](const RowGroup& group, std::int64_t before) {
          accumulator_.take(state, group, row.lanes, taken + before);
        });
    if (loaded == 0 && taken == 0) accumulator_.clear(state, row.lanes);
    return loaded;
  }

  std::int64_t take(Lanes state, const SlabRow& row, const std::vector<std::int64_t>& slices,
                    std::int64_t taken) {
    const auto slice_at = [&](std::int64_t k) { return slices[static_cast<std::size_t>(k)]; };
    return take(state, row, std::ssize(slices), slice_at, taken);
  }

  Accumulator& accumulator_;
  const RowSources& sources_;
  RowScratch& scratch_;
  const BoxSpan& span_;
  const std::vector<SlabRow>& slab_;
  const BorderRow& border_;
  Grid grid_;
  std::vector<bool> admitted_;  // slices whose samples the grid knows
  double most_samples_ = 1;
};

// States side by side in one input: slice k begins at lane k * lanes.
class StateSlices {
 public:
  static constexpr bool merges = true;

  StateSlices(Accumulator& accumulator, const BoxSpan& span, double held)
      : accumulator_(accumulator), span_(span), held_(held) {}

  // `border` stands for what lies beyond: a state without samples where that is nothing.
  void begin(Lanes input, std::int64_t lanes, Lanes border) {
    input_ = input;
    lanes_ = lanes;
    border_ = border;
  }

  double held() const { return held_; }
  void admit(std::int64_t) const {}
  bool settle() const { return true; }
  void forgo() const {}

  void put(Lanes out, std::int64_t first, std::int64_t count) {
    const std::int64_t source = span_.source(first);
    const bool side_by_side = source != beyond &&
                              span_.source(first + count - 1) == source + count - 1 &&
                              count <= span_.axis->length && span_.holds(first, count);
    std::int64_t taken = 1;
    if (side_by_side && count > 1) {
      taken = std::min<std::int64_t>(count, 4);
      accumulator_.merge_ahead(out, input_.from(source * lanes_), lanes_, lanes_,
                               static_cast<int>(taken), held_);
    } else {
      accumulator_.pick(out, slice(first), 1, 1, lanes_);
    }
    for (; taken < count; ++taken) append(out, out, first + taken, taken);
  }

  // put() of sums whose order is free: slices that stand there twice are read once.
  void put_sum(Lanes out, std::int64_t first, std::int64_t count) {
    if (span_.holds(first, count)) return put(out, first, count);
    const PairedPositions slices(span_, first, count);
    std::int64_t taken = 0;
    const auto add = [&](const std::vector<std::int64_t>& positions) {
      for (const std::int64_t position : positions) {
        if (taken == 0) {
          accumulator_.pick(out, slice(position), 1, 1, lanes_);
        } else {
          append(out, out, position, taken);
        }
        ++taken;
      }
    };
    add(slices.twice);
    const double held = static_cast<double>(taken) * held_;
    if (taken > 0) accumulator_.merge(out, out, out, lanes_, held, held);
    add(slices.once);
  }

  std::int64_t parts() const { return 1; }
  LaneRun part_lanes(std::int64_t) const { return {0, lanes_}; }

  void put_part(std::int64_t, Lanes out, std::int64_t at) {
    accumulator_.pick(out, slice(at), 1, 1, lanes_);
  }

  void append_part(std::int64_t, Lanes out, Lanes held, std::int64_t at, std::int64_t count,
                   std::int64_t) {
    append(out, held, at, count);
  }

  bool exchange(Lanes out, Lanes from, std::int64_t added, std::int64_t removed) {
    accumulator_.exchange_states(out, from, slice(added), slice(removed), lanes_);
    return true;
  }

 private:
  void append(Lanes out, Lanes held, std::int64_t at, std::int64_t count) {
    accumulator_.merge(out, held, slice(at), lanes_, static_cast<double>(count) * held_, held_);
  }

  Lanes slice(std::int64_t at) const {
    const std::int64_t source = span_.source(at);
    if (source == beyond) return border_;
    return input_.from(source * lanes_);
  }

  Accumulator& accumulator_;
  const BoxSpan& span_;
  double held_;
  Lanes input_;
  std::int64_t lanes_ = 0;
  Lanes border_;
};

}  // namespace boxel
