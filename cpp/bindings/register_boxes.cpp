#include "arrays.hpp"
#include "boxel/boxes.hpp"
#include "gil.hpp"
#include "registration.hpp"
#include "requests.hpp"

namespace boxel {
namespace py = pybind11;
namespace {

std::vector<Box> boxes_of(const py::tuple& sizes, const py::tuple& lows, const py::tuple& strides,
                          const py::tuple& modes, const py::array& output) {
  std::vector<Box> boxes(sizes.size());
  for (std::size_t axis = 0; axis < boxes.size(); ++axis) {
    const auto mode = modes[axis].cast<std::size_t>();
    if (mode >= borders.size()) throw py::value_error("no mode has this code");
    boxes[axis] = {sizes[axis].cast<std::int64_t>(), lows[axis].cast<std::int64_t>(),
                   strides[axis].cast<std::int64_t>(), output.shape(static_cast<py::ssize_t>(axis)),
                   borders[mode].border};
  }
  return boxes;
}

void filter(const py::array& image, const py::tuple& statistics_wanted, const py::tuple& outputs,
            const py::tuple& fills, const py::tuple& cval, const py::object& where,
            const py::object& masked, bool skipna, std::int64_t min_count, double ddof, int workers,
            const py::tuple& sizes, const py::tuple& lows, const py::tuple& strides,
            const py::tuple& modes, bool whole_means) {
  BoxRequest request;
  request.image = view_of(image);
  request.where = optional_view(where);
  request.masked = optional_view(masked);
  request.boxes =
      boxes_of(sizes, lows, strides, modes, py::reinterpret_borrow<py::array>(outputs[0]));
  request.cval = value_of(cval);
  request.skipna = skipna;
  request.min_count = min_count;
  request.ddof = ddof;
  request.whole_means = whole_means;
  request.outputs = outputs_of(statistics_wanted, outputs, fills);
  request.workers = workers;
  request.kernels = &active_kernels();
  request.poll = signal_poll();
  const ReleasedGil released;  // the kernels touch no Python object
  filter_boxes(request);
}

// (name, aliases) of every mode, in the order of their codes.
py::tuple modes() {
  py::list rows;
  for (const BorderInfo& info : borders) {
    rows.append(py::make_tuple(std::string(info.name), std::string(info.aliases)));
  }
  return py::tuple(rows);
}

}  // namespace

void register_boxes(py::module_& module) {
  module.def("filter_boxes", &filter, py::arg("image"), py::arg("statistics"), py::arg("outputs"),
             py::arg("fills"), py::arg("cval"), py::arg("where"), py::arg("masked"),
             py::arg("skipna"), py::arg("min_count"), py::arg("ddof"), py::arg("workers"),
             py::arg("sizes"), py::arg("lows"), py::arg("strides"), py::arg("modes"),
             py::arg("whole_means"),
             "Compute statistics (by code) of the boxes around every sample of an array.");
  module.def("modes", &modes, "Name and aliases (space separated) of every mode of the border.");
}

}  // namespace boxel
