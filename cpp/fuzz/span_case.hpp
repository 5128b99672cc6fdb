// Samples of an open span that come in parts, and their check against plain loops.
#pragma once

#include "random.hpp"

namespace boxel::test {

void check_random_span(Random& random);

}  // namespace boxel::test
