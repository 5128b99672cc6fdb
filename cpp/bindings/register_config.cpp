#include <pybind11/numpy.h>

#include <string>

#include "arrays.hpp"
#include "boxel/parallel.hpp"
#include "boxel/plan.hpp"
#include "gil.hpp"
#include "registration.hpp"

namespace boxel {
namespace py = pybind11;
namespace {

std::string compiler() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#elif defined(__GNUC__)
  return "GCC " __VERSION__;
#else
  return "unknown";
#endif
}

py::tuple instruction_sets() {
  py::list names;
  for (const KernelSet* set : available_kernel_sets()) names.append(std::string(set->name));
  return py::tuple(names);
}

std::uint64_t read_roofline(const py::array_t<std::uint64_t, py::array::c_style>& words) {
  const std::uint64_t* data = words.data();
  const auto count = static_cast<std::int64_t>(words.size());
  const ReleasedGil released;  // reads gigabytes
  return active_kernels().read_words(data, count);
}

}  // namespace

void register_config(py::module_& module) {
  module.def("compiler", &compiler, "The compiler and its version.");
  module.def("instruction_sets", &instruction_sets,
             "The kernel sets that this processor can run, from the least to the most demanding.");
  module.def(
      "instruction_set", [] { return std::string(active_kernels().name); },
      "The kernel set in use.");
  module.def(
      "shortest_row", [] { return shortest_row; }, "Rows of fewer lanes take in another axis.");
  module.def(
      "chunk_bytes", [] { return chunk_bytes; }, "What is taken together of a row of blocks.");
  module.def("usable_workers", &usable_workers,
             "The processors this process may use: its affinity and the cgroup's quota.");
  module.def("read_roofline", &read_roofline, py::arg("words").noconvert(),
             "Sum uint64 words as fast as memory delivers them (for benchmarks).");
}

}  // namespace boxel
