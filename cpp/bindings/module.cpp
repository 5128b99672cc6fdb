#include <cstdlib>

#include "gil.hpp"
#include "registration.hpp"

namespace boxel {
namespace {

const KernelSet& chosen_kernels() {
  const char* forced = std::getenv("BOXEL_ISA");
  return choose_kernel_set(forced ? forced : "");
}

}  // namespace

const KernelSet& active_kernels() {
  static const KernelSet& kernels = chosen_kernels();
  return kernels;
}

}  // namespace boxel

PYBIND11_MODULE(_core_of_main, module) {
  module.doc() = "The compiled core of boxel; not public: use the functions of the package.";
  boxel::active_kernels();  // an unknown BOXEL_ISA fails the import, not the first call
  boxel::register_end();
  boxel::register_registry(module);
  boxel::register_config(module);
  boxel::register_memory(module);
  boxel::register_blocks(module);
  boxel::register_boxes(module);
  boxel::register_clustering(module);
  boxel::register_span(module);
  boxel::register_regions(module);
}

// pybind11 takes the GIL of the main interpreter when it is set up: in a sub-interpreter the import
// would wait for ever. It is refused before.
extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
  if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
    PyErr_SetString(PyExc_ImportError,
                    "boxel does not support sub-interpreters: import it in the main interpreter "
                    "(under mod_wsgi: WSGIApplicationGroup %{GLOBAL})");
    return nullptr;
  }
  return PyInit__core_of_main();
}
