// What the requests of all traversals share, from Python objects.
#pragma once

#include <pybind11/numpy.h>

#include <optional>
#include <vector>

#include "boxel/blocks.hpp"
#include "boxel/view.hpp"

namespace boxel {

// Arrays that NumPy broadcast to the image's shape, or None.
std::optional<View> optional_view(const pybind11::object& array);

// (as double, as 64 bits of two's complement)
Value value_of(const pybind11::tuple& pair);

std::vector<BlockOutput> outputs_of(const pybind11::tuple& statistics_wanted,
                                    const pybind11::tuple& outputs, const pybind11::tuple& fills);

}  // namespace boxel
