// Cases of every kind, drawn at random: by tests from seeds, by fuzzers from bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "array.hpp"
#include "block_case.hpp"
#include "box_case.hpp"
#include "random.hpp"

namespace boxel::test {

// All statistics that merge, and what tests of boxes take of them.
extern const std::vector<Statistic> monoids;
extern const std::vector<Statistic> common;
// The dtypes whose boxes go ways of their own.
extern const std::vector<DType> usual;

DType random_dtype(Random& random);
Extents random_shape(Random& random, std::int64_t most_samples);

BlockCase random_block_case(Random& random, const Extents& shape);

// Without boxes and outputs; these hold at most about so many samples in all.
BoxCase random_box_case(Random& random, const Extents& shape, DType dtype);
std::vector<boxel::Box> random_boxes(Random& random, const Extents& shape,
                                     std::int64_t most_samples);
void add_outputs(BoxCase& c, Random& random, const std::vector<Statistic>& wanted);
// One statistic or several at a time: some traversals depend on the states of all of them.
std::vector<Statistic> random_statistics(Random& random, const std::vector<Statistic>& choices);

}  // namespace boxel::test
