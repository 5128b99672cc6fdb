// Blocks, boxes and spans of any shape, layout, dtype and options: plans and kernels against plain
// loops, and the same bits for every number of workers and every kernel set.
#include <cstddef>
#include <cstdint>
#include <span>

#include "check.hpp"
#include "random_cases.hpp"
#include "span_case.hpp"

namespace boxel::test {
namespace {

constexpr std::int64_t most_samples = 700;

void run(const BlockCase& c) { reduce_blocks(c.request()); }
void run(const BoxCase& c) { filter_boxes(c.request()); }

template <class Case>
void check_all_ways(Case& c) {
  check_case(c);
  const std::string expected = bits_of(c.outputs);
  for (const KernelSet* kernels : available_kernel_sets()) {
    for (const int workers : {1, 2}) {
      c.kernels = kernels;
      c.workers = workers;
      run(c);
      CHECK(bits_of(c.outputs) == expected, "workers", workers, c.description());
    }
  }
}

// Small at most times; some are so long that rows are cut.
Extents any_shape(Random& random) {
  if (!random.one_in(8)) return random_shape(random, most_samples);
  return random.pick({extents({9'000}), extents({3, 2'500}), extents({2'500, 3}), extents({0, 4}),
                      extents({2, 0}), extents({40, 70})});
}

void check_blocks(Random& random) {
  BlockCase c = random_block_case(random, any_shape(random));
  check_all_ways(c);
}

void check_boxes(Random& random) {
  const Extents shape = random_shape(random, most_samples);
  BoxCase c = random_box_case(random, shape, random_dtype(random));
  c.boxes = random_boxes(random, shape, 20'000);
  add_outputs(c, random, random_statistics(random, monoids));
  check_all_ways(c);
}

}  // namespace
}  // namespace boxel::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace boxel::test;
  Random random(std::span(data, size));
  switch (random.between(0, 2)) {
    case 0:
      check_blocks(random);
      break;
    case 1:
      check_boxes(random);
      break;
    default:
      check_random_span(random);
  }
  return 0;
}
