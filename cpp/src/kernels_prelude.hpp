// What the kernels' headers need, included before any compiler target is switched: the standard
// library's templates must be compiled for the baseline only, or the linker could merge an AVX copy
// of one into code that old processors run. A test disassembles the module to prove it.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "boxel/accumulator.hpp"
#include "boxel/dtype.hpp"
#include "boxel/half.hpp"
#include "boxel/kernel_set.hpp"

namespace boxel {
__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;
}  // namespace boxel
