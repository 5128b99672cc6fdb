// A box that slides along one outer axis: what it holds, output after output.
//
// Three ways, chosen by what the state allows. Small boxes are taken anew each time. States that
// may give up samples exchange one slice for another. The others are merged from two parts (van
// Herk, 1992; Gil and Werman, 1993): the axis is cut into blocks of the box's size; a box is the
// suffix of one block and the prefix of the next, which costs three merges a slice, whatever the
// size, and subtracts nothing; a fourth one where only the suffixes of a chunk of the block are
// kept, and those with which chunks begin. The blocks lie where they lie for any cut of the work,
// so that the bits do not depend on it. Slices are merged part by part: many states of a part stay
// in the caches where two slices do not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "boxel/box_plan.hpp"
#include "lane_buffer.hpp"

namespace boxel {

// Boxes of at most so many slices are taken anew.
inline constexpr std::int64_t smallest_sliding_box = 5;

// Suffixes that take more are made again, chunk by chunk: to write and read them in memory costs as
// much, and takes room.
inline constexpr std::int64_t most_suffix_bytes = 32 * 1024 * 1024;

// `Input` hands out slices: put(out, first, count) makes a state of some, put_sum() the same where
// their order is free; put_part(part, out, slice) and append_part(part, out, held, slice, count,
// next) make one of a single slice, and of one more than `held` has, `count`, before that of slice
// `next`, in some lanes of it, which part_lanes(part) names, one of parts(). admit(slice) looks at
// a slice that is to be exchanged, settle() tells whether all may be that were looked at;
// exchange(out, from, added, removed) does so, or leaves no state behind and returns false; forgo()
// says that nothing is exchanged any more. `Input::merges` is false where all are exchanged; there
// is no put() then.
template <class Input>
class AxisSlide {
 public:
  AxisSlide(Accumulator& accumulator, const BoxAxis& axis)
      : accumulator_(accumulator), axis_(axis) {}

  // `input` must live until the last advance(). The results have room for so many lanes before and
  // behind them, and are kept in so many places.
  void begin(Input& input, std::int64_t lanes, Margins margins, std::int64_t places,
             bool exchanges) {
    input_ = &input;
    lanes_ = lanes;
    exchanges_ = exchanges;
    at_ = unset;
    block_ = unset;
    admitted_ = 0;
    chunk_length_ = size() > most_suffix_bytes / bytes_of(lanes) ? chunk_length(size()) : size();
    window_ = first_place_ = window_memory_.reserve(accumulator_, lanes, margins, places);
  }

  // Whether all slices so far may be exchanged.
  bool may_exchange() const { return exchanges_; }

  // Lanes from place to place.
  std::int64_t pitch() const { return window_memory_.pitch(); }

  // The state of the box of an output in a place; outputs come in increasing order.
  Lanes advance(std::int64_t output, std::int64_t place) {
    const std::int64_t first = output * axis_.box.stride;
    const Lanes held = std::exchange(window_, first_place_.from(place * pitch()));
    if constexpr (!Input::merges) {
      exchange_to(first, held);
      return window_;
    } else {
      if (size() < smallest_sliding_box) {
        if (exchanges_ && !admit_to(first + size())) forgo_exchanges();
        input_->put(window_, first, size());
        return window_;
      }
      if (exchanges_ && !exchange_to(first, held)) forgo_exchanges();
      return exchanges_ ? window_ : merge_at(first);
    }
  }

 private:
  static constexpr std::int64_t unset = -1;

  std::int64_t size() const { return axis_.box.size; }
  std::int64_t bytes_of(std::int64_t lanes) const {
    return lanes * accumulator_.rows() * static_cast<std::int64_t>(accumulator_.lane_size());
  }

  void forgo_exchanges() {
    exchanges_ = false;
    input_->forgo();
  }

  bool admit_to(std::int64_t end) {
    admitted_ = std::max(admitted_, end - size());
    for (; admitted_ < end; ++admitted_) input_->admit(admitted_);
    return input_->settle();
  }

  // What cannot be exchanged as it is kept may be kept in another way, from the next box on.
  bool exchange_to(std::int64_t first, Lanes held) {
    while (at_ != first) {
      if (at_ == unset || first - at_ >= size()) {
        if (!admit_to(first + size())) return false;
        input_->put_sum(window_, first, size());
        at_ = first;
      } else if (input_->exchange(window_, held, at_ + size(), at_)) {
        held = window_;
        ++at_;
      } else {
        at_ = unset;
      }
    }
    return true;
  }

  Lanes merge_at(std::int64_t first) {
    const std::int64_t block = first / size();
    const std::int64_t into = first - block * size();
    if (block != block_) begin_block(block, into);
    if (into >= chunk_end_) begin_chunk(into);
    for_parts([&](std::int64_t part) { merge_part(part, into); });
    in_prefix_ = into;
    return window_;
  }

  void merge_part(std::int64_t part, std::int64_t into) {
    const LaneRun run = input_->part_lanes(part);
    const Lanes window = window_.from(run.first);
    const Lanes ending = suffix(into).from(run.first);
    if (into == 0) return accumulator_.pick(window, ending, 1, 1, run.lanes());
    for (std::int64_t k = in_prefix_; k < into; ++k) {
      const std::int64_t slice = (block_ + 1) * size() + k;
      if (k == 0) {
        input_->put_part(part, prefix_.lanes(), slice);
      } else {
        input_->append_part(part, prefix_.lanes(), prefix_.lanes(), slice, k, slice + 1);
      }
    }
    accumulator_.merge(window, ending, prefix_.lanes().from(run.first), run.lanes(),
                       static_cast<double>(size() - into) * input_->held(),
                       static_cast<double>(into) * input_->held());
  }

  // Makes the suffixes with which chunks begin, but for those before the one that holds `into`.
  void begin_block(std::int64_t block, std::int64_t into) {
    block_ = block;
    in_prefix_ = 0;
    chunk_end_ = 0;
    prefix_.reserve(accumulator_, lanes_);
    chunk_suffixes_.reserve(accumulator_, chunk_length_ * lanes_);
    const std::int64_t chunks = (size() + chunk_length_ - 1) / chunk_length_;
    later_suffixes_.reserve(accumulator_, (chunks - 1) * lanes_);
    const std::int64_t end = (into / chunk_length_ + 1) * chunk_length_;
    for_parts([&](std::int64_t part) {
      Lanes later;
      for (std::int64_t k = size() - 1; k >= end; --k) {
        const bool begins = k % chunk_length_ == 0;
        const Lanes here = begins ? later_suffix(k / chunk_length_) : prefix_.lanes();
        extend_suffix(part, here, later, k);
        later = here;
      }
    });
  }

  // Makes the suffixes from `into` to the end of its chunk.
  void begin_chunk(std::int64_t into) {
    const std::int64_t chunk = into / chunk_length_;
    chunk_first_ = chunk * chunk_length_;
    chunk_end_ = std::min(chunk_first_ + chunk_length_, size());
    for_parts([&](std::int64_t part) {
      Lanes later = chunk_end_ < size() ? later_suffix(chunk + 1) : Lanes{};
      for (std::int64_t k = chunk_end_ - 1; k >= into; --k) {
        extend_suffix(part, suffix(k), later, k);
        later = suffix(k);
      }
    });
  }

  // Part of the suffix of the block that begins with slice k, from the one after it.
  void extend_suffix(std::int64_t part, Lanes out, Lanes later, std::int64_t k) {
    const std::int64_t slice = block_ * size() + k;
    if (k == size() - 1) {
      input_->put_part(part, out, slice);
    } else {
      input_->append_part(part, out, later, slice, size() - 1 - k, slice - 1);
    }
  }

  template <class Visit>
  void for_parts(Visit visit) {
    for (std::int64_t part = 0; part < input_->parts(); ++part) visit(part);
  }

  Lanes suffix(std::int64_t slice) const {
    return chunk_suffixes_.lanes().from((slice - chunk_first_) * lanes_);
  }
  // That with which a chunk begins, from the second one on.
  Lanes later_suffix(std::int64_t chunk) const {
    return later_suffixes_.lanes().from((chunk - 1) * lanes_);
  }

  Accumulator& accumulator_;
  const BoxAxis& axis_;
  Input* input_ = nullptr;
  std::int64_t lanes_ = 0;
  bool exchanges_ = false;
  std::int64_t admitted_ = 0;   // slices before this have been looked at
  std::int64_t at_ = unset;     // of the box in window_, where it exchanges
  std::int64_t block_ = unset;  // whose suffixes are there
  std::int64_t in_prefix_ = 0;  // slices of the next block in prefix_
  LaneBuffer window_memory_;
  Lanes first_place_;
  Lanes window_;  // of the last output
  std::int64_t chunk_length_ = 1;
  std::int64_t chunk_first_ = 0;  // the slices of the block whose suffixes are at hand
  std::int64_t chunk_end_ = 0;
  LaneBuffer chunk_suffixes_;
  LaneBuffer later_suffixes_;
  LaneBuffer prefix_;
};

}  // namespace boxel
