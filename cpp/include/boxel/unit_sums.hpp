// Sums of float32 samples in 32 bits, where samples are whole numbers of some power of two: those
// of images that were integers once, and random numbers. Slices of them take half the memory of
// float64, and as many lanes more in a vector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

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

// How a row is extended beyond its ends by copies. All lanes are counted from its first one.
struct RowExtension {
  std::int64_t lanes;
  std::span<const LaneCopy> copies;
};

// The same of fours.
struct FourExtension {
  RowExtension lanes;                // as far as fours are summed from them
  std::span<const LaneRun> summed;   // fours that are, in multiples of a vector
  std::span<const LaneCopy> copies;  // fours that are others then
};

// For sums that are whole numbers of some unit, at most 2^53 of them. 1 / count in two parts has
// twice the digits, so that sum * reciprocal + sum * rest is off by 2^-104 of it before it is
// rounded (Brisebarre, Muller and Raina, 2004). A quotient of whole numbers k / n lies 2^-54 / n of
// it or more from what is half way between two doubles, and never on it: k would be a multiple of
// an odd number of 54 bits. So it is rounded as the quotient is, for n below 2^50; no box is as
// large whose means are sums divided.
struct ExactDivisor {
  double count;
  double reciprocal;
  double rest;  // negative, or -0.0, so that -0.0 becomes 0.0

  static ExactDivisor of(double count);
};

// Rows whose lines caches are asked for while a row of results is written, each beside a line of
// it: a burst of requests fills the queue of misses, and all that follows waits. That row itself,
// where nothing is wanted.
struct RowsAhead {
  const std::byte* samples;  // to be read
  const std::byte* results;  // to be written
};

struct UnitSums {
  // Takes a group of rows in some times, as Accumulator::take(). False where a sample is no
  // whole number of units, or beyond the least or most: the sums mean nothing then.
  bool (*take)(const Units& units, std::int32_t* sums, const RowGroup& group, std::int64_t lanes,
               std::int64_t taken, int times);
  // As Accumulator::exchange(). False as above.
  bool (*exchange)(const Units& units, std::int32_t* sums, const float* added, const float* removed,
                   std::int64_t lanes, std::int64_t ahead);
  // Takes a group of rows of sums in some times, as Accumulator::take(), in float64.
  void (*take_sums)(const Units& units, double* out, const RowGroup& group, std::int64_t lanes,
                    std::int64_t taken, int times);
  // out[l] = from[l] + added[l] - removed[l], in float64. `out` may be `from`.
  void (*exchange_sums)(const Units& units, double* out, const double* from,
                        const std::int32_t* added, const std::int32_t* removed, std::int64_t lanes);
  // Fours, in units and float64: in lane l the sum of it and the three lanes before it. Nothing
  // lies before lane 0.
  void (*sum_fours)(const Units& units, double* fours, const double* sums, std::int64_t lanes);
  // Gives fours of extended rows one row for another. In `changes` extended rows of differences are
  // kept; what no lane of the row extends to is not touched there, and must be zero.
  // `fit`: 32 bits are known to hold sums of four differences. If not, rows of smaller ones are
  // found, since only rare images have large ones.
  void (*exchange_fours)(double* fours, std::int32_t* changes, const std::int32_t* added,
                         const std::int32_t* removed, const FourExtension& extension, bool fit);
  // Means of windows of `size` lanes from fours of all lanes they hold, rounded as a division in
  // float64 and a cast are. Zeros must lie before the fours, and a cache line more may be read.
  void (*slide_fours)(float* means, const double* fours, std::int64_t lanes, std::int64_t size,
                      const ExactDivisor& divisor, const RowsAhead& ahead);
  // Sums of up to four rows, extended; what no lane extends to is not touched.
  void (*sum_rows)(std::int32_t* sums, const RowGroup& group, const RowExtension& extension);
  // Means of windows of up to five lanes, rounded as above.
  void (*slide_lanes)(float* means, const std::int32_t* extended, std::int64_t lanes,
                      std::int64_t size, const ExactDivisor& divisor, const RowsAhead& ahead);
};

// So many zeros must lie before fours whose windows are summed.
inline constexpr std::int64_t zeros_before_fours = 16;

}  // namespace boxel
