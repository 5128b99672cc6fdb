#include "requests.hpp"

#include <cstring>

#include "arrays.hpp"

namespace boxel {
namespace py = pybind11;
namespace {

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

}  // namespace

std::optional<View> optional_view(const py::object& array) {
  if (array.is_none()) return std::nullopt;
  return view_of(py::reinterpret_borrow<py::array>(array));
}

Value value_of(const py::tuple& pair) {
  return {pair[0].cast<double>(), static_cast<std::int64_t>(pair[1].cast<std::uint64_t>())};
}

std::vector<BlockOutput> outputs_of(const py::tuple& statistics_wanted, const py::tuple& outputs,
                                    const py::tuple& fills) {
  std::vector<BlockOutput> result;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    result.push_back(block_output(statistics_wanted[k].cast<int>(),
                                  py::reinterpret_borrow<py::array>(outputs[k]), fills[k]));
  }
  return result;
}

}  // namespace boxel
