#include "arrays.hpp"
#include "boxel/blocks.hpp"
#include "gil.hpp"
#include "registration.hpp"
#include "requests.hpp"

namespace boxel {
namespace py = pybind11;
namespace {

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
            const py::tuple& fills, const py::tuple& cval, const py::object& where,
            const py::object& masked, bool skipna, std::int64_t min_count, double ddof, int workers,
            const py::tuple& sizes, const py::tuple& steps, bool padded,
            const py::object& weights) {
  BlockRequest request;
  request.image = view_of(image);
  request.where = optional_view(where);
  request.masked = optional_view(masked);
  request.weights = optional_view(weights);
  request.windows = windows_of(sizes, steps, py::reinterpret_borrow<py::array>(outputs[0]));
  request.padded = padded;
  request.cval = value_of(cval);
  request.skipna = skipna;
  request.min_count = min_count;
  request.ddof = ddof;
  request.outputs = outputs_of(statistics_wanted, outputs, fills);
  request.workers = workers;
  request.kernels = &active_kernels();
  request.poll = signal_poll();
  const ReleasedGil released;  // the kernels touch no Python object
  reduce_blocks(request);
}

}  // namespace

void register_blocks(py::module_& module) {
  module.def("reduce_blocks", &reduce, py::arg("image"), py::arg("statistics"), py::arg("outputs"),
             py::arg("fills"), py::arg("cval"), py::arg("where"), py::arg("masked"),
             py::arg("skipna"), py::arg("min_count"), py::arg("ddof"), py::arg("workers"),
             py::arg("sizes"), py::arg("steps"), py::arg("padded"), py::arg("weights"),
             "Compute statistics (by code) of the blocks of an array into given outputs.");
}

}  // namespace boxel
