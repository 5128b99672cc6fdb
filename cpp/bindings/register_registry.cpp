#include "boxel/registry.hpp"

#include <pybind11/numpy.h>

#include <string>

#include "arrays.hpp"
#include "registration.hpp"

namespace boxel {
namespace py = pybind11;
namespace {

// (name, NumPy names, merges, takes a fill) of every statistic, in the order of their codes.
py::tuple registry() {
  py::list rows;
  for (const StatisticInfo& info : statistics) {
    rows.append(py::make_tuple(std::string(info.name), std::string(info.numpy_names), info.monoid,
                               info.needs_samples));
  }
  return py::tuple(rows);
}

py::tuple dtype_names() {
  py::list names;
#define BOXEL_APPEND(name, type, text) names.append(py::str(text));
  BOXEL_DTYPES(BOXEL_APPEND)
#undef BOXEL_APPEND
  return py::tuple(names);
}

std::string default_dtype(int statistic, const py::dtype& input, bool weighted) {
  if (statistic < 0 || statistic >= static_cast<int>(statistics.size())) {
    throw py::value_error("no statistic has code " + std::to_string(statistic));
  }
  return std::string(
      name_of(result_dtype(static_cast<Statistic>(statistic), dtype_of(input), weighted)));
}

}  // namespace

void register_registry(py::module_& module) {
  module.def(
      "registry", &registry,
      "Name, NumPy names (space separated), whether states merge, and whether blocks with too few "
      "samples take a fill, of every statistic.");
  module.def("dtype_names", &dtype_names, "The names of the dtypes that are read and written.");
  module.def("result_dtype", &default_dtype, py::arg("statistic"), py::arg("input"),
             py::arg("weighted"), "The name of a result's dtype where none is asked for.");
}

}  // namespace boxel
