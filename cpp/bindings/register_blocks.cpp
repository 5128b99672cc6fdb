#include <cstring>

#include "arrays.hpp"
#include "boxel/blocks.hpp"
#include "registration.hpp"

namespace boxel {
namespace py = pybind11;
namespace {

// Arrays that NumPy broadcast to the image's shape, or None.
std::optional<View> optional_view(const py::object& array) {
  if (array.is_none()) return std::nullopt;
  return view_of(py::reinterpret_borrow<py::array>(array));
}

BlockOutput block_output(int statistic, const py::array& array, const py::object& fill) {
  if (statistic < 0 || statistic >= static_cast<int>(statistics.size())) {
    throw py::value_error("no statistic has this code");
  }
  BlockOutput output{static_cast<Statistic>(statistic), view_of(array)};
  if (!fill.is_none()) {
    const auto value = py::reinterpret_borrow<py::bytes>(fill);
    const std::string_view bytes = value;
    output.has_fill = true;
    std::memcpy(output.fill.data(), bytes.data(), std::min(bytes.size(), output.fill.size()));
  }
  return output;
}

std::vector<Window> windows_of(const py::tuple& sizes, const py::tuple& steps,
                               const py::array& output) {
  std::vector<Window> windows(sizes.size());
  for (std::size_t axis = 0; axis < windows.size(); ++axis) {
    windows[axis] = {sizes[axis].cast<std::int64_t>(), steps[axis].cast<std::int64_t>(),
                     output.shape(static_cast<py::ssize_t>(axis))};
  }
  return windows;
}

void reduce(const py::array& image, const py::tuple& statistics_wanted, const py::tuple& outputs,
            const py::tuple& sizes, const py::tuple& steps, const py::tuple& fills, bool padded,
            const py::tuple& cval, const py::object& where, const py::object& masked,
            const py::object& weights, bool skipna, std::int64_t min_count, double ddof,
            int workers) {
  BlockRequest request;
  request.image = view_of(image);
  request.where = optional_view(where);
  request.masked = optional_view(masked);
  request.weights = optional_view(weights);
  request.windows = windows_of(sizes, steps, py::reinterpret_borrow<py::array>(outputs[0]));
  request.padded = padded;
  request.cval = {cval[0].cast<double>(), static_cast<std::int64_t>(cval[1].cast<std::uint64_t>())};
  request.skipna = skipna;
  request.min_count = min_count;
  request.ddof = ddof;
  request.workers = workers;
  request.kernels = &active_kernels();
  request.poll = signal_poll();
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    request.outputs.push_back(block_output(
        statistics_wanted[k].cast<int>(), py::reinterpret_borrow<py::array>(outputs[k]), fills[k]));
  }
  const py::gil_scoped_release release;  // the kernels touch no Python object
  reduce_blocks(request);
}

}  // namespace

void register_blocks(py::module_& module) {
  module.def("reduce_blocks", &reduce, py::arg("image"), py::arg("statistics"), py::arg("outputs"),
             py::arg("sizes"), py::arg("steps"), py::arg("fills"), py::arg("padded"),
             py::arg("cval"), py::arg("where"), py::arg("masked"), py::arg("weights"),
             py::arg("skipna"), py::arg("min_count"), py::arg("ddof"), py::arg("workers"),
             "Compute statistics (by code) of the blocks of an array into given outputs.");
}

}  // namespace boxel
