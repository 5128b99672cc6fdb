#include "arrays.hpp"
#include "boxel/blocks.hpp"
#include "boxel/span.hpp"
#include "gil.hpp"
#include "registration.hpp"
#include "requests.hpp"

namespace boxel {
namespace py = pybind11;
namespace {

// (dtype, moments, extremes, counting)
SpanSpec spec_of(const py::tuple& spec) {
  return {dtype_of(spec[0].cast<py::dtype>()), spec[1].cast<int>(), spec[2].cast<bool>(),
          static_cast<Counting>(spec[3].cast<int>())};
}

SpanMemory memory_of(const py::tuple& states) {
  SpanMemory memory;
  for (const py::handle state : states) {
    const auto rows = py::reinterpret_borrow<py::array>(state);
    memory.states.push_back(view_of(rows).data);
    memory.voxels = rows.shape(1);
  }
  return memory;
}

// A tuple of (dtype of the lanes, names of the rows) for each state.
py::tuple states(const py::tuple& spec) {
  py::list described;
  for (const SpanState& state : span_states(spec_of(spec))) {
    py::list rows;
    for (const std::string_view name : state.rows) rows.append(py::str(name.data(), name.size()));
    const std::string_view lane = name_of(state.lane);
    described.append(py::make_tuple(py::str(lane.data(), lane.size()), py::tuple(rows)));
  }
  return py::tuple(described);
}

void take(const py::tuple& spec, const py::tuple& states, const py::array& samples,
          const py::object& where, const py::object& masked, const py::object& weights, bool skipna,
          std::int64_t taken, int workers) {
  const SpanSpec asked = spec_of(spec);
  const SpanMemory memory = memory_of(states);
  const SpanSamples given{view_of(samples), optional_view(where), optional_view(masked),
                          optional_view(weights), skipna};
  const KernelSet& kernels = active_kernels();
  const ReleasedGil released;  // the kernels touch no Python object
  take_into_span(asked, memory, given, taken, workers, kernels);
}

void merge(const py::tuple& spec, const py::tuple& states, const py::tuple& others, double held,
           double added, int workers) {
  const SpanSpec asked = spec_of(spec);
  const SpanMemory memory = memory_of(states);
  const SpanMemory other = memory_of(others);
  const KernelSet& kernels = active_kernels();
  const ReleasedGil released;  // the kernels touch no Python object
  merge_spans(asked, memory, other, held, added, workers, kernels);
}

void finish(const py::tuple& spec, const py::tuple& states, int statistic, double count,
            double ddof, const py::array& out, int workers) {
  const SpanSpec asked = spec_of(spec);
  const SpanMemory memory = memory_of(states);
  const View target = view_of(out);
  const KernelSet& kernels = active_kernels();
  const ReleasedGil released;  // the kernels touch no Python object
  finish_span(asked, memory, static_cast<Statistic>(statistic), count, ddof, target, workers,
              kernels);
}

}  // namespace

void register_span(py::module_& module) {
  module.def("span_states", &states, py::arg("spec"),
             "Return the dtype and the names of the rows of each state of an open span.");
  module.def("take_into_span", &take, py::arg("spec"), py::arg("states"), py::arg("samples"),
             py::arg("where"), py::arg("masked"), py::arg("weights"), py::arg("skipna"),
             py::arg("taken"), py::arg("workers"),
             "Take samples of all voxels, which lie along the first axis, into an open span.");
  module.def("merge_spans", &merge, py::arg("spec"), py::arg("states"), py::arg("others"),
             py::arg("held"), py::arg("added"), py::arg("workers"),
             "Merge the states of one open span into those of another.");
  module.def("finish_span", &finish, py::arg("spec"), py::arg("states"), py::arg("statistic"),
             py::arg("count"), py::arg("ddof"), py::arg("out"), py::arg("workers"),
             "Compute a statistic (by code) of each voxel of an open span into a given output.");
}

}  // namespace boxel
