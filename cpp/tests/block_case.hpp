// A call of reduce_blocks that owns its arrays, and its check against the oracle.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "array.hpp"
#include "boxel/blocks.hpp"
#include "oracle.hpp"
#include "random.hpp"

namespace boxel::test {

struct OutputCase {
  Statistic statistic;
  DType dtype;
  Array array;
};

struct BlockCase {
  explicit BlockCase(Array input) : image(std::move(input)) {}

  Array image;
  std::optional<Array> where;
  std::optional<Array> masked;
  std::optional<Array> weights;
  std::vector<Window> windows;
  bool padded = false;
  Number cval;
  bool skipna = false;
  std::int64_t min_count = 1;
  double ddof = 0;
  std::vector<OutputCase> outputs;
  int workers = 1;
  const KernelSet* kernels = nullptr;

  Extents output_shape() const;
  // One output per statistic, of the dtype that the registry gives it.
  void add_output(Statistic statistic, const Layout& layout);
  void add_output(Statistic statistic, DType dtype, const Layout& layout);
  BlockRequest request() const;
  std::string description() const;
  // As bits_of() gives them.
  std::string result() const;
};

// Compares one element with what the statistic of these samples is.
void check_output(const OutputCase& output, const Box& box, Rules rules, const Extents& at,
                  const std::function<std::string()>& description);
// The bits of all outputs, but for the sign of a NaN.
std::string bits_of(const std::vector<OutputCase>& outputs);

// The value that takes the place of a missing one: one that every dtype holds.
inline constexpr std::int64_t fill = 1;

// Runs the case and compares every box of every output with the oracle.
void check_case(const BlockCase& c);

// Windows of one axis as the boundary rules make them.
Window tiles(std::int64_t length, std::int64_t size);
Window trimmed(std::int64_t length, std::int64_t size);
Window covering(std::int64_t length, std::int64_t size, std::int64_t step);

// Values with zeros and ties, over the whole range, or with NaN and infinities.
enum class Values : std::uint8_t { small, full, special, offset };
void fill_randomly(Array& array, Random& random, Values values);
Array random_truth(Random& random, const Extents& shape, std::int64_t one_in);
Array random_weights(Random& random, const Extents& shape);

}  // namespace boxel::test
