// From NumPy arrays to views. The only other place that knows Python is the register_*.cpp files.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "boxel/parallel.hpp"
#include "boxel/view.hpp"

namespace boxel {

// The Python layer has refused other dtypes before; here they are a TypeError without help.
DType dtype_of(const pybind11::dtype& dtype);

View view_of(const pybind11::array& array);

// Lets Ctrl-C stop a long job: to be called without the GIL.
Poll signal_poll();

}  // namespace boxel
