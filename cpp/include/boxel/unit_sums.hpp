// Sums of float32 samples in 32 bits, where samples are whole numbers of some power of two: those
// of images that were integers once, and random numbers. Slices of them take half the memory of
// float64, and as many lanes more in a vector.
#pragma once

#include <cstdint>
#include <optional>

#include "boxel/accumulator.hpp"

namespace boxel {

struct Units {
  double unit;
  float scale;  // 1 / unit
  float least;  // of samples, in units
  float most;

  // For the samples of a grid, of which a sum holds `summed` at most, and sums of sums `volume` in
  // the end; nothing where they do not fit. Differences of two sums fit into 32 bits, too, and sums
  // of twice the volume into float64.
  static std::optional<Units> of(const Grid& grid, double summed, double volume);
};

struct UnitSums {
  // Takes a group of rows in, as Accumulator::take(); they must be samples of the grid.
  void (*take)(const Units& units, std::int32_t* sums, const RowGroup& group, std::int64_t lanes,
               std::int64_t taken);
  // As Accumulator::exchange(). False where an added sample is no whole number of units, or beyond
  // the least or most: the sums mean nothing then.
  bool (*exchange)(const Units& units, std::int32_t* sums, const float* added, const float* removed,
                   std::int64_t lanes, std::int64_t ahead);
  // Takes a group of rows of sums in, as Accumulator::take(), in float64.
  void (*take_sums)(const Units& units, double* out, const RowGroup& group, std::int64_t lanes,
                    std::int64_t taken);
  // out[l] = from[l] + added[l] - removed[l], in float64. `out` may be `from`.
  void (*exchange_sums)(const Units& units, double* out, const double* from,
                        const std::int32_t* added, const std::int32_t* removed, std::int64_t lanes);
};

}  // namespace boxel
