// The memory in which a worker keeps states and gathers samples.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/fold.hpp"
#include "boxel/memory.hpp"
#include "job.hpp"
#include "lane_buffer.hpp"
#include "unit.hpp"

namespace boxel {

// One state of each accumulator, of a given number of lanes.
class StateBlock {
  using Accumulators = std::vector<std::unique_ptr<Accumulator>>;

 public:
  StateBlock() = default;
  StateBlock(const Accumulators& accumulators, std::int64_t lanes)
      : memory_(bytes_of(accumulators, lanes)) {
    lay_out(accumulators, lanes, memory_.data());
  }
  // In memory that others own and that has room for bytes_of().
  StateBlock(const Accumulators& accumulators, std::int64_t lanes, std::byte* place) {
    lay_out(accumulators, lanes, place);
  }

  static std::size_t bytes_of(const Accumulators& accumulators, std::int64_t lanes) {
    std::size_t bytes = 0;
    for (const auto& accumulator : accumulators) bytes += bytes_of(*accumulator, lanes);
    return bytes;
  }

  const Lanes& operator[](std::size_t state) const { return lanes_[state]; }
  const std::vector<Lanes>& all() const { return lanes_; }

 private:
  void lay_out(const Accumulators& accumulators, std::int64_t lanes, std::byte* place) {
    lanes_.reserve(accumulators.size());
    for (const auto& accumulator : accumulators) {
      lanes_.emplace_back(place, row_capacity(*accumulator, lanes), accumulator->lane_size());
      place += bytes_of(*accumulator, lanes);
    }
  }
  static std::size_t bytes_of(const Accumulator& accumulator, std::int64_t lanes) {
    return static_cast<std::size_t>(row_capacity(accumulator, lanes)) * accumulator.lane_size() *
           static_cast<std::size_t>(accumulator.rows());
  }

  Buffer memory_;
  std::vector<Lanes> lanes_;
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
    selector_->finish(statistic, storage_.data(), volume_, fill_.data(), cells, out);
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
