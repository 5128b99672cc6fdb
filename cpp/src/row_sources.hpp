// Where rows of samples come from, and who of them counts.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

#include "boxel/accumulator.hpp"
#include "boxel/kernel_set.hpp"
#include "boxel/memory.hpp"
#include "boxel/rows.hpp"
#include "boxel/view.hpp"

namespace boxel {

// Where a row begins in each of the arrays that are read, in bytes.
struct RowPlace {
  std::int64_t image = 0;
  std::int64_t where = 0;
  std::int64_t masked = 0;
  std::int64_t weights = 0;

  // Along an axis that has a byte stride for each array.
  template <class Axis>
  void move(const Axis& axis, std::int64_t positions) {
    image += axis.image * positions;
    where += axis.where * positions;
    masked += axis.masked * positions;
    if constexpr (requires { axis.weights; }) weights += axis.weights * positions;
  }
};

// One of the arrays that are read, and how its rows are loaded.
struct RowSource {
  RowLoader loader;
  const std::byte* data;
  const void* load(std::int64_t offset, std::int64_t positions, void* buffer) const {
    return loader.load(data + offset, positions, buffer);
  }
};

struct RowSources {
  const KernelSet& kernels;
  Sample sample;
  bool includes;  // some samples may not count
  bool skip_nan;
  RowSource image;
  std::optional<RowSource> where;
  std::optional<RowSource> masked;
  std::optional<RowSource> weights;
};

// The scratch rows of one worker: samples, and in masked work who counts and how much.
class RowScratch {
 public:
  RowScratch(const RowSources& sources, std::int64_t most_lanes) : sources_(sources) {
    const auto lanes = static_cast<std::size_t>(most_lanes);
    const std::size_t sample_row = lines(lanes * size_of_sample(sources.sample));
    const std::size_t weight_row = sources.weights ? lines(lanes * sizeof(double)) : 0;
    const std::size_t include_row = sources.includes ? lines(lanes) : 0;
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
    const std::size_t row = static_cast<std::size_t>(k);
    group.samples[row] = sources_.image.load(place.image, positions, samples_[row]);
    if (!sources_.includes) return;
    std::uint8_t* include = include_[row];
    if (sources_.where) {
      sources_.where->load(place.where, positions, include);
    } else {
      std::memset(include, 1, static_cast<std::size_t>(lanes));
    }
    if (sources_.masked) {
      sources_.masked->load(place.masked, positions, excluded_);
      sources_.kernels.leave_out_masked(include, excluded_, lanes);
    }
    group.include[row] = include;
    if (sources_.weights) {
      group.weights[row] = static_cast<const double*>(
          sources_.weights->load(place.weights, positions, weights_[row]));
      sources_.kernels.leave_out_weightless(include, group.weights[row], lanes);
    }
    if (sources_.skip_nan) {
      sources_.kernels.leave_out_nan(include, static_cast<const double*>(group.samples[row]),
                                     lanes);
    }
  }

 private:
  static std::size_t lines(std::size_t bytes) {
    return (bytes + cache_line - 1) / cache_line * cache_line;
  }

  const RowSources& sources_;
  Buffer memory_;
  std::array<std::byte*, max_group> samples_{};
  std::array<std::byte*, max_group> weights_{};
  std::array<std::uint8_t*, max_group> include_{};
  std::uint8_t* excluded_ = nullptr;
};

}  // namespace boxel
