// The memory in which a worker takes and gathers rows.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/fold.hpp"
#include "boxel/memory.hpp"
#include "job.hpp"
#include "unit.hpp"

namespace boxel {

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
  const std::vector<Lanes>& all() const { return lanes_; }

 private:
  static std::int64_t capacity_of(const Accumulator& accumulator, std::int64_t lanes) {
    const auto per_line = static_cast<std::int64_t>(cache_line / accumulator.lane_size());
    return (lanes + per_line - 1) / per_line * per_line;
  }
  static std::size_t bytes_of(const Accumulator& accumulator, std::int64_t lanes) {
    return static_cast<std::size_t>(capacity_of(accumulator, lanes)) * accumulator.lane_size() *
           static_cast<std::size_t>(accumulator.rows());
  }

  Buffer memory_;
  std::vector<Lanes> lanes_;
};

// The scratch rows of one worker: samples, and in masked work who counts and how much.
class RowScratch {
 public:
  explicit RowScratch(const Job& job) : job_(job) {
    const std::size_t lanes = static_cast<std::size_t>(job.lanes / job.plan.slots);
    const std::size_t sample_row = lines(lanes * size_of_sample(job.states.sample));
    const std::size_t weight_row = job.weights ? lines(lanes * sizeof(double)) : 0;
    const std::size_t include_row = job.states.masked ? lines(lanes) : 0;
    memory_.reserve(max_group * (sample_row + weight_row + include_row) + include_row);
    std::byte* place = memory_.data();
    for (std::size_t k = 0; k < max_group; ++k) {
      samples_[k] = place;
      weights_[k] = place + sample_row;
      include_[k] = reinterpret_cast<std::uint8_t*>(place + sample_row + weight_row);
      place += sample_row + weight_row + include_row;
    }
    excluded_ = reinterpret_cast<std::uint8_t*>(place);
  }

  void load(RowGroup& group, int k, const RowPlace& place, std::int64_t positions,
            std::int64_t lanes) {
    const BlockRequest& request = job_.request;
    const std::size_t row = static_cast<std::size_t>(k);
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
  static std::size_t lines(std::size_t bytes) {
    return (bytes + cache_line - 1) / cache_line * cache_line;
  }

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
    storage_.reserve(static_cast<std::size_t>(job.cells) * static_cast<std::size_t>(volume_) *
                     selector_->sample_size());
    fill_.resize(static_cast<std::size_t>(job.cells));
  }

  explicit operator bool() const { return selector_ != nullptr; }
  Selector& selector() const { return *selector_; }
  const std::int64_t* counts() const { return fill_.data(); }

  void begin() { std::ranges::fill(fill_, 0); }

  void begin_rows(const std::vector<RowAxis>& axes) {
    std::int64_t lanes = 1;
    for (const RowAxis& axis : axes) lanes *= axis.length;
    runs_.clear();
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const std::int64_t cell = cell_of(axes, lane, lanes);
      if (cell < 0) continue;
      const bool joins = !runs_.empty() && runs_.back().cell == cell &&
                         runs_.back().lane + runs_.back().lanes == lane;
      if (joins) {
        ++runs_.back().lanes;
      } else {
        runs_.push_back({lane, 1, cell});
      }
    }
  }

  // Rows of the slot whose results begin at `cell`.
  void take(const RowGroup& group, std::int64_t cell) {
    std::byte* storage =
        storage_.data() + static_cast<std::size_t>(cell * volume_) * selector_->sample_size();
    selector_->take(storage, volume_, fill_.data() + cell, runs_, group);
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
  // The cell of a lane, or -1 where it belongs to none.
  static std::int64_t cell_of(const std::vector<RowAxis>& axes, std::int64_t lane,
                              std::int64_t lanes) {
    std::int64_t cell = 0;
    for (const RowAxis& axis : axes) {
      lanes /= axis.length;
      const std::int64_t output = lane / lanes / axis.window.step;
      lane %= lanes;
      if (output >= axis.window.outputs) return -1;
      cell = cell * axis.window.outputs + output;
    }
    return cell;
  }

  const Job& job_;
  std::unique_ptr<Selector> selector_;
  std::int64_t volume_ = 0;
  Buffer storage_;
  std::vector<std::int64_t> fill_;
  std::vector<CellRun> runs_;
};

}  // namespace boxel
