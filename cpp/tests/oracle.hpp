// What every statistic is, from its definition and the samples of one box.
#pragma once

#include <cstdint>
#include <vector>

#include "array.hpp"
#include "boxel/registry.hpp"

namespace boxel::test {

// The samples of a box that count, with their weights (1 where there are none).
struct Box {
  std::vector<Number> samples;
  std::vector<double> weights;

  void add(Number sample, double weight) {
    samples.push_back(sample);
    weights.push_back(weight);
  }
  std::int64_t count() const { return static_cast<std::int64_t>(samples.size()); }
};

struct Rules {
  DType dtype;  // of the image
  bool weighted = false;
  bool integral_midpoint = false;  // medians of integers are integers
  double ddof = 0;
  std::int64_t min_count = 1;
};

// A value as an integer where the statistic is one, else as a number known up to a tolerance.
struct Expected {
  bool missing = false;
  bool integral = false;
  Int128 integer = 0;
  double real = 0;
  double tolerance = 0;
};

Expected expected_of(Statistic statistic, const Box& box, const Rules& rules);

// Whether `found` is what an output of this dtype makes of it. Sums beyond 64 bits wrap; NaN is
// NaN.
bool agrees(Number found, DType dtype, const Expected& expected);

}  // namespace boxel::test
