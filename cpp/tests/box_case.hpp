// A call of filter_boxes that owns its arrays, and its check against plain loops.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "array.hpp"
#include "block_case.hpp"
#include "boxel/boxes.hpp"

namespace boxel::test {

struct BoxCase {
  explicit BoxCase(Array input) : image(std::move(input)) {}

  Array image;
  std::optional<Array> where;
  std::optional<Array> masked;
  std::vector<boxel::Box> boxes;
  Number cval;
  bool skipna = false;
  std::int64_t min_count = 1;
  double ddof = 0;
  bool whole_means = false;
  std::vector<OutputCase> outputs;
  int workers = 1;
  const KernelSet* kernels = nullptr;

  Extents output_shape() const;
  void add_output(Statistic statistic, const Layout& layout);
  void add_output(Statistic statistic, DType dtype, const Layout& layout);
  BoxRequest request() const;
  std::string description() const;
};

// Where a sample stands that lies beyond a border: by walking there from inside, step by step.
std::int64_t walked_source(std::int64_t position, std::int64_t length, Border border);

// The samples of the box at an output.
Box samples_at(const BoxCase& c, const Extents& output);

// Runs the case and compares every element of every output with the oracle.
void check_case(const BoxCase& c);

// `size` samples around each output, or wholly inside; `origin` moves boxes to the left.
boxel::Box box_of(std::int64_t length, std::int64_t size, std::int64_t stride, Border border,
                  std::int64_t origin = 0);

}  // namespace boxel::test
