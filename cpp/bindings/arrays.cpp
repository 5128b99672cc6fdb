#include "arrays.hpp"

#include <bit>
#include <chrono>
#include <string>

#include "gil.hpp"

namespace boxel {
namespace py = pybind11;

DType dtype_of(const py::dtype& dtype) {
  const char kind = dtype.kind();
  const auto size = dtype.itemsize();
  if (kind == 'b') return DType::boolean;
  if (kind == 'i') {
    if (size == 1) return DType::int8;
    if (size == 2) return DType::int16;
    if (size == 4) return DType::int32;
    if (size == 8) return DType::int64;
  } else if (kind == 'u') {
    if (size == 1) return DType::uint8;
    if (size == 2) return DType::uint16;
    if (size == 4) return DType::uint32;
    if (size == 8) return DType::uint64;
  } else if (kind == 'f') {
    if (size == 2) return DType::float16;
    if (size == 4) return DType::float32;
    if (size == 8) return DType::float64;
  }
  throw py::type_error("no kernel for dtype " + std::string(py::str(dtype)));
}

View view_of(const py::array& array) {
  View view;
  // Whether the memory may be written is the caller's business: inputs are never written.
  view.data = static_cast<std::byte*>(const_cast<void*>(array.data()));
  const py::dtype dtype = array.dtype();
  view.dtype = dtype_of(dtype);
  const char order = dtype.byteorder();
  view.swapped = order == (std::endian::native == std::endian::little ? '>' : '<');
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    view.shape.push_back(array.shape(axis));
    view.strides.push_back(array.strides(axis));
  }
  return view;
}

Poll signal_poll() {
  using Clock = std::chrono::steady_clock;
  constexpr auto interval = std::chrono::milliseconds(50);
  return [polled = Clock::now(), interval]() mutable {
    const auto now = Clock::now();
    if (now - polled < interval) return;
    polled = now;
    const AcquiredGil acquired;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  };
}

}  // namespace boxel
