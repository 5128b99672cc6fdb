// The table of kernels of one instruction set, and the choice among the tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/dtype.hpp"
#include "boxel/unit_sums.hpp"

namespace boxel {

// Loads `count` samples, `stride` bytes apart, as samples of the wanted type.
using Convert = void (*)(void* out, const std::byte* in, std::int64_t stride, std::int64_t count);

// Casts natural values to an output's dtype; NaN that cannot be cast becomes *fill. Returns false
// if one was met and there is no fill.
using Cast = bool (*)(void* out, const void* in, std::int64_t count, const void* fill);

// Up to eight samples that follow one another at each of `count` positions, which are `stride` > 0
// bytes apart. Of the memory from `first` on, `readable` bytes belong to the array.
struct Columns {
  const std::byte* first;
  std::int64_t stride;
  std::int64_t count;
  int rows;
  std::int64_t readable;
  // The caches are asked for what lies so many bytes behind (0: nothing): for one cache line in
  // `shares`, beginning with number `share`, as other samples of the positions will be.
  std::int64_t ahead;
  std::int64_t share;
  std::int64_t shares;
};

// Makes rows of them, which are `row_bytes` apart.
using Transpose = void (*)(std::byte* out, std::int64_t row_bytes, const Columns& columns);

struct KernelSet {
  std::string_view name;
  std::unique_ptr<Accumulator> (*make_accumulator)(const StateRequest& request);
  std::unique_ptr<Selector> (*make_selector)(const StateRequest& request);
  Convert (*convert)(DType from, bool swapped, Sample to);
  Cast (*cast)(Natural from, DType to);
  // include[l] stays nonzero only where the sample is not masked, not NaN, of positive weight.
  void (*leave_out_masked)(std::uint8_t* include, const std::uint8_t* masked, std::int64_t lanes);
  void (*leave_out_nan)(std::uint8_t* include, const double* samples, std::int64_t lanes);
  void (*leave_out_weightless)(std::uint8_t* include, const double* weights, std::int64_t lanes);
  // Widens a grid by a row of float32 or float64 samples.
  void (*survey)(Grid& grid, Sample type, const void* samples, std::int64_t lanes);
  // Rounds toward zero.
  void (*truncate)(double* values, std::int64_t count);
  // Sums 64-bit words as fast as memory delivers them: the roofline of the benchmarks.
  std::uint64_t (*read_words)(const std::uint64_t* words, std::int64_t count);
  // For samples of so many bytes.
  Transpose (*transpose)(std::size_t item);
  UnitSums unit_sums;
};

// Compiled in and able to run on this processor, from the least to the most demanding.
const std::vector<const KernelSet*>& available_kernel_sets();

// The best available one, or the one named; throws std::invalid_argument on an unknown name.
const KernelSet& choose_kernel_set(std::string_view name);

}  // namespace boxel
