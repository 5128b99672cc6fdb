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
  // `across`: rows may run across memory, and are transposed in scratch of their own.
  RowScratch(const RowSources& sources, std::int64_t most_lanes, bool across = false)
      : sources_(sources), across_(across) {
    const auto lanes = static_cast<std::size_t>(most_lanes);
    const std::size_t sample_row = lines(lanes * size_of_sample(sources.sample));
    const std::size_t weight_row = sources.weights ? lines(lanes * sizeof(double)) : 0;
    const std::size_t include_row = sources.includes ? lines(lanes) : 0;
    const std::size_t item_row = across ? lines(lanes * sizeof(double)) : 0;
    row_bytes_ = sample_row + weight_row + 2 * include_row;
    memory_.reserve(max_group * (row_bytes_ + item_row));
    std::byte* place = memory_.data();
    for (std::size_t k = 0; k < max_group; ++k) {
      samples_[k] = place;
      weights_[k] = place + sample_row;
      include_[k] = reinterpret_cast<std::uint8_t*>(place + sample_row + weight_row);
      excluded_[k] = include_[k] + include_row;
      place += row_bytes_;
    }
    items_ = place;
  }

  void load(RowGroup& group, int k, const RowPlace& place, std::int64_t positions,
            std::int64_t lanes) {
    load_run(group, k, 1, place, {}, {positions}, lanes);
  }

  // `count` rows of the group, from row `first` on, which are `step` apart.
  void load_run(RowGroup& group, int first, int count, const RowPlace& place, const RowPlace& step,
                const RowRun& run, std::int64_t lanes) {
    load_rows(sources_.image, place.image, step.image, count, run, samples_[at(first)],
              &group.samples[at(first)]);
    if (!sources_.includes) return;
    load_include(first, count, place, step, run, lanes);
    if (sources_.weights) load_weights(group, first, count, place, step, run, lanes);
    for (int k = first; k < first + count; ++k) {
      group.include[at(k)] = include_[at(k)];
      if (sources_.skip_nan) {
        sources_.kernels.leave_out_nan(include_[at(k)],
                                       static_cast<const double*>(group.samples[at(k)]), lanes);
      }
    }
  }

 private:
  static std::size_t lines(std::size_t bytes) {
    return (bytes + cache_line - 1) / cache_line * cache_line;
  }

  static std::size_t at(int k) { return static_cast<std::size_t>(k); }

  // Rows of one source, `step` bytes apart, into scratch rows from `buffer` on.
  void load_rows(const RowSource& source, std::int64_t offset, std::int64_t step, int count,
                 const RowRun& run, std::byte* buffer, const void** rows) {
    const auto row_bytes = static_cast<std::int64_t>(row_bytes_);
    const bool across = across_ && count > 1 &&
                        source.loader.load_across(source.data + offset, step, count, run, buffer,
                                                  row_bytes, items_);
    for (int k = 0; k < count; ++k, buffer += row_bytes) {
      rows[k] = across ? buffer : source.load(offset + k * step, run.positions, buffer);
    }
  }

  void load_include(int first, int count, const RowPlace& place, const RowPlace& step,
                    const RowRun& run, std::int64_t lanes) {
    std::array<const void*, max_group> rows;
    if (sources_.where) {
      load_rows(*sources_.where, place.where, step.where, count, run,
                reinterpret_cast<std::byte*>(include_[at(first)]), rows.data());
    } else {
      for (int k = first; k < first + count; ++k) {
        std::memset(include_[at(k)], 1, static_cast<std::size_t>(lanes));
      }
    }
    if (!sources_.masked) return;
    load_rows(*sources_.masked, place.masked, step.masked, count, run,
              reinterpret_cast<std::byte*>(excluded_[at(first)]), rows.data());
    for (int k = first; k < first + count; ++k) {
      sources_.kernels.leave_out_masked(include_[at(k)], excluded_[at(k)], lanes);
    }
  }

  void load_weights(RowGroup& group, int first, int count, const RowPlace& place,
                    const RowPlace& step, const RowRun& run, std::int64_t lanes) {
    std::array<const void*, max_group> rows;
    load_rows(*sources_.weights, place.weights, step.weights, count, run, weights_[at(first)],
              rows.data());
    for (int k = 0; k < count; ++k) {
      const auto* weights = static_cast<const double*>(rows[at(k)]);
      group.weights[at(first + k)] = weights;
      sources_.kernels.leave_out_weightless(include_[at(first + k)], weights, lanes);
    }
  }

  const RowSources& sources_;
  bool across_;
  Buffer memory_;
  std::size_t row_bytes_ = 0;
  std::array<std::byte*, max_group> samples_{};
  std::array<std::byte*, max_group> weights_{};
  std::array<std::uint8_t*, max_group> include_{};
  std::array<std::uint8_t*, max_group> excluded_{};
  std::byte* items_ = nullptr;
};

}  // namespace boxel
